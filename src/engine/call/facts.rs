//! What is known of a call besides its audio.

use std::fmt;

use jiff::{Timestamp, civil::Date};

use retrocall_words::{
    CallId, Direction,
    audio::{Codec, Rate},
};

/// What is known of a call when it begins.
#[derive(Clone, PartialEq)]
pub struct Facts {
    /// The id.
    pub id: CallId,
    /// Who talks for the desk.
    pub agent: String,
    /// The customer's number, if known. Never logged.
    pub customer: Option<String>,
    /// Who called whom.
    pub direction: Direction,
    /// Samples a second, both legs.
    pub rate: Rate,
    /// How the samples arrive.
    pub codec: Codec,
    /// When the call began, by the wall clock.
    pub began_at: Timestamp,
    /// The label of the period whose sequence the call is in: a day (UTC).
    pub day: Date,
    /// The call's place there, from 1. None if none could be had when it began: such a call is not drawn, and never gets one.
    pub sequence: Option<u64>,
    /// The call before, if this one goes on where that one was cut off: then it is not drawn.
    pub continues: Option<CallId>,
}

impl fmt::Debug for Facts {
    /// All but the customer's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts").field("id", &self.id).field("agent", &self.agent).finish_non_exhaustive()
    }
}
