//! The clients for C and Python say every word that a client may say: one that is new fails here until they have it.

use std::collections::BTreeSet;

use retrocall::{
    audio::{Codec, Leg},
    protocol::{CallStates, Direction, Facts, Verb, Verdict},
};

use crate::{keys, read};

fn header() -> String {
    read("src/wire/capi/retrocall.h")
}

fn python() -> String {
    read("examples/retrocall.py")
}

/// The part of a text from one mark to the next other one.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let rest = text.split_once(from).unwrap_or_else(|| panic!("no `{from}`")).1;
    rest.split_once(to).unwrap_or_else(|| panic!("no `{to}` behind `{from}`")).0
}

#[track_caller]
fn has(text: &str, words: &str) {
    assert!(text.contains(words), "`{words}` is missing");
}

#[test]
fn every_control_is_a_function_for_c_and_a_method_for_python() {
    let (header, python) = (header(), python());
    let call = between(&python, "\nclass Call:\n", "\nclass ");
    for verb in Verb::ALL.into_iter().filter(|verb| verb.is_control() || *verb == Verb::End) {
        let name = verb.as_str().replace('-', "_");
        has(&header, &format!("retrocall_{name}("));
        has(call, &format!("    def {name}(self"));
        has(call, &format!("self.ask(\"{verb}\""));
    }
}

#[test]
fn every_codec_direction_leg_and_verdict_has_its_number_for_c() {
    let header = header();
    let number = |word: &str, number: usize| {
        has(&header, &format!("#define RETROCALL_{} {number}\n", word.to_uppercase()));
    };
    Codec::ALL.into_iter().for_each(|codec| number(codec.as_str(), codec as usize));
    Direction::ALL.into_iter().for_each(|direction| number(direction.as_str(), direction as usize));
    Leg::ALL.into_iter().for_each(|leg| number(leg.as_str(), leg as usize));
    Verdict::ALL.into_iter().for_each(|verdict| number(verdict.as_str(), verdict as usize));
}

#[test]
fn every_codec_has_its_size_for_python() {
    let sizes = Codec::ALL.map(|codec| format!("\"{}\": {}", codec.as_str(), codec.bytes_per_sample()));
    has(&python(), &format!("BYTES_A_SAMPLE = {{{}}}\n", sizes.join(", ")));
}

#[test]
fn all_that_is_announced_of_a_call_can_be_said_from_c_and_python() {
    let (header, python) = (header(), python());
    let (options, status) = (
        between(&header, "typedef struct retrocall_options {", "} retrocall_options;"),
        between(&header, "typedef struct retrocall_status {", "} retrocall_status;"),
    );
    let begin = between(&python, "    def begin(\n", ") -> Call:");
    let states = between(&python, "class States(NamedTuple):", "@classmethod");
    for fact in keys(&Facts::example()) {
        assert!(options.contains(&format!(" {fact};")) || options.contains(&format!(" *{fact};")), "`{fact}` for C");
        has(begin, &format!("        {fact}: "));
    }
    for (state, _) in CallStates::default().named() {
        for place in [options, status] {
            // `private` is a word of C++.
            let is_there = [" int {};", " int {}_;"].iter().any(|line| place.contains(&line.replace("{}", state)));
            assert!(is_there, "`{state}` for C");
        }
        has(states, &format!("    {state}: bool = False"));
    }
    let named: BTreeSet<String> = CallStates::default().named().map(|(state, _)| state.to_owned()).into();
    assert_eq!(named, keys(&CallStates::default()));
}
