//! How a call begins and ends.

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tracing::{debug, info};

use super::{
    Engine, Listener,
    listener::Listeners,
    registry::{Carrier, Entry, State},
    slots::Slots,
};
use crate::call::{LiveCall, Outcome, Settled};
use retrocall_core::ring::{LegCounts, LegWriter, Ring};
use retrocall_words::{
    Begin, Beginning, Call, CallId, CallStates, EndedBy, Event, Facts, Principal, Reason, Refusal,
    audio::{Codec, Leg},
    book::{self, CallBegun, CallEnded, Note, Number, day_of},
};

/// What a connection gets to carry a call.
pub struct Carried {
    /// The call.
    pub call: Call,
    /// How its samples come.
    pub codec: Codec,
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
        self.admit(who, &begin)?;
        let counted = self.quotas.account_of(who).begin(self.clock.now())?;
        let Begin { facts, customer, rate, codec, states: said } = begin;
        let continues = facts.continues;
        let before = continues.and_then(|id| self.take_before(who, id));
        let facts = Facts { continues: continues.filter(|_| before.is_some()), ..facts };
        let beginning = Beginning::now(&*self.clock);
        let call = Call { id: CallId::new(), facts, rate, began_at: beginning.at };
        let drawn = self.note_begin(&call);
        debug!(call = %call.id, agent = call.facts.agent, rate_hz = rate.hz(), "a call begins");
        let (ring, writers) = Ring::made_at(Arc::clone(&self.arena), beginning.instant);
        let live = LiveCall::begin(call.clone(), codec, Arc::clone(&ring), drawn, self.rules);
        let listeners = Listeners::default();
        listeners.add(listener);
        let mut slots = Slots::new(writers);
        let taken = takes(&mut slots).expect("the slots of a new call are free");
        let known = before.as_ref().map(|before| before.states).unwrap_or_default();
        let entry = Arc::new(Entry {
            id: call.id,
            call,
            customer,
            codec,
            ring,
            beginning,
            listeners: Arc::new(listeners),
            before: before.map(|before| before.ids).unwrap_or_default(),
            link_changed: Notify::new(),
            counted,
            state: Mutex::new(State::begun(live, slots, Carrier::new(who, listener), self.registry.next_turn())),
        });
        let mut left_out = self.put_in_force(&entry, &mut entry.state.lock(), said, known);
        if let Some(continues) = continues.filter(|_| entry.before.is_empty()) {
            info!(call = %entry.id, %continues, "a call says that it goes on with one that can't be gone on with: it is drawn");
            left_out.push("continues".to_owned());
        }
        self.registry.add(&entry);
        self.counters.call_begun();
        self.look_after_soon();
        Ok((entry, taken, left_out))
    }

    /// Whether a call can be captured.
    fn admit(&self, who: &Principal, begin: &Begin) -> Result<(), Refusal> {
        if self.is_stopping() {
            return Err(Refusal::Stopping);
        }
        // Whoever carried a call that went to another agent goes on with it as that agent's.
        let is_theirs = |id| self.was_of(who, id, &begin.facts.agent);
        if !who.may_act_for(&begin.facts.agent) && !begin.facts.continues.is_some_and(is_theirs) {
            return Err(Refusal::NotYours);
        }
        if self.arena.is_short() {
            return Err(Refusal::MemoryFull);
        }
        Ok(())
    }

    /// Writes down in the ledger that a call begins, and draws it. Whether it is drawn.
    fn note_begin(&self, call: &Call) -> bool {
        // A call without a number is not drawn, nor is one that goes on drawn again.
        let Number { day, sequence } = self.book.reserve(day_of(call.began_at));
        let is_first = call.facts.continues.is_none();
        let drawn = is_first && sequence.is_some_and(|sequence| self.draw.draw(day, sequence));
        self.book.note(Note::Begun(CallBegun { call: call.clone(), day, sequence }));
        drawn
    }

    /// Hangup. Returns the end of the call, in samples and in seconds.
    ///
    /// # Errors
    /// [`Refusal::UnknownCall`].
    pub fn end(&self, id: CallId) -> Result<(u64, f64), Refusal> {
        let entry = self.registry.get(id)?;
        let mut state = entry.state.lock();
        if state.call.is_none() {
            return Err(Refusal::UnknownCall);
        }
        self.hang_up(&entry, &mut state, None);
        let end = entry.ring.end();
        Ok((end, entry.call.rate.seconds(end)))
    }

    /// The call is over, because its client hung up, or `by` what the engine has seen or does: a hangup like any other. It is settled, or
    /// waits for a late press.
    pub(super) fn hang_up(&self, entry: &Entry, state: &mut State, by: Option<EndedBy>) {
        let Some(call) = state.call.as_mut().filter(|call| !call.is_ended()) else { return };
        match by {
            Some(_) => call.cut_off(),
            None => call.end(),
        }
        let waits = !self.after_hangup.is_zero() && !call.is_recording() && !self.is_stopping();
        entry.listeners.keep();
        if let Some(by) = by {
            info!(call = %entry.id, ?by, "the engine ends a call");
            entry.listeners.tell(&Event::Ended { call: entry.id, by });
        }
        if waits {
            state.pressable_until = Some(self.clock.now() + self.after_hangup);
            entry.link_changed.notify_waiters();
            self.look_after_soon();
        } else {
            self.settle(entry, state);
        }
    }

    /// Settles what becomes of a call: it leaves the live ones for good.
    pub(super) fn settle(&self, entry: &Entry, state: &mut State) {
        let Some(call) = state.call.take() else { return };
        self.note_cut_off(entry, state, &call);
        let (commit, pressed) = (state.commit.take(), state.pressed);
        let hangup = state.pressable_until.map(|until| until - self.after_hangup);
        let ended_at = entry.beginning.time(hangup.unwrap_or_else(|| self.clock.now()));
        match call.settle() {
            Settled::Selected(selected) => {
                self.book.note(ended(selected.outcome(), selected.reasons(), ended_at));
                let commit = commit.unwrap_or_else(|| {
                    let label = entry.label(selected.reasons());
                    self.begin_commit(entry, selected.reader(), label, selected.marks())
                });
                self.commit_to_the_end(entry, selected, pressed, &commit);
            }
            Settled::Unselected(unselected) => self.wiper.wipe(unselected, ended_at),
        }
        self.registry.remove(entry.id);
        entry.link_changed.notify_waiters();
    }
}

