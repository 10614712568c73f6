//! How the engine starts: memory first, then what the last run left behind, then the threads.

use std::{
    fmt, io,
    path::Path,
    sync::{Arc, Weak, atomic::AtomicBool},
    time::Duration,
};

use jiff::Timestamp;
use nix::sys::resource;
use tracing::{error, info, warn};

use super::{
    Clock, Engine, Guarantees, Home, SystemClock,
    committing::Committing,
    purposes::purposes,
    registry::Registry,
    threads::{FaultIn, Wiper},
};
use crate::{
    call::Rules,
    catalog::{CallEnded, Catalog, Note, Outcome, RecordingKept, RecordingState},
    commit::{self, Commits, RealDisk, Recovered},
    memory::{Arena, MapError},
    protocol::{CallId, Reason},
    sampler::SystemDraw,
    settings::{Level, Settings},
};

/// The memory of live calls if nothing else is asked for.
const MEMORY_BYTES: usize = 256 << 20;
/// Left of the limit on locked memory for the buffers that audio passes through.
const BUFFER_BYTES: usize = 2 << 20;
/// What a second of telephone talk takes, both legs, with line noise: measured, see the README.
const BYTES_A_SECOND: usize = 18_600;
/// How long the start waits for the catalog. It is not needed to capture, only to number and draw.
const CATALOG_WAIT: Duration = Duration::from_secs(3);
/// Lost calls that are named one by one.
const LOST_NAMED_MAX: usize = 20;

/// Why the engine does not start.
#[derive(Debug)]
pub enum StartError {
    /// Another engine runs in this home.
    SecondEngine,
    /// The home folder can't be had.
    Home(io::Error),
    /// Memory can't be had as asked.
    Memory(MapError),
    /// The system gives less than the settings ask for.
    Guarantee {
        /// What they ask for.
        wanted: Level,
        /// What there is.
        guarantees: Guarantees,
    },
    /// A thread can't be started.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::SecondEngine => {
                f.write_str("another engine runs in this home: stop it, or give this one a --home of its own")
            }
            StartError::Home(cause) => write!(f, "can't use the home folder: {cause}; name another one with --home"),
            StartError::Memory(error) => error.fmt(f),
            StartError::Guarantee { wanted, guarantees } => write!(
                f,
                "the settings ask for the guarantee \"{wanted}\", and here it is \"{}\" ({guarantees}): use a kernel with \
                 memfd_secret and Landlock, or lower `guarantee` in retrocall.toml",
                guarantees.level()
            ),
            StartError::Thread(cause) => write!(f, "can't start a thread: {cause}; raise the limit on processes"),
        }
    }
}

impl std::error::Error for StartError {}

impl Engine {
    /// Starts an engine in a home.
    ///
    /// # Errors
    /// [`StartError`]: nothing has been changed then but the empty folder.
    pub fn start(home: &Path, settings: &Settings) -> Result<Arc<Engine>, StartError> {
        Engine::start_with(home, settings, Arc::new(SystemClock::default()))
    }

    /// Starts an engine that has its time from `clock`.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start_with(home: &Path, settings: &Settings, clock: Arc<dyn Clock>) -> Result<Arc<Engine>, StartError> {
        let home = Home::take(home).map_err(|error| match error.kind() {
            io::ErrorKind::ResourceBusy => StartError::SecondEngine,
            _ => StartError::Home(error),
        })?;
        raise_open_files();
        // The catalog opens in its own thread, meanwhile.
        let catalog = Catalog::open(home.path());
        let arena = Arc::new(arena(settings)?);
        let guarantees = Guarantees::establish(&arena);
        guarantees.say();
        if guarantees.level() < settings.guarantee && !settings.allow_unlocked {
            return Err(StartError::Guarantee { wanted: settings.guarantee, guarantees });
        }
        let commits =
            Commits::start(Arc::new(RealDisk), home.recordings(), settings.commit_threads, settings.allow_unlocked)
                .map_err(StartError::Memory)?;
        take_over(&home, &catalog, clock.wall());
        let fault_in = FaultIn::start(&arena).map_err(StartError::Thread)?;
        let wiper = Wiper::start(catalog.clone(), Arc::clone(&clock)).map_err(StartError::Thread)?;
        Ok(Arc::new_cyclic(|this: &Weak<Engine>| Engine {
            this: Weak::clone(this),
            home,
            arena,
            guarantees,
            clock,
            draw: Box::new(SystemDraw::new(settings.one_in)),
            rules: Rules {
                keep_agent_on_hold: settings.keep_agent_on_hold,
                objection_covers_record: settings.objection_covers_record,
            },
            grace: settings.grace,
            after_hangup: settings.after_hangup,
            max_call: settings.max_call,
            calls_max: settings.calls_max,
            allow_unlocked: settings.allow_unlocked,
            commits,
            catalog,
            registry: Registry::default(),
            committing: Committing::default(),
            wiper,
            fault_in,
            stopping: AtomicBool::new(false),
            upkeep: tokio::sync::Notify::new(),
        }))
    }
}

