//! Whom to tell of a commit: from the thread that does its steps, and from the one that watches for a slow disk.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
};

use parking_lot::{Mutex, MutexGuard};

use super::progress::Progress;
use retrocall_core::heart;

/// Tells one listener of one commit.
pub(super) struct Reporter {
    unfinished: PathBuf,
    tell: Mutex<Tell>,
}

type Tell = Box<dyn Fn(Progress) + Send + Sync>;

/// The right to tell: for as long as it is held, nobody else tells this listener anything.
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

    /// Tells all of it, in order. False if the listener panicked: then that, and what follows it, is left to be told.
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
