//! A call that was recorded is on disk as it was said, and nothing else is: through the real program and its real socket.

mod customers;
#[path = "../desk/mod.rs"]
mod desk;
#[path = "../skip/mod.rs"]
mod skip;
mod unrecorded;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use desk::{Desk, Home, Line, Ran, Sound, bytes_hold, fixture, wait_for};
use jiff::Timestamp;
use retrocall::{
    catalog::{Outcome, RecordingState},
    client::{Cue, Player, Script, WavSource},
    protocol::{Ask, Reason, Verdict},
    words::{Clock as _, SystemClock},
};
use serde_json::Value;

/// The chunks of a RIFF file: names and bodies.
fn chunks(bytes: &[u8]) -> Vec<(String, &[u8])> {
    assert_eq!((&bytes[..4], &bytes[8..12]), (&b"RIFF"[..], &b"WAVE"[..]));
    let size = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
    assert_eq!(size(4) + 8, bytes.len(), "the file is as long as it says");
    let mut chunks = Vec::new();
    let mut at = 12;
    while at < bytes.len() {
        let name = String::from_utf8_lossy(&bytes[at..at + 4]).into_owned();
        chunks.push((name, &bytes[at + 8..at + 8 + size(at + 4)]));
        at += 8 + size(at + 4).next_multiple_of(2);
    }
    chunks
}

fn chunk(file: &Path, name: &str) -> Vec<u8> {
    let bytes = fs::read(file).expect("a file");
    let found = chunks(&bytes).into_iter().find(|(of, _)| of == name);
    found.unwrap_or_else(|| panic!("{} has no chunk {name}", file.display())).1.to_vec()
}

/// The path that a replay reported.
fn path_of(told: &Value) -> PathBuf {
    told["path"].as_str().unwrap_or_else(|| panic!("nothing was kept: {told}")).into()
}

/// Runs a program that a desk may not have. None if it is not there.
fn run_if_there(program: &str, args: &[&str]) -> Option<Ran> {
    if !skip::is_installed(program) {
        return None;
    }
    let mut command = Command::new(program);
    command.args(args);
    Some(Ran::of(command))
}

/// Has Python's `wave` and `soxi` read a recording, and says what they must find.
fn assert_others_read_it(path: &Path, sound: &Sound) {
    let path = path.to_str().expect("a path in UTF-8");
    let script = "import sys, wave; w = wave.open(sys.argv[1]); n = w.getnframes(); \
                  print(w.getnchannels(), w.getsampwidth(), w.getframerate(), n, len(w.readframes(n)))";
    if let Some(ran) = run_if_there("python3", &["-c", script, path]) {
        let expected = format!("2 2 {} {} {}", sound.rate, sound.len(), 4 * sound.len());
        assert_eq!(ran.stdout.trim(), expected, "{}", ran.stderr);
    }
    for (flag, expected) in [("-c", 2), ("-b", 16), ("-r", sound.rate as usize), ("-s", sound.len())] {
        if let Some(ran) = run_if_there("soxi", &[flag, path]) {
            assert_eq!(ran.stdout.trim(), expected.to_string(), "soxi {flag}: {}", ran.stderr);
            assert_eq!(ran.stderr, "", "soxi has nothing to complain of");
        }
    }
}

#[test]
fn a_call_recorded_at_second_40_is_kept_from_its_first_sample_to_its_last() {
    let desk = Desk::open(&["--one-in", "0"]);
    let call = fixture("talk-8k.wav");
    let told = desk.replay(&call, &["--agent", "anna", "--record-at", "40"]);
    assert_eq!(told["record"], "accepted", "{told}");
    let path = path_of(&told);
    assert_eq!(chunk(&path, "data"), chunk(&call, "data"), "not bit for bit what was sent");
    let sound = Sound::of_call(&call);
    assert_eq!((sound.rate, sound.len()), (8_000, 360_000), "the fixture is 45 s");
    Sound::of_recording(&path).assert_is(&sound);
    assert_others_read_it(&path, &sound);
    let home = desk.stop();
    // Hangup and the end of the engine change nothing of what is published.
    Sound::of_recording(&path).assert_is(&sound);
    assert_eq!(home.audio_files(), [path], "one call, one file");
}

