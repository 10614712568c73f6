//! Many calls at once through shared memory, in real time: no frame is lost, and every tenth is right to the last bit.
//!
//! `RETROCALL_SHARED_CALLS=3000 RETROCALL_LOAD_SECONDS=10 cargo test --test shared load -- --nocapture` says what as many cost.

use std::{
    env, fs, thread,
    time::{Duration, Instant},
};

use nix::unistd::{SysconfVar, sysconf};
use retrocall::{
    audio::{Leg, Rate},
    client::{Client, PushResult, SharedLeg},
    protocol::{Ask, Begin, CallId, Event, Request, Target, Verdict},
    words::{Clock as _, SystemClock},
};

use super::desk::{Desk, PATIENCE, Sound, fixture, wait_for};

const FRAME: Duration = Duration::from_millis(20);
const FRAME_SAMPLES: usize = 160;
/// A client with very many calls has several connections: one thread of the engine then has not all of them.
const CALLS_OF_A_CONNECTION: usize = 500;
/// One call in so many is pressed.
const PRESSED: usize = 10;

fn number(name: &str, otherwise: usize) -> usize {
    env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}: a number")))
}

struct Call {
    id: CallId,
    channel: u32,
    connection: usize,
    legs: [SharedLeg; 2],
    /// Where in the talk it begins.
    from: usize,
}

#[test]
fn calls_at_once_through_shared_memory_lose_no_frame_and_those_pressed_are_kept_bit_for_bit() {
    let (count, seconds) = (number("RETROCALL_SHARED_CALLS", 200), number("RETROCALL_LOAD_SECONDS", 3));
    let talk = Sound::of_call(&fixture("talk-8k.wav"));
    let memory = format!("{}MiB", 64 + (count * (seconds + 1) * 32_000 + count * 28 * 1024) / (1 << 20));
    let desk = Desk::open(&["--one-in", "0", "--memory", &memory]);
    // The first round meets memory that was never touched; the engine of a desk that works all day meets it in its first minutes alone.
    for what in ["in memory that is new", "in memory that was used before"] {
        let mut clients: Vec<Client> = (0..count.div_ceil(CALLS_OF_A_CONNECTION)).map(|_| desk.client()).collect();
        let mut calls: Vec<Call> = (0..count).map(|number| begin(&mut clients, number, talk.len())).collect();
        measured(&desk, what, &mut calls, &talk, seconds);
        no_frame_is_lost(&mut clients[0], count, seconds);
        hang_up(&mut clients, &calls, &talk, seconds);
        wait_for("the end of the wiping", || (held_bytes(&mut clients[0]) == 0).then_some(()));
    }
    desk.stop();
}

/// Lets all calls speak, and says what that cost.
fn measured(desk: &Desk, what: &str, calls: &mut [Call], talk: &Sound, seconds: usize) {
    let (count, stat) = (calls.len(), format!("/proc/{}/stat", desk.pid()));
    let (cpu, own, began) = (cpu_seconds(&stat), cpu_seconds("/proc/self/stat"), SystemClock.now());
    let (late, waits) = speak(calls, talk, seconds * 50, began);
    let took = SystemClock.since(began).as_secs_f64();
    let (cpu, own) = (cpu_seconds(&stat) - cpu, cpu_seconds("/proc/self/stat") - own);
    eprintln!(
        "{count} calls through shared memory for {took:.1} s, {what}: the engine used {cpu:.2} s of CPU ({:.1} % of a core, {:.2} µs a \
         frame), the generator {own:.2} s; it was late by {:.1} ms at most, and waited {waits} times for room",
        100.0 * cpu / took,
        1e6 * cpu / (count * seconds * 100) as f64,
        late.as_secs_f64() * 1e3,
    );
}

fn no_frame_is_lost(client: &mut Client, count: usize, seconds: usize) {
    let views = wait_for("the last frames", || {
        let views = client.ask(Request::new(Target::Own, Ask::Calls)).expect("an answer").calls.expect("a list");
        let frames: u64 = views.iter().map(|view| view.agent_leg.frames + view.customer_leg.frames).sum();
        (frames == (count * seconds * 100) as u64).then_some(views)
    });
    for leg in views.iter().flat_map(|view| [view.agent_leg, view.customer_leg]) {
        assert_eq!((leg.gaps, leg.late_frames, leg.lost_frames), (0, 0, 0));
    }
}

