//! Rows against each other and against heads: what was changed, removed, inserted, swapped, cut off.
//!
//! Belongs here: order, hashes, roots. Does not: what rows say.
//!
//! Rows are seen once, in the order in which they are stored. In a sound segment each is the next one, and nothing is remembered but the last hash.
//! A row that is not the next one says by its number what happened; the row after it tells apart what looks alike at first.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{FindingKind, Findings, RowId};
use crate::{
    event::Previous,
    hash::{Frontier, Hash},
    head::Head,
    line::Line,
    names::Month,
};

/// Rows whose places are remembered, at most, while they are looked for.
const MISSING_MAX: u64 = 100_000;

/// What was read of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole {
    pub segment: Month,
    /// Its rows as they are stored.
    pub size: u64,
    pub root: Hash,
    pub last: Hash,
    /// How many of them a head covers.
    pub signed: u64,
    /// Whether rows were found to be changed, removed, inserted or swapped, so that its root means nothing.
    pub is_broken: bool,
}

impl Whole {
    /// Compares it with what its successor's first row says of it.
    pub fn compare(&self, said: &Previous, successor: RowId, findings: &mut Findings) {
        let place = |row| RowId { segment: self.segment, row };
        if said.segment != self.segment {
            findings.at(FindingKind::SegmentMissing, successor, format!("It is {}.", said.segment));
        } else if self.is_broken {
            // Its rows were named.
        } else if said.size > self.size {
            findings.at(FindingKind::Cut, place(self.size), format!("The next segment counts {} rows.", said.size));
        } else if said.size < self.size {
            findings.at(
                FindingKind::Inserted,
                place(said.size),
                format!("The next segment counts {} rows.", said.size),
            );
        } else if said.last != self.last {
            findings.at(FindingKind::Changed, place(self.size.saturating_sub(1)), "");
        }
    }
}

/// A segment while its rows are read.
pub(super) struct Rows {
    segment: Month,
    name: String,
    site: String,
    frontier: Frontier,
    last: Hash,
    /// Heads over it, the smallest last.
    heads: Vec<Head>,
    signed: u64,
    is_broken: bool,
    /// The number that the next row should have.
    next: u64,
    /// The hash of the row before that, where it was seen.
    tip: Option<Hash>,
    /// A row that came too early: the next one says whether those before it are missing or it is in the wrong place.
    early: Option<(u64, Hash)>,
    /// Rows that were not at their places, and rows that came before theirs.
    missing: BTreeSet<u64>,
    strays: BTreeMap<u64, Hash>,
    /// A row that does not follow from the one before, and the hash that it should have named: one of the two was changed, or it was inserted.
    suspect: Option<(u64, Hash)>,
}

impl Rows {
    pub fn new(site: String, segment: Month, mut heads: Vec<Head>) -> Rows {
        heads.sort_by_key(|head| std::cmp::Reverse(head.size));
        Rows {
            segment,
            name: segment.to_string(),
            site,
            frontier: Frontier::default(),
            last: Hash::NONE,
            heads,
            signed: 0,
            is_broken: false,
            next: 0,
            tip: None,
            early: None,
            missing: BTreeSet::new(),
            strays: BTreeMap::new(),
            suspect: None,
        }
    }

    pub fn segment(&self) -> Month {
        self.segment
    }

    fn find(&mut self, kind: FindingKind, row: u64, detail: &str, findings: &mut Findings) {
        let place = RowId { segment: self.segment, row };
        // What was inserted, swapped or can't be read does not have to be named as changed too.
        if kind != FindingKind::Changed || !findings.is_out_of_place(place) {
            findings.at(kind, place, detail);
        }
        self.is_broken = true;
    }