#[test]
fn calls_of_odd_rates_keep_their_rate() {
    let desk = Desk::open(&["--one-in", "0"]);
    for rate in [8_001, 11_025, 22_050, 32_000, 44_100, 48_000] {
        let sound = Sound::noise(rate, rate as usize / 2 + 7, u64::from(rate));
        let call = desk.beside("call.wav");
        sound.save(&call);
        Sound::of_recording(&path_of(&desk.replay(&call, &["--record-at", "0.3"]))).assert_is(&sound);
    }
    desk.stop();
}

#[test]
fn calls_of_every_rate_and_shape_are_kept_bit_for_bit() {
    let desk = Desk::open(&["--one-in", "0"]);
    for (name, rate) in [
        ("talk-16k.wav", 16_000),
        ("wide-48k.wav", 48_000),
        ("one-sided-8k.wav", 8_000),
        ("gaps-8k.wav", 8_000),
        ("desk-02.wav", 8_000),
        ("desk-07.wav", 8_000),
        ("desk-11.wav", 8_000),
        ("desk-12.wav", 8_000),
    ] {
        let call = fixture(name);
        let told = desk.replay(&call, &["--record-at", "3.5"]);
        let path = path_of(&told);
        assert_eq!(chunk(&path, "data"), chunk(&call, "data"), "{name} is not bit for bit what was sent");
        let sound = Sound::of_recording(&path);
        assert_eq!(sound.rate, rate, "{name}");
        assert_others_read_it(&path, &sound);
    }
    desk.stop();
}

/// A stereo WAV file of G.711 codes, the same on both legs.
fn save_codes(path: &Path, tag: u16, codes: &[u8]) {
    let both: Vec<u8> = codes.iter().flat_map(|code| [*code, *code]).collect();
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0".to_vec();
    bytes.extend(tag.to_le_bytes());
    bytes.extend(2u16.to_le_bytes());
    bytes.extend(8_000u32.to_le_bytes());
    bytes.extend(16_000u32.to_le_bytes());
    bytes.extend([2, 0, 8, 0, 0, 0]);
    bytes.extend(b"data");
    bytes.extend((both.len() as u32).to_le_bytes());
    bytes.extend(both);
    let size = bytes.len() as u32 - 8;
    bytes[4..8].copy_from_slice(&size.to_le_bytes());
    fs::write(path, bytes).expect("a file");
}

#[test]
fn a_g711_call_is_kept_as_its_codes_expanded() {
    let desk = Desk::open(&["--one-in", "0"]);
    for name in ["ulaw-8k.wav", "alaw-8k.wav"] {
        let call = fixture(name);
        let path = path_of(&desk.replay(&call, &["--record-at", "7"]));
        let sound = Sound::of_recording(&path);
        sound.assert_is(&Sound::of_call(&call));
        assert_eq!(sound.len(), 64_000);
        assert_others_read_it(&path, &sound);
        // A second opinion on the expansion: sox has tables of its own.
        let (from, to) = (call.to_str().expect("a path"), desk.beside("sox.wav"));
        let args = ["-D", from, "-b", "16", "-e", "signed", to.to_str().expect("a path")];
        if let Some(ran) = run_if_there("sox", &args) {
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            Sound::of_recording(&to).assert_is(&sound);
        }
    }
    desk.stop();
}

#[test]
fn every_g711_code_is_kept_as_the_sample_that_the_standard_gives_it() {
    // From tables 1 and 2 of ITU-T G.711, scaled to 16 bits: the ends, the middle, and places in between.
    let mu =
        [(0x00, -32_124), (0x80, 32_124), (0xff, 0), (0x7f, 0), (0xfe, 8), (0x7e, -8), (0xef, 132), (0x8f, 16_764)];
    let a =
        [(0x2a, -32_256), (0xaa, 32_256), (0xd5, 8), (0x55, -8), (0xd4, 24), (0xc5, 264), (0x95, 2_112), (0xb5, 8_448)];
    let desk = Desk::open(&["--one-in", "0"]);
    let codes: Vec<u8> = (0..=255).collect();
    for (tag, known) in [(7, mu), (6, a)] {
        let call = desk.beside("codes.wav");
        save_codes(&call, tag, &codes);
        let sound = Sound::of_recording(&path_of(&desk.replay(&call, &["--record-at", "0"])));
        for (code, sample) in known {
            assert_eq!(sound.legs.each_ref().map(|leg| leg[code]), [sample; 2], "code {code:#04x} of format {tag}");
        }
        // Both laws are odd: a code and the one of the other sign stand for opposite samples.
        for code in 0..128 {
            assert_eq!(sound.legs[0][code], -sound.legs[0][code + 128], "code {code:#04x} of format {tag}");
        }
    }
    desk.stop();
}

