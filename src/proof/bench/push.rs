//! The price of taking a frame: our ring beside rivals that only copy it, and beside the page cache.

use std::{hint::black_box, time::Duration};

use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{
    Bench, Figure, Holder, Latencies, Trouble,
    plot::{Line, OURS, Plot},
    rivals::{BUILT_IN, Rings},
    sounds::Talk,
};
use retrocall_core::memory::SEGMENT_BYTES;
use retrocall_words::{Clock as _, SystemClock};

/// How often a leg has a frame.
const FRAME_EVERY: Duration = Duration::from_millis(20);
/// Frames that are measured together, for a median without the clock's share.
const RUN: usize = 64;
/// Frames that arrive with one read of a socket: with as many live calls as here, a read brings hundreds.
const READ: usize = 16;
/// The most that a frame takes of the arena while it is measured: no 20 ms of the standard call packs worse.
const FRAME_BYTES: usize = 320;

/// A contender.
struct Contender {
    name: &'static str,
    holder: Box<dyn Holder>,
    /// The latency of each frame alone.
    alone: Latencies,
    /// The time of one frame in runs of frames.
    runs: Latencies,
    /// Frames of one read, each of another leg.
    read: usize,
    /// Frames that each leg has had.
    frames: usize,
}

/// How a measurement is cut into turns.
struct Turns {
    /// Which leg has which frame, until room is made: legs come in the order of calls, not of memory.
    steps: Vec<(usize, usize)>,
    /// Frames of each leg until room is made.
    room: usize,
    /// How often room is made in one turn.
    repeats: usize,
    /// Turns of each contender.
    turns: usize,
}

impl Turns {
    fn new(legs: usize, frames: usize) -> Turns {
        let room = if legs > 1_000 { 8 } else { RUN };
        let repeats = (2_000 / (legs * room)).max(1);
        let mut order: Vec<usize> = (0..legs).collect();
        order.shuffle(&mut StdRng::seed_from_u64(7));
        let steps = (0..room).flat_map(|number| order.iter().map(move |leg| (*leg, number))).collect();
        Turns { steps, room, repeats, turns: frames.div_ceil(legs * room * repeats).next_multiple_of(2) }
    }
}

/// Pushes frames into the rings of `legs` live legs, in turns with rivals.
pub(super) fn push(bench: &mut Bench<'_>, legs: usize) -> Result<(), Trouble> {
    let turns = Turns::new(legs, bench.pick(400_000.max(legs * 16), 2_000_000.max(legs * 48)));
    // For each leg: a segment being filled, one in the writer's hand, one that waits to be dropped, and the frames in between.
    let arena = bench.arena(legs * (3 * SEGMENT_BYTES + turns.room * FRAME_BYTES) * 17 / 16 + (8 << 20))?;
    let talk = Talk::new();
    let ours: Box<dyn Holder> = Box::new(Rings::new(&arena, legs));
    let mut contenders = vec![Contender::new("", ours, legs)];
    for rival in BUILT_IN.iter().chain(bench.rivals) {
        let holder = (rival.make)(legs, turns.room).map_err(|error| {
            Trouble::new(format!("no {} can be made ({error}): free memory or disk, or raise `ulimit -n`", rival.name))
        })?;
        contenders.push(Contender::new(rival.name, holder, legs));
    }
    contenders.iter_mut().for_each(|contender| contender.stagger(&talk, legs));
    for turn in 0..turns.turns {
        for contender in &mut contenders {
            contender.turn(&turns, &talk, turn % 2 == 0, bench.clock_ns);
        }
    }
    tell(bench, legs, &contenders);
    Ok(())
}

impl Contender {
    fn new(name: &'static str, holder: Box<dyn Holder>, legs: usize) -> Contender {
        let every = FRAME_EVERY / legs as u32;
        let (alone, runs) = (Latencies::every(every), Latencies::now_and_then());
        Contender { name, holder, alone, runs, read: READ.min(legs), frames: 0 }
    }

    /// Spreads the legs: if all began at once, all would need their next segment at once.
    fn stagger(&mut self, talk: &Talk, legs: usize) {
        const TIMES: usize = 4;
        for time in 0..TIMES {
            for number in 0..8 {
                (0..legs)
                    .filter(|leg| leg % (8 * TIMES) > time * 8 + number)
                    .for_each(|leg| self.holder.hold(leg, talk.frame(leg, number)));
            }
            self.holder.make_room();
        }
    }

