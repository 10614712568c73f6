//! How a call begins, loses and finds its connection, and ends.

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;
use parking_lot::Mutex;
use tracing::{debug, info};

use super::{
    Beginning, Engine, Listener,
    committing::label,
    listener::Listeners,
    registry::{Carrier, Entry, State},
    slots::Slots,
};
use crate::{
    audio::Leg,
    call::{Facts, LiveCall, Outcome, Settled},
    catalog::{self, CallBegun, CallEnded, Note, Number},
    protocol::{Begin, CallId, CallStates, EndedBy, Event, Principal, Reason, Refusal},
    ring::{LegCounts, LegWriter, Ring},
};

/// What a connection gets to carry a call.
pub struct Carried {
    /// The call.
    pub facts: Facts,
    /// Who talks for the desk now.
    pub agent: String,
    /// When it began, for the limit on positions.
    pub began: Instant,
    /// The writers of its legs, agent first.
    pub writers: Box<[LegWriter; 2]>,
    /// What holds of it now.
    pub states: CallStates,
    /// What was said at its begin and can't be used.
    pub left_out: Vec<String>,
}

impl Carried {
    /// Where each leg goes on, agent first, in samples.
    pub fn positions(&self) -> [u64; 2] {
        Leg::ALL.map(|leg| self.writers[leg.index()].position())
    }
}

impl Engine {
    /// A call begins, all legs of which one connection brings.
    ///
    /// # Errors
    /// [`Refusal`] if it can't be captured. The phone call itself is none of our business: it goes on.
    pub fn begin(&self, who: &Principal, begin: Begin, listener: &Arc<dyn Listener>) -> Result<Carried, Refusal> {
        let (entry, writers, left_out) = self.open(who, begin, listener, |slots| slots.take_all())?;
        let state = entry.state.lock();
        Ok(entry.carried(&state, writers, left_out))
    }

    /// A call begins, each leg of which has a connection of its own; this one comes first. Others ask for theirs with [`Engine::take_leg`].
    ///
    /// # Errors
    /// [`Refusal`], as [`Engine::begin`].
    pub fn begin_with_leg(
        &self,
        who: &Principal,
        begin: Begin,
        leg: Leg,
        listener: &Arc<dyn Listener>,
    ) -> Result<(CallId, Box<LegWriter>), Refusal> {
        let (entry, writer, _) = self.open(who, begin, listener, |slots| slots.take(leg))?;
        Ok((entry.id, writer))
    }

    /// Opens a call: it gets its id, its number and its draw, and whoever brings it `takes` what it needs of it.
    fn open<T>(
        &self,
        who: &Principal,
        begin: Begin,
        listener: &Arc<dyn Listener>,
        takes: impl FnOnce(&mut Slots) -> Option<T>,
    ) -> Result<(Arc<Entry>, T, Vec<String>), Refusal> {
        if self.is_stopping() {
            return Err(Refusal::Stopping);
        }
        if !who.may_act_for(&begin.agent) {
            return Err(Refusal::NotYours);
        }
        if self.arena.is_short() {
            return Err(Refusal::MemoryFull);
        }
        let counted = self.quotas.account_of(who).begin(self.clock.passed())?;
        let beginning = Beginning::now(&*self.clock);
        let began_at = beginning.at;
        // A call without a number is not drawn.
        let Number { day, sequence } = self.catalog.next_number(catalog::day_of(began_at));
        let drawn = sequence.is_some_and(|sequence| self.draw.draw(day, sequence));
        let facts = Facts {
            id: CallId::new(),
            agent: begin.agent,
            customer: begin.customer,
            direction: begin.direction,
            rate: begin.rate,
            codec: begin.codec,
            began_at,
            day,
            sequence,
        };
        self.catalog.note(Note::Begun(CallBegun {
            call: facts.id,
            day,
            sequence,
            agent: facts.agent.clone(),
            direction: facts.direction,
            began_at,
        }));
        debug!(call = %facts.id, agent = facts.agent, rate_hz = facts.rate.hz(), "a call begins");
        let (ring, writers) = Ring::new(Arc::clone(&self.arena));
        let call = LiveCall::begin(facts.clone(), Arc::clone(&ring), drawn, self.rules);
        let listeners = Listeners::default();
        listeners.add(listener);
        let mut slots = Slots::new(writers);
        let taken = takes(&mut slots).expect("the slots of a new call are free");
        let entry = Arc::new(Entry {
            id: facts.id,
            facts,
            ring,
            began: Instant::now(),
            beginning,
            listeners: Arc::new(listeners),
            counted,
            state: Mutex::new(State::begun(call, slots, Carrier::new(who, listener), self.registry.next_turn())),
        });
        let mut left_out = self.put_in_force(&entry, &mut entry.state.lock(), begin.states);
        left_out.extend(begin.continues.map(|_| "continues".to_owned()));
        self.registry.add(&entry);
        self.counters.call_begun();
        self.look_after_soon();
        Ok((entry, taken, left_out))
    }

