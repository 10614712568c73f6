//! The clients in `examples`, which integrators copy, do a whole call with the real engine, and the recording is right.

mod desk;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use desk::{Desk, Ran, Sound, fixture};

/// Runs an example. None, and a line that says so, if there is no Python here.
fn python(example: &str, args: &[&str]) -> Option<Ran> {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("SKIPPED: python3 is not installed, so examples/{example} was not run");
        return None;
    }
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example));
    // An interpreter that leaves its own compiled files next to the example would change the repository.
    command.args(args).env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
    Some(Ran::of(command))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[test]
fn the_softphone_in_python_records_a_whole_call() {
    let desk = Desk::open(&["--one-in", "0"]);
    for (file, press) in [("talk-8k.wav", "40"), ("wide-48k.wav", "0")] {
        let call = fixture(file);
        let args = [text(desk.socket()), text(&call), "--agent", "anna", "--record-at", press, "--speed", "0"];
        let Some(ran) = python("softphone.py", &args) else { return };
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let path: PathBuf = ran.stdout.trim().into();
        Sound::of_recording(&path).assert_is(&Sound::of_call(&call));
        assert!(path.starts_with(desk.path()), "{}", path.display());
    }
    assert_eq!(desk.recordings()[0]["agent"], "anna");
    desk.stop();
}

#[test]
fn the_softphone_in_python_keeps_time_as_a_phone_does() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 8_004, 1);
    let call = desk.beside("call.wav");
    sound.save(&call);
    let args =
        [text(desk.socket()), text(&call), "--record-at", "0.5", "--frame-ms", "33", "--customer", "+31205550123"];
    let Some(ran) = python("softphone.py", &args) else { return };
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    Sound::of_recording(ran.stdout.trim().as_ref()).assert_is(&sound);
    desk.stop();
}

#[test]
fn a_call_of_the_softphone_that_nobody_recorded_is_nowhere() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 16_000, 2);
    let call = desk.beside("call.wav");
    sound.save(&call);
    let Some(ran) = python("softphone.py", &[text(desk.socket()), text(&call), "--speed", "0"]) else { return };
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    let home = desk.stop();
    assert!(home.audio_files().is_empty());
    assert!(!home.holds_any(&sound, 0, sound.len()));
}

#[test]
fn the_client_in_forty_lines_records_a_whole_call() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 8_040, 3);
    let call = desk.beside("call.wav");
    sound.save(&call);
    let Some(ran) = python("minimal.py", &[text(desk.socket()), text(&call)]) else { return };
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let home = desk.stop();
    let [path] = &home.audio_files()[..] else { panic!("one recording") };
    Sound::of_recording(path).assert_is(&sound);
}

#[test]
fn the_softphone_in_python_says_how_to_start_an_engine_if_there_is_none() {
    let home = desk::Home::new();
    let socket = home.path().join("engine.sock");
    let Some(ran) = python("softphone.py", &[text(&socket), text(&fixture("desk-01.wav"))]) else { return };
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("retrocall run") && ran.stderr.lines().count() == 1, "{}", ran.stderr);
}
