//! The moment at which a control is given, as positions of a call's legs.
//!
//! Belongs here: from which position on a silence begins, and where it ends, if its frames may still be on their way. Does not: what is done
//! with it.
//!
//! Controls mean the moment at which they are given, on the call's clock. On the connection that carries the call the order of messages says
//! which frames were before it, to the sample. On any other nobody can tell whether what is being said has arrived. So a silence begins there at the
//! earlier and ends at the later of what has arrived of a leg and what the leg's clock says: too much is silent, if anything, never too little.

use std::time::Instant;

use retrocall_core::ring::Ring;
use retrocall_words::audio::{Leg, Rate};

/// A leg of which nothing has arrived for so long, while frames of the other one did, pauses: it is not late.
const PAUSE_SECONDS: u64 = 1;

/// When a control is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Behind the frames that came before it and before all others, on the connection that carries the call.
    InOrder,
    /// At this time, on another connection.
    AtTime(Instant),
}

impl Moment {
    /// Where a silence begins, by leg.
    pub(super) fn begin(self, ring: &Ring, rate: Rate) -> [u64; 2] {
        match self {
            Moment::InOrder => [ring.end(); 2],
            Moment::AtTime(now) => Leg::ALL.map(|leg| ring.frontier(leg).min(ring.clock(leg, now, rate))),
        }
    }

    /// Where a silence ends, by leg.
    pub(super) fn end(self, ring: &Ring, rate: Rate) -> [u64; 2] {
        match self {
            Moment::InOrder => [ring.end(); 2],
            Moment::AtTime(now) => Leg::ALL.map(|leg| ring.frontier(leg).max(ring.clock(leg, now, rate))),
        }
    }

    /// From where the last seconds count back, by leg: where a silence would begin. But a leg that pauses goes by its clock. Where it has arrived
    /// is the end of what was last said on it, long before those seconds perhaps.
    pub(super) fn last(self, ring: &Ring, rate: Rate) -> [u64; 2] {
        let Moment::AtTime(now) = self else { return self.begin(ring, rate) };
        let begin = self.begin(ring, rate);
        Leg::ALL.map(|leg| match ring.pause(leg) > PAUSE_SECONDS * u64::from(rate.hz()) {
            true => ring.clock(leg, now, rate),
            false => begin[leg.index()],
        })
    }

    /// Where a mark belongs, like a key or a press: the furthest that has arrived or is being said on a leg that has said anything.
    pub(super) fn mark(self, ring: &Ring, rate: Rate) -> u64 {
        let end = self.end(ring, rate);
        let heard = Leg::ALL.into_iter().filter(|leg| ring.frontier(*leg) > 0).map(|leg| end[leg.index()]);
        heard.max().unwrap_or(end[0])
    }
}
