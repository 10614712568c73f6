//! AudioSocket as Asterisk speaks it: legs that come as connections of their own are one call, kept bit for bit if it is pressed, and
//! nothing that happens on our side ends the phone call. What depends on time alone is in `src/intake/audiosocket`, in a time of its own.

#[path = "../desk/mod.rs"]
mod desk;
mod grace;
mod holder;
mod idle;
mod many;
mod peer;
mod placing;
#[path = "../rig/mod.rs"]
mod rig;

use std::{fs, path::Path, time::Duration};

use retrocall::audio::{Leg, g711::Law};
use serde_json::{Value, json};

use desk::{Desk, Home, Sound, wait_for};
use peer::{Peer, message};
use rig::Raw;

/// The types of audio and their rates.
const KINDS: [(u8, u32); 9] = [
    (0x10, 8_000),
    (0x11, 12_000),
    (0x12, 16_000),
    (0x13, 24_000),
    (0x14, 32_000),
    (0x15, 44_100),
    (0x16, 48_000),
    (0x17, 96_000),
    (0x18, 192_000),
];
const AGENT: &str = "00000101-0000-4000-8000-00000000a5e0";
const CUSTOMER: &str = "00000101-0000-4000-8000-00000000a5e1";
const AGENTS: &str = "[audiosocket_agents]\n\"00000101\" = \"anna\"\n";

fn open(toml: &str) -> Desk {
    Desk::open_with(toml, &["--one-in", "0", "--audiosocket", "127.0.0.1:0"])
}

/// The live calls, once there are some that satisfy `are_so`.
fn calls(desk: &Desk, are_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    wait_for("the live calls", || {
        let calls = desk.json(&["calls"]).as_array().expect("one array").clone();
        Some(calls).filter(|calls| are_so(calls))
    })
}

/// The recording of a call.
fn kept_of(desk: &Desk, call: &Value) -> Sound {
    let is_it = |kept: &Value| kept["call"] == *call && kept["state"] == "complete";
    let kept = wait_for("the recording", || desk.recordings().into_iter().find(is_it));
    Sound::of_recording(Path::new(kept["path"].as_str().expect("a path")))
}

/// Once all calls have ended, the recording of the only one that was kept.
fn kept(desk: &Desk) -> Sound {
    calls(desk, <[Value]>::is_empty);
    let kept = wait_for("the recording", || desk.recordings().pop());
    kept_of(desk, &kept["call"])
}

/// What was said in a recording, without the silence around it and within it: noise is never 0.
fn said(sound: &Sound) -> [Vec<i16>; 2] {
    sound.legs.clone().map(|leg| leg.into_iter().filter(|sample| *sample != 0).collect())
}

/// Whether a recording is this sound, sample by sample. Both legs said it at once, each as soon as it could: by how much one of them is later is
/// the machine's matter, and `placing` looks at it in real time.
#[track_caller]
fn assert_says(kept: &Sound, sound: &Sound) {
    assert_eq!(kept.rate, sound.rate);
    assert!(said(kept) == said(sound), "not a sample more or less");
    assert!(kept.legs.iter().any(|leg| leg[0] != 0), "from the first one on");
}

fn press(desk: &Desk, agent: &str) {
    assert_eq!(desk.json(&["record", "--agent", agent])["answer"], "accepted");
}

/// Whether both legs of the only call have come up to these samples.
fn have_come(samples: [usize; 2], rate: u32) -> impl Fn(&[Value]) -> bool {
    move |calls| {
        let came = |leg: &str| calls[0][leg]["frames"].as_u64().unwrap_or(0);
        calls.len() == 1
            && calls[0]["rate"] == rate
            && ["agent_leg", "customer_leg"].iter().zip(samples).all(|(leg, samples)| (came(leg) > 0) == (samples > 0))
            && calls[0]["seconds"].as_f64().is_some_and(|seconds| {
                (seconds * f64::from(rate)).round() as usize >= *samples.iter().max().expect("two legs")
            })
    }
}

