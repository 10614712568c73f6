//! When what a deleted recording said is overwritten: the catalog is written anew without it, and so is the log of its latest changes.
//!
//! Belongs here: that step, and how it is confirmed. Does not: what is deleted, the audio's own blocks (nobody can promise anything of them).
//!
//! SQLite leaves copies of what was deleted in pages, and in the log until that is emptied. So a receipt says that it is overwritten only after the
//! tables that had it were written anew, which overwrites all pages they had, and after a checkpoint that was confirmed to have left nothing in the log. Whoever reads meanwhile, in a transaction that began before, keeps the
//! log from being emptied: then the receipt stays open, and the next sweep tries again.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use retrocall_ledger::{Deed, DeedKind};

use crate::{
    Trouble, file,
    ledger::{Scribe, item, site_of},
    rows::{self, Connection},
    server, text,
};

/// The tables that hold something of a recording, its people or a customer. That of the ledger's rows has nothing of that kind, nor has that of calls,
/// and these two are most of a catalog.
pub(super) const TABLES: [&str; 18] = [
    "recordings",
    "participants",
    "parts",
    "purposes",
    "anchors",
    "uses",
    "reviews",
    "notes",
    "replies",
    "proposals",
    "agreements",
    "trainees",
    "case_recordings",
    "holds",
    "requests",
    "request_recordings",
    "ledger_salts",
    "receipts",
];
/// Receipts that are written in one transaction.
const BATCH: usize = 64;
/// A catalog of more bytes than this is written anew once a day only: it takes seconds, in which notes and deeds wait.
const OFTEN_BYTES_MAX: u64 = 64 << 20;
/// The time between two such rewrites.
const SELDOM: Duration = Duration::from_secs(24 * 3_600);
/// Files beside the catalog that hold rows of it: while one of them is there, nothing in it is overwritten.
const COPIES: [&str; 3] = ["unwritten.jsonl", "catalog.sqlite.replaced", "catalog.sqlite.restoring"];

/// How many rewrites this process is at.
static REWRITES: AtomicUsize = AtomicUsize::new(0);

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overwriting {
    /// Nothing was waiting for it.
    Nothing,
    /// So many receipts say now that what was deleted is overwritten too.
    Done(usize),
    /// A program reads in the catalog since before: the log can't be emptied.
    Read,
    /// This file holds rows of the catalog.
    Copied(PathBuf),
    /// The server's user may not do it.
    Forbidden,
    /// The server keeps segments of its log that hold what was deleted.
    Kept,
}

impl Overwriting {
    /// How many receipts it closed.
    pub fn count(&self) -> usize {
        if let Overwriting::Done(count) = self { *count } else { 0 }
    }

    /// Why receipts wait, and what to do. None if none does.
    pub fn waits_for(&self) -> Option<String> {
        match self {
            Overwriting::Nothing | Overwriting::Done(_) => None,
            Overwriting::Read => Some(
                "a program has been reading the catalog for a while: end it; the next sweep tries again".to_owned(),
            ),
            Overwriting::Copied(path) => {
                Some(format!("{} holds rows of the catalog: see what it holds, then delete it", path.display()))
            }
            Overwriting::Forbidden => Some(
                "the database's user may not have its log written anew: let an administrator of the server type `GRANT pg_monitor, pg_checkpoint TO                  USER; GRANT EXECUTE ON FUNCTION pg_switch_wal() TO USER` in this database"
                    .to_owned(),
            ),
            Overwriting::Kept => Some(
                "the server keeps its log, for a standby, an archive or a slot that is behind, or by `wal_keep_size`: see to it; the next \
                 sweep tries again"
                    .to_owned(),
            ),
        }
    }
}

/// Whether this process writes a catalog anew at this moment: whoever is refused meanwhile waits, and nothing is wrong.
pub(crate) fn is_rewriting() -> bool {
    REWRITES.load(Ordering::Acquire) > 0
}

/// When an engine may write a large catalog anew.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<Timestamp>,
}

impl Pace {
    /// Whether it is time, for a catalog of this home.
    pub(super) fn is_time(&self, home: &Path, now: Timestamp) -> bool {
        let is_small = fs::metadata(file::path(home)).is_ok_and(|found| found.len() <= OFTEN_BYTES_MAX);
        let waited = |last: Timestamp| now.duration_since(last).unsigned_abs() >= SELDOM;
        is_small || self.last.is_none_or(waited)
    }

    /// It was tried.
    pub(super) fn tried(&mut self, now: Timestamp) {
        self.last = Some(now);
    }
}

