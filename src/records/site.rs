//! Who a home is in its ledger: its id, and the key that signs its heads.
//!
//! Belongs here: the file `ledger.key`, and that a copied home is another site. Does not: what is signed.
//!
//! The file names the machine and the file itself (device and inode). A home that was copied, or restored from a backup, has a file that names
//! another one: its key is destroyed and it becomes a new site, for two authors of one ledger could each write what suits them.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use retrocall_ledger::{Opening, Signer, Site, Verifier, key_name};

use super::{Trouble, beside, random};

/// The first line of the file.
const TITLE: &str = "retrocall ledger key 1";
/// Where a machine has its id (machine-id(5)).
const MACHINE_IDS: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
/// In the place of the machine, in the key of a home whose catalog was restored: no machine's id has this hash.
const RESTORED: &str = "restored";
/// A longer file is none of ours.
const BYTES_MAX: u64 = 4_096;

/// A home as a site.
pub(super) struct Author {
    /// Its id.
    pub site: Site,
    /// Why it became one, and which one the home was before: for the first row of its ledger.
    pub why: Opening,
    pub before: Option<Site>,
    signer: Signer,
}

impl Author {
    pub(super) fn signer(&self) -> &Signer {
        &self.signer
    }

    pub(super) fn verifier(&self) -> Verifier {
        self.signer.verifier()
    }
}

/// What the file says.
struct Key {
    secret: [u8; 32],
    machine: String,
    file: (u64, u64),
    /// The opening of the site, until its first row is written and ever after: the same row is written again if it was lost.
    why: Opening,
    before: Option<Site>,
}

/// Where the signing key of a home is.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("ledger.key")
}

/// The author of this home's ledger; a new one where there is none, or where the key is another home's. `has_ledger`: there is a ledger already, so
/// that a key that is not there was lost.
pub(super) fn author(home: &Path, has_ledger: bool) -> Result<Author, Trouble> {
    let path = path(home);
    known_or_new(&path, has_ledger).map_err(|error| Trouble::unreserved(&path, &error))
}

/// The id of the site, for those who may not read the key: none if there is no key that is this home's.
fn known_or_new(path: &Path, has_ledger: bool) -> io::Result<Author> {
    let (mut why, mut before) = (if has_ledger { Opening::LostKey } else { Opening::NewHome }, None);
    if let Some(key) = read(path)? {
        let author = author_of(&key);
        if key.machine == machine() && key.file == identity(&fs::symlink_metadata(path)?) {
            return Ok(author);
        }
        if key.machine == RESTORED {
            beside::wipe_and_remove(path)?;
            return make(path, Opening::Restored, Some(author.site));
        }
        tracing::warn!(
            path = %path.display(), site = %author.site,
            "this home was copied, or moved to another disk or machine: its ledger goes on as a new site, and what the other home has of it is not \
             signed here again"
        );
        (why, before) = (Opening::CopiedHome, Some(author.site));
        beside::wipe_and_remove(path)?;
    } else if fs::symlink_metadata(path).is_ok_and(|found| found.len() > 0) {
        let aside = beside::put_aside(path)?;
        tracing::error!(
            path = %path.display(), aside = %aside.display(),
            "the ledger's key can't be made sense of and is put aside: the ledger goes on as a new site"
        );
        why = Opening::LostKey;
    }
    make(path, why, before)
}

