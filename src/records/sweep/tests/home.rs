//! The sweep of a real home: its catalog, written as the engine writes it, and files on the disk.

use std::{
    fs::{self, File},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use nix::fcntl::{Flock, FlockArg};
use tempfile::TempDir;

use super::super::*;
beside_each_home! {
    a_sample_that_nobody_heard_goes_on_day_14_with_its_file_and_the_customers_number,
    what_is_held_asked_for_or_noted_in_the_tables_counts,
    a_hold_that_comes_between_the_list_and_the_deletion_wins,
    pages_that_are_frozen_while_they_play_one_recording_hold_up_no_other_and_that_one_goes_with_the_next_sweep,
    a_lease_is_for_one_and_its_token_grows,
    d20_settings_that_change_are_the_next_version_and_a_dry_run_writes_none,
    a_recording_without_an_anchor_is_never_due_and_is_found,
}

pub(super) use crate::tests::homes::outside;
use crate::{
    rows,
    tests::homes::{self, beside_each_home},
};
use retrocall_words::{
    Call, CallId, Country, Customer, Facts, Label, Reason, SystemClock, TestClock,
    audio::Rate,
    book::{Marks, Note, OpenBook, Part, RecordedCall, RecordingKept, RecordingState},
    retention::{Calendar, Period, Periods},
};

const CUSTOMER: &str = "+31201234567";

/// A Tuesday.
const NOW: &str = "2026-11-24T09:00:00Z";

pub(super) fn clock() -> Arc<TestClock> {
    Arc::new(TestClock::at(NOW.parse().expect("a time")))
}

pub(super) fn day(clock: &TestClock, days: u64) {
    clock.pass(Duration::from_secs(days * 86_400));
}

/// Writes down that a call was recorded, with its file on the disk.
pub(super) fn keep(home: &Path, clock: &Arc<TestClock>, reasons: &[Reason]) -> CallId {
    let call = CallId::new();
    let path = home.join(format!("recordings/2026/11/24/{call}.wav"));
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, format!("audio of {call}")).expect("a file");
    let began_at = clock.wall();
    let kept = RecordingKept {
        of: RecordedCall {
            label: Label {
                call: Call { id: call, facts: Facts::of("anna"), rate: Rate::new(8_000).expect("a rate"), began_at },
                reasons: reasons.to_vec(),
                place: None,
            },
            customer: Some(Customer::from(CUSTOMER.to_owned())),
        },
        seconds: 60.0,
        first_seconds: 0.0,
        parts: vec![Part { path, bytes: 10, seconds: 60.0 }],
        participants: Vec::new(),
        marks: Marks { dtmf: vec![(1.0, '5')], ..Marks::default() },
        has_keys: true,
        state: RecordingState::Complete,
        ends_at: began_at + SignedDuration::from_secs(60),
        committed_at: began_at + SignedDuration::from_secs(61),
    };
    write(home, clock, vec![Note::Kept(Box::new(kept))]);
    call
}

fn write(home: &Path, clock: &Arc<TestClock>, notes: Vec<Note>) {
    let OpenBook { book, write, .. } = crate::open(home, Arc::clone(clock) as Arc<dyn Clock>, Country::default(), 10);
    let writing = thread::spawn(write);
    notes.into_iter().for_each(|note| book.note(note));
    assert!(book.close(Duration::from_secs(60)), "{:?}", book.health());
    writing.join().expect("it wrote");
    homes::settle(home);
}

pub(super) fn one(home: &Path, sql: &'static str) -> Option<String> {
    outside(home, async |rows| rows::query_scalar(sql).fetch_optional(rows).await.expect("an answer"))
}

fn execute(home: &Path, sql: &'static str) {
    outside(home, async |rows| rows::query(sql).execute(rows).await.expect("done"));
}

pub(super) fn sweep(home: &Path, clock: &TestClock) -> Report {
    let mut store = homes::store(home);
    store.follow(Periods::default(), &Calendar::default(), clock.wall()).expect("a policy");
    Sweeper::new("engine").run(&mut store, &HomeFiles::of(home), clock, Believe::Checked).expect("it sweeps")
}

