//! A call that goes on where one before it was cut off: it is not drawn again, and what held of that one holds of this one.
//!
//! Belongs here: which calls may be gone on with, by whom, and what holds from the first sample on. Does not: how a call begins.
//!
//! Nobody may say `continues` to get out of the draw. So only a call that nobody hung up can be gone on with (its connection was lost, or the
//! engine went), once, soon, and by those who had it; the ledger has both rows, and the second one names the first.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tracing::{info, warn};

use super::{
    Engine,
    registry::{Entry, State},
};
use crate::call::{LiveCall, Moment};
use retrocall_words::{CallId, CallStates, Clock, Event, Principal, PrincipalId, Refusal, book::CutOff};

/// How long after its end, or after the engine's start, a call can be gone on with: clients come back within seconds.
const GO_ON_MAX: Duration = Duration::from_secs(600);

/// What is known of a call that was cut off.
pub(super) struct Before {
    /// Its id, and those of the calls that it went on with itself, the last one first.
    pub ids: Vec<CallId>,
    /// Who talked when it was cut off.
    agent: String,
    /// Who may go on with it, besides the engine's owner: whoever talked,
    agents: [String; 2],
    /// and whoever carried it, if that is known.
    carrier: Option<PrincipalId>,
    /// What held of it.
    pub states: CallStates,
}

impl Before {
    /// Of a call of this run.
    fn of(entry: &Entry, state: &State, call: &LiveCall) -> Before {
        Before {
            ids: [&[entry.id], &entry.before[..]].concat(),
            agent: call.agent().to_owned(),
            agents: [entry.call.facts.agent.clone(), call.agent().to_owned()],
            carrier: Some(state.carrier.who),
            states: call.states(),
        }
    }

    /// Of a call of a run before this one, as far as the ledger tells.
    fn of_row(row: &CutOff) -> Before {
        let CutOff { call, agent, recording, private, objected } = row.clone();
        let states = CallStates { recording, private, objected, ..CallStates::default() };
        Before { ids: vec![call], agents: [agent.clone(), agent.clone()], agent, carrier: None, states }
    }

    fn is_of(&self, who: &Principal) -> bool {
        who.is_owner() || self.carrier == Some(who.id) || self.agents.iter().any(|agent| who.is(agent))
    }
}

/// The calls that were cut off and may be gone on with, for as long as that is.
#[derive(Clone)]
pub(super) struct CutOffs {
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    calls: HashMap<CallId, Before>,
    /// Until when each of them is, the first one first.
    until: VecDeque<(Instant, CallId)>,
}

impl CutOffs {
    pub(super) fn new(clock: Arc<dyn Clock>) -> CutOffs {
        CutOffs { clock, known: Arc::default() }
    }

    /// What the ledger knows of calls that were cut off before this run.
    pub(super) fn remember(&self, rows: &[CutOff]) {
        rows.iter().for_each(|row| self.add(row.call, Before::of_row(row)));
    }

    fn add(&self, id: CallId, before: Before) {
        let mut known = self.known.lock();
        known.calls.insert(id, before);
        known.until.push_back((self.clock.now() + GO_ON_MAX, id));
    }

    fn has(&self, id: CallId, fits: impl Fn(&Before) -> bool) -> bool {
        self.known.lock().calls.get(&id).is_some_and(fits)
    }

    /// Takes one that `fits`: it can be gone on with once.
    fn take_if(&self, id: CallId, fits: impl Fn(&Before) -> bool) -> Option<Before> {
        let now = self.clock.now();
        let mut known = self.known.lock();
        while let Some((_, late)) = known.until.pop_front_if(|(until, _)| *until < now) {
            known.calls.remove(&late);
        }
        if !known.calls.get(&id).is_some_and(fits) {
            return None;
        }
        known.calls.remove(&id)
    }
}

impl Engine {
    /// A call that was cut off is settled.
    pub(super) fn note_cut_off(&self, entry: &Entry, state: &State, call: &LiveCall) {
        if call.is_cut_off() && !state.gone_on_with {
            self.cut_offs.add(entry.id, Before::of(entry, state, call));
        }
    }

