//! The price of a call's depth: from a press to a durable recording, from hangup to wiped memory.

use std::{
    fs::File,
    hint::black_box,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU8, Ordering},
    thread,
    time::Duration,
};

use super::{
    Bench, Figure, Holder, Latencies, Trouble,
    calls::{ask, begin, status},
    held,
    machine::thread_cpu,
    plot::{Line, Plot},
    rivals::Rings,
    sounds::{FRAME_SAMPLES, Kind, Talk, of_kind},
};
use retrocall_client::client::Client;
use retrocall_core::{
    memory::{LockedBuffer, wipe},
    priority,
};
use retrocall_words::{Ask, Clock as _, Event, SystemClock, Target, audio::Leg};

/// The depths, in minutes.
const DEPTHS: [usize; 3] = [1, 10, 60];
/// The most bytes of a minute, both legs.
const MINUTE_BYTES: usize = 60 * 18_600;
/// Limit for any wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// A duration by the clock, and by the thread's own processor time, which other programs don't change.
struct Times {
    wall: Latencies,
    cpu: Latencies,
}

impl Times {
    fn new() -> Times {
        Times { wall: Latencies::now_and_then(), cpu: Latencies::now_and_then() }
    }

    fn time<T>(&mut self, what: impl FnOnce() -> T) {
        let (began, cpu) = (SystemClock.now(), thread_cpu());
        black_box(what());
        self.cpu.add((thread_cpu() - cpu).as_nanos() as u64);
        self.wall.add(SystemClock.since(began).as_nanos() as u64);
    }
}

/// Wipes rings, in turns with `memset` of as much memory of the same kind.
pub(super) fn wipes(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let arena = bench.arena(60 * MINUTE_BYTES * 17 / 16 + (8 << 20))?;
    let sounds = of_kind(Kind::Noisy);
    let mut points = [Vec::new(), Vec::new()];
    for minutes in DEPTHS {
        let (mut ours, mut theirs) = (Times::new(), Times::new());
        let mut buffer = None;
        for _ in 0..bench.pick(6, 20) {
            let held = held::hold(&arena, &sounds, 60.0 * minutes as f64)?;
            let bytes = held.ring.held_bytes();
            ours.time(|| held.ring.wipe());
            let buffer = match &mut buffer {
                Some(buffer) => buffer,
                none => none.insert(LockedBuffer::new(bytes, true).map_err(Trouble::new)?),
            };
            buffer[..bytes].fill(0x55);
            theirs.time(|| wipe(&mut buffer[..bytes]));
        }
        let ratio = theirs.cpu.seen_within(0.5) / ours.cpu.seen_within(0.5);
        bench.figure(
            Figure::of(format!("wipe/{minutes}min"), &ours.wall, "ms")
                .note("from hangup: all of the call's memory, in the wiping thread"),
        );
        bench.figure(
            Figure::of(format!("wipe/{minutes}min/memset"), &theirs.wall, "ms")
                .note("as many bytes of the same kind of memory"),
        );
        let ratio = Figure::new(format!("wipe/{minutes}min/of-memset-speed"), ratio, "x").note("by processor time");
        bench.figure(if minutes == 60 { ratio.at_least(0.5) } else { ratio });
        for (points, timed) in points.iter_mut().zip([&ours, &theirs]) {
            points.push((minutes as f64, timed.wall.seen_within(0.5)));
        }
    }
    for (name, points) in ["wiped", "memset of as much"].into_iter().zip(points) {
        bench.report.lines.push(Line { plot: Plot::Depth, name: name.to_owned(), points });
    }
    Ok(())
}

/// The state of the wiping thread.
mod at {
    pub(super) const REST: u8 = 0;
    pub(super) const FILLING: u8 = 1;
    pub(super) const WIPING: u8 = 2;
    pub(super) const OVER: u8 = 3;
}

