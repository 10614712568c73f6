//! The catalog as the engine and the commands meet it.

mod cluster;
mod customers;
mod deeds;
mod desk;
mod faults;
mod forgets_nothing;
mod home_files;
pub(crate) mod homes;
mod jumps;
mod kills;
mod ledger;
mod older;
mod restored;
mod words;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use jiff::{SignedDuration, Timestamp, civil::Date};
use tempfile::TempDir;

use super::*;
use crate::rows::{self, Connection};
use retrocall_words::{
    Call, CallId, Customer, Facts, Label, Reason,
    audio::Rate,
    book::{
        CallBegun, CallEnded, Marks, Origins, Outcome, Part, Participant, RecordedCall, RecordingBegun, RecordingKept,
        RecordingState, Skipped, Unfinished,
    },
};

/// Far longer than anything takes: who waits this long has found a defect.
const LONG: Duration = Duration::from_secs(60);
/// Between two tries, in tests.
const RETRY: Duration = Duration::from_millis(20);
const CUSTOMER: &str = "+31201234567";

impl Catalog {
    /// Opens it, with its thread, which is called again if it panics.
    fn start(home: &Path, today: Date, country: Country, limits: Limits) -> Catalog {
        let (catalog, mut worker) = Catalog::new(home, today, country, &limits);
        thread::spawn(move || while catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {});
        catalog
    }

    fn opened(&self, wait: Duration) -> Result<LeftBehind, Trouble> {
        self.queue.left_behind(Some(wait))
    }

    fn flushed(&self, wait: Duration) -> bool {
        self.queue.flushed(wait)
    }

    fn trouble(&self) -> Option<String> {
        self.health().trouble
    }
}

fn limits() -> Limits {
    Limits { retry: RETRY, ..Limits::default() }
}

fn open(home: &TempDir) -> Catalog {
    Catalog::start(home.path(), today(), Country::default(), limits())
}

fn file(home: &TempDir) -> PathBuf {
    home.path().join("catalog.sqlite")
}

/// The day on which these tests play.
fn today() -> Date {
    jiff::civil::date(2026, 11, 24)
}

fn at(second: i64) -> Timestamp {
    let start: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(second)
}

fn begun(call: CallId, sequence: Option<u64>) -> Note {
    Note::Begun(CallBegun { call: call_of_anna(call), day: today(), sequence, exempt: false })
}

fn call_of_anna(id: CallId) -> Call {
    Call { id, facts: Facts::of("anna"), rate: Rate::new(8_000).unwrap(), began_at: at(0) }
}

/// A call begins, with the next number.
fn begin(catalog: &Catalog) -> CallId {
    let call = CallId::new();
    catalog.note(begun(call, catalog.reserve(today()).sequence));
    call
}

fn ended(call: CallId, outcome: Outcome) -> Note {
    Note::Ended(CallEnded {
        call,
        ended_at: Some(at(90)),
        seconds: Some(90.5),
        outcome,
        cut_off: false,
        reasons: if outcome == Outcome::Kept { vec![Reason::OnDemand, Reason::Sample] } else { Vec::new() },
        private: false,
        objected: true,
        origins: Origins::default(),
        mask_seconds: 0.0,
        gaps: 3,
        gap_seconds: 0.25,
        late_frames: 2,
        lost_frames: 1,
    })
}

/// What a recording of a call is of, without its customer.
fn recorded(call: CallId, reasons: &[Reason]) -> RecordedCall {
    RecordedCall { label: Label { call: call_of_anna(call), reasons: reasons.to_vec(), place: None }, customer: None }
}

fn selected(call: CallId) -> Note {
    let customer = Some(Customer::from(CUSTOMER.to_owned()));
    Note::Selected(RecordingBegun {
        of: RecordedCall { customer, ..recorded(call, &[Reason::OnDemand]) },
        path: format!("recordings/2026/11/24/{call}.wav").into(),
    })
}

fn recording(call: CallId) -> RecordingKept {
    RecordingKept {
        of: recorded(call, &[Reason::OnDemand, Reason::Sample]),
        seconds: 90.5,
        first_seconds: 0.0,
        parts: vec![Part { path: format!("recordings/2026/11/24/{call}.wav").into(), bytes: 2_896_044, seconds: 90.5 }],
        participants: vec![
            Participant { agent: "anna".into(), from_seconds: 0.0, to_seconds: 30.0 },
            Participant { agent: "bert".into(), from_seconds: 30.0, to_seconds: 90.5 },
        ],
        marks: Marks { record: vec![(12.5, "anna".into())], dtmf: vec![(13.0, '5')], ..Marks::default() },
        has_keys: true,
        state: RecordingState::Complete,
        committed_at: at(91),
        ends_at: at(90),
    }
}

