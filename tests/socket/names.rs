//! Names that look like others, or like nothing: refused wherever one comes in, and shown as what they are wherever they are printed.

use retrocall::protocol::{AGENT_CHARS_MAX, shown};
use serde_json::{Value, json};

use crate::{
    begin,
    desk::{Desk, Home, fixture},
    rig::Raw,
};

/// Names that nobody could tell from `anna`, or from nothing.
const DECEIVING: [&str; 14] = [
    "\u{202e}anna",
    "an\u{200b}na",
    "\u{2066}anna",
    "anna\u{2028}bert",
    " ",
    "\u{a0}",
    "\u{feff}anna",
    "anna ",
    "an\u{ad}na",
    "anna\u{fe0f}",
    "anna\u{e0041}",
    "\u{3164}",
    "\u{1b}[2Janna",
    "\u{e000}",
];

fn malformed(raw: &mut Raw, request: &Value) {
    let answer = raw.ask(request);
    assert_eq!((&answer["answer"], &answer["reason"]), (&json!("refused"), &json!("malformed")), "{request}: {answer}");
}

#[test]
fn two_agents_never_look_the_same_in_a_table() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut raw = Raw::connect(desk.socket());
    let channel = raw.ask(&begin("anna"))["channel"].clone();
    for name in DECEIVING {
        malformed(&mut raw, &begin(name));
        malformed(&mut raw, &json!({"do": "transfer", "channel": channel, "to": name}));
        malformed(&mut raw, &json!({"do": "record", "agent": name}));
        let legs = [1, 2].map(|leg| format!("3f0c2a9e-6c1d-4a7b-9a51-0e6b1c7f2d0{leg}"));
        malformed(&mut raw, &json!({"do": "expect", "agent": name, "agent_leg": legs[0], "customer_leg": legs[1]}));
        let file = fixture("desk-01.wav");
        for args in [vec!["record"], vec!["replay", file.to_str().expect("a path"), "--speed", "0"]] {
            let flag = format!("--agent={name}");
            let ran = desk.run(&[&args[..], &[&flag]].concat());
            assert_eq!(ran.code, 2, "{name:?}: {ran:?}");
            assert!(ran.stderr.lines().all(|line| shown(line) == line), "{:?}", ran.stderr);
        }
    }
    assert_eq!(desk.json(&["calls"]).as_array().map(Vec::len), Some(1));
    desk.stop();
}

#[test]
fn a_name_is_the_same_however_its_accents_are_written() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut raw = Raw::connect(desk.socket());
    let call = raw.ask(&begin("Zoe\u{301} de Vries"));
    assert_eq!(call["agent"], "Zo\u{e9} de Vries");
    for name in ["Zoe\u{301} de Vries", "Zo\u{e9} de Vries"] {
        let pressed = raw.ask(&json!({"do": "record", "agent": name}));
        assert_eq!(pressed["call"], call["call"], "{pressed}");
    }
    let longest = "e\u{301}".repeat(AGENT_CHARS_MAX);
    assert_eq!(raw.ask(&begin(&longest))["agent"], "\u{e9}".repeat(AGENT_CHARS_MAX));
    desk.stop();
}

#[test]
fn settings_with_a_name_that_nobody_can_see_are_refused_with_their_line() {
    for settings in [
        "[users]\nnobody = \"an\\u200Bna\"\n",
        "[users]\n\"no\\u200Bbody\" = \"anna\"\n",
        "audiosocket_agent = \"an\\u200Bna\"\n",
        "[audiosocket_agents]\n\"00000101\" = \"an\\u200Bna\"\n",
    ] {
        let home = Home::with_settings(settings);
        let ran = home.run(&["run"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stderr.contains("line ") && ran.stderr.contains("U+200B"), "{}", ran.stderr);
    }
}
