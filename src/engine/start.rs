//! How the engine starts: first memory, then the remains of the last run, then the threads.

use std::{
    fmt, io,
    path::Path,
    sync::{Arc, Weak, atomic::AtomicBool},
    thread,
    time::Duration,
};

use nix::sys::resource;
use tracing::{info, warn};

use super::{
    Counters, Engine, Guarantees, Home, HomeError,
    committing::{PendingCommits, RunCalls},
    continuing::CutOffs,
    never_captured::NeverCaptured,
    quotas::Quotas,
    refusals::Refusals,
    registry::Registry,
    takeover::TakeOver,
    threads::{FaultIn, Wiper},
};
use crate::{call::Rules, commit::Commits, sampler::SystemDraw};
use retrocall_core::{
    barrier,
    heart::{self, Waits},
    memory::{Arena, Headroom, MapError, SEGMENT_BYTES},
    priority,
};
use retrocall_file::{self as file, RealDisk, Warning};
use retrocall_settings::{Level, Settings};
use retrocall_words::{
    Clock, SystemClock,
    book::{Book, OpenBook},
};

/// The memory of live calls, unless the settings say otherwise.
const MEMORY_BYTES: u64 = 256 << 20;
/// An engine with less memory does not start.
const MEMORY_BYTES_MIN: u64 = 1 << 20;
/// Kept back from the limit on locked memory, for the buffers that audio passes through.
const BUFFER_BYTES: u64 = 2 << 20;
/// Bytes in a second of telephone talk, both legs, with line noise: measured, see `docs/figures.md`.
const BYTES_A_SECOND: usize = 18_600;
/// How long the start waits for the catalog. Capture does not need it.
const CATALOG_WAIT: Duration = Duration::from_secs(3);
/// Open files of a connection: one thread reads it, another writes to it.
const FILES_PER_CONNECTION: usize = 2;
/// Open files kept back for recordings, the catalog, and descriptors on their way to clients.
const FILES_KEPT: usize = 512;

/// Why the engine does not start.
#[derive(Debug)]
pub enum StartError {
    /// It can't have the home folder.
    Home(HomeError),
    /// It can't have its memory.
    Memory(MapError),
    /// There is too little memory.
    Room {
        /// The bytes asked for.
        bytes: u64,
        /// The room there is.
        room: Headroom,
    },
    /// The system gives less than the settings ask for.
    Guarantee {
        /// The level asked for.
        wanted: Level,
        /// The guarantees that hold.
        guarantees: Guarantees,
    },
    /// It can't start a thread.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Home(error) => error.fmt(f),
            StartError::Memory(error) => error.fmt(f),
            StartError::Room { bytes, room } => write!(
                f,
                "there are not {} MiB of memory: {room}; {}, or ask for less with --memory",
                bytes >> 20,
                room.how_to_raise()
            ),
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
    /// Starts an engine in a home. `open` opens its records.
    ///
    /// # Errors [`StartError`]: then nothing is changed, except that the folder may be new.
    pub fn start(
        home: &Path,
        settings: &Settings,
        open: impl FnOnce(&Path, Arc<dyn Clock>) -> OpenBook,
    ) -> Result<Arc<Engine>, StartError> {
        Engine::start_with(home, settings, open, Arc::new(SystemClock))
    }

    /// Starts an engine that takes its time from `clock`.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start_with(
        home: &Path,
        settings: &Settings,
        open: impl FnOnce(&Path, Arc<dyn Clock>) -> OpenBook,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Engine>, StartError> {
        let home = Home::take(home).map_err(StartError::Home)?;
        raise_limits();
        let connections_max = connections_that_fit(settings);
        // The catalog opens in its own thread, meanwhile.
        let mut open = open(home.path(), Arc::clone(&clock));
        let draw = open.draw.take().unwrap_or_else(|| Arc::new(SystemDraw::new(settings.one_in)));
        let book = write_book(&home, open).map_err(StartError::Thread)?;
        let arena = Arc::new(arena(settings)?);
        let guarantees = Guarantees::establish(&arena);
        guarantees.say(&arena);
        if guarantees.level() < settings.guarantee && !settings.allow_unlocked {
            return Err(StartError::Guarantee { wanted: settings.guarantee, guarantees });
        }
        let commits = Commits::start(
            Arc::new(RealDisk),
            home.recordings(),
            settings.commit_threads,
            settings.allow_unlocked,
            // The disk is real, whatever the engine's clock is.
            Arc::new(SystemClock),
        )
        .map_err(StartError::Memory)?;
        probe_disk(&home)?;
        let of_this_run = RunCalls::default();
        let cut_offs = CutOffs::new(Arc::clone(&clock));
        TakeOver::new(&home, &*book, clock.wall(), of_this_run.clone(), cut_offs.clone()).begin(CATALOG_WAIT);
        let never_captured = NeverCaptured::new(&settings.never_capture, &*book);
        let counters = Arc::new(Counters::new());
        let fault_in = FaultIn::start(&arena).map_err(StartError::Thread)?;
        let wiper = Wiper::start(Arc::clone(&book), Arc::clone(&counters)).map_err(StartError::Thread)?;
        Ok(Arc::new_cyclic(|this: &Weak<Engine>| Engine {
            this: Weak::clone(this),
            home,
            arena,
            guarantees,
            started: clock.now(),
            clock,
            draw,
            rules: Rules {
                keep_agent_on_hold: settings.keep_agent_on_hold,
                objection_covers_record: settings.objection_covers_record,
                record_keys: settings.record_keys,
                object_keys: settings.object_keys,
            },
            informed: settings.informed,
            never_captured,
            grace: settings.grace,
            after_hangup: settings.after_hangup,
            max_call: settings.max_call,
            calls_max: settings.calls_max,
            allow_unlocked: settings.allow_unlocked,
            commits,
            book,
            counters,
            presence: Arc::default(),
            quotas: Arc::new(Quotas::new(settings, connections_max)),
            refusals: Refusals::default(),
            registry: Registry::default(),
            cut_offs,
            committing: PendingCommits::default(),
            of_this_run,
            wiper,
            fault_in,
            stopping: AtomicBool::new(false),
            hurried: AtomicBool::new(false),
            upkeep: tokio::sync::Notify::new(),
        }))
    }
}

