//! `retrocall sweep`: deletes what is due, as the engine does every hour. Needs no engine, and works beside one.

use std::{path::PathBuf, process, sync::Arc};

use clap::Args;
use serde::Serialize;
use tokio::runtime::Runtime;

use super::{
    Context, Failure,
    context::user_name,
    output::{self, counted},
};
use retrocall_records::{
    Server,
    desk::{HomeDesk, Queue as _, Restricting as _},
    ledger,
    policy::{Fate, Why},
    sweep::{
        Believe, CentreLook, CentreSweep, Doomed, DueAndStays, HomeFiles, HomeStore, Overwriting, Report, Returned,
        Stopped, Sweeper, is_open, overwrite, remove_returned, would_delete,
    },
};
use retrocall_settings::Settings;
use retrocall_web::objects_at;
use retrocall_words::{Clock, SystemClock, retention::Period};

/// Recordings that are listed at most.
const LISTED_MAX: usize = 1_000;

const EXAMPLES: &str = "Examples:
  retrocall sweep --dry-run          what would go now, and why
  retrocall sweep --dry-run --json
  retrocall sweep                    delete what is due
  retrocall sweep --accept-clock     after the clock of this machine has jumped, and is right

The engine does this every hour, and so do the pages of a centre. Run it as the user who runs them,
with or without one running. Nothing goes early, however full the disk is: `retrocall policy show` says what goes when.";

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
    if let Some(centre) = Centre::of(context, &settings)? {
        return at_centre(context, centre, &args);
    }
    let files = HomeFiles::of(context.home());
    let mut sweeper = Sweeper::new(format!("command {} of {now}", process::id()));
    let Some(mut store) = HomeStore::open(context.home()).map_err(Failure::whole)? else {
        return say(context, &Swept::default());
    };
    let believe = if args.accept_clock { Believe::Accepted } else { Believe::Checked };
    if args.dry_run {
        if let Err(Stopped::Clock(jump)) = sweeper.judge(&files, &SystemClock) {
            output::complain(&jump.to_string());
        }
        store.consider(settings.retention, &settings.calendar, now).map_err(Failure::whole)?;
        return say_what_would_go(context, &mut store);
    }
    drop(store);
    end(context, &delete_all(context, &mut sweeper, believe)?)
}

fn end(context: &Context, swept: &Swept) -> Result<(), Failure> {
    say(context, swept)?;
    match swept.report.failed.len() {
        0 => Ok(()),
        failed => Err(Failure::new(
            format!("{} could not be deleted", counted(failed as u64, "recording")),
            "do what stands behind it, and sweep again",
        )),
    }
}

/// A clean-up of a centre, with what its questions to the store run on.
pub(super) struct Centre {
    sweep: CentreSweep,
    _runtime: Runtime,
}

impl Centre {
    /// None: these are not the settings of a centre.
    pub(super) fn of(context: &Context, settings: &Settings) -> Result<Option<Centre>, Failure> {
        let (Some(database), Some(store)) = (&settings.database, &settings.store) else { return Ok(None) };
        let server = Server::at(database.as_str()).map_err(Failure::whole)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime
            .map_err(|error| Failure::new(format!("can't start threads ({error})"), "raise the limit on processes"))?;
        let objects = objects_at(store.as_str(), runtime.handle().clone()).map_err(Failure::whole)?;
        let rules = (settings.retention, settings.calendar.clone(), settings.practice());
        let sweep = CentreSweep::new((server, context.home()), objects, rules, Arc::new(SystemClock));
        Ok(Some(Centre { sweep, _runtime: runtime }))
    }

    /// What `check` has to know of it.
    pub(super) fn look(&self) -> Result<CentreLook, Failure> {
        self.sweep.look().map_err(Failure::whole)
    }

    /// One run, and what comes after it.
    fn delete_all(&mut self, believe: Believe) -> Result<Swept, Failure> {
        let report = self.sweep.once(believe).map_err(Failure::whole)?;
        let overwriting = self.sweep.afterwards().map_err(|trouble| trouble.to_string());
        Ok(Swept::of(&report, Returned::default(), overwriting))
    }
}

/// The same at a centre, whose recordings lie in its store.
fn at_centre(context: &Context, mut centre: Centre, args: &SweepArgs) -> Result<(), Failure> {
    if args.dry_run {
        let due = centre.sweep.would_delete(LISTED_MAX).map_err(Failure::whole)?;
        return say_due(context, WouldGo { due, no_anchor: Vec::new(), stays: Vec::new() });
    }
    let believe = if args.accept_clock { Believe::Accepted } else { Believe::Checked };
    end(context, &centre.delete_all(believe)?)
}

/// Deletes what is due now, as `retrocall sweep` does.
pub(super) fn delete_due(context: &Context) -> Result<Swept, Failure> {
    if let Some(mut centre) = Centre::of(context, &context.settings()?)? {
        return centre.delete_all(Believe::Checked);
    }
    let mut sweeper = Sweeper::new(format!("command {} of {}", process::id(), SystemClock.wall()));
    let swept = delete_all(context, &mut sweeper, Believe::Checked)?;
    match swept.report.failed.first() {
        None => Ok(swept),
        Some((_, why)) => Err(Failure::whole(why)),
    }
}

