//! The calls of a connection: begun, taken over, asked something, and gone on with after the connection, or the engine, was lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{Desk, HELLO_MAX, Outcome};
use crate::known::Known;
use retrocall_client::client::{Call, Client, PlayError, SharedLeg};
use retrocall_words::{
    Answer, Ask, Begin, CallId, Clock as _, Refusal, Request, SystemClock, Target, Verdict, audio::Codec,
};

/// How often an engine that is gone is looked for.
const RETRY: Duration = Duration::from_millis(200);
/// What is said of a call that can't be asked anything any more.
const OVER: &str = "the call has ended";

/// How many samples a call's frames usually have, and for how long there is room for them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Room {
    /// Samples of a frame.
    pub frame_samples: Option<usize>,
    /// Milliseconds.
    pub depth_ms: Option<u32>,
}

/// A call that began, or was taken over.
pub struct Begun {
    /// Its number in this desk.
    pub key: u64,
    /// Its id.
    pub id: CallId,
    /// How its samples come.
    pub codec: Codec,
    /// Where its frames go, agent first.
    pub legs: [SharedLeg; 2],
    /// Where they go on, in samples.
    pub positions: [u64; 2],
    /// Whether nothing is taken any more.
    pub closed: Arc<AtomicBool>,
}

/// What a call goes on with after a lost connection.
pub struct GoneOn {
    /// Where its frames go, agent first.
    pub legs: [SharedLeg; 2],
    /// Its id by now.
    pub id: CallId,
    /// Whether it is another call, whose position 0 is now.
    pub is_anew: bool,
}

impl Desk {
    /// Announces a call, of which something that was said is left out already, and asks for its shared memory.
    pub fn begin(&self, begin: Begin, room: Room, left_out: Vec<String>) -> Result<Begun, Outcome> {
        self.start(room, left_out, |client| Call::begin(client, begin).map(|call| (call, [0; 2])))
    }

    /// Takes over a call that lost its connection.
    pub fn attach(&self, id: CallId, room: Room) -> Result<Begun, Outcome> {
        self.start(room, Vec::new(), |client| Call::attach(client, id))
    }

    fn start(
        &self,
        room: Room,
        left_out: Vec<String>,
        call: impl FnOnce(&mut Client) -> Result<(Call, [u64; 2]), PlayError>,
    ) -> Result<Begun, Outcome> {
        let mut line = self.line.lock();
        // It is known before anything more of it is heard.
        let (key, call, closed, positions) = self.with(&mut line, |client| {
            let (call, positions) = call(client)?;
            let known = Known::new(call.clone(), left_out);
            let closed = Arc::clone(&known.closed);
            let mut told = self.told.lock();
            told.last_key += 1;
            let key = told.last_key;
            told.calls.insert(key, known);
            Ok((key, call, closed, positions))
        })?;
        let (id, channel, codec) = (call.id(), call.channel(), call.announced().codec);
        match self.share(&mut line, channel, room) {
            Ok(legs) => {
                self.say(&self.left_out(key));
                Ok(Begun { key, id, codec, legs, positions, closed })
            }
            Err(outcome) => {
                // Without a way in for its frames there is nothing to capture. What is told is why, and not that it has ended.
                self.told.lock().calls.remove(&key);
                let _ =
                    self.with(&mut line, |client| Ok(client.ask(Request::new(Target::Channel(channel), Ask::End))?));
                Err(outcome)
            }
        }
    }

    /// Memory for the frames of a call. A depth is a wish: an engine that has not that much, or does not know of it, gives the usual one.
    fn share(&self, line: &mut Option<Client>, channel: u32, room: Room) -> Result<[SharedLeg; 2], Outcome> {
        let mut shared = self.with(line, |client| Ok(client.share(channel, room.frame_samples, room.depth_ms)?))?;
        if shared.is_err() && room.depth_ms.is_some() {
            shared = self.with(line, |client| Ok(client.share(channel, room.frame_samples, None)?))?;
        }
        shared.map_err(|answer| self.refused(&answer))
    }

    /// What is said of a call that was captured without something that was said of it.
    fn left_out(&self, key: u64) -> String {
        match self.of(key, |known| known.left_out().join(", ")) {
            Some(names) if !names.is_empty() => format!("captured without what can't be used as it was given: {names}"),
            _ => String::new(),
        }
    }

