//! By what a site is known to its centre: the key that signs its requests, and a counter that only grows.
//!
//! Belongs here: the files `link.key` and `link.counter`, what is signed, and the check. Does not: which keys a centre knows, what a request is about.
//!
//! The key is not the ledger's, whose file the pages' process never sees: whoever takes over a link can't sign heads. At `join` the ledger's key signs
//! this one once, so that nobody enrols a key for a site that is not theirs.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use retrocall_ledger::{Site, Verifier, site_of_itself};
use serde::{Deserialize, Serialize};

use super::{
    Trouble,
    beside::{self, from_hex, hex},
    random, site,
};

/// The first lines of what is signed.
const REQUEST: &str = "retrocall link request 1";
const JOINING: &str = "retrocall link joining 1";
const PARCEL: &str = "retrocall parcel 1";
/// The length of the counter's line: a power cut leaves this one or the one before.
const COUNTER_BYTES: usize = 24;
const START_BYTES: usize = 16;

/// What a site shows with each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Which site.
    pub site: String,
    /// Larger than in every request before.
    pub counter: u64,
    /// Drawn when the key was read: the requests of two homes with one key differ, even where both ask for the same with the same counter.
    pub start: String,
    /// In hexadecimal digits.
    pub signature: String,
}

/// What a site signs of a request.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// GET, POST or PUT.
    pub method: &'a str,
    /// With what follows a question mark.
    pub path: &'a str,
    /// The SHA-256 of its body, in hexadecimal digits.
    pub body_sha256: &'a str,
}

impl Asked<'_> {
    fn text(&self, site: &str, counter: u64, start: &str) -> String {
        let Asked { method, path, body_sha256 } = self;
        format!("{REQUEST}\n{site}\n{counter} {start}\n{method} {path}\n{body_sha256}\n")
    }

    fn text_of(&self, shown: &Shown) -> String {
        self.text(&shown.site, shown.counter, &shown.start)
    }

    /// What tells this request from every other one of its site.
    pub(crate) fn digest(&self, shown: &Shown) -> String {
        beside::digest(self.text_of(shown).as_bytes())
    }

    /// Whether the holder of this public key signed it.
    pub fn is_signed_by(&self, public: &str, shown: &Shown) -> bool {
        is_signed(public, self.text_of(shown).as_bytes(), &shown.signature)
    }
}

fn is_signed(public: &str, text: &[u8], signature: &str) -> bool {
    let key = from_hex::<32>(public).and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
    let signature = from_hex::<64>(signature).map(|bytes| Signature::from_bytes(&bytes));
    // Strictly: of a weak key more than its holder could sign.
    matches!((key, signature), (Some(key), Some(signature)) if key.verify_strict(text, &signature).is_ok())
}

/// Whether the holder of this public key signed what is said of a recording.
pub fn is_parcel_signed_by(public: &str, parcel: &str, signature: &str) -> bool {
    is_signed(public, format!("{PARCEL}\n{parcel}").as_bytes(), signature)
}

/// A site that asks to be enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joining {
    /// The code that an administrator made.
    pub code: String,
    /// The key that signs requests from now on, in hexadecimal digits.
    pub key: String,
    /// The public half of the ledger's key, as tools for signed notes take it.
    pub ledger_key: String,
    /// The key and the code, signed by the ledger's key.
    pub note: String,
}

impl Joining {
    fn text(code: &str, key: &str) -> String {
        format!("{JOINING}\n{key}\n{}\n", beside::digest(code.as_bytes()))
    }

    /// The site that asks. None if its ledger's key did not sign this.
    pub fn site(&self) -> Option<Site> {
        from_hex::<32>(&self.key)?;
        let ledger: Verifier = self.ledger_key.parse().ok()?;
        let site = site_of_itself(&ledger)?;
        let text = ledger.open(&self.note).ok()?;
        (text == Joining::text(&self.code, &self.key)).then_some(site)
    }
}

/// What a link is, and where its centre is: the file `link.key`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    site: String,
    centre: String,
    secret: String,
    ledger_key: String,
}

