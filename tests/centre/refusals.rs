//! What a centre does not take, and what it has deleted.

use serde_json::json;

use crate::{
    desk::{Desk, wait_for},
    machines::{Centre, Link, wait_until_delivered},
    pressed,
};

/// A centre, one of its sites, and a call of Anna's there that is kept: its id, and that of its recording.
fn with_annas_call() -> (Centre, Desk, String, String) {
    let centre = Centre::start();
    let desk = Desk::open(&["--one-in", "0"]);
    centre.join(&desk);
    pressed(&desk, "anna", 1);
    let annas = desk.recordings()[0].clone();
    let [call, id] = ["call", "id"].map(|name| annas[name].as_str().expect("an id").to_owned());
    (centre, desk, call, id)
}

#[test]
fn what_the_centre_refuses_stays_and_is_told_while_the_others_go_and_goes_when_it_is_put_right() {
    let (centre, desk, call, id) = with_annas_call();
    // A call of this id is another site's: a stolen key can't take it over.
    centre.execute(&format!(
        "INSERT INTO calls (call, day, agent, direction, began_at, outcome, site) VALUES ('{call}', '2026-01-01', 'x', 'inbound', '2026', 'kept', 'other')"
    ));
    pressed(&desk, "bert", 2);
    let _link = Link::start(&desk);
    wait_for("the other one to go", || (desk.audio_files().len() == 1).then_some(()));
    let told =
        wait_for("the refusal", || Some(desk.json(&["status"])).filter(|told| told["link"]["refused"] != json!([])));
    assert_eq!(told["link"]["refused"], json!([{ "recording": id, "why": "403 (the recording is another site's)" }]));
    assert!(Link::log(&desk).contains("another site's"), "{}", Link::log(&desk));
    let sites = wait_for("the centre to know", || Some(centre.sites()).filter(|all| all[0]["refused"] == 1));
    assert_eq!((&sites[0]["backlog"], &sites[0]["kept"]), (&json!(1), &json!(1)));
    centre.execute(&format!("DELETE FROM calls WHERE call = '{call}'"));
    wait_until_delivered(&desk);
    assert_eq!(centre.recordings().len(), 2);
}

#[test]
fn a_recording_that_makes_no_sense_and_one_that_the_store_does_not_take_stop_no_other() {
    let centre = Centre::start();
    let desk = Desk::open(&["--one-in", "0"]);
    let site = centre.join(&desk);
    let ids: Vec<String> = ["anna", "bert", "carla"]
        .map(|agent| {
            pressed(&desk, agent, 4);
            desk.recording_of(agent)
        })
        .into();
    desk.execute("UPDATE recordings SET rate = 0 WHERE agent = 'anna'");
    // Where its folder should be lies a file.
    let place = centre.store.join(format!("sites/{site}/recordings"));
    std::fs::create_dir_all(&place).expect("folders");
    std::fs::write(place.join(&ids[1]), "").expect("a file");
    let _link = Link::start(&desk);
    wait_for("the third one to go", || (desk.audio_files().len() == 2).then_some(()));
    let is_both = |told: &serde_json::Value| told["link"]["refused"].as_array().is_some_and(|all| all.len() == 2);
    let told = wait_for("both refusals", || Some(desk.json(&["status"])).filter(is_both));
    let why = |id: &String| {
        let all = told["link"]["refused"].as_array().expect("a list");
        all.iter().find(|one| one["recording"] == json!(id)).expect("it is told")["why"]
            .as_str()
            .expect("why")
            .to_owned()
    };
    assert!(why(&ids[0]).starts_with("400 (`rate` is not"), "{}", why(&ids[0]));
    assert!(why(&ids[1]).starts_with("500 (the store"), "{}", why(&ids[1]));
    desk.execute("UPDATE recordings SET rate = 8000 WHERE agent = 'anna'");
    std::fs::remove_file(place.join(&ids[1])).expect("removed");
    wait_until_delivered(&desk);
    assert_eq!(centre.recordings().len(), 3);
}

#[test]
fn what_the_centre_has_deleted_is_not_taken_again_and_goes_at_its_site_too() {
    let (centre, desk, call, id) = with_annas_call();
    centre.execute(&format!(
        "INSERT INTO tombstones (recording, call, buried_at) VALUES ('{id}', '{call}', '2026-11-01T00:00:00.000000Z')"
    ));
    let _link = Link::start(&desk);
    wait_until_delivered(&desk);
    wait_for("its receipt", || (desk.one("SELECT CAST(COUNT(*) AS TEXT) FROM receipts") == "1").then_some(()));
    assert_eq!(desk.one("SELECT life FROM recordings"), "gone");
    assert_eq!((centre.recordings().len(), centre.recording_objects().len()), (0, 0));
    desk.check();
}

#[test]
fn a_recording_that_somebody_has_begun_to_work_with_stays_where_it_is() {
    let (_centre, desk, _, id) = with_annas_call();
    desk.json(&["case", "open", "--recording", &id]);
    pressed(&desk, "bert", 2);
    let _link = Link::start(&desk);
    wait_for("the other one to go", || (desk.audio_files().len() == 1).then_some(()));
    assert_eq!(desk.recordings()[0]["id"], json!(id));
    assert_eq!(desk.json(&["status"])["link"]["staying"], 1);
}
