//! `retrocall unmask`: ends a mask.

use clap::Args;

use super::{
    Context, Failure,
    control::{self, CallArgs},
};
use retrocall_words::{Answer, Ask, Verdict};

const EXAMPLES: &str = "Examples:
  retrocall unmask                     your own live call
  retrocall unmask --agent anna";

/// End a mask
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct UnmaskArgs {
    #[command(flatten)]
    call: CallArgs,
}

pub(super) fn run(context: &Context, args: UnmaskArgs) -> Result<(), Failure> {
    control::ask(context, args.call, Ask::Unmask, sentence)
}

/// The result in words.
pub(super) fn sentence(answer: &Answer, whose: &str) -> String {
    match answer.answer {
        Verdict::Already => format!("Already so: {whose} is not masked."),
        _ => format!("Unmasked: {whose} can be heard again from now on."),
    }
}
