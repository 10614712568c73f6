//! `retrocall erase`: erasure of what is kept of a customer, or of one recording, with its proof. Needs no engine.

use clap::{ArgGroup, Args, Subcommand};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, day, failure, recording_of, text},
    output::{self, counted},
    subject, sweep,
};
use retrocall_records::desk::{
    CopyOutside, CoveredState, Erasures as _, ReceiptEntry, RequestEntry, Requests as _, Subject, Waiting,
};
use retrocall_words::name;

const EXAMPLES: &str = "Examples:
  retrocall erase --customer 0201234567 --reason 'Asked by letter'
  retrocall erase --customer 0201234567 --reason 'Asked by letter' --identity 'Called back on the number'
  retrocall erase --recording ID --reason 'Recorded by mistake'
  retrocall erase --agent anna --around 2026-11-28T14:30 --reason 'Asked by letter'
  retrocall erase grant REQUEST --recording ID --identity 'Knew the invoice'
  retrocall erase refuse REQUEST --ground 'Article 17(3)(e): a claim is pending'
  retrocall erase receipt REQUEST
  retrocall access answered REQUEST

It is a request: `retrocall access list` shows it, `retrocall paperwork letter` writes the letter. A
recording in an open case waits for the privacy officer; one on hold, or asked for, goes when that is
over. Entered by anybody else, all of it waits for the officer. So does what was found by a time: a
time is no person, and each recording is granted by itself. --identity notes how it was checked who
asks, and can come with the grant. `retrocall access exclude` takes a recording out, `access extend`
takes two months more.";

/// Erase what is kept of a customer, or one recording
#[derive(Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(group = ArgGroup::new("what").required(true).args(["customer", "recording", "agent"]))]
pub(super) struct EraseArgs {
    /// The customer's number, in any spelling
    #[arg(long, value_name = "NUMBER")]
    customer: Option<String>,
    /// The recording, or its call
    #[arg(long, value_name = "ID")]
    recording: Option<String>,
    /// A call of this agent around a time: each that is found waits to be granted
    #[arg(long, value_name = "NAME", value_parser = name, requires = "around")]
    agent: Option<String>,
    /// When the call was, as far as the customer remembers
    #[arg(long, value_name = "TIME", requires = "agent")]
    around: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = text, required = true)]
    reason: Option<String>,
    /// How it was checked who asks: a number is not a person
    #[arg(long, value_name = "HOW", value_parser = text)]
    identity: Option<String>,
    /// When the request was received [default: today]
    #[arg(long, value_name = "DATE", value_parser = day)]
    received: Option<Date>,
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: Option<EraseCommand>,
}

#[derive(Subcommand)]
enum EraseCommand {
    Grant(GrantArgs),
    Refuse(RefuseArgs),
    Receipt(ReceiptArgs),
}

/// Grant what waits for the privacy officer
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall erase grant REQUEST
  retrocall erase grant REQUEST --recording ID --identity 'Called back on the number'")]
struct GrantArgs {
    /// The request
    #[arg(value_name = "REQUEST")]
    request: String,
    /// Only this recording
    #[arg(long, value_name = "ID")]
    recording: Option<String>,
    /// How it was checked who asks: a number is not a person
    #[arg(long, value_name = "HOW", value_parser = text)]
    identity: Option<String>,
}

/// Refuse what waits for the privacy officer, on a ground
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall erase refuse REQUEST --ground 'Article 17(3)(e): a claim is pending'
  retrocall erase refuse REQUEST --recording ID --ground 'Article 17(3)(e): a claim is pending'")]
struct RefuseArgs {
    /// The request
    #[arg(value_name = "REQUEST")]
    request: String,
    /// Only this recording
    #[arg(long, value_name = "ID")]
    recording: Option<String>,
    /// On which ground: it stands in the letter
    #[arg(long, value_name = "TEXT", value_parser = text)]
    ground: String,
}

/// The proofs of what a request has erased
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall erase receipt REQUEST\n  retrocall erase receipt REQUEST --json")]
struct ReceiptArgs {
    /// The request
    #[arg(value_name = "REQUEST")]
    request: String,
}

