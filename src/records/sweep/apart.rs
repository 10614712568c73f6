//! Sweeps and restores keep out of each other's way: a restore would take the catalog from under a sweep, which would go on unlinking files by what
//! the old one said.
//!
//! Belongs here: the lock of the folder `recordings`, which sweeps share and a restore has alone. It ends with the process that has it. Does not:
//! the lease, by which one sweep keeps out of another's way.

use std::{fs::File, io, path::Path};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

/// A hold on the folder. None where there is no such folder, so that nothing can be unlinked in it, and on file systems that lock no folders.
pub(crate) type Hold = Option<Flock<File>>;

/// That of a sweep.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] while a restore is under way; else what the system says.
pub(crate) fn sweeping(home: &Path) -> io::Result<Hold> {
    hold(home, FlockArg::LockSharedNonblock)
}

/// That of a restore.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] while a sweep is at work; else what the system says.
pub(crate) fn restoring(home: &Path) -> io::Result<Hold> {
    hold(home, FlockArg::LockExclusiveNonblock)
}

fn hold(home: &Path, how: FlockArg) -> io::Result<Hold> {
    let folder = match File::open(home.join("recordings")) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match Flock::lock(folder, how) {
        Ok(hold) => Ok(Some(hold)),
        Err((_, Errno::EWOULDBLOCK)) => Err(io::ErrorKind::WouldBlock.into()),
        // NFS locks no folders.
        Err(_) => Ok(None),
    }
}
