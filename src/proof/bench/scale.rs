//! How many calls at once: at given numbers, and by doubling until the machine no longer holds them in real time.

use std::{thread, time::Duration};

use super::{
    Bench, Figure, Latencies, Trouble,
    calls::status,
    load::{self, Load, Shape},
    machine::{open_files_max, process_cpu, resident_bytes},
    plot::{Line, Plot},
    press::Probe,
    real_time,
};
use retrocall_client::client::Client;
use retrocall_words::{Clock as _, SystemClock};

/// How well a load was held.
pub(super) struct LoadResult {
    pub cores: f64,
    /// Processor time of the load itself.
    pub load_cores: f64,
    /// Frames that did not reach a ring, or could not be sent in time.
    pub lost_frames: u64,
    /// Of these, the frames that could not be sent in time: the engine did not take them, or the load got no turn on a processor.
    pub unsent_frames: u64,
    /// From writing a frame to knowing that it is in, for a call on a connection of its own.
    pub tail: Latencies,
    pub resident_bytes: u64,
    pub held_bytes: usize,
}

/// Runs an engine with this many calls for this long.
fn hold(bench: &Bench<'_>, shape: Shape, seconds: f64) -> Result<LoadResult, Trouble> {
    const SETTLE: Duration = Duration::from_secs(1);
    const PROBE_EVERY: Duration = Duration::from_millis(5);
    let engine = load::engine(bench, shape.calls, seconds + SETTLE.as_secs_f64() + 1.0)?;
    let mut client = Client::connect(&engine.socket())?;
    let mut probe = Probe::begin(&mut client)?;
    let before = status(&mut client)?.totals;
    let mut load = Load::begin(&engine.socket(), shape)?;
    thread::sleep(SETTLE);
    let (began, cpu, load_cpu) = (SystemClock.now(), process_cpu(engine.pid()), load.cpu());
    let mut tail = Latencies::every(PROBE_EVERY);
    let mut due = began;
    let mut probed = 0;
    while SystemClock.since(began).as_secs_f64() < seconds {
        client.rest(due)?;
        due += PROBE_EVERY;
        tail.add(probe.frame(&mut client)?.as_nanos() as u64);
        probed += 1;
    }
    let passed = SystemClock.since(began).as_secs_f64();
    let cores = (process_cpu(engine.pid()) - cpu).as_secs_f64() / passed;
    let load_cores = (load.cpu() - load_cpu).as_secs_f64() / passed;
    let now = status(&mut client)?;
    let resident_bytes = resident_bytes(engine.pid());
    load.fall_silent();
    // Frames that are still on their way through the kernel are not lost.
    let sent = load.sent_frames() + probed;
    let patience = SystemClock.now() + Duration::from_millis(500);
    let mut after = status(&mut client)?.totals;
    while after.frames - before.frames < sent && SystemClock.now() < patience {
        thread::sleep(Duration::from_millis(5));
        after = status(&mut client)?.totals;
    }
    let came = after.frames - before.frames;
    let unsent_frames = load.dropped_frames();
    let mut lost_frames = sent.saturating_sub(came) + unsent_frames + (after.lost_frames - before.lost_frames);
    if load.is_broken() {
        lost_frames = lost_frames.max(1);
    }
    Ok(LoadResult { cores, load_cores, lost_frames, unsent_frames, tail, resident_bytes, held_bytes: now.held_bytes })
}

/// The goals over the socket.
pub(super) fn socket(bench: &mut Bench<'_>, name: &str, shape: Shape) -> Result<(), Trouble> {
    let held = hold(bench, shape, bench.pick(4.0, 15.0))?;
    let tail = held.tail.within(0.999) / 1e6;
    bench.figure(
        Figure::new(format!("{name}/cpu"), held.cores, "cores").at_most(if shape.shares { 0.5 } else { 1.0 }).note(
            format!(
                "all threads of the engine; making the load took {:.2} cores; {} calls on a connection",
                held.load_cores, shape.each
            ),
        ),
    );
    bench.figure(Figure::new(format!("{name}/lost"), held.lost_frames as f64, "frames").at_most(0.0).note(format!(
        "{} of them could not be sent within 200 ms: the engine did not take them, or the load got no turn on a processor",
        held.unsent_frames
    )));
    bench.figure(
        Figure::of(format!("{name}/write"), &held.tail, "us")
            .note(format!("from writing a frame until an answer says that it is in, meanwhile; p99.9 {tail:.2} ms")),
    );
    Ok(())
}

