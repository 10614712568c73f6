//! A desk for tests: the real program as a child process in a home of its own, and what a user can do to it.
//!
//! Belongs here: starting and stopping engines, typing commands, reading what is kept. Does not: what must be true of it.

// Every test program takes what it needs of this.
#![allow(dead_code, unused_imports)]

mod sound;

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use retrocall::{
    audio::{Codec, Leg, Rate},
    catalog,
    client::Client,
    protocol::{Answer, Ask, Begin, CallId, Event, Request, Target, Verdict},
    words::{Clock as _, SystemClock},
};
use serde_json::Value;
use tempfile::TempDir;

pub use sound::{Sound, Traces, bytes_hold};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_retrocall");
/// How long anything may take before the test is given up: it means that something hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often we look at what tells nobody that it changed.
const LOOK: Duration = Duration::from_millis(5);

/// A home folder. It outlives engines, so that a test can start another one in it.
pub struct Home {
    folder: TempDir,
    path: PathBuf,
}

impl Home {
    /// An empty home.
    pub fn new() -> Home {
        Home::with_settings("")
    }

    /// A home with a `retrocall.toml` of these lines.
    pub fn with_settings(toml: &str) -> Home {
        let folder = TempDir::with_prefix("desk-").expect("a temporary folder");
        // The engine's log lies beside the home, for tests look at every byte in there.
        let path = fs::canonicalize(folder.path()).expect("its real path").join("home");
        fs::create_dir(&path).expect("a home folder");
        if !toml.is_empty() {
            fs::write(path.join("retrocall.toml"), toml).expect("settings");
        }
        Home { folder, path }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A place for files of the test's own, outside the home.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes rows of the catalog, as time or some other program could.
    pub fn execute(&self, sql: &'static str) {
        self.catalog().execute_batch(sql).expect("a change");
    }

    /// Whether somebody has the catalog to write in it, at this moment.
    pub fn is_being_written(&self) -> bool {
        let catalog = self.catalog();
        catalog.busy_timeout(Duration::ZERO).expect("a catalog");
        catalog.execute_batch("BEGIN IMMEDIATE").is_err()
    }

    /// One value from the catalog, as text.
    pub fn one(&self, sql: &'static str) -> String {
        self.catalog().query_row(sql, [], |row| row.get(0)).expect("an answer")
    }

    fn catalog(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path.join("catalog.sqlite")).expect("a catalog")
    }

    /// Starts an engine in this home: `run` with these flags. See [`Desk::open`].
    pub fn start(self, flags: &[&str]) -> Desk {
        Desk::start_under(self, &[], flags)
    }

    /// The same with a program before the engine's own, like `strace`, and its arguments.
    pub fn start_under(self, before: &[&str], flags: &[&str]) -> Desk {
        Desk::start_under(self, before, flags)
    }

    /// The program with `--home` and these arguments, not yet run.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--home").arg(&self.path).args(args).stdin(Stdio::null());
        command
    }

    /// Types a command and waits for its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args))
    }

    /// Types a command with `--json`, which must succeed, and reads its last line.
    pub fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        assert_eq!(ran.code, 0, "retrocall {}: {}", args.join(" "), ran.stderr);
        ran.json()
    }

    /// `retrocall replay FILE --speed 0 --json` with these flags more. Its last line, whatever the exit code.
    pub fn replay(&self, file: &Path, flags: &[&str]) -> Value {
        let file = file.to_str().expect("a path in UTF-8");
        self.run(&[&["replay", file, "--speed", "0", "--json"], flags].concat()).json()
    }

    /// What `retrocall check --json` says, which must find nothing.
    #[track_caller]
    pub fn check(&self) -> Value {
        let ran = self.run(&["check", "--json"]);
        let report = ran.json();
        assert_eq!((ran.code, &report["findings"]), (0, &serde_json::json!([])), "{report:#}");
        report
    }

    /// The id of the first listed recording of this agent.
    pub fn recording_of(&self, agent: &str) -> String {
        let recordings = self.recordings();
        let found = recordings.iter().find(|recording| recording["agent"] == agent).expect("it is listed");
        found["id"].as_str().expect("it is in the catalog").to_owned()
    }

    /// What `retrocall recordings --json` lists.
    pub fn recordings(&self) -> Vec<Value> {
        self.json(&["recordings"]).as_array().expect("one array").clone()
    }

    /// The ledger's rows, once they satisfy `is_so`: the catalog writes behind the calls.
    pub fn ledger(&self, is_so: impl Fn(&[catalog::CallRow]) -> bool) -> Vec<catalog::CallRow> {
        wait_for("the ledger's rows", || {
            Some(catalog::calls(&self.path).expect("a catalog")).filter(|rows| is_so(rows))
        })
    }

    /// Every regular file under the home.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.path.clone()];
        while let Some(folder) = folders.pop() {
            // What is renamed or gone while we look is looked for again by whoever waits for it.
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(kind) if kind.is_file() => files.push(entry.path()),
                    _ => {}
                }
            }
        }
        files.sort();
        files
    }

    /// The files in `recordings`, published or not.
    pub fn audio_files(&self) -> Vec<PathBuf> {
        let recordings = self.path.join("recordings");
        self.files().into_iter().filter(|file| file.starts_with(&recordings)).collect()
    }

    /// Whether any file under the home has these samples of one leg in it, one after the other: as the leg alone, or as a
    /// channel of a stereo file.
    pub fn holds(&self, samples: &[i16]) -> bool {
        self.files().iter().any(|file| fs::read(file).is_ok_and(|bytes| bytes_hold(&bytes, samples)))
    }

    /// Whether any file under the home has anything of this stretch of a call in it: see [`Traces`].
    pub fn holds_any(&self, sound: &Sound, from: usize, to: usize) -> bool {
        let traces = Traces::of(sound, from, to);
        self.files().iter().any(|file| fs::read(file).is_ok_and(|bytes| traces.are_in(&bytes)))
    }

    /// What the engines in this home have logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.beside("engine.log")).unwrap_or_default()
    }
}

