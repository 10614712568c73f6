//! The threads that commit, and whose turn it is.
//!
//! Jobs wait in the order of when their next step is due. A thread takes the first one that is due, does its step without holding any
//! lock, and puts it back: however long one call's backlog is, the others get their turns in between. A thread that only watches says so
//! when a step takes too long (`watch`): a disk that hangs answers nobody. A step that panics, and a listener that does, costs its own job a
//! wait and no other job anything.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{
    Marks, Progress,
    buffers::Buffers,
    job::{Job, Next, Place},
    orders::{Finish, Orders, Rewrite},
    watch::{InHand, Teller},
};
use retrocall_core::{
    barrier,
    heart::{self, Heart, Waits},
    memory::MapError,
    priority,
    ring::RingReader,
};
use retrocall_file::{Disk, PART_SAMPLES_MAX, Paths};
use retrocall_words::{Label, Reason};

/// The commits that are under way, and the threads that do them.
pub struct Commits {
    place: Place,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// One commit, for whoever controls its call. Dropping it changes nothing: a commit goes on until it was told to finish.
#[derive(Clone)]
pub struct CommitHandle {
    shared: Arc<Shared>,
    id: u64,
    orders: Arc<Orders>,
}

pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Something is due earlier than before, or it is time to stop.
    wake: Condvar,
    /// Nothing is pending.
    idle: Condvar,
    /// A step begins while the watch thread has nothing to watch, or it is time to stop.
    pub(super) watch: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    /// Jobs that wait for their next step, by when it is due.
    waiting: BTreeMap<(Instant, u64), Task>,
    /// Jobs that are not durable yet, with those that a thread has in hand.
    pending: usize,
    /// What the disk says to each job that it refuses, or keeps waiting.
    pub(super) troubles: BTreeMap<u64, String>,
    /// Jobs of which a step is being done.
    pub(super) in_hand: BTreeMap<u64, InHand>,
    /// The watch thread has nothing to watch.
    pub(super) watch_is_idle: bool,
    begun: u64,
    pub(super) stopping: bool,
}

/// A job, and whom to tell.
struct Task {
    id: u64,
    job: Job,
    teller: Arc<Teller>,
    /// It was told that the disk keeps it waiting.
    is_slow: bool,
    /// After a refusal: not before this, whoever asks.
    not_before: Option<Instant>,
    /// What is to be told before the next step, in order.
    untold: VecDeque<Progress>,
    /// When the next step is wanted, once that is told.
    next: Next,
}

/// How long a listener that panicked is left alone.
const TELL_AGAIN: Duration = Duration::from_secs(1);

