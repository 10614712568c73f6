//! What was masked, erased, held back or objected to is exactly that, on disk and everywhere: to the sample, before and after the
//! press, at both ends of a call, one across another. Through the real program and its real socket.

mod desk;

use std::path::PathBuf;

use desk::{Desk, Home, Line, Sound, fixture, wait_for};
use retrocall::{
    audio::Leg,
    catalog::{self, Outcome},
    client::{Cue, Player, Script, WavSource},
    protocol::{Answer, Ask, Reason, Refusal, Verdict},
};
use serde_json::{Value, json};

const RATE: u32 = 8_000;
/// How long most calls here are: six seconds.
const LENGTH: usize = 48_000;

fn noise(seed: u64) -> Sound {
    Sound::noise(RATE, LENGTH, seed)
}

/// Where a stretch of seconds begins and ends, in samples.
fn samples(seconds: (f64, f64)) -> (usize, usize) {
    let at = |seconds: f64| (seconds * f64::from(RATE)).round() as usize;
    (at(seconds.0), at(seconds.1).min(LENGTH))
}

fn silent_in(sound: &Sound, stretches: &[(f64, f64)]) -> Sound {
    stretches.iter().fold(sound.clone(), |sound, stretch| {
        let (from, to) = samples(*stretch);
        sound.silent(from, to)
    })
}

fn refusal(answer: &Answer) -> Option<Refusal> {
    assert_eq!(answer.reason.is_some(), answer.answer == Verdict::Refused, "{answer:?}");
    answer.reason
}

/// What became of the only call of a home.
fn row(home: &Home) -> catalog::CallRow {
    let mut rows = home.ledger(|rows| rows.iter().all(|row| row.outcome != Outcome::Live) && !rows.is_empty());
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

/// What is kept in a home, and why.
fn kept(home: &Home) -> Vec<(PathBuf, Vec<Reason>)> {
    let listed = catalog::recordings(home.path()).expect("a catalog");
    assert_eq!(listed.len(), home.audio_files().len(), "the list and the disk say the same");
    listed.into_iter().map(|recording| (recording.path, recording.reasons)).collect()
}

#[test]
fn masked_and_held_stretches_are_silent_to_the_sample_and_nothing_else_is() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = noise(1);
    let call = desk.beside("call.wav");
    sound.save(&call);
    type Case = (&'static [&'static str], &'static [(f64, f64)]);
    let cases: [Case; 15] = [
        // Before the press, after it, across it, and at the very same sample.
        (&["--mask", "1..2", "--record-at", "4"], &[(1.0, 2.0)]),
        (&["--mask", "3..4", "--record-at", "1"], &[(3.0, 4.0)]),
        (&["--mask", "2..4", "--record-at", "3"], &[(2.0, 4.0)]),
        (&["--mask", "2..4", "--record-at", "2"], &[(2.0, 4.0)]),
        (&["--mask", "2..4", "--record-at", "4"], &[(2.0, 4.0)]),
        (&["--hold", "1..2", "--hold", "3..4.5", "--record-at", "2.5"], &[(1.0, 2.0), (3.0, 4.5)]),
        // Samples that no frame begins at.
        (&["--mask", "1.000125..1.000625", "--record-at", "5"], &[(1.000_125, 1.000_625)]),
        (&["--mask", "1.000125..2.333375", "--record-at", "1.5"], &[(1.000_125, 2.333_375)]),
        (&["--mask", "2..2.000125", "--frame-ms", "120", "--record-at", "5"], &[(2.0, 2.000_125)]),
        // The very start and the very end: the length stays that of the call.
        (&["--mask", "0..0.5", "--mask", "5.5..6", "--record-at", "3"], &[(0.0, 0.5), (5.5, 6.0)]),
        (&["--hold", "0..1", "--hold", "5..60", "--record-at", "0"], &[(0.0, 1.0), (5.0, 6.0)]),
        (&["--mask", "0..60", "--record-at", "1"], &[(0.0, 6.0)]),
        // One across another, one within another, one right behind another.
        (&["--mask", "1..3", "--hold", "2..4", "--record-at", "2.5"], &[(1.0, 4.0)]),
        (&["--hold", "1..5", "--mask", "2..3", "--record-at", "4"], &[(1.0, 5.0)]),
        (&["--mask", "1..2", "--mask", "2..3", "--hold", "3..4", "--record-at", "5"], &[(1.0, 4.0)]),
    ];
    for (flags, silent) in cases {
        let told = desk.replay(&call, flags);
        assert_eq!(told["record"], "accepted", "{flags:?}: {told}");
        let recording = Sound::of_recording(told["path"].as_str().expect("a path").as_ref());
        eprintln!("{flags:?}");
        recording.assert_is(&silent_in(&sound, silent));
    }
    desk.stop();
}

#[test]
fn masks_that_overlap_are_one_mask() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = noise(2);
    let call = desk.beside("call.wav");
    sound.save(&call);
    let told = desk.replay(
        &call,
        &["--mask", "1..3", "--mask", "2..4", "--hold", "3.5..5", "--hold", "3.6..3.7", "--record-at", "0"],
    );
    let recording = Sound::of_recording(told["path"].as_str().expect("a path").as_ref());
    recording.assert_is(&silent_in(&sound, &[(1.0, 5.0)]));
    desk.stop();
}

