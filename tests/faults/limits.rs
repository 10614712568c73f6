//! Systems that do not give what a commit usually takes: no rename without replacing, no second names, no sync of a folder, few open files,
//! a folder that is a link to a disk which is not there.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use retrocall::protocol::{Ask, Event, Request, Target, Verdict};

use crate::{
    Talk,
    desk::{Desk, Home, Line, PATIENCE, Sound, wait_for},
    disk::{trouble, well},
    path_in, rig, row_when, skip,
};

/// An engine whose system calls fail as asked: what stands behind `inject=` of `strace`.
fn lacking(injections: &[&str]) -> Option<Desk> {
    if !skip::is_installed("strace") {
        return None;
    }
    let injections: Vec<String> = injections.iter().map(|what| format!("inject={what}")).collect();
    let mut before = vec!["strace", "-f", "-qq", "-o", "/dev/null"];
    injections.iter().for_each(|what| before.extend(["-e", what]));
    Some(Home::new().start_under(&before, &["--one-in", "0"]))
}

/// A pressed call is kept, whole, as the only file. Returns what was logged.
fn keeps_a_call(desk: &Desk, seed: u64) -> String {
    let mut talk = Talk::begin(desk, "anna", 8_000, 3, seed);
    talk.speak(2.0);
    talk.line.accepted(Ask::Record);
    talk.speak(1.0);
    let path = talk.line.end_and_keep();
    Sound::of_recording(&path).assert_is(&talk.has_said());
    // The start may still be trying what there is.
    wait_for("nothing else to be left", || (desk.audio_files() == std::slice::from_ref(&path)).then_some(()));
    desk.log()
}

#[test]
fn where_a_file_can_neither_be_renamed_without_replacing_nor_have_two_names_a_pressed_call_is_kept_all_the_same() {
    let (seed, _) = rig::random("neither way");
    let no_links = ["linkat:error=EPERM", "link:error=EPERM"];
    for injections in [&["renameat2:error=EINVAL"][..], &[&["renameat2:error=EINVAL"][..], &no_links].concat()] {
        let Some(desk) = lacking(injections) else { return };
        let log = keeps_a_call(&desk, seed);
        desk.stop();
        assert!(log.contains("can't rename a file without replacing another"), "the start says so: {log}");
    }
}

#[test]
fn where_a_folder_can_not_be_synced_a_pressed_call_is_kept_all_the_same() {
    let (seed, _) = rig::random("no folder sync");
    let Some(desk) = lacking(&["fsync:error=EINVAL"]) else { return };
    // The catalog is out of reach then: SQLite syncs its file in the same way.
    keeps_a_call(&desk, seed);
    wait_for("the start to say so", || desk.log().contains("can't sync a folder").then_some(()));
}

#[test]
fn presses_beyond_the_limit_on_open_files_are_told_of_that_limit_and_kept_when_there_is_room() {
    let (seed, _) = rig::random("open files");
    let desk = Home::new().start_under(&["sh", "-c", "ulimit -n 28; exec \"$0\" \"$@\""], &["--one-in", "0"]);
    let mut client = desk.client();
    let sound = Sound::noise(8_000, 8_000, seed);
    // Calls of one connection: each that is recorded holds a file.
    let mut calls = Vec::new();
    for _ in 0..16 {
        let mut line = Line::begin_on(client, "anna", 8_000);
        line.talk(&sound, 0, 8_000);
        line.accepted(Ask::Record);
        calls.push((line.call, line.channel));
        client = line.client;
    }
    let text = wait_for("a word about the limit", || match client.next_event(PATIENCE).expect("a connection") {
        Some(Event::DiskTrouble { text, .. }) => Some(text),
        _ => None,
    });
    assert!(text.contains("raise the limit on open files") && !text.contains("check the disk"), "{text}");
    for (_, channel) in &calls {
        let answer = client.ask(Request::new(Target::Channel(*channel), Ask::End)).expect("an answer");
        assert_eq!(answer.answer, Verdict::Accepted, "{answer:?}");
    }
    for (call, _) in &calls {
        let row = row_when(&desk, *call, "complete");
        Sound::of_recording(&path_in(&row)).assert_is(&sound);
    }
}

