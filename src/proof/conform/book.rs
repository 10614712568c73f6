//! What a client did in one scene, and what of it was wrong.
//!
//! Belongs here: the rules of the page, checked against what came. Does not: sockets, answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{Finding, Scene, Verdict};
use retrocall_client::protocol::AudioHead;
use retrocall_words::{
    Ask, Begin, CallId, CallStates, Clock as _, Event, Origin, Reason, SystemClock,
    audio::{Leg, Rate},
};

/// How far a position may be ahead.
pub(super) const AHEAD: Duration = Duration::from_secs(60);
/// How long a lost connection may stay away.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// Frames after which a rule that is broken by most of them is broken.
const FRAMES_MIN: u64 = 10;

/// A call of the client's.
pub(super) struct Call {
    pub id: CallId,
    pub agent: String,
    pub rate: Rate,
    /// As it was announced.
    pub begin: Begin,
    began: Instant,
    /// Where each leg ends.
    pub ends: [u64; 2],
    frames: [u64; 2],
    /// Samples that have come.
    came: [u64; 2],
    gaps: [u64; 2],
    pub ended: bool,
    /// What holds of it, as the client has been told.
    pub states: CallStates,
    /// When its connection was closed under it.
    pub lost_at: Option<Instant>,
}

impl Call {
    pub(super) fn end(&self) -> u64 {
        self.ends[0].max(self.ends[1])
    }

    pub(super) fn frames(&self) -> u64 {
        self.frames[0] + self.frames[1]
    }
}

/// What happened in a scene.
#[derive(Default)]
pub(super) struct Book {
    pub calls: Vec<Call>,
    pub connections: usize,
    pub open: usize,
    /// What was asked for.
    pub verbs: BTreeSet<&'static str>,
    /// What was refused once.
    pub refused: BTreeSet<&'static str>,
    /// Whether what the scene is about has happened, and when.
    pub acted_at: Option<Instant>,
    attached: bool,
    continued: bool,
    /// Frames that came after a refusal.
    went_on: bool,
    /// By rule: the first time that it was broken, in words, and how often it was.
    wrong: BTreeMap<&'static str, (String, u64)>,
}

/// A call is kept for this reason, as somebody else than the client under test may have asked.
pub(super) fn recording(call: CallId, reason: Reason) -> Event {
    Event::Recording { call, agent: None, reason: Some(reason), origin: Some(Origin::Agent) }
}

/// What holds of a call, as an event.
pub(super) fn state_of(call: &Call) -> Event {
    Event::State { call: call.id, agent: call.agent.clone(), states: call.states }
}

impl Book {
    pub(super) fn wrong(&mut self, rule: &'static str, text: impl Into<String>) {
        let (_, times) = self.wrong.entry(rule).or_insert_with(|| (text.into(), 0));
        *times += 1;
    }

    /// A call begins. Returns its place.
    pub(super) fn begin(&mut self, begin: &Begin) -> usize {
        if let Some(before) = begin.facts.continues {
            self.go_on(before, begin.states);
        }
        self.calls.push(Call {
            id: CallId::new(),
            agent: begin.facts.agent.clone(),
            rate: begin.rate,
            states: begin.states,
            begin: begin.clone(),
            began: SystemClock.now(),
            ends: [0; 2],
            frames: [0; 2],
            came: [0; 2],
            gaps: [0; 2],
            ended: false,
            lost_at: None,
        });
        self.calls.len() - 1
    }

    /// A call is said to go on where this one was cut off, with these states.
    fn go_on(&mut self, before: CallId, states: CallStates) {
        let Some(call) = self.calls.iter().find(|call| call.id == before && call.lost_at.is_some() && !call.ended)
        else {
            return self
                .wrong("continues", "`continues` names no call that was cut off: it is the id of the call before");
        };
        let held = call.states.named();
        for ((state, held), (_, said)) in held.into_iter().zip(states.named()) {
            if held && !said {
                self.wrong(
                    "states",
                    format!("a call goes on without `{state}`, which held before: the event `state` tells it"),
                );
            }
        }
        self.continued = true;
    }

    /// A control is done: whether anything holds now that did not before, or the other way round.
    pub(super) fn control(&mut self, at: usize, ask: &Ask) -> bool {
        let call = &mut self.calls[at];
        let before = (call.states, call.agent.clone());
        call.states = ask.after(call.states);
        if let Ask::Transfer { to } = ask {
            call.agent.clone_from(to);
        }
        before != (call.states, call.agent.clone())
    }

    /// A call has a connection again.
    pub(super) fn attach(&mut self, at: usize) {
        let lost_at = self.calls[at].lost_at.take();
        if lost_at.is_some_and(|at| SystemClock.since(at) > GRACE) {
            self.wrong("attach", "it came back after the grace time (limits.grace_ms): the call has ended by then");
        }
        self.attached = true;
    }

