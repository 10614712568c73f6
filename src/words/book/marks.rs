//! Events within a recording, in seconds of the call.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::audio::Leg;

/// The most marks of one kind that are written down; further ones are counted.
const MARKS_MAX: usize = 1_000;

/// The events within a recording.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Marks {
    /// Presses of record, with who pressed: the first press selected the call, later ones are bookmarks.
    pub record: Vec<(f64, String)>,
    /// Keys of the phone.
    pub dtmf: Vec<(f64, char)>,
    /// Stretches of a leg for which no samples arrived.
    pub gaps: Vec<LegStretch>,
    /// Stretches that a mask, a hold or an erase-last silenced.
    pub masks: Vec<Silence>,
    /// Stretches of a leg whose samples arrived and were lost.
    pub lost: Vec<LegStretch>,
    /// How many marks were left out because there were too many.
    pub left_out: u64,
}

/// A stretch of one leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LegStretch {
    /// Which leg.
    pub leg: Leg,
    /// Where it begins.
    pub from_seconds: f64,
    /// Where it ends.
    pub to_seconds: f64,
}

/// A stretch that was silenced on request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// What was asked for.
    pub kind: SilenceKind,
    /// Where it begins.
    pub from_seconds: f64,
    /// Where it ends.
    pub to_seconds: f64,
}

crate::words! {
    /// What was asked for.
    pub enum SilenceKind {
        /// A mask.
        Mask = "mask",
        /// A hold.
        Hold = "hold",
        /// An erase-last.
        Erased = "erased",
    }
}

impl Marks {
    /// Drops and counts the marks of one kind beyond the limit.
    pub fn bounded(mut self) -> Marks {
        let Marks { record, dtmf, gaps, masks, lost, left_out } = &mut self;
        let counts = [record.len(), dtmf.len(), gaps.len(), masks.len(), lost.len()];
        *left_out += counts.into_iter().map(|count| count.saturating_sub(MARKS_MAX) as u64).sum::<u64>();
        record.truncate(MARKS_MAX);
        dtmf.truncate(MARKS_MAX);
        gaps.truncate(MARKS_MAX);
        masks.truncate(MARKS_MAX);
        lost.truncate(MARKS_MAX);
        self
    }
}

impl fmt::Debug for Marks {
    /// Prints no digits, because digits that a customer pressed are the customer's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Marks").field("gaps", &self.gaps.len()).field("lost", &self.lost.len()).finish_non_exhaustive()
    }
}
