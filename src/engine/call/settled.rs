//! A call of which it is settled what becomes of it: one way out each.

use std::{fmt, sync::Arc};

use super::marks::Marks;
use retrocall_core::ring::{LegCounts, Ring, RingReader};
use retrocall_file::Durable;
use retrocall_words::{Call, Reason};

/// What is known of a call when it is over.
#[derive(Debug)]
pub struct Outcome {
    /// The call.
    pub call: Call,
    /// Who talked for the desk at the end.
    pub agent: String,
    /// Length of the timeline in samples.
    pub samples: u64,
    /// Where the held audio began: over 0 if the oldest was dropped.
    pub first: u64,
    /// Counts of the legs, agent first.
    pub counts: [LegCounts; 2],
    /// Whether it was private.
    pub private: bool,
    /// Whether the customer objected to training.
    pub objected: bool,
    /// Whether it was cut off: nobody hung up.
    pub cut_off: bool,
}

/// What becomes of a call.
#[must_use]
pub enum Settled {
    /// It is committed.
    Selected(SelectedCall),
    /// It is discarded.
    Unselected(UnselectedCall),
}

/// A call that is kept. Its memory goes only against the proof that its recording is durable.
#[must_use]
pub struct SelectedCall {
    outcome: Outcome,
    ring: Arc<Ring>,
    reasons: Vec<Reason>,
    marks: Marks,
}

impl SelectedCall {
    pub(super) fn new(outcome: Outcome, ring: Arc<Ring>, reasons: Vec<Reason>, marks: Marks) -> SelectedCall {
        SelectedCall { outcome, ring, reasons, marks }
    }

    /// What is known of it.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Why it is kept.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// What happened when.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// What a commit reads.
    pub fn reader(&self) -> RingReader {
        self.ring.reader()
    }

    /// Wipes its memory, now that `durable` proves that all of it is on disk. Returns the bytes that were wiped of it, ever.
    ///
    /// # Panics
    /// If the proof is that of another call: that would lose this one.
    pub fn release(self, durable: &Durable) -> usize {
        assert_eq!(durable.call(), self.outcome.call.id, "a call is released by its own recording alone");
        self.ring.wipe();
        self.ring.wiped_bytes()
    }
}

impl fmt::Debug for SelectedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectedCall").field("call", &self.outcome.call).field("reasons", &self.reasons).finish()
    }
}

/// A call that is not kept.
#[must_use]
pub struct UnselectedCall {
    outcome: Outcome,
    ring: Arc<Ring>,
}

impl UnselectedCall {
    pub(super) fn new(outcome: Outcome, ring: Arc<Ring>) -> UnselectedCall {
        UnselectedCall { outcome, ring }
    }

    /// What is known of it.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Overwrites all that was held of it; doing so again changes nothing. Returns how many bytes were wiped of it, ever: what a private call
    /// held goes before its end.
    pub fn wipe(&self) -> usize {
        self.ring.wipe();
        self.ring.wiped_bytes()
    }
}