    /// A frame of a call.
    pub(super) fn frame(&mut self, at: usize, leg: Leg, head: AudioHead, bytes: &[u8]) {
        let call = &mut self.calls[at];
        let samples = match AudioHead::samples(bytes, call.begin.codec) {
            Ok(samples) => samples as u64,
            Err(error) => return self.wrong("frame", format!("a frame is none: {error}")),
        };
        let (expected, place) = (call.ends[leg.index()], leg.index());
        let passed = call.rate.samples(SystemClock.since(call.began).as_secs_f64());
        call.came[place] += samples;
        let limit = passed.max(call.came[0]).max(call.came[1]) + call.rate.samples(AHEAD.as_secs_f64());
        call.frames[place] += 1;
        call.gaps[place] += u64::from(head.position > expected);
        let end = head.position.saturating_add(samples);
        if end > limit {
            return self.wrong(
                "position",
                format!("a frame reaches position {end}, and the limit is {limit} then (limits.ahead_ms)"),
            );
        }
        call.ends[place] = expected.max(end);
        let rate = call.rate.hz();
        if head.position < expected {
            self.wrong("position", format!(
                "a frame of the {leg:?} begins at position {}, and the one before ended at {expected}: positions count the samples of one \
                 leg, {rate} a second, and only go forward",
                head.position
            ));
        }
        self.went_on |= !self.refused.is_empty();
    }

    /// What is to be said of the scene.
    pub(super) fn findings(mut self, scene: Scene) -> Vec<Finding> {
        let name = scene.name();
        if self.connections == 0 {
            return vec![Finding::new(name, Verdict::Unseen, "no client connected")];
        }
        if self.calls.is_empty() && scene != Scene::Refused {
            self.wrong("begin", "no call was announced: `begin`");
        }
        self.judge_audio(scene);
        self.judge_end(scene);
        let mut findings: Vec<Finding> = std::mem::take(&mut self.wrong)
            .into_values()
            .map(|(text, times)| {
                let times = if times > 1 { format!(" ({times} times)") } else { String::new() };
                Finding::new(name, Verdict::Wrong, text + &times)
            })
            .collect();
        findings.extend(self.advice(scene));
        let unseen = match (scene, self.acted_at) {
            (Scene::Plain | Scene::Chatty, _) | (_, Some(_)) => None,
            (Scene::Refused, None) => Some("no call was announced"),
            (Scene::Refusals | Scene::Already, None) => {
                Some("nothing was asked for during the call: press record, say")
            }
            (_, None) => Some("the call was over before it came to that: let it be longer"),
        };
        findings.extend(unseen.map(|text| Finding::new(name, Verdict::Unseen, text)));
        if findings.is_empty() {
            findings.push(Finding::new(name, Verdict::Right, ""));
        }
        findings
    }

    fn judge_audio(&mut self, scene: Scene) {
        let most_are_gaps =
            |call: &Call, leg: usize| call.frames[leg] >= FRAMES_MIN && call.gaps[leg] * 2 > call.frames[leg];
        if self.calls.iter().any(|call| most_are_gaps(call, 0) || most_are_gaps(call, 1)) {
            self.wrong("gap", "most frames leave a gap before them: the position of a frame is that of the one before plus its samples, \
                not bytes and not milliseconds");
        }
        if scene == Scene::Plain && self.calls.iter().all(|call| call.frames() == 0) && !self.calls.is_empty() {
            self.wrong("audio", "no frame came");
        }
    }

    fn judge_end(&mut self, scene: Scene) {
        if !scene.ends_the_connection() && self.calls.iter().any(|call| !call.ended) {
            let refused = scene == Scene::Refusals && self.acted_at.is_some();
            let why = if refused { "; a control that is refused changes nothing else" } else { "" };
            self.wrong("end", format!("a call was not ended with `end`: it would go on for the grace time{why}"));
        }
    }

    fn advice(&self, scene: Scene) -> Vec<Finding> {
        let mut advice = Vec::new();
        let mut add = |text: &str| advice.push(Finding::new(scene.name(), Verdict::Advice, text));
        if scene == Scene::Plain {
            for (leg, name) in Leg::ALL.into_iter().zip(["agent", "customer"]) {
                if self.calls.iter().any(|call| call.frames() > 0 && call.frames[leg.index()] == 0) {
                    add(&format!("nothing came of the {name}: this leg would be silence"));
                }
            }
        }
        if scene.can_be_attached() && self.acted_at.is_some() && !self.attached {
            add("it did not come back with `attach` within the grace time: what is said from there on is lost");
        }
        if scene == Scene::Restarted && self.acted_at.is_some() && !self.continued {
            add(
                "it did not go on with `begin` and `continues`: what is said from there on is lost, or the press, the mask and the objection of \
                 before are",
            );
        }
        if scene == Scene::Refusals
            && self.acted_at.is_some()
            && !self.went_on
            && self.calls.iter().all(|call| call.ended)
        {
            add("no audio came after a refusal: if the call was over by then, press earlier");
        }
        advice
    }
}
