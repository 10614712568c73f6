//! The packed run of samples: one header word, then the residuals of a predictor, bit-packed.
//!
//! A block holds 1 to 192 samples. Its header says which predictor (order 0, 1 or 2) left the residuals of the narrowest span and how many
//! bits each of them takes, counted from near the lowest one; the seeds of the predictor are in the header, so that a block can be read, cut
//! short or wiped without its neighbours. Residuals are packed *vertically*: sample `i` is in lane `i % 8` of row `i / 8`, and the rows of all
//! eight lanes are shifted together into 16-byte vectors; of the last one half is left out if its lanes need no more than 8 bits. Sixteen-bit
//! lanes take twice the samples an instruction that the 32-bit lanes of the `bitpacking` crate do, and any number of rows packs without
//! filling up to 128. All arithmetic wraps at 16 bits, so that every input comes back bit for bit.

pub(super) use super::kernels::{BLOCK_SAMPLES_MAX, Residuals};
use super::{
    kernels::{self, Measure, Span},
    lanes::{LANES, Vectors},
};
use retrocall_words::audio::g711::Law;

/// Words of the longest block: its header and 24 rows of 16 bits.
pub(super) const BLOCK_WORDS_MAX: usize = 1 + words_of(BLOCK_SAMPLES_MAX, 16);

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Linear samples.
    Linear,
    /// Ranks of G.711 codes.
    Ranks(Law),
    /// What was here has been wiped; it reads as silence.
    Erased,
}

/// Why a run of samples is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It came so, or the gate let nothing else through.
    Said,
    /// Nothing came for it.
    Gap,
    /// Something came for it, or was refused in its place, and could not be held.
    Lost,
}

/// The header word of a block, or of a run of silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// Samples that are all zero, without payload. Up to 2^48 of them.
    Silence {
        /// How many.
        samples: u64,
        /// Why.
        cause: Cause,
    },
    /// A packed block.
    Packed(Packed),
}

/// The header of a packed block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    pub kind: Kind,
    /// Order of the predictor: 0, 1 or 2.
    pub order: u8,
    /// Bits of a residual: 0 to 16.
    pub width: u8,
    /// How far below 0 residuals are counted from, in 32nds of what `width` bits can count (in ones, where these are not whole): 0 to 31.
    pub depth: u8,
    /// Samples of the block.
    pub samples: u8,
    /// Samples from here on read as silence: they were erased. Equal to `samples` when nothing was.
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
pub(super) const SILENCE_SAMPLES_MAX: u64 = (1 << 48) - 1;

impl Header {
    /// The header as its word. Never 0: wiped memory is no header.
    pub(super) fn to_word(self) -> u64 {
        match self {
            Header::Silence { samples, cause } => {
                let cause = match cause {
                    Cause::Said => 0,
                    Cause::Gap => 1,
                    Cause::Lost => 2,
                };
                SILENCE | cause << 4 | samples << 16
            }
            Header::Packed(packed) => {
                let kind = match packed.kind {
                    Kind::Linear => LINEAR,
                    Kind::Ranks(Law::Mu) => RANKS_MU,
                    Kind::Ranks(Law::A) => RANKS_A,
                    Kind::Erased => ERASED,
                };
                let [first, second] = packed.seeds.map(|seed| u64::from(seed as u16));
                kind | u64::from(packed.order) << 4
                    | u64::from(packed.width) << 6
                    | u64::from(packed.depth) << 11
                    | u64::from(packed.samples) << 16
                    | u64::from(packed.kept) << 24
                    | first << 32
                    | second << 48
            }
        }
    }

    /// The header in a word, if there is one.
    pub(super) fn from_word(word: u64) -> Option<Header> {
        let kind = match word & 0xf {
            SILENCE => {
                let cause = match (word >> 4) & 0x3 {
                    1 => Cause::Gap,
                    2 => Cause::Lost,
                    _ => Cause::Said,
                };
                return Some(Header::Silence { samples: word >> 16, cause });
            }
            LINEAR => Kind::Linear,
            RANKS_MU => Kind::Ranks(Law::Mu),
            RANKS_A => Kind::Ranks(Law::A),
            ERASED => Kind::Erased,
            _ => return None,
        };
        Some(Header::Packed(Packed {
            kind,
            order: (word >> 4) as u8 & 0x3,
            width: (word >> 6) as u8 & 0x1f,
            depth: (word >> 11) as u8 & 0x1f,
            samples: (word >> 16) as u8,
            kept: (word >> 24) as u8,
            seeds: [(word >> 32) as i16, (word >> 48) as i16],
        }))
    }