impl Entry {
    /// What a connection gets to carry this call.
    pub(super) fn carried(&self, state: &State, writers: Box<[LegWriter; 2]>, left_out: Vec<String>) -> Carried {
        let call = state.call.as_ref();
        let agent = call.map_or(&*self.call.facts.agent, LiveCall::agent).to_owned();
        let states = call.map(LiveCall::states).unwrap_or_default();
        Carried {
            call: self.call.clone(),
            codec: self.codec,
            agent,
            began: self.beginning.instant,
            writers,
            states,
            left_out,
        }
    }
}

/// The ledger's row of a call that is over.
pub(super) fn ended(outcome: &Outcome, reasons: &[Reason], ended_at: Timestamp) -> Note {
    let rate = outcome.call.rate;
    let sum = |of: fn(&LegCounts) -> u64| outcome.counts.iter().map(of).sum::<u64>();
    let ended = CallEnded {
        call: outcome.call.id,
        ended_at: Some(ended_at),
        seconds: Some(rate.seconds(outcome.samples)),
        outcome: if reasons.is_empty() { book::Outcome::Discarded } else { book::Outcome::Kept },
        reasons: reasons.to_vec(),
        private: outcome.private,
        objected: outcome.objected,
        cut_off: outcome.cut_off,
        gaps: sum(|counts| counts.gaps),
        gap_seconds: rate.seconds(sum(|counts| counts.gap_samples)),
        late_frames: sum(|counts| counts.late_frames),
        lost_frames: sum(|counts| counts.lost_frames),
    };
    debug!(call = %ended.call, seconds = ended.seconds, gaps = ended.gaps, late_frames = ended.late_frames,
        lost_frames = ended.lost_frames, "a call is over");
    Note::Ended(ended)
}
