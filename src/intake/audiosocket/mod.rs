//! AudioSocket, the protocol of Asterisk: a second door, through which a PBX brings the legs of calls one by one.
//!
//! Belongs here: its messages, the thread that reads them, which two legs are one call. Does not: decisions; those are the engine's.
//! `docs/asterisk.md` is its manual.

mod pace;
mod pairing;
mod switchboard;
mod tap;
mod thread;
mod timeline;
pub mod wire;

use std::{
    io,
    net::SocketAddr,
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use nix::{
    sys::socket::{setsockopt, sockopt::TcpUserTimeout},
    unistd::Gid,
};
use tokio::{net::TcpListener, sync::mpsc::unbounded_channel};
use tracing::{error, warn};
use uuid::Uuid;

use super::{
    ServeError,
    pulse::Beating,
    socket::{Doorway, Kept, Place},
};
use crate::{
    audio::Rate,
    engine::{Engine, Mishap},
    protocol::CallId,
    ring::LegWriter,
    settings::Settings,
};
pub(super) use pairing::Pairing;
use switchboard::Switchboard;
use tap::Oddity;
use thread::Taps;

/// How long what is sent to a peer may stay unacknowledged before the peer is taken for vanished.
const VANISHED: Duration = Duration::from_secs(30);

/// A number for each connection, never used twice.
type TapId = u64;

/// What the thread tells the control thread.
enum Told {
    /// The first sample of a leg has come. Nothing more is read until it is said where it goes.
    Audio { id: TapId, uuid: Uuid, rate: Rate },
    /// A key.
    Digit { id: TapId, digit: char },
    /// Something is wrong with what comes.
    Odd { id: TapId, oddity: Oddity },
    /// The connection has ended.
    Gone { id: TapId, writer: Option<Box<LegWriter>>, end: End },
    /// The engine has ended a call.
    CallEnded { call: CallId },
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// By the peer, or by us after the idle limit: so phone calls end.
    HangUp,
    /// By a reset, or by a network that brings nothing any more: so connections are lost.
    Lost,
}

/// What those who accept and those who answer share.
struct Shared {
    taps: Arc<Taps>,
    pairing: Arc<Pairing>,
    /// Open connections.
    open: AtomicUsize,
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
    pub kept: Option<Kept>,
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
            let place = Place::new(&path, engine.home().path(), group);
            Some(place.open(inherited_unix).map_err(failed(path))?).unzip()
        }
        None => (None, None),
    };
    let (told, inbox) = unbounded_channel();
    let (arena, fault_in) = (Arc::clone(engine.arena()), engine.fault_in().clone());
    let taps = Taps::start(arena, fault_in, engine.allow_unlocked(), settings.audiosocket_idle, told.clone());
    let taps = Arc::new(taps.map_err(ServeError::Reader)?);
    let pairing = Arc::new(Pairing::new(settings));
    let shared = Arc::new(Shared { taps: Arc::clone(&taps), pairing: Arc::clone(&pairing), open: AtomicUsize::new(0) });
    let switchboard =
        Switchboard::new(Arc::clone(engine), Arc::clone(&shared), settings.audiosocket_g711, told.clone());
    tokio::spawn(switchboard.serve(inbox));
    let address = tcp.as_ref().map(|(address, _)| *address);
    let tcp = tcp.map(|(_, listener)| listener);
    let (engine, next, max) = (Arc::clone(engine), AtomicU64::new(0), settings.connections_max);
    let door = Door { engine, shared, tcp, unix, next, max };
    Ok(Some(AudioSocket { pairing, thread: taps, address, kept, door }))
}

/// Where connections come in.
struct Door {
    engine: Arc<Engine>,
    shared: Arc<Shared>,
    tcp: Option<TcpListener>,
    unix: Option<Doorway>,
    /// The number of the next connection.
    next: AtomicU64,
    max: usize,
}

impl Door {
    async fn accept(&mut self) {
        loop {
            let accepted = tokio::select! {
                accepted = accept_tcp(self.tcp.as_ref()) => accepted,
                accepted = accept_unix(self.unix.as_mut()) => accepted,
            };
            match accepted {
                Ok(fd) => self.welcome(fd),
                Err(error) => {
                    self.engine.counters().mishap(Mishap::Connection);
                    error!(
                        "can't accept a connection for AudioSocket: {error}; trying again (is the limit on open files too low?)"
                    );
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    fn welcome(&self, fd: OwnedFd) {
        if self.shared.open.load(Ordering::Relaxed) >= self.max {
            warn!(limit = self.max, "a connection for AudioSocket is refused (connections_max)");
            self.engine.counters().connection_refused();
            return;
        }
        self.shared.open.fetch_add(1, Ordering::Relaxed);
        self.engine.counters().connection_opened();
        self.shared.taps.adopt(self.next.fetch_add(1, Ordering::Relaxed), fd);
    }
}

async fn accept_tcp(listener: Option<&TcpListener>) -> io::Result<OwnedFd> {
    let Some(listener) = listener else { return std::future::pending().await };
    let (stream, _) = listener.accept().await?;
    // Each message of silence leaves when it is written, and a peer whose machine is gone is noticed by what it does not acknowledge.
    stream.set_nodelay(true)?;
    setsockopt(&stream, TcpUserTimeout, &(VANISHED.as_millis() as u32))?;
    Ok(stream.into_std()?.into())
}

async fn accept_unix(doorway: Option<&mut Doorway>) -> io::Result<OwnedFd> {
    let Some(doorway) = doorway else { return std::future::pending().await };
    Ok(doorway.accept().await?.into_std()?.into())
}
