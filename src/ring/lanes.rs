//! Eight 16-bit lanes in two words of memory, moved as one vector.
#![allow(unsafe_code)]

use super::block::Lanes;
use crate::memory::sync::AtomicU64;

/// Writes lanes into two words that nobody else can see or change: they lie behind the frontier of the one writer, or before it while the
/// ring's lock is held.
#[cfg(not(loom))]
pub(super) fn store(words: &[AtomicU64], lanes: Lanes) {
    assert_eq!(words.len(), 2);
    // SAFETY: two words, checked above; atomics may be written through a shared reference; any bits are valid in them. Nobody races with
    // this: readers come by the Acquire of the frontier, whose Release follows this, or hold the lock.
    unsafe { words.as_ptr().cast_mut().cast::<Lanes>().write_unaligned(lanes) };
}

/// Reads the lanes that [`store`] wrote.
#[cfg(not(loom))]
pub(super) fn load(words: &[AtomicU64]) -> Lanes {
    assert_eq!(words.len(), 2);
    // SAFETY: two words, checked above, that nobody writes: they lie before the frontier, and the ring's lock is held.
    unsafe { words.as_ptr().cast::<Lanes>().read_unaligned() }
}

#[cfg(loom)]
pub(super) fn store(words: &[AtomicU64], lanes: Lanes) {
    for (word, half) in words.iter().zip(lanes.chunks_exact(4)) {
        let bits = half.iter().rev().fold(0, |bits, lane| bits << 16 | u64::from(*lane));
        word.store(bits, crate::memory::sync::Ordering::Relaxed);
    }
}

#[cfg(loom)]
pub(super) fn load(words: &[AtomicU64]) -> Lanes {
    std::array::from_fn(|i| (words[i / 4].load(crate::memory::sync::Ordering::Relaxed) >> (16 * (i % 4))) as u16)
}
