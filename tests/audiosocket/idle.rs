//! Connections that are no legs: a port scan, a health check, a dialplan in a loop. They take nothing that calls need.

use std::{net::TcpStream, time::Duration};

use crate::{
    AGENT, AGENTS, calls,
    desk::{Home, Sound, wait_for},
    have_come,
    peer::Peer,
    rig::RealTime,
};

const IDLE: usize = 100;

#[test]
fn with_few_descriptors_and_a_hundred_idle_connections_calls_and_presses_get_in_and_the_log_is_short() {
    let home = Home::with_settings(AGENTS);
    let few = ["bash", "-c", "ulimit -n 64; exec \"$@\"", "bash"];
    let desk = home.start_under(&few, &["--one-in", "0", "--audiosocket", "127.0.0.1:0"]);
    let address = desk.ready()["audiosocket"].as_str().expect("it listens").to_owned();
    let idle: Vec<TcpStream> = (0..IDLE).map(|_| TcpStream::connect(&address).expect("nobody is refused")).collect();
    // The local socket has descriptors of its own.
    assert_eq!(desk.json(&["calls"]), serde_json::json!([]));
    // A leg waits behind them, and gets in.
    let mut agent = Peer::connect(&desk, AGENT);
    let sound = Sound::noise(8_000, 4_000, 37);
    agent.speak(0x10, &sound.legs[0], 160);
    calls(&desk, have_come([4_000, 0], 8_000));
    assert_eq!(desk.json(&["record", "--agent", "anna"])["answer"], "accepted");
    drop(idle);
    drop(agent);
    assert!(crate::kept(&desk).legs[0] == sound.legs[0]);
    let about_connections = desk.log().lines().filter(|line| line.contains("connection")).count();
    assert!(about_connections <= 3, "{}", desk.log());
    desk.stop();
}

#[test]
fn who_does_not_say_which_leg_it_is_goes_soon_and_whoever_has_said_it_stays() {
    let desk = crate::open(AGENTS);
    let mut named = Peer::connect(&desk, AGENT);
    let mut unnamed = Peer::bare(&desk);
    let clock = RealTime::begin();
    unnamed.hears_the_end();
    wait_for("a word in the log", || desk.log().contains("without saying which leg they are").then_some(()));
    clock.wait_until(Duration::from_secs(6));
    // Five seconds of silence and more are on their way to the other one.
    named.hears_silence(0x10, 280);
    desk.stop();
}
