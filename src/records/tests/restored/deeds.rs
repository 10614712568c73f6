//! Deeds that came after a backup: what kept a recording, or let go of it, does so in the catalog that is restored from it.

use std::collections::HashSet;

use retrocall_ledger::DeedKind;

use super::*;
use crate::{
    desk::{Cases as _, Customers as _, Erasures as _, NewHold, Requests as _, Subject},
    holds,
    policy::Policy,
};

/// An empty file: nothing was ever deleted.
fn nothing_in(folder: &TempDir) -> PathBuf {
    let nothing = folder.path().join("nothing");
    fs::write(&nothing, "").unwrap();
    nothing
}

/// The recording of a call.
fn id(home: &TempDir, call: CallId) -> String {
    let found = recordings(home.path()).unwrap().into_iter().find(|one| one.call == call);
    found.and_then(|one| one.id).unwrap()
}

/// A hold, until a day after those of the tests.
fn new_hold(clock: &TestClock) -> NewHold {
    let review_on = day_of(clock.wall()) + jiff::ToSpan::days(90);
    NewHold { reason: "claim 4711".into(), owner: "olga".into(), until: "the court has decided".into(), review_on }
}

#[test]
fn what_a_hold_or_a_case_has_kept_since_a_backup_is_held_when_that_is_restored_and_a_sweep_takes_none_of_it() {
    let Scene { home, elsewhere, clock, catalog, calls, file } = Scene::new();
    let later = keep(&catalog, &home);
    let (desk, owner) = (HomeDesk::of(home.path()), Person::owner("root"));
    let id = |call: CallId| id(&home, call);
    let at = || clock.wall();
    // One on hold, one with a case, one that the backup does not know; a hold that was released holds nothing.
    let hold = desk.hold(&owner, &id(calls[0]), &new_hold(&clock), at()).unwrap();
    let released = desk.hold(&owner, &id(calls[1]), &new_hold(&clock), at()).unwrap();
    desk.release(&owner, &released, "a slip", at()).unwrap();
    desk.open_case(&owner, &id(calls[1]), at()).unwrap();
    desk.hold(&owner, &id(later), &new_hold(&clock), at()).unwrap();
    assert!(catalog.close(LONG));
    let lines = fs::read_to_string(home.path().join("holds.jsonl")).unwrap();
    assert!(lines.lines().count() == 5 && !lines.contains("4711") && !lines.contains("olga"), "{lines}");

    let restored = put_back(&home, &file, None, &clock);
    assert!(!restored.open, "nothing was ever deleted, and nobody has said so");
    let restored = put_back(&home, &file, Some(&nothing_in(&elsewhere)), &clock);
    assert!(restored.open, "{restored:?}");
    let mut held: Vec<_> = restored.held.iter().map(|held| (held.deed.as_str(), held.recording.clone())).collect();
    held.sort();
    assert_eq!(held, [("case-opened", id(calls[1])), ("hold-set", id(calls[0]))]);
    assert!(restored.held.iter().any(|held| held.hold == hold), "it is the same hold");
    assert_eq!(restored.to_be_held, 1);

    let catalog = engine(&home, &clock);
    let of = recorded(later, &[Reason::OnDemand]);
    let found = RecordingKept { of, has_keys: false, ..recording(later) };
    catalog.note(Note::Kept(Box::new(found)));
    assert!(catalog.flushed(LONG));
    execute(&home, "UPDATE recordings SET ends_at = '2026-01-05T09:00:00.000000Z'");
    assert_eq!(sweep(&home, &clock), Ok(0), "all three are held");
    let holds = desk.holds(&owner).unwrap();
    assert_eq!(holds.len(), 3);
    for held in &holds {
        desk.release(&owner, &held.hold, "it was looked at", clock.wall()).unwrap();
    }
    assert_eq!(sweep(&home, &clock), Ok(3));
    assert!(catalog.close(LONG));
    let report = verify(home.path(), Evidence::default()).unwrap();
    assert!(report.is_sound(), "{report}");
}

