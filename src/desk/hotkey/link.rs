//! The connection to the engine: it is kept, so that a press costs one round trip, and renewed when it is needed.
//!
//! Belongs here: connecting and asking. Does not: which key asks what. Nothing wakes up while no key is pressed; the next press finds an
//! engine that came back.

use std::{
    fmt,
    os::fd::{AsFd, BorrowedFd},
    path::PathBuf,
    time::Duration,
};

use retrocall_client::client::{Client, ClientError, Hello};
use retrocall_words::{Answer, Ask, Clock as _, Event, Request, SystemClock, Target};

/// Limit for the greeting and for an answer: somebody waits with a finger on the key.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Why a press has no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// The engine beside gives none.
    Engine(ClientError),
    /// It could not be brought to the engine of the call, or not be done from here: nothing was done.
    NotDone(String),
    /// Nobody knows whether it was done.
    Unknown,
}

impl Unanswered {
    /// Whether nobody can have done it.
    pub fn is_not_done(&self) -> bool {
        matches!(self, Unanswered::Engine(ClientError::NoEngine { .. }) | Unanswered::NotDone(_))
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unanswered::Engine(error) => error.fmt(f),
            Unanswered::NotDone(why) => f.write_str(why),
            Unanswered::Unknown => f.write_str("no answer came in time: it is not known whether it was done"),
        }
    }
}

/// Whoever does what is pressed: the engine beside, or a centre that brings it to the engine of the call.
pub trait Recorder {
    /// Asks, and waits for the answer.
    fn ask(&mut self, target: &Target, ask: &Ask) -> Exchange;

    /// Readable when it has said something or has gone; none if it says nothing by itself.
    fn fd(&self) -> Option<BorrowedFd<'_>>;

    /// The events that have come.
    fn events(&mut self) -> Vec<Event>;
}

/// The connection to the engine, if there is one.
pub struct Link {
    socket: PathBuf,
    client: Option<Client>,
}

/// The outcome of a request.
pub struct Exchange {
    /// The answer, or why there is none.
    pub came: Result<Answer, Unanswered>,
    /// It was asked twice: the first engine may have done it, and gone before it answered.
    pub twice: bool,
}

impl Link {
    /// For the engine that listens on `socket`, or will.
    pub fn new(socket: PathBuf) -> Link {
        Link { socket, client: None }
    }

    /// Connects, unless it is.
    ///
    /// # Errors
    /// [`ClientError`] if no engine is there, or if it may not be used.
    pub fn connect(&mut self) -> Result<&Hello, ClientError> {
        Ok(self.client()?.hello())
    }

    fn client(&mut self) -> Result<&mut Client, ClientError> {
        let client = match self.client.take() {
            Some(client) => client,
            None => Client::connect_within(&self.socket, ANSWER_MAX)?,
        };
        Ok(self.client.insert(client))
    }

    fn ask_once(&mut self, target: &Target, ask: &Ask) -> Result<Answer, ClientError> {
        let request = Request::new(target.clone(), ask.clone());
        let came = self.client()?.ask_within(request, ANSWER_MAX);
        if came.is_err() {
            self.client = None;
        }
        // Nobody else needs the number of the request.
        came.map(|answer| Answer { id: None, ..answer })
    }
}

impl Recorder for Link {
    /// If the engine of this connection has gone, asks the one that is there now: every request here may be asked twice.
    fn ask(&mut self, target: &Target, ask: &Ask) -> Exchange {
        let kept = self.client.is_some();
        let (came, twice) = match self.ask_once(target, ask) {
            Err(ClientError::Closed | ClientError::Broken { .. }) if kept => (self.ask_once(target, ask), true),
            came => (came, false),
        };
        Exchange { came: came.map_err(Unanswered::Engine), twice }
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.client.as_ref().map(AsFd::as_fd)
    }

    /// Drops the connection if the engine has gone.
    fn events(&mut self) -> Vec<Event> {
        let Some(client) = &mut self.client else { return Vec::new() };
        let gone = client.rest(SystemClock.now()).is_err();
        let events = client.events().collect();
        if gone {
            self.client = None;
        }
        events
    }
}