pub(super) fn run(context: &Context, args: EraseArgs) -> Result<(), Failure> {
    let at = args.actor.at_desk(context)?;
    match args.command {
        None => {
            let settings = context.settings()?;
            let of = match (&args.customer, &args.recording, args.agent, &args.around) {
                (Some(number), ..) => subject::of_customer(&settings, number)?,
                (None, Some(id), ..) => Subject::Recording(recording_of(context, id)?),
                (None, None, Some(agent), Some(around)) => {
                    Subject::Around { agent, at: subject::time(context, around)? }
                }
                _ => return Err(Failure::new("nothing is named", "name a --customer or a --recording")),
            };
            let received = args.received.unwrap_or_else(|| settings.calendar.day_of(at.now));
            let reason = args.reason.unwrap_or_default();
            let entered =
                at.desk.erase(&at.who, &of, &reason, args.identity.as_deref(), received, at.now).map_err(failure)?;
            if entered.candidates.is_some() {
                return erase_now(context, &at, &entered.request);
            }
            if context.json() {
                output::say_json(&json!({ "request": entered.request, "due_on": entered.due_on }));
            } else {
                let (request, due) = (&entered.request, entered.due_on);
                output::say(&format!("Request {request} is entered, and due on {due}: the privacy officer decides."));
            }
            Ok(())
        }
        Some(EraseCommand::Grant(GrantArgs { request, recording, identity })) => {
            let recording = recording.map(|id| recording_of(context, &id)).transpose()?;
            let (recording, identity) = (recording.as_deref(), identity.as_deref());
            at.desk.grant_erasure(&at.who, &request, recording, identity, at.now).map_err(failure)?;
            erase_now(context, &at, &request)
        }
        Some(EraseCommand::Refuse(RefuseArgs { request, recording, ground })) => {
            let recording = recording.map(|id| recording_of(context, &id)).transpose()?;
            let refused =
                at.desk.refuse_erasure(&at.who, &request, recording.as_deref(), &ground, at.now).map_err(failure)?;
            if context.json() {
                output::say_json(&json!({ "request": request, "refused": refused }));
            } else {
                output::say(&format!("Refused, and said in the letter: {}.", counted(refused, "recording")));
            }
            Ok(())
        }
        Some(EraseCommand::Receipt(ReceiptArgs { request })) => {
            let receipts = at.desk.receipts(&at.who, &request).map_err(failure)?;
            if context.json() {
                output::say_json(&receipts);
            } else if receipts.is_empty() {
                output::say("Nothing that this request covers is gone yet.");
            } else {
                receipts.iter().for_each(say_receipt);
            }
            Ok(())
        }
    }
}

/// What `--json` prints of an erasure.
#[derive(Serialize)]
struct Erasing {
    request: String,
    /// What is erased, and is gone or goes.
    erased: Vec<String>,
    /// What is not gone yet, and what that waits for.
    waiting: Vec<(String, Vec<Waiting>)>,
    /// Who has a copy, and is to be told.
    recipients: Vec<CopyOutside>,
    /// The proofs, as far as it is gone.
    receipts: Vec<ReceiptEntry>,
    /// Why the next sweep has to delete it.
    not_deleted: Option<String>,
}

/// Deletes what can be deleted now, and says what became of a request.
fn erase_now(context: &Context, at: &AtDesk, request: &str) -> Result<(), Failure> {
    let not_deleted = sweep::delete_due(context).err().map(|failure| failure.to_string());
    let RequestEntry { recordings, .. } = at.desk.request(&at.who, request).map_err(failure)?;
    let erased = recordings.iter().filter(|one| one.state == CoveredState::Confirmed);
    let waits = recordings.iter().filter(|one| !one.waits_for.is_empty());
    let told = Erasing {
        request: request.to_owned(),
        erased: erased.clone().map(|one| one.recording.clone()).collect(),
        waiting: waits.map(|one| (one.recording.clone(), one.waits_for.clone())).collect(),
        recipients: erased.flat_map(|one| one.copies.clone()).collect(),
        receipts: at.desk.receipts(&at.who, request).map_err(failure)?,
        not_deleted,
    };
    if context.json() {
        output::say_json(&told);
    } else {
        say(&told);
    }
    Ok(())
}

fn say(told: &Erasing) {
    output::say(&format!("Request {}: erased {}.", told.request, counted(told.erased.len() as u64, "recording")));
    for (recording, waits) in &told.waiting {
        for what in waits {
            let why = match what {
                Waiting::Officer => "the privacy officer decides: `retrocall erase grant` or `erase refuse`",
                Waiting::Hold => "a hold stops its deletion: it goes when that is released",
                Waiting::Request => "somebody asks for a copy of it: it goes when that is answered",
            };
            output::say(&format!("{recording}  waits: {why}"));
        }
    }
    told.receipts.iter().for_each(say_receipt);
    for CopyOutside { kind, to, at } in &told.recipients {
        output::say(&format!("To be told of the erasure: {to} ({}, {at:.0})", kind.as_str()));
    }
    if let Some(why) = &told.not_deleted {
        output::say(&format!("Nothing could be deleted now, the next sweep does it: {why}"));
    }
    output::say("When the letter is sent: `retrocall access answered REQUEST`.");
}

fn say_receipt(receipt: &ReceiptEntry) {
    let ReceiptEntry { recording, out_of_reach_at, overwritten_at, exports, backups, .. } = receipt;
    let overwritten = match overwritten_at {
        Some(at) => format!("overwritten at {at:.0}"),
        None => "not overwritten yet: the next sweep does it".to_owned(),
    };
    output::say(&format!("{recording}  out of reach at {out_of_reach_at:.0}, {overwritten}"));
    exports.iter().for_each(|copy| output::say(&format!("  a copy is outside: {}", copy.to)));
    backups.iter().for_each(|path| output::say(&format!("  still in the backup {}", path.display())));
}
