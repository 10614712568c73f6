//! Publishes the files that a crash left: repairs them, and marks them incomplete if something of them is missing.
//!
//! A crash during recovery leaves files that the next recovery finds again. A file that does not say what it is stays as it is, unless it was
//! never synced: then nothing in it was ever promised, and it goes.
//!
//! Belongs here: unpublished files. Does not: published ones (`read`), the repair of one file (`contents`), the catalog.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    contents::{Contents, ReadError},
    disk::{Disk, DiskFile},
    durable::Durable,
    label::Completeness,
    paths::{name, unfinished},
    read::{misnamed, sync_folder_of},
    survey::{Item, survey},
    trouble::{self, Refusal},
};
use retrocall_words::{CallId, Label};

/// What recovery did with a call of which a crash left files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// It is a recording now.
    Published {
        /// The proof of it.
        durable: Durable,
        /// What the file says of itself.
        label: Label,
    },
    /// It held nothing yet, and is gone.
    Empty {
        /// Whose recording it was to be.
        call: CallId,
        /// Where the file was.
        path: PathBuf,
    },
    /// It could not be made one, and is left as it is.
    Failed {
        /// Whose recording it was to be; none for a folder.
        call: Option<CallId>,
        /// The file, or the folder that could not be looked at.
        path: PathBuf,
        /// Why, and what to do.
        text: String,
    },
}

/// Publishes what a crash left in the folder `recordings`. For the start, before anything is committed there.
pub fn recover(disk: &dyn Disk, recordings: &Path) -> Vec<Recovery> {
    // By the place of the first part, whether it is there or not: two files of one name may lie in different folders.
    let mut calls: BTreeMap<PathBuf, (CallId, Vec<Remains>)> = BTreeMap::new();
    let mut recovered = Vec::new();
    for item in survey(disk, recordings) {
        let (path, call, part, is_published) = match item {
            Item::Unfinished { path, call, part } => (path.with_extension(""), call, part, false),
            Item::Recording { path, call, part } => (path, call, part, true),
            Item::Unreadable { path, text } => {
                recovered.push(Recovery::Failed { call: None, path, text });
                continue;
            }
            Item::Foreign { .. } => continue,
        };
        let (_, all) = calls.entry(path.with_file_name(name(call, 1))).or_insert((call, Vec::new()));
        // With both names it is listed twice, the published one first.
        match all.iter_mut().find(|left| left.part == part) {
            Some(left) => left.is_unfinished |= !is_published,
            None => all.push(Remains { part, wav: path, is_published, is_unfinished: !is_published }),
        }
    }
    for (call, mut all) in calls.into_values() {
        if all.iter().any(|left| left.is_unfinished) {
            all.sort_by_key(|left| left.part);
            recover_call(disk, call, &all, &mut recovered);
        }
    }
    recovered
}

/// A file of a call, by its names.
struct Remains {
    part: u32,
    wav: PathBuf,
    is_published: bool,
    is_unfinished: bool,
}

impl Remains {
    fn unfinished(&self) -> PathBuf {
        unfinished(&self.wav)
    }
}

fn recover_call(disk: &dyn Disk, call: CallId, all: &[Remains], recovered: &mut Vec<Recovery>) {
    let mut parts = Vec::new();
    let mut empty = None;
    for left in all {
        match Candidate::of(disk, call, left) {
            Ok(Some(open)) => parts.push(open),
            Ok(None) => empty = Some(left.unfinished()),
            Err(text) => {
                let path = if left.is_unfinished { left.unfinished() } else { left.wav.clone() };
                tracing::warn!(path = %path.display(), "not recovered: {text}");
                recovered.push(Recovery::Failed { call: Some(call), path, text });
            }
        }
    }
    let is_any = parts.iter().any(|open| open.is_unfinished);
    match publish(disk, parts) {
        Ok(Some((durable, label))) if is_any => {
            tracing::warn!(%call, path = %durable.path().display(), incomplete = durable.incomplete, "recovered a recording");
            recovered.push(Recovery::Published { durable, label });
        }
        Ok(_) => recovered.extend(empty.map(|path| Recovery::Empty { call, path })),
        Err((path, text)) => {
            tracing::warn!(path = %path.display(), "not recovered: {text}");
            recovered.push(Recovery::Failed { call: Some(call), path, text });
        }
    }
}

