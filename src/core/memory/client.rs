//! The engine's end of memory that a client writes too: locked like the rest, and in the registry of memory that holds audio.
//!
//! Belongs here: the engine's needs besides the mapping. Does not: the mapping (`retrocall-shared`), what stands in it.

use std::{io, ops::Deref, os::fd::OwnedFd};

use retrocall_shared::SharedMemory;

use super::{
    fetch_soon,
    map::MapError,
    registry::{self, Use},
};

/// The engine's end of a memory that is shared with a client.
pub struct ClientMemory(SharedMemory);

impl ClientMemory {
    /// Makes zeros for a client. Returns the descriptor to hand over, too.
    ///
    /// # Errors
    /// [`MapError`] if the system does not give it, or does not lock it and `allow_unlocked` is false.
    ///
    /// ```
    /// use retrocall_core::memory::ClientMemory;
    /// use retrocall_shared::SharedMemory;
    ///
    /// let (ours, descriptor) = ClientMemory::create(4_096, true)?;
    /// let theirs = SharedMemory::open(&descriptor).expect("an engine made it");
    /// theirs.store(64, 7);
    /// assert_eq!(ours.load(64), 7);
    /// # Ok::<(), retrocall_core::memory::MapError>(())
    /// ```
    pub fn create(bytes: usize, allow_unlocked: bool) -> Result<(ClientMemory, OwnedFd), MapError> {
        let not_mappable = |cause: io::Error| MapError::NotMappable { bytes, cause };
        let (memory, fd) = SharedMemory::create(bytes).map_err(not_mappable)?;
        if let Err(cause) = memory.lock()
            && !allow_unlocked
        {
            return Err(MapError::NotLockable { bytes, cause });
        }
        registry::enter(memory.address(), bytes, Use::Buffer);
        Ok((ClientMemory(memory), fd))
    }

    /// Asks the processor to fetch the word at `at`, a multiple of 8, which is read soon. A hint.
    pub fn fetch(&self, at: usize) {
        fetch_soon(self.0.word(at));
    }
}

impl Deref for ClientMemory {
    type Target = SharedMemory;

    fn deref(&self) -> &SharedMemory {
        &self.0
    }
}

impl Drop for ClientMemory {
    fn drop(&mut self) {
        // Before the mapping goes, which is dropped after this.
        registry::remove(self.0.address());
    }
}
