//! Calls from sound devices and from a softphone that nobody here wrote: the real program, real sound systems, a real phone.

#[path = "../desk/mod.rs"]
mod desk;
mod measure;
mod phones;
mod pipes;
mod returns;
#[allow(dead_code, reason = "the hotkey's own tests press in more ways")]
#[path = "../hotkey/screen.rs"]
mod screen;
mod server;

use std::process::Command;

/// Whether these programs are there. Says so clearly if not, for then the test shows nothing.
fn have(programs: &[&str]) -> bool {
    programs.iter().all(|program| {
        let there = Command::new("sh")
            .args(["-c", "command -v \"$0\"", program])
            .output()
            .is_ok_and(|out| out.status.success());
        if !there {
            eprintln!("SKIPPED: {program} is not installed: `make setup` installs it");
        }
        there
    })
}
