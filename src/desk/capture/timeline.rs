//! The timeline of one leg: places each delivery of a device where it was said.
//!
//! Belongs here: gaps, and when late means lost; a function of samples and times. Does not: devices, threads, sockets.
//!
//! A device delivers a run of samples a moment after its last sample was said; later when the machine is busy, never earlier. So the most
//! punctual of many deliveries tells where the leg is. A late delivery is held back for a moment. If later ones catch up, nothing was lost;
//! if they stay as late, samples were lost, and a gap takes their place. This has to be done here, because the systems below lose whole
//! periods without an error.

use super::clutch::Clutch;
use retrocall_core::memory::{LockedSamples, MapError};
use retrocall_words::audio::Rate;

const NANOS_PER_SECOND: f64 = 1e9;
/// A delivery that is later than this is held back: samples may have been lost. The clutch corrects less.
const LATE_S: f64 = 12e-3;
/// No delivery is earlier than this: the surplus is dropped.
const EARLY_S: f64 = 20e-3;
/// How long late deliveries are held back, to see whether later ones catch up,
const SETTLE_NANOS: i64 = 150_000_000;
/// and for how many deliveries at least.
const SETTLE_DELIVERIES: u32 = 3;
/// Seconds of audio that are held back at most.
const HELD_S: f64 = 2.0;
/// How often the clutch is regulated.
const WINDOW_NANOS: i64 = 1_000_000_000;
/// Windows whose most punctual delivery counts: a busy machine can be late with everything for seconds.
const WINDOWS: usize = 5;

/// The outcome of one leg.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LegFacts {
    /// Samples that went out.
    pub samples: u64,
    /// Gaps, without the moment until the device was ready.
    pub gaps: u64,
    /// Samples that were missing there.
    pub gap_samples: u64,
    /// Samples that were dropped because they came before they could have been said.
    pub early_samples: u64,
    /// How much faster the device's clock is than the computer's, in millionths.
    pub drift_ppm: f64,
}

/// The timeline of one leg.
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
    /// Whether anything was placed yet.
    begun: bool,
    /// Position of the next sample that leaves the clutch.
    position: u64,
    held: LateDeliveries,
    window: Window,
    facts: LegFacts,
}

/// Late deliveries that are held back.
struct LateDeliveries {
    samples: LockedSamples,
    count: usize,
    since: i64,
    deliveries: u32,
    /// The smallest lateness among them, in samples.
    late: f64,
}

/// The most punctual deliveries of the last windows.
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
        let held = LateDeliveries {
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

    /// Takes a delivery that came `at` nanoseconds of the call. Passes placed samples to `out`, with the position of the first one;
    /// positions only grow.
    pub fn take(&mut self, at: i64, samples: &[i16], mut out: impl FnMut(u64, &[i16])) {
        // No piece is longer than what can be held back. The lateness of the whole is that of its end.
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
            // It is in time, so what was held back was only late, and nothing was lost.
            self.release(0, out);
            self.place(samples, out);
            return self.watch(at, late);
        }
        self.held.take(at, late, samples);
        if at - self.held.since >= SETTLE_NANOS && self.held.deliveries >= SETTLE_DELIVERIES {
            self.settle(out);
        }
    }

    /// The device delivers nothing more, for now or for ever: places what was held back.
    pub fn flush(&mut self, mut out: impl FnMut(u64, &[i16])) {
        self.settle(&mut out);
        self.empty_clutch(&mut out);
    }

    /// The outcome so far.
    pub fn facts(&self) -> LegFacts {
        LegFacts { drift_ppm: self.clutch.drift_ppm(), ..self.facts }
    }

    fn hz(&self) -> f64 {
        f64::from(self.rate.hz())
    }

    /// Position of the device's next sample if nothing was lost.
    fn frontier(&self) -> u64 {
        self.position + (self.clutch.waiting() + self.held.count) as u64
    }

    /// What is held back stays late: so much was lost before it. At the begin of the call, so much was said before the device was ready;
    /// below 0, so much was delivered before the call began.
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

    /// Places what was held back, without the first samples.
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

    /// Regulates the clutch by how far the leg is from its place.
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

impl LateDeliveries {
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
