//! The disk behind a small trait, so that tests can put one in its place that fails, or stops, at any step.
//!
//! Belongs here: the trait, the disk of this machine. Does not: what is written.
//!
//! Recordings assume this of a disk, and nothing else:
//! 1. after a `sync_data` that returned without error a power cut takes nothing that was written before it, nor the length. It may leave any part
//!    of what was written since, in any order, a sector half new and half old; where the file grew, the missing part is zeros;
//! 2. after a sync that failed, nothing written since the last good one can be trusted, even if the next sync succeeds;
//! 3. a name made, changed or removed in a folder is so after a power cut once `sync_dir` of that folder returned without error, also if
//!    one before it failed. Until then it may be so or not;
//! 4. `rename_noreplace` shows the old name or the new one to everybody, or both, never a part of a file, and never replaces anything that
//!    holds anything. One that failed left the old name, or both: done again, it goes on from there;
//! 5. without a power cut, what was written is there for whoever opens the file next, even if the writer was killed.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::{errno::Errno, fcntl::OFlag};

use super::{folder_sync::sync_folder, rename};
use retrocall_core::system;

/// What a commit needs of a disk.
pub trait Disk: Send + Sync {
    /// Makes a folder, and those above it that are missing, for this user alone (0700). The names of new folders are durable.
    ///
    /// # Errors
    /// What the system says.
    fn create_dir_all(&self, folder: &Path) -> io::Result<()>;

    /// Makes a file that must not be there yet, for this user alone (0600).
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if it is there, or what else the system says.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file that is there, to read and write, with what it holds.
    ///
    /// # Errors
    /// What the system says.
    fn open_existing(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name, if nothing has that name. If the file has both names it loses the first.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if something else has it, or what else the system says.
    fn rename_noreplace(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_dir(&self, folder: &Path) -> io::Result<()>;

    /// Takes a file's name away, and with its last name the file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// What is in a folder, in the order of the names.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>>;

    /// Whether two names are names of one file.
    ///
    /// # Errors
    /// What the system says.
    fn is_same_file(&self, one: &Path, other: &Path) -> io::Result<bool>;
}

/// An open file.
pub trait DiskFile: Read + Write + Seek + Send {
    /// Makes what was written durable, and the length.
    ///
    /// # Errors
    /// What the system says. Nothing that was written since the last success can be trusted then.
    fn sync_data(&mut self) -> io::Result<()>;

    /// Asks the disk to begin with a stretch that was written, so that the next sync finds less to do. A hint: nothing depends on it.
    fn begin_writing(&mut self, _from: u64, _bytes: u64) {}

    /// Cuts the file, or makes it longer with zeros.
    ///
    /// # Errors
    /// What the system says.
    fn set_len(&mut self, bytes: u64) -> io::Result<()>;

    /// How long the file is, in bytes.
    ///
    /// # Errors
    /// What the system says.
    fn length(&self) -> io::Result<u64>;

    /// Whether the file still has a name. One without goes when it is closed.
    ///
    /// # Errors
    /// What the system says.
    fn has_name(&self) -> io::Result<bool>;
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is a folder (a link to one is not).
    pub is_folder: bool,
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_dir_all(&self, folder: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = folder
            .ancestors()
            // A folder that can't be looked at, because a file stands above it, is tried too: the system says what is wrong.
            .take_while(|folder| !folder.as_os_str().is_empty() && !matches!(folder.try_exists(), Ok(true)))
            .collect();
        for folder in missing.into_iter().rev() {
            match DirBuilder::new().mode(0o700).create(folder) {
                // Another commit was faster: its name must be durable for this one too.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(no_folder(folder, error)),
                Err(error) => return Err(error),
                Ok(()) => {}
            }
            match folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                Some(parent) => self.sync_dir(parent)?,
                None => self.sync_dir(Path::new("."))?,
            }
        }
        Ok(())
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Box::new(file))
    }

    fn open_existing(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(PLAIN.bits()).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file"));
        }
        Ok(Box::new(file))
    }

    fn rename_noreplace(&self, from: &Path, to: &Path) -> io::Result<()> {
        rename::noreplace(from, to)
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        sync_folder(folder).map(drop)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            entries.push(Entry { path: entry.path(), is_folder: entry.file_type()?.is_dir() });
        }
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(entries)
    }

    fn is_same_file(&self, one: &Path, other: &Path) -> io::Result<bool> {
        rename::is_same_file(one, other)
    }
}

