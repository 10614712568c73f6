//! The engine's end of a call's shared memory: reads the client's frames one after the other, and checks them.
//!
//! Belongs here: taking a frame out, wiping it there, telling lies from frames. Does not: the way of the frame (`line`), the mapping (`memory`).
//! The client may write anything there at any time. So each of its numbers is read once, into a variable of our own, and checked; samples are
//! copied before anybody looks at them; and our own count of taken frames is never read back: the one in the memory is only for the client.

use std::{
    fmt,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use retrocall_client::protocol::{SHARED_CLOSED, SLOT_HEAD_BYTES, SharedLayout};
use retrocall_core::memory::{ClientMemory, MapError, fetch_soon};
use retrocall_words::audio::Leg;

/// Bytes of a frame that are fetched beforehand: 20 ms of a telephone call. What lies behind them the processor fetches by itself.
const FETCHED_BYTES: usize = 336;
/// Bytes that the processor fetches at once.
const LINE_BYTES: usize = 64;
/// Pages are what the system gives.
const PAGE_BYTES: usize = 4096;

/// How much memory all calls together may share with clients: it is locked, and nobody may ask for all there is.
#[derive(Clone)]
pub struct Allowance {
    used_bytes: Arc<AtomicUsize>,
    limit_bytes: usize,
}

/// What one call has of it, until it is dropped.
struct Portion {
    used_bytes: Arc<AtomicUsize>,
    bytes: usize,
}

impl Allowance {
    /// So many bytes.
    pub fn new(limit_bytes: usize) -> Allowance {
        Allowance { used_bytes: Arc::default(), limit_bytes }
    }

    fn take(&self, bytes: usize) -> Option<Portion> {
        let used_bytes = Arc::clone(&self.used_bytes);
        let within = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.limit_bytes);
        used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).ok()?;
        Some(Portion { used_bytes, bytes })
    }
}

impl Drop for Portion {
    fn drop(&mut self) {
        self.used_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Why a call gets no shared memory. Its frames can come over the socket.
pub enum NotShared {
    /// All that may be shared is.
    Allowance,
    /// The system does not give it, or does not lock it.
    System(MapError),
}

impl fmt::Display for NotShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotShared::Allowance => f.write_str("all the memory that calls may share is shared: raise --memory"),
            NotShared::System(error) => error.fmt(f),
        }?;
        f.write_str("; meanwhile, send the frames over the socket")
    }
}

/// What a client wrote that can't be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Its count of frames is not within what was taken and what there is room for.
    Written {
        /// Of this leg.
        leg: Leg,
        /// How many wait, by that count.
        waiting: u64,
        /// How many can.
        slots: usize,
    },
    /// A slot has no samples, or more than it has room for.
    Samples {
        /// Of this leg.
        leg: Leg,
        /// How many it says.
        samples: u64,
        /// How many it can have.
        limit: usize,
    },
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lie::Written { leg, waiting, slots } => write!(
                f,
                "by its count, {waiting} frames of leg {leg:?} wait in the shared memory, and it has {slots} slots: count up by \
                 one a frame, and only while there is room"
            ),
            Lie::Samples { leg, samples, limit } => write!(
                f,
                "a slot of leg {leg:?} in the shared memory says that it has {samples} samples: it holds 1 to {limit}"
            ),
        }
    }
}

/// The frames of a call that come through memory which its client writes.
pub struct SharedFrames {
    memory: ClientMemory,
    layout: SharedLayout,
    /// Frames taken, by leg: what is told to the client is a copy of it.
    taken: [u64; 2],
    _portion: Portion,
}

impl SharedFrames {
    /// Makes the memory, and the descriptor that its client gets.
    ///
    /// # Errors
    /// [`NotShared`].
    pub fn make(
        layout: SharedLayout,
        allowance: &Allowance,
        allow_unlocked: bool,
    ) -> Result<(SharedFrames, OwnedFd), NotShared> {
        let bytes = layout.bytes().next_multiple_of(PAGE_BYTES);
        let portion = allowance.take(bytes).ok_or(NotShared::Allowance)?;
        let (memory, fd) = ClientMemory::create(bytes, allow_unlocked).map_err(NotShared::System)?;
        memory.write(0, &layout.to_head());
        Ok((SharedFrames { memory, layout, taken: [0; 2], _portion: portion }, fd))
    }

    /// Bytes of the memory.
    pub fn bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// Has fetched what this knows itself, and says where the rest lies. As the two below, a hint: each needs what the one before has fetched.
    pub fn fetch(&self) {
        fetch_soon(&self.memory);
        fetch_soon(&self.layout);
        fetch_soon(&self.taken);
    }

    /// Has the client's counts fetched.
    pub fn fetch_counts(&self) {
        Leg::ALL.iter().for_each(|leg| self.memory.fetch(SharedLayout::written(*leg)));
    }

    /// Has the next frame of a leg fetched, if there is one by the client's count, which is checked when the frame is taken. Returns whether
    /// there is.
    pub fn fetch_next(&self, leg: Leg) -> bool {
        let waits = self.waiting(leg).is_ok_and(|waiting| waiting > 0);
        if waits {
            let slot = self.layout.slot(leg, self.taken[leg.index()]);
            let audio_bytes = self.layout.slot_samples * self.layout.codec.bytes_per_sample();
            let bytes = (SLOT_HEAD_BYTES + audio_bytes).min(FETCHED_BYTES);
            (0..bytes).step_by(LINE_BYTES).for_each(|at| self.memory.fetch(slot + at));
        }
        waits
    }

    /// How many frames of a leg wait: never more than there are slots, so that whoever writes without end holds up nobody.
    ///
    /// # Errors
    /// [`Lie::Written`].
    pub fn waiting(&self, leg: Leg) -> Result<u64, Lie> {
        // With this count is seen what the client wrote into the slots before.
        let written = self.memory.load(SharedLayout::written(leg));
        let (waiting, slots) = (written.wrapping_sub(self.taken[leg.index()]), self.layout.slots);
        if waiting > slots as u64 { Err(Lie::Written { leg, waiting, slots }) } else { Ok(waiting) }
    }

    /// Takes the next frame of a leg, which must wait: its position, and the bytes of its samples, in the beginning of `to`. It is
    /// wiped where it was.
    ///
    /// # Errors
    /// [`Lie::Samples`].
    pub fn take(&mut self, leg: Leg, to: &mut [u8]) -> Result<(u64, usize), Lie> {
        let taken = &mut self.taken[leg.index()];
        let slot = self.layout.slot(leg, *taken);
        let (position, samples) = (self.memory.load(slot), self.memory.load(slot + 8));
        let limit = self.layout.slot_samples;
        if samples == 0 || samples > limit as u64 {
            return Err(Lie::Samples { leg, samples, limit });
        }
        let bytes = samples as usize * self.layout.codec.bytes_per_sample();
        self.memory.read(slot + SLOT_HEAD_BYTES, &mut to[..bytes]);
        self.memory.wipe(slot, (SLOT_HEAD_BYTES + bytes).next_multiple_of(8));
        *taken += 1;
        Ok((position, bytes))
    }

    /// Tells the client what was taken: there is room again.
    pub fn tell(&self, leg: Leg) {
        self.memory.store(SharedLayout::taken(leg), self.taken[leg.index()]);
    }
}

impl Drop for SharedFrames {
    fn drop(&mut self) {
        self.memory.store(SHARED_CLOSED, 1);
        let (from, bytes) = self.layout.audio();
        self.memory.wipe(from, bytes);
    }
}
