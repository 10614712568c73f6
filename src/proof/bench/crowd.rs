//! Calls that come and go while many others are live: the price of one must not depend on their number.

use super::{
    Bench, Figure, Latencies, Trouble,
    calls::{ask, begin},
    load,
};
use retrocall_client::client::Client;
use retrocall_words::{Ask, Clock as _, SystemClock, Target};

/// How long begins and ends take.
struct ComeAndGo {
    begins: Latencies,
    ends: Latencies,
}

/// Begins this many calls one after the other, then ends them.
fn come_and_go(client: &mut Client, calls: usize) -> Result<ComeAndGo, Trouble> {
    let mut took = ComeAndGo { begins: Latencies::now_and_then(), ends: Latencies::now_and_then() };
    let mut channels = Vec::with_capacity(calls);
    for number in 0..calls {
        let began = SystemClock.now();
        channels.push(begin(client, &format!("agent-{number}"))?);
        took.begins.add(SystemClock.since(began).as_nanos() as u64);
    }
    for channel in channels {
        let began = SystemClock.now();
        ask(client, Target::Channel(channel), Ask::End)?;
        took.ends.add(SystemClock.since(began).as_nanos() as u64);
    }
    Ok(took)
}

/// A call's begin and end, with nobody else live and with many.
pub(super) fn crowd(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let live = bench.pick(5_000, 20_000);
    let calls = bench.pick(500, 1_000);
    let engine = load::engine(bench, live, 0.0)?;
    let mut client = Client::connect(&engine.socket())?;
    // The first ones pay for the engine's one-time work.
    come_and_go(&mut client, calls / 5)?;
    let alone = come_and_go(&mut client, calls)?;
    let mut crowd = Client::connect(&engine.socket())?;
    for number in 0..live {
        begin(&mut crowd, &format!("crowd-{number}"))?;
    }
    let among = come_and_go(&mut client, calls)?;
    for (name, alone, among) in [("begin", &alone.begins, &among.begins), ("end", &alone.ends, &among.ends)] {
        let ratio = among.seen_within(0.5) / alone.seen_within(0.5);
        bench.figure(Figure::of(format!("crowd/{name}"), among, "us").note(format!(
            "with {live} other calls live, on another connection; with none the median is {:.0} us",
            alone.seen_within(0.5) / 1e3
        )));
        bench.figure(Figure::new(format!("crowd/{name}/ratio"), ratio, "x").at_most(1.5));
    }
    Ok(())
}
