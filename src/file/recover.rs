//! What a crash left: unpublished files are repaired and published, and marked incomplete if something of them is missing.
//!
//! A crash during recovery leaves files that the next recovery finds again. A file that does not say what it is stays as it is, unless it was
//! never synced: then nothing in it was ever promised, and it goes.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;

use super::{
    Durable, DurablePart, Mark,
    disk::{Disk, DiskFile},
    found::{Found, Unread},
    label::State,
    paths::{Paths, name, unfinished},
    survey::{Item, survey},
    trouble,
};
use retrocall_words::{CallId, Label};

/// What became of what a crash left of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
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
pub fn recover(disk: &dyn Disk, recordings: &Path) -> Vec<Recovered> {
    // By the place of the first part, whether it is there or not: two files of one name may lie in different folders.
    let mut calls: BTreeMap<PathBuf, (CallId, Vec<Left>)> = BTreeMap::new();
    let mut recovered = Vec::new();
    for item in survey(disk, recordings) {
        let (path, call, part, is_published) = match item {
            Item::Unfinished { path, call, part } => (path.with_extension(""), call, part, false),
            Item::Recording { path, call, part } => (path, call, part, true),
            Item::Unreadable { path, text } => {
                recovered.push(Recovered::Failed { call: None, path, text });
                continue;
            }
            Item::Foreign { .. } => continue,
        };
        let (_, all) = calls.entry(path.with_file_name(name(call, 1))).or_insert((call, Vec::new()));
        // With both names it is listed twice, the published one first.
        match all.iter_mut().find(|left| left.part == part) {
            Some(left) => left.is_unfinished |= !is_published,
            None => all.push(Left { part, wav: path, is_published, is_unfinished: !is_published }),
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
struct Left {
    part: u32,
    wav: PathBuf,
    is_published: bool,
    is_unfinished: bool,
}

impl Left {
    fn unfinished(&self) -> PathBuf {
        unfinished(&self.wav)
    }
}

fn recover_call(disk: &dyn Disk, call: CallId, all: &[Left], recovered: &mut Vec<Recovered>) {
    let mut parts = Vec::new();
    let mut empty = None;
    for left in all {
        match Open::of(disk, call, left) {
            Ok(Some(open)) => parts.push(open),
            Ok(None) => empty = Some(left.unfinished()),
            Err(text) => {
                let path = if left.is_unfinished { left.unfinished() } else { left.wav.clone() };
                tracing::warn!(path = %path.display(), "not recovered: {text}");
                recovered.push(Recovered::Failed { call: Some(call), path, text });
            }
        }
    }
    let is_any = parts.iter().any(|open| open.is_unfinished);
    match publish(disk, parts) {
        Ok(Some((durable, label))) if is_any => {
            tracing::warn!(%call, path = %durable.path().display(), incomplete = durable.incomplete, "recovered a recording");
            recovered.push(Recovered::Published { durable, label });
        }
        Ok(_) => recovered.extend(empty.map(|path| Recovered::Empty { call, path })),
        Err((path, text)) => {
            tracing::warn!(path = %path.display(), "not recovered: {text}");
            recovered.push(Recovered::Failed { call: Some(call), path, text });
        }
    }
}

/// A part that is open to be repaired, or is published already.
struct Open {
    file: Box<dyn DiskFile>,
    found: Found,
    wav: PathBuf,
    is_unfinished: bool,
    /// It has its published name: it was whole and synced by then, and is not written to.
    is_published: bool,
    is_whole: bool,
}

impl Open {
    /// None if it was never synced: then it is gone.
    fn of(disk: &dyn Disk, call: CallId, left: &Left) -> Result<Option<Open>, String> {
        let (wav, part) = (&left.wav, left.unfinished());
        let mut is_published = left.is_published;
        if left.is_published && left.is_unfinished {
            match disk.is_same_file(&part, wav) {
                Ok(true) => {}
                // What holds nothing was made to hold the name.
                Ok(false) if is_empty(disk, wav) => is_published = false,
                Ok(false) => return Err(trouble::Refusal::of_name(wav).text),
                Err(error) => return Err(trouble::words("look at", wav, &error)),
            }
        }
        let path = if is_published { wav } else { &part };
        let mut file = disk.open_existing(path).map_err(|error| trouble::words("open", path, &error))?;
        let found = match Found::read(&mut *file, path) {
            Ok(found) => found,
            Err(Unread::NeverSynced) if !is_published => {
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
            found.comment.state == State::Complete
        } else {
            found.is_whole && found.is_proved(&mut *file).map_err(|error| trouble::words("read", path, &error))?
        };
        Ok(Some(Open { file, found, wav: wav.clone(), is_unfinished: left.is_unfinished, is_published, is_whole }))
    }
}

fn misnamed(path: &Path, found: &Found) -> String {
    let (call, part) = (found.comment.label.call.id, found.comment.part);
    format!("{} says it is of call {call}, part {part}; name it {}", path.display(), name(call, part))
}

/// None if there are no parts.
fn publish(disk: &dyn Disk, mut parts: Vec<Open>) -> Result<Option<(Durable, Label)>, (PathBuf, String)> {
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
    Ok(durable(parts.into_iter().map(|open| (open.wav, open.found)), !is_whole))
}

fn is_empty(disk: &dyn Disk, path: &Path) -> bool {
    disk.open_existing(path).and_then(|file| file.length()).is_ok_and(|bytes| bytes == 0)
}

fn sync_folder_of(disk: &dyn Disk, path: &Path) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    disk.sync_dir(folder).map_err(|error| trouble::words("sync the folder of", path, &error))
}

/// The recording that these parts are, in their order. None if there are none.
fn durable(found: impl Iterator<Item = (PathBuf, Found)>, incomplete: bool) -> Option<(Durable, Label)> {
    let mut whole: Option<(Durable, Label)> = None;
    for (path, found) in found {
        let part = DurablePart { path, bytes: found.length(), samples: found.frames };
        let (durable, _) = whole.get_or_insert_with(|| {
            let (call, first) = (found.comment.label.call.id, found.comment.first);
            (Durable { call, parts: Vec::new(), first, incomplete, marks: Vec::new() }, found.comment.label)
        });
        durable.parts.push(part);
        // What is of a moment stands in every part.
        let news: Vec<Mark> = found.marks.into_iter().filter(|mark| !durable.marks.contains(mark)).collect();
        durable.marks.extend(news);
    }
    whole
}

/// Reads what a published recording says of itself, with all its parts, and makes it durable: for one that the catalog does not know. `path` is
/// that of its first part.
///
/// # Errors
/// Why it does not say what it is, and what to do.
pub fn read_recording(disk: &dyn Disk, path: &Path) -> Result<(Durable, Label), String> {
    let mut parts = read_parts(path, &|path| disk.open_existing(path))?;
    for (path, _, file) in &mut parts {
        file.sync_data().map_err(|error| trouble::words("sync", path, &error))?;
    }
    // Whoever renamed them may have been killed before it could sync the names.
    sync_folder_of(disk, path)?;
    let is_incomplete = parts.iter().any(|(_, found, _)| found.comment.state == State::Incomplete);
    let found = parts.into_iter().map(|(path, found, _)| (path, found));
    durable(found, is_incomplete).ok_or_else(|| format!("{} has no parts", path.display()))
}

/// What a published recording says of itself, all its parts together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Whose it is and why it is kept.
    pub label: Label,
    /// The call's position of the first sample.
    pub first: u64,
    /// Samples of each leg.
    pub samples: u64,
    /// How long its files are together.
    pub bytes: u64,
    /// Whether it says that something is missing.
    pub incomplete: bool,
    /// Its files.
    pub parts: Vec<PathBuf>,
    /// What happened when.
    pub marks: Vec<Mark>,
}

/// Reads what a published recording says of itself, and changes nothing. `path` is that of its first part.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn look_at(path: &Path) -> Result<Look, String> {
    let parts = read_parts(path, &|path| Ok(Box::new(open_to_read(path)?)))?;
    let is_incomplete = parts.iter().any(|(_, found, _)| found.comment.state == State::Incomplete);
    let whole = durable(parts.into_iter().map(|(path, found, _)| (path, found)), is_incomplete);
    let (durable, label) = whole.ok_or_else(|| format!("{} has no parts", path.display()))?;
    Ok(Look {
        label,
        first: durable.first,
        samples: durable.samples(),
        bytes: durable.bytes(),
        incomplete: durable.incomplete,
        parts: durable.parts.into_iter().map(|part| part.path).collect(),
        marks: durable.marks,
    })
}

type OpenFile<'a> = &'a dyn Fn(&Path) -> io::Result<Box<dyn DiskFile>>;
/// A part, as it is found and as it is open.
type OpenPart = (PathBuf, Found, Box<dyn DiskFile>);

fn read_parts(path: &Path, open: OpenFile<'_>) -> Result<Vec<OpenPart>, String> {
    let mut all: Vec<OpenPart> = Vec::new();
    loop {
        let number = all.len() as u32 + 1;
        let call = all.first().map(|(_, first, _)| first.comment.label.call.id);
        let path = call.map_or(path.to_owned(), |call| path.with_file_name(name(call, number)));
        let mut file = open(&path).map_err(|error| trouble::words("open", &path, &error))?;
        let found = Found::read(&mut *file, &path).map_err(|unread| unread.words(&path))?;
        found.expect_published(&path)?;
        if found.comment.part != number || call.is_some_and(|call| call != found.comment.label.call.id) {
            return Err(misnamed(&path, &found));
        }
        let is_last = number >= found.comment.parts;
        all.push((path, found, file));
        if is_last {
            return Ok(all);
        }
    }
}

fn open_to_read(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path)
}

/// What a file of a recording says of itself, for whoever compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whose it is and why it is kept.
    pub label: Label,
    /// Samples of each leg.
    pub samples: u64,
    /// The call's position of the first one.
    pub first: u64,
    /// How long the file is.
    pub bytes: u64,
    /// Whether it says that something is missing.
    pub incomplete: bool,
    /// Which part it is, and of how many.
    pub part: u32,
    /// How many parts it says there are.
    pub parts: u32,
    /// Where it belongs, from the folder of all recordings on.
    pub place: PathBuf,
}

/// Reads what a published file says of itself, and changes nothing.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn inspect(path: &Path) -> Result<Said, String> {
    let mut file = open_to_read(path).map_err(|error| trouble::words("open", path, &error))?;
    let found = Found::read(&mut file, path).map_err(|unread| unread.words(path))?;
    found.expect_published(path)?;
    let part = found.comment.part;
    Ok(Said {
        place: Paths::of(Path::new(""), found.comment.label.call.id, found.comment.label.call.began_at).wav(part),
        samples: found.frames,
        first: found.comment.first,
        bytes: found.length(),
        incomplete: found.comment.state == State::Incomplete,
        part,
        parts: found.comment.parts.max(1),
        label: found.comment.label,
    })
}
