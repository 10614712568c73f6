//! `retrocall purpose`: a decision to use a recording for something that it was not made for. Needs no engine.

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use jiff::civil::Date;
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, day, failure, recording_of, text},
    output,
};
use retrocall_records::desk::{Approved, Completion, NewPurpose, ProposalEntry, Proposals as _};

const EXAMPLES: &str = "Examples:
  retrocall purpose add --recording ID --purpose insurance-claim --reason 'Claim 4711' \\
    --basis 'legitimate interest' --until 'The insurer has decided' --review 2027-01-15
  retrocall purpose approve PROPOSAL --compatibility 'The same matter' --informed 2026-11-28
  retrocall purpose refuse PROPOSAL --why 'The letter is enough'
  retrocall purpose end PROPOSAL --why 'The insurer has paid'
  retrocall purpose list --json

Two people decide: who proposes, and the privacy officer, who is somebody else. The owner of the home
counts as one person, whoever they act for: what they proposed for one, the other approves on the page
\"Decisions\" (`retrocall web`), or with this command as another user of the machine. Before it is used
against the customer, offer them a copy.";

/// Another purpose for a recording: one person proposes it, another approves it
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PurposeArgs {
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: PurposeCommand,
}

#[derive(Subcommand)]
enum PurposeCommand {
    Add(AddArgs),
    Approve(ApproveArgs),
    Refuse(RefuseArgs),
    End(EndArgs),
    List(ListArgs),
}

/// Propose to use a recording for another purpose
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall purpose add --recording ID --purpose insurance-claim --reason 'Claim 4711' \\
    --basis 'legitimate interest' --until 'The insurer has decided' --review 2027-01-15

By these purposes no agent is judged: claim, contract-dispute, court-case, damage-claim,
debt-collection, fraud, fraud-by-customer, insurance, insurance-claim, legal-claim, product-defect,
proof-of-order, threat-by-customer. `evaluation`, and any other word, may judge one: if agents pressed
in the call, each of them confirms it first, in their own session: on their page \"My calls\"
(`retrocall web`). No --as counts as that.")]
struct AddArgs {
    /// The recording, or its call
    #[arg(long, value_name = "ID")]
    recording: String,
    /// The purpose, in a word: one of those below, or another
    #[arg(long, value_name = "PURPOSE", value_parser = text)]
    purpose: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = text)]
    reason: String,
    /// The lawful basis
    #[arg(long, value_name = "TEXT", value_parser = text)]
    basis: String,
    /// The event that ends it
    #[arg(long, value_name = "EVENT", value_parser = text)]
    until: String,
    /// When it is looked at again: within 90 days
    #[arg(long, value_name = "DATE", value_parser = day)]
    review: Date,
    #[command(flatten)]
    completion: CompletionArgs,
}

#[derive(Args)]
struct CompletionArgs {
    /// Why it is compatible with what the recording was made for; needed for the approval
    #[arg(long, value_name = "TEXT", value_parser = text)]
    compatibility: Option<String>,
    /// When the customer was informed; needed for the approval
    #[arg(long, value_name = "DATE", value_parser = day)]
    informed: Option<Date>,
}

/// Approve a proposal of somebody else
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall purpose approve PROPOSAL --compatibility 'The same matter' --informed 2026-11-28 --as olga")]
struct ApproveArgs {
    /// The proposal
    #[arg(value_name = "PROPOSAL")]
    proposal: String,
    #[command(flatten)]
    completion: CompletionArgs,
}

/// Refuse a proposal
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall purpose refuse PROPOSAL --why 'The letter is enough'")]
struct RefuseArgs {
    /// The proposal
    #[arg(value_name = "PROPOSAL")]
    proposal: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = text)]
    why: String,
}

/// Say that what a purpose waited for has happened
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall purpose end PROPOSAL --why 'The insurer has paid'")]
struct EndArgs {
    /// The proposal
    #[arg(value_name = "PROPOSAL")]
    proposal: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = text)]
    why: String,
}

/// The proposals, of other purposes and of teaching material
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall purpose list\n  retrocall purpose list --json")]
struct ListArgs {}

pub(super) fn run(context: &Context, args: PurposeArgs) -> Result<(), Failure> {
    let AtDesk { desk, who, now } = args.actor.at_desk(context)?;
    let (proposal, sentence) = match args.command {
        PurposeCommand::List(ListArgs {}) => return list(context, &desk.proposals(&who).map_err(failure)?),
        PurposeCommand::Add(args) => {
            let recording = recording_of(context, &args.recording)?;
            let new = NewPurpose {
                purpose: args.purpose,
                reason: args.reason,
                basis: args.basis,
                until: args.until,
                review_on: args.review,
                compatibility: args.completion.compatibility,
                informed_on: args.completion.informed,
            };
            let proposal = desk.propose_purpose(&who, &recording, &new, now).map_err(failure)?;
            (proposal, "is made: somebody else approves it")
        }
        PurposeCommand::Approve(ApproveArgs { proposal, completion }) => {
            let CompletionArgs { compatibility, informed: informed_on } = completion;
            let completion = Completion { compatibility, informed_on };
            let approved = desk.approve(&who, &proposal, &completion, now).map_err(failure)?;
            (proposal, sentence_of(approved))
        }
        PurposeCommand::Refuse(RefuseArgs { proposal, why }) => {
            desk.refuse_proposal(&who, &proposal, &why, now).map_err(failure)?;
            (proposal, "is refused")
        }
        PurposeCommand::End(EndArgs { proposal, why }) => {
            desk.end_purpose(&who, &proposal, &why, now).map_err(failure)?;
            (proposal, "keeps nothing any more")
        }
    };
    if context.json() {
        output::say_json(&json!({ "proposal": proposal }));
    } else {
        output::say(&format!("Proposal {proposal} {sentence}."));
    }
    Ok(())
}

/// What an approval did, in words.
pub(super) fn sentence_of(approved: Approved) -> &'static str {
    match approved {
        Approved::Agreed => "has its agent's yes: another person decides",
        Approved::Decided => "is approved: the recording is kept for it until its review",
    }
}

fn list(context: &Context, proposals: &[ProposalEntry]) -> Result<(), Failure> {
    if context.json() {
        output::say_json(&proposals);
    } else if proposals.is_empty() {
        output::say("Nothing is proposed.");
    } else {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["proposal", "recording", "purpose", "by", "looked at again", "state"]);
        for one in proposals {
            let ProposalEntry { proposal, recording, purpose, proposed_by, review_on, .. } = one;
            let state = match one {
                _ if one.refused_at.is_some() => "refused",
                _ if one.approved_at.is_some() => "approved",
                _ if !one.awaits.is_empty() => "awaits agents who pressed",
                _ if !one.agreed_by.is_empty() => "agreed by its agents",
                _ => "open",
            };
            table.add_row([proposal, recording, purpose, proposed_by, &review_on.to_string(), state]);
        }
        output::say_table(&table);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use retrocall_records::desk::ABOUT_NO_AGENT;

    use super::*;

    #[derive(clap::Parser)]
    struct Add {
        #[command(flatten)]
        _args: AddArgs,
    }

    #[test]
    fn the_help_names_each_purpose_by_which_no_agent_is_judged() {
        let help = Add::command().render_long_help().to_string().replace('\n', " ");
        for word in ABOUT_NO_AGENT {
            assert!(help.contains(word), "{word}: {help}");
        }
    }
}
