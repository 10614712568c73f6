//! A hotkey as an agent has it: a real X server, a real engine, the real program between them. Keys are pressed through the server.

mod bus;
#[path = "../desk/mod.rs"]
mod desk;
mod desktop;
mod screen;
#[path = "../skip/mod.rs"]
mod skip;

use std::{collections::BTreeMap, fs, time::Duration};

use nix::sys::signal::Signal;
use retrocall::{
    audio::Leg,
    protocol::Ask,
    words::{Clock as _, SystemClock},
};
use serde_json::json;
use x11rb::protocol::xproto::{ConnectionExt as _, GrabMode, GrabStatus, ModMask};

use bus::{Bus, Desktop};
use desk::{Desk, Line, Ran, Sound, wait_for};
use screen::{ALT, CAPS_LOCK, CTRL, Companion, F9, NUM_LOCK, R, RECORD, Screen};

/// No test needs the draw.
const NO_SAMPLE: [&str; 2] = ["--one-in", "0"];

/// The middle and the worst but one in a hundred.
fn figures(mut micros: Vec<u64>) -> (u64, u64) {
    micros.sort_unstable();
    (micros[micros.len() / 2], micros[micros.len() * 99 / 100])
}

#[test]
fn a_late_press_keeps_the_call_from_its_first_sample() {
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    // Nobody says whose call: there is one.
    let mut companion = Companion::start(&desk, &screen, &[]);
    let (sound, mut line) = (Sound::noise(8000, 24_000, 7), Line::begin(&desk, "anna", 8000));
    line.talk(&sound, 0, 16_000);
    line.settle();
    screen.fingers().press(&RECORD);
    let said = companion.next();
    assert_eq!(
        (&said["key"], &said["do"], &said["answer"], &said["seconds"]),
        (&json!("record"), &json!("record"), &json!("accepted"), &json!(2.0))
    );
    line.talk(&sound, 16_000, 24_000);
    Sound::of_recording(&line.end_and_keep()).assert_is(&sound);
}

/// What is printed is what a person waits for: from the key that goes down in the server to the line that says what came of it.
#[test]
fn each_of_200_presses_is_answered_once() {
    const PRESSES: u64 = 200;
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let mut companion = Companion::start(&desk, &screen, &["--agent", "anna"]);
    let _line = Line::begin(&desk, "anna", 8000);
    let fingers = screen.fingers();
    let codes = RECORD.map(|keysym| fingers.code(keysym));
    let (mut whole, mut asked) = (Vec::new(), Vec::new());
    for press in 0..PRESSES {
        let began = SystemClock.now();
        fingers.press_codes(&codes);
        let said = companion.next();
        whole.push(u64::try_from(SystemClock.since(began).as_micros()).expect("it is short"));
        asked.push(said["took_us"].as_u64().expect("a time"));
        let answer = if press == 0 { "accepted" } else { "already" };
        assert_eq!((&said["key"], &said["answer"]), (&json!("record"), &json!(answer)), "press {press}: {said}");
    }
    assert!(!companion.has_more(), "a press was answered twice");
    let status = desk.json(&["status"]);
    assert_eq!(status["totals"]["presses"], 1);
    assert_eq!(status["totals"]["presses_again"], PRESSES - 1);
    let ((p50, p99), (asked_p50, asked_p99)) = (figures(whole), figures(asked));
    eprintln!("200 presses, key to answer: p50 {p50} µs, p99 {p99} µs (of these the engine: {asked_p50}, {asked_p99})");
}

/// The desk's own tool for it, and what a stream deck sends: a program that presses keys and goes.
#[test]
fn a_press_by_another_program_is_answered_with_the_locks_on_too() {
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let mut companion = Companion::start(&desk, &screen, &["--agent", "anna"]);
    let _line = Line::begin(&desk, "anna", 8000);
    let fingers = screen.fingers();
    for (lock, answer) in [(None, "accepted"), (Some(NUM_LOCK), "already"), (Some(CAPS_LOCK), "already")] {
        lock.into_iter().for_each(|lock| fingers.press(&[lock]));
        let mut xdotool = std::process::Command::new("xdotool");
        xdotool.args(["key", "ctrl+alt+r"]).env("DISPLAY", &screen.name);
        let Ok(status) = xdotool.status() else {
            return skip::skip("a press by another program needs xdotool: `make setup` installs it");
        };
        assert!(status.success());
        assert_eq!(companion.next()["answer"], answer, "with {lock:?}");
    }
}

