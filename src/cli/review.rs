//! `retrocall review`: listening to the sample. Needs no engine, and works beside one.

use clap::{ArgGroup, Args, Subcommand};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, failure, recording_of, text},
    output::{self, counted_doing},
};
use retrocall_records as catalog;
use retrocall_records::{
    desk::{Queue as _, QueueState, ReviewOutcome, Reviews as _, SkipReason, Turn},
    policy::NoticeKind,
    sweep::{HomeStore, Warning, warnings},
};
use retrocall_settings::Settings;
use retrocall_words::{Word as _, retention::Period};

const EXAMPLES: &str = "Examples:
  retrocall review next
  retrocall review next --skip too-close --as hanna
  retrocall review ID --no-finding
  retrocall review ID --learning-moment 'Asks twice for the order number' --at 75
  retrocall review ID --private-call
  retrocall review ID --promote-to-training 'Calms an angry caller'

`next` hands out the calls of closed days in the order of their draw. A call can be reviewed by ID
at any time: the ledger notes that it was out of order. ID is that of the recording, or of its call.";

const NEXT_EXAMPLES: &str = "Examples:
  retrocall review next
  retrocall review next --skip language
  retrocall review next --as hanna --json

It says neither the agent nor the customer: they are shown once the outcome is given. The same call
comes again until then. Reasons to skip: own-call, too-close, language, inaudible. --json prints one
object: `recording` is null if no call waits, `queue` and `warnings` are always there.";

/// Listen to the sample in the order of the draw, and say what came of it
#[derive(Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(group = ArgGroup::new("outcome").required(true))]
pub(super) struct ReviewArgs {
    /// The recording, or its call
    #[arg(value_name = "ID", required = true)]
    id: Option<String>,
    /// Nothing to discuss: it goes at once
    #[arg(long, group = "outcome")]
    no_finding: bool,
    /// Something to learn from: it stays until the agent's evaluation
    #[arg(long, value_name = "NOTE", value_parser = text, group = "outcome")]
    learning_moment: Option<String>,
    /// Where in the recording
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires = "learning_moment")]
    at: Option<f64>,
    /// A private call: it goes at once, without a note
    #[arg(long, group = "outcome")]
    private_call: bool,
    /// Propose a learning moment as teaching material: another person approves it
    #[arg(long, value_name = "REASON", value_parser = text, group = "outcome")]
    promote_to_training: Option<String>,
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: Option<ReviewCommand>,
}

#[derive(Subcommand)]
enum ReviewCommand {
    Next(NextArgs),
}

/// The call whose turn it is
#[derive(Args)]
#[command(after_help = NEXT_EXAMPLES)]
struct NextArgs {
    /// Pass over the one whose turn it is, for a reason
    #[arg(long, value_name = "REASON", value_parser = skip_reason)]
    skip: Option<SkipReason>,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0);
    seconds.ok_or_else(|| "seconds from the beginning, such as 75".to_owned())
}

fn skip_reason(word: &str) -> Result<SkipReason, String> {
    let all = SkipReason::ALL.map(SkipReason::as_str).join(", ");
    SkipReason::read(word).ok_or_else(|| format!("one of {all}"))
}

pub(super) fn run(context: &Context, args: ReviewArgs) -> Result<(), Failure> {
    let at_desk = args.actor.at_desk(context)?;
    if let Some(ReviewCommand::Next(next)) = args.command {
        return say_next(context, &at_desk, next.skip);
    }
    let id = recording_of(context, &args.id.unwrap_or_default())?;
    match args.promote_to_training {
        Some(reason) => propose(context, &at_desk, &id, &reason),
        None => {
            let outcome = match args.learning_moment {
                Some(note) => ReviewOutcome::LearningMoment { note, at_seconds: args.at },
                None if args.private_call => ReviewOutcome::PrivateCall,
                None => ReviewOutcome::NoFinding,
            };
            review(context, &at_desk, &id, &outcome)
        }
    }
}

fn say_next(context: &Context, at: &AtDesk, skip: Option<SkipReason>) -> Result<(), Failure> {
    let turn = at.desk.next(&at.who, skip, at.now).map_err(failure)?;
    let settings = context.settings()?;
    let queue = at.desk.queue(&at.who, settings.review_per_week, at.now).map_err(failure)?;
    let late = late_evaluations(context, &settings, at.now)?;
    let path = match &turn {
        Some(turn) => path_of(context, turn)?,
        None => None,
    };
    if context.json() {
        // One shape, whether or not a call waits: what is late is told at all times.
        let mut told = match &turn {
            Some(turn) => json!(turn),
            None => json!({ "recording": null, "review": null, "start": null, "seconds": null, "waiting": 0 }),
        };
        told["path"] = json!(path);
        told["queue"] = json!(queue);
        told["warnings"] = json!(late);
        output::say_json(&told);
        return Ok(());
    }
    say_queue(&queue, &settings);
    say_late(context, &late)?;
    let Some(turn) = turn else {
        output::say(
            "No call waits. The calls of a day join the queue when the day is over and all of them have ended.",
        );
        return Ok(());
    };
    let start = turn.start.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string();
    let length = turn.seconds.map_or(String::new(), |seconds| format!(", {}", output::length(seconds)));
    let behind = counted_doing(turn.waiting, "call", ("wait", "waits"));
    output::say(&format!("A call of {start}{length}. {behind} behind it."));
    output::say(&format!("Listen: {}", context.typed(&format!("play {}", turn.recording))));
    output::say(&format!(
        "Then say what came of it: {}",
        context.typed(&format!("review {} --no-finding", turn.recording))
    ));
    output::say("or --learning-moment NOTE, or --private-call. Without an outcome it counts as unheard.");
    Ok(())
}

