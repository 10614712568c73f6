//! `retrocall incident`: a press by mistake. Needs no engine.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, failure, recording_of, text},
    output,
};
use retrocall_records::desk::Cases as _;

const EXAMPLES: &str = "Examples:
  retrocall incident dismiss ID --why 'Pressed by mistake'
  retrocall incident dismiss ID --why 'The agent asked for it' --as tom

The recording goes, unless something else keeps it. ID is that of the recording, or of its call.";

/// Incidents: presses of Record
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct IncidentArgs {
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: IncidentCommand,
}

#[derive(Subcommand)]
enum IncidentCommand {
    Dismiss(DismissArgs),
}

/// A press was a mistake
#[derive(Args)]
#[command(after_help = EXAMPLES)]
struct DismissArgs {
    /// The recording, or its call
    #[arg(value_name = "ID")]
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = text)]
    why: String,
}

pub(super) fn run(context: &Context, args: IncidentArgs) -> Result<(), Failure> {
    let at = args.actor.at_desk(context)?;
    let IncidentCommand::Dismiss(DismissArgs { id, why }) = args.command;
    let recording = recording_of(context, &id)?;
    at.desk.dismiss(&at.who, &recording, &why, at.now).map_err(failure)?;
    if context.json() {
        output::say_json(&json!({ "recording": recording, "done": "dismissed" }));
    } else {
        output::say("Dismissed: the recording is no longer kept as an incident.");
    }
    Ok(())
}
