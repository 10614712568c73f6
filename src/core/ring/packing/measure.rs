//! Measuring: the extremes of a block's samples and of their differences, which show the best predictor.
//!
//! Belongs here: the loop over the samples that measures. Does not: the choice made from the measure, packing.
//!
//! A block is measured in steps of sixteen samples. The last step is moved back so that it ends with the block, and meets some samples twice:
//! a maximum does not mind, and a loop for the rest would take longer. A block too short for a step goes sample by sample.

use super::{
    BLOCK_SAMPLES_MAX,
    avx2::{self, Loop},
    lanes::{LANES, Lanes},
};

/// Samples of one step.
const STEP: usize = 16;
/// The shortest block that is measured in steps: the second difference looks two samples back.
const STEPPED_MIN: usize = STEP + 2;

/// The least and the greatest of some values and 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::ring) struct Extremes {
    /// At most 0.
    pub lowest: i16,
    /// At least 0.
    pub highest: i16,
}

impl Extremes {
    #[inline(always)]
    fn add(&mut self, value: i16) {
        self.lowest = self.lowest.min(value);
        self.highest = self.highest.max(value);
    }

    /// Bits of each value when counted from the lowest.
    #[inline(always)]
    fn width(self) -> u8 {
        16 - (self.highest.wrapping_sub(self.lowest) as u16).leading_zeros() as u8
    }

    /// The greatest magnitude.
    pub(in crate::ring) fn peak(self) -> u16 {
        self.lowest.unsigned_abs().max(self.highest.unsigned_abs())
    }
}

/// The measure of a block's samples and their differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ring) struct Measure {
    /// All samples or-ed together.
    pub bits: i16,
    /// Extremes of the residuals by order of the predictor: of the samples, of their first differences, of their second ones.
    pub extremes: [Extremes; 3],
    /// Bits that the residuals of each order take. They are found here, where the compiler may count leading zeros by one instruction:
    /// elsewhere the three took a tenth of a push.
    pub widths: [u8; 3],
}

impl Measure {
    #[inline(always)]
    fn new(bits: i16, extremes: [Extremes; 3]) -> Measure {
        Measure { bits, extremes, widths: extremes.map(Extremes::width) }
    }
}

#[inline(always)]
fn first(a: i16, b: i16) -> i16 {
    a.wrapping_sub(b)
}

#[inline(always)]
fn second(a: i16, b: i16, c: i16) -> i16 {
    first(first(a, b), first(b, c))
}

/// Measures a block of 1 to 192 samples.
pub(in crate::ring) fn measure(samples: &[i16]) -> Measure {
    debug_assert!((1..=BLOCK_SAMPLES_MAX).contains(&samples.len()));
    if samples.len() < STEPPED_MIN { sample_by_sample(samples) } else { avx2::run(InSteps(samples)) }
}

fn sample_by_sample(samples: &[i16]) -> Measure {
    let (mut bits, mut extremes) = (0, [Extremes::default(); 3]);
    for (i, &x) in samples.iter().enumerate() {
        bits |= x;
        extremes[0].add(x);
        if i > 0 {
            extremes[1].add(first(x, samples[i - 1]));
        }
        if i > 1 {
            extremes[2].add(second(x, samples[i - 1], samples[i - 2]));
        }
    }
    Measure::new(bits, extremes)
}

/// Samples that are measured in steps: at least [`STEPPED_MIN`].
struct InSteps<'a>(&'a [i16]);

impl Loop for InSteps<'_> {
    type Output = Measure;

    #[inline(always)]
    fn run(self) -> Measure {
        let samples = self.0;
        let [x, y, ..] = *samples else { return sample_by_sample(samples) };
        let Some(last) = samples.last_chunk::<STEPPED_MIN>() else { return sample_by_sample(samples) };
        let mut lanes = StepLanes::default();
        // Each step looks at the same samples one and two places back.
        let (a, b, c) = (whole_steps(&samples[2..]), whole_steps(&samples[1..]), whole_steps(samples));
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            lanes.add(a, b, c);
        }
        lanes.add(step(&last[2..]), step(&last[1..]), step(last));
        let mut extremes = [lanes.extremes(0), lanes.extremes(1), lanes.extremes(2)];
        // The first two samples have no two before them.
        extremes[0].add(x);
        extremes[0].add(y);
        extremes[1].add(first(y, x));
        Measure::new(over_all(lanes.bits, Lanes::or) | x | y, extremes)
    }
}