    /// Whether the call that this user goes on with was this agent's when it was cut off.
    pub(super) fn was_of(&self, who: &Principal, id: CallId, agent: &str) -> bool {
        let fits = |before: &Before| before.is_of(who) && before.agent == agent;
        match self.registry.get(id) {
            Ok(entry) => {
                let state = entry.state.lock();
                state.call.as_ref().is_some_and(|call| call.is_cut_off() && fits(&Before::of(&entry, &state, call)))
            }
            Err(_) => self.cut_offs.has(id, fits),
        }
    }

    /// The call that this user goes on with; none if there is nothing to go on with.
    pub(super) fn take_before(&self, who: &Principal, id: CallId) -> Option<Before> {
        let Ok(entry) = self.registry.get(id) else {
            return self.cut_offs.take_if(id, |before| before.is_of(who));
        };
        // It waits for a late press.
        let mut state = entry.state.lock();
        let call = state.call.as_ref().filter(|call| call.is_cut_off() && !state.gone_on_with)?;
        let before = Before::of(&entry, &state, call);
        state.gone_on_with = before.is_of(who);
        state.gone_on_with.then_some(before)
    }

    /// Puts in force, at the begin of a call, what is said and what is known to have held before it. Returns the names of what can't be: a
    /// call that is private is not recorded, unless it is known that it was.
    pub(super) fn put_in_force(
        &self,
        entry: &Entry,
        state: &mut State,
        said: CallStates,
        known: CallStates,
    ) -> Vec<String> {
        let states = said.or(known);
        let mut left_out = Vec::new();
        if states == CallStates::default() {
            return left_out;
        }
        let mut put = |name: &str, done: Result<(), Refusal>| {
            if done.is_err() {
                left_out.push(name.to_owned());
            }
        };
        if states.recording && (known.recording || !states.private) {
            put("recording", self.record_from_the_first(entry, state));
        }
        let Some(call) = state.call.as_mut() else { return left_out };
        if states.private {
            put("private", call.private().map(drop));
        }
        if states.recording && call.states().private {
            put("recording", Err(Refusal::Private));
        }
        if states.masked {
            put("masked", call.mask(Moment::InOrder).map(drop));
        }
        if states.on_hold {
            put("on_hold", call.hold(Moment::InOrder).map(drop));
        }
        // After the press: one that was accepted is not undone by an objection that came later.
        if states.objected {
            call.object();
        }
        info!(call = %entry.id, states = ?call.states(), ?left_out, "a call begins with what held before");
        left_out
    }

    fn record_from_the_first(&self, entry: &Entry, state: &mut State) -> Result<(), Refusal> {
        let Some(call) = state.call.as_mut() else { return Err(Refusal::Ended) };
        let (_, commit) = self.record(entry, call, None, Moment::InOrder)?;
        (state.commit, state.pressed) = (commit, Some(self.clock.now()));
        self.record_before(entry);
        Ok(())
    }

    /// What a press means is the whole call: what went before, if it still waits for a press.
    pub(super) fn record_before(&self, entry: &Entry) {
        for before in entry.before.iter().filter_map(|id| self.registry.get(*id).ok()) {
            let mut state = before.state.lock();
            let Some(call) = state.call.as_mut() else { continue };
            match self.record(&before, call, None, Moment::InOrder) {
                Ok((_, commit)) => {
                    if commit.is_some() {
                        (state.commit, state.pressed) = (commit, Some(self.clock.now()));
                    }
                    self.settle(&before, &mut state);
                }
                Err(refusal) => warn!(call = %before.id, reason = %refusal, "the call before is not kept"),
            }
        }
    }
}

impl State {
    /// Tells whoever carries the call what holds of it now.
    pub(super) fn tell_states(&self, entry: &Entry) {
        if let (Some(call), Some(carrier)) = (&self.call, self.carrier.listener.upgrade()) {
            let (call, agent, states) = (entry.id, call.agent().to_owned(), call.states());
            carrier.tell(&Event::State { call, agent, states });
        }
    }
}

#[cfg(test)]
mod tests;
