//! A catalog that is locked, damaged, or was not there in time.

use std::{fs, path::Path, time::Duration};

use nix::sys::signal::Signal;
use retrocall::{
    audio::Leg,
    catalog::Outcome,
    protocol::{Ask, Refusal, Request, Target},
    words::{Clock as _, SystemClock},
};
use serde_json::Value;

use crate::{
    Talk,
    desk::{Desk, PATIENCE, Sound, wait_for},
    path_in, rig, row_when, status,
};

/// Another program's hold on a catalog: nobody else can write it.
struct Lock {
    connection: rusqlite::Connection,
}

/// Whom it keeps out of a file that nobody has open: SQLite calls it by these words.
#[derive(Clone, Copy)]
enum LockingMode {
    /// Those who write.
    Normal,
    /// Readers too.
    Exclusive,
}

impl Lock {
    /// Takes it as far as `mode` goes.
    fn take(home: &Path, mode: LockingMode) -> Lock {
        let connection = rusqlite::Connection::open(home.join("catalog.sqlite")).expect("a database");
        connection.busy_timeout(PATIENCE).expect("a database");
        let mode = match mode {
            LockingMode::Normal => "NORMAL",
            LockingMode::Exclusive => "EXCLUSIVE",
        };
        connection.execute_batch(&format!("PRAGMA locking_mode = {mode}; BEGIN EXCLUSIVE")).expect("the lock");
        Lock { connection }
    }

    fn release(self) {
        self.connection.close().expect("the lock is given back");
    }
}

/// Records a call from begin to end.
/// Waits until the log says so behind what it `told` before: it is written beside all else.
fn out_of_reach(desk: &Desk, told: usize) {
    wait_for("the word that the catalog is out of reach", || {
        let log = desk.log()[told..].to_owned();
        (log.contains("the catalog is out of reach") && log.contains("catalog.sqlite")).then_some(())
    });
}

fn record(desk: &Desk, seed: u64) -> Talk {
    let mut talk = Talk::begin(desk, "anna", 8_000, 2, seed);
    talk.speak(1.0);
    talk.line.accepted(Ask::Record);
    talk.speak(1.0);
    Sound::of_recording(&talk.line.end_and_keep()).assert_is(&talk.has_said());
    talk
}

#[test]
fn while_another_program_locks_the_catalog_calls_are_numbered_drawn_and_recorded_and_registered_later() {
    let (seed, _) = rig::random("catalog locked");
    // It is made by a first run.
    let home = Desk::open(&[]).stop();
    let (lock, told) = (Lock::take(home.path(), LockingMode::Exclusive), home.log().len());
    let desk = home.start(&["--one-in", "1"]);
    out_of_reach(&desk, told);
    let pressed = record(&desk, seed);
    let mut drawn = Talk::begin(&desk, "bert", 8_000, 2, seed + 1);
    drawn.speak(2.0);
    drawn.line.end();
    assert!(status(&mut desk.client()).catalog_trouble.is_some());
    lock.release();
    for (call, reasons) in [(&pressed, &["on-demand", "sample"][..]), (&drawn, &["sample"])] {
        let row = row_when(&desk, call.call(), "complete");
        assert_eq!(row["reasons"], serde_json::json!(reasons));
        Sound::of_recording(&path_in(&row)).assert_is(&call.has_said());
    }
    wait_for("the end of the trouble", || status(&mut desk.client()).catalog_trouble.is_none().then_some(()));
    let rows = desk.ledger(|rows| rows.len() == 2 && rows.iter().all(|row| row.outcome != Outcome::Live));
    assert_eq!(rows.iter().filter_map(|row| row.sequence).collect::<Vec<_>>(), [1, 2], "no gap in the day");
    desk.stop();
}

/// The recordings that the catalog itself has, with their customers.
fn customers(home: &Path) -> Vec<(String, Option<String>, String)> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let catalog = rusqlite::Connection::open_with_flags(home.join("catalog.sqlite"), flags).expect("a database");
    let mut select =
        catalog.prepare("SELECT call, customer, marks FROM recordings ORDER BY began_at").expect("a question");
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

/// A call of the customer +31201234567, who pressed a key: recorded, ended, and told as kept.
fn keep_a_call_of_a_customer(raw: &mut rig::Raw) -> String {
    let begin = serde_json::json!({"do": "begin", "agent": "anna", "rate": 8_000, "codec": "pcm16", "customer": "+31201234567"});
    let begun = raw.ask(&begin);
    let channel = begun["channel"].as_u64().expect("a channel") as u32;
    let call = begun["call"].as_str().expect("an id").to_owned();
    let noise: Vec<i16> = (0..160).map(|i| i * 100).collect();
    for (number, leg) in [(0, Leg::Agent), (0, Leg::Customer), (160, Leg::Agent), (160, Leg::Customer)] {
        raw.frame(leg, channel, number, &noise);
    }
    for ask in [
        serde_json::json!({"do": "dtmf", "channel": channel, "digit": "5"}),
        serde_json::json!({"do": "record", "channel": channel}),
        serde_json::json!({"do": "end", "channel": channel}),
    ] {
        assert_eq!(raw.ask(&ask)["answer"], "accepted", "{ask}");
    }
    raw.event("kept");
    call
}

