//! A day of a desk in seconds: the real engine, its real disk and catalog, and a clock of our own.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use jiff::SignedDuration;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use retrocall::{
    audio::{Codec, Rate},
    catalog,
    engine::{Engine, Handover, Listener, StopReport},
    protocol::{Ask, Begin, CallId, Event, Principal, Reason, Refusal, Target, Verdict},
    ring::LegWriter,
    settings::Settings,
    words::{Clock as _, SystemClock, TestClock},
};

const RATE_HZ: u64 = 8_000;
const HOUR_S: u64 = 3_600;
/// Samples of a frame: 100 ms, so that a day does not take all day.
const FRAME: usize = 800;

struct Nobody;

impl Listener for Nobody {
    fn tell(&self, _event: &Event) {}
}

/// The engine and whoever talks to it.
struct Desk {
    engine: Arc<Engine>,
    clock: Arc<TestClock>,
    who: Principal,
    listener: Arc<dyn Listener>,
}

impl Desk {
    fn open(home: &Path, settings: &Settings, wall: &str) -> Desk {
        let clock = Arc::new(TestClock::at(wall.parse().expect("a time")));
        let open = |home: &Path, clock| catalog::open(home, clock, settings.country, settings.one_in);
        let engine = Engine::start_with(home, settings, open, Arc::clone(&clock) as _).expect("an engine");
        let who = Principal::owner(0, "owner".to_owned());
        Desk { engine, clock, who, listener: Arc::new(Nobody) }
    }

    fn begin(&self, agent: &str) -> Handover {
        let begin = Begin::new(agent, Rate::new(RATE_HZ as u32).expect("a rate"), Codec::Pcm16);
        self.engine.begin(&self.who, begin, &self.listener).expect("room for a call")
    }

    fn ask(&self, call: CallId, ask: &Ask) -> Result<Verdict, Refusal> {
        let answer = self.engine.control(&self.who, &Target::Call(call), ask, &self.listener, |_| true).answer;
        answer.reason.map_or(Ok(answer.answer), Err)
    }
}

/// What a leg of a call says at a position: never zero, and different for every call and leg.
fn said(voice: u64, position: u64) -> i16 {
    let mixed = (voice.wrapping_mul(0x9e37_79b9) ^ (position / 7)).wrapping_mul(0x2545_f491_4f6c_dd1d);
    ((mixed >> 59) as i16 - 16) * 2 + 1
}

/// One second of one leg.
fn push(engine: &Engine, writer: &mut LegWriter, voice: u64) {
    let mut frame = [0; FRAME];
    for _ in 0..RATE_HZ / FRAME as u64 {
        let position = writer.position();
        frame.iter_mut().zip(position..).for_each(|(sample, at)| *sample = said(voice, at));
        while !writer.provision(FRAME) {
            // As a thread that reads sockets does after each read.
            engine.fault_in().wake_if_wanted();
            std::thread::yield_now();
        }
        writer.push(position, &frame);
    }
}

/// A call as the test knows it.
struct Talk {
    /// None only while its connection is lost.
    writers: Option<Box<[LegWriter; 2]>>,
    voice: u64,
    left_s: u64,
    length_s: u64,
    pressed: bool,
    private: bool,
    objected: bool,
    masks: Vec<(u64, u64)>,
    mask_since: Option<u64>,
}

/// What should come of it.
struct Expected {
    voice: u64,
    length_s: u64,
    pressed: bool,
    may_be_sampled: bool,
    masks: Vec<(u64, u64)>,
}