/// Overwrites what the catalog of a home said of recordings that are gone, and closes their receipts. Others who write wait meanwhile.
///
/// # Errors
/// Why the catalog can't be had.
pub fn overwrite(home: &Path, now: Timestamp) -> Result<Overwriting, Trouble> {
    // On a thread of its own: whoever asks may be inside a runtime.
    let done = thread::scope(|scope| scope.spawn(|| overwrite_here(home, now)).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn overwrite_here(home: &Path, now: Timestamp) -> Result<Overwriting, Trouble> {
    let home = std::path::absolute(home).unwrap_or_else(|_| home.to_path_buf());
    let path = file::path(&home);
    let no_thread = |error: std::io::Error| Trouble::NoThread { cause: error.to_string() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(no_thread)?;
    runtime.block_on(async {
        let Some(mut connection) = file::open_for_deeds(&path).await? else { return Ok(Overwriting::Nothing) };
        let done = rewrite(&mut connection, &home, now).await;
        // What was committed is durable.
        let _ = connection.close().await;
        done.map_err(|error| Trouble::of(&path, &error))
    })
}

async fn rewrite(connection: &mut Connection, home: &Path, now: Timestamp) -> Result<Overwriting, sqlx::Error> {
    // Only those: what is deleted while the catalog is written anew waits for the next time.
    let open = open_receipts(connection, now).await?;
    if open.is_empty() {
        return Ok(Overwriting::Nothing);
    }
    if let Some(copy) = copies(home).into_iter().next() {
        return Ok(Overwriting::Copied(copy));
    }
    let at_it = Rewrite::begin();
    // First: in vain the log would grow by the whole catalog each time.
    if !file::empty_log(connection).await? {
        return Ok(Overwriting::Read);
    }
    file::write_tables_anew(connection, home, &TABLES).await?;
    if !file::empty_log(connection).await? {
        return Ok(Overwriting::Read);
    }
    drop(at_it);
    close_receipts(connection, &open, now).await?;
    Ok(Overwriting::Done(open.len()))
}

/// The recordings that went before a moment, and of which something may still be found.
pub(super) async fn open_receipts(connection: &mut Connection, now: Timestamp) -> sqlx::Result<Vec<String>> {
    let open = rows::query_scalar(
        "SELECT recording FROM receipts WHERE overwritten_at IS NULL AND out_of_reach_at <= $1 ORDER BY recording",
    );
    open.bind(text::time(now)).fetch_all(connection).await
}

/// Writes down of these that nothing of them is found any more.
pub(super) async fn close_receipts(connection: &mut Connection, open: &[String], now: Timestamp) -> sqlx::Result<()> {
    for batch in open.chunks(BATCH) {
        server::again(async || close(connection, batch, now).await).await?;
    }
    Ok(())
}

async fn close(connection: &mut Connection, batch: &[String], now: Timestamp) -> Result<(), sqlx::Error> {
    let mut rows = connection.begin_writing().await?;
    // Without a ledger no engine has run yet, and nothing is written there.
    let site = site_of(&mut rows).await?;
    let mut scribe = site.as_ref().map(|site| Scribe::of_deeds(site, now));
    for recording in batch {
        let update =
            rows::query("UPDATE receipts SET overwritten_at = $2 WHERE recording = $1 AND overwritten_at IS NULL");
        let update = update.bind(recording).bind(text::time(now)).execute(&mut rows).await?;
        if let Some(scribe) = scribe.as_mut().filter(|_| update.rows_affected() > 0) {
            let entry = Deed { recording: item(recording), ..Deed::done(DeedKind::Overwritten) };
            scribe.deed(&mut rows, |_| entry).await?;
        }
    }
    if let Some(scribe) = scribe {
        scribe.finish(&mut rows).await?;
    }
    rows.commit().await
}

/// Files that hold rows of the catalog.
fn copies(home: &Path) -> Vec<PathBuf> {
    let is_copy = |name: &str| COPIES.iter().any(|copy| name.starts_with(copy));
    let entries = fs::read_dir(home).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(is_copy)).map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// This process writes a catalog anew until it is dropped.
struct Rewrite;

impl Rewrite {
    fn begin() -> Rewrite {
        REWRITES.fetch_add(1, Ordering::AcqRel);
        Rewrite
    }
}

impl Drop for Rewrite {
    fn drop(&mut self) {
        REWRITES.fetch_sub(1, Ordering::AcqRel);
    }
}
