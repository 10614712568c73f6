//! The way back from a backup.
//!
//! Belongs here: the steps of a restore. Does not: how far one has come (`restoring`), the engine's part (`worker`).

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use nix::fcntl::Flock;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{BackupError, apart, beside_of, refused, write_copy};
use crate::{
    DoneAgain, HeldAgain, Trouble, beside, file, graves,
    holds::{self, Again, Holder},
    milestone, objections,
    restoring::{self, Stage, Takeover},
    rows::{self, Connection},
    site,
    sweep::{self, Files as _, HomeFiles, Tombstone},
    text,
};
use retrocall_words::CallId;

/// A call whose recording was being deleted, and the hash of its files.
type Begun = (String, Option<String>);

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The backup.
    pub from: PathBuf,
    /// Tombstones that are known now.
    pub tombstones: u64,
    /// Recordings of the backup that are gone, for they were deleted since it was made.
    pub gone: Vec<String>,
    /// Recordings that are held until an officer has looked at them: the backup lacks the deed that kept them.
    pub held: Vec<HeldAgain>,
    /// Deeds that the backup lacked, and that are done in it again: a case was closed, a hold released, a request answered.
    pub redone: Vec<DoneAgain>,
    /// How many such deeds are about recordings that the backup does not know. The engine registers those from their files, and holds them.
    pub to_be_held: u64,
    /// Recordings that are kept.
    pub recordings: u64,
    /// Where the catalog is that was there before. It holds customers' numbers too.
    pub replaced: Option<PathBuf>,
    /// The ledger had come further than the backup, which a head shows: the home goes on as a new site.
    pub new_site: bool,
    /// Whether playing and sweeping are open. Without a file of tombstones nobody knows what was deleted since, and without one of holds nobody knows
    /// what was held.
    pub open: bool,
}

/// Files that lay elsewhere, in case the home's own were lost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// A copy of the tombstones.
    pub tombstones: Option<&'a Path>,
    /// A copy of the deeds that keep recordings.
    pub holds: Option<&'a Path>,
}

/// Puts a backup in the place of the catalog, with everything gone that was deleted since it was made: as the tombstones say that are handed in, those
/// of the home, and those of the catalog that is there. What deeds have kept since is held, as the files of holds say. Nobody else may have the home meanwhile: whoever calls this holds its lock.
///
/// # Errors
/// Why it was not restored, or not to its end: then it is begun again.
pub fn restore(
    home: &Path,
    from: &Path,
    beside: Beside<'_>,
    by: &str,
    now: Timestamp,
) -> Result<Restored, BackupError> {
    let home = std::path::absolute(home).unwrap_or_else(|_| home.to_path_buf());
    let from = std::path::absolute(from).map_err(refused(from))?;
    apart(async || Restore { home: &home, catalog: file::path(&home), from: &from, by, now }.run(beside).await)
}

/// A line of the file of holds.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Said {
    Deed(Holder),
    Objection(objections::Line),
}

/// The deeds, and all that was said of objections, in its order.
fn each_apart<'a>(all: impl Iterator<Item = &'a Said>) -> (Vec<Holder>, Vec<objections::Line>) {
    let (mut holders, mut objections) = (Vec::new(), Vec::new());
    for said in all {
        match said {
            Said::Deed(holder) => holders.push(holder.clone()),
            Said::Objection(line) => objections.push(line.clone()),
        }
    }
    (holders, objections)
}

/// What came of a catalog that is held against all that is known beside it.
struct Reconciled {
    gone: Vec<String>,
    held: Vec<HeldAgain>,
    redone: Vec<DoneAgain>,
    to_be_held: u64,
    recordings: u64,
    /// The ledger had come further.
    new_site: bool,
}

struct Restore<'a> {
    home: &'a Path,
    catalog: PathBuf,
    from: &'a Path,
    by: &'a str,
    now: Timestamp,
}

