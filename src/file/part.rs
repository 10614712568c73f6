//! One file of a recording, on its way: what is written to it, when it is synced, how it gets its name.
//!
//! Belongs here: the steps of one file. Does not: which samples go into it, and when; that is the commit's.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::{
    disk::Disk,
    label::{Comment, Completeness, Proof},
    leftovers,
    marks::{Log, Mark},
    paths::Paths,
    prefix::{FRAME_BYTES, Prefix},
    trouble::Refusal,
    wav::Wav,
};
use retrocall_words::Label;

/// What is known of the recording as a whole.
pub struct Overview<'a> {
    /// What the files say of the call.
    pub label: &'a Label,
    /// What happened in the call, in the order in which the commit learned of it.
    pub marks: &'a [Mark],
    /// Gaps so far.
    pub gaps: u64,
    /// Frames that were lost so far.
    pub lost: u64,
}

/// One file of a recording.
pub struct Part {
    /// From 1.
    number: u32,
    base: u64,
    unfinished: PathBuf,
    wav: PathBuf,
    file: Wav,
    log: Log,
    /// So many marks of the whole were looked at for its log.
    marks_seen: usize,
    growth: Growth,
    stage: Stage,
}

/// Whether a file takes more samples behind its last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Growth {
    Open,
    /// No more fits, or another one follows it.
    Full,
}

/// How safe a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It holds something that is not synced.
    Dirty,
    /// All that it holds is synced.
    Synced,
    /// It says that it is whole, too.
    Sealed,
    /// It has its published name, too. It is closed.
    Named,
}

