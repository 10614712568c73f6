//! Which leg goes into which call: asked by the thread that reads, answered here, on the control thread.
//!
//! Belongs here: beginning a call with its first leg, ending it with its last one, keys, words for the log. Does not: the rules of pairing.
//!
//! A call begins when the first sample of its first leg comes, at that leg's rate. The other leg joins it whenever it comes, and may leave
//! and come back while the call lives. Whatever can't be held is never a reason to close: the phone call may hang on the connection.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::sync::mpsc::UnboundedReceiver;
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::{
    Shared, TapId, Told,
    pairing::{Found, Key},
    tap::{Given, Oddity},
};
use crate::{
    audio::{Codec, Leg, Rate, g711::Law},
    engine::{Carried, ClosedBy, Engine, Listener, Who},
    protocol::{Ask, Begin, CallId, Event, Refusal, Target},
    ring::LegWriter,
};

/// How long the first frame of a call usually is.
const FRAME: Duration = Duration::from_millis(20);

/// Told of a call that nobody expected.
struct Nobody;

impl Listener for Nobody {
    fn tell(&self, _: &Event) {}
}

/// A live call whose legs come over AudioSocket.
struct Call {
    id: CallId,
    rate: Rate,
    /// What its position 0 is.
    began: Instant,
    /// The writers that no connection has.
    writers: [Option<LegWriter>; 2],
}

/// The live calls, and the connections that carry their legs.
pub(super) struct Switchboard {
    engine: Arc<Engine>,
    shared: Arc<Shared>,
    law: Option<Law>,
    /// AudioSocket has no users: who may connect may carry any agent's call.
    who: Who,
    nobody: Arc<dyn Listener>,
    calls: HashMap<Key, Call>,
    legs: HashMap<TapId, (Key, Leg)>,
}

impl Switchboard {
    pub(super) fn new(engine: Arc<Engine>, shared: Arc<Shared>, law: Option<Law>) -> Switchboard {
        let who = Who { agent: String::new(), owner: true };
        let nobody = Arc::new(Nobody) as _;
        Switchboard { engine, shared, law, who, nobody, calls: HashMap::new(), legs: HashMap::new() }
    }

    /// Hears what the thread has to say, for as long as it lives.
    pub(super) async fn serve(mut self, mut inbox: UnboundedReceiver<Told>) {
        while let Some(told) = inbox.recv().await {
            match told {
                Told::Audio { id, uuid, rate } => {
                    let given = self.find(id, uuid, rate);
                    self.shared.taps.answer(id, given);
                }
                Told::Digit { id, digit } => self.digit(id, digit),
                Told::Odd { id, oddity } => self.tell_odd(id, oddity),
                Told::Gone { id, writer } => self.gone(id, writer.map(|writer| *writer)),
            }
        }
    }

    /// The writer of the leg that this connection is.
    fn find(&mut self, tap: TapId, uuid: Uuid, rate: Rate) -> Option<Given> {
        let found = self.shared.pairing.find(uuid);
        let (key, leg) = (found.key, found.leg);
        if !self.calls.contains_key(&key) {
            match self.begin(found, rate) {
                Ok(call) => drop(self.calls.insert(key, call)),
                Err(refusal) => {
                    warn!(%uuid, reason = %refusal, "nothing is held of a leg that came over AudioSocket: its call is refused");
                    return None;
                }
            }
        }
        let call = self.calls.get_mut(&key)?;
        if call.rate != rate {
            let (rate_hz, call_hz) = (rate.hz(), call.rate.hz());
            warn!(call = %call.id, ?leg, rate_hz, call_hz, "nothing is held of a leg that came over AudioSocket: the other leg has another \
                rate; let Asterisk send both at the same one");
            return None;
        }
        let Some(writer) = call.writers[leg.index()].take() else {
            warn!(call = %call.id, ?leg, "nothing is held of a leg that came over AudioSocket: another connection is this leg");
            return None;
        };
        debug!(call = %call.id, ?leg, %uuid, "a leg has come over AudioSocket");
        self.legs.insert(tap, (key, leg));
        Some(Given { writer, rate, began: call.began, law: self.law })
    }

    fn begin(&self, found: Found, rate: Rate) -> Result<Call, Refusal> {
        let begin = Begin {
            agent: found.agent,
            customer: found.customer,
            direction: found.direction,
            rate,
            codec: Codec::Pcm16,
        };
        let listener = found.listener.and_then(|listener| listener.upgrade());
        let listener = listener.as_ref().unwrap_or(&self.nobody);
        let Carried { facts, agent, began, writers } = self.engine.begin(&self.who, begin, listener)?;
        info!(call = %facts.id, agent, rate_hz = rate.hz(), "a call comes over AudioSocket");
        // The first frame was spoken in the time before it came.
        let began = began.checked_sub(FRAME).unwrap_or(began);
        let [agent_leg, customer_leg] = found.uuids;
        listener.tell(&Event::Begun { call: facts.id, agent, agent_leg, customer_leg });
        Ok(Call { id: facts.id, rate, began, writers: writers.map(Some) })
    }

    /// A key was pressed. What is said of it to anybody is the call's matter.
    fn digit(&self, tap: TapId, digit: char) {
        if let Some(call) = self.legs.get(&tap).and_then(|(key, _)| self.calls.get(key)) {
            self.engine.control(&self.who, &Target::Call(call.id), &Ask::Dtmf { digit }, &self.nobody);
        }
    }

    fn tell_odd(&self, tap: TapId, oddity: Oddity) {
        let known = self.legs.get(&tap).and_then(|(key, leg)| Some((self.calls.get(key)?.id, *leg)));
        let call = known.map(|(call, _)| call.to_string());
        let leg = known.map(|(_, leg)| leg);
        match oddity {
            Oddity::NoUuid => warn!("nothing is held of a connection to AudioSocket: its first message is no UUID"),
            Oddity::Rate(rate_hz) => warn!(
                rate_hz,
                "nothing is held of audio over AudioSocket above {} Hz: let Asterisk send a lower \
                rate",
                Rate::MAX_HZ
            ),
            Oddity::OtherKind(rate_hz) => {
                warn!(
                    call,
                    ?leg,
                    rate_hz,
                    "a leg over AudioSocket changes its rate: what comes at the new one is not held"
                )
            }
            Oddity::Codes => warn!(
                call,
                ?leg,
                "a leg over AudioSocket is G.711 that is labelled as linear: nothing of it is held. Set \
                audiosocket_g711 = \"ulaw\" or \"alaw\", or let Asterisk send linear samples: c(slin)"
            ),
            Oddity::Memory => {
                warn!(call, ?leg, "a leg over AudioSocket loses frames: the memory is full; raise --memory")
            }
        }
    }

    /// A connection has ended: with the last one of its call, the call has.
    fn gone(&mut self, tap: TapId, writer: Option<LegWriter>) {
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
        self.engine.counters().connection_closed(ClosedBy::Client);
        let Some((key, leg)) = self.legs.remove(&tap) else { return };
        let Some(call) = self.calls.get_mut(&key) else { return };
        call.writers[leg.index()] = writer;
        debug!(call = %call.id, ?leg, "a leg that came over AudioSocket has ended");
        if call.writers.iter().all(Option::is_some) {
            // Refused if the engine has ended it before: then it is over all the same.
            let _ = self.engine.end(call.id);
            self.calls.remove(&key);
            self.shared.pairing.is_over(key);
        }
    }
}
