//! What becomes of a commit, for whoever began it.

use retrocall_file::Durable;

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
