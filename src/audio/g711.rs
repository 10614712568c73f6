//! G.711 (ITU-T G.711, 1988): codes to linear samples and back, and codes as ranks.
//!
//! A *rank* is the place of a code's level on the line from the most negative to the most positive: -128 to 127. Speech moves
//! smoothly through ranks, not through codes, so ranks are what the ring packs. Rank and code map one to one.

/// Which of the two laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Law {
    /// µ-law: North America, Japan.
    Mu,
    /// A-law: Europe, the rest of the world.
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
    pub const fn linear(self, code: u8) -> i16 {
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
    pub const fn rank_linear(self, rank: i8) -> i16 {
        self.linear(self.code(rank))
    }

    /// The rank whose sample is exactly `sample`, if there is one: the way back for PCM that came from G.711.
    pub fn rank_of_linear(self, sample: i16) -> Option<i8> {
        let rank = match self {
            Law::Mu => {
                // Adding the bias of 132 makes every segment a power of two (G.711 table 2a).
                let biased = u32::from(sample.unsigned_abs()) + 132;
                let segment = (biased >> 7).checked_ilog2().filter(|s| *s < 8)?;
                let mantissa = (biased >> (segment + 3)) & 0x0f;
                ((segment << 4) | mantissa) as i8
            }
            Law::A => {
                let magnitude = u32::from(sample.unsigned_abs());
                let segment = (magnitude >> 7).checked_ilog2().unwrap_or(0);
                let mantissa = (magnitude >> (segment.max(1) + 3)) & 0x0f;
                (((segment.min(7)) << 4) | mantissa) as i8
            }
        };
        let rank = if sample < 0 { !rank } else { rank };
        (self.rank_linear(rank) == sample).then_some(rank)
    }
}

const fn table(mu: bool) -> [i16; 256] {
    let mut out = [0; 256];
    let mut code = 0;
    while code < 256 {
        out[code] = if mu { mu_linear(code as u8) } else { a_linear(code as u8) };
        code += 1;
    }
    out
}

static MU_LINEAR: [i16; 256] = table(true);
static A_LINEAR: [i16; 256] = table(false);

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
                let found = law.rank_of_linear(sample);
                assert_eq!(found.is_some(), levels.contains(&sample), "{law:?} {sample}");
                assert!(found.is_none_or(|rank| law.rank_linear(rank) == sample));
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
