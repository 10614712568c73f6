//! The silent stretches of a call: masks, holds, erased audio.
//!
//! Belongs here: which silences are in force, in the ring and for keys. Does not: where a silence begins and ends (`moment`), files.
//!
//! The ring's gate has room for a few intervals a leg. Intervals that a leg has passed are forgotten, and overlapping ones are joined. If too many
//! lie ahead of a leg that lags or never speaks, the two nearest to each other become one: too much is silent then, never too little.
//!
//! A change is put in force first; then the held audio is overwritten, because a frame can pass between the look at the leg's end and the closing
//! of the gate. If audio that had arrived became silent, the change says from where on: a commit may have written it meanwhile.

use retrocall_core::ring::{Ring, SPANS_MAX, Span};
use retrocall_words::audio::Leg;

/// Secret stretches that are remembered one by one.
const SECRET_MAX: usize = 1_000;

/// Why a stretch is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quiet {
    /// Silences both legs.
    Mask,
    /// Silences the customer, and the agent unless a setting keeps that leg.
    Hold,
}

/// The silent stretches of one call.
#[derive(Debug)]
pub(super) struct Silences {
    keep_agent_on_hold: bool,
    /// Where the current mask began, by leg.
    mask: Option<[u64; 2]>,
    /// Where the current hold began, by leg.
    hold: Option<[u64; 2]>,
    /// Stretches that have ended, per leg, ordered by begin.
    past: [Vec<Span>; 2],
    /// The end of the last stretch that hides even keys: a mask, or erased audio.
    secret_until: u64,
    /// All stretches that do, where both legs' are one, in order and apart; and how long those are that are remembered no more.
    secret: Vec<Span>,
    secret_before: u64,
}

/// The reach of a control that silences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// Where the silence begins, on the leg where that is earliest; or where it ended, on the leg where that is latest.
    pub at: u64,
    /// From here on, audio that had arrived became silent. A commit may have written it.
    pub silenced: Option<u64>,
}

impl Silences {
    pub(super) fn new(keep_agent_on_hold: bool) -> Silences {
        Silences {
            keep_agent_on_hold,
            mask: None,
            hold: None,
            past: [Vec::new(), Vec::new()],
            secret_until: 0,
            secret: Vec::new(),
            secret_before: 0,
        }
    }

    fn since(&mut self, quiet: Quiet) -> &mut Option<[u64; 2]> {
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

    /// Whether a key pressed here must stay unknown: it may belong to a card number.
    pub(super) fn hides_keys(&self, at: u64) -> bool {
        self.is_on(Quiet::Mask) || at < self.secret_until
    }

    /// The legs that this silences.
    fn covered(&self, quiet: Quiet) -> &'static [Leg] {
        match quiet {
            Quiet::Hold if self.keep_agent_on_hold => &[Leg::Customer],
            Quiet::Hold | Quiet::Mask => &Leg::ALL,
        }
    }

    /// Begins a silence at these positions. None if it was on already.
    pub(super) fn begin(&mut self, quiet: Quiet, from: [u64; 2], ring: &Ring) -> Option<Cut> {
        if self.is_on(quiet) {
            return None;
        }
        *self.since(quiet) = Some(from);
        self.put_in_force(ring);
        let spans = self.covered(quiet).iter().map(|leg| (*leg, Span { from: from[leg.index()], to: u64::MAX }));
        Some(erase(spans, ring))
    }

    /// Ends it at these positions. None if it was not on.
    pub(super) fn end(&mut self, quiet: Quiet, to: [u64; 2], ring: &Ring) -> Option<Cut> {
        let from = self.since(quiet).take()?;
        let mut at = 0;
        for leg in self.covered(quiet) {
            let (from, to) = (from[leg.index()], to[leg.index()]);
            self.past[leg.index()].push(Span { from, to });
            at = at.max(to);
        }
        if quiet == Quiet::Mask {
            self.secret_until = self.secret_until.max(at);
            self.note_secret(Span { from: from[0].min(from[1]), to: at });
        }
        self.put_in_force(ring);
        Some(Cut { at, silenced: None })
    }

