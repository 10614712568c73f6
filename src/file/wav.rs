//! Writes samples into a WAV file. They come in memory that is locked and wiped (the buffers of a commit), and are copied nowhere else.
//!
//! Belongs here: where in the file a sample stands, what a write may cost. Does not: syncs, names (`part`).
//!
//! Not through `hound`: its writers append only, where a mask or a lagging leg writes over what is there; its fast one keeps the samples in a `Vec`
//! that nobody wipes; and the other, sample by sample, took longer for an hour of talk than writing and syncing it.

use std::io::{self, SeekFrom};

use crc32fast::Hasher;

use super::{
    disk::DiskFile,
    label::Comment,
    marks::Log,
    prefix::{FRAME_BYTES, Prefix},
};
use retrocall_words::audio::Leg;

/// How much is written at once. A write ends at a multiple of this in the file, if it can: the page cache takes a write in pieces as large as their
/// place in the file allows, and one that begins just anywhere costs twice the time.
pub const CHUNK_BYTES: usize = 256 << 10;
/// The disk begins with a write that is at least so long while the next one is read from the ring: without that a minute took half as long again.
/// A live call's writes are shorter; their last page grows and would be written twice.
const BEGIN_BYTES: usize = 64 << 10;
/// As many stereo samples.
const CHUNK_SAMPLES: usize = CHUNK_BYTES / FRAME_BYTES as usize;

/// A WAV file that is being written.
pub(super) struct Wav {
    /// None once it is closed.
    file: Option<Box<dyn DiskFile>>,
    prefix: Prefix,
    /// Stereo samples that the file holds.
    frames: u64,
    /// The sum of their bytes, as long as they came one after the other.
    sum: Option<Hasher>,
}

impl Wav {
    /// A file of which only the prefix counts, whatever else it may still hold.
    pub(super) fn new(file: Box<dyn DiskFile>, prefix: Prefix) -> Wav {
        Wav { file: Some(file), prefix, frames: 0, sum: Some(Hasher::new()) }
    }

    /// How many stereo samples to write at once from `at` on: up to the next place where a write should end.
    pub(super) fn chunk(&self, at: u64) -> usize {
        let behind = (self.offset(at) % CHUNK_BYTES as u64) as usize;
        match (CHUNK_BYTES - behind) / FRAME_BYTES as usize {
            // Between the last whole sample and that place.
            0 => CHUNK_SAMPLES,
            samples => samples,
        }
    }

    fn offset(&self, at: u64) -> u64 {
        self.prefix.bytes().len() as u64 + at * FRAME_BYTES
    }

    /// Writes samples, in the order of the file, at stereo sample `at`, which is not beyond the end. The prefix follows later.
    pub(super) fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        debug_assert!(at <= self.frames, "no holes");
        if at < self.frames {
            self.sum = None;
        }
        let offset = self.offset(at);
        let file = open(&mut self.file)?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
        if bytes.len() >= BEGIN_BYTES {
            file.begin_writing(offset, bytes.len() as u64);
        }
        if let Some(sum) = &mut self.sum {
            sum.update(bytes);
        }
        self.frames = self.frames.max(at + bytes.len() as u64 / FRAME_BYTES);
        Ok(())
    }

    /// The CRC-32 of the bytes of all samples; none if some were written again.
    pub(super) fn sum(&self) -> Option<u32> {
        Some(self.sum.clone()?.finalize())
    }

    /// How long the text of the log can be.
    pub(super) fn log_bytes_max(&self) -> usize {
        self.prefix.log_bytes_max()
    }

    /// Writes the prefix, with the sizes of what the file holds by now.
    pub(super) fn write_prefix(&mut self, comment: &Comment, log: &Log) -> io::Result<()> {
        self.prefix.set_frames(self.frames);
        self.prefix.set_log(log);
        if !self.prefix.set_comment(comment) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "its comment has no room for the facts of the call",
            ));
        }
        let file = open(&mut self.file)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(self.prefix.bytes())
    }

    /// Cuts off whatever the file holds beyond its samples.
    pub(super) fn cut(&mut self) -> io::Result<()> {
        let length = self.length();
        let file = self.file()?;
        if file.length()? == length { Ok(()) } else { file.set_len(length) }
    }

    /// Bytes of prefix and samples.
    pub(super) fn length(&self) -> u64 {
        self.offset(self.frames)
    }

    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// The file.
    ///
    /// # Errors
    /// It is closed.
    pub(super) fn file(&mut self) -> io::Result<&mut dyn DiskFile> {
        open(&mut self.file)
    }

    /// Gives the file's descriptor back: nothing more is written.
    pub(super) fn close(&mut self) {
        self.file = None;
    }
}

fn open(file: &mut Option<Box<dyn DiskFile>>) -> io::Result<&mut dyn DiskFile> {
    match file {
        Some(file) => Ok(&mut **file),
        None => Err(io::Error::other("the file is closed")),
    }
}

/// Puts the samples of both legs into the order of the file: little-endian, the agent's first (the left channel).
pub fn interleave([left, right]: [&[i16]; 2], bytes: &mut [u8]) {
    const { assert!(Leg::Agent.index() == 0, "the agent is the left channel") };
    let (frames, _) = bytes.as_chunks_mut::<{ FRAME_BYTES as usize }>();
    for ((frame, left), right) in frames.iter_mut().zip(left).zip(right) {
        let ([a, b], [c, d]) = (left.to_le_bytes(), right.to_le_bytes());
        *frame = [a, b, c, d];
    }
}
