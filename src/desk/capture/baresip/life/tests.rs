//! Messages of real phones, and the steps that must come of them.

use serde_json::json;

use super::*;

fn event(kind: &str, id: &str, param: &str) -> PhoneMessage {
    serde_json::from_value(json!({
        "event": true, "type": kind, "class": "call", "accountaor": "sip:anna@127.0.0.1:25060", "direction": "incoming",
        "peeruri": "sip:+31205550123@127.0.0.1:25070", "id": id, "param": param,
    }))
    .expect("an event")
}

fn list(lines: &str) -> PhoneMessage {
    let data = format!("\n--- Active calls (1) ---\n{lines}\n");
    serde_json::from_value(json!({"response": true, "ok": true, "data": data, "token": "t"})).expect("a list")
}

fn names(steps: &[Step]) -> Vec<&'static str> {
    steps.iter().map(Step::name).collect()
}

const TALKING: &str = "> [line 1]  0:00:01  ESTABLISHED             sip:+31205550123@127.0.0.1:25070\n";
const HELD: &str = "> [line 1]  0:00:07  ESTABLISHED  (on hold)  sip:+31205550123@127.0.0.1:25070\n";

#[test]
fn a_call_rings_begins_is_held_and_resumed_has_keys_pressed_and_ends() {
    let mut life = Life::default();
    assert_eq!(names(&life.hear(&event("CALL_INCOMING", "a", ""))), ["ring"]);
    assert!(!life.anyone_talks());
    let begun = life.hear(&event("CALL_ESTABLISHED", "a", ""));
    let expected = Step::Begin { call: 1, customer: Some("+31205550123".into()), direction: Direction::Inbound };
    assert!(begun == [expected], "{:?}", names(&begun));
    assert!(life.anyone_talks());
    assert_eq!(names(&life.list(&list(TALKING), false)), [""; 0]);
    assert!(Life::may_be_hold(&event("CALL_REMOTE_SDP", "a", "answer")));
    assert_eq!(names(&life.list(&list(HELD), false)), ["hold"]);
    assert_eq!(names(&life.list(&list(HELD), false)), [""; 0], "once is enough");
    assert_eq!(names(&life.list(&list(TALKING), false)), ["resume"]);
    assert!(life.hear(&event("CALL_DTMF_START", "a", "3")) == [Step::Dtmf(1, '3')]);
    assert_eq!(names(&life.hear(&event("CALL_DTMF_END", "a", ""))), [""; 0]);
    assert_eq!(names(&life.hear(&event("CALL_CLOSED", "a", "Connection reset by peer"))), ["end"]);
    assert_eq!(names(&life.hear(&event("CALL_CLOSED", "a", ""))), [""; 0]);
}

#[test]
fn two_calls_are_kept_apart_and_a_call_that_nobody_answered_ends_too() {
    let mut life = Life::default();
    life.hear(&event("CALL_INCOMING", "a", ""));
    life.hear(&event("CALL_ESTABLISHED", "a", ""));
    let mut other = event("CALL_INCOMING", "b", "");
    other.peeruri = "sip:bert@10.0.0.9".into();
    assert!(life.hear(&other) == [Step::Ring(2)]);
    let both = format!("{HELD}  [line 2]  0:00:00   INCOMING             sip:bert@10.0.0.9\n");
    assert!(life.list(&list(&both), false) == [Step::Hold(1)]);
    other.kind = "CALL_CLOSED".into();
    assert!(life.hear(&other) == [Step::End(2)]);
}

#[test]
fn after_a_new_connection_the_list_tells_which_calls_there_are() {
    let mut life = Life::default();
    // We came while a call was on, and on hold.
    assert_eq!(names(&life.list(&list(HELD), true)), ["begin", "hold"]);
    // Its first event has an id that we have not heard before.
    assert!(life.hear(&event("CALL_CLOSED", "x", "")) == [Step::End(1)]);
    life.hear(&event("CALL_ESTABLISHED", "y", ""));
    // The same phone again: nothing happened to the call.
    assert_eq!(names(&life.list(&list(TALKING), true)), [""; 0]);
    // A phone that was restarted: its calls are over.
    assert_eq!(names(&life.list(&list(""), true)), ["end"]);
    life.hear(&event("CALL_ESTABLISHED", "z", ""));
    assert_eq!(names(&life.gone()), ["end"]);
}

#[test]
fn what_a_phone_says_amiss_changes_nothing() {
    let mut life = Life::default();
    for odd in [
        event("CALL_DTMF_START", "a", "3"),
        event("CALL_CLOSED", "a", ""),
        event("REGISTER_OK", "", ""),
        PhoneMessage::default(),
    ] {
        assert_eq!(names(&life.hear(&odd)), [""; 0]);
    }
    assert_eq!(names(&life.list(&list("> [line 1]\n[line\nESTABLISHED"), true)), [""; 0]);
    for id in 0..100 {
        life.hear(&event("CALL_INCOMING", &id.to_string(), ""));
    }
    assert_eq!(life.gone().len(), CALLS_MAX);
}

#[test]
fn a_customers_number_is_what_stands_before_the_host() {
    assert_eq!(customer("sip:+31205550123@pbx.example"), Some("+31205550123".into()));
    assert_eq!(customer("sips:anna@[::1]:5061;transport=tls"), Some("anna".into()));
    assert_eq!(customer("sip:10.0.0.9"), Some("10.0.0.9".into()));
    assert_eq!(customer("sip:@host"), None);
    assert_eq!(customer(""), None);
    assert_eq!(customer(&format!("sip:{}@host", "9".repeat(200))).map(|number| number.len()), Some(64));
}
