//! The ways in: the local socket, memory shared with its clients, and AudioSocket.
//!
//! Belongs here: sockets, shared memory, reading frames, answering. Does not: decisions; those are the engine's.
//!
//! Reading and answering have threads of their own. The thread `intake-N` reads a connection and pushes its frames (`reader`); it
//! hands control messages to the connection's task on the control thread (`connection`), which asks the engine and answers through an
//! outbox (`outbox`) that never makes anybody wait.
#![forbid(unsafe_code)]
// For RealtimeSanitizer (`make rtsan`), and there alone.
#![cfg_attr(rtsan, feature(sanitize))]

mod acting;
mod answering;
mod audiosocket;
mod connection;
mod ear;
mod inherited;
mod keeper;
mod listen;
mod names;
mod orders;
mod outbox;
mod pulse;
mod reader;
mod socket;
mod switchboard;

use std::{
    fmt, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tracing::error;

#[doc(hidden)]
pub use audiosocket::wire;
pub use inherited::{Inherited, InheritedError};
pub use reader::ReaderError;
#[doc(hidden)]
pub use reader::by_hand::{ByHand, StreamResult};

use keeper::Keeper;
use listen::Reception;
use pulse::Pulse;
use reader::Reader;
use retrocall_core::heart;
use retrocall_engine::{
    Engine, StopReport,
    watch::{Endpoint, signals::Signals, spool::LateLog, supervisor},
};
use retrocall_settings::Settings;
use retrocall_words::{CallId, Event};
use socket::Address;

/// How much longer than the wait for the disk a stop may take before the process ends without whatever hangs.
const STOP_REST: Duration = Duration::from_secs(10);
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
    signals: Signals,
    ready: impl FnOnce(Ready<'_>),
) -> Result<(), ServeError> {
    // What a press logs is written once its answer is out.
    let _late = LateLog::of_this_thread();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().on_thread_park(LateLog::at_rest).build().map_err(ServeError::System)?;
    let served = runtime.block_on(async {
        let path = settings.socket_path(engine.home().path());
        let readers = start_readers(&engine, settings)?;
        let Inherited { local, audiosocket, audiosocket_unix } = inherited;
        let no_socket = |error| ServeError::Socket(path.clone(), error);
        let group = match &settings.socket_group {
            Some(name) => Some(names::group(name).await.map_err(no_socket)?),
            None => None,
        };
        let place = Address::new(&path, engine.home().path(), group);
        let (mut doorway, kept) = place.open(local).map_err(no_socket)?;
        let stop_wait = settings.stop_wait;
        signals.arm(stop_wait + STOP_REST, {
            let engine = Arc::clone(&engine);
            move || engine.not_durable().iter().for_each(|call| error!(%call, "this selected call is not durable"))
        });
        let metrics = show_metrics(&engine, settings).await?;
        let mut taps = audiosocket::listen(&engine, settings, group, audiosocket, audiosocket_unix).await?;
        let (pairing, thread) = taps.as_ref().map(|taps| (Arc::clone(&taps.pairing), Arc::clone(&taps.thread))).unzip();
        let sockets = [Some(kept), taps.as_mut().and_then(|taps| taps.kept.take())].into_iter().flatten().collect();
        let _keeper = Keeper::start(Arc::clone(&engine), sockets).map_err(ServeError::System)?;
        heart::tell_of_trouble().map_err(ServeError::System)?;
        tokio::spawn(Pulse::of(&readers).and(thread).keep_telling());
        let door = Reception::new(Arc::clone(&engine), readers, pairing, settings);
        ready(Ready { socket: &path, metrics, audiosocket: taps.as_ref().and_then(|taps| taps.address) });
        supervisor::ready(&format!("live audio: {}", engine.guarantees().level()));
        tokio::select! {
            () = door.accept(&mut doorway) => {}
            // Who comes from here on waits for the next engine, if somebody holds the socket for it.
            () = audiosocket::accept(taps.as_mut()) => {}
            () = engine.keep_up() => {}
            () = engine.tidy_up() => {}
            () = signals.asked() => {}
        }
        stop(&engine, &signals, stop_wait).await
    });
    runtime.shutdown_background();
    served
}

/// The threads that read connections.
fn start_readers(engine: &Engine, settings: &Settings) -> Result<Vec<Arc<Reader>>, ServeError> {
    // One core in two reads: the other one commits, wipes and answers.
    let half_the_cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
    let start = |number| {
        let (arena, fault_in) = (Arc::clone(engine.arena()), engine.fault_in().clone());
        let reader = Reader::start(number, arena, fault_in, Arc::clone(engine.clock()), engine.allow_unlocked());
        reader.map(Arc::new).map_err(ServeError::Reader)
    };
    (0..settings.intake_threads.unwrap_or_else(half_the_cores)).map(start).collect()
}

/// Stops the engine: no call begins any more, selected ones are committed, and everybody is told.
async fn stop(engine: &Arc<Engine>, signals: &Signals, stop_wait: Duration) -> Result<(), ServeError> {
    supervisor::stopping();
    // Here, on the thread on which calls begin: none can slip in behind what `stop` ends.
    engine.refuse_new_calls();
    engine.tell_all(&Event::Stopping);
    let mut stopping = tokio::task::spawn_blocking({
        let engine = Arc::clone(engine);
        move || engine.stop(stop_wait)
    });
    let left = tokio::select! {
        left = &mut stopping => left,
        () = signals.meant() => {
            engine.hurry();
            stopping.await
        }
    };
    let left = left.unwrap_or_else(|_| StopReport { calls: engine.not_durable(), is_written: false });
    tokio::time::sleep(FAREWELL).await;
    let failed = match left {
        StopReport { calls, .. } if !calls.is_empty() => ServeError::NotDurable(calls),
        StopReport { is_written: false, .. } => ServeError::NotWritten,
        StopReport { .. } => return Ok(()),
    };
    // A thread may hang in the disk for ever: nobody waits for it. It goes with the process.
    std::mem::forget(Arc::clone(engine));
    Err(failed)
}

/// Shows the metrics, if the settings want that, and says where. From this thread: those that carry audio can't open a socket.
async fn show_metrics(engine: &Arc<Engine>, settings: &Settings) -> Result<Option<SocketAddr>, ServeError> {
    let Some(address) = settings.metrics else { return Ok(None) };
    let endpoint = Endpoint::bind(address).await.map_err(|error| ServeError::Metrics(address, error))?;
    let (address, engine) = (endpoint.address(), Arc::clone(engine));
    tokio::spawn(endpoint.serve(Arc::clone(engine.clock()), move || engine.status()));
    Ok(Some(address))
}

/// Lets tests prove that the path of a frame allocates nothing.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;
