//! The records as the engine sees them: the notes that it hands in, and the few questions that it asks.
//!
//! Belongs here: the verbs, and the notes that go with them. Does not: how they are stored, for how long, and who may see them (`records`).

mod marks;
mod note;

use std::{collections::HashSet, sync::Arc, time::Duration};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

pub use marks::{LegStretch, Marks, Silence, SilenceKind};
pub use note::{
    CallBegun, CallEnded, Note, Origins, Outcome, Part, Participant, RecordedCall, RecordingBegun, RecordingKept,
    RecordingState, Skipped,
};

use crate::{CallId, Customer, Rights};

/// The most notes that wait in memory while the records can't be written: those of about 80,000 calls, days of a large desk, some 100 MB. One user
/// can't begin so many calls in a working day.
pub const NOTES_MAX: usize = 250_000;

/// The day (UTC) of a moment, which labels the period that is open then.
pub fn day_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// A call's place among the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// The label of the period: a day (UTC), which may be ahead of the wall clock.
    pub day: Date,
    /// The place in the period, from 1. A call that begins while no number can be reserved has none, never gets one, and is not drawn.
    pub sequence: Option<u64>,
}

/// Calls and recordings that earlier runs of the engine left, as the records know them when they are first opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// Calls that were live when the engine last stopped and left no recording. The records mark them as lost.
    pub lost: Vec<Unfinished>,
    /// Calls whose commit was going on when the engine last stopped. Recovery answers for each: [`Note::Kept`], or [`Note::Ended`] with
    /// [`Outcome::Lost`] if nothing is left of it.
    pub committing: Vec<Unfinished>,
    /// Calls of this day and the one before that were cut off and that no later call continues yet.
    pub cut_off: Vec<CutOff>,
    /// The calls whose recordings are registered as durable.
    pub registered: HashSet<CallId>,
}

/// A call that an earlier run of the engine did not finish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The id.
    pub call: CallId,
    /// Who talked for the desk.
    pub agent: String,
    /// When it began.
    pub began_at: Timestamp,
}

/// A call that was cut off, as far as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutOff {
    /// The id.
    pub call: CallId,
    /// Who talked for the desk when it began.
    pub agent: String,
    /// Whether record was pressed.
    pub recording: bool,
    /// Whether it was private. None if nobody saw it end.
    pub private: bool,
    /// Whether the customer objected. None if nobody saw it end.
    pub objected: bool,
    /// Whether the customer wanted a copy.
    pub copy: bool,
}

/// The health of the records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BookHealth {
    /// Notes that wait to be written.
    pub notes_waiting: usize,
    /// The reason why they can't be written, and the next step. None while all is well.
    pub trouble: Option<String>,
    /// How often writing failed since the start.
    pub troubles: u64,
    /// Calls whose rows were left out, because too many notes waited.
    pub left_out: u64,
}

/// The records, as the engine sees them. No verb but [`Book::rights_of`], [`Book::left_behind`] and [`Book::close`] waits for a disk.
pub trait Book: Send + Sync {
    /// Reserves the next number for a call that begins on this day. The caller hands in [`Note::Begun`] with it, whatever becomes of the
    /// call, or there is a hole without a name.
    fn reserve(&self, today: Date) -> Number;

    /// The one form of a customer's number, by which every spelling of it is the same. None if it is no phone number, or nobody knows. Takes
    /// a tenth of a second the first time.
    fn form(&self, _customer: &Customer) -> Option<Customer> {
        None
    }

    /// Whether this customer objects to coaching: their calls are not drawn. Answered from memory, and never waits: an objection counts within
    /// seconds of its command.
    fn objects(&self, _customer: &Customer) -> bool {
        false
    }

    /// What the account of this name may do with live calls, as of now. None if there is no such account. Reads the catalog, and waits for it.
    ///
    /// # Errors
    /// The reason why the records can't say, and the next step.
    fn rights_of(&self, _account: &str) -> Result<Option<Rights>, String> {
        Ok(None)
    }

    /// Has what is due deleted now, and not within the hour; soon, if that was asked for a moment ago. Never waits.
    fn sweep(&self) {}

    /// Hands in a note. The records write notes in the order in which they came.
    fn note(&self, note: Note);

    /// Tells once what earlier runs left. Waits at most `wait` until the records are open or the first try to open them has failed; without a `wait`,
    /// until they are open or closed for good.
    ///
    /// # Errors
    /// The reason why the records can't be opened, and the next step.
    fn left_behind(&self, wait: Option<Duration>) -> Result<LeftBehind, String>;

    /// The health of the records.
    fn health(&self) -> BookHealth;

    /// Makes the records check that their file is still at its place. Without notes to write they would not notice that it was moved.
    fn look(&self);

    /// Writes the queued notes and ends; takes no note after this. Notes that could not be written within `wait` are put aside for the next run. False
    /// if a note was neither written nor put aside.
    fn close(&self, wait: Duration) -> bool;

    /// A second hold for a caller that waits in [`Book::left_behind`]. It does not keep the records open.
    fn beside(&self) -> Arc<dyn Book>;
}

/// Decides for one call whether it is in the sample.
///
/// A draw depends on the day and the day's sequence number alone, which is never given twice, so that anybody can verify it by the published seed.
/// It never waits, because the call has begun.
pub trait Draw: Send + Sync {
    /// Whether the call with this number on this day (UTC) is in the sample.
    fn draw(&self, day: Date, sequence: u64) -> bool;
}

/// The records of one home, opened.
pub struct OpenBook {
    /// Draws calls by seeds that the ledger promises. None if the records promise no seeds: then the engine draws by chance.
    pub draw: Option<Arc<dyn Draw>>,
    /// The engine's hold on the records. Dropping it writes the queued notes, if they can be written.
    pub book: Arc<dyn Book>,
    /// Writes notes until the records are closed. A thread runs it, and calls it again after a panic.
    pub write: Box<dyn FnMut() + Send>,
}