/// What other calls notice while deep ones are wiped.
pub(super) fn others(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    const LEGS: usize = 100;
    const DEEP: usize = 4;
    let deep_bytes = 30 * MINUTE_BYTES;
    let arena = bench.arena(DEEP * deep_bytes * 17 / 16 + (16 << 20))?;
    let (sounds, talk, rounds) = (of_kind(Kind::Noisy), Talk::new(), bench.pick(8, 20));
    let mut others = Rings::new(&arena, LEGS);
    let state = AtomicU8::new(at::FILLING);
    let [mut calm, mut wiped] = [Latencies::now_and_then(), Latencies::now_and_then()];
    let clock_ns = bench.clock_ns;
    let result = thread::scope(|scope| {
        let wiper = scope.spawn(|| {
            // Like the wiping thread of an engine.
            priority::give_way();
            let result: Result<(), Trouble> = (0..rounds).try_for_each(|_| {
                state.store(at::FILLING, Ordering::Release);
                let deep =
                    (0..DEEP).map(|_| held::hold(&arena, &sounds, 60.0 * 30.0)).collect::<Result<Vec<_>, _>>()?;
                state.store(at::WIPING, Ordering::Release);
                for held in &deep {
                    held.ring.wipe();
                }
                state.store(at::REST, Ordering::Release);
                thread::sleep(Duration::from_millis(40));
                Ok(())
            });
            state.store(at::OVER, Ordering::Release);
            result
        });
        for number in 0.. {
            let before = state.load(Ordering::Acquire);
            if before == at::OVER {
                break;
            }
            for leg in 0..LEGS {
                let frame = talk.frame(leg, number);
                let began = SystemClock.now();
                others.hold(leg, frame);
                let ns = (SystemClock.since(began).as_nanos() as u64).saturating_sub(clock_ns);
                match before {
                    at::REST => calm.add(ns),
                    at::WIPING => wiped.add(ns),
                    _ => {}
                }
            }
            if number % 50 == 0 {
                others.make_room();
            }
        }
        wiper.join().expect("it does not panic")
    });
    result?;
    let ratio = wiped.seen_within(0.999) / calm.seen_within(0.999).max(1.0);
    bench.figure(Figure::of("wipe/others/calm", &calm, "ns").note("frames of 100 other legs while nothing is wiped"));
    bench.figure(
        Figure::of("wipe/others/wiping", &wiped, "ns")
            .note("the same while calls of 30 minutes are wiped without a pause"),
    );
    bench.figure(
        Figure::new("wipe/others/p99.9", ratio, "x")
            .at_most(1.25)
            .note("the goal is \"unchanged\"; runs differ by a quarter"),
    );
    Ok(())
}

