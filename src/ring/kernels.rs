//! The loops over the samples of one block: where a push spends its time.
//!
//! Each is written once, in plain steps of sixteen samples that the compiler turns into vectors, and compiled twice: for every processor,
//! and for those with AVX2, which take half the instructions. A last step that would run over the end is moved back and does a part twice: that is
//! cheaper than a loop for the rest, and harmless to a maximum and to what is only written. Blocks too short for that go sample by sample.
#![allow(unsafe_code)]

use super::block::{BLOCK_SAMPLES_MAX, LANES, Lanes, Residuals};
use crate::audio::g711::Law;

/// Samples of one step.
const STEP: usize = 16;
/// The fewest samples that the loops in steps can take: the second difference looks two samples back.
const STEPPED_MIN: usize = STEP + 2;

/// Defines a function whose body is compiled for every processor and again for those with AVX2. The body may use no closure or function that is not
/// `inline(always)`: it would be compiled once, without AVX2.
macro_rules! compiled_twice {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) $(-> $returns:ty)? $body:block) => {
        $(#[$doc])*
        pub(super) fn $name($($arg: $type),*) $(-> $returns)? {
            #[inline(always)]
            fn body($($arg: $type),*) $(-> $returns)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,lzcnt")]
                fn with_avx2($($arg: $type),*) $(-> $returns)? {
                    body($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("lzcnt") {
                    // SAFETY: the processor has both, as was just seen.
                    return unsafe { with_avx2($($arg),*) };
                }
            }
            body($($arg),*)
        }
    };
}

/// From the least to the greatest of some values, with 0 among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub lowest: i16,
    pub highest: i16,
}

impl Span {
    #[inline(always)]
    fn add(&mut self, value: i16) {
        self.lowest = self.lowest.min(value);
        self.highest = self.highest.max(value);
    }

    /// Bits that every value takes when it is counted from the lowest.
    pub(super) fn width(self) -> u8 {
        16 - (self.highest.wrapping_sub(self.lowest) as u16).leading_zeros() as u8
    }

    /// The greatest magnitude.
    pub(super) fn peak(self) -> u16 {
        self.lowest.unsigned_abs().max(self.highest.unsigned_abs())
    }
}

/// What a block's samples and their differences are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measure {
    /// All samples or-ed together.
    pub bits: i16,
    /// The residuals of each order of predictor: the samples, their first differences, their second ones.
    pub spans: [Span; 3],
}

