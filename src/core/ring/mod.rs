//! The ring: one live call's audio, packed losslessly in segments of the arena.
//!
//! Belongs here: packing, one wait-free writer per leg, reading from the start while it grows, silencing, wiping.
//! Does not: who selected the call, why an interval is silent, disk.
//!
//! Each leg is a chain of segments, each segment a row of blocks (`block`). The writer appends and then moves the *frontier*; what
//! lies before the frontier never moves again. A commit is a reader that follows the frontier: pressing record does not touch the
//! writer. Whoever reads, erases, drops or wipes holds the ring's lock, which the writer does not know of; what the writer may hold is
//! told to it by the gate (`gate`), which it passes without ever waiting.

mod arrivals;
mod block;
mod gate;
mod kernels;
mod lanes;
mod leg;
mod reader;
mod trace;
mod writer;

use std::{sync::Arc, time::Instant};

use crossbeam::utils::CachePadded;
pub use gate::{SPANS_MAX, Span, TooManySpans};
pub use leg::LegCounts;
pub use reader::{Missing, RingReader};
pub use trace::Traces;
pub use writer::LegWriter;

use crate::memory::{
    Arena, Need, SEGMENT_BYTES, SegmentId,
    sync::{AtomicBool, Lock, Ordering},
};
use leg::LegShared;
use retrocall_words::{
    Clock as _, SystemClock,
    audio::{Leg, Rate},
};

/// The memory of one call.
pub struct Ring {
    arena: Arc<Arena>,
    /// Padded, so that two threads can write a leg each.
    legs: [CachePadded<LegShared>; 2],
    /// Whether the call is selected: then it may use the arena's reserve.
    selected: AtomicBool,
    /// When it was made: arrivals are counted from here.
    made: Instant,
    held: Lock<Held>,
}

/// A moment as samples since a ring was made.
fn samples_between(made: Instant, now: Instant, rate: Rate) -> u64 {
    now.saturating_duration_since(made).as_micros() as u64 * u64::from(rate.hz()) / 1_000_000
}

/// What readers, erasers and wipers share, behind the lock.
#[derive(Debug, Default)]
struct Held {
    /// Each leg's first segment that is still held; none before the first look, and once wiped.
    heads: [Option<SegmentId>; 2],
    /// Where the held audio begins.
    start: u64,
    /// Segments given back, per leg.
    given_back: [u32; 2],
    /// Counts every change that makes a reader's place worthless.
    generation: u64,
    wiped: bool,
}

impl Held {
    /// Bytes of the arena that the legs fill.
    fn bytes(&self, legs: &[CachePadded<LegShared>; 2]) -> usize {
        let segments = legs
            .iter()
            .zip(self.given_back)
            .map(|(leg, given_back)| leg.counters.segments.load(Ordering::Relaxed).saturating_sub(given_back) as usize);
        segments.sum::<usize>() * SEGMENT_BYTES
    }
}

impl Ring {
    /// An empty ring and the writers of its legs, agent first, made at this moment. Takes no memory of the arena yet.
    pub fn new(arena: Arc<Arena>) -> (Arc<Ring>, [LegWriter; 2]) {
        Ring::made_at(arena, SystemClock.now())
    }

    /// The same for a call that began at `made`, by a clock of the caller's.
    pub fn made_at(arena: Arc<Arena>, made: Instant) -> (Arc<Ring>, [LegWriter; 2]) {
        let legs = [LegShared::new(), LegShared::new()].map(CachePadded::new);
        let held = Lock::new(Held::default());
        let ring = Arc::new(Ring { arena, legs, selected: AtomicBool::new(false), made, held });
        let writers = Leg::ALL.map(|leg| LegWriter::new(Arc::clone(&ring), leg));
        (ring, writers)
    }

    fn leg(&self, leg: Leg) -> &LegShared {
        &self.legs[leg.index()]
    }

