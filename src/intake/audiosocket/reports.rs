//! The reports of the reading thread, taken on the control thread: the switchboard gets those about calls; the rest is counted and logged here.

use std::sync::{Arc, atomic::Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tracing::warn;

use super::{Report, Seldom, Shared, TapId, tap::Oddity, thread::Taps};
use crate::switchboard::{Applicant, Switchboard};
use retrocall_core::heart;
use retrocall_engine::{ClosedBy, Engine};
use retrocall_words::{Principal, audio::Rate};

/// Hears the reports.
pub(super) struct Reports {
    engine: Arc<Engine>,
    shared: Arc<Shared>,
    switchboard: Switchboard<Taps>,
    unnamed: Seldom,
}

impl Reports {
    /// The engine's reports go through `reports` too.
    pub(super) fn new(engine: Arc<Engine>, shared: Arc<Shared>, reports: UnboundedSender<Report>) -> Reports {
        let ended = move |call| {
            let _ = reports.send(Report::CallEnded { call });
        };
        let (taps, pairing) = (Arc::clone(&shared.taps), Arc::clone(&shared.pairing));
        // AudioSocket has no users: who may connect may carry any agent's call.
        let switchboard = Switchboard::new(Arc::clone(&engine), taps, pairing, Principal::audiosocket(), ended);
        Reports { engine, shared, switchboard, unnamed: Seldom::default() }
    }

    /// Takes the thread's reports, while the runtime lives.
    pub(super) async fn hear(mut self, mut inbox: UnboundedReceiver<Report>) {
        while let Some(report) = inbox.recv().await {
            // A bug that strikes one leg costs no other leg anything.
            heart::contain("a leg over AudioSocket", || match report {
                Report::Audio { id, uuid, rate } => self.switchboard.find(Applicant { stream: id, uuid, rate }),
                Report::Digit { id, digit } => self.switchboard.digit(id, digit),
                Report::Odd { id, oddity } => self.tell_odd(id, oddity),
                Report::Back { id, writer, end } => self.switchboard.give_back(id, writer, end),
                Report::Stays { id } => self.switchboard.keep(id),
                Report::Gone { named } => self.gone(named),
                Report::CallEnded { call } => self.switchboard.forget(call),
            });
        }
    }

    fn tell_odd(&self, tap: TapId, oddity: Oddity) {
        let (call, leg) = self.switchboard.leg_of(tap).unzip();
        let call = call.map(|call| call.to_string());
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
}
