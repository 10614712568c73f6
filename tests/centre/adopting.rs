//! A centre whose database comes from a backup, or is a new one: what lies in its store is its own again.

use serde_json::json;

use crate::{
    desk::{Desk, wait_for},
    heard,
    machines::{Centre, Link, wait_until_delivered},
    pressed,
};

/// The database as it was before these recordings came: they, their deliveries and all that was said of them is not there.
fn forget(centre: &Centre, recordings: &[String]) {
    for id in recordings {
        centre.execute(&format!("DELETE FROM holds WHERE recording = '{id}'"));
        centre.execute(&format!("DELETE FROM uploads WHERE recording = '{id}'"));
        let call = centre.ask(&format!("SELECT call FROM recordings WHERE id = '{id}'"));
        for table in ["anchors", "purposes", "participants", "parts", "objects", "uses"] {
            centre.execute(&format!("DELETE FROM {table} WHERE recording = '{id}'"));
        }
        centre.execute(&format!("DELETE FROM recordings WHERE id = '{id}'"));
        centre.execute(&format!("DELETE FROM calls WHERE call = '{call}'"));
    }
}

#[test]
fn what_was_delivered_since_a_backup_is_heard_and_held_as_before_once_the_centre_starts_with_it() {
    let mut centre = Centre::start();
    let desk = Desk::open(&["--one-in", "0"]);
    let site = centre.join(&desk);
    let sound = pressed(&desk, "anna", 1);
    ["bert", "carla"].iter().for_each(|agent| drop(pressed(&desk, agent, 2)));
    let [annas, berts, carlas] = ["anna", "bert", "carla"].map(|agent| desk.recording_of(agent));
    let link = Link::start(&desk);
    wait_until_delivered(&desk);
    let hold = ["hold", "set", "--recording", &annas, "--reason", "a claim", "--until", "the court", "--owner", "olga"];
    centre.home.json(&[&hold[..], &["--as", "olga"]].concat());
    link.kill();
    let said = |id: &str| {
        let all = centre.recordings();
        let one = all.iter().find(|one| one["id"] == *id).expect("it is listed").clone();
        ["call", "agent", "purposes", "start", "seconds", "reasons", "due"].map(|field| one[field].clone())
    };
    let before = said(&annas);
    forget(&centre, &[annas.clone(), berts.clone(), carlas.clone()]);
    assert_eq!(centre.recordings().len(), 0);
    // Bert's was deleted since, and of Carla's something is missing.
    std::fs::create_dir_all(centre.store.join("tombstones")).expect("a folder");
    std::fs::write(centre.store.join(format!("tombstones/{berts}.json")), "{}").expect("a tombstone");
    let part = centre.recording_objects().into_iter().find(|one| {
        let place = one.display().to_string();
        place.contains(&carlas) && !place.contains("facts-")
    });
    std::fs::write(part.expect("a part"), "other bytes").expect("written");
    centre.kill_and_start_again(|_| {});

    let all = centre.recordings();
    assert_eq!(all.iter().map(|one| one["id"].clone()).collect::<Vec<_>>(), [json!(annas)]);
    let one = &all[0];
    assert_eq!(
        ["call", "agent", "purposes", "start", "seconds", "reasons", "due"].map(|field| one[field].clone()),
        before
    );
    heard(&centre, &annas).assert_is(&sound);
    let holds = centre.home.json(&["hold", "list", "--as", "olga"]);
    assert_eq!(holds[0]["recording"], json!(annas), "{holds}");
    // Its site has nothing to do.
    let _link = Link::start(&desk);
    wait_for("its word", || Some(centre.sites()).filter(|all| all[0]["backlog"] == 0 && all[0]["kept"] == 1));
    assert_eq!(centre.sites()[0]["site"], json!(site));
    desk.check();
}
