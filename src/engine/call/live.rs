//! A live call, and how controls change it.

use std::{sync::Arc, time::Instant};

use super::{
    Fate,
    effect::{Effect, KeyDeed, PressEffect, Rules},
    fate::{SelectedCall, UnselectedCall},
    marks::Marks,
    moment::Moment,
    phone_keys::Sequence,
    silences::{Quiet, Silences},
};
use retrocall_core::ring::Ring;
use retrocall_file::Mark;
use retrocall_words as words;
use retrocall_words::{
    Call, CallStates, LiveLeg, LiveState, Origin, Reason, Refusal, Suspicion, Verb,
    audio::{Codec, Leg, dbfs},
    book::Origins,
};

impl Quiet {
    /// The mark that begins it in a recording.
    fn begins(self, at: u64) -> Mark {
        match self {
            Quiet::Mask => Mark::Mask(at),
            Quiet::Hold => Mark::Hold(at),
        }
    }

    /// The mark that ends it in a recording.
    fn ends(self, at: u64) -> Mark {
        match self {
            Quiet::Mask => Mark::Unmask(at),
            Quiet::Hold => Mark::Resume(at),
        }
    }
}

/// A call from its begin until it is settled.
///
/// Only [`LiveCall::settle`] ends it. It gives either a [`SelectedCall`], which is released only against the proof that its recording is durable,
/// or an [`UnselectedCall`], which can only be discarded.
pub struct LiveCall {
    call: Call,
    codec: Codec,
    agent: String,
    ring: Arc<Ring>,
    rules: Rules,
    /// Hidden from everybody at the desk.
    drawn: bool,
    silences: Silences,
    marks: Marks,
    /// Why somebody asked for it to be kept, in that order: never the draw.
    asked_for: Vec<Reason>,
    private: bool,
    objected: bool,
    /// It is on a line that is never captured.
    exempt: bool,
    origins: Origins,
    /// How far the sequences of keys have come, by leg.
    sequences: [Sequence; 2],
    ended: bool,
    cut_off: bool,
    /// The suspicion about each leg.
    suspects: [Option<Suspicion>; 2],
}

impl LiveCall {
    /// Begins a call.
    pub fn begin(call: Call, codec: Codec, ring: Arc<Ring>, drawn: bool, rules: Rules) -> LiveCall {
        ring.set_selected(drawn);
        let silences = Silences::new(rules.keep_agent_on_hold);
        let (agent, marks) = (call.facts.agent.clone(), Marks::of(&call.facts.agent));
        LiveCall {
            call,
            codec,
            agent,
            ring,
            rules,
            drawn,
            silences,
            marks,
            asked_for: Vec::new(),
            private: false,
            objected: false,
            exempt: false,
            origins: Origins::default(),
            sequences: Default::default(),
            ended: false,
            cut_off: false,
            suspects: [None; 2],
        }
    }

    /// Notes a suspicion about a leg. Returns whether it is news.
    pub fn suspect(&mut self, leg: Leg, suspicion: Suspicion) -> bool {
        self.suspects[leg.index()].replace(suspicion) != Some(suspicion)
    }

    /// The agent who talks now.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// The moments of the call.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Its memory.
    pub fn ring(&self) -> &Arc<Ring> {
        &self.ring
    }

    /// Why somebody asked for it to be kept, in that order: never the draw.
    pub fn asked_for(&self) -> &[Reason] {
        &self.asked_for
    }

    /// Whether somebody asked for it to be kept.
    pub fn is_asked_for(&self) -> bool {
        !self.asked_for.is_empty()
    }

    /// Whether the customer is on hold.
    pub fn is_on_hold(&self) -> bool {
        self.silences.is_on(Quiet::Hold)
    }

    /// The states that hold now.
    pub fn states(&self) -> CallStates {
        CallStates {
            recording: self.asked_for.contains(&Reason::OnDemand),
            masked: self.silences.is_on(Quiet::Mask),
            on_hold: self.is_on_hold(),
            private: self.private,
            objected: self.objected,
            copy: self.asked_for.contains(&Reason::Copy),
        }
    }

