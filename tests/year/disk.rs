//! The files of the simulated desk: which recordings are there, what a kill leaves, a disk whose process is killed at some step.

use std::{
    cell::Cell,
    collections::BTreeSet,
    fs, io, panic,
    path::{Path, PathBuf},
    time::Instant,
};

use jiff::Timestamp;
use retrocall_records::sweep::{Files, HomeFiles, Removed, Tombstone};

/// The names of recordings in a folder, without their ending.
pub fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.file_stem().expect("a name").to_string_lossy().into_owned());
        }
    }
    found
}

/// Copies the files of a home, but for the one that knows its own place on the disk, and the recordings.
pub fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() && path.file_name().is_some_and(|name| name != "ledger.key") {
            fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
        }
    }
}

/// Makes the files of a home what they were.
pub fn put_back(from: &Path, home: &Path) {
    for entry in fs::read_dir(home).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() && path.file_name().is_some_and(|name| name != "ledger.key") {
            fs::remove_file(path).expect("removed");
        }
    }
    // They lie on the same disk.
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        fs::rename(&path, home.join(path.file_name().expect("a name"))).expect("moved");
    }
}

/// A sweep was cut off here.
pub struct Cut;

/// The disk, until its process is killed.
pub struct CutFiles {
    inner: HomeFiles,
    left: Cell<u32>,
}

impl CutFiles {
    /// That of a home, until so many steps are taken.
    pub fn of(home: &Path, left: u32) -> CutFiles {
        CutFiles { inner: HomeFiles::of(home), left: Cell::new(left) }
    }

    fn step(&self) {
        match self.left.get() {
            0 => panic::panic_any(Cut),
            left => self.left.set(left - 1),
        }
    }
}

impl Files for CutFiles {
    fn hash(&self, files: &[PathBuf]) -> io::Result<Option<String>> {
        self.step();
        self.inner.hash(files)
    }

    fn remove(&self, file: &Path, deadline: Instant) -> io::Result<Removed> {
        self.step();
        self.inner.remove(file, deadline)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step();
        self.inner.sync_folder(folder)
    }

    fn is_there(&self, file: &Path) -> io::Result<bool> {
        self.step();
        self.inner.is_there(file)
    }

    fn bury(&self, tombstones: &[Tombstone]) -> io::Result<()> {
        self.step();
        self.inner.bury(tombstones)
    }

    fn last_sweep(&self) -> io::Result<Option<Timestamp>> {
        self.inner.last_sweep()
    }

    fn note_sweep(&self, at: Timestamp) -> io::Result<()> {
        self.inner.note_sweep(at)
    }
}