    /// Asks something for a call.
    pub fn control(&self, key: u64, ask: &Ask) -> Outcome {
        let mut line = self.line.lock();
        let look = |known: &mut Known| (known.call.id(), known.is_over(), known.ended_here);
        let Some((id, is_over, is_ended_here)) = self.of(key, look) else { return Outcome::Gone };
        if is_over && *ask == Ask::End {
            self.say(OVER);
            return Outcome::Already;
        }
        match self.with(&mut line, |client| Ok(client.ask(Request::new(Target::Call(id), ask.clone()))?)) {
            Ok(answer) if answer.answer != Verdict::Refused => {
                self.of(key, |known| known.done(ask));
                self.say(answer.text.as_deref().unwrap_or_default());
                if answer.answer == Verdict::Already { Outcome::Already } else { Outcome::Accepted }
            }
            Ok(Answer { reason: Some(Refusal::Ended | Refusal::UnknownCall | Refusal::NoCall), .. }) => {
                // The engine stops, or was started anew: the phone call may go on, and so may this one.
                if !is_ended_here {
                    self.of(key, |known| known.not_answered(ask));
                }
                self.say(OVER);
                Outcome::Gone
            }
            Ok(answer) => self.refused(&answer),
            Err(outcome) => {
                if !is_ended_here && line.is_none() {
                    self.of(key, |known| known.not_answered(ask));
                }
                outcome
            }
        }
    }

    /// Goes on with a call whose connection was lost, or that the engine ended: looks for the engine, at most for `patience`, takes the call
    /// over where it is, or begins it anew with all that held of it. `install` gets the new memory before any frame is taken again.
    pub fn reconnect(&self, key: u64, room: Room, patience: Duration, install: impl FnOnce(GoneOn)) -> Outcome {
        let deadline = SystemClock.now() + patience;
        loop {
            let mut line = self.line.lock();
            match self.return_over(&mut line, key, room, deadline) {
                Ok(Some(gone_on)) => {
                    install(gone_on);
                    self.of(key, |known| known.closed.store(known.is_over(), Ordering::Release));
                    self.say(&self.left_out(key));
                    return Outcome::Accepted;
                }
                Ok(None) => return Outcome::Already,
                Err(Outcome::Wrong) => return Outcome::Wrong,
                // What ended here stays ended.
                Err(_) if self.of(key, |known| known.ended_here) != Some(false) => return Outcome::Gone,
                Err(outcome) if SystemClock.now() + RETRY >= deadline => return outcome,
                Err(_) => {}
            }
            drop(line);
            thread::sleep(RETRY);
        }
    }

    /// One try. None if the call never stopped.
    fn return_over(
        &self,
        line: &mut Option<Client>,
        key: u64,
        room: Room,
        deadline: Instant,
    ) -> Result<Option<GoneOn>, Outcome> {
        self.take_in(line);
        let look = |known: &mut Known| (known.ended_here, known.carried && !known.closed.load(Ordering::Relaxed));
        let (is_ended, is_well) = self.of(key, look).ok_or(Outcome::Gone)?;
        if is_ended {
            self.say(OVER);
            return Err(Outcome::Gone);
        }
        if line.is_some() && is_well {
            return Ok(None);
        }
        if line.is_none() {
            let limit = SystemClock.until(deadline).clamp(RETRY, HELLO_MAX);
            self.open(line, limit).map_err(|error| {
                self.trouble(&error.to_string());
                Outcome::Gone
            })?;
        }
        self.go_on(line, key, room).map(Some)
    }

    /// Takes a call over on this connection, or begins it anew, with memory for its frames, and asks again what nobody answered.
    fn go_on(&self, line: &mut Option<Client>, key: u64, room: Room) -> Result<GoneOn, Outcome> {
        let look = |known: &mut Known| (known.call.clone(), known.carried && !known.is_over());
        let (mut call, is_carried) = self.of(key, look).ok_or(Outcome::Gone)?;
        // It is carried here already if there was no memory for its frames at the last try.
        if !is_carried {
            self.with(line, |client| {
                call.return_over(client)?;
                self.of(key, |known| known.go_on_as(call.clone()));
                Ok(())
            })?;
        }
        let (id, channel) = (call.id(), call.channel());
        for ask in self.of(key, |known| known.unanswered()).unwrap_or_default() {
            let request = Request::new(Target::Channel(channel), ask.clone());
            // One that is refused stays refused: whoever asked for it sees in the status what holds.
            self.with(line, |client| Ok(client.ask(request)?))?;
            self.of(key, |known| known.answered(&ask));
        }
        let legs = self.share(line, channel, room)?;
        let is_anew = self.of(key, Known::take_anew).unwrap_or_default();
        Ok(GoneOn { legs, id, is_anew })
    }
}
