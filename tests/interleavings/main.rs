//! Frames, controls and the commit on three threads, as in the engine: whatever they do to one another, the ring and the file hold what the
//! model holds, sample by sample, and whatever is silent in the ring is silent in the file when the control is answered.
//!
//! The disk is memory and the clock is simulated: frames are late by up to several seconds, and nobody waits for them. The order of the
//! threads is real, another one each time. What a control does to the audio if nothing happens meanwhile is `call_life.rs`'s; every order of a
//! few steps is for loom (`tests/loom`).

#[path = "../fuzz/memory_disk.rs"]
#[allow(dead_code)]
mod memory_disk;
mod model;

use std::{
    hint,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use retrocall::{
    audio::{Codec, Leg, Rate},
    call::{Effect, Fate, LiveCall, Moment, Rules},
    commit::{CommitHandle, Commits, Disk, Progress},
    memory::Arena,
    protocol::{self, CallId, Facts, Label, Reason},
    ring::{LegWriter, Ring},
    words::{Clock as _, SystemClock},
};

use memory_disk::MemoryDisk;
use model::{Control, Frame, Given, Kind, Seen, said};

const RATE_HZ: u32 = 8_000;
/// Only for what would otherwise hang.
const PATIENCE: Duration = Duration::from_secs(60);
/// Without a word from whoever runs it; `make interleavings` runs all that are asked for.
const ROUNDS: u64 = 2_000;

fn rate() -> Rate {
    Rate::new(RATE_HZ).expect("a rate")
}

/// What all calls share.
struct Desk {
    arena: Arc<Arena>,
    disk: Arc<MemoryDisk>,
    commits: Commits,
}

/// One call, as its two threads see it.
struct Call<'a> {
    desk: &'a Desk,
    ring: Arc<Ring>,
    /// Controls take turns, as in the engine. What they did, in their order.
    live: Mutex<(LiveCall, Vec<Control>)>,
    commit: CommitHandle,
    part: &'a Path,
    base: Instant,
    /// The simulated time, in samples.
    time: AtomicU64,
}

impl Call<'_> {
    fn at(&self, time: u64) -> Instant {
        self.base + Duration::from_micros(time * 1_000_000 / u64::from(RATE_HZ))
    }

    fn frontiers(&self) -> [u64; 2] {
        Leg::ALL.map(|leg| self.ring.frontier(leg))
    }

    /// Does a control as the engine does: it is answered when the disk holds nothing of what became silent.
    fn control(&self, kind: Kind, given: Given) {
        let mut live = self.live.lock().expect("no panic");
        let (call, controls) = &mut *live;
        let moment = match given {
            Given::InOrder => Moment::InOrder,
            Given::At(time) => Moment::AtTime(self.at(time)),
        };
        let before = self.frontiers();
        let done = match kind {
            Kind::Mask => call.mask(moment),
            Kind::Unmask => call.unmask(moment),
            Kind::Hold => call.hold(moment),
            Kind::Resume => call.resume(moment),
            Kind::EraseLast { samples } => call.erase_last(samples as f64 / f64::from(RATE_HZ), moment),
        };
        let after = self.frontiers();
        let Effect::Accepted { at, silenced } = done.expect("the call goes on") else { return };
        controls.push(Control { kind, given, before, after, at, rewrote: silenced.is_some() });
        if let Some(from) = silenced {
            let (tell, told) = mpsc::channel();
            let is_taken = self.commit.rewrite(from, move || tell.send(()).expect("somebody waits"));
            assert!(is_taken, "it is not published yet");
            told.recv_timeout(PATIENCE).expect("the rewrite is done");
        }
        // Here it is answered.
        self.assert_file_is_silent_where_the_ring_is(at, after);
    }

    fn assert_file_is_silent_where_the_ring_is(&self, from: u64, arrived: [u64; 2]) {
        let mut reader = self.ring.reader();
        for leg in Leg::ALL {
            let count = arrived[leg.index()].saturating_sub(from) as usize;
            let mut held = vec![0; count];
            reader.read(leg, from, &mut held);
            let Some(bytes) = self.desk.disk.bytes(self.part) else { continue };
            let file = samples_of(&bytes, leg);
            let rest = file.get(from as usize..).unwrap_or_default();
            let kept = held.iter().zip(rest).position(|(held, written)| *held == 0 && *written != 0);
            assert_eq!(kept.map(|at| from + at as u64), None, "{leg:?}: silent in the ring, and written");
        }
    }
}

