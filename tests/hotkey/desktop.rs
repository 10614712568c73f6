//! What a desktop does besides keys: it shows what came of a press, and on Wayland its portal gives the keys.

use std::process::Command;

use retrocall::{
    protocol::Ask,
    words::{Clock as _, SystemClock},
};
use serde_json::json;

use crate::{
    NO_SAMPLE, assert_sleeps,
    bus::{Bus, Desktop},
    desk::{Desk, Home, Line, Ran},
    screen::{Companion, RECORD, Screen},
};

#[test]
fn what_came_of_a_press_is_seen_on_the_desktop_each_in_the_place_of_the_last() {
    let (Some(screen), Some(bus)) = (Screen::start(), Bus::start(Desktop::Whole)) else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let mut command = Companion::command(&desk, &screen.name, &["--agent", "anna", "--sound", "--json"]);
    command.env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
    let mut companion = Companion::run(command);
    assert_eq!(companion.next()["ready"], true);
    let fingers = screen.fingers();
    let mut press = || {
        let began = SystemClock.now();
        fingers.press(&RECORD);
        let shown = bus.next();
        eprintln!("key to notification: {} ms", SystemClock.since(began).as_millis());
        companion.next();
        shown
    };
    let none = press();
    assert_eq!((none.title.as_str(), none.urgency, none.replaces), ("Not recorded: no call", Some(2), 0));
    let mut call = Line::begin(&desk, "anna", 8000);
    let (first, again) = (press(), press());
    assert_eq!((first.title.as_str(), first.urgency, first.replaces), ("Recording from the start", Some(1), 1));
    assert_eq!(
        (again.title.as_str(), again.replaces, again.sound.as_deref()),
        ("Already recording", 1, Some("message"))
    );
    call.end_and_keep();
    let mut private = Line::begin(&desk, "anna", 8000);
    private.accepted(Ask::Private);
    let refused = press();
    assert_eq!((refused.title.as_str(), refused.sound.as_deref()), ("Not recorded", Some("dialog-error")));
    assert!(refused.body.contains("private"), "{refused:?}");
    for shown in [none, first, again, refused] {
        assert!(!shown.body.contains("anna") && !shown.body.contains(&call.call.to_string()), "{shown:?}");
    }
}

#[test]
fn a_desktop_whose_notifications_hang_delays_no_press() {
    let (Some(screen), Some(bus)) = (Screen::start(), Bus::start(Desktop::Stuck)) else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let _call = Line::begin(&desk, "anna", 8000);
    let mut command = Companion::command(&desk, &screen.name, &["--agent", "anna", "--json"]);
    command.env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
    let mut companion = Companion::run(command);
    assert_eq!(companion.next()["ready"], true);
    let fingers = screen.fingers();
    for answer in ["accepted", "already", "already", "already"] {
        fingers.press(&RECORD);
        assert_eq!(companion.next()["answer"], answer);
    }
    companion.says("notifications don't answer");
}

fn on_wayland(home: &Home, bus: &Bus, flags: &[&str]) -> Command {
    let mut command = Companion::command(home, "", &[flags, &["--json"]].concat());
    command.env_remove("DISPLAY").env("WAYLAND_DISPLAY", "wayland-7").env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
    command
}

#[test]
fn on_wayland_the_portal_gives_the_keys() {
    let Some(bus) = Bus::start(Desktop::Whole) else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let _line = Line::begin(&desk, "anna", 8000);
    let mut companion = Companion::run(on_wayland(&desk, &bus, &["--agent", "anna", "--mask", "f9"]));
    let ready = companion.next();
    assert_eq!(
        (&ready["keys"][0]["keys"], &ready["keys"][1]["keys"]),
        (&json!("Press CTRL+ALT+r"), &json!("Press F9")),
        "{ready}"
    );
    for (id, down, done) in [("record", true, "record"), ("mask", true, "mask"), ("mask", false, "unmask")] {
        bus.key(id, down);
        let said = companion.next();
        assert_eq!((&said["do"], &said["answer"]), (&json!(done), &json!("accepted")));
    }
    assert_sleeps(&companion);
    bus.close();
    assert_eq!(companion.ended(), Some(1));
}

#[test]
fn on_wayland_a_person_or_a_desktop_that_gives_no_key_is_told_of() {
    let Some(bus) = Bus::start(Desktop::Unwilling) else { return };
    let desk = Desk::open(&NO_SAMPLE);
    let ran = Ran::of(on_wayland(&desk, &bus, &[]));
    assert_eq!((ran.code, ran.stderr.lines().count()), (1, 1), "{ran:?}");
    assert!(ran.stderr.contains("the desktop can't give keys") && ran.stderr.contains("retrocall record"), "{ran:?}");
    let mut command = on_wayland(&desk, &bus, &[]);
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    let ran = Ran::of(command);
    assert_eq!((ran.code, ran.stderr.lines().count()), (1, 1), "{ran:?}");
    assert!(ran.stderr.contains("retrocall record"), "{ran:?}");
}
