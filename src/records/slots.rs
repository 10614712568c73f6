//! A small file beside the catalog that is never half-written.
//!
//! Belongs here: two slots that are written in turn, in place. Does not: what is in them.
//!
//! A power cut in the middle of one slot leaves the other, and a full disk stops no write, for both have their blocks from the beginning. Each
//! slot is text with a checksum, which anybody can read.

use std::{
    fs, io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::beside;

/// The size of a slot: one page, which the disk writes as one.
pub(super) const SLOT_BYTES: usize = 4_096;
pub(super) const SLOTS: u64 = 2;
/// The most bytes of a slot that title, turn and checksum take.
const FRAME_BYTES: usize = 160;
/// The bytes that are left for the lines.
pub(super) const LINES_BYTES_MAX: usize = SLOT_BYTES - FRAME_BYTES;

/// The state of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SlotState {
    /// The lines that were stored last.
    Lines(String),
    /// There is no file, or it was made and never synced.
    Nothing,
    /// Neither slot can be read.
    Nonsense,
}

/// The file.
pub(super) struct Slots {
    path: PathBuf,
    /// The first line of a slot.
    title: &'static str,
    /// How often the file was written. Tells which slot is newer, and which comes next.
    pub(super) turn: u64,
}

impl Slots {
    pub(super) fn new(path: PathBuf, title: &'static str) -> Slots {
        Slots { path, title, turn: 0 }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it.
    pub(super) fn load(&mut self) -> io::Result<SlotState> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(SlotState::Nothing),
            Err(error) => return Err(error),
        };
        let slots = bytes.chunks(SLOT_BYTES).filter_map(|slot| read(self.title, slot));
        Ok(match slots.max_by_key(|(turn, _)| *turn) {
            Some((turn, lines)) => {
                self.turn = turn;
                SlotState::Lines(lines)
            }
            None if bytes.iter().all(|byte| *byte == 0) => SlotState::Nothing,
            None => SlotState::Nonsense,
        })
    }

    /// Makes these lines durable. Never touches the slot that was written last.
    pub(super) fn store(&mut self, lines: &str) -> io::Result<()> {
        if lines.len() > LINES_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let turn = self.turn + 1;
        // Opened by its name each time, so that a file that was taken away is made again.
        let (file, is_new) = beside::open_or_make(&self.path)?;
        let is_whole = file.metadata()?.len() == SLOTS * SLOT_BYTES as u64;
        if !is_whole {
            // Allocates the blocks of both slots, so that no later write needs room on the disk.
            file.write_all_at(&[0; SLOTS as usize * SLOT_BYTES], 0)?;
            file.set_len(SLOTS * SLOT_BYTES as u64)?;
        }
        file.write_all_at(&slot(self.title, turn, lines), turn % SLOTS * SLOT_BYTES as u64)?;
        if is_whole {
            file.sync_data()?;
        } else {
            file.sync_all()?;
        }
        if is_new {
            beside::sync_name(&self.path)?;
        }
        self.turn = turn;
        Ok(())
    }
}

fn slot(title: &str, turn: u64, lines: &str) -> Vec<u8> {
    let text = format!("{title}\nturn {turn}\n{lines}");
    let mut bytes = format!("{text}sha256 {}\n", beside::digest(text.as_bytes())).into_bytes();
    bytes.resize(SLOT_BYTES, 0);
    bytes
}

fn read(title: &str, bytes: &[u8]) -> Option<(u64, String)> {
    let text = std::str::from_utf8(bytes.split(|byte| *byte == 0).next()?).ok()?;
    let (text, digest) = text.split_at(text.rfind("sha256 ")?);
    if digest != format!("sha256 {}\n", beside::digest(text.as_bytes())) {
        return None;
    }
    let (turn, lines) = text.strip_prefix(title)?.strip_prefix("\nturn ")?.split_once('\n')?;
    Some((turn.parse().ok()?, lines.to_owned()))
}
