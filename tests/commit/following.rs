//! What is in the file.

use std::{fs, os::unix::fs::PermissionsExt, sync::mpsc};

use retrocall::{
    audio::{Leg, Rate},
    commit::{Durable, RealDisk, read_recording},
    protocol::Reason,
    ring::Span,
};

use crate::desk::{Call, Desk, PATIENCE, TestDisk, files, read};

fn commit(call: &Call) -> (Desk, Durable) {
    let desk = Desk::new(TestDisk::good(), 1);
    let recording = desk.record(call);
    recording.finish(call);
    let durable = recording.durable();
    assert_eq!((durable.path(), durable.call()), (recording.wav.as_path(), call.label.call.id));
    assert!(desk.commits.wait_idle(PATIENCE));
    assert_eq!(files(&desk.recordings()), [recording.wav], "nothing but the recording is left");
    (desk, durable)
}

#[test]
fn a_recording_holds_every_sample_of_its_call() {
    for rate in [8_000, 48_000] {
        let mut call = Call::new(rate);
        call.speak(Leg::Agent, rate as usize * 3 + 7);
        call.push(Leg::Customer, &[i16::MIN, i16::MAX, 0, -1, 1]);
        call.speak(Leg::Customer, rate as usize * 2);
        let (_desk, durable) = commit(&call);
        assert_eq!(read(durable.path()), call.expected());
        let spec = hound::WavReader::open(durable.path()).expect("a WAV file").spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, rate, 16));
        assert_eq!((durable.samples(), durable.first(), durable.incomplete()), (call.end(), 0, false));
    }
}

#[test]
fn a_recording_says_what_it_is_and_only_its_user_may_read_it() {
    let mut call = Call::new(16_000);
    call.label.call.facts.agent = "Zoë".to_owned();
    call.speak(Leg::Agent, 16_000);
    let desk = Desk::new(TestDisk::good(), 1);
    let recording = desk.record(&call);
    let reasons = vec![Reason::OnDemand, Reason::Sample];
    recording.handle.finish(call.end(), reasons.clone());
    let durable = recording.durable();
    let bytes = fs::read(durable.path()).expect("a file");
    assert_eq!(bytes.len() as u64, durable.bytes());
    let find = |what: &[u8]| bytes.windows(what.len()).position(|window| window == what).expect("it is there");
    assert!(find(b"LIST") < find(b"data"));
    assert!(find(b"reasons=on-demand+sample") < find(b"data"), "the reasons at hangup");
    assert!(find("Zoë".as_bytes()) < find(b"state=complete"));
    let mode = |path: &std::path::Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(durable.path()), 0o600);
    assert_eq!(mode(&desk.recordings()), 0o700);
    let read = read_recording(&RealDisk, durable.path()).expect("it says what it is");
    call.label.reasons = reasons;
    assert_eq!(read, (durable, call.label));
}

/// Whether a file holds nothing that was not said: each sample as it was, or nothing yet. Whoever reads a file while it is written may see a later
/// page of a write before an earlier one.
fn is_of(file: &[i16], said: &[i16]) -> bool {
    file.len() <= said.len() && file.iter().zip(said).all(|(file, said)| file == said || *file == 0)
}

#[test]
fn a_file_follows_its_call_until_hangup() {
    const ROUNDS: usize = 20;
    let mut call = Call::new(8_000);
    call.speak(Leg::Agent, 8_000);
    let desk = Desk::new(TestDisk::good(), 1);
    let recording = desk.record(&call);
    recording.wait_for(&call.expected());
    let (go_on, rounds) = mpsc::channel::<()>();
    let (tell, said_one) = mpsc::channel();
    let speaker = std::thread::spawn(move || {
        for () in rounds {
            for frame in 0..25 {
                call.speak(Leg::Customer, 160);
                call.speak(Leg::Agent, 160);
                if frame == 0 {
                    tell.send(()).expect("the test listens");
                }
                std::thread::yield_now();
            }
        }
        call
    });
    // While people talk, and not only when they have stopped: the file holds what was said before it was looked at.
    let mut seen = Vec::new();
    for _ in 0..ROUNDS {
        go_on.send(()).expect("somebody speaks");
        said_one.recv_timeout(PATIENCE).expect("somebody speaks");
        recording.rewrite(u64::MAX);
        seen.push(read(&recording.part));
    }
    drop(go_on);
    let mut call = speaker.join().expect("a writer");
    for file in &seen {
        assert!(is_of(file, &call.expected()), "the file held what nobody had said");
    }
    assert!(seen.windows(2).all(|two| two[0].len() <= two[1].len()), "the file became shorter");
    let lengths: std::collections::HashSet<_> = seen.iter().map(Vec::len).collect();
    assert!(lengths.len() > 3, "the file did not follow: {lengths:?}");
    recording.wait_for(&call.expected());
    call.speak(Leg::Customer, 1_000);
    recording.finish(&call);
    assert_eq!(read(recording.durable().path()), call.expected());
}

