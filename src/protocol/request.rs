//! What a client asks for: one JSON object a message.

mod fields;

use std::fmt;

use serde::Deserialize;
use uuid::Uuid;

use super::{CallId, CallStates, Direction};
use crate::audio::{Codec, Rate};
use fields::Fields;

/// The longest name of an unknown field that an error repeats.
const NAME_BYTES_MAX: usize = 32;

/// A request: what is asked, for which call, and the number that its answer will carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Comes back with the answer.
    pub id: Option<u64>,
    /// Which call is meant.
    pub target: Target,
    /// What is asked.
    pub ask: Ask,
}

/// Which call is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The call with this number on this connection.
    Channel(u32),
    /// The call with this id.
    Call(CallId),
    /// The live call of this agent.
    Agent(String),
    /// The live call of the agent whose user asks.
    Own,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Announces a call.
    Begin(Begin),
    /// Announces a call whose legs will come over AudioSocket.
    Expect(Expect),
    /// Takes over a live call whose connection was lost.
    Attach,
    /// Memory that both ends write, for the frames of a call that this connection carries.
    Share {
        /// Samples that its frames usually have; without it, 20 ms.
        frame_samples: Option<usize>,
    },
    /// Hangup.
    End,
    /// The button.
    Record,
    /// Both legs become silence.
    Mask,
    /// Ends a mask.
    Unmask,
    /// The last seconds become silence.
    EraseLast {
        /// How many, more than 0.
        seconds: f64,
    },
    /// The customer waits.
    Hold,
    /// Ends a hold.
    Resume,
    /// Not this call: what is held is wiped, and nothing more is held.
    Private,
    /// Not for training: the call can't be sampled.
    Object,
    /// The call goes to another agent.
    Transfer {
        /// The agent who talks from now on.
        to: String,
    },
    /// A key was pressed on the phone.
    Dtmf {
        /// One of `0-9*#A-D`.
        digit: char,
    },
    /// Lists live calls.
    Calls,
    /// How the engine is.
    Status,
}

/// What a client says of a call that begins.
#[derive(Clone, PartialEq)]
pub struct Begin {
    /// Who talks for the desk.
    pub agent: String,
    /// The customer's number, if known.
    pub customer: Option<String>,
    /// Who called whom.
    pub direction: Direction,
    /// Samples a second.
    pub rate: Rate,
    /// How the samples will come.
    pub codec: Codec,
    /// The call before, if this one goes on where that one was cut off.
    pub continues: Option<CallId>,
    /// What held of it then, and holds from the first sample of this one.
    pub states: CallStates,
}

impl Begin {
    /// A call of `agent` of which nothing more is known: inbound, and the first of its kind.
    pub fn new(agent: impl Into<String>, rate: Rate, codec: Codec) -> Begin {
        Begin {
            agent: agent.into(),
            customer: None,
            direction: Direction::default(),
            rate,
            codec,
            continues: None,
            states: CallStates::default(),
        }
    }
}

impl fmt::Debug for Begin {
    /// All but the customer's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begin").field("agent", &self.agent).field("rate", &self.rate).finish_non_exhaustive()
    }
}

/// What a client says of a call whose legs will come over AudioSocket, as two connections.
#[derive(Clone, PartialEq)]
pub struct Expect {
    /// Who talks for the desk.
    pub agent: String,
    /// The customer's number, if known.
    pub customer: Option<String>,
    /// Who called whom.
    pub direction: Direction,
    /// The UUIDs of the connections: the agent's, the customer's.
    pub legs: [Uuid; 2],
    /// The call before, if this one goes on where that one was cut off.
    pub continues: Option<CallId>,
    /// What held of it then, and holds from the first sample of this one.
    pub states: CallStates,
}

impl fmt::Debug for Expect {
    /// All but the customer's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expect").field("agent", &self.agent).field("legs", &self.legs).finish_non_exhaustive()
    }
}

