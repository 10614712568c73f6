//! "Requests": from an entry by anybody to the letter, copies that are noted before they leave, erasure, and who sees what.

use axum::http::{Method, StatusCode};
use retrocall_records::desk::{Cases as _, CoveredState, Desk as _, RequestOutcome, Requests as _, UseKind};
use retrocall_words::Clock as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;

/// The request that was entered last.
fn request(home: &Home) -> String {
    home.desk.all_requests(&Home::owner()).expect("requests").pop().expect("one").line.request
}

fn decide(browser: &mut Browser, id: &str, deed: &str, recording: &str, text: &str) -> StatusCode {
    browser.post(&format!("/requests/{id}"), &[("deed", deed), ("recording", recording), ("text", text)]).status
}

#[test]
fn d15_d16_anybody_enters_a_request_and_the_officer_takes_it_from_candidates_to_the_letter() {
    let home = Home::new();
    let mut tom = Browser::of(&home, "tom");
    assert!(
        tom.get("/cases").text().contains("Enter a request")
            && tom.get("/requests/new").text().contains("max=\"2026-11-30\"")
    );
    let fields = [("kind", "access"), ("agent", "anna"), ("around", "2026-11-28T13:10"), ("received_on", "2026-11-27")];
    let told = tom.post("/requests", &fields).text();
    assert!(told.contains("It is entered") && told.contains("27 Dec 2026"), "{told}");
    assert!(!told.contains(&home.pressed()), "whose calls were kept is told the officer alone: {told}");
    let mut olga = Browser::of(&home, "olga");
    let list = olga.get("/requests").text();
    assert!(
        list.contains("A copy: anna")
            && list.contains("to be answered by 27 Dec 2026")
            && list.contains("4 to decide, 0 confirmed"),
        "{list}"
    );
    let id = request(&home);
    let place = format!("/requests/{id}");
    let page = olga.get(&place).text();
    assert!(
        page.contains("Entered by tom")
            && page.contains("There is a letter once each recording is decided, and each site has answered."),
        "{page}"
    );
    assert_eq!(olga.get(&format!("{place}/letter")).status, StatusCode::UNPROCESSABLE_ENTITY);
    let ours = home.pressed();
    assert_eq!(decide(&mut olga, &id, "confirm", &ours, " "), StatusCode::UNPROCESSABLE_ENTITY, "how was it checked?");
    assert_eq!(decide(&mut olga, &id, "confirm", &ours, "<b>Called</b> back"), StatusCode::SEE_OTHER);
    assert_eq!(decide(&mut olga, &id, "answered", "", ""), StatusCode::CONFLICT, "others wait");
    let others = home.desk.request(&Home::owner(), &id).expect("it").recordings;
    for other in others.iter().filter(|one| one.state == CoveredState::Candidate) {
        assert_eq!(decide(&mut olga, &id, "exclude", &other.recording, "Another voice"), StatusCode::SEE_OTHER);
    }
    assert_eq!(decide(&mut olga, &id, "extend", "", "Many calls"), StatusCode::SEE_OTHER);
    assert_eq!(decide(&mut olga, &id, "extend", "", "Again"), StatusCode::CONFLICT, "once");
    let page = olga.get(&place).text();
    assert!(
        page.contains("Identity was checked: &lt;b&gt;Called&lt;/b&gt; back")
            && page.contains("It takes longer: Many calls"),
        "{page}"
    );

    // A copy is noted before there is anything to fetch.
    let copy = format!("{place}/copies/{ours}");
    assert_eq!(olga.get(&copy).status, StatusCode::NOT_FOUND);
    assert_eq!(decide(&mut olga, &id, "export", "", "By post"), StatusCode::SEE_OTHER);
    let uses = home.desk.story(&Home::owner(), &ours).expect("a story").uses;
    assert_eq!((uses.len(), uses[0].kind, &*uses[0].by), (1, UseKind::Export, "olga"));
    let got = olga.get(&copy);
    let saved = got.header("content-disposition").to_owned();
    assert!(got.status == StatusCode::OK && saved.starts_with("attachment; filename=\""), "{saved}");
    assert!(got.body.len() == 62 + 32_000 && got.body.windows(4).any(|four| four == b"anna"), "as it is on disk");
    let hash: String = Sha256::digest(&got.body).iter().map(|byte| format!("{byte:02x}")).collect();
    let name = saved.split('"').nth(1).expect("a name");
    assert_eq!(olga.get(&format!("{copy}?part=sums")).text(), format!("{hash}  {name}\n"));
    assert_eq!(olga.get(&format!("{copy}?part=2")).status, StatusCode::NOT_FOUND);
    assert_eq!(olga.get(&format!("{place}/copies/{}", home.sampled())).status, StatusCode::NOT_FOUND, "not theirs");
    let letter = olga.get(&format!("{place}/letter?lang=nl"));
    assert!(
        letter.header("content-type").starts_with("text/plain") && letter.text().contains(&id),
        "{}",
        letter.text()
    );
    assert_ne!(olga.get(&format!("{place}/letter?lang=en")).body, letter.body);
    assert_eq!(decide(&mut olga, &id, "answered", "", ""), StatusCode::SEE_OTHER);
    let answered = home.desk.request(&Home::owner(), &id).expect("it").outcome;
    assert_eq!(answered, Some(RequestOutcome::Granted));
    let page = olga.get(&place).text();
    assert!(page.contains("Granted.") && !page.contains("name=\"deed\""), "nothing is left to decide: {page}");
    assert_eq!(olga.get(&copy).status, StatusCode::NOT_FOUND, "it is over");
}

