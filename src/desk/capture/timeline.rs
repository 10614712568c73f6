//! One leg on the clock of its call: what a device delivers is put where it was said.
//!
//! Belongs here: gaps, and when late is lost; a function of samples and times. Does not: devices, threads, sockets.
//!
//! A device delivers runs of samples, each a moment after its last sample was said: later when the machine is busy, never earlier. So the
//! promptest of many tells where the leg is, and the others are only late. What is late is held back for a moment: if what follows catches
//! up, nothing was lost; if it stays as late, that much was lost, and a gap goes where the samples are missing. That has to be done here,
//! for the systems below lose whole periods without a word.

use super::clutch::Clutch;
use retrocall_core::memory::{LockedSamples, MapError};
use retrocall_words::audio::Rate;

const NANOS_PER_SECOND: f64 = 1e9;
/// Later than this is held back: so much could have been lost. Less is corrected by and by.
const LATE_S: f64 = 12e-3;
/// Earlier than this can't be: samples are left out.
const EARLY_S: f64 = 20e-3;
/// For how long what is late is held back, to see whether it catches up.
const SETTLE_NANOS: i64 = 150_000_000;
/// And for how many deliveries at least.
const SETTLE_DELIVERIES: u32 = 3;
/// How much is held back at most.
const HELD_S: f64 = 2.0;
/// How often the clutch is told how the leg is doing.
const WINDOW_NANOS: i64 = 1_000_000_000;
/// Of how many such windows the promptest delivery counts: a busy machine can be late with everything for seconds.
const WINDOWS: usize = 5;

/// What became of one leg.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LegFacts {
    /// Samples that went out.
    pub samples: u64,
    /// Where samples were missing, not counting the moment until the device was ready.
    pub gaps: u64,
    /// How many were missing there.
    pub gap_samples: u64,
    /// Samples that the device delivered before they could have been said.
    pub early_samples: u64,
    /// How much faster than the computer's clock the device's is, in millionths.
    pub drift_ppm: f64,
}

/// One leg on the clock of its call.
///
/// ```
/// use retrocall_desk::capture::Timeline;
/// use retrocall_words::audio::Rate;
///
/// let mut leg = Timeline::new(Rate::new(8_000).unwrap()).unwrap();
/// let mut placed = Vec::new();
/// for tenth in 1..=30 {
///     // Every 10 ms a run of 80 samples, but for 1 s none.
///     let at = if tenth <= 20 { tenth } else { tenth + 100 };
///     leg.take(at * 10_000_000, &[7; 80], |position, samples| placed.push((position, samples.len())));
/// }
/// leg.flush(|position, samples| placed.push((position, samples.len())));
/// assert_eq!(placed[0], (0, 160));
/// assert!(placed.contains(&(9_600, 160)), "what came after the gap is where it was said");
/// assert_eq!((leg.facts().gaps, leg.facts().gap_samples), (1, 8_000));
/// ```
pub struct Timeline {
    rate: Rate,
    clutch: Clutch,
    /// Whether anything has its place yet.
    begun: bool,
    /// Where the next sample goes that leaves the clutch.
    position: u64,
    held: Held,
    window: Window,
    facts: LegFacts,
}

/// What is held back.
struct Held {
    samples: LockedSamples,
    count: usize,
    since: i64,
    deliveries: u32,
    /// How late the promptest of them is, in samples.
    late: f64,
}

/// The promptest deliveries of a while.
struct Window {
    until: i64,
    late: f64,
    /// Those of the windows before, the last first; infinite where there was none.
    before: [f64; WINDOWS - 1],
}

impl Window {
    const NEW: Window = Window { until: 0, late: f64::INFINITY, before: [f64::INFINITY; WINDOWS - 1] };
}

impl Timeline {
    /// A leg of a call of this rate, at its begin.
    ///
    /// # Errors
    /// [`MapError`] if the system has no memory for it.
    pub fn new(rate: Rate) -> Result<Timeline, MapError> {
        let held = Held {
            samples: LockedSamples::new(rate.samples(HELD_S) as usize, true)?,
            count: 0,
            since: 0,
            deliveries: 0,
            late: f64::INFINITY,
        };
        Ok(Timeline {
            rate,
            clutch: Clutch::new(rate)?,
            begun: false,
            position: 0,
            held,
            window: Window::NEW,
            facts: LegFacts::default(),
        })
    }

    /// Takes what the device delivered `at` nanoseconds of the call. Gives what has its place to `out`, with the position of the first
    /// sample; positions only grow.
    pub fn take(&mut self, at: i64, samples: &[i16], mut out: impl FnMut(u64, &[i16])) {
        // Nothing is longer than what can be held back: how late the whole is, is told by its end.
        let most = self.held.samples.len();
        for (number, piece) in samples.chunks(most).enumerate() {
            let after = samples.len().saturating_sub((number + 1) * most);
            let earlier = (after as f64 / self.hz() * NANOS_PER_SECOND) as i64;
            self.take_piece(at - earlier, piece, &mut out);
        }
    }

