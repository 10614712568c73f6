//! Silence follows what is said, not what has arrived: frames that come late, and controls from another connection than theirs.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use retrocall::{
    audio::Leg,
    client::Client,
    protocol::{Answer, Ask, Request, Target, Verdict},
};

use crate::{
    LENGTH, RATE,
    desk::{Desk, Line, Sound},
    noise,
};

/// How long people go on talking while their frames are stuck. Time has to pass: it is what the engine goes by.
const STALL: Duration = Duration::from_millis(250);
const STALL_SAMPLES: usize = 2_000;
/// Where the frames get stuck.
const STUCK: usize = 16_000;

/// Asks something of a call from another connection.
fn from_elsewhere(button: &mut Client, line: &Line, ask: Ask) -> Answer {
    let answer = button.ask(Request::new(Target::Call(line.call), ask)).expect("an answer");
    assert_eq!(answer.answer, Verdict::Accepted, "{answer:?}");
    answer
}

fn at(answer: &Answer) -> usize {
    answer.at.expect("a position") as usize
}

/// Sends a stretch of the legs that go on.
fn talk(line: &mut Line, sound: &Sound, legs: &[Leg], from: usize, to: usize) {
    for leg in legs {
        let samples = &sound.legs[leg.index()];
        (from..to).step_by(800).for_each(|at| line.frame(*leg, at, &samples[at..to.min(at + 800)]));
    }
    line.client.flush().expect("the engine takes audio");
}

/// Silent from one position to the other at the least, on the legs that are named, and as said outside of `from` to `until`.
#[track_caller]
fn assert_silent(path: &Path, sound: &Sound, legs: &[Leg], from: usize, to: usize, until: usize) {
    let recording = Sound::of_recording(path);
    let mut expected = sound.clone();
    legs.iter().for_each(|leg| expected.legs[leg.index()][from..to].fill(0));
    recording.assert_is(&expected.silent_as(&recording, to, until));
}

#[test]
fn what_is_said_under_a_mask_is_silent_though_it_comes_after_the_mask_was_ended_from_elsewhere() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut button = desk.client();
    let cases: [(Ask, Ask, bool, &[Leg]); 4] = [
        (Ask::Mask, Ask::Unmask, true, &Leg::ALL),
        (Ask::Mask, Ask::Unmask, false, &[Leg::Customer]),
        (Ask::Hold, Ask::Resume, false, &Leg::ALL),
        (Ask::Hold, Ask::Resume, true, &[Leg::Agent]),
    ];
    for (seed, (begin, end, from_button, stuck)) in (30..).zip(cases) {
        let sound = noise(seed);
        let mut line = Line::begin(&desk, "anna", RATE);
        line.accepted(Ask::Record);
        // A client that sends ahead: the position that may be said now is two seconds behind it, and goes on with the time.
        line.talk(&sound, 0, 8_000);
        line.settle();
        let began = match from_button {
            true => from_elsewhere(&mut button, &line, begin),
            false => line.accepted(begin),
        };
        assert_eq!(at(&began), 8_000);
        line.talk(&sound, 8_000, STUCK);
        line.settle();
        let going_on: Vec<_> = Leg::ALL.into_iter().filter(|leg| !stuck.contains(leg)).collect();
        thread::sleep(STALL);
        talk(&mut line, &sound, &going_on, STUCK, STUCK + STALL_SAMPLES);
        line.settle();
        let until = at(&from_elsewhere(&mut button, &line, end));
        assert!(until >= STUCK + STALL_SAMPLES, "it ended at {until}, though more had been said by then");
        talk(&mut line, &sound, stuck, STUCK, STUCK + STALL_SAMPLES);
        line.talk(&sound, STUCK + STALL_SAMPLES, LENGTH);
        assert_silent(&line.end_and_keep(), &sound, &Leg::ALL, 8_000, STUCK + STALL_SAMPLES, until);
    }
    desk.stop();
}

