//! A wall clock that jumps: no day, no month, no period and no due date moves by itself.

use retrocall_ledger::Evidence;
use retrocall_words::TestClock;

use super::*;
use crate::{
    ledger::{expire, heads, verify},
    rows,
    sweep::{Files as _, HomeFiles},
};

const SATURDAY: Date = jiff::civil::date(2026, 11, 28);
const TWELVE_YEARS: SignedDuration = SignedDuration::from_hours(12 * 365 * 24);

fn noon() -> Arc<TestClock> {
    Arc::new(TestClock::at("2026-11-28T12:00:00Z".parse().unwrap()))
}

fn opened(home: &TempDir, clock: &Arc<TestClock>) -> Catalog {
    let limits = Limits { one_in: 1, clock: Arc::clone(clock) as _, ..limits() };
    let catalog = Catalog::start(home.path(), day_of(clock.wall()), Country::default(), limits);
    catalog.opened(LONG).unwrap();
    wait_until(|| catalog.queue.reservation().is_none() && catalog.queue.given().is_some());
    catalog
}

/// A kept call by the clock of the engine, with its number.
fn kept_call(catalog: &Catalog, clock: &TestClock) -> (CallId, Number) {
    let (call, now) = (CallId::new(), clock.wall());
    let number = catalog.reserve(day_of(now));
    let began = Call { began_at: now, ..call_of_anna(call) };
    catalog.note(Note::Begun(CallBegun {
        call: began.clone(),
        day: number.day,
        sequence: number.sequence,
        exempt: false,
    }));
    let reasons = vec![Reason::Sample];
    let Note::Ended(ended) = ended(call, Outcome::Kept) else { panic!("it ends") };
    catalog.note(Note::Ended(CallEnded { reasons: reasons.clone(), objected: false, ..ended }));
    let of = RecordedCall { label: Label { call: began, reasons, place: None }, customer: None };
    let ends_at = now + SignedDuration::from_secs(90);
    catalog.note(Note::Kept(Box::new(RecordingKept { of, ends_at, ..recording(call) })));
    (call, number)
}

fn end_of(home: &TempDir, call: CallId) -> String {
    outside(home, async |rows| {
        let select = rows::query_scalar("SELECT ends_at FROM recordings WHERE call = $1").bind(call.to_string());
        select.fetch_one(rows).await.unwrap()
    })
}

fn rows_of(home: &TempDir, kind: &str) -> i64 {
    let like = format!("%\"kind\":\"{kind}\"%");
    outside(home, async |rows| {
        let select = rows::query_scalar("SELECT COUNT(*) FROM ledger_rows WHERE text LIKE $1").bind(like);
        select.fetch_one(rows).await.unwrap()
    })
}

#[test]
fn a_wall_clock_twelve_years_off_opens_no_period_and_moves_no_due_date_and_capture_goes_on() {
    for jump in [TWELVE_YEARS, -TWELVE_YEARS] {
        let (home, clock) = (TempDir::new().unwrap(), noon());
        let catalog = opened(&home, &clock);
        kept_call(&catalog, &clock);
        assert!(catalog.flushed(LONG));
        clock.step_wall(jump);
        catalog.look();
        let (call, number) = kept_call(&catalog, &clock);
        assert_eq!(number, Number { day: SATURDAY, sequence: Some(2) }, "{jump}");
        assert!(catalog.flushed(LONG));
        assert_eq!(&end_of(&home, call)[..10], "2026-11-28", "{jump}");
        wait_until(|| {
            catalog.look();
            rows_of(&home, "clock-refused") == 1
        });
        assert_eq!((rows_of(&home, "period-opened"), rows_of(&home, "segment-opened")), (1, 1), "{jump}");
        // Somebody sets it right, and the next day comes.
        clock.step_wall(-jump);
        clock.pass(Duration::from_secs(86_400));
        wait_until(|| {
            catalog.look();
            kept_call(&catalog, &clock).1.day == SATURDAY.tomorrow().unwrap()
        });
        assert!(catalog.close(LONG));
        let report = verify(home.path(), Evidence::default()).unwrap();
        assert!(report.is_sound(), "{report}");
    }
}

#[test]
fn an_engine_that_starts_twelve_years_off_goes_on_in_the_period_that_was_open() {
    for jump in [TWELVE_YEARS, -TWELVE_YEARS] {
        let (home, clock) = (TempDir::new().unwrap(), noon());
        let catalog = opened(&home, &clock);
        kept_call(&catalog, &clock);
        assert!(catalog.close(LONG));
        HomeFiles::of(home.path()).note_sweep(clock.wall()).unwrap();
        clock.step_wall(jump);
        let catalog = opened(&home, &clock);
        let (call, number) = kept_call(&catalog, &clock);
        assert_eq!(number, Number { day: SATURDAY, sequence: Some(2) }, "{jump}");
        assert!(catalog.flushed(LONG));
        assert_eq!(&end_of(&home, call)[..10], "2026-11-28", "{jump}");
        // It was right: a sweep accepted it.
        HomeFiles::of(home.path()).note_sweep(clock.wall()).unwrap();
        clock.pass(Duration::from_secs(1));
        if jump > SignedDuration::ZERO {
            wait_until(|| {
                catalog.look();
                kept_call(&catalog, &clock).1.day > SATURDAY
            });
        }
        assert!(catalog.close(LONG));
        assert!(verify(home.path(), Evidence::default()).unwrap().is_sound());
    }
}

#[test]
fn segments_expire_whole_and_the_rest_still_verifies() {
    let (home, clock) = (TempDir::new().unwrap(), noon());
    let catalog = opened(&home, &clock);
    for sealed in 1..=3 {
        kept_call(&catalog, &clock);
        assert!(catalog.flushed(LONG));
        clock.pass(Duration::from_secs(31 * 86_400));
        // A day that begins has its call,
        wait_until(|| kept_call(&catalog, &clock).1.day == day_of(clock.wall()));
        // and the one before its head.
        wait_until(|| {
            clock.pass(Duration::from_secs(11));
            catalog.look();
            heads(home.path()).unwrap().len() == sealed
        });
    }
    let before = heads(home.path()).unwrap();
    // As if fourteen months had passed since the first of them.
    let then = "2028-01-05T00:00:00Z".parse().unwrap();
    let months: Vec<String> = expire(home.path(), 13, then).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(months, ["2026-11"]);
    assert_eq!(expire(home.path(), 13, then).unwrap(), [], "once");
    assert_eq!(heads(home.path()).unwrap(), before, "heads stay");
    let (rows, keys): (i64, i64) = outside(&home, async |rows| {
        let select = "SELECT (SELECT COUNT(*) FROM ledger_rows JOIN ledger_segments USING (segment) WHERE month = '2026-11'),
                             (SELECT COUNT(*) FROM ledger_segments WHERE month = '2026-11' AND pseudonym_key IS NOT NULL)";
        rows::query_as(select).fetch_one(rows).await.unwrap()
    });
    assert_eq!((rows, keys), (0, 0));
    assert!(catalog.close(LONG));
    let report = verify(home.path(), Evidence::default()).unwrap();
    assert!(report.is_sound(), "{report}");
    // It goes on.
    let catalog = opened(&home, &clock);
    kept_call(&catalog, &clock);
    assert!(catalog.close(LONG));
    assert!(verify(home.path(), Evidence::default()).unwrap().is_sound());
}
