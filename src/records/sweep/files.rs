//! What a sweep does on the disk, behind a small trait, so that a test can cut it off at any step.
//!
//! Belongs here: unlinking under a lock, folders that are synced, the two files that lie outside the catalog: tombstones, and when the last sweep
//! was. Does not: what is deleted.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use nix::fcntl::{Flock, FlockArg, OFlag};
use retrocall_file::wipe_traces;
use retrocall_words::{Clock, SystemClock, audio::wipe};
use sha2::{Digest, Sha256};

use super::{
    apart::{self, Hold},
    store::Tombstone,
};
use crate::beside::{append_lines, open_or_make, read_lines, sync_name};

/// How often it is looked whether a file is still being read.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The length of the line that says when a sweep was last begun.
const LAST_SWEEP_BYTES: usize = 48;
/// Bytes of a file that are read at once.
const READ_BYTES: usize = 256 * 1024;

/// What became of a file that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It was removed.
    Now,
    /// It was not there.
    Before,
    /// Somebody reads it.
    InUse,
}

/// What a sweep needs of the disk.
pub trait Files {
    /// The SHA-256 of these files, one after the other. None if one of them is not there.
    ///
    /// # Errors
    /// What the system says.
    fn hash(&self, files: &[PathBuf]) -> io::Result<Option<String>>;

    /// Takes a file's name away while nobody reads it. Readers share a lock; it is tried once at least, and then until `deadline`.
    ///
    /// # Errors
    /// What the system says; that it is no plain file, or has a second name.
    fn remove(&self, file: &Path, deadline: Instant) -> io::Result<Removed>;

    /// Makes it durable which names a folder has. A folder that is not there has none.
    ///
    /// # Errors
    /// What the system says.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Whether anything has this name.
    ///
    /// # Errors
    /// What the system says.
    fn is_there(&self, file: &Path) -> io::Result<bool>;

    /// What else lies beside these files and goes with them. At a home that is nothing; in a store, what a site said of a recording.
    ///
    /// # Errors
    /// What the system says.
    fn beside(&self, _files: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    /// Writes tombstones down, durably, before anything of what they stand for goes. At a home that is nothing: there they are written once it is gone.
    ///
    /// # Errors
    /// What the system says.
    fn bury_first(&self, _tombstones: &[Tombstone]) -> io::Result<()> {
        Ok(())
    }

    /// Writes tombstones to their file, durably. One may stand there twice.
    ///
    /// # Errors
    /// What the system says.
    fn bury(&self, tombstones: &[Tombstone]) -> io::Result<()>;

    /// By the wall clock, when a sweep was last begun here.
    ///
    /// # Errors
    /// What the system says.
    fn last_sweep(&self) -> io::Result<Option<Timestamp>>;

    /// Notes when a sweep is begun, durably.
    ///
    /// # Errors
    /// What the system says.
    fn note_sweep(&self, at: Timestamp) -> io::Result<()>;
}

/// The disk of this machine, with the home folder's own files.
#[derive(Debug, Clone)]
pub struct HomeFiles {
    home: PathBuf,
}

impl HomeFiles {
    /// Those of a home.
    pub fn of(home: &Path) -> HomeFiles {
        HomeFiles { home: home.to_owned() }
    }

    /// A hold on the recordings, as a sweep has one: no restore takes the catalog away meanwhile.
    pub(crate) fn beside_others(&self) -> io::Result<impl Drop + use<>> {
        apart::sweeping(&self.home).map(Held)
    }

    /// Where the tombstones are: a line of JSON each.
    pub fn tombstones_path(&self) -> PathBuf {
        self.home.join("tombstones.jsonl")
    }

    /// Where it stands when the last sweep was begun.
    pub fn last_sweep_path(&self) -> PathBuf {
        self.home.join("last-sweep")
    }

    /// All tombstones. A line that was cut off in the middle is none: what it stood for was not finished.
    ///
    /// # Errors
    /// What the system says.
    pub fn tombstones(&self) -> io::Result<Vec<Tombstone>> {
        read_lines(&self.tombstones_path())
    }
}

/// Ends when it is dropped.
struct Held(Hold);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.take();
    }
}

/// Opens what is there, and no link to somewhere else; a pipe makes nobody wait.
fn open(path: &Path) -> io::Result<Option<File>> {
    let opened = OpenOptions::new().read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path);
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Bytes of recordings on their way through memory.
struct Piece(Vec<u8>);

