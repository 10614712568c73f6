//! The loops over the samples of one block: where a push spends its time.
//!
//! What measures is written once, in plain steps of sixteen samples that the compiler turns into vectors, and compiled twice: for every processor,
//! and for those with AVX2, which take half the instructions. A last step that would run over the end is moved back and does a part twice: that is
//! cheaper than a loop for the rest, and harmless to a maximum. Blocks too short for that go sample by sample. What packs goes by rows of eight.
#![allow(unsafe_code)]

use super::lanes::{LANES, Lanes, Vectors};
use crate::memory::wipe;
use retrocall_words::audio::g711::Law;

/// The most samples of one block.
pub(super) const BLOCK_SAMPLES_MAX: usize = 192;

/// Residuals in the order of their samples, as many whole rows as the longest block has.
pub(super) type Residuals = [u16; BLOCK_SAMPLES_MAX];

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
    #[inline(always)]
    fn width(self) -> u8 {
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
    /// The width of each span. Found here, where leading zeros are counted by an instruction of their own if the processor has it: without,
    /// the three took a tenth of a push.
    pub widths: [u8; 3],
}

impl Measure {
    #[inline(always)]
    fn new(bits: i16, spans: [Span; 3]) -> Measure {
        Measure { bits, spans, widths: spans.map(Span::width) }
    }
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
    let (mut bits, mut spans) = (0, [Span::default(); 3]);
    for (i, &x) in samples.iter().enumerate() {
        bits |= x;
        spans[0].add(x);
        if i > 0 {
            spans[1].add(first(x, samples[i - 1]));
        }
        if i > 1 {
            spans[2].add(second(x, samples[i - 1], samples[i - 2]));
        }
    }
    Measure::new(bits, spans)
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
        Measure::new(any_of(bits) | x | y, spans)
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

/// Rows of eight residuals, to be packed.
pub(super) trait Rows {
    /// The row of this number.
    fn row(&self, at: usize) -> Lanes;
}

impl Rows for Residuals {
    #[inline(always)]
    fn row(&self, at: usize) -> Lanes {
        Lanes::from(*self[at * LANES..].first_chunk().expect("a row"))
    }
}

/// The residuals that a predictor leaves, counted from a base: computed as they are packed, so that they lie nowhere but in the processor's
/// registers, where nothing has to be cleared before and wiped behind. What a predictor can't know, its first `order` samples, are its seeds:
/// their residuals are those of a sample that was predicted exactly.
struct Predicted<'a> {
    /// Whole rows.
    samples: &'a [i16],
    base: Lanes,
    /// All ones where the sample before counts (order 1 and 2).
    first: Lanes,
    /// All ones where the one before that counts too (order 2). A choice for each row would cost more.
    second: Lanes,
}

