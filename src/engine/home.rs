//! The folder under which all state lives.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

/// The file whose lock says that an engine has this home.
const LOCK_FILE: &str = "engine.lock";
/// Whoever only looks whether an engine runs has the lock for a moment ([`is_taken`]): so often, and for so long, the engine tries again.
const LOCK_TRIES: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The home folder, held by one engine.
pub struct Home {
    path: PathBuf,
    _lock: Flock<File>,
}

impl Home {
    /// Makes the folder if it is not there (0700), and takes it for this engine.
    ///
    /// # Errors
    /// The system's error; [`io::ErrorKind::ResourceBusy`] if another engine has it.
    pub fn take(path: &Path) -> io::Result<Home> {
        let missing = path.ancestors().take_while(|folder| matches!(folder.try_exists(), Ok(false))).count();
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let path = fs::canonicalize(path)?;
        for parent in path.ancestors().skip(1).take(missing) {
            // What is kept in the home is only as safe as its own name. As far as it goes: not every parent may be opened.
            let _ = File::open(parent).and_then(|parent| parent.sync_all());
        }
        // A folder that was there before is closed as well.
        fs::set_permissions(&path, Permissions::from_mode(0o700))?;
        let mut file =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path.join(LOCK_FILE))?;
        let mut tries = 1;
        let lock = loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => break lock,
                Err((unlocked, Errno::EWOULDBLOCK)) if tries < LOCK_TRIES => {
                    (file, tries) = (unlocked, tries + 1);
                    thread::sleep(LOCK_PAUSE);
                }
                Err((_, Errno::EWOULDBLOCK)) => return Err(io::ErrorKind::ResourceBusy.into()),
                Err((_, other)) => return Err(other.into()),
            }
        };
        Ok(Home { path, _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where recordings go.
    pub fn recordings(&self) -> PathBuf {
        recordings_in(&self.path)
    }
}

/// Whether an engine has this home now.
///
/// # Errors
/// What the system says.
pub fn is_taken(home: &Path) -> io::Result<bool> {
    let file = match File::open(home.join(LOCK_FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(_) => Ok(false),
        Err((_, Errno::EWOULDBLOCK)) => Ok(true),
        Err((_, other)) => Err(other.into()),
    }
}

/// Where the recordings of a home are.
pub fn recordings_in(home: &Path) -> PathBuf {
    home.join("recordings")
}
