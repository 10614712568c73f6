//! Who may fetch which recording's sound now: whoever said before that they listen, so that each play is noted once and before its first byte.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use retrocall_words::Clock;

/// How long after its last byte a play is over: listening again is noted again.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// Plays that are remembered.
const PLAYS_MAX: usize = 10_000;

/// By what a browser is remembered, and the recording.
type Play = ([u8; 32], String);

/// The plays that go on.
pub(crate) struct Plays {
    clock: Arc<dyn Clock>,
    going_on: Mutex<HashMap<Play, Instant>>,
}

impl Plays {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Plays {
        Plays { clock, going_on: Mutex::default() }
    }

    /// Somebody listens: it is noted.
    pub(crate) fn begin(&self, browser: [u8; 32], recording: &str) {
        let now = self.clock.now();
        let mut going_on = self.going_on.lock();
        if going_on.len() >= PLAYS_MAX {
            going_on.retain(|_, last| now.saturating_duration_since(*last) < IDLE);
            if going_on.len() >= PLAYS_MAX {
                going_on.clear();
            }
        }
        going_on.insert((browser, recording.to_owned()), now);
    }

    /// Whether they still do.
    pub(crate) fn goes_on(&self, browser: [u8; 32], recording: &str) -> bool {
        let now = self.clock.now();
        let mut going_on = self.going_on.lock();
        let Some(last) = going_on.get_mut(&(browser, recording.to_owned())) else { return false };
        if now.saturating_duration_since(*last) >= IDLE {
            return false;
        }
        *last = now;
        true
    }

    /// They have decided, or left: to hear it again is another play.
    pub(crate) fn end(&self, browser: [u8; 32], recording: &str) {
        self.going_on.lock().remove(&(browser, recording.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::TestClock;

    #[test]
    fn a_play_goes_on_as_long_as_somebody_fetches_and_is_that_of_one_browser() {
        let clock = Arc::new(TestClock::default());
        let plays = Plays::new(Arc::clone(&clock) as _);
        plays.begin([1; 32], "a");
        for _ in 0..5 {
            clock.pass(Duration::from_secs(20 * 60));
            assert!(plays.goes_on([1; 32], "a"));
        }
        assert!(!plays.goes_on([1; 32], "b") && !plays.goes_on([2; 32], "a"));
        clock.pass(IDLE);
        assert!(!plays.goes_on([1; 32], "a"));
        plays.begin([1; 32], "a");
        plays.end([1; 32], "a");
        assert!(!plays.goes_on([1; 32], "a"));
    }
}
