//! `retrocall record`: keeps a whole live call, from its first second.

use clap::Args;

use super::{
    Context, Failure,
    control::{self, CallArgs, so_far},
};
use retrocall_words::{Answer, Ask, Verdict};

const EXAMPLES: &str = "Examples:
  retrocall record                     your own live call
  retrocall record --agent anna        anna's live call
  retrocall record --call 0192f0c1-7e57-7a11-8b0b-5a5a5a5a5a5a";

/// Keep a whole live call, from its first second
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RecordArgs {
    #[command(flatten)]
    call: CallArgs,
}

pub(super) fn run(context: &Context, args: RecordArgs) -> Result<(), Failure> {
    control::ask(context, args.call, Ask::Record, sentence)
}

/// The result in words.
pub(super) fn sentence(answer: &Answer, whose: &str) -> String {
    match answer.answer {
        Verdict::Already => {
            format!("Already recording {whose}{}. This press is a bookmark in it.", so_far(answer))
        }
        _ => format!("Recording {whose} from its first second{}.", so_far(answer)),
    }
}
