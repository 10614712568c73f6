//! AudioSocket, the protocol of Asterisk: a second way in, by which a PBX brings the legs of calls one by one.
//!
//! Belongs here: its messages, the thread that reads them, what is odd about a connection. Does not: which two legs are one call (`switchboard`),
//! decisions (the engine). `docs/asterisk.md` is its manual.

mod door;
mod pace;
mod pieces;
mod reports;
mod silence;
mod tap;
mod thread;
mod timeline;
pub mod wire;

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use nix::unistd::Gid;
use tokio::{net::TcpListener, sync::mpsc::unbounded_channel};
use uuid::Uuid;

use super::{
    ServeError,
    pulse::Beating,
    socket::{Address, BoundSocket},
    switchboard::{End, Pairing, StreamId},
};
use door::{Door, Room};
use reports::Reports;
use retrocall_core::ring::LegWriter;
use retrocall_engine::Engine;
use retrocall_settings::Settings;
use retrocall_words::{CallId, audio::Rate};
use tap::Oddity;
use thread::{Limits, Taps};

/// Each connection is one stream. Later ones have higher numbers.
type TapId = StreamId;

/// A report of the thread, or of the engine, to the control thread.
enum Report {
    /// The first sample of a leg has come. What comes waits until it is said where it goes.
    Audio { id: TapId, uuid: Uuid, rate: Rate },
    /// A key.
    Digit { id: TapId, digit: char },
    /// Something is wrong with what comes.
    Odd { id: TapId, oddity: Oddity },
    /// The connection gives its leg back.
    Back { id: TapId, writer: Box<LegWriter>, end: End },
    /// The connection keeps its leg, which was contested: something has come of it.
    Stays { id: TapId },
    /// The connection is closed. `named`: it had said which leg it is.
    Gone { named: bool },
    /// The engine has ended a call.
    CallEnded { call: CallId },
}

/// What those who accept and those who answer share.
struct Shared {
    taps: Arc<Taps>,
    pairing: Arc<Pairing>,
    /// Open connections.
    open: AtomicUsize,
}

/// Something that may go wrong again and again, and is told once a minute then.
#[derive(Debug, Default)]
struct Seldom {
    told_at: Option<Instant>,
    untold: u64,
}

impl Seldom {
    /// It has gone wrong. If it is to be told now: how often it has, since that was told last.
    fn happens(&mut self, now: Instant) -> Option<u64> {
        const QUIET: Duration = Duration::from_secs(60);
        self.untold += 1;
        if self.told_at.is_some_and(|at| now.saturating_duration_since(at) < QUIET) {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

/// AudioSocket is listened for, as long as this lives.
pub(super) struct AudioSocket {
    /// Where calls are announced.
    pub pairing: Arc<Pairing>,
    /// The thread, for the watchdog.
    pub thread: Arc<dyn Beating>,
    /// Where it listens for TCP.
    pub address: Option<SocketAddr>,
    /// Its Unix socket, if it has one that nobody looks after yet.
    pub kept: Option<BoundSocket>,
    door: Door,
}

/// Accepts connections, if AudioSocket is listened for, for as long as this is polled.
pub(super) async fn accept(audiosocket: Option<&mut AudioSocket>) {
    match audiosocket {
        Some(audiosocket) => audiosocket.door.accept().await,
        None => std::future::pending().await,
    }
}

/// Begins to listen, if the settings say so, at sockets that were inherited or new ones.
///
/// # Errors
/// [`ServeError`] if an address or a path can't be had, or the thread not started.
pub(super) async fn listen(
    engine: &Arc<Engine>,
    settings: &Settings,
    group: Option<Gid>,
    inherited: Option<(SocketAddr, std::net::TcpListener)>,
    inherited_unix: Option<std::os::unix::net::UnixListener>,
) -> Result<Option<AudioSocket>, ServeError> {
    if settings.audiosocket.is_none() && settings.audiosocket_socket.is_none() {
        return Ok(None);
    }
    let failed = |place: PathBuf| move |cause: io::Error| ServeError::AudioSocket(place, cause);
    let tcp = match (inherited, settings.audiosocket) {
        (Some((address, listener)), _) => Some((address, TcpListener::from_std(listener).map_err(ServeError::System)?)),
        (None, Some(address)) => {
            let listener = TcpListener::bind(address).await.map_err(failed(address.to_string().into()))?;
            Some((listener.local_addr().map_err(ServeError::System)?, listener))
        }
        (None, None) => None,
    };
    let (unix, kept) = match &settings.audiosocket_socket {
        Some(path) => {
            let path = engine.home().path().join(path);
            let place = Address::new(&path, engine.home().path(), group);
            Some(place.open(inherited_unix).map_err(failed(path))?).unzip()
        }
        None => (None, None),
    };
    let (reports, inbox) = unbounded_channel();
    let (arena, fault_in) = (Arc::clone(engine.arena()), engine.fault_in().clone());
    let room = Room::look(settings);
    let (idle, law) = (settings.audiosocket_idle, settings.audiosocket_g711);
    let limits = Limits { idle, unnamed_max: room.unnamed_max, law };
    let taps =
        Taps::start(arena, fault_in, Arc::clone(engine.clock()), engine.allow_unlocked(), limits, reports.clone());
    let taps = Arc::new(taps.map_err(ServeError::Reader)?);
    let pairing = Pairing::new(settings.calls_max, &settings.audiosocket_agent, &settings.audiosocket_agents);
    let pairing = Arc::new(pairing);
    let shared = Arc::new(Shared { taps: Arc::clone(&taps), pairing: Arc::clone(&pairing), open: AtomicUsize::new(0) });
    tokio::spawn(Reports::new(Arc::clone(engine), Arc::clone(&shared), reports).hear(inbox));
    let address = tcp.as_ref().map(|(address, _)| *address);
    let door = Door::new(Arc::clone(engine), shared, room, tcp.map(|(_, listener)| listener), unix);
    Ok(Some(AudioSocket { pairing, thread: taps, address, kept, door }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::{Clock as _, SystemClock};

    #[test]
    fn what_goes_wrong_again_and_again_is_told_once_a_minute_with_how_often_it_was() {
        let (mut seldom, now) = (Seldom::default(), SystemClock.now());
        let mut at = |seconds| seldom.happens(now + Duration::from_secs(seconds));
        assert_eq!([at(0), at(1), at(59), at(60), at(61)], [Some(1), None, None, Some(3), None]);
    }
}