/// Presses record for some, ends all, and looks at what is kept.
fn hang_up(clients: &mut [Client], calls: &[Call], talk: &Sound, seconds: usize) {
    for (number, call) in calls.iter().enumerate() {
        let client = &mut clients[call.connection];
        if number % PRESSED == 0 {
            accepted(client, call, Ask::Record);
        }
        accepted(client, call, Ask::End);
        if number % PRESSED == 0 {
            let path = loop {
                match client.next_event(PATIENCE).expect("a connection").expect("it is kept") {
                    Event::Kept { call: kept, path, .. } if kept == call.id => break path,
                    _ => {}
                }
            };
            let said = |leg: &Vec<i16>| {
                leg.iter().cycle().skip(call.from).take(seconds * 50 * FRAME_SAMPLES).copied().collect()
            };
            Sound::of_recording(&path).assert_is(&Sound { rate: 8_000, legs: talk.legs.each_ref().map(said) });
        }
    }
}

fn held_bytes(client: &mut Client) -> usize {
    let answer = client.ask(Request::new(Target::Own, Ask::Status)).expect("an answer");
    answer.status.expect("a status").held_bytes
}

fn begin(clients: &mut [Client], number: usize, samples: usize) -> Call {
    let connection = number / CALLS_OF_A_CONNECTION;
    let begin =
        Begin::new(format!("agent-{number}"), Rate::new(8_000).expect("a rate"), retrocall::audio::Codec::Pcm16);
    let client = &mut clients[connection];
    let answer = client.ask(Request::new(Target::Own, Ask::Begin(begin))).expect("an answer");
    assert_eq!(answer.answer, Verdict::Accepted, "{answer:?}");
    let channel = answer.channel.expect("a channel");
    let legs = client.share(channel, None, None).expect("an answer").expect("it is shared");
    Call { id: answer.call.expect("an id"), channel, connection, legs, from: number * 7_919 % samples }
}

/// Pushes all frames of all calls when they are due, one thread for all. Where there is no room it waits, as no phone would: on a machine
/// that is busy with other things it shows by how much that was late, and how often it waited.
fn speak(calls: &mut [Call], talk: &Sound, frames: usize, began: Instant) -> (Duration, usize) {
    let round = |leg: &Vec<i16>| -> Vec<u8> {
        leg.iter().chain(&leg[..FRAME_SAMPLES]).flat_map(|sample| sample.to_le_bytes()).collect()
    };
    let bytes = talk.legs.each_ref().map(round);
    let (mut late, mut waits, count) = (Duration::ZERO, 0, calls.len());
    for frame in 0..frames {
        for (turn, call) in calls.iter_mut().enumerate() {
            // Calls take turns within the time of a frame.
            let due = began + FRAME * frame as u32 + FRAME * turn as u32 / count as u32;
            let now = SystemClock.now();
            if turn % 64 == 0 && due > now {
                thread::sleep(due - now);
            }
            late = late.max(now.saturating_duration_since(due));
            let position = frame * FRAME_SAMPLES;
            let at = 2 * ((call.from + position) % talk.len());
            for leg in Leg::ALL {
                let samples = &bytes[leg.index()][at..at + 2 * FRAME_SAMPLES];
                while call.legs[leg.index()].push(position as u64, samples) != PushResult::All {
                    thread::sleep(Duration::from_millis(1));
                    waits += 1;
                }
            }
        }
    }
    (late, waits)
}

fn accepted(client: &mut Client, call: &Call, ask: Ask) {
    let answer = client.ask(Request::new(Target::Channel(call.channel), ask)).expect("an answer");
    assert_eq!(answer.answer, Verdict::Accepted, "{answer:?}");
}

/// The CPU time of a process so far, its own and the kernel's for it.
fn cpu_seconds(stat: &str) -> f64 {
    let stat = fs::read_to_string(stat).expect("its statistics");
    // Behind the name, which may have spaces in it: utime and stime are the 14th and 15th field of all, the name is the second.
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("a number")).sum();
    ticks / sysconf(SysconfVar::CLK_TCK).ok().flatten().expect("ticks a second") as f64
}
