//! "Next call", from the queue to the outcome.

use axum::http::{Method, StatusCode};
use retrocall_records::desk::{Accounts as _, Desk as _, DeskRole, Listening as _, Notes as _, Person, SoundFile};
use retrocall_words::{Clock as _, Reason};

use super::*;

fn hanna() -> Person {
    Person { roles: [DeskRole::Reviewer].into(), ..Person::owner("hanna") }
}

/// The recording that Hanna has at hand.
fn at_hand(home: &Home) -> String {
    home.desk.at_hand(&hanna(), home.clock.wall()).expect("an answer").expect("a call").recording
}

#[test]
fn d1_a_call_is_handed_out_without_names_heard_and_decided_and_then_its_agent_is_shown() {
    let home = Home::new();
    let mut browser = Browser::of(&home, "hanna");
    let waiting = browser.get("/next").text();
    assert!(waiting.contains("3 calls wait") && waiting.contains("1 of 3 fit this week"), "{waiting}");
    assert!(waiting.contains("One call lies beyond two weeks"), "{waiting}");
    assert_eq!(browser.post("/next", &[]).header("location"), "/next");
    let page = browser.get("/next").text();
    let recording = at_hand(&home);
    assert!(
        ![">anna", " anna", "\"anna"].iter().any(|name| page.contains(name)) && page.contains("hanna"),
        "no name but one's own: {page}"
    );
    assert!(page.contains("28 Nov 2026 13:00") && page.contains(">Listen<") && !page.contains("<audio"), "{page}");

    // Nothing is heard before it is noted.
    let sound = format!("/recordings/{recording}/audio");
    assert_eq!(browser.get(&sound).status, StatusCode::FORBIDDEN);
    let review = home.desk.at_hand(&hanna(), home.clock.wall()).expect("an answer").expect("a call").review;
    let play = format!("/recordings/{recording}/play");
    assert_eq!(browser.post(&play, &[("of", &review), ("to", "/next")]).header("location"), "/next");
    let uses = home.desk.story(&Home::owner(), &recording).expect("a story").uses;
    assert_eq!((uses.len(), &*uses[0].by), (1, "hanna"));
    assert!(browser.get("/next").text().contains("<audio"));
    let got = browser.get(&sound);
    assert_eq!((got.status, got.header("content-type"), got.body.len()), (StatusCode::OK, "audio/wav", 44 + 32_000));
    assert!(!got.body.windows(4).any(|four| four == b"anna"), "the label names people");
    assert_eq!(home.desk.story(&Home::owner(), &recording).expect("a story").uses.len(), 1, "it is one play");

    let asked = browser.post("/next/outcome", &[("recording", &recording), ("outcome", "no-finding")]);
    assert!(asked.text().contains("Delete this call?"), "{}", asked.text());
    assert_eq!(at_hand(&home), recording, "it asks first");
    let sure = [("recording", &*recording), ("outcome", "no-finding"), ("sure", "yes")];
    let done = browser.post("/next/outcome", &sure).text();
    assert!(done.contains("It was a call of anna."), "{done}");
    assert_eq!(browser.post("/next/outcome", &sure).status, StatusCode::NOT_FOUND, "it is at hand no more");
    assert_eq!(browser.get(&sound).status, StatusCode::FORBIDDEN, "to hear it again is another play");
    assert!(browser.get("/next").text().contains("2 calls wait"));
}

