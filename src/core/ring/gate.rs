//! The gate in front of one leg: what the writer may hold, decided by others, obeyed from the next frame on.
//!
//! Two tables, one in force. A controller fills the other one, puts it in force, and then waits until the writer is not inside a
//! push that began under the old one. The writer never waits: it announces its push, looks at the table in force, goes on.
//!
//! The announcement and the change are the two halves of Dekker's handshake: writer `turn := odd; fence; read in_force`, controller
//! `in_force := new; fence; read turn`. With sequentially consistent fences at least one of them sees the other's store: either the
//! push obeys the new table, or the controller sees the odd turn and waits for its end.

use crate::memory::sync::{AtomicU32, AtomicU64, Ordering, fence, give_way};

/// An interval of the timeline, in samples: from `from`, up to but without `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first sample.
    pub from: u64,
    /// The sample behind the last one; `u64::MAX` for an interval that is still open.
    pub to: u64,
}

/// Intervals that a gate can hold at once. Those behind the leg's frontier are spent and need no place.
#[cfg(not(loom))]
pub const SPANS_MAX: usize = 8;
#[cfg(loom)]
pub const SPANS_MAX: usize = 1;

/// More intervals lie ahead of a leg than its gate can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManySpans;

/// One table: the intervals that are silence. How many there are, the word that puts it in force says.
#[derive(Debug)]
struct Table {
    spans: [[AtomicU64; 2]; SPANS_MAX],
}

impl Table {
    fn new() -> Table {
        Table { spans: std::array::from_fn(|_| [AtomicU64::new(0), AtomicU64::new(0)]) }
    }
}

/// Which table is in force, and how many intervals it has: nearly always none, and then the writer looks no further than at this word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct InForce(u32);

impl InForce {
    /// Nothing is held any more.
    const CLOSED: InForce = InForce(u32::MAX);

    fn new(table: usize, count: usize) -> InForce {
        InForce(table as u32 | (count as u32) << 1)
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
    /// Odd while the writer is inside a push.
    turn: AtomicU32,
    /// An [`InForce`].
    in_force: AtomicU32,
    /// Elsewhere, so that what every push touches lies close together.
    tables: Box<[Table; 2]>,
}

impl Gate {
    pub(super) fn new() -> Gate {
        let in_force = AtomicU32::new(InForce::new(0, 0).0);
        Gate { turn: AtomicU32::new(0), in_force, tables: Box::new([Table::new(), Table::new()]) }
    }

    /// The writer announces a push. Wait-free.
    pub(super) fn enter(&self) -> Passage<'_> {
        let turn = self.turn.load(Ordering::Relaxed);
        // The fence orders it before the load below, and pairs with the one in `put_in_force`. Release, because a controller that waits
        // for the push before may see this store in place of that push's end, and must see all of what that push wrote then.
        self.turn.store(turn.wrapping_add(1), Ordering::Release);
        fence(Ordering::SeqCst);
        // Acquire pairs with the Release of `put_in_force`: the table's spans are seen as they were filled in.
        let in_force = InForce(self.in_force.load(Ordering::Acquire));
        Passage { gate: self, turn, in_force }
    }

    /// Makes these intervals silence from the next frame on. Returns when no push is under way that has not heard of it.
    /// Callers take turns (the ring's lock).
    pub(super) fn silence(&self, spans: &[Span]) -> Result<(), TooManySpans> {
        let next = match InForce(self.in_force.load(Ordering::Relaxed)) {
            InForce::CLOSED => return Ok(()),
            in_force => 1 - in_force.table(),
        };
        if spans.len() > SPANS_MAX {
            return Err(TooManySpans);
        }
        // No writer reads this table: the last change waited until none did.
        for ([from, to], span) in self.tables[next].spans.iter().zip(spans) {
            from.store(span.from, Ordering::Relaxed);
            to.store(span.to, Ordering::Relaxed);
        }
        self.put_in_force(InForce::new(next, spans.len()));
        Ok(())
    }

    /// Holds nothing from the next frame on, for good. Returns when no push is under way: what is held then stays as it is.
    pub(super) fn close(&self) {
        self.put_in_force(InForce::CLOSED);
    }

    fn put_in_force(&self, in_force: InForce) {
        self.in_force.store(in_force.0, Ordering::Release);
        fence(Ordering::SeqCst);
        // Acquire pairs with the Release of `Passage::drop` and of the next `enter`: whoever waited for a push sees what it wrote.
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
    turn: u32,
    in_force: InForce,
}

impl Passage<'_> {
    /// Whether nothing may be held.
    pub(super) fn is_closed(&self) -> bool {
        self.in_force == InForce::CLOSED
    }

    /// Whether `position` is silence, and the position up to which the answer holds (at least one further). At most
    /// [`SPANS_MAX`] steps.
    pub(super) fn at(&self, position: u64) -> (bool, u64) {
        let mut until = u64::MAX;
        if self.in_force.count() == 0 {
            return (false, until);
        }
        for [from, to] in &self.gate.tables[self.in_force.table()].spans[..self.in_force.count()] {
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
