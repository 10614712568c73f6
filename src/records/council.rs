//! The numbers that the works council gives for the draw: entered by a command, taken by the engine.
//!
//! Belongs here: the file `council`, a line for each month. Does not: what a number changes.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use retrocall_ledger::{CouncilNumber, Month};

use super::beside;

/// Months that are remembered.
const MONTHS_MAX: usize = 24;

/// Where the council's numbers of a home are.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("council")
}

/// The numbers that were given, by month. Skips lines that it can't read.
pub(super) fn numbers(home: &Path) -> Vec<(Month, CouncilNumber)> {
    let text = fs::read_to_string(path(home)).unwrap_or_default();
    let number = |line: &str| {
        let (month, number) = line.split_once(' ')?;
        Some((month.parse().ok()?, number.parse().ok()?))
    };
    text.lines().filter_map(number).collect()
}

/// Enters a number. An error of the kind `AlreadyExists` if the month has one.
pub(super) fn enter(home: &Path, month: Month, number: &CouncilNumber) -> io::Result<()> {
    let mut numbers = numbers(home);
    if numbers.iter().any(|(other, _)| *other == month) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    numbers.push((month, number.clone()));
    let kept = &numbers[numbers.len().saturating_sub(MONTHS_MAX)..];
    let text: String = kept.iter().map(|(month, number)| format!("{month} {number}\n")).collect();
    let (path, new) = (path(home), home.join("council.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    beside::sync_name(&path)
}
