//! "Cases" and "Check": what a team lead follows, and what the works council sees for itself.

use std::time::Duration;

use axum::http::StatusCode;
use retrocall_records::desk::{Cases as _, Desk as _, NewHold};
use retrocall_words::{Clock as _, book::day_of};
use serde_json::{Value, json};

use super::*;

#[test]
fn d10_d11_a_press_gets_its_case_which_is_followed_closed_and_taken_back() {
    let home = Home::new();
    let pressed = home.pressed();
    let mut tom = Browser::of(&home, "tom");
    assert_eq!(tom.get("/").header("location"), "/cases");
    let page = tom.get("/cases").text();
    assert!(page.contains("The last day to open a case is 8 Dec 2026") && page.contains("No case is open."), "{page}");
    assert_eq!(tom.post("/cases", &[("recording", &pressed)]).header("location"), "/cases");
    let case = home.desk.all_cases(&Home::owner()).expect("cases")[0].case.clone();
    let page = tom.get("/cases").text();
    assert!(page.contains("opened by tom") && page.contains("Still needed? Without an answer"), "{page}");
    let again = tom.post("/cases/attach", &[("case", &case), ("recording", &pressed)]);
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(tom.post("/cases/needed", &[("case", &case)]).header("location"), "/cases");
    assert_eq!(
        tom.post("/cases/close", &[("case", &case)]).status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "how did it end?"
    );
    let close = [("case", &*case), ("outcome", "Apology <accepted>"), ("judgment", "")];
    assert_eq!(tom.post("/cases/close", &close).header("location"), "/cases");
    let page = tom.get("/cases").text();
    assert!(page.contains("Apology &lt;accepted&gt;") && page.contains("deleted on 3 Dec 2026 09:00"), "{page}");
    assert_eq!(tom.post("/cases/reopen", &[("case", &case)]).header("location"), "/cases");
    home.clock.pass(Duration::from_secs(91 * 86_400));
    let page = Browser::of(&home, "olga").get("/cases").text();
    assert!(page.contains("Privacy officer: is this case still needed?"), "D11: {page}");
    let mut olga = Browser::of(&home, "olga");
    assert_eq!(olga.post("/cases/needed", &[("case", &case)]).header("location"), "/cases");
    assert!(!olga.get("/cases").text().contains("Privacy officer:"));
    let mut tom = Browser::of(&home, "tom");
    tom.post("/cases/close", &close);
    home.clock.pass(Duration::from_secs(73 * 3_600));
    let mut tom = Browser::of(&home, "tom");
    assert_eq!(tom.post("/cases/reopen", &[("case", &case)]).status, StatusCode::CONFLICT, "it has taken effect");
}

#[test]
fn a_press_finds_its_case_by_the_agent_by_whoever_opened_it_by_its_day_or_by_an_id() {
    let home = Home::new();
    let pressed = home.pressed();
    let mut tom = Browser::of(&home, "tom");
    let choose = |of: &str, on: &str| format!("/cases/choose?recording={pressed}&of={of}&on={on}");
    let none = "No open case answers to this.";
    assert!(tom.get(&choose("", "")).text().contains(none));
    tom.post("/cases", &[("recording", &pressed)]);
    let case = home.desk.all_cases(&Home::owner()).expect("cases")[0].case.clone();
    let offered = format!("name=\"case\" value=\"{case}\"");
    for (of, on) in [("", ""), ("anna", ""), ("tom", "2026-11-30"), (&*case, ""), (&*pressed, "2026-11-30")] {
        let page = tom.get(&choose(of, on)).text();
        assert!(page.contains(&offered) && page.contains("anna, 28 Nov 2026"), "{of} {on}: {page}");
    }
    for (of, on) in [("bert", ""), ("anna", "2026-11-29"), ("anna", "2026-12-01")] {
        assert!(tom.get(&choose(of, on)).text().contains(none), "{of} {on}");
    }
    let others = tom.get(&format!("/cases/choose?recording={}", home.sampled()));
    assert_eq!(others.status, StatusCode::NOT_FOUND, "what is not theirs does not exist");
    let close = [("case", &*case), ("outcome", "Settled"), ("judgment", "")];
    tom.post("/cases/close", &close);
    assert!(tom.get(&choose("anna", "")).text().contains(none), "nothing is added to a closed one");
}

