//! When a process sweeps: every hour, and when somebody asks for it.
//!
//! Belongs here: waiting for the next turn. Does not: what is done then.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use retrocall_words::Clock;
use tracing::info;

/// After the start the engine registers what the last run left; then it sweeps for the first time.
const FIRST: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(3_600);
/// Between two sweeps, however often one is asked for.
const PAUSE: Duration = Duration::from_secs(10);

/// The sweeps of this process, by their homes, for whoever asks for one.
static GOING: Mutex<BTreeMap<PathBuf, Sender<()>>> = Mutex::new(BTreeMap::new());

/// Has what is due in a home deleted now, or a moment after the last time. Whoever asks in a process that does not sweep there asks for nothing.
pub fn ask_now(home: &Path) {
    if let Some(bell) = GOING.lock().get(&absolute(home)) {
        // The thread is ending, if not.
        let _ = bell.send(());
    }
}

fn absolute(home: &Path) -> PathBuf {
    std::path::absolute(home).unwrap_or_else(|_| home.to_owned())
}

/// Keeps turns coming until it is dropped.
pub(super) struct Going {
    home: PathBuf,
    /// The thread ends when it and the one in [`GOING`] are dropped.
    _until: Sender<()>,
}

impl Drop for Going {
    fn drop(&mut self) {
        GOING.lock().remove(&self.home);
    }
}

/// The turns of a thread.
pub(super) struct Turns {
    clock: Arc<dyn Clock>,
    /// Asked for one; closed when it is to end.
    asked: Receiver<()>,
    /// When the last one was begun.
    last: Option<Instant>,
    wait: Duration,
}

impl Turns {
    /// Those of a home's sweep.
    pub(super) fn of(home: &Path, clock: Arc<dyn Clock>) -> (Going, Turns) {
        let (until, asked) = mpsc::channel();
        let home = absolute(home);
        GOING.lock().insert(home.clone(), until.clone());
        (Going { home, _until: until }, Turns { clock, asked, last: None, wait: FIRST })
    }

    /// Waits until it is time for the next one, which is begun then. False: it is to end.
    pub(super) fn next(&mut self) -> bool {
        let is_time = self.is_time();
        (self.wait, self.last) = (EVERY, Some(self.clock.now()));
        is_time
    }

    fn is_time(&mut self) -> bool {
        loop {
            match self.asked.recv_timeout(self.wait) {
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
                Ok(()) => {
                    info!("somebody asks to delete now what is due");
                    // However often it was asked for meanwhile, that is one.
                    while self.asked.try_recv().is_ok() {}
                    let since = self.last.map_or(PAUSE, |last| self.clock.since(last));
                    self.wait = self.wait.min(PAUSE.saturating_sub(since));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::TestClock;

    #[test]
    fn what_is_asked_for_is_swept_now_a_moment_later_if_it_was_just_done_and_once_however_often() {
        let home = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(TestClock::default());
        let (going, mut turns) = Turns::of(home.path(), Arc::clone(&clock) as _);
        (0..5).for_each(|_| ask_now(home.path()));
        assert!(turns.is_time() && turns.wait == Duration::ZERO, "long before the first hour");
        (turns.wait, turns.last) = (EVERY, Some(clock.now()));
        clock.pass(PAUSE - Duration::from_millis(2));
        ask_now(home.path());
        assert!(turns.is_time());
        assert_eq!(turns.wait, Duration::from_millis(2), "not twice in a moment");
        ask_now(&home.path().join("elsewhere"));
        assert!(turns.asked.try_recv().is_err(), "that is another home");
        drop(going);
        assert!(!turns.is_time(), "it ends");
        ask_now(home.path());
    }
}
