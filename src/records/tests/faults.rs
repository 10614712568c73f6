//! Files that refuse: locked, damaged, newer, moved away, and engines that were killed.

use super::*;

#[test]
fn while_another_program_holds_the_catalog_notes_wait_and_then_come_in_order() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    let mut ids = Vec::new();
    outside(&home, async |connection| {
        connection.execute("BEGIN EXCLUSIVE").await.unwrap();
        for _ in 0..50 {
            let call = begin(&catalog);
            ids.push(call);
            catalog.note(selected(call));
            catalog.note(kept(call));
            catalog.note(ended(call, Outcome::Kept));
        }
        assert!(matches!(catalog.queue.wait_for_trouble(LONG), Some(Trouble::Locked { .. })));
        assert!(catalog.trouble().unwrap().contains("another program holds the catalog"));
        assert_eq!(catalog.health().notes_waiting, 200);
        // A command can read all the same.
        assert_eq!(calls(home.path()).unwrap().len(), 1);
        connection.execute("ROLLBACK").await.unwrap();
    });
    assert!(catalog.flushed(LONG));
    assert_eq!((catalog.trouble(), catalog.health().notes_waiting), (None, 0));
    assert!(catalog.close(LONG));
    let rows = calls(home.path()).unwrap();
    let order: Vec<_> = ids.iter().map(|call| rows.iter().find(|row| row.call == *call).unwrap().sequence).collect();
    assert_eq!(order, (2..=51).map(Some).collect::<Vec<_>>());
    assert!(rows.iter().skip(1).all(|row| row.outcome != Outcome::Live));
    assert_eq!(recordings(home.path()).unwrap().len(), 50);
}

#[test]
fn an_engine_that_starts_while_the_catalog_is_locked_says_so_and_loses_nothing() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let catalog = outside(&home, async |connection| {
        connection.execute("BEGIN EXCLUSIVE").await.unwrap();
        let catalog = open(&home);
        assert_eq!(catalog.opened(LONG), Err(Trouble::Locked { path: file(&home) }));
        begin(&catalog);
        connection.execute("ROLLBACK").await.unwrap();
        catalog
    });
    assert!(catalog.flushed(LONG));
    assert_eq!(sequences(&home), [Some(1), Some(2)]);
}

#[test]
fn a_damaged_catalog_is_left_as_it_is_and_once_moved_away_a_new_one_takes_all_notes() {
    let home = TempDir::new().unwrap();
    let garbage: Vec<u8> = (0..20_000u32).map(|byte| (byte * 7 + 3) as u8).collect();
    fs::write(file(&home), &garbage).unwrap();
    let catalog = open(&home);
    let trouble = catalog.opened(LONG).unwrap_err();
    assert!(matches!(trouble, Trouble::Damaged { .. }), "{trouble:?}");
    assert!(trouble.to_string().contains("move it away"), "{trouble}");
    // Which numbers were given before nobody can say.
    assert_eq!(catalog.reserve(today()), Number { day: today(), sequence: None });
    let call = CallId::new();
    for note in [begun(call, None), selected(call), kept(call), ended(call, Outcome::Kept)] {
        catalog.note(note);
    }
    assert_eq!(catalog.health().notes_waiting, 4);
    assert!(matches!(recordings(home.path()), Err(Trouble::Damaged { .. })));
    assert_eq!(fs::read(file(&home)).unwrap(), garbage);

    let aside = home.path().join("aside");
    fs::rename(file(&home), &aside).unwrap();
    assert!(catalog.flushed(LONG), "{:?}", catalog.trouble());
    assert_eq!(catalog.trouble(), None);
    assert!(catalog.close(LONG));
    assert_eq!(fs::read(aside).unwrap(), garbage);
    assert_eq!(recordings(home.path()).unwrap().len(), 1);
    assert_eq!(sequences(&home), [None]);
}

/// Overwrites all but the first page, which still says that this is a catalog.
fn damage_inside(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    bytes[4_096..].fill(0x5a);
    fs::write(path, &bytes).unwrap();
    bytes
}

#[test]
fn a_catalog_that_is_damaged_inside_is_left_as_it_is() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let bytes = damage_inside(&file(&home));
    let catalog = open(&home);
    assert!(matches!(catalog.opened(LONG), Err(Trouble::Damaged { .. })));
    catalog.note(begun(CallId::new(), None));
    assert!(catalog.close(RETRY), "it is put aside");
    assert_eq!(fs::read(file(&home)).unwrap(), bytes);
    assert!(matches!(calls(home.path()), Err(Trouble::Damaged { .. })));
}

