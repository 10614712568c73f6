//! The requests of a client: one JSON object a message.

#[cfg(feature = "names")]
mod fields;
mod written;

use std::fmt;

use uuid::Uuid;

use super::{CallId, CallStates, Customer, Facts, Refusal};
use crate::audio::{Codec, Leg, Rate};
use written::object_of;

/// A request: a target, a question, and a number for its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Comes back with the answer.
    pub id: Option<u64>,
    /// The call it means.
    pub target: Target,
    /// The question.
    pub ask: Ask,
    /// How long ago it was given, in milliseconds. Only a control has any.
    pub ago_ms: u64,
    /// Fields that can't be used: the call is captured without them. Only a `begin` or an `expect` has any.
    pub left_out: Vec<String>,
}

/// The longest time ago at which a control may have been given, in milliseconds: nobody carries out an older one.
pub const AGO_MS_MAX: u64 = 2_000;

/// The call that a request means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The call with this number on this connection.
    Channel(u32),
    /// The call with this id.
    Call(CallId),
    /// The live call of this agent.
    Agent(String),
    /// The live call of the user's own agent.
    Own,
}

crate::words! {
    /// The verbs of requests: the word in `do`.
    pub enum Verb {
        /// Announces a call.
        Begin = "begin",
        /// Announces a call whose legs will come over AudioSocket.
        Expect = "expect",
        /// Takes over a live call whose connection was lost.
        Attach = "attach",
        /// Asks for memory that both ends write, for the frames of a call that this connection carries.
        Share = "share",
        /// Hangup.
        End = "end",
        /// Keeps the whole call.
        Record = "record",
        /// Keeps the whole call, because the customer wants a copy.
        Copy = "copy",
        /// Silences both legs.
        Mask = "mask",
        /// Ends a mask.
        Unmask = "unmask",
        /// Silences the last seconds.
        EraseLast = "erase-last",
        /// Puts the customer on hold.
        Hold = "hold",
        /// Ends a hold.
        Resume = "resume",
        /// Makes the call private: wipes the held audio, and holds nothing more.
        Private = "private",
        /// The customer objects to training: the call can't be sampled.
        Object = "object",
        /// Gives or offers the call to another agent.
        Transfer = "transfer",
        /// A key was pressed on the phone.
        Dtmf = "dtmf",
        /// Lists live calls.
        Calls = "calls",
        /// Asks for the engine's status.
        Status = "status",
        /// Asks how the engine is, in counts that tell no draw.
        Board = "board",
        /// Deletes what is due now, and not within the hour.
        Sweep = "sweep",
        /// Acts in the name of an account of the desk from here on, for good.
        As = "as",
    }
}

impl Verb {
    /// Whether it is a control: anybody who may act for the agent may ask it, whoever carries the call.
    pub const fn is_control(self) -> bool {
        match self {
            Verb::Begin | Verb::Expect | Verb::Attach | Verb::Share | Verb::End => false,
            Verb::Calls | Verb::Status | Verb::Board | Verb::Sweep | Verb::As => false,
            Verb::Record
            | Verb::Copy
            | Verb::Mask
            | Verb::Unmask
            | Verb::EraseLast
            | Verb::Hold
            | Verb::Resume
            | Verb::Private
            | Verb::Object
            | Verb::Transfer
            | Verb::Dtmf => true,
        }
    }

