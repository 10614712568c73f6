//! Numbers that are never given twice, and notes that outlive an engine whose catalog did not take them.

use std::{fs::Permissions, sync::atomic::Ordering};

use super::{numbers::AHEAD, *};

fn next(catalog: &Catalog) -> u64 {
    catalog.reserve(today()).sequence.expect("a number")
}

#[test]
fn numbers_given_while_the_catalog_is_locked_are_not_given_again_after_a_kill_and_the_hole_has_a_name() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    let left = while_locked(&home, || {
        assert_eq!([begin(&catalog), begin(&catalog)].map(|_| next(&catalog)), [4, 5]);
        assert!(catalog.queue.wait_for_trouble(LONG).is_some());
        as_killed(home.path())
    });
    // Locked again at the next start: the number comes from the file, and at once.
    let (number, left_again) = while_locked(&left, || {
        let catalog = open(&left);
        catalog.opened(LONG).unwrap_err();
        begin(&catalog);
        let (number, left) = (next(&catalog), as_killed(left.path()));
        assert!(catalog.close(RETRY));
        (number, left)
    });
    assert_eq!(number, 1 + AHEAD + 2, "after the last reserved one");
    let catalog = open(&left_again);
    catalog.opened(LONG).unwrap();
    let number = next(&catalog);
    assert!(number > 2 * AHEAD, "{number}");
    catalog.note(begun(CallId::new(), Some(number)));
    assert!(catalog.close(LONG));
    assert_eq!(sequences(&left_again), [Some(1), Some(number)]);
    assert_eq!(skipped(&left_again), [(2, number - 1)]);
}

#[test]
fn after_a_good_end_numbers_go_on_without_a_hole_also_if_their_calls_are_still_unwritten() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    while_locked(&home, || {
        begin(&catalog);
        assert!(catalog.close(RETRY), "{:?}", catalog.trouble());
    });
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    begin(&catalog);
    assert!(catalog.close(LONG));
    assert_eq!((sequences(&home), skipped(&home)), (vec![Some(1), Some(2), Some(3)], vec![]));
}

#[test]
fn an_older_catalog_put_in_the_place_of_a_newer_one_gets_no_number_again() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let backup = fs::read(file(&home)).unwrap();
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    for _ in 0..5 {
        begin(&catalog);
    }
    assert!(catalog.close(LONG));
    fs::write(file(&home), backup).unwrap();
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    begin(&catalog);
    assert!(catalog.close(LONG));
    assert_eq!((sequences(&home), skipped(&home)), (vec![Some(1), Some(7)], vec![(2, 6)]));

    // Nor one that is gone.
    fs::remove_file(file(&home)).unwrap();
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    begin(&catalog);
    assert!(catalog.close(LONG));
    assert_eq!((sequences(&home), skipped(&home)), (vec![Some(8)], vec![(1, 7)]));
}

#[test]
fn without_the_file_of_numbers_they_go_on_after_those_that_the_catalog_knows() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    for rest in [None, Some("garbage")] {
        let last = sequences(&home).pop().flatten().unwrap();
        fs::remove_file(home.path().join("numbers")).unwrap();
        rest.inspect(|rest| fs::write(home.path().join("numbers"), rest).unwrap());
        let catalog = open(&home);
        catalog.opened(LONG).unwrap();
        begin(&catalog);
        assert!(catalog.close(LONG));
        assert_eq!(sequences(&home).pop(), Some(Some(last + AHEAD + 1)));
        assert_eq!(skipped(&home).pop(), Some((last + 1, last + AHEAD)));
    }
    assert_eq!(fs::read_to_string(home.path().join("numbers.damaged")).unwrap(), "garbage");
}

#[test]
fn a_call_that_begins_while_neither_file_nor_catalog_can_be_had_never_gets_a_number() {
    let parent = TempDir::new().unwrap();
    let late = parent.path().join("home");
    let catalog = Catalog::start(&late, today(), Country::default(), limits());
    assert!(matches!(catalog.opened(LONG), Err(Trouble::Unusable { .. })));
    assert_eq!(catalog.reserve(today()), Number { day: today(), sequence: None });
    let without = begin(&catalog);
    fs::create_dir(&late).unwrap();
    assert!(catalog.flushed(LONG));
    let with = begin(&catalog);
    assert!(catalog.close(LONG));
    let rows = calls(&late).unwrap();
    let number = |call| rows.iter().find(|row| row.call == call).unwrap().sequence;
    assert_eq!((number(without), number(with)), (None, Some(1)));
}

#[test]
fn a_wall_clock_that_was_ten_days_ahead_opens_no_day_a_second_time() {
    let home = TempDir::new().unwrap();
    let ahead = today() + jiff::ToSpan::days(10);
    let catalog = Catalog::start(home.path(), ahead, Country::default(), limits());
    catalog.opened(LONG).unwrap();
    let numbers = [ahead, today(), ahead].map(|day| catalog.reserve(day));
    assert_eq!(numbers.map(|number| (number.day, number.sequence)), [1, 2, 3].map(|number| (ahead, Some(number))));
    assert!(catalog.close(LONG));
    // Corrected while the engine was down.
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    assert_eq!(catalog.reserve(today()), Number { day: ahead, sequence: Some(4) });
}

