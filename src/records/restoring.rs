//! How far a restore has come: the file `restore`, from its first change to the engine's next start.
//!
//! Belongs here: that file. Does not: the steps of a restore (`backup`), what the engine writes of it (`worker`).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DoneAgain, HeldAgain, Trouble, beside};

/// How far a restore has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    /// The catalog may be any: it is not to be opened.
    Begun,
    /// The catalog is the restored one, and the engine has not seen it yet.
    Done,
}

/// What the engine has to write in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Takeover {
    pub stage: Stage,
    /// Who restored it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Recordings that are gone by it.
    pub gone: Vec<String>,
    /// What is held by it, for want of deeds that came after the backup.
    #[serde(default)]
    pub held: Vec<HeldAgain>,
    /// What was done by it once more: the backup lacked that.
    #[serde(default)]
    pub redone: Vec<DoneAgain>,
    /// The engine goes on as a new site: until it does, nothing is written in the old one's ledger.
    #[serde(default)]
    pub renews: bool,
}

/// Where it is.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("restore")
}

fn read(home: &Path) -> io::Result<Option<Takeover>> {
    let unreadable = || Takeover {
        stage: Stage::Begun,
        by: String::new(),
        at: Timestamp::UNIX_EPOCH,
        gone: Vec::new(),
        held: Vec::new(),
        redone: Vec::new(),
        renews: false,
    };
    match fs::read(path(home)) {
        // Of one that makes no sense nobody knows how far it came.
        Ok(text) => Ok(Some(serde_json::from_slice(&text).unwrap_or_else(|_| unreadable()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes it, durably.
pub(super) fn write(home: &Path, takeover: &Takeover) -> io::Result<()> {
    let (path, new) = (path(home), home.join("restore.new"));
    let (mut file, _) = beside::open_or_make(&new)?;
    file.set_len(0)?;
    serde_json::to_writer(&mut file, takeover)?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    beside::sync_name(&path)
}

/// Refuses a catalog in whose home a restore was cut off. A copy beside it, under another name, is not refused.
pub(super) fn cut_off(catalog: &Path) -> Result<(), Trouble> {
    let Some(home) = catalog.parent().filter(|_| catalog.extension().is_some_and(|ending| ending == "sqlite")) else {
        return Ok(());
    };
    let found = read(home).map_err(|error| Trouble::unusable(&path(home), &error))?;
    if found.is_none_or(|takeover| takeover.stage == Stage::Done) {
        return Ok(());
    }
    Err(Trouble::Unusable {
        path: catalog.to_owned(),
        cause: "a restore was cut off".to_owned(),
        step: "stop the engine, and type `retrocall restore` again".to_owned(),
    })
}

/// What the engine has to take up from a restore. None if there was none, or if it is taken up.
pub(super) fn to_take_up(home: &Path) -> io::Result<Option<Takeover>> {
    Ok(read(home)?.filter(|takeover| takeover.stage == Stage::Done))
}

/// Whether a restore waits for its end, or for an engine without which nothing may be written in the ledger.
pub(super) fn is_under_way(home: &Path) -> bool {
    // What can't be read is no end.
    read(home).map_or(true, |found| found.is_some_and(|takeover| takeover.stage == Stage::Begun || takeover.renews))
}

/// Whether the engine has not taken up a restore yet.
pub(super) fn is_to_be_taken_up(home: &Path) -> bool {
    fs::symlink_metadata(path(home)).is_ok()
}

/// The ledger has it.
pub(super) fn taken_up(home: &Path) -> io::Result<()> {
    match fs::remove_file(path(home)) {
        Ok(()) => beside::sync_name(&path(home)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
