//! A catalog of an older retrocall, brought up to date: from a kept file, with rows of every kind, and cut off at any moment.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::*;
use crate::rows::{self, Connection};

/// Steps of SQLite between two looks at what a kill would leave.
const STEPS: i32 = 200;

/// A home with the catalog of version 5.
fn of_version_5() -> TempDir {
    let home = TempDir::new().unwrap();
    outside_or_made(&home, async |connection| {
        connection.execute(include_str!("catalog-5.sql")).await.unwrap();
    });
    home
}

/// Runs one thing on a connection that makes the file if there is none.
fn outside_or_made(home: &TempDir, work: impl AsyncFnOnce(&mut Connection)) {
    fs::OpenOptions::new().create(true).append(true).open(file(home)).unwrap();
    outside(home, work);
}

/// All that lists show of a catalog, with an engine that was started on it and stopped.
fn all_of(home: &TempDir) -> (Vec<CallRow>, Vec<Recording>, Vec<Option<String>>) {
    let catalog = open(home);
    let left = catalog.opened(LONG).unwrap();
    assert_eq!((left.lost.len(), left.committing.len(), left.registered.len()), (1, 1, 4));
    assert!(catalog.close(LONG), "{:?}", catalog.trouble());
    let ends = outside(home, async |connection| {
        rows::query_scalar("SELECT ends_at FROM recordings ORDER BY id").fetch_all(connection).await.unwrap()
    });
    assert_eq!(damage(home.path()), Ok(Vec::new()));
    let mut recordings = recordings(home.path()).unwrap();
    for recording in &mut recordings {
        let inside = |path: &mut PathBuf| *path = path.strip_prefix(home.path()).unwrap().to_owned();
        recording.path.iter_mut().chain(&mut recording.parts).for_each(inside);
    }
    (calls(home.path()).unwrap(), recordings, ends)
}

#[test]
fn an_older_catalog_shows_the_same_calls_and_dates_and_no_date_is_stored_any_more() {
    let home = of_version_5();
    let (calls, recordings, ends) = all_of(&home);
    assert_eq!(calls.len(), 9);
    assert_eq!(calls.iter().filter(|call| call.outcome == Outcome::Lost).count(), 2);
    let due: Vec<_> = recordings.iter().map(|one| one.due.map(|due| due.to_string())).collect();
    // After 14 days, and after seven working days of the desk.
    let (in_7, in_14) = (Some("2026-12-03T23:00:00Z".into()), Some("2026-12-08T09:01:30.623456Z".into()));
    assert_eq!(due, [in_14.clone(), in_14, in_7.clone(), None, in_7]);
    let parts: Vec<_> = recordings.iter().map(|one| one.parts.len()).collect();
    assert_eq!(parts, [1, 1, 2, 0, 1]);
    let end = || Some("2026-11-24T09:01:30.623456Z".to_owned());
    // Where no date said it, to the millisecond.
    assert_eq!(ends, [end(), end(), end(), None, Some("2026-11-24T09:01:30.623000Z".to_owned())]);
    let found = of_customer(home.path(), &Customer::from("020 123 4567".to_owned()), Country::default()).unwrap();
    assert_eq!(found.len(), 2);
}

#[test]
fn a_kill_at_any_moment_of_bringing_it_up_to_date_leaves_one_that_is_brought_up_to_date_by_the_next_start() {
    let whole = of_version_5();
    let expected = all_of(&whole);
    let home = of_version_5();
    let (left, looks) = (Arc::new(TempDir::new().unwrap()), Arc::new(AtomicUsize::new(0)));
    outside(&home, async |connection| {
        connection.execute("PRAGMA journal_mode = WAL").await.unwrap();
        let (home, left, looks) = (home.path().to_owned(), Arc::clone(&left), Arc::clone(&looks));
        let look = move || {
            let at = looks.fetch_add(1, Ordering::Relaxed);
            let copy = left.path().join(format!("{at}"));
            fs::create_dir(&copy).unwrap();
            for entry in fs::read_dir(&home).unwrap() {
                let path = entry.unwrap().path();
                fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
            }
        };
        let connection = connection.as_sqlite().unwrap();
        connection.on_progress(STEPS, look).unwrap();
        crate::migrations::update_home(connection).await.unwrap();
        connection.no_progress().unwrap();
    });
    let looks = looks.load(Ordering::Relaxed);
    assert!(looks >= 10, "{looks} moments are too few");
    let mut versions = BTreeSet::new();
    for at in 0..looks {
        let killed = TempDir::new_in(left.path()).unwrap();
        for entry in fs::read_dir(left.path().join(format!("{at}"))).unwrap() {
            let path = entry.unwrap().path();
            // The index of the log is another process's matter, which is gone.
            if !path.to_string_lossy().ends_with("-shm") {
                fs::copy(&path, killed.path().join(path.file_name().unwrap())).unwrap();
            }
        }
        let version: i64 = outside(&killed, async |connection| {
            rows::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(connection).await.unwrap()
        });
        versions.insert(version);
        assert_eq!(all_of(&killed), expected, "at {at}");
    }
    assert!(versions.contains(&5), "none was cut off before the end: {versions:?}");
}
