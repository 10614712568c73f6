//! What people do with recordings: who may, what the ledger says of it, and that nothing happens half-way.

use crate::rows;
use retrocall_ledger::Evidence;

use super::{homes::beside_each_home, *};
use crate::desk::{
    Desk as _, DeskRole, Filter, NewHold, NotDone, Notes as _, Person, ReviewOutcome, Reviews as _, Use, UseKind,
};

beside_each_home! {
    each_role_is_shown_its_own_recordings_and_no_others_exist_for_it,
    d4_an_agent_is_told_the_next_morning_and_not_earlier_which_of_their_calls_were_drawn,
    a_hold_has_its_row_in_the_ledger_without_the_reason_and_one_that_is_refused_has_one_too,
    nothing_holds_back_what_is_being_deleted_and_who_listened_is_told,
    a_long_list_comes_in_pages_and_each_recording_once,
}

/// A home with two recordings: one sampled and pressed, one sampled alone.
fn with_two_recordings(home: &TempDir) -> [String; 2] {
    let catalog = Catalog::start(home.path(), today(), Country::default(), Limits { one_in: 1, ..limits() });
    catalog.opened(LONG).unwrap();
    wait_until(|| catalog.queue.reservation().is_none() && catalog.queue.given().is_some());
    for reasons in [&[Reason::OnDemand, Reason::Sample][..], &[Reason::Sample][..]] {
        let call = begin(&catalog);
        let Note::Ended(ended) = ended(call, Outcome::Kept) else { return Default::default() };
        catalog.note(Note::Ended(CallEnded { reasons: reasons.to_vec(), objected: false, ..ended }));
        let kept = RecordingKept { of: recorded(call, reasons), ..recording(call) };
        catalog.note(Note::Kept(Box::new(kept)));
    }
    assert!(catalog.close(LONG));
    homes::settle(home.path());
    let recordings = recordings(home.path()).unwrap();
    let with = |count: usize| recordings.iter().find(|one| one.reasons.len() == count).unwrap().id.clone().unwrap();
    [with(2), with(1)]
}

fn person(name: &str, roles: &[DeskRole], agent: Option<&str>) -> Person {
    let roles = roles.iter().copied().collect();
    Person { name: name.into(), on_behalf_of: None, roles, agent: agent.map(Into::into) }
}

fn new_hold() -> NewHold {
    let review_on = today() + jiff::ToSpan::days(90);
    NewHold { reason: "claim 4711".into(), owner: "olga".into(), until: "the court has decided".into(), review_on }
}

/// The day is over.
const PUBLISHED: &str = "UPDATE ledger_periods SET published_at = '2026-11-29T00:00:05.000000Z'";

fn deeds(home: &TempDir) -> Vec<serde_json::Value> {
    let rows: Vec<String> = outside(home, async |connection| {
        let select = "SELECT text FROM ledger_rows WHERE text LIKE '%\"kind\":\"deed\"%' ORDER BY segment, row";
        rows::query_scalar(select).fetch_all(connection).await.unwrap()
    });
    rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect()
}

fn each_role_is_shown_its_own_recordings_and_no_others_exist_for_it() {
    let home = TempDir::new().unwrap();
    let [both, sample] = with_two_recordings(&home);
    let desk = homes::desk(home.path());
    let seen = |who: &Person| {
        let page = desk.list(who, &Filter::default(), None).unwrap();
        let mut ids: Vec<_> = page.recordings.into_iter().map(|one| one.id).collect();
        ids.sort();
        ids
    };
    let all = {
        let mut all = vec![both.clone(), sample.clone()];
        all.sort();
        all
    };
    for (role, agent, expected) in [
        (DeskRole::PrivacyOfficer, None, all.clone()),
        (DeskRole::Reviewer, None, all.clone()),
        (DeskRole::CaseHandler, None, vec![both.clone()]),
        (DeskRole::Agent, Some("bert"), vec![both.clone()]),
        (DeskRole::Agent, Some("carla"), vec![]),
        (DeskRole::Agent, None, vec![]),
        (DeskRole::Administrator, None, vec![]),
        (DeskRole::Council, None, vec![]),
    ] {
        assert_eq!(seen(&person("somebody", &[role], agent)), expected, "{role:?} {agent:?}");
    }
    assert_eq!(seen(&Person::owner("root")), all);
    execute(&home, PUBLISHED);
    assert_eq!(seen(&person("bert", &[DeskRole::Agent], Some("bert"))), all, "the next morning");
    let council = person("council", &[DeskRole::Council], None);
    assert_eq!(desk.story(&council, &both), Err(NotDone::Unknown));
    // What an agent objected to is the officer's alone.
    execute(&home, "UPDATE recordings SET life = 'restricted'");
    assert_eq!(seen(&person("hanna", &[DeskRole::Reviewer], None)), Vec::<String>::new());
    assert_eq!(seen(&person("olga", &[DeskRole::PrivacyOfficer], None)), all);
}