    fn take_segment(&self) -> Option<SegmentId> {
        let selected = self.selected.load(Ordering::Relaxed);
        self.arena.take(if selected { Need::Selected } else { Need::Ordinary })
    }

    /// Whether the call is selected: for as long as it is, it may use the reserve that other calls leave alone.
    pub fn set_selected(&self, selected: bool) {
        self.selected.store(selected, Ordering::Relaxed);
    }

    /// The position behind the last sample of a leg.
    pub fn frontier(&self, leg: Leg) -> u64 {
        self.leg(leg).frontier()
    }

    /// The position behind the last sample of the call.
    pub fn end(&self) -> u64 {
        self.frontier(Leg::Agent).max(self.frontier(Leg::Customer))
    }

    /// Where the held audio begins: 0 until oldest audio was dropped.
    pub fn start(&self) -> u64 {
        self.held.lock().start
    }

    /// The position of a leg that would arrive at this moment if nothing was on its way: the time less the smallest lag with which its frames
    /// arrived in the last half minute ([`LegWriter::note_arrival`]).
    ///
    /// A leg of which nothing has arrived has no lag. It is taken to be as punctual as can be: it goes by the time since the ring was made, or by the
    /// other leg's lag if that is below zero, because their client sends ahead. If its frames turn out to be later than that, a silence has
    /// ended later than it had to, on a leg that had said nothing yet; the other way round something would be held that was said under a mask.
    pub fn clock(&self, leg: Leg, now: Instant, rate: Rate) -> u64 {
        let lag = |leg| self.leg(leg).arrivals.lag();
        let lag = lag(leg).unwrap_or_else(|| lag(leg.other()).unwrap_or(0).min(0));
        (samples_between(self.made, now, rate) as i64).saturating_sub(lag).max(0) as u64
    }

    /// For how long frames of the other leg alone have been arriving, in samples. Of a leg that pauses they do; a stall of the client stalls both.
    pub fn pause(&self, leg: Leg) -> u64 {
        let arrived = |leg| self.leg(leg).arrived.load(Ordering::Relaxed);
        arrived(leg.other()).saturating_sub(arrived(leg))
    }

    /// Counts of a leg so far.
    pub fn counts(&self, leg: Leg) -> LegCounts {
        self.leg(leg).counters.read()
    }

    /// Bytes of the arena that this ring fills.
    pub fn held_bytes(&self) -> usize {
        self.held.lock().bytes(&self.legs)
    }

    /// Bytes of the arena that were overwritten and given back: oldest audio that was dropped, and all there was once it is wiped.
    pub fn wiped_bytes(&self) -> usize {
        self.held.lock().given_back.iter().map(|segments| *segments as usize).sum::<usize>() * SEGMENT_BYTES
    }

    /// Makes these intervals of a leg silence, instead of those named before: frames that come for them are not held. Intervals that
    /// lie behind the frontier are spent and may be left out. Returns when the writer obeys.
    ///
    /// # Errors
    /// [`TooManySpans`] if more than [`SPANS_MAX`] are not spent; nothing has changed then.
    pub fn silence(&self, leg: Leg, spans: &[Span]) -> Result<(), TooManySpans> {
        let _held = self.held.lock();
        let frontier = self.frontier(leg);
        let mut ahead = [Span { from: 0, to: 0 }; SPANS_MAX];
        let mut count = 0;
        for span in spans.iter().filter(|span| span.to > frontier) {
            *ahead.get_mut(count).ok_or(TooManySpans)? = *span;
            count += 1;
        }
        self.leg(leg).gate.silence(&ahead[..count])
    }

    /// Holds nothing more, for good. Returns when no frame is under way.
    pub fn close(&self) {
        let _held = self.held.lock();
        self.legs.iter().for_each(|leg| leg.gate.close());
    }

    /// A reader of this ring, at its beginning.
    pub fn reader(self: &Arc<Ring>) -> RingReader {
        RingReader::new(Arc::clone(self))
    }
}
