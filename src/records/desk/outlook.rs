//! Until when recordings are kept, and what they wait for, as far as somebody may know of them.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use retrocall_words::retention::{Calendar, Periods};
use serde::Serialize;

use super::{NotDone, Person};
use crate::policy::{NoticeKind, Why};

/// Until when a recording is kept, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outlook {
    /// Until when, if nothing happens; none while something holds it.
    pub until: Option<Timestamp>,
    /// What it waits for; none if nothing is known from which its time could count.
    pub why: Option<Why>,
    /// What is about to happen to it.
    pub warnings: Vec<NoticeKind>,
}

/// How many recordings go on a day, if nothing happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Going {
    /// The day; none for those that have none while something holds them.
    pub on: Option<Date>,
    /// How many.
    pub count: u64,
}

/// The verbs of whoever asks until when.
pub trait Outlooks {
    /// The outlooks of these recordings, by their ids, by these rules. Those that this person may not know of are left out; and of a call that began at
    /// `today` or later its agent is not told that it is in the sample.
    ///
    /// # Errors
    /// Why they can't be had.
    fn outlooks(
        &self,
        who: &Person,
        recordings: &[String],
        rules: (Periods, &Calendar),
        today: Timestamp,
        now: Timestamp,
    ) -> Result<HashMap<String, Outlook>, NotDone>;

    /// How many of all recordings go on which day, by these rules, the first day first: for the council and the privacy officer, without names. What
    /// is in the sample alone, of a call that began at `today` or later, is not counted.
    ///
    /// # Errors
    /// Why it can't be had.
    fn going(
        &self,
        who: &Person,
        rules: (Periods, &Calendar),
        today: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Going>, NotDone>;
}
