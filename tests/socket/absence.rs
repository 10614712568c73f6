//! Clients that vanish: back within the grace time they go on with the same call, beyond it they have hung up.

use std::{net::Shutdown, path::PathBuf};

use retrocall::{
    audio::Leg,
    protocol::{Ask, CallId, EndedBy, Event, Request, Target, Verdict},
};
use serde_json::{Value, json};

use crate::{
    begin,
    desk::{Desk, Line, PATIENCE, Sound, wait_for},
    rig::{self, Raw, Traces, frame},
};

/// Takes a call over, as soon as the engine has noticed that its connection is gone.
fn attach(raw: &mut Raw, call: &Value) -> Value {
    let request = json!({"do": "attach", "call": call});
    wait_for("a call to take over", || Some(raw.ask(&request)).filter(|answer| answer["reason"] != "connected"))
}

#[test]
fn a_client_that_vanishes_and_comes_back_goes_on_with_the_same_call_and_the_gap_is_silence() {
    let (seed, _) = rig::random("vanished");
    let desk = Desk::open_with("grace = \"60s\"\n", &["--one-in", "0"]);
    let sound = Sound::noise(8_000, 24_000, seed);
    let speak = |raw: &mut Raw, channel: u32, from: usize, to: usize| {
        for start in (from..to).step_by(160) {
            for leg in Leg::ALL {
                raw.frame(leg, channel, start as u64, &sound.legs[leg.index()][start..start + 160]);
            }
        }
    };
    let mut first = Raw::connect(desk.socket());
    let call = first.ask(&begin("anna"))["call"].clone();
    speak(&mut first, 0, 0, 8_000);
    assert_eq!(first.ask(&json!({"do": "record"}))["answer"], "accepted");
    // It has its connection, and nobody can take it.
    let mut second = Raw::connect(desk.socket());
    assert_eq!(second.ask(&json!({"do": "attach", "call": call}))["reason"], "connected");
    // Gone in the middle of a frame.
    first.send(&frame(Leg::Agent, 0, 8_000, &sound.legs[0][8_000..8_160])[..100]).expect("half a frame");
    drop(first);
    let attached = attach(&mut second, &call);
    assert_eq!((&attached["positions"], &attached["channel"]), (&json!([8_000, 8_000]), &0.into()), "{attached}");
    speak(&mut second, 0, 12_000, 16_000);
    assert_eq!(second.ask(&json!({"do": "record"}))["answer"], "already");
    // The next one ends by its own fault, and the call waits all the same.
    assert_eq!(second.ask(&begin("other"))["channel"], 1);
    let _ = second.send(b"nonsense");
    assert_eq!(second.fault().0, "not-retrocall");
    let mut third = Raw::connect(desk.socket());
    // Controls work while it waits.
    assert_eq!(third.ask(&json!({"do": "mask", "call": call}))["at"], 16_000);
    assert_eq!(third.ask(&json!({"do": "unmask", "call": call}))["at"], 16_000);
    let attached = attach(&mut third, &call);
    assert_eq!(attached["positions"], json!([16_000, 16_000]));
    // It kept what it could not send: nothing is missing.
    speak(&mut third, 0, 16_000, 20_000);
    // Closed in one direction, it still hears its answers, and the call waits again.
    third.say(&json!({"id": 77, "do": "calls"}));
    third.shut(Shutdown::Write);
    let calls = third.answer();
    assert_eq!(calls["id"], 77);
    let view = calls["calls"].as_array().expect("a list").iter().find(|view| view["call"] == call).expect("it is live");
    assert_eq!((&view["agent_leg"]["gaps"], &view["agent_leg"]["gap_seconds"]), (&1.into(), &0.5.into()), "{view}");
    while third.next().is_some() {}
    let mut fourth = Raw::connect(desk.socket());
    attach(&mut fourth, &call);
    speak(&mut fourth, 0, 20_000, 24_000);
    assert_eq!(fourth.ask(&json!({"do": "end", "channel": 0}))["at"], 24_000);
    let kept = fourth.event("kept");
    let path = PathBuf::from(kept["path"].as_str().expect("a path"));
    Sound::of_recording(&path).assert_is(&sound.clone().silent(8_000, 12_000));
    assert_eq!(desk.audio_files(), [path]);
    assert_eq!(fourth.ask(&json!({"do": "attach", "call": call}))["reason"], "unknown-call");
    desk.stop();
}

#[test]
fn a_client_that_stays_away_longer_than_the_grace_time_has_hung_up() {
    let (seed, _) = rig::random("stayed away");
    let desk = Desk::open_with("grace = \"300ms\"\n", &["--one-in", "0"]);
    let [pressed, unpressed] = [1, 2].map(|call| Sound::noise(8_000, 8_000, seed + call));
    let mut pressing = desk.client();
    let calls: Vec<CallId> = [(&pressed, "anna"), (&unpressed, "bert")]
        .into_iter()
        .map(|(sound, agent)| {
            let mut line = Line::begin(&desk, agent, 8_000);
            line.talk(sound, 0, sound.len());
            // Its answer says that all before it was taken.
            line.accepted(Ask::Dtmf { digit: '1' });
            if agent == "anna" {
                let pressed = pressing.ask(Request::new(Target::Call(line.call), Ask::Record)).expect("an answer");
                assert_eq!(pressed.answer, Verdict::Accepted);
            }
            line.call
        })
        .collect();
    let mut hear = || wait_for("an event", || pressing.next_event(PATIENCE).expect("a connection"));
    assert_eq!(hear(), Event::Recording { call: calls[0] });
    assert_eq!(hear(), Event::Ended { call: calls[0], by: EndedBy::ConnectionLost });
    let Event::Kept { path, .. } = hear() else { panic!("not kept") };
    Sound::of_recording(&path).assert_is(&pressed);
    wait_for("the end of both", || desk.json(&["calls"]).as_array().is_some_and(Vec::is_empty).then_some(()));
    let mut late = Raw::connect(desk.socket());
    for call in calls {
        assert_eq!(late.ask(&json!({"do": "attach", "call": call}))["reason"], "unknown-call");
    }
    Traces::of(&[&unpressed]).assert_nowhere(&desk);
    assert_eq!(desk.audio_files(), [path]);
    desk.stop();
}
