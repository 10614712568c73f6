//! Mask, hold and erase-last: exactly what they cover is silence, in the ring and on disk.

use retrocall::{
    audio::Leg,
    client::{Cue, Player, Script, WavSource},
    protocol::{Ask, Verdict},
    words::{Clock as _, SystemClock},
};

use crate::{
    LENGTH, RATE,
    desk::{self, Desk, Line, Sound, fixture, wait_for},
    noise,
};

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
    let unmasked = desk.json(&["unmask", "--agent", "anna"]);
    line.talk(&sound, 32_000, LENGTH);
    wait_for("the call's end on disk", || desk.holds(&sound.legs[0][LENGTH - 64..]).then_some(()));
    assert!(!desk.holds_any(&sound, 16_000, 32_000), "what was masked is on disk");
    let recording = Sound::of_recording(&line.end_and_keep());
    // More than what has arrived may have been said by then.
    let until = unmasked["at"].as_u64().expect("a position") as usize;
    recording.assert_is(&sound.silent(16_000, 32_000).silent_as(&recording, 32_000, until));
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
    assert_eq!(line.accepted(Ask::EraseLast { seconds: 100.0 }).at, Some(0));
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
    let said = SystemClock.now();
    line.talk(&sound, 16_000, 32_000);
    line.settle();
    // It is on disk: the commit follows the call.
    wait_for("the call on disk", || desk.holds(&sound.legs[1][31_900..32_000]).then_some(()));
    let erased = desk.json(&["erase-last", "3", "--agent", "anna"]);
    assert_eq!((&erased["answer"], &erased["at"]), (&"accepted".into(), &8_000.into()), "{erased}");
    // What may have been said since the last frame came is silent too.
    let until = 32_000 + 8 * (SystemClock.since(said).as_millis() as usize + 1);
    assert!(!desk.holds_any(&sound, 8_000, 32_000), "erased samples are still on disk");
    assert!(desk.holds_any(&sound, 0, 8_000), "what was not erased is there");
    line.talk(&sound, 32_000, LENGTH);
    let path = line.end_and_keep();
    let recording = Sound::of_recording(&path);
    recording.assert_is(&sound.clone().silent(8_000, 32_000).silent_as(&recording, 32_000, until));
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
