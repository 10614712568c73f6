//! What should be left of a call, by the contract: per leg a silence begins at the earlier and ends at the later of what has arrived and the leg's
//! clock; on the connection that carries the call the order decides.
//!
//! A control that meets frames on another thread takes place before, between or behind them, and the model lets it: the samples of those frames may be either.
//! All others may not.

use std::ops::AddAssign;

/// A frame, when it arrives.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    pub leg: usize,
    pub samples: u64,
    /// The time, in samples.
    pub arrives: u64,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Mask,
    Unmask,
    Hold,
    Resume,
    EraseLast { samples: u64 },
}

/// When it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Given {
    /// On the connection that carries the call.
    InOrder,
    /// At this time, in samples, which is the clock of both legs.
    At(u64),
}

/// A control that was accepted.
#[derive(Debug, Clone, Copy)]
pub struct Control {
    pub kind: Kind,
    pub given: Given,
    /// How far each leg had arrived before it, and when it had been done.
    pub before: [u64; 2],
    pub after: [u64; 2],
    pub at: u64,
    pub rewrote: bool,
}

/// How much was compared.
#[derive(Debug, Default, Clone, Copy)]
pub struct Seen {
    pub samples: usize,
    /// Of these, samples of which the model lets both pass.
    pub either: usize,
}

impl AddAssign for Seen {
    fn add_assign(&mut self, more: Seen) {
        self.samples += more.samples;
        self.either += more.either;
    }
}

/// What is said at a position. Never zero, so that silence stands out.
pub fn said(position: u64) -> i16 {
    (position as i16).wrapping_mul(7) | 1
}

/// The least and the most that a number can be.
#[derive(Debug, Clone, Copy)]
struct Within {
    least: u64,
    most: u64,
}

impl Within {
    fn map(self, change: impl Fn(u64) -> u64) -> Within {
        Within { least: change(self.least), most: change(self.most) }
    }
}

impl Control {
    fn arrived(&self, leg: usize) -> Within {
        Within { least: self.before[leg], most: self.after[leg] }
    }

    fn ends(&self) -> Within {
        let longer = |legs: [u64; 2]| legs[0].max(legs[1]);
        Within { least: longer(self.before), most: longer(self.after) }
    }

    fn begin(&self, leg: usize) -> Within {
        match self.given {
            Given::InOrder => self.ends(),
            Given::At(time) => self.arrived(leg).map(|arrived| arrived.min(time)),
        }
    }

    fn end(&self, leg: usize) -> Within {
        match self.given {
            Given::InOrder => self.ends(),
            Given::At(time) => self.arrived(leg).map(|arrived| arrived.max(time)),
        }
    }

    /// Where an `erase-last` begins.
    fn last(&self, leg: usize, samples: u64, frames: &[Frame]) -> Within {
        let Within { mut least, mut most } = self.begin(leg);
        if let Given::At(time) = self.given {
            let heard = |leg: usize, end: u64| last_arrival(frames, leg, end);
            let pauses = |own: u64, other: u64| heard(1 - leg, other) > heard(leg, own) + 8_000;
            // It may be found to pause, or certainly is.
            if pauses(self.before[leg], self.after[1 - leg].max(self.before[1 - leg] + 1)) {
                most = most.max(time);
            }
            if pauses(self.after[leg] + 1, self.before[1 - leg]) {
                least = time;
            }
        }
        Within { least, most }.map(|from| from.saturating_sub(samples))
    }
}

/// When the frame of a leg arrived that brought it to `end`, or the first one behind that: it is noted before it is held.
fn last_arrival(frames: &[Frame], leg: usize, end: u64) -> u64 {
    let mut reached = 0;
    let mut arrived = 0;
    for frame in frames.iter().filter(|frame| frame.leg == leg) {
        if reached >= end {
            break;
        }
        reached += frame.samples;
        arrived = frame.arrives;
    }
    arrived
}

/// Stretches of one leg: for certain, and perhaps.
#[derive(Default)]
struct Silent {
    certain: Vec<(u64, u64)>,
    possible: Vec<(u64, u64)>,
}

