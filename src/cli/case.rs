//! `retrocall case`: the matters that incidents belong to. Needs no engine.

mod list;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, day, failure, recording_of, text},
    output,
};
use retrocall_records::desk::Cases as _;

const EXAMPLES: &str = "Examples:
  retrocall case open --recording ID
  retrocall case attach CASE --recording ID
  retrocall case close CASE --outcome 'Apology accepted'
  retrocall case close CASE --outcome 'Fined' --judgment 2027-03-01
  retrocall case reopen CASE
  retrocall case still-needed CASE
  retrocall case list
  retrocall case list --awaiting --json

A press without a case goes after seven working days. A case keeps its recordings until 72 hours
after it is closed, or past the term of appeal; somebody says every 90 days that it is needed.";

/// Cases: what incidents belong to until they are settled
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CaseArgs {
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: CaseCommand,
}

#[derive(Subcommand)]
enum CaseCommand {
    Open(OpenArgs),
    Attach(AttachArgs),
    Close(CloseArgs),
    Reopen(ReopenArgs),
    StillNeeded(NeededArgs),
    List(list::ListArgs),
}

/// Open a case for an incident
#[derive(Args)]
#[command(
    after_help = "Examples:\n  retrocall case open --recording ID\n  retrocall case open --recording ID --as bert --json"
)]
struct OpenArgs {
    /// The recording, or its call
    #[arg(long, value_name = "ID")]
    recording: String,
}

/// Add an incident to a case
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall case attach CASE --recording ID")]
struct AttachArgs {
    /// The case
    #[arg(value_name = "CASE")]
    case: String,
    /// The recording, or its call
    #[arg(long, value_name = "ID")]
    recording: String,
}

/// Close a case: its recordings go 72 hours later, or past the term of appeal
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall case close CASE --outcome 'Apology accepted'
  retrocall case close CASE --outcome 'Fined' --judgment 2027-03-01")]
struct CloseArgs {
    /// The case
    #[arg(value_name = "CASE")]
    case: String,
    /// How it ended
    #[arg(long, value_name = "TEXT", value_parser = text)]
    outcome: String,
    /// The day of the judgment, if there was one
    #[arg(long, value_name = "DATE", value_parser = day)]
    judgment: Option<Date>,
}

/// Take a closing back, as long as it has not taken effect
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall case reopen CASE")]
struct ReopenArgs {
    /// The case
    #[arg(value_name = "CASE")]
    case: String,
}

/// Say that a case is still needed
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall case still-needed CASE")]
struct NeededArgs {
    /// The case
    #[arg(value_name = "CASE")]
    case: String,
}

pub(super) fn run(context: &Context, args: CaseArgs) -> Result<(), Failure> {
    let AtDesk { desk, who, now } = args.actor.at_desk(context)?;
    let (case, sentence) = match args.command {
        CaseCommand::List(args) => return list::run(context, &args, &desk.all_cases(&who).map_err(failure)?, now),
        CaseCommand::Open(OpenArgs { recording }) => {
            let case = desk.open_case(&who, &recording_of(context, &recording)?, now).map_err(failure)?;
            (case, "is open")
        }
        CaseCommand::Attach(AttachArgs { case, recording }) => {
            desk.attach(&who, &case, &recording_of(context, &recording)?, now).map_err(failure)?;
            (case, "has one recording more")
        }
        CaseCommand::Close(CloseArgs { case, outcome, judgment }) => {
            desk.close_case(&who, &case, &outcome, judgment, now).map_err(failure)?;
            (case, "is closed: that can be taken back with `retrocall case reopen` until it takes effect")
        }
        CaseCommand::Reopen(ReopenArgs { case }) => {
            desk.reopen_case(&who, &case, now).map_err(failure)?;
            (case, "is open again")
        }
        CaseCommand::StillNeeded(NeededArgs { case }) => {
            desk.still_needed(&who, &case, now).map_err(failure)?;
            (case, "is still needed")
        }
    };
    if context.json() {
        output::say_json(&json!({ "case": case }));
    } else {
        output::say(&format!("Case {case} {sentence}."));
    }
    Ok(())
}
