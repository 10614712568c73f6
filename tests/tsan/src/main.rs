//! Whatever can happen to a call at once, with real threads, under ThreadSanitizer (`make tsan`). Loom tries every order of a few
//! steps; this tries some orders of very many, with the vectors that loom does not see: they are no atomics.
//!
//! ThreadSanitizer does not know fences: it sees the pairs of Release and Acquire alone. What rests on the two fences of the gate is for loom.
#![allow(dead_code, unused_imports)]

#[path = "../../../src/core/memory/mod.rs"]
mod memory;
#[path = "../../../src/core/ring/mod.rs"]
mod ring;
#[path = "../../../src/core/system.rs"]
mod system;

use std::{
    cell::UnsafeCell,
    env,
    process::{Command, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use memory::{Arena, SEGMENT_BYTES};
use retrocall_words::audio::{Leg, Rate, g711::Law};
use ring::{LegWriter, Ring, Span};

const ROUNDS: u64 = 100;
const FRAMES: u64 = 300;
const FRAME_SAMPLES: u64 = 160;
/// What ThreadSanitizer makes of the exit code if it has seen a race.
const RACE: i32 = 66;

fn main() -> ExitCode {
    if env::args().any(|word| word == "--plant") {
        planted();
        return ExitCode::SUCCESS;
    }
    let plant =
        Command::new(env::current_exe().expect("a program has a file")).arg("--plant").output().expect("it starts");
    assert_eq!(plant.status.code(), Some(RACE), "a race that was planted is seen");

    let arena = Arc::new(Arena::new(600 * SEGMENT_BYTES, true).expect("memory for a test"));
    while arena.fault_in_ahead() > 0 {}
    for round in 0..ROUNDS {
        // Three calls at once take segments from each other's hands.
        let calls: Vec<_> = (0..3)
            .map(|call| {
                thread::spawn({
                    let arena = Arc::clone(&arena);
                    move || one_call(arena, round * 3 + call)
                })
            })
            .collect();
        calls.into_iter().for_each(|call| call.join().expect("the call ends"));
        assert_eq!(arena.held_bytes(), 0, "every segment came back");
    }
    println!("{} calls of {FRAMES} frames a leg: no race seen, and a planted one was", ROUNDS * 3);
    ExitCode::SUCCESS
}

fn one_call(arena: Arc<Arena>, number: u64) {
    let (ring, [agent, customer]) = Ring::new(arena);
    let is_over = Arc::new(AtomicBool::new(false));
    let writers = [thread::spawn(move || speak(agent, number)), thread::spawn(move || speak_codes(customer, number))];
    let followers = Leg::ALL.map(|leg| {
        let (ring, is_over) = (Arc::clone(&ring), Arc::clone(&is_over));
        thread::spawn(move || follow(&ring, leg, number, &is_over))
    });
    let controls = thread::spawn({
        let ring = Arc::clone(&ring);
        move || control(&ring, number)
    });
    let is_cut_off = number % 3 == 0;
    if is_cut_off {
        // Hangup in the middle of everything.
        ring.wipe();
    }
    writers.into_iter().for_each(|writer| writer.join().expect("the writer ends"));
    let silenced = controls.join().expect("the controls end");
    is_over.store(true, Ordering::Release);
    followers.into_iter().for_each(|follower| follower.join().expect("the follower ends"));
    if !is_cut_off {
        Leg::ALL.into_iter().for_each(|leg| assert_held(&ring, leg, number, &silenced));
    }
    ring.wipe();
}

/// What a leg says at a position. Never zero, so that silence stands out.
fn said(leg: Leg, number: u64, position: u64) -> i16 {
    match leg {
        Leg::Agent => position.wrapping_mul(position.wrapping_mul(number + 31)) as i16 | 1,
        Leg::Customer => Law::Mu.linear(code(number, position)),
    }
}

fn code(number: u64, position: u64) -> u8 {
    (position.wrapping_mul(number + 7) % 100) as u8
}

fn speak(mut writer: LegWriter, number: u64) {
    for frame in 0..FRAMES {
        let at = frame * FRAME_SAMPLES;
        let samples: [i16; FRAME_SAMPLES as usize] = std::array::from_fn(|i| said(Leg::Agent, number, at + i as u64));
        writer.note_arrival(Instant::now(), at + FRAME_SAMPLES, rate());
        writer.provision(samples.len());
        writer.push(at, &samples);
    }
}

fn speak_codes(mut writer: LegWriter, number: u64) {
    for frame in 0..FRAMES {
        let at = frame * FRAME_SAMPLES;
        let codes: [u8; FRAME_SAMPLES as usize] = std::array::from_fn(|i| code(number, at + i as u64));
        writer.note_arrival(Instant::now(), at + FRAME_SAMPLES, rate());
        writer.provision(codes.len());
        writer.push_codes(at, Law::Mu, &codes);
    }
}

fn rate() -> Rate {
    Rate::new(8_000).expect("a rate")
}

/// Reads a leg while it grows: each sample is what was said there, or silence.
fn follow(ring: &Arc<Ring>, leg: Leg, number: u64, is_over: &AtomicBool) {
    let (mut reader, mut at, mut out) = (ring.reader(), 0, [0; 1_000]);
    while !is_over.load(Ordering::Acquire) {
        let end = ring.frontier(leg).min(at + out.len() as u64);
        reader.read(leg, at, &mut out[..(end - at) as usize]);
        for (position, sample) in (at..end).zip(out) {
            assert!(sample == 0 || sample == said(leg, number, position), "{leg:?} at {position}: {sample}");
        }
        at = end;
        thread::yield_now();
    }
}

/// What is left of a leg whose call was not cut off: all that was said but for what was silenced or dropped, and the rest of a block
/// that passed meanwhile.
fn assert_held(ring: &Arc<Ring>, leg: Leg, number: u64, silenced: &[Span]) {
    let end = FRAMES * FRAME_SAMPLES;
    assert_eq!(ring.frontier(leg), end);
    let mut out = vec![-1; end as usize];
    ring.reader().read(leg, 0, &mut out);
    for (position, sample) in (0..end).zip(out) {
        let may_be_silent =
            position < ring.start() || silenced.iter().any(|span| (span.from..span.to + FRAME_SAMPLES).contains(&position));
        assert!(sample == said(leg, number, position) || (may_be_silent && sample == 0), "{leg:?} at {position}: {sample}");
    }
}

/// Silences, erases and drops. Returns what it has silenced.
fn control(ring: &Arc<Ring>, number: u64) -> Vec<Span> {
    let mut silenced = Vec::new();
    ring.set_selected(true);
    for step in 0..20 {
        let end = ring.end();
        let span = Span { from: end.saturating_sub(200), to: end + 100 };
        for leg in Leg::ALL {
            if step % 2 == 0 {
                ring.silence(leg, &[]).expect("room for none");
                continue;
            }
            ring.silence(leg, &[span]).expect("room for one");
            ring.erase(leg, span);
            let mut out = [-1; 300];
            ring.reader().read(leg, span.from, &mut out);
            let until = (span.to - span.from) as usize;
            assert!(out[..until].iter().all(|sample| *sample == 0), "{leg:?}: something is left of what was erased");
            ring.counts(leg);
            ring.clock(leg, Instant::now(), rate());
        }
        if step % 2 == 1 {
            silenced.push(span);
        }
        if (step + number) % 7 == 0 {
            ring.drop_before(end / 2);
        }
        ring.held_bytes();
        thread::yield_now();
    }
    silenced
}

/// Two threads, one number, and nothing between them.
fn planted() {
    struct Shared(UnsafeCell<u64>);
    // SAFETY: it is not safe: that is what is to be seen.
    unsafe impl Sync for Shared {}
    static SHARED: Shared = Shared(UnsafeCell::new(0));
    // SAFETY: as above.
    let add = || (0..1_000).for_each(|_| unsafe { *SHARED.0.get() += 1 });
    let other = thread::spawn(add);
    add();
    other.join().expect("the other ends");
}
