//! `retrocall copy`: the customer wants a copy, so the whole call is kept for that.

use clap::Args;

use super::{
    Context, Failure,
    control::{self, CallArgs, so_far},
};
use retrocall_words::{Answer, Ask, Verdict};

const EXAMPLES: &str = "Examples:
  retrocall copy                       your own live call
  retrocall copy --agent anna          anna's live call
  retrocall copy --call 0192f0c1-7e57-7a11-8b0b-5a5a5a5a5a5a

The recording serves this request alone, and goes when that is answered.";

/// The customer wants a copy: keep a whole live call, from its first second
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CopyArgs {
    #[command(flatten)]
    call: CallArgs,
}

pub(super) fn run(context: &Context, args: CopyArgs) -> Result<(), Failure> {
    control::ask(context, args.call, Ask::Copy, sentence)
}

/// The result in words.
pub(super) fn sentence(answer: &Answer, whose: &str) -> String {
    match answer.answer {
        Verdict::Already => format!("Already so: {whose} is kept for the customer's copy{}.", so_far(answer)),
        _ => format!("Keeping {whose} from its first second, for the customer's copy{}.", so_far(answer)),
    }
}
