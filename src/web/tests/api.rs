//! `/api/v1`: what programs ask, and what the document says of it.

use axum::http::{Method, StatusCode};
use retrocall_records::desk::{DeskRole, Listening as _, Logins as _, Person};
use retrocall_words::Clock as _;
use serde_json::{Value, json};

use super::*;
use crate::routes::ROUTES;

fn document() -> Value {
    serde_json::from_str(include_str!("../openapi.json")).expect("a document")
}

fn program(home: &Home, name: &str) -> Browser {
    let mut program = Browser::new(home);
    program.show_token(home, name);
    program
}

fn send(program: &mut Browser, place: &str, body: &Value) -> (StatusCode, Value) {
    let got = program.ask(Method::POST, place, &[("content-type", "application/json")], Some(body.to_string()));
    (got.status, serde_json::from_slice(&got.body).unwrap_or_default())
}

#[test]
fn the_document_names_every_route_and_no_other() {
    let document = document();
    let mut said: Vec<String> = Vec::new();
    for (place, methods) in document["paths"].as_object().expect("paths") {
        said.extend(
            methods.as_object().expect("methods").keys().map(|method| format!("{} {place}", method.to_uppercase())),
        );
    }
    let mut served: Vec<String> = ROUTES
        .iter()
        .filter(|route| route.place.starts_with("/api/"))
        .map(|route| format!("{} {}", route.method, route.place))
        .collect();
    said.sort();
    served.sort();
    assert_eq!(said, served);
    let home = Home::new();
    let got = Browser::new(&home).get("/api/v1/openapi.json");
    assert_eq!(serde_json::from_slice::<Value>(&got.body).expect("JSON"), document);
}

#[test]
fn what_is_answered_has_what_the_document_says() {
    let home = Home::new();
    let document = document();
    for (place, name) in [
        ("me", "cora"),
        ("queue", "hanna"),
        ("recordings", "olga"),
        ("mine", "anna"),
        ("cases", "tom"),
        ("requests", "olga"),
    ] {
        let place = format!("/api/v1/{place}");
        let got = program(&home, name).get(&place);
        assert_eq!((got.status, got.header("content-type")), (StatusCode::OK, "application/json"), "{}", got.text());
        let answer: Value = serde_json::from_slice(&got.body).expect("JSON");
        let schema = &document["paths"][&place]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        for key in schema["required"].as_array().expect("a list") {
            assert!(answer.get(key.as_str().expect("a name")).is_some(), "{place}: {key} is missing in {answer}");
        }
    }
}

#[test]
fn a_program_hears_the_next_call_and_says_what_came_of_it() {
    let home = Home::new();
    let mut hanna = program(&home, "hanna");
    let (status, next) = send(&mut hanna, "/api/v1/next", &json!({}));
    assert_eq!(status, StatusCode::OK);
    assert!(next["sound"]["seconds"] == 1.0 && !next.to_string().contains("anna"), "{next}");
    let recording = next["turn"]["recording"].as_str().expect("an id").to_owned();
    let (_, skipped) = send(&mut hanna, "/api/v1/next", &json!({ "skip": "language" }));
    assert_ne!(skipped["turn"]["recording"], recording);
    let place = format!("/api/v1/recordings/{}/review", skipped["turn"]["recording"].as_str().expect("an id"));
    for wrong in [
        json!({}),
        json!({ "outcome": "dull" }),
        json!({ "outcome": "learning-moment" }),
        json!({ "outcome": "no-finding", "x": 1 }),
    ] {
        let (status, answer) = send(&mut hanna, &place, &wrong);
        assert_eq!((status, &answer["error"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("incomplete")), "{wrong}");
    }
    let (status, reviewed) =
        send(&mut hanna, &place, &json!({ "outcome": "learning-moment", "note": "Asks twice", "at_seconds": 0.5 }));
    assert_eq!((status, &reviewed["agent"], &reviewed["in_order"]), (StatusCode::OK, &json!("anna"), &json!(true)));
    let who = Person { roles: [DeskRole::Reviewer].into(), ..Person::owner("hanna") };
    assert_eq!(home.desk.at_hand(&who, home.clock.wall()), Ok(None));
}

#[test]
fn a_case_is_opened_and_closed_and_the_story_of_its_recording_read() {
    let home = Home::new();
    let (pressed, mut tom) = (home.pressed(), program(&home, "tom"));
    let (status, opened) = send(&mut tom, "/api/v1/cases", &json!({ "recording": pressed }));
    assert_eq!(status, StatusCode::CREATED);
    let place = format!("/api/v1/cases/{}/close", opened["case"].as_str().expect("an id"));
    assert_eq!(send(&mut tom, &place, &json!({ "outcome": " " })).0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send(&mut tom, &place, &json!({ "outcome": "Settled" })).0, StatusCode::OK);
    let (status, again) = send(&mut tom, &place, &json!({ "outcome": "Settled" }));
    assert!(status == StatusCode::CONFLICT && again["error"] == "not-done", "{again}");
    let story: Value = serde_json::from_slice(&tom.get(&format!("/api/v1/recordings/{pressed}")).body).expect("JSON");
    assert_eq!(story["story"]["recording"]["id"], json!(pressed));
    assert!(story["outlook"]["until"].is_string() && story["outlook"]["why"].is_string(), "{story}");
}

#[test]
fn a_browsers_cookie_is_no_token_and_a_token_is_no_cookie() {
    let home = Home::new();
    let mut hanna = Browser::of(&home, "hanna");
    let got = hanna.get("/api/v1/me");
    assert_eq!((got.status, got.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "Bearer"));
    for shown in ["Bearer ", "Bearer 0", "Basic aGFubmE6cA==", &format!("Bearer {}", "0".repeat(64))] {
        let got = Browser::new(&home).ask(Method::GET, "/api/v1/me", &[("authorization", shown)], None);
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{shown}");
    }
    let mut program = program(&home, "hanna");
    assert_eq!(program.get("/api/v1/me").status, StatusCode::OK);
    assert_eq!(program.get("/next").status, StatusCode::SEE_OTHER);
    let id = home.desk.tokens(&Home::owner()).expect("tokens")[0].id.clone();
    home.desk.revoke_token(&Home::owner(), &id, home.clock.wall()).expect("revoked");
    assert_eq!(program.get("/api/v1/me").status, StatusCode::UNAUTHORIZED);
}

#[test]
fn what_is_no_object_and_a_place_far_beyond_any_call_are_refused() {
    let home = Home::new();
    let mut hanna = program(&home, "hanna");
    assert_eq!(send(&mut hanna, "/api/v1/next", &json!([null])).0, StatusCode::UNPROCESSABLE_ENTITY);
    let place = format!("/api/v1/recordings/{}/review", home.sampled());
    for at_seconds in [-1.0, 1e300] {
        let outcome = json!({ "outcome": "learning-moment", "note": "Calm", "at_seconds": at_seconds });
        assert_eq!(send(&mut hanna, &place, &outcome).0, StatusCode::UNPROCESSABLE_ENTITY, "{at_seconds}");
    }
}
