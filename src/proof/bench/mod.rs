//! The speed of retrocall, side by side with rivals and with the limits of the machine.
//!
//! Belongs here: the measurements, rivals, load, goals, figures, the page that shows them. Does not: flags, tables, exit codes, how an engine's
//! process is started (the caller brings a [`Host`]).
//!
//! Compared things are measured in one run, turn by turn in one process, so that a busy machine is equally busy for all.

mod audiosocket;
mod calls;
mod crowd;
mod depth;
mod figure;
mod held;
mod latency;
mod load;
mod machine;
mod number;
mod page;
mod plot;
mod press;
mod push;
mod real_time;
mod rivals;
mod scale;
mod sounds;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use figure::{Figure, GoalIs};
pub use latency::{Latencies, Percentiles};
pub use machine::Machine;
pub use number::{grouped, number};
pub use rivals::{Holder, Rival};
pub use sounds::{FRAME_SAMPLES, Frame};

use load::Shape;
use plot::Line;
use push::push;
use retrocall_core::memory::{Arena, Need, SegmentId};

/// Why something could not be measured: a line for people, with a next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble(String);

impl Trouble {
    /// A line that includes a next step.
    pub fn new(line: impl fmt::Display) -> Trouble {
        Trouble(line.to_string())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

/// Starts engines as processes of their own.
pub trait Host {
    /// Starts an engine in a new home with `settings` (the text of `retrocall.toml`), and waits until it accepts connections.
    ///
    /// # Errors
    /// [`Trouble`], with the engine's last words.
    fn start(&self, settings: &str) -> Result<Box<dyn Running>, Trouble>;
}

/// An engine that runs until this is dropped; its home goes with it.
pub trait Running {
    /// Its process id.
    fn pid(&self) -> u32;
    /// Its home.
    fn home(&self) -> &Path;
    /// The path of its socket.
    fn socket(&self) -> PathBuf;
}

/// The wishes for a run.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Under two minutes instead of under ten.
    pub quick: bool,
    /// Only measurements with one of these in their names; all, if this is empty.
    pub only: Vec<String>,
}

/// A measurement.
pub struct Measurement {
    /// Its name, with which the names of its figures begin.
    pub name: &'static str,
    /// What it measures, in a few words.
    pub what: &'static str,
    run: fn(&mut Bench<'_>) -> Result<(), Trouble>,
}

/// Every measurement, in order.
pub const MEASUREMENTS: &[Measurement] = &[
    Measurement { name: "push/1", what: "a frame into the ring of the only live leg", run: |bench| push(bench, 1) },
    Measurement { name: "push/100", what: "a frame, with 100 live legs", run: |bench| push(bench, 100) },
    Measurement { name: "push/20000", what: "a frame, with 20,000 live legs", run: |bench| push(bench, 20_000) },
    Measurement { name: "desk/10000", what: "10,000 calls in real time, in this process", run: real_time::desk },
    Measurement { name: "held", what: "the memory that a call takes", run: held::held },
    Measurement { name: "flac", what: "packing, beside flac -0", run: held::flac },
    Measurement { name: "start", what: "an engine starts", run: press::start },
    Measurement { name: "rest", what: "an engine at rest", run: press::rest },
    Measurement { name: "write", what: "a frame over the socket, until it is in the ring", run: press::write },
    Measurement { name: "press/idle", what: "a press, until it is answered", run: |bench| press::press(bench, 0) },
    Measurement { name: "press/500", what: "a press, while 500 calls are live", run: |bench| press::press(bench, 500) },
    Measurement { name: "crowd", what: "a call comes and goes, while many are live", run: crowd::crowd },
    Measurement { name: "durable", what: "a press, until the whole call is on disk", run: depth::durable },
    Measurement { name: "wipe", what: "hangup, until the call is wiped", run: depth::wipes },
    Measurement { name: "wipe/others", what: "the effect of wiping on other calls", run: depth::others },
    Measurement {
        name: "socket/3000",
        what: "3,000 calls over the socket, 100 on a connection",
        run: |bench| scale::socket(bench, "socket/3000", Shape::many(3_000)),
    },
    Measurement {
        name: "socket/1000-each",
        what: "1,000 calls over the socket, each on its connection",
        run: |bench| scale::socket(bench, "socket/1000-each", Shape::one_each(1_000)),
    },
    Measurement { name: "shared/frame", what: "a frame through shared memory", run: press::shared },
    Measurement {
        name: "shared/3000",
        what: "3,000 calls through shared memory",
        run: |bench| scale::socket(bench, "shared/3000", Shape::sharing(3_000)),
    },
    Measurement {
        name: "audiosocket",
        what: "200 legs over AudioSocket, beside an echo of them",
        run: audiosocket::audiosocket,
    },
    Measurement {
        name: "record-everything",
        what: "calls written to disk as they come",
        run: real_time::record_everything,
    },
    Measurement { name: "scale/in-process", what: "how many calls, in this process", run: scale::in_process },
    Measurement { name: "scale/many", what: "how many calls, 100 on a connection", run: scale::many },
    Measurement { name: "scale/each", what: "how many calls, each on its connection", run: scale::each },
];

/// The results of a run.
pub struct Report {
    /// The machine it ran on.
    pub machine: Machine,
    /// The figures, in order.
    pub figures: Vec<Figure>,
    lines: Vec<Line>,
}

/// A run.
struct Bench<'a> {
    quick: bool,
    host: &'a dyn Host,
    rivals: &'a [Rival],
    report: Report,
    /// The clock's own share of a measurement, in nanoseconds.
    clock_ns: u64,
    arena: Option<Arc<Arena>>,
    /// The least size of an arena: faulting it in takes 10 s a GiB, and is done only once.
    arena_bytes_min: usize,
}

/// Runs the wanted measurements. `rivals` are those that the product does not depend on; `told` hears which measurement begins, of how many.
///
/// # Errors [`Trouble`]: an unknown name, or a measurement that failed.
pub fn run(
    wanted: &RunOptions,
    host: &dyn Host,
    rivals: &[Rival],
    mut told: impl FnMut(usize, usize, &'static str),
) -> Result<Report, Trouble> {
    let named = |name: &str| wanted.only.is_empty() || wanted.only.iter().any(|only| name.contains(only.as_str()));
    let measurements: Vec<&Measurement> = MEASUREMENTS.iter().filter(|one| named(one.name)).collect();
    if measurements.is_empty() {
        let names: Vec<&str> = MEASUREMENTS.iter().map(|one| one.name).collect();
        return Err(Trouble::new(format!("no measurement has such a name; there are {}", names.join(", "))));
    }
    machine::raise_open_files();
    let machine = Machine::look();
    let report = Report { machine, figures: Vec::new(), lines: Vec::new() };
    let mut bench = Bench {
        quick: wanted.quick,
        host,
        rivals,
        report,
        clock_ns: latency::clock_ns(),
        arena: None,
        arena_bytes_min: 0,
    };
    if measurements.iter().any(|one| ["desk/10000", "scale/in-process"].contains(&one.name)) {
        bench.arena_bytes_min = bench.pick(700 << 20, 2 << 30).min(bench.memory_bytes_max());
    }
    for (step, one) in measurements.iter().enumerate() {
        told(step + 1, measurements.len(), one.what);
        (one.run)(&mut bench).map_err(|trouble| Trouble::new(format!("{} can't be measured: {trouble}", one.name)))?;
    }
    bench.report.machine.load_after = machine::load();
    Ok(bench.report)
}

impl Bench<'_> {
    /// One number for a quick run, another one for a full run.
    fn pick<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }

    /// How much of this machine's memory one measurement may take: it is not ours alone.
    fn memory_bytes_max(&self) -> usize {
        self.report.machine.memory_bytes as usize / 4
    }

    fn figure(&mut self, figure: Figure) {
        self.report.figures.push(figure);
    }

    /// An arena of at least `bytes`, with every page faulted in, like that of an engine that has run for a while. One for the whole run.
    fn arena(&mut self, bytes: usize) -> Result<Arc<Arena>, Trouble> {
        if let Some(arena) = self.arena.as_ref().filter(|arena| arena.bytes() >= bytes) {
            return Ok(Arc::clone(arena));
        }
        self.arena = None;
        let arena = Arena::new(bytes.max(self.arena_bytes_min), true).map_err(Trouble::new)?;
        let taken: Vec<SegmentId> = std::iter::from_fn(|| arena.take(Need::Selected)).collect();
        taken.into_iter().for_each(|segment| arena.give_back(segment));
        let arena = Arc::new(arena);
        self.report.machine.memory_kind = arena.kind().to_string();
        self.arena = Some(Arc::clone(&arena));
        Ok(arena)
    }
}
