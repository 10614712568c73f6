//! `retrocall erase-last`: silences the last seconds of a live call.

use clap::Args;

use super::{
    Context, Failure,
    control::{self, CallArgs},
};
use retrocall_words::{Ask, Verdict};

const EXAMPLES: &str = "Examples:
  retrocall erase-last 10              the last ten seconds of your own live call
  retrocall erase-last 4.5 --agent anna";

/// Silence the last seconds of a live call
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct EraseLastArgs {
    /// How many seconds, up to a day
    #[arg(value_parser = seconds, allow_negative_numbers = true)]
    seconds: f64,
    #[command(flatten)]
    call: CallArgs,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("a number of seconds, over 0 and at most 86400".to_owned()),
    }
}

pub(super) fn run(context: &Context, args: EraseLastArgs) -> Result<(), Failure> {
    let seconds = args.seconds;
    control::ask(context, args.call, Ask::EraseLast { seconds }, |answer, whose| match answer.answer {
        Verdict::Already => format!("Already so: the last {seconds} s of {whose} are silent."),
        _ => format!("Erased: the last {seconds} s of {whose} are silent."),
    })
}
