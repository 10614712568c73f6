//! What people at the desk do with recordings, typed as they type it: a review, a case, a hold, each from its beginning to its end.

mod desk;

use std::path::PathBuf;

use desk::{Desk, Home, Line, Ran, wait_for};
use serde_json::{Value, json};

/// A home with two recordings, both in the sample, the second one pressed as well; the engine has stopped. Their ids.
fn with_two_recordings() -> (Home, [String; 2]) {
    let desk = Desk::open(&["--one-in", "1"]);
    for (agent, presses) in [("anna", false), ("bert", true)] {
        Line::play(&desk, agent, presses);
    }
    let home = desk.stop();
    let ids = ["anna", "bert"].map(|agent| home.recording_of(agent));
    (home, ids)
}

/// A command that is refused, with exit code 1 and one line that says why and what to do.
#[track_caller]
fn refused(home: &Home, args: &[&str], why: &str) {
    let Ran { code, stderr, .. } = home.run(args);
    assert!(code == 1 && stderr.contains(why) && stderr.lines().count() == 1, "{code}: {stderr}");
}

fn user(home: &Home, name: &str, role: &str) {
    home.json(&["user", "add", name, "--role", role]);
}

#[test]
fn d1_d4_a_review_from_the_queue_to_the_objection_and_its_decision() {
    let (home, [anna, bert]) = with_two_recordings();
    user(&home, "hanna", "reviewer");
    user(&home, "olga", "privacy-officer");
    home.json(&["user", "add", "anna", "--role", "agent", "--agent", "anna"]);
    let none = home.json(&["review", "next", "--as", "hanna"]);
    assert_eq!(none["recording"], Value::Null, "the day is not over: {none}");
    assert!(
        none["warnings"] == json!([]) && none["queue"]["waiting"] == 0,
        "what is late is told all the same: {none}"
    );
    assert!(home.run(&["review", "next"]).stdout.contains("No call waits"));
    home.execute("UPDATE ledger_periods SET published_at = '2026-11-28T09:00:00.000000Z'");

    let turn = home.json(&["review", "next", "--as", "hanna"]);
    let first = turn["recording"].as_str().expect("a recording").to_owned();
    assert!(first == anna || first == bert);
    assert!(turn["path"].as_str().is_some_and(|path| path.ends_with(".wav")) && turn["waiting"] == 1, "{turn}");
    assert!(
        !turn.to_string().contains("anna") && !turn.to_string().contains("bert"),
        "nobody is shown whom they judge"
    );
    let other = home.json(&["review", "next", "--skip", "language", "--as", "hanna"]);
    assert_ne!(other["recording"], turn["recording"]);
    assert_eq!(home.run(&["review", "next", "--skip", "dull"]).code, 2, "reasons are a list");
    refused(&home, &["review", &anna, "--no-finding", "--as", "anna"], "needs the role reviewer");

    let path = home.json(&["play", &anna, "--as", "hanna"])["path"].clone();
    assert_eq!(path, home.recordings().iter().find(|one| one["id"] == *anna).expect("it is listed")["path"]);
    let moment = ["review", &anna, "--learning-moment", "Asks twice", "--at", "0.25", "--as", "hanna"];
    assert_eq!(home.json(&moment)["agent"], "anna");
    refused(&home, &["review", &anna, "--no-finding", "--as", "anna"], "needs the role reviewer");
    home.json(&["note", &anna, "--reply", "The line was bad", "--as", "anna"]);
    let story = home.json(&["recordings", "show", &anna, "--as", "anna"]);
    assert_eq!((&story["uses"][0]["by"], &story["notes"][0]["text"]), (&json!("hanna"), &json!("Asks twice")));
    assert_eq!(story["notes"][0]["replies"][0]["text"], "The line was bad");

    home.json(&["note", &anna, "--object", "Not my call", "--as", "anna"]);
    refused(&home, &["recordings", "show", &anna, "--as", "hanna"], "no such recording");
    home.json(&["note", &anna, "--reject", "It is her voice", "--as", "olga"]);
    let told = home.run(&["recordings", "show", &anna, "--as", "anna"]).stdout;
    assert!(told.contains("objection of anna: Not my call (rejected: It is her voice)"), "{told}");
    assert_eq!(home.json(&["review", &bert, "--no-finding", "--as", "hanna"])["stays_for"], json!(["incident"]));
    assert!(home.json(&["review", &anna, "--promote-to-training", "Calm"])["proposal"].is_string());
    assert_eq!(home.json(&["evaluation", "held", "--agent", "anna"])["recordings"], 1);
    assert_eq!(home.json(&["agent", "left", "anna"])["recordings"], 1);
    refused(&home, &["review", &anna, "--promote-to-training", "Calm"], "its time in the sample is over");
}