#[test]
fn a_call_that_nobody_recorded_leaves_no_file_and_none_of_its_audio() {
    let desk = Desk::open(&["--one-in", "0"]);
    let told = desk.replay(&fixture("talk-8k.wav"), &["--agent", "anna"]);
    assert_eq!((&told["record"], &told["path"]), (&Value::Null, &Value::Null));
    let sound = Sound::noise(8_000, 16_000, 1);
    let mut line = Line::begin(&desk, "bert", 8_000);
    line.talk(&sound, 0, sound.len());
    // Now, while it is live, and later, when it is over.
    line.settle();
    assert!(!desk.holds_any(&sound, 0, sound.len()), "audio of a live call is on disk");
    line.end();
    assert!(!desk.holds_any(&sound, 0, sound.len()), "audio of a discarded call is on disk");
    let home = desk.stop();
    assert!(!home.holds_any(&sound, 0, sound.len()), "audio of a discarded call is on disk");
    assert!(!home.holds_any(&Sound::of_call(&fixture("talk-8k.wav")), 8_000, 16_000));
    assert!(home.audio_files().is_empty(), "{:?}", home.audio_files());
    assert_eq!(home.recordings(), [Value::Null; 0]);
    let odd = |file: &PathBuf| file.extension().is_some_and(|end| ["wav", "part", "tmp"].iter().any(|odd| end == *odd));
    assert!(!home.files().iter().any(odd), "{:?}", home.files());
    let ledger = home.ledger(|rows| rows.len() == 2);
    assert!(ledger.iter().all(|row| row.outcome == Outcome::Discarded && row.reasons.is_empty()), "{ledger:?}");
}

#[test]
fn of_many_softphones_at_once_only_the_pressed_ones_are_kept() {
    let desk = Desk::open(&["--one-in", "0", "--memory", "6MiB"]);
    let told: Vec<(usize, Value)> = thread::scope(|scope| {
        let phones: Vec<_> = (1..=8)
            .map(|number| {
                let desk = &desk;
                scope.spawn(move || {
                    let flags = ["--agent", "anna", "--record-at", "3"];
                    let flags = if number % 2 == 0 { &flags[..] } else { &flags[..2] };
                    (number, desk.replay(&fixture(&format!("desk-{number:02}.wav")), flags))
                })
            })
            .collect();
        phones.into_iter().map(|phone| phone.join().expect("a softphone")).collect()
    });
    for (number, told) in &told {
        assert_eq!(told["path"].is_string(), number % 2 == 0, "{told}");
        if number % 2 == 0 {
            let sound = Sound::of_call(&fixture(&format!("desk-{number:02}.wav")));
            Sound::of_recording(&path_of(told)).assert_is(&sound);
        }
    }
    assert_eq!(desk.stop().audio_files().len(), 4);
}

