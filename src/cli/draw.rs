//! `retrocall draw`: the works council's part in the lottery. Needs no engine.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use super::{Context, Failure, output};
use retrocall_ledger::{CouncilNumber, Month};
use retrocall_records::ledger::{self, NumberError};
use retrocall_words::{Clock as _, SystemClock, book::day_of};

const EXAMPLES: &str = "Examples:
  retrocall draw number 403718294650
  retrocall draw number 403718294650 --month 2026-12

docs/ledger.md says how a call is drawn, with test vectors.";

const NUMBER_EXAMPLES: &str = "Examples:
  retrocall draw number 403718294650
  retrocall draw number 403718294650 --month 2026-12

Before a month the seeds of its days are promised: `retrocall ledger heads --last` shows their
hashes from the 20th on. Take that head first, then throw dice for a number of 12 digits or more:
with it nobody, not even who runs the engine, could choose which calls are drawn. It counts from
the next day on.";

/// The lottery that picks the sample
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DrawArgs {
    #[command(subcommand)]
    command: DrawCommand,
}

#[derive(Subcommand)]
enum DrawCommand {
    Number(NumberArgs),
}

/// Enter the council's number for a month
#[derive(Args)]
#[command(after_help = NUMBER_EXAMPLES)]
struct NumberArgs {
    /// 12 digits or more, which nobody knew before the seeds were promised
    #[arg(value_name = "NUMBER", value_parser = number)]
    number: CouncilNumber,
    /// The month (UTC) [default: this one; from the 20th on the next one]
    #[arg(long, value_name = "YYYY-MM", value_parser = month)]
    month: Option<Month>,
}

fn number(text: &str) -> Result<CouncilNumber, String> {
    text.parse().map_err(|_| "a number of 12 to 64 digits".to_owned())
}

fn month(text: &str) -> Result<Month, String> {
    text.parse().map_err(|_| "a month such as 2026-12".to_owned())
}

pub(super) fn run(context: &Context, args: DrawArgs) -> Result<(), Failure> {
    let DrawCommand::Number(args) = args.command;
    if !context.home().is_dir() {
        return Err(Failure::new(
            format!("there is no home folder {}", context.home().display()),
            format!("name the engine's with --home, or start one with `{}`", context.typed("run")),
        ));
    }
    let month = args.month.unwrap_or_else(|| month_at(SystemClock.wall()));
    ledger::enter_number(context.home(), month, &args.number).map_err(|error| match error {
        NumberError::Given => Failure::new(
            format!("the council's number for {month} was entered before, and can't be changed"),
            "name another month with --month",
        ),
        NumberError::Io(path, error) => Failure::new(
            format!("{} can't be written: {error}", path.display()),
            "run it as the user who runs the engine",
        ),
    })?;
    if context.json() {
        output::say_json(&json!({ "month": month, "number": args.number }));
    } else {
        output::say(&format!("The draws of {month} are mixed with {} from its next day on.", args.number));
    }
    Ok(())
}

/// The month that a number is meant for: late in a month the next one, whose seeds are promised then.
fn month_at(now: Timestamp) -> Month {
    let today = day_of(now);
    let next = today.last_of_month().tomorrow().ok().filter(|_| today.day() >= ledger::PROMISED_FROM_DAY);
    Month::of(next.unwrap_or(today))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_meant_for_the_month_whose_seeds_were_promised_last() {
        let month = |at: &str| month_at(at.parse().expect("a time")).to_string();
        assert_eq!(month("2026-11-19T23:59:59Z"), "2026-11");
        assert_eq!(month("2026-11-20T00:00:00Z"), "2026-12");
        assert_eq!(month("2026-12-31T23:59:59Z"), "2027-01");
        assert_eq!(month("2027-01-01T00:00:00Z"), "2027-01");
    }
}
