//! The words that the writer of one leg shares with other threads: the gate, the frontier, the counters, the arrivals.
//!
//! Belongs here: those words. Does not: the segments (`segment`).

use super::{arrivals::Arrivals, gate::Gate};
use crate::memory::{
    SegmentId,
    sync::{AtomicU32, AtomicU64, Ordering},
};

/// The shared side of a leg. The writer alone stores to all of it but the gate's state. The fields stand in the order in which a push touches them,
/// so that it fetches one cache line of a leg that has grown cold among thousands.
#[repr(C)]
pub(super) struct LegShared {
    pub gate: Gate,
    /// The position behind the last sample that others may see. It never falls, and never passes the writer's own frontier.
    pub frontier: AtomicU64,
    /// The time of the last arrival, in samples since the ring was made; 0 before the first. Relaxed: it orders nothing.
    pub arrived: AtomicU64,
    pub counters: Counters,
    pub arrivals: Arrivals,
    /// Link to the leg's first segment ever. Stored once, before the frontier first moves.
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

    /// Acquire pairs with the Release in [`super::LegWriter::push`]: whoever loads the frontier sees all blocks before it whole.
    pub(super) fn frontier(&self) -> u64 {
        self.frontier.load(Ordering::Acquire)
    }

    pub(super) fn origin(&self) -> Option<SegmentId> {
        SegmentId::from_link(self.origin.load(Ordering::Relaxed))
    }
}

// One list makes the atomics, the numbers read from them, and the reading.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Counts of one leg, which the writer stores and anybody reads.
        #[derive(Debug, Default)]
        #[repr(C)]
        pub(super) struct Counters { pub peak: AtomicU32, pub segments: AtomicU32, $($(#[$doc])* pub $name: AtomicU64,)+ }

        /// Counts of one leg so far.
        ///
        /// ```
        /// # use std::sync::Arc;
        /// # use retrocall_core::{memory::{Arena, MapError}, ring::Ring};
        /// # use retrocall_words::audio::Leg;
        /// let (ring, [mut agent, _customer]) = Ring::new(Arc::new(Arena::new(1 << 20, true)?));
        /// agent.provision(2);
        /// agent.push(0, &[10, -20]);
        /// agent.push(5, &[1, 2]);
        /// let counts = ring.counts(Leg::Agent);
        /// assert_eq!((counts.frames, counts.samples, counts.gaps, counts.gap_samples), (2, 4, 1, 3));
        /// # Ok::<(), MapError>(())
        /// ```
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct LegCounts {
            $($(#[$doc])* pub $name: u64,)+
            /// The greatest magnitude of a sample in the last frame that was held.
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
    /// Frames that came while the gate was open.
    frames,
    /// Samples that came, also those behind a closed gate.
    samples,
    /// Places where samples were missing between two frames.
    gaps,
    /// Samples missing at those places.
    gap_samples,
    /// Frames that came late or twice, wholly or in part.
    late_frames,
    /// Samples dropped because they came late or twice.
    late_samples,
    /// Frames that lost samples because no memory was left.
    lost_frames,
    /// Frames that were refused before they came here ([`super::LegWriter::refuse`]).
    refused_frames,
    /// The position behind the last sample that was lost. If the leg ends before it, the end of the leg is lost.
    lost_until,
}

/// Adds to a counter that this thread alone stores: no locked instruction.
pub(super) fn count(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}
