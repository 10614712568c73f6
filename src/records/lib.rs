//! The catalog: what is kept and why, and one row for every call. All SQL of the project is in this room.
//!
//! Belongs here: the schema, queries, and what happens when the file is locked, damaged or from a newer version. Does not: rules
//! (what is kept, for how long), audio.
//!
//! A thread named `catalog` owns the only connection that writes. Others hand it notes, which never waits for the disk; it writes
//! all that have come since it last looked in one transaction, in their order. While the file refuses, notes queue up in memory and
//! the file is tried again. Nothing is ever written over a file that is not a sound catalog of this version.
//!
//! Two small files beside it do not depend on it: `numbers`, in which the numbers of calls are reserved ahead of need, and
//! `unwritten.jsonl`, which takes what the catalog did not take before the engine had to stop.
//!
//! `file` is the only place that knows of SQLite: `write` and `read` are plain SQL, so that PostgreSQL can follow behind them.
#![forbid(unsafe_code)]

mod beside;
mod customer;
mod file;
mod marks;
mod note;
mod numbers;
mod queue;
mod read;
mod steps;
#[cfg(test)]
mod tests;
mod text;
mod trouble;
mod unwritten;
mod worker;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

pub use customer::Customer;
pub use marks::{LegStretch, Marks, Silence, SilenceKind};
pub use note::{
    CallBegun, CallEnded, Note, Outcome, Part, Participant, Purpose, PurposeKind, RecordedCall, RecordingBegun,
    RecordingKept, RecordingState, Skipped,
};
pub use numbers::Number;
pub use read::{CallRow, Recording, calls, damage, of_customer, recordings, registered, skipped_numbers};
pub use trouble::Trouble;

use queue::Queue;
use retrocall_core::{
    heart::{self, Waits},
    priority,
};
use retrocall_words::{CallId, Country};
use worker::Worker;

/// How long the thread may take to put aside what is not written, once its time is over.
const PUTTING_ASIDE: Duration = Duration::from_secs(5);

/// Notes that may wait in memory: about 80,000 calls, days of a large desk, some 100 MB. More than one user can begin in a working day.
pub const NOTES_MAX: usize = 250_000;

/// What bounds the catalog's thread.
#[derive(Debug, Clone)]
struct Limits {
    /// How long after a refusal the file is tried again.
    retry: Duration,
    /// Notes that may wait in memory: of about 80,000 calls, some 100 MB. With half of it, those that wait go to a file.
    notes_max: usize,
    /// How large that file may become.
    unwritten_bytes_max: u64,
    /// For so long what belongs to a kept call waits in memory alone, which a kill would take along.
    aside_after: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            retry: Duration::from_secs(1),
            notes_max: NOTES_MAX,
            unwritten_bytes_max: unwritten::BYTES_MAX,
            aside_after: Duration::from_secs(5),
        }
    }
}

/// The day (UTC) of a moment.
pub fn day_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// The files beside the catalog in which numbers and notes are.
pub fn files_beside(home: &Path) -> [PathBuf; 2] {
    [numbers::path(home), unwritten::path(home)]
}

/// What an earlier run left, as the catalog knows it when it is first opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Calls that were live when the engine last stopped and of which nothing is kept. They are written down as lost.
    pub lost: Vec<Unfinished>,
    /// Calls whose commit was going on when the engine last stopped: recovery says what became of each, with [`Note::Kept`], or
    /// with [`Note::Ended`] and [`Outcome::Lost`] if nothing is left of it.
    pub committing: Vec<Unfinished>,
    /// Calls of this day and the one before that were cut off and that no call goes on with yet.
    pub cut_off: Vec<CutOff>,
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
}

/// The engine's hold on the catalog. A clone is another hold on the same one; when the last is dropped the thread writes what it
/// has, if it can, puts the rest aside, and ends.
#[derive(Clone)]
pub struct Catalog {
    queue: Arc<Queue>,
    /// None for a hold that keeps nothing alive.
    _last: Option<Arc<LastHold>>,
}

