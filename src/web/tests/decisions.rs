//! "Decisions" and "Teaching material": two people decide, and named trainees hear what became of it.

use axum::http::StatusCode;
use jiff::SignedDuration;
use retrocall_records::desk::{
    Desk as _, DeskRole, NewPurpose, Person, Proposals as _, ReviewOutcome, Reviews as _, UseKind,
};
use retrocall_words::{Clock as _, book::day_of};

use super::*;

fn of(name: &str, role: DeskRole) -> Person {
    Person { roles: [role].into(), ..Person::owner(name) }
}

#[test]
fn d18_what_one_proposes_another_approves_on_the_page_in_their_own_session() {
    let home = Home::new();
    let now = home.clock.wall();
    let claim = NewPurpose {
        purpose: "insurance-claim".into(),
        reason: "Claim <4711>".into(),
        basis: "legitimate interest".into(),
        until: "The insurer has decided".into(),
        review_on: day_of(now + SignedDuration::from_hours(24 * 60)),
        compatibility: None,
        informed_on: None,
    };
    // The owner proposed it for tom: whoever they act for, they are one person, and olga is another.
    let tom = Person { on_behalf_of: Some("tom".into()), ..of("root", DeskRole::CaseHandler) };
    let id = home.desk.propose_purpose(&tom, &home.pressed(), &claim, now).expect("proposed");
    let for_olga = Person { on_behalf_of: Some("olga".into()), ..of("root", DeskRole::PrivacyOfficer) };
    let refused = home.desk.approve(&for_olga, &id, &Default::default(), now).expect_err("one person").to_string();
    assert!(refused.contains("on the page \"Decisions\""), "{refused}");
    assert!(Browser::of(&home, "tom").get("/decisions").text().contains("somebody else decides."));
    let mut olga = Browser::of(&home, "olga");
    let page = olga.get("/decisions").text();
    assert!(page.contains("Claim &lt;4711&gt;") && page.contains("Proposed by tom"), "{page}");
    let half = [("proposal", &*id), ("compatibility", "The same matter")];
    assert_eq!(olga.post("/decisions/approve", &half).status, StatusCode::CONFLICT, "was the customer informed?");
    let whole = [("proposal", &*id), ("compatibility", "The same matter"), ("informed", "2026-11-29")];
    assert_eq!(olga.post("/decisions/approve", &whole).header("location"), "/decisions");
    assert!(home.desk.proposals(&Home::owner()).expect("proposals")[0].approved_by.as_deref() == Some("olga"));
    assert!(olga.get("/decisions").text().contains("Nothing waits for a decision."));
    let again = [("proposal", &*id), ("why", "No")];
    assert_eq!(olga.post("/decisions/refuse", &again).status, StatusCode::CONFLICT, "it is decided");
}

#[test]
fn d18_another_purpose_is_asked_for_where_the_recording_is_shown_and_ended_where_it_was_decided() {
    let home = Home::new();
    let (recording, today) = (home.pressed(), day_of(home.clock.wall()));
    let review = (today + jiff::ToSpan::days(60)).to_string();
    let mut tom = Browser::of(&home, "tom");
    let page = tom.get(&format!("/recordings/{recording}")).text();
    assert!(page.contains("Use it for something else") && page.contains("insurance-claim"), "{page}");
    let mut asked = vec![
        ("recording", &*recording),
        ("purpose", "insurance-claim"),
        ("reason", "Claim <4711>"),
        ("basis", "legitimate interest"),
        ("until", "The insurer has decided"),
        ("review", &*review),
    ];
    assert_eq!(tom.post("/purposes", &asked[..5]).status, StatusCode::UNPROCESSABLE_ENTITY, "a day is missing");
    assert_eq!(tom.post("/purposes", &asked).header("location"), "/decisions");
    asked[5].1 = "2036-01-01";
    assert_eq!(tom.post("/purposes", &asked).status, StatusCode::CONFLICT, "looked at again too late");
    let id = home.desk.open_proposals(&Home::owner()).expect("proposals")[0].proposal.clone();
    let mut olga = Browser::of(&home, "olga");
    assert!(!olga.get("/decisions").text().contains("Decided, and in force"));
    let decided = [("proposal", &*id), ("compatibility", "The same matter"), ("informed", "2026-11-29")];
    assert_eq!(olga.post("/decisions/approve", &decided).header("location"), "/decisions");
    let page = olga.get("/decisions").text();
    assert!(page.contains("Decided, and in force") && page.contains("Claim &lt;4711&gt;"), "{page}");
    assert!(!tom.get("/decisions").text().contains("Decided, and in force"), "the officer ends it");
    assert_eq!(
        olga.post("/purposes/end", &[("proposal", &id), ("why", "It has paid")]).header("location"),
        "/decisions"
    );
    assert!(!olga.get("/decisions").text().contains("Decided, and in force"));
}