fn a_second_of_controls(desk: &Desk, call: CallId, talk: &mut Talk, random: &mut StdRng) {
    let now_s = talk.length_s - talk.left_s;
    match random.random_range(0..2_000u32) {
        0..6 => {
            let verdict = desk.ask(call, &Ask::Record);
            let expected = match (talk.private, talk.pressed) {
                (true, _) => Err(Refusal::Private),
                (false, false) => Ok(Verdict::Accepted),
                (false, true) => Ok(Verdict::Already),
            };
            assert_eq!(verdict, expected);
            talk.pressed |= !talk.private;
        }
        6 => {
            let verdict = desk.ask(call, &Ask::Private);
            assert_eq!(verdict.is_err(), talk.pressed, "{verdict:?}");
            talk.private |= !talk.pressed;
        }
        7 => {
            desk.ask(call, &Ask::Object).expect("an objection is always heard");
            talk.objected = true;
        }
        8..14 if talk.mask_since.is_none() => {
            desk.ask(call, &Ask::Mask).expect("masked");
            talk.mask_since = Some(now_s);
        }
        14..60 => {
            if let Some(since) = talk.mask_since.take() {
                desk.ask(call, &Ask::Unmask).expect("unmasked");
                talk.masks.push((since, now_s));
            }
        }
        60..62 => {
            // The softphone crashes and comes back.
            desk.engine.connection_lost(call, talk.writers.take().expect("it is connected"));
            desk.engine.look_after();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
            let attaching = desk.engine.attach(&desk.who, call, &desk.listener);
            let attached = runtime.block_on(attaching).expect("within the grace time");
            talk.writers = Some(attached.writers);
        }
        _ => {}
    }
}

fn check_file(path: &Path, expected: &Expected) {
    let mut file = hound::WavReader::open(path).expect("a recording");
    assert_eq!(u64::from(file.duration()), expected.length_s * RATE_HZ, "{}", path.display());
    for (i, sample) in file.samples::<i16>().enumerate() {
        let (position, leg) = (i as u64 / 2, i as u64 % 2);
        let second = position / RATE_HZ;
        let masked = expected.masks.iter().any(|(from, to)| (*from..*to).contains(&second));
        let right = if masked { 0 } else { said(expected.voice + leg, position) };
        assert_eq!(sample.expect("a sample"), right, "{} at {position}", path.display());
    }
}

#[test]
fn a_day_with_midnight_clock_steps_and_a_two_hour_call_keeps_the_right_calls_and_counts_them_without_a_gap() {
    let seed: u64 =
        std::env::var("RETROCALL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("seed {seed} (RETROCALL_SEED)");
    let mut random = StdRng::seed_from_u64(seed);
    let home = tempfile::tempdir().expect("a home");
    let settings = Settings { one_in: 10, memory: Some(256 << 20), allow_unlocked: true, ..Settings::default() };
    let desk = Desk::open(home.path(), &settings, "2026-11-23T16:00:00Z");
    let mut live: HashMap<CallId, Talk> = HashMap::new();
    let mut expected: HashMap<CallId, Expected> = HashMap::new();
    let began = SystemClock.now();
    let mut begun = 0;
    for second in 0..24 * HOUR_S {
        if second % (3 * HOUR_S) == 1_000 {
            desk.clock.step_wall(SignedDuration::from_secs(random.random_range(-1_800..1_800)));
        }
        // The last calls begin in time to end.
        let long = second == 6 * HOUR_S;
        if long || (random.random_range(0..240) == 0 && second < 23 * HOUR_S) {
            let carried = desk.begin(&format!("agent-{}", random.random_range(0..40)));
            let length_s = if long { 2 * HOUR_S } else { random.random_range(1..90) };
            begun += 1;
            let talk = Talk {
                writers: Some(carried.writers),
                voice: 2 * begun,
                left_s: length_s,
                length_s,
                pressed: false,
                private: false,
                objected: false,
                masks: vec![],
                mask_since: None,
            };
            live.insert(carried.call.id, talk);
        }
        desk.clock.pass(Duration::from_secs(1));
        live.retain(|call, talk| {
            a_second_of_controls(&desk, *call, talk, &mut random);
            let [agent, customer] = &mut **talk.writers.as_mut().expect("it is connected");
            push(&desk.engine, agent, talk.voice);
            push(&desk.engine, customer, talk.voice + 1);
            talk.left_s -= 1;
            if talk.left_s == 0 {
                let (end, _) = desk.engine.end(*call).expect("it was live");
                assert!(talk.private || end == talk.length_s * RATE_HZ);
                talk.masks.extend(talk.mask_since.map(|since| (since, talk.length_s)));
                let may_be_sampled = !talk.objected && !talk.private;
                let (masks, pressed) = (std::mem::take(&mut talk.masks), talk.pressed);
                let (voice, length_s) = (talk.voice, talk.length_s);
                expected.insert(*call, Expected { voice, length_s, pressed, may_be_sampled, masks });
            }
            talk.left_s > 0
        });
        desk.engine.look_after();
    }
    assert_eq!(desk.engine.stop(Duration::from_secs(60)), StopReport { calls: vec![], is_written: true });
    assert_eq!(desk.engine.arena().held_bytes(), 0, "nothing is held when the day is over");
    check_the_day(home.path(), &expected);
    println!("{} calls of a day in {:.1} s", expected.len(), SystemClock.since(began).as_secs_f64());
}

fn check_the_day(home: &Path, expected: &HashMap<CallId, Expected>) {
    for entry in home.read_dir().expect("a home") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        let is_known = catalog::home_file(&name).is_some() || ["recordings", "engine.lock"].contains(&&*name);
        assert!(is_known, "`{name}` stands in no list of a home's files: who closes it, who deletes it?");
    }
    let rows = catalog::calls(home).expect("a catalog");
    let mut numbers: HashMap<_, Vec<u64>> = HashMap::new();
    for row in &rows {
        numbers.entry(row.day).or_default().push(row.sequence.expect("every call has a number"));
    }
    assert!(numbers.len() >= 2, "the day changed");
    for (day, mut numbers) in numbers {
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "a gap in the numbers of {day}: {numbers:?}");
    }
    let recordings: HashMap<CallId, _> = catalog::recordings(home)
        .expect("a catalog")
        .into_iter()
        .map(|recording| (recording.call, recording))
        .collect();
    assert_eq!(rows.len(), expected.len());
    for row in &rows {
        let expected = &expected[&row.call];
        let kept = recordings.get(&row.call);
        let reasons = kept.map_or(&[][..], |recording| &recording.reasons);
        assert_eq!(reasons.contains(&Reason::OnDemand), expected.pressed);
        assert!(!reasons.contains(&Reason::Sample) || expected.may_be_sampled, "an objection is obeyed");
        if expected.may_be_sampled || expected.pressed {
            assert_eq!(row.seconds, Some(expected.length_s as f64), "lengths don't depend on the wall clock");
        }
        if let Some(recording) = kept {
            check_file(recording.path.as_ref().expect("a file"), expected);
        }
    }
    let files = walk(&home.join("recordings"));
    assert_eq!(files, recordings.len(), "a file for every recording, and no other file");
}

