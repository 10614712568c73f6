//! `retrocall object`: a customer objects to coaching, in a live call or without one.

use clap::Args;
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, failure},
    control::{self, CallArgs},
    output::{self, counted},
    subject,
};
use retrocall_records::desk::Customers as _;
use retrocall_words::{Ask, Verdict};

const EXAMPLES: &str = "Examples:
  retrocall object                     your own live call
  retrocall object --agent anna
  retrocall object --customer 0201234567
  retrocall object --customer 0201234567 --withdraw --as olga

With --customer no call is needed: what is kept of the customer is no longer kept for coaching or
teaching, and later calls are not in the sample, until the objection is withdrawn. It is remembered
by a keyed hash of the number.";

/// The customer objects to training: the call can't be sampled
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ObjectArgs {
    #[command(flatten)]
    call: CallArgs,
    /// Without a call: for all calls of this number, in any spelling, from now on
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["agent", "call"])]
    customer: Option<String>,
    /// The customer no longer objects
    #[arg(long, requires = "customer")]
    withdraw: bool,
    #[command(flatten)]
    actor: Actor,
}

pub(super) fn run(context: &Context, args: ObjectArgs) -> Result<(), Failure> {
    if let Some(number) = &args.customer {
        return without_a_call(context, number, args.withdraw, &args.actor);
    }
    if args.actor.is_somebody() {
        return Err(Failure::new("--as goes with --customer", "name the agent of a live call with --agent"));
    }
    control::ask(context, args.call, Ask::Object, |answer, whose| match answer.answer {
        Verdict::Already => format!("Already so: {whose} can't be in the sample."),
        _ => format!("Noted: {whose} can't be in the sample."),
    })
}

fn without_a_call(context: &Context, number: &str, withdraws: bool, actor: &Actor) -> Result<(), Failure> {
    let AtDesk { desk, who, now } = actor.at_desk(context)?;
    let country = context.settings()?.country;
    let customer = subject::customer(number)?;
    if withdraws {
        desk.customer_withdraws(&who, &customer, country, now).map_err(failure)?;
        match context.json() {
            true => output::say_json(&json!({ "objects": false })),
            false => output::say("Withdrawn: later calls of this customer can be in the sample again."),
        }
        return Ok(());
    }
    let objected = desk.customer_objects(&who, &customer, country, now).map_err(failure)?;
    if context.json() {
        output::say_json(&json!({ "objects": true, "is_new": objected.is_new, "recordings": objected.ended }));
    } else {
        let ended = counted(objected.ended, "recording");
        output::say(&format!("Noted: no later call of this customer is in the sample. Ended for {ended}."));
    }
    Ok(())
}
