//! What controls do to a call, and by which rules of the desk.

use super::silences::Cut;
use retrocall_core::ring::RingReader;
use retrocall_settings::PhoneKeys;

/// The effect of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It takes effect from this position on.
    Accepted {
        /// Position in samples.
        at: u64,
        /// From this position on, audio that had arrived became silent in the ring. The caller must have a running commit overwrite its copy
        /// before anybody is told that it is done.
        silenced: Option<u64>,
    },
    /// It was in effect before.
    Already {
        /// The end of the call, in samples.
        at: u64,
    },
}

impl Effect {
    /// An effect that silenced nothing.
    pub(super) fn accepted(at: u64) -> Effect {
        Effect::Accepted { at, silenced: None }
    }
}

impl From<Cut> for Effect {
    fn from(Cut { at, silenced }: Cut) -> Effect {
        Effect::Accepted { at, silenced }
    }
}

/// The effect of asking for a call to be kept.
pub enum PressEffect {
    /// That selected the call: this reader follows it into a file.
    First(RingReader),
    /// The call was selected before, and this is another reason.
    Another,
    /// The call was selected before, for this reason too: a press is a bookmark.
    Again,
}

/// What keys of the phone do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyDeed {
    /// They keep the call.
    Record,
    /// They are the customer's objection.
    Object,
}

/// A desk's rules for its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// A hold silences the customer's leg, and the agent's unless this is set.
    pub keep_agent_on_hold: bool,
    /// An objection also forbids recording on demand.
    pub objection_covers_record: bool,
    /// Keys on the agent's leg that keep the call.
    pub record_keys: Option<PhoneKeys>,
    /// Keys on the customer's leg that are an objection.
    pub object_keys: Option<PhoneKeys>,
}
