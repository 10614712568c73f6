//! Many calls at once over the socket, in real time: 20 ms frames of both legs, and nobody waits for anybody.
//!
//! The load comes from this process and the engine is another one, so that the processor time of each is known. Frames of a connection go out in
//! one write, as a PBX sends them; connections are spread over the 20 ms.

use std::{
    io::Write,
    os::unix::net::UnixStream,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    Bench, Running, Trouble,
    calls::{ask, begin, share, status},
    machine::thread_cpu,
    sounds::{FRAME_SAMPLES, Talk},
};
use crate::Sound;
use retrocall_client::{
    client::{Client, PushResult, SharedLeg},
    protocol::{AudioHead, audio_message},
};
use retrocall_core::memory::SEGMENT_BYTES;
use retrocall_words::{
    Ask, Clock as _, SystemClock, Target,
    audio::{Codec, Leg, Rate},
};

/// The length of a frame.
const TICK: Duration = Duration::from_millis(20);
/// Connections are spread over a frame's time in this many steps.
const SLOTS: usize = 80;
/// A softphone that can't send its frames for this long drops them: then the engine has lost them.
const LATE_MAX: Duration = Duration::from_millis(200);
/// Calls of one connection of a PBX.
const MANY: usize = 100;
/// Bytes of a second of talk, both legs, with line noise.
const SECOND_BYTES: f64 = 18_600.0;

/// The shape of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub calls: usize,
    /// Calls of each connection.
    pub each: usize,
    /// Frames go through shared memory.
    pub shares: bool,
}

impl Shape {
    /// As from a PBX: many calls on each connection.
    pub(super) fn many(calls: usize) -> Shape {
        Shape { calls, each: MANY, shares: false }
    }

    /// As from a PBX that shares the memory for its frames.
    pub(super) fn sharing(calls: usize) -> Shape {
        Shape { calls, each: MANY, shares: true }
    }

    /// As from softphones: a connection for each call.
    pub(super) fn one_each(calls: usize) -> Shape {
        Shape { calls, each: 1, shares: false }
    }
}

/// The memory of this many calls of this length.
pub(super) fn memory_bytes(calls: usize, seconds: f64) -> usize {
    (calls as f64 * (4.0 * SEGMENT_BYTES as f64 + SECOND_BYTES * seconds)) as usize
}

/// An engine with memory for this many calls of this length, all of it used before. A new engine would still fault it in, once in its life.
pub(super) fn engine(bench: &Bench<'_>, calls: usize, seconds: f64) -> Result<Box<dyn Running>, Trouble> {
    engine_with(bench, calls, seconds, "")
}

/// The same, with more settings.
pub(super) fn engine_with(
    bench: &Bench<'_>,
    calls: usize,
    seconds: f64,
    more: &str,
) -> Result<Box<dyn Running>, Trouble> {
    let used = memory_bytes(calls, seconds);
    let mib = used / 4 * 5 / (1 << 20) + 64;
    let settings =
        format!("memory = \"{mib}MiB\"\ngrace = \"0s\"\ncalls_max = 1000000\nconnections_max = 1000000\n{more}");
    let engine = bench.host.start(&settings)?;
    warm(&engine.socket(), used)?;
    Ok(engine)
}

