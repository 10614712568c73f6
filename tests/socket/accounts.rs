//! Connections of the engine's owner that act in the name of an account: they have its rights, as of each message, and no others.

use retrocall::protocol::Ask;
use serde_json::{Value, json};

use crate::{
    begin,
    desk::{Desk, Line, Sound, wait_for},
    rig::Raw,
    text,
    visitors::OpenDesk,
};

/// A desk with an account of each kind that matters to live calls.
fn desk() -> Desk {
    let desk = Desk::open(&["--one-in", "0"]);
    desk.json(&["user", "add", "anna", "--role", "agent", "--agent", "Anna de Vries"]);
    desk.json(&["user", "add", "ada", "--role", "administrator"]);
    desk.json(&["user", "add", "hanna", "--role", "reviewer"]);
    desk
}

/// A connection of the owner's in the name of an account, with the answer to that.
fn acting(desk: &Desk, user: &str) -> (Raw, Value) {
    let mut raw = Raw::connect(desk.socket());
    let answer = raw.ask(&json!({"id": 1, "do": "as", "user": user}));
    (raw, answer)
}

#[test]
fn a_connection_in_an_agents_name_presses_for_that_agent_alone_and_for_good() {
    let desk = desk();
    let mut annas = Line::begin(&desk, "Anna de Vries", 8_000);
    let berts = Line::begin(&desk, "bert", 8_000);
    let sound = Sound::noise(8_000, 1_600, 5);
    annas.talk(&sound, 0, 1_600);
    annas.settle();
    let (mut anna, answer) = acting(&desk, "anna");
    assert_eq!((&answer["answer"], &answer["agent"]), (&json!("accepted"), &json!("Anna de Vries")), "{answer}");
    assert_eq!(anna.ask(&json!({"do": "record", "call": berts.call}))["reason"], "not-yours");
    assert_eq!(anna.ask(&json!({"do": "record", "agent": "bert"}))["reason"], "not-yours");
    assert_eq!(anna.ask(&json!({"do": "private", "call": berts.call}))["reason"], "not-yours");
    assert_eq!(anna.ask(&begin("bert"))["reason"], "not-yours");
    for request in ["status", "board", "sweep"] {
        assert_eq!(anna.ask(&json!({"do": request}))["reason"], "not-yours", "{request}");
    }
    let seen = anna.ask(&json!({"do": "calls"}));
    let calls = seen["calls"].as_array().expect("a list");
    assert_eq!((calls.len(), &calls[0]["call"]), (1, &json!(annas.call)), "{seen}");
    assert!(calls[0].get("held_bytes").is_none(), "how much memory a call holds could tell the draw");
    // There is no way back, nor to somebody else.
    for user in ["ada", "anna", "nobody"] {
        assert_eq!(anna.ask(&json!({"do": "as", "user": user}))["reason"], "not-yours", "{user}");
    }
    assert_eq!(anna.ask(&json!({"do": "record"}))["answer"], "accepted");
    let told = anna.ask(&json!({"do": "mask", "call": annas.call}));
    assert_eq!(told["answer"], "accepted", "{told}");
    Sound::of_recording(&annas.end_and_keep()).assert_is(&sound);
    desk.stop();
}

#[test]
fn a_connection_in_an_agents_name_hears_of_that_agents_calls() {
    let desk = desk();
    let (mut annas, mut berts) = (Line::begin(&desk, "Anna de Vries", 8_000), Line::begin(&desk, "bert", 8_000));
    let (mut anna, _) = acting(&desk, "anna");
    berts.accepted(Ask::Record);
    annas.accepted(Ask::Record);
    assert_eq!(anna.event("recording")["call"], json!(annas.call));
    desk.stop();
}

