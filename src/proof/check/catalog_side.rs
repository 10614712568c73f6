//! The invariants of the rows alone: 5, 8, 9, 10, 11.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::Date;

use super::{Invariant, Report, local};
use retrocall_records::{CallRow, PurposeKind, Recording, sweep::Deletions};
use retrocall_words::{
    CallId,
    book::{Outcome, RecordingState, Skipped},
};

/// How many missing numbers of a day are named.
const NAMED_MAX: usize = 10;
const START_ONCE: &str = "start the engine once: it recovers what there is, and says what is lost";

pub(super) fn check(
    report: &mut Report,
    rows: &[Recording],
    dying: &Deletions,
    calls: &[CallRow],
    skipped: &[Skipped],
) {
    let over = dying.gone.iter().chain(&dying.delivered).copied();
    let deleted: HashSet<CallId> = over.chain(dying.begun.iter().map(|one| one.call)).collect();
    let recordings: HashMap<CallId, &Recording> = rows.iter().map(|row| (row.call, row)).collect();
    let ledger: HashMap<CallId, &CallRow> = calls.iter().map(|row| (row.call, row)).collect();
    if !report.engine {
        for row in rows.iter().filter(|row| row.state == RecordingState::Committing) {
            let text = "its row says that it is being written, and no engine runs";
            report.find(Invariant::NothingUnfinished, (Some(row.call), None), text, START_ONCE);
        }
        for row in calls.iter().filter(|row| row.outcome == Outcome::Live) {
            let text = "its row says that it is live, and no engine runs";
            report.find(Invariant::NothingUnfinished, (Some(row.call), None), text, START_ONCE);
        }
    }
    numbers(report, calls, skipped);
    for row in calls.iter().filter(|row| row.end.is_some_and(|end| end < row.start)) {
        let end = row.end.unwrap_or(row.start);
        let text = format!("it began at {} and ended at {}", local(row.start), local(end));
        let todo = "something other than the engine changed its row: find out what";
        report.find(Invariant::TimeGoesOn, (Some(row.call), None), text, todo);
    }
    let is_known = |call: &CallId| recordings.contains_key(call) || deleted.contains(call);
    for row in calls.iter().filter(|row| row.outcome == Outcome::Kept && !is_known(&row.call)) {
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
    let todo = "something other than the engine changed the catalog, or it is older than its files: find out which";
    report.find(Invariant::LedgerAgrees, (Some(row.call), row.path.as_deref()), text, todo);
}

fn purposes(report: &mut Report, row: &Recording) {
    let missing: Vec<&str> = row
        .reasons
        .iter()
        .filter(|reason| !row.purposes.contains(&PurposeKind::from(**reason)))
        .map(|reason| reason.as_str())
        .collect();
    let text = match (row.reasons.is_empty(), missing.is_empty()) {
        (true, _) => "it is kept for no reason".to_owned(),
        (false, true) => return,
        (false, false) => format!("it has no purpose for its reason {}", missing.join(" and ")),
    };
    let todo = "it would never be deleted: decide whether it may be kept, and take away its file and its row if not";
    report.find(Invariant::HasPurposes, (Some(row.call), row.path.as_deref()), text, todo);
}

/// From 1 on each number of a day has one call, or belongs to a named hole.
fn numbers(report: &mut Report, calls: &[CallRow], skipped: &[Skipped]) {
    let mut days: BTreeMap<Date, Vec<(u64, u64)>> = BTreeMap::new();
    for row in calls {
        days.entry(row.day).or_default().extend(row.sequence.map(|number| (number, number)));
    }
    for hole in skipped {
        days.entry(hole.day).or_default().push((hole.first, hole.last));
    }
    for (day, mut taken) in days {
        taken.sort_unstable();
        let (mut missing, mut twice) = (Vec::new(), Vec::new());
        let mut expected = 1;
        for (first, last) in taken {
            missing.extend((expected..first).take(NAMED_MAX + 1));
            // The table lets no two calls have one number.
            twice.extend((first <= last).then_some(first).filter(|first| *first < expected));
            expected = expected.max(last.saturating_add(1));
        }
        if !missing.is_empty() {
            let text = format!("the calls of {day} have no number {}", named(&missing));
            let todo = "rows were taken out of the ledger; or the catalog was put back while the engine ran, or an engine was killed: then start it \
                        once, which names the numbers that it finds missing. The draws of what is missing can't be checked";
            report.find(Invariant::NoGaps, (None, None), text, todo);
        }
        if !twice.is_empty() {
            let text = format!("numbers of {day} are said to have no call, and have one: {}", named(&twice));
            let todo = "something other than the engine changed the catalog, or put two together: find out what";
            report.find(Invariant::NoGaps, (None, None), text, todo);
        }
    }
}

fn named(numbers: &[u64]) -> String {
    let mut words: Vec<String> = numbers.iter().take(NAMED_MAX).map(u64::to_string).collect();
    words.extend((numbers.len() > NAMED_MAX).then(|| "more".to_owned()));
    words.join(", ")
}
