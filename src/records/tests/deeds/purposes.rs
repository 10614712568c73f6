//! Other purposes, teaching material, objections without a call, disclosure, and what existed then.

use super::*;
use crate::{
    desk::{
        Approved, Completion, Customers as _, Disclosure, Disclosures as _, EVALUATION, NewPurpose, OwnCalls as _,
        Proposals as _, Use, UseKind,
    },
    objections,
};

beside_each_home! {
    d18_another_purpose_needs_two_people_and_all_that_the_decision_rests_on,
    d8_who_pressed_is_not_judged_by_it_without_their_own_confirmation_in_their_own_session,
    d6_teaching_material_needs_the_agents_yes_and_a_second_listener,
    d19_a_disclosure_names_whom_on_which_ground_and_the_inventory_says_what_existed_and_whom_it_names,
}

fn claim() -> NewPurpose {
    NewPurpose {
        purpose: "insurance-claim".into(),
        reason: "claim 4711".into(),
        basis: "legitimate interest".into(),
        until: "the insurer has decided".into(),
        review_on: day_of(hour(24 * 60)),
        compatibility: None,
        informed_on: None,
    }
}

fn whole() -> Completion {
    Completion { compatibility: Some("the same matter".into()), informed_on: Some(day_of(hour(0))) }
}

#[track_caller]
fn conflict<T: std::fmt::Debug>(done: Result<T, NotDone>, why: &str) {
    let refused = done.expect_err("it is refused").to_string();
    assert!(refused.contains(why), "{refused}");
}

fn d18_another_purpose_needs_two_people_and_all_that_the_decision_rests_on() {
    let closed = Closed::with(1);
    let (desk, olga, tom, id) = (&closed.desk, olga(), tom(), closed.pressed.as_str());
    let late = NewPurpose { review_on: day_of(hour(24 * 91)), ..claim() };
    conflict(desk.propose_purpose(&tom, id, &late, hour(0)), "within 90 days");
    let proposal = desk.propose_purpose(&tom, id, &claim(), hour(0)).unwrap();
    assert!(matches!(desk.approve(&tom, &proposal, &whole(), hour(1)), Err(NotDone::NotAllowed(_))));
    conflict(desk.approve(&olga, &proposal, &Completion::default(), hour(1)), "--compatibility");
    let half = Completion { informed_on: None, ..whole() };
    conflict(desk.approve(&olga, &proposal, &half, hour(1)), "--informed");
    let early = Completion { informed_on: Some(day_of(hour(48))), ..whole() };
    conflict(desk.approve(&olga, &proposal, &early, hour(1)), "before it is approved");
    assert_eq!(desk.approve(&olga, &proposal, &whole(), hour(1)), Ok(Approved::Decided));
    conflict(desk.approve(&olga, &proposal, &whole(), hour(2)), "decided before");
    let day = day_of(hour(24 * 60)).to_string();
    assert!(closed.anchors(id).contains(&format!("other decided {day}")), "{:?}", closed.anchors(id));
    desk.end_purpose(&olga, &proposal, "paid", hour(3)).unwrap();
    assert!(closed.anchors(id).contains(&"other ended".to_owned()));

    // Whoever has both roles is one person; so is the owner, whoever they act for.
    let both = person("bo", &[DeskRole::CaseHandler, DeskRole::PrivacyOfficer], None);
    let own = desk.propose_purpose(&both, id, &claim(), hour(4)).unwrap();
    conflict(desk.approve(&both, &own, &whole(), hour(5)), "two people");
    let through = |who: &Person| Person { name: "root".into(), on_behalf_of: Some(who.name.clone()), ..who.clone() };
    let acted = desk.propose_purpose(&through(&tom), id, &claim(), hour(4)).unwrap();
    conflict(desk.approve(&through(&olga), &acted, &whole(), hour(5)), "two people");
    assert_eq!(desk.approve(&olga, &acted, &whole(), hour(5)), Ok(Approved::Decided));
    desk.refuse_proposal(&olga, &own, "the letter is enough", hour(6)).unwrap();
    let listed = desk.proposals(&tom).unwrap();
    assert_eq!(listed.iter().filter(|one| one.refused_at.is_some()).count(), 1);
    assert_eq!(closed.found(), []);
}

