//! Hashes: of rows, of the tree over a segment's rows (RFC 6962), and their form in text.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

/// What a leaf's hash begins with, so that no row can pass for a node.
const LEAF: u8 = 0;
/// What a node's hash begins with.
const NODE: u8 = 1;

/// A SHA-256 hash. In text: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What stands where there is no row before.
    pub const NONE: Hash = Hash([0; 32]);

    /// The hash of some bytes.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash(Sha256::digest(bytes).into())
    }

    /// The hash of two pieces, one behind the other.
    pub(crate) fn of_two(first: &[u8], second: &[u8]) -> Hash {
        Hash(Sha256::new().chain_update(first).chain_update(second).finalize().into())
    }

    /// The hash of a row: a leaf of the tree.
    pub fn of_row(text: &str) -> Hash {
        Hash::of_two(&[LEAF], text.as_bytes())
    }

    /// The hash of a node of the tree.
    fn of_node(left: Hash, right: Hash) -> Hash {
        Hash(Sha256::new().chain_update([NODE]).chain_update(left.0).chain_update(right.0).finalize().into())
    }

    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Hash {
        Hash(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not {}", self.0)
    }
}

impl std::error::Error for Malformed {}

impl FromStr for Hash {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Hash, Malformed> {
        from_hex(text).map(Hash).ok_or(Malformed("a hash of 64 lower-case hexadecimal digits"))
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)] as char, DIGITS[usize::from(byte & 15)] as char])
        .collect()
}

/// The bytes that these digits stand for. None for any other text, upper case included: a hash has one form.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    const fn digit(byte: u8) -> Option<u8> {
        match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        }
    }
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Writes and reads a type as the text that its `Display` and `FromStr` say.
macro_rules! as_text {
    ($($name:ty),+) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<$name, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
pub(crate) use as_text;

as_text!(Hash);

/// The tree over the rows so far, as far as later rows need it: the roots of its complete parts, the largest first. There are as many as there are
/// ones in the binary form of the size, so two million rows have a state of some 20 hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// From its parts; none if there are not as many as such a tree has.
    pub(crate) fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Frontier> {
        (peaks.len() == size.count_ones() as usize).then_some(Frontier { size, peaks })
    }

    /// Adds a row.
    pub fn push(&mut self, row: Hash) {
        let mut hash = row;
        for _ in 0..self.size.trailing_ones() {
            // There is a peak for every one in the binary form of the size.
            let Some(left) = self.peaks.pop() else { break };
            hash = Hash::of_node(left, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// How many rows there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of its complete parts.
    pub(crate) fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The root over all rows. Of no rows it is the hash of nothing.
    pub fn root(&self) -> Hash {
        let root = self.peaks.iter().rev().copied().reduce(|right, left| Hash::of_node(left, right));
        root.unwrap_or_else(|| Hash::of(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree as RFC 6962 defines it, section 2.1.
    fn defined(rows: &[Hash]) -> Hash {
        match rows {
            [] => Hash::of(&[]),
            [row] => *row,
            rows => {
                let half = rows.len().next_power_of_two() / 2;
                Hash::of_node(defined(&rows[..half]), defined(&rows[half..]))
            }
        }
    }

    #[test]
    fn a_root_kept_row_by_row_is_the_one_that_the_standard_defines() {
        let rows: Vec<_> = (0..300).map(|row| Hash::of_row(&format!("row {row}"))).collect();
        let mut frontier = Frontier::default();
        for size in 0..=rows.len() {
            assert_eq!(frontier.root(), defined(&rows[..size]), "{size} rows");
            let again = Frontier::from_parts(frontier.size(), frontier.peaks().to_vec());
            assert_eq!(again.as_ref(), Some(&frontier), "{size} rows");
            if let Some(row) = rows.get(size) {
                frontier.push(*row);
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_known_test_vectors_of_certificate_transparency() {
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let mut frontier = Frontier::default();
        let roots: Vec<_> = leaves
            .iter()
            .map(|leaf| {
                frontier.push(Hash::of_two(&[LEAF], leaf));
                frontier.root().to_string()
            })
            .collect();
        assert_eq!(roots[0], "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(roots[1], "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
        assert_eq!(roots[7], "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }

    #[test]
    fn a_hash_has_one_form() {
        let hash = Hash::of(b"x");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for wrong in ["", "ab", &hash.to_string().to_uppercase(), &format!("{hash}00"), &"é".repeat(32)] {
            assert!(wrong.parse::<Hash>().is_err(), "{wrong}");
        }
    }
}
