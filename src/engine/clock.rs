//! The two clocks: what time it is, which may jump, and how much time has passed, which does not.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Where the engine has its time from. Tests have one of their own, in which a day takes seconds.
pub trait Clock: Send + Sync {
    /// The wall clock: for when a call began and which day it is. May jump, either way.
    fn wall(&self) -> Timestamp;
    /// The monotonic clock: for how long something took. Counts from any moment, and never back.
    fn passed(&self) -> Duration;
}

/// The system's clocks.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock(Instant::now())
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn passed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// When something began, by both clocks: every later moment of it is that much later, however the wall clock jumps meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beginning {
    /// By the wall clock.
    pub at: Timestamp,
    /// By the monotonic clock.
    pub passed: Duration,
}

impl Beginning {
    /// Now.
    pub fn now(clock: &dyn Clock) -> Beginning {
        Beginning { at: clock.wall(), passed: clock.passed() }
    }

    /// What time it is, as seen from here, when the monotonic clock says `passed`.
    pub fn time(&self, passed: Duration) -> Timestamp {
        let later = SignedDuration::try_from(passed.saturating_sub(self.passed)).ok();
        later.and_then(|later| self.at.checked_add(later).ok()).unwrap_or(Timestamp::MAX)
    }
}
