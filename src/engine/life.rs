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
use crate::call::{Fate, FinalFacts, LiveCall};
use retrocall_core::ring::{LegCounts, LegWriter, Ring};
use retrocall_words::{
    Begin, Beginning, Call, CallId, CallStates, Customer, EndedBy, Event, Facts, Informed, Origin, Place, Principal,
    Reason, Refusal, Verb,
    audio::{Codec, Leg},
    book::{self, CallBegun, CallEnded, Note, Number, day_of},
};

/// A call as it is handed to the connection that carries it.
pub struct Handover {
    /// The call.
    pub call: Call,
    /// The coding of its samples.
    pub codec: Codec,
    /// The agent who talks now.
    pub agent: String,
    /// When it began: positions are limited by this.
    pub began: Instant,
    /// The writers of its legs, agent first.
    pub writers: Box<[LegWriter; 2]>,
    /// The states that hold now.
    pub states: CallStates,
    /// Whether it is on a line that is never captured.
    pub exempt: bool,
    /// States named at the begin that can't hold.
    pub left_out: Vec<String>,
}

/// What bars a call from the draw.
#[derive(Clone, Copy)]
struct Bars {
    /// It is on a line that is never captured: nothing of it is held either.
    exempt: bool,
    /// Its customer objected on an earlier day.
    objected: bool,
    /// Its customer was not informed.
    uninformed: bool,
}

impl Bars {
    fn any(self) -> bool {
        self.exempt || self.objected || self.uninformed
    }

    /// Puts in force what holds from the first sample on.
    fn put_up(self, call: &mut LiveCall) {
        if self.exempt {
            call.exempt();
        }
        if self.objected {
            call.object();
            call.came_from(Verb::Object, Origin::Remembered);
        }
    }
}

impl Handover {
    /// Where each leg goes on, agent first, in samples.
    pub fn positions(&self) -> [u64; 2] {
        Leg::ALL.map(|leg| self.writers[leg.index()].position())
    }
}

impl Engine {
    /// Begins a call whose legs all come over one connection.
    ///
    /// # Errors [`Refusal`] if it can't be captured. The phone call itself is not our business: it goes on.
    pub fn begin(&self, who: &Principal, begin: Begin, listener: &Arc<dyn Listener>) -> Result<Handover, Refusal> {
        let (entry, writers, left_out) = self.open(who, begin, listener, |slots| slots.take_all())?;
        let state = entry.state.lock();
        Ok(entry.handover(&state, writers, left_out))
    }

    /// Begins a call whose legs each come over a connection of their own; this one is the first. The others ask for theirs with
    /// [`Engine::take_leg`].
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

    /// Opens a call: gives it an id, a number and a draw. `takes` hands its legs to the connection.
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
        let informed = Some(facts.informed.unwrap_or(self.informed));
        let facts = Facts { continues: continues.filter(|_| before.is_some()), informed, ..facts };
        let bars = self.bars(&facts, customer.as_ref());
        let beginning = Beginning::now(&*self.clock);
        let call = Call { id: CallId::new(), facts, rate, began_at: beginning.at };
        let (drawn, place) = self.note_begin(&call, bars);
        debug!(call = %call.id, agent = call.facts.agent, rate_hz = rate.hz(), "a call begins");
        let (ring, writers) = Ring::made_at(Arc::clone(&self.arena), beginning.instant);
        let mut live = LiveCall::begin(call.clone(), codec, Arc::clone(&ring), drawn, self.rules);
        bars.put_up(&mut live);
        let listeners = Listeners::default();
        listeners.add(listener);
        let mut slots = Slots::new(writers);
        let taken = takes(&mut slots).expect("the slots of a new call are free");
        let known = before.as_ref().map(|before| before.states).unwrap_or_default();
        let entry = Arc::new(Entry {
            id: call.id,
            call,
            place,
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
            info!(call = %entry.id, %continues, "a call claims to continue one that can't be continued: it is drawn");
            left_out.push("continues".to_owned());
        }
        self.registry.add(&entry);
        self.counters.call_begun();
        self.look_after_soon();
        Ok((entry, taken, left_out))
    }

    /// Refuses a call that can't be captured.
    fn admit(&self, who: &Principal, begin: &Begin) -> Result<(), Refusal> {
        if self.is_stopping() {
            return Err(Refusal::Stopping);
        }
        // The call went to another agent, but its carrier may continue it as that agent's.
        let is_theirs = |id| self.was_of(who, id, &begin.facts.agent);
        if !who.may_act_for(&begin.facts.agent) && !begin.facts.continues.is_some_and(is_theirs) {
            return Err(Refusal::NotYours);
        }
        if self.is_short() {
            return Err(Refusal::MemoryFull);
        }
        Ok(())
    }

