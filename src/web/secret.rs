//! Secrets that browsers and programs hold, and what is derived from them.

use std::fmt::Write as _;

use rand::{TryRng as _, rngs::SysRng};
use sha2::{Digest as _, Sha256};

/// Bytes of a secret: nobody guesses one.
const BYTES: usize = 32;

/// A new secret, of the operating system's generator, in hexadecimal digits.
///
/// # Errors
/// The generator's.
pub fn new() -> std::io::Result<String> {
    let mut bytes = [0; BYTES];
    SysRng.try_fill_bytes(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether a text has the form of a secret: anything else was not made here.
pub(crate) fn is_one(text: &str) -> bool {
    text.len() == 2 * BYTES && text.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
}

/// What a form must bring back so that it came from a page of ours: it follows from what the browser holds, and says nothing of it.
pub(crate) fn form_token(secret: &str) -> String {
    hex(&Sha256::digest(format!("retrocall form\n{secret}")))
}

/// By what a process remembers a browser: as little as the catalog.
pub(crate) fn name_of(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// Whether two texts are the same, in a time that does not say where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one.bytes().zip(other.bytes()).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_what_a_form_brings_back_says_nothing_of_them() {
        let (one, other) = (new().expect("random"), new().expect("random"));
        assert!(is_one(&one) && one != other && !is_one("secret") && !is_one(&one.to_uppercase().replace('0', "A")));
        let token = form_token(&one);
        assert!(token != one && token != form_token(&other) && !token.contains(&one[..8]));
        assert!(same(&one, &one.clone()) && !same(&one, &other) && !same(&one, ""));
    }
}