    fn take_piece(&mut self, at: i64, mut samples: &[i16], out: &mut impl FnMut(u64, &[i16])) {
        if self.held.count + samples.len() > self.held.samples.len() {
            self.settle(out);
        }
        if !self.begun && at <= 0 {
            return;
        }
        let said = at as f64 / NANOS_PER_SECOND * self.hz();
        let late = said - (self.frontier() + samples.len() as u64) as f64;
        if self.begun && self.held.count == 0 && late < -EARLY_S * self.hz() {
            let early = (-late as usize).min(samples.len());
            self.facts.early_samples += early as u64;
            samples = &samples[early..];
            return self.place(samples, out);
        }
        if self.begun && late <= LATE_S * self.hz() {
            // In time, and so is what was held back before it: it was late, and nothing was lost.
            self.release(0, out);
            self.place(samples, out);
            return self.watch(at, late);
        }
        self.held.take(at, late, samples);
        if at - self.held.since >= SETTLE_NANOS && self.held.deliveries >= SETTLE_DELIVERIES {
            self.settle(out);
        }
    }

    /// The device delivers nothing more, for now or for ever: gives what was still held back.
    pub fn flush(&mut self, mut out: impl FnMut(u64, &[i16])) {
        self.settle(&mut out);
        self.empty_clutch(&mut out);
    }

    /// What became of the leg so far.
    pub fn facts(&self) -> LegFacts {
        LegFacts { drift_ppm: self.clutch.drift_ppm(), ..self.facts }
    }

    fn hz(&self) -> f64 {
        f64::from(self.rate.hz())
    }

    /// Where the next sample goes that the device delivers, if nothing was lost.
    fn frontier(&self) -> u64 {
        self.position + (self.clutch.waiting() + self.held.count) as u64
    }

    /// What is held back stays late: so much was lost before it. At the begin of the call, so much was said before the device was ready,
    /// or (less than 0) delivered before the call began.
    fn settle(&mut self, out: &mut impl FnMut(u64, &[i16])) {
        if self.held.count == 0 {
            return;
        }
        let late = self.held.late.round();
        if late >= 0.0 {
            let gap = late as u64;
            self.empty_clutch(out);
            self.position += gap;
            if self.begun {
                self.facts.gaps += 1;
                self.facts.gap_samples += gap;
            }
        }
        let before_begin = (-late).max(0.0) as usize;
        self.begun = true;
        self.window = Window::NEW;
        self.release(before_begin, out);
    }

    /// Gives what was held back its place, but for the first `without`.
    fn release(&mut self, without: usize, out: &mut impl FnMut(u64, &[i16])) {
        let count = std::mem::take(&mut self.held.count);
        (self.held.deliveries, self.held.late) = (0, f64::INFINITY);
        let Timeline { clutch, held, position, facts, .. } = self;
        clutch.push(&held.samples[without.min(count)..count], |run| give(position, facts, run, out));
    }

    fn place(&mut self, samples: &[i16], out: &mut impl FnMut(u64, &[i16])) {
        let Timeline { clutch, position, facts, .. } = self;
        clutch.push(samples, |run| give(position, facts, run, out));
    }

    fn empty_clutch(&mut self, out: &mut impl FnMut(u64, &[i16])) {
        let Timeline { clutch, position, facts, .. } = self;
        clutch.flush(|run| give(position, facts, run, out));
    }

    /// Looks whether the leg goes away from its place.
    fn watch(&mut self, at: i64, late: f64) {
        let window = &mut self.window;
        window.late = window.late.min(late);
        if window.until == 0 {
            window.until = at + WINDOW_NANOS;
        } else if at >= window.until {
            let promptest = window.before.iter().copied().fold(window.late, f64::min);
            let known = window.before[WINDOWS - 2].is_finite();
            window.before.rotate_right(1);
            window.before[0] = window.late;
            (window.until, window.late) = (at + WINDOW_NANOS, f64::INFINITY);
            if known {
                self.clutch.regulate(promptest / f64::from(self.rate.hz()), WINDOW_NANOS as f64 / NANOS_PER_SECOND);
            }
        }
    }
}

impl Held {
    fn take(&mut self, at: i64, late: f64, samples: &[i16]) {
        if self.deliveries == 0 {
            self.since = at;
        }
        self.samples[self.count..self.count + samples.len()].copy_from_slice(samples);
        self.count += samples.len();
        self.deliveries += 1;
        self.late = self.late.min(late);
    }
}

fn give(position: &mut u64, facts: &mut LegFacts, run: &[i16], out: &mut impl FnMut(u64, &[i16])) {
    out(*position, run);
    *position += run.len() as u64;
    facts.samples += run.len() as u64;
}

#[cfg(test)]
mod tests;
