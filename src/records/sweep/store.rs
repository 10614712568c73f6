//! What a sweep asks of the store, in few verbs: each is durable when it returns. Those that take several recordings do so in as few transactions as
//! are short: whoever saves a review meanwhile waits for one of these. Cut off between two of them, some recordings are a step further than others.
//!
//! Belongs here: the trait and what passes through it. Does not: SQL, files.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Trouble, policy::Why};
use retrocall_words::CallId;

/// Who sweeps: a later one has a larger token, and a write with a smaller one is refused.
pub type Token = i64;

/// A recording that is to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doomed {
    /// Its id.
    pub id: String,
    /// Its call.
    pub call: CallId,
    /// What ended its last purpose.
    pub why: Why,
    /// Since when it is due.
    pub since: Timestamp,
    /// The pictures of its loudness, which go first.
    pub peaks: Vec<PathBuf>,
    /// Its files, in their order.
    pub files: Vec<PathBuf>,
    /// The SHA-256 of its files, in hexadecimal digits, once its deletion has begun. None: there was none to read.
    pub sha256: Option<String>,
}

impl Doomed {
    /// What stands for it once it is gone.
    pub(super) fn stone(&self, at: Timestamp) -> Tombstone {
        let (recording, call, sha256) = (self.id.clone(), self.call, self.sha256.clone());
        Tombstone { recording, call, sha256, at, why: Some(self.why) }
    }
}

/// What stands for a recording that was deleted, so that no backup brings it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The recording's id.
    pub recording: String,
    /// Its call.
    pub call: CallId,
    /// The SHA-256 of its files, in hexadecimal digits, if they could be read.
    pub sha256: Option<String>,
    /// When it was buried.
    pub at: Timestamp,
    /// What ended its last purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
}

/// The proof that a recording is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// What ended its last purpose.
    pub why: Why,
    /// When its files were unlinked and it was verified that they are not there. What they said may be on the disk until that is overwritten.
    pub out_of_reach_at: Timestamp,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It is done, now or by an earlier run.
    Done,
    /// It is not to be done: the recording is not due any more.
    NotNow,
    /// Another sweep has the lease: nothing was written.
    LeaseLost,
}

/// What a sweep needs of the records.
pub trait Store {
    /// Takes the lease, or prolongs the one of this holder, until `until`. None while another holder's has not expired at `now`. One that would
    /// expire after `until` was taken by a clock that was ahead, and has expired.
    ///
    /// # Errors
    /// Why the records can't be had.
    fn lease(&mut self, holder: &str, now: Timestamp, until: Timestamp) -> Result<Option<Token>, Trouble>;

    /// Lets the lease go at the end of a run, if this token still has it: the next one need not wait until it expires.
    ///
    /// # Errors
    /// Why the records can't be had.
    fn release(&mut self, token: Token, now: Timestamp) -> Result<(), Trouble>;

    /// Recordings that [`crate::policy::fate`] calls due at `now`, in the order of their ids, from behind `after` on; at most `limit`. A recording
    /// that is being written is none.
    ///
    /// # Errors
    /// Why the records can't be had.
    fn due(&mut self, now: Timestamp, after: Option<&str>, limit: usize) -> Result<Vec<Doomed>, Trouble>;

    /// Recordings whose deletion has begun and is not finished, in the same way.
    ///
    /// # Errors
    /// Why the records can't be had.
    fn unfinished(&mut self, after: Option<&str>, limit: usize) -> Result<Vec<Doomed>, Trouble>;

    /// Begins deletions: `kept → deleting`, with why, since when and the hash. The rule is asked once more of each, in the same transaction:
    /// whatever came to hold the recording meanwhile wins. From here on holds and requests are refused for it. What became of each, in their order.
    ///
    /// # Errors
    /// Why the records can't be had.
    fn deleting(&mut self, doomed: &[Doomed], token: Token, now: Timestamp) -> Result<Vec<Deed>, Trouble>;

    /// Writes tombstones down. What became of each, in their order.
    ///
    /// # Errors
    /// Why the records can't be had.
    fn buried(&mut self, tombstones: &[Tombstone], token: Token, now: Timestamp) -> Result<Vec<Deed>, Trouble>;

    /// Ends deletions: `deleting → gone`. Customer, marks, notes and all else that belonged to a recording go; its receipt stays. What became of
    /// each, in their order.
    ///
    /// # Errors
    /// Why the records can't be had.
    fn gone(&mut self, receipts: &[(String, Receipt)], token: Token, now: Timestamp) -> Result<Vec<Deed>, Trouble>;
}