#[inline(always)]
fn whole_steps(samples: &[i16]) -> &[[i16; STEP]] {
    samples.as_chunks().0
}

#[inline(always)]
fn step(samples: &[i16]) -> &[i16; STEP] {
    samples.first_chunk().expect("as long as a step")
}

/// The measure so far, apart for each of the sixteen samples of a step.
#[derive(Default)]
struct StepLanes {
    low: [[i16; STEP]; 3],
    high: [[i16; STEP]; 3],
    bits: [i16; STEP],
}

impl StepLanes {
    /// Adds a step: its samples, and the samples one and two places before each.
    #[inline(always)]
    fn add(&mut self, a: &[i16; STEP], b: &[i16; STEP], c: &[i16; STEP]) {
        let StepLanes { low, high, bits } = self;
        for i in 0..STEP {
            let (one, two) = (first(a[i], b[i]), second(a[i], b[i], c[i]));
            bits[i] |= a[i];
            low[0][i] = a[i].min(low[0][i]);
            high[0][i] = a[i].max(high[0][i]);
            low[1][i] = one.min(low[1][i]);
            high[1][i] = one.max(high[1][i]);
            low[2][i] = two.min(low[2][i]);
            high[2][i] = two.max(high[2][i]);
        }
    }

    #[inline(always)]
    fn extremes(&self, order: usize) -> Extremes {
        Extremes { lowest: over_all(self.low[order], Lanes::min), highest: over_all(self.high[order], Lanes::max) }
    }
}

/// One of all sixteen numbers of a step.
#[inline(always)]
fn over_all(step: [i16; STEP], of_two: impl Fn(Lanes, Lanes) -> Lanes) -> i16 {
    let half = |from: usize| Lanes::of_samples(step[from..].first_chunk().expect("half a step"));
    of_two(half(0), half(LANES)).fold(of_two)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A measure as its definition says, in wide numbers.
    fn reference(samples: &[i16]) -> Measure {
        let wrap = |value: i32| i32::from(value as i16);
        let zeroth: Vec<i32> = samples.iter().map(|x| i32::from(*x)).collect();
        let differences = |of: &[i32]| of.windows(2).map(|pair| wrap(pair[1] - pair[0])).collect::<Vec<i32>>();
        let first = differences(&zeroth);
        let second = differences(&first);
        let orders = [zeroth, first, second].map(|residuals| {
            let (lowest, highest) = residuals.iter().fold((0, 0), |(low, high), x| (low.min(*x), high.max(*x)));
            let width = (0..=16).find(|width| highest - lowest < 1 << width).expect("16 bits are enough") as u8;
            (Extremes { lowest: lowest as i16, highest: highest as i16 }, width)
        });
        Measure {
            bits: samples.iter().fold(0, |bits, x| bits | x),
            extremes: orders.map(|(extremes, _)| extremes),
            widths: orders.map(|(_, width)| width),
        }
    }

    /// Samples with many at the ends of their range.
    fn sample() -> impl Strategy<Value = i16> {
        prop_oneof![4 => any::<i16>(), 1 => Just(i16::MIN), 1 => Just(i16::MAX), 1 => -1..=1i16]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_block_of_any_length_is_measured_as_its_definition_says(
            samples in prop::collection::vec(sample(), 1..=BLOCK_SAMPLES_MAX),
            quiet in 0..16u32,
        ) {
            let samples: Vec<i16> = samples.iter().map(|x| x >> quiet).collect();
            prop_assert_eq!(measure(&samples), reference(&samples));
            // For processors without AVX2, too.
            if samples.len() >= STEPPED_MIN {
                prop_assert_eq!(InSteps(&samples).run(), reference(&samples));
            }
        }
    }

    /// Where the last step is moved back to, each extreme is met at every place of every length.
    #[test]
    fn the_one_extreme_sample_is_measured_wherever_it_stands() {
        for length in 1..=BLOCK_SAMPLES_MAX {
            let mut samples = vec![0; length];
            for at in 0..length {
                for extreme in [i16::MIN, i16::MAX] {
                    samples[at] = extreme;
                    assert_eq!(measure(&samples), reference(&samples), "{extreme} at {at} of {length}");
                }
                samples[at] = 0;
            }
        }
    }
}
