//! Locked buffers that audio passes through, as bytes and as samples.
//!
//! Belongs here: fixed runs of numbers in a mapping of their own. Does not: segments, which the arena has.
#![allow(unsafe_code)]

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use super::{
    map::{MapError, MemoryKind, PrivateMemory},
    registry::Use,
    wipe,
};

/// Bytes of audio: between the kernel and a ring, or between a ring and a file.
pub type LockedBuffer = LockedNumbers<u8>;
/// Samples of one leg, on their way from a ring.
pub type LockedSamples = LockedNumbers<i16>;

/// A fixed run of bytes or samples, locked, faulted in when made, wiped when dropped.
///
/// ```
/// # use retrocall_core::memory::{LockedBuffer, LockedSamples, MapError};
/// let mut samples = LockedSamples::new(160, true)?;
/// assert!(samples.len() >= 160 && samples[0] == 0);
/// samples[..160].fill(7);
///
/// let bytes = LockedBuffer::new(1, true)?;
/// assert_eq!(bytes.len(), 4096, "whole pages");
/// # Ok::<(), MapError>(())
/// ```
pub struct LockedNumbers<T: Number> {
    memory: PrivateMemory,
    of: PhantomData<T>,
}

/// A number that any bytes are valid for, and that [`LockedNumbers`] may hold.
pub trait Number: Copy + Default + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for u8 {}
impl Number for u8 {}
impl sealed::Sealed for i16 {}
impl Number for i16 {}

impl<T: Number> LockedNumbers<T> {
    /// Makes a buffer of at least `count` bytes or samples, in whole pages.
    ///
    /// # Errors
    /// [`MapError`] if it can't be locked and `allow_unlocked` is false, or can't be mapped.
    pub fn new(count: usize, allow_unlocked: bool) -> Result<LockedNumbers<T>, MapError> {
        let bytes = (count * size_of::<T>()).next_multiple_of(4096);
        let mut buffer =
            LockedNumbers { memory: PrivateMemory::new(bytes, Use::Buffer, allow_unlocked)?, of: PhantomData };
        wipe(&mut buffer);
        Ok(buffer)
    }

    /// How it is kept in memory.
    pub fn kind(&self) -> MemoryKind {
        self.memory.kind()
    }

    pub(super) fn count(&self) -> usize {
        self.memory.bytes() / size_of::<T>()
    }

    /// The first number.
    pub(super) fn start(&self) -> *mut T {
        self.memory.start().as_ptr().cast()
    }
}

impl<T: Number> Deref for LockedNumbers<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the mapping belongs to `self` alone and lives as long, is this long, begins with a page and so is aligned, and was zeroed by the
        // kernel; `Number` is sealed to types that any bytes are valid for.
        unsafe { std::slice::from_raw_parts(self.start(), self.count()) }
    }
}

impl<T: Number> DerefMut for LockedNumbers<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; `&mut self` makes this the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.start(), self.count()) }
    }
}

impl<T: Number> Drop for LockedNumbers<T> {
    fn drop(&mut self) {
        wipe(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_and_bytes_of_a_locked_buffer_begin_as_zeros_and_hold_what_is_put_there() {
        let mut samples = LockedSamples::new(5_000, true).expect("memory for a test");
        assert!(samples.len() >= 5_000 && samples.iter().all(|sample| *sample == 0));
        samples.fill(-7);
        assert!(samples.iter().all(|sample| *sample == -7));
        let bytes = LockedBuffer::new(1, true).expect("memory for a test");
        assert_eq!(bytes.len(), 4096);
    }
}
