//! Reading, erasing, dropping and wiping: everything that holds the ring's lock.

use std::sync::Arc;

use super::{
    Held, Ring, Span,
    block::{self, BLOCK_SAMPLES_MAX, Cause, Header, Kind, Packed, Residuals},
    lanes::Payload,
    leg::word,
};
use crate::memory::{
    SEGMENT_BYTES, SegmentId, fetch_soon,
    sync::{AtomicU64, Ordering},
    wipe, wipe_traces,
};
use retrocall_words::audio::Leg;

/// A call that holds more is wiped past the caches of the processor. It would not stay in those that a core has for itself, and what others
/// have in the caches of all cores stays.
const DEEP_BYTES: usize = 1 << 20;

/// A place in a leg's chain: a block, and the position of its first sample.
#[derive(Debug, Clone, Copy)]
struct Place {
    segment: SegmentId,
    at: usize,
    position: u64,
}

/// A stretch of a leg for which nothing is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The first sample.
    pub from: u64,
    /// The sample behind the last one.
    pub to: u64,
    /// Something had come for it, and was lost; else nothing came.
    pub is_lost: bool,
}

/// Reads a ring from any position, also while it grows. Reading on from where the last read ended is cheap.
pub struct RingReader {
    ring: Arc<Ring>,
    places: [Option<Place>; 2],
    generation: u64,
}

impl RingReader {
    pub(super) fn new(ring: Arc<Ring>) -> RingReader {
        RingReader { ring, places: [None; 2], generation: 0 }
    }

    /// The ring this reads.
    pub fn ring(&self) -> &Arc<Ring> {
        &self.ring
    }

    /// Fills `out` with a leg's samples from `position` on. What is not held is zero: gaps, masks, what was erased or dropped, what lies
    /// beyond the frontier.
    pub fn read(&mut self, leg: Leg, position: u64, out: &mut [i16]) {
        self.read_noting(leg, position, out, |_| {});
    }

    /// As [`RingReader::read`], and tells of the stretches among them, in order, for which nothing came or what came was lost. Of one that goes
    /// on behind them, the part among them.
    pub fn read_noting(&mut self, leg: Leg, position: u64, out: &mut [i16], mut missing: impl FnMut(Missing)) {
        out.fill(0);
        let held = self.ring.held.lock();
        if self.generation != held.generation {
            (self.places, self.generation) = ([None; 2], held.generation);
        }
        let frontier = self.ring.frontier(leg);
        let (from, to) = (position.max(held.start), frontier.min(position + out.len() as u64));
        if from >= to {
            return;
        }
        let place = &mut self.places[leg.index()];
        let (mut residuals, mut samples) = ([0; BLOCK_SAMPLES_MAX], [0; BLOCK_SAMPLES_MAX]);
        self.ring.visit(&held, leg, place, from, to, |header, block, at| {
            let packed = match header {
                Header::Packed(packed) => packed,
                Header::Silence { cause: Cause::Said, .. } => return,
                Header::Silence { samples, cause } => {
                    let (from, to) = (from.max(at), to.min(at + samples));
                    return missing(Missing { from, to, is_lost: cause == Cause::Lost });
                }
            };
            if packed.kind == Kind::Erased {
                return;
            }
            block::unpack(&packed, &Payload(&block[1..]), &mut residuals);
            let count = block::restore(&packed, &residuals, &mut samples);
            let (start, end) = (from.max(at), to.min(at + count as u64));
            out[(start - position) as usize..(end - position) as usize]
                .copy_from_slice(&samples[(start - at) as usize..(end - at) as usize]);
        });
        wipe(&mut residuals);
        wipe(&mut samples);
    }
}

/// Wipes samples `kept` and later of a block. Its length in memory stays.
fn erase_block(mut packed: Packed, block: &[AtomicU64], kept: u64) {
    if packed.kind == Kind::Erased || kept >= u64::from(packed.kept) {
        return;
    }
    let (header, payload) = (&block[0], &block[1..]);
    if kept == 0 {
        payload.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        packed = Packed { kind: Kind::Erased, depth: 0, kept: 0, seeds: [0; 2], ..packed };
    } else {
        let mut residuals: Residuals = [0; BLOCK_SAMPLES_MAX];
        block::unpack(&packed, &Payload(payload), &mut residuals);
        block::cut(&mut packed, &mut residuals, kept as u8);
        block::pack_again(&packed, &residuals, Payload(payload));
        wipe(&mut residuals);
    }
    header.store(Header::Packed(packed).to_word(), Ordering::Relaxed);
}

impl Ring {
    /// Visits the blocks of a leg that have samples in `from..to`, which is not empty and not beyond the frontier: each one's header, its
    /// words (the header's first), the position of its first sample. Begins at `place` if that is not too far on, and leaves it at the
    /// last block visited.
    fn visit(
        &self,
        held: &Held,
        leg: Leg,
        place: &mut Option<Place>,
        from: u64,
        to: u64,
        mut each: impl FnMut(Header, &[AtomicU64], u64),
    ) {
        let Some(mut here) = self.seek(held, leg, *place, from) else { return };
        loop {
            let memory = self.arena.words(here.segment);
            let header = memory.get(here.at).and_then(|word| Header::from_word(word.load(Ordering::Relaxed)));
            let Some(header) = header else {
                // The end of this segment: there are samples up to `to`, so they are in the next one.
                let Some(next) = self.link(here.segment, word::NEXT) else { return };
                here = self.first_of(next);
                continue;
            };
            *place = Some(here);
            let end = here.position + header.samples();
            let behind = here.at + 1 + header.payload_words();
            if end > from {
                each(header, &memory[here.at..behind], here.position);
            }
            // A run of silence may still grow: the place stays on it while its end is the end of what was asked for.
            if end >= to {
                return;
            }
            here = Place { at: behind, position: end, ..here };
        }
    }