impl<'a> Predicted<'a> {
    #[inline(always)]
    fn new(order: u8, base: i16, samples: &'a [i16]) -> Predicted<'a> {
        let ones_from = |least| Lanes::all(if order >= least { u16::MAX } else { 0 });
        Predicted { samples, base: Lanes::all(base as u16), first: ones_from(1), second: ones_from(2) }
    }

    /// Eight samples from this one on.
    #[inline(always)]
    fn lanes(&self, from: usize) -> Lanes {
        Lanes::samples(self.samples[from..].first_chunk().expect("a row"))
    }
}

impl Rows for Predicted<'_> {
    #[inline(always)]
    fn row(&self, at: usize) -> Lanes {
        let from = at * LANES;
        let (before, and_before) = if at > 0 {
            (self.lanes(from - 1), self.lanes(from - 2))
        } else {
            // None are before the first ones: such as predict them exactly.
            let [a, b] = [self.samples[0], self.samples[1]].map(|sample| sample as u16);
            let (once, twice) = (self.lanes(0).later::<2>(), self.lanes(0).later::<4>());
            let exact = a.wrapping_sub(b.wrapping_sub(a));
            (once.or(Lanes::first([a, 0])), twice.or(Lanes::first([a, exact])))
        };
        let predicted = before.plus(before.minus(and_before).and(self.second)).and(self.first);
        self.lanes(from).minus(predicted).minus(self.base)
    }
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

/// Packs samples as the residuals of a predictor of `order` 0, 1 or 2, counted from `base`.
pub(super) fn pack_predicted(order: u8, base: i16, samples: &[i16], width: u8, vectors: impl Vectors) {
    let rows = samples.len() / LANES;
    if samples.len() == rows * LANES {
        return pack(&Predicted::new(order, base, samples), rows, width, vectors);
    }
    // The last row is not full, as with 20 ms at 44.1 kHz and few others: filled up with zeros, whose residuals are made zeros too.
    let (mut filled, mut residuals): (_, Residuals) = ([0; BLOCK_SAMPLES_MAX], [0; BLOCK_SAMPLES_MAX]);
    filled[..samples.len()].copy_from_slice(samples);
    let predicted = Predicted::new(order, base, &filled);
    for (at, row) in residuals.chunks_exact_mut(LANES).take(rows + 1).enumerate() {
        row.copy_from_slice(&<[u16; LANES]>::from(predicted.row(at)));
    }
    residuals[samples.len()..].fill(0);
    pack(&residuals, rows + 1, width, vectors);
    wipe(&mut filled);
    wipe(&mut residuals);
}

/// Packs `rows` rows of residuals of `width` bits.
pub(super) fn pack(from: &impl Rows, rows: usize, width: u8, mut vectors: impl Vectors) {
    by_width!(width, pack_width(from, rows, &mut vectors))
}

#[inline(always)]
#[allow(unused_assignments, reason = "what the last row leaves is not looked at")]
fn pack_width<const WIDTH: u32>(from: &impl Rows, rows: usize, vectors: &mut impl Vectors) {
    let (mut vector, mut lanes, mut filled) = (0, Lanes::all(0), 0);
    for_each_row!(rows, |at| {
        let row = from.row(at);
        lanes = lanes.or(row.up(filled));
        filled += WIDTH;
        if filled >= 16 {
            vectors.store(vector, lanes);
            vector += 1;
            filled -= 16;
            // What did not fit of this row begins the next vector.
            lanes = if filled == 0 { Lanes::all(0) } else { row.down(WIDTH - filled) };
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
    let mask = Lanes::all(u16::MAX >> (16 - WIDTH));
    let (mut vector, mut lanes, mut used) = (0, Lanes::all(0), 16);
    for_each_row!(rows, |at| {
        if used == 16 {
            lanes = vectors.load(vector);
            vector += 1;
            used = 0;
        }
        let mut row = lanes.down(used);
        used += WIDTH;
        if used > 16 {
            // The rest of this row begins the next vector.
            used -= 16;
            lanes = vectors.load(vector);
            vector += 1;
            row = row.or(lanes.up(WIDTH - used));
        }
        *residuals[at * LANES..].first_chunk_mut().expect("a row") = <[u16; LANES]>::from(row.and(mask));
    });
}

/// The way back from what [`pack_predicted`] predicts.
pub(super) fn restore(order: u8, base: i16, seeds: [i16; 2], residuals: &[u16], samples: &mut [i16]) {
    let [last, step] = seeds;
    match order {
        0 => sum::<0>(base, [0, 0], residuals, samples),
        1 => sum::<1>(base, [last, 0], residuals, samples),
        // Sample 0 is the first seed itself: no step leads to it.
        _ => sum::<2>(base, [first(last, step), step], residuals, samples),
    }
}

/// Sums of residuals up to each of them, so many times over. `carried` is the sum so far, and behind it that of what is summed first. A row of
/// eight takes three steps: then one addition waits for the row before, where sample by sample each waits for the last.
#[inline(always)]
fn sum<const TIMES: usize>(base: i16, carried: [i16; 2], residuals: &[u16], samples: &mut [i16]) {
    let base = Lanes::all(base as u16);
    let mut carried = carried.map(|sum| Lanes::all(sum as u16));
    for (row, out) in residuals.as_chunks::<LANES>().0.iter().zip(samples.chunks_mut(LANES)) {
        let mut sums = Lanes::from(*row).plus(base);
        for time in (0..TIMES).rev() {
            sums = sums.plus(sums.later::<2>());
            sums = sums.plus(sums.later::<4>());
            sums = sums.plus(sums.later::<8>());
            let all = sums.last_in_all();
            sums = sums.plus(carried[time]);
            carried[time] = carried[time].plus(all);
        }
        match out.first_chunk_mut() {
            Some(out) => *out = sums.into_samples(),
            None => out.copy_from_slice(&sums.into_samples()[..out.len()]),
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