#[test]
fn d9_a_press_by_mistake_is_let_go_with_a_reason() {
    let home = Home::new();
    let pressed = home.pressed();
    let mut tom = Browser::of(&home, "tom");
    assert_eq!(tom.post("/cases/dismiss", &[("recording", &pressed)]).status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(tom.post("/cases/dismiss", &[("recording", &pressed), ("why", "A slip")]).header("location"), "/cases");
    assert!(!tom.get("/cases").text().contains(&pressed));
    let of_the_sample = tom.post("/cases/dismiss", &[("recording", &home.sampled()), ("why", "A slip")]);
    assert_eq!(of_the_sample.status, StatusCode::NOT_FOUND, "what is not theirs does not exist");
}

#[test]
fn a_case_handler_sees_the_story_of_an_incident_listens_by_right_of_its_case_and_is_noted() {
    let home = Home::new();
    let pressed = home.pressed();
    let mut tom = Browser::of(&home, "tom");
    let page = tom.get(&format!("/recordings/{pressed}?case=c-1")).text();
    assert!(
        page.contains("anna, 28 Nov 2026") && page.contains("Nobody has listened.") && page.contains("value=\"c-1\""),
        "{page}"
    );
    let to = format!("/recordings/{pressed}");
    tom.post(&format!("{to}/play"), &[("of", "c-1"), ("why", "Prepares the talk"), ("to", &to)]);
    let page = tom.get(&to).text();
    assert!(page.contains("Prepares the talk") && page.contains("<audio") && page.contains("data-sound="), "{page}");
    assert_eq!(home.desk.story(&Home::owner(), &pressed).expect("a story").uses[0].why, "Prepares the talk");
}

#[test]
fn the_council_reads_a_sentence_for_each_question_and_takes_the_day_seals_along() {
    let home = Home::new();
    let mut cora = Browser::of(&home, "cora");
    assert_eq!(cora.get("/").header("location"), "/check");
    let page = cora.get("/check").text();
    for text in [
        "Was the lottery fair?",
        "Was it heard in its order?",
        "Is the control log whole?",
        "no row was changed",
        "You gave no number",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("anna") && !page.contains("hanna"), "no names");
    let heads = retrocall_records::ledger::heads(home.path()).expect("heads");
    match heads.last() {
        Some(last) => {
            let got = cora.get(&format!("/check/heads/{}", last.day));
            assert_eq!((got.status, got.text()), (StatusCode::OK, last.text.clone()));
        }
        None => assert!(page.contains("There is none yet"), "{page}"),
    }
    assert_eq!(cora.get("/check/heads/2020-01-01").status, StatusCode::NOT_FOUND);
    assert_eq!(cora.get("/check/heads/..%2fledger.key").status, StatusCode::NOT_FOUND);
    cora.post("/language", &[("language", "nl"), ("to", "/check")]);
    assert!(cora.get("/check").text().contains("Was de loting eerlijk?"));
}

#[test]
fn the_council_sees_in_counts_what_goes_when_and_what_is_stopped_has_no_day() {
    let home = Home::new();
    let mut cora = Browser::of(&home, "cora");
    let page = cora.get("/check").text();
    assert!(page.contains("4 recordings are kept. 4 of them go within the weeks of this calendar"), "{page}");
    assert!(page.contains("<time datetime=\"2026-12-31\">31</time>") && page.contains("<rect"), "{page}");
    assert!(!page.contains("anna"), "{page}");
    let hold = NewHold {
        reason: "Claim".into(),
        owner: "olga".into(),
        until: "The court".into(),
        review_on: day_of(home.clock.wall()),
    };
    home.desk.hold(&Home::owner(), &home.pressed(), &hold, home.clock.wall()).expect("stopped");
    // It is looked up once a minute at most.
    home.clock.pass(Duration::from_secs(61));
    let page = cora.get("/check").text();
    assert!(page.contains("One has no day while something holds it"), "{page}");
    let mut program = Browser::new(&home);
    program.show_token(&home, "cora");
    let told: Value = serde_json::from_slice(&program.get("/api/v1/going").body).expect("JSON");
    assert_eq!(told["going"][0], json!({ "on": null, "count": 1 }), "{told}");
    let counts = told["going"].as_array().expect("a list").iter().filter_map(|one| one["count"].as_u64());
    assert_eq!(counts.sum::<u64>(), 4, "{told}");
}
