//! Whether this is still the process that made a connection: told without a call of the system, so that an audio callback can ask.
//!
//! A child after `fork` has its parent's connections and none of the memory that they share with the engine (it is not inherited): a push there
//! would be a fault, an `end` would hang up the parent's call. The kernel itself tells them apart: a page that is zeros in every child.
#![allow(unsafe_code)]

use std::{
    num::NonZeroUsize,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous};

/// A number takes 8 bytes of it; the system gives pages.
const PAGE_BYTES: NonZeroUsize = NonZeroUsize::new(4096).expect("a page is not empty");

/// The process in which something was made.
pub struct Origin {
    page: &'static AtomicU64,
    mark: u64,
}

impl Origin {
    /// This process.
    pub fn here() -> Origin {
        /// The last mark that was given, here or in a process that this one is a child of: no child gives its parent's.
        static LAST: AtomicU64 = AtomicU64::new(0);
        let page = page();
        let fresh = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let mark =
            page.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed).map_or_else(|there| there, |_| fresh);
        Origin { page, mark }
    }

    /// Whether this process is it, and no child of it.
    pub fn is_here(&self) -> bool {
        // Only `here` and the kernel ever write it: in one process it is one number from the first connection on.
        self.page.load(Ordering::Relaxed) == self.mark
    }
}

/// The page. Where the system can't wipe it (Linux before 4.14) it is memory as any other, and no child is told from its parent.
fn page() -> &'static AtomicU64 {
    static PAGE: OnceLock<&'static AtomicU64> = OnceLock::new();
    PAGE.get_or_init(|| wiped_in_children().unwrap_or_else(|_| Box::leak(Box::default())))
}

fn wiped_in_children() -> nix::Result<&'static AtomicU64> {
    let (may, how) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE);
    // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing.
    let start = unsafe { mmap_anonymous(None, PAGE_BYTES, may, how) }?;
    // SAFETY: the range is the mapping just made; its contents here don't change.
    unsafe { madvise(start, PAGE_BYTES.get(), MmapAdvise::MADV_WIPEONFORK) }?;
    // SAFETY: the page is aligned, is never unmapped, and is only ever used as this atomic; a child's copy of it is zeros, a number too.
    Ok(unsafe { AtomicU64::from_ptr(start.cast().as_ptr()) })
}
