//! A desk full of calls: 500 live two-leg calls at once, in real time, through the socket, 50 of them pressed at random moments. No frame
//! is lost, every recording is right to the last bit, and of the others nothing is left.
//!
//! `RETROCALL_LOAD_SECONDS=60 cargo test --test load -- --nocapture` runs it as long as that, and says what it cost.

mod desk;
mod rig;

use std::{
    collections::HashMap,
    env, fs,
    io::{ErrorKind, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::Mutex,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::{SysconfVar, sysconf},
};
use rand::{RngExt, rngs::StdRng, seq::SliceRandom};
use retrocall::{
    audio::Leg,
    catalog::Outcome,
    protocol::{AudioHead, audio_message},
    words::{Clock as _, SystemClock},
};
use serde_json::{Value, json};

use desk::{Desk, Sound, fixture, wait_for};
use rig::{Raw, Traces, control};

const CALLS: usize = 500;
const PRESSED: usize = 50;
const FRAME: Duration = Duration::from_millis(20);
const FRAME_SAMPLES: usize = 160;
/// How long the generator sleeps at least: what is due by then goes out together.
const SLEEP_MIN: Duration = Duration::from_millis(1);
/// One after the other: each is to have the machine for itself.
static TURN: Mutex<()> = Mutex::new(());

fn seconds() -> usize {
    env::var("RETROCALL_LOAD_SECONDS").map_or(5, |text| text.parse().expect("RETROCALL_LOAD_SECONDS: a number"))
}

#[test]
fn five_hundred_calls_over_as_many_connections_lose_no_frame_and_fifty_are_kept_bit_for_bit() {
    let _turn = TURN.lock();
    load(CALLS);
}

#[test]
fn five_hundred_calls_over_one_connection_lose_no_frame_and_fifty_are_kept_bit_for_bit() {
    let _turn = TURN.lock();
    load(1);
}

/// What is spoken: every call begins somewhere else in it, and goes round.
struct Talk {
    sound: Sound,
    /// Each leg as bytes, with its beginning once more behind the end, so that every frame lies in one piece.
    legs: [Vec<u8>; 2],
}

impl Talk {
    /// Real speech with the noise of a line, so that no run of samples is there twice.
    fn new(random: &mut StdRng) -> Talk {
        let mut sound = Sound::of_call(&fixture("talk-8k.wav"));
        for sample in sound.legs.iter_mut().flatten() {
            *sample = sample.saturating_add(random.random_range(-31..=31));
        }
        let legs = sound.legs.each_ref().map(|leg| {
            let round = leg.iter().chain(&leg[..FRAME_SAMPLES]);
            round.flat_map(|sample| sample.to_le_bytes()).collect()
        });
        Talk { sound, legs }
    }

    fn frame(&self, leg: Leg, from: usize) -> &[u8] {
        &self.legs[leg.index()][2 * (from % self.sound.len())..][..2 * FRAME_SAMPLES]
    }

    /// What to look for: each leg, and both as in a recording. (One beside silence is too much like other numbers, so quiet is a line.)
    fn traces(&self) -> [Traces; 3] {
        let frames = self.legs[0].chunks_exact(2).zip(self.legs[1].chunks_exact(2));
        let both: Vec<u8> = frames.flat_map(|(agent, customer)| [agent, customer].concat()).collect();
        [&self.legs[0], &self.legs[1], &both].map(|bytes| Traces::of_bytes(bytes))
    }

    /// What a call that began at `from` has said.
    fn said(&self, from: usize, samples: usize) -> Sound {
        let round = |leg: &Vec<i16>| leg.iter().cycle().skip(from).take(samples).copied().collect();
        Sound { rate: self.sound.rate, legs: self.sound.legs.each_ref().map(round) }
    }
}

/// One connection, and what it could not send yet.
struct Lane {
    stream: UnixStream,
    out: Vec<u8>,
    /// How much of `out` is sent.
    sent: usize,
}

impl Lane {
    fn of(raw: Raw) -> Lane {
        let stream = raw.into_stream();
        stream.set_nonblocking(true).expect("a socket that never waits");
        Lane { stream, out: Vec::new(), sent: 0 }
    }

    fn into_raw(self) -> Raw {
        self.stream.set_nonblocking(false).expect("a socket that waits");
        Raw::from_stream(self.stream)
    }

    fn waiting_bytes(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Sends what the engine takes. False if some is left.
    fn send(&mut self) -> bool {
        while self.waiting_bytes() > 0 {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(bytes) => self.sent += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("the engine closed a connection: {error}"),
            }
        }
        // Moved seldom: a long queue must not cost the time that the engine needs.
        if self.sent >= self.out.len() / 2 {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
        self.out.is_empty()
    }
}

struct Call {
    lane: usize,
    channel: u32,
    id: String,
    /// Where in the talk it begins.
    from: usize,
    /// After which frame record is pressed.
    press_after: Option<usize>,
    /// Whether by the softphone, or by a button elsewhere.
    presses_itself: bool,
}

impl Call {
    fn put_frames(&self, talk: &Talk, number: usize, out: &mut Vec<u8>) {
        let position = number * FRAME_SAMPLES;
        let head = AudioHead { channel: self.channel, position: position as u64 };
        for leg in Leg::ALL {
            audio_message(leg, head, talk.frame(leg, self.from + position), out);
        }
        if self.presses_itself && self.press_after == Some(number) {
            out.extend(control(&json!({"do": "record", "channel": self.channel})));
        }
    }
}

fn load(connections: usize) {
    let (_, mut random) = rig::random(&format!("{CALLS} calls over {connections} connections"));
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("as many open files as the system gives");
    let frames = seconds() * 50;
    let talk = Talk::new(&mut random);
    // What it would take unpacked, and some.
    let memory = format!("{}MiB", 64 + (CALLS * seconds() * 32_000) / (1 << 20));
    let desk = Desk::open(&["--one-in", "0", "--memory", &memory]);
    let mut lanes: Vec<Raw> = (0..connections).map(|_| Raw::connect(desk.socket())).collect();
    let calls = begin_calls(&mut lanes, frames, &talk, &mut random);
    let mut lanes: Vec<Lane> = lanes.into_iter().map(Lane::of).collect();

    let (cpu, own) = (cpu_seconds(&format!("/proc/{}/stat", desk.pid())), cpu_seconds("/proc/self/stat"));
    let began = SystemClock.now();
    let buttons = press_buttons(&desk, &calls, began);
    let lag = speak(&mut lanes, &calls, &talk, frames, began);
    buttons.join().expect("every press of a button is accepted");
    let took = SystemClock.since(began).as_secs_f64();
    let cpu = cpu_seconds(&format!("/proc/{}/stat", desk.pid())) - cpu;
    eprintln!(
        "{CALLS} calls over {connections} connections for {took:.1} s: the engine used {cpu:.2} s of CPU ({:.1} % of a core, {:.1} µs a \
         frame), the generator {:.2} s; it was late by {:.1} ms at most, and {} bytes waited for the engine at most",
        100.0 * cpu / took,
        1e6 * cpu / (CALLS * frames * 2) as f64,
        cpu_seconds("/proc/self/stat") - own,
        lag.late.as_secs_f64() * 1e3,
        lag.waiting_bytes_max,
    );

    no_frame_is_lost(&desk, &calls, frames);
    let kept = hang_up(&mut lanes, &calls);
    for call in &calls {
        match kept.get(&call.id) {
            Some(path) => Sound::of_recording(path).assert_is(&talk.said(call.from, frames * FRAME_SAMPLES)),
            None => assert_eq!(call.press_after, None, "a pressed call was not kept"),
        }
    }
    nothing_else_is_left(&desk, &kept, &talk);
    desk.stop();
}

fn begin_calls(lanes: &mut [Raw], frames: usize, talk: &Talk, random: &mut StdRng) -> Vec<Call> {
    let mut pressed: Vec<bool> = (0..CALLS).map(|call| call < PRESSED).collect();
    pressed.shuffle(random);
    let one = |(number, pressed): (usize, bool)| {
        let lane = number % lanes.len();
        let agent = format!("agent-{number}");
        let answer = lanes[lane].ask(&json!({"do": "begin", "agent": agent, "rate": 8000, "codec": "pcm16"}));
        assert_eq!(answer["answer"], "accepted", "{answer}");
        Call {
            lane,
            channel: u32::try_from(answer["channel"].as_u64().expect("a channel")).expect("a small number"),
            id: answer["call"].as_str().expect("an id").to_owned(),
            from: random.random_range(0..talk.sound.len()),
            press_after: pressed.then(|| random.random_range(0..frames)),
            presses_itself: random.random_bool(0.5),
        }
    };
    pressed.into_iter().enumerate().map(one).collect()
}

/// Presses, from another connection and at their times, for the calls that don't do it themselves.
fn press_buttons(desk: &Desk, calls: &[Call], began: Instant) -> JoinHandle<()> {
    let mut buttons = Raw::connect(desk.socket());
    let by_button = calls.iter().filter(|call| !call.presses_itself);
    let mut presses: Vec<(usize, String)> =
        by_button.filter_map(|call| Some((call.press_after?, call.id.clone()))).collect();
    presses.sort_unstable();
    thread::spawn(move || {
        for (after, call) in presses {
            thread::sleep(SystemClock.until(began + FRAME * (after as u32 + 1)));
            let answer = buttons.ask(&json!({"do": "record", "call": call}));
            assert_eq!(answer["answer"], "accepted", "{answer}");
        }
    })
}

/// How far the generator, and the engine, were behind.
#[derive(Default)]
struct Lag {
    late: Duration,
    waiting_bytes_max: usize,
}

/// Sends all frames of all calls, each call's when they are due: one thread for all, as a PBX does it.
fn speak(lanes: &mut [Lane], calls: &[Call], talk: &Talk, frames: usize, began: Instant) -> Lag {
    let mut lag = Lag::default();
    // Calls take turns within the time of a frame.
    let due =
        |turn: usize| began + FRAME + FRAME * (turn / CALLS) as u32 + FRAME * (turn % CALLS) as u32 / CALLS as u32;
    let (mut turn, turns) = (0, CALLS * frames);
    // The lanes that have something to send.
    let mut busy: Vec<usize> = Vec::new();
    while turn < turns || !busy.is_empty() {
        let now = SystemClock.now();
        while turn < turns && due(turn) <= now {
            let call = &calls[turn % CALLS];
            let out = &mut lanes[call.lane].out;
            if out.is_empty() {
                busy.push(call.lane);
            }
            call.put_frames(talk, turn / CALLS, out);
            lag.late = lag.late.max(now - due(turn));
            turn += 1;
        }
        busy.retain(|lane| !lanes[*lane].send());
        lag.waiting_bytes_max = lag.waiting_bytes_max.max(busy.iter().map(|lane| lanes[*lane].waiting_bytes()).sum());
        let next = if turn < turns { SystemClock.until(due(turn)) } else { Duration::ZERO };
        thread::sleep(next.max(SLEEP_MIN));
    }
    lag
}

/// Every frame of every call came in, and in time.
fn no_frame_is_lost(desk: &Desk, calls: &[Call], frames: usize) {
    let mut eye = Raw::connect(desk.socket());
    let legs = |view: &Value| ["agent_leg", "customer_leg"].map(|leg| view[leg].clone());
    let views = wait_for("the last frames", || {
        let answer = eye.ask(&json!({"do": "calls"}));
        let views = answer["calls"].as_array().expect("a list").clone();
        let came: u64 = views.iter().flat_map(legs).map(|leg| leg["frames"].as_u64().expect("a count")).sum();
        (came == (2 * CALLS * frames) as u64).then_some(views)
    });
    assert_eq!(views.len(), CALLS);
    for view in &views {
        let call = calls.iter().find(|call| view["call"] == call.id.as_str()).expect("one of ours");
        assert_eq!(view["recording"], call.press_after.is_some(), "{view}");
        for leg in legs(view) {
            let counts = ["frames", "gaps", "late_frames", "lost_frames"].map(|count| leg[count].as_u64());
            assert_eq!(counts, [Some(frames as u64), Some(0), Some(0), Some(0)], "{view}");
        }
    }
}

/// Ends all calls, and hears to the end what their connections are told. Returns the recordings by their calls.
fn hang_up(lanes: &mut Vec<Lane>, calls: &[Call]) -> HashMap<String, PathBuf> {
    let mut kept = HashMap::new();
    for (number, lane) in lanes.drain(..).enumerate() {
        let mut raw = lane.into_raw();
        let of_lane = || calls.iter().filter(|call| call.lane == number);
        let mut answers = of_lane().filter(|call| call.presses_itself && call.press_after.is_some()).count();
        for call in of_lane() {
            raw.say(&json!({"do": "end", "channel": call.channel}));
            answers += 1;
        }
        let mut recordings = of_lane().filter(|call| call.press_after.is_some()).count();
        while answers > 0 || recordings > 0 {
            let message = raw.next().expect("the connection is open");
            if let Some(answer) = message.get("answer") {
                assert_eq!(answer, "accepted", "{message}");
                answers -= 1;
            }
            let word = |field: &str| message[field].as_str().expect("a text").to_owned();
            match message["event"].as_str() {
                Some("kept") => {
                    recordings -= 1;
                    kept.insert(word("call"), word("path").into());
                }
                None | Some("recording" | "state") => {}
                Some(_) => panic!("{message}"),
            }
        }
    }
    kept
}

/// Only the recordings hold audio, and the catalog knows them all.
fn nothing_else_is_left(desk: &Desk, kept: &HashMap<String, PathBuf>, talk: &Talk) {
    assert_eq!(kept.len(), PRESSED);
    let mut recordings: Vec<PathBuf> = kept.values().cloned().collect();
    recordings.sort();
    assert_eq!(desk.audio_files(), recordings);
    let rows = desk.ledger(|rows| rows.len() == CALLS && rows.iter().all(|row| row.outcome != Outcome::Live));
    assert_eq!(rows.iter().filter(|row| row.outcome == Outcome::Kept).count(), PRESSED);
    assert!(rows.iter().all(|row| (row.gaps, row.late_frames, row.lost_frames) == (0, 0, 0)));
    wait_for("the catalog's rows", || {
        let rows = desk.recordings();
        (rows.len() == PRESSED && rows.iter().all(|row| row["state"] == "complete")).then_some(())
    });
    let traces = talk.traces();
    let found = |bytes: &[u8]| traces.iter().map(|traces| traces.found_in(bytes)).sum::<usize>();
    for file in desk.files().iter().filter(|file| !recordings.contains(file)) {
        let bytes = fs::read(file).expect("a file of the home");
        assert_eq!(found(&bytes), 0, "audio is in {}", file.display());
    }
    let recording = fs::read(&recordings[0]).expect("a recording");
    assert!(found(&recording[..20_000]) > 1_000, "the search does not find what is there");
}

/// The CPU time of a process so far, its own and the kernel's for it.
fn cpu_seconds(stat: &str) -> f64 {
    let stat = fs::read_to_string(stat).expect("its statistics");
    // Behind the name, which may have spaces in it: utime and stime are the 14th and 15th field of all, the name is the second.
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("a number")).sum();
    ticks / sysconf(SysconfVar::CLK_TCK).ok().flatten().expect("ticks a second") as f64
}