fn d4_an_agent_is_told_the_next_morning_and_not_earlier_which_of_their_calls_were_drawn() {
    let home = TempDir::new().unwrap();
    let [both, sample] = with_two_recordings(&home);
    let (desk, bert) = (homes::desk(home.path()), person("bert", &[DeskRole::Agent], Some("bert")));
    let sampled = Filter { purpose: Some(PurposeKind::Quality), ..Filter::default() };
    let told = |of: &[PurposeKind]| {
        let story = desk.story(&bert, &both).unwrap().recording;
        assert_eq!(story.purposes, of);
        assert_eq!(story.reasons.contains(&Reason::Sample), of.contains(&PurposeKind::Quality));
        assert_eq!(desk.list(&bert, &Filter::default(), None).unwrap().recordings[0], story);
    };
    told(&[PurposeKind::Incident]);
    // A reviewer may hear it today, by its id.
    let (hanna, play) =
        (person("hanna", &[DeskRole::Reviewer], None), Use { kind: UseKind::Play, why: "review".into(), of: None });
    let note = ReviewOutcome::LearningMoment { note: "asks twice".into(), at_seconds: None };
    desk.used(&hanna, &both, &play, at(100)).unwrap();
    desk.review(&hanna, &both, &note, at(101)).unwrap();
    let heard = || (desk.story(&bert, &both).unwrap().uses.len(), desk.notes(&bert, &both).unwrap().len());
    assert_eq!(heard(), (0, 0));
    assert_eq!(desk.story(&bert, &sample), Err(NotDone::Unknown));
    assert_eq!(desk.list(&bert, &sampled, None).unwrap().recordings, [], "nor can it be asked for by its purpose");
    let handler = person("tom", &[DeskRole::CaseHandler], None);
    assert_eq!(desk.story(&handler, &both).unwrap().recording.purposes, [PurposeKind::Incident]);
    for role in [DeskRole::PrivacyOfficer, DeskRole::Reviewer] {
        assert_eq!(desk.list(&person("olga", &[role], None), &sampled, None).unwrap().recordings.len(), 2);
    }
    execute(&home, PUBLISHED);
    told(&[PurposeKind::Incident, PurposeKind::Quality]);
    assert_eq!(heard(), (1, 1));
    assert!(desk.story(&bert, &sample).is_ok());
    assert_eq!(desk.list(&bert, &sampled, None).unwrap().recordings.len(), 2);
}

