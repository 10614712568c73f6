//! However the audio of a call arrives, its file is as long as the call and both legs are in their place; what was missing, late or
//! doubled is counted. Through the real program and its real socket.

mod desk;

use desk::{Desk, Home, Line, Sound, fixture};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use retrocall::{audio::Leg, catalog::CallRow, protocol::Ask};
use serde_json::Value;

/// A leg as the manual of the socket says it is held: so plainly that it can't be wrong.
#[derive(Default, Clone, Debug, PartialEq)]
struct PlainLeg {
    samples: Vec<i16>,
    frames: u64,
    gaps: u64,
    gap_samples: u64,
    late_frames: u64,
}

impl PlainLeg {
    fn frame(&mut self, position: usize, samples: &[i16]) {
        self.frames += 1;
        let held = self.samples.len();
        if position > held {
            self.gaps += 1;
            self.gap_samples += (position - held) as u64;
            self.samples.resize(position, 0);
        }
        self.late_frames += u64::from(position < held);
        self.samples.extend(samples.iter().skip(held.saturating_sub(position)));
    }
}

/// A line, and what must come of what it carries.
struct Watched {
    line: Line,
    rate: u32,
    legs: [PlainLeg; 2],
}

impl Watched {
    fn begin(desk: &Desk, agent: &str, rate: u32) -> Watched {
        Watched { line: Line::begin(desk, agent, rate), rate, legs: Default::default() }
    }

    fn frame(&mut self, leg: Leg, position: usize, samples: &[i16]) {
        self.line.frame(leg, position, samples);
        self.legs[leg.index()].frame(position, samples);
    }

    /// What of `sound` stands at these samples.
    fn say(&mut self, leg: Leg, sound: &Sound, from: usize, to: usize) {
        self.frame(leg, from, &sound.legs[leg.index()][from..to]);
    }

    fn expected(&self) -> Sound {
        let length = self.legs.iter().map(|leg| leg.samples.len()).max().expect("two legs");
        let mut legs = self.legs.clone().map(|leg| leg.samples);
        legs.iter_mut().for_each(|leg| leg.resize(length, 0));
        Sound { rate: self.rate, legs }
    }

    /// Hangs up a recorded call, and checks its file, `calls`, and its row in the ledger against what must be.
    #[track_caller]
    fn end_and_check(mut self, desk: &Desk) {
        let expected = self.expected();
        let seconds = |samples: u64| samples as f64 / f64::from(self.rate);
        let call = self.line.call.to_string();
        self.line.settle();
        let live = desk.json(&["calls"]);
        let live = live.as_array().expect("one array").iter().find(|live| live["call"] == *call).expect("it is live");
        // Seconds in JSON are as near as their last digit.
        let samples = |seconds: &Value| (seconds.as_f64().expect("a number") * f64::from(self.rate)).round() as u64;
        assert_eq!(samples(&live["seconds"]), expected.len() as u64);
        for (name, leg) in [("agent_leg", &self.legs[0]), ("customer_leg", &self.legs[1])] {
            let told = |field: &str| live[name][field].clone();
            assert_eq!(told("frames"), leg.frames, "{name}: {live}");
            assert_eq!(told("gaps"), leg.gaps, "{name}: {live}");
            assert_eq!(samples(&told("gap_seconds")), leg.gap_samples, "{name}: {live}");
            assert_eq!(told("late_frames"), leg.late_frames, "{name}: {live}");
            assert_eq!(told("lost_frames"), 0, "{name}: {live}");
        }
        Sound::of_recording(&self.line.end_and_keep()).assert_is(&expected);
        let row = ledger_row(desk, &call);
        let sum = |of: fn(&PlainLeg) -> u64| self.legs.iter().map(of).sum::<u64>();
        assert_eq!((row.gaps, row.gap_seconds), (sum(|leg| leg.gaps), seconds(sum(|leg| leg.gap_samples))));
        assert_eq!((row.late_frames, row.lost_frames), (sum(|leg| leg.late_frames), 0));
        assert_eq!(row.seconds, Some(seconds(expected.len() as u64)));
    }
}

