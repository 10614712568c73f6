//! A private engine: this very program as a child, which is stopped in every case.

use std::{
    env, fs,
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Once},
    thread,
    time::Duration,
};

use nix::{
    sys::{
        resource::{UsageWho, getrusage},
        signal::{SigSet, Signal, kill},
    },
    unistd::Pid,
};
use parking_lot::Mutex;

use super::{Failure, output, output::LOG_FILTER};
use retrocall_client::client::{Client, ClientError};
use retrocall_proof::inside::Asker;
use retrocall_settings::SOCKET_FILE;
use retrocall_words::{Clock as _, SystemClock};

/// The engine's log, in its home.
pub(super) const LOG_FILE: &str = "engine.log";
/// How long the engine may take until it listens.
const START_MAX: Duration = Duration::from_secs(20);
/// How long it may take to stop: it finishes every commit first.
const STOP_MAX: Duration = Duration::from_secs(60);
/// The unit of `ru_oublock` (getrusage(2); Linux: task_io_accounting_ops.h).
const RUSAGE_BLOCK_BYTES: u64 = 512;
/// Pause between two looks whether it has stopped.
const LOOK: Duration = Duration::from_millis(20);
/// Pause between two looks whether it listens: `bench` measures that time.
const LISTEN_LOOK: Duration = Duration::from_millis(1);

/// The engine's process, until it has been waited for: afterwards its id may be another process's.
type SharedChild = Arc<Mutex<Option<Child>>>;

/// Every private engine of this process, with its log.
static ALL: Mutex<Vec<(SharedChild, PathBuf)>> = Mutex::new(Vec::new());
static ENDS_WITH_US: Once = Once::new();

/// An engine that runs until this is dropped.
pub(super) struct PrivateEngine {
    child: SharedChild,
    pid: u32,
    log: PathBuf,
}

/// Makes a temporary folder, closed to others, that stays until it is removed.
pub(super) fn temporary_home(command: &str) -> Result<PathBuf, Failure> {
    let made = tempfile::Builder::new().prefix(&format!("retrocall-{command}-")).tempdir();
    let made = made.map_err(|error| {
        Failure::new(
            format!("no folder for the private engine can be made ({error})"),
            "set TMPDIR to a folder that you may write",
        )
    })?;
    Ok(made.keep())
}

/// The flags of `run` for every private engine.
pub(super) fn flags(one_in: u32, allow_unlocked: bool) -> Vec<String> {
    let mut flags = vec!["--one-in".to_owned(), one_in.to_string()];
    if allow_unlocked {
        flags.push("--allow-unlocked".to_owned());
    }
    flags
}

impl PrivateEngine {
    /// Starts an engine in `home`, and waits until it listens.
    pub(super) fn start(home: &Path, flags: &[String]) -> Result<PrivateEngine, Failure> {
        let mut command = command(home, flags)?;
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = spawn(&mut command)?;
        PrivateEngine::of(child, home)
    }

    /// Starts an engine in `home` that reports on its own memory, in the folder `works_in`, with a full log, and waits until it listens. `started`
    /// gets its process id before the engine does anything.
    pub(super) fn start_asked(
        home: &Path,
        works_in: &Path,
        flags: &[String],
        started: impl FnOnce(u32),
    ) -> Result<(PrivateEngine, Asker), Failure> {
        let mut command = command(home, flags)?;
        command.arg("--self-scan").current_dir(works_in).env(LOG_FILTER, "debug");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = spawn(&mut command)?;
        started(child.id());
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let asker = Asker::new(orders.expect("it has a pipe"), answers.expect("it has a pipe"));
        Ok((PrivateEngine::of(child, home)?, asker))
    }

