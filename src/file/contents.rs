//! A file of a recording, read back: what it states of itself, and what its length says.
//!
//! Belongs here: whether the two agree, and the repair of a file in which they do not. Does not: recordings of several files (`read`, `recover`).

use std::{
    io::{self, ErrorKind, SeekFrom},
    path::Path,
};

use crc32fast::Hasher;

use super::{
    disk::DiskFile,
    label::{Comment, Completeness, Proof},
    marks::Mark,
    prefix::{Damage, FRAME_BYTES, PART_SAMPLES_MAX, PREFIX_BYTES, Prefix},
    trouble,
};
use retrocall_core::memory::wipe;

/// How much of a file is read at once to check its sum.
const PIECE_BYTES: usize = 64 << 10;

/// Why a file can't be read.
pub(super) enum ReadError {
    /// The disk refuses.
    Disk(String),
    /// Its beginning is not that of a recording.
    Damaged(String),
    /// It was never synced: nothing of it was ever promised to anybody.
    NeverSynced,
}

impl ReadError {
    pub(super) fn words(self, path: &Path) -> String {
        match self {
            ReadError::Disk(text) | ReadError::Damaged(text) => text,
            ReadError::NeverSynced => damage(path, Damage::Short),
        }
    }
}

fn damage(path: &Path, damage: Damage) -> String {
    format!("{}: {damage}; look at it, then move it away or delete it", path.display())
}

/// A file: its statements, and its length.
pub(super) struct Contents {
    prefix: Prefix,
    pub comment: Comment,
    pub marks: Vec<Mark>,
    /// The length of the file.
    bytes: u64,
    /// Stereo samples, by that length.
    pub frames: u64,
    /// It says that it is complete, and is as long as it says, in its sizes and in words.
    pub is_whole: bool,
}

impl Contents {
    pub(super) fn read(file: &mut dyn DiskFile, path: &Path) -> Result<Contents, ReadError> {
        let refused = |error| ReadError::Disk(trouble::words("read", path, &error));
        let length = file.length().map_err(refused)?;
        let mut head = [0; PREFIX_BYTES];
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| read_full(file, &mut head));
        let parsed = read.map(|count| {
            Prefix::parse(&head[..count]).map_err(|damage| (damage, Prefix::was_never_synced(&head[..count])))
        });
        // In a file of another make audio may lie there.
        wipe(&mut head);
        let damaged = |(found, was_never_synced)| match was_never_synced {
            true => ReadError::NeverSynced,
            false => ReadError::Damaged(damage(path, found)),
        };
        let (prefix, comment, marks) = parsed.map_err(refused)?.map_err(damaged)?;
        let data = length.saturating_sub(prefix.bytes().len() as u64);
        let frames = (data / FRAME_BYTES).min(PART_SAMPLES_MAX);
        let mut found = Contents { prefix, comment, marks, bytes: length, frames, is_whole: false };
        // If a power cut garbled its facts it is repaired: else it would be published, and be called wrong by every reader.
        found.is_whole = found.comment.state == Completeness::Complete
            && data == frames * FRAME_BYTES
            && found.prefix.frames() == frames
            && found.lasts_as_it_says();
        Ok(found)
    }

    /// Its beginning, and its marks, for whoever changes them.
    pub(super) fn into_prefix(self) -> (Prefix, Vec<Mark>) {
        (self.prefix, self.marks)
    }

    fn lasts_as_it_says(&self) -> bool {
        // Written with three digits. Not a number is no length.
        (self.comment.seconds - self.comment.label.call.rate.seconds(self.frames)).abs() < 0.000_6
    }

    /// Whether an unpublished file that says that it is whole is, though it may have said so before all of it was synced.
    pub(super) fn is_proved(&self, file: &mut dyn DiskFile) -> io::Result<bool> {
        match self.comment.proof {
            Proof::None => Ok(false),
            Proof::SyncedBefore => Ok(true),
            Proof::Sum(expected) => {
                file.seek(SeekFrom::Start(self.prefix.bytes().len() as u64))?;
                let (mut sum, mut piece) = (Hasher::new(), vec![0; PIECE_BYTES]);
                let read = loop {
                    match read_full(file, &mut piece) {
                        Ok(0) => break Ok(sum.finalize() == expected),
                        Ok(count) => sum.update(&piece[..count]),
                        Err(error) => break Err(error),
                    }
                };
                wipe(&mut piece);
                read
            }
        }
    }

    /// Says less than the length does: what lies behind is another part's.
    pub(super) fn end_before(&mut self, position: u64) {
        let frames = position.saturating_sub(self.comment.first);
        if frames < self.frames {
            (self.frames, self.is_whole) = (frames, false);
        }
    }

    /// Cuts the file to whole stereo samples, and makes its sizes and its comment say what it is, as one of so many. Also of one that is whole: a
    /// power cut may have come while they were written again.
    pub(super) fn repair(
        &mut self,
        file: &mut dyn DiskFile,
        path: &Path,
        is_whole: bool,
        parts: u32,
    ) -> Result<(), String> {
        let found = self.prefix.bytes().to_vec();
        let state = if is_whole { Completeness::Complete } else { Completeness::Incomplete };
        let seconds = self.comment.label.call.rate.seconds(self.frames);
        let comment = Comment { seconds, state, parts, ..self.comment.clone() };
        self.prefix.set_frames(self.frames);
        if !self.prefix.set_comment(&comment) {
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

    pub(super) fn length(&self) -> u64 {
        self.prefix.bytes().len() as u64 + self.frames * FRAME_BYTES
    }

    /// Checks that it says what a published file says: that it is finished, and how long it is.
    pub(super) fn expect_published(&self, path: &Path) -> Result<(), String> {
        let off = |what: String| Err(format!("{} {what}; look at it, or put a backup in its place", path.display()));
        if self.comment.state == Completeness::Running {
            return off("is published, and does not say that it is finished".to_owned());
        }
        if self.prefix.frames() != self.frames || self.length() != self.bytes {
            let (says, has) = (self.prefix.frames(), self.frames);
            return off(format!("says that it has {says} samples, and its length is that of {has}"));
        }
        if !self.lasts_as_it_says() {
            let seconds = self.comment.label.call.rate.seconds(self.frames);
            return off(format!("says that it is {:.3} s long, and is {seconds:.3} s", self.comment.seconds));
        }
        Ok(())
    }
}

/// Fills `into` from where the file stands, as far as the file goes.
fn read_full(file: &mut dyn DiskFile, into: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < into.len() {
        match file.read(&mut into[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}
