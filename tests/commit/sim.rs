//! A disk in memory that writes down every step, and rebuilds what a power cut after any of them could leave.
//!
//! What is assumed of a disk is written in `src/file/disk.rs`, as a numbered list. This one keeps to that list and to nothing else:
//! 1. a file is sectors of 512 bytes. A sector that was written since the last good sync is, after a power cut, any of the versions it
//!    had since, or torn: up to some byte one version, from there on the one before. Sectors survive independently of each other and of
//!    the order in which they were written. The length is any of those it had since the last good sync, or something in between, and what
//!    the length covers and no write reached is zeros;
//! 2. after a sync that failed, its sectors may have any of their versions, also when later syncs succeed, until they are written again
//!    and synced;
//! 3. a name that was made, changed or taken away since the last sync of its folder may be so or not, each change independently of others.
//!    A folder whose own name is lost is lost with all that is in it;
//! 4. a rename happened or did not; on a disk that can't rename without replacing a file gets a second name, which is synced, and then loses
//!    the first;
//! 5. without a power cut, everything written is there.

mod platter;

use std::{
    ffi::OsString,
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::Arc,
};

use parking_lot::{Condvar, Mutex};
use retrocall::{
    commit::{Disk, DiskFile, Entry},
    words::{Clock as _, SystemClock},
};

use platter::Id;
pub use platter::{Platter, Random, Survives, audio_at};

use crate::desk::{Asked, PATIENCE, Rule};

/// A step of the disk, or something that somebody was told between two of them.
#[derive(Debug, Clone)]
pub enum Step<T> {
    MakeFolder { folder: Id, name: OsString, id: Id },
    Create { folder: Id, name: OsString, id: Id },
    Write { id: Id, at: usize, bytes: Vec<u8> },
    SetLength { id: Id, length: usize },
    Sync { id: Id },
    SyncFails { id: Id },
    Rename { folder: Id, from: OsString, to: OsString },
    Link { folder: Id, id: Id, name: OsString },
    Remove { folder: Id, name: OsString },
    SyncFolder { id: Id },
    Told(T),
}

struct State<T> {
    now: Platter,
    log: Vec<Step<T>>,
}

/// A disk in memory. A rule is asked before every step, as of [`crate::desk::TestDisk`].
pub struct SimDisk<T> {
    state: Arc<Mutex<State<T>>>,
    /// Rung after every step, and whenever somebody is told something.
    bell: Arc<Condvar>,
    rule: Rule,
    asked: Arc<Mutex<usize>>,
    renames_at_once: bool,
}

impl<T> Clone for SimDisk<T> {
    fn clone(&self) -> SimDisk<T> {
        let (state, rule, asked) = (Arc::clone(&self.state), Arc::clone(&self.rule), Arc::clone(&self.asked));
        SimDisk { state, bell: Arc::clone(&self.bell), rule, asked, renames_at_once: self.renames_at_once }
    }
}

impl<T: Send> SimDisk<T> {
    pub fn of(platter: Platter) -> SimDisk<T> {
        SimDisk {
            state: Arc::new(Mutex::new(State { now: platter, log: Vec::new() })),
            bell: Arc::default(),
            rule: Arc::new(|_, _| Ok(())),
            asked: Arc::default(),
            renames_at_once: true,
        }
    }

    /// A file is renamed by way of a second name.
    pub fn renaming_in_steps(self) -> SimDisk<T> {
        SimDisk { renames_at_once: false, ..self }
    }

    pub fn with(platter: Platter, rule: impl Fn(usize, Asked) -> io::Result<()> + Send + Sync + 'static) -> SimDisk<T> {
        SimDisk { rule: Arc::new(rule), ..SimDisk::of(platter) }
    }

    fn ask(&self, what: Asked) -> io::Result<()> {
        let number = {
            let mut asked = self.asked.lock();
            *asked += 1;
            *asked - 1
        };
        (self.rule)(number, what)
    }

    /// How many steps it was asked for.
    pub fn asked(&self) -> usize {
        *self.asked.lock()
    }

    /// Does what `plan` says, in one step.
    fn step(&self, plan: impl FnOnce(&Platter) -> io::Result<Step<T>>) -> io::Result<()> {
        let mut state = self.state.lock();
        let step = plan(&state.now)?;
        state.now.apply(&step);
        state.log.push(step);
        self.bell.notify_all();
        Ok(())
    }

    /// Writes down that somebody was told something.
    pub fn tell(&self, what: T) {
        self.state.lock().log.push(Step::Told(what));
        self.bell.notify_all();
    }

    /// Waits until what is on the disk, or was done and told so far, is as expected.
    ///
    /// # Panics
    /// It never is.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&Platter, &[Step<T>]) -> bool) {
        let (deadline, mut state) = (SystemClock.now() + PATIENCE, self.state.lock());
        while !is_so(&state.now, &state.log) {
            assert!(!self.bell.wait_until(&mut state, deadline).timed_out(), "never: {what}");
        }
    }

    pub fn look<R>(&self, at: impl FnOnce(&Platter) -> R) -> R {
        at(&self.state.lock().now)
    }

    /// All steps so far; from here on they are written down anew.
    pub fn take_log(&self) -> Vec<Step<T>> {
        std::mem::take(&mut self.state.lock().log)
    }

    fn open(&self, id: Id) -> Box<dyn DiskFile>
    where
        T: 'static,
    {
        Box::new(SimFile { disk: self.clone(), id, at: 0 })
    }
}

