//! The folder that a request for a copy is answered with: the audio, and what is known of it, for a program and for people.
//!
//! Belongs here: how it is made, so that it is there whole or not at all. Does not: who may, and that each copy is noted (`desk`).
//!
//! It is made under another name beside its own, for this user alone: every file is synced, then the folder; then it is given its name, which nothing
//! may have; then the folder above is synced. A cut at any step leaves the other name, which the next export to this place removes, or the whole.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use nix::fcntl::{Flock, FlockArg, OFlag};
use retrocall_words::audio::wipe;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    beside,
    desk::{Copying, RequestEntry, Unnumbered},
};

/// Bytes that are copied at once.
const PIECE_BYTES: usize = 256 * 1024;
/// What is made of a request, for a program.
pub const FACTS: &str = "request.json";
/// The hashes, as `sha256sum --check` reads them.
pub const SUMS: &str = "SHA256SUMS";

/// Why there is no folder, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportError {
    /// What is in the way.
    pub path: PathBuf,
    /// What is wrong with it, and what to do.
    pub why: String,
}

impl std::fmt::Display for ExportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for ExportError {}

/// What an export needs of the disk: each verb is a step at which it may be cut off.
pub trait Outlet {
    /// Makes a folder for this user alone (0700). It must not be there.
    ///
    /// # Errors
    /// What the system says.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;

    /// Copies a recording into a new file (0600), durably, while no sweep may remove it. Returns its SHA-256.
    ///
    /// # Errors
    /// What the system says.
    fn copy(&self, from: &Path, to: &Path) -> io::Result<String>;

