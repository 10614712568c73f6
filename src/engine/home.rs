//! The home folder, which holds all state and belongs to one engine.
//!
//! Belongs here: making and closing the folder, the locks that keep a second engine out, noticing changes by others. Does not: the contents of its
//! files; the socket (`intake`).
//!
//! The engine locks the folder itself: no cleaner removes a folder that is not empty, and the lock belongs to this very folder, whatever its name.
//! It also locks a file `engine.lock`, for file systems that lock no folders (NFS) and for older engines. That file is empty and old, so cleaners
//! do remove it; then it is made again.

use std::{
    fmt,
    fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg, OFlag},
    unistd::Uid,
};
use parking_lot::Mutex;
use tracing::{error, warn};

/// The lock of this file says that an engine has this home.
const LOCK_FILE: &str = "engine.lock";
/// How often the engine tries the lock, and how long. A status command ([`is_taken`]) or a cleaner may hold it for a moment.
const LOCK_TRIES: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// In a folder with this bit (`/tmp`), which all users share, parts may belong to others.
const STICKY: u32 = 0o1000;

/// Why the engine can't have a home folder.
#[derive(Debug)]
pub enum HomeError {
    /// Another engine has the folder.
    Taken(PathBuf),
    /// The folder's name, or its real path, can't be written in JSON.
    NotUtf8(PathBuf),
    /// The folder belongs to another user.
    Owner {
        /// The folder.
        path: PathBuf,
        /// The other user's number.
        uid: u32,
    },
    /// All users share the folder.
    Shared(PathBuf),
    /// The system's error.
    System(PathBuf, io::Error),
}

impl fmt::Display for HomeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HomeError::Taken(_) => {
                f.write_str("another engine runs in this home: stop it, or give this one a --home of its own")
            }
            HomeError::NotUtf8(path) => write!(
                f,
                "the name of the home folder {} is not UTF-8, so that no program could be told of a recording there: rename it, or \
                 name another one with --home",
                path.display()
            ),
            HomeError::Owner { path, uid } => write!(
                f,
                "the home folder {} belongs to user {uid}, and this is user {}: run the engine as its owner, or name another folder \
                 with --home",
                path.display(),
                Uid::effective()
            ),
            HomeError::Shared(path) => write!(
                f,
                "{} is a folder that all users share: name a folder of the engine's own with --home",
                path.display()
            ),
            HomeError::System(path, cause) => {
                write!(f, "can't use the home folder {}: {cause}; name another one with --home", path.display())
            }
        }
    }
}

impl std::error::Error for HomeError {}

/// Identifies a file, whatever its name.
type Identity = (u64, u64);

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// The home folder, held by one engine.
pub struct Home {
    path: PathBuf,
    folder: Identity,
    /// None where the file system locks no folders.
    _folder_lock: Option<Flock<File>>,
    file: Mutex<LockFile>,
    /// Whether the last look found recordings.
    had_recordings: Mutex<bool>,
    trouble: Mutex<Option<String>>,
}

/// The lock file, and its identity.
struct LockFile {
    identity: Identity,
    _lock: Flock<File>,
}

