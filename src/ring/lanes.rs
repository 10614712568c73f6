//! Eight 16-bit lanes in two words of memory, moved as one vector.
#![allow(unsafe_code)]

use super::block::Lanes;
use crate::memory::sync::AtomicU64;

/// Where eight lanes lie.
pub(super) type Place = [AtomicU64; 2];

/// Writes lanes into two words that nobody else can see or change: they lie behind the frontier of the one writer, or before it while the
/// ring's lock is held.
#[cfg(not(loom))]
#[inline(always)]
pub(super) fn store(place: &Place, lanes: Lanes) {
    // SAFETY: atomics may be written through a shared reference; any bits are valid in them. Nobody races with this: readers come by the
    // Acquire of the frontier, whose Release follows this, or hold the lock.
    unsafe { place.as_ptr().cast_mut().cast::<Lanes>().write_unaligned(lanes) };
}

/// Reads the lanes that [`store`] wrote.
#[cfg(not(loom))]
#[inline(always)]
pub(super) fn load(place: &Place) -> Lanes {
    // SAFETY: nobody writes these words: they lie before the frontier, and the ring's lock is held.
    unsafe { place.as_ptr().cast::<Lanes>().read_unaligned() }
}

#[cfg(loom)]
pub(super) fn store(place: &Place, lanes: Lanes) {
    for (word, half) in place.iter().zip(lanes.chunks_exact(4)) {
        let bits = half.iter().rev().fold(0, |bits, lane| bits << 16 | u64::from(*lane));
        word.store(bits, crate::memory::sync::Ordering::Relaxed);
    }
}

#[cfg(loom)]
pub(super) fn load(place: &Place) -> Lanes {
    std::array::from_fn(|i| (place[i / 4].load(crate::memory::sync::Ordering::Relaxed) >> (16 * (i % 4))) as u16)
}
