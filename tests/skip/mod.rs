//! A test that can't show anything here says so. In CI (`CI=true`, as every CI service sets it) it fails instead: there nobody reads what
//! was skipped.
//!
//! Belongs here: the one way for a test to give up. Does not: what it looked for in vain; each test says that itself.

// Every test program takes what it needs of this.
#![allow(dead_code)]

use std::process::{Command, Stdio};

/// Says that a test shows nothing here, and why.
///
/// # Panics
/// In CI.
#[track_caller]
pub fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "skipped, and a test that is skipped in CI has failed: {why}");
    eprintln!("SKIPPED: {why}");
}

/// Whether the test runs as root; if not, it is skipped.
#[track_caller]
pub fn is_root(what: &str) -> bool {
    let root = nix::unistd::Uid::effective().is_root();
    if !root {
        skip(&format!("{what} needs root"));
    }
    root
}

/// Whether a program is installed; if not, the test is skipped.
#[track_caller]
pub fn is_installed(program: &str) -> bool {
    let mut look = Command::new("sh");
    look.args(["-c", "command -v \"$0\"", program]).stdout(Stdio::null());
    let there = look.status().is_ok_and(|status| status.success());
    if !there {
        skip(&format!("{program} is not installed; `make setup` installs it"));
    }
    there
}