/// The server repeats a held key 25 times a second. And an agent who holds one key types a card number with the others.
#[test]
fn the_mask_key_masks_for_as_long_as_it_is_held_and_other_keys_still_reach_their_window() {
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let mut companion = Companion::start(&desk, &screen, &["--agent", "anna", "--mask", "f9"]);
    let _line = Line::begin(&desk, "anna", 8000);
    let fingers = screen.fingers();
    fingers.focused_window();
    let masked = || desk.json(&["calls"])[0]["masked"].clone();
    for _ in 0..2 {
        fingers.down(F9);
        let said = companion.next();
        assert_eq!((&said["do"], &said["answer"]), (&json!("mask"), &json!("accepted")));
        wait_for_repeats(&companion);
        for _ in 0..3 {
            assert_eq!(masked(), true);
            // In the moment in which the held key repeats itself, a key may be lost: nobody types so fast that it is every one.
            let typed = wait_for("a key in its window", || {
                fingers.press(&[R]);
                fingers.typed_within(Duration::from_secs(1))
            });
            assert_eq!(typed, fingers.code(R));
        }
        assert!(!companion.has_more(), "a key that is held was taken for one that is pressed again");
        fingers.up(F9);
        let said = companion.next();
        assert_eq!((&said["do"], &said["answer"]), (&json!("unmask"), &json!("accepted")));
        assert_eq!(masked(), false);
    }
}

#[test]
fn a_record_key_that_is_held_is_one_press() {
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let mut companion = Companion::start(&desk, &screen, &["--agent", "anna"]);
    let _line = Line::begin(&desk, "anna", 8000);
    let fingers = screen.fingers();
    // This server does repeat a key that is held: one that nobody has taken comes to its window again and again.
    fingers.focused_window();
    fingers.down(R);
    for _ in 0..3 {
        assert_eq!(fingers.typed(), fingers.code(R));
    }
    fingers.up(R);
    RECORD.iter().for_each(|keysym| fingers.down(*keysym));
    assert_eq!(companion.next()["answer"], "accepted");
    wait_for_repeats(&companion);
    RECORD.iter().rev().for_each(|keysym| fingers.up(*keysym));
    // A key that is let go and pressed in the same millisecond repeats itself.
    fingers.wait_by_the_server(2);
    fingers.press(&RECORD);
    assert_eq!(companion.next()["answer"], "already");
    assert_eq!(desk.json(&["status"])["totals"]["presses_again"], 1, "what was held was pressed again");
}

#[test]
fn what_somebody_else_masked_stays_masked_when_the_key_is_let_go() {
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let mut companion = Companion::start(&desk, &screen, &["--agent", "anna", "--mask", "f9"]);
    let mut line = Line::begin(&desk, "anna", 8000);
    line.accepted(Ask::Mask);
    let fingers = screen.fingers();
    fingers.press(&[F9]);
    assert_eq!(companion.next()["answer"], "already");
    // A press behind it: had anything been said of letting go, it would come first.
    fingers.press(&RECORD);
    assert_eq!(companion.next()["do"], "record");
    assert_eq!(desk.json(&["calls"])[0]["masked"], true);
    // The call that was masked is the one that is unmasked, whatever call the agent has by then.
    line.accepted(Ask::Unmask);
    fingers.down(F9);
    assert_eq!(companion.next()["answer"], "accepted");
    let _later = Line::begin(&desk, "anna", 8000);
    fingers.up(F9);
    let said = companion.next();
    assert_eq!((&said["do"], &said["call"]), (&json!("unmask"), &json!(line.call.to_string())));
}

#[test]
fn the_private_key_makes_the_call_private_and_record_is_then_refused() {
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open_with("[hotkey]\nprivate = \"ctrl+alt+p\"\n", &NO_SAMPLE);
    let mut companion = Companion::start(&desk, &screen, &["--agent", "anna"]);
    let mut line = Line::begin(&desk, "anna", 8000);
    line.frame(Leg::Agent, 0, &[1; 160]);
    line.settle();
    let fingers = screen.fingers();
    fingers.press(&[CTRL, ALT, 'p' as u32]);
    assert_eq!(companion.next()["answer"], "accepted");
    fingers.press(&RECORD);
    let said = companion.next();
    assert_eq!((&said["answer"], &said["reason"]), (&json!("refused"), &json!("private")));
}

#[test]
fn a_press_without_a_call_is_told_so_in_words() {
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let mut companion = Companion::run(Companion::command(&desk, &screen.name, &["--agent", "anna"]));
    assert_eq!(companion.next(), "ctrl+alt+r keeps your call, from its first second.");
    screen.fingers().press(&RECORD);
    companion.says("retrocall: Not recorded: no call. ");
    let _line = Line::begin(&desk, "anna", 8000);
    screen.fingers().press(&RECORD);
    companion.says("retrocall: Recording from the start. ");
}