#[test]
fn audio_of_a_leg_that_lags_gets_its_place() {
    let mut call = Call::new(8_000);
    call.speak(Leg::Agent, 80_000);
    call.speak(Leg::Customer, 8_000);
    let desk = Desk::new(TestDisk::good(), 1);
    let recording = desk.record(&call);
    recording.wait_for(&call.expected());
    for _ in 0..3 {
        call.speak(Leg::Customer, 16_000);
        call.speak(Leg::Agent, 160);
        recording.wait_for(&call.expected());
    }
    call.speak(Leg::Customer, 24_000);
    recording.finish(&call);
    assert_eq!(read(recording.durable().path()), call.expected());
}

#[test]
fn a_kept_call_gives_a_file_even_if_one_side_or_both_never_spoke() {
    let mut call = Call::new(8_000);
    call.speak(Leg::Customer, 4_000);
    let (_desk, durable) = commit(&call);
    assert_eq!(read(durable.path()), call.expected());
    let (_desk, durable) = commit(&Call::new(8_000));
    assert_eq!((durable.samples(), read(durable.path())), (0, vec![]));
}

#[test]
fn a_call_that_is_longer_than_its_audio_ends_in_silence() {
    let mut call = Call::new(8_000);
    call.speak(Leg::Customer, 800);
    let desk = Desk::new(TestDisk::good(), 1);
    let recording = desk.record(&call);
    recording.handle.finish(1_600, vec![Reason::OnDemand]);
    let mut expected = call.expected();
    expected.resize(3_200, 0);
    assert_eq!(read(recording.durable().path()), expected);
}

#[test]
fn a_call_whose_oldest_audio_is_gone_begins_where_it_is_held() {
    let mut call = Call::new(8_000);
    call.speak(Leg::Agent, 40_000);
    call.speak(Leg::Customer, 40_000);
    assert_eq!(call.ring.drop_before(12_345), 12_345);
    let (_desk, durable) = commit(&call);
    assert_eq!((durable.first(), durable.samples()), (12_345, 40_000 - 12_345));
    assert_eq!(read(durable.path()), call.expected()[2 * 12_345..]);
}

/// Makes the last samples of a live call silence, in its ring.
pub fn erase_last(call: &mut Call, samples: u64) -> u64 {
    let (end, from) = (call.end(), call.end().saturating_sub(samples));
    for leg in Leg::ALL {
        call.ring.silence(leg, &[Span { from, to: end }]).expect("room for one");
        call.ring.erase(leg, Span { from, to: end });
        let line = &mut call.pushed[leg.index()];
        let from = line.len().min(from as usize);
        line[from..].fill(0);
    }
    from
}

#[test]
fn what_was_erased_is_nowhere_in_the_file_of_a_running_commit() {
    let mut call = Call::new(8_000);
    call.speak(Leg::Agent, 24_000);
    call.speak(Leg::Customer, 8_000);
    let card = [0x1234i16; 160];
    for _ in 0..50 {
        call.push(Leg::Customer, &card);
        call.push(Leg::Agent, &card);
    }
    let holds_card = |path: &std::path::Path| {
        fs::read(path)
            .expect("a file")
            .windows(4)
            .any(|four| four == [0x34, 0x12, 0, 0] || four == [0x34, 0x12, 0x34, 0x12])
    };
    let desk = Desk::new(TestDisk::good(), 1);
    let recording = desk.record(&call);
    recording.wait_for(&call.expected());
    let samples = call.end() - 8_000;
    assert!(holds_card(&recording.part));
    let from = erase_last(&mut call, samples);
    recording.rewrite(from);
    assert!(!holds_card(&recording.part));
    assert_eq!(read(&recording.part), call.expected());
    call.speak(Leg::Agent, 800);
    recording.finish(&call);
    let durable = recording.durable();
    assert_eq!(read(durable.path()), call.expected());
    let (tell, told) = mpsc::channel::<()>();
    assert!(!recording.handle.rewrite(0, move || drop(tell)), "a published recording is not changed");
    assert!(told.recv().is_err(), "nobody says that it was");
}

#[test]
fn many_calls_share_two_threads() {
    let desk = Desk::new(TestDisk::good(), 2);
    let mut calls: Vec<_> = (0..20)
        .map(|i| {
            let mut call = Call::new(8_000);
            // One has a backlog of several steps, and must not keep the others from theirs.
            call.speak(Leg::Agent, if i == 0 { 700_000 } else { 1_600 });
            let recording = desk.record(&call);
            (call, recording)
        })
        .collect();
    assert_eq!(desk.commits.pending(), 20);
    for (call, recording) in &mut calls {
        call.speak(Leg::Customer, 800);
        recording.finish(call);
    }
    assert!(desk.commits.wait_idle(PATIENCE));
    assert_eq!((desk.commits.pending(), desk.commits.trouble()), (0, None));
    for (call, recording) in &calls {
        assert_eq!(read(recording.durable().path()), call.expected());
    }
}

#[test]
fn every_rate_that_a_call_can_have_is_the_rate_of_its_file() {
    for rate in [Rate::MIN_HZ, 11_025, 44_100, Rate::MAX_HZ] {
        let mut call = Call::new(rate);
        call.speak(Leg::Agent, 100);
        let (_desk, durable) = commit(&call);
        assert_eq!(hound::WavReader::open(durable.path()).expect("a WAV file").spec().sample_rate, rate);
    }
}
