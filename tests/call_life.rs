//! The life of a call against a plain model: what every control leaves of the audio, to the sample.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::{prelude::*, test_runner::Config};
use retrocall::{
    audio::{Codec, Leg, Rate},
    call::{Done, Facts, LiveCall, Pressed, Rules, Settled},
    memory::Arena,
    protocol::{CallId, Direction, Reason, Refusal},
    ring::{LegWriter, Ring, Span},
};

const RATE_HZ: u32 = 8_000;

#[derive(Debug, Clone)]
enum Step {
    /// Frames of both legs; the customer's comes first or second, and may be shorter, so that a leg lags.
    Frames {
        agent: usize,
        customer: usize,
        customer_first: bool,
    },
    Mask,
    Unmask,
    Hold,
    Resume,
    EraseLast {
        samples: u64,
    },
    Record,
    Object,
    Transfer {
        to: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..400usize, any::<bool>()).prop_map(|(n, first)| Step::Frames { agent: n, customer: n, customer_first: first }),
        2 => (0..300usize, 0..300usize, any::<bool>())
            .prop_map(|(agent, customer, customer_first)| Step::Frames { agent, customer, customer_first }),
        1 => Just(Step::Mask),
        1 => Just(Step::Unmask),
        1 => Just(Step::Hold),
        1 => Just(Step::Resume),
        1 => (1..900u64).prop_map(|samples| Step::EraseLast { samples }),
        1 => Just(Step::Record),
        1 => Just(Step::Object),
        1 => any::<bool>().prop_map(|to| Step::Transfer { to }),
    ]
}

/// What should be left: every sample that was sent, but for those in a silent stretch.
struct Model {
    legs: [Vec<i16>; 2],
    silent: [Vec<Span>; 2],
    mask: Option<u64>,
    hold: Option<u64>,
    keep_agent_on_hold: bool,
    recorded: bool,
    objected: bool,
}

impl Model {
    fn end(&self) -> u64 {
        self.legs.iter().map(|leg| leg.len() as u64).max().unwrap_or(0)
    }

    fn on_hold(&self) -> impl Iterator<Item = usize> + use<> {
        if self.keep_agent_on_hold { 1..2 } else { 0..2 }
    }

    fn expected(&self, leg: usize) -> Vec<i16> {
        let mut out = self.legs[leg].clone();
        out.resize(self.end() as usize, 0);
        let open = |since: Option<u64>| since.map(|from| Span { from, to: u64::MAX });
        let held = open(self.hold).filter(|_| self.on_hold().any(|covered| covered == leg));
        let spans = self.silent[leg].iter().copied().chain(open(self.mask)).chain(held);
        for span in spans {
            let (from, to) = (span.from.min(self.end()) as usize, span.to.min(self.end()) as usize);
            out[from..to].fill(0);
        }
        out
    }
}

fn facts() -> Facts {
    let began_at = Timestamp::now();
    Facts {
        id: CallId::new(),
        agent: "anna".to_owned(),
        customer: None,
        direction: Direction::Inbound,
        rate: Rate::new(RATE_HZ).expect("a rate"),
        codec: Codec::Pcm16,
        began_at,
        day: jiff::civil::date(2026, 11, 24),
        sequence: Some(1),
    }
}

fn arena() -> Arc<Arena> {
    let arena = Arc::new(Arena::new(1 << 20, true).expect("memory for a test"));
    while arena.fault_in_ahead() > 0 {}
    arena
}

fn push(model: &mut Model, writers: &mut [LegWriter; 2], leg: usize, samples: usize) {
    // Never zero, so that silence stands out.
    let at = model.legs[leg].len();
    let frame: Vec<i16> = (at..at + samples).map(|i| (i as i16).wrapping_mul(7) | 1).collect();
    assert!(writers[leg].provision(samples));
    writers[leg].push(at as u64, &frame);
    model.legs[leg].extend(frame);
}

fn quieten(done: Result<Done, Refusal>, since: &mut Option<u64>, end: u64) {
    let expected = if since.is_some() { Done::Already { at: end } } else { Done::Accepted { at: end } };
    assert_eq!(done, Ok(expected));
    since.get_or_insert(end);
}

