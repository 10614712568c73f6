//! Phones in C and the engine, killed at random moments: each pressed call is kept, in parts that name one another, and nothing of what was masked
//! or private is.
//!
//! `RETROCALL_KILLS=100 cargo test --test shared killed -- --nocapture` kills a hundred times.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use rand::{Rng, RngExt};
use serde_json::Value;

use super::{
    desk::{Desk, Home, Sound, wait_for},
    library::{STATIC, library},
    phone::raw_of,
    rig,
};

const RATE: usize = 8_000;
const LENGTH: usize = 4 * RATE;
const FRAME: usize = 160;
const PHONES: usize = 3;
const FLAGS: [&str; 4] = ["--one-in", "0", "--memory", "16MiB"];
/// Shorter than some of the pauses between kills: a phone that is away for longer finds its call ended.
const SETTINGS: &str = "grace = \"400ms\"\n";

/// When what is pressed, in samples.
#[derive(Debug, Clone, Copy)]
struct Script {
    record_at: Option<usize>,
    masked: Option<(usize, usize)>,
    private_at: Option<usize>,
}

/// A phone call, whatever becomes of the program that has it.
struct Phone {
    number: usize,
    script: Script,
    sound: Sound,
    raw: PathBuf,
    state: PathBuf,
    running: Option<(Child, JoinHandle<Vec<String>>)>,
    said: Vec<String>,
}

/// A call of the engine that a phone call was, or a part of it.
struct Part {
    id: String,
    /// The sample at which it began.
    base: usize,
    /// Whether the engine said that there was nothing to go on with.
    is_unlinked: bool,
}

impl Phone {
    fn new(home: &Home, number: usize, random: &mut impl Rng) -> Phone {
        let sound = Sound::noise(RATE as u32, LENGTH, random.random());
        let mut at = |from: usize, to: usize| random.random_range(from / FRAME..to / FRAME) * FRAME;
        let script = match number % 3 {
            2 => Script { record_at: None, masked: None, private_at: Some(at(RATE / 4, LENGTH)) },
            _ => {
                let from = at(RATE / 4, LENGTH / 2);
                let record_at = Some(at(0, LENGTH / 2));
                Script { record_at, masked: Some((from, from + at(RATE / 2, LENGTH / 3))), private_at: None }
            }
        };
        let raw = raw_of(home, &format!("call-{number}.raw"), &sound);
        let state = home.beside(&format!("state-{number}"));
        Phone { number, script, sound, raw, state, running: None, said: Vec::new() }
    }