/// As many open files as the system gives.
fn raise_open_files() {
    if let Ok((_, hard)) = resource::getrlimit(resource::Resource::RLIMIT_NOFILE) {
        let _ = resource::setrlimit(resource::Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// The arena: as large as asked, else the usual size, else what may be locked.
fn arena(settings: &Settings) -> Result<Arena, StartError> {
    let arena = match settings.memory {
        Some(bytes) => Arena::new(usize::try_from(bytes).unwrap_or(usize::MAX), settings.allow_unlocked),
        None => match Arena::new(MEMORY_BYTES, false) {
            Err(MapError::NotLockable { .. }) if !settings.allow_unlocked => Arena::new(lockable_bytes(), false),
            Err(_) => Arena::new(MEMORY_BYTES, settings.allow_unlocked),
            had => had,
        },
    }
    .map_err(StartError::Memory)?;
    let (mib, minutes) = (arena.bytes() >> 20, arena.bytes() / BYTES_A_SECOND / 60);
    if settings.memory.is_none() && arena.bytes() < MEMORY_BYTES {
        warn!(
            mib,
            minutes,
            "this user may lock so little that only these minutes of talk fit, all live calls together: raise the limit \
             (`ulimit -l`, LimitMEMLOCK= in the systemd unit, memlock in /etc/security/limits.conf)"
        );
    } else {
        info!(mib, minutes, "memory for live calls");
    }
    arena.fault_in_ahead();
    Ok(arena)
}

fn lockable_bytes() -> usize {
    let (soft, _) = resource::getrlimit(resource::Resource::RLIMIT_MEMLOCK).unwrap_or((0, 0));
    (soft as usize).saturating_sub(BUFFER_BYTES).max(1 << 20)
}

/// What the last run left behind: its unfinished recordings, and the calls that it lost.
fn take_over(home: &Home, catalog: &Catalog, now: Timestamp) {
    let opened = catalog.opened(CATALOG_WAIT);
    if let Err(trouble) = &opened {
        error!(
            "the catalog is out of reach: {trouble}. Calls are recorded on demand and registered later; none are sampled until then"
        );
    }
    let mut recovered: Vec<CallId> = Vec::new();
    for found in commit::recover(&RealDisk, &home.recordings()) {
        match found {
            Recovered::Published { durable, label } => {
                warn!(call = %label.call, agent = label.agent, seconds = label.rate.seconds(durable.samples()), path = %durable.path().display(),
                    "this call was being recorded when the engine stopped: what was on disk is kept, marked incomplete");
                recovered.push(label.call);
                note_recovered(catalog, &durable, &label, now);
            }
            Recovered::Failed { path, text } => {
                error!(path = %path.display(), "an unfinished recording can't be read: {text}")
            }
        }
    }
    let Ok(opened) = opened else { return };
    // A commit that had begun and left no file: the press came, and the engine went, at the same moment.
    let gone: Vec<_> = opened.committing.into_iter().filter(|call| !recovered.contains(&call.call)).collect();
    for call in &gone {
        catalog.note(Note::Ended(ended_by_the_crash(call.call, 0.0, Outcome::Lost, &[], now)));
    }
    let lost: Vec<_> = opened.lost.into_iter().filter(|call| !recovered.contains(&call.call)).chain(gone).collect();
    for lost in lost.iter().take(LOST_NAMED_MAX) {
        warn!(call = %lost.call, agent = lost.agent, began = %lost.began_at,
            "this call was live when the engine stopped: nothing of it had reached the disk, and nothing of it is left");
    }
    if lost.len() > LOST_NAMED_MAX {
        warn!(calls = lost.len() - LOST_NAMED_MAX, "and so many more calls were live");
    }
}

fn note_recovered(catalog: &Catalog, durable: &commit::Durable, label: &commit::Label, now: Timestamp) {
    let (committed_at, seconds) = (now, label.rate.seconds(durable.samples()));
    catalog.note(Note::Kept(RecordingKept {
        call: label.call,
        agent: label.agent.clone(),
        customer: None,
        direction: label.direction,
        began_at: label.began_at,
        rate: label.rate,
        seconds,
        first_seconds: label.rate.seconds(durable.first()),
        bytes: durable.bytes(),
        path: durable.path().to_owned(),
        reasons: label.reasons.clone(),
        marks: serde_json::json!({}),
        state: RecordingState::Incomplete,
        committed_at,
        purposes: purposes(&label.reasons, committed_at),
    }));
    let ended = ended_by_the_crash(label.call, seconds, Outcome::Kept, &label.reasons, now);
    catalog.note(Note::Ended(ended));
}

/// The ledger's row of a call whose end nobody saw: its counts are not known.
fn ended_by_the_crash(call: CallId, seconds: f64, outcome: Outcome, reasons: &[Reason], now: Timestamp) -> CallEnded {
    CallEnded {
        call,
        ended_at: now,
        seconds,
        outcome,
        reasons: reasons.to_vec(),
        private: false,
        objected: false,
        gaps: 0,
        gap_seconds: 0.0,
        late_frames: 0,
        lost_frames: 0,
    }
}
