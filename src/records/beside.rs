//! Files beside the catalog: closed to others, durable with their names, never thrown away unread.
//!
//! Belongs here: what `numbers` and `unwritten` have in common. Does not: what is in them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// Bytes of zeros that are written at once.
const ZEROS: usize = 64 * 1024;
/// Names that are tried for a file that is put aside.
const ASIDE_MAX: usize = 1_000;

/// The SHA-256 of some bytes, in hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes from what [`hex`] wrote. None for any other text.
pub(super) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// Opens a file to read and write, and makes it (0600) if there is none. True if it was made: then its name is not durable yet.
pub(super) fn open_or_make(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    // Neither a link to somewhere else nor a pipe that would make the thread wait.
    options.read(true).write(true).mode(0o600).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
    match options.open(path) {
        Ok(file) => Ok((file, false)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((options.create_new(true).open(path)?, true)),
        Err(error) => Err(error),
    }
}

/// Makes the name of a file durable.
pub(super) fn sync_name(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

/// Adds lines of JSON to a file (0600), durably; without any it is only made. A line that a power cut left in the middle stays one, alone.
pub(super) fn append_lines<T: Serialize>(path: &Path, new: &[T]) -> io::Result<()> {
    let (mut file, is_new) = open_or_make(path)?;
    let mut lines = Vec::new();
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            lines.push(b'\n');
        }
    }
    for one in new {
        serde_json::to_writer(&mut lines, one)?;
        lines.push(b'\n');
    }
    file.write_all(&lines)?;
    file.sync_all()?;
    if is_new { sync_name(path) } else { Ok(()) }
}

/// What such a file says; nothing if there is no file.
pub(super) fn read_all(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

/// The lines of a text. A line that was cut off in the middle is none: what it stood for was not finished.
pub(super) fn lines<T: DeserializeOwned>(text: &[u8]) -> impl Iterator<Item = T> {
    text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

/// The lines of such a file; none if there is no file.
pub(super) fn read_lines<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    Ok(lines(&read_all(path)?).collect())
}

/// Gives a file that can't be read another name, that nothing has, so that somebody can look at it. Returns that name.
pub(super) fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let name = |number: usize| match number {
        1 => PathBuf::from(format!("{}.damaged", path.display())),
        more => PathBuf::from(format!("{}.damaged-{more}", path.display())),
    };
    let free = (1..=ASIDE_MAX)
        .map(name)
        .find(|name| matches!(fs::symlink_metadata(name), Err(error) if error.kind() == io::ErrorKind::NotFound));
    let aside = free.ok_or(io::ErrorKind::AlreadyExists)?;
    // No other process makes files here: the name stays free.
    fs::rename(path, &aside)?;
    sync_name(path)?;
    Ok(aside)
}

/// Overwrites a file with zeros, and removes it. What lies beneath the file is another matter: see SECURITY.md.
pub(super) fn wipe_and_remove(path: &Path) -> io::Result<()> {
    let (mut file, _) = open_or_make(path)?;
    let mut left = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    let zeros = vec![0; ZEROS];
    while left > 0 {
        let count = left.min(ZEROS as u64);
        file.write_all(&zeros[..count as usize])?;
        left -= count;
    }
    file.sync_all()?;
    fs::remove_file(path)?;
    sync_name(path)
}