impl Request {
    /// A request without a number.
    pub fn new(target: Target, ask: Ask) -> Request {
        Request { id: None, target, ask }
    }

    /// The request in a control message.
    ///
    /// # Errors
    /// What is wrong with it, in words for the client's developer; never with a value that could be a customer's number.
    pub fn from_json(json: &[u8]) -> Result<Request, RequestError> {
        let text = std::str::from_utf8(json)
            .map_err(|_| RequestError::NotJson("the control message is not UTF-8".to_owned()))?;
        if !text.trim_start().starts_with('{') {
            return Err(RequestError::NotJson("the control message is not a JSON object".to_owned()));
        }
        let fields: Fields = serde_json::from_str(text).map_err(|error| {
            // serde_json's own words can quote what it read; its category and place can not.
            match error.classify() {
                // A wrong field is seen before the end of the object is: there may be none.
                serde_json::error::Category::Data if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {
                    RequestError::Malformed { id: id_of(text), text: explain(&error) }
                }
                _ => RequestError::NotJson(format!("not one JSON object (column {})", error.column())),
            }
        })?;
        let id = fields.id;
        fields.into_request().map_err(|text| RequestError::Malformed { id, text })
    }

    /// The JSON of this request.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&Fields::of(self)).expect("plain fields are JSON")
    }
}

/// Why a control message is no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// It is not a JSON object at all: the client is told, and disconnected.
    NotJson(String),
    /// It is one, and wrong: the request is refused.
    Malformed {
        /// The number of the request, if it can be read.
        id: Option<u64>,
        /// What is wrong.
        text: String,
    },
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (RequestError::NotJson(text) | RequestError::Malformed { text, .. }) = self;
        f.write_str(text)
    }
}

impl std::error::Error for RequestError {}

/// The number of a request of which other fields are wrong.
fn id_of(text: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Id {
        id: Option<u64>,
    }
    serde_json::from_str::<Id>(text).ok()?.id
}

/// The words of an error of the type `Data`, without any value: those stand in quotes or behind a colon. A field that is unknown is named
/// if it looks like one: whoever builds JSON by hand may have a number stand where a name belongs.
fn explain(error: &serde_json::Error) -> String {
    let words = error.to_string();
    if words.starts_with("missing field") || words.starts_with("rate ") {
        return words;
    }
    if let Some((name, known)) = words.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, ")) {
        let is_name =
            name.len() <= NAME_BYTES_MAX && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        return if is_name { words } else { format!("unknown field, {known}") };
    }
    let kind = words.split([':', '"', '`']).next().unwrap_or_default().trim();
    format!("a field has the wrong type or an unknown value: {kind} (column {})", error.column())
}

