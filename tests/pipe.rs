//! `retrocall pipe` as a shell hook has it: raw samples in, the right call kept bit for bit.

#[path = "desk/mod.rs"]
mod desk;

use std::{
    io::Write,
    process::{Command, Stdio},
    thread,
};

use retrocall::audio::g711::Law;
use serde_json::Value;

use desk::{Desk, PROGRAM, Sound, wait_for};

/// Pipes bytes, in pieces of so many, into the command with these flags. Its exit code, its last line, its complaints.
fn pipe(desk: &Desk, flags: &[&str], bytes: &[u8], piece: usize) -> (i32, Value, String) {
    let mut command = Command::new(PROGRAM);
    command.arg("--home").arg(desk.path()).args(["pipe", "--json"]).args(flags);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let (mut stdin, bytes) = (child.stdin.take().expect("its input"), bytes.to_vec());
    let writing = thread::spawn(move || bytes.chunks(piece).try_for_each(|piece| stdin.write_all(piece)));
    let output = child.wait_with_output().expect("it ends");
    let _ = writing.join();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let last = text(&output.stdout).lines().last().map(|line| serde_json::from_str(line).expect("JSON"));
    (output.status.code().expect("it ended"), last.unwrap_or(Value::Null), text(&output.stderr))
}

fn interleaved(sound: &Sound) -> Vec<u8> {
    let [agent, customer] = &sound.legs;
    agent.iter().zip(customer).flat_map(|(left, right)| [*left, *right]).flat_map(i16::to_le_bytes).collect()
}

fn path(facts: &Value) -> &std::path::Path {
    std::path::Path::new(facts["path"].as_str().expect("a path"))
}

#[test]
fn a_piped_call_with_a_late_press_is_kept_from_its_first_sample_however_it_comes_in_pieces() {
    let desk = Desk::open(&["--one-in", "0"]);
    for (rate, piece) in [(8_000, 1_001), (16_000, 640), (48_000, 1 << 20)] {
        let sound = Sound::noise(rate, rate as usize + 37, u64::from(rate));
        let flags = ["--rate", &rate.to_string(), "--agent", "anna", "--record-at", "0.51"];
        let (code, facts, words) = pipe(&desk, &flags, &interleaved(&sound), piece);
        assert_eq!((code, &facts["record"]), (0, &"accepted".into()), "{words}");
        Sound::of_recording(path(&facts)).assert_is(&sound);
    }
    desk.stop();
}

#[test]
fn a_press_for_after_the_end_comes_at_the_end_and_one_leg_alone_leaves_the_other_silent() {
    let desk = Desk::open(&["--one-in", "0"]);
    let codes: Vec<u8> = (0..4_000u32).map(|i| (i * i + i / 7) as u8).collect();
    let flags = ["--format", "alaw", "--channels", "1", "--leg", "agent", "--agent", "anna", "--record-at", "9"];
    let (code, facts, words) = pipe(&desk, &flags, &codes, 333);
    assert_eq!(code, 0, "{words}");
    let agent = codes.iter().map(|code| Law::A.linear(*code)).collect();
    Sound::of_recording(path(&facts)).assert_is(&Sound { rate: 8_000, legs: [agent, vec![0; 4_000]] });
    desk.stop();
}

#[test]
fn the_button_works_for_a_piped_call_and_without_it_nothing_is_kept() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 8_000, 5);
    let mut command = Command::new(PROGRAM);
    command.arg("--home").arg(desk.path()).args(["pipe", "--agent", "anna"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the command starts");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(&interleaved(&sound)).expect("it is read");
    let all_came = |calls: &Value| calls[0]["agent_leg"]["frames"] == 50 && calls[0]["customer_leg"]["frames"] == 50;
    wait_for("the piped samples", || Some(desk.json(&["calls"])).filter(all_came));
    assert_eq!(desk.json(&["record", "--agent", "anna"])["answer"], "accepted");
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
    let kept = wait_for("the recording", || desk.recordings().pop().filter(|kept| kept["state"] == "complete"));
    Sound::of_recording(path(&kept)).assert_is(&sound);
    let (code, facts, _) = pipe(&desk, &["--agent", "bert"], &interleaved(&Sound::noise(8_000, 4_000, 6)), 640);
    assert_eq!((code, &facts["path"], &facts["seconds"]), (0, &Value::Null, &0.5.into()));
    assert_eq!(desk.recordings().len(), 1);
    desk.stop();
}

#[test]
fn input_that_is_no_whole_sample_or_nothing_at_all_is_told_of() {
    let desk = Desk::open(&["--one-in", "0"]);
    let (code, facts, words) = pipe(&desk, &["--agent", "anna"], &[1; 4_003], 4_096);
    assert_eq!((code, &facts["seconds"]), (0, &0.125.into()));
    assert!(words.contains("3 bytes are left over; are --format and --channels right?"), "{words}");
    let (code, _, words) = pipe(&desk, &["--agent", "anna"], &[], 1);
    assert_eq!(code, 1);
    assert!(words.contains("nothing came on standard input; pipe raw samples into it"), "{words}");
    desk.stop();
}

#[test]
fn a_file_with_a_header_is_refused_with_the_next_step_and_leaves_no_call_behind() {
    let desk = Desk::open(&["--one-in", "0"]);
    let wav = std::fs::read(desk::fixture("desk-07.wav")).expect("a fixture");
    let aiff = [&b"FORM\0\0\x10\0AIFFCOMM"[..], &[1; 4_000]].concat();
    let flac = [&b"fLaC"[..], &[1; 4_000]].concat();
    for (bytes, piece, kind) in
        [(&wav, 4_096, "a WAV file"), (&wav, 5, "a WAV file"), (&aiff, 999, "AIFF"), (&flac, 7, "FLAC")]
    {
        let (code, facts, words) =
            pipe(&desk, &["--agent", "anna", "--rate", "16000", "--record-at", "0"], bytes, piece);
        assert_eq!((code, &facts["call"], &facts["record"]), (1, &Value::Null, &Value::Null), "{words}");
        assert!(words.contains(kind) && words.contains("`retrocall replay FILE`"), "{words}");
        assert!(words.contains("sox FILE -t raw -"), "{words}");
    }
    assert_eq!(desk.recordings().len(), 0);
    assert_eq!(desk.json(&["status"])["totals"]["calls_begun"], 0, "no call began");
    // Samples that only begin alike are samples.
    let alike = [&b"RIFFS-OF-SAMPLES"[..], &[7; 4_000]].concat();
    let (code, facts, words) = pipe(&desk, &["--agent", "anna"], &alike, 4_096);
    assert_eq!((code, &facts["seconds"]), (0, &Value::from(1_004.0 / 8_000.0)), "{words}");
    desk.stop();
}
