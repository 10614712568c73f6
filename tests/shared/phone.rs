//! The softphone in C, as it stands in `examples`: built with the library, run in processes of its own, killed at any moment.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

use rand::RngExt;
use retrocall::protocol::{Ask, Request, Target};

use super::{
    GoodCall,
    desk::{Desk, Home, Ran, Sound, wait_for},
    library::{SHARED, STATIC, library},
    rig,
};

/// The softphone, linked with the static library. None, and a line that says so, without a C compiler.
fn softphone() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(|| Some(library()?.build("examples/softphone.c", "softphone", "c11", STATIC))).as_deref()
}

/// Both legs in turn, as the softphone reads them.
pub fn raw_of(desk: &Home, name: &str, sound: &Sound) -> PathBuf {
    let path = desk.beside(name);
    let both = sound.legs[0].iter().zip(&sound.legs[1]);
    let bytes: Vec<u8> =
        both.flat_map(|(agent, customer)| [agent.to_le_bytes(), customer.to_le_bytes()].concat()).collect();
    fs::write(&path, bytes).expect("a file");
    path
}

fn call(program: &Path, desk: &Desk, raw: &Path, rate: u32, agent: &str, record_at: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg(desk.socket()).arg(raw).arg(rate.to_string()).arg(agent).args(record_at).stdin(Stdio::null());
    command
}

/// How far a softphone said that it was, and how many frames had found no room by then: a machine that is busy with other things may keep
/// the engine from its work for longer than the memory has room for.
fn far(said: &str) -> Option<(usize, usize)> {
    let told = said.lines().rev().find_map(|line| line.strip_prefix("at ")?.strip_suffix(" frames lost"))?;
    let (far, lost) = told.split_once(", ")?;
    Some((far.parse().expect("a number"), lost.parse().expect("a number")))
}

/// Fails if a recording is not what was pushed up to there: every frame as it was, or, of those that were lost and no others, silent.
#[track_caller]
fn assert_kept(kept: &Sound, sound: &Sound, (far, lost): (usize, usize), frame: usize) {
    assert!(kept.len() <= sound.len(), "{} samples", kept.len());
    let mut silent = 0;
    for (leg, whole) in kept.legs.iter().zip(&sound.legs) {
        let mut leg = leg.clone();
        leg.resize(sound.len(), 0);
        for (number, (one, other)) in leg.chunks(frame).zip(whole.chunks(frame)).enumerate() {
            let is_silent = one.iter().all(|sample| *sample == 0);
            assert!(is_silent || one == other, "frame {number} is not what was pushed");
            silent += usize::from(is_silent && (number + 1) * frame <= far);
        }
    }
    assert!(silent <= lost, "{silent} frames are missing, and {lost} were lost");
}

