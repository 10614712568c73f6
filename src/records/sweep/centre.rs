//! The clean-up of a centre: its recordings lie in a store, its records on a server, and several processes may try at once.
//!
//! Belongs here: what of a sweep is another thing there, and when a centre's process does it. Does not: the steps of a sweep, how a store is asked.
//!
//! All machines go by the server's clock: one whose own is off deletes nothing early, and takes no lease away. No transaction is open while the store is
//! waited for. `tests/machines` tries every order of the steps.

use std::{
    io,
    path::{Path, PathBuf},
    process,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp, civil::Date};
use retrocall_words::{
    Clock, Practice,
    book::day_of,
    retention::{Calendar, Period, Periods},
};
use tracing::{info, warn};
use uuid::Uuid;

use super::{
    Believe, CentreLook, Doomed, Files, HomeStore, Overwriting, Removed, Report, Stopped, Sweeper, Tombstone,
    centre_look::{bury_again, look},
    daily::Daily,
    hourly::tell,
    objects::Objects,
    overwrite_at,
    turns::{Going, Turns},
    would_delete,
};
use crate::{
    Address, Server, Trouble,
    desk::{HomeDesk, NotDone},
    ledger,
};

/// The store of a centre, as what a sweep needs of a disk.
pub struct StoreFiles<'a> {
    objects: &'a dyn Objects,
    desk: &'a HomeDesk,
}

impl<'a> StoreFiles<'a> {
    /// This store, and the desk of the centre's records, which has what a home has in files.
    pub fn new(objects: &'a dyn Objects, desk: &'a HomeDesk) -> StoreFiles<'a> {
        StoreFiles { objects, desk }
    }
}

/// A path as a place of the store. A file of a disk is none.
fn place(path: &Path) -> io::Result<String> {
    let place = path.to_str().filter(|_| path.is_relative());
    place.map(str::to_owned).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it does not lie in the store"))
}

impl Files for StoreFiles<'_> {
    fn hash(&self, files: &[PathBuf]) -> io::Result<Option<String>> {
        let places: Vec<String> = files.iter().map(|file| place(file)).collect::<io::Result<_>>()?;
        if places.is_empty() { Ok(None) } else { self.objects.sum(&places) }
    }

    /// Model: `RemoveObject`.
    fn remove(&self, file: &Path, _deadline: Instant) -> io::Result<Removed> {
        Ok(if self.objects.remove(&place(file)?)? { Removed::Now } else { Removed::Before })
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn is_there(&self, file: &Path) -> io::Result<bool> {
        self.objects.is_there(&place(file)?)
    }

    fn beside(&self, files: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
        let folder = files.first().and_then(|file| file.parent()).filter(|folder| folder.components().count() > 1);
        let Some(folder) = folder else { return Ok(Vec::new()) };
        let all = self.objects.below(&place(folder)?)?.into_iter().map(PathBuf::from);
        Ok(all.filter(|one| !files.contains(one)).collect())
    }

    /// Model: `Bury`.
    fn bury_first(&self, tombstones: &[Tombstone]) -> io::Result<()> {
        tombstones.iter().try_for_each(|stone| self.objects.bury(stone))
    }

    /// They lie in the store already.
    fn bury(&self, _tombstones: &[Tombstone]) -> io::Result<()> {
        Ok(())
    }

    fn last_sweep(&self) -> io::Result<Option<Timestamp>> {
        self.desk.last_sweep().map_err(|why| io::Error::other(why.to_string()))
    }

    fn note_sweep(&self, at: Timestamp) -> io::Result<()> {
        self.desk.note_sweep(at).map_err(|why| io::Error::other(why.to_string()))
    }
}

/// A clock that is set by the server's.
struct Servers {
    clock: Arc<dyn Clock>,
    ahead: SignedDuration,
}

impl Clock for Servers {
    fn wall(&self) -> Timestamp {
        let own = self.clock.wall();
        own.saturating_add(self.ahead).unwrap_or(own)
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn asleep(&self) -> Duration {
        self.clock.asleep()
    }
}

/// The clean-up of a centre, in one of its processes.
pub struct CentreSweep {
    server: Server,
    home: PathBuf,
    objects: Arc<dyn Objects>,
    rules: (Periods, Calendar, Practice),
    clock: Arc<dyn Clock>,
    sweeper: Sweeper,
}

impl CentreSweep {
    /// That of the centre with this server and store, whose settings and key are in this home, by these rules.
    pub fn new(
        (server, home): (Server, &Path),
        objects: Arc<dyn Objects>,
        rules: (Periods, Calendar, Practice),
        clock: Arc<dyn Clock>,
    ) -> CentreSweep {
        // Of no other process, on whatever machine.
        let sweeper = Sweeper::new(format!("centre {} {}", process::id(), Uuid::now_v7()));
        CentreSweep { server, home: home.to_owned(), objects, rules, clock, sweeper }
    }

    fn open(&self) -> Result<Option<HomeStore>, Trouble> {
        HomeStore::open_at(&Address::Server(self.server.clone()), &self.home)
    }

    fn servers_clock(&self, desk: &HomeDesk) -> Result<Servers, Stopped> {
        let ahead = desk.clock_ahead(&*self.clock).map_err(stopped)?;
        Ok(Servers { clock: Arc::clone(&self.clock), ahead })
    }

