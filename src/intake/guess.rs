//! Whether a leg is what its call says: samples of another codec, or of another rate, become noise or another pitch, and nobody hears it until
//! the recording is listened to.
//!
//! Belongs here: what can be seen of bytes and of their pace, on the thread that reads: a few frames of a call's first seconds, no
//! allocation. Does not: words, events.
//!
//! Bytes. Sound is smooth in the codec that it was made in, and jagged in all others. Over some frames the bits of the steps from sample to
//! sample are counted, as each codec would read the same bytes. In fixtures of speech the codec that they are in needed at least half a bit
//! a byte less than any other; noise needs as many in each, and says nothing. Pure tones can repeat in bytes as they do in time:
//! what has few different bytes says nothing either.
//!
//! Pace. People talk in real time. Samples that come at twice the pace, or three times, or at any other ratio of two rates that are in use, for
//! half a minute on end, are of that rate.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::audio::{Codec, Rate, g711::Law};

/// Bytes that are looked at together.
const LOOK_BYTES: u32 = 640;
/// Of so many frames one run is looked at, the next is not.
const FRAMES_SKIPPED: u32 = 4;
/// Different bytes of a look that says anything.
const VARIETY_MIN: u32 = 48;
/// Bits a byte from which on a codec may be the wrong one, and how many fewer another must need.
const JAGGED_BITS: u32 = 4;
/// Looks that must say the same, and four times as many as say otherwise.
const VOTES: u32 = 5;
/// After so many looks that say that all is right, nobody looks any more.
const VOTES_RIGHT: u32 = 20;

/// How long a pace is measured, and how often it must be the same.
const PACE_SPAN: Duration = Duration::from_secs(5);
const PACE_SPANS: u32 = 6;
/// Rates that are in use.
const RATES_HZ: [u32; 9] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

/// How bytes can be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// Linear, little-endian, as it should be.
    Linear,
    /// Linear, big-endian, as RTP has it.
    Swapped,
    /// G.711 µ-law.
    Ulaw,
    /// G.711 A-law.
    Alaw,
}

impl Writing {
    const ALL: [Writing; 4] = [Writing::Linear, Writing::Swapped, Writing::Ulaw, Writing::Alaw];

    fn of(codec: Codec) -> Writing {
        match codec {
            Codec::Pcm16 => Writing::Linear,
            Codec::Ulaw => Writing::Ulaw,
            Codec::Alaw => Writing::Alaw,
        }
    }
}

/// What is wrong with a leg, as it seems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Its samples are written so.
    Codec(Writing),
    /// So many of them come a second.
    Rate(u32),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Codec(Writing::Linear) => f.write_str("its samples look like pcm16"),
            Finding::Codec(Writing::Swapped) => {
                f.write_str("its samples look like pcm16 with the bytes of each swapped (big-endian)")
            }
            Finding::Codec(Writing::Ulaw) => f.write_str("its samples look like ulaw"),
            Finding::Codec(Writing::Alaw) => f.write_str("its samples look like alaw"),
            Finding::Rate(hz) => {
                write!(f, "its samples come as if their rate was {hz}, or at another speed than people talk")
            }
        }
    }
}

/// What is known so far of one leg.
#[derive(Debug)]
pub struct Guess {
    /// Frames until the next look.
    skip: u32,
    bytes: u32,
    /// Bits of the steps, by [`Writing::ALL`].
    bits: [u32; 4],
    /// Which bytes there were.
    seen: [u64; 4],
    /// Looks that were for each.
    votes: [u32; 4],
    is_settled: bool,
    pace: Pace,
}

impl Default for Guess {
    fn default() -> Guess {
        let (bits, seen, votes) = ([0; 4], [0; 4], [0; 4]);
        Guess { skip: 0, bytes: 0, bits, seen, votes, is_settled: false, pace: Pace::default() }
    }
}

impl Guess {
    /// A frame has come, and so many samples by now. Returns what is wrong, once. Wait-free.
    pub fn frame(&mut self, codec: Codec, rate: Rate, bytes: &[u8], came: u64, now: Instant) -> Option<Finding> {
        let paced = self.pace.frame(rate, came, now).map(Finding::Rate);
        if self.is_settled {
            return paced;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return paced;
        }
        self.look(bytes);
        if self.bytes < LOOK_BYTES {
            return paced;
        }
        let found = self.vote(codec);
        (self.skip, self.bytes, self.bits, self.seen) = (FRAMES_SKIPPED, 0, [0; 4], [0; 4]);
        found.or(paced)
    }

    fn look(&mut self, bytes: &[u8]) {
        let bits = |step: i32| u32::BITS - step.unsigned_abs().leading_zeros();
        self.bytes += bytes.len() as u32;
        for two in bytes.windows(2) {
            for (sum, law) in self.bits[2..].iter_mut().zip([Law::Mu, Law::A]) {
                *sum += bits(i32::from(law.rank(two[1])) - i32::from(law.rank(two[0])));
            }
        }
        for four in bytes.chunks_exact(2).zip(bytes.chunks_exact(2).skip(1)) {
            let (a, b) = ([four.0[0], four.0[1]], [four.1[0], four.1[1]]);
            self.bits[0] += bits(i32::from(i16::from_le_bytes(b)) - i32::from(i16::from_le_bytes(a)));
            self.bits[1] += bits(i32::from(i16::from_be_bytes(b)) - i32::from(i16::from_be_bytes(a)));
        }
        bytes.iter().for_each(|byte| self.seen[usize::from(byte >> 6)] |= 1 << (byte & 63));
    }

    fn vote(&mut self, codec: Codec) -> Option<Finding> {
        let own = Writing::of(codec) as usize;
        let best = (0..self.bits.len()).min_by_key(|at| self.bits[*at]).unwrap_or(own);
        let variety: u32 = self.seen.iter().map(|seen| seen.count_ones()).sum();
        let is_jagged = self.bits[own] >= JAGGED_BITS * self.bytes && self.bits[best] + self.bytes <= self.bits[own];
        if variety < VARIETY_MIN || (best != own && !is_jagged) {
            return None;
        }
        self.votes[best] += 1;
        let others: u32 = self.votes.iter().sum::<u32>() - self.votes[best];
        let enough = if best == own { VOTES_RIGHT } else { VOTES };
        if self.votes[best] < enough || self.votes[best] < 4 * others {
            return None;
        }
        self.is_settled = true;
        (best != own).then_some(Finding::Codec(Writing::ALL[best]))
    }
}

/// How fast samples come.
#[derive(Debug, Default)]
struct Pace {
    since: Option<(Instant, u64)>,
    hz: u32,
    spans: u32,
    is_told: bool,
}

impl Pace {
    fn frame(&mut self, rate: Rate, came: u64, now: Instant) -> Option<u32> {
        let (since, before) = *self.since.get_or_insert((now, came));
        let passed = now.saturating_duration_since(since);
        if self.is_told || passed < PACE_SPAN {
            return None;
        }
        self.since = Some((now, came));
        let measured = (came - before) as f64 / passed.as_secs_f64();
        let near = |hz: u32| (measured / f64::from(hz) - 1.0).abs() < 0.02;
        let hz = RATES_HZ.into_iter().find(|hz| near(*hz)).filter(|_| !near(rate.hz())).unwrap_or(0);
        self.spans = if hz > 0 && hz == self.hz { self.spans + 1 } else { 1 };
        self.hz = hz;
        self.is_told = hz > 0 && self.spans >= PACE_SPANS;
        self.is_told.then_some(hz)
    }
}

#[cfg(test)]
#[path = "guess/tests.rs"]
mod tests;
