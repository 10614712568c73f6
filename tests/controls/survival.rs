//! What was decided for a call survives all that the call survives: an engine that is killed, one that is stopped, a client that is away for too
//! long. Through the real program, which is really killed and started again.

use std::{
    io::Write,
    path::Path,
    process::{Child, Stdio},
    thread,
};

use retrocall::{
    audio::{Codec, Rate},
    catalog::CallRow,
    protocol::{Answer, Ask, Begin, CallId, CallStates, Event, Reason, Refusal, Request, Target, Verdict},
};
use serde_json::{Value, json};

use crate::{
    LENGTH, RATE,
    desk::{Desk, Line, PATIENCE, Ran, Sound, wait_for},
    noise, refusal,
};

const NOTHING: CallStates =
    CallStates { recording: false, masked: false, on_hold: false, private: false, objected: false, copy: false };

/// How an engine goes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Killed,
    Stopped,
}

/// The engine goes, and another one comes in the same home.
fn restart(desk: Desk, how: How, flags: &[&str]) -> Desk {
    match how {
        How::Killed => desk.kill().start(flags),
        How::Stopped => desk.stop().start(flags),
    }
}

fn begin(agent: &str) -> Begin {
    Begin::new(agent, Rate::new(RATE).expect("a rate"), Codec::Pcm16)
}

/// A call that goes on with one that was cut off, with what its client was told of it.
fn go_on(desk: &Desk, agent: &str, before: CallId, states: CallStates) -> (Line, Answer) {
    let mut begin = Begin { states, ..begin(agent) };
    begin.facts.continues = Some(before);
    Line::announce(desk.client(), begin)
}

/// What this client has been told of its call, once it is what it should be.
fn told(line: &mut Line, expected: CallStates) {
    wait_for("the event `state`", || match line.client.next_event(PATIENCE).expect("a connection") {
        Some(Event::State { call, states, .. }) if call == line.call => (states == expected).then_some(()),
        Some(_) => None,
        None => panic!("the engine says nothing of its states"),
    });
}

/// The row of a call.
fn row(rows: &[CallRow], call: CallId) -> &CallRow {
    rows.iter().find(|row| row.call == call).expect("every call has a row")
}

#[test]
fn every_state_that_held_holds_on_after_the_engine_was_killed_or_stopped() {
    // Every call is drawn, and none that goes on is drawn again.
    let flags = ["--one-in", "1"];
    for how in [How::Killed, How::Stopped] {
        let desk = Desk::open_with("objection_covers_record = true\n", &flags);
        let cases = [
            ("anna", Ask::Record, CallStates { recording: true, ..NOTHING }),
            ("bert", Ask::Mask, CallStates { masked: true, ..NOTHING }),
            ("cleo", Ask::Private, CallStates { private: true, ..NOTHING }),
            ("dora", Ask::Object, CallStates { objected: true, ..NOTHING }),
            ("emil", Ask::Hold, CallStates { on_hold: true, ..NOTHING }),
            ("fred", Ask::Copy, CallStates { copy: true, ..NOTHING }),
        ];
        let first = noise(21);
        // Somebody else presses: the hotkey, a page, a PBX.
        let mut other = desk.client();
        let mut lines: Vec<Line> = cases
            .iter()
            .map(|(agent, ask, states)| {
                let mut line = Line::begin(&desk, agent, RATE);
                line.talk(&first, 0, 8_000);
                line.settle();
                let answer = other.ask(Request::new(Target::Call(line.call), ask.clone())).expect("an answer");
                assert_eq!(answer.answer, Verdict::Accepted, "{answer:?}");
                told(&mut line, *states);
                line
            })
            .collect();
        lines[0].talk(&first, 8_000, 16_000);
        lines[0].settle();
        wait_for("the pressed call on disk", || desk.holds(&first.legs[1][15_900..16_000]).then_some(()));
        let before: Vec<CallId> = lines.iter().map(|line| line.call).collect();
        let desk = restart(desk, how, &flags);
        drop(lines);

        let sound = noise(22);
        let mut lines = Vec::new();
        for ((agent, _, states), before) in cases.iter().zip(&before) {
            let (line, answer) = go_on(&desk, agent, *before, *states);
            assert_eq!((answer.states, answer.left_out), (Some(*states), vec![]), "{how:?}, {agent}");
            lines.push(line);
        }
        let halfway = LENGTH / 2;
        lines.iter_mut().for_each(|line| line.talk(&sound, 0, halfway));
        let [anna, bert, cleo, dora, emil, fred] = &mut lines[..] else { panic!("six calls") };
        assert_eq!(bert.accepted(Ask::Unmask).at, Some(halfway as u64));
        emil.accepted(Ask::Resume);
        for line in [&mut *anna, bert, cleo, dora, emil, fred] {
            line.talk(&sound, halfway, LENGTH);
        }
        assert_eq!(refusal(&cleo.ask(Ask::Record)), Some(Refusal::Private));
        assert_eq!(refusal(&dora.ask(Ask::Record)), Some(Refusal::Objected));
        assert_eq!(refusal(&anna.ask(Ask::Private)), Some(Refusal::Recording), "it is pressed");
        Sound::of_recording(&anna.end_and_keep()).assert_is(&sound);
        assert_eq!(refusal(&fred.ask(Ask::Private)), Some(Refusal::Recording), "the customer wants a copy");
        Sound::of_recording(&fred.end_and_keep()).assert_is(&sound);
        for quiet in [bert, emil] {
            quiet.accepted(Ask::Record);
            Sound::of_recording(&quiet.end_and_keep()).assert_is(&sound.clone().silent(0, halfway));
        }
        for gone in [cleo, dora] {
            gone.end();
        }
        let after: Vec<CallId> = lines.iter().map(|line| line.call).collect();
        kept_and_linked(desk, how, &first, &before, &after);
    }
}

