//! G.711 (ITU-T G.711, 1988): codes to linear samples and back, and codes as ranks.
//!
//! A *rank* is the place of a code's level on the line from the most negative to the most positive: -128 to 127. Speech moves
//! smoothly through ranks, not through codes, so ranks are what the ring packs. Rank and code map one to one.

use serde::Deserialize;

/// The laws of G.711.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum Law {
    /// µ-law: North America, Japan.
    #[serde(rename = "ulaw")]
    Mu,
    /// A-law: Europe, the rest of the world.
    #[serde(rename = "alaw")]
    A,
}

const fn mu_linear(code: u8) -> i16 {
    let code = !code;
    let magnitude = ((((code & 0x0f) as i16) << 3) + 0x84) << ((code & 0x70) >> 4);
    if code & 0x80 != 0 { 0x84 - magnitude } else { magnitude - 0x84 }
}

const fn a_linear(code: u8) -> i16 {
    let code = code ^ 0x55;
    let mantissa = ((code & 0x0f) as i16) << 4;
    let magnitude = match (code & 0x70) >> 4 {
        0 => mantissa + 8,
        1 => mantissa + 0x108,
        segment => (mantissa + 0x108) << (segment - 1),
    };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

impl Law {
    /// The sample that a code stands for.
    pub fn linear(self, code: u8) -> i16 {
        match self {
            Law::Mu => MU_LINEAR[code as usize],
            Law::A => A_LINEAR[code as usize],
        }
    }

    /// The rank of a code: -128 to 127, growing with the sample it stands for.
    pub const fn rank(self, code: u8) -> i8 {
        // Both laws are sign and magnitude; after undoing the bit inversions the magnitude bits grow with the level.
        let (positive, magnitude) = match self {
            Law::Mu => (code & 0x80 != 0, !code & 0x7f),
            Law::A => (code & 0x80 != 0, (code ^ 0x55) & 0x7f),
        };
        if positive { magnitude as i8 } else { !(magnitude as i8) }
    }

    /// The code of a rank: the inverse of [`Law::rank`].
    pub const fn code(self, rank: i8) -> u8 {
        let (sign, magnitude) = if rank >= 0 { (0x80, rank as u8) } else { (0, !rank as u8) };
        match self {
            Law::Mu => sign | (!magnitude & 0x7f),
            Law::A => sign | ((magnitude ^ 0x55) & 0x7f),
        }
    }

    /// The sample that a rank stands for.
    pub fn rank_linear(self, rank: i8) -> i16 {
        match self {
            Law::Mu => MU_RANK_LINEAR[rank as u8 as usize],
            Law::A => A_RANK_LINEAR[rank as u8 as usize],
        }
    }

    /// Finds the ranks whose samples are exactly these: the way back for PCM that came from G.711. Returns false if a sample has no code; then
    /// `ranks` is meaningless.
    #[inline(always)]
    pub fn ranks_of_linear(self, samples: &[i16], ranks: &mut [i16]) -> bool {
        let mut wrong = 0;
        // Both loops are branch-free, so that the compiler makes vectors of them.
        match self {
            Law::Mu => {
                for (rank, &sample) in ranks.iter_mut().zip(samples) {
                    let magnitude = i32::from(sample).abs();
                    // Adding the bias of 132 makes every segment a power of two (G.711 table 2a): 128 is the first.
                    let (found, off) = float_parts(magnitude + 132, 7);
                    wrong |= off | (found >> 7);
                    *rank = signed(found, sample);
                }
            }
            Law::A => {
                for (rank, &sample) in ranks.iter_mut().zip(samples) {
                    let magnitude = i32::from(sample).abs();
                    // The first segment is as fine as the second one, and lies below it (G.711 table 1a).
                    let is_first = i32::from(magnitude < 256);
                    let (found, off) = float_parts(magnitude + 256 * is_first, 8);
                    let found = found + 16 * (1 - is_first);
                    wrong |= off | (found >> 7);
                    *rank = signed(found, sample);
                }
            }
        }
        wrong == 0
    }

    /// The ranks of codes.
    #[inline(always)]
    pub fn ranks_of_codes(self, codes: &[u8], ranks: &mut [i16]) {
        match self {
            Law::Mu => {
                for (rank, &code) in ranks.iter_mut().zip(codes) {
                    *rank = Law::Mu.rank(code).into();
                }
            }
            Law::A => {
                for (rank, &code) in ranks.iter_mut().zip(codes) {
                    *rank = Law::A.rank(code).into();
                }
            }
        }
    }
}

/// G.711 is floating point: three bits of exponent, four of mantissa, and a code stands for the middle of its interval. As an `f32`, such a value
/// has the same exponent and mantissa on top, and below them a one and zeros. Returns the upper seven bits, counted from the exponent of the first
/// segment, and a number that is zero only if the value is the middle of an interval.
#[inline(always)]
fn float_parts(biased: i32, first_exponent: i32) -> (i32, i32) {
    let bits = (biased as f32).to_bits() as i32;
    ((bits >> 19) - ((127 + first_exponent) << 4), (bits & 0x7ffff) ^ 0x40000)
}

#[inline(always)]
fn signed(magnitude: i32, sample: i16) -> i16 {
    magnitude as i16 ^ (sample >> 15)
}

/// The sample of every code.
const fn by_code(law: Law) -> [i16; 256] {
    let mut out = [0; 256];
    let mut code = 0;
    while code < 256 {
        out[code] = match law {
            Law::Mu => mu_linear(code as u8),
            Law::A => a_linear(code as u8),
        };
        code += 1;
    }
    out
}

/// The sample of every rank, at the rank's bits.
const fn by_rank(law: Law) -> [i16; 256] {
    let samples = by_code(law);
    let mut out = [0; 256];
    let mut bits = 0;
    while bits < 256 {
        out[bits] = samples[law.code(bits as u8 as i8) as usize];
        bits += 1;
    }
    out
}

static MU_LINEAR: [i16; 256] = by_code(Law::Mu);
static A_LINEAR: [i16; 256] = by_code(Law::A);
static MU_RANK_LINEAR: [i16; 256] = by_rank(Law::Mu);
static A_RANK_LINEAR: [i16; 256] = by_rank(Law::A);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_rank_and_back() {
        for law in [Law::Mu, Law::A] {
            for code in 0..=255 {
                assert_eq!(law.code(law.rank(code)), code, "{law:?}");
            }
        }
    }

    #[test]
    fn samples_grow_with_rank() {
        for law in [Law::Mu, Law::A] {
            for rank in -128..127i8 {
                assert!(law.rank_linear(rank) <= law.rank_linear(rank + 1), "{law:?} {rank}");
            }
        }
    }

    #[test]
    fn expanded_samples_are_found_again_and_others_are_not() {
        for law in [Law::Mu, Law::A] {
            let levels: std::collections::HashSet<i16> = (0..=255).map(|c| law.linear(c)).collect();
            for sample in i16::MIN..=i16::MAX {
                let mut rank = [0];
                let found = law.ranks_of_linear(&[sample], &mut rank);
                assert_eq!(found, levels.contains(&sample), "{law:?} {sample}");
                assert!(!found || law.rank_linear(rank[0] as i8) == sample);
            }
        }
    }

    #[test]
    fn the_ends_and_the_middle_are_those_of_the_standard() {
        assert_eq!(Law::Mu.linear(0x00), -32_124);
        assert_eq!(Law::Mu.linear(0x80), 32_124);
        assert_eq!(Law::Mu.linear(0xff), 0);
        assert_eq!(Law::A.linear(0x2a), -32_256);
        assert_eq!(Law::A.linear(0xaa), 32_256);
        assert_eq!(Law::A.linear(0xd5), 8);
    }
}
