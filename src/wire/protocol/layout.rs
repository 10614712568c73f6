//! The layout of a call's shared memory, for both ends. `docs/shared-memory.md` describes it byte by byte.
//!
//! Belongs here: offsets and sizes. Does not: mapping it (`retrocall-shared`), reading and writing frames.
//!
//! | offset | bytes | field | written by |
//! |---|---|---|---|
//! | 0 | 64 | head: magic, version, codec, rate, slots, their sizes | engine, once, before anybody else sees it |
//! | 64 | 16 | frames written so far: agent, customer | client |
//! | 128 | 16 | frames taken so far: agent, customer | engine |
//! | 144 | 8 | 1: nothing more is taken | engine |
//! | 192 | | the agent's slots, then the customer's | client; wiped by the engine |
//!
//! Each side writes to cache lines of its own. A slot is the position (8 bytes), the number of samples (8 bytes), the samples. The
//! engine reads only what the client writes, and trusts none of it.

use std::fmt;

use retrocall_words::audio::{Codec, FRAME_SAMPLES_MAX, Leg, Rate};
use retrocall_words::{SHARED_DEPTH_MS_MAX, SHARED_DEPTH_MS_MIN};

/// The first bytes of the memory.
pub const SHARED_MAGIC: [u8; 8] = *b"RCSHARED";
/// The version of its layout.
pub const SHARED_VERSION: u32 = 1;
/// Bytes of its head.
pub const SHARED_HEAD_BYTES: usize = 64;
/// Offset of the flag that says that the engine takes nothing more.
pub const SHARED_CLOSED: usize = 144;
/// Bytes of a slot before its samples.
pub const SLOT_HEAD_BYTES: usize = 16;

const WRITTEN: usize = 64;
const TAKEN: usize = 128;
const SLOTS: usize = 192;
const LINE_BYTES: usize = 64;
/// Default depth, in milliseconds of audio: the engine can be stopped for that long before a frame finds no room.
const DEPTH_MS: u32 = 500;
/// Each leg has at least this many slots, and at most one for each millisecond, rounded up.
const SLOTS_MIN: usize = 8;

/// The layout of one memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedLayout {
    /// How samples are written.
    pub codec: Codec,
    /// Samples a second.
    pub rate: Rate,
    /// Slots of each leg, a power of two.
    pub slots: usize,
    /// Bytes from one slot to the next, whole cache lines.
    pub slot_bytes: usize,
    /// Samples that a slot holds at most.
    pub slot_samples: usize,
}

/// Why bytes are not the head of a shared memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSharedLayout;

impl fmt::Display for NoSharedLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is no shared memory of version {SHARED_VERSION}")
    }
}

impl std::error::Error for NoSharedLayout {}

impl SharedLayout {
    /// The layout for a call whose frames usually have so many samples: at most [`FRAME_SAMPLES_MAX`], at least 1.
    pub fn new(codec: Codec, rate: Rate, frame_samples: usize) -> SharedLayout {
        SharedLayout::deep(codec, rate, frame_samples, DEPTH_MS)
    }

    /// As [`SharedLayout::new`], with room for so many milliseconds, of [`SHARED_DEPTH_MS_MIN`] to [`SHARED_DEPTH_MS_MAX`].
    pub fn deep(codec: Codec, rate: Rate, frame_samples: usize, depth_ms: u32) -> SharedLayout {
        let depth_ms = depth_ms.clamp(SHARED_DEPTH_MS_MIN, SHARED_DEPTH_MS_MAX) as usize;
        let (depth_samples, slots_max) =
            ((rate.hz() as usize * depth_ms).div_ceil(1_000), depth_ms.next_power_of_two());
        // A frame that is longer than a slot takes several. Slots are large enough that they reach the depth without exceeding their number.
        let slot_samples = frame_samples.clamp(1, FRAME_SAMPLES_MAX).max(depth_samples.div_ceil(slots_max));
        let slot_bytes = (SLOT_HEAD_BYTES + slot_samples * codec.bytes_per_sample()).next_multiple_of(LINE_BYTES);
        let slots = depth_samples.div_ceil(slot_samples).next_power_of_two().clamp(SLOTS_MIN, slots_max);
        SharedLayout { codec, rate, slots, slot_bytes, slot_samples }
    }

    /// Samples of one leg that fit, in one frame or in many that fill their slots.
    pub fn room_samples(&self) -> usize {
        self.slots * self.slot_samples
    }

    /// Bytes of the whole memory.
    pub fn bytes(&self) -> usize {
        SLOTS + 2 * self.slots * self.slot_bytes
    }

    /// Offset and length of the slots. Audio is nowhere else.
    pub fn audio(&self) -> (usize, usize) {
        (SLOTS, 2 * self.slots * self.slot_bytes)
    }

    /// Offset of the client's count of frames written.
    pub const fn written(leg: Leg) -> usize {
        WRITTEN + 8 * leg.index()
    }

    /// Offset of the engine's count of frames taken.
    pub const fn taken(leg: Leg) -> usize {
        TAKEN + 8 * leg.index()
    }

