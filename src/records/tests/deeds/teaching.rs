//! Teaching material once it is approved: who may hear it, and who may not (D6).

use super::*;
use crate::desk::{Approved, Completion, Filter, Listening as _, Proposals as _, Teaching as _, Use, UseKind};

beside_each_home! {
    d6_teaching_material_is_played_by_the_trainees_who_are_named_and_learns_them_nothing_else,
    d6_after_its_time_in_the_sample_nobody_plays_it_as_a_reviewer,
    d6_a_trainee_hears_it_no_longer_once_its_review_is_due_or_their_account_is_another,
}

fn to_listen() -> Use {
    Use { kind: UseKind::Play, why: "to learn".into(), of: None }
}

fn tim() -> Person {
    person("tim", &[DeskRole::Agent], Some("tim"))
}

/// A home with teaching material, approved at hour 5, and the accounts tim and hanna. Its recording.
fn taught() -> (Closed, String) {
    let closed = Closed::with(2);
    let (desk, henk, owner) = (&closed.desk, person("henk", &[DeskRole::Reviewer], None), Person::owner("root"));
    let id = closed.sampled.iter().find(|id| **id != closed.both()).unwrap().clone();
    let account = |name: &str, role, agent: Option<&str>| User {
        name: name.into(),
        roles: [role].into(),
        agent: agent.map(Into::into),
        since: hour(0),
    };
    desk.add_user(&owner, &account("tim", DeskRole::Agent, Some("tim"))).unwrap();
    desk.add_user(&owner, &account("hanna", DeskRole::Reviewer, None)).unwrap();
    desk.review(&hanna(), &id, &moment("calm"), hour(0)).unwrap();
    desk.propose_training(&hanna(), &id, "calms an angry caller", hour(1)).unwrap();
    let early = desk.name_trainee(&hanna(), &id, "tim", hour(1)).unwrap_err().to_string();
    assert!(early.contains("no teaching material yet"), "{early}");
    desk.approve(&anna(), &id, &Completion::default(), hour(2)).unwrap();
    desk.used(&henk, &id, &to_listen(), hour(3)).unwrap();
    assert_eq!(desk.approve(&henk, &id, &Completion::default(), hour(5)), Ok(Approved::Decided));
    (closed, id)
}

fn d6_teaching_material_is_played_by_the_trainees_who_are_named_and_learns_them_nothing_else() {
    let (closed, id) = taught();
    let desk = &closed.desk;
    let plays = |who: &Person| desk.used(who, &id, &to_listen(), hour(6));
    assert_eq!(plays(&tim()), Err(NotDone::Unknown));
    assert!(matches!(desk.name_trainee(&anna(), &id, "tim", hour(6)), Err(NotDone::NotAllowed(_))));
    assert!(matches!(desk.name_trainee(&hanna(), &id, "nobody", hour(6)), Err(NotDone::Absent(_))));
    desk.name_trainee(&hanna(), &id, "tim", hour(6)).unwrap();
    assert!(matches!(desk.name_trainee(&hanna(), &id, "tim", hour(6)), Err(NotDone::Conflict(_))));
    assert_eq!(plays(&tim()), Ok(()));
    assert!(desk.sound(&tim(), &id, hour(6)).is_ok());
    assert_eq!(plays(&person("carla", &[DeskRole::Agent], Some("carla"))), Err(NotDone::Unknown));
    let uses = desk.story(&olga(), &id).unwrap().uses;
    assert!(uses.iter().any(|used| used.by == "tim" && used.kind == UseKind::Play), "{uses:?}");

    // Neither its story, nor its notes, nor a copy.
    assert_eq!(desk.story(&tim(), &id), Err(NotDone::Unknown));
    assert_eq!(desk.notes(&tim(), &id), Err(NotDone::Unknown));
    assert_eq!(desk.list(&tim(), &Filter::default(), None).unwrap().recordings, []);
    let export = Use { kind: UseKind::Export, ..to_listen() };
    assert_eq!(desk.used(&tim(), &id, &export, hour(6)), Err(NotDone::Unknown));
    let told = desk.material(&tim(), hour(6)).unwrap();
    assert_eq!((told.len(), &told[0].recording, told[0].trainees.len()), (1, &id, 0), "nor who else learns by it");
    assert_eq!(desk.material(&hanna(), hour(6)).unwrap()[0].trainees, ["tim"]);
    assert_eq!(desk.material(&anna(), hour(6)), Ok(vec![]));

    desk.withdraw_trainee(&olga(), &id, "tim", hour(7)).unwrap();
    assert!(matches!(desk.withdraw_trainee(&olga(), &id, "tim", hour(7)), Err(NotDone::Conflict(_))));
    assert_eq!(plays(&tim()), Err(NotDone::Unknown));
    let words = closed.words();
    for done in ["trainee-named done", "trainee-named refused", "trainee-withdrawn done"] {
        assert!(words.iter().any(|word| word == done), "{done}: {words:?}");
    }
    assert!(closed.found().iter().all(|kind| *kind == FindingKind::HeardOutOfTurn));
}

fn d6_after_its_time_in_the_sample_nobody_plays_it_as_a_reviewer() {
    let (closed, id) = taught();
    let desk = &closed.desk;
    desk.evaluated(&hanna(), "anna", hour(6)).unwrap();
    assert_eq!(desk.used(&hanna(), &id, &to_listen(), hour(7)), Ok(()), "the agent may still dispute it");
    let later = hour(24 * 15 + 7);
    let refused = desk.used(&hanna(), &id, &to_listen(), later).unwrap_err().to_string();
    assert!(refused.contains("named trainees alone"), "{refused}");
    assert!(desk.sound(&hanna(), &id, later).is_err());
    assert_eq!(desk.used(&olga(), &id, &to_listen(), later), Ok(()));
    assert_eq!(desk.used(&anna(), &id, &to_listen(), later), Ok(()), "her own call");
    desk.name_trainee(&olga(), &id, "hanna", later).unwrap();
    assert_eq!(desk.used(&hanna(), &id, &to_listen(), later), Ok(()));
}

fn d6_a_trainee_hears_it_no_longer_once_its_review_is_due_or_their_account_is_another() {
    let (closed, id) = taught();
    let (desk, owner) = (&closed.desk, Person::owner("root"));
    desk.name_trainee(&hanna(), &id, "tim", hour(6)).unwrap();
    // Whoever has the name afterwards is another person.
    desk.remove_user(&owner, "tim", hour(7)).unwrap();
    let again = User { name: "tim".into(), roles: [DeskRole::Agent].into(), agent: Some("tim".into()), since: hour(8) };
    desk.add_user(&owner, &again).unwrap();
    assert_eq!(desk.used(&tim(), &id, &to_listen(), hour(9)), Err(NotDone::Unknown));
    desk.name_trainee(&hanna(), &id, "tim", hour(9)).unwrap();
    let for_tim = Person { name: "root".into(), on_behalf_of: Some("tim".into()), ..tim() };
    assert_eq!(desk.used(&for_tim, &id, &to_listen(), hour(9)), Ok(()));
    let years = hour(24 * 800);
    assert_eq!(desk.used(&tim(), &id, &to_listen(), years), Err(NotDone::Unknown), "a hold may keep it still");
    assert_eq!(desk.material(&tim(), years), Ok(vec![]));
}
