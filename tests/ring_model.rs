//! The ring against a plain model: a `Vec<i16>` for each leg and a list of silent intervals.

use std::sync::Arc;

use proptest::{prelude::*, test_runner::Config};
use retrocall::{
    audio::{Leg, g711::Law},
    memory::{Arena, SEGMENT_BYTES},
    ring::{Hole, LegWriter, Ring, RingReader, Span},
};

/// One step of a call's life.
#[derive(Debug, Clone)]
enum Step {
    /// A frame for a leg, so many samples behind (negative: before) where the leg is, with a character of its own.
    Frame { leg: usize, offset: i64, samples: usize, character: u8, seed: u16 },
    /// From the end of the call on everything is silence.
    Mask,
    /// Up to the end of the call was silence.
    Unmask,
    /// The last samples become silence.
    EraseLast { samples: u64 },
    /// The oldest audio goes.
    DropBefore { part: u8 },
    /// A reader that has followed so far reads on.
    Follow,
}

fn step() -> impl Strategy<Value = Step> {
    let offset = prop_oneof![8 => Just(0), 1 => -400i64..400, 1 => 0i64..5_000];
    let samples = prop_oneof![Just(20usize), Just(80), Just(160), Just(264), Just(960), 1usize..5_760];
    prop_oneof![
        12 => (0..2usize, offset, samples, 0..8u8, any::<u16>())
            .prop_map(|(leg, offset, samples, character, seed)| Step::Frame { leg, offset, samples, character, seed }),
        1 => Just(Step::Mask),
        1 => Just(Step::Unmask),
        1 => (1..3_000u64).prop_map(|samples| Step::EraseLast { samples }),
        1 => any::<u8>().prop_map(|part| Step::DropBefore { part }),
        2 => Just(Step::Follow),
    ]
}

/// Noise that is the same for the same seed.
fn noise(seed: u16) -> impl FnMut() -> i16 {
    let mut state = u32::from(seed) | 1 << 16;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as i16
    }
}

/// The codes of a frame that comes as codes.
fn codes_of(character: u8, seed: u16, count: usize) -> Option<(Law, Vec<u8>)> {
    let law = match character {
        6 => Law::Mu,
        7 => Law::A,
        _ => return None,
    };
    let mut noise = noise(seed);
    Some((law, (0..count).map(|_| noise() as u8).collect()))
}

/// Samples of a character: noise, speech-like, silence, G.711 of both laws, a constant; G.711 of both laws that comes as codes.
fn samples_of(character: u8, seed: u16, count: usize) -> Vec<i16> {
    let mut noise = noise(seed);
    (0..count)
        .map(|i| match character {
            0 => noise(),
            1 => (8_000.0 * (i as f64 / 13.0).sin()) as i16 + noise() % 10,
            2 => 0,
            3 | 6 => Law::Mu.linear(noise() as u8),
            4 | 7 => Law::A.linear(noise() as u8),
            _ => seed as i16,
        })
        .collect()
}

struct Model {
    legs: [Vec<i16>; 2],
    spans: Vec<Span>,
    start: u64,
    /// Stretches for which nothing is held, and whether because it was lost.
    missing: [Vec<(u64, u64, bool)>; 2],
    /// Whether the last frame of a leg was not held to its end.
    loses: [bool; 2],
}

impl Model {
    fn end(&self) -> u64 {
        self.legs.iter().map(|leg| leg.len() as u64).max().unwrap_or(0)
    }

    /// A frame, of which was held what lies before `frontier`: not all of it if memory was short.
    fn push(&mut self, leg: usize, position: u64, samples: &[i16], frontier: u64) {
        let line = &mut self.legs[leg];
        let (begin, end) = (line.len() as u64, position + samples.len() as u64);
        assert!((begin..=end.max(begin)).contains(&frontier), "{begin}, {frontier}, {end}");
        if position > begin && frontier > begin {
            match self.missing[leg].last_mut() {
                Some(last) if last.1 == begin && last.2 == self.loses[leg] => last.1 = position,
                _ => self.missing[leg].push((begin, position, self.loses[leg])),
            }
        }
        line.resize(line.len().max((position.min(frontier)) as usize), 0);
        for at in begin.max(position)..frontier {
            let silent = self.spans.iter().any(|span| (span.from..span.to).contains(&at));
            line.push(if silent { 0 } else { samples[(at - position) as usize] });
        }
        if end > begin {
            self.loses[leg] = frontier < end;
        }
    }
}

struct Real {
    ring: Arc<Ring>,
    writers: [LegWriter; 2],
    reader: RingReader,
    follower: RingReader,
    followed: u64,
}

