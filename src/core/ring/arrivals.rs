//! How late the frames of a leg arrive: the writer notes the smallest lag of the last half minute, and controls read it.
//!
//! Belongs here: lags. Does not: what a control makes of them.
//!
//! The *lag* of a frame is the time of its arrival, in samples, less the position of its end. It is below zero for a client that sends ahead. A leg's
//! *clock* is the time less the smallest lag: the position that would arrive now if nothing was on its way. Time counts from the ring's making, but
//! any moment would do, because it cancels out.
//!
//! Lags are remembered in pieces of five seconds. A piece is forgotten when a frame arrives after its end, never by time alone: a stall of any length
//! leaves the lags before it, so that the frames behind it are known to be late.

use crate::memory::sync::{AtomicU64, Ordering};

/// Pieces that are remembered: six whole ones and the one under way, at least half a minute.
const PIECES: usize = 7;
const PIECE_SECONDS: u64 = 5;

/// The lag of a piece without frames.
const NONE: i64 = i64::MAX;

/// The lags of a leg, for others to read.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// The smallest lag of each piece, as the bits of an `i64`; [`NONE`] if it has none.
    least: [AtomicU64; PIECES],
}

impl Arrivals {
    pub(super) fn new() -> Arrivals {
        Arrivals { least: std::array::from_fn(|_| AtomicU64::new(NONE as u64)) }
    }

    /// The smallest lag, in samples. None before the first arrival.
    pub(super) fn lag(&self) -> Option<i64> {
        let lags = self.least.iter().map(|least| least.load(Ordering::Relaxed) as i64);
        lags.min().filter(|lag| *lag != NONE)
    }
}

/// The writer's own notes of its arrivals.
#[derive(Debug)]
pub(super) struct Punctuality {
    /// The piece under way: below [`PIECES`].
    piece: u8,
    /// The end of the piece, in samples.
    piece_end: u64,
    /// The smallest lag of the piece.
    least: i64,
}

impl Punctuality {
    pub(super) fn new() -> Punctuality {
        Punctuality { piece: 0, piece_end: 0, least: NONE }
    }

    /// Notes that a frame that ends at `end` has arrived at `time`. Wait-free: at most one store, which few frames make.
    pub(super) fn note(&mut self, arrivals: &Arrivals, time: u64, end: u64, rate_hz: u32) {
        let lag = (time as i64).saturating_sub_unsigned(end);
        if time >= self.piece_end {
            self.piece = (self.piece + 1) % PIECES as u8;
            self.piece_end = time + PIECE_SECONDS * u64::from(rate_hz);
            self.least = NONE;
        }
        if lag < self.least {
            self.least = lag;
            // Relaxed, here and where lags are read: each is a number of its own and orders nothing.
            arrivals.least[usize::from(self.piece)].store(lag as u64, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const RATE_HZ: u32 = 8_000;
    const SECOND: u64 = RATE_HZ as u64;

    /// The lag after frames of a second each, which arrive so many samples late.
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
