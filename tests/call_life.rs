//! The life of a call against a plain model: what every control leaves of the audio, to the sample, whenever its frames arrive and wherever the
//! control comes from. One thing after the other; what races is `interleavings.rs`'s.

#[path = "call_life/model.rs"]
mod model;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use model::{From, Model, Step, step};
use proptest::{prelude::*, test_runner::Config};
use retrocall::{
    audio::{Codec, Leg, Rate},
    call::{Effect, Fate, LiveCall, Moment, PressEffect, Rules},
    memory::Arena,
    protocol::{Call, CallId, Facts, Reason, Refusal},
    ring::{LegWriter, Ring, Span},
    words::{Clock as _, SystemClock},
};
use serde_json::json;

const RATE_HZ: u32 = 8_000;
/// On the connection that carries the call.
const OWN: Moment = Moment::InOrder;

fn rate() -> Rate {
    Rate::new(RATE_HZ).expect("a rate")
}

/// A call that begins.
fn live(ring: Arc<Ring>, drawn: bool, rules: Rules) -> LiveCall {
    let call = Call { id: CallId::new(), facts: Facts::of("anna"), rate: rate(), began_at: SystemClock.wall() };
    LiveCall::begin(call, Codec::Pcm16, ring, drawn, rules)
}

fn arena() -> Arc<Arena> {
    let arena = Arc::new(Arena::new(1 << 20, true).expect("memory for a test"));
    while arena.fault_in_ahead() > 0 {}
    arena
}

/// A call, and the moment from which the model counts its time.
struct Real {
    call: LiveCall,
    writers: [LegWriter; 2],
    base: Instant,
    base_time: u64,
}

impl Real {
    /// The time of the model. Whole samples, so that differences are exact.
    fn now(&self, model: &Model) -> Instant {
        self.base + Duration::from_micros((model.time - self.base_time) * 1_000_000 / u64::from(RATE_HZ))
    }

    fn moment(&self, model: &Model, from: From) -> Moment {
        match from {
            From::Own => Moment::InOrder,
            From::Elsewhere => Moment::AtTime(self.now(model)),
        }
    }
}

fn push(model: &mut Model, real: &mut Real, leg: usize, samples: usize) {
    if samples == 0 {
        return;
    }
    // Never zero, so that silence stands out.
    let at = model.legs[leg].len();
    let frame: Vec<i16> = (at..at + samples).map(|i| (i as i16).wrapping_mul(7) | 1).collect();
    let now = real.now(model);
    let writer = &mut real.writers[leg];
    writer.note_arrival(now, (at + samples) as u64, rate());
    assert!(writer.provision(samples));
    writer.push(at as u64, &frame);
    model.legs[leg].extend(frame);
    let lag = model.time as i64 - (at + samples) as i64;
    model.lags[leg] = Some(model.lags[leg].map_or(lag, |least| least.min(lag)));
    model.heard[leg] = model.time;
}

fn quieten(
    done: Result<Effect, Refusal>,
    since: Option<[u64; 2]>,
    legs: &[usize],
    from: [u64; 2],
    model: &Model,
) -> Option<[u64; 2]> {
    let at = legs.iter().map(|leg| from[*leg]).min().expect("a leg");
    let silenced = model.silenced(legs.iter().copied(), from);
    let expected =
        if since.is_some() { Effect::Already { at: model.end() } } else { Effect::Accepted { at, silenced } };
    assert_eq!(done, Ok(expected));
    since.or(Some(from))
}

fn loosen(
    done: Result<Effect, Refusal>,
    since: Option<[u64; 2]>,
    legs: &[usize],
    to: [u64; 2],
    model: &mut Model,
) -> Option<u64> {
    let at = legs.iter().map(|leg| to[*leg]).max().expect("a leg");
    let Some(from) = since else {
        assert_eq!(done, Ok(Effect::Already { at: model.end() }));
        return None;
    };
    assert_eq!(done, Ok(Effect::Accepted { at, silenced: None }));
    legs.iter().for_each(|leg| model.silent[*leg].push(Span { from: from[*leg], to: to[*leg] }));
    Some(at)
}

