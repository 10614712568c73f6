//! The local socket against clients that send nonsense, stop in the middle or never read: each is told what is wrong, and a good call
//! beside them is kept bit for bit. Who vanishes and comes back is in `absence`, who may do what in `access`, who acts in whose name in `accounts`, who may be called what in `names`,
//! whose press means which call in `transfer`, what one user may take in `quotas`, what each request is refused for in `refusals`, all of it at once in `hostile`.

mod absence;
mod access;
mod accounts;
#[path = "../desk/mod.rs"]
mod desk;
mod directory;
mod hostile;
#[path = "../rig/ice.rs"]
mod ice;
mod names;
mod quotas;
mod refusals;
#[path = "../rig/mod.rs"]
mod rig;
#[path = "../skip/mod.rs"]
mod skip;
mod transfer;
mod visitors;

use std::{
    net::Shutdown,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rand::RngExt;
use retrocall::{
    audio::Leg,
    protocol::{Ask, Request, Target},
};
use serde_json::{Value, json};

use desk::{Desk, Line, Sound, wait_for};
use rig::{Raw, RealTime, Traces, control, frame, head_of};

/// A pressed call that goes on in real time beside whatever else happens.
struct GoodCall {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl GoodCall {
    fn begin(desk: &Desk, seed: u64) -> GoodCall {
        let sound = Sound::noise(8_000, 60 * 8_000, seed);
        let mut line = Line::begin(desk, "good", 8_000);
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let thread = thread::spawn(move || {
            line.accepted(Ask::Record);
            let (clock, mut spoken) = (RealTime::begin(), 0);
            while !until.load(Ordering::Relaxed) && spoken < sound.len() {
                line.talk(&sound, spoken, spoken + 160);
                spoken += 160;
                clock.wait_until(Duration::from_micros(125 * spoken as u64));
            }
            let calls = line.client.ask(Request::new(Target::Own, Ask::Calls)).expect("an answer").calls;
            let view = calls.expect("a list").into_iter().find(|view| view.call == line.call).expect("it is live");
            for leg in [view.agent_leg, view.customer_leg] {
                assert_eq!((leg.gaps, leg.late_frames, leg.lost_frames), (0, 0, 0));
            }
            Sound::of_recording(&line.end_and_keep()).assert_is(&head_of(&sound, spoken));
        });
        GoodCall { over, thread }
    }

    /// Ends it: it must be whole.
    fn must_be_kept_bit_for_bit(self) {
        self.over.store(true, Ordering::Relaxed);
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

fn begin(agent: &str) -> Value {
    json!({"do": "begin", "agent": agent, "rate": 8000, "codec": "pcm16"})
}

/// A message of any head.
fn message(version: u8, kind: u8, claimed_bytes: u32, payload: &[u8]) -> Vec<u8> {
    [b"RC", &[version, kind][..], &claimed_bytes.to_le_bytes(), payload].concat()
}

fn text(json: &[u8]) -> Vec<u8> {
    message(1, 1, json.len() as u32, json)
}

#[test]
fn whoever_sends_bytes_without_borders_is_told_what_is_wrong_and_nobody_else_notices() {
    let (seed, _) = rig::random("nonsense");
    let desk = Desk::open(&["--one-in", "0"]);
    let good = GoodCall::begin(&desk, seed);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("another protocol", b"GET / HTTP/1.1\r\nHost: desk\r\n\r\n".to_vec(), "not-retrocall"),
        ("zeros", vec![0; 4_096], "not-retrocall"),
        ("version 0", message(0, 1, 2, b"{}"), "version"),
        ("version 2", message(2, 1, 2, b"{}"), "version"),
        ("kind 0", message(1, 0, 2, b"{}"), "kind"),
        ("kind 4", message(1, 4, 2, b"{}"), "kind"),
        ("a control message over a MiB", message(1, 1, (1 << 20) + 1, b"{}"), "too-long"),
        ("a control message of 4 GiB", message(1, 1, u32::MAX, b"{}"), "too-long"),
        ("a frame of 4 GiB", message(1, 2, u32::MAX, &[0; 64]), "too-long"),
    ];
    for (what, bytes, error) in &cases {
        let mut raw = Raw::connect(desk.socket());
        assert_eq!(raw.ask(&begin("bad"))["channel"], 0);
        // It may be closed before all of it is sent.
        let _ = raw.send(bytes);
        let (found, text) = raw.fault();
        assert_eq!(&found, error, "{what}: {text}");
        assert!(text.len() > 20, "{what}: `{text}` tells nobody what to do");
    }
    good.must_be_kept_bit_for_bit();
    desk.stop();
}

#[test]
fn half_an_emoji_or_any_other_wrong_request_is_refused_alone_and_the_connection_with_its_calls_goes_on() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut raw = Raw::connect(desk.socket());
    let call = raw.ask(&begin("anna"))["call"].clone();
    raw.frame(Leg::Agent, 0, 0, &[5; 160]);
    let nested = format!("{{\"do\":{}", "[".repeat(16_000));
    for (what, bytes, id) in [
        ("half an emoji", &br#"{"id":9,"do":"transfer","channel":0,"to":"an\ud83d"}"#[..], Some(9)),
        ("the other half", br#"{"id":9,"do":"begin","agent":"\udc00","rate":8000,"codec":"pcm16"}"#, Some(9)),
        ("a number without end", br#"{"id":9,"do":"erase-last","channel":0,"seconds":1e400}"#, Some(9)),
        ("no number, as Python writes it", br#"{"do":"erase-last","seconds":NaN,"id":9}"#, Some(9)),
        ("bad UTF-8", b"{\"do\":\"record\xff\"}", None),
        ("a byte order mark", b"\xef\xbb\xbf{\"do\":\"status\"}", None),
        ("a field twice", br#"{"id":9,"do":"record","channel":0,"channel":1}"#, Some(9)),
        ("no JSON", b"record!", None),
        ("an array", b"[]", None),
        ("an empty message", b"", None),
        ("two objects", b"{\"do\":\"status\"}{\"do\":\"status\"}", None),
        ("half an object", b"{\"id\":9,\"do\":\"status\"", Some(9)),
        ("nothing but brackets", nested.as_bytes(), None),
        ("one byte too much", &[b' '; 16_385], None),
        ("a MiB", &vec![b'{'; 1 << 20], None),
        ("nothing that can be asked", br#"{"do":"recrod"}"#, None),
        ("nothing at all", b"{}", None),
        ("a control character", br#"{"do":"begin","agent":"bad\n","rate":8000,"codec":"pcm16"}"#, None),
        ("no rate", br#"{"do":"begin","agent":"bad","rate":1,"codec":"pcm16"}"#, None),
        ("no id", br#"{"do":"record","call":"no id"}"#, None),
        ("no time", br#"{"do":"erase-last","seconds":-1}"#, None),
        ("two calls", br#"{"do":"record","channel":0,"agent":"bad"}"#, None),
        ("a field too much", br#"{"do":"status","and":"more"}"#, None),
    ] {
        raw.send(&text(bytes)).expect("the engine takes it");
        let answer = raw.answer();
        let (verdict, reason) = (&answer["answer"], &answer["reason"]);
        assert_eq!((verdict, reason), (&"refused".into(), &"malformed".into()), "{what}: {answer}");
        assert_eq!(answer["id"].as_u64(), id, "{what}: {answer}");
        assert!(answer["text"].as_str().is_some_and(|text| text.len() > 20), "{what}: {answer}");
    }
    raw.frame(Leg::Agent, 0, 160, &[6; 160]);
    let pressed = raw.ask(&json!({"id": 10, "do": "record", "channel": 0}));
    assert_eq!((&pressed["answer"], &pressed["at"], &pressed["call"]), (&"accepted".into(), &320.into(), &call));
    desk.stop();
}

#[test]
fn a_position_that_jumped_costs_its_frame_and_the_call_is_named_while_all_calls_go_on() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut raw = Raw::connect(desk.socket());
    let calls = ["anna", "bert"].map(|agent| raw.ask(&begin(agent))["call"].clone());
    for channel in [0, 1] {
        raw.frame(Leg::Agent, channel, 0, &[5; 160]);
    }
    for (what, bytes, error, expected) in [
        ("a position an hour ahead", frame(Leg::Customer, 1, 28_800_000, &[1; 160]), "position", json!(0)),
        ("the last position there could be", frame(Leg::Agent, 1, u64::MAX, &[1; 160]), "position", json!(160)),
        ("a channel that was never given", frame(Leg::Agent, 2, 0, &[1; 160]), "channel", Value::Null),
    ] {
        raw.send(&bytes).expect("the engine takes it");
        let told = raw.event("frames-refused");
        assert_eq!((&told["error"], &told["frames"]), (&error.into(), &1.into()), "{what}: {told}");
        assert_eq!(told["expected"], expected, "{what}: {told}");
        let (call, channel) = if error == "channel" { (&Value::Null, 2) } else { (&calls[1], 1) };
        assert_eq!((&told["call"], &told["channel"]), (call, &channel.into()), "{what}: {told}");
        assert!(told["text"].as_str().is_some_and(|text| text.len() > 20), "{what}: {told}");
    }
    // Not told again so soon, but counted; and what was not told yet is told at the end.
    for bytes in [
        frame(Leg::Agent, 1, 28_800_000, &[1; 160]),
        message(1, 2, 15, &[&[1, 0, 0, 0][..], &[0; 11]].concat()),
        message(1, 2, 12, &[&[1, 0, 0, 0][..], &[0; 8]].concat()),
        frame(Leg::Agent, 1, 160, &[1; 5_761]),
        frame(Leg::Agent, 1, 160, &vec![1; 500_000]),
        frame(Leg::Agent, 1, 160, &[6; 160]),
        frame(Leg::Agent, 0, 160, &[6; 160]),
    ] {
        raw.send(&bytes).expect("the engine takes it");
    }
    raw.say(&json!({"do": "calls"}));
    let answer = raw.next().expect("the connection goes on");
    let live = answer["calls"].as_array().expect("an array of calls");
    let of = |call: &Value| live.iter().find(|live| live["call"] == *call).expect("it is live");
    assert_eq!(
        (&of(&calls[1])["agent_leg"]["refused_frames"], &of(&calls[1])["agent_leg"]["frames"]),
        (&6.into(), &2.into())
    );
    assert_eq!(
        (&of(&calls[1])["customer_leg"]["refused_frames"], &of(&calls[0])["agent_leg"]["refused_frames"]),
        (&1.into(), &0.into())
    );
    for channel in [1, 0] {
        assert_eq!(raw.ask(&json!({"do": "end", "channel": channel}))["at"], 320);
    }
    // The last request had its answer, but what was left is told behind the first one's.
    let mut raw = Raw::connect(desk.socket());
    raw.ask(&begin("carl"));
    raw.frame(Leg::Agent, 0, 28_800_000, &[1; 160]);
    raw.event("frames-refused");
    (0..5).for_each(|_| raw.frame(Leg::Agent, 0, 28_800_000, &[1; 160]));
    raw.say(&json!({"do": "end", "channel": 0}));
    let rest = raw.event("frames-refused");
    assert_eq!((&rest["frames"], &rest["leg"], &rest["position"]), (&5.into(), &"agent".into(), &28_800_000.into()));
    let dropped = || desk.log().lines().filter(|line| line.contains("a frame is dropped")).count();
    wait_for("one line each", || (dropped() == 4).then_some(()));
    assert_eq!(desk.json(&["status"])["totals"]["refused_frames"], 14);
    desk.stop();
}

/// What a softphone sends in a short call.
fn a_call_in_bytes() -> Vec<u8> {
    let mut bytes = control(&begin("fuzz"));
    for number in 0..20 {
        for leg in Leg::ALL {
            bytes.extend(frame(leg, 0, number * 160, &[number as i16 * 77 + 5; 160]));
        }
        if number == 5 {
            bytes.extend(control(&json!({"id": 3, "do": "mask", "channel": 0})));
        }
        if number == 10 {
            bytes.extend(control(&json!({"id": 4, "do": "erase-last", "channel": 0, "seconds": 0.1})));
        }
    }
    bytes.extend(control(&json!({"id": 5, "do": "calls"})));
    bytes.extend(control(&json!({"id": 6, "do": "end", "channel": 0})));
    bytes
}

#[test]
fn calls_with_broken_bytes_end_in_a_closed_connection_and_never_in_a_broken_engine() {
    let (seed, mut random) = rig::random("broken bytes");
    let desk = Desk::open_with("grace = \"0s\"\n", &["--one-in", "0"]);
    let good = GoodCall::begin(&desk, seed);
    let whole = a_call_in_bytes();
    for _ in 0..400 {
        let mut bytes = whole.clone();
        for _ in 0..random.random_range(1..4) {
            match random.random_range(0..3) {
                0 => bytes.truncate(random.random_range(1..=bytes.len())),
                1 => drop(bytes.splice(random.random_range(0..bytes.len())..bytes.len(), [0xff; 3])),
                _ => {
                    let at = random.random_range(0..bytes.len());
                    bytes[at] ^= 1 << random.random_range(0..8);
                }
            }
        }
        let mut raw = Raw::connect(desk.socket());
        if raw.send(&bytes).is_ok() {
            raw.shut(Shutdown::Write);
        }
        // To the end: whatever was sent, the engine closes and does not hang.
        while raw.next().is_some() {}
    }
    good.must_be_kept_bit_for_bit();
    let nothing_left = || desk.json(&["calls"]).as_array().is_some_and(Vec::is_empty).then_some(());
    wait_for("the end of all calls", nothing_left);
    assert_eq!(desk.audio_files().len(), 1, "only the good call");
    desk.stop();
}

#[test]
fn half_a_message_is_waited_for_however_long_and_thrown_away_when_the_client_goes() {
    let (seed, _) = rig::random("half a message");
    let desk = Desk::open(&["--one-in", "0"]);
    let good = GoodCall::begin(&desk, seed);
    let status = control(&json!({"id": 1, "do": "status"}));
    let sound = Sound::noise(8_000, 160, seed + 1);
    let spoken = frame(Leg::Agent, 0, 0, &sound.legs[0]);
    // Half a head, a whole head, half a request, half a frame: silence, and later the rest.
    let mut slow: Vec<(Raw, Vec<u8>)> = [1, 7, 8, 20]
        .into_iter()
        .map(|count| (Raw::connect(desk.socket()), &status, count))
        .chain([10, 30, 200].into_iter().map(|count| {
            let mut raw = Raw::connect(desk.socket());
            assert_eq!(raw.ask(&begin("slow"))["channel"], 0);
            (raw, &spoken, count)
        }))
        .map(|(mut raw, bytes, count)| {
            raw.send(&bytes[..count]).expect("half a message");
            (raw, bytes[count..].to_vec())
        })
        .collect();
    // These go in the middle of a message.
    for (bytes, count) in [(&status, 5), (&status, 12), (&spoken, 9), (&spoken, 100)] {
        let mut raw = Raw::connect(desk.socket());
        assert_eq!(raw.ask(&begin("gone"))["channel"], 0);
        raw.send(&bytes[..count]).expect("half a message");
    }
    // Meanwhile others are served.
    for _ in 0..50 {
        assert_eq!(Raw::connect(desk.socket()).ask(&json!({"do": "calls"}))["answer"], "accepted");
    }
    let frames = |desk: &Desk, agent: &str| -> u64 {
        let calls = desk.json(&["calls"]);
        let of = calls.as_array().expect("a list").iter().filter(|view| view["agent"] == agent);
        of.map(|view| view["agent_leg"]["frames"].as_u64().expect("a count")).sum()
    };
    assert_eq!((frames(&desk, "slow"), frames(&desk, "gone")), (0, 0), "half a frame is none");
    for (raw, rest) in &mut slow {
        raw.send(rest).expect("the rest");
    }
    for (raw, _) in &mut slow[..4] {
        assert_eq!(raw.answer()["id"], 1);
    }
    wait_for("the three frames", || (frames(&desk, "slow") == 3).then_some(()));
    assert_eq!(frames(&desk, "gone"), 0);
    good.must_be_kept_bit_for_bit();
    Traces::of(&[&sound]).assert_nowhere(&desk);
    desk.stop();
}

#[test]
fn a_client_that_sends_byte_by_byte_must_be_kept_bit_for_bit() {
    let (seed, _) = rig::random("byte by byte");
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 480, seed);
    let mut bytes = control(&begin("slow"));
    for start in (0..sound.len()).step_by(160) {
        for leg in Leg::ALL {
            bytes.extend(frame(leg, 0, start as u64, &sound.legs[leg.index()][start..start + 160]));
        }
    }
    bytes.extend(control(&json!({"do": "record", "channel": 0})));
    bytes.extend(control(&json!({"do": "end", "channel": 0})));
    let mut raw = Raw::connect(desk.socket());
    for byte in bytes {
        raw.send(&[byte]).expect("the engine takes a byte");
    }
    let kept = raw.event("kept");
    Sound::of_recording(Path::new(kept["path"].as_str().expect("a path"))).assert_is(&sound);
}

#[test]
fn a_client_that_floods_requests_and_never_reads_is_closed_and_costs_no_one_else_anything() {
    let (seed, _) = rig::random("flood");
    let desk = Desk::open(&["--one-in", "0"]);
    let good = GoodCall::begin(&desk, seed);
    let mut flood = Raw::connect(desk.socket());
    let requests = control(&json!({"do": "calls"})).repeat(1_000);
    // The engine keeps at most 20 MiB for it; each answer has some 600 bytes.
    let sent = (0..200).take_while(|_| flood.send(&requests).is_ok()).count();
    assert!(sent < 200, "200,000 requests were taken from a client that reads nothing");
    while flood.next().is_some() {}
    wait_for("the log", || desk.log().contains("the client does not read what it is sent").then_some(()));
    assert_eq!(Raw::connect(desk.socket()).ask(&json!({"do": "calls"}))["answer"], "accepted");
    good.must_be_kept_bit_for_bit();
    desk.stop();
}

#[test]
fn three_hundred_connections_that_do_nothing_or_half_a_thing_take_nothing_from_a_call() {
    let (seed, _) = rig::random("three hundred connections");
    let desk = Desk::open(&["--one-in", "0"]);
    let good = GoodCall::begin(&desk, seed);
    let idle: Vec<Raw> = (0..300).map(|_| Raw::connect(desk.socket())).collect();
    // An unselected call must not pay either: it is whole when record is pressed in the last moment.
    let mut line = Line::begin(&desk, "anna", 8_000);
    let sound = Sound::noise(8_000, 8_000, seed + 1);
    line.talk(&sound, 0, 4_000);
    // More than all of the memory, if it were given to whoever asks.
    let half = message(1, 1, 16_384, &[b' '; 16_000]);
    let mut halves: Vec<Raw> = (0..300).map(|_| Raw::connect(desk.socket())).collect();
    let mut other = Raw::connect(desk.socket());
    for raw in &mut halves {
        // One for whom there is no memory is closed.
        let _ = raw.send(&half);
        // At a pace at which memory is made ready.
        for _ in 0..5 {
            assert_eq!(other.ask(&json!({"do": "calls"}))["answer"], "accepted");
        }
    }
    line.talk(&sound, 4_000, 8_000);
    line.accepted(Ask::Record);
    Sound::of_recording(&line.end_and_keep()).assert_is(&sound);
    assert_eq!(Raw::connect(desk.socket()).ask(&begin("late"))["answer"], "accepted", "new calls are still taken");
    good.must_be_kept_bit_for_bit();
    // Those who were closed were told why, and there were some: else this test shows nothing.
    let mut closed = 0;
    for mut raw in halves {
        raw.shut(Shutdown::Write);
        while let Some(message) = raw.next() {
            assert_eq!(message["error"], "memory-full", "{message}");
            closed += 1;
        }
    }
    assert!(closed > 0, "nobody was refused memory");
    for mut raw in idle {
        assert_eq!(raw.ask(&json!({"do": "calls"}))["answer"], "accepted");
    }
    desk.stop();
}

#[test]
fn one_connection_too_many_is_told_so_and_welcome_when_another_has_gone() {
    let desk = Desk::open_with("connections_max = 5\n", &["--one-in", "0"]);
    let mut five: Vec<Raw> = (0..5).map(|_| Raw::connect(desk.socket())).collect();
    let (error, text) = Raw::bare(desk.socket()).fault();
    assert_eq!(error, "too-many-connections");
    assert!(text.contains("connections_max"), "{text}");
    let ran = desk.run(&["calls"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("connections_max"), "{}", ran.stderr);
    five.pop();
    let is_welcome = || Raw::bare(desk.socket()).next().filter(|message| message["event"] == "hello");
    wait_for("a welcome", is_welcome);
    for raw in &mut five {
        assert_eq!(raw.ask(&json!({"do": "calls"}))["answer"], "accepted");
    }
    desk.stop();
}