impl Commits {
    /// Starts `threads` threads (at least one) that write below the folder `recordings`.
    ///
    /// # Errors
    /// [`MapError`] if memory for their buffers can't be locked and `allow_unlocked` is false, or if a thread can't be had.
    pub fn start(
        disk: Arc<dyn Disk>,
        recordings: PathBuf,
        threads: usize,
        allow_unlocked: bool,
    ) -> Result<Commits, MapError> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            idle: Condvar::new(),
            watch: Condvar::new(),
        });
        // Without a current folder an absolute path can't be had; then the relative one would not work either, and the disk says so.
        let recordings = std::path::absolute(&recordings).unwrap_or(recordings);
        let place = Place { disk, recordings, folders: Arc::default(), part_samples_max: PART_SAMPLES_MAX };
        let mut commits = Commits { place, shared, threads: Vec::new() };
        for i in 0..threads.max(1) {
            let (shared, mut buffers) = (Arc::clone(&commits.shared), Buffers::new(allow_unlocked)?);
            let recordings = commits.place.recordings.clone();
            let first = move || {
                priority::give_way();
                // `recordings` itself as well: it may be a link to another disk.
                barrier::write_only_below(&[recordings.parent().unwrap_or(&recordings), &recordings]);
            };
            let work = move |heart: &Heart| shared.work(&mut buffers, heart);
            let thread = heart::spawn(&format!("commit-{i}"), Waits::Outside, first, work);
            commits.threads.push(thread.map_err(no_thread)?);
        }
        let shared = Arc::clone(&commits.shared);
        let first = || {
            priority::give_way();
            barrier::write_nowhere();
        };
        let watch = heart::spawn("commit-watch", Waits::Never, first, move |heart| shared.watch_steps(heart));
        commits.threads.push(watch.map_err(no_thread)?);
        Ok(commits)
    }

    /// Files have at most so many stereo samples from here on: what is longer goes on in another file sooner than the format asks for.
    pub fn with_parts_of(mut self, samples: u64) -> Commits {
        self.place.part_samples_max = samples.clamp(1, PART_SAMPLES_MAX);
        self
    }

    /// Begins at once with the backlog, then follows the ring until [`CommitHandle::finish`]. `told` is called from threads of this room, in
    /// order, and should not take long. `marks` may grow until hangup.
    pub fn begin(
        &self,
        reader: RingReader,
        label: Label,
        marks: Arc<Marks>,
        told: impl Fn(Progress) + Send + Sync + 'static,
    ) -> CommitHandle {
        let job = Job::new(&self.place, reader, label, marks);
        let (shared, orders) = (Arc::clone(&self.shared), Arc::clone(job.orders()));
        let mut state = shared.state.lock();
        let id = state.begun;
        state.begun += 1;
        state.pending += 1;
        let teller = Arc::new(Teller::new(job.unfinished(), told));
        let (untold, next) = (VecDeque::new(), Next::Soon);
        let task = Task { id, job, teller, is_slow: false, not_before: None, untold, next };
        state.waiting.insert((Instant::now(), id), task);
        drop(state);
        shared.wake.notify_one();
        CommitHandle { shared, id, orders }
    }

    /// Where the recording of a call will be.
    pub fn path_of(&self, label: &Label) -> PathBuf {
        Paths::of(&self.place.recordings, label.call.id, label.call.began_at).wav(1)
    }

    /// Commits that are not durable yet.
    pub fn pending(&self) -> usize {
        self.shared.state.lock().pending
    }

    /// What the disk says, if it refuses now or keeps a commit waiting: in words for people, with the next step.
    pub fn trouble(&self) -> Option<String> {
        self.shared.state.lock().troubles.first_key_value().map(|(_, text)| text.clone())
    }

    /// Waits until nothing is pending; false if that took longer than `timeout`.
    pub fn wait_idle(&self, timeout: Duration) -> bool {
        let mut state = self.shared.state.lock();
        !self.shared.idle.wait_while_for(&mut state, |state| state.pending > 0, timeout).timed_out()
    }
}

/// What a thread lacks is room for its stack.
fn no_thread(cause: io::Error) -> MapError {
    MapError::NotMappable { bytes: 2 << 20, cause }
}

impl Drop for Commits {
    /// Stops the threads after the steps they are at. What is not durable stays as it is, for [`retrocall_file::recover()`].
    fn drop(&mut self) {
        self.shared.state.lock().stopping = true;
        self.shared.wake.notify_all();
        self.shared.watch.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
        // Without the lock: what these jobs hold may ask for it when it is dropped.
        let waiting = std::mem::take(&mut self.shared.state.lock().waiting);
        drop(waiting);
    }
}

impl CommitHandle {
    /// When the ring has become silent somewhere from `from` on: whatever the unpublished file holds at `from` and later is read from
    /// the ring again, written over and synced; then `done` is called, from a commit thread.
    ///
    /// False, and `done` is never called, if it is too late: the recording is published, or about to be.
    #[must_use = "too late means that what was to be erased is in the recording"]
    pub fn rewrite(&self, from: u64, done: impl FnOnce() + Send + 'static) -> bool {
        let taken = self.orders.rewrite(Rewrite { from, done: Box::new(done) });
        if taken {
            self.shared.hurry(self.id);
        }
        taken
    }

    /// Hangup: the call is `end` samples long (or as long as its ring, if that is longer) and nothing more comes. The rest is written,
    /// made durable and published. `reasons` may have grown since the beginning. Only the first hangup counts.
    pub fn finish(&self, end: u64, reasons: Vec<Reason>) {
        self.orders.finish(Finish { end, reasons });
        self.shared.hurry(self.id);
    }
}