fn take(step: &Step, real: &mut Real, model: &mut Model) {
    match *step {
        Step::Frames { agent, customer, customer_first, passes } => {
            model.time += passes;
            let end = model.end();
            let mut legs = [(0, agent), (1, customer)];
            if customer_first {
                legs.reverse();
            }
            for (leg, samples) in legs {
                // A leg that lags by seconds is another test's.
                let samples = if end > model.arrived(leg) + 2_000 { samples + 2_000 } else { samples };
                push(model, real, leg, samples);
            }
        }
        // Lags are remembered for half a minute.
        Step::Stall { samples } if model.time - real.base_time + samples < 200_000 => model.time += samples,
        Step::Stall { .. } => {}
        Step::Mask(from) => {
            let moment = real.moment(model, from);
            model.mask = quieten(real.call.mask(moment), model.mask, &[0, 1], model.begin(from), model);
        }
        Step::Hold(from) => {
            let (moment, legs) = (real.moment(model, from), model.on_hold().collect::<Vec<_>>());
            model.hold = quieten(real.call.hold(moment), model.hold, &legs, model.begin(from), model);
        }
        Step::Unmask(from) => {
            let (moment, since) = (real.moment(model, from), model.mask.take());
            let ended = loosen(real.call.unmask(moment), since, &[0, 1], model.stop(from), model);
            model.no_keys_before = model.no_keys_before.max(ended.unwrap_or(0));
        }
        Step::Resume(from) => {
            let (moment, since) = (real.moment(model, from), model.hold.take());
            let legs: Vec<_> = model.on_hold().collect();
            loosen(real.call.resume(moment), since, &legs, model.stop(from), model);
        }
        Step::EraseLast { samples, from } => {
            let (begin, stop) = (model.last(from, samples), model.stop(from));
            let done = real.call.erase_last(samples as f64 / f64::from(RATE_HZ), real.moment(model, from));
            let (at, silenced) = (begin[0].min(begin[1]), model.silenced(0..2, begin));
            assert_eq!(done, Ok(Effect::Accepted { at, silenced }));
            (0..2).for_each(|leg| model.silent[leg].push(Span { from: begin[leg], to: stop[leg] }));
            model.keys.retain(|key| *key < at);
            model.no_keys_before = model.no_keys_before.max(stop[0]).max(stop[1]);
        }
        _ => mark(step, real, model),
    }
}

fn mark(step: &Step, real: &mut Real, model: &mut Model) {
    match *step {
        Step::Key(from) => {
            let (moment, at) = (real.moment(model, from), model.mark(from));
            assert_eq!(real.call.dtmf('5', moment), Ok(Effect::Accepted { at, silenced: None }));
            if model.mask.is_none() && at >= model.no_keys_before {
                model.keys.push(at);
                model.keys.sort_unstable();
            }
        }
        Step::Record(from) => {
            let (moment, at) = (real.moment(model, from), model.mark(from));
            let (done, pressed) = real.call.record(moment).expect("it is not private");
            let first = Effect::Accepted { at, silenced: None };
            assert_eq!(done, if model.recorded { Effect::Already { at } } else { first });
            assert_eq!(matches!(pressed, PressEffect::First(_)), !model.recorded);
            model.recorded = true;
            assert_eq!(real.call.private(), Err(Refusal::Recording));
        }
        Step::Object => {
            let first = matches!(real.call.object(), Effect::Accepted { .. });
            assert_eq!(first, !model.objected);
            model.objected = true;
        }
        Step::Transfer { to, from } => {
            let agent = if to { "bert" } else { "anna" };
            let already = real.call.agent() == agent;
            let done = real.call.transfer(agent, real.moment(model, from));
            assert_eq!(matches!(done, Ok(Effect::Already { .. })), already);
            assert_eq!(real.call.agent(), agent);
        }
        _ => unreachable!("it leaves no mark"),
    }
}

