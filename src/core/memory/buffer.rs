//! Locked buffers that audio passes through, as bytes and as samples.
#![allow(unsafe_code)]

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use super::{
    look::Use,
    map::{Map, MapError, MemoryKind},
    wipe,
};

/// Bytes of audio: what waits between the kernel and a ring, or between a ring and a file.
pub type LockedBuffer = Locked<u8>;
/// Samples of one leg, on their way from a ring.
pub type LockedSamples = Locked<i16>;

/// A fixed run of locked bytes or samples, faulted in when made and wiped when dropped.
pub struct Locked<T: Plain> {
    map: Map,
    of: PhantomData<T>,
}

/// What a [`Locked`] may hold: numbers for which any bytes will do, zeros too.
pub trait Plain: Copy + Default + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for u8 {}
impl Plain for u8 {}
impl sealed::Sealed for i16 {}
impl Plain for i16 {}

impl<T: Plain> Locked<T> {
    /// A buffer of at least `count` bytes or samples, whole pages.
    ///
    /// # Errors
    /// [`MapError`] if it can't be locked and `allow_unlocked` is false.
    pub fn new(count: usize, allow_unlocked: bool) -> Result<Locked<T>, MapError> {
        let bytes = (count * size_of::<T>()).next_multiple_of(4096);
        let mut buffer = Locked { map: Map::new(bytes, Use::Buffer, allow_unlocked)?, of: PhantomData };
        wipe(&mut buffer);
        Ok(buffer)
    }

    /// What keeps it in memory.
    pub fn kind(&self) -> MemoryKind {
        self.map.kind()
    }

    pub(super) fn count(&self) -> usize {
        self.map.bytes() / size_of::<T>()
    }

    /// Where the first one is.
    pub(super) fn start(&self) -> *mut T {
        self.map.start().as_ptr().cast()
    }
}

impl<T: Plain> Deref for Locked<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the mapping is ours alone, is this long, begins at a page and so is aligned, was zeroed by the kernel, and lives as
        // long as `self`; `Plain` is sealed to numbers that any bytes are valid for.
        unsafe { std::slice::from_raw_parts(self.map.start().as_ptr().cast(), self.count()) }
    }
}

impl<T: Plain> DerefMut for Locked<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `&mut self` makes this the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.map.start().as_ptr().cast(), self.count()) }
    }
}

impl<T: Plain> Drop for Locked<T> {
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
