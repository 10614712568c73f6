//! Being watched, as whoever watches sees it: `retrocall status`, a scrape, and what systemd hears. With the real program.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use retrocall::{
    audio::{Codec, Leg, Rate},
    client::Client,
    protocol::{Answer, Ask, Begin, Request, Status, Target, Verdict},
    words::{Clock as _, SystemClock},
};
use serde_json::Value;

/// 45 seconds of talk.
const TALK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/talk-8k.wav");
/// Long enough for the slowest machine; nothing is asserted about how long it takes.
const LIMIT: Duration = Duration::from_secs(60);

fn retrocall(home: &Path, typed: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retrocall"));
    command.arg("--home").arg(home).args(typed).env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_USEC");
    command
}

/// An engine in a folder of its own, stopped when a test is over.
struct Engine {
    home: tempfile::TempDir,
    child: Child,
    /// What it said when it was ready.
    ready: Value,
}

impl Engine {
    fn start(typed: &[&str]) -> Engine {
        Engine::start_with(tempfile::tempdir().expect("a folder"), typed, |_| {})
    }

    fn start_with(home: tempfile::TempDir, typed: &[&str], change: impl FnOnce(&mut Command)) -> Engine {
        let mut command = retrocall(home.path(), &["run", "--allow-unlocked", "--memory", "32MiB", "--json"]);
        command.args(typed).stdout(Stdio::piped()).stderr(Stdio::null());
        change(&mut command);
        let mut child = command.spawn().expect("the program runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("it can be read");
        let ready = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the engine did not start: {line}"));
        Engine { home, child, ready }
    }

    fn run(&self, typed: &[&str]) -> Output {
        retrocall(self.home.path(), typed).output().expect("the program runs")
    }

    fn status(&self) -> Status {
        let out = self.run(&["status", "--json"]);
        serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("no status: {out:?}"))
    }

    /// The status as soon as `is_so`.
    fn status_when(&self, is_so: impl Fn(&Status) -> bool) -> Status {
        let deadline = SystemClock.now() + LIMIT;
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            assert!(SystemClock.now() < deadline, "it does not come: {status:?}");
        }
    }

    fn scrape(&self) -> BTreeMap<String, f64> {
        let address = self.ready["metrics"].as_str().expect("an address");
        let mut stream = TcpStream::connect(address).expect("it listens");
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nAccept: text/plain\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, page) = answer.split_once("\r\n\r\n").expect("a head and a page");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("text/plain; version=0.0.4"), "{head}");
        assert!(!page.contains("anna") && !page.contains("5550123"), "nobody is named: {page}");
        parse(page)
    }

    fn stop(&mut self) -> Option<i32> {
        let id = Pid::from_raw(i32::try_from(self.child.id()).expect("an id"));
        kill(id, Signal::SIGTERM).expect("it is ours");
        self.child.wait().expect("it is ours").code()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.stop();
        }
    }
}

/// The page as a scraper reads it: each series has a type that was said before, and a number.
fn parse(page: &str) -> BTreeMap<String, f64> {
    let mut series = BTreeMap::new();
    let mut family = String::new();
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            kind.split(' ').next().expect("a name").clone_into(&mut family);
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            assert!(name.starts_with(&family), "{line} under {family}");
            let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            assert!(series.insert(name.to_owned(), value).is_none(), "{name} is there twice");
        }
    }
    series
}

/// A call that goes on for as long as its connection: some frames of both legs have come and been taken.
fn live_call(engine: &Engine) -> (Client, u32) {
    let socket = engine.home.path().join("engine.sock");
    let mut client = Client::connect(&socket).expect("an engine");
    let begin = Begin {
        customer: Some("+31205550123".into()),
        ..Begin::new("anna", Rate::new(8_000).expect("a rate"), Codec::Ulaw)
    };
    let channel = ask(&mut client, Target::Own, Ask::Begin(begin)).channel.expect("a channel");
    for frame in 0..50 {
        for leg in Leg::ALL {
            client.send_audio(leg, channel, frame * 160, &[frame as u8; 160]).expect("sent");
        }
    }
    client.flush().expect("sent");
    // Everything takes effect in order: when this is answered the frames are there.
    ask(&mut client, Target::Own, Ask::Calls);
    (client, channel)
}

