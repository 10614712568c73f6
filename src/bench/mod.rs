//! How fast retrocall is, side by side with rivals and with what the machine can do at all.
//!
//! Belongs here: what is measured and how, rivals, load, goals, figures, the page that shows them. Does not: flags, tables, exit codes, how
//! an engine's process is started (whoever runs this brings a [`Host`]).
//!
//! Whatever is compared is measured in one run, turn by turn in one process, so that a machine that is busy, or becomes so, is that for all.

mod figure;
mod latency;
mod machine;
mod push;
mod rivals;
mod sounds;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use figure::{Figure, GoalIs, Percentiles};
pub use latency::Latencies;
pub use machine::Machine;
pub use rivals::{Frame, Holder, Rival};
pub use sounds::FRAME_SAMPLES;

use crate::memory::{Arena, Need, SegmentId};
use figure::{Curve, Series};

/// Why something could not be measured: a line for people, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble(String);

impl Trouble {
    /// A cause, with its next step in it.
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

/// Whoever can start an engine as a process of its own.
pub trait Host {
    /// Starts an engine in a new home with `settings` (the text of `retrocall.toml`), and waits until it accepts connections.
    ///
    /// # Errors
    /// [`Trouble`], with the engine's last words.
    fn start(&self, settings: &str) -> Result<Box<dyn Running>, Trouble>;
}

/// An engine that runs until this is dropped; its home goes with it.
pub trait Running {
    /// The number of its process.
    fn pid(&self) -> u32;
    /// Its home.
    fn home(&self) -> &Path;
    /// Where it listens.
    fn socket(&self) -> PathBuf;
}

/// What is wanted of a run.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Under two minutes instead of under ten.
    pub quick: bool,
    /// Only measurements in whose name one of these is found; all, if there is none.
    pub only: Vec<String>,
}

/// Something that is measured.
pub struct Measurement {
    /// Its name, with which the names of its figures begin.
    pub name: &'static str,
    /// What it is, in a few words.
    pub what: &'static str,
    run: fn(&mut Bench<'_>) -> Result<(), Trouble>,
}

/// Everything that is measured, in its order.
pub const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        name: "push/1",
        what: "a frame into the ring of the only live leg",
        run: |bench| push::push(bench, 1),
    },
    Measurement { name: "push/100", what: "the same with 100 live legs", run: |bench| push::push(bench, 100) },
    Measurement { name: "push/20000", what: "the same with 20,000 live legs", run: |bench| push::push(bench, 20_000) },
];

/// What a run has found.
pub struct Report {
    /// Where it ran.
    pub machine: Machine,
    /// What was measured, in order.
    pub figures: Vec<Figure>,
    curves: Vec<Curve>,
    series: Vec<Series>,
}

/// A run.
struct Bench<'a> {
    quick: bool,
    host: &'a dyn Host,
    rivals: &'a [Rival],
    report: Report,
    /// The clock's own part of what it measures, in nanoseconds.
    clock_ns: u64,
    arena: Option<Arc<Arena>>,
}

/// Measures what is wanted. `rivals` are those that the product does not depend on; `told` hears which measurement begins, of how many.
///
/// # Errors
/// [`Trouble`]: a name that is none, or what could not be measured.
pub fn run(
    wanted: &Wanted,
    host: &dyn Host,
    rivals: &[Rival],
    mut told: impl FnMut(usize, usize, &'static str),
) -> Result<Report, Trouble> {
    let named = |name: &str| wanted.only.is_empty() || wanted.only.iter().any(|only| name.contains(only.as_str()));
    let measurements: Vec<&Measurement> = MEASUREMENTS.iter().filter(|one| named(one.name)).collect();
    if measurements.is_empty() {
        let names: Vec<&str> = MEASUREMENTS.iter().map(|one| one.name).collect();
        return Err(Trouble::new(format!("nothing that is measured is called so; there is {}", names.join(", "))));
    }
    machine::raise_open_files();
    let machine = Machine::look();
    let report = Report { machine, figures: Vec::new(), curves: Vec::new(), series: Vec::new() };
    let mut bench = Bench { quick: wanted.quick, host, rivals, report, clock_ns: latency::clock_ns(), arena: None };
    for (step, one) in measurements.iter().enumerate() {
        told(step, measurements.len(), one.what);
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

    fn figure(&mut self, figure: Figure) {
        self.report.figures.push(figure);
    }

    /// An arena of at least `bytes`, every page of it faulted in: that of an engine that has run for a while. One for the whole run.
    fn arena(&mut self, bytes: usize) -> Result<Arc<Arena>, Trouble> {
        if let Some(arena) = self.arena.as_ref().filter(|arena| arena.bytes() >= bytes) {
            return Ok(Arc::clone(arena));
        }
        self.arena = None;
        let arena = Arena::new(bytes, true).map_err(Trouble::new)?;
        let taken: Vec<SegmentId> = std::iter::from_fn(|| arena.take(Need::Selected)).collect();
        taken.into_iter().for_each(|segment| arena.give_back(segment));
        let arena = Arc::new(arena);
        self.report.machine.memory_kind = arena.kind().to_string();
        self.arena = Some(Arc::clone(&arena));
        Ok(arena)
    }
}
