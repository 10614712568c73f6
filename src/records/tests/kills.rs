//! What is there after a kill in the middle of some trouble.

use super::*;

#[test]
fn a_kept_call_has_its_customer_and_marks_though_the_engine_was_killed_while_the_catalog_was_locked() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let limits = Limits { aside_after: Duration::ZERO, ..limits() };
    let catalog = Catalog::start(home.path(), today(), Country::default(), limits);
    catalog.opened(LONG).unwrap();
    let (kept_call, left) = while_locked(&home, || {
        let (kept_call, _) = two_calls(&catalog);
        wait_until(|| fs::read_to_string(unwritten(&home)).is_ok_and(|notes| notes.contains("{\"kept\":")));
        // The seal of what was written comes with it.
        wait_until(|| fs::read_to_string(unwritten(&home)).unwrap().ends_with("\"}\n"));
        (kept_call, as_killed(home.path()))
    });
    let next = open(&left);
    next.opened(LONG).unwrap();
    assert!(next.close(LONG) && !unwritten(&left).exists());
    let rows = calls(left.path()).unwrap();
    assert_eq!(rows.iter().find(|row| row.call == kept_call).unwrap().outcome, Outcome::Kept);
    let (customer, marks) = customer_and_marks(&left);
    assert!(customer == CUSTOMER && marks.contains(r#""dtmf":[[13.0,"5"]]"#), "{marks}");

    // One that was not killed takes it back in the same run, once.
    assert!(catalog.flushed(LONG) && !unwritten(&home).exists());
    assert!(catalog.close(LONG));
    assert_eq!(recordings(home.path()).unwrap().len(), 1);
    assert_eq!((sequences(&home), skipped(&home)), ((1..=3).map(Some).collect(), vec![]));
}

#[test]
fn a_catalog_that_is_locked_for_a_moment_leaves_nothing_beside_it() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    while_locked(&home, || {
        two_calls(&catalog);
        assert!(catalog.queue.wait_for_trouble(LONG).is_some());
        assert!(!unwritten(&home).exists());
    });
    assert!(catalog.close(LONG));
}

#[test]
fn what_was_cut_off_can_go_on_though_the_wall_clock_was_wrong_then_and_not_after_days() {
    let home = TempDir::new().unwrap();
    let killed = open(&home);
    let (in_1970, days_ago) = (CallId::new(), CallId::new());
    for (number, call, began_at, day) in [
        (1, in_1970, Timestamp::UNIX_EPOCH, today()),
        (1, days_ago, at(0), today().saturating_sub(jiff::ToSpan::days(3))),
    ] {
        let call = Call { began_at, ..call_of_anna(call) };
        killed.note(Note::Begun(CallBegun { call, day, sequence: Some(number), exempt: false }));
    }
    assert!(killed.close(LONG));
    let opened = open(&home).opened(LONG).unwrap();
    assert_eq!(opened.lost.len(), 2);
    assert_eq!(opened.cut_off.iter().map(|call| call.call).collect::<Vec<_>>(), [in_1970]);
}
