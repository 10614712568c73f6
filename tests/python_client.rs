//! The clients in `examples`, which integrators copy, do a whole call with the real engine, and the recording is right.

mod desk;
mod skip;

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use desk::{Desk, Home, PATIENCE, Ran, Sound, fixture, wait_for};
use retrocall::words::{Clock as _, SystemClock};

/// Runs an example. None, and a line that says so, if there is no Python here.
fn python(example: &str, args: &[&str]) -> Option<Ran> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example);
    run_python(&[&[text(&path)], args].concat())
}

/// Runs a program that uses the client in `examples`: what a user would type behind `python3`.
fn run_python(args: &[&str]) -> Option<Ran> {
    python_command(args).map(Ran::of)
}

fn python_command(args: &[&str]) -> Option<Command> {
    if !skip::is_installed("python3") {
        return None;
    }
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", here("examples"));
    // An interpreter that leaves its own compiled files next to the example would change the repository.
    command.args(args).env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
    Some(command)
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The samples of a sound as the phones in `tests/python` want them: the agent's, then the customer's.
fn legs_of(sound: &Sound, home: &Home, name: &str) -> PathBuf {
    let path = home.beside(name);
    let bytes: Vec<u8> = sound.legs.iter().flatten().flat_map(|sample| sample.to_le_bytes()).collect();
    std::fs::write(&path, bytes).expect("a file");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[test]
fn the_softphone_in_python_records_a_whole_call() {
    let desk = Desk::open(&["--one-in", "0"]);
    for (file, press) in [("talk-8k.wav", "40"), ("wide-48k.wav", "0")] {
        let call = fixture(file);
        let args = [text(desk.socket()), text(&call), "--agent", "anna", "--record-at", press, "--speed", "0"];
        let Some(ran) = python("softphone.py", &args) else { return };
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let path: PathBuf = ran.stdout.trim().into();
        Sound::of_recording(&path).assert_is(&Sound::of_call(&call));
        assert!(path.starts_with(desk.path()), "{}", path.display());
    }
    assert_eq!(desk.recordings()[0]["agent"], "anna");
    desk.stop();
}

#[test]
fn the_softphone_in_python_keeps_time_as_a_phone_does() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 8_004, 1);
    let call = desk.beside("call.wav");
    sound.save(&call);
    let args =
        [text(desk.socket()), text(&call), "--record-at", "0.5", "--frame-ms", "33", "--customer", "+31205550123"];
    let Some(ran) = python("softphone.py", &args) else { return };
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    Sound::of_recording(ran.stdout.trim().as_ref()).assert_is(&sound);
    desk.stop();
}

#[test]
fn a_call_of_the_softphone_that_nobody_recorded_is_nowhere() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 16_000, 2);
    let call = desk.beside("call.wav");
    sound.save(&call);
    let Some(ran) = python("softphone.py", &[text(desk.socket()), text(&call), "--speed", "0"]) else { return };
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    let home = desk.stop();
    assert!(home.audio_files().is_empty());
    assert!(!home.holds_any(&sound, 0, sound.len()));
}

#[test]
fn the_client_in_fifty_lines_records_a_whole_call() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 8_040, 3);
    let call = desk.beside("call.wav");
    sound.save(&call);
    let Some(ran) = python("minimal.py", &[text(desk.socket()), text(&call)]) else { return };
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let home = desk.stop();
    let [path] = &home.audio_files()[..] else { panic!("one recording") };
    Sound::of_recording(path).assert_is(&sound);
}

#[test]
fn the_softphone_in_python_says_how_to_start_an_engine_if_there_is_none() {
    let home = desk::Home::new();
    let socket = home.path().join("engine.sock");
    let Some(ran) = python("softphone.py", &[text(&socket), text(&fixture("desk-01.wav"))]) else { return };
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("retrocall run") && ran.stderr.lines().count() == 1, "{}", ran.stderr);
}

/// What a program does that uses the client: every request, and what is heard. It prints where the recording is.
const PROGRAM: &str = r##"
import sys
from retrocall import AGENT, CUSTOMER, Engine, Gone, Refused, States

both = open(sys.argv[2], "rb").read()
legs = {AGENT: b"".join(both[i : i + 2] for i in range(0, len(both), 4)), CUSTOMER: b"".join(both[i + 2 : i + 4] for i in range(0, len(both), 4))}
at = 0

