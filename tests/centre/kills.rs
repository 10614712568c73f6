//! `kill -9` of a link and of a centre's process, at any moment: nothing is lost, and nothing is there twice.

use std::{collections::BTreeSet, thread, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    desk::{Desk, Sound},
    heard,
    machines::{Centre, Link, wait_until_delivered},
    pressed,
};

/// Calls, and how often somebody is killed meanwhile.
const CALLS: u64 = 6;
const KILLS: usize = 6;

#[test]
fn a_link_and_a_centre_that_are_killed_between_any_two_steps_deliver_everything_once() {
    let seed = std::env::var("RETROCALL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("RETROCALL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut centre = Centre::start();
    let desk = Desk::open(&["--one-in", "0"]);
    centre.join(&desk);
    let sounds: Vec<Sound> = (0..CALLS).map(|number| pressed(&desk, &format!("agent{number}"), number)).collect();
    let before: BTreeSet<String> =
        desk.recordings().iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect();
    let mut link = Link::start(&desk);
    for _ in 0..KILLS {
        thread::sleep(Duration::from_millis(random.random_range(0..300)));
        if random.random_bool(0.5) {
            centre.kill_and_start_again(|_| {});
        }
        link.kill();
        link = Link::start(&desk);
    }
    wait_until_delivered(&desk);
    let after = centre.recordings();
    let ids: BTreeSet<String> = after.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!((after.len() as u64, ids), (CALLS, before), "each once");
    // A part and what its site said of it, for each.
    assert_eq!(centre.recording_objects().len() as u64, 2 * CALLS, "{:?}", centre.objects());
    for one in &after {
        let agent = one["agent"].as_str().expect("an agent");
        let number: usize = agent.strip_prefix("agent").and_then(|number| number.parse().ok()).expect("a number");
        heard(&centre, one["id"].as_str().expect("an id")).assert_is(&sounds[number]);
    }
    desk.check();
}