impl Shared {
    /// A job has orders: if it waits, it is due now. If a thread has it in hand, that thread will see them when it puts it back.
    fn hurry(&self, id: u64) {
        let mut state = self.state.lock();
        let Some(key) = state.waiting.keys().find(|(_, other)| *other == id).copied() else { return };
        let Some(task) = state.waiting.remove(&key) else { return };
        let now = Instant::now();
        let due = task.not_before.map_or(now, |not_before| not_before.max(now));
        state.waiting.insert((due.min(key.0), id), task);
        drop(state);
        self.wake.notify_one();
    }

    /// What a thread does.
    fn work(&self, buffers: &mut Buffers, heart: &Heart) {
        while let Some(mut task) = self.next_due() {
            let _work = heart.work();
            let mut told = Vec::new();
            if task.untold.is_empty() {
                // A job that panicked begins anew, whatever state it was in; the buffers are as after any step.
                let step = heart::contain("a commit", || task.job.step(buffers));
                (task.next, told) = step.unwrap_or_else(|| {
                    buffers.wipe();
                    task.job.panicked()
                });
            }
            let told = self.step_is_done(&mut task, told);
            task.untold.extend(told);
            let next =
                if task.teller.tell(&mut task.untold) { task.next } else { Next::Retry(Instant::now() + TELL_AGAIN) };
            self.put_back(task, next);
        }
    }

    fn next_due(&self) -> Option<Task> {
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return None;
            }
            let Some((&(due, _), _)) = state.waiting.first_key_value() else {
                self.wake.wait(&mut state);
                continue;
            };
            if due <= Instant::now() {
                let (_, task) = state.waiting.pop_first()?;
                if !state.waiting.is_empty() {
                    // Whoever waits for the first one waits for the next one from now on.
                    self.wake.notify_one();
                }
                state.in_hand.insert(task.id, InHand::now(&task.teller));
                if std::mem::take(&mut state.watch_is_idle) {
                    self.watch.notify_one();
                }
                return Some(task);
            }
            self.wake.wait_until(&mut state, due);
        }
    }

    /// Notes what the step says of the disk. Returns what is to be told.
    fn step_is_done(&self, task: &mut Task, mut told: Vec<Progress>) -> Vec<Progress> {
        let mut state = self.state.lock();
        let in_hand = state.in_hand.remove(&task.id);
        task.is_slow |= in_hand.as_ref().is_some_and(|step| step.is_told);
        // One step that is quick enough is the end of it, so that a disk that is slow for long is told of once.
        let is_quick = task.next == Next::Done || in_hand.is_some_and(|step| step.is_quick());
        if task.is_slow && is_quick && task.job.trouble().is_none() {
            task.is_slow = false;
            if !told.contains(&Progress::Well) {
                told.insert(0, Progress::Well);
            }
        }
        match task.job.trouble().map(str::to_owned).or_else(|| task.is_slow.then(|| task.teller.slow_text())) {
            None => drop(state.troubles.remove(&task.id)),
            Some(text) => drop(state.troubles.insert(task.id, text)),
        }
        told
    }

    fn put_back(&self, mut task: Task, next: Next) {
        let now = Instant::now();
        let due = match next {
            Next::Done => {
                drop(task);
                let mut state = self.state.lock();
                state.pending -= 1;
                if state.pending == 0 {
                    self.idle.notify_all();
                }
                return;
            }
            Next::Soon => now,
            Next::At(due) | Next::Retry(due) => due,
        };
        task.not_before = if let Next::Retry(due) = next { Some(due) } else { None };
        let mut state = self.state.lock();
        // Orders that came during the step found no job to hurry.
        let due = if task.not_before.is_none() && task.job.orders().are_waiting() { now } else { due };
        // Nobody is woken for it: this thread looks for what is due first, and wakes another one if that leaves anything.
        state.waiting.insert((due, task.id), task);
    }
}
