//! From a ring to a durable WAV file, and what a crash left of one.
//!
//! Belongs here: the writing, syncing and publishing of recordings, the threads that do it, recovery. Does not: why a call was
//! selected, the catalog, when a ring is wiped (only after its [`Durable`] is there).

mod disk;
mod job;
mod label;
mod orders;
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
pub use probe::{Probe, Warning, probe, remove_old_probes};
pub use recover::{Recovered, Said, inspect, read_recording, recover};
pub use survey::{Item, survey};
pub use workers::{CommitHandle, Commits};

use crate::protocol::CallId;

/// The longest timeline that a recording takes, in samples: a WAV file counts its bytes in 32 bits. Over six hours at 48 kHz, 37 at
/// 8 kHz. What lies beyond is not written, and the recording is marked incomplete.
pub const SAMPLES_MAX: u64 = (u32::MAX as u64 - prefix::PREFIX_BYTES_MAX as u64) / prefix::FRAME_BYTES;

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
    path: PathBuf,
    bytes: u64,
    samples: u64,
    first: u64,
    incomplete: bool,
}

impl Durable {
    /// The call.
    pub fn call(&self) -> CallId {
        self.call
    }

    /// Where the recording is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long the file is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Samples of each leg.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The call's position of the first sample: more than 0 if the oldest audio was gone before the commit began.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Whether the end is missing: after a crash, or beyond [`SAMPLES_MAX`].
    pub fn incomplete(&self) -> bool {
        self.incomplete
    }
}
