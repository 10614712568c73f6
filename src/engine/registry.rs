//! The calls that are live: finding the one that is meant.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{Beginning, Listener, listener::Listeners, slots::Slots};
use crate::{
    audio::{Leg, Rate},
    call::{Facts, LiveCall},
    commit::CommitHandle,
    protocol::{CallId, Refusal},
    ring::{LegCounts, Ring},
};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The agent that this user is.
    pub agent: String,
    /// Whether the user owns the engine (or is root), and may act for every agent.
    pub owner: bool,
}

impl Who {
    /// Whether this user may act for `agent`.
    pub fn may_act_for(&self, agent: &str) -> bool {
        self.owner || self.agent == agent
    }
}

/// Who carries a call.
pub(super) struct Carrier {
    /// The agent that this user is. Whoever talks by now, this user may take the call up again.
    pub agent: String,
    /// Told whenever what holds of the call changes.
    pub listener: Weak<dyn Listener>,
}

impl Carrier {
    pub(super) fn new(who: &Who, listener: &Arc<dyn Listener>) -> Carrier {
        Carrier { agent: who.agent.clone(), listener: Arc::downgrade(listener) }
    }
}

/// A live call and what surrounds it.
pub(super) struct Entry {
    pub id: CallId,
    /// Never changes; the current agent is in the call itself.
    pub facts: Facts,
    pub ring: Arc<Ring>,
    /// When it began, for the limit on positions.
    pub began: Instant,
    /// The same by the engine's clock, for when it ended.
    pub beginning: Beginning,
    pub listeners: Arc<Listeners>,
    pub state: Mutex<State>,
}

/// What changes in an entry.
pub(super) struct State {
    /// None once it is settled.
    pub call: Option<LiveCall>,
    /// What brings it its legs.
    pub slots: Slots,
    /// Once it has ended: until when record can still be pressed.
    pub pressable_until: Option<Duration>,
    /// Whoever carries it now, or did last.
    pub carrier: Carrier,
    /// The commit that follows the call since record was pressed.
    pub commit: Option<CommitHandle>,
    /// When record was first pressed.
    pub pressed: Option<Instant>,
    /// Lost frames that have been told of.
    pub lost_frames_told: u64,
    /// Whether it was said that the oldest audio goes.
    pub told_too_long: bool,
}

/// What the legs of calls have counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct AudioCounts {
    pub frames: u64,
    pub gaps: u64,
    /// In microseconds, for the rates of calls differ.
    pub gap_us: u64,
    pub late_frames: u64,
    pub lost_frames: u64,
}

impl AudioCounts {
    fn add(&mut self, of: &LegCounts, rate: Rate) {
        self.frames += of.frames;
        self.gaps += of.gaps;
        self.gap_us += (rate.seconds(of.gap_samples) * 1e6) as u64;
        self.late_frames += of.late_frames;
        self.lost_frames += of.lost_frames;
    }

    fn add_call(&mut self, entry: &Entry) {
        Leg::ALL.iter().for_each(|leg| self.add(&entry.ring.counts(*leg), entry.facts.rate));
    }
}

/// The live calls, and what those before them have counted. One lock for both: a call is in the one or in the other, so that a sum
/// never goes back.
#[derive(Default)]
pub(super) struct Registry(Mutex<Calls>);

#[derive(Default)]
struct Calls {
    live: HashMap<CallId, Arc<Entry>>,
    settled: AudioCounts,
}

impl Registry {
    pub(super) fn len(&self) -> usize {
        self.0.lock().live.len()
    }

    pub(super) fn add(&self, entry: &Arc<Entry>) {
        self.0.lock().live.insert(entry.id, Arc::clone(entry));
    }

    /// A call is settled: its ring is closed, and its counts don't change any more.
    pub(super) fn remove(&self, id: CallId) {
        let mut calls = self.0.lock();
        if let Some(entry) = calls.live.remove(&id) {
            calls.settled.add_call(&entry);
        }
    }

    /// How many calls are live, and what all calls have counted so far. Loads of atomics, and no lock of a call's.
    pub(super) fn counts(&self) -> (usize, AudioCounts) {
        let calls = self.0.lock();
        let mut counts = calls.settled;
        calls.live.values().for_each(|entry| counts.add_call(entry));
        (calls.live.len(), counts)
    }

    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        self.0.lock().live.values().cloned().collect()
    }

    pub(super) fn get(&self, id: CallId) -> Result<Arc<Entry>, Refusal> {
        self.0.lock().live.get(&id).cloned().ok_or(Refusal::UnknownCall)
    }

    /// The call of an agent that a button means: the one that talks before one on hold, before one that has ended; of several the one
    /// that began last.
    pub(super) fn of_agent(&self, agent: &str) -> Result<Arc<Entry>, Refusal> {
        self.best(|call| call.agent() == agent).ok_or(Refusal::NoCall)
    }

    /// The call of whoever asks. On a desk of one person the only live call is theirs, whatever the softphone calls the agent.
    pub(super) fn own(&self, who: &Who) -> Result<Arc<Entry>, Refusal> {
        let only = || if who.owner && self.len() == 1 { self.best(|_| true) } else { None };
        self.of_agent(&who.agent).or_else(|refusal| only().ok_or(refusal))
    }

    fn best(&self, fits: impl Fn(&LiveCall) -> bool) -> Option<Arc<Entry>> {
        let rank = |entry: Arc<Entry>| {
            let state = entry.state.lock();
            let call = state.call.as_ref().filter(|call| fits(call))?;
            let rank = (!call.is_ended(), !call.is_on_hold(), entry.id);
            drop(state);
            Some((rank, entry))
        };
        self.all().into_iter().filter_map(rank).max_by_key(|(rank, _)| *rank).map(|(_, entry)| entry)
    }
}

impl State {
    /// Of a call that has just begun.
    pub(super) fn begun(call: LiveCall, slots: Slots, carrier: Carrier) -> State {
        State {
            call: Some(call),
            slots,
            pressable_until: None,
            carrier,
            commit: None,
            pressed: None,
            lost_frames_told: 0,
            told_too_long: false,
        }
    }

    /// Whether its time has come: the grace of its legs, or the wait for a late press, is over.
    pub(super) fn is_over(&self, now: Duration, grace: Duration) -> bool {
        match self.pressable_until {
            None => self.slots.are_over(now, grace),
            Some(until) => now >= until,
        }
    }
}
