//! The rows of the catalog and the plain rule say the same of every recording.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Date};
use retrocall_words::{CallId, Clock, Word};
use tempfile::TempDir;

use super::{
    super::{warnings, warnings_about, would_delete},
    home::{clock, keep, outside},
};
use crate::{
    PurposeKind,
    policy::{Anchor, Cover, Event, Facts, Fate, Policy, Purpose, fate},
    rows::{self, Connection},
    tests::homes::{self, beside_each_home},
    text,
};

beside_each_home! {
    the_rows_and_the_plain_rule_agree_on_10_000_recordings_to_which_anything_may_have_happened,
}

const RECORDINGS: usize = 10_000;

/// Numbers that look random, and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn is_one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    fn pick<T: Word>(&mut self) -> T {
        T::WORDS[self.roll(T::WORDS.len() as u64) as usize]
    }
}

/// A recording to which anything may have happened, whether that makes sense or not.
struct Made {
    id: String,
    began_at: Timestamp,
    /// By their words, in the order in which rows are read.
    purposes: BTreeMap<(&'static str, String), Purpose>,
    facts: Facts,
    is_finished: bool,
}

fn made(number: usize, now: Timestamp, dice: &mut Dice) -> Made {
    let began_at = now - SignedDuration::from_hours(dice.roll(24 * 400) as i64);
    let later = |dice: &mut Dice| {
        let hours = now.duration_since(began_at).as_hours() as u64 + 1;
        began_at + SignedDuration::from_hours(dice.roll(hours) as i64)
    };
    let mut purposes: BTreeMap<(&str, String), Purpose> = BTreeMap::new();
    for _ in 0..dice.roll(4) {
        let about = if dice.is_one_in(3) { "a matter" } else { "" };
        let mut events = Vec::new();
        for _ in 0..dice.roll(5) {
            let date: Option<Date> =
                dice.is_one_in(3).then(|| later(dice).to_zoned_datetime(jiff::tz::TimeZone::UTC).date());
            events.push(Event { anchor: dice.pick::<Anchor>(), at: later(dice), date });
        }
        let kind: PurposeKind = dice.pick();
        purposes.insert((kind.as_str(), about.to_owned()), Purpose { kind, events });
    }
    let mut covers = Vec::new();
    covers.extend(dice.is_one_in(10).then_some(Cover::Hold));
    covers.extend(dice.is_one_in(10).then_some(Cover::Request));
    let facts = Facts {
        began_at: Some(began_at),
        ended_at: (!dice.is_one_in(30)).then_some(began_at + SignedDuration::from_secs(60)),
        purposes: purposes.values().cloned().collect(),
        covers,
        restricted_since: dice.is_one_in(20).then(|| later(dice)),
        erased_at: dice.is_one_in(30).then(|| later(dice)),
    };
    Made { id: format!("{number:08}"), began_at, purposes, facts, is_finished: !dice.is_one_in(50) }
}

async fn write(rows: &mut Connection, made: &Made) {
    let Made { id, began_at, purposes, facts, is_finished } = made;
    let insert = rows::query(
        "INSERT INTO recordings (id, call, agent, direction, began_at, rate, path, reasons, state, ends_at, erased_at)
         VALUES ($1, $2, 'anna', 'inbound', $3, 8000, '', 'sample', $4, $5, $6)",
    );
    let insert = insert.bind(id).bind(CallId::new().to_string()).bind(text::time(*began_at));
    let insert = insert.bind(if *is_finished { "complete" } else { "committing" });
    let insert = insert.bind(facts.ended_at.map(text::time)).bind(facts.erased_at.map(text::time));
    insert.execute(&mut *rows).await.expect("a recording");
    for ((kind, about), Purpose { events, .. }) in purposes {
        let insert = rows::query("INSERT INTO purposes (recording, purpose, about, basis) VALUES ($1, $2, $3, '')");
        insert.bind(id).bind(*kind).bind(about).execute(&mut *rows).await.expect("a purpose");
        for (place, event) in (1i64..).zip(events) {
            let insert = rows::query(
                "INSERT INTO anchors (recording, purpose, about, place, anchor, at, day) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            );
            let insert = insert.bind(id).bind(*kind).bind(about).bind(place).bind(event.anchor.as_str());
            let insert = insert.bind(text::time(event.at)).bind(event.date.map(|day| day.to_string()));
            insert.execute(&mut *rows).await.expect("an anchor");
        }
    }
    // Beside each that holds stands one that does not any more.
    let at = text::time(*began_at);
    for (number, released) in [(1, None), (2, Some(&at))] {
        if released.is_some() || facts.covers.contains(&Cover::Hold) {
            let insert = rows::query(
                "INSERT INTO holds (id, recording, reason, owner, until_event, review_on, set_by, set_at, released_at)
                 VALUES ($1, $2, 'r', 'o', 'e', '2027-01-01', 'o', $3, $4)",
            );
            let insert = insert.bind(format!("{id}-{number}")).bind(id).bind(&at).bind(released);
            insert.execute(&mut *rows).await.expect("a hold");
        }
    }
    let frozen = [("open", "confirmed", true), ("open", "excluded", false), ("answered", "confirmed", false)];
    for (request, state, holds) in frozen {
        if !holds || facts.covers.contains(&Cover::Request) {
            let insert = rows::query(
                "INSERT INTO request_recordings (request, recording, state) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            );
            insert.bind(request).bind(id).bind(state).execute(&mut *rows).await.expect("a request");
        }
    }
    if let Some(since) = facts.restricted_since {
        let insert = rows::query(
            "INSERT INTO notes (id, recording, purpose, author, text, written_at) VALUES ($1, $1, 'quality', 'h', 't', $2)",
        );
        insert.bind(id).bind(&at).execute(&mut *rows).await.expect("a note");
        let insert = rows::query(
            "INSERT INTO replies (id, note, author, kind, text, written_at) VALUES ($1, $1, 'anna', 'objection', 't', $2)",
        );
        insert.bind(id).bind(text::time(since)).execute(&mut *rows).await.expect("a reply");
    }
}

fn the_rows_and_the_plain_rule_agree_on_10_000_recordings_to_which_anything_may_have_happened() {
    let (home, clock) = (TempDir::new().expect("a folder"), clock());
    // The engine makes the catalog.
    keep(home.path(), &clock, &[]);
    let now = clock.wall();
    let mut dice = Dice(7);
    let all: Vec<Made> = (0..RECORDINGS).map(|number| made(number, now, &mut dice)).collect();
    outside(home.path(), async |connection| {
        let mut rows = connection.begin_writing().await.expect("a transaction");
        for (request, answered) in [("open", None), ("answered", Some("2026-11-01T09:00:00.000000Z"))] {
            let insert = rows::query(
                "INSERT INTO requests (id, kind, received_on, entered_by, entered_at, answered_at)
                 VALUES ($1, 'access', '2026-10-01', 'o', '2026-10-01T09:00:00.000000Z', $2)",
            );
            insert.bind(request).bind(answered).execute(&mut rows).await.expect("a request");
        }
        for made in &all {
            write(&mut rows, made).await;
        }
        rows.commit().await.expect("written");
    });
    let expected: BTreeMap<&str, Fate> = all
        .iter()
        .filter(|made| made.is_finished)
        .map(|made| (made.id.as_str(), fate(&made.facts, &Policy::default(), now)))
        .collect();
    let mut store = homes::store(home.path());
    let (mut found, mut told) = (BTreeMap::new(), Vec::new());
    let look = |judged: super::super::Judgement| {
        told.extend(warnings_about(&judged.id, &judged.facts, &judged.fate, &Policy::default(), now));
        found.insert(judged.id, judged.fate);
    };
    store.each_kept(now, look).expect("a list");
    assert_eq!(
        warnings(&mut store, now).expect("a list"),
        told,
        "nobody is told less for the recordings that are not read"
    );
    // The one with which the catalog was made has a longer id.
    found.retain(|id, _| id.len() == 8);
    let found: BTreeMap<&str, Fate> = found.iter().map(|(id, fate)| (id.as_str(), *fate)).collect();
    assert_eq!(found.len(), expected.len());
    for (id, fate) in &expected {
        let made = all.iter().find(|made| made.id == *id).map(|made| &made.facts);
        assert_eq!(found.get(id), Some(fate), "{id}: {made:?}");
    }
    let due: Vec<String> =
        would_delete(&mut store, now, 2 * RECORDINGS).expect("a list").into_iter().map(|doomed| doomed.id).collect();
    let expected_due: Vec<&str> = expected.iter().filter(|(_, fate)| fate.is_due()).map(|(id, _)| *id).collect();
    assert!(expected_due.len() > RECORDINGS / 10 && expected_due.len() < RECORDINGS * 9 / 10, "{}", expected_due.len());
    assert_eq!(due, expected_due);
    let count = |is_so: fn(&Fate) -> bool| expected.values().filter(|fate| is_so(fate)).count();
    assert!(count(|fate| matches!(fate, Fate::NoAnchor { .. })) > 100, "some have no anchor");
    assert!(count(|fate| matches!(fate, Fate::Restricted { .. })) > 100, "some are restricted");
}
