//! Packing: a block of 1 to 192 samples becomes a header word and the bits of its residuals, losslessly.
//!
//! Belongs here: the form of a block in memory, and both ways. Does not: where in a segment it lies, who reads it when ([`super::segment`]).
//!
//! `measure` finds how wide the residuals of each predictor are, [`choose`] takes the narrowest, `predict` computes its residuals, `pack` turns
//! these into bits. The seeds of a predictor stand in the header, so that a block can be read, cut short or wiped without its neighbours.
//!
//! A block in memory, in words of 64 bits:
//!
//! ```text
//!  ┌────────┬──────────┬──────────┬─ ─ ─┬──────────┐
//!  │ header │     vector 0        │     │  last    │   rows × width / 8 words behind the header, rounded up
//!  └────────┴──────────┴──────────┴─ ─ ─┴──────────┘
//!
//!  the header, from its lowest bit:
//!
//!    0      4       6       11      16        24     32           48          63
//!    ├──────┼───────┼───────┼───────┼─────────┼──────┼────────────┼────────────┤
//!    │ kind │ order │ width │ depth │ samples │ kept │ first seed │ other seed │     a block
//!    │ kind │ cause │       unused  │               samples                     │     a run of silence
//!    └──────┴───────┴───────────────┴───────────────────────────────────────────┘
//!
//!  Residual i is in lane i % 8 of row i / 8. A vector has eight lanes of 16 bits; in each lane the rows follow each other from the
//!  lowest bit on, `width` bits each. A row that does not fit goes on in the next vector. One lane, of width 6:
//!
//!              15           12 11             6 5              0
//!             ┌───────────────┬────────────────┬────────────────┐
//!   vector 0  │ row 2, low    │ row 1          │ row 0          │
//!             ├───────┬───────┴────────┬───────┴────────┬───────┤
//!   vector 1  │ row 5 │ row 4          │ row 3          │ row 2 │
//!             └───────┴────────────────┴────────────────┴───────┘
//!              15   14 13             8 7              2 1     0
//!
//!  If the lanes of the last vector are filled no further than bit 7, it is half a vector: one word with a byte for each lane.
//! ```

mod avx2;
mod header;
mod lanes;
mod measure;
mod pack;
mod payload;
mod predict;

pub(super) use avx2::{ranks_of_codes, ranks_of_linear};
pub(super) use header::{Block, Cause, Header, Kind, SILENCE_SAMPLES_MAX};
pub(super) use measure::{Measure, measure};
pub(super) use payload::Payload;

use crate::memory::wipe;
use lanes::LANES;
use measure::Extremes;
use pack::Rows;
use predict::Prediction;

/// The most samples of one block.
pub(super) const BLOCK_SAMPLES_MAX: usize = 192;

/// Words of the longest block: its header and 24 rows of 16 bits.
pub(super) const BLOCK_WORDS_MAX: usize = 1 + words_of(BLOCK_SAMPLES_MAX, 16);

/// Residuals in the order of their samples, in whole rows.
pub(super) type Residuals = [u16; BLOCK_SAMPLES_MAX];

/// Words that `samples` residuals of `width` bits take.
const fn words_of(samples: usize, width: usize) -> usize {
    (samples.div_ceil(LANES) * width).div_ceil(8)
}

/// Samples of each block of a frame, or of a part of one: as even as can be, in whole rows.
pub(super) fn block_samples(part_samples: usize) -> usize {
    if part_samples <= BLOCK_SAMPLES_MAX {
        // The usual frame, spared a division.
        return part_samples.next_multiple_of(LANES).max(1);
    }
    let blocks = part_samples.div_ceil(BLOCK_SAMPLES_MAX);
    part_samples.div_ceil(blocks).next_multiple_of(LANES).clamp(1, BLOCK_SAMPLES_MAX)
}

const DEPTH_MAX: u32 = 31;

/// The fewest bits that residuals within these extremes take, and the depth that they are counted from. `width` is the width of the extremes.
#[inline(always)]
fn width_and_depth(extremes: Extremes, width: u8) -> (u8, u8) {
    let below = u32::from(extremes.lowest.unsigned_abs());
    // Rounded up, by shifts: a division would take longer than all else here.
    let depth_of = |width: u8| {
        let step = width.saturating_sub(5);
        (below + (1 << step) - 1) >> step
    };
    let depth = depth_of(width);
    let highest = extremes.highest as u32 + (depth << width.saturating_sub(5));
    match width {
        // The base may be a little lower than the lowest, and the highest takes a bit more then.
        ..16 if depth > DEPTH_MAX || highest >> width > 0 => (width + 1, depth_of(width + 1) as u8),
        16 if depth > DEPTH_MAX || highest >> 16 > 0 => (16, 16),
        _ => (width, depth as u8),
    }
}

/// Chooses the predictor of a block by the measure of its samples.
#[inline(always)]
pub(super) fn choose(kind: Kind, samples: &[i16], measure: &Measure) -> Block {
    let count = samples.len();
    debug_assert!((1..=BLOCK_SAMPLES_MAX).contains(&count));
    let [zeroth, first, second] = measure.widths;
    // The narrowest, and among equals the lowest order.
    let order = (zeroth << 2).min(first << 2 | 1).min(second << 2 | 2) & 3;
    let order = usize::from(order);
    let (width, depth) = width_and_depth(measure.extremes[order], measure.widths[order]);
    let seeds = match order {
        0 => [0, 0],
        1 => [samples[0], 0],
        _ => [samples[0], samples.get(1).map_or(0, |next| next.wrapping_sub(samples[0]))],
    };
    Block { kind, order: order as u8, width, depth, samples: count as u8, kept: count as u8, seeds }
}