    /// Offset of the slot for this frame.
    pub fn slot(&self, leg: Leg, frame: u64) -> usize {
        let slot = (frame % self.slots as u64) as usize;
        SLOTS + (leg.index() * self.slots + slot) * self.slot_bytes
    }

    /// The head.
    pub fn to_head(self) -> [u8; SHARED_HEAD_BYTES] {
        let mut head = [0; SHARED_HEAD_BYTES];
        head[..8].copy_from_slice(&SHARED_MAGIC);
        let codec = self.codec as u32;
        let sizes = [self.slots, self.slot_bytes, self.slot_samples].map(|size| size as u32);
        let numbers = [SHARED_VERSION, codec, self.rate.hz()].into_iter().chain(sizes);
        for (place, number) in head[8..].chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        head
    }

    /// Reads the layout from the head of a memory of `bytes`.
    ///
    /// # Errors
    /// [`NoSharedLayout`] if the head is not one, or does not fit into the memory.
    pub fn from_head(head: &[u8; SHARED_HEAD_BYTES], bytes: usize) -> Result<SharedLayout, NoSharedLayout> {
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let size = |at: usize| number(at) as usize;
        if head[..8] != SHARED_MAGIC || number(8) != SHARED_VERSION {
            return Err(NoSharedLayout);
        }
        let codec = Codec::ALL.into_iter().find(|codec| *codec as u32 == number(12));
        let layout = SharedLayout {
            codec: codec.ok_or(NoSharedLayout)?,
            rate: Rate::new(number(16)).ok_or(NoSharedLayout)?,
            slots: size(20),
            slot_bytes: size(24),
            slot_samples: size(28),
        };
        let slot = SLOT_HEAD_BYTES + layout.slot_samples.saturating_mul(layout.codec.bytes_per_sample());
        let all = layout.slots.saturating_mul(layout.slot_bytes).saturating_mul(2);
        let is_usable = layout.slots.is_power_of_two()
            && (1..=FRAME_SAMPLES_MAX).contains(&layout.slot_samples)
            && layout.slot_bytes.is_multiple_of(LINE_BYTES)
            && slot <= layout.slot_bytes
            && all.saturating_add(SLOTS) <= bytes;
        if is_usable { Ok(layout) } else { Err(NoSharedLayout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(hz: u32) -> Rate {
        Rate::new(hz).expect("a rate")
    }

    #[test]
    fn a_memory_holds_half_a_second_of_whatever_frames_and_its_head_tells_all_of_it() {
        for codec in Codec::ALL {
            for (hz, frame) in [(8_000, 20), (8_000, 160), (16_000, 320), (44_100, 882), (48_000, 120), (48_000, 5_760)]
            {
                let layout = SharedLayout::new(codec, rate(hz), frame);
                assert!(layout.slots * frame >= hz as usize / 2, "{layout:?}");
                assert_eq!(SharedLayout::from_head(&layout.to_head(), layout.bytes()), Ok(layout));
                assert!(SharedLayout::from_head(&layout.to_head(), layout.bytes() - 1).is_err());
                let last = layout.slot(Leg::Customer, layout.slots as u64 - 1);
                assert_eq!(last + layout.slot_bytes, layout.bytes());
                assert_eq!(layout.slot(Leg::Agent, layout.slots as u64), layout.slot(Leg::Agent, 0));
                assert!(layout.bytes() < 512 * 1024, "{layout:?}");
            }
        }
        // Tiny frames get slots of a millisecond, so that frames of 120 ms still have the depth that was asked for.
        for (hz, frame, depth_ms) in [(8_000, 1, 120), (8_000, 1, 500), (8_000, 160, 2_000), (48_000, 120, 10_000)] {
            let layout = SharedLayout::deep(Codec::Pcm16, rate(hz), frame, depth_ms);
            let needed = (hz as usize * depth_ms as usize) / 1_000;
            assert!((needed..4 * needed.max(1_280)).contains(&layout.room_samples()), "{layout:?}");
            assert_eq!(SharedLayout::from_head(&layout.to_head(), layout.bytes()), Ok(layout));
        }
        let usual = SharedLayout::new(Codec::Pcm16, rate(8_000), 160);
        assert_eq!((usual.slots, usual.slot_bytes, usual.bytes()), (32, 384, 24_768));
    }

    #[test]
    fn a_head_with_any_byte_changed_is_refused_or_stays_within_the_memory() {
        let layout = SharedLayout::new(Codec::Pcm16, rate(8_000), 160);
        for at in 0..SHARED_HEAD_BYTES {
            for value in 0..=u8::MAX {
                let mut head = layout.to_head();
                head[at] = value;
                if let Ok(found) = SharedLayout::from_head(&head, layout.bytes()) {
                    let end = found.slot(Leg::Customer, found.slots as u64 - 1) + found.slot_bytes;
                    assert!(end <= layout.bytes(), "{found:?}");
                    assert!(SLOT_HEAD_BYTES + found.slot_samples * found.codec.bytes_per_sample() <= found.slot_bytes);
                }
            }
        }
    }
}