#[test]
fn a_release_that_is_not_committed_lets_go_of_nothing_when_a_backup_is_restored() {
    let (home, clock) = (TempDir::new().unwrap(), clock());
    let catalog = engine(&home, &clock);
    keep(&catalog, &home);
    assert!(catalog.close(LONG));
    let id = recordings(home.path()).unwrap().remove(0).id.unwrap();
    let desk = HomeDesk::of(home.path());
    let hold = desk.hold(&Person::owner("root"), &id, &new_hold(&clock), clock.wall()).unwrap();
    let lines = || holds::keeping(&holds::load(home.path()).unwrap(), &Policy::default(), clock.wall());
    assert_eq!(lines(), 1);
    // Its transaction, up to the commit.
    let (kind, recording, matter) = (DeedKind::HoldReleased, Some(id.as_str()), Some(hold));
    let release = holds::Noted { kind, recording, matter, each: Vec::new() };
    let ended = outside(&home, async |rows| {
        let since = holds::since(rows, Some(home.path())).await.unwrap();
        holds::note(rows, &since, &release, clock.wall()).await.unwrap()
    });
    assert_eq!(lines(), 1, "the disk was full, or the power went");
    ended.committed(Some(home.path()));
    assert_eq!(lines(), 0);
}

/// The engine of a home ends, the backup is put back, and the engine starts once more.
fn put_back_under_an_engine(home: &TempDir, file: &Path, clock: &Arc<TestClock>, elsewhere: &TempDir) -> Restored {
    let restored = put_back(home, file, Some(&nothing_in(elsewhere)), clock);
    assert!(restored.open, "{restored:?}");
    assert!(engine(home, clock).close(LONG));
    restored
}

fn deeds_of(restored: &Restored) -> (Vec<&str>, Vec<&str>) {
    let mut held: Vec<_> = restored.held.iter().map(|held| held.deed.as_str()).collect();
    let mut redone: Vec<_> = restored.redone.iter().map(|redone| redone.deed.as_str()).collect();
    held.sort_unstable();
    redone.sort_unstable();
    (held, redone)
}

#[test]
fn d11_a_case_that_was_closed_or_taken_back_after_a_backup_is_so_once_that_is_restored() {
    let (home, elsewhere, clock) = (TempDir::new().unwrap(), TempDir::new().unwrap(), clock());
    let catalog = engine(&home, &clock);
    let calls = [keep(&catalog, &home), keep(&catalog, &home)];
    let (desk, owner) = (HomeDesk::of(home.path()), Person::owner("root"));
    let [reopened, closed] = calls.map(|call| desk.open_case(&owner, &id(&home, call), clock.wall()).unwrap());
    clock.pass(Duration::from_secs(60));
    desk.close_case(&owner, &reopened, "settled", None, clock.wall()).unwrap();
    let file = make_backup(&home, &elsewhere, &clock);
    clock.pass(Duration::from_secs(60));
    desk.reopen_case(&owner, &reopened, clock.wall()).unwrap();
    desk.close_case(&owner, &closed, "settled", None, clock.wall()).unwrap();
    assert!(catalog.close(LONG));
    let lines = fs::read_to_string(home.path().join("holds.jsonl")).unwrap();
    assert!(!lines.contains("settled"), "{lines}");

    let restored = put_back_under_an_engine(&home, &file, &clock, &elsewhere);
    assert_eq!(deeds_of(&restored), (vec![], vec!["case-closed", "case-reopened"]));
    let is_closed = |case: &str| {
        let cases = desk.all_cases(&owner).unwrap();
        cases.iter().find(|one| one.case == case).unwrap().closed_at.is_some()
    };
    assert_eq!([is_closed(&reopened), is_closed(&closed)], [false, true]);
    // The press itself keeps both for seven working days.
    clock.pass(Duration::from_secs(15 * 86_400));
    assert_eq!(sweep(&home, &clock), Ok(1), "the one whose case is closed, and not the other");
    assert_eq!(lives(&home).iter().map(|(_, life, _)| life.as_str()).collect::<Vec<_>>(), ["kept", "gone"]);
    assert!(verify(home.path(), Evidence::default()).unwrap().is_sound());
}

