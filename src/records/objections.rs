//! Customers who object to coaching, remembered by a keyed hash of their number: the catalog alone says of nobody that they did.
//!
//! Belongs here: the file `customers.key` and a centre's, what the engine remembers of objections, their lines in `holds.jsonl`, which outlive a catalog. Does not: what
//! people do about them (`desk`).

use std::{
    collections::{HashMap, HashSet},
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use retrocall_ledger::PseudonymKey;
use retrocall_words::{Country, Customer};
use serde::{Deserialize, Serialize};

use super::{
    PurposeKind, Trouble, beside,
    customer::in_one_form,
    holds,
    policy::Anchor,
    random,
    rows::{self, Connection},
    sweep::Objects,
    text,
};

/// That a customer objects, or no longer does, beside the catalog: no restore forgets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// The keyed hash of the number.
    pub customer: String,
    pub at: Timestamp,
    /// It is withdrawn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
}

/// Writes that down, durably: an objection before its deed is committed, a withdrawal afterwards. So a cut between the two leaves somebody who is
/// not drawn.
pub(super) fn note(home: &Path, customer: &str, at: Timestamp, over: bool) -> io::Result<()> {
    holds::add(home, &[Line { customer: customer.to_owned(), at, over }])
}

/// What was said since a catalog was backed up is in force in it too.
pub(super) async fn remember(rows: &mut Connection, home: &Path, lines: &[Line]) -> Result<(), sqlx::Error> {
    for line in lines {
        let sql =
            if line.over { include_str!("sql/rights/withdraw.sql") } else { include_str!("sql/rights/object.sql") };
        rows::query(sql).bind(&line.customer).bind(text::time(line.at)).execute(&mut *rows).await?;
    }
    if lines.is_empty() {
        return Ok(());
    }
    let keys = keys(home).map_err(sqlx::Error::Io)?;
    let select = rows::query_as::<(String, String, Option<String>, String)>(
        "SELECT id, customer, customer_form, began_at FROM recordings WHERE customer IS NOT NULL AND life IN ('kept', 'restricted')",
    );
    let mut recordings: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for (id, given, form, began_at) in select.fetch_all(&mut *rows).await? {
        let (form, given) = (form.map(Customer::from), Customer::from(given));
        for key in &keys {
            let of = hash(key, form.as_ref(), &given);
            recordings.entry(of).or_default().push((id.clone(), began_at.clone()));
        }
    }
    for line in lines.iter().filter(|line| !line.over) {
        for (id, began_at) in recordings.get(&line.customer).into_iter().flatten() {
            // A later call was drawn although they had objected, or after they no longer did.
            if *began_at < text::time(line.at) {
                end_coaching(rows, id, line.at).await?;
            }
        }
    }
    Ok(())
}

/// Coaching and teaching are over for a recording. False if it served neither.
pub(super) async fn end_coaching(rows: &mut Connection, recording: &str, at: Timestamp) -> Result<bool, sqlx::Error> {
    let mut any = false;
    for purpose in [PurposeKind::Quality, PurposeKind::Training] {
        let select = rows::query(include_str!("sql/rights/abouts.sql")).bind(recording).bind(purpose.as_str());
        for row in select.fetch_all(&mut *rows).await? {
            let about: String = row.try_get("about")?;
            let insert = rows::query(include_str!("sql/desk/insert_anchor.sql"))
                .bind(recording)
                .bind(purpose.as_str())
                .bind(about)
                .bind(Anchor::Objected.as_str())
                .bind(text::time(at))
                .bind(None::<&str>);
            any |= insert.execute(&mut *rows).await?.rows_affected() > 0;
        }
    }
    Ok(any)
}

/// Where the key is.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("customers.key")
}

/// Where the key of its centre is: who objects there objects here too.
pub(super) fn centre_path(home: &Path) -> PathBuf {
    home.join("centre-customers.key")
}

/// The keys under which somebody may be known in a home: its own, and its centre's.
fn keys(home: &Path) -> io::Result<Vec<PseudonymKey>> {
    Ok([key(home)?, key_in(&centre_path(home))?].into_iter().flatten().collect())
}

/// The key of a home. None if it has none yet.
fn key(home: &Path) -> io::Result<Option<PseudonymKey>> {
    key_in(&path(home))
}

fn key_in(path: &Path) -> io::Result<Option<PseudonymKey>> {
    match fs::read_to_string(path) {
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
    write(&path(home), &secret)?;
    Ok(PseudonymKey::from_bytes(secret))
}

/// Keeps the key of a home's centre, durably.
pub(super) fn keep_centre_key(home: &Path, secret: &[u8; 32]) -> io::Result<()> {
    let path = centre_path(home);
    let is_there = fs::read_to_string(&path).is_ok_and(|text| beside::from_hex(text.trim()) == Some(*secret));
    if is_there { Ok(()) } else { write(&path, secret) }
}

fn write(path: &Path, secret: &[u8; 32]) -> io::Result<()> {
    let new = path.with_extension("key.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    writeln!(file, "{}", beside::hex(secret))?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    beside::sync_name(path)
}

/// The key of a centre, which lies in its store; made if there is none. The hashes are in its database.
pub(super) fn key_of_centre(store: &dyn Objects) -> io::Result<[u8; 32]> {
    const PLACE: &str = "customers.key";
    for _ in 0..2 {
        if let Some(found) = store.read(PLACE)? {
            if let Some(key) = std::str::from_utf8(&found).ok().and_then(|text| beside::from_hex(text.trim())) {
                return Ok(key);
            }
            // Somebody was killed while they wrote it, and nobody has used it.
            store.remove(PLACE)?;
        }
        let secret = random::bytes::<32>()?;
        if store.put(PLACE, format!("{}\n", beside::hex(&secret)).as_bytes())? {
            return Ok(secret);
        }
    }
    Err(io::Error::new(ErrorKind::InvalidData, "the key of those who object can't be read or made in the store"))
}

/// How a customer is known among those who object: every spelling of a number is the same one.
pub(super) fn hash(key: &PseudonymKey, form: Option<&Customer>, given: &Customer) -> String {
    key.pseudonym(form.unwrap_or(given).number().trim()).to_string()
}

/// Those who object, as an engine remembers them.
#[derive(Default)]
pub(super) struct Objections {
    keys: Vec<PseudonymKey>,
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
        let keys = keys(home).map_err(|error| Trouble::unusable(&path(home), &error))?;
        if keys.is_empty() {
            return Err(Trouble::unusable(&path(home), &ErrorKind::NotFound.into()));
        }
        // The first form takes a tenth of a second: now, not when a call begins.
        let _ = in_one_form(&Customer::from("+31201234567"), country);
        Ok(Objections { keys, hashes })
    }

    /// Whether a customer objects.
    pub(super) fn has(&self, customer: &Customer, country: Country) -> bool {
        if self.keys.is_empty() {
            return false;
        }
        let form = in_one_form(customer, country);
        self.keys.iter().any(|key| self.hashes.contains(&hash(key, form.as_ref(), customer)))
    }
}
