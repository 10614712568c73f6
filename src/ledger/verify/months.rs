//! What can be said of a month's lottery: whether anybody could have chosen its seeds.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::finding::{RowId, Verdict};
use crate::{draw::CouncilNumber, hash::Hash, head::Head};

/// What is known of a month's lottery.
#[derive(Default)]
pub(super) struct MonthOf {
    pub promised_at: Option<RowId>,
    pub promises: BTreeMap<Date, Hash>,
    pub number_at: Option<RowId>,
    pub number: Option<CouncilNumber>,
    pub periods: u64,
    /// Periods that opened with the council's number in force.
    pub with_number: u64,
}

impl MonthOf {
    pub fn verdict(&self, heads: &[Head]) -> Verdict {
        if self.promises.is_empty() {
            return Verdict::NotPromised;
        }
        if self.number_at.is_none() && self.with_number > 0 {
            return Verdict::Expired;
        }
        let Some(number_at) = self.number_at.filter(|_| self.number.is_some()) else { return Verdict::NoNumber };
        if self.with_number < self.periods {
            return Verdict::NumberLate;
        }
        let covers = |head: &Head, place: RowId| (place.segment, place.row) < (head.segment, head.size);
        // A promise whose row has expired is known from the head that carries it.
        let promises = |head: &Head| match self.promised_at {
            Some(place) => covers(head, place),
            None => head.commitments.iter().any(|(day, _)| self.promises.contains_key(day)),
        };
        let is_between = heads.iter().any(|head| promises(head) && !covers(head, number_at));
        if is_between { Verdict::Witnessed } else { Verdict::NoHead }
    }
}
