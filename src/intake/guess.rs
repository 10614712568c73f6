//! Guesses whether a leg matches its announcement. Samples of another codec or rate become noise or another pitch, and nobody notices before the
//! recording is played.
//!
//! Belongs here: evidence from bytes and their pace, on the reading thread: a few frames of a call's first seconds, no allocation. Does not:
//! words, events.
//!
//! Bytes. Sound is smooth in its own codec, and jagged in all others. Over some frames the guess counts the bits of the steps from sample to
//! sample, as each codec would read the same bytes. In fixtures of speech the right codec needed at least half a bit a byte less than any other;
//! noise needs as many in each, and proves nothing. Pure tones can repeat in bytes as they do in time, and near half the rate they are jagged even
//! in their own codec: audio with few different bytes, or with the regularity of a tone, proves nothing either.
//!
//! The two laws of G.711 differ in every second bit of the level, so that one taken for the other is less jagged than linear samples would be.
//! They are compared with each other by a smaller measure, over more looks. Of 76 legs of speech in one law under the name of the other, it
//! notices 68 within 20 s.
//!
//! Pace. People talk in real time. Samples that come for half a minute at twice the pace, or three times, or at any other ratio of two common
//! rates, have that rate.

use std::{
    cell::Cell,
    fmt,
    time::{Duration, Instant},
};

use retrocall_words::audio::{Codec, Rate, g711::Law};

