//! `retrocall user list --unusual`: what the privacy officer is told of each month (D13).

use jiff::Timestamp;

use crate::cli::{Context, Failure, output};
use retrocall_ledger::Month;
use retrocall_records::desk::{Unusual, UnusualKind};

pub(super) fn month(text: &str) -> Result<Month, String> {
    text.parse().map_err(|_| "a month such as 2026-11".to_owned())
}

/// The last month that is over.
pub(super) fn last_month(now: Timestamp) -> Month {
    let first = Month::at(now).first_day();
    Month::of(first.yesterday().unwrap_or(first))
}

pub(super) fn say(context: &Context, unusual: &[Unusual]) -> Result<(), Failure> {
    if context.json() {
        output::say_json(&unusual);
        return Ok(());
    }
    if unusual.is_empty() {
        output::say("Nothing was unusual.");
    }
    for one in unusual {
        output::say(&sentence(one));
    }
    Ok(())
}

fn sentence(one: &Unusual) -> String {
    let Unusual { kind, month, person, agent, recording, count, of } = one;
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "somebody".to_owned());
    let (person, agent, recording) = (name(person), name(agent), recording.as_deref().unwrap_or_default());
    match kind {
        UnusualKind::ReplayAfterOutcome => {
            format!(
                "{month}  {person} listened {count} times more to {recording}, a call of {agent}, after its outcome"
            )
        }
        UnusualKind::HeardOften => {
            format!(
                "{month}  {person} listened to {agent} in {count} of {of} plays: over three times {agent}'s share of the calls"
            )
        }
        UnusualKind::PrivateOrObjected => {
            format!(
                "{month}  {agent}: {count} of {of} calls private or objected to, over 2 % and three times the median"
            )
        }
        UnusualKind::Pressed => format!("{month}  {agent}: {count} of {of} calls pressed, over 10 %"),
    }
}
