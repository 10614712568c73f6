//! Backups on a real desk, the way back from one, and `kill -9` in the middle of a sweep, a backup and a restore.
//!
//! Each is killed once at each of its steps: before its first sync, before its second, and so on until it comes to its end; the same for names that
//! are taken away and given. `make kills` kills each at a hundred moments besides (`RETROCALL_KILLS`).

mod desk;
mod skip;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use desk::{Desk, Home, Line, wait_for};
use retrocall::catalog::Outcome;
use serde_json::json;

/// What a step ends with: the system calls before which a command is killed. SQLite's own, too.
const STEPS: [&str; 7] = ["fsync", "fdatasync", "ftruncate", "unlink", "unlinkat", "rename", "link,linkat"];
/// More of one of them than any command here has.
const STEPS_MAX: u32 = 200;
/// With `make kills`, a command is killed up to so long after it began as well, a step later each time.
const LONGEST: Duration = Duration::from_millis(120);

const ANNAS_IS_OLD: &str = "UPDATE recordings SET ends_at = '2026-01-05T09:00:00.000000Z' WHERE agent = 'anna'";

fn kept(agents: &[&str]) -> (Home, Vec<PathBuf>) {
    let desk = Desk::open(&["--one-in", "0"]);
    let paths = agents.iter().map(|agent| keep(&desk, agent)).collect();
    (desk.stop(), paths)
}