fn ask(client: &mut Client, target: Target, ask: Ask) -> Answer {
    let answer = client.ask(Request::new(target, ask)).expect("an answer");
    assert_ne!(answer.answer, Verdict::Refused, "{answer:?}");
    answer
}

#[test]
fn the_figures_move_as_calls_come_and_are_kept_discarded_and_refused() {
    let mut engine = Engine::start(&["--one-in", "0", "--metrics", "127.0.0.1:0"]);
    let before = engine.scrape();
    assert_eq!((before["retrocall_calls_begun_total"], before["retrocall_recordings_total"]), (0.0, 0.0));
    assert_eq!(before["retrocall_memory_limit_bytes"], f64::from(32 << 20));

    let kept = engine.run(&["replay", TALK, "--speed", "0", "--agent", "anna", "--record-at", "30", "--json"]);
    assert!(kept.status.success());
    assert!(engine.run(&["replay", TALK, "--speed", "0", "--agent", "anna"]).status.success());
    assert_eq!(engine.run(&["record", "--agent", "nobody"]).status.code(), Some(1));
    let (mut client, channel) = live_call(&engine);
    // Whoever asks twice in a moment gets the same page.
    let deadline = SystemClock.now() + LIMIT;
    let live = std::iter::repeat_with(|| engine.scrape())
        .find(|page| page["retrocall_calls_begun_total"] == 3.0 || SystemClock.now() > deadline)
        .expect("a page");
    assert_eq!((live["retrocall_calls_live"], live["retrocall_calls_begun_total"]), (1.0, 3.0));
    assert!(live["retrocall_memory_held_bytes"] > 0.0);
    ask(&mut client, Target::Channel(channel), Ask::Private);
    ask(&mut client, Target::Channel(channel), Ask::End);
    // 45 s in frames of 20 ms, both legs, twice; and the live call's.
    let frames = f64::from(2 * 2 * 2_250 + 100);
    assert_eq!(live["retrocall_frames_total"], frames);

    let status = engine.status_when(|status| status.totals.discards == 2);
    let deadline = SystemClock.now() + LIMIT;
    let after = std::iter::repeat_with(|| engine.scrape())
        .find(|page| page["retrocall_discards_total"] == 2.0 || SystemClock.now() > deadline)
        .expect("a page");
    for (series, expected) in [
        ("retrocall_calls_live", 0.0),
        ("retrocall_calls_begun_total", 3.0),
        ("retrocall_frames_total", frames),
        ("retrocall_presses_total", 1.0),
        ("retrocall_presses_refused_total{reason=\"no-call\"}", 1.0),
        ("retrocall_selections_total{reason=\"on-demand\"}", 1.0),
        ("retrocall_selections_total{reason=\"sample\"}", 0.0),
        ("retrocall_recordings_total", 1.0),
        ("retrocall_discards_total", 2.0),
        ("retrocall_commits_waiting", 0.0),
        ("retrocall_memory_held_bytes", 0.0),
        ("retrocall_commit_after_press_seconds_count", 1.0),
        ("retrocall_commit_after_hangup_seconds_bucket{le=\"+Inf\"}", 1.0),
        ("retrocall_errors_total{kind=\"disk\"}", 0.0),
    ] {
        assert_eq!(after.get(series), Some(&expected), "{series}");
    }
    assert!(after["retrocall_wiped_bytes_total"] > live["retrocall_wiped_bytes_total"]);
    let file = serde_json::from_slice::<Value>(&kept.stdout).expect("one object")["path"].clone();
    let bytes = std::fs::metadata(file.as_str().expect("a path")).expect("a recording").len();
    assert_eq!(after["retrocall_recording_bytes_total"], bytes as f64);
    // The same by the socket, and for people.
    let totals = &status.totals;
    assert_eq!((totals.frames as f64, totals.recording_bytes, totals.recordings), (frames, bytes, 1));
    let page = String::from_utf8(engine.run(&["status"]).stdout).expect("text");
    assert!(page.contains("1 on disk (") && page.contains("1 call pressed for"), "{page}");
    // No count ever goes back but what is a measure of now.
    for (series, count) in before.iter().filter(|(series, _)| series.contains("_total")) {
        assert!(live[series] >= *count && after[series] >= live[series], "{series}");
    }
    drop(client);
    assert_eq!(engine.stop(), Some(0));
}