/// The samples of one leg that stand in a file, published or not.
fn samples_of(bytes: &[u8], leg: Leg) -> Vec<i16> {
    let Some(data) = bytes.windows(4).position(|four| four == b"data") else { return vec![] };
    let both = bytes[data + 8..].chunks_exact(4);
    both.map(|both| i16::from_le_bytes([both[2 * leg.index()], both[2 * leg.index() + 1]])).collect()
}

fn call() -> protocol::Call {
    protocol::Call { id: CallId::new(), facts: Facts::of("anna"), rate: rate(), began_at: SystemClock.wall() }
}

/// Frames in the order in which they arrive. They are said without a pause, and some stalls later or at once.
fn plan(random: &mut StdRng) -> Vec<Frame> {
    let first = random.random_range(20..400);
    let mut said = [0; 2];
    let mut late = 0;
    let mut frames = Vec::new();
    for number in 0..random.random_range(12..60) {
        // The first frame of each leg is as punctual as can be: its clock is the time.
        let (leg, samples) = match number {
            0 | 1 => (number, first),
            _ => (random.random_range(0..2), random.random_range(20..400)),
        };
        said[leg] += samples;
        late = match random.random_range(0..20) {
            _ if number < 2 => 0,
            0 => random.random_range(0..40_000),
            1..6 => random.random_range(0..1_600),
            6..14 => 0,
            _ => late,
        };
        let before = frames.last().map_or(0, |frame: &Frame| frame.arrives);
        frames.push(Frame { leg, samples, arrives: before.max(said[leg] + late) });
    }
    frames
}

fn dawdle(random: &mut StdRng) {
    match random.random_range(0..12) {
        0 => thread::yield_now(),
        1..6 => (0..random.random_range(0..200)).for_each(|_| hint::spin_loop()),
        _ => {}
    }
}

fn any_kind(random: &mut StdRng) -> Kind {
    match random.random_range(0..10) {
        0..3 => Kind::Mask,
        3..6 => Kind::Unmask,
        6 => Kind::Hold,
        7 => Kind::Resume,
        _ => Kind::EraseLast { samples: random.random_range(1..6_000) },
    }
}

fn push(call: &Call<'_>, writers: &mut [LegWriter; 2], frame: &Frame) {
    let writer = &mut writers[frame.leg];
    let position = writer.position();
    let samples: Vec<i16> = (position..position + frame.samples).map(said).collect();
    while !writer.provision(samples.len()) {
        call.desk.arena.fault_in_ahead();
    }
    call.time.store(frame.arrives, Ordering::SeqCst);
    writer.note_arrival(call.at(frame.arrives), position + frame.samples, rate());
    writer.push(position, &samples);
}

/// The connection that carries the call: frames, and now and then a control among them.
fn carry(call: &Call<'_>, writers: &mut [LegWriter; 2], frames: &[Frame], mut random: StdRng) {
    for frame in frames {
        push(call, writers, frame);
        if random.random_range(0..12) == 0 {
            call.control(any_kind(&mut random), Given::InOrder);
        }
        dawdle(&mut random);
    }
}

/// The button, on another connection.
fn press(call: &Call<'_>, frames: &[Frame], mut random: StdRng) {
    let end = frames.last().map_or(0, |frame| frame.arrives);
    for _ in 0..random.random_range(1..12) {
        // The commit has something to do in that very moment.
        let _ = call.commit.rewrite(u64::MAX, || ());
        dawdle(&mut random);
        dawdle(&mut random);
        let time = call.time.load(Ordering::SeqCst);
        call.control(any_kind(&mut random), Given::At(time));
        if time == end {
            break;
        }
    }
}

/// What came of some rounds.
#[derive(Debug, Default)]
struct Tally {
    controls: usize,
    raced: usize,
    /// Masks and holds that silenced a frame which had passed meanwhile.
    caught: usize,
    seen: Seen,
}