/// Bytes that are looked at together.
const LOOK_BYTES: u32 = 640;
/// After a run of frames that was looked at, so many are not; nor are they when there was no time for the one before.
const FRAMES_SKIPPED: u32 = 4;
/// A thread looks at no more than so many frames in this time, one in two hundred of its time: thousands of calls that begin at once are looked at a
/// little later, and none of their frames waits for that, nor does a press behind the first frames of a call.
const FRAMES_LOOKED_AT_MAX: u32 = 2;
const LOOKING_SPAN: Duration = Duration::from_millis(1);
/// Different bytes of a look that says anything.
const VARIETY_MIN: u32 = 48;
/// Bits a byte from which on a codec may be the wrong one, and how many fewer another must need.
const JAGGED_BITS: u32 = 4;
/// Looks that must say the same, and four times as many as say otherwise.
const VOTES: u32 = 5;
/// After so many looks that say that all is right, nobody looks any more.
const VOTES_RIGHT: u32 = 20;
/// Looks that must say that it is the other law, by half a bit a byte, and four times as many as say the opposite. In fixtures that are what they are
/// said to be no look says so.
const VOTES_LAW: u32 = 10;
/// What two samples on both sides of one have in common is so many times its own level for a tone; where all but this part of it is, it is one:
/// 1 in 20.
const TONE_REST: f64 = 0.05;

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
        match codec.law() {
            None => Writing::Linear,
            Some(Law::Mu) => Writing::Ulaw,
            Some(Law::A) => Writing::Alaw,
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

thread_local! {
    /// Since when this thread counts the frames that it looks at, and how many there were.
    static LOOKED_AT: Cell<(Option<Instant>, u32)> = const { Cell::new((None, 0)) };
}

/// Whether this thread may look at one more frame now. Counts it.
fn may_look(now: Instant) -> bool {
    LOOKED_AT.with(|looked_at| {
        let (since, count) = looked_at.get();
        let goes_on = since.is_some_and(|since| since <= now && now < since + LOOKING_SPAN);
        let (since, count) = if goes_on { (since, count) } else { (Some(now), 0) };
        looked_at.set((since, count + 1));
        count < FRAMES_LOOKED_AT_MAX
    })
}

/// What is known so far of one leg.
#[derive(Debug)]
pub struct Guess {
    /// How many samples must have come before the next look.
    look_due: u64,
    bytes: u32,
    /// Bits of the steps, by [`Writing::ALL`].
    bits: [u32; 4],
    /// Which bytes there were.
    seen: [u64; 4],
    /// Of each sample x between two others, which are y together: the sums of x², xy and y². As the call's codec reads them.
    tone: [i64; 3],
    /// Looks that were for each.
    votes: [u32; 4],
    /// Looks that were for the law that was said, and for the other one.
    law_votes: [u32; 2],
    is_settled: bool,
    pace: Pace,
}

impl Default for Guess {
    fn default() -> Guess {
        let (bits, seen, tone, votes, law_votes) = ([0; 4], [0; 4], [0; 3], [0; 4], [0; 2]);
        Guess { look_due: 0, bytes: 0, bits, seen, tone, votes, law_votes, is_settled: false, pace: Pace::default() }
    }
}

impl Guess {
    /// How many samples must have come before a frame is worth showing: of one that comes earlier nothing would be learnt.
    pub fn due(&self) -> u64 {
        self.look_due.min(self.pace.due)
    }

    /// A frame has come, and so many samples before it. Returns what is wrong, once. Wait-free.
    pub fn frame(&mut self, codec: Codec, rate: Rate, bytes: &[u8], came: u64, now: Instant) -> Option<Finding> {
        let paced = self.pace.frame(rate, came, now).map(Finding::Rate);
        if came < self.look_due {
            return paced;
        }
        let samples = (bytes.len() / codec.bytes_per_sample()) as u64;
        let after_some = came + u64::from(1 + FRAMES_SKIPPED) * samples;
        if !may_look(now) {
            self.look_due = after_some;
            return paced;
        }
        self.look(bytes);
        self.look_for_a_tone(codec, bytes);
        if self.bytes < LOOK_BYTES {
            self.look_due = came + samples;
            return paced;
        }
        let found = self.vote(codec);
        self.look_due = if self.is_settled { u64::MAX } else { after_some };
        (self.bytes, self.bits, self.seen, self.tone) = (0, [0; 4], [0; 4], [0; 3]);
        found.or(paced)
    }

    fn look(&mut self, bytes: &[u8]) {
        let bits = |step: i32| u32::BITS - step.unsigned_abs().leading_zeros();
        self.bytes += bytes.len() as u32;
        for (sum, law) in self.bits[2..].iter_mut().zip([Law::Mu, Law::A]) {
            let mut ranks = bytes.iter().map(|byte| i32::from(law.rank(*byte)));
            let mut before = ranks.next().unwrap_or(0);
            *sum += ranks.map(|rank| bits(rank - std::mem::replace(&mut before, rank))).sum::<u32>();
        }
        for four in bytes.chunks_exact(2).zip(bytes.chunks_exact(2).skip(1)) {
            let (a, b) = ([four.0[0], four.0[1]], [four.1[0], four.1[1]]);
            self.bits[0] += bits(i32::from(i16::from_le_bytes(b)) - i32::from(i16::from_le_bytes(a)));
            self.bits[1] += bits(i32::from(i16::from_be_bytes(b)) - i32::from(i16::from_be_bytes(a)));
        }
        bytes.iter().for_each(|byte| self.seen[usize::from(byte >> 6)] |= 1 << (byte & 63));
    }

    fn look_for_a_tone(&mut self, codec: Codec, bytes: &[u8]) {
        let mut add = |before: i16, x: i16, after: i16| {
            let (x, y) = (i64::from(x), i64::from(before) + i64::from(after));
            self.tone = [self.tone[0] + x * x, self.tone[1] + x * y, self.tone[2] + y * y];
        };
        let Some(law) = codec.law() else {
            let (samples, _) = bytes.as_chunks::<2>();
            return samples.windows(3).for_each(|three| {
                let [before, x, after] = [0, 1, 2].map(|at| i16::from_le_bytes(three[at]));
                add(before, x, after);
            });
        };
        bytes.windows(3).for_each(|three| add(law.linear(three[0]), law.linear(three[1]), law.linear(three[2])));
    }

    /// Whether both neighbours of each sample together are always as many times the sample: so it is of a sine, whatever its pitch.
    fn is_tone(&self) -> bool {
        let [xx, xy, yy] = self.tone.map(|sum| sum as f64);
        yy * xx - xy * xy <= TONE_REST * xx * xx
    }

    /// Whether the codes are of the law that was not said, as far as looks can tell.
    fn is_other_law(&mut self, own: usize) -> bool {
        const MU: usize = Writing::Ulaw as usize;
        const A: usize = Writing::Alaw as usize;
        let other = match own {
            MU => A,
            A => MU,
            _ => return false,
        };
        let (margin, is_linear) = (self.bytes / 2, self.bits[..MU].iter().any(|bits| *bits < self.bits[other]));
        if self.bits[other] + margin <= self.bits[own] && !is_linear {
            self.law_votes[1] += 1;
        } else if self.bits[own] + margin <= self.bits[other] {
            self.law_votes[0] += 1;
        }
        self.law_votes[1] >= VOTES_LAW && self.law_votes[1] >= 4 * self.law_votes[0]
    }

    fn vote(&mut self, codec: Codec) -> Option<Finding> {
        let own = Writing::of(codec) as usize;
        let best = (0..self.bits.len()).min_by_key(|at| self.bits[*at]).unwrap_or(own);
        let variety: u32 = self.seen.iter().map(|seen| seen.count_ones()).sum();
        let is_jagged = self.bits[own] >= JAGGED_BITS * self.bytes && self.bits[best] + self.bytes <= self.bits[own];
        if variety < VARIETY_MIN || self.is_tone() {
            return None;
        }
        if self.is_other_law(own) {
            self.is_settled = true;
            return Some(Finding::Codec(if own == Writing::Ulaw as usize { Writing::Alaw } else { Writing::Ulaw }));
        }
        if best != own && !is_jagged {
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
    /// How many samples must have come before it is measured again.
    due: u64,
    hz: u32,
    spans: u32,
    is_told: bool,
}

impl Pace {
    fn frame(&mut self, rate: Rate, came: u64, now: Instant) -> Option<u32> {
        let (since, before) = *self.since.get_or_insert((now, came));
        let passed = now.saturating_duration_since(since);
        // Samples tell nothing about the time, but one look at the clock for a second of them is often enough.
        self.due = came + u64::from(rate.hz());
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