def talk(call, samples, frame=160):
    global at
    for start in range(at, at + samples, frame):
        for leg in (AGENT, CUSTOMER):
            call.push(leg, legs[leg][2 * start : 2 * min(start + frame, at + samples)])
    at += samples

def verdict(answer, expected="accepted"):
    assert answer["answer"] == expected, answer
    return answer

with Engine(sys.argv[1]) as engine, Engine(sys.argv[1]) as other:
    assert engine.hello["limits"]["grace_ms"] == 5000, engine.hello
    call = engine.begin("anna", rate=8000, customer="+31205550123", direction="outbound")
    talk(call, 1000)
    assert verdict(call.mask())["at"] == 1000
    verdict(call.mask(), "already")
    talk(call, 1000)
    assert verdict(call.unmask())["at"] == 2000
    talk(call, 1000)
    verdict(call.hold())
    talk(call, 1000)
    verdict(call.resume())
    verdict(call.dtmf("#"))
    verdict(call.transfer("bert"))
    verdict(call.object())
    # Another program, like a hotkey, presses for the agent who talks now.
    verdict(other.press("record", agent="bert"))
    while (event := engine.event(timeout=60))["event"] == "state":
        pass
    assert (event["event"], event["call"], call.recording) == ("recording", call.id, True), event
    verdict(call.record(), "already")
    try:
        call.private()
        raise SystemExit("private after record is refused")
    except Refused as refused:
        assert refused.reason == "recording", refused
    talk(call, 1000)
    assert verdict(call.erase_last(500 / 8000))["at"] == 4500
    [live] = other.live_calls()
    assert (live["call"], live["agent"], live["recording"]) == (call.id, "bert", True), live
    assert other.status()["calls"] == 1
    # A frame of each leg is lost, and then the connection; another one goes on where the call was.
    call.skip(AGENT, 160)
    call.skip(CUSTOMER, 160)
    at += 160
    talk(call, 1000)
    engine.close()
    while other.live_calls()[0]["state"] != "disconnected":
        pass
    call = other.attach(call.id)
    assert call.positions == {AGENT: 6160, CUSTOMER: 6160}, call.positions
    # What it was announced with, and what was decided for it, comes with it.
    assert (call.rate, call.codec, call.direction, call.agent) == (8000, "pcm16", "outbound", "bert")
    assert call.states == States(recording=True, objected=True) and call.recording, call.states
    # More than a frame may have at once: it goes in several.
    talk(call, 6000, frame=6000)
    assert verdict(call.end())["seconds"] == 12160 / 8000
    print(call.wait_kept())
    try:
        other.begin(rate=8000)
        raise SystemExit("somebody has to be named")
    except ValueError:
        pass
    broken = other.begin("carl")
    broken.push(AGENT, b"\1\2", position=10**12)
    verdict(broken.record())
    while (told := other.event(timeout=10))["event"] != "frames-refused":
        pass
    assert (told["call"], told["error"], told["expected"]) == (broken.id, "position", 0), told
"##;

#[test]
fn a_program_with_the_python_client_can_ask_for_everything_and_hears_what_happens() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 12_160, 4);
    let raw = desk.beside("call.raw");
    let both = sound.legs[0].iter().zip(&sound.legs[1]);
    let bytes: Vec<u8> =
        both.flat_map(|(agent, customer)| [agent.to_le_bytes(), customer.to_le_bytes()].concat()).collect();
    std::fs::write(&raw, bytes).expect("a file");
    let Some(ran) = run_python(&["-c", PROGRAM, text(desk.socket()), text(&raw)]) else { return };
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let expected = sound.silent(1_000, 2_000).silent(3_000, 4_000).silent(4_500, 5_160);
    Sound::of_recording(ran.stdout.trim().as_ref()).assert_is(&expected);
    desk.stop();
}

#[test]
fn each_wrong_use_of_the_python_client_gets_the_exception_that_its_table_says() {
    let desk = Desk::open(&["--one-in", "0"]);
    let program = here("tests/python/wrong_use.py");
    let Some(ran) = run_python(&[text(&program), text(desk.socket())]) else { return };
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.trim().parse::<usize>().is_ok_and(|uses| uses > 40), "{}", ran.stdout);
    desk.stop();
}