/// The key of a site, with its counter.
pub struct SiteKey {
    /// The site that it is of.
    pub site: String,
    /// Where its centre is.
    pub centre: String,
    /// The public half of its ledger's key, by which anybody verifies that.
    pub ledger_key: String,
    key: SigningKey,
    counter: u64,
    start: String,
    counter_path: PathBuf,
}

/// What tells this reading of a key from every other one.
fn new_start() -> io::Result<String> {
    Ok(hex(&random::bytes::<START_BYTES>()?))
}

/// Where the key is.
fn key_path(home: &Path) -> PathBuf {
    home.join("link.key")
}

/// Whether a home delivers to a centre.
pub(crate) fn has_joined(home: &Path) -> bool {
    key_path(home).symlink_metadata().is_ok()
}

impl SiteKey {
    /// Makes a key for a home, and asks for it to be enrolled. Nothing is written yet: [`SiteKey::keep`] does that once the centre has taken it.
    ///
    /// # Errors
    /// That the home has no ledger yet, or what the system says.
    pub fn joining(home: &Path, centre: &str, code: &str) -> Result<(SiteKey, Joining), Trouble> {
        let path = site::path(home);
        if !path.exists() {
            return Err(Trouble::Unusable {
                path,
                cause: "there is no ledger yet".to_owned(),
                step: "start the engine once, then join".to_owned(),
            });
        }
        let author = site::author(home, true)?;
        let secret = random::bytes().map_err(|error| Trouble::unreserved(&path, &error))?;
        let key = SigningKey::from_bytes(&secret);
        let public = hex(key.verifying_key().as_bytes());
        let joining = Joining {
            note: author.signer().sign(&Joining::text(code, &public)),
            code: code.to_owned(),
            key: public,
            ledger_key: author.verifier().to_string(),
        };
        let counter_path = home.join("link.counter");
        let made = SiteKey {
            site: author.site.to_string(),
            centre: centre.trim_end_matches('/').to_owned(),
            ledger_key: author.verifier().to_string(),
            key,
            counter: 0,
            start: new_start().map_err(|error| Trouble::unreserved(&path, &error))?,
            counter_path,
        };
        Ok((made, joining))
    }

    /// Writes it down: the centre knows it from now on.
    ///
    /// # Errors
    /// What the system says.
    pub fn keep(&self, home: &Path) -> io::Result<()> {
        let file = KeyFile {
            site: self.site.clone(),
            centre: self.centre.clone(),
            secret: hex(self.key.as_bytes()),
            ledger_key: self.ledger_key.clone(),
        };
        let (path, new) = (key_path(home), home.join("link.key.new"));
        let _ = fs::remove_file(&new);
        let (mut to, _) = beside::open_or_make(&new)?;
        to.write_all(&serde_json::to_vec(&file)?)?;
        to.sync_all()?;
        fs::rename(&new, &path)?;
        beside::sync_name(&path)?;
        self.write_counter(0)
    }

