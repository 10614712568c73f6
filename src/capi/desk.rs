//! A connection and its calls, as the functions for C know them: in safe Rust.

use std::{
    collections::HashMap,
    ffi::CString,
    path::{Path, PathBuf},
    time::Duration,
};

use parking_lot::Mutex;

use crate::{
    audio::Rate,
    client::{Client, ClientError, SharedLeg},
    protocol::{Answer, Ask, Begin, CallId, Event, Refusal, Request, Target, Verdict},
};

/// What became of what was asked.
pub enum Outcome {
    /// Done.
    Accepted,
    /// It was so before.
    Already,
    /// Not done: the error says why.
    Refused,
    /// There is no connection any more.
    Gone,
}

/// A connection, for whoever has a call of it.
pub struct Desk(Mutex<State>);

struct State {
    client: Option<Client>,
    /// What the engine said of the calls that began here.
    calls: HashMap<CallId, Heard>,
    error: CString,
}

/// What the engine said of a call.
#[derive(Default, Clone)]
pub struct Heard {
    /// Record was pressed.
    pub recording: bool,
    /// The call is over.
    pub ended: bool,
    /// The recording, once it is on disk for good.
    pub kept: Option<PathBuf>,
}

/// A call that began.
pub struct Begun {
    /// Its id.
    pub call: CallId,
    /// Where its frames go, agent first.
    pub legs: [SharedLeg; 2],
}

impl Desk {
    /// Connects. If that fails, the error says why, and every request is answered with [`Outcome::Gone`].
    pub fn connect(socket: &Path) -> Desk {
        let (client, error) = match Client::connect(socket) {
            Ok(client) => (Some(client), String::new()),
            Err(error) => (None, error.to_string()),
        };
        Desk(Mutex::new(State { client, calls: HashMap::new(), error: words(error) }))
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.0.lock().client.is_some()
    }

    /// Notes what is wrong, where there is no engine to say it.
    pub fn wrong(&self, text: &str) {
        self.0.lock().error = words(text.to_owned());
    }

    /// What went wrong last, for as long as nothing else is asked.
    pub fn error(&self) -> *const std::ffi::c_char {
        self.0.lock().error.as_ptr()
    }

    /// Announces a call, of the agent that this user is if none is named, and asks for its shared memory.
    pub fn begin(&self, begin: Begin, frame_samples: Option<usize>) -> Result<Begun, Outcome> {
        let mut state = self.0.lock();
        let answer = state.ask(Target::Own, Ask::Begin(begin))?;
        let (Some(call), Some(channel)) = (answer.call, answer.channel) else { return Err(Outcome::Refused) };
        let shared = state.with(|client| client.share(channel, frame_samples));
        let outcome = match shared {
            Ok(Ok(legs)) => {
                state.calls.insert(call, Heard::default());
                return Ok(Begun { call, legs });
            }
            Ok(Err(refused)) => {
                state.note(&refused);
                Outcome::Refused
            }
            Err(outcome) => outcome,
        };
        // Without a way in for its frames there is nothing to capture. What is told is why, and not that it has ended.
        let error = state.error.clone();
        let _ = state.ask(Target::Channel(channel), Ask::End);
        state.error = error;
        Err(outcome)
    }

    /// The agent that this user is, if it may act for one alone.
    pub fn own_agent(&self) -> Option<String> {
        self.0.lock().client.as_ref()?.hello().agent.clone()
    }

    /// Asks something for a call.
    pub fn control(&self, call: CallId, ask: Ask) -> Outcome {
        let mut state = self.0.lock();
        let (record, end) = (ask == Ask::Record, ask == Ask::End);
        match state.ask(Target::Call(call), ask) {
            Ok(answer) => {
                if let Some(heard) = state.calls.get_mut(&call) {
                    heard.recording |= record;
                    heard.ended |= end;
                }
                if answer.answer == Verdict::Already { Outcome::Already } else { Outcome::Accepted }
            }
            Err(outcome) => outcome,
        }
    }

    /// Hears what the engine says, until something is said or the time is over.
    pub fn wait(&self, time: Duration) -> Outcome {
        let mut state = self.0.lock();
        match state.with(|client| client.next_event(time)) {
            Ok(event) => {
                event.iter().for_each(|event| state.hear(event));
                Outcome::Accepted
            }
            Err(outcome) => outcome,
        }
    }

    /// What the engine has said of a call.
    pub fn heard(&self, call: CallId) -> Heard {
        let mut state = self.0.lock();
        // What has come is taken in; nothing is waited for.
        if let Ok(Some(event)) = state.with(|client| client.next_event(Duration::ZERO)) {
            state.hear(&event);
        }
        state.calls.get(&call).cloned().unwrap_or_default()
    }

    /// Forgets a call.
    pub fn forget(&self, call: CallId) {
        self.0.lock().calls.remove(&call);
    }

    /// Closes the connection.
    pub fn close(&self) {
        self.0.lock().client = None;
    }
}

impl State {
    /// Does something with the connection, and takes in what came meanwhile. An error is the end of it.
    fn with<T>(&mut self, does: impl FnOnce(&mut Client) -> Result<T, ClientError>) -> Result<T, Outcome> {
        let Some(client) = &mut self.client else { return Err(Outcome::Gone) };
        let done = does(client);
        let events: Vec<Event> = client.events().collect();
        events.iter().for_each(|event| self.hear(event));
        done.map_err(|error| {
            self.error = words(error.to_string());
            match error {
                // It has a connection, but no memory of its own for this.
                ClientError::Memory { .. } => Outcome::Refused,
                _ => {
                    self.client = None;
                    Outcome::Gone
                }
            }
        })
    }

    fn ask(&mut self, target: Target, ask: Ask) -> Result<Answer, Outcome> {
        let answer = self.with(|client| client.ask(Request::new(target, ask)))?;
        self.note(&answer);
        if answer.answer == Verdict::Refused { Err(Outcome::Refused) } else { Ok(answer) }
    }

    fn note(&mut self, answer: &Answer) {
        let text = answer.text.clone().or(answer.reason.map(|reason: Refusal| reason.to_string()));
        self.error = words(text.unwrap_or_default());
    }

    fn hear(&mut self, event: &Event) {
        match event {
            Event::Recording { call } => self.heard(call, |heard| heard.recording = true),
            Event::Ended { call, .. } => self.heard(call, |heard| heard.ended = true),
            Event::Kept { call, path, .. } => self.heard(call, |heard| heard.kept = Some(path.clone())),
            Event::DiskTrouble { text, .. } | Event::MemoryFull { text, .. } => self.error = words(text.clone()),
            _ => {}
        }
    }

    fn heard(&mut self, call: &CallId, note: impl FnOnce(&mut Heard)) {
        if let Some(heard) = self.calls.get_mut(call) {
            note(heard);
        }
    }
}

/// What a call is announced with, or what is wrong with it.
pub fn rate(hz: u32) -> Result<Rate, String> {
    Rate::new(hz).ok_or_else(|| format!("the rate must be {} to {} Hz", Rate::MIN_HZ, Rate::MAX_HZ))
}

/// Text as C has it: what comes from the engine has no zeros.
fn words(text: String) -> CString {
    CString::new(text.replace('\0', " ")).expect("the zeros are gone")
}