impl Home {
    /// Makes the folder (0700) if it is missing, and takes it for this engine.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn take(path: &Path) -> Result<Home, HomeError> {
        check_name(path)?;
        let system = |path: &Path| {
            let path = path.to_owned();
            move |cause: io::Error| HomeError::System(path, cause)
        };
        let missing = path.ancestors().take_while(|folder| matches!(folder.try_exists(), Ok(false))).count();
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(system(path))?;
        let path = fs::canonicalize(path).map_err(system(path))?;
        check_name(&path)?;
        for parent in path.ancestors().skip(1).take(missing) {
            // The home's contents are only as safe as its own name. Best effort: not every parent may be opened.
            let _ = File::open(parent).and_then(|parent| parent.sync_all());
        }
        let folder = File::open(&path).map_err(system(&path))?;
        let metadata = folder.metadata().map_err(system(&path))?;
        check_owner(&path, &metadata)?;
        let folder_lock = lock_folder(&path, folder)?;
        let file = lock_file(&path)?;
        // Closes an older folder to others. Only behind the locks: another engine may have opened it to a group.
        fs::set_permissions(&path, Permissions::from_mode(0o700)).map_err(system(&path))?;
        let had_recordings = Mutex::new(recordings_in(&path).is_dir());
        Ok(Home {
            path,
            folder: identity(&metadata),
            _folder_lock: folder_lock,
            file: Mutex::new(file),
            had_recordings,
            trouble: Mutex::default(),
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where recordings go.
    pub fn recordings(&self) -> PathBuf {
        recordings_in(&self.path)
    }

    /// Checks that the home is as it was taken. Mends what it can. Waits for the disk.
    ///
    /// # Errors What is wrong, in words for people, with the next step.
    pub fn look(&self) -> Result<(), String> {
        match fs::metadata(&self.path) {
            Ok(metadata) if identity(&metadata) == self.folder => {}
            Ok(_) => return Err(self.lost("was replaced by another one")),
            Err(_) => return Err(self.lost("was moved or removed")),
        }
        self.look_for_recordings();
        let mut file = self.file.lock();
        let found = fs::symlink_metadata(self.path.join(LOCK_FILE)).map(|metadata| identity(&metadata));
        if found.is_ok_and(|found| found == file.identity) {
            return Ok(());
        }
        *file = lock_file(&self.path)
            .map_err(|error| format!("{LOCK_FILE} was removed, and can't be made again: {error}"))?;
        warn!(home = %self.path.display(), "{LOCK_FILE} was removed while the engine runs: it is made again");
        Ok(())
    }

    fn lost(&self, how: &str) -> String {
        format!(
            "the home folder {} {how} while the engine runs: selected calls stay in memory; put it back, or start the engine again",
            self.path.display()
        )
    }

    fn look_for_recordings(&self) {
        let has = self.recordings().is_dir();
        let had = std::mem::replace(&mut *self.had_recordings.lock(), has);
        if had && !has {
            error!(path = %self.recordings().display(),
                "the folder of the recordings was removed while the engine runs: what was kept there is gone; it is made again when the \
                 next call is kept");
        }
    }

    /// What is wrong with the home now, or with others' access to it.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    /// Logs a new trouble, or the end of one.
    pub fn set_trouble(&self, now: Option<String>) {
        let mut trouble = self.trouble.lock();
        if *trouble == now {
            return;
        }
        match &now {
            Some(text) => error!("{text}"),
            None => warn!("the home is as it should be again"),
        }
        *trouble = now;
    }
}

/// Checks that a path is UTF-8: programs get paths in JSON.
///
/// # Errors
/// [`HomeError::NotUtf8`].
pub fn check_name(path: &Path) -> Result<(), HomeError> {
    path.to_str().map(drop).ok_or_else(|| HomeError::NotUtf8(path.to_owned()))
}

/// Refuses a folder of another user, even for root: its owner could change whatever is in it.
fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), HomeError> {
    if metadata.uid() != Uid::effective().as_raw() {
        return Err(HomeError::Owner { path: path.to_owned(), uid: metadata.uid() });
    }
    match metadata.mode() & STICKY {
        0 => Ok(()),
        _ => Err(HomeError::Shared(path.to_owned())),
    }
}

/// Locks the folder. None if the file system locks no folders.
fn lock_folder(path: &Path, folder: File) -> Result<Option<Flock<File>>, HomeError> {
    match lock(folder) {
        Ok(lock) => Ok(Some(lock)),
        Err(Errno::EWOULDBLOCK) => Err(HomeError::Taken(path.to_owned())),
        // NFS locks only files that are open for writing; a folder never is.
        Err(_) => Ok(None),
    }
}

fn lock_file(home: &Path) -> Result<LockFile, HomeError> {
    let system = |cause: io::Error| HomeError::System(home.to_owned(), cause);
    let mut options = OpenOptions::new();
    let options = options.create(true).truncate(false).write(true).mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
    let file = options.open(home.join(LOCK_FILE)).map_err(system)?;
    let identity = identity(&file.metadata().map_err(system)?);
    match lock(file) {
        Ok(lock) => Ok(LockFile { identity, _lock: lock }),
        Err(Errno::EWOULDBLOCK) => Err(HomeError::Taken(home.to_owned())),
        Err(other) => Err(system(other.into())),
    }
}

fn lock(mut file: File) -> Result<Flock<File>, Errno> {
    let mut tries = 1;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((unlocked, Errno::EWOULDBLOCK)) if tries < LOCK_TRIES => {
                (file, tries) = (unlocked, tries + 1);
                thread::sleep(LOCK_PAUSE);
            }
            Err((_, error)) => return Err(error),
        }
    }
}

