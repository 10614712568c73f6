//! What a crash left: unpublished files are repaired and published, and marked incomplete if their end is missing.
//!
//! A crash during recovery leaves a file that the next recovery finds again. A file that does not say what it is stays as it is, unless
//! it is too short to hold audio: what it is was to be synced before its first sample.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;

use super::{
    Durable, Label, SAMPLES_MAX,
    disk::{Disk, DiskFile},
    label::{Comment, State},
    paths::Paths,
    prefix::{Damage, FRAME_BYTES, PREFIX_BYTES_MAX, Prefix},
    survey::{Item, survey},
    trouble,
};
use crate::{memory::wipe, protocol::CallId};

/// A file that does not say what it is and has no more bytes than this holds no audio: the prefix alone has 430 to 700.
const EMPTY_BYTES_MAX: u64 = 1_024;

/// What became of a file that a crash left.
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
    let items = survey(disk, recordings);
    let found = items.into_iter().filter_map(|item| match item {
        Item::Part { path, call } => Some(recover_one(disk, path, call)),
        Item::Unreadable { path, text } => Some(Recovered::Failed { call: None, path, text }),
        Item::Recording { .. } | Item::Foreign { .. } => None,
    });
    found.collect()
}

fn recover_one(disk: &dyn Disk, part: PathBuf, call: CallId) -> Recovered {
    let wav = part.with_extension("");
    match publish(disk, &part, &wav) {
        Ok(Some((durable, label))) => {
            tracing::warn!(%call, path = %wav.display(), incomplete = durable.incomplete, "recovered a recording");
            Recovered::Published { durable, label }
        }
        Ok(None) => Recovered::Empty { call, path: part },
        Err(text) => {
            tracing::warn!(path = %part.display(), "not recovered: {text}");
            Recovered::Failed { call: Some(call), path: part, text }
        }
    }
}

/// Reads what a published recording says of itself, and makes it durable: for one that the catalog does not know.
///
/// # Errors
/// Why it does not say what it is, and what to do.
pub fn read_recording(disk: &dyn Disk, path: &Path) -> Result<(Durable, Label), String> {
    let mut file = disk.open_existing(path).map_err(|error| trouble::words("open", path, &error))?;
    let (durable, label) = Found::read(&mut *file, path)?.published(path)?;
    file.sync_data().map_err(|error| trouble::words("sync", path, &error))?;
    // Whoever renamed it may have been killed before it could sync the name.
    let folder = path.parent().unwrap_or(path);
    disk.sync_dir(folder).map_err(|error| trouble::words("sync the folder of", path, &error))?;
    Ok((durable, label))
}

/// What a recording says of itself, for whoever compares.
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
    /// Whether it says that its end is missing.
    pub incomplete: bool,
    /// Where it belongs, from the folder of all recordings on.
    pub place: PathBuf,
}

/// Reads what a published recording says of itself, and changes nothing.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn inspect(path: &Path) -> Result<Said, String> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let mut file = opened.map_err(|error| trouble::words("open", path, &error))?;
    let (durable, label) = Found::read(&mut file, path)?.published(path)?;
    let place = Paths::of(Path::new(""), label.call, label.began_at).wav;
    let Durable { samples, first, bytes, incomplete, .. } = durable;
    Ok(Said { label, samples, first, bytes, incomplete, place })
}

/// None if there is nothing to publish.
fn publish(disk: &dyn Disk, part: &Path, wav: &Path) -> Result<Option<(Durable, Label)>, String> {
    let folder = wav.parent().unwrap_or(wav);
    let sync_dir = || disk.sync_dir(folder).map_err(|error| trouble::words("sync the folder of", wav, &error));
    match disk.is_same_file(part, wav) {
        Ok(true) => return finish_name(disk, part, wav).map(Some),
        // What holds nothing was made to hold the name.
        Ok(false) if is_empty(disk, wav) => {}
        Ok(false) => return Err(trouble::Refusal::of_name(wav).text),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(trouble::words("look at", wav, &error)),
    }
    let mut file = disk.open_existing(part).map_err(|error| trouble::words("open", part, &error))?;
    let mut found = match Found::read(&mut *file, part) {
        Ok(found) => found,
        Err(Unread::Prefix { bytes, .. }) if bytes <= EMPTY_BYTES_MAX => {
            disk.remove(part).map_err(|error| trouble::words("remove", part, &error))?;
            sync_dir()?;
            return Ok(None);
        }
        Err(unread) => return Err(unread.into()),
    };
    if wav.file_stem().and_then(|stem| stem.to_str()) != Some(&found.label.call.to_string()) {
        return Err(format!("{} says it is of call {}; name it after that call", part.display(), found.label.call));
    }
    found.repair(&mut *file, part)?;
    file.sync_data().map_err(|error| trouble::words("sync", part, &error))?;
    disk.rename_noreplace(part, wav).map_err(|error| trouble::words("rename", part, &error))?;
    sync_dir()?;
    Ok(Some((found.durable(wav, !found.is_whole), found.label)))
}

