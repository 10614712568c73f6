//! How far the ledger had come when it was last looked at: in a file beside the catalog, so that an older catalog in its place is noticed.
//!
//! Belongs here: the file `ledger.last`, and the file `unreconciled`, which closes a home whose catalog is older. Does not: what is done about it
//! (`restore`).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::rows::{self, Connection};
use retrocall_ledger::Site;

use super::{
    beside,
    slots::{SlotState, Slots},
    text,
};

/// The first line of a slot.
const TITLE: &str = "retrocall ledger last 1";

/// A row that the ledger had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The segment, by its month.
    pub month: String,
    pub row: u64,
    pub hash: String,
}

/// How far a ledger had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Milestone {
    /// Whose it is.
    pub site: String,
    /// Its last row.
    pub last: Place,
    /// The last row that a head covers, if there is one.
    pub sealed: Option<Place>,
}

/// Where it is.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("ledger.last")
}

/// The file that closes a home.
pub(super) fn closed_path(home: &Path) -> PathBuf {
    home.join("unreconciled")
}

/// Reads it. None if there is none, or if it can't be made sense of.
pub(super) fn load(home: &Path) -> io::Result<Option<Milestone>> {
    Ok(match Slots::new(path(home), TITLE).load()? {
        SlotState::Lines(lines) => read(&lines),
        SlotState::Nothing | SlotState::Nonsense => None,
    })
}

/// Makes it durable.
pub(super) fn store(home: &Path, milestone: &Milestone) -> io::Result<()> {
    let mut slots = Slots::new(path(home), TITLE);
    // It says which slot is next.
    slots.load()?;
    let place = |name: &str, Place { month, row, hash }: &Place| format!("{name} {month} {row} {hash}\n");
    let sealed = milestone.sealed.as_ref().map(|sealed| place("sealed", sealed)).unwrap_or_default();
    slots.store(&format!("site {}\n{}{sealed}", milestone.site, place("row", &milestone.last)))
}

fn read(lines: &str) -> Option<Milestone> {
    let mut lines = lines.lines();
    let site = lines.next()?.strip_prefix("site ")?.to_owned();
    let place = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let mut word = || words.next();
        Some(Place { month: word()?.to_owned(), row: word()?.parse().ok()?, hash: word()?.to_owned() })
    };
    let last = place(lines.next()?)?;
    Some(Milestone { site, last, sealed: lines.next().and_then(place) })
}

/// How far the ledger of this site has come in a catalog. None if it has none there.
pub(super) async fn reached(rows: &mut Connection, site: &Site) -> Result<Option<Milestone>, sqlx::Error> {
    let place = |found: Option<(String, i64, String)>| {
        found.map(|(month, row, hash)| Place { month, row: u64::try_from(row).unwrap_or(0), hash })
    };
    let select = rows::query_as(include_str!("sql/ledger/last_row.sql")).bind(site.as_str());
    let last = place(select.fetch_optional(&mut *rows).await?);
    let select = rows::query_as(include_str!("sql/ledger/last_sealed.sql")).bind(site.as_str());
    let sealed = place(select.fetch_optional(rows).await?);
    Ok(last.map(|last| Milestone { site: site.as_str().to_owned(), last, sealed }))
}

/// Whether a catalog lacks a row that the ledger of this site had: it is an older one, or another.
pub(super) async fn lacks(rows: &mut Connection, site: &str, place: &Place) -> Result<bool, sqlx::Error> {
    let select = rows::query_as::<(Option<String>, Option<String>)>(include_str!("sql/ledger/row_of_month.sql"));
    let found = select.bind(site).bind(&place.month).bind(text::count(place.row)).fetch_optional(rows).await?;
    Ok(match found {
        // Expired: its rows are meant to be gone.
        Some((_, Some(_))) => false,
        Some((hash, None)) => hash.as_deref() != Some(&place.hash),
        None => true,
    })
}

/// Whether the catalog of a home is older than its ledger was when an engine last looked, or another one. Then the home is closed, as by an engine's
/// start. What can't be read is for that to say.
pub(super) async fn closes(rows: &mut Connection, home: &Path) -> Result<bool, sqlx::Error> {
    if super::restoring::is_to_be_taken_up(home) {
        return Ok(false);
    }
    let Some(known) = load(home).unwrap_or_default() else { return Ok(false) };
    let is_older = lacks(rows, &known.site, &known.last).await?;
    if is_older && !is_closed(home) {
        close(home).map_err(sqlx::Error::Io)?;
    }
    Ok(is_older)
}

/// Closes a home: nothing is played and nothing swept until `restore` has reconciled it.
pub(super) fn close(home: &Path) -> io::Result<()> {
    let path = closed_path(home);
    let (mut file, is_new) = beside::open_or_make(&path)?;
    io::Write::write_all(
        &mut file,
        b"The catalog is older than its ledger was. `retrocall restore FILE --tombstones FILE --holds FILE` reconciles it.\n",
    )?;
    file.sync_all()?;
    if is_new { beside::sync_name(&path) } else { Ok(()) }
}

/// Whether a home is closed.
pub(super) fn is_closed(home: &Path) -> bool {
    fs::symlink_metadata(closed_path(home)).is_ok()
}

/// Opens it again.
pub(super) fn open(home: &Path) -> io::Result<()> {
    match fs::remove_file(closed_path(home)) {
        Ok(()) => beside::sync_name(&closed_path(home)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn what_is_stored_is_read_back_with_a_head_and_without() {
        let home = TempDir::new().unwrap();
        assert_eq!(load(home.path()).unwrap(), None);
        let place = |row| Place { month: "2026-11".to_owned(), row, hash: "ab".repeat(32) };
        for sealed in [None, Some(place(3))] {
            let milestone = Milestone { site: "desk-1".to_owned(), last: place(7), sealed };
            store(home.path(), &milestone).unwrap();
            assert_eq!(load(home.path()).unwrap(), Some(milestone));
        }
        assert!(!is_closed(home.path()));
        close(home.path()).unwrap();
        assert!(is_closed(home.path()));
        open(home.path()).unwrap();
        open(home.path()).unwrap();
        assert!(!is_closed(home.path()));
    }
}
