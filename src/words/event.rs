//! The engine's events. A connection hears of the calls that it began, attached or pressed record for, and of
//! those of its agent that somebody asked to keep.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CallId, CallStates, FrameError, Origin, Reason, Suspicion};
use crate::audio::Leg;

/// An event: a message that answers no request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first message on every connection.
    Hello {
        /// Version of the protocol.
        version: u8,
        /// Version of the engine.
        engine: String,
        /// The agent whose calls this user may control; none for a user who may control all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<String>,
        /// The engine's limits.
        limits: Limits,
    },
    /// A call that was expected has begun: the first of its legs came over AudioSocket.
    Begun {
        /// The call.
        call: CallId,
        /// The agent who talks.
        agent: String,
        /// The UUID announced for the agent's leg.
        agent_leg: Uuid,
        /// The UUID announced for the customer's leg.
        customer_leg: Uuid,
    },
    /// Another agent offers a call to the agent of this connection. A `transfer` takes it.
    Offered {
        /// The call.
        call: CallId,
        /// The agent whose call it is until then.
        agent: String,
        /// The agent it is offered to.
        to: String,
    },
    /// A call is kept because somebody asked for it: record was pressed, or the customer wants a copy. Told once for each of the two. Every
    /// connection of the agent hears it. Never for the draw.
    Recording {
        /// The call.
        call: CallId,
        /// The agent who talks. Earlier versions did not say it, nor the rest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<String>,
        /// Why it is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
        /// Where that came from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
    },
    /// The states of a call have changed, whoever changed them. The connection that carries the call hears it, and repeats all of this at the
    /// `begin` of a call that continues this one.
    State {
        /// The call.
        call: CallId,
        /// The agent who talks now.
        agent: String,
        /// The states that hold now.
        #[serde(flatten)]
        states: CallStates,
    },
    /// An on-demand recording is durable.
    Kept {
        /// The call.
        call: CallId,
        /// The file.
        path: PathBuf,
        /// All its files, in order, if there is more than one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<PathBuf>,
        /// Its length.
        seconds: f64,
    },
    /// The disk refuses a recording. The call is kept in memory and written as soon as the disk takes it.
    DiskTrouble {
        /// The call.
        call: CallId,
        /// The disk's refusal, and what to do.
        text: String,
    },
    /// The disk takes the recording again.
    DiskWell {
        /// The call.
        call: CallId,
    },
    /// Memory is full: samples of this call were lost.
    MemoryFull {
        /// The call.
        call: CallId,
        /// What to do.
        text: String,
    },
    /// Frames were dropped because they were faulty: sent for the first, and every few seconds while it goes on. The call and the connection go
    /// on.
    FramesRefused {
        /// The call of the frames; none if their channel belongs to no call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CallId>,
        /// The channel that they name; none if they are too short to name one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<u32>,
        /// The leg of the frames.
        leg: Leg,
        /// The fault of the last one, as a word.
        error: FrameError,
        /// How many were dropped since the last such event.
        frames: u64,
        /// The position that the last one names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<u64>,
        /// Where its leg ends, so where the next frame is expected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<u64>,
        /// The fault, for people.
        text: String,
    },
    /// A leg does not seem to be what its call announced. Sent once. It is captured as announced.
    Suspect {
        /// The call.
        call: CallId,
        /// The leg.
        leg: Leg,
        /// The suspicion, as a word.
        suspect: Suspicion,
        /// The suspicion, for people.
        text: String,
    },
    /// The engine ended a call, not a client's `end`.
    Ended {
        /// The call.
        call: CallId,
        /// What ended it.
        by: EndedBy,
    },
    /// The engine is stopping: selected calls are being committed.
    Stopping,
    /// The connection is at fault, and is closed after this.
    Error {
        /// The fault, as a word.
        error: ErrorCode,
        /// The fault, for people.
        text: String,
    },
}

crate::words! {
    /// What ends a call besides its client.
    pub enum EndedBy {
        /// Its connection was lost for longer than the grace time.
        ConnectionLost = "connection-lost",
        /// The engine stopped.
        Stopping = "stopping",
    }
}

crate::words! {
    /// Why a connection can be closed.
    pub enum ErrorCode {
        /// The bytes are not of this protocol.
        NotRetrocall = "not-retrocall",
        /// This version is not spoken here.
        Version = "version",
        /// No message has this kind.
        Kind = "kind",
        /// The message is so long that it can't be meant.
        TooLong = "too-long",
        /// A client wrote impossible values into its shared memory.
        SharedMemory = "shared-memory",
        /// Too many connections are open.
        TooManyConnections = "too-many-connections",
        /// Too many connections of this user are open.
        ConnectionsPerUser = "connections-per-user",
        /// The user of the connection can't be looked up.
        UnknownUser = "unknown-user",
        /// No memory is left for the client's messages.
        MemoryFull = "memory-full",
        /// The engine failed: a bug of its own.
        EngineFault = "engine-fault",
    }
}

/// The engine's limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of a control message.
    pub control_bytes: usize,
    /// Samples of one frame.
    pub frame_samples: usize,
    /// The lowest and the highest rate, in hertz.
    pub rate_hz: [u32; 2],
    /// How long a lost connection may stay away, in milliseconds.
    pub grace_ms: u64,
    /// How far a position may be ahead of the call, in milliseconds.
    pub ahead_ms: u64,
    /// Live calls in all.
    pub calls: usize,
}
