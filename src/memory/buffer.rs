//! A locked buffer that audio passes through.
#![allow(unsafe_code)]

use std::ops::{Deref, DerefMut};

use super::{
    map::{Map, MapError, MemoryKind},
    wipe,
};

/// A fixed run of locked bytes, faulted in when made and wiped when dropped: the place where audio waits between the
/// kernel and a ring.
pub struct LockedBuffer(Map);

impl LockedBuffer {
    /// A buffer of at least `bytes`, whole pages.
    ///
    /// # Errors
    /// [`MapError`] if it can't be locked and `allow_unlocked` is false.
    pub fn new(bytes: usize, allow_unlocked: bool) -> Result<LockedBuffer, MapError> {
        let mut buffer = LockedBuffer(Map::new(bytes.next_multiple_of(4096), allow_unlocked)?);
        wipe(&mut buffer);
        Ok(buffer)
    }

    /// What keeps it in memory.
    pub fn kind(&self) -> MemoryKind {
        self.0.kind()
    }
}

impl Deref for LockedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the mapping is ours alone, is this long, was zeroed by the kernel, and lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.0.start().as_ptr(), self.0.bytes()) }
    }
}

impl DerefMut for LockedBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and `&mut self` makes this the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.0.start().as_ptr(), self.0.bytes()) }
    }
}

impl Drop for LockedBuffer {
    fn drop(&mut self) {
        wipe(self);
    }
}
