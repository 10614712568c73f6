//! How a recording dies: the job that deletes what is due, in two steps, so that it may be cut off anywhere.
//!
//! `docs/durability.md`, "how it dies", has the steps with their numbers; `tests/model` tries every order of them, and its names for them stand here as
//! `Model: …`. Belongs here: their order, and what is left if they are cut off. Does not:
//! what is due (`policy`), SQL.
//!
//! The job takes no input and may be run at any time, twice, or by two at once: the lease has a token that every write checks. What it could not
//! delete (a file that is read, a disk that refuses) waits for the next run, and is told. Nothing is ever deleted early: how full the disk is, is
//! not asked.

mod apart;
mod centre;
mod centre_look;
mod copies;
mod daily;
mod dying;
mod facts;
mod files;
mod home;
mod hourly;
mod jump;
mod objects;
mod overwrite;
mod recycle;
mod returned;
mod store;
#[cfg(test)]
mod tests;
mod turns;
mod warnings;
mod watch;

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use retrocall_words::{Beginning, Clock};
use serde::Serialize;

pub(crate) use apart::restoring as alone;
pub use centre::{CentreHourly, CentreSweep, StoreFiles};
pub use centre_look::CentreLook;
pub(crate) use copies::{copies_of, exports};
pub use dying::{Deletions, Dying, deletions};
pub use files::{Files, HomeFiles, Removed};
pub(crate) use home::BELONGINGS;
pub use home::{DueAndStays, HomeStore, Judgement, Stays};
pub use hourly::{Hourly, HourlyWork, shorten_holds};
pub use jump::{ClockGuard, Jump};
pub use objects::Objects;
pub(crate) use overwrite::is_rewriting;
pub use overwrite::{Overwriting, overwrite};
pub use recycle::overwrite_at;
pub use returned::{Returned, remove_returned};
pub use store::{Deed, Doomed, Receipt, Store, Token, Tombstone};
pub use turns::ask_now;
pub use warnings::{AwaitingCase, Warning, awaiting_case, warnings, warnings_about};
pub(crate) use watch::ClockWatch;
pub use watch::believe;

use crate::{Trouble, milestone, policy::Why, restoring};

/// Recordings that are deleted together: their folders and tombstones are synced once.
const BATCH: usize = 64;
/// How long a lease lasts without being prolonged: longer than a batch takes.
const LEASE: SignedDuration = SignedDuration::from_mins(10);
/// A lease of which so much is over is prolonged before anything else is touched.
const LEASE_HALF: Duration = Duration::from_secs(5 * 60);
/// How long a batch waits for readers of its files.
const READERS: Duration = Duration::from_secs(60);
/// Recordings that a report names, of each kind; the others are counted.
const NAMED_MAX: usize = 1_000;

/// What a run has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many recordings are gone.
    pub gone: u64,
    /// How many of these an earlier run had begun to delete.
    pub finished: u64,
    /// How many were due, and were held, asked for or changed before their deletion began.
    pub held: u64,
    /// The recordings that are gone, and why.
    pub deleted: Vec<(String, Why)>,
    /// Those whose files were not there when their deletion began: somebody else removed them.
    pub absent: Vec<String>,
    /// Those that could not be deleted, and why: the next run tries again.
    pub failed: Vec<(String, String)>,
}

/// Why a run did nothing, or ended early. What it had done is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// The wall clock has jumped.
    Clock(Jump),
    /// Another sweep is running, or ended badly a moment ago.
    Elsewhere,
    /// The records can't be had.
    Records(Trouble),
    /// The home folder can't be read or written.
    Home(String),
    /// The catalog came from a backup, and what was deleted since may be in it: why, and what to do.
    Closed(&'static str),
}

/// Whether a home's recordings may be played and swept.
///
/// # Errors
/// [`Stopped::Closed`].
pub fn is_open(home: &Path) -> Result<(), Stopped> {
    if restoring::is_under_way(home) {
        return Err(Stopped::Closed(
            "a restore was cut off, or no engine has taken it up yet: start one, or restore again; nothing is played or deleted until then",
        ));
    }
    if milestone::is_closed(home) {
        return Err(Stopped::Closed(
            "the catalog is older than its ledger was, or was restored without tombstones: recordings that were deleted may be in it; stop the \
             engine and type `retrocall restore FILE --tombstones FILE --holds FILE`; nothing is played or deleted until then",
        ));
    }
    Ok(())
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stopped::Clock(jump) => jump.fmt(f),
            Stopped::Elsewhere => f.write_str(
                "another sweep is running, or was killed in the last ten minutes; what that one began is finished first: try again then",
            ),
            Stopped::Records(trouble) => trouble.fmt(f),
            Stopped::Closed(why) => f.write_str(why),
            Stopped::Home(error) => write!(f, "the files of the sweep in the home folder: {error}"),
        }
    }
}

