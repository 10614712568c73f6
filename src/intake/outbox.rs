//! What a connection is still to be told.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use tokio::{io::AsyncWriteExt, net::UnixStream, sync::Notify};
use tracing::warn;

use crate::{
    engine::Listener,
    protocol::{Answer, Event, control_message},
};

/// Bytes that may wait for a client that does not read. One long list of calls fits.
const WAITING_BYTES_MAX: usize = 20 * 1024 * 1024;
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
    /// Answers from the first one that is not known yet: they go out in the order of their requests.
    held_back: VecDeque<Option<Vec<u8>>>,
    /// The number of the first one of these.
    first: u64,
    /// Nothing more is taken; what waits still goes out.
    closed: bool,
}

impl Waiting {
    fn is_too_much(&self) -> bool {
        self.bytes.len() > WAITING_BYTES_MAX || self.held_back.len() > HELD_BACK_MAX
    }
}

impl Outbox {
    /// An answer.
    pub(super) fn answer(&self, answer: &Answer) {
        let json = serde_json::to_vec(answer).expect("an answer is JSON");
        self.put(|waiting| {
            if waiting.held_back.is_empty() {
                control_message(&json, &mut waiting.bytes);
            } else {
                waiting.held_back.push_back(Some(json));
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
            waiting.held_back[at] = Some(json);
            while let Some(Some(_)) = waiting.held_back.front() {
                let json = waiting.held_back.pop_front().flatten().expect("it was just seen");
                control_message(&json, &mut waiting.bytes);
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
            let (bytes, closed) = {
                let mut waiting = self.waiting.lock();
                (std::mem::take(&mut waiting.bytes), waiting.closed)
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
                written = stream.write_all(&bytes) => written.is_err().then_some(Written::Gone),
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
