//! Incidents: the cases that recordings belong to, and presses by mistake.

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::{NotDone, Onward, Paged, Person};

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// Its id.
    pub case: String,
    /// Who opened it.
    pub opened_by: String,
    /// When.
    pub opened_at: Timestamp,
    /// When somebody last said that it is still needed.
    pub needed_at: Timestamp,
    /// When it was closed; none while it is open.
    pub closed_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<String>,
    /// The day of the judgment.
    pub judged_on: Option<Date>,
    /// Its recordings that are kept, as far as this person may know of them: those that are restricted the privacy officer alone.
    pub recordings: Vec<String>,
}

/// By what an open case is found. What is left out does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseSearch {
    /// Its id, that of a recording in it, whoever opened it, or an agent whose call is in it.
    pub of: Option<String>,
    /// Opened then or later.
    pub from: Option<Timestamp>,
    /// Opened before then.
    pub before: Option<Timestamp>,
}

/// The verbs of a case handler.
pub trait Cases {
    /// Opens a case for an incident. The agent who pressed may too. Returns the case's id.
    ///
    /// # Errors
    /// Why it can't be opened.
    fn open_case(&self, who: &Person, recording: &str, now: Timestamp) -> Result<String, NotDone>;

    /// Adds an incident to a case that is open.
    ///
    /// # Errors
    /// Why it can't be added.
    fn attach(&self, who: &Person, case: &str, recording: &str, now: Timestamp) -> Result<(), NotDone>;

    /// Closes a case, with how it ended and the day of the judgment if there was one.
    ///
    /// # Errors
    /// Why it can't be closed.
    fn close_case(
        &self,
        who: &Person,
        case: &str,
        outcome: &str,
        judged_on: Option<Date>,
        now: Timestamp,
    ) -> Result<(), NotDone>;

    /// Takes a closing back, as long as it has not taken effect.
    ///
    /// # Errors
    /// Why it can't be taken back.
    fn reopen_case(&self, who: &Person, case: &str, now: Timestamp) -> Result<(), NotDone>;

    /// Answers "still needed?" with yes.
    ///
    /// # Errors
    /// Why it can't be answered.
    fn still_needed(&self, who: &Person, case: &str, now: Timestamp) -> Result<(), NotDone>;

    /// A part of the cases, from behind `after` on: open ones first, those that nobody has needed for the longest time; then closed ones, the last one
    /// first.
    ///
    /// # Errors
    /// Why they can't be had.
    fn cases(&self, who: &Person, after: Option<&Onward>) -> Result<Paged<Case>, NotDone>;

    /// All of them, in the same order.
    ///
    /// # Errors
    /// Why they can't be had.
    fn all_cases(&self, who: &Person) -> Result<Vec<Case>, NotDone> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let part = self.cases(who, after.as_ref())?;
            all.extend(part.items);
            after = part.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Those that are open and answer to this, the last ones opened first, as many as a part has: a press most often belongs to one of them.
    ///
    /// # Errors
    /// Why they can't be had.
    fn find_cases(&self, who: &Person, search: &CaseSearch) -> Result<Vec<Case>, NotDone>;

    /// A press was a mistake.
    ///
    /// # Errors
    /// Why that can't be said.
    fn dismiss(&self, who: &Person, recording: &str, why: &str, now: Timestamp) -> Result<(), NotDone>;
}
