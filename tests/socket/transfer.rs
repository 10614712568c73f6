//! A call that goes from one agent to another: whose press means which call, and who can change that.

use serde_json::{Value, json};

use crate::{begin, desk::Desk, rig::Raw, visitors::OpenDesk};

fn accepted(answer: Value) -> Value {
    assert_eq!(answer["answer"], "accepted", "{answer}");
    answer
}

fn transfer(call: &Value, to: &str) -> Value {
    json!({"do": "transfer", "call": call, "to": to})
}

fn press(agent: &str) -> Value {
    json!({"do": "record", "agent": agent})
}

#[test]
fn a_call_handed_to_a_colleague_does_not_take_the_colleagues_press() {
    let Some(open) = OpenDesk::open("", &["--one-in", "0"]) else { return };
    let mut pbx = Raw::connect(open.desk.socket());
    let berts = accepted(pbx.ask(&begin("bert")))["call"].clone();
    let (mallory, bert) = (open.visitor("mallory"), open.visitor("bert"));
    let (mut thief, mut hotkey) = (mallory.connect(), bert.connect());
    let own = accepted(thief.ask(&begin("mallory")))["call"].clone();
    let answer = accepted(thief.ask(&transfer(&own, "bert")));
    assert_eq!(answer["agent"], "mallory", "it is only offered: {answer}");
    assert!(answer["text"].as_str().is_some_and(|text| text.contains("until bert takes it")), "{answer}");
    assert_eq!(hotkey.event("offered"), json!({"event": "offered", "call": own, "agent": "mallory", "to": "bert"}));
    // His press means his own call, whichever way he presses, and hers means hers.
    assert_eq!(accepted(hotkey.ask(&json!({"do": "record"})))["call"], berts);
    assert_eq!(pbx.ask(&press("bert"))["call"], berts);
    assert_eq!(accepted(thief.ask(&json!({"do": "mask"})))["call"], own);
    // Nor can she begin one for him, or say that one of his is hers.
    assert_eq!(thief.ask(&begin("bert"))["reason"], "not-yours");
    assert_eq!(thief.ask(&transfer(&berts, "mallory"))["reason"], "not-yours");
    assert_eq!(thief.ask(&json!({"do": "hold", "call": berts}))["reason"], "not-yours");
    open.desk.stop();
}

#[test]
fn an_offer_is_taken_by_the_agent_to_whom_it_was_made_and_by_nobody_else() {
    let Some(open) = OpenDesk::open("begins_per_second = 1000", &["--one-in", "0"]) else { return };
    let visitors = ["mallory", "bert", "carl"].map(|agent| open.visitor(agent));
    let [mut anna, mut bert, mut carl] = visitors.each_ref().map(super::visitors::Visitor::connect);
    let call = accepted(anna.ask(&begin("mallory")))["call"].clone();
    // Nobody takes what is not offered, and one offer takes the place of another.
    assert_eq!(bert.ask(&transfer(&call, "bert"))["reason"], "not-yours");
    accepted(anna.ask(&transfer(&call, "carl")));
    accepted(anna.ask(&transfer(&call, "bert")));
    assert_eq!(anna.ask(&transfer(&call, "bert"))["answer"], "already");
    assert_eq!(carl.ask(&transfer(&call, "carl"))["reason"], "not-yours");
    assert_eq!(carl.ask(&transfer(&call, "bert"))["reason"], "not-yours");
    // She may take it back.
    assert_eq!(anna.ask(&transfer(&call, "mallory"))["answer"], "already");
    assert_eq!(bert.ask(&transfer(&call, "bert"))["reason"], "not-yours");
    accepted(anna.ask(&transfer(&call, "bert")));
    // He has a call of his own that began later: taken last is what counts, not the id.
    let own = accepted(bert.ask(&begin("bert")))["call"].clone();
    assert_eq!(accepted(carl.ask(&json!({"do": "calls"})))["calls"], json!([]));
    let taken = accepted(bert.ask(&transfer(&call, "bert")));
    assert_eq!((&taken["agent"], &taken["call"]), (&json!("bert"), &call));
    assert_eq!(anna.event("state")["agent"], "bert");
    let mut hotkey = visitors[1].connect();
    assert_eq!(accepted(hotkey.ask(&json!({"do": "record"})))["call"], call);
    assert_eq!(anna.ask(&json!({"do": "mask", "call": call}))["reason"], "not-yours");
    // On hold, it is not the one that is meant.
    accepted(hotkey.ask(&json!({"do": "hold", "call": call})));
    assert_eq!(accepted(hotkey.ask(&json!({"do": "record"})))["call"], own);
    // Whoever carries it ends it, and with it whatever was offered.
    accepted(bert.ask(&transfer(&call, "carl")));
    accepted(anna.ask(&json!({"do": "end", "call": call})));
    assert_eq!(carl.ask(&transfer(&call, "carl"))["reason"], "unknown-call");
    open.desk.stop();
}

