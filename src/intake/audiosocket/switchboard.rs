//! Which leg goes into which call: asked by the thread that reads, answered here, on the control thread.
//!
//! Belongs here: beginning a call with its first leg, ending it with its last one, keys, words for the log. Does not: the rules of pairing.
//!
//! A call begins when the first sample of its first leg comes, at that leg's rate. The other leg joins it whenever it comes, and may leave
//! and come back while the call lives. Whatever can't be held is never a reason to close: the phone call may hang on the connection.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::{
    End, Report, Seldom, Shared, TapId,
    origin::Origin,
    pairing::{Found, Key},
    tap::{Loan, Oddity},
};
use retrocall_core::{heart, ring::LegWriter};
use retrocall_engine::{ClosedBy, Engine, Listener};
use retrocall_words::{
    Ask, Begin, CallId, Event, Principal, Refusal, Target,
    audio::{Codec, Leg, Rate, g711::Law},
};

/// Hears when the engine ends a call, and says so to the switchboard.
struct Ear(UnboundedSender<Report>);

impl Listener for Ear {
    fn tell(&self, event: &Event) {
        if let Event::Ended { call, .. } = event {
            let _ = self.0.send(Report::CallEnded { call: *call });
        }
    }
}

/// A live call whose legs come over AudioSocket.
struct Call {
    id: CallId,
    rate: Rate,
    /// What its position 0 is.
    origin: Arc<Origin>,
}

/// A connection that asks for a leg while another one has it.
struct Rival {
    tap: TapId,
    uuid: Uuid,
    rate: Rate,
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
    /// The legs that connections have.
    legs: HashMap<TapId, (Key, Leg)>,
    /// By the connection that has the leg they ask for.
    rivals: HashMap<TapId, Vec<Rival>>,
    unnamed: Seldom,
}

impl Switchboard {
    /// What it has to hear of the engine itself goes through `reports`, as what the thread has to say.
    pub(super) fn new(
        engine: Arc<Engine>,
        shared: Arc<Shared>,
        law: Option<Law>,
        reports: UnboundedSender<Report>,
    ) -> Switchboard {
        let who = Principal::audiosocket();
        let ear = Arc::new(Ear(reports)) as _;
        Switchboard {
            engine,
            shared,
            law,
            who,
            ear,
            calls: HashMap::new(),
            legs: HashMap::new(),
            rivals: HashMap::new(),
            unnamed: Seldom::default(),
        }
    }

    /// Hears what the thread has to say, for as long as the runtime lives.
    pub(super) async fn serve(mut self, mut inbox: UnboundedReceiver<Report>) {
        while let Some(report) = inbox.recv().await {
            // A fault of ours with one leg costs that leg, and none of the others.
            heart::contain("a leg over AudioSocket", || match report {
                Report::Audio { id, uuid, rate } => self.find(Rival { tap: id, uuid, rate }),
                Report::Digit { id, digit } => self.digit(id, digit),
                Report::Odd { id, oddity } => self.tell_odd(id, oddity),
                Report::Back { id, writer, end } => self.back(id, writer, end),
                Report::Stays { id } => self.stays(id),
                Report::Gone { named } => self.gone(named),
                Report::CallEnded { call } => self.forget(call),
            });
        }
    }