#[test]
fn d11_a_case_that_was_opened_and_closed_after_a_backup_is_held_only_as_long_as_its_closing_can_be_taken_back() {
    for (hours, held) in [(1, vec!["case-closed"]), (73, vec![])] {
        let Scene { home, elsewhere, clock, catalog, calls, file } = Scene::new();
        let (desk, owner) = (HomeDesk::of(home.path()), Person::owner("root"));
        let case = desk.open_case(&owner, &id(&home, calls[0]), clock.wall()).unwrap();
        clock.pass(Duration::from_secs(60));
        desk.close_case(&owner, &case, "settled", None, clock.wall()).unwrap();
        assert!(catalog.close(LONG));
        clock.pass(Duration::from_secs(hours * 3_600));
        let restored = put_back_under_an_engine(&home, &file, &clock, &elsewhere);
        assert_eq!(deeds_of(&restored).0.len(), held.len(), "{hours} hours later: {restored:?}");
    }
}

#[test]
fn what_was_let_go_of_after_a_backup_is_not_held_again_and_an_answer_that_keeps_a_case_counts() {
    let (home, elsewhere, clock) = (TempDir::new().unwrap(), TempDir::new().unwrap(), clock());
    let catalog = engine(&home, &clock);
    let calls = [keep(&catalog, &home), keep(&catalog, &home)];
    let (desk, owner) = (HomeDesk::of(home.path()), Person::owner("root"));
    let [held, followed] = calls.map(|call| id(&home, call));
    let hold = desk.hold(&owner, &held, &new_hold(&clock), clock.wall()).unwrap();
    let today = day_of(clock.wall());
    let request = desk.open_request(&owner, &Subject::Agent("anna".into()), today, clock.wall()).unwrap().request;
    let case = desk.open_case(&owner, &followed, clock.wall()).unwrap();
    let file = make_backup(&home, &elsewhere, &clock);
    clock.pass(Duration::from_secs(60));
    let erasure = desk.erase(&owner, &Subject::Recording(held.clone()), "asked", None, today, clock.wall()).unwrap();
    desk.exclude(&owner, &request, &held, "another voice", clock.wall()).unwrap();
    desk.exclude(&owner, &request, &followed, "another voice", clock.wall()).unwrap();
    desk.answered(&owner, &request, clock.wall()).unwrap();
    desk.release(&owner, &hold, "paid", clock.wall()).unwrap();
    desk.still_needed(&owner, &case, clock.wall()).unwrap();
    let needed = clock.wall();
    assert!(catalog.close(LONG));

    let restored = put_back_under_an_engine(&home, &file, &clock, &elsewhere);
    let (held_again, redone) = deeds_of(&restored);
    // Who asked for the erasure is lost; that it was granted is not.
    assert_eq!(held_again, ["request-opened"], "{restored:?}");
    assert!(["erased", "hold-released", "request-answered", "still-needed"].iter().all(|deed| redone.contains(deed)));
    assert_eq!(desk.all_cases(&owner).unwrap()[0].needed_at, needed);
    assert!(desk.request(&owner, &request).unwrap().answered_at.is_some());
    let only = desk.holds(&owner).unwrap();
    assert_eq!(only.len(), 1);
    desk.release(&owner, &only[0].hold, "the letter was sent", clock.wall()).unwrap();
    assert_eq!(sweep(&home, &clock), Ok(1), "it was erased: {erasure:?}");
    assert!(verify(home.path(), Evidence::default()).unwrap().is_sound());
}

