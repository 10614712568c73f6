//! The thread that reads sockets: the path of a frame from the kernel into a ring.
//!
//! It takes no lock, opens nothing, logs nothing, and allocates nothing for a frame: it reads many frames with one call into a locked
//! buffer, pushes them, and wipes the buffer. It allocates only when a control message passes, to hand it to the connection's task; until that has
//! taken effect it reads no further on that connection, so that the messages of a connection take effect in their order. What
//! waits meanwhile, and what was read of a message that is not whole yet, waits in the arena.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, Read},
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::sys::{
    epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
    eventfd::{EfdFlags, EventFd},
};
use parking_lot::Mutex;
use ringbuf::{
    HeapCons, HeapProd, HeapRb,
    traits::{Consumer, Observer, Producer, Split},
};
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    audio::{Codec, FRAME_SAMPLES_MAX, Leg, Rate, g711::Law},
    barrier,
    engine::FaultIn,
    memory::{Arena, LockedBuffer, LockedSamples, MapError, Need, Stash, wipe, wipe_registers},
    protocol::{AudioHead, ErrorCode, FrameError, HEAD_BYTES, Head, Kind},
    ring::LegWriter,
};

/// What one call to the kernel reads at most: a few hundred frames.
const READ_BYTES_MAX: usize = 128 * 1024;
/// Orders that can wait for the thread.
const ORDERS_MAX: usize = 4_096;
/// Sockets that one look at epoll can name.
const EVENTS_MAX: usize = 256;
/// The event that says that orders wait.
const WAKE: u64 = u64::MAX;

/// A number for each connection, never used twice.
pub(super) type ConnectionId = u64;

/// What the thread tells the task of a connection.
pub(super) enum Inbound {
    /// A control message. Nothing more is read until [`Reader::go_on`].
    Control(Vec<u8>),
    /// The line of a call that [`Reader::release`] asked for: to be dropped where dropping is no matter.
    Released(#[allow(dead_code)] Box<Line>),
    /// The end of the connection: nothing more comes. With it the lines of its calls.
    Gone {
        /// What the client did wrong, if that is why.
        fault: Option<(ErrorCode, String)>,
        /// Channels and lines.
        lines: Vec<(u32, Box<Line>)>,
    },
}

/// What carries a call's frames from its connection into its ring.
pub(super) struct Line {
    pub writers: Box<[LegWriter; 2]>,
    pub codec: Codec,
    pub rate: Rate,
    pub began: Instant,
    /// How far a position may be ahead, in samples.
    pub ahead: u64,
}

/// What the thread is told.
enum Order {
    Adopt { id: ConnectionId, stream: UnixStream, inbox: UnboundedSender<Inbound> },
    Carry { id: ConnectionId, channel: u32, line: Box<Line> },
    Release { id: ConnectionId, channel: u32 },
    GoOn { id: ConnectionId },
    Close { id: ConnectionId },
    Beat,
}

/// The other side's hold of the thread. The thread runs until it is dropped.
pub(super) struct Reader {
    /// Wait-free for the thread; those who order take turns. None only while this is dropped.
    orders: Mutex<Option<HeapProd<Order>>>,
    wake: Arc<EventFd>,
    /// Beats that the thread has given.
    beats: Arc<AtomicU64>,
}

impl Reader {
    /// Starts a thread.
    pub(super) fn start(
        number: usize,
        arena: Arc<Arena>,
        fault_in: FaultIn,
        allow_unlocked: bool,
    ) -> Result<Reader, ReaderError> {
        let (orders, consumer) = HeapRb::new(ORDERS_MAX).split();
        let wake = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&*wake, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        let buffers = Buffers {
            bytes: LockedBuffer::new(READ_BYTES_MAX, allow_unlocked)?,
            samples: LockedSamples::new(FRAME_SAMPLES_MAX, allow_unlocked)?,
        };
        let beats = Arc::new(AtomicU64::new(0));
        let (thread_wake, thread_beats) = (Arc::clone(&wake), Arc::clone(&beats));
        thread::Builder::new().name(format!("intake-{number}")).spawn(move || {
            barrier::write_nowhere();
            let mut thread = ReaderThread {
                arena: &arena,
                fault_in,
                epoll,
                wake: thread_wake,
                beats: thread_beats,
                orders: consumer,
                connections: HashMap::new(),
                buffers,
            };
            thread.run();
        })?;
        Ok(Reader { orders: Mutex::new(Some(orders)), wake, beats })
    }