/// An engine that runs. Dropped, it is killed.
pub struct Desk {
    /// None once the engine has been waited for: the test has it then.
    home: Option<Home>,
    engine: Option<Child>,
    socket: PathBuf,
    ready: Value,
}

impl Deref for Desk {
    type Target = Home;

    fn deref(&self) -> &Home {
        self.home.as_ref().expect("the engine was not waited for")
    }
}

impl Desk {
    /// An engine in an empty home: `retrocall run --json`, with 4 MiB (that much any user may lock) and these flags more.
    /// It is ready for clients when this returns.
    pub fn open(flags: &[&str]) -> Desk {
        Home::new().start(flags)
    }

    /// The same, with a `retrocall.toml` of these lines.
    pub fn open_with(toml: &str, flags: &[&str]) -> Desk {
        Home::with_settings(toml).start(flags)
    }

    fn start_under(home: Home, before: &[&str], flags: &[&str]) -> Desk {
        let log = File::options().create(true).append(true).open(home.beside("engine.log")).expect("a log");
        // Flags can be given once only: what a test sets is not set here.
        let mut args = vec!["run", "--json", "--allow-unlocked"];
        if !flags.contains(&"--memory") {
            args.extend(["--memory", "4MiB"]);
        }
        args.extend(flags);
        let own = home.command(&args);
        let mut command = match before {
            [] => own,
            [program, rest @ ..] => {
                let mut command = Command::new(program);
                command.args(rest).arg(PROGRAM).args(own.get_args()).stdin(Stdio::null());
                command
            }
        };
        let mut engine = command.stdout(Stdio::piped()).stderr(log).spawn().expect("an engine");
        let stdout = engine.stdout.take().expect("its output");
        let mut desk = Desk { home: Some(home), engine: Some(engine), socket: PathBuf::new(), ready: Value::Null };
        let (lines, line) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        let Ok(line) = line.recv_timeout(PATIENCE) else { panic!("the engine did not start:\n{}", desk.log()) };
        desk.ready = serde_json::from_str(&line).expect("a line of JSON");
        assert_eq!(desk.ready["ready"], true, "{line}");
        desk.socket = desk.ready["socket"].as_str().expect("a socket").into();
        desk
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What the engine said when it was ready.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// The engine's process: our child, or the child of the program that it runs under.
    pub fn pid(&self) -> Pid {
        assert!(self.engine.is_some(), "it runs, so that its id is its own");
        let pid = self.ready["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        Pid::from_raw(pid.expect("the engine said its process id"))
    }

    /// A connection to it.
    pub fn client(&self) -> Client {
        Client::connect(&self.socket).expect("a connection")
    }

    /// Sends the engine a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("our child takes signals");
    }

    /// Waits for the engine's end.
    pub fn wait(mut self) -> (ExitStatus, Home) {
        let status = wait_for("the engine's end", || {
            self.engine.as_mut().expect("it runs").try_wait().expect("our child can be waited for")
        });
        self.engine = None;
        (status, self.home.take().expect("it is taken only here"))
    }

    /// Asks the engine to stop (SIGTERM) and waits until it has: with exit code 0.
    pub fn stop(self) -> Home {
        self.signal(Signal::SIGTERM);
        let (status, home) = self.wait();
        assert_eq!(status.code(), Some(0), "the engine stopped with {status}:\n{}", home.log());
        home
    }

    /// Kills the engine (`kill -9`).
    pub fn kill(self) -> Home {
        self.signal(Signal::SIGKILL);
        self.wait().1
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if self.engine.is_some() && !self.ready.is_null() {
            let _ = kill(self.pid(), Signal::SIGKILL);
        }
        if let Some(mut engine) = self.engine.take() {
            let _ = engine.kill();
            let _ = engine.wait();
            if thread::panicking() {
                eprintln!("what the engine logged:\n{}", self.log());
            }
        }
    }
}

/// A command that was run to its end.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Runs a command, which gets killed if it does not end.
    pub fn of(mut command: Command) -> Ran {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
        let (done, output) = mpsc::channel::<Output>();
        thread::spawn(move || child.wait_with_output().map(|output| done.send(output)));
        let Ok(output) = output.recv_timeout(PATIENCE) else {
            // It was not waited for, so the id is still its own.
            let _ = kill(pid, Signal::SIGKILL);
            panic!("{command:?} does not end");
        };
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The last line of its output, as JSON.
    pub fn json(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_else(|| panic!("nothing was printed: {self:?}"));
        serde_json::from_str(last)
            .or_else(|_| serde_json::from_str(&self.stdout))
            .unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// Looks again and again until there is something, for as long as our patience lasts.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = SystemClock.now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(SystemClock.now() < deadline, "{what} did not come within {} s", PATIENCE.as_secs());
        thread::sleep(LOOK);
    }
}

/// A fixture call.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A call that a test carries itself, sample by sample, over a connection of its own.
pub struct Line {
    pub client: Client,
    pub call: CallId,
    pub channel: u32,
}

impl Line {
    /// Begins a PCM16 call of `agent`.
    pub fn begin(desk: &Desk, agent: &str, rate: u32) -> Line {
        Line::begin_on(desk.client(), agent, rate)
    }

