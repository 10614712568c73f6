//! Reading, erasing, dropping and wiping: everything that holds the ring's lock.
//!
//! Belongs here: walks along a leg's chain. Does not: the writer, which knows no lock. The rights that come with the lock
//! are stated in `segment`.

use std::sync::Arc;

use super::{
    Inventory, Ring, Span,
    packing::{self, BLOCK_SAMPLES_MAX, Block, Cause, Header, Kind, Payload, Residuals},
    segment::word,
};
use crate::memory::{
    SEGMENT_BYTES, SegmentId, fetch_soon,
    sync::{AtomicU64, Ordering},
    wipe, wipe_traces,
};
use retrocall_words::audio::Leg;

/// A call that holds more is wiped past the processor's caches. It does not fit into those of one core, and would drive others' words out of those
/// of all cores.
const DEEP_BYTES: usize = 1 << 20;

/// A block in a leg's chain. Worthless once a segment has been given back ([`Inventory::generation`]).
#[derive(Debug, Clone, Copy)]
struct Cursor {
    segment: SegmentId,
    /// The word of the header: at least [`word::BLOCKS`].
    at: usize,
    /// The position of the block's first sample: at least the segment's first.
    position: u64,
}

/// A stretch of a leg for which nothing is held: a gap, or a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// The first sample.
    pub from: u64,
    /// The sample behind the last one.
    pub to: u64,
    /// Something came for it and was lost; else nothing came.
    pub is_lost: bool,
}

/// Reads a ring from any position, also while it grows. To read on from the end of the last read is cheap.
///
/// ```
/// # use std::sync::Arc;
/// # use retrocall_core::{memory::{Arena, MapError}, ring::{Hole, Ring}};
/// # use retrocall_words::audio::Leg;
/// # let arena = Arc::new(Arena::new(1 << 20, true)?);
/// let (ring, [mut agent, _customer]) = Ring::new(arena);
/// agent.provision(2);
/// agent.push(0, &[10, 20]);
/// // Two samples never came.
/// agent.push(4, &[50, 60]);
///
/// let (mut reader, mut out, mut holes) = (ring.reader(), [0; 6], Vec::new());
/// reader.read_noting(Leg::Agent, 0, &mut out, |hole| holes.push(hole));
/// assert_eq!(out, [10, 20, 0, 0, 50, 60]);
/// assert_eq!(holes, [Hole { from: 2, to: 4, is_lost: false }]);
/// # Ok::<(), MapError>(())
/// ```
pub struct RingReader {
    ring: Arc<Ring>,
    /// The last block of each leg that was read, to read on from.
    cursors: [Option<Cursor>; 2],
    /// Of the inventory when the cursors were set.
    generation: u64,
}

impl RingReader {
    pub(super) fn new(ring: Arc<Ring>) -> RingReader {
        RingReader { ring, cursors: [None; 2], generation: 0 }
    }

    /// The ring this reads.
    pub fn ring(&self) -> &Arc<Ring> {
        &self.ring
    }

    /// Fills `out` with a leg's samples from `position` on. Samples that are not held are zero: gaps, masks, erased and dropped ones, those beyond the
    /// frontier.
    pub fn read(&mut self, leg: Leg, position: u64, out: &mut [i16]) {
        self.read_noting(leg, position, out, |_| {});
    }

    /// As [`RingReader::read`], and passes on the holes among these samples, in order; of a hole that goes beyond them, the part among them.
    pub fn read_noting(&mut self, leg: Leg, position: u64, out: &mut [i16], mut note: impl FnMut(Hole)) {
        out.fill(0);
        let inventory = self.ring.inventory.lock();
        if self.generation != inventory.generation {
            (self.cursors, self.generation) = ([None; 2], inventory.generation);
        }
        let frontier = self.ring.frontier(leg);
        let (from, to) = (position.max(inventory.start), frontier.min(position + out.len() as u64));
        if from >= to {
            return;
        }
        let cursor = &mut self.cursors[leg.index()];
        let (mut residuals, mut samples) = ([0; BLOCK_SAMPLES_MAX], [0; BLOCK_SAMPLES_MAX]);
        self.ring.visit(&inventory, leg, cursor, from, to, |header, words, at| {
            let block = match header {
                Header::Block(block) => block,
                Header::Silence { cause: Cause::Intent, .. } => return,
                Header::Silence { samples, cause } => {
                    let (from, to) = (from.max(at), to.min(at + samples));
                    return note(Hole { from, to, is_lost: cause == Cause::Loss });
                }
            };
            if block.kind == Kind::Erased {
                return;
            }
            packing::unpack(&block, Payload(&words[1..]), &mut residuals);
            let count = packing::restore(&block, &residuals, &mut samples);
            let (start, end) = (from.max(at), to.min(at + count as u64));
            out[(start - position) as usize..(end - position) as usize]
                .copy_from_slice(&samples[(start - at) as usize..(end - at) as usize]);
        });
        wipe(&mut residuals);
        wipe(&mut samples);
    }
}

