//! The live call on "My calls", and "Board": the engine is asked in the name of whoever is logged in, and its answer is said in words.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use retrocall_records::desk::{Accounts as _, DeskRole};
use retrocall_words::{CallId, Clock as _, LiveState, Refusal};
use serde_json::{Value, json};

use super::{
    recorder::{Recorder, call},
    *,
};

fn press(browser: &mut Browser, fields: &[(&str, &str)]) -> (StatusCode, Value) {
    browser.headers.push(("accept", "application/json".to_owned()));
    let got = browser.post("/mine/live", fields);
    browser.headers.pop();
    (got.status, serde_json::from_slice(&got.body).unwrap_or_default())
}

#[test]
fn an_agent_keeps_the_live_call_and_is_told_so_in_words_with_a_script_and_without() {
    let home = Home::new();
    let recorder = Recorder::start(&home);
    let live = call();
    let id = live.call.to_string();
    recorder.with(|book| book.calls.push(live));
    let mut anna = Browser::of(&home, "anna");
    let page = anna.get("/mine").text();
    assert!(
        page.contains("Your call since 08:50") && page.contains(&format!("name=\"call\" value=\"{id}\"")),
        "{page}"
    );
    for button in [
        "Keep this whole call",
        "Customer wants a copy",
        "Silence (card details)",
        "Not for coaching",
        "Don't hold this call",
    ] {
        assert!(page.contains(button), "{button}: {page}");
    }
    // As a form.
    let got = anna.post("/mine/live", &[("do", "record"), ("call", &id)]);
    let text = got.text();
    assert!(
        got.status == StatusCode::OK && text.contains("The whole call is kept, from its first second: 3:21 so far."),
        "{text}"
    );
    assert!(text.contains("This whole call is kept.") && text.contains("Mark this place"), "{text}");
    // As the script sends it.
    let (status, told) = press(&mut anna, &[("do", "record"), ("call", &id)]);
    assert_eq!(
        (status, &told["said"]),
        (StatusCode::OK, &json!("It is kept already. This place is marked.")),
        "{told}"
    );
    assert_eq!(
        told["view"]["calls"][0]["buttons"][4]["is_off"],
        json!(true),
        "it can't be made private any more: {told}"
    );
    let (_, told) = press(&mut anna, &[("do", "mask"), ("call", &id)]);
    assert!(told["said"].as_str().expect("words").starts_with("Silence from now on."), "{told}");
    assert_eq!(told["view"]["calls"][0]["buttons"][1]["do"], json!("unmask"), "{told}");
    press(&mut anna, &[("do", "unmask"), ("call", &id)]);
    let pressed = recorder.pressed();
    assert!(pressed.iter().all(|(account, asked)| account == "anna" && asked["call"] == json!(id)), "{pressed:?}");
    let words: Vec<&str> = pressed.iter().filter_map(|(_, asked)| asked["do"].as_str()).collect();
    assert_eq!(words, ["record", "record", "mask", "unmask"]);
}

#[test]
fn what_the_engine_refuses_is_said_in_words_and_in_both_languages() {
    let home = Home::new();
    let recorder = Recorder::start(&home);
    let mut anna = Browser::of(&home, "anna");
    let page = anna.get("/mine").text();
    assert!(page.contains("You have no call now.") && page.contains("<noscript>"), "{page}");
    let (status, told) = press(&mut anna, &[("do", "record")]);
    assert_eq!((status, &told["is_done"]), (StatusCode::CONFLICT, &json!(false)), "{told}");
    assert_eq!(told["said"], "You have no call now: nothing was done.");
    recorder.with(|book| book.calls.push(call()));
    for (reason, words) in [
        (Refusal::NotYours, "It is not your call any more: nothing was done."),
        (Refusal::UnknownCall, "That call has ended: nothing was done."),
        (Refusal::NoAccount, "You are no agent any more, for the recorder: ask the administrator."),
        (Refusal::Stopping, "The recorder did not do it. Try again, and tell the administrator if that does not help."),
    ] {
        recorder.with(|book| book.refuses = Some(reason));
        let (status, told) = press(&mut anna, &[("do", "record"), ("call", &CallId::new().to_string())]);
        assert_eq!((status, &told["said"]), (StatusCode::CONFLICT, &json!(words)));
    }
    anna.post("/language", &[("language", "nl"), ("to", "/mine")]);
    assert!(anna.get("/mine").text().contains("Bewaar dit hele gesprek"));
    let (_, told) = press(&mut anna, &[("do", "record")]);
    assert!(told["said"].as_str().expect("words").starts_with("De opname heeft het niet gedaan."), "{told}");
    // What is no press of this page is none at all.
    for (word, call) in
        [("end", ""), ("transfer", ""), ("erase-last", ""), ("as", ""), ("status", ""), ("", ""), ("record", "x")]
    {
        let (status, _) = press(&mut anna, &[("do", word), ("call", call)]);
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{word} {call}");
    }
}

#[test]
fn without_an_engine_the_page_says_so_and_what_to_do() {
    let home = Home::new();
    let mut anna = Browser::of(&home, "anna");
    let page = anna.get("/mine");
    assert!(page.status == StatusCode::OK && page.text().contains("The recorder is not running"), "{}", page.text());
    let (status, told) = press(&mut anna, &[("do", "record")]);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(told["said"].as_str().expect("words").contains("Tell the administrator"), "{told}");
    let board = Browser::of(&home, "ada").get("/board").text();
    assert!(board.contains("The recorder is not running") && board.contains("retrocall run"), "{board}");
}

