//! `retrocall training silence`, or `silence` for short: teaching material without names and numbers. Needs no engine.

use clap::Args;
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, failure, recording_of},
    output,
};
use retrocall_records::desk::Proposals as _;

const EXAMPLES: &str = "Examples:
  retrocall training silence ID 12.5..15
  retrocall training silence ID 0..4.2 --as hanna

Both sides become silent in the recording's own file, from and to these seconds of the call: names,
numbers, whatever trainees should not hear. It can't be taken back. Only teaching material that is
kept for nothing else is silenced.";

/// Make a stretch of teaching material silent
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SilenceArgs {
    #[command(flatten)]
    silence: Silence,
    #[command(flatten)]
    actor: Actor,
}

/// Make a stretch of teaching material silent
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Silence {
    /// The recording, or its call
    #[arg(value_name = "ID")]
    id: String,
    /// From and to, in seconds of the call
    #[arg(value_name = "A..B", value_parser = span)]
    span: (f64, f64),
}

fn span(text: &str) -> Result<(f64, f64), String> {
    let seconds = |text: &str| text.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    let both = text.split_once("..").and_then(|(from, to)| Some((seconds(from)?, seconds(to)?)));
    both.filter(|(from, to)| from < to).ok_or_else(|| "seconds such as 12.5..15".to_owned())
}

pub(super) fn run(context: &Context, args: SilenceArgs) -> Result<(), Failure> {
    silence(context, &args.actor.at_desk(context)?, &args.silence)
}

/// Makes it silent, for whoever acts.
pub(super) fn silence(context: &Context, AtDesk { desk, who, now }: &AtDesk, what: &Silence) -> Result<(), Failure> {
    let id = recording_of(context, &what.id)?;
    desk.silence(who, &id, what.span, *now).map_err(failure)?;
    let (from, to) = what.span;
    if context.json() {
        output::say_json(&json!({ "recording": id, "from_seconds": from, "to_seconds": to }));
    } else {
        output::say(&format!("Silent from second {from} to second {to}."));
    }
    Ok(())
}
