//! One call of a phone whose audio comes from sound devices: its line to the engine, and both its legs on its timeline.
//!
//! Belongs here: begin, audio, controls, end, a lost line. Does not: devices, what phones say.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tracing::{info, warn};

use super::{LegFacts, Timeline};
use crate::{
    audio::{Leg, Rate},
    client::{Client, ClientError, PlayError},
    memory::LockedBuffer,
    protocol::{Answer, Ask, Begin, CallId, Event, Refusal, Request, Target, Verdict},
};

/// How often an engine that is gone is looked for.
const RETRY: Duration = Duration::from_millis(200);
/// The longest run that is sent as one frame.
const FRAME_BYTES: usize = 2 * crate::audio::FRAME_SAMPLES_MAX;

/// A call that is being captured.
pub struct Session {
    socket: PathBuf,
    begin: Begin,
    call: CallId,
    /// When position 0 is.
    began: Instant,
    /// None while there is no engine.
    line: Option<(Client, u32)>,
    retry_at: Instant,
    legs: [Timeline; 2],
    bytes: LockedBuffer,
    recording: bool,
    on_hold: bool,
    ended: bool,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionFacts {
    /// Its id.
    pub call: CallId,
    /// How long it was, in seconds.
    pub seconds: f64,
    /// Samples a second of its legs.
    pub rate: Rate,
    /// Both legs, the agent's first.
    pub legs: [LegFacts; 2],
    /// Whether somebody pressed record.
    pub recording: bool,
    /// The recording, once it is durable.
    pub kept: Option<PathBuf>,
}

impl Session {
    /// Announces the call.
    ///
    /// # Errors
    /// [`PlayError`] if there is no engine, or if it does not take the call.
    pub fn begin(socket: &Path, begin: Begin) -> Result<Session, PlayError> {
        let mut client = Client::connect(socket)?;
        let no_memory = |error| PlayError::Client(ClientError::Broken { cause: std::io::Error::other(error) });
        let legs = [Timeline::new(begin.rate).map_err(no_memory)?, Timeline::new(begin.rate).map_err(no_memory)?];
        let bytes = LockedBuffer::new(FRAME_BYTES, true).map_err(no_memory)?;
        let began = Instant::now();
        let (call, channel) = announce(&mut client, &begin)?;
        Ok(Session {
            socket: socket.to_owned(),
            begin,
            call,
            began,
            line: Some((client, channel)),
            retry_at: began,
            legs,
            bytes,
            recording: false,
            on_hold: false,
            ended: false,
        })
    }

    /// Its id.
    pub fn call(&self) -> CallId {
        self.call
    }

    /// How long it has been going on.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether the engine has ended it.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Takes what a device delivered, `at` this moment.
    pub fn take(&mut self, leg: Leg, at: Instant, samples: &[i16]) {
        let nanos = match at.checked_duration_since(self.began) {
            Some(after) => after.as_nanos() as i64,
            None => -((self.began - at).as_nanos() as i64),
        };
        self.carry(leg, |timeline, send| timeline.take(nanos, samples, send));
    }

    /// Sends what `work` puts on the timeline of a leg.
    fn carry(&mut self, leg: Leg, work: impl FnOnce(&mut Timeline, &mut dyn FnMut(u64, &[i16]))) {
        let Session { line, legs, bytes, .. } = self;
        let mut fault = None;
        work(&mut legs[leg.index()], &mut |mut position, samples| {
            // Without a line it goes nowhere, and its positions go on: the engine marks the gap.
            let Some((client, channel)) = line else { return };
            for run in samples.chunks(FRAME_BYTES / 2) {
                let bytes = &mut bytes[..2 * run.len()];
                for (pair, sample) in bytes.chunks_exact_mut(2).zip(run) {
                    pair.copy_from_slice(&sample.to_le_bytes());
                }
                fault = fault.take().or(client.send_audio(leg, *channel, position, bytes).err());
                position += run.len() as u64;
            }
        });
        if let Some(error) = fault {
            self.lost(&error);
        }
    }

