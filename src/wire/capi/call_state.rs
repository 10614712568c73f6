//! The state of a call: what the engine has said of it, whoever changed it, and requests without an answer.
//!
//! Belongs here: events in, a status out, requests to repeat after a lost connection. Does not: the connection.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use retrocall_client::client::Call;
use retrocall_words::{Ask, CallId, CallStates, EndedBy, Event, Reason};

/// A call of a connection.
pub struct CallState {
    /// Its id, channel and states.
    pub call: Call,
    /// Whether this connection carries it: not after a lost connection, until the call is taken over.
    pub carried: bool,
    /// `end` was accepted.
    pub ended_here: bool,
    /// The recording, once it is durable.
    pub kept: Option<PathBuf>,
    /// Frames that the engine refused, by leg.
    pub refused: [u64; 2],
    /// For the pushing thread: nothing is taken any more.
    pub closed: Arc<AtomicBool>,
    /// The call has changed, and the pushing thread still has the memory of the earlier one.
    anew: bool,
    pressed: bool,
    memory_full: bool,
    disk_trouble: bool,
    /// Controls without an answer: the connection was lost.
    unanswered: Vec<Ask>,
    /// Options that could not be used.
    left_out: Vec<String>,
}

/// The status of a call.
#[derive(Default)]
pub struct CallStatus {
    /// A connection carries it.
    pub connected: bool,
    /// Its states.
    pub states: CallStates,
    /// It is over.
    pub ended: bool,
    /// What ended it, other than `end`.
    pub ended_by: Option<EndedBy>,
    /// The recording is durable.
    pub kept: bool,
    /// Audio was lost on the way or in the engine.
    pub incomplete: bool,
    /// The disk refuses the recording, for now.
    pub disk_trouble: bool,
    /// An option could not be used.
    pub left_out: bool,
    /// Frames that the engine refused, agent first.
    pub refused: [u64; 2],
    /// How many calls it continues.
    pub before: usize,
    /// It is on a line that is never captured.
    pub exempt: bool,
}

impl CallState {
    /// A call that has just begun, or was just taken over. `left_out` are options that were left out already.
    pub fn new(call: Call, mut left_out: Vec<String>) -> CallState {
        left_out.extend_from_slice(call.left_out());
        CallState {
            call,
            left_out,
            carried: true,
            ended_here: false,
            kept: None,
            refused: [0; 2],
            closed: Arc::default(),
            anew: false,
            pressed: false,
            memory_full: false,
            disk_trouble: false,
            unanswered: Vec::new(),
        }
    }

    /// Whether it is over, as far as this process knows.
    pub fn is_over(&self) -> bool {
        self.ended_here || self.call.ended_by().is_some()
    }

    /// Takes in an event of any call.
    pub fn hear(&mut self, event: &Event) {
        self.call.hear(event);
        match event {
            Event::Recording { call, reason, .. } if *call == self.call.id() => {
                // An earlier engine tells of a press alone, and does not say so.
                self.pressed |= reason.is_none_or(|reason| reason == Reason::OnDemand);
            }
            Event::Kept { call, path, .. } if *call == self.call.id() => self.kept = Some(path.clone()),
            Event::MemoryFull { call, .. } if *call == self.call.id() => self.memory_full = true,
            Event::DiskTrouble { call, .. } if *call == self.call.id() => self.disk_trouble = true,
            Event::DiskWell { call } if *call == self.call.id() => self.disk_trouble = false,
            Event::FramesRefused { call: Some(call), leg, frames, .. } if *call == self.call.id() => {
                self.refused[leg.index()] += frames;
            }
            _ => {}
        }
        if self.is_over() {
            self.closed.store(true, Ordering::Relaxed);
        }
    }

    /// Its connection is lost.
    pub fn lose(&mut self) {
        self.carried = false;
        self.closed.store(true, Ordering::Relaxed);
    }

    /// A control was accepted, or had taken effect before.
    pub fn done(&mut self, ask: &Ask) {
        self.unanswered.retain(|unanswered| !is_undone_by(unanswered, ask));
        match ask {
            Ask::Record => self.pressed = true,
            Ask::End => {
                self.ended_here = true;
                self.closed.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// A control got no answer. If it keeps audio or keeps it out, it is repeated when the call is continued: better once too often.
    pub fn not_answered(&mut self, ask: &Ask) {
        let is_kept = ask.after(CallStates::default()) != CallStates::default();
        if is_kept && !self.unanswered.contains(ask) {
            self.unanswered.push(ask.clone());
        }
    }

    /// A control without an answer was answered at last.
    pub fn answered(&mut self, ask: &Ask) {
        self.unanswered.retain(|unanswered| unanswered != ask);
    }

    /// The controls without an answer, in order.
    pub fn unanswered(&self) -> Vec<Ask> {
        self.unanswered.clone()
    }

    /// The rest of it is another call now, as the engine took it.
    pub fn go_on_as(&mut self, call: Call) {
        let is_another = call.id() != self.call.id();
        self.call = call;
        self.carried = true;
        if is_another {
            (self.kept, self.disk_trouble, self.anew) = (None, false, true);
            self.left_out = self.call.left_out().to_vec();
        }
    }

    /// Whether the pushing thread still has the memory of an earlier call. It gets the new one's now.
    pub fn take_anew(&mut self) -> bool {
        std::mem::take(&mut self.anew)
    }

    /// The options that could not be used.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The id of the call that it continues, or was announced to continue.
    pub fn continues(&self) -> Option<CallId> {
        self.call.before().last().copied().or(self.call.announced().facts.continues)
    }

    /// Its status; `is_connected` says whether there is a connection.
    pub fn status(&self, is_connected: bool) -> CallStatus {
        let said = self.call.states();
        let before = self.call.before().len();
        CallStatus {
            connected: is_connected && self.carried,
            states: CallStates { recording: said.recording || self.pressed, ..said },
            ended: self.is_over(),
            ended_by: self.call.ended_by().filter(|_| !self.ended_here),
            kept: self.kept.is_some(),
            incomplete: self.memory_full || self.refused != [0; 2] || before > 0,
            disk_trouble: self.disk_trouble,
            left_out: !self.left_out.is_empty(),
            refused: self.refused,
            before,
            exempt: self.call.is_exempt(),
        }
    }
}

/// Whether `done` makes it unnecessary to repeat `before`.
fn is_undone_by(before: &Ask, done: &Ask) -> bool {
    before == done || done.after(before.after(CallStates::default())) == CallStates::default()
}