fn round(desk: &Desk, seed: u64, tally: &mut Tally) {
    let mut random = StdRng::seed_from_u64(seed);
    let (ring, mut writers) = Ring::new(Arc::clone(&desk.arena));
    let rules = Rules { keep_agent_on_hold: random.random(), ..Rules::default() };
    let call = call();
    let label = Label { call: call.clone(), reasons: vec![Reason::OnDemand], place: None };
    let frames = plan(&mut random);
    let (tell, told) = mpsc::channel();
    let wav = desk.commits.path_of(&label);
    let part = wav.with_extension("wav.part");
    let mut live = LiveCall::begin(call, Codec::Pcm16, Arc::clone(&ring), false, rules);
    drop(live.record(Moment::InOrder).expect("it is not private"));
    let commit = desk.commits.begin(ring.reader(), label, Arc::default(), move |progress| drop(tell.send(progress)));
    let live = Mutex::new((live, Vec::new()));
    let (base, time) = (SystemClock.now(), AtomicU64::new(0));
    let call = Call { desk, ring: Arc::clone(&ring), live, commit, part: &part, base, time };
    // The clocks of both legs are known before anybody presses.
    frames[..2].iter().for_each(|frame| push(&call, &mut writers, frame));
    let [carrier, presser] = [random.random(), random.random()].map(StdRng::seed_from_u64);
    thread::scope(|scope| {
        scope.spawn(|| carry(&call, &mut writers, &frames[2..], carrier));
        press(&call, &frames, presser);
    });
    let Call { live, commit, .. } = call;
    let (live, controls) = live.into_inner().expect("no panic");
    let mut held = Leg::ALL.map(|_| vec![0; ring.end() as usize]);
    let mut reader = ring.reader();
    Leg::ALL.into_iter().for_each(|leg| reader.read(leg, 0, &mut held[leg.index()]));
    let seen = model::check(&frames, &controls, rules.keep_agent_on_hold, &held);
    tally.seen += seen;
    tally.controls += controls.len();
    tally.raced += controls.iter().filter(|control| control.before != control.after).count();
    let is_erasure = |control: &&Control| matches!(control.kind, Kind::EraseLast { .. });
    tally.caught += controls.iter().filter(|control| control.rewrote && !is_erasure(control)).count();

    drop(writers);
    let Fate::Selected(selected) = live.settle() else { panic!("record was pressed") };
    commit.finish(selected.final_facts().samples, selected.reasons().to_vec());
    let durable = match told.recv_timeout(PATIENCE).expect("the commit comes to its end") {
        Progress::Durable(durable) => durable,
        other => panic!("a disk in memory has no trouble: {other:?}"),
    };
    let bytes = desk.disk.bytes(&wav).expect("a recording");
    for leg in Leg::ALL {
        assert!(samples_of(&bytes, leg) == held[leg.index()], "{leg:?}: the file is not what the ring was");
    }
    desk.disk.remove(&wav).expect("it is there");
    selected.release(&durable);
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|number| number.parse().ok())
}

#[test]
fn whatever_frames_controls_and_the_commit_do_to_each_other_file_and_ring_hold_what_the_model_holds() {
    let now = || SystemClock.wall().as_nanosecond() as u64;
    let seed = number("RETROCALL_SEED").unwrap_or_else(now);
    let rounds = number("RETROCALL_INTERLEAVINGS").unwrap_or(ROUNDS);
    println!("RETROCALL_SEED={seed} RETROCALL_INTERLEAVINGS={rounds}");
    let home = tempfile::tempdir().expect("a home");
    let arena = Arc::new(Arena::new(8 << 20, true).expect("memory for a test"));
    let disk = Arc::new(MemoryDisk::default());
    let commits =
        Commits::start(Arc::clone(&disk) as _, home.path().join("recordings"), 1, true, Arc::new(SystemClock))
            .expect("threads");
    let desk = Desk { arena, disk, commits };
    let (began, mut tally) = (SystemClock.now(), Tally::default());
    for number in 0..rounds {
        round(&desk, seed.wrapping_add(number), &mut tally);
    }
    assert!(desk.commits.wait_idle(PATIENCE));
    assert_eq!((desk.arena.held_bytes(), desk.disk.names().len()), (0, 0), "nothing is left");
    let Tally { controls, raced, caught, seen } = tally;
    println!(
        "{rounds} calls, {controls} controls of which {raced} met frames, and {caught} masks and holds caught one that had passed; {} samples, {} \
         of them of a frame that met a control; {:.1} s",
        seen.samples,
        seen.either,
        SystemClock.since(began).as_secs_f64()
    );
    // Or the model would let pass what it is there to find.
    assert!(seen.either * 20 < seen.samples, "{seen:?}");
    assert!(rounds < ROUNDS || caught > 0, "frames and controls never met");
}
