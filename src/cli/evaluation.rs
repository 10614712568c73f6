//! `retrocall evaluation`: an agent's evaluation was held. Needs no engine.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, failure},
    output,
};
use retrocall_records::desk::Reviews as _;
use retrocall_words::name;

const EXAMPLES: &str = "Examples:
  retrocall evaluation held --agent anna
  retrocall evaluation held --agent anna --as hanna

Learning moments that waited for it stay 14 days longer, for the agent may dispute them.";

/// Evaluations of agents
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct EvaluationArgs {
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: EvaluationCommand,
}

#[derive(Subcommand)]
enum EvaluationCommand {
    Held(HeldArgs),
}

/// An agent's evaluation was held: what waited for it ends
#[derive(Args)]
#[command(after_help = EXAMPLES)]
struct HeldArgs {
    /// The agent
    #[arg(long, value_name = "NAME", value_parser = name)]
    agent: String,
}

pub(super) fn run(context: &Context, args: EvaluationArgs) -> Result<(), Failure> {
    let at = args.actor.at_desk(context)?;
    let EvaluationCommand::Held(HeldArgs { agent }) = args.command;
    let moments = at.desk.evaluated(&at.who, &agent, at.now).map_err(failure)?;
    if context.json() {
        output::say_json(&json!({ "agent": agent, "recordings": moments }));
    } else {
        output::say(&format!("Noted. Recordings with a learning moment of {agent} that had waited for it: {moments}."));
    }
    Ok(())
}
