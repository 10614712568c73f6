//! What a desk can set about its calls.

use std::path::PathBuf;

use retrocall::{
    catalog::Outcome,
    protocol::{Ask, CallId, Reason, Refusal, Verdict},
};
use serde_json::json;

use crate::{
    LENGTH, RATE,
    desk::{Desk, Line, Sound, wait_for},
    kept, noise, refusal, row,
};

#[test]
fn a_desk_can_let_an_objection_cover_recording_too() {
    let desk = Desk::open_with("objection_covers_record = true\n", &["--one-in", "1"]);
    let sound = noise(13);
    let mut line = Line::begin(&desk, "anna", RATE);
    line.talk(&sound, 0, 8_000);
    line.accepted(Ask::Object);
    assert_eq!(refusal(&line.ask(Ask::Record)), Some(Refusal::Objected));
    line.talk(&sound, 8_000, LENGTH);
    line.end();
    assert!(!desk.holds_any(&sound, 0, LENGTH));
    // What was asked for before the objection stays asked for.
    let mut line = Line::begin(&desk, "bert", RATE);
    line.accepted(Ask::Record);
    line.accepted(Ask::Object);
    assert_eq!(line.ask(Ask::Record).answer, Verdict::Already);
    line.talk(&sound, 0, LENGTH);
    let path = line.end_and_keep();
    Sound::of_recording(&path).assert_is(&sound);
    assert_eq!(kept(&desk.stop()), [(path, vec![Reason::OnDemand])]);
}

#[test]
fn a_desk_can_keep_the_agents_leg_while_the_customer_waits() {
    let desk = Desk::open_with("keep_agent_on_hold = true\n", &["--one-in", "0"]);
    let sound = noise(14);
    let mut expected = sound.clone();
    let mut line = Line::begin(&desk, "anna", RATE);
    line.talk(&sound, 0, 8_000);
    line.accepted(Ask::Hold);
    assert_eq!(line.ask(Ask::Hold).answer, Verdict::Already);
    line.talk(&sound, 8_000, 16_000);
    // A mask on top of it is a mask: both legs.
    line.accepted(Ask::Mask);
    line.talk(&sound, 16_000, 20_000);
    line.accepted(Ask::Unmask);
    line.talk(&sound, 20_000, 24_000);
    line.accepted(Ask::Record);
    line.talk(&sound, 24_000, 32_000);
    line.accepted(Ask::Resume);
    line.talk(&sound, 32_000, LENGTH);
    expected.legs[0][16_000..20_000].fill(0);
    expected.legs[1][8_000..32_000].fill(0);
    Sound::of_recording(&line.end_and_keep()).assert_is(&expected);
    assert!(!desk.holds(&sound.legs[1][8_000..8_016]), "the customer was recorded while on hold");
    desk.stop();
}

#[test]
fn a_press_in_the_time_after_hangup_keeps_the_whole_call() {
    let desk = Desk::open_with("after_hangup = \"60s\"\n", &["--one-in", "0"]);
    let sound = noise(15);
    let call = desk.beside("call.wav");
    sound.save(&call);
    let told = desk.replay(&call, &["--agent", "anna"]);
    let ended = desk.json(&["calls"]);
    assert_eq!((&ended[0]["state"], &ended[0]["call"]), (&"ended".into(), &told["call"]), "{ended}");
    // What can no longer be is said so; what can, works.
    let mask = desk.run(&["mask", "--agent", "anna", "--json"]);
    assert_eq!((mask.code, &mask.json()["reason"]), (1, &"ended".into()));
    let erased = desk.json(&["erase-last", "1", "--agent", "anna"]);
    assert_eq!(erased["at"], LENGTH - 8_000);
    let pressed = desk.json(&["record", "--agent", "anna"]);
    assert_eq!((&pressed["answer"], &pressed["seconds"]), (&"accepted".into(), &json!(6.0)), "{pressed}");
    let listed = wait_for("the recording", || {
        let listed = desk.recordings();
        (listed.len() == 1 && listed[0]["state"] == "complete").then_some(listed)
    });
    let path: PathBuf = listed[0]["path"].as_str().expect("a path").into();
    Sound::of_recording(&path).assert_is(&sound.silent(LENGTH - 8_000, LENGTH));
    assert_eq!(desk.json(&["calls"]), json!([]), "a late press ends the wait");
    // A call that ends made private, or that nobody presses for, is gone.
    let other = noise(16);
    other.save(&call);
    desk.replay(&call, &["--agent", "bert"]);
    assert_eq!(desk.json(&["private", "--agent", "bert"])["answer"], "accepted");
    assert_eq!(desk.run(&["record", "--agent", "bert"]).code, 1);
    desk.replay(&call, &["--agent", "cleo"]);
    let home = desk.stop();
    assert_eq!(home.audio_files(), [path]);
    assert!(!home.holds_any(&other, 0, LENGTH));
}

