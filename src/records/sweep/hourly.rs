//! The sweep of an engine: every hour, and when somebody asks for it, on a thread of its own, which whoever starts it watches.
//!
//! Belongs here: when it runs, and what the log says of it. Does not: what it does, who may ask for it.

use std::{
    collections::BTreeMap,
    io, mem,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use jiff::civil::Date;
use parking_lot::Mutex;
use retrocall_words::{
    Clock, Practice,
    book::day_of,
    retention::{Calendar, Period, Periods},
};
use tracing::{error, info, warn};

use super::{
    Believe, HomeFiles, HomeStore, Overwriting, Report, Stopped, Sweeper, daily::Daily, is_open, overwrite,
    overwrite::Pace, remove_returned,
};
use crate::{holds, ledger};

/// After the start the engine registers what the last run left; then it sweeps for the first time.
const FIRST: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(3_600);
/// Between two sweeps, however often one is asked for.
const PAUSE: Duration = Duration::from_secs(10);

/// The sweeps of this process, by their homes, for whoever asks for one.
static GOING: Mutex<BTreeMap<PathBuf, Sender<()>>> = Mutex::new(BTreeMap::new());

/// Has what is due in a home deleted now, or a moment after the last time. Whoever asks in a process that does not sweep there asks for nothing.
pub(crate) fn ask_now(home: &Path) {
    if let Some(bell) = GOING.lock().get(&absolute(home)) {
        // The thread is ending, if not.
        let _ = bell.send(());
    }
}

fn absolute(home: &Path) -> PathBuf {
    std::path::absolute(home).unwrap_or_else(|_| home.to_owned())
}

/// Keeps the hourly sweep going until it is dropped. A run that is going on then is cut off with the process: the next one finishes it.
pub struct Hourly {
    home: PathBuf,
    /// The thread ends when it and the one in [`GOING`] are dropped.
    _until: Sender<()>,
}

impl Drop for Hourly {
    fn drop(&mut self) {
        GOING.lock().remove(&self.home);
    }
}

/// The work of the thread.
pub struct HourlyWork {
    home: PathBuf,
    rules: (Periods, Calendar, Practice),
    clock: Arc<dyn Clock>,
    /// Asked for one; closed when it is to end.
    asked: Receiver<()>,
    /// When the last one was begun.
    last: Option<Instant>,
    sweeper: Sweeper,
    pace: Pace,
    wait: Duration,
    /// Files of recordings that are gone were looked for.
    has_looked: bool,
    /// The day on which segments of the ledger were last looked at.
    expired_on: Option<Date>,
    daily: Daily,
}

impl Hourly {
    /// The hourly sweep of a home, by these rules; its work is for a thread of its own.
    pub fn new(home: &Path, rules: (Periods, Calendar, Practice), clock: Arc<dyn Clock>) -> (Hourly, HourlyWork) {
        let (until, asked) = mpsc::channel();
        let home_of_it = absolute(home);
        GOING.lock().insert(home_of_it.clone(), until.clone());
        let work = HourlyWork {
            home: home.to_owned(),
            rules,
            sweeper: Sweeper::new(format!("engine {} of {}", process::id(), clock.wall())),
            clock,
            asked,
            last: None,
            pace: Pace::default(),
            wait: FIRST,
            has_looked: false,
            expired_on: None,
            daily: Daily::default(),
        };
        (Hourly { home: home_of_it, _until: until }, work)
    }
}

impl HourlyWork {
    /// Sweeps until the other side is dropped. After a panic it is called again, and goes on in an hour. `at_work` gives what is held while it
    /// works, and let go of while it waits.
    pub fn run<W>(&mut self, at_work: impl Fn() -> W) {
        // What a backup of the folder brought back goes before anybody can find it.
        if !mem::replace(&mut self.has_looked, true) {
            let _work = at_work();
            self.look_for_returned();
        }
        while self.is_time() {
            self.wait = EVERY;
            self.last = Some(self.clock.now());
            let _work = at_work();
            let swept = self.once();
            let told = self.daily.tell(&self.home, (&self.rules.0, &self.rules.1), self.clock.wall());
            let is_swept = swept.is_ok();
            self.tell(swept);
            told.unwrap_or_else(|trouble| warn!("what is about to go can't be told: {trouble}"));
            if is_swept {
                self.look_for_returned();
                self.expire();
                self.overwrite();
            }
        }
    }

    /// Waits until it is time for the next one. False: it is to end.
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

    /// One run: what is due by these rules. A home without a catalog has nothing.
    fn once(&mut self) -> Result<Report, Stopped> {
        let files = HomeFiles::of(&self.home);
        // First: it keeps restores away.
        let store = HomeStore::open(&self.home)?;
        is_open(&self.home)?;
        // Before a version of the policy is written down by a clock that has jumped.
        self.sweeper.judge(&files, &*self.clock)?;
        let Some(mut store) = store else { return Ok(Report::default()) };
        store.follow(self.rules.0, &self.rules.1, self.clock.wall())?;
        Daily::before_sweep(&self.home, &self.rules.2, self.clock.wall())?;
        self.sweeper.run(&mut store, &files, &*self.clock, Believe::Checked)
    }

    fn tell(&self, swept: Result<Report, Stopped>) {
        match swept {
            Ok(report) => {
                for (recording, why) in &report.failed {
                    warn!(recording, "it is due, and can't be deleted yet: {why}");
                }
                for recording in &report.absent {
                    warn!(recording, "it was due, and its file was not there: ask who removed it");
                }
                // Every hour, though nothing was due: whoever reads the log sees that deletion is alive.
                info!(gone = report.gone, finished = report.finished, "swept: what was due is deleted");
            }
            Err(Stopped::Elsewhere) => info!("another sweep is running"),
            Err(stopped) => warn!(home = %self.home.display(), "nothing is deleted in this hour: {stopped}"),
        }
    }

    fn look_for_returned(&self) {
        match remove_returned(&self.home, self.clock.wall()) {
            Ok(returned) => {
                for file in &returned.removed {
                    warn!(path = %file.display(), "a recording that was deleted had come back, and is deleted again: ask who put it there");
                }
                for (file, why) in &returned.failed {
                    error!(path = %file.display(), "a recording that was deleted has come back, and can't be deleted again yet: {why}");
                }
            }
            Err(trouble) => warn!("whether deleted recordings have come back can't be seen: {trouble}"),
        }
    }

    /// Once a day.
    fn expire(&mut self) {
        let now = self.clock.wall();
        if self.expired_on == Some(day_of(now)) {
            return;
        }
        self.expired_on = Some(day_of(now));
        self.shorten();
        match ledger::expire(&self.home, self.rules.0.get(Period::Ledger), now) {
            Ok(months) => months
                .iter()
                .for_each(|month| info!(%month, "a segment of the ledger has expired: its root and heads stay")),
            Err(trouble) => warn!("segments of the ledger can't expire now: {trouble}"),
        }
    }

    fn shorten(&self) {
        match shorten_holds(&self.home) {
            Ok(Some(left)) => info!(left, "the file of what keeps recordings is shortened"),
            Ok(None) => {}
            Err(error) => warn!("the file of what keeps recordings can't be shortened: {error}"),
        }
    }

    fn overwrite(&mut self) {
        let now = self.clock.wall();
        if !self.pace.is_time(&self.home, now) {
            return;
        }
        self.pace.tried(now);
        match overwrite(&self.home, now) {
            Ok(Overwriting::Nothing) => {}
            Ok(Overwriting::Done(receipts)) => {
                info!(receipts, "what deleted recordings said is overwritten in the catalog")
            }
            Ok(waits) => warn!("what was deleted is not overwritten yet: {}", waits.waits_for().unwrap_or_default()),
            Err(trouble) => warn!("what was deleted is not overwritten yet: {trouble}"),
        }
    }
}

/// What deeds did to recordings that are gone need nobody know any more: their lines go, once they are half of the file. How many are left; none if there
/// was nothing to do.
///
/// # Errors
/// What the system says.
pub fn shorten_holds(home: &Path) -> io::Result<Option<usize>> {
    let stones = HomeFiles::of(home).tombstones()?;
    holds::shorten(home, &stones.iter().map(|one| one.call).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::TestClock;

    #[test]
    fn what_is_asked_for_is_swept_now_a_moment_later_if_it_was_just_done_and_once_however_often() {
        let home = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(TestClock::default());
        let rules = (Periods::default(), Calendar::default(), Practice::default());
        let (hourly, mut work) = Hourly::new(home.path(), rules, Arc::clone(&clock) as _);
        (0..5).for_each(|_| ask_now(home.path()));
        assert!(work.is_time() && work.wait == Duration::ZERO, "long before the first hour");
        (work.wait, work.last) = (EVERY, Some(clock.now()));
        clock.pass(PAUSE - Duration::from_millis(2));
        ask_now(home.path());
        assert!(work.is_time());
        assert_eq!(work.wait, Duration::from_millis(2), "not twice in a moment");
        ask_now(&home.path().join("elsewhere"));
        assert!(work.asked.try_recv().is_err(), "that is another home");
        drop(hourly);
        assert!(!work.is_time(), "it ends");
        ask_now(home.path());
    }
}