    fn turn(&mut self, turns: &Turns, talk: &Talk, alone: bool, clock_ns: u64) {
        for _ in 0..turns.repeats {
            for run in turns.steps.chunks(RUN) {
                if alone { self.one_by_one(run, talk, clock_ns) } else { self.in_one_go(run, talk) }
            }
            self.frames += turns.room;
            self.holder.make_room();
        }
    }

    /// Announces the frames of a read. A frame that comes alone is not announced.
    fn expect(&mut self, read: &[(usize, usize)]) {
        if read.len() > 1 {
            self.holder.expect(&mut read.iter().map(|(leg, _)| *leg));
        }
    }

    fn one_by_one(&mut self, run: &[(usize, usize)], talk: &Talk, clock_ns: u64) {
        for read in run.chunks(self.read) {
            let began = SystemClock.now();
            self.expect(read);
            // Each frame bears its share of the announcement.
            let expected_ns = (SystemClock.since(began).as_nanos() as u64).saturating_sub(clock_ns) / read.len() as u64;
            for &(leg, number) in read {
                let frame = talk.frame(leg, self.frames + number);
                let began = SystemClock.now();
                self.holder.hold(leg, frame);
                self.alone.add(expected_ns + (SystemClock.since(began).as_nanos() as u64).saturating_sub(clock_ns));
            }
        }
    }

    fn in_one_go(&mut self, run: &[(usize, usize)], talk: &Talk) {
        let began = SystemClock.now();
        for read in run.chunks(self.read) {
            self.expect(read);
            for &(leg, number) in read {
                self.holder.hold(leg, talk.frame(leg, self.frames + number));
            }
        }
        let ns = SystemClock.since(black_box(began)).as_nanos() as u64;
        self.runs.add(10 * ns / run.len() as u64);
    }

    /// Nanoseconds of a frame, including the loop around it.
    fn median_ns(&self) -> f64 {
        self.runs.seen_within(0.5) / 10.0
    }
}

/// Adds the figures.
fn tell(bench: &mut Bench<'_>, legs: usize, contenders: &[Contender]) {
    let of = |name: &str| contenders.iter().find(|one| one.name == name);
    let loop_ns = of("nothing").map_or(0.0, Contender::median_ns);
    // At least a tenth of a nanosecond: anything quicker than the loop around it can't be told from it.
    let net_ns = |one: &Contender| (one.median_ns() - loop_ns).max(0.1);
    let ours = &contenders[0];
    let nothing_us = 1e-3 * of("nothing").map_or(0.0, |one| one.alone.within(0.999));
    let mut median = Figure { value: net_ns(ours), ..Figure::of(format!("push/{legs}"), &ours.alone, "ns") };
    let mut tail = Figure::new(format!("push/{legs}/p99.9"), ours.alone.within(0.999) / 1e3, "us");
    if legs == 20_000 {
        (median, tail) = (median.at_most(400.0), tail.at_most(3.0));
    }
    bench.figure(median.note(format!(
        "value: median over runs of {RUN} frames, less the loop around them; percentiles: each frame alone, less the clock's {} ns, one due \
         every {} ns",
        bench.clock_ns,
        FRAME_EVERY.as_nanos() / legs as u128
    )));
    bench.figure(tail.note(format!(
        "{:.2} us measured, before the correction; doing nothing at all has {:.2} us here",
        ours.alone.seen_within(0.999) / 1e3,
        nothing_us
    )));
    for rival in &contenders[1..] {
        let name = format!("push/{legs}/{}", rival.name);
        bench.figure(Figure { value: net_ns(rival), ..Figure::of(name, &rival.alone, "ns") });
    }
    // The plain copy to compare with: `rtrb` if it takes part.
    let copy = of("rtrb").or_else(|| of("ringbuf"));
    for (rival, goal) in [(copy, 4.0), (of("write"), 0.2)] {
        let Some(rival) = rival else { continue };
        let ratio = Figure::new(format!("push/{legs}/times-{}", rival.name), net_ns(ours) / net_ns(rival), "x");
        bench.figure(if legs == 1 { ratio.at_most(goal) } else { ratio });
    }
    for one in contenders {
        let name = if one.name.is_empty() { OURS } else { one.name };
        bench.report.lines.push(Line { plot: Plot::Push(legs), name: name.to_owned(), points: one.alone.curve() });
    }
}
