//! `retrocall access`: requests for a copy, from entry to answer. Needs no engine.

mod export;
mod list;

use clap::{ArgGroup, Args, Subcommand};
use jiff::civil::Date;
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, day, failure, recording_of, text},
    output::{self, counted},
    subject,
};
use retrocall_records::desk::{Entered, RequestOutcome, Requests as _, Subject};
use retrocall_words::name;

const EXAMPLES: &str = "Examples:
  retrocall access open --customer 0201234567
  retrocall access open --agent anna --around 2026-11-28T14:30 --received 2026-11-27
  retrocall access list --due
  retrocall access confirm REQUEST --recording ID --identity 'Called back on the number'
  retrocall access exclude REQUEST --recording ID --why 'Another voice'
  retrocall access export REQUEST --to /media/letters/REQUEST
  retrocall access answered REQUEST

Anybody at the desk may enter a request: what it may be about is frozen from then on. The privacy
officer does the rest. It is due a month after its receipt. `retrocall paperwork letter REQUEST`
writes the letter, `retrocall erase` enters a request for erasure.";

/// Requests for a copy: what a customer or an agent may ask for
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AccessArgs {
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: AccessCommand,
}

#[derive(Subcommand)]
enum AccessCommand {
    Open(OpenArgs),
    Confirm(ConfirmArgs),
    Exclude(ExcludeArgs),
    Extend(ExtendArgs),
    Refuse(RefuseArgs),
    List(list::ListArgs),
    Export(export::ExportArgs),
    Answered(AnsweredArgs),
}

/// Enter a request: everything that it may be about is frozen
#[derive(Args)]
#[command(group = ArgGroup::new("whose").required(true).args(["customer", "agent"]))]
#[command(after_help = "Examples:
  retrocall access open --customer '+31 20 123 4567'
  retrocall access open --customer 0201234567 --received 2026-11-20 --as tom --json
  retrocall access open --agent anna
  retrocall access open --agent anna --around 2026-11-28T14:30

A number is found in any spelling. --around finds the calls of an agent within an hour of the time.
Recordings that come while the request is open join it.")]
struct OpenArgs {
    /// The customer's number, in any spelling
    #[arg(long, value_name = "NUMBER")]
    customer: Option<String>,
    /// An agent's own calls; with --around, one of them
    #[arg(long, value_name = "NAME", value_parser = name, conflicts_with = "customer")]
    agent: Option<String>,
    /// When the call was, as far as the customer remembers
    #[arg(long, value_name = "TIME", requires = "agent", conflicts_with = "customer")]
    around: Option<String>,
    /// When the request was received [default: today]
    #[arg(long, value_name = "DATE", value_parser = day)]
    received: Option<Date>,
}

/// Confirm that a recording is the person's own; one that the search did not find is added
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall access confirm REQUEST --recording ID --identity 'Called back on the number'")]
struct ConfirmArgs {
    /// The request
    #[arg(value_name = "REQUEST")]
    request: String,
    /// The recording, or its call
    #[arg(long, value_name = "ID")]
    recording: String,
    /// How it was checked who the person is: a number is not a person
    #[arg(long, value_name = "HOW", value_parser = text)]
    identity: String,
}

/// Say that a recording is not the person's: the request no longer keeps it
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall access exclude REQUEST --recording ID --why 'Another voice'")]
struct ExcludeArgs {
    /// The request
    #[arg(value_name = "REQUEST")]
    request: String,
    /// The recording, or its call
    #[arg(long, value_name = "ID")]
    recording: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = text)]
    why: String,
}

/// Take two months more for the answer: once, and before it is due
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall access extend REQUEST --reason 'Forty recordings to look through'")]
struct ExtendArgs {
    /// The request
    #[arg(value_name = "REQUEST")]
    request: String,
    /// Why: the customer is told
    #[arg(long, value_name = "TEXT", value_parser = text)]
    reason: String,
}

