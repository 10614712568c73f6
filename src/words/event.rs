//! What the engine tells unasked. A connection hears of the calls that it began, attached or pressed record for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CallId, CallStates, FrameError, Suspicion};
use crate::audio::Leg;

/// What the engine tells unasked.
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
        /// What the engine takes.
        limits: Limits,
    },
    /// A call that was expected has begun: the first of its legs came over AudioSocket.
    Begun {
        /// The call.
        call: CallId,
        /// Who talks for the desk.
        agent: String,
        /// The UUID that was said to be the agent's leg.
        agent_leg: Uuid,
        /// The UUID that was said to be the customer's leg.
        customer_leg: Uuid,
    },
    /// Another agent offers a call to the agent of this connection, whose it is once a `transfer` takes it.
    Offered {
        /// The call.
        call: CallId,
        /// Whose it is until then.
        agent: String,
        /// To whom it is offered.
        to: String,
    },
    /// Record was pressed for a call, by whomever.
    Recording {
        /// The call.
        call: CallId,
    },
    /// What holds of a call has changed, whoever changed it: told to the connection that carries it, which gives all of this at the `begin` of
    /// a call that continues this one.
    State {
        /// The call.
        call: CallId,
        /// Who talks for the desk now.
        agent: String,
        /// What holds now.
        #[serde(flatten)]
        states: CallStates,
    },
    /// An on-demand recording is durable.
    Kept {
        /// The call.
        call: CallId,
        /// The file.
        path: PathBuf,
        /// All its files, in their order, if there are more than this one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<PathBuf>,
        /// Its length.
        seconds: f64,
    },
    /// The disk refuses a recording. The call is kept in memory and written as soon as the disk takes it.
    DiskTrouble {
        /// The call.
        call: CallId,
        /// What the disk said, and what to do.
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
    /// Frames were dropped because something is wrong with them: told of the first, and every few seconds while it goes on. The call and the
    /// connection go on.
    FramesRefused {
        /// The call they were for; none if their channel is no call's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CallId>,
        /// The channel that they name; none if they are too short to name one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<u32>,
        /// Whose they are.
        leg: Leg,
        /// What is wrong with the last one, as a word.
        error: FrameError,
        /// How many were dropped since this was last told.
        frames: u64,
        /// Where the last one says that it begins.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<u64>,
        /// Where its leg ends, which is where the next frame is expected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<u64>,
        /// What is wrong, for people.
        text: String,
    },
    /// A leg seems to be something else than its call says. Told once. It is captured as it was announced.
    Suspect {
        /// The call.
        call: CallId,
        /// Which leg.
        leg: Leg,
        /// What seems to be wrong, as a word.
        suspect: Suspicion,
        /// What seems to be wrong, for people.
        text: String,
    },
    /// A call was ended by the engine, not by a client's `end`.
    Ended {
        /// The call.
        call: CallId,
        /// What ended it.
        by: EndedBy,
    },
    /// The engine is stopping: selected calls are being committed.
    Stopping,
    /// The connection is at fault; it is closed after this.
    Error {
        /// What is wrong, as a word.
        error: ErrorCode,
        /// What is wrong, for people.
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
    /// What a connection can be closed for.
    pub enum ErrorCode {
        /// The bytes are not of this protocol.
        NotRetrocall = "not-retrocall",
        /// A version that is not spoken here.
        Version = "version",
        /// A kind of message that does not exist.
        Kind = "kind",
        /// A message so long that it can't be meant.
        TooLong = "too-long",
        /// What a client wrote into its shared memory can't be.
        SharedMemory = "shared-memory",
        /// No more connections are taken.
        TooManyConnections = "too-many-connections",
        /// No more connections of this user are taken.
        ConnectionsPerUser = "connections-per-user",
        /// The user whose connection it is can't be looked up.
        UnknownUser = "unknown-user",
        /// No memory is left for what the client sent.
        MemoryFull = "memory-full",
        /// The engine failed: a fault of its own.
        EngineFault = "engine-fault",
    }
}

/// What the engine takes.
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
