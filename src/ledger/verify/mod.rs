//! The ledger, verified from outside: from rows, heads and the site's public key alone.
//!
//! Belongs here: what must hold, and what is said where it does not. Does not: how rows come to be. `docs/ledger.md` has the same rules in words, and
//! `examples/verify_ledger.py` has them in Python.

mod chance;
mod comparisons;
mod finding;
mod folder;
mod list;
mod lottery;
mod months;
mod page;
mod plot;
mod queue;
mod report;
mod rows;
#[cfg(test)]
mod tests;

use jiff::civil::Date;

pub use comparisons::{Comparison, FAMILY_ERROR, LotteryDay};
pub use finding::{Finding, FindingKind, Question, RowId, Verdict};
pub use folder::{Exported, FolderError, verify};
pub use list::CallList;
pub use page::Answer;
pub use report::{Covered, MonthVerdict, Report, SegmentFacts, Tail};

use crate::{
    event::{Event, Previous},
    hash::{Hash, Malformed},
    head::{Head, site_of},
    line::Line,
    names::{Month, Site},
    note::Verifier,
};
use comparisons::Tally;
use finding::Findings;
use list::CallComparison;
use lottery::Lottery;
use queue::Queue;
use rows::{Rows, Whole};

/// What is handed in beside the rows.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The signed heads that lie beside the ledger, each with a name for people.
    pub heads: Vec<(String, String)>,
    /// A signed head that lay elsewhere: the only witness against whoever can write the home.
    pub later: Option<String>,
    /// The PBX's own list of calls.
    pub calls: Option<CallList>,
}

/// A verification: rows go in, in the order in which they are stored; a report comes out.
pub struct Verification {
    site: Site,
    heads: Vec<Head>,
    later: Option<Head>,
    current: Option<Rows>,
    before: Vec<Whole>,
    lottery: Lottery,
    queue: Queue,
    tally: Tally,
    listed: Option<CallComparison>,
    findings: Findings,
}

impl Verification {
    /// Begins with the key that is trusted, and what was handed in.
    ///
    /// # Errors
    /// If the key is not a site's.
    pub fn new(key: &Verifier, evidence: Evidence) -> Result<Verification, Malformed> {
        let site = site_of(key)?;
        let mut findings = Findings::default();
        let mut open = |name: &str, note: &str| match Head::open(note, key) {
            Ok(head) if head.site == site => Some(head),
            Ok(_) | Err(_) => {
                findings.general(FindingKind::HeadUnreadable, name);
                None
            }
        };
        let later = evidence.later.and_then(|note| open("handed-in", &note));
        // What was handed in speaks first: its promises hold against all others.
        let mut heads: Vec<_> = later.iter().cloned().collect();
        heads.extend(evidence.heads.iter().filter_map(|(name, note)| open(name, note)));
        Ok(Verification {
            lottery: Lottery::new(&site, &heads, &mut findings),
            site,
            heads,
            later,
            current: None,
            before: Vec::new(),
            queue: Queue::default(),
            tally: Tally::default(),
            listed: evidence.calls.map(CallComparison::new),
            findings,
        })
    }

    /// The next row, as it is stored.
    pub fn row(&mut self, segment: Month, text: &str) {
        if self.current.as_ref().is_none_or(|current| current.segment() != segment) {
            self.close();
            let heads = self.heads.iter().filter(|head| head.segment == segment).cloned().collect();
            self.current = Some(Rows::new(self.site.to_string(), segment, heads));
        }
        let Some(line) = self.current.as_mut().and_then(|rows| rows.take(text, &mut self.findings)) else { return };
        let place = RowId { segment, row: line.row };
        // A kind of a later version says nothing to this one.
        let Some(kind) = Event::kind_of(line.kind) else { return };
        match Event::read(kind, text) {
            Ok(event) => self.event(event, &line, place),
            Err(_) => self.findings.at(FindingKind::Unreadable, place, ""),
        }
    }

