//! Keeps notes that the catalog did not take in time in a file, until it takes them.
//!
//! Belongs here: the file `unwritten.jsonl`. Does not: when it is written and read back; the thread `catalog` decides that.
//!
//! A part of the file is a title, a line of JSON for each note, and a line that seals them with a checksum. Parts are only appended, so the file
//! can grow while it is not read. It may hold rows of every call, and customers' numbers of kept calls only. Once read back, it is
//! overwritten and removed. If a part is unreadable, the file is put aside instead, and the readable parts count.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{beside, note::below};
use retrocall_words::book::Note;

/// The largest size of the file: half a million notes.
pub(super) const BYTES_MAX: u64 = 256 << 20;
/// The longest line that retrocall writes: the marks of a call take far less.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// The most notes in a sealed part.
const SEALED_MAX: usize = 10_000;
const VERSION: u32 = 1;

/// The first line of a part.
#[derive(Serialize, Deserialize)]
struct Title {
    retrocall_unwritten: u32,
}

/// The last line of a part.
#[derive(Serialize, Deserialize)]
struct Seal {
    sealed: usize,
    sha256: String,
}

/// Whether a home has notes that its catalog lacks.
pub(super) fn is_beside(home: &Path) -> bool {
    fs::symlink_metadata(path(home)).is_ok_and(|found| found.len() > 0)
}

/// The file.
pub(super) struct Unwritten {
    home: PathBuf,
    path: PathBuf,
    bytes_max: u64,
}

impl Unwritten {
    pub(super) fn new(home: &Path, bytes_max: u64) -> Unwritten {
        Unwritten { home: home.to_owned(), path: path(home), bytes_max }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file holds notes to read back.
    pub(super) fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|found| found.is_file() && found.len() > 0)
    }

    /// Adds notes, durably.
    pub(super) fn append(&self, notes: &[Note]) -> io::Result<()> {
        let (mut file, is_new) = beside::open_or_make(&self.path)?;
        let before = file.seek(SeekFrom::End(0))?;
        // The title begins a new line, whatever a cut left before it.
        let mut bytes = vec![b'\n'];
        line(&mut bytes, &Title { retrocall_unwritten: VERSION })?;
        let first = bytes.len();
        for note in notes {
            line(&mut bytes, &below(note.clone(), &self.home))?;
        }
        let seal = Seal { sealed: notes.len(), sha256: beside::digest(&bytes[first..]) };
        line(&mut bytes, &seal)?;
        if before + bytes.len() as u64 > self.bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let written = file.write_all(&bytes).and_then(|()| file.sync_all());
        if written.is_err() {
            // A torn part would be in the way of the next one.
            let _ = file.set_len(before);
        }
        written?;
        if is_new { beside::sync_name(&self.path) } else { Ok(()) }
    }

    /// Starts reading from the beginning of the file.
    pub(super) fn read(&self) -> io::Result<Reader> {
        let (file, _) = beside::open_or_make(&self.path)?;
        Ok(Reader { lines: BufReader::new(file), is_damaged: false })
    }

    /// Removes the file: the catalog has everything that was in it.
    pub(super) fn finish(&self, reader: &Reader) -> io::Result<()> {
        if !reader.is_damaged {
            return beside::wipe_and_remove(&self.path);
        }
        let aside = beside::put_aside(&self.path)?;
        tracing::error!(
            path = %self.path.display(), aside = %aside.display(),
            "some notes that the catalog had not taken can't be read: recordings and calls of the last run may lack their customer's \
             number and marks; the file is put aside, see what it holds, then delete it"
        );
        Ok(())
    }
}

/// The path of a home's `unwritten.jsonl`.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("unwritten.jsonl")
}

fn line(bytes: &mut Vec<u8>, of: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *bytes, of)?;
    bytes.push(b'\n');
    Ok(())
}

/// Reads the file, one sealed part after the other.
pub(super) struct Reader {
    lines: BufReader<File>,
    is_damaged: bool,
}

impl Reader {
    /// The next notes, or none at the end. Skips an unreadable stretch up to the next part, and remembers that it did.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<Note>>> {
        let (mut part, mut notes, mut is_in_part) = (Vec::new(), Vec::new(), false);
        loop {
            let start = part.len();
            let count = (&mut self.lines).take(LINE_BYTES_MAX).read_until(b'\n', &mut part)?;
            let line = &part[start..];
            if count == 0 {
                self.is_damaged |= is_in_part;
                return Ok(None);
            }
            if let Ok(title) = serde_json::from_slice::<Title>(line) {
                // The notes of another version are not guessed at.
                let is_ours = title.retrocall_unwritten == VERSION;
                self.is_damaged |= is_in_part || !is_ours;
                (part, notes, is_in_part) = (Vec::new(), Vec::new(), is_ours);
                continue;
            }
            if let Ok(seal) = serde_json::from_slice::<Seal>(line) {
                let is_sealed = seal.sealed == notes.len() && seal.sha256 == beside::digest(&part[..start]);
                if is_in_part && is_sealed {
                    return Ok(Some(notes));
                }
            } else if is_in_part
                && notes.len() < SEALED_MAX
                && let Ok(note) = serde_json::from_slice(line)
            {
                notes.push(note);
                continue;
            }
            self.is_damaged |= is_in_part || line != b"\n";
            (part, notes, is_in_part) = (Vec::new(), Vec::new(), false);
        }
    }
}
