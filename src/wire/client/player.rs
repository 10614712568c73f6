//! A softphone that plays a file: one call from begin to hangup, with controls at exact samples.
//!
//! It works in steps, each due at a time, so that one thread can play a thousand calls.

use std::{
    collections::VecDeque,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{Call, Client, ClientError, PlayError, Return, WavSource};
use retrocall_words::{
    Answer, Ask, Begin, CallId, Clock as _, Customer, Direction, EndedBy, Event, Facts, Refusal, SystemClock, Verdict,
    audio::{FRAME_SAMPLES_MAX, Leg, Rate},
};

/// How a file is played.
#[derive(Clone)]
pub struct Script {
    /// Who talks for the desk.
    pub agent: String,
    /// The customer's number, if known.
    pub customer: Option<String>,
    /// Who called whom.
    pub direction: Direction,
    /// Speed, where 1 is real time; 0 is as fast as possible.
    pub speed: f64,
    /// How long a frame is, in milliseconds.
    pub frame_ms: f64,
    /// Controls, and when they are asked for.
    pub cues: Vec<Cue>,
    /// How long to look for an engine that is gone, to go on with the call.
    pub patience: Duration,
}

/// A control at a time of the call.
#[derive(Debug, Clone)]
pub struct Cue {
    /// When, in seconds of the call. A cue beyond the end is asked for at the end.
    pub seconds: f64,
    /// What.
    pub ask: Ask,
}

impl Script {
    /// A call of `agent` in real time, in frames of 20 ms, with nothing asked for, which ends with its connection.
    pub fn new(agent: String) -> Script {
        Script {
            agent,
            customer: None,
            direction: Direction::Inbound,
            speed: 1.0,
            frame_ms: 20.0,
            cues: Vec::new(),
            patience: Duration::ZERO,
        }
    }
}

/// What became of a cue.
#[derive(Debug, Clone, PartialEq)]
pub struct CueOutcome {
    /// What was asked for.
    pub ask: Ask,
    /// The sample of the call at which it was asked: all before had been sent, and nothing after.
    pub at: u64,
    /// When that is, in seconds of the call.
    pub seconds: f64,
    /// Whether the cue was for later than the end.
    pub late: bool,
    /// The engine's answer.
    pub answer: Answer,
}

/// The outcome of playing a call.
#[derive(Debug, Clone, PartialEq)]
pub struct PlayReport {
    /// The call; the last one, if it went on as another.
    pub call: CallId,
    /// The calls before, which it goes on with, the first one first.
    pub before: Vec<CallId>,
    /// Frames that were sent, both legs.
    pub frames: u64,
    /// Samples of each leg that were sent.
    pub samples: u64,
    /// How long that is.
    pub seconds: f64,
    /// What became of each cue.
    pub cues: Vec<CueOutcome>,
    /// What ended the call, unless we hung up.
    pub ended_by: Option<EndedBy>,
    /// The engine's text about samples lost for want of memory.
    pub memory_full: Option<String>,
    /// The engine's texts about dropped frames, and about legs that seem to have another codec or rate.
    pub odd: Option<String>,
    /// The recording, once it is durable.
    pub kept: Option<PathBuf>,
    /// Those of the calls before.
    pub kept_before: Vec<PathBuf>,
    /// The disk's error, while it refuses the recording.
    pub disk_trouble: Option<String>,
}

impl PlayReport {
    /// A call that has just begun.
    pub fn begun(call: CallId) -> PlayReport {
        PlayReport {
            call,
            before: Vec::new(),
            frames: 0,
            samples: 0,
            seconds: 0.0,
            cues: Vec::new(),
            ended_by: None,
            memory_full: None,
            odd: None,
            kept: None,
            kept_before: Vec::new(),
            disk_trouble: None,
        }
    }

    /// What is left of it is this call.
    pub fn go_on_as(&mut self, call: CallId) {
        self.before.push(std::mem::replace(&mut self.call, call));
        self.kept_before.extend(self.kept.take());
        self.ended_by = None;
    }

    /// The outcomes of the cues with this word.
    pub fn outcomes(&self, verb: &str) -> impl Iterator<Item = &CueOutcome> {
        self.cues.iter().filter(move |outcome| outcome.ask.verb().as_str() == verb)
    }

    /// Whether a cue with this word was refused, accepted (or already so), or not there at all.
    pub fn verdict(&self, verb: &str) -> Option<Verdict> {
        let verdicts = || self.outcomes(verb).map(|outcome| outcome.answer.answer);
        verdicts().find(|verdict| *verdict == Verdict::Refused).or_else(|| verdicts().next())
    }

    /// Takes in an event, unless it is about another call.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::Ended { call, by } if *call == self.call => self.ended_by = Some(*by),
            Event::MemoryFull { call, text } if *call == self.call => self.memory_full = Some(text.clone()),
            Event::FramesRefused { call: Some(call), text, .. } | Event::Suspect { call, text, .. }
                if *call == self.call =>
            {
                self.odd = Some(text.clone());
            }
            Event::Kept { call, path, .. } if *call == self.call => self.kept = Some(path.clone()),
            Event::Kept { call, path, .. } if self.before.contains(call) => self.kept_before.push(path.clone()),
            Event::DiskTrouble { call, text } if *call == self.call => self.disk_trouble = Some(text.clone()),
            Event::DiskWell { call } if *call == self.call => self.disk_trouble = None,
            _ => {}
        }
    }

    /// Waits until the recording of this call is durable, at most for `limit`; `kept` and `disk_trouble` say how it went.
    ///
    /// # Errors
    /// [`ClientError`] if the connection is gone.
    pub fn wait_kept(&mut self, client: &mut Client, limit: Duration) -> Result<(), ClientError> {
        let deadline = SystemClock.now() + limit;
        while self.kept.is_none() {
            let Some(event) = client.next_event(SystemClock.until(deadline))? else { break };
            self.hear(&event);
        }
        Ok(())
    }
}

