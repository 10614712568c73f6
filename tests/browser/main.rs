//! The pages as people have them: in a real browser, with a real engine beside them.
//!
//! `make screenshots` takes pictures of every page, with `looks`; `make pages` measures, with `long`.

mod chromium;
#[path = "../desk/mod.rs"]
mod desk;
mod long;
mod looks;
#[path = "../skip/mod.rs"]
mod skip;
mod stage;

use chromium::{Chromium, DESK, Manner};
use desk::{Line, Sound};
use stage::{Kept, Stage, sweep};

/// WebDriver's characters of keys.
const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const ARROW_DOWN: &str = "\u{e015}";

/// Goes from field to field until the one with the focus is this one.
#[track_caller]
fn tab_to(browser: &Chromium, selector: &str) {
    let here = format!("return document.activeElement.matches({})", serde_json::json!(selector));
    for _ in 0..60 {
        if browser.script(&here) == true {
            return;
        }
        browser.keys(TAB);
    }
    panic!("no way to {selector} by keyboard");
}

/// Takes the call whose turn it is, and says that it is listened to.
fn listen(browser: &Chromium) {
    browser.press("Next call");
    browser.reads("Names are shown once");
    assert!(!browser.text().contains("bert"), "nobody is shown whom they judge");
    browser.press("Listen");
    browser.wait_until("a player", "document.querySelector('.timeline')");
}

#[test]
fn a_reviewer_hears_calls_seeks_in_them_and_decides_each_way_and_what_is_let_go_is_gone() {
    let Some(browser) = Chromium::start(DESK) else { return };
    let stage = Stage::open(Kept { calls: 3, pressed: 0 });
    stage.log_in(&browser, "hanna");
    browser.reads("3 calls wait");

    // The sound really plays, goes on from another place, and ends.
    listen(&browser);
    let audio = "document.querySelector('audio')";
    browser
        .wait_until("the sound", &format!("{audio}.readyState >= 2 && {audio}.duration > 44 && {audio}.duration < 46"));
    browser.press("Play");
    browser.wait_until("a second of sound", &format!("{audio}.currentTime > 0.3 && !{audio}.paused"));
    browser.press("+10 s");
    browser.wait_until("another place", &format!("{audio}.currentTime > 10 && !{audio}.seeking"));
    browser.script(&format!("{audio}.currentTime = 44.5"));
    browser.wait_until("the end", &format!("{audio}.ended"));
    browser.wait_until("a picture of the sound", "document.querySelector('canvas.wave').width > 300");
    let drawn = browser.script(
        "const canvas = document.querySelector('canvas.wave'); \
         const dots = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; \
         return dots.filter((dot, at) => at % 4 === 3 && dot > 0).length",
    );
    assert!(drawn.as_u64().is_some_and(|dots| dots > 2_000), "both legs are drawn: {drawn}");

    browser.press("Nothing to discuss: delete now");
    browser.press("Give the outcome");
    browser.reads("Delete this call?");
    browser.press("Nothing to discuss: delete now");
    browser.reads("It was a call of bert.");
    sweep(stage.home());
    stage.comes_to(2);

    listen(&browser);
    browser.press("A learning moment");
    browser.press("Give the outcome");
    browser.wait_until(
        "the note that is missing",
        "document.querySelector('[name=note]').matches(':invalid') || document.querySelector('.wrong')",
    );
    browser.press("A learning moment");
    browser.fill("note", "Asks for the order number twice <b>");
    browser.fill("at", "0:07");
    browser.press("Give the outcome");
    browser.reads("Your note is written.");
    sweep(stage.home());
    stage.comes_to(2);

    listen(&browser);
    browser.press("A private call");
    browser.press("Give the outcome");
    browser.press("A private call");
    browser.reads("The recording goes with the next clean-up");
    sweep(stage.home());
    stage.comes_to(1);

    // The agent reads the note as it was written, and answers it.
    stage.log_out(&browser);
    stage.log_in(&browser, "bert");
    browser.reads("Asks for the order number twice <b>");
    browser.reads("at 0:07");
    browser.press("Reply, or object");
    browser.fill("text", "The line was bad");
    browser.press("Reply");
    browser.reads("The line was bad");
}

