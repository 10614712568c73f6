//! Being let in and kept out: passwords, cookies, forms of other pages, headers, and what an attacker tries.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use retrocall_records::desk::{Accounts as _, DeskRole, Listening as _, Logins as _, Person};
use retrocall_words::Clock as _;

use super::*;

#[test]
fn the_right_password_lets_in_and_leads_where_one_wanted_to_go() {
    let home = Home::new();
    let mut browser = Browser::new(&home);
    let sent = browser.get("/next");
    assert_eq!((sent.status, sent.header("location")), (StatusCode::SEE_OTHER, "/login?to=%2Fnext"));
    let page = browser.get("/login?to=/next").text();
    assert!(page.contains("name=\"to\" value=\"/next\""), "{page}");
    for (name, password) in [("hanna", "another password"), ("hanna", ""), ("nobody", PASSWORD), ("", "")] {
        let got = browser.log_in(name, password);
        assert_eq!(got.status, StatusCode::UNAUTHORIZED);
        assert!(got.text().contains("The name or the password is wrong"), "{}", got.text());
    }
    let fields = [("name", "hanna"), ("password", PASSWORD), ("to", "/next")];
    assert_eq!(browser.post("/login", &fields).header("location"), "/next");
    assert_eq!(browser.get("/").header("location"), "/next");
    let evil = [("name", "hanna"), ("password", PASSWORD), ("to", "//evil.example/")];
    assert_eq!(browser.post("/login", &evil).header("location"), "/");
}

#[test]
fn a_secret_that_was_planted_before_opens_nothing_and_each_way_in_or_out_gives_another() {
    let home = Home::new();
    let mut browser = Browser::new(&home);
    browser.get("/login");
    let planted = browser.cookies.clone();
    browser.log_in("hanna", PASSWORD);
    let logged_in = browser.cookies.clone();
    assert_ne!(planted, logged_in);
    let mut attacker = Browser::new(&home);
    attacker.cookies = planted;
    assert_eq!(attacker.get("/next").status, StatusCode::SEE_OTHER);

    let new = "other words that fit";
    let changed = [("password", PASSWORD), ("new", new), ("again", new)];
    assert_eq!(browser.post("/password", &changed).status, StatusCode::SEE_OTHER);
    let after = browser.cookies.clone();
    assert_ne!(after, logged_in);
    assert_eq!(browser.get("/next").status, StatusCode::OK);
    attacker.cookies = logged_in;
    assert_eq!(attacker.get("/next").status, StatusCode::SEE_OTHER, "the password was changed");
    browser.post("/logout", &[]);
    assert_ne!(browser.cookies, after);
    attacker.cookies = after;
    assert_eq!(attacker.get("/next").status, StatusCode::SEE_OTHER, "it was logged out");
    browser.get("/login");
    assert_eq!(browser.log_in("hanna", PASSWORD).status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.log_in("hanna", new).status, StatusCode::SEE_OTHER);
}

#[test]
fn a_new_password_is_refused_in_words_if_it_is_short_mistyped_or_not_the_owners() {
    let home = Home::new();
    let mut browser = Browser::of(&home, "hanna");
    for (password, new, again, why) in [
        (PASSWORD, "short", "short", "12 characters"),
        (PASSWORD, "other words that fit", "other words", "was not typed the same twice"),
        ("not mine at all", "other words that fit", "other words that fit", "is another one"),
    ] {
        let got = browser.post("/password", &[("password", password), ("new", new), ("again", again)]).text();
        assert!(got.contains(why), "{got}");
    }
    assert!(
        home.desk
            .password("hanna")
            .expect("an answer")
            .is_some_and(|hash| crate::password::is_right(PASSWORD, Some(&hash)))
    );
}