impl std::error::Error for Stopped {}

impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Stopped {
        Stopped::Records(trouble)
    }
}

/// Who sweeps, and what that remembers from run to run.
#[derive(Debug)]
pub struct Sweeper {
    holder: String,
    guard: ClockGuard,
}

/// Whether a clock that has jumped is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Believe {
    /// Only if it has not.
    Checked,
    /// Somebody says that it is right.
    Accepted,
}

impl Sweeper {
    /// One that holds the lease under this name, which no other process has.
    pub fn new(holder: impl Into<String>) -> Sweeper {
        Sweeper { holder: holder.into(), guard: ClockGuard::default() }
    }

    /// Whether the wall clock may be believed now.
    ///
    /// # Errors
    /// [`Stopped::Clock`], or that the home folder can't be read.
    pub fn judge(&self, files: &dyn Files, clock: &dyn Clock) -> Result<(), Stopped> {
        let last = files.last_sweep().map_err(|error| Stopped::Home(error.to_string()))?;
        self.guard.judge(last, Beginning::now(clock)).map_err(Stopped::Clock)
    }

    /// Finishes what an earlier run began, then deletes what is due.
    ///
    /// # Errors
    /// Why it did nothing, or ended early.
    pub fn run(
        &mut self,
        store: &mut dyn Store,
        files: &dyn Files,
        clock: &dyn Clock,
        believe: Believe,
    ) -> Result<Report, Stopped> {
        if believe == Believe::Checked {
            self.judge(files, clock)?;
        }
        let began = Beginning::now(clock);
        files.note_sweep(began.at).map_err(|error| Stopped::Home(error.to_string()))?;
        self.guard.swept(began);
        let leased = (clock.now(), began.at);
        let mut run = Run { store, files, clock, holder: &self.holder, token: 0, leased, report: Report::default() };
        let done = run.finish_all().and_then(|()| run.delete_all());
        let released = run.store.release(run.token, clock.wall());
        done?;
        released?;
        Ok(run.report)
    }
}

/// One run.
struct Run<'a> {
    store: &'a mut dyn Store,
    files: &'a dyn Files,
    clock: &'a dyn Clock,
    holder: &'a str,
    token: Token,
    /// When the lease was taken or prolonged last, by both clocks.
    leased: (Instant, Timestamp),
    report: Report,
}