#[test]
fn a_press_while_the_engine_is_away_says_so_and_the_next_engine_is_found() {
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let mut companion = Companion::start(&desk, &screen, &["--agent", "anna"]);
    let fingers = screen.fingers();
    let call = Line::begin(&desk, "anna", 8000);
    fingers.press(&RECORD);
    assert_eq!(companion.next()["answer"], "accepted");
    drop(call);
    let home = desk.kill();
    fingers.press(&RECORD);
    let said = companion.next();
    assert!(said["error"].as_str().expect("why there is no answer").contains("no engine"), "{said}");
    let desk = home.start(&NO_SAMPLE);
    let _call = Line::begin(&desk, "anna", 8000);
    fingers.press(&RECORD);
    assert_eq!(companion.next()["answer"], "accepted");
    // Another engine between two presses: nobody pressed while it was away.
    let home = desk.stop();
    let desk = home.start(&NO_SAMPLE);
    let _call = Line::begin(&desk, "anna", 8000);
    fingers.press(&RECORD);
    assert_eq!(companion.next()["answer"], "accepted");
}

#[test]
fn an_engine_that_does_not_answer_is_told_of_and_asked_again_at_the_next_press() {
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let mut companion = Companion::start(&desk, &screen, &["--agent", "anna"]);
    let _call = Line::begin(&desk, "anna", 8000);
    desk.signal(Signal::SIGSTOP);
    screen.fingers().press(&RECORD);
    let said = companion.next();
    desk.signal(Signal::SIGCONT);
    assert!(said["error"].as_str().expect("why there is no answer").contains("silent"), "{said}");
    screen.fingers().press(&RECORD);
    // It may have heard the first one after all.
    assert_ne!(companion.next()["answer"], "refused");
}

#[test]
fn keys_that_another_program_has_are_named_with_what_to_do() {
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let fingers = screen.fingers();
    let grabbed = ModMask::CONTROL | ModMask::M1;
    let (code, mode) = (fingers.code(R), GrabMode::ASYNC);
    fingers.display.grab_key(false, fingers.root, grabbed, code, mode, mode).expect("a request").check().expect("ours");
    let refused = |flags: &[&str]| {
        let ran = Ran::of(Companion::command(&desk, &screen.name, flags));
        assert_eq!((ran.code, ran.stderr.lines().count()), (1, 1), "{ran:?}");
        ran.stderr
    };
    let said = refused(&[]);
    assert!(
        said.contains("another program has ctrl+alt+r: choose other keys") && said.contains("docs/hotkey.md"),
        "{said}"
    );
    let companion = Companion::start(&desk, &screen, &["--record", "f9"]);
    let said = refused(&["--record", "f9"]);
    assert!(said.contains("another `retrocall hotkey` has f9"), "{said}");
    drop(companion);
    let said = refused(&["--record", "f24"]);
    assert!(said.contains("no key `f24`"), "{said}");
    let said = refused(&["--mask", "ctrl+alt+r"]);
    assert!(said.contains("record and mask both have ctrl+alt+r"), "{said}");
}

#[test]
fn without_a_display_it_says_so_instead_of_waiting_for_keys_that_never_come() {
    let desk = Desk::open(&NO_SAMPLE);
    let mut command = Companion::command(&desk, "", &[]);
    command.env_remove("DISPLAY");
    let ran = Ran::of(command);
    assert_eq!((ran.code, ran.stderr.lines().count()), (1, 1), "{ran:?}");
    assert!(ran.stderr.contains("connect to the display first") && ran.stderr.contains("retrocall record"), "{ran:?}");
}

#[test]
fn a_display_that_goes_away_ends_it_with_a_word() {
    let Some(mut screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let mut companion = Companion::start(&desk, &screen, &[]);
    screen.kill();
    assert_eq!(companion.ended(), Some(1));
    companion.says("the display is gone");
}

#[test]
fn the_key_is_found_again_when_the_keyboard_layout_changes() {
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let mut companion = Companion::start(&desk, &screen, &["--agent", "anna"]);
    let _line = Line::begin(&desk, "anna", 8000);
    let fingers = screen.fingers();
    let (r, f9) = (fingers.code(R), fingers.code(F9));
    for (code, keysym) in [(r, F9), (f9, R)] {
        fingers.display.change_keyboard_mapping(1, code, 1, &[keysym]).expect("a request").check().expect("a layout");
    }
    // Nobody tells us when it has seen that: until then the press reaches nobody, and is no press.
    let said = wait_for("a press with the new layout", || {
        fingers.press_codes(&[fingers.code(CTRL), fingers.code(ALT), f9]);
        companion.next_soon()
    });
    assert_eq!(said["answer"], "accepted");
}

/// How often each thread of a process gave up its processor by itself.
fn naps(pid: u32) -> BTreeMap<String, u64> {
    let mut naps = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").flatten() {
        let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        let count = count.map_or(0, |count| count.trim().parse().expect("a number"));
        naps.insert(task.file_name().to_string_lossy().into_owned(), count);
    }
    naps
}

