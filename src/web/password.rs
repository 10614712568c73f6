//! Passwords: hashed with argon2id, so that whoever has the hashes pays the memory of each try.

use std::fmt;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _},
};

/// Characters of a password, at least: length is what counts, so nothing else is asked of it.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Bytes of a password, at most.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1_024;

/// What somebody's try is compared with who has no password, or no account: both take as long. Nobody has the password of this one.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cmV0cm9jYWxsLW5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password that can't be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooShort {
    /// It is too short to be one.
    Short,
    /// It is longer than anybody types.
    Long,
    /// It could not be hashed.
    NotHashed,
}

impl fmt::Display for TooShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TooShort::Short => write!(
                f,
                "a password has {PASSWORD_CHARS_MIN} characters or more: take a few words that nobody would put together"
            ),
            TooShort::Long => write!(f, "a password has at most {PASSWORD_BYTES_MAX} bytes"),
            TooShort::NotHashed => f.write_str("the password can't be hashed: there is too little memory"),
        }
    }
}

impl std::error::Error for TooShort {}

/// The hash of a password, in the form that the catalog keeps (PHC string).
///
/// # Errors
/// Why it can't be taken.
pub fn hash(password: &str) -> Result<String, TooShort> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(TooShort::Short);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(TooShort::Long);
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|_| TooShort::NotHashed)
}

/// Whether this is the password of that hash. Without a hash it takes as long, and it is not.
pub(crate) fn is_right(password: &str, hash: Option<&str>) -> bool {
    let is_right = Argon2::default().verify_password(password.as_bytes(), hash.unwrap_or(NOBODYS)).is_ok();
    is_right && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hashed_with_argon2id_and_a_salt_and_only_the_same_one_is_right() {
        let hashed = hash("a few words that fit").expect("a hash");
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        assert_ne!(hash("a few words that fit").expect("a hash"), hashed, "the salt differs");
        assert!(is_right("a few words that fit", Some(&hashed)));
        assert!(!is_right("a few words that fit ", Some(&hashed)));
        assert!(!is_right("", None) && !is_right("a few words that fit", Some("nonsense")));
        assert_eq!(hash("eleven chars".trim_end_matches('s')), Err(TooShort::Short));
        assert_eq!(hash(&"a".repeat(2_000)), Err(TooShort::Long));
    }

    #[test]
    fn whoever_has_no_account_is_compared_as_others_are() {
        // A hash that could not be read would be answered at once, and would tell who has an account.
        assert!(argon2::password_hash::phc::PasswordHash::new(NOBODYS).is_ok());
    }
}