fn d8_who_pressed_is_not_judged_by_it_without_their_own_confirmation_in_their_own_session() {
    let closed = Closed::with(1);
    let (desk, olga, tom, id) = (&closed.desk, olga(), tom(), closed.pressed.as_str());
    let evaluation = NewPurpose { purpose: EVALUATION.into(), ..claim() };
    let proposal = desk.propose_purpose(&tom, id, &evaluation, hour(0)).unwrap();
    conflict(desk.approve(&olga, &proposal, &whole(), hour(1)), "in their own session");
    // Bert took part, and did not press.
    let bert = person("bert", &[DeskRole::Agent], Some("bert"));
    assert!(matches!(desk.approve(&bert, &proposal, &whole(), hour(1)), Err(NotDone::NotAllowed(_))));
    let for_anna = Person { name: "root".into(), on_behalf_of: Some("anna".into()), ..anna() };
    conflict(desk.approve(&for_anna, &proposal, &whole(), hour(1)), "nobody else for them");
    conflict(desk.refuse_proposal(&for_anna, &proposal, "no", hour(1)), "nobody else for them");
    // She is asked, and sees what she is asked; nobody else of the call is.
    let asked = |agent: &Person| {
        let mine = desk.all_mine(agent, agent.agent.as_deref().unwrap(), hour(-1), hour(1)).unwrap();
        mine.recordings.into_iter().flat_map(|own| own.asked).collect::<Vec<_>>()
    };
    assert_eq!(
        asked(&anna()).iter().map(|one| (&*one.proposal, one.is_open())).collect::<Vec<_>>(),
        [(&*proposal, true)]
    );
    assert_eq!(asked(&bert), []);
    assert_eq!(desk.approve(&anna(), &proposal, &whole(), hour(1)), Ok(Approved::Agreed));
    // Nor does she decide about herself, whatever else she is.
    let both = person("anna", &[DeskRole::Agent, DeskRole::PrivacyOfficer], Some("anna"));
    conflict(desk.approve(&both, &proposal, &whole(), hour(2)), "two people");
    assert_eq!(desk.approve(&olga, &proposal, &whole(), hour(2)), Ok(Approved::Decided));

    // Her no is the end of it, however the purpose is written.
    let evaluation = NewPurpose { purpose: " Evaluation".into(), ..claim() };
    let proposal = desk.propose_purpose(&tom, id, &evaluation, hour(3)).unwrap();
    desk.refuse_proposal(&anna(), &proposal, "rather not", hour(4)).unwrap();
    conflict(desk.approve(&olga, &proposal, &whole(), hour(5)), "decided before");
    assert_eq!(closed.found(), []);
}

fn d6_teaching_material_needs_the_agents_yes_and_a_second_listener() {
    let closed = Closed::with(2);
    let (desk, hanna, henk) = (&closed.desk, hanna(), person("henk", &[DeskRole::Reviewer], None));
    let id = closed.sampled.iter().find(|id| **id != closed.both()).unwrap().as_str();
    desk.review(&hanna, id, &moment("calm"), hour(0)).unwrap();
    let proposal = desk.propose_training(&hanna, id, "calms an angry caller", hour(1)).unwrap();
    let none = Completion::default();
    conflict(desk.approve(&henk, &proposal, &none, hour(2)), "its agent says yes first");
    assert_eq!(desk.approve(&anna(), id, &none, hour(2)), Ok(Approved::Agreed));
    conflict(desk.approve(&hanna, &proposal, &none, hour(3)), "two people");
    conflict(desk.approve(&henk, &proposal, &none, hour(3)), "second listener");
    let heard = Use { kind: UseKind::Play, why: "to listen".into(), of: None };
    desk.used(&henk, id, &heard, hour(4)).unwrap();
    assert_eq!(desk.approve(&henk, &proposal, &none, hour(5)), Ok(Approved::Decided));
    assert!(closed.anchors(id).iter().any(|anchor| anchor.starts_with("training promoted")));

    // The agent's no is enough.
    let both = closed.both();
    desk.review(&hanna, &both, &moment("calm"), hour(6)).unwrap();
    desk.propose_training(&hanna, &both, "calm", hour(6)).unwrap();
    desk.refuse_proposal(&anna(), &both, "rather not", hour(7)).unwrap();
    conflict(desk.approve(&henk, &both, &none, hour(8)), "decided before");
    // It was not its turn.
    assert!(closed.found().iter().all(|kind| *kind == FindingKind::HeardOutOfTurn));
}

