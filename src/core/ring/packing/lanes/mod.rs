//! Eight 16-bit numbers side by side, computed with at once.
//!
//! Belongs here: arithmetic on vectors. Does not: memory, packing.
//!
//! There are two kinds: vectors of SSE2, which every x86-64 has, and plain arrays for other processors. With arrays on x86-64 a push takes 3.8 to 6.4
//! times as long and a read 1.4 to 2.5 times, because the compiler makes three vectors of a loop over eight numbers: of two, four and two. Tests
//! hold the two kinds against each other.

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable;
#[cfg(target_arch = "x86_64")]
mod sse2;

#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable::Lanes;
#[cfg(target_arch = "x86_64")]
pub(super) use sse2::Lanes;

/// Numbers of a vector.
pub(in crate::ring) const LANES: usize = 8;

#[cfg(all(test, target_arch = "x86_64", not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::{LANES, portable, sse2};

    /// The results of every operation, as numbers. A macro, because the two kinds share names and no trait.
    macro_rules! results {
        ($kind:ident, $a:expr, $b:expr, $bits:expr) => {{
            type Lanes = $kind::Lanes;
            let (a, b) = (Lanes::from($a), Lanes::from($b));
            let vectors = [
                a.or(b),
                a.and(b),
                a.add(b),
                a.sub(b),
                a.min(b),
                a.max(b),
                a.up($bits),
                a.down($bits),
                a.prefix_sums(),
                a.pushed_by_one($b[0]),
                a.pushed_by_two([$b[0], $b[1]]),
                a.last_in_all(),
                Lanes::all($b[0]),
                Lanes::of_samples(&$a.map(|number| number as i16)),
            ];
            let ends = [a.fold(Lanes::min), a.fold(Lanes::max), a.fold(Lanes::or)];
            (vectors.map(<[u16; LANES]>::from), ends, a.into_samples())
        }};
    }

    proptest! {
        #[test]
        fn vectors_of_the_processor_compute_as_plain_arrays(
            a in any::<[u16; LANES]>(),
            b in any::<[u16; LANES]>(),
            bits in 0..16u32,
        ) {
            prop_assert_eq!(results!(sse2, a, b, bits), results!(portable, a, b, bits));
        }
    }

    #[test]
    fn the_ends_of_sixteen_bits_wrap_and_compare_with_their_signs() {
        let ends = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x00ff, 0xff00];
        for bits in 0..16 {
            let turned: [u16; LANES] = std::array::from_fn(|i| ends[(i + 3) % LANES]);
            assert_eq!(results!(sse2, ends, turned, bits), results!(portable, ends, turned, bits));
        }
    }
}
