//! The scenes.

use std::sync::Arc;

use loom::{model::Builder, sync::atomic::Ordering, thread};

use crate::{
    memory::{Arena, Need, SEGMENT_WORDS},
    ring::{LegWriter, Ring, Span},
    silences::{Quiet, Silences},
};
use retrocall_words::audio::Leg;

/// Runs a scene in every interleaving with at most three preemptions: enough for any fault of two threads that is known.
fn model(scene: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(scene);
}

const AGENT: Leg = Leg::Agent;

fn ring(segments: u32) -> (Arc<Arena>, Arc<Ring>, LegWriter) {
    let arena = Arc::new(Arena::for_model(segments));
    let (ring, [agent, _customer]) = Ring::new(Arc::clone(&arena));
    (arena, ring, agent)
}

/// A frame of two samples whose value is its number: never zero, so that silence stands out.
fn push(writer: &mut LegWriter, number: u64) {
    assert!(writer.provision(2));
    let value = 100 + number as i16;
    writer.push(2 * number, &[value, value]);
}

fn read(ring: &Arc<Ring>, samples: usize) -> Vec<i16> {
    let mut out = vec![-1; samples];
    ring.reader().read(AGENT, 0, &mut out);
    out
}

#[test]
fn a_committing_reader_sees_whole_frames_and_never_a_stale_word() {
    model(|| {
        let (_arena, ring, mut agent) = ring(3);
        push(&mut agent, 0);
        let writer = thread::spawn(move || {
            push(&mut agent, 1);
            push(&mut agent, 2);
        });
        let mut reader = ring.reader();
        for _ in 0..2 {
            let frontier = ring.frontier(AGENT) as usize;
            assert_eq!(frontier % 2, 0);
            let mut out = vec![0; frontier];
            reader.read(AGENT, 0, &mut out);
            for (i, sample) in out.iter().enumerate() {
                assert_eq!(*sample, 100 + i as i16 / 2);
            }
        }
        writer.join().expect("the writer ends");
        assert_eq!(read(&ring, 6), [100, 100, 101, 101, 102, 102]);
    });
}

#[test]
fn after_a_mask_is_answered_nothing_that_comes_is_held() {
    model(|| {
        let (_arena, ring, mut agent) = ring(3);
        push(&mut agent, 0);
        let writer = thread::spawn(move || {
            push(&mut agent, 1);
            push(&mut agent, 2);
        });
        ring.silence(AGENT, &[Span { from: 2, to: u64::MAX }]).expect("one interval");
        ring.erase(AGENT, Span { from: 2, to: u64::MAX });
        // This is where the agent is told. From here on silence only.
        assert!(read(&ring, 6)[2..].iter().all(|sample| *sample == 0));
        writer.join().expect("the writer ends");
        assert_eq!(read(&ring, 6), [100, 100, 0, 0, 0, 0]);
    });
}

#[test]
fn masks_that_follow_each_other_reach_a_writer_in_the_middle_of_a_push() {
    model(|| {
        let (_arena, ring, mut agent) = ring(3);
        let writer = thread::spawn(move || push(&mut agent, 0));
        // Three changes: the first table is filled again while the writer may be reading the second.
        for to in [1, 2, 1] {
            ring.silence(AGENT, &[Span { from: 0, to }]).expect("one interval");
        }
        writer.join().expect("the writer ends");
        let out = read(&ring, 2);
        assert!([[100, 100], [0, 100], [0, 0]].iter().any(|seen| *seen == out[..]), "{out:?}");
    });
}

#[test]
fn a_wipe_at_hangup_leaves_nothing_whatever_the_writer_is_doing() {
    model(|| {
        let (arena, ring, mut agent) = ring(3);
        push(&mut agent, 0);
        let writer = thread::spawn(move || {
            push_or_not(&mut agent, 1);
            push_or_not(&mut agent, 2);
        });
        ring.wipe();
        assert!(read(&ring, 6).iter().all(|sample| *sample == 0));
        writer.join().expect("the writer ends");
        assert_eq!(arena.held_bytes(), 0);
        // What the arena hands out again is zero.
        for segment in std::iter::from_fn(|| arena.take(Need::Selected)) {
            assert!(arena.words(segment).iter().all(|word| word.load(Ordering::Relaxed) == 0));
        }
    });
}

fn push_or_not(writer: &mut LegWriter, number: u64) {
    writer.provision(2);
    writer.push(2 * number, &[100 + number as i16; 2]);
}

#[test]
fn a_wipe_waits_for_a_reader_and_a_reader_after_it_sees_nothing() {
    model(|| {
        let (_arena, ring, mut agent) = ring(2);
        push(&mut agent, 0);
        let reader = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || read(&ring, 2))
        };
        ring.wipe();
        let out = reader.join().expect("the reader ends");
        assert!(out == [100, 100] || out == [0, 0], "{out:?}");
        assert_eq!(read(&ring, 2), [0, 0]);
    });
}

#[test]
fn dropping_the_oldest_never_takes_what_the_writer_is_about_to_publish() {
    model(|| {
        let (_arena, ring, mut agent) = ring(4);
        push(&mut agent, 0);
        push(&mut agent, 1);
        let writer = thread::spawn(move || {
            push(&mut agent, 2);
            push(&mut agent, 3);
        });
        ring.drop_before(3);
        writer.join().expect("the writer ends");
        assert_eq!(read(&ring, 8), [0, 0, 0, 101, 102, 102, 103, 103]);
    });
}

#[test]
fn two_rings_never_get_the_same_segment() {
    model(|| {
        let arena = Arc::new(Arena::for_model(2));
        let other = {
            let arena = Arc::clone(&arena);
            thread::spawn(move || {
                if let Some(first) = arena.take(Need::Selected) {
                    arena.give_back(first);
                }
                arena.take(Need::Selected)
            })
        };
        let mine = arena.take(Need::Selected);
        let theirs = other.join().expect("the other ends");
        assert!(mine.is_some() && theirs.is_some());
        assert_ne!(mine, theirs);
    });
}

