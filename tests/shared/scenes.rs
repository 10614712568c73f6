//! Programs in C for which the engine is stopped, killed, frozen, or asked something by others, at the moments that they say.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Command, Stdio},
};

use nix::sys::signal::{Signal, kill};
use retrocall::protocol::{Ask, CallId, Request, Target, Verdict};

use super::{
    desk::{Desk, Home, Ran, Sound},
    library::{STATIC, library},
};

const FLAGS: [&str; 2] = ["--one-in", "0"];

/// An engine that is there, or is gone.
enum Scene {
    There(Desk),
    Gone(Home),
}

impl Scene {
    fn desk(&self) -> &Desk {
        match self {
            Scene::There(desk) => desk,
            Scene::Gone(_) => panic!("the program asks something of an engine that is gone"),
        }
    }

    /// Does what a program says: `@kill`, `@mask ID`.
    fn play(self, said: &str) -> Scene {
        let (what, about) = said.split_once(' ').expect("a word, and what about");
        match (what, self) {
            ("kill", Scene::There(desk)) => Scene::Gone(desk.kill()),
            ("stop", Scene::There(desk)) => Scene::Gone(desk.stop()),
            ("start", Scene::Gone(home)) => Scene::There(home.start(&FLAGS)),
            (what, scene) => {
                let desk = scene.desk();
                match what {
                    "freeze" => kill(desk.pid(), Signal::SIGSTOP).expect("our child takes signals"),
                    "thaw" => kill(desk.pid(), Signal::SIGCONT).expect("our child takes signals"),
                    control => ask(desk, control, about.parse().expect("an id")),
                }
                scene
            }
        }
    }
}

/// Another program asks something for a call.
fn ask(desk: &Desk, control: &str, call: CallId) {
    let ask = [Ask::Mask, Ask::Unmask, Ask::Hold, Ask::Resume, Ask::Object, Ask::Record, Ask::Private]
        .into_iter()
        .find(|ask| ask.verb().as_str() == control)
        .unwrap_or_else(|| panic!("no control is called {control}"));
    let answer = desk.client().ask(Request::new(Target::Call(call), ask)).expect("an answer");
    assert_eq!(answer.answer, Verdict::Accepted, "{control}: {answer:?}");
}

/// Runs a program with a desk, and does what it says. Returns what it printed besides, and the desk if it is still there.
fn run(desk: Desk, program: &Path, args: &[&str]) -> (String, Scene) {
    let mut command = Command::new(program);
    command.arg(desk.socket()).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut go_on = child.stdin.take().expect("its input");
    let (mut said, mut scene) = (String::new(), Scene::There(desk));
    for line in BufReader::new(child.stdout.take().expect("its output")).lines() {
        let line = line.expect("text");
        match line.strip_prefix('@') {
            Some(what) => {
                scene = scene.play(what);
                // A program that failed meanwhile says so in its own words.
                let _ = go_on.write_all(b"\n");
            }
            None => said += &format!("{line}\n"),
        }
    }
    let mut errors = String::new();
    child.stderr.take().expect("its errors").read_to_string(&mut errors).expect("text");
    let status = child.wait().expect("it ends");
    assert!(status.success() && errors.is_empty(), "{}: {status}: {errors}{said}", program.display());
    (said, scene)
}

#[test]
fn every_function_for_c_does_what_the_header_says() {
    let Some(library) = library() else { return };
    let desk = Desk::open(&FLAGS);
    let mut command = Command::new(library.build("tests/shared/every_function.c", "every-function", "c99", STATIC));
    command.arg(desk.socket());
    let ran = Ran::of(command);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let agent: Vec<i16> = (1..=960).collect();
    let customer = agent.iter().map(|sample| -sample).collect();
    let expected = Sound { rate: 8_000, legs: [agent, customer] };
    let expected = expected.silent(160, 320).silent(480, 640).silent(720, 800);
    Sound::of_recording(Path::new(ran.stdout.trim())).assert_is(&expected);
    desk.stop();
}

#[test]
fn what_each_function_for_c_returns_is_the_table_in_the_header_row_by_row() {
    let Some(library) = library() else { return };
    let program = library.build("tests/shared/return_codes.c", "return-codes", "c99", STATIC);
    let (said, scene) = run(Desk::open_with("calls_max = 20\n", &FLAGS), &program, &[]);
    let header =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wire/capi/retrocall.h")).expect("a header");
    let is_row = |line: &&str| line.starts_with("| ") && !line.starts_with("| function");
    let mut table: Vec<&str> = header.lines().filter_map(|line| line.strip_prefix(" * ")).filter(is_row).collect();
    let mut shown: Vec<&str> = said.lines().collect();
    assert!(table.len() > 40, "{table:#?}");
    table.sort_unstable();
    shown.sort_unstable();
    assert_eq!(shown, table);
    if let Scene::There(desk) = scene {
        desk.stop();
    }
}

#[test]
fn a_control_is_answered_while_another_thread_waits_and_what_others_do_is_told() {
    let Some(library) = library() else { return };
    let program = library.build("tests/shared/waiting.c", "waiting", "c99", STATIC);
    let (said, _scene) = run(Desk::open(&FLAGS), &program, &["1000"]);
    eprint!("{said}");
    let path = said.lines().last().expect("a path");
    assert!(Path::new(path).exists(), "{said}");
}

#[test]
fn a_push_makes_no_system_call_and_allocates_nothing_whatever_comes_of_it() {
    let Some(library) = library() else { return };
    let wraps = ["malloc", "calloc", "realloc", "free", "posix_memalign"].map(|name| format!("-Wl,--wrap={name}"));
    let wraps: Vec<&str> = wraps.iter().map(String::as_str).collect();
    let program = library.build_with("tests/shared/quiet.c", "quiet", "c11", STATIC, &wraps);
    let (_, scene) = run(Desk::open(&FLAGS), &program, &[]);
    if let Scene::There(desk) = scene {
        desk.stop();
    }
}
