//! Tests of the arena: segments come wiped, go back wiped, and leave the reserve to selected calls.

use super::*;

fn arena(segments: usize) -> Arena {
    let arena = Arena::new(segments * SEGMENT_BYTES, true).expect("memory for a test");
    arena.fault_in(u32::MAX);
    arena
}

#[test]
fn a_segment_comes_back_wiped() {
    let arena = arena(1);
    let id = arena.take(Need::Selected).expect("one is free");
    arena.words(id).iter().for_each(|word| word.store(u64::MAX, Ordering::Relaxed));
    arena.give_back(id);
    let again = arena.take(Need::Selected).expect("it is free again");
    assert_eq!(again, id);
    assert!(arena.words(again).iter().all(|word| word.load(Ordering::Relaxed) == 0));
}

#[test]
fn segments_given_back_together_come_back_wiped_each_of_them_once() {
    let arena = arena(300);
    for are_deep in [false, true] {
        let taken: Vec<SegmentId> = std::iter::from_fn(|| arena.take(Need::Message)).collect();
        let mut words = taken.iter().flat_map(|id| arena.words(*id));
        assert!(words.all(|word| word.swap(u64::MAX, Ordering::Relaxed) == 0));
        assert_eq!((taken.len(), arena.give_back_all(taken.into_iter(), are_deep)), (300, 300));
        assert_eq!(arena.look(), Some(ArenaLook { held: 0, free: 300, stained_words: 0 }));
    }
}

#[test]
fn the_limit_holds_and_every_segment_is_had_once() {
    let arena = arena(64);
    let mut seen = std::collections::HashSet::new();
    while let Some(id) = arena.take(Need::Selected) {
        assert!(seen.insert(id.0));
    }
    assert_eq!(seen.len(), 64);
    assert_eq!(arena.held_bytes(), 64 * SEGMENT_BYTES);
}

#[test]
fn unselected_calls_leave_the_reserve_to_selected_ones() {
    let arena = arena(64);
    let ordinary = std::iter::from_fn(|| arena.take(Need::Ordinary)).count();
    let selected = std::iter::from_fn(|| arena.take(Need::Selected)).count();
    assert_eq!((ordinary, selected), (60, 4));
}

#[test]
fn half_a_message_finds_room_though_a_selected_call_has_filled_the_memory() {
    let arena = arena(512);
    let selected = std::iter::from_fn(|| arena.take(Need::Selected)).count();
    let messages = std::iter::from_fn(|| arena.take(Need::Message)).count();
    assert_eq!((selected, messages), (510, 2));
}

#[test]
fn whoever_carries_no_call_does_not_make_memory_short() {
    let arena = arena(64);
    assert_eq!(std::iter::from_fn(|| arena.take(Need::NoCall)).count(), 56);
    assert!(!arena.is_short());
}

#[test]
fn nothing_is_faulted_in_before_it_is_wanted() {
    let arena = Arena::new(64 * SEGMENT_BYTES, true).expect("memory for a test");
    assert!(arena.wants_fault_in());
    assert_eq!((arena.fault_in_ahead(), arena.ready_bytes()), (16, 16 * SEGMENT_BYTES));
    assert!(!arena.wants_fault_in());
    assert_eq!((arena.held_bytes(), arena.free_bytes()), (0, 64 * SEGMENT_BYTES));
}

#[test]
fn no_audio_is_lost_while_there_is_memory_though_nobody_faulted_it_in() {
    let arena = Arena::new(64 * SEGMENT_BYTES, true).expect("memory for a test");
    let taken: Vec<SegmentId> = std::iter::from_fn(|| arena.take(Need::Selected)).collect();
    assert_eq!((taken.len(), arena.held_bytes()), (64, 64 * SEGMENT_BYTES));
    assert_eq!(arena.fault_in_ahead(), 0);
    taken.into_iter().for_each(|id| arena.give_back(id));
    assert_eq!((arena.held_bytes(), arena.ready_bytes()), (0, 64 * SEGMENT_BYTES));
}

#[test]
fn a_look_sees_what_is_held_and_one_word_left_in_a_free_segment() {
    let arena = Arena::new(16 * SEGMENT_BYTES, true).expect("memory for a test");
    arena.fault_in(8);
    assert_eq!(arena.look(), Some(ArenaLook { held: 0, free: 16, stained_words: 0 }));
    let [one, other] = [(); 2].map(|()| arena.take(Need::Selected).expect("they are free"));
    arena.words(one)[7].store(1, Ordering::Relaxed);
    assert_eq!(arena.look(), Some(ArenaLook { held: 2, free: 14, stained_words: 0 }));
    arena.give_back(one);
    assert_eq!(arena.look(), Some(ArenaLook { held: 1, free: 15, stained_words: 0 }));
    // As if a wipe had been forgotten.
    arena.words(one)[7].store(1, Ordering::Relaxed);
    arena.give_back(other);
    assert_eq!(arena.look(), Some(ArenaLook { held: 0, free: 16, stained_words: 1 }));
    // A segment that was never taken, and is written to.
    arena.words(SegmentId(12))[0].store(1, Ordering::Relaxed);
    assert_eq!(arena.look().map(|look| look.stained_words), Some(2));
}

#[test]
fn threads_that_take_and_give_back_never_share_a_segment() {
    let arena = arena(8);
    std::thread::scope(|scope| {
        for thread in 1..=4u64 {
            let arena = &arena;
            scope.spawn(move || {
                for _ in 0..20_000 {
                    let Some(id) = arena.take(Need::Selected) else { continue };
                    let word = &arena.words(id)[1];
                    assert_eq!(word.swap(thread, Ordering::Relaxed), 0);
                    assert_eq!(word.load(Ordering::Relaxed), thread);
                    arena.give_back(id);
                }
            });
        }
    });
    assert_eq!(arena.held_bytes(), 0);
}
