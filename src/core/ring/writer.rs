//! The writer of one leg: the path of a frame.
//!
//! Belongs here: holding frames, counting them. Does not: packing (`packing`), reading.
//!
//! Why it is wait-free: `push` loops over the samples of its own frame alone (and, for each, over at most `SPANS_MAX` intervals of the gate). It has no
//! compare-and-exchange, no lock, no allocation, no system call, and waits for nobody, whatever other threads do or fail to do. It takes no memory:
//! `provision` takes segments between frames. `tests/realtime.rs` and `make rtsan` hold it to that.

use std::{ops::Range, sync::Arc, time::Instant};

use super::{
    Ring,
    arrivals::Punctuality,
    leg::{LegShared, count},
    packing::{
        self, BLOCK_SAMPLES_MAX, BLOCK_WORDS_MAX, Cause, Header, Kind, Measure, Payload, SILENCE_SAMPLES_MAX,
        block_samples,
    },
    samples_between,
    segment::word,
};
use crate::memory::{Arena, SEGMENT_WORDS, SegmentId, fetch_soon, sync::Ordering, wipe};
use retrocall_words::audio::{Leg, Rate, g711::Law};

/// Samples that a fresh segment holds even if nothing can be packed.
const SEGMENT_SAMPLES_MIN: usize = (SEGMENT_WORDS - word::BLOCKS) / BLOCK_WORDS_MAX * BLOCK_SAMPLES_MAX;
/// Segments that the writer keeps ready: enough for the longest frame, 120 ms at 48 kHz, of pure noise.
#[cfg(not(loom))]
const SPARES_MAX: usize = retrocall_words::audio::FRAME_SAMPLES_MAX.div_ceil(SEGMENT_SAMPLES_MIN) + 1;
#[cfg(loom)]
const SPARES_MAX: usize = 1;

/// A run of silence at the very end of the leg. The next silence of the same cause makes it longer.
struct Run {
    /// The word of its header: the last word before the tail's first free one.
    at: u32,
    /// At least 1.
    samples: u64,
    cause: Cause,
}

/// Words ahead of the tail that a frame is likely to fill: 20 ms of a telephone call with line noise.
const FETCHED_WORDS: usize = 28;
/// Words of a cache line.
const LINE_WORDS: usize = 8;

/// The one writer of one leg of one call. Aligned, so that it lies in as few cache lines as can be: with thousands of calls each line is fetched from
/// afar for each frame, and one more costs as much as packing the frame.
///
/// ```
/// # use std::sync::Arc;
/// # use retrocall_core::{memory::{Arena, MapError}, ring::Ring};
/// # use retrocall_words::audio::{Leg, g711::Law};
/// # let arena = Arc::new(Arena::new(1 << 20, true)?);
/// let (ring, [mut agent, mut customer]) = Ring::new(arena);
/// for frame in 0..50 {
///     // Between frames: memory for the next one.
///     assert!(agent.provision(160));
///     // On the path of audio: never waits.
///     agent.push(160 * frame, &[3; 160]);
/// }
/// customer.provision(160);
/// customer.push_codes(0, Law::A, &[0x55; 160]);
/// assert_eq!((agent.position(), customer.position()), (8_000, 160));
///
/// let mut out = [0; 2];
/// ring.reader().read(Leg::Customer, 0, &mut out);
/// assert_eq!(out, [Law::A.linear(0x55); 2]);
/// # Ok::<(), MapError>(())
/// ```
#[repr(C, align(64))]
pub struct LegWriter {
    /// The ring's, in reach without a look at the ring.
    arena: Arc<Arena>,
    ring: Arc<Ring>,
    chain: Chain,
    /// When the ring was made, for the same reason.
    made: Instant,
    punctuality: Punctuality,
}

#[cfg(all(not(loom), target_pointer_width = "64"))]
const _: () = assert!(size_of::<LegWriter>() <= 2 * 8 * LINE_WORDS, "a push touches two cache lines of its writer");

/// The writer's own end of its leg.
struct Chain {
    leg: Leg,
    /// The last segment, and its first free word: [`word::BLOCKS`] to [`SEGMENT_WORDS`]. None before the first sample.
    tail: Option<(SegmentId, u32)>,
    /// The position behind the last sample written: never before the frontier that others see, and equal to it between pushes.
    frontier: u64,
    /// None if the tail ends with a block.
    run: Option<Run>,
    /// The law that linear samples were last found to come from.
    law: Option<Law>,
    /// The last frame could not be held: what is missing before the next one is a loss, and no gap.
    is_losing: bool,
    /// Wiped segments that no other thread knows.
    spares: [Option<SegmentId>; SPARES_MAX],
}

