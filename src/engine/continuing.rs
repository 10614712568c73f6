//! A call that goes on where an earlier one was cut off. It is not drawn again, and the states of the earlier call hold for it.
//!
//! Belongs here: which calls can be continued, by whom, and which states hold from the first sample on. Does not: how a call begins.
//!
//! Nobody may say `continues` to get out of the draw. So a call can be continued only if nobody hung it up (its connection was lost, or the engine
//! went), only once, only soon, and only by its own people. The ledger has both rows, and the second one names the first.

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
use retrocall_words::{
    CallId, CallStates, Clock, Event, Origin, Principal, PrincipalId, Reason, Refusal, Verb, book::CutOff,
};

/// How long after its end, or after the engine's start, a call can be continued: clients come back within seconds.
const GO_ON_MAX: Duration = Duration::from_secs(600);

/// A call that was cut off, as far as it is known.
pub(super) struct Predecessor {
    /// Its id, then the ids of the calls that it continued itself, the latest first.
    pub ids: Vec<CallId>,
    /// The agent who talked when it was cut off.
    agent: String,
    /// The agents who may continue it, besides the engine's owner.
    agents: [String; 2],
    /// The user who carried it, if that is known: may continue it too.
    carrier: Option<PrincipalId>,
    /// The states that held for it.
    pub states: CallStates,
}

impl Predecessor {
    /// From a call of this run.
    fn of(entry: &Entry, state: &State, call: &LiveCall) -> Predecessor {
        Predecessor {
            ids: [&[entry.id], &entry.before[..]].concat(),
            agent: call.agent().to_owned(),
            agents: [entry.call.facts.agent.clone(), call.agent().to_owned()],
            carrier: Some(state.carrier.who),
            states: call.states(),
        }
    }

    /// From the ledger's row of a call of an earlier run.
    fn of_row(row: &CutOff) -> Predecessor {
        let CutOff { call, agent, recording, private, objected, copy } = row.clone();
        let states = CallStates { recording, private, objected, copy, ..CallStates::default() };
        Predecessor { ids: vec![call], agents: [agent.clone(), agent.clone()], agent, carrier: None, states }
    }

    fn is_of(&self, who: &Principal) -> bool {
        who.is_owner() || self.carrier == Some(who.id) || self.agents.iter().any(|agent| who.is(agent))
    }
}

/// The calls that were cut off and can still be continued.
#[derive(Clone)]
pub(super) struct CutOffs {
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<Pool>>,
}

#[derive(Default)]
struct Pool {
    calls: HashMap<CallId, Predecessor>,
    /// Until when each call can be continued, the earliest first.
    until: VecDeque<(Instant, CallId)>,
}

impl CutOffs {
    pub(super) fn new(clock: Arc<dyn Clock>) -> CutOffs {
        CutOffs { clock, known: Arc::default() }
    }

    /// Adds the calls that were cut off before this run, from the ledger.
    pub(super) fn remember(&self, rows: &[CutOff]) {
        rows.iter().for_each(|row| self.add(row.call, Predecessor::of_row(row)));
    }

    fn add(&self, id: CallId, before: Predecessor) {
        let mut known = self.known.lock();
        known.calls.insert(id, before);
        known.until.push_back((self.clock.now() + GO_ON_MAX, id));
    }

    fn has(&self, id: CallId, fits: impl Fn(&Predecessor) -> bool) -> bool {
        self.known.lock().calls.get(&id).is_some_and(fits)
    }

