//! How late the frames of a leg arrive: the smallest lag of the last half minute, noted by the writer, read by whoever must know what is being
//! said now.
//!
//! Belongs here: lags and the clock that follows from them. Does not: what a control makes of it.
//!
//! The *lag* of a frame is the time at which it arrived, in samples, less the position of its end; below zero for a client that sends ahead. The
//! time counts from the ring's making, but any moment would do: a leg's *clock* is the time less the smallest lag, and the beginning cancels
//! out. It is the position that would arrive now if nothing was on its way.
//!
//! Lags are remembered in pieces of five seconds. A piece is forgotten when a frame comes after it is over, never by time alone: a stall,
//! however long, leaves what was known before it, and the frames that follow it late are known to be late.

use crate::memory::sync::{AtomicU64, Ordering};

/// Pieces that are remembered: six whole ones and the one that is under way, half a minute at the least.
const PIECES: usize = 7;
const PIECE_SECONDS: u64 = 5;

/// A piece of which nothing is known.
const NONE: i64 = i64::MAX;

/// What the writer of a leg tells of its arrivals.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// The smallest lag of each piece, as the bits of an `i64`.
    least: [AtomicU64; PIECES],
}

impl Arrivals {
    pub(super) fn new() -> Arrivals {
        Arrivals { least: std::array::from_fn(|_| AtomicU64::new(NONE as u64)) }
    }

    /// The smallest lag, in samples. None if nothing has arrived yet.
    pub(super) fn lag(&self) -> Option<i64> {
        let lags = self.least.iter().map(|least| least.load(Ordering::Relaxed) as i64);
        lags.min().filter(|lag| *lag != NONE)
    }
}

/// What the writer alone knows of its arrivals.
#[derive(Debug)]
pub(super) struct Punctuality {
    piece: u8,
    /// When the piece is over, in samples.
    piece_end: u64,
    least: i64,
}

impl Punctuality {
    pub(super) fn new() -> Punctuality {
        Punctuality { piece: 0, piece_end: 0, least: NONE }
    }

    /// A frame that ends at `end` has arrived at `time`. One store at the most, which few frames make: wait-free.
    pub(super) fn note(&mut self, arrivals: &Arrivals, time: u64, end: u64, rate_hz: u32) {
        let lag = (time as i64).saturating_sub_unsigned(end);
        if time >= self.piece_end {
            self.piece = (self.piece + 1) % PIECES as u8;
            self.piece_end = time + PIECE_SECONDS * u64::from(rate_hz);
            self.least = NONE;
        }
        if lag < self.least {
            self.least = lag;
            // Relaxed, here and where they are read: each is a number of its own that orders nothing.
            arrivals.least[usize::from(self.piece)].store(lag as u64, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const RATE_HZ: u32 = 8_000;
    const SECOND: u64 = RATE_HZ as u64;

    /// Frames of a second that arrive so late, one after the other, in samples.
    fn lag_after(lates: impl IntoIterator<Item = u64>) -> Option<i64> {
        let (arrivals, mut punctuality) = (Arrivals::new(), Punctuality::new());
        for (number, late) in (1..).zip(lates) {
            punctuality.note(&arrivals, number * SECOND + late, number * SECOND, RATE_HZ);
        }
        arrivals.lag()
    }

    #[test]
    fn the_smallest_lag_counts_for_half_a_minute_and_not_much_longer() {
        assert_eq!(lag_after([]), None);
        assert_eq!(lag_after([300, 200, 250]), Some(200));
        let late_for_good = |seconds| (0..100 + seconds).map(|second| if second < 100 { 10 } else { 900 });
        assert_eq!(lag_after(late_for_good(29)), Some(10));
        assert_eq!(lag_after(late_for_good(36)), Some(900));
    }

    #[test]
    fn a_client_that_sends_ahead_has_a_lag_below_zero() {
        let (arrivals, mut punctuality) = (Arrivals::new(), Punctuality::new());
        punctuality.note(&arrivals, 1_000, 5_000, RATE_HZ);
        assert_eq!(arrivals.lag(), Some(-4_000));
    }

    #[test]
    fn a_stall_of_minutes_leaves_what_was_known_before_it() {
        let (arrivals, mut punctuality) = (Arrivals::new(), Punctuality::new());
        (1..=20).for_each(|second| punctuality.note(&arrivals, second * SECOND + 5, second * SECOND, RATE_HZ));
        let time = 200 * SECOND;
        // The backlog, all at once.
        (21..=150).for_each(|second| punctuality.note(&arrivals, time, second * SECOND, RATE_HZ));
        assert_eq!(arrivals.lag(), Some(5));
    }
}
