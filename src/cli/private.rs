//! `retrocall private`: makes a live call private. Its audio is wiped, and nothing more is held.

use clap::Args;

use super::{
    Context, Failure,
    control::{self, CallArgs},
};
use retrocall_words::{Ask, Verdict};

const EXAMPLES: &str = "Examples:
  retrocall private                    your own live call
  retrocall private --agent anna";

/// Make a live call private: wipe its audio, and hold nothing more
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PrivateArgs {
    #[command(flatten)]
    call: CallArgs,
}

pub(super) fn run(context: &Context, args: PrivateArgs) -> Result<(), Failure> {
    control::ask(context, args.call, Ask::Private, |answer, whose| match answer.answer {
        Verdict::Already => format!("Already so: {whose} is private."),
        _ => format!("Private: the audio of {whose} is wiped, and nothing more is held."),
    })
}