fn lists(home: &Path) -> Vec<CallId> {
    let select = "SELECT call FROM recordings WHERE life <> 'gone' ORDER BY began_at, id";
    let calls = outside(home, async |rows| rows::query_scalar::<String>(select).fetch_all(rows).await.expect("a list"));
    calls.iter().map(|call| call.parse().expect("an id")).collect()
}

fn a_sample_that_nobody_heard_goes_on_day_14_with_its_file_and_the_customers_number() {
    let (home, clock) = (TempDir::new().expect("a folder"), clock());
    let home = home.path();
    let call = keep(home, &clock, &[Reason::Sample]);
    day(&clock, 13);
    assert_eq!(sweep(home, &clock).gone, 0);
    assert_eq!(lists(home), [call]);
    day(&clock, 2);
    let report = sweep(home, &clock);
    assert_eq!((report.gone, report.failed.len(), report.absent.len()), (1, 0, 0));
    assert_eq!(lists(home), []);
    assert!(!home.join(format!("recordings/2026/11/24/{call}.wav")).exists());
    let stones = HomeFiles::of(home).tombstones().expect("tombstones");
    assert_eq!(stones.len(), 1);
    assert_eq!(
        (stones[0].call, &stones[0].sha256),
        (call, &Some(crate::beside::digest(format!("audio of {call}").as_bytes())))
    );
    assert_eq!(one(home, "SELECT sha256 FROM tombstones"), stones[0].sha256);
    assert_eq!(one(home, "SELECT reason FROM receipts").as_deref(), Some("awaits-review"));
    assert_eq!(
        one(home, "SELECT customer FROM recordings WHERE customer IS NOT NULL OR customer_form IS NOT NULL"),
        None
    );
    assert_eq!(one(home, "SELECT recording FROM purposes"), None);
    assert_eq!(one(home, "SELECT marks FROM recordings").as_deref(), Some("{}"));
    assert_eq!(sweep(home, &clock), Report::default());
}

#[test]
fn a_note_that_comes_again_brings_back_nothing_that_is_gone() {
    let (home, clock) = (TempDir::new().expect("a folder"), clock());
    let home = home.path();
    let call = keep(home, &clock, &[Reason::OnDemand]);
    day(&clock, 20);
    assert_eq!(sweep(home, &clock).gone, 1);
    let OpenBook { book, write, .. } = crate::open(home, Arc::clone(&clock) as Arc<dyn Clock>, Country::default(), 10);
    let writing = thread::spawn(write);
    let left = book.left_behind(Some(Duration::from_secs(60))).expect("what is left");
    assert!(left.registered.contains(&call), "recovery leaves it alone");
    assert!(book.close(Duration::from_secs(60)));
    writing.join().expect("it wrote");
    assert_eq!(lists(home), []);
}

/// The system's clock, so far behind that what waits for readers a minute at most waits for a moment.
struct Behind<'a>(&'a TestClock);

impl Clock for Behind<'_> {
    fn wall(&self) -> Timestamp {
        self.0.wall()
    }

    fn now(&self) -> Instant {
        SystemClock.now() - Duration::from_millis(59_900)
    }
}