/// A call's row in the ledger, once the call is over there.
fn ledger_row(home: &Home, call: &str) -> CallRow {
    let is_it = |row: &CallRow| row.call.to_string() == call && row.end.is_some();
    home.ledger(|rows| rows.iter().any(is_it)).into_iter().find(is_it).expect("it was just there")
}

#[test]
fn a_call_in_frames_of_any_length_is_kept_bit_for_bit() {
    let desk = Desk::open(&["--one-in", "0"]);
    // 33 ms fit no rate evenly, and 120 ms of 48 kHz are the longest frame there is.
    for (file, samples_a_ms) in [("desk-07.wav", 8), ("ulaw-8k.wav", 8), ("wide-48k.wav", 48)] {
        for frame_ms in ["2.5", "10", "20", "33", "120"] {
            let call = fixture(file);
            let told = desk.replay(&call, &["--frame-ms", frame_ms, "--record-at", "2.0005"]);
            assert_eq!(told["record"], "accepted", "{file}, {frame_ms} ms: {told}");
            let sound = Sound::of_call(&call);
            Sound::of_recording(told["path"].as_str().expect("a path").as_ref()).assert_is(&sound);
            let frame = frame_ms.parse::<f64>().expect("a number") * f64::from(samples_a_ms);
            // The press cuts one frame in two.
            let frames = (sound.len() as f64 / frame).ceil() as u64 + 1;
            assert_eq!(told["frames"], 2 * frames, "{file}, {frame_ms} ms");
            let row = ledger_row(&desk, told["call"].as_str().expect("an id"));
            assert_eq!((row.gaps, row.late_frames, row.lost_frames), (0, 0, 0), "{file}, {frame_ms} ms");
        }
    }
    desk.stop();
}

#[test]
fn a_file_is_as_long_as_the_longer_leg() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(16_000, 48_000, 1);
    for (ends, press_first) in [([48_000, 30_001], false), ([16_001, 48_000], true)] {
        let mut call = Watched::begin(&desk, "anna", 16_000);
        if press_first {
            call.line.accepted(Ask::Record);
        }
        // First one leg from end to end, then the other: nobody waits for anybody.
        for leg in Leg::ALL {
            let end = ends[leg.index()];
            (0..end).step_by(320).for_each(|at| call.say(leg, &sound, at, end.min(at + 320)));
        }
        if !press_first {
            call.line.accepted(Ask::Record);
        }
        call.end_and_check(&desk);
    }
    desk.stop();
}

#[test]
fn a_leg_that_never_speaks_is_silence_as_long_as_the_call() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 24_000, 2);
    for leg in Leg::ALL {
        let mut call = Watched::begin(&desk, "anna", 8_000);
        (0..12_000).step_by(160).for_each(|at| call.say(leg, &sound, at, at + 160));
        call.line.accepted(Ask::Record);
        (12_000..24_000).step_by(160).for_each(|at| call.say(leg, &sound, at, at + 160));
        call.end_and_check(&desk);
    }
    desk.stop();
}

#[test]
fn lost_late_and_doubled_frames_move_nothing_and_are_counted() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 24_000, 3);
    let mut call = Watched::begin(&desk, "anna", 8_000);
    // The agent's audio begins half a second late, the customer's is there from the start.
    (4_000..8_000).step_by(160).for_each(|at| call.say(Leg::Agent, &sound, at, at + 160));
    (0..8_000).step_by(160).for_each(|at| call.say(Leg::Customer, &sound, at, at + 160));
    // Lost: one frame, then a quarter of a second. Late: the one that was lost comes after all, and has no place any more.
    call.say(Leg::Agent, &sound, 8_160, 8_320);
    call.say(Leg::Agent, &sound, 8_000, 8_160);
    call.say(Leg::Agent, &sound, 10_320, 10_480);
    call.line.accepted(Ask::Record);
    // Doubled, and doubled with something new behind it: only that is taken.
    call.say(Leg::Customer, &sound, 8_000, 8_160);
    call.say(Leg::Customer, &sound, 8_000, 8_160);
    call.say(Leg::Customer, &sound, 8_080, 8_240);
    // Lost while it is being written, and a frame of other samples for a place that is taken.
    call.say(Leg::Agent, &sound, 16_000, 16_160);
    call.frame(Leg::Agent, 16_000, &[77; 160]);
    (8_240..24_000).step_by(80).for_each(|at| call.say(Leg::Customer, &sound, at, 24_000.min(at + 80)));
    let legs = &call.legs;
    assert_eq!((legs[0].gaps, legs[0].late_frames, legs[1].gaps, legs[1].late_frames), (4, 2, 0, 2));
    call.end_and_check(&desk);
    desk.stop();
}

