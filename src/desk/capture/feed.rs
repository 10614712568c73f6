//! Carries samples and their times from a device's callback to another thread.
//!
//! Belongs here: code that runs in the callback of a sound device. Does not: anything that waits, allocates, calls the system or decides.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ringbuf::{
    HeapCons, HeapProd, HeapRb,
    traits::{Consumer, Observer, Producer, Split},
};

use retrocall_core::memory::{LockedSamples, MapError, QueueIn, QueueOut, locked_queue};
use retrocall_words::{Clock as _, SystemClock, audio::Rate};

/// Seconds of audio that can wait for the other thread. If it gets no turn for longer, audio is lost.
const WAITING_S: f64 = 2.0;
/// Deliveries that can wait: no real device delivers more often than every half millisecond.
const DELIVERIES_MAX: usize = 4_096;

/// The callback's end.
pub(super) struct FeedIn {
    samples: QueueIn<i16>,
    marks: HeapProd<Mark>,
    counts: Arc<Counts>,
}

/// The other end.
pub(super) struct FeedOut {
    samples: QueueOut<i16>,
    marks: HeapCons<Mark>,
    counts: Arc<Counts>,
    /// One delivery.
    taken: LockedSamples,
}

/// Counts that both ends see.
pub(super) struct Counts {
    /// Samples that found no room.
    lost: AtomicU64,
    made: Instant,
    /// When the last delivery came, in milliseconds after `made`.
    last_ms: AtomicU64,
}

/// One delivery.
struct Mark {
    at: Instant,
    samples: usize,
}

/// Makes both ends, for one leg of this rate.
pub(super) fn feed(rate: Rate) -> Result<(FeedIn, FeedOut), MapError> {
    let room = rate.samples(WAITING_S) as usize;
    let (samples_in, samples_out) = locked_queue(room, true)?;
    let (marks_in, marks_out) = HeapRb::new(DELIVERIES_MAX).split();
    let counts = Arc::new(Counts { lost: AtomicU64::new(0), made: SystemClock.now(), last_ms: AtomicU64::new(0) });
    let taken = LockedSamples::new(samples_out.capacity().get(), true)?;
    Ok((
        FeedIn { samples: samples_in, marks: marks_in, counts: Arc::clone(&counts) },
        FeedOut { samples: samples_out, marks: marks_out, counts, taken },
    ))
}

impl FeedIn {
    /// Puts in a delivery that came now, as the mean of its channels. If it does not fit, it is dropped whole and counted.
    pub(super) fn deliver<T: Copy>(&mut self, interleaved: &[T], channels: usize, to_i16: impl Fn(T) -> i16) {
        let at = SystemClock.now();
        let samples = interleaved.len() / channels;
        self.counts.last_ms.store((at - self.counts.made).as_millis() as u64, Ordering::Relaxed);
        if self.samples.vacant_len() < samples || self.marks.is_full() {
            self.counts.lost.fetch_add(samples as u64, Ordering::Relaxed);
            return;
        }
        let mono = interleaved.chunks_exact(channels).map(|frame| {
            let sum: i32 = frame.iter().map(|sample| i32::from(to_i16(*sample))).sum();
            (sum / channels as i32) as i16
        });
        self.samples.push_iter(mono);
        // The samples first: whoever sees the mark finds them there, for the queue of marks publishes with Release what it reads with Acquire.
        let _ = self.marks.try_push(Mark { at, samples });
    }
}

impl FeedOut {
    /// The next delivery: when it came, and its samples.
    pub(super) fn next(&mut self) -> Option<(Instant, &[i16])> {
        let mark = self.marks.try_pop()?;
        let samples = &mut self.taken[..mark.samples];
        let count = self.samples.pop_slice(samples);
        debug_assert_eq!(count, mark.samples, "samples come before their mark");
        Some((mark.at, samples))
    }

    /// The counts, for whoever has neither end.
    pub(super) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }
}

impl Counts {
    /// Samples that found no room.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Time since the last delivery.
    pub(super) fn silent_for(&self) -> Duration {
        SystemClock.since(self.made).saturating_sub(Duration::from_millis(self.last_ms.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use assert_no_alloc::assert_no_alloc;

    use super::*;

    #[test]
    fn a_callback_allocates_nothing_and_what_it_delivers_comes_out_as_it_was() {
        let (mut feed_in, mut feed_out) = feed(Rate::new(8_000).expect("a rate")).expect("memory for a test");
        let stereo: Vec<i16> = (0..160).flat_map(|number| [number, number + 2]).collect();
        assert_no_alloc(|| feed_in.deliver(&stereo, 2, |sample| sample));
        assert_no_alloc(|| feed_in.deliver(&[0.5f32, -0.25], 1, |sample| (sample * 32_768.0) as i16));
        let (_, samples) = feed_out.next().expect("a delivery");
        assert!(samples.iter().copied().eq(1..161), "the mean of both channels");
        let (_, samples) = feed_out.next().expect("a delivery");
        assert_eq!(samples, [16_384, -8_192]);
        assert!(feed_out.next().is_none());
    }

    #[test]
    fn what_finds_no_room_is_counted_and_what_was_there_stays_whole() {
        let (mut feed_in, mut feed_out) = feed(Rate::new(8_000).expect("a rate")).expect("memory for a test");
        let room = feed_out.samples.capacity().get();
        let run = vec![5i16; 1_000];
        for _ in 0..room / 1_000 + 3 {
            assert_no_alloc(|| feed_in.deliver(&run, 1, |sample| sample));
        }
        assert_eq!(feed_out.counts().lost(), 3_000);
        let mut came = 0;
        while let Some((_, samples)) = feed_out.next() {
            assert_eq!(samples, run);
            came += samples.len();
        }
        assert_eq!(came, room / 1_000 * 1_000);
    }
}