#[test]
fn what_is_masked_or_erased_of_a_g711_call_is_silence_and_not_some_code() {
    let desk = Desk::open(&["--one-in", "0"]);
    for (file, record_at) in [("ulaw-8k.wav", 2.0), ("alaw-8k.wav", 6.0)] {
        let call = fixture(file);
        let cue = |seconds, ask| Cue { seconds, ask };
        let cues = vec![
            cue(1.0, Ask::Mask),
            cue(2.5, Ask::Unmask),
            cue(3.0, Ask::Hold),
            cue(3.5, Ask::Resume),
            cue(5.000_125, Ask::EraseLast { seconds: 1.0 }),
            cue(record_at, Ask::Record),
        ];
        let mut client = desk.client();
        let script = Script { speed: 0.0, cues, ..Script::new("anna".to_owned()) };
        let mut player =
            Player::begin(&mut client, WavSource::open(&call).expect("a fixture"), script).expect("a call");
        player.play(&mut client, |_| ()).expect("a call");
        let mut played = player.into_played();
        assert!(played.cues.iter().all(|cue| cue.answer.answer == Verdict::Accepted), "{:?}", played.cues);
        played.wait_kept(&mut client, desk::PATIENCE).expect("a connection");
        let expected = silent_in(&Sound::of_call(&call), &[(1.0, 2.5), (3.0, 3.5), (4.000_125, 5.000_125)]);
        Sound::of_recording(&played.kept.expect("a recording")).assert_is(&expected);
    }
    desk.stop();
}

#[test]
fn what_was_masked_was_never_on_disk() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = noise(3);
    let mut line = Line::begin(&desk, "anna", RATE);
    line.accepted(Ask::Record);
    line.talk(&sound, 0, 16_000);
    line.settle();
    desk.json(&["mask", "--agent", "anna"]);
    line.talk(&sound, 16_000, 32_000);
    line.settle();
    desk.json(&["unmask", "--agent", "anna"]);
    line.talk(&sound, 32_000, LENGTH);
    wait_for("the call's end on disk", || desk.holds(&sound.legs[0][LENGTH - 64..]).then_some(()));
    assert!(!desk.holds_any(&sound, 16_000, 32_000), "what was masked is on disk");
    Sound::of_recording(&line.end_and_keep()).assert_is(&sound.silent(16_000, 32_000));
    desk.stop();
}

#[test]
fn a_mask_cuts_both_legs_where_the_longer_one_was_also_when_the_other_lags() {
    let desk = Desk::open(&["--one-in", "0"]);
    for press_first in [false, true] {
        let sound = noise(4);
        let [agent, customer] = &sound.legs;
        let mut line = Line::begin(&desk, "anna", RATE);
        if press_first {
            line.accepted(Ask::Record);
        }
        // The agent is at 2 s, the customer at 1.5 s.
        line.frame(Leg::Agent, 0, &agent[..5_000]);
        (5_000..16_000).step_by(1_000).for_each(|at| line.frame(Leg::Agent, at, &agent[at..at + 1_000]));
        (0..12_000).step_by(1_000).for_each(|at| line.frame(Leg::Customer, at, &customer[at..at + 1_000]));
        assert_eq!(line.accepted(Ask::Mask).at, Some(16_000));
        // Of a time before the mask, though it comes after it.
        line.frame(Leg::Customer, 12_000, &customer[12_000..16_000]);
        // One frame across the cut of the mask's end on the leg that lags.
        line.frame(Leg::Agent, 16_000, &agent[16_000..20_000]);
        line.frame(Leg::Customer, 16_000, &customer[16_000..17_000]);
        assert_eq!(line.accepted(Ask::Unmask).at, Some(20_000));
        line.frame(Leg::Customer, 17_000, &customer[17_000..22_000]);
        line.frame(Leg::Agent, 20_000, &agent[20_000..22_000]);
        line.talk(&sound, 22_000, LENGTH);
        if !press_first {
            line.accepted(Ask::Record);
        }
        Sound::of_recording(&line.end_and_keep()).assert_is(&sound.silent(16_000, 20_000));
    }
    desk.stop();
}

