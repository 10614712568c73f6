//! Every signal, from every state of an engine: what asks it to stop, what does nothing to it, and that its end comes whatever hangs.

use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use retrocall::{
    protocol::Ask,
    words::{Clock as _, SystemClock},
};

use crate::{
    Talk,
    desk::{Desk, Home, PATIENCE, PROGRAM, Sound, wait_for},
    disk::trouble,
    ice::IceBox,
    path_in,
    rig::{self, SmallDisk},
    row, row_when, skip, status,
};

const FLAGS: [&str; 4] = ["--one-in", "0", "--memory", "16MiB"];
/// These ask to stop.
const STOP: [&str; 5] = ["TERM", "INT", "HUP", "PWR", "XCPU"];
/// These do nothing. The numbers are those of real time.
const NOTHING: [&str; 16] = [
    "USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO", "PIPE", "XFSZ", "TTIN", "TTOU", "STKFLT", "URG", "WINCH", "CHLD",
    "35", "64",
];

/// An engine's signals do what they do by default, whatever a test program was started under: with `nohup` its children ignore SIGHUP.
const BY_DEFAULT: [&str; 2] = ["env", "--default-signal"];

fn open() -> Desk {
    Home::new().start_under(&BY_DEFAULT, &FLAGS)
}

/// Sends a signal by its name or number: not all of them have a name in Rust.
fn send(desk: &Desk, signal: &str) {
    let status = Command::new("kill").args(["-s", signal, &desk.pid().to_string()]).status().expect("kill(1)");
    assert!(status.success(), "kill -s {signal}");
}

/// All signals that do nothing are sent, and the engine answers as before.
fn nothing_happens(desk: &Desk) {
    NOTHING.iter().for_each(|signal| send(desk, signal));
    assert!(status(&mut desk.client()).uptime_seconds > 0.0);
}

fn pressed(desk: &Desk, seed: u64) -> Talk {
    let mut talk = Talk::begin(desk, "anna", 8_000, 4, seed);
    talk.speak(2.0);
    talk.line.accepted(Ask::Record);
    talk
}

/// The engine has ended with this code, and the call is kept from its first second to its last.
fn ends_with_all_of(desk: Desk, signal: &str, talk: &Talk) {
    let (ended, home) = desk.wait();
    assert_eq!(ended.code(), Some(0), "SIG{signal}: {ended}\n{}", home.log());
    let row = row_when(&home, talk.call(), "complete");
    Sound::of_recording(&path_in(&row)).assert_is(&talk.has_said());
}

#[test]
fn an_engine_without_calls_stops_when_it_is_asked_to_and_for_no_other_signal() {
    for signal in STOP {
        let desk = open();
        nothing_happens(&desk);
        send(&desk, signal);
        let (ended, home) = desk.wait();
        assert_eq!(ended.code(), Some(0), "SIG{signal}: {ended}\n{}", home.log());
        assert!(home.log().contains(&format!("asked to stop (SIG{signal})")), "{}", home.log());
    }
}

#[test]
fn an_engine_that_is_just_starting_ends_at_once_and_has_lost_nothing() {
    for signal in STOP {
        let home = Home::new();
        let mut command = Command::new(BY_DEFAULT[0]);
        command.args(&BY_DEFAULT[1..]).arg(PROGRAM).arg("--home").arg(home.path());
        command.args(["run", "--allow-unlocked", "--memory", "4MiB"]);
        let mut engine = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("an engine");
        // As soon as it has its home: whatever it is at then.
        wait_for("its first steps", || home.path().join("engine.lock").exists().then_some(()));
        let pid = engine.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().expect("kill(1)").success());
        let ended = wait_for("its end", || engine.try_wait().expect("our child"));
        assert_eq!(ended.code(), Some(0), "SIG{signal}: {ended}");
        home.start(&FLAGS).stop();
    }
}

#[test]
fn a_closed_terminal_keeps_a_pressed_call_as_any_other_stop_does() {
    let (seed, _) = rig::random("stopped by each signal");
    for (number, signal) in (0..).zip(STOP) {
        let desk = open();
        let talk = pressed(&desk, seed.wrapping_add(number));
        nothing_happens(&desk);
        send(&desk, signal);
        ends_with_all_of(desk, signal, &talk);
    }
}

