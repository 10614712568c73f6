//! [`Lanes`] as an array: for other processors, and as the reference in the tests of the vectors.

use super::LANES;

/// Eight numbers side by side. Arithmetic wraps.
#[derive(Clone, Copy)]
pub struct Lanes([u16; LANES]);

impl From<[u16; LANES]> for Lanes {
    fn from(numbers: [u16; LANES]) -> Lanes {
        Lanes(numbers)
    }
}

impl From<Lanes> for [u16; LANES] {
    fn from(lanes: Lanes) -> [u16; LANES] {
        lanes.0
    }
}

impl Lanes {
    #[inline(always)]
    fn of_each_two(self, other: Lanes, of_two: impl Fn(u16, u16) -> u16) -> Lanes {
        Lanes(std::array::from_fn(|i| of_two(self.0[i], other.0[i])))
    }

    /// One number in every lane.
    pub fn all(number: u16) -> Lanes {
        Lanes([number; LANES])
    }

    /// Eight samples.
    pub fn of_samples(samples: &[i16; LANES]) -> Lanes {
        Lanes(samples.map(|sample| sample as u16))
    }

    /// The lanes as samples.
    pub fn into_samples(self) -> [i16; LANES] {
        self.0.map(|number| number as i16)
    }

    /// Bits that either has.
    pub fn or(self, other: Lanes) -> Lanes {
        self.of_each_two(other, |a, b| a | b)
    }

    /// Bits that both have.
    pub fn and(self, other: Lanes) -> Lanes {
        self.of_each_two(other, |a, b| a & b)
    }

    /// Sums.
    pub fn add(self, other: Lanes) -> Lanes {
        self.of_each_two(other, u16::wrapping_add)
    }

    /// Differences.
    pub fn sub(self, other: Lanes) -> Lanes {
        self.of_each_two(other, u16::wrapping_sub)
    }

    /// The lesser of each two, as samples.
    pub fn min(self, other: Lanes) -> Lanes {
        self.of_each_two(other, |a, b| (a as i16).min(b as i16) as u16)
    }

    /// The greater of each two, as samples.
    pub fn max(self, other: Lanes) -> Lanes {
        self.of_each_two(other, |a, b| (a as i16).max(b as i16) as u16)
    }

    /// Every lane shifted up by fewer than 16 bits.
    pub fn up(self, bits: u32) -> Lanes {
        Lanes(self.0.map(|number| number << bits))
    }

    /// Every lane shifted down by fewer than 16 bits.
    pub fn down(self, bits: u32) -> Lanes {
        Lanes(self.0.map(|number| number >> bits))
    }

    /// Each lane becomes the sum of those up to it.
    pub fn prefix_sums(self) -> Lanes {
        let mut sum = 0u16;
        Lanes(self.0.map(|number| {
            sum = sum.wrapping_add(number);
            sum
        }))
    }

    /// Each number moves one lane on, and this one comes in front.
    pub fn pushed_by_one(self, front: u16) -> Lanes {
        let [a, b, c, d, e, f, g, _] = self.0;
        Lanes([front, a, b, c, d, e, f, g])
    }

    /// Each number moves two lanes on, and these come in front.
    pub fn pushed_by_two(self, front: [u16; 2]) -> Lanes {
        self.pushed_by_one(front[1]).pushed_by_one(front[0])
    }

    /// The last number in every lane.
    pub fn last_in_all(self) -> Lanes {
        Lanes::all(self.0[LANES - 1])
    }

    /// One of all eight numbers.
    pub fn fold(self, of_two: impl Fn(Lanes, Lanes) -> Lanes) -> i16 {
        let of_all = self.0.into_iter().map(Lanes::all).reduce(of_two).expect("there are eight");
        of_all.into_samples()[0]
    }
}
