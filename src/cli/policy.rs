//! `retrocall policy`: what goes when and why, and what a change of the settings would do. Needs no engine.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use jiff::Timestamp;
use serde::Serialize;

use super::{Context, Failure, output};
use retrocall_records::{
    policy::{Change, Fate, RuleText, Version, changes, fate, rules},
    sweep::{HomeStore, Judgement},
};
use retrocall_settings::{SETTINGS_FILE, Settings};
use retrocall_words::{
    Clock, SystemClock,
    retention::{Calendar, Periods},
};

const EXAMPLES: &str = "Examples:
  retrocall policy show
  retrocall policy show --json
  retrocall policy diff new.toml

The periods are settings: [retention] and [calendar] in retrocall.toml. Each can be shorter; none
can be longer than the default or switched off, but for a few whose range is wider.";

const DIFF_EXAMPLES: &str = "Examples:
  retrocall policy diff new.toml
  retrocall policy diff new.toml --json

The file is a retrocall.toml as it would be. Nothing is changed: put it in the place of the old one,
and start the engine again. A shorter period binds every recording from that day on; a longer one
binds only calls that begin later.";

/// What goes when and why, and what a change would do
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PolicyArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// What goes when and why
    #[command(after_help = EXAMPLES)]
    Show,
    /// What other settings would change
    #[command(after_help = DIFF_EXAMPLES)]
    Diff {
        /// The settings as they would be
        file: PathBuf,
    },
}

pub(super) fn run(context: &Context, args: PolicyArgs) -> Result<(), Failure> {
    let settings = context.settings()?;
    match args.what {
        What::Show => show(context, &settings),
        What::Diff { file } => diff(context, &settings, &file),
    }
    .map(drop)
}

/// What `--json` prints of the policy.
#[derive(Serialize)]
struct Shown<'a> {
    rules: Vec<RuleText>,
    retention: Periods,
    calendar: &'a Calendar,
    review_per_week: Option<usize>,
}

fn show(context: &Context, settings: &Settings) -> Result<(), Failure> {
    let version =
        Version { from: SystemClock.wall(), periods: settings.retention, calendar: settings.calendar.clone() };
    let rules = rules(&version);
    let Settings { retention, calendar, review_per_week, .. } = settings;
    if context.json() {
        output::say_json(&Shown { rules, retention: *retention, calendar, review_per_week: *review_per_week });
        return Ok(());
    }
    for RuleText { purpose, basis, rule, ceiling } in &rules {
        output::say(&format!("{} ({basis})\n  {rule}\n  at most: {ceiling}", purpose.as_str()));
    }
    let free = calendar.free_days.len();
    let heard = review_per_week.map_or(String::new(), |calls| format!("; {calls} calls a week can be heard"));
    output::say(&format!("Days are those of {}; {free} of them are free{heard}.", calendar.zone.name()));
    Ok(())
}

/// What `--json` prints of a difference.
#[derive(Serialize)]
struct Difference {
    changes: Vec<Change>,
    calendar_changes: bool,
    review_per_week: [Option<usize>; 2],
    recordings: Vec<Moved>,
}

/// A recording that would go at another time.
#[derive(Serialize)]
struct Moved {
    id: String,
    now: Option<Timestamp>,
    then: Option<Timestamp>,
}

/// The recordings that would go at another time, if nothing else happens to them.
fn moved(context: &Context, settings: &Settings, new: &Settings) -> Result<Vec<Moved>, Failure> {
    let Some(mut store) = HomeStore::open(context.home()).map_err(Failure::whole)? else { return Ok(Vec::new()) };
    let now = SystemClock.wall();
    store.consider(settings.retention, &settings.calendar, now).map_err(Failure::whole)?;
    let next = Version { from: now, periods: new.retention, calendar: new.calendar.clone() };
    let policy = store.policy().followed_by(next);
    let mut moved = Vec::new();
    let look = |judged: Judgement| {
        let (before, after) = (end(&judged.fate), end(&fate(&judged.facts, &policy, now)));
        if before != after {
            moved.push(Moved { id: judged.id, now: before, then: after });
        }
    };
    store.each_kept(now, look).map_err(Failure::whole)?;
    Ok(moved)
}

fn end(fate: &Fate) -> Option<Timestamp> {
    match fate {
        Fate::Kept { until, .. } | Fate::Restricted { until, .. } => *until,
        Fate::Due { since, .. } => Some(*since),
        Fate::NoAnchor { .. } => None,
    }
}

fn diff(context: &Context, settings: &Settings, file: &std::path::Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("{} ({error})", file.display()), format!("name a {SETTINGS_FILE}")))?;
    let new = Settings::parse(&text, file)?;
    let difference = Difference {
        changes: changes(&settings.retention, &new.retention),
        calendar_changes: settings.calendar != new.calendar,
        review_per_week: [settings.review_per_week, new.review_per_week],
        recordings: moved(context, settings, &new)?,
    };
    if context.json() {
        output::say_json(&difference);
        return Ok(());
    }
    say_changes(&difference);
    Ok(())
}

fn say_changes(difference: &Difference) {
    let Difference { changes, calendar_changes, review_per_week: [before, after], recordings } = difference;
    if changes.is_empty() && !calendar_changes && before == after {
        return output::say("Nothing would be kept for another time.");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["PERIOD", "NOW", "THEN", "BINDS"]);
    for Change { period, before, after, binds_all } in changes {
        let binds = if *binds_all { "every recording" } else { "calls that begin later" };
        table.add_row([period.as_str().to_owned(), before.to_string(), after.to_string(), binds.to_owned()]);
    }
    if !changes.is_empty() {
        output::say_table(&table);
    }
    if *calendar_changes {
        output::say("The calendar changes: of two counts of days the one that ends first holds.");
    }
    if let Some(first) = recordings.iter().filter_map(|moved| moved.then).min() {
        output::say(&format!(
            "Recordings that would go at another time: {}, the first on {first:.0}.",
            recordings.len()
        ));
    }
    if before != after {
        let calls = |number: &Option<usize>| number.map_or("without a limit".to_owned(), |calls| calls.to_string());
        output::say(&format!("Calls heard in a week: {}, then {}.", calls(before), calls(after)));
    }
}