/// The samples of a frame, as they came.
#[derive(Clone, Copy)]
enum Frame<'a> {
    Linear(&'a [i16]),
    Codes(Law, &'a [u8]),
}

impl Frame<'_> {
    fn len(&self) -> usize {
        match self {
            Frame::Linear(samples) => samples.len(),
            Frame::Codes(_, codes) => codes.len(),
        }
    }
}

impl LegWriter {
    pub(super) fn new(ring: Arc<Ring>, leg: Leg) -> LegWriter {
        let (tail, run, law, spares) = (None, None, None, [None; SPARES_MAX]);
        let chain = Chain { leg, tail, frontier: 0, run, law, is_losing: false, spares };
        let (arena, made) = (Arc::clone(&ring.arena), ring.made);
        LegWriter { arena, ring, chain, made, punctuality: Punctuality::new() }
    }

    /// The shared side of the leg.
    fn shared(&self) -> &LegShared {
        self.ring.leg(self.chain.leg)
    }

    /// Fetches the writer itself, without a look at it: [`LegWriter::expect_frame`] needs it to know what else to fetch. It is a hint: nothing else
    /// changes.
    #[inline]
    pub fn fetch(&self) {
        // One field in each of its cache lines.
        fetch_soon(&self.arena);
        fetch_soon(&self.punctuality);
    }

    /// A frame will come soon: fetches the memory that [`LegWriter::push`] touches then. With thousands of live calls none of it is near the processor
    /// any more when the next frame comes, and waiting for it took most of a push. A thread with several frames in hand calls this for all of them
    /// first, and then pushes them. It is a hint: nothing else changes.
    #[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
    pub fn expect_frame(&self) {
        fetch_soon(self.shared());
        let fetch = |segment, from: usize| {
            let memory = self.arena.words(segment);
            (0..FETCHED_WORDS)
                .step_by(LINE_WORDS)
                .for_each(|at| fetch_soon(&memory[(from + at).min(SEGMENT_WORDS - 1)]));
        };
        let room = self.chain.tail.map_or(0, |(segment, at)| {
            fetch(segment, at as usize);
            SEGMENT_WORDS - at as usize
        });
        if room < FETCHED_WORDS
            && let Some(spare) = self.chain.spares[0]
        {
            fetch(spare, 0);
        }
    }

    /// The position where the next sample is expected.
    pub fn position(&self) -> u64 {
        self.chain.frontier
    }

    /// Samples that came, whatever became of them: those a client really sent, in contrast to the positions it claims.
    pub fn samples_came(&self) -> u64 {
        self.shared().counters.samples.load(Ordering::Relaxed)
    }

    /// The ring this writes to.
    pub fn ring(&self) -> &Arc<Ring> {
        &self.ring
    }

    /// Takes the segments that a frame of so many samples could need. Call it before `push`, on the same thread, between frames. It is lock-free, not
    /// wait-free: a thread that takes a segment at the same moment can make it try again. It touches memory that is faulted in already. Only if the
    /// helper thread had no turn for long does it fault in a page itself: 40 µs are better than lost audio. Returns false if memory is short: then
    /// the push may lose samples, and counts them.
    #[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
    pub fn provision(&mut self, samples: usize) -> bool {
        let wanted =
            (samples.div_ceil(SEGMENT_SAMPLES_MIN.max(1)) + usize::from(samples > BLOCK_SAMPLES_MAX)).min(SPARES_MAX);
        for spare in &mut self.chain.spares[..wanted] {
            if spare.is_none() {
                *spare = self.ring.take_segment();
            }
        }
        self.chain.spares[..wanted].iter().all(Option::is_some)
    }

    /// Notes that the frame that ends at `end` has arrived: the leg's clock ([`Ring::clock`]) goes by the lag of the most punctual frames. Call it
    /// before the push. Wait-free.
    #[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
    pub fn note_arrival(&mut self, now: Instant, end: u64, rate: Rate) {
        let time = samples_between(self.made, now, rate);
        let shared = self.ring.leg(self.chain.leg);
        self.punctuality.note(&shared.arrivals, time, end, rate.hz());
        shared.arrived.store(time, Ordering::Relaxed);
    }

    /// Holds a frame of linear samples whose first one is at `position`. Wait-free.
    ///
    /// Missing samples before it become silence, late and doubled ones are dropped, those that the gate silences are never held. All of that is
    /// counted. Readers see the frame as a whole.
    #[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
    pub fn push(&mut self, position: u64, samples: &[i16]) {
        self.push_frame(position, Frame::Linear(samples));
    }

    /// Holds a frame of G.711 codes, as codes. Wait-free; otherwise as [`LegWriter::push`].
    #[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
    pub fn push_codes(&mut self, position: u64, law: Law, codes: &[u8]) {
        self.push_frame(position, Frame::Codes(law, codes));
    }