#[test]
fn the_file_of_what_deeds_keep_has_no_line_of_a_recording_that_is_gone_and_a_cut_while_it_is_shortened_loses_none() {
    let home = TempDir::new().unwrap();
    let (gone, kept) = (CallId::new(), CallId::new());
    let line = |call: CallId, number: usize| {
        let (recording, matter) = (call.to_string(), Some(number.to_string()));
        let at = "2026-11-24T09:00:00Z".parse().unwrap();
        holds::Holder { recording, call, deed: DeedKind::HoldSet, matter, at, over: false, happened: None }
    };
    holds::add(home.path(), &[line(kept, 0)]).unwrap();
    assert_eq!(holds::shorten(home.path(), &[gone].into()).unwrap(), None, "a short file is left as it is");
    let many: Vec<_> = (0..1_000).map(|number| line(gone, number)).collect();
    holds::add(home.path(), &many).unwrap();
    let before = fs::read(holds::path(home.path())).unwrap();
    assert_eq!(holds::shorten(home.path(), &HashSet::new()).unwrap(), None, "nothing is gone");
    assert_eq!(holds::shorten(home.path(), &[gone].into()).unwrap(), Some(1));
    assert_eq!(holds::load(home.path()).unwrap(), [line(kept, 0)]);
    holds::add(home.path(), &[line(kept, 1)]).unwrap();

    // Cut at any byte of the writing in its place: what is left of it lies beside, whole.
    let shorter = fs::read(holds::path(home.path())).unwrap();
    for cut in [0, 1, shorter.len() / 2, shorter.len()] {
        fs::write(home.path().join("holds.jsonl.new"), &shorter).unwrap();
        fs::write(holds::path(home.path()), &shorter[..cut]).unwrap();
        assert_eq!(holds::load(home.path()).unwrap(), [line(kept, 0), line(kept, 1)], "cut at {cut}");
        holds::add(home.path(), &[line(kept, 2)]).unwrap();
        assert_eq!(holds::shorten(home.path(), &[gone].into()).unwrap(), Some(3), "cut at {cut}");
        assert!(!home.path().join("holds.jsonl.new").exists());
        fs::write(holds::path(home.path()), &shorter).unwrap();
    }
    assert!(before.len() > shorter.len() * 10);
}

#[test]
fn an_objection_and_an_erasure_of_after_a_backup_are_in_force_when_that_is_restored() {
    let Scene { home, elsewhere, clock, catalog, calls, file } = Scene::new();
    clock.pass(Duration::from_secs(3_600));
    let (desk, owner, customer) = (HomeDesk::of(home.path()), Person::owner("root"), Customer::from(CUSTOMER));
    let found = recordings(home.path()).unwrap().into_iter().find(|one| one.call == calls[0]);
    let erased = found.and_then(|one| one.id).unwrap();
    // The letter says that it goes when the hold is over.
    let hold = desk.hold(&owner, &erased, &new_hold(&clock), clock.wall()).unwrap();
    let of = Subject::Recording(erased.clone());
    let request = desk.erase(&owner, &of, "by letter", None, day_of(clock.wall()), clock.wall()).unwrap().request;
    desk.answered(&owner, &request, clock.wall()).unwrap();
    desk.customer_objects(&owner, &customer, Country::default(), clock.wall()).unwrap();
    assert!(catalog.close(LONG));

    let restored = put_back(&home, &file, Some(&nothing_in(&elsewhere)), &clock);
    assert_eq!(restored.held.len(), 1, "{restored:?}");
    let catalog = engine(&home, &clock);
    wait_until(|| catalog.objects(&customer));
    let coaching: i64 = outside(&home, async |rows| {
        let select = "SELECT COUNT(*) FROM anchors WHERE purpose = 'quality' AND anchor = 'objected'";
        rows::query_scalar(select).fetch_one(rows).await.unwrap()
    });
    assert_eq!(coaching, 2);
    assert_eq!(sweep(&home, &clock), Ok(0));
    desk.release(&owner, &hold, "it is over", clock.wall()).unwrap();
    assert_eq!(sweep(&home, &clock), Ok(1));
    assert!(catalog.close(LONG));
}

#[test]
fn what_an_officer_has_looked_at_after_a_restore_is_not_held_again_by_the_next_one() {
    let Scene { home, elsewhere, clock, catalog, calls, file } = Scene::new();
    let (desk, owner) = (HomeDesk::of(home.path()), Person::owner("root"));
    desk.open_case(&owner, &id(&home, calls[0]), clock.wall()).unwrap();
    desk.open_request(&owner, &Subject::Agent("anna".into()), day_of(clock.wall()), clock.wall()).unwrap();
    assert!(catalog.close(LONG));
    let restored = put_back_under_an_engine(&home, &file, &clock, &elsewhere);
    assert_eq!(deeds_of(&restored).0, ["case-opened", "request-opened", "request-opened"]);
    clock.pass(Duration::from_secs(3_600));
    for held in desk.holds(&owner).unwrap() {
        desk.release(&owner, &held.hold, "it was looked at", clock.wall()).unwrap();
    }
    fs::remove_file(&file).unwrap();
    let file = make_backup(&home, &elsewhere, &clock);
    let restored = put_back_under_an_engine(&home, &file, &clock, &elsewhere);
    assert_eq!(deeds_of(&restored).0, Vec::<&str>::new());
    assert_eq!(desk.holds(&owner).unwrap().len(), 0);
}

