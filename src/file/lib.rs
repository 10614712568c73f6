//! What a recording is on disk: what its files say of themselves, how they are written, synced and named, and how they are read back.
//!
//! Belongs here: label, prefix, samples and marks of a file, the disk behind its trait, the step that makes a recording durable, recovery of
//! what a crash left. Does not: live calls, rings, threads, when something is written; the catalog. What is assumed of a disk stands in
//! `disk.rs`, the life of a recording in `docs/durability.md`.
#![forbid(unsafe_code)]

mod disk;
mod durable;
mod folders;
mod found;
mod label;
mod leftovers;
mod marks;
mod part;
mod paths;
mod prefix;
mod probe;
mod recover;
mod rename;
mod survey;
mod trouble;
mod wav;

pub use disk::{Disk, DiskFile, Entry, RealDisk};
pub use durable::{Durable, DurablePart};
pub use folders::Folders;
pub use label::State;
pub use leftovers::Leftovers;
pub use marks::Mark;
pub use part::{Part, Whole};
pub use paths::Paths;
pub use prefix::FRAME_BYTES;
pub use probe::{Probe, Warning, probe, remove_old_probes};
pub use recover::{Look, Recovered, Said, inspect, look_at, read_recording, recover};
pub use survey::{Item, survey};
pub use trouble::Refusal;
pub use wav::{CHUNK_BYTES, interleave};

/// The most samples of each leg that one file takes: a WAV file counts its bytes in 32 bits. Over six hours at 48 kHz, 37 at 8 kHz. A longer
/// recording goes on in another file.
pub const PART_SAMPLES_MAX: u64 = (u32::MAX as u64 - prefix::PREFIX_BYTES as u64) / FRAME_BYTES;