/// Deep calls in an engine of their own: some pressed, in turns with writing and syncing as many bytes; others not.
pub(super) fn durable(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let engine = bench.host.start("memory = \"256MiB\"\n")?;
    let talk = Talk::new();
    let mut client = Client::connect(&engine.socket())?;
    let mut points = [Vec::new(), Vec::new(), Vec::new()];
    // The first of everything is not measured.
    let (_, path) = flood(&mut client, &talk, 60).and_then(|call| press_to_kept(&mut client, call))?;
    std::fs::remove_file(&path).map_err(Trouble::new)?;
    for (minutes, rounds) in DEPTHS.into_iter().zip(bench.pick([6, 3, 2], [20, 10, 5])) {
        let (mut kept, mut plain, mut wiped) =
            (Latencies::now_and_then(), Latencies::now_and_then(), Latencies::now_and_then());
        for _ in 0..rounds {
            let call = flood(&mut client, &talk, minutes * 60)?;
            let (took, path) = press_to_kept(&mut client, call)?;
            kept.add(took.as_nanos() as u64);
            let bytes = std::fs::metadata(&path).map_err(Trouble::new)?.len();
            plain.add(write_and_sync(engine.home(), bytes).map_err(Trouble::new)?.as_nanos() as u64);
            // Not to fill the disk with sixty minutes, time and again. Not earlier, because removing a file keeps the disk busy.
            std::fs::remove_file(&path).map_err(Trouble::new)?;
            let call = flood(&mut client, &talk, minutes * 60)?;
            wiped.add(hangup_to_wiped(&mut client, call)?.as_nanos() as u64);
        }
        let ratio = kept.seen_within(0.5) / plain.seen_within(0.5);
        bench.figure(
            Figure::of(format!("durable/{minutes}min"), &kept, "ms")
                .note("press, hangup at once, until the client is told that it is kept"),
        );
        bench.figure(
            Figure::of(format!("durable/{minutes}min/write-sync"), &plain, "ms")
                .note("as many bytes to a new file on the same disk, synced"),
        );
        let ratio = Figure::new(format!("durable/{minutes}min/times-write-sync"), ratio, "x");
        bench.figure(match minutes {
            1 => ratio.at_most(1.5),
            60 => ratio.at_most(1.25),
            _ => ratio,
        });
        bench.figure(
            Figure::of(format!("durable/{minutes}min/not-kept"), &wiped, "ms")
                .note("hangup without a press, until `status` counts the call as wiped: asking included"),
        );
        for (points, latencies) in points.iter_mut().zip([&kept, &plain, &wiped]) {
            points.push((minutes as f64, latencies.seen_within(0.5)));
        }
    }
    for (name, points) in
        ["durable after a press", "write and sync of as much", "hangup to wiped, over socket"].into_iter().zip(points)
    {
        bench.report.lines.push(Line { plot: Plot::Depth, name: name.to_owned(), points });
    }
    Ok(())
}

/// Sends a call of this depth as fast as possible. Returns its channel.
fn flood(client: &mut Client, talk: &Talk, seconds: usize) -> Result<u32, Trouble> {
    let channel = begin(client, "anna")?;
    let sent = (0..seconds * 50).try_for_each(|number| {
        Leg::ALL.into_iter().try_for_each(|leg| {
            client.send_audio(leg, channel, (number * FRAME_SAMPLES) as u64, talk.frame(leg.index(), number).bytes)
        })
    });
    sent.and_then(|()| client.flush())?;
    // Answered when all of it is in.
    ask(client, Target::Channel(channel), Ask::Unmask)?;
    Ok(channel)
}

/// The time from the press until the recording is reported as kept, and its path.
fn press_to_kept(client: &mut Client, channel: u32) -> Result<(Duration, PathBuf), Trouble> {
    let began = SystemClock.now();
    ask(client, Target::Channel(channel), Ask::Record)?;
    ask(client, Target::Channel(channel), Ask::End)?;
    loop {
        match client.next_event(PATIENCE)? {
            Some(Event::Kept { path, .. }) => {
                return Ok((SystemClock.since(began), path));
            }
            Some(Event::DiskTrouble { text, .. }) => return Err(Trouble::new(text)),
            Some(_) => {}
            None => return Err(Trouble::new("a recording did not come to the disk within a minute")),
        }
    }
}

fn hangup_to_wiped(client: &mut Client, channel: u32) -> Result<Duration, Trouble> {
    let before = status(client)?.totals.discards;
    let began = SystemClock.now();
    ask(client, Target::Channel(channel), Ask::End)?;
    while status(client)?.totals.discards == before {
        if SystemClock.since(began) > PATIENCE {
            return Err(Trouble::new("a call was not wiped within a minute"));
        }
    }
    Ok(SystemClock.since(began))
}

/// Writes as many bytes to a new file, and syncs them, like `dd bs=1M conv=fsync`.
fn write_and_sync(folder: &Path, bytes: u64) -> std::io::Result<Duration> {
    let piece = vec![0x55; 1 << 20];
    let path = folder.join("plain");
    let began = SystemClock.now();
    let mut file = File::create_new(&path)?;
    let mut left = bytes as usize;
    while left > 0 {
        let now = left.min(piece.len());
        file.write_all(&piece[..now])?;
        left -= now;
    }
    file.sync_all()?;
    let took = SystemClock.since(began);
    std::fs::remove_file(&path)?;
    Ok(took)
}