#[test]
fn erase_last_leaves_silence_to_the_sample_before_a_press_and_at_both_ends() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = noise(5);
    let mut line = Line::begin(&desk, "anna", RATE);
    // More than the call has: all of it so far.
    line.talk(&sound, 0, 8_000);
    line.settle();
    let all = desk.json(&["erase-last", "100", "--agent", "anna"]);
    assert_eq!((&all["answer"], &all["at"]), (&"accepted".into(), &0.into()), "{all}");
    // In the middle, and again across what is silent already, to a sample that no frame begins at.
    line.talk(&sound, 8_000, 24_000);
    assert_eq!(line.accepted(Ask::EraseLast { seconds: 0.500_125 }).at, Some(24_000 - 4_001));
    assert_eq!(line.accepted(Ask::EraseLast { seconds: 0.75 }).at, Some(18_000));
    // Across a mask that is on, which goes on after it.
    line.talk(&sound, 24_000, 26_000);
    line.accepted(Ask::Mask);
    line.talk(&sound, 26_000, 28_000);
    assert_eq!(line.accepted(Ask::EraseLast { seconds: 0.375 }).at, Some(25_000));
    line.talk(&sound, 28_000, 30_000);
    line.accepted(Ask::Unmask);
    // Across a mask that is over.
    line.talk(&sound, 30_000, 34_000);
    assert_eq!(line.accepted(Ask::EraseLast { seconds: 1.0 - 1.0 / 8.0 }).at, Some(27_000));
    line.talk(&sound, 34_000, LENGTH);
    line.accepted(Ask::Record);
    // The very end.
    assert_eq!(line.accepted(Ask::EraseLast { seconds: 0.125 }).at, Some(LENGTH as u64 - 1_000));
    let expected = sound.silent(0, 8_000).silent(18_000, 24_000).silent(25_000, 34_000).silent(LENGTH - 1_000, LENGTH);
    Sound::of_recording(&line.end_and_keep()).assert_is(&expected);
    desk.stop();
}

#[test]
fn what_is_erased_while_the_call_is_being_written_is_nowhere_on_disk_once_the_answer_is_there() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = noise(6);
    let mut line = Line::begin(&desk, "anna", RATE);
    line.talk(&sound, 0, 16_000);
    line.accepted(Ask::Record);
    line.talk(&sound, 16_000, 32_000);
    line.settle();
    // It is on disk: the commit follows the call.
    wait_for("the call on disk", || desk.holds(&sound.legs[1][31_900..32_000]).then_some(()));
    let erased = desk.json(&["erase-last", "3", "--agent", "anna"]);
    assert_eq!((&erased["answer"], &erased["at"]), (&"accepted".into(), &8_000.into()), "{erased}");
    assert!(!desk.holds_any(&sound, 8_000, 32_000), "erased samples are still on disk");
    assert!(desk.holds_any(&sound, 0, 8_000), "what was not erased is there");
    line.talk(&sound, 32_000, LENGTH);
    let path = line.end_and_keep();
    Sound::of_recording(&path).assert_is(&sound.clone().silent(8_000, 32_000));
    let home = desk.stop();
    assert!(!home.holds_any(&sound, 8_000, 32_000), "erased samples came back");
    assert_eq!(home.audio_files(), [path]);
}

#[test]
fn an_erase_that_races_with_the_writing_is_never_lost() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = noise(7);
    let mut line = Line::begin(&desk, "anna", RATE);
    line.accepted(Ask::Record);
    let mut expected = sound.clone();
    // Every 100 ms of the call 60 ms of it go, whatever the commit is about to do with them: some it has not seen yet, some
    // it is writing, and every sixth is on disk for certain.
    for (round, to) in (800..=LENGTH).step_by(800).enumerate() {
        line.talk(&sound, to - 800, to);
        if round % 6 == 0 {
            wait_for("the call on disk", || desk.holds(&sound.legs[1][to - 64..to]).then_some(()));
        }
        let at = line.accepted(Ask::EraseLast { seconds: 0.06 }).at.expect("a position") as usize;
        assert_eq!(at, to - 480);
        assert!(!desk.holds_any(&sound, at, to), "erased samples are on disk at sample {to}");
        expected = expected.silent(at, to);
    }
    Sound::of_recording(&line.end_and_keep()).assert_is(&expected);
    desk.stop();
}

#[test]
fn what_is_erased_stays_silent_on_a_leg_that_has_not_said_it_yet() {
    let desk = Desk::open(&["--one-in", "0"]);
    for press_first in [false, true] {
        let sound = noise(8);
        let [agent, customer] = &sound.legs;
        let mut line = Line::begin(&desk, "anna", RATE);
        if press_first {
            line.accepted(Ask::Record);
        }
        (0..24_000).step_by(4_000).for_each(|at| line.frame(Leg::Agent, at, &agent[at..at + 4_000]));
        (0..16_000).step_by(4_000).for_each(|at| line.frame(Leg::Customer, at, &customer[at..at + 4_000]));
        // The agent is at 3 s, the customer at 2 s: the last two seconds of the call begin at 1 s.
        assert_eq!(line.accepted(Ask::EraseLast { seconds: 2.0 }).at, Some(8_000));
        (16_000..28_000).step_by(4_000).for_each(|at| line.frame(Leg::Customer, at, &customer[at..at + 4_000]));
        line.frame(Leg::Agent, 24_000, &agent[24_000..28_000]);
        line.talk(&sound, 28_000, LENGTH);
        if !press_first {
            line.accepted(Ask::Record);
        }
        let path = line.end_and_keep();
        assert!(!desk.holds_any(&sound, 8_000, 24_000), "what was erased before it was said is on disk");
        Sound::of_recording(&path).assert_is(&sound.silent(8_000, 24_000));
    }
    desk.stop();
}

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
    wait_for("word of it in the log", || desk.log().contains("longer than max_call").then_some(()));
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
