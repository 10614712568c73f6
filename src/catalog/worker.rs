//! The thread `catalog`: opens the file, writes what waits, tries again when it is refused.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use sqlx::{Connection, SqliteConnection};

use super::{
    CallBegun, Note, Trouble,
    file::{self, Identity},
    queue::Queue,
    read, write,
};
use crate::{barrier, priority, protocol::CallId};

/// Notes that go into one transaction at most.
const BATCH_MAX: usize = 1_000;

/// How long after a refusal the file is tried again while the engine stops.
const RETRY_WHEN_CLOSING: Duration = Duration::from_millis(100);

/// What the thread owns.
pub(super) struct Worker {
    queue: Arc<Queue>,
    home: PathBuf,
    path: PathBuf,
    retry: Duration,
    connection: Option<SqliteConnection>,
    /// The file that is open, or was.
    identity: Option<Identity>,
    has_started: bool,
    /// Whether the kernel keeps this thread from writing elsewhere than in the home folder.
    is_barred: bool,
    /// What is being written. Kept until it is durable.
    batch: Vec<Note>,
    /// Calls that have begun and not ended, so that their rows can be written again into a file that was put in the first one's place.
    live: HashMap<CallId, CallBegun>,
}

impl Worker {
    pub(super) fn new(queue: Arc<Queue>, home: PathBuf, retry: Duration) -> Worker {
        let path = file::path(&home);
        let (connection, identity, batch, live) = (None, None, Vec::new(), HashMap::new());
        Worker { queue, home, path, retry, connection, identity, has_started: false, is_barred: false, batch, live }
    }

    /// Works until the catalog is closed.
    pub(super) fn run(mut self) {
        // On this thread alone: SQLite's own thread is made by it and inherits how it gives way, and what the kernel bars it from.
        priority::give_way();
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => return self.queue.end(Some(Trouble::NoThread { cause: error.to_string() })),
        };
        runtime.block_on(self.work());
        self.queue.end(None);
    }

    async fn work(&mut self) {
        loop {
            match self.step().await {
                Ok(true) => {}
                Ok(false) if self.queue.seal_if_done() => break,
                Ok(false) => self.queue.woken().await,
                Err(trouble) => {
                    self.disconnect().await;
                    self.queue.in_trouble(trouble);
                    if !self.queue.pause(self.retry, RETRY_WHEN_CLOSING).await {
                        break;
                    }
                }
            }
        }
        self.disconnect().await;
    }

    /// Writes one batch. False if there was nothing to do.
    async fn step(&mut self) -> Result<bool, Trouble> {
        // As soon as there is a home that can be named to the kernel.
        if !self.is_barred && self.home.is_dir() {
            barrier::write_only_below(&[&self.home]);
            self.is_barred = true;
        }
        let is_new = self.connect().await?;
        let Some(connection) = &mut self.connection else { return Ok(false) };
        if self.batch.is_empty() {
            self.batch = self.queue.take(BATCH_MAX);
        }
        // A new connection writes even nothing: only that shows that it can.
        if self.batch.is_empty() && !is_new {
            return Ok(false);
        }
        let written = write::write(connection, &self.home, &self.batch, &self.live, &self.queue).await;
        written.map_err(|error| Trouble::of(&self.path, &error))?;
        for note in self.batch.drain(..) {
            match note {
                Note::Begun(call) => drop(self.live.insert(call.call, call)),
                Note::Ended(call) => drop(self.live.remove(&call.call)),
                Note::Selected(_) | Note::Kept(_) => {}
            }
        }
        self.queue.written();
        Ok(true)
    }

    /// Sees to it that the file at the catalog's path is open. True if it was not.
    async fn connect(&mut self) -> Result<bool, Trouble> {
        if self.connection.is_some() {
            if file::identity(&self.path) == self.identity {
                return Ok(false);
            }
            // It was moved away: rows written now would go wherever it went.
            tracing::warn!(path = %self.path.display(), "the catalog was moved away or replaced while it was in use");
            self.disconnect().await;
        }
        let (mut connection, identity) = file::open(&self.path, self.identity).await?;
        self.identity = Some(identity);
        if !self.has_started {
            let start = read::start(&mut connection, &self.path).await;
            match start {
                Ok(start) => self.queue.started(start),
                Err(trouble) => {
                    self.connection = Some(connection);
                    return Err(trouble);
                }
            }
            self.has_started = true;
        }
        self.connection = Some(connection);
        Ok(true)
    }

    async fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            // What was committed is durable, and what was not is still in hand: a bad close loses nothing.
            let _ = connection.close().await;
        }
    }
}
