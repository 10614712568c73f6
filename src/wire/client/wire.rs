//! The client's socket: it never blocks, and buffers what waits in either direction.
//!
//! Belongs here: bytes and whole messages. Does not: which answer belongs to which request (`mod`).

use std::{
    collections::VecDeque,
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        socket::{MsgFlags, send},
        time::TimeSpec,
    },
};
use serde::Deserialize;

use super::ClientError;
use crate::protocol::{AudioHead, HEAD_BYTES, Head, Kind, audio_message, control_message};
use retrocall_shared::receive;
use retrocall_words::{
    Answer, Event,
    audio::{Leg, wipe},
};

/// Bytes that one turn reads at most: an engine that never stops talking must not keep us from our own work.
const READ_BYTES_MAX: usize = 1024 * 1024;
/// Descriptors that can wait for their answers.
const DESCRIPTORS_MAX: usize = 64;

/// A message of the engine.
pub(super) enum Message {
    /// The answer to a request.
    Answer(Box<Answer>),
    /// An event.
    Event(Event),
    /// A newer engine closes the connection, for a reason that this version does not know: its words.
    LaterFault(String),
    /// An event of a newer engine, which this version does not know.
    Unknown,
}

/// The first look at a control message.
#[derive(Deserialize)]
struct Peek {
    #[serde(default)]
    event: Option<serde::de::IgnoredAny>,
}

/// An `error` whose word this version does not know.
#[derive(Deserialize)]
struct LaterFault {
    event: String,
    text: String,
}

pub(super) struct Wire {
    stream: UnixStream,
    out: Vec<u8>,
    /// Bytes of `out` that the kernel has taken.
    sent: usize,
    inbox: Vec<u8>,
    /// Descriptors that nobody has taken yet, oldest first.
    descriptors: VecDeque<OwnedFd>,
    /// Bytes of `inbox` that were taken as messages.
    taken: usize,
    /// The engine reads nothing more. Its last words may still be on their way to us.
    deaf: bool,
    /// A copy of all that comes, if somebody asked for one.
    came: Option<Vec<u8>>,
}

