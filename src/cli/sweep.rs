//! `retrocall sweep`: deletes what is due, as the engine does every hour. Needs no engine, and works beside one.

use std::process;

use clap::Args;
use serde::Serialize;

use super::{Context, Failure, output};
use retrocall_records::{
    desk::{HomeDesk, Queue as _},
    policy::{Fate, Why},
    sweep::{Believe, Doomed, HomeFiles, HomeStore, Report, Stopped, Sweeper, would_delete},
};
use retrocall_words::{Clock, SystemClock};

/// Recordings that are listed at most.
const LISTED_MAX: usize = 1_000;

const EXAMPLES: &str = "Examples:
  retrocall sweep --dry-run          what would go now, and why
  retrocall sweep --dry-run --json
  retrocall sweep                    delete what is due
  retrocall sweep --accept-clock     after the clock of this machine has jumped, and is right

The engine does this every hour. Run it as the user who runs the engine, with or without one
running. Nothing goes early, however full the disk is: `retrocall policy show` says what goes when.";

/// Delete what is due: its time is over, and nothing holds it
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SweepArgs {
    /// Say what would go, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The clock has jumped, and it is right
    #[arg(long, conflicts_with = "dry_run")]
    accept_clock: bool,
}

pub(super) fn run(context: &Context, args: SweepArgs) -> Result<(), Failure> {
    let settings = context.settings()?;
    if !context.home().is_dir() {
        return Err(Failure::new(
            format!("there is no home folder {}", context.home().display()),
            format!("name the engine's with --home, or start one with `{}`", context.typed("run")),
        ));
    }
    let now = SystemClock.wall();
    let files = HomeFiles::of(context.home());
    let mut sweeper = Sweeper::new(format!("command {} of {now}", process::id()));
    let Some(mut store) = HomeStore::open(context.home()).map_err(Failure::whole)? else {
        return say(context, &Report::default());
    };
    let believe = if args.accept_clock { Believe::Accepted } else { Believe::Checked };
    if args.dry_run {
        if let Err(Stopped::Clock(jump)) = sweeper.judge(&files, &SystemClock) {
            output::complain(&jump.to_string());
        }
        store.consider(settings.retention, &settings.calendar, now).map_err(Failure::whole)?;
        return say_what_would_go(context, &mut store);
    }
    if believe == Believe::Checked {
        sweeper.judge(&files, &SystemClock).map_err(Failure::whole)?;
    }
    store.follow(settings.retention, &settings.calendar, now).map_err(Failure::whole)?;
    // What nobody can hear goes as well; the sweep finds it due then.
    HomeDesk::of(context.home()).let_go(settings.review_per_week, now).map_err(Failure::whole)?;
    let report = sweeper.run(&mut store, &files, &SystemClock, believe).map_err(Failure::whole)?;
    say(context, &report)?;
    match report.failed.len() {
        0 => Ok(()),
        1 => Err(Failure::new("1 recording could not be deleted", "do what stands behind it, and sweep again")),
        more => Err(Failure::new(
            format!("{more} recordings could not be deleted"),
            "do what stands behind them, and sweep again",
        )),
    }
}

fn say(context: &Context, report: &Report) -> Result<(), Failure> {
    if context.json() {
        output::say_json(report);
        return Ok(());
    }
    let Report { gone, held, deleted, absent, failed, .. } = report;
    deleted.iter().for_each(|(id, why)| output::say(&format!("{id}  deleted: {}", why.sentence())));
    absent.iter().for_each(|id| output::say(&format!("{id}  its file was not there: ask who removed it")));
    failed.iter().for_each(|(id, why)| output::say(&format!("{id}  not deleted: {why}")));
    match gone {
        0 if failed.is_empty() => output::say("Nothing is due."),
        0 => {}
        1 => output::say("1 recording is gone."),
        more => output::say(&format!("{more} recordings are gone.")),
    }
    if *held > 0 {
        output::say(&format!("{held} more were due, and something came to hold them meanwhile."));
    }
    Ok(())
}

/// What `--json` prints of a dry run.
#[derive(Serialize)]
struct WouldGo {
    due: Vec<Doomed>,
    /// Recordings without anything from which their rule could count: somebody has to decide.
    no_anchor: Vec<String>,
}

fn say_what_would_go(context: &Context, store: &mut HomeStore) -> Result<(), Failure> {
    let now = SystemClock.wall();
    let due = would_delete(store, now, LISTED_MAX).map_err(Failure::whole)?;
    let mut no_anchor = Vec::new();
    let look = |judged: retrocall_records::sweep::Judgement| {
        if let Fate::NoAnchor { .. } = judged.fate {
            no_anchor.push(judged.id);
        }
    };
    store.each_kept(now, look).map_err(Failure::whole)?;
    if context.json() {
        output::say_json(&WouldGo { due, no_anchor });
        return Ok(());
    }
    for Doomed { id, why, since, .. } in &due {
        output::say(&format!("{id}  due since {since:.0}: {}", Why::sentence(*why)));
    }
    for id in &no_anchor {
        output::say(&format!("{id}  never due: nothing is known from which its time could count; decide about it"));
    }
    if due.is_empty() {
        output::say("Nothing is due.");
    }
    Ok(())
}
