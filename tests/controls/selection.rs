//! Private, objections and presses: which of them a call is kept or not kept for.

use retrocall::{
    catalog::Outcome,
    protocol::{Ask, Reason, Refusal, Verdict},
};
use serde_json::Value;

use crate::{
    LENGTH, RATE,
    desk::{Desk, Line, Sound},
    kept, noise, refusal, row,
};

#[test]
fn a_call_made_private_is_kept_nowhere_and_cannot_be_recorded_any_more() {
    // Every call is sampled here: private takes it out.
    let desk = Desk::open(&["--one-in", "1"]);
    let sound = noise(9);
    let mut line = Line::begin(&desk, "anna", RATE);
    line.talk(&sound, 0, 24_000);
    line.settle();
    assert_eq!(desk.json(&["private", "--agent", "anna"])["answer"], "accepted");
    assert_eq!(desk.json(&["private", "--agent", "anna"])["answer"], "already");
    let pressed = desk.run(&["record", "--agent", "anna", "--json"]);
    assert_eq!((pressed.code, &pressed.json()["reason"]), (1, &"private".into()), "{pressed:?}");
    line.talk(&sound, 24_000, LENGTH);
    assert_eq!(refusal(&line.ask(Ask::Record)), Some(Refusal::Private));
    assert_eq!(refusal(&line.ask(Ask::EraseLast { seconds: 1.0 })), Some(Refusal::Private));
    assert_eq!(desk.json(&["calls"])[0]["private"], true);
    line.end();
    let home = desk.stop();
    assert!(!home.holds_any(&sound, 0, LENGTH), "audio of a private call is on disk");
    assert_eq!(kept(&home), []);
    let row = row(&home);
    assert_eq!((row.outcome, row.private, row.reasons), (Outcome::Discarded, true, vec![]));
}

#[test]
fn a_recording_once_asked_for_does_not_go_by_private() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = noise(10);
    let call = desk.beside("call.wav");
    sound.save(&call);
    let file = call.to_str().expect("a path");
    let ran = desk.run(&["replay", file, "--speed", "0", "--json", "--record-at", "1", "--private-at", "3"]);
    let told = ran.json();
    assert_eq!((ran.code, &told["record"], &told["private"]), (1, &"accepted".into(), &"refused".into()), "{ran:?}");
    Sound::of_recording(told["path"].as_str().expect("a path").as_ref()).assert_is(&sound);
    // The other way round it is the press that is refused.
    let ran = desk.run(&["replay", file, "--speed", "0", "--json", "--private-at", "1", "--record-at", "3"]);
    let told = ran.json();
    assert_eq!((ran.code, &told["record"], &told["private"]), (1, &"refused".into(), &"accepted".into()), "{ran:?}");
    assert_eq!((&told["path"], ran.stderr.lines().count()), (&Value::Null, 1), "{ran:?}");
    assert_eq!(kept(&desk.stop()).len(), 1);
}

#[test]
fn an_objection_takes_a_call_out_of_the_sample_whenever_it_comes() {
    let desk = Desk::open(&["--one-in", "1"]);
    let sound = noise(11);
    for when in [0, 24_000, LENGTH] {
        let mut line = Line::begin(&desk, "anna", RATE);
        line.talk(&sound, 0, when);
        line.accepted(Ask::Object);
        assert_eq!(line.ask(Ask::Object).answer, Verdict::Already);
        line.talk(&sound, when, LENGTH);
        line.end();
    }
    let home = desk.stop();
    assert_eq!(kept(&home), []);
    assert!(!home.holds_any(&sound, 0, LENGTH), "audio of a call that was objected to is on disk");
    let rows = home.ledger(|rows| rows.len() == 3);
    assert!(rows.iter().all(|row| row.objected && row.outcome == Outcome::Discarded), "{rows:?}");
}

#[test]
fn a_call_that_was_objected_to_can_still_be_recorded_for_its_own_reason() {
    let desk = Desk::open(&["--one-in", "1"]);
    let sound = noise(12);
    let call = desk.beside("call.wav");
    sound.save(&call);
    let told = desk.replay(&call, &["--object", "--record-at", "2"]);
    assert_eq!((&told["object"], &told["record"]), (&"accepted".into(), &"accepted".into()), "{told}");
    Sound::of_recording(told["path"].as_str().expect("a path").as_ref()).assert_is(&sound);
    // The objection after the press: the recording stays, the sample goes.
    let mut line = Line::begin(&desk, "anna", RATE);
    line.talk(&sound, 0, LENGTH);
    line.accepted(Ask::Record);
    assert_eq!(desk.json(&["object", "--agent", "anna"])["answer"], "accepted");
    Sound::of_recording(&line.end_and_keep()).assert_is(&sound);
    // Without an objection it is both.
    desk.replay(&call, &["--record-at", "2"]);
    let reasons: Vec<_> = kept(&desk.stop()).into_iter().map(|(_, reasons)| reasons).collect();
    let pressed = vec![Reason::OnDemand];
    assert_eq!(reasons, [pressed.clone(), pressed, vec![Reason::OnDemand, Reason::Sample]]);
}
