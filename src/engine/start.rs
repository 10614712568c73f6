//! How the engine starts: memory first, then what the last run left behind, then the threads.

use std::{
    collections::HashSet,
    fmt, io,
    path::Path,
    sync::{Arc, Weak, atomic::AtomicBool},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use nix::sys::resource;
use tracing::{error, info, warn};

use super::{
    Clock, Counters, Engine, Guarantees, Home, SystemClock,
    committing::Committing,
    purposes::purposes,
    registry::Registry,
    threads::{FaultIn, Wiper},
};
use crate::{
    barrier,
    call::Rules,
    catalog::{self, CallEnded, Catalog, Note, Outcome, RecordingKept, RecordingState},
    commit::{self, Commits, Item, RealDisk, Recovered, Warning},
    memory::{Arena, MapError},
    protocol::CallId,
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
        raise_limits();
        // The catalog opens in its own thread, meanwhile.
        let catalog = Catalog::open(home.path());
        let arena = Arc::new(arena(settings)?);
        let guarantees = Guarantees::establish(&arena);
        guarantees.say();
        if guarantees.level() < settings.guarantee && !settings.allow_unlocked {
            return Err(StartError::Guarantee { wanted: settings.guarantee, guarantees });
        }
        let commits = Commits::start(
            Arc::new(RealDisk::default()),
            home.recordings(),
            settings.commit_threads,
            settings.allow_unlocked,
        )
        .map_err(StartError::Memory)?;
        probe_disk(&home)?;
        take_over(&home, &catalog, clock.wall());
        let counters = Arc::new(Counters::new());
        let fault_in = FaultIn::start(&arena).map_err(StartError::Thread)?;
        let wiper =
            Wiper::start(catalog.clone(), Arc::clone(&counters), Arc::clone(&clock)).map_err(StartError::Thread)?;
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
            counters,
            registry: Registry::default(),
            committing: Committing::default(),
            wiper,
            fault_in,
            stopping: AtomicBool::new(false),
            upkeep: tokio::sync::Notify::new(),
        }))
    }
}

/// As many open files as the system gives, and as long ones.
fn raise_limits() {
    for which in [resource::Resource::RLIMIT_NOFILE, resource::Resource::RLIMIT_FSIZE] {
        if let Ok((_, hard)) = resource::getrlimit(which) {
            let _ = resource::setrlimit(which, hard, hard);
        }
    }
}

/// Tries what a commit does, and says what is not as it should be. On a thread of its own: a slow disk holds up nobody.
fn probe_disk(home: &Home) -> Result<(), StartError> {
    let (home, recordings) = (home.path().to_owned(), home.recordings());
    let probe = move || {
        barrier::write_only_below(&[&home, &recordings]);
        commit::remove_old_probes(&recordings);
        match commit::probe(&recordings) {
            Ok(found) => found.warnings.iter().for_each(|Warning { text, todo }| warn!("{text}; {todo}")),
            Err(text) => warn!(
                "nothing can be recorded now: {text}. Calls are captured all the same, and what is recorded waits in memory"
            ),
        }
    };
    thread::Builder::new().name("disk-probe".to_owned()).spawn(probe).map(drop).map_err(StartError::Thread)
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
    let mut found = recover(home, catalog, now);
    let Ok(opened) = opened else { return };
    register_unknown(home, catalog, &mut found, now);
    // A commit that had begun and left no file: the press came, and the engine went, at the same moment.
    let gone: Vec<_> = opened.committing.into_iter().filter(|call| !found.contains(&call.call)).collect();
    for call in &gone {
        catalog.note(Note::Ended(lost_in_the_crash(call.call, now)));
    }
    let lost: Vec<_> = opened.lost.into_iter().filter(|call| !found.contains(&call.call)).chain(gone).collect();
    for lost in lost.iter().take(LOST_NAMED_MAX) {
        warn!(call = %lost.call, agent = lost.agent, began = %lost.began_at,
            "this call was live when the engine stopped: nothing of it had reached the disk, and nothing of it is left");
    }
    if lost.len() > LOST_NAMED_MAX {
        warn!(calls = lost.len() - LOST_NAMED_MAX, "and so many more calls were live");
    }
}

