//! Notes from the engine to the records, one for each thing that happened.

use std::{fmt, path::PathBuf};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::Marks;
use crate::{Call, CallId, Customer, Label, Origin, Reason, customer::in_plain};

/// One thing that happened, to be written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Note {
    /// A call has begun.
    Begun(CallBegun),
    /// A call has ended. Unless it was kept, this removes the row of a commit that had begun for it.
    Ended(CallEnded),
    /// A commit has begun. A second note for the same call changes its reasons.
    Selected(RecordingBegun),
    /// A recording is durable.
    Kept(Box<RecordingKept>),
    /// Numbers without a call, or whose calls have no row.
    Skipped(Skipped),
}

crate::words! {
    /// What became of a call.
    pub enum Outcome {
        /// It goes on.
        Live = "live",
        /// It was selected.
        Kept = "kept",
        /// It was wiped.
        Discarded = "discarded",
        /// The engine was killed, and nothing is left of it.
        Lost = "lost",
    }
}

crate::words! {
    /// How far a recording is.
    pub enum RecordingState {
        /// Being written.
        Committing = "committing",
        /// Durable, with everything that arrived.
        Complete = "complete",
        /// Durable, but something that arrived is missing: the end after a crash, the oldest audio, lost frames.
        Incomplete = "incomplete",
    }
}

/// A call that has begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallBegun {
    /// The call.
    #[serde(flatten)]
    pub call: Call,
    /// The label of the period whose sequence the call is in: a day (UTC).
    pub day: Date,
    /// The call's number in the period. None if it never gets one.
    pub sequence: Option<u64>,
    /// Whether it is on a line that is never captured.
    #[serde(default)]
    pub exempt: bool,
}

/// A call that has ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallEnded {
    /// The id.
    pub call: CallId,
    /// When it ended: when it began, and how long it was by the monotonic clock. None if nobody saw it end.
    pub ended_at: Option<Timestamp>,
    /// The length of its timeline. None if nobody saw it end.
    pub seconds: Option<f64>,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether it was cut off: nobody hung up, and a later call may continue it.
    #[serde(default)]
    pub cut_off: bool,
    /// Why it was selected.
    pub reasons: Vec<Reason>,
    /// Whether it was private.
    pub private: bool,
    /// Whether the customer objected.
    pub objected: bool,
    /// Where these came from, and the first mask.
    #[serde(default)]
    pub origins: Origins,
    /// How much of it is silence by masks and erasures.
    #[serde(default)]
    pub mask_seconds: f64,
    /// Places where samples were missing, on both legs.
    pub gaps: u64,
    /// The length of those gaps together.
    pub gap_seconds: f64,
    /// Frames that came late or twice.
    pub late_frames: u64,
    /// Frames of which samples were lost because memory was full.
    pub lost_frames: u64,
}

/// Where things that take audio away came from. None: it did not happen, or nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Origins {
    /// "Private".
    pub private: Option<Origin>,
    /// The objection.
    pub objected: Option<Origin>,
    /// The first mask, or the first "erase the last seconds".
    pub masked: Option<Origin>,
}

impl CallEnded {
    /// The end of a call that nobody saw: all that is known is what became of it.
    pub fn unseen(call: CallId, outcome: Outcome) -> CallEnded {
        CallEnded {
            call,
            ended_at: None,
            seconds: None,
            outcome,
            cut_off: true,
            reasons: Vec::new(),
            private: false,
            objected: false,
            origins: Origins::default(),
            mask_seconds: 0.0,
            gaps: 0,
            gap_seconds: 0.0,
            late_frames: 0,
            lost_frames: 0,
        }
    }
}

/// The call of a recording, as the engine knows it when the commit begins, and again when the commit ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordedCall {
    /// What the recording says of itself.
    #[serde(flatten)]
    pub label: Label,
    /// The customer's number, if known. None leaves a number that was written down before.
    #[serde(with = "in_plain")]
    pub customer: Option<Customer>,
}

impl RecordedCall {
    /// The call.
    pub fn call(&self) -> &Call {
        &self.label.call
    }
}

/// A commit that has begun. From now on the recording can be found by the customer's number, even after a crash of the engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordingBegun {
    /// What it is of.
    #[serde(flatten)]
    pub of: RecordedCall,
    /// Where the recording will be: absolute, or from the home folder on.
    pub path: PathBuf,
}

/// A durable recording, with enough facts to write its row even if [`Note::Selected`] never arrived.
#[derive(Clone, Serialize, Deserialize)]
pub struct RecordingKept {
    /// What it is of.
    #[serde(flatten)]
    pub of: RecordedCall,
    /// How long the recording is.
    pub seconds: f64,
    /// How much of the call's beginning was dropped before the recording starts.
    pub first_seconds: f64,
    /// Its files, in their order: at least one.
    pub parts: Vec<Part>,
    /// Who talked for the desk, in their order.
    pub participants: Vec<Participant>,
    /// What happened when.
    pub marks: Marks,
    /// Whether `marks` includes the phone keys. Files do not hold phone keys; marks read from a file leave the keys that were written down before.
    pub has_keys: bool,
    /// Whether the recording holds the whole call.
    pub state: RecordingState,
    /// The end of the recorded audio by the wall clock. Due dates count from it, however late the recording is registered.
    pub ends_at: Timestamp,
    /// When it was durable.
    pub committed_at: Timestamp,
}

/// A file of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Where it is: absolute, or from the home folder on.
    pub path: PathBuf,
    /// How long the file is.
    pub bytes: u64,
    /// How much of the call it holds.
    pub seconds: f64,
}

/// Somebody who talked for the desk, from when to when in the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Participant {
    /// Who.
    pub agent: String,
    /// From when on.
    pub from_seconds: f64,
    /// Until when.
    pub to_seconds: f64,
}

impl fmt::Debug for RecordingKept {
    /// Without the marks: digits that a customer pressed are the customer's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingKept")
            .field("call", &self.of.call().id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A named hole: numbers of a period that have no call, or whose calls have no row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The label of the period.
    pub day: Date,
    /// The first number.
    pub first: u64,
    /// The last number.
    pub last: u64,
}
