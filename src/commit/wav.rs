//! Samples into a WAV file, through `hound`, without a byte of audio in memory that is not locked and wiped.
//!
//! What is to be minded of `hound`: its `get_i16_writer` keeps the samples in a `Vec`, so samples go one by one into our staging buffer;
//! it appends only, so to write over something the sizes are set back first; it hides errors when dropped, so it is finalised; it never
//! syncs; its sizes are of 32 bits, so nobody may write more than [`super::SAMPLES_MAX`].

use std::io::{self, Read, Seek, SeekFrom, Write};

use hound::WavWriter;

use super::{
    disk::DiskFile,
    label::Comment,
    prefix::{FRAME_BYTES, Prefix},
};
use crate::{
    audio::Leg,
    memory::{LockedBuffer, LockedSamples, MapError, wipe, wipe_registers},
};

/// Stereo samples that are read and written at once: one second at 16 kHz.
pub(super) const CHUNK_SAMPLES: usize = 16_384;

/// What a worker's audio passes through: the samples of each leg, and their bytes in the order of the file.
pub(super) struct Buffers {
    pub legs: [LockedSamples; 2],
    staging: LockedBuffer,
}

impl Buffers {
    /// # Errors
    /// [`MapError`] if they can't be locked and `allow_unlocked` is false.
    pub(super) fn new(allow_unlocked: bool) -> Result<Buffers, MapError> {
        Ok(Buffers {
            legs: [
                LockedSamples::new(CHUNK_SAMPLES, allow_unlocked)?,
                LockedSamples::new(CHUNK_SAMPLES, allow_unlocked)?,
            ],
            staging: LockedBuffer::new(CHUNK_SAMPLES * FRAME_BYTES as usize, allow_unlocked)?,
        })
    }

    pub(super) fn wipe(&mut self) {
        self.legs.iter_mut().for_each(|leg| wipe(leg));
        wipe(&mut self.staging);
        wipe_registers();
    }

    #[cfg(test)]
    pub(super) fn are_wiped(&self) -> bool {
        self.legs.iter().all(|leg| leg.iter().all(|sample| *sample == 0)) && self.staging.iter().all(|byte| *byte == 0)
    }
}

/// A WAV file that is being written.
pub(super) struct Wav {
    file: Box<dyn DiskFile>,
    prefix: Prefix,
    /// Stereo samples that the file holds.
    frames: u64,
}

impl Wav {
    /// A file of which only the prefix counts, whatever else it may still hold.
    pub(super) fn new(file: Box<dyn DiskFile>, prefix: Prefix) -> Wav {
        Wav { file, prefix, frames: 0 }
    }

    /// Writes the first `count` samples in `buffers` at stereo sample `at`, which is not beyond the end. The prefix follows later.
    pub(super) fn write(&mut self, at: u64, count: usize, buffers: &mut Buffers) -> io::Result<()> {
        debug_assert!(at <= self.frames, "no holes");
        self.prefix.set_frames(at);
        let Buffers { legs, staging } = buffers;
        let mut window =
            Window { file: &mut *self.file, prefix: self.prefix.bytes_mut(), staging, staged: 0, from: 0, at: 0 };
        let written = append(&mut window, legs.each_ref().map(|leg| &leg[..count]));
        // `hound` has counted up to the end of this stretch: there may be more behind it.
        if written.is_ok() {
            self.frames = self.frames.max(self.prefix.frames());
        }
        self.prefix.set_frames(self.frames);
        written
    }

    /// Writes the prefix, with the sizes of what the file holds by now.
    pub(super) fn write_prefix(&mut self, comment: &Comment) -> io::Result<()> {
        self.prefix.set_frames(self.frames);
        if !self.prefix.set_comment(comment) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "its comment has no room for the facts of the call",
            ));
        }
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(self.prefix.bytes())
    }

    /// Cuts off whatever the file holds beyond its samples.
    pub(super) fn cut(&mut self) -> io::Result<()> {
        let length = self.length();
        if self.file.length()? == length { Ok(()) } else { self.file.set_len(length) }
    }

    /// Bytes of prefix and samples.
    pub(super) fn length(&self) -> u64 {
        self.prefix.bytes().len() as u64 + self.frames * FRAME_BYTES
    }

    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    pub(super) fn file(&mut self) -> &mut dyn DiskFile {
        &mut *self.file
    }
}

fn append(window: &mut Window<'_>, [left, right]: [&[i16]; 2]) -> io::Result<()> {
    const { assert!(Leg::Agent.index() == 0, "the agent is the left channel") };
    let mut writer = WavWriter::new_append(window).map_err(plain)?;
    for (left, right) in left.iter().zip(right) {
        writer.write_sample(*left).map_err(plain)?;
        writer.write_sample(*right).map_err(plain)?;
    }
    writer.finalize().map_err(plain)
}

fn plain(error: hound::Error) -> io::Error {
    match error {
        hound::Error::IoError(error) => error,
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}

/// The file as `hound` sees it: a prefix that stays in memory, and behind it samples, which go to the file by the bufferful.
struct Window<'a> {
    file: &'a mut dyn DiskFile,
    prefix: &'a mut [u8],
    staging: &'a mut [u8],
    /// How much of `staging` waits, and where in the file it goes.
    staged: usize,
    from: u64,
    /// Where the next byte is read or written.
    at: u64,
}

impl Window<'_> {
    fn drain(&mut self) -> io::Result<()> {
        if self.staged > 0 {
            self.file.seek(SeekFrom::Start(self.from))?;
            self.file.write_all(&self.staging[..self.staged])?;
            self.staged = 0;
        }
        Ok(())
    }

    /// The rest of the prefix from where the next byte is, none if that is behind it.
    fn prefix(&mut self) -> Option<&mut [u8]> {
        self.prefix.get_mut(self.at as usize..).filter(|rest| !rest.is_empty())
    }
}

impl Read for Window<'_> {
    /// Reads the prefix. What lies behind it is nobody's to read: it would be audio.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let rest = self.prefix().unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Write for Window<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = if let Some(rest) = self.prefix() {
            let count = rest.len().min(bytes.len());
            rest[..count].copy_from_slice(&bytes[..count]);
            count
        } else {
            if self.staged == self.staging.len() || self.from + self.staged as u64 != self.at {
                self.drain()?;
                self.from = self.at;
            }
            let room = &mut self.staging[self.staged..];
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            self.staged += count;
            count
        };
        self.at += count as u64;
        Ok(count)
    }

    /// To the file, not further: syncing has its own time.
    fn flush(&mut self) -> io::Result<()> {
        self.drain()
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(_) => None,
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
