//! What is left when an engine is killed or stopped in the middle of calls, loses its disk (`disk`), waits for it (`hanging`), has one that lacks something (`limits`), or loses its catalog (`catalog`): the real
//! program, real signals, a real small file system, a really locked database.

mod catalog;
#[path = "../desk/mod.rs"]
mod desk;
mod disk;
mod hanging;
#[path = "../rig/ice.rs"]
mod ice;
mod limits;
mod outside;
#[path = "../rig/mod.rs"]
mod rig;
mod signals;
#[path = "../skip/mod.rs"]
mod skip;

use std::{fs, path::PathBuf, time::Duration};

use nix::sys::signal::Signal;
use rand::{RngExt, rngs::StdRng};
use retrocall::{
    audio::{FRAME_SAMPLES_MAX, Leg},
    catalog::Outcome,
    client::{Client, ClientError},
    protocol::{Ask, CallId, EndedBy, Event, Request, Status, Target},
};
use serde_json::Value;

use desk::{Desk, Home, Line, PATIENCE, Sound, wait_for};
use rig::{RealTime, Traces, head_of};

const TICK: Duration = Duration::from_millis(20);

/// The row of a call in `retrocall recordings --json`.
fn row(home: &Home, call: CallId) -> Option<Value> {
    home.recordings().into_iter().find(|row| row["call"] == call.to_string())
}

/// The row of a call once it says that state.
fn row_when(home: &Home, call: CallId, state: &str) -> Value {
    wait_for("the recording's row", || row(home, call).filter(|row| row["state"] == state))
}

fn path_in(row: &Value) -> PathBuf {
    row["path"].as_str().expect("a path").into()
}

fn status(client: &mut Client) -> Status {
    let answer = client.ask(Request::new(Target::Own, Ask::Status)).expect("an answer");
    answer.status.unwrap_or_else(|| panic!("{:?}", answer.text))
}

/// A call of noise, and how far it was spoken.
struct Talk {
    line: Line,
    sound: Sound,
    spoken: usize,
}

impl Talk {
    fn begin(desk: &Desk, agent: &str, rate: u32, seconds: usize, seed: u64) -> Talk {
        let sound = Sound::noise(rate, seconds * rate as usize, seed);
        Talk { line: Line::begin(desk, agent, rate), sound, spoken: 0 }
    }

    /// Speaks so much, as fast as it goes.
    fn speak(&mut self, seconds: f64) {
        let to = self.spoken + (seconds * f64::from(self.sound.rate)) as usize;
        self.line.talk(&self.sound, self.spoken, to);
        self.spoken = to;
    }

    fn has_said(&self) -> Sound {
        head_of(&self.sound, self.spoken)
    }

    fn call(&self) -> CallId {
        self.line.call
    }
}

#[test]
fn a_killed_engine_has_every_pressed_call_up_to_a_second_before_and_nothing_of_the_others() {
    let (seed, mut random) = rig::random("killed");
    let mut home = Home::new();
    // A drawn call is written at hangup and no sooner: killed before that, it is as lost as the others.
    for (round, one_in) in ["0", "1"].into_iter().enumerate() {
        home = kill_and_recover(home, one_in, seed.wrapping_add(100 * round as u64), &mut random);
    }
    // Once told, once recovered: the next start finds nothing.
    let told = home.log().len();
    let log = home.start(&["--one-in", "0"]).stop().log();
    assert!(!log[told..].contains("was live when") && !log[told..].contains("was being recorded"), "{}", &log[told..]);
}

