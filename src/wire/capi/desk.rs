//! A connection and its calls, as the functions for C know them: in safe Rust, for any number of threads.
//!
//! Belongs here: the connection, what is heard over it, what went wrong. Does not: what is asked of a call (`calls`), what is known of it (`known`).
//!
//! Nobody sleeps with the connection in hand but a control that waits for its answer: whoever waits for events sleeps beside it, so that a
//! control from another thread is answered at once. What a control hears meanwhile rings for whoever sleeps.
//!
//! Locks are taken in this order, and the last one is never held while anything is waited for: `waiting`, `line`, `told`.

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

pub use calls::{Begun, GoneOn, Room};

use crate::{
    bell::Bell,
    fork::Origin,
    known::{Known, Status},
};
use retrocall_client::client::{Client, ClientError, PlayError};
use retrocall_words::{Answer, CallId, Clock as _, EndedBy, Event, Refusal, SystemClock};

/// How long an engine that is there may take to greet.
const HELLO_MAX: Duration = Duration::from_secs(30);
/// How often a look at the connection is repeated while something comes: an engine that never stops talking must not stop us.
const LOOKS_MAX: usize = 64;

/// What became of what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Accepted,
    /// It was so before.
    Already,
    /// Not done: the error says why.
    Refused,
    /// There is no connection any more, or the call has ended.
    Gone,
    /// It can't be asked so.
    Wrong,
}

/// A connection, for whoever has a call of it.
pub struct Desk {
    number: u64,
    origin: Origin,
    socket: PathBuf,
    /// None if the system had no descriptors for it: there is no connection then.
    bell: Option<Bell>,
    /// One thread at a time hears what the engine says, if nobody asks.
    waiting: Mutex<()>,
    line: Mutex<Option<Client>>,
    told: Mutex<Told>,
    /// How often the connection was lost.
    losses: AtomicU64,
}

/// What was heard.
#[derive(Default)]
struct Told {
    calls: HashMap<u64, Known>,
    last_key: u64,
    /// Counts what was heard, and how much of it those know who wait.
    heard: u64,
    waited: u64,
    /// What is wrong with the connection or a call, whoever heard it.
    trouble: String,
}

thread_local! {
    /// What went wrong last in this thread. In each thread its own, or one would read what another one overwrites.
    static SAID: RefCell<Said> = RefCell::default();
}

#[derive(Default)]
struct Said {
    /// With which desk.
    desk: u64,
    /// How often its connection had been lost by then.
    losses: u64,
    text: CString,
}

impl Desk {
    /// Connects. If that fails, the error says why, and every request is answered with [`Outcome::Gone`].
    pub fn connect(socket: &Path) -> Desk {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let bell = Bell::new();
        let no_bell =
            bell.as_ref().err().map(|cause| format!("the system gives no descriptors for a connection ({cause})"));
        let desk = Desk {
            number: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            origin: Origin::here(),
            socket: socket.to_owned(),
            bell: bell.ok(),
            waiting: Mutex::default(),
            line: Mutex::default(),
            told: Mutex::default(),
            losses: AtomicU64::new(0),
        };
        let connected = match no_bell {
            Some(why) => Err(why),
            None => desk.open(&mut desk.line.lock(), HELLO_MAX).map_err(|error| error.to_string()),
        };
        if let Err(why) = connected {
            desk.trouble(&why);
        }
        desk
    }

    /// Whether this process made it: a child after `fork` must leave all of it alone.
    pub fn is_of_this_process(&self) -> bool {
        self.origin.is_here()
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.line.lock().is_some()
    }

    /// Notes what went wrong, in this thread.
    pub fn say(&self, text: &str) {
        let losses = self.losses.load(Ordering::Relaxed);
        let _ = SAID.try_with(|said| *said.borrow_mut() = Said { desk: self.number, losses, text: words(text) });
    }

    /// What went wrong last: in this thread, unless the connection was lost since, or else with the connection or one of its calls. There for as
    /// long as this thread asks nothing else.
    pub fn error(&self) -> *const c_char {
        let own = SAID.try_with(|said| {
            let mut said = said.borrow_mut();
            let losses = self.losses.load(Ordering::Relaxed);
            if said.desk != self.number || said.losses != losses || said.text.is_empty() {
                *said = Said { desk: self.number, losses, text: words(&self.told.lock().trouble) };
            }
            said.text.as_ptr()
        });
        own.unwrap_or(c"".as_ptr())
    }

    /// The agent that this user is, if it may act for one alone.
    pub fn own_agent(&self) -> Option<String> {
        self.line.lock().as_ref()?.hello().agent.clone()
    }