#[test]
fn d17_an_erasure_asks_once_and_what_a_case_needs_waits_for_the_officer() {
    let home = Home::new();
    let (pressed, sampled) = (home.pressed(), home.sampled());
    home.desk.open_case(&Home::owner(), &pressed, home.clock.wall()).expect("a case");
    let mut olga = Browser::of(&home, "olga");
    let form = olga.get(&format!("/requests/new?recording={sampled}")).text();
    assert!(form.contains("One recording is to be erased.") && form.contains(&sampled), "{form}");
    let erase = |recording: &str| {
        [("kind", "erasure"), ("recording", recording), ("received_on", "2026-11-30"), ("reason", "Asked by letter")]
            .map(|(name, value)| (name, value.to_owned()))
    };
    let send = |olga: &mut Browser, recording: &str, sure: bool| {
        let fields = erase(recording);
        let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        fields.extend(sure.then_some(("sure", "yes")));
        olga.post("/requests", &fields)
    };
    let asked = send(&mut olga, &sampled, false).text();
    assert!(asked.contains("Erase this?") && asked.contains("It can't be brought back."), "{asked}");
    assert!(home.desk.all_requests(&Home::owner()).expect("requests").is_empty(), "it asks first");
    let place = send(&mut olga, &sampled, true).header("location").to_owned();
    let page = olga.get(&place).text();
    assert!(page.contains("Erasure") && page.contains("Confirmed") && page.contains("Why: Asked by letter"), "{page}");

    let place = send(&mut olga, &pressed, true).header("location").to_owned();
    let id = place.trim_start_matches("/requests/").to_owned();
    let page = olga.get(&place).text();
    assert!(page.contains("It belongs to an open case: you decide.") && page.contains("Erase it"), "{page}");
    assert_eq!(decide(&mut olga, &id, "keep", &pressed, ""), StatusCode::UNPROCESSABLE_ENTITY, "on which ground?");
    assert_eq!(decide(&mut olga, &id, "keep", &pressed, "A claim is pending"), StatusCode::SEE_OTHER);
    let letter = olga.get(&format!("{place}/letter?lang=en")).text();
    assert!(letter.contains("A claim is pending"), "{letter}");
    assert_eq!(decide(&mut olga, &id, "grant", &pressed, ""), StatusCode::CONFLICT, "it is decided");
    assert_eq!(decide(&mut olga, &id, "confirm", &pressed, "x"), StatusCode::CONFLICT, "that is for copies");
    assert_eq!(decide(&mut olga, &id, "answered", "", ""), StatusCode::SEE_OTHER);
}

#[test]
fn a_request_by_a_number_that_nobody_knows_has_its_letter_at_once() {
    let home = Home::new();
    let mut olga = Browser::of(&home, "olga");
    let empty = olga.get("/requests").text();
    assert!(empty.contains("No request waits for an answer.") && empty.contains("href=\"/requests/new\""), "{empty}");
    let fields = [("kind", "access"), ("customer", "020 123 45 67"), ("received_on", "2026-11-01")];
    let place = olga.post("/requests", &fields).header("location").to_owned();
    let page = olga.get(&place).text();
    assert!(
        page.contains("A copy: 020 123 45 67")
            && page.contains("Nothing was found.")
            && page.contains("<pre class=\"letter\">"),
        "{page}"
    );
    assert!(olga.get("/requests").text().contains("warning"), "it is due within a week");
    let id = request(&home);
    assert_eq!(decide(&mut olga, &id, "answered", "", ""), StatusCode::SEE_OTHER);
    assert!(!olga.get(&place).text().contains("020 123"), "the number goes with the answer");
}

