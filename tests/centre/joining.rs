//! Who may deliver: codes, keys, counters.

use std::fs;

use serde_json::json;

use crate::{
    desk::{Desk, Home, wait_for},
    machines::{Centre, Link, wait_until_delivered},
    pressed,
};

#[test]
fn a_code_is_good_once_and_for_ten_minutes() {
    let centre = Centre::start();
    let (one, other) = (Desk::open(&["--one-in", "0"]), Desk::open(&["--one-in", "0"]));
    let join = |desk: &Desk, code: &str| desk.run(&["join", &centre.url(), "--code", code]);
    let code = centre.code();
    let wrong = join(&one, "AAAA-AAAA-AAAA-AAAA-AAAA");
    assert!(wrong.code == 1 && wrong.stderr.contains("each is good once"), "{}", wrong.stderr);
    assert!(!one.path().join("link.key").exists(), "nothing is left of it");
    assert_eq!(join(&one, &code).code, 0);
    assert_eq!(join(&other, &code).code, 1, "it was used");
    let late = centre.code();
    centre.execute("UPDATE site_codes SET made_at = '2026-01-01T00:00:00.000000Z'");
    assert_eq!(join(&other, &late).code, 1, "its time is over");
    let kept = centre.ask("SELECT COUNT(*) FROM site_codes WHERE hash LIKE '%-%'");
    assert_eq!(kept, "0", "only hashes are kept");
    assert_eq!(centre.sites().len(), 1);
    // Nobody can be joined over a network that reads along.
    let plain = one.run(&["join", "http://calls.example", "--code", &code]);
    assert!(plain.code == 1 && plain.stderr.contains("not encrypted"), "{}", plain.stderr);
}

#[test]
fn a_withdrawn_site_is_not_listened_to_from_then_on_and_keeps_what_it_has_until_it_joins_anew() {
    let centre = Centre::start();
    let desk = Desk::open(&["--one-in", "0"]);
    let site = centre.join(&desk);
    let link = Link::start(&desk);
    wait_for("its first word", || Some(centre.sites()).filter(|all| !all[0]["last_word"].is_null()));
    centre.home.json(&["centre", "withdraw", &site]);
    pressed(&desk, "anna", 5);
    wait_for("the link to be told", || Link::log(&desk).contains("was withdrawn").then_some(()));
    assert_eq!((desk.audio_files().len(), centre.recordings().len()), (1, 0));
    let status = wait_for("the status", || Some(desk.json(&["status"])).filter(|told| told["link"]["why"].is_string()));
    assert!(status["link"]["why"].as_str().expect("why").contains("withdrawn"), "{status:#}");
    assert_eq!(status["link"]["waiting"], 1);
    link.kill();
    centre.join(&desk);
    let _link = Link::start(&desk);
    wait_until_delivered(&desk);
    let gone = centre.home.run(&["centre", "withdraw", "0000"]);
    assert!(gone.code == 1 && gone.stderr.contains("no such site"), "{}", gone.stderr);
}

/// Copies what is in a home to another one, as an image of a machine does.
fn copied(from: &Home) -> Home {
    let to = Home::new();
    for name in ["catalog.sqlite", "catalog.sqlite-wal", "link.key", "link.counter"] {
        let _ = fs::copy(from.path().join(name), to.path().join(name));
    }
    to
}

#[test]
fn two_homes_with_one_key_are_quarantined_and_told() {
    let centre = Centre::start();
    let home = Desk::open(&["--one-in", "0"]).stop();
    centre.join(&home);
    let copy = copied(&home);
    let (_one, _two) = (Link::start(&home), Link::start(&copy));
    let sites = wait_for("the quarantine", || Some(centre.sites()).filter(|all| all[0]["standing"] == "quarantined"));
    assert_eq!(sites.len(), 1);
    for home in [&home, &copy] {
        wait_for("both to be told", || Link::log(home).contains("two homes use the key").then_some(()));
    }
}

/// A request that is sent as it is, as somebody does who holds no key, or has read along.
fn raw(centre: &Centre, method: &str, path: &str, shown: &[(&str, &str)]) -> String {
    let headers: String = shown.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    crate::machines::bytes(&centre.pages, &format!("{method} {path} HTTP/1.1\r\n{headers}")).head
}

#[test]
fn a_request_without_the_sites_signature_or_that_came_before_changes_nothing() {
    let centre = Centre::start();
    let home = Desk::open(&["--one-in", "0"]).stop();
    let site = centre.join(&home);
    let mut key = retrocall::catalog::site_key::SiteKey::of(home.path()).expect("read").expect("a key");
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let path = "/link/v1/recordings/0";
    let asked = retrocall::catalog::site_key::Asked { method: "POST", path, body_sha256: empty };
    let shown = key.sign(&asked).expect("signed");
    let counter = shown.counter.to_string();
    let all = [
        ("retrocall-site", site.as_str()),
        ("retrocall-counter", &counter),
        ("retrocall-start", &shown.start),
        ("retrocall-signature", &shown.signature),
        ("retrocall-body", empty),
    ];
    let status = |head: String| head.lines().next().expect("a line").to_owned();
    let stranger = "HTTP/1.1 401 Unauthorized";
    assert_eq!(status(raw(&centre, "POST", path, &[])), stranger);
    let forged = "0".repeat(128);
    let mut wrong = all;
    wrong[2].1 = &forged;
    assert_eq!(status(raw(&centre, "POST", path, &wrong)), stranger);
    assert_eq!(
        status(raw(&centre, "POST", "/link/v1/recordings/1", &all)),
        stranger,
        "it was signed for another place"
    );
    assert_eq!(status(raw(&centre, "POST", path, &all)), "HTTP/1.1 400 Bad Request", "signed, and no parcel");
    assert_eq!(status(raw(&centre, "POST", path, &all)), "HTTP/1.1 409 Conflict", "it came before");
    assert_eq!(centre.sites()[0]["standing"], json!("enrolled"), "a network that repeats is no copy of the home");
    // Nothing that a site may do reads a recording.
    let read = raw(&centre, "GET", "/api/v1/recordings", &all);
    assert_eq!(status(read), "HTTP/1.1 401 Unauthorized");
}
