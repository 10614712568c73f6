//! A job on its way from thread to thread, with what its listener is still to be told.

use std::{collections::VecDeque, sync::Arc};

use super::{buffers::Buffers, job::Job, progress::Progress, reporter::Reporter, schedule::Due, slow::Steps};
use retrocall_core::heart;

/// A job, and whom to tell.
pub(super) struct Task {
    job: Job,
    reporter: Arc<Reporter>,
    /// What is to be told before the next step, in order.
    untold: VecDeque<Progress>,
    /// When the next step is wanted, once that is told.
    due: Due,
}

impl Task {
    pub(super) fn new(job: Job, tell: impl Fn(Progress) + Send + Sync + 'static) -> Task {
        let reporter = Arc::new(Reporter::new(job.unfinished(), tell));
        Task { job, reporter, untold: VecDeque::new(), due: Due::Now }
    }

    /// Whether somebody asked the job for something since its last step.
    pub(super) fn is_asked(&self) -> bool {
        !self.job.inbox().is_empty()
    }

    /// Does the job's next step and tells what is to be told of it. A listener that panicked is told first what it missed, and no step is done
    /// until it has heard it. Says when the job wants its next turn; none if the listener panicked.
    pub(super) fn turn(&mut self, number: u64, steps: &Steps, buffers: &mut Buffers) -> Option<Due> {
        if self.untold.is_empty() {
            steps.begin(number, &self.reporter);
            // A job that panicked begins anew, whatever state it was in; the buffers are as after any step.
            let step = heart::contain("a commit", || self.job.step(buffers));
            let (due, told) = step.unwrap_or_else(|| {
                buffers.wipe();
                self.job.panicked()
            });
            let is_over = steps.end(number, self.job.trouble(), due == Due::Never);
            if is_over && !told.contains(&Progress::Well) {
                self.untold.push_back(Progress::Well);
            }
            self.untold.extend(told);
            self.due = due;
        }
        self.reporter.tell(&mut self.untold).then_some(self.due)
    }
}