#[test]
fn a_discarded_call_has_its_gaps_in_the_ledger_too() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 8_000, 4);
    let mut call = Watched::begin(&desk, "anna", 8_000);
    call.say(Leg::Agent, &sound, 0, 800);
    call.say(Leg::Agent, &sound, 1_600, 2_400);
    call.say(Leg::Agent, &sound, 1_600, 2_400);
    call.say(Leg::Customer, &sound, 4_000, 4_800);
    call.line.end();
    let row = ledger_row(&desk, &call.line.call.to_string());
    assert_eq!((row.gaps, row.gap_seconds, row.late_frames, row.seconds), (2, 0.6, 1, Some(0.6)));
    desk.stop();
}

/// Frames of a network that loses, doubles and swaps, in the order in which they arrive: leg, first sample, samples.
fn bad_network(random: &mut impl Rng, length: usize, frame_max: usize) -> Vec<(Leg, usize, usize)> {
    let mut frames = Vec::new();
    for leg in Leg::ALL {
        let mut at = 0;
        while at < length {
            let samples = random.random_range(1..=frame_max).min(length - at);
            let copies = match random.random_range(0..100) {
                0..8 => 0,
                8..14 => 2,
                _ => 1,
            };
            for _ in 0..copies {
                // Most arrive in their order, some much later.
                let delay = if random.random_range(0..100) < 6 { random.random_range(0..4 * frame_max) } else { 0 };
                frames.push((at + delay, (leg, at, samples)));
            }
            at += samples;
        }
    }
    frames.sort_by_key(|(arrival, _)| *arrival);
    frames.into_iter().map(|(_, frame)| frame).collect()
}

#[test]
fn whatever_a_network_does_to_the_frames_the_file_is_what_the_manual_says() {
    let desk = Desk::open(&["--one-in", "0"]);
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for round in 0..12 {
        let rate = [8_000, 16_000, 48_000][round % 3];
        let length = random.random_range(rate as usize..2 * rate as usize);
        let sound = Sound::noise(rate, length, seed ^ round as u64);
        let frames = bad_network(&mut random, length, rate as usize * 3 / 25);
        let pressed_at = random.random_range(0..frames.len());
        let mut call = Watched::begin(&desk, "anna", rate);
        for (number, (leg, at, samples)) in frames.into_iter().enumerate() {
            if number == pressed_at {
                call.line.accepted(Ask::Record);
            }
            call.say(leg, &sound, at, at + samples);
        }
        call.end_and_check(&desk);
    }
    desk.stop();
}

#[test]
fn levels_of_a_live_call_are_those_of_what_was_said_last() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut line = Line::begin(&desk, "anna", 8_000);
    line.frame(Leg::Agent, 0, &[16_384; 160]);
    line.frame(Leg::Customer, 0, &[0; 160]);
    line.settle();
    let live: Value = desk.json(&["calls"])[0].clone();
    let level = |leg: &str| live[leg]["level_dbfs"].as_f64().expect("a number");
    assert!((level("agent_leg") + 6.0206).abs() < 0.001, "{live}");
    assert_eq!(level("customer_leg"), -96.0, "{live}");
    desk.stop();
}