#[test]
fn of_a_dozen_calls_at_once_only_the_pressed_ones_are_kept_each_with_its_own_audio() {
    let desk = Desk::open(&["--one-in", "0", "--memory", "6MiB"]);
    let mut client = desk.client();
    let sounds: Vec<_> = (1..=12).map(|number| fixture(&format!("desk-{number:02}.wav"))).collect();
    // Every third is pressed: at the beginning, in the middle, at the very end.
    let pressed_at = |index: usize| [None, None, Some(index as f64 * 0.9)][index % 3];
    let mut players: Vec<_> = sounds
        .iter()
        .enumerate()
        .map(|(index, file)| {
            let cues = pressed_at(index).map(|seconds| Cue { seconds, ask: Ask::Record }).into_iter().collect();
            let script = Script { speed: 0.0, cues, ..Script::new(format!("agent-{index}")) };
            Player::begin(&mut client, WavSource::open(file).expect("a fixture"), script).expect("a call")
        })
        .collect();
    assert_eq!(desk.json(&["calls"]).as_array().expect("one array").len(), 12);
    // A frame of each in turn.
    while players.iter().any(|player| player.due().is_some()) {
        for player in &mut players {
            player.step(&mut client).expect("a step");
        }
    }
    client.flush().expect("the engine takes audio");
    let home = desk.stop();
    let recordings = retrocall::catalog::recordings(home.path()).expect("a catalog");
    assert_eq!((recordings.len(), home.audio_files().len()), (4, 4));
    let kept_files = sounds.iter().enumerate().filter(|(index, _)| pressed_at(*index).is_some());
    let kept_bytes: Vec<_> = kept_files.map(|(_, file)| fs::read(file).expect("a fixture")).collect();
    for (index, (player, file)) in players.iter().zip(&sounds).enumerate() {
        let kept = recordings.iter().find(|recording| recording.call == player.call());
        assert_eq!(kept.is_some(), pressed_at(index).is_some(), "call {index}");
        let sound = Sound::of_call(file);
        match kept {
            Some(kept) => {
                Sound::of_recording(kept.path.as_ref().expect("a file")).assert_is(&sound);
                assert_eq!((kept.agent.clone(), kept.state), (format!("agent-{index}"), RecordingState::Complete));
            }
            None => {
                // Some calls share a prompt, and the clean ones are silent in places: what is looked for is in this call alone.
                let own = sound.legs[0].chunks_exact(64).filter(|part| part.iter().all(|sample| *sample != 0));
                let mut own = own.filter(|part| !kept_bytes.iter().any(|bytes| bytes_hold(bytes, part)));
                assert!(!home.holds(own.next().expect("something of its own")), "call {index} left a trace");
            }
        }
    }
}

#[test]
fn a_press_keeps_the_whole_call_whenever_it_comes() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 20_001, 2);
    let call = desk.beside("call.wav");
    sound.save(&call);
    // At the first sample, at an odd one, at the last one, and after the end.
    for at in ["0", "1.000125", "2.500125", "100"] {
        let told = desk.replay(&call, &["--record-at", at]);
        assert_eq!(told["record"], "accepted", "at {at}: {told}");
        Sound::of_recording(&path_of(&told)).assert_is(&sound);
    }
    desk.stop();
}

#[test]
fn the_button_works_by_agent_by_call_and_by_nothing() {
    let desk = Desk::open(&["--one-in", "0"]);
    for (seed, target) in [(3, "--agent"), (4, "--call"), (5, "")] {
        let sound = Sound::noise(8_000, 8_000, seed);
        let mut line = Line::begin(&desk, "anna", 8_000);
        line.talk(&sound, 0, 4_000);
        // Whoever presses does it from another process; all that was sent so far is there by then.
        line.settle();
        let call = line.call.to_string();
        let args: &[&str] = match target {
            "--agent" => &["record", "--agent", "anna"],
            "--call" => &["record", "--call", &call],
            _ => &["record"],
        };
        let answer = desk.json(args);
        assert_eq!((&answer["answer"], &answer["agent"]), (&"accepted".into(), &"anna".into()), "{answer}");
        assert_eq!((&answer["call"], &answer["seconds"]), (&call.clone().into(), &0.5.into()), "{answer}");
        let again = desk.json(args);
        assert_eq!(again["answer"], "already", "{again}");
        line.talk(&sound, 4_000, 8_000);
        Sound::of_recording(&line.end_and_keep()).assert_is(&sound);
    }
    assert_eq!(desk.stop().audio_files().len(), 3, "a second press is a bookmark, never a second file");
}

