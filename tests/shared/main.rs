//! Calls that come through shared memory: with the real engine, from clients that are honest, that lie, and that die.

#[path = "../desk/mod.rs"]
mod desk;
mod going_on;
mod header;
mod library;
mod lies;
mod load;
mod phone;
#[path = "../rig/mod.rs"]
mod rig;
mod scenes;
#[path = "../skip/mod.rs"]
mod skip;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use desk::{Desk, Line, Sound, wait_for};
use retrocall::{
    audio::{Codec, Leg, Rate, g711::Law},
    client::{PushResult, SharedLeg},
    protocol::{Ask, Begin, Direction, Refusal, Request, Target, Verdict},
};
use rig::RealTime;

/// A call whose frames go through shared memory.
struct SharedLine {
    line: Line,
    legs: [SharedLeg; 2],
}

impl SharedLine {
    fn begin(desk: &Desk, agent: &str, rate: u32, frame_samples: Option<usize>) -> SharedLine {
        SharedLine::of(Line::begin(desk, agent, rate), frame_samples)
    }

    fn of(mut line: Line, frame_samples: Option<usize>) -> SharedLine {
        let legs = line.client.share(line.channel, frame_samples, None).expect("an answer").expect("it is shared");
        SharedLine { line, legs }
    }

    /// Pushes one frame, and waits for room if there is none: a test has no clock.
    fn push(&mut self, leg: Leg, position: usize, samples: &[i16]) {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let shared = &mut self.legs[leg.index()];
        wait_for("room in the shared memory", || (shared.waiting() < 24).then_some(()));
        assert_eq!(shared.push(position as u64, &bytes), PushResult::All);
    }

    /// Pushes both legs of a stretch.
    fn talk(&mut self, sound: &Sound, from: usize, to: usize, frame: usize) {
        for start in (from..to).step_by(frame) {
            let end = (start + frame).min(to);
            for leg in Leg::ALL {
                self.push(leg, start, &sound.legs[leg.index()][start..end]);
            }
        }
    }
}

/// A pressed call that goes on in real time beside whatever else happens.
struct GoodCall {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl GoodCall {
    /// One over the socket.
    fn begin(desk: &Desk, seed: u64) -> GoodCall {
        let line = Line::begin(desk, "good", 8_000);
        GoodCall::start(line, seed, Line::talk, |line| line)
    }

    /// One through shared memory.
    fn begin_shared(desk: &Desk, seed: u64) -> GoodCall {
        let call = SharedLine::begin(desk, "good", 8_000, None);
        GoodCall::start(call, seed, |call, sound, from, to| call.talk(sound, from, to, 160), |call| &mut call.line)
    }

    fn start<T: Send + 'static>(
        mut call: T,
        seed: u64,
        talk: fn(&mut T, &Sound, usize, usize),
        line: fn(&mut T) -> &mut Line,
    ) -> GoodCall {
        let sound = Sound::noise(8_000, 120 * 8_000, seed);
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let thread = thread::spawn(move || {
            line(&mut call).accepted(Ask::Record);
            let (clock, mut spoken) = (RealTime::begin(), 0);
            while !until.load(Ordering::Relaxed) && spoken < sound.len() {
                talk(&mut call, &sound, spoken, spoken + 160);
                spoken += 160;
                clock.wait_until(Duration::from_micros(125 * spoken as u64));
            }
            let line = line(&mut call);
            let calls = line.client.ask(Request::new(Target::Own, Ask::Calls)).expect("an answer").calls;
            let view = calls.expect("a list").into_iter().find(|view| view.call == line.call).expect("it is live");
            for leg in [view.agent_leg, view.customer_leg] {
                assert_eq!((leg.gaps, leg.late_frames, leg.lost_frames), (0, 0, 0));
            }
            Sound::of_recording(&line.end_and_keep()).assert_is(&rig::head_of(&sound, spoken));
        });
        GoodCall { over, thread }
    }