#[test]
fn whoever_idles_or_stays_too_long_logs_in_again() {
    let home = Home::new();
    let mut browser = Browser::of(&home, "hanna");
    for _ in 0..20 {
        home.clock.pass(Duration::from_secs(29 * 60));
        assert_eq!(browser.get("/next").status, StatusCode::OK);
    }
    home.clock.pass(Duration::from_secs(31 * 60));
    assert_eq!(browser.get("/next").status, StatusCode::SEE_OTHER, "half an hour without a click");
    let mut browser = Browser::of(&home, "hanna");
    for _ in 0..24 {
        home.clock.pass(Duration::from_secs(29 * 60));
        browser.get("/next");
    }
    home.clock.pass(Duration::from_secs(29 * 60));
    assert_eq!(browser.get("/next").status, StatusCode::SEE_OTHER, "twelve hours");
}

#[test]
fn another_role_is_another_log_in_and_another_start() {
    let home = Home::new();
    let mut browser = Browser::of(&home, "hanna");
    home.desk.set_roles(&Home::owner(), "hanna", &[DeskRole::Council].into(), home.clock.wall()).expect("set");
    assert_eq!(browser.get("/next").status, StatusCode::SEE_OTHER);
    let mut browser = Browser::of(&home, "hanna");
    let refused = browser.get("/next");
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text().contains("It is for somebody who is reviewer"), "{}", refused.text());
}

