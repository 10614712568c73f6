//! What a recording is on disk: what its files say of themselves, how they are written, synced and named, and how they are read back.
//!
//! Belongs here: label, prefix, samples and marks of a file, the disk behind its trait, the step that makes a recording durable, recovery of
//! what a crash left. Does not: live calls, rings, threads, when something is written; the catalog. What is assumed of a disk stands in
//! `disk.rs`, the life of a recording in `docs/durability.md`.
#![forbid(unsafe_code)]

mod contents;
mod disk;
mod durable;
mod folder_sync;
mod folders;
mod label;
mod leftovers;
mod marks;
mod part;
mod paths;
pub mod peaks;
mod piece;
mod prefix;
mod probe;
mod read;
mod recover;
mod rename;
pub mod samples;
mod silence;
mod survey;
mod trouble;
mod wav;

pub use disk::{Disk, DiskFile, Entry, RealDisk};
pub use durable::{Durable, DurablePart};
pub use folders::Folders;
pub use label::Completeness;
pub use leftovers::Leftovers;
pub use marks::Mark;
pub use part::{Overview, Part};
pub use paths::Paths;
pub use piece::Piece;
pub use prefix::{FRAME_BYTES, PART_SAMPLES_MAX};
pub use probe::{Probe, Warning, probe, remove_old_probes};
pub use read::{Description, Summary, inspect, label_of, look_at, read_recording};
pub use recover::{Recovery, recover};
pub use silence::silence;
pub use survey::{Item, survey};
pub use trouble::{Failure, Refusal};
pub use wav::{CHUNK_BYTES, interleave};

/// Overwrites what reading a recording leaves in the calling thread: for those above who read files and may not use the memory's crate.
pub use retrocall_core::memory::wipe_traces;