/// A part of a recording that is to be published: open to be repaired, unless it is published already.
struct Candidate {
    file: Box<dyn DiskFile>,
    found: Contents,
    wav: PathBuf,
    is_unfinished: bool,
    /// It has its published name: it was whole and synced by then, and is not written to.
    is_published: bool,
    is_whole: bool,
}

impl Candidate {
    /// None if it was never synced: then it is gone.
    fn of(disk: &dyn Disk, call: CallId, left: &Remains) -> Result<Option<Candidate>, String> {
        let (wav, part) = (&left.wav, left.unfinished());
        let mut is_published = left.is_published;
        if left.is_published && left.is_unfinished {
            match disk.is_same_file(&part, wav) {
                Ok(true) => {}
                // What holds nothing was made to hold the name.
                Ok(false) if is_empty(disk, wav) => is_published = false,
                Ok(false) => return Err(Refusal::NameTaken(wav.to_owned()).to_string()),
                Err(error) => return Err(trouble::words("look at", wav, &error)),
            }
        }
        let path = if is_published { wav } else { &part };
        let mut file = disk.open_existing(path).map_err(|error| trouble::words("open", path, &error))?;
        let found = match Contents::read(&mut *file, path) {
            Ok(found) => found,
            Err(ReadError::NeverSynced) if !is_published => {
                disk.remove(path).map_err(|error| trouble::words("remove", path, &error))?;
                sync_folder_of(disk, path)?;
                return Ok(None);
            }
            Err(unread) => return Err(unread.words(path)),
        };
        if (found.comment.label.call.id, found.comment.part) != (call, left.part) {
            return Err(misnamed(path, &found));
        }
        let is_whole = if is_published {
            found.expect_published(path)?;
            found.comment.state == Completeness::Complete
        } else {
            found.is_whole && found.is_proved(&mut *file).map_err(|error| trouble::words("read", path, &error))?
        };
        Ok(Some(Candidate { file, found, wav: wav.clone(), is_unfinished: left.is_unfinished, is_published, is_whole }))
    }
}

/// None if there are no parts.
fn publish(disk: &dyn Disk, mut parts: Vec<Candidate>) -> Result<Option<(Durable, Label)>, (PathBuf, String)> {
    let count = parts.len() as u32;
    let numbers = parts.iter().map(|open| open.found.comment.part);
    let last = numbers.clone().max().unwrap_or(0);
    let says = parts.iter().map(|open| open.found.comment.parts).max().unwrap_or(0);
    let are_all_there = numbers.eq(1..=count) && says <= count;
    let is_whole = are_all_there && parts.iter().all(|open| open.is_whole);
    for at in 0..parts.len() {
        let next = parts.get(at + 1).map(|next| next.found.comment.first);
        let open = &mut parts[at];
        if open.is_published {
            continue;
        }
        let part = unfinished(&open.wav);
        if let Some(next) = next {
            open.found.end_before(next);
        }
        let repaired = open.found.repair(&mut *open.file, &part, is_whole, last);
        let synced =
            repaired.and_then(|()| open.file.sync_data().map_err(|error| trouble::words("sync", &part, &error)));
        synced.map_err(|text| (part, text))?;
    }
    // The first part last, so that whoever finds it finds the others.
    for open in parts.iter().rev().filter(|open| open.is_unfinished) {
        let part = unfinished(&open.wav);
        let renamed = disk.rename_noreplace(&part, &open.wav);
        renamed.map_err(|error| (part.clone(), trouble::words("rename", &part, &error)))?;
    }
    if let Some(open) = parts.first().filter(|_| parts.iter().any(|open| open.is_unfinished)) {
        sync_folder_of(disk, &open.wav).map_err(|text| (open.wav.clone(), text))?;
    }
    Ok(Durable::of(parts.into_iter().map(|open| (open.wav, open.found)), !is_whole))
}

fn is_empty(disk: &dyn Disk, path: &Path) -> bool {
    disk.open_existing(path).and_then(|file| file.length()).is_ok_and(|bytes| bytes == 0)
}