    fn start(&mut self, program: &Path, socket: &Path) {
        let at = |sample: Option<usize>| sample.map_or("-1".to_owned(), |sample| sample.to_string());
        let mut command = Command::new(program);
        command.args([socket, &self.state, &self.raw]).arg(format!("agent-{}", self.number));
        command.args([at(self.script.record_at), at(self.script.masked.map(|masked| masked.0))]);
        command.args([at(self.script.masked.map(|masked| masked.1)), at(self.script.private_at)]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("a phone");
        let stdout = BufReader::new(child.stdout.take().expect("its output"));
        // What was said in part when it was killed is no line.
        let read = thread::spawn(move || stdout.lines().map_while(Result::ok).collect());
        self.running = Some((child, read));
    }

    fn kill(&mut self) {
        if let Some((mut child, read)) = self.running.take() {
            child.kill().expect("it is ours");
            child.wait().expect("it is ours");
            self.said.extend(read.join().expect("a reader"));
        }
    }

    /// Whether its phone call is over. One that found something wrong fails the test.
    fn is_done(&mut self) -> bool {
        if let Some((child, _)) = &mut self.running
            && let Some(status) = child.try_wait().expect("it is ours")
        {
            assert!(status.success(), "phone {}: {status}", self.number);
            self.kill();
        }
        self.said.iter().any(|line| line == "done")
    }

    /// The calls that it was, in their order.
    fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for line in &self.said {
            let Some((id, rest)) = line.strip_prefix("call ").and_then(|rest| rest.split_once(' ')) else { continue };
            let Some((base, how)) = rest.split_once(' ') else { continue };
            if parts.last().is_none_or(|last| last.id != id) {
                let base = base.parse().expect("a sample");
                parts.push(Part { id: id.to_owned(), base, is_unlinked: how.contains("captured without") });
            }
        }
        parts
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        // A test that fails leaves nobody behind who looks for an engine.
        if let Some((mut child, _)) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn each_pressed_call_is_kept_in_linked_parts_whoever_is_killed_at_any_moment_and_nothing_that_was_masked_or_private() {
    let Some(library) = library() else { return };
    let program = library.build("tests/shared/going_on.c", "going-on", "c99", STATIC);
    let kills = env::var("RETROCALL_KILLS").map_or(10, |text| text.parse().expect("RETROCALL_KILLS: a number"));
    let (_, mut random) = rig::random("kills of both sides");
    let mut desk = Desk::open_with(SETTINGS, &FLAGS);
    let mut phones: Vec<Phone> = Vec::new();
    let mut killed = [0; 2];
    while killed[0] + killed[1] < kills || phones.iter_mut().any(|phone| !phone.is_done()) {
        let is_open = killed[0] + killed[1] < kills;
        let live = phones.iter_mut().map(Phone::is_done).filter(|is_done| !is_done).count();
        for _ in live..if is_open { PHONES } else { 0 } {
            phones.push(Phone::new(&desk, phones.len(), &mut random));
        }
        for phone in &mut phones {
            if !phone.is_done() && phone.running.is_none() {
                phone.start(&program, desk.socket());
            }
        }
        thread::sleep(Duration::from_millis(random.random_range(0..600)));
        if !is_open {
            continue;
        }
        // A phone, or the engine, or both at once.
        let who = random.random_range(0..4);
        if who < 3 {
            let live: Vec<&mut Phone> = phones.iter_mut().filter(|phone| phone.running.is_some()).collect();
            let count = live.len();
            if let Some(phone) = live.into_iter().nth(random.random_range(0..count.max(1))) {
                phone.kill();
                killed[0] += 1;
            }
        }
        if who > 1 {
            // One in four is asked to stop: that is no kill, and must come to the same.
            desk = match random.random_ratio(1, 4) {
                true => desk.stop().start(&FLAGS),
                false => {
                    killed[1] += 1;
                    desk.kill().start(&FLAGS)
                }
            };
        }
    }
    let home = desk.stop();
    let desk = home.start(&FLAGS);
    let rows = wait_for("the recordings", || {
        Some(desk.recordings()).filter(|rows| rows.iter().all(|row| row["state"] != "committing"))
    });
    let home = desk.stop();
    let mut counts = Counts::default();
    phones.iter().for_each(|phone| judge(phone, &home, &rows, &mut counts));
    eprintln!("{} phones and {} engines killed; {} phone calls: {counts:?}", killed[0], killed[1], phones.len());
}

#[derive(Debug, Default)]
struct Counts {
    pressed: usize,
    parts: usize,
    recordings: usize,
    unlinked: usize,
}

/// Looks whether what is kept of a phone call is what should be.
fn judge(phone: &Phone, home: &Home, rows: &[Value], counts: &mut Counts) {
    let (number, sound, script) = (phone.number, &phone.sound, phone.script);
    let stretch = |from: usize, to: usize| {
        let (from, to) = (from.min(sound.len()), to.min(sound.len()));
        Sound { rate: sound.rate, legs: sound.legs.each_ref().map(|leg| leg[from..to].to_vec()) }
    };
    if let Some((from, to)) = script.masked {
        rig::Traces::of(&[&stretch(from, to)]).assert_nowhere(home);
    }
    if script.private_at.is_some() {
        rig::Traces::of(&[sound]).assert_nowhere(home);
    }
    if script.record_at.is_none() {
        return;
    }
    let parts = phone.parts();
    let row = |id: &str| rows.iter().find(|row| row["call"] == id);
    (counts.pressed, counts.parts) = (counts.pressed + 1, counts.parts + parts.len());
    for (before, part) in parts.iter().zip(&parts[1..]) {
        counts.unlinked += usize::from(part.is_unlinked);
        if let Some(row) = row(&part.id) {
            // A phone that was killed in the moment in which it went on does not know, or did not say, as what: then that one is between
            // the two. And an engine that was killed in the moment in which a call began does not know of it: nothing goes on with it.
            let is_linked = |row: &Value| row["continues"] == before.id.as_str();
            let is_between = |call: &retrocall::catalog::CallRow| {
                row["continues"] == call.call.to_string()
                    && call.continues.is_some_and(|id| id.to_string() == before.id)
            };
            let calls = retrocall::catalog::calls(home.path()).expect("a catalog");
            let is_unknown = || !calls.iter().any(|call| call.call.to_string() == before.id);
            assert!(
                is_linked(row)
                    || part.is_unlinked && (rows.iter().any(is_linked) || is_unknown())
                    || calls.iter().any(is_between),
                "phone {number}: {} does not go on with {}: {row}",
                part.id,
                before.id
            );
        }
    }
    let mut kept = 0;
    for (number_of, part) in parts.iter().enumerate() {
        let Some(row) = row(&part.id) else {
            // What is pressed is on disk up to a second before a crash.
            let end = parts.get(number_of + 1).map_or(sound.len(), |next| next.base);
            let was_pressed = script.record_at.is_some_and(|at| at < part.base);
            assert!(
                !was_pressed || end < part.base + 2 * RATE,
                "phone {number}, part {number_of} is not kept: {}",
                part.id
            );
            continue;
        };
        counts.recordings += 1;
        let recording = Sound::of_recording(Path::new(row["path"].as_str().expect("a path")));
        let expected = stretch(part.base, sound.len());
        assert!(recording.len() <= expected.len(), "phone {number}, part {number_of}: {} samples", recording.len());
        for (leg, expected) in recording.legs.iter().zip(&expected.legs) {
            for (at, (got, want)) in leg.iter().zip(expected).enumerate() {
                assert!(*got == 0 || got == want, "phone {number}, part {number_of}, sample {at}: {got} for {want}");
                kept += usize::from(*got != 0);
            }
        }
    }
    // The last part was ended as a phone ends it: nothing of it is missing but what was masked.
    let last = parts.last().expect("a pressed call has a part");
    assert!(last.base + RATE / 4 > sound.len() || row(&last.id).is_some(), "phone {number}: its end is not kept");
    eprintln!("phone {number}: {} parts, {} % of its samples kept", parts.len(), 100 * kept / (2 * sound.len()));
}
