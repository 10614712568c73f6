//! Searches every file below a folder, in the system's cache and again from the disk.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use serde::{Deserialize, Serialize};

use super::{needles::Finder, stream::look_at_stream};

/// The most names below a folder: a private home has a few dozen, a folder for temporary files some thousands.
const NAMES_MAX: usize = 1_000_000;

/// The result of a search: its places, and how many different needles it found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchResult {
    /// How many files, mappings or sockets were searched.
    pub places: usize,
    /// Their bytes.
    pub bytes: u64,
    /// How many different needles were found.
    pub found: usize,
}

impl SearchResult {
    /// Adds another result.
    pub fn and(self, other: SearchResult) -> SearchResult {
        SearchResult {
            places: self.places + other.places,
            bytes: self.bytes + other.bytes,
            found: self.found + other.found,
        }
    }
}

/// Searches a file from its current position, in pieces that pass through `scratch`. Returns how many bytes it read and how often it found
/// something.
///
/// # Errors
/// The system's error.
pub fn look_at_file(file: File, finder: &mut Finder<'_>, scratch: &mut [u8]) -> io::Result<(u64, usize)> {
    look_at_stream(file, finder, scratch)
}

/// Like [`look_at_file`], but first asks the system to forget its copy in memory, so that the bytes come from the disk.
///
/// # Errors
/// The system's error.
pub fn look_at_disk(path: &Path, finder: &mut Finder<'_>, scratch: &mut [u8]) -> io::Result<(u64, usize)> {
    let file = File::open(path)?;
    // The system can't forget bytes that are not on the disk yet.
    file.sync_all()?;
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
    look_at_file(file, finder, scratch)
}

/// Every regular file below `folder`, in order, except those that have gone by the time they are looked at. With `since`, also leaves out files
/// that did not change after it, files of other users, and other file systems.
///
/// # Errors The path that can't be listed, and why.
pub fn files_below(folder: &Path, since: Option<Timestamp>) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let (mut files, mut folders, mut names) = (Vec::new(), vec![folder.to_owned()], 0);
    let user = nix::unistd::Uid::effective().as_raw();
    let device = fs::metadata(folder).map_err(|error| (folder.to_owned(), error))?.dev();
    // Another user's folder, in one that all share: this user can't have written there either.
    let is_closed = |error: &io::Error| since.is_some() && error.kind() == io::ErrorKind::PermissionDenied;
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if is_gone(&error) => continue,
            Err(error) if is_closed(&error) => continue,
            Err(error) => return Err((folder, error)),
        };
        for entry in entries {
            let path = match entry {
                Ok(entry) => entry.path(),
                Err(error) => return Err((folder, error)),
            };
            let metadata = match fs::symlink_metadata(&path) {
                Ok(metadata) => metadata,
                Err(error) if is_gone(&error) => continue,
                Err(error) if is_closed(&error) => continue,
                Err(error) => return Err((path, error)),
            };
            names += 1;
            if names > NAMES_MAX {
                return Err((folder, io::Error::other(format!("more than {NAMES_MAX} names"))));
            }
            let changed = metadata.modified().ok().and_then(|changed| Timestamp::try_from(changed).ok());
            let is_new = |since| changed.is_some_and(|changed| changed >= since);
            if metadata.is_dir() && (since.is_none() || metadata.dev() == device) {
                folders.push(path);
            } else if metadata.is_file() && since.is_none_or(|since| is_new(since) && metadata.uid() == user) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a name has gone since it was listed.
pub fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::needles::Needles;
    use retrocall_words::{Clock as _, SystemClock};

    #[test]
    fn every_file_is_found_however_deep_and_only_new_ones_if_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("a/b/c");
        fs::create_dir_all(&deep).expect("folders");
        fs::write(deep.join("deep"), "1").expect("a file");
        fs::write(folder.path().join("old"), "2").expect("a file");
        std::os::unix::fs::symlink("/etc", folder.path().join("elsewhere")).expect("a link");
        let names = |since| {
            let files = files_below(folder.path(), since).expect("they can be listed");
            files.iter().map(|file| file.file_name().expect("a name").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(None), ["deep", "old"]);
        let now = SystemClock.wall();
        let old = File::options().write(true).open(folder.path().join("old")).expect("a file");
        let long_ago = SystemTime::try_from(now - Duration::from_secs(60)).expect("after 1970");
        old.set_modified(long_ago).expect("its time");
        assert_eq!(names(Some(now - Duration::from_secs(30))), ["deep"]);
    }

    #[test]
    fn a_file_is_the_same_in_the_cache_and_read_again_from_the_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let mut bytes = vec![0; 4_088];
        bytes.extend_from_slice(b"this text is what is looked for.");
        fs::write(&path, &bytes).expect("a file");
        let needles = Needles::of(1, [b"this text is what is looked for."]);
        let (mut cached, mut again) = (Finder::new(&needles), Finder::new(&needles));
        let read = look_at_file(File::open(&path).expect("a file"), &mut cached, &mut [0; 4_096]);
        assert_eq!((read.expect("it can be read").0, cached.found()), (bytes.len() as u64, 2));
        let read = look_at_disk(&path, &mut again, &mut [0; 4_096]);
        assert_eq!((read.expect("it can be read").0, again.found()), (bytes.len() as u64, 2));
    }
}
