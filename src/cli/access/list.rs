//! `retrocall access list`: what is asked for, and by when it is to be answered.

use clap::Args;
use comfy_table::{Table, presets};
use jiff::{Span, civil::Date};

use crate::cli::{
    Context, Failure,
    actor::{AtDesk, failure},
    output,
};
use retrocall_records::desk::{CoveredState, RequestEntry, Requests as _};
use retrocall_words::Customer;

/// Days ahead of its term from which a request is called due.
const DUE_DAYS: i64 = 7;

/// The requests, for a copy and for erasure, those first that were received first
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall access list
  retrocall access list --due          open, and due within a week or overdue
  retrocall access list --json         with every recording, and what was decided about it")]
pub(in crate::cli) struct ListArgs {
    /// Only what is to be answered within a week, or is overdue
    #[arg(long)]
    due: bool,
}

pub(in crate::cli) fn run(context: &Context, at: &AtDesk, args: &ListArgs) -> Result<(), Failure> {
    let requests = if args.due { at.desk.open_requests(&at.who) } else { at.desk.all_requests(&at.who) };
    let mut requests = requests.map_err(failure)?;
    let today = context.settings()?.calendar.day_of(at.now);
    if args.due {
        let soon = today.saturating_add(Span::new().days(DUE_DAYS));
        requests.retain(|request| request.due_on <= soon);
    }
    if context.json() {
        output::say_json(&requests);
        return Ok(());
    }
    if requests.is_empty() {
        output::say(if args.due { "No request is due." } else { "There is no request." });
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["request", "kind", "of", "received", "due", "recordings", "state"]);
    for request in &requests {
        let count = |state| request.recordings.iter().filter(|one| one.state == state).count();
        let of = match (&request.customer, &request.agent, &request.around) {
            (Some(customer), ..) => Customer::number(customer).to_owned(),
            (None, Some(agent), None) => agent.clone(),
            (None, Some(agent), Some(around)) => format!("{agent} around {around:.0}"),
            (None, None, _) => String::new(),
        };
        let recordings =
            format!("{} to decide, {} confirmed", count(CoveredState::Candidate), count(CoveredState::Confirmed));
        table.add_row([
            request.request.clone(),
            request.kind.as_str().to_owned(),
            of,
            request.received_on.to_string(),
            request.due_on.to_string(),
            recordings,
            state(request, today),
        ]);
    }
    output::say_table(&table);
    Ok(())
}

fn state(request: &RequestEntry, today: Date) -> String {
    match request.outcome {
        Some(outcome) => outcome.as_str().to_owned(),
        None => {
            let state = match () {
                () if request.due_on < today => "OVERDUE",
                () if request.extension.is_some() => "open, extended",
                () => "open",
            };
            match request.order.as_ref().map_or(0, |order| order.missing.len() as u64) {
                0 => state.to_owned(),
                missing => format!("{state}, waits for {}", output::counted(missing, "site")),
            }
        }
    }
}