fn pages_that_are_frozen_while_they_play_one_recording_hold_up_no_other_and_that_one_goes_with_the_next_sweep() {
    let (home, clock) = (TempDir::new().expect("a folder"), clock());
    let home = home.path();
    let calls = [(); 3].map(|()| keep(home, &clock, &[Reason::Sample]));
    day(&clock, 15);
    let path = |call: CallId| home.join(format!("recordings/2026/11/24/{call}.wav"));
    // What a page holds of the one that it plays. A process that is stopped never lets go.
    let frozen = Flock::lock(File::open(path(calls[0])).expect("a file"), FlockArg::LockShared).expect("a lock");
    let mut store = homes::store(home);
    store.follow(Periods::default(), &Calendar::default(), clock.wall()).expect("a policy");
    let mut sweeper = Sweeper::new("engine");
    let mut sweep = |store: &mut HomeStore| {
        sweeper.run(store, &HomeFiles::of(home), &Behind(&clock), Believe::Checked).expect("it sweeps")
    };
    let report = sweep(&mut store);
    assert_eq!((report.gone, report.failed.len()), (2, 1), "{report:?}");
    assert!(report.failed[0].1.contains("is being read"), "{report:?}");
    assert_eq!(calls.map(|call| path(call).exists()), [true, false, false]);
    drop(frozen);
    assert_eq!(sweep(&mut store).finished + sweep(&mut store).gone, 1);
    assert_eq!(calls.map(|call| path(call).exists()), [false; 3]);
}

fn what_is_held_asked_for_or_noted_in_the_tables_counts() {
    let (home, clock) = (TempDir::new().expect("a folder"), clock());
    let home = home.path();
    keep(home, &clock, &[Reason::Sample]);
    execute(
        home,
        "INSERT INTO holds (id, recording, reason, owner, until_event, review_on, set_by, set_at)
         SELECT 'h', id, 'r', 'o', 'the court', '2027-01-01', 'o', '2026-11-24T10:00:00.000000Z' FROM recordings",
    );
    day(&clock, 20);
    assert_eq!(sweep(home, &clock).gone, 0, "it is on hold");
    execute(home, "UPDATE holds SET released_at = '2026-12-14T09:00:00.000000Z'");
    execute(
        home,
        "INSERT INTO requests (id, kind, received_on, entered_by, entered_at) VALUES ('q', 'access', '2026-12-01', 'o', '2026-12-01T09:00:00.000000Z')",
    );
    execute(
        home,
        "INSERT INTO request_recordings (request, recording, state) SELECT 'q', id, 'candidate' FROM recordings",
    );
    assert_eq!(sweep(home, &clock).gone, 0, "a request froze it");
    execute(home, "UPDATE requests SET answered_at = '2026-12-14T09:00:00.000000Z'");
    // Noted before its day 14: a learning moment keeps it.
    execute(
        home,
        "INSERT INTO anchors (recording, purpose, about, place, anchor, at)
         SELECT recording, purpose, about, 1, 'learning-moment', '2026-11-30T09:00:00.000000Z' FROM purposes",
    );
    assert_eq!(sweep(home, &clock).gone, 0, "it waits for the evaluation");
    execute(
        home,
        "INSERT INTO anchors (recording, purpose, about, place, anchor, at)
         SELECT recording, purpose, about, 2, 'agent-left', '2026-12-10T09:00:00.000000Z' FROM purposes",
    );
    let report = sweep(home, &clock);
    assert_eq!(report.deleted.iter().map(|(_, why)| *why).collect::<Vec<_>>(), [Why::AgentLeft]);
}

fn a_hold_that_comes_between_the_list_and_the_deletion_wins() {
    let (home, clock) = (TempDir::new().expect("a folder"), clock());
    let home = home.path();
    keep(home, &clock, &[Reason::Sample]);
    day(&clock, 20);
    let now = clock.wall();
    let mut store = homes::store(home);
    let token = store.lease("engine", now, now + SignedDuration::from_mins(10)).expect("a lease").expect("a lease");
    let due = store.due(now, None, 10).expect("a list");
    assert_eq!(due.len(), 1);
    execute(
        home,
        "INSERT INTO holds (id, recording, reason, owner, until_event, review_on, set_by, set_at)
         SELECT 'h', id, 'r', 'o', 'the court', '2027-01-01', 'o', '2026-11-24T10:00:00.000000Z' FROM recordings",
    );
    assert_eq!(store.deleting(&due[..1], token, now), Ok(vec![Deed::NotNow]));
    execute(home, "UPDATE holds SET released_at = '2026-12-14T09:00:00.000000Z'");
    assert_eq!(store.deleting(&due[..1], token + 1, now), Ok(vec![Deed::LeaseLost]));
    let expired = now + SignedDuration::from_mins(10);
    assert_eq!(store.deleting(&due[..1], token, expired), Ok(vec![Deed::LeaseLost]));
    assert_eq!(store.deleting(&due[..1], token, now), Ok(vec![Deed::Done]));
    assert_eq!(store.deleting(&due[..1], token, now), Ok(vec![Deed::NotNow]), "it has begun");
    assert_eq!(store.due(now, None, 10), Ok(Vec::new()));
    let begun = store.unfinished(None, 10).expect("a list");
    assert_eq!((begun.len(), &begun[0].files, begun[0].why), (1, &due[0].files, due[0].why));
    assert_eq!(lists(home).len(), 1, "it is listed until it is gone");
}

