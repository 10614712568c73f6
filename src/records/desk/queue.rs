//! The queue of the sample as a whole: how much of it can be heard, and what is let go of unheard (D1).

use jiff::Timestamp;
use serde::Serialize;

use super::{NotDone, Person};

/// What waits to be heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueState {
    /// How many calls wait.
    pub waiting: u64,
    /// How many can be heard in a week; none if that is not set.
    pub review_per_week: Option<usize>,
    /// How many of those that wait fit into this week.
    pub fit: u64,
    /// How many lie beyond two weeks: the next clean-up lets go of them, the highest draw first.
    pub beyond: u64,
    /// When the first of those that don't fit into this week, and are not beyond, ended: its days count from then.
    pub rest_from: Option<Timestamp>,
}

/// The verbs of the queue.
pub trait Queue {
    /// What waits to be heard.
    ///
    /// # Errors
    /// Why it can't be had.
    fn queue(&self, who: &Person, review_per_week: Option<usize>, now: Timestamp) -> Result<QueueState, NotDone>;

    /// Lets go of what lies beyond two weeks of hearing, the highest draw first, each with its row in the ledger: the sweep deletes it then, unless
    /// something else keeps it. Returns the recordings, in the order in which they went.
    ///
    /// # Errors
    /// Why it can't be done. Those that were let go of before are.
    fn let_go(&self, review_per_week: Option<usize>, now: Timestamp) -> Result<Vec<String>, NotDone>;
}