#[test]
fn two_legs_that_differ_in_the_last_bit_are_one_call_kept_from_its_first_sample_at_every_rate() {
    let desk = open(AGENTS);
    for (type_byte, rate) in KINDS.into_iter().take(7) {
        let sound = Sound::noise(rate, rate as usize / 2, u64::from(rate));
        let mut agent = Peer::connect(&desk, AGENT);
        agent.speak(type_byte, &sound.legs[0], rate as usize / 50);
        let mut customer = Peer::connect(&desk, CUSTOMER);
        customer.speak(type_byte, &sound.legs[1], rate as usize / 50);
        let live = calls(&desk, have_come([sound.len(); 2], rate));
        press(&desk, "anna");
        // What Asterisk never sends, and what it always does: both are a hangup.
        agent.say(&message(0x00, &[]));
        agent.hears_the_end();
        drop(customer);
        calls(&desk, <[Value]>::is_empty);
        assert_says(&kept_of(&desk, &live[0]["call"]), &sound);
    }
    desk.stop();
}

#[test]
fn an_expected_call_is_of_its_agent_and_whoever_expected_it_hears_of_it() {
    let desk = open("");
    let mut controller = Raw::connect(desk.socket());
    let legs = ["3f0c2a9e-6c1d-4a7b-9a51-0e6b1c7f2d01", "a14de2b7-93f0-4cc8-8f1e-5b7790aa3c4e"];
    let expect = json!({"id": 1, "do": "expect", "agent": "bert", "customer": "+31205550123", "agent_leg": legs[0],
        "customer_leg": legs[1]});
    assert_eq!(controller.ask(&expect), json!({"id": 1, "answer": "accepted"}));
    let sound = Sound::noise(16_000, 8_000, 7);
    // The customer's leg comes first.
    let mut customer = Peer::connect(&desk, legs[1]);
    customer.speak(0x12, &sound.legs[1], 320);
    let begun = controller.event("begun");
    assert_eq!(
        (&begun["agent"], &begun["agent_leg"], &begun["customer_leg"]),
        (&"bert".into(), &legs[0].into(), &legs[1].into())
    );
    let mut agent = Peer::connect(&desk, legs[0]);
    agent.speak(0x12, &sound.legs[0], 320);
    let live = calls(&desk, have_come([sound.len(); 2], 16_000));
    assert_eq!((&live[0]["call"], &live[0]["agent"]), (&begun["call"], &"bert".into()));
    assert_eq!(controller.ask(&json!({"do": "record", "agent": "bert"}))["answer"], "accepted");
    drop((agent, customer));
    let path = controller.event("kept")["path"].as_str().expect("a path").to_owned();
    assert_says(&Sound::of_recording(Path::new(&path)), &sound);
    // It was for one call.
    let mut again = Peer::connect(&desk, legs[0]);
    again.speak(0x10, &sound.legs[0], 160);
    let live = calls(&desk, |calls| calls.len() == 1);
    assert_eq!(live[0]["agent"], "audiosocket");
    assert!(!desk.log().contains("5550123"), "no number is logged");
    drop(again);
    // Where AudioSocket is off, nobody waits for a call that can't come.
    let off = Desk::open(&["--one-in", "0"]);
    let refused = Raw::connect(off.socket()).ask(&expect);
    assert_eq!(refused["reason"], "malformed");
    assert!(refused["text"].as_str().expect("words").contains("set `audiosocket`"), "{refused}");
    off.stop();
    desk.stop();
}

#[test]
fn silence_comes_from_the_beginning_and_for_as_long_as_the_peer_stays_whatever_it_sends() {
    let desk = open("");
    let mut peer = Peer::bare(&desk);
    peer.hears_silence(0x10, 10);
    peer.say(&peer::uuid(AGENT));
    peer.say(&message(0x02, b"unknown"));
    peer.hears_silence(0x10, 10);
    // Above what a call can have: heard, answered with silence of its own kind, and nothing more.
    for (type_byte, rate) in [(0x17, 96_000), (0x18, 192_000)] {
        peer.speak(type_byte, &vec![77; rate / 10], rate / 50);
        peer.hears_silence_at_last(type_byte);
    }
    wait_for("a word in the log", || {
        desk.log().contains("above 48000 Hz: let Asterisk send a lower rate").then_some(())
    });
    assert_eq!(desk.json(&["calls"]), json!([]));
    // And it can still become a call.
    peer.speak(0x12, &vec![77; 1_600], 320);
    calls(&desk, |calls| calls.len() == 1 && calls[0]["rate"] == 16_000);
    peer.hears_silence_at_last(0x12);
    drop(peer);
    calls(&desk, <[Value]>::is_empty);
    desk.stop();
}

