//! Signed notes (C2SP `signed-note`): a text, and below it who signed it.
//!
//! Belongs here: keys and signatures. Does not: what the text says, where keys lie.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::hash::{Hash, Malformed, from_hex, to_hex};

/// The type of a signature, Ed25519, where a key is named or numbered.
const ED25519: u8 = 1;
/// What a signature line begins with: a dash of one em, and a blank.
const DASH: &str = "— ";
/// Signatures that are looked at: witnesses may add theirs.
const SIGNATURES_MAX: usize = 100;

/// Why a note is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteError {
    /// It is no signed note.
    Malformed,
    /// The key that is trusted has not signed it.
    NotSigned,
    /// It says that the trusted key signed it, and the signature is not the key's.
    Forged,
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoteError::Malformed => "it is no signed note",
            NoteError::NotSigned => "the site's key has not signed it",
            NoteError::Forged => "its signature is not that of the site's key",
        })
    }
}

impl std::error::Error for NoteError {}

/// The number of a key, by which its signatures are found.
fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let named = [name.as_bytes(), &[b'\n', ED25519]].concat();
    let hash = Hash::of_two(&named, public);
    let [first, second, third, fourth, ..] = *hash.as_bytes();
    [first, second, third, fourth]
}

/// A name that a key may have.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

/// A key that signs.
pub struct Signer {
    name: String,
    key: SigningKey,
}

impl Signer {
    /// The key of these 32 secret bytes, under a name.
    ///
    /// # Errors
    /// If no key may have that name: it has blanks or a plus, or is empty.
    pub fn new(name: &str, secret: &[u8; 32]) -> Result<Signer, Malformed> {
        if !is_name(name) {
            return Err(Malformed("the name of a key"));
        }
        Ok(Signer { name: name.to_owned(), key: SigningKey::from_bytes(secret) })
    }

    /// The public half.
    pub fn verifier(&self) -> Verifier {
        Verifier { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// A text, which ends with its last line, as a signed note.
    pub fn sign(&self, text: &str) -> String {
        let signature = [&self.verifier().id()[..], &self.key.sign(text.as_bytes()).to_bytes()].concat();
        format!("{text}\n{DASH}{} {}\n", self.name, BASE64.encode(signature))
    }
}

impl fmt::Debug for Signer {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.name).finish()
    }
}

/// A key that is trusted. In text: `name+id+key`, as every tool for signed notes takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
}

impl Verifier {
    /// By what it is known.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its bytes.
    pub fn public(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    fn id(&self) -> [u8; 4] {
        key_id(&self.name, self.key.as_bytes())
    }

    /// The text of a note that this key signed. Signatures of others are passed over.
    ///
    /// # Errors
    /// If it did not.
    pub fn open<'n>(&self, note: &'n str) -> Result<&'n str, NoteError> {
        let is_plain = note.chars().all(|c| c >= ' ' || c == '\n');
        // The last empty line is the border.
        let border = note.rfind("\n\n").filter(|_| is_plain && note.ends_with('\n')).ok_or(NoteError::Malformed)?;
        let (text, signatures) = (&note[..=border], &note[border + 2..]);
        let mut is_signed = false;
        for (place, line) in signatures.lines().enumerate() {
            let (name, signature) =
                line.strip_prefix(DASH).and_then(|rest| rest.split_once(' ')).ok_or(NoteError::Malformed)?;
            let signature = BASE64.decode(signature).map_err(|_| NoteError::Malformed)?;
            let (id, signature) = signature.split_first_chunk::<4>().ok_or(NoteError::Malformed)?;
            if place >= SIGNATURES_MAX || !is_name(name) {
                return Err(NoteError::Malformed);
            }
            if name == self.name && *id == self.id() {
                let signature = Signature::from_slice(signature).map_err(|_| NoteError::Forged)?;
                self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| NoteError::Forged)?;
                is_signed = true;
            }
        }
        if is_signed { Ok(text) } else { Err(NoteError::NotSigned) }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519], &self.public()[..]].concat();
        write!(f, "{}+{}+{}", self.name, to_hex(&self.id()), BASE64.encode(key))
    }
}