    /// The same, on a connection that is there.
    pub fn begin_on(client: Client, agent: &str, rate: u32) -> Line {
        Line::announce(client, Begin::new(agent, Rate::new(rate).expect("a rate"), Codec::Pcm16)).0
    }

    /// Begins this call, which must be accepted; with the answer.
    pub fn announce(mut client: Client, begin: Begin) -> (Line, Answer) {
        let answer = client.ask(Request::new(Target::Own, Ask::Begin(begin))).expect("an answer");
        assert_eq!(answer.answer, Verdict::Accepted, "{answer:?}");
        let (call, channel) = (answer.call.expect("an id"), answer.channel.expect("a channel"));
        (Line { client, call, channel }, answer)
    }

    /// Sends a frame of one leg.
    pub fn frame(&mut self, leg: Leg, position: usize, samples: &[i16]) {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.client.send_audio(leg, self.channel, position as u64, &bytes).expect("the engine takes audio");
    }

    /// Sends both legs of a stretch, in frames of 20 ms.
    pub fn talk(&mut self, sound: &Sound, from: usize, to: usize) {
        let frame = (sound.rate / 50) as usize;
        for start in (from..to).step_by(frame) {
            let end = (start + frame).min(to);
            for leg in Leg::ALL {
                self.frame(leg, start, &sound.legs[leg.index()][start..end]);
            }
        }
        self.client.flush().expect("the engine takes audio");
    }

    /// Asks something about this call.
    pub fn ask(&mut self, ask: Ask) -> Answer {
        self.client.ask(Request::new(Target::Channel(self.channel), ask)).expect("an answer")
    }

    /// Asks something that must be accepted.
    #[track_caller]
    pub fn accepted(&mut self, ask: Ask) -> Answer {
        let answer = self.ask(ask);
        assert_eq!(answer.answer, Verdict::Accepted, "{answer:?}");
        answer
    }

    /// Comes back when the engine has all that was sent: an answer says that what came before it has taken effect.
    pub fn settle(&mut self) {
        self.accepted(Ask::Dtmf { digit: '0', leg: None });
    }

    /// Hangs up.
    pub fn end(&mut self) {
        self.accepted(Ask::End);
    }

    /// A whole short call of noise at 8 kHz. If record is pressed in it, this waits for the recording; nobody is told of one that was only drawn.
    pub fn play(desk: &Desk, agent: &str, presses: bool) -> Option<PathBuf> {
        let mut line = Line::begin(desk, agent, 8_000);
        line.talk(&Sound::noise(8_000, 4_000, 7), 0, 4_000);
        if presses {
            line.accepted(Ask::Record);
            return Some(line.end_and_keep());
        }
        line.end();
        None
    }

    /// Hangs up, and waits for the recording.
    pub fn end_and_keep(&mut self) -> PathBuf {
        self.end();
        self.kept()
    }

    /// Waits for this call's recording.
    pub fn kept(&mut self) -> PathBuf {
        let deadline = SystemClock.now() + PATIENCE;
        loop {
            let left = SystemClock.until(deadline);
            match self.client.next_event(left).expect("a connection") {
                Some(Event::Kept { call, path, .. }) if call == self.call => return path,
                Some(_) => {}
                None => panic!("the recording was not reported as kept"),
            }
        }
    }
}
