//! What the engine has to say to the catalog.

use std::{fmt, path::PathBuf};

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::text::finite;
use crate::{
    audio::Rate,
    protocol::{CallId, Direction, Reason},
};

/// Something to be written down.
#[derive(Debug, Clone)]
pub enum Note {
    /// A call has begun.
    Begun(CallBegun),
    /// A call has ended. Unless it was kept, the row of a commit that had begun for it goes.
    Ended(CallEnded),
    /// A commit has begun. Said again, it changes the reasons.
    Selected(RecordingBegun),
    /// A recording is durable.
    Kept(RecordingKept),
}

/// A customer's number. Shows itself to nobody who prints or logs it.
#[derive(Clone, PartialEq, Eq)]
pub struct Customer(String);

impl Customer {
    /// The number itself, to be bound to a query.
    pub(super) fn number(&self) -> &str {
        &self.0
    }
}

impl From<String> for Customer {
    fn from(number: String) -> Customer {
        Customer(number)
    }
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Customer(hidden)")
    }
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It goes on.
    Live,
    /// It was selected.
    Kept,
    /// It was wiped.
    Discarded,
    /// The engine was killed, and nothing is left of it.
    Lost,
}

/// How far a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordingState {
    /// Being written.
    Committing,
    /// Durable, from the call's first frame to its last.
    Complete,
    /// Durable, but recovered after a crash: the end is missing.
    Incomplete,
}

/// Why a recording exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PurposeKind {
    /// Training of agents, from the sample.
    Quality,
    /// What an agent recorded on demand.
    Incident,
}

/// A purpose of a recording. What is due when is decided by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// Which one.
    pub purpose: PurposeKind,
    /// The lawful basis, in words.
    pub basis: String,
    /// When it is no longer in force; none while that waits for an event.
    pub due_at: Option<Timestamp>,
}

/// A call that has begun.
#[derive(Debug, Clone)]
pub struct CallBegun {
    /// The id.
    pub call: CallId,
    /// The day (UTC) whose sequence the call is in.
    pub day: Date,
    /// The call's place in its day. None: it gets the day's next one, as soon as the catalog knows it.
    pub sequence: Option<u64>,
    /// Who talks for the desk.
    pub agent: String,
    /// Who called whom.
    pub direction: Direction,
    /// When it began, by the wall clock.
    pub began_at: Timestamp,
}

/// A call that has ended.
#[derive(Debug, Clone)]
pub struct CallEnded {
    /// The id.
    pub call: CallId,
    /// When it ended, by the wall clock.
    pub ended_at: Timestamp,
    /// How long it was, by the monotonic clock.
    pub seconds: f64,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was selected.
    pub reasons: Vec<Reason>,
    /// Whether it was private.
    pub private: bool,
    /// Whether the customer objected.
    pub objected: bool,
    /// Places where samples were missing, on both legs.
    pub gaps: u64,
    /// How much was missing there.
    pub gap_seconds: f64,
    /// Frames that came late or twice.
    pub late_frames: u64,
    /// Frames of which samples were lost because memory was full.
    pub lost_frames: u64,
}

/// A commit that has begun. From here on the recording can be found by the customer's number, whatever happens to the engine.
#[derive(Debug, Clone)]
pub struct RecordingBegun {
    /// The call.
    pub call: CallId,
    /// Whose call it is.
    pub agent: String,
    /// The customer's number, if known.
    pub customer: Option<Customer>,
    /// Who called whom.
    pub direction: Direction,
    /// When the call began, by the wall clock.
    pub began_at: Timestamp,
    /// Samples a second.
    pub rate: Rate,
    /// Where the recording will be: absolute, or from the home folder on.
    pub path: PathBuf,
    /// Why it was selected.
    pub reasons: Vec<Reason>,
}

/// A recording that is durable, with all that is needed to write it down if its beginning never was.
#[derive(Clone)]
pub struct RecordingKept {
    /// The call.
    pub call: CallId,
    /// Whose call it is.
    pub agent: String,
    /// The customer's number; if none, one that was written down before stays.
    pub customer: Option<Customer>,
    /// Who called whom.
    pub direction: Direction,
    /// When the call began, by the wall clock.
    pub began_at: Timestamp,
    /// Samples a second.
    pub rate: Rate,
    /// How long the recording is.
    pub seconds: f64,
    /// How much of the call's beginning was dropped before it.
    pub first_seconds: f64,
    /// The size of the file.
    pub bytes: u64,
    /// Where it is: absolute, or from the home folder on.
    pub path: PathBuf,
    /// Why it was selected.
    pub reasons: Vec<Reason>,
    /// Bookmarks, DTMF, transfers: one JSON object.
    pub marks: serde_json::Value,
    /// Whether all of the call is there.
    pub state: RecordingState,
    /// When it was durable, by the wall clock.
    pub committed_at: Timestamp,
    /// Why it exists. A purpose that is written down already stays as it is.
    pub purposes: Vec<Purpose>,
}

impl fmt::Debug for RecordingKept {
    /// Without the marks: digits that a customer pressed are the customer's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingKept").field("call", &self.call).field("state", &self.state).finish_non_exhaustive()
    }
}

impl Note {
    /// Whether the note may be left out when memory for notes runs out: what is kept must be registered, whatever it takes.
    pub(super) fn is_about_a_call_only(&self) -> bool {
        matches!(self, Note::Begun(_) | Note::Ended(_))
    }

    /// Makes every number one that a column takes: a note that no file could ever take would hold up all that follow it.
    pub(super) fn made_fit(mut self) -> Note {
        match &mut self {
            Note::Begun(_) | Note::Selected(_) => {}
            Note::Ended(ended) => {
                ended.seconds = finite(ended.seconds);
                ended.gap_seconds = finite(ended.gap_seconds);
            }
            Note::Kept(kept) => {
                kept.seconds = finite(kept.seconds);
                kept.first_seconds = finite(kept.first_seconds);
            }
        }
        self
    }
}