impl Drop for Piece {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// The SHA-256 of files one after the other, in hexadecimal digits. None if there is none, or one is not there.
#[inline(never)]
fn sum_of(files: &[PathBuf]) -> io::Result<Option<String>> {
    let mut sum = Sha256::new();
    let mut piece = Piece(vec![0; READ_BYTES]);
    for path in files {
        let Some(mut file) = open(path)? else { return Ok(None) };
        loop {
            match file.read(&mut piece.0) {
                Ok(0) => break,
                Ok(count) => sum.update(&piece.0[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok((!files.is_empty()).then(|| sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}

impl Files for HomeFiles {
    fn hash(&self, files: &[PathBuf]) -> io::Result<Option<String>> {
        let sum = sum_of(files);
        // The last bytes of a recording wait in the sum's own buffer, on the stack.
        wipe_traces();
        sum
    }

    fn remove(&self, path: &Path, deadline: Instant) -> io::Result<Removed> {
        let Some(mut file) = open(path)? else { return Ok(Removed::Before) };
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is no plain file: move it away"));
        }
        if about.nlink() > 1 {
            // Without this name nobody would find the other one.
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "it has a second name: remove that first (`find -samefile`)",
            ));
        }
        let locked = loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(locked) => break locked,
                Err((again, error)) if error == nix::errno::Errno::EWOULDBLOCK => {
                    if SystemClock.until(deadline).is_zero() {
                        return Ok(Removed::InUse);
                    }
                    file = again;
                    thread::sleep(LOOK_AGAIN);
                }
                Err((_, error)) => return Err(error.into()),
            }
        };
        fs::remove_file(path)?;
        drop(locked);
        Ok(Removed::Now)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        match File::open(folder) {
            Ok(folder) => folder.sync_all(),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn is_there(&self, file: &Path) -> io::Result<bool> {
        match fs::symlink_metadata(file) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn bury(&self, tombstones: &[Tombstone]) -> io::Result<()> {
        append_lines(&self.tombstones_path(), tombstones)
    }

    fn last_sweep(&self) -> io::Result<Option<Timestamp>> {
        match fs::read_to_string(self.last_sweep_path()) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn note_sweep(&self, at: Timestamp) -> io::Result<()> {
        let path = self.last_sweep_path();
        // In place and in one piece of one length, so that a power cut leaves this line or the one before: other processes are let to read this very
        // file, and no other that takes its name.
        let (file, is_new) = open_or_make(&path)?;
        let line = format!("{:<width$}\n", at.to_string(), width = LAST_SWEEP_BYTES - 1);
        file.write_all_at(line.as_bytes(), 0)?;
        file.set_len(line.len() as u64)?;
        file.sync_all()?;
        if is_new { sync_name(&path) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        SystemClock.now() + Duration::from_millis(1)
    }

    #[test]
    fn a_file_that_is_read_stays_until_its_reader_lets_it_go() {
        let home = tempfile::tempdir().expect("a folder");
        let (files, path) = (HomeFiles::of(home.path()), home.path().join("call.wav"));
        fs::write(&path, "audio").expect("a file");
        let reader = Flock::lock(File::open(&path).expect("a file"), FlockArg::LockShared).expect("a lock");
        assert_eq!(files.remove(&path, soon()).expect("an answer"), Removed::InUse);
        assert!(files.is_there(&path).expect("an answer"));
        drop(reader);
        assert_eq!(files.remove(&path, soon()).expect("an answer"), Removed::Now);
        assert_eq!(files.remove(&path, soon()).expect("an answer"), Removed::Before);
        files.sync_folder(home.path()).expect("synced");
        files.sync_folder(&home.path().join("2026")).expect("no folder has no names");
    }

    #[test]
    fn what_would_leave_the_audio_somewhere_else_is_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let files = HomeFiles::of(home.path());
        let [path, other, link] = ["call.wav", "other", "link.wav"].map(|name| home.path().join(name));
        fs::write(&path, "audio").expect("a file");
        fs::hard_link(&path, &other).expect("a second name");
        assert!(files.remove(&path, soon()).expect_err("two names").to_string().contains("second name"));
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        assert!(files.remove(&link, soon()).is_err());
        assert!(files.remove(home.path(), soon()).is_err());
        assert!([&path, &other, &link].iter().all(|path| files.is_there(path).expect("an answer")));
    }

    #[test]
    fn the_hash_is_that_of_all_files_together() {
        let home = tempfile::tempdir().expect("a folder");
        let files = HomeFiles::of(home.path());
        let paths = ["one", "two"].map(|name| home.path().join(name));
        fs::write(&paths[0], "au").expect("a file");
        assert_eq!(files.hash(&paths).expect("an answer"), None, "one is not there");
        fs::write(&paths[1], "dio").expect("a file");
        assert_eq!(files.hash(&paths).expect("an answer"), Some(crate::beside::digest(b"audio")));
    }

    #[test]
    fn tombstones_are_found_again_also_behind_a_line_that_was_cut_off() {
        let home = tempfile::tempdir().expect("a folder");
        let files = HomeFiles::of(home.path());
        let stone = |recording: &str| Tombstone {
            recording: recording.to_owned(),
            call: retrocall_words::CallId::new(),
            sha256: Some(crate::beside::digest(b"audio")),
            at: Timestamp::UNIX_EPOCH,
            why: Some(crate::policy::Why::Ended),
        };
        let (one, two) = (stone("1"), stone("2"));
        assert_eq!(files.tombstones().expect("an answer"), []);
        files.bury(std::slice::from_ref(&one)).expect("buried");
        let whole = fs::read(files.tombstones_path()).expect("a file");
        fs::write(files.tombstones_path(), [&whole[..], &whole[..20]].concat()).expect("cut off");
        files.bury(std::slice::from_ref(&two)).expect("buried");
        assert_eq!(files.tombstones().expect("an answer"), [one, two]);
        let mode = fs::metadata(files.tombstones_path()).expect("a file").mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn when_the_last_sweep_was_is_found_again() {
        let home = tempfile::tempdir().expect("a folder");
        let files = HomeFiles::of(home.path());
        assert_eq!(files.last_sweep().expect("an answer"), None);
        for at in ["2026-11-28T01:02:03.123456789Z", "2026-11-28T02:00:00Z"] {
            let at: Timestamp = at.parse().expect("a time");
            files.note_sweep(at).expect("noted");
            assert_eq!(files.last_sweep().expect("an answer"), Some(at));
        }
    }
}