#[test]
fn what_is_erased_from_elsewhere_while_frames_are_stuck_is_silent_when_they_come() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut button = desk.client();
    let sound = noise(40);
    let mut line = Line::begin(&desk, "anna", RATE);
    line.accepted(Ask::Record);
    let said = Instant::now();
    line.talk(&sound, 0, STUCK);
    line.settle();
    thread::sleep(STALL);
    // Of both legs nothing has come since, so it may all be on its way, or the last second may be what has come.
    assert_eq!(at(&from_elsewhere(&mut button, &line, Ask::EraseLast { seconds: 0.5 })), STUCK - 4_000);
    let until = STUCK + 8 * (said.elapsed().as_millis() as usize + 1);
    line.talk(&sound, STUCK, LENGTH);
    let path = line.end_and_keep();
    assert!(!desk.holds_any(&sound, STUCK - 4_000, STUCK + STALL_SAMPLES), "what was erased is on disk");
    assert_silent(&path, &sound, &Leg::ALL, STUCK - 4_000, STUCK + STALL_SAMPLES, until);
    desk.stop();
}

#[test]
fn erase_last_from_elsewhere_leaves_alone_what_a_leg_said_before_a_long_pause() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut button = desk.client();
    let sound = noise(41);
    let mut line = Line::begin(&desk, "anna", RATE);
    line.accepted(Ask::Record);
    line.talk(&sound, 0, 8_000);
    line.settle();
    // The customer listens, and the client sends nothing of that.
    thread::sleep(Duration::from_millis(1_100));
    talk(&mut line, &sound, &[Leg::Agent], 8_000, 40_000);
    line.settle();
    let from = at(&from_elsewhere(&mut button, &line, Ask::EraseLast { seconds: 0.5 }));
    line.end();
    let recording = Sound::of_recording(&line.kept());
    assert!(recording.legs[1][..8_000] == sound.legs[1][..8_000], "the customer's words of long ago are gone");
    assert!(from > 8_000, "{from}");
    assert!(recording.legs[0][36_000..].iter().all(|sample| *sample == 0));
    assert!(recording.legs[0][..36_000] == sound.legs[0][..36_000]);
    desk.stop();
}

#[test]
fn a_client_that_lags_for_good_loses_no_more_than_its_usual_lag_after_a_mask() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut button = desk.client();
    let sound = noise(42);
    let mut line = Line::begin(&desk, "anna", RATE);
    line.accepted(Ask::Record);
    // Everything comes a second after it could have been said.
    thread::sleep(Duration::from_millis(1_200));
    let first = Instant::now();
    line.talk(&sound, 0, 800);
    line.settle();
    assert_eq!(at(&from_elsewhere(&mut button, &line, Ask::Mask)), 800);
    line.talk(&sound, 800, 1_600);
    line.settle();
    let until = at(&from_elsewhere(&mut button, &line, Ask::Unmask));
    let passed = 8 * (first.elapsed().as_millis() as usize + 1);
    assert!((1_600..=1_600 + passed).contains(&until), "{until}, though only {passed} samples' time had passed");
    line.talk(&sound, 1_600, LENGTH);
    assert_silent(&line.end_and_keep(), &sound, &Leg::ALL, 800, 1_600, until);
    desk.stop();
}

#[test]
fn a_key_that_was_pressed_under_a_mask_is_not_held_though_it_comes_after_the_mask() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut button = desk.client();
    let sound = noise(43);
    let mut line = Line::begin(&desk, "anna", RATE);
    line.accepted(Ask::Record);
    line.talk(&sound, 0, 8_000);
    line.accepted(Ask::Dtmf { digit: '1' });
    line.accepted(Ask::Mask);
    line.talk(&sound, 8_000, STUCK);
    line.accepted(Ask::Dtmf { digit: '2' });
    thread::sleep(STALL);
    let until = at(&from_elsewhere(&mut button, &line, Ask::Unmask));
    // It was pressed in the stall, and comes with its frames.
    line.talk(&sound, STUCK, STUCK + 800);
    line.accepted(Ask::Dtmf { digit: '3' });
    line.talk(&sound, STUCK + 800, LENGTH);
    assert!(until < LENGTH, "{until}");
    line.accepted(Ask::Dtmf { digit: '4' });
    line.end_and_keep();
    let home = desk.stop();
    let catalog = std::fs::read(home.path().join("catalog.sqlite")).expect("a catalog");
    let catalog = String::from_utf8_lossy(&catalog).into_owned();
    let keys = catalog.split("\"dtmf\":[").nth(1).and_then(|rest| rest.split("]]").next()).expect("keys are marks");
    assert_eq!(keys, "[1.0,\"1\"],[6.0,\"4\"");
}