    /// Asks the thread for a beat, which it gives when all orders before have been carried out. Never waits: false if orders pile up.
    pub(super) fn ask_beat(&self) -> bool {
        let asked = self.orders.lock().as_mut().is_some_and(|orders| orders.try_push(Order::Beat).is_ok());
        let _ = self.wake.write(1);
        asked
    }

    /// How many beats the thread has given.
    pub(super) fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// A new connection: its frames and control messages are read from now on.
    pub(super) fn adopt(&self, id: ConnectionId, stream: UnixStream, inbox: UnboundedSender<Inbound>) {
        self.order(Order::Adopt { id, stream, inbox });
    }

    /// A call of a connection: its frames go this way from now on. Channels of a connection are given in order, from 0.
    pub(super) fn carry(&self, id: ConnectionId, channel: u32, line: Box<Line>) {
        self.order(Order::Carry { id, channel, line });
    }

    /// A call has ended: its line comes back.
    pub(super) fn release(&self, id: ConnectionId, channel: u32) {
        self.order(Order::Release { id, channel });
    }

    /// The last control message has taken effect.
    pub(super) fn go_on(&self, id: ConnectionId) {
        self.order(Order::GoOn { id });
    }

    /// Nothing more is wanted of a connection.
    pub(super) fn close(&self, id: ConnectionId) {
        self.order(Order::Close { id });
    }

    fn order(&self, order: Order) {
        let mut orders = self.orders.lock();
        let Some(orders) = orders.as_mut() else { return };
        let mut order = order;
        while let Err(back) = orders.try_push(order) {
            // Thousands wait: the thread is busy with frames, and comes to them after its round.
            order = back;
            thread::sleep(Duration::from_micros(100));
        }
        let _ = self.wake.write(1);
    }
}

impl Drop for Reader {
    /// The thread sees that nobody can order any more, and ends.
    fn drop(&mut self) {
        *self.orders.lock() = None;
        let _ = self.wake.write(1);
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
    bytes: LockedBuffer,
    samples: LockedSamples,
}

struct ReaderThread<'a> {
    arena: &'a Arena,
    fault_in: FaultIn,
    epoll: Epoll,
    wake: Arc<EventFd>,
    beats: Arc<AtomicU64>,
    orders: HeapCons<Order>,
    connections: HashMap<ConnectionId, Connection<'a>>,
    buffers: Buffers,
}

/// One connection, as the thread knows it.
struct Connection<'a> {
    stream: UnixStream,
    inbox: UnboundedSender<Inbound>,
    /// What was read and could not be used yet.
    stash: Stash<'a>,
    /// Whether a control message has to take effect before more is read.
    paused: bool,
    lines: Lines,
}

/// The calls of a connection by their channels. A channel is never given twice: a frame that comes after its call has ended is dropped, and
/// can't end up in another call.
#[derive(Default)]
struct Lines {
    first: u32,
    lines: VecDeque<Option<Box<Line>>>,
}

impl Lines {
    /// Whether there is no call, though there may have been some.
    fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn add(&mut self, channel: u32, line: Box<Line>) {
        debug_assert_eq!(channel as usize, self.first as usize + self.lines.len());
        self.lines.push_back(Some(line));
    }

    /// None for a channel that was never given; `Some(None)` for one whose call has ended.
    fn get(&mut self, channel: u32) -> Option<Option<&mut Line>> {
        match channel.checked_sub(self.first) {
            None => Some(None),
            Some(at) => self.lines.get_mut(at as usize).map(Option::as_deref_mut),
        }
    }

    fn remove(&mut self, channel: u32) -> Option<Box<Line>> {
        let line = self.lines.get_mut(channel.checked_sub(self.first)? as usize)?.take();
        while let Some(None) = self.lines.front() {
            self.lines.pop_front();
            self.first += 1;
        }
        line
    }

    fn into_all(self) -> Vec<(u32, Box<Line>)> {
        (self.first..).zip(self.lines).filter_map(|(channel, line)| Some((channel, line?))).collect()
    }
}

