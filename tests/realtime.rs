//! The path of a frame allocates nothing: an allocator that aborts the test if it does.

use std::sync::Arc;

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use retrocall::{
    audio::{Leg, g711::Law},
    memory::Arena,
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
