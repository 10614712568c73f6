//! What a row says of a call: when it begins, when it ends, when it is kept. Never the customer's number, never the agent's name.

use retrocall_words::{
    CallId, Direction, Informed, Origin, Reason,
    book::{Outcome, RecordingState},
};
use serde::{Deserialize, Serialize};

use crate::{
    draw::DrawValue,
    hash::Hash,
    names::{ItemId, Pseudonym},
};

/// A call has begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallBegan {
    /// The call.
    pub call: CallId,
    /// Its period. None while none could be opened: then it has no number either.
    pub period: Option<u64>,
    /// Its number there. None: it never gets one, and is not drawn.
    pub number: Option<u64>,
    /// Who talks for the desk.
    pub agent: Pseudonym,
    /// Who called whom.
    pub direction: Direction,
    /// How the customer was informed.
    pub informed: Informed,
    /// Whether it is on a line that is never captured.
    pub exempt: bool,
    /// The call before, if this one goes on where that one was cut off.
    pub continues: Option<CallId>,
}

/// A call has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallEnded {
    /// The call.
    pub call: CallId,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was selected.
    pub reasons: Vec<Reason>,
    /// Its draw. None if it has no number.
    pub draw: Option<DrawValue>,
    /// How long it was, in milliseconds. None if that is not known.
    pub ms: Option<u64>,
    /// Nobody saw it end: the engine was killed, or lost power. What the customer had said by then is not known, so a call that is kept all the same,
    /// for another reason, is not sampled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
    /// Where "private" came from. None: it was not.
    pub private: Option<Origin>,
    /// Where the objection came from. None: there was none.
    pub objected: Option<Origin>,
    /// Where the first mask came from, or the first erasure of the last seconds. None: there was none.
    pub masked: Option<Origin>,
    /// Places where samples were missing.
    pub gaps: u64,
    /// How much was missing there, in milliseconds.
    pub gap_ms: u64,
    /// How much of it is silence by masks and erasures, in milliseconds.
    pub mask_ms: u64,
    /// Frames that were lost because memory was full.
    pub lost_frames: u64,
}

/// A recording is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordingKept {
    /// The recording.
    pub recording: ItemId,
    /// Its call.
    pub call: CallId,
    /// Why.
    pub reasons: Vec<Reason>,
    /// The SHA-256 of its files, one after the other, as its tombstone will have it. None where it is not known.
    pub sha256: Option<Hash>,
    /// How many files it has.
    pub parts: u64,
    /// How long it is, in milliseconds.
    pub ms: u64,
    /// Whether all of the call is there.
    pub state: RecordingState,
}