    /// Answers a connection that asks for its leg: with a loan, with nothing, or later if another connection has the leg.
    fn find(&mut self, asks: Rival) {
        let Rival { tap, uuid, rate } = asks;
        let found = self.shared.pairing.find(uuid);
        let (key, leg) = (found.key, found.leg);
        let taken = match self.calls.get(&key) {
            None => self.begin(found, rate),
            Some(call) if call.rate != rate => {
                let (rate_hz, call_hz) = (rate.hz(), call.rate.hz());
                warn!(call = %call.id, ?leg, rate_hz, call_hz, "nothing is held of a leg that came over AudioSocket: the other leg has \
                    another rate; let Asterisk send both at the same one");
                return self.shared.taps.answer(tap, None);
            }
            Some(call) => self.engine.take_leg(call.id, leg),
        };
        let reason = match (taken, self.calls.get(&key)) {
            (Ok(writer), Some(call)) => {
                debug!(call = %call.id, ?leg, %uuid, "a leg has come over AudioSocket");
                self.legs.insert(tap, (key, leg));
                let loan = Loan { writer, rate, vote: call.origin.vote(), law: self.law };
                return self.shared.taps.answer(tap, Some(loan));
            }
            (Err(Refusal::Connected), _) => {
                let holder = self.legs.iter().find(|(_, has)| **has == (key, leg)).map(|(holder, _)| *holder);
                if let Some(holder) = holder {
                    // It may be lost, and nobody has noticed yet.
                    self.rivals.entry(holder).or_default().push(asks);
                    return self.shared.taps.contest(holder);
                }
                Refusal::Connected
            }
            (taken, _) => taken.err().unwrap_or(Refusal::UnknownCall),
        };
        warn!(%uuid, %reason, "nothing is held of a leg that came over AudioSocket: its call is refused");
        self.shared.taps.answer(tap, None);
    }

    fn begin(&mut self, found: Found, rate: Rate) -> Result<Box<LegWriter>, Refusal> {
        let begin = Begin {
            facts: found.facts.clone(),
            customer: found.customer,
            rate,
            codec: Codec::Pcm16,
            states: found.states,
        };
        let (id, writer) = self.engine.begin_with_leg(&self.who, begin, found.leg, &self.ear)?;
        info!(call = %id, agent = found.facts.agent, rate_hz = rate.hz(), "a call comes over AudioSocket");
        if let Some(listener) = found.listener.and_then(|listener| listener.upgrade()) {
            self.engine.listen_to(id, &listener);
            let [agent_leg, customer_leg] = found.uuids;
            listener.tell(&Event::Begun { call: id, agent: found.facts.agent, agent_leg, customer_leg });
        }
        self.calls.insert(found.key, Call { id, rate, origin: Origin::new(self.engine.clock().now()) });
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

    /// A connection gives its leg back: with the last one of its call that has ended, the call has, unless one may come back.
    fn back(&mut self, tap: TapId, writer: Box<LegWriter>, end: End) {
        let Some((key, leg)) = self.legs.remove(&tap) else { return };
        if let Some(call) = self.calls.get(&key) {
            debug!(call = %call.id, ?leg, ?end, "a leg that came over AudioSocket has ended");
            match end {
                End::Lost => self.engine.leg_lost(call.id, leg, writer),
                End::HangUp => {
                    let id = call.id;
                    if self.engine.leg_ended(id, leg, writer) {
                        self.forget(id);
                    }
                }
            }
        }
        self.rivals.remove(&tap).into_iter().flatten().for_each(|rival| self.find(rival));
    }

    /// A connection keeps its leg: nothing is held of others that say they are the same one.
    fn stays(&mut self, tap: TapId) {
        let call = self.legs.get(&tap).and_then(|(key, _)| self.calls.get(key)).map(|call| call.id.to_string());
        for rival in self.rivals.remove(&tap).into_iter().flatten() {
            warn!(call, uuid = %rival.uuid, "nothing is held of a leg that came over AudioSocket: another connection is this leg");
            self.shared.taps.answer(rival.tap, None);
        }
    }

    /// A connection is closed.
    fn gone(&mut self, named: bool) {
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
        self.engine.counters().connection_closed(ClosedBy::Client);
        if !named && let Some(times) = self.unnamed.happens(self.engine.clock().now()) {
            warn!(
                times,
                "connections to AudioSocket have ended without saying which leg they are: see what connects to the port"
            );
        }
    }

    /// A call is over: who comes with its UUIDs from here on begins another one.
    fn forget(&mut self, call: CallId) {
        let over = self.calls.extract_if(|_, known| known.id == call);
        over.for_each(|(key, _)| self.shared.pairing.is_over(key));
    }
}
