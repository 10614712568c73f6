//! How a recording of a site becomes one of the centre.
//!
//! Belongs here: the verbs. Does not: the store, and waiting for it. Each verb is a transaction of its own, and none is open while the store is asked.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::NotDone;
use crate::parcel::Parcel;

/// For so long a delivery may touch the store after its last word. Each part prolongs it.
pub const UPLOAD_TIME: SignedDuration = SignedDuration::from_secs(120);

/// What a site may do with a recording that it offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offered {
    /// It may send its parts until then.
    Begun(Timestamp),
    /// It lies here.
    Already,
    /// It was deleted here, or is being deleted: it is not taken again.
    Gone,
    /// Another delivery of it has not ended: until then.
    Busy(Timestamp),
    /// It is another site's.
    NotYours,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrival {
    /// It lies here now.
    Stored,
    /// It lay here before.
    Already,
    /// It was deleted here: it is not taken again.
    Gone,
    /// Its time is over: it begins anew.
    Late,
}

/// An object that holds a part of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Which file of the recording, from 1.
    pub file: u64,
    /// Which part of that, from 1.
    pub part: u64,
    /// Where it lies in the store.
    pub place: String,
    /// How many bytes.
    pub bytes: u64,
    /// Their SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// A period of a site's draw: its recordings are heard once the day's seed is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodFacts {
    /// Its number.
    pub period: i64,
    /// Its day.
    pub day: String,
    /// The first number that is drawn in it.
    pub first: i64,
    /// One in so many.
    pub one_in: i64,
    /// When the seed of its day was published.
    pub published_at: Option<String>,
}

/// Rows of a site's ledger that lie in the store, or heads of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerPiece {
    /// The segment's month.
    pub month: String,
    /// The first row,
    pub first_row: u64,
    /// and the one behind the last.
    pub end_row: u64,
    /// Where it lies in the store.
    pub place: String,
}

/// How far a site's ledger has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerProgress {
    /// The last segment of which rows lie in the store, and how many: the earlier ones are whole.
    pub segment: Option<(String, u64)>,
    /// The day of the last head.
    pub head: Option<String>,
    /// The first period whose seed is not known to be published.
    pub period: i64,
}

/// The verbs of deliveries, at a centre.
pub trait Deliveries {
    /// Begins a delivery, or goes on with the one of this token. Until it ends, or its time does, nobody else may deliver this recording.
    ///
    /// # Errors
    /// Why it can't begin.
    fn offer(&self, parcel: &Parcel, digest: &str, token: &str, now: Timestamp) -> Result<Offered, NotDone>;

    /// Prolongs a delivery, for one more part. None: its time is over, or it is another one.
    ///
    /// # Errors
    /// Why it can't be known.
    fn prolong(
        &self,
        site: &str,
        recording: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<(Timestamp, String)>, NotDone>;

    /// The recording lies in the store, and was read back: from now on it is one of the centre's, with its purposes.
    ///
    /// # Errors
    /// Why it can't be registered.
    fn register(&self, parcel: &Parcel, token: &str, objects: &[Stored], now: Timestamp) -> Result<Arrival, NotDone>;

    /// How far the ledger of a site has come here.
    ///
    /// # Errors
    /// Why it can't be known.
    fn ledger_progress(&self, site: &str) -> Result<LedgerProgress, NotDone>;

    /// Notes a piece of a site's ledger that lies in the store. One that does not follow on what is there is not noted.
    ///
    /// # Errors
    /// Why it can't be noted.
    fn note_piece(&self, site: &str, piece: &LedgerPiece) -> Result<bool, NotDone>;

    /// Notes heads of a site's ledger, by their days, and periods of its draw.
    ///
    /// # Errors
    /// Why they can't be noted.
    fn note_heads(&self, site: &str, heads: &[(String, String)], periods: &[PeriodFacts]) -> Result<(), NotDone>;
}
