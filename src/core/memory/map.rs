//! Mappings that can't be swapped, dumped or inherited.
//!
//! Belongs here: mapping, locking, unmapping. Does not: what lies in a mapping, and who may touch it.
#![allow(unsafe_code)]

use std::{ffi::c_void, fmt, io, num::NonZeroUsize, os::fd::OwnedFd, ptr::NonNull};

use nix::{
    errno::Errno,
    libc::off_t,
    sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, mmap_anonymous, munmap},
    unistd::ftruncate,
};

use super::registry::{self, Use};
use crate::system;

/// How audio is kept in memory, and out of reach.
///
/// ```
/// # use retrocall_core::memory::{Arena, MapError, MemoryKind};
/// let kind = Arena::new(1 << 20, true)?.kind();
/// if kind == MemoryKind::Unlocked {
///     eprintln!("audio may be swapped out: {kind}");
/// }
/// # Ok::<(), MapError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryKind {
    /// `memfd_secret(2)`: locked, absent from the kernel's own map, unreadable for other processes, root among them.
    Secret,
    /// `mlock2(2)`: locked, left out of core dumps.
    Locked,
    /// Neither: may be swapped out. Only with `--allow-unlocked`.
    Unlocked,
}

impl fmt::Display for MemoryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MemoryKind::Secret => "memfd_secret",
            MemoryKind::Locked => "mlock2",
            MemoryKind::Unlocked => "unlocked",
        })
    }
}

/// The system refuses memory. The text says what to do.
///
/// ```
/// # use std::io;
/// use retrocall_core::memory::MapError;
///
/// let error = MapError::NotLockable { bytes: 64 << 10, cause: io::ErrorKind::OutOfMemory.into() };
/// assert!(error.to_string().starts_with("can't lock 64 KiB of memory (out of memory); raise the limit (`ulimit -l`"));
/// ```
#[derive(Debug)]
pub enum MapError {
    /// The system would not lock this many bytes.
    NotLockable {
        /// The bytes asked for.
        bytes: usize,
        /// The system's error.
        cause: io::Error,
    },
    /// The system would not map this many bytes at all.
    NotMappable {
        /// The bytes asked for.
        bytes: usize,
        /// The system's error.
        cause: io::Error,
    },
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MapError::NotLockable { bytes, cause } => write!(
                f,
                "can't lock {} KiB of memory ({cause}); raise the limit (`ulimit -l`, LimitMEMLOCK= in the systemd unit), \
                 ask for less with --memory, or run degraded with --allow-unlocked",
                bytes / 1024
            ),
            MapError::NotMappable { bytes, cause } => {
                write!(f, "can't map {} KiB of memory ({cause}); ask for less with --memory", bytes / 1024)
            }
        }
    }
}

impl std::error::Error for MapError {}

/// A mapping of this process. Core dumps leave it out, and children do not inherit it.
struct Mapping {
    start: NonNull<c_void>,
    bytes: usize,
    /// Whether the registry has it.
    is_registered: bool,
}

// SAFETY: a `Mapping` owns its pages; nothing in it is tied to the thread that made it.
unsafe impl Send for Mapping {}
// SAFETY: a `Mapping` only hands out a raw pointer; whoever uses that across threads says there why it is sound.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps zeros that no other process has.
    fn of_zeros(bytes: usize) -> nix::Result<Mapping> {
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
        // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing.
        unsafe { mmap_anonymous(None, length(bytes)?, may(), flags) }.map(|start| Mapping::new(start, bytes))
    }

    /// Maps the memory of a descriptor.
    fn of_descriptor(fd: &OwnedFd, bytes: usize) -> nix::Result<Mapping> {
        // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing.
        let start = unsafe { mmap(None, length(bytes)?, may(), MapFlags::MAP_SHARED, fd, 0) };
        start.map(|start| Mapping::new(start, bytes))
    }

    fn new(start: NonNull<c_void>, bytes: usize) -> Mapping {
        for advice in [MmapAdvise::MADV_DONTDUMP, MmapAdvise::MADV_DONTFORK] {
            // A refusal leaves the mapping as good as before: secret memory is never dumped, and nothing here forks.
            // SAFETY: the range is the mapping just made; neither advice changes its contents.
            let _ = unsafe { madvise(start, bytes, advice) };
        }
        Mapping { start, bytes, is_registered: false }
    }

    /// Locks each page once it is touched first.
    fn lock_on_fault(&self) -> nix::Result<()> {
        // SAFETY: the range is this mapping.
        unsafe { system::mlock_on_fault(self.start, self.bytes) }
    }

    /// Enters the mapping into the registry of those that hold audio.
    fn register(&mut self, what: Use) {
        debug_assert!(!self.is_registered);
        registry::enter(self.start.as_ptr() as usize, self.bytes, what);
        self.is_registered = true;
    }

    /// The first byte. A page begins there.
    fn start(&self) -> NonNull<u8> {
        self.start.cast()
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.is_registered {
            registry::remove(self.start.as_ptr() as usize);
        }
        // SAFETY: the range is this mapping, and nothing can use it any more.
        let _ = unsafe { munmap(self.start, self.bytes) };
    }
}

fn length(bytes: usize) -> nix::Result<NonZeroUsize> {
    NonZeroUsize::new(bytes).ok_or(Errno::EINVAL)
}

fn may() -> ProtFlags {
    ProtFlags::PROT_READ | ProtFlags::PROT_WRITE
}

/// Zeros that this process alone has. A page is faulted in, and locked, when it is touched first.
pub(super) struct PrivateMemory {
    mapping: Mapping,
    kind: MemoryKind,
}

impl PrivateMemory {
    /// Maps `bytes` of the best kind that the system offers.
    pub(super) fn new(bytes: usize, what: Use, allow_unlocked: bool) -> Result<PrivateMemory, MapError> {
        let mut memory = PrivateMemory::best(bytes, allow_unlocked)?;
        memory.mapping.register(what);
        Ok(memory)
    }

    fn best(bytes: usize, allow_unlocked: bool) -> Result<PrivateMemory, MapError> {
        if let Ok(mapping) = secret(bytes) {
            return Ok(PrivateMemory { mapping, kind: MemoryKind::Secret });
        }
        let mapping = Mapping::of_zeros(bytes).map_err(|cause| MapError::NotMappable { bytes, cause: cause.into() })?;
        match mapping.lock_on_fault() {
            Ok(()) => Ok(PrivateMemory { mapping, kind: MemoryKind::Locked }),
            Err(_) if allow_unlocked => Ok(PrivateMemory { mapping, kind: MemoryKind::Unlocked }),
            Err(cause) => Err(MapError::NotLockable { bytes, cause: cause.into() }),
        }
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.mapping.start()
    }

    pub(super) fn bytes(&self) -> usize {
        self.mapping.bytes()
    }

    pub(super) fn kind(&self) -> MemoryKind {
        self.kind
    }
}

/// Nothing is touched here: the first touch of a page costs tens of microseconds and belongs to the helper thread.
fn secret(bytes: usize) -> nix::Result<Mapping> {
    let fd = system::memfd_secret()?;
    ftruncate(&fd, bytes as off_t)?;
    Mapping::of_descriptor(&fd, bytes)
}
