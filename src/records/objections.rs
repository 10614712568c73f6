//! Customers who object to coaching, remembered by a keyed hash of their number: the catalog alone says of nobody that they did.
//!
//! Belongs here: the file `customers.key`, what the engine remembers of objections. Does not: what people do about them (`desk`).

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use retrocall_ledger::PseudonymKey;
use retrocall_words::{Country, Customer};

use super::{
    Trouble, beside,
    customer::in_one_form,
    random,
    rows::{self, Connection},
};

/// Where the key is.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("customers.key")
}

/// The key of a home. None if it has none yet.
pub(super) fn key(home: &Path) -> io::Result<Option<PseudonymKey>> {
    match fs::read_to_string(path(home)) {
        Ok(text) => match beside::from_hex(text.trim()) {
            Some(key) => Ok(Some(PseudonymKey::from_bytes(key))),
            None => Err(io::Error::new(ErrorKind::InvalidData, "it is no key")),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same; made if there is none, durably. For whoever holds the right to write in the catalog, so that no two make one.
pub(super) fn key_or_new(home: &Path) -> io::Result<PseudonymKey> {
    if let Some(key) = key(home)? {
        return Ok(key);
    }
    let secret = random::bytes::<32>()?;
    let (path, new) = (path(home), home.join("customers.key.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    writeln!(file, "{}", beside::hex(&secret))?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    beside::sync_name(&path)?;
    Ok(PseudonymKey::from_bytes(secret))
}

/// How a customer is known among those who object: every spelling of a number is the same one.
pub(super) fn hash(key: &PseudonymKey, form: Option<&Customer>, given: &Customer) -> String {
    key.pseudonym(form.unwrap_or(given).number().trim()).to_string()
}

/// Those who object, as an engine remembers them.
#[derive(Default)]
pub(super) struct Objections {
    key: Option<PseudonymKey>,
    hashes: HashSet<String>,
}

impl Objections {
    /// Reads them from the catalog.
    pub(super) async fn load(rows: &mut Connection, home: &Path, country: Country) -> Result<Objections, Trouble> {
        let select = rows::query(include_str!("sql/rights/objections.sql"));
        let refused = |error: sqlx::Error| Trouble::of(&super::file::path(home), &error);
        let found = select.fetch_all(rows).await.map_err(refused)?;
        let hashes: Result<HashSet<String>, sqlx::Error> =
            found.iter().map(|row| row.try_get("customer_hash")).collect();
        let hashes = hashes.map_err(refused)?;
        if hashes.is_empty() {
            return Ok(Objections::default());
        }
        let key = key(home).map_err(|error| Trouble::unusable(&path(home), &error))?;
        if key.is_none() {
            return Err(Trouble::unusable(&path(home), &ErrorKind::NotFound.into()));
        }
        // The first form takes a tenth of a second: now, not when a call begins.
        let _ = in_one_form(&Customer::from("+31201234567"), country);
        Ok(Objections { key, hashes })
    }

    /// Whether a customer objects.
    pub(super) fn has(&self, customer: &Customer, country: Country) -> bool {
        self.key.as_ref().is_some_and(|key| {
            let form = in_one_form(customer, country);
            self.hashes.contains(&hash(key, form.as_ref(), customer))
        })
    }
}