/// Keeps sweeps away: one would go on by the catalog that is put aside.
fn without_sweep(home: &Path) -> Result<Option<Flock<fs::File>>, BackupError> {
    sweep::alone(home).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::WouldBlock => "a sweep is at work; let it come to its end, then restore again".to_owned(),
            _ => error.to_string(),
        };
        BackupError::File(home.join("recordings"), why)
    })
}

/// Lets the home be played and swept, if everything `is_known` that was deleted or kept since the backup.
fn may_be_opened(home: &Path, is_known: bool) -> Result<(), BackupError> {
    let set = if is_known { milestone::open } else { milestone::close };
    set(home).map_err(refused(&milestone::closed_path(home)))?;
    // What the ledger was is no measure any more: the engine takes the restored one's.
    match fs::remove_file(milestone::path(home)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refused(&milestone::path(home))(error)),
        _ => Ok(()),
    }
}

impl Restore<'_> {
    async fn run(self, beside: Beside<'_>) -> Result<Restored, BackupError> {
        let Restore { home, from, .. } = self;
        let _alone = without_sweep(home)?;
        // 1: everything that can be wrong with what was handed in is found before anything is changed.
        let files = HomeFiles::of(home);
        let has_stones = beside.tombstones.is_some() || files.tombstones_path().exists();
        let has_holds = beside.holds.is_some() || holds::path(home).exists();
        let is_known = has_stones && has_holds;
        let mut stones = files.tombstones().map_err(refused(&files.tombstones_path()))?;
        if let Some(path) = beside.tombstones {
            stones.extend(read_handed(path, "a tombstone", "tombstones.jsonl")?);
        }
        let own: Vec<Said> = holds::read(home).map_err(refused(&holds::path(home)))?;
        let handed = beside.holds.map_or(Ok(Vec::new()), |path| read_handed(path, "a deed", "holds.jsonl"))?;
        let mut source = self.open_source().await?;
        let (buried, begun) = self.of_replaced().await;
        stones.extend(buried);
        let stones = each_once(stones);
        // 2: from here on nobody opens the catalog until this is done.
        let mut takeover = Takeover {
            stage: Stage::Begun,
            by: self.by.to_owned(),
            at: self.now,
            gone: Vec::new(),
            held: Vec::new(),
            redone: Vec::new(),
            renews: false,
        };
        let mark = restoring::path(home);
        let marked = |takeover: &Takeover| restoring::write(home, takeover).map_err(refused(&mark));
        marked(&takeover)?;
        // 3: the copy, which gets what this version needs, and loses what is gone.
        let copy = beside_of(&self.catalog, "restoring");
        remove_with_log(&copy).map_err(refused(&copy))?;
        write_copy(&mut source, from, &copy).await?;
        let _ = source.close().await;
        let new: Vec<Said> = handed.into_iter().filter(|said| !own.contains(said)).collect();
        // Those that were handed in are a copy of before: what the home knows of the same comes later.
        let said = each_apart(new.iter().chain(&own));
        let Reconciled { gone, recordings, new_site, held, redone, to_be_held } =
            self.reconcile(&copy, (&stones, &begun), said).await?;
        // 4: the tombstones and the holds outlive the catalog.
        if has_holds {
            holds::add(home, &new).map_err(refused(&holds::path(home)))?;
        }
        let had = files.tombstones().map_err(refused(&files.tombstones_path()))?;
        let new: Vec<Tombstone> =
            stones.iter().filter(|stone| had.iter().all(|had| had.recording != stone.recording)).cloned().collect();
        if !new.is_empty() || !files.tombstones_path().exists() && has_stones {
            files.bury(&new).map_err(refused(&files.tombstones_path()))?;
        }
        // 5: one catalog in the place of the other.
        if new_site {
            site::renew(home).map_err(refused(&site::path(home)))?;
        }
        let replaced = self.replace(&copy).map_err(refused(&self.catalog))?;
        // 6: it may be opened again.
        may_be_opened(home, is_known)?;
        takeover.gone.clone_from(&gone);
        takeover.held.clone_from(&held);
        takeover.redone.clone_from(&redone);
        takeover.stage = Stage::Done;
        takeover.renews = new_site;
        marked(&takeover)?;
        let tombstones = stones.len() as u64;
        let (from, open) = (from.to_owned(), is_known);
        Ok(Restored { from, tombstones, gone, held, redone, to_be_held, recordings, replaced, new_site, open })
    }

    async fn open_source(&self) -> Result<Connection, BackupError> {
        let nothing = || {
            BackupError::File(
                self.from.to_owned(),
                "there is no backup; name one that `retrocall backup` made".to_owned(),
            )
        };
        if !self.from.is_file() {
            return Err(nothing());
        }
        let mut source = file::open_any_to_read(self.from).await?.ok_or_else(nothing)?;
        let found = file::damage(&mut source).await.map_err(|error| Trouble::of(self.from, &error))?;
        match found.first() {
            None => Ok(source),
            Some(found) => Err(BackupError::File(
                self.from.to_owned(),
                format!("it is damaged ({found}), and nothing is changed; name another backup"),
            )),
        }
    }

    /// What the catalog that is there knows to be deleted, and of which calls the deletion has begun, with the hash. One that can't be read knows nothing.
    async fn of_replaced(&self) -> (Vec<Tombstone>, Vec<Begun>) {
        let Ok(Some(mut connection)) = file::open_any_to_read(&self.catalog).await else { return Default::default() };
        let select = rows::query_as::<(String, String, Option<String>, String)>(
            "SELECT recording, call, sha256, buried_at FROM tombstones",
        );
        let found = select.fetch_all(&mut connection).await.unwrap_or_default();
        let select = rows::query_as::<Begun>("SELECT call, sha256 FROM recordings WHERE life = 'deleting'");
        let begun = select.fetch_all(&mut connection).await.unwrap_or_default();
        let _ = connection.close().await;
        let stone = |(recording, call, sha256, at): (String, String, Option<String>, String)| {
            let (call, at): (CallId, Timestamp) = (text::parse(&call)?, text::parse(&at)?);
            Some(Tombstone { recording, call, sha256, at, why: None })
        };
        (found.into_iter().filter_map(stone).collect(), begun)
    }

    /// Brings the copy up to date, ends the rows of what is gone, goes on deleting what was being deleted, and holds what deeds have kept since.
    async fn reconcile(
        &self,
        copy: &Path,
        (stones, begun): (&[Tombstone], &[Begun]),
        (holders, objections): (Vec<Holder>, Vec<objections::Line>),
    ) -> Result<Reconciled, BackupError> {
        let (mut connection, _) = file::open(copy, None).await?;
        let failed = |error: sqlx::Error| BackupError::Catalog(Trouble::of(copy, &error));
        let mut rows = connection.begin_writing().await.map_err(failed)?;
        let gone = graves::bury(&mut rows, stones, self.now).await.map_err(failed)?;
        // Some of their files may be gone: the next sweep ends what was begun (model: the rule `RestoreGoesOnDeleting`).
        for (call, sha256) in begun {
            let update = rows::query(
                "UPDATE recordings SET life = 'deleting', life_at = $2, sha256 = $3
                 WHERE call = $1 AND life NOT IN ('deleting', 'gone')",
            );
            let update = update.bind(call).bind(text::time(self.now)).bind(sha256);
            update.execute(&mut rows).await.map_err(failed)?;
        }
        objections::remember(&mut rows, self.home, &objections).await.map_err(failed)?;
        let Again { held, redone, unknown } =
            holds::again(&mut rows, holders, self.by, self.now).await.map_err(failed)?;
        // What is gone comes back with no file.
        let comes_back = |(call, _): &&(CallId, usize)| stones.iter().all(|stone| stone.call != *call);
        let to_be_held: usize = unknown.iter().filter(comes_back).map(|(_, deeds)| deeds).sum();
        // A lease of back then is nobody's.
        rows::query("DELETE FROM leases").execute(&mut rows).await.map_err(failed)?;
        let kept = "SELECT COUNT(*) FROM recordings WHERE life <> 'gone'";
        let kept: i64 = rows::query_scalar(kept).fetch_one(&mut rows).await.map_err(failed)?;
        let known = milestone::load(self.home).map_err(refused(&milestone::path(self.home)))?;
        let new_site = match known.and_then(|known| Some((known.site, known.sealed?))) {
            Some((site, sealed)) => milestone::lacks(&mut rows, &site, &sealed).await.map_err(failed)?,
            None => false,
        };
        rows.commit().await.map_err(failed)?;
        // All of it into the one file, and nothing of what is gone in it.
        file::write_anew(&mut connection, self.home).await.map_err(failed)?;
        file::empty_log(&mut connection).await.map_err(failed)?;
        connection.close().await.map_err(failed)?;
        fs::File::open(copy).and_then(|file| file.sync_all()).map_err(refused(copy))?;
        Ok(Reconciled { gone, recordings: kept.unsigned_abs(), new_site, held, redone, to_be_held: to_be_held as u64 })
    }

    /// Puts the copy in the catalog's place. Where that is now; none if there was none.
    fn replace(&self, copy: &Path) -> io::Result<Option<PathBuf>> {
        let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
        // Whatever is there is somebody's: the next free name.
        let mut asides = (1..).map(|number: u32| match number {
            1 => beside_of(&self.catalog, "replaced"),
            more => beside_of(&self.catalog, &format!("replaced-{more}")),
        });
        let aside = asides.find(|aside| !is_there(aside)).unwrap_or_else(|| beside_of(&self.catalog, "replaced"));
        let replaced = match is_there(&self.catalog) {
            true => {
                // With its log: the latest rows may be in that alone.
                for ending in ["-wal", "-shm"] {
                    let log = PathBuf::from(format!("{}{ending}", self.catalog.display()));
                    if is_there(&log) {
                        fs::rename(&log, format!("{}{ending}", aside.display()))?;
                    }
                }
                fs::rename(&self.catalog, &aside)?;
                Some(aside)
            }
            false => None,
        };
        remove_with_log(&self.catalog)?;
        fs::rename(copy, &self.catalog)?;
        beside::sync_name(&self.catalog)?;
        Ok(replaced)
    }
}

