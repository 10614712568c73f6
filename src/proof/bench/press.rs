//! Waits over the socket: for the answer to a press, for a frame in the ring, for an engine that starts; and the cost of an idle engine.

use std::{thread, time::Duration};

use super::{
    Bench, Figure, Latencies, Trouble,
    calls::{ask, begin, share, status},
    load::{self, Load, Shape},
    machine::{process_cpu, resident_bytes},
    plot::{Line, Plot},
    sounds::{FRAME_SAMPLES, Talk},
};
use retrocall_client::client::{Client, PushResult};
use retrocall_words::{Ask, Clock as _, SystemClock, Target, audio::Leg};

/// Presses for new calls, some thirty a second, while `live` others talk.
pub(super) fn press(bench: &mut Bench<'_>, live: usize) -> Result<(), Trouble> {
    const EVERY: Duration = Duration::from_millis(30);
    let presses = bench.pick(100, 500);
    let seconds = EVERY.as_secs_f64() * f64::from(presses) + 3.0;
    let engine = load::engine(bench, live, seconds)?;
    let load = (live > 0).then(|| Load::begin(&engine.socket(), Shape::many(live))).transpose()?;
    let talk = Talk::new();
    let mut client = Client::connect(&engine.socket())?;
    let mut took = Latencies::every(EVERY);
    let mut due = SystemClock.now();
    for _ in 0..presses {
        client.rest(due)?;
        due += EVERY;
        let channel = begin(&mut client, "anna")?;
        for number in 0..10 {
            for leg in Leg::ALL {
                client.send_audio(
                    leg,
                    channel,
                    (number * FRAME_SAMPLES) as u64,
                    talk.frame(leg.index(), number).bytes,
                )?;
            }
        }
        client.flush()?;
        let began = SystemClock.now();
        ask(&mut client, Target::Channel(channel), Ask::Record)?;
        took.add(SystemClock.since(began).as_nanos() as u64);
        ask(&mut client, Target::Channel(channel), Ask::End)?;
    }
    let name = if live == 0 { "idle".to_owned() } else { live.to_string() };
    let note =
        "from writing the request to reading its answer; each press is the first for a call, and begins a recording";
    bench.figure(Figure::of(format!("press/{name}"), &took, "us").note(note));
    let p99 = Figure::new(format!("press/{name}/p99"), took.within(0.99) / 1e6, "ms");
    bench.figure(if live > 0 { p99.at_most(1.0) } else { p99 });
    let curve = match live {
        0 => "press, nobody talks".to_owned(),
        _ => format!("press, {live} live calls"),
    };
    bench.report.lines.push(Line { plot: Plot::Socket, name: curve, points: took.curve() });
    drop(load);
    Ok(())
}

/// From a client's write until a frame is in the ring for readers. A request behind the frame is answered when it is.
pub(super) fn write(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let engine = load::engine(bench, 0, 0.0)?;
    let mut client = Client::connect(&engine.socket())?;
    let mut probe = Probe::begin(&mut client)?;
    let every = Duration::from_millis(1);
    let (mut took, mut alone) = (Latencies::every(every), Latencies::every(every));
    let mut due = SystemClock.now();
    for _ in 0..bench.pick(2_000, 10_000) {
        client.rest(due)?;
        due += every;
        took.add(probe.frame(&mut client)?.as_nanos() as u64);
        let began = SystemClock.now();
        ask(&mut client, Target::Channel(probe.channel), Ask::Unmask)?;
        alone.add(SystemClock.since(began).as_nanos() as u64);
    }
    let way = (took.seen_within(0.5) - alone.seen_within(0.5)) / 1e3;
    bench.figure(Figure::of("write", &took, "us").note(format!(
        "from writing a frame until an answer says that readers have it: no more than this, for the answer's way back is in it. An answer \
         alone has a median of {:.1} us; the frame adds {way:.1} us",
        alone.seen_within(0.5) / 1e3
    )));
    bench.report.lines.push(Line {
        plot: Plot::Socket,
        name: "frame, until it is known to be in".to_owned(),
        points: took.curve(),
    });
    Ok(())
}

