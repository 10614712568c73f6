//! The queue of the sample as a whole, what agents see of themselves, and what the officer is told of each month.

use jiff::Timestamp;
use retrocall_ledger::DeedKind;
use retrocall_words::{
    Practice,
    retention::{Calendar, Periods},
};

use super::*;
use crate::{
    PurposeKind,
    backup::{Beside, backup, restore},
    desk::{OwnCalls as _, Queue as _, UnusualDeeds as _, UnusualKind, Use, UseKind, Versions as _},
};

beside_each_home! {
    d1_what_lies_beyond_two_weeks_of_hearing_is_let_go_of_and_the_queue_says_so_ahead,
    d1_one_that_was_passed_over_is_not_let_go_of_and_the_others_keep_their_order,
    d2_a_sampled_call_whose_days_are_over_is_not_heard_though_its_case_keeps_it,
    d2_calls_whose_days_are_over_leave_the_queue_once_and_the_ledger_says_so,
    d6_a_learning_moment_whose_time_is_over_does_not_become_teaching_material,
    d4_an_agent_sees_from_the_next_morning_on_what_is_in_the_sample_who_listened_and_what_was_noted,
    d4_an_agent_who_objects_still_sees_the_recording,
    d13_the_officer_is_told_of_replays_and_figures_when_the_month_is_over_and_the_agent_before,
    d20_versions_say_what_else_the_desk_did,
}

fn d1_what_lies_beyond_two_weeks_of_hearing_is_let_go_of_and_the_queue_says_so_ahead() {
    let closed = Closed::with(6);
    let desk = &closed.desk;
    let ahead = desk.queue(&hanna(), Some(1), hour(1)).unwrap();
    assert_eq!((ahead.waiting, ahead.fit, ahead.beyond), (6, 1, 4));
    assert_eq!(ahead.rest_from, Some(at(90)), "the second one fits next week");
    assert_eq!(desk.let_go(None, hour(1)), Ok(vec![]), "without a number nothing goes before its time");
    assert_eq!(desk.let_go(Some(3), hour(1)), Ok(vec![]));

    let gone = desk.let_go(Some(1), hour(1)).unwrap();
    let highest_first: Vec<String> = closed.sampled[2..].iter().rev().cloned().collect();
    assert_eq!(gone, highest_first);
    assert_eq!(desk.let_go(Some(1), hour(2)), Ok(vec![]));
    assert!(gone.iter().all(|recording| closed.anchors(recording).contains(&"quality unheard".to_owned())));
    let left = desk.queue(&hanna(), Some(1), hour(1)).unwrap();
    assert_eq!((left.waiting, left.fit, left.beyond), (2, 1, 0));
    assert_eq!(closed.found(), [], "the ledger's verifier comes to the same order");
    assert_eq!(
        desk.queue(&tom(), None, hour(1)),
        Err(NotDone::NotAllowed(&[DeskRole::Reviewer, DeskRole::PrivacyOfficer]))
    );
}

#[test]
fn what_was_let_go_of_after_a_backup_is_in_nobodys_turn_once_that_is_restored() {
    let (closed, elsewhere) = (Closed::with(6), TempDir::new().unwrap());
    let [file, nothing] = ["backup.sqlite", "nothing"].map(|name| elsewhere.path().join(name));
    backup(closed.home.path(), &file, hour(1)).unwrap();
    let gone = closed.desk.let_go(Some(1), hour(2)).unwrap();
    assert_eq!(gone.len(), 4);

    fs::write(&nothing, "").unwrap();
    let beside = Beside { tombstones: Some(&nothing), holds: None };
    let restored = restore(closed.home.path(), &file, beside, "root", hour(3)).unwrap();
    assert!(restored.open && restored.held.is_empty(), "{restored:?}");
    assert!(restored.redone.iter().all(|redone| redone.deed == DeedKind::LetGo), "{restored:?}");
    assert_eq!(restored.redone.len(), 4);
    assert!(gone.iter().all(|recording| closed.anchors(recording).contains(&"quality unheard".to_owned())));
}

fn d1_one_that_was_passed_over_is_not_let_go_of_and_the_others_keep_their_order() {
    let closed = Closed::with(6);
    closed.desk.next(&hanna(), Some(SkipReason::TooClose), hour(0)).unwrap();
    let gone = closed.desk.let_go(Some(1), hour(1)).unwrap();
    assert_eq!(gone, [5, 4, 3].map(|place: usize| closed.sampled[place].clone()));
    assert_eq!(closed.found(), []);
}

