//! The real disk with a rule in front: told to fail, to hang, to count. Unit tests of the engine include this file too.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use retrocall_file::{Disk, DiskFile, Entry, RealDisk};

/// Something that a disk is asked to do. `Write` says where the write would end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Folder,
    Create,
    Open,
    Rename,
    /// The second half of a rename on a disk that needs two steps for it: the old name goes.
    Unlink,
    SyncDir,
    Write(u64),
    SyncData,
    SetLen,
}

/// Asked before everything that changes a disk, with a count of what was asked before.
pub type Rule = Arc<dyn Fn(usize, Asked) -> io::Result<()> + Send + Sync>;

/// The real disk, but a rule is asked before everything that changes it, with a count of what was asked before.
#[derive(Clone)]
pub struct TestDisk {
    rule: Rule,
    asked: Arc<AtomicUsize>,
    skips_syncs: bool,
}

impl TestDisk {
    pub fn with(rule: impl Fn(usize, Asked) -> io::Result<()> + Send + Sync + 'static) -> TestDisk {
        TestDisk { rule: Arc::new(rule), asked: Arc::default(), skips_syncs: false }
    }

    pub fn good() -> TestDisk {
        TestDisk::with(|_, _| Ok(()))
    }

    /// Syncing does nothing: for tests that would take minutes.
    pub fn without_syncs() -> TestDisk {
        TestDisk { skips_syncs: true, ..TestDisk::good() }
    }

    fn ask(&self, what: Asked) -> io::Result<()> {
        (self.rule)(self.asked.fetch_add(1, Ordering::SeqCst), what)
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

pub fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

struct TestFile {
    file: Box<dyn DiskFile>,
    disk: TestDisk,
}

impl Disk for TestDisk {
    fn create_dir_all(&self, folder: &Path) -> io::Result<()> {
        self.ask(Asked::Folder)?;
        RealDisk.create_dir_all(folder)
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.ask(Asked::Create)?;
        Ok(Box::new(TestFile { file: RealDisk.create_new(path)?, disk: self.clone() }))
    }

    fn open_existing(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.ask(Asked::Open)?;
        Ok(Box::new(TestFile { file: RealDisk.open_existing(path)?, disk: self.clone() }))
    }

    /// In two steps, as where a file can't be renamed at once.
    fn rename_noreplace(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask(Asked::Rename)?;
        if !self.is_same_file(from, to).unwrap_or(false) {
            fs::hard_link(from, to)?;
        }
        self.ask(Asked::Unlink)?;
        fs::remove_file(from)
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        self.ask(Asked::SyncDir)?;
        if self.skips_syncs { Ok(()) } else { RealDisk.sync_dir(folder) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        RealDisk.list(folder)
    }

    fn is_same_file(&self, one: &Path, other: &Path) -> io::Result<bool> {
        RealDisk.is_same_file(one, other)
    }
}

impl Read for TestFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.file.read(into)
    }
}

impl Write for TestFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let at = self.file.stream_position()?;
        self.disk.ask(Asked::Write(at + bytes.len() as u64))?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for TestFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl DiskFile for TestFile {
    fn sync_data(&mut self) -> io::Result<()> {
        self.disk.ask(Asked::SyncData)?;
        if self.disk.skips_syncs { Ok(()) } else { self.file.sync_data() }
    }

    fn set_len(&mut self, bytes: u64) -> io::Result<()> {
        self.disk.ask(Asked::SetLen)?;
        self.file.set_len(bytes)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn has_name(&self) -> io::Result<bool> {
        self.file.has_name()
    }
}