    /// Silences only what lies between these positions, whether it has arrived or not.
    pub(super) fn erase(&mut self, from: [u64; 2], to: [u64; 2], ring: &Ring) -> Cut {
        let spans = Leg::ALL.map(|leg| (leg, Span { from: from[leg.index()], to: to[leg.index()] }));
        for (leg, span) in spans {
            self.past[leg.index()].push(span);
            self.secret_until = self.secret_until.max(span.to);
        }
        self.note_secret(Span { from: from[0].min(from[1]), to: to[0].max(to[1]) });
        self.put_in_force(ring);
        erase(spans.into_iter(), ring)
    }

    fn note_secret(&mut self, span: Span) {
        self.secret.push(span);
        merge(&mut self.secret);
        if self.secret.len() > SECRET_MAX {
            let oldest = self.secret.drain(..SECRET_MAX / 2);
            self.secret_before += oldest.map(|span| span.to - span.from).sum::<u64>();
        }
    }

    /// How many samples of a call that ends here are masked or erased.
    pub(super) fn secret_samples(&self, end: u64) -> u64 {
        let mut all = self.secret.clone();
        all.extend(self.mask.map(|from| Span { from: from[0].min(from[1]), to: end }));
        merge(&mut all);
        self.secret_before + all.iter().map(|span| span.to.min(end).saturating_sub(span.from)).sum::<u64>()
    }

    fn put_in_force(&mut self, ring: &Ring) {
        let open =
            [(Quiet::Mask, self.mask), (Quiet::Hold, self.hold)].map(|(quiet, since)| (self.covered(quiet), since));
        for leg in Leg::ALL {
            let frontier = ring.frontier(leg);
            let past = &mut self.past[leg.index()];
            past.retain(|span| span.to > frontier);
            join(past);
            let mut spans = past.clone();
            let open = open.iter().filter(|(covered, _)| covered.contains(&leg));
            spans.extend(open.filter_map(|(_, since)| Some(Span { from: since.as_ref()?[leg.index()], to: u64::MAX })));
            join(&mut spans);
            ring.silence(leg, &spans).expect("no more than fit are left");
        }
    }
}

/// Overwrites audio of these spans that passed the gate before they were in force.
fn erase(spans: impl Iterator<Item = (Leg, Span)>, ring: &Ring) -> Cut {
    let mut cut = Cut { at: u64::MAX, silenced: None };
    for (leg, span) in spans {
        cut.at = cut.at.min(span.from);
        if ring.erase(leg, span) > span.from {
            cut.silenced = Some(cut.silenced.unwrap_or(u64::MAX).min(span.from));
        }
    }
    cut
}

/// Sorts intervals and joins those that overlap or touch.
fn merge(spans: &mut Vec<Span>) {
    spans.sort_by_key(|span| span.from);
    spans.dedup_by(|next, before| {
        let joined = next.from <= before.to;
        if joined {
            before.to = before.to.max(next.to);
        }
        joined
    });
}

/// The same; then, while there are too many, joins the two with the smallest distance.
fn join(spans: &mut Vec<Span>) {
    merge(spans);
    while spans.len() > SPANS_MAX {
        let between = |at: usize| spans[at + 1].from - spans[at].to;
        let nearest = (0..spans.len() - 1).min_by_key(|at| between(*at)).expect("there are more than one");
        spans[nearest].to = spans[nearest + 1].to;
        spans.remove(nearest + 1);
    }
}

#[cfg(all(test, not(loom)))]
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

    #[test]
    fn what_is_masked_twice_counts_once_however_often_that_happens() {
        let mut silences = Silences::new(false);
        for (from, to) in [(100, 200), (150, 250), (400, 500), (0, 50)] {
            silences.note_secret(Span { from, to });
        }
        assert_eq!(silences.secret_samples(1_000), 300);
        assert_eq!(silences.secret_samples(450), 250);
        silences.mask = Some([480, 470]);
        assert_eq!(silences.secret_samples(1_000), 800);
        let mut silences = Silences::new(false);
        (0..5_000).for_each(|at| silences.note_secret(Span { from: 10 * at, to: 10 * at + 3 }));
        assert_eq!(silences.secret_samples(u64::MAX), 15_000);
        assert!(silences.secret.len() <= SECRET_MAX);
    }
}
