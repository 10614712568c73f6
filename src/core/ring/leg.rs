//! What the writer of one leg shares with everybody else: the gate, the frontier, the counters, how late its frames are.

use super::{arrivals::Arrivals, gate::Gate};
use crate::memory::{
    SegmentId,
    sync::{AtomicU32, AtomicU64, Ordering},
};

/// Words of a segment that the ring uses for itself; word 0 is the arena's.
pub(super) mod word {
    /// Link to the next segment of the leg, written before the frontier passes into it.
    pub const NEXT: usize = 1;
    /// Link to the segment before.
    pub const PREVIOUS: usize = 2;
    /// Position of the first sample in the segment.
    pub const FIRST: usize = 3;
    /// Where the first block begins.
    pub const BLOCKS: usize = 4;
}

/// The shared side of a leg. The writer alone stores to all but `gate`. In the order of what a push touches, so that it has one cache
/// line to fetch of a leg that has grown cold among thousands.
#[repr(C)]
pub(super) struct LegShared {
    pub gate: Gate,
    /// The position behind the last sample that readers may see. Everything before it is published.
    pub frontier: AtomicU64,
    /// When the last frame arrived, in samples since the ring was made; 0 if none has. Relaxed: it orders nothing.
    pub arrived: AtomicU64,
    pub counters: Counters,
    pub arrivals: Arrivals,
    /// Link to the leg's first segment ever; written once, before the frontier first moves.
    pub origin: AtomicU64,
}

impl LegShared {
    pub(super) fn new() -> LegShared {
        LegShared {
            gate: Gate::new(),
            frontier: AtomicU64::new(0),
            arrived: AtomicU64::new(0),
            counters: Counters::default(),
            arrivals: Arrivals::new(),
            origin: AtomicU64::new(0),
        }
    }

    /// Acquire pairs with the Release in [`super::LegWriter::push`]: all blocks before the frontier are seen whole.
    pub(super) fn frontier(&self) -> u64 {
        self.frontier.load(Ordering::Acquire)
    }

    pub(super) fn origin(&self) -> Option<SegmentId> {
        SegmentId::from_link(self.origin.load(Ordering::Relaxed))
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Counts of one leg, as atomics that the writer stores to and anybody reads.
        #[derive(Debug, Default)]
        #[repr(C)]
        pub(super) struct Counters { pub peak: AtomicU32, pub segments: AtomicU32, $($(#[$doc])* pub $name: AtomicU64,)+ }

        /// Counts of one leg so far.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct LegCounts {
            $($(#[$doc])* pub $name: u64,)+
            /// The highest sample, without its sign, of the last frame that was held.
            pub peak: u16,
        }

        impl Counters {
            pub(super) fn read(&self) -> LegCounts {
                LegCounts { $($name: self.$name.load(Ordering::Relaxed),)+ peak: self.peak.load(Ordering::Relaxed) as u16 }
            }
        }
    };
}

counters! {
    /// Frames that came and could be held, whatever became of them.
    frames,
    /// Samples that came, also those that were not held because the gate is shut.
    samples,
    /// Places where samples were missing between two frames.
    gaps,
    /// Samples missing at those places.
    gap_samples,
    /// Frames that came late or twice, wholly or in part.
    late_frames,
    /// Samples dropped because they came late or twice.
    late_samples,
    /// Frames of which samples were lost because no memory was left.
    lost_frames,
    /// Frames that were refused before they came here ([`super::LegWriter::refuse`]).
    refused_frames,
    /// The position behind the last sample that was lost; if the leg ends before it, its last part is lost.
    lost_until,
}

/// Adds to a counter that this thread alone stores to: no locked instruction.
pub(super) fn count(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}
