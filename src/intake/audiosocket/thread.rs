//! The thread `audiosocket`: reads the legs of AudioSocket, and sends each of them silence, 20 ms of it every 20 ms.
//!
//! Silence, because Asterisk ends the call of a peer between which and it nothing moves for two seconds. Nothing here closes a connection
//! before the peer does, but for one from which nothing has come for the idle limit. The path of a frame obeys the rules of
//! `intake/reader`: no lock, no log, no file, no allocation; locked buffers, wiped after every read.

use std::{
    collections::HashMap,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::epoll::{EpollEvent, EpollFlags, EpollTimeout},
    unistd::read,
};
use tokio::sync::mpsc::UnboundedSender;

use super::{
    End, TapId, Told,
    tap::{Given, Tap, WAITING_BYTES_MAX},
    wire::{Kind, REST_BYTES_MAX},
};
use crate::{
    audio::FRAME_SAMPLES_MAX,
    barrier,
    engine::FaultIn,
    intake::{
        ReaderError,
        orders::{EVENTS_MAX, Lookout, Orders, WAKE, queue},
        pulse::Beating,
    },
    memory::{Arena, LockedBuffer, LockedSamples, wipe, wipe_traces},
};

/// What one call to the kernel reads at most: seconds of a leg.
const READ_BYTES_MAX: usize = 64 * 1024;
/// Room for what is read, and for what waits before it.
const BUFFER_BYTES: usize = WAITING_BYTES_MAX + READ_BYTES_MAX + REST_BYTES_MAX;
/// How long a message of silence lasts.
const TICK: Duration = Duration::from_millis(20);
/// A thread that got no turn for longer makes up for no more than so much.
const TICKS_MAX: u32 = 5;

enum Order {
    Adopt { id: TapId, fd: OwnedFd },
    Answer { id: TapId, given: Option<Box<Given>> },
}

/// The other side's hold of the thread. The thread runs until it is dropped.
pub(super) struct Taps {
    orders: Orders<Order>,
}

impl Taps {
    /// Starts the thread. What it has to say goes to `told`.
    pub(super) fn start(
        arena: Arc<Arena>,
        fault_in: FaultIn,
        allow_unlocked: bool,
        idle: Duration,
        told: UnboundedSender<Told>,
    ) -> Result<Taps, ReaderError> {
        let (orders, lookout) = queue()?;
        let bytes = LockedBuffer::new(BUFFER_BYTES, allow_unlocked)?;
        let samples = LockedSamples::new(FRAME_SAMPLES_MAX, allow_unlocked)?;
        thread::Builder::new().name("audiosocket".to_owned()).spawn(move || {
            barrier::write_nowhere();
            let mut thread = TapThread {
                arena: &arena,
                fault_in,
                lookout,
                taps: HashMap::new(),
                bytes,
                samples,
                silences: Kind::ALL.iter().map(|kind| kind.silence()).collect(),
                idle,
                told,
                tick_at: None,
                due: Vec::new(),
            };
            thread.run();
        })?;
        Ok(Taps { orders })
    }

    /// A new connection, non-blocking.
    pub(super) fn adopt(&self, id: TapId, fd: OwnedFd) {
        self.orders.order(Order::Adopt { id, fd });
    }

    /// Where the leg of a connection goes, or that nothing of it is held.
    pub(super) fn answer(&self, id: TapId, given: Option<Given>) {
        self.orders.order(Order::Answer { id, given: given.map(Box::new) });
    }
}

impl Beating for Taps {
    fn ask_beat(&self) -> bool {
        self.orders.ask_beat()
    }

    fn beats(&self) -> u64 {
        self.orders.beats()
    }
}

struct TapThread<'a> {
    arena: &'a Arena,
    fault_in: FaultIn,
    lookout: Lookout<Order>,
    taps: HashMap<TapId, Tap<'a>>,
    bytes: LockedBuffer,
    samples: LockedSamples,
    silences: Vec<Vec<u8>>,
    idle: Duration,
    told: UnboundedSender<Told>,
    /// When silence is due next; none while there is nobody to send it to.
    tick_at: Option<Instant>,
    /// Those whom a tick has found something to do for. Kept, so that a tick allocates nothing.
    due: Vec<TapId>,
}

