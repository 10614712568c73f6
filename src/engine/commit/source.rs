//! The source of a commit: a call's ring, and the facts about the call.

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
    /// Marks from whoever controls the call.
    noted: Arc<Marks>,
    noted_seen: usize,
    /// Gaps that the ring reports.
    findings: Findings,
    /// Both, in order of arrival.
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

    /// Sets the final reasons of the call.
    pub(super) fn set_reasons(&mut self, reasons: Vec<Reason>) {
        self.label.reasons = reasons;
    }

    /// The position of the first sample: of the first that the ring held when this was first asked.
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

    /// Collects new marks. A gap of the ring becomes a mark once all before `settled` is read, not before: it may go on.
    pub(super) fn collect_marks(&mut self, settled: u64) {
        let noted = self.noted.since(self.noted_seen);
        self.noted_seen += noted.len();
        self.marks.extend(noted);
        self.marks.extend(self.findings.settle(settled));
    }

    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The facts about the call for its files.
    pub(super) fn overview(&self) -> Overview<'_> {
        let counts = Leg::ALL.map(|leg| self.reader.ring().counts(leg));
        let gaps = counts.iter().map(|counts| counts.gaps).sum();
        let lost = counts.iter().map(|counts| counts.lost_frames + counts.refused_frames).sum();
        Overview { label: &self.label, marks: &self.marks, gaps, lost }
    }

    /// The call is over: losses at its end and before its beginning become marks. Returns whether anything was lost.
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