    fn event(&mut self, event: Event, line: &Line, place: RowId) {
        let findings = &mut self.findings;
        match event {
            Event::SegmentOpened(row) => self.segment_opened(row.previous.as_ref(), line.prev, place),
            Event::MonthCommitted(row) => self.lottery.promised(&row, place, findings),
            Event::NumberEntered(row) => self.lottery.number(&row, place, findings),
            Event::PeriodOpened(row) => {
                self.lottery.opened(&row, place, findings);
                self.queue.opened(&row);
            }
            Event::CallBegan(row) => {
                self.lottery.began(&row, place, findings);
                self.queue.began(&row);
                if let Some(listed) = &mut self.listed {
                    listed.began(&row, line.at, place);
                }
            }
            Event::CallEnded(row) => {
                self.lottery.ended(&row, place, findings);
                self.queue.ended(&row, findings);
            }
            Event::RecordingKept(row) => self.queue.kept(row, place, findings),
            Event::NumbersSkipped(row) => self.lottery.skipped(&row, place, findings),
            Event::SeedPublished(row) => {
                self.lottery.published(&row, place, &mut self.tally, findings);
                self.queue.published(row.day);
            }
            Event::ClockRefused(_) => findings.at(FindingKind::ClockRefused, place, ""),
            Event::Deed(row) => self.queue.did(&row, place, findings),
            Event::SiteOpened(_) | Event::ClockAccepted(_) => {}
        }
    }

    fn segment_opened(&mut self, previous: Option<&Previous>, prev: Hash, place: RowId) {
        let findings = &mut self.findings;
        if place.row != 0 {
            findings.at(FindingKind::Foreign, place, "");
            return;
        }
        if prev != previous.map_or(Hash::NONE, |previous| previous.last) {
            findings.at(FindingKind::Changed, place, "");
        }
        match (self.before.last(), previous) {
            (Some(before), Some(previous)) => before.compare(previous, place, findings),
            (Some(_), None) => findings.at(FindingKind::Changed, place, ""),
            // What came before has expired, which is as it should be; its last head, which stays, says the same.
            (None, Some(previous)) => {
                (self.lottery.is_partial, self.queue.is_partial) = (true, true);
                let is_other = |head: &&Head| head.segment == previous.segment && head.size == previous.size;
                if self.heads.iter().filter(is_other).any(|head| head.root != previous.root) {
                    findings.at(FindingKind::NotAsSigned, place, "");
                }
            }
            (None, None) => {}
        }
    }

    fn close(&mut self) {
        if let Some(current) = self.current.take() {
            self.before.push(current.finish(&mut self.findings));
        }
    }

    /// There are no more rows.
    pub fn finish(mut self) -> Report {
        self.close();
        let heads = std::mem::take(&mut self.heads);
        for head in &heads {
            // A head over a segment of which nothing is left, later than the first one that is there.
            let is_there = self.before.iter().any(|whole| whole.segment == head.segment);
            if !is_there && self.before.first().is_none_or(|first| first.segment < head.segment) && head.size > 0 {
                self.findings.at(FindingKind::Cut, RowId { segment: head.segment, row: 0 }, "");
            }
        }
        if let Some(listed) = self.listed.take() {
            listed.compare(&mut self.findings);
        }
        let comparisons = self.tally.compare();
        for comparison in comparisons.iter().filter(|comparison| comparison.is_steered) {
            self.findings.general(FindingKind::Steered, comparison.subject.as_str());
        }
        let last = self.before.last();
        let tail = last.map(|last| {
            let covers = |head: &Head| (last.segment, last.signed) <= (head.segment, head.size);
            let day = |head: &&Head| head.segment == last.segment && head.size == last.signed;
            let day: Option<Date> = heads.iter().filter(day).map(|head| head.day).max();
            let is_from_outside = self.later.as_ref().is_some_and(covers);
            let covered = |head: &Head| Covered { segment: head.segment, rows: head.size, day: head.day };
            let outside = self.later.as_ref().map(covered);
            Tail { segment: last.segment, signed: last.signed, day, is_from_outside, outside }
        });
        let facts = |whole: &Whole| SegmentFacts { segment: whole.segment, rows: whole.size, signed: whole.signed };
        let verdicts = self.lottery.verdicts(&heads).into_iter();
        Report {
            segments: self.before.iter().map(facts).collect(),
            site: self.site,
            left_out: self.findings.left_out,
            months: verdicts.map(|(month, verdict)| MonthVerdict { month, verdict }).collect(),
            days: self.tally.days(),
            open_days: self.lottery.open_days(),
            findings: self.findings.sorted(),
            comparisons,
            tail,
        }
    }
}
