//! Where the speakers of a call are in its recording, beside where somebody else heard them.
//!
//! Belongs here: the measure, and what shows that it notices what is wrong. Does not: phones, sound servers, where samples come from.

use std::ops::Range;

use retrocall::audio::Leg;

use crate::desk::{Sound, fixture};

pub const RATE: usize = 8_000;
/// How much later than in its file something may be heard: phones ring, and buffer.
const LATER_MAX: usize = 6 * RATE;
/// How far from its place anything may be.
const APART_MS_MAX: f64 = 20.0;
/// The seconds of a source in which a bit of its start is looked for, and one of its end.
const BITS: [(&str, Range<usize>); 2] = [("start", 1..10), ("end", 12..20)];

/// Samples of two legs, from the bytes of a stereo recorder.
pub fn legs_of(bytes: &[u8]) -> [Vec<i16>; 2] {
    [0, 2].map(|at| bytes.chunks_exact(4).map(|frame| i16::from_le_bytes([frame[at], frame[at + 1]])).collect())
}

fn product(a: &[i16], b: &[i16]) -> f64 {
    a.iter().zip(b).map(|(a, b)| i64::from(i32::from(*a) * i32::from(*b))).sum::<i64>() as f64
}

/// Where in `heard` a stretch is, from a place on, and how alike it is there: 1 for the same, 0 for nothing in common.
fn find(heard: &[i16], stretch: &[i16], from: usize) -> (usize, f64) {
    let best = |heard: &[i16], stretch: &[i16], places: Range<usize>| {
        let (own, end) = (product(stretch, stretch), places.end.min(heard.len().saturating_sub(stretch.len())));
        // How loud it is there, from one place to the next: what leaves is taken off, what comes is added.
        let square = |at: usize| f64::from(heard[at]) * f64::from(heard[at]);
        let mut energy = (places.start..end).next().map_or(0.0, |at| {
            let there = &heard[at..at + stretch.len()];
            product(there, there)
        });
        let places = (places.start..end).map(|place| {
            let next = place + stretch.len();
            let alike = product(&heard[place..next], stretch) / (energy * own).sqrt().max(1.0);
            energy += if next < heard.len() { square(next) } else { 0.0 } - square(place);
            (place, alike)
        });
        places.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    };
    // First roughly, on every fourth sample, then on each.
    let thin = |samples: &[i16]| samples.iter().step_by(4).copied().collect::<Vec<_>>();
    let (rough, _) = best(&thin(heard), &thin(stretch), from / 4..(from + LATER_MAX) / 4);
    best(heard, stretch, (4 * rough).saturating_sub(8)..4 * rough + 8)
}

/// A bit of what somebody said, and where it is in the recording and in what the witness heard.
#[derive(Debug)]
struct Found {
    alike: f64,
    /// How alike it is where the witness heard it: what is torn there, the machine tore before anybody heard it.
    heard: f64,
    other: f64,
    /// How much later than the witness the recording has it. Both began at some time, so that it says nothing by itself.
    later_ms: f64,
}

/// The bit of a source that came through best, of those between two seconds: the machine may have torn some before anybody heard them.
fn best_bit(source: &[i16], [kept, other, heard]: [&[i16]; 3], seconds: Range<usize>) -> Found {
    let bit_at = |place: usize| &source[place..place + RATE];
    let loudness = |place: &usize| product(bit_at(*place), bit_at(*place));
    let mut places: Vec<usize> = (seconds.start * RATE..seconds.end * RATE).step_by(RATE / 2).collect();
    places.sort_by(|a, b| loudness(b).total_cmp(&loudness(a)));
    let search = |leg: &[i16], place: usize| find(leg, bit_at(place), place.saturating_sub(RATE));
    let heard = places.into_iter().take(6).map(|place| (place, search(heard, place)));
    let (place, (heard_at, heard)) = heard.max_by(|a, b| a.1.1.total_cmp(&b.1.1)).expect("places");
    let [(kept_at, alike), (_, other)] = [kept, other].map(|leg| search(leg, place));
    Found { alike, heard, other, later_ms: (kept_at as f64 - heard_at as f64) / RATE as f64 * 1e3 }
}

