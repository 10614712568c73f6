//! A job on its way from thread to thread, with the reports that its listener has not heard yet.

use std::{collections::VecDeque, sync::Arc};

use super::{buffers::Buffers, job::Job, progress::Progress, reporter::Reporter, schedule::Due, slow::Steps};
use retrocall_core::heart;

/// A job with its reporter.
pub(super) struct Task {
    job: Job,
    reporter: Arc<Reporter>,
    /// Reports to make before the next step, in order.
    untold: VecDeque<Progress>,
    /// When the next step is wanted, after those reports.
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

    /// Does the job's next step and reports its progress. A listener that panicked first hears the missed reports, and no step is done until then.
    /// Returns when the job wants its next turn; none if the listener panicked.
    pub(super) fn turn(&mut self, number: u64, steps: &Steps, buffers: &mut Buffers) -> Option<Due> {
        if self.untold.is_empty() {
            steps.begin(number, &self.reporter);
            // After a panic a job begins anew, whatever its state; the buffers are as after any step.
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
