//! The proof that a recording is durable, and the step that makes it so.
//!
//! Belongs here: names and their sync. Does not: what is in the files (`part`).

use std::path::{Path, PathBuf};

use super::{
    contents::Contents, disk::Disk, folders::Folders, label::Completeness, marks::Mark, part::Part, paths::Paths,
    trouble::Refusal,
};
use retrocall_words::{CallId, Label};

/// Proof that a recording is durable: it is written, synced, has its name, and the name is synced. Only what publishes a recording, and what
/// reads a published one back, makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durable {
    pub(super) call: CallId,
    /// At least one.
    pub(super) parts: Vec<DurablePart>,
    pub(super) first: u64,
    pub(super) incomplete: bool,
    pub(super) marks: Vec<Mark>,
}

/// One file of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DurablePart {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) samples: u64,
}

impl DurablePart {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long it is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Samples of each leg.
    pub fn samples(&self) -> u64 {
        self.samples
    }
}

impl Durable {
    /// Gives the files of a recording, at least one and all sealed, their published names, the first one last, so that whoever finds it finds the
    /// others; then makes the names durable. Done again after a refusal it goes on from there.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn publish(
        parts: &mut [Part],
        disk: &dyn Disk,
        folders: &Folders,
        paths: &Paths,
        how: Completeness,
        marks: &[Mark],
    ) -> Result<Durable, Refusal> {
        parts.iter_mut().rev().try_for_each(|part| part.name(disk))?;
        folders.sync(disk, paths)?;
        let durable =
            |part: &Part| DurablePart { path: part.wav().to_owned(), bytes: part.bytes(), samples: part.samples() };
        let (first, parts) = (parts[0].base(), parts.iter().map(durable).collect());
        let incomplete = how == Completeness::Incomplete;
        Ok(Durable { call: paths.call, parts, first, incomplete, marks: marks.to_vec() })
    }

    /// The recording that these files are, in their order, all with durable names. None if there are none.
    pub(super) fn of(files: impl Iterator<Item = (PathBuf, Contents)>, incomplete: bool) -> Option<(Durable, Label)> {
        let mut whole: Option<(Durable, Label)> = None;
        for (path, contents) in files {
            let part = DurablePart { path, bytes: contents.length(), samples: contents.frames };
            let (durable, _) = whole.get_or_insert_with(|| {
                let (call, first) = (contents.comment.label.call.id, contents.comment.first);
                (Durable { call, parts: Vec::new(), first, incomplete, marks: Vec::new() }, contents.comment.label)
            });
            durable.parts.push(part);
            // A mark of a moment stands in every part.
            let news: Vec<Mark> = contents.marks.into_iter().filter(|mark| !durable.marks.contains(mark)).collect();
            durable.marks.extend(news);
        }
        whole
    }

    /// The call.
    pub fn call(&self) -> CallId {
        self.call
    }

    /// Where the recording is: its first file.
    pub fn path(&self) -> &Path {
        &self.parts[0].path
    }

    /// Its files, in their order: more than one if it is longer than a WAV file can be.
    pub fn parts(&self) -> &[DurablePart] {
        &self.parts
    }

    /// How long the files are together.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// Samples of each leg.
    pub fn samples(&self) -> u64 {
        self.parts.iter().map(|part| part.samples).sum()
    }

    /// The call's position of the first sample: more than 0 if the oldest audio was gone before the commit began.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The call's position behind the last sample.
    pub fn end(&self) -> u64 {
        self.first + self.samples()
    }

    /// Whether something that came is missing: the end after a crash, the oldest audio, frames that were lost.
    pub fn incomplete(&self) -> bool {
        self.incomplete
    }

    /// What happened when, as far as the files say it.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }
}
