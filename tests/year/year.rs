//! A simulated year of a desk: calls, reviews, cases, holds, evaluations, agents who leave, customers' requests and objections, changed policies, kills,
//! backups and restores, all through the verbs that the engine, the commands and the pages use. No engine runs, and files are a few bytes each.
//!
//! What people did and what existed at each day's end is written as a list of events. `tests/year/checker.py`, which shares no code with retrocall,
//! says from that list alone what may and may not exist: not one recording too many or too few. At the end the ledger is verified.

mod calls;
#[path = "../../src/records/tests/cluster.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod cluster;
mod customers;
mod desk;
mod disk;
mod events;
mod people;
mod planted;
mod restoring;
mod server;

use std::{env, path::Path, str::FromStr, thread};

use retrocall_ledger::Evidence;

use desk::Desk;
use people::People;
use server::Place;

/// Calls of a working day, and days, without a word from whoever runs it. `make year` runs all of them.
const CALLS: u32 = 40;
const DAYS: u32 = 130;
/// The days on a server.
const DAYS_ON_SERVER: u32 = 31;

fn asked<T: FromStr>(name: &str, otherwise: T) -> T {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Lets the checker say what is wrong with a list of events. None if nothing is.
fn wrong_with(events: &Path) -> Option<String> {
    events::wrong(&events::checker(events).output().expect("python3, which `make setup` installs"))
}

/// Plays so many days, and returns the desk as it is then.
fn played(place: Place, calls: u32, days: u32, seed: u64) -> Desk {
    println!("{calls} calls a day, {days} days, RETROCALL_YEAR_SEED={seed}");
    let mut desk = Desk::open(place, calls, seed);
    let mut people = People::new(calls);
    for day in 0..days {
        desk.morning();
        desk.calls_of_day();
        desk.afternoon(day);
        people.work(&mut desk, day);
        desk.night(day);
    }
    desk
}

/// The checker finds nothing.
fn assert_right(desk: &mut Desk) {
    desk.close();
    if let Some(wrong) = desk.events.wrong() {
        panic!("{wrong}\nhome and events: {}", desk.keep_home().display());
    }
}

#[test]
fn in_a_year_at_the_desk_not_one_recording_is_there_too_many_or_too_few() {
    let (calls, days) = (asked("RETROCALL_YEAR_CALLS", CALLS), asked("RETROCALL_YEAR_DAYS", DAYS));
    let mut desk = played(Place::Home, calls, days, asked("RETROCALL_YEAR_SEED", 14));
    let home = desk.path();
    let report = thread::scope(|scope| {
        let verified = scope.spawn(|| retrocall_records::ledger::verify(&home, Evidence::default()));
        assert_right(&mut desk);
        verified.join().expect("it ends").expect("a ledger")
    });
    if !report.is_sound() {
        panic!("{report}\nhome and events: {}", desk.keep_home().display());
    }
}

#[test]
fn in_a_month_on_a_server_not_one_recording_is_there_too_many_or_too_few() {
    let days = asked("RETROCALL_YEAR_DAYS_ON_SERVER", DAYS_ON_SERVER);
    let mut desk = played(Place::Server, CALLS, days, asked("RETROCALL_YEAR_SEED", 14));
    assert_right(&mut desk);
}

#[test]
fn the_checker_notices_one_recording_too_many_and_one_too_few() {
    let mut desk = played(Place::Home, 20, 20, 14);
    let events = desk.close();
    assert_eq!(wrong_with(&events), None);
    let text = std::fs::read_to_string(&events).expect("events");
    let (before, last) = text.trim_end().rsplit_once('\n').expect("lines");
    let day: serde_json::Value = serde_json::from_str(last).expect("a day");
    assert_eq!(day["event"], "day");
    for (came, went, count, words) in [
        (vec!["0190-made-up".to_owned()], vec![], 1, "exists, and may not"),
        (vec![], vec![desk.anything()], -1, "is gone, and may not be"),
    ] {
        let mut lie = day.clone();
        (lie["came"], lie["went"]) = (came.into(), went.into());
        lie["count"] = (desk.count() + count).into();
        std::fs::write(&events, format!("{before}\n{last}\n{lie}\n")).expect("written");
        let said = wrong_with(&events).expect("it is noticed");
        assert!(said.contains(words), "{said}");
    }
}