    /// Another connection takes over a call that lost its own.
    ///
    /// # Errors
    /// [`Refusal::Connected`] while it has one; [`Refusal::NotYours`], [`Refusal::UnknownCall`], [`Refusal::Ended`].
    pub fn attach(&self, who: &Principal, id: CallId, listener: &Arc<dyn Listener>) -> Result<Carried, Refusal> {
        let entry = self.registry.get(id)?;
        let mut state = entry.state.lock();
        let call = state.call.as_ref().ok_or(Refusal::Ended)?;
        // Whoever carried it may go on doing so, although somebody else talks by now.
        if !who.may_act_for(call.agent()) && state.carrier.who != who.id {
            return Err(Refusal::NotYours);
        }
        if state.pressable_until.is_some() {
            return Err(Refusal::Ended);
        }
        let writers = state.slots.take_all().ok_or(Refusal::Connected)?;
        entry.listeners.add(listener);
        state.carrier = Carrier::new(who, listener);
        info!(call = %id, "the call has a connection again");
        Ok(entry.carried(&state, writers, Vec::new()))
    }

    /// A connection takes one leg of a call: it is the leg's first one, or its last one is gone.
    ///
    /// # Errors
    /// [`Refusal::Connected`] while another connection has the leg; [`Refusal::UnknownCall`], [`Refusal::Ended`].
    pub fn take_leg(&self, id: CallId, leg: Leg) -> Result<Box<LegWriter>, Refusal> {
        let entry = self.registry.get(id)?;
        let mut state = entry.state.lock();
        if state.pressable_until.is_some() {
            return Err(Refusal::Ended);
        }
        state.slots.take(leg).ok_or(Refusal::Connected)
    }

    /// Whoever announced a call that others bring is told of it, as if it carried the call.
    pub fn listen_to(&self, id: CallId, listener: &Arc<dyn Listener>) {
        if let Ok(entry) = self.registry.get(id) {
            entry.listeners.add(listener);
            entry.state.lock().carrier.listener = Arc::downgrade(listener);
        }
    }

    /// The connection that carried a call is lost: the call waits for another one, for the grace time.
    pub fn connection_lost(&self, id: CallId, writers: Box<[LegWriter; 2]>) {
        let Ok(entry) = self.registry.get(id) else { return };
        info!(call = %id, grace_ms = self.grace.as_millis() as u64, "the connection of a call is lost");
        let lost_at = Some(self.clock.passed());
        let mut state = entry.state.lock();
        for (leg, writer) in Leg::ALL.into_iter().zip(*writers) {
            state.slots.give_back(leg, Box::new(writer), lost_at);
        }
        drop(state);
        self.look_after_soon();
    }

    /// The connection that brought a leg is lost: the leg waits for another one, for the grace time.
    pub fn leg_lost(&self, id: CallId, leg: Leg, writer: Box<LegWriter>) {
        let Ok(entry) = self.registry.get(id) else { return };
        info!(call = %id, ?leg, grace_ms = self.grace.as_millis() as u64, "the connection of a leg is lost");
        entry.state.lock().slots.give_back(leg, writer, Some(self.clock.passed()));
        self.look_after_soon();
    }

