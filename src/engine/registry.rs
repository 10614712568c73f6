//! The calls that are live: finding the one that is meant.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Listener, listener::Listeners, quotas::Counted, slots::Slots};
use crate::{call::LiveCall, commit::CommitHandle};
use retrocall_core::ring::{LegCounts, Ring};
use retrocall_words::{
    Beginning, Call, CallId, Customer, Principal, PrincipalId, Refusal,
    audio::{Codec, Leg, Rate},
};

/// Who carries a call.
pub(super) struct Carrier {
    /// Whoever talks by now, this user may take the call up again.
    pub who: PrincipalId,
    /// Told whenever what holds of the call changes.
    pub listener: Weak<dyn Listener>,
}

impl Carrier {
    /// Whether its connection is closed by now, and is another one than this.
    pub(super) fn is_leaving_to(&self, listener: &Arc<dyn Listener>) -> bool {
        let carrier = self.listener.upgrade();
        carrier.is_some_and(|carrier| !Arc::ptr_eq(&carrier, listener) && carrier.is_leaving())
    }

    pub(super) fn new(who: &Principal, listener: &Arc<dyn Listener>) -> Carrier {
        Carrier { who: who.id, listener: Arc::downgrade(listener) }
    }
}

/// A live call and what surrounds it.
pub(super) struct Entry {
    pub id: CallId,
    /// Never changes; the current agent is in the state.
    pub call: Call,
    /// The customer's number, if known.
    pub customer: Option<Customer>,
    /// How its samples come.
    pub codec: Codec,
    pub ring: Arc<Ring>,
    /// When it began: for the limit on positions, and for when it ended.
    pub beginning: Beginning,
    pub listeners: Arc<Listeners>,
    /// Whose call it counts as.
    pub counted: Counted,
    /// The calls that it goes on with, the last one first.
    pub before: Vec<CallId>,
    /// Wakes those who wait for another link.
    pub link_changed: Notify,
    pub state: Mutex<State>,
}

/// What changes in an entry.
pub(super) struct State {
    /// None once it is settled.
    pub call: Option<LiveCall>,
    /// Of several calls of an agent the one with the highest turn was begun or taken last.
    pub turn: u64,
    /// The agent to whom its own one offers it.
    pub offered_to: Option<String>,
    /// What brings it its legs.
    pub slots: Slots,
    /// Once it has ended: until when record can still be pressed.
    pub pressable_until: Option<Instant>,
    /// Whoever carries it now, or did last.
    pub carrier: Carrier,
    /// Whether another call goes on with it.
    pub gone_on_with: bool,
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
    pub refused_frames: u64,
}

impl AudioCounts {
    fn add(&mut self, of: &LegCounts, rate: Rate) {
        self.frames += of.frames;
        self.gaps += of.gaps;
        self.gap_us += (rate.seconds(of.gap_samples) * 1e6) as u64;
        self.late_frames += of.late_frames;
        self.lost_frames += of.lost_frames;
        self.refused_frames += of.refused_frames;
    }

    fn add_call(&mut self, entry: &Entry) {
        Leg::ALL.iter().for_each(|leg| self.add(&entry.ring.counts(*leg), entry.call.rate));
    }
}

/// The live calls, and what those before them have counted. One lock for both: a call is in the one or in the other, so that a sum
/// never goes back.
#[derive(Default)]
pub(super) struct Registry(Mutex<Calls>);

#[derive(Default)]
struct Calls {
    live: HashMap<CallId, Live>,
    /// The live calls of each agent: a press looks at these, however many others there are.
    of_agents: HashMap<String, Vec<CallId>>,
    /// Which live call goes on with one that was cut off.
    going_on: HashMap<CallId, CallId>,
    settled: AudioCounts,
    /// Turns that were given.
    turns: u64,
    /// Calls that were not looked after yet since all had their turn, and how many of them a round takes.
    rest: Vec<Arc<Entry>>,
    share: usize,
}

struct Live {
    entry: Arc<Entry>,
    /// Among whose calls it is found.
    agent: String,
}

/// A round of looking after calls takes at least so many: a fraction of a millisecond of the control thread.
const ROUND_CALLS_MIN: usize = 1_000;
/// However many calls are live, each is looked after once in so many rounds.
const ROUNDS_MAX: usize = 10;

impl Calls {
    fn find(&mut self, id: CallId, agent: &str) {
        self.of_agents.entry(agent.to_owned()).or_default().push(id);
    }

    fn lose(&mut self, id: CallId, agent: &str) {
        if let Some(calls) = self.of_agents.get_mut(agent) {
            calls.retain(|call| *call != id);
            if calls.is_empty() {
                self.of_agents.remove(agent);
            }
        }
    }
}

impl Registry {
    pub(super) fn len(&self) -> usize {
        self.0.lock().live.len()
    }

    pub(super) fn add(&self, entry: &Arc<Entry>) {
        let mut calls = self.0.lock();
        let agent = entry.call.facts.agent.clone();
        calls.find(entry.id, &agent);
        calls.live.insert(entry.id, Live { entry: Arc::clone(entry), agent });
        calls.going_on.extend(entry.before.iter().map(|before| (*before, entry.id)));
    }