/// Wipes samples `kept` and later of a block, whose words are its header and its payload. Its length in memory stays.
fn erase_block(mut block: Block, words: &[AtomicU64], kept: u64) {
    if block.kind == Kind::Erased || kept >= u64::from(block.kept) {
        return;
    }
    let (header, payload) = (&words[0], &words[1..]);
    if kept == 0 {
        payload.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        block = Block { kind: Kind::Erased, depth: 0, kept: 0, seeds: [0; 2], ..block };
    } else {
        let mut residuals: Residuals = [0; BLOCK_SAMPLES_MAX];
        packing::unpack(&block, Payload(payload), &mut residuals);
        packing::cut(&mut block, &mut residuals, kept as u8);
        packing::pack_again(&block, &residuals, Payload(payload));
        wipe(&mut residuals);
    }
    header.store(Header::Block(block).to_word(), Ordering::Relaxed);
}

impl Ring {
    /// Visits the blocks of a leg that have samples in `from..to`, which is not empty and not beyond the frontier: each one's header, its words (the
    /// header's first), the position of its first sample. Begins at `cursor` if that is not too far on, and leaves it at the last block visited.
    fn visit(
        &self,
        inventory: &Inventory,
        leg: Leg,
        cursor: &mut Option<Cursor>,
        from: u64,
        to: u64,
        mut each: impl FnMut(Header, &[AtomicU64], u64),
    ) {
        debug_assert!(from < to && to <= self.frontier(leg));
        let Some(mut here) = self.seek(inventory, leg, *cursor, from) else { return };
        loop {
            debug_assert!(here.at >= word::BLOCKS && here.position >= self.first(here.segment));
            let memory = self.arena.words(here.segment);
            let header = memory.get(here.at).and_then(|word| Header::from_word(word.load(Ordering::Relaxed)));
            let Some(header) = header else {
                // The end of this segment. There are samples up to `to`, so they are in the next one.
                let Some(next) = self.link(here.segment, word::NEXT) else { return };
                debug_assert_eq!(self.first(next), here.position, "a segment goes on where the one before it ends");
                here = self.first_of(next);
                continue;
            };
            *cursor = Some(here);
            let end = here.position + header.samples();
            let behind = here.at + 1 + header.payload_words();
            debug_assert!(behind <= memory.len(), "a block lies in one segment");
            if end > from {
                each(header, &memory[here.at..behind], here.position);
            }
            // A run of silence may still grow: the cursor stays on it while its end is the end of what was asked for.
            if end >= to {
                return;
            }
            here = Cursor { at: behind, position: end, ..here };
        }
    }

    /// The first block of the segment that holds `position`, or `cursor` if that is not behind it.
    fn seek(&self, inventory: &Inventory, leg: Leg, cursor: Option<Cursor>, position: u64) -> Option<Cursor> {
        if let Some(cursor) = cursor.filter(|cursor| cursor.position <= position) {
            return Some(cursor);
        }
        if inventory.wiped {
            return None;
        }
        let head = inventory.heads[leg.index()].or_else(|| self.leg(leg).origin())?;
        debug_assert!(self.first(head) <= inventory.start, "the held audio begins in the first segment that is held");
        // Backwards from a cursor that is too far on if there is one, else forwards from the head.
        let mut here = cursor.map_or(head, |cursor| cursor.segment);
        while self.first(here) > position {
            here = self.link(here, word::PREVIOUS)?;
        }
        while let Some(next) = self.link(here, word::NEXT).filter(|next| self.first(*next) <= position) {
            debug_assert_eq!(self.link(next, word::PREVIOUS), Some(here), "links lead both ways");
            here = next;
        }
        Some(self.first_of(here))
    }

    /// Acquire pairs with the Release of the writer's link: whoever follows a link sees the words of that segment that the writer stored before.
    fn link(&self, segment: SegmentId, which: usize) -> Option<SegmentId> {
        SegmentId::from_link(self.arena.words(segment)[which].load(Ordering::Acquire))
    }

    fn first(&self, segment: SegmentId) -> u64 {
        self.arena.words(segment)[word::FIRST].load(Ordering::Relaxed)
    }

    fn first_of(&self, segment: SegmentId) -> Cursor {
        Cursor { segment, at: word::BLOCKS, position: self.first(segment) }
    }

