//! The ledger and the draw as they come about while calls are noted: what is written, what is shown, what is signed.

mod rigs;

use crate::rows;
use retrocall_ledger::{Evidence, FindingKind, Report, Verdict};
use retrocall_words::{TestClock, book::Draw};

use super::*;
use crate::ledger::{SealedHead, enter_number, export, heads, verify};

const SATURDAY: Date = jiff::civil::date(2026, 11, 28);

/// A desk at noon of a Saturday, with a clock that tests move.
struct Desk {
    catalog: Catalog,
    draw: Arc<dyn Draw>,
    clock: Arc<TestClock>,
}

impl Desk {
    fn open(home: &Path, one_in: u32) -> Desk {
        Desk::open_at(home, one_in, Arc::new(TestClock::at("2026-11-28T12:00:00Z".parse().unwrap())))
    }

    fn open_at(home: &Path, one_in: u32, clock: Arc<TestClock>) -> Desk {
        let limits = Limits { one_in, clock: Arc::clone(&clock) as _, ..limits() };
        let (catalog, mut worker) = Catalog::new(home, day_of(clock.wall()), Country::default(), &limits);
        let draw = worker.drawer();
        thread::spawn(move || while catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {});
        catalog.opened(LONG).unwrap();
        // Its first numbers come as soon as the file is open.
        wait_until(|| catalog.queue.reservation().is_none() && catalog.queue.given().is_some());
        Desk { catalog, draw, clock }
    }

    fn today(&self) -> Date {
        day_of(self.clock.wall())
    }

    /// A call from its beginning to its end, sampled if it is drawn. Whether it was.
    fn call(&self) -> bool {
        let call = CallId::new();
        let drawn = self.begin(call);
        self.end(call, drawn);
        drawn
    }

    /// So many calls. How many of them were sampled.
    fn calls(&self, count: usize) -> usize {
        (0..count).filter(|_| self.call()).count()
    }

    fn begin(&self, call: CallId) -> bool {
        let Number { day, sequence } = self.catalog.reserve(self.today());
        self.catalog.note(Note::Begun(CallBegun { call: call_of_anna(call), day, sequence, exempt: false }));
        sequence.is_some_and(|sequence| self.draw.draw(day, sequence))
    }

    fn end(&self, call: CallId, drawn: bool) {
        let reasons = if drawn { vec![Reason::Sample] } else { Vec::new() };
        let Note::Ended(ended) = ended(call, if drawn { Outcome::Kept } else { Outcome::Discarded }) else { return };
        self.catalog.note(Note::Ended(CallEnded { reasons: reasons.clone(), objected: false, ..ended }));
        if drawn {
            let of = recorded(call, &reasons);
            self.catalog.note(Note::Kept(Box::new(RecordingKept { of, ..recording(call) })));
        }
    }

    /// The next day comes, and with it the first call.
    fn next_day(&self) {
        self.clock.pass(Duration::from_secs(86_400));
        self.catalog.look();
        let today = self.today();
        wait_until(|| {
            let call = CallId::new();
            let number = self.catalog.reserve(today);
            let (day, sequence) = (number.day, number.sequence);
            self.catalog.note(Note::Begun(CallBegun { call: call_of_anna(call), day, sequence, exempt: false }));
            self.end(call, sequence.is_some_and(|sequence| self.draw.draw(day, sequence)));
            day == today
        });
    }

    /// Waits for what comes about while nothing else is done. A day whose calls had not all ended is looked at again after some seconds, and no test
    /// lasts until the next midnight.
    fn wait_for(&self, mut is_so: impl FnMut() -> bool) {
        let mut looks = 0;
        wait_until(|| {
            looks += 1;
            if looks % 50 == 0 {
                self.clock.pass(Duration::from_secs(11));
            }
            self.catalog.look();
            is_so()
        });
    }

    /// Waits for a day's head.
    fn head_of(&self, home: &Path, day: Date) -> SealedHead {
        let mut found = None;
        self.wait_for(|| {
            found = heads(home).unwrap().into_iter().find(|head| head.day == day);
            found.is_some()
        });
        found.unwrap()
    }

    fn close(self) {
        assert!(self.catalog.close(LONG), "{:?}", self.catalog.trouble());
    }
}

fn report(home: &Path) -> Report {
    verify(home, Evidence::default()).unwrap()
}

fn rows(home: &TempDir) -> Vec<String> {
    outside(home, async |connection| {
        let select = "SELECT text FROM ledger_rows ORDER BY segment, row";
        rows::query_scalar(select).fetch_all(connection).await.unwrap()
    })
}

