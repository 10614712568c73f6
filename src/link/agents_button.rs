//! An agent's button on a machine without an engine: presses go to the centre, which brings them to the engine that has the call.
//!
//! Belongs here: one press, and what the centre says of it. Does not: keys, words for people.

use std::{fmt, time::Duration};

use reqwest::{Client, StatusCode};
use retrocall_words::{
    Answer, CallId, Clock as _, Refusal, SystemClock, Verb, Verdict, Word as _,
    afar::{PRESS_TIME, PressId},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use super::centre::client;

/// A moment longer than anybody carries a press out: the centre says itself what it does not know.
const ANSWER_WAIT: Duration = Duration::from_millis(PRESS_TIME.as_millis() as u64 + 300);
/// How often a press is sent, with one id, while nobody has taken it.
const TRIES: usize = 2;

/// Why a press has no answer of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotPressed {
    /// It was not done, for this reason.
    NotDone(String),
    /// Nobody knows whether it was done.
    Unknown,
}

impl fmt::Display for NotPressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotPressed::NotDone(why) => f.write_str(why),
            NotPressed::Unknown => f.write_str("no answer came in time: it is not known whether it was done"),
        }
    }
}

/// The button of one agent.
pub struct AgentsButton {
    runtime: Runtime,
    client: Client,
    centre: String,
    token: String,
}

#[derive(Deserialize)]
struct Done {
    answer: Verdict,
    call: Option<CallId>,
    seconds: Option<f64>,
    text: Option<String>,
}

#[derive(Default, Deserialize)]
struct Refused {
    #[serde(default)]
    error: String,
    #[serde(default)]
    text: String,
}

