//! What was kept, why, and in which order the sample was listened to.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;
use retrocall_words::{CallId, Reason};

use super::finding::{FindingKind, Findings, RowId};
use crate::{
    calls::{CallBegan, CallEnded, RecordingKept},
    deed::{Deed, DeedKind, DeedResult},
    draw::DrawValue,
    event::PeriodOpened,
    names::ItemId,
};

/// A sampled call whose recording is waited for, or waits.
struct Sampled {
    draw: DrawValue,
    day: Date,
    recording: Option<ItemId>,
    /// Whether it has left the queue.
    is_out: bool,
}

/// A call that has not ended.
struct Live {
    day: Option<Date>,
    /// A recording that was kept before the call's end was written.
    kept: Option<(RecordingKept, RowId)>,
}

/// The queue of the sample. Calls of a day join it when its seed is published.
#[derive(Default)]
pub(super) struct Queue {
    days: HashMap<u64, Date>,
    published: BTreeSet<Date>,
    live: HashMap<CallId, Live>,
    /// Calls that were selected, with their reasons.
    selected: HashMap<CallId, Vec<Reason>>,
    sampled: HashMap<CallId, Sampled>,
    calls: HashMap<ItemId, CallId>,
    waiting: BTreeSet<(DrawValue, ItemId)>,
    /// Whether segments before the first one have expired: then what a row refers to may be gone.
    pub is_partial: bool,
}

impl Queue {
    pub fn opened(&mut self, row: &PeriodOpened) {
        self.days.insert(row.period, row.day);
    }

    pub fn began(&mut self, row: &CallBegan) {
        let day = row.period.and_then(|period| self.days.get(&period).copied());
        self.live.insert(row.call, Live { day, kept: None });
    }

    pub fn ended(&mut self, row: &CallEnded, findings: &mut Findings) {
        // One that began in a segment that has expired is not known.
        let Some(Live { day, kept }) = self.live.remove(&row.call) else { return };
        if let (Some(day), Some(draw), true) = (day, row.draw, row.reasons.contains(&Reason::Sample)) {
            self.sampled.insert(row.call, Sampled { draw, day, recording: None, is_out: false });
        }
        if !row.reasons.is_empty() {
            self.selected.insert(row.call, row.reasons.clone());
        }
        if let Some((kept, place)) = kept {
            self.compare(&kept, place, findings);
        }
    }

    pub fn kept(&mut self, row: RecordingKept, place: RowId, findings: &mut Findings) {
        if let Some(live) = self.live.get_mut(&row.call) {
            live.kept = Some((row, place));
        } else {
            self.compare(&row, place, findings);
        }
    }

    /// A recording against its call, which has ended.
    fn compare(&mut self, row: &RecordingKept, place: RowId, findings: &mut Findings) {
        // The call of a segment that has expired is not known.
        let has_reason = match self.selected.get(&row.call) {
            Some(reasons) => !row.reasons.is_empty() && row.reasons.iter().all(|reason| reasons.contains(reason)),
            None => self.is_partial,
        };
        if !has_reason {
            findings.at(FindingKind::KeptWithoutReason, place, "");
        }
        if let Some(sampled) = self.sampled.get_mut(&row.call) {
            sampled.recording = Some(row.recording);
            self.calls.insert(row.recording, row.call);
            if self.published.contains(&sampled.day) && !sampled.is_out {
                self.waiting.insert((sampled.draw, row.recording));
            }
        }
    }

    pub fn published(&mut self, day: Date) {
        self.published.insert(day);
        // One that was heard before, by its id, has left the queue already.
        let sampled = self.sampled.values().filter(|sampled| sampled.day == day && !sampled.is_out);
        self.waiting.extend(sampled.filter_map(|sampled| Some((sampled.draw, sampled.recording?))));
    }

    /// Somebody did something: was it this recording's turn?
    pub fn did(&mut self, row: &Deed, place: RowId, findings: &mut Findings) {
        use DeedKind::{
            Deleted, Deleting, Erased, HandedOut, LetGo, Played, QualityEnded, Restricted, Reviewed, Skipped,
        };
        let Some(recording) = row.recording.filter(|_| row.result == DeedResult::Done) else { return };
        let Some(sampled) = self.calls.get(&recording).and_then(|call| self.sampled.get_mut(call)) else { return };
        let this = (sampled.draw, recording);
        let is_heard =
            matches!(row.deed, HandedOut | Reviewed | Skipped) || row.deed == Played && row.in_turn.is_some();
        if is_heard && !sampled.is_out && self.waiting.first() != Some(&this) {
            let kind = if row.in_turn == Some(false) { FindingKind::HeardOutOfTurn } else { FindingKind::OutOfTurn };
            findings.at(kind, place, "");
        }
        if row.deed == LetGo && self.waiting.last() != Some(&this) {
            findings.at(FindingKind::LetGoOutOfTurn, place, "");
        }
        // One that was only listened to, out of turn, still waits for its outcome.
        let is_settled = is_heard && !(row.deed == Played && row.in_turn == Some(false));
        if is_settled || matches!(row.deed, LetGo | QualityEnded | Restricted | Deleting | Deleted | Erased) {
            sampled.is_out = true;
            self.waiting.remove(&this);
        }
        if row.deed == Deleted
            && let Some(call) = self.calls.remove(&recording)
        {
            self.sampled.remove(&call);
        }
    }
}
