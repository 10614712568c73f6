//! The sample: one call in N, drawn so that nobody at the desk can tell, and kept like any recording. Through the real program and its
//! real socket.

mod desk;

use std::{collections::BTreeMap, time::Duration};

use desk::{Desk, Home, Sound};
use jiff::civil::Date;
use nix::sys::signal::Signal;
use retrocall::{
    audio::{Codec, Leg, Rate},
    catalog::{self, Outcome, RecordingState},
    client::Client,
    protocol::{Ask, Begin, CallId, Reason, Request, Target, Verdict},
};
use serde_json::{Value, json};

const RATE: u32 = 8_000;
/// How long a short call is: a tenth of a second.
const SHORT: usize = 800;

fn begin(agent: &str) -> Ask {
    Ask::Begin(Begin::new(agent, Rate::new(RATE).expect("a rate"), Codec::Pcm16))
}

/// The audio of the call with this number: each has its own.
fn sound(number: usize) -> Sound {
    Sound::noise(RATE, SHORT, 1_000 + number as u64)
}

fn say(client: &mut Client, channel: u32, sound: &Sound) {
    for leg in Leg::ALL {
        let bytes: Vec<u8> = sound.legs[leg.index()].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        client.send_audio(leg, channel, 0, &bytes).expect("the engine takes audio");
    }
}

/// Makes this many short calls over one connection, as a PBX would, and returns their ids.
fn short_calls(desk: &Desk, count: usize) -> Vec<CallId> {
    let mut client = desk.client();
    let mut one = |number: usize| {
        let begun = client.ask(Request::new(Target::Own, begin("anna"))).expect("an answer");
        let (call, channel) = (begun.call.expect("an id"), begun.channel.expect("a channel"));
        say(&mut client, channel, &sound(number));
        let ended = client.ask(Request::new(Target::Channel(channel), Ask::End)).expect("an answer");
        assert_eq!((ended.answer, ended.at), (Verdict::Accepted, Some(SHORT as u64)), "{ended:?}");
        call
    };
    let calls = (0..count).map(&mut one).collect();
    // What is kept of a sample is told to nobody.
    assert_eq!(client.next_event(Duration::ZERO).expect("a connection"), None);
    calls
}

/// Checks that what is kept is right and has a row, and that everything else has a row and nothing more. Returns how many are kept.
fn check(home: &Home, calls: &[CallId]) -> usize {
    let kept = catalog::recordings(home.path()).expect("a catalog");
    assert_eq!(kept.len(), home.audio_files().len(), "the list and the disk say the same");
    for recording in &kept {
        let number = calls.iter().position(|call| *call == recording.call).expect("a call of ours");
        assert_eq!((&recording.reasons[..], recording.state), (&[Reason::Sample][..], RecordingState::Complete));
        Sound::of_recording(recording.path.as_ref().expect("a file")).assert_is(&sound(number));
    }
    let rows = home.ledger(|rows| rows.len() == calls.len());
    for row in rows {
        let expected = match kept.iter().any(|recording| recording.call == row.call) {
            true => (Outcome::Kept, vec![Reason::Sample]),
            false => (Outcome::Discarded, vec![]),
        };
        assert_eq!((row.outcome, row.reasons), expected);
        assert_eq!(row.seconds, Some(0.1));
    }
    kept.len()
}

#[test]
fn of_a_thousand_calls_about_one_in_ten_is_kept() {
    let desk = Desk::open(&["--one-in", "10"]);
    let calls = short_calls(&desk, 1_000);
    let kept = check(&desk.stop(), &calls);
    // Outside of this one fair run in forty thousand ends.
    assert!((60..=140).contains(&kept), "{kept} of 1000 are kept");
}

#[test]
fn one_in_one_keeps_every_call() {
    let desk = Desk::open(&["--one-in", "1"]);
    let calls = short_calls(&desk, 100);
    assert_eq!(check(&desk.stop(), &calls), 100);
}

#[test]
fn one_in_none_keeps_no_call() {
    let desk = Desk::open(&["--one-in", "0"]);
    let calls = short_calls(&desk, 100);
    assert_eq!(check(&desk.stop(), &calls), 0);
}

