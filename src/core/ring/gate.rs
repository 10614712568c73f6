//! The gate in front of one leg: controllers decide what the writer may hold, and it obeys from the next frame on.
//!
//! Belongs here: the handshake between writer and controllers. Does not: why an interval is silent.
//!
//! There are two tables of intervals, one of them in force. A controller fills the other table, puts it in force, and waits until no push that
//! began under the old one is under way. The writer never waits: it announces its push, looks at the table in force, and goes on.
//!
//! The announcement and the change are the two halves of Dekker's handshake: the writer does `turn := odd; fence; read state`, the controller
//! `state := new; fence; read turn`. With sequentially consistent fences at least one of them sees the other's store: either the push
//! obeys the new table, or the controller sees the odd turn and waits for its end.

use crate::memory::sync::{AtomicU32, AtomicU64, Ordering, fence, give_way};

/// An interval of the timeline, in samples: from `from`, up to but without `to`. How it silences: [`super::Ring::silence`].
///
/// ```
/// use retrocall_core::ring::Span;
///
/// let from_now_on = Span { from: 8_000, to: u64::MAX };
/// let second = Span { from: 8_000, to: 16_000 };
/// assert!(second.to - second.from == 8_000 && second.to < from_now_on.to);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first sample.
    pub from: u64,
    /// The sample behind the last one; `u64::MAX` for an interval that is still open.
    pub to: u64,
}

/// Intervals that a gate has room for. Those behind the leg's frontier are spent and need none.
#[cfg(not(loom))]
pub const SPANS_MAX: usize = 8;
#[cfg(loom)]
pub const SPANS_MAX: usize = 1;

/// More intervals lie ahead of a leg than its gate has room for.
///
/// ```
/// # use std::sync::Arc;
/// # use retrocall_core::{memory::{Arena, MapError}, ring::{Ring, SPANS_MAX, Span, TooManySpans}};
/// # use retrocall_words::audio::Leg;
/// # let (ring, _writers) = Ring::new(Arc::new(Arena::new(1 << 20, true)?));
/// let many: Vec<Span> = (0..=SPANS_MAX as u64).map(|i| Span { from: 10 * i, to: 10 * i + 5 }).collect();
/// assert_eq!(ring.silence(Leg::Agent, &many), Err(TooManySpans));
/// # Ok::<(), MapError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManySpans;

/// The intervals that are silence. The [`State`] that puts a table in force says how many of them count.
#[derive(Debug)]
struct Table {
    spans: [[AtomicU64; 2]; SPANS_MAX],
}

impl Table {
    fn new() -> Table {
        Table { spans: std::array::from_fn(|_| [AtomicU64::new(0), AtomicU64::new(0)]) }
    }
}

/// Which table is in force, and how many intervals it has. Nearly always there are none, and the writer looks no further than at this word.
///
/// Bit 0 is the table, the bits above it the count: at most [`SPANS_MAX`], unless all ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State(u32);

impl State {
    /// The writer holds nothing any more.
    const CLOSED: State = State(u32::MAX);

    fn new(table: usize, count: usize) -> State {
        debug_assert!(table < 2 && count <= SPANS_MAX);
        State(table as u32 | (count as u32) << 1)
    }

    fn table(self) -> usize {
        (self.0 & 1) as usize
    }

    fn count(self) -> usize {
        ((self.0 >> 1) as usize).min(SPANS_MAX)
    }
}

#[derive(Debug)]
pub(super) struct Gate {
    /// Odd while a push is under way. The writer alone stores it, and counts it up by one at each end of a push.
    turn: AtomicU32,
    /// A [`State`]. Controllers alone store it, in turns.
    state: AtomicU32,
    /// The table that is not in force has no reader. On the heap, so that what every push touches lies close together.
    tables: Box<[Table; 2]>,
}

impl Gate {
    pub(super) fn new() -> Gate {
        let state = AtomicU32::new(State::new(0, 0).0);
        Gate { turn: AtomicU32::new(0), state, tables: Box::new([Table::new(), Table::new()]) }
    }

    /// The writer announces a push. Wait-free.
    pub(super) fn enter(&self) -> Passage<'_> {
        let turn = self.turn.load(Ordering::Relaxed);
        debug_assert!(turn.is_multiple_of(2), "a leg has one writer, and its push has ended");
        // The fence orders the store before the load below, and pairs with the fence in `put_in_force`. Release, because a controller that waits
        // for the last push may see this store instead of that push's end, and must see all that it wrote.
        self.turn.store(turn.wrapping_add(1), Ordering::Release);
        fence(Ordering::SeqCst);
        // Acquire pairs with the Release of `put_in_force`: the table's spans are seen as they were filled in.
        let state = State(self.state.load(Ordering::Acquire));
        Passage { gate: self, turn, state }
    }

    /// Makes these intervals silence from the next frame on. Returns when every push under way knows of it. Callers take turns by the ring's lock.
    pub(super) fn silence(&self, spans: &[Span]) -> Result<(), TooManySpans> {
        let next = match State(self.state.load(Ordering::Relaxed)) {
            State::CLOSED => return Ok(()),
            state => 1 - state.table(),
        };
        if spans.len() > SPANS_MAX {
            return Err(TooManySpans);
        }
        // No writer reads this table: the last change waited until none did.
        for ([from, to], span) in self.tables[next].spans.iter().zip(spans) {
            from.store(span.from, Ordering::Relaxed);
            to.store(span.to, Ordering::Relaxed);
        }
        self.put_in_force(State::new(next, spans.len()));
        Ok(())
    }

    /// Lets nothing through from the next frame on, for good. Returns when no push is under way: the writer touches nothing any more.
    pub(super) fn close(&self) {
        self.put_in_force(State::CLOSED);
    }

    fn put_in_force(&self, state: State) {
        self.state.store(state.0, Ordering::Release);
        fence(Ordering::SeqCst);
        // Acquire pairs with the Release of `Passage::drop` and of the next `enter`: whoever has waited for a push sees what it wrote.
        let turn = self.turn.load(Ordering::Acquire);
        let mut waited = 0;
        while turn % 2 == 1 && self.turn.load(Ordering::Acquire) == turn {
            give_way(waited);
            waited += 1;
        }
    }
}

/// A push under way.
pub(super) struct Passage<'a> {
    gate: &'a Gate,
    /// The gate's turn before this push: even.
    turn: u32,
    state: State,
}

impl Passage<'_> {
    /// Whether the writer may hold nothing.
    pub(super) fn is_closed(&self) -> bool {
        self.state == State::CLOSED
    }

    /// Whether `position` is silence, and up to which later position the answer holds. At most [`SPANS_MAX`] steps.
    pub(super) fn at(&self, position: u64) -> (bool, u64) {
        let mut until = u64::MAX;
        if self.state.count() == 0 {
            return (false, until);
        }
        for [from, to] in &self.gate.tables[self.state.table()].spans[..self.state.count()] {
            let (from, to) = (from.load(Ordering::Relaxed), to.load(Ordering::Relaxed));
            if (from..to).contains(&position) {
                return (true, to);
            }
            if from > position && to > from {
                until = until.min(from);
            }
        }
        (false, until)
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        // Release pairs with the Acquire of `put_in_force`.
        self.gate.turn.store(self.turn.wrapping_add(2), Ordering::Release);
    }
}
