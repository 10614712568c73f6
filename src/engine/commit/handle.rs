//! One commit, for whoever controls its call.

use std::sync::Arc;

use super::{
    inbox::{Hangup, Inbox, Rewrite},
    schedule::Schedule,
    task::Task,
};
use retrocall_words::Reason;

/// One commit, for whoever controls its call. Dropping it changes nothing: a commit goes on until it was told to finish.
#[derive(Clone)]
pub struct CommitHandle {
    pub(super) schedule: Arc<Schedule<Task>>,
    pub(super) number: u64,
    pub(super) inbox: Arc<Inbox>,
}

impl CommitHandle {
    /// When the ring has become silent somewhere from `from` on: whatever the unpublished file holds at `from` and later is read from
    /// the ring again, written over and synced; then `done` is called, from a commit thread.
    ///
    /// False, and `done` is never called, if it is too late: the recording is published, or about to be.
    #[must_use = "too late means that what was to be erased is in the recording"]
    pub fn rewrite(&self, from: u64, done: impl FnOnce() + Send + 'static) -> bool {
        let taken = self.inbox.rewrite(Rewrite { from, done: Box::new(done) });
        if taken {
            self.schedule.hurry(self.number);
        }
        taken
    }

    /// Hangup: the call is `end` samples long (or as long as its ring, if that is longer) and nothing more comes. The rest is written,
    /// made durable and published. `reasons` may have grown since the beginning. Only the first hangup counts.
    pub fn finish(&self, end: u64, reasons: Vec<Reason>) {
        self.inbox.hang_up(Hangup { end, reasons });
        self.schedule.hurry(self.number);
    }
}
