//! What a running commit is asked to do, from whoever holds its handle to the worker that has its job.

use parking_lot::Mutex;

use retrocall_core::heart;
use retrocall_words::Reason;

/// What waits for a job's next step.
#[derive(Default)]
pub(super) struct Inbox(Mutex<Mail>);

#[derive(Default)]
struct Mail {
    rewrites: Vec<Rewrite>,
    hangup: Option<Hangup>,
    /// The recording is being published, or the job is gone: its files can't be changed any more.
    closed: bool,
}

/// Read the ring again from a position on.
pub(super) struct Rewrite {
    pub from: u64,
    pub done: Box<dyn FnOnce() + Send>,
}

impl Rewrite {
    /// Says that it is done. A panic of whoever hears it is no fault of the commit.
    pub(super) fn answer(self) {
        let _ = heart::contain("answering an erase", self.done);
    }
}

/// The call is over.
pub(super) struct Hangup {
    /// Its length in samples.
    pub end: u64,
    pub reasons: Vec<Reason>,
}

impl Inbox {
    /// False if it is too late.
    pub(super) fn rewrite(&self, rewrite: Rewrite) -> bool {
        let mut mail = self.0.lock();
        if !mail.closed {
            mail.rewrites.push(rewrite);
        }
        !mail.closed
    }

    /// The first one counts.
    pub(super) fn hang_up(&self, hangup: Hangup) {
        self.0.lock().hangup.get_or_insert(hangup);
    }

    pub(super) fn take(&self) -> (Vec<Rewrite>, Option<Hangup>) {
        let mut mail = self.0.lock();
        (std::mem::take(&mut mail.rewrites), mail.hangup.take())
    }

    pub(super) fn is_empty(&self) -> bool {
        let mail = self.0.lock();
        mail.rewrites.is_empty() && mail.hangup.is_none()
    }

    /// Takes no more rewrites. False if one waits: it must be done first.
    pub(super) fn close(&self) -> bool {
        let mut mail = self.0.lock();
        mail.closed = mail.rewrites.is_empty();
        mail.closed
    }

    /// Takes rewrites again: the recording could not be published yet.
    pub(super) fn reopen(&self) {
        self.0.lock().closed = false;
    }

    /// The job is gone. A rewrite that waits will never be done, and whoever asked for it gets no answer.
    pub(super) fn abandon(&self) {
        let mut mail = self.0.lock();
        mail.closed = true;
        mail.rewrites.clear();
    }
}
