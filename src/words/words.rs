//! Words that both ends of the socket, the files and the catalog share.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

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

crate::words! {
    /// Who called whom.
    #[derive(Default)]
    pub enum Direction {
        /// The customer called.
        #[default]
        Inbound = "inbound",
        /// The agent called.
        Outbound = "outbound",
    }
}

crate::words! {
    /// A suspicion about a leg. It is captured as announced, so it is noise, or too fast.
    pub enum Suspicion {
        /// Its samples look like those of another codec.
        Codec = "codec",
        /// Its samples come at the pace of another rate.
        Rate = "rate",
    }
}

crate::words! {
    /// Why a call was selected. A call can have several reasons.
    pub enum Reason {
        /// The agent pressed record.
        OnDemand = "on-demand",
        /// The draw of 1 in N.
        Sample = "sample",
        /// The customer wants a copy.
        Copy = "copy",
    }
}

crate::words! {
    /// How a customer was told that calls may be kept.
    #[derive(Default)]
    pub enum Informed {
        /// By an announcement.
        #[default]
        Tape = "tape",
        /// By the agent.
        Spoken = "spoken",
        /// Not at all: such a call is not sampled.
        None = "none",
    }
}

crate::words! {
    /// Where a press, a mask or a "not this call" came from.
    pub enum Origin {
        /// The agent's button or command.
        Agent = "agent",
        /// A phone key on the agent's leg.
        AgentKey = "agent-key",
        /// A phone key on the customer's leg.
        CustomerKey = "customer-key",
        /// An objection of an earlier day, which is remembered.
        Remembered = "remembered",
        /// The call that this one goes on with.
        Continued = "continued",
        /// Whoever brings the calls: a PBX, a softphone's own rule.
        Client = "client",
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
