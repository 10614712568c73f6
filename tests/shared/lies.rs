//! What a client can write into shared memory that it should not, and what it is told.

use std::{
    env, thread,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use retrocall::{
    audio::Leg,
    client::ClientError,
    protocol::{Ask, ErrorCode, Event, FrameError, SharedLayout},
    words::{Clock as _, SystemClock},
};

use super::{
    GoodCall, SharedLine,
    desk::{Desk, wait_for},
    rig,
};

/// A call whose client does this to its memory: what the engine says before it closes the connection.
fn told(desk: &Desk, lie: impl Fn(&SharedLine)) -> (ErrorCode, String) {
    let mut call = SharedLine::begin(desk, "liar", 8_000, None);
    call.push(Leg::Agent, 0, &[7; 160]);
    lie(&call);
    loop {
        match call.line.client.next_event(super::desk::PATIENCE) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the engine did not notice"),
            Err(ClientError::Refused { error, text }) => return (error, text),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn whoever_lies_in_shared_memory_is_told_so_and_loses_the_connection() {
    let desk = Desk::open(&["--one-in", "0"]);
    let slot = |call: &SharedLine, number: u64, position: u64, samples: u64| {
        let (memory, layout) = call.legs[0].memory();
        let at = layout.slot(Leg::Agent, number);
        memory.store(at, position);
        memory.store(at + 8, samples);
        memory.store(SharedLayout::written(Leg::Agent), number + 1);
    };
    for count in [34, 1 << 32, u64::MAX, u64::MAX / 2] {
        let (error, text) = told(&desk, |call| {
            call.legs[1].memory().0.store(SharedLayout::written(Leg::Customer), count);
        });
        assert_eq!(error, ErrorCode::SharedMemory, "{text}");
        assert!(text.contains("Customer") && text.contains("32 slots"), "{text}");
    }
    for samples in [0, 161, 1 << 32, u64::MAX] {
        let (error, text) = told(&desk, |call| slot(call, 1, 160, samples));
        assert_eq!(error, ErrorCode::SharedMemory, "{text}");
        assert!(text.contains("1 to 160"), "{text}");
    }
    // A position that jumped is a frame that is dropped, and no lie: the call goes on in the same memory.
    for far in [8_000_000, u64::MAX - 1, u64::MAX] {
        let mut call = SharedLine::begin(&desk, "jumps", 8_000, None);
        call.push(Leg::Agent, 0, &[7; 160]);
        slot(&call, 1, far, 160);
        let told = call.line.client.next_event(super::desk::PATIENCE).expect("the connection goes on");
        let Some(Event::FramesRefused { call: of, leg, error, frames, position, expected, .. }) = told else {
            panic!("it is told of its frame: {told:?}")
        };
        assert_eq!((of, leg, error, frames), (Some(call.line.call), Leg::Agent, FrameError::Position, 1));
        assert_eq!((position, expected), (Some(far), Some(160)));
        slot(&call, 2, 160, 160);
        assert_eq!(call.line.accepted(Ask::Mask).at, Some(320));
    }
    // What only the engine writes can be overwritten as well: it is not read.
    let mut call = SharedLine::begin(&desk, "liar", 8_000, None);
    let (memory, _) = call.legs[0].memory();
    memory.write(0, &[0xff; 64]);
    call.push(Leg::Agent, 0, &[7; 160]);
    assert_eq!(call.line.accepted(Ask::Mask).at, Some(160));
    desk.stop();
}

/// How long hostile clients are at it: `RETROCALL_HOSTILE_SECONDS=60` for as long as that.
fn hostile_time() -> Duration {
    let seconds = env::var("RETROCALL_HOSTILE_SECONDS").map_or(5, |text| text.parse().expect("a number of seconds"));
    // Longer, and the calls beside them would be over before they are.
    assert!(seconds <= 100, "RETROCALL_HOSTILE_SECONDS is 100 at most");
    Duration::from_secs(seconds)
}

/// What a hostile client did, and what it cost it.
struct Hostility {
    /// Words that it wrote where it should not have, or with what should not be there.
    writes: u64,
    /// Connections that it lost.
    lost: u64,
}

/// A client that writes anything anywhere, or what gets further than nonsense: counts and lengths that can be, nearly. It goes on when the
/// engine has gone from that memory, and comes back with another call.
fn be_hostile(desk: &Desk, until: Instant, mut random: StdRng) -> Hostility {
    let mut done = Hostility { writes: 0, lost: 0 };
    while SystemClock.now() < until {
        let mut call = SharedLine::begin(desk, "liar", 8_000, Some(random.random_range(1..=5_760)));
        let mut look = SystemClock.now();
        let words = if random.random() { 100 } else { 0 };
        loop {
            let (memory, layout) = call.legs[0].memory();
            for _ in 0..words {
                let at = 8 * random.random_range(0..memory.bytes() / 8);
                memory.store(at, random.random());
            }
            let leg = Leg::ALL[random.random_range(0..2)];
            let taken = memory.load(SharedLayout::taken(leg)) % (1 << 20);
            let near = |random: &mut StdRng, most: u64| random.random_range(0..=most + most / 8 + 1);
            let frame = taken + random.random_range(0..4);
            memory.store(layout.slot(leg, frame), near(&mut random, 500_000));
            memory.store(layout.slot(leg, frame) + 8, near(&mut random, layout.slot_samples as u64));
            memory.store(SharedLayout::written(leg), taken + near(&mut random, layout.slots as u64));
            done.writes += words + 3;
            if SystemClock.since(look) < Duration::from_millis(2) {
                continue;
            }
            look = SystemClock.now();
            match call.line.client.next_event(Duration::ZERO) {
                Ok(_) => {}
                Err(ClientError::Refused { error: ErrorCode::SharedMemory, .. }) => break,
                Err(other) => panic!("{other}"),
            }
        }
        done.lost += 1;
    }
    done
}

#[test]
fn whoever_writes_anything_into_shared_memory_costs_itself_its_connection_and_nobody_else_anything() {
    let (seed, mut random) = rig::random("hostile clients");
    let desk = Desk::open_with("grace = \"0s\"\n", &["--one-in", "0", "--memory", "32MiB"]);
    let good = [GoodCall::begin(&desk, seed), GoodCall::begin_shared(&desk, seed + 1)];
    let until = SystemClock.now() + hostile_time();
    let done = thread::scope(|scope| {
        let start = |random: StdRng| scope.spawn(|| be_hostile(&desk, until, random));
        let hostile = [0; 2].map(|_| start(StdRng::seed_from_u64(random.random())));
        hostile.map(|hostile| hostile.join().expect("it never fails"))
    });
    let [writes, lost]: [u64; 2] =
        [|one: &Hostility| one.writes, |one: &Hostility| one.lost].map(|of| done.iter().map(of).sum());
    eprintln!("{writes} hostile writes in {} s cost {lost} connections", hostile_time().as_secs());
    assert!(done.iter().all(|one| one.lost > 1), "they are noticed");
    good.into_iter().for_each(GoodCall::must_be_kept_bit_for_bit);
    // Nothing is left of them in the engine, and it knows why each of them went.
    wait_for("an engine that holds nothing", || (desk.json(&["status"])["held_bytes"] == 0).then_some(()));
    let totals = &desk.json(&["status"])["totals"];
    assert_eq!(totals["connections_closed"]["shared-memory"], lost, "{totals}");
    eprintln!("beside that {} frames were dropped", totals["refused_frames"]);
    assert!(!desk.log().contains("panicked"), "{}", desk.log());
    desk.stop();
}