fn keep(desk: &Desk, agent: &str) -> PathBuf {
    let path = Line::play(desk, agent, true).expect("a recording");
    // It is durable a moment before the catalog has its row.
    wait_for("a row of the recording", || desk.recordings().iter().any(|one| one["path"] == json!(path)).then_some(()));
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A moment at which a command is killed.
#[derive(Debug, Clone, Copy)]
enum Kill {
    /// Before this call of the system, the n-th time that one of its threads makes it.
    Before(&'static str, u32),
    /// So long after it began.
    After(Duration),
}

impl Kill {
    /// Runs a command and kills it. True if it came to its end before.
    fn meets(self, home: &Home, args: &[&str]) -> bool {
        let plain = home.command(args);
        let mut command = match self {
            Kill::After(_) => plain,
            Kill::Before(call, number) => {
                let mut traced = Command::new("strace");
                traced.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
                traced.arg(format!("inject={call}:signal=SIGKILL:when={number}"));
                traced.arg(plain.get_program()).args(plain.get_args()).stdin(Stdio::null());
                traced
            }
        };
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a command");
        if let Kill::After(wait) = self {
            thread::sleep(wait);
            let ended = child.try_wait().expect("our child").is_some_and(|status| status.success());
            let _ = child.kill();
            child.wait().expect("our child");
            return ended;
        }
        child.wait().expect("our child").success()
    }
}

/// Kills a command at each of its steps, and looks each time: `try_it` prepares, runs and looks, and says whether the command came to its end.
fn at_each_step(mut try_it: impl FnMut(Kill) -> bool) {
    if !skip::is_installed("strace") {
        return;
    }
    let mut kills = 0;
    for call in STEPS {
        let steps = (1..STEPS_MAX).take_while(|number| !try_it(Kill::Before(call, *number))).count();
        assert!(steps + 1 < STEPS_MAX as usize, "it makes {call} again and again");
        kills += steps;
    }
    assert!(kills > 5, "only {kills} kills");
    println!("killed before {kills} steps");
    let moments: u32 = env::var("RETROCALL_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    for moment in 0..moments {
        try_it(Kill::After(LONGEST * moment / moments));
    }
}

#[test]
fn a_backup_is_made_beside_a_running_engine_and_brings_nothing_back_that_was_deleted_since() {
    let desk = Desk::open(&["--one-in", "0"]);
    let paths = [keep(&desk, "anna"), keep(&desk, "bert")];
    let (backup, elsewhere) = (desk.beside("backup.sqlite"), desk.beside("tombstones.jsonl"));
    let made = desk.json(&["backup", text(&backup)]);
    assert_eq!((&made["backup"], &made["recordings"], &made["calls"]), (&json!(backup), &json!(2), &json!(2)));
    let again = desk.run(&["backup", text(&backup)]);
    assert!(again.code == 1 && again.stderr.contains("is there already"), "{}", again.stderr);
    let refused = desk.run(&["restore", text(&backup)]);
    assert!(refused.code == 1 && refused.stderr.contains("stop the engine first"), "{}", refused.stderr);
    let home = desk.stop();
    home.execute(ANNAS_IS_OLD);
    let audio = fs::read(&paths[0]).expect("a recording");
    assert_eq!(home.json(&["sweep"])["gone"], 1);
    fs::copy(home.path().join("tombstones.jsonl"), &elsewhere).expect("a copy");

    // The home is lost; its recordings come back from another backup, the deleted one too.
    for name in [
        "catalog.sqlite",
        "tombstones.jsonl",
        "holds.jsonl",
        "ledger.key",
        "ledger.last",
        "draw",
        "numbers",
        "last-sweep",
    ] {
        fs::remove_file(home.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    fs::write(&paths[0], audio).expect("a recording");
    let none = home.beside("none");
    fs::write(&none, "").expect("a file");
    let restored = home.json(&["restore", text(&backup), "--tombstones", text(&elsewhere)]);
    assert_eq!(restored["open"], false, "nobody knows what was held");
    let restored = home.json(&["restore", text(&backup), "--tombstones", text(&elsewhere), "--holds", text(&none)]);
    assert_eq!(
        (&restored["recordings"], &restored["open"], restored["gone"].as_array().map(Vec::len)),
        (&json!(1), &json!(true), Some(1))
    );
    let desk = home.start(&["--one-in", "0"]);
    wait_for("the end of the file", || (!paths[0].exists()).then_some(()));
    let id = desk.recordings()[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(desk.json(&["play", &id])["path"], json!(paths[1]));
    let home = desk.stop();
    assert_eq!(home.recordings().len(), 1);
    home.check();
    assert_eq!(home.json(&["ledger", "verify"])["sound"], true);
}

#[test]
fn a_catalog_that_was_copied_back_by_hand_plays_and_sweeps_nothing_until_it_is_restored() {
    let desk = Desk::open(&["--one-in", "0"]);
    keep(&desk, "anna");
    let backup = desk.beside("backup.sqlite");
    desk.json(&["backup", text(&backup)]);
    keep(&desk, "bert");
    let home = desk.stop();
    fs::copy(&backup, home.path().join("catalog.sqlite")).expect("a copy");
    let home = home.start(&["--one-in", "0"]).stop();
    assert!(home.log().contains("this catalog is older than its ledger was"), "{}", home.log());
    let id = home.recordings()[0]["id"].as_str().expect("an id").to_owned();
    for args in [&["play", id.as_str()][..], &["sweep"]] {
        let ran = home.run(args);
        assert!(
            ran.code == 1 && ran.stderr.contains("retrocall restore FILE --tombstones FILE --holds FILE"),
            "{}",
            ran.stderr
        );
    }
    let none = home.beside("none");
    fs::write(&none, "").expect("a file");
    home.json(&["restore", text(&backup), "--tombstones", text(&none)]);
    let home = home.start(&["--one-in", "0"]).stop();
    assert_eq!(home.recordings().len(), 2, "the one since then is registered again");
    assert_eq!(home.json(&["sweep"])["gone"], 0);
}

/// A copy of a home, with all that is in it.
fn copy_of(home: &Home) -> Home {
    let copy = Home::new();
    let copied = Command::new("cp").arg("-aT").arg(home.path()).arg(copy.path()).status().expect("cp");
    assert!(copied.success());
    copy
}

#[test]
fn a_sweep_that_is_killed_loses_nothing_that_is_kept_and_keeps_nothing_that_it_reported() {
    let (original, paths) = kept(&["anna", "anna", "bert"]);
    original.execute(ANNAS_IS_OLD);
    at_each_step(|kill| {
        let home = copy_of(&original);
        let place = |path: &PathBuf| home.path().join(path.strip_prefix(original.path()).expect("in the home"));
        let paths: Vec<PathBuf> = paths.iter().map(place).collect();
        let ended = kill.meets(&home, &["sweep"]);
        let gone: i64 = home.one("SELECT COUNT(*) || '' FROM receipts").parse().expect("a count");
        let there = paths.iter().filter(|path| path.exists()).count();
        assert!(paths[2].exists() && there + usize::try_from(gone).expect("few") <= 3, "{kill:?}");
        home.check();
        // Whoever was killed holds its lease for ten minutes.
        home.execute("DELETE FROM leases");
        home.json(&["sweep"]);
        assert!(!paths[0].exists() && !paths[1].exists() && paths[2].exists(), "{kill:?}");
        assert_eq!(
            (home.recordings().len(), home.one("SELECT COUNT(*) || '' FROM receipts WHERE overwritten_at IS NOT NULL")),
            (1, "2".to_owned())
        );
        home.check();
        assert_eq!(home.json(&["ledger", "verify"])["sound"], true, "{kill:?}");
        ended
    });
}

#[test]
fn a_backup_that_is_killed_leaves_a_whole_file_or_none() {
    let (home, _) = kept(&["anna"]);
    let mut number = 0;
    at_each_step(|kill| {
        number += 1;
        let file = home.beside(&format!("backup-{number}.sqlite"));
        let ended = kill.meets(&home, &["backup", text(&file)]);
        assert!(file.exists() || !ended, "{kill:?}");
        if file.exists() {
            let restored = home.json(&["restore", text(&file)]);
            assert_eq!(restored["recordings"], 1, "{kill:?}");
        }
        home.check();
        ended
    });
}

#[test]
fn a_restore_that_is_killed_and_begun_again_brings_back_nothing_that_was_deleted_and_loses_nothing() {
    let (home, paths) = kept(&["anna", "bert"]);
    let backup = home.beside("backup.sqlite");
    home.json(&["backup", text(&backup)]);
    home.execute(ANNAS_IS_OLD);
    assert_eq!(home.json(&["sweep"])["gone"], 1);
    let mut home = Some(home);
    at_each_step(|kill| {
        let before = home.take().expect("a home");
        let ended = kill.meets(&before, &["restore", text(&backup)]);
        let listed = before.run(&["recordings", "--json"]);
        // Nobody sees a catalog in which the deleted one is alive again.
        assert!(listed.code == 1 || listed.json().as_array().is_some_and(|all| all.len() == 1), "{kill:?}");
        before.json(&["restore", text(&backup)]);
        let after = before.start(&["--one-in", "0"]).stop();
        assert_eq!(after.recordings().len(), 1, "{kill:?}");
        assert!(!paths[0].exists() && paths[1].exists());
        after.check();
        assert_eq!(after.json(&["ledger", "verify"])["sound"], true, "{kill:?}");
        home = Some(after);
        ended
    });
}

/// Another program's hold on the catalog.
fn locked<T>(home: &Path, work: impl FnOnce() -> T) -> T {
    let lock = rusqlite::Connection::open(home.join("catalog.sqlite")).expect("a catalog");
    lock.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    let done = work();
    lock.execute_batch("ROLLBACK").expect("let go");
    done
}

#[test]
fn with_the_catalog_locked_a_kill_takes_no_sampled_call_its_number_and_gives_none_twice() {
    let mut home = Desk::open(&["--one-in", "1"]).stop();
    let (mut numbers, mut kept) = (0, 0);
    for _ in 0..3 {
        let desk = home.start(&["--one-in", "1"]);
        let path = desk.path().to_owned();
        home = locked(&path, || {
            let lines: Vec<PathBuf> = ["anna", "bert"].iter().map(|agent| keep(&desk, agent)).collect();
            kept += lines.len();
            // Before what waits is put aside.
            desk.kill()
        });
        home = home.start(&["--one-in", "1"]).stop();
        let rows = home.ledger(|rows| rows.len() == kept && rows.iter().all(|row| row.outcome == Outcome::Kept));
        let known: std::collections::BTreeSet<_> =
            rows.iter().filter_map(|row| row.sequence.map(|number| (row.day, number))).collect();
        assert_eq!(known.len(), kept, "each has a number of its own: {rows:#?}");
        assert!(known.len() > numbers);
        numbers = known.len();
        let verified = home.json(&["ledger", "verify"]);
        assert_eq!(verified["sound"], true, "{verified:#}");
        home.check();
    }
}
