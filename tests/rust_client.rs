//! The client in Rust as a softphone has it: a package that depends on it and on nothing else of ours.

#[path = "desk/mod.rs"]
mod desk;

use std::process::Command;

use desk::{Desk, Ran, Sound};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SOURCE: &str = include_str!("../examples/softphone/main.rs");

/// `cargo` does this to the example.
fn cargo(what: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([what, "--quiet", "--locked", "--offline", "-p", "retrocall-softphone"]).current_dir(ROOT);
    cargo
}

/// What the example says: the tones of the agent and of the customer.
fn tones(samples: u64) -> Sound {
    let leg = |hertz: u64| (0..samples).map(|at| (at * hertz * 65_536 / 8_000) as i16 / 4).collect();
    Sound { rate: 8_000, legs: [leg(440), leg(620)] }
}

#[test]
fn a_softphone_of_sixty_lines_that_links_the_client_alone_does_a_whole_call_and_every_sample_is_kept() {
    assert!(SOURCE.lines().count() <= 60);
    // As long as it takes: a first build of what it links.
    let built = cargo("build").output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let desk = Desk::open(&["--one-in", "0"]);
    let mut softphone = cargo("run");
    softphone.arg("--").arg(desk.socket()).args(["anna", "1.01"]);
    let ran = Ran::of(softphone);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // The last frame is half a one.
    Sound::of_recording(ran.stdout.trim_end().as_ref()).assert_is(&tones(8_080));
    assert_eq!(desk.recordings().len(), 1);
    desk.stop();
}
