//! The path of a frame allocates nothing: an allocator that aborts the test if it does.

use std::sync::Arc;

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use retrocall::{
    audio::{Codec, Leg, Rate, g711::Law},
    client::{PushResult, SharedLeg},
    memory::{Arena, ClientMemory},
    protocol::SharedLayout,
    ring::{Ring, Span},
};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

#[test]
fn pushing_frames_of_every_kind_never_allocates() {
    let arena = Arc::new(Arena::new(4 << 20, true).expect("memory for a test"));
    while arena.fault_in_ahead() > 0 {}
    let (ring, [mut agent, mut customer]) = Ring::new(Arc::clone(&arena));
    let noise: Vec<i16> = (0..5_760u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as i16).collect();
    let codes: Vec<u8> = (0..160u32).map(|i| (i * i) as u8).collect();
    let expanded: Vec<i16> = codes.iter().map(|code| Law::A.linear(*code)).collect();
    ring.silence(Leg::Agent, &[Span { from: 500, to: 1_000 }, Span { from: 4_000, to: 5_000 }]).expect("room for two");
    for round in 0..20u64 {
        let at = round * 7_000;
        // Taking segments ahead is not on the path, but allocates nothing either.
        assert_no_alloc(|| {
            agent.provision(5_760);
            agent.push(at, &noise);
            agent.push(at, &noise[..160]);
            agent.push(at + 6_000, &[0; 160]);
            customer.provision(480);
            customer.push_codes(at, Law::Mu, &codes);
            customer.push(at + 160, &expanded);
            customer.push(at + 320, &noise[..20]);
        });
    }
    let counts = ring.counts(Leg::Agent);
    assert_eq!((counts.frames, counts.lost_frames), (60, 0));
    assert_eq!(ring.frontier(Leg::Customer), 19 * 7_000 + 340);
}

/// What a softphone's audio callback does. Under RealtimeSanitizer a lock, an allocation or a call of the system in it ends the test.
#[test]
fn pushing_frames_into_shared_memory_never_allocates_whether_they_are_taken_or_not() {
    let layout = SharedLayout::new(Codec::Pcm16, Rate::new(48_000).expect("a rate"), 960);
    let (engine, descriptor) = ClientMemory::create(layout.bytes(), true).expect("memory for a test");
    engine.write(0, &layout.to_head());
    let [mut agent, mut customer] = SharedLeg::map(&descriptor).expect("it was made for that");
    let frame = [0x5a; 1_920];
    for number in 0..100 {
        // Nobody takes the customer's frames; whatever the engine says of them, nothing happens here.
        engine.store(SharedLayout::taken(Leg::Customer), if number < 50 { 0 } else { u64::MAX - number });
        let pushed = assert_no_alloc(|| {
            let long = customer.push(number * 2_880, &[1; 5_760]);
            (agent.push(number * 960, &frame), agent.push(number * 960, &frame[..1]), long)
        });
        assert_eq!((pushed.0, pushed.1), (PushResult::All, PushResult::All));
        assert!(pushed.2 == if number < 10 { PushResult::All } else { PushResult::Full } || number >= 50);
        engine.store(SharedLayout::taken(Leg::Agent), number + 1);
    }
    engine.store(retrocall::protocol::SHARED_CLOSED, 1);
    assert_eq!(assert_no_alloc(|| agent.push(0, &frame)), PushResult::Closed);
}
