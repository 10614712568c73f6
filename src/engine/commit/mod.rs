//! From a ring to a durable recording: the threads that commit, and the steps of one commit.
//!
//! Belongs here: when something is written, synced and published, what is done when the disk refuses or hangs. Does not: what a file is
//! and how it is written (`file`), why a call was selected, the catalog, when a ring is wiped (only after its [`Durable`] is there).

mod buffers;
mod findings;
mod job;
mod orders;
mod stretches;
mod watch;
mod workers;

use retrocall_file::Durable;

pub use findings::Marks;
pub use workers::{CommitHandle, Commits};

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
