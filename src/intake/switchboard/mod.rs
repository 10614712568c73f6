//! The switchboard: makes calls of two legs from streams that bring one leg each, whichever way they come in.
//!
//! Belongs here: which two streams are one call (`pairing`), when that call began (`origin`), beginning it with its first leg, ending it with its
//! last one, streams that claim the same leg. Does not: connections, packets, threads, a way in's own troubles.
//!
//! A call begins with the first sample of its first leg, at that leg's rate. The other leg joins when it comes, and may leave and come back while
//! the call lives. The switchboard never closes a stream: the phone call may hang on it.

mod origin;
mod pairing;

use std::{collections::HashMap, sync::Arc};

use tracing::{debug, info, warn};
use uuid::Uuid;

use retrocall_core::ring::LegWriter;
use retrocall_engine::{Engine, Listener};
use retrocall_words::{
    Ask, Begin, CallId, Event, Principal, Refusal, Target,
    audio::{Codec, Leg, Rate},
};

pub(crate) use origin::{Origin, Vote};
pub(crate) use pairing::Pairing;
use pairing::{Key, Match};

/// The number of a stream, never used twice.
pub(crate) type StreamId = u64;

/// The switchboard's requests to a way in. Nothing here may block.
pub(crate) trait Streams {
    /// The name of this way in, for the log.
    const NAME: &'static str;

    /// Gives a stream the leg it asked for, or tells it that nothing of it is held.
    fn answer(&self, stream: StreamId, loan: Option<Loan>);

    /// Another stream claims this one's leg. The way in calls [`Switchboard::give_back`] if this stream is lost, [`Switchboard::keep`] if not.
    fn contest(&self, stream: StreamId);
}

/// A leg in a stream's hands, until [`Switchboard::give_back`].
pub(crate) struct Loan {
    pub writer: Box<LegWriter>,
    pub rate: Rate,
    /// The leg's part in finding when its call began: positions count from there.
    pub vote: Vote,
}

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The peer or we ended it, because nothing came for too long: a hangup.
    HangUp,
    /// The connection failed: the same leg may come back in another stream.
    Lost,
}

/// A stream that asks for its leg.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Applicant {
    pub stream: StreamId,
    pub uuid: Uuid,
    pub rate: Rate,
}

/// Hears when the engine ends a call.
struct Ear<F>(F);

impl<F: Fn(CallId) + Send + Sync> Listener for Ear<F> {
    fn tell(&self, event: &Event) {
        if let Event::Ended { call, .. } = event {
            self.0(*call);
        }
    }
}

/// A live call.
struct Call {
    id: CallId,
    rate: Rate,
    /// The time of its position 0.
    origin: Arc<Origin>,
}

/// The live calls of one way in, and the streams that bring their legs.
pub(crate) struct Switchboard<S> {
    engine: Arc<Engine>,
    streams: Arc<S>,
    pairing: Arc<Pairing>,
    /// The principal in whose name calls begin.
    who: Principal,
    ear: Arc<dyn Listener>,
    calls: HashMap<Key, Call>,
    /// The legs that streams have.
    legs: HashMap<StreamId, (Key, Leg)>,
    /// Streams that ask for a leg while another one has it, by the one that has it.
    rivals: HashMap<StreamId, Vec<Applicant>>,
}

impl<S: Streams> Switchboard<S> {
    /// `ended` hears of calls that the engine ends, on any thread, and passes them to [`Switchboard::forget`].
    pub(crate) fn new(
        engine: Arc<Engine>,
        streams: Arc<S>,
        pairing: Arc<Pairing>,
        who: Principal,
        ended: impl Fn(CallId) + Send + Sync + 'static,
    ) -> Switchboard<S> {
        let ear = Arc::new(Ear(ended));
        let (calls, legs, rivals) = (HashMap::new(), HashMap::new(), HashMap::new());
        Switchboard { engine, streams, pairing, who, ear, calls, legs, rivals }
    }

