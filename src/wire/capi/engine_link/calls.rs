//! The calls of a connection: begun, taken over, controlled, and continued after the connection, or the engine, was lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{EngineLink, HELLO_MAX, ReturnCode};
use crate::call_state::CallState;
use retrocall_client::client::{Call, Client, PlayError, SharedLeg};
use retrocall_words::{
    Answer, Ask, Begin, CallId, Clock as _, Refusal, Request, SystemClock, Target, Verdict, audio::Codec,
};

/// Pause between two looks for an engine that is gone.
const RETRY: Duration = Duration::from_millis(200);
/// The error for a call that can't be asked anything any more.
const OVER: &str = "the call has ended";

/// The usual length of a call's frames, and how long they must find room.
#[derive(Debug, Clone, Copy, Default)]
pub struct Room {
    /// Samples of a frame.
    pub frame_samples: Option<usize>,
    /// Milliseconds.
    pub depth_ms: Option<u32>,
}

/// A call that began, or was taken over.
pub struct NewCall {
    /// Its number in this connection.
    pub key: u64,
    /// Its id.
    pub id: CallId,
    /// The coding of its samples.
    pub codec: Codec,
    /// The memory for its frames, agent first.
    pub legs: [SharedLeg; 2],
    /// Where they go on, in samples.
    pub positions: [u64; 2],
    /// Whether nothing is taken any more.
    pub closed: Arc<AtomicBool>,
}

/// A call that was continued after a lost connection.
pub struct Continuation {
    /// The memory for its frames, agent first.
    pub legs: [SharedLeg; 2],
    /// Its current id.
    pub id: CallId,
    /// Whether it is another call, whose position 0 is now.
    pub is_anew: bool,
}

impl EngineLink {
    /// Announces a call, from which options may be left out already, and asks for its shared memory.
    pub fn begin(&self, begin: Begin, room: Room, left_out: Vec<String>) -> Result<NewCall, ReturnCode> {
        self.start(room, left_out, |client| Call::begin(client, begin).map(|call| (call, [0; 2])))
    }

    /// Takes over a call that lost its connection.
    pub fn attach(&self, id: CallId, room: Room) -> Result<NewCall, ReturnCode> {
        self.start(room, Vec::new(), |client| Call::attach(client, id))
    }

    fn start(
        &self,
        room: Room,
        left_out: Vec<String>,
        call: impl FnOnce(&mut Client) -> Result<(Call, [u64; 2]), PlayError>,
    ) -> Result<NewCall, ReturnCode> {
        let mut line = self.line.lock();
        // The call is known before any more of its events are read.
        let (key, call, closed, positions) = self.with(&mut line, |client| {
            let (call, positions) = call(client)?;
            let known = CallState::new(call.clone(), left_out);
            let closed = Arc::clone(&known.closed);
            let mut knowledge = self.knowledge.lock();
            knowledge.last_key += 1;
            let key = knowledge.last_key;
            knowledge.calls.insert(key, known);
            Ok((key, call, closed, positions))
        })?;
        let (id, channel, codec) = (call.id(), call.channel(), call.announced().codec);
        match self.share(&mut line, channel, room) {
            Ok(legs) => {
                self.say(&self.left_out(key));
                Ok(NewCall { key, id, codec, legs, positions, closed })
            }
            Err(outcome) => {
                // Without memory for its frames there is nothing to capture. The error keeps that reason, not the end of the call.
                self.knowledge.lock().calls.remove(&key);
                let _ =
                    self.with(&mut line, |client| Ok(client.ask(Request::new(Target::Channel(channel), Ask::End))?));
                Err(outcome)
            }
        }
    }

    /// Asks for memory for the frames of a call. A depth is a wish: an engine that lacks the memory, or does not know of depths, gives the usual
    /// one.
    fn share(&self, line: &mut Option<Client>, channel: u32, room: Room) -> Result<[SharedLeg; 2], ReturnCode> {
        let mut shared = self.with(line, |client| Ok(client.share(channel, room.frame_samples, room.depth_ms)?))?;
        if shared.is_err() && room.depth_ms.is_some() {
            shared = self.with(line, |client| Ok(client.share(channel, room.frame_samples, None)?))?;
        }
        shared.map_err(|answer| self.refused(&answer))
    }

