//! `retrocall check`: checks files and catalog against `docs/durability.md`. Needs no engine, and works beside one.

use std::{thread, time::Duration};

use clap::Args;

use super::{
    Context, Failure,
    output::{self, counted, counted_doing},
    sweep::Centre,
};
use retrocall_engine as engine;
use retrocall_proof::check::{self, Finding, Invariant, Report};
use retrocall_records::sweep::CentreLook;
use retrocall_words::book::Skipped;

/// While an engine runs, only a fault that shows in each of this many looks counts: a recording may just be being published.
const LOOKS: usize = 4;
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// How many holes in the numbers of calls are shown: the latest.
const HOLES_SHOWN: usize = 10;

const EXAMPLES: &str = "Examples:
  retrocall check
  retrocall --home /srv/desk check --json

At a centre it looks whether what is kept lies in the store. It changes nothing. Run it as the user
who runs the engine, with or without one running. Each
line has the number of a violated invariant; docs/durability.md lists them. The exit code is 1 if
anything is wrong. A line with a ? is not wrong, but worth a question.";

/// Check that files and catalog agree, and that nothing is missing, unfinished or foreign
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArgs {}

pub(super) fn run(context: &Context, _args: CheckArgs) -> Result<(), Failure> {
    let home = context.home();
    if !home.is_dir() {
        return Err(Failure::new(
            format!("there is no home folder {}", home.display()),
            format!("name the engine's with --home, or start one with `{}`", context.typed("run")),
        ));
    }
    let centre = Centre::of(context, &context.settings()?)?;
    let report = match &centre {
        Some(centre) => at_centre(context, centre.look()?),
        None => look(context)?,
    };
    if context.json() {
        output::say_json(&report);
    } else {
        report.findings.iter().for_each(|finding| output::say(&line(finding)));
        to_look_at(&report).iter().for_each(|line| output::say(line));
        if report.findings.is_empty() {
            output::say(&if centre.is_some() { all_there(&report) } else { all_well(&report) });
        }
    }
    match report.findings.len() {
        0 => Ok(()),
        1 => Err(Failure::new("1 thing is not as it must be", "do the step behind its →, and check again")),
        more => Err(Failure::new(
            format!("{more} things are not as they must be"),
            "do the step behind each →, and check again",
        )),
    }
}

/// Looks until all is well, or the same faults stay.
fn look(context: &Context) -> Result<Report, Failure> {
    let home = context.home();
    let once = || -> Result<Report, Failure> {
        let engine_runs = engine::is_taken(home).map_err(|error| {
            Failure::new(
                format!("can't see whether an engine runs under {}: {error}", home.display()),
                "run check as the user who runs the engine",
            )
        })?;
        Ok(check::check(home, &engine::recordings_in(home), engine_runs))
    };
    let mut report = once()?;
    for _ in 1..LOOKS {
        if report.findings.is_empty() || !report.engine {
            break;
        }
        thread::sleep(BETWEEN_LOOKS);
        let before = std::mem::replace(&mut report, once()?);
        report.keep_what_stays(&before);
    }
    Ok(report)
}

/// What is found at a centre: what it keeps lies in its store.
fn at_centre(context: &Context, found: CentreLook) -> Report {
    let missing = found.missing.into_iter().map(|(recording, place)| Finding {
        invariant: Invariant::RowHasFile,
        call: None,
        path: Some(place.into()),
        text: format!("it is not in the store, and recording {recording} is kept"),
        todo: "put it back from a backup of the store; ask who removed it".to_owned(),
    });
    let risen = found.risen.into_iter().map(|recording| Finding {
        invariant: Invariant::LedgerAgrees,
        call: None,
        path: None,
        text: format!("recording {recording} is kept, and has a tombstone in the store: it was deleted"),
        todo: "the database comes from a backup: let nobody play it, and put the newer one back".to_owned(),
    });
    Report {
        home: context.home().to_owned(),
        engine: false,
        recordings: found.recordings,
        calls: 0,
        files: found.objects,
        skipped: Vec::new(),
        dying: found.dying,
        unnumbered: 0,
        findings: missing.chain(risen).collect(),
    }
}

fn all_there(report: &Report) -> String {
    let (recordings, objects) =
        (counted(report.recordings as u64, "recording"), counted(report.files as u64, "object"));
    format!("What the centre keeps lies in its store: {recordings}, {objects}.")
}

fn line(finding: &Finding) -> String {
    let Finding { invariant, call, path, text, todo } = finding;
    let of = match (path, call) {
        (Some(path), _) => format!("{}: ", path.display()),
        (None, Some(call)) => format!("call {call}: "),
        (None, None) => String::new(),
    };
    format!("{:>2}  {}: {of}{text}\n    → {todo}", invariant.number(), invariant.words())
}

/// Findings that are not wrong, but worth a question.
fn to_look_at(report: &Report) -> Vec<String> {
    let hole = |Skipped { day, first, last }: &Skipped| {
        let numbers = if first == last { format!("number {first}") } else { format!("numbers {first} to {last}") };
        format!(
            " ?  {numbers} of {day} have no call: the engine was killed or lost power that day, or an older catalog was put in the place of \
             a newer one; ask who did that, and when"
        )
    };
    let mut lines: Vec<String> = report.skipped.iter().rev().take(HOLES_SHOWN).rev().map(hole).collect();
    if let older @ 1.. = report.skipped.len().saturating_sub(HOLES_SHOWN) {
        let older = counted_doing(older as u64, "older hole", ("have names", "has a name"));
        lines.insert(0, format!(" ?  {older} too, in the numbers of calls: see --json"));
    }
    lines.extend(report.dying.iter().map(|one| {
        format!(
            " ?  call {}: its recording is being deleted ({}): the next sweep goes on with it, within the hour, or `retrocall sweep`",
            one.call,
            one.found.as_str()
        )
    }));
    if report.unnumbered > 0 {
        lines.push(format!(
            " ?  {} no number, and could not be drawn: when it began neither the catalog nor its file of numbers could be had, or nothing \
             but a recording tells of it",
            counted_doing(report.unnumbered as u64, "call", ("have", "has"))
        ));
    }
    lines
}

fn all_well(report: &Report) -> String {
    let Report { recordings, calls, files, .. } = report;
    let beside = if report.engine { ", beside a running engine" } else { "" };
    format!(
        "All {} invariants hold: {}, {}, {}{beside}.",
        Invariant::ALL.len(),
        counted(*recordings as u64, "recording"),
        counted(*files as u64, "file"),
        counted(*calls as u64, "call")
    )
}