#[test]
fn a_call_that_is_over_private_or_kept_has_the_buttons_that_still_do_something() {
    let home = Home::new();
    let recorder = Recorder::start(&home);
    let (mut over, mut private) = (call(), call());
    over.state = LiveState::Ended;
    private.states.private = true;
    private.began = "2026-11-30T07:55:00Z".parse().expect("a time");
    recorder.with(|book| book.calls = vec![over, private]);
    let (_, told) = press(&mut Browser::of(&home, "anna"), &[("do", "object")]);
    let calls = &told["view"]["calls"];
    let off = |at: usize| {
        let buttons = calls[at]["buttons"].as_array().expect("buttons");
        buttons.iter().filter(|one| one["is_off"] == true).map(|one| one["do"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(calls[0]["title"], "Your call since 08:55", "the one that goes on comes first: {told}");
    assert_eq!(off(0), ["record", "mask", "copy", "private"]);
    assert_eq!(off(1), ["mask", "object"]);
    assert!(calls[1]["states"].to_string().contains("You can still keep it."), "{told}");
}

#[test]
fn a_page_that_stands_open_hears_of_the_call_and_no_more_once_it_is_logged_out() {
    let home = Home::new();
    let recorder = Recorder::start(&home);
    let mut anna = Browser::of(&home, "anna");
    let got = anna.get("/mine/live");
    assert_eq!(got.header("content-type"), "text/event-stream");
    assert!(
        got.text().starts_with("data: {\"none\":\"You have no call now.") && got.text().ends_with("\n\n"),
        "{}",
        got.text()
    );
    recorder.with(|book| book.calls.push(call()));
    let lines = anna.lines("/mine/live", 2, |_| recorder.with(|book| book.calls[0].states.recording = true));
    assert!(lines[0].contains("Your call since 08:50") && !lines[0].contains("This whole call is kept."), "{lines:?}");
    assert!(lines[1].contains("This whole call is kept."), "{lines:?}");
    // Hearing is no click.
    home.clock.pass(Duration::from_secs(31 * 60));
    assert_eq!(anna.get("/mine/live").status, StatusCode::SEE_OTHER);
    let mut anna = Browser::of(&home, "anna");
    let lines = anna.lines("/mine/live", 2, |_| {
        let council = [DeskRole::Council].into();
        home.desk.set_roles(&Home::owner(), "anna", &council, home.clock.wall()).expect("taken");
        recorder.with(|book| book.calls.clear());
    });
    assert_eq!(lines.len(), 1, "the next byte is not sent: {lines:?}");
}

#[test]
fn an_administrator_sees_the_board_in_counts_and_a_program_the_same() {
    let home = Home::new();
    let recorder = Recorder::start(&home);
    let mut ada = Browser::of(&home, "ada");
    assert_eq!(ada.get("/").header("location"), "/board");
    let page = ada.get("/board").text();
    assert!(page.contains("Nothing is wrong.") && page.contains("<th scope=\"row\">Calls</th><td>31</td>"), "{page}");
    assert!(ada.get("/board/events").text().starts_with("data: {"));
    let mut program = Browser::new(&home);
    program.show_token(&home, "ada");
    let told: Value = serde_json::from_slice(&program.get("/api/v1/board").body).expect("JSON");
    assert_eq!(told["calls_begun"], 31, "{told}");
    assert!(recorder.with(|book| book.asked.iter().all(|(account, _)| account == "ada")));
}

#[test]
fn a_program_presses_in_its_persons_name() {
    let home = Home::new();
    let recorder = Recorder::start(&home);
    let mut program = Browser::new(&home);
    program.show_token(&home, "anna");
    let mut send = |body: Value| {
        let json = [("content-type", "application/json")];
        let got = program.ask(Method::POST, "/api/v1/mine/live", &json, Some(body.to_string()));
        (got.status, serde_json::from_slice::<Value>(&got.body).unwrap_or_default())
    };
    let (status, told) = send(json!({ "do": "record" }));
    assert_eq!((status, &told["error"]), (StatusCode::NOT_FOUND, &json!("no-call")), "{told}");
    recorder.with(|book| book.calls.push(call()));
    let (status, told) = send(json!({ "do": "record" }));
    assert_eq!((status, &told["answer"]), (StatusCode::OK, &json!("accepted")), "{told}");
    assert_eq!(send(json!({ "do": "end" })).0, StatusCode::UNPROCESSABLE_ENTITY);
    let told: Value = serde_json::from_slice(&program.get("/api/v1/mine/live").body).expect("JSON");
    assert_eq!((&told["calls"][0]["agent"], &told["calls"][0]["recording"]), (&json!("anna"), &json!(true)), "{told}");
    let pressed = recorder.pressed();
    assert!(pressed.len() == 2 && pressed.iter().all(|(account, _)| account == "anna"), "{pressed:?}");
}

#[test]
fn an_officer_and_an_administrator_have_the_engine_clean_up_now_in_their_own_names() {
    let home = Home::new();
    let recorder = Recorder::start(&home);
    for (name, page) in [("olga", "/requests"), ("ada", "/board")] {
        let mut browser = Browser::of(&home, name);
        assert!(browser.get(page).text().contains("Clean up now"));
        let done = browser.post("/sweep", &[]).text();
        assert!(done.contains("The clean-up has begun"), "{done}");
        let asked = recorder.with(|book| book.asked.pop()).expect("it was asked");
        assert_eq!((&*asked.0, &asked.1["do"]), (name, &json!("sweep")));
    }
    let mut program = Browser::new(&home);
    program.show_token(&home, "olga");
    assert_eq!(program.ask(Method::POST, "/api/v1/sweep", &[], None).status, StatusCode::OK);
}
