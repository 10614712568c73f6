//! Large records: a ledger of millions of rows, lists of a hundred thousand recordings, a million that are due at once.
//!
//! Here they are small, and it is seen that everything comes out right; `make sizes` makes them large, and how long things may take is looked at there
//! alone.

#[path = "../../src/records/tests/cluster.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod cluster;

use std::{
    env,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use retrocall_ledger::Evidence;
use retrocall_records::{
    Address, Server,
    desk::{Desk as _, Filter, HomeDesk, Person, Use, UseKind},
    ledger, open,
    sweep::{Believe, HomeFiles, HomeStore, Sweeper, awaiting_case, warnings},
};
use retrocall_words::{
    Call, CallId, Clock, Country, Facts, Label, Reason, SystemClock, TestClock,
    audio::Rate,
    book::{
        Book, CallBegun, CallEnded, Marks, Note, Origins, Outcome, Part, Participant, RecordedCall, RecordingKept,
        RecordingState, day_of,
    },
    retention::{Calendar, Periods},
};
use tempfile::TempDir;

use cluster::{Cluster, execute, pour, tables};

/// Calls, and how many of them are kept, without a word from whoever runs it.
const CALLS: u64 = 1_500;
const KEPT_ONE_IN: u64 = 3;
/// Calls whose notes are handed in together: numbers are reserved ahead of need for so many.
const AT_ONCE: u64 = 500;
/// Agents of the desk.
const AGENTS: u64 = 50;

/// Recordings that are due at once on a server, where each takes many questions.
const DUE_ON_SERVER: u64 = 100;

/// How long things may take in large records.
const ROW: Duration = Duration::from_millis(1);
const LIST: Duration = Duration::from_millis(100);
const VERIFY: Duration = Duration::from_secs(20);
/// One hundred thousand recordings are looked at within this, for a list of those about which somebody is told.
const TOLD: Duration = Duration::from_secs(2);
const DEED: Duration = Duration::from_secs(1);

/// So long after their calls all recordings are due.
const DUE_AFTER: Duration = Duration::from_secs(20 * 86_400);

fn asked(name: &str) -> Option<u64> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Says how long something took, and, in large records, that it was not too long.
fn took(what: &str, time: Duration, most: Duration) {
    println!("{what}: {time:.2?} (at most {most:.0?})");
    if asked("RETROCALL_SIZES_CALLS").is_some() {
        assert!(time <= most, "{what}: {time:.2?}, more than {most:.0?}");
    }
}

fn flush(book: &dyn Book) {
    while book.health().notes_waiting > 0 {
        assert_eq!(book.health().trouble, None);
        thread::sleep(Duration::from_micros(200));
    }
}

/// The notes of one call. How many rows the ledger has of it.
fn call(book: &dyn Book, number: u64, began_at: Timestamp, is_kept: bool) -> u64 {
    let (id, agent) = (CallId::new(), format!("agent-{:02}", number % AGENTS));
    let call = Call { id, facts: Facts::of(agent.clone()), rate: Rate::new(8_000).expect("a rate"), began_at };
    let place = book.reserve(day_of(began_at));
    book.note(Note::Begun(CallBegun { call: call.clone(), day: place.day, sequence: place.sequence, exempt: false }));
    let reasons = if is_kept { vec![Reason::OnDemand] } else { Vec::new() };
    let ends_at = began_at + SignedDuration::from_secs(90);
    book.note(Note::Ended(CallEnded {
        ended_at: Some(ends_at),
        seconds: Some(90.0),
        cut_off: false,
        reasons: reasons.clone(),
        origins: Origins::default(),
        ..CallEnded::unseen(id, if is_kept { Outcome::Kept } else { Outcome::Discarded })
    }));
    if !is_kept {
        return 2;
    }
    let path = format!("recordings/{}/{id}.wav", day_of(began_at).strftime("%Y/%m/%d")).into();
    book.note(Note::Kept(Box::new(RecordingKept {
        of: RecordedCall { label: Label { call, reasons, place: None }, customer: None },
        seconds: 90.0,
        first_seconds: 0.0,
        parts: vec![Part { path, bytes: 10, seconds: 90.0 }],
        participants: vec![Participant { agent, from_seconds: 0.0, to_seconds: 90.0 }],
        marks: Marks::default(),
        has_keys: true,
        state: RecordingState::Complete,
        ends_at,
        committed_at: ends_at,
    })));
    3
}

/// A home with so many calls of one day. Its files are nowhere: rows alone are measured.
fn filled(calls: u64, kept_one_in: u64) -> (TempDir, Arc<TestClock>, u64) {
    let home = TempDir::new().expect("a folder");
    let clock = Arc::new(TestClock::at("2026-11-23T06:00:00Z".parse().expect("a time")));
    let opened = open(home.path(), Arc::clone(&clock) as Arc<dyn Clock>, Country::default(), 0);
    let write = opened.write;
    let thread = thread::spawn(write);
    opened.book.left_behind(Some(Duration::from_secs(60))).expect("the records open");
    let (mut rows, mut each) = (0, Vec::new());
    for first in (0..calls).step_by(AT_ONCE as usize) {
        let (began, before) = (SystemClock.now(), rows);
        for number in first..calls.min(first + AT_ONCE) {
            let began_at = clock.wall() + SignedDuration::from_millis(number as i64);
            rows += call(&*opened.book, number, began_at, number % kept_one_in == 0);
        }
        flush(&*opened.book);
        each.push(SystemClock.since(began) / u32::try_from(rows - before).expect("few rows"));
    }
    drop(opened.book);
    thread.join().expect("it ends");
    each.sort();
    took("a row of the ledger, with its call, at the median", each[each.len() / 2], ROW);
    (home, clock, rows)
}

/// Lists all recordings, page by page. How many there are, and how long the slowest page took.
fn listed(desk: &HomeDesk) -> (u64, Duration, String) {
    let (owner, mut after, mut count, mut slowest) = (Person::owner("root"), None, 0, Duration::ZERO);
    let mut last = String::new();
    loop {
        let began = SystemClock.now();
        let page = desk.list(&owner, &Filter::default(), after.as_ref()).expect("a page");
        slowest = slowest.max(SystemClock.since(began));
        count += page.recordings.len() as u64;
        last = page.recordings.last().map_or(last, |recording| recording.id.clone());
        after = page.next;
        if after.is_none() {
            return (count, slowest, last);
        }
    }
}

/// Deeds that are done while a sweep goes on: the slowest of them.
fn slowest_deed(desk: &HomeDesk, recording: &str, at: Timestamp, is_over: &AtomicBool) -> (u32, Duration) {
    let play = Use { kind: UseKind::Play, why: "to see how long that takes".into(), of: None };
    let (mut count, mut slowest) = (0, Duration::ZERO);
    while !is_over.load(Ordering::Acquire) {
        let began: Instant = SystemClock.now();
        // The last of all: it goes last, or is gone when this comes.
        let _ = desk.used(&Person::owner("root"), recording, &play, at);
        (count, slowest) = (count + 1, slowest.max(SystemClock.since(began)));
        thread::sleep(Duration::from_millis(5));
    }
    (count, slowest)
}

/// Which presses await a case, as `case list --awaiting` asks, and of what somebody is told, as `status` asks.
fn told(address: &Address, home: &Path, now: Timestamp, kept: u64) {
    let mut store = HomeStore::open_at(address, home).expect("records").expect("records");
    store.consider(Periods::default(), &Calendar::default(), now).expect("a policy");
    let most = TOLD * u32::try_from(kept.div_ceil(100_000)).expect("few");
    let began = SystemClock.now();
    let awaiting = awaiting_case(&mut store, now).expect("a list");
    took("the presses that await a case, all of them", SystemClock.since(began), most);
    assert_eq!(awaiting.len() as u64, kept);
    let began = SystemClock.now();
    warnings(&mut store, now).expect("a list");
    took("the warnings, with all of them to be looked at", SystemClock.since(began), most);
}

/// The ledger is verified in time.
fn verified(address: &Address, rows: u64) {
    let began = SystemClock.now();
    let verified = ledger::verify_at(address, Evidence::default()).expect("a ledger");
    took(&format!("verifying at least {rows} rows"), SystemClock.since(began), VERIFY);
    assert!(verified.is_sound(), "{verified}");
}

/// Puts all rows of a home on a server, and measures the same there.
fn on_server(home: &Path, clock: &TestClock, (rows, kept): (u64, u64), due: u64) {
    println!("on a server:");
    let cluster = Cluster::start(|url| Server::at(url).expect("an address").prepare().expect("tables"));
    let url = cluster.url("retrocall");
    let all: Vec<_> = tables().map(|table| (table, "TRUE".to_owned())).collect();
    pour(home, &url, &all);
    execute(&url, "ANALYZE");
    let address = Address::Server(Server::at(&url).expect("an address"));
    let (count, slowest, _) = listed(&HomeDesk::at(address.clone()));
    assert_eq!(count, kept);
    took("the slowest page of recordings", slowest, LIST);
    let folder = TempDir::new().expect("a folder");
    // Before all of them were due.
    told(&address, folder.path(), clock.wall() - DUE_AFTER, kept);
    verified(&address, rows);
    let others =
        format!("DELETE FROM recordings WHERE id IN (SELECT id FROM recordings ORDER BY began_at, id OFFSET {due})");
    execute(&url, &others);
    execute(&url, "ANALYZE");
    let (_, _, last) = listed(&HomeDesk::at(address.clone()));
    swept(&address, folder.path(), clock, (due, &last));
}

#[test]
fn records_of_any_size_are_listed_verified_and_deleted_in_time() {
    let calls = asked("RETROCALL_SIZES_CALLS").unwrap_or(CALLS);
    let kept_one_in = asked("RETROCALL_SIZES_KEPT_ONE_IN").unwrap_or(KEPT_ONE_IN);
    let kept = calls.div_ceil(kept_one_in);
    let (home, clock, rows) = filled(calls, kept_one_in);
    let desk = HomeDesk::of(home.path());
    let (count, slowest, last) = listed(&desk);
    assert_eq!(count, kept);
    took("the slowest page of recordings", slowest, LIST);
    // Once all of them have ended.
    clock.pass(Duration::from_secs(3_600));
    told(&Address::of(home.path()), home.path(), clock.wall(), kept);

    // All are due at once.
    clock.pass(DUE_AFTER);
    let due = asked("RETROCALL_SIZES_DUE_ON_SERVER").unwrap_or(DUE_ON_SERVER).min(kept);
    if due > 0 {
        on_server(home.path(), &clock, (rows, kept), due);
    }
    println!("at home:");
    let address = Address::of(home.path());
    swept(&address, home.path(), &clock, (kept, &last));
    verified(&address, rows + 2 * kept);
}

/// So many recordings go, while somebody does deeds.
fn swept(address: &Address, home: &Path, clock: &TestClock, (due, last): (u64, &str)) {
    let desk = HomeDesk::at(address.clone());
    let mut store = HomeStore::open_at(address, home).expect("records").expect("records");
    store.follow(Periods::default(), &Calendar::default(), clock.wall()).expect("a policy");
    let (is_over, at) = (AtomicBool::new(false), clock.wall());
    let began = SystemClock.now();
    let (report, (deeds, slowest)) = thread::scope(|scope| {
        let deeds = scope.spawn(|| slowest_deed(&desk, last, at, &is_over));
        let files = HomeFiles::of(home);
        let report = Sweeper::new("sizes").run(&mut store, &files, clock, Believe::Accepted);
        is_over.store(true, Ordering::Release);
        (report.expect("it sweeps"), deeds.join().expect("it ends"))
    });
    let time = SystemClock.since(began);
    println!("{} recordings deleted in {time:.1?}; {deeds} deeds meanwhile", report.gone);
    assert_eq!(report.gone, due);
    if matches!(address, Address::Server(_)) {
        // Each has a row for its begin and one for its end. The catalog's rows were measured as calls.
        took("a row of the ledger, with its step of a deletion", time / (2 * due) as u32, ROW);
    }
    took("the slowest deed meanwhile", slowest, DEED);
}
