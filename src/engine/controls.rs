//! The controls of a live call: record, mask, hold, transfer and the others.

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;
use tracing::{info, warn};

use super::{
    Engine, Listener,
    registry::{Entry, State},
};
use crate::call::{Effect, KeyDeed, LiveCall, Moment, PressEffect};
use retrocall_words as words;
use retrocall_words::{
    Answer, Ask, CallId, Event, Origin, Principal, Reason, Refusal, Suspicion, Target, Verb, Verdict, audio::Leg,
};

/// The answer to a control.
pub struct Reply {
    /// The answer itself.
    pub answer: Answer,
    /// If set, the answer must wait for this: until then the disk may still hold audio that is to be silent.
    pub after: Option<oneshot::Receiver<()>>,
}

/// Whoever asks for a call to be kept.
#[derive(Clone, Copy)]
pub(super) struct Presser<'a> {
    /// Hears of the call from then on. None for keys of the phone: those who bring the call hear of it already.
    listener: Option<&'a Arc<dyn Listener>>,
    origin: Origin,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Reply {
        Reply { answer, after: None }
    }
}

impl Engine {
    /// Carries out a request for a call. `target` names no channel: channels belong to connections. `carries` says whether the asking connection
    /// also brings the frames of a call; then earlier frames are in the ring already, and all others come after the control.
    pub fn control(
        &self,
        who: &Principal,
        target: &Target,
        ask: &Ask,
        listener: &Arc<dyn Listener>,
        carries: impl Fn(CallId) -> bool,
    ) -> Reply {
        self.control_given(who, target, (ask, Duration::ZERO), listener, carries)
    }

    /// As [`Engine::control`], given so long ago, on another machine: a silence reaches back to then.
    pub fn control_given(
        &self,
        who: &Principal,
        target: &Target,
        (ask, ago): (&Ask, Duration),
        listener: &Arc<dyn Listener>,
        carries: impl Fn(CallId) -> bool,
    ) -> Reply {
        match self.find(who, target) {
            Ok(entry) => {
                let now = self.clock.now();
                let given = now.checked_sub(ago).unwrap_or(now);
                let moment = if carries(entry.id) { Moment::InOrder } else { Moment::AtTime(given) };
                self.control_entry(who, &entry, ask, listener, moment)
            }
            Err(refusal) => Answer::refused(refusal).into(),
        }
    }

    fn find(&self, who: &Principal, target: &Target) -> Result<Arc<Entry>, Refusal> {
        match target {
            Target::Call(id) => self.registry.meant(*id),
            Target::Agent(agent) if !who.may_act_for(agent) => Err(Refusal::NotYours),
            Target::Agent(agent) => self.registry.of_agent(agent),
            Target::Own => self.registry.own(who),
            Target::Channel(_) => Err(Refusal::UnknownCall),
        }
    }

    fn control_entry(
        &self,
        who: &Principal,
        entry: &Entry,
        ask: &Ask,
        listener: &Arc<dyn Listener>,
        moment: Moment,
    ) -> Reply {
        let mut state = entry.state.lock();
        let state = &mut *state;
        // The call was settled after it was found: nobody knows it any more.
        let Some(call) = state.call.as_mut() else { return Answer::refused(Refusal::UnknownCall).into() };
        let is_taken = matches!(ask, Ask::Transfer { to } if who.is(to) && state.offered_to.as_ref() == Some(to));
        if !who.may_act_for(call.agent()) && !is_taken {
            return Answer { call: Some(entry.id), ..Answer::refused(Refusal::NotYours) }.into();
        }
        let before = (call.agent().to_owned(), call.states());
        let mut text = None;
        let result = match ask {
            Ask::Transfer { to } if !(who.is_owner() || who.is(to)) => {
                self.offer(who, entry, state, to).map(|(done, told)| {
                    text = Some(told);
                    done
                })
            }
            _ => self.carry_out(who, entry, state, ask, listener, moment),
        };
        let mut silenced = None;
        let mut answer = match result {
            Ok(Effect::Accepted { at, silenced: from }) => {
                silenced = from;
                Answer { at: Some(at), ..Answer::new(Verdict::Accepted) }
            }
            Ok(Effect::Already { at }) => Answer { at: Some(at), ..Answer::new(Verdict::Already) },
            Err(refusal) => Answer::refused(refusal),
        };
        answer.text = text.or(answer.text);
        if state.call.as_ref().is_some_and(|call| (call.agent(), call.states()) != (&before.0, before.1)) {
            state.tell_states(entry);
        }
        answer.call = Some(entry.id);
        answer.agent = state.call.as_ref().map(|call| call.agent().to_owned());
        answer.seconds = Some(entry.call.rate.seconds(entry.ring.end()));
        if matches!(ask, Ask::Record | Ask::Copy) && answer.answer != Verdict::Refused {
            self.tell_what_is_kept(entry, &mut answer);
        }
        let mut after = None;
        if let (Some(from), Some(commit)) = (silenced, &state.commit) {
            let (done, erased) = oneshot::channel();
            let in_time = commit.rewrite(from, move || {
                let _ = done.send(());
            });
            if in_time {
                after = Some(erased);
            } else {
                answer = Answer::refused(Refusal::UnknownCall);
            }
        }
        // Pressed in the time after hangup: there is nothing more to wait for.
        if state.commit.is_some() && state.call.as_ref().is_some_and(LiveCall::is_ended) {
            self.settle(entry, state);
        }
        Reply { answer, after }
    }