/// Every word that a desk can hear of a call: answers, events, `calls`; without what differs between any two calls. And the home.
fn everything_the_desk_hears(desk: Desk) -> (Vec<Value>, Home) {
    let mut client = desk.client();
    let mut heard = vec![json!(format!("{:?}", client.hello()))];
    let mut channel = None;
    let mut call = String::new();
    let asks = [
        begin("anna"),
        Ask::Calls,
        Ask::Mask,
        Ask::Unmask,
        Ask::Hold,
        Ask::Resume,
        Ask::Dtmf { digit: '7', leg: None },
        Ask::Transfer { to: "bert".to_owned() },
        Ask::EraseLast { seconds: 0.01 },
        Ask::Calls,
        Ask::End,
        Ask::Calls,
    ];
    for ask in asks {
        let target = match (&ask, channel) {
            (Ask::Begin(_) | Ask::Calls, _) | (_, None) => Target::Own,
            (_, Some(channel)) => Target::Channel(channel),
        };
        let is_begin = matches!(ask, Ask::Begin(_));
        let answer = client.ask(Request::new(target, ask)).expect("an answer");
        if is_begin {
            (channel, call) = (answer.channel, answer.call.expect("an id").to_string());
            say(&mut client, channel.expect("a channel"), &sound(0));
        }
        heard.push(serde_json::to_value(answer).expect("JSON"));
        heard.push(desk.json(&["calls"]));
        let held = desk.run(&["calls"]).stdout;
        heard.push(json!(held.lines().map(str::trim_end).collect::<Vec<_>>()));
    }
    let (events, home) = everything_until_it_stops(desk, client);
    heard.extend(events);
    (heard.into_iter().map(|value| without_times(value, &call)).collect(), home)
}

/// Stops the engine, which finishes what it has to write, and hears what it says until then: there is nothing more to come.
fn everything_until_it_stops(desk: Desk, mut client: Client) -> (Vec<Value>, Home) {
    desk.signal(Signal::SIGTERM);
    let mut heard = Vec::new();
    while let Ok(event) = client.next_event(desk::PATIENCE) {
        heard.push(serde_json::to_value(event.expect("the engine stops")).expect("JSON"));
    }
    let (status, home) = desk.wait();
    assert!(status.success(), "{status}");
    (heard, home)
}

/// Takes out the id and the time of a call, which any two calls have of their own.
fn without_times(value: Value, call: &str) -> Value {
    match value {
        Value::String(text) => {
            let text = text.replace(call, "ID");
            // The table's second column is the time of day, with its offset.
            let is_clock = |word: &str| word.len() == 14 && word.split(':').count() == 4;
            Value::String(
                text.split(' ').map(|word| if is_clock(word) { "TIME" } else { word }).collect::<Vec<_>>().join(" "),
            )
        }
        Value::Array(values) => values.into_iter().map(|value| without_times(value, call)).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(name, _)| name != "began");
            Value::Object(fields.map(|(name, value)| (name, without_times(value, call))).collect())
        }
        other => other,
    }
}

#[test]
fn a_desk_that_is_sampled_hears_the_same_as_one_that_is_not() {
    let (sampled, always) = everything_the_desk_hears(Desk::open(&["--one-in", "1"]));
    let (unsampled, never) = everything_the_desk_hears(Desk::open(&["--one-in", "0"]));
    assert_eq!(sampled.len(), unsampled.len(), "{sampled:#?}\n{unsampled:#?}");
    for (sampled, unsampled) in sampled.iter().zip(&unsampled) {
        assert_eq!(sampled, unsampled);
        for word in ["sample", "drawn", "draw", "selected", "reasons"] {
            assert!(!sampled.to_string().contains(&format!("\"{word}")), "{sampled}");
        }
    }
    assert_eq!((always.audio_files().len(), never.audio_files().len()), (1, 0));
}

#[test]
fn a_pressed_call_that_is_sampled_looks_like_one_that_is_not() {
    let heard = |one_in: &str| {
        let desk = Desk::open(&["--one-in", one_in]);
        let mut client = desk.client();
        let begun = client.ask(Request::new(Target::Own, begin("anna"))).expect("an answer");
        let (call, channel) = (begun.call.expect("an id").to_string(), begun.channel.expect("a channel"));
        say(&mut client, channel, &sound(0));
        let mut heard = Vec::new();
        for ask in [Ask::Object, Ask::Record, Ask::Record, Ask::End] {
            let answer = client.ask(Request::new(Target::Channel(channel), ask)).expect("an answer");
            heard.push(serde_json::to_value(answer).expect("JSON"));
        }
        let (events, home) = everything_until_it_stops(desk, client);
        heard.extend(events);
        let home = home.path().to_str().expect("a path").to_owned();
        let own = heard.into_iter().map(|value| without_times(value, &call).to_string().replace(&home, "HOME"));
        own.collect::<Vec<_>>()
    };
    let sampled = heard("1");
    assert_eq!(sampled, heard("0"));
    let words = ["recording", "kept", "stopping"].map(|word| format!("\"event\":\"{word}\""));
    assert!(words.iter().all(|word| sampled.iter().any(|said| said.contains(word))), "{sampled:#?}");
}