#[test]
fn a_second_leg_that_cannot_be_held_is_heard_all_the_same_and_the_first_one_is_whole() {
    let desk = open(AGENTS);
    let sound = Sound::noise(8_000, 4_000, 3);
    let mut agent = Peer::connect(&desk, AGENT);
    agent.speak(0x10, &sound.legs[0], 160);
    calls(&desk, have_come([4_000, 0], 8_000));
    let mut wide = Peer::connect(&desk, CUSTOMER);
    wide.speak(0x12, &sound.legs[1], 320);
    let mut twice = Peer::connect(&desk, AGENT);
    twice.speak(0x10, &sound.legs[1], 160);
    let mut lost = Peer::bare(&desk);
    lost.speak(0x10, &sound.legs[1], 160);
    for words in ["the other leg has another", "another connection is this leg", "its first message is no UUID"] {
        wait_for(words, || {
            // Who has nothing more to say would be taken for lost.
            agent.speak(0x10, &[7; 160], 160);
            desk.log().contains(words).then_some(())
        });
    }
    wide.hears_silence_at_last(0x12);
    twice.hears_silence(0x10, 5);
    lost.hears_silence(0x10, 5);
    press(&desk, "anna");
    // An error of the peer ends its leg; those that are not held end nothing.
    drop((wide, twice, lost));
    agent.say(&message(0xff, &[1]));
    agent.hears_the_end();
    let said = said(&kept(&desk));
    assert!(said[0].starts_with(&sound.legs[0]) && said[0][4_000..].iter().all(|sample| *sample == 7));
    assert_eq!(said[1], [0; 0]);
    desk.stop();
}

#[test]
fn g711_that_is_labelled_linear_is_decoded_by_the_setting() {
    for (law, setting) in [(Law::Mu, "ulaw"), (Law::A, "alaw")] {
        let desk = open(&format!("audiosocket_g711 = \"{setting}\"\n{AGENTS}"));
        let codes: Vec<u8> = (0..160 * 40u32).map(|i| (i * 31 + i / 160) as u8).collect();
        let mut customer = Peer::connect(&desk, CUSTOMER);
        let clock = rig::RealTime::begin();
        for (frame, codes) in codes.chunks(160).enumerate() {
            customer.say(&message(0x10, codes));
            clock.wait_until(Duration::from_millis(20) * (frame as u32 + 1));
        }
        calls(&desk, have_come([0, codes.len()], 8_000));
        press(&desk, "anna");
        drop(customer);
        let heard: Vec<i16> = kept(&desk).legs[1].iter().copied().filter(|sample| *sample != 0).collect();
        let spoken: Vec<i16> = codes.iter().map(|code| law.linear(*code)).filter(|sample| *sample != 0).collect();
        assert!(heard == spoken, "{setting}");
        desk.stop();
    }
}

