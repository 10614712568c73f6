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

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::{
    End, Shared, TapId, Told,
    pairing::{Found, Key},
    tap::{Given, Oddity},
};
use crate::{
    audio::{Codec, Leg, Rate, g711::Law},
    engine::{ClosedBy, Engine, Listener},
    protocol::{Ask, Begin, CallId, Event, Principal, Refusal, Target},
    ring::LegWriter,
};

/// How long the first frame of a call usually is.
const FRAME: Duration = Duration::from_millis(20);

/// Hears when the engine ends a call, and says so to the switchboard.
struct Ear(UnboundedSender<Told>);

impl Listener for Ear {
    fn tell(&self, event: &Event) {
        if let Event::Ended { call, .. } = event {
            let _ = self.0.send(Told::CallEnded { call: *call });
        }
    }
}

/// A live call whose legs come over AudioSocket.
struct Call {
    id: CallId,
    rate: Rate,
    /// What its position 0 is.
    began: Instant,
}

/// The live calls, and the connections that carry their legs.
pub(super) struct Switchboard {
    engine: Arc<Engine>,
    shared: Arc<Shared>,
    law: Option<Law>,
    /// AudioSocket has no users: who may connect may carry any agent's call.
    who: Principal,
    ear: Arc<dyn Listener>,
    calls: HashMap<Key, Call>,
    legs: HashMap<TapId, (Key, Leg)>,
}

impl Switchboard {
    /// What it has to hear of the engine itself goes through `told`, as what the thread has to say.
    pub(super) fn new(
        engine: Arc<Engine>,
        shared: Arc<Shared>,
        law: Option<Law>,
        told: UnboundedSender<Told>,
    ) -> Switchboard {
        let who = Principal::audiosocket();
        let ear = Arc::new(Ear(told)) as _;
        Switchboard { engine, shared, law, who, ear, calls: HashMap::new(), legs: HashMap::new() }
    }

    /// Hears what the thread has to say, for as long as the runtime lives.
    pub(super) async fn serve(mut self, mut inbox: UnboundedReceiver<Told>) {
        while let Some(told) = inbox.recv().await {
            match told {
                Told::Audio { id, uuid, rate } => {
                    let given = self.find(id, uuid, rate);
                    self.shared.taps.answer(id, given);
                }
                Told::Digit { id, digit } => self.digit(id, digit),
                Told::Odd { id, oddity } => self.tell_odd(id, oddity),
                Told::Gone { id, writer, end } => self.gone(id, writer, end),
                Told::CallEnded { call } => self.forget(call),
            }
        }
    }

    /// The writer of the leg that this connection is.
    fn find(&mut self, tap: TapId, uuid: Uuid, rate: Rate) -> Option<Given> {
        let found = self.shared.pairing.find(uuid);
        let (key, leg) = (found.key, found.leg);
        let taken = match self.calls.get(&key) {
            None => self.begin(found, rate),
            Some(call) if call.rate != rate => {
                let (rate_hz, call_hz) = (rate.hz(), call.rate.hz());
                warn!(call = %call.id, ?leg, rate_hz, call_hz, "nothing is held of a leg that came over AudioSocket: the other leg has \
                    another rate; let Asterisk send both at the same one");
                return None;
            }
            Some(call) => self.engine.take_leg(call.id, leg),
        };
        let call = self.calls.get(&key);
        let writer = match (taken, call) {
            (Ok(writer), _) => writer,
            (Err(Refusal::Connected), Some(call)) => {
                warn!(call = %call.id, ?leg, "nothing is held of a leg that came over AudioSocket: another connection is this leg");
                return None;
            }
            (Err(refusal), _) => {
                warn!(%uuid, reason = %refusal, "nothing is held of a leg that came over AudioSocket: its call is refused");
                return None;
            }
        };
        let call = call?;
        debug!(call = %call.id, ?leg, %uuid, "a leg has come over AudioSocket");
        self.legs.insert(tap, (key, leg));
        Some(Given { writer, rate, began: call.began, law: self.law })
    }

    fn begin(&mut self, found: Found, rate: Rate) -> Result<Box<LegWriter>, Refusal> {
        let begin = Begin {
            customer: found.customer,
            direction: found.direction,
            continues: found.continues,
            states: found.states,
            ..Begin::new(found.agent.clone(), rate, Codec::Pcm16)
        };
        let (id, writer) = self.engine.begin_with_leg(&self.who, begin, found.leg, &self.ear)?;
        info!(call = %id, agent = found.agent, rate_hz = rate.hz(), "a call comes over AudioSocket");
        if let Some(listener) = found.listener.and_then(|listener| listener.upgrade()) {
            self.engine.listen_to(id, &listener);
            let [agent_leg, customer_leg] = found.uuids;
            listener.tell(&Event::Begun { call: id, agent: found.agent, agent_leg, customer_leg });
        }
        // The first frame was spoken in the time before it came.
        let now = Instant::now();
        let began = now.checked_sub(FRAME).unwrap_or(now);
        self.calls.insert(found.key, Call { id, rate, began });
        Ok(writer)
    }

    /// A key was pressed. What is said of it to anybody is the call's matter.
    fn digit(&self, tap: TapId, digit: char) {
        if let Some(call) = self.legs.get(&tap).and_then(|(key, _)| self.calls.get(key)) {
            self.engine.control(&self.who, &Target::Call(call.id), &Ask::Dtmf { digit }, &self.ear, |_| false);
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

    /// A connection has ended: with the last one of its call, the call has, unless it may come back.
    fn gone(&mut self, tap: TapId, writer: Option<Box<LegWriter>>, end: End) {
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
        self.engine.counters().connection_closed(ClosedBy::Client);
        let Some((key, leg)) = self.legs.remove(&tap) else { return };
        let (Some(call), Some(writer)) = (self.calls.get(&key), writer) else { return };
        debug!(call = %call.id, ?leg, ?end, "a leg that came over AudioSocket has ended");
        match end {
            End::Lost => self.engine.leg_lost(call.id, leg, writer),
            End::HangUp => {
                if self.engine.leg_ended(call.id, leg, writer) {
                    self.forget(call.id);
                }
            }
        }
    }

    /// A call is over: who comes with its UUIDs from here on begins another one.
    fn forget(&mut self, call: CallId) {
        let over = self.calls.extract_if(|_, known| known.id == call);
        over.for_each(|(key, _)| self.shared.pairing.is_over(key));
    }
}