impl Silent {
    fn add(&mut self, from: Within, to: Within) {
        self.certain.push((from.most, to.least));
        self.possible.push((from.least, to.most));
    }
}

/// Where a control cuts each leg that it covers, and what the answer says of it: the position on the leg where a silence begins first, or ends
/// last. If that can be one leg only, it is exact there.
fn cuts(control: &Control, frames: &[Frame], keep_agent_on_hold: bool) -> [Option<Within>; 2] {
    let is_hold = matches!(control.kind, Kind::Hold | Kind::Resume);
    let is_end = matches!(control.kind, Kind::Unmask | Kind::Resume);
    let mut cuts = [0, 1].map(|leg| match control.kind {
        _ if is_hold && keep_agent_on_hold && leg == 0 => None,
        Kind::EraseLast { samples } => Some(control.last(leg, samples, frames)),
        _ if is_end => Some(control.end(leg)),
        _ => Some(control.begin(leg)),
    });
    let at = control.at;
    let may_be = |cut: &Within| (cut.least..=cut.most).contains(&at);
    let is_beyond = |cut: &Within| if is_end { cut.least > at } else { cut.most < at };
    assert!(cuts.iter().flatten().any(may_be) && !cuts.iter().flatten().any(is_beyond), "{control:?}: {cuts:?}");
    for leg in [0, 1] {
        let other = cuts[1 - leg].filter(may_be);
        if let (Some(cut), None) = (&mut cuts[leg], other) {
            // Frames that arrive while an end is put in force may be silent beyond it.
            *cut = Within { least: at, most: if is_end { cut.most } else { at } };
        }
    }
    cuts
}

/// Compares what a ring holds with what it should.
pub fn check(frames: &[Frame], controls: &[Control], keep_agent_on_hold: bool, held: &[Vec<i16>; 2]) -> Seen {
    let mut seen = Seen::default();
    for (leg, held) in held.iter().enumerate() {
        let end: u64 = frames.iter().filter(|frame| frame.leg == leg).map(|frame| frame.samples).sum();
        let silent = silent_stretches(leg, frames, controls, keep_agent_on_hold);
        let mut expected: Vec<Option<i16>> = (0..end).map(|position| Some(said(position))).collect();
        expected.resize(held.len(), Some(0));
        let range = |(from, to): &(u64, u64)| (*from).min(end) as usize..(*to).min(end).max((*from).min(end)) as usize;
        silent.possible.iter().for_each(|span| expected[range(span)].fill(None));
        silent.certain.iter().for_each(|span| expected[range(span)].fill(Some(0)));
        for (position, (expected, held)) in expected.iter().zip(held).enumerate() {
            match expected {
                Some(expected) => assert_eq!(held, expected, "leg {leg} at {position}: {controls:#?}\n{frames:?}"),
                None => assert!(*held == 0 || *held == said(position as u64), "leg {leg} at {position}"),
            }
        }
        seen += Seen { samples: held.len(), either: expected.iter().filter(|expected| expected.is_none()).count() };
    }
    seen
}

fn silent_stretches(leg: usize, frames: &[Frame], controls: &[Control], keep_agent_on_hold: bool) -> Silent {
    let mut silent = Silent::default();
    let (mut mask, mut hold) = (None, None);
    for control in controls {
        let Some(cut) = cuts(control, frames, keep_agent_on_hold)[leg] else { continue };
        match control.kind {
            Kind::Mask => mask = Some(cut),
            Kind::Hold => hold = Some(cut),
            Kind::Unmask => silent.add(mask.take().expect("it was on"), cut),
            Kind::Resume => silent.add(hold.take().expect("it was on"), cut),
            Kind::EraseLast { .. } => silent.add(cut, control.end(leg)),
        }
    }
    let for_ever = Within { least: u64::MAX, most: u64::MAX };
    mask.into_iter().chain(hold).for_each(|from| silent.add(from, for_ever));
    silent
}
