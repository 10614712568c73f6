//! Packing: rows of eight residuals become bits, and rows again.
//!
//! Belongs here: bits. Does not: what the residuals mean.
//!
//! Sixteen-bit lanes take twice the samples an instruction that the 32-bit lanes of the `bitpacking` crate take, and any number of rows packs
//! without filling up to 128. The picture is in the parent module.

use super::{
    BLOCK_SAMPLES_MAX, Payload, Residuals,
    lanes::{LANES, Lanes},
};

/// Rows of eight residuals.
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

/// A routine that is compiled once for each width of residuals, so that every shift in it is by a constant.
trait OfWidth {
    fn run<const WIDTH: u32>(self);
}

#[inline(always)]
fn run(width: u8, routine: impl OfWidth) {
    match width {
        1 => routine.run::<1>(),
        2 => routine.run::<2>(),
        3 => routine.run::<3>(),
        4 => routine.run::<4>(),
        5 => routine.run::<5>(),
        6 => routine.run::<6>(),
        7 => routine.run::<7>(),
        8 => routine.run::<8>(),
        9 => routine.run::<9>(),
        10 => routine.run::<10>(),
        11 => routine.run::<11>(),
        12 => routine.run::<12>(),
        13 => routine.run::<13>(),
        14 => routine.run::<14>(),
        15 => routine.run::<15>(),
        16 => routine.run::<16>(),
        _ => debug_assert_eq!(width, 0, "residuals of no bits lie nowhere"),
    }
}

/// Runs a block of code for each row until there is none left: a loop, unrolled by hand because the compiler unrolls none of this length. Unrolled, the
/// place of each row in its vector is a constant. With a plain loop a push takes 1.2 to 1.45 times as long, a read 1.2 to 1.4 times.
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

/// Packs the first `count` rows as residuals of `width` bits.
pub(super) fn pack(rows: &impl Rows, count: usize, width: u8, payload: Payload<'_>) {
    run(width, Packing { rows, count, payload });
}

struct Packing<'a, R> {
    rows: &'a R,
    count: usize,
    payload: Payload<'a>,
}

impl<R: Rows> OfWidth for Packing<'_, R> {
    #[inline(always)]
    #[allow(unused_assignments, reason = "what the last row leaves is not looked at")]
    fn run<const WIDTH: u32>(self) {
        let Packing { rows, count, payload } = self;
        let (mut vector, mut lanes, mut filled) = (0, Lanes::all(0), 0);
        for_each_row!(count, |at| {
            let row = rows.row(at);
            lanes = lanes.or(row.up(filled));
            filled += WIDTH;
            if filled >= 16 {
                payload.store(vector, lanes);
                vector += 1;
                filled -= 16;
                // The bits of this row that did not fit begin the next vector.
                lanes = if filled == 0 { Lanes::all(0) } else { row.down(WIDTH - filled) };
            }
        });
        if filled > 0 {
            payload.store_last(vector, lanes);
        }
    }
}

/// Unpacks `count` rows of residuals of `width` bits: the way back from [`pack`].
pub(super) fn unpack(payload: Payload<'_>, count: usize, width: u8, residuals: &mut Residuals) {
    residuals[..count * LANES].fill(0);
    run(width, Unpacking { payload, count, residuals });
}

struct Unpacking<'a> {
    payload: Payload<'a>,
    count: usize,
    residuals: &'a mut Residuals,
}

impl OfWidth for Unpacking<'_> {
    #[inline(always)]
    #[allow(unused_assignments, reason = "what the last row leaves is not looked at")]
    fn run<const WIDTH: u32>(self) {
        let Unpacking { payload, count, residuals } = self;
        let mask = Lanes::all(u16::MAX >> (16 - WIDTH));
        let (mut vector, mut lanes, mut used) = (0, Lanes::all(0), 16);
        for_each_row!(count, |at| {
            if used == 16 {
                lanes = payload.load(vector);
                vector += 1;
                used = 0;
            }
            let mut row = lanes.down(used);
            used += WIDTH;
            if used > 16 {
                // The rest of this row begins the next vector.
                used -= 16;
                lanes = payload.load(vector);
                vector += 1;
                row = row.or(lanes.up(WIDTH - used));
            }
            *residuals[at * LANES..].first_chunk_mut().expect("a row") = <[u16; LANES]>::from(row.and(mask));
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        memory::sync::{AtomicU64, Ordering},
        ring::packing::words_of,
    };

    /// The bytes of a payload, bit by bit, as the picture says.
    fn reference(residuals: &Residuals, rows: usize, width: usize) -> Vec<u8> {
        let mut lanes = vec![[0u16; LANES]; (rows * width).div_ceil(16)];
        for row in 0..rows {
            for bit in 0..width {
                let place = row * width + bit;
                for lane in 0..LANES {
                    lanes[place / 16][lane] |= (residuals[row * LANES + lane] >> bit & 1) << (place % 16);
                }
            }
        }
        let is_half = (1..=8).contains(&(rows * width % 16));
        let last = if is_half { lanes.pop() } else { None };
        let whole = lanes.iter().flatten().flat_map(|lane| lane.to_ne_bytes());
        whole.chain(last.into_iter().flatten().map(|lane| lane as u8)).collect()
    }

    fn residual() -> impl Strategy<Value = u16> {
        prop_oneof![4 => any::<u16>(), 1 => Just(0), 1 => Just(u16::MAX)]
    }

    proptest! {
        #[test]
        fn residuals_of_every_width_are_packed_as_the_picture_says_and_come_back(
            any in prop::collection::vec(residual(), BLOCK_SAMPLES_MAX),
            rows in 1..=BLOCK_SAMPLES_MAX / LANES,
        ) {
            for width in 0..=16u8 {
                let mask = u16::MAX.checked_shr(16 - u32::from(width)).unwrap_or(0);
                let residuals: Residuals = std::array::from_fn(|i| if i < rows * LANES { any[i] & mask } else { 0 });
                let words = words_of(rows * LANES, width.into());
                let memory: Vec<AtomicU64> = (0..words + 1).map(|_| AtomicU64::new(u64::MAX)).collect();
                pack(&residuals, rows, width, Payload(&memory[..words]));
                let bytes: Vec<u8> = memory.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
                prop_assert_eq!(&bytes[..8 * words], reference(&residuals, rows, width.into()), "{} bits", width);
                prop_assert_eq!(&bytes[8 * words..], &[u8::MAX; 8], "nothing is written behind the block");
                let mut again: Residuals = [0; BLOCK_SAMPLES_MAX];
                unpack(Payload(&memory[..words]), rows, width, &mut again);
                prop_assert_eq!(again, residuals);
            }
        }
    }
}
