//! The folder under which all state lives.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::fcntl::{Flock, FlockArg};

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
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let path = fs::canonicalize(path)?;
        // A folder that was there before is closed as well.
        fs::set_permissions(&path, Permissions::from_mode(0o700))?;
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path.join("engine.lock"))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| match error {
            nix::Error::EWOULDBLOCK => io::ErrorKind::ResourceBusy.into(),
            other => io::Error::from(other),
        })?;
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

/// Where the recordings of a home are.
pub fn recordings_in(home: &Path) -> PathBuf {
    home.join("recordings")
}