#[test]
fn the_days_numbers_have_no_gap_without_a_name_though_the_engine_was_stopped_and_killed_in_between() {
    let desk = Desk::open(&["--one-in", "10"]);
    short_calls(&desk, 20);
    let desk = desk.stop().start(&["--one-in", "0"]);
    short_calls(&desk, 20);
    // Kill it in the middle of calls, once the ledger has them.
    let mut client = desk.client();
    for _ in 0..5 {
        client.ask(Request::new(Target::Own, begin("anna"))).expect("an answer");
    }
    desk.ledger(|rows| rows.len() == 45);
    let desk = desk.kill().start(&["--one-in", "1"]);
    short_calls(&desk, 20);
    let home = desk.stop();
    let rows = home.ledger(|rows| rows.len() == 65);
    assert_eq!(rows.iter().filter(|row| row.outcome == Outcome::Lost).count(), 5, "the calls of the killed engine");
    let mut days: BTreeMap<Date, Vec<u64>> = BTreeMap::new();
    for row in rows {
        days.entry(row.day).or_default().push(row.sequence.expect("a number"));
    }
    // What the killed engine had reserved and not given.
    let holes = catalog::skipped_numbers(home.path()).expect("a catalog");
    assert_eq!(holes.len(), 1, "{holes:?}");
    days.entry(holes[0].day).or_default().extend(holes[0].first..=holes[0].last);
    // More than one day if midnight (UTC) passes meanwhile.
    for numbers in days.values_mut() {
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "{numbers:?}");
    }
}

#[test]
fn a_works_council_verifies_the_whole_ledger_with_the_program_alone_also_after_a_kill_and_another_n() {
    let desk = Desk::open(&["--one-in", "4"]);
    short_calls(&desk, 40);
    let desk = desk.stop().start(&["--one-in", "1"]);
    short_calls(&desk, 3);
    // A call whose beginning a kill takes along has no number that its draw could be verified by.
    desk.ledger(|rows| rows.len() == 43 && rows.iter().all(|row| row.outcome != Outcome::Live));
    let home = desk.kill().start(&["--one-in", "1"]).stop();
    let inside = home.json(&["ledger", "verify"]);
    assert_eq!(inside["sound"], true, "{inside}");
    let folder = home.beside("for-the-council");
    let folder = folder.to_str().expect("a path in UTF-8");
    let exported = home.json(&["ledger", "export", folder]);
    assert!(exported["rows"].as_u64() >= Some(86), "{exported}");
    let outside = home.json(&["ledger", "verify", folder]);
    assert_eq!(outside["report"], inside["report"]);
    // No day has ended yet.
    assert_eq!(home.json(&["ledger", "heads"]), json!([]));

    // One row less in what was exported: it is named, and the exit code says so.
    let segments = home.beside("for-the-council").join("segments");
    let segment = std::fs::read_dir(segments).expect("a folder").next().expect("a segment").expect("an entry").path();
    let rows = std::fs::read_to_string(&segment).expect("rows");
    let left: Vec<_> = rows.lines().enumerate().filter(|(row, _)| *row != 7).map(|(_, text)| text).collect();
    std::fs::write(&segment, left.join("\n") + "\n").expect("the file");
    let ran = home.run(&["ledger", "verify", folder]);
    assert!(ran.code == 1 && ran.stdout.contains("row 7") && ran.stdout.contains("removed"), "{ran:?}");

    let number = ["draw", "number", "403718294650", "--month", "2031-01"];
    assert_eq!(home.json(&number), json!({ "month": "2031-01", "number": "403718294650" }));
    let ran = home.run(&number);
    assert!(ran.code == 1 && ran.stderr.contains("was entered before"), "{ran:?}");
}
