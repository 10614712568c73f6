//! The thread `audiosocket`: every 20 ms it reads each leg, and every second time it sends each 40 ms of silence.
//!
//! One turn for all legs: one wake-up, and for each leg one read and half a write. So the arrival of samples is known to 20 ms. The path of a
//! frame obeys the rules of `intake/reader`: no lock, no log, no file, no allocation; locked buffers, wiped after every read.
//!
//! This thread closes a connection before the peer does only if nothing came for the idle limit, or if it does not name its leg.

use std::{
    os::fd::OwnedFd,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::epoll::{EpollEvent, EpollTimeout},
    unistd::read,
};
use tokio::sync::mpsc::UnboundedSender;

use super::{
    Report, TapId,
    silence::Silences,
    tap::{Catch, Tap, WAITING_BYTES_MAX},
    wire::REST_BYTES_MAX,
};
use crate::{
    ReaderError,
    orders::{Lookout, Orders, queue},
    pulse::Beating,
    switchboard::{End, Loan, Streams},
};
use retrocall_core::{
    barrier, heart,
    memory::{Arena, LockedBuffer, LockedSamples, wipe, wipe_traces},
    system::unread_bytes,
};
use retrocall_engine::FaultIn;
use retrocall_words::{
    Clock,
    audio::{FRAME_SAMPLES_MAX, g711::Law},
};

/// What one call to the kernel reads at most: seconds of a leg.
const READ_BYTES_MAX: usize = 64 * 1024;
/// Room for what is read, and for what waits before it.
const BUFFER_BYTES: usize = WAITING_BYTES_MAX + READ_BYTES_MAX + REST_BYTES_MAX;
/// How long a turn lasts, and a message of silence.
const TICK: Duration = Duration::from_millis(20);
/// A thread that got no turn for longer makes up for no more than so much.
const TICKS_MAX: u32 = 5;
/// Who has said nothing for so long, while another connection says that it is the same leg, has been lost.
const CONTEST: Duration = Duration::from_millis(200);

/// How long a connection may take to say which leg it is, however few there are,
const UNNAMED_MAX: Duration = Duration::from_secs(5);
/// and however many.
const UNNAMED_MIN: Duration = Duration::from_millis(500);

enum Order {
    Adopt { id: TapId, fd: OwnedFd },
    Answer { id: TapId, loan: Option<Box<Loan>> },
    Contest { id: TapId },
}

/// The other side's hold of the thread. The thread runs until it is dropped.
pub(super) struct Taps {
    orders: Orders<Order>,
}

/// What the thread keeps to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// A connection from which nothing has come for so long is closed.
    pub idle: Duration,
    /// So many may not have said yet which leg they are: over that, those that have been there longest go.
    pub unnamed_max: usize,
    /// What codes under the label of linear samples are, if somebody has said so.
    pub law: Option<Law>,
}

impl Taps {
    /// Starts the thread. What it has to say goes to `reports`.
    pub(super) fn start(
        arena: Arc<Arena>,
        fault_in: FaultIn,
        clock: Arc<dyn Clock>,
        allow_unlocked: bool,
        limits: Limits,
        reports: UnboundedSender<Report>,
    ) -> Result<Taps, ReaderError> {
        let (orders, lookout) = queue()?;
        let bytes = LockedBuffer::new(BUFFER_BYTES, allow_unlocked)?;
        let samples = LockedSamples::new(FRAME_SAMPLES_MAX, allow_unlocked)?;
        thread::Builder::new().name("audiosocket".to_owned()).spawn(move || {
            barrier::write_nowhere();
            let mut thread = TapThread {
                arena: &arena,
                fault_in,
                clock,
                lookout,
                taps: Vec::new(),
                contested: Vec::new(),
                in_hand: None,
                bytes,
                samples,
                silences: Silences::new(),
                limits,
                reports,
                tick_at: None,
            };
            while heart::contain("taking in audio over AudioSocket", || thread.run()).is_none() {
                thread.recover();
            }
        })?;
        Ok(Taps { orders })
    }

    /// A new connection, non-blocking.
    pub(super) fn adopt(&self, id: TapId, fd: OwnedFd) {
        self.orders.order(Order::Adopt { id, fd });
    }
}

impl Streams for Taps {
    const NAME: &'static str = "AudioSocket";

    fn answer(&self, id: TapId, loan: Option<Loan>) {
        self.orders.order(Order::Answer { id, loan: loan.map(Box::new) });
    }

    fn contest(&self, id: TapId) {
        self.orders.order(Order::Contest { id });
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
    clock: Arc<dyn Clock>,
    lookout: Lookout<Order>,
    /// By their numbers, which go up.
    taps: Vec<Tap<'a>>,
    /// Connections whose leg others say that they are, and since when.
    contested: Vec<(TapId, Instant)>,
    /// The connection that it is at. A panic leaves it here.
    in_hand: Option<TapId>,
    bytes: LockedBuffer,
    samples: LockedSamples,
    silences: Silences,
    limits: Limits,
    reports: UnboundedSender<Report>,
    /// When the next turn is due; none while there is nobody to have it.
    tick_at: Option<Instant>,
}

impl<'a> TapThread<'a> {
    fn run(&mut self) {
        // What was ordered before a panic has rung already.
        if !self.take_orders() {
            return;
        }
        // The bell of orders alone: no socket wakes this thread.
        let mut events = [EpollEvent::empty(); 1];
        loop {
            let rung = !self.lookout.wait(&mut events, self.timeout()).is_empty();
            if rung && !self.take_orders() {
                return;
            }
            let now = self.clock.now();
            if self.tick_at.is_some_and(|at| at <= now) {
                self.tick(now);
            }
            self.fault_in.wake_if_wanted();
        }
    }

