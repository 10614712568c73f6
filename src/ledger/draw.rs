//! The draw: which calls are in the sample, decided by a seed that was promised before the month and a number that only the council knew then.
//!
//! Belongs here: the arithmetic, which `docs/ledger.md` repeats in words. Does not: where seeds lie, who may see them.

use std::{fmt, str::FromStr};

use crate::{
    hash::{Hash, Malformed, as_text, from_hex, to_hex},
    names::{Site, hmac},
};

/// Before a seed, where its hash is made.
const COMMITMENT: &[u8] = b"retrocall seed v1\n";
/// In place of the council's number, where it gives none.
const NO_NUMBER: &[u8] = b"retrocall draw v1: no number";
/// The version of the draw's input.
const VERSION: u32 = 1;
/// Digits of the council's number, at least: 40 bits, too many to have seeds ready for each.
const NUMBER_DIGITS_MIN: usize = 12;
/// Digits of the council's number, at most.
const NUMBER_DIGITS_MAX: usize = 64;

/// The seed of a day: 32 bytes of the operating system's generator. Secret until all calls of its day have ended.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// From bytes of a generator, or of the file in which they lie.
    pub const fn from_bytes(bytes: [u8; 32]) -> Seed {
        Seed(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its hash, by which it is promised.
    pub fn commitment(&self) -> Hash {
        Hash::of_two(COMMITMENT, &self.0)
    }
}

impl fmt::Debug for Seed {
    /// Without its bytes: whoever knows them knows the day's draws.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl FromStr for Seed {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Seed, Malformed> {
        from_hex(text).map(Seed).ok_or(Malformed("a seed of 64 lower-case hexadecimal digits"))
    }
}

/// The number that the works council gives for a month: 12 digits or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouncilNumber(String);

impl fmt::Display for CouncilNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CouncilNumber {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<CouncilNumber, Malformed> {
        let is_fit = (NUMBER_DIGITS_MIN..=NUMBER_DIGITS_MAX).contains(&text.len());
        if !is_fit || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Malformed("a number of 12 to 64 digits"));
        }
        Ok(CouncilNumber(text.to_owned()))
    }
}

/// A call's draw: 64 bits that nobody can choose. The lowest are in the sample, and are heard in their order. In text: 16 hexadecimal digits, which
/// sort as the numbers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DrawValue(u64);

impl DrawValue {
    /// Whether it is drawn at one in so many: below 2^64/N, exactly.
    pub fn is_drawn(self, one_in: u32) -> bool {
        one_in > 0 && u128::from(self.0) * u128::from(one_in) < 1 << 64
    }
}

impl fmt::Display for DrawValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for DrawValue {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<DrawValue, Malformed> {
        let bytes = from_hex(text).ok_or(Malformed("a draw of 16 lower-case hexadecimal digits"))?;
        Ok(DrawValue(u64::from_be_bytes(bytes)))
    }
}

as_text!(Seed, CouncilNumber, DrawValue);

/// What decides the draws of a day.
#[derive(Clone)]
pub struct DayKey([u8; 32]);

impl DayKey {
    /// The key of a day: its seed, mixed with the council's number if there is one.
    pub fn new(seed: &Seed, number: Option<&CouncilNumber>) -> DayKey {
        DayKey(hmac(&seed.0, number.map_or(NO_NUMBER, |number| number.0.as_bytes())))
    }

    /// The draw of the call with this number in this period.
    pub fn draw(&self, site: &Site, period: u64, number: u64) -> DrawValue {
        self.draw_of(&Hash::of(site.as_str().as_bytes()), period, number)
    }

    /// The same, for one who has the site's hash.
    pub(crate) fn draw_of(&self, site: &Hash, period: u64, number: u64) -> DrawValue {
        // Fixed widths: no two calls share an input.
        let mut input = [0; 52];
        input[..4].copy_from_slice(&VERSION.to_be_bytes());
        input[4..36].copy_from_slice(site.as_bytes());
        input[36..44].copy_from_slice(&period.to_be_bytes());
        input[44..].copy_from_slice(&number.to_be_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hmac(&self.0, &input)[..8]);
        DrawValue(u64::from_be_bytes(first))
    }
}

impl fmt::Debug for DayKey {
    /// Without its bytes: whoever knows them knows the day's draws.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DayKey")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn draws_are_those_of_the_published_test_vectors() {
        let vectors: Value = serde_json::from_str(include_str!("../../fixtures/ledger/draw.json")).expect("JSON");
        let vectors = vectors.as_array().expect("a list");
        assert!(vectors.len() >= 6, "{} vectors", vectors.len());
        for vector in vectors {
            let text = |name: &str| vector[name].as_str().expect("a text");
            let count = |name: &str| vector[name].as_u64().expect("a number");
            let seed: Seed = text("seed").parse().expect("a seed");
            assert_eq!(seed.commitment().to_string(), text("commitment"), "{vector}");
            let number = vector["council"].as_str().map(|number| number.parse().expect("a number"));
            let site = text("site").parse().expect("a site");
            let draw = DayKey::new(&seed, number.as_ref()).draw(&site, count("period"), count("number"));
            assert_eq!(draw.to_string(), text("draw"), "{vector}");
            for one_in in [0, 1, 2, 10, 1_000] {
                let drawn = vector["drawn"][one_in.to_string()].as_bool().expect("yes or no");
                assert_eq!(draw.is_drawn(one_in), drawn, "1 in {one_in}: {vector}");
            }
        }
    }

    #[test]
    fn none_are_drawn_of_zero_all_of_one_and_the_edge_is_exact() {
        for value in [0, 1, u64::MAX / 2, u64::MAX] {
            assert!(!DrawValue(value).is_drawn(0));
            assert!(DrawValue(value).is_drawn(1));
        }
        assert!(DrawValue((1 << 63) - 1).is_drawn(2));
        assert!(!DrawValue(1 << 63).is_drawn(2));
        // 2^64/3 is 6148914691236517205 and a third.
        assert!(DrawValue(6_148_914_691_236_517_205).is_drawn(3));
        assert!(!DrawValue(6_148_914_691_236_517_206).is_drawn(3));
        assert!(DrawValue(0).is_drawn(u32::MAX));
    }

    #[test]
    fn one_in_ten_is_one_in_ten() {
        let key = DayKey::new(&Seed::from_bytes([5; 32]), None);
        let site = "desk-1".parse().expect("a site");
        let drawn = (1..=10_000).filter(|number| key.draw(&site, 1, *number).is_drawn(10)).count();
        assert!((790..=1_210).contains(&drawn), "{drawn} of 10,000");
    }

    #[test]
    fn the_councils_number_has_twelve_digits_or_more() {
        assert!("123456789012".parse::<CouncilNumber>().is_ok());
        for wrong in ["", "12345678901", "12345678901a", "+12345678901", &"1".repeat(65)] {
            assert!(wrong.parse::<CouncilNumber>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn seeds_and_keys_are_not_printed() {
        let seed = Seed::from_bytes([5; 32]);
        assert_eq!(format!("{seed:?} {:?}", DayKey::new(&seed, None)), "Seed DayKey");
    }
}
