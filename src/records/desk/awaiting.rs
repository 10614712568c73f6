//! Presses that await a case, as those see them who can open one (D10).

use jiff::{Timestamp, civil::Date};
use retrocall_words::retention::{Calendar, Periods};
use serde::Serialize;

use super::{NotDone, Onward, Paged, Person, RecordingEntry};

/// A press that awaits a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AwaitingPress {
    /// Its recording.
    pub recording: RecordingEntry,
    /// When it is deleted for want of a case.
    pub until: Timestamp,
    /// The last day on which a case can be opened for it.
    pub last_day: Date,
    /// How often lead and deputy were warned by now: twice at most.
    pub warned: usize,
}

/// The verb of whoever follows incidents.
pub trait Awaiting {
    /// A part of the presses that await a case and that this person may know of, from behind `after` on, those first that go first.
    ///
    /// # Errors
    /// Why they can't be had.
    fn awaiting(
        &self,
        who: &Person,
        after: Option<&Onward>,
        rules: (Periods, &Calendar),
        now: Timestamp,
    ) -> Result<Paged<AwaitingPress>, NotDone>;
}
