//! Calls that are kept for a copy that the customer wants, and what the ledger says of calls and controls.

use std::{fs, process::Command};

use retrocall::{
    audio::{Codec, Rate},
    protocol::{Ask, Begin, Facts, Informed, Verdict},
};
use serde_json::{Value, json};

use crate::{
    LENGTH, RATE,
    desk::{Desk, Home, Line, Ran, Sound, wait_for},
    noise,
};

/// The rows of a kind in the ledger that a stopped engine leaves.
fn rows(home: &Home, kind: &str) -> Vec<Value> {
    let folder = home.beside("ledger");
    let to = folder.to_str().expect("a path in UTF-8");
    let ran = home.run(&["ledger", "export", to]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let segments = fs::read_dir(folder.join("segments")).expect("segments");
    let text: String =
        segments.map(|segment| fs::read_to_string(segment.expect("a segment").path()).expect("rows")).collect();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row"));
    rows.filter(|row| row["kind"] == kind).collect()
}

#[test]
fn a_copy_is_kept_for_the_request_alone_and_the_ledger_says_all_that_was_asked_and_by_whom() {
    let desk = Desk::open(&["--one-in", "1"]);
    let sound = noise(31);
    let begin = Begin::new("anna", Rate::new(RATE).expect("a rate"), Codec::Pcm16);
    let facts = Facts { informed: Some(Informed::Spoken), ..begin.facts };
    let (mut line, _) = Line::announce(desk.client(), Begin { facts, ..begin });
    line.talk(&sound, 0, 8_000);
    line.accepted(Ask::Mask);
    line.talk(&sound, 8_000, 12_000);
    line.accepted(Ask::Unmask);
    line.talk(&sound, 12_000, 16_000);
    // The customer does not want to be coached with, and wants a copy.
    assert_eq!(desk.json(&["object", "--agent", "anna"])["answer"], "accepted");
    let copied = desk.json(&["copy", "--agent", "anna"]);
    assert_eq!((&copied["answer"], &copied["seconds"]), (&json!("accepted"), &json!(2.0)), "from the first second");
    assert_eq!(desk.json(&["copy", "--agent", "anna"])["answer"], "already");
    assert_eq!(desk.json(&["calls"])[0]["copy"], true);
    line.talk(&sound, 16_000, LENGTH);
    let path = line.end_and_keep();
    Sound::of_recording(&path).assert_is(&sound.clone().silent(8_000, 12_000));
    let listed = wait_for("its row", || desk.recordings().pop().filter(|row| row["state"] == "complete"));
    assert_eq!((&listed["reasons"], &listed["purposes"]), (&json!(["copy"]), &json!(["request"])));
    let home = desk.stop();
    let (began, ended) = (rows(&home, "call-began").remove(0), rows(&home, "call-ended").remove(0));
    assert_eq!((&began["informed"], &began["exempt"]), (&json!("spoken"), &json!(false)));
    assert_eq!((&ended["reasons"], &ended["mask_ms"]), (&json!(["copy"]), &json!(500)));
    assert_eq!((&ended["objected"], &ended["masked"]), (&json!("agent"), &json!("client")));
    assert_eq!(ended["private"], Value::Null);
    let mut command = Command::new("sha256sum");
    command.arg(&path);
    let hash = Ran::of(command).stdout.split(' ').next().map(str::to_owned);
    assert_eq!(rows(&home, "recording-kept")[0]["sha256"], json!(hash), "the file can be held against the ledger");
    assert_eq!(home.run(&["ledger", "verify"]).code, 0);
}

#[test]
fn a_call_that_is_kept_for_a_second_reason_says_so_in_its_file_before_anything_else_is_said() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = noise(32);
    let mut line = Line::begin(&desk, "anna", RATE);
    line.talk(&sound, 0, 8_000);
    line.accepted(Ask::Copy);
    line.settle();
    let file_says = |desk: &Desk, words: &str| {
        let files = desk.files().into_iter().filter(|file| file.to_string_lossy().contains(".wav"));
        let mut texts = files.filter_map(|file| fs::read(file).ok());
        texts.any(|bytes| bytes.windows(words.len()).any(|some| some == words.as_bytes()))
    };
    wait_for("its file", || file_says(&desk, "reasons=copy;").then_some(()));
    wait_for("its audio", || desk.holds(&sound.legs[1][7_900..8_000]).then_some(()));
    line.accepted(Ask::Record);
    assert_eq!(line.ask(Ask::Copy).answer, Verdict::Already);
    // Nobody says another word.
    wait_for("both reasons", || file_says(&desk, "reasons=copy+on-demand;").then_some(()));
    let desk = desk.kill().start(&["--one-in", "0"]);
    let listed = wait_for("its row", || desk.recordings().pop().filter(|row| row["state"] == "incomplete"));
    assert_eq!(listed["reasons"], json!(["copy", "on-demand"]));
    assert_eq!(listed["purposes"], json!(["incident", "request"]), "it is a case's and a request's");
    desk.stop();
}

#[test]
fn a_line_that_is_never_captured_leaves_a_row_and_nothing_else() {
    let desk = Desk::open_with("never_capture = [\"020 555 0199\"]\n", &["--one-in", "1"]);
    let sound = noise(33);
    let begin = Begin::new("anna", Rate::new(RATE).expect("a rate"), Codec::Pcm16);
    let (mut line, answer) = Line::announce(desk.client(), Begin { customer: Some("+31205550199".into()), ..begin });
    assert!(answer.exempt && answer.text.is_some(), "{answer:?}");
    line.talk(&sound, 0, LENGTH);
    line.settle();
    let seen = desk.json(&["calls"]);
    assert_eq!((&seen[0]["exempt"], &seen[0]["held_bytes"]), (&json!(true), &json!(0)), "{seen}");
    assert!(desk.run(&["calls"]).stdout.contains("never captured"));
    let ran = desk.run(&["record", "--agent", "anna"]);
    assert!(ran.code == 1 && ran.stderr.contains("never_capture"), "{}", ran.stderr);
    line.end();
    assert!(!desk.holds_any(&sound, 0, LENGTH));
    let home = desk.stop();
    assert!(home.audio_files().is_empty());
    let (began, ended) = (rows(&home, "call-began").remove(0), rows(&home, "call-ended").remove(0));
    assert_eq!((&began["exempt"], &ended["outcome"]), (&json!(true), &json!("discarded")));
    assert_eq!(home.run(&["ledger", "verify"]).code, 0, "a drawn call on such a line is no finding");
}
