//! Tells whether this is still the process that made a connection. Needs no system call, so that an audio callback can ask.
//!
//! A child after `fork` has its parent's connections, but not the memory that they share with the engine: a push there would crash, and an `end`
//! would hang up the parent's call. The kernel marks the difference: it zeroes this page in every child.
#![allow(unsafe_code)]

use std::{
    num::NonZeroUsize,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous};

/// The number takes 8 bytes; the system gives whole pages.
const PAGE_BYTES: NonZeroUsize = NonZeroUsize::new(4096).expect("a page is not empty");

/// The process in which something was made.
pub struct Origin {
    page: &'static AtomicU64,
    mark: u64,
}

impl Origin {
    /// This process.
    pub fn here() -> Origin {
        /// The last mark given, here or in a parent of this process: a child never gives its parent's marks again.
        static LAST: AtomicU64 = AtomicU64::new(0);
        let page = page();
        let fresh = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let mark =
            page.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed).map_or_else(|there| there, |_| fresh);
        Origin { page, mark }
    }

    /// Whether this process made it, rather than its parent.
    pub fn is_here(&self) -> bool {
        // Only `here` and the kernel write it: in one process it never changes after the first connection.
        self.page.load(Ordering::Relaxed) == self.mark
    }
}

/// The page. If the system can't wipe it (Linux before 4.14), it is ordinary memory, and a child is not recognised.
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
