//! [`Lanes`] as a vector of SSE2.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m128i, _mm_add_epi16, _mm_and_si128, _mm_cvtsi32_si128, _mm_max_epi16, _mm_min_epi16, _mm_or_si128,
    _mm_shuffle_epi32, _mm_sll_epi16, _mm_slli_si128, _mm_srl_epi16, _mm_srli_epi32, _mm_sub_epi16,
};

use super::LANES;

/// Eight numbers side by side. Arithmetic wraps.
#[derive(Clone, Copy)]
pub struct Lanes(__m128i);

impl From<[u16; LANES]> for Lanes {
    #[inline(always)]
    fn from(numbers: [u16; LANES]) -> Lanes {
        // SAFETY: both are 16 bytes, and any bits are valid in either.
        Lanes(unsafe { std::mem::transmute::<[u16; LANES], __m128i>(numbers) })
    }
}

impl From<Lanes> for [u16; LANES] {
    #[inline(always)]
    fn from(lanes: Lanes) -> [u16; LANES] {
        // SAFETY: both are 16 bytes, and any bits are valid in either.
        unsafe { std::mem::transmute::<__m128i, [u16; LANES]>(lanes.0) }
    }
}

impl Lanes {
    /// One number in every lane.
    #[inline(always)]
    pub fn all(number: u16) -> Lanes {
        Lanes::from([number; LANES])
    }

    /// Eight samples.
    #[inline(always)]
    pub fn of_samples(samples: &[i16; LANES]) -> Lanes {
        // SAFETY: both are 16 bytes, and any bits are valid in either.
        Lanes(unsafe { std::mem::transmute::<[i16; LANES], __m128i>(*samples) })
    }

    /// The lanes as samples.
    #[inline(always)]
    pub fn into_samples(self) -> [i16; LANES] {
        // SAFETY: both are 16 bytes, and any bits are valid in either.
        unsafe { std::mem::transmute::<__m128i, [i16; LANES]>(self.0) }
    }

    /// Bits that either has.
    #[inline(always)]
    pub fn or(self, other: Lanes) -> Lanes {
        // SAFETY: every x86-64 has SSE2.
        Lanes(unsafe { _mm_or_si128(self.0, other.0) })
    }

    /// Bits that both have.
    #[inline(always)]
    pub fn and(self, other: Lanes) -> Lanes {
        // SAFETY: every x86-64 has SSE2.
        Lanes(unsafe { _mm_and_si128(self.0, other.0) })
    }

    /// Sums.
    #[inline(always)]
    pub fn add(self, other: Lanes) -> Lanes {
        // SAFETY: every x86-64 has SSE2.
        Lanes(unsafe { _mm_add_epi16(self.0, other.0) })
    }

    /// Differences.
    #[inline(always)]
    pub fn sub(self, other: Lanes) -> Lanes {
        // SAFETY: every x86-64 has SSE2.
        Lanes(unsafe { _mm_sub_epi16(self.0, other.0) })
    }

    /// The lesser of each two, as samples.
    #[inline(always)]
    pub fn min(self, other: Lanes) -> Lanes {
        // SAFETY: every x86-64 has SSE2.
        Lanes(unsafe { _mm_min_epi16(self.0, other.0) })
    }

    /// The greater of each two, as samples.
    #[inline(always)]
    pub fn max(self, other: Lanes) -> Lanes {
        // SAFETY: every x86-64 has SSE2.
        Lanes(unsafe { _mm_max_epi16(self.0, other.0) })
    }

    /// Every lane shifted up by fewer than 16 bits. One instruction if the number of bits is a constant.
    #[inline(always)]
    pub fn up(self, bits: u32) -> Lanes {
        debug_assert!(bits < 16);
        // SAFETY: every x86-64 has SSE2.
        Lanes(unsafe { _mm_sll_epi16(self.0, _mm_cvtsi32_si128(bits as i32)) })
    }

    /// Every lane shifted down by fewer than 16 bits. One instruction if the number of bits is a constant.
    #[inline(always)]
    pub fn down(self, bits: u32) -> Lanes {
        debug_assert!(bits < 16);
        // SAFETY: every x86-64 has SSE2.
        Lanes(unsafe { _mm_srl_epi16(self.0, _mm_cvtsi32_si128(bits as i32)) })
    }

    /// Each number moves on by some bytes, two for a lane, and zeros come in front.
    #[inline(always)]
    fn delayed<const BYTES: i32>(self) -> Lanes {
        // SAFETY: every x86-64 has SSE2.
        Lanes(unsafe { _mm_slli_si128::<BYTES>(self.0) })
    }

    /// Each lane becomes the sum of those up to it. Three steps, where lane by lane each would wait for the one before.
    #[inline(always)]
    pub fn prefix_sums(self) -> Lanes {
        let two = self.add(self.delayed::<2>());
        let four = two.add(two.delayed::<4>());
        four.add(four.delayed::<8>())
    }

    /// Each number moves one lane on, and this one comes in front.
    #[inline(always)]
    pub fn pushed_by_one(self, front: u16) -> Lanes {
        self.delayed::<2>().or(Lanes::from([front, 0, 0, 0, 0, 0, 0, 0]))
    }

    /// Each number moves two lanes on, and these come in front.
    #[inline(always)]
    pub fn pushed_by_two(self, [a, b]: [u16; 2]) -> Lanes {
        self.delayed::<4>().or(Lanes::from([a, b, 0, 0, 0, 0, 0, 0]))
    }

    /// The last number in every lane.
    #[inline(always)]
    pub fn last_in_all(self) -> Lanes {
        Lanes::all(<[u16; LANES]>::from(self)[LANES - 1])
    }

    /// One of all eight numbers, by halves: of a plain loop the compiler makes a chain of eight steps.
    #[inline(always)]
    pub fn fold(self, of_two: impl Fn(Lanes, Lanes) -> Lanes) -> i16 {
        // SAFETY: every x86-64 has SSE2.
        let upper_half = |of: Lanes| Lanes(unsafe { _mm_shuffle_epi32::<0b11_10_11_10>(of.0) });
        // SAFETY: every x86-64 has SSE2.
        let second_pair = |of: Lanes| Lanes(unsafe { _mm_shuffle_epi32::<0b01_01_01_01>(of.0) });
        // SAFETY: every x86-64 has SSE2.
        let second = |of: Lanes| Lanes(unsafe { _mm_srli_epi32::<16>(of.0) });
        let four = of_two(self, upper_half(self));
        let two = of_two(four, second_pair(four));
        of_two(two, second(two)).into_samples()[0]
    }
}
