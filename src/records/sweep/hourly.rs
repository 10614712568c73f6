//! The sweep of an engine: every hour, and when somebody asks for it, on a thread of its own, which whoever starts it watches.
//!
//! Belongs here: when it runs, and what the log says of it. Does not: what it does, who may ask for it.

use std::{
    io, mem,
    path::{Path, PathBuf},
    process,
    sync::Arc,
};

use jiff::civil::Date;
use retrocall_words::{
    Clock, Practice,
    book::day_of,
    retention::{Calendar, Period, Periods},
};
use tracing::{error, info, warn};

use super::{
    Believe, HomeFiles, HomeStore, Overwriting, Report, Stopped, Sweeper,
    daily::Daily,
    is_open, overwrite,
    overwrite::Pace,
    remove_returned,
    turns::{Going, Turns},
};
use crate::{desk::HomeDesk, holds, ledger};

/// Keeps the hourly sweep going until it is dropped. A run that is going on then is cut off with the process: the next one finishes it.
pub struct Hourly {
    _going: Going,
}

/// The work of the thread.
pub struct HourlyWork {
    home: PathBuf,
    rules: (Periods, Calendar, Practice),
    clock: Arc<dyn Clock>,
    turns: Turns,
    sweeper: Sweeper,
    pace: Pace,
    /// Files of recordings that are gone were looked for.
    has_looked: bool,
    /// The day on which segments of the ledger were last looked at.
    expired_on: Option<Date>,
    daily: Daily,
}

impl Hourly {
    /// The hourly sweep of a home, by these rules; its work is for a thread of its own.
    pub fn new(home: &Path, rules: (Periods, Calendar, Practice), clock: Arc<dyn Clock>) -> (Hourly, HourlyWork) {
        let (going, turns) = Turns::of(home, Arc::clone(&clock));
        let work = HourlyWork {
            home: home.to_owned(),
            rules,
            sweeper: Sweeper::new(format!("engine {} of {}", process::id(), clock.wall())),
            clock,
            turns,
            pace: Pace::default(),
            has_looked: false,
            expired_on: None,
            daily: Daily::default(),
        };
        (Hourly { _going: going }, work)
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
        while self.turns.next() {
            let _work = at_work();
            let swept = self.once();
            let told = self.daily.tell(
                || HomeStore::open_to_read(&self.home),
                (&self.rules.0, &self.rules.1),
                self.clock.wall(),
            );
            let is_swept = swept.is_ok();
            tell(&self.home, swept);
            told.unwrap_or_else(|trouble| warn!("what is about to go can't be told: {trouble}"));
            if is_swept {
                self.look_for_returned();
                self.expire();
                self.overwrite();
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
        Daily::before_sweep(&HomeDesk::of(&self.home), &self.rules.2, self.clock.wall())?;
        self.sweeper.run(&mut store, &files, &*self.clock, Believe::Checked)
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

/// What the log says of a run.
pub(super) fn tell(place: &Path, swept: Result<Report, Stopped>) {
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
        Err(stopped) => warn!(place = %place.display(), "nothing is deleted in this hour: {stopped}"),
    }
}