#[test]
fn the_same_signal_again_at_once_costs_no_sample() {
    let (seed, _) = rig::random("asked twice");
    for (number, signal) in (0..).zip(STOP) {
        let desk = open();
        let talk = pressed(&desk, seed.wrapping_add(number));
        send(&desk, signal);
        // As `timeout`, npm, or a shell and its wrapper do. It may have ended by then.
        let _ = Command::new("kill").args(["-s", signal, &desk.pid().to_string()]).stderr(Stdio::null()).status();
        ends_with_all_of(desk, signal, &talk);
    }
}

#[test]
fn an_engine_that_nohup_started_does_not_hear_the_terminal_close() {
    let home = Home::new();
    let desk = home.start_under(&["nohup"], &FLAGS);
    send(&desk, "HUP");
    nothing_happens(&desk);
    desk.stop();
}

#[test]
fn while_it_waits_for_a_full_disk_a_second_signal_at_once_changes_nothing_and_a_later_one_ends_the_wait() {
    if !skip::is_root("a small file system (mount)") {
        return;
    }
    let (seed, _) = rig::random("meant");
    let desk = open();
    let disk = SmallDisk::over(&desk.path().join("recordings"), 2_048);
    disk.fill_but(0);
    let mut committing = pressed(&desk, seed);
    trouble(&mut committing);
    committing.line.end();
    wait_for("its end", || (status(&mut desk.client()).commits == 1).then_some(()));
    nothing_happens(&desk);
    let asked = SystemClock.now();
    for signal in STOP {
        send(&desk, signal);
    }
    wait_for("the stop", || desk.log().contains("asked to stop again").then_some(()));
    NOTHING.iter().for_each(|signal| send(&desk, signal));
    // It waits on, and for as long as the wish is the same one. How long that is, the engine's own test of signals says.
    wait_for("a later signal to be meant", || {
        desk.signal(Signal::SIGTERM);
        let log = desk.log();
        let is_meant = log.contains("asked to stop once more");
        assert!(is_meant || !log.contains("is not durable"), "{log}");
        is_meant.then_some(())
    });
    let (ended, home) = desk.wait();
    assert_eq!(ended.code(), Some(1), "{}", home.log());
    let log = home.log();
    assert!(log.contains("asked to stop once more (SIGTERM)"), "{log}");
    let named = |line: &str| line.contains(&committing.call().to_string()) && line.contains("is not durable");
    assert!(log.lines().any(named), "who is not safe is said: {log}");
    assert!(SystemClock.since(asked) < PATIENCE);
    drop(disk);
}

#[test]
fn a_stop_with_a_disk_that_hangs_ends_after_its_time_and_says_which_calls_are_not_safe() {
    if !skip::is_root("a disk that hangs (mount, fsfreeze)") {
        return;
    }
    let home = Home::with_settings("stop_wait = \"2s\"\n");
    let Some(disk) = IceBox::over(&home, &home.path().join("recordings")) else { return };
    let (seed, _) = rig::random("stopped on a disk that hangs");
    let desk = home.start(&FLAGS);
    let mut talk = pressed(&desk, seed);
    let frozen = disk.freeze();
    talk.speak(1.0);
    trouble(&mut talk);
    nothing_happens(&desk);
    desk.signal(Signal::SIGTERM);
    let call = talk.call().to_string();
    let named = |line: &str| line.contains(&call) && line.contains("is not durable");
    wait_for("who is not safe", || desk.log().lines().any(named).then_some(()));
    wait_for("the last line", || desk.log().contains("the disk did not take").then_some(()));
    // The kernel keeps a thread that waits for a frozen disk: the process is gone when it thaws, with the code that it ended with.
    drop(frozen);
    let (ended, home) = desk.wait();
    assert_eq!(ended.code(), Some(1), "{}", home.log());
    let desk = home.start(&FLAGS);
    assert!(row(&desk, talk.call()).is_some(), "what was on disk is recovered");
    desk.stop();
}
