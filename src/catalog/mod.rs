//! The catalog: what is kept and why, and one row for every call. All SQL of the project is in this room.
//!
//! Belongs here: the schema, queries, and what happens when the file is locked, damaged or from a newer version. Does not: rules
//! (what is kept, for how long), audio.
//!
//! A thread named `catalog` owns the only connection that writes. Others hand it notes, which never waits for the disk; it writes
//! all that have come since it last looked in one transaction, in their order. While the file refuses, notes queue up in memory and
//! the file is tried again. Nothing is ever written over a file that is not a sound catalog of this version.
//!
//! `file` is the only place that knows of SQLite: `write` and `read` are plain SQL, so that PostgreSQL can follow behind them.

mod file;
mod note;
mod queue;
mod read;
#[cfg(test)]
mod tests;
mod text;
mod trouble;
mod worker;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use jiff::{Timestamp, civil::Date};

pub use note::{
    CallBegun, CallEnded, Customer, Note, Outcome, Purpose, PurposeKind, RecordingBegun, RecordingKept, RecordingState,
};
pub use read::{CallRow, Recording, calls, damage, recordings, registered};
pub use trouble::Trouble;

use crate::protocol::CallId;
use queue::Queue;
use worker::Worker;

/// How long after a refusal the file is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What the catalog knew when it was first opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The last sequence number given on each recent day (UTC), the numbers given since included. Not listed: none.
    pub days: Vec<(Date, u64)>,
    /// Calls that were live when the engine last stopped and of which nothing is kept. They are written down as lost.
    pub lost: Vec<Unfinished>,
    /// Calls whose commit was going on when the engine last stopped: recovery says what became of each, with [`Note::Kept`], or
    /// with [`Note::Ended`] and [`Outcome::Lost`] if nothing is left of it.
    pub committing: Vec<Unfinished>,
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

/// The engine's hold on the catalog. A clone is another hold on the same one; when the last is dropped the thread writes what it
/// has, if it can, and ends.
#[derive(Clone)]
pub struct Catalog {
    queue: Arc<Queue>,
    _last: Arc<LastHold>,
}

/// Ends the thread when nobody can hand it notes any more.
struct LastHold(Arc<Queue>);

impl Drop for LastHold {
    fn drop(&mut self) {
        self.0.close_within(Duration::ZERO);
    }
}

impl Catalog {
    /// Starts the thread that opens `catalog.sqlite` in the home folder, or makes it if there is none.
    ///
    /// Never fails and never waits: a file that refuses is tried again every second, [`Catalog::trouble`] says why and what to do,
    /// and notes wait in memory.
    pub fn open(home: &Path) -> Catalog {
        Catalog::start(home, RETRY)
    }

    fn start(home: &Path, retry: Duration) -> Catalog {
        let queue = Arc::new(Queue::new());
        // An absolute path, for the process may change its folder and SQLite takes some relative names for addresses.
        let home = std::path::absolute(home).unwrap_or_else(|_| PathBuf::from(home));
        let worker = Worker::new(Arc::clone(&queue), home, retry);
        if let Err(error) = thread::Builder::new().name("catalog".into()).spawn(move || worker.run()) {
            queue.end(Some(Trouble::NoThread { cause: error.to_string() }));
        }
        Catalog { _last: Arc::new(LastHold(Arc::clone(&queue))), queue }
    }

    /// Waits until the first try to open has succeeded or failed, at most `timeout`, and says what the catalog knew then. Later,
    /// asks whether it has succeeded by now.
    pub fn opened(&self, timeout: Duration) -> Result<Opened, Trouble> {
        self.queue.opened(timeout)
    }

    /// Takes the day's next sequence number for a call that begins now; none until the catalog is open. The caller hands in
    /// [`Note::Begun`] with it, whatever becomes of the call, or the day has a gap.
    pub fn next_sequence(&self, day: Date) -> Option<u64> {
        self.queue.next_sequence(day)
    }

    /// Hands in what is to be written. Returns at once; notes are written in the order in which they came.
    pub fn note(&self, note: Note) {
        self.queue.note(note);
    }

    /// What keeps the catalog from being written, and what to do about it. None while all is well.
    pub fn trouble(&self) -> Option<String> {
        self.queue.trouble()
    }

    /// How often the file got into trouble since the start.
    pub fn troubles(&self) -> u64 {
        self.queue.troubles()
    }

    /// How many notes about calls were left out, because too many waited: the ledger lacks them.
    pub fn left_out(&self) -> u64 {
        self.queue.left_out()
    }

    /// How many notes are not durable yet.
    pub fn pending(&self) -> usize {
        self.queue.pending()
    }

    /// Waits until every note handed in so far is durable, at most `timeout`. False if some is not.
    pub fn flushed(&self, timeout: Duration) -> bool {
        self.queue.flushed(timeout)
    }

    /// Writes what is queued and ends the thread. False if something could not be written within `timeout`: it stays unwritten, and
    /// the log says so. No note is taken after this.
    pub fn close(&self, timeout: Duration) -> bool {
        self.queue.close(timeout)
    }
}
