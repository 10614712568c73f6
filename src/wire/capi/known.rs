//! What is known of a call: what the engine said of it, whoever changed it, and what was asked and not answered.
//!
//! Belongs here: events in, a status out, what is to be asked again after a lost connection. Does not: the connection.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use retrocall_client::client::Call;
use retrocall_words::{Ask, CallId, CallStates, EndedBy, Event};

/// A call of a connection.
pub struct Known {
    /// Its id, channel and states.
    pub call: Call,
    /// Whether this connection carries it: not any more once the connection was lost, until the call is taken over.
    pub carried: bool,
    /// `end` was accepted.
    pub ended_here: bool,
    /// The recording, once it is on disk for good.
    pub kept: Option<PathBuf>,
    /// Frames that the engine refused, by leg.
    pub refused: [u64; 2],
    /// For the thread that pushes: nothing is taken any more.
    pub closed: Arc<AtomicBool>,
    /// It is another call than the one whose memory the thread that pushes has.
    anew: bool,
    pressed: bool,
    memory_full: bool,
    disk_trouble: bool,
    /// Controls that nobody answered, because the connection was lost.
    unanswered: Vec<Ask>,
    /// What was said of it and could not be used.
    left_out: Vec<String>,
}

/// How a call is.
#[derive(Default)]
pub struct Status {
    /// There is a connection that carries it.
    pub connected: bool,
    /// What holds of it.
    pub states: CallStates,
    /// It is over.
    pub ended: bool,
    /// What ended it, if it was not `end`.
    pub ended_by: Option<EndedBy>,
    /// The recording is on disk for good.
    pub kept: bool,
    /// Something that came to the engine was lost.
    pub incomplete: bool,
    /// The disk refuses the recording, for now.
    pub disk_trouble: bool,
    /// Something that was said of it could not be used.
    pub left_out: bool,
    /// Frames that the engine refused, agent first.
    pub refused: [u64; 2],
    /// Calls before that it goes on with.
    pub before: usize,
}

impl Known {
    /// A call that has just begun, or was just taken over, of which something that was said was left out before.
    pub fn new(call: Call, mut left_out: Vec<String>) -> Known {
        left_out.extend_from_slice(call.left_out());
        Known {
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

    /// Whether it is over, as far as anybody said.
    pub fn is_over(&self) -> bool {
        self.ended_here || self.call.ended_by().is_some()
    }

    /// Takes in an event, of whatever call.
    pub fn hear(&mut self, event: &Event) {
        self.call.hear(event);
        match event {
            Event::Recording { call } if *call == self.call.id() => self.pressed = true,
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

    /// A control was accepted, or it was so before.
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

    /// Nobody answered a control. What keeps something, or keeps it out, is asked for again when the call goes on: better once too often.
    pub fn not_answered(&mut self, ask: &Ask) {
        let is_kept = ask.after(CallStates::default()) != CallStates::default();
        if is_kept && !self.unanswered.contains(ask) {
            self.unanswered.push(ask.clone());
        }
    }

    /// A control that nobody had answered was answered.
    pub fn answered(&mut self, ask: &Ask) {
        self.unanswered.retain(|unanswered| unanswered != ask);
    }

    /// The controls that nobody answered, in their order.
    pub fn unanswered(&self) -> Vec<Ask> {
        self.unanswered.clone()
    }

    /// What is left of it is another call now, as which the engine took it.
    pub fn go_on_as(&mut self, call: Call) {
        let is_another = call.id() != self.call.id();
        self.call = call;
        self.carried = true;
        if is_another {
            (self.kept, self.disk_trouble, self.anew) = (None, false, true);
            self.left_out = self.call.left_out().to_vec();
        }
    }

    /// Whether it is another call than the one whose memory the thread that pushes has; it has the new one's now.
    pub fn take_anew(&mut self) -> bool {
        std::mem::take(&mut self.anew)
    }

    /// What was said of it and could not be used.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The id of the call that it goes on with, or was said to.
    pub fn continues(&self) -> Option<CallId> {
        self.call.before().last().copied().or(self.call.announced().facts.continues)
    }

    /// How it is, over a connection that is there or not.
    pub fn status(&self, is_connected: bool) -> Status {
        let said = self.call.states();
        let before = self.call.before().len();
        Status {
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
        }
    }
}

/// Whether what was asked before need not be asked again after this was done.
fn is_undone_by(before: &Ask, done: &Ask) -> bool {
    before == done || done.after(before.after(CallStates::default())) == CallStates::default()
}