/// A link in the place of a folder that leads nowhere: a disk that is not mounted, say.
#[derive(Debug)]
pub(super) struct DanglingLink {
    pub link: PathBuf,
    pub target: PathBuf,
}

impl fmt::Display for DanglingLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is a link to {}, which is not there", self.link.display(), self.target.display())
    }
}

impl std::error::Error for DanglingLink {}

/// What stands in the place of a folder that can't be made.
fn no_folder(folder: &Path, error: io::Error) -> io::Error {
    match fs::read_link(folder) {
        Ok(target) => io::Error::new(ErrorKind::NotFound, DanglingLink { link: folder.to_owned(), target }),
        Err(_) if folder.exists() => io::Error::from_raw_os_error(Errno::ENOTDIR as i32),
        Err(_) => error,
    }
}

/// No link is followed: the audio would go where somebody else wants it. Opening a pipe does not wait for its writer.
const PLAIN: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_NONBLOCK);

impl DiskFile for File {
    fn sync_data(&mut self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn begin_writing(&mut self, from: u64, bytes: u64) {
        // What goes wrong here goes wrong at the next sync too, and counts there.
        let _ = system::begin_writing(&*self, from, bytes);
    }

    fn set_len(&mut self, bytes: u64) -> io::Result<()> {
        File::set_len(self, bytes)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn has_name(&self) -> io::Result<bool> {
        Ok(self.metadata()?.nlink() > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn files_and_folders_are_for_this_user_alone() {
        let (home, disk) = (tempfile::tempdir().expect("a folder"), RealDisk);
        let folder = home.path().join("a/b/c");
        disk.create_dir_all(&folder).expect("folders");
        disk.create_dir_all(&folder).expect("folders that are there");
        let path = folder.join("file");
        disk.create_new(&path).expect("a file");
        assert_eq!((mode(&folder), mode(&home.path().join("a")), mode(&path)), (0o700, 0o700, 0o600));
        assert_eq!(
            disk.create_new(&path).err().map(|error| error.kind()),
            Some(io::ErrorKind::AlreadyExists),
            "a file is made once"
        );
    }

    #[test]
    fn a_rename_never_replaces_what_is_there() {
        let (home, disk) = (tempfile::tempdir().expect("a folder"), RealDisk);
        let [one, other] = ["one", "other"].map(|name| home.path().join(name));
        fs::write(&one, "new").expect("a file");
        fs::write(&other, "old").expect("a file");
        let refused = disk.rename_noreplace(&one, &other).expect_err("it is there");
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&other).expect("a file"), "old");
        assert!(!disk.is_same_file(&one, &other).expect("both are there"));
        disk.remove(&other).expect("removed");
        disk.rename_noreplace(&one, &other).expect("free now");
        assert_eq!(fs::read_to_string(&other).expect("a file"), "new");
        let entries = disk.list(home.path()).expect("a list");
        assert_eq!(entries, [Entry { path: other, is_folder: false }]);
    }

    #[test]
    fn a_link_is_not_opened() {
        let (home, disk) = (tempfile::tempdir().expect("a folder"), RealDisk);
        let [one, link] = ["one", "link"].map(|name| home.path().join(name));
        fs::write(&one, "").expect("a file");
        std::os::unix::fs::symlink(&one, &link).expect("a link");
        assert!(disk.open_existing(&link).is_err());
        assert!(disk.open_existing(home.path()).is_err());
        let file = disk.open_existing(&one).expect("a plain file");
        assert!(file.has_name().expect("known"));
        disk.remove(&one).expect("removed");
        assert!(!file.has_name().expect("known"), "a file without a name is found out");
    }

    #[test]
    fn a_folder_whose_place_has_a_link_to_a_disk_that_is_not_mounted_is_told_so() {
        let (home, disk) = (tempfile::tempdir().expect("a folder"), RealDisk);
        let (link, target) = (home.path().join("recordings"), home.path().join("mnt/recordings"));
        std::os::unix::fs::symlink(&target, &link).expect("a link");
        let error = disk.create_dir_all(&link.join("2026/03")).expect_err("it leads nowhere");
        assert_eq!(
            error.to_string(),
            format!("{} is a link to {}, which is not there", link.display(), target.display())
        );
        let taken = home.path().join("taken");
        fs::write(&taken, "").expect("a file");
        let error = disk.create_dir_all(&taken.join("below")).expect_err("a file is there");
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
    }
}