fn count(home: &TempDir, kind: &str) -> usize {
    let kind = format!("\"kind\":\"{kind}\"");
    rows(home).iter().filter(|row| row.contains(&kind)).count()
}

#[test]
fn every_call_that_begins_ends_or_is_kept_has_its_row_and_nobodys_name_is_in_one() {
    let home = TempDir::new().unwrap();
    let desk = Desk::open(home.path(), 3);
    let drawn = desk.calls(60);
    assert!((1..59).contains(&drawn), "{drawn} of 60");
    desk.close();
    assert_eq!(
        (count(&home, "call-began"), count(&home, "call-ended"), count(&home, "recording-kept")),
        (60, 60, drawn)
    );
    assert_eq!(
        (count(&home, "site-opened"), count(&home, "month-committed"), count(&home, "period-opened")),
        (1, 2, 1)
    );
    let all = rows(&home).concat();
    assert!(!all.contains("anna") && !all.contains(CUSTOMER), "{all}");
    let report = report(home.path());
    assert!(report.is_sound(), "{report}");
    let draws: Vec<Option<String>> = outside(&home, async |connection| {
        rows::query_scalar("SELECT draw FROM recordings").fetch_all(connection).await.unwrap()
    });
    assert!(draws.len() == drawn && draws.iter().all(Option::is_some), "the order in which they are heard: {draws:?}");
}

#[test]
fn nobody_finds_the_draw_of_a_live_call_in_the_catalog() {
    let home = TempDir::new().unwrap();
    let desk = Desk::open(home.path(), 1);
    let call = CallId::new();
    assert!(desk.begin(call));
    assert!(desk.catalog.flushed(LONG));
    assert!(rows(&home).iter().all(|row| !row.contains("\"draw\"")));
    desk.end(call, true);
    desk.close();
    assert_eq!(rows(&home).iter().filter(|row| row.contains("\"draw\":\"")).count(), 1);
}

#[test]
fn a_note_that_is_written_twice_has_one_row() {
    let home = TempDir::new().unwrap();
    let desk = Desk::open(home.path(), 1);
    let call = CallId::new();
    for _ in 0..2 {
        desk.catalog.note(begun(call, Some(1)));
        desk.catalog.note(ended(call, Outcome::Kept));
        desk.catalog.note(kept(call));
    }
    desk.catalog.note(Note::Skipped(Skipped { day: SATURDAY, first: 5, last: 9 }));
    desk.catalog.note(Note::Skipped(Skipped { day: SATURDAY, first: 5, last: 9 }));
    desk.close();
    assert_eq!((count(&home, "call-began"), count(&home, "call-ended"), count(&home, "recording-kept")), (1, 1, 1));
    assert_eq!(count(&home, "numbers-skipped"), 1);
}

#[test]
fn a_pressed_and_drawn_call_that_is_recovered_after_a_kill_is_no_finding_of_the_verifier() {
    let home = TempDir::new().unwrap();
    let clock = Arc::new(TestClock::at("2026-11-28T12:00:00Z".parse().unwrap()));
    let killed = Desk::open_at(home.path(), 1, Arc::clone(&clock));
    let call = CallId::new();
    assert!(killed.begin(call), "it is drawn");
    killed.catalog.note(selected(call));
    killed.close();

    // The next engine finds the file, which says that it was pressed: the draw of a live call is told nobody.
    let desk = Desk::open_at(home.path(), 1, clock);
    let of = recorded(call, &[Reason::OnDemand]);
    let state = RecordingState::Incomplete;
    desk.catalog.note(Note::Kept(Box::new(RecordingKept { of, state, has_keys: false, ..recording(call) })));
    assert!(desk.catalog.flushed(LONG));
    desk.next_day();
    desk.wait_for(|| count(&home, "seed-published") == 1);
    desk.close();
    assert_eq!(rows(&home).iter().filter(|row| row.contains("\"unseen\":true")).count(), 1);
    let report = report(home.path());
    let of_draw: Vec<_> = report.findings.iter().filter(|one| one.kind != FindingKind::NumbersSkipped).collect();
    assert!(of_draw.is_empty(), "{report}");
    let kept = recordings(home.path()).unwrap().into_iter().find(|one| one.call == call).unwrap();
    assert_eq!(kept.purposes, [PurposeKind::Incident], "whether the customer had objected is not known");
}