fn a_lease_is_for_one_and_its_token_grows() {
    let (home, clock) = (TempDir::new().expect("a folder"), clock());
    let home = home.path();
    keep(home, &clock, &[Reason::Sample]);
    let mut store = homes::store(home);
    let now = clock.wall();
    let later = |minutes| now + SignedDuration::from_mins(minutes);
    assert_eq!(store.lease("one", now, later(10)), Ok(Some(1)));
    assert_eq!(store.lease("one", later(1), later(11)), Ok(Some(1)));
    assert_eq!(store.lease("other", later(10), later(20)), Ok(None));
    assert_eq!(store.lease("other", later(11), later(21)), Ok(Some(2)));
    store.release(1, later(12)).expect("an answer");
    assert_eq!(store.lease("one", later(12), later(22)), Ok(None), "it was not its own");
    // Taken by a clock that was ahead: it would last for ever.
    assert_eq!(store.lease("one", now, later(10)), Ok(Some(3)));
    store.release(3, later(1)).expect("an answer");
    assert_eq!(store.lease("other", later(1), later(11)), Ok(Some(4)));
}

fn d20_settings_that_change_are_the_next_version_and_a_dry_run_writes_none() {
    let (home, clock) = (TempDir::new().expect("a folder"), clock());
    let home = home.path();
    keep(home, &clock, &[Reason::Sample]);
    let mut store = homes::store(home);
    let (long, calendar) = (Periods::default(), Calendar::default());
    let short = long.with(Period::QualityUnheard, 7).expect("in range");
    let count = || one(home, "SELECT CAST(COUNT(*) AS TEXT) FROM policies").expect("a count");
    store.consider(short, &calendar, clock.wall()).expect("a policy");
    assert_eq!((store.policy().versions().len(), count().as_str()), (1, "0"));
    for (periods, versions) in [(short, 1), (short, 1), (long, 2), (long, 2)] {
        store.follow(periods, &calendar, clock.wall()).expect("a policy");
        assert_eq!((store.policy().versions().len(), count()), (versions, versions.to_string()));
        day(&clock, 1);
    }
    // The longer rule came after the call.
    day(&clock, 4);
    assert_eq!(store.due(clock.wall(), None, 10).expect("a list").len(), 1);
}

fn a_recording_without_an_anchor_is_never_due_and_is_found() {
    let (home, clock) = (TempDir::new().expect("a folder"), clock());
    let home = home.path();
    keep(home, &clock, &[Reason::Sample]);
    execute(home, "UPDATE recordings SET ends_at = NULL");
    day(&clock, 20);
    assert_eq!(sweep(home, &clock).gone, 0);
    let mut store = homes::store(home);
    let mut fates = Vec::new();
    store.each_kept(clock.wall(), |judged| fates.push(judged.fate)).expect("a list");
    assert_eq!(fates, [crate::policy::Fate::NoAnchor { purpose: Some(crate::PurposeKind::Quality) }]);
}

#[test]
fn a_home_without_a_catalog_has_nothing_to_sweep() {
    let home = TempDir::new().expect("a folder");
    assert!(HomeStore::open(home.path()).expect("an answer").is_none());
    assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 0);
}
