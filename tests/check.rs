//! What `retrocall check` finds, with something broken by hand for each of its invariants, and that starting the engine mends what it can.

mod desk;

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use desk::{Desk, Home, Line, Ran, Sound};
use retrocall::protocol::Ask;
use serde_json::Value;

/// A desk that kept two calls, one of them drawn as well, and discarded none: every call is drawn. Stopped.
fn kept_two() -> (Home, Vec<PathBuf>) {
    let desk = Desk::open(&["--one-in", "1"]);
    let sound = Sound::noise(8_000, 4_000, 7);
    let mut paths = Vec::new();
    for agent in ["anna", "bert"] {
        let mut line = Line::begin(&desk, agent, 8_000);
        line.talk(&sound, 0, 4_000);
        line.accepted(Ask::Record);
        paths.push(line.end_and_keep());
    }
    (desk.stop(), paths)
}

/// Types `check --json`. What it found, whatever the exit code.
fn check(home: &Home) -> (i32, Value) {
    let ran: Ran = home.run(&["check", "--json"]);
    (ran.code, ran.json())
}

#[track_caller]
fn assert_well(home: &Home) -> Value {
    let (code, report) = check(home);
    assert_eq!((code, &report["findings"]), (0, &serde_json::json!([])));
    report
}

/// One text of the catalog.
fn text_of(home: &Home, sql: &str) -> String {
    let catalog = rusqlite::Connection::open(home.path().join("catalog.sqlite")).expect("a catalog");
    catalog.query_row(sql, [], |row| row.get(0)).expect("a text")
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("a file");
    change(&mut bytes);
    fs::write(path, bytes).expect("a file");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    assert_eq!(old.len(), new.len());
    let at = bytes.windows(old.len()).position(|window| window == old).expect("it is in there");
    bytes[at..at + new.len()].copy_from_slice(new);
}

