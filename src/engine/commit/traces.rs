//! The traces of a commit's tries on the disk, and which of them are to be erased.
//!
//! After a refusal that spoils the files, they are written again from their beginning. Until the new try has come as far as the old one, the old
//! audio is still on the disk.

use super::inbox::Rewrite;
use retrocall_file::Leftovers;

/// What may be on the disk, of this try or an earlier one.
#[derive(Default)]
pub(super) struct Traces {
    /// The files.
    pub left: Leftovers,
    /// The position behind the last sample in any of them.
    extent: u64,
    erasures: Vec<Erasure>,
}

/// A rewrite under way. It is done when the files hold nothing older between its beginning and `until`.
struct Erasure {
    rewrite: Rewrite,
    until: u64,
}

impl Traces {
    pub(super) fn extent(&self) -> u64 {
        self.extent
    }

    /// Notes that files may hold samples up to this position from now on.
    pub(super) fn reach(&mut self, end: u64) {
        self.extent = self.extent.max(end);
    }

    /// Takes a rewrite. Returns from where on to erase. If nothing behind its beginning was ever written, answers it and returns none: there is no
    /// need to wait for a disk that may refuse.
    pub(super) fn erase(&mut self, rewrite: Rewrite) -> Option<u64> {
        let from = rewrite.from;
        if from >= self.extent {
            rewrite.answer();
            return None;
        }
        self.erasures.push(Erasure { rewrite, until: self.extent });
        Some(from)
    }

    /// Whether a rewrite waits for which `is_erased` holds: between its beginning and its end the files hold nothing older.
    pub(super) fn has_erased(&self, is_erased: impl Fn(u64, u64) -> bool) -> bool {
        self.erasures.iter().any(|one| is_erased(one.rewrite.from, one.until))
    }

    /// Answers the rewrites for which `is_erased` holds.
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
