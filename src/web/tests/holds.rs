//! "Deletion stopped", giving a recording to somebody by law, "What existed then", and the folder for the authority: the officer's.

use std::io::{Cursor, Read as _};

use axum::http::{Method, StatusCode};
use retrocall_records::desk::{Desk as _, DeskRole, Person, UseKind};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use super::*;

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn d19_the_officer_stops_a_deletion_on_the_recordings_page_and_lets_the_rules_go_on() {
    let home = Home::new();
    let (pressed, mut olga) = (home.pressed(), Browser::of(&home, "olga"));
    assert!(olga.get("/holds").text().contains("No deletion is stopped."));
    let page = olga.get(&format!("/recordings/{pressed}")).text();
    assert!(page.contains("Stop its deletion") && page.contains("max=\"2027-05-29\""), "{page}");
    assert!(!Browser::of(&home, "tom").get(&format!("/recordings/{pressed}")).text().contains("Stop its deletion"));
    let hold = |review: &'static str, recording: &str| {
        let fields = [("reason", "Claim <4711>"), ("until", "The court"), ("owner", "olga"), ("review", review)];
        let own = ("recording", recording.to_owned());
        let fields = fields.map(|(name, value)| (name, value.to_owned()));
        fields.into_iter().chain([own]).collect::<Vec<_>>()
    };
    let send = |olga: &mut Browser, fields: Vec<(&str, String)>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        olga.post("/holds", &fields)
    };
    assert_eq!(send(&mut olga, hold("2027-05-30", &pressed)).status, StatusCode::CONFLICT, "within 180 days");
    assert_eq!(send(&mut olga, hold("soon", &pressed)).status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        send(&mut olga, hold("2026-12-05", "0195f000-0000-7000-8000-000000000000")).status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(send(&mut olga, hold("2026-12-05", &pressed)).header("location"), "/holds");
    let page = olga.get("/holds").text();
    assert!(
        page.contains("Claim &lt;4711&gt;")
            && page.contains("olga answers for it")
            && page.contains("class=\"warning\">Looked at again by 5 Dec 2026"),
        "{page}"
    );
    assert!(page.contains(&format!("/recordings/{pressed}")) && page.contains("anna, 28 Nov 2026"), "{page}");
    let id = home.desk.holds(&Home::owner()).expect("holds")[0].hold.clone();
    assert_eq!(olga.post("/holds/release", &[("hold", &id)]).status, StatusCode::UNPROCESSABLE_ENTITY, "why?");
    let release = [("hold", &*id), ("why", "Withdrawn")];
    assert_eq!(olga.post("/holds/release", &release).header("location"), "/holds");
    assert_eq!(olga.post("/holds/release", &release).status, StatusCode::CONFLICT);
    assert!(olga.get("/holds").text().contains("No deletion is stopped."));
    let story = olga.get(&format!("/recordings/{pressed}")).text();
    assert!(story.contains("released on"), "{story}");
}

#[test]
fn d19_what_is_given_to_the_police_is_noted_first_and_fetched_within_a_day_by_who_noted_it() {
    let home = Home::new();
    let (pressed, mut olga) = (home.pressed(), Browser::of(&home, "olga"));
    let place = format!("/recordings/{pressed}");
    let fetch = format!("{place}/disclosed");
    assert_eq!(olga.get(&fetch).status, StatusCode::NOT_FOUND, "it is noted first");
    let half = [("to", "Police Amsterdam"), ("ground", "Article 126nd Sv")];
    assert_eq!(olga.post(&format!("{place}/disclose"), &half).status, StatusCode::UNPROCESSABLE_ENTITY);
    let whole = [("to", "Police Amsterdam"), ("ground", "Article 126nd Sv"), ("reference", "PL1300-2026")];
    assert_eq!(olga.post(&format!("{place}/disclose"), &whole).header("location"), place);
    let page = olga.get(&place).text();
    assert!(page.contains("It is noted.") && page.contains("Article 126nd Sv; PL1300-2026"), "{page}");
    let got = olga.get(&fetch);
    assert!(got.status == StatusCode::OK && got.body.len() == 62 + 32_000);
    let sums = olga.get(&format!("{fetch}?part=sums")).text();
    assert!(sums.starts_with(&sum(&got.body)) && sums.ends_with(".wav\n"), "{sums}");
    let uses = home.desk.story(&Home::owner(), &pressed).expect("a story").uses;
    assert_eq!((uses.len(), uses[0].kind, &*uses[0].by), (1, UseKind::Disclose, "olga"));
    // Another officer notes it in their own name.
    let otto = Person { roles: [DeskRole::PrivacyOfficer].into(), ..Person::owner("otto") };
    assert!(home.desk.story(&otto, &pressed).is_ok());
    home.clock.pass(std::time::Duration::from_secs(24 * 3_600));
    let mut olga = Browser::of(&home, "olga");
    assert_eq!(olga.get(&fetch).status, StatusCode::NOT_FOUND, "that was yesterday's work");
    assert!(!olga.get(&place).text().contains("It is noted."));
}

