//! The list of this process's mappings that hold audio.
//!
//! Belongs here: where they lie, and their purpose. Does not: looking into them (`look`).

use std::ops::Range;

use parking_lot::{Mutex, MutexGuard};

/// The purpose of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The segments of an arena.
    Segments,
    /// A buffer that audio passes through.
    Buffer,
}

/// One mapping. It stays for as long as the registry's lock is held.
pub(super) struct Entry {
    pub(super) start: usize,
    pub(super) bytes: usize,
    pub(super) what: Use,
}

static ENTRIES: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// Enters a mapping that was just made.
pub(super) fn enter(start: usize, bytes: usize, what: Use) {
    ENTRIES.lock().push(Entry { start, bytes, what });
}

/// Removes a mapping that is about to go. Returns when nobody looks at it.
pub(super) fn remove(start: usize) {
    ENTRIES.lock().retain(|entry| entry.start != start);
}

/// All mappings, which stay until the guard is dropped.
pub(super) fn entries() -> MutexGuard<'static, Vec<Entry>> {
    ENTRIES.lock()
}

/// Where the mappings lie that hold audio, so that a search by other means leaves them out.
///
/// ```
/// # use retrocall_core::memory::{LockedBuffer, MapError, locked_ranges};
/// let buffer = LockedBuffer::new(4096, true)?;
/// assert!(locked_ranges().iter().any(|range| range.contains(&(buffer.as_ptr() as usize))));
/// # Ok::<(), MapError>(())
/// ```
pub fn locked_ranges() -> Vec<Range<usize>> {
    entries().iter().map(|entry| entry.start..entry.start + entry.bytes).collect()
}