#[test]
fn the_softphone_in_c_is_built_with_what_is_installed_in_c99_and_cpp20_and_records_a_whole_call_with_either_library() {
    let Some(library) = library() else { return };
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(16_000, 16_100, 11);
    let raw = raw_of(&desk, "call.raw", &sound);
    for (standard, link, record_at) in
        [("c99", STATIC, "0.7"), ("c++20", STATIC, "0"), ("c99", SHARED, "0"), ("c++20", SHARED, "0.7")]
    {
        let program = library.build("examples/softphone.c", &format!("softphone-{standard}-{link:?}"), standard, link);
        let ran = Ran::of(call(&program, &desk, &raw, 16_000, "anna", &[record_at]));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
        let path = ran.stdout.lines().last().expect("a path");
        let (far, lost) = far(&ran.stdout).expect("it said how far it came");
        assert_eq!(far, sound.len());
        assert_kept(&Sound::of_recording(Path::new(path)), &sound, (far, lost), 320);
    }
    // Nobody pressed: nothing is said, and nothing is kept.
    let ran = Ran::of(call(softphone().expect("there is a compiler"), &desk, &raw, 16_000, "anna", &[]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.lines().all(|line| line.starts_with("at ")), "{}", ran.stdout);
    assert_eq!(desk.stop().audio_files().len(), 4);
}

#[test]
fn the_softphone_in_c_says_what_to_do_if_there_is_no_engine_or_it_is_refused() {
    let Some(program) = softphone() else { return };
    let desk = Desk::open(&["--one-in", "0"]);
    let raw = raw_of(&desk, "call.raw", &Sound::noise(8_000, 160, 12));
    for (rate, words) in [(7_999, "8000 to 48000"), (48_001, "8000 to 48000")] {
        let ran = Ran::of(call(program, &desk, &raw, rate, "anna", &[]));
        assert_eq!((ran.code, ran.stderr.lines().count()), (1, 1), "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    let command = call(program, &desk, &raw, 8_000, "anna", &[]);
    let _home = desk.stop();
    let ran = Ran::of(command);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("retrocall run"), "{}", ran.stderr);
}

/// A softphone that runs, with what it has said.
struct Phone {
    child: Child,
    said: thread::JoinHandle<String>,
}

impl Phone {
    fn start(mut command: Command) -> Phone {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a softphone");
        let mut stdout = child.stdout.take().expect("its output");
        let said = thread::spawn(move || {
            let mut said = String::new();
            stdout.read_to_string(&mut said).expect("text");
            said
        });
        Phone { child, said }
    }

    /// Kills it. Returns the call that it had pressed record for, if it came to that, and how far it said that it was.
    fn kill(mut self) -> (Option<String>, (usize, usize)) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
        let said = self.said.join().expect("a reader");
        let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let pressed = whole.lines().find_map(|line| line.strip_prefix("recording ").map(str::to_owned));
        (pressed, far(whole).unwrap_or_default())
    }
}

#[test]
fn a_softphone_killed_at_any_moment_leaves_the_engine_unharmed_and_each_pressed_call_whole() {
    let Some(program) = softphone() else { return };
    let (seed, mut random) = rig::random("kills");
    let desk = Desk::open_with("grace = \"1s\"\n", &["--one-in", "0", "--memory", "16MiB"]);
    let good = GoodCall::begin(&desk, seed);
    let sound = Sound::noise(8_000, 8_000, seed);
    let raw = raw_of(&desk, "call.raw", &sound);
    let mut pressed = Vec::new();
    for round in 0..10 {
        let command = |phone: usize| call(program, &desk, &raw, 8_000, &format!("agent-{round}-{phone}"), &["0"]);
        let mut phones: Vec<Phone> = (0..10).map(|phone| Phone::start(command(phone))).collect();
        // Some before they have begun, some after all is said.
        while !phones.is_empty() {
            thread::sleep(Duration::from_millis(random.random_range(0..150)));
            let phone = phones.swap_remove(random.random_range(0..phones.len()));
            let (call, far) = phone.kill();
            pressed.extend(call.map(|call| (call, far)));
        }
    }
    let mut eye = desk.client();
    wait_for("the end of every killed call", || {
        let calls = eye.ask(Request::new(Target::Own, Ask::Calls)).expect("an answer").calls.expect("a list");
        calls.iter().all(|call| call.agent == "good").then_some(())
    });
    let recordings = wait_for("the recordings", || {
        let rows = desk.recordings();
        let all = pressed.iter().all(|(call, _)| rows.iter().any(|row| row["call"] == call.as_str()));
        all.then_some(rows)
    });
    eprintln!("{} of 100 softphones had pressed record when they were killed", pressed.len());
    for (call, far) in &pressed {
        let row = recordings.iter().find(|row| row["call"] == call.as_str()).expect("it was just seen");
        let kept = Sound::of_recording(Path::new(row["path"].as_str().expect("a path")));
        // What it had said to have pushed is there, and all that is there is what it pushed.
        assert_kept(&kept, &sound, *far, 160);
    }
    good.must_be_kept_bit_for_bit();
    desk.stop();
}

#[test]
fn an_engine_killed_at_any_moment_does_not_harm_the_softphone() {
    let Some(program) = softphone() else { return };
    let (_, mut random) = rig::random("killed engines");
    for _ in 0..5 {
        let desk = Desk::open(&["--one-in", "0"]);
        let raw = raw_of(&desk, "call.raw", &Sound::noise(8_000, 4_800, 13));
        let mut command = call(program, &desk, &raw, 8_000, "anna", &["0"]);
        let mut phone = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a softphone");
        let mut lines = BufReader::new(phone.stdout.take().expect("its output")).lines();
        lines.next().expect("it has begun").expect("text");
        thread::sleep(Duration::from_millis(random.random_range(0..300)));
        let _home = desk.kill();
        // It looks for another one to the end of the phone call, says what happened, and no signal ends it.
        let said = phone.wait_with_output().expect("it ends");
        let words = String::from_utf8(said.stderr).expect("text");
        assert_eq!(said.status.code(), Some(1), "{words}");
        assert!(words.contains("the phone call goes on"), "{words}");
    }
}

#[test]
fn the_softphone_in_c_goes_on_when_the_engine_is_back_and_both_parts_are_kept() {
    let Some(program) = softphone() else { return };
    let sound = Sound::noise(8_000, 48_000, 14);
    let mut desk = Desk::open(&["--one-in", "0"]);
    let raw = raw_of(&desk, "call.raw", &sound);
    let mut phone =
        call(program, &desk, &raw, 8_000, "anna", &["0"]).stdout(Stdio::piped()).spawn().expect("a softphone");
    let mut lines = BufReader::new(phone.stdout.take().expect("its output")).lines().map(|line| line.expect("text"));
    let first = lines.find_map(|line| line.strip_prefix("recording ").map(str::to_owned)).expect("it is pressed");
    wait_for("the pressed call on disk", || desk.holds(&sound.legs[1][8_000..8_100]).then_some(()));
    desk = desk.kill().start(&["--one-in", "0"]);
    let second = lines.find_map(|line| line.strip_prefix("goes on as ").map(str::to_owned)).expect("it goes on");
    let kept = lines.last().expect("a path");
    assert!(phone.wait().expect("it ends").success());
    let rows = desk.recordings();
    let row = |call: &str| rows.iter().find(|row| row["call"] == call).unwrap_or_else(|| panic!("{call}: {rows:#?}"));
    assert_eq!((row(&second)["continues"].as_str(), row(&second)["path"].as_str()), (Some(&*first), Some(&*kept)));
    let parts =
        [row(&first), row(&second)].map(|row| Sound::of_recording(Path::new(row["path"].as_str().expect("a path"))));
    parts[0].assert_is(&rig::head_of(&sound, parts[0].len()));
    // It goes on at the frame that came next: what was pushed in between was nobody's.
    let rest = &parts[1].legs[0];
    let from = (0..sound.len() - rest.len() + 1).find(|from| sound.legs[0][*from..].starts_with(&rest[..160]));
    let from = from.expect("it is of the call");
    assert!(from >= parts[0].len(), "{from}");
    assert_kept(&parts[1], &tail(&sound, from), (rest.len(), 20), 160);
    desk.stop();
}

/// Samples of a sound from there on.
fn tail(sound: &Sound, from: usize) -> Sound {
    Sound { rate: sound.rate, legs: sound.legs.each_ref().map(|leg| leg[from..].to_vec()) }
}
