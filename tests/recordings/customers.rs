//! Whoever asks for a customer's recordings finds them, however the number was written then and is written now.

use std::{collections::BTreeSet, fs};

use crate::desk::{Desk, Home, fixture, wait_for};

/// The calls that a command lists.
fn listed(desk: &Desk, customer: &str) -> BTreeSet<String> {
    let listed = desk.json(&["recordings", "--customer", customer]);
    let calls = listed.as_array().expect("one array").iter();
    calls.map(|row| row["call"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_customer_is_found_by_any_spelling_of_the_number_and_by_what_is_no_number_as_it_was_given() {
    let desk = Home::with_settings("country = \"nl\"\n").start(&["--one-in", "0"]);
    let record = |customer: &str| {
        let flags = ["--agent", "anna", "--customer", customer, "--record-at", "1"];
        desk.replay(&fixture("desk-03.wav"), &flags)["call"].as_str().expect("an id").to_owned()
    };
    let spellings =
        ["+31612345678", "0031612345678", "06-12345678", "sip:0612345678@host;user=phone", "tel:+31-6-1234-5678"];
    let calls: BTreeSet<String> = spellings.into_iter().map(record).collect();
    let others = ["anna@example.com", "anonymous", "204"].map(|given| (given, record(given)));
    wait_for("the rows", || desk.recordings().iter().all(|row| row["id"].is_string()).then_some(()));
    for spelling in spellings.into_iter().chain(["sip:+31612345678@192.0.2.7", "(06) 12 34 56 78"]) {
        assert_eq!(listed(&desk, spelling), calls, "{spelling}");
    }
    for (given, call) in others {
        assert_eq!(listed(&desk, given), [call].into(), "{given}");
    }
    assert!(listed(&desk, "+31201234567").is_empty());
    let refused = desk.run(&["recordings", "--customer", "06\u{200b}12345678"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("the customer's number must not hold U+200B"), "{}", refused.stderr);
    let home = desk.stop();
    let log = fs::read_to_string(home.beside("engine.log")).expect("a log");
    assert!(!log.contains("12345678"), "the log names the customer");
}

#[test]
fn a_country_that_there_is_not_is_refused_with_the_line_and_what_belongs_there() {
    let home = Home::with_settings("# the desk\ncountry = \"Holland\"\n");
    let refused = home.run(&["run"]);
    assert_eq!(refused.code, 1);
    let words =
        "retrocall.toml, line 2: `country`: `Holland` is no country: write its two letters (ISO 3166-1), like \"NL\"";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
}
