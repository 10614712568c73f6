//! What happened at which moment of a call.

use serde_json::json;

use crate::{audio::Rate, memory::wipe};

/// Marks of one kind that a call can have; the ones after that are answered, and left out.
const MARKS_MAX: usize = 1_000;

/// The moments of a call, as positions in samples.
#[derive(Default)]
pub struct Marks {
    /// Presses of record: the first one selected the call, the others are bookmarks.
    presses: Vec<u64>,
    /// Keys of the phone, as ASCII, in order of their positions. Wiped like audio: people type numbers of cards.
    digits: Vec<(u64, u8)>,
    /// Who talked for the desk from when on.
    transfers: Vec<(u64, String)>,
}

impl Marks {
    pub(super) fn is_pressed(&self) -> bool {
        !self.presses.is_empty()
    }

    /// Notes a press. Whether it was the first one.
    pub(super) fn press(&mut self, at: u64) -> bool {
        let first = self.presses.is_empty();
        push(&mut self.presses, at);
        first
    }

    pub(super) fn digit(&mut self, at: u64, digit: char) {
        if self.digits.capacity() == 0 {
            // A vector that grows leaves its old memory unwiped.
            self.digits.reserve_exact(MARKS_MAX);
        }
        // In order of their positions: one that was told on another connection may be ahead of one that follows on the call's own.
        if self.digits.len() < MARKS_MAX {
            self.digits.insert(self.digits.partition_point(|(before, _)| *before <= at), (at, digit as u8));
        }
    }

    pub(super) fn transfer(&mut self, at: u64, to: &str) {
        push(&mut self.transfers, (at, to.to_owned()));
    }

    /// The call has ended here. What was noted by its clock may lie a little behind: the last frames never came.
    pub(super) fn keep_within(&mut self, end: u64) {
        let digits = self.digits.iter_mut().map(|(at, _)| at);
        let transfers = self.transfers.iter_mut().map(|(at, _)| at);
        self.presses.iter_mut().chain(digits).chain(transfers).for_each(|at| *at = end.min(*at));
    }

    pub(super) fn forget_digits_from(&mut self, from: u64) {
        let kept = self.digits.partition_point(|(at, _)| *at < from);
        wipe(&mut self.digits[kept..]);
        self.digits.truncate(kept);
    }

    /// As JSON for the catalog, positions as seconds.
    pub fn to_json(&self, rate: Rate) -> serde_json::Value {
        let digits = self.digits.iter().map(|(at, digit)| json!([rate.seconds(*at), char::from(*digit).to_string()]));
        let transfers = self.transfers.iter().map(|(at, to)| json!([rate.seconds(*at), to]));
        json!({
            "record": self.presses.iter().map(|at| rate.seconds(*at)).collect::<Vec<_>>(),
            "dtmf": digits.collect::<Vec<_>>(),
            "transfer": transfers.collect::<Vec<_>>(),
        })
    }
}

fn push<T>(marks: &mut Vec<T>, mark: T) {
    if marks.len() < MARKS_MAX {
        marks.push(mark);
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        self.forget_digits_from(0);
    }
}
