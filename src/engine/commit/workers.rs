//! The threads that commit.
//!
//! A thread takes the first due job, does one step without holding a lock, and puts it back. However long one call's backlog is, the others get
//! their turns in between. If a step or a listener panics, its own job waits, and no other job notices.

use std::{io, path::PathBuf, sync::Arc, thread::JoinHandle, time::Duration};

use super::{
    buffers::Buffers,
    findings::Marks,
    handle::CommitHandle,
    job::Job,
    progress::Progress,
    schedule::{Due, Schedule},
    slow::Steps,
    storage::Storage,
    task::Task,
};
use retrocall_core::{
    barrier,
    heart::{self, Heart, Waits},
    memory::MapError,
    priority,
    ring::RingReader,
};
use retrocall_file::{Disk, PART_SAMPLES_MAX, Paths};
use retrocall_words::{Clock, Label};

/// How long to wait before a listener that panicked is told again.
const TELL_AGAIN: Duration = Duration::from_secs(1);

/// The running commits, and their threads.
pub struct Commits {
    storage: Storage,
    schedule: Arc<Schedule<Task>>,
    steps: Arc<Steps>,
    threads: Vec<JoinHandle<()>>,
}

impl Commits {
    /// Starts `threads` threads (at least one) that write below the folder `recordings`. They wait by `clock`, except for a disk that hangs.
    ///
    /// # Errors [`MapError`] if memory for their buffers can't be locked and `allow_unlocked` is false, or if a thread can't be started.
    pub fn start(
        disk: Arc<dyn Disk>,
        recordings: PathBuf,
        threads: usize,
        allow_unlocked: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Commits, MapError> {
        // Without a current folder there is no absolute path. Then the relative one does not work either, and the disk says so.
        let recordings = std::path::absolute(&recordings).unwrap_or(recordings);
        let (schedule, steps) = (Schedule::new(Arc::clone(&clock)), Steps::new(Arc::clone(&clock)));
        let storage = Storage { disk, recordings, folders: Arc::default(), part_samples_max: PART_SAMPLES_MAX, clock };
        let mut commits = Commits { storage, schedule, steps, threads: Vec::new() };
        for number in 0..threads.max(1) {
            commits.start_worker(number, allow_unlocked)?;
        }
        let steps = Arc::clone(&commits.steps);
        let first = || {
            priority::give_way();
            barrier::write_nowhere();
        };
        let watch = heart::spawn("commit-watch", Waits::Never, first, move |heart| steps.watch(heart));
        commits.threads.push(watch.map_err(no_thread)?);
        Ok(commits)
    }

    fn start_worker(&mut self, number: usize, allow_unlocked: bool) -> Result<(), MapError> {
        let mut buffers = Buffers::new(allow_unlocked)?;
        let (schedule, steps) = (Arc::clone(&self.schedule), Arc::clone(&self.steps));
        let Storage { recordings, clock, .. } = self.storage.clone();
        let first = move || {
            priority::give_way();
            // `recordings` itself too: it may be a link to another disk.
            barrier::write_only_below(&[recordings.parent().unwrap_or(&recordings), &recordings]);
        };
        let work = move |heart: &Heart| work(&schedule, &steps, &*clock, &mut buffers, heart);
        let thread = heart::spawn(&format!("commit-{number}"), Waits::Outside, first, work);
        self.threads.push(thread.map_err(no_thread)?);
        Ok(())
    }

    /// Limits files to this many stereo samples, fewer than the format allows. Longer recordings go on in another file.
    pub fn with_parts_of(mut self, samples: u64) -> Commits {
        self.storage.part_samples_max = samples.clamp(1, PART_SAMPLES_MAX);
        self
    }

    /// Begins at once with the backlog, then follows the ring until [`CommitHandle::finish`]. The commit threads call `tell` in order; it should
    /// not take long. `marks` may grow until hangup.
    pub fn begin(
        &self,
        reader: RingReader,
        label: Label,
        marks: Arc<Marks>,
        tell: impl Fn(Progress) + Send + Sync + 'static,
    ) -> CommitHandle {
        let job = Job::new(&self.storage, reader, label, marks);
        let inbox = Arc::clone(job.inbox());
        let number = self.schedule.add(Task::new(job, tell));
        CommitHandle { schedule: Arc::clone(&self.schedule), number, inbox }
    }

    /// The future path of a call's recording.
    pub fn path_of(&self, label: &Label) -> PathBuf {
        Paths::of(&self.storage.recordings, label.call.id, label.call.began_at).wav(1)
    }

    /// Commits that are not durable yet.
    pub fn pending(&self) -> usize {
        self.schedule.pending()
    }

    /// The disk's trouble, if it refuses or keeps a commit waiting now: in words for people, with the next step.
    pub fn trouble(&self) -> Option<String> {
        self.steps.trouble()
    }

    /// Waits until nothing is pending; false if that takes longer than `timeout`.
    pub fn wait_idle(&self, timeout: Duration) -> bool {
        self.schedule.wait_idle(timeout)
    }
}

impl Drop for Commits {
    /// Stops the threads after their current steps. Files that are not durable stay as they are, for [`retrocall_file::recover()`].
    fn drop(&mut self) {
        self.schedule.stop();
        self.steps.stop();
        for thread in self.threads.drain(..) {
            // A panicking thread has reported it.
            let _ = thread.join();
        }
        self.schedule.clear();
    }
}

/// A thread's work.
fn work(schedule: &Schedule<Task>, steps: &Steps, clock: &dyn Clock, buffers: &mut Buffers, heart: &Heart) {
    while let Some((number, mut task)) = schedule.take() {
        let _work = heart.work();
        let due = task.turn(number, steps, buffers);
        let due = due.unwrap_or_else(|| Due::NotBefore(clock.now() + TELL_AGAIN));
        schedule.put_back(number, task, due, Task::is_asked);
    }
}

/// A thread that can't be started lacks room for its stack.
fn no_thread(cause: io::Error) -> MapError {
    MapError::NotMappable { bytes: 2 << 20, cause }
}