/// Removes a database with what SQLite keeps beside it.
fn remove_with_log(path: &Path) -> io::Result<()> {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let file = PathBuf::from(format!("{}{ending}", path.display()));
        if fs::symlink_metadata(&file).is_ok() {
            beside::wipe_and_remove(&file)?;
        }
    }
    Ok(())
}

/// A file that was handed in, of lines like `name`'s. Whoever hands one in with nothing readable in it has taken another file.
fn read_handed<T: DeserializeOwned>(path: &Path, one: &str, name: &str) -> Result<Vec<T>, BackupError> {
    let text = fs::read_to_string(path)
        .map_err(|error| BackupError::File(path.to_owned(), format!("{error}; name a copy of `{name}`")))?;
    let lines: Vec<T> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if lines.is_empty() && !text.trim().is_empty() {
        let todo = format!("not {one} is in it; name a copy of `{name}`, or an empty file if there never was one");
        return Err(BackupError::File(path.to_owned(), todo));
    }
    Ok(lines)
}

/// Each recording's tombstone once: the one that says most.
fn each_once(stones: Vec<Tombstone>) -> Vec<Tombstone> {
    let mut all: BTreeMap<String, Tombstone> = BTreeMap::new();
    for stone in stones {
        match all.get(&stone.recording) {
            Some(known) if known.why.is_some() || stone.why.is_none() => {}
            _ => drop(all.insert(stone.recording.clone(), stone)),
        }
    }
    all.into_values().collect()
}
