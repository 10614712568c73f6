//! The names in a row: the site, the month, the id of a thing, the pseudonym of a person, the digest of a free text. None can hold a person's name.

use std::{fmt, str::FromStr};

use hmac::{Hmac, KeyInit, Mac};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use retrocall_words::book;
use sha2::Sha256;
use uuid::Uuid;

use crate::hash::{Hash, Malformed, as_text, from_hex, to_hex};

/// Characters of a site's id, at most: it stands in names of objects and of keys.
const SITE_CHARS_MAX: usize = 64;

/// HMAC-SHA-256.
pub(crate) fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    // HMAC takes a key of any length: there is no error to have.
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap_or_else(|_| unreachable!("any length will do"));
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// The id of a site: one home, one key, one ledger. Lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site(String);

impl Site {
    /// The id that belongs to a public key, so that no other key can claim it: 32 digits of the key's hash. (128 bits: nobody finds a second
    /// key with the same.)
    pub fn of_key(public: &[u8; 32]) -> Site {
        Site(to_hex(&Hash::of(public).as_bytes()[..16]))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Site {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Site, Malformed> {
        let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > SITE_CHARS_MAX || !text.bytes().all(is_fit) {
            return Err(Malformed("the id of a site: lower-case letters, digits and hyphens"));
        }
        Ok(Site(text.to_owned()))
    }
}

/// A month (UTC): the name of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month of a moment.
    pub fn at(at: Timestamp) -> Month {
        Month::of(book::day_of(at))
    }

    /// The month of a day.
    pub fn of(day: Date) -> Month {
        Month { year: day.year(), month: day.month() }
    }

    /// Its first day.
    pub fn first_day(self) -> Date {
        Date::constant(self.year, self.month, 1)
    }

    /// Its last day.
    pub fn last_day(self) -> Date {
        self.first_day().last_of_month()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Month, Malformed> {
        let day: Option<Date> = format!("{text}-01").parse().ok();
        let month = day.map(Month::of).filter(|month| month.to_string() == text);
        month.ok_or(Malformed("a month such as 2026-11"))
    }
}

/// A time in a row: RFC 3339, UTC, whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Timestamp);

impl Moment {
    /// A time, without what is finer than a millisecond.
    pub fn of(at: Timestamp) -> Moment {
        Moment(Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at))
    }

    /// Milliseconds since 1970.
    pub fn as_millisecond(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The time.
    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = TimeZone::UTC.to_datetime(self.0);
        let (date, time) = (at.date(), at.time());
        let milliseconds = time.subsec_nanosecond() / 1_000_000;
        write!(f, "{date}T{:02}:{:02}:{:02}.{milliseconds:03}Z", time.hour(), time.minute(), time.second())
    }
}

impl FromStr for Moment {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Moment, Malformed> {
        let moment = text.parse().ok().map(Moment::of).filter(|moment| moment.to_string() == text);
        moment.ok_or(Malformed("a time such as 2026-11-28T09:30:00.000Z"))
    }
}

/// The id of a recording, a case, a hold, a request: a UUID. A row can say which; it can't say whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(Uuid);

impl From<Uuid> for ItemId {
    fn from(id: Uuid) -> ItemId {
        ItemId(id)
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for ItemId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<ItemId, Malformed> {
        Uuid::parse_str(text).map(ItemId).map_err(|_| Malformed("a UUID"))
    }
}

/// The key under which people are known in one segment. Whoever destroys it makes the segment's pseudonyms anonymous.
#[derive(Clone)]
pub struct PseudonymKey([u8; 32]);

impl PseudonymKey {
    /// A key of bytes from the operating system's generator.
    pub const fn from_bytes(bytes: [u8; 32]) -> PseudonymKey {
        PseudonymKey(bytes)
    }

    /// By what an agent or a user is known in the segment of this key.
    pub fn pseudonym(&self, name: &str) -> Pseudonym {
        let mut half = [0; 16];
        half.copy_from_slice(&hmac(&self.0, name.as_bytes())[..16]);
        Pseudonym(half)
    }
}

impl fmt::Debug for PseudonymKey {
    /// Without the key: it tells every name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymKey")
    }
}

/// A person in a row: HMAC-SHA-256 of the name under the segment's key, its first half in hexadecimal digits. (The half keeps a long ledger
/// short, and two of a million people share one with a chance of one in 10^26.) Made of a key and a name, or read from a row; there is no way to put the name itself in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym([u8; 16]);

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl FromStr for Pseudonym {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Pseudonym, Malformed> {
        from_hex(text).map(Pseudonym).ok_or(Malformed("a pseudonym of 32 lower-case hexadecimal digits"))
    }
}

/// What stands in a row for a free text (a note, a reason): SHA-256 of a salt and the text. Salt and text lie elsewhere and are deleted
/// together, after which nobody can guess the text from this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextDigest(Hash);

impl TextDigest {
    /// Of a text, with its own salt from the operating system's generator.
    pub fn of(salt: &[u8; 16], text: &str) -> TextDigest {
        TextDigest(Hash::of_two(salt, text.as_bytes()))
    }
}

impl fmt::Display for TextDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TextDigest {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<TextDigest, Malformed> {
        text.parse().map(TextDigest)
    }
}

as_text!(Site, Month, Moment, ItemId, Pseudonym, TextDigest);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_other_pseudonyms_under_other_keys_and_can_not_be_put_in_itself() {
        let [november, december] = [[1; 32], [2; 32]].map(PseudonymKey::from_bytes);
        assert_eq!(november.pseudonym("anna"), november.pseudonym("anna"));
        assert_ne!(november.pseudonym("anna"), november.pseudonym("bert"));
        assert_ne!(november.pseudonym("anna"), december.pseudonym("anna"));
        assert!("anna".parse::<Pseudonym>().is_err());
        assert!(serde_json::from_str::<Pseudonym>("\"anna\"").is_err());
        assert!("anna".parse::<ItemId>().is_err());
    }

    #[test]
    fn a_key_is_not_printed() {
        assert_eq!(format!("{:?}", PseudonymKey::from_bytes([7; 32])), "PseudonymKey");
    }

    #[test]
    fn months_and_moments_have_one_form() {
        assert_eq!("2026-11".parse::<Month>().map(|month| month.to_string()), Ok("2026-11".to_owned()));
        for wrong in ["2026-13", "2026-1", "26-01", "2026-11-01", ""] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
        let moment = "2026-11-28T09:30:00.120Z".parse::<Moment>().expect("a moment");
        assert_eq!(moment.to_string(), "2026-11-28T09:30:00.120Z");
        for wrong in ["2026-11-28T09:30:00Z", "2026-11-28T10:30:00.120+01:00", "2026-11-28"] {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
        let fine: Timestamp = "2026-11-28T09:30:00.1239999Z".parse().expect("a time");
        assert_eq!(Moment::of(fine).to_string(), "2026-11-28T09:30:00.123Z");
        assert_eq!("2024-02".parse::<Month>().expect("a month").last_day().day(), 29);
    }

    #[test]
    fn a_site_is_fit_for_names_of_keys_and_objects() {
        assert_eq!(Site::of_key(&[3; 32]).as_str().len(), 32);
        assert!(Site::of_key(&[3; 32]).as_str().parse::<Site>().is_ok());
        for wrong in ["", "a b", "a+b", "a/b", "Anna", &"a".repeat(65)] {
            assert!(wrong.parse::<Site>().is_err(), "{wrong}");
        }
    }
}