fn a_hold_has_its_row_in_the_ledger_without_the_reason_and_one_that_is_refused_has_one_too() {
    let home = TempDir::new().unwrap();
    let [both, _] = with_two_recordings(&home);
    let (desk, owner) = (homes::desk(home.path()), Person::owner("root"));
    let hanna = person("hanna", &[DeskRole::Reviewer], None);
    let refused = desk.hold(&hanna, &both, &new_hold(), at(100));
    assert_eq!(refused, Err(NotDone::NotAllowed(&[DeskRole::PrivacyOfficer])));
    assert_eq!(desk.hold(&owner, "none", &new_hold(), at(100)), Err(NotDone::Unknown));
    let late = NewHold { review_on: today() + jiff::ToSpan::days(400), ..new_hold() };
    assert!(matches!(desk.hold(&owner, &both, &late, at(100)), Err(NotDone::Conflict(_))));
    let hold = desk.hold(&owner, &both, &new_hold(), at(101)).unwrap();
    assert_eq!(desk.holds(&owner).unwrap().iter().map(|held| &held.hold).collect::<Vec<_>>(), [&hold]);
    assert!(desk.story(&owner, &both).unwrap().recording.held);
    desk.release(&owner, &hold, "the claim was withdrawn", at(102)).unwrap();
    assert!(matches!(desk.release(&owner, &hold, "again", at(103)), Err(NotDone::Conflict(_))));
    assert_eq!(desk.holds(&owner), Ok(Vec::new()));

    let deeds = deeds(&home);
    let words: Vec<_> =
        deeds.iter().map(|deed| (deed["deed"].as_str().unwrap(), deed["result"].as_str().unwrap())).collect();
    let (set, released) = ("hold-set", "hold-released");
    assert_eq!(words, [(set, "refused"), (set, "refused"), (set, "done"), (released, "done"), (released, "refused")]);
    assert_eq!(deeds[2]["matter"], serde_json::json!(hold));
    let all = format!("{deeds:?}");
    assert!(!all.contains("4711") && !all.contains("root") && !all.contains("hanna"), "{all}");
    let report = crate::ledger::verify_at(&homes::address(home.path()), Evidence::default()).unwrap();
    assert!(report.is_sound(), "{report}");
}

fn nothing_holds_back_what_is_being_deleted_and_who_listened_is_told() {
    let home = TempDir::new().unwrap();
    let [both, sample] = with_two_recordings(&home);
    let desk = homes::desk(home.path());
    let hanna = person("hanna", &[DeskRole::Reviewer], None);
    let play = Use { kind: UseKind::Play, why: "review".into(), of: None };
    desk.used(&hanna, &sample, &play, at(100)).unwrap();
    let export = Use { kind: UseKind::Export, ..play.clone() };
    assert!(matches!(desk.used(&hanna, &sample, &export, at(101)), Err(NotDone::NotAllowed(_))));
    execute(&home, PUBLISHED);
    let bert = person("bert", &[DeskRole::Agent], Some("bert"));
    let story = desk.story(&bert, &sample).unwrap();
    assert_eq!(story.uses.iter().map(|used| (&*used.by, used.kind)).collect::<Vec<_>>(), [("hanna", UseKind::Play)]);

    execute(&home, "UPDATE recordings SET life = 'deleting'");
    let owner = Person::owner("root");
    assert_eq!(desk.hold(&owner, &both, &new_hold(), at(102)), Err(NotDone::TooLate));
    assert_eq!(desk.used(&owner, &both, &play, at(103)), Err(NotDone::TooLate));
    assert_eq!(desk.used(&hanna, &both, &play, at(104)), Err(NotDone::Unknown));
    assert_eq!(desk.holds(&owner), Ok(Vec::new()));
}

fn a_long_list_comes_in_pages_and_each_recording_once() {
    let home = TempDir::new().unwrap();
    let catalog = open(&home);
    for second in 0..250 {
        let call = CallId::new();
        let call_then = Call { began_at: at(second / 2), ..call_of_anna(call) };
        let label = Label { call: call_then, reasons: vec![Reason::Sample], place: None };
        let of = RecordedCall { label, customer: None };
        catalog.note(Note::Kept(Box::new(RecordingKept { of, ..recording(call) })));
    }
    assert!(catalog.close(LONG));
    homes::settle(home.path());
    let (desk, owner) = (homes::desk(home.path()), Person::owner("root"));
    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = desk.list(&owner, &Filter::default(), after.as_ref()).unwrap();
        seen.extend(page.recordings.into_iter().map(|one| (one.start, one.id)));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), pages), (250, 3));
    assert!(seen.is_sorted() && seen.windows(2).all(|two| two[0] != two[1]));
    let filter = Filter { from: Some(at(10)), before: Some(at(20)), agent: Some("bert".into()), purpose: None };
    assert_eq!(desk.list(&owner, &filter, None).unwrap().recordings.len(), 20);
    let nobody = Filter { agent: Some("nobody".into()), ..Filter::default() };
    assert_eq!(desk.list(&owner, &nobody, None).unwrap().recordings, []);
}