#[test]
fn the_python_client_is_installed_under_the_version_of_the_engine_and_its_types_are_whole() {
    let project = std::fs::read_to_string(here("examples/pyproject.toml")).expect("a file");
    let project: toml::Table = project.parse().expect("TOML");
    assert_eq!(project["project"]["name"].as_str(), Some("retrocall"));
    assert_eq!(project["tool"]["setuptools"]["py-modules"].as_array().map(Vec::len), Some(1), "it is one file");
    let version = "import retrocall; print(retrocall.__version__)";
    let Some(ran) = run_python(&["-c", version]) else { return };
    assert_eq!(ran.stdout.trim(), env!("CARGO_PKG_VERSION"), "{ran:?}");
    if !skip::is_installed("mypy") {
        return;
    }
    let mut mypy = Command::new("mypy");
    mypy.args(["--strict", "--cache-dir=/dev/null"]).args(["retrocall.py", "softphone.py"]);
    mypy.current_dir(here("examples")).stdin(Stdio::null());
    let ran = Ran::of(mypy);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
}

/// A process of a phone in `tests/python`, and the lines of JSON that it prints.
struct Phone {
    process: Child,
    input: Option<ChildStdin>,
    lines: mpsc::Receiver<Value>,
}

impl Phone {
    fn start(program: &str, args: &[&str]) -> Option<Phone> {
        let program = here(program);
        let mut command = python_command(&[&[text(&program)], args].concat())?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("it starts");
        let (input, output) = (process.stdin.take(), process.stdout.take().expect("its output"));
        let (heard, lines) = mpsc::channel();
        let read = move |output: ChildStdout| {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.filter_map(|line| serde_json::from_str(&line).ok()).try_for_each(|line| heard.send(line))
        };
        thread::spawn(move || read(output));
        Some(Phone { process, input, lines })
    }

    /// What it prints next.
    fn next(&self) -> Value {
        self.lines.recv_timeout(PATIENCE).expect("the phone says nothing")
    }

    /// Lets the puppet do something.
    #[track_caller]
    fn does(&mut self, what: &str) -> Value {
        writeln!(self.input.as_mut().expect("its input"), "{what}").expect("it reads");
        let line = self.next();
        assert!(line.get("error").is_none(), "{what}: {line}");
        line["done"].clone()
    }

    /// Kills it. Returns what it had printed that nobody read.
    fn kill(&mut self) -> Vec<Value> {
        self.process.kill().expect("it runs");
        self.process.wait().expect("our child can be waited for");
        self.lines.iter().collect()
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn tail(sound: &Sound, from: usize) -> Sound {
    Sound { rate: sound.rate, legs: sound.legs.each_ref().map(|leg| leg[from..].to_vec()) }
}

/// The recordings, by call, once none is being written.
fn settled(desk: &Desk, count: usize) -> Vec<Value> {
    wait_for("the recordings", || {
        let listed = desk.recordings();
        (listed.len() >= count && listed.iter().all(|row| row["state"] != "committing")).then_some(listed)
    })
}

fn of<'a>(listed: &'a [Value], call: &Value) -> Option<&'a Value> {
    listed.iter().find(|row| row["call"] == *call)
}