#[test]
fn a_recordings_folder_that_is_a_link_to_a_disk_that_is_not_mounted_is_told_at_start_and_to_the_agent() {
    let (seed, _) = rig::random("dangling link");
    let home = Home::new();
    let disk = home.beside("disk");
    symlink(&disk, home.path().join("recordings")).expect("a link");
    let ran = home.run(&["doctor"]);
    assert!(ran.stdout.contains("FAIL  disk") && ran.stdout.contains("remove the link"), "{ran:?}");
    let desk = home.start(&["--one-in", "0"]);
    wait_for("a word about it in the log", || desk.log().contains("remove the link").then_some(()));
    let mut talk = Talk::begin(&desk, "anna", 8_000, 3, seed);
    talk.speak(1.0);
    talk.line.accepted(Ask::Record);
    let text = trouble(&mut talk);
    assert!(text.contains("is a link to") && text.contains("remove the link"), "{text}");
    fs::remove_file(desk.path().join("recordings")).expect("the link goes");
    well(&mut talk);
    talk.speak(1.0);
    Sound::of_recording(&talk.line.end_and_keep()).assert_is(&talk.has_said());
}

#[test]
fn where_no_file_may_be_long_a_pressed_call_goes_on_in_several_and_the_start_says_so() {
    let (seed, _) = rig::random("short files");
    // In blocks of 512 bytes: a MiB, which the catalog does not need.
    let desk = Home::new()
        .start_under(&["sh", "-c", "ulimit -f 2048; exec \"$0\" \"$@\""], &["--one-in", "0", "--memory", "16MiB"]);
    let mut talk = Talk::begin(&desk, "anna", 16_000, 50, seed);
    talk.speak(30.0);
    talk.line.accepted(Ask::Record);
    talk.speak(15.0);
    let path = talk.line.end_and_keep();
    let row = row_when(&desk, talk.call(), "complete");
    let parts: Vec<PathBuf> =
        row["parts"].as_array().expect("parts").iter().map(|part| part.as_str().expect("a path").into()).collect();
    assert!(parts.len() >= 3 && parts[0] == path, "{row}");
    let mut legs = [Vec::new(), Vec::new()];
    for part in &parts {
        let part = Sound::of_recording(part);
        legs.iter_mut().zip(&part.legs).for_each(|(leg, more)| leg.extend(more));
    }
    Sound { rate: 16_000, legs }.assert_is(&talk.has_said());
    assert_eq!(row["seconds"], 45.0);
    assert_eq!(desk.run(&["check"]).code, 0, "files and catalog agree");
    wait_for("a word about it in the log", || desk.log().contains("go on in further files").then_some(()));
}

#[test]
fn a_call_that_lost_frames_because_memory_was_full_is_incomplete_and_says_what_is_missing() {
    let (seed, _) = rig::random("lost frames");
    let desk = Desk::open(&["--one-in", "0", "--memory", "4MiB"]);
    let mut talk = Talk::begin(&desk, "anna", 48_000, 60, seed);
    talk.speak(1.0);
    talk.line.accepted(Ask::Record);
    talk.speak(55.0);
    talk.line.end_and_keep();
    let row = row_when(&desk, talk.call(), "incomplete");
    let lost = row["lost"].as_array().expect("a list");
    assert!(!lost.is_empty() && row["gaps"] == serde_json::json!([]), "{row}");
    let of_leg =
        |leg: &str| lost.iter().filter(|one| one["leg"] == leg).map(|one| one["to_seconds"].as_f64()).next_back();
    assert_eq!(of_leg("agent"), Some(Some(56.0)), "up to the last frame that came: {row}");
}