impl Run<'_> {
    /// Model: `LeaseAndFind`, with what is unfinished or due.
    fn lease(&mut self) -> Result<(), Stopped> {
        let now = self.clock.wall();
        self.leased = (self.clock.now(), now);
        let until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        self.token = self.store.lease(self.holder, now, until)?.ok_or(Stopped::Elsewhere)?;
        Ok(())
    }

    /// Model of many machines: the rule `WatchesOwnClock`. Before something is touched: whoever has lost the lease meanwhile, because they were frozen or
    /// the store took long, touches nothing any more.
    fn keep_lease(&mut self) -> Result<(), Stopped> {
        let (began, at) = self.leased;
        let by_wall = Duration::try_from(self.clock.wall().duration_since(at)).unwrap_or_default();
        if self.clock.since(began).max(by_wall) < LEASE_HALF {
            return Ok(());
        }
        let token = self.token;
        self.lease()?;
        if self.token == token { Ok(()) } else { Err(Stopped::Elsewhere) }
    }

    /// What an earlier run began is finished before anything else.
    fn finish_all(&mut self) -> Result<(), Stopped> {
        let mut after: Option<String> = None;
        loop {
            self.lease()?;
            let batch = self.store.unfinished(after.as_deref(), BATCH)?;
            let Some(last) = batch.last() else { return Ok(()) };
            after = Some(last.id.clone());
            self.report.finished += self.bury_and_end(batch)?;
        }
    }

    fn delete_all(&mut self) -> Result<(), Stopped> {
        let mut after: Option<String> = None;
        loop {
            self.lease()?;
            let due = self.store.due(self.clock.wall(), after.as_deref(), BATCH)?;
            let Some(last) = due.last() else { return Ok(()) };
            after = Some(last.id.clone());
            let batch = self.begin(due)?;
            self.bury_and_end(batch)?;
        }
    }

    /// Step 2 (model: `BeginDeleting`): `kept → deleting`, with the hash that the tombstone will have. Those that nothing came to hold.
    fn begin(&mut self, mut due: Vec<Doomed>) -> Result<Vec<Doomed>, Stopped> {
        for doomed in &mut due {
            self.keep_lease()?;
            match self.files.hash(&doomed.files) {
                Ok(hash) => doomed.sha256 = hash,
                // A file that can't be read goes all the same.
                Err(error) => tracing::warn!(recording = doomed.id, "its hash can't be computed: {error}"),
            }
        }
        let deeds = self.store.deleting(&due, self.token, self.clock.wall())?;
        let mut begun = Vec::new();
        for (doomed, deed) in due.into_iter().zip(deeds) {
            if !is_done(deed)? {
                self.report.held += 1;
                continue;
            }
            let mut there = doomed.files.iter().map(|file| self.files.is_there(file));
            if !there.any(|there| there.unwrap_or(true)) && self.report.absent.len() < NAMED_MAX {
                self.report.absent.push(doomed.id.clone());
            }
            begun.push(doomed);
        }
        Ok(begun)
    }

    /// Steps 3 to 5 for recordings whose deletion has begun (model: `Unlink` to `EndWithReceipt`). Returns how many are gone.
    fn bury_and_end(&mut self, batch: Vec<Doomed>) -> Result<u64, Stopped> {
        let batch = self.bury_first(batch)?;
        let removed = self.remove(batch)?;
        let at = self.clock.wall();
        let stones: Vec<Tombstone> = removed.iter().map(|doomed| doomed.stone(at)).collect();
        if stones.is_empty() {
            return Ok(0);
        }
        // Model: `BuryInFile`. Before the receipt: from a backup nothing may come back that has one.
        if let Err(error) = self.files.bury(&stones) {
            removed.iter().for_each(|doomed| self.fail(doomed, format!("its tombstone can't be written ({error})")));
            return Ok(0);
        }
        // Model: `BuryInCatalog`.
        for deed in self.store.buried(&stones, self.token, self.clock.wall())? {
            is_done(deed)?;
        }
        // Model: `EndWithReceipt`.
        let receipt = |doomed: &Doomed| (doomed.id.clone(), Receipt { why: doomed.why, out_of_reach_at: at });
        let receipts: Vec<_> = removed.iter().map(receipt).collect();
        let mut gone = 0;
        let deeds = self.store.gone(&receipts, self.token, self.clock.wall())?;
        for (doomed, deed) in removed.iter().zip(deeds) {
            gone += u64::from(is_done(deed)?);
            if self.report.deleted.len() < NAMED_MAX {
                self.report.deleted.push((doomed.id.clone(), doomed.why));
            }
        }
        self.report.gone += gone;
        Ok(gone)
    }

    /// In a store (model of many machines: `Bury`, with the rule `BuriesFirst`): from here on no backup of the database brings them back.
    fn bury_first(&mut self, batch: Vec<Doomed>) -> Result<Vec<Doomed>, Stopped> {
        let at = self.clock.wall();
        self.without_failures(batch, |files, doomed| {
            let buried = files.bury_first(&[doomed.stone(at)]);
            buried.map_err(|error| format!("its tombstone can't be written ({error})"))?;
            // What lies beside its files is found while they are there, and goes with them.
            doomed.files.extend(files.beside(&doomed.files).map_err(|error| error.to_string())?);
            Ok(())
        })
    }

    /// Step 3: peaks first, then the files; the folders synced; absence verified. Returns those of which nothing is there any more.
    fn remove(&mut self, batch: Vec<Doomed>) -> Result<Vec<Doomed>, Stopped> {
        let deadline = self.clock.now() + READERS;
        // Model: `Unlink`. However late: once the deletion has begun nothing covers it.
        let mut unlinked = Vec::new();
        for doomed in batch {
            let mut failed = None;
            for file in names(&doomed) {
                self.keep_lease()?;
                failed = match self.files.remove(file, deadline) {
                    Ok(Removed::Now | Removed::Before) => None,
                    Ok(Removed::InUse) => Some(format!("{} is being read", file.display())),
                    Err(error) => Some(format!("{}: {error}", file.display())),
                };
                if failed.is_some() {
                    break;
                }
            }
            match failed {
                None => unlinked.push(doomed),
                Some(why) => self.fail(&doomed, why),
            }
        }
        // Model: `SyncAndVerify`.
        let folders: BTreeSet<PathBuf> =
            unlinked.iter().flat_map(names).filter_map(Path::parent).map(Path::to_owned).collect();
        let unsynced: Vec<(PathBuf, String)> = folders
            .into_iter()
            .filter_map(|folder| self.files.sync_folder(&folder).err().map(|error| (folder, error.to_string())))
            .collect();
        self.without_failures(unlinked, |files, doomed| {
            for file in names(doomed) {
                if let Some((folder, error)) = unsynced.iter().find(|(folder, _)| file.parent() == Some(folder)) {
                    return Err(format!("{} can't be synced ({error})", folder.display()));
                }
                match files.is_there(file) {
                    Ok(false) => {}
                    Ok(true) => return Err(format!("{} is there again", file.display())),
                    Err(error) => return Err(format!("{}: {error}", file.display())),
                }
            }
            Ok(())
        })
    }

    /// Those for which a step succeeds; the others are told, and wait for the next run.
    fn without_failures(
        &mut self,
        batch: Vec<Doomed>,
        step: impl Fn(&dyn Files, &mut Doomed) -> Result<(), String>,
    ) -> Result<Vec<Doomed>, Stopped> {
        let mut done = Vec::new();
        for mut doomed in batch {
            self.keep_lease()?;
            match step(self.files, &mut doomed) {
                Ok(()) => done.push(doomed),
                Err(why) => self.fail(&doomed, why),
            }
        }
        Ok(done)
    }

    fn fail(&mut self, doomed: &Doomed, why: String) {
        if self.report.failed.len() < NAMED_MAX {
            self.report.failed.push((doomed.id.clone(), why));
        }
    }
}