    /// Overwrites the samples of a leg in a span; a block that begins in it is overwritten to its end. The caller has silenced the span before, so that
    /// nothing comes after. Returns the frontier: what had arrived of the span lies before it.
    ///
    /// Frames end where blocks end: only a frame that passes the gate while the span is being silenced can have a block that reaches out of it. That
    /// frame arrived before the silence was in force, and a silence ends no earlier than what has arrived.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use retrocall_core::{memory::{Arena, MapError}, ring::{Ring, Span}};
    /// # use retrocall_words::audio::Leg;
    /// # let arena = Arc::new(Arena::new(1 << 20, true)?);
    /// let (ring, [mut agent, _customer]) = Ring::new(arena);
    /// agent.provision(3);
    /// agent.push(0, &[10, 20, 30]);
    /// assert_eq!(ring.erase(Leg::Agent, Span { from: 1, to: 3 }), 3);
    /// let mut out = [0; 3];
    /// ring.reader().read(Leg::Agent, 0, &mut out);
    /// assert_eq!(out, [10, 0, 0]);
    /// # Ok::<(), MapError>(())
    /// ```
    pub fn erase(&self, leg: Leg, span: Span) -> u64 {
        let inventory = self.inventory.lock();
        let frontier = self.frontier(leg);
        #[cfg(feature = "planted-leaks")]
        if crate::leaks::is(crate::leaks::Leak::Erase) {
            return frontier;
        }
        let (from, to) = (span.from.max(inventory.start), span.to.min(frontier));
        if from < to {
            self.visit(&inventory, leg, &mut None, from, to, |header, words, at| {
                if let Header::Block(block) = header {
                    erase_block(block, words, from.saturating_sub(at));
                }
            });
            wipe_traces();
        }
        frontier
    }

    /// Drops the oldest audio: wipes and gives back the segments that end before `position`. Returns where the held audio begins now.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use retrocall_core::{memory::{Arena, MapError}, ring::Ring};
    /// # let arena = Arc::new(Arena::new(1 << 20, true)?);
    /// let (ring, [mut agent, _customer]) = Ring::new(arena);
    /// for frame in 0..100 {
    ///     agent.provision(160);
    ///     agent.push(160 * frame, &std::array::from_fn::<i16, 160, _>(|i| (i * i * 7_919) as i16));
    /// }
    /// let held_bytes = ring.held_bytes();
    /// assert_eq!(ring.drop_before(8_000), 8_000);
    /// assert!(ring.held_bytes() < held_bytes);
    /// # Ok::<(), MapError>(())
    /// ```
    pub fn drop_before(&self, position: u64) -> u64 {
        let mut inventory = self.inventory.lock();
        if inventory.wiped || position <= inventory.start {
            return inventory.start;
        }
        inventory.start = position;
        inventory.generation += 1;
        for leg in Leg::ALL {
            let Some(mut head) = inventory.heads[leg.index()].or_else(|| self.leg(leg).origin()) else { continue };
            // The writer never touches a segment again that has a next one, and others see all of it once the frontier has reached that next one.
            let frontier = self.frontier(leg);
            while let Some(next) = self.link(head, word::NEXT)
                && self.first(next) <= position.min(frontier)
            {
                self.arena.give_back(head);
                inventory.given_back[leg.index()] += 1;
                head = next;
            }
            self.arena.words(head)[word::PREVIOUS].store(0, Ordering::Relaxed);
            inventory.heads[leg.index()] = Some(head);
        }
        inventory.start
    }

    /// Holds nothing more and overwrites all that is held. Returns the bytes given back to the arena.
    pub fn wipe(&self) -> usize {
        self.close();
        let mut inventory = self.inventory.lock();
        if inventory.wiped {
            return 0;
        }
        inventory.wiped = true;
        inventory.generation += 1;
        let is_deep = inventory.bytes(&self.legs) > DEEP_BYTES;
        // A segment of each leg in turn: while one is wiped, the next link of the other leg comes from memory.
        let mut next = Leg::ALL.map(|leg| inventory.heads[leg.index()].take().or_else(|| self.leg(leg).origin()));
        let (given_back, mut turn) = (&mut inventory.given_back, 0);
        let chains = std::iter::from_fn(|| {
            let leg = if next[turn].is_some() { turn } else { 1 - turn };
            turn = 1 - leg;
            let segment = next[leg]?;
            given_back[leg] += 1;
            next[leg] = self.link(segment, word::NEXT).inspect(|next| fetch_soon(&self.arena.words(*next)[word::NEXT]));
            Some(segment)
        });
        let segments = self.arena.give_back_all(chains, is_deep) as usize;
        debug_assert_eq!(inventory.bytes(&self.legs), 0, "every segment that was filled was given back");
        for leg in Leg::ALL {
            self.leg(leg).counters.peak.store(0, Ordering::Relaxed);
        }
        segments * SEGMENT_BYTES
    }
}

impl Drop for Ring {
    /// Nobody can reach the audio any more, so it is wiped.
    fn drop(&mut self) {
        self.wipe();
    }
}
