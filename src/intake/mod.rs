//! The ways in: the local socket, memory shared with those who are connected to it, and AudioSocket.
//!
//! Belongs here: sockets, shared memory, reading frames, answering. Does not: decisions; those are the engine's.
//!
//! Reading and answering have threads of their own. The thread `intake-N` reads a connection and pushes its frames (`reader`); it
//! hands control messages to the connection's task on the control thread (`connection`), which asks the engine and answers through an
//! outbox (`outbox`) that never makes anybody wait.

mod audiosocket;
mod connection;
mod inherited;
mod listen;
mod orders;
mod outbox;
mod pulse;
mod reader;

use std::{
    fmt, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

#[doc(hidden)]
pub use audiosocket::wire;
pub use inherited::{Inherited, InheritedError};
pub use reader::ReaderError;
#[doc(hidden)]
pub use reader::by_hand::{ByHand, Heard};

use crate::{
    engine::{Engine, Left},
    protocol::{CallId, Event},
    settings::Settings,
    watch::{Endpoint, heart, supervisor},
};
use listen::Door;
use pulse::Pulse;
use reader::Reader;

/// How long a stop waits for the disk.
const STOP_WAIT: Duration = Duration::from_secs(60);
/// How long those who are connected have to hear that the engine has stopped.
const FAREWELL: Duration = Duration::from_millis(100);

/// Why the socket can't be served.
#[derive(Debug)]
pub enum ServeError {
    /// The socket can't be made.
    Socket(PathBuf, io::Error),
    /// The metrics can't be shown at this address.
    Metrics(SocketAddr, io::Error),
    /// AudioSocket can't be listened for at this address, or this path.
    AudioSocket(PathBuf, io::Error),
    /// A reading thread can't be started.
    Reader(ReaderError),
    /// The system refused a signal handler or a runtime.
    System(io::Error),
    /// The engine has stopped, and these selected calls are not durable.
    NotDurable(Vec<CallId>),
    /// The engine has stopped, and something that is known of calls is written down nowhere.
    NotWritten,
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServeError::Socket(path, cause) => write!(
                f,
                "can't make the socket {}: {cause}; name another place in retrocall.toml (socket = \"…\")",
                path.display()
            ),
            ServeError::Metrics(address, cause) => write!(
                f,
                "can't show the metrics at {address}: {cause}; name another loopback address and port (metrics in retrocall.toml, \
                 or --metrics)"
            ),
            ServeError::AudioSocket(place, cause) => write!(
                f,
                "can't listen for AudioSocket at {}: {cause}; name another place (audiosocket or audiosocket_socket in \
                 retrocall.toml, or --audiosocket)",
                place.display()
            ),
            ServeError::Reader(ReaderError::Memory(error)) => error.fmt(f),
            ServeError::Reader(ReaderError::System(cause)) | ServeError::System(cause) => {
                write!(f, "the system refuses what the engine needs: {cause}")
            }
            ServeError::NotDurable(calls) => write!(
                f,
                "stopped with {} selected calls that the disk did not take; what of them is on disk is recovered at the next start",
                calls.len()
            ),
            ServeError::NotWritten => f.write_str(
                "stopped, and the disk took neither all rows of the catalog nor the file for those; recordings are safe and are registered \
                 at the next start: see the log, and check the disk",
            ),
        }
    }
}

impl std::error::Error for ServeError {}

/// What clients can connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready<'a> {
    /// The local socket.
    pub socket: &'a Path,
    /// Where the metrics are shown, if they are.
    pub metrics: Option<SocketAddr>,
    /// Where AudioSocket is listened for, if it is over TCP.
    pub audiosocket: Option<SocketAddr>,
}

