//! What must be true of the rows among themselves: 5, 8, 9, 10.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;

use super::{Invariant, Report};
use crate::{
    catalog::{CallRow, Outcome, PurposeKind, Recording, RecordingState},
    protocol::{CallId, Reason},
};

/// Missing numbers of a day that are named.
const NAMED_MAX: usize = 10;
const START_ONCE: &str = "start the engine once: it recovers what there is, and says what is lost";

pub(super) fn check(report: &mut Report, rows: &[Recording], calls: &[CallRow]) {
    let recordings: HashMap<CallId, &Recording> = rows.iter().map(|row| (row.call, row)).collect();
    let ledger: HashMap<CallId, &CallRow> = calls.iter().map(|row| (row.call, row)).collect();
    if !report.engine {
        for row in rows.iter().filter(|row| row.state == RecordingState::Committing) {
            let text = "its row says that it is being written, and no engine runs";
            report.find(Invariant::NothingUnfinished, (Some(row.call), Some(&row.path)), text, START_ONCE);
        }
        for row in calls.iter().filter(|row| row.outcome == Outcome::Live) {
            let text = "its row says that it is live, and no engine runs";
            report.find(Invariant::NothingUnfinished, (Some(row.call), None), text, START_ONCE);
        }
    }
    sequences(report, calls);
    for row in calls.iter().filter(|row| row.outcome == Outcome::Kept && !recordings.contains_key(&row.call)) {
        let todo =
            "look for its file in a backup, put it back in its place and start the engine again: it registers it";
        let text = "the ledger says that it was kept, and no recording of it is known";
        report.find(Invariant::LedgerAgrees, (Some(row.call), None), text, todo);
    }
    for row in rows.iter().filter(|row| row.state != RecordingState::Committing) {
        ledger_knows(report, row, ledger.get(&row.call).copied());
        purposes(report, row);
    }
}

fn ledger_knows(report: &mut Report, row: &Recording, call: Option<&CallRow>) {
    let text = match call {
        None => "it is kept, and the ledger does not know its call".to_owned(),
        Some(call) if call.outcome != Outcome::Kept => {
            format!("it is kept, and the ledger says that its call was {:?}", call.outcome).to_lowercase()
        }
        Some(_) => return,
    };
    let todo =
        "the catalog was changed by something else than the engine, or is older than its files: find out by what";
    report.find(Invariant::LedgerAgrees, (Some(row.call), Some(&row.path)), text, todo);
}

fn purposes(report: &mut Report, row: &Recording) {
    let purpose_of = |reason: &Reason| match reason {
        Reason::OnDemand => PurposeKind::Incident,
        Reason::Sample => PurposeKind::Quality,
    };
    let missing: Vec<&str> = row
        .reasons
        .iter()
        .filter(|reason| !row.purposes.contains(&purpose_of(reason)))
        .map(|reason| reason.as_str())
        .collect();
    let text = match (row.reasons.is_empty(), missing.is_empty()) {
        (true, _) => "it is kept for no reason".to_owned(),
        (false, true) => return,
        (false, false) => format!("it has no purpose for its reason {}", missing.join(" and ")),
    };
    let todo = "it would never be deleted: decide whether it may be kept, and take away its file and its row if not";
    report.find(Invariant::HasPurposes, (Some(row.call), Some(&row.path)), text, todo);
}

fn sequences(report: &mut Report, calls: &[CallRow]) {
    let mut days: BTreeMap<Date, Vec<u64>> = BTreeMap::new();
    for row in calls {
        days.entry(row.day).or_default().extend(row.sequence);
    }
    for (day, mut numbers) in days {
        numbers.sort_unstable();
        let mut missing = Vec::new();
        let mut expected = 1;
        for number in numbers {
            // The table lets no number be there twice.
            let more = (expected..number).take(NAMED_MAX + 1 - missing.len().min(NAMED_MAX));
            missing.extend(more.map(|number| number.to_string()));
            expected = number.saturating_add(1);
        }
        if missing.is_empty() {
            continue;
        }
        if missing.len() > NAMED_MAX {
            missing.truncate(NAMED_MAX);
            missing.push("more".to_owned());
        }
        let text = format!("the calls of {day} have no number {}", missing.join(", "));
        let todo = "rows were taken out of the ledger, or the catalog was out of reach for very long (the log says so): its draws can't be \
                    checked for this day";
        report.find(Invariant::NoGaps, (None, None), text, todo);
    }
}