/// Publishes what was unfinished. Returns the calls of which something is on disk.
fn recover(home: &Home, catalog: &Catalog, now: Timestamp) -> HashSet<CallId> {
    let mut found = HashSet::new();
    for recovered in commit::recover(&RealDisk::default(), &home.recordings()) {
        match recovered {
            Recovered::Published { durable, label } => {
                let what = if durable.incomplete() { "its end is missing" } else { "it is complete" };
                warn!(call = %label.call, agent = label.agent, seconds = label.rate.seconds(durable.samples()), path = %durable.path().display(),
                    "this call was being recorded when the engine stopped: what was on disk is kept, {what}");
                found.insert(label.call);
                note_found(catalog, &durable, &label, now);
            }
            Recovered::Empty { call, path } => {
                info!(%call, path = %path.display(), "the recording of this call had just begun when the engine stopped, and held nothing yet")
            }
            Recovered::Failed { call, path, text } => {
                // Its row stays as it is: with the customer's number, until somebody has seen to the file.
                found.extend(call);
                error!(path = %path.display(), "an unfinished recording can't be read: {text}")
            }
        }
    }
    found
}

/// Registers the recordings that the catalog does not know: published in the last moment before a crash, or while the catalog was out of
/// reach, or since the backup that was put in its place. Before any call begins, so that nothing is registered twice.
fn register_unknown(home: &Home, catalog: &Catalog, found: &mut HashSet<CallId>, now: Timestamp) {
    let known = match catalog::registered(home.path()) {
        Ok(known) => known,
        Err(trouble) => return error!("what the catalog does not know can't be registered now: {trouble}"),
    };
    for item in commit::survey(&RealDisk::default(), &home.recordings()) {
        let Item::Recording { path, call } = item else { continue };
        if known.contains(&call) || !found.insert(call) {
            continue;
        }
        match commit::read_recording(&RealDisk::default(), &path) {
            Ok((durable, label)) if label.call == call => {
                warn!(%call, agent = label.agent, path = %path.display(), "a recording that the catalog did not know is registered");
                note_found(catalog, &durable, &label, now);
            }
            Ok((_, label)) => {
                error!(path = %path.display(), "a recording is not registered: it says it is of call {}; name it after that call", label.call)
            }
            Err(text) => error!(path = %path.display(), "a recording is not registered: {text}"),
        }
    }
}

/// What was found on disk goes into the catalog, as far as it says of itself. The ledger's row of its call is made, or corrected, with it;
/// when a call ended that nobody saw end is not known.
fn note_found(catalog: &Catalog, durable: &commit::Durable, label: &commit::Label, committed_at: Timestamp) {
    catalog.note(Note::Kept(RecordingKept {
        call: label.call,
        agent: label.agent.clone(),
        customer: None,
        direction: label.direction,
        began_at: label.began_at,
        rate: label.rate,
        seconds: label.rate.seconds(durable.samples()),
        first_seconds: label.rate.seconds(durable.first()),
        bytes: durable.bytes(),
        path: durable.path().to_owned(),
        reasons: label.reasons.clone(),
        marks: serde_json::json!({}),
        state: if durable.incomplete() { RecordingState::Incomplete } else { RecordingState::Complete },
        committed_at,
        purposes: purposes(&label.reasons, committed_at),
    }));
}

/// The ledger's row of a call of which nothing is left: its counts are not known.
fn lost_in_the_crash(call: CallId, now: Timestamp) -> CallEnded {
    CallEnded {
        call,
        ended_at: now,
        seconds: 0.0,
        outcome: Outcome::Lost,
        reasons: Vec::new(),
        private: false,
        objected: false,
        gaps: 0,
        gap_seconds: 0.0,
        late_frames: 0,
        lost_frames: 0,
    }
}
