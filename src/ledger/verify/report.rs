//! What a verification comes to.

use std::fmt;

use jiff::civil::Date;
use retrocall_words::Word;
use serde::Serialize;

use super::{
    comparisons::{Comparison, LotteryDay},
    finding::{Finding, Verdict},
};
use crate::names::{Month, Site};

/// A segment that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SegmentFacts {
    /// Its month.
    pub segment: Month,
    /// How many rows it has.
    pub rows: u64,
    /// How many of them a head covers.
    pub signed: u64,
}

/// What is known about the ledger's end: rows that were cut off leave no trace but a head that counts them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tail {
    /// The last segment.
    pub segment: Month,
    /// Its rows up to here are covered by a head: none of them can have been cut off unseen.
    pub signed: u64,
    /// The day of that head.
    pub day: Option<Date>,
    /// Whether a head was handed in that covers as much. Without one, whoever cut off rows may have removed heads as well.
    pub is_from_outside: bool,
    /// The head that was handed in, if it can be read: what it covers nobody can have cut off unseen.
    pub outside: Option<Covered>,
}

/// What a head covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// The segment.
    pub segment: Month,
    /// How many of its rows.
    pub rows: u64,
    /// The day of the head.
    pub day: Date,
}

/// What can be said of a month's lottery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthVerdict {
    /// The month.
    pub month: Month,
    /// In one word.
    pub verdict: Verdict,
}

/// What a verification comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Whose ledger it is.
    pub site: Site,
    /// What was read.
    pub segments: Vec<SegmentFacts>,
    /// What was found, by segment and row.
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    pub left_out: u64,
    /// The lottery, month by month.
    pub months: Vec<MonthVerdict>,
    /// The lottery, day by day, as far as its seeds are published.
    pub days: Vec<LotteryDay>,
    /// Days whose seeds are not published: their draws can't be checked yet.
    pub open_days: Vec<Date>,
    /// Drawn calls against the others, the least likely difference first.
    pub comparisons: Vec<Comparison>,
    /// What is known about the end.
    pub tail: Option<Tail>,
}

impl Report {
    /// Whether nothing is wrong. What is only to be looked at does not count.
    pub fn is_sound(&self) -> bool {
        self.left_out == 0 && self.findings.iter().all(|finding| finding.kind.is_notice())
    }

    /// The report in lines of words, which every verifier gives alike: findings (word, segment, row), verdicts (month, word), the end (segment, rows
    /// that a head covers, `outside` or `inside`).
    pub fn lines(&self) -> Vec<String> {
        let findings = self.findings.iter().map(|finding| match finding.place {
            Some(place) => format!("finding {} {place}", finding.kind.word()),
            None => format!("finding {} {}", finding.kind.word(), finding.detail),
        });
        let verdicts = self.months.iter().map(|month| format!("verdict {} {}", month.month, month.verdict.word()));
        let tail = self.tail.iter().map(|tail| {
            format!("tail {} {} {}", tail.segment, tail.signed, if tail.is_from_outside { "outside" } else { "inside" })
        });
        let mut lines: Vec<_> = findings.chain(verdicts).chain(tail).collect();
        lines.sort();
        lines
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tail { segment, signed, is_from_outside, outside, .. } = self;
        if let Some(Covered { segment, rows, day }) = outside {
            write!(
                f,
                "The end: the head of {day}, which was handed in, covers {rows} rows of {segment}. If one of them were cut off, this would say so. \
                 Rows that were written after it can have been cut off: only a later head would show it."
            )?;
            return if *is_from_outside {
                Ok(())
            } else {
                write!(
                    f,
                    " Heads beside the ledger cover {signed} rows of {segment}, which whoever can write the home could change as well.",
                    segment = self.segment
                )
            };
        }
        write!(
            f,
            "The end: heads beside the ledger cover {signed} rows of {segment}. Whoever cuts off rows can remove heads as well: only a head that lies \
             elsewhere, handed in with --head, shows whether the end was cut off."
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Ledger of site {}.", self.site)?;
        for SegmentFacts { segment, rows, signed } in &self.segments {
            writeln!(f, "Segment {segment}: {rows} rows, {signed} of them under a head.")?;
        }
        let (notices, wrong): (Vec<_>, Vec<_>) =
            self.findings.iter().partition(|finding: &&Finding| finding.kind.is_notice());
        for finding in &wrong {
            writeln!(f, "Wrong: {finding}")?;
        }
        for finding in &notices {
            writeln!(f, "To look at: {finding}")?;
        }
        if self.left_out > 0 {
            writeln!(f, "{} findings more.", self.left_out)?;
        }
        for MonthVerdict { month, verdict } in &self.months {
            let word = match verdict {
                Verdict::Witnessed => "witnessed",
                Verdict::Expired => "not known any more",
                _ => "unwitnessed",
            };
            writeln!(f, "Lottery of {month}: {word}. {}", verdict.sentence())?;
        }
        if let Some(day) = self.open_days.first() {
            let count = self.open_days.len();
            writeln!(f, "Not checked yet: draws from {day} on, days in all: {count}. Their seeds are not published.")?;
        }
        if let Some(tail) = &self.tail {
            writeln!(f, "{tail}")?;
        }
        let verdict = if self.is_sound() { "Nothing is wrong." } else { "Something is wrong." };
        write!(f, "{verdict}")
    }
}