/// Waits until a key that is held has reached the companion again and again. It has answered the press and would sleep: what wakes it
/// are repeats, of which nobody else hears.
#[track_caller]
fn wait_for_repeats(companion: &Companion) {
    // A few are left from going to sleep.
    let count = || naps(companion.pid()).values().sum::<u64>();
    let repeated = count() + 15;
    wait_for("a held key that repeats itself", || (count() >= repeated).then_some(()));
}

/// Watches a companion that has nothing to do for three seconds.
#[track_caller]
fn assert_sleeps(companion: &Companion) {
    // It has said all of it, and may still be on its way to sleep.
    let look = || {
        let before = naps(companion.pid());
        std::thread::sleep(Duration::from_millis(200));
        (naps(companion.pid()) == before).then_some(before)
    };
    let asleep = wait_for("its sleep", look);
    // By the clock, for nothing happens that could be waited for: long enough for whoever looks once a second, and later again.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(naps(companion.pid()), asleep, "it woke up for nothing");
}

#[test]
fn it_never_wakes_up_while_nothing_is_pressed() {
    let (Some(screen), Some(bus)) = (Screen::start(), Bus::start(Desktop::Whole)) else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let mut command = Companion::command(&desk, &screen.name, &["--agent", "anna", "--mask", "f9", "--json"]);
    command.env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
    let mut companion = Companion::run(command);
    assert_eq!(companion.next()["ready"], true);
    let _line = Line::begin(&desk, "anna", 8000);
    screen.fingers().press(&RECORD);
    screen.fingers().press(&[F9]);
    for done in ["record", "mask", "unmask"] {
        assert_eq!(companion.next()["do"], done);
    }
    assert_sleeps(&companion);
}

#[test]
fn a_key_that_another_program_has_after_a_change_of_layout_is_told_of_and_the_others_go_on() {
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let mut companion = Companion::start(&desk, &screen, &["--agent", "anna", "--mask", "f9"]);
    let _line = Line::begin(&desk, "anna", 8000);
    let fingers = screen.fingers();
    let (a, mode) = (fingers.code('a' as u32), GrabMode::ASYNC);
    let grabbed = ModMask::CONTROL | ModMask::M1;
    fingers.display.grab_key(false, fingers.root, grabbed, a, mode, mode).expect("a request").check().expect("ours");
    for (code, keysym) in [(fingers.code(R), 'a' as u32), (a, R)] {
        fingers.display.change_keyboard_mapping(1, code, 1, &[keysym]).expect("a request").check().expect("a layout");
    }
    companion.says("A key has stopped working. Another program has ctrl+alt+r");
    fingers.press(&[F9]);
    assert_eq!(companion.next()["do"], "mask");
}

#[test]
fn the_self_test_says_whether_a_press_would_arrive() {
    let Some(screen) = Screen::start() else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let test =
        |flags: &[&str]| Ran::of(Companion::command(&desk, &screen.name, &[flags, &["--test", "--json"]].concat()));
    let state = |ran: &Ran, check: &str| {
        let checks = ran.json();
        let found = checks.as_array().expect("checks").iter().find(|one| one["check"] == check).cloned();
        found.unwrap_or_else(|| panic!("no {check} in {checks}"))
    };
    let ran = test(&["--mask", "f9"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for check in ["record", "mask"] {
        assert!(state(&ran, check)["text"].as_str().expect("a text").contains("alive"), "{ran:?}");
    }
    assert_eq!(
        (&state(&ran, "engine")["state"], &state(&ran, "notification")["state"]),
        (&json!("ok"), &json!("warn"))
    );
    // Something that has the whole keyboard, like a menu or a lock screen.
    let fingers = screen.fingers();
    let (root, mode) = (fingers.root, GrabMode::ASYNC);
    let grabbed =
        fingers.display.grab_keyboard(false, root, x11rb::CURRENT_TIME, mode, mode).expect("a request").reply();
    assert_eq!(grabbed.expect("it is ours").status, GrabStatus::SUCCESS);
    let ran = test(&[]);
    assert_eq!((ran.code, &state(&ran, "record")["state"]), (1, &json!("fail")), "{ran:?}");
    // And while a companion has the key.
    drop(fingers);
    let mut companion = Companion::start(&desk, &screen, &["--agent", "anna"]);
    let ran = test(&[]);
    assert_eq!((ran.code, &state(&ran, "record")["state"]), (0, &json!("ok")), "{ran:?}");
    let _line = Line::begin(&desk, "anna", 8000);
    screen.fingers().press(&RECORD);
    assert_eq!(companion.next()["answer"], "accepted", "the test pressed it before");
}
