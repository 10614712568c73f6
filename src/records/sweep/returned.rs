//! Files of recordings that are gone, and came back with a backup of the folder: they are deleted again.
//!
//! Belongs here: finding them by their names, and the row that says so. Does not: rows that came back (`graves`).

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use retrocall_file::{Item, RealDisk, survey};
use retrocall_ledger::{Deed, DeedKind};
use retrocall_words::{CallId, Clock as _, SystemClock};

use super::{Files, HomeFiles, Removed};
use crate::{
    Trouble, file,
    ledger::{by_rule, item},
    rows::{self, Connection},
    text,
};

/// How long readers of such files are waited for, all together.
const READERS: Duration = Duration::from_secs(10);

/// What had come back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Returned {
    /// Files that are gone again.
    pub removed: Vec<PathBuf>,
    /// Files that could not be removed, and why: they are looked for again with the next sweep.
    pub failed: Vec<(PathBuf, String)>,
}

/// Deletes files of recordings that are gone: those that the catalog or the file of tombstones names.
///
/// # Errors
/// Why the catalog can't be had.
pub fn remove_returned(home: &Path, now: Timestamp) -> Result<Returned, Trouble> {
    // On a thread of its own: whoever asks may be inside a runtime.
    let done = thread::scope(|scope| scope.spawn(|| remove_here(home, now)).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn remove_here(home: &Path, now: Timestamp) -> Result<Returned, Trouble> {
    let home = std::path::absolute(home).unwrap_or_else(|_| home.to_path_buf());
    let (path, files) = (file::path(&home), HomeFiles::of(&home));
    let no_thread = |error: std::io::Error| Trouble::NoThread { cause: error.to_string() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(no_thread)?;
    runtime.block_on(async {
        let refused = |error: sqlx::Error| Trouble::of(&path, &error);
        let mut connection = file::open_for_deeds(&path).await?;
        let mut found = found(&home);
        if let Some(connection) = &mut connection {
            let kept = kept(connection).await.map_err(refused)?;
            found.retain(|(_, call)| !kept.contains(call));
        }
        if found.is_empty() {
            return Ok(Returned::default());
        }
        // Of few, mostly of one that is being written at this moment: after years many more are dead than there are files.
        let stones = files.tombstones().map_err(|error| Trouble::unusable(&files.tombstones_path(), &error))?;
        let mut dead: HashMap<CallId, String> = stones.into_iter().map(|stone| (stone.call, stone.recording)).collect();
        if let Some(connection) = &mut connection {
            for call in found.iter().map(|(_, call)| *call) {
                let known = known(connection, call).await.map_err(refused)?;
                dead.extend(known.map(|recording| (call, recording)));
            }
        }
        let (returned, recordings) = remove(&files, found, &dead);
        if let Some(mut connection) = connection {
            let noted = note(&mut connection, &recordings, now).await;
            let _ = connection.close().await;
            noted.map_err(refused)?;
        }
        Ok(returned)
    })
}

/// The files of recordings that there are.
fn found(home: &Path) -> Vec<(PathBuf, CallId)> {
    let of = |item| match item {
        Item::Recording { path, call, .. } | Item::Unfinished { path, call, .. } => Some((path, call)),
        _ => None,
    };
    survey(&RealDisk, &home.join("recordings")).into_iter().filter_map(of).collect()
}

/// The calls whose recordings are kept: their files belong where they are.
async fn kept(rows: &mut Connection) -> Result<HashSet<CallId>, sqlx::Error> {
    let select = rows::query_scalar::<String>("SELECT call FROM recordings WHERE life IN ('kept', 'restricted')");
    Ok(select.fetch_all(rows).await?.iter().filter_map(|call| text::parse(call)).collect())
}

/// The recording of a call that is gone.
async fn known(rows: &mut Connection, call: CallId) -> Result<Option<String>, sqlx::Error> {
    let select = rows::query_scalar(
        "SELECT recording FROM tombstones WHERE call = $1 UNION SELECT id FROM recordings WHERE call = $1 AND life = 'gone'",
    );
    select.bind(call.to_string()).fetch_optional(rows).await
}

fn remove(
    files: &HomeFiles,
    found: Vec<(PathBuf, CallId)>,
    dead: &HashMap<CallId, String>,
) -> (Returned, BTreeSet<String>) {
    let (mut returned, mut recordings) = (Returned::default(), BTreeSet::new());
    let deadline = SystemClock.now() + READERS;
    for (path, call) in found {
        let Some(recording) = dead.get(&call) else { continue };
        match files.remove(&path, deadline) {
            Ok(Removed::Now | Removed::Before) => {
                returned.removed.push(path);
                recordings.insert(recording.clone());
            }
            Ok(Removed::InUse) => returned.failed.push((path, "it is being read".to_owned())),
            Err(error) => returned.failed.push((path, error.to_string())),
        }
    }
    let folders: BTreeSet<&Path> = returned.removed.iter().filter_map(|path| path.parent()).collect();
    for folder in folders {
        if let Err(error) = files.sync_folder(folder) {
            returned.failed.push((folder.to_owned(), error.to_string()));
        }
    }
    (returned, recordings)
}

/// The ledger's rows: such a recording is deleted once more.
async fn note(connection: &mut Connection, recordings: &BTreeSet<String>, now: Timestamp) -> Result<(), sqlx::Error> {
    if recordings.is_empty() {
        return Ok(());
    }
    let mut rows = connection.begin_writing().await?;
    for recording in recordings {
        let entry = Deed { recording: item(recording), ..Deed::done(DeedKind::Deleted) };
        by_rule(&mut rows, entry, now).await?;
    }
    rows.commit().await
}
