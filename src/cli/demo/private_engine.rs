//! An engine of our own: this very program as a child, stopped whatever happens.

use std::{
    env, fs,
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        resource::{UsageWho, getrusage},
        signal::{SigSet, Signal, kill},
    },
    unistd::Pid,
};
use parking_lot::Mutex;

use super::super::{Failure, output};
use crate::{
    client::{Client, ClientError},
    settings::SOCKET_FILE,
};

/// Where the engine's log goes, in its home.
pub(super) const LOG_FILE: &str = "engine.log";
/// How long the engine may take to listen.
const START_MAX: Duration = Duration::from_secs(20);
/// How long it may take to stop: it finishes every commit first.
const STOP_MAX: Duration = Duration::from_secs(60);
/// What `ru_oublock` counts in (getrusage(2); Linux: task_io_accounting_ops.h).
const RUSAGE_BLOCK_BYTES: u64 = 512;
/// How often we look.
const LOOK: Duration = Duration::from_millis(20);

/// An engine that runs until this is dropped.
pub(super) struct PrivateEngine {
    /// None once it has been waited for: its id may be another process's then.
    child: Arc<Mutex<Option<Child>>>,
    log: PathBuf,
}

impl PrivateEngine {
    /// Starts an engine in `home`, and waits until it listens.
    pub(super) fn start(home: &Path, one_in: u32, allow_unlocked: bool) -> Result<PrivateEngine, Failure> {
        let log = home.join(LOG_FILE);
        let failed = |error: std::io::Error| {
            Failure::new(format!("the demo's engine can't be started ({error})"), "see `retrocall doctor`")
        };
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&log).map_err(failed)?;
        let mut command = Command::new(env::current_exe().map_err(failed)?);
        command.arg("--home").arg(home).arg("run").arg("--one-in").arg(one_in.to_string());
        if allow_unlocked {
            command.arg("--allow-unlocked");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let child = command.spawn().map_err(failed)?;
        let engine = PrivateEngine { child: Arc::new(Mutex::new(Some(child))), log };
        engine.stop_with_us();
        engine.wait_until_it_listens(&home.join(SOCKET_FILE))?;
        Ok(engine)
    }

    /// From here on, what asks this process to end ends the engine first.
    fn stop_with_us(&self) {
        let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
        let (child, log) = (Arc::clone(&self.child), self.log.clone());
        if signals.thread_block().is_err() {
            return;
        }
        thread::spawn(move || {
            if let Ok(signal) = signals.wait() {
                if let Some(child) = &*child.lock() {
                    terminate(child);
                }
                output::complain(&format!("stopped by {signal}; what there is so far lies beside {}", log.display()));
                process::exit(128 + signal as i32);
            }
        });
    }

    fn wait_until_it_listens(&self, socket: &Path) -> Result<(), Failure> {
        let deadline = Instant::now() + START_MAX;
        loop {
            match Client::connect(socket) {
                Ok(_) => return Ok(()),
                Err(ClientError::NoEngine { .. }) => {}
                Err(error) => return Err(Failure::whole(error)),
            }
            if self.has_ended() {
                return Err(Failure::whole(format!("the demo's engine did not start: {}", self.last_words())));
            }
            if Instant::now() > deadline {
                return Err(Failure::new("the demo's engine does not listen", self.last_words()));
            }
            thread::sleep(LOOK);
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

    /// Asks it to stop, and waits until it has. Gives the bytes that it wrote to a disk, where the kernel counts them.
    ///
    /// # Errors
    /// If it does not end, or ends badly.
    pub(super) fn stop(self) -> Result<Option<u64>, Failure> {
        match self.end() {
            // It is the only child that we ever had.
            true => Ok(getrusage(UsageWho::RUSAGE_CHILDREN)
                .ok()
                .and_then(|usage| u64::try_from(usage.block_writes()).ok())
                .map(|blocks| blocks * RUSAGE_BLOCK_BYTES)
                .filter(|bytes| *bytes > 0)),
            false => Err(Failure::new("the demo's engine did not stop cleanly", format!("see {}", self.log.display()))),
        }
    }

    /// Whether it ended well. Only the first time.
    fn end(&self) -> bool {
        let mut held = self.child.lock();
        let Some(mut child) = held.take() else { return true };
        terminate(&child);
        let deadline = Instant::now() + STOP_MAX;
        while Instant::now() < deadline {
            match child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) => thread::sleep(LOOK),
                Err(_) => break,
            }
        }
        // It had a minute. What it holds is demo calls.
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

/// A child that was not waited for keeps its id, so that this reaches no other process.
fn terminate(child: &Child) {
    if let Ok(id) = i32::try_from(child.id()) {
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
    }
}
