//! Faults that are planted in a short list of events: the checker finds each, and finds nothing in the list without it.

use retrocall_words::retention::{Calendar, Periods};
use serde_json::{Value, json};
use std::fs;

const DAY: i64 = 86_400;
/// A Thursday in October 2025.
const BEGAN: i64 = 1_760_000_000;

fn at(days: i64, event: &str, mut fields: Value) -> Value {
    (fields["event"], fields["at"]) = (event.into(), (BEGAN + days * DAY).into());
    fields
}

/// A sampled call of the customer, after so many days.
fn sampled(call: &str, days: i64, objects: bool) -> Value {
    let began = BEGAN + days * DAY;
    at(
        days,
        "kept",
        json!({
            "call": call, "began": began, "ended": began + 60, "agents": ["anna"], "reasons": ["sample"], "customer": "c", "objects": objects,
        }),
    )
}

/// The customer asks, on the second day.
fn asks(kind: &str, recordings: Value) -> Value {
    let fields = json!({
        "request": "r", "kind": kind, "of": { "customer": "c" }, "received": "2025-10-09", "by": "officer", "done": true,
        "recordings": recordings,
    });
    at(1, "request-opened", fields)
}

/// A sweep after so many days, and what is there then.
fn swept(days: i64, came: &[&str], went: &[&str]) -> [Value; 2] {
    let there = json!({ "came": came, "went": went, "count": came.len() - went.len() });
    [at(days, "swept", json!({})), at(days, "day", there)]
}

/// What the checker says of these events; none if nothing is wrong.
fn said_of(events: &[Value]) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = json!({ "periods": Periods::default(), "free_days": Calendar::default().free_days });
    let first =
        [at(0, "settings", json!({ "settings": settings })), at(0, "followed", json!({})), sampled("a", 0, false)];
    let lines: String = first.iter().chain(events).map(|event| format!("{event}\n")).collect();
    let path = folder.path().join("events.jsonl");
    fs::write(&path, lines).expect("written");
    crate::wrong_with(&path)
}

#[test]
fn the_checker_finds_a_request_that_freezes_nothing_an_erasure_that_leaves_the_file_and_an_objection_that_no_draw_heeds()
 {
    let candidate = || asks("access", json!({ "a": "candidate" }));
    let erased = || asks("erasure", json!({ "a": "confirmed" }));
    let objected = || at(1, "customer-objected", json!({ "customer": "c", "done": true }));
    let [frozen, thawed] = [&[][..], &["a"]].map(|went| swept(20, &["a"], went));
    let [left, gone] = [&[][..], &["a"]].map(|went| swept(2, &["a"], went));
    // Two ask for the erasure of one recording: when the first has it, it is gone, and the second is granted all the same.
    let mut by_another = asks("erasure", json!({ "a": "candidate" }));
    (by_another["request"], by_another["by"]) = ("s".into(), "other".into());
    let granted = at(3, "erasure-granted", json!({ "request": "s", "call": "a", "done": true }));
    let twice = [vec![by_another, erased()], gone.to_vec(), vec![granted]].concat();
    let second = [vec![objected()], swept(2, &["a", "b"], &["a"]).into()];
    let with = |kept: Value| [second[0].clone(), vec![kept], second[1].clone()].concat();
    let cases = [
        ([vec![candidate()], frozen.into()].concat(), None),
        ([vec![candidate()], thawed.into()].concat(), Some("a is gone, and may not be")),
        ([vec![asks("access", json!({}))], swept(2, &["a"], &[]).into()].concat(), Some("a is not covered")),
        ([vec![erased()], gone.into()].concat(), None),
        (twice, None),
        ([vec![erased()], left.into()].concat(), Some("a exists, and may not")),
        (with(sampled("b", 2, true)), Some("b was sampled, and its customer objects")),
        (with(sampled("b", 2, false)), Some("no objection, against the rule")),
    ];
    for (events, expected) in cases {
        let said = said_of(&events);
        match (expected, &said) {
            (None, None) => {}
            (Some(words), Some(text)) if text.contains(words) => {}
            _ => panic!("{expected:?}: {said:?}"),
        }
    }
}