impl Wire {
    pub(super) fn connect(socket: &Path) -> Result<Wire, ClientError> {
        let failed = |cause: io::Error| match cause.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::NoEngine { socket: socket.to_owned() }
            }
            io::ErrorKind::PermissionDenied => ClientError::NotAllowed { socket: socket.to_owned() },
            _ => ClientError::Connect { socket: socket.to_owned(), cause },
        };
        Wire::over(UnixStream::connect(socket).map_err(failed)?)
    }

    pub(super) fn over(stream: UnixStream) -> Result<Wire, ClientError> {
        stream.set_nonblocking(true).map_err(|cause| ClientError::Broken { cause })?;
        let (out, inbox, descriptors) = (Vec::new(), Vec::new(), VecDeque::new());
        Ok(Wire { stream, out, sent: 0, inbox, descriptors, taken: 0, deaf: false, came: None })
    }

    pub(super) fn keep_what_comes(&mut self) {
        self.came = Some(self.inbox[self.taken..].to_vec());
    }

    pub(super) fn came(&self) -> &[u8] {
        self.came.as_deref().unwrap_or_default()
    }

    pub(super) fn queue_control(&mut self, json: &[u8]) {
        control_message(json, &mut self.out);
    }

    pub(super) fn queue_audio(&mut self, leg: Leg, head: AudioHead, samples: &[u8]) {
        audio_message(leg, head, samples, &mut self.out);
    }

    /// Bytes that wait to be written.
    pub(super) fn queued_bytes(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Writes what can be written and reads what is there, without waiting. False once the engine has closed.
    pub(super) fn turn(&mut self) -> Result<bool, ClientError> {
        self.write()?;
        self.read()
    }

    /// The descriptor that came first and was not taken yet.
    pub(super) fn take_descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }

    fn write(&mut self) -> Result<(), ClientError> {
        while self.sent < self.out.len() && !self.deaf {
            // Without the flag, writing to an engine that has gone would end the softphone with a signal.
            let sent = send(self.stream.as_raw_fd(), &self.out[self.sent..], MsgFlags::MSG_NOSIGNAL);
            match sent.map_err(io::Error::from) {
                Ok(bytes) => self.sent += bytes,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(()),
                    io::ErrorKind::Interrupted => {}
                    // The engine says why before it closes: read on.
                    io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => self.deaf = true,
                    _ => return Err(ClientError::Broken { cause: error }),
                },
            }
        }
        if self.sent == self.out.len() && self.sent > 0 {
            // It held audio.
            wipe(&mut self.out);
            self.out.clear();
            self.sent = 0;
        }
        Ok(())
    }

    fn read(&mut self) -> Result<bool, ClientError> {
        let mut chunk = [0; 16 * 1024];
        let mut bytes_read = 0;
        while bytes_read < READ_BYTES_MAX {
            match receive(&self.stream, &mut chunk, &mut self.descriptors) {
                Ok(0) => return Ok(false),
                Ok(bytes) => {
                    bytes_read += bytes;
                    self.descriptors.truncate(DESCRIPTORS_MAX);
                    self.inbox.extend_from_slice(&chunk[..bytes]);
                    if let Some(came) = &mut self.came {
                        came.extend_from_slice(&chunk[..bytes]);
                    }
                    if bytes < chunk.len() {
                        break;
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => break,
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::ConnectionReset => return Ok(false),
                    _ => return Err(ClientError::Broken { cause: error }),
                },
            }
        }
        Ok(true)
    }

    /// Sleeps until the socket can be read, or written if bytes wait, or `timeout` is over.
    pub(super) fn sleep(&self, timeout: Duration) -> Result<(), ClientError> {
        let mut flags = PollFlags::POLLIN;
        if self.queued_bytes() > 0 && !self.deaf {
            flags |= PollFlags::POLLOUT;
        }
        let mut fds = [PollFd::new(self.stream.as_fd(), flags)];
        match ppoll(&mut fds, Some(TimeSpec::from_duration(timeout)), None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(ClientError::Broken { cause: errno.into() }),
        }
    }

    /// The next whole message that came.
    pub(super) fn next_message(&mut self) -> Result<Option<Message>, ClientError> {
        let waiting = &self.inbox[self.taken..];
        let Some((head, rest)) = waiting.split_first_chunk::<HEAD_BYTES>() else {
            self.tidy();
            return Ok(None);
        };
        let head = Head::parse_from_engine(*head)?;
        if head.kind != Kind::Control {
            return Err(ClientError::NotAnEngine { what: "it sent audio".to_owned() });
        }
        let Some(json) = rest.get(..head.payload_bytes) else {
            self.tidy();
            return Ok(None);
        };
        let message = parse(json)?;
        self.taken += HEAD_BYTES + head.payload_bytes;
        Ok(Some(message))
    }

    /// Drops what was taken: what stays is part of one message.
    fn tidy(&mut self) {
        self.inbox.drain(..self.taken);
        self.taken = 0;
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn parse(json: &[u8]) -> Result<Message, ClientError> {
    // serde_json's text may quote the message; the column does not.
    let wrong = |error: serde_json::Error| ClientError::NotAnEngine {
        what: format!("a message of {} bytes can't be read (column {})", json.len(), error.column()),
    };
    let peek: Peek = serde_json::from_slice(json).map_err(wrong)?;
    if peek.event.is_none() {
        return Ok(Message::Answer(serde_json::from_slice(json).map_err(wrong)?));
    }
    if let Ok(event) = serde_json::from_slice(json) {
        return Ok(Message::Event(event));
    }
    // This version does not know the event. If it says why the connection ends, people should read that.
    Ok(match serde_json::from_slice(json) {
        Ok(LaterFault { event, text }) if event == "error" => Message::LaterFault(text),
        _ => Message::Unknown,
    })
}
