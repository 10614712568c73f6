//! The way of audio from a ring to a file, through memory that is locked and wiped.

use super::findings::Findings;
use retrocall_core::{
    memory::{LockedBuffer, LockedSamples, MapError, wipe, wipe_traces},
    ring::RingReader,
};
use retrocall_file::{CHUNK_BYTES, FRAME_BYTES, interleave};
use retrocall_words::audio::Leg;

/// How many samples of one leg are read before those of the other: few enough to stay in the nearest cache while they are interleaved.
const LEG_SAMPLES: usize = 4_096;

/// A worker's buffers: the samples of each leg, and their bytes in the order of the file.
pub(super) struct Buffers {
    legs: [LockedSamples; 2],
    staging: LockedBuffer,
}

impl Buffers {
    /// # Errors [`MapError`] if they can't be locked and `allow_unlocked` is false.
    pub(super) fn new(allow_unlocked: bool) -> Result<Buffers, MapError> {
        Ok(Buffers {
            legs: [LockedSamples::new(LEG_SAMPLES, allow_unlocked)?, LockedSamples::new(LEG_SAMPLES, allow_unlocked)?],
            staging: LockedBuffer::new(CHUNK_BYTES, allow_unlocked)?,
        })
    }

    /// Reads `count` samples of both legs from `start` on, at most [`CHUNK_BYTES`] of the file, and notes which are missing.
    pub(super) fn read(&mut self, reader: &mut RingReader, start: u64, count: usize, findings: &mut Findings) {
        let pieces = self.staging[..count * FRAME_BYTES as usize].chunks_mut(LEG_SAMPLES * FRAME_BYTES as usize);
        for (start, piece) in (start..).step_by(LEG_SAMPLES).zip(pieces) {
            let count = piece.len() / FRAME_BYTES as usize;
            for leg in Leg::ALL {
                let note = |missing| findings.add(leg, missing);
                reader.read_noting(leg, start, &mut self.legs[leg.index()][..count], note);
            }
            interleave(self.legs.each_ref().map(|leg| &leg[..count]), piece);
        }
    }

    /// The first `count` samples, in the order of the file.
    pub(super) fn bytes(&self, count: usize) -> &[u8] {
        &self.staging[..count * FRAME_BYTES as usize]
    }

    pub(super) fn wipe(&mut self) {
        self.legs.iter_mut().for_each(|leg| wipe(leg));
        wipe(&mut self.staging);
        wipe_traces();
    }

    #[cfg(test)]
    pub(super) fn are_wiped(&self) -> bool {
        self.legs.iter().all(|leg| leg.iter().all(|sample| *sample == 0)) && self.staging.iter().all(|byte| *byte == 0)
    }
}