/// Refuse a request, which answers it
#[derive(Args)]
#[command(
    after_help = "Examples:\n  retrocall access refuse REQUEST --ground 'Article 12(5)(b): the third request this month'"
)]
struct RefuseArgs {
    /// The request
    #[arg(value_name = "REQUEST")]
    request: String,
    /// On which ground: it stands in the letter
    #[arg(long, value_name = "TEXT", value_parser = text)]
    ground: String,
}

/// Say that the answer was sent: the request no longer keeps anything, nor says the number
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall access answered REQUEST")]
struct AnsweredArgs {
    /// The request
    #[arg(value_name = "REQUEST")]
    request: String,
}

pub(super) fn run(context: &Context, args: AccessArgs) -> Result<(), Failure> {
    let at = args.actor.at_desk(context)?;
    let AtDesk { desk, who, now } = &at;
    let (request, sentence) = match args.command {
        AccessCommand::Open(args) => return open(context, &at, args),
        AccessCommand::List(args) => return list::run(context, &at, &args),
        AccessCommand::Export(args) => return export::run(context, &at, &args),
        AccessCommand::Confirm(ConfirmArgs { request, recording, identity }) => {
            let recording = recording_of(context, &recording)?;
            desk.confirm(who, &request, &recording, &identity, *now).map_err(failure)?;
            (request, "has this recording")
        }
        AccessCommand::Exclude(ExcludeArgs { request, recording, why }) => {
            let recording = recording_of(context, &recording)?;
            desk.exclude(who, &request, &recording, &why, *now).map_err(failure)?;
            (request, "does not cover this recording any more")
        }
        AccessCommand::Extend(ExtendArgs { request, reason }) => {
            desk.extend(who, &request, &reason, *now).map_err(failure)?;
            (request, "has two months more: tell the customer why")
        }
        AccessCommand::Refuse(RefuseArgs { request, ground }) => {
            desk.refuse(who, &request, &ground, *now).map_err(failure)?;
            (request, "is refused: `retrocall paperwork letter` writes the letter")
        }
        AccessCommand::Answered(AnsweredArgs { request }) => {
            let outcome = desk.answered(who, &request, *now).map_err(failure)?;
            if context.json() {
                output::say_json(&json!({ "request": request, "outcome": outcome }));
                return Ok(());
            }
            (request, sentence_of(outcome))
        }
    };
    if context.json() {
        output::say_json(&json!({ "request": request }));
    } else {
        output::say(&format!("Request {request} {sentence}."));
    }
    Ok(())
}

fn sentence_of(outcome: RequestOutcome) -> &'static str {
    match outcome {
        RequestOutcome::Granted => "is answered: it was granted",
        RequestOutcome::Refused => "is answered: it was refused",
        RequestOutcome::NothingHeld => "is answered: nothing was held",
    }
}

fn open(context: &Context, at: &AtDesk, args: OpenArgs) -> Result<(), Failure> {
    let settings = context.settings()?;
    let of = match (&args.customer, args.agent, &args.around) {
        (Some(number), ..) => subject::of_customer(&settings, number)?,
        (None, Some(agent), Some(around)) => Subject::Around { agent, at: subject::time(context, around)? },
        (None, Some(agent), None) => Subject::Agent(agent),
        (None, None, _) => return Err(Failure::new("nobody is named", "name a --customer or an --agent")),
    };
    let received = args.received.unwrap_or_else(|| settings.calendar.day_of(at.now));
    let entered = at.desk.open_request(&at.who, &of, received, at.now).map_err(failure)?;
    if context.json() {
        output::say_json(&entered);
        return Ok(());
    }
    let Entered { request, due_on, candidates } = entered;
    output::say(&format!("Request {request} is entered, and due on {due_on}."));
    match candidates.as_deref() {
        None => output::say("What it may be about is frozen; the privacy officer answers it."),
        Some([]) => output::say("No recording is found: `retrocall paperwork letter` says so."),
        Some(found) => {
            output::say(&format!("Frozen until it is answered: {}.", counted(found.len() as u64, "recording")));
            found.iter().for_each(|id| output::say(id));
        }
    }
    Ok(())
}
