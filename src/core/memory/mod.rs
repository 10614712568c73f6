//! The memory that holds live audio: locked, limited, faulted in ahead of need, wiped before it is used again.
//!
//! Belongs here: mapping and locking, how much memory there is, the segments of the arena, wiping, memory shared with a client. Does not: what is
//! stored in a segment.

mod arena;
#[cfg(not(loom))]
mod buffer;
#[cfg(not(loom))]
mod client;
#[cfg(not(loom))]
mod headroom;
#[cfg(not(loom))]
mod look;
#[cfg(not(loom))]
mod map;
#[cfg(not(loom))]
mod queue;
#[cfg(not(loom))]
mod registry;
#[cfg(not(loom))]
mod stash;
pub(crate) mod sync;
mod wipe;

#[cfg(not(loom))]
pub use arena::ArenaLook;
pub use arena::{Arena, Need, SEGMENT_BYTES, SEGMENT_WORDS, SegmentId};
#[cfg(not(loom))]
pub use buffer::{LockedBuffer, LockedNumbers, LockedSamples, Number};
#[cfg(not(loom))]
pub use client::ClientMemory;
#[cfg(not(loom))]
pub use headroom::{Headroom, Limit};
#[cfg(not(loom))]
pub use look::{Piece, look_at_locked};
#[cfg(not(loom))]
pub use map::{MapError, MemoryKind};
#[cfg(not(loom))]
pub use queue::{QueueIn, QueueOut, locked_queue};
#[cfg(not(loom))]
pub use registry::{Use, locked_ranges};
pub use retrocall_words::audio::wipe;
#[cfg(not(loom))]
pub use stash::Stash;
pub use wipe::{fetch_soon, wipe_traces};
