//! `retrocall mask`: both legs of a live call become silence until `unmask`.

use clap::Args;

use super::{
    Context, Failure,
    control::{self, CallArgs},
};
use retrocall_words::{Answer, Ask, Verdict};

const EXAMPLES: &str = "Examples:
  retrocall mask                       your own live call, until `retrocall unmask`
  retrocall mask --agent anna";

/// Silence a live call from now on, for a card number say
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct MaskArgs {
    #[command(flatten)]
    call: CallArgs,
}

pub(super) fn run(context: &Context, args: MaskArgs) -> Result<(), Failure> {
    control::ask(context, args.call, Ask::Mask, |answer, whose| sentence(answer, whose, &context.typed("unmask")))
}

/// What was done, in words; `unmask` is what ends it.
pub(super) fn sentence(answer: &Answer, whose: &str, unmask: &str) -> String {
    match answer.answer {
        Verdict::Already => format!("Already so: {whose} is masked."),
        _ => format!("Masked: from now on {whose} is silence, until `{unmask}`."),
    }
}
