//! The moment of a control, as positions on a call's legs.
//!
//! Belongs here: where a silence begins and ends while frames may still be on their way. Does not: what the silence does.
//!
//! A control means the moment at which it is given, on the call's clock. On the connection that carries the call, the order of messages tells
//! exactly which frames came before. On any other connection nobody can tell whether the words being spoken have arrived. So there a silence
//! begins at the earlier and ends at the later of two positions: the end of the arrived audio, and the leg's clock. If in doubt too much is
//! silent, never too little.

use std::time::Instant;

use retrocall_core::ring::Ring;
use retrocall_words::audio::{Leg, Rate};

/// A leg is paused, not late, if nothing of it arrived for this long while frames of the other leg did.
const PAUSE_SECONDS: u64 = 1;

/// When a control is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// On the connection that carries the call: after the frames before it, and before all others.
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

    /// From where the last seconds count back, by leg: where a silence would begin. A paused leg goes by its clock instead, for its arrived audio
    /// may end long before those seconds.
    pub(super) fn last(self, ring: &Ring, rate: Rate) -> [u64; 2] {
        let Moment::AtTime(now) = self else { return self.begin(ring, rate) };
        let begin = self.begin(ring, rate);
        Leg::ALL.map(|leg| match ring.pause(leg) > PAUSE_SECONDS * u64::from(rate.hz()) {
            true => ring.clock(leg, now, rate),
            false => begin[leg.index()],
        })
    }

    /// Where a mark belongs, for example a key or a press: the furthest position of any leg that has said anything.
    pub(super) fn mark(self, ring: &Ring, rate: Rate) -> u64 {
        let end = self.end(ring, rate);
        let heard = Leg::ALL.into_iter().filter(|leg| ring.frontier(*leg) > 0).map(|leg| end[leg.index()]);
        heard.max().unwrap_or(end[0])
    }
}