    /// Ends it: it must be whole.
    fn must_be_kept_bit_for_bit(self) {
        self.over.store(true, Ordering::Relaxed);
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn a_call_through_shared_memory_is_kept_bit_for_bit_whatever_its_frames() {
    let desk = Desk::open(&["--one-in", "0"]);
    for (rate, frame, usual) in
        [(8_000, 160, None), (16_000, 40, Some(40)), (48_000, 5_760, Some(960)), (44_100, 1, None)]
    {
        let sound = Sound::noise(rate, if frame == 1 { 4_000 } else { rate as usize }, u64::from(rate));
        let mut call = SharedLine::begin(&desk, "anna", rate, usual);
        call.talk(&sound, 0, sound.len() / 2, frame);
        call.line.accepted(Ask::Record);
        call.talk(&sound, sound.len() / 2, sound.len(), frame);
        // What was pushed before `end` was sent is of the call, collected or not.
        Sound::of_recording(&call.line.end_and_keep()).assert_is(&sound);
        // The engine closes the memory a moment after the end.
        wait_for("the closed memory", || {
            (call.legs[0].push(sound.len() as u64, &[1; 320]) == PushResult::Closed).then_some(())
        });
    }
    desk.stop();
}

#[test]
fn codes_of_g711_come_through_shared_memory_as_they_are() {
    let desk = Desk::open(&["--one-in", "0"]);
    for (codec, law) in [(Codec::Ulaw, Law::Mu), (Codec::Alaw, Law::A)] {
        let rate = Rate::new(8_000).expect("a rate");
        let mut begin = Begin::new("anna", rate, codec);
        begin.facts.direction = Direction::Outbound;
        let mut client = desk.client();
        let answer = client.ask(Request::new(Target::Own, Ask::Begin(begin))).expect("an answer");
        let line = Line { client, call: answer.call.expect("an id"), channel: answer.channel.expect("a channel") };
        let mut call = SharedLine::of(line, None);
        let codes: Vec<u8> = (0..4_000u32).map(|i| (i * i / 7) as u8).collect();
        for (number, piece) in codes.chunks(160).enumerate() {
            for leg in &mut call.legs {
                wait_for("room", || (leg.waiting() < 24).then_some(()));
                assert_eq!(leg.push(160 * number as u64, piece), PushResult::All);
            }
        }
        call.line.accepted(Ask::Record);
        let leg: Vec<i16> = codes.iter().map(|code| law.linear(*code)).collect();
        Sound::of_recording(&call.line.end_and_keep()).assert_is(&Sound { rate: 8_000, legs: [leg.clone(), leg] });
    }
    desk.stop();
}

#[test]
fn a_control_cuts_between_what_was_pushed_before_it_and_what_is_pushed_after_its_answer() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 16_000, 5);
    let mut call = SharedLine::begin(&desk, "anna", 8_000, None);
    call.line.accepted(Ask::Record);
    for (number, ask) in [Ask::Mask, Ask::Unmask, Ask::Hold, Ask::Resume].into_iter().enumerate() {
        let from = number * 3_200;
        call.talk(&sound, from, from + 3_200, 160);
        // At once: the engine has not come by itself.
        let answer = call.line.accepted(ask);
        assert_eq!(answer.at, Some(from as u64 + 3_200));
    }
    call.talk(&sound, 12_800, 16_000, 160);
    let expected = sound.silent(3_200, 6_400).silent(9_600, 12_800);
    Sound::of_recording(&call.line.end_and_keep()).assert_is(&expected);
    desk.stop();
}

#[test]
fn whoever_never_waits_loses_what_there_was_no_room_for_and_nothing_else() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 32_000, 6);
    let mut call = SharedLine::begin(&desk, "anna", 8_000, None);
    call.line.accepted(Ask::Record);
    let mut expected = sound.clone();
    for start in (0..sound.len()).step_by(160) {
        for leg in Leg::ALL {
            let samples = &sound.legs[leg.index()][start..start + 160];
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            if call.legs[leg.index()].push(start as u64, &bytes) == PushResult::Full {
                expected.legs[leg.index()][start..start + 160].fill(0);
            }
        }
    }
    let ends =
        expected.legs.each_ref().map(|leg| leg.iter().rposition(|sample| *sample != 0).map_or(0, |last| last + 1));
    let end = ends[0].max(ends[1]);
    expected.legs.iter_mut().for_each(|leg| leg.truncate(end));
    Sound::of_recording(&call.line.end_and_keep()).assert_is(&expected);
    desk.stop();
}

#[test]
fn memory_is_shared_once_a_call_and_only_by_whoever_carries_it_and_not_without_end() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut call = SharedLine::begin(&desk, "anna", 8_000, None);
    let again = call.line.client.share(call.line.channel, None, None).expect("an answer").err().expect("no second one");
    assert_eq!((again.answer, again.shared_bytes), (Verdict::Already, None));
    let request = Request::new(Target::Call(call.line.call), Ask::Share { frame_samples: None, depth_ms: None });
    let other = desk.client().ask(request).expect("an answer");
    assert_eq!(other.reason, Some(Refusal::UnknownCall));
    // 4 MiB is all that this engine has for its calls: 48 kHz and the longest frames take 185 KiB each.
    let mut shared = Vec::new();
    let refused = loop {
        let mut line = Line::begin(&desk, "bert", 48_000);
        match line.client.share(line.channel, Some(5_760), None).expect("an answer") {
            Ok(legs) => shared.push((line, legs)),
            Err(refused) => break refused,
        }
        assert!(shared.len() < 100, "there is a limit");
    };
    assert_eq!(refused.reason, Some(Refusal::MemoryFull));
    assert!(refused.text.expect("words").contains("over the socket"));
    // Whoever ends gives it back.
    let (mut line, _legs) = shared.pop().expect("some were shared");
    line.end();
    wait_for("memory that was given back", || {
        let mut line = Line::begin(&desk, "carl", 48_000);
        line.client.share(line.channel, Some(5_760), None).expect("an answer").ok()
    });
    desk.stop();
}

#[test]
fn an_engine_that_is_stopped_for_two_seconds_loses_nothing_of_a_call_whose_memory_is_deep_enough() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 24_000, 7);
    let mut line = Line::begin(&desk, "anna", 8_000);
    let legs = line.client.share(line.channel, None, Some(2_500)).expect("an answer").expect("it is shared");
    let mut call = SharedLine { line, legs };
    call.talk(&sound, 0, 4_000, 160);
    call.line.accepted(Ask::Record);
    desk.signal(nix::sys::signal::Signal::SIGSTOP);
    for start in (4_000..20_000).step_by(160) {
        for leg in Leg::ALL {
            let samples = &sound.legs[leg.index()][start..start + 160];
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            assert_eq!(call.legs[leg.index()].push(start as u64, &bytes), PushResult::All, "{start}");
        }
    }
    desk.signal(nix::sys::signal::Signal::SIGCONT);
    call.talk(&sound, 20_000, sound.len(), 160);
    Sound::of_recording(&call.line.end_and_keep()).assert_is(&sound);
    desk.stop();
}
