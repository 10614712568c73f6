//! "Still needed?" without an answer: what nobody has needed for so long is the privacy officer's alone (D11).

use jiff::Timestamp;

use super::NotDone;

/// The verb of whoever sweeps.
pub trait Restricting {
    /// Restricts the recordings of whose cases nobody has said in time that they are still needed: from now on the privacy officer alone sees and hears
    /// them. One whose case is needed again is as it was before. Each has its row in the ledger. Returns those that were restricted now.
    ///
    /// # Errors
    /// Why it can't be done. Those that were restricted before are.
    fn restrict_unanswered(&self, now: Timestamp) -> Result<Vec<String>, NotDone>;
}
