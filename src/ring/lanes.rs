//! Eight lanes in two words of memory, or in one, moved as one vector.
#![allow(unsafe_code)]

use super::{block::Lanes, kernels::Vectors};
use crate::memory::sync::{AtomicU64, Ordering};

/// The payload of a block. To write there, nobody else may see or change it: it lies behind the frontier of the one writer, or before it
/// while the ring's lock is held. To read there, it must lie before the frontier, with the ring's lock held.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a>(pub &'a [AtomicU64]);

impl Vectors for Payload<'_> {
    #[inline(always)]
    fn load(&self, vector: usize) -> Lanes {
        match &self.0[2 * vector..] {
            [half] => half.load(Ordering::Relaxed).to_ne_bytes().map(u16::from),
            words => load(words.first_chunk().expect("a block has its words")),
        }
    }

    #[inline(always)]
    fn store(&mut self, vector: usize, lanes: Lanes) {
        store(self.0[2 * vector..].first_chunk().expect("a block has its words"), lanes);
    }

    fn store_last(&mut self, vector: usize, lanes: Lanes) {
        match &self.0[2 * vector..] {
            [half] => half.store(u64::from_ne_bytes(lanes.map(|lane| lane as u8)), Ordering::Relaxed),
            _ => self.store(vector, lanes),
        }
    }
}

#[cfg(not(loom))]
#[inline(always)]
fn store(words: &[AtomicU64; 2], lanes: Lanes) {
    // SAFETY: atomics may be written through a shared reference; any bits are valid in them. Nobody races with this: readers come by the
    // Acquire of the frontier, whose Release follows this, or hold the lock.
    unsafe { words.as_ptr().cast_mut().cast::<Lanes>().write_unaligned(lanes) };
}

#[cfg(not(loom))]
#[inline(always)]
fn load(words: &[AtomicU64; 2]) -> Lanes {
    // SAFETY: nobody writes these words: they lie before the frontier, and the ring's lock is held.
    unsafe { words.as_ptr().cast::<Lanes>().read_unaligned() }
}

#[cfg(loom)]
fn store(words: &[AtomicU64; 2], lanes: Lanes) {
    for (word, half) in words.iter().zip(lanes.chunks_exact(4)) {
        let bits = half.iter().rev().fold(0, |bits, lane| bits << 16 | u64::from(*lane));
        word.store(bits, Ordering::Relaxed);
    }
}

#[cfg(loom)]
fn load(words: &[AtomicU64; 2]) -> Lanes {
    std::array::from_fn(|i| (words[i / 4].load(Ordering::Relaxed) >> (16 * (i % 4))) as u16)
}
