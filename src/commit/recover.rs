//! What a crash left: unpublished files are repaired and published, and marked incomplete if their end is missing.
//!
//! A crash during recovery leaves a file that the next recovery finds again. A file that does not say what it is stays as it is.

use std::{
    io::{ErrorKind, SeekFrom},
    path::{Path, PathBuf},
};

use super::{
    Durable, Label, SAMPLES_MAX,
    disk::{Disk, DiskFile},
    label::{Comment, State},
    paths::{FOLDERS_DEEP, PART},
    prefix::{FRAME_BYTES, PREFIX_BYTES_MAX, Prefix},
    trouble,
};
use crate::memory::wipe;

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
    /// It could not be made one, and is left as it is.
    Failed {
        /// The file, or the folder that could not be looked at.
        path: PathBuf,
        /// Why, and what to do.
        text: String,
    },
}

/// Publishes what a crash left in the folder `recordings`. For the start, before anything is committed there.
pub fn recover(disk: &dyn Disk, recordings: &Path) -> Vec<Recovered> {
    let mut found = Vec::new();
    let recordings = std::path::absolute(recordings).unwrap_or_else(|_| recordings.to_owned());
    walk(disk, &recordings, FOLDERS_DEEP, &mut found);
    found
}

/// Reads what a published recording says of itself: for one that the catalog does not know.
///
/// # Errors
/// Why it does not say what it is, and what to do.
pub fn read_recording(disk: &dyn Disk, path: &Path) -> Result<(Durable, Label), String> {
    let mut file = disk.open_existing(path).map_err(|error| trouble::words("open", path, &error))?;
    let found = Found::read(&mut *file, path)?;
    let durable = found.durable(path, found.comment.state != State::Complete);
    Ok((durable, found.label))
}

fn walk(disk: &dyn Disk, folder: &Path, deep: usize, found: &mut Vec<Recovered>) {
    let entries = match disk.list(folder) {
        Ok(entries) => entries,
        // Nothing was ever recorded.
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => {
            let text = trouble::words("look into", &folder.join("."), &error);
            return found.push(Recovered::Failed { path: folder.to_owned(), text });
        }
    };
    for entry in entries {
        if entry.is_folder && deep > 0 {
            walk(disk, &entry.path, deep - 1, found);
        } else if let Some(wav) = published_name(&entry.path).filter(|_| !entry.is_folder) {
            found.push(match publish(disk, &entry.path, &wav) {
                Ok((durable, label)) => {
                    tracing::warn!(call = %label.call, path = %wav.display(), incomplete = durable.incomplete, "recovered a recording");
                    Recovered::Published { durable, label }
                }
                Err(text) => {
                    tracing::warn!(path = %entry.path.display(), "not recovered: {text}");
                    Recovered::Failed { path: entry.path, text }
                }
            });
        }
    }
}

/// `<call-id>.wav` for `<call-id>.wav.part`.
fn published_name(part: &Path) -> Option<PathBuf> {
    let wav = part.file_name()?.to_str()?.strip_suffix(PART).filter(|wav| wav.ends_with(".wav"))?;
    Some(part.with_file_name(wav))
}

fn publish(disk: &dyn Disk, part: &Path, wav: &Path) -> Result<(Durable, Label), String> {
    let folder = wav.parent().unwrap_or(wav);
    let sync_dir = || disk.sync_dir(folder).map_err(|error| trouble::words("sync the folder of", wav, &error));
    match disk.is_same_file(part, wav) {
        // Where a file can't be renamed at once it has both names for a moment, and all was synced before.
        Ok(true) => {
            disk.remove(part).map_err(|error| trouble::words("remove", part, &error))?;
            sync_dir()?;
            return read_recording(disk, wav);
        }
        Ok(false) => return Err(trouble::Refusal::of_name(wav).text),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(trouble::words("look at", wav, &error)),
    }
    let mut file = disk.open_existing(part).map_err(|error| trouble::words("open", part, &error))?;
    let mut found = Found::read(&mut *file, part)?;
    if wav.file_stem().and_then(|stem| stem.to_str()) != Some(&found.label.call.to_string()) {
        return Err(format!("{} says it is of call {}; name it after that call", part.display(), found.label.call));
    }
    if !found.is_whole {
        found.repair(&mut *file, part)?;
    }
    file.sync_all().map_err(|error| trouble::words("sync", part, &error))?;
    disk.rename_noreplace(part, wav).map_err(|error| trouble::words("rename", part, &error))?;
    sync_dir()?;
    Ok((found.durable(wav, !found.is_whole), found.label))
}

/// A file, as it says of itself and as it is.
struct Found {
    prefix: Prefix,
    label: Label,
    comment: Comment,
    /// Stereo samples, by the length of the file.
    frames: u64,
    /// It says that it is complete, and is as long as it says.
    is_whole: bool,
}

impl Found {
    fn read(file: &mut dyn DiskFile, path: &Path) -> Result<Found, String> {
        let length = file.length().map_err(|error| trouble::words("read", path, &error))?;
        let mut head = [0; PREFIX_BYTES_MAX];
        let read = read_head(file, &mut head);
        let parsed = read.map(|count| Prefix::parse(&head[..count]));
        // Audio follows the prefix.
        wipe(&mut head);
        let (prefix, label, comment) = parsed
            .map_err(|error| trouble::words("read", path, &error))?
            .map_err(|damage| format!("{}: {damage}; look at it, then move it away or delete it", path.display()))?;
        let data = length.saturating_sub(prefix.bytes().len() as u64);
        let frames = (data / FRAME_BYTES).min(SAMPLES_MAX);
        let is_whole = comment.state == State::Complete && data == frames * FRAME_BYTES && prefix.frames() == frames;
        Ok(Found { prefix, label, comment, frames, is_whole })
    }

    /// Cuts the file to whole stereo samples, and makes its sizes and its comment say what it is.
    fn repair(&mut self, file: &mut dyn DiskFile, path: &Path) -> Result<(), String> {
        self.prefix.set_frames(self.frames);
        if !self.prefix.set_comment(&self.label.comment(self.comment.first, self.frames, State::Incomplete)) {
            return Err(format!(
                "{}: its comment has no room for what became of it; look at it, then move it away",
                path.display()
            ));
        }
        let length = self.length();
        let repaired = file
            .set_len(length)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(self.prefix.bytes()));
        repaired.map_err(|error| trouble::words("repair", path, &error))
    }

    fn length(&self) -> u64 {
        self.prefix.bytes().len() as u64 + self.frames * FRAME_BYTES
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
