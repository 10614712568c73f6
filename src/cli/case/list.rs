//! `retrocall case list`: cases, presses that await one, and what is about to happen to both.

use std::collections::HashMap;

use clap::Args;
use comfy_table::{Table, presets};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;

use crate::cli::{Context, Failure, output};
use retrocall_records::{
    Recording,
    desk::Case,
    policy::ASKED_AHEAD_DAYS,
    recordings,
    sweep::{AwaitingCase, HomeStore, awaiting_case},
};
use retrocall_settings::Settings;
use retrocall_words::retention::Period;

const EXAMPLES: &str = "Examples:
  retrocall case list
  retrocall case list --json
  retrocall case list --awaiting --json

A press without a case is listed with its last working day; lead and deputy are warned on the last
two. An open case is asked about every 90 days: answer with `retrocall case still-needed CASE`.";

/// All cases, those first that nobody has needed for the longest time; and presses without a case
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ListArgs {
    /// Only the presses that await a case
    #[arg(long)]
    awaiting: bool,
}

/// A case, with what is about to happen to it (D11).
#[derive(Serialize)]
struct ListedCase<'a> {
    #[serde(flatten)]
    case: &'a Case,
    /// From when on somebody is asked whether it is still needed; none once it is closed.
    asked_from: Option<Timestamp>,
    /// From when on the officer alone may use its recordings, without an answer.
    restricted_from: Option<Timestamp>,
    /// When they are deleted, without an answer.
    deleted_from: Option<Timestamp>,
    /// Whether somebody is asked now.
    still_needed: bool,
    /// Whether nobody has answered, and the officer is asked.
    restricted: bool,
}

impl<'a> ListedCase<'a> {
    fn new(case: &'a Case, settings: &Settings, now: Timestamp) -> ListedCase<'a> {
        let (calendar, periods) = (&settings.calendar, &settings.retention);
        let restricted = calendar.days_after(case.needed_at, periods.get(Period::StillNeeded));
        let deleted = calendar.days_after(restricted, periods.get(Period::StillNeededGrace));
        let asked = calendar.days_before(restricted, ASKED_AHEAD_DAYS);
        let open = |at: Timestamp| case.closed_at.is_none().then_some(at);
        ListedCase {
            case,
            asked_from: open(asked),
            restricted_from: open(restricted),
            deleted_from: open(deleted),
            still_needed: open(asked).is_some_and(|asked| asked <= now),
            restricted: open(restricted).is_some_and(|restricted| restricted <= now),
        }
    }
}

/// A press that awaits a case (D10).
#[derive(Serialize)]
struct ListedPress {
    #[serde(flatten)]
    press: AwaitingCase,
    agent: Option<String>,
    pressed_by: Option<String>,
    start: Option<Timestamp>,
    /// The last day on which a case can be opened for it.
    last_day: Date,
}

pub(super) fn run(context: &Context, args: &ListArgs, cases: &[Case], now: Timestamp) -> Result<(), Failure> {
    let settings = context.settings()?;
    let presses = presses(context, &settings, now)?;
    let cases: Vec<ListedCase<'_>> = cases.iter().map(|case| ListedCase::new(case, &settings, now)).collect();
    match (context.json(), args.awaiting) {
        (true, true) => output::say_json(&presses),
        (true, false) => output::say_json(&cases),
        (false, awaiting) => {
            if !awaiting {
                say_cases(&cases);
            }
            say_presses(&presses, awaiting);
        }
    }
    Ok(())
}

fn presses(context: &Context, settings: &Settings, now: Timestamp) -> Result<Vec<ListedPress>, Failure> {
    let Some(mut store) = HomeStore::open_to_read(context.home()).map_err(Failure::whole)? else {
        return Ok(Vec::new());
    };
    store.consider(settings.retention, &settings.calendar, now).map_err(Failure::whole)?;
    let awaiting = awaiting_case(&mut store, now).map_err(Failure::whole)?;
    let known = recordings(context.home()).map_err(Failure::whole)?;
    let known: HashMap<&str, &Recording> = known.iter().filter_map(|one| Some((one.id.as_deref()?, one))).collect();
    let listed = |press: AwaitingCase| {
        let found = known.get(press.recording.as_str());
        let last = press.until.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(press.until);
        ListedPress {
            agent: found.map(|one| one.agent.clone()),
            pressed_by: found.and_then(|one| one.pressed_by.clone()),
            start: found.map(|one| one.start),
            last_day: settings.calendar.day_of(last),
            press,
        }
    };
    Ok(awaiting.into_iter().map(listed).collect())
}

fn say_cases(cases: &[ListedCase<'_>]) {
    if cases.is_empty() {
        return output::say("There are no cases.");
    }
    let zone = TimeZone::system();
    let on = |at: Timestamp| at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d").to_string();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["case", "opened", "by", "needed", "closed", "outcome", "recordings"]);
    for ListedCase { case, .. } in cases {
        table.add_row([
            case.case.clone(),
            on(case.opened_at),
            case.opened_by.clone(),
            on(case.needed_at),
            case.closed_at.map_or(String::new(), on),
            case.outcome.clone().unwrap_or_default(),
            case.recordings.len().to_string(),
        ]);
    }
    output::say_table(&table);
    for one in cases.iter().filter(|one| one.still_needed) {
        let (restricted, deleted) = (one.restricted_from.map(on), one.deleted_from.map(on));
        if one.restricted {
            output::say(&format!(
                "Privacy officer: is case {} still needed? Nobody has said so; since {} its recordings are yours alone, and they are deleted on {}.",
                one.case.case,
                restricted.unwrap_or_default(),
                deleted.unwrap_or_default()
            ));
            continue;
        }
        output::say(&format!(
            "Still needed? Case {}: without an answer its recordings are the officer's alone from {} on, and deleted on {}.",
            one.case.case,
            restricted.unwrap_or_default(),
            deleted.unwrap_or_default()
        ));
    }
}

fn say_presses(presses: &[ListedPress], says_none: bool) {
    if presses.is_empty() && says_none {
        output::say("No press awaits a case.");
    }
    for ListedPress { press, agent, last_day, .. } in presses {
        let warned = match press.warned {
            0 => "",
            1 => " (first warning)",
            _ => " (last warning)",
        };
        let agent = agent.as_deref().unwrap_or("an agent");
        output::say(&format!("Awaits a case until {last_day}{warned}: {}, a call of {agent}.", press.recording));
    }
}