#[test]
fn keys_that_are_pressed_while_the_call_is_masked_are_neither_held_nor_logged() {
    let home = Home::with_settings(AGENTS);
    let desk = home.start(&["--one-in", "0", "--audiosocket", "127.0.0.1:0"]);
    let sound = Sound::noise(8_000, 4_000, 11);
    let mut customer = Peer::connect(&desk, CUSTOMER);
    customer.speak(0x10, &sound.legs[1], 160);
    calls(&desk, have_come([0, 4_000], 8_000));
    press(&desk, "anna");
    let mut expect_frames = 25;
    let mut speak = |customer: &mut Peer, sample: i16| {
        customer.speak(0x10, &[sample; 160], 160);
        expect_frames += 1;
        calls(&desk, |calls| calls[0]["customer_leg"]["frames"].as_u64() >= Some(expect_frames))
    };
    let mut key = |customer: &mut Peer, digit: u8| {
        customer.say(&message(0x03, &[digit]));
        // A frame behind it, so that we know when it has taken effect.
        speak(customer, 5)
    };
    key(&mut customer, b'1');
    desk.json(&["mask", "--agent", "anna"]);
    b"4929".iter().for_each(|digit| drop(key(&mut customer, *digit)));
    // The leg was half a second ahead of what could have been said: so far the mask reaches.
    let until = desk.json(&["unmask", "--agent", "anna"])["at"].as_f64().expect("a position");
    while speak(&mut customer, 6)[0]["seconds"].as_f64().expect("a length") * 8_000.0 <= until {}
    customer.say(&message(0x03, b"#"));
    speak(&mut customer, 5);
    drop(customer);
    let sound = kept(&desk);
    assert_eq!(sound.legs[1].iter().filter(|sample| **sample == 5).count(), 2 * 160, "what was masked is silence");
    let home = desk.stop();
    let catalog: Vec<u8> = home
        .files()
        .iter()
        .filter(|file| file.to_string_lossy().contains("catalog"))
        .flat_map(|file| fs::read(file).expect("a file"))
        .collect();
    let catalog = String::from_utf8_lossy(&catalog);
    let marks = catalog.split("\"dtmf\":[").nth(1).and_then(|rest| rest.split("]]").next()).expect("keys are marks");
    let keys: Vec<char> = marks.split('"').skip(1).step_by(2).flat_map(str::chars).collect();
    assert_eq!(keys, ['1', '#'], "{marks}");
}

#[test]
fn keys_that_the_desk_has_set_press_record_on_the_agents_leg_and_object_on_the_customers() {
    let desk = open(&format!("record_keys = \"*7\"\nobject_keys = \"3\"\n{AGENTS}"));
    let sound = Sound::noise(8_000, 4_000, 12);
    let [mut agent, mut customer] = [AGENT, CUSTOMER].map(|leg| Peer::connect(&desk, leg));
    for (peer, leg) in [(&mut agent, 0), (&mut customer, 1)] {
        peer.speak(0x10, &sound.legs[leg], 160);
    }
    calls(&desk, have_come([4_000; 2], 8_000));
    // On the other one's phone they are keys.
    agent.say(&message(0x03, b"3"));
    customer.say(&message(0x03, b"*"));
    customer.say(&message(0x03, b"7"));
    customer.say(&message(0x03, b"3"));
    let seen = calls(&desk, |calls| calls[0]["objected"] == true);
    assert_eq!(seen[0]["recording"], false, "{seen:?}");
    agent.say(&message(0x03, b"*"));
    agent.say(&message(0x03, b"7"));
    calls(&desk, |calls| calls[0]["recording"] == true);
    drop((agent, customer));
    assert_says(&kept(&desk), &sound);
    desk.stop();
}

#[test]
fn however_a_peer_vanishes_its_leg_ends_and_the_call_with_the_last_one() {
    let desk = open(&format!("grace = \"500ms\"\n{AGENTS}"));
    let sound = Sound::noise(8_000, 4_010, 13);
    // In the middle of a message: what came of it was spoken.
    let mut agent = Peer::connect(&desk, AGENT);
    agent.speak(0x10, &sound.legs[0][..4_000], 160);
    let last = message(
        0x10,
        &sound.legs[0][4_000..].iter().flat_map(|sample| sample.to_le_bytes()).chain([0; 300]).collect::<Vec<_>>(),
    );
    agent.say(&last[..3 + 20]);
    let mut customer = Peer::connect(&desk, CUSTOMER);
    customer.speak(0x10, &sound.legs[1][..4_000], 160);
    calls(&desk, have_come([4_000; 2], 8_000));
    press(&desk, "anna");
    // One says that it sends no more, the other is torn down, and does not come back.
    agent.shut_writing();
    agent.hears_the_end();
    calls(&desk, |calls| calls.len() == 1);
    customer.reset();
    let mut expected = sound;
    expected.legs[1].truncate(4_000);
    assert_says(&kept(&desk), &expected);
    desk.stop();
}