/// Plays a call that needs this much memory.
fn warm(socket: &Path, bytes: usize) -> Result<(), Trouble> {
    let noise = Sound::noise(1, Codec::Pcm16, Rate::new(8_000).expect("a rate"), 1.0, 16);
    let noise: Vec<u8> = noise.legs[0].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut client = Client::connect(socket)?;
    let channel = begin(&mut client, "warm")?;
    let frame = &noise[..2 * FRAME_SAMPLES];
    // Noise does not pack at all.
    for number in 0..bytes.div_ceil(frame.len()) {
        client.send_audio(Leg::ALL[number % 2], channel, (number / 2 * FRAME_SAMPLES) as u64, frame)?;
    }
    ask(&mut client, Target::Channel(channel), Ask::End)?;
    let patience = SystemClock.now() + Duration::from_secs(30);
    while SystemClock.now() < patience {
        let status = status(&mut client)?;
        if status.calls == 0 && status.totals.discards > 0 {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err(Trouble::new("a call was not wiped within half a minute"))
}

/// The counts of a load so far.
#[derive(Debug, Default)]
struct Counts {
    sent_frames: AtomicU64,
    dropped_frames: AtomicU64,
    cpu_ns: AtomicU64,
    /// The engine has closed a connection.
    broken: AtomicBool,
    stop: AtomicBool,
}

/// Calls that go on until this is dropped.
pub(super) struct Load {
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

/// A connection, and the frames it sends every 20 ms.
struct Line {
    stream: UnixStream,
    channels: Vec<u32>,
    /// The legs of its calls, if their frames go through shared memory.
    shared: Vec<[SharedLeg; 2]>,
    /// The number of its first call.
    first: usize,
    out: Vec<u8>,
}

impl Load {
    /// Begins all calls; then they talk.
    pub(super) fn begin(socket: &Path, shape: Shape) -> Result<Load, Trouble> {
        let lines = (0..shape.calls).step_by(shape.each).map(|first| {
            let stream = UnixStream::connect(socket)
                .map_err(|error| Trouble::new(format!("no more connections ({error}): raise `ulimit -n`")))?;
            let ours = stream.try_clone().map_err(|error| Trouble::new(format!("{error}: raise `ulimit -n`")))?;
            let mut client = Client::over(ours)?;
            let calls = shape.each.min(shape.calls - first);
            let channels = (0..calls).map(|_| begin(&mut client, "load")).collect::<Result<Vec<_>, _>>()?;
            let shared = match shape.shares {
                true => channels.iter().map(|channel| share(&mut client, *channel)).collect::<Result<Vec<_>, _>>()?,
                false => Vec::new(),
            };
            drop(client);
            // The client's half shares this flag.
            stream.set_nonblocking(false).map_err(Trouble::new)?;
            Ok(Line { stream, channels, shared, first, out: Vec::new() })
        });
        let lines = lines.collect::<Result<Vec<_>, Trouble>>()?;
        let counts = Arc::new(Counts::default());
        let thread = thread::spawn({
            let counts = Arc::clone(&counts);
            move || talk(lines, &counts)
        });
        Ok(Load { counts, thread: Some(thread) })
    }

    pub(super) fn sent_frames(&self) -> u64 {
        self.counts.sent_frames.load(Ordering::Acquire)
    }

    /// Frames that could not be sent in time.
    pub(super) fn dropped_frames(&self) -> u64 {
        self.counts.dropped_frames.load(Ordering::Acquire)
    }

    pub(super) fn is_broken(&self) -> bool {
        self.counts.broken.load(Ordering::Acquire)
    }

    /// Processor time of the load itself.
    pub(super) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.counts.cpu_ns.load(Ordering::Acquire))
    }

    /// Sends nothing more, but keeps the calls. Returns the connections.
    pub(super) fn fall_silent(&mut self) {
        self.counts.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.fall_silent();
    }
}

/// Talks until it is told to stop. The connections end with it: that is hangup.
fn talk(mut lines: Vec<Line>, counts: &Counts) {
    let words = Talk::new();
    let began = SystemClock.now();
    for tick in 0.. {
        counts.cpu_ns.store(thread_cpu().as_nanos() as u64, Ordering::Release);
        let share = lines.len().div_ceil(SLOTS);
        for (slot, lines) in lines.chunks_mut(share.max(1)).enumerate() {
            let due = began + TICK * tick + TICK * slot as u32 / SLOTS as u32;
            if let Some(early) = due.checked_duration_since(SystemClock.now()) {
                thread::sleep(early);
            }
            for line in lines {
                if counts.stop.load(Ordering::Acquire) {
                    return;
                }
                let frames = 2 * line.channels.len() as u64;
                let said = if SystemClock.since(due) > LATE_MAX { Some(0) } else { line.say(&words, tick as usize) };
                let Some(sent) = said else {
                    counts.broken.store(true, Ordering::Release);
                    return;
                };
                counts.sent_frames.fetch_add(sent, Ordering::AcqRel);
                counts.dropped_frames.fetch_add(frames - sent, Ordering::AcqRel);
            }
        }
    }
}

impl Line {
    /// Sends the frames of all its calls, in one write or each into its memory. Returns how many; none if the engine has closed the connection.
    fn say(&mut self, words: &Talk, tick: usize) -> Option<u64> {
        self.out.clear();
        let position = (tick * FRAME_SAMPLES) as u64;
        let mut sent = 0;
        for (at, channel) in self.channels.iter().enumerate() {
            for leg in Leg::ALL {
                let frame = words.frame(2 * (self.first + at) + leg.index(), tick);
                match self.shared.get_mut(at).map(|legs| legs[leg.index()].push(position, frame.bytes)) {
                    None => audio_message(leg, AudioHead { channel: *channel, position }, frame.bytes, &mut self.out),
                    Some(PushResult::All) => {}
                    Some(PushResult::Full) => continue,
                    Some(PushResult::Closed) => return None,
                }
                sent += 1;
            }
        }
        self.stream.write_all(&self.out).is_ok().then_some(sent)
    }
}
