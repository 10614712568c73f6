//! What a call is, besides its audio: announced once, handed along, and repeated nowhere.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{CallId, Direction, Reason, audio::Rate};

/// What is announced of a call, and told of it ever after. A new fact stands here, with its default in [`Facts::of`], and is read in
/// `request/fields.rs`; requests and the answer to `attach` tell it then. The customer's number is none of them: it goes nowhere but where it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Who talks for the desk when it begins.
    pub agent: String,
    /// Who called whom.
    pub direction: Direction,
    /// The call before, if this one goes on where that one was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<CallId>,
}

impl Facts {
    /// A call of `agent` of which nothing more is known: inbound, and the first of its kind.
    pub fn of(agent: impl Into<String>) -> Facts {
        Facts { agent: agent.into(), direction: Direction::default(), continues: None }
    }

    /// A call of which all is known, and nothing is as in [`Facts::of`]: whatever reads and writes facts is tested with it.
    #[doc(hidden)]
    pub fn example() -> Facts {
        Facts { agent: "anna".to_owned(), direction: Direction::Outbound, continues: Some(CallId::new()) }
    }
}

/// A call that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The id.
    #[serde(rename = "call")]
    pub id: CallId,
    /// What was announced.
    #[serde(flatten)]
    pub facts: Facts,
    /// Samples a second, both legs.
    pub rate: Rate,
    /// When it began, by the wall clock.
    pub began_at: Timestamp,
}

/// What a recording says of itself, in its file and in the records. Never the customer's number: a file travels further than a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The call that is recorded.
    #[serde(flatten)]
    pub call: Call,
    /// Why it was selected.
    pub reasons: Vec<Reason>,
}

impl Label {
    /// When what is recorded ends: `samples` from the call's position `first` on.
    pub fn end(&self, first: u64, samples: u64) -> Timestamp {
        let long = Duration::try_from_secs_f64(self.call.rate.seconds(first.saturating_add(samples))).ok();
        let long = long.and_then(|long| SignedDuration::try_from(long).ok());
        long.and_then(|long| self.call.began_at.checked_add(long).ok()).unwrap_or(Timestamp::MAX)
    }
}