    /// One run: what is due by these rules.
    ///
    /// # Errors
    /// Why it did nothing, or ended early.
    pub fn once(&mut self, believe: Believe) -> Result<Report, Stopped> {
        let Some(mut store) = self.open()? else { return Ok(Report::default()) };
        let desk = HomeDesk::at(Address::Server(self.server.clone()));
        let clock = self.servers_clock(&desk)?;
        let files = StoreFiles::new(&*self.objects, &desk);
        if believe == Believe::Checked {
            // Before anything is written by a clock that has jumped.
            self.sweeper.judge(&files, &clock)?;
        }
        let (periods, calendar, practice) = &self.rules;
        store.follow(*periods, calendar, clock.wall())?;
        Daily::before_sweep(&desk, practice, clock.wall())?;
        self.sweeper.run(&mut store, &files, &clock, believe)
    }

    /// What a run would delete now: at most `limit`. Nothing is changed.
    ///
    /// # Errors
    /// Why the records can't be had.
    pub fn would_delete(&self, limit: usize) -> Result<Vec<Doomed>, Stopped> {
        let Some(mut store) = self.open()? else { return Ok(Vec::new()) };
        let now = self.servers_clock(&HomeDesk::at(Address::Server(self.server.clone())))?.wall();
        let (periods, calendar, _) = &self.rules;
        store.consider(*periods, calendar, now)?;
        Ok(would_delete(&mut store, now, limit)?)
    }

    /// What has a tombstone in the store, and is kept by the database, is deleted again by the next run: the database comes from a backup. To be asked
    /// before anybody is served. How many there were.
    ///
    /// # Errors
    /// Why it can't be known.
    pub fn bury_again(&self) -> Result<usize, Stopped> {
        let Some(mut store) = self.open()? else { return Ok(0) };
        let now = self.servers_clock(&HomeDesk::at(Address::Server(self.server.clone())))?.wall();
        bury_again(&mut store, &*self.objects, (&format!("{} again", Uuid::now_v7()), now))
    }

    /// What `check` has to know. Nothing is changed.
    ///
    /// # Errors
    /// Why records or store can't be had.
    pub fn look(&self) -> Result<CentreLook, Stopped> {
        let Some(mut store) = self.open()? else { return Ok(CentreLook::default()) };
        look(&mut store, &*self.objects, self.clock.wall())
    }

    /// What comes once a day: segments of the centre's own ledger and of its sites' expire, and what the server's tables said of what is gone is
    /// overwritten.
    ///
    /// # Errors
    /// Why the server or the store can't be asked.
    pub fn afterwards(&self) -> Result<Overwriting, Stopped> {
        let address = Address::Server(self.server.clone());
        let now = self.servers_clock(&HomeDesk::at(address.clone()))?.wall();
        let months = self.rules.0.get(Period::Ledger);
        ledger::expire_at(&address, months, now)?;
        for old in ledger::old_months(&address, months, now)? {
            let away =
                |error: io::Error| Stopped::Home(format!("a site's ledger can't be removed from the store: {error}"));
            for place in self.objects.below(&old.folder).map_err(away)? {
                self.objects.remove(&place).map_err(away)?;
            }
            // Only then: who is cut off finds it again.
            ledger::forget_month(&address, &old)?;
        }
        Ok(overwrite_at(&self.server, now)?)
    }
}

fn stopped(why: NotDone) -> Stopped {
    match why {
        NotDone::Catalog(trouble) => Stopped::Records(trouble),
        why => Stopped::Home(why.to_string()),
    }
}

/// Keeps the hourly clean-up of a centre going in one of its processes: it ends when this is dropped.
pub struct CentreHourly {
    _going: Going,
}

impl CentreHourly {
    /// The guard, and the work, which is for a thread of its own.
    pub fn new(sweep: CentreSweep) -> (CentreHourly, impl FnMut() + Send + use<>) {
        let (going, mut turns) = Turns::of(&sweep.home, Arc::clone(&sweep.clock));
        let (mut sweep, mut daily, mut done_on) = (sweep, Daily::default(), None::<Date>);
        let work = move || {
            while turns.next() {
                let swept = sweep.once(Believe::Checked);
                let (is_swept, now) = (swept.is_ok(), sweep.clock.wall());
                tell(sweep.server.shown(), swept);
                let told = daily.tell(|| sweep.open(), (&sweep.rules.0, &sweep.rules.1), now);
                told.unwrap_or_else(|trouble| warn!("what is about to go can't be told: {trouble}"));
                if is_swept && done_on.replace(day_of(now)) != Some(day_of(now)) {
                    match sweep.afterwards() {
                        Ok(Overwriting::Nothing) => {}
                        Ok(Overwriting::Done(receipts)) => {
                            info!(receipts, "what deleted recordings said is overwritten in the database")
                        }
                        Ok(waits) => {
                            warn!("what was deleted is not overwritten yet: {}", waits.waits_for().unwrap_or_default())
                        }
                        Err(why) => warn!("what was deleted is not overwritten yet: {why}"),
                    }
                }
            }
        };
        (CentreHourly { _going: going }, work)
    }
}