    /// A request of this kind with only the fields that it needs, to test everything that treats requests.
    #[doc(hidden)]
    pub fn example(self) -> Ask {
        let legs = [1, 2].map(Uuid::from_u128);
        match self {
            Verb::Begin => Ask::Begin(Begin::new("anna", Rate::new(8_000).expect("a rate"), Codec::Pcm16)),
            Verb::Expect => {
                Ask::Expect(Expect { facts: Facts::of("anna"), customer: None, legs, states: CallStates::default() })
            }
            Verb::Attach => Ask::Attach,
            Verb::Share => Ask::Share { frame_samples: None, depth_ms: None },
            Verb::End => Ask::End,
            Verb::Record => Ask::Record,
            Verb::Copy => Ask::Copy,
            Verb::Mask => Ask::Mask,
            Verb::Unmask => Ask::Unmask,
            Verb::EraseLast => Ask::EraseLast { seconds: 0.01 },
            Verb::Hold => Ask::Hold,
            Verb::Resume => Ask::Resume,
            Verb::Private => Ask::Private,
            Verb::Object => Ask::Object,
            Verb::Transfer => Ask::Transfer { to: "emma".to_owned() },
            Verb::Dtmf => Ask::Dtmf { digit: '1', leg: None },
            Verb::Calls => Ask::Calls,
            Verb::Status => Ask::Status,
            Verb::Board => Ask::Board,
            Verb::Sweep => Ask::Sweep,
            Verb::As => Ask::As(InNameOf::User("anna".to_owned())),
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The question of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Announces a call.
    Begin(Begin),
    /// Announces a call whose legs will come over AudioSocket.
    Expect(Expect),
    /// Takes over a live call whose connection was lost.
    Attach,
    /// Asks for memory that both ends write, for the frames of a call that this connection carries.
    Share {
        /// The usual length of its frames in samples; if unset, 20 ms.
        frame_samples: Option<usize>,
        /// How long the engine may be kept from its work before a frame finds no room, in milliseconds; if unset, half a second.
        depth_ms: Option<u32>,
    },
    /// Hangup.
    End,
    /// Keeps the whole call.
    Record,
    /// Keeps the whole call, because the customer wants a copy.
    Copy,
    /// Silences both legs.
    Mask,
    /// Ends a mask.
    Unmask,
    /// Silences the last seconds.
    EraseLast {
        /// How many, more than 0.
        seconds: f64,
    },
    /// Puts the customer on hold.
    Hold,
    /// Ends a hold.
    Resume,
    /// Makes the call private: wipes the held audio, and holds nothing more.
    Private,
    /// The customer objects to training: the call can't be sampled.
    Object,
    /// Gives or offers the call to another agent.
    Transfer {
        /// The agent who talks from now on.
        to: String,
    },
    /// A key was pressed on the phone.
    Dtmf {
        /// One of `0-9*#A-D`.
        digit: char,
        /// The leg on which it was pressed; none if that is not known, and then it means nothing to the engine.
        leg: Option<Leg>,
    },
    /// Lists live calls.
    Calls,
    /// Asks for the engine's status.
    Status,
    /// Asks how the engine is, in counts that tell no draw.
    Board,
    /// Deletes what is due now, and not within the hour.
    Sweep,
    /// Acts in somebody's name from here on, for good.
    As(InNameOf),
}

/// In whose name a connection acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InNameOf {
    /// An account of the desk.
    User(String),
    /// An agent whose button is on another machine.
    Agent(String),
}

/// The announcement of a call that begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Begin {
    /// The facts of the call.
    pub facts: Facts,
    /// The customer's number, if known.
    pub customer: Option<Customer>,
    /// Samples a second.
    pub rate: Rate,
    /// The coding of the samples.
    pub codec: Codec,
    /// The states of the earlier call, which hold from the first sample of this one.
    pub states: CallStates,
}

impl Begin {
    /// Announces a call of `agent` of which nothing more is known.
    pub fn new(agent: impl Into<String>, rate: Rate, codec: Codec) -> Begin {
        Begin { facts: Facts::of(agent), customer: None, rate, codec, states: CallStates::default() }
    }
}

/// The announcement of a call whose legs will come over AudioSocket, as two connections.
#[derive(Debug, Clone, PartialEq)]
pub struct Expect {
    /// The facts of the call.
    pub facts: Facts,
    /// The customer's number, if known.
    pub customer: Option<Customer>,
    /// The UUIDs of the connections: the agent's, the customer's.
    pub legs: [Uuid; 2],
    /// The states of the earlier call, which hold from the first sample of this one.
    pub states: CallStates,
}

impl Request {
    /// A request without a number.
    pub fn new(target: Target, ask: Ask) -> Request {
        Request { id: None, target, ask, ago_ms: 0, left_out: Vec::new() }
    }

    /// Reads a request from a control message. Nothing in it can close the connection: its length was right, so the next message is where it
    /// should be.
    ///
    /// # Errors What is wrong, in words for the client's developer; never with a value that could be a customer's number.
    #[cfg(feature = "names")]
    pub fn from_json(json: &[u8]) -> Result<Request, RequestError> {
        fields::request_of(json)
    }