/// Raises the limits on open files and on the size of files as far as the system allows.
fn raise_limits() {
    for which in [resource::Resource::RLIMIT_NOFILE, resource::Resource::RLIMIT_FSIZE] {
        if let Ok((_, hard)) = resource::getrlimit(which) {
            let _ = resource::setrlimit(which, hard, hard);
        }
    }
}

/// How many connections fit, so that none takes the descriptor that a recording needs.
fn connections_that_fit(settings: &Settings) -> usize {
    let (files, _) = resource::getrlimit(resource::Resource::RLIMIT_NOFILE).unwrap_or((u64::MAX, u64::MAX));
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let takes_audiosocket = settings.audiosocket.is_some() || settings.audiosocket_socket.is_some();
    let each = FILES_PER_CONNECTION + usize::from(takes_audiosocket);
    let fit = ((files - FILES_KEPT.min(files / 2)) / each).max(1);
    if fit < settings.connections_max {
        warn!(
            connections = fit,
            connections_max = settings.connections_max,
            files,
            "the limit on open files leaves room for fewer connections than connections_max: raise it (`ulimit -n`, LimitNOFILE= in the \
             systemd unit)"
        );
    }
    fit.min(settings.connections_max)
}

/// Starts the thread that writes the records. It can write nowhere else.
fn write_book(home: &Home, open: OpenBook) -> io::Result<Arc<dyn Book>> {
    let OpenBook { book, mut write, .. } = open;
    let home = home.path().to_owned();
    let first = move || {
        priority::give_way();
        barrier::write_only_below(&[&home]);
    };
    heart::spawn("catalog", Waits::Outside, first, move |_| write())?;
    Ok(book)
}

/// Tries the steps of a commit on the disk, and logs what fails. Runs on its own thread, so that a slow disk holds up nobody.
fn probe_disk(home: &Home) -> Result<(), StartError> {
    let (home, recordings) = (home.path().to_owned(), home.recordings());
    let probe = move || {
        barrier::write_only_below(&[&home, &recordings]);
        file::remove_old_probes(&recordings);
        match file::probe(&recordings) {
            Ok(found) => found.warnings.iter().for_each(|Warning { text, todo }| warn!("{text}; {todo}")),
            Err(text) => {
                warn!("nothing can be recorded now: {text}. Calls are still captured, and recordings wait in memory")
            }
        }
    };
    thread::Builder::new().name("disk-probe".to_owned()).spawn(probe).map(drop).map_err(StartError::Thread)
}

/// The arena: as large as asked, if there is room; else the usual size, or all that may be locked, with a warning.
fn arena(settings: &Settings) -> Result<Arena, StartError> {
    let room = Headroom::look();
    let wanted = settings.memory.unwrap_or(MEMORY_BYTES_MIN);
    if let Some(room) = room.clone().filter(|room| room.bytes < wanted) {
        return Err(StartError::Room { bytes: wanted, room });
    }
    let new = |bytes: u64, allow_unlocked| {
        Arena::new(usize::try_from(bytes).unwrap_or(usize::MAX), allow_unlocked).map_err(StartError::Memory)
    };
    let arena = match settings.memory {
        Some(bytes) => new(bytes, settings.allow_unlocked)?,
        None => {
            let usual = room.as_ref().map_or(MEMORY_BYTES, |room| room.bytes.min(MEMORY_BYTES));
            match new(usual, false) {
                Err(StartError::Memory(MapError::NotLockable { .. })) if !settings.allow_unlocked => {
                    new(lockable_bytes().min(usual), false)?
                }
                Err(_) => new(usual, settings.allow_unlocked)?,
                Ok(arena) => arena,
            }
        }
    };
    let (bytes, mib) = (arena.bytes() as u64, arena.bytes() >> 20);
    let minutes = arena.bytes() / BYTES_A_SECOND / 60;
    if settings.memory.is_none() && bytes < MEMORY_BYTES {
        let why = match room.filter(|room| bytes / SEGMENT_BYTES as u64 == room.bytes / SEGMENT_BYTES as u64) {
            Some(room) => format!("{room}: {}", room.how_to_raise()),
            None => "this user may lock no more: raise the limit (`ulimit -l`, LimitMEMLOCK= in the systemd unit, memlock in \
                     /etc/security/limits.conf)"
                .to_owned(),
        };
        warn!(mib, minutes, "only these minutes of talk fit into memory, all live calls together; {why}");
    } else {
        info!(mib, minutes, "memory for live calls");
    }
    arena.fault_in_ahead();
    Ok(arena)
}

fn lockable_bytes() -> u64 {
    let (soft, _) = resource::getrlimit(resource::Resource::RLIMIT_MEMLOCK).unwrap_or((0, 0));
    soft.saturating_sub(BUFFER_BYTES).max(MEMORY_BYTES_MIN)
}