#[test]
fn d7_an_objection_without_a_call_ends_coaching_and_teaching_and_is_remembered_without_the_number() {
    let closed = Closed::with(2);
    execute(&closed.home, "UPDATE recordings SET customer = '0201234567', customer_form = '+31201234567'");
    let desk = &closed.desk;
    let (customer, nl) = (Customer::from("020 123 4567"), Country::default());
    let objected = desk.customer_objects(&tom(), &customer, nl, hour(0)).unwrap();
    assert_eq!((objected.is_new, objected.ended), (true, 2), "the sampled ones");
    for id in &closed.sampled {
        assert!(closed.anchors(id).contains(&"quality objected".to_owned()));
    }
    assert!(closed.anchors(&closed.pressed).iter().all(|anchor| !anchor.contains("objected")), "an incident stays one");
    let again = desk.customer_objects(&tom(), &Customer::from("0031201234567"), nl, hour(1)).unwrap();
    assert!(!again.is_new, "another spelling of the same number");
    let remembered: String = one(&closed.home, "SELECT group_concat(customer_hash) FROM objections");
    assert!(!remembered.contains("201234567") && !remembered.contains(','), "{remembered}");
    let key = std::fs::metadata(objections::path(closed.home.path())).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&key) & 0o777, 0o600);
    assert_eq!(closed.deeds().iter().filter(|deed| deed["deed"] == "quality-ended").count(), 4, "two each time");

    // Anybody may say it for a customer; taking it back is the officer's.
    let council = person("cora", &[DeskRole::Council], None);
    assert!(desk.customer_objects(&council, &Customer::from("0301112223"), nl, hour(1)).unwrap().is_new);
    // An engine heeds it at the begin of a call, and forgets it once it is withdrawn.
    let catalog = open(&closed.home);
    let objects = |number: &str| catalog.objects(&Customer::from(number));
    wait_until(|| objects("+31 20 1234567"));
    assert!(!objects("0109876543"));
    assert!(matches!(desk.customer_withdraws(&tom(), &customer, nl, hour(2)), Err(NotDone::NotAllowed(_))));
    desk.customer_withdraws(&olga(), &customer, nl, hour(2)).unwrap();
    catalog.look();
    wait_until(|| !objects("+31 20 1234567"));
    conflict(desk.customer_withdraws(&olga(), &customer, nl, hour(3)), "no objection");
    assert!(catalog.close(LONG));
    assert_eq!(closed.found(), []);
}

#[test]
fn d7_a_sampled_call_of_somebody_who_objected_meanwhile_is_not_kept_for_coaching() {
    let closed = Closed::with(1);
    let customer = Customer::from("020 123 4567");
    closed.desk.customer_objects(&tom(), &customer, Country::default(), hour(0)).unwrap();
    let catalog = open(&closed.home);
    wait_until(|| catalog.objects(&customer));
    let call = begin(&catalog);
    catalog.note(ended(call, Outcome::Kept));
    let of = RecordedCall { customer: Some(customer), ..recorded(call, &[Reason::Sample]) };
    catalog.note(Note::Kept(Box::new(RecordingKept { of, ..recording(call) })));
    assert!(catalog.close(LONG));
    let kept = recordings(closed.home.path()).unwrap();
    let id = kept.iter().find(|one| one.call == call).and_then(|one| one.id.clone()).unwrap();
    assert_eq!(closed.anchors(&id), ["quality objected"]);
}

fn d19_a_disclosure_names_whom_on_which_ground_and_the_inventory_says_what_existed_and_whom_it_names() {
    let closed = Closed::with(2);
    execute(&closed.home, "UPDATE recordings SET customer = '0201234567' WHERE reasons = 'on-demand'");
    let (desk, olga, id) = (&closed.desk, olga(), closed.pressed.as_str());
    let how = Disclosure { to: "Police".into(), ground: "126nd Sv".into(), reference: "PL1300".into() };
    assert!(matches!(desk.disclose(&tom(), id, &how, hour(0)), Err(NotDone::NotAllowed(_))));
    let files = desk.disclose(&olga, id, &how, hour(0)).unwrap();
    assert!(files[0].to_string_lossy().contains("recordings/2026/"), "{files:?}");
    let uses = desk.story(&olga, id).unwrap().uses;
    assert_eq!((uses[0].kind, uses[0].why.as_str()), (UseKind::Disclose, "126nd Sv; PL1300"));
    let all = format!("{:?}", closed.deeds());
    assert!(all.contains("disclosed") && !all.contains("Police") && !all.contains("PL1300"), "{all}");

    let then = hour(1);
    assert!(matches!(desk.inventory(&tom(), then), Err(NotDone::NotAllowed(_))));
    let count = |at: Timestamp| {
        let found = desk.inventory(&olga, at).unwrap();
        (found.recordings.len(), found.named, found.no_longer_named, found.never_named)
    };
    assert_eq!(count(then), (3, 1, 0, 2));
    execute(
        &closed.home,
        "UPDATE recordings SET life = 'gone', life_at = '2026-12-01T00:00:00.000000Z', customer = NULL WHERE reasons = 'on-demand'",
    );
    assert_eq!(count(then), (3, 0, 1, 2), "it existed then, and nobody can say any more whose it was");
    assert_eq!(count("2026-12-02T00:00:00Z".parse().unwrap()), (2, 0, 0, 2));
    assert_eq!(count("2026-01-01T00:00:00Z".parse().unwrap()), (0, 0, 0, 0));
}