    /// The words for a call that was captured without some options.
    fn left_out(&self, key: u64) -> String {
        match self.of(key, |known| known.left_out().join(", ")) {
            Some(names) if !names.is_empty() => format!("captured without what can't be used as it was given: {names}"),
            _ => String::new(),
        }
    }

    /// Asks something about a call.
    pub fn control(&self, key: u64, ask: &Ask) -> ReturnCode {
        let mut line = self.line.lock();
        let look = |known: &mut CallState| (known.call.id(), known.is_over(), known.ended_here);
        let Some((id, is_over, is_ended_here)) = self.of(key, look) else { return ReturnCode::Gone };
        if is_over && *ask == Ask::End {
            self.say(OVER);
            return ReturnCode::Already;
        }
        match self.with(&mut line, |client| Ok(client.ask(Request::new(Target::Call(id), ask.clone()))?)) {
            Ok(answer) if answer.answer != Verdict::Refused => {
                self.of(key, |known| known.done(ask));
                self.say(answer.text.as_deref().unwrap_or_default());
                if answer.answer == Verdict::Already { ReturnCode::Already } else { ReturnCode::Accepted }
            }
            Ok(Answer { reason: Some(Refusal::Ended | Refusal::UnknownCall | Refusal::NoCall), .. }) => {
                // The engine stops, or was restarted: the phone call may go on, and so may this one.
                if !is_ended_here {
                    self.of(key, |known| known.not_answered(ask));
                }
                self.say(OVER);
                ReturnCode::Gone
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

    /// Continues a call whose connection was lost, or that the engine ended. Looks for the engine, at most for `patience`, and takes the call
    /// over, or begins it anew with all its states. `install` gets the new memory before any further frame is taken.
    pub fn reconnect(
        &self,
        key: u64,
        room: Room,
        patience: Duration,
        install: impl FnOnce(Continuation),
    ) -> ReturnCode {
        let deadline = SystemClock.now() + patience;
        loop {
            let mut line = self.line.lock();
            match self.return_over(&mut line, key, room, deadline) {
                Ok(Some(gone_on)) => {
                    install(gone_on);
                    self.of(key, |known| known.closed.store(known.is_over(), Ordering::Release));
                    self.say(&self.left_out(key));
                    return ReturnCode::Accepted;
                }
                Ok(None) => return ReturnCode::Already,
                Err(ReturnCode::Wrong) => return ReturnCode::Wrong,
                // A call that ended here stays ended.
                Err(_) if self.of(key, |known| known.ended_here) != Some(false) => return ReturnCode::Gone,
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
    ) -> Result<Option<Continuation>, ReturnCode> {
        self.take_in(line);
        let look = |known: &mut CallState| (known.ended_here, known.carried && !known.closed.load(Ordering::Relaxed));
        let (is_ended, is_well) = self.of(key, look).ok_or(ReturnCode::Gone)?;
        if is_ended {
            self.say(OVER);
            return Err(ReturnCode::Gone);
        }
        if line.is_some() && is_well {
            return Ok(None);
        }
        if line.is_none() {
            let limit = SystemClock.until(deadline).clamp(RETRY, HELLO_MAX);
            self.open(line, limit).map_err(|error| {
                self.trouble(&error.to_string());
                ReturnCode::Gone
            })?;
        }
        self.go_on(line, key, room).map(Some)
    }

    /// Takes a call over on this connection, or begins it anew, with memory for its frames, and repeats requests without an answer.
    fn go_on(&self, line: &mut Option<Client>, key: u64, room: Room) -> Result<Continuation, ReturnCode> {
        let look = |known: &mut CallState| (known.call.clone(), known.carried && !known.is_over());
        let (mut call, is_carried) = self.of(key, look).ok_or(ReturnCode::Gone)?;
        // It is carried here already if the last try found no memory for its frames.
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
            // A refused request stays refused: the status tells its sender the states.
            self.with(line, |client| Ok(client.ask(request)?))?;
            self.of(key, |known| known.answered(&ask));
        }
        let legs = self.share(line, channel, room)?;
        let is_anew = self.of(key, CallState::take_anew).unwrap_or_default();
        Ok(Continuation { legs, id, is_anew })
    }
}
