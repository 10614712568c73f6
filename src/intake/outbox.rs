//! What a connection is still to be told.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::{io::AsyncWriteExt, net::UnixStream, sync::Notify};

use crate::{
    engine::Listener,
    protocol::{Answer, Event, control_message},
};

/// Bytes that may wait for a client that does not read. One long list of calls fits.
const WAITING_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Messages that may wait besides.
const WAITING_MESSAGES_MAX: usize = 10_000;

/// Answers and events on their way to a client. Whoever puts them in never waits.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    messages: usize,
    /// Nothing more is taken; what waits still goes out.
    closed: bool,
    /// The client let too much wait: what waits is given up.
    overflown: bool,
}

impl Outbox {
    /// An answer.
    pub(super) fn answer(&self, answer: &Answer) {
        self.put(&serde_json::to_vec(answer).expect("an answer is JSON"));
    }

    fn put(&self, json: &[u8]) {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return;
        }
        waiting.messages += 1;
        if waiting.messages > WAITING_MESSAGES_MAX || waiting.bytes.len() + json.len() > WAITING_BYTES_MAX {
            (waiting.closed, waiting.overflown) = (true, true);
            waiting.bytes = Vec::new();
        } else {
            control_message(json, &mut waiting.bytes);
        }
        drop(waiting);
        self.filled.notify_one();
    }

    /// Takes nothing more. What waits still goes out.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.filled.notify_one();
    }

    /// Writes what comes until it is closed and empty. False if the client was not reading, or is gone.
    pub(super) async fn write_to(self: Arc<Outbox>, mut stream: UnixStream) -> bool {
        loop {
            let (bytes, closed, overflown) = {
                let mut waiting = self.waiting.lock();
                waiting.messages = 0;
                (std::mem::take(&mut waiting.bytes), waiting.closed, waiting.overflown)
            };
            if overflown {
                return false;
            }
            if bytes.is_empty() {
                if closed {
                    let _ = stream.shutdown().await;
                    return true;
                }
                self.filled.notified().await;
            } else if stream.write_all(&bytes).await.is_err() {
                self.close();
                return false;
            }
        }
    }
}

impl Listener for Outbox {
    fn tell(&self, event: &Event) {
        self.put(&serde_json::to_vec(event).expect("an event is JSON"));
    }
}
