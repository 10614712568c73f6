//! The clients in `examples`, which integrators copy, do a whole call with the real engine, and the recording is right.

mod desk;
mod skip;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use desk::{Desk, Ran, Sound, fixture};

/// Runs an example. None, and a line that says so, if there is no Python here.
fn python(example: &str, args: &[&str]) -> Option<Ran> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example);
    run_python(&[&[text(&path)], args].concat())
}

/// Runs a program that uses the client in `examples`: what a user would type behind `python3`.
fn run_python(args: &[&str]) -> Option<Ran> {
    if !skip::is_installed("python3") {
        return None;
    }
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"));
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

/// What a program does that uses the client: every request, and what is heard. It prints where the recording is.
const PROGRAM: &str = r##"
import sys
from retrocall import AGENT, CUSTOMER, Engine, Gone, Refused

both = open(sys.argv[2], "rb").read()
legs = {AGENT: b"".join(both[i : i + 2] for i in range(0, len(both), 4)), CUSTOMER: b"".join(both[i + 2 : i + 4] for i in range(0, len(both), 4))}
at = 0

def talk(call, samples, frame=160):
    global at
    for start in range(at, at + samples, frame):
        for leg in (AGENT, CUSTOMER):
            call.push(leg, legs[leg][2 * start : 2 * min(start + frame, at + samples)])
    at += samples

def verdict(answer, expected="accepted"):
    assert answer["answer"] == expected, answer
    return answer

with Engine(sys.argv[1]) as engine, Engine(sys.argv[1]) as other:
    assert engine.hello["limits"]["grace_ms"] == 5000, engine.hello
    call = engine.begin("anna", rate=8000, customer="+31205550123", direction="outbound")
    talk(call, 1000)
    assert verdict(call.mask())["at"] == 1000
    verdict(call.mask(), "already")
    talk(call, 1000)
    assert verdict(call.unmask())["at"] == 2000
    talk(call, 1000)
    verdict(call.hold())
    talk(call, 1000)
    verdict(call.resume())
    verdict(call.dtmf("#"))
    verdict(call.transfer("bert"))
    verdict(call.object())
    # Another program, like a hotkey, presses for the agent who talks now.
    verdict(other.press("record", agent="bert"))
    while (event := engine.event(timeout=60))["event"] == "state":
        pass
    assert (event["event"], event["call"], call.recording) == ("recording", call.id, True), event
    verdict(call.record(), "already")
    try:
        call.private()
        raise SystemExit("private after record is refused")
    except Refused as refused:
        assert refused.reason == "recording", refused
    talk(call, 1000)
    assert verdict(call.erase_last(500 / 8000))["at"] == 4500
    [live] = other.live_calls()
    assert (live["call"], live["agent"], live["recording"]) == (call.id, "bert", True), live
    assert other.status()["calls"] == 1
    # A frame of each leg is lost, and then the connection; another one goes on where the call was.
    call.skip(AGENT, 160)
    call.skip(CUSTOMER, 160)
    at += 160
    talk(call, 1000)
    engine.close()
    while other.live_calls()[0]["state"] != "disconnected":
        pass
    call = other.attach(call.id)
    assert call.positions == {AGENT: 6160, CUSTOMER: 6160}, call.positions
    # More than a frame may have at once: it goes in several.
    talk(call, 6000, frame=6000)
    verdict(call.record(), "already")
    assert verdict(call.end())["seconds"] == 12160 / 8000
    print(call.wait_kept())
    try:
        other.begin(rate=8000)
        raise SystemExit("somebody has to be named")
    except ValueError:
        pass
    broken = other.begin("carl")
    broken.push(AGENT, b"\1\2", position=10**12)
    verdict(broken.record())
    while (told := other.event(timeout=10))["event"] != "frames-refused":
        pass
    assert (told["call"], told["error"], told["expected"]) == (broken.id, "position", 0), told
"##;

#[test]
fn a_program_with_the_python_client_can_ask_for_everything_and_hears_what_happens() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 12_160, 4);
    let raw = desk.beside("call.raw");
    let both = sound.legs[0].iter().zip(&sound.legs[1]);
    let bytes: Vec<u8> =
        both.flat_map(|(agent, customer)| [agent.to_le_bytes(), customer.to_le_bytes()].concat()).collect();
    std::fs::write(&raw, bytes).expect("a file");
    let Some(ran) = run_python(&["-c", PROGRAM, text(desk.socket()), text(&raw)]) else { return };
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let expected = sound.silent(1_000, 2_000).silent(3_000, 4_000).silent(4_500, 5_160);
    Sound::of_recording(ran.stdout.trim().as_ref()).assert_is(&expected);
    desk.stop();
}
