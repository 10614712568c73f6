//! The records as the engine sees them: what it tells them, and the little that it asks.
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

use crate::{CallId, Customer};

/// Notes that wait in memory while the records can't be written: of about 80,000 calls, days of a large desk, some 100 MB. More than one
/// user can begin in a working day.
pub const NOTES_MAX: usize = 250_000;

/// The day (UTC) of a moment: the label of the period that is open then.
pub fn day_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// A call's place among the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// The label of the period: a day (UTC), which may be ahead of the wall clock.
    pub day: Date,
    /// The place in the period, from 1. None while none can be had: the call never gets one, and is not drawn.
    pub sequence: Option<u64>,
}

/// What earlier runs of the engine left, as the records know it when they are first opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// Calls that were live when the engine last stopped and of which nothing is kept. They are written down as lost.
    pub lost: Vec<Unfinished>,
    /// Calls whose commit was going on when the engine last stopped: recovery says what became of each, with [`Note::Kept`], or
    /// with [`Note::Ended`] and [`Outcome::Lost`] if nothing is left of it.
    pub committing: Vec<Unfinished>,
    /// Calls of this day and the one before that were cut off and that no call goes on with yet.
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
    /// Whether it was private. Not known where nobody saw it end.
    pub private: bool,
    /// Whether the customer objected. The same.
    pub objected: bool,
    /// Whether the customer wanted a copy.
    pub copy: bool,
}

/// How the records are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BookHealth {
    /// Notes that are not written yet.
    pub notes_waiting: usize,
    /// What keeps them from being written, and what to do about it. None while all is well.
    pub trouble: Option<String>,
    /// How often they got into trouble since the start.
    pub troubles: u64,
    /// Calls whose rows were left out, because too many notes waited.
    pub left_out: u64,
}

/// The records, as the engine sees them. No verb but [`Book::left_behind`] and [`Book::close`] waits for a disk.
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

    /// Hands in what is to be written. Notes are written in the order in which they came.
    fn note(&self, note: Note);

    /// What earlier runs left; told once. Waits until the records are open, or until the first try to open them has failed, at most `wait`;
    /// without it until they are open or closed for good, however long that takes.
    ///
    /// # Errors
    /// Why they can't be had, and what to do.
    fn left_behind(&self, wait: Option<Duration>) -> Result<LeftBehind, String>;

    /// How the records are.
    fn health(&self) -> BookHealth;

    /// Has the records look whether what they write to is still at its place: without notes they would not notice.
    fn look(&self);

    /// Writes what is queued and ends. What could not be written within `wait` is put aside for the next run. False if something is in
    /// neither. No note is taken after this.
    fn close(&self, wait: Duration) -> bool;

    /// Another hold, for one who waits for [`Book::left_behind`]: it does not keep the records open.
    fn beside(&self) -> Arc<dyn Book>;
}

/// Decides for one call whether it is in the sample.
///
/// The day and the day's sequence number, which is never given twice, are all that a draw may depend on, so that one with a published
/// seed can be verified by anybody. Never waits: the call has begun.
pub trait Draw: Send + Sync {
    /// Whether the call with this number on this day (UTC) is in the sample.
    fn draw(&self, day: Date, sequence: u64) -> bool;
}

/// The records of one home, opened.
pub struct OpenBook {
    /// By what calls are drawn. None: the records promise no seeds, and the engine draws by chance.
    pub draw: Option<Arc<dyn Draw>>,
    /// The engine's hold on them. When it is dropped, what is queued is written, if that can be.
    pub book: Arc<dyn Book>,
    /// Writes what is handed in, until the records are closed: the work of a thread, called again if it panics.
    pub write: Box<dyn FnMut() + Send>,
}
