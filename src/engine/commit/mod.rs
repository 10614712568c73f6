//! From a ring to a durable WAV file, and what a crash left of one.
//!
//! Belongs here: the writing, syncing and publishing of recordings, the threads that do it, recovery. Does not: why a call was
//! selected, the catalog, when a ring is wiped (only after its [`Durable`] is there).

mod disk;
mod folders;
mod found;
mod job;
mod label;
mod leftovers;
mod marks;
mod orders;
mod part;
mod paths;
mod prefix;
mod probe;
mod recover;
mod rename;
mod stretches;
mod survey;
mod trouble;
mod watch;
mod wav;
mod workers;

use std::path::{Path, PathBuf};

pub use disk::{Disk, DiskFile, Entry, RealDisk};
pub use label::Label;
pub use marks::{Mark, Marks};
pub use probe::{Probe, Warning, probe, remove_old_probes};
pub use recover::{Look, Recovered, Said, inspect, look_at, read_recording, recover};
pub use survey::{Item, survey};
pub use workers::{CommitHandle, Commits};

use retrocall_words::CallId;

/// The most samples of each leg that one file takes: a WAV file counts its bytes in 32 bits. Over six hours at 48 kHz, 37 at 8 kHz. A longer
/// recording goes on in another file.
pub const PART_SAMPLES_MAX: u64 = (u32::MAX as u64 - prefix::PREFIX_BYTES as u64) / prefix::FRAME_BYTES;

/// What becomes of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The disk refuses, or takes too long to answer, in these words; the ring is needed, and the commit goes on trying. Told when it begins
    /// and when the words change.
    Trouble(String),
    /// The disk takes it again, and all there was is written.
    Well,
    /// It is done; the ring may be wiped.
    Durable(Durable),
}

/// Proof that a recording is durable: it is written, synced, has its name, and the name is synced. Only this room makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durable {
    call: CallId,
    /// At least one.
    parts: Vec<DurablePart>,
    first: u64,
    incomplete: bool,
    marks: Vec<Mark>,
}

/// One file of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DurablePart {
    path: PathBuf,
    bytes: u64,
    samples: u64,
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