#[test]
fn the_owner_hands_a_call_over_at_once_and_a_press_follows_it() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut pbx = Raw::connect(desk.socket());
    let [first, second] = ["anna", "bert"].map(|agent| accepted(pbx.ask(&begin(agent)))["call"].clone());
    assert_eq!(accepted(pbx.ask(&transfer(&first, "bert")))["agent"], "bert");
    assert_eq!(accepted(pbx.ask(&press("bert")))["call"], first, "the call that came last");
    assert_eq!(pbx.ask(&press("anna"))["reason"], "no-call");
    accepted(pbx.ask(&transfer(&second, "anna")));
    accepted(pbx.ask(&transfer(&second, "bert")));
    assert_eq!(accepted(pbx.ask(&press("bert")))["call"], second);
    desk.stop();
}

#[test]
fn what_names_no_call_means_the_only_one_of_its_connection_for_the_owner_too() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut others = Raw::connect(desk.socket());
    for agent in ["anna", "bert"] {
        accepted(others.ask(&begin(agent)));
    }
    let mut phone = Raw::connect(desk.socket());
    assert_eq!(phone.ask(&json!({"do": "record"}))["reason"], "no-call");
    let own = accepted(phone.ask(&begin("carl")))["call"].clone();
    assert_eq!(accepted(phone.ask(&json!({"do": "record"})))["call"], own);
    // Whose call it is by now does not matter to the owner.
    accepted(phone.ask(&transfer(&own, "dora")));
    assert_eq!(phone.ask(&json!({"do": "record"}))["call"], own);
    // With two of them, none is meant.
    accepted(phone.ask(&begin("emma")));
    assert_eq!(phone.ask(&json!({"do": "record"}))["reason"], "no-call");
    assert_eq!(phone.ask(&json!({"do": "end"}))["reason"], "unknown-call");
    // By agent, only what this connection carries ends.
    assert_eq!(phone.ask(&json!({"do": "end", "agent": "anna"}))["reason"], "unknown-call");
    assert_eq!(accepted(phone.ask(&json!({"do": "end", "agent": "dora"})))["call"], own);
    assert_eq!(phone.ask(&json!({"do": "end", "agent": "carl"}))["reason"], "unknown-call");
    desk.stop();
}

#[test]
fn the_owners_press_at_a_desk_of_one_is_not_in_the_hands_of_other_users() {
    let Some(open) = OpenDesk::open("", &["--one-in", "0"]) else { return };
    let mut phone = Raw::connect(open.desk.socket());
    let call = accepted(phone.ask(&begin("desk 7")))["call"].clone();
    let mallory = open.visitor("mallory");
    let mut thief = mallory.connect();
    accepted(thief.ask(&begin("mallory")));
    // The hotkey is another connection, and its user's own agent has no call.
    let mut hotkey = Raw::connect(open.desk.socket());
    assert_eq!(accepted(hotkey.ask(&json!({"do": "record"})))["call"], call);
    open.desk.stop();
}