/// One run, and what comes after it: files that came back, segments of the ledger, what the catalog still says.
fn delete_all(context: &Context, sweeper: &mut Sweeper, believe: Believe) -> Result<Swept, Failure> {
    let (settings, now) = (context.settings()?, SystemClock.wall());
    let files = HomeFiles::of(context.home());
    let Some(mut store) = HomeStore::open(context.home()).map_err(Failure::whole)? else {
        return Ok(Swept::default());
    };
    is_open(context.home()).map_err(Failure::whole)?;
    match sweeper.judge(&files, &SystemClock) {
        // Before anything is written by that clock.
        Err(Stopped::Clock(_)) if believe == Believe::Accepted => {
            ledger::clock_accepted(context.home(), &user_name(), now).map_err(Failure::whole)?;
        }
        judged => judged.map_err(Failure::whole)?,
    }
    store.follow(settings.retention, &settings.calendar, now).map_err(Failure::whole)?;
    let desk = HomeDesk::of(context.home());
    desk.restrict_unanswered(now).map_err(Failure::whole)?;
    // What nobody can hear goes as well; the sweep finds it due then.
    desk.let_go(settings.review_per_week, now).map_err(Failure::whole)?;
    let report = sweeper.run(&mut store, &files, &SystemClock, believe).map_err(Failure::whole)?;
    // What others wait for goes first.
    drop(store);
    let returned = remove_returned(context.home(), now).map_err(Failure::whole)?;
    ledger::expire(context.home(), settings.retention.get(Period::Ledger), now).map_err(Failure::whole)?;
    // What was to be deleted is: whatever is in the way of this is in its way alone.
    let overwriting = overwrite(context.home(), SystemClock.wall()).map_err(|trouble| trouble.to_string());
    Ok(Swept::of(&report, returned, overwriting))
}

/// What `--json` prints.
#[derive(Default, Serialize)]
pub(super) struct Swept {
    #[serde(flatten)]
    report: Report,
    /// Files of recordings that are gone, which had come back and are deleted again.
    returned: Vec<PathBuf>,
    /// How many receipts say now that what was deleted is overwritten in the catalog too.
    overwritten: u64,
    /// Why others do not say so yet, and what to do.
    not_overwritten: Option<String>,
}

impl Swept {
    fn of(report: &Report, returned: Returned, overwriting: Result<Overwriting, String>) -> Swept {
        let (overwritten, not_overwritten) = match overwriting {
            Ok(done) => (done.count() as u64, done.waits_for()),
            Err(trouble) => (0, Some(trouble)),
        };
        Swept { report: report.clone(), returned: returned.removed, overwritten, not_overwritten }
    }
}

fn say(context: &Context, swept: &Swept) -> Result<(), Failure> {
    if context.json() {
        output::say_json(swept);
        return Ok(());
    }
    let Report { gone, held, deleted, absent, failed, .. } = &swept.report;
    deleted.iter().for_each(|(id, why)| output::say(&format!("{id}  deleted: {}", why.sentence())));
    absent.iter().for_each(|id| output::say(&format!("{id}  its file was not there: ask who removed it")));
    failed.iter().for_each(|(id, why)| output::say(&format!("{id}  not deleted: {why}")));
    match gone {
        0 if failed.is_empty() => output::say("Nothing is due."),
        0 => {}
        1 => output::say("1 recording is gone."),
        more => output::say(&format!("{} are gone.", counted(*more, "recording"))),
    }
    for file in &swept.returned {
        output::say(&format!("{}  had come back, and is deleted again: ask who put it there", file.display()));
    }
    if swept.overwritten > 0 {
        output::say(&format!("Overwritten in the catalog too: {}.", counted(swept.overwritten, "recording")));
    }
    if let Some(why) = &swept.not_overwritten {
        output::say(&format!("What was deleted is not overwritten in the catalog yet: {why}."));
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
    /// Recordings that are due, and stay for the sake of the centre to which this home delivers.
    stays: Vec<DueAndStays>,
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
    let stays = store.due_and_stays(now, LISTED_MAX).map_err(Failure::whole)?;
    say_due(context, WouldGo { due, no_anchor, stays })
}

fn say_due(context: &Context, would: WouldGo) -> Result<(), Failure> {
    if context.json() {
        output::say_json(&would);
        return Ok(());
    }
    let WouldGo { due, no_anchor, stays } = would;
    for Doomed { id, why, since, .. } in &due {
        output::say(&format!("{id}  due since {since:.0}: {}", Why::sentence(*why)));
    }
    for id in &no_anchor {
        output::say(&format!("{id}  never due: nothing is known from which its time could count; decide about it"));
    }
    for DueAndStays { id, since, stays, .. } in &stays {
        output::say(&format!("{id}  due since {since:.0}, and {}", stays.sentence()));
    }
    if due.is_empty() && stays.is_empty() {
        output::say("Nothing is due.");
    }
    Ok(())
}