/// Both recordings of the pressed call are there, and the second names the first; no call that goes on is drawn again.
fn kept_and_linked(desk: Desk, how: How, first: &Sound, before: &[CallId], after: &[CallId]) {
    let listed = desk.recordings();
    let of = |call: CallId| listed.iter().find(|row| row["call"] == json!(call)).cloned().unwrap_or_default();
    assert_eq!(of(after[0])["continues"], json!(before[0]), "{how:?}");
    assert_eq!(of(after[0])["reasons"], json!(["on-demand"]), "it is not drawn again");
    let path = of(before[0])["path"].as_str().map(str::to_owned).expect("what had been recorded until then");
    let kept = Sound::of_recording(Path::new(&path));
    assert!(kept.len() >= 8_000, "{how:?}: {} samples", kept.len());
    kept.assert_is(&Sound { rate: RATE, legs: first.legs.each_ref().map(|leg| leg[..kept.len()].to_vec()) });
    let home = desk.stop();
    let rows = home.ledger(|rows| rows.len() == 12);
    for (before, after) in before.iter().zip(after) {
        assert!(row(&rows, *before).cut_off && row(&rows, *before).continues.is_none(), "{how:?}");
        assert_eq!(row(&rows, *after).continues, Some(*before), "{how:?}");
        assert!(!row(&rows, *after).reasons.contains(&Reason::Sample), "{how:?}: it was drawn again");
    }
    assert_eq!(
        (&of(after[5])["reasons"], &of(after[5])["purposes"]),
        (&json!(["copy"]), &json!(["request"])),
        "{how:?}"
    );
    for call in [after[2], after[3]] {
        assert!(!listed.iter().any(|row| row["call"] == json!(call)), "{how:?}: a call that is not to be kept is");
    }
}

#[test]
fn a_call_cannot_be_both_private_and_recorded_unless_the_engine_knows_that_it_was_pressed() {
    let desk = Desk::open_with("grace = \"200ms\"\n", &["--one-in", "0"]);
    let both = CallStates { recording: true, private: true, ..NOTHING };
    let (mut line, answer) = Line::announce(desk.client(), Begin { states: both, ..begin("anna") });
    assert_eq!(answer.states, Some(CallStates { private: true, ..NOTHING }));
    assert_eq!(answer.left_out, ["recording"]);
    line.end();
    let mut line = Line::begin(&desk, "anna", RATE);
    line.accepted(Ask::Record);
    line.accepted(Ask::Mask);
    let before = line.call;
    drop(line);
    wait_for("the end of the call", || (desk.json(&["calls"]) == json!([])).then_some(()));
    // A client that was started again knows nothing of it; the engine does.
    let (mut line, answer) = go_on(&desk, "anna", before, CallStates { private: true, ..NOTHING });
    assert_eq!(answer.states, Some(CallStates { recording: true, masked: true, ..NOTHING }));
    assert_eq!(answer.left_out, ["private"]);
    line.end_and_keep();
    desk.stop();
}

#[test]
fn nobody_gets_out_of_the_draw_by_saying_that_a_call_goes_on_with_another() {
    let desk = Desk::open_with("grace = \"200ms\"\n", &["--one-in", "1"]);
    let sound = noise(23);
    let play = |agent: &str, continues: CallId| {
        let (mut line, answer) = go_on(&desk, agent, continues, NOTHING);
        line.talk(&sound, 0, 800);
        line.end();
        (line.call, answer.left_out)
    };
    let left_out = vec!["continues".to_owned()];
    let mut drawn = Vec::new();
    let mut expect_drawn = |(call, left): (CallId, Vec<String>), what: &str| {
        assert_eq!(left, left_out, "{what}");
        drawn.push(call);
    };
    expect_drawn(play("anna", CallId::new()), "a call that nobody knows");
    let mut live = Line::begin(&desk, "anna", RATE);
    expect_drawn(play("anna", live.call), "a call that goes on itself");
    live.end();
    expect_drawn(play("anna", live.call), "a call that was hung up");
    let lost = Line::begin(&desk, "anna", RATE).call;
    expect_drawn(play("anna", lost), "a call that may still be taken over");
    wait_for("the end of its grace", || (desk.json(&["calls"]) == json!([])).then_some(()));
    let (gone_on, left) = play("anna", lost);
    assert_eq!(left, Vec::<String>::new());
    expect_drawn(play("anna", lost), "a call with which another one goes on already");
    let home = desk.stop();
    let rows = home.ledger(|rows| rows.len() == 8);
    assert!(row(&rows, gone_on).reasons.is_empty() && row(&rows, gone_on).continues == Some(lost));
    for call in drawn {
        assert_eq!((&row(&rows, call).reasons[..], row(&rows, call).continues), (&[Reason::Sample][..], None));
    }
}

