//! Settled calls, each with its one way out.

use std::{fmt, sync::Arc};

use super::marks::Marks;
use retrocall_core::ring::{LegCounts, Ring, RingReader};
use retrocall_file::Durable;
use retrocall_words::{Call, Reason, book::Origins};

/// The facts of a call that is over.
#[derive(Debug)]
pub struct FinalFacts {
    /// The call.
    pub call: Call,
    /// The agent at the end.
    pub agent: String,
    /// Length of the timeline in samples.
    pub samples: u64,
    /// Where the held audio began: above 0 if the oldest was dropped.
    pub first: u64,
    /// Counts of the legs, agent first.
    pub counts: [LegCounts; 2],
    /// Whether it was private.
    pub private: bool,
    /// Whether the customer objected to training.
    pub objected: bool,
    /// Where these came from, and the first mask.
    pub origins: Origins,
    /// How many samples of it are silence by masks and erasures.
    pub mask_samples: u64,
    /// Whether it was cut off: nobody hung up.
    pub cut_off: bool,
}

/// What becomes of a call.
#[must_use]
pub enum Fate {
    /// It is committed.
    Selected(SelectedCall),
    /// It is discarded.
    Unselected(UnselectedCall),
}

/// A call that is kept. Its memory is released only against the proof that its recording is durable.
#[must_use]
pub struct SelectedCall {
    final_facts: FinalFacts,
    ring: Arc<Ring>,
    reasons: Vec<Reason>,
    marks: Marks,
}

impl SelectedCall {
    pub(super) fn new(final_facts: FinalFacts, ring: Arc<Ring>, reasons: Vec<Reason>, marks: Marks) -> SelectedCall {
        SelectedCall { final_facts, ring, reasons, marks }
    }

    /// Its facts.
    pub fn final_facts(&self) -> &FinalFacts {
        &self.final_facts
    }

    /// The reasons to keep it.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// Its moments.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// A reader for its commit.
    pub fn reader(&self) -> RingReader {
        self.ring.reader()
    }

    /// Wipes its memory; `durable` proves that all of it is on disk. Returns how many of its bytes were ever wiped.
    ///
    /// # Panics If the proof is another call's: this call would be lost.
    pub fn release(self, durable: &Durable) -> usize {
        assert_eq!(durable.call(), self.final_facts.call.id, "a call is released by its own recording alone");
        self.ring.wipe();
        self.ring.wiped_bytes()
    }
}

impl fmt::Debug for SelectedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectedCall").field("call", &self.final_facts.call).field("reasons", &self.reasons).finish()
    }
}

/// A call that is not kept.
#[must_use]
pub struct UnselectedCall {
    final_facts: FinalFacts,
    ring: Arc<Ring>,
}

impl UnselectedCall {
    pub(super) fn new(final_facts: FinalFacts, ring: Arc<Ring>) -> UnselectedCall {
        UnselectedCall { final_facts, ring }
    }

    /// Its facts.
    pub fn final_facts(&self) -> &FinalFacts {
        &self.final_facts
    }

    /// Overwrites all its held audio; doing so again changes nothing. Returns how many of its bytes were ever wiped: a private call is wiped
    /// before its end.
    pub fn wipe(&self) -> usize {
        self.ring.wipe();
        self.ring.wiped_bytes()
    }
}