#[test]
fn a_form_of_another_page_does_nothing() {
    let home = Home::new();
    let mut browser = Browser::of(&home, "hanna");
    let own = browser.token.clone();
    let anothers = Browser::of(&home, "anna").token;
    let send = |browser: &mut Browser, token: &str, headers: &[(&str, &str)]| {
        browser.ask(Method::POST, "/next", headers, Some(format!("form={token}"))).status
    };
    for token in ["", "0", &anothers, &own[1..]] {
        assert_eq!(send(&mut browser, token, &[]), StatusCode::FORBIDDEN, "{token}");
    }
    for headers in [
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("origin", "http://localhost:8081")],
    ] {
        assert_eq!(send(&mut browser, &own, &headers), StatusCode::FORBIDDEN, "{headers:?}");
    }
    let hanna = Person { roles: [DeskRole::Reviewer].into(), ..Person::owner("hanna") };
    assert_eq!(home.desk.at_hand(&hanna, home.clock.wall()), Ok(None), "nothing was handed out");
    let from_here = [("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")];
    assert_eq!(send(&mut browser, &own, &from_here), StatusCode::SEE_OTHER);
    assert!(home.desk.at_hand(&hanna, home.clock.wall()).expect("an answer").is_some());
    let long = format!("form={own}&note={}", "a".repeat(70_000));
    assert_eq!(browser.ask(Method::POST, "/next", &[], Some(long)).status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[test]
fn every_answer_has_the_headers_and_no_page_holds_a_script_or_a_style_of_its_own() {
    let home = Home::new();
    let mut browser = Browser::of(&home, "hanna");
    browser.post("/next", &[]);
    let page = browser.get("/next").text();
    let style = page.split('"').find(|text| text.ends_with("style.css")).expect("a style").to_owned();
    let mut stranger = Browser::new(&home);
    let evil = |browser: &mut Browser| {
        browser.headers = vec![("host", "evil.example".to_owned())];
        browser.get("/login")
    };
    let answers = [
        browser.get("/next"),
        browser.get("/password"),
        browser.get("/nowhere"),
        browser.get(&style),
        browser.get("/assets/0/nothing.css"),
        browser.get("/recordings/1/audio"),
        browser.post("/next/skip", &[]),
        browser.ask(Method::DELETE, "/next", &[], None),
        stranger.get("/login"),
        evil(&mut stranger),
    ];
    for got in &answers {
        let policy = got.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
        assert_eq!(got.header("referrer-policy"), "same-origin");
        assert_eq!(got.header("x-frame-options"), "DENY");
        let text = got.text();
        if got.header("content-type").starts_with("text/html") {
            assert_eq!(got.header("cache-control"), "no-store");
            assert!(!text.contains(" style=") && !text.contains("<style") && !text.contains(" onclick"), "{text}");
            assert!(
                text.split("<script")
                    .skip(1)
                    .all(|script| script.contains(" src=\"/assets/") && script.contains("></script>")),
                "{text}"
            );
            assert!(!text.contains("http://") && !text.contains("https://"), "nothing comes from elsewhere: {text}");
            assert!(text.contains("<html lang=\"en\">") && text.contains("<title>"), "{text}");
        }
    }
    assert_eq!(answers[2].status, StatusCode::NOT_FOUND);
    assert!(answers[3].header("cache-control").contains("immutable"));
    assert_eq!(answers[9].status, StatusCode::MISDIRECTED_REQUEST);
}

#[test]
fn cookies_are_out_of_reach_of_scripts_and_of_other_pages() {
    let home = Home::new();
    let got = Browser::new(&home).get("/login");
    let cookie = got.header("set-cookie").to_owned();
    assert!(cookie.starts_with("retrocall=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    let (socket, desk) = (home.socket(), home.desk.clone());
    let of = (home.path(), &*socket, desk);
    let secure = crate::pages::Pages::new(of, (None, None), home::rules(), home.clock.clone(), true, Vec::new());
    let cookie = crate::guard::secret_cookie(&secure, "0");
    assert_eq!(cookie, "__Host-retrocall=0; Path=/; HttpOnly; SameSite=Lax; Secure");
}

#[test]
fn guessing_a_password_is_stopped_and_said_so() {
    let home = Home::new();
    let mut browser = Browser::new(&home);
    browser.get("/login");
    let stopped = (0..12)
        .map(|_| browser.log_in("hanna", "a guess that is wrong"))
        .find(|got| got.status == StatusCode::TOO_MANY_REQUESTS);
    let stopped = stopped.expect("it is stopped");
    let wait: i64 = stopped.header("retry-after").parse().expect("seconds");
    assert!((1..=61).contains(&wait) && stopped.text().contains("Too many tries"), "{wait}");
    assert_eq!(browser.log_in("hanna", PASSWORD).status, StatusCode::TOO_MANY_REQUESTS, "the right one too");
    assert_eq!(Browser::of(&home, "tom").get("/password").status, StatusCode::OK, "others are let in");
    home.clock.pass(SignedDuration::from_secs(wait).unsigned_abs());
    assert_eq!(browser.log_in("hanna", PASSWORD).status, StatusCode::SEE_OTHER);
}

#[test]
fn the_page_speaks_the_language_that_the_browser_asks_for_until_somebody_chooses() {
    let home = Home::new();
    let mut browser = Browser::new(&home);
    browser.headers.push(("accept-language", "nl-NL,nl;q=0.9".to_owned()));
    let dutch = browser.get("/login").text();
    assert!(dutch.contains("Inloggen") && dutch.contains("<html lang=\"nl\">"), "{dutch}");
    assert_eq!(browser.post("/language", &[("language", "en"), ("to", "/login")]).header("location"), "/login");
    assert!(browser.get("/login").text().contains("Log in"));
    assert_eq!(
        browser.post("/language", &[("language", "en"), ("to", "https://evil.example")]).header("location"),
        "/"
    );
}

#[test]
fn tricks_with_paths_and_headers_find_nothing() {
    let home = Home::new();
    let mut browser = Browser::of(&home, "olga");
    for path in [
        "/recordings/..%2f..%2fledger.key/audio",
        "/recordings/%2e%2e/audio",
        "/assets/../../../etc/passwd",
        "/assets/x/..%2f..%2fCargo.toml",
        "/recordings/%00/audio",
        "/recordings//audio",
        "//login",
        "/recordings/a'%20OR%20'1'='1/audio",
    ] {
        assert_eq!(browser.get(path).status, StatusCode::NOT_FOUND, "{path}");
    }
    let split = browser.post("/language", &[("language", "nl\r\nset-cookie: a=b"), ("to", "/")]);
    assert_eq!(split.status, StatusCode::UNPROCESSABLE_ENTITY);
    let split = browser.post("/language", &[("language", "nl"), ("to", "/\r\nset-cookie: a=b")]);
    assert_eq!(split.header("location"), "/");
}