/// Ends the thread when nobody can hand it notes any more.
struct LastHold(Arc<Queue>);

impl Drop for LastHold {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

impl Catalog {
    /// Starts the thread that opens `catalog.sqlite` in the home folder, or makes it if there is none, on this day. Customers' numbers that
    /// are given without their country are of `country`.
    ///
    /// Never fails and never waits: a file that refuses is tried again every second, [`Catalog::trouble`] says why and what to do,
    /// and notes wait in memory.
    pub fn open(home: &Path, today: Date, country: Country) -> Catalog {
        Catalog::start(home, today, country, Limits::default())
    }

    fn start(home: &Path, today: Date, country: Country, limits: Limits) -> Catalog {
        let queue = Arc::new(Queue::new(limits.notes_max));
        // An absolute path, for the process may change its folder and SQLite takes some relative names for addresses.
        let home = std::path::absolute(home).unwrap_or_else(|_| PathBuf::from(home));
        let mut worker = Worker::new(Arc::clone(&queue), home, today, country, &limits);
        // On this thread alone: SQLite's own thread is made by it and inherits how it gives way, and what the kernel bars it from.
        if let Err(error) = heart::spawn("catalog", Waits::Outside, priority::give_way, move |_| worker.run()) {
            queue.end(Some(Trouble::NoThread { cause: error.to_string() }));
        }
        Catalog { _last: Some(Arc::new(LastHold(Arc::clone(&queue)))), queue }
    }

    /// Another hold, which does not keep the thread from ending: for one who waits for the catalog.
    pub fn beside(&self) -> Catalog {
        Catalog { queue: Arc::clone(&self.queue), _last: None }
    }

    /// Waits until the first try to open has succeeded or failed, at most `timeout`, and says what the catalog knew then. Later,
    /// asks whether it has succeeded by now.
    pub fn opened(&self, timeout: Duration) -> Result<Opened, Trouble> {
        self.queue.opened(timeout)
    }

    /// Waits until the catalog is open, however long that takes, or closed for good.
    pub fn opened_at_last(&self) -> Result<Opened, Trouble> {
        self.queue.opened_at_last()
    }

    /// Whether the catalog was closed for good; waits for that, at most `timeout`.
    pub fn has_ended(&self, timeout: Duration) -> bool {
        self.queue.has_ended(timeout)
    }

    /// Takes the next sequence number for a call that begins now. Never waits for the disk: numbers are reserved ahead. The caller hands
    /// in [`Note::Begun`] with it, whatever becomes of the call, or there is a hole without a name.
    pub fn next_number(&self, today: Date) -> Number {
        self.queue.next_number(today)
    }

    /// Hands in what is to be written. Returns at once; notes are written in the order in which they came.
    pub fn note(&self, note: Note) {
        self.queue.note(note);
    }

    /// Has the thread look whether the file is still at its place: without notes it would not notice.
    pub fn look(&self) {
        self.queue.look();
    }

    /// What keeps the catalog from being written, and what to do about it. None while all is well.
    pub fn trouble(&self) -> Option<String> {
        self.queue.trouble()
    }

    /// How often the file got into trouble since the start.
    pub fn troubles(&self) -> u64 {
        self.queue.troubles()
    }

    /// How many calls were left out, because too many notes waited: the ledger lacks them.
    pub fn left_out(&self) -> u64 {
        self.queue.left_out()
    }

    /// How many notes the catalog has not taken yet.
    pub fn pending(&self) -> usize {
        self.queue.pending()
    }

    /// Waits until the catalog has every note that was handed in so far, at most `timeout`. False if it lacks some.
    pub fn flushed(&self, timeout: Duration) -> bool {
        self.queue.flushed(timeout)
    }

    /// Writes what is queued and ends the thread. What could not be written within `timeout` is put into a file that the next start reads.
    /// False if something is in neither: the log says so. No note is taken after this.
    pub fn close(&self, timeout: Duration) -> bool {
        self.queue.close(timeout, PUTTING_ASIDE)
    }
}
