//! From a ring to a durable recording: the threads that commit, and the steps of one commit.
//!
//! Belongs here: when something is written, synced and published, and what is done when the disk refuses or hangs. Does not: what a file is
//! and how it is written (`file`), why a call was selected, the catalog, when a ring is wiped (only after its
//! [`Durable`](retrocall_file::Durable) is there).

mod buffers;
mod files;
mod findings;
mod handle;
mod inbox;
mod job;
mod progress;
mod reporter;
mod schedule;
mod slow;
mod source;
mod storage;
mod stretches;
mod task;
mod traces;
mod workers;

pub use findings::Marks;
pub use handle::CommitHandle;
pub use progress::Progress;
pub use workers::Commits;
