//! From a ring to a durable recording: the commit threads, and the steps of one commit.
//!
//! Belongs here: when samples are written, synced and published, and what follows when the disk refuses or hangs. Does not: the format of a file
//! (`file`), why a call was selected, the catalog, when a ring is wiped (only after its [`Durable`](retrocall_file::Durable) is there).

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
