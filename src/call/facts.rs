//! What is known of a call besides its audio.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::audio::{Codec, Rate};

/// The id of a call: a UUIDv7 (RFC 9562), so that ids sort by the time their calls began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(Uuid);

impl CallId {
    /// A new id for a call that begins now.
    #[allow(clippy::new_without_default)]
    pub fn new() -> CallId {
        CallId(Uuid::now_v7())
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for CallId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(CallId)
    }
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The customer called.
    #[default]
    Inbound,
    /// The agent called.
    Outbound,
}

/// Why a call was selected. A call can have both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The agent pressed record.
    OnDemand,
    /// The draw of 1 in N.
    Sample,
}

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
    /// The day (UTC) whose sequence the call is in.
    pub day: Date,
    /// The call's place in its day, from 1, without gaps.
    pub sequence: u64,
}

impl fmt::Debug for Facts {
    /// All but the customer's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts").field("id", &self.id).field("agent", &self.agent).finish_non_exhaustive()
    }
}
