//! `retrocall training`: teaching material. Needs no engine.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, failure, recording_of, text},
    output,
    purpose::sentence_of,
};
use retrocall_records::desk::{Completion, Proposals as _};

const EXAMPLES: &str = "Examples:
  retrocall review ID --promote-to-training 'Calms an angry caller'
  retrocall training approve ID --as anna          her yes, as the agent of the call
  retrocall play ID --as henk                      a second listener
  retrocall training approve ID --as henk
  retrocall training refuse ID --why 'I would rather not' --as anna

A learning moment becomes teaching material when its agent says yes, and a second listener does. ID
is that of the proposal, of the recording, or of its call. The agent's no is enough.";

/// Teaching material: its agent and a second listener approve it
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TrainingArgs {
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: TrainingCommand,
}

#[derive(Subcommand)]
enum TrainingCommand {
    Approve(ApproveArgs),
    Refuse(RefuseArgs),
}

/// Say yes: the agent of the call first, then a second listener
#[derive(Args)]
#[command(
    after_help = "Examples:\n  retrocall training approve ID --as anna\n  retrocall training approve ID --as henk"
)]
struct ApproveArgs {
    /// The proposal, the recording, or its call
    #[arg(value_name = "ID")]
    id: String,
}

/// Say no
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall training refuse ID --why 'I would rather not' --as anna")]
struct RefuseArgs {
    /// The proposal, the recording, or its call
    #[arg(value_name = "ID")]
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = text)]
    why: String,
}

pub(super) fn run(context: &Context, args: TrainingArgs) -> Result<(), Failure> {
    let AtDesk { desk, who, now } = args.actor.at_desk(context)?;
    let sentence = match args.command {
        TrainingCommand::Approve(ApproveArgs { id }) => {
            let id = recording_of(context, &id)?;
            sentence_of(desk.approve(&who, &id, &Completion::default(), now).map_err(failure)?)
        }
        TrainingCommand::Refuse(RefuseArgs { id, why }) => {
            let id = recording_of(context, &id)?;
            desk.refuse_proposal(&who, &id, &why, now).map_err(failure)?;
            "is refused"
        }
    };
    if context.json() {
        output::say_json(&json!({ "done": sentence }));
    } else {
        output::say(&format!("The proposal {sentence}."));
    }
    Ok(())
}