/// Serves the local socket until the process is asked to stop, then stops the engine. Sockets that were `inherited` are taken for those that
/// it would make. `ready` is called when clients can connect.
///
/// # Errors
/// [`ServeError`].
pub fn serve(
    engine: Arc<Engine>,
    settings: &Settings,
    inherited: Inherited,
    ready: impl FnOnce(Ready<'_>),
) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::System)?;
    runtime.block_on(async {
        let path = settings.socket_path(engine.home().path());
        let mut readers = Vec::new();
        // One core in two reads: the other one commits, wipes and answers.
        let threads = settings
            .intake_threads
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)));
        for number in 0..threads {
            let (arena, fault_in) = (Arc::clone(engine.arena()), engine.fault_in().clone());
            let reader = Reader::start(number, arena, fault_in, engine.allow_unlocked()).map_err(ServeError::Reader)?;
            readers.push(Arc::new(reader));
        }
        let Inherited { local, audiosocket, audiosocket_unix } = inherited;
        // A socket that somebody else holds outlives the engine: it is not ours to remove.
        let own_path = local.is_none().then(|| path.clone());
        let listener = listen::local(local, &path, engine.home().path(), settings.socket_group.as_deref())
            .map_err(|error| ServeError::Socket(path.clone(), error))?;
        let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::System)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::System)?;
        let metrics = show_metrics(&engine, settings).await?;
        let taps = audiosocket::listen(&engine, settings, audiosocket, audiosocket_unix).await?;
        let (pairing, thread) = taps.as_ref().map(|taps| (Arc::clone(&taps.pairing), Arc::clone(&taps.thread))).unzip();
        heart::tell_of_trouble().map_err(ServeError::System)?;
        tokio::spawn(Pulse::of(&readers).and(thread).keep_telling());
        let door = Door::new(listener, own_path, Arc::clone(&engine), readers, pairing, settings);
        ready(Ready { socket: &path, metrics, audiosocket: taps.as_ref().and_then(|taps| taps.address) });
        supervisor::ready(&format!("live audio: {}", engine.guarantees().level()));
        tokio::select! {
            () = door.accept() => {}
            // Who comes from here on waits for the next engine, if somebody holds the socket for it.
            () = audiosocket::accept(taps.as_ref()) => {}
            () = engine.keep_up() => {}
            () = engine.tidy_up() => {}
            _ = terminate.recv() => info!("asked to stop (SIGTERM)"),
            _ = interrupt.recv() => info!("asked to stop (SIGINT)"),
        }
        supervisor::stopping();
        // Here, on the thread on which calls begin: none can slip in behind what `stop` ends.
        engine.refuse_new_calls();
        engine.tell_all(&Event::Stopping);
        let stopping = tokio::task::spawn_blocking({
            let engine = Arc::clone(&engine);
            move || engine.stop(STOP_WAIT)
        });
        let left = tokio::select! {
            left = stopping => left.expect("stopping does not panic"),
            _ = terminate.recv() => stop_at_once(),
            _ = interrupt.recv() => stop_at_once(),
        };
        tokio::time::sleep(FAREWELL).await;
        match left {
            Left { calls, .. } if !calls.is_empty() => Err(ServeError::NotDurable(calls)),
            Left { is_written: false, .. } => Err(ServeError::NotWritten),
            Left { .. } => Ok(()),
        }
    })
}

/// Shows the metrics, if the settings want that, and says where. From this thread: those that carry audio can't open a socket.
async fn show_metrics(engine: &Arc<Engine>, settings: &Settings) -> Result<Option<SocketAddr>, ServeError> {
    let Some(address) = settings.metrics else { return Ok(None) };
    let endpoint = Endpoint::bind(address).await.map_err(|error| ServeError::Metrics(address, error))?;
    let (address, engine) = (endpoint.address(), Arc::clone(engine));
    tokio::spawn(endpoint.serve(move || engine.status()));
    Ok(Some(address))
}

/// The second signal: whoever sends it knows that it costs what is not durable.
fn stop_at_once() -> ! {
    error!(
        "asked to stop a second time: not waiting for the disk any longer; what is on disk is recovered at the next start"
    );
    std::process::exit(1)
}
