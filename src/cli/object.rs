//! `retrocall object`: the customer objects to training, so the call can't be sampled.

use clap::Args;

use super::{
    Context, Failure,
    control::{self, CallArgs},
};
use retrocall_words::{Ask, Verdict};

const EXAMPLES: &str = "Examples:
  retrocall object                     your own live call
  retrocall object --agent anna";

/// The customer objects to training: the call can't be sampled
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ObjectArgs {
    #[command(flatten)]
    call: CallArgs,
}

pub(super) fn run(context: &Context, args: ObjectArgs) -> Result<(), Failure> {
    control::ask(context, args.call, Ask::Object, |answer, whose| match answer.answer {
        Verdict::Already => format!("Already so: {whose} can't be in the sample."),
        _ => format!("Noted: {whose} can't be in the sample."),
    })
}
