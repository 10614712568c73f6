//! Connections that break: each leg has a grace time of its own, in which it goes on with its call.

use serde_json::Value;

use crate::{
    AGENT, AGENTS, CUSTOMER, calls,
    desk::{Desk, Sound, wait_for},
    have_come, kept, open,
    peer::Peer,
    press, said,
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
fn a_call_that_lost_both_its_connections_can_be_attached_over_the_local_socket_and_one_that_lost_one_cannot() {
    let desk = open(AGENTS);
    let sounds = [7, 8].map(|seed| Sound::noise(8_000, 4_000, seed));
    let [agent, customer] = both(&desk, &sounds[0]);
    let before = calls(&desk, have_come([4_000; 2], 8_000));
    press(&desk, "anna");
    let mut phone = crate::rig::Raw::connect(desk.socket());
    let attach = serde_json::json!({"do": "attach", "call": before[0]["call"]});
    agent.reset();
    wait_for("a lost leg", || desk.log().contains("the connection of a leg is lost").then_some(()));
    assert_eq!(phone.ask(&attach)["reason"], "connected");
    customer.reset();
    calls(&desk, is_in_state("disconnected"));
    let answer = phone.ask(&attach);
    assert_eq!((&answer["answer"], &answer["recording"]), (&"accepted".into(), &Value::Bool(true)), "{answer}");
    // A leg that comes back now is heard, and not held: another connection has it.
    let mut late = Peer::connect(&desk, AGENT);
    late.speak(0x10, &sounds[0].legs[0], 160);
    wait_for("a leg that is not held", || desk.log().contains("nothing is held of a leg").then_some(()));
    let from: Vec<u64> = answer["positions"].as_array().expect("two").iter().filter_map(Value::as_u64).collect();
    for (leg, from) in retrocall::audio::Leg::ALL.into_iter().zip(&from) {
        phone.frame(leg, 0, *from, &sounds[1].legs[leg.index()]);
    }
    assert_eq!(phone.ask(&serde_json::json!({"do": "end", "channel": 0}))["answer"], "accepted");
    let kept = kept(&desk);
    assert!(said(&kept) == [0, 1].map(|leg| [&sounds[0].legs[leg][..], &sounds[1].legs[leg][..]].concat()));
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

#[test]
fn a_leg_whose_peer_comes_back_at_once_goes_on_however_often_that_happens() {
    let desk = open(AGENTS);
    let mut agent = Peer::connect(&desk, AGENT);
    let mut call = None;
    for turn in 0..20u64 {
        let sound = Sound::noise(8_000, 800, 100 + turn);
        agent.speak(0x10, &sound.legs[0], 160);
        let live =
            calls(&desk, |calls| calls.len() == 1 && calls[0]["agent_leg"]["frames"].as_u64() >= Some(5 * (turn + 1)));
        assert_eq!(call.get_or_insert(live[0]["call"].clone()), &live[0]["call"], "turn {turn}");
        agent.reset();
        agent = Peer::connect(&desk, AGENT);
    }
    // Who has no call of its own to go on with begins none by connecting.
    drop(agent);
    calls(&desk, <[Value]>::is_empty);
    desk.stop();
}

#[test]
fn a_leg_whose_connection_died_unnoticed_goes_on_over_a_new_one_and_the_old_one_is_not_closed() {
    let desk = open(AGENTS);
    let sounds = [8, 9].map(|seed| Sound::noise(8_000, 4_000, seed));
    let mut dead = Peer::connect(&desk, AGENT);
    dead.speak(0x10, &sounds[0].legs[0], 160);
    let before = calls(&desk, have_come([4_000, 0], 8_000));
    press(&desk, "anna");
    // Nothing comes of the first one any more, but nobody has closed it.
    let mut agent = Peer::connect(&desk, AGENT);
    agent.speak(0x10, &sounds[1].legs[0], 160);
    let after = calls(&desk, |calls| calls.len() == 1 && calls[0]["agent_leg"]["frames"].as_u64() >= Some(50));
    assert_eq!(after[0]["call"], before[0]["call"]);
    // It may be the phone call itself that hangs on it.
    dead.hears_silence(0x10, 20);
    agent.shut_writing();
    let kept = kept(&desk);
    assert!(said(&kept)[0] == [&sounds[0].legs[0][..], &sounds[1].legs[0]].concat());
    drop(dead);
    desk.stop();
}