/// What stops the reading of a connection's bytes.
enum Stop {
    /// The next message is not whole yet.
    More,
    /// A control message, which lies in this range of the bytes.
    Control(std::ops::Range<usize>),
    /// The client did something wrong.
    Fault(Fault),
}

/// What a client did wrong. Its words are made off the path of frames: they allocate.
enum Fault {
    /// This is no message, or none of its kind.
    Frame(FrameError),
    /// The connection has no such channel.
    Channel(u32),
    /// A frame is further ahead than it may be.
    Position { position: u64, limit: u64 },
}

impl Fault {
    fn to_event(&self) -> (ErrorCode, String) {
        match self {
            Fault::Frame(error) => (error.code(), error.to_string()),
            Fault::Channel(channel) => {
                (ErrorCode::Channel, format!("channel {channel} was not given to this connection"))
            }
            Fault::Position { position, limit } => {
                (ErrorCode::Position, format!("position {position} is too far ahead: the limit is {limit} now"))
            }
        }
    }
}

impl From<FrameError> for Stop {
    fn from(error: FrameError) -> Stop {
        Stop::Fault(Fault::Frame(error))
    }
}

impl ReaderThread<'_> {
    fn run(&mut self) {
        let mut events = [EpollEvent::empty(); EVENTS_MAX];
        loop {
            let ready = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(ready) => ready,
                Err(nix::Error::EINTR) => 0,
                // Nothing that this thread does can make it fail.
                Err(error) => panic!("epoll_wait: {error}"),
            };
            for event in &events[..ready] {
                match event.data() {
                    WAKE if !self.take_orders() => return,
                    WAKE => {}
                    id => self.read(id, true),
                }
            }
            self.fault_in.wake_if_wanted();
        }
    }

    /// False when nobody can order any more.
    fn take_orders(&mut self) -> bool {
        let _ = self.wake.read();
        while let Some(order) = self.orders.try_pop() {
            match order {
                Order::Adopt { id, stream, inbox } => {
                    let stash = Stash::new(self.arena);
                    let connection = Connection { stream, inbox, stash, paused: true, lines: Lines::default() };
                    self.connections.insert(id, connection);
                    self.read_on(id);
                }
                Order::Carry { id, channel, line } => match self.connections.get_mut(&id) {
                    Some(connection) => connection.lines.add(channel, line),
                    // It is gone, and its task does not know yet. No frame was taken for the call: its task ends it.
                    None => drop(line),
                },
                Order::Release { id, channel } => {
                    if let Some(connection) = self.connections.get_mut(&id)
                        && let Some(line) = connection.lines.remove(channel)
                    {
                        let _ = connection.inbox.send(Inbound::Released(line));
                    }
                }
                Order::GoOn { id } => self.read_on(id),
                Order::Close { id } => self.close(id, None),
                Order::Beat => {
                    self.beats.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        self.orders.write_is_held()
    }

    /// Goes on with a connection that was paused: first with what was read before.
    fn read_on(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id).filter(|connection| connection.paused) else { return };
        connection.paused = false;
        let event = EpollEvent::new(EpollFlags::EPOLLIN, id);
        if self.epoll.add(connection.stream.as_fd(), event).is_err() {
            return self.close(id, None);
        }
        if !connection.stash.is_empty() {
            self.read(id, false);
        }
    }

    /// Uses what waits of a connection and, if `fresh`, what one read brings.
    fn read(&mut self, id: ConnectionId, fresh: bool) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let mut filled = connection.stash.take(&mut self.buffers.bytes);
        let mut ended = false;
        if fresh {
            match connection.stream.read(&mut self.buffers.bytes[filled..]) {
                Ok(0) => ended = true,
                Ok(read) => filled += read,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => ended = true,
            }
        }
        let (used, stop) =
            connection.use_bytes(&self.buffers.bytes[..filled], &mut self.buffers.samples, Instant::now());
        let mut fault = None;
        let mut keep = used;
        match stop {
            Stop::More => {}
            Stop::Control(range) => {
                keep = range.end;
                connection.paused = true;
                let _ = connection.inbox.send(Inbound::Control(self.buffers.bytes[range].to_vec()));
                let _ = self.epoll.delete(connection.stream.as_fd());
            }
            Stop::Fault(wrong) => {
                keep = filled;
                fault = Some(wrong.to_event());
            }
        }
        // What belongs to a call must not be lost; of others there may be thousands, each with half a message.
        let need = if connection.lines.is_empty() { Need::NoCall } else { Need::Selected };
        if !connection.stash.put(&self.buffers.bytes[keep..filled], need) {
            fault = Some((ErrorCode::MemoryFull, "no memory is left for what was sent: raise --memory".to_owned()));
        }
        #[cfg(feature = "planted-leaks")]
        let filled = if crate::leaks::is(crate::leaks::Leak::Buffer) { 0 } else { filled };
        wipe(&mut self.buffers.bytes[..filled]);
        wipe_registers();
        if fault.is_some() || (ended && !connection.paused) {
            self.close(id, fault);
        }
    }

    fn close(&mut self, id: ConnectionId, fault: Option<(ErrorCode, String)>) {
        let Some(connection) = self.connections.remove(&id) else { return };
        if !connection.paused {
            let _ = self.epoll.delete(connection.stream.as_fd());
        }
        let _ = connection.inbox.send(Inbound::Gone { fault, lines: connection.lines.into_all() });
    }
}

