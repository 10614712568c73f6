//! The sweep of an engine: every hour, on a thread of its own.
//!
//! Belongs here: when it runs, and what the log says of it. Does not: what it does.

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    path::Path,
    process,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use retrocall_words::{
    Clock, Practice,
    retention::{Calendar, Periods},
};
use tracing::{error, info, warn};

use super::{Believe, HomeFiles, HomeStore, Report, Stopped, Sweeper, daily::Daily};

/// After the start the engine registers what the last run left; then it sweeps for the first time.
const FIRST: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(3_600);

/// Sweeps a home every hour until it is dropped. A run that is going on then is cut off with the process: the next one finishes it.
pub struct Hourly {
    /// The thread ends when it is dropped.
    _until: Sender<()>,
}

impl Hourly {
    /// Starts the thread; the first thing that it does is `begin`.
    ///
    /// # Errors
    /// What the system says to another thread.
    pub fn start(
        home: &Path,
        rules: (Periods, Calendar, Practice),
        clock: Arc<dyn Clock>,
        begin: impl FnOnce() + Send + 'static,
    ) -> io::Result<Hourly> {
        let (until, stopped) = mpsc::channel();
        let home = home.to_owned();
        let work = move || {
            begin();
            let mut sweeper = Sweeper::new(format!("engine {} of {}", process::id(), clock.wall()));
            let (mut wait, mut daily) = (FIRST, Daily::default());
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                wait = EVERY;
                let work = || {
                    let swept = once(&mut sweeper, &home, &rules, &*clock);
                    let told = daily.tell(&home, (&rules.0, &rules.1), clock.wall());
                    (swept, told)
                };
                match panic::catch_unwind(AssertUnwindSafe(work)) {
                    Ok((swept, told)) => {
                        tell(&home, swept);
                        told.unwrap_or_else(|trouble| warn!("what is about to go can't be told: {trouble}"));
                    }
                    Err(_) => error!("a sweep came upon a defect of retrocall: it is tried again in an hour"),
                }
            }
        };
        thread::Builder::new().name("sweep".into()).spawn(work)?;
        Ok(Hourly { _until: until })
    }
}

/// One run: what is due by these rules. A home without a catalog has nothing.
fn once(
    sweeper: &mut Sweeper,
    home: &Path,
    (periods, calendar, practice): &(Periods, Calendar, Practice),
    clock: &dyn Clock,
) -> Result<Report, Stopped> {
    let files = HomeFiles::of(home);
    // Before a version of the policy is written down by a clock that has jumped.
    sweeper.judge(&files, clock)?;
    let Some(mut store) = HomeStore::open(home)? else { return Ok(Report::default()) };
    store.follow(*periods, calendar, clock.wall())?;
    Daily::before_sweep(home, practice, clock.wall())?;
    sweeper.run(&mut store, &files, clock, Believe::Checked)
}

fn tell(home: &Path, swept: Result<Report, Stopped>) {
    match swept {
        Ok(report) => {
            for (recording, why) in &report.failed {
                warn!(recording, "it is due, and can't be deleted yet: {why}");
            }
            for recording in &report.absent {
                warn!(recording, "it was due, and its file was not there: ask who removed it");
            }
            if report.gone > 0 {
                info!(gone = report.gone, finished = report.finished, "recordings whose time was over are deleted");
            }
        }
        Err(Stopped::Elsewhere) => info!("another sweep is running"),
        Err(stopped) => warn!(home = %home.display(), "nothing is deleted in this hour: {stopped}"),
    }
}
