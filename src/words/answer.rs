//! The engine's answers: one JSON object for each request, in the order of a connection's requests.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::{Map, Value};

use super::{Board, CallId, CallStates, Direction, Facts, Status, Suspicion, Word};
use crate::audio::{Codec, Rate};

crate::words! {
    /// The verdict on a request.
    pub enum Verdict {
        /// Done.
        Accepted = "accepted",
        /// It was so before.
        Already = "already",
        /// Not done; the answer has a reason.
        Refused = "refused",
    }
}

crate::words! {
    /// Why a request was refused.
    pub enum Refusal {
        /// The request itself is wrong.
        Malformed = "malformed",
        /// No call has this id or channel, or it ended long ago.
        UnknownCall = "unknown-call",
        /// The agent has no live call.
        NoCall = "no-call",
        /// The user may not do this to a call of another agent.
        NotYours = "not-yours",
        /// The call has ended.
        Ended = "ended",
        /// The call is private: nothing of it is held.
        Private = "private",
        /// The call is on a line that is never captured: nothing of it is held.
        Exempt = "exempt",
        /// The customer objected, and the desk's setting lets an objection forbid recording on demand too.
        Objected = "objected",
        /// Recording was asked for: only a reviewer's decision takes that back.
        Recording = "recording",
        /// The memory for live calls is full.
        MemoryFull = "memory-full",
        /// A limit on the number of calls is reached.
        TooManyCalls = "too-many-calls",
        /// This user's own limit on live calls is reached.
        CallsPerUser = "calls-per-user",
        /// This user begins or offers calls faster than one user may.
        BeginsPerSecond = "begins-per-second",
        /// The call can't have more marks of this kind: bookmarks, keys, agents who talked.
        TooManyMarks = "too-many-marks",
        /// The call still has the connection that carries it.
        Connected = "connected",
        /// The engine is stopping.
        Stopping = "stopping",
        /// The disk did not overwrite what a running commit had written.
        Disk = "disk",
        /// The account in whose name it is asked is not there, or has nothing to do with live calls.
        NoAccount = "no-account",
        /// The catalog does not say now what the account in whose name it is asked may do.
        Catalog = "catalog",
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Malformed => "the request is wrong",
            Refusal::UnknownCall => "no live call has this id or channel",
            Refusal::NoCall => "the agent has no live call",
            Refusal::NotYours => {
                "the call is another agent's, and only that agent's user or the engine's owner may do this"
            }
            Refusal::Ended => "the call has ended",
            Refusal::Private => "the call is private: nothing of it is held",
            Refusal::Exempt => "the call is on a line that is never captured (never_capture): nothing of it is held",
            Refusal::Objected => "the customer objected, and here an objection covers recording on demand too",
            Refusal::Recording => "recording was asked for: only a reviewer can take that back",
            Refusal::MemoryFull => "the memory for live calls is full: raise --memory, or wait until calls end",
            Refusal::TooManyCalls => "the limit on live calls is reached (calls_max)",
            Refusal::CallsPerUser => "the limit on live calls of one user is reached (calls_per_user)",
            Refusal::BeginsPerSecond => "calls are begun or offered faster than one user may (begins_per_second)",
            Refusal::TooManyMarks => {
                "the call has a thousand marks of this kind, and takes no more; it goes on, and is recorded if it was"
            }
            Refusal::Connected => "the call still has its connection",
            Refusal::Stopping => "the engine is stopping",
            Refusal::Disk => "the disk did not overwrite what was already written: see the engine's log",
            Refusal::NoAccount => {
                "no account of this name may do anything with live calls: `retrocall user list` shows what each may"
            }
            Refusal::Catalog => {
                "the catalog can't be asked now what the account may do: see the engine's log, and try again"
            }
        })
    }
}

/// Reads a reason, if this version knows it: a later engine's refusal is still a refusal.
fn known_reason<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Refusal>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.and_then(|word| Refusal::read(&word)))
}

/// The announced facts of a call, as an answer to `attach` has them: all but the agent, who may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement(Facts);

impl Announcement {
    const AGENT: &'static str = "agent";

    /// The facts of a call whose agent is this one.
    pub fn of_agent(self, agent: impl Into<String>) -> Facts {
        Facts { agent: agent.into(), ..self.0 }
    }
}

impl From<Facts> for Announcement {
    fn from(facts: Facts) -> Announcement {
        Announcement(Facts { agent: String::new(), ..facts })
    }
}

