//! System calls that `nix` has no function for.
//!
//! Belongs here: one small function for each, around the declaration in `nix::libc`. Does not: what they are called for.
#![allow(unsafe_code)]

use std::{
    ffi::c_void,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    ptr::NonNull,
};

use nix::{errno::Errno, libc};

/// Makes memory that no process but this one can read, the kernel's own ways included: memfd_secret(2).
///
/// # Errors
/// The system's error: `ENOSYS` where the kernel has no such memory, or has it switched off.
pub(crate) fn memfd_secret() -> nix::Result<OwnedFd> {
    // SAFETY: no pointer is passed, and the result is checked.
    let raw = Errno::result(unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) })?;
    // SAFETY: the kernel has just made this descriptor, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw as i32) })
}

/// Locks each page of a range once it is touched first: mlock2(2). `mlock` would touch them all.
///
/// # Errors
/// The system's error: the limit of locked memory, above all.
///
/// # Safety
/// The range is mapped.
pub(crate) unsafe fn mlock_on_fault(start: NonNull<c_void>, bytes: usize) -> nix::Result<()> {
    // SAFETY: the caller vouches for the range; locking changes no byte of it.
    Errno::result(unsafe { libc::mlock2(start.as_ptr(), bytes, libc::MLOCK_ONFAULT as _) }).map(drop)
}

/// Raises the nice value of the calling thread to `nice`, unless it is there already: getpriority(2), which Linux takes for a thread. A process that was
/// started with a higher one is never put in front of where it was.
///
/// # Errors
/// The system's error.
pub(crate) fn raise_nice(nice: i32) -> nix::Result<()> {
    // SAFETY: no pointer is passed. An error is -1, as is a value well below any that is asked for here.
    let before = unsafe { libc::getpriority(libc::PRIO_PROCESS as _, 0) };
    if before >= nice {
        return Ok(());
    }
    // SAFETY: no pointer is passed.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS as _, 0, nice) }).map(drop)
}

/// Lets the calling thread wait for its turn when it is woken, instead of taking the core from the thread that woke it: `SCHED_BATCH`, sched(7).
///
/// # Errors
/// The system's error.
pub(crate) fn set_batch() -> nix::Result<()> {
    // SAFETY: all zeros is a valid `sched_param`, of priority 0, the only one that this policy takes.
    let parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a value that lives until the call returns; the kernel only reads it.
    Errno::result(unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameters) }).map(drop)
}

/// Asks the kernel to begin with bringing a stretch of a file to the disk, and does not wait for the end: sync_file_range(2). Nothing is durable
/// by it. The kernel makes it wait only while the disk's queue is full.
///
/// # Errors
/// The system's error. A write that fails later is reported by the next sync.
pub fn begin_writing(file: impl AsFd, from: u64, bytes: u64) -> nix::Result<()> {
    let (fd, [from, bytes]) =
        (file.as_fd().as_raw_fd(), [from, bytes].map(|value| value.try_into().unwrap_or(i64::MAX)));
    // SAFETY: no pointer is passed, and the descriptor is open for as long as it is borrowed.
    Errno::result(unsafe { libc::sync_file_range(fd, from, bytes, libc::SYNC_FILE_RANGE_WRITE) }).map(drop)
}

/// Bytes that a socket or pipe holds for its reader: `FIONREAD`, ioctl_tty(2).
///
/// # Errors
/// The system's error.
///
/// ```
/// use std::{io::Write, os::unix::net::UnixStream};
/// use retrocall_core::system::unread_bytes;
///
/// let (near, mut far) = UnixStream::pair()?;
/// far.write_all(b"seven..")?;
/// assert_eq!(unread_bytes(&near), Ok(7));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn unread_bytes(of: impl AsFd) -> nix::Result<u64> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open for as long as it is borrowed, and the kernel writes one `int` behind the pointer.
    Errno::result(unsafe { libc::ioctl(of.as_fd().as_raw_fd(), libc::FIONREAD, &raw mut bytes) })?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}
