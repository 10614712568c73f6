//! An engine, its link and a centre, as processes, with PostgreSQL and a store: what is kept at a site is heard at the centre, and leaves its home.

mod adopting;
mod bucket;
#[path = "../../src/records/tests/cluster.rs"]
#[allow(dead_code)]
mod cluster;
#[path = "../desk/mod.rs"]
mod desk;
mod dying;
mod hostile;
mod joining;
mod kills;
mod machines;
mod manual;
mod orders;
#[path = "../pages/process.rs"]
#[allow(dead_code)]
mod process;
mod refusals;
mod scale;
mod sql;
mod way;

use std::fs;

use desk::{Desk, Line, Sound, wait_for};
use machines::{Centre, Link, bytes, wait_until_delivered};

/// A call that is pressed, and the sound of it.
fn pressed(desk: &Desk, agent: &str, seed: u64) -> Sound {
    let sound = Sound::noise(8_000, 8_000, seed);
    let mut line = Line::begin(desk, agent, 8_000);
    line.talk(&sound, 0, 8_000);
    line.settle();
    line.accepted(retrocall::protocol::Ask::Record);
    line.end_and_keep();
    sound
}

/// What the officer hears of a recording, at the centre.
fn heard(centre: &Centre, recording: &str) -> Sound {
    let (cookie, form) = centre.pages.log_in("olga");
    let said = centre.pages.ask(&format!("POST /recordings/{recording}/play"), &cookie, &format!("form={form}"));
    assert!(said.starts_with("HTTP/1.1 204"), "{said}");
    let ask = |range: &str| {
        bytes(&centre.pages, &format!("GET /recordings/{recording}/audio HTTP/1.1\r\nCookie: {cookie}\r\n{range}"))
    };
    let whole = ask("");
    assert!(whole.head.starts_with("HTTP/1.1 200"), "{}", whole.head);
    let part = ask("Range: bytes=1000-1999\r\n");
    assert!(part.head.starts_with("HTTP/1.1 206"), "{}", part.head);
    assert_eq!(part.body, whole.body[1_000..2_000]);
    let file = centre.home.beside("heard.wav");
    fs::write(&file, whole.body).expect("a file");
    Sound::of_call(&file)
}

#[test]
fn what_an_engine_keeps_is_delivered_heard_at_the_centre_and_no_longer_on_the_engines_disk() {
    let centre = Centre::start();
    let desk = Desk::open(&["--one-in", "1"]);
    let sound = pressed(&desk, "anna", 11);
    Line::play(&desk, "bert", false);
    wait_for("both to be kept", || (desk.recordings().len() == 2).then_some(()));
    let site = centre.join(&desk);
    let _link = Link::start(&desk);
    wait_until_delivered(&desk);
    let kept = centre.recordings();
    assert_eq!(kept.len(), 2, "{kept:?}");
    let annas = kept.iter().find(|one| one["agent"] == "anna").expect("hers");
    assert_eq!(annas["purposes"], serde_json::json!(["incident", "quality"]), "{annas}");
    heard(&centre, annas["id"].as_str().expect("an id")).assert_is(&sound);
    let sites = wait_for("its last word", || Some(centre.sites()).filter(|all| all[0]["backlog"] == 0));
    assert_eq!((&sites[0]["site"], &sites[0]["standing"]), (&site.into(), &"enrolled".into()));
    assert_eq!(sites[0]["kept"], 2);
    assert!(desk.recordings().is_empty(), "they are at the centre");
    desk.check();
    wait_for("its ledger", || {
        let rows = desk.one("SELECT CAST(MAX(row) + 1 AS TEXT) FROM ledger_rows");
        (centre.ask("SELECT CAST(MAX(end_row) AS TEXT) FROM site_segments") == rows).then_some(())
    });
    its_ledger_is_verified_from_the_store_alone(&centre);
}

/// Rows that came twice are no harm; one that was changed is found, and named.
fn its_ledger_is_verified_from_the_store_alone(centre: &Centre) {
    // A machine that has the store, and nothing else of the centre.
    let council = desk::Home::new();
    fs::write(council.path().join("retrocall.toml"), format!("store = \"file://{}\"\n", centre.store.display()))
        .expect("settings");
    let verify = || council.run(&["ledger", "verify", "--all"]);
    let ending = |ending: &str| {
        let mut found = centre.objects().into_iter().filter(|place| place.to_string_lossy().ends_with(ending));
        found.next().expect("an object")
    };
    assert_eq!(verify().code, 0, "{}", verify().stdout);
    let piece = ending(".rows");
    let rows = fs::read_to_string(&piece).expect("rows");
    let (first, _) = rows.split_once('\n').expect("a row");
    fs::write(piece.with_file_name("00000000-00000001-ab.rows"), format!("{first}\n")).expect("written");
    assert_eq!(verify().code, 0, "{}", verify().stdout);
    fs::write(&piece, rows.replacen("\"anna\"", "\"bert\"", 1).replacen("\"kept\"", "\"lost\"", 1)).expect("written");
    let tampered = verify();
    assert!(tampered.code == 1 && tampered.stdout.contains("Wrong: "), "{}{}", tampered.stdout, tampered.stderr);
    fs::write(&piece, rows).expect("written");
    fs::remove_file(ending(".pub")).expect("removed");
    let keyless = verify();
    assert!(keyless.code == 1 && keyless.stdout.contains("no key"), "{}{}", keyless.stdout, keyless.stderr);
}
