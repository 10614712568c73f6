//! Silences stretches of a published recording: teaching material without names and numbers.
//!
//! Belongs here: the samples that become silence, in place, and the log that says so. Does not: who may.

use std::{
    io::{self, SeekFrom},
    path::PathBuf,
};

use super::{
    contents::Contents,
    disk::{Disk, DiskFile},
    marks::{Log, Mark},
    prefix::FRAME_BYTES,
    trouble,
};

/// Bytes of silence that are written at once.
const PIECE_BYTES: usize = 64 << 10;

/// Makes both sides of a stretch silent in all files of a recording, durably, and says so in them. The stretch is in seconds of the call. Done again, it
/// changes nothing but the log.
///
/// # Errors
/// Why it can't be done, and what to do. What was silenced stays so.
pub fn silence(disk: &dyn Disk, parts: &[PathBuf], (from, to): (f64, f64)) -> Result<(), String> {
    for path in parts {
        let refused = |error: io::Error| trouble::words("silence", path, &error);
        let mut file = disk.open_existing(path).map_err(refused)?;
        let found = Contents::read(&mut *file, path).map_err(|error| error.words(path))?;
        let (first, end) = (found.comment.first, found.comment.first + found.frames);
        let rate = found.comment.label.call.rate;
        let at = |seconds: f64| (seconds.max(0.0) * f64::from(rate.hz())).round() as u64;
        let span = at(from).clamp(first, end)..at(to).clamp(first, end);
        if span.is_empty() {
            continue;
        }
        let mut prefix = found.into_prefix();
        let begin = prefix.0.bytes().len() as u64;
        let bytes = (span.end - span.start) * FRAME_BYTES;
        zero(&mut *file, begin + (span.start - first) * FRAME_BYTES, bytes).map_err(refused)?;
        // First the silence, then the words: a cut between them leaves less said than is so, never more.
        file.sync_data().map_err(refused)?;
        prefix.1.push(Mark::Erased(span));
        let mut log = Log::default();
        prefix.1.iter().for_each(|mark| log.add(mark, rate, prefix.0.log_bytes_max()));
        prefix.0.set_log(&log);
        file.seek(SeekFrom::Start(0)).map_err(refused)?;
        file.write_all(prefix.0.bytes()).map_err(refused)?;
        file.sync_data().map_err(refused)?;
    }
    Ok(())
}

fn zero(file: &mut dyn DiskFile, at: u64, bytes: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    let zeros = vec![0; PIECE_BYTES];
    let mut left = bytes;
    while left > 0 {
        let count = left.min(PIECE_BYTES as u64);
        file.write_all(&zeros[..count as usize])?;
        left -= count;
    }
    Ok(())
}