#[test]
fn what_is_no_request_or_no_decision_is_refused_and_does_nothing() {
    let home = Home::new();
    let mut olga = Browser::of(&home, "olga");
    for fields in [
        &[][..],
        &[("kind", "access")],
        &[("kind", "burn"), ("customer", "020 123 45 67")],
        &[("kind", "erasure"), ("customer", "020 123 45 67")],
        &[("kind", "erasure"), ("agent", "anna"), ("reason", "x")],
        &[("kind", "access"), ("agent", "anna"), ("received_on", "tomorrow")],
    ] {
        assert_eq!(olga.post("/requests", fields).status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
    }
    let later = [("kind", "access"), ("agent", "anna"), ("received_on", "2027-01-01")];
    assert_eq!(olga.post("/requests", &later).status, StatusCode::CONFLICT);
    assert!(home.desk.all_requests(&Home::owner()).expect("requests").is_empty());
    olga.post("/requests", &[("kind", "access"), ("agent", "anna"), ("received_on", "2026-11-30")]);
    let id = request(&home);
    assert_eq!(decide(&mut olga, &id, "burn", "", ""), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(decide(&mut olga, "unknown", "extend", "", "x"), StatusCode::NOT_FOUND);
    assert_eq!(olga.get("/requests/unknown").status, StatusCode::NOT_FOUND);
    // Nobody else decides, nor looks.
    let mut tom = Browser::of(&home, "tom");
    for place in ["/requests".to_owned(), format!("/requests/{id}"), format!("/requests/{id}/letter")] {
        assert_eq!(tom.get(&place).status, StatusCode::FORBIDDEN, "{place}");
    }
    assert_eq!(decide(&mut tom, &id, "refuse", "", "no"), StatusCode::FORBIDDEN);
    assert_eq!(decide(&mut olga, &id, "refuse", "", "Article 12(5): excessive"), StatusCode::SEE_OTHER);
    assert!(olga.get(&format!("/requests/{id}")).text().contains("Refused on this ground: Article 12(5): excessive"));
}

#[test]
fn programs_enter_read_and_decide_requests() {
    let home = Home::new();
    let program = |name: &str| {
        let mut program = Browser::new(&home);
        program.show_token(&home, name);
        program
    };
    let send = |program: &mut Browser, place: &str, body: &Value| {
        let json = [("content-type", "application/json")];
        let got = program.ask(Method::POST, place, &json, Some(body.to_string()));
        (got.status, serde_json::from_slice::<Value>(&got.body).unwrap_or_default())
    };
    let new = json!({ "kind": "access", "agent": "anna", "around": "2026-11-28T12:00:00Z" });
    let (status, entered) = send(&mut program("anna"), "/api/v1/requests", &new);
    assert_eq!((status, &entered["candidates"]), (StatusCode::CREATED, &Value::Null), "{entered}");
    let mut olga = program("olga");
    let place = format!("/api/v1/requests/{}", entered["request"].as_str().expect("an id"));
    let found: Value = serde_json::from_slice(&olga.get(&place).body).expect("JSON");
    assert_eq!(found["request"]["recordings"].as_array().map(Vec::len), Some(4), "{found}");
    let wrong = json!({ "deed": "confirm", "recording": home.pressed() });
    assert_eq!(send(&mut olga, &place, &wrong).0, StatusCode::UNPROCESSABLE_ENTITY);
    let confirm = json!({ "deed": "confirm", "recording": home.pressed(), "text": "Called back" });
    let (status, decided) = send(&mut olga, &place, &confirm);
    assert_eq!(status, StatusCode::OK, "{decided}");
    let states =
        decided["request"]["recordings"].as_array().expect("a list").iter().filter(|one| one["state"] == "confirmed");
    assert_eq!(states.count(), 1, "{decided}");
    let all: Value = serde_json::from_slice(&olga.get("/api/v1/requests").body).expect("JSON");
    assert_eq!(all["requests"].as_array().map(Vec::len), Some(1), "{all}");
    assert_eq!(program("tom").get("/api/v1/requests").status, StatusCode::FORBIDDEN);
}

#[test]
fn more_requests_than_a_page_has_go_on_behind_a_button_each_once_and_those_due_first_come_first() {
    let home = Home::new();
    let mut olga = Browser::of(&home, "olga");
    // Received on as many days, the last one first.
    for day in (1..=25).rev() {
        let received = format!("2026-11-{day:02}");
        let entered = olga.post("/requests", &[("kind", "access"), ("agent", "anna"), ("received_on", &received)]);
        assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.text());
    }
    let mut expected = home.desk.all_requests(&Home::owner()).expect("requests");
    expected.sort_by_key(|request| request.due_on);
    let expected: Vec<&str> = expected.iter().map(|request| &*request.request).collect();
    let ids = |page: &str| -> Vec<String> {
        page.split("data-request=\"").skip(1).map(|rest| rest.split('"').next().expect("an id").to_owned()).collect()
    };
    let first = olga.get("/requests").text();
    assert_eq!(ids(&first), expected[..20]);
    let next =
        first.split("rel=\"next\" href=\"").nth(1).expect("a way on").split('"').next().expect("its place").to_owned();
    let second = olga.get(&next).text();
    assert_eq!(ids(&second), expected[20..]);
    assert!(!second.contains("rel=\"next\"") && second.contains("href=\"/requests\""), "{second}");
    assert_eq!(olga.get("/requests?after=nowhere").status, StatusCode::UNPROCESSABLE_ENTITY);
}
