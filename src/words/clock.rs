//! The clock: the only place that asks the system for the time. `clippy.toml` bans the direct calls everywhere else.
//!
//! Belongs here: the present time, elapsed time, and a clock that tests move. Does not: waiting.
//!
//! Code whose decisions depend on time gets a [`Clock`], so that a test can decide for it. Code that only measures, for people or for a bench,
//! asks [`SystemClock`]; so do tests that wait for another process.
#![allow(clippy::disallowed_methods)]

use std::{
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

/// Wakes those who wait for a moment of a clock.
pub type Bell = Box<dyn Fn() + Send + Sync>;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The wall clock: for the time and the day of a call. May jump, either way.
    fn wall(&self) -> Timestamp;

    /// The monotonic clock: for deadlines and durations. Never goes back.
    fn now(&self) -> Instant;

    /// How long the machine has been suspended since it was started: the monotonic clock stands still meanwhile, and the wall clock goes on.
    fn asleep(&self) -> Duration {
        Duration::ZERO
    }

    /// The time since `then`; zero if it is still to come.
    fn since(&self, then: Instant) -> Duration {
        self.now().saturating_duration_since(then)
    }

    /// The time until `then`; zero if it is over.
    fn until(&self, then: Instant) -> Duration {
        then.saturating_duration_since(self.now())
    }

    /// Calls `bell` whenever somebody moves the clock, so that a thread that waits by it looks again. Nobody moves the system's clock: there a
    /// wait of [`Clock::until`] ends by itself.
    fn on_move(&self, _bell: Bell) {}
}

/// The system's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn asleep(&self) -> Duration {
        suspended()
    }
}

/// What one clock of the system counts while the machine is suspended, and the other does not.
#[cfg(target_os = "linux")]
fn suspended() -> Duration {
    use nix::time::{ClockId, clock_gettime};

    // In this order, so that what passes between the two is never counted as negative.
    let awake = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from);
    let all = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from);
    all.and_then(|all| Ok(all.saturating_sub(awake?))).unwrap_or_default()
}

/// Other systems don't tell it apart.
#[cfg(not(target_os = "linux"))]
fn suspended() -> Duration {
    Duration::ZERO
}

/// A clock that stands still until a test moves it.
///
/// ```
/// # use retrocall_words::{Clock, TestClock};
/// # use std::time::Duration;
/// let clock = TestClock::default();
/// let then = clock.now();
/// clock.pass(Duration::from_secs(3));
/// assert_eq!(clock.since(then), Duration::from_secs(3));
/// ```
pub struct TestClock {
    began: Beginning,
    passed_us: AtomicU64,
    asleep_us: AtomicU64,
    bells: Mutex<Vec<Bell>>,
    /// How far the wall clock has jumped.
    stepped_us: AtomicI64,
}

impl Default for TestClock {
    /// A clock that stands at the present moment.
    fn default() -> TestClock {
        TestClock::at(Timestamp::now())
    }
}

impl TestClock {
    /// A clock whose wall clock stands at `wall`.
    pub fn at(wall: Timestamp) -> TestClock {
        // Long after the start of the machine, before which no `Instant` exists: tests count back too.
        static FIRST: LazyLock<Instant> = LazyLock::new(|| Instant::now() + Duration::from_secs(86_400));
        TestClock {
            began: Beginning { at: wall, instant: *FIRST, asleep: Duration::ZERO },
            passed_us: AtomicU64::new(0),
            asleep_us: AtomicU64::new(0),
            bells: Mutex::default(),
            stepped_us: AtomicI64::new(0),
        }
    }

    /// Lets time pass, in whole microseconds.
    pub fn pass(&self, time: Duration) {
        self.passed_us.fetch_add(time.as_micros() as u64, Ordering::SeqCst);
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.iter().for_each(|bell| bell());
    }

    /// The machine is suspended for so long, in whole microseconds: the monotonic clock does not notice.
    pub fn suspend(&self, time: Duration) {
        self.asleep_us.fetch_add(time.as_micros() as u64, Ordering::SeqCst);
    }

    /// Moves the wall clock forward, or back: no time passes.
    pub fn step_wall(&self, by: SignedDuration) {
        self.stepped_us.fetch_add(by.as_micros() as i64, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Timestamp {
        self.began.count_to(Beginning { at: self.began.at, instant: self.now(), asleep: self.asleep() })
            + SignedDuration::from_micros(self.stepped_us.load(Ordering::SeqCst))
    }

    fn now(&self) -> Instant {
        self.began.instant + Duration::from_micros(self.passed_us.load(Ordering::SeqCst))
    }

    fn asleep(&self) -> Duration {
        Duration::from_micros(self.asleep_us.load(Ordering::SeqCst))
    }

    fn on_move(&self, bell: Bell) {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner).push(bell);
    }
}

/// The beginning of something, by both clocks. Every later moment is told from it, so it does not matter how the wall clock jumps meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beginning {
    /// By the wall clock.
    pub at: Timestamp,
    /// By the monotonic clock.
    pub instant: Instant,
    /// How long the machine had been suspended by then.
    pub asleep: Duration,
}

impl Beginning {
    /// Now.
    pub fn now(clock: &dyn Clock) -> Beginning {
        Beginning { at: clock.wall(), instant: clock.now(), asleep: clock.asleep() }
    }

    /// The wall-clock time of `later`, counted from this beginning by all time that has passed, also while the machine was suspended. What `later`
    /// says of the wall clock is not looked at.
    pub fn count_to(&self, later: Beginning) -> Timestamp {
        let asleep = SignedDuration::try_from(later.asleep.saturating_sub(self.asleep)).unwrap_or(SignedDuration::ZERO);
        self.time(later.instant).checked_add(asleep).unwrap_or(Timestamp::MAX)
    }

    /// The wall-clock time of a moment of the monotonic clock, counted from this beginning.
    pub fn time(&self, then: Instant) -> Timestamp {
        let later = SignedDuration::try_from(then.saturating_duration_since(self.instant)).ok();
        later.and_then(|later| self.at.checked_add(later).ok()).unwrap_or(Timestamp::MAX)
    }
}