    /// Notes that a frame of so many samples was refused, wherever it claimed to belong. Wait-free. Samples missing before the next frame that is held
    /// count as lost then; if no such frame comes, so many samples behind the last one do.
    #[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
    pub fn refuse(&mut self, samples: usize) {
        let shared = self.ring.leg(self.chain.leg);
        let passage = shared.gate.enter();
        if !passage.is_closed() {
            let lost_until = shared.counters.lost_until.load(Ordering::Relaxed).max(self.chain.frontier);
            shared.counters.lost_until.store(lost_until.saturating_add(samples as u64), Ordering::Relaxed);
            count(&shared.counters.refused_frames, 1);
            self.chain.is_losing = true;
        }
    }

    fn push_frame(&mut self, position: u64, frame: Frame<'_>) {
        let (arena, shared) = (&*self.arena, self.ring.leg(self.chain.leg));
        let chain = &mut self.chain;
        let counters = &shared.counters;
        debug_assert_eq!(
            chain.frontier,
            shared.frontier.load(Ordering::Relaxed),
            "between pushes others see all that was written"
        );
        count(&counters.samples, frame.len() as u64);
        let passage = shared.gate.enter();
        if passage.is_closed() || frame.len() == 0 {
            return;
        }
        count(&counters.frames, 1);
        let end = position.saturating_add(frame.len() as u64);
        let late = chain.frontier.clamp(position, end) - position;
        if late > 0 {
            count(&counters.late_frames, 1);
            count(&counters.late_samples, late);
        }
        let mut held = true;
        let begin = chain.frontier;
        if position > begin {
            let missing = position - chain.frontier;
            let cause = if chain.is_losing { Cause::Loss } else { Cause::Gap };
            held = chain.hold_silence(arena, shared, missing, cause);
            if held && cause == Cause::Gap {
                count(&counters.gaps, 1);
                count(&counters.gap_samples, missing);
            }
        }
        let mut peak = 0;
        while held && chain.frontier < end {
            let (silent, until) = passage.at(chain.frontier);
            let stretch = until.min(end) - chain.frontier;
            held = if silent {
                chain.hold_silence(arena, shared, stretch, Cause::Intent)
            } else {
                let from = (chain.frontier - position) as usize;
                chain.hold(arena, shared, frame, from..from + stretch as usize, &mut peak)
            };
        }
        if !held {
            chain.is_losing = true;
            count(&counters.lost_frames, 1);
            counters.lost_until.store(end.max(counters.lost_until.load(Ordering::Relaxed)), Ordering::Relaxed);
        }
        if held && chain.frontier > begin && chain.is_losing {
            chain.is_losing = false;
            counters.lost_until.store(chain.frontier, Ordering::Relaxed);
        }
        counters.peak.store(u32::from(peak), Ordering::Relaxed);
        debug_assert!(chain.frontier >= begin && (!held || chain.frontier >= end));
        // Release pairs with the Acquire of every reader: blocks and the links to them are whole before others can see them.
        shared.frontier.store(chain.frontier, Ordering::Release);
    }
}

impl Chain {
    /// Holds a part of the frame, as blocks of even length. False if memory is short.
    fn hold(
        &mut self,
        arena: &Arena,
        shared: &LegShared,
        frame: Frame<'_>,
        part: Range<usize>,
        peak: &mut u16,
    ) -> bool {
        let length = block_samples(part.len());
        let mut from = part.start;
        let mut held = true;
        while held && from < part.end {
            let to = part.end.min(from + length);
            held = match frame {
                Frame::Linear(samples) => self.hold_linear(arena, shared, &samples[from..to], peak),
                Frame::Codes(law, codes) => {
                    let mut ranks = [0; BLOCK_SAMPLES_MAX];
                    let ranks = &mut ranks[..to - from];
                    packing::ranks_of_codes(law, &codes[from..to], ranks);
                    let measure = packing::measure(ranks);
                    let ends = measure.extremes[0];
                    *peak = (*peak).max(law.rank_linear(ends.highest.max(!ends.lowest) as i8).unsigned_abs());
                    let held = self.hold_block(arena, shared, Kind::Ranks(law), ranks, &measure);
                    wipe(ranks);
                    held
                }
            };
            from = to;
        }
        held
    }

    fn hold_linear(&mut self, arena: &Arena, shared: &LegShared, samples: &[i16], peak: &mut u16) -> bool {
        let measure = packing::measure(samples);
        if measure.bits == 0 {
            return self.hold_silence(arena, shared, samples.len() as u64, Cause::Intent);
        }
        *peak = (*peak).max(measure.extremes[0].peak());
        // G.711 expands to multiples of four (µ-law) or eight (A-law): one `or` rules out all other samples.
        if measure.bits & 3 == 0
            && let Some(held) = self.hold_as_ranks(arena, shared, samples)
        {
            return held;
        }
        self.hold_block(arena, shared, Kind::Linear, samples, &measure)
    }