impl FromStr for Verifier {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Verifier, Malformed> {
        const NO_KEY: Malformed = Malformed("the public key of a site: name+id+key");
        let mut parts = text.splitn(3, '+');
        let mut next = || parts.next().ok_or(NO_KEY);
        let (name, id, key) = (next()?, next()?, next()?);
        let id = from_hex::<4>(id).ok_or(NO_KEY)?;
        let key = BASE64.decode(key).map_err(|_| NO_KEY)?;
        let Some((&[ED25519], key)) = key.split_first_chunk::<1>() else { return Err(NO_KEY) };
        let key: [u8; 32] = key.try_into().map_err(|_| NO_KEY)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| NO_KEY)?;
        let verifier = Verifier { name: name.to_owned(), key };
        if is_name(name) && id == verifier.id() { Ok(verifier) } else { Err(NO_KEY) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every implementation of signed notes is tested with, Go's first.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SECRET: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const TEXT: &str =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const LINE: &str =
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn key() -> Verifier {
        KEY.parse().expect("a key")
    }

    #[test]
    fn the_known_note_is_signed_and_opened_as_by_everybody_else() {
        let secret = BASE64.decode(SECRET).expect("base64");
        let signer = Signer::new("PeterNeumann", secret[1..].try_into().expect("32 bytes")).expect("a name");
        let note = format!("{TEXT}\n{LINE}");
        assert_eq!(signer.sign(TEXT), note);
        assert_eq!(signer.verifier().to_string(), KEY);
        assert_eq!(key().open(&note), Ok(TEXT));
    }

    #[test]
    fn the_specifications_own_checkpoint_is_read_as_signed_by_a_key_that_nobody_gave() {
        let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
        assert_eq!(key().open(note), Err(NoteError::NotSigned));
    }

    #[test]
    fn a_note_that_was_changed_is_not_opened() {
        let note = format!("{TEXT}\n{LINE}");
        assert_eq!(key().open(&note.replace("answer", "problem")), Err(NoteError::Forged));
        assert_eq!(key().open(&note.replace("SffcvI", "SffcvJ")), Err(NoteError::Forged));
        assert_eq!(key().open(&note.replace("PeterNeumann", "PeterNewmann")), Err(NoteError::NotSigned));
        for wrong in [
            "",
            "\n",
            TEXT,
            &format!("{TEXT}{LINE}"),
            &note[..note.len() - 1],
            &note.replace("— ", "- "),
            &note.replace(',', "\r"),
        ] {
            assert_eq!(key().open(wrong), Err(NoteError::Malformed), "{wrong}");
        }
    }

    #[test]
    fn signatures_of_witnesses_beside_the_sites_own_do_no_harm() {
        let witness = Signer::new("witness.example", &[9; 32]).expect("a name");
        let line = witness.sign(TEXT)[TEXT.len() + 1..].to_owned();
        let note = format!("{TEXT}\n{line}{LINE}");
        assert_eq!(key().open(&note), Ok(TEXT));
        assert_eq!(witness.verifier().open(&note), Ok(TEXT));
        assert_eq!(key().open(&format!("{TEXT}\n{line}")), Err(NoteError::NotSigned));
    }

    #[test]
    fn a_key_that_is_not_quite_one_is_refused() {
        for (at, letter) in KEY.char_indices() {
            let other = if letter == 'B' { 'C' } else { 'B' };
            let wrong = format!("{}{other}{}", &KEY[..at], &KEY[at + 1..]);
            assert!(wrong.parse::<Verifier>().is_err(), "{wrong}");
        }
        assert!(Signer::new("a b", &[1; 32]).is_err());
        assert!(Signer::new("a+b", &[1; 32]).is_err());
        assert_eq!(format!("{:?}", Signer::new("a", &[1; 32]).expect("a name")), "Signer(\"a\")");
    }
}
