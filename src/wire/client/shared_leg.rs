//! The client's end of a call's shared memory: where an audio callback puts its frames.

use std::{io, os::fd::OwnedFd, sync::Arc};

use super::ClientError;
use crate::protocol::{NoSharedLayout, SHARED_CLOSED, SHARED_HEAD_BYTES, SLOT_HEAD_BYTES, SharedLayout};
use retrocall_shared::SharedMemory;
use retrocall_words::audio::{Codec, Leg};

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushResult {
    /// It is there for the engine to take.
    All,
    /// There was no room for it, or for its end: the engine has not come for as long as the memory is deep, half a second or more. Go on counting positions; what is missing
    /// becomes silence in its place.
    Full,
    /// The engine takes nothing more of this call: it has ended, or its connection is lost.
    Closed,
}

/// One leg of a call, for the one thread that has its audio. The two legs may be with two threads.
pub struct SharedLeg {
    memory: Arc<SharedMemory>,
    layout: SharedLayout,
    leg: Leg,
    /// Frames written. What stands in the memory is a copy of it.
    written: u64,
}

impl SharedLeg {
    /// Both legs, agent first, of what came with an answer to `share`.
    ///
    /// # Errors
    /// [`ClientError::Memory`] if it can't be mapped, or is none.
    pub fn map(descriptor: &OwnedFd) -> Result<[SharedLeg; 2], ClientError> {
        let failed = |cause: io::Error| ClientError::Memory { cause };
        let wrong = |why: NoSharedLayout| failed(io::Error::new(io::ErrorKind::InvalidData, why));
        let memory = SharedMemory::open(descriptor).map_err(failed)?;
        let mut head = [0; SHARED_HEAD_BYTES];
        if memory.bytes() < head.len() {
            return Err(wrong(NoSharedLayout));
        }
        memory.read(0, &mut head);
        let layout = SharedLayout::from_head(&head, memory.bytes()).map_err(wrong)?;
        let memory = Arc::new(memory);
        Ok(Leg::ALL.map(|leg| SharedLeg { memory: Arc::clone(&memory), layout, leg, written: 0 }))
    }

    /// Puts a frame where the engine takes it: `bytes` of the call's codec, the first sample at `position`. A frame that is longer than a
    /// slot takes several.
    ///
    /// Wait-free, and fit for an audio callback: no lock, no allocation, no call of the system, no loop but over the frame's own samples,
    /// whatever the engine does or fails to do. `make rtsan` holds it to that. Half a sample at the end is left out.
    #[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
    pub fn push(&mut self, position: u64, bytes: &[u8]) -> PushResult {
        if self.memory.load(SHARED_CLOSED) != 0 {
            return PushResult::Closed;
        }
        let bytes_per_sample = self.layout.codec.bytes_per_sample();
        let whole = &bytes[..bytes.len() - bytes.len() % bytes_per_sample];
        // With this count is seen that the slots before it are free again.
        let taken = self.memory.load(SharedLayout::taken(self.leg));
        let mut position = position;
        for piece in whole.chunks(self.layout.slot_samples * bytes_per_sample) {
            // Whatever stands there, an engine that counts wrong costs frames and nothing else.
            if self.written.wrapping_sub(taken) >= self.layout.slots as u64 {
                return PushResult::Full;
            }
            let (slot, samples) = (self.layout.slot(self.leg, self.written), (piece.len() / bytes_per_sample) as u64);
            self.memory.store(slot, position);
            self.memory.store(slot + 8, samples);
            self.memory.write(slot + SLOT_HEAD_BYTES, piece);
            self.written += 1;
            position += samples;
            // Whoever sees this count sees the frame before it.
            self.memory.store(SharedLayout::written(self.leg), self.written);
        }
        PushResult::All
    }

    /// Frames that the engine has not taken yet.
    pub fn waiting(&self) -> u64 {
        self.written.wrapping_sub(self.memory.load(SharedLayout::taken(self.leg)))
    }

    /// Samples for which there is room in all: a frame that is longer never fits.
    pub fn room_samples(&self) -> usize {
        self.layout.room_samples()
    }

    /// How samples are written.
    pub fn codec(&self) -> Codec {
        self.layout.codec
    }

    /// The memory itself, for tests that write into it what no client should.
    #[doc(hidden)]
    pub fn memory(&self) -> (&SharedMemory, SharedLayout) {
        (&self.memory, self.layout)
    }
}
