//! A desk in this process, in real time: every 20 ms a frame of both legs of every call, when it is due and not when there is time.

use std::{
    fs,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    Bench, Figure, Holder, Latencies, Trouble, load,
    machine::{self, thread_cpu},
    plot::{Line, Plot},
    rivals::{Files, Rings},
    sounds::Talk,
};
use retrocall_core::memory::Arena;
use retrocall_words::{Clock as _, SystemClock};

const TICK: Duration = Duration::from_millis(20);
/// Calls are spread over a frame's time in this many steps of a millisecond.
const SLOTS: usize = 20;
/// Calls whose frames arrive with one read of a socket.
const READ: usize = 8;
/// A later frame is lost: a sound card's buffer holds no more.
const LATE_MAX: Duration = Duration::from_millis(200);

/// The size of an arena for this many calls of this length.
pub(super) fn memory_bytes(calls: usize, seconds: f64) -> usize {
    load::memory_bytes(calls, seconds) / 16 * 17 + (8 << 20)
}

/// How many calls of this length fit into the memory.
pub(super) fn calls_in(bytes: usize, seconds: f64) -> usize {
    bytes / memory_bytes(10_000, seconds).div_ceil(10_000)
}

/// How well a desk was held.
pub(super) struct DeskResult {
    pub cores: f64,
    /// Processor time of a frame.
    pub frame_ns: f64,
    pub lost_frames: u64,
    /// Time from when a frame is due until it is held.
    pub tail: Latencies,
    pub held_bytes: usize,
}

