//! The schedule: which job gets the next turn.
//!
//! Belongs here: the queue of jobs, the waits of its threads, the order of jobs. Does not: the steps of a job.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use retrocall_words::Clock;

/// When a job wants its next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// As soon as the others had their turn.
    Now,
    /// At this time, or as soon as somebody asks for something.
    At(Instant),
    /// At this time and not before, whoever asks: after a refusal.
    NotBefore(Instant),
    /// Never: the recording is durable.
    Never,
}

/// Jobs that wait for their next step, in the order in which they are due. Each keeps its number while it is known here.
pub(super) struct Schedule<J> {
    clock: Arc<dyn Clock>,
    queue: Mutex<Queue<J>>,
    /// A job is due before all others, the clock was moved, or it is time to stop.
    wake: Condvar,
    /// No job is pending.
    idle: Condvar,
}

struct Queue<J> {
    waiting: BTreeMap<(Instant, u64), WaitingJob<J>>,
    /// Jobs that are not done, including those in a thread's hands.
    pending: usize,
    /// The number of the next job.
    next: u64,
    stopping: bool,
}

struct WaitingJob<J> {
    job: J,
    /// Nobody can hurry it to a moment before this.
    not_before: Option<Instant>,
}

impl<J: Send + 'static> Schedule<J> {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Schedule<J>> {
        let queue = Queue { waiting: BTreeMap::new(), pending: 0, next: 0, stopping: false };
        let queue = Mutex::new(queue);
        let schedule = Arc::new(Schedule { clock, queue, wake: Condvar::new(), idle: Condvar::new() });
        let waits = Arc::downgrade(&schedule);
        schedule.clock.on_move(Box::new(move || {
            if let Some(schedule) = waits.upgrade() {
                // With the lock, so that nobody is between a look at the clock and the wait.
                let _queue = schedule.queue.lock();
                schedule.wake.notify_all();
            }
        }));
        schedule
    }

    /// Adds a job, which is due now. Returns its number.
    pub(super) fn add(&self, job: J) -> u64 {
        let mut queue = self.queue.lock();
        let number = queue.next;
        queue.next += 1;
        queue.pending += 1;
        queue.waiting.insert((self.clock.now(), number), WaitingJob { job, not_before: None });
        drop(queue);
        self.wake.notify_one();
        number
    }

    /// Waits for the next due job, and takes it. None when it is time to stop.
    pub(super) fn take(&self) -> Option<(u64, J)> {
        let mut queue = self.queue.lock();
        loop {
            if queue.stopping {
                return None;
            }
            let Some((&(due, _), _)) = queue.waiting.first_key_value() else {
                self.wake.wait(&mut queue);
                continue;
            };
            let left = self.clock.until(due);
            if left.is_zero() {
                let ((_, number), WaitingJob { job, .. }) = queue.waiting.pop_first()?;
                if !queue.waiting.is_empty() {
                    // This thread has stopped waiting for the first job: another one waits for the next.
                    self.wake.notify_one();
                }
                return Some((number, job));
            }
            self.wake.wait_for(&mut queue, left);
        }
    }

    /// Takes a job back until it is due. `is_asked` says whether somebody asked it for something while it was in hand: [`Schedule::hurry`] found
    /// no job to hurry then.
    pub(super) fn put_back(&self, number: u64, job: J, due: Due, is_asked: impl FnOnce(&J) -> bool) {
        let now = self.clock.now();
        let (due, not_before) = match due {
            Due::Never => return self.done(job),
            Due::Now => (now, None),
            Due::At(due) => (due, None),
            Due::NotBefore(due) => (due, Some(due)),
        };
        let mut queue = self.queue.lock();
        let due = if not_before.is_none() && is_asked(&job) { now } else { due };
        // Nobody is woken for it: this thread takes the next due job, and wakes another thread if that leaves any.
        queue.waiting.insert((due, number), WaitingJob { job, not_before });
    }

    fn done(&self, job: J) {
        drop(job);
        let mut queue = self.queue.lock();
        queue.pending -= 1;
        if queue.pending == 0 {
            self.idle.notify_all();
        }
    }

    /// Somebody asked a job for something: if it waits, it is due now, or as early as it may be.
    pub(super) fn hurry(&self, number: u64) {
        let mut queue = self.queue.lock();
        let Some(key) = queue.waiting.keys().find(|(_, other)| *other == number).copied() else { return };
        let Some(waiting) = queue.waiting.remove(&key) else { return };
        let now = self.clock.now();
        let due = waiting.not_before.map_or(now, |not_before| not_before.max(now));
        queue.waiting.insert((due.min(key.0), number), waiting);
        drop(queue);
        self.wake.notify_one();
    }

    pub(super) fn pending(&self) -> usize {
        self.queue.lock().pending
    }

    /// Waits until no job is pending. False if that takes longer than `timeout`, by the system's clock.
    pub(super) fn wait_idle(&self, timeout: Duration) -> bool {
        let mut queue = self.queue.lock();
        !self.idle.wait_while_for(&mut queue, |queue| queue.pending > 0, timeout).timed_out()
    }

    /// Gives out no more jobs.
    pub(super) fn stop(&self) {
        self.queue.lock().stopping = true;
        self.wake.notify_all();
    }

    /// Drops all waiting jobs.
    pub(super) fn clear(&self) {
        // Without the lock: dropping them may ask for it.
        let waiting = std::mem::take(&mut self.queue.lock().waiting);
        drop(waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::TestClock;

    #[test]
    fn jobs_are_taken_when_they_are_due_and_one_that_is_asked_for_something_at_once_unless_it_was_refused() {
        let clock = Arc::new(TestClock::default());
        let schedule = Schedule::new(clock.clone());
        let (patient, refused) = (schedule.add("patient"), schedule.add("refused"));
        let later = clock.now() + Duration::from_secs(2);
        for due in [Due::At(later), Due::NotBefore(later)] {
            let (number, job) = schedule.take().expect("both are due");
            schedule.put_back(number, job, due, |_| false);
        }
        schedule.hurry(refused);
        schedule.hurry(patient);
        assert_eq!(schedule.take(), Some((patient, "patient")));
        schedule.put_back(patient, "patient", Due::At(later), |_| true);
        assert_eq!(schedule.take(), Some((patient, "patient")), "what was asked while it was in hand is not forgotten");
        let waits = Arc::clone(&schedule);
        let taken = std::thread::spawn(move || waits.take());
        clock.pass(Duration::from_secs(2));
        assert_eq!(taken.join().expect("no panic"), Some((refused, "refused")));
        for (number, job) in [(patient, "patient"), (refused, "refused")] {
            assert!(!schedule.wait_idle(Duration::ZERO));
            schedule.put_back(number, job, Due::Never, |_| false);
        }
        assert!(schedule.wait_idle(Duration::ZERO));
        schedule.stop();
        assert_eq!(schedule.take(), None);
    }
}
