//! The engine, asked over its socket in the name of whoever is logged in: it decides what they may.
//!
//! Belongs here: connecting, and asking. Does not: what is asked, and what is said of the answer (the pages).

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use retrocall_client::client::{Client, ClientError};
use retrocall_words::{Answer, Ask, InNameOf, Request, Target};

/// How long an engine that listens may take to greet: a person waits.
const HELLO_WAIT: Duration = Duration::from_secs(2);
/// How long it may take to answer. What becomes silent in a file waits for the disk, for 10 s at most.
const ANSWER_WAIT: Duration = Duration::from_secs(12);

/// No engine answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoEngine;

/// The engine's socket.
pub(crate) struct Engine {
    socket: PathBuf,
}

impl Engine {
    pub(crate) fn at(socket: &Path) -> Engine {
        Engine { socket: socket.to_owned() }
    }

    /// A connection in the name of an account: it has that account's rights from here on, and no others. Waits for the engine.
    ///
    /// # Errors
    /// That none answers.
    pub(crate) fn in_name_of(&self, account: &str) -> Result<InName, NoEngine> {
        let mut in_name = InName { client: Client::connect_within(&self.socket, HELLO_WAIT).map_err(no_engine)? };
        // Refused, whatever is asked next is refused for the same reason.
        in_name.ask(Target::Own, Ask::As(InNameOf::User(account.to_owned())))?;
        Ok(in_name)
    }
}

/// A connection in somebody's name.
pub(crate) struct InName {
    client: Client,
}

impl InName {
    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// That none comes.
    pub(crate) fn ask(&mut self, target: Target, ask: Ask) -> Result<Answer, NoEngine> {
        let answer = self.client.ask_within(Request::new(target, ask), ANSWER_WAIT).map_err(no_engine);
        // What is told beside it, the page learns by asking.
        self.client.events().for_each(drop);
        answer
    }
}

fn no_engine(error: ClientError) -> NoEngine {
    match error {
        // It says so itself where it is started and stopped.
        ClientError::NoEngine { .. } => {}
        error => tracing::warn!("the engine does not answer the pages: {error}"),
    }
    NoEngine
}