/// The live calls, as far as a press needs to know them.
#[derive(Deserialize)]
struct Live {
    /// The call that a press means now. None: there is none, or nobody can tell which.
    #[serde(default)]
    means: Option<CallId>,
    calls: Vec<serde_json::Value>,
    /// By it the centre knows how long a press was on its way.
    #[serde(default)]
    at: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Me {
    agent: Option<String>,
}

impl AgentsButton {
    /// At this centre, with a token of the agent's account.
    ///
    /// # Errors
    /// Why there is no way there, in words.
    pub fn at(centre: &str, token: &str) -> Result<AgentsButton, String> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("can't start a thread ({error}): try again"))?;
        let (client, centre) = (client(centre)?, centre.trim_end_matches('/').to_owned());
        Ok(AgentsButton { runtime, client, centre, token: token.to_owned() })
    }

    /// The agent whose button it is.
    ///
    /// # Errors
    /// Why nobody can press here, in words.
    pub fn agent(&self) -> Result<String, String> {
        let request = self.client.get(format!("{}/api/v1/me", self.centre)).bearer_auth(&self.token);
        let asked = async {
            let answer = tokio::time::timeout(ANSWER_WAIT, request.send()).await;
            let Ok(Ok(answer)) = answer else { return Err(self.away()) };
            match answer.status() {
                StatusCode::OK => parsed::<Me>(answer).await.ok_or_else(|| self.no_centre()),
                StatusCode::UNAUTHORIZED => Err(no_token()),
                _ => Err(self.no_centre()),
            }
        };
        self.runtime.block_on(asked)?.agent.ok_or_else(|| "the token is of an account that is no agent".to_owned())
    }

    fn away(&self) -> String {
        format!("the centre at {} does not answer", self.centre)
    }

    fn no_centre(&self) -> String {
        format!("{} gives an answer that makes no sense: is it a centre?", self.centre)
    }

    /// Presses, for the agent's own live call, or for this one of theirs.
    ///
    /// # Errors
    /// Why there is no answer of an engine.
    pub fn press(&self, call: Option<CallId>, does: Verb) -> Result<Answer, NotPressed> {
        let began = SystemClock.now();
        let asked = async {
            let (call, seen) = match call {
                Some(call) => (Some(call), None),
                // Model: `Press`, `NamesCall`. A press that names no call could reach the next one, if it is late.
                None => match self.live().await? {
                    Live { calls, .. } if calls.is_empty() => return Ok(Answer::refused(Refusal::NoCall)),
                    Live { means, at, .. } => (means, at.map(|at| (at, SystemClock.now()))),
                },
            };
            let press = PressId::new();
            let body = move || {
                let ms = |then| u64::try_from(SystemClock.since(then).as_millis()).unwrap_or(u64::MAX);
                let mut body = json!({ "do": does, "call": call, "press": press, "age_ms": ms(began) });
                if let Some((at, heard)) = &seen {
                    body["seen"] = at.clone();
                    body["since_ms"] = ms(*heard).into();
                }
                body.to_string()
            };
            self.send(body).await
        };
        // Model: `NoAnswerIsUnknown`.
        let asked = async { tokio::time::timeout(ANSWER_WAIT, asked).await.unwrap_or(Err(NotPressed::Unknown)) };
        self.runtime.block_on(asked)
    }

    /// The agent's live calls now. Nothing is pressed yet.
    async fn live(&self) -> Result<Live, NotPressed> {
        let not_done = |why| Err(NotPressed::NotDone(why));
        let place = format!("{}/api/v1/mine/live", self.centre);
        let ask = || self.client.get(&place).bearer_auth(&self.token).send();
        // A connection may have been closed meanwhile.
        let answer = match ask().await {
            Err(_) => ask().await,
            answer => answer,
        };
        let Ok(answer) = answer else { return not_done(self.away()) };
        match answer.status() {
            StatusCode::OK => parsed(answer).await.ok_or_else(|| NotPressed::NotDone(self.no_centre())),
            StatusCode::UNAUTHORIZED => not_done(no_token()),
            _ => {
                let Refused { text, .. } = parsed(answer).await.unwrap_or_default();
                not_done(if text.is_empty() { self.no_centre() } else { text.trim_end_matches('.').to_owned() })
            }
        }
    }

    /// Model: `Repeat`. Sends a press, once more if nobody is known to have heard it: with one id it is done once.
    async fn send(&self, body: impl Fn() -> String) -> Result<Answer, NotPressed> {
        for attempt in 1..=TRIES {
            let request = self.client.post(format!("{}/api/v1/mine/live", self.centre)).bearer_auth(&self.token);
            match request.body(body()).send().await {
                Ok(answer) => return self.read(answer).await,
                Err(error) if attempt == TRIES && error.is_connect() => return Err(NotPressed::NotDone(self.away())),
                Err(_) => {}
            }
        }
        Err(NotPressed::Unknown)
    }

    async fn read(&self, answer: reqwest::Response) -> Result<Answer, NotPressed> {
        let status = answer.status();
        if status == StatusCode::OK {
            let Some(done) = parsed(answer).await else { return Err(NotPressed::Unknown) };
            let Done { answer, call, seconds, text } = done;
            return Ok(Answer { call, seconds, text, ..Answer::new(answer) });
        }
        let Refused { error, text } = parsed(answer).await.unwrap_or_default();
        match (status, Refusal::read(&error)) {
            (StatusCode::UNAUTHORIZED, _) => Err(NotPressed::NotDone(no_token())),
            (_, Some(reason)) => Ok(Answer { text: Some(text), ..Answer::refused(reason) }),
            (StatusCode::GATEWAY_TIMEOUT, None) => Err(NotPressed::Unknown),
            (_, None) if text.is_empty() => Err(NotPressed::NotDone(self.no_centre())),
            (_, None) => Err(NotPressed::NotDone(text.trim_end_matches('.').to_owned())),
        }
    }
}

/// What was answered, if it makes sense.
async fn parsed<T: DeserializeOwned>(answer: reqwest::Response) -> Option<T> {
    serde_json::from_slice(&answer.bytes().await.ok()?).ok()
}

fn no_token() -> String {
    "the centre does not know the token: `retrocall token add --role agent` makes one there".to_owned()
}