#[test]
fn a_press_that_means_no_call_is_refused_with_a_next_step() {
    let desk = Desk::open(&["--one-in", "0"]);
    let nobody = desk.run(&["record", "--agent", "nobody"]);
    assert_eq!(nobody.code, 1, "{nobody:?}");
    assert!(nobody.stderr.contains("retrocall calls"), "{}", nobody.stderr);
    assert_eq!(nobody.stderr.lines().count(), 1, "{}", nobody.stderr);
    // Of two calls, nobody can say which one is meant.
    let (_anna, _bert) = (Line::begin(&desk, "anna", 8_000), Line::begin(&desk, "bert", 8_000));
    let either = desk.run(&["record", "--json"]);
    assert_eq!((either.code, &either.json()["reason"]), (1, &"no-call".into()), "{either:?}");
    let unknown = desk.run(&["record", "--json", "--call", "0192f0c1-7e57-7a11-8b0b-5a5a5a5a5a5a"]);
    assert_eq!((unknown.code, &unknown.json()["reason"]), (1, &"unknown-call".into()), "{unknown:?}");
    let home = desk.stop();
    let asleep = home.run(&["record", "--agent", "anna"]);
    assert_eq!(asleep.code, 1);
    let start = format!("start it with `retrocall --home {} run`", home.path().display());
    assert!(asleep.stderr.contains(&start), "{}", asleep.stderr);
}

#[test]
fn a_call_given_to_another_agent_is_that_agents_to_record() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 8_000, 6);
    let mut line = Line::begin(&desk, "anna", 8_000);
    line.talk(&sound, 0, 4_000);
    line.accepted(Ask::Transfer { to: "bert".to_owned() });
    assert_eq!(desk.run(&["record", "--agent", "anna"]).code, 1, "anna has no call any more");
    assert_eq!(desk.json(&["record", "--agent", "bert"])["agent"], "bert");
    line.talk(&sound, 4_000, 8_000);
    Sound::of_recording(&line.end_and_keep()).assert_is(&sound);
    desk.stop();
}

#[test]
fn a_recording_says_what_it_is_and_never_the_customers_number() {
    let desk = Desk::open(&["--one-in", "0"]);
    let before = SystemClock.wall();
    let number = "+31205550123";
    let told = desk.replay(&fixture("desk-03.wav"), &["--agent", "Zoë", "--customer", number, "--record-at", "1"]);
    let path = path_of(&told);
    let list = chunk(&path, "LIST");
    assert_eq!(&list[..4], b"INFO");
    let mut whole = b"RIFF\0\0\0\0WAVE".to_vec();
    whole.extend(&list[4..]);
    let size = whole.len() as u32 - 8;
    whole[4..8].copy_from_slice(&size.to_le_bytes());
    let text = |body: &[u8]| String::from_utf8(body.to_vec()).expect("UTF-8").trim_end_matches('\0').to_owned();
    let fields: Vec<_> = chunks(&whole).into_iter().map(|(name, body)| (name, text(body))).collect();
    let field = |name: &str| &fields.iter().find(|(of, _)| of == name).unwrap_or_else(|| panic!("no {name}")).1;
    let call = told["call"].as_str().expect("an id");
    assert_eq!(field("INAM"), &format!("call {call}"));
    assert_eq!(field("IART"), "Zoë");
    assert!(field("ISFT").starts_with("retrocall "));
    let began: Timestamp = field("ICRD").parse().expect("a time");
    assert!(before <= began && began <= SystemClock.wall());
    for fact in [call, "reasons=on-demand", "state=complete", "rate=8000", "direction=inbound"] {
        assert!(field("ICMT").contains(fact), "{}", field("ICMT"));
    }
    let home = desk.stop();
    let holds =
        |file: &Path| fs::read(file).expect("a file").windows(number.len()).any(|part| part == number.as_bytes());
    assert!(!holds(&path), "a file travels further than a catalog");
    assert!(!holds(&home.beside("engine.log")), "the log names the customer");
}

