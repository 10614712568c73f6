//! What leaves the desk by law, and what existed at some time: for the police, and after a breach (D19).

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use super::{NotDone, Person};
use crate::Life;
use retrocall_words::{CallId, Customer, Reason, customer::in_plain};

/// To whom a recording is given, and by what right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosure {
    /// Who gets it.
    pub to: String,
    /// On which ground in law.
    pub ground: String,
    /// Their reference: of the order, or of the letter.
    pub reference: String,
}

/// A recording that existed at some time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InventoryEntry {
    /// The recording.
    pub recording: String,
    /// Its call.
    pub call: CallId,
    /// Whose call it was when it began.
    pub agent: String,
    /// The customer's number, while that is known.
    #[serde(with = "in_plain")]
    pub customer: Option<Customer>,
    /// When its call began.
    pub start: Timestamp,
    /// How long it is.
    pub seconds: Option<f64>,
    /// Why it was selected.
    pub reasons: Vec<Reason>,
    /// Where it is in its life now.
    pub life: Life,
    /// When it went, if it is gone since.
    pub gone_at: Option<Timestamp>,
}

/// The recordings that existed at some time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inventory {
    /// That time.
    pub at: Timestamp,
    /// The recordings, the oldest first.
    pub recordings: Vec<InventoryEntry>,
    /// Of how many it can be said whose they are,
    pub named: u64,
    /// of how many no longer, because they are deleted,
    pub no_longer_named: u64,
    /// and of how many that was never known.
    pub never_named: u64,
    /// Backups of the catalog that existed then, which name whom it named.
    pub backups: Vec<PathBuf>,
}

/// The verbs around disclosure: the officer's.
pub trait Disclosures {
    /// A recording is about to be given to somebody outside, by law: that is noted first. Returns its files, in their order.
    ///
    /// # Errors
    /// Why it may not be.
    fn disclose(
        &self,
        who: &Person,
        recording: &str,
        how: &Disclosure,
        now: Timestamp,
    ) -> Result<Vec<PathBuf>, NotDone>;

    /// What existed at some time.
    ///
    /// # Errors
    /// Why it can't be had.
    fn inventory(&self, who: &Person, at: Timestamp) -> Result<Inventory, NotDone>;
}
