//! `retrocall hold`: what stops the deletion of a recording. Needs no engine.

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use jiff::{Span, civil::Date};
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, day, failure, recording_of, text},
    output,
};
use retrocall_records::desk::{Desk as _, HOLD_REVIEW_DAYS_MAX, HoldEntry, NewHold};
use retrocall_words::{book::day_of, name};

const EXAMPLES: &str = "Examples:
  retrocall hold set --recording ID --reason 'Claim 4711' --until 'The court has decided' --owner olga
  retrocall hold release HOLD --reason 'The claim was withdrawn'
  retrocall hold list --json

A recording on hold is not deleted, whatever the rules say. What a hold deferred happens when it is
released. It has an owner, who looks at it again within 180 days.";

/// Legal holds: stop the deletion of a recording
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct HoldArgs {
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: HoldCommand,
}

#[derive(Subcommand)]
enum HoldCommand {
    Set(SetArgs),
    Release(ReleaseArgs),
    List(ListArgs),
}

/// Stop the deletion of a recording
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall hold set --recording ID --reason 'Claim 4711' --until 'The court has decided' --owner olga")]
struct SetArgs {
    /// The recording, or its call
    #[arg(long, value_name = "ID")]
    recording: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = text)]
    reason: String,
    /// What it waits for, in words
    #[arg(long, value_name = "TEXT", value_parser = text)]
    until: String,
    /// Who answers for it
    #[arg(long, value_name = "NAME", value_parser = name)]
    owner: String,
    /// When it is looked at again [default: in 180 days]
    #[arg(long, value_name = "DATE", value_parser = day)]
    review: Option<Date>,
}

/// End a hold: what it deferred happens
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall hold release HOLD --reason 'The claim was withdrawn'")]
struct ReleaseArgs {
    /// The hold
    #[arg(value_name = "HOLD")]
    hold: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = text)]
    reason: String,
}

/// The holds in force
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall hold list\n  retrocall hold list --json")]
struct ListArgs {}

pub(super) fn run(context: &Context, args: HoldArgs) -> Result<(), Failure> {
    let AtDesk { desk, who, now } = args.actor.at_desk(context)?;
    let (hold, sentence) = match args.command {
        HoldCommand::List(ListArgs {}) => return list(context, &desk.holds(&who).map_err(failure)?),
        HoldCommand::Set(SetArgs { recording, reason, until, owner, review }) => {
            let last = day_of(now).saturating_add(Span::new().days(HOLD_REVIEW_DAYS_MAX));
            let new = NewHold { reason, owner, until, review_on: review.unwrap_or(last) };
            (desk.hold(&who, &recording_of(context, &recording)?, &new, now).map_err(failure)?, "is set")
        }
        HoldCommand::Release(ReleaseArgs { hold, reason }) => {
            desk.release(&who, &hold, &reason, now).map_err(failure)?;
            (hold, "is released")
        }
    };
    if context.json() {
        output::say_json(&json!({ "hold": hold }));
    } else {
        output::say(&format!("Hold {hold} {sentence}."));
    }
    Ok(())
}

fn list(context: &Context, holds: &[HoldEntry]) -> Result<(), Failure> {
    if context.json() {
        output::say_json(&holds);
    } else if holds.is_empty() {
        output::say("No hold is in force.");
    } else {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["hold", "recording", "owner", "looked at again", "until", "reason"]);
        for HoldEntry { hold, recording, owner, review_on, until, reason, .. } in holds {
            table.add_row([hold, recording, owner, &review_on.to_string(), until, reason]);
        }
        output::say_table(&table);
    }
    Ok(())
}
