//! The ring: one live call's audio, packed losslessly in segments of the arena.
//!
//! Belongs here: packing, one wait-free writer per leg, reading while the call grows, silencing, wiping. Does not: who selected the call, why an
//! interval is silent, disk.
//!
//! Each leg is a chain of segments (`segment`), each segment a row of blocks (`packing`). The writer appends blocks and then moves the *frontier*;
//! samples before the frontier never move again. A commit is a reader that follows the frontier: a press of the button does not touch the writer.
//! Readers, erasers and wipers take turns by the ring's lock, which the writer never takes. The gate (`gate`) tells the writer what it may hold, and
//! never makes it wait.
//!
//! Who may touch the words of a segment, and when, is stated in one place: `segment`.

mod arrivals;
mod gate;
mod leg;
mod packing;
mod reader;
mod segment;
mod trace;
mod writer;

use std::{sync::Arc, time::Instant};

use crossbeam::utils::CachePadded;
pub use gate::{SPANS_MAX, Span, TooManySpans};
pub use leg::LegCounts;
pub use reader::{Hole, RingReader};
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
///
/// ```
/// # use std::sync::Arc;
/// # use retrocall_core::{memory::{Arena, MapError}, ring::Ring};
/// # use retrocall_words::audio::Leg;
/// let arena = Arc::new(Arena::new(1 << 20, true)?);
/// let (ring, [mut agent, _customer]) = Ring::new(Arc::clone(&arena));
/// agent.provision(3);
/// agent.push(0, &[10, 20, 30]);
/// assert_eq!((ring.end(), ring.held_bytes()), (3, 4096));
///
/// let mut out = [0; 5];
/// ring.reader().read(Leg::Agent, 0, &mut out);
/// assert_eq!(out, [10, 20, 30, 0, 0]);
///
/// ring.wipe();
/// assert_eq!((ring.held_bytes(), arena.held_bytes()), (0, 0));
/// # Ok::<(), MapError>(())
/// ```
pub struct Ring {
    arena: Arc<Arena>,
    /// Padded, so that two threads can write a leg each.
    legs: [CachePadded<LegShared>; 2],
    /// Whether the call is selected and may use the arena's reserve.
    selected: AtomicBool,
    /// Arrivals are counted from here.
    made: Instant,
    inventory: Lock<Inventory>,
}

/// A moment as samples since a ring was made.
fn samples_between(made: Instant, now: Instant, rate: Rate) -> u64 {
    now.saturating_duration_since(made).as_micros() as u64 * u64::from(rate.hz()) / 1_000_000
}

/// The held part of a call. Readers, erasers and wipers share it behind the lock.
#[derive(Debug, Default)]
struct Inventory {
    /// Each leg's first segment that is still held. None before anything was dropped, when the leg's origin is the first; none again once wiped.
    /// A head begins at or before `start`.
    heads: [Option<SegmentId>; 2],
    /// Where the held audio begins. Never falls.
    start: u64,
    /// Segments given back, per leg: never more than the writer has filled.
    given_back: [u32; 2],
    /// Counts every change that makes a reader's cursors worthless.
    generation: u64,
    wiped: bool,
}

impl Inventory {
    /// Bytes of the arena that the legs fill.
    fn bytes(&self, legs: &[CachePadded<LegShared>; 2]) -> usize {
        let segments = legs.iter().zip(self.given_back).map(|(leg, given_back)| {
            let filled = leg.counters.segments.load(Ordering::Relaxed);
            debug_assert!(given_back <= filled, "{given_back} of {filled} segments were given back");
            filled.saturating_sub(given_back) as usize
        });
        segments.sum::<usize>() * SEGMENT_BYTES
    }
}

impl Ring {
    /// Makes an empty ring and the writers of its legs, agent first, at this moment. Takes no memory of the arena yet.
    pub fn new(arena: Arc<Arena>) -> (Arc<Ring>, [LegWriter; 2]) {
        Ring::made_at(arena, SystemClock.now())
    }