    /// After a panic: the connection that it was at is lost, and its leg waits for another one. All others go on.
    fn recover(&mut self) {
        wipe(&mut self.bytes[..]);
        wipe(&mut self.samples[..]);
        let in_hand = self.in_hand.take();
        if let Some(tap) = in_hand.and_then(|id| self.tap(id)) {
            tap.end(End::Lost);
        }
    }

    fn timeout(&self) -> EpollTimeout {
        match self.tick_at {
            None => EpollTimeout::NONE,
            Some(at) => {
                let left = self.clock.until(at);
                EpollTimeout::from(left.as_micros().div_ceil(1_000).min(TICK.as_millis()) as u8)
            }
        }
    }

    /// False when nobody can order any more.
    fn take_orders(&mut self) -> bool {
        let law = self.limits.law;
        self.lookout.hear();
        // What is ordered meanwhile rings again: sockets must not wait for whoever connects without end.
        for _ in 0..self.lookout.waiting() {
            let Some(order) = self.lookout.next() else { break };
            match order {
                Order::Adopt { id, fd } => self.adopt(id, fd),
                Order::Answer { id, loan } => match (self.tap(id), loan) {
                    (Some(tap), loan) => tap.answer(loan.map(|loan| *loan), law),
                    (None, Some(loan)) => {
                        let _ = self.reports.send(Report::Back { id, writer: loan.writer, end: End::HangUp });
                    }
                    (None, None) => {}
                },
                Order::Contest { id } => self.contested.push((id, self.clock.now())),
            }
        }
        self.lookout.is_held()
    }

    fn tap(&mut self, id: TapId) -> Option<&mut Tap<'a>> {
        let at = self.taps.binary_search_by_key(&id, |tap| tap.id).ok()?;
        Some(&mut self.taps[at])
    }

    fn adopt(&mut self, id: TapId, fd: OwnedFd) {
        let now = self.clock.now();
        self.tick_at.get_or_insert(now);
        self.taps.push(Tap::new(id, fd, self.reports.clone(), self.arena, now));
    }

    /// A turn for everybody: what has come, what has waited long enough, silence, those who have said nothing for too long.
    fn tick(&mut self, now: Instant) {
        let Some(at) = self.tick_at else { return };
        let times = 1 + (now.saturating_duration_since(at).as_millis() / TICK.as_millis()) as u32;
        self.tick_at = Some(at + TICK * times);
        for at in 0..self.taps.len() {
            self.read(at, now);
            let tap = &mut self.taps[at];
            tap.send_silence(&self.silences, times.min(TICKS_MAX));
            if now.saturating_duration_since(tap.heard_at()) >= self.limits.idle {
                tap.end(End::HangUp);
            }
        }
        self.send_away_the_unnamed(now);
        wipe_traces();
        self.judge_contests(now);
        let reports = &self.reports;
        for mut tap in self.taps.extract_if(.., |tap| tap.is_over()) {
            let (end, named) = (tap.ended(), !tap.is_unnamed());
            tap.give_back(end);
            let _ = reports.send(Report::Gone { named });
        }
        if self.taps.is_empty() {
            self.tick_at = None;
        }
    }

    /// A PBX says at once which leg a connection is. Those that don't are not many, and not there for long.
    fn send_away_the_unnamed(&mut self, now: Instant) {
        let mut too_many =
            self.taps.iter().filter(|tap| tap.is_unnamed()).count().saturating_sub(self.limits.unnamed_max);
        for tap in self.taps.iter_mut().filter(|tap| tap.is_unnamed()) {
            let age = now.saturating_duration_since(tap.born());
            if age >= UNNAMED_MAX || (too_many > 0 && age >= UNNAMED_MIN) {
                tap.end(End::HangUp);
                too_many = too_many.saturating_sub(1);
            }
        }
    }

    /// Uses what waits of a connection, and what one read brings.
    fn read(&mut self, at: usize, now: Instant) {
        let tap = &mut self.taps[at];
        self.in_hand = Some(tap.id);
        let takes_more = tap.takes_more();
        let (looked, mut filled) = tap.take_waiting(&mut self.bytes);
        let mut catch = Catch::default();
        if takes_more {
            match read(&tap.fd, &mut self.bytes[filled..filled + READ_BYTES_MAX]) {
                Ok(0) => catch.end = Some(End::HangUp),
                Ok(bytes) => {
                    catch.came = true;
                    filled += bytes;
                    if bytes == READ_BYTES_MAX {
                        // A stall is over: what is still in the kernel was spoken after what was read.
                        catch.unread_bytes = unread_bytes(&tap.fd).unwrap_or_default();
                    }
                }
                Err(nix::Error::EAGAIN | nix::Error::EINTR) => {}
                // A reset, or a peer that has vanished.
                Err(_) => catch.end = Some(End::Lost),
            }
        }
        tap.use_bytes(&self.bytes[..filled], looked, catch, &mut self.samples, now);
        wipe(&mut self.bytes[..filled]);
    }

    /// Who has said something since its leg was contested, stays; who has not for long enough has lost it, and is read and sent silence all the
    /// same.
    fn judge_contests(&mut self, now: Instant) {
        let mut contested = std::mem::take(&mut self.contested);
        contested.retain(|(id, since)| {
            let reports = self.reports.clone();
            // If it is gone, that was told.
            let Some(tap) = self.tap(*id) else { return false };
            if tap.heard_at() > *since {
                let _ = reports.send(Report::Stays { id: *id });
                return false;
            }
            let is_lost = now.saturating_duration_since(tap.heard_at()) >= CONTEST;
            if is_lost {
                tap.give_back(End::Lost);
            }
            !is_lost
        });
        self.contested = contested;
    }
}

#[cfg(test)]
mod tests;