#[test]
fn an_administrators_account_sees_counts_and_no_call_and_presses_nothing() {
    let desk = desk();
    let mut annas = Line::begin(&desk, "Anna de Vries", 8_000);
    annas.talk(&Sound::noise(8_000, 1_600, 7), 0, 1_600);
    annas.accepted(Ask::Mask);
    let (mut ada, answer) = acting(&desk, "ada");
    assert_eq!((&answer["answer"], answer.get("agent")), (&json!("accepted"), None), "{answer}");
    let answer = ada.ask(&json!({"do": "board"}));
    let board = &answer["board"];
    assert_eq!((&board["calls"]["live"], &board["calls"]["masked"]), (&json!(1), &json!(1)), "{answer}");
    let levels = board["agent_levels"].as_object().expect("levels");
    assert_eq!(levels.values().filter_map(Value::as_u64).sum::<u64>(), 1, "{answer}");
    let told = answer.to_string();
    for secret in ["Anna", &annas.call.to_string(), "discards", "recordings", "selections", "sample"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    assert_eq!(ada.ask(&json!({"do": "calls"}))["calls"], json!([]));
    assert_eq!(ada.ask(&json!({"do": "record", "call": annas.call}))["reason"], "not-yours");
    assert_eq!(ada.ask(&json!({"do": "record"}))["reason"], "no-call");
    assert_eq!(ada.ask(&json!({"do": "status"}))["reason"], "not-yours");
    assert_eq!(ada.ask(&begin("ada"))["reason"], "not-yours");
    desk.stop();
}

#[test]
fn a_privacy_officers_account_has_what_is_due_deleted_and_sees_nothing_of_live_calls() {
    let desk = desk();
    let annas = Line::begin(&desk, "Anna de Vries", 8_000);
    desk.json(&["user", "add", "olga", "--role", "privacy-officer"]);
    let (mut olga, answer) = acting(&desk, "olga");
    assert_eq!(answer["answer"], "accepted", "{answer}");
    assert_eq!(olga.ask(&json!({"do": "calls"}))["calls"], json!([]));
    assert_eq!(olga.ask(&json!({"do": "record", "call": annas.call}))["reason"], "not-yours");
    assert_eq!(olga.ask(&json!({"do": "board"}))["reason"], "not-yours");
    assert_eq!(olga.ask(&json!({"do": "sweep"}))["answer"], "accepted");
    // Within the hour it would come by itself, but not before its first minute is over.
    wait_for("the sweep", || desk.log().contains("swept: what was due is deleted").then_some(()));
    desk.stop();
}

#[test]
fn who_is_no_account_of_live_calls_may_nothing_from_then_on() {
    let desk = desk();
    let annas = Line::begin(&desk, "Anna de Vries", 8_000);
    for user in ["hanna", "nobody", "Anna de Vries"] {
        let (mut raw, answer) = acting(&desk, user);
        assert_eq!(answer["reason"], "no-account", "{user}: {answer}");
        for request in [
            json!({"do": "record", "call": annas.call}),
            json!({"do": "calls"}),
            json!({"do": "status"}),
            json!({"do": "board"}),
            begin("Anna de Vries"),
        ] {
            assert_eq!(raw.ask(&request)["reason"], "no-account", "{user}: {request}");
        }
    }
    desk.stop();
}

#[test]
fn a_name_that_does_not_come_first_is_refused_and_changes_nothing() {
    let desk = desk();
    let as_anna = json!({"do": "as", "user": "anna"});
    let mut raw = Raw::connect(desk.socket());
    raw.ask(&json!({"do": "calls"}));
    assert_eq!(raw.ask(&as_anna)["reason"], "malformed");
    assert_eq!(raw.ask(&json!({"do": "status"}))["answer"], "accepted", "it is the owner's as before");
    let mut raw = Raw::connect(desk.socket());
    raw.send(&text(b"{}")).expect("it is taken");
    assert_eq!(raw.answer()["reason"], "malformed");
    assert_eq!(raw.ask(&as_anna)["reason"], "malformed", "what was wrong was a message too");
    desk.stop();
}

#[test]
fn a_role_that_is_taken_away_counts_from_the_next_message_on() {
    let desk = desk();
    let annas = Line::begin(&desk, "Anna de Vries", 8_000);
    let (mut anna, _) = acting(&desk, "anna");
    let mask = json!({"do": "mask", "call": annas.call});
    assert_eq!(anna.ask(&mask)["answer"], "accepted");
    desk.json(&["user", "role", "anna", "--role", "reviewer"]);
    assert_eq!(anna.ask(&mask)["reason"], "no-account");
    desk.json(&["user", "role", "anna", "--role", "agent"]);
    assert_eq!(anna.ask(&mask)["answer"], "already");
    desk.json(&["user", "remove", "anna"]);
    assert_eq!(anna.ask(&mask)["reason"], "no-account");
    desk.stop();
}

#[test]
fn only_the_owner_acts_in_somebodys_name() {
    let Some(open) = OpenDesk::open("", &["--one-in", "0"]) else { return };
    open.desk.json(&["user", "add", "carl", "--role", "agent", "--agent", "carl"]);
    let carls = Line::begin(&open.desk, "carl", 8_000);
    let mut bert = open.visitor("bert").connect();
    assert_eq!(bert.ask(&json!({"do": "as", "user": "carl"}))["reason"], "not-yours");
    assert_eq!(bert.ask(&json!({"do": "record", "call": carls.call}))["reason"], "not-yours");
    open.desk.stop();
}
