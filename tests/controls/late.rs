//! Silence follows what is said, not what has arrived: frames that come late, and controls from another connection than theirs.
//!
//! Time stands still but where a test lets it pass, so that each silence ends at a sample that is known beforehand.

use std::path::Path;

use retrocall::{
    audio::Leg,
    client::Client,
    protocol::{Answer, Ask, Request, Target, Verdict},
};

use crate::{
    LENGTH,
    desk::{Line, Sound},
    noise,
    still::StillDesk,
};

/// How long people go on talking while their frames are stuck, and how many samples that is.
const STALL_MS: u64 = 250;
const STALL_SAMPLES: usize = 2_000;
/// Where the frames get stuck.
const STUCK: usize = 16_000;
/// What was being said when the stall was over, of a client that had sent so much at once when the call began.
const SAID: usize = STUCK + STALL_SAMPLES;

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

/// Silent on both legs from one position to the other, and as said everywhere else.
#[track_caller]
fn assert_silent(path: &Path, sound: Sound, from: usize, to: usize) {
    Sound::of_recording(path).assert_is(&sound.silent(from, to));
}

#[test]
fn what_is_said_under_a_mask_is_silent_though_it_comes_after_the_mask_was_ended_from_elsewhere() {
    let desk = StillDesk::open();
    let mut button = desk.client();
    let cases: [(Ask, Ask, bool, &[Leg]); 4] = [
        (Ask::Mask, Ask::Unmask, true, &Leg::ALL),
        (Ask::Mask, Ask::Unmask, false, &[Leg::Customer]),
        (Ask::Hold, Ask::Resume, false, &Leg::ALL),
        (Ask::Hold, Ask::Resume, true, &[Leg::Agent]),
    ];
    for (seed, (begin, end, from_button, stuck)) in (30..).zip(cases) {
        let sound = noise(seed);
        let mut line = desk.begin();
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
        desk.pass(STALL_MS);
        talk(&mut line, &sound, &going_on, STUCK, SAID);
        line.settle();
        assert_eq!(at(&from_elsewhere(&mut button, &line, end)), SAID);
        talk(&mut line, &sound, stuck, STUCK, SAID);
        line.talk(&sound, SAID, LENGTH);
        assert_silent(&line.end_and_keep(), sound, 8_000, SAID);
    }
    desk.stop();
}

#[test]
fn what_is_erased_from_elsewhere_while_frames_are_stuck_is_silent_when_they_come() {
    let desk = StillDesk::open();
    let mut button = desk.client();
    let sound = noise(40);
    let mut line = desk.begin();
    line.accepted(Ask::Record);
    line.talk(&sound, 0, STUCK);
    line.settle();
    desk.pass(STALL_MS);
    // Of both legs nothing has come since, so it may all be on its way, or the last second may be what has come.
    assert_eq!(at(&from_elsewhere(&mut button, &line, Ask::EraseLast { seconds: 0.5 })), STUCK - 4_000);
    line.talk(&sound, STUCK, LENGTH);
    let path = line.end_and_keep();
    assert!(!desk.holds_any(&sound, STUCK - 4_000, SAID), "what was erased is on disk");
    assert_silent(&path, sound, STUCK - 4_000, SAID);
    desk.stop();
}

#[test]
fn erase_last_from_elsewhere_leaves_alone_what_a_leg_said_before_a_long_pause() {
    let desk = StillDesk::open();
    let mut button = desk.client();
    let sound = noise(41);
    let mut line = desk.begin();
    line.accepted(Ask::Record);
    line.talk(&sound, 0, 8_000);
    line.settle();
    // The customer listens, and the client sends nothing of that.
    desk.pass(1_100);
    talk(&mut line, &sound, &[Leg::Agent], 8_000, 40_000);
    line.settle();
    // The customer's clock has gone on by 1.1 s since the first second, and half a second counts back from there.
    assert_eq!(at(&from_elsewhere(&mut button, &line, Ask::EraseLast { seconds: 0.5 })), 8_000 + 8_800 - 4_000);
    line.end();
    let recording = Sound::of_recording(&line.kept());
    assert!(recording.legs[1][..8_000] == sound.legs[1][..8_000], "the customer's words of long ago are gone");
    assert!(recording.legs[0][36_000..].iter().all(|sample| *sample == 0));
    assert!(recording.legs[0][..36_000] == sound.legs[0][..36_000]);
    desk.stop();
}

#[test]
fn a_client_that_lags_for_good_loses_no_more_than_its_usual_lag_after_a_mask() {
    let desk = StillDesk::open();
    let mut button = desk.client();
    let sound = noise(42);
    let mut line = desk.begin();
    line.accepted(Ask::Record);
    // Everything comes a second and more after it could have been said.
    desk.pass(1_200);
    line.talk(&sound, 0, 800);
    line.settle();
    assert_eq!(at(&from_elsewhere(&mut button, &line, Ask::Mask)), 800);
    desk.pass(100);
    line.talk(&sound, 800, 1_600);
    line.settle();
    // Half a frame's time later, that much more may be on its way.
    desk.pass(10);
    assert_eq!(at(&from_elsewhere(&mut button, &line, Ask::Unmask)), 1_680);
    line.talk(&sound, 1_600, LENGTH);
    assert_silent(&line.end_and_keep(), sound, 800, 1_680);
    desk.stop();
}

#[test]
fn a_key_that_was_pressed_under_a_mask_is_not_held_though_it_comes_after_the_mask() {
    let desk = StillDesk::open();
    let mut button = desk.client();
    let sound = noise(43);
    let mut line = desk.begin();
    line.accepted(Ask::Record);
    line.talk(&sound, 0, 8_000);
    line.accepted(Ask::Dtmf { digit: '1', leg: None });
    line.accepted(Ask::Mask);
    line.talk(&sound, 8_000, STUCK);
    line.accepted(Ask::Dtmf { digit: '2', leg: None });
    desk.pass(STALL_MS);
    assert_eq!(at(&from_elsewhere(&mut button, &line, Ask::Unmask)), SAID);
    // It was pressed in the stall, and comes with its frames.
    line.talk(&sound, STUCK, STUCK + 800);
    line.accepted(Ask::Dtmf { digit: '3', leg: None });
    line.talk(&sound, STUCK + 800, LENGTH);
    line.accepted(Ask::Dtmf { digit: '4', leg: None });
    line.end_and_keep();
    let home = desk.stop();
    let catalog = std::fs::read(home.path().join("catalog.sqlite")).expect("a catalog");
    let catalog = String::from_utf8_lossy(&catalog).into_owned();
    let keys = catalog.split("\"dtmf\":[").nth(1).and_then(|rest| rest.split("]]").next()).expect("keys are marks");
    assert_eq!(keys, "[1.0,\"1\"],[6.0,\"4\"");
}
