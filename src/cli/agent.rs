//! `retrocall agent`: an agent left the desk. Needs no engine.

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
  retrocall agent left anna
  retrocall agent left anna --as hanna

What was kept for the agent's evaluation goes, unless a request, a hold or a dispute keeps it.";

/// Agents who leave
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AgentArgs {
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: AgentCommand,
}

#[derive(Subcommand)]
enum AgentCommand {
    Left(LeftArgs),
}

/// An agent left: what served their evaluation ends
#[derive(Args)]
#[command(after_help = EXAMPLES)]
struct LeftArgs {
    /// The agent
    #[arg(value_name = "AGENT", value_parser = name)]
    agent: String,
}

pub(super) fn run(context: &Context, args: AgentArgs) -> Result<(), Failure> {
    let at = args.actor.at_desk(context)?;
    let AgentCommand::Left(LeftArgs { agent }) = args.command;
    let ended = at.desk.agent_left(&at.who, &agent, at.now).map_err(failure)?;
    if context.json() {
        output::say_json(&json!({ "agent": agent, "recordings": ended }));
    } else {
        output::say(&format!("Noted. Recordings of {agent} that are no longer kept for an evaluation: {ended}."));
    }
    Ok(())
}