impl<T: Send + 'static> Disk for SimDisk<T> {
    fn create_dir_all(&self, folder: &Path) -> io::Result<()> {
        let missing: Vec<_> =
            folder.ancestors().take_while(|folder| self.look(|now| now.find(folder).is_err())).collect();
        for folder in missing.into_iter().rev() {
            self.ask(Asked::Folder)?;
            let made = self.step(|now| match now.find(folder) {
                Ok(_) => Err(ErrorKind::AlreadyExists.into()),
                Err(_) => {
                    let (parent, name) = now.place(folder)?;
                    Ok(Step::MakeFolder { folder: parent, name, id: now.next_id() })
                }
            });
            if let Err(error) = made
                && error.kind() != ErrorKind::AlreadyExists
            {
                return Err(error);
            }
            self.sync_dir(folder.parent().unwrap_or(folder))?;
        }
        Ok(())
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.ask(Asked::Create)?;
        let mut new = 0;
        self.step(|now| {
            let (folder, name) = now.place(path)?;
            if now.folder(folder).now().contains_key(&name) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            new = now.next_id();
            Ok(Step::Create { folder, name, id: new })
        })?;
        Ok(self.open(new))
    }

    fn open_existing(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.ask(Asked::Open)?;
        let id = self.look(|now| now.find(path))?;
        Ok(self.open(id))
    }

    fn rename_noreplace(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask(Asked::Rename)?;
        if self.is_same_file(from, to).unwrap_or(false) {
            self.ask(Asked::Unlink)?;
            return self.remove(from);
        }
        self.step(|now| {
            let id = now.find(from)?;
            if now.find(to).is_ok() {
                return Err(ErrorKind::AlreadyExists.into());
            }
            let ((folder, from), (other, to)) = (now.place(from)?, now.place(to)?);
            assert_eq!(folder, other, "nothing is moved to another folder");
            Ok(match self.renames_at_once {
                true => Step::Rename { folder, from, to },
                false => Step::Link { folder, id, name: to },
            })
        })?;
        if self.renames_at_once {
            return Ok(());
        }
        self.sync_dir(from.parent().unwrap_or(from))?;
        self.ask(Asked::Unlink)?;
        self.remove(from)
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        self.ask(Asked::SyncDir)?;
        self.step(|now| Ok(Step::SyncFolder { id: now.find(folder)? }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(|now| {
            let (folder, name) = now.place(path)?;
            Ok(Step::Remove { folder, name })
        })
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        self.look(|now| {
            let names = now.folder(now.find(folder)?).now();
            let entry = |(name, id): (OsString, Id)| Entry { path: folder.join(name), is_folder: now.is_folder(id) };
            Ok(names.into_iter().map(entry).collect())
        })
    }

    fn is_same_file(&self, one: &Path, other: &Path) -> io::Result<bool> {
        self.look(|now| Ok(now.find(one)? == now.find(other)?))
    }
}

struct SimFile<T> {
    disk: SimDisk<T>,
    id: Id,
    at: usize,
}

impl<T: Send> Read for SimFile<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.disk.look(|now| now.file(self.id).bytes());
        let rest = bytes.get(self.at..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl<T: Send> Write for SimFile<T> {
    /// A disk that is full takes the first half.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (id, at) = (self.id, self.at);
        let asked = self.disk.ask(Asked::Write((at + bytes.len()) as u64));
        let count = match &asked {
            Ok(()) => bytes.len(),
            Err(error) if error.kind() == ErrorKind::StorageFull => bytes.len() / 2,
            Err(_) => 0,
        };
        if count > 0 {
            self.disk.step(|_| Ok(Step::Write { id, at, bytes: bytes[..count].to_vec() }))?;
        }
        self.at += count;
        asked.map(|()| count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<T: Send> Seek for SimFile<T> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at as usize,
            SeekFrom::Current(by) => self.at.strict_add_signed(by as isize),
            SeekFrom::End(by) => self.disk.look(|now| now.file(self.id).length()).strict_add_signed(by as isize),
        };
        Ok(self.at as u64)
    }
}

impl<T: Send> SimFile<T> {
    fn sync(&self, what: Asked) -> io::Result<()> {
        let asked = self.disk.ask(what);
        let id = self.id;
        self.disk.step(|_| Ok(if asked.is_ok() { Step::Sync { id } } else { Step::SyncFails { id } }))?;
        asked
    }
}

impl<T: Send> DiskFile for SimFile<T> {
    fn sync_data(&mut self) -> io::Result<()> {
        self.sync(Asked::SyncData)
    }

    fn set_len(&mut self, bytes: u64) -> io::Result<()> {
        self.disk.ask(Asked::SetLen)?;
        let id = self.id;
        self.disk.step(|_| Ok(Step::SetLength { id, length: bytes as usize }))
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.look(|now| now.file(self.id).length()) as u64)
    }

    fn has_name(&self) -> io::Result<bool> {
        Ok(self.disk.look(|now| now.file(self.id).names > 0))
    }
}
