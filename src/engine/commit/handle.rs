//! The handle by which a call controls its commit.

use std::sync::Arc;

use super::{
    inbox::{Hangup, Inbox, Rewrite},
    schedule::Schedule,
    task::Task,
};
use retrocall_words::Reason;

/// The handle of one commit, for whoever controls its call. Dropping it changes nothing: a commit goes on until it is told to finish.
#[derive(Clone)]
pub struct CommitHandle {
    pub(super) schedule: Arc<Schedule<Task>>,
    pub(super) number: u64,
    pub(super) inbox: Arc<Inbox>,
}

impl CommitHandle {
    /// Announces that the ring has become silent somewhere from `from` on. The commit reads the unpublished file's samples from there on again,
    /// overwrites and syncs them; then a commit thread calls `done`.
    ///
    /// Returns false, and never calls `done`, if it is too late: the recording is published, or about to be.
    #[must_use = "too late means that what was to be erased is in the recording"]
    pub fn rewrite(&self, from: u64, done: impl FnOnce() + Send + 'static) -> bool {
        let taken = self.inbox.rewrite(Rewrite { from, done: Box::new(done) });
        if taken {
            self.schedule.hurry(self.number);
        }
        taken
    }

    /// The call is kept for these reasons by now: more than before. Its files say so within moments.
    pub fn set_reasons(&self, reasons: Vec<Reason>) {
        self.inbox.set_reasons(reasons);
        self.schedule.hurry(self.number);
    }

    /// Hangup: the call is `end` samples long, or as long as its ring, if that is longer. The commit writes the rest, makes it durable and
    /// publishes it. `reasons` may have grown since the beginning. Only the first hangup counts.
    pub fn finish(&self, end: u64, reasons: Vec<Reason>) {
        self.inbox.hang_up(Hangup { end, reasons });
        self.schedule.hurry(self.number);
    }
}
