//! Eight numbers of 16 bits side by side, computed with at once; and how they lie in memory, in two words or in one.
//!
//! By hand where every processor of a kind has the vectors for it: of loops over eight numbers the compiler made three vectors, of two, four and
//! two, which is three times the instructions.
#![allow(unsafe_code)]

use crate::memory::sync::{AtomicU64, Ordering};

/// How many.
pub(super) const LANES: usize = 8;

#[cfg(target_arch = "x86_64")]
type Vector = std::arch::x86_64::__m128i;
#[cfg(not(target_arch = "x86_64"))]
type Vector = [u16; LANES];

/// Eight numbers side by side. Arithmetic wraps.
#[derive(Clone, Copy)]
pub(super) struct Lanes(Vector);

impl From<[u16; LANES]> for Lanes {
    #[inline(always)]
    fn from(numbers: [u16; LANES]) -> Lanes {
        // SAFETY: as long, and any bits are valid in either.
        Lanes(unsafe { std::mem::transmute::<[u16; LANES], Vector>(numbers) })
    }
}

impl From<Lanes> for [u16; LANES] {
    #[inline(always)]
    fn from(lanes: Lanes) -> [u16; LANES] {
        // SAFETY: as long, and any bits are valid in either.
        unsafe { std::mem::transmute::<Vector, [u16; LANES]>(lanes.0) }
    }
}

/// Operations on each lane of two.
macro_rules! of_two {
    ($($(#[$doc:meta])* fn $name:ident, $instruction:ident, |$a:ident, $b:ident| $of_each:expr;)*) => {
        impl Lanes {$(
            $(#[$doc])*
            #[inline(always)]
            #[cfg(target_arch = "x86_64")]
            pub(super) fn $name(self, other: Lanes) -> Lanes {
                // SAFETY: SSE2, which every x86-64 has.
                Lanes(unsafe { std::arch::x86_64::$instruction(self.0, other.0) })
            }

            #[cfg(not(target_arch = "x86_64"))]
            pub(super) fn $name(self, other: Lanes) -> Lanes {
                Lanes(std::array::from_fn(|i| {
                    let ($a, $b) = (self.0[i], other.0[i]);
                    $of_each
                }))
            }
        )*}
    };
}

of_two! {
    /// Bits that either has.
    fn or, _mm_or_si128, |a, b| a | b;
    /// Bits that both have.
    fn and, _mm_and_si128, |a, b| a & b;
    /// Sums.
    fn plus, _mm_add_epi16, |a, b| a.wrapping_add(b);
    /// Differences.
    fn minus, _mm_sub_epi16, |a, b| a.wrapping_sub(b);
}

/// Operations on each lane by the same number of bits, fewer than 16: with a constant, one instruction.
macro_rules! by_bits {
    ($($(#[$doc:meta])* fn $name:ident, $instruction:ident, |$a:ident, $bits:ident| $of_each:expr;)*) => {
        impl Lanes {$(
            $(#[$doc])*
            #[inline(always)]
            #[cfg(target_arch = "x86_64")]
            pub(super) fn $name(self, bits: u32) -> Lanes {
                use std::arch::x86_64::{_mm_cvtsi32_si128, $instruction};
                debug_assert!(bits < 16);
                // SAFETY: SSE2, which every x86-64 has.
                Lanes(unsafe { $instruction(self.0, _mm_cvtsi32_si128(bits as i32)) })
            }

            #[cfg(not(target_arch = "x86_64"))]
            pub(super) fn $name(self, $bits: u32) -> Lanes {
                Lanes(self.0.map(|$a| $of_each))
            }
        )*}
    };
}

by_bits! {
    /// Shifted up.
    fn up, _mm_sll_epi16, |a, bits| a << bits;
    /// Shifted down.
    fn down, _mm_srl_epi16, |a, bits| a >> bits;
}

impl Lanes {
    /// The same in every lane.
    #[inline(always)]
    pub(super) fn all(number: u16) -> Lanes {
        Lanes::from([number; LANES])
    }

    /// These two in front, and zeros.
    #[inline(always)]
    pub(super) fn first([a, b]: [u16; 2]) -> Lanes {
        Lanes::from([a, b, 0, 0, 0, 0, 0, 0])
    }

    /// Each some lanes of two bytes further, and zeros in front.
    #[inline(always)]
    pub(super) fn later<const BYTES: i32>(self) -> Lanes {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: SSE2, which every x86-64 has.
        return Lanes(unsafe { std::arch::x86_64::_mm_slli_si128::<BYTES>(self.0) });
        #[cfg(not(target_arch = "x86_64"))]
        Lanes(std::array::from_fn(|i| i.checked_sub(BYTES as usize / 2).map_or(0, |from| self.0[from])))
    }

    /// What is in the last, in every lane.
    #[inline(always)]
    pub(super) fn last_in_all(self) -> Lanes {
        Lanes::all(<[u16; LANES]>::from(self)[LANES - 1])
    }

    /// As samples.
    #[inline(always)]
    pub(super) fn into_samples(self) -> [i16; LANES] {
        // SAFETY: as long, and any bits are valid in either.
        unsafe { std::mem::transmute::<Vector, [i16; LANES]>(self.0) }
    }

    /// Eight samples.
    #[inline(always)]
    pub(super) fn samples(samples: &[i16; LANES]) -> Lanes {
        // SAFETY: as long, and any bits are valid in either.
        Lanes(unsafe { std::mem::transmute::<[i16; LANES], Vector>(*samples) })
    }
}

/// The packed vectors of a block, in their order. Of the last one only half may be there: its lanes are of eight bits then.
pub(super) trait Vectors {
    /// Eight lanes, of which the upper halves are zeros if only half a vector is there.
    fn load(&self, vector: usize) -> Lanes;
    /// Puts a whole vector there.
    fn store(&mut self, vector: usize, lanes: Lanes);
    /// Puts the last vector there, of which only half may have a place.
    fn store_last(&mut self, vector: usize, lanes: Lanes);
}

/// The payload of a block. To write there, nobody else may see or change it: it lies behind the frontier of the one writer, or before it
/// while the ring's lock is held. To read there, it must lie before the frontier, with the ring's lock held.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a>(pub &'a [AtomicU64]);

impl Vectors for Payload<'_> {
    #[inline(always)]
    fn load(&self, vector: usize) -> Lanes {
        match &self.0[2 * vector..] {
            [half] => Lanes::from(half.load(Ordering::Relaxed).to_ne_bytes().map(u16::from)),
            words => load(words.first_chunk().expect("a block has its words")),
        }
    }

    #[inline(always)]
    fn store(&mut self, vector: usize, lanes: Lanes) {
        store(self.0[2 * vector..].first_chunk().expect("a block has its words"), lanes);
    }

    fn store_last(&mut self, vector: usize, lanes: Lanes) {
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
    for (word, half) in words.iter().zip(<[u16; LANES]>::from(lanes).chunks_exact(4)) {
        let bits = half.iter().rev().fold(0, |bits, lane| bits << 16 | u64::from(*lane));
        word.store(bits, Ordering::Relaxed);
    }
}

#[cfg(loom)]
fn load(words: &[AtomicU64; 2]) -> Lanes {
    Lanes::from(std::array::from_fn(|i| (words[i / 4].load(Ordering::Relaxed) >> (16 * (i % 4))) as u16))
}