/// Where a file can't be renamed at once it has both names for a moment. It was whole and synced by then, and is published: it is not written to.
fn finish_name(disk: &dyn Disk, part: &Path, wav: &Path) -> Result<(Durable, Label), String> {
    let said = read_recording(disk, wav)?;
    disk.rename_noreplace(part, wav).map_err(|error| trouble::words("rename", part, &error))?;
    let folder = wav.parent().unwrap_or(wav);
    disk.sync_dir(folder).map_err(|error| trouble::words("sync the folder of", wav, &error))?;
    Ok(said)
}

fn is_empty(disk: &dyn Disk, path: &Path) -> bool {
    disk.open_existing(path).and_then(|file| file.length()).is_ok_and(|bytes| bytes == 0)
}

/// Why a file can't be read.
enum Unread {
    /// The disk refuses.
    Disk(String),
    /// Its beginning is not that of a recording.
    Prefix { text: String, bytes: u64 },
}

impl From<Unread> for String {
    fn from(unread: Unread) -> String {
        match unread {
            Unread::Disk(text) | Unread::Prefix { text, .. } => text,
        }
    }
}

/// A file, as it says of itself and as it is.
struct Found {
    prefix: Prefix,
    label: Label,
    comment: Comment,
    /// The length of the file.
    bytes: u64,
    /// Stereo samples, by that length.
    frames: u64,
    /// It says that it is complete, and is as long as it says, in its sizes and in words.
    is_whole: bool,
}

impl Found {
    fn read(file: &mut dyn DiskFile, path: &Path) -> Result<Found, Unread> {
        let refused = |error| Unread::Disk(trouble::words("read", path, &error));
        let length = file.length().map_err(refused)?;
        let mut head = [0; PREFIX_BYTES_MAX];
        let read = read_head(file, &mut head);
        let parsed = read.map(|count| Prefix::parse(&head[..count]));
        // Audio follows the prefix.
        wipe(&mut head);
        let damaged = |damage: Damage| Unread::Prefix {
            text: format!("{}: {damage}; look at it, then move it away or delete it", path.display()),
            bytes: length,
        };
        let (prefix, label, comment) = parsed.map_err(refused)?.map_err(damaged)?;
        let data = length.saturating_sub(prefix.bytes().len() as u64);
        let frames = (data / FRAME_BYTES).min(SAMPLES_MAX);
        let mut found = Found { prefix, label, comment, bytes: length, frames, is_whole: false };
        // A recording whose words a power cut garbled would be published, and then be called wrong by whoever reads it: it is repaired.
        found.is_whole = found.comment.state == State::Complete
            && data == frames * FRAME_BYTES
            && found.prefix.frames() == frames
            && found.lasts_as_it_says();
        Ok(found)
    }

    fn lasts_as_it_says(&self) -> bool {
        // Written with three digits. Not a number is no length.
        (self.comment.seconds - self.label.rate.seconds(self.frames)).abs() < 0.000_6
    }

    /// Cuts the file to whole stereo samples, and makes its sizes and its comment say what it is. Also of one that is whole: a power cut may
    /// have come while they were written again.
    fn repair(&mut self, file: &mut dyn DiskFile, path: &Path) -> Result<(), String> {
        let found = self.prefix.bytes().to_vec();
        let state = if self.is_whole { State::Complete } else { State::Incomplete };
        self.prefix.set_frames(self.frames);
        if !self.prefix.set_comment(&self.label.comment(self.comment.first, self.frames, state)) {
            return Err(format!(
                "{}: its comment has no room for what became of it; look at it, then move it away",
                path.display()
            ));
        }
        let length = self.length();
        if self.bytes == length && self.prefix.bytes() == found {
            return Ok(());
        }
        let repaired = file
            .set_len(length)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(self.prefix.bytes()));
        repaired.map_err(|error| trouble::words("repair", path, &error))
    }

    fn length(&self) -> u64 {
        self.prefix.bytes().len() as u64 + self.frames * FRAME_BYTES
    }

    /// What it says, if it says what a published recording says: that it is finished, and how long it is.
    fn published(self, path: &Path) -> Result<(Durable, Label), String> {
        let off = |what: String| Err(format!("{} {what}; look at it, or put a backup in its place", path.display()));
        if self.comment.state == State::Running {
            return off("is published, and does not say that it is finished".to_owned());
        }
        if self.prefix.frames() != self.frames || self.length() != self.bytes {
            let (says, has) = (self.prefix.frames(), self.frames);
            return off(format!("says that it has {says} samples, and its length is that of {has}"));
        }
        if !self.lasts_as_it_says() {
            let seconds = self.label.rate.seconds(self.frames);
            return off(format!("says that it is {:.3} s long, and is {seconds:.3} s", self.comment.seconds));
        }
        Ok((self.durable(path, self.comment.state == State::Incomplete), self.label))
    }

    fn durable(&self, path: &Path, incomplete: bool) -> Durable {
        Durable {
            call: self.label.call,
            path: path.to_owned(),
            bytes: self.length(),
            samples: self.frames,
            first: self.comment.first,
            incomplete,
        }
    }
}

/// Fills `head` from the beginning of the file, as far as the file goes.
fn read_head(file: &mut dyn DiskFile, head: &mut [u8]) -> std::io::Result<usize> {
    file.seek(SeekFrom::Start(0))?;
    let mut count = 0;
    while count < head.len() {
        match file.read(&mut head[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}
