//! The facts of a call besides its audio: announced once, handed along, and repeated nowhere.

use std::{fmt, time::Duration};

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{CallId, Direction, Informed, Reason, audio::Rate};

/// The announced facts of a call, which go wherever it is told of. A new fact stands here, with its default in [`Facts::of`], and is read in
/// `request/fields.rs`; requests and the answer to `attach` then tell it by themselves. The customer's number is not among them: it goes only
/// where it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The agent who talks at its begin.
    pub agent: String,
    /// Who called whom.
    pub direction: Direction,
    /// The earlier call that this one continues, if that was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<CallId>,
    /// How the customer was informed. None in an announcement that does not say it: then a setting does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub informed: Option<Informed>,
}

impl Facts {
    /// The facts of a call of `agent` of which nothing more is known: inbound, and continuing none.
    pub fn of(agent: impl Into<String>) -> Facts {
        Facts { agent: agent.into(), direction: Direction::default(), continues: None, informed: None }
    }

    /// A call with every fact known and none as in [`Facts::of`], to test everything that reads and writes facts.
    #[doc(hidden)]
    pub fn example() -> Facts {
        let continues = Some(CallId::new());
        Facts { agent: "anna".to_owned(), direction: Direction::Outbound, continues, informed: Some(Informed::Spoken) }
    }
}

/// A call that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The id.
    #[serde(rename = "call")]
    pub id: CallId,
    /// The announced facts.
    #[serde(flatten)]
    pub facts: Facts,
    /// Samples a second, both legs.
    pub rate: Rate,
    /// When it began, by the wall clock.
    pub began_at: Timestamp,
}

/// The facts that a recording carries, in its file and in the records. Never the customer's number: a file travels further than a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The recorded call.
    #[serde(flatten)]
    pub call: Call,
    /// The reasons for its selection.
    pub reasons: Vec<Reason>,
    /// Its call's place among the calls, from which its draw follows: known from here if a kill took all else that was noted of the call. None: the
    /// call has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A call's place among the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The label of the period: a day (UTC).
    pub day: Date,
    /// The place in the period, from 1.
    pub sequence: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.day, self.sequence)
    }
}

impl Place {
    /// Reads what was displayed. None for any other text.
    pub fn read(text: &str) -> Option<Place> {
        let (day, sequence) = text.split_once('/')?;
        Some(Place { day: day.parse().ok()?, sequence: sequence.parse().ok()? })
    }
}

impl Label {
    /// When the recorded audio ends: `samples` from the call's position `first` on.
    pub fn end(&self, first: u64, samples: u64) -> Timestamp {
        let long = Duration::try_from_secs_f64(self.call.rate.seconds(first.saturating_add(samples))).ok();
        let long = long.and_then(|long| SignedDuration::try_from(long).ok());
        long.and_then(|long| self.call.began_at.checked_add(long).ok()).unwrap_or(Timestamp::MAX)
    }
}