#[test]
fn a_press_after_the_connection_was_lost_for_good_keeps_the_whole_call_as_after_any_hangup() {
    let desk = Desk::open_with("after_hangup = \"60s\"\ngrace = \"200ms\"\n", &["--one-in", "0"]);
    let sound = noise(18);
    let mut line = Line::begin(&desk, "anna", RATE);
    line.talk(&sound, 0, LENGTH);
    line.settle();
    let call = line.call.to_string();
    drop(line);
    wait_for("the end of the grace time", || (desk.json(&["calls"])[0]["state"] == "ended").then_some(()));
    let pressed = desk.json(&["record", "--call", &call]);
    assert_eq!((&pressed["answer"], &pressed["seconds"]), (&"accepted".into(), &json!(6.0)), "{pressed}");
    let listed = wait_for("the recording", || {
        Some(desk.recordings()).filter(|listed| listed.len() == 1 && listed[0]["state"] == "complete")
    });
    Sound::of_recording(listed[0]["path"].as_str().expect("a path").as_ref()).assert_is(&sound);
    // Nobody presses: it is wiped when the time is over, or the engine stops.
    let other = noise(19);
    let mut line = Line::begin(&desk, "bert", RATE);
    line.talk(&other, 0, LENGTH);
    line.settle();
    drop(line);
    wait_for("the end of the grace time", || (desk.json(&["calls"])[0]["state"] == "ended").then_some(()));
    let home = desk.stop();
    assert_eq!(home.audio_files().len(), 1);
    assert!(!home.holds_any(&other, 0, LENGTH));
}

#[test]
fn when_the_time_after_hangup_is_over_the_call_is_gone() {
    let desk = Desk::open_with("after_hangup = \"1s\"\n", &["--one-in", "0"]);
    let sound = noise(17);
    let call = desk.beside("call.wav");
    sound.save(&call);
    desk.replay(&call, &["--agent", "anna"]);
    wait_for("the end of the wait", || (desk.json(&["calls"]) == json!([])).then_some(()));
    let late = desk.run(&["record", "--agent", "anna"]);
    assert_eq!(late.code, 1, "{late:?}");
    let home = desk.stop();
    assert_eq!(row(&home).outcome, Outcome::Discarded);
    assert!(!home.holds_any(&sound, 0, LENGTH));
}

#[test]
fn a_call_longer_than_max_call_loses_its_oldest_audio_and_says_so() {
    let desk = Desk::open_with("max_call = \"2s\"\n", &["--one-in", "0"]);
    let sound = noise(18);
    let mut line = Line::begin(&desk, "anna", RATE);
    line.talk(&sound, 0, 40_000);
    line.settle();
    // A second call is over its limit and cut after all of this one was there, so the engine has looked after that too.
    let mut other = Line::begin(&desk, "bert", RATE);
    other.talk(&sound, 0, 40_000);
    let is_cut = |call: CallId| {
        desk.log().lines().any(|line| line.contains("longer than max_call") && line.contains(&call.to_string()))
    };
    wait_for("word of both in the log", || (is_cut(line.call) && is_cut(other.call)).then_some(()));
    let pressed = desk.json(&["record", "--agent", "anna"]);
    let again = desk.run(&["record", "--agent", "anna"]);
    line.talk(&sound, 40_000, LENGTH);
    let path = line.end_and_keep();
    let recording = Sound::of_recording(&path);
    // At least the two seconds before the press, at most one block more; what follows the press is all there.
    let gone = LENGTH - recording.len();
    assert!((20_000..=24_000).contains(&gone), "{gone} samples are gone");
    recording.assert_is(&Sound { rate: RATE, legs: sound.legs.each_ref().map(|leg| leg[gone..].to_vec()) });
    let kept_seconds = (40_000 - gone) as f64 / f64::from(RATE);
    assert_eq!(pressed["seconds"], kept_seconds, "the agent is told how much is kept from before the press");
    let gone_seconds = format!("its first {:.1} s", gone as f64 / f64::from(RATE));
    assert!(pressed["text"].as_str().is_some_and(|text| text.contains(&gone_seconds)), "{pressed}");
    assert!(again.stdout.contains(&gone_seconds) && again.stdout.lines().count() == 1, "{again:?}");
    let bytes = std::fs::read(&path).expect("a file");
    let first = format!("first={gone};");
    assert!(bytes.windows(first.len()).any(|part| part == first.as_bytes()), "the file says where it begins");
    desk.stop();
}

#[test]
fn a_call_that_is_being_recorded_outlives_max_call_whole() {
    let desk = Desk::open_with("max_call = \"1s\"\n", &["--one-in", "0"]);
    let sound = noise(19);
    let mut line = Line::begin(&desk, "anna", RATE);
    line.talk(&sound, 0, 4_000);
    line.accepted(Ask::Record);
    line.talk(&sound, 4_000, LENGTH);
    // A second call is over its limit and cut, so the engine has looked after both.
    let mut other = Line::begin(&desk, "bert", RATE);
    other.talk(&sound, 0, LENGTH);
    wait_for("word of the other in the log", || desk.log().contains("longer than max_call").then_some(()));
    assert!(!desk.log().lines().any(|line_of_log| {
        line_of_log.contains("longer than max_call") && line_of_log.contains(&line.call.to_string())
    }));
    Sound::of_recording(&line.end_and_keep()).assert_is(&sound);
    desk.stop();
}