fn kept(call: CallId) -> Note {
    Note::Kept(Box::new(recording(call)))
}

/// Runs one thing on a connection of another program.
fn outside<T>(home: &TempDir, work: impl AsyncFnOnce(&mut Connection) -> T) -> T {
    homes::outside(home.path(), work)
}

fn execute(home: &TempDir, sql: &'static str) {
    outside(home, async |connection| connection.execute(sql).await.unwrap());
}

/// A catalog with one ended call, closed.
fn with_one_call(home: &TempDir) -> CallId {
    let catalog = open(home);
    catalog.opened(LONG).unwrap();
    let call = begin(&catalog);
    catalog.note(ended(call, Outcome::Discarded));
    assert!(catalog.close(LONG));
    call
}

fn sequences(home: &TempDir) -> Vec<Option<u64>> {
    let mut sequences: Vec<_> = calls(home.path()).unwrap().iter().map(|call| call.sequence).collect();
    sequences.sort();
    sequences
}

/// Waits for what tells nobody that it came.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let deadline = SystemClock.now() + LONG;
    while !is_so() {
        assert!(SystemClock.now() < deadline, "it never came");
        thread::sleep(Duration::from_millis(1));
    }
}

/// What is given and written in `work`, while another program holds the catalog.
fn while_locked<T>(home: &TempDir, work: impl FnOnce() -> T) -> T {
    outside(home, async |connection| {
        connection.execute("BEGIN EXCLUSIVE").await.unwrap();
        let answer = work();
        connection.execute("ROLLBACK").await.unwrap();
        answer
    })
}

/// What lies on the disk at this moment: what a killed engine leaves.
fn as_killed(home: &Path) -> TempDir {
    let left = TempDir::new().unwrap();
    for entry in fs::read_dir(home).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, left.path().join(path.file_name().unwrap())).unwrap();
    }
    left
}

fn unwritten(home: &TempDir) -> PathBuf {
    home.path().join("unwritten.jsonl")
}

/// All notes of a kept call, and of one that was discarded.
fn two_calls(catalog: &Catalog) -> (CallId, CallId) {
    let (kept_call, discarded) = (begin(catalog), begin(catalog));
    for note in [selected(kept_call), kept(kept_call), ended(kept_call, Outcome::Kept)] {
        catalog.note(note);
    }
    catalog.note(ended(discarded, Outcome::Discarded));
    (kept_call, discarded)
}

fn customer_and_marks(home: &TempDir) -> (String, String) {
    outside(home, async |connection| {
        rows::query_as("SELECT customer, marks FROM recordings").fetch_one(connection).await.unwrap()
    })
}

fn skipped(home: &TempDir) -> Vec<(u64, u64)> {
    skipped_numbers(home.path()).unwrap().iter().map(|hole| (hole.first, hole.last)).collect()
}