fn run(steps: &[Step], drawn: bool, keep_agent_on_hold: bool) {
    let arena = arena();
    let (ring, writers) = Ring::new(Arc::clone(&arena));
    let rules = Rules { keep_agent_on_hold, ..Rules::default() };
    let call = live(Arc::clone(&ring), drawn, rules);
    let base = SystemClock.now();
    // While nothing has arrived, a leg's clock is the time.
    let base_time = ring.clock(Leg::Agent, base, rate());
    let mut real = Real { call, writers, base, base_time };
    let mut model = Model::new(keep_agent_on_hold, base_time);
    for step in steps {
        while arena.wants_fault_in() {
            arena.fault_in_ahead();
        }
        take(step, &mut real, &mut model);
    }
    let mut reader = ring.reader();
    for leg in Leg::ALL {
        let mut out = vec![-1; model.end() as usize];
        reader.read(leg, 0, &mut out);
        assert_eq!(out, model.expected(leg.index()), "{leg:?}");
    }
    let Real { call, writers, .. } = real;
    drop(writers);
    let sampled = drawn && !model.objected;
    match call.settle() {
        Fate::Selected(selected) => {
            let mut expected = Vec::new();
            expected.extend(model.recorded.then_some(Reason::OnDemand));
            expected.extend(sampled.then_some(Reason::Sample));
            assert_eq!(selected.reasons(), expected);
            assert!(!expected.is_empty());
            assert_eq!(selected.final_facts().samples, model.end());
            let keys = model.keys.iter().map(|at| json!([rate().seconds(model.end().min(*at)), "5"]));
            assert_eq!(json!(selected.marks().digits(rate())), json!(keys.collect::<Vec<_>>()));
        }
        Fate::Unselected(unselected) => {
            assert!(!model.recorded && !sampled);
            unselected.wipe();
            assert_eq!(unselected.final_facts().samples, model.end());
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
    let mut call = live(Arc::clone(&ring), true, Rules::default());
    writers[0].provision(800);
    writers[0].push(0, &[77; 800]);
    assert_eq!(call.private(), Ok(Effect::Accepted { at: 800, silenced: None }));
    assert_eq!(ring.held_bytes(), 0);
    assert_eq!(call.private(), Ok(Effect::Already { at: 800 }));
    writers[0].provision(160);
    writers[0].push(800, &[77; 160]);
    assert_eq!(ring.end(), 800);
    assert!(matches!(call.record(OWN), Err(Refusal::Private)));
    assert_eq!(call.erase_last(1.0, OWN), Err(Refusal::Private));
    let mut out = [1; 960];
    ring.reader().read(Leg::Agent, 0, &mut out);
    assert_eq!(out, [0; 960]);
    drop(writers);
    assert!(matches!(call.settle(), Fate::Unselected(_)), "not even the draw keeps it");
    assert_eq!(arena.held_bytes(), 0);
}

#[test]
fn an_objection_covers_record_only_where_the_desk_says_so() {
    for (covers, refused) in [(false, false), (true, true)] {
        let (ring, _writers) = Ring::new(arena());
        let rules = Rules { objection_covers_record: covers, ..Rules::default() };
        let mut call = live(ring, false, rules);
        call.object();
        assert_eq!(matches!(call.record(OWN), Err(Refusal::Objected)), refused);
    }
}

#[test]
fn after_hangup_a_late_press_still_selects_and_masks_are_refused() {
    let (ring, mut writers) = Ring::new(arena());
    let mut call = live(ring, false, Rules::default());
    writers[1].provision(160);
    writers[1].push(0, &[5; 160]);
    call.end();
    writers[1].push(160, &[5; 160]);
    assert_eq!(call.mask(OWN), Err(Refusal::Ended));
    assert_eq!(call.transfer("bert", OWN), Err(Refusal::Ended));
    assert!(matches!(call.record(OWN), Ok((Effect::Accepted { at: 160, silenced: None }, PressEffect::First(_)))));
    assert!(matches!(call.settle(), Fate::Selected(_)));
}

#[test]
fn a_leg_that_never_speaks_does_not_run_out_of_masks() {
    let arena = arena();
    let (ring, mut writers) = Ring::new(Arc::clone(&arena));
    let mut call = live(Arc::clone(&ring), false, Rules::default());
    for i in 0..100u64 {
        writers[0].provision(160);
        writers[0].push(i * 160, &[9; 160]);
        let done = if i % 2 == 0 { call.mask(OWN) } else { call.unmask(OWN) };
        assert_eq!(done, Ok(Effect::Accepted { at: (i + 1) * 160, silenced: None }));
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

#[test]
fn a_drawn_call_that_is_objected_to_or_made_private_leaves_the_reserve_to_those_that_are_kept() {
    for private in [false, true] {
        let arena = arena();
        // Somebody else holds all there is, but for the reserve.
        let (_filler, mut fillers) = Ring::new(Arc::clone(&arena));
        let noise: Vec<i16> = (0..1_600i32).map(|i| (i * 7_919 % 20_011) as i16).collect();
        let mut at = 0;
        while fillers[0].provision(1_600) {
            fillers[0].push(at, &noise);
            at += 1_600;
        }
        let (ring, mut writers) = Ring::new(Arc::clone(&arena));
        let mut call = live(Arc::clone(&ring), true, Rules::default());
        assert!(writers[0].provision(160), "a drawn call may use the reserve");
        let _ = if private { call.private() } else { Ok(call.object()) };
        assert!(!writers[1].provision(160), "and does no longer");
    }
}