    /// Whether it is on a line that is never captured.
    pub fn is_exempt(&self) -> bool {
        self.exempt
    }

    /// Whether it has ended and only waits for a late press.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether it would be kept if it were settled now. Nobody at the desk may see this.
    pub fn is_selected(&self) -> bool {
        self.is_asked_for() || self.is_sampled()
    }

    fn is_sampled(&self) -> bool {
        self.drawn && !self.objected && !self.private && !self.exempt
    }

    /// A drawn call that is no longer kept leaves the reserve to others.
    fn give_back_the_reserve(&self) {
        self.ring.set_selected(self.is_selected());
    }

    /// Where a mark of this moment belongs: never behind the end of the call.
    fn mark(&self, moment: Moment) -> u64 {
        let moment = if self.ended { Moment::InOrder } else { moment };
        moment.mark(&self.ring, self.call.rate)
    }

    fn already(&self) -> Effect {
        Effect::Already { at: self.ring.end() }
    }

    /// Record: selects the call, from its first second until hangup.
    ///
    /// # Errors [`Refusal::Private`], [`Refusal::Exempt`]; [`Refusal::Objected`] where an objection forbids this too.
    pub fn record(&mut self, moment: Moment) -> Result<(Effect, PressEffect), Refusal> {
        self.keep(Reason::OnDemand, moment)
    }

    /// Selects the call for this reason, from its first second until hangup: a press, or the customer's wish for a copy.
    ///
    /// # Errors [`Refusal::Private`], [`Refusal::Exempt`]; [`Refusal::Objected`] for a press where an objection forbids that too: a copy is the
    /// customer's own wish.
    pub fn keep(&mut self, reason: Reason, moment: Moment) -> Result<(Effect, PressEffect), Refusal> {
        self.held()?;
        let is_new = !self.asked_for.contains(&reason);
        let is_press = reason == Reason::OnDemand;
        if is_press && is_new && self.objected && self.rules.objection_covers_record {
            return Err(Refusal::Objected);
        }
        let at = self.mark(moment);
        if is_press {
            self.marks.press(at, &self.agent)?;
        }
        if !is_new {
            return Ok((Effect::Already { at }, PressEffect::Again));
        }
        let is_first = !self.is_asked_for();
        self.asked_for.push(reason);
        self.ring.set_selected(true);
        let effect = if is_first { PressEffect::First(self.ring.reader()) } else { PressEffect::Another };
        Ok((Effect::accepted(at), effect))
    }

    /// Refuses what needs audio, if none of the call is held.
    fn held(&self) -> Result<(), Refusal> {
        match (self.private, self.exempt) {
            (true, _) => Err(Refusal::Private),
            (false, true) => Err(Refusal::Exempt),
            (false, false) => Ok(()),
        }
    }

    /// Notes where the first mask, "private" or objection came from.
    pub fn came_from(&mut self, verb: Verb, origin: Origin) {
        let noted = match verb {
            Verb::Private => &mut self.origins.private,
            Verb::Object => &mut self.origins.objected,
            Verb::Mask | Verb::EraseLast => &mut self.origins.masked,
            _ => return,
        };
        noted.get_or_insert(origin);
    }

    /// Silences both legs from here on.
    ///
    /// # Errors [`Refusal::Ended`], as for every control of audio to come.
    pub fn mask(&mut self, moment: Moment) -> Result<Effect, Refusal> {
        self.quieten(Quiet::Mask, moment)
    }

    /// Ends a mask.
    ///
    /// # Errors
    /// [`Refusal::Ended`].
    pub fn unmask(&mut self, moment: Moment) -> Result<Effect, Refusal> {
        self.loosen(Quiet::Mask, moment)
    }

    /// Puts the customer on hold: silence until [`LiveCall::resume`].
    ///
    /// # Errors
    /// [`Refusal::Ended`].
    pub fn hold(&mut self, moment: Moment) -> Result<Effect, Refusal> {
        self.quieten(Quiet::Hold, moment)
    }

