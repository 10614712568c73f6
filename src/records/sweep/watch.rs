//! The clock as an engine follows it, from second to second: what it may open a day by.
//!
//! Belongs here: whether the wall clock is believed now, and the time that holds while it is not. Does not: what follows from it (`worker`).

use std::{path::Path, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use retrocall_words::{Beginning, Clock};

use super::{ClockGuard, Files as _, HomeFiles, Jump};

/// How far behind the last sweep a deed may be: clocks are set right by seconds, and that is no jump.
const BEHIND_MAX: SignedDuration = SignedDuration::from_secs(60);

/// Whether a home's people may go by the clock now.
///
/// # Errors
/// That it has jumped since the last sweep.
pub fn believe(home: &Path, clock: Beginning) -> Result<(), Jump> {
    // What can't be read says nothing.
    let last = HomeFiles::of(home).last_sweep().unwrap_or_default();
    let is_near = |last: Timestamp| (SignedDuration::ZERO..=BEHIND_MAX).contains(&last.duration_since(clock.at));
    if last.is_some_and(is_near) { Ok(()) } else { ClockGuard::default().judge(last, clock) }
}

/// Follows the clock of an engine.
pub(crate) struct ClockWatch {
    clock: Arc<dyn Clock>,
    /// When it was last believed, and when by then the last sweep was.
    believed: Option<(Beginning, Option<Timestamp>)>,
    /// It is not believed: since when, from which moment time is counted meanwhile.
    refused: Option<(Jump, Beginning)>,
}

impl ClockWatch {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> ClockWatch {
        ClockWatch { clock, believed: None, refused: None }
    }

    /// Judges the clock. True if it is believed.
    pub(crate) fn look(&mut self, home: &Path) -> bool {
        let (now, last) = (Beginning::now(&*self.clock), HomeFiles::of(home).last_sweep().unwrap_or_default());
        let judged = match self.believed {
            Some((own, seen)) => {
                let alone = ClockGuard::from(own).judge(Some(own.at), now);
                // Somebody has accepted it meanwhile: by a sweep.
                let is_accepted = last != seen && last.is_some() && ClockGuard::default().judge(last, now).is_ok();
                if is_accepted { Ok(()) } else { alone }
            }
            None => believe(home, now),
        };
        match judged {
            Ok(()) => {
                self.believed = Some((now, last));
                self.refused = None;
            }
            Err(jump) if self.refused.is_none() => {
                let base = self.believed.map_or(Beginning { at: jump.expected, ..now }, |(own, _)| own);
                tracing::error!(
                    "{jump}; calls are captured, and no day of the draw begins: their numbers go on in the open one"
                );
                self.refused = Some((jump, base));
            }
            Err(_) => {}
        }
        judged.is_ok()
    }

    /// Whether nothing has happened to the clock since it was last believed, as far as can be told without looking at a file.
    pub(crate) fn is_well(&self) -> bool {
        let now = Beginning::now(&*self.clock);
        self.refused.is_none()
            && self.believed.is_some_and(|(own, _)| ClockGuard::from(own).judge(Some(own.at), now).is_ok())
    }

    /// The jump, while the clock is not believed.
    pub(crate) fn refused(&self) -> Option<Jump> {
        self.refused.map(|(jump, _)| jump)
    }

    /// The time: by the clock, or, while that is not believed, by what has elapsed since it was.
    pub(crate) fn now(&self) -> Timestamp {
        self.refused.map_or_else(|| self.clock.wall(), |(_, base)| base.count_to(Beginning::now(&*self.clock)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use retrocall_words::TestClock;
    use tempfile::TempDir;

    use super::*;

    const TWELVE_YEARS: SignedDuration = SignedDuration::from_hours(12 * 365 * 24);

    fn desk() -> (TempDir, Arc<TestClock>, ClockWatch) {
        let clock = Arc::new(TestClock::at("2026-11-28T12:00:00Z".parse().expect("a time")));
        (TempDir::new().expect("a folder"), Arc::clone(&clock), ClockWatch::new(clock))
    }

    #[test]
    fn while_a_clock_that_has_jumped_is_not_accepted_time_goes_on_by_what_elapses() {
        for jump in [TWELVE_YEARS, -TWELVE_YEARS] {
            let (home, clock, mut watch) = desk();
            assert!(watch.look(home.path()) && watch.is_well());
            let before = clock.wall();
            clock.step_wall(jump);
            clock.pass(Duration::from_secs(60));
            assert!(!watch.is_well() && !watch.look(home.path()));
            assert_eq!(watch.now(), before + SignedDuration::from_secs(60));
            clock.pass(Duration::from_secs(86_400));
            assert!(!watch.look(home.path()));
            assert_eq!(watch.now(), before + SignedDuration::from_secs(86_460));
            // Set right again: there is nothing to accept.
            clock.step_wall(-jump);
            assert!(watch.look(home.path()) && watch.refused().is_none());
            assert_eq!(watch.now(), clock.wall());
        }
    }

    #[test]
    fn a_laptop_that_slept_for_two_days_goes_on_and_time_that_is_not_believed_counts_its_sleep_too() {
        let (home, clock, mut watch) = desk();
        assert!(watch.look(home.path()));
        clock.suspend(Duration::from_secs(48 * 3600));
        assert!(watch.is_well() && watch.look(home.path()));
        let before = clock.wall();
        clock.step_wall(TWELVE_YEARS);
        assert!(!watch.look(home.path()));
        clock.suspend(Duration::from_secs(48 * 3600));
        assert_eq!(watch.now(), before + SignedDuration::from_hours(48));
    }

    #[test]
    fn what_a_sweep_accepts_holds_for_the_engine_too() {
        let (home, clock, mut watch) = desk();
        assert!(watch.look(home.path()));
        clock.step_wall(TWELVE_YEARS);
        assert!(!watch.look(home.path()));
        HomeFiles::of(home.path()).note_sweep(clock.wall()).expect("noted");
        clock.pass(Duration::from_secs(1));
        assert!(watch.look(home.path()));
        assert_eq!(watch.now(), clock.wall());
    }

    #[test]
    fn an_engine_that_starts_with_a_wrong_clock_goes_by_the_last_sweep() {
        let (home, clock, _) = desk();
        let swept = clock.wall();
        HomeFiles::of(home.path()).note_sweep(swept).expect("noted");
        clock.step_wall(-TWELVE_YEARS);
        let mut watch = ClockWatch::new(Arc::clone(&clock) as Arc<dyn Clock>);
        assert!(!watch.look(home.path()));
        clock.pass(Duration::from_secs(5));
        assert_eq!(watch.now(), swept + SignedDuration::from_secs(5));
        clock.step_wall(TWELVE_YEARS);
        assert!(watch.look(home.path()));
    }

    #[test]
    fn zones_and_daylight_saving_are_no_jumps_whatever_they_do_to_the_wall_clock() {
        for hours in [1, -1, 2, 14, -12, 26, -26] {
            let (home, clock, mut watch) = desk();
            assert!(watch.look(home.path()));
            clock.step_wall(SignedDuration::from_hours(hours));
            assert!(watch.look(home.path()), "{hours} hours");
        }
    }
}