#[test]
fn a_lasting_call_goes_on_after_a_kill_of_the_engine_pressed_and_masked_as_it_was_and_both_recordings_are_linked() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 40_000, 71);
    let legs = legs_of(&sound, &desk, "call.legs");
    let Some(mut phone) = Phone::start("tests/python/puppet.py", &[text(desk.socket()), text(&legs)]) else { return };
    assert_eq!(phone.does("talk 8000"), true);
    assert_eq!(phone.does("record"), "accepted");
    wait_for("the pressed call on disk", || desk.holds(&sound.legs[1][7_900..8_000]).then_some(()));
    assert_eq!(phone.does("mask"), "accepted");
    assert_eq!(phone.does("talk 4000"), true);
    // The connection breaks: it is the same call.
    phone.does("break");
    assert_eq!(phone.does("talk 160"), true);
    assert_eq!(phone.does("facts")["parts"].as_array().map(Vec::len), Some(1));
    let home = desk.kill();
    assert_eq!(phone.does("talk 3840"), false, "nobody is there");
    assert_eq!(phone.does("object"), Value::Null, "it is asked when somebody is");
    let desk = home.start(&["--one-in", "0"]);
    wait_for("the engine", || (phone.does("talk 160") == true).then_some(()));
    let facts = phone.does("facts");
    assert_eq!((&facts["states"]["masked"], &facts["states"]["objected"]), (&json!(true), &json!(true)), "{facts}");
    let (base, masked_until) = (facts["base"].as_u64().expect("where"), facts["said"].as_u64().expect("where"));
    assert_eq!(phone.does("unmask"), "accepted");
    assert_eq!(phone.does("talk 16000"), true);
    phone.does("end");
    let path = phone.does("wait_kept 60");
    let facts = phone.does("facts");
    assert_eq!((&facts["left_out"], facts["parts"].as_array().map(Vec::len)), (&json!([]), Some(2)), "{facts}");
    assert_eq!(facts["kept"][facts["parts"][1].as_str().expect("an id")], path);
    let listed = settled(&desk, 2);
    let [first, second] = [0, 1].map(|part| of(&listed, &facts["parts"][part]).expect("it is kept"));
    assert_eq!((&second["continues"], &second["path"]), (&facts["parts"][0], &path));
    let (masked_until, said) = (masked_until as usize, facts["said"].as_u64().expect("a count") as usize);
    let expected = Sound { rate: 8_000, legs: sound.legs.each_ref().map(|leg| leg[..said].to_vec()) };
    let expected = expected.silent(8_000, masked_until);
    Sound::of_recording(path.as_str().expect("a path").as_ref()).assert_is(&tail(&expected, base as usize));
    let before = Sound::of_recording(first["path"].as_str().expect("a path").as_ref());
    before.assert_is(&Sound { rate: 8_000, legs: expected.legs.each_ref().map(|leg| leg[..before.len()].to_vec()) });
    assert!(before.len() >= 8_000 && !desk.holds_any(&sound, 8_000, masked_until));
    desk.stop();
}

#[test]
fn a_phone_that_was_killed_goes_on_with_its_call_and_what_was_decided_for_it_while_nobody_was_there() {
    let desk = Desk::open_with("grace = \"30s\"\n", &["--one-in", "0"]);
    let sound = Sound::noise(8_000, 24_000, 72);
    let (legs, memory) = (legs_of(&sound, &desk, "call.legs"), desk.beside("memory.json"));
    let args = [text(desk.socket()), text(&legs), text(&memory)].map(str::to_owned);
    let start = || Phone::start("tests/python/puppet.py", &args.each_ref().map(String::as_str));
    let Some(mut phone) = start() else { return };
    assert_eq!(phone.does("talk 8000"), true);
    assert_eq!(phone.does("record"), "accepted");
    let call = phone.does("facts")["parts"][0].clone();
    wait_for("the pressed call on disk", || desk.holds(&sound.legs[1][7_900..8_000]).then_some(()));
    let home = desk.kill();
    assert_eq!(phone.does("mask"), Value::Null);
    phone.kill();
    // Both were killed, and the mask was pressed in between.
    let desk = home.start(&["--one-in", "0"]);
    let mut phone = start().expect("there is Python");
    assert_eq!(phone.does("start 8000"), true, "it knows that record was pressed");
    assert_eq!(phone.does("talk 8000"), true);
    assert_eq!(phone.does("unmask"), "accepted");
    // The phone alone: the call waits for it.
    phone.kill();
    let mut phone = start().expect("there is Python");
    phone.does("start 16000");
    assert_eq!(phone.does("talk 8000"), true);
    phone.does("end");
    let path = phone.does("wait_kept 60");
    assert!(!memory.exists(), "nothing is left to remember");
    let facts = phone.does("facts");
    assert_eq!((&facts["parts"][0], facts["parts"].as_array().map(Vec::len)), (&call, Some(2)), "{facts}");
    let rest = tail(&sound, 8_000).silent(0, 8_000);
    Sound::of_recording(path.as_str().expect("a path").as_ref()).assert_is(&rest);
    let listed = settled(&desk, 2);
    assert_eq!(of(&listed, &facts["parts"][1]).expect("it is kept")["continues"], call);
    assert!(of(&listed, &call).is_some() && !desk.holds_any(&sound, 8_000, 16_000));
    desk.stop();
}

/// What is killed in a round of the campaign.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Victim {
    Engine,
    Phone,
    Both,
}