/// Packs the samples of a block.
#[inline(always)]
pub(super) fn pack(block: &Block, samples: &[i16], payload: Payload<'_>) {
    debug_assert_eq!(samples.len(), usize::from(block.samples));
    pack_samples(block.order, block.base(), block.width, samples, payload);
}

/// Takes the fields of a block one by one: put together in memory and read again at once, they cost a push a tenth of its time.
fn pack_samples(order: u8, base: i16, width: u8, samples: &[i16], payload: Payload<'_>) {
    let rows = samples.len() / LANES;
    if samples.len() == rows * LANES {
        return pack::pack(&Prediction::new(order, base, samples), rows, width, payload);
    }
    // The last row is not full, as with 20 ms at 44.1 kHz and few others: it is filled up, and the residuals of what fills it are zeros.
    let (mut filled, mut residuals): (_, Residuals) = ([0; BLOCK_SAMPLES_MAX], [0; BLOCK_SAMPLES_MAX]);
    filled[..samples.len()].copy_from_slice(samples);
    let prediction = Prediction::new(order, base, &filled);
    for (at, row) in residuals.chunks_exact_mut(LANES).take(rows + 1).enumerate() {
        row.copy_from_slice(&<[u16; LANES]>::from(prediction.row(at)));
    }
    residuals[samples.len()..].fill(0);
    pack::pack(&residuals, rows + 1, width, payload);
    wipe(&mut filled);
    wipe(&mut residuals);
}

/// Packs residuals that [`unpack`] brought back, and [`cut`] perhaps changed.
pub(super) fn pack_again(block: &Block, residuals: &Residuals, payload: Payload<'_>) {
    pack::pack(residuals, block.rows(), block.width, payload);
}

/// Brings back the residuals of a block, in whole rows.
pub(super) fn unpack(block: &Block, payload: Payload<'_>, residuals: &mut Residuals) {
    pack::unpack(payload, block.rows(), block.width, residuals);
}

/// Turns residuals into the samples of a block; those that were erased are silence. Returns how many samples there are.
pub(super) fn restore(block: &Block, residuals: &Residuals, samples: &mut [i16; BLOCK_SAMPLES_MAX]) -> usize {
    let count = block.samples as usize;
    predict::restore(block.order, block.base(), block.seeds, residuals, &mut samples[..count]);
    if let Kind::Ranks(law) = block.kind {
        samples[..count].iter_mut().for_each(|sample| *sample = law.rank_linear(*sample as i8));
    }
    let kept = if block.kind == Kind::Erased { 0 } else { block.kept as usize };
    samples[kept.min(count)..count].fill(0);
    count
}

/// Cuts a block short: wipes its samples from `kept` on, which is at least 1, from residuals and seeds.
pub(super) fn cut(block: &mut Block, residuals: &mut Residuals, kept: u8) {
    debug_assert!((1..block.samples).contains(&kept));
    block.kept = block.kept.min(kept);
    residuals[usize::from(block.kept)..].fill(0);
    if block.kept < 2 {
        block.seeds[1] = 0;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;
    use retrocall_words::audio::g711::Law;

    use super::*;
    use crate::memory::sync::AtomicU64;

    fn there_and_back(kind: Kind, samples: &[i16], cut_at: Option<u8>) -> (Block, Vec<i16>) {
        let mut block = choose(kind, samples, &measure(samples));
        let words: [_; BLOCK_WORDS_MAX] = std::array::from_fn(|_| AtomicU64::new(0));
        let payload = Payload(&words[..Header::Block(block).payload_words()]);
        let mut residuals = [0xbeef; BLOCK_SAMPLES_MAX];
        pack(&block, samples, payload);
        if let Some(kept) = cut_at {
            unpack(&block, payload, &mut residuals);
            cut(&mut block, &mut residuals, kept);
            pack_again(&block, &residuals, payload);
        }
        let Some(Header::Block(block)) = Header::from_word(Header::Block(block).to_word()) else {
            panic!("the header of a block comes back")
        };
        unpack(&block, payload, &mut residuals);
        let mut out = [-1; BLOCK_SAMPLES_MAX];
        let count = restore(&block, &residuals, &mut out);
        (block, out[..count].to_vec())
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
            let (block, out) = there_and_back(Kind::Linear, &samples, Some(kept as u8));
            prop_assert_eq!(&out[..kept], &samples[..kept]);
            prop_assert!(out[kept..].iter().all(|x| *x == 0));
            prop_assert!(kept > 1 || block.seeds[1] == 0);
        }

        #[test]
        fn ranks_come_back_as_the_samples_of_their_codes(codes in prop::collection::vec(any::<u8>(), 1..=BLOCK_SAMPLES_MAX)) {
            for law in [Law::Mu, Law::A] {
                let (mut ranks, mut again) = (vec![0; codes.len()], vec![0; codes.len()]);
                ranks_of_codes(law, &codes, &mut ranks);
                let linear: Vec<i16> = codes.iter().map(|code| law.linear(*code)).collect();
                prop_assert!(ranks_of_linear(law, &linear, &mut again));
                prop_assert!(codes.iter().zip(&ranks).all(|(code, rank)| i16::from(law.rank(*code)) == *rank));
                prop_assert!(again.iter().zip(&linear).all(|(rank, sample)| law.rank_linear(*rank as i8) == *sample));
                prop_assert_eq!(there_and_back(Kind::Ranks(law), &ranks, None).1, linear);
            }
        }
    }

    #[test]
    fn a_constant_takes_one_word_whatever_its_length() {
        for samples in 1..=BLOCK_SAMPLES_MAX {
            let (block, out) = there_and_back(Kind::Linear, &vec![-123; samples], None);
            assert_eq!(block.width, 0);
            assert_eq!(out, vec![-123; samples]);
        }
    }
}