/// A frame through shared memory: its price in a softphone's audio callback, and the time until it is in the ring.
pub(super) fn shared(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let engine = load::engine(bench, 0, 0.0)?;
    let mut client = Client::connect(&engine.socket())?;
    let channel = begin(&mut client, "probe")?;
    let [mut leg, _customer] = share(&mut client, channel)?;
    let (talk, every) = (Talk::new(), Duration::from_millis(1));
    let (mut pushed, mut took) = (Latencies::now_and_then(), Latencies::every(every));
    let mut due = SystemClock.now();
    for number in 0..bench.pick(2_000, 10_000) {
        client.rest(due)?;
        due += every;
        let (at, frame) = ((number * FRAME_SAMPLES) as u64, talk.frame(0, number));
        let began = SystemClock.now();
        let is_in = leg.push(at, frame.bytes) == PushResult::All;
        pushed.add((SystemClock.since(began).as_nanos() as u64).saturating_sub(bench.clock_ns));
        let answer = ask(&mut client, Target::Channel(channel), Ask::Unmask)?;
        took.add(SystemClock.since(began).as_nanos() as u64);
        if !is_in || answer.at != Some(at + FRAME_SAMPLES as u64) {
            return Err(Trouble::new("a frame was not in the ring when the request behind it was answered"));
        }
    }
    bench.figure(
        Figure::of("shared/frame/push", &pushed, "ns")
            .note("by the client, once a millisecond, from cold: no call of the system in it"),
    );
    bench.figure(Figure::of("shared/frame/write", &took, "us").note(
        "until an answer says that readers have it, with the answer's way there and back; if nothing is asked the engine collects every 10 ms",
    ));
    Ok(())
}

/// A call that asks about its frames.
pub(super) struct Probe {
    channel: u32,
    number: usize,
    talk: Talk,
}

impl Probe {
    pub(super) fn begin(client: &mut Client) -> Result<Probe, Trouble> {
        Ok(Probe { channel: begin(client, "probe")?, number: 0, talk: Talk::new() })
    }

    /// The time until the next frame is known to be in.
    pub(super) fn frame(&mut self, client: &mut Client) -> Result<Duration, Trouble> {
        let (at, frame) = ((self.number * FRAME_SAMPLES) as u64, self.talk.frame(0, self.number));
        self.number += 1;
        let began = SystemClock.now();
        client.send_audio(Leg::Agent, self.channel, at, frame.bytes)?;
        let answer = ask(client, Target::Channel(self.channel), Ask::Unmask)?;
        let took = SystemClock.since(began);
        match answer.at == Some(at + FRAME_SAMPLES as u64) {
            true => Ok(took),
            false => Err(Trouble::new("a frame was not in the ring when the request behind it was answered")),
        }
    }
}

/// From the start of the process until it greets a client.
pub(super) fn start(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let mut took = Latencies::now_and_then();
    for _ in 0..bench.pick(5, 15) {
        let began = SystemClock.now();
        let engine = bench.host.start("")?;
        took.add(SystemClock.since(began).as_nanos() as u64);
        drop(engine);
    }
    bench.figure(
        Figure::of("start", &took, "ms")
            .at_most(150.0)
            .note("from starting the process in a new home until it greets a client; looked at every millisecond"),
    );
    Ok(())
}

/// An idle engine.
pub(super) fn rest(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let engine = bench.host.start("")?;
    thread::sleep(Duration::from_secs(1));
    let (began, before) = (SystemClock.now(), process_cpu(engine.pid()));
    thread::sleep(Duration::from_secs(bench.pick(4, 20)));
    let share = (process_cpu(engine.pid()) - before).as_secs_f64() / SystemClock.since(began).as_secs_f64();
    let resident = resident_bytes(engine.pid());
    let mut client = Client::connect(&engine.socket())?;
    let status = status(&mut client)?;
    let faulted_in = status.memory_bytes - status.free_bytes + status.ready_bytes;
    bench.figure(Figure::new("rest/cpu", 100.0 * share, "% of a core").at_most(0.5));
    bench.figure(
        Figure::new("rest/resident", (resident.saturating_sub(status.held_bytes as u64)) as f64 / 1e6, "MB").at_most(25.0).note(format!(
            "without what calls hold ({} bytes); {:.1} MB of it are memory for calls that is ready ({}), and pages of the program are in it",
            status.held_bytes,
            faulted_in as f64 / 1e6,
            status.memory
        )),
    );
    Ok(())
}
