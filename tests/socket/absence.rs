//! Clients that vanish: back within the grace time they go on with the same call, beyond it they have hung up.

use std::{net::Shutdown, path::PathBuf};

use retrocall::{
    audio::Leg,
    protocol::{Ask, CallId, EndedBy, Event, Origin, Reason, Request, Target, Verdict},
};
use serde_json::{Value, json};

use crate::{
    begin,
    desk::{Desk, Line, PATIENCE, Sound, wait_for},
    rig::{self, Raw, Traces, frame},
};

/// Takes a call over: whose connection is closed by now is given back before the answer.
#[track_caller]
fn attach(raw: &mut Raw, call: &Value) -> Value {
    let attached = raw.ask(&json!({"do": "attach", "call": call}));
    assert_eq!(attached["answer"], "accepted", "{attached}");
    attached
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
    let unmasked = third.ask(&json!({"do": "unmask", "call": call}))["at"].as_u64().expect("a position") as usize;
    let attached = attach(&mut third, &call);
    assert_eq!(attached["positions"], json!([16_000, 16_000]));
    // It kept what it could not send: nothing is missing, but what was said while the mask was on.
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
    let recording = Sound::of_recording(&path);
    recording.assert_is(&sound.clone().silent(8_000, 12_000).silent_as(&recording, 16_000, unmasked));
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
            line.accepted(Ask::Dtmf { digit: '1', leg: None });
            if agent == "anna" {
                let pressed = pressing.ask(Request::new(Target::Call(line.call), Ask::Record)).expect("an answer");
                assert_eq!(pressed.answer, Verdict::Accepted);
            }
            line.call
        })
        .collect();
    let mut hear = || wait_for("an event", || pressing.next_event(PATIENCE).expect("a connection"));
    let pressed_for = (Some("anna".to_owned()), Some(Reason::OnDemand), Some(Origin::Agent));
    let (agent, reason, origin) = pressed_for;
    assert_eq!(hear(), Event::Recording { call: calls[0], agent, reason, origin });
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

#[test]
fn a_client_that_comes_back_at_once_is_never_told_that_its_call_still_has_a_connection() {
    let (seed, _) = rig::random("back at once");
    // Two threads read, so that whoever comes back is not read by the one that has its last frames to read.
    let desk = Desk::open_with("grace = \"60s\"\nintake_threads = 2\n", &["--one-in", "0"]);
    let sound = Sound::noise(8_000, 8_000, seed);
    let frames: Vec<u8> = (0..8_000)
        .step_by(160)
        .flat_map(|start| Leg::ALL.map(|leg| frame(leg, 0, start as u64, &sound.legs[leg.index()][start..start + 160])))
        .flatten()
        .collect();
    for round in 0..300 {
        let mut first = Raw::connect(desk.socket());
        let call = first.ask(&begin("anna"))["call"].clone();
        first.send(&frames).expect("the engine takes audio");
        let how = if round % 2 == 0 { Shutdown::Write } else { Shutdown::Both };
        // The next one is there before: only the closing and the question lie between.
        let mut second = Raw::connect(desk.socket());
        first.shut(how);
        let attached = attach(&mut second, &call);
        assert_eq!(attached["positions"], json!([8_000, 8_000]), "what it had sent is of the call: {attached}");
        let facts = ["rate", "codec", "direction", "recording", "masked"].map(|field| attached[field].clone());
        assert_eq!(facts, [json!(8_000), json!("pcm16"), json!("inbound"), json!(false), json!(false)]);
        // Whoever is alive is not thrown out.
        let mut third = Raw::connect(desk.socket());
        assert_eq!(third.ask(&json!({"do": "attach", "call": call}))["reason"], "connected");
        assert_eq!(second.ask(&json!({"do": "end", "channel": 0}))["at"], 8_000);
    }
    desk.stop();
}

