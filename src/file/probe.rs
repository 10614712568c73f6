//! Tries whether recordings can be written: does all that a commit does, once, and leaves nothing behind.
//!
//! For the start of the engine and for `doctor`: whatever they call well they have tried.

use std::{
    fs, io,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::resource::{Resource, getrlimit};
use uuid::Uuid;

use super::{
    disk::{Disk, RealDisk},
    folder_sync::{FolderSync, sync_folder},
    paths::UNFINISHED,
    rename::{self, Way},
    trouble::words,
};
use retrocall_words::{Clock as _, SystemClock};

/// What every name begins with that is made here.
const PREFIX: &str = ".probe-";
/// What is written.
const BYTES: usize = 64 << 10;

/// The result of a trial that went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// How long it took to sync a little.
    pub sync: Duration,
    /// What is not as it should be, though a way was found.
    pub warnings: Vec<Warning>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What it is.
    pub text: String,
    /// What to do about it.
    pub todo: String,
}

/// Does all that a commit does in the folder of all recordings, which is made if it is not there.
///
/// # Errors
/// What a commit can't do there, why, and what to do.
pub fn probe(recordings: &Path) -> Result<Probe, String> {
    let name = format!("{PREFIX}{}", Uuid::now_v7());
    let mut trial = Trial {
        disk: RealDisk,
        recordings,
        folder: recordings.join(&name),
        part: recordings.join(format!("{name}.wav{UNFINISHED}")),
        wav: recordings.join(format!("{name}.wav")),
        warnings: Vec::new(),
    };
    let sync = trial.make_folder().and_then(|()| trial.write()).and_then(|sync| trial.publish().map(|()| sync));
    trial.clean_up();
    let mut warnings = trial.warnings;
    warnings.extend(size_limit());
    Ok(Probe { sync: sync?, warnings })
}

/// Removes what probes left that were killed. For the start, while no other engine is at work here.
pub fn remove_old_probes(recordings: &Path) {
    let Ok(entries) = fs::read_dir(recordings) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with(PREFIX)) {
            // What can't go is told of by `check`.
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
        }
    }
}

struct Trial<'a> {
    disk: RealDisk,
    recordings: &'a Path,
    folder: PathBuf,
    part: PathBuf,
    wav: PathBuf,
    warnings: Vec<Warning>,
}

impl Trial<'_> {
    fn warn(&mut self, text: String, todo: impl Into<String>) {
        self.warnings.push(Warning { text, todo: todo.into() });
    }

    fn make_folder(&mut self) -> Result<(), String> {
        self.disk.create_dir_all(&self.folder).map_err(|error| words("make", &self.folder, &error))?;
        self.expect_mode(&self.folder.clone(), 0o700);
        fs::remove_dir(&self.folder).map_err(|error| words("remove", &self.folder, &error))
    }

    fn write(&mut self) -> Result<Duration, String> {
        let part = &self.part;
        let mut file = self.disk.create_new(part).map_err(|error| words("make", part, &error))?;
        let mut write = || -> io::Result<Duration> {
            file.write_all(&[0x55; BYTES])?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&[0xaa; BYTES / 2])?;
            let began = SystemClock.now();
            file.sync_data()?;
            file.set_len(BYTES as u64 / 2)?;
            file.sync_data()?;
            Ok(SystemClock.since(began) / 2)
        };
        let sync = write().map_err(|error| words("write and sync", part, &error))?;
        self.expect_mode(&self.part.clone(), 0o600);
        Ok(sync)
    }

    fn publish(&mut self) -> Result<(), String> {
        let (part, wav) = (&self.part, &self.wav);
        let way = rename::by_some_way(part, wav).map_err(|error| words("rename", part, &error))?;
        let mut sync = FolderSync::Folder;
        for folder in [self.recordings, self.recordings.parent().unwrap_or(self.recordings)] {
            let how = sync_folder(folder).map_err(|error| words("sync the folder of", &folder.join("."), &error))?;
            sync = sync.max(how);
        }
        let mut read = Vec::new();
        let opened = self.disk.open_existing(wav).and_then(|mut file| file.read_to_end(&mut read));
        opened.map_err(|error| words("read", wav, &error))?;
        let place = self.recordings.display();
        if read != [0xaa; BYTES / 2] {
            return Err(format!("{place} does not give back what is written there; check the disk that holds it"));
        }
        const OTHER: &str = "no recording is in danger; ext4, XFS and Btrfs can do it";
        match way {
            Way::AtOnce => {}
            Way::SecondName | Way::ReservedName => self.warn(
                format!("the file system of {place} can't rename a file without replacing another: recordings get their names in steps"),
                OTHER,
            ),
        }
        if sync == FolderSync::All {
            let text = format!(
                "the file system of {} can't sync a folder: all of it is synced for each recording, which takes longer",
                self.recordings.display()
            );
            self.warn(text, OTHER);
        }
        Ok(())
    }

    fn expect_mode(&mut self, path: &Path, expected: u32) {
        let Ok(found) = fs::symlink_metadata(path) else { return };
        let mode = found.permissions().mode() & 0o777;
        if mode & !expected != 0 {
            let text = format!(
                "the file system of {} gives what is made there the mode {mode:04o}, and {expected:04o} was asked for: others may read it",
                self.recordings.display()
            );
            self.warn(text, "use a file system that keeps modes, or mount it with umask=077 for this user");
        }
    }

    fn clean_up(&self) {
        // Most of them are gone already.
        for path in [&self.part, &self.wav] {
            let _ = fs::remove_file(path);
        }
        let _ = fs::remove_dir(&self.folder);
    }
}

/// What this process may write into one file at most; none if there is no limit that a recording could meet.
fn size_limit() -> Option<Warning> {
    let (soft, _) = getrlimit(Resource::RLIMIT_FSIZE).ok()?;
    (soft <= u64::from(u32::MAX)).then(|| Warning {
        text: format!("a file may have {soft} bytes at most here: longer recordings go on in further files"),
        todo: "raise the limit: LimitFSIZE= in the systemd unit, or `ulimit -f`".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_finds_what_a_commit_would_meet_and_leaves_nothing_behind() {
        let home = tempfile::tempdir().expect("a folder");
        let recordings = home.path().join("recordings");
        let found = probe(&recordings).expect("it can be written");
        assert_eq!(found.warnings, []);
        assert_eq!(fs::read_dir(&recordings).expect("it was made").count(), 0);
        fs::remove_dir(&recordings).expect("it is empty");
        std::os::unix::fs::symlink("/nowhere/disk", &recordings).expect("a link");
        let text = probe(&recordings).expect_err("it leads nowhere");
        assert!(text.contains("which is not there") && text.contains("remove the link"), "{text}");
        fs::remove_file(&recordings).expect("it is ours");
        fs::write(&recordings, "").expect("a file");
        let text = probe(&recordings).expect_err("a file is there");
        assert!(text.contains("move away what stands in the place of"), "{text}");
    }

    #[test]
    fn what_a_killed_probe_left_goes_and_nothing_else() {
        let home = tempfile::tempdir().expect("a folder");
        for name in [".probe-1.wav", ".probe-1.wav.part", "notes"] {
            fs::write(home.path().join(name), "x").expect("a file");
        }
        fs::create_dir(home.path().join(".probe-2")).expect("a folder");
        remove_old_probes(home.path());
        let left: Vec<_> =
            fs::read_dir(home.path()).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
        assert_eq!(left, ["notes"]);
    }
}
