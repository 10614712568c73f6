//! A disk in memory: for the files that recovery meets, and for commits by the ten thousand.

use std::{
    collections::BTreeMap,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use retrocall::commit::{Disk, DiskFile, Entry};

/// Files by their paths, whose folders are those that their paths name.
#[derive(Default)]
pub struct MemoryDisk(Mutex<BTreeMap<PathBuf, Contents>>);

type Contents = Arc<Mutex<Vec<u8>>>;

impl MemoryDisk {
    pub fn with(path: &Path, bytes: &[u8]) -> MemoryDisk {
        MemoryDisk(Mutex::new(BTreeMap::from([(path.to_owned(), Arc::new(Mutex::new(bytes.to_vec())))])))
    }

    pub fn names(&self) -> Vec<PathBuf> {
        self.0.lock().expect("no panic").keys().cloned().collect()
    }

    fn find(&self, path: &Path) -> io::Result<Contents> {
        let files = self.0.lock().expect("no panic");
        files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        self.find(path).ok().map(|contents| contents.lock().expect("no panic").clone())
    }
}

impl Disk for MemoryDisk {
    fn create_dir_all(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        if self.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.0.lock().expect("no panic").insert(path.to_owned(), Arc::default());
        self.open_existing(path)
    }

    fn open_existing(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(MemoryFile { contents: self.find(path)?, at: 0 }))
    }

    fn rename_noreplace(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.0.lock().expect("no panic");
        if files.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let contents = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), contents);
        Ok(())
    }

    fn sync_dir(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.lock().expect("no panic").remove(path).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = self
            .names()
            .iter()
            .filter_map(|path| {
                let mut below = path.strip_prefix(folder).ok()?.components();
                let path = folder.join(below.next()?);
                Some(Entry { path, is_folder: below.next().is_some() })
            })
            .collect();
        entries.dedup();
        if entries.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(entries) }
    }

    fn is_same_file(&self, one: &Path, other: &Path) -> io::Result<bool> {
        Ok(Arc::ptr_eq(&self.find(one)?, &self.find(other)?))
    }
}

struct MemoryFile {
    contents: Contents,
    at: usize,
}

impl Read for MemoryFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let contents = self.contents.lock().expect("no panic");
        let rest = contents.get(self.at..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut contents = self.contents.lock().expect("no panic");
        let end = self.at + bytes.len();
        if contents.len() < end {
            contents.resize(end, 0);
        }
        contents[self.at..end].copy_from_slice(bytes);
        self.at = end;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for MemoryFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(at) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        self.at = at as usize;
        Ok(at)
    }
}

impl DiskFile for MemoryFile {
    fn sync_data(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn set_len(&mut self, bytes: u64) -> io::Result<()> {
        self.contents.lock().expect("no panic").resize(bytes as usize, 0);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.contents.lock().expect("no panic").len() as u64)
    }

    fn has_name(&self) -> io::Result<bool> {
        Ok(true)
    }
}
