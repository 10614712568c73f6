//! The PBX's own list of calls against the ledger's: calls that only one of the two has.

use std::collections::HashMap;

use jiff::Timestamp;
use retrocall_words::CallId;

use super::finding::{FindingKind, Findings, RowId};
use crate::{calls::CallBegan, hash::Malformed};

/// How far the two clocks, and the two ideas of when a call begins, may be apart.
const APART_MS: i64 = 10_000;

/// The calls that a PBX lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallList {
    /// Line, beginning in milliseconds, and the call if its id is given; by their beginnings.
    calls: Vec<(usize, i64, Option<CallId>)>,
}

impl CallList {
    /// Reads CSV: a first line with the names of the columns, of which `began` (RFC 3339) is needed and `call` (the engine's id) is used if it is there.
    ///
    /// # Errors
    /// If there is no such column, or a line has no such time in it.
    pub fn read(text: &str) -> Result<CallList, Malformed> {
        let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        let heading = lines.next().map(|(_, heading)| heading).unwrap_or_default();
        let comma = if heading.contains(';') { ';' } else { ',' };
        let fields = |line: &str| -> Vec<String> {
            line.split(comma).map(|field| field.trim().trim_matches('"').to_owned()).collect()
        };
        let names = fields(heading);
        let column = |name: &str| names.iter().position(|known| known.eq_ignore_ascii_case(name));
        let began = column("began").ok_or(Malformed("a list of calls: it has no column `began`"))?;
        let id = column("call");
        let mut calls = Vec::new();
        for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
            let fields = fields(text);
            let at: Option<Timestamp> = fields.get(began).and_then(|at| at.parse().ok());
            let at =
                at.ok_or(Malformed("a list of calls: `began` must be a time such as 2026-11-28T09:30:00+01:00"))?;
            let call = id.and_then(|id| fields.get(id)).and_then(|id| id.parse().ok());
            calls.push((line + 1, at.as_millisecond(), call));
        }
        calls.sort_by_key(|(line, at, _)| (*at, *line));
        Ok(CallList { calls })
    }
}

/// The ledger's calls, to be held against a list.
pub(super) struct CallComparison {
    list: CallList,
    calls: Vec<(i64, RowId)>,
    by_id: HashMap<CallId, usize>,
}

impl CallComparison {
    pub fn new(list: CallList) -> CallComparison {
        CallComparison { list, calls: Vec::new(), by_id: HashMap::new() }
    }

    /// A call began, by its row's own time.
    pub fn began(&mut self, row: &CallBegan, at: &str, place: RowId) {
        let at: Option<Timestamp> = at.parse().ok();
        let Some(at) = at else { return };
        self.by_id.insert(row.call, self.calls.len());
        self.calls.push((at.as_millisecond(), place));
    }

    pub fn compare(self, findings: &mut Findings) {
        let CallComparison { list, calls, by_id } = self;
        let mut is_matched = vec![false; calls.len()];
        let mut left = Vec::new();
        for call in &list.calls {
            match call.2.and_then(|id| by_id.get(&id)) {
                Some(index) => is_matched[*index] = true,
                None => left.push(call),
            }
        }
        let mut by_time: Vec<_> = (0..calls.len()).filter(|index| !is_matched[*index]).collect();
        by_time.sort_by_key(|index| calls[*index].0);
        let mut ours = by_time.into_iter().peekable();
        for (line, at, _) in left {
            // Both in the order of time: the earliest that can match leaves the most to the later ones.
            while ours.next_if(|index| calls[*index].0 < at - APART_MS).is_some() {}
            match ours.next_if(|index| calls[*index].0 <= at + APART_MS) {
                Some(index) => is_matched[index] = true,
                None => findings.general(FindingKind::NotInLedger, format!("Line {line} of the list.")),
            }
        }
        let (Some(first), Some(last)) = (list.calls.first(), list.calls.last()) else { return };
        let span = first.1 - APART_MS..=last.1 + APART_MS;
        for ((at, place), _) in calls.iter().zip(is_matched).filter(|(_, is_matched)| !is_matched) {
            if span.contains(at) {
                findings.at(FindingKind::NotInList, *place, "");
            }
        }
    }
}
