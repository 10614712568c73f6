//! A backup of the catalog, while it is in use, and the way back from one.
//!
//! Belongs here: making the file, and putting it in the catalog's place with all that was deleted since applied to it. Does not: recordings, whose
//! files are backed up by other means; what the engine does when it finds the restored catalog (`worker`).
//!
//! `docs/durability.md`, "backup and restore", has the steps and what a cut between any two of them leaves. A restore that was cut off is begun again:
//! until then the file `restore` keeps everybody from the catalog.

mod restore;

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

pub use restore::{Beside, Restored, restore};

use super::{Trouble, beside, file, text};
use crate::rows::{self, Connection};

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// The file.
    pub backup: PathBuf,
    /// How long it is.
    pub bytes: u64,
    /// What it has: calls, and recordings that are kept. Their files are not in it.
    pub calls: u64,
    /// Recordings that are kept.
    pub recordings: u64,
    /// When it was made.
    pub made_at: Timestamp,
}

/// Why a backup was not made, or a catalog not restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupError {
    /// The catalog can't be had.
    Catalog(Trouble),
    /// There is no catalog yet.
    None,
    /// The file, or the name that it is to have: what is wrong with it, and what to do.
    File(PathBuf, String),
}

impl std::fmt::Display for BackupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BackupError::Catalog(trouble) => trouble.fmt(f),
            BackupError::None => f.write_str("there is no catalog yet: start the engine once"),
            BackupError::File(path, why) => write!(f, "{}: {why}", path.display()),
        }
    }
}

impl std::error::Error for BackupError {}

impl From<Trouble> for BackupError {
    fn from(trouble: Trouble) -> BackupError {
        BackupError::Catalog(trouble)
    }
}

fn refused(path: &Path) -> impl Fn(io::Error) -> BackupError + '_ {
    |error| BackupError::File(path.to_owned(), format!("{error}; name a file in a folder that can be written"))
}

/// Does something with catalogs, on a thread of its own: whoever asks may be inside a runtime.
fn apart<T: Send>(work: impl AsyncFnOnce() -> Result<T, BackupError> + Send) -> Result<T, BackupError> {
    let no_thread = |error: io::Error| Trouble::NoThread { cause: error.to_string() };
    thread::scope(|scope| {
        let work = || -> Result<T, BackupError> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(no_thread)?;
            runtime.block_on(work())
        };
        let thread = thread::Builder::new().name("backup".into()).spawn_scoped(scope, work).map_err(no_thread)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Writes the catalog of a home as it is now into a file of this name, which nothing may have; beside an engine or without one. That it is made is
/// noted first, so that a receipt can name it.
///
/// # Errors
/// Why it was not made: then there is no such file.
pub fn backup(home: &Path, to: &Path, now: Timestamp) -> Result<Backup, BackupError> {
    let path = file::path(&std::path::absolute(home).unwrap_or_else(|_| home.to_path_buf()));
    let to = std::path::absolute(to).map_err(refused(to))?;
    if fs::symlink_metadata(&to).is_ok() {
        return Err(BackupError::File(to, "it is there already, and is left as it is; name another file".to_owned()));
    }
    apart(async || {
        let mut connection = file::open_for_deeds(&path).await?.ok_or(BackupError::None)?;
        let id = Uuid::now_v7().to_string();
        let failed = |error: sqlx::Error| BackupError::Catalog(Trouble::of(&path, &error));
        let insert = rows::query("INSERT INTO backups (id, path, made_at) VALUES ($1, $2, $3)");
        let insert = insert.bind(&id).bind(to.display().to_string()).bind(text::time(now));
        insert.execute(&mut connection).await.map_err(failed)?;
        let made = write_whole(&mut connection, &path, &to).await;
        let made = match made {
            Ok(bytes) => {
                let counts = counts(&mut connection).await.map_err(failed)?;
                Ok(Backup { backup: to, bytes, calls: counts.0, recordings: counts.1, made_at: now })
            }
            Err(error) => {
                let delete = rows::query("DELETE FROM backups WHERE id = $1").bind(&id);
                delete.execute(&mut connection).await.map_err(failed)?;
                Err(error)
            }
        };
        let _ = connection.close().await;
        made
    })
}

async fn counts(rows: &mut Connection) -> Result<(u64, u64), sqlx::Error> {
    let select = "SELECT (SELECT COUNT(*) FROM calls), (SELECT COUNT(*) FROM recordings WHERE life <> 'gone')";
    let (calls, recordings): (i64, i64) = rows::query_as(select).fetch_one(rows).await?;
    Ok((calls.unsigned_abs(), recordings.unsigned_abs()))
}

/// Writes the catalog behind a connection into a file, durably, under another name until it is whole. Its length.
async fn write_whole(connection: &mut Connection, path: &Path, to: &Path) -> Result<u64, BackupError> {
    let new = beside_of(to, "new");
    let made = async {
        write_copy(connection, path, &new).await?;
        let bytes = fs::metadata(&new).map_err(refused(&new))?.len();
        rename_to_free(&new, to).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                BackupError::File(to.to_owned(), "it is there already; name another file".to_owned())
            }
            _ => refused(to)(error),
        })?;
        Ok(bytes)
    };
    let made = made.await;
    if made.is_err() {
        // Half of a copy is none.
        let _ = fs::remove_file(&new);
    }
    made
}

/// Writes the catalog behind a connection into a new file (0600), durably. What an earlier try left is replaced.
async fn write_copy(connection: &mut Connection, path: &Path, to: &Path) -> Result<(), BackupError> {
    let mut options = OpenOptions::new();
    // SQLite takes an empty file as it takes none, and leaves its mode.
    let made = options.write(true).create(true).truncate(true).mode(0o600).open(to).map_err(refused(to))?;
    drop(made);
    let vacuum = rows::query("VACUUM INTO $1").bind(to.display().to_string());
    vacuum.execute(connection).await.map_err(|error| match Trouble::of(path, &error) {
        Trouble::Full { .. } => BackupError::File(to.to_owned(), "no room on its disk: make room there".to_owned()),
        trouble => BackupError::Catalog(trouble),
    })?;
    fs::File::open(to).and_then(|file| file.sync_all()).map_err(refused(to))
}

/// A name in the same folder.
fn beside_of(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

/// Gives a file its name, which must be free, durably.
fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => {
            beside::sync_name(to)?;
            fs::remove_file(from)?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // A file system without second names: an empty file that was made exclusively holds the name meanwhile.
        Err(_) => {
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
            fs::rename(from, to)?;
        }
    }
    beside::sync_name(to)
}
