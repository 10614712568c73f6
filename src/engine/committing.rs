//! Selected calls on their way to the disk. Each is held until the proof comes that its recording is durable.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Weak},
    time::Instant,
};

use jiff::Timestamp;
use parking_lot::Mutex;
use tracing::{error, info, warn};

use super::{Engine, counters::Mishap, marks, registry::Entry};
use crate::{
    call::{Marks, SelectedCall},
    commit::{CommitHandle, Progress},
};
use retrocall_core::ring::RingReader;
use retrocall_file::Durable;
use retrocall_words::{
    Beginning, Call, CallId, Customer, Event, Label, Place, Reason,
    book::{Note, RecordedCall, RecordingBegun, RecordingKept, RecordingState},
};

/// The selected calls that have ended and are not durable yet.
#[derive(Default)]
pub(super) struct PendingCommits(Mutex<HashMap<CallId, PendingCommit>>);

/// The calls that this run has begun to write. Kept only while the takeover looks for recordings of an earlier run.
#[derive(Clone)]
pub(super) struct RunCalls(Arc<Mutex<Option<HashSet<CallId>>>>);

impl Default for RunCalls {
    fn default() -> RunCalls {
        RunCalls(Arc::new(Mutex::new(Some(HashSet::new()))))
    }
}

impl RunCalls {
    fn add(&self, call: CallId) {
        self.0.lock().as_mut().map(|calls| calls.insert(call));
    }

    pub(super) fn contains(&self, call: &CallId) -> bool {
        self.0.lock().as_ref().is_some_and(|calls| calls.contains(call))
    }

    /// Drops the list: the takeover is done.
    pub(super) fn forget(&self) {
        *self.0.lock() = None;
    }
}

/// A selected call that has ended.
struct PendingCommit {
    call: SelectedCall,
    customer: Option<Customer>,
    beginning: Beginning,
    /// Its place among the calls.
    place: Option<Place>,
    /// When record was first pressed, if ever.
    pressed: Option<Instant>,
    /// When the call was settled: at hangup, or at the end of the wait for a late press.
    settled: Instant,
}

impl PendingCommits {
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// How many of them somebody asked to keep. The others were drawn, and nobody may know that.
    pub(super) fn asked_for(&self) -> usize {
        self.0.lock().values().filter(|one| one.call.reasons().iter().any(|reason| *reason != Reason::Sample)).count()
    }

    /// The ids of the calls that are not safe yet.
    pub(super) fn ids(&self) -> Vec<CallId> {
        self.0.lock().keys().copied().collect()
    }
}

impl Entry {
    /// The facts that the file will carry.
    pub(super) fn label(&self, reasons: &[Reason]) -> Label {
        Label { call: self.call.clone(), reasons: reasons.to_vec(), place: self.place }
    }
}

impl Engine {
    /// Starts a commit that follows the ring of a call.
    pub(super) fn begin_commit(&self, entry: &Entry, reader: RingReader, label: Label, marks: &Marks) -> CommitHandle {
        self.of_this_run.add(entry.id);
        self.book.note(Note::Selected(RecordingBegun {
            of: RecordedCall { label: label.clone(), customer: entry.customer.clone() },
            path: self.commits.path_of(&label),
        }));
        let engine = Weak::clone(&self.this);
        let (call, rate) = (entry.id, entry.call.rate);
        // Nobody at the desk may hear of a sample: not even that the disk refuses it, nor by how long their connection is kept.
        let is_asked_for = label.reasons.iter().any(|reason| *reason != Reason::Sample);
        let listeners = is_asked_for.then(|| Arc::clone(&entry.listeners));
        let tell = move |event: &Event| listeners.iter().for_each(|listeners| listeners.tell(event));
        self.commits.begin(reader, label, Arc::clone(marks.shared()), move |progress| match progress {
            Progress::Trouble(text) => {
                if let Some(engine) = engine.upgrade() {
                    engine.counters.mishap(Mishap::Disk);
                }
                warn!(%call, "the disk refuses a recording, which stays in memory: {text}");
                tell(&Event::DiskTrouble { call, text });
            }
            Progress::Well => {
                info!(%call, "the disk takes the recording again");
                tell(&Event::DiskWell { call });
            }
            Progress::Durable(durable) => {
                let engine = engine.upgrade();
                let kept = engine.as_ref().and_then(|engine| engine.kept(&durable));
                let seconds = rate.seconds(durable.samples());
                let parts = match durable.parts() {
                    [_] => Vec::new(),
                    parts => parts.iter().map(|part| part.path().to_owned()).collect(),
                };
                tell(&Event::Kept { call, path: durable.path().to_owned(), parts, seconds });
                // Last: nobody waits for it, and a long call takes a while.
                if let (Some(engine), Some(kept)) = (engine, kept) {
                    engine.counters.wiped(kept.release(&durable));
                }
            }
        })
    }