    /// What is known of a call at its begin that bars it from the draw, or from being held at all.
    fn bars(&self, facts: &Facts, customer: Option<&Customer>) -> Bars {
        let is_line = |customer| self.never_captured.has_customer(customer, &*self.book);
        Bars {
            exempt: self.never_captured.has_agent(&facts.agent) || customer.is_some_and(is_line),
            objected: customer.is_some_and(|customer| self.book.objects(customer)),
            uninformed: facts.informed == Some(Informed::None),
        }
    }

    /// Writes the begin of a call into the ledger, and draws it. Returns whether it is drawn, and its place among the calls.
    fn note_begin(&self, call: &Call, bars: Bars) -> (bool, Option<Place>) {
        // A call without a number is not drawn. A continued call is not drawn again.
        let Number { day, sequence } = self.book.reserve(day_of(call.began_at));
        let may_be = call.facts.continues.is_none() && !bars.any();
        let drawn = may_be && sequence.is_some_and(|sequence| self.draw.draw(day, sequence));
        self.book.note(Note::Begun(CallBegun { call: call.clone(), day, sequence, exempt: bars.exempt }));
        (drawn, sequence.map(|sequence| Place { day, sequence }))
    }

    /// Hangs up. Returns the end of the call, in samples and in seconds.
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

    /// Ends a call, because its client hung up or `by` the engine's own decision; both are hangups. The call is settled, or waits for a late
    /// press.
    pub(super) fn hang_up(&self, entry: &Entry, state: &mut State, by: Option<EndedBy>) {
        let Some(call) = state.call.as_mut().filter(|call| !call.is_ended()) else { return };
        match by {
            Some(_) => call.cut_off(),
            None => call.end(),
        }
        let waits = !self.after_hangup.is_zero() && !call.is_asked_for() && !self.is_stopping();
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

    /// Settles a call: it leaves the live ones for good.
    pub(super) fn settle(&self, entry: &Entry, state: &mut State) {
        let Some(call) = state.call.take() else { return };
        self.note_cut_off(entry, state, &call);
        let (commit, pressed) = (state.commit.take(), state.pressed);
        let hangup = state.pressable_until.map(|until| until - self.after_hangup);
        let ended_at = entry.beginning.time(hangup.unwrap_or_else(|| self.clock.now()));
        match call.settle() {
            Fate::Selected(selected) => {
                self.book.note(ended(selected.final_facts(), selected.reasons(), ended_at));
                let commit = commit.unwrap_or_else(|| {
                    let label = entry.label(selected.reasons());
                    self.begin_commit(entry, selected.reader(), label, selected.marks())
                });
                self.commit_to_the_end(entry, selected, pressed, &commit);
            }
            Fate::Unselected(unselected) => self.wiper.wipe(unselected, ended_at),
        }
        self.registry.remove(entry.id);
        entry.link_changed.notify_waiters();
    }
}

impl Entry {
    /// Hands the call to the connection that carries it.
    pub(super) fn handover(&self, state: &State, writers: Box<[LegWriter; 2]>, left_out: Vec<String>) -> Handover {
        let call = state.call.as_ref();
        let agent = call.map_or(&*self.call.facts.agent, LiveCall::agent).to_owned();
        let states = call.map(LiveCall::states).unwrap_or_default();
        let exempt = call.is_some_and(LiveCall::is_exempt);
        Handover {
            call: self.call.clone(),
            codec: self.codec,
            agent,
            began: self.beginning.instant,
            writers,
            states,
            exempt,
            left_out,
        }
    }
}

/// The ledger's row of a call that is over.
pub(super) fn ended(facts: &FinalFacts, reasons: &[Reason], ended_at: Timestamp) -> Note {
    let rate = facts.call.rate;
    let sum = |of: fn(&LegCounts) -> u64| facts.counts.iter().map(of).sum::<u64>();
    let ended = CallEnded {
        call: facts.call.id,
        ended_at: Some(ended_at),
        seconds: Some(rate.seconds(facts.samples)),
        outcome: if reasons.is_empty() { book::Outcome::Discarded } else { book::Outcome::Kept },
        reasons: reasons.to_vec(),
        private: facts.private,
        objected: facts.objected,
        origins: facts.origins,
        mask_seconds: rate.seconds(facts.mask_samples),
        cut_off: facts.cut_off,
        gaps: sum(|counts| counts.gaps),
        gap_seconds: rate.seconds(sum(|counts| counts.gap_samples)),
        late_frames: sum(|counts| counts.late_frames),
        lost_frames: sum(|counts| counts.lost_frames),
    };
    debug!(call = %ended.call, seconds = ended.seconds, gaps = ended.gaps, late_frames = ended.late_frames,
        lost_frames = ended.lost_frames, "a call is over");
    Note::Ended(ended)
}
