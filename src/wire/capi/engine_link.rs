//! A connection and its calls behind the functions for C: in safe Rust, for any number of threads.
//!
//! Belongs here: the connection, what comes over it, errors. Does not: requests about a call (`calls`), the state of a call (`call_state`).
//!
//! Only a control that waits for its answer sleeps with the connection in hand. A thread that waits for events sleeps beside it, so that a control
//! from another thread is answered at once. Events that come during a control ring the bell for the sleeper.
//!
//! Locks are taken in this order, and the last one is never held during a wait: `waiting`, `line`, `knowledge`.

mod calls;

use std::{
    cell::RefCell,
    collections::HashMap,
    ffi::{CString, c_char},
    os::fd::{AsFd, RawFd},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;

pub use calls::{Continuation, NewCall, Room};

use crate::{
    bell::Bell,
    call_state::{CallState, CallStatus},
    fork::Origin,
};
use retrocall_client::client::{Client, ClientError, PlayError};
use retrocall_words::{Answer, CallId, Clock as _, EndedBy, Event, Refusal, SystemClock};

/// How long a running engine may take to greet.
const HELLO_MAX: Duration = Duration::from_secs(30);
/// How often one call looks at the connection while messages come: an engine that never stops talking must not hold us.
const LOOKS_MAX: usize = 64;

/// The result of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnCode {
    /// Done.
    Accepted,
    /// It was so before.
    Already,
    /// Not done: the error says why.
    Refused,
    /// The connection is gone, or the call has ended.
    Gone,
    /// The request is malformed.
    Wrong,
}

/// A connection, shared by its calls.
pub struct EngineLink {
    number: u64,
    origin: Origin,
    socket: PathBuf,
    /// None if the system had no descriptors for it; then there is no connection.
    bell: Option<Bell>,
    /// One thread at a time listens to the engine when nobody asks.
    waiting: Mutex<()>,
    line: Mutex<Option<Client>>,
    knowledge: Mutex<Knowledge>,
    /// How often the connection was lost.
    losses: AtomicU64,
}

/// What the engine has said.
#[derive(Default)]
struct Knowledge {
    calls: HashMap<u64, CallState>,
    last_key: u64,
    /// Counts the events. A waiting thread compares it with the count that it knows.
    heard: u64,
    waited: u64,
    /// The trouble of the connection or a call, whoever heard it.
    trouble: String,
}

thread_local! {
    /// The last error of this thread. Each thread has its own, so that none overwrites what another reads.
    static LAST_ERROR: RefCell<LastError> = RefCell::default();
}

#[derive(Default)]
struct LastError {
    /// The connection of the error.
    link: u64,
    /// How often its connection had been lost by then.
    losses: u64,
    text: CString,
}

impl EngineLink {
    /// Connects. On failure the error says why, and every request returns [`ReturnCode::Gone`].
    pub fn connect(socket: &Path) -> EngineLink {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let bell = Bell::new();
        let no_bell =
            bell.as_ref().err().map(|cause| format!("the system gives no descriptors for a connection ({cause})"));
        let link = EngineLink {
            number: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            origin: Origin::here(),
            socket: socket.to_owned(),
            bell: bell.ok(),
            waiting: Mutex::default(),
            line: Mutex::default(),
            knowledge: Mutex::default(),
            losses: AtomicU64::new(0),
        };
        let connected = match no_bell {
            Some(why) => Err(why),
            None => link.open(&mut link.line.lock(), HELLO_MAX).map_err(|error| error.to_string()),
        };
        if let Err(why) = connected {
            link.trouble(&why);
        }
        link
    }

    /// Whether this process made it. A child after `fork` must leave all of it alone.
    pub fn is_of_this_process(&self) -> bool {
        self.origin.is_here()
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.line.lock().is_some()
    }

