//! What the tries of a commit left on the disk, and what of it is to be erased.
//!
//! After a refusal that nothing survives the files are written again from their beginning: until that has come as far as a try before, what
//! was written then is still there.

use super::inbox::Rewrite;
use retrocall_file::Leftovers;

/// What may be on the disk, of this try or of one before.
#[derive(Default)]
pub(super) struct Traces {
    /// The files.
    pub left: Leftovers,
    /// The position behind the last sample in any of them.
    extent: u64,
    erasures: Vec<Erasure>,
}

/// A rewrite that is being done: finished when the files hold nothing older from its beginning up to `until`.
struct Erasure {
    rewrite: Rewrite,
    until: u64,
}

impl Traces {
    pub(super) fn extent(&self) -> u64 {
        self.extent
    }

    /// From now on files may hold samples up to this position.
    pub(super) fn reach(&mut self, end: u64) {
        self.extent = self.extent.max(end);
    }

    /// Takes a rewrite. Says from where on it is to be done: nowhere, and it is answered, if nothing behind its beginning was ever written. There is no
    /// need then to wait for a disk that may refuse.
    pub(super) fn erase(&mut self, rewrite: Rewrite) -> Option<u64> {
        let from = rewrite.from;
        if from >= self.extent {
            rewrite.answer();
            return None;
        }
        self.erasures.push(Erasure { rewrite, until: self.extent });
        Some(from)
    }

    /// Whether a rewrite waits of which `is_erased` says, by its beginning and its end, that the files hold nothing older there.
    pub(super) fn has_erased(&self, is_erased: impl Fn(u64, u64) -> bool) -> bool {
        self.erasures.iter().any(|one| is_erased(one.rewrite.from, one.until))
    }

    /// Answers the rewrites of which `is_erased` says so.
    pub(super) fn answer(&mut self, is_erased: impl Fn(u64, u64) -> bool) {
        for one in std::mem::take(&mut self.erasures) {
            if is_erased(one.rewrite.from, one.until) {
                one.rewrite.answer();
            } else {
                self.erasures.push(one);
            }
        }
    }
}