    /// Takes the next row as it is stored. None if it can't be read, or is one too many: then what it says counts for nothing.
    pub fn take<'t>(&mut self, text: &'t str, findings: &mut Findings) -> Option<Line<'t>> {
        let hash = Hash::of_row(text);
        let line = Line::read(text);
        match &line {
            Some(line) if line.site == self.site && line.segment == self.name => {}
            Some(line) => self.find(FindingKind::Foreign, line.row, "", findings),
            None => {
                self.settle_early(None, findings);
                self.find(FindingKind::Unreadable, self.next, "", findings);
                (self.next, self.tip) = (self.next + 1, None);
            }
        }
        let counts = line.as_ref().is_none_or(|line| self.place(line, hash, findings));
        self.last = hash;
        self.frontier.push(hash);
        self.compare_heads(findings);
        line.filter(|_| counts)
    }

    /// Finds the place of a row. False if it has none.
    fn place(&mut self, line: &Line, hash: Hash, findings: &mut Findings) -> bool {
        let number = line.row;
        self.settle_early(Some(number), findings);
        while let Some(stray) = self.strays.remove(&self.next) {
            if number == self.next {
                self.find(FindingKind::Inserted, number, "", findings);
                break;
            }
            self.find(FindingKind::Swapped, self.next, "", findings);
            (self.next, self.tip) = (self.next + 1, Some(stray));
        }
        let follows = self.tip.is_none_or(|tip| tip == line.prev);
        if let Some((row, before)) = self.suspect.take() {
            if number + 1 == self.next && line.prev == before {
                self.find(FindingKind::Inserted, number, "", findings);
                self.tip = Some(hash);
                return true;
            }
            // If this one does not follow from the suspect either, the suspect is what was changed, by what it names.
            let is_between = number == self.next && !follows;
            self.find(FindingKind::Changed, if is_between { row } else { row - 1 }, "", findings);
            if is_between {
                (self.next, self.tip) = (number + 1, Some(hash));
                return true;
            }
        }
        if number == self.next {
            if let (false, Some(tip)) = (follows, self.tip) {
                self.suspect = Some((number, tip));
            }
            (self.next, self.tip) = (number + 1, Some(hash));
        } else if number > self.next {
            self.early = Some((number, hash));
        } else {
            let was_missing = self.missing.remove(&number);
            self.find(if was_missing { FindingKind::Swapped } else { FindingKind::Inserted }, number, "", findings);
            return was_missing;
        }
        true
    }

    /// Says what a row that came too early means, now that the one after it is known.
    fn settle_early(&mut self, number: Option<u64>, findings: &mut Findings) {
        let Some((early, hash)) = self.early.take() else { return };
        if number == Some(self.next) {
            self.strays.insert(early, hash);
        } else if number == Some(self.next + 1) && early > self.next + 1 {
            self.missing.insert(self.next);
            self.strays.insert(early, hash);
            (self.next, self.tip) = (self.next + 1, None);
        } else if early - self.next > MISSING_MAX {
            self.find(FindingKind::Removed, self.next, "", findings);
            (self.next, self.tip) = (early + 1, Some(hash));
        } else {
            self.missing.extend(self.next..early);
            (self.next, self.tip) = (early + 1, Some(hash));
        }
    }

    fn compare_heads(&mut self, findings: &mut Findings) {
        let size = self.frontier.size();
        while let Some(head) = self.heads.pop_if(|head| head.size <= size) {
            if head.root == self.frontier.root() && head.size == size {
                self.signed = size;
            } else if !self.is_broken && head.size == size {
                let detail = format!("The head of {} covers the rows before {size}.", head.day);
                findings.at(FindingKind::NotAsSigned, RowId { segment: self.segment, row: self.signed }, detail);
            }
        }
    }

    /// The segment has no more rows.
    pub fn finish(mut self, findings: &mut Findings) -> Whole {
        self.settle_early(None, findings);
        if let Some((row, _)) = self.suspect.take() {
            self.find(FindingKind::Changed, row - 1, "", findings);
        }
        for stray in std::mem::take(&mut self.strays).into_keys() {
            self.find(FindingKind::Swapped, stray, "", findings);
        }
        let missing = std::mem::take(&mut self.missing);
        for first in missing.iter().filter(|row| **row == 0 || !missing.contains(&(*row - 1))) {
            let last = (*first..).take_while(|row| missing.contains(row)).last().unwrap_or(*first);
            self.find(FindingKind::Removed, *first, &format!("The last of them is row {last}."), findings);
        }
        let size = self.frontier.size();
        if let Some(head) = self.heads.first().filter(|head| !self.is_broken && head.size > size) {
            let detail = format!("The head of {} counts {} rows.", head.day, head.size);
            findings.at(FindingKind::Cut, RowId { segment: self.segment, row: size }, detail);
        }
        let Rows { segment, signed, is_broken, last, .. } = self;
        Whole { segment, size, root: self.frontier.root(), last, signed, is_broken }
    }
}
