//! Keys of a phone, as people write them: `*7`, `3`.
//!
//! Belongs here: which keys there are, and how many. Does not: what they do.

use std::{fmt, str::FromStr};

/// The most keys that are pressed one after the other.
pub const PHONE_KEYS_MAX: usize = 8;

/// Keys of a phone, pressed one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhoneKeys {
    /// As ASCII; those behind `count` are zero.
    keys: [u8; PHONE_KEYS_MAX],
    count: usize,
}

impl PhoneKeys {
    /// The keys in their order, as ASCII. At least one.
    pub fn as_bytes(&self) -> &[u8] {
        &self.keys[..self.count]
    }
}

impl FromStr for PhoneKeys {
    type Err = String;

    /// # Errors What is wrong, in words.
    fn from_str(text: &str) -> Result<PhoneKeys, String> {
        let is_key = |key: u8| matches!(key, b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D');
        if !(1..=PHONE_KEYS_MAX).contains(&text.len()) || !text.bytes().all(is_key) {
            return Err(format!(
                "`{text}` are no keys of a phone: write 1 to {PHONE_KEYS_MAX} of 0-9, *, #, A-D, like \"*7\", or \"off\""
            ));
        }
        let mut keys = [0; PHONE_KEYS_MAX];
        keys[..text.len()].copy_from_slice(text.as_bytes());
        Ok(PhoneKeys { keys, count: text.len() })
    }
}

impl fmt::Display for PhoneKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|key| fmt::Write::write_char(f, char::from(*key)))
    }
}
