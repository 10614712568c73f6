//! What can go wrong between a client and the engine.

use std::{fmt, io, path::PathBuf, time::Duration};

use super::WavError;
use crate::protocol::{HeadError, VERSION};
use retrocall_words::{Answer, ErrorCode};

/// What went wrong between us and the engine.
#[derive(Debug)]
pub enum ClientError {
    /// Nothing listens there.
    NoEngine {
        /// Where.
        socket: PathBuf,
    },
    /// The socket is there, and this user may not use it.
    NotAllowed {
        /// Where.
        socket: PathBuf,
    },
    /// The system can't connect to this path, or not now.
    Connect {
        /// Where.
        socket: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The connection broke.
    Broken {
        /// What the system said.
        cause: io::Error,
    },
    /// The engine closed the connection without a word.
    Closed,
    /// The engine closed the connection and said why.
    Refused {
        /// Why, as a word.
        error: ErrorCode,
        /// Why, for people.
        text: String,
    },
    /// The engine closed the connection and said why, with a word that only later versions know.
    RefusedOtherwise {
        /// Why, for people.
        text: String,
    },
    /// The engine speaks another version of the protocol.
    Version {
        /// The version it speaks.
        engine: u8,
    },
    /// What came is not what an engine sends.
    NotAnEngine {
        /// What is wrong with it.
        what: String,
    },
    /// The shared memory that the engine sent can't be mapped.
    Memory {
        /// What the system said.
        cause: io::Error,
    },
    /// Nothing came, or nothing was taken, for too long.
    Silent {
        /// How long.
        waited: Duration,
    },
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::NoEngine { socket } => {
                write!(f, "no engine listens on {}: start it with `retrocall run`", socket.display())
            }
            ClientError::NotAllowed { socket } => write!(
                f,
                "you may not use {}: ask the engine's owner to set `socket_group` to a group that you are in",
                socket.display()
            ),
            // The system gives a socket's path 108 bytes; its own words for that don't say so.
            ClientError::Connect { socket, cause } if cause.kind() == io::ErrorKind::InvalidInput => write!(
                f,
                "{} is too long for the path of a socket (107 bytes): set a shorter one as `socket` in retrocall.toml",
                socket.display()
            ),
            ClientError::Connect { socket, cause } => {
                write!(f, "can't connect to {} ({cause}): see `retrocall doctor`", socket.display())
            }
            ClientError::Broken { cause } => write!(f, "the connection to the engine broke ({cause}): is it running?"),
            ClientError::Closed => f.write_str("the engine closed the connection: see the engine's log"),
            ClientError::Refused { text, .. } | ClientError::RefusedOtherwise { text } => {
                write!(f, "the engine closed the connection: {text}")
            }
            ClientError::Version { engine } => write!(
                f,
                "the engine speaks version {engine} of the protocol, this program version {VERSION}: install the same \
                 retrocall for both"
            ),
            ClientError::NotAnEngine { what } => {
                write!(f, "what listens there is no retrocall engine: {what}; check `socket` in retrocall.toml")
            }
            ClientError::Memory { cause } => {
                write!(f, "can't map the memory that the engine shares ({cause}): send the frames over the socket")
            }
            ClientError::Silent { waited } => {
                write!(f, "the engine has been silent for {} s: see the engine's log", waited.as_secs())
            }
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ClientError::Connect { cause, .. } | ClientError::Broken { cause } | ClientError::Memory { cause } => {
                Some(cause)
            }
            _ => None,
        }
    }
}

impl From<HeadError> for ClientError {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Version(engine) => ClientError::Version { engine },
            other => ClientError::NotAnEngine { what: other.to_string() },
        }
    }
}

/// Why a call could not be played to its end.
#[derive(Debug)]
pub enum PlayError {
    /// The engine does not take the call.
    Refused(Box<Answer>),
    /// The connection failed.
    Client(ClientError),
    /// The file failed.
    Source(WavError),
}

impl fmt::Display for PlayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlayError::Refused(answer) => match (&answer.text, answer.reason) {
                (Some(text), _) => write!(f, "the engine does not take the call: {text}"),
                (None, Some(reason)) => write!(f, "the engine does not take the call: {reason}"),
                (None, None) => f.write_str("the engine does not take the call: see the engine's log"),
            },
            PlayError::Client(error) => error.fmt(f),
            PlayError::Source(error) => write!(f, "the file {error}"),
        }
    }
}

impl std::error::Error for PlayError {}

impl From<ClientError> for PlayError {
    fn from(error: ClientError) -> Self {
        PlayError::Client(error)
    }
}

impl From<WavError> for PlayError {
    fn from(error: WavError) -> Self {
        PlayError::Source(error)
    }
}