    /// The JSON of this request.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&object_of(self)).expect("plain fields are JSON")
    }
}

/// Why a control message is no request: it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestError {
    /// The number of the request, if it can be read.
    pub id: Option<u64>,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for RequestError {}

impl Ask {
    /// Its verb, the word in `do`.
    pub const fn verb(&self) -> Verb {
        match self {
            Ask::Begin(_) => Verb::Begin,
            Ask::Expect(_) => Verb::Expect,
            Ask::Attach => Verb::Attach,
            Ask::Share { .. } => Verb::Share,
            Ask::End => Verb::End,
            Ask::Record => Verb::Record,
            Ask::Copy => Verb::Copy,
            Ask::Mask => Verb::Mask,
            Ask::Unmask => Verb::Unmask,
            Ask::EraseLast { .. } => Verb::EraseLast,
            Ask::Hold => Verb::Hold,
            Ask::Resume => Verb::Resume,
            Ask::Private => Verb::Private,
            Ask::Object => Verb::Object,
            Ask::Transfer { .. } => Verb::Transfer,
            Ask::Dtmf { .. } => Verb::Dtmf,
            Ask::Calls => Verb::Calls,
            Ask::Status => Verb::Status,
            Ask::Board => Verb::Board,
            Ask::Sweep => Verb::Sweep,
            Ask::As(_) => Verb::As,
        }
    }

    /// The states of a call after this is done, if `states` held before.
    pub fn after(&self, states: CallStates) -> CallStates {
        match self {
            Ask::Record => CallStates { recording: true, ..states },
            Ask::Copy => CallStates { copy: true, ..states },
            Ask::Mask => CallStates { masked: true, ..states },
            Ask::Unmask => CallStates { masked: false, ..states },
            Ask::Hold => CallStates { on_hold: true, ..states },
            Ask::Resume => CallStates { on_hold: false, ..states },
            Ask::Private => CallStates { private: true, ..states },
            Ask::Object => CallStates { objected: true, ..states },
            _ => states,
        }
    }

    /// The reasons for which the engine may refuse it, besides [`Refusal::Malformed`], and, in the name of an account, besides
    /// [`Refusal::NoAccount`] and [`Refusal::Catalog`]. An engine with debug assertions holds itself to this.
    pub const fn refusals(&self) -> &'static [Refusal] {
        use Refusal::*;
        match self {
            Ask::Begin(_) => &[NotYours, Stopping, MemoryFull, TooManyCalls, CallsPerUser, BeginsPerSecond],
            Ask::Expect(_) => &[NotYours, TooManyCalls],
            Ask::Attach => &[UnknownCall, NotYours, Ended, Connected],
            Ask::Share { .. } => &[UnknownCall, MemoryFull],
            Ask::End => &[UnknownCall],
            Ask::Record => &[UnknownCall, NoCall, NotYours, Private, Exempt, Objected, TooManyMarks],
            Ask::Copy => &[UnknownCall, NoCall, NotYours, Private, Exempt],
            Ask::Mask | Ask::Hold => &[UnknownCall, NoCall, NotYours, Ended, Disk],
            Ask::Unmask | Ask::Resume => &[UnknownCall, NoCall, NotYours, Ended],
            Ask::EraseLast { .. } => &[UnknownCall, NoCall, NotYours, Private, Exempt, Disk],
            Ask::Private => &[UnknownCall, NoCall, NotYours, Recording],
            Ask::Object => &[UnknownCall, NoCall, NotYours],
            Ask::Transfer { .. } => &[UnknownCall, NoCall, NotYours, Ended, BeginsPerSecond, TooManyMarks],
            Ask::Dtmf { .. } => &[UnknownCall, NoCall, NotYours, Ended, TooManyMarks],
            Ask::Calls => &[],
            Ask::Status | Ask::Board | Ask::Sweep => &[NotYours],
            Ask::As(_) => &[NotYours, NoAccount, Catalog],
        }
    }
}

#[cfg(all(test, feature = "names"))]
mod tests;