#[test]
fn a_learning_moment_needs_its_note_which_is_kept_while_something_is_missing() {
    let home = Home::new();
    let mut browser = Browser::of(&home, "hanna");
    browser.post("/next", &[]);
    let recording = at_hand(&home);
    let moment = |note: &str, at: &str, browser: &mut Browser| {
        let fields = [("recording", &*recording), ("outcome", "learning-moment"), ("note", note), ("at", at)];
        browser.post("/next/outcome", &fields)
    };
    let got = moment("  ", "", &mut browser);
    assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(got.text().contains("Write what there is to learn"), "{}", got.text());
    let script = "Asks twice <script>alert(1)</script> \"quoted\"";
    let again = moment(script, "soon", &mut browser).text();
    assert!(again.contains("minutes:seconds, such as") && again.contains("Asks twice &lt;script&gt;"), "{again}");
    assert!(!again.contains("<script>alert"), "{again}");
    assert_eq!(moment(&"a".repeat(5_000), "", &mut browser).status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = moment(script, "0:30", &mut browser).text();
    assert!(done.contains("Your note is written.") && done.contains("Use it as teaching material"), "{done}");
    let proposed = browser.post("/teaching", &[("recording", &*recording), ("reason", "Calms an angry caller")]);
    assert_eq!(proposed.header("location"), "/decisions");
    let waits = browser.get("/decisions").text();
    assert!(waits.contains("Calms an angry caller") && waits.contains("somebody else decides"), "{waits}");
    let notes = home.desk.notes(&hanna(), &recording).expect("notes");
    assert_eq!((&*notes[0].text, notes[0].at_seconds), (script, Some(30.0)));
}

#[test]
fn a_call_is_passed_over_with_a_reason_from_the_list_alone() {
    let home = Home::new();
    let mut browser = Browser::of(&home, "hanna");
    browser.post("/next", &[]);
    let first = at_hand(&home);
    assert_eq!(browser.post("/next/skip", &[("reason", "dull")]).status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(at_hand(&home), first);
    browser.post("/next/skip", &[("reason", "language")]);
    assert_ne!(at_hand(&home), first);
    for _ in 0..2 {
        browser.post("/next/skip", &[("reason", "too-close")]);
    }
    let got = browser.post("/next", &[]);
    assert_eq!(got.header("location"), "/next?none=yes");
    assert!(browser.get("/next?none=yes").text().contains("No call waits for you"));
}

#[test]
fn a_call_that_was_pressed_as_well_stays_for_the_incident_and_the_page_says_so() {
    let home = Home::new();
    let both = home.recording(&[Reason::OnDemand, Reason::Sample]);
    let mut browser = Browser::of(&home, "hanna");
    browser.post("/next", &[]);
    for _ in 0..3 {
        if at_hand(&home) == both {
            break;
        }
        browser.post("/next/skip", &[("reason", "language")]);
    }
    let fields = [("recording", &*both), ("outcome", "private-call"), ("sure", "yes")];
    let done = browser.post("/next/outcome", &fields).text();
    assert!(done.contains("It is kept for: Incident."), "{done}");
}

#[test]
fn any_range_of_a_recording_is_the_same_as_that_part_of_the_whole() {
    let home = Home::new();
    let mut browser = Browser::of(&home, "hanna");
    let recording = home.sampled();
    browser.post(&format!("/recordings/{recording}/play"), &[]);
    let place = format!("/recordings/{recording}/audio");
    let whole = browser.get(&place);
    assert_eq!(whole.header("accept-ranges"), "bytes");
    for (asked, from, to) in [
        ("0-", 0, 32_044),
        ("10-99", 10, 100),
        ("44-47", 44, 48),
        ("32000-99999", 32_000, 32_044),
        ("-4", 32_040, 32_044),
    ] {
        let got = browser.ask(Method::GET, &place, &[("range", &format!("bytes={asked}"))], None);
        assert_eq!(got.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(got.header("content-range"), format!("bytes {from}-{}/32044", to - 1));
        assert!(got.body == whole.body[from..to], "{asked}");
    }
    let beyond = browser.ask(Method::GET, &place, &[("range", "bytes=32044-")], None);
    assert_eq!((beyond.status, beyond.header("content-range")), (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */32044"));
    assert_eq!(browser.get(&format!("{place}?part=2")).status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get(&format!("{place}?part=../1")).status, StatusCode::NOT_FOUND);
}

#[test]
fn a_role_that_is_taken_away_ends_a_download_that_is_going_on() {
    let home = Home::new();
    let recording = home.sampled();
    // Longer than a piece.
    let sound = home.desk.sound(&hanna(), &recording, home.clock.wall()).expect("a sound");
    let SoundFile::OnDisk(file) = &sound.parts[0] else { panic!("it lies in the home") };
    let mut bytes = std::fs::read(file).expect("a file");
    bytes.resize(1 << 20, 7);
    let size = bytes.len() as u32 - 62;
    bytes[58..62].copy_from_slice(&size.to_le_bytes());
    std::fs::write(file, bytes).expect("a file");
    let mut browser = Browser::of(&home, "hanna");
    browser.post(&format!("/recordings/{recording}/play"), &[]);
    let place = format!("/recordings/{recording}/audio");
    let (first, is_whole) = browser.piecewise(&place, || {});
    assert!(first.len() == 128 * 1024 && is_whole);
    let take =
        || home.desk.set_roles(&Home::owner(), "hanna", &[DeskRole::Council].into(), home.clock.wall()).expect("taken");
    assert!(!browser.piecewise(&place, take).1, "the rest is not sent");
    assert_eq!(browser.get(&place).status, StatusCode::SEE_OTHER, "she has to log in again");
}

#[test]
fn a_picture_is_computed_once_kept_with_the_rights_of_its_sound_and_never_outlives_it() {
    let home = Home::new();
    let recording = home.sampled();
    std::fs::create_dir(home.path().join("peaks")).expect("a folder");
    let mut browser = Browser::of(&home, "hanna");
    let place = format!("/recordings/{recording}/peaks");
    let picture = browser.get(&place);
    assert_eq!((picture.status, &picture.body[..8]), (StatusCode::OK, &b"rcpeaks1"[..]));
    assert_eq!(picture.body.len(), 16 + 4 * 100, "10 ms each");
    let kept = home.path().join("peaks").join(&recording);
    assert_eq!(std::fs::read(&kept).expect("it is kept"), picture.body);
    // What is kept is what is shown.
    let mut other = picture.body.clone();
    other[20] ^= 1;
    std::fs::write(&kept, &other).expect("a file");
    assert_eq!(browser.get(&place).body, other);
    assert_eq!(Browser::of(&home, "tom").get(&place).status, StatusCode::NOT_FOUND);
    assert_eq!(retrocall_records::peaks_paths(home.path(), &recording)[0], kept);
}
