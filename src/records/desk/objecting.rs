//! Customers who object to coaching without a call (D7).

use jiff::Timestamp;
use serde::Serialize;

use super::{NotDone, Person};
use retrocall_words::{Country, Customer};

/// What came of an objection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Objected {
    /// Whether it was not remembered before.
    pub is_new: bool,
    /// How many recordings are no longer kept for coaching or teaching.
    pub ended: u64,
}

/// The verbs around objections. A number counts in any spelling, as whoever dials in this country means it.
pub trait Customers {
    /// A customer objects: coaching and teaching end at once for what is kept of them, and no later call of theirs is drawn.
    ///
    /// # Errors
    /// Why it can't be remembered.
    fn customer_objects(
        &self,
        who: &Person,
        customer: &Customer,
        country: Country,
        now: Timestamp,
    ) -> Result<Objected, NotDone>;

    /// A customer no longer objects: later calls are drawn again.
    ///
    /// # Errors
    /// Why that can't be said.
    fn customer_withdraws(
        &self,
        who: &Person,
        customer: &Customer,
        country: Country,
        now: Timestamp,
    ) -> Result<(), NotDone>;
}