/// A call in which a phone, the engine or both are killed at a random moment. Returns the desk; None if there is no Python.
fn round(desk: Desk, random: &mut StdRng, number: u64) -> Option<Desk> {
    const LEAST: usize = 16_000;
    let sound = Sound::noise(8_000, 60 * 8_000, 1_000 + number);
    let (legs, memory) = (legs_of(&sound, &desk, "call.legs"), desk.beside("memory.json"));
    let frame = |from: usize, to: usize, random: &mut StdRng| random.random_range(from / 160..to / 160) * 160;
    let (record, mask) = (frame(0, 8_000, random), frame(1_600, 8_000, random));
    let unmask = frame(mask + 1_600, mask + 6_400, random);
    let is_private = number % 4 == 3;
    let word = if is_private { "private" } else { "record" };
    let mut presses = [(record, word), (mask, "mask"), (unmask, "unmask")];
    presses.sort();
    let presses = presses.map(|(at, word)| format!("{word}@{at}")).join(",");
    let victim = [Victim::Engine, Victim::Phone, Victim::Both][random.random_range(0..3)];
    let killed_at = Duration::from_millis(random.random_range(100..1_900));
    let what = format!("round {number}: {presses}, {victim:?} killed at {killed_at:?}");
    let least = LEAST.to_string();
    let start = |desk: &Desk, from: usize, done: &str| {
        let args = [text(desk.socket()), text(&legs), text(&memory), &from.to_string(), &least, &presses, done]
            .map(str::to_owned);
        Phone::start("tests/python/phone.py", &args.each_ref().map(String::as_str))
    };
    let mut phone = start(&desk, 0, "")?;
    while phone.next().get("ready").is_none() {}
    let began = SystemClock.now();
    thread::sleep(killed_at);
    let heard = if victim == Victim::Engine { Vec::new() } else { phone.kill() };
    let desk = if victim == Victim::Phone { desk } else { desk.kill().start(&["--one-in", "0"]) };
    if victim != Victim::Engine {
        let done: Vec<&str> = heard.iter().filter_map(|line| line["pressed"].as_str()).collect();
        let from = (SystemClock.since(began).as_millis() as usize * 8) / 160 * 160;
        phone = start(&desk, from, &done.join(",")).expect("there is Python");
    }
    let facts = loop {
        let line = phone.next();
        assert!(line.get("refused").is_none(), "{what}: {line}");
        if line.get("ended").is_some() {
            break line;
        }
    };
    let parts = facts["ended"]["parts"].as_array().expect("its parts").clone();
    if is_private {
        assert!(!desk.holds_any(&sound, 0, LEAST), "{what}: a private call is held: {facts}");
        return Some(desk);
    }
    // The last part is the one that somebody hung up: it is whole. Those before may have been too young to have reached the disk.
    let last = parts.last().expect("one");
    let row = wait_for("the last part", || of(&desk.recordings(), last).filter(|row| row["path"].is_string()).cloned());
    let before = parts.len().checked_sub(2).map(|at| parts[at].clone());
    assert_eq!(facts["ended"]["left_out"], json!([]), "{what}: {facts}");
    assert_eq!(row["continues"], before.unwrap_or_default(), "{what}: {facts}");
    assert!(!desk.holds_any(&sound, mask, unmask), "{what}: what was masked is held: {facts}");
    let kept = Sound::of_recording(row["path"].as_str().expect("a path").as_ref());
    if victim == Victim::Engine {
        // What was said to nobody is no part of it; each sample that is there is in its place.
        let base = facts["base"].as_u64().expect("where it began") as usize;
        let said = facts["said"].as_u64().expect("a count") as usize;
        assert_eq!(base + kept.len(), said, "{what}: {facts}");
        for leg in 0..2 {
            let same =
                kept.legs[leg].iter().zip(&sound.legs[leg][base..]).all(|(kept, said)| *kept == *said || *kept == 0);
            assert!(same, "{what}: {facts}");
        }
    }
    assert!(kept.len() >= 4_000, "{what}: {} samples: {facts}", kept.len());
    Some(desk)
}

/// `RETROCALL_KILLS=100` for the whole campaign.
#[test]
fn whoever_is_killed_at_whatever_moment_a_pressed_call_is_kept_in_linked_parts_and_nothing_masked_or_private_is_held() {
    let rounds = env::var("RETROCALL_KILLS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(4);
    let seed = env::var("RETROCALL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    eprintln!("RETROCALL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut desk = Desk::open(&["--one-in", "0"]);
    for number in 0..rounds {
        let Some(next) = round(desk, &mut random, number) else { return };
        desk = next;
    }
    desk.stop();
}
