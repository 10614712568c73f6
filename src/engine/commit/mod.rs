//! From a ring to a durable WAV file, and what a crash left of one.
//!
//! Belongs here: the writing, syncing and publishing of recordings, the threads that do it, recovery. Does not: why a call was
//! selected, the catalog, when a ring is wiped (only after its [`Durable`] is there).

mod buffers;
mod disk;
mod durable;
mod findings;
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

pub use disk::{Disk, DiskFile, Entry, RealDisk};
pub use durable::{Durable, DurablePart};
pub use findings::Marks;
pub use label::Label;
pub use marks::Mark;
pub use probe::{Probe, Warning, probe, remove_old_probes};
pub use recover::{Look, Recovered, Said, inspect, look_at, read_recording, recover};
pub use survey::{Item, survey};
pub use workers::{CommitHandle, Commits};

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