#[test]
fn a_call_and_its_recording_are_found_as_they_were_noted() {
    let home = TempDir::new().unwrap();
    let (catalog, call, other) = (open(&home), CallId::new(), CallId::new());
    for note in [begun(call, Some(1)), begun(other, Some(2)), selected(call), kept(call), ended(call, Outcome::Kept)] {
        catalog.note(note);
    }
    catalog.note(ended(other, Outcome::Discarded));
    assert!(catalog.close(LONG), "{:?}", catalog.trouble());
    assert_eq!(catalog.health().notes_waiting, 0);

    let rows = calls(home.path()).unwrap();
    assert_eq!(rows.len(), 2);
    let row = &rows[0];
    assert_eq!((row.call, row.day, row.sequence, row.agent.as_str()), (call, today(), Some(1), "anna"));
    assert_eq!((row.start, row.end, row.seconds), (at(0), Some(at(90)), Some(90.5)));
    assert_eq!((row.outcome, &row.reasons), (Outcome::Kept, &vec![Reason::OnDemand, Reason::Sample]));
    assert_eq!((row.private, row.objected, row.gaps, row.gap_seconds), (false, true, 3, 0.25));
    assert_eq!((row.late_frames, row.lost_frames), (2, 1));
    assert_eq!((rows[1].call, rows[1].outcome), (other, Outcome::Discarded));

    let found = recordings(home.path()).unwrap();
    assert_eq!(found.len(), 1);
    let path = Some(home.path().join(format!("recordings/2026/11/24/{call}.wav")));
    assert_eq!((found[0].call, &found[0].path, found[0].state), (call, &path, RecordingState::Complete));
    assert_eq!((found[0].seconds, found[0].bytes, found[0].start), (Some(90.5), Some(2_896_044), at(0)));
    assert_eq!(
        (&found[0].purposes, found[0].due),
        (&vec![PurposeKind::Incident, PurposeKind::Quality], Some(at(90 + 14 * 86_400)))
    );
    let json = serde_json::to_string(&found).unwrap();
    assert!(json.contains(r#""reasons":["on-demand","sample"],"purposes":["incident","quality"]"#), "{json}");
    assert!(!json.contains(CUSTOMER));
}

#[test]
fn a_recording_that_is_being_written_is_listed_and_can_be_found_by_its_customer() {
    let home = TempDir::new().unwrap();
    let (catalog, call) = (open(&home), CallId::new());
    catalog.note(begun(call, None));
    catalog.note(selected(call));
    assert!(catalog.flushed(LONG));
    let found = recordings(home.path()).unwrap();
    assert_eq!((found[0].state, found[0].seconds, found[0].due), (RecordingState::Committing, None, None));
    assert_eq!(found[0].path, None, "there is no file yet");
    let customer: String = outside(&home, async |connection| {
        rows::query_scalar("SELECT customer FROM recordings").fetch_one(connection).await.unwrap()
    });
    assert_eq!(customer, CUSTOMER);

    // Recovery knows no number: the one that is written down stays.
    catalog.note(kept(call));
    assert!(catalog.close(LONG));
    let customer: String = outside(&home, async |connection| {
        rows::query_scalar("SELECT customer FROM recordings").fetch_one(connection).await.unwrap()
    });
    assert_eq!(customer, CUSTOMER);
}

#[test]
fn a_purpose_that_waits_for_an_event_leaves_the_recording_without_one() {
    let home = TempDir::new().unwrap();
    let (catalog, call) = (open(&home), CallId::new());
    catalog.note(kept(call));
    assert!(catalog.flushed(LONG));
    outside(&home, async |connection| {
        let insert = rows::query(
            "INSERT INTO anchors (recording, purpose, place, anchor, at)
             SELECT recording, purpose, 1, 'case-opened', '2026-11-25T09:00:00.000000Z' FROM purposes WHERE purpose = 'incident'",
        );
        assert_eq!(insert.execute(connection).await.unwrap().rows_affected(), 1);
    });
    catalog.note(kept(call));
    assert!(catalog.close(LONG));
    assert_eq!(recordings(home.path()).unwrap()[0].due, None);
}

#[test]
fn a_note_that_comes_again_brings_back_nothing_of_what_was_deleted() {
    let home = TempDir::new().unwrap();
    let (catalog, call) = (open(&home), CallId::new());
    catalog.note(kept(call));
    assert!(catalog.flushed(LONG));
    execute(&home, "UPDATE recordings SET life = 'gone', marks = '{}'; DELETE FROM purposes; DELETE FROM participants");
    catalog.note(selected(call));
    catalog.note(kept(call));
    assert!(catalog.close(LONG));
    assert_eq!(recordings(home.path()), Ok(Vec::new()));
    let left: (i64, i64, Option<String>, String) = outside(&home, async |connection| {
        let select = "SELECT (SELECT COUNT(*) FROM purposes), (SELECT COUNT(*) FROM participants), customer, marks FROM recordings";
        rows::query_as(select).fetch_one(connection).await.unwrap()
    });
    assert_eq!(left, (0, 0, None, "{}".to_owned()));
}

#[test]
fn a_customers_number_is_in_no_debug_output() {
    let call = CallId::new();
    let mut recording = recording(call);
    recording.of.customer = Some(Customer::from(CUSTOMER.to_owned()));
    for text in [format!("{:?}", selected(call)), format!("{:?}", Note::Kept(Box::new(recording)))] {
        assert!(!text.contains(&CUSTOMER[1..]), "{text}");
        assert!(!text.contains("dtmf"), "{text}");
    }
}

#[test]
fn without_a_catalog_the_lists_are_empty_and_nothing_is_made() {
    let home = TempDir::new().unwrap();
    assert_eq!(recordings(home.path()), Ok(Vec::new()));
    assert_eq!(calls(home.path()), Ok(Vec::new()));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn others_can_read_neither_the_catalog_nor_what_lies_beside_it() {
    let home = TempDir::new().unwrap();
    let catalog = open(&home);
    catalog.note(begun(CallId::new(), None));
    assert!(catalog.flushed(LONG));
    let modes: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name(), entry.metadata().unwrap().permissions().mode() & 0o777))
        .collect();
    assert!(modes.len() >= 2, "the log of the database is missing: {modes:?}");
    assert!(modes.iter().all(|(_, mode)| *mode == 0o600), "{modes:?}");

    // Nor one that came from a backup.
    assert!(catalog.close(LONG));
    fs::set_permissions(file(&home), fs::Permissions::from_mode(0o644)).unwrap();
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    assert_eq!(fs::metadata(file(&home)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_call_whose_number_is_taken_still_gets_its_row_and_no_number_is_given_twice() {
    let home = TempDir::new().unwrap();
    let (catalog, first) = (open(&home), CallId::new());
    // The same note twice is one row.
    for call in [first, first, CallId::new()] {
        catalog.note(begun(call, Some(1)));
    }
    assert!(catalog.close(LONG));
    assert_eq!(sequences(&home), [None, Some(1)]);
}

#[test]
fn calls_that_were_live_when_the_engine_was_killed_are_said_to_be_lost() {
    let home = TempDir::new().unwrap();
    let (lost, committing, ended_well) = (CallId::new(), CallId::new(), CallId::new());
    let killed = open(&home);
    for note in [begun(lost, None), begun(committing, None), selected(committing), begun(ended_well, None)] {
        killed.note(note);
    }
    killed.note(ended(ended_well, Outcome::Discarded));
    assert!(killed.close(LONG));

    let catalog = open(&home);
    let opened = catalog.opened(LONG).unwrap();
    let unfinished = |call| Unfinished { call, agent: "anna".into(), began_at: at(0) };
    assert_eq!(opened.lost, [unfinished(lost)]);
    assert_eq!(opened.committing, [unfinished(committing)]);
    // Recovery found its file.
    catalog.note(Note::Kept(Box::new(RecordingKept { state: RecordingState::Incomplete, ..recording(committing) })));
    assert!(catalog.close(LONG));
    let rows = calls(home.path()).unwrap();
    let outcome = |call| rows.iter().find(|row| row.call == call).unwrap().outcome;
    assert_eq!(
        (outcome(lost), outcome(committing), outcome(ended_well)),
        (Outcome::Lost, Outcome::Kept, Outcome::Discarded)
    );
    assert_eq!(recordings(home.path()).unwrap()[0].state, RecordingState::Incomplete);

    // It is said once.
    let opened = open(&home).opened(LONG).unwrap();
    assert_eq!((opened.lost, opened.committing), (Vec::new(), Vec::new()));
}

#[test]
fn a_commit_of_which_nothing_is_left_leaves_no_row_with_the_customers_number() {
    let home = TempDir::new().unwrap();
    let (killed, call) = (open(&home), CallId::new());
    killed.note(begun(call, None));
    killed.note(selected(call));
    assert!(killed.close(LONG));
    let catalog = open(&home);
    assert_eq!(catalog.opened(LONG).unwrap().committing.len(), 1);
    catalog.note(ended(call, Outcome::Lost));
    assert!(catalog.close(LONG));
    assert_eq!(recordings(home.path()), Ok(Vec::new()));
    assert_eq!(calls(home.path()).unwrap()[0].outcome, Outcome::Lost);
}

#[test]
fn a_recovered_recording_whose_call_was_never_written_down_gets_a_row_in_the_ledger() {
    let home = TempDir::new().unwrap();
    let (catalog, call) = (open(&home), CallId::new());
    catalog.note(kept(call));
    assert!(catalog.close(LONG));
    let row = &calls(home.path()).unwrap()[0];
    assert_eq!((row.call, row.outcome, row.sequence, row.seconds), (call, Outcome::Kept, None, Some(90.5)));
}

#[test]
fn a_number_that_is_none_does_not_hold_up_what_follows() {
    let home = TempDir::new().unwrap();
    let (catalog, call) = (open(&home), CallId::new());
    catalog.note(Note::Kept(Box::new(RecordingKept {
        seconds: f64::NAN,
        first_seconds: f64::INFINITY,
        ..recording(call)
    })));
    catalog.note(begun(CallId::new(), Some(u64::MAX)));
    assert!(catalog.close(LONG));
    assert_eq!(recordings(home.path()).unwrap()[0].seconds, Some(0.0));
}

#[test]
fn what_was_noted_is_written_although_the_last_hold_is_dropped_without_a_close() {
    let home = TempDir::new().unwrap();
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    (1..=3_000).for_each(|number| catalog.note(begun(CallId::new(), Some(number))));
    let queue = Arc::clone(&catalog.queue);
    drop(catalog);
    assert!(queue.flushed(LONG));
    assert_eq!(sequences(&home), (1..=3_000).map(Some).collect::<Vec<_>>());
}

#[test]
fn a_column_that_cannot_be_read_is_named_but_not_shown() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    execute(&home, "UPDATE calls SET began_at = 'secret'");
    let trouble = calls(home.path()).unwrap_err().to_string();
    assert!(trouble.contains("began_at") && !trouble.contains("secret"), "{trouble}");
}

#[test]
fn statements_are_written_for_any_database() {
    // Placeholders that PostgreSQL takes too; SQLite takes both.
    for sql in [include_str!("write.rs"), include_str!("read.rs")] {
        assert!(!sql.contains("?1") && !sql.contains("= ?") && !sql.contains("OR REPLACE") && !sql.contains("PRAGMA"));
    }
}