/// A way in.
struct Way {
    name: &'static str,
    /// Its name on plots.
    line: &'static str,
    /// Calls of the first try.
    from: usize,
    /// The most calls that this machine allows.
    most: usize,
    hold: fn(&Bench<'_>, usize) -> Result<LoadResult, Trouble>,
}

/// Fewer calls than this are not tried.
const FEWEST: usize = 50;

/// Doubles the calls until frames are lost (or halves them until none are), then tries once between the last two.
fn double(bench: &mut Bench<'_>, way: &Way) -> Result<(), Trouble> {
    let mut steps: Vec<(usize, LoadResult)> = Vec::new();
    let (mut calls, mut broke) = (way.from, None);
    while calls <= way.most && calls >= FEWEST {
        let held = (way.hold)(bench, calls)?;
        match (held.lost_frames > 0, steps.is_empty()) {
            (true, empty) => {
                broke = Some(calls);
                if !empty {
                    break;
                }
                calls /= 2;
            }
            (false, _) => {
                steps.push((calls, held));
                if broke.is_some() {
                    break;
                }
                calls *= 2;
            }
        }
    }
    let between = broke.map(|broke| broke / 4 * 3).filter(|_| !steps.is_empty() && !bench.quick);
    if let Some(between) = between {
        let held = (way.hold)(bench, between)?;
        if held.lost_frames > 0 {
            broke = Some(between);
        } else {
            steps.push((between, held));
        }
    }
    steps.sort_by_key(|(calls, _)| *calls);
    let most = steps.last().map_or(0, |(calls, _)| *calls);
    let end = match broke {
        Some(broke) => format!("frames are lost at {broke}"),
        None => format!("more than {} were not tried", way.most),
    };
    let (cores, load) = steps.last().map_or((0.0, 0.0), |(_, held)| (held.cores, held.load_cores));
    bench.figure(
        Figure::new(format!("{}/calls", way.name), most as f64, "calls").note(format!(
            "held in real time with no frame lost, at {cores:.2} cores, beside a load of {load:.2}; {end}"
        )),
    );
    let points =
        |of: &dyn Fn(&LoadResult) -> f64| steps.iter().map(|(calls, held)| (*calls as f64, of(held))).collect();
    let line = |plot, of| Line { plot, name: way.line.to_owned(), points: points(of) };
    let lines = [
        line(Plot::Cpu, &|held| held.cores),
        line(Plot::Memory, &|held| held.resident_bytes as f64),
        line(Plot::Tail, &|held| held.tail.within(0.999)),
    ];
    bench.report.lines.extend(lines);
    for (calls, held) in &steps {
        let name = format!("{}/{calls}", way.name);
        bench.figure(Figure::new(format!("{name}/cpu"), held.cores, "cores"));
        bench.figure(Figure::new(format!("{name}/held"), held.held_bytes as f64 / 1e6, "MB"));
        bench.figure(Figure::of(format!("{name}/latency"), &held.tail, "us"));
    }
    Ok(())
}

/// How long each number of calls is tried over the socket.
const SECONDS: f64 = 2.0;

/// Limits calls to the memory that the engine may have.
fn most(bench: &Bench<'_>, calls: usize) -> usize {
    calls.min(bench.memory_bytes_max() / load::memory_bytes(1, SECONDS + 2.0))
}

/// Over the socket, many calls on each connection.
pub(super) fn many(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let hold = |bench: &Bench<'_>, calls| hold(bench, Shape::many(calls), SECONDS);
    let from = bench.pick(3_000, 750);
    double(
        bench,
        &Way {
            name: "scale/many",
            line: "socket, 100 calls a connection",
            from,
            most: bench.pick(6_000, 24_000),
            hold,
        },
    )
}

/// Over the socket, a connection for each call.
pub(super) fn each(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let hold = |bench: &Bench<'_>, calls| hold(bench, Shape::one_each(calls), SECONDS);
    // The engine needs two descriptors for a connection, and some for itself.
    let most = most(bench, (open_files_max().saturating_sub(500) / 2).min(bench.pick(2_000, 16_000)));
    let from = bench.pick(1_000, 250);
    double(bench, &Way { name: "scale/each", line: "socket, a connection for each call", from, most, hold })
}

/// The length of a try in this process, where calls come and go at once.
const DESK_SECONDS: f64 = 1.0;

/// In this process: the rings alone, with a thread for each core.
pub(super) fn in_process(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let arena = bench.arena(real_time::memory_bytes(10_000, DESK_SECONDS))?;
    let most = real_time::calls_in(arena.bytes(), DESK_SECONDS);
    let hold = |bench: &Bench<'_>, calls| {
        let arena = bench.arena.as_ref().ok_or_else(|| Trouble::new("there is no memory"))?;
        let threads = bench.report.machine.cores;
        let held = real_time::in_rings(arena, calls, threads, DESK_SECONDS)?;
        Ok(LoadResult {
            cores: held.cores,
            load_cores: 0.0,
            lost_frames: held.lost_frames,
            unsent_frames: held.lost_frames,
            tail: held.tail,
            resident_bytes: held.held_bytes as u64,
            held_bytes: held.held_bytes,
        })
    };
    let from = bench.pick(10_000, 2_500);
    double(bench, &Way { name: "scale/in-process", line: "in process", from, most, hold })
}