    /// Ends a hold.
    ///
    /// # Errors
    /// [`Refusal::Ended`].
    pub fn resume(&mut self, moment: Moment) -> Result<Effect, Refusal> {
        self.loosen(Quiet::Hold, moment)
    }

    fn quieten(&mut self, quiet: Quiet, moment: Moment) -> Result<Effect, Refusal> {
        self.going_on()?;
        if quiet == Quiet::Mask {
            self.forget_sequences();
        }
        let from = moment.begin(&self.ring, self.call.rate);
        let Some(cut) = self.silences.begin(quiet, from, &self.ring) else { return Ok(self.already()) };
        if quiet == Quiet::Mask && cut.silenced.is_some() {
            // It reaches back, over keys that came meanwhile.
            self.marks.forget_digits_from(cut.at);
        }
        self.marks.add(quiet.begins(cut.at));
        Ok(cut.into())
    }

    fn loosen(&mut self, quiet: Quiet, moment: Moment) -> Result<Effect, Refusal> {
        self.going_on()?;
        let to = moment.end(&self.ring, self.call.rate);
        let Some(cut) = self.silences.end(quiet, to, &self.ring) else { return Ok(self.already()) };
        self.marks.add(quiet.ends(cut.at));
        Ok(cut.into())
    }

    fn going_on(&self) -> Result<(), Refusal> {
        if self.ended { Err(Refusal::Ended) } else { Ok(()) }
    }

    /// Silences the last `seconds`, including frames that have not arrived yet.
    ///
    /// # Errors
    /// [`Refusal::Private`], [`Refusal::Exempt`]: there is nothing left to erase.
    pub fn erase_last(&mut self, seconds: f64, moment: Moment) -> Result<Effect, Refusal> {
        self.held()?;
        self.forget_sequences();
        let (ring, rate) = (&self.ring, self.call.rate);
        let from = moment.last(ring, rate).map(|last| last.saturating_sub(rate.samples(seconds)));
        let to = moment.end(ring, rate);
        let cut = self.silences.erase(from, to, ring);
        self.marks.add(Mark::Erased(cut.at..to.into_iter().fold(cut.at, u64::max)));
        self.marks.forget_digits_from(cut.at);
        Ok(cut.into())
    }

    /// Makes the call private: wipes the held audio, holds nothing more, and keeps nothing.
    ///
    /// # Errors
    /// [`Refusal::Recording`] after an accepted record or copy.
    pub fn private(&mut self) -> Result<Effect, Refusal> {
        if self.is_asked_for() {
            return Err(Refusal::Recording);
        }
        if self.private {
            return Ok(self.already());
        }
        self.private = true;
        self.give_back_the_reserve();
        let at = self.ring.end();
        self.wipe();
        Ok(Effect::accepted(at))
    }

    /// The call is on a line that is never captured: nothing of it is held. Before anybody can have asked for it to be kept.
    pub fn exempt(&mut self) {
        self.exempt = true;
        self.give_back_the_reserve();
        self.wipe();
    }

    fn wipe(&mut self) {
        self.ring.wipe();
        self.marks.forget_digits_from(0);
        self.forget_sequences();
    }

    fn forget_sequences(&mut self) {
        self.sequences.iter_mut().for_each(Sequence::forget);
    }

    /// The customer objects to training: the call can't be sampled.
    pub fn object(&mut self) -> Effect {
        if self.objected {
            return self.already();
        }
        self.objected = true;
        self.give_back_the_reserve();
        Effect::accepted(self.ring.end())
    }

    /// Gives the call to another agent.
    ///
    /// # Errors
    /// [`Refusal::Ended`].
    pub fn transfer(&mut self, to: &str, moment: Moment) -> Result<Effect, Refusal> {
        self.going_on()?;
        if self.agent == to {
            return Ok(self.already());
        }
        let at = self.mark(moment);
        self.marks.transfer(at, to)?;
        to.clone_into(&mut self.agent);
        Ok(Effect::accepted(at))
    }

