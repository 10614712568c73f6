//! Whether the wall clock can be believed: a clock that has jumped would make everything due at once.
//!
//! Belongs here: what counts as a jump. Does not: who accepts one.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use retrocall_words::Beginning;

/// How far the wall clock may step while the process runs: more than any change of a zone or leap.
const STEP_MAX: SignedDuration = SignedDuration::from_hours(26);
/// How long nobody may have swept: then nothing says how much time has passed.
const PAUSE_MAX: SignedDuration = SignedDuration::from_hours(32 * 24);

/// A wall clock that has jumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// What it should show at least, or at most, as far as can be known.
    pub expected: Timestamp,
    /// What it shows.
    pub shown: Timestamp,
}

impl fmt::Display for Jump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Jump { expected, shown } = self;
        let which = if shown < expected { "back" } else { "forward" };
        write!(
            f,
            "the clock has jumped {which}: it shows {shown:.0}, and should show about {expected:.0}; nothing is deleted until somebody has \
             set it right, or has said that it is right (`retrocall sweep --accept-clock`)"
        )
    }
}

/// Follows the clock from sweep to sweep.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClockGuard {
    /// When this process swept last, by both clocks.
    own: Option<Beginning>,
}

impl From<Beginning> for ClockGuard {
    /// That of a process that last went by the clock at this moment.
    fn from(own: Beginning) -> ClockGuard {
        ClockGuard { own: Some(own) }
    }
}

impl ClockGuard {
    /// Judges the clock. `last` is when a sweep was begun last, by whichever process.
    ///
    /// # Errors
    /// That it has jumped.
    pub fn judge(&self, last: Option<Timestamp>, now: Beginning) -> Result<(), Jump> {
        let Some(last) = last else { return Ok(()) };
        if let Some(own) = self.own.filter(|own| own.at == last) {
            let expected = own.count_to(now);
            let is_near = now.at.duration_since(expected).abs() <= STEP_MAX;
            return if is_near { Ok(()) } else { Err(Jump { expected, shown: now.at }) };
        }
        // Another process swept, and nothing says how much time has passed since.
        let is_later = (SignedDuration::ZERO..=PAUSE_MAX).contains(&now.at.duration_since(last));
        if is_later { Ok(()) } else { Err(Jump { expected: last, shown: now.at }) }
    }

    /// This process sweeps now, by a clock that was judged, or accepted.
    pub fn swept(&mut self, now: Beginning) {
        self.own = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use retrocall_words::{Clock, TestClock};

    use super::*;

    fn hours(hours: i64) -> SignedDuration {
        SignedDuration::from_hours(hours)
    }

    fn clock() -> TestClock {
        TestClock::at("2026-11-28T01:00:00Z".parse().expect("a time"))
    }

    #[test]
    fn within_a_run_a_step_of_more_than_26_hours_against_elapsed_time_is_a_jump() {
        for (step, is_jump) in [(0, false), (26, false), (27, true), (-26, false), (-27, true), (12 * 365 * 24, true)] {
            let (clock, mut guard) = (clock(), ClockGuard::default());
            let last = clock.wall();
            guard.swept(Beginning::now(&clock));
            clock.pass(Duration::from_secs(40 * 24 * 3600));
            clock.step_wall(hours(step));
            assert_eq!(guard.judge(Some(last), Beginning::now(&clock)).is_err(), is_jump, "{step} hours");
        }
    }

    #[test]
    fn a_machine_that_was_suspended_over_a_weekend_has_not_jumped() {
        let (clock, mut guard) = (clock(), ClockGuard::default());
        let last = clock.wall();
        guard.swept(Beginning::now(&clock));
        clock.suspend(Duration::from_secs(62 * 3600));
        clock.pass(Duration::from_secs(5));
        assert_eq!(clock.wall().duration_since(last), hours(62) + SignedDuration::from_secs(5));
        assert_eq!(guard.judge(Some(last), Beginning::now(&clock)), Ok(()));
        clock.step_wall(hours(27));
        assert!(guard.judge(Some(last), Beginning::now(&clock)).is_err(), "a jump beside it is one all the same");
    }

    #[test]
    fn between_two_runs_any_step_back_and_more_than_32_days_forward_are_jumps() {
        for (step, is_jump) in [(0, false), (32 * 24, false), (32 * 24 + 1, true), (-1, true)] {
            let clock = clock();
            let last = clock.wall();
            clock.step_wall(hours(step));
            let judged = ClockGuard::default().judge(Some(last), Beginning::now(&clock));
            assert_eq!(judged.is_err(), is_jump, "{step} hours");
        }
        assert_eq!(ClockGuard::default().judge(None, Beginning::now(&clock())), Ok(()), "nobody has swept yet");
    }

    #[test]
    fn what_another_process_has_accepted_holds_for_this_one() {
        let (clock, mut guard) = (clock(), ClockGuard::default());
        guard.swept(Beginning::now(&clock));
        clock.step_wall(hours(12 * 365 * 24));
        let accepted = clock.wall();
        clock.pass(Duration::from_secs(3600));
        assert_eq!(guard.judge(Some(accepted), Beginning::now(&clock)), Ok(()));
    }

    #[test]
    fn a_jump_says_what_to_do() {
        let jump = Jump { expected: Timestamp::UNIX_EPOCH, shown: "2038-01-01T00:00:00Z".parse().expect("a time") };
        let words = jump.to_string();
        assert!(words.contains("jumped forward") && words.contains("--accept-clock"), "{words}");
        assert!(words.contains("1970-01-01T00:00:00Z"), "{words}");
    }
}