#[test]
fn a_call_that_lost_its_connection_is_ended_by_whoever_may_take_it_over() {
    let desk = Desk::open_with("grace = \"60s\"\n", &["--one-in", "0"]);
    let mut first = Raw::connect(desk.socket());
    let call = first.ask(&begin("anna"))["call"].clone();
    let mut second = Raw::connect(desk.socket());
    let end = json!({"do": "end", "call": call});
    assert_eq!(second.ask(&end)["reason"], "unknown-call", "its connection alone ends it");
    assert_eq!(second.ask(&json!({"do": "record", "call": call}))["answer"], "accepted");
    drop(first);
    assert_eq!(second.ask(&end)["answer"], "accepted");
    assert_eq!(second.event("kept")["call"], call);
    desk.stop();
}

#[test]
fn a_client_that_sends_nothing_more_after_the_end_hears_that_its_call_is_kept() {
    let (seed, _) = rig::random("half closed");
    let desk = Desk::open_with("grace = \"60s\"\nafter_hangup = \"60s\"\n", &["--one-in", "1"]);
    let sound = Sound::noise(8_000, 8_000, seed);
    let begin_and_end = |press: bool| {
        let mut raw = Raw::connect(desk.socket());
        let call = raw.ask(&begin("anna"))["call"].clone();
        for start in (0..8_000).step_by(160) {
            for leg in Leg::ALL {
                raw.frame(leg, 0, start as u64, &sound.legs[leg.index()][start..start + 160]);
            }
        }
        if press {
            raw.say(&json!({"do": "record", "channel": 0}));
            raw.say(&json!({"do": "erase-last", "channel": 0, "seconds": 0.1, "id": 7}));
        }
        raw.say(&json!({"do": "end", "channel": 0, "id": 8}));
        raw.shut(Shutdown::Write);
        (raw, call)
    };
    // Everything in one go, as a shell script has it: answers and the recording come, and then the end.
    let (mut raw, call) = begin_and_end(true);
    assert_eq!(raw.until(|message| message["id"] == 7)["answer"], "accepted");
    let kept = raw.until(|message| message["event"] == "kept" || message["event"] == "error");
    assert_eq!(kept["call"], call);
    let path = PathBuf::from(kept["path"].as_str().expect("a path"));
    Sound::of_recording(&path).assert_is(&sound.clone().silent(7_200, 8_000));
    while raw.next().is_some() {}
    // Nobody has pressed: it waits for a late press as the call does.
    let (mut raw, call) = begin_and_end(false);
    assert_eq!(raw.until(|message| message["id"] == 8)["answer"], "accepted");
    let mut other = Raw::connect(desk.socket());
    assert_eq!(other.ask(&json!({"do": "record", "call": call}))["answer"], "accepted");
    assert_eq!(raw.event("recording")["call"], call);
    assert_eq!(raw.event("kept")["call"], call);
    while raw.next().is_some() {}
    // Who waits takes a connection, and none once it has closed for good.
    let connections = |desk: &Desk| desk.json(&["status"])["connections"].as_u64().expect("a count");
    let (raw, _) = begin_and_end(false);
    wait_for("one that waits", || (connections(&desk) >= 3).then_some(()));
    drop(raw);
    wait_for("its end", || (connections(&desk) <= 2).then_some(()));
    desk.stop();
}

#[test]
fn whoever_carried_a_call_takes_it_up_again_although_it_went_to_another_agent_meanwhile() {
    let desk = Desk::open_with("grace = \"60s\"\n", &["--one-in", "0"]);
    let mut first = Raw::connect(desk.socket());
    let call = first.ask(&begin("anna"))["call"].clone();
    assert_eq!(first.ask(&json!({"do": "transfer", "channel": 0, "to": "bert"}))["answer"], "accepted");
    drop(first);
    let mut second = Raw::connect(desk.socket());
    let attached = attach(&mut second, &call);
    assert_eq!(attached["agent"], "bert", "{attached}");
    // What changes is told to whoever carries it now.
    let mut other = Raw::connect(desk.socket());
    assert_eq!(other.ask(&json!({"do": "transfer", "call": call, "to": "cleo"}))["answer"], "accepted");
    assert_eq!(second.event("state")["agent"], "cleo");
    desk.stop();
}