    /// Notes a key of the phone. Drops it while the call is masked or private, and if it belongs to a time that is silent for good.
    ///
    /// # Errors
    /// [`Refusal::Ended`].
    pub fn dtmf(&mut self, digit: char, moment: Moment) -> Result<Effect, Refusal> {
        self.going_on()?;
        let at = self.mark(moment);
        if self.held().is_ok() && !self.silences.hides_keys(at) {
            self.marks.digit(at, digit)?;
        }
        Ok(Effect::accepted(at))
    }

    /// What a key on this leg does, if it completes a sequence of the desk's. Nothing while the call is masked: then it may belong to a card number.
    pub fn key_deed(&mut self, digit: char, leg: Leg, moment: Moment, now: Instant) -> Option<KeyDeed> {
        let (keys, deed) = match leg {
            Leg::Agent => (self.rules.record_keys?, KeyDeed::Record),
            Leg::Customer => (self.rules.object_keys?, KeyDeed::Object),
        };
        if self.silences.hides_keys(self.mark(moment)) {
            self.forget_sequences();
            return None;
        }
        self.sequences[leg.index()].press(keys, digit, now).then_some(deed)
    }

    /// Hangs up: nothing more is held. The call can be selected until it is settled.
    pub fn end(&mut self) {
        self.ended = true;
        self.ring.close();
    }

    /// Ends a call that nobody hung up: like [`LiveCall::end`], but another call may continue it.
    pub fn cut_off(&mut self) {
        self.cut_off = true;
        self.end();
    }

    /// Whether it was cut off.
    pub fn is_cut_off(&self) -> bool {
        self.cut_off
    }

    /// Settles the call.
    pub fn settle(mut self) -> Fate {
        self.end();
        self.marks.keep_within(self.ring.end());
        let is_sampled = self.is_sampled();
        let mut reasons = std::mem::take(&mut self.asked_for);
        reasons.extend(is_sampled.then_some(Reason::Sample));
        let outcome = super::FinalFacts {
            samples: self.ring.end(),
            first: self.ring.start(),
            counts: Leg::ALL.map(|leg| self.ring.counts(leg)),
            agent: self.agent,
            private: self.private,
            objected: self.objected,
            origins: self.origins,
            mask_samples: self.silences.secret_samples(self.ring.end()),
            cut_off: self.cut_off,
            call: self.call,
        };
        if reasons.is_empty() {
            Fate::Unselected(UnselectedCall::new(outcome, self.ring))
        } else {
            Fate::Selected(SelectedCall::new(outcome, self.ring, reasons, self.marks))
        }
    }

    /// The view of it for a desk, with its memory if the viewer is the engine's owner.
    pub fn view(&self, connected: bool, owner: bool) -> words::LiveCall {
        let rate = self.call.rate;
        let [agent_leg, customer_leg] = Leg::ALL.map(|leg| {
            let counts = self.ring.counts(leg);
            LiveLeg {
                level_dbfs: dbfs(counts.peak),
                frames: counts.frames,
                gaps: counts.gaps,
                gap_seconds: rate.seconds(counts.gap_samples),
                late_frames: counts.late_frames,
                lost_frames: counts.lost_frames,
                refused_frames: counts.refused_frames,
                suspect: self.suspects[leg.index()],
            }
        });
        words::LiveCall {
            call: self.call.id,
            agent: self.agent.clone(),
            direction: self.call.facts.direction,
            rate: rate.hz(),
            codec: self.codec,
            began: self.call.began_at,
            seconds: rate.seconds(self.ring.end()),
            state: match (self.ended, connected) {
                (true, _) => LiveState::Ended,
                (false, true) => LiveState::Live,
                (false, false) => LiveState::Disconnected,
            },
            states: self.states(),
            exempt: self.exempt,
            held_bytes: owner.then(|| self.ring.held_bytes()),
            agent_leg,
            customer_leg,
        }
    }
}
