//! The thread that reads sockets and shared memory: the path of a frame from the kernel into a ring.
//!
//! It takes no lock, opens nothing, logs nothing, and allocates nothing for a frame: it reads many frames with one call into a locked
//! buffer, pushes them, and wipes the buffer. It allocates only when a control message passes, to hand it to the connection's task; until that has
//! taken effect it reads no further on that connection, so that the messages of a connection take effect in their order. What
//! waits meanwhile, and what was read of a message that is not whole yet, waits in the arena.
//!
//! Frames that clients write into shared memory take the same path, on this thread's own clock: the thread that reads a connection's socket also
//! collects its shared memory, so that control messages keep their place among frames without any thread waiting for another.

use std::{
    collections::HashMap,
    io::{self, Read},
    os::{fd::AsFd, unix::net::UnixStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::sys::epoll::{EpollEvent, EpollFlags, EpollTimeout};
use tokio::sync::mpsc::UnboundedSender;

use super::orders::{EVENTS_MAX, Lookout, Orders, WAKE, queue};
use bytes::{Connection, Stop};
pub(super) use guess::Finding;
use line::Fault;
pub(super) use line::Line;
pub(super) use lines::Lines;
pub(super) use refused::Report;
use retrocall_core::{
    barrier, heart,
    memory::{Arena, LockedBuffer, LockedSamples, MapError, Need, Stash, wipe, wipe_traces},
};
use retrocall_engine::FaultIn;
use retrocall_words::{
    CallId, Clock, ErrorCode,
    audio::{FRAME_SAMPLES_MAX, Leg},
};
pub(super) use shared_frames::{Allowance, SharedFrames};

/// What one call to the kernel reads at most: a few hundred frames.
const READ_BYTES_MAX: usize = 128 * 1024;
/// What it reads where a control message came last: what lies behind one waits in the arena until it has taken effect, and is copied for each.
const CONTROL_READ_BYTES: usize = 4 * 1024;
/// How often what clients wrote into shared memory is collected, while there is any. Half a frame: later than a socket would say it, but
/// without a call of the system for each; and there is room for half a second of it.
const COLLECT_EVERY: Duration = Duration::from_millis(10);

/// A number for each connection, never used twice.
pub(super) type ConnectionId = u64;

/// What the thread tells the task of a connection.
pub(super) enum Inbound {
    /// A control message. Nothing more is read until [`Reader::go_on`].
    Control(Vec<u8>),
    /// A control message of so many bytes, which is too long and was passed over. Nothing more is read until [`Reader::go_on`].
    TooLong(usize),
    /// Frames were dropped.
    Refused(Report),
    /// A leg of a call seems to be something else than its call says.
    Suspect(CallId, Leg, Finding),
    /// The line of a call that [`Reader::release`] asked for: to be dropped where dropping is no matter.
    Released(Box<Line>),
    /// The end of the connection: nothing more comes. With it the lines of its calls.
    Gone {
        /// What the client did wrong, if that is why.
        fault: Option<(ErrorCode, String)>,
        /// The lines of its calls.
        lines: Box<Lines>,
    },
}

/// What the thread is told.
enum Order {
    Adopt {
        id: ConnectionId,
        stream: Arc<UnixStream>,
        inbox: UnboundedSender<Inbound>,
    },
    Carry {
        id: ConnectionId,
        line: Box<Line>,
    },
    Share {
        id: ConnectionId,
        channel: u32,
        shared: Box<SharedFrames>,
    },
    Release {
        id: ConnectionId,
        channel: u32,
    },
    GoOn {
        id: ConnectionId,
    },
    Close {
        id: ConnectionId,
    },
    /// For tests: the thread fails.
    #[cfg(test)]
    Fail {
        id: ConnectionId,
    },
}

impl Order {
    fn connection(&self) -> ConnectionId {
        match self {
            Order::Adopt { id, .. }
            | Order::Carry { id, .. }
            | Order::Share { id, .. }
            | Order::Release { id, .. }
            | Order::GoOn { id }
            | Order::Close { id } => *id,
            #[cfg(test)]
            Order::Fail { id } => *id,
        }
    }
}

/// The other side's hold of the thread. The thread runs until it is dropped.
pub(super) struct Reader {
    orders: Orders<Order>,
}

impl Reader {
    /// Starts a thread.
    pub(super) fn start(
        number: usize,
        arena: Arc<Arena>,
        fault_in: FaultIn,
        clock: Arc<dyn Clock>,
        allow_unlocked: bool,
    ) -> Result<Reader, ReaderError> {
        let (orders, lookout) = queue()?;
        let buffers = Buffers::new(allow_unlocked)?;
        thread::Builder::new().name(format!("intake-{number}")).spawn(move || {
            barrier::write_nowhere();
            let mut thread = ReaderThread {
                arena: &arena,
                fault_in,
                lookout,
                connections: HashMap::new(),
                sharing: Vec::new(),
                collected: clock.now(),
                clock,
                in_hand: None,
                buffers,
            };
            while heart::contain("taking in audio", || thread.run()).is_none() {
                thread.recover();
            }
        })?;
        Ok(Reader { orders })
    }

    /// Asks the thread for a beat, which it gives when all orders before have been carried out. Never waits: false if orders pile up.
    pub(super) fn ask_beat(&self) -> bool {
        self.orders.ask_beat()
    }

    /// How many beats the thread has given.
    pub(super) fn beats(&self) -> u64 {
        self.orders.beats()
    }

    /// A new connection: its frames and control messages are read from now on.
    pub(super) fn adopt(&self, id: ConnectionId, stream: Arc<UnixStream>, inbox: UnboundedSender<Inbound>) {
        self.orders.order(Order::Adopt { id, stream, inbox });
    }

    /// A call of a connection: its frames go this way from now on. Channels of a connection are given in order, from 0.
    pub(super) fn carry(&self, id: ConnectionId, line: Box<Line>) {
        self.orders.order(Order::Carry { id, line });
    }

    /// Frames of a call come through this memory too, from now on.
    pub(super) fn share(&self, id: ConnectionId, channel: u32, shared: Box<SharedFrames>) {
        self.orders.order(Order::Share { id, channel, shared });
    }

    /// A call has ended: its line comes back.
    pub(super) fn release(&self, id: ConnectionId, channel: u32) {
        self.orders.order(Order::Release { id, channel });
    }

    /// The last control message has taken effect.
    pub(super) fn go_on(&self, id: ConnectionId) {
        self.orders.order(Order::GoOn { id });
    }

    /// Nothing more is wanted of a connection.
    pub(super) fn close(&self, id: ConnectionId) {
        self.orders.order(Order::Close { id });
    }
}

/// Why the thread can't be started.
#[derive(Debug)]
pub enum ReaderError {
    /// Its buffers can't be locked.
    Memory(MapError),
    /// The system refused a thread or a descriptor.
    System(io::Error),
}

impl From<MapError> for ReaderError {
    fn from(error: MapError) -> ReaderError {
        ReaderError::Memory(error)
    }
}

impl From<io::Error> for ReaderError {
    fn from(error: io::Error) -> ReaderError {
        ReaderError::System(error)
    }
}

impl From<nix::Error> for ReaderError {
    fn from(error: nix::Error) -> ReaderError {
        ReaderError::System(error.into())
    }
}

/// Where audio passes through on its way. Locked, and wiped after every read.
struct Buffers {
    /// What one read of a socket brings.
    bytes: LockedBuffer,
    /// A frame out of shared memory.
    frame: LockedBuffer,
    /// A frame as samples.
    samples: LockedSamples,
}

impl Buffers {
    fn new(allow_unlocked: bool) -> Result<Buffers, MapError> {
        Ok(Buffers {
            bytes: LockedBuffer::new(READ_BYTES_MAX, allow_unlocked)?,
            frame: LockedBuffer::new(2 * FRAME_SAMPLES_MAX, allow_unlocked)?,
            samples: LockedSamples::new(FRAME_SAMPLES_MAX, allow_unlocked)?,
        })
    }
}

struct ReaderThread<'a> {
    arena: &'a Arena,
    fault_in: FaultIn,
    lookout: Lookout<Order>,
    connections: HashMap<ConnectionId, Connection<'a>>,
    /// Those of them that share memory with their clients.
    sharing: Vec<ConnectionId>,
    clock: Arc<dyn Clock>,
    /// When that memory was last looked at.
    collected: Instant,
    /// The connection that it is at. A panic leaves it here.
    in_hand: Option<ConnectionId>,
    buffers: Buffers,
}

impl ReaderThread<'_> {
    fn run(&mut self) {
        let mut events = [EpollEvent::empty(); EVENTS_MAX];
        // What was ordered before a panic has rung already.
        if !self.take_orders() {
            return;
        }
        loop {
            for event in self.lookout.wait(&mut events, self.patience()) {
                match event.data() {
                    WAKE if !self.take_orders() => return,
                    WAKE => {}
                    id => self.read(id, true),
                }
                // Sockets with no end of bytes are no reason to be late.
                self.collect_if_due();
            }
            self.collect_if_due();
            self.fault_in.wake_if_wanted();
        }
    }

    /// After a panic: the connection that it was at is closed, and its calls wait for another one. All others go on.
    fn recover(&mut self) {
        wipe(&mut self.buffers.bytes[..]);
        wipe(&mut self.buffers.frame[..]);
        wipe(&mut self.buffers.samples[..]);
        let Some((id, connection)) = self.in_hand.take().and_then(|id| Some((id, self.connections.remove(&id)?)))
        else {
            return;
        };
        let _ = self.lookout.epoll.delete(connection.stream.as_fd());
        self.sharing.retain(|known| *known != id);
        let text = "the engine failed at what came over this connection: attach its calls over another one".to_owned();
        let fault = Some((ErrorCode::EngineFault, text));
        let _ = connection.inbox.send(Inbound::Gone { fault, lines: Box::new(connection.lines) });
    }

    /// How long to wait for sockets: for ever, but for the clock of shared memory.
    fn patience(&self) -> EpollTimeout {
        if self.sharing.is_empty() {
            return EpollTimeout::NONE;
        }
        let left = COLLECT_EVERY.saturating_sub(self.clock.since(self.collected));
        EpollTimeout::from(left.as_micros().div_ceil(1_000) as u8)
    }

    /// Takes what waits in shared memory, when it is time. Not of a connection whose control message has not taken effect yet.
    fn collect_if_due(&mut self) {
        if self.sharing.is_empty() {
            return;
        }
        let now = self.clock.now();
        if now.saturating_duration_since(self.collected) < COLLECT_EVERY {
            return;
        }
        self.collected = now;
        let mut next = 0;
        while let Some(&id) = self.sharing.get(next) {
            self.in_hand = Some(id);
            let connection = self.connections.get_mut(&id).expect("it leaves this list when it is closed");
            let Buffers { frame, samples, .. } = &mut self.buffers;
            let collected = if connection.paused { Ok(()) } else { connection.lines.collect(frame, samples, now) };
            connection.tell_refused(now);
            match collected {
                Ok(()) => next += 1,
                Err(lie) => self.close(id, Some(Fault::from(lie).to_event())),
            }
        }
        wipe_traces();
    }

    /// False when nobody can order any more.
    fn take_orders(&mut self) -> bool {
        self.lookout.hear();
        // What is ordered meanwhile rings again: clients that ask without end keep orders coming, and sockets waiting.
        for _ in 0..self.lookout.waiting() {
            let Some(order) = self.lookout.next() else { break };
            self.in_hand = Some(order.connection());
            match order {
                Order::Adopt { id, stream, inbox } => {
                    let stash = Stash::new(self.arena);
                    self.connections.insert(id, Connection::new(stream, inbox, stash));
                    self.read_on(id);
                }
                Order::Carry { id, line } => match self.connections.get_mut(&id) {
                    Some(connection) => connection.lines.add(line),
                    // It is gone, and its task does not know yet. No frame was taken for the call: its task ends it.
                    None => drop(line),
                },
                Order::Share { id, channel, shared } => {
                    if let Some(connection) = self.connections.get_mut(&id) {
                        let shared_before = connection.lines.share();
                        drop(connection.lines.add_shared(channel, shared));
                        if connection.lines.share() && !shared_before {
                            self.sharing.push(id);
                        }
                    }
                }
                Order::Release { id, channel } => {
                    if let Some(connection) = self.connections.get_mut(&id)
                        && let Some(line) = connection.lines.remove(channel)
                    {
                        if line.shared.is_some() && !connection.lines.share() {
                            self.sharing.retain(|known| *known != id);
                        }
                        let _ = connection.inbox.send(Inbound::Released(line));
                    }
                }
                Order::GoOn { id } => self.read_on(id),
                Order::Close { id } => self.close(id, None),
                #[cfg(test)]
                Order::Fail { .. } => panic!("a planted panic"),
            }
        }
        self.lookout.is_held()
    }

    /// Goes on with a connection that was paused: first with what was read before.
    fn read_on(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id).filter(|connection| connection.paused) else { return };
        connection.paused = false;
        let event = EpollEvent::new(EpollFlags::EPOLLIN, id);
        if self.lookout.epoll.add(connection.stream.as_fd(), event).is_err() {
            return self.close(id, None);
        }
        if !connection.stash.is_empty() {
            self.read(id, false);
        }
    }

    /// Uses what waits of a connection and, if `fresh`, what one read brings.
    fn read(&mut self, id: ConnectionId, fresh: bool) {
        self.in_hand = Some(id);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let mut filled = connection.stash.take(&mut self.buffers.bytes);
        let mut ended = false;
        if fresh {
            let end = self.buffers.bytes.len().min(filled + connection.read_bytes);
            match (&*connection.stream).read(&mut self.buffers.bytes[filled..end]) {
                Ok(0) => ended = true,
                Ok(read) => filled += read,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => ended = true,
            }
        }
        let now = self.clock.now();
        let (used, stop) = connection.use_bytes(&self.buffers.bytes[..filled], &mut self.buffers.samples, now);
        let mut fault = None;
        let mut keep = used;
        let message = match stop {
            Stop::More => {
                connection.read_bytes = if used > 0 { READ_BYTES_MAX } else { connection.read_bytes };
                None
            }
            Stop::Control(range) => {
                connection.read_bytes = CONTROL_READ_BYTES;
                keep = range.end;
                Some(Inbound::Control(self.buffers.bytes[range].to_vec()))
            }
            Stop::TooLong(bytes) => Some(Inbound::TooLong(bytes)),
            Stop::Fault(error) => {
                keep = filled;
                fault = Some(Fault::from(error).to_event());
                None
            }
        };
        if let Some(message) = message {
            connection.paused = true;
            let _ = self.lookout.epoll.delete(connection.stream.as_fd());
            // What was written before the message was sent is before it.
            let Buffers { frame, samples, .. } = &mut self.buffers;
            let collected = connection.lines.collect(frame, samples, now);
            connection.tell_refused(now);
            match collected {
                Ok(()) => drop(connection.inbox.send(message)),
                Err(lie) => fault = Some(Fault::from(lie).to_event()),
            }
        } else {
            connection.tell_refused(now);
        }
        // What belongs to a call must not be lost; of others there may be thousands, each with half a message.
        let need = if connection.lines.len() == 0 { Need::NoCall } else { Need::Message };
        if !connection.stash.put(&self.buffers.bytes[keep..filled], need) {
            fault = Some((ErrorCode::MemoryFull, "no memory is left for what was sent: raise --memory".to_owned()));
        }
        #[cfg(feature = "planted-leaks")]
        let filled = if retrocall_core::leaks::is(retrocall_core::leaks::Leak::Buffer) { 0 } else { filled };
        wipe(&mut self.buffers.bytes[..filled]);
        wipe_traces();
        if fault.is_some() || (ended && !connection.paused) {
            self.close(id, fault);
        }
    }

    fn close(&mut self, id: ConnectionId, fault: Option<(ErrorCode, String)>) {
        let Some(mut connection) = self.connections.remove(&id) else { return };
        if !connection.paused {
            let _ = self.lookout.epoll.delete(connection.stream.as_fd());
        }
        if connection.lines.share() {
            // What a client wrote before it died is of the call.
            let Buffers { frame, samples, .. } = &mut self.buffers;
            connection.lines.collect_last(frame, samples, self.clock.now());
            self.sharing.retain(|known| *known != id);
        }
        let _ = connection.inbox.send(Inbound::Gone { fault, lines: Box::new(connection.lines) });
    }
}

// Named by their paths, because the fuzz targets take in this file by its own.
#[path = "by_hand.rs"]
pub mod by_hand;
#[path = "bytes.rs"]
mod bytes;
#[path = "guess.rs"]
mod guess;
#[path = "line.rs"]
mod line;
#[path = "lines.rs"]
mod lines;
#[path = "refused.rs"]
mod refused;
#[path = "shared_frames.rs"]
mod shared_frames;
#[cfg(test)]
mod tests;