/// How much of the queue can be heard, and what becomes of the rest (D1).
fn say_queue(queue: &QueueState, settings: &Settings) {
    let Some(per_week) = queue.review_per_week else { return };
    let QueueState { waiting, fit, beyond, rest_from, .. } = queue;
    if fit < waiting {
        let calendar = &settings.calendar;
        let ends = rest_from.map(|from| calendar.days_after(from, settings.retention.get(Period::QualityUnheard)));
        let ends = ends.map_or(String::new(), |ends| format!(" on {}", calendar.day_of(ends)));
        output::say(&format!("{fit} of {waiting} fit this week; the rest goes unheard, the first of it{ends}."));
    }
    if *beyond > 0 {
        output::say(&format!(
            "{} beyond two weeks of {per_week}: the next clean-up deletes what lies there unheard, the highest lottery value first. Raise \
             `one_in` to draw fewer, or `review_per_week` if more can be heard.",
            counted_doing(*beyond, "call", ("lie", "lies"))
        ));
    }
}

/// Learning moments whose evaluation is late (D3).
fn late_evaluations(context: &Context, settings: &Settings, now: Timestamp) -> Result<Vec<Warning>, Failure> {
    let Some(mut store) = HomeStore::open_to_read(context.home()).map_err(Failure::whole)? else {
        return Ok(Vec::new());
    };
    store.consider(settings.retention, &settings.calendar, now).map_err(Failure::whole)?;
    let mut late = warnings(&mut store, now).map_err(Failure::whole)?;
    late.retain(|warning| warning.kind == NoticeKind::EvaluationMissing);
    Ok(late)
}

fn say_late(context: &Context, late: &[Warning]) -> Result<(), Failure> {
    if late.is_empty() {
        return Ok(());
    }
    let recordings = catalog::recordings(context.home()).map_err(Failure::whole)?;
    for Warning { recording, until, .. } in late {
        let agent = recordings.iter().find(|one| one.id.as_ref() == Some(recording)).map(|one| one.agent.as_str());
        let until = until.map_or(String::new(), |until| format!(", else it goes on {until:.0}"));
        output::say(&format!("Late: the evaluation of {} waits for {recording}{until}.", agent.unwrap_or("an agent")));
    }
    Ok(())
}

fn path_of(context: &Context, turn: &Turn) -> Result<Option<std::path::PathBuf>, Failure> {
    let recordings = catalog::recordings(context.home()).map_err(Failure::whole)?;
    let found = recordings.into_iter().find(|recording| recording.id.as_ref() == Some(&turn.recording));
    Ok(found.and_then(|recording| recording.path))
}

fn review(context: &Context, at: &AtDesk, id: &str, outcome: &ReviewOutcome) -> Result<(), Failure> {
    let reviewed = at.desk.review(&at.who, id, outcome, at.now).map_err(failure)?;
    if context.json() {
        output::say_json(&reviewed);
        return Ok(());
    }
    let order = if reviewed.in_order { "" } else { " It was not its turn, and the ledger says so." };
    let goes = match outcome {
        ReviewOutcome::LearningMoment { .. } => {
            "The note is written; it stays until the agent's evaluation.".to_owned()
        }
        _ if reviewed.stays_for.is_empty() => "It goes with the next sweep.".to_owned(),
        _ => {
            let stays: Vec<_> = reviewed.stays_for.iter().map(|purpose| purpose.as_str()).collect();
            format!("It stays for: {}.", stays.join(", "))
        }
    };
    output::say(&format!("A call of {}. {goes}{order}", reviewed.agent));
    Ok(())
}

fn propose(context: &Context, at: &AtDesk, id: &str, reason: &str) -> Result<(), Failure> {
    let proposal = at.desk.propose_training(&at.who, id, reason, at.now).map_err(failure)?;
    if context.json() {
        output::say_json(&json!({ "proposal": proposal }));
    } else {
        output::say(&format!(
            "Proposed as teaching material: {proposal}. It needs the agent's yes and a second listener."
        ));
    }
    Ok(())
}