/// The home goes on as a new site at the engine's next start: its catalog was restored, and a head shows that its ledger had come further. What the old
/// one signed stays true, and nothing is signed twice.
pub(super) fn renew(home: &Path) -> io::Result<()> {
    let path = path(home);
    let Some(key) = read(&path)? else { return Ok(()) };
    let (mut file, _) = beside::open_or_make(&path)?;
    let text = text(&Key { machine: RESTORED.to_owned(), ..key });
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

fn make(path: &Path, why: Opening, before: Option<Site>) -> io::Result<Author> {
    // An empty file that a kill left signs nothing: it is written to.
    let (mut file, _) = beside::open_or_make(path)?;
    let key = Key { secret: random::bytes()?, machine: machine(), file: identity(&file.metadata()?), why, before };
    file.write_all(text(&key).as_bytes())?;
    file.sync_all()?;
    beside::sync_name(path)?;
    Ok(author_of(&key))
}

fn author_of(key: &Key) -> Author {
    let name = |site: &Site| key_name(site);
    // The id follows from the key, so that the name of the key does too.
    let public = public_of(&key.secret);
    let site = Site::of_key(&public);
    let signer =
        Signer::new(&name(&site), &key.secret).unwrap_or_else(|_| unreachable!("a site's id is fit for a name"));
    Author { site, why: key.why, before: key.before.clone(), signer }
}

fn public_of(secret: &[u8; 32]) -> [u8; 32] {
    let nameless = Signer::new("site", secret).unwrap_or_else(|_| unreachable!("it is a name"));
    nameless.verifier().public()
}

fn identity(found: &fs::Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// The hash of the machine's id, which is not to be shown itself.
fn machine() -> String {
    let id = MACHINE_IDS.iter().find_map(|path| fs::read_to_string(path).ok());
    beside::digest(format!("retrocall ledger: {}", id.as_deref().unwrap_or("no id").trim()).as_bytes())
}

fn text(key: &Key) -> String {
    let Key { secret, machine, file: (device, inode), why, before } = key;
    let before = before.as_ref().map_or("none", Site::as_str);
    let secret = beside::hex(secret);
    let lines = format!(
        "{TITLE}\nsecret {secret}\nmachine {machine}\ndevice {device}\ninode {inode}\nopened {}\nbefore {before}\n",
        why.as_str()
    );
    let digest = beside::digest(lines.as_bytes());
    format!("{lines}sha256 {digest}\n")
}

/// Reads it. None if there is none, or if it makes no sense.
fn read(path: &Path) -> io::Result<Option<Key>> {
    use io::Read;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(std::str::from_utf8(&bytes).ok().and_then(parsed))
}

fn parsed(text: &str) -> Option<Key> {
    use retrocall_words::Word;
    let (lines, digest) = text.split_at(text.rfind("sha256 ")?);
    if digest != format!("sha256 {}\n", beside::digest(lines.as_bytes())) {
        return None;
    }
    let mut lines = lines.lines();
    if lines.next()? != TITLE {
        return None;
    }
    let mut next = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    let secret = beside::from_hex(next("secret")?)?;
    let machine = next("machine")?.to_owned();
    let file = (next("device")?.parse().ok()?, next("inode")?.parse().ok()?);
    let why = Opening::read(next("opened")?)?;
    let before = next("before")?;
    let before = if before == "none" { None } else { Some(before.parse().ok()?) };
    Some(Key { secret, machine, file, why, before })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_home_stays_the_same_site_and_a_copy_of_it_becomes_another_whose_key_is_not_the_first_ones() {
        let home = TempDir::new().unwrap();
        let first = author(home.path(), false).unwrap();
        assert_eq!((first.why, first.before.clone()), (Opening::NewHome, None));
        assert_eq!(fs::metadata(path(home.path())).unwrap().permissions().mode() & 0o777, 0o600);
        let again = author(home.path(), true).unwrap();
        assert_eq!((&again.site, again.why, again.verifier()), (&first.site, Opening::NewHome, first.verifier()));

        let copy = TempDir::new().unwrap();
        fs::copy(path(home.path()), path(copy.path())).unwrap();
        let other = author(copy.path(), true).unwrap();
        assert_eq!((other.why, other.before.clone()), (Opening::CopiedHome, Some(first.site.clone())));
        assert_ne!((&other.site, other.verifier()), (&first.site, first.verifier()));
        let again = author(copy.path(), true).unwrap();
        assert_eq!((again.site, again.before), (other.site, Some(first.site)));
    }

    #[test]
    fn a_home_whose_catalog_was_restored_goes_on_as_a_new_site_that_says_so() {
        let home = TempDir::new().unwrap();
        let first = author(home.path(), false).unwrap();
        renew(home.path()).unwrap();
        let second = author(home.path(), true).unwrap();
        assert_eq!((second.why, second.before.clone()), (Opening::Restored, Some(first.site.clone())));
        assert_ne!(second.site, first.site);
        assert_eq!(author(home.path(), true).unwrap().site, second.site);
    }

    #[test]
    fn a_key_that_is_lost_or_cut_off_is_told_from_a_new_home() {
        let home = TempDir::new().unwrap();
        let first = author(home.path(), false).unwrap();
        fs::remove_file(path(home.path())).unwrap();
        let second = author(home.path(), true).unwrap();
        assert_eq!((second.why, second.before), (Opening::LostKey, None));
        assert_ne!(second.site, first.site);
        // Cut off while it was made: it signed nothing yet.
        fs::write(path(home.path()), "").unwrap();
        assert_eq!(author(home.path(), false).unwrap().why, Opening::NewHome);
        // And one that somebody changed.
        let text = fs::read_to_string(path(home.path())).unwrap();
        fs::write(path(home.path()), text.replacen("inode ", "inode 1", 1)).unwrap();
        assert_eq!(author(home.path(), true).unwrap().why, Opening::LostKey);
        assert!(home.path().join("ledger.key.damaged").exists());
    }
}
