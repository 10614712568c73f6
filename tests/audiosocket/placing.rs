//! Whatever stalls, both legs of a call are as far apart as they were spoken.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{
    desk::{Desk, Sound},
    kept_of, open,
    peer::Peer,
    rig::RealTime,
};

/// A second of call, read from the tick at which a leg begins to speak.
const FRAMES: usize = 50;
/// How much later the second leg begins.
pub const APART: Duration = Duration::from_millis(300);
/// As the manual promises.
const CLOSE: Duration = Duration::from_millis(40);

/// A call of two legs that talk in real time, one of which begins later.
pub struct Talk {
    type_byte: u8,
    rate: u32,
    sound: Sound,
    /// Which leg begins first.
    first: usize,
    peers: [Option<Peer>; 2],
    said: [usize; 2],
}

impl Talk {
    pub fn new(type_byte: u8, rate: u32, first: usize) -> Talk {
        let sound = Sound::noise(rate, FRAMES * rate as usize / 50, u64::from(rate) + first as u64);
        Talk { type_byte, rate, sound, first, peers: [None, None], said: [0, 0] }
    }

    /// The frames that are due by now.
    fn say(&mut self, passed: Duration, connect: &dyn Fn(usize) -> Peer) {
        for leg in [0, 1] {
            let begins = if leg == self.first { Duration::ZERO } else { APART };
            let due = (passed.saturating_sub(begins).as_millis() / 20) as usize;
            let frame = self.rate as usize / 50;
            while self.said[leg] < due.min(FRAMES) {
                let peer = self.peers[leg].get_or_insert_with(|| connect(leg));
                peer.speak(self.type_byte, &self.sound.legs[leg][self.said[leg] * frame..][..frame], frame);
                self.said[leg] += 1;
            }
        }
    }

    /// Whether both legs are whole in this recording, and as far apart as they were spoken.
    #[track_caller]
    fn assert_is_in(&self, kept: &Sound) {
        assert!(crate::said(kept) == self.sound.legs, "every sample");
        let begins = [0, 1].map(|leg| {
            let begin = kept.legs[leg].iter().position(|sample| *sample != 0).expect("it spoke");
            begin as f64 / f64::from(self.rate)
        });
        let apart = begins[1 - self.first] - begins[self.first];
        let error = (apart - APART.as_secs_f64()).abs();
        assert!(error <= CLOSE.as_secs_f64(), "{} Hz, leg {} first: {apart:.3} s apart", self.rate, self.first);
        assert!(begins[self.first] <= CLOSE.as_secs_f64(), "it begins with its first leg: {begins:?}");
    }
}

/// Lets all talk, each pair of UUIDs by its number, until `until` has passed. `during` is called at each frame's time.
pub fn talk(talks: &mut [Talk], until: Duration, connect: impl Fn(&str) -> Peer, mut during: impl FnMut(Duration)) {
    let clock = RealTime::begin();
    for frame in 1..=until.as_millis() as u32 / 20 {
        let passed = Duration::from_millis(20) * frame;
        clock.wait_until(passed);
        for (call, talk) in talks.iter_mut().enumerate() {
            talk.say(passed, &|leg| connect(&format!("{call:08x}-0000-4000-8000-00000000000{leg}")));
        }
        during(passed);
    }
}

/// Presses for all of them, hangs up, and looks at the recordings.
#[track_caller]
pub fn assert_are_kept(desk: &Desk, talks: Vec<Talk>) {
    let came = |call: &Value| {
        ["agent_leg", "customer_leg"].iter().all(|leg| call[leg]["frames"].as_u64() >= Some(FRAMES as u64))
    };
    let live = crate::calls(desk, |calls| calls.len() == talks.len() && calls.iter().all(came));
    for call in &live {
        let id = call["call"].as_str().expect("an id");
        assert_eq!(desk.json(&["record", "--call", id])["answer"], "accepted");
    }
    let mut kept: Vec<(&Value, Talk)> = Vec::new();
    for (number, talk) in talks.into_iter().enumerate() {
        let of = |call: &&Value| call["agent"] == format!("agent-{number}");
        kept.push((live.iter().find(of).expect("a call of this agent"), talk));
    }
    kept.iter_mut().for_each(|(_, talk)| talk.peers = [None, None]);
    crate::calls(desk, <[Value]>::is_empty);
    for (call, talk) in kept {
        talk.assert_is_in(&kept_of(desk, &call["call"]));
    }
}

/// Each call's UUIDs say its number.
pub fn agents(calls: usize) -> String {
    let lines: Vec<String> = (0..calls).map(|call| format!("\"{call:08x}\" = \"agent-{call}\"\n")).collect();
    format!("[audiosocket_agents]\n{}", lines.concat())
}

/// Calls at several rates, either leg of which begins first.
pub fn talks() -> Vec<Talk> {
    let kinds = [(0x10, 8_000), (0x12, 16_000), (0x16, 48_000)];
    kinds.into_iter().flat_map(|(type_byte, rate)| [0, 1].map(|first| Talk::new(type_byte, rate, first))).collect()
}

#[test]
fn legs_that_begin_while_the_engine_gets_no_turn_are_as_far_apart_as_they_were_spoken() {
    let mut talks = talks();
    let desk = open(&agents(talks.len()));
    desk.signal(Signal::SIGSTOP);
    let connect = |uuid: &str| Peer::connect(&desk, uuid);
    // The stall ends while both talk.
    talk(&mut talks, Duration::from_millis(1_400), connect, |passed| {
        if passed == Duration::from_millis(900) {
            desk.signal(Signal::SIGCONT);
        }
    });
    assert_are_kept(&desk, talks);
    desk.stop();
}

#[test]
fn a_stall_in_the_middle_of_the_legs_begins_changes_nothing() {
    let mut talks = talks();
    let desk = open(&agents(talks.len()));
    let connect = |uuid: &str| Peer::connect(&desk, uuid);
    // The first leg has been heard when it begins, the second one not.
    talk(&mut talks, Duration::from_millis(1_400), connect, |passed| match passed.as_millis() {
        60 => desk.signal(Signal::SIGSTOP),
        700 => desk.signal(Signal::SIGCONT),
        _ => {}
    });
    assert_are_kept(&desk, talks);
    desk.stop();
}
