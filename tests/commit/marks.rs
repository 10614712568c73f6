//! What a recording says of what happened when.

use std::fs;

use retrocall::{
    audio::Leg,
    commit::{Mark, RealDisk, Recovery, read_recording, recover},
};

use crate::desk::{Call, Desk, TestDisk, read};

/// A call with a gap, a mask, a hold, an erase, another agent, and with something lost in the middle and at the end.
fn eventful() -> (Call, Vec<Mark>) {
    let mut call = Call::new(8_000);
    let agent = |at, name: &str| Mark::Agent(at, name.to_owned());
    call.marks.add(agent(0, "anna"));
    call.speak(Leg::Agent, 8_000);
    call.speak(Leg::Customer, 4_000);
    call.skip(Leg::Customer, 1_600);
    call.speak(Leg::Customer, 2_400);
    let said = [Mark::Record(8_000, "anna".to_owned()), Mark::Mask(2_000), Mark::Unmask(3_000), Mark::Hold(6_000)];
    said.iter().for_each(|mark| call.marks.add(mark.clone()));
    call.refuse(Leg::Agent, 160);
    call.skip(Leg::Agent, 800);
    call.speak(Leg::Agent, 3_200);
    let mut marks = vec![agent(0, "anna")];
    marks.extend(said);
    marks.push(Mark::Gap(Leg::Customer, 4_000..5_600));
    marks.push(Mark::Lost(Leg::Agent, 8_000..8_800));
    (call, marks)
}

fn sorted(mut marks: Vec<Mark>) -> Vec<String> {
    marks.sort_by_key(|mark| (mark.span().start, mark.span().end));
    let mut words: Vec<String> = marks.iter().map(|mark| format!("{mark:?}")).collect();
    words.sort();
    words
}

#[test]
fn a_recording_says_which_silence_is_a_gap_which_was_asked_for_and_what_was_lost() {
    let (mut call, mut expected) = eventful();
    let desk = Desk::new(TestDisk::good(), 1);
    let recording = desk.record(&call);
    recording.wait_for(&call.expected());
    // What comes while the file is written.
    for mark in [Mark::Resume(9_000), Mark::Erased(8_900..9_100), Mark::Agent(10_000, "bert; =x".to_owned())] {
        call.marks.add(mark.clone());
        expected.push(mark);
    }
    call.speak(Leg::Customer, 4_000);
    call.refuse(Leg::Customer, 80);
    call.refuse(Leg::Customer, 80);
    expected.push(Mark::Lost(Leg::Customer, 12_000..12_160));
    recording.finish(&call);
    let durable = recording.durable();
    assert_eq!(sorted(durable.marks().to_vec()), sorted(expected));
    assert!(durable.incomplete(), "frames were lost");
    assert!(read(durable.path()) == call.expected());
    let bytes = fs::read(durable.path()).expect("a file");
    let head = String::from_utf8_lossy(&bytes[..4_096]);
    for words in [
        "; 0.25 mask; 0.375 unmask; ",
        "0.5-0.7 gap=customer; ",
        "1-1.1 lost=agent; ",
        "1.5-1.52 lost=customer; ",
        "1.25 agent=bert%3B %3Dx; ",
        "gaps=1; lost=3; ",
        "state=incomplete",
    ] {
        assert!(head.contains(words), "{words} is missing in {head}");
    }
    let (again, _) = read_recording(&RealDisk, durable.path()).expect("it says what it is");
    assert_eq!(sorted(again.marks().to_vec()), sorted(durable.marks().to_vec()), "the file says the same");
}

#[test]
fn what_happened_until_an_engine_was_killed_is_in_the_recording_that_is_recovered() {
    let (call, expected) = eventful();
    let desk = Desk::new(TestDisk::good(), 1);
    let recording = desk.record(&call);
    recording.wait_for(&call.expected());
    let Desk { home, commits } = desk;
    drop(commits);
    match &recover(&RealDisk, &home.path().join("recordings"))[..] {
        [Recovery::Published { durable, .. }] => {
            assert_eq!(sorted(durable.marks().to_vec()), sorted(expected));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn gaps_of_the_network_do_not_make_a_recording_incomplete_and_too_many_are_counted() {
    let mut call = Call::new(8_000);
    for _ in 0..500 {
        call.speak(Leg::Agent, 160);
        call.skip(Leg::Agent, 160);
    }
    call.speak(Leg::Agent, 160);
    let desk = Desk::new(TestDisk::good(), 1);
    let recording = desk.record(&call);
    recording.finish(&call);
    let durable = recording.durable();
    assert!(!durable.incomplete());
    assert_eq!(durable.marks().len(), 500);
    let bytes = fs::read(durable.path()).expect("a file");
    let head = String::from_utf8_lossy(&bytes[..4_096]);
    assert!(head.contains("gaps=500; lost=0; ") && head.contains("; more; "), "{head}");
    assert!(read(durable.path()) == call.expected());
}