    /// As [`Ring::new`], for a call that began at `made` by the caller's clock.
    pub fn made_at(arena: Arc<Arena>, made: Instant) -> (Arc<Ring>, [LegWriter; 2]) {
        let legs = [LegShared::new(), LegShared::new()].map(CachePadded::new);
        let inventory = Lock::new(Inventory::default());
        let ring = Arc::new(Ring { arena, legs, selected: AtomicBool::new(false), made, inventory });
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

    /// Marks the call as selected or not. While it is, it may use the reserve that other calls leave alone.
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

    /// Where the held audio begins: 0 until the oldest audio is dropped.
    pub fn start(&self) -> u64 {
        self.inventory.lock().start
    }

    /// The position of a leg that would arrive at this moment if nothing was on its way: the time less the smallest lag of the leg's frames in the last
    /// half minute ([`LegWriter::note_arrival`]).
    ///
    /// A leg without arrivals has no lag. It is taken to be as punctual as can be: by the time since the ring was made, or by the other leg's lag if
    /// that is below zero, because their client sends ahead. If its frames turn out to be later, a silence has ended later than it had to, on a leg
    /// that had said nothing yet. The other way round the ring would hold something that was said under a mask.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use retrocall_core::{memory::{Arena, MapError}, ring::Ring};
    /// # use retrocall_words::audio::{Leg, Rate};
    /// # let arena = Arc::new(Arena::new(1 << 20, true)?);
    /// let begin = Instant::now();
    /// let (ring, [mut agent, _customer]) = Ring::made_at(arena, begin);
    /// let rate = Rate::new(8_000).expect("a rate");
    /// // The first second of the leg arrives half a second late.
    /// agent.note_arrival(begin + Duration::from_millis(1_500), 8_000, rate);
    /// let clock = ring.clock(Leg::Agent, begin + Duration::from_secs(10), rate);
    /// assert_eq!(clock, 9 * 8_000 + 4_000);
    /// # Ok::<(), MapError>(())
    /// ```
    pub fn clock(&self, leg: Leg, now: Instant, rate: Rate) -> u64 {
        let lag = |leg| self.leg(leg).arrivals.lag();
        let lag = lag(leg).unwrap_or_else(|| lag(leg.other()).unwrap_or(0).min(0));
        (samples_between(self.made, now, rate) as i64).saturating_sub(lag).max(0) as u64
    }

    /// Samples for which frames of the other leg alone have been arriving: the leg pauses. A stall of the client stalls both legs.
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
        self.inventory.lock().bytes(&self.legs)
    }

    /// Bytes of the arena that were overwritten and given back: audio that was dropped, and all of it once the ring is wiped.
    pub fn wiped_bytes(&self) -> usize {
        self.inventory.lock().given_back.iter().map(|segments| *segments as usize).sum::<usize>() * SEGMENT_BYTES
    }

    /// Makes these intervals of a leg silence, in place of those named before: the writer holds no frame that comes for them. Intervals behind the
    /// frontier are spent and may be left out. Returns when the writer obeys.
    ///
    /// # Errors
    /// [`TooManySpans`] if more than [`SPANS_MAX`] are not spent; nothing has changed then.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use retrocall_core::{memory::{Arena, MapError}, ring::{Ring, Span}};
    /// # use retrocall_words::audio::Leg;
    /// # let arena = Arc::new(Arena::new(1 << 20, true)?);
    /// let (ring, [mut agent, _customer]) = Ring::new(arena);
    /// ring.silence(Leg::Agent, &[Span { from: 1, to: 3 }]).expect("room for one");
    /// agent.provision(4);
    /// agent.push(0, &[10, 20, 30, 40]);
    /// let mut out = [0; 4];
    /// ring.reader().read(Leg::Agent, 0, &mut out);
    /// assert_eq!(out, [10, 0, 0, 40]);
    /// # Ok::<(), MapError>(())
    /// ```
    pub fn silence(&self, leg: Leg, spans: &[Span]) -> Result<(), TooManySpans> {
        let _turn = self.inventory.lock();
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
        let _turn = self.inventory.lock();
        self.legs.iter().for_each(|leg| leg.gate.close());
    }

    /// A reader of this ring, at its beginning.
    pub fn reader(self: &Arc<Ring>) -> RingReader {
        RingReader::new(Arc::clone(self))
    }
}