/// What is broken, which invariants do not hold then, and words of it.
type Break = (&'static str, fn(&Home, &Path), &'static [u64], &'static str);

const BREAKS: &[Break] = &[
    (
        "a page of the catalog is overwritten",
        |home, _| {
            // One that nobody reads but who looks for damage.
            let page = text_of(home, "SELECT CAST(rootpage AS TEXT) FROM sqlite_master WHERE name = 'calls_live'");
            let end = 4_096 * page.parse::<usize>().expect("a number");
            change(&home.path().join("catalog.sqlite"), |bytes| bytes[end - 4_096..end].fill(0x55));
        },
        &[1],
        "",
    ),
    (
        "a purpose belongs to no recording",
        |home, _| {
            home.execute("PRAGMA foreign_keys = OFF; INSERT INTO purposes (recording, purpose, basis) VALUES ('none', 'incident', 'x')",
            );
        },
        &[1],
        "belongs to one that is not there",
    ),
    ("a file is deleted", |_, path| fs::remove_file(path).expect("it is there"), &[2], "its file can't be read"),
    (
        "a file is cut",
        |_, path| change(path, |bytes| bytes.truncate(bytes.len() - 4)),
        &[2, 2],
        "its length is that of",
    ),
    (
        "a file's header is overwritten",
        |_, path| change(path, |bytes| bytes[..8].fill(0)),
        &[2],
        "not that of a recording",
    ),
    (
        "a folder is in a file's place",
        |_, path| {
            fs::remove_file(path).expect("it is there");
            fs::create_dir(path).expect("its name is free");
            set_mode(path, 0o700);
        },
        &[2, 6],
        "no plain file",
    ),
    (
        "a row has another rate",
        |home, _| home.execute("UPDATE recordings SET rate = 16000"),
        &[3, 3],
        "the rate, 16000 and 8000",
    ),
    ("a file names another agent", |_, path| change(path, |bytes| replace(bytes, b"bert", b"carl")), &[3], "the agent"),
    (
        "a file has another reason",
        |_, path| {
            change(path, |bytes| replace(bytes, b"reasons=on-demand+sample; ", b"reasons=on-demand;        "));
        },
        &[3],
        "the reasons, on-demand+sample and on-demand",
    ),
    (
        "a file says that it is incomplete",
        |home, _| {
            home.execute("UPDATE recordings SET state = 'incomplete' WHERE agent = 'bert'");
        },
        &[3],
        "whether it is complete, incomplete and complete",
    ),
    (
        "a row is deleted",
        |home, _| {
            home.execute("DELETE FROM recordings WHERE agent = 'bert'");
        },
        &[4, 9],
        "no row for it",
    ),
    (
        "a file is left unpublished",
        |_, path| {
            fs::copy(path, path.with_extension("wav.part")).expect("a copy");
        },
        &[5],
        "not published",
    ),
    (
        "a call is live in the ledger",
        |home, _| {
            home.execute("INSERT INTO calls (call, day, agent, direction, began_at, outcome)
                       VALUES ('01890a5d-ac96-774b-bcce-b302099a8057', '2026-03-01', 'x', 'inbound', '2026-03-01T00:00:00Z', 'live')");
        },
        &[5],
        "says that it is live",
    ),
    (
        "somebody keeps notes among the recordings",
        |home, path| {
            for path in [path.with_file_name("notes.txt"), home.path().join("recordings/copies")] {
                fs::write(path, "mine").expect("a file");
            }
        },
        &[6, 6],
        "did not put it there",
    ),
    (
        "a recording is moved to another day",
        |home, path| {
            let folder = home.path().join("recordings/1999/01/02");
            fs::create_dir_all(&folder).expect("a folder");
            for folder in folder.ancestors().take(3) {
                set_mode(folder, 0o700);
            }
            fs::rename(path, folder.join(path.file_name().expect("a name"))).expect("moved");
        },
        &[2, 6],
        "not at the place",
    ),
    ("a recording can be read by all", |_, path| set_mode(path, 0o644), &[7], "its mode is 0644"),
    (
        "a folder can be read by all",
        |_, path| set_mode(path.parent().expect("a folder"), 0o755),
        &[7],
        "its mode is 0755",
    ),
    (
        "the catalog can be read by the group",
        |home, _| set_mode(&home.path().join("catalog.sqlite"), 0o640),
        &[7],
        "its mode is 0640",
    ),
    (
        "a call is taken out of the ledger",
        |home, _| home.execute("DELETE FROM calls WHERE sequence = 1"),
        &[8, 9],
        "no number 1",
    ),
    (
        "the ledger says that a kept call was discarded",
        |home, _| {
            home.execute("UPDATE calls SET outcome = 'discarded' WHERE agent = 'bert'");
        },
        &[9],
        "was discarded",
    ),
    (
        "a purpose is taken away",
        |home, _| {
            home.execute("DELETE FROM purposes WHERE purpose = 'quality'");
        },
        &[10, 10],
        "no purpose for its reason sample",
    ),
    (
        "a call ended before it began",
        |home, _| {
            home.execute("UPDATE calls SET ended_at = '2001-02-03T04:05:06.000000Z' WHERE agent = 'bert'");
        },
        &[11],
        "and ended at 2001-02-0",
    ),
    (
        "a number that has a call is said to have none",
        |home, _| {
            home.execute("INSERT INTO skipped_numbers SELECT day, 2, 7, began_at FROM calls WHERE agent = 'bert'");
        },
        &[8],
        "are said to have no call, and have one: 2",
    ),
    (
        "notes that the catalog did not take were left",
        |home, _| {
            let path = home.path().join("unwritten.jsonl");
            fs::write(&path, "notes").expect("a file");
            set_mode(&path, 0o600);
        },
        &[5],
        "notes here that the catalog had not taken",
    ),
    (
        "the file of numbers can be read by all",
        |home, _| set_mode(&home.path().join("numbers"), 0o644),
        &[7],
        "its mode is 0644",
    ),
];

#[test]
fn whatever_is_broken_is_found_and_named_and_nothing_else() {
    let (home, paths) = kept_two();
    let report = assert_well(&home);
    assert_eq!((&report["recordings"], &report["files"], &report["calls"]), (&2.into(), &2.into(), &2.into()));
    assert_eq!(report["engine"], false);
    let copy = home.beside("copy");
    let path = &paths[1];
    for (what, damage, invariants, words) in BREAKS {
        copy_all(home.path(), &copy);
        damage(&home, path);
        let (code, report) = check(&home);
        let findings = report["findings"].as_array().expect("an array");
        let found: Vec<u64> = findings.iter().map(|finding| finding["invariant"].as_u64().expect("a number")).collect();
        assert_eq!((code, &found[..]), (1, *invariants), "{what}: {report:#}");
        let says = |finding: &Value| finding["text"].as_str().is_some_and(|text| text.contains(words));
        assert!(findings.iter().any(says), "{what}: {report:#}");
        assert!(findings.iter().all(|finding| finding["todo"].as_str().is_some_and(|todo| !todo.is_empty())), "{what}");
        fs::remove_dir_all(home.path()).expect("removed");
        copy_all(&copy, home.path());
        fs::remove_dir_all(&copy).expect("removed");
    }
    assert_well(&home);
}

/// Copies a folder with all that is in it, modes too.
fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    fs::set_permissions(to, fs::metadata(from).expect("a folder").permissions()).expect("it is ours");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        match entry.file_type().expect("a type") {
            kind if kind.is_dir() => copy_all(&entry.path(), &to.join(entry.file_name())),
            _ => drop(fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy")),
        }
    }
}

#[test]
fn a_call_that_is_being_recorded_beside_it_is_not_wrong_and_a_foreign_file_is() {
    let desk = Desk::open(&["--one-in", "0"]);
    let sound = Sound::noise(8_000, 16_000, 3);
    let mut line = Line::begin(&desk, "anna", 8_000);
    line.talk(&sound, 0, 8_000);
    line.accepted(Ask::Record);
    desk::wait_for("its file", || desk.audio_files().first().cloned());
    let report = assert_well(&desk);
    assert_eq!((&report["engine"], &report["files"]), (&true.into(), &1.into()));
    let notes = desk.path().join("recordings/notes.txt");
    fs::write(&notes, "mine").expect("a file");
    let (code, report) = check(&desk);
    assert_eq!((code, &report["findings"][0]["path"]), (1, &notes.to_str().into()));
    let ran = desk.run(&["check"]);
    assert!(
        ran.stdout.starts_with(&format!(" 6  nothing foreign is among the recordings: {}", notes.display())),
        "{ran:?}"
    );
    assert_eq!(ran.stderr, "retrocall: 1 thing is not as it must be; do the step behind its →, and check again\n");
    fs::remove_file(notes).expect("it is ours");
    line.end_and_keep();
    let ran = desk.run(&["check"]);
    assert_eq!(ran.stdout, "All 11 invariants hold: 1 recording, 1 file, 1 call, beside a running engine.\n");
    assert_well(&desk.stop());
}

/// Published, and the engine was gone before the catalog knew: with a row that says that it is being written, or without any.
#[test]
fn a_recording_that_the_catalog_does_not_know_is_registered_when_the_engine_starts() {
    let (home, paths) = kept_two();
    let before = home.recordings();
    let marks = text_of(&home, "SELECT marks FROM recordings WHERE agent = 'bert'");
    assert!(marks.contains(r#""record":[[0.5,"bert"]]"#), "{marks}");
    home.execute(
        "DELETE FROM recordings WHERE agent = 'anna'; DELETE FROM calls WHERE agent = 'anna';
         UPDATE recordings SET state = 'committing', customer = '+31201234567', bytes = NULL, seconds = NULL;
         UPDATE calls SET outcome = 'live', ended_at = NULL;
         DELETE FROM purposes",
    );
    assert_eq!(check(&home).0, 1);
    let home = home.start(&["--one-in", "0"]).stop();
    assert_eq!(
        home.log().matches("a recording that the catalog did not know is registered").count(),
        2,
        "{}",
        home.log()
    );
    let after = home.recordings();
    assert_eq!(after.len(), 2);
    for (before, after) in before.iter().zip(&after) {
        let facts = [
            "call",
            "agent",
            "agents",
            "pressed_by",
            "start",
            "seconds",
            "rate",
            "path",
            "parts",
            "gaps",
            "masks",
            "lost",
            "reasons",
            "purposes",
            "due",
            "state",
            "bytes",
        ];
        for fact in facts {
            assert_eq!(before[fact], after[fact], "{fact}");
        }
    }
    // The row that was there keeps what no file says; the one that was not has what its file says.
    let of = |agent: &str| {
        ["customer", "marks"].map(|column| {
            let column = format!("SELECT COALESCE({column}, '-') FROM recordings WHERE agent = '{agent}'");
            text_of(&home, &column)
        })
    };
    let [customer, of_file] = of("anna");
    assert!(customer == "-" && of_file.contains(r#""record":[[0.5,"anna"]]"#), "{of_file}");
    assert_eq!(of("bert"), ["+31201234567".into(), marks]);
    let rows = home.ledger(|rows| rows.len() == 2);
    assert!(rows.iter().all(|row| row.outcome == retrocall::catalog::Outcome::Kept));
    assert!(paths.iter().all(|path| path.exists()));
    // The first call's number went with its row, and its file says it.
    let (_, report) = check(&home);
    assert_eq!(report["findings"], serde_json::json!([]), "{report:#}");
    assert_eq!(rows.iter().filter_map(|row| row.sequence).collect::<Vec<_>>(), [1, 2]);
}

/// What was reserved by an engine that was killed has no call, and a name: that is to be looked at, and is not wrong.
#[test]
fn numbers_that_a_killed_engine_took_along_are_named_and_no_fault() {
    let desk = Desk::open(&["--one-in", "0"]);
    let mut line = Line::begin(&desk, "anna", 8_000);
    line.end();
    desk.ledger(|rows| rows.len() == 1);
    let desk = desk.kill().start(&["--one-in", "0"]);
    let report = assert_well(&desk);
    let holes = report["skipped"].as_array().expect("an array");
    assert_eq!((holes.len(), &holes[0]["first"]), (1, &2.into()), "{report:#}");
    let ran = desk.run(&["check"]);
    assert!(ran.stdout.starts_with(" ?  numbers 2 to ") && ran.stdout.contains("All 11 invariants hold"), "{ran:?}");
    // The call after it has a later number.
    Line::begin(&desk, "bert", 8_000).end();
    let rows = desk.ledger(|rows| rows.len() == 2);
    assert!(rows[1].sequence > holes[0]["last"].as_u64(), "{rows:?}");
    assert_well(&desk.stop());
}

/// Recovery meets what it can't publish: nothing of what is known of the call may be lost by that.
#[test]
fn an_unfinished_recording_that_can_not_be_recovered_keeps_its_row_until_somebody_sees_to_it() {
    let (home, paths) = kept_two();
    let (path, part) = (&paths[1], paths[1].with_extension("wav.part"));
    let precious = home.beside("precious");
    fs::rename(path, &part).expect("renamed");
    home.execute("UPDATE recordings SET state = 'committing', customer = '+31201234567' WHERE agent = 'bert'");
    // Something has its name.
    fs::write(path, "in the way").expect("a file");
    let home = home.start(&["--one-in", "0"]).stop();
    assert!(home.log().contains("is already there and is not replaced"), "{}", home.log());
    let (code, report) = check(&home);
    assert_eq!(code, 1);
    let todo = report["findings"].as_array().expect("findings").iter().map(|finding| finding["invariant"].as_u64());
    assert!(todo.clone().any(|number| number == Some(5)), "{report:#}");
    fs::rename(path, precious).expect("moved away");
    let home = home.start(&["--one-in", "0"]).stop();
    assert_well(&home);
    let kept = home.recordings();
    assert!(kept.iter().all(|row| row["state"] == "complete"), "{kept:?}");
}
