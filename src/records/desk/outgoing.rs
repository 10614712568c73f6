//! What leaves a home for the centre.
//!
//! Belongs here: the verbs of whoever delivers. Does not: how it travels (`retrocall-link`), what the centre does with it (`delivering`).

use std::path::PathBuf;

use jiff::Timestamp;

use super::{
    NotDone,
    delivering::{LedgerProgress, PeriodFacts},
};
use crate::parcel::Parcel;

/// A recording that is to be delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Outbound {
    /// What its catalog knows. The parts of its files are for whoever reads them.
    pub parcel: Parcel,
    /// Its files, in their order.
    pub files: Vec<PathBuf>,
    /// The name of its delivery: the same one after a break.
    pub token: String,
}

/// How many wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Recordings that are kept here and are to be delivered.
    pub waiting: u64,
    /// Those of them that the centre refused.
    pub refused: u64,
    /// Recordings that stay, because somebody has begun to work with them here.
    pub staying: u64,
}

/// Rows of the ledger, heads, and periods of the draw that the centre lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerNews {
    /// The segment's month, the first row, and the rows.
    pub piece: Option<(String, u64, Vec<String>)>,
    /// By their days.
    pub heads: Vec<(String, String)>,
    /// Periods.
    pub periods: Vec<PeriodFacts>,
}

/// The verbs of whoever delivers.
pub trait Outgoing {
    /// The site whose home this is; none before there is a ledger.
    ///
    /// # Errors
    /// Why it can't be known.
    fn site(&self) -> Result<Option<String>, NotDone>;

    /// Recordings that are to be delivered, the oldest first: those that ended before `settled`, and that nobody has worked with here. Those that
    /// were refused come again once they were tried last before `again`.
    ///
    /// # Errors
    /// Why they can't be had.
    fn outbound(&self, settled: Timestamp, again: Timestamp, limit: usize) -> Result<Vec<String>, NotDone>;

    /// One of them, with the name of its delivery. None if it is not to be delivered any more.
    ///
    /// # Errors
    /// Why it can't be had.
    fn pack(&self, recording: &str, now: Timestamp) -> Result<Option<Outbound>, NotDone>;

    /// The centre did not take it, and said why: it stays, and the others go on.
    ///
    /// # Errors
    /// Why it can't be noted.
    fn note_refused(&self, recording: &str, why: &str, now: Timestamp) -> Result<(), NotDone>;

    /// The centre has it: from now on the copy here goes. False if somebody has begun to work with it meanwhile: then it stays.
    ///
    /// # Errors
    /// Why it can't be noted.
    fn note_delivered(&self, recording: &str, sha256: &str, now: Timestamp) -> Result<bool, NotDone>;

    /// The centre has deleted it: the copy here goes for good. False as before.
    ///
    /// # Errors
    /// Why it can't be noted.
    fn note_gone(&self, recording: &str, now: Timestamp) -> Result<bool, NotDone>;

    /// Recordings that were delivered, by the file beside the catalog, and whose rows do not know it: the catalog was restored. Those whose files are
    /// not here are at the centre, whatever the row says. Returns how many.
    ///
    /// # Errors
    /// Why it can't be known.
    fn recall(&self, now: Timestamp) -> Result<u64, NotDone>;

    /// Removes the copies that are to go, as a sweep removes files. Those that can't be removed now are told, and tried again with the next call.
    ///
    /// # Errors
    /// Why nothing can be removed.
    fn remove_copies(&self, now: Timestamp) -> Result<Vec<(String, String)>, NotDone>;

    /// How many wait.
    ///
    /// # Errors
    /// Why it can't be known.
    fn backlog(&self) -> Result<Backlog, NotDone>;

    /// Recordings that were refused, with why.
    ///
    /// # Errors
    /// Why they can't be had.
    fn refused(&self, limit: usize) -> Result<Vec<(String, String)>, NotDone>;

    /// What of the ledger the centre lacks.
    ///
    /// # Errors
    /// Why it can't be had.
    fn ledger_news(&self, known: &LedgerProgress) -> Result<LedgerNews, NotDone>;
}
