//! The remains of the last run: unfinished recordings, recordings that the catalog does not know, and lost calls.
//!
//! Belongs here: finding them, and reporting them. Does not: how a file is repaired, SQL.
//!
//! Files come first, before any call begins. The catalog's part follows at once, or, if the catalog is out of reach, as soon as it opens; then a
//! thread of its own waits for it while calls go on.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tracing::{error, info, warn};

use super::{
    Home,
    committing::{RunCalls, registered},
    continuing::CutOffs,
};
use retrocall_core::{
    barrier,
    heart::{self, Waits},
    priority,
};
use retrocall_file::{self as file, Durable, Item, RealDisk, Recovery};
use retrocall_words::{
    CallId, Label,
    book::{Book, CallEnded, LeftBehind, Note, Outcome, Unfinished},
};

/// How many lost calls are named one by one.
const LOST_NAMED_MAX: usize = 20;

/// The state of the takeover.
pub(super) struct TakeOver {
    home: PathBuf,
    recordings: PathBuf,
    book: Arc<dyn Book>,
    /// When the engine started, by the wall clock.
    now: Timestamp,
    of_this_run: RunCalls,
    cut_offs: CutOffs,
    /// Calls that have left something on disk.
    found: HashSet<CallId>,
}

impl TakeOver {
    pub(super) fn new(
        home: &Home,
        book: &dyn Book,
        now: Timestamp,
        of_this_run: RunCalls,
        cut_offs: CutOffs,
    ) -> TakeOver {
        let (home, recordings, book) = (home.path().to_owned(), home.recordings(), book.beside());
        TakeOver { home, recordings, book, now, of_this_run, cut_offs, found: HashSet::new() }
    }

    /// Publishes unfinished recordings, then asks the catalog about the rest: now if it opens within `wait`, otherwise when it does.
    pub(super) fn begin(mut self, wait: Duration) {
        self.recover();
        let trouble = match self.book.left_behind(Some(wait)) {
            Ok(left) => return self.finish(&left),
            Err(trouble) => trouble,
        };
        error!(
            "the catalog is out of reach: {trouble}. Calls are captured all the same; what is recorded is registered, and what the last run \
             left is looked for, when the catalog comes"
        );
        let folders = [self.home.clone(), self.recordings.clone()];
        let first = move || {
            priority::give_way();
            barrier::write_only_below(&[&folders[0], &folders[1]]);
        };
        let started = heart::spawn("take-over", Waits::Outside, first, move |_| {
            if let Ok(left) = self.book.left_behind(None) {
                self.finish(&left);
            }
        });
        if let Err(cause) = started {
            error!(
                "no thread ({cause}): what the last run left is looked for at the next start; raise the limit on threads"
            );
        }
    }

    /// Publishes unfinished recordings.
    fn recover(&mut self) {
        for recovered in file::recover(&RealDisk, &self.recordings) {
            match recovered {
                Recovery::Published { durable, label } => {
                    let what = if durable.incomplete() { "something of it is missing" } else { "it is complete" };
                    warn!(call = %label.call.id, agent = label.call.facts.agent, seconds = label.call.rate.seconds(durable.samples()), path = %durable.path().display(),
                        "this call was being recorded when the engine stopped: its part on disk is kept, {what}");
                    self.found.insert(label.call.id);
                    self.register(&durable, &label);
                }
                Recovery::Empty { call, path } => {
                    info!(%call, path = %path.display(), "the recording of this call had just begun when the engine stopped, and held nothing yet")
                }
                Recovery::Failed { call, path, text } => {
                    // Its row stays as it is, with the customer's number, until somebody has seen to the file.
                    self.found.extend(call);
                    error!(path = %path.display(), "an unfinished recording can't be read: {text}")
                }
            }
        }
    }

    /// Compares the catalog with the disk.
    fn finish(&mut self, left: &LeftBehind) {
        self.register_unknown(&left.registered);
        self.of_this_run.forget();
        self.cut_offs.remember(&left.cut_off);
        // A commit began and left no file: the press and the engine's end came in the same moment.
        let is_gone = |call: &&Unfinished| !self.found.contains(&call.call);
        let gone: Vec<_> = left.committing.iter().filter(is_gone).collect();
        for call in &gone {
            self.book.note(Note::Ended(CallEnded::unseen(call.call, Outcome::Lost)));
        }
        let lost: Vec<_> = left.lost.iter().filter(is_gone).chain(gone).collect();
        for lost in lost.iter().take(LOST_NAMED_MAX) {
            warn!(call = %lost.call, agent = lost.agent, began = %lost.began_at,
                "this call was live when the engine stopped: nothing of it had reached the disk, and nothing of it is left");
        }
        if lost.len() > LOST_NAMED_MAX {
            warn!(calls = lost.len() - LOST_NAMED_MAX, "more calls were live when the engine stopped");
        }
    }

    /// Registers recordings that the catalog does not know. They were published in the last moment before a crash, while the catalog was out of
    /// reach, or since the backup that replaced it. Those of this run register themselves.
    fn register_unknown(&mut self, known: &HashSet<CallId>) {
        for item in file::survey(&RealDisk, &self.recordings) {
            let Item::Recording { path, call, part: 1 } = item else { continue };
            if known.contains(&call) || self.of_this_run.contains(&call) || !self.found.insert(call) {
                continue;
            }
            self.register_file(call, &path);
        }
    }

    fn register_file(&self, call: CallId, path: &Path) {
        match file::read_recording(&RealDisk, path) {
            Ok((durable, label)) if label.call.id == call => {
                warn!(%call, agent = label.call.facts.agent, path = %path.display(), "a recording that the catalog did not know is registered");
                self.register(&durable, &label);
            }
            Ok((_, label)) => {
                error!(path = %path.display(), "a recording is not registered: it says it is of call {}; name it after that call", label.call.id)
            }
            Err(text) => error!(path = %path.display(), "a recording is not registered: {text}"),
        }
    }

    /// Registers a recording from the facts in its file, and makes or corrects the ledger's row of its call. The end of a call that nobody saw end
    /// is unknown.
    fn register(&self, durable: &Durable, label: &Label) {
        self.book.note(Note::Kept(Box::new(registered(durable, label, self.now))));
    }
}
