//! The draw by chance, where the records hand in none that can be proved.
//!
//! Belongs here: independent draws. Does not: calls, what is done with the answer; seeds and their proof (`records`).

use jiff::civil::Date;
use rand::{TryRng, rngs::SysRng};

pub use retrocall_words::book::Draw;

/// Independent draws of 1 in N from the operating system's generator.
#[derive(Debug, Clone, Copy)]
pub struct SystemDraw {
    one_in: u32,
}

impl SystemDraw {
    /// Draws 1 call in `one_in`; none if it is 0, all if it is 1.
    pub fn new(one_in: u32) -> SystemDraw {
        SystemDraw { one_in }
    }
}

impl Draw for SystemDraw {
    fn draw(&self, _day: Date, _sequence: u64) -> bool {
        match self.one_in {
            0 => false,
            // Without a generator there is no fair draw. A call that is not drawn is not kept.
            one_in => SysRng.try_next_u64().is_ok_and(|random| uniform(random, one_in) == 0),
        }
    }
}

/// Maps 64 random bits to `0..below`. The bias is under `below` / 2^64, too small to notice (Lemire, 2019).
fn uniform(random: u64, below: u32) -> u32 {
    ((u128::from(random) * u128::from(below)) >> 64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Date = jiff::civil::date(2026, 11, 24);

    #[test]
    fn none_are_drawn_of_zero_and_all_of_one() {
        assert!((1..1_000).all(|sequence| !SystemDraw::new(0).draw(DAY, sequence)));
        assert!((1..1_000).all(|sequence| SystemDraw::new(1).draw(DAY, sequence)));
    }

    #[test]
    fn one_in_ten_is_one_in_ten() {
        // 10,000 independent draws of 1 in 10: outside of 1,000 ± 210 (7 standard deviations) once in 10^11 runs.
        let drawn = (0..10_000).filter(|sequence| SystemDraw::new(10).draw(DAY, *sequence)).count();
        assert!((790..=1_210).contains(&drawn), "{drawn} of 10,000");
    }

    #[test]
    fn random_bits_are_mapped_evenly() {
        assert_eq!(uniform(0, 10), 0);
        assert_eq!(uniform(u64::MAX, 10), 9);
        assert_eq!(uniform(u64::MAX / 2, 10), 4);
    }
}