/// Types a command that goes on, and reads what it prints in the end.
fn running(desk: &Desk, args: &[&str]) -> thread::JoinHandle<Ran> {
    let command = desk.command(args);
    thread::spawn(move || Ran::of(command))
}

fn live(desk: &Desk, is_so: impl Fn(&Value) -> bool) {
    wait_for("the call", || {
        desk.json(&["calls"]).as_array().is_some_and(|calls| calls.iter().any(&is_so)).then_some(())
    });
}

/// The recordings of a call that went on as another one: both, in their order.
fn parts(desk: &Desk, facts: &Value) -> [Sound; 2] {
    let listed = wait_for("both recordings", || {
        Some(desk.recordings()).filter(|all| all.len() == 2 && all.iter().all(|row| row["state"] != "committing"))
    });
    let part = |call: &Value| {
        let row = listed.iter().find(|row| row["call"] == *call).unwrap_or_else(|| panic!("{call}: {listed:#?}"));
        (row.clone(), Sound::of_recording(row["path"].as_str().expect("a path").as_ref()))
    };
    let (second, rest) = part(&facts["call"]);
    assert_eq!(second["continues"], facts["continues"], "{second}");
    [part(&facts["continues"]).1, rest]
}

/// Samples of a sound from there on.
fn tail(sound: &Sound, from: usize) -> Sound {
    Sound { rate: sound.rate, legs: sound.legs.each_ref().map(|leg| leg[from..].to_vec()) }
}

fn head(sound: &Sound, to: usize) -> Sound {
    Sound { rate: sound.rate, legs: sound.legs.each_ref().map(|leg| leg[..to].to_vec()) }
}

#[test]
fn replay_goes_on_after_the_engine_was_killed_or_stopped_pressed_and_masked_as_it_was() {
    for how in [How::Killed, How::Stopped] {
        let desk = Desk::open(&["--one-in", "0"]);
        let sound = noise(24);
        let call = desk.beside("call.wav");
        sound.save(&call);
        let file = call.to_str().expect("a path");
        let flags = ["--agent", "anna", "--record-at", "1", "--mask", "2.5..5.5", "--json"];
        let playing = running(&desk, &[&["replay", file], &flags[..]].concat());
        live(&desk, |call| call["masked"] == true && call["seconds"].as_f64() > Some(3.0));
        let desk = restart(desk, how, &["--one-in", "0"]);
        let ran = playing.join().expect("it ends");
        assert_eq!(ran.code, 0, "{how:?}: {ran:?}");
        let facts = ran.json();
        assert_eq!((&facts["record"], &facts["mask"]), (&"accepted".into(), &"accepted".into()), "{facts}");
        let [first, rest] = parts(&desk, &facts);
        let (expected, from) = (sound.silent(20_000, 44_000), LENGTH - rest.len());
        assert!((20_000..44_000).contains(&from), "{how:?}: it goes on under the mask, at {from}");
        rest.assert_is(&tail(&expected, from));
        assert!(first.len() >= 8_000 && first.len() <= from, "{how:?}: {} samples, then from {from} on", first.len());
        first.assert_is(&head(&expected, first.len()));
        desk.stop();
    }
}

#[test]
fn pipe_goes_on_after_the_engine_was_killed_or_stopped_and_what_was_pressed_stays_pressed() {
    for how in [How::Killed, How::Stopped] {
        let desk = Desk::open(&["--one-in", "0"]);
        let sound = noise(25);
        let [agent, customer] = &sound.legs;
        let bytes: Vec<u8> =
            agent.iter().zip(customer).flat_map(|(left, right)| [*left, *right]).flat_map(i16::to_le_bytes).collect();
        let mut command = desk.command(&["pipe", "--agent", "anna", "--json"]);
        let mut pipe: Child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut input = pipe.stdin.take().expect("its input");
        let half = bytes.len() / 2;
        input.write_all(&bytes[..half]).expect("it takes samples");
        live(&desk, |call| call["seconds"].as_f64() == Some(3.0));
        // With a hotkey: the command that pipes has not asked for it.
        assert_eq!(desk.json(&["record", "--agent", "anna"])["answer"], "accepted");
        wait_for("the pressed call on disk", || desk.holds(&sound.legs[1][23_900..24_000]).then_some(()));
        let desk = restart(desk, how, &["--one-in", "0"]);
        input.write_all(&bytes[half..]).expect("it takes samples");
        drop(input);
        let output = pipe.wait_with_output().expect("it ends");
        let facts: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        assert!(facts["call"].is_string() && output.status.success(), "{how:?}: {facts}");
        let [first, rest] = parts(&desk, &facts);
        first.assert_is(&head(&sound, first.len()));
        rest.assert_is(&tail(&sound, LENGTH / 2));
        desk.stop();
    }
}