    /// Notes an error for this thread.
    pub fn say(&self, text: &str) {
        let losses = self.losses.load(Ordering::Relaxed);
        let _ =
            LAST_ERROR.try_with(|said| *said.borrow_mut() = LastError { link: self.number, losses, text: words(text) });
    }

    /// The last error: of this thread, unless the connection was lost since; otherwise of the connection or one of its calls. It stays until this
    /// thread asks something else.
    pub fn error(&self) -> *const c_char {
        let own = LAST_ERROR.try_with(|said| {
            let mut said = said.borrow_mut();
            let losses = self.losses.load(Ordering::Relaxed);
            if said.link != self.number || said.losses != losses || said.text.is_empty() {
                *said = LastError { link: self.number, losses, text: words(&self.knowledge.lock().trouble) };
            }
            said.text.as_ptr()
        });
        own.unwrap_or(c"".as_ptr())
    }

    /// The agent of this user, if it may act for only one.
    pub fn own_agent(&self) -> Option<String> {
        self.line.lock().as_ref()?.hello().agent.clone()
    }

    /// A descriptor to poll: readable when [`EngineLink::wait`] has something to report.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.bell.as_ref().map(Bell::descriptor)
    }

    /// Listens until the engine says something or the time is over.
    pub fn wait(&self, time: Duration) -> ReturnCode {
        let deadline = SystemClock.now() + time;
        let Some(bell) = &self.bell else { return ReturnCode::Gone };
        let known = self.knowledge.lock().waited;
        let Some(_turn) = self.waiting.try_lock_until(deadline) else { return ReturnCode::Accepted };
        loop {
            // Later rings are for the next sleep.
            bell.clear();
            let Some(mut line) = self.line.try_lock_until(deadline) else { return ReturnCode::Accepted };
            let outcome = self.take_in(&mut line);
            drop(line);
            let mut knowledge = self.knowledge.lock();
            if outcome == ReturnCode::Gone {
                knowledge.waited = knowledge.heard;
                self.say(&knowledge.trouble);
                return ReturnCode::Gone;
            }
            let left = SystemClock.until(deadline);
            if knowledge.heard != known || left.is_zero() {
                knowledge.waited = knowledge.heard;
                return ReturnCode::Accepted;
            }
            drop(knowledge);
            bell.sleep(left);
        }
    }

    /// The status of a call. Takes in waiting messages, and waits for nothing.
    pub fn status(&self, key: u64) -> CallStatus {
        let is_connected = match self.line.try_lock() {
            Some(mut line) => {
                let before = self.knowledge.lock().heard;
                self.take_in(&mut line);
                if self.knowledge.lock().heard != before {
                    self.ring();
                }
                line.is_some()
            }
            // The thread that has it asks something, and takes in waiting messages.
            None => true,
        };
        self.of(key, |known| known.status(is_connected)).unwrap_or_default()
    }

    /// The path of a call's recording.
    pub fn kept(&self, key: u64) -> Option<PathBuf> {
        self.of(key, |known| known.kept.clone()).flatten()
    }

    /// The id of the call that a call continues.
    pub fn continues(&self, key: u64) -> Option<CallId> {
        self.of(key, |known| known.continues()).flatten()
    }

    /// Forgets a call.
    pub fn forget(&self, key: u64) {
        self.knowledge.lock().calls.remove(&key);
    }

    /// Closes the connection.
    pub fn close(&self) {
        self.lose(&mut self.line.lock(), "the connection was closed");
    }

    /// Does something with the state of a call.
    fn of<T>(&self, key: u64, does: impl FnOnce(&mut CallState) -> T) -> Option<T> {
        self.knowledge.lock().calls.get_mut(&key).map(does)
    }

    /// Connects, if there is no connection.
    fn open(&self, line: &mut Option<Client>, limit: Duration) -> Result<(), ClientError> {
        let client = Client::connect_within(&self.socket, limit)?;
        if let Some(bell) = &self.bell {
            bell.watch(client.as_fd()).map_err(|cause| ClientError::Broken { cause })?;
        }
        self.knowledge.lock().trouble.clear();
        *line = Some(client);
        Ok(())
    }

    /// Does something with the connection, and takes in messages that came meanwhile. An error ends the connection.
    fn with<T>(
        &self,
        line: &mut Option<Client>,
        does: impl FnOnce(&mut Client) -> Result<T, PlayError>,
    ) -> Result<T, ReturnCode> {
        let Some(client) = line else {
            let trouble = self.knowledge.lock().trouble.clone();
            self.say(&trouble);
            return Err(ReturnCode::Gone);
        };
        let done = does(client);
        let events: Vec<Event> = client.events().collect();
        if self.hear(&events) {
            self.ring();
        }
        done.map_err(|error| match error {
            PlayError::Refused(answer) => self.refused(&answer),
            // The call has a connection, but no shared memory of its own.
            PlayError::Client(error @ ClientError::Memory { .. }) => {
                self.say(&error.to_string());
                ReturnCode::Refused
            }
            error => {
                self.lose(line, &error.to_string());
                ReturnCode::Gone
            }
        })
    }

    /// Takes in waiting messages. An error ends the connection.
    fn take_in(&self, line: &mut Option<Client>) -> ReturnCode {
        let Some(client) = line else { return ReturnCode::Gone };
        let mut events = Vec::new();
        let mut failed = None;
        for _ in 0..LOOKS_MAX {
            match client.next_event(Duration::ZERO) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
            events.extend(client.events());
        }
        events.extend(client.events());
        self.hear(&events);
        match failed {
            Some(error) => {
                self.lose(line, &error.to_string());
                ReturnCode::Gone
            }
            None => ReturnCode::Accepted,
        }
    }

    /// Takes in events. Returns whether there were any.
    fn hear(&self, events: &[Event]) -> bool {
        if events.is_empty() {
            return false;
        }
        let mut knowledge = self.knowledge.lock();
        knowledge.heard += 1;
        for event in events {
            knowledge.calls.values_mut().for_each(|known| known.hear(event));
            let text = match event {
                Event::DiskTrouble { text, .. }
                | Event::MemoryFull { text, .. }
                | Event::FramesRefused { text, .. }
                | Event::Suspect { text, .. } => text.as_str(),
                Event::Ended { by: EndedBy::Stopping, .. } => "the engine is stopped, and ended the call",
                Event::Ended { by: EndedBy::ConnectionLost, .. } => {
                    "the call ended: its connection was lost for too long"
                }
                _ => continue,
            };
            text.clone_into(&mut knowledge.trouble);
            self.say(text);
        }
        true
    }

    /// Ends the connection.
    fn lose(&self, line: &mut Option<Client>, why: &str) {
        if let (Some(client), Some(bell)) = (line.take(), &self.bell) {
            bell.forget(client.as_fd());
        }
        let mut knowledge = self.knowledge.lock();
        knowledge.heard += 1;
        knowledge.calls.values_mut().for_each(CallState::lose);
        drop(knowledge);
        self.losses.fetch_add(1, Ordering::Relaxed);
        self.trouble(why);
        self.ring();
    }

    /// Notes trouble of the connection, for every thread.
    fn trouble(&self, why: &str) {
        why.clone_into(&mut self.knowledge.lock().trouble);
        self.say(why);
    }

    fn ring(&self) {
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }

    /// Notes the words of a refusal, and returns its result.
    fn refused(&self, answer: &Answer) -> ReturnCode {
        let reason = answer.reason.map(|reason| reason.to_string());
        self.say(answer.text.as_deref().or(reason.as_deref()).unwrap_or("the engine refuses it: see its log"));
        match answer.reason {
            Some(Refusal::Malformed) => ReturnCode::Wrong,
            _ => ReturnCode::Refused,
        }
    }
}

/// A text for C: the engine's texts have no zeros.
fn words(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).expect("the zeros are gone")
}