fn loosen(done: Result<Done, Refusal>, was: Option<u64>, end: u64) -> Option<Span> {
    let expected = if was.is_some() { Done::Accepted { at: end } } else { Done::Already { at: end } };
    assert_eq!(done, Ok(expected));
    was.map(|from| Span { from, to: end })
}

fn take(step: &Step, call: &mut LiveCall, model: &mut Model, writers: &mut [LegWriter; 2]) {
    let end = model.end();
    match *step {
        Step::Frames { agent, customer, customer_first } => {
            let mut legs = [(0, agent), (1, customer)];
            if customer_first {
                legs.reverse();
            }
            for (leg, samples) in legs {
                // A leg that lags by seconds is another test's.
                let samples = if end > model.legs[leg].len() as u64 + 2_000 { samples + 2_000 } else { samples };
                push(model, writers, leg, samples);
            }
        }
        Step::Mask => quieten(call.mask(), &mut model.mask, end),
        Step::Hold => quieten(call.hold(), &mut model.hold, end),
        Step::Unmask => {
            let span = loosen(call.unmask(), model.mask.take(), end);
            model.silent.iter_mut().for_each(|leg| leg.extend(span));
        }
        Step::Resume => {
            let span = loosen(call.resume(), model.hold.take(), end);
            model.on_hold().for_each(|leg| model.silent[leg].extend(span));
        }
        Step::EraseLast { samples } => {
            let from = end.saturating_sub(samples);
            assert_eq!(call.erase_last(samples as f64 / f64::from(RATE_HZ)), Ok(Done::Accepted { at: from }));
            model.silent.iter_mut().for_each(|leg| leg.push(Span { from, to: end }));
        }
        Step::Record => {
            let first = matches!(call.record(), Ok((Done::Accepted { .. }, Pressed::First(_))));
            assert_eq!(first, !model.recorded);
            model.recorded = true;
            assert_eq!(call.private(), Err(Refusal::Recording));
        }
        Step::Object => {
            let first = matches!(call.object(), Done::Accepted { .. });
            assert_eq!(first, !model.objected);
            model.objected = true;
        }
        Step::Transfer { to } => {
            let agent = if to { "bert" } else { "anna" };
            let already = call.agent() == agent;
            assert_eq!(matches!(call.transfer(agent), Ok(Done::Already { .. })), already);
            assert_eq!(call.agent(), agent);
        }
    }
}

fn run(steps: &[Step], drawn: bool, keep_agent_on_hold: bool) {
    let arena = arena();
    let (ring, mut writers) = Ring::new(Arc::clone(&arena));
    let rules = Rules { keep_agent_on_hold, objection_covers_record: false };
    let mut call = LiveCall::begin(facts(), Arc::clone(&ring), drawn, rules);
    let mut model = Model {
        legs: [vec![], vec![]],
        silent: [vec![], vec![]],
        mask: None,
        hold: None,
        keep_agent_on_hold,
        recorded: false,
        objected: false,
    };
    for step in steps {
        while arena.wants_fault_in() {
            arena.fault_in_ahead();
        }
        take(step, &mut call, &mut model, &mut writers);
    }
    let mut reader = ring.reader();
    for leg in Leg::ALL {
        let mut out = vec![-1; model.end() as usize];
        reader.read(leg, 0, &mut out);
        assert_eq!(out, model.expected(leg.index()), "{leg:?}");
    }
    drop(writers);
    let sampled = drawn && !model.objected;
    match call.settle() {
        Settled::Selected(selected) => {
            let mut expected = Vec::new();
            expected.extend(model.recorded.then_some(Reason::OnDemand));
            expected.extend(sampled.then_some(Reason::Sample));
            assert_eq!(selected.reasons(), expected);
            assert!(!expected.is_empty());
            assert_eq!(selected.outcome().samples, model.end());
        }
        Settled::Unselected(unselected) => {
            assert!(!model.recorded && !sampled);
            unselected.wipe();
            assert_eq!(unselected.outcome().samples, model.end());
            assert_eq!(arena.held_bytes(), 0, "nothing is left of a discarded call");
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 300, max_shrink_iters: 2_000, ..Config::default() })]
    #[test]
    fn whatever_is_asked_of_a_call_leaves_the_samples_that_the_model_leaves(
        steps in prop::collection::vec(step(), 1..60),
        drawn in any::<bool>(),
        keep_agent_on_hold in any::<bool>(),
    ) {
        run(&steps, drawn, keep_agent_on_hold);
    }
}

