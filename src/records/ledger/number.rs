//! The council's number, as a command enters it.

use std::{
    io,
    path::{Path, PathBuf},
};

use retrocall_ledger::{CouncilNumber, Month};

use crate::council;

/// Why a number was not entered.
#[derive(Debug)]
pub enum NumberError {
    /// The month has one.
    Given,
    /// The file can't be written.
    Io(PathBuf, io::Error),
}

/// Enters the council's number for a month. The engine takes it within seconds, or when it starts; it counts from the next period that opens.
///
/// # Errors
/// If the month has one, or if it can't be written down.
pub fn enter_number(home: &Path, month: Month, number: &CouncilNumber) -> Result<(), NumberError> {
    council::enter(home, month, number).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => NumberError::Given,
        _ => NumberError::Io(council::path(home), error),
    })
}
