//! Prediction: samples become the residuals of a predictor, and samples again.
//!
//! Belongs here: the arithmetic of both ways. Does not: which predictor (that follows from the measure), bits.
//!
//! | order | prediction of a sample | seeds |
//! |---|---|---|
//! | 0 | 0 | none |
//! | 1 | the sample before | the first sample |
//! | 2 | the line through the two samples before | the first sample, the first difference |
//!
//! A residual is the sample less its prediction less the *base* of the block. Seeds stand in the header; the residuals in their place are
//! those of an exact prediction. All arithmetic wraps at 16 bits, so that every input comes back bit for bit.

use super::{
    Residuals,
    lanes::{LANES, Lanes},
    pack::Rows,
};

/// The residuals that a predictor leaves, as rows. They are computed while they are packed, and so lie nowhere but in registers: no array of them has
/// to be cleared before and wiped behind.
pub(super) struct Prediction<'a> {
    /// Whole rows.
    samples: &'a [i16],
    base: Lanes,
    /// All ones if the sample before counts (order 1 and 2). A branch for each row would cost more.
    first: Lanes,
    /// All ones if the one before that counts too (order 2).
    second: Lanes,
}

impl<'a> Prediction<'a> {
    #[inline(always)]
    pub(super) fn new(order: u8, base: i16, samples: &'a [i16]) -> Prediction<'a> {
        debug_assert!(order <= 2 && !samples.is_empty() && samples.len().is_multiple_of(LANES));
        let ones_from = |least| Lanes::all(if order >= least { u16::MAX } else { 0 });
        Prediction { samples, base: Lanes::all(base as u16), first: ones_from(1), second: ones_from(2) }
    }

    /// Eight samples.
    #[inline(always)]
    fn lanes(&self, from: usize) -> Lanes {
        Lanes::of_samples(self.samples[from..].first_chunk().expect("a row"))
    }
}

impl Rows for Prediction<'_> {
    #[inline(always)]
    fn row(&self, at: usize) -> Lanes {
        let from = at * LANES;
        let (before, and_before) = if at > 0 {
            (self.lanes(from - 1), self.lanes(from - 2))
        } else {
            // The first samples have no predecessors: these predict them exactly.
            let [a, b] = [self.samples[0], self.samples[1]].map(|sample| sample as u16);
            let exact = a.wrapping_sub(b.wrapping_sub(a));
            (self.lanes(0).pushed_by_one(a), self.lanes(0).pushed_by_two([a, exact]))
        };
        let prediction = before.add(before.sub(and_before).and(self.second)).and(self.first);
        self.lanes(from).sub(prediction).sub(self.base)
    }
}

/// Residuals become samples again: the way back from [`Prediction`].
pub(super) fn restore(order: u8, base: i16, seeds: [i16; 2], residuals: &Residuals, samples: &mut [i16]) {
    let [last, step] = seeds;
    match order {
        0 => sum::<0>(base, [0, 0], residuals, samples),
        1 => sum::<1>(base, [last, 0], residuals, samples),
        // Sample 0 is the first seed itself: no step leads to it.
        _ => sum::<2>(base, [last.wrapping_sub(step), step], residuals, samples),
    }
}

/// Sums of the residuals up to each, `TIMES` times over.
#[inline(always)]
fn sum<const TIMES: usize>(base: i16, carry: [i16; 2], residuals: &Residuals, samples: &mut [i16]) {
    let base = Lanes::all(base as u16);
    // The sum so far, and behind it the sum of the inner sums.
    let mut carry = carry.map(|sum| Lanes::all(sum as u16));
    let mut next = |row: &[u16; LANES]| {
        let mut sums = Lanes::from(*row).add(base);
        for time in (0..TIMES).rev() {
            sums = sums.prefix_sums();
            let all = sums.last_in_all();
            sums = sums.add(carry[time]);
            carry[time] = carry[time].add(all);
        }
        sums.into_samples()
    };
    let (whole, rest) = samples.as_chunks_mut::<LANES>();
    let mut rows = residuals.as_chunks::<LANES>().0.iter();
    for (out, row) in whole.iter_mut().zip(&mut rows) {
        *out = next(row);
    }
    if !rest.is_empty()
        && let Some(row) = rows.next()
    {
        rest.copy_from_slice(&next(row)[..rest.len()]);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ring::packing::BLOCK_SAMPLES_MAX;

    /// The residual of one sample, as the table above says.
    fn reference(order: u8, base: i16, samples: &[i16], at: usize) -> u16 {
        let sample = |back: usize| samples[at - back];
        let prediction = match order {
            0 => 0,
            _ if at < usize::from(order) => samples[at],
            1 => sample(1),
            _ => sample(1).wrapping_add(sample(1).wrapping_sub(sample(2))),
        };
        samples[at].wrapping_sub(prediction).wrapping_sub(base) as u16
    }

    fn sample() -> impl Strategy<Value = i16> {
        prop_oneof![4 => any::<i16>(), 1 => Just(i16::MIN), 1 => Just(i16::MAX), 1 => -1..=1i16]
    }

    proptest! {
        #[test]
        fn residuals_are_as_the_table_says_and_lead_back_to_their_samples(
            mut samples in prop::collection::vec(sample(), LANES..=BLOCK_SAMPLES_MAX),
            base in any::<i16>(),
        ) {
            samples.truncate(samples.len() / LANES * LANES);
            for order in 0..=2 {
                let prediction = Prediction::new(order, base, &samples);
                let mut residuals: Residuals = [0; BLOCK_SAMPLES_MAX];
                for (at, row) in residuals[..samples.len()].chunks_exact_mut(LANES).enumerate() {
                    row.copy_from_slice(&<[u16; LANES]>::from(prediction.row(at)));
                }
                for (at, residual) in residuals[..samples.len()].iter().enumerate() {
                    prop_assert_eq!(*residual, reference(order, base, &samples, at), "order {}, sample {}", order, at);
                }
                let seeds = [samples[0], samples[1].wrapping_sub(samples[0])];
                let mut again = vec![-1; samples.len()];
                restore(order, base, seeds, &residuals, &mut again);
                prop_assert_eq!(&again, &samples);
                // A block may end within a row.
                let mut short = vec![-1; samples.len() - 3];
                restore(order, base, seeds, &residuals, &mut short);
                prop_assert_eq!(&short[..], &samples[..samples.len() - 3]);
            }
        }
    }
}
