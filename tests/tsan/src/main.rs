//! Whatever can happen to a call at once, with real threads, under ThreadSanitizer (`make tsan`). Loom tries every order of a few
//! steps; this tries some orders of very many, with the vectors that loom does not see: they are no atomics.
//!
//! ThreadSanitizer does not know fences: it sees the pairs of Release and Acquire alone. What rests on the two fences of the gate is for loom.
#![allow(dead_code, unused_imports)]

#[path = "../../../src/audio/mod.rs"]
mod audio;
#[path = "../../../src/memory/mod.rs"]
mod memory;
#[path = "../../../src/ring/mod.rs"]
mod ring;

use std::{
    cell::UnsafeCell,
    env,
    process::{Command, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use audio::{Leg, g711::Law};
use memory::{Arena, SEGMENT_BYTES};
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
    let writers = [thread::spawn(move || speak(agent, number)), thread::spawn(move || speak_codes(customer))];
    let followers = Leg::ALL.map(|leg| {
        let (ring, is_over) = (Arc::clone(&ring), Arc::clone(&is_over));
        thread::spawn(move || follow(&ring, leg, &is_over))
    });
    let controls = thread::spawn({
        let ring = Arc::clone(&ring);
        move || control(&ring, number)
    });
    if number % 3 == 0 {
        // Hangup in the middle of everything.
        ring.wipe();
    }
    writers.into_iter().for_each(|writer| writer.join().expect("the writer ends"));
    controls.join().expect("the controls end");
    is_over.store(true, Ordering::Release);
    followers.into_iter().for_each(|follower| follower.join().expect("the follower ends"));
    ring.wipe();
}

fn speak(mut writer: LegWriter, number: u64) {
    for frame in 0..FRAMES {
        let samples: [i16; FRAME_SAMPLES as usize] =
            std::array::from_fn(|i| (i as u64).wrapping_mul(frame.wrapping_mul(number + 31)) as i16);
        writer.provision(samples.len());
        writer.push(frame * FRAME_SAMPLES, &samples);
    }
}

fn speak_codes(mut writer: LegWriter) {
    for frame in 0..FRAMES {
        let codes: [u8; FRAME_SAMPLES as usize] = std::array::from_fn(|i| (i as u64 * frame) as u8);
        writer.provision(codes.len());
        writer.push_codes(frame * FRAME_SAMPLES, Law::Mu, &codes);
    }
}

fn follow(ring: &Arc<Ring>, leg: Leg, is_over: &AtomicBool) {
    let (mut reader, mut at, mut out) = (ring.reader(), 0, [0; 1_000]);
    while !is_over.load(Ordering::Acquire) {
        let end = ring.frontier(leg).min(at + out.len() as u64);
        reader.read(leg, at, &mut out[..(end - at) as usize]);
        at = end;
        thread::yield_now();
    }
}

fn control(ring: &Arc<Ring>, number: u64) {
    ring.set_selected(true);
    for step in 0..20 {
        let end = ring.end();
        for leg in Leg::ALL {
            let spans = [Span { from: end, to: end + 100 }];
            ring.silence(leg, &spans[..(step % 2) as usize]).expect("room for one");
            ring.erase(leg, Span { from: end.saturating_sub(200), to: u64::MAX });
            ring.counts(leg);
        }
        if (step + number) % 7 == 0 {
            ring.drop_before(end / 2);
        }
        ring.held_bytes();
        thread::yield_now();
    }
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
