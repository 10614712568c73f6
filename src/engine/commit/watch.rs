//! A disk that hangs: said by a thread that never touches it.
//!
//! A write to such a disk may take seconds, or never return, and then the thread that waits for it can say nothing.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{Progress, workers::Shared};
use retrocall_core::heart::{self, Heart};

/// A step that takes longer is told of. A step writes up to 1 MiB and syncs it.
const SLOW_AFTER: Duration = Duration::from_secs(3);

/// Whom to tell of a commit: from the thread that does its steps, and from the one that watches.
pub(super) struct Teller {
    part: PathBuf,
    told: Mutex<Box<dyn Fn(Progress) + Send + Sync>>,
}

impl Teller {
    pub(super) fn new(part: PathBuf, told: impl Fn(Progress) + Send + Sync + 'static) -> Teller {
        Teller { part, told: Mutex::new(Box::new(told)) }
    }

    /// Tells all of it, in order. False if whoever listens panicked: then that, and what follows it, is left to be told.
    pub(super) fn tell(&self, all: &mut VecDeque<Progress>) -> bool {
        if all.is_empty() {
            return true;
        }
        let told = self.told.lock();
        while let Some(next) = all.front() {
            if !tell_one(&**told, next.clone()) {
                return false;
            }
            all.pop_front();
        }
        true
    }

    pub(super) fn slow_text(&self) -> String {
        let folder = self.part.parent().unwrap_or(&self.part).display();
        format!(
            "{}: the disk takes longer than {} s to answer; check the disk that holds {folder}, and what else keeps it busy",
            self.part.display(),
            SLOW_AFTER.as_secs()
        )
    }
}

/// False if whoever listens panicked.
fn tell_one(told: &(dyn Fn(Progress) + Send + Sync), progress: Progress) -> bool {
    heart::contain("telling of a commit", || told(progress)).is_some()
}

/// A step that is being done.
pub(super) struct InHand {
    since: Instant,
    teller: Arc<Teller>,
    /// It was told that it takes too long.
    pub is_told: bool,
}

impl InHand {
    pub(super) fn now(teller: &Arc<Teller>) -> InHand {
        InHand { since: Instant::now(), teller: Arc::clone(teller), is_told: false }
    }

    pub(super) fn is_quick(&self) -> bool {
        self.since.elapsed() < SLOW_AFTER / 2
    }
}

impl Shared {
    /// What the watch thread does.
    pub(super) fn watch_steps(&self, heart: &Heart) {
        let mut state = self.state.lock();
        while !state.stopping {
            let now = Instant::now();
            let slow = state.in_hand.iter_mut().find(|(_, step)| !step.is_told && now >= step.since + SLOW_AFTER);
            if let Some((&id, step)) = slow {
                step.is_told = true;
                let teller = Arc::clone(&step.teller);
                let text = teller.slow_text();
                state.troubles.insert(id, text.clone());
                // Taken before the step can end, so that what is told of its end is told after this. Nobody holds it for long: who is in
                // the middle of a step tells nothing.
                let told = teller.told.lock();
                drop(state);
                let _work = heart.work();
                tracing::warn!("commit waits: {text}");
                // If it is not heard it is not said again: `retrocall status` says it.
                let _ = tell_one(&**told, Progress::Trouble(text));
                drop(told);
                state = self.state.lock();
                continue;
            }
            match state.in_hand.values().filter(|step| !step.is_told).map(|step| step.since).min() {
                Some(since) => drop(self.watch.wait_until(&mut state, since + SLOW_AFTER)),
                None => {
                    state.watch_is_idle = true;
                    self.watch.wait(&mut state);
                }
            }
        }
    }
}