impl Serialize for Announcement {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = serde_json::to_value(&self.0).map_err(ser::Error::custom)?;
        fields.as_object_mut().and_then(|fields| fields.remove(Announcement::AGENT));
        fields.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Announcement {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Announcement, D::Error> {
        let mut fields = Map::<String, Value>::deserialize(from)?;
        fields.insert(Announcement::AGENT.to_owned(), "".into());
        serde_json::from_value(fields.into()).map(Announcement).map_err(de::Error::custom)
    }
}

/// An answer. A field that does not belong to its request is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The number of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The verdict.
    pub answer: Verdict,
    /// The reason of a refusal. None also if only later engines know it: `text` says it then.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known_reason")]
    pub reason: Option<Refusal>,
    /// More for people: why it was refused and what to do, or a warning although it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The call that the request meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// The agent of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The number of the call on this connection (`begin`, `attach`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u32>,
    /// The position on the call's timeline, in samples, from which the control takes effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// The length of the call by then, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Where each leg goes on, agent first, in samples (`attach`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<[u64; 2]>,
    /// The announced facts (`attach`).
    #[serde(flatten)]
    pub announced: Option<Announcement>,
    /// Samples a second (`attach`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The coding of the samples (`attach`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<Codec>,
    /// The states that hold now (`begin`, `attach`).
    #[serde(flatten)]
    pub states: Option<CallStates>,
    /// Whether it is on a line that is never captured: nothing of it is held (`begin`, `attach`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exempt: bool,
    /// Fields of the request that could not be used. The call is captured without them (`begin`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Bytes of the shared memory whose descriptor comes with this answer (`share`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_bytes: Option<usize>,
    /// The live calls that the asker may see (`calls`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<Vec<LiveCall>>,
    /// The engine's status (`status`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The engine in counts (`board`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board: Option<Board>,
}

impl Answer {
    /// An answer with only a verdict.
    pub fn new(answer: Verdict) -> Answer {
        Answer {
            id: None,
            answer,
            reason: None,
            text: None,
            call: None,
            agent: None,
            channel: None,
            at: None,
            seconds: None,
            positions: None,
            announced: None,
            rate: None,
            codec: None,
            states: None,
            exempt: false,
            left_out: Vec::new(),
            shared_bytes: None,
            calls: None,
            status: None,
            board: None,
        }
    }

    /// A refusal in its own words.
    pub fn refused(reason: Refusal) -> Answer {
        Answer { reason: Some(reason), text: Some(reason.to_string()), ..Answer::new(Verdict::Refused) }
    }

    /// The answer to a malformed request; `text` says what is wrong.
    pub fn malformed(text: String) -> Answer {
        Answer { text: Some(text), ..Answer::refused(Refusal::Malformed) }
    }
}

crate::words! {
    /// The condition of a live call.
    pub enum LiveState {
        /// Audio can come.
        Live = "live",
        /// Its connection is lost: it waits for an `attach`.
        Disconnected = "disconnected",
        /// It has ended; the agent can still press record.
        Ended = "ended",
    }
}

/// A live call, as `calls` shows it: never the customer's number, never the draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveCall {
    /// The id.
    pub call: CallId,
    /// The agent who talks now.
    pub agent: String,
    /// Who called whom.
    pub direction: Direction,
    /// Samples a second.
    pub rate: u32,
    /// The coding of the samples.
    pub codec: Codec,
    /// When it began.
    pub began: Timestamp,
    /// The length of the timeline, in seconds.
    pub seconds: f64,
    /// Its condition.
    pub state: LiveState,
    /// The states that hold now.
    #[serde(flatten)]
    pub states: CallStates,
    /// Whether it is on a line that is never captured: nothing of it is held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exempt: bool,
    /// Bytes of memory that hold it. Only for the engine's owner: under pressure only unselected calls give memory back, and nobody at the desk
    /// may know the draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_bytes: Option<usize>,
    /// The agent's side.
    pub agent_leg: LiveLeg,
    /// The customer's side.
    pub customer_leg: LiveLeg,
}

/// One leg of a live call.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LiveLeg {
    /// The peak of the last frame in dBFS: 0 is full scale, -96 is silence.
    pub level_dbfs: f32,
    /// Frames that came.
    pub frames: u64,
    /// Places where samples were missing.
    pub gaps: u64,
    /// How much was missing there, in seconds.
    pub gap_seconds: f64,
    /// Frames that came late or twice.
    pub late_frames: u64,
    /// Frames with samples that were lost because memory was full.
    pub lost_frames: u64,
    /// Frames that were dropped because they were faulty.
    pub refused_frames: u64,
    /// A suspicion: its codec or rate does not seem to be the announced one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<Suspicion>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_was_announced_comes_back_from_an_answer_but_the_agent() {
        let facts = Facts::example();
        let agent = Some("bert".to_owned());
        let answer =
            Answer { agent: agent.clone(), announced: Some(facts.clone().into()), ..Answer::new(Verdict::Accepted) };
        let json = serde_json::to_string(&answer).expect("JSON");
        let back: Answer = serde_json::from_str(&json).expect("an answer");
        assert_eq!(back, answer, "{json}");
        assert_eq!(back.announced.map(|announced| announced.of_agent("anna")), Some(facts));
        // Nothing was announced where the fields are another's.
        let other: Answer = serde_json::from_str(r#"{"answer":"accepted","agent":"bert","later":1}"#).expect("one");
        assert_eq!((other.announced, other.agent), (None, agent));
    }
}