fn d2_a_sampled_call_whose_days_are_over_is_not_heard_though_its_case_keeps_it() {
    let closed = Closed::with(2);
    let (desk, both) = (&closed.desk, closed.both());
    desk.open_case(&tom(), &both, hour(0)).unwrap();
    let hanna = hanna();
    assert_eq!(desk.queue(&hanna, None, hour(1)).unwrap().waiting, 2);
    let open = desk.next(&hanna, None, hour(1)).unwrap().unwrap();
    assert_eq!(open.waiting, 1);
    // 14 days after the calls both are over; the sweep leaves the one that has a case.
    let late = 24 * 14;
    assert_eq!(desk.next(&hanna, None, hour(late)), Ok(None), "nor does the one come again that is open");
    assert_eq!(desk.next(&hanna, Some(SkipReason::Language), hour(late)), Ok(None), "there is nothing to pass over");
    assert_eq!(desk.queue(&hanna, None, hour(late)).unwrap().waiting, 0);
    assert_eq!(desk.let_go(Some(0), hour(late)), Ok(vec![]));
    for outcome in [ReviewOutcome::NoFinding, moment("asks twice")] {
        assert!(matches!(desk.review(&hanna, &both, &outcome, hour(late)), Err(NotDone::Conflict(_))));
    }
    let claimed = desk.review(&anna(), &both, &ReviewOutcome::PrivateCall, hour(late));
    assert!(matches!(claimed, Err(NotDone::Conflict(_))), "{claimed:?}");
    assert!(closed.words().iter().filter(|word| word.ends_with("refused")).count() == 3);
    assert_eq!(closed.found(), []);
}

fn d2_calls_whose_days_are_over_leave_the_queue_once_and_the_ledger_says_so() {
    let closed = Closed::with(3);
    closed.desk.open_case(&tom(), &closed.both(), hour(0)).unwrap();
    let ended = || closed.deeds().iter().filter(|deed| deed["deed"] == "quality-ended").count();
    assert_eq!((closed.desk.let_go(None, hour(1)), ended()), (Ok(vec![]), 0));
    // One that its case keeps would be the first of the verifier's queue for ever, and everybody out of turn.
    for _ in 0..2 {
        assert_eq!(closed.desk.let_go(None, hour(24 * 14)), Ok(vec![]));
        assert_eq!(closed.desk.next(&hanna(), None, hour(24 * 14)), Ok(None));
        assert_eq!(ended(), 3);
    }
    assert_eq!(closed.found(), []);
}

fn d6_a_learning_moment_whose_time_is_over_does_not_become_teaching_material() {
    let closed = Closed::with(1);
    let (desk, both) = (&closed.desk, closed.both());
    desk.open_case(&tom(), &both, hour(0)).unwrap();
    desk.review(&hanna(), &both, &moment("stays calm"), hour(1)).unwrap();
    desk.agent_left(&hanna(), "anna", hour(2)).unwrap();
    assert!(matches!(desk.propose_training(&hanna(), &both, "calm", hour(3)), Err(NotDone::Conflict(_))));
}

fn d4_an_agent_sees_from_the_next_morning_on_what_is_in_the_sample_who_listened_and_what_was_noted() {
    let closed = Closed::with(2);
    let (desk, anna) = (&closed.desk, anna());
    let today = desk.all_mine(&anna, "anna", Timestamp::MIN, hour(0)).unwrap();
    let ids: Vec<&String> = today.recordings.iter().map(|own| &own.recording.id).collect();
    assert!(ids.contains(&&closed.pressed) && ids.contains(&&closed.both()) && ids.len() == 2, "{today:?}");
    let says_sample =
        today.recordings.iter().any(|own| own.in_sample || own.recording.reasons.contains(&Reason::Sample));
    assert!(!says_sample, "the draw of a day is told when it is over");

    let heard = Use { kind: UseKind::Play, why: "to listen".into(), of: None };
    desk.used(&hanna(), &closed.sampled[0], &heard, hour(0)).unwrap();
    desk.review(&hanna(), &closed.sampled[0], &moment("asks twice"), hour(1)).unwrap();
    let mine = desk.all_mine(&anna, "anna", hour(0), hour(2)).unwrap();
    assert_eq!(mine.recordings.iter().filter(|own| own.in_sample).count(), 2);
    let own = mine.recordings.iter().find(|own| own.recording.id == closed.sampled[0]).unwrap();
    assert_eq!((&*own.uses[0].by, &*own.notes[0].text), ("hanna", "asks twice"));
    assert!(own.recording.purposes.contains(&PurposeKind::Quality));
    assert_eq!((mine.heard.heard, mine.heard.too_few), (1, true));
    assert!(mine.heard.of >= 4, "{:?}", mine.heard);

    // Whoever took part sees it too; nobody sees what is known of somebody else.
    let bert = person("bert", &[DeskRole::Agent], Some("bert"));
    assert_eq!(desk.all_mine(&bert, "bert", hour(0), hour(2)).unwrap().recordings.len(), 3);
    assert!(matches!(desk.all_mine(&bert, "anna", hour(0), hour(2)), Err(NotDone::NotAllowed(_))));
    assert!(matches!(desk.all_mine(&hanna(), "anna", hour(0), hour(2)), Err(NotDone::NotAllowed(_))));
    assert!(desk.all_mine(&olga(), "anna", hour(0), hour(2)).is_ok());
}