/// Whether an engine has this home now.
///
/// # Errors The system's error.
pub fn is_taken(home: &Path) -> io::Result<bool> {
    for path in [home.to_owned(), home.join(LOCK_FILE)] {
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match Flock::lock(file, FlockArg::LockSharedNonblock) {
            Err((_, Errno::EWOULDBLOCK)) => return Ok(true),
            Ok(_) => {}
            // Where folders have no locks, the file decides.
            Err(_) if path == home => {}
            Err((_, other)) => return Err(other.into()),
        }
    }
    Ok(false)
}

/// The folder of a home's recordings.
pub fn recordings_in(home: &Path) -> PathBuf {
    home.join("recordings")
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("home");
        (folder, home)
    }

    #[test]
    fn a_second_engine_is_refused_whatever_was_removed_while_the_first_lives() {
        let (_folder, home) = folder();
        let first = Home::take(&home).expect("it is free");
        assert!(matches!(Home::take(&home), Err(HomeError::Taken(_))));
        fs::remove_file(home.join(LOCK_FILE)).expect("a cleaner may");
        assert!(is_taken(&home).expect("a look"));
        assert!(matches!(Home::take(&home), Err(HomeError::Taken(_))));
        // The second engine has made a file of that name, and the first takes it.
        assert_eq!(first.look(), Ok(()));
        assert!(matches!(lock_file(&home), Err(HomeError::Taken(_))), "engines that know only the file are kept out");
        drop(first);
        assert!(!is_taken(&home).expect("a look"));
        Home::take(&home).expect("it is free again");
    }

    #[test]
    fn a_home_that_is_taken_apart_is_noticed() {
        let (folder, path) = folder();
        let home = Home::take(&path).expect("it is free");
        assert_eq!(home.look(), Ok(()));
        fs::remove_file(path.join(LOCK_FILE)).expect("a cleaner may");
        assert_eq!(home.look(), Ok(()));
        assert!(path.join(LOCK_FILE).exists(), "it is made again");
        fs::rename(&path, folder.path().join("elsewhere")).expect("it is moved");
        assert!(home.look().is_err_and(|text| text.contains("was moved or removed")));
        fs::create_dir(&path).expect("another one");
        assert!(home.look().is_err_and(|text| text.contains("was replaced by another one")));
        fs::remove_dir(&path).expect("it goes");
        fs::rename(folder.path().join("elsewhere"), &path).expect("it is put back");
        assert_eq!(home.look(), Ok(()));
    }

    #[test]
    fn folders_that_are_not_the_engines_own_are_refused_and_left_as_they_are() {
        let (_folder, home) = folder();
        fs::create_dir(&home).expect("a folder");
        fs::set_permissions(&home, Permissions::from_mode(0o1777)).expect("a mode");
        assert!(matches!(Home::take(&home), Err(HomeError::Shared(_))));
        assert_eq!(fs::metadata(&home).expect("a folder").mode() & 0o7777, 0o1777);
        fs::set_permissions(&home, Permissions::from_mode(0o755)).expect("a mode");
        if Uid::effective().is_root() {
            std::os::unix::fs::chown(&home, Some(12_345), None).expect("root may");
            let refused = Home::take(&home).err().expect("it belongs to somebody else").to_string();
            assert!(refused.contains("belongs to user 12345"), "{refused}");
            assert_eq!(fs::metadata(&home).expect("a folder").mode() & 0o7777, 0o755);
        }
    }

    #[test]
    fn a_name_that_is_not_utf8_is_refused_also_where_a_link_leads_there() {
        let (folder, link) = folder();
        let path = folder.path().join(OsStr::from_bytes(b"caf\xe9"));
        assert!(matches!(Home::take(&path), Err(HomeError::NotUtf8(_))));
        assert!(!path.exists(), "nothing is made");
        fs::create_dir(&path).expect("a folder");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        assert!(matches!(Home::take(&link), Err(HomeError::NotUtf8(_))));
    }
}
