//! Every file that the records keep in a home, beside the recordings: one list, for whoever closes, copies or looks through a home.
//!
//! Belongs here: their names, and what each is there for. Does not: what is in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file of a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HomeFile {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: &'static str,
}

const fn file(name: &'static str, holds: &'static str) -> HomeFile {
    HomeFile { name, holds }
}

/// All of them. A test fails for a file that is missing here.
pub const HOME_FILES: [HomeFile; 19] = [
    file("catalog.sqlite", "the catalog: calls, recordings, the ledger"),
    file("numbers", "the numbers that are reserved"),
    file("unwritten.jsonl", "notes that the catalog had not taken"),
    file("draw", "the seeds of days that are not published yet"),
    file("ledger.key", "the key that signs heads"),
    file("customers.key", "the key by which customers who object are remembered"),
    file("centre-customers.key", "the key of those who object at the centre"),
    file("council", "the works council's numbers"),
    file("ledger.last", "how far the ledger had come"),
    file("unreconciled", "that the catalog is older than its ledger was"),
    file("restore", "how far a restore has come"),
    file("tombstones.jsonl", "which recordings were deleted"),
    file("holds.jsonl", "which recordings somebody's deeds keep, which are erased, and which customers object"),
    file("last-sweep", "when a sweep was begun last"),
    file("delivered.jsonl", "which recordings were delivered to a centre"),
    file("link.key", "the key that signs what is delivered to a centre"),
    file("link.counter", "how many requests it has signed"),
    file("hotkey.token", "what a hotkey shows to the centre that brings its presses to a call"),
    file("link.state", "since when the centre does not answer"),
];

/// What follows a name where a file is being written, was put aside, or is SQLite's own.
const ENDINGS: [&str; 7] = [".new", ".damaged", ".replaced", ".restoring", "-wal", "-shm", "-journal"];

/// The file of the records that has this name, or is being made under it, or was put aside. None: it is none of theirs.
///
/// ```
/// use retrocall_records::home_file;
///
/// assert_eq!(home_file("last-sweep.new").map(|file| file.name), Some("last-sweep"));
/// assert!(home_file("catalog.sqlite.replaced-2-wal").is_some());
/// assert_eq!(home_file("notes.txt"), None);
/// ```
pub fn home_file(name: &str) -> Option<&'static HomeFile> {
    HOME_FILES.iter().find(|file| {
        let ending = name.strip_prefix(file.name);
        ending.is_some_and(|ending| ending.is_empty() || ENDINGS.iter().any(|one| ending.starts_with(one)))
    })
}

/// Those that are in a home now, also under the names that they are made under or were put aside with.
pub fn files_in(home: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(home) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found: Vec<_> = names.filter(|name| home_file(name).is_some()).map(|name| home.join(name)).collect();
    found.sort_unstable();
    found
}