/// What is wrong with a recording of two sources, if anything, by what a witness heard of both on one clock: whether each leg is its own
/// speaker's, stays where it began, and is as far from the other as it was for whoever listened.
pub fn judge(sources: [&[i16]; 2], kept: &[Vec<i16>; 2], heard: &[Vec<i16>; 2]) -> Result<(), String> {
    let found = Leg::ALL.map(|leg| {
        let (own, other) = (leg.index(), 1 - leg.index());
        let legs = [&kept[own][..], &kept[other], &heard[own]];
        let found = BITS.map(|(_, seconds)| best_bit(sources[own], legs, seconds));
        eprintln!("{leg:?}: {found:?}");
        found
    });
    for (leg, bits) in Leg::ALL.into_iter().zip(&found) {
        for bit in bits {
            if bit.alike < bit.heard.min(0.95) - 0.05 {
                return Err(format!("{leg:?}: only {:.2} like what was said", bit.alike));
            }
            if bit.other > 0.5 {
                return Err(format!("{leg:?}: it is on the other leg too: {:.2}", bit.other));
            }
        }
        if bits.iter().all(|bit| bit.alike <= 0.9) {
            return Err(format!("{leg:?}: nothing came through whole"));
        }
        let moved_ms = bits[1].later_ms - bits[0].later_ms;
        if moved_ms.abs() >= APART_MS_MAX {
            return Err(format!("{leg:?}: the end is {moved_ms:.1} ms from where the start says that it should be"));
        }
    }
    let [agent, customer] = found;
    for ((place, _), (agent, customer)) in BITS.iter().zip(agent.iter().zip(&customer)) {
        let apart_ms = customer.later_ms - agent.later_ms;
        eprintln!("at the {place} the customer is {apart_ms:.1} ms too late beside the agent");
        if apart_ms.abs() >= APART_MS_MAX {
            return Err(format!("at the {place} the customer is {apart_ms:.1} ms too late beside the agent"));
        }
    }
    Ok(())
}

/// A leg as it is heard `later` samples late, and from a second on by so many more.
fn moved(leg: &[i16], later: usize, second: usize, more: usize) -> Vec<i16> {
    let (start, end) = leg.split_at(second * RATE);
    [&vec![0; later], start, &vec![0; more], end].concat()
}

#[test]
fn legs_that_a_planted_shift_has_moved_apart_or_that_are_swapped_are_noticed() {
    let legs = Sound::of_call(&fixture("talk-8k.wav")).legs;
    let sources = [&legs[0][..], &legs[1]];
    // The witness began to listen at another time than the recording, and the customer was heard 0.1 s late, by both.
    let heard = [moved(sources[0], 4_000, 0, 0), moved(sources[1], 4_800, 0, 0)];
    let agent = moved(sources[0], 1_000, 0, 0);
    let with = |customer: Vec<i16>| judge(sources, &[agent.clone(), customer], &heard);
    assert_eq!(with(moved(sources[1], 1_800, 0, 0)), Ok(()));
    assert_eq!(with(moved(sources[1], 1_800 + 152, 0, 0)), Ok(()), "19 ms are allowed");
    let wrong = |kept: Result<(), String>, what: &str| {
        let said = kept.expect_err(what);
        assert!(said.contains(what), "{said}");
    };
    wrong(with(moved(sources[1], 1_800 + 168, 0, 0)), "at the start the customer is 21.0 ms too late");
    wrong(with(moved(sources[1], 1_800 - 168, 0, 0)), "at the start the customer is -21.0 ms too late");
    // Each leg may move a little, but not away from the other.
    let both = [moved(sources[0], 1_000, 0, 0), moved(sources[1], 1_800 + 100, 11, 100)];
    wrong(judge(sources, &both, &heard), "at the end the customer is 25.0 ms too late");
    wrong(with(moved(sources[1], 1_800, 11, 200)), "Customer: the end is 25.0 ms from where");
    let swapped = [moved(sources[1], 1_800, 0, 0), agent.clone()];
    wrong(judge(sources, &swapped, &heard), "Agent: only");
}
