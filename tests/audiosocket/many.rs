//! Two hundred connections at once in real time. What is counted is frames, not time.

use std::{path::Path, time::Duration};

use serde_json::Value;

use crate::{
    calls,
    desk::{Desk, Sound, wait_for},
    peer::Peer,
    rig::RealTime,
};

const CALLS: usize = 100;
const FRAMES: usize = 150;

#[test]
fn two_hundred_connections_in_real_time_lose_no_frame() {
    let desk = Desk::open(&["--one-in", "0", "--memory", "24MiB", "--audiosocket", "127.0.0.1:0"]);
    let sounds: Vec<Sound> = (0..CALLS).map(|call| Sound::noise(8_000, 160 * FRAMES, call as u64 + 1)).collect();
    let uuid = |call: usize, leg: usize| format!("{call:08x}-0000-4000-8000-00000000000{leg}");
    let mut peers: Vec<[Peer; 2]> =
        (0..CALLS).map(|call| [0, 1].map(|leg| Peer::connect(&desk, &uuid(call, leg)))).collect();
    let clock = RealTime::begin();
    for frame in 0..FRAMES {
        for (peers, sound) in peers.iter_mut().zip(&sounds) {
            for (peer, samples) in peers.iter_mut().zip(&sound.legs) {
                peer.speak(0x10, &samples[frame * 160..][..160], 160);
            }
        }
        clock.wait_until(Duration::from_millis(20) * (frame as u32 + 1));
    }
    let legs = ["agent_leg", "customer_leg"];
    let have_all = |call: &Value| legs.iter().all(|leg| call[leg]["frames"].as_u64() >= Some(FRAMES as u64));
    let live = calls(&desk, |calls| calls.len() == CALLS && calls.iter().all(have_all));
    for leg in live.iter().flat_map(|call| legs.map(|leg| &call[leg])) {
        assert_eq!((&leg["late_frames"], &leg["lost_frames"]), (&0.into(), &0.into()), "{leg}");
    }
    // Every peer was sent silence all the while.
    peers.iter_mut().flatten().for_each(|peer| peer.hears_silence(0x10, FRAMES / 4));
    let pressed: Vec<&Value> = live.iter().step_by(10).collect();
    for call in &pressed {
        let id = call["call"].as_str().expect("an id");
        assert_eq!(desk.json(&["record", "--call", id])["answer"], "accepted");
    }
    drop(peers);
    let kept = wait_for("the recordings", || {
        let kept = desk.recordings();
        Some(kept).filter(|kept| kept.len() == pressed.len() && kept.iter().all(|kept| kept["state"] == "complete"))
    });
    for kept in kept {
        let heard = Sound::of_recording(Path::new(kept["path"].as_str().expect("a path")));
        // A machine that stands still for a while may make a gap, but may not lose a frame: noise is never 0.
        let heard = heard.legs.map(|leg| leg.into_iter().filter(|sample| *sample != 0).collect::<Vec<i16>>());
        assert!(sounds.iter().any(|sound| sound.legs == heard), "every sample of one of the calls");
    }
    desk.stop();
}
