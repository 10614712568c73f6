//! Copies that leave a home: the centre has the recording, or has deleted it.
//!
//! Belongs here: which copies are to go, taking their names away, what becomes of their rows. Does not: when (`outgoing`), sweeping.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use retrocall_ledger::{Deed, DeedKind};
use retrocall_words::{Clock as _, SystemClock};
use serde::{Deserialize, Serialize};

use super::{super::NotDone, Answer, HomeDesk, parsed};
use crate::{
    graves,
    ledger::{by_rule, item},
    peaks_paths,
    policy::Why,
    rows::{self, Connection},
    sweep::{BELONGINGS, Files as _, HomeFiles, Removed, Tombstone},
    text,
};

/// How long readers of a copy are waited for.
const READERS: Duration = Duration::from_secs(2);
/// Copies that are removed at once.
const COPIES_MAX: i64 = 256;

/// A copy that is to go.
pub(super) struct Leaving {
    pub recording: String,
    call: retrocall_words::CallId,
    sha256: Option<String>,
    files: Vec<PathBuf>,
    pub is_gone: bool,
}

/// A line of the file beside the catalog.
#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    pub recording: String,
    pub sha256: Option<String>,
}

impl Leaving {
    pub(super) fn line(&self) -> Line {
        Line { recording: self.recording.clone(), sha256: self.sha256.clone() }
    }

    pub(super) fn stone(&self, now: Timestamp) -> Tombstone {
        let (recording, call, sha256) = (self.recording.clone(), self.call, self.sha256.clone());
        Tombstone { recording, call, sha256, at: now, why: Some(Why::Ended) }
    }
}

/// The files of a recording, under the home folder.
pub(super) async fn files_of(rows: &mut Connection, recording: &str, first: String) -> Answer<Vec<PathBuf>> {
    let select = rows::query_scalar::<String>("SELECT path FROM parts WHERE recording = $1 ORDER BY part");
    let mut files = select.bind(recording).fetch_all(rows).await?;
    if files.is_empty() {
        files.push(first);
    }
    Ok(files.into_iter().map(PathBuf::from).collect())
}

pub(super) async fn leaving(rows: &mut Connection) -> Answer<Vec<Leaving>> {
    let select = rows::query(
        "SELECT recordings.id, recordings.call, recordings.path, recordings.sha256, deliveries.state FROM deliveries
         JOIN recordings ON recordings.id = deliveries.recording
         WHERE deliveries.state IN ('leaving', 'going') ORDER BY recordings.id LIMIT $1",
    );
    let mut all = Vec::new();
    for row in select.bind(COPIES_MAX).fetch_all(&mut *rows).await? {
        let recording: String = row.try_get("id")?;
        let files = files_of(rows, &recording, row.try_get("path")?).await?;
        let is_gone = row.try_get::<&str, _>("state")? == "going";
        all.push(Leaving { call: parsed(&row, "call")?, sha256: row.try_get("sha256")?, recording, files, is_gone });
    }
    Ok(all)
}

/// Takes a copy's names away, and sees that they are.
pub(super) fn remove(files: &HomeFiles, home: &Path, copy: &Leaving) -> Result<(), String> {
    let deadline = SystemClock.now() + READERS;
    let peaks = peaks_paths(home, &copy.recording);
    let all: Vec<PathBuf> = peaks.into_iter().chain(copy.files.iter().map(|file| home.join(file))).collect();
    for file in &all {
        match files.remove(file, deadline) {
            Ok(Removed::Now | Removed::Before) => {}
            Ok(Removed::InUse) => return Err(format!("{} is being read", file.display())),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        }
    }
    let folders: BTreeSet<&Path> = all.iter().filter_map(|file| file.parent()).collect();
    for folder in folders {
        files.sync_folder(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    for file in &all {
        match files.is_there(file) {
            Ok(false) => {}
            Ok(true) => return Err(format!("{} is there again", file.display())),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        }
    }
    Ok(())
}

impl HomeDesk {
    /// Its copy is not here any more: what was in it is said by nothing here.
    pub(super) fn left(&self, copy: &Leaving, now: Timestamp) -> Result<(), NotDone> {
        self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            if copy.is_gone {
                // As after a restore: the tombstone ends the row, with its receipt.
                let open = rows::query("UPDATE recordings SET life = 'kept' WHERE id = $1 AND life = 'deleting'");
                open.bind(&copy.recording).execute(&mut rows).await?;
                graves::bury(&mut rows, &[copy.stone(now)], now).await?;
                let deed = Deed { recording: item(&copy.recording), ..Deed::done(DeedKind::Deleted) };
                by_rule(&mut rows, deed, now).await?;
            } else {
                let update = rows::query(
                    "UPDATE recordings SET customer = NULL, customer_form = NULL, marks = '{}' WHERE id = $1 AND life = 'delivered'",
                );
                update.bind(&copy.recording).execute(&mut rows).await?;
                for delete in BELONGINGS {
                    rows::query(delete).bind(&copy.recording).execute(&mut rows).await?;
                }
            }
            let update = rows::query("UPDATE deliveries SET state = 'left', at = $2 WHERE recording = $1");
            update.bind(&copy.recording).bind(text::time(now)).execute(&mut rows).await?;
            rows.commit().await?;
            Ok(())
        })
    }
}