    /// A call whose commit goes on is kept for one more reason.
    pub(super) fn add_reason(&self, entry: &Entry, label: Label, commit: &CommitHandle) {
        commit.set_reasons(label.reasons.clone());
        self.book.note(Note::Selected(RecordingBegun {
            path: self.commits.path_of(&label),
            of: RecordedCall { label, customer: entry.customer.clone() },
        }));
    }

    /// Holds a selected call that has ended until its commit is durable.
    pub(super) fn commit_to_the_end(
        &self,
        entry: &Entry,
        selected: SelectedCall,
        pressed: Option<Instant>,
        commit: &CommitHandle,
    ) {
        let (samples, reasons) = (selected.final_facts().samples, selected.reasons().to_vec());
        let (customer, beginning, place) = (entry.customer.clone(), entry.beginning, entry.place);
        let ended = PendingCommit { call: selected, customer, beginning, place, pressed, settled: self.clock.now() };
        self.committing.0.lock().insert(entry.id, ended);
        commit.finish(samples, reasons);
    }

    /// The recording of a call is durable: tells the catalog. Returns the call, whose memory can go.
    fn kept(&self, durable: &Durable) -> Option<SelectedCall> {
        // The call leaves the list only when all of this is done. A step that fails is done again.
        let mut committing = self.committing.0.lock();
        let Some(PendingCommit { call: selected, customer, beginning, place, pressed, settled }) =
            committing.get(&durable.call())
        else {
            error!(call = %durable.call(), "a recording is durable, but its call is unknown: it is registered at the next start");
            return None;
        };
        let call = &selected.final_facts().call;
        let label = Label { call: call.clone(), reasons: selected.reasons().to_vec(), place: *place };
        let registered = registered(durable, &label, beginning.time(self.clock.now()));
        let kept = RecordingKept {
            of: RecordedCall { label, customer: customer.clone() },
            marks: marks::of_catalog(durable.marks(), selected.marks().digits(call.rate), durable.end(), call.rate),
            has_keys: true,
            ..registered
        };
        let (seconds, bytes) = (kept.seconds, durable.bytes());
        info!(call = %call.id, agent = call.facts.agent, seconds, bytes, "a recording is kept");
        self.book.note(Note::Kept(Box::new(kept)));
        let since_press = pressed.map(|pressed| self.clock.since(pressed));
        self.counters.recording_kept(selected.reasons(), durable.bytes(), since_press, self.clock.since(*settled));
        committing.remove(&durable.call()).map(|ended| ended.call)
    }
}

/// The catalog's row of a recording, from its file. The file does not say the customer's number or the phone's keys.
pub(super) fn registered(durable: &Durable, label: &Label, committed_at: Timestamp) -> RecordingKept {
    let Call { facts, rate, .. } = &label.call;
    RecordingKept {
        of: RecordedCall { label: label.clone(), customer: None },
        seconds: rate.seconds(durable.samples()),
        first_seconds: rate.seconds(durable.first()),
        parts: marks::parts(durable, *rate),
        participants: marks::participants(durable.marks(), &facts.agent, durable.end(), *rate),
        marks: marks::of_catalog(durable.marks(), Vec::new(), durable.end(), *rate),
        has_keys: false,
        state: if durable.incomplete() { RecordingState::Incomplete } else { RecordingState::Complete },
        ends_at: label.end(durable.first(), durable.samples()),
        committed_at,
    }
}
