//! One call whose audio comes from sound devices: its connection to the engine, and the timelines of both legs.
//!
//! Belongs here: begin, audio, controls, end, a lost connection. Does not: devices, the events of phones.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tracing::{info, warn};

use super::{LegFacts, Timeline};
use retrocall_client::client::{Call, Client, ClientError, PlayError, Return};
use retrocall_core::memory::LockedBuffer;
use retrocall_words::{
    Answer, Ask, Begin, CallId, Clock as _, EndedBy, Event, SystemClock,
    audio::{Leg, Rate},
};

/// Pause between two tries to reach an engine that is gone.
const RETRY: Duration = Duration::from_millis(200);
/// The longest frame, in bytes.
const FRAME_BYTES: usize = 2 * retrocall_words::audio::FRAME_SAMPLES_MAX;

/// A call that is being captured.
pub struct Session {
    socket: PathBuf,
    rate: Rate,
    call: Call,
    /// The time of position 0.
    began: Instant,
    /// None while there is no engine.
    line: Option<Client>,
    retry_at: Instant,
    legs: [Timeline; 2],
    bytes: LockedBuffer,
    /// Whether the phone says that the customer waits.
    on_hold: bool,
    /// The recording, once it is durable.
    kept: Option<PathBuf>,
}

/// The outcome of a captured call.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionFacts {
    /// Its id; the last one, if it went on as another.
    pub call: CallId,
    /// The calls before, which it goes on with, the first one first.
    pub before: Vec<CallId>,
    /// Whether an engine was there at its end. If not, the last words were not captured.
    pub connected: bool,
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
        let (began, rate) = (SystemClock.now(), begin.rate);
        let call = Call::begin(&mut client, begin)?;
        Ok(Session {
            socket: socket.to_owned(),
            rate,
            call,
            began,
            line: Some(client),
            retry_at: began,
            legs,
            bytes,
            on_hold: false,
            kept: None,
        })
    }

    /// Its id.
    pub fn call(&self) -> CallId {
        self.call.id()
    }

    /// How long it has been going on.
    pub fn elapsed(&self) -> Duration {
        SystemClock.since(self.began)
    }

    /// Takes a delivery of a device, which came `at` this time.
    pub fn take(&mut self, leg: Leg, at: Instant, samples: &[i16]) {
        let nanos = match at.checked_duration_since(self.began) {
            Some(after) => after.as_nanos() as i64,
            None => -((self.began - at).as_nanos() as i64),
        };
        self.carry(leg, |timeline, send| timeline.take(nanos, samples, send));
    }

    /// Sends what `work` puts on the timeline of a leg.
    fn carry(&mut self, leg: Leg, work: impl FnOnce(&mut Timeline, &mut dyn FnMut(u64, &[i16]))) {
        let Session { line, legs, bytes, call, .. } = self;
        let mut fault = None;
        work(&mut legs[leg.index()], &mut |mut position, samples| {
            // Without a connection the samples are dropped, and positions count on: the engine marks the gap.
            let Some(client) = line.as_mut().filter(|_| call.ended_by().is_none()) else { return };
            for run in samples.chunks(FRAME_BYTES / 2) {
                let bytes = &mut bytes[..2 * run.len()];
                for (pair, sample) in bytes.chunks_exact_mut(2).zip(run) {
                    pair.copy_from_slice(&sample.to_le_bytes());
                }
                fault = fault.take().or(client.send_audio(leg, call.channel(), position, bytes).err());
                position += run.len() as u64;
            }
        });
        if let Some(error) = fault {
            self.lost(&error);
        }
    }

    /// Sends what waits, takes in what has come, and looks for the engine if it is gone. Does not wait.
    pub fn turn(&mut self) {
        if let Some(client) = &mut self.line {
            let done = client.rest(SystemClock.now());
            let events: Vec<Event> = client.events().collect();
            events.iter().for_each(|event| self.hear(event));
            if let Err(error) = done {
                self.lost(&error);
            }
        } else if SystemClock.now() >= self.retry_at {
            self.retry_at = SystemClock.now() + RETRY;
            self.reconnect();
        }
    }

    fn hear(&mut self, event: &Event) {
        self.call.hear(event);
        match event {
            Event::Ended { call, by } if *call == self.call.id() => {
                warn!(call = %call, ?by, "the engine ended the call");
                // An engine that stops says what it kept before it closes.
                if *by != EndedBy::Stopping {
                    self.lost(&ClientError::Closed);
                }
            }
            Event::Kept { call, path, .. } if *call == self.call.id() => self.kept = Some(path.clone()),
            Event::MemoryFull { call, text } if *call == self.call.id() => warn!(call = %call, "{text}"),
            _ => {}
        }
    }

    fn lost(&mut self, error: &ClientError) {
        if self.line.take().is_some() {
            warn!(call = %self.call.id(), "no connection to the engine, so the call is not captured now: {error}");
            self.retry_at = SystemClock.now();
        }
    }

    /// Takes the call up again. If the engine does not know it any more, the rest becomes a call of its own.
    fn reconnect(&mut self) {
        let Ok(mut client) = Client::connect(&self.socket) else { return };
        let (Ok(agent), Ok(customer)) = (Timeline::new(self.rate), Timeline::new(self.rate)) else { return };
        let (before, began) = (self.call.id(), SystemClock.now());
        match self.call.return_over(&mut client) {
            Ok(Return::Attached { .. }) => info!(call = %before, "connected to the engine again"),
            Ok(Return::Continued) => {
                warn!(%before, call = %self.call.id(), "the engine no longer has the call: the rest of it becomes a new one");
                (self.began, self.legs, self.kept) = (began, [agent, customer], None);
            }
            Err(_) => return,
        }
        self.line = Some(client);
        // Hold may have changed while there was no connection.
        if self.call.states().on_hold != self.on_hold {
            self.ask(if self.on_hold { Ask::Hold } else { Ask::Resume });
        }
    }

    /// Asks something about this call, behind everything that was delivered before. None without an engine.
    pub fn ask(&mut self, ask: Ask) -> Option<Answer> {
        match ask {
            Ask::Hold => self.on_hold = true,
            Ask::Resume => self.on_hold = false,
            _ => {}
        }
        match self.call.ask(self.line.as_mut()?, ask) {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.lost(&error);
                None
            }
        }
    }

    /// Hangs up. Waits for the recording, if there is one, until it is durable, for `kept_max` at most.
    pub fn end(mut self, kept_max: Duration) -> SessionFacts {
        for leg in Leg::ALL {
            self.carry(leg, |timeline, send| timeline.flush(send));
        }
        let (seconds, rate) = (self.elapsed().as_secs_f64(), self.rate);
        // Take in what the engine said before the hangup.
        self.turn();
        let connected = self.call.ended_by().is_none() && self.ask(Ask::End).is_some();
        self.turn();
        let recording = self.call.states().recording;
        let deadline = SystemClock.now() + kept_max;
        while recording && self.kept.is_none() {
            let Some(client) = &mut self.line else { break };
            match client.next_event(SystemClock.until(deadline)) {
                Ok(Some(event)) => self.hear(&event),
                Ok(None) | Err(_) => break,
            }
        }
        let legs = [self.legs[0].facts(), self.legs[1].facts()];
        let (call, before) = (self.call.id(), self.call.before().to_vec());
        SessionFacts { call, before, connected, seconds, rate, legs, recording, kept: self.kept }
    }
}
