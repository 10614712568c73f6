//! `retrocall mask`: silences both legs of a live call until `unmask`.

use clap::Args;

use super::{
    Context, Failure,
    control::{self, CallArgs},
};
use retrocall_words::{Answer, Ask, Verdict};

const EXAMPLES: &str = "Examples:
  retrocall mask                       your own live call, until `retrocall unmask`
  retrocall mask --agent anna";

/// Silence a live call from now on, for example for a card number
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct MaskArgs {
    #[command(flatten)]
    call: CallArgs,
}

pub(super) fn run(context: &Context, args: MaskArgs) -> Result<(), Failure> {
    control::ask(context, args.call, Ask::Mask, |answer, whose| sentence(answer, whose, &context.typed("unmask")))
}

/// The result in words; `unmask` is how to end it.
pub(super) fn sentence(answer: &Answer, whose: &str, unmask: &str) -> String {
    match answer.answer {
        Verdict::Already => format!("Already so: {whose} is masked."),
        _ => format!("Masked: {whose} is silent from now on, until `{unmask}`."),
    }
}
