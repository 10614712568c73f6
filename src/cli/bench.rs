//! `retrocall bench`: how fast retrocall is on this machine, side by side with rivals.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use super::{
    Context, Failure,
    output::{self, Progress},
    private_engine::{self, PrivateEngine},
};
use retrocall_core::memory::MemoryKind;
use retrocall_proof::bench::{
    self, Figure, GoalIs, Host, MEASUREMENTS, Machine, Report, Rival, RunOptions, Running, Trouble, number,
};
use retrocall_settings::{SETTINGS_FILE, SOCKET_FILE};

const EXAMPLES: &str = "\
Examples:
  retrocall bench                      everything: under ten minutes
  retrocall bench --quick              under two minutes, with fewer rounds
  retrocall bench --only push          measurements with push in their names; can be given more than once
  retrocall bench --list               the names, and what each is
  retrocall bench --html bench.html    also a page with the curves, to send or to paste from
  retrocall bench --json               an array of figures: name, value, unit, goal, met, and of
                                       latencies p50, p90, p99, p99.9, p99.99, max

Compared figures come from one run, turn by turn; read ratios rather than times. Latencies are
corrected for coordinated omission. A busy machine shows in the tails: the load average before the
run is printed. Needs a build with optimisation (`cargo run --release`); `make bench` adds `rtrb` as
a rival of the ring. A missed goal does not make the exit code 1: a slow machine is no error.";

/// How fast retrocall is on this machine, side by side with rivals
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct BenchArgs {
    /// Under two minutes instead of under ten
    #[arg(long)]
    quick: bool,
    /// Only measurements with this in their name; can be given more than once
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Also write a page with curves and plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// List the measurements, and measure nothing
    #[arg(long)]
    list: bool,
}

pub(super) fn run(context: &Context, args: BenchArgs, rivals: &[Rival]) -> Result<(), Failure> {
    if args.list {
        return list(context);
    }
    let cant_write = |file: &Path, error| {
        Failure::new(format!("can't write {} ({error})", file.display()), "name another file with --html")
    };
    if let Some(file) = &args.html {
        // Checked now, not after ten minutes of measuring.
        fs::File::create(file).map_err(|error| cant_write(file, error))?;
    }
    let wanted = RunOptions { quick: args.quick, only: args.only };
    let mut progress = Progress::new("");
    let report = bench::run(&wanted, &Children, rivals, |step, of, what| progress.step(step, of, what));
    drop(progress);
    let report = report.map_err(Failure::whole)?;
    if let Some(file) = &args.html {
        fs::write(file, report.page()).map_err(|error| cant_write(file, error))?;
    }
    if context.json() {
        let mut figures = machine_figures(&report.machine);
        figures.extend(report.figures.iter().map(|figure| json!(figure)));
        output::say_json(&figures);
    } else {
        say(&report, rivals);
    }
    Ok(())
}

fn list(context: &Context) -> Result<(), Failure> {
    if context.json() {
        let all: Vec<Value> = MEASUREMENTS.iter().map(|one| json!({"name": one.name, "what": one.what})).collect();
        output::say_json(&all);
    } else {
        MEASUREMENTS.iter().for_each(|one| output::say(&format!("{:<20}{}", one.name, one.what)));
    }
    Ok(())
}

/// Engines as children of this program.
struct Children;

impl Host for Children {
    fn start(&self, settings: &str) -> Result<Box<dyn Running>, Trouble> {
        let home = private_engine::temporary_home("bench").map_err(Trouble::new)?;
        let started = fs::write(home.join(SETTINGS_FILE), settings)
            .map_err(|error| Failure::whole(format!("{} can't be written to ({error})", home.display())))
            // If that much can't be locked, the figures are those of unlocked memory, and say so.
            .and_then(|()| PrivateEngine::start(&home, &private_engine::flags(0, true)));
        match started {
            Ok(engine) => Ok(Box::new(ChildEngine { engine: Some(engine), home })),
            Err(failure) => {
                let _ = fs::remove_dir_all(&home);
                Err(Trouble::new(failure))
            }
        }
    }
}

struct ChildEngine {
    /// None only while this is dropped.
    engine: Option<PrivateEngine>,
    home: PathBuf,
}

impl Running for ChildEngine {
    fn pid(&self) -> u32 {
        self.engine.as_ref().map_or(0, PrivateEngine::pid)
    }

    fn home(&self) -> &Path {
        &self.home
    }

    fn socket(&self) -> PathBuf {
        self.home.join(SOCKET_FILE)
    }
}

impl Drop for ChildEngine {
    fn drop(&mut self) {
        self.engine = None;
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// The machine's figures, so that the array holds only figures.
fn machine_figures(machine: &Machine) -> Vec<Value> {
    let figure = |name: &str, value: f64, unit: &str, note: &str| json!({"name": name, "value": value, "unit": unit, "goal": null, "met": null, "note": note});
    vec![
        figure("machine/cores", machine.cores as f64, "cores", &machine.processor),
        figure("machine/memory", machine.memory_bytes as f64 / f64::from(1 << 30), "GiB", &machine.memory_kind),
        figure("machine/load-before", machine.load_before, "", &machine.kernel),
        figure("machine/load-after", machine.load_after, "", &machine.disk),
    ]
}

fn say(report: &Report, rivals: &[Rival]) {
    let machine = &report.machine;
    let built = if machine.optimised { "" } else { ", NOT OPTIMISED: these figures mean nothing" };
    output::say(&format!("retrocall {}, {}{built}", machine.version, machine.at));
    output::say(&format!(
        "{}, {} cores, {}, {}, memory {}, disk {}, load {} before, {} after",
        machine.processor,
        machine.cores,
        output::size(machine.memory_bytes),
        machine.kernel,
        machine.memory_kind,
        machine.disk,
        machine.load_before,
        machine.load_after
    ));
    if machine.memory_kind == MemoryKind::Unlocked.to_string() {
        output::say("So much memory can't be locked here (`ulimit -l`): these are the figures of memory that is not.");
    }
    if rivals.is_empty() {
        output::say("The plain copy to compare with is ringbuf's: `make bench` adds rtrb.");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["figure", "value", "p50", "p90", "p99", "p99.9", "p99.99", "max", "goal", ""]);
    for figure in &report.figures {
        table.add_row(row(figure));
    }
    for column in table.column_iter_mut().skip(1).take(8) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    output::say("");
    output::say_table(&table);
    let goals: Vec<&Figure> = report.figures.iter().filter(|figure| figure.met.is_some()).collect();
    let met = goals.iter().filter(|figure| figure.met == Some(true)).count();
    output::say(&format!("\n{met} of {} goals met.", goals.len()));
}

fn row(figure: &Figure) -> Vec<String> {
    let mut cells = vec![figure.name.clone(), format!("{} {}", number(figure.value), figure.unit)];
    cells.extend(match &figure.percentiles {
        Some(p) => [p.p50, p.p90, p.p99, p.p99_9, p.p99_99, p.max].map(number),
        None => [const { String::new() }; 6],
    });
    cells.push(match (figure.goal, figure.goal_is) {
        (Some(goal), Some(GoalIs::AtLeast)) => format!(">= {}", number(goal)),
        (Some(goal), _) => format!("<= {}", number(goal)),
        _ => String::new(),
    });
    cells.push(figure.met.map_or("", |met| if met { "met" } else { "NOT MET" }).to_owned());
    cells
}