    /// A call has another agent from here on.
    pub(super) fn moved(&self, id: CallId, to: &str) {
        let mut calls = self.0.lock();
        let Some(live) = calls.live.get_mut(&id) else { return };
        let from = std::mem::replace(&mut live.agent, to.to_owned());
        calls.lose(id, &from);
        calls.find(id, to);
    }

    /// A call is settled: its ring is closed, and its counts don't change any more.
    pub(super) fn remove(&self, id: CallId) {
        let mut calls = self.0.lock();
        if let Some(Live { entry, agent }) = calls.live.remove(&id) {
            calls.lose(id, &agent);
            calls.settled.add_call(&entry);
            for before in &entry.before {
                calls.going_on.remove(before);
            }
        }
    }

    /// How many calls are live, and what all calls have counted so far. Loads of atomics, and no lock of a call's.
    pub(super) fn counts(&self) -> (usize, AudioCounts) {
        let calls = self.0.lock();
        let mut counts = calls.settled;
        calls.live.values().for_each(|live| counts.add_call(&live.entry));
        (calls.live.len(), counts)
    }

    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        self.0.lock().live.values().map(|live| Arc::clone(&live.entry)).collect()
    }

    /// The calls to look after now: all, or, where there are so many that a round would hold up those who press and begin, a part of them,
    /// so that each has its turn once in [`ROUNDS_MAX`] rounds. One that was settled meanwhile may be among them.
    pub(super) fn next_round(&self) -> Vec<Arc<Entry>> {
        let mut calls = self.0.lock();
        if calls.rest.is_empty() {
            calls.rest = calls.live.values().map(|live| Arc::clone(&live.entry)).collect();
            calls.share = calls.rest.len().div_ceil(ROUNDS_MAX).max(ROUND_CALLS_MIN);
        }
        let left = calls.rest.len().saturating_sub(calls.share);
        calls.rest.split_off(left)
    }

    pub(super) fn get(&self, id: CallId) -> Result<Arc<Entry>, Refusal> {
        self.0.lock().live.get(&id).map(|live| Arc::clone(&live.entry)).ok_or(Refusal::UnknownCall)
    }

    /// The next turn. Not the clock's, nor an id's, which is made of it: that may jump back, and the button would mean another call.
    pub(super) fn next_turn(&self) -> u64 {
        let mut calls = self.0.lock();
        calls.turns += 1;
        calls.turns
    }

    /// The call that is meant by an id: the one that goes on with it, if one does.
    pub(super) fn meant(&self, id: CallId) -> Result<Arc<Entry>, Refusal> {
        let calls = self.0.lock();
        let id = calls.going_on.get(&id).unwrap_or(&id);
        calls.live.get(id).map(|live| Arc::clone(&live.entry)).ok_or(Refusal::UnknownCall)
    }

    /// The call of an agent that a button means: the one that talks before one on hold, before one that has ended; of several the one
    /// that the agent began or took last.
    pub(super) fn of_agent(&self, agent: &str) -> Result<Arc<Entry>, Refusal> {
        self.of_agent_among(agent, |_| true).ok_or(Refusal::NoCall)
    }

    /// The call of whoever asks. On a desk of one person the only live call is theirs, whatever the softphone calls the agent: the only one that
    /// no other user began, for whoever else begins one must neither get the owner's press nor be in its way.
    pub(super) fn own(&self, who: &Principal) -> Result<Arc<Entry>, Refusal> {
        let own = who.agents.first().map_or(Err(Refusal::NoCall), |agent| self.of_agent(agent));
        own.or_else(|refusal| if who.is_owner() { self.only_of_the_owner().ok_or(refusal) } else { Err(refusal) })
    }

    fn only_of_the_owner(&self) -> Option<Arc<Entry>> {
        let mut owners = self.all().into_iter().filter(|entry| entry.counted.account().is_owners());
        owners.next().filter(|_| owners.next().is_none())
    }

    /// The same among some calls.
    pub(super) fn of_agent_among(&self, agent: &str, is_one: impl Fn(CallId) -> bool) -> Option<Arc<Entry>> {
        let calls = self.0.lock();
        let own = calls.of_agents.get(agent)?.iter().filter(|id| is_one(**id));
        let own: Vec<Arc<Entry>> =
            own.filter_map(|id| calls.live.get(id)).map(|live| Arc::clone(&live.entry)).collect();
        drop(calls);
        let rank = |entry: Arc<Entry>| {
            let state = entry.state.lock();
            let call = state.call.as_ref().filter(|call| call.agent() == agent)?;
            let rank = (!call.is_ended(), !call.is_on_hold(), state.turn);
            drop(state);
            Some((rank, entry))
        };
        own.into_iter().filter_map(rank).max_by_key(|(rank, _)| *rank).map(|(_, entry)| entry)
    }
}

impl State {
    /// Of a call that has just begun.
    pub(super) fn begun(call: LiveCall, slots: Slots, carrier: Carrier, turn: u64) -> State {
        State {
            call: Some(call),
            turn,
            offered_to: None,
            slots,
            pressable_until: None,
            carrier,
            gone_on_with: false,
            commit: None,
            pressed: None,
            lost_frames_told: 0,
            told_too_long: false,
        }
    }

    /// Whether its time has come: the grace of its legs, or the wait for a late press, is over.
    pub(super) fn is_over(&self, now: Instant, grace: Duration) -> bool {
        match self.pressable_until {
            None => self.slots.are_over(now, grace),
            Some(until) => now >= until,
        }
    }
}
