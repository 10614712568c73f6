//! A live call, and how controls change it.

use std::sync::Arc;

use super::{
    Fate,
    fate::{SelectedCall, UnselectedCall},
    marks::Marks,
    moment::Moment,
    silences::{Cut, Quiet, Silences},
};
use retrocall_core::ring::{Ring, RingReader};
use retrocall_file::Mark;
use retrocall_words as words;
use retrocall_words::{
    Call, CallStates, LiveLeg, LiveState, Reason, Refusal, Suspicion,
    audio::{Codec, Leg, dbfs},
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

/// The effect of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It takes effect from this position on.
    Accepted {
        /// Position in samples.
        at: u64,
        /// From this position on, audio that had arrived became silent in the ring. The caller must have a running commit overwrite its copy
        /// before anybody is told that it is done.
        silenced: Option<u64>,
    },
    /// It was in effect before.
    Already {
        /// The end of the call, in samples.
        at: u64,
    },
}

impl Effect {
    /// An effect that silenced nothing.
    fn accepted(at: u64) -> Effect {
        Effect::Accepted { at, silenced: None }
    }
}

impl From<Cut> for Effect {
    fn from(Cut { at, silenced }: Cut) -> Effect {
        Effect::Accepted { at, silenced }
    }
}

/// The effect of a press of record.
pub enum PressEffect {
    /// The press selected the call: this reader follows it into a file.
    First(RingReader),
    /// The call was selected before: the press is a bookmark.
    Again,
}

/// A desk's rules for its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// A hold silences the customer's leg, and the agent's unless this is set.
    pub keep_agent_on_hold: bool,
    /// An objection also forbids recording on demand.
    pub objection_covers_record: bool,
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
    private: bool,
    objected: bool,
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
            private: false,
            objected: false,
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

    /// Whether record was pressed.
    pub fn is_recording(&self) -> bool {
        self.marks.is_pressed()
    }

    /// Whether the customer is on hold.
    pub fn is_on_hold(&self) -> bool {
        self.silences.is_on(Quiet::Hold)
    }

    /// The states that hold now.
    pub fn states(&self) -> CallStates {
        CallStates {
            recording: self.is_recording(),
            masked: self.silences.is_on(Quiet::Mask),
            on_hold: self.is_on_hold(),
            private: self.private,
            objected: self.objected,
        }
    }

    /// Whether it has ended and only waits for a late press.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether it would be kept if it were settled now. Nobody at the desk may see this.
    pub fn is_selected(&self) -> bool {
        self.is_recording() || self.is_sampled()
    }

    fn is_sampled(&self) -> bool {
        self.drawn && !self.objected && !self.private
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
    /// # Errors [`Refusal::Private`]; [`Refusal::Objected`] where an objection forbids this too.
    pub fn record(&mut self, moment: Moment) -> Result<(Effect, PressEffect), Refusal> {
        if self.private {
            return Err(Refusal::Private);
        }
        if self.objected && self.rules.objection_covers_record && !self.is_recording() {
            return Err(Refusal::Objected);
        }
        let at = self.mark(moment);
        if !self.marks.press(at, &self.agent)? {
            return Ok((Effect::Already { at }, PressEffect::Again));
        }
        self.ring.set_selected(true);
        Ok((Effect::accepted(at), PressEffect::First(self.ring.reader())))
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
        let from = moment.begin(&self.ring, self.call.rate);
        let Some(cut) = self.silences.begin(quiet, from, &self.ring) else { return Ok(self.already()) };
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
    /// [`Refusal::Private`]: there is nothing left to erase.
    pub fn erase_last(&mut self, seconds: f64, moment: Moment) -> Result<Effect, Refusal> {
        if self.private {
            return Err(Refusal::Private);
        }
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
    /// [`Refusal::Recording`] after an accepted record.
    pub fn private(&mut self) -> Result<Effect, Refusal> {
        if self.is_recording() {
            return Err(Refusal::Recording);
        }
        if self.private {
            return Ok(self.already());
        }
        self.private = true;
        self.give_back_the_reserve();
        let at = self.ring.end();
        self.ring.wipe();
        self.marks.forget_digits_from(0);
        Ok(Effect::accepted(at))
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
        if !self.private && !self.silences.hides_keys(at) {
            self.marks.digit(at, digit)?;
        }
        Ok(Effect::accepted(at))
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
        let mut reasons = Vec::new();
        reasons.extend(self.is_recording().then_some(Reason::OnDemand));
        reasons.extend(self.is_sampled().then_some(Reason::Sample));
        let outcome = super::FinalFacts {
            samples: self.ring.end(),
            first: self.ring.start(),
            counts: Leg::ALL.map(|leg| self.ring.counts(leg)),
            agent: self.agent,
            private: self.private,
            objected: self.objected,
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
            held_bytes: owner.then(|| self.ring.held_bytes()),
            agent_leg,
            customer_leg,
        }
    }
}