#[test]
fn when_a_day_has_ended_its_seed_is_shown_and_its_head_is_signed_and_both_hold() {
    let home = TempDir::new().unwrap();
    let desk = Desk::open(home.path(), 4);
    desk.calls(40);
    // One goes on over midnight: until it ends nobody may know whether it is drawn.
    let late = CallId::new();
    let is_drawn = desk.begin(late);
    desk.next_day();
    let head = desk.head_of(home.path(), SATURDAY);
    assert_eq!(count(&home, "seed-published"), 0, "a call of that day goes on");
    desk.end(late, is_drawn);
    assert!(desk.catalog.flushed(LONG));
    desk.wait_for(|| count(&home, "seed-published") == 1);
    desk.close();

    let evidence = Evidence { later: Some(head.text.clone()), ..Evidence::default() };
    let report = verify(home.path(), evidence).unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.months[0].verdict, Verdict::NoNumber);
    assert!(head.text.contains("\nseed 2026-12-01 ") && head.text.contains("\nseed 2026-12-31 "), "{}", head.text);
    let tail = report.tail.unwrap();
    assert!(tail.is_from_outside && tail.signed == head.rows, "{tail:?}");

    let folder = TempDir::new().unwrap();
    let exported = export(&Address::of(home.path()), folder.path()).unwrap();
    assert_eq!((exported.rows as usize, exported.heads), (rows(&home).len(), vec![SATURDAY]));
    let outside = retrocall_ledger::verify(folder.path(), Evidence::default()).unwrap();
    assert!(outside.is_sound() && outside.segments == report.segments, "{outside}");
    for entry in ["site.pub", "segments/2026-11.jsonl", "heads/2026-11-28.txt"] {
        let mode = fs::metadata(folder.path().join(entry)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{entry}");
    }
}

#[test]
fn a_day_without_a_call_ends_like_any_other_and_holds_up_none_that_follow() {
    let home = TempDir::new().unwrap();
    let desk = Desk::open(home.path(), 2);
    desk.calls(5);
    for day in ["2026-11-28", "2026-11-29", "2026-11-30"] {
        // Nobody calls on a Sunday, nor on the Monday after it.
        desk.clock.pass(Duration::from_secs(86_400));
        desk.head_of(home.path(), day.parse().unwrap());
    }
    desk.close();
    assert_eq!(count(&home, "seed-published"), 3);
    let report = report(home.path());
    assert!(report.is_sound() && report.open_days.len() <= 1, "{report}");
}

#[test]
fn with_the_councils_number_the_next_month_is_witnessed() {
    let home = TempDir::new().unwrap();
    let clock = Arc::new(TestClock::at("2026-11-28T12:00:00Z".parse().unwrap()));
    let desk = Desk::open_at(home.path(), 2, clock);
    desk.call();
    desk.next_day();
    desk.head_of(home.path(), SATURDAY);
    enter_number(home.path(), "2026-12".parse().unwrap(), &"403718294650".parse().unwrap()).unwrap();
    assert!(enter_number(home.path(), "2026-12".parse().unwrap(), &"403718294651".parse().unwrap()).is_err());
    desk.next_day();
    desk.wait_for(|| count(&home, "number-entered") == 1);
    desk.next_day();
    desk.calls(20);
    desk.next_day();
    desk.head_of(home.path(), jiff::civil::date(2026, 12, 1));
    desk.close();
    let report = report(home.path());
    assert!(report.is_sound(), "{report}");
    let verdicts: Vec<_> = report.months.iter().map(|month| (month.month.to_string(), month.verdict)).collect();
    assert_eq!(verdicts, [("2026-11".to_owned(), Verdict::NoNumber), ("2026-12".to_owned(), Verdict::Witnessed)]);
    assert_eq!(report.segments.len(), 2);
}

#[test]
fn while_the_catalog_is_locked_calls_are_drawn_as_ever_and_the_ledger_is_whole_when_it_comes_back() {
    let home = TempDir::new().unwrap();
    let desk = Desk::open(home.path(), 2);
    desk.call();
    assert!(desk.catalog.flushed(LONG));
    let drawn = while_locked(&home, || desk.calls(50));
    assert!((5..45).contains(&drawn), "{drawn} of 50");
    desk.next_day();
    desk.head_of(home.path(), SATURDAY);
    desk.close();
    assert!(report(home.path()).is_sound(), "{}", report(home.path()));
}

#[test]
fn another_n_opens_another_period_and_a_kill_leaves_a_hole_that_has_a_name() {
    let home = TempDir::new().unwrap();
    let desk = Desk::open(home.path(), 10);
    desk.calls(5);
    assert!(desk.catalog.flushed(LONG));
    desk.close();
    let desk = Desk::open(home.path(), 1);
    assert!(desk.call(), "all are drawn now");
    desk.next_day();
    desk.head_of(home.path(), SATURDAY);
    desk.close();
    let report = report(home.path());
    assert!(report.is_sound(), "{report}");
    assert_eq!(count(&home, "period-opened"), 3);
    assert!(report.findings.iter().all(|finding| finding.kind == FindingKind::NumbersSkipped), "{report}");
}