    /// Writes a new file (0600), durably.
    ///
    /// # Errors
    /// What the system says.
    fn write(&self, to: &Path, text: &[u8]) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Gives a folder its name, if nothing has that.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`], or what else the system says.
    fn publish(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a folder that was not finished, with what is in it.
    ///
    /// # Errors
    /// What the system says.
    fn remove_unfinished(&self, folder: &Path) -> io::Result<()>;
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy)]
pub struct RealOutlet;

/// A recording in the folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExportedRecording {
    /// Its files in the folder, in their order.
    pub files: Vec<ExportedFile>,
    /// What is known of it.
    #[serde(flatten)]
    pub of: RecordingFacts,
}

/// What a person is told of a recording of theirs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordingFacts {
    /// The call's id.
    pub call: String,
    /// When the call began.
    pub start: Timestamp,
    /// How long it is.
    pub seconds: Option<f64>,
    /// Who called whom.
    pub direction: &'static str,
    /// Why it is kept, each with the basis in law.
    pub purposes: Vec<Purpose>,
    /// Who has had a copy.
    pub recipients: Vec<String>,
}

/// Why a recording is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Purpose {
    /// Which purpose.
    pub purpose: &'static str,
    /// The basis in law.
    pub basis: &'static str,
}

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedFile {
    /// Its name.
    pub file: String,
    /// Its SHA-256.
    pub sha256: String,
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exported {
    /// The request.
    pub request: String,
    /// When it was received.
    pub received_on: String,
    /// When this was made.
    pub made_at: Timestamp,
    /// The recordings.
    pub recordings: Vec<ExportedRecording>,
    /// Recordings without a number, which may be the person's.
    pub unnumbered: Vec<Unnumbered>,
}

/// Whether a folder can be made here. Asked before anything is noted.
///
/// # Errors
/// What is in the way.
pub fn is_free(to: &Path) -> Result<(), ExportError> {
    match fs::symlink_metadata(to) {
        Ok(_) if is_reserved(to) => Ok(()),
        Ok(_) => Err(taken(to)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let above = above(to);
            if above.is_dir() { Ok(()) } else { Err(refused(above)(ErrorKind::NotFound.into())) }
        }
        Err(error) => Err(refused(to)(error)),
    }
}

/// Makes the folder. `readable` is the text for people beside what is for a program; its name is the first.
///
/// # Errors
/// Why there is none: then nothing of it is left, unless the disk refuses that too.
pub fn export(
    outlet: &dyn Outlet,
    request: &RequestEntry,
    copying: &[Copying],
    readable: (&str, &str),
    to: &Path,
    now: Timestamp,
) -> Result<Exported, ExportError> {
    is_free(to)?;
    let unfinished = unfinished(to);
    if is_reserved(to) {
        fs::remove_dir(to).map_err(refused(to))?;
    }
    if fs::symlink_metadata(&unfinished).is_ok() {
        outlet.remove_unfinished(&unfinished).map_err(refused(&unfinished))?;
    }
    let made = fill(outlet, request, copying, readable, &unfinished, now).and_then(|exported| {
        outlet.publish(&unfinished, to).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => taken(to),
            _ => refused(to)(error),
        })?;
        outlet.sync_folder(above(to)).map_err(refused(above(to)))?;
        Ok(exported)
    });
    if made.is_err() && fs::symlink_metadata(&unfinished).is_ok() {
        // Half of an answer is none.
        let _ = outlet.remove_unfinished(&unfinished);
    }
    made
}

fn fill(
    outlet: &dyn Outlet,
    request: &RequestEntry,
    copying: &[Copying],
    (name, text): (&str, &str),
    folder: &Path,
    now: Timestamp,
) -> Result<Exported, ExportError> {
    outlet.make_folder(folder).map_err(refused(folder))?;
    let mut sums = String::new();
    let mut recordings = Vec::new();
    for one in copying {
        let mut files = Vec::new();
        for from in &one.files {
            let file = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let sha256 = outlet.copy(from, &folder.join(&file)).map_err(refused(from))?;
            sums += &format!("{sha256}  {file}\n");
            files.push(ExportedFile { file, sha256 });
        }
        recordings.push(ExportedRecording { files, of: facts(one) });
    }
    let exported = Exported {
        request: request.request.clone(),
        received_on: request.received_on.to_string(),
        made_at: now,
        recordings,
        unnumbered: request.unnumbered.clone(),
    };
    let json = serde_json::to_vec_pretty(&exported).unwrap_or_default();
    for (name, text) in [(FACTS, json.as_slice()), (name, text.as_bytes())] {
        outlet.write(&folder.join(name), text).map_err(refused(folder))?;
        sums += &format!("{}  {name}\n", beside::digest(text));
    }
    outlet.write(&folder.join(SUMS), sums.as_bytes()).map_err(refused(folder))?;
    outlet.sync_folder(folder).map_err(refused(folder))?;
    Ok(exported)
}

fn facts(Copying { of, .. }: &Copying) -> RecordingFacts {
    let purposes = of.purposes.iter().map(|kind| Purpose { purpose: kind.as_str(), basis: kind.basis() });
    RecordingFacts {
        call: of.call.to_string(),
        start: of.start,
        seconds: of.seconds,
        direction: of.direction.as_str(),
        purposes: purposes.collect(),
        recipients: of.copies.iter().map(|copy| copy.to.clone()).collect(),
    }
}

/// The folder above a name.
fn above(to: &Path) -> &Path {
    to.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The name until it is whole.
fn unfinished(to: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(to.file_name().unwrap_or_default());
    name.push(".unfinished");
    to.with_file_name(name)
}

/// Whether a name is held for a folder that was cut off just before it had it: by an empty one, where the file system knows no better way.
fn is_reserved(to: &Path) -> bool {
    let is_empty = || fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_none());
    fs::symlink_metadata(unfinished(to)).is_ok() && is_empty()
}

fn taken(to: &Path) -> ExportError {
    ExportError {
        path: to.to_owned(),
        why: "it is there already, and is left as it is; name another folder".to_owned(),
    }
}

fn refused(path: &Path) -> impl Fn(io::Error) -> ExportError + '_ {
    |error| ExportError { path: path.to_owned(), why: format!("{error}; name a folder in one that can be written") }
}

/// Audio on its way.
struct Piece(Vec<u8>);

impl Drop for Piece {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn new_file(to: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)
}

#[cfg(target_env = "gnu")]
fn rename_noreplace(from: &Path, to: &Path) -> io::Result<()> {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    Ok(renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE)?)
}

#[cfg(not(target_env = "gnu"))]
fn rename_noreplace(_from: &Path, _to: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

impl Outlet for RealOutlet {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(folder)
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<String> {
        let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
        let from = OpenOptions::new().read(true).custom_flags(flags).open(from)?;
        // A sweep waits for readers.
        let mut from = Flock::lock(from, FlockArg::LockShared).map_err(|(_, error)| io::Error::from(error))?;
        let (mut to, mut sum) = (new_file(to)?, Sha256::new());
        let mut piece = Piece(vec![0; PIECE_BYTES]);
        loop {
            match from.read(&mut piece.0) {
                Ok(0) => break,
                Ok(count) => {
                    sum.update(&piece.0[..count]);
                    to.write_all(&piece.0[..count])?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        to.sync_all()?;
        Ok(beside::hex(&sum.finalize()))
    }

    fn write(&self, to: &Path, text: &[u8]) -> io::Result<()> {
        let mut file = new_file(to)?;
        file.write_all(text)?;
        file.sync_all()
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn publish(&self, from: &Path, to: &Path) -> io::Result<()> {
        match rename_noreplace(from, to) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {}
            done => return done,
        }
        // An empty folder that is made exclusively holds the name; a rename replaces that, and nothing else.
        DirBuilder::new().mode(0o700).create(to)?;
        fs::rename(from, to).inspect_err(|_| {
            let _ = fs::remove_dir(to);
        })
    }

    fn remove_unfinished(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir_all(folder)
    }
}

#[cfg(test)]
mod tests;
