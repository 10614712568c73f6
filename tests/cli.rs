//! What is typed, as it is typed: help, wrong usage, and what every command says when something is missing.
//!
//! `TRYCMD=overwrite cargo test --test cli` writes down what is said now; read the difference before you keep it.

use std::{
    io::{BufRead, BufReader, Read as _, Write as _},
    path::Path,
    process::{Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use retrocall::words::{Clock as _, SystemClock};

/// 45 seconds of talk.
const TALK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/talk-8k.wav");

#[test]
fn what_is_typed_is_answered_as_written_down() {
    trycmd::TestCases::new()
        .env("COLUMNS", "100")
        .env("HOME", "/home/nobody-here")
        .env("XDG_DATA_HOME", "/home/nobody-here/data")
        .case("tests/cli/*.trycmd");
}

/// The whole of it with a real engine: what the demo proves, it must prove here as well.
#[test]
fn the_demo_keeps_the_pressed_call_and_finds_nothing_of_the_others() {
    let place = tempfile::tempdir().expect("a folder");
    let run = Command::new(env!("CARGO_BIN_EXE_retrocall"))
        .args(["demo", "--speed", "0", "--json", "--allow-unlocked"])
        .env("TMPDIR", place.path())
        .output()
        .expect("the program runs");
    let words = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{words}");
    let found: serde_json::Value = serde_json::from_slice(&run.stdout).expect("one object");
    let calls = found["calls"].as_array().expect("calls");
    let pressed = calls.iter().find(|call| !call["pressed_at"].is_null()).expect("a call with a late press");
    assert_eq!((&pressed["kept"], &pressed["exact"]), (&true.into(), &true.into()));
    assert_eq!((&pressed["seconds"], &pressed["pressed_at"]), (&45.0.into(), &30.0.into()));
    assert!(pressed["reasons"].as_array().expect("reasons").contains(&"on-demand".into()));
    assert_eq!(found["windows_found"], 0);
    assert_eq!(found["kept_windows_found"], found["kept_windows_searched"]);
    assert!(found["windows_searched"].as_u64().expect("a number") > 10_000);
    // The draw may pick any number of calls; every one that it picked is there bit for bit, and no other file is.
    let kept = calls.iter().filter(|call| call["kept"] == true);
    assert!(kept.clone().all(|call| call["exact"] == true));
    assert_eq!(found["stray_files"], serde_json::json!([]));
}

/// On a terminal, as somebody sees it who types it; everywhere else it ends by itself.
#[test]
fn the_demo_ends_with_a_page_on_which_its_recordings_wait_until_ctrl_c() {
    let place = tempfile::tempdir().expect("a folder");
    let pty = nix::pty::openpty(None, None).expect("a terminal");
    let end = || Stdio::from(pty.slave.try_clone().expect("its end"));
    let mut demo = Command::new(env!("CARGO_BIN_EXE_retrocall"))
        .args(["demo", "--speed", "0", "--allow-unlocked"])
        .env("TMPDIR", place.path())
        .stdin(end())
        .stdout(end())
        .stderr(end())
        .spawn()
        .expect("the program runs");
    drop(pty.slave);
    let mut said = String::new();
    let mut lines = BufReader::new(std::fs::File::from(pty.master));
    // The terminal's end is an error for whoever reads it.
    while !said.contains("The pages are at") && lines.read_line(&mut said).is_ok_and(|bytes| bytes > 0) {}
    assert!(said.contains("Log in as tom"), "{said}");
    let address = said.split_once("The pages are at http://").expect("an address").1.trim().trim_end_matches('/');
    let mut page = std::net::TcpStream::connect(address).expect("pages");
    write!(page, "GET /login HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("asked");
    let mut answer = String::new();
    page.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("type=\"password\""), "{answer}");
    // As the terminal does for whoever presses Ctrl-C.
    kill(Pid::from_raw(demo.id() as i32), Signal::SIGINT).expect("our child takes signals");
    assert_eq!(demo.wait().expect("it ends").code(), Some(0));
}

/// As `make demo` has it: `cargo run` becomes the demo, and the kernel goes on counting what its compilers wrote.
#[test]
fn the_demo_counts_what_its_engine_wrote_and_not_what_ran_before_it_in_the_same_process() {
    let place = tempfile::tempdir().expect("a folder");
    let run = Command::new("sh")
        .args(["-ec", "dd if=/dev/zero of=before bs=1M count=64 conv=fsync status=none; exec \"$@\"", "sh"])
        .args([env!("CARGO_BIN_EXE_retrocall"), "demo", "--speed", "0", "--json", "--allow-unlocked"])
        .current_dir(place.path())
        .env("TMPDIR", place.path())
        .output()
        .expect("the program runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let found: serde_json::Value = serde_json::from_slice(&run.stdout).expect("one object");
    // Not there where the kernel does not count: folders in memory.
    let wrote = found["engine_wrote_bytes"].as_u64().unwrap_or_default();
    assert!(wrote < 32 << 20, "{wrote} bytes, of a desk that has 5 MiB to say");
}

/// An engine in a folder of its own, stopped and waited for when a test is over.
struct Engine {
    home: tempfile::TempDir,
    child: std::process::Child,
}

impl Engine {
    fn start() -> Engine {
        let home = tempfile::tempdir().expect("a folder");
        let mut child =
            retrocall(home.path(), &["run", "--one-in", "0", "--allow-unlocked", "--memory", "32MiB", "--json"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("the program runs");
        // It says when it is ready; if it ends instead, the line is empty.
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("it can be read");
        assert!(line.contains("ready"), "the engine did not start: {line}");
        Engine { home, child }
    }

    fn run(&self, typed: &[&str]) -> Output {
        retrocall(self.home.path(), typed).output().expect("the program runs")
    }

    fn json(&self, typed: &[&str]) -> serde_json::Value {
        let out = self.run(typed);
        serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{typed:?} printed no JSON: {out:?}"))
    }

    fn stop(&mut self) -> ExitStatus {
        let id = Pid::from_raw(i32::try_from(self.child.id()).expect("an id"));
        kill(id, Signal::SIGTERM).expect("it is ours");
        self.child.wait().expect("it is ours")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.stop();
        }
    }
}

fn retrocall(home: &Path, typed: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retrocall"));
    command.arg("--home").arg(home).args(typed);
    command
}

#[test]
fn a_late_press_is_played_kept_and_listed_and_the_engine_stops_with_0() {
    let mut engine = Engine::start();
    let played = engine.json(&["replay", TALK, "--speed", "0", "--agent", "anna", "--record-at", "30", "--json"]);
    assert_eq!((&played["record"], &played["seconds"]), (&"accepted".into(), &45.0.into()));
    let path = Path::new(played["path"].as_str().expect("a path"));
    assert!(path.is_absolute());
    let samples = |file: &Path| {
        let mut reader = hound::WavReader::open(file).expect("a WAV file");
        reader.samples::<i16>().collect::<Result<Vec<_>, _>>().expect("samples")
    };
    assert!(samples(path) == samples(Path::new(TALK)), "what is kept differs from what was played");
    let listed = engine.json(&["recordings", "--json"]);
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["call"]), (Some(1), &played["call"]));
    assert_eq!(listed[0]["path"], played["path"]);
    assert_eq!(engine.json(&["calls", "--json"]), serde_json::json!([]));
    assert!(engine.stop().success());
    // Without the engine the list is the same.
    assert_eq!(engine.json(&["recordings", "--json"]), listed);
}

#[test]
fn a_press_on_a_private_call_is_refused_with_exit_code_1_and_the_call_is_played_to_its_end() {
    let engine = Engine::start();
    let out = engine.run(&["replay", TALK, "--speed", "0", "--private-at", "10", "--record-at", "30", "--json"]);
    assert_eq!(out.status.code(), Some(1));
    let played: serde_json::Value = serde_json::from_slice(&out.stdout).expect("one object");
    assert_eq!((&played["private"], &played["record"]), (&"accepted".into(), &"refused".into()));
    assert_eq!((&played["seconds"], &played["path"]), (&45.0.into(), &serde_json::Value::Null));
    assert!(played["reason"].as_str().expect("a reason").contains("private"));
    let said = String::from_utf8(out.stderr).expect("text");
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// Each control, typed while a call is live: it is played in real time, and ends when this test lets go of it.
#[test]
fn the_buttons_work_on_the_live_call_of_an_agent() {
    let engine = Engine::start();
    let mut call = retrocall(engine.home.path(), &["replay", TALK, "--agent", "anna"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    let deadline = SystemClock.now() + Duration::from_secs(60);
    while engine.json(&["calls", "--json"]).as_array().is_none_or(Vec::is_empty) {
        assert!(SystemClock.now() < deadline, "the call does not begin");
    }
    let said = |typed: &[&str]| {
        let out = engine.run(&[typed, &["--agent", "anna"]].concat());
        (
            out.status.code(),
            String::from_utf8(out.stdout).expect("text") + &String::from_utf8(out.stderr).expect("text"),
        )
    };
    for (typed, code, words) in [
        (&["mask"][..], 0, "Masked"),
        (&["mask"], 0, "Already so"),
        (&["unmask"], 0, "Unmasked"),
        (&["object"], 0, "can't be in the sample"),
        (&["record"], 0, "Recording anna's call from its first second"),
        (&["record"], 0, "Already recording anna's call"),
        (&["erase-last", "0.1"], 0, "Erased"),
        (&["private"], 1, "private was refused"),
    ] {
        let (exit, line) = said(typed);
        assert_eq!(exit, Some(code), "{typed:?}: {line}");
        assert!(line.contains(words), "{typed:?}: {line}");
        assert_eq!(line.lines().count(), 1, "{typed:?}: {line}");
    }
    let live = engine.json(&["calls", "--json"]);
    assert_eq!(
        (&live[0]["agent"], &live[0]["recording"], &live[0]["masked"]),
        (&"anna".into(), &true.into(), &false.into())
    );
    call.kill().expect("it is ours");
    call.wait().expect("it is ours");
    let out = engine.run(&["record", "--agent", "bert"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("no live call"));
}

#[test]
fn the_doctor_finds_nothing_that_fails_beside_a_running_engine() {
    let engine = Engine::start();
    let checks = engine.json(&["doctor", "--json"]);
    let state = |name: &str| {
        let check = checks.as_array().and_then(|checks| checks.iter().find(|check| check["check"] == name));
        check.unwrap_or_else(|| panic!("no {name} in {checks}"))["state"].clone()
    };
    for name in ["settings", "home", "recordings", "disk", "socket"] {
        assert_ne!(state(name), "fail", "{name} in {checks}");
    }
    assert_ne!(state("engine"), "fail");
}
