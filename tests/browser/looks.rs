//! Every page, by every kind of eye: axe finds nothing wrong with it, nothing sticks out of a telephone's screen, and pictures are taken of it.

use std::{fs, path::PathBuf};

use serde_json::Value;

use super::{
    chromium::{Chromium, DESK, Manner},
    stage::{CUSTOMER, Kept, Stage},
};

/// axe-core, a checker of what WCAG asks for: <https://github.com/dequelabs/axe-core>, MPL-2.0.
const AXE: &str = include_str!("axe.min.js");
/// What a telephone's page is wide and high, and the narrowest that is promised.
const TELEPHONE: (u32, u32) = (390, 844);
const NARROWEST: (u32, u32) = (360, 740);

/// A page, and what is pressed to come to see all of it.
struct Page {
    name: &'static str,
    who: Option<&'static str>,
    place: &'static str,
    presses: &'static [&'static str],
}

/// All pages.
const PAGES: [Page; 22] = [
    Page { name: "login", who: None, place: "/login", presses: &[] },
    Page { name: "next-waiting", who: Some("hanna"), place: "/next", presses: &[] },
    Page {
        name: "next-call",
        who: Some("hanna"),
        place: "/next",
        presses: &["Next call", "Listen", "A learning moment"],
    },
    Page { name: "next-skip", who: Some("hanna"), place: "/next", presses: &["Pass this call over"] },
    Page {
        name: "next-sure",
        who: Some("hanna"),
        place: "/next",
        presses: &["Nothing to discuss: delete now", "Give the outcome"],
    },
    Page { name: "mine", who: Some("bert"), place: "/mine", presses: &[] },
    Page { name: "cases", who: Some("tom"), place: "/cases", presses: &["It was pressed by mistake"] },
    Page { name: "cases-open", who: Some("tom"), place: "/cases", presses: &["Open a case", "Close the case"] },
    Page {
        name: "case-choose",
        who: Some("tom"),
        place: "/cases",
        presses: &["Add it to a case that is open", "Another case that is open"],
    },
    Page { name: "recording", who: Some("tom"), place: "/cases", presses: &["Recording 1", "Listen"] },
    Page { name: "request-entered", who: Some("tom"), place: "/requests/new", presses: &["Erasure"] },
    Page { name: "requests", who: Some("olga"), place: "/requests", presses: &[] },
    Page { name: "request", who: Some("olga"), place: "/requests", presses: &["A copy: 020 123 4567"] },
    Page {
        name: "hold",
        who: Some("olga"),
        place: "/cases",
        presses: &["Recording 1", "Stop its deletion", "Give it to somebody by law"],
    },
    Page { name: "holds", who: Some("olga"), place: "/holds", presses: &["Let the rules go on"] },
    Page { name: "inventory", who: Some("olga"), place: "/inventory", presses: &["Show it"] },
    Page { name: "decisions", who: Some("olga"), place: "/decisions", presses: &[] },
    Page { name: "teaching", who: Some("olga"), place: "/teaching", presses: &[] },
    Page { name: "board", who: Some("ada"), place: "/board", presses: &[] },
    Page { name: "check", who: Some("cora"), place: "/check", presses: &[] },
    Page { name: "password", who: Some("cora"), place: "/password", presses: &[] },
    Page { name: "nothing", who: Some("cora"), place: "/no-such-page", presses: &[] },
];

/// Goes through all pages.
fn visit(manner: Manner, mut look: impl FnMut(&Chromium, &Page)) {
    let Some(browser) = Chromium::start(manner) else { return };
    let stage = Stage::open(Kept { calls: 4, pressed: 2 });
    stage.home().json(&["access", "open", "--customer", CUSTOMER]);
    let held = stage.home().recordings()[0]["id"].as_str().expect("an id").to_owned();
    let why = ["--reason", "Claim 4711", "--until", "The court has decided", "--owner", "olga"];
    stage.home().json(&[&["hold", "set", "--recording", &held], &why[..]].concat());
    let mut who = None;
    for page in &PAGES {
        if page.who != who {
            if who.is_some() {
                stage.log_out(&browser);
            }
            if let Some(name) = page.who {
                stage.log_in(&browser, name);
            }
            who = page.who;
        }
        browser.go(&stage.at(page.place));
        for words in page.presses {
            browser.press(words);
        }
        browser.wait_until("the page", "document.readyState === 'complete' && document.querySelector('h1')");
        look(&browser, page);
    }
}

/// What axe finds, a line each.
fn violations(browser: &Chromium) -> Vec<String> {
    browser.script(&format!("if (!window.axe) {{ {AXE} }}"));
    let found = browser.script_that_waits(
        "const done = arguments[arguments.length - 1]; \
         axe.run(document, { resultTypes: ['violations'] }).then((found) => done(found.violations.map((one) => \
           `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)), (why) => done([String(why)]))",
    );
    found.as_array().expect("a list").iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// How far the page is wider than the screen, in pixels.
fn too_wide(browser: &Chromium) -> i64 {
    let wide = browser.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
    wide.as_i64().expect("a number")
}

#[track_caller]
fn nothing_is_wrong(manner: Manner) {
    let mut wrong = Vec::new();
    visit(manner, |browser, page| {
        let found = violations(browser);
        wrong.extend(found.into_iter().map(|one| format!("{}: {one}", page.name)));
        let wide = too_wide(browser);
        if wide > 0 {
            wrong.push(format!("{}: {wide} pixels wider than the screen", page.name));
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn axe_finds_nothing_wrong_with_any_page_on_a_desk() {
    nothing_is_wrong(DESK);
}

#[test]
fn axe_finds_a_picture_without_words_and_letters_too_pale_to_read() {
    let Some(browser) = Chromium::start(DESK) else { return };
    browser.go("data:text/html,<html lang=en><title>x</title><main><h1>x</h1><img src=x><p style='color:%23bbb'>pale</p></main>");
    let found = violations(&browser).join("\n");
    assert!(found.contains("image-alt") && found.contains("color-contrast"), "{found}");
}

#[test]
fn axe_finds_nothing_wrong_with_any_page_on_a_narrow_dark_telephone() {
    nothing_is_wrong(Manner { size: NARROWEST, is_dark: true, ..DESK });
}

/// Pictures, for people to look at: `make screenshots`.
#[test]
#[ignore = "takes pictures into the folder that RETROCALL_PICTURES names"]
fn pictures_of_every_page() {
    let folder = PathBuf::from(std::env::var_os("RETROCALL_PICTURES").expect("a folder for pictures"));
    fs::create_dir_all(&folder).expect("a folder");
    for (size, is_dark) in [(DESK.size, false), (DESK.size, true), (TELEPHONE, false), (TELEPHONE, true)] {
        visit(Manner { size, is_dark, ..DESK }, |browser, page| {
            let shade = if is_dark { "dark" } else { "light" };
            fs::write(folder.join(format!("{}-{}-{shade}.png", page.name, size.0)), browser.picture())
                .expect("a picture");
        });
    }
}
