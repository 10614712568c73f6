//! The header word of a block, and of a run of silence.
//!
//! Belongs here: what a header says, and its bits (the picture is in the parent module). Does not: residuals.

use retrocall_words::audio::g711::Law;

use super::{LANES, words_of};

/// The content of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ring) enum Kind {
    /// Linear samples.
    Linear,
    /// Ranks of G.711 codes.
    Ranks(Law),
    /// Wiped samples. They read as silence.
    Erased,
}

/// Why a run of samples is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ring) enum Cause {
    /// Silence arrived, or the gate silenced what arrived.
    Intent,
    /// Nothing arrived.
    Gap,
    /// Something arrived, or was refused, and could not be held.
    Loss,
}

/// A header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ring) enum Header {
    /// Samples that are all zero, without payload.
    Silence {
        /// How many: up to [`SILENCE_SAMPLES_MAX`].
        samples: u64,
        /// Why.
        cause: Cause,
    },
    /// A packed block.
    Block(Block),
}

/// The header of a packed block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ring) struct Block {
    /// The content.
    pub kind: Kind,
    /// Order of the predictor: 0, 1 or 2.
    pub order: u8,
    /// Bits of a residual: 0 to 16.
    pub width: u8,
    /// Bias of the residuals, in 1/32 of the range of `width` bits; in ones where that is no whole number. 0 to 31.
    pub depth: u8,
    /// Samples of the block: 1 to 192.
    pub samples: u8,
    /// Samples from here on were erased and read as silence. At most `samples`, and equal to it if nothing was erased.
    pub kept: u8,
    /// The first sample (order 1 and 2), and the first difference (order 2).
    pub seeds: [i16; 2],
}

const SILENCE: u64 = 1;
const LINEAR: u64 = 2;
const RANKS_MU: u64 = 3;
const RANKS_A: u64 = 4;
const ERASED: u64 = 5;

/// The longest run of silence that one header can count.
pub(in crate::ring) const SILENCE_SAMPLES_MAX: u64 = (1 << 48) - 1;

impl Header {
    /// The header as a word. It is never 0: wiped memory is no header.
    pub(in crate::ring) fn to_word(self) -> u64 {
        match self {
            Header::Silence { samples, cause } => {
                let cause = match cause {
                    Cause::Intent => 0,
                    Cause::Gap => 1,
                    Cause::Loss => 2,
                };
                debug_assert!(samples <= SILENCE_SAMPLES_MAX);
                SILENCE | cause << 4 | samples << 16
            }
            Header::Block(block) => {
                debug_assert!(block.kept <= block.samples && block.order <= 2 && block.width <= 16);
                let kind = match block.kind {
                    Kind::Linear => LINEAR,
                    Kind::Ranks(Law::Mu) => RANKS_MU,
                    Kind::Ranks(Law::A) => RANKS_A,
                    Kind::Erased => ERASED,
                };
                let [first, second] = block.seeds.map(|seed| u64::from(seed as u16));
                kind | u64::from(block.order) << 4
                    | u64::from(block.width) << 6
                    | u64::from(block.depth) << 11
                    | u64::from(block.samples) << 16
                    | u64::from(block.kept) << 24
                    | first << 32
                    | second << 48
            }
        }
    }

    /// The header in a word. None if the word is none.
    pub(in crate::ring) fn from_word(word: u64) -> Option<Header> {
        let kind = match word & 0xf {
            SILENCE => {
                let cause = match (word >> 4) & 0x3 {
                    1 => Cause::Gap,
                    2 => Cause::Loss,
                    _ => Cause::Intent,
                };
                return Some(Header::Silence { samples: word >> 16, cause });
            }
            LINEAR => Kind::Linear,
            RANKS_MU => Kind::Ranks(Law::Mu),
            RANKS_A => Kind::Ranks(Law::A),
            ERASED => Kind::Erased,
            _ => return None,
        };
        Some(Header::Block(Block {
            kind,
            order: (word >> 4) as u8 & 0x3,
            width: (word >> 6) as u8 & 0x1f,
            depth: (word >> 11) as u8 & 0x1f,
            samples: (word >> 16) as u8,
            kept: (word >> 24) as u8,
            seeds: [(word >> 32) as i16, (word >> 48) as i16],
        }))
    }

    /// Samples of the block or run.
    pub(in crate::ring) fn samples(self) -> u64 {
        match self {
            Header::Silence { samples, .. } => samples,
            Header::Block(block) => u64::from(block.samples),
        }
    }

    /// Words behind the header.
    pub(in crate::ring) fn payload_words(self) -> usize {
        match self {
            Header::Silence { .. } => 0,
            Header::Block(block) => words_of(block.samples as usize, block.width as usize),
        }
    }
}

impl Block {
    /// Rows of eight residuals, the last one perhaps not full.
    pub(super) fn rows(&self) -> usize {
        usize::from(self.samples).div_ceil(LANES)
    }

    /// The number that residuals are counted from.
    pub(super) fn base(&self) -> i16 {
        (u16::from(self.depth) << self.width.saturating_sub(5)).wrapping_neg() as i16
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn wiped_memory_is_no_header() {
        assert_eq!(Header::from_word(0), None);
    }

    #[test]
    fn the_longest_silence_keeps_its_cause() {
        for cause in [Cause::Intent, Cause::Gap, Cause::Loss] {
            let silence = Header::Silence { samples: SILENCE_SAMPLES_MAX, cause };
            assert_eq!(Header::from_word(silence.to_word()), Some(silence));
        }
    }

    #[test]
    fn a_header_has_its_bits_where_the_picture_shows_them() {
        let block =
            Block { kind: Kind::Ranks(Law::A), order: 2, width: 11, depth: 19, samples: 160, kept: 77, seeds: [-2, 3] };
        let word = Header::Block(block).to_word();
        assert_eq!(word, 4 | 2 << 4 | 11 << 6 | 19 << 11 | 160 << 16 | 77 << 24 | 0xfffe << 32 | 3 << 48);
        assert_eq!(Header::from_word(word), Some(Header::Block(block)));
    }
}
