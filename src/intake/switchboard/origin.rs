//! Finds when a call began: its first legs settle it together, so that both are placed as they were spoken, whichever is read first.
//!
//! Belongs here: the one time that the legs of a call count from. Does not: a leg's own times, which its way in knows.
//!
//! The legs of a call may have waited in the kernel while the engine had no turn, or was not there. Then they are read one after the other,
//! and the one that is read last may be the one that began first. So a call begins when its earliest leg did, and until that is settled no
//! sample has a position.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How long the other legs of a call may take to be read.
const SETTLE: Duration = Duration::from_millis(200);
/// Nothing waits for a leg that can't say when it began for longer than this.
const SETTLE_MAX: Duration = Duration::from_secs(1);

/// When a call began. Used by one thread, but for those who join.
#[derive(Debug)]
pub(crate) struct Origin {
    /// When its first samples had come: it began before.
    base: Instant,
    /// How much before, in microseconds, by what the legs have said.
    before_us: AtomicU64,
    /// Legs that have not said yet when they began.
    undecided: AtomicU32,
    settled: AtomicBool,
}

impl Origin {
    /// That of a call whose first samples have come by now.
    pub(crate) fn new(now: Instant) -> Arc<Origin> {
        Arc::new(Origin {
            base: now,
            before_us: AtomicU64::new(0),
            undecided: AtomicU32::new(0),
            settled: AtomicBool::new(false),
        })
    }

    /// One leg's say in it.
    pub(crate) fn vote(self: &Arc<Origin>) -> Vote {
        self.undecided.fetch_add(1, Ordering::Relaxed);
        Vote { origin: Arc::clone(self), cast: false }
    }

    fn is_settled(&self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.base);
        let all_said = self.undecided.load(Ordering::Relaxed) == 0;
        if passed >= SETTLE_MAX || (passed >= SETTLE && all_said) {
            self.settled.store(true, Ordering::Relaxed);
        }
        self.settled.load(Ordering::Relaxed)
    }
}

/// What one leg has to say about when its call began.
#[derive(Debug)]
pub(crate) struct Vote {
    origin: Arc<Origin>,
    cast: bool,
}

impl Vote {
    /// This leg's first sample was spoken at `start`, as far as is known by now. Returns when the call began, once that is settled.
    pub(crate) fn cast(&mut self, start: Instant, now: Instant) -> Option<Instant> {
        let origin = &*self.origin;
        if !origin.settled.load(Ordering::Relaxed) {
            let before = origin.base.saturating_duration_since(start);
            origin.before_us.fetch_max(before.as_micros() as u64, Ordering::Relaxed);
        }
        self.abstain();
        let origin = &*self.origin;
        let before = Duration::from_micros(origin.before_us.load(Ordering::Relaxed));
        origin.is_settled(now).then(|| origin.base.checked_sub(before).unwrap_or(origin.base))
    }

    /// This leg has nothing (more) to say: nobody waits for it.
    pub(crate) fn abstain(&mut self) {
        if !std::mem::replace(&mut self.cast, true) {
            self.origin.undecided.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Vote {
    fn drop(&mut self) {
        self.abstain();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::{Clock as _, SystemClock};

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_call_began_with_its_earliest_leg_whichever_is_read_first() {
        let now = SystemClock.now() + Duration::from_secs(60);
        let origin = Origin::new(now);
        let [mut late, mut early] = [origin.vote(), origin.vote()];
        assert_eq!(late.cast(now - 650 * MS, now), None, "the other one may have begun before");
        assert_eq!(early.cast(now - 950 * MS, now + 20 * MS), None);
        let began = Some(now - 950 * MS);
        assert_eq!(late.cast(now - 650 * MS, now + SETTLE), began);
        // Who comes later can't move what has its place.
        let mut third = origin.vote();
        assert_eq!(third.cast(now - 2_000 * MS, now + SETTLE), began);
        assert_eq!(early.cast(now - 950 * MS, now + SETTLE), began);
    }

    #[test]
    fn nobody_waits_for_a_leg_that_is_gone_or_says_nothing() {
        let now = SystemClock.now() + Duration::from_secs(60);
        let origin = Origin::new(now);
        let (mut says, silent, gone) = (origin.vote(), origin.vote(), origin.vote());
        drop(gone);
        assert_eq!(says.cast(now - 20 * MS, now + 2 * SETTLE), None);
        assert_eq!(says.cast(now - 20 * MS, now + SETTLE_MAX), Some(now - 20 * MS));
        drop(silent);
    }
}