#[test]
fn d19_the_officer_sees_what_existed_then_and_fetches_a_folder_for_the_authority() {
    let home = Home::new();
    let mut olga = Browser::of(&home, "olga");
    let empty = olga.get("/inventory").text();
    assert!(empty.contains("value=\"2026-11-30T09:00\"") && !empty.contains("existed on"), "{empty}");
    let page = olga.get("/inventory?at=2026-11-30T09%3A00").text();
    assert!(page.contains("4 recordings existed on 30 Nov 2026 09:00"), "{page}");
    assert!(page.contains("0 with a number; 0 deleted since, and no longer named; 4 without a number."), "{page}");
    assert!(page.contains(&format!("/recordings/{}", home.pressed())), "{page}");
    assert!(olga.get("/inventory?at=2026-11-27T09:00").text().contains("0 recordings existed"));
    assert_eq!(olga.get("/inventory?at=yesterday").status, StatusCode::UNPROCESSABLE_ENTITY);

    let got = olga.get("/folder?at=2026-11-30T09:00");
    assert_eq!(got.header("content-disposition"), "attachment; filename=\"retrocall-2026-11-30.zip\"");
    let mut folder = ZipArchive::new(Cursor::new(got.body)).expect("a folder");
    let mut read = |name: &str| {
        let mut text = String::new();
        folder.by_name(name).unwrap_or_else(|why| panic!("{name}: {why}")).read_to_string(&mut text).expect("text");
        text
    };
    let sums = read("SHA256SUMS");
    let names: Vec<&str> = sums.lines().filter_map(|line| line.split_once("  ")).map(|(_, name)| name).collect();
    for name in ["article-30-en.md", "assessment-nl.md", "inventory.json", "policy-versions.json"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for line in sums.lines() {
        let (hash, name) = line.split_once("  ").expect("a line");
        assert_eq!(hash, sum(read(name).as_bytes()), "{name}");
    }
    let inventory: Value = serde_json::from_str(&read("inventory.json")).expect("JSON");
    assert_eq!(inventory["recordings"].as_array().map(Vec::len), Some(4));
    assert!(read("article-30-en.md").contains("The desk") && read("article-30-nl.md") != read("article-30-en.md"));
}

#[test]
fn the_officers_programs_do_the_same() {
    let home = Home::new();
    let pressed = home.pressed();
    let mut program = Browser::new(&home);
    program.show_token(&home, "olga");
    let mut send = |place: &str, body: Value| {
        let got = program.ask(Method::POST, place, &[("content-type", "application/json")], Some(body.to_string()));
        (got.status, serde_json::from_slice::<Value>(&got.body).unwrap_or_default())
    };
    let hold = json!({ "recording": pressed, "reason": "Claim", "until": "The court", "owner": "olga" });
    let (status, set) = send("/api/v1/holds", hold);
    assert_eq!(status, StatusCode::CREATED, "{set}");
    let release = format!("/api/v1/holds/{}/release", set["hold"].as_str().expect("an id"));
    let by_law = json!({ "to": "Police", "ground": "Article 126nd Sv", "reference": "1" });
    assert_eq!(send(&format!("/api/v1/recordings/{pressed}/disclose"), by_law).0, StatusCode::OK);
    assert_eq!(
        send(&format!("/api/v1/recordings/{pressed}/disclose"), json!({ "to": "Police" })).0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(send(&release, json!({ "why": " " })).0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send(&release, json!({ "why": "Withdrawn" })).0, StatusCode::OK);
    let read = |program: &mut Browser, place: &str| -> Value {
        serde_json::from_slice(&program.get(place).body).expect("JSON")
    };
    assert_eq!(read(&mut program, "/api/v1/holds")["holds"], json!([]));
    let inventory = read(&mut program, "/api/v1/inventory?at=2026-11-30T08:00:00Z");
    assert_eq!(inventory["recordings"].as_array().map(Vec::len), Some(4), "{inventory}");
    assert_eq!(program.get("/api/v1/inventory?at=x").status, StatusCode::UNPROCESSABLE_ENTITY);
}