fn kill_and_recover(home: Home, one_in: &str, seed: u64, random: &mut StdRng) -> Home {
    let desk = home.start(&["--one-in", one_in, "--memory", "16MiB"]);
    let kill_at = random.random_range(2.2..3.2);
    let rates = [8_000, 48_000, 16_000, 8_000, 8_000, 8_000, 16_000];
    // Four are pressed more than a second before the kill, one in the last moment, two never.
    let presses: Vec<f64> = (0..rates.len())
        .map(|call| match call {
            0..4 => random.random_range(0.0..kill_at - 1.0),
            4 => kill_at,
            _ => f64::INFINITY,
        })
        .collect();
    let mut calls: Vec<Talk> = (0..rates.len())
        .map(|call| Talk::begin(&desk, &format!("agent-{call}"), rates[call], 4, seed + call as u64))
        .collect();
    let mut pressed = vec![false; calls.len()];
    let clock = RealTime::begin();
    for tick in 1.. {
        let now = f64::from(tick) * TICK.as_secs_f64();
        clock.wait_until(TICK * tick);
        for (number, talk) in calls.iter_mut().enumerate() {
            talk.speak(TICK.as_secs_f64());
            if presses[number] <= now && !pressed[number] {
                pressed[number] = true;
                talk.line.accepted(Ask::Record);
            }
        }
        if now >= kill_at {
            break;
        }
    }
    let home = desk.kill();
    let told = home.log().len();
    let desk = home.start(&["--one-in", one_in]);
    let log = desk.log()[told..].to_owned();
    let said_of = |talk: &Talk, words: &str| {
        log.lines().any(|line| line.contains(&talk.call().to_string()) && line.contains(words))
    };
    for talk in &calls[..4] {
        assert!(said_of(talk, "was being recorded when the engine stopped"), "{log}");
        is_recovered(&desk, talk);
    }
    match row(&desk, calls[4].call()) {
        // As much as the last moment gave, which may be nothing.
        Some(_) => {
            is_recovered_from_its_begin(&desk, &calls[4]);
        }
        None => assert!(said_of(&calls[4], "was live when the engine stopped"), "{log}"),
    }
    for talk in &calls[5..] {
        assert!(said_of(talk, "was live when the engine stopped: nothing of it had reached the disk"), "{log}");
        assert_eq!(row(&desk, talk.call()), None);
    }
    Traces::of(&[&calls[5].sound, &calls[6].sound]).assert_nowhere(&desk);
    let unfinished = desk.audio_files().into_iter().find(|file| file.extension().is_none_or(|kind| kind != "wav"));
    assert_eq!(unfinished, None);
    let lost = |call: CallId| calls[5..].iter().any(|talk| talk.call() == call);
    let is_lost = |outcome: Outcome| outcome == Outcome::Lost;
    desk.ledger(|rows| rows.iter().filter(|row| lost(row.call) && is_lost(row.outcome)).count() == 2);
    desk.stop()
}

/// A call that was pressed more than a second before the kill: all is there up to a second before.
fn is_recovered(desk: &Desk, talk: &Talk) {
    let samples = is_recovered_from_its_begin(desk, talk);
    let due = talk.spoken - talk.sound.rate as usize;
    assert!(samples >= due, "{samples} samples of {} were recovered, and {due} were due", talk.spoken);
}

/// As much as is there is right, and says what it is. Returns how much that is.
fn is_recovered_from_its_begin(desk: &Desk, talk: &Talk) -> usize {
    let row = row_when(desk, talk.call(), "incomplete");
    assert_eq!(row["reasons"], serde_json::json!(["on-demand"]));
    let path = path_in(&row);
    let recording = Sound::of_recording(&path);
    let samples = recording.len();
    assert!(samples <= talk.spoken);
    assert_eq!(row["seconds"].as_f64(), Some(samples as f64 / f64::from(recording.rate)));
    // The kill may come between the two legs of the last frame.
    let whole = samples.saturating_sub((recording.rate / 50) as usize);
    head_of(&recording, whole).assert_is(&head_of(&talk.sound, whole));
    for leg in Leg::ALL {
        let (got, said) = (&recording.legs[leg.index()][whole..], &talk.sound.legs[leg.index()][whole..samples]);
        assert!(got == said || got.iter().all(|sample| *sample == 0), "the last frame of the {leg:?}");
    }
    let bytes = fs::read(&path).expect("a recording");
    let info = String::from_utf8_lossy(&bytes[..FRAME_SAMPLES_MAX.min(bytes.len())]);
    assert!(info.contains(&format!("call={}", talk.call())) && info.contains("state=incomplete"), "{info}");
    samples
}

