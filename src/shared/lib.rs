//! Memory that two processes write, the engine and a client. One makes and seals it, a socket carries it, the other opens it.
//!
//! Belongs here: the mapping, and receiving its descriptor. Does not: the contents, who looks at them. It is a crate of its own because both ends
//! need it, and a softphone needs nothing else of the engine's ground.
//!
//! The peer may write anything there at any time. So no Rust reference to this memory is formed except to atomics, and nothing is assumed of its
//! contents: bytes are copied out and in word by word, and the caller checks its own copy. The seals keep the peer from shrinking the memory,
//! which would turn a touch into a fault of this process.
#![allow(unsafe_code)]

use std::{
    io::{self, IoSliceMut},
    num::NonZeroUsize,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use nix::{
    fcntl::{FallocateFlags, FcntlArg, SealFlag, fallocate, fcntl},
    sys::{
        memfd::{MFdFlags, memfd_create},
        mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mlock, mmap, munmap},
        socket::{ControlMessageOwned, MsgFlags, recvmsg},
        stat::fstat,
    },
};

/// Bytes of a word, the unit of reads and writes.
const WORD_BYTES: usize = 8;
/// Descriptors that one read of a socket can bring.
const DESCRIPTORS_MAX: usize = 16;

/// A mapping that two processes write.
pub struct SharedMemory {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it owns its mapping; nothing in it is tied to the thread that made it.
unsafe impl Send for SharedMemory {}
// SAFETY: all access goes through atomics, so others may access it at the same time.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// Makes zeroed memory for a client: allocated, sealed against any change of its size, with the descriptor to hand over.
    ///
    /// # Errors
    /// The system's error.
    pub fn create(bytes: usize) -> io::Result<(SharedMemory, OwnedFd)> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let fd = memfd_create(c"retrocall-shared", flags)?;
        // Allocated, not only extended: no later touch can fail for want of memory.
        fallocate(&fd, FallocateFlags::empty(), 0, bytes as i64)?;
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&fd, FcntlArg::F_ADD_SEALS(seals))?;
        Ok((SharedMemory::map(&fd, bytes)?, fd))
    }

    /// Keeps it from being swapped out by this process.
    ///
    /// # Errors
    /// The system's error.
    pub fn lock(&self) -> io::Result<()> {
        // SAFETY: the range is our mapping, whose contents this does not change.
        Ok(unsafe { mlock(self.start.cast(), self.bytes) }?)
    }

    /// Maps memory that an engine made.
    ///
    /// # Errors The system's error; `InvalidData` if the descriptor is not from [`SharedMemory::create`].
    pub fn open(fd: &OwnedFd) -> io::Result<SharedMemory> {
        let seals = SealFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GET_SEALS)?);
        let bytes = usize::try_from(fstat(fd)?.st_size).unwrap_or(0);
        if !seals.contains(SealFlag::F_SEAL_SHRINK) || bytes == 0 || !bytes.is_multiple_of(WORD_BYTES) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the shared memory is not sealed, or empty"));
        }
        SharedMemory::map(fd, bytes)
    }

    fn map(fd: &OwnedFd, bytes: usize) -> io::Result<SharedMemory> {
        let (may, how) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE);
        let length = NonZeroUsize::new(bytes).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing.
        let start = unsafe { mmap(None, length, may, how, fd, 0) }?;
        for advice in [MmapAdvise::MADV_DONTDUMP, MmapAdvise::MADV_DONTFORK] {
            // SAFETY: the range is the mapping just made; neither advice changes its contents.
            let _ = unsafe { madvise(start, bytes, advice) };
        }
        let start = start.cast();
        Ok(SharedMemory { start, bytes })
    }

    /// Its address in this process.
    pub fn address(&self) -> usize {
        self.start.as_ptr() as usize
    }

    /// Its length.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reads the number at `at`, a multiple of 8, little-endian. Acquire: everything that the peer wrote before it stored the number is visible.
    pub fn load(&self, at: usize) -> u64 {
        u64::from_le(self.word(at).load(Ordering::Acquire))
    }

    /// Writes a number at `at`, a multiple of 8, little-endian. Release: whoever sees the number sees everything that was written before.
    pub fn store(&self, at: usize, number: u64) {
        self.word(at).store(number.to_le(), Ordering::Release);
    }

    /// Copies bytes out, from `at` on, a multiple of 8. If the peer writes meanwhile, they are a mixture.
    pub fn read(&self, at: usize, to: &mut [u8]) {
        let (words, rest) = to.as_chunks_mut::<WORD_BYTES>();
        let mut from = at;
        for word in words {
            *word = self.word(from).load(Ordering::Relaxed).to_ne_bytes();
            from += WORD_BYTES;
        }
        if !rest.is_empty() {
            rest.copy_from_slice(&self.word(from).load(Ordering::Relaxed).to_ne_bytes()[..rest.len()]);
        }
    }

    /// Copies bytes in, from `at` on, a multiple of 8. The rest of the last word becomes zeros.
    pub fn write(&self, at: usize, from: &[u8]) {
        let (words, rest) = from.as_chunks::<WORD_BYTES>();
        let mut to = at;
        for word in words {
            self.word(to).store(u64::from_ne_bytes(*word), Ordering::Relaxed);
            to += WORD_BYTES;
        }
        if !rest.is_empty() {
            let mut word = [0; WORD_BYTES];
            word[..rest.len()].copy_from_slice(rest);
            self.word(to).store(u64::from_ne_bytes(word), Ordering::Relaxed);
        }
    }

    /// Overwrites whole words with zeros, from `at` on.
    pub fn wipe(&self, at: usize, bytes: usize) {
        for at in (at..at + bytes).step_by(WORD_BYTES) {
            self.word(at).store(0, Ordering::Relaxed);
        }
    }

    /// The word at `at`, a multiple of 8: the only way in. It is an atomic, because it may change under our eyes.
    pub fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(WORD_BYTES) && at < self.bytes);
        // SAFETY: the mapping begins at a page and is a multiple of 8 long, so that the word at `at`, a multiple of 8 below its length,
        // is aligned and within it; it lives as long as `self`; any bits are a number; here and in honest peers it is only ever used as
        // an atomic, and a dishonest peer is no thread of this program.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().add(at).cast()) }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: the range is our mapping, and nothing can use it afterwards.
        let _ = unsafe { munmap(self.start.cast(), self.bytes) };
    }
}