#[test]
fn a_push_in_the_middle_of_a_change_obeys_the_mask_before_it_or_the_one_after_and_none_from_long_ago() {
    model(|| {
        let (_arena, ring, mut agent) = ring(3);
        // Long ago, in the table that is filled again below.
        ring.silence(AGENT, &[Span { from: 0, to: 1 }]).expect("one interval");
        ring.silence(AGENT, &[]).expect("none");
        let writer = thread::spawn(move || push(&mut agent, 0));
        ring.silence(AGENT, &[Span { from: 1, to: 2 }]).expect("one interval");
        writer.join().expect("the writer ends");
        let out = read(&ring, 2);
        assert!(out == [100, 100] || out == [100, 0], "{out:?}");
    });
}

#[test]
fn after_hangup_a_pressed_call_is_over_and_its_reader_has_the_last_frame_that_was_held() {
    model(|| {
        let (_arena, ring, mut agent) = ring(3);
        push(&mut agent, 0);
        let writer = thread::spawn(move || {
            push_or_not(&mut agent, 1);
            push_or_not(&mut agent, 2);
        });
        // The button, and the hangup before the reader has come far.
        ring.set_selected(true);
        let mut reader = ring.reader();
        let mut beginning = [0; 2];
        reader.read(AGENT, 0, &mut beginning);
        ring.close();
        let end = ring.frontier(AGENT) as usize;
        let mut rest = vec![0; end - 2];
        reader.read(AGENT, 2, &mut rest);
        writer.join().expect("the writer ends");
        assert_eq!(ring.frontier(AGENT) as usize, end, "nothing is held that the commit would not see");
        let expected: Vec<i16> = (0..end).map(|i| 100 + i as i16 / 2).collect();
        assert_eq!([&beginning[..], &rest[..]].concat(), expected);
    });
}

#[test]
fn whoever_takes_a_segment_that_a_call_gave_back_finds_it_wiped() {
    model(|| {
        let arena = Arc::new(Arena::for_model(1));
        let dirty = arena.take(Need::Selected).expect("one is free");
        let giver = {
            let arena = Arc::clone(&arena);
            thread::spawn(move || {
                arena.words(dirty)[SEGMENT_WORDS - 1].store(100, Ordering::Relaxed);
                arena.give_back(dirty);
            })
        };
        if let Some(segment) = arena.take(Need::Selected) {
            assert!(arena.words(segment).iter().all(|word| word.load(Ordering::Relaxed) == 0));
        }
        giver.join().expect("the giver ends");
    });
}

#[test]
fn a_free_list_that_looks_as_it_did_is_not_taken_for_what_it_was() {
    model(|| {
        let arena = Arc::new(Arena::for_model(2));
        // Takes both, gives the first one back: the list begins with it again, and what came behind it is in use.
        let other = {
            let arena = Arc::clone(&arena);
            thread::spawn(move || {
                let first = arena.take(Need::Selected);
                let second = arena.take(Need::Selected);
                first.into_iter().for_each(|first| arena.give_back(first));
                second
            })
        };
        let mine = [arena.take(Need::Selected), arena.take(Need::Selected)];
        let theirs = other.join().expect("the other ends");
        let mut all: Vec<_> = mine.into_iter().chain([theirs]).flatten().collect();
        all.extend(std::iter::from_fn(|| arena.take(Need::Selected)));
        assert_eq!(all.len(), 2, "each is had once: {all:?}");
        assert_ne!(all[0], all[1]);
    });
}

#[test]
fn what_a_mask_silences_is_silent_in_the_file_of_a_commit_that_was_reading_meanwhile() {
    // Three threads: the same bound would take hours.
    let mut builder = Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(|| {
        let (_arena, ring, mut agent) = ring(3);
        push(&mut agent, 0);
        let writer = thread::spawn(move || push(&mut agent, 1));
        // A step of the commit: what has arrived is read, and goes into the file.
        let commit = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || read(&ring, ring.frontier(AGENT) as usize))
        };
        let from = ring.end();
        let cut = Silences::new(false).begin(Quiet::Mask, [from; 2], &ring).expect("it was not on");
        assert_eq!(cut.at, from);
        // The order to rewrite is taken when the step is over.
        let mut file = commit.join().expect("the step ends");
        if let Some(from) = cut.silenced {
            let again = read(&ring, file.len());
            let from = file.len().min(from as usize);
            file[from..].copy_from_slice(&again[from..]);
        }
        // This is where the mask is answered.
        assert!(file.iter().skip(from as usize).all(|sample| *sample == 0), "{file:?} from {from}");
        writer.join().expect("the writer ends");
        assert_eq!(file, read(&ring, file.len()));
        assert!(read(&ring, 4)[from as usize..].iter().all(|sample| *sample == 0));
    });
}

#[test]
fn erase_last_takes_what_has_arrived_and_nothing_that_comes_behind_it() {
    model(|| {
        let (_arena, ring, mut agent) = ring(3);
        push(&mut agent, 0);
        let writer = thread::spawn(move || {
            push(&mut agent, 1);
            push(&mut agent, 2);
        });
        let to = ring.end();
        let cut = Silences::new(false).erase([0; 2], [to; 2], &ring);
        assert_eq!((cut.at, cut.silenced), (0, Some(0)));
        writer.join().expect("the writer ends");
        let expected: Vec<i16> = (0..6).map(|i| if i < to { 0 } else { 100 + i as i16 / 2 }).collect();
        assert_eq!(read(&ring, 6), expected);
    });
}