impl Part {
    /// Makes the file, or opens the one that an earlier try left. What that one holds is written over, not cut off: on a full disk others would
    /// take the room. Nothing of it is synced yet.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn open(
        disk: &dyn Disk,
        paths: &Paths,
        number: u32,
        base: u64,
        overview: &Overview<'_>,
    ) -> Result<Part, Refusal> {
        let (unfinished, wav) = (paths.unfinished(number), paths.wav(number));
        let file = match disk.create_new(&unfinished) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => disk.open_existing(&unfinished),
            result => result,
        };
        let file = file.map_err(|error| Refusal::new("open", &unfinished, error))?;
        let file = Wav::new(file, Prefix::new(&Comment::new(overview.label.clone(), number, base, 0)));
        let (log, growth, stage) = (Log::default(), Growth::Open, Stage::Dirty);
        let mut part = Part { number, base, unfinished, wav, file, log, marks_seen: 0, growth, stage };
        part.write_prefix(overview, Completeness::Running, Proof::None, 0)?;
        Ok(part)
    }

    /// What an earlier try left in it, which began elsewhere, is gone: its length would say that it is this one's.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn wipe_rest(&mut self) -> Result<(), Refusal> {
        let length = self.file.length();
        let wiped = self.file.file().and_then(|file| leftovers::wipe_from(file, length));
        wiped.map_err(|error| Refusal::new("overwrite", &self.unfinished, error))
    }

    /// Its path until it is published.
    pub fn unfinished(&self) -> &Path {
        &self.unfinished
    }

    /// Its path from then on.
    pub(super) fn wav(&self) -> &Path {
        &self.wav
    }

    /// The position of its first sample.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// The position behind its last sample.
    pub fn end(&self) -> u64 {
        self.base + self.file.frames()
    }

    pub(super) fn samples(&self) -> u64 {
        self.file.frames()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.file.length()
    }

    /// Whether it holds something that is not synced.
    pub fn is_dirty(&self) -> bool {
        self.stage == Stage::Dirty
    }

    /// Whether no more fits, or another one follows it.
    pub fn is_full(&self) -> bool {
        self.growth == Growth::Full
    }

    /// Another one follows it.
    pub fn close(&mut self) {
        self.growth = Growth::Full;
    }

    /// How many samples to write at once from position `at` on.
    pub fn chunk(&self, at: u64) -> usize {
        self.file.chunk(at - self.base)
    }

    /// Writes samples, in the order of the file, at position `at`. Says how many of them: none if the system lets no file grow so far. Then this one
    /// is full.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn write(&mut self, at: u64, bytes: &[u8]) -> Result<usize, Refusal> {
        debug_assert!(self.stage != Stage::Named, "what is published does not change");
        self.stage = Stage::Dirty;
        let mut fewer = bytes.len() / FRAME_BYTES as usize;
        loop {
            match self.file.write(at - self.base, &bytes[..fewer * FRAME_BYTES as usize]) {
                Ok(()) => return Ok(fewer),
                Err(error) if error.kind() == ErrorKind::FileTooLarge && fewer > 1 => fewer /= 2,
                Err(error) if error.kind() == ErrorKind::FileTooLarge && at == self.end() && at > self.base => break,
                Err(error) => return Err(Refusal::of_write(&self.unfinished, error)),
            }
        }
        // What it took of this is not its own.
        self.cut()?;
        self.close();
        Ok(0)
    }

    fn write_prefix(
        &mut self,
        overview: &Overview<'_>,
        state: Completeness,
        proof: Proof,
        parts: u32,
    ) -> Result<(), Refusal> {
        let until = if self.is_full() { self.end() } else { u64::MAX };
        for mark in overview.marks.get(self.marks_seen..).unwrap_or_default() {
            // What is of a moment is told in every part: who talked, what was on.
            let span = mark.span();
            if span.is_empty() || (span.start < until && span.end > self.base) {
                self.log.add(mark, overview.label.call.rate, self.file.log_bytes_max());
            }
        }
        self.marks_seen = overview.marks.len();
        let comment = Comment {
            state,
            proof,
            parts,
            gaps: overview.gaps,
            lost: overview.lost,
            ..Comment::new(overview.label.clone(), self.number, self.base, self.file.frames())
        };
        let written = self.file.write_prefix(&comment, &self.log);
        written.map_err(|error| Refusal::of_write(&self.unfinished, error))
    }

    /// It says what it holds by now, for whoever opens it if we are killed.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn describe(&mut self, overview: &Overview<'_>) -> Result<(), Refusal> {
        self.write_prefix(overview, Completeness::Running, Proof::None, 0)
    }

    /// What it holds is safe.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn sync(&mut self, overview: &Overview<'_>) -> Result<(), Refusal> {
        self.describe(overview)?;
        self.sync_data()
    }

    fn sync_data(&mut self) -> Result<(), Refusal> {
        let synced = self.file.file().and_then(|file| file.sync_data());
        synced.and_then(|()| self.expect_name()).map_err(|error| Refusal::new("sync", &self.unfinished, error))?;
        self.stage = Stage::Synced;
        Ok(())
    }

    /// A file that lost its name, with its folder perhaps, is as good as not written.
    fn expect_name(&mut self) -> io::Result<()> {
        if self.file.file()?.has_name()? { Ok(()) } else { Err(ErrorKind::NotFound.into()) }
    }

    fn cut(&mut self) -> Result<(), Refusal> {
        self.file.cut().map_err(|error| Refusal::new("cut", &self.unfinished, error))
    }

    /// The file is whole: it says so, as one of so many, and all of it is durable. If its samples have a sum that is one sync; else they are synced
    /// before it says that they are all there, because a power cut must not leave a file that says so and lacks some.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn seal(&mut self, overview: &Overview<'_>, state: Completeness, parts: u32) -> Result<(), Refusal> {
        if matches!(self.stage, Stage::Sealed | Stage::Named) {
            return Ok(());
        }
        self.cut()?;
        let proof = match self.file.sum() {
            Some(sum) => Proof::Sum(sum),
            None => {
                self.write_prefix(overview, Completeness::Running, Proof::SyncedBefore, parts)?;
                self.sync_data()?;
                Proof::SyncedBefore
            }
        };
        self.write_prefix(overview, state, proof, parts)?;
        self.sync_data()?;
        self.stage = Stage::Sealed;
        Ok(())
    }

    /// The file, which is sealed, gets its published name.
    pub(super) fn name(&mut self, disk: &dyn Disk) -> Result<(), Refusal> {
        debug_assert!(matches!(self.stage, Stage::Sealed | Stage::Named), "only what is whole and synced is published");
        if self.stage == Stage::Named {
            return Ok(());
        }
        disk.rename_noreplace(&self.unfinished, &self.wav).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Refusal::NameTaken(self.wav.clone()),
            _ => Refusal::of_name("rename", &self.unfinished, error),
        })?;
        self.stage = Stage::Named;
        // Where descriptors have run out, the sync of the folder needs this one.
        self.file.close();
        Ok(())
    }

    /// Whether it has its published name, or that one too: then it is not written to any more.
    pub fn has_name(&self, disk: &dyn Disk) -> bool {
        match self.stage {
            Stage::Dirty | Stage::Synced => false,
            Stage::Sealed => disk.is_same_file(&self.unfinished, &self.wav).unwrap_or(false),
            Stage::Named => true,
        }
    }
}