    /// Sends what is waiting, hears what has come, and looks for the engine if it is gone. Does not wait.
    pub fn turn(&mut self) {
        if let Some((client, _)) = &mut self.line {
            let done = client.rest(Instant::now());
            let events: Vec<Event> = client.events().collect();
            events.iter().for_each(|event| self.hear(event));
            if let Err(error) = done {
                self.lost(&error);
            }
        } else if Instant::now() >= self.retry_at && !self.ended {
            self.retry_at = Instant::now() + RETRY;
            self.reconnect();
        }
    }

    fn hear(&mut self, event: &Event) {
        match event {
            Event::Recording { call } if *call == self.call => self.recording = true,
            Event::Ended { call, by } if *call == self.call => {
                warn!(call = %self.call, ?by, "the engine ended the call");
                self.ended = true;
            }
            Event::MemoryFull { call, text } if *call == self.call => warn!(call = %self.call, "{text}"),
            _ => {}
        }
    }

    fn lost(&mut self, error: &ClientError) {
        if self.line.take().is_some() {
            warn!(call = %self.call, "no line to the engine, what is said now is not captured: {error}");
            self.retry_at = Instant::now();
        }
    }

    /// Takes the call up again where it is now; if the engine does not know it any more, what is left is a call of its own.
    fn reconnect(&mut self) {
        let Ok(mut client) = Client::connect(&self.socket) else { return };
        let Ok(answer) = client.ask(Request::new(Target::Call(self.call), Ask::Attach)) else { return };
        match (answer.answer, answer.channel, answer.reason) {
            (Verdict::Accepted | Verdict::Already, Some(channel), _) => {
                info!(call = %self.call, "the line to the engine is back");
                self.line = Some((client, channel));
            }
            (_, _, Some(Refusal::UnknownCall | Refusal::Ended)) => {
                let (Ok(agent), Ok(customer)) = (Timeline::new(self.begin.rate), Timeline::new(self.begin.rate)) else {
                    return;
                };
                let began = Instant::now();
                let Ok((call, channel)) = announce(&mut client, &self.begin) else { return };
                warn!(before = %self.call, %call, "the engine does not know the call any more: what is left of it is a new one");
                (self.call, self.began, self.legs) = (call, began, [agent, customer]);
                self.recording = false;
                self.line = Some((client, channel));
                if self.on_hold {
                    self.ask(Ask::Hold);
                }
            }
            _ => {}
        }
    }

    /// Asks something about this call. Everything that was delivered before counts as said before. None without an engine.
    pub fn ask(&mut self, ask: Ask) -> Option<Answer> {
        match ask {
            Ask::Hold => self.on_hold = true,
            Ask::Resume => self.on_hold = false,
            _ => {}
        }
        let (client, channel) = self.line.as_mut()?;
        match client.ask(Request::new(Target::Channel(*channel), ask)) {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.lost(&error);
                None
            }
        }
    }

    /// Hangs up. If it is being recorded, waits until the recording is durable, at most for `kept_max`.
    pub fn end(mut self, kept_max: Duration) -> SessionFacts {
        for leg in Leg::ALL {
            self.carry(leg, |timeline, send| timeline.flush(send));
        }
        let seconds = self.elapsed().as_secs_f64();
        if !self.ended {
            self.ask(Ask::End);
        }
        self.turn();
        let mut kept = None;
        let deadline = Instant::now() + kept_max;
        while self.recording && kept.is_none() {
            let Some((client, _)) = &mut self.line else { break };
            match client.next_event(deadline.saturating_duration_since(Instant::now())) {
                Ok(Some(Event::Kept { call, path, .. })) if call == self.call => kept = Some(path),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        let legs = [self.legs[0].facts(), self.legs[1].facts()];
        SessionFacts { call: self.call, seconds, rate: self.begin.rate, legs, recording: self.recording, kept }
    }
}

fn announce(client: &mut Client, begin: &Begin) -> Result<(CallId, u32), PlayError> {
    let answer = client.ask(Request::new(Target::Own, Ask::Begin(begin.clone())))?;
    match (answer.answer, answer.call, answer.channel) {
        (Verdict::Accepted, Some(call), Some(channel)) => Ok((call, channel)),
        _ => Err(PlayError::Refused(Box::new(answer))),
    }
}
