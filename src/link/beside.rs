//! The engine beside a link, asked over its socket.
//!
//! Belongs here: one connection that looks, and one for each press, which has that agent's rights alone. Does not: when it is asked.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use parking_lot::Mutex;
use retrocall_client::client::{Client, ClientError};
use retrocall_words::{
    Answer, Ask, CallId, Clock as _, InNameOf, Request, SystemClock, Target, Verdict,
    afar::{AfarCall, PRESS_TIME, micros},
};
use tracing::warn;

use super::pressing::{Beside, Silent};

/// How long an engine that listens may take to greet, and to list its calls.
const LOOK_WAIT: Duration = Duration::from_secs(2);
/// How long it may take to do what was pressed. What becomes silent in a file waits for the disk, for 10 s at most.
const ANSWER_WAIT: Duration = Duration::from_secs(12);

/// The engine at a socket.
pub struct EngineBeside {
    socket: PathBuf,
    /// Looks from time to time.
    looking: Mutex<Option<Client>>,
    /// What was said last of why it can't be asked.
    told: Mutex<Option<String>>,
}

impl EngineBeside {
    /// The one that listens there, or will.
    pub fn at(socket: &Path) -> EngineBeside {
        EngineBeside { socket: socket.to_owned(), looking: Mutex::new(None), told: Mutex::new(None) }
    }

    fn connect(&self) -> Result<Client, Silent> {
        Client::connect_within(&self.socket, LOOK_WAIT).map_err(|error| {
            // Once, and again only once it is another one: it is looked often.
            let mut told = self.told.lock();
            let why = error.to_string();
            if !matches!(error, ClientError::NoEngine { .. }) && told.as_ref() != Some(&why) {
                warn!("the engine can't be asked: {why}");
                *told = Some(why);
            }
            Silent::NotThere
        })
    }
}

impl Beside for EngineBeside {
    fn calls(&self) -> Result<Vec<AfarCall>, Silent> {
        let mut looking = self.looking.lock();
        let mut client = match looking.take() {
            Some(client) => client,
            None => self.connect()?,
        };
        let told = client.ask_within(Request::new(Target::Own, Ask::Calls), LOOK_WAIT).map_err(|_| Silent::NoAnswer)?;
        // What is told beside it, the next look shows.
        client.events().for_each(drop);
        *looking = Some(client);
        Ok(told.calls.unwrap_or_default().into_iter().map(AfarCall::from).collect())
    }

    fn press(&self, agent: &str, call: CallId, ask: Ask, ago: Duration) -> Result<Answer, Silent> {
        let began = SystemClock.now();
        let mut client = self.connect()?;
        let name = Ask::As(InNameOf::Agent(agent.to_owned()));
        let narrowed = client.ask_within(Request::new(Target::Own, name), LOOK_WAIT).map_err(|_| Silent::NotThere)?;
        if narrowed.answer == Verdict::Refused {
            return Ok(narrowed);
        }
        // Model: `Expires`. An engine that was slow to greet does not get it any more.
        let ago = ago + SystemClock.since(began);
        if ago >= PRESS_TIME {
            return Err(Silent::TooLate);
        }
        let request = Request { ago_ms: micros(ago) / 1_000, ..Request::new(Target::Call(call), ask) };
        let answer = client.ask_within(request, ANSWER_WAIT).map_err(|_| Silent::NoAnswer)?;
        // Nobody else needs the number of the request.
        Ok(Answer { id: None, ..answer })
    }
}