/// A call that is being played.
pub struct Player {
    source: WavSource,
    legs: [Vec<u8>; 2],
    call: Call,
    /// The sample of the file at which the call began.
    base: u64,
    /// Where each leg of the call goes on.
    legs_at: [u64; 2],
    cues: VecDeque<(u64, Ask)>,
    frame_samples: u64,
    speed: f64,
    began: Instant,
    patience: Duration,
    ended: bool,
    played: PlayReport,
}

impl Player {
    /// Announces the call.
    ///
    /// # Errors
    /// [`PlayError`] if the engine refuses it or the connection is gone.
    pub fn begin(client: &mut Client, source: WavSource, script: Script) -> Result<Player, PlayError> {
        let rate = source.rate();
        let begin = Begin {
            facts: Facts { direction: script.direction, ..Facts::of(script.agent.clone()) },
            customer: script.customer.map(Customer::from),
            ..Begin::new(script.agent, rate, source.codec())
        };
        let call = Call::begin(client, begin)?;
        let played = PlayReport::begun(call.id());
        Ok(Player {
            source,
            legs: [Vec::new(), Vec::new()],
            call,
            base: 0,
            legs_at: [0; 2],
            cues: in_order(script.cues, rate),
            frame_samples: rate.samples(script.frame_ms / 1e3).clamp(1, FRAME_SAMPLES_MAX as u64),
            speed: script.speed,
            began: SystemClock.now(),
            patience: script.patience,
            ended: false,
            played,
        })
    }

    /// The call.
    pub fn call(&self) -> CallId {
        self.played.call
    }

    /// How much of each leg has been sent, and how long the file is, in seconds.
    pub fn progress_seconds(&self) -> (f64, f64) {
        (self.source.rate().seconds(self.played.samples), self.source.seconds())
    }

    /// When the next step is due; None when the call has ended. A frame is due when its last sample has been spoken.
    pub fn due(&self) -> Option<Instant> {
        if self.ended {
            return None;
        }
        let spoken = self.source.rate().seconds(self.played.samples + self.next_samples());
        // A tiny speed must not overflow the clock.
        let seconds = if self.speed > 0.0 { (spoken / self.speed).min(1e9) } else { 0.0 };
        Some(self.began + Duration::from_secs_f64(seconds))
    }

    /// Does the next step: asks for the cue whose sample is reached, or sends the next frame of both legs, or hangs up.
    /// Frames may stay with the client until it is flushed.
    ///
    /// # Errors
    /// [`PlayError`] if the connection or the file fails. A cue that is refused is an outcome, not an error.
    pub fn step(&mut self, client: &mut Client) -> Result<(), PlayError> {
        if self.ended {
            return Ok(());
        }
        let at = self.played.samples;
        let over = at == self.source.samples();
        if let Some((cue, ask)) = self.cues.front().filter(|(cue, _)| *cue <= at || over).cloned() {
            let answer = self.call.ask(client, ask.clone())?;
            // Without an answer, ask again once the call goes on.
            self.cues.pop_front();
            let seconds = self.source.rate().seconds(at);
            self.played.cues.push(CueOutcome { ask, at, seconds, late: cue > at, answer });
            return Ok(());
        }
        if over {
            let answer = self.call.ask(client, Ask::End)?;
            self.ended = true;
            return match (answer.answer, answer.reason) {
                (Verdict::Refused, reason) if reason != Some(Refusal::Ended) && self.played.ended_by.is_none() => {
                    Err(PlayError::Refused(Box::new(answer)))
                }
                _ => Ok(()),
            };
        }
        let samples = self.source.read(self.next_samples() as usize, &mut self.legs)?;
        self.send(client, at - self.base)?;
        self.played.samples += samples as u64;
        self.played.seconds = self.source.rate().seconds(self.played.samples);
        Ok(())
    }

