//! How a recording dies at a centre: processes, a database, and a store in a folder.

use std::{fs, fs::File};

use nix::fcntl::{Flock, FlockArg};
use serde_json::json;

use crate::{
    desk::{Desk, wait_for},
    machines::{Centre, Link, wait_until_delivered},
    pressed,
};

/// The time of all that lies at the centre is long over, and so is that of its deliveries.
fn long_ago(centre: &Centre) {
    centre.execute(
        "UPDATE recordings SET began_at = '2024-01-01T09:00:00.000000Z', ends_at = '2024-01-01T09:01:00.000000Z'",
    );
    centre.execute("UPDATE anchors SET at = '2024-01-01T09:00:00.000000Z'");
    centre.execute("UPDATE uploads SET expires_at = '2024-01-01T09:03:00.000000Z'");
}

#[test]
fn what_is_over_goes_from_the_store_when_somebody_cleans_up_and_is_not_taken_again_and_what_is_held_stays() {
    let centre = Centre::start();
    let desk = Desk::open(&["--one-in", "0"]);
    let site = centre.join(&desk);
    pressed(&desk, "anna", 1);
    let id = desk.recordings()[0]["id"].as_str().expect("an id").to_owned();
    let file = desk.audio_files()[0].clone();
    // Somebody reads the copy, which can't go meanwhile.
    let reader = Flock::lock(File::open(&file).expect("a file"), FlockArg::LockShared).expect("a lock");
    let link = Link::start(&desk);
    wait_for("the delivery", || (centre.recordings().len() == 1).then_some(()));
    pressed(&desk, "bert", 2);
    wait_for("the other delivery", || (centre.recordings().len() == 2).then_some(()));
    let held = centre.ask(&format!("SELECT id FROM recordings WHERE id <> '{id}'"));
    let hold = [
        "hold",
        "set",
        "--recording",
        &held,
        "--reason",
        "a claim",
        "--until",
        "the court",
        "--owner",
        "olga",
        "--as",
        "olga",
    ];
    centre.home.json(&hold);
    long_ago(&centre);
    let would = centre.home.json(&["sweep", "--dry-run"]);
    assert_eq!((&would["due"][0]["id"], would["due"].as_array().map(Vec::len)), (&json!(id), Some(1)), "{would:#}");
    assert_eq!(centre.recording_objects().len(), 4, "a dry run changes nothing");

    let (cookie, form) = centre.pages.log_in("olga");
    let said = centre.pages.ask("POST /sweep", &cookie, &format!("form={form}"));
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    wait_for("it to go", || {
        (centre.ask(&format!("SELECT life FROM recordings WHERE id = '{id}'")) == "gone").then_some(())
    });
    let left = centre.recording_objects();
    assert!(left.len() == 2 && left.iter().all(|object| object.display().to_string().contains(&held)), "{left:?}");
    let stone = fs::read_to_string(centre.store.join(format!("tombstones/{id}.json"))).expect("a tombstone");
    assert!(stone.contains(&id) && stone.contains("sha256"), "{stone}");
    assert_eq!(centre.ask("SELECT COUNT(*) FROM receipts"), "1");
    // A month of the site's ledger whose time is over, of which a piece was never noted.
    let month = format!("sites/{site}/ledger/2024-01");
    fs::create_dir_all(centre.store.join(&month)).expect("a folder");
    let pieces =
        ["00000000-00000001-ab.rows", "00000001-00000002-cd.rows"].map(|name| centre.store.join(&month).join(name));
    pieces.iter().for_each(|piece| fs::write(piece, "{}\n").expect("written"));
    centre.execute(&format!(
        "INSERT INTO site_segments VALUES ('{site}', '2024-01', 0, 1, '{month}/00000000-00000001-ab.rows')"
    ));
    let again = centre.home.json(&["sweep"]);
    assert_eq!((&again["gone"], &again["failed"]), (&json!(0), &json!([])), "{again:#}");
    assert!(pieces.iter().all(|piece| !piece.exists()), "a ledger is kept for 13 months");
    assert_eq!(centre.ask("SELECT COUNT(*) FROM site_segments WHERE month = '2024-01'"), "0");

    // The site forgets that it has delivered it, and delivers it again.
    // Its link is at rest meanwhile: it waits for the reader, to remove the copy.
    drop(link);
    desk.execute("DELETE FROM deliveries WHERE recording IN (SELECT id FROM recordings WHERE agent = 'anna')");
    desk.execute("UPDATE recordings SET life = 'kept' WHERE agent = 'anna'");
    drop(reader);
    let _link = Link::start(&desk);
    wait_until_delivered(&desk);
    wait_for("its receipt", || (desk.one("SELECT CAST(COUNT(*) AS TEXT) FROM receipts") == "1").then_some(()));
    assert_eq!(centre.recording_objects(), left, "nothing came back");
}
