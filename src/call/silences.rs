//! Which stretches of a call are silence: masks, holds, what was erased.
//!
//! The ring's gate has room for a few intervals a leg. Those that both legs have passed are forgotten here, overlapping ones are
//! joined, and if too many lie ahead of a leg that lags or never speaks, the two that are nearest to each other become one: what is too much is
//! silence, never audio that somebody asked not to hold.

use crate::{
    audio::Leg,
    ring::{Ring, SPANS_MAX, Span},
};

/// What makes a stretch silence for as long as it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quiet {
    /// Both legs.
    Mask,
    /// The customer, and the agent unless a setting keeps that leg.
    Hold,
}

/// The silent stretches of one call.
#[derive(Debug)]
pub(super) struct Silences {
    keep_agent_on_hold: bool,
    /// Where the mask that is on now began.
    mask: Option<u64>,
    /// Where the hold that is on now began.
    hold: Option<u64>,
    /// Stretches that have ended, per leg, in order of their begin.
    past: [Vec<Span>; 2],
}

impl Silences {
    pub(super) fn new(keep_agent_on_hold: bool) -> Silences {
        Silences { keep_agent_on_hold, mask: None, hold: None, past: [Vec::new(), Vec::new()] }
    }

    fn since(&mut self, quiet: Quiet) -> &mut Option<u64> {
        match quiet {
            Quiet::Mask => &mut self.mask,
            Quiet::Hold => &mut self.hold,
        }
    }

    pub(super) fn is_on(&self, quiet: Quiet) -> bool {
        match quiet {
            Quiet::Mask => self.mask.is_some(),
            Quiet::Hold => self.hold.is_some(),
        }
    }

    fn covers(&self, quiet: Quiet, leg: Leg) -> bool {
        quiet == Quiet::Mask || leg == Leg::Customer || !self.keep_agent_on_hold
    }

    /// Silence from the end of the call on. Returns where it begins; None if it was so already.
    pub(super) fn begin(&mut self, quiet: Quiet, ring: &Ring) -> Option<u64> {
        if self.is_on(quiet) {
            return None;
        }
        let from = ring.end();
        *self.since(quiet) = Some(from);
        self.put_in_force(ring);
        // A frame may have passed between the look at the end and the gate's closing.
        for leg in Leg::ALL.into_iter().filter(|leg| self.covers(quiet, *leg)) {
            ring.erase(leg, from);
        }
        Some(from)
    }

    /// Ends it at the end of the call. Returns where; None if it was not on.
    pub(super) fn end(&mut self, quiet: Quiet, ring: &Ring) -> Option<u64> {
        let from = self.since(quiet).take()?;
        let to = ring.end();
        for leg in Leg::ALL {
            if self.covers(quiet, leg) {
                self.past[leg.index()].push(Span { from, to });
            }
        }
        self.put_in_force(ring);
        Some(to)
    }

    /// Overwrites both legs from `from` to the end of the call, and what may still come for that stretch.
    pub(super) fn erase(&mut self, from: u64, ring: &Ring) {
        for past in &mut self.past {
            past.push(Span { from, to: u64::MAX });
        }
        self.put_in_force(ring);
        let to = Leg::ALL.map(|leg| ring.erase(leg, from)).into_iter().max().unwrap_or(from);
        for past in &mut self.past {
            past.last_mut().expect("the open one swallowed all behind it").to = to;
        }
        self.put_in_force(ring);
    }

    fn put_in_force(&mut self, ring: &Ring) {
        for leg in Leg::ALL {
            let frontier = ring.frontier(leg);
            let past = &mut self.past[leg.index()];
            past.retain(|span| span.to > frontier);
            join(past);
            let mut spans = past.clone();
            let open = [(Quiet::Mask, self.mask), (Quiet::Hold, self.hold)].into_iter();
            let open = open.filter(|(quiet, _)| self.covers(*quiet, leg));
            spans.extend(open.filter_map(|(_, since)| Some(Span { from: since?, to: u64::MAX })));
            join(&mut spans);
            ring.silence(leg, &spans).expect("no more than fit are left");
        }
    }
}

/// Sorts intervals and joins those that overlap or touch; then, while they are too many, the two with the least between them.
fn join(spans: &mut Vec<Span>) {
    spans.sort_by_key(|span| span.from);
    spans.dedup_by(|next, before| {
        let joined = next.from <= before.to;
        if joined {
            before.to = before.to.max(next.to);
        }
        joined
    });
    while spans.len() > SPANS_MAX {
        let between = |at: usize| spans[at + 1].from - spans[at].to;
        let nearest = (0..spans.len() - 1).min_by_key(|at| between(*at)).expect("there are more than one");
        spans[nearest].to = spans[nearest + 1].to;
        spans.remove(nearest + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_joined_and_never_too_many() {
        let span = |from, to| Span { from, to };
        let mut spans = vec![span(50, 60), span(0, 10), span(5, 20), span(20, 30)];
        join(&mut spans);
        assert_eq!(spans, [span(0, 30), span(50, 60)]);
        let mut many: Vec<Span> = (0..20).map(|i| span(i * i, i * i + 1)).collect();
        join(&mut many);
        assert_eq!(many.len(), SPANS_MAX);
        assert!((0..20).all(|i| many.iter().any(|span| (span.from..span.to).contains(&(i * i)))));
        assert_eq!(many.last(), Some(&span(361, 362)));
    }
}
