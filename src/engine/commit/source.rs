//! The call that a commit records: its ring, and what is said of it.

use std::sync::Arc;

use super::{
    buffers::Buffers,
    findings::{Findings, Marks},
};
use retrocall_core::ring::{Hole, RingReader};
use retrocall_file::{Completeness, Mark, Overview};
use retrocall_words::{Label, Reason, audio::Leg};

/// A call, as its commit sees it.
pub(super) struct Source {
    reader: RingReader,
    label: Label,
    /// What whoever controls the call says of it.
    noted: Arc<Marks>,
    noted_seen: usize,
    /// What the ring says is missing.
    findings: Findings,
    /// Both, in the order in which they came.
    marks: Vec<Mark>,
    /// The position of the first sample, once somebody asked.
    base: Option<u64>,
}

impl Source {
    pub(super) fn new(reader: RingReader, label: Label, noted: Arc<Marks>) -> Source {
        Source { reader, label, noted, noted_seen: 0, findings: Findings::default(), marks: Vec::new(), base: None }
    }

    pub(super) fn label(&self) -> &Label {
        &self.label
    }

    /// The reasons for which the call was selected in the end.
    pub(super) fn set_reasons(&mut self, reasons: Vec<Reason>) {
        self.label.reasons = reasons;
    }

    /// The position of the first sample: of the first that the ring held when this was asked first.
    pub(super) fn base(&mut self) -> u64 {
        *self.base.get_or_insert_with(|| self.reader.ring().start())
    }

    /// How far each leg is.
    pub(super) fn frontiers(&self) -> [u64; 2] {
        Leg::ALL.map(|leg| self.reader.ring().frontier(leg))
    }

    /// Reads `count` samples of both legs from `start` on.
    pub(super) fn read(&mut self, start: u64, count: usize, buffers: &mut Buffers) {
        buffers.read(&mut self.reader, start, count, &mut self.findings);
    }

    /// Takes up the marks that came since. A stretch that the ring lacks is one when all before `settled` is read, and not before: it may go on.
    pub(super) fn collect_marks(&mut self, settled: u64) {
        let noted = self.noted.since(self.noted_seen);
        self.noted_seen += noted.len();
        self.marks.extend(noted);
        self.marks.extend(self.findings.settle(settled));
    }

    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// What the files say of the call.
    pub(super) fn overview(&self) -> Overview<'_> {
        let counts = Leg::ALL.map(|leg| self.reader.ring().counts(leg));
        let gaps = counts.iter().map(|counts| counts.gaps).sum();
        let lost = counts.iter().map(|counts| counts.lost_frames + counts.refused_frames).sum();
        Overview { label: &self.label, marks: &self.marks, gaps, lost }
    }

    /// The call is over: what was lost at its end, and before its beginning, becomes marks. Says whether anything was lost.
    pub(super) fn finish(&mut self) -> Completeness {
        let base = self.base();
        for leg in Leg::ALL {
            let ring = self.reader.ring();
            let (frontier, lost_until) = (ring.frontier(leg), ring.counts(leg).lost_until);
            if base > 0 {
                self.findings.add(leg, Hole { from: 0, to: base, is_lost: true });
            }
            if lost_until > frontier {
                self.findings.add(leg, Hole { from: frontier.max(base), to: lost_until, is_lost: true });
            }
        }
        if base > 0 || self.overview().lost > 0 { Completeness::Incomplete } else { Completeness::Complete }
    }
}