    /// Takes out a call that `fits`: it can be continued only once.
    fn take_if(&self, id: CallId, fits: impl Fn(&Predecessor) -> bool) -> Option<Predecessor> {
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
    /// A call that was cut off is settled: remembers it.
    pub(super) fn note_cut_off(&self, entry: &Entry, state: &State, call: &LiveCall) {
        if call.is_cut_off() && !state.gone_on_with {
            self.cut_offs.add(entry.id, Predecessor::of(entry, state, call));
        }
    }

    /// Whether this user continues a call that belonged to this agent when it was cut off.
    pub(super) fn was_of(&self, who: &Principal, id: CallId, agent: &str) -> bool {
        let fits = |before: &Predecessor| before.is_of(who) && before.agent == agent;
        match self.registry.get(id) {
            Ok(entry) => {
                let state = entry.state.lock();
                state
                    .call
                    .as_ref()
                    .is_some_and(|call| call.is_cut_off() && fits(&Predecessor::of(&entry, &state, call)))
            }
            Err(_) => self.cut_offs.has(id, fits),
        }
    }

    /// Takes the call that this user continues; none if it can't be continued.
    pub(super) fn take_before(&self, who: &Principal, id: CallId) -> Option<Predecessor> {
        let Ok(entry) = self.registry.get(id) else {
            return self.cut_offs.take_if(id, |before| before.is_of(who));
        };
        // The call waits for a late press.
        let mut state = entry.state.lock();
        let call = state.call.as_ref().filter(|call| call.is_cut_off() && !state.gone_on_with)?;
        let before = Predecessor::of(&entry, &state, call);
        state.gone_on_with = before.is_of(who);
        state.gone_on_with.then_some(before)
    }

    /// Puts the announced states and those of the earlier call in force at the begin of a call. Returns the names of states that can't hold: a
    /// private call is not recorded, unless a press before is known.
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
        // From the call before, if the engine knows that; else whoever brings the call says so.
        let origin = |is_known: bool| if is_known { Origin::Continued } else { Origin::Client };
        let reasons = [
            ("recording", Reason::OnDemand, states.recording, known.recording),
            ("copy", Reason::Copy, states.copy, known.copy),
        ];
        for (name, reason, is_on, is_known) in reasons {
            if is_on && (is_known || !states.private) {
                put(name, self.keep(entry, state, reason, None, Moment::InOrder).map(drop));
            }
        }
        let Some(call) = state.call.as_mut() else { return left_out };
        if states.private {
            call.came_from(Verb::Private, origin(known.private));
            put("private", call.private().map(drop));
        }
        for (name, is_on) in [("recording", states.recording), ("copy", states.copy)] {
            if is_on && call.states().private {
                put(name, Err(Refusal::Private));
            }
        }
        if states.masked {
            call.came_from(Verb::Mask, origin(known.masked));
            put("masked", call.mask(Moment::InOrder).map(drop));
        }
        if states.on_hold {
            put("on_hold", call.hold(Moment::InOrder).map(drop));
        }
        // After the press: a later objection does not undo an accepted press.
        if states.objected {
            call.came_from(Verb::Object, origin(known.objected));
            call.object();
        }
        info!(call = %entry.id, states = ?call.states(), ?left_out, "a call begins with the states of an earlier one");
        left_out
    }

    /// Whoever asks for a call means all of it. Keeps the earlier part too, if that still waits for a press.
    pub(super) fn keep_before(&self, entry: &Entry, reason: Reason) {
        for before in entry.before.iter().filter_map(|id| self.registry.get(*id).ok()) {
            let mut state = before.state.lock();
            if state.call.is_none() {
                continue;
            }
            match self.keep(&before, &mut state, reason, None, Moment::InOrder) {
                Ok(_) => self.settle(&before, &mut state),
                Err(refusal) => warn!(call = %before.id, reason = %refusal, "the earlier call is not kept"),
            }
        }
    }
}

impl State {
    /// Tells whoever carries the call which states hold now.
    pub(super) fn tell_states(&self, entry: &Entry) {
        if let (Some(call), Some(carrier)) = (&self.call, self.carrier.listener.upgrade()) {
            let (call, agent, states) = (entry.id, call.agent().to_owned(), call.states());
            carrier.tell(&Event::State { call, agent, states });
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