#[test]
fn asked_to_stop_while_the_catalog_is_locked_the_engine_ends_in_seconds_and_the_next_one_knows_everything() {
    let (seed, _) = rig::random("stopped while locked");
    let desk = Desk::open(&["--one-in", "0"]);
    let lock = Lock::take(desk.path(), LockingMode::Normal);
    let mut raw = rig::Raw::connect(desk.socket());
    let call = keep_a_call_of_a_customer(&mut raw);
    // One that nobody kept: of its customer nothing is written.
    let other = serde_json::json!({"do": "begin", "agent": "bert", "rate": 8_000, "codec": "pcm16", "customer": "+31207654321"});
    let other = raw.ask(&other)["channel"].as_u64().expect("a channel");
    assert_eq!(raw.ask(&serde_json::json!({"do": "end", "channel": other}))["answer"], "accepted");
    let asked = SystemClock.now();
    desk.signal(Signal::SIGTERM);
    let (status, home) = desk.wait();
    assert_eq!(status.code(), Some(0), "all is in the recording and in the file: {}", home.log());
    assert!(
        SystemClock.since(asked) < Duration::from_secs(30),
        "it does not wait for the catalog as it does for recordings"
    );
    let unwritten = home.path().join("unwritten.jsonl");
    let left = fs::read_to_string(&unwritten).expect("what the catalog did not take");
    assert!(left.contains("+31201234567") && !left.contains("+31207654321"), "of customers those of kept calls alone");
    lock.release();

    let desk = home.start(&["--one-in", "0"]);
    let rows = desk.ledger(|rows| rows.len() == 2 && rows.iter().all(|row| row.outcome != Outcome::Live));
    let outcomes: Vec<_> = rows.iter().map(|row| (row.sequence, row.outcome)).collect();
    assert_eq!(outcomes, [(Some(1), Outcome::Kept), (Some(2), Outcome::Discarded)]);
    let known = customers(desk.path());
    assert_eq!(known.len(), 1);
    assert_eq!((&known[0].0, known[0].1.as_deref()), (&call, Some("+31201234567")));
    assert!(known[0].2.contains(r#""dtmf":[[0.04,"5"]]"#), "{}", known[0].2);
    assert!(!unwritten.exists());
    // The numbers go on.
    let third = record(&desk, seed);
    let rows = desk.ledger(|rows| rows.iter().any(|row| row.call == third.call() && row.outcome == Outcome::Kept));
    assert_eq!(rows.iter().find(|row| row.call == third.call()).and_then(|row| row.sequence), Some(3));
    assert_eq!(desk.run(&["check"]).code, 0);
    desk.stop();
}

#[test]
fn killed_while_the_catalog_is_locked_the_next_engine_knows_the_customer_and_the_keys_of_a_kept_call() {
    let desk = Desk::open(&["--one-in", "0"]);
    let lock = Lock::take(desk.path(), LockingMode::Normal);
    let call = keep_a_call_of_a_customer(&mut rig::Raw::connect(desk.socket()));
    let unwritten = desk.path().join("unwritten.jsonl");
    // Its end in the seal: a line of its own, with a checksum.
    wait_for("what the catalog is owed, beside it", || {
        let notes = fs::read_to_string(&unwritten).unwrap_or_default();
        (notes.contains("{\"kept\":") && notes.trim_end().ends_with("\"}")).then_some(())
    });
    let home = desk.kill();
    lock.release();
    let desk = home.start(&["--one-in", "0"]);
    let rows = desk.ledger(|rows| rows.iter().any(|row| row.outcome == Outcome::Kept));
    assert_eq!(rows.iter().map(|row| row.call.to_string()).collect::<Vec<_>>(), [call.as_str()]);
    let known = customers(desk.path());
    assert_eq!((known.len(), &known[0].0, known[0].1.as_deref()), (1, &call, Some("+31201234567")));
    assert!(known[0].2.contains(r#""dtmf":[[0.04,"5"]]"#), "{}", known[0].2);
    assert!(!unwritten.exists());
    desk.stop();
}

#[test]
fn what_a_client_was_told_is_listed_whatever_the_catalog_has_taken_of_it() {
    let (seed, _) = rig::random("kept before listed");
    let desk = Desk::open(&["--one-in", "0"]);
    // The catalog knows of the first one that it is being written, and of the second one nothing.
    let mut known = Talk::begin(&desk, "anna", 8_000, 2, seed);
    known.speak(1.0);
    known.line.accepted(Ask::Record);
    let row = row_when(&desk, known.call(), "committing");
    assert_eq!((&row["path"], &row["seconds"]), (&Value::Null, &Value::Null), "there is no file yet");
    let lock = Lock::take(desk.path(), LockingMode::Normal);
    let paths = [known.line.end_and_keep(), path_in(&row_when(&desk, record(&desk, seed + 1).call(), "complete"))];
    let listed = desk.recordings();
    assert_eq!(listed.len(), 2, "{listed:?}");
    lock.release();
    let registered = wait_for("the rows of both", || {
        let registered = desk.recordings();
        registered.iter().all(|row| row["id"].is_string()).then_some(registered)
    });
    for ((before, after), path) in listed.iter().zip(&registered).zip(&paths) {
        assert_eq!((&before["state"], before["path"].as_str()), (&"complete".into(), path.to_str()));
        for fact in
            ["call", "agent", "start", "seconds", "rate", "path", "reasons", "purposes", "due", "state", "bytes"]
        {
            assert_eq!(before[fact], after[fact], "{fact}");
        }
    }
    desk.stop();
}

#[test]
fn a_catalog_that_comes_late_gets_in_the_same_run_what_the_last_one_left() {
    let (seed, _) = rig::random("catalog late");
    let desk = Desk::open(&["--one-in", "0"]);
    let lost = Talk::begin(&desk, "bert", 8_000, 2, seed);
    desk.ledger(|rows| rows.len() == 1);
    let lock = Lock::take(desk.path(), LockingMode::Normal);
    let unregistered = record(&desk, seed + 1);
    // Killed after the recording was told as kept, and before the catalog could be.
    let home = desk.kill();
    let desk = home.start(&["--one-in", "0"]);
    out_of_reach(&desk, 0);
    let of_this_run = record(&desk, seed + 2);
    lock.release();
    let rows = desk.ledger(|rows| {
        let has = |call, outcome| rows.iter().any(|row| row.call == call && row.outcome == outcome);
        has(lost.call(), Outcome::Lost)
            && has(unregistered.call(), Outcome::Kept)
            && has(of_this_run.call(), Outcome::Kept)
    });
    let number = |talk: &Talk| rows.iter().find(|row| row.call == talk.call()).and_then(|row| row.sequence);
    assert_eq!(
        (number(&lost), number(&unregistered)),
        (Some(1), Some(2)),
        "its file says the number that its row never had"
    );
    assert!(number(&of_this_run) > Some(2), "the second number is not given a second time: {rows:?}");
    wait_for("the word of the lost call", || {
        let log = desk.log();
        log.contains("nothing of it is left").then_some(())
    });
    let known = customers(desk.path());
    assert_eq!(known.len(), 2, "each once, and that of this run by itself: {known:?}");
    assert!(known[1].2.contains(r#""record":[[1"#), "{known:?}");
    for talk in [&unregistered, &of_this_run] {
        let row = row_when(&desk, talk.call(), "complete");
        assert_eq!(
            (&row["reasons"], &row["purposes"]),
            (&serde_json::json!(["on-demand"]), &serde_json::json!(["incident"]))
        );
        Sound::of_recording(&path_in(&row)).assert_is(&talk.has_said());
    }
    let report = desk.json(&["check"]);
    assert_eq!(report["skipped"][0]["first"], 3, "{report:#}");
    desk.stop();
}

#[test]
fn a_catalog_that_was_replaced_by_garbage_is_left_as_it_is_and_calls_are_registered_when_it_is_back() {
    let (seed, _) = rig::random("garbage for a catalog");
    let desk = Desk::open(&["--one-in", "0"]);
    let before = record(&desk, seed);
    row_when(&desk, before.call(), "complete");
    let home = desk.stop();
    let (catalog, aside) = (home.path().join("catalog.sqlite"), home.beside("catalog.good"));
    fs::copy(&catalog, &aside).expect("a copy");
    let garbage: Vec<u8> = (0..20_000u32).map(|byte| (byte * 7 + byte / 256) as u8).collect();
    fs::write(&catalog, &garbage).expect("garbage");
    let told = home.log().len();
    let desk = home.start(&["--one-in", "0"]);
    out_of_reach(&desk, told);
    let while_broken = record(&desk, seed + 1);
    let mut refused = desk.client();
    assert!(status(&mut refused).catalog_trouble.is_some());
    let listed = desk.run(&["recordings"]);
    assert_eq!(listed.code, 1, "a damaged catalog is not an empty one: {listed:?}");
    assert_eq!(listed.stderr.trim_end().lines().count(), 1, "{}", listed.stderr);
    assert_eq!(fs::read(&catalog).expect("the garbage"), garbage, "what is there is not written over");
    // The administrator puts the good one back, while the engine runs.
    fs::rename(&aside, &catalog).expect("the good one is put back");
    row_when(&desk, while_broken.call(), "complete");
    row_when(&desk, before.call(), "complete");
    let unknown = refused.ask(Request::new(Target::Call(before.call()), Ask::Record)).expect("an answer");
    assert_eq!(unknown.reason, Some(Refusal::UnknownCall));
    desk.stop();
}
