//! A soak: very many short calls, after which the engine must be what it was before them.
//!
//! `make test` runs some thousands; `RETROCALL_SOAK_CALLS=100000 cargo test --release --test soak` is the whole of it (`make soak`).

mod desk;

use std::fs;

use desk::{Desk, wait_for};
use nix::unistd::Pid;
use retrocall::{
    audio::{Codec, Leg, Rate},
    protocol::{Ask, Begin, Request, Target, Verdict},
};

/// Calls before the first look: by then everything that is made once has been made. The first sweep, a minute after the start, makes more: then the
/// look is taken again, and the calls counted anew.
const WARM_UP_CALLS: usize = 1_000;
/// How much memory may have come between the two looks, as a part of all that was there at the first.
const GROWTH_PERCENT_MAX: u64 = 5;

/// What a process has, as the kernel counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Has {
    /// Besides the memory of live calls, which has a limit of its own and is kept ready once it was needed.
    resident_kib: u64,
    /// Of that, what is no page of a program's file: those the kernel takes away and brings back as it likes, from how many of them are
    /// there nothing follows (one run lost 7 % and got them back, with `damon_reclaim` on).
    own_kib: u64,
    descriptors: usize,
    threads: usize,
}

impl Has {
    fn look(pid: Pid) -> Has {
        let process = format!("/proc/{pid}");
        let count = |what: &str| fs::read_dir(format!("{process}/{what}")).expect("it is ours").count();
        let mappings = fs::read_to_string(format!("{process}/smaps")).expect("it is ours");
        let (mut resident_kib, mut own_kib, mut of_calls) = (0, 0, false);
        for line in mappings.lines() {
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["Rss:", kib, _] if !of_calls => resident_kib += kib.parse::<u64>().expect("a number"),
                ["Anonymous:", kib, _] if !of_calls => own_kib += kib.parse::<u64>().expect("a number"),
                [addresses, _, _, _, _, ..] if addresses.contains('-') => of_calls = line.contains("secretmem"),
                _ => {}
            }
        }
        Has { resident_kib, own_kib, descriptors: count("fd"), threads: count("task") }
    }
}

/// Calls of 40 ms, over a few connections that come and go, as softphones do.
fn calls(desk: &Desk, count: usize) {
    let frame = [0x11; 320];
    for connection in 0..count.div_ceil(100) {
        let mut client = desk.client();
        for _ in 0..100.min(count - connection * 100) {
            let begin = Begin::new("anna", Rate::new(8_000).expect("a rate"), Codec::Pcm16);
            let begun = client.ask(Request::new(Target::Own, Ask::Begin(begin))).expect("an answer");
            let channel = begun.channel.expect("a channel");
            for position in [0, 160] {
                for leg in Leg::ALL {
                    client.send_audio(leg, channel, position, &frame).expect("sent");
                }
            }
            let ended = client.ask(Request::new(Target::Channel(channel), Ask::End)).expect("an answer");
            assert_eq!((ended.answer, ended.at), (Verdict::Accepted, Some(320)));
        }
    }
}

#[test]
fn after_very_many_calls_the_engine_has_no_more_memory_files_descriptors_or_threads_than_before() {
    let count: usize = std::env::var("RETROCALL_SOAK_CALLS").ok().and_then(|count| count.parse().ok()).unwrap_or(4_000);
    // Nothing is sampled: what is kept is another test's.
    let desk = Desk::open(&["--one-in", "0"]);
    let settled = |calls: usize| {
        let rows = desk.ledger(|rows| rows.iter().filter(|row| row.end.is_some()).count() == calls);
        assert_eq!(rows.len(), calls);
        Has::look(desk.pid())
    };
    let (mut done, mut since, mut swept) = (0, 0, 0);
    let mut before = None;
    while since < WARM_UP_CALLS + count {
        // As many at once as before the first look: the catalog writes behind the calls, and what waits for it would be measured too.
        calls(&desk, WARM_UP_CALLS);
        (done, since) = (done + WARM_UP_CALLS, since + WARM_UP_CALLS);
        let has = settled(done);
        let sweeps = desk.log().matches("swept:").count();
        if sweeps > swept {
            (since, swept) = (0, sweeps);
        }
        if since == WARM_UP_CALLS {
            before = Some((has, desk.files().len()));
        }
    }
    let (before, files_before) = before.expect("there are more calls than those");
    // The connection that was closed last may be open at the engine's end for a moment.
    let as_few = |has: &Has| has.descriptors <= before.descriptors;
    let after = wait_for("an engine with no more descriptors than before", || Some(settled(done)).filter(as_few));
    println!("{count} calls: {before:?} before them, {after:?} at the end");
    let growth_kib = after.own_kib.saturating_sub(before.own_kib);
    assert!(growth_kib * 100 <= before.resident_kib * GROWTH_PERCENT_MAX, "memory grew: {before:?}, {after:?}");
    assert_eq!((after.descriptors, after.threads), (before.descriptors, before.threads));
    assert_eq!(desk.files().len(), files_before);
    assert_eq!(desk.audio_files(), [] as [std::path::PathBuf; 0]);
    desk.stop();
}