    /// Carries out a control of a call that is not settled.
    fn carry_out(
        &self,
        who: &Principal,
        entry: &Entry,
        state: &mut State,
        ask: &Ask,
        listener: &Arc<dyn Listener>,
        moment: Moment,
    ) -> Result<Effect, Refusal> {
        let Some(call) = state.call.as_mut() else { return Err(Refusal::UnknownCall) };
        // Those who bring the call hear its keys. From anybody else they are a button like any other.
        let brings = moment == Moment::InOrder;
        let origin = if brings { Origin::Client } else { Origin::Agent };
        let presser = Presser { listener: Some(listener), origin };
        match ask {
            Ask::Transfer { to } => self.transfer(entry, state, to, moment),
            Ask::Record => self.keep(entry, state, Reason::OnDemand, Some(presser), moment),
            Ask::Copy => self.keep(entry, state, Reason::Copy, Some(presser), moment),
            Ask::Dtmf { digit, leg } => {
                let done = call.dtmf(*digit, moment)?;
                let deed = leg.and_then(|leg| call.key_deed(*digit, leg, moment, self.clock.now()));
                let brings = brings || who.is_owner();
                deed.into_iter().for_each(|deed| self.do_by_keys(entry, state, deed, brings, moment));
                Ok(done)
            }
            _ => {
                let done = shape(call, ask, moment)?;
                if matches!(done, Effect::Accepted { .. }) {
                    call.came_from(ask.verb(), origin);
                }
                Ok(done)
            }
        }
    }

    /// Keys of the phone were pressed that do something. Whether that is refused, the states tell.
    fn do_by_keys(&self, entry: &Entry, state: &mut State, deed: KeyDeed, brings: bool, moment: Moment) {
        let origin = |key| if brings { key } else { Origin::Agent };
        match deed {
            KeyDeed::Record => {
                let presser = Presser { listener: None, origin: origin(Origin::AgentKey) };
                let _ = self.keep(entry, state, Reason::OnDemand, Some(presser), moment);
            }
            KeyDeed::Object => {
                if let Some(call) = state.call.as_mut() {
                    call.object();
                    call.came_from(Verb::Object, origin(Origin::CustomerKey));
                }
            }
        }
    }

    /// Gives the call to another agent.
    fn transfer(&self, entry: &Entry, state: &mut State, to: &str, moment: Moment) -> Result<Effect, Refusal> {
        let Some(call) = state.call.as_mut() else { return Err(Refusal::Ended) };
        let done = call.transfer(to, moment)?;
        let is_new = matches!(done, Effect::Accepted { .. }) && !call.is_exempt();
        if is_new && self.never_captured.has_agent(to) && call.private().is_ok() {
            // What was said before goes too: the call is one of that line now. One that somebody asked to keep goes on.
            call.came_from(Verb::Private, Origin::Client);
        }
        // Its agent keeps it or gives it to another one: the offer is over.
        state.offered_to = None;
        if let Effect::Accepted { .. } = done {
            info!(call = %entry.id, agent = to, "a call has another agent");
            self.registry.moved(entry.id, to);
            state.turn = self.registry.next_turn();
        }
        Ok(done)
    }

    /// An agent offers the call to another one. It stays as it is until that agent takes it; otherwise anybody could lead another's press to a
    /// call of their own. Returns a warning for people, if there is one.
    fn offer(&self, who: &Principal, entry: &Entry, state: &mut State, to: &str) -> Result<(Effect, String), Refusal> {
        let call = state.call.as_ref().filter(|call| !call.is_ended()).ok_or(Refusal::Ended)?;
        let (at, agent) = (entry.ring.end(), call.agent().to_owned());
        let until = format!("it stays {agent}'s until {to} takes it");
        if state.offered_to.as_deref() == Some(to) {
            return Ok((Effect::Already { at }, format!("offered to {to} already: {until}")));
        }
        self.quotas.account_of(who).pace(self.clock.now())?;
        state.offered_to = Some(to.to_owned());
        let offered = Event::Offered { call: entry.id, agent, to: to.to_owned() };
        let here = match self.presence.tell_agent(to, &offered) {
            0 => format!("; {to} is not connected now, and was not told"),
            _ => String::new(),
        };
        Ok((Effect::Accepted { at, silenced: None }, format!("offered to {to}: {until}{here}")))
    }

    /// Whether this is a live call that the user may act for.
    pub fn may_control(&self, who: &Principal, id: CallId) -> bool {
        let Ok(entry) = self.registry.get(id) else { return false };
        let state = entry.state.lock();
        state.call.as_ref().is_some_and(|call| who.may_act_for(call.agent()))
    }

