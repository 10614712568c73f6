//! What a running commit is asked to do, from whoever holds its handle to the worker that has its job.

use parking_lot::Mutex;

use retrocall_core::heart;
use retrocall_words::Reason;

/// What waits for a job's next step.
#[derive(Default)]
pub(super) struct Orders(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    rewrites: Vec<Rewrite>,
    finish: Option<Finish>,
    /// The recording is being published, or the job is gone: its file can't be changed any more.
    closed: bool,
}

/// Read the ring again from a position on.
pub(super) struct Rewrite {
    pub from: u64,
    pub done: Box<dyn FnOnce() + Send>,
}

impl Rewrite {
    /// Says that it is done. Whoever hears it and panics has no part in the commit.
    pub(super) fn answer(self) {
        let _ = heart::contain("answering an erase", self.done);
    }
}

/// The call is over.
pub(super) struct Finish {
    /// Its length in samples.
    pub end: u64,
    pub reasons: Vec<Reason>,
}

impl Orders {
    /// False if it is too late.
    pub(super) fn rewrite(&self, rewrite: Rewrite) -> bool {
        let mut waiting = self.0.lock();
        if !waiting.closed {
            waiting.rewrites.push(rewrite);
        }
        !waiting.closed
    }

    /// The first one counts.
    pub(super) fn finish(&self, finish: Finish) {
        self.0.lock().finish.get_or_insert(finish);
    }

    pub(super) fn take(&self) -> (Vec<Rewrite>, Option<Finish>) {
        let mut waiting = self.0.lock();
        (std::mem::take(&mut waiting.rewrites), waiting.finish.take())
    }

    pub(super) fn are_waiting(&self) -> bool {
        let waiting = self.0.lock();
        !waiting.rewrites.is_empty() || waiting.finish.is_some()
    }

    /// Takes no more rewrites. False if one waits: it must be done first.
    pub(super) fn close(&self) -> bool {
        let mut waiting = self.0.lock();
        waiting.closed = waiting.rewrites.is_empty();
        waiting.closed
    }

    /// Takes rewrites again: the recording could not be published yet.
    pub(super) fn reopen(&self) {
        self.0.lock().closed = false;
    }

    /// The job is gone; a rewrite that waits will never be done, and whoever asked is not told that it was.
    pub(super) fn abandon(&self) {
        let mut waiting = self.0.lock();
        waiting.closed = true;
        waiting.rewrites.clear();
    }
}