#[test]
fn a_rush_of_calls_and_a_new_day_leave_no_call_without_a_number() {
    let home = TempDir::new().unwrap();
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    let tomorrow = today() + jiff::ToSpan::days(1);
    let mut last = 0;
    for _ in 0..8 {
        // As many as the disk has time for: this is about the numbers, not about how fast it is.
        for _ in 0..AHEAD / 2 {
            let number = next(&catalog);
            assert_eq!(number, last + 1);
            last = number;
        }
        wait_until(|| catalog.queue.reservation().is_none());
    }
    wait_until(|| {
        let is_tomorrow = catalog.reserve(tomorrow).day == tomorrow;
        last += u64::from(!is_tomorrow);
        is_tomorrow
    });
    assert_eq!(catalog.reserve(today()), Number { day: tomorrow, sequence: Some(2) });
    catalog.note(begun(CallId::new(), Some(1)));
    assert!(catalog.close(LONG));
    // Of the numbers given here most have no row, as if the catalog had lost them.
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    assert!(catalog.close(LONG));
    let holes = skipped_numbers(home.path()).unwrap();
    let expected = [(today(), 2, last), (tomorrow, 1, 2)].map(|(day, first, last)| Skipped { day, first, last });
    assert_eq!(holes, expected);
}

#[test]
fn what_a_locked_catalog_did_not_take_before_the_engine_stopped_is_there_after_the_next_start() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    let (kept_call, discarded) = while_locked(&home, || {
        let calls = two_calls(&catalog);
        assert!(catalog.close(RETRY), "it is all in the file: {:?}", catalog.trouble());
        calls
    });
    assert_eq!(fs::metadata(unwritten(&home)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(calls(home.path()).unwrap().len(), 1);

    // Once more, without a chance to read it back.
    while_locked(&home, || {
        let catalog = open(&home);
        catalog.opened(LONG).unwrap_err();
        begin(&catalog);
        assert!(catalog.close(RETRY));
    });
    let beside = fs::File::open(unwritten(&home)).unwrap();
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    assert!(!unwritten(&home).exists(), "it is removed when it is read back");
    let bytes = std::io::read_to_string(beside).unwrap();
    assert!(!bytes.is_empty() && bytes.bytes().all(|byte| byte == 0), "and was overwritten: {bytes}");
    assert!(catalog.close(LONG));
    let rows = calls(home.path()).unwrap();
    let outcome = |call| rows.iter().find(|row| row.call == call).unwrap().outcome;
    assert_eq!((outcome(kept_call), outcome(discarded)), (Outcome::Kept, Outcome::Discarded));
    assert_eq!((sequences(&home), skipped(&home)), ((1..=4).map(Some).collect(), vec![]));
    let recording = &recordings(home.path()).unwrap()[0];
    assert_eq!((recording.state, recording.due), (RecordingState::Complete, Some(at(90 + 14 * 86_400))));
    let (customer, marks) = customer_and_marks(&home);
    assert_eq!(
        (customer.as_str(), marks.as_str()),
        (CUSTOMER, r#"{"record":[[12.5,"anna"]],"dtmf":[[13.0,"5"]],"gaps":[],"masks":[],"lost":[],"left_out":0}"#)
    );
}

#[test]
fn notes_that_were_damaged_while_nobody_looked_are_put_aside_and_the_others_are_read() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let lock_and_stop = || {
        while_locked(&home, || {
            let catalog = open(&home);
            catalog.opened(LONG).unwrap_err();
            let calls = two_calls(&catalog);
            assert!(catalog.close(RETRY));
            calls.0
        })
    };
    let damaged = lock_and_stop();
    let mut all = fs::read_to_string(unwritten(&home)).unwrap().replacen("2896044", "2896045", 1);
    // And an engine that was killed while it wrote.
    all += "\n{\"retrocall_unwritten\":1}\n{\"begun\":{\"call";
    fs::write(unwritten(&home), &all).unwrap();
    let whole = CallId::new();
    let notes = [begun(whole, Some(4)), selected(whole), kept(whole), ended(whole, Outcome::Kept)];
    unwritten::Unwritten::new(home.path(), u64::MAX).append(&notes).unwrap();
    let all = fs::read_to_string(unwritten(&home)).unwrap();
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    begin(&catalog);
    assert!(catalog.close(LONG));
    let found = recordings(home.path()).unwrap();
    assert_eq!(found.iter().map(|recording| recording.call).collect::<Vec<_>>(), [whole], "not {damaged}");
    assert!(!unwritten(&home).exists());
    let aside = fs::read_to_string(home.path().join("unwritten.jsonl.damaged")).unwrap();
    assert!(aside == all, "for somebody to look at");
    // The numbers of the damaged ones lie before those of the others.
    assert_eq!((sequences(&home), skipped(&home)), (vec![Some(1), Some(4), Some(5)], vec![(2, 3)]));

    // Nothing that makes sense, a later version, and a folder: none of them holds anything up.
    for rest in ["garbage\n", "{\"retrocall_unwritten\":2}\n{\"later\":1}\n"] {
        fs::write(unwritten(&home), rest).unwrap();
        let catalog = open(&home);
        catalog.opened(LONG).unwrap();
        assert!(catalog.close(LONG) && !unwritten(&home).exists());
    }
    for place in ["unwritten.jsonl", "numbers"] {
        let _ = fs::remove_file(home.path().join(place));
        fs::create_dir(home.path().join(place)).unwrap();
    }
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    let call = begin(&catalog);
    assert!(catalog.trouble().unwrap().contains("no numbers can be reserved"), "{:?}", catalog.trouble());
    assert!(catalog.close(LONG));
    assert_eq!(calls(home.path()).unwrap().iter().find(|row| row.call == call).unwrap().sequence, None);
}

#[test]
fn a_flood_of_calls_while_the_catalog_is_away_goes_to_the_disk_and_none_loses_its_row() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let catalog = while_locked(&home, || {
        let catalog = Catalog::start(home.path(), today(), Country::default(), Limits { notes_max: 40, ..limits() });
        catalog.opened(LONG).unwrap_err();
        for _ in 0..100 {
            let call = begin(&catalog);
            catalog.note(ended(call, Outcome::Discarded));
            wait_until(|| !catalog.queue.is_long());
        }
        // One goes on while the catalog comes back: it is not one that an earlier run lost.
        begin(&catalog);
        assert!(catalog.health().notes_waiting > 100 && unwritten(&home).exists());
        catalog
    });
    assert!(catalog.flushed(LONG));
    assert_eq!(catalog.opened(LONG).unwrap().lost, []);
    assert_eq!((catalog.health().notes_waiting, catalog.health().left_out), (0, 0));
    assert!(catalog.close(LONG));
    assert_eq!((sequences(&home), skipped(&home)), ((1..=102).map(Some).collect(), vec![]));
    let live = calls(home.path()).unwrap().iter().filter(|row| row.outcome == Outcome::Live).count();
    assert_eq!(live, 1);
}

