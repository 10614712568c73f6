//! What the engine tells the records: one note for each thing that happened.

use std::{fmt, path::PathBuf};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::Marks;
use crate::{Call, CallId, Customer, Label, Origin, Reason, customer::in_plain};

/// Something to be written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Note {
    /// A call has begun.
    Begun(CallBegun),
    /// A call has ended. Unless it was kept, the row of a commit that had begun for it goes.
    Ended(CallEnded),
    /// A commit has begun. Said again, it changes the reasons.
    Selected(RecordingBegun),
    /// A recording is durable.
    Kept(Box<RecordingKept>),
    /// Numbers that no call has, or whose calls have no row.
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
        /// Durable, with all that came.
        Complete = "complete",
        /// Durable, but something that came is missing: the end after a crash, the oldest audio, frames that were lost.
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
    /// The call's place there. None: it never gets one.
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
    /// How long its timeline is. None if nobody saw it end.
    pub seconds: Option<f64>,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether it was cut off: nobody hung up, and another call may go on with it.
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
    /// How much was missing there.
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

/// What a recording is of, as it is known when its commit begins and again when that ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordedCall {
    /// What the recording says of itself.
    #[serde(flatten)]
    pub label: Label,
    /// The customer's number, if known. One that was written down before stays where there is none.
    #[serde(with = "in_plain")]
    pub customer: Option<Customer>,
}

impl RecordedCall {
    /// The call.
    pub fn call(&self) -> &Call {
        &self.label.call
    }
}

/// A commit that has begun. From here on the recording can be found by the customer's number, whatever happens to the engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordingBegun {
    /// What it is of.
    #[serde(flatten)]
    pub of: RecordedCall,
    /// Where the recording will be: absolute, or from the home folder on.
    pub path: PathBuf,
}

/// A recording that is durable, with all that is needed to write it down if its beginning never was.
#[derive(Clone, Serialize, Deserialize)]
pub struct RecordingKept {
    /// What it is of.
    #[serde(flatten)]
    pub of: RecordedCall,
    /// How long the recording is.
    pub seconds: f64,
    /// How much of the call's beginning was dropped before it.
    pub first_seconds: f64,
    /// Its files, in their order: at least one.
    pub parts: Vec<Part>,
    /// Who talked for the desk, in their order.
    pub participants: Vec<Participant>,
    /// What happened when.
    pub marks: Marks,
    /// Whether the keys of the phone are among them. A file does not say them: then marks that were written down before stay.
    pub has_keys: bool,
    /// Whether all of the call is there.
    pub state: RecordingState,
    /// When what is recorded ends, by the wall clock: what is due counts from here, however late it is registered.
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

/// Numbers of a period that have no call, or whose calls have no row: a hole with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The label of the period.
    pub day: Date,
    /// The first number.
    pub first: u64,
    /// The last number.
    pub last: u64,
}