    /// The connection that brought a leg says that no more comes. That is hangup if nobody else brings anything: true then.
    pub fn leg_ended(&self, id: CallId, leg: Leg, writer: Box<LegWriter>) -> bool {
        let Ok(entry) = self.registry.get(id) else { return true };
        let mut state = entry.state.lock();
        state.slots.give_back(leg, writer, None);
        let is_over = state.is_over(self.clock.passed(), self.grace);
        drop(state);
        if is_over {
            // Refused if the engine has ended it before: then it is over all the same.
            let _ = self.end(id);
        }
        is_over
    }

    /// Hangup. Returns the end of the call, in samples and in seconds.
    ///
    /// # Errors
    /// [`Refusal::UnknownCall`].
    pub fn end(&self, id: CallId) -> Result<(u64, f64), Refusal> {
        let entry = self.registry.get(id)?;
        let mut state = entry.state.lock();
        let call = state.call.as_mut().ok_or(Refusal::UnknownCall)?;
        call.end();
        let end = entry.ring.end();
        if self.after_hangup.is_zero() || call.is_recording() || self.is_stopping() {
            self.settle(&entry, &mut state);
        } else {
            state.pressable_until = Some(self.clock.passed() + self.after_hangup);
            drop(state);
            self.look_after_soon();
        }
        Ok((end, entry.facts.rate.seconds(end)))
    }

    /// Ends a call for a reason of our own.
    pub(super) fn end_by(&self, entry: &Entry, state: &mut State, by: EndedBy) {
        info!(call = %entry.id, ?by, "the engine ends a call");
        entry.listeners.tell(&Event::Ended { call: entry.id, by });
        self.settle(entry, state);
    }

    /// Settles what becomes of a call: it leaves the live ones for good.
    pub(super) fn settle(&self, entry: &Entry, state: &mut State) {
        let Some(call) = state.call.take() else { return };
        let (commit, pressed) = (state.commit.take(), state.pressed);
        let hangup = state.pressable_until.map(|until| until.saturating_sub(self.after_hangup));
        let ended_at = entry.beginning.time(hangup.unwrap_or_else(|| self.clock.passed()));
        match call.settle() {
            Settled::Selected(selected) => {
                self.catalog.note(ended(selected.outcome(), selected.reasons(), ended_at));
                let commit = commit.unwrap_or_else(|| {
                    let label = label(&entry.facts, selected.reasons());
                    self.begin_commit(entry, selected.reader(), label)
                });
                self.commit_to_the_end(selected, pressed, entry.beginning, &commit);
            }
            Settled::Unselected(unselected) => self.wiper.wipe(unselected, ended_at),
        }
        self.registry.remove(entry.id);
    }
}

impl Entry {
    /// What a connection gets to carry this call.
    fn carried(&self, state: &State, writers: Box<[LegWriter; 2]>, left_out: Vec<String>) -> Carried {
        let call = state.call.as_ref();
        let agent = call.map_or(&*self.facts.agent, LiveCall::agent).to_owned();
        let states = call.map(LiveCall::states).unwrap_or_default();
        Carried { facts: self.facts.clone(), agent, began: self.began, writers, states, left_out }
    }
}

/// The ledger's row of a call that is over.
pub(super) fn ended(outcome: &Outcome, reasons: &[Reason], ended_at: Timestamp) -> Note {
    let rate = outcome.facts.rate;
    let sum = |of: fn(&LegCounts) -> u64| outcome.counts.iter().map(of).sum::<u64>();
    let ended = CallEnded {
        call: outcome.facts.id,
        ended_at: Some(ended_at),
        seconds: Some(rate.seconds(outcome.samples)),
        outcome: if reasons.is_empty() { catalog::Outcome::Discarded } else { catalog::Outcome::Kept },
        reasons: reasons.to_vec(),
        private: outcome.private,
        objected: outcome.objected,
        gaps: sum(|counts| counts.gaps),
        gap_seconds: rate.seconds(sum(|counts| counts.gap_samples)),
        late_frames: sum(|counts| counts.late_frames),
        lost_frames: sum(|counts| counts.lost_frames),
    };
    debug!(call = %ended.call, seconds = ended.seconds, gaps = ended.gaps, late_frames = ended.late_frames,
        lost_frames = ended.lost_frames, "a call is over");
    Note::Ended(ended)
}
