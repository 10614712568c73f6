//! The progress of a commit, for whoever began it.

use retrocall_file::Durable;

/// The progress of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The disk refuses, or takes too long to answer, in these words. The ring is still needed, and the commit goes on trying. Reported at the
    /// beginning and when the words change.
    Trouble(String),
    /// The disk works again, and everything so far is written.
    Well,
    /// The commit is done; the ring may be wiped.
    Durable(Durable),
}