impl TapThread<'_> {
    fn run(&mut self) {
        let mut events = [EpollEvent::empty(); EVENTS_MAX];
        loop {
            for event in self.lookout.wait(&mut events, self.timeout()) {
                match event.data() {
                    WAKE if !self.take_orders() => return,
                    WAKE => {}
                    id => self.read(id, true),
                }
            }
            let now = Instant::now();
            if self.tick_at.is_some_and(|at| at <= now) {
                self.tick(now);
            }
            self.fault_in.wake_if_wanted();
        }
    }

    fn timeout(&self) -> EpollTimeout {
        match self.tick_at {
            None => EpollTimeout::NONE,
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now());
                EpollTimeout::from(left.as_micros().div_ceil(1_000).min(TICK.as_millis()) as u8)
            }
        }
    }

    /// False when nobody can order any more.
    fn take_orders(&mut self) -> bool {
        self.lookout.hear();
        // What is ordered meanwhile rings again: sockets must not wait for whoever connects without end.
        for _ in 0..self.lookout.waiting() {
            let Some(order) = self.lookout.next() else { break };
            match order {
                Order::Adopt { id, fd } => {
                    let now = Instant::now();
                    self.taps.insert(id, Tap::new(id, fd, self.told.clone(), self.arena, now));
                    self.tick_at.get_or_insert(now);
                    self.listen(id);
                }
                Order::Answer { id, given } => {
                    if let Some(tap) = self.taps.get_mut(&id) {
                        tap.answer(given.map(|given| *given));
                        self.listen(id);
                        self.read(id, false);
                    }
                }
            }
        }
        self.lookout.is_held()
    }

    fn listen(&mut self, id: TapId) {
        let Some(tap) = self.taps.get(&id) else { return };
        if self.lookout.epoll.add(tap.fd.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, id)).is_err() {
            self.close(id, End::HangUp);
        }
    }

    /// Uses what waits of a connection and, if `fresh`, what one read brings.
    fn read(&mut self, id: TapId, fresh: bool) {
        let Some(tap) = self.taps.get_mut(&id) else { return };
        let (looked, mut filled) = tap.take_waiting(&mut self.bytes);
        let (mut came, mut end) = (false, None);
        if fresh {
            match read(&tap.fd, &mut self.bytes[filled..filled + READ_BYTES_MAX]) {
                Ok(0) => end = Some(End::HangUp),
                Ok(bytes) => (came, filled) = (true, filled + bytes),
                Err(nix::Error::EAGAIN | nix::Error::EINTR) => {}
                // A reset, or a peer that has vanished.
                Err(_) => end = Some(End::Lost),
            }
        }
        tap.use_bytes(&self.bytes[..filled], looked, came, end, &mut self.samples, Instant::now());
        wipe(&mut self.bytes[..filled]);
        wipe_traces();
        if let Some(end) = tap.is_over() {
            self.close(id, end);
        } else if fresh && tap.is_asked() {
            let _ = self.lookout.epoll.delete(tap.fd.as_fd());
        }
    }

    /// Silence for everybody; what has waited long enough; those who have said nothing for too long.
    fn tick(&mut self, now: Instant) {
        let Some(at) = self.tick_at else { return };
        let times = 1 + (now.saturating_duration_since(at).as_millis() / TICK.as_millis()) as u32;
        self.tick_at = (!self.taps.is_empty()).then(|| at + TICK * times);
        let mut due = std::mem::take(&mut self.due);
        due.clear();
        for (id, tap) in &mut self.taps {
            tap.send_silence(&self.silences, times.min(TICKS_MAX));
            if tap.waits() || tap.silent_for(now) >= self.idle {
                due.push(*id);
            }
        }
        for id in due.drain(..) {
            self.read(id, false);
            if self.taps.get(&id).is_some_and(|tap| tap.silent_for(now) >= self.idle) {
                self.close(id, End::HangUp);
            }
        }
        self.due = due;
    }

    fn close(&mut self, id: TapId, end: End) {
        let Some(mut tap) = self.taps.remove(&id) else { return };
        let _ = self.lookout.epoll.delete(tap.fd.as_fd());
        // What waits was spoken before the end.
        let (looked, filled) = tap.take_waiting(&mut self.bytes);
        tap.use_bytes(&self.bytes[..filled], looked, false, Some(end), &mut self.samples, Instant::now());
        wipe(&mut self.bytes[..filled]);
        wipe_traces();
        let _ = self.told.send(Told::Gone { id, writer: tap.into_writer(), end });
    }
}

#[cfg(test)]
mod tests;
