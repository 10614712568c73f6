//! Requests to a running commit, from the holder of its handle to the worker that has its job.

use parking_lot::Mutex;

use retrocall_core::heart;
use retrocall_words::Reason;

/// The requests that wait for a job's next step.
#[derive(Default)]
pub(super) struct Inbox(Mutex<Mail>);

#[derive(Default)]
struct Mail {
    rewrites: Vec<Rewrite>,
    hangup: Option<Hangup>,
    /// The call is kept for these reasons by now.
    reasons: Option<Vec<Reason>>,
    /// The files can't be changed any more: the recording is being published, or the job is gone.
    closed: bool,
}

/// A request to read the ring again from a position on.
pub(super) struct Rewrite {
    pub from: u64,
    pub done: Box<dyn FnOnce() + Send>,
}

impl Rewrite {
    /// Reports that it is done. A panic of the receiver is no fault of the commit.
    pub(super) fn answer(self) {
        let _ = heart::contain("answering an erase", self.done);
    }
}

/// The end of a call.
pub(super) struct Hangup {
    /// The call's length in samples.
    pub end: u64,
    pub reasons: Vec<Reason>,
}

impl Inbox {
    /// Takes a rewrite. False if it is too late.
    pub(super) fn rewrite(&self, rewrite: Rewrite) -> bool {
        let mut mail = self.0.lock();
        if !mail.closed {
            mail.rewrites.push(rewrite);
        }
        !mail.closed
    }

    /// Takes a hangup; only the first counts.
    pub(super) fn hang_up(&self, hangup: Hangup) {
        self.0.lock().hangup.get_or_insert(hangup);
    }

    /// Takes the reasons for which the call is kept by now.
    pub(super) fn set_reasons(&self, reasons: Vec<Reason>) {
        self.0.lock().reasons = Some(reasons);
    }

    pub(super) fn take(&self) -> (Vec<Rewrite>, Option<Hangup>) {
        let mut mail = self.0.lock();
        (std::mem::take(&mut mail.rewrites), mail.hangup.take())
    }

    /// The reasons for which the call is kept, if there are more of them.
    pub(super) fn take_reasons(&self) -> Option<Vec<Reason>> {
        self.0.lock().reasons.take()
    }

    pub(super) fn is_empty(&self) -> bool {
        let mail = self.0.lock();
        mail.rewrites.is_empty() && mail.hangup.is_none() && mail.reasons.is_none()
    }

    /// Closes the inbox for rewrites. False if one waits: it must be done first.
    pub(super) fn close(&self) -> bool {
        let mut mail = self.0.lock();
        mail.closed = mail.rewrites.is_empty();
        mail.closed
    }

    /// Opens the inbox again: the recording could not be published yet.
    pub(super) fn reopen(&self) {
        self.0.lock().closed = false;
    }

    /// The job is gone. A waiting rewrite will never be done, and is not answered.
    pub(super) fn abandon(&self) {
        let mut mail = self.0.lock();
        mail.closed = true;
        mail.rewrites.clear();
    }
}