impl Ask {
    /// The word for it in `do`.
    pub const fn verb(&self) -> &'static str {
        match self {
            Ask::Begin(_) => "begin",
            Ask::Expect(_) => "expect",
            Ask::Attach => "attach",
            Ask::Share { .. } => "share",
            Ask::End => "end",
            Ask::Record => "record",
            Ask::Mask => "mask",
            Ask::Unmask => "unmask",
            Ask::EraseLast { .. } => "erase-last",
            Ask::Hold => "hold",
            Ask::Resume => "resume",
            Ask::Private => "private",
            Ask::Object => "object",
            Ask::Transfer { .. } => "transfer",
            Ask::Dtmf { .. } => "dtmf",
            Ask::Calls => "calls",
            Ask::Status => "status",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> String {
        match Request::from_json(json.as_bytes()).expect_err("it is wrong") {
            RequestError::Malformed { text, .. } => text,
            RequestError::NotJson(text) => panic!("{text}"),
        }
    }

    #[test]
    fn every_request_comes_back_from_its_json() {
        let call = CallId::new();
        let begin = Begin {
            customer: Some("+31 20 1234567".into()),
            direction: Direction::Outbound,
            ..Begin::new("anna", Rate::new(8_000).expect("a rate"), Codec::Alaw)
        };
        let states = CallStates { recording: true, on_hold: true, ..CallStates::default() };
        let asks = [
            (Target::Own, Ask::Begin(begin.clone())),
            (Target::Own, Ask::Begin(Begin { continues: Some(call), states, ..begin })),
            (Target::Call(call), Ask::Attach),
            (Target::Channel(3), Ask::Share { frame_samples: None }),
            (Target::Own, Ask::Share { frame_samples: Some(320) }),
            (Target::Channel(3), Ask::End),
            (Target::Agent("anna".into()), Ask::Record),
            (Target::Own, Ask::EraseLast { seconds: 2.5 }),
            (Target::Channel(0), Ask::Transfer { to: "bert".into() }),
            (Target::Channel(0), Ask::Dtmf { digit: '#' }),
            (Target::Own, Ask::Calls),
            (
                Target::Own,
                Ask::Expect(Expect {
                    agent: "anna".into(),
                    customer: None,
                    direction: Direction::Inbound,
                    legs: [1, 2].map(Uuid::from_u128),
                    continues: Some(call),
                    states,
                }),
            ),
        ];
        for (target, ask) in asks {
            let request = Request { id: Some(7), target, ask };
            assert_eq!(Request::from_json(&request.to_json()), Ok(request));
        }
    }

    #[test]
    fn a_wrong_request_is_told_what_is_wrong_and_never_quotes_a_value() {
        assert!(refused(r#"{"do":"recrod"}"#).contains("names nothing"));
        assert!(refused(r#"{"do":"begin","agent":"a","codec":"pcm16"}"#).contains("`rate`"));
        assert!(refused(r#"{"do":"record","cal":"x"}"#).contains("unknown field `cal`"));
        assert!(refused(r#"{"do":"begin","agent":"a","rate":4000,"codec":"pcm16"}"#).contains("8000 to 48000"));
        assert!(refused(r#"{"do":"record","channel":1,"agent":"anna"}"#).contains("more than one"));
        assert!(refused(r#"{"do":"erase-last","seconds":-1}"#).contains("over 0"));
        let number = "+31201234567";
        for json in [
            format!(r#"{{"do":"begin","agent":"a","rate":"{number}","codec":"pcm16"}}"#),
            format!(r#"{{"do":"begin","agent":"a","rate":8000,"codec":"{number}"}}"#),
            format!(r#"{{"do":"begin","agent":"a","rate":8000,"codec":"pcm16","customer":{{"{number}":1}}}}"#),
            format!(r#"{{"do":"record","call":"{number}"}}"#),
            format!(r#"{{"do":"record","{number}":1}}"#),
            r#"{"do":"begin","agent":"a","rate":1234567,"codec":"pcm16"}"#.to_owned(),
        ] {
            assert!(!refused(&json).contains("1234567"), "{}", refused(&json));
        }
    }

    #[test]
    fn a_field_of_another_request_is_refused_and_not_passed_over() {
        assert!(refused(r#"{"do":"record","seconds":3}"#).contains("`record` has no field `seconds`"));
        assert!(refused(r#"{"do":"begin","agent":"a","rate":8000,"codec":"pcm16","channel":1}"#).contains("leave out"));
        assert!(refused(r#"{"do":"calls","agent":"a"}"#).contains("leave out"));
    }

    #[test]
    fn what_is_no_json_object_is_told_apart_from_what_is_a_wrong_one() {
        let half = b"{\"do\":7";
        for bytes in [&b"{"[..], b"[]", b"", b"12", b"{\"do\":\"record\"} x", &[b'{', 0xff, b'}'], half] {
            assert!(matches!(Request::from_json(bytes), Err(RequestError::NotJson(_))), "{bytes:?}");
        }
        let wrong = Request::from_json(br#"{"id":7,"do":"record","cal":1}"#).expect_err("an unknown field");
        assert!(matches!(wrong, RequestError::Malformed { id: Some(7), .. }));
    }
}