fn d4_an_agent_who_objects_still_sees_the_recording() {
    let closed = Closed::with(1);
    let (desk, anna, id) = (&closed.desk, anna(), &closed.sampled[0]);
    desk.review(&hanna(), id, &moment("asks twice"), hour(1)).unwrap();
    desk.reply(&anna, id, ReplyKind::Objection, "not my voice", hour(2)).unwrap();
    let mine = desk.all_mine(&anna, "anna", hour(0), hour(3)).unwrap();
    let own = mine.recordings.iter().find(|own| own.recording.id == *id).unwrap();
    assert_eq!((own.recording.life.as_str(), own.notes[0].replies.len()), ("restricted", 1));
}

fn d13_the_officer_is_told_of_replays_and_figures_when_the_month_is_over_and_the_agent_before() {
    let closed = Closed::with(2);
    let (desk, recording) = (&closed.desk, &closed.sampled[0]);
    let november = "2026-11".parse().unwrap();
    let heard = Use { kind: UseKind::Play, why: "to listen".into(), of: None };
    desk.used(&hanna(), recording, &heard, hour(0)).unwrap();
    desk.review(&hanna(), recording, &moment("asks twice"), hour(1)).unwrap();
    desk.used(&hanna(), recording, &heard, hour(2)).unwrap();
    assert!(matches!(desk.unusual(&olga(), november, hour(3)), Err(NotDone::Conflict(_))), "agents are told first");
    assert!(matches!(desk.unusual(&hanna(), november, hour(48)), Err(NotDone::NotAllowed(_))));
    let own = desk.all_mine(&anna(), "anna", hour(0), hour(3)).unwrap().unusual;
    assert_eq!(own.iter().map(|one| one.kind).collect::<Vec<_>>(), [UnusualKind::Pressed]);

    let told = desk.unusual(&olga(), november, hour(48)).unwrap();
    assert_eq!(told[0], own[0]);
    assert_eq!((told[1].kind, told[1].count), (UnusualKind::ReplayAfterOutcome, 1));
    assert_eq!((told[1].person.as_deref(), told[1].recording.as_ref()), (Some("hanna"), Some(recording)));
    assert_eq!(told.len(), 2);
}

fn d20_versions_say_what_else_the_desk_did() {
    let closed = Closed::with(1);
    let desk = &closed.desk;
    let practice = |one_in| Practice { one_in, ..Practice::default() };
    desk.take_up(&practice(10), hour(0)).unwrap();
    assert_eq!(desk.versions(), Ok(vec![]), "the sweep writes the first one");
    let mut store = homes::store(closed.home.path());
    store.follow(Periods::default(), &Calendar::default(), hour(0)).unwrap();
    for (one_in, at) in [(10, 1), (10, 2), (20, 3)] {
        desk.take_up(&practice(one_in), hour(at)).unwrap();
    }
    let versions = desk.versions().unwrap();
    let said: Vec<_> = versions.iter().map(|one| (one.number, one.version.from, one.practice.clone())).collect();
    assert_eq!(said, [(1, hour(0), Some(practice(10))), (2, hour(3), Some(practice(20)))]);
    store.follow(Periods::default(), &Calendar::default(), hour(4)).unwrap();
    assert_eq!(store.policy().versions().len(), 2, "the periods are those of the last one");
    assert_eq!(closed.found(), []);
}