#[test]
fn while_a_call_is_live_no_figure_tells_whether_it_was_drawn() {
    let engines = ["0", "1"].map(|one_in| Engine::start(&["--one-in", one_in]));
    let mut calls = Vec::from(engines.each_ref().map(live_call));
    let [undrawn, drawn] = engines.each_ref().map(|engine| {
        let status = engine.status_when(|status| status.catalog_notes == 0 && status.connections == 2);
        // What no two engines have in common: their clocks, and what the helper thread has faulted in by now.
        Status { uptime_seconds: 0.0, ready_bytes: 0, locked_bytes: 0, ..status }
    });
    // Whoever looks is counted too, however often it took.
    let but_connections = |status: Status| {
        let mut totals = status.totals;
        (totals.connections_opened, totals.connections_closed) = (0, BTreeMap::new());
        Status { totals, ..status }
    };
    assert_eq!(but_connections(undrawn), but_connections(drawn));
    for (client, channel) in &mut calls {
        ask(client, Target::Channel(*channel), Ask::End);
    }
    let [undrawn, drawn] = &engines;
    let status = drawn.status_when(|status| status.totals.recordings == 1);
    assert_eq!((status.totals.selections["sample"], status.totals.discards), (1, 0));
    let status = undrawn.status_when(|status| status.totals.discards == 1);
    assert_eq!((status.totals.selections.len(), status.totals.recordings), (0, 0));
}

#[test]
fn metrics_are_off_by_default_on_by_the_setting_and_a_taken_port_is_named() {
    let engine = Engine::start(&[]);
    assert_eq!(engine.ready["metrics"], Value::Null);

    let home = tempfile::tempdir().expect("a folder");
    std::fs::write(home.path().join("retrocall.toml"), "metrics = \"127.0.0.1:0\"\n").expect("settings");
    let by_setting = Engine::start_with(home, &[], |_| {});
    assert_eq!(by_setting.scrape()["retrocall_calls_live"], 0.0);

    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let home = tempfile::tempdir().expect("a folder");
    let run = ["run", "--allow-unlocked", "--memory", "32MiB", "--metrics", &address];
    let out = retrocall(home.path(), &run).output().expect("the program runs");
    let said = String::from_utf8(out.stderr).expect("text");
    assert_eq!(out.status.code(), Some(1));
    assert!(said.contains(&format!("can't show the metrics at {address}")) && said.contains("--metrics"), "{said}");
}

#[test]
fn systemd_hears_that_the_engine_is_ready_alive_and_stopping() {
    let home = tempfile::tempdir().expect("a folder");
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).expect("a socket");
    supervisor.set_read_timeout(Some(LIMIT)).expect("a timeout");
    let hear = || {
        let mut message = [0; 1_024];
        let bytes = supervisor.recv(&mut message).expect("it says something");
        String::from_utf8(message[..bytes].to_vec()).expect("text")
    };
    let mut engine = Engine::start_with(home, &[], |command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    });
    let ready = hear();
    assert!(ready.lines().any(|line| line == "READY=1"), "{ready}");
    assert!(engine.home.path().join("engine.sock").exists());
    for _ in 0..3 {
        assert_eq!(hear(), "WATCHDOG=1\n");
    }
    let id = Pid::from_raw(i32::try_from(engine.child.id()).expect("an id"));
    kill(id, Signal::SIGTERM).expect("it is ours");
    let stopping = std::iter::repeat_with(hear).find(|said| said != "WATCHDOG=1\n").expect("it stops");
    assert!(stopping.lines().any(|line| line == "STOPPING=1"), "{stopping}");
    assert_eq!(engine.child.wait().expect("it is ours").code(), Some(0));
    assert!(!engine.home.path().join("engine.sock").exists(), "the socket goes with the engine");
}