#[test]
fn an_engine_that_is_asked_to_stop_completes_the_selected_calls_and_leaves_nothing_of_the_others() {
    let (seed, _) = rig::random("stopped");
    let desk = Desk::open(&["--one-in", "1", "--memory", "16MiB"]);
    let mut calls: Vec<Talk> = (0..4).map(|call| Talk::begin(&desk, "anna", 8_000, 20, seed + call)).collect();
    for talk in &mut calls {
        talk.speak(2.0);
    }
    let [pressed, sampled, objected, private] = &mut calls[..] else { panic!("four calls") };
    pressed.line.accepted(Ask::Record);
    // A drawn call that may not be sampled is one that was not selected.
    objected.line.accepted(Ask::Object);
    private.line.accepted(Ask::Private);
    let before = pressed.spoken;
    for talk in [&mut *sampled, objected, private] {
        talk.speak(1.0);
        // Its answer says that all before it was taken.
        talk.line.accepted(Ask::Transfer { to: "bert".into() });
    }
    desk.signal(Signal::SIGTERM);
    // One goes on talking until it hears that it is over.
    let mut heard = Vec::new();
    while !heard.iter().any(|event| matches!(event, Event::Ended { .. })) && pressed.spoken < pressed.sound.len() - 160
    {
        pressed.speak(0.02);
        heard.extend(pressed.line.client.next_event(TICK).expect("a connection"));
    }
    for (number, talk) in calls.iter_mut().enumerate() {
        let mut heard = if number == 0 { heard.split_off(0) } else { Vec::new() };
        let end = loop {
            match talk.line.client.next_event(PATIENCE) {
                Ok(Some(event)) => heard.push(event),
                Ok(None) => panic!("the engine neither says anything nor closes"),
                Err(end) => break end,
            }
        };
        assert!(matches!(end, ClientError::Closed), "{end}");
        let call = talk.call();
        let stopping = heard.iter().position(|event| *event == Event::Stopping).expect("`stopping`");
        let ended = heard.iter().position(|event| *event == Event::Ended { call, by: EndedBy::Stopping });
        assert!(ended.expect("`ended`") > stopping, "{heard:?}");
        let kept = heard.iter().any(|event| matches!(event, Event::Kept { .. }));
        assert_eq!(kept, number == 0, "only who pressed hears of a recording: {heard:?}");
    }
    let (status, home) = desk.wait();
    assert_eq!(status.code(), Some(0), "{}", home.log());
    let [pressed, sampled, objected, private] = &calls[..] else { panic!("four calls") };
    let recording = Sound::of_recording(&path_in(&row_when(&home, pressed.call(), "complete")));
    assert!((before..=pressed.spoken).contains(&recording.len()), "{} of {}", recording.len(), pressed.spoken);
    // The engine may stop between the two frames of a moment: then the leg whose frame came later ends with silence.
    let mut said = head_of(&pressed.sound, recording.len());
    for (recorded, said) in recording.legs.iter().zip(&mut said.legs) {
        let last = recorded.len() - 160;
        if recorded[last..].iter().all(|sample| *sample == 0) {
            said[last..].fill(0);
        }
    }
    recording.assert_is(&said);
    let row = row_when(&home, sampled.call(), "complete");
    assert_eq!(row["reasons"], serde_json::json!(["sample"]));
    Sound::of_recording(&path_in(&row)).assert_is(&sampled.has_said());
    assert_eq!(home.audio_files().len(), 2);
    Traces::of(&[&objected.sound, &private.sound]).assert_nowhere(&home);
    let outcomes = home.ledger(|rows| rows.len() == 4).iter().map(|row| row.outcome).collect::<Vec<_>>();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Discarded).count(), 2, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Kept).count(), 2, "{outcomes:?}");
}
