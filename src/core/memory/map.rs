//! One anonymous mapping that can't be swapped, dumped or inherited.
#![allow(unsafe_code)]

use std::{fmt, io, os::fd::AsRawFd, os::fd::FromRawFd, os::fd::OwnedFd, ptr::NonNull};

use super::look::{self, Use};

/// What keeps the audio in memory, and how far out of reach it is.
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

/// Why memory could not be had.
#[derive(Debug)]
pub enum MapError {
    /// The system would not lock this many bytes.
    NotLockable {
        /// What was asked for.
        bytes: usize,
        /// What the system said.
        cause: io::Error,
    },
    /// The system would not map this many bytes at all.
    NotMappable {
        /// What was asked for.
        bytes: usize,
        /// What the system said.
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

/// A private mapping of zeros, page by page faulted in at the first touch, and then locked.
pub(super) struct Map {
    start: NonNull<u8>,
    bytes: usize,
    kind: MemoryKind,
}

// SAFETY: a `Map` owns its mapping; nothing in it is tied to the thread that made it.
unsafe impl Send for Map {}
// SAFETY: a `Map` hands out a raw pointer only; whoever uses it across threads says there why that is sound.
unsafe impl Sync for Map {}

impl Map {
    /// Maps `bytes` of the best kind that the system offers.
    pub(super) fn new(bytes: usize, what: Use, allow_unlocked: bool) -> Result<Map, MapError> {
        let map = Map::best(bytes, allow_unlocked)?;
        look::made(map.start.as_ptr() as usize, bytes, what);
        Ok(map)
    }

    fn best(bytes: usize, allow_unlocked: bool) -> Result<Map, MapError> {
        if let Ok(map) = Map::secret(bytes) {
            return Ok(map);
        }
        let mut map = Map::anonymous(bytes).map_err(|cause| MapError::NotMappable { bytes, cause })?;
        // SAFETY: the range is the mapping just made.
        let locked = unsafe { libc::mlock2(map.start.as_ptr().cast(), bytes, libc::MLOCK_ONFAULT as _) };
        match locked {
            0 => map.kind = MemoryKind::Locked,
            _ if allow_unlocked => {}
            _ => return Err(MapError::NotLockable { bytes, cause: io::Error::last_os_error() }),
        }
        Ok(map)
    }

    fn secret(bytes: usize) -> io::Result<Map> {
        // SAFETY: no pointers are passed; the result is checked.
        let raw = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just gave us this descriptor, nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(raw as i32) };
        // SAFETY: a plain call on a descriptor that is open.
        if unsafe { libc::ftruncate(fd.as_raw_fd(), bytes as libc::off_t) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // Nothing is touched here: the first touch of a page costs tens of microseconds and belongs to the helper thread.
        Map::map_anywhere(bytes, libc::MAP_SHARED, fd.as_raw_fd(), MemoryKind::Secret)
    }

    fn anonymous(bytes: usize) -> io::Result<Map> {
        Map::map_anywhere(
            bytes,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            MemoryKind::Unlocked,
        )
    }

    fn map_anywhere(bytes: usize, flags: i32, fd: i32, kind: MemoryKind) -> io::Result<Map> {
        // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing; the result is checked.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, fd, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).expect("a mapping is never at address 0");
        let map = Map { start, bytes, kind };
        for advice in [libc::MADV_DONTDUMP, libc::MADV_DONTFORK] {
            // A refusal leaves the mapping as good as before: secret memory is never dumped, and nothing here forks.
            // SAFETY: the range is the mapping just made; neither advice changes its contents.
            let _ = unsafe { libc::madvise(map.start.as_ptr().cast(), bytes, advice) };
        }
        Ok(map)
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn kind(&self) -> MemoryKind {
        self.kind
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        look::goes(self.start.as_ptr() as usize);
        // SAFETY: the range is our mapping and nothing can use it after us.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
