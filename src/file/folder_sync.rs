//! Makes the names in a folder durable, also on a file system that can't sync a folder.

use std::{fs::File, io, path::Path};

use nix::{errno::Errno, unistd::syncfs};

/// What was synced, so that the names in a folder are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FolderSync {
    /// The folder.
    Folder,
    /// The whole file system, because that one can't sync a folder.
    All,
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<FolderSync> {
    let folder = File::open(folder)?;
    match folder.sync_all() {
        Err(error) if cant(&error) => {
            syncfs(&folder)?;
            Ok(FolderSync::All)
        }
        result => result.map(|()| FolderSync::Folder),
    }
}

/// Whether the system says that it can't do such a thing at all, here.
pub(super) fn cant(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP))
}