/// One of two lanes for each, until one is left. By hand where every processor of a kind has the vectors for it, because the compiler makes a
/// chain of sixteen comparisons of a plain loop, and the two ends of three orders are a third of a measure then.
macro_rules! over_all_lanes {
    ($(#[$doc:meta])* fn $name:ident, $vector:ident, |$a:ident, $b:ident| $of_two:expr) => {
        $(#[$doc])*
        #[inline(always)]
        #[cfg(target_arch = "x86_64")]
        fn $name(lanes: [i16; STEP]) -> i16 {
            use std::arch::x86_64::{__m128i, _mm_extract_epi16, _mm_shuffle_epi32, _mm_srli_epi32, $vector};
            // SAFETY: sixteen lanes are as long as two vectors of eight, and any bits are valid in these.
            let [one, other]: [__m128i; 2] = unsafe { std::mem::transmute(lanes) };
            // SAFETY: SSE2, which every x86-64 has.
            unsafe {
                let eight = $vector(one, other);
                let four = $vector(eight, _mm_shuffle_epi32::<0b11_10_11_10>(eight));
                let two = $vector(four, _mm_shuffle_epi32::<0b01_01_01_01>(four));
                _mm_extract_epi16::<0>($vector(two, _mm_srli_epi32::<16>(two))) as i16
            }
        }

        #[cfg(not(target_arch = "x86_64"))]
        fn $name(lanes: [i16; STEP]) -> i16 {
            lanes.into_iter().fold(lanes[0], |$a, $b| $of_two)
        }
    };
}

over_all_lanes! {
    /// The least of all lanes.
    fn least, _mm_min_epi16, |a, b| a.min(b)
}
over_all_lanes! {
    /// The greatest of all lanes.
    fn greatest, _mm_max_epi16, |a, b| a.max(b)
}
over_all_lanes! {
    /// All lanes or-ed together.
    fn any_of, _mm_or_si128, |a, b| a | b
}

#[inline(always)]
fn step_at(samples: &[i16], at: usize) -> &[i16; STEP] {
    samples[at..at + STEP].try_into().expect("as long as a step")
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
pub(super) fn measure(samples: &[i16]) -> Measure {
    debug_assert!((1..=BLOCK_SAMPLES_MAX).contains(&samples.len()));
    if samples.len() < STEPPED_MIN { measure_short(samples) } else { measure_in_steps(samples) }
}

fn measure_short(samples: &[i16]) -> Measure {
    let mut measure = Measure { bits: 0, spans: [Span::default(); 3] };
    for (i, &x) in samples.iter().enumerate() {
        measure.bits |= x;
        measure.spans[0].add(x);
        if i > 0 {
            measure.spans[1].add(first(x, samples[i - 1]));
        }
        if i > 1 {
            measure.spans[2].add(second(x, samples[i - 1], samples[i - 2]));
        }
    }
    measure
}

compiled_twice! {
    fn measure_in_steps(samples: &[i16]) -> Measure {
        let count = samples.len();
        assert!((STEPPED_MIN..=BLOCK_SAMPLES_MAX).contains(&count));
        let (mut low, mut high, mut bits) = ([[0; STEP]; 3], [[0; STEP]; 3], [0; STEP]);
        let mut at = 2;
        while at < count {
            at = at.min(count - STEP);
            let (a, b, c) = (step_at(samples, at), step_at(samples, at - 1), step_at(samples, at - 2));
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
            at += STEP;
        }
        let span = |order: usize| Span { lowest: least(low[order]), highest: greatest(high[order]) };
        let mut spans = [span(0), span(1), span(2)];
        // What the steps have not met, because they look two samples back.
        let [x, y] = [samples[0], samples[1]];
        spans[0].add(x);
        spans[0].add(y);
        spans[1].add(first(y, x));
        Measure { bits: any_of(bits) | x | y, spans }
    }
}

compiled_twice! {
    /// The ranks of samples that all come from codes of this law; false if one of them does not. Then `ranks` holds nothing of use.
    fn ranks_of_linear(law: Law, samples: &[i16], ranks: &mut [i16]) -> bool {
        law.ranks_of_linear(samples, ranks)
    }
}

compiled_twice! {
    /// The ranks of codes.
    fn ranks_of_codes(law: Law, codes: &[u8], ranks: &mut [i16]) -> () {
        law.ranks_of_codes(codes, ranks);
    }
}

/// Leaves the residuals of a predictor of `order` 0, 1 or 2, counted from `base`, in `residuals`, and zeros up to the end of the row. What a
/// predictor can't know, its first `order` samples, are its seeds: their residuals are those of a sample that was predicted exactly.
pub(super) fn predict(order: u8, base: i16, samples: &[i16], residuals: &mut Residuals) {
    let count = samples.len();
    if count < STEPPED_MIN {
        for i in usize::from(order)..count {
            let residual = match order {
                0 => samples[i],
                1 => first(samples[i], samples[i - 1]),
                _ => second(samples[i], samples[i - 1], samples[i - 2]),
            };
            residuals[i] = residual.wrapping_sub(base) as u16;
        }
    } else {
        predict_in_steps(order, base, samples, residuals);
    }
    residuals[..count.min(order.into())].fill(base.wrapping_neg() as u16);
    residuals[count..count.next_multiple_of(LANES)].fill(0);
}

compiled_twice! {
    fn predict_in_steps(order: u8, base: i16, samples: &[i16], residuals: &mut Residuals) {
        let count = samples.len();
        assert!((STEPPED_MIN..=BLOCK_SAMPLES_MAX).contains(&count));
        // A loop for each order: a choice inside would keep the compiler from making vectors.
        macro_rules! each_step {
            ($order:literal, |$at:ident, $i:ident| $residual:expr) => {{
                let mut at = $order;
                while at < count {
                    at = at.min(count - STEP);
                    let $at: [&[i16; STEP]; $order + 1] = std::array::from_fn(|back| step_at(samples, at - back));
                    let out: &mut [u16; STEP] = (&mut residuals[at..at + STEP]).try_into().expect("as long as a step");
                    for $i in 0..STEP {
                        out[$i] = $residual.wrapping_sub(base) as u16;
                    }
                    at += STEP;
                }
            }};
        }
        match order {
            0 => each_step!(0, |x, i| x[0][i]),
            1 => each_step!(1, |x, i| first(x[0][i], x[1][i])),
            _ => each_step!(2, |x, i| second(x[0][i], x[1][i], x[2][i])),
        }
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

/// Runs a routine for a width: each has one of its own, in which every shift is a constant and nothing is left to be decided but where it
/// ends. Of width 0 there is nothing to do.
macro_rules! by_width {
    ($width:expr, $routine:ident($($argument:expr),*)) => {
        by_width!($width, $routine($($argument),*), 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    };
    ($width:expr, $routine:ident $arguments:tt, $($each:literal)*) => {
        match $width {
            $($each => $routine::<$each> $arguments,)*
            _ => debug_assert_eq!($width, 0),
        }
    };
}

/// Runs a block of code for each row until there is none left. By hand, because the compiler unrolls no loop of this length.
macro_rules! for_each_row {
    ($rows:expr, |$row:ident| $code:block) => {
        const { assert!(BLOCK_SAMPLES_MAX == 24 * LANES, "as many rows as are named below") };
        for_each_row!($rows, $row, $code, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23)
    };
    ($rows:expr, $row:ident, $code:block, $($each:literal)*) => {
        'rows: {$(
            if $each == $rows {
                break 'rows;
            }
            let $row: usize = $each;
            $code
        )*}
    };
}

/// Packs rows of residuals of `width` bits.
pub(super) fn pack(residuals: &Residuals, rows: usize, width: u8, mut vectors: impl Vectors) {
    by_width!(width, pack_width(residuals, rows, &mut vectors))
}

#[inline(always)]
#[allow(unused_assignments, reason = "what the last row leaves is not looked at")]
fn pack_width<const WIDTH: u32>(residuals: &Residuals, rows: usize, vectors: &mut impl Vectors) {
    let (mut vector, mut lanes, mut filled) = (0, [0; LANES], 0);
    for_each_row!(rows, |at| {
        let row: &Lanes = residuals[at * LANES..].first_chunk().expect("a row");
        for i in 0..LANES {
            lanes[i] |= row[i] << filled;
        }
        filled += WIDTH;
        if filled >= 16 {
            vectors.store(vector, lanes);
            vector += 1;
            filled -= 16;
            // What did not fit of this row begins the next vector.
            for i in 0..LANES {
                lanes[i] = if filled == 0 { 0 } else { row[i] >> (WIDTH - filled) };
            }
        }
    });
    if filled > 0 {
        vectors.store_last(vector, lanes);
    }
}

/// The way back from [`pack`].
pub(super) fn unpack(vectors: &impl Vectors, rows: usize, width: u8, residuals: &mut Residuals) {
    residuals[..rows * LANES].fill(0);
    by_width!(width, unpack_width(vectors, rows, residuals))
}

#[inline(always)]
#[allow(unused_assignments, reason = "what the last row leaves is not looked at")]
fn unpack_width<const WIDTH: u32>(vectors: &impl Vectors, rows: usize, residuals: &mut Residuals) {
    let mask = u16::MAX >> (16 - WIDTH);
    let (mut vector, mut lanes, mut used) = (0, [0; LANES], 16);
    for_each_row!(rows, |at| {
        let row: &mut Lanes = residuals[at * LANES..].first_chunk_mut().expect("a row");
        if used == 16 {
            lanes = vectors.load(vector);
            vector += 1;
            used = 0;
        }
        for i in 0..LANES {
            row[i] = lanes[i] >> used & mask;
        }
        used += WIDTH;
        if used > 16 {
            // The rest of this row begins the next vector.
            used -= 16;
            lanes = vectors.load(vector);
            vector += 1;
            for i in 0..LANES {
                row[i] |= lanes[i] << (WIDTH - used) & mask;
            }
        }
    });
}

/// The way back from [`predict`]. Sums wait for one another: adding vectors in three steps each was slower than one sample after another.
pub(super) fn restore(order: u8, base: i16, seeds: [i16; 2], residuals: &[u16], samples: &mut [i16]) {
    let [mut last, mut step] = seeds;
    let out = samples.iter_mut().zip(residuals);
    let value = |residual: u16| base.wrapping_add(residual as i16);
    match order {
        0 => out.for_each(|(sample, &residual)| *sample = value(residual)),
        1 => out.for_each(|(sample, &residual)| {
            last = last.wrapping_add(value(residual));
            *sample = last;
        }),
        _ => {
            // Sample 0 is the first seed itself: no step leads to it.
            last = first(last, step);
            out.for_each(|(sample, &residual)| {
                step = step.wrapping_add(value(residual));
                last = last.wrapping_add(step);
                *sample = last;
            });
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_block_in_steps_is_measured_as_one_that_goes_sample_by_sample(
            samples in prop::collection::vec(any::<i16>(), STEPPED_MIN..=BLOCK_SAMPLES_MAX),
            quiet in 0..17u32,
        ) {
            let samples: Vec<i16> = samples.iter().map(|x| if quiet == 16 { 0 } else { x >> quiet }).collect();
            prop_assert_eq!(measure_in_steps(&samples), measure_short(&samples));
        }
    }
}