#[test]
fn a_killed_engines_calls_end_in_the_ledger_as_lost_and_its_numbers_are_skipped_with_a_name() {
    let home = TempDir::new().unwrap();
    let desk = Desk::open(home.path(), 2);
    desk.call();
    desk.begin(CallId::new());
    assert!(desk.catalog.flushed(LONG));
    // What a kill leaves, brought back to the same place, so that it is the same site.
    let files = ["catalog.sqlite", "catalog.sqlite-wal", "numbers", "draw"];
    let left: Vec<_> = files.iter().map(|name| fs::read(home.path().join(name)).unwrap()).collect();
    desk.close();
    let _ = fs::remove_file(home.path().join("catalog.sqlite-shm"));
    files.iter().zip(left).for_each(|(name, bytes)| fs::write(home.path().join(name), bytes).unwrap());
    let desk = Desk::open(home.path(), 2);
    desk.call();
    desk.next_day();
    desk.head_of(home.path(), SATURDAY);
    desk.close();
    let report = report(home.path());
    assert!(report.is_sound(), "{report}");
    assert_eq!(count(&home, "numbers-skipped"), 1);
    assert_eq!(rows(&home).iter().filter(|row| row.contains("\"outcome\":\"lost\"")).count(), 1);
}

#[test]
fn a_copied_home_goes_on_as_a_site_of_its_own_and_signs_nothing_for_the_other() {
    let home = TempDir::new().unwrap();
    let desk = Desk::open(home.path(), 1);
    desk.call();
    desk.close();
    let copy = as_killed(home.path());
    let seeds = fs::read_to_string(copy.path().join("draw")).unwrap();
    let desk = Desk::open(copy.path(), 1);
    desk.call();
    desk.next_day();
    let head = desk.head_of(copy.path(), SATURDAY);
    desk.close();
    let (ours, theirs) = (report(copy.path()), report(home.path()));
    assert!(ours.is_sound() && theirs.is_sound(), "{ours}\n{theirs}");
    assert_ne!(ours.site, theirs.site);
    assert_eq!(head.site, ours.site);
    let row = rows(&copy).into_iter().find(|row| row.contains("copied-home")).expect("it says so");
    assert!(row.contains(theirs.site.as_str()), "{row}");
    assert_ne!(fs::read_to_string(copy.path().join("draw")).unwrap(), seeds);
}

#[test]
fn a_kill_between_a_signature_and_its_head_gives_the_same_head_at_the_next_start_and_never_two() {
    let home = TempDir::new().unwrap();
    let clock = Arc::new(TestClock::at("2026-11-28T12:00:00Z".parse().unwrap()));
    let desk = Desk::open_at(home.path(), 2, Arc::clone(&clock));
    desk.calls(10);
    desk.next_day();
    desk.head_of(home.path(), SATURDAY);
    assert!(desk.catalog.flushed(LONG));
    desk.close();
    // As if it had been killed before the head was stored: first with all rows of that moment, then signed again by the next start.
    let mut texts = Vec::new();
    for _ in 0..2 {
        execute(&home, "DELETE FROM ledger_heads");
        let desk = Desk::open_at(home.path(), 2, Arc::clone(&clock));
        texts.push(desk.head_of(home.path(), SATURDAY).text);
        desk.close();
    }
    assert_eq!(texts[0], texts[1]);
    assert_eq!(heads(home.path()).unwrap().len(), 1);
}

#[test]
fn a_row_that_was_changed_in_the_catalog_is_named_and_no_head_is_signed_over_it() {
    let home = TempDir::new().unwrap();
    let desk = Desk::open(home.path(), 2);
    desk.calls(10);
    assert!(desk.catalog.flushed(LONG));
    execute(&home, "UPDATE ledger_rows SET text = replace(text, 'inbound', 'outbound') WHERE row = 5");
    desk.next_day();
    desk.wait_for(|| count(&home, "seed-published") == 1);
    desk.close();
    assert_eq!(heads(home.path()).unwrap(), []);
    let found: Vec<_> =
        report(home.path()).findings.into_iter().map(|found| (found.kind, found.place.map(|at| at.row))).collect();
    assert!(found.contains(&(FindingKind::Changed, Some(5))), "{found:?}");
}