/// A call that is kept because its customer wanted a copy, and for nothing else.
fn keep_for_a_copy(catalog: &Catalog, home: &TempDir) -> CallId {
    let call = begin(catalog);
    fs::write(home.path().join(format!("recordings/2026/11/24/{call}.wav")), format!("audio of {call}")).unwrap();
    let of = RecordedCall { customer: Some(Customer::from(CUSTOMER)), ..recorded(call, &[Reason::Copy]) };
    catalog.note(Note::Kept(Box::new(RecordingKept { of, ..recording(call) })));
    catalog.note(ended(call, Outcome::Kept));
    assert!(catalog.flushed(LONG));
    call
}

#[test]
fn a_request_that_lost_or_found_a_recording_after_a_backup_keeps_what_it_kept_and_nothing_more() {
    for is_found_again in [false, true] {
        let (home, elsewhere, clock) = (TempDir::new().unwrap(), TempDir::new().unwrap(), clock());
        let catalog = engine(&home, &clock);
        let (desk, owner) = (HomeDesk::of(home.path()), Person::owner("root"));
        keep(&catalog, &home);
        let recording = id(&home, keep_for_a_copy(&catalog, &home));
        let request = desk.open_requests(&owner).unwrap().remove(0).line.request;
        desk.confirm(&owner, &request, &recording, "called back", clock.wall()).unwrap();
        let exclude = || {
            clock.pass(Duration::from_secs(60));
            desk.exclude(&owner, &request, &recording, "another voice", clock.wall()).unwrap();
        };
        if is_found_again {
            exclude();
        }
        let file = make_backup(&home, &elsewhere, &clock);
        clock.pass(Duration::from_secs(60));
        if is_found_again {
            desk.confirm(&owner, &request, &recording, "it was theirs", clock.wall()).unwrap();
        } else {
            exclude();
        }
        assert!(catalog.close(LONG));
        let restored = put_back_under_an_engine(&home, &file, &clock, &elsewhere);
        let held = if is_found_again { vec!["request-confirmed"] } else { vec![] };
        assert_eq!(deeds_of(&restored).0, held, "{restored:?}");
        let gone = if is_found_again { 0 } else { 1 };
        assert_eq!(sweep(&home, &clock), Ok(gone), "found again: {is_found_again}");
    }
}

#[test]
fn a_recording_that_the_backup_does_not_know_and_that_a_request_lost_stays_lost_to_it_after_each_restore() {
    let (home, elsewhere, clock) = (TempDir::new().unwrap(), TempDir::new().unwrap(), clock());
    let catalog = engine(&home, &clock);
    keep(&catalog, &home);
    keep(&catalog, &home);
    let (desk, owner) = (HomeDesk::of(home.path()), Person::owner("root"));
    let today = day_of(clock.wall());
    let request = desk.open_request(&owner, &Subject::Agent("anna".into()), today, clock.wall()).unwrap().request;
    let file = make_backup(&home, &elsewhere, &clock);
    clock.pass(Duration::from_secs(60));
    let call = keep(&catalog, &home);
    desk.exclude(&owner, &request, &id(&home, call), "another voice", clock.wall()).unwrap();
    assert!(catalog.close(LONG));
    for time in ["first", "second"] {
        put_back(&home, &file, Some(&nothing_in(&elsewhere)), &clock);
        let catalog = engine(&home, &clock);
        let of = recorded(call, &[Reason::OnDemand]);
        catalog.note(Note::Kept(Box::new(RecordingKept { of, has_keys: false, ..recording(call) })));
        assert!(catalog.flushed(LONG));
        assert!(catalog.close(LONG));
        let (recording, entry) = (id(&home, call), desk.request(&owner, &request).unwrap());
        let its = entry.recordings.iter().find(|one| one.recording == recording).unwrap();
        assert_eq!(its.state, crate::desk::CoveredState::Excluded, "after the {time} restore");
    }
}