#[test]
fn d9_d11_a_case_from_the_press_to_the_closing_that_is_taken_back() {
    let (home, [anna, bert]) = with_two_recordings();
    user(&home, "tom", "case-handler");
    refused(&home, &["case", "open", "--recording", &anna], "nobody pressed in this call");
    let call = home.recordings().iter().find(|one| one["id"] == *bert).expect("it is listed")["call"].clone();
    let call = call.as_str().expect("an id");
    let opened = home.json(&["case", "open", "--recording", call, "--as", "tom"]);
    let case = opened["case"].as_str().expect("an id");
    refused(&home, &["case", "attach", case, "--recording", &bert, "--as", "tom"], "belongs to this case already");
    refused(&home, &["incident", "dismiss", &bert, "--why", "A slip"], "belongs to an open case");
    home.json(&["case", "still-needed", case, "--as", "tom"]);
    home.json(&["case", "close", case, "--outcome", "Apology accepted", "--as", "tom"]);
    refused(&home, &["case", "still-needed", case], "is closed");
    let listed = home.json(&["case", "list", "--as", "tom"]);
    assert_eq!((&listed[0]["case"], &listed[0]["outcome"]), (&json!(case), &json!("Apology accepted")));
    home.json(&["case", "reopen", case, "--as", "tom"]);
    home.json(&["case", "close", case, "--outcome", "Fined", "--judgment", "2026-01-31"]);
    let listed = home.json(&["case", "list"]);
    assert_eq!((&listed[0]["judged_on"], &listed[0]["recordings"]), (&json!("2026-01-31"), &json!([bert])));
    home.json(&["incident", "dismiss", &bert, "--why", "A slip", "--as", "tom"]);
    refused(&home, &["case", "close", "none", "--outcome", "x"], "there is no such case");
    refused(&home, &["case", "list", "--as", "nobody"], "there is no such user");
}

#[test]
fn d2_what_is_let_go_is_gone_with_the_next_sweep_and_what_waits_for_a_case_is_not() {
    let (home, [anna, bert]) = with_two_recordings();
    let listed = |id: &String| home.recordings().into_iter().find(|one| one["id"] == **id);
    let path = |id| listed(id).expect("it is listed")["path"].as_str().map(PathBuf::from).expect("a file");
    let (annas, berts) = (path(&anna), path(&bert));
    let before = listed(&anna).expect("it is listed")["due"].clone();
    home.json(&["case", "open", "--recording", &bert]);
    assert_eq!(listed(&bert).expect("it is listed")["purposes"], json!(["incident", "quality"]));
    home.json(&["review", &bert, "--no-finding"]);
    home.json(&["hold", "set", "--recording", &anna, "--reason", "Claim", "--until", "Paid", "--owner", "olga"]);
    home.json(&["review", &anna, "--no-finding"]);
    assert_eq!(home.json(&["sweep"])["gone"], 0, "a hold and a case");
    assert!(annas.exists() && berts.exists());
    let hold = home.json(&["hold", "list"])[0]["hold"].as_str().expect("an id").to_owned();
    home.json(&["hold", "release", &hold, "--reason", "Paid"]);
    let due = listed(&anna).expect("it is listed")["due"].clone();
    assert!(due.as_str() < before.as_str(), "due {before} before the review and {due} after it");

    assert_eq!(home.json(&["sweep"])["gone"], 1);
    assert!(!annas.exists() && berts.exists());
    assert_eq!((listed(&anna), home.recordings().len()), (None, 1));
    let ran = home.run(&["ledger", "verify"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(home.run(&["check"]).code, 0);
}

#[test]
fn d19_a_hold_has_an_owner_and_is_listed_until_it_is_released() {
    let (home, [anna, _]) = with_two_recordings();
    user(&home, "hanna", "reviewer");
    let set =
        ["hold", "set", "--recording", &anna, "--reason", "Claim", "--until", "The court decides", "--owner", "olga"];
    refused(&home, &[&set[..], &["--as", "hanna"]].concat(), "needs the role privacy-officer");
    refused(&home, &[&set[..], &["--review", "2099-01-01"]].concat(), "within 180 days");
    let hold = home.json(&set)["hold"].clone();
    let listed = home.json(&["hold", "list"]);
    assert_eq!((&listed[0]["hold"], &listed[0]["owner"]), (&hold, &json!("olga")));
    assert!(home.run(&["recordings", "show", &anna]).stdout.contains("on hold"));
    let hold = hold.as_str().expect("an id");
    home.json(&["hold", "release", hold, "--reason", "Withdrawn"]);
    refused(&home, &["hold", "release", hold, "--reason", "Again"], "was released before");
    assert_eq!(home.json(&["hold", "list"]), json!([]));
}

#[test]
fn accounts_are_added_changed_listed_and_removed_while_the_engine_runs() {
    let desk = Desk::open(&["--one-in", "0"]);
    wait_for("the catalog", || Some(()).filter(|()| desk.run(&["user", "add", "eva", "--role", "council"]).code == 0));
    refused(&desk, &["user", "add", "eva", "--role", "council"], "there is a user of this name");
    refused(&desk, &["user", "add", "bert", "--role", "agent"], "--agent");
    assert_eq!(desk.run(&["user", "add", "tom", "--role", "king"]).code, 2);
    desk.json(&["user", "role", "eva", "--role", "reviewer", "--role", "administrator"]);
    let users = desk.json(&["user", "list", "--as", "eva"]);
    assert_eq!((&users[0]["name"], &users[0]["roles"]), (&json!("eva"), &json!(["reviewer", "administrator"])));
    desk.json(&["user", "remove", "eva"]);
    assert_eq!(desk.json(&["user", "list"]), json!([]));
    let home = desk.stop();
    let verified = home.json(&["ledger", "verify"]);
    assert_eq!(verified["sound"], true, "{verified}");
}

#[test]
fn d4_until_when_todays_pressed_call_is_kept_does_not_tell_its_agent_that_it_was_drawn_too() {
    let (home, [_, bert]) = with_two_recordings();
    home.json(&["user", "add", "bert", "--role", "agent", "--agent", "bert"]);
    let why = || home.json(&["recordings", "--mine", "--as", "bert"])[0]["why"].clone();
    let of_the_press = why();
    assert!(of_the_press.is_string(), "{of_the_press}");
    home.execute("DELETE FROM purposes WHERE purpose = 'quality'");
    assert_eq!(why(), of_the_press, "it is the same for a call that was pressed alone");
    assert_eq!(home.json(&["recordings", "--mine", "--as", "bert"])[0]["id"], bert);
}