    /// How many samples the block stands for.
    pub(super) fn samples(self) -> u64 {
        match self {
            Header::Silence { samples, .. } => samples,
            Header::Packed(packed) => u64::from(packed.samples),
        }
    }

    /// Words of the block behind its header.
    pub(super) fn payload_words(self) -> usize {
        match self {
            Header::Silence { .. } => 0,
            Header::Packed(packed) => words_of(packed.samples as usize, packed.width as usize),
        }
    }
}

impl Packed {
    fn rows(&self) -> usize {
        usize::from(self.samples).div_ceil(LANES)
    }

    /// What residuals are counted from.
    fn base(&self) -> i16 {
        base(self.width, self.depth)
    }
}

const DEPTH_MAX: u32 = 31;

fn base(width: u8, depth: u8) -> i16 {
    (u16::from(depth) << width.saturating_sub(5)).wrapping_neg() as i16
}

/// The fewest bits that residuals within `span`, which is so wide, take, and the depth that they are counted from then.
#[inline(always)]
fn width_and_depth(span: Span, width: u8) -> (u8, u8) {
    let below = u32::from(span.lowest.unsigned_abs());
    // Rounded up, by shifts: the processor would take longer to divide than for all else here.
    let depth_of = |width: u8| {
        let step = width.saturating_sub(5);
        (below + (1 << step) - 1) >> step
    };
    let depth = depth_of(width);
    let highest = span.highest as u32 + (depth << width.saturating_sub(5));
    match width {
        // What is counted from a 32nd lower than the lowest may need a bit more.
        ..16 if depth > DEPTH_MAX || highest >> width > 0 => (width + 1, depth_of(width + 1) as u8),
        16 if depth > DEPTH_MAX || highest >> 16 > 0 => (16, 16),
        _ => (width, depth as u8),
    }
}

/// Words that `samples` residuals of `width` bits take: whole vectors of two words, and perhaps half a one.
const fn words_of(samples: usize, width: usize) -> usize {
    (samples.div_ceil(LANES) * width).div_ceil(8)
}

/// Chooses the predictor for 1 to 192 samples by their measure.
#[inline(always)]
pub(super) fn choose(kind: Kind, samples: &[i16], measure: &Measure) -> Packed {
    let count = samples.len();
    debug_assert!((1..=BLOCK_SAMPLES_MAX).contains(&count));
    let [zeroth, first, second] = measure.widths;
    // The narrowest, and of those that are equal the lowest order.
    let order = (zeroth << 2).min(first << 2 | 1).min(second << 2 | 2) & 3;
    let order = usize::from(order);
    let (width, depth) = width_and_depth(measure.spans[order], measure.widths[order]);
    let seeds = match order {
        0 => [0, 0],
        1 => [samples[0], 0],
        _ => [samples[0], samples.get(1).map_or(0, |next| next.wrapping_sub(samples[0]))],
    };
    Packed { kind, order: order as u8, width, depth, samples: count as u8, kept: count as u8, seeds }
}

/// Packs the samples of a block.
pub(super) fn pack(packed: &Packed, samples: &[i16], vectors: impl Vectors) {
    kernels::pack_predicted(packed.order, packed.base(), samples, packed.width, vectors);
}

/// Packs residuals that [`unpack`] brought back, and [`cut`] perhaps changed.
pub(super) fn pack_again(packed: &Packed, residuals: &Residuals, vectors: impl Vectors) {
    kernels::pack(residuals, packed.rows(), packed.width, vectors);
}

/// The way back from [`pack`] to residuals: as many whole rows as the block has.
pub(super) fn unpack(packed: &Packed, vectors: &impl Vectors, residuals: &mut Residuals) {
    kernels::unpack(vectors, packed.rows(), packed.width, residuals);
}

/// The way back from residuals to samples, silence where they were erased. Returns how many.
pub(super) fn restore(packed: &Packed, residuals: &Residuals, samples: &mut [i16; BLOCK_SAMPLES_MAX]) -> usize {
    let count = packed.samples as usize;
    kernels::restore(packed.order, packed.base(), packed.seeds, residuals, &mut samples[..count]);
    if let Kind::Ranks(law) = packed.kind {
        samples[..count].iter_mut().for_each(|sample| *sample = law.rank_linear(*sample as i8));
    }
    let kept = if packed.kind == Kind::Erased { 0 } else { packed.kept as usize };
    samples[kept.min(count)..count].fill(0);
    count
}

