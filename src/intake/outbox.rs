//! What a connection is still to be told.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    os::fd::{AsRawFd, OwnedFd},
    sync::Arc,
};

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncWriteExt, Interest},
    net::UnixStream,
    sync::Notify,
};
use tracing::warn;

use crate::{
    engine::Listener,
    protocol::{Answer, Event, control_message},
};

/// Bytes that may wait for a client that does not read. One long list of calls fits.
const WAITING_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Descriptors that may wait for a client that does not read: they are taken from what all connections need.
const DESCRIPTORS_MAX: usize = 256;
/// Answers that may wait behind one that waits for the disk.
const HELD_BACK_MAX: usize = 10_000;

/// Answers and events on their way to a client. Whoever puts them in never waits.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
    overflown: Notify,
}

/// How the writing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// All there was has been written.
    All,
    /// The client was gone.
    Gone,
    /// The client did not read.
    NotRead,
}

/// The place of an answer that is not known yet.
pub(super) struct Place(u64);

#[derive(Default)]
struct Waiting {
    /// Messages that can go out.
    bytes: Vec<u8>,
    /// Descriptors that go with them, and where in `bytes` the message of each begins.
    descriptors: Vec<(usize, OwnedFd)>,
    /// How many wait, with those of answers that are held back.
    descriptors_waiting: usize,
    /// Answers from the first one that is not known yet: they go out in the order of their requests.
    held_back: VecDeque<Option<Message>>,
    /// The number of the first one of these.
    first: u64,
    /// Nothing more is taken; what waits still goes out.
    closed: bool,
}

/// The JSON of an answer, and the descriptor that goes with it.
type Message = (Vec<u8>, Option<OwnedFd>);

impl Waiting {
    fn is_too_much(&self) -> bool {
        self.bytes.len() > WAITING_BYTES_MAX
            || self.held_back.len() > HELD_BACK_MAX
            || self.descriptors_waiting > DESCRIPTORS_MAX
    }

    /// A message goes out.
    fn let_out(&mut self, (json, descriptor): Message) {
        self.descriptors.extend(descriptor.map(|descriptor| (self.bytes.len(), descriptor)));
        control_message(&json, &mut self.bytes);
    }
}

impl Outbox {
    /// An answer.
    pub(super) fn answer(&self, answer: &Answer) {
        self.answer_with(answer, None);
    }

    /// An answer, and a descriptor that goes with it.
    pub(super) fn answer_with(&self, answer: &Answer, descriptor: Option<OwnedFd>) {
        let message = (serde_json::to_vec(answer).expect("an answer is JSON"), descriptor);
        self.put(|waiting| {
            waiting.descriptors_waiting += usize::from(message.1.is_some());
            if waiting.held_back.is_empty() {
                waiting.let_out(message);
            } else {
                waiting.held_back.push_back(Some(message));
            }
        });
    }

    /// Keeps the place of an answer that comes later: the answers behind it wait for it.
    pub(super) fn place(&self) -> Place {
        let mut waiting = self.waiting.lock();
        waiting.held_back.push_back(None);
        Place(waiting.first + waiting.held_back.len() as u64 - 1)
    }

    /// The answer whose place was kept.
    pub(super) fn fill(&self, place: Place, answer: &Answer) {
        let json = serde_json::to_vec(answer).expect("an answer is JSON");
        self.put(|waiting| {
            let at = (place.0 - waiting.first) as usize;
            waiting.held_back[at] = Some((json, None));
            while let Some(Some(_)) = waiting.held_back.front() {
                let message = waiting.held_back.pop_front().flatten().expect("it was just seen");
                waiting.let_out(message);
                waiting.first += 1;
            }
        });
    }

    fn put(&self, put: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return;
        }
        put(&mut waiting);
        if waiting.is_too_much() {
            waiting.closed = true;
            self.overflown.notify_one();
        }
        drop(waiting);
        self.filled.notify_one();
    }

    /// Takes nothing more. What waits still goes out.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.filled.notify_one();
    }

    /// Writes what comes, until it is closed and empty, or the client does not read, or is gone. Returns how it ended.
    pub(super) async fn write_to(self: Arc<Outbox>, mut stream: UnixStream) -> Written {
        loop {
            let (bytes, descriptors, closed) = {
                let mut waiting = self.waiting.lock();
                waiting.descriptors_waiting -= waiting.descriptors.len();
                (std::mem::take(&mut waiting.bytes), std::mem::take(&mut waiting.descriptors), waiting.closed)
            };
            if bytes.is_empty() {
                if closed {
                    let _ = stream.shutdown().await;
                    return Written::All;
                }
                self.filled.notified().await;
                continue;
            }
            let ended = tokio::select! {
                written = write(&mut stream, &bytes, descriptors) => written.is_err().then_some(Written::Gone),
                () = self.overflown.notified() => {
                    warn!("a connection is closed: the client does not read what it is sent");
                    Some(Written::NotRead)
                }
            };
            if let Some(ended) = ended {
                self.close();
                return ended;
            }
        }
    }
}

/// Writes messages, each descriptor with the first byte of its own.
async fn write(stream: &mut UnixStream, bytes: &[u8], descriptors: Vec<(usize, OwnedFd)>) -> io::Result<()> {
    let mut written = 0;
    for (at, descriptor) in descriptors {
        stream.write_all(&bytes[written..at]).await?;
        let send = || {
            let (piece, raw) = ([IoSlice::new(&bytes[at..=at])], [descriptor.as_raw_fd()]);
            let with = [ControlMessage::ScmRights(&raw)];
            Ok(sendmsg::<()>(stream.as_raw_fd(), &piece, &with, MsgFlags::MSG_NOSIGNAL, None)?)
        };
        written = at + stream.async_io(Interest::WRITABLE, send).await?;
    }
    stream.write_all(&bytes[written..]).await
}

impl Listener for Outbox {
    fn tell(&self, event: &Event) {
        let json = serde_json::to_vec(event).expect("an event is JSON");
        self.put(|waiting| control_message(&json, &mut waiting.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{HEAD_BYTES, Head, Verdict};

    fn ids(outbox: &Outbox) -> Vec<u64> {
        let bytes = std::mem::take(&mut outbox.waiting.lock().bytes);
        let mut rest = &bytes[..];
        let mut ids = Vec::new();
        while let Some((head, after)) = rest.split_first_chunk::<HEAD_BYTES>() {
            let length = Head::parse(*head).expect("a head").payload_bytes;
            let answer: Answer = serde_json::from_slice(&after[..length]).expect("an answer");
            ids.extend(answer.id);
            rest = &after[length..];
        }
        ids
    }

    fn answer(id: u64) -> Answer {
        Answer { id: Some(id), ..Answer::new(Verdict::Accepted) }
    }

    #[test]
    fn answers_go_out_in_the_order_of_their_requests_though_one_waits_for_the_disk() {
        let outbox = Outbox::default();
        outbox.answer(&answer(1));
        let second = outbox.place();
        outbox.answer(&answer(3));
        let fourth = outbox.place();
        outbox.fill(fourth, &answer(4));
        assert_eq!(ids(&outbox), [1]);
        outbox.fill(second, &answer(2));
        assert_eq!(ids(&outbox), [2, 3, 4]);
        outbox.answer(&answer(5));
        let sixth = outbox.place();
        outbox.fill(sixth, &answer(6));
        assert_eq!(ids(&outbox), [5, 6]);
    }
}