    /// The segment that holds `position`, or a block of it that is not behind `position`.
    fn seek(&self, held: &Held, leg: Leg, place: Option<Place>, position: u64) -> Option<Place> {
        if let Some(place) = place.filter(|place| place.position <= position) {
            return Some(place);
        }
        if held.wiped {
            return None;
        }
        let head = held.heads[leg.index()].or_else(|| self.leg(leg).origin())?;
        // Backwards from a later place if there is one, else forwards from the head.
        let mut here = place.map_or(head, |place| place.segment);
        while self.first(here) > position {
            here = self.link(here, word::PREVIOUS)?;
        }
        while let Some(next) = self.link(here, word::NEXT).filter(|next| self.first(*next) <= position) {
            here = next;
        }
        Some(self.first_of(here))
    }

    /// Acquire pairs with the Release of the writer's link: whoever follows it sees what the next segment says of itself.
    fn link(&self, segment: SegmentId, which: usize) -> Option<SegmentId> {
        SegmentId::from_link(self.arena.words(segment)[which].load(Ordering::Acquire))
    }

    fn first(&self, segment: SegmentId) -> u64 {
        self.arena.words(segment)[word::FIRST].load(Ordering::Relaxed)
    }

    fn first_of(&self, segment: SegmentId) -> Place {
        Place { segment, at: word::BLOCKS, position: self.first(segment) }
    }

    /// Overwrites what is held of a leg in a span; a block that begins in it goes to its end. The caller has silenced the span before, so that nothing
    /// comes after. Returns the frontier: what had arrived of the span lies before it.
    ///
    /// Frames end where blocks end: only one that passes the gate while the span is being silenced can have a block that reaches out of it. It arrived
    /// before the silence was in force, and a silence ends no earlier than what has arrived.
    pub fn erase(&self, leg: Leg, span: Span) -> u64 {
        let held = self.held.lock();
        let frontier = self.frontier(leg);
        #[cfg(feature = "planted-leaks")]
        if crate::leaks::is(crate::leaks::Leak::Erase) {
            return frontier;
        }
        let (from, to) = (span.from.max(held.start), span.to.min(frontier));
        if from < to {
            self.visit(&held, leg, &mut None, from, to, |header, block, at| {
                if let Header::Packed(packed) = header {
                    erase_block(packed, block, from.saturating_sub(at));
                }
            });
            wipe_traces();
        }
        frontier
    }

    /// Drops the oldest audio: segments that end before `position` are wiped and given back. Returns where the held audio begins now.
    pub fn drop_before(&self, position: u64) -> u64 {
        let mut held = self.held.lock();
        if held.wiped || position <= held.start {
            return held.start;
        }
        held.start = position;
        held.generation += 1;
        for leg in Leg::ALL {
            let Some(mut head) = held.heads[leg.index()].or_else(|| self.leg(leg).origin()) else { continue };
            // A segment with one behind it is never touched by the writer again, and all of it is published once the frontier has
            // reached that next one.
            let frontier = self.frontier(leg);
            while let Some(next) = self.link(head, word::NEXT)
                && self.first(next) <= position.min(frontier)
            {
                self.arena.give_back(head);
                held.given_back[leg.index()] += 1;
                head = next;
            }
            self.arena.words(head)[word::PREVIOUS].store(0, Ordering::Relaxed);
            held.heads[leg.index()] = Some(head);
        }
        held.start
    }

    /// Holds nothing more and overwrites all that is held. Returns the bytes given back to the arena.
    pub fn wipe(&self) -> usize {
        self.close();
        let mut held = self.held.lock();
        if held.wiped {
            return 0;
        }
        held.wiped = true;
        held.generation += 1;
        // A segment of each leg in turn: the next link of one comes from memory while a segment of the other is wiped.
        let mut next = Leg::ALL.map(|leg| held.heads[leg.index()].take().or_else(|| self.leg(leg).origin()));
        let (mut given_back, mut turn) = (held.given_back, 0);
        let chains = std::iter::from_fn(|| {
            let leg = if next[turn].is_some() { turn } else { 1 - turn };
            turn = 1 - leg;
            let segment = next[leg]?;
            given_back[leg] += 1;
            next[leg] = self.link(segment, word::NEXT).inspect(|next| fetch_soon(&self.arena.words(*next)[word::NEXT]));
            Some(segment)
        });
        let segments = self.arena.give_back_all(chains, held.bytes(&self.legs) > DEEP_BYTES) as usize;
        held.given_back = given_back;
        for leg in Leg::ALL {
            self.leg(leg).counters.peak.store(0, Ordering::Relaxed);
        }
        segments * SEGMENT_BYTES
    }
}

impl Drop for Ring {
    /// Nobody can reach the audio any more: it goes.
    fn drop(&mut self) {
        self.wipe();
    }
}
