//! A catalog that is locked, damaged, or was not there in time.

use std::{fs, path::Path};

use nix::sys::signal::Signal;
use retrocall::{
    catalog::Outcome,
    protocol::{Ask, Reason, Refusal, Request, Target},
};
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteLockingMode},
};

use crate::{
    Talk,
    desk::{Desk, PATIENCE, Sound, wait_for},
    path_in,
    rig::{self, Traces},
    row_when, status,
};

/// Another program's hold on a catalog: nobody else can write it.
struct Lock {
    runtime: tokio::runtime::Runtime,
    connection: SqliteConnection,
}

impl Lock {
    /// Takes it as far as `mode` goes: SQLite locks readers out too, but only of a file that nobody has open.
    fn take(home: &Path, mode: SqliteLockingMode) -> Lock {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let path = home.join("catalog.sqlite");
        let connection = runtime.block_on(async {
            let options = SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE).locking_mode(mode);
            let mut connection = SqliteConnection::connect_with(&options).await.expect("a database");
            sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await.expect("the lock");
            connection
        });
        Lock { runtime, connection }
    }

    fn release(self) {
        self.runtime.block_on(self.connection.close()).expect("the lock is given back");
    }
}

/// Records a call from begin to end.
fn record(desk: &Desk, seed: u64) -> Talk {
    let mut talk = Talk::begin(desk, "anna", 8_000, 2, seed);
    talk.speak(1.0);
    talk.line.accepted(Ask::Record);
    talk.speak(1.0);
    Sound::of_recording(&talk.line.end_and_keep()).assert_is(&talk.has_said());
    talk
}

#[test]
fn while_another_program_locks_the_catalog_calls_are_recorded_on_demand_and_registered_later() {
    let (seed, _) = rig::random("catalog locked");
    // It is made by a first run.
    let home = Desk::open(&[]).stop();
    let (lock, told) = (Lock::take(home.path(), SqliteLockingMode::Exclusive), home.log().len());
    let desk = home.start(&["--one-in", "1"]);
    let log = desk.log()[told..].to_owned();
    assert!(log.contains("the catalog is out of reach") && log.contains("catalog.sqlite"), "{log}");
    let pressed = record(&desk, seed);
    let mut not_drawn = Talk::begin(&desk, "bert", 8_000, 2, seed + 1);
    not_drawn.speak(2.0);
    not_drawn.line.end();
    assert!(status(&mut desk.client()).catalog_trouble.is_some());
    lock.release();
    let row = row_when(&desk, pressed.call(), "complete");
    assert_eq!(row["reasons"], serde_json::json!(["on-demand"]), "a call without a number is not drawn");
    wait_for("the end of the trouble", || status(&mut desk.client()).catalog_trouble.is_none().then_some(()));
    let rows = desk.ledger(|rows| rows.len() == 2 && rows.iter().all(|row| row.outcome != Outcome::Live));
    assert_eq!(rows.iter().filter_map(|row| row.sequence).collect::<Vec<_>>(), [1, 2], "no gap in the day");
    Traces::of(&[&not_drawn.sound]).assert_nowhere(&desk);
    // And the same while it runs; from now on calls are drawn again.
    let lock = Lock::take(desk.path(), SqliteLockingMode::Normal);
    let pressed = record(&desk, seed + 2);
    lock.release();
    let row = row_when(&desk, pressed.call(), "complete");
    assert_eq!(row["reasons"], serde_json::json!(["on-demand", "sample"]));
    desk.stop();
}

#[test]
fn a_recording_that_an_engine_could_not_register_before_it_ended_is_registered_by_the_next_one() {
    let (seed, _) = rig::random("never registered");
    let desk = Desk::open(&["--one-in", "0"]);
    let lock = Lock::take(desk.path(), SqliteLockingMode::Normal);
    let killed = record(&desk, seed);
    // Killed after the recording was told as kept, and before the catalog could be.
    let home = desk.kill();
    let desk = home.start(&["--one-in", "0"]);
    let stopped = record(&desk, seed + 1);
    // Asked to stop it waits for the catalog; asked a second time it does not.
    desk.signal(Signal::SIGTERM);
    wait_for("the engine's stop", || desk.log().contains("asked to stop (SIGTERM)").then_some(()));
    desk.signal(Signal::SIGTERM);
    let (status, home) = desk.wait();
    assert_eq!(status.code(), Some(1), "{}", home.log());
    lock.release();
    let desk = home.start(&["--one-in", "0"]);
    for talk in [&killed, &stopped] {
        let row = row_when(&desk, talk.call(), "complete");
        assert_eq!(row["reasons"], serde_json::json!(["on-demand"]));
        assert_eq!(row["purposes"], serde_json::json!(["incident"]), "without a purpose nothing would ever delete it");
        Sound::of_recording(&path_in(&row)).assert_is(&talk.has_said());
        let kept = |row: &retrocall::catalog::CallRow| row.call == talk.call() && row.outcome == Outcome::Kept;
        let rows = desk.ledger(|rows| rows.iter().any(kept));
        assert!(rows.iter().filter(|row| kept(row)).all(|row| row.reasons == [Reason::OnDemand]));
    }
    assert!(!desk.log().contains("nothing of it is left"), "{}", desk.log());
    assert_eq!(desk.audio_files().len(), 2);
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
    let log = desk.log()[told..].to_owned();
    assert!(log.contains("the catalog is out of reach") && log.contains("catalog.sqlite"), "{log}");
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