    /// Finds the call that this agent means, among some calls.
    pub fn of_agent_among(&self, agent: &str, is_one: impl Fn(CallId) -> bool) -> Option<CallId> {
        self.registry.of_agent_among(agent, is_one).map(|entry| entry.id)
    }

    /// Tells how much audio from before the press is kept, with a warning for people if some is gone.
    fn tell_what_is_kept(&self, entry: &Entry, answer: &mut Answer) {
        let (rate, start, end) = (entry.call.rate, entry.ring.start(), entry.ring.end());
        answer.seconds = Some(rate.seconds(end - start));
        let gone = (start > 0).then(|| {
            let seconds = rate.seconds(start);
            format!("all but its first {seconds:.1} s, which are gone: the call was over max_call, or memory was short")
        });
        let waits = self.commits.trouble();
        let waits =
            waits.map(|trouble| format!("the call is kept in memory and goes to disk as soon as it can: {trouble}"));
        answer.text = gone.into_iter().chain(waits).reduce(|gone, waits| format!("{gone}; {waits}"));
    }

    /// Selects the call for this reason, and starts its commit unless it was selected before. Whoever asks, and the agent's connections, hear of it
    /// from then on, and are told; but not at its begin, when nobody asks: nobody knows its id yet.
    pub(super) fn keep(
        &self,
        entry: &Entry,
        state: &mut State,
        reason: Reason,
        by: Option<Presser<'_>>,
        moment: Moment,
    ) -> Result<Effect, Refusal> {
        let Some(call) = state.call.as_mut() else { return Err(Refusal::Ended) };
        let (done, effect) = call.keep(reason, moment)?;
        by.and_then(|by| by.listener).into_iter().for_each(|listener| entry.listeners.add(listener));
        if let PressEffect::Again = effect {
            return Ok(done);
        }
        let (agent, origin) = (call.agent().to_owned(), by.map(|by| by.origin));
        info!(call = %entry.id, agent, %reason, by = origin.map(Origin::as_str), "a call is kept");
        self.presence.of_agent(&agent).iter().for_each(|listener| entry.listeners.add(listener));
        if origin.is_some() {
            let (agent, reason) = (Some(agent), Some(reason));
            entry.listeners.tell(&Event::Recording { call: entry.id, agent, reason, origin });
        }
        let label = entry.label(call.asked_for());
        if let PressEffect::First(reader) = effect {
            let commit = self.begin_commit(entry, reader, label, call.marks());
            (state.commit, state.pressed) = (Some(commit), Some(self.clock.now()));
        } else if let Some(commit) = &state.commit {
            self.add_reason(entry, label, commit);
        }
        self.keep_before(entry, reason);
        Ok(done)
    }

    /// A leg seems to carry something else than was announced. Tells listeners and the log once.
    pub fn suspect(&self, call: CallId, leg: Leg, suspicion: Suspicion, text: String) {
        let Ok(entry) = self.registry.get(call) else { return };
        let mut state = entry.state.lock();
        if state.call.as_mut().is_some_and(|call| call.suspect(leg, suspicion)) {
            let (codec, rate_hz) = (entry.codec, entry.call.rate.hz());
            warn!(%call, ?leg, ?codec, rate_hz, "a leg is not what its call announced: {text}");
            let text = format!("{text}: check `codec` and `rate` of its `begin`");
            entry.listeners.tell(&Event::Suspect { call, leg, suspect: suspicion, text });
        }
    }

    /// The live calls that this user may see.
    pub fn calls(&self, who: &Principal) -> Vec<words::LiveCall> {
        let view = |entry: Arc<Entry>| {
            let state = entry.state.lock();
            let call = state.call.as_ref().filter(|call| who.may_act_for(call.agent()))?;
            Some(call.view(!state.slots.are_lost(), who.is_owner()))
        };
        let mut calls: Vec<_> = self.registry.all().into_iter().filter_map(view).collect();
        calls.sort_by_key(|call| call.call);
        calls
    }
}

/// Carries out the controls that change only the call itself.
fn shape(call: &mut LiveCall, ask: &Ask, moment: Moment) -> Result<Effect, Refusal> {
    match ask {
        Ask::Mask => call.mask(moment),
        Ask::Unmask => call.unmask(moment),
        Ask::EraseLast { seconds } => call.erase_last(*seconds, moment),
        Ask::Hold => call.hold(moment),
        Ask::Resume => call.resume(moment),
        Ask::Private => call.private(),
        Ask::Object => Ok(call.object()),
        Ask::Record
        | Ask::Copy
        | Ask::Dtmf { .. }
        | Ask::Transfer { .. }
        | Ask::Begin(_)
        | Ask::Expect(_)
        | Ask::Attach
        | Ask::Share { .. }
        | Ask::End
        | Ask::Calls
        | Ask::Status
        | Ask::Board
        | Ask::Sweep
        | Ask::As(_) => Err(Refusal::Malformed),
    }
}

#[cfg(test)]
mod tests;
