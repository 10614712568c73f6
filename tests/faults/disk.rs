//! Disks that are full, read-only or gone in the middle of a call.

use std::fs;

use nix::sys::signal::Signal;
use retrocall::{
    client::Client,
    protocol::{Ask, Event, Verdict},
};

use crate::{
    Talk,
    desk::{Desk, PATIENCE, Sound, wait_for},
    rig::{self, SmallDisk, Traces},
    row_when, status,
};

/// Waits for an event of a connection.
#[track_caller]
fn hear(client: &mut Client, what: &str, is_it: impl Fn(&Event) -> bool) -> Event {
    wait_for(what, || client.next_event(PATIENCE).expect("a connection").filter(|event| is_it(event)))
}

/// The text of an event of trouble for this call.
pub fn trouble(talk: &mut Talk) -> String {
    let call = talk.call();
    let is_trouble = |event: &Event| matches!(event, Event::DiskTrouble { call: of, .. } if *of == call);
    match hear(&mut talk.line.client, "disk-trouble", is_trouble) {
        Event::DiskTrouble { text, .. } => text,
        _ => unreachable!("it was just looked at"),
    }
}

pub fn well(talk: &mut Talk) {
    let call = talk.call();
    hear(&mut talk.line.client, "disk-well", |event| *event == Event::DiskWell { call });
}

#[test]
fn a_full_disk_keeps_pressed_calls_in_memory_and_completes_them_when_there_is_room() {
    if !crate::skip::is_root("a small file system (mount)") {
        return;
    }
    let (seed, _) = rig::random("disk full");
    let desk = Desk::open(&["--one-in", "0", "--memory", "16MiB"]);
    let disk = SmallDisk::over(&desk.path().join("recordings"), 4_096);
    disk.fill_but(100);
    let [mut first, mut second, mut other] = [1, 2, 3].map(|call| Talk::begin(&desk, "anna", 8_000, 20, seed + call));
    first.speak(10.0);
    other.speak(1.0);
    let pressed = first.line.accepted(Ask::Record);
    assert_eq!(
        (pressed.at, pressed.seconds),
        (Some(80_000), Some(10.0)),
        "a press is for the whole call, disk or no disk"
    );
    let text = trouble(&mut first);
    assert!(text.contains("make room"), "{text}");
    // Whoever presses now is told at once.
    second.speak(2.0);
    let text = second.line.accepted(Ask::Record).text.expect("words about the disk");
    assert!(text.contains("kept in memory") && text.contains("make room"), "{text}");
    trouble(&mut second);
    // Everybody goes on as if nothing were.
    for talk in [&mut first, &mut second, &mut other] {
        talk.speak(3.0);
    }
    for view in desk.json(&["calls"]).as_array().expect("a list") {
        for leg in ["agent_leg", "customer_leg"] {
            assert_eq!((&view[leg]["lost_frames"], &view[leg]["gaps"]), (&0.into(), &0.into()), "{view}");
        }
    }
    first.line.end();
    other.line.end();
    let now = status(&mut desk.client());
    assert_eq!((now.calls, now.commits), (1, 1), "an ended call waits for its disk");
    assert!(now.disk_trouble.is_some_and(|text| text.contains("make room")));
    assert!(first.line.client.events().all(|event| !matches!(event, Event::Kept { .. })), "kept on a full disk");
    disk.make_room();
    well(&mut first);
    Sound::of_recording(&first.line.kept()).assert_is(&first.has_said());
    well(&mut second);
    second.speak(1.0);
    Sound::of_recording(&second.line.end_and_keep()).assert_is(&second.has_said());
    let now = status(&mut desk.client());
    assert_eq!((now.commits, now.disk_trouble), (0, None));
    for talk in [&first, &second] {
        row_when(&desk, talk.call(), "complete");
    }
    Traces::of(&[&other.sound]).assert_nowhere(&desk);
    drop(disk);
}

#[test]
fn an_engine_that_is_asked_to_stop_waits_for_a_full_disk_and_takes_no_new_calls_meanwhile() {
    if !crate::skip::is_root("a small file system (mount)") {
        return;
    }
    let (seed, _) = rig::random("stopped on a full disk");
    let desk = Desk::open(&["--one-in", "0", "--memory", "16MiB"]);
    let disk = SmallDisk::over(&desk.path().join("recordings"), 2_048);
    disk.fill_but(0);
    let mut talk = Talk::begin(&desk, "anna", 16_000, 5, seed);
    talk.speak(5.0);
    talk.line.accepted(Ask::Record);
    trouble(&mut talk);
    let mut late = rig::Raw::connect(desk.socket());
    desk.signal(Signal::SIGTERM);
    late.event("stopping");
    let answer = late.ask(&serde_json::json!({"do": "begin", "agent": "bert", "rate": 8000, "codec": "pcm16"}));
    assert_eq!(answer["reason"], "stopping", "{answer}");
    disk.make_room();
    Sound::of_recording(&talk.line.kept()).assert_is(&talk.has_said());
    let (status, home) = desk.wait();
    assert_eq!(status.code(), Some(0), "{}", home.log());
    row_when(&home, talk.call(), "complete");
    drop(disk);
}

#[test]
fn a_disk_that_is_mounted_read_only_takes_the_recording_when_it_can_be_written_again() {
    if !crate::skip::is_root("a file system to mount read-only") {
        return;
    }
    let (seed, _) = rig::random("read-only");
    let desk = Desk::open(&["--one-in", "0", "--memory", "16MiB"]);
    let disk = SmallDisk::over(&desk.path().join("recordings"), 4_096);
    disk.remount("ro");
    let mut talk = Talk::begin(&desk, "anna", 8_000, 20, seed);
    talk.speak(5.0);
    talk.line.accepted(Ask::Record);
    let text = trouble(&mut talk);
    assert!(text.contains("writable"), "{text}");
    talk.speak(5.0);
    let again = talk.line.ask(Ask::Record);
    assert_eq!(again.answer, Verdict::Already);
    assert!(again.text.is_some_and(|text| text.contains("kept in memory")));
    disk.remount("rw");
    well(&mut talk);
    talk.speak(5.0);
    Sound::of_recording(&talk.line.end_and_keep()).assert_is(&talk.has_said());
    drop(disk);
}

#[test]
fn a_recordings_folder_that_is_removed_during_a_pressed_call_is_made_again_with_all_of_the_call() {
    let (seed, _) = rig::random("folder removed");
    let desk = Desk::open(&["--one-in", "0", "--memory", "16MiB"]);
    let mut talk = Talk::begin(&desk, "anna", 8_000, 20, seed);
    talk.speak(5.0);
    talk.line.accepted(Ask::Record);
    let recordings = desk.path().join("recordings");
    wait_for("the unfinished file", || desk.audio_files().pop());
    fs::remove_dir_all(&recordings).expect("a folder to remove");
    talk.speak(5.0);
    let text = trouble(&mut talk);
    assert!(text.contains("made again"), "{text}");
    well(&mut talk);
    talk.speak(1.0);
    let path = talk.line.end_and_keep();
    Sound::of_recording(&path).assert_is(&talk.has_said());
    assert_eq!(desk.audio_files(), [path]);
    row_when(&desk, talk.call(), "complete");
}
