//! Connections that break: each leg has a grace time of its own, in which it goes on with its call.

use serde_json::Value;

use crate::{
    AGENT, AGENTS, CUSTOMER, calls,
    desk::{Desk, Sound, wait_for},
    have_come, kept, open,
    peer::Peer,
    press,
};

/// Both legs of a call, each with what it has said already.
fn both(desk: &Desk, sound: &Sound) -> [Peer; 2] {
    let mut peers = [AGENT, CUSTOMER].map(|uuid| Peer::connect(desk, uuid));
    for (peer, samples) in peers.iter_mut().zip(&sound.legs) {
        peer.speak(0x10, samples, 160);
    }
    peers
}

fn is_in_state(state: &str) -> impl Fn(&[Value]) -> bool + '_ {
    move |calls| calls.len() == 1 && calls[0]["state"] == state
}

/// What was said in a recording, without the silence of gaps: noise is never 0.
fn said(sound: &Sound) -> [Vec<i16>; 2] {
    sound.legs.clone().map(|leg| leg.into_iter().filter(|sample| *sample != 0).collect())
}

#[test]
fn a_pressed_call_whose_connections_were_reset_goes_on_when_both_come_back() {
    let desk = open(AGENTS);
    let sounds = [1, 2].map(|seed| Sound::noise(8_000, 4_000, seed));
    let peers = both(&desk, &sounds[0]);
    let before = calls(&desk, have_come([4_000; 2], 8_000));
    press(&desk, "anna");
    peers.into_iter().for_each(Peer::reset);
    calls(&desk, is_in_state("disconnected"));
    let peers = both(&desk, &sounds[1]);
    let after = calls(&desk, |calls| calls.len() == 1 && calls[0]["customer_leg"]["frames"].as_u64() >= Some(50));
    assert_eq!((&after[0]["call"], &after[0]["recording"]), (&before[0]["call"], &Value::Bool(true)));
    drop(peers);
    let kept = kept(&desk);
    assert_eq!(desk.recordings().len(), 1);
    assert!(said(&kept) == [0, 1].map(|leg| [&sounds[0].legs[leg][..], &sounds[1].legs[leg][..]].concat()));
    desk.stop();
}

#[test]
fn a_call_whose_connections_were_reset_ends_after_the_grace_time_and_its_uuids_are_free() {
    let desk = open(&format!("grace = \"1s\"\n{AGENTS}"));
    let sound = Sound::noise(8_000, 4_000, 3);
    let peers = both(&desk, &sound);
    let before = calls(&desk, have_come([4_000; 2], 8_000));
    press(&desk, "anna");
    peers.into_iter().for_each(Peer::reset);
    assert!(said(&kept(&desk)) == sound.legs);
    assert!(desk.log().contains("ConnectionLost"), "it says why");
    let peers = both(&desk, &sound);
    let after = calls(&desk, have_come([4_000; 2], 8_000));
    assert_ne!(after[0]["call"], before[0]["call"], "the next call with these UUIDs is another one");
    drop(peers);
    calls(&desk, <[Value]>::is_empty);
    desk.stop();
}

#[test]
fn a_leg_that_was_reset_keeps_its_grace_when_the_other_one_hangs_up() {
    let desk = open(AGENTS);
    let sounds = [4, 5].map(|seed| Sound::noise(8_000, 4_000, seed));
    let [agent, customer] = both(&desk, &sounds[0]);
    let before = calls(&desk, have_come([4_000; 2], 8_000));
    press(&desk, "anna");
    customer.reset();
    wait_for("a lost leg", || desk.log().contains("the connection of a leg is lost").then_some(()));
    agent.shut_writing();
    calls(&desk, is_in_state("disconnected"));
    let mut customer = Peer::connect(&desk, CUSTOMER);
    customer.speak(0x10, &sounds[1].legs[1], 160);
    let after = calls(&desk, |calls| calls.len() == 1 && calls[0]["customer_leg"]["frames"].as_u64() >= Some(50));
    assert_eq!(after[0]["call"], before[0]["call"]);
    // Both have hung up now: that is the end, at once.
    customer.shut_writing();
    let kept = kept(&desk);
    assert!(said(&kept) == [sounds[0].legs[0].clone(), [&sounds[0].legs[1][..], &sounds[1].legs[1]].concat()]);
    desk.stop();
}

#[test]
fn an_expected_call_is_still_expected_when_its_connections_come_back() {
    let desk = open("");
    let mut controller = crate::rig::Raw::connect(desk.socket());
    let expect =
        serde_json::json!({"id": 1, "do": "expect", "agent": "bert", "agent_leg": AGENT, "customer_leg": CUSTOMER});
    assert_eq!(controller.ask(&expect)["answer"], "accepted");
    let sound = Sound::noise(8_000, 1_600, 6);
    for _ in 0..2 {
        let peers = both(&desk, &sound);
        let live = calls(&desk, |calls| calls.len() == 1 && calls[0]["state"] == "live");
        assert_eq!(live[0]["agent"], "bert");
        peers.into_iter().for_each(Peer::reset);
        calls(&desk, is_in_state("disconnected"));
    }
    assert_eq!(desk.stop().recordings(), [] as [Value; 0]);
}
