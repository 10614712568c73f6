//! The live calls, and how a request finds the one it means.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Listener, listener::Listeners, quotas::Ticket, slots::Slots};
use crate::{call::LiveCall, commit::CommitHandle};
use retrocall_core::ring::{LegCounts, Ring};
use retrocall_words::{
    Beginning, Call, CallId, Customer, Place, Principal, PrincipalId, Refusal,
    audio::{Codec, Leg, Rate},
};

/// Who carries a call.
pub(super) struct Carrier {
    /// The user, who may take the call up again whoever talks by now.
    pub who: PrincipalId,
    /// Hears of each change of the call's states.
    pub listener: Weak<dyn Listener>,
}

impl Carrier {
    /// Whether the carrier's connection is closed, and is not this one.
    pub(super) fn is_leaving_to(&self, listener: &Arc<dyn Listener>) -> bool {
        let carrier = self.listener.upgrade();
        carrier.is_some_and(|carrier| !Arc::ptr_eq(&carrier, listener) && carrier.is_leaving())
    }

    pub(super) fn new(who: &Principal, listener: &Arc<dyn Listener>) -> Carrier {
        Carrier { who: who.id, listener: Arc::downgrade(listener) }
    }
}

/// A live call with its surroundings.
pub(super) struct Entry {
    pub id: CallId,
    /// The facts at its begin. The current agent is in the state.
    pub call: Call,
    /// Its place among the calls. None: it never gets one.
    pub place: Option<Place>,
    /// The customer's number, if known.
    pub customer: Option<Customer>,
    /// The coding of its samples.
    pub codec: Codec,
    pub ring: Arc<Ring>,
    /// When it began: the limit on positions and the time of its end depend on it.
    pub beginning: Beginning,
    pub listeners: Arc<Listeners>,
    /// The account that it counts for.
    pub counted: Ticket,
    /// The calls that it continues, the latest first.
    pub before: Vec<CallId>,
    /// Wakes those who wait for another connection.
    pub link_changed: Notify,
    pub state: Mutex<State>,
}

/// The changing part of an entry.
pub(super) struct State {
    /// None once the call is settled.
    pub call: Option<LiveCall>,
    /// The order in which calls were begun or taken: of an agent's calls, the latest has the highest turn.
    pub turn: u64,
    /// The agent to whom it is offered.
    pub offered_to: Option<String>,
    /// Holds the writers of its legs.
    pub slots: Slots,
    /// Once the call has ended: until when record can still be pressed.
    pub pressable_until: Option<Instant>,
    /// Whoever carries it, or carried it last.
    pub carrier: Carrier,
    /// Whether another call continues it.
    pub gone_on_with: bool,
    /// The commit that follows the call since record was pressed.
    pub commit: Option<CommitHandle>,
    /// When record was first pressed.
    pub pressed: Option<Instant>,
    /// Lost frames that listeners know of.
    pub lost_frames_told: u64,
    /// Whether listeners know that the oldest audio goes.
    pub told_too_long: bool,
}

/// Sums of the counts of legs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct AudioCounts {
    pub frames: u64,
    pub gaps: u64,
    /// In microseconds, because calls have different rates.
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

/// The live calls, and the sums of those before them. One lock for both: each call is in exactly one of them, so a sum never goes back.
#[derive(Default)]
pub(super) struct Registry(Mutex<Calls>);

#[derive(Default)]
struct Calls {
    live: HashMap<CallId, Live>,
    /// The live calls by agent: a press looks only at these, however many others there are.
    of_agents: HashMap<String, Vec<CallId>>,
    /// The live call that continues a call that was cut off.
    going_on: HashMap<CallId, CallId>,
    settled: AudioCounts,
    /// The last turn given.
    turns: u64,
    /// The calls that this round of upkeep has still to visit, and how many it takes at a time.
    rest: Vec<Arc<Entry>>,
    share: usize,
}

struct Live {
    entry: Arc<Entry>,
    /// The agent under whom it is found.
    agent: String,
}

/// A round of upkeep visits at least this many calls: a fraction of a millisecond of the control thread.
const ROUND_CALLS_MIN: usize = 1_000;
/// However many calls are live, each is visited once in this many rounds.
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

    /// Moves a call to another agent.
    pub(super) fn moved(&self, id: CallId, to: &str) {
        let mut calls = self.0.lock();
        let Some(live) = calls.live.get_mut(&id) else { return };
        let from = std::mem::replace(&mut live.agent, to.to_owned());
        calls.lose(id, &from);
        calls.find(id, to);
    }

    /// Removes a settled call. Its ring is closed, so its counts are final.
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

    /// How many calls are live, and the sums over all calls so far. Reads atomics, and takes no lock of a call.
    pub(super) fn counts(&self) -> (usize, AudioCounts) {
        let calls = self.0.lock();
        let mut counts = calls.settled;
        calls.live.values().for_each(|live| counts.add_call(&live.entry));
        (calls.live.len(), counts)
    }

    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        self.0.lock().live.values().map(|live| Arc::clone(&live.entry)).collect()
    }

    /// The calls to look after now: all of them, or so many that presses and begins are not held up. Each call has its turn once in [`ROUNDS_MAX`]
    /// rounds. A call among them may be settled meanwhile.
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

    /// The next turn: a counter, because the clock, and with it the ids, may jump back, and the button would mean another call.
    pub(super) fn next_turn(&self) -> u64 {
        let mut calls = self.0.lock();
        calls.turns += 1;
        calls.turns
    }

    /// Finds a call by its id, or the call that continues it.
    pub(super) fn meant(&self, id: CallId) -> Result<Arc<Entry>, Refusal> {
        let calls = self.0.lock();
        let id = calls.going_on.get(&id).unwrap_or(&id);
        calls.live.get(id).map(|live| Arc::clone(&live.entry)).ok_or(Refusal::UnknownCall)
    }

    /// Finds the call that an agent's button means: a talking call before one on hold, before an ended one; of several the one that the agent
    /// began or took last.
    pub(super) fn of_agent(&self, agent: &str) -> Result<Arc<Entry>, Refusal> {
        self.of_agent_among(agent, |_| true).ok_or(Refusal::NoCall)
    }

    /// Finds the asking user's call. On a desk of one person it is the only live call that no other user began, whatever name the softphone gives
    /// the agent. Calls of other users must neither get the owner's press nor be in its way.
    pub(super) fn own(&self, who: &Principal) -> Result<Arc<Entry>, Refusal> {
        let own = who.agents.first().map_or(Err(Refusal::NoCall), |agent| self.of_agent(agent));
        own.or_else(|refusal| if who.is_owner() { self.only_of_the_owner().ok_or(refusal) } else { Err(refusal) })
    }

    fn only_of_the_owner(&self) -> Option<Arc<Entry>> {
        let mut owners = self.all().into_iter().filter(|entry| entry.counted.account().is_owners());
        owners.next().filter(|_| owners.next().is_none())
    }

    /// The same, among some calls.
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
    /// The state of a call that has just begun.
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

    /// Whether the call's time is over: the grace of its legs, or the wait for a late press.
    pub(super) fn is_over(&self, now: Instant, grace: Duration) -> bool {
        match self.pressable_until {
            None => self.slots.are_over(now, grace),
            Some(until) => now >= until,
        }
    }
}
