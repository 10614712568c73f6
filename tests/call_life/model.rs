//! What may be asked of a call, and what should be left of it: a plain model.

use proptest::prelude::*;
use retrocall::ring::Span;

use crate::RATE_HZ;

/// Where a control comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum From {
    /// The connection that carries the call.
    Own,
    /// Any other: the button.
    Elsewhere,
}

#[derive(Debug, Clone)]
pub enum Step {
    /// Frames of both legs; the customer's comes first or second, and may be shorter, so that a leg lags. Before they arrive, time passes: as much
    /// as they are long, or less, or more.
    Frames {
        agent: usize,
        customer: usize,
        customer_first: bool,
        passes: u64,
    },
    /// Nothing arrives for so long, in samples. What is said meanwhile comes at once afterwards, or later, or never.
    Stall {
        samples: u64,
    },
    Mask(From),
    Unmask(From),
    Hold(From),
    Resume(From),
    EraseLast {
        samples: u64,
        from: From,
    },
    Key(From),
    Record(From),
    Object,
    Transfer {
        to: bool,
        from: From,
    },
}

/// Any step.
pub fn step() -> impl Strategy<Value = Step> {
    let from = || prop_oneof![Just(From::Own), Just(From::Elsewhere)];
    let passes = || prop_oneof![4 => 0..500u64, 1 => 0..2_000u64, 2 => Just(0)];
    prop_oneof![
        6 => (1..400usize, any::<bool>(), any::<bool>(), passes()).prop_map(|(n, customer_first, on_time, passes)| {
            Step::Frames { agent: n, customer: n, customer_first, passes: if on_time { n as u64 } else { passes } }
        }),
        2 => (0..300usize, 0..300usize, any::<bool>(), passes())
            .prop_map(|(agent, customer, customer_first, passes)| Step::Frames { agent, customer, customer_first, passes }),
        1 => (0..24_000u64).prop_map(|samples| Step::Stall { samples }),
        1 => from().prop_map(Step::Mask),
        1 => from().prop_map(Step::Unmask),
        1 => from().prop_map(Step::Hold),
        1 => from().prop_map(Step::Resume),
        1 => (1..900u64, from()).prop_map(|(samples, from)| Step::EraseLast { samples, from }),
        1 => from().prop_map(Step::Key),
        1 => from().prop_map(Step::Record),
        1 => Just(Step::Object),
        1 => (any::<bool>(), from()).prop_map(|(to, from)| Step::Transfer { to, from }),
    ]
}

/// What should be left: every sample that was sent, but for those in a silent stretch.
pub struct Model {
    pub legs: [Vec<i16>; 2],
    pub silent: [Vec<Span>; 2],
    pub mask: Option<[u64; 2]>,
    pub hold: Option<[u64; 2]>,
    pub keep_agent_on_hold: bool,
    pub recorded: bool,
    pub objected: bool,
    pub keys: Vec<u64>,
    pub no_keys_before: u64,
    /// The time, in samples.
    pub time: u64,
    /// The smallest lag of each leg.
    pub lags: [Option<i64>; 2],
    /// When each leg last arrived.
    pub heard: [u64; 2],
}

impl Model {
    pub fn new(keep_agent_on_hold: bool, time: u64) -> Model {
        Model {
            legs: [vec![], vec![]],
            silent: [vec![], vec![]],
            mask: None,
            hold: None,
            keep_agent_on_hold,
            recorded: false,
            objected: false,
            keys: vec![],
            no_keys_before: 0,
            time,
            lags: [None; 2],
            heard: [0; 2],
        }
    }

    pub fn end(&self) -> u64 {
        self.legs.iter().map(|leg| leg.len() as u64).max().unwrap_or(0)
    }

    pub fn arrived(&self, leg: usize) -> u64 {
        self.legs[leg].len() as u64
    }

    pub fn clock(&self, leg: usize) -> u64 {
        let lag = self.lags[leg].unwrap_or(self.lags[1 - leg].unwrap_or(0).min(0));
        (self.time as i64 - lag).max(0) as u64
    }

    pub fn begin(&self, from: From) -> [u64; 2] {
        match from {
            From::Own => [self.end(); 2],
            From::Elsewhere => [0, 1].map(|leg| self.arrived(leg).min(self.clock(leg))),
        }
    }

    pub fn stop(&self, from: From) -> [u64; 2] {
        match from {
            From::Own => [self.end(); 2],
            From::Elsewhere => [0, 1].map(|leg| self.arrived(leg).max(self.clock(leg))),
        }
    }

    pub fn last(&self, from: From, samples: u64) -> [u64; 2] {
        let begin = self.begin(from);
        let pauses = |leg: usize| self.heard[1 - leg] > self.heard[leg] + u64::from(RATE_HZ);
        let last = |leg: usize| if from == From::Elsewhere && pauses(leg) { self.clock(leg) } else { begin[leg] };
        [0, 1].map(|leg| last(leg).saturating_sub(samples))
    }

    pub fn mark(&self, from: From) -> u64 {
        let stop = self.stop(from);
        (0..2).filter(|leg| !self.legs[*leg].is_empty()).map(|leg| stop[leg]).max().unwrap_or(stop[0])
    }

    pub fn on_hold(&self) -> impl Iterator<Item = usize> + use<> {
        if self.keep_agent_on_hold { 1..2 } else { 0..2 }
    }

    /// From where on something that has arrived becomes silent.
    pub fn silenced(&self, legs: impl Iterator<Item = usize>, from: [u64; 2]) -> Option<u64> {
        legs.filter(|leg| self.arrived(*leg) > from[*leg]).map(|leg| from[leg]).min()
    }

    pub fn expected(&self, leg: usize) -> Vec<i16> {
        let mut out = self.legs[leg].clone();
        out.resize(self.end() as usize, 0);
        let open = |since: Option<[u64; 2]>| since.map(|from| Span { from: from[leg], to: u64::MAX });
        let held = open(self.hold).filter(|_| self.on_hold().any(|covered| covered == leg));
        let spans = self.silent[leg].iter().copied().chain(open(self.mask)).chain(held);
        for span in spans {
            let (from, to) = (span.from.min(self.end()) as usize, span.to.min(self.end()) as usize);
            out[from..to.max(from)].fill(0);
        }
        out
    }
}