fn is_done(deed: Deed) -> Result<bool, Stopped> {
    match deed {
        Deed::Done => Ok(true),
        Deed::NotNow => Ok(false),
        Deed::LeaseLost => Err(Stopped::Elsewhere),
    }
}

/// All names of a recording, in the order in which they go.
fn names(doomed: &Doomed) -> impl Iterator<Item = &Path> {
    doomed.peaks.iter().chain(&doomed.files).map(PathBuf::as_path)
}

retrocall_words::words! {
    /// How far a deletion had come that was cut off: what `check` finds of it. The next sweep finishes each.
    pub enum CutOff {
        /// It was decided, and all files are there.
        Begun = "begun",
        /// Some of its files are there.
        Removing = "removing",
        /// None of its files is there, and it has no tombstone.
        Removed = "removed",
        /// It has its tombstone in the file beside the catalog.
        Buried = "buried",
    }
}

/// How far the deletion of a recording has come that is `deleting`: its files, as they are found, and whether it has a tombstone.
pub fn cut_off(doomed: &Doomed, is_there: impl Fn(&Path) -> bool, is_buried: bool) -> CutOff {
    // Peaks are there only if somebody has looked at it in a page.
    let there = names(doomed).filter(|file| is_there(file)).count();
    let gone = doomed.files.iter().filter(|file| !is_there(file)).count();
    match (there, gone) {
        (1.., 0) => CutOff::Begun,
        (1.., 1..) => CutOff::Removing,
        (0, _) if is_buried => CutOff::Buried,
        (0, _) => CutOff::Removed,
    }
}

/// What a run would delete now: at most `limit`, in the order of ids. Nothing is changed.
///
/// # Errors
/// Why the records can't be had.
pub fn would_delete(store: &mut dyn Store, now: Timestamp, limit: usize) -> Result<Vec<Doomed>, Trouble> {
    let mut found: Vec<Doomed> = Vec::new();
    while found.len() < limit {
        let after = found.last().map(|doomed| doomed.id.clone());
        let page = store.due(now, after.as_deref(), BATCH.min(limit - found.len()))?;
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    Ok(found)
}