#[test]
fn a_private_call_holds_nothing_takes_nothing_more_and_refuses_record() {
    let arena = arena();
    let (ring, mut writers) = Ring::new(Arc::clone(&arena));
    let mut call = LiveCall::begin(facts(), Arc::clone(&ring), true, Rules::default());
    writers[0].provision(800);
    writers[0].push(0, &[77; 800]);
    assert_eq!(call.private(), Ok(Done::Accepted { at: 800 }));
    assert_eq!(ring.held_bytes(), 0);
    assert_eq!(call.private(), Ok(Done::Already { at: 800 }));
    writers[0].provision(160);
    writers[0].push(800, &[77; 160]);
    assert_eq!(ring.end(), 800);
    assert!(matches!(call.record(), Err(Refusal::Private)));
    assert_eq!(call.erase_last(1.0), Err(Refusal::Private));
    let mut out = [1; 960];
    ring.reader().read(Leg::Agent, 0, &mut out);
    assert_eq!(out, [0; 960]);
    drop(writers);
    assert!(matches!(call.settle(), Settled::Unselected(_)), "not even the draw keeps it");
    assert_eq!(arena.held_bytes(), 0);
}

#[test]
fn an_objection_covers_record_only_where_the_desk_says_so() {
    for (covers, refused) in [(false, false), (true, true)] {
        let (ring, _writers) = Ring::new(arena());
        let rules = Rules { objection_covers_record: covers, ..Rules::default() };
        let mut call = LiveCall::begin(facts(), ring, false, rules);
        call.object();
        assert_eq!(matches!(call.record(), Err(Refusal::Objected)), refused);
    }
}

#[test]
fn after_hangup_a_late_press_still_selects_and_masks_are_refused() {
    let (ring, mut writers) = Ring::new(arena());
    let mut call = LiveCall::begin(facts(), ring, false, Rules::default());
    writers[1].provision(160);
    writers[1].push(0, &[5; 160]);
    call.end();
    writers[1].push(160, &[5; 160]);
    assert_eq!(call.mask(), Err(Refusal::Ended));
    assert_eq!(call.transfer("bert"), Err(Refusal::Ended));
    assert!(matches!(call.record(), Ok((Done::Accepted { at: 160 }, Pressed::First(_)))));
    assert!(matches!(call.settle(), Settled::Selected(_)));
}

#[test]
fn a_leg_that_never_speaks_does_not_run_out_of_masks() {
    let arena = arena();
    let (ring, mut writers) = Ring::new(Arc::clone(&arena));
    let mut call = LiveCall::begin(facts(), Arc::clone(&ring), false, Rules::default());
    for i in 0..100u64 {
        writers[0].provision(160);
        writers[0].push(i * 160, &[9; 160]);
        let done = if i % 2 == 0 { call.mask() } else { call.unmask() };
        assert_eq!(done, Ok(Done::Accepted { at: (i + 1) * 160 }));
    }
    // The customer speaks at last, for the whole call at once: what was masked is silence.
    let late = vec![3; 5_760];
    writers[1].provision(5_760);
    writers[1].push(0, &late);
    let (mut agent, mut customer) = (vec![0; 5_760], vec![0; 5_760]);
    ring.reader().read(Leg::Agent, 0, &mut agent);
    ring.reader().read(Leg::Customer, 0, &mut customer);
    for (i, (agent, customer)) in agent.iter().zip(&customer).enumerate() {
        assert_eq!(*agent, if (i / 160) % 2 == 0 { 9 } else { 0 });
        assert!(*agent != 0 || *customer == 0, "the customer's leg at {i} was masked");
    }
}