/// Returns whether anything was lost.
fn run(steps: &[Step], arena_bytes: usize) -> bool {
    let arena = Arc::new(Arena::new(arena_bytes, true).expect("memory for a test"));
    let (ring, writers) = Ring::new(Arc::clone(&arena));
    let (reader, follower) = (ring.reader(), ring.reader());
    let mut real = Real { ring, writers, reader, follower, followed: 0 };
    let mut model =
        Model { legs: [vec![], vec![]], spans: vec![], start: 0, missing: [vec![], vec![]], loses: [false; 2] };
    for step in steps {
        take(step, &arena, &mut real, &mut model);
    }
    for leg in Leg::ALL {
        assert_eq!(real.ring.frontier(leg), model.legs[leg.index()].len() as u64);
        let missing = compare(&mut real.reader, &model, leg, 0, model.end() as usize + 100);
        let expected = model.missing[leg.index()].iter().map(|(from, to, lost)| ((*from).max(model.start), *to, *lost));
        let expected: Vec<_> = expected.filter(|(from, to, _)| from < to).collect();
        assert_eq!(missing, expected, "{leg:?}: which silence is a gap, and which is lost");
    }
    let lost = Leg::ALL.iter().any(|leg| real.ring.counts(*leg).lost_frames > 0);
    assert!(real.ring.wipe() > 0 || model.end() == 0);
    drop(real);
    assert_eq!(arena.held_bytes(), 0, "every segment came back");
    lost
}

fn take(step: &Step, arena: &Arena, real: &mut Real, model: &mut Model) {
    match *step {
        Step::Frame { leg, offset, samples, character, seed } => {
            while arena.wants_fault_in() {
                arena.fault_in_ahead();
            }
            let position = model.legs[leg].len().saturating_add_signed(offset as isize) as u64;
            let frame = samples_of(character, seed, samples);
            let (writer, ring) = (&mut real.writers[leg], &real.ring);
            let lost = ring.counts(Leg::ALL[leg]).lost_frames;
            let has_room = writer.provision(samples);
            match codes_of(character, seed, samples) {
                Some((law, codes)) => writer.push_codes(position, law, &codes),
                None => writer.push(position, &frame),
            }
            let frontier = ring.frontier(Leg::ALL[leg]);
            let all = frontier >= position + samples as u64;
            assert!(all || !has_room, "something was lost though there was room");
            assert_eq!(ring.counts(Leg::ALL[leg]).lost_frames - lost, u64::from(!all));
            model.push(leg, position, &frame, frontier);
        }
        Step::Mask | Step::Unmask | Step::EraseLast { .. } => control(step, real, model),
        Step::DropBefore { part } => {
            let position = model.end() * u64::from(part) / 256;
            model.start = model.start.max(position);
            assert_eq!(real.ring.drop_before(position), model.start);
        }
        Step::Follow => {
            let end = model.end();
            for leg in Leg::ALL {
                compare(&mut real.follower, model, leg, real.followed, (end - real.followed) as usize);
            }
            real.followed = end;
        }
    }
}

fn control(step: &Step, real: &mut Real, model: &mut Model) {
    let end = model.end();
    // What lies behind both legs is spent.
    let reached = model.legs.iter().map(|leg| leg.len() as u64).min().unwrap_or(0);
    let mut spans = model.spans.clone();
    spans.retain(|span| span.to > reached);
    let open = spans.last().is_some_and(|span| span.to == u64::MAX);
    match step {
        Step::Mask if !open => spans.push(Span { from: end, to: u64::MAX }),
        Step::Unmask if open => spans.last_mut().expect("it is open").to = end,
        Step::EraseLast { samples } => {
            let from = end.saturating_sub(*samples);
            let at = spans.len() - usize::from(open);
            spans.insert(at, Span { from, to: end });
        }
        _ => return,
    }
    if Leg::ALL.into_iter().any(|leg| real.ring.silence(leg, &spans).is_err()) {
        // Too many intervals ahead of a leg that lags: back to what was in force.
        for leg in Leg::ALL {
            real.ring.silence(leg, &model.spans).expect("these were in force");
        }
        return;
    }
    if let Step::EraseLast { samples } = step {
        for leg in Leg::ALL {
            let from = end.saturating_sub(*samples);
            real.ring.erase(leg, Span { from, to: end });
            let line = &mut model.legs[leg.index()];
            let from = line.len().min(from as usize);
            line[from..].fill(0);
        }
    }
    model.spans = spans;
}

/// Returns the stretches that are said to be missing.
fn compare(reader: &mut RingReader, model: &Model, leg: Leg, from: u64, samples: usize) -> Vec<(u64, u64, bool)> {
    let mut out = vec![-1; samples];
    let mut noted: Vec<(u64, u64, bool)> = Vec::new();
    // Read in uneven pieces, as a commit may.
    let mut at = 0;
    for piece in [1, 7, 160, 1_000, 4_096].into_iter().cycle() {
        let piece = usize::min(piece, samples - at);
        let note = |Hole { from, to, is_lost }| match noted.last_mut() {
            Some(last) if last.1 == from && last.2 == is_lost => last.1 = to,
            _ => noted.push((from, to, is_lost)),
        };
        reader.read_noting(leg, from + at as u64, &mut out[at..at + piece], note);
        at += piece;
        if at == samples {
            break;
        }
    }
    let line = &model.legs[leg.index()];
    let expected = (from..from + samples as u64).map(|position| match line.get(position as usize) {
        Some(&sample) if position >= model.start => sample,
        _ => 0,
    });
    for (i, expected) in expected.enumerate() {
        assert_eq!(out[i], expected, "{leg:?} at {}", from + i as u64);
    }
    noted
}

