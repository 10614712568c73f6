//! "My calls": what an agent sees of their own, and nobody else's.

use axum::http::StatusCode;
use jiff::Timestamp;
use retrocall_records::desk::{
    Completion, Desk as _, DeskRole, NewPurpose, Notes as _, Person, ProposalEntry, Proposals as _, ReplyKind,
    ReviewOutcome, Reviews as _, Use, UseKind,
};
use retrocall_words::{Clock as _, book::day_of};

use super::*;

fn hanna() -> Person {
    Person { roles: [DeskRole::Reviewer].into(), ..Person::owner("hanna") }
}

/// A learning moment about a sampled call. Its recording and its note.
fn noted(home: &Home) -> (String, String) {
    let (recording, now) = (home.sampled(), home.clock.wall());
    let heard = Use { kind: UseKind::Play, why: "to listen".into(), of: None };
    home.desk.used(&hanna(), &recording, &heard, now).expect("noted");
    let outcome = ReviewOutcome::LearningMoment { note: "Asks <b>twice</b>".into(), at_seconds: Some(62.0) };
    let note = home.desk.review(&hanna(), &recording, &outcome, now).expect("reviewed").note.expect("a note");
    (recording, note)
}

#[test]
fn d4_an_agent_sees_what_is_kept_why_until_when_who_listened_and_what_was_noted_and_answers() {
    let home = Home::new();
    let (recording, note) = noted(&home);
    let mut anna = Browser::of(&home, "anna");
    assert_eq!(anna.get("/").header("location"), "/mine");
    let page = anna.get("/mine").text();
    for text in [
        "Coaching sample",
        "Incident",
        "Deleted on 12 Dec 2026",
        "nobody has listened and decided yet.",
        "a press waits for a case.",
        "Somebody listened once",
        "hanna",
        "Asks &lt;b&gt;twice&lt;/b&gt;",
        "at 1:02",
        "too few to judge by",
        "How long do you keep this?",
    ] {
        assert!(page.contains(text), "{text} is missing: {page}");
    }
    assert_eq!(page.matches("<article").count(), 4);
    assert_eq!(
        anna.post("/mine/reply", &[("note", &note), ("kind", "reply"), ("text", "The line was bad")])
            .header("location"),
        "/mine"
    );
    assert!(anna.get("/mine").text().contains("The line was bad"));
    anna.post("/mine/reply", &[("note", &note), ("kind", "objection"), ("text", "Not my voice")]);
    let page = anna.get("/mine").text();
    assert!(
        page.contains("Objection")
            && page.contains("Not my voice")
            && page.contains("an objection to its note is to be decided."),
        "{page}"
    );
    let replies = home.desk.notes(&Home::owner(), &recording).expect("notes")[0].replies.clone();
    assert_eq!(replies.iter().map(|reply| reply.kind).collect::<Vec<_>>(), [ReplyKind::Reply, ReplyKind::Objection]);
    assert_eq!(
        anna.post("/mine/reply", &[("note", &note), ("kind", "reply")]).status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[test]
fn nobody_answers_a_note_about_somebody_elses_call() {
    let home = Home::new();
    let (recording, note) = noted(&home);
    let mut carla = Browser::of(&home, "carla");
    let page = carla.get("/mine").text();
    assert!(page.contains("Nothing is kept of your calls.") && !page.contains(&recording), "{page}");
    let fields = [("note", &*note), ("kind", "objection"), ("text", "me too")];
    assert_eq!(carla.post("/mine/reply", &fields).status, StatusCode::NOT_FOUND);
    assert_eq!(carla.post("/mine/private", &[("recording", &recording)]).status, StatusCode::NOT_FOUND);
    assert!(home.desk.notes(&Home::owner(), &recording).expect("notes")[0].replies.is_empty());
}

#[test]
fn d5_an_agent_says_that_a_call_was_private_before_anybody_has_reviewed_it() {
    let home = Home::new();
    let recording = home.sampled();
    let mut anna = Browser::of(&home, "anna");
    assert_eq!(anna.get("/mine").text().matches("Delete it as private").count(), 3);
    assert_eq!(anna.post("/mine/private", &[("recording", &recording)]).header("location"), "/mine");
    let page = anna.get("/mine").text();
    assert!(page.contains("it was a private call.") && page.matches("Delete it as private").count() == 2, "{page}");
    let (_, note) = noted(&Home::new());
    assert_eq!(
        anna.post("/mine/reply", &[("note", &note), ("kind", "reply"), ("text", "what?")]).status,
        StatusCode::NOT_FOUND
    );
}

#[test]
fn the_card_says_how_long_what_is_kept_by_the_policy_as_it_is_in_both_languages() {
    let home = Home::new();
    let mut anna = Browser::of(&home, "anna");
    let page = anna.get("/mine").text();
    assert!(page.contains("14 days") && page.contains("7 working days"), "{page}");
    anna.post("/language", &[("language", "nl"), ("to", "/mine")]);
    let page = anna.get("/mine").text();
    assert!(
        page.contains("Hoe lang bewaren jullie dit?") && page.contains("7 werkdagen") && page.contains("28 nov 2026"),
        "{page}"
    );
}

/// A proposal to judge anna by a call in which she pressed.
fn evaluation(home: &Home) -> NewPurpose {
    let in_60_days: Timestamp = home.clock.wall() + jiff::SignedDuration::from_hours(24 * 60);
    NewPurpose {
        purpose: "evaluation".into(),
        reason: "She <stayed> calm".into(),
        basis: "legitimate interest".into(),
        until: "The evaluation is held".into(),
        review_on: day_of(in_60_days),
        compatibility: Some("the same matter".into()),
        informed_on: Some(day_of(home.clock.wall())),
    }
}

fn proposal(home: &Home, id: &str) -> ProposalEntry {
    let all = home.desk.proposals(&Home::owner()).expect("proposals");
    all.into_iter().find(|one| one.proposal == id).expect("it is listed")
}

#[test]
fn d8_who_pressed_is_asked_on_their_page_and_their_yes_or_no_counts_there_alone() {
    let home = Home::new();
    let tom = Person { roles: [DeskRole::CaseHandler].into(), ..Person::owner("tom") };
    let olga = Person { roles: [DeskRole::PrivacyOfficer].into(), ..Person::owner("olga") };
    let propose =
        || home.desk.propose_purpose(&tom, &home.pressed(), &evaluation(&home), home.clock.wall()).expect("proposed");
    let id = propose();
    let mut anna = Browser::of(&home, "anna");
    let page = anna.get("/mine").text();
    for text in
        ["May this call be used for your evaluation?", "Asked by tom", "She &lt;stayed&gt; calm", "Yes, it may be used"]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
    let mut carla = Browser::of(&home, "carla");
    assert!(!carla.get("/mine").text().contains("evaluation?"));
    assert_eq!(carla.post("/mine/answer", &[("proposal", &id), ("answer", "yes")]).status, StatusCode::NOT_FOUND);
    // A token is handed out by whoever administers: no program confirms for her.
    let mut program = Browser::new(&home);
    program.show_token(&home, "anna");
    assert_ne!(program.post("/mine/answer", &[("proposal", &id), ("answer", "yes")]).status, StatusCode::SEE_OTHER);
    assert_eq!(proposal(&home, &id).awaits, ["anna"]);
    let none = anna.post("/mine/answer", &[("proposal", &id), ("answer", "perhaps")]);
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);

    assert_eq!(anna.post("/mine/answer", &[("proposal", &id), ("answer", "yes")]).header("location"), "/mine");
    assert_eq!((proposal(&home, &id).agreed_by, proposal(&home, &id).awaits), (vec!["anna".to_owned()], vec![]));
    let page = anna.get("/mine").text();
    assert!(
        page.contains("You said yes. Somebody else decides now.") && !page.contains("Yes, it may be used"),
        "{page}"
    );
    home.desk.approve(&olga, &id, &Completion::default(), home.clock.wall()).expect("approved");

    let id = propose();
    anna.post("/language", &[("language", "nl"), ("to", "/mine")]);
    assert!(anna.get("/mine").text().contains("Mag dit gesprek gebruikt worden voor uw beoordeling?"));
    assert_eq!(anna.post("/mine/answer", &[("proposal", &id), ("answer", "no")]).header("location"), "/mine");
    assert!(proposal(&home, &id).refused_at.is_some());
    assert!(home.desk.approve(&olga, &id, &Completion::default(), home.clock.wall()).is_err());
}
