//! A ledger that was exported into a folder: `segments/2026-11.jsonl`, `heads/2026-11-28.txt`, `site.pub`.

use std::{
    fmt,
    fs::{self, File},
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use super::{Evidence, Report, Verification};
use crate::{
    hash::Malformed,
    names::Month,
    note::{NoteError, Verifier},
};

/// Bytes of a row, at most, with much to spare.
const LINE_MAX: usize = 1 << 20;
/// Bytes of a head or a key, at most.
const SMALL_MAX: u64 = 1 << 20;

/// The files of an exported ledger.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The folder.
    pub folder: PathBuf,
}

/// Why a ledger could not be verified at all.
#[derive(Debug)]
pub enum FolderError {
    /// A file or folder can't be read.
    Io(PathBuf, io::Error),
    /// A file is not what its name says.
    Malformed(PathBuf, Malformed),
    /// A head that was handed in is not one of this site.
    Head(NoteError),
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FolderError::Io(path, error) => write!(f, "{} can't be read: {error}", path.display()),
            FolderError::Malformed(path, error) => write!(f, "{} is {error}", path.display()),
            FolderError::Head(error) => write!(f, "the head that was handed in is of no use: {error}"),
        }
    }
}

impl std::error::Error for FolderError {}

impl Exported {
    /// The file of a segment's rows.
    pub fn segment(&self, segment: Month) -> PathBuf {
        self.folder.join("segments").join(format!("{segment}.jsonl"))
    }

    /// The file of a day's head.
    pub fn head(&self, day: jiff::civil::Date) -> PathBuf {
        self.folder.join("heads").join(format!("{day}.txt"))
    }

    /// The file of the site's public key.
    pub fn key(&self) -> PathBuf {
        self.folder.join("site.pub")
    }
}

fn small(path: &Path) -> Result<String, FolderError> {
    let failed = |error| FolderError::Io(path.to_owned(), error);
    if fs::metadata(path).map_err(failed)?.len() > SMALL_MAX {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    // What is no text is no head either: it is named as one that can't be read.
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(failed)
}

/// The files of a folder with this ending, by their names. A folder that is not there has none.
fn files(folder: &Path, ending: &str) -> Result<Vec<(String, PathBuf)>, FolderError> {
    let failed = |error| FolderError::Io(folder.to_owned(), error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(ending));
        if let Some(name) = name {
            found.push((name.to_owned(), path.clone()));
        }
    }
    found.sort();
    Ok(found)
}

/// Verifies a ledger that was exported into a folder. Of the evidence its heads are read there, besides those that are handed in.
///
/// # Errors
/// If there is no such ledger, or what was handed in is of no use. What is wrong with the ledger is in the report.
pub fn verify(folder: &Path, mut evidence: Evidence) -> Result<Report, FolderError> {
    let exported = Exported { folder: folder.to_owned() };
    let path = exported.key();
    let malformed = |error| FolderError::Malformed(path.clone(), error);
    let key: Verifier = small(&path)?.trim_end().parse().map_err(malformed)?;
    if let Some(note) = &evidence.later {
        crate::head::Head::open(note, &key).map_err(FolderError::Head)?;
    }
    for (name, path) in files(&folder.join("heads"), ".txt")? {
        evidence.heads.push((name, small(&path)?));
    }
    let mut verification = Verification::new(&key, evidence).map_err(malformed)?;
    let mut line = Vec::new();
    for (name, path) in files(&folder.join("segments"), ".jsonl")? {
        let segment = name.parse().map_err(|error| FolderError::Malformed(path.clone(), error))?;
        let failed = |error| FolderError::Io(path.clone(), error);
        let mut file = BufReader::new(File::open(&path).map_err(failed)?);
        loop {
            line.clear();
            if io::Read::take(&mut file, LINE_MAX as u64).read_until(b'\n', &mut line).map_err(failed)? == 0 {
                break;
            }
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            // Bytes that are no text make a row that can't be read, or one of another hash.
            verification.row(segment, &String::from_utf8_lossy(text));
        }
    }
    Ok(verification.finish())
}