    /// Answers a stream that asks for its leg: with a loan, with nothing, or later if another stream has the leg.
    pub(crate) fn find(&mut self, asks: Applicant) {
        let Applicant { stream, uuid, rate } = asks;
        let found = self.pairing.find(uuid);
        let (key, leg) = (found.key, found.leg);
        let taken = match self.calls.get(&key) {
            None => self.begin(found, rate),
            Some(call) if call.rate != rate => {
                let (rate_hz, call_hz) = (rate.hz(), call.rate.hz());
                warn!(call = %call.id, ?leg, rate_hz, call_hz, "nothing is held of a leg that came over {}: the other leg has another rate; \
                    let the PBX send both at the same one", S::NAME);
                return self.streams.answer(stream, None);
            }
            Some(call) => self.engine.take_leg(call.id, leg),
        };
        let reason = match (taken, self.calls.get(&key)) {
            (Ok(writer), Some(call)) => {
                debug!(call = %call.id, ?leg, %uuid, "a leg has come over {}", S::NAME);
                self.legs.insert(stream, (key, leg));
                let loan = Loan { writer, rate, vote: call.origin.vote() };
                return self.streams.answer(stream, Some(loan));
            }
            (Err(Refusal::Connected), _) => {
                let holder = self.legs.iter().find(|(_, has)| **has == (key, leg)).map(|(holder, _)| *holder);
                if let Some(holder) = holder {
                    // It may be lost, and nobody has noticed yet.
                    self.rivals.entry(holder).or_default().push(asks);
                    return self.streams.contest(holder);
                }
                Refusal::Connected
            }
            (taken, _) => taken.err().unwrap_or(Refusal::UnknownCall),
        };
        warn!(%uuid, %reason, "nothing is held of a leg that came over {}: its call is refused", S::NAME);
        self.streams.answer(stream, None);
    }

    fn begin(&mut self, found: Match, rate: Rate) -> Result<Box<LegWriter>, Refusal> {
        let begin = Begin {
            facts: found.facts.clone(),
            customer: found.customer,
            rate,
            codec: Codec::Pcm16,
            states: found.states,
        };
        let (id, writer) = self.engine.begin_with_leg(&self.who, begin, found.leg, &self.ear)?;
        info!(call = %id, agent = found.facts.agent, rate_hz = rate.hz(), "a call comes over {}", S::NAME);
        if let Some(listener) = found.listener.and_then(|listener| listener.upgrade()) {
            self.engine.listen_to(id, &listener);
            let [agent_leg, customer_leg] = found.uuids;
            listener.tell(&Event::Begun { call: id, agent: found.facts.agent, agent_leg, customer_leg });
        }
        self.calls.insert(found.key, Call { id, rate, origin: Origin::new(self.engine.clock().now()) });
        Ok(writer)
    }

    /// A key was pressed. The call decides who hears of it.
    pub(crate) fn digit(&self, stream: StreamId, digit: char) {
        if let Some((call, leg)) = self.leg_of(stream) {
            let key = Ask::Dtmf { digit, leg: Some(leg) };
            self.engine.control(&self.who, &Target::Call(call), &key, &self.ear, |_| false);
        }
    }

    /// The leg and the call of a stream, if it has one.
    pub(crate) fn leg_of(&self, stream: StreamId) -> Option<(CallId, Leg)> {
        let (key, leg) = self.legs.get(&stream)?;
        Some((self.calls.get(key)?.id, *leg))
    }

    /// A stream gives its leg back. When the last one does, the call ends, unless a lost one may still come back.
    pub(crate) fn give_back(&mut self, stream: StreamId, writer: Box<LegWriter>, end: End) {
        let Some((key, leg)) = self.legs.remove(&stream) else { return };
        if let Some(id) = self.calls.get(&key).map(|call| call.id) {
            debug!(call = %id, ?leg, ?end, "a leg that came over {} has ended", S::NAME);
            match end {
                End::Lost => self.engine.leg_lost(id, leg, writer),
                End::HangUp => {
                    if self.engine.leg_ended(id, leg, writer) {
                        self.forget(id);
                    }
                }
            }
        }
        self.rivals.remove(&stream).into_iter().flatten().for_each(|rival| self.find(rival));
    }

    /// A stream keeps its contested leg: nothing is held of others that claim it.
    pub(crate) fn keep(&mut self, stream: StreamId) {
        let call = self.leg_of(stream).map(|(call, _)| call.to_string());
        for rival in self.rivals.remove(&stream).into_iter().flatten() {
            warn!(
                call,
                uuid = %rival.uuid,
                "nothing is held of a leg that came over {}: another connection is this leg",
                S::NAME
            );
            self.streams.answer(rival.stream, None);
        }
    }

    /// A call is over: from here on, streams with its UUIDs begin another one.
    pub(crate) fn forget(&mut self, call: CallId) {
        let over = self.calls.extract_if(|_, known| known.id == call);
        over.for_each(|(key, _)| self.pairing.is_over(key));
    }
}

#[cfg(test)]
mod tests;
