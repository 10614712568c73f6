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

/// What a block's samples and their first and second differences are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measure {
    /// The lowest sample, or 0 if none is below.
    pub lowest: i16,
    /// The highest sample, or 0 if none is above.
    pub highest: i16,
    /// All samples or-ed together.
    pub bits: i16,
    /// Bits that the residuals of each order of predictor take.
    pub widths: [u8; 3],
}

/// Bits of the zig-zagged form of every value between two that enclose 0.
#[inline(always)]
fn width(lowest: i16, highest: i16) -> u8 {
    let magnitude = highest.max(!lowest) as u16;
    if lowest == 0 && highest == 0 { 0 } else { 17 - magnitude.leading_zeros() as u8 }
}

/// The least and the greatest of all lanes and of one value more.
#[inline(always)]
fn ends(lowest: &[i16; STEP], highest: &[i16; STEP], more: i16) -> (i16, i16) {
    let (mut low, mut high) = (more.min(0), more.max(0));
    for i in 0..STEP {
        low = low.min(lowest[i]);
        high = high.max(highest[i]);
    }
    (low, high)
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

/// Puts the sign in the lowest bit.
#[inline(always)]
pub(super) fn zigzag(value: i16) -> u16 {
    ((value << 1) ^ (value >> 15)) as u16
}

/// Measures a block of 1 to 192 samples.
pub(super) fn measure(samples: &[i16]) -> Measure {
    debug_assert!((1..=BLOCK_SAMPLES_MAX).contains(&samples.len()));
    if samples.len() < STEPPED_MIN { measure_short(samples) } else { measure_in_steps(samples) }
}

fn measure_short(samples: &[i16]) -> Measure {
    let (mut low, mut high, mut bits) = ([0; 3], [0; 3], 0);
    for (i, &x) in samples.iter().enumerate() {
        bits |= x;
        let before = |back: usize| i.checked_sub(back).map(|at| samples[at]);
        let values = [Some(x), before(1).map(|b| first(x, b)), before(1).zip(before(2)).map(|(b, c)| second(x, b, c))];
        for (order, value) in values.into_iter().enumerate() {
            let value = value.unwrap_or(0);
            low[order] = value.min(low[order]);
            high[order] = value.max(high[order]);
        }
    }
    Measure {
        lowest: low[0],
        highest: high[0],
        bits,
        widths: std::array::from_fn(|order| width(low[order], high[order])),
    }
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
        let [x, y] = [samples[0], samples[1]];
        let (lowest, highest) = ends(&low[0], &high[0], x);
        let (lowest, highest) = (lowest.min(y), highest.max(y));
        let one = ends(&low[1], &high[1], first(y, x));
        let two = ends(&low[2], &high[2], 0);
        let mut all = x | y;
        for lane in bits {
            all |= lane;
        }
        Measure { lowest, highest, bits: all, widths: [width(lowest, highest), width(one.0, one.1), width(two.0, two.1)] }
    }
}

/// Leaves the zig-zagged residuals of a predictor of `order` 0, 1 or 2 in `residuals`, and zeros up to the end of the row. What a predictor
/// can't know, its first `order` samples, are zeros: they are its seeds.
pub(super) fn predict(order: u8, samples: &[i16], residuals: &mut Residuals) {
    let count = samples.len();
    if count < STEPPED_MIN {
        for i in usize::from(order)..count {
            residuals[i] = zigzag(match order {
                0 => samples[i],
                1 => first(samples[i], samples[i - 1]),
                _ => second(samples[i], samples[i - 1], samples[i - 2]),
            });
        }
    } else {
        predict_in_steps(order, samples, residuals);
    }
    residuals[..count.min(order.into())].fill(0);
    residuals[count..count.next_multiple_of(LANES)].fill(0);
}

compiled_twice! {
    fn predict_in_steps(order: u8, samples: &[i16], residuals: &mut Residuals) {
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
                        out[$i] = zigzag($residual);
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

/// Packs `rows` rows of residuals of `width` bits, vector by vector.
pub(super) fn pack(residuals: &Residuals, rows: usize, width: u8, mut store: impl FnMut(usize, Lanes)) {
    // Each width has a routine of its own, in which every shift is a constant and nothing is left to be decided but where it ends.
    macro_rules! widths {
        ($($width:literal)*) => {
            match width {
                $($width => pack_width::<$width>(residuals, rows, &mut store),)*
                _ => debug_assert_eq!(width, 0),
            }
        };
    }
    widths!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
}

#[inline(always)]
fn pack_width<const WIDTH: u32>(residuals: &Residuals, rows: usize, store: &mut impl FnMut(usize, Lanes)) {
    const { assert!(BLOCK_SAMPLES_MAX == 24 * LANES, "as many rows as are named below") };
    let (mut vector, mut lanes, mut filled) = (0, [0; LANES], 0);
    // By hand, because the compiler unrolls no loop of this length.
    macro_rules! rows {
        ($($row:literal)*) => {$(
            if $row == rows {
                if filled > 0 {
                    store(vector, lanes);
                }
                return;
            }
            let row: &Lanes = residuals[$row * LANES..][..LANES].try_into().expect("a row");
            for i in 0..LANES {
                lanes[i] |= row[i] << filled;
            }
            filled += WIDTH;
            if filled >= 16 {
                store(vector, lanes);
                vector += 1;
                filled -= 16;
                // What did not fit of this row begins the next vector.
                for i in 0..LANES {
                    lanes[i] = if filled == 0 { 0 } else { row[i] >> (WIDTH - filled) };
                }
            }
        )*};
    }
    rows!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23);
    if filled > 0 {
        store(vector, lanes);
    }
}

/// The way back from [`predict`]. Sums wait for one another: adding vectors in three steps each was slower than one sample after another.
pub(super) fn restore(order: u8, seeds: [i16; 2], residuals: &[u16], samples: &mut [i16]) {
    let [mut last, mut step] = seeds;
    let out = samples.iter_mut().zip(residuals);
    match order {
        0 => out.for_each(|(sample, &residual)| *sample = unzigzag(residual)),
        1 => out.for_each(|(sample, &residual)| {
            last = last.wrapping_add(unzigzag(residual));
            *sample = last;
        }),
        _ => {
            // Sample 0 is the first seed itself: no step leads to it.
            last = first(last, step);
            out.for_each(|(sample, &residual)| {
                step = step.wrapping_add(unzigzag(residual));
                last = last.wrapping_add(step);
                *sample = last;
            });
        }
    }
}

#[inline(always)]
fn unzigzag(value: u16) -> i16 {
    (value >> 1) as i16 ^ -((value & 1) as i16)
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

        #[test]
        fn residuals_are_no_wider_than_measured(samples in prop::collection::vec(-300..300i16, 1..=BLOCK_SAMPLES_MAX)) {
            let widths = measure(&samples).widths;
            for order in 0..3u8 {
                let mut residuals = [0xffff; BLOCK_SAMPLES_MAX];
                predict(order, &samples, &mut residuals);
                let rows = samples.len().next_multiple_of(LANES);
                let all = residuals[..rows].iter().fold(0, |all, residual| all | residual);
                prop_assert_eq!(16 - all.leading_zeros() as u8, widths[usize::from(order)], "order {}", order);
                prop_assert!(residuals[rows..].iter().all(|residual| *residual == 0xffff), "nothing is written behind the last row");
            }
        }
    }
}