    /// Holds samples as the ranks of the G.711 codes that they come from. None if they come from none.
    fn hold_as_ranks(&mut self, arena: &Arena, shared: &LegShared, samples: &[i16]) -> Option<bool> {
        let mut ranks = [0; BLOCK_SAMPLES_MAX];
        let ranks = &mut ranks[..samples.len()];
        let other = if self.law == Some(Law::A) { Law::Mu } else { Law::A };
        let laws = [self.law.unwrap_or(Law::Mu), other];
        let law = laws.into_iter().find(|law| packing::ranks_of_linear(*law, samples, ranks));
        let held = law.map(|law| {
            self.law = Some(law);
            self.hold_block(arena, shared, Kind::Ranks(law), ranks, &packing::measure(ranks))
        });
        wipe(ranks);
        held
    }

    fn hold_block(
        &mut self,
        arena: &Arena,
        shared: &LegShared,
        kind: Kind,
        samples: &[i16],
        measure: &Measure,
    ) -> bool {
        let block = packing::choose(kind, samples, measure);
        let header = Header::Block(block);
        let words = 1 + header.payload_words();
        let Some((segment, at)) = self.room(arena, shared, words) else { return false };
        let memory = arena.words(segment);
        packing::pack(&block, samples, Payload(&memory[at + 1..at + words]));
        memory[at].store(header.to_word(), Ordering::Relaxed);
        self.tail = Some((segment, (at + words) as u32));
        self.frontier += samples.len() as u64;
        self.run = None;
        true
    }

    /// Holds silence: one word for any length of one cause. False if memory is short.
    fn hold_silence(&mut self, arena: &Arena, shared: &LegShared, samples: u64, cause: Cause) -> bool {
        let run = self.run.as_ref().filter(|run| run.cause == cause);
        debug_assert!(run.is_none_or(|run| self.tail.is_some_and(|(_, free)| run.at + 1 == free)));
        let before = run.map_or(0, |run| run.samples);
        let total = before.saturating_add(samples).min(SILENCE_SAMPLES_MAX);
        let place = match (run, self.tail) {
            (Some(run), Some((segment, _))) => Some((segment, run.at as usize)),
            _ => self.room(arena, shared, 1),
        };
        let Some((segment, at)) = place else { return false };
        // A reader may see the run grow early, and goes by the frontier, which has not moved yet.
        arena.words(segment)[at].store(Header::Silence { samples: total, cause }.to_word(), Ordering::Relaxed);
        if before == 0 {
            self.tail = Some((segment, at as u32 + 1));
        }
        self.run = Some(Run { at: at as u32, samples: total, cause });
        self.frontier += total - before;
        total - before == samples
    }

    /// Room for `words` words: in the tail, or in the next spare, which is linked behind it.
    fn room(&mut self, arena: &Arena, shared: &LegShared, words: usize) -> Option<(SegmentId, usize)> {
        debug_assert!(self.tail.is_none_or(|(_, free)| (word::BLOCKS..=SEGMENT_WORDS).contains(&(free as usize))));
        debug_assert!(word::BLOCKS + words <= SEGMENT_WORDS, "a block fits into a fresh segment");
        if let Some((segment, at)) = self.tail
            && at as usize + words <= SEGMENT_WORDS
        {
            return Some((segment, at as usize));
        }
        let fresh = self.spares.iter_mut().find_map(Option::take)?;
        let memory = arena.words(fresh);
        // One of the leaks that tests plant is a segment that is not wiped: `prove` is to find it, not this.
        debug_assert!(
            cfg!(feature = "planted-leaks")
                || [word::NEXT, word::BLOCKS].iter().all(|at| memory[*at].load(Ordering::Relaxed) == 0),
            "a spare segment is wiped"
        );
        memory[word::FIRST].store(self.frontier, Ordering::Relaxed);
        match self.tail {
            None => shared.origin.store(SegmentId::to_link(Some(fresh)), Ordering::Relaxed),
            Some((last, _)) => {
                memory[word::PREVIOUS].store(SegmentId::to_link(Some(last)), Ordering::Relaxed);
                // Release pairs with the Acquire of `Ring::link`.
                arena.words(last)[word::NEXT].store(SegmentId::to_link(Some(fresh)), Ordering::Release);
            }
        }
        let segments = &shared.counters.segments;
        segments.store(segments.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.tail = Some((fresh, word::BLOCKS as u32));
        self.run = None;
        Some((fresh, word::BLOCKS))
    }
}

impl Drop for LegWriter {
    fn drop(&mut self) {
        for spare in self.chain.spares.iter_mut().filter_map(Option::take) {
            self.arena.give_back(spare);
        }
    }
}