#[test]
fn three_reviews_are_made_by_keyboard_alone() {
    let Some(browser) = Chromium::start(DESK) else { return };
    let stage = Stage::open(Kept { calls: 3, pressed: 0 });
    browser.go(&stage.at("/login"));
    browser.keys(&format!("hanna{TAB}{}{ENTER}", stage::PASSWORD));
    browser.reads("3 calls wait");
    for outcome in ["no-finding", "learning-moment", "private-call"] {
        browser.keys(ENTER);
        browser.reads("Names are shown once");
        browser.keys(ENTER);
        browser.wait_until("a player", "document.querySelector('.timeline')");
        browser.keys("k");
        browser.wait_until("the sound", "document.querySelector('audio').currentTime > 0.1");
        browser.keys("l");
        browser.wait_until("another place", "document.querySelector('audio').currentTime > 10");
        tab_to(&browser, "[name=outcome]");
        browser.keys(" ");
        while browser.script("return document.querySelector('[name=outcome]:checked').value") != outcome {
            browser.keys(ARROW_DOWN);
        }
        if outcome == "learning-moment" {
            tab_to(&browser, "[name=note]");
            browser.keys("Calm");
        }
        tab_to(&browser, ".outcomes button.main");
        browser.keys(ENTER);
        if outcome != "learning-moment" {
            browser.reads("Delete this call?");
            browser.keys(ENTER);
        }
        browser.reads("It was a call of bert.");
    }
    browser.keys(ENTER);
    browser.reads("No call waits");
    sweep(stage.home());
    stage.comes_to(1);
}

#[test]
fn a_team_lead_closes_a_case_and_takes_the_closing_back() {
    let Some(browser) = Chromium::start(DESK) else { return };
    let stage = Stage::open(Kept { calls: 2, pressed: 2 });
    stage.log_in(&browser, "tom");
    browser.reads("The last day to open a case is");
    browser.press("Open a case");
    browser.reads("Still needed? Without an answer");
    browser.press("Close the case");
    browser.fill("outcome", "Talked it over");
    browser.press("Close it");
    browser.reads("until then that can be taken back");
    browser.press("Take the closing back");
    browser.reads("Still needed? Without an answer");
    browser.press("It was pressed by mistake");
    browser.fill("why", "A slip of the hand");
    browser.press("Let it go");
    browser.reads("No press awaits a case.");
    // A recording of the case is heard, and that stands in its story.
    browser.press("Recording 1");
    browser.press("Listen");
    browser.wait_until("a player", "document.querySelector('.timeline')");
    browser.reads("Who listened");
}

#[test]
fn an_agent_presses_the_large_button_late_in_the_call_and_the_whole_call_is_kept() {
    let Some(browser) = Chromium::start(DESK) else { return };
    let stage = Stage::open(Kept { calls: 0, pressed: 0 });
    stage.log_in(&browser, "bert");
    browser.reads("You have no call now.");
    let sound = Sound::noise(8_000, 24_000, 7);
    let mut line = Line::begin(&stage.desk, "bert", 8_000);
    line.talk(&sound, 0, 16_000);
    // The page hears of the call by itself.
    browser.reads("Your call since");
    let answered_ms = browser.script_that_waits(
        "const [done, said] = [arguments[arguments.length - 1], document.getElementById('live-said')]; \
         const pressed = performance.now(); \
         new MutationObserver(() => said.textContent && done(performance.now() - pressed)).observe(said, { childList: true, characterData: true, subtree: true }); \
         document.querySelector('.presses button.large').click()",
    );
    browser.reads("The whole call is kept, from its first second");
    println!("answered in words after {answered_ms} ms");
    assert!(answered_ms.as_f64().is_some_and(|ms| ms < 1_000.0), "{answered_ms}");
    browser.press("Silence (card details)");
    browser.reads("Nothing of either side is held until you end it.");
    browser.press("End the silence");
    browser.reads("The silence is over.");
    line.talk(&sound, 16_000, 24_000);
    line.end_and_keep();
    let [kept] = &stage.home().recordings()[..] else { panic!("one recording") };
    assert_eq!((&kept["seconds"], &kept["agent"]), (&3.0.into(), &"bert".into()), "{kept}");
    browser.reads("You have no call now.");
}

