//! Devices that go and come back in a call.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use retrocall::protocol::{Ask, Request, Target};
use serde_json::Value;

use crate::{
    desk::{Desk, PATIENCE, wait_for},
    have,
    server::Server,
};

/// Frames of both legs of the only call.
fn frames(desk: &Desk) -> [u64; 2] {
    let answer = desk.client().ask(Request::new(Target::Own, Ask::Calls)).expect("an answer");
    let calls = answer.calls.unwrap_or_default();
    calls.first().map_or([0, 0], |call| [call.agent_leg.frames, call.customer_leg.frames])
}

/// Waits until both legs have so many frames more than they have now.
fn more(desk: &Desk, count: u64) {
    let before = frames(desk);
    wait_for("more of both legs", || {
        let now = frames(desk);
        (now[0] >= before[0] + count && now[1] >= before[1] + count).then_some(())
    });
}

#[test]
fn devices_that_are_gone_with_their_server_and_come_back_leave_a_marked_gap_and_the_call_goes_on() {
    if !have(&["pulseaudio", "pactl"]) {
        return;
    }
    let desk = Desk::open(&["--one-in", "0"]);
    let mut server = Server::start(&desk);
    let args = [
        "capture",
        "--agent",
        "anna",
        "--microphone",
        "mic.monitor",
        "--speaker",
        "speaker",
        "--rate",
        "8000",
        "--json",
    ];
    let mut command: Command = desk.command(&args);
    server.surround(&mut command);
    let mut capture = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let log = capture.stderr.take().expect("its log");
    let (lines, logged) = mpsc::channel();
    thread::spawn(move || BufReader::new(log).lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    more(&desk, 50);
    server.kill();
    // Both are missed.
    for _ in 0..2 {
        let line = logged.recv_timeout(PATIENCE).expect("a device that is gone is told of");
        assert!(line.contains("the device delivers nothing"), "{line}");
    }
    server.again();
    more(&desk, 100);
    kill(Pid::from_raw(capture.id() as i32), Signal::SIGTERM).expect("it runs");
    let output = capture.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).expect("one object");
    for leg in ["agent_leg", "customer_leg"] {
        assert!(told[leg]["gaps"].as_u64() >= Some(1), "{leg}: no gap is marked: {told}");
        let [spoken, gaps, all] =
            [&told[leg]["seconds"], &told[leg]["gap_seconds"], &told["seconds"]].map(|n| n.as_f64().expect("a number"));
        assert!((spoken + gaps - all).abs() < 1.0, "{leg}: {spoken} s and {gaps} s of gaps are not {all} s");
    }
    desk.stop();
}

#[test]
fn devices_lists_what_can_be_captured_with_its_level() {
    if !have(&["pulseaudio", "pactl", "sox"]) {
        return;
    }
    let desk = Desk::open(&["--one-in", "0"]);
    let server = Server::start(&desk);
    let tone = desk.beside("tone.wav");
    let mut sox = Command::new("sox");
    sox.args(["-n", "-r", "16000", "-c", "1"]).arg(&tone).args(["synth", "120", "sine", "440", "vol", "0.3"]);
    assert!(sox.status().expect("sox").success());
    server.play("speaker", &tone);
    let rows = wait_for("a speaker that is heard", || {
        let mut command = desk.command(&["devices", "--json"]);
        server.surround(&mut command);
        let output = command.output().expect("the program runs");
        let rows: Vec<Value> = serde_json::from_slice(&output.stdout).expect("one array");
        let level =
            |name: &str| rows.iter().find(|row| row["device"] == name).and_then(|row| row["level_dbfs"].as_f64());
        level("pulseaudio:speaker.monitor").filter(|dbfs| *dbfs > -30.0).map(|_| rows.clone())
    });
    let quiet = rows.iter().find(|row| row["device"] == "pulseaudio:mic.monitor").expect("the other one");
    assert_eq!((quiet["level_dbfs"].as_f64(), &quiet["kind"]), (Some(-96.0), &"speaker".into()));
    desk.stop();
}

#[test]
fn an_engine_that_is_killed_and_started_again_gets_what_is_left_of_the_call() {
    if !have(&["pulseaudio", "pactl"]) {
        return;
    }
    let desk = Desk::open(&["--one-in", "0"]);
    let server = Server::start(&desk);
    let args = ["capture", "--agent", "anna", "--microphone", "mic.monitor", "--speaker", "speaker", "--json"];
    let mut command: Command = desk.command(&args);
    server.surround(&mut command);
    let capture = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    more(&desk, 50);
    let desk = desk.kill().start(&["--one-in", "0"]);
    more(&desk, 50);
    assert_eq!(desk.json(&["record", "--agent", "anna"])["answer"], "accepted", "the button works again");
    more(&desk, 50);
    kill(Pid::from_raw(capture.id() as i32), Signal::SIGTERM).expect("it runs");
    let output = capture.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert!(told["recording"] == true && told["path"].is_string(), "it is kept: {told}");
    desk.stop();
}