    fn of(child: Child, home: &Path) -> Result<PrivateEngine, Failure> {
        let pid = child.id();
        let engine = PrivateEngine { child: Arc::new(Mutex::new(Some(child))), pid, log: home.join(LOG_FILE) };
        ALL.lock().push((Arc::clone(&engine.child), engine.log.clone()));
        ENDS_WITH_US.call_once(end_with_us);
        engine.wait_until_it_listens(&home.join(SOCKET_FILE))?;
        Ok(engine)
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Makes it fail at once, as a bug would. Returns how it ended; none if it had ended before, or does not end.
    pub(super) fn abort(self) -> Option<ExitStatus> {
        let mut held = self.child.lock();
        let child = held.as_mut()?;
        signal(child, Signal::SIGABRT);
        let deadline = SystemClock.now() + STOP_MAX;
        while SystemClock.now() < deadline {
            if let Ok(Some(status)) = child.try_wait() {
                *held = None;
                return Some(status);
            }
            thread::sleep(LOOK);
        }
        None
    }

    fn wait_until_it_listens(&self, socket: &Path) -> Result<(), Failure> {
        let deadline = SystemClock.now() + START_MAX;
        loop {
            match Client::connect(socket) {
                Ok(_) => return Ok(()),
                Err(ClientError::NoEngine { .. }) => {}
                Err(error) => return Err(Failure::whole(error)),
            }
            if self.has_ended() {
                return Err(Failure::whole(format!("the private engine did not start: {}", self.last_words())));
            }
            if SystemClock.now() > deadline {
                return Err(Failure::new("the private engine does not listen", self.last_words()));
            }
            thread::sleep(LISTEN_LOOK);
        }
    }

    fn has_ended(&self) -> bool {
        self.child.lock().as_mut().is_none_or(|child| matches!(child.try_wait(), Ok(Some(_)) | Err(_)))
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last = log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned();
        last.strip_prefix("retrocall: ").map_or(last.clone(), str::to_owned)
    }

    /// Asks it to stop, and waits until it has. Returns the bytes that it wrote to a disk, if the kernel counts them.
    ///
    /// # Errors It does not end, or ends badly.
    pub(super) fn stop(self) -> Result<Option<u64>, Failure> {
        let before = ended_children_wrote_bytes();
        match self.end() {
            true => Ok(ended_children_wrote_bytes()
                .zip(before)
                .map(|(now, before)| now.saturating_sub(before))
                .filter(|bytes| *bytes > 0)),
            false => {
                Err(Failure::new("the private engine did not stop cleanly", format!("see {}", self.log.display())))
            }
        }
    }

    /// Ends the engine. Returns whether it ended well, the first time only.
    fn end(&self) -> bool {
        let mut held = self.child.lock();
        let Some(mut child) = held.take() else { return true };
        signal(&child, Signal::SIGTERM);
        let deadline = SystemClock.now() + STOP_MAX;
        while SystemClock.now() < deadline {
            match child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) => thread::sleep(LOOK),
                Err(_) => break,
            }
        }
        // It had a minute, and holds nobody's call.
        let _ = child.kill();
        let _ = child.wait();
        false
    }
}

impl Drop for PrivateEngine {
    fn drop(&mut self) {
        self.end();
    }
}

/// From here on, a signal that ends this process ends its engines first.
fn end_with_us() {
    let signals = ending_signals();
    if signals.thread_block().is_err() {
        return;
    }
    thread::spawn(move || {
        if let Ok(received) = signals.wait() {
            let mut logs = Vec::new();
            for (child, log) in ALL.lock().iter() {
                if let Some(child) = &*child.lock() {
                    signal(child, Signal::SIGTERM);
                    logs.push(log.display().to_string());
                }
            }
            output::complain(&format!("stopped by {received}; the files so far are beside {}", logs.join(", ")));
            output::leave(128 + received as i32);
        }
    });
}

/// `retrocall run` in a home, with its log there.
fn command(home: &Path, flags: &[String]) -> Result<Command, Failure> {
    let mut log = OpenOptions::new();
    let log = log.create(true).append(true).mode(0o600).open(home.join(LOG_FILE)).map_err(not_started)?;
    let mut command = Command::new(env::current_exe().map_err(not_started)?);
    command.arg("--home").arg(home).arg("run").args(flags).stderr(log);
    Ok(command)
}

fn ending_signals() -> SigSet {
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect()
}

/// Starts a child. It inherits blocked signals, so they are unblocked for a moment; otherwise nobody could ask it to stop.
fn spawn(command: &mut Command) -> Result<Child, Failure> {
    let before = SigSet::thread_get_mask();
    let _ = ending_signals().thread_unblock();
    let spawned = command.spawn();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    spawned.map_err(not_started)
}

fn not_started(error: std::io::Error) -> Failure {
    Failure::new(format!("the private engine can't be started ({error})"), "see `retrocall doctor`")
}

/// Bytes that all our ended children gave to the disk. A process keeps the children that it had as another program: `cargo run` becomes us, and
/// its compilers count.
fn ended_children_wrote_bytes() -> Option<u64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    Some(u64::try_from(usage.block_writes()).ok()? * RUSAGE_BLOCK_BYTES)
}

/// A child that was not waited for keeps its id, so this reaches no other process.
fn signal(child: &Child, signal: Signal) {
    if let Ok(id) = i32::try_from(child.id()) {
        let _ = kill(Pid::from_raw(id), signal);
    }
}