impl Connection<'_> {
    /// Uses whole messages from the beginning of `bytes`, up to the first that is none of audio. Returns how many bytes were used.
    #[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
    fn use_bytes(&mut self, bytes: &[u8], samples: &mut LockedSamples, now: Instant) -> (usize, Stop) {
        let mut used = 0;
        let mut longest = 0;
        let stop = loop {
            let Some((head, rest)) = bytes[used..].split_first_chunk::<HEAD_BYTES>() else { break Stop::More };
            let head = match Head::parse(*head) {
                Ok(head) => head,
                Err(error) => break error.into(),
            };
            let Some(payload) = rest.get(..head.payload_bytes) else { break Stop::More };
            let end = used + HEAD_BYTES + head.payload_bytes;
            match head.kind {
                Kind::Control => break Stop::Control(used + HEAD_BYTES..end),
                Kind::Audio(leg) => match self.frame(leg, payload, samples, now) {
                    Ok(count) => longest = longest.max(count),
                    Err(stop) => break stop,
                },
            }
            used = end;
        };
        wipe(&mut samples[..longest]);
        (used, stop)
    }

    /// One frame into its ring. Returns how many samples passed through the buffer.
    fn frame(&mut self, leg: Leg, payload: &[u8], buffer: &mut LockedSamples, now: Instant) -> Result<usize, Stop> {
        let Some((head, bytes)) = AudioHead::split(payload) else {
            return Err(FrameError::Samples { bytes: 0 }.into());
        };
        let line = match self.lines.get(head.channel) {
            Some(Some(line)) => line,
            Some(None) => return Ok(0),
            None => return Err(Stop::Fault(Fault::Channel(head.channel))),
        };
        let samples = AudioHead::samples(bytes, line.codec)?;
        #[cfg(feature = "planted-leaks")]
        crate::leaks::frame(bytes);
        let limit = line.limit(now);
        if head.position.saturating_add(samples as u64) > limit {
            return Err(Stop::Fault(Fault::Position { position: head.position, limit }));
        }
        let writer = &mut line.writers[leg.index()];
        writer.provision(samples);
        match line.codec {
            Codec::Ulaw => writer.push_codes(head.position, Law::Mu, bytes),
            Codec::Alaw => writer.push_codes(head.position, Law::A, bytes),
            Codec::Pcm16 => {
                let buffer = &mut buffer[..samples];
                for (sample, two) in buffer.iter_mut().zip(bytes.chunks_exact(2)) {
                    *sample = i16::from_le_bytes([two[0], two[1]]);
                }
                writer.push(head.position, buffer);
                return Ok(samples);
            }
        }
        Ok(0)
    }
}

impl Line {
    /// The position that a frame may reach: some way ahead of the call's end, or of the time that has passed.
    fn limit(&self, now: Instant) -> u64 {
        let passed =
            now.saturating_duration_since(self.began).as_micros() as u64 * u64::from(self.rate.hz()) / 1_000_000;
        let end = self.writers[0].position().max(self.writers[1].position());
        end.max(passed) + self.ahead
    }
}

// Named by its path, because the fuzz targets take in this file by its own.
#[path = "by_hand.rs"]
pub mod by_hand;
#[cfg(test)]
mod tests;
