//! Corrects the drift of a device's clock against the computer's.
//!
//! Belongs here: estimating the drift, and adding or dropping one sample in thousands. Does not: gaps.

use rubato::{Adjustable, FixedAsync, Resampler, Slip, audioadapter_buffers::number_to_float::InterleavedNumbers};

use retrocall_core::memory::{LockedSamples, MapError, wipe};
use retrocall_words::audio::Rate;

/// A leg that is off by less than this, in seconds, is not touched. Legs of one clock stay bit for bit as they came.
const TOLERANCE_S: f64 = 3e-3;
/// The share of an error that is corrected within a second. It is small, because the system's jitter blurs the error.
const GAIN: f64 = 0.05;
/// The gain of the drift's estimate, per second. A quarter of the square is the fastest that does not oscillate.
const GAIN_DRIFT: f64 = GAIN * GAIN / 4.0;
/// No crystal drifts more than this.
const DRIFT_MAX: f64 = 2e-3;
/// The largest correction at once: nobody hears a few thousandths.
const CORRECTION_MAX: f64 = 4e-3;
/// A smaller drift takes ten minutes to reach the tolerance, and is not corrected all the time.
const DRIFT_MIN: f64 = 5e-6;

/// Adds or drops samples of one leg where its device's clock needs it.
pub(super) struct Clutch {
    slip: Slip<f32>,
    /// Samples that are waiting to be a whole run.
    run: LockedSamples,
    waiting: usize,
    /// Samples of a run: 20 ms.
    run_samples: usize,
    out: LockedSamples,
    /// Estimate of how much slower the device's clock is than the computer's, as a fraction.
    slowness: f64,
}

impl Clutch {
    pub(super) fn new(rate: Rate) -> Result<Clutch, MapError> {
        let run_samples = rate.hz() as usize / 50;
        let slip = Slip::new(run_samples, 1, FixedAsync::Input).expect("a run is long enough to fade in");
        Ok(Clutch {
            run: LockedSamples::new(run_samples, true)?,
            out: LockedSamples::new(slip.output_frames_max(), true)?,
            slip,
            waiting: 0,
            run_samples,
            slowness: 0.0,
        })
    }

    /// Samples that are waiting to be a whole run.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes in how far the leg was behind its place over the last `seconds`; below 0 if it was ahead.
    pub(super) fn regulate(&mut self, behind_seconds: f64, seconds: f64) {
        let beyond = behind_seconds - behind_seconds.clamp(-TOLERANCE_S, TOLERANCE_S);
        self.slowness = (self.slowness + GAIN_DRIFT * beyond * seconds).clamp(-DRIFT_MAX, DRIFT_MAX);
        let steady = if self.slowness.abs() < DRIFT_MIN { 0.0 } else { self.slowness };
        let ratio = 1.0 + (steady + GAIN * beyond).clamp(-CORRECTION_MAX, CORRECTION_MAX);
        // It takes any ratio that near to 1.
        let _ = self.slip.set_resample_ratio(ratio, false);
    }

    /// Estimate of how much faster the device's clock is than the computer's, in millionths.
    pub(super) fn drift_ppm(&self) -> f64 {
        -self.slowness * 1e6
    }

    /// Takes samples, and passes whole, corrected runs to `run`.
    pub(super) fn push(&mut self, mut samples: &[i16], mut run: impl FnMut(&[i16])) {
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(self.run_samples - self.waiting));
            self.run[self.waiting..self.waiting + now.len()].copy_from_slice(now);
            self.waiting += now.len();
            samples = later;
            if self.waiting == self.run_samples {
                let count = self.process();
                self.waiting = 0;
                run(&self.out[..count]);
            }
        }
    }

    /// Passes on what waits, uncorrected: a gap or the end follows.
    pub(super) fn flush(&mut self, mut run: impl FnMut(&[i16])) {
        if self.waiting > 0 {
            run(&self.run[..self.waiting]);
            self.waiting = 0;
        }
    }

    /// Corrects one run. Returns its new length.
    fn process(&mut self) -> usize {
        let frames_out = self.slip.output_frames_next();
        let from = InterleavedNumbers::<&[i16], f32>::new(&self.run[..self.run_samples], 1, self.run_samples);
        let to = InterleavedNumbers::<&mut [i16], f32>::new_mut(&mut self.out[..frames_out], 1, frames_out);
        let (from, mut to) = (from.expect("a run is as long as itself"), to.expect("and so is what it becomes"));
        self.slip.process_into_buffer(&from, &mut to, None).expect("the buffers are as long as it asks for").1
    }
}

impl Drop for Clutch {
    fn drop(&mut self) {
        // The resampler keeps the last run in memory that is not ours to wipe: silence takes its place. A ratio that slips a sample in
        // each run has it use all of its memory.
        wipe(&mut self.run);
        let _ = self.slip.set_resample_ratio(1.0 + 1.5 / self.run_samples as f64, false);
        for _ in 0..3 {
            self.process();
        }
    }
}