/// Reads the bytes that wait in a socket, and the descriptors that came with them, in order.
///
/// # Errors The system's error, including `WouldBlock`.
pub fn receive(stream: &UnixStream, to: &mut [u8], descriptors: &mut impl Extend<OwnedFd>) -> io::Result<usize> {
    let mut space = nix::cmsg_space!([i32; DESCRIPTORS_MAX]);
    let mut pieces = [IoSliceMut::new(to)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(stream.as_raw_fd(), &mut pieces, Some(&mut space), flags)?;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = control {
            // SAFETY: the kernel has just made these descriptors for us, and nobody else knows of them.
            descriptors.extend(raw.into_iter().map(|raw| unsafe { OwnedFd::from_raw_fd(raw) }));
        }
    }
    Ok(message.bytes)
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[test]
    fn two_mappings_of_a_memory_show_each_other_what_they_write_and_nobody_can_make_it_shorter() {
        let (ours, fd) = SharedMemory::create(4_096).expect("memory for a test");
        let theirs = SharedMemory::open(&fd).expect("it was made for that");
        theirs.write(72, b"eleven bytes");
        theirs.store(64, 7);
        assert_eq!(ours.load(64), 7);
        let mut out = [0xff; 13];
        ours.read(72, &mut out);
        assert_eq!(&out, b"eleven bytes\0");
        ours.wipe(64, 24);
        theirs.read(64, &mut out);
        assert_eq!(out, [0; 13]);
        for bytes in [0, 2_048, 8_192] {
            assert_eq!(nix::unistd::ftruncate(&fd, bytes), Err(Errno::EPERM));
        }
        assert!(fcntl(&fd, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_FUTURE_WRITE)).is_err(), "no more seals");
    }

    #[test]
    fn what_no_engine_made_is_not_mapped() {
        let plain = memfd_create(c"test", MFdFlags::MFD_CLOEXEC).expect("memory for a test");
        nix::unistd::ftruncate(&plain, 4_096).expect("it is not sealed");
        assert!(SharedMemory::open(&plain).is_err());
    }
}
