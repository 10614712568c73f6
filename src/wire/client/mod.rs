//! A client of the local socket, for our own commands and for softphones in Rust.
//!
//! Belongs here: connecting, asking, sending audio, hearing events, and a softphone that plays a file.
//! Does not: engine internals, what is printed, exit codes.

mod call;
mod error;
mod player;
mod shared_leg;
mod wav;
mod wire;

use std::{
    collections::VecDeque,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

pub use call::{Call, Return};
pub use error::{ClientError, PlayError};
pub use player::{Cue, CueOutcome, PlayReport, Player, Script};
pub use shared_leg::{PushResult, SharedLeg};
pub use wav::{WavError, WavSource};

use crate::protocol::{AudioHead, VERSION};
use retrocall_words::{
    Answer, Ask, Clock as _, ErrorCode, Event, Limits, Request, SystemClock, Target, Verdict, audio::Leg,
};
use wire::{Message, Wire};

/// Limit for the greeting: the engine may be accepting a thousand others first.
const HELLO_MAX: Duration = Duration::from_secs(30);
/// Limit for an answer, and for the engine to take what is sent. `erase-last` waits for the disk.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Audio is written in runs of about this size, because a system call costs more than a frame.
const OUT_BYTES: usize = 64 * 1024;
/// Events that wait to be taken at most. Beyond that the oldest are dropped.
const EVENTS_MAX: usize = 4096;

/// The engine's greeting.
#[derive(Debug, Clone, PartialEq)]
pub struct Hello {
    /// Version of the engine.
    pub engine: String,
    /// The agent whose calls this user may control; none for a user who may control all.
    pub agent: Option<String>,
    /// The engine's limits.
    pub limits: Limits,
}

/// A connection to the engine.
///
/// It blocks, and has no thread of its own. While it waits it writes and reads, so a client that floods audio still takes in answers and
/// events, and the two ends never wait for each other.
pub struct Client {
    wire: Wire,
    /// Where the engine listens, if it is known.
    socket: Option<PathBuf>,
    hello: Hello,
    last_id: u64,
    answers: VecDeque<Answer>,
    events: VecDeque<Event>,
    /// The engine's `error` event, which says why it is about to close; without a code if this version does not know the code.
    fault: Option<(Option<ErrorCode>, String)>,
    /// An answer did not come in time, so later answers can't be matched to requests.
    lost_count: bool,
}

impl Client {
    /// Connects to the engine that listens on `socket`, and checks that it speaks this version.
    ///
    /// # Errors
    /// [`ClientError`] if no engine listens there, if this user may not use it, or if it speaks another version.
    pub fn connect(socket: &Path) -> Result<Client, ClientError> {
        Client::connect_within(socket, HELLO_MAX)
    }

    /// As [`Client::connect`], with another limit for the greeting.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn connect_within(socket: &Path, limit: Duration) -> Result<Client, ClientError> {
        Client::greeted(Wire::connect(socket)?, Some(socket), limit)
    }

    /// Replaces a lost connection by one to the engine that listens there now. What was not sent or heard is lost.
    ///
    /// # Errors
    /// As [`Client::connect`]; the connection stays as it was then.
    pub fn reconnect(&mut self) -> Result<(), ClientError> {
        let Some(socket) = self.socket.clone() else { return Err(ClientError::Closed) };
        *self = Client::connect(&socket)?;
        Ok(())
    }

    /// As [`Client::connect`], over a stream whose other end an engine has or is about to get.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn over(stream: UnixStream) -> Result<Client, ClientError> {
        Client::greeted(Wire::over(stream)?, None, HELLO_MAX)
    }

    fn greeted(wire: Wire, socket: Option<&Path>, limit: Duration) -> Result<Client, ClientError> {
        let nothing =
            Limits { control_bytes: 0, frame_samples: 0, rate_hz: [0, 0], grace_ms: 0, ahead_ms: 0, calls: 0 };
        let mut client = Client {
            wire,
            socket: socket.map(Path::to_owned),
            hello: Hello { engine: String::new(), agent: None, limits: nothing },
            last_id: 0,
            answers: VecDeque::new(),
            events: VecDeque::new(),
            fault: None,
            lost_count: false,
        };
        let first = client.wait(limit, |client| client.events.pop_front())?;
        match first {
            Some(Event::Hello { version: VERSION, engine, agent, limits }) => {
                client.hello = Hello { engine, agent, limits };
                Ok(client)
            }
            Some(Event::Hello { version, .. }) => Err(ClientError::Version { engine: version }),
            Some(_) => Err(ClientError::NotAnEngine { what: "its first message is no greeting".to_owned() }),
            None => Err(ClientError::Silent { waited: limit }),
        }
    }

    /// The engine's greeting.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Asks, and waits for the answer. What was sent before takes effect before it; events that come meanwhile are kept for later.
    ///
    /// # Errors
    /// [`ClientError`] if the connection is gone or no answer comes. A refusal is an answer, not an error.
    pub fn ask(&mut self, request: Request) -> Result<Answer, ClientError> {
        self.ask_within(request, ANSWER_MAX)
    }

    /// As [`Client::ask`], with another limit. After an answer that did not come in time this connection can't ask any more: nobody could tell
    /// to which request a later answer belongs.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn ask_within(&mut self, mut request: Request, limit: Duration) -> Result<Answer, ClientError> {
        if self.lost_count {
            return Err(ClientError::Silent { waited: limit });
        }
        self.last_id += 1;
        request.id = Some(self.last_id);
        self.wire.queue_control(&request.to_json());
        let answer = self.wait(limit, |client| client.answers.pop_front())?;
        let answer = answer.ok_or(ClientError::Silent { waited: limit }).inspect_err(|_| self.lost_count = true)?;
        // The engine answers without a number if it could not read the request's.
        match answer.id {
            Some(id) if id != self.last_id => Err(ClientError::NotAnEngine {
                what: format!("request {} got the answer to request {id}", self.last_id),
            }),
            _ => Ok(answer),
        }
    }

    /// Asks for memory into which the call's frames can be written without a system call. Returns both legs, agent first, or the answer that
    /// refuses it. `frame_samples` is the usual length of a frame, 20 ms by default. `depth_ms` is how long the engine can be stopped before a
    /// frame finds no room, half a second by default.
    ///
    /// # Errors
    /// As [`Client::ask`], and [`ClientError::Memory`]. In either case, and after a refusal, frames can be sent over the socket.
    pub fn share(
        &mut self,
        channel: u32,
        frame_samples: Option<usize>,
        depth_ms: Option<u32>,
    ) -> Result<Result<[SharedLeg; 2], Box<Answer>>, ClientError> {
        let answer = self.ask(Request::new(Target::Channel(channel), Ask::Share { frame_samples, depth_ms }))?;
        if answer.answer != Verdict::Accepted {
            return Ok(Err(Box::new(answer)));
        }
        let missing = || ClientError::NotAnEngine { what: "it sent no descriptor of the memory to share".to_owned() };
        let descriptor = self.wire.take_descriptor().ok_or_else(missing)?;
        Ok(Ok(SharedLeg::map(&descriptor)?))
    }

    /// Sends samples of one leg: `bytes` of the call's codec, the first of them at `position`. Kept back until enough is there,
    /// until something is asked, or until [`Client::flush`].
    ///
    /// # Errors
    /// [`ClientError`] if the connection is gone, or if the engine takes nothing for a minute.
    pub fn send_audio(&mut self, leg: Leg, channel: u32, position: u64, bytes: &[u8]) -> Result<(), ClientError> {
        self.wire.queue_audio(leg, AudioHead { channel, position }, bytes);
        if self.wire.queued_bytes() >= OUT_BYTES { self.flush() } else { Ok(()) }
    }

    /// Hands everything that was kept back to the kernel.
    ///
    /// # Errors
    /// As [`Client::send_audio`].
    pub fn flush(&mut self) -> Result<(), ClientError> {
        let done = self.wait(ANSWER_MAX, |client| (client.wire.queued_bytes() == 0).then_some(()))?;
        done.ok_or(ClientError::Silent { waited: ANSWER_MAX })
    }

    /// Flushes, and waits until `until`, taking in what comes.
    ///
    /// # Errors
    /// As [`Client::send_audio`].
    pub fn rest(&mut self, until: Instant) -> Result<(), ClientError> {
        self.flush()?;
        self.wait(SystemClock.until(until), |_| None::<()>)?;
        Ok(())
    }

    /// Keeps every byte that the engine sends from now on. For short tests: the copy grows without end.
    pub fn keep_what_comes(&mut self) {
        self.wire.keep_what_comes();
    }

    /// The bytes since [`Client::keep_what_comes`].
    pub fn came(&self) -> &[u8] {
        self.wire.came()
    }

    /// Takes the events that have come, without waiting.
    pub fn events(&mut self) -> impl Iterator<Item = Event> {
        self.events.drain(..)
    }

    /// The next event, if one comes within `timeout`.
    ///
    /// # Errors
    /// [`ClientError`] if the connection is gone.
    pub fn next_event(&mut self, timeout: Duration) -> Result<Option<Event>, ClientError> {
        self.wait(timeout, |client| client.events.pop_front())
    }

    /// Moves bytes both ways until `done` returns something, or `limit` is over.
    fn wait<T>(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&mut Client) -> Option<T>,
    ) -> Result<Option<T>, ClientError> {
        let deadline = SystemClock.now() + limit;
        loop {
            let open = self.wire.turn()?;
            self.sort()?;
            if let Some(what) = done(self) {
                return Ok(Some(what));
            }
            if !open {
                return Err(self.closed());
            }
            let left = SystemClock.until(deadline);
            if left.is_zero() {
                return Ok(None);
            }
            self.wire.sleep(left)?;
        }
    }

    /// Sorts what came into answers and events.
    fn sort(&mut self) -> Result<(), ClientError> {
        while let Some(message) = self.wire.next_message()? {
            match message {
                Message::Answer(answer) => self.answers.push_back(*answer),
                Message::Event(Event::Error { error, text }) => self.fault = Some((Some(error), text)),
                Message::LaterFault(text) => self.fault = Some((None, text)),
                Message::Event(event) => {
                    if self.events.len() == EVENTS_MAX {
                        self.events.pop_front();
                    }
                    self.events.push_back(event);
                }
                Message::Unknown => {}
            }
        }
        Ok(())
    }

    fn closed(&mut self) -> ClientError {
        match &self.fault {
            Some((Some(error), text)) => ClientError::Refused { error: *error, text: text.clone() },
            Some((None, text)) => ClientError::RefusedOtherwise { text: text.clone() },
            None => ClientError::Closed,
        }
    }
}

impl AsFd for Client {
    /// Readable when the engine says something or has gone; [`Client::rest`] then takes it in.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wire.as_fd()
    }
}

#[cfg(test)]
mod tests;