#[test]
fn when_the_disk_takes_nothing_either_calls_are_left_out_but_no_recording_is_and_the_holes_have_names() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let limits = Limits { notes_max: 40, unwritten_bytes_max: 1_000, ..limits() };
    let (catalog, kept_call) = while_locked(&home, || {
        let catalog = Catalog::start(home.path(), today(), Country::default(), limits);
        catalog.opened(LONG).unwrap_err();
        let ids: Vec<_> = (0..47).map(|_| begin(&catalog)).collect();
        ids.iter().for_each(|call| catalog.note(ended(*call, Outcome::Discarded)));
        let call = CallId::new();
        catalog.note(kept(call));
        assert_eq!(catalog.health().left_out, 7);
        assert!(catalog.trouble().unwrap().contains("7 calls were left out"), "{:?}", catalog.trouble());
        (catalog, call)
    });
    assert!(!catalog.close(LONG), "not everything could be written");
    assert_eq!(recordings(home.path()).unwrap()[0].call, kept_call);
    let numbers: Vec<_> = sequences(&home).into_iter().flatten().collect();
    assert_eq!((numbers, skipped(&home)), ((1..=41).collect(), vec![(42, 48)]));
    assert!(calls(home.path()).unwrap().iter().all(|row| row.outcome != Outcome::Live));
}

#[test]
fn a_panic_in_the_thread_is_told_and_costs_no_note() {
    let home = TempDir::new().unwrap();
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    catalog.queue.panics.store(2, Ordering::Relaxed);
    let call = begin(&catalog);
    assert!(matches!(catalog.queue.wait_for_trouble(LONG), Some(Trouble::Panicked { .. })));
    assert!(catalog.flushed(LONG));
    assert_eq!(catalog.trouble(), None);
    catalog.queue.panics.store(usize::MAX, Ordering::Relaxed);
    catalog.note(ended(call, Outcome::Discarded));
    assert!(catalog.close(RETRY), "it is put aside for another program");
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    assert!(catalog.close(LONG));
    assert_eq!(calls(home.path()).unwrap()[0].outcome, Outcome::Discarded);
}

#[test]
fn what_lies_beside_the_catalog_is_closed_to_others() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    while_locked(&home, || {
        let catalog = open(&home);
        begin(&catalog);
        assert!(catalog.close(RETRY));
    });
    let there = files_in(home.path());
    for name in ["catalog.sqlite", "draw", "ledger.key", "ledger.last", "numbers", "unwritten.jsonl"] {
        assert!(there.contains(&home.path().join(name)), "{name} is not in {there:?}");
    }
    for path in there {
        let mode = fs::metadata(&path).unwrap().permissions();
        assert_eq!(mode, Permissions::from_mode(0o100_600), "{}", path.display());
    }
}
