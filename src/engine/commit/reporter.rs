//! Reports a commit's progress, from the thread that does its steps and from the one that watches for slow disks.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
};

use parking_lot::{Mutex, MutexGuard};

use super::progress::Progress;
use retrocall_core::heart;

/// Reports one commit to one listener.
pub(super) struct Reporter {
    unfinished: PathBuf,
    tell: Mutex<Tell>,
}

type Tell = Box<dyn Fn(Progress) + Send + Sync>;

/// The turn to report: while it is held, nobody else tells this listener anything.
pub(super) struct Turn<'r>(MutexGuard<'r, Tell>);

impl Reporter {
    /// `unfinished` is the commit's first file.
    pub(super) fn new(unfinished: PathBuf, tell: impl Fn(Progress) + Send + Sync + 'static) -> Reporter {
        Reporter { unfinished, tell: Mutex::new(Box::new(tell)) }
    }

    pub(super) fn unfinished(&self) -> &Path {
        &self.unfinished
    }

    pub(super) fn turn(&self) -> Turn<'_> {
        Turn(self.tell.lock())
    }

    /// Reports all of it, in order. Returns false if the listener panicked: then that report and the rest are left.
    pub(super) fn tell(&self, all: &mut VecDeque<Progress>) -> bool {
        if all.is_empty() {
            return true;
        }
        let turn = self.turn();
        while let Some(next) = all.front() {
            if !turn.tell(next.clone()) {
                return false;
            }
            all.pop_front();
        }
        true
    }
}

impl Turn<'_> {
    /// False if the listener panicked.
    pub(super) fn tell(&self, progress: Progress) -> bool {
        let tell = &**self.0;
        heart::contain("telling of a commit", || tell(progress)).is_some()
    }
}