    /// A descriptor to poll: readable when [`Desk::wait`] has something to say.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.bell.as_ref().map(Bell::descriptor)
    }

    /// Hears what the engine says, until something is said or the time is over.
    pub fn wait(&self, time: Duration) -> Outcome {
        let deadline = SystemClock.now() + time;
        let Some(bell) = &self.bell else { return Outcome::Gone };
        let known = self.told.lock().waited;
        let Some(_turn) = self.waiting.try_lock_until(deadline) else { return Outcome::Accepted };
        loop {
            // What rings from here on is heard by the next sleep.
            bell.clear();
            let Some(mut line) = self.line.try_lock_until(deadline) else { return Outcome::Accepted };
            let outcome = self.take_in(&mut line);
            drop(line);
            let mut told = self.told.lock();
            if outcome == Outcome::Gone {
                told.waited = told.heard;
                self.say(&told.trouble);
                return Outcome::Gone;
            }
            let left = SystemClock.until(deadline);
            if told.heard != known || left.is_zero() {
                told.waited = told.heard;
                return Outcome::Accepted;
            }
            drop(told);
            bell.sleep(left);
        }
    }

    /// How a call is. What has come is taken in; nothing is waited for.
    pub fn status(&self, key: u64) -> Status {
        let is_connected = match self.line.try_lock() {
            Some(mut line) => {
                let before = self.told.lock().heard;
                self.take_in(&mut line);
                if self.told.lock().heard != before {
                    self.ring();
                }
                line.is_some()
            }
            // Whoever has it asks something, and takes in what comes.
            None => true,
        };
        self.of(key, |known| known.status(is_connected)).unwrap_or_default()
    }

    /// Where the recording of a call is.
    pub fn kept(&self, key: u64) -> Option<PathBuf> {
        self.of(key, |known| known.kept.clone()).flatten()
    }

    /// The id of the call that a call goes on with.
    pub fn continues(&self, key: u64) -> Option<CallId> {
        self.of(key, |known| known.continues()).flatten()
    }

    /// Forgets a call.
    pub fn forget(&self, key: u64) {
        self.told.lock().calls.remove(&key);
    }

    /// Closes the connection.
    pub fn close(&self) {
        self.lose(&mut self.line.lock(), "the connection was closed");
    }

    /// Does something with what is known of a call.
    fn of<T>(&self, key: u64, does: impl FnOnce(&mut Known) -> T) -> Option<T> {
        self.told.lock().calls.get_mut(&key).map(does)
    }

    /// Connects, in place of nothing.
    fn open(&self, line: &mut Option<Client>, limit: Duration) -> Result<(), ClientError> {
        let client = Client::connect_within(&self.socket, limit)?;
        if let Some(bell) = &self.bell {
            bell.watch(client.as_fd()).map_err(|cause| ClientError::Broken { cause })?;
        }
        self.told.lock().trouble.clear();
        *line = Some(client);
        Ok(())
    }

    /// Does something with the connection, and takes in what came meanwhile. An error is the end of it.
    fn with<T>(
        &self,
        line: &mut Option<Client>,
        does: impl FnOnce(&mut Client) -> Result<T, PlayError>,
    ) -> Result<T, Outcome> {
        let Some(client) = line else {
            let trouble = self.told.lock().trouble.clone();
            self.say(&trouble);
            return Err(Outcome::Gone);
        };
        let done = does(client);
        let events: Vec<Event> = client.events().collect();
        if self.hear(&events) {
            self.ring();
        }
        done.map_err(|error| match error {
            PlayError::Refused(answer) => self.refused(&answer),
            // It has a connection, but no memory of its own for this.
            PlayError::Client(error @ ClientError::Memory { .. }) => {
                self.say(&error.to_string());
                Outcome::Refused
            }
            error => {
                self.lose(line, &error.to_string());
                Outcome::Gone
            }
        })
    }

    /// Takes in what has come, without waiting. An error is the end of the connection.
    fn take_in(&self, line: &mut Option<Client>) -> Outcome {
        let Some(client) = line else { return Outcome::Gone };
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
                Outcome::Gone
            }
            None => Outcome::Accepted,
        }
    }

    /// Takes in events. Returns whether there was one.
    fn hear(&self, events: &[Event]) -> bool {
        if events.is_empty() {
            return false;
        }
        let mut told = self.told.lock();
        told.heard += 1;
        for event in events {
            told.calls.values_mut().for_each(|known| known.hear(event));
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
            text.clone_into(&mut told.trouble);
            self.say(text);
        }
        true
    }

    /// The connection is over.
    fn lose(&self, line: &mut Option<Client>, why: &str) {
        if let (Some(client), Some(bell)) = (line.take(), &self.bell) {
            bell.forget(client.as_fd());
        }
        let mut told = self.told.lock();
        told.heard += 1;
        told.calls.values_mut().for_each(Known::lose);
        drop(told);
        self.losses.fetch_add(1, Ordering::Relaxed);
        self.trouble(why);
        self.ring();
    }

    /// Notes what is wrong with the connection, for every thread.
    fn trouble(&self, why: &str) {
        why.clone_into(&mut self.told.lock().trouble);
        self.say(why);
    }

    fn ring(&self) {
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }

    /// What a refusal is, and says.
    fn refused(&self, answer: &Answer) -> Outcome {
        let reason = answer.reason.map(|reason| reason.to_string());
        self.say(answer.text.as_deref().or(reason.as_deref()).unwrap_or("the engine refuses it: see its log"));
        match answer.reason {
            Some(Refusal::Malformed) => Outcome::Wrong,
            _ => Outcome::Refused,
        }
    }
}

/// Text as C has it: what comes from the engine has no zeros.
fn words(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).expect("the zeros are gone")
}