#[test]
fn d6_teaching_material_goes_from_its_agents_yes_to_a_second_listener_and_is_heard_by_its_trainees_alone() {
    let home = Home::new();
    let (recording, now) = (home.sampled(), home.clock.wall());
    let henk = of("henk", DeskRole::Reviewer);
    let outcome = ReviewOutcome::LearningMoment { note: "Stays calm".into(), at_seconds: None };
    home.desk.review(&henk, &recording, &outcome, now).expect("reviewed");
    let id = home.desk.propose_training(&henk, &recording, "Calms an angry caller", now).expect("proposed");
    let mut hanna = Browser::of(&home, "hanna");
    assert!(hanna.get("/decisions").text().contains("It waits for the yes of its agent"));
    let mut anna = Browser::of(&home, "anna");
    assert!(anna.get("/mine").text().contains("May this call become teaching material?"));
    assert_eq!(anna.post("/mine/answer", &[("proposal", &id), ("answer", "yes")]).header("location"), "/mine");

    assert_eq!(hanna.post("/decisions/approve", &[("proposal", &id)]).status, StatusCode::CONFLICT, "listen first");
    let page = hanna.get("/decisions").text();
    assert!(page.contains("listen first") && !page.contains("anna, 28"), "{page}");
    hanna.post(&format!("/recordings/{recording}/play"), &[("to", "/decisions"), ("of", &id)]);
    assert_eq!(hanna.post("/decisions/approve", &[("proposal", &id)]).header("location"), "/decisions");

    let mut carla = Browser::of(&home, "carla");
    assert!(carla.get("/teaching").text().contains("There is no teaching material for you."));
    let trainee = [("recording", &*recording), ("user", "carla")];
    assert_eq!(carla.post("/teaching/name", &trainee).status, StatusCode::FORBIDDEN);
    assert_eq!(
        hanna.post("/teaching/name", &[("recording", &recording), ("user", "nobody")]).status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(hanna.post("/teaching/name", &trainee).header("location"), "/teaching");
    assert!(hanna.get("/teaching").text().contains("<span>carla</span>"));
    let page = carla.get("/teaching").text();
    assert!(page.contains("Calms an angry caller") && !page.contains("anna") && !page.contains("Stays calm"), "{page}");
    let audio = format!("/recordings/{recording}/audio");
    assert_eq!(carla.get(&audio).status, StatusCode::FORBIDDEN, "who listens says so first");
    carla.post(&format!("/recordings/{recording}/play"), &[("to", "/teaching")]);
    assert_eq!(carla.get(&audio).status, StatusCode::OK);
    assert!(carla.get("/teaching").text().contains("nodownload"));
    assert_eq!(carla.get(&format!("/recordings/{recording}")).status, StatusCode::NOT_FOUND, "nor its story");
    let uses = home.desk.story(&Home::owner(), &recording).expect("a story").uses;
    assert!(uses.iter().any(|used| used.by == "carla" && used.kind == UseKind::Play));
    assert_eq!(hanna.post("/teaching/withdraw", &trainee).header("location"), "/teaching");
    assert_eq!(carla.get(&audio).status, StatusCode::NOT_FOUND);
}