    /// Sends the part of what was read that the engine does not have yet.
    fn send(&mut self, client: &mut Client, position: u64) -> Result<(), ClientError> {
        let width = self.source.codec().bytes_per_sample();
        for leg in Leg::ALL {
            let bytes = &self.legs[leg.index()];
            let has = (self.legs_at[leg.index()].saturating_sub(position) as usize * width).min(bytes.len());
            if has < bytes.len() {
                client.send_audio(leg, self.call.channel(), position + (has / width) as u64, &bytes[has..])?;
                self.legs_at[leg.index()] = position + (bytes.len() / width) as u64;
                self.played.frames += 1;
            }
        }
        Ok(())
    }

    /// Takes in an event, unless it is about another call.
    pub fn hear(&mut self, event: &Event) {
        self.call.hear(event);
        self.played.hear(event);
        self.ended |= self.played.ended_by.is_some() && self.patience.is_zero();
    }

    /// What has been played so far.
    pub fn played(&self) -> &PlayReport {
        &self.played
    }

    /// What has been played.
    pub fn into_played(self) -> PlayReport {
        self.played
    }

    /// Plays to the end, alone on its connection. `watch` sees every step.
    ///
    /// # Errors
    /// As [`Player::step`].
    pub fn play(&mut self, client: &mut Client, mut watch: impl FnMut(&Player)) -> Result<(), PlayError> {
        while let Some(due) = self.due() {
            match self.turn(client, due) {
                Err(PlayError::Client(error)) if !self.patience.is_zero() => self.find_engine(client, error)?,
                // The engine has ended it: the rest goes on as another call.
                Ok(()) if self.played.ended_by.is_some() && !self.ended => {
                    self.find_engine(client, ClientError::Closed)?;
                }
                done => done?,
            }
            watch(self);
        }
        Ok(client.flush()?)
    }

    fn turn(&mut self, client: &mut Client, due: Instant) -> Result<(), PlayError> {
        let rested = if due > SystemClock.now() { client.rest(due) } else { Ok(()) };
        let done = rested.map_err(PlayError::from).and_then(|()| self.step(client));
        // Also from a lost connection: the last words count.
        for event in client.events() {
            self.hear(&event);
        }
        done
    }

    /// Looks for the engine while our patience lasts, and goes on.
    ///
    /// # Errors
    /// `why` it was lost, or what the engine says that is there now.
    fn find_engine(&mut self, client: &mut Client, why: ClientError) -> Result<(), PlayError> {
        let Player { call, played, patience, .. } = self;
        match call.find_engine(client, *patience, |event| played.hear(event)) {
            Ok(Return::Attached { positions }) => {
                // Send again what had not arrived.
                let at = (self.base + positions[0].min(positions[1])).min(self.source.samples());
                self.source.seek(at)?;
                (self.played.samples, self.legs_at) = (at, positions);
            }
            Ok(Return::Continued) => {
                self.played.go_on_as(self.call.id());
                (self.base, self.legs_at) = (self.played.samples, [0; 2]);
            }
            // The engine has ended the call for good.
            Err(PlayError::Client(_)) if self.played.ended_by.is_some() => self.ended = true,
            Err(PlayError::Client(_)) => return Err(why.into()),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Samples of the next frame: up to the next place of the frames' grid, the next cue, or the end.
    fn next_samples(&self) -> u64 {
        let at = self.played.samples;
        let grid = (at / self.frame_samples + 1) * self.frame_samples;
        let cue = self.cues.front().map_or(u64::MAX, |(cue, _)| *cue);
        grid.min(cue).min(self.source.samples()).saturating_sub(at)
    }
}

/// The cues by the sample they are for. What ends something comes before what begins something at the same sample, so that
/// `1..2` and `2..3` are one stretch.
fn in_order(cues: Vec<Cue>, rate: Rate) -> VecDeque<(u64, Ask)> {
    let mut cues: Vec<_> = cues.into_iter().map(|cue| (rate.samples(cue.seconds), cue.ask)).collect();
    cues.sort_by_key(|(at, ask)| (*at, !matches!(ask, Ask::Unmask | Ask::Resume)));
    cues.into()
}