#[test]
fn a_catalog_that_was_cut_short_is_left_as_it_is() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let bytes = fs::read(file(&home)).unwrap();
    fs::write(file(&home), &bytes[..bytes.len() - 4_096]).unwrap();
    let catalog = open(&home);
    assert!(matches!(catalog.opened(LONG), Err(Trouble::Damaged { .. })));
    catalog.close(Duration::ZERO);
    assert_eq!(fs::read(file(&home)).unwrap(), &bytes[..bytes.len() - 4_096]);
}

#[test]
fn a_catalog_of_a_newer_version_is_refused_and_left_as_it_is() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    execute(&home, "INSERT INTO _sqlx_migrations VALUES (9999, 'later', CURRENT_TIMESTAMP, TRUE, x'00', 1)");
    let bytes = fs::read(file(&home)).unwrap();
    let newer = Trouble::Newer { path: file(&home) };
    let catalog = open(&home);
    assert_eq!(catalog.opened(LONG), Err(newer.clone()));
    assert!(newer.to_string().contains("newer retrocall"));
    catalog.note(begun(CallId::new(), None));
    assert!(catalog.close(RETRY), "it is put aside");
    assert_eq!(recordings(home.path()), Err(newer));
    assert_eq!(fs::read(file(&home)).unwrap(), bytes);
}

#[test]
fn a_database_of_another_program_is_not_taken_for_a_catalog() {
    let home = TempDir::new().unwrap();
    fs::write(file(&home), "").unwrap();
    execute(&home, "CREATE TABLE theirs (value TEXT)");
    let bytes = fs::read(file(&home)).unwrap();
    let catalog = open(&home);
    assert_eq!(catalog.opened(LONG), Err(Trouble::Foreign { path: file(&home) }));
    catalog.close(Duration::ZERO);
    assert_eq!(fs::read(file(&home)).unwrap(), bytes);
}

#[test]
fn a_catalog_that_is_moved_away_in_use_is_missed_and_a_new_one_gets_whole_rows() {
    let home = TempDir::new().unwrap();
    let aside = TempDir::new().unwrap();
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    let (gone, call) = (begin(&catalog), begin(&catalog));
    catalog.note(ended(gone, Outcome::Discarded));
    assert!(catalog.flushed(LONG));
    fs::rename(file(&home), aside.path().join("catalog.sqlite")).unwrap();
    catalog.note(ended(call, Outcome::Discarded));
    // The log with the latest rows was left behind: it is neither thrown away nor put into a new file.
    let trouble = catalog.queue.wait_for_trouble(LONG).unwrap();
    assert!(matches!(trouble, Trouble::Orphaned { .. }), "{trouble:?}");
    fs::rename(home.path().join("catalog.sqlite-wal"), aside.path().join("catalog.sqlite-wal")).unwrap();
    assert!(catalog.flushed(LONG), "{:?}", catalog.trouble());
    let third = begin(&catalog);
    assert!(catalog.close(LONG));
    let rows = calls(home.path()).unwrap();
    let numbers: Vec<_> = rows.iter().map(|row| (row.call, row.outcome, row.sequence)).collect();
    assert_eq!(numbers, [(call, Outcome::Discarded, Some(2)), (third, Outcome::Live, Some(3))]);
    assert_eq!(skipped_numbers(home.path()).unwrap(), [Skipped { day: today(), first: 1, last: 1 }]);
    assert_eq!(calls(aside.path()).unwrap()[1].outcome, Outcome::Live);
}

#[test]
fn what_a_killed_engine_had_written_is_there_even_if_it_had_only_just_begun() {
    let (killed, home) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (catalog, call) = (open(&killed), CallId::new());
    catalog.note(begun(call, None));
    assert!(catalog.flushed(LONG));
    // What lies on the disk at this moment is what a killed engine leaves.
    for name in ["catalog.sqlite", "catalog.sqlite-wal"] {
        fs::copy(killed.path().join(name), home.path().join(name)).unwrap();
    }
    assert_eq!(open(&home).opened(LONG).unwrap().lost.len(), 1);
    assert_eq!(calls(home.path()).unwrap()[0].call, call);
}