proptest! {
    #![proptest_config(Config { cases: 400, max_shrink_iters: 2_000, ..Config::default() })]
    #[test]
    fn whatever_happens_to_a_call_its_ring_holds_what_the_model_holds(steps in prop::collection::vec(step(), 1..80)) {
        assert!(!run(&steps, 1 << 20));
    }

    #[test]
    fn whatever_is_lost_because_memory_is_short_the_rest_of_a_call_is_what_the_model_holds(
        steps in prop::collection::vec(step(), 1..80),
        segments in 2usize..24,
    ) {
        run(&steps, segments * SEGMENT_BYTES);
    }
}

#[test]
fn g711_codes_come_back_as_the_samples_they_stand_for() {
    let arena = Arc::new(Arena::new(1 << 20, true).expect("memory for a test"));
    arena.fault_in_ahead();
    let codes: Vec<u8> = (0..4_000u32).map(|i| (i * i / 7) as u8).collect();
    for law in [Law::Mu, Law::A] {
        let (ring, [mut agent, _customer]) = Ring::new(Arc::clone(&arena));
        for (i, frame) in codes.chunks(160).enumerate() {
            assert!(agent.provision(frame.len()));
            agent.push_codes(i as u64 * 160, law, frame);
        }
        let mut out = vec![0; codes.len()];
        ring.reader().read(Leg::Agent, 0, &mut out);
        assert!(out.iter().zip(&codes).all(|(sample, code)| *sample == law.linear(*code)));
    }
}

#[test]
fn when_memory_is_short_frames_are_lost_and_counted_and_the_rest_stays() {
    let arena = Arc::new(Arena::new(8 * 4096, true).expect("memory for a test"));
    while arena.fault_in_ahead() > 0 {}
    let (ring, [mut agent, _customer]) = Ring::new(Arc::clone(&arena));
    let frame = samples_of(0, 7, 160);
    for i in 0..200 {
        while arena.wants_fault_in() {
            arena.fault_in_ahead();
        }
        agent.provision(160);
        agent.push(i * 160, &frame);
    }
    let counts = ring.counts(Leg::Agent);
    assert!(counts.lost_frames > 50, "{counts:?}");
    let mut out = vec![0; 200 * 160];
    ring.reader().read(Leg::Agent, 0, &mut out);
    let kept = out.chunks(160).filter(|block| *block == frame).count();
    let silent = out.chunks(160).filter(|block| block.iter().all(|sample| *sample == 0)).count();
    assert_eq!((kept + silent, silent), (200, counts.lost_frames as usize));
    assert_eq!((counts.gaps, counts.lost_until), (0, 200 * 160), "what was lost is no gap, and the end is lost too");
}

#[test]
fn what_was_lost_is_told_apart_from_a_gap_and_from_a_silence_that_was_said() {
    let arena = Arc::new(Arena::new(4 * 4096, true).expect("memory for a test"));
    while arena.fault_in_ahead() > 0 {}
    let (ring, [mut agent, mut customer]) = Ring::new(Arc::clone(&arena));
    let (noise, silence) = (samples_of(0, 7, 160), [0; 160]);
    let push = |writer: &mut LegWriter, at: u64, frame: &[i16]| {
        writer.provision(frame.len());
        writer.push(160 * at, frame);
        ring.counts(Leg::Agent).lost_frames
    };
    push(&mut agent, 0, &noise);
    push(&mut agent, 2, &silence);
    push(&mut agent, 3, &silence);
    agent.refuse(160);
    // Late, so that nothing of it is held: what was refused is still to be told of.
    push(&mut agent, 3, &noise);
    push(&mut agent, 5, &noise);
    // Until no memory is left, for the other leg neither.
    let mut at = 6;
    while push(&mut agent, at, &noise) == 0 {
        at += 1;
    }
    push(&mut customer, 0, &silence);
    let mut noted = Vec::new();
    ring.reader().read_noting(Leg::Agent, 0, &mut vec![0; 160 * (at as usize + 9)], |missing| noted.push(missing));
    let missing = |from: u64, to: u64, is_lost| Hole { from: 160 * from, to: 160 * to, is_lost };
    assert_eq!(noted, [missing(1, 2, false), missing(4, 5, true)]);
    let counts = ring.counts(Leg::Agent);
    assert_eq!((counts.gaps, counts.refused_frames, counts.lost_until), (1, 1, 160 * (at + 1)));
    // A leg whose last frame was refused lacks its end.
    customer.refuse(80);
    customer.refuse(80);
    assert_eq!(ring.counts(Leg::Customer).lost_until, 160 + 160);
}