#[test]
fn a_wall_clock_that_is_set_back_lets_no_call_end_before_it_began_and_no_day_begin_again() {
    let home = tempfile::tempdir().expect("a home");
    let settings = Settings { one_in: 0, memory: Some(4 << 20), allow_unlocked: true, ..Settings::default() };
    let desk = Desk::open(home.path(), &settings, "2026-11-24T00:00:10Z");
    let calls: Vec<_> = ["kept", "discarded", "too late"].into_iter().map(|agent| (agent, desk.begin(agent))).collect();
    desk.ask(calls[0].1.call.id, &Ask::Record).expect("it is live");
    desk.clock.pass(Duration::from_secs(5));
    desk.clock.step_wall(SignedDuration::from_hours(-3));
    desk.clock.pass(Duration::from_secs(5));
    let yesterday = desk.begin("yesterday");
    for (_, call) in &calls[..2] {
        desk.engine.end(call.call.id).expect("it is live");
    }
    desk.clock.pass(Duration::from_secs(10));
    desk.engine.stop(Duration::from_secs(60));
    let rows = catalog::calls(home.path()).expect("a catalog");
    let number = rows.iter().find(|row| row.agent == "yesterday").and_then(|row| row.sequence);
    assert_eq!(number, Some(4), "the numbers go on");
    for row in rows {
        let end = row.end.expect("an end");
        let long = match row.agent.as_str() {
            "kept" | "discarded" | "yesterday" => 10,
            _ => 20,
        };
        assert_eq!(end, row.start + SignedDuration::from_secs(long), "{}", row.agent);
        assert_eq!(row.day.to_string(), "2026-11-24", "{}: the day never goes back", row.agent);
    }
    assert_eq!(yesterday.call.began_at.to_string(), "2026-11-23T21:00:20Z");
}

fn walk(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.expect("an entry").path()).map(|path| if path.is_dir() { walk(&path) } else { 1 }).sum()
}
