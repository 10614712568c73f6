//! The words of a block behind its header, as vectors.
//!
//! Belongs here: the two places where vectors are written over words that threads share, and read from them. Does not: who may do so when. That is
//! stated in [`crate::ring::segment`].
#![allow(unsafe_code)]

use super::lanes::{LANES, Lanes};
use crate::memory::sync::{AtomicU64, Ordering};

/// The payload of a block: whole vectors of two words each, and perhaps half a vector at the end, with a byte for each lane.
///
/// Whoever makes one has the right to read its words, and whoever stores to it the right to write them: see [`crate::ring::segment`].
#[derive(Clone, Copy)]
pub(in crate::ring) struct Payload<'a>(pub &'a [AtomicU64]);

impl Payload<'_> {
    /// A vector; half a one has zeros in the upper half of each lane.
    #[inline(always)]
    pub(super) fn load(&self, vector: usize) -> Lanes {
        match &self.0[2 * vector..] {
            [half] => Lanes::from(half.load(Ordering::Relaxed).to_ne_bytes().map(u16::from)),
            words => load(words.first_chunk().expect("a block has its words")),
        }
    }

    /// Writes a vector that is whole.
    #[inline(always)]
    pub(super) fn store(&self, vector: usize, lanes: Lanes) {
        store(self.0[2 * vector..].first_chunk().expect("a block has its words"), lanes);
    }

    /// Writes the last vector, or its half if that is all there is room for.
    pub(super) fn store_last(&self, vector: usize, lanes: Lanes) {
        match &self.0[2 * vector..] {
            [half] => {
                half.store(u64::from_ne_bytes(<[u16; LANES]>::from(lanes).map(|lane| lane as u8)), Ordering::Relaxed)
            }
            _ => self.store(vector, lanes),
        }
    }
}

#[cfg(not(loom))]
#[inline(always)]
fn store(words: &[AtomicU64; 2], lanes: Lanes) {
    // SAFETY: atomics may be written through a shared reference, and any bits are valid in them. The writes race with nobody, by the right to write
    // that `segment` states.
    unsafe { words.as_ptr().cast_mut().cast::<Lanes>().write_unaligned(lanes) };
}

#[cfg(not(loom))]
#[inline(always)]
fn load(words: &[AtomicU64; 2]) -> Lanes {
    // SAFETY: nobody writes these words meanwhile, by the right to read that `segment` states.
    unsafe { words.as_ptr().cast::<Lanes>().read_unaligned() }
}

#[cfg(loom)]
fn store(words: &[AtomicU64; 2], lanes: Lanes) {
    for (word, half) in words.iter().zip(<[u16; LANES]>::from(lanes).chunks_exact(4)) {
        let bits = half.iter().rev().fold(0, |bits, lane| bits << 16 | u64::from(*lane));
        word.store(bits, Ordering::Relaxed);
    }
}

#[cfg(loom)]
fn load(words: &[AtomicU64; 2]) -> Lanes {
    Lanes::from(std::array::from_fn(|i| (words[i / 4].load(Ordering::Relaxed) >> (16 * (i % 4))) as u16))
}
