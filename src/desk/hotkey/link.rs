//! The connection to the engine: it is kept, so that a press costs one round trip, and renewed when it is needed.
//!
//! Belongs here: connecting and asking. Does not: which key asks what. Nothing wakes up while no key is pressed; the next press finds an
//! engine that came back.

use std::{
    os::fd::{AsFd, BorrowedFd},
    path::PathBuf,
    time::Duration,
};

use retrocall_client::client::{Client, ClientError, Hello};
use retrocall_words::{Answer, Ask, Clock as _, Event, Request, SystemClock, Target};

/// Limit for the greeting and for an answer: somebody waits with a finger on the key.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// The connection to the engine, if there is one.
pub struct Link {
    socket: PathBuf,
    client: Option<Client>,
}

/// The outcome of a request.
pub(super) struct Exchange {
    pub came: Result<Answer, ClientError>,
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

    /// Asks. If the engine of this connection has gone, asks the one that is there now: every request here may be asked twice.
    pub(super) fn ask(&mut self, target: &Target, ask: &Ask) -> Exchange {
        let kept = self.client.is_some();
        let first = self.ask_once(target, ask);
        match first {
            Err(ClientError::Closed | ClientError::Broken { .. }) if kept => {
                Exchange { came: self.ask_once(target, ask), twice: true }
            }
            came => Exchange { came, twice: false },
        }
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

    /// Readable when the engine has said something or has gone; none without a connection.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.client.as_ref().map(AsFd::as_fd)
    }

    /// The events that have come. Drops the connection if the engine has gone.
    pub(super) fn events(&mut self) -> Vec<Event> {
        let Some(client) = &mut self.client else { return Vec::new() };
        let gone = client.rest(SystemClock.now()).is_err();
        let events = client.events().collect();
        if gone {
            self.client = None;
        }
        events
    }
}