#[test]
fn a_request_is_answered_from_its_entry_to_the_letter() {
    let Some(browser) = Chromium::start(DESK) else { return };
    let stage = Stage::open(Kept { calls: 2, pressed: 1 });
    // Whoever talks to the customer enters it, and learns nothing of what is kept.
    stage.log_in(&browser, "tom");
    browser.go(&stage.at("/requests/new"));
    browser.fill("customer", "+31 20 123 4567");
    browser.press("Enter it");
    browser.reads("It is entered");
    stage.log_out(&browser);

    stage.log_in(&browser, "olga");
    browser.go(&stage.at("/requests"));
    browser.press_at("article[data-request] h3 a");
    browser.reads("Decide about each recording first");
    browser.fill_at("form[data-deed=confirm] [name=text]", "Called back on the number");
    browser.press_at("form[data-deed=confirm] button");
    browser.reads("Identity was checked: Called back on the number");
    let undecided = "article:has(> form[data-deed=confirm])";
    browser.press_at(&format!("{undecided} summary"));
    browser.fill_at(&format!("{undecided} form[data-deed=exclude] [name=text]"), "Another caller of that number");
    browser.press_at(&format!("{undecided} form[data-deed=exclude] button"));
    browser.reads("Note that the copies leave");
    browser.fill_at("form[data-deed=export] [name=text]", "By post");
    browser.press_at("form[data-deed=export] button");
    browser.reads("Fetch the copy");
    let bytes = browser.script_that_waits(
        "const done = arguments[arguments.length - 1]; \
         fetch(document.querySelector('a[href*=\"/copies/\"]').href).then((got) => got.arrayBuffer()).then((bytes) => done(bytes.byteLength))",
    );
    assert!(bytes.as_u64().is_some_and(|bytes| bytes > 1_000_000), "the copy has the sound: {bytes}");
    browser.wait_until("a letter", "document.querySelector('pre.letter')");
    browser.press("The letter is sent");
    browser.go(&stage.at("/requests"));
    browser.reads("Granted.");
}

#[test]
fn the_council_sees_for_itself_and_nobody_is_named() {
    let Some(browser) = Chromium::start(DESK) else { return };
    let stage = Stage::open(Kept { calls: 2, pressed: 1 });
    stage.log_in(&browser, "cora");
    for question in ["Was the lottery fair?", "Was it heard in its order?", "Is the control log whole?"] {
        browser.reads(question);
    }
    browser.reads("Yes: no row was changed, removed or added");
    assert!(!browser.text().contains("bert"), "{}", browser.text());
}

#[test]
fn the_language_is_the_browsers_and_another_one_press_away() {
    let Some(browser) = Chromium::start(Manner { language: "nl", ..DESK }) else { return };
    let stage = Stage::open(Kept { calls: 1, pressed: 0 });
    browser.go(&stage.at("/login"));
    let language = |browser: &Chromium| browser.script("return document.documentElement.lang");
    assert_eq!(language(&browser), "nl");
    stage.log_in(&browser, "hanna");
    assert_eq!(language(&browser), "nl");
    browser.press("English");
    browser.reads("One call waits");
    assert_eq!(language(&browser), "en");
    browser.press("Nederlands");
    browser.wait_until("Dutch", "document.documentElement.lang === 'nl'");
}
