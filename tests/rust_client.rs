//! The client in Rust as a softphone has it: a package that depends on it and on nothing else of ours.

#[path = "desk/mod.rs"]
mod desk;

use std::{path::Path, process::Command};

use desk::{Desk, Ran, Sound};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SOURCE: &str = include_str!("../examples/softphone/main.rs");

/// Builds the example, beside all else: `make lint` sees that it needs nothing of that. With the features that the crates have in the tests, so that
/// they are not compiled once more.
fn built() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "build",
        "--quiet",
        "--locked",
        "--offline",
        "--workspace",
        "--examples",
        "--bin",
        "retrocall-softphone",
    ]);
    // As long as it takes: a first build of what it links.
    let built = cargo.current_dir(ROOT).output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Command::new(Path::new(env!("CARGO_BIN_EXE_retrocall")).with_file_name("retrocall-softphone"))
}

/// What the example says: the tones of the agent and of the customer.
fn tones(samples: u64) -> Sound {
    let leg = |hertz: u64| (0..samples).map(|at| (at * hertz * 65_536 / 8_000) as i16 / 4).collect();
    Sound { rate: 8_000, legs: [leg(440), leg(620)] }
}

#[test]
fn a_softphone_of_sixty_lines_that_links_the_client_alone_does_a_whole_call_and_every_sample_is_kept() {
    assert!(SOURCE.lines().count() <= 60);
    let mut softphone = built();
    let desk = Desk::open(&["--one-in", "0"]);
    softphone.arg(desk.socket()).args(["anna", "1.01"]);
    let ran = Ran::of(softphone);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // The last frame is half a one.
    Sound::of_recording(ran.stdout.trim_end().as_ref()).assert_is(&tones(8_080));
    assert_eq!(desk.recordings().len(), 1);
    desk.stop();
}