    /// The key of a home. None if it never joined.
    ///
    /// # Errors
    /// What the system says, or that the files make no sense.
    pub fn of(home: &Path) -> io::Result<Option<SiteKey>> {
        let text = match fs::read_to_string(key_path(home)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let senseless =
            || io::Error::new(io::ErrorKind::InvalidData, "link.key or link.counter makes no sense: join again");
        let file: KeyFile = serde_json::from_str(&text).map_err(|_| senseless())?;
        let key = SigningKey::from_bytes(&from_hex(&file.secret).ok_or_else(senseless)?);
        let counter_path = home.join("link.counter");
        let counter = fs::read_to_string(&counter_path)?.trim().parse().map_err(|_| senseless())?;
        let start = new_start()?;
        let KeyFile { site, centre, ledger_key, .. } = file;
        Ok(Some(SiteKey { site, centre, ledger_key, key, counter, start, counter_path }))
    }

    /// Signs a request. Its counter is durable before it is used: no other request ever has it.
    ///
    /// # Errors
    /// What the system says.
    pub fn sign(&mut self, asked: &Asked<'_>) -> io::Result<Shown> {
        let counter = self.counter + 1;
        self.write_counter(counter)?;
        self.counter = counter;
        let (site, start) = (self.site.clone(), self.start.clone());
        let signature = self.key.sign(asked.text(&site, counter, &start).as_bytes());
        Ok(Shown { site, counter, start, signature: hex(&signature.to_bytes()) })
    }

    /// Signs what is said of a recording, for whoever finds it in the store.
    pub fn sign_parcel(&self, parcel: &str) -> String {
        hex(&self.key.sign(format!("{PARCEL}\n{parcel}").as_bytes()).to_bytes())
    }

    fn write_counter(&self, counter: u64) -> io::Result<()> {
        let (file, is_new) = beside::open_or_make(&self.counter_path)?;
        let line = format!("{counter:<width$}\n", width = COUNTER_BYTES - 1);
        file.write_all_at(line.as_bytes(), 0)?;
        file.sync_all()?;
        if is_new { beside::sync_name(&self.counter_path) } else { Ok(()) }
    }
}

/// Its secret is shown to nobody.
impl std::fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SiteKey").field("site", &self.site).field("centre", &self.centre).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const BODY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn home() -> (tempfile::TempDir, SiteKey, Joining) {
        let home = tempfile::tempdir().expect("a folder");
        site::author(home.path(), false).expect("a ledger's key");
        let (key, joining) = SiteKey::joining(home.path(), "http://centre/", "code").expect("a key");
        (home, key, joining)
    }

    #[test]
    fn a_signature_is_of_one_request_alone() {
        let (_home, mut key, joining) = home();
        let asked = Asked { method: "PUT", path: "/link/v1/a?b", body_sha256: BODY };
        let shown = key.sign(&asked).expect("signed");
        assert!(asked.is_signed_by(&joining.key, &shown));
        let another = "0".repeat(64);
        for other in [
            Asked { method: "GET", ..asked },
            Asked { path: "/link/v1/a", ..asked },
            Asked { body_sha256: &another, ..asked },
        ] {
            assert!(!other.is_signed_by(&joining.key, &shown), "{other:?}");
        }
        let later = Shown { counter: shown.counter + 1, ..shown.clone() };
        let elsewhere = Shown { site: "another".to_owned(), ..shown.clone() };
        let of_a_copy = Shown { start: "0".repeat(2 * START_BYTES), ..shown.clone() };
        assert!(![later, elsewhere, of_a_copy].iter().any(|other| asked.is_signed_by(&joining.key, other)));
        let (_other, _, stranger) = home_of_another();
        assert!(!asked.is_signed_by(&stranger.key, &shown));
    }

    fn home_of_another() -> (tempfile::TempDir, SiteKey, Joining) {
        home()
    }

    #[test]
    fn the_counter_goes_on_after_a_restart_and_the_key_is_the_owners_alone() {
        let (home, key, joining) = home();
        key.keep(home.path()).expect("kept");
        let mode = fs::metadata(key_path(home.path())).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let asked = Asked { method: "GET", path: "/", body_sha256: BODY };
        let mut counters = Vec::new();
        for _ in 0..3 {
            let mut key = SiteKey::of(home.path()).expect("read").expect("joined");
            assert_eq!(key.centre, "http://centre");
            let shown = key.sign(&asked).expect("signed");
            assert!(asked.is_signed_by(&joining.key, &shown));
            counters.push(shown.counter);
        }
        assert_eq!(counters, [1, 2, 3]);
    }

    #[test]
    fn nobody_joins_as_a_site_whose_ledger_they_do_not_write() {
        let (_home, key, joining) = home();
        assert_eq!(joining.site().expect("its own").as_str(), key.site);
        let (_other, _, stranger) = home();
        let taken = Joining { ledger_key: joining.ledger_key.clone(), ..stranger.clone() };
        let other_key = Joining { key: stranger.key.clone(), ..joining.clone() };
        let other_code = Joining { code: "another".to_owned(), ..joining.clone() };
        for wrong in [taken, other_key, other_code] {
            assert_eq!(wrong.site(), None, "{wrong:?}");
        }
    }
}