#[test]
fn a_peer_that_says_nothing_or_nothing_more_is_closed_after_the_idle_limit_and_no_call_is_left() {
    let desk = open(&format!("audiosocket_idle = \"1s\"\n{AGENTS}"));
    let mut mute = Peer::bare(&desk);
    let mut half = Peer::connect(&desk, CUSTOMER);
    let mut tap = Peer::connect(&desk, AGENT);
    let sound = Sound::noise(8_000, 1_600, 17);
    tap.speak(0x10, &sound.legs[0], 160);
    calls(&desk, |calls| calls.len() == 1);
    // Each hears silence until then.
    for peer in [&mut mute, &mut half, &mut tap] {
        peer.hears_silence_at_last(0x10);
        peer.hears_the_end();
    }
    calls(&desk, <[Value]>::is_empty);
    assert_eq!(desk.recordings(), [] as [Value; 0]);
    desk.stop();
}

#[test]
fn a_leg_comes_over_a_unix_socket_too_and_may_leave_and_come_back_while_the_call_lives() {
    let desk = open(&format!("audiosocket_socket = \"taps.sock\"\n{AGENTS}"));
    let sound = Sound::noise(8_000, 8_000, 19);
    let mut agent = Peer::connect_unix(&desk.path().join("taps.sock"), AGENT);
    agent.speak(0x10, &sound.legs[0], 160);
    let mut customer = Peer::connect(&desk, CUSTOMER);
    customer.speak(0x10, &sound.legs[1][..4_000], 160);
    let first = calls(&desk, have_come([8_000, 4_000], 8_000));
    drop(customer);
    // The place is free when the engine has seen that the first one has gone: the other leg is left, and whoever asks.
    wait_for("the end of a leg", || (desk.json(&["status"])["connections"] == 2).then_some(()));
    let mut customer = Peer::connect(&desk, CUSTOMER);
    customer.speak(0x10, &sound.legs[1][4_000..], 160);
    let both = calls(&desk, |calls| calls[0]["customer_leg"]["frames"].as_u64() >= Some(50));
    assert_eq!((both.len(), &both[0]["call"]), (1, &first[0]["call"]));
    press(&desk, "anna");
    drop((agent, customer));
    let kept = kept(&desk);
    assert!(kept.legs[0].starts_with(&sound.legs[0]), "the leg that stayed");
    let spoken = |leg: Leg| kept.legs[leg.index()].iter().copied().filter(|sample| *sample != 0).collect::<Vec<i16>>();
    assert!(spoken(Leg::Customer) == sound.legs[1], "both parts of the other one");
    desk.stop();
}

#[test]
fn an_address_that_other_machines_reach_is_refused_with_the_reason() {
    let home = Home::new();
    let ran = home.run(&["run", "--audiosocket", "0.0.0.0:0"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("neither a password nor encryption") && ran.stderr.contains("audiosocket_remote"),
        "{ran:?}"
    );
    let desk = Desk::open_with("audiosocket_remote = true\n", &["--audiosocket", "0.0.0.0:0"]);
    desk.stop();
}

#[test]
fn an_engine_that_takes_no_calls_hurts_no_peer() {
    let desk = open(&format!("calls_max = 1\n{AGENTS}"));
    let sound = Sound::noise(8_000, 1_600, 23);
    let mut first = Peer::connect(&desk, AGENT);
    first.speak(0x10, &sound.legs[0], 160);
    calls(&desk, |calls| calls.len() == 1);
    let mut second = Peer::connect(&desk, "00000102-0000-4000-8000-000000000000");
    second.speak(0x10, &sound.legs[1], 160);
    wait_for("a word in the log", || desk.log().contains("its call is refused").then_some(()));
    second.speak(0x10, &sound.legs[1], 160);
    second.hears_silence(0x10, 50);
    drop((first, second));
    calls(&desk, <[Value]>::is_empty);
    desk.stop();
}
