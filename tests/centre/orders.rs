//! Orders: a site that is away while a customer asks for a copy, and another one for erasure.

use serde_json::{Value, json};

use crate::{
    desk::{Desk, Ran, wait_for},
    machines::{Centre, Link, wait_until_delivered},
    pressed,
};

/// What the officer types at the centre.
fn olga(centre: &Centre, args: &[&str]) -> Ran {
    centre.home.run(&[args, &["--as", "olga", "--json"]].concat())
}

fn done(centre: &Centre, args: &[&str]) -> Value {
    let ran = olga(centre, args);
    assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
    ran.json()
}

/// A request, as the officer's list has it.
fn listed(centre: &Centre, request: &str) -> Value {
    let all = done(centre, &["access", "list"]);
    all.as_array().expect("a list").iter().find(|one| one["request"] == request).expect("it is listed").clone()
}

#[test]
fn a_site_that_was_away_during_a_request_and_an_erasure_is_named_and_both_are_answered_once_it_came_back() {
    let mut centre = Centre::start();
    let desk = Desk::open(&["--one-in", "0"]);
    let site = centre.join(&desk);
    let link = Link::start(&desk);
    wait_for("its first word", || Some(centre.sites()).filter(|all| !all[0]["last_word"].is_null()));
    link.kill();
    pressed(&desk, "anna", 1);
    pressed(&desk, "bert", 2);
    // Until then the engine writes their rows itself.
    let rows = "SELECT CAST(COUNT(*) AS TEXT) FROM recordings WHERE state = 'complete'";
    wait_for("their rows", || (desk.one(rows) == "2").then_some(()));
    desk.execute("UPDATE recordings SET customer = '0201234567', customer_form = '+31201234567' WHERE agent = 'anna'");
    desk.execute("UPDATE recordings SET customer = '0209876543', customer_form = '+31209876543' WHERE agent = 'bert'");
    let (annas, berts) = (desk.recording_of("anna"), desk.recording_of("bert"));

    let copy = done(&centre, &["access", "open", "--customer", "020 123 4567"]);
    let erasure = done(&centre, &["erase", "--customer", "020 987 6543", "--reason", "asked by letter"]);
    let [copy, erasure] = [&copy, &erasure].map(|one| one["request"].as_str().expect("an id").to_owned());
    for request in [&copy, &erasure] {
        let early = olga(&centre, &["access", "answered", request]);
        assert!(early.code == 1 && early.stderr.contains(&site), "{}", early.stderr);
        let missing = &listed(&centre, request)["order"]["missing"];
        assert_eq!((&missing[0]["site"], &missing[0]["standing"]), (&json!(site), &json!("enrolled")), "{missing}");
        assert!(missing[0]["last_word"].is_string(), "{missing}");
        let letter = olga(&centre, &["paperwork", "letter", request]);
        assert!(letter.code == 1 && letter.stderr.contains(&site), "{}", letter.stderr);
    }
    done(&centre, &["object", "--customer", "020 555 5555"]);
    assert_eq!(centre.sites()[0]["orders"], 3);
    let orders = || centre.objects().iter().filter(|one| one.display().to_string().contains("/orders/")).count();
    assert_eq!(orders(), 3, "they lie in the store");
    let (cookie, _) = centre.pages.log_in("olga");
    let page = centre.pages.ask(&format!("GET /requests/{copy}"), &cookie, "");
    assert!(page.contains(&format!("data-site=\"{site}\"")), "the page names it");

    // Its database is put back to what it was before.
    for table in ["orders", "request_recordings", "requests"] {
        centre.execute(&format!("DELETE FROM {table}"));
    }
    centre.kill_and_start_again(|_| {});
    assert_eq!(centre.sites()[0]["orders"], 3, "what was ordered since is ordered again");
    let _link = Link::start(&desk);
    wait_until_delivered(&desk);
    wait_for("its confirmations", || (centre.sites()[0]["orders"] == 0).then_some(()));
    // What came is what they are about.
    for (request, recording) in [(&copy, &annas), (&erasure, &berts)] {
        let found = listed(&centre, request);
        assert_eq!(found["recordings"][0]["recording"], json!(recording), "{found:#}");
        assert_eq!(found["order"]["missing"], json!([]));
    }
    done(&centre, &["access", "confirm", &copy, "--recording", &annas, "--identity", "called back"]);
    assert_eq!(done(&centre, &["access", "answered", &copy])["outcome"], "granted");
    done(&centre, &["erase", "grant", &erasure]);
    let early = olga(&centre, &["access", "answered", &erasure]);
    assert!(early.code == 1 && early.stderr.contains("not deleted yet"), "{}", early.stderr);
    centre.execute("UPDATE uploads SET expires_at = '2024-01-01T09:03:00.000000Z'");
    assert_eq!(centre.home.json(&["sweep"])["gone"], 1);
    assert_eq!(done(&centre, &["access", "answered", &erasure])["outcome"], "granted");

    let kept: Vec<Value> = centre.recordings().into_iter().map(|one| one["id"].clone()).collect();
    assert_eq!(kept, [json!(annas)]);
    assert!(desk.recordings().is_empty() && desk.audio_files().is_empty(), "the home has none of them");
    assert_eq!(desk.one("SELECT CAST(COUNT(*) AS TEXT) FROM objections"), "1", "its engine draws no call of theirs");
    assert!(centre.recording_objects().iter().all(|one| one.display().to_string().contains(&annas)));
    wait_for("the site to hear that it is over", || {
        (desk.one("SELECT CAST(COUNT(*) AS TEXT) FROM standing_orders WHERE over_at IS NOT NULL") == "3").then_some(())
    });
    desk.check();
}