/// Runs the calls of `holders`, each with a thread of its own and this many legs.
fn keep_up<H: Holder + Send>(holders: &mut [H], legs: usize, seconds: f64) -> DeskResult {
    let talk = Talk::new();
    let began = SystemClock.now() + Duration::from_millis(20);
    let results: Vec<ThreadResult> = thread::scope(|scope| {
        let threads: Vec<_> =
            holders.iter_mut().map(|holder| scope.spawn(|| keep_up_one(holder, legs, &talk, began, seconds))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a desk does not panic")).collect()
    });
    let cpu: Duration = results.iter().map(|kept| kept.cpu).sum();
    let frames: u64 = results.iter().map(|kept| kept.frames).sum();
    let mut desk = DeskResult {
        cores: cpu.as_secs_f64() / seconds,
        frame_ns: cpu.as_nanos() as f64 / frames.max(1) as f64,
        lost_frames: results.iter().map(|kept| kept.lost_frames).sum(),
        tail: Latencies::now_and_then(),
        held_bytes: 0,
    };
    results.iter().for_each(|kept| desk.tail.join(&kept.tail));
    desk
}

/// The result of a desk's thread.
struct ThreadResult {
    cpu: Duration,
    frames: u64,
    lost_frames: u64,
    tail: Latencies,
}

fn keep_up_one<H: Holder>(holder: &mut H, legs: usize, talk: &Talk, began: Instant, seconds: f64) -> ThreadResult {
    let mut kept = ThreadResult { cpu: Duration::ZERO, frames: 0, lost_frames: 0, tail: Latencies::now_and_then() };
    let before = thread_cpu();
    for tick in 0..(seconds / TICK.as_secs_f64()) as u32 {
        for slot in 0..SLOTS {
            let due = began + TICK * tick + TICK * slot as u32 / SLOTS as u32;
            if let Some(early) = due.checked_duration_since(SystemClock.now()) {
                thread::sleep(early);
            }
            // Both legs of a call come together, those of some calls with one read.
            for first in (slot..legs / 2).step_by(SLOTS * READ) {
                let read = || (first..legs / 2).step_by(SLOTS).take(READ);
                holder.expect(&mut read().flat_map(|call| [2 * call, 2 * call + 1]));
                for call in read() {
                    if SystemClock.since(due) > LATE_MAX {
                        kept.lost_frames += 2;
                    } else {
                        for leg in [2 * call, 2 * call + 1] {
                            holder.hold(leg, talk.frame(leg, tick as usize));
                        }
                        kept.frames += 2;
                    }
                    kept.tail.add(SystemClock.since(due).as_nanos() as u64);
                }
            }
        }
    }
    kept.cpu = thread_cpu() - before;
    kept
}

/// Calls in our rings.
pub(super) fn in_rings(arena: &Arc<Arena>, calls: usize, threads: usize, seconds: f64) -> Result<DeskResult, Trouble> {
    let legs = 2 * calls.div_ceil(threads);
    let mut holders: Vec<Rings> = (0..threads).map(|_| Rings::new(arena, legs)).collect();
    let mut desk = keep_up(&mut holders, legs, seconds);
    desk.held_bytes = holders.iter().map(Rings::held_bytes).sum();
    desk.lost_frames += holders.iter().map(Rings::lost_frames).sum::<u64>();
    Ok(desk)
}

/// 10,000 two-leg calls on one thread.
pub(super) fn desk(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    const CALLS: usize = 10_000;
    let seconds = bench.pick(2.0, 6.0);
    let arena = bench.arena(memory_bytes(CALLS, seconds))?;
    let desk = in_rings(&arena, CALLS, 1, seconds)?;
    bench.figure(Figure::new("desk/10000/cpu", desk.cores, "cores").at_most(0.5).note(format!(
        "10,000 calls with two legs in real time for {seconds} s, on one thread that sleeps between milliseconds: {:.0} ns a frame",
        desk.frame_ns
    )));
    bench.figure(Figure::new("desk/10000/lost", desk.lost_frames as f64, "frames").at_most(0.0));
    bench.figure(Figure::of("desk/10000/latency", &desk.tail, "us").note(
        "from when a call's frames are due until both are held: 500 calls are due at once every millisecond, and wait for each other",
    ));
    Ok(())
}

/// Record-everything: the same calls written to disk as they come, and nine of ten deleted.
pub(super) fn record_everything(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let calls = [500, 1_000, 2_000, 4_000].map(|calls| calls.min(machine::open_files_max().saturating_sub(256)));
    let seconds = bench.pick(1.0, 3.0);
    let arena = bench.arena(memory_bytes(calls[3], seconds))?;
    let (mut cpu, mut tails) = (Vec::new(), Vec::new());
    for calls in calls.into_iter().skip(bench.pick(2, 0)) {
        let folder = tempfile::tempdir().map_err(Trouble::new)?;
        let mut files = [Files::in_folder(folder.path(), calls).map_err(Trouble::new)?];
        let before = disk_bytes();
        let theirs = keep_up(&mut files, 2 * calls, seconds);
        let written = disk_bytes().saturating_sub(before);
        let ours = in_rings(&arena, calls, 1, seconds)?;
        for call in (0..calls).filter(|call| call % 10 != 0) {
            fs::remove_file(folder.path().join(call.to_string())).map_err(Trouble::new)?;
        }
        let name = format!("record-everything/{calls}");
        let (bytes, spoken) = (files[0].bytes(), calls as f64 * seconds);
        bench.figure(Figure::new(format!("{name}/cpu"), theirs.cores, "cores").note(format!(
            "a write of each frame to the page cache, {} frames too late; rings of ours take {:.3} cores for the same calls, {} too late",
            theirs.lost_frames, ours.cores, ours.lost_frames
        )));
        bench.figure(Figure::new(format!("{name}/times-ours"), theirs.frame_ns / ours.frame_ns, "x").note(format!(
            "processor time of a frame: {:.0} ns, and {:.0} ns in a ring",
            theirs.frame_ns, ours.frame_ns
        )));
        bench.figure(Figure::new(format!("{name}/disk"), bytes as f64 / spoken / 1e3, "kB a second of a call").note(format!(
            "{:.0} MB in {seconds} s, {:.0} MB of it for the disk by the kernel's word: it gets them half a minute later, and nine of ten calls \
             are deleted then; of those retrocall writes nothing",
            bytes as f64 / 1e6,
            written as f64 / 1e6
        )));
        bench.figure(Figure::of(format!("{name}/latency"), &theirs.tail, "us"));
        cpu.push((calls as f64, theirs.cores));
        tails.push((calls as f64, theirs.tail.within(0.999)));
    }
    for (plot, points) in [(Plot::Cpu, cpu), (Plot::Tail, tails)] {
        bench.report.lines.push(Line { plot, name: "record-everything, page cache".to_owned(), points });
    }
    Ok(())
}

/// Bytes that this process has caused to be sent to the disk (proc(5), `write_bytes`).
fn disk_bytes() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or_default()
}
