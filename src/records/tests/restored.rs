//! Backups, and the way back from one: what was deleted stays deleted, and no number is given twice.

mod deeds;

use retrocall_ledger::Evidence;
use retrocall_words::{
    TestClock,
    retention::{Calendar, Periods},
};

use super::*;
use crate::{
    backup::{BackupError, Beside, Restored, backup, restore},
    desk::{Desk as _, HomeDesk, Person, Use, UseKind},
    ledger::verify,
    rows,
    sweep::{Believe, HomeFiles, HomeStore, Stopped, Sweeper, is_open},
};

fn clock() -> Arc<TestClock> {
    Arc::new(TestClock::at("2026-11-24T09:00:00Z".parse().unwrap()))
}

fn engine(home: &TempDir, clock: &Arc<TestClock>) -> Catalog {
    let limits = Limits { one_in: 1, clock: Arc::clone(clock) as _, ..limits() };
    let catalog = Catalog::start(home.path(), day_of(clock.wall()), Country::default(), limits);
    catalog.opened(LONG).unwrap();
    wait_until(|| catalog.queue.reservation().is_none() && catalog.queue.given().is_some());
    catalog
}

/// A pressed call of a customer, with its file.
fn keep(catalog: &Catalog, home: &TempDir) -> CallId {
    let call = begin(catalog);
    let path = home.path().join(format!("recordings/2026/11/24/{call}.wav"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("audio of {call}")).unwrap();
    catalog.note(selected(call));
    catalog.note(kept(call));
    catalog.note(ended(call, Outcome::Kept));
    assert!(catalog.flushed(LONG));
    call
}

/// What is due goes. How many.
fn sweep(home: &TempDir, clock: &Arc<TestClock>) -> Result<u64, Stopped> {
    is_open(home.path())?;
    let mut store = HomeStore::open(home.path())?.unwrap();
    store.follow(Periods::default(), &Calendar::default(), clock.wall())?;
    let mut sweeper = Sweeper::new("engine");
    Ok(sweeper.run(&mut store, &HomeFiles::of(home.path()), &**clock, Believe::Accepted)?.gone)
}

fn lives(home: &TempDir) -> Vec<(CallId, String, Option<String>)> {
    let found: Vec<(String, String, Option<String>)> = outside(home, async |rows| {
        rows::query_as("SELECT call, life, customer FROM recordings ORDER BY call").fetch_all(rows).await.unwrap()
    });
    found.into_iter().map(|(call, life, customer)| (call.parse().unwrap(), life, customer)).collect()
}

/// A home with two recordings, and a backup of it that was made while its engine ran, which it does still.
struct Scene {
    home: TempDir,
    /// Where the backup is.
    elsewhere: TempDir,
    clock: Arc<TestClock>,
    catalog: Catalog,
    calls: [CallId; 2],
    file: PathBuf,
}

impl Scene {
    fn new() -> Scene {
        let (home, elsewhere, clock) = (TempDir::new().unwrap(), TempDir::new().unwrap(), clock());
        let catalog = engine(&home, &clock);
        let calls = [keep(&catalog, &home), keep(&catalog, &home)];
        let file = make_backup(&home, &elsewhere, &clock);
        Scene { home, elsewhere, clock, catalog, calls, file }
    }
}

fn make_backup(home: &TempDir, elsewhere: &TempDir, clock: &Arc<TestClock>) -> PathBuf {
    let file = elsewhere.path().join("backup.sqlite");
    let made = backup(home.path(), &file, clock.wall()).unwrap();
    assert_eq!((&made.backup, made.recordings), (&file, 2));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    file
}

fn put_back(home: &TempDir, file: &Path, stones: Option<&Path>, clock: &Arc<TestClock>) -> Restored {
    // An engine has made the home's own file of holds; where the home was lost, nothing was held.
    let nothing = home.path().with_extension("no-holds");
    fs::write(&nothing, "").unwrap();
    let beside = Beside { tombstones: stones, holds: stones.map(|_| &*nothing) };
    restore(home.path(), file, beside, "root", clock.wall()).unwrap()
}

#[test]
fn what_was_deleted_after_a_backup_stays_deleted_and_the_next_number_follows_the_last_reserved_one() {
    let Scene { home, elsewhere: _elsewhere, clock, catalog, calls, file } = Scene::new();
    for _ in 0..3 {
        let call = begin(&catalog);
        catalog.note(ended(call, Outcome::Discarded));
    }
    assert!(catalog.flushed(LONG));
    outside(&home, async |rows| {
        let old = rows::query("UPDATE recordings SET ends_at = '2026-01-05T09:00:00.000000Z' WHERE call = $1");
        old.bind(calls[0].to_string()).execute(rows).await.unwrap();
    });
    assert!(catalog.close(LONG));
    assert_eq!(sweep(&home, &clock), Ok(1));
    let restored = put_back(&home, &file, None, &clock);
    assert!(restored.open && !restored.new_site && restored.replaced.is_some(), "{restored:?}");
    assert_eq!((restored.gone.len(), restored.recordings, restored.tombstones), (1, 1, 1));
    assert_eq!(is_open(home.path()), Ok(()));

    let catalog = engine(&home, &clock);
    assert_eq!(is_open(home.path()), Ok(()));
    let next = catalog.reserve(today()).sequence.unwrap();
    assert_eq!(next, 6, "after the last that was given");
    catalog.note(begun(CallId::new(), Some(next)));
    // Its file came back too, and recovery finds it.
    catalog.note(kept(calls[0]));
    assert!(catalog.close(LONG));
    let expected = [(calls[0], "gone".to_owned(), None), (calls[1], "kept".to_owned(), Some(CUSTOMER.to_owned()))];
    assert_eq!(lives(&home), expected);
    assert_eq!(skipped(&home), [(3, 5)]);
    let rows: Vec<String> = outside(&home, async |rows| {
        rows::query_scalar("SELECT text FROM ledger_rows ORDER BY segment, row").fetch_all(rows).await.unwrap()
    });
    let said = |words: &str| rows.iter().filter(|row| row.contains(words)).count();
    assert_eq!((said(r#""why":"restore""#), said(r#""deed":"restored""#), said(r#""deed":"deleted""#)), (1, 1, 1));
    let report = verify(home.path(), Evidence::default()).unwrap();
    assert!(report.is_sound(), "{report}");
}

#[test]
fn after_the_home_was_lost_nothing_is_played_or_deleted_without_tombstones_and_with_them_the_dead_stay_dead() {
    let Scene { home, elsewhere, clock, catalog, calls, file } = Scene::new();
    assert!(catalog.close(LONG));
    execute(&home, "UPDATE recordings SET ends_at = '2026-01-05T09:00:00.000000Z'");
    assert_eq!(sweep(&home, &clock), Ok(2));
    let stones = elsewhere.path().join("tombstones.jsonl");
    fs::copy(home.path().join("tombstones.jsonl"), &stones).unwrap();

    let new = TempDir::new().unwrap();
    let restored = put_back(&new, &file, None, &clock);
    assert!(!restored.open && restored.recordings == 2 && restored.replaced.is_none(), "{restored:?}");
    assert!(engine(&new, &clock).close(LONG));
    assert!(matches!(is_open(new.path()), Err(Stopped::Closed(_))), "nobody knows what was deleted");

    let restored = put_back(&new, &file, Some(&stones), &clock);
    assert!(restored.open && restored.recordings == 0, "{restored:?}");
    assert_eq!(restored.gone.len(), 2);
    let catalog = engine(&new, &clock);
    assert_eq!(is_open(new.path()), Ok(()));
    catalog.note(kept(calls[0]));
    assert!(catalog.close(LONG));
    assert!(lives(&new).iter().all(|(_, life, customer)| life == "gone" && customer.is_none()), "{:?}", lives(&new));
    // They lie in the new home as well: the next backup of it has them.
    assert_eq!(HomeFiles::of(new.path()).tombstones().unwrap().len(), 2);
    // No file of the catalog has the number of whoever was erased, but what was put aside.
    let bytes = fs::read(new.path().join("catalog.sqlite")).unwrap();
    assert!(!bytes.windows(11).any(|some| some == &CUSTOMER.as_bytes()[1..]));
}

#[test]
fn what_was_being_deleted_when_a_backup_is_put_back_goes_on_being_deleted() {
    let Scene { home, elsewhere, clock, catalog, calls, file } = Scene::new();
    assert!(catalog.close(LONG));
    // A sweep that was killed behind its first unlink.
    outside(&home, async |rows| {
        let begun = rows::query("UPDATE recordings SET life = 'deleting', life_at = $2, sha256 = 'ab' WHERE call = $1");
        let begun = begun.bind(calls[0].to_string()).bind(text::time(clock.wall()));
        begun.execute(rows).await.unwrap();
    });
    fs::remove_file(home.path().join(format!("recordings/2026/11/24/{}.wav", calls[0]))).unwrap();
    let nothing = elsewhere.path().join("none");
    fs::write(&nothing, "").unwrap();
    assert_eq!(put_back(&home, &file, Some(&nothing), &clock).gone, [""; 0]);
    assert_eq!(lives(&home).iter().map(|(_, life, _)| life.as_str()).collect::<Vec<_>>(), ["deleting", "kept"]);
    assert!(engine(&home, &clock).close(LONG));
    assert_eq!(sweep(&home, &clock), Ok(1));
    assert_eq!(lives(&home).iter().map(|(_, life, _)| life.as_str()).collect::<Vec<_>>(), ["gone", "kept"]);
    assert_eq!(HomeFiles::of(home.path()).tombstones().unwrap()[0].sha256.as_deref(), Some("ab"));
    assert!(verify(home.path(), Evidence::default()).unwrap().is_sound());
}

#[test]
fn a_restore_waits_for_the_end_of_a_sweep_and_no_sweep_begins_meanwhile() {
    let (home, elsewhere, clock) = (TempDir::new().unwrap(), TempDir::new().unwrap(), clock());
    let catalog = engine(&home, &clock);
    keep(&catalog, &home);
    keep(&catalog, &home);
    let file = make_backup(&home, &elsewhere, &clock);
    assert!(catalog.close(LONG));
    let nothing = elsewhere.path().join("none");
    fs::write(&nothing, "").unwrap();
    let beside = Beside { tombstones: Some(&nothing), holds: None };
    let sweeping = [(); 2].map(|()| HomeStore::open(home.path()).unwrap().unwrap());
    let refused = restore(home.path(), &file, beside, "root", clock.wall()).unwrap_err().to_string();
    assert!(refused.contains("a sweep is at work"), "{refused}");
    assert!(HomeStore::open_to_read(home.path()).is_ok(), "nothing was changed");
    drop(sweeping);
    let alone = crate::sweep::alone(home.path()).unwrap();
    let Err(refused) = HomeStore::open(home.path()) else { panic!("a restore is under way") };
    assert!(refused.to_string().contains("a restore is under way"), "{refused}");
    drop(alone);
    assert_eq!(put_back(&home, &file, Some(&nothing), &clock).recordings, 2);
}

#[test]
fn an_older_catalog_that_somebody_copied_there_is_noticed_and_closes_the_home_until_it_is_restored() {
    let Scene { home, elsewhere, clock, catalog, calls, file } = Scene::new();
    keep(&catalog, &home);
    assert!(catalog.close(LONG));
    assert!(engine(&home, &clock).close(LONG), "the same one is no older one");
    assert_eq!(is_open(home.path()), Ok(()));
    fs::write(home.path().join("catalog.sqlite"), fs::read(&file).unwrap()).unwrap();
    for _ in 0..2 {
        let catalog = engine(&home, &clock);
        let call = begin(&catalog);
        catalog.note(ended(call, Outcome::Discarded));
        assert!(catalog.close(LONG));
        let why = is_open(home.path()).unwrap_err().to_string();
        assert!(why.contains("retrocall restore"), "{why}");
        assert!(sweep(&home, &clock).is_err());
    }
    // What is there is reconciled with itself.
    let (catalog, nothing) = (home.path().join("catalog.sqlite"), elsewhere.path().join("none"));
    fs::write(&nothing, "").unwrap();
    let restored = put_back(&home, &catalog, Some(&nothing), &clock);
    assert!(restored.open && restored.recordings == 2, "{restored:?}");
    assert!(engine(&home, &clock).close(LONG));
    assert_eq!(is_open(home.path()), Ok(()));
    assert_eq!(lives(&home).iter().map(|(call, ..)| *call).collect::<Vec<_>>(), calls);
    assert!(verify(home.path(), Evidence::default()).unwrap().is_sound());
}

#[test]
fn a_backup_older_than_a_head_makes_the_home_a_new_site_so_that_nothing_is_signed_twice() {
    let (home, elsewhere, clock) = (TempDir::new().unwrap(), TempDir::new().unwrap(), clock());
    let catalog = engine(&home, &clock);
    keep(&catalog, &home);
    keep(&catalog, &home);
    let file = make_backup(&home, &elsewhere, &clock);
    clock.pass(Duration::from_secs(86_400));
    wait_until(|| {
        clock.pass(Duration::from_secs(11));
        catalog.look();
        !crate::ledger::heads(home.path()).unwrap().is_empty()
    });
    assert!(catalog.close(LONG));
    let before = verify(home.path(), Evidence::default()).unwrap();
    let nothing = elsewhere.path().join("none");
    fs::write(&nothing, "").unwrap();
    let restored = put_back(&home, &file, Some(&nothing), &clock);
    assert!(restored.new_site && restored.open, "{restored:?}");
    assert!(matches!(is_open(home.path()), Err(Stopped::Closed(_))), "the new site comes with the engine");
    let catalog = engine(&home, &clock);
    let call = begin(&catalog);
    catalog.note(ended(call, Outcome::Discarded));
    assert!(catalog.close(LONG));
    let after = verify(home.path(), Evidence::default()).unwrap();
    assert!(after.is_sound(), "{after}");
    assert_ne!(after.site, before.site);
    let opened: Vec<String> = outside(&home, async |rows| {
        let select = r#"SELECT text FROM ledger_rows WHERE text LIKE '%"kind":"site-opened"%' ORDER BY segment"#;
        rows::query_scalar(select).fetch_all(rows).await.unwrap()
    });
    let last = opened.last().unwrap();
    assert!(last.contains(r#""why":"restored""#) && last.contains(before.site.as_str()), "{last}");
}

#[test]
fn what_can_be_wrong_with_a_backup_is_said_before_anything_is_changed() {
    let (home, elsewhere, clock) = (TempDir::new().unwrap(), TempDir::new().unwrap(), clock());
    let none = elsewhere.path().join("none.sqlite");
    assert_eq!(backup(home.path(), &none, clock.wall()), Err(BackupError::None));
    let catalog = engine(&home, &clock);
    keep(&catalog, &home);
    keep(&catalog, &home);
    let file = make_backup(&home, &elsewhere, &clock);
    assert!(backup(home.path(), &file, clock.wall()).unwrap_err().to_string().contains("is there already"));
    assert!(catalog.close(LONG));
    let before = fs::read(home.path().join("catalog.sqlite")).unwrap();
    let damaged = elsewhere.path().join("damaged.sqlite");
    fs::write(&damaged, &fs::read(&file).unwrap()[..4_096]).unwrap();
    fs::write(elsewhere.path().join("text"), "garbage that is no database at all\n").unwrap();
    for from in [none, damaged, elsewhere.path().join("text")] {
        assert!(restore(home.path(), &from, Beside::default(), "root", clock.wall()).is_err(), "{}", from.display());
    }
    let garbage = elsewhere.path().join("text");
    for beside in
        [Beside { tombstones: Some(&garbage), holds: None }, Beside { tombstones: None, holds: Some(&garbage) }]
    {
        let refused = restore(home.path(), &file, beside, "root", clock.wall()).unwrap_err().to_string();
        assert!(refused.contains("is in it; name a copy of"), "{refused}");
    }
    assert_eq!(fs::read(home.path().join("catalog.sqlite")).unwrap(), before);
    assert_eq!(is_open(home.path()), Ok(()));
}

#[test]
fn a_restore_that_was_cut_off_keeps_everybody_from_the_catalog_until_it_is_done_again() {
    let (home, elsewhere, clock) = (TempDir::new().unwrap(), TempDir::new().unwrap(), clock());
    let catalog = engine(&home, &clock);
    keep(&catalog, &home);
    keep(&catalog, &home);
    let file = make_backup(&home, &elsewhere, &clock);
    assert!(catalog.close(LONG));
    fs::write(home.path().join("restore"), r#"{"stage":"begun","by":"root","at":"2026-11-24T09:00:00Z","gone":[]}"#)
        .unwrap();
    for files in [0, 1, 2] {
        // Cut between any two of its steps: the copy is there, the old one is gone, neither.
        if files == 1 {
            fs::write(home.path().join("catalog.sqlite.restoring"), "half of it").unwrap();
        }
        if files == 2 {
            fs::rename(home.path().join("catalog.sqlite"), home.path().join("catalog.sqlite.replaced")).unwrap();
        }
        let trouble = recordings(home.path()).unwrap_err().to_string();
        assert!(trouble.contains("a restore was cut off"), "{trouble}");
        let limits = Limits { clock: Arc::clone(&clock) as _, ..limits() };
        let catalog = Catalog::start(home.path(), today(), Country::default(), limits);
        assert!(catalog.opened(LONG).unwrap_err().to_string().contains("a restore was cut off"));
        drop(catalog);
    }
    let nothing = elsewhere.path().join("none");
    fs::write(&nothing, "").unwrap();
    assert_eq!(put_back(&home, &file, Some(&nothing), &clock).recordings, 2);
    assert!(engine(&home, &clock).close(LONG));
    assert_eq!(recordings(home.path()).unwrap().len(), 2);
}

#[test]
fn an_older_catalog_that_somebody_copied_there_is_noticed_by_a_sweep_and_by_a_deed_that_come_before_the_engine() {
    for sweeps in [true, false] {
        let Scene { home, elsewhere: _elsewhere, clock, catalog, calls, file } = Scene::new();
        keep(&catalog, &home);
        assert!(catalog.close(LONG));
        fs::write(home.path().join("catalog.sqlite"), fs::read(&file).unwrap()).unwrap();
        execute(&home, "UPDATE recordings SET ends_at = '2026-01-05T09:00:00.000000Z'");
        let id = recordings(home.path()).unwrap().into_iter().find(|one| one.call == calls[0]).unwrap().id.unwrap();
        if sweeps {
            let why = sweep(&home, &clock).unwrap_err().to_string();
            assert!(why.contains("older than its ledger was"), "{why}");
        }
        let (desk, owner) = (HomeDesk::of(home.path()), Person::owner("root"));
        let how = Use { kind: UseKind::Play, why: "to listen".into(), of: None };
        for _ in 0..2 {
            let refused = desk.used(&owner, &id, &how, clock.wall()).unwrap_err().to_string();
            assert!(refused.contains("retrocall restore"), "{refused}");
        }
        assert!(is_open(home.path()).is_err(), "from now on nothing is played there");
        assert!(lives(&home).iter().all(|(_, life, _)| life == "kept"));
    }
}