/// Cuts a block short: samples from `kept` on are wiped from its residuals and its seeds. `kept` is at least 1.
pub(super) fn cut(packed: &mut Packed, residuals: &mut Residuals, kept: u8) {
    debug_assert!((1..packed.samples).contains(&kept));
    packed.kept = packed.kept.min(kept);
    residuals[usize::from(packed.kept)..].fill(0);
    if packed.kept < 2 {
        packed.seeds[1] = 0;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{memory::sync::AtomicU64, ring::lanes::Payload};

    fn there_and_back(kind: Kind, samples: &[i16], cut_at: Option<u8>) -> (Packed, Vec<i16>) {
        let mut packed = choose(kind, samples, &kernels::measure(samples));
        let words: [_; BLOCK_WORDS_MAX] = std::array::from_fn(|_| AtomicU64::new(0));
        let payload = Payload(&words[..Header::Packed(packed).payload_words()]);
        let mut residuals = [0xbeef; BLOCK_SAMPLES_MAX];
        pack(&packed, samples, payload);
        if let Some(kept) = cut_at {
            unpack(&packed, &payload, &mut residuals);
            cut(&mut packed, &mut residuals, kept);
            pack_again(&packed, &residuals, payload);
        }
        let Some(Header::Packed(packed)) = Header::from_word(Header::Packed(packed).to_word()) else {
            panic!("a packed header comes back")
        };
        unpack(&packed, &payload, &mut residuals);
        let mut out = [-1; BLOCK_SAMPLES_MAX];
        let count = restore(&packed, &residuals, &mut out);
        (packed, out[..count].to_vec())
    }

    proptest! {
        #[test]
        fn any_samples_come_back_bit_for_bit(
            samples in prop::collection::vec(any::<i16>(), 1..=BLOCK_SAMPLES_MAX),
            quiet in 0..16u32,
        ) {
            let samples: Vec<i16> = samples.iter().map(|x| x >> quiet).collect();
            prop_assert_eq!(there_and_back(Kind::Linear, &samples, None).1, samples);
        }

        #[test]
        fn smooth_samples_come_back_bit_for_bit(
            (start, step) in any::<(i16, i16)>(),
            wobble in prop::collection::vec(-20..20i16, 1..=BLOCK_SAMPLES_MAX),
        ) {
            let (mut x, mut d) = (start, step);
            let samples: Vec<i16> = wobble.iter().map(|w| { d = d.wrapping_add(*w); x = x.wrapping_add(d); x }).collect();
            prop_assert_eq!(there_and_back(Kind::Linear, &samples, None).1, samples);
        }

        #[test]
        fn a_cut_block_keeps_its_beginning_and_nothing_else(
            samples in prop::collection::vec(any::<i16>(), 2..=BLOCK_SAMPLES_MAX),
            at in any::<prop::sample::Index>(),
        ) {
            let kept = 1 + at.index(samples.len() - 1);
            let (packed, out) = there_and_back(Kind::Linear, &samples, Some(kept as u8));
            prop_assert_eq!(&out[..kept], &samples[..kept]);
            prop_assert!(out[kept..].iter().all(|x| *x == 0));
            prop_assert!(kept > 1 || packed.seeds[1] == 0);
        }

        #[test]
        fn ranks_come_back_as_the_samples_of_their_codes(codes in prop::collection::vec(any::<u8>(), 1..=BLOCK_SAMPLES_MAX)) {
            for law in [Law::Mu, Law::A] {
                let ranks: Vec<i16> = codes.iter().map(|code| law.rank(*code).into()).collect();
                let linear: Vec<i16> = codes.iter().map(|code| law.linear(*code)).collect();
                prop_assert_eq!(there_and_back(Kind::Ranks(law), &ranks, None).1, linear);
            }
        }
    }

    #[test]
    fn a_constant_takes_one_word_whatever_its_length() {
        for samples in 1..=BLOCK_SAMPLES_MAX {
            let (packed, out) = there_and_back(Kind::Linear, &vec![-123; samples], None);
            assert_eq!(packed.width, 0);
            assert_eq!(out, vec![-123; samples]);
        }
    }

    #[test]
    fn wiped_memory_is_no_header() {
        assert_eq!(Header::from_word(0), None);
        let silence = Header::Silence { samples: SILENCE_SAMPLES_MAX, cause: Cause::Lost };
        assert_eq!(Header::from_word(silence.to_word()), Some(silence));
    }
}