#[test]
fn recordings_are_one_array_with_absolute_paths_and_times_that_programs_can_read() {
    let desk = Desk::open(&["--one-in", "1"]);
    assert_eq!(desk.recordings(), [Value::Null; 0], "an empty list is one array too");
    let told = desk.replay(&fixture("desk-04.wav"), &["--agent", "anna", "--record-at", "2"]);
    desk.replay(&fixture("desk-05.wav"), &["--agent", "bert"]);
    let home = desk.stop();
    // As somebody types it who is in the folder above.
    let mut command = Command::new(desk::PROGRAM);
    command.args(["--home", "home", "recordings", "--json"]).current_dir(home.path().parent().expect("a folder"));
    let ran = Ran::of(command);
    let listed: Vec<Value> = serde_json::from_str(&ran.stdout).expect("one array");
    assert_eq!(listed, home.recordings());
    assert_eq!(listed.len(), 2);
    for recording in &listed {
        let path = Path::new(recording["path"].as_str().expect("a path"));
        let start = recording["start"].as_str().expect("a time");
        let began: Timestamp = start.parse().expect("RFC 3339");
        assert!(path.is_absolute() && path.is_file(), "{}", path.display());
        assert_eq!(start.as_bytes()[10], b'T', "{start}");
        let day = began.strftime("%Y/%m/%d");
        let place = home.path().join(format!("recordings/{day}/{}.wav", recording["call"].as_str().expect("an id")));
        assert_eq!(path, place);
        assert_eq!(recording["state"], "complete");
        assert_eq!(recording["bytes"], fs::metadata(path).expect("a file").len());
        recording["due"].as_str().map(|due| due.parse::<Timestamp>().expect("RFC 3339"));
    }
    assert_eq!(listed[0]["call"], told["call"], "the oldest first");
    assert_eq!(listed[0]["reasons"], serde_json::json!([Reason::OnDemand, Reason::Sample]));
    assert_eq!(listed[0]["purposes"], serde_json::json!(["incident", "quality"]));
    assert_eq!(listed[0]["seconds"], 6.6);
    assert_eq!(listed[1]["reasons"], serde_json::json!([Reason::Sample]));
}

#[test]
fn recordings_and_the_socket_are_closed_to_others() {
    let desk = Desk::open(&["--one-in", "0"]);
    let path = path_of(&desk.replay(&fixture("desk-06.wav"), &["--record-at", "2"]));
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(desk.socket()), 0o600);
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != desk.path().parent().expect("a folder")) {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    desk.stop();
}

#[test]
fn a_second_engine_on_one_home_is_refused_and_the_first_goes_on() {
    let desk = Desk::open(&["--one-in", "0"]);
    let second = desk.run(&["run", "--memory", "4MiB", "--allow-unlocked"]);
    assert_eq!(second.code, 1, "{second:?}");
    let last = second.stderr.lines().last().expect("a reason");
    assert!(last.contains("another engine runs in this home") && last.contains("--home"), "{last}");
    let call = fixture("desk-08.wav");
    Sound::of_recording(&path_of(&desk.replay(&call, &["--record-at", "2"]))).assert_is(&Sound::of_call(&call));
    // When the first has stopped there is room again.
    desk.stop().start(&["--one-in", "0"]).stop();
}

#[test]
fn a_call_that_carried_nothing_gives_a_file_too_when_it_is_recorded() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut line = Line::begin(&desk, "anna", 8_000);
    line.accepted(Ask::Record);
    Sound::of_recording(&line.end_and_keep()).assert_is(&Sound { rate: 8_000, legs: [vec![], vec![]] });
    desk.stop();
}

#[test]
fn while_a_recorded_call_goes_on_its_beginning_is_on_disk_already() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 24_000, 7);
    let mut line = Line::begin(&desk, "anna", 8_000);
    line.talk(&sound, 0, 16_000);
    line.accepted(Ask::Record);
    wait_for("the backlog on disk", || desk.holds(&sound.legs[0][15_900..16_000]).then_some(()));
    line.talk(&sound, 16_000, 24_000);
    wait_for("what followed on disk", || desk.holds(&sound.legs[1][23_900..24_000]).then_some(()));
    let [part] = &desk.audio_files()[..] else { panic!("one file") };
    assert!(part.extension().is_some_and(|end| end == "part"), "not published before its end: {}", part.display());
    Sound::of_recording(&line.end_and_keep()).assert_is(&sound);
    assert!(!part.exists());
    desk.stop();
}

#[test]
fn replay_says_refused_with_exit_code_1_when_the_press_was_refused() {
    let home = Home::with_settings("objection_covers_record = true\n");
    let desk = home.start(&["--one-in", "0"]);
    let file = fixture("desk-09.wav");
    let file = file.to_str().expect("a path");
    let ran = desk.run(&["replay", file, "--speed", "0", "--json", "--object", "--record-at", "2"]);
    assert_eq!((ran.code, &ran.json()["record"]), (1, &serde_json::json!(Verdict::Refused)), "{ran:?}");
    assert!(ran.stderr.contains("objection_covers_record"), "{}", ran.stderr);
    assert_eq!(desk.stop().audio_files().len(), 0);
}
