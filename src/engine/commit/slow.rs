//! The disk's troubles by commit, and disks that do not answer.
//!
//! A write to a hanging disk may take seconds or never return, and the thread that waits for it can report nothing. So a thread that never touches
//! the disk watches the steps of the others.
//!
//! Belongs here: which steps are running since when, which are slow, the trouble of each commit. Does not: when a step is tried again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{progress::Progress, reporter::Reporter};
use retrocall_core::heart::Heart;
use retrocall_words::Clock;

/// A step that takes longer is reported. A step writes up to 1 MiB and syncs it.
const SLOW_AFTER: Duration = Duration::from_secs(3);

/// The running steps, and the troubles of all commits, by number.
pub(super) struct Steps {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// There is a step to watch, the clock was moved, or it is time to stop.
    news: Condvar,
}

#[derive(Default)]
struct State {
    running: BTreeMap<u64, Step>,
    /// Commits whose listeners know that the disk keeps them waiting.
    slow: BTreeSet<u64>,
    /// The trouble of a commit, in words.
    troubles: BTreeMap<u64, String>,
    watcher: Watcher,
}

/// The state of the watching thread.
#[derive(Default, PartialEq, Eq)]
enum Watcher {
    /// It waits until a step may be slow, or has not begun to watch.
    #[default]
    Watching,
    /// It waits for a step to watch.
    Idle,
    /// It is to stop.
    Stopping,
}

/// A running step.
struct Step {
    since: Instant,
    reporter: Arc<Reporter>,
}

impl Steps {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Steps> {
        let steps = Arc::new(Steps { clock, state: Mutex::default(), news: Condvar::new() });
        let waits = Arc::downgrade(&steps);
        steps.clock.on_move(Box::new(move || {
            if let Some(steps) = waits.upgrade() {
                // With the lock, so that nobody is between a look at the clock and the wait.
                let _state = steps.state.lock();
                steps.news.notify_all();
            }
        }));
        steps
    }

    /// A step of a commit begins.
    pub(super) fn begin(&self, number: u64, reporter: &Arc<Reporter>) {
        let step = Step { since: self.clock.now(), reporter: Arc::clone(reporter) };
        let mut state = self.state.lock();
        state.running.insert(number, step);
        if state.watcher == Watcher::Idle {
            state.watcher = Watcher::Watching;
            self.news.notify_one();
        }
    }

    /// A step has ended: `trouble` is the disk's refusal, and `is_last` says that the recording is durable. True if the disk was slow and is not
    /// any more: then the listener is to be told.
    pub(super) fn end(&self, number: u64, trouble: Option<&str>, is_last: bool) -> bool {
        let mut state = self.state.lock();
        let Some(step) = state.running.remove(&number) else { return false };
        // Only a quick step ends a slow time, so that a disk that is slow for long is reported once.
        let is_quick = is_last || self.clock.since(step.since) < SLOW_AFTER / 2;
        let was_slow = state.slow.contains(&number);
        let is_over = was_slow && is_quick && trouble.is_none();
        if is_over || trouble.is_some() {
            // A refusal was reported since, and its end will be.
            state.slow.remove(&number);
        }
        let slow = (was_slow && !is_over).then(|| slow_text(&step.reporter));
        match trouble.map(str::to_owned).or(slow) {
            None => drop(state.troubles.remove(&number)),
            Some(text) => drop(state.troubles.insert(number, text)),
        }
        is_over
    }

    /// The trouble of some commit, in words for people, with the next step.
    pub(super) fn trouble(&self) -> Option<String> {
        self.state.lock().troubles.first_key_value().map(|(_, text)| text.clone())
    }

    pub(super) fn stop(&self) {
        self.state.lock().watcher = Watcher::Stopping;
        self.news.notify_all();
    }

    /// The watching thread's work: reports each step that takes too long.
    pub(super) fn watch(&self, heart: &Heart) {
        let mut state = self.state.lock();
        while state.watcher != Watcher::Stopping {
            let State { running, slow, .. } = &*state;
            // The earliest step that was not reported.
            let first = running.iter().filter(|(number, _)| !slow.contains(*number)).min_by_key(|(_, step)| step.since);
            let Some((&number, step)) = first else {
                state.watcher = Watcher::Idle;
                self.news.wait(&mut state);
                continue;
            };
            let left = self.clock.until(step.since + SLOW_AFTER);
            if !left.is_zero() {
                self.news.wait_for(&mut state, left);
                continue;
            }
            let reporter = Arc::clone(&step.reporter);
            let text = slow_text(&reporter);
            state.slow.insert(number);
            state.troubles.insert(number, text.clone());
            // Taken before the step can end, so that its end is reported after this. Nobody holds it for long: a thread in the middle of a step
            // reports nothing.
            let turn = reporter.turn();
            drop(state);
            let _work = heart.work();
            tracing::warn!("commit waits: {text}");
            // A listener that panics is not told again; `retrocall status` shows it.
            let _ = turn.tell(Progress::Trouble(text));
            drop(turn);
            state = self.state.lock();
        }
    }
}

fn slow_text(reporter: &Reporter) -> String {
    let unfinished = reporter.unfinished();
    let folder = unfinished.parent().unwrap_or(unfinished).display();
    format!(
        "{}: the disk takes longer than {} s to answer; check the disk that holds {folder}, and what else keeps it busy",
        unfinished.display(),
        SLOW_AFTER.as_secs()
    )
}
