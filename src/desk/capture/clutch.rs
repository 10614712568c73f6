//! Two clocks that are almost the same: how much faster or slower a leg has to go to stay in its place.
//!
//! Belongs here: the drift's estimate, and the one sample in thousands that is put in or left out. Does not: gaps.

use rubato::{Adjustable, FixedAsync, Resampler, Slip, audioadapter_buffers::number_to_float::InterleavedNumbers};

use retrocall_core::memory::{LockedSamples, MapError, wipe};
use retrocall_words::audio::Rate;

/// How far a leg may be from its place, in seconds, before it is touched at all. Two legs of one clock stay as they came, bit for bit.
const TOLERANCE_S: f64 = 3e-3;
/// What is corrected of an error within a second. Slow, because what is seen of the error is seen through the jitter of the system.
const GAIN: f64 = 0.05;
/// How fast the estimate of the drift follows, per second. A quarter of the square: as fast as can be without swinging.
const GAIN_DRIFT: f64 = GAIN * GAIN / 4.0;
/// No crystal is further off than this.
const DRIFT_MAX: f64 = 2e-3;
/// Corrected at once at most: a thousandth is heard by nobody.
const CORRECTION_MAX: f64 = 4e-3;
/// A slower drift than this takes ten minutes to reach the tolerance: it need not be corrected all the time.
const DRIFT_MIN: f64 = 5e-6;

/// Lets one leg slip a sample where its device's clock needs it.
pub(super) struct Clutch {
    slip: Slip<f32>,
    /// Samples that are waiting to be a whole run.
    run: LockedSamples,
    waiting: usize,
    /// Samples of a run: 20 ms.
    run_samples: usize,
    out: LockedSamples,
    /// How much slower than the computer's clock the device's is, as a fraction.
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

    /// Takes in how far the leg is behind its place (ahead of it: less than 0), as it was over the last `seconds`.
    pub(super) fn regulate(&mut self, behind_seconds: f64, seconds: f64) {
        let beyond = behind_seconds - behind_seconds.clamp(-TOLERANCE_S, TOLERANCE_S);
        self.slowness = (self.slowness + GAIN_DRIFT * beyond * seconds).clamp(-DRIFT_MAX, DRIFT_MAX);
        let steady = if self.slowness.abs() < DRIFT_MIN { 0.0 } else { self.slowness };
        let ratio = 1.0 + (steady + GAIN * beyond).clamp(-CORRECTION_MAX, CORRECTION_MAX);
        // It takes any ratio that near to 1.
        let _ = self.slip.set_resample_ratio(ratio, false);
    }

    /// How much faster than the computer's clock the device's is, in millionths, as far as that is known.
    pub(super) fn drift_ppm(&self) -> f64 {
        -self.slowness * 1e6
    }

    /// Takes samples, and gives whole runs to `run`, each corrected as it must be.
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

    /// Gives what waits, as it is: after it comes a gap, or the end.
    pub(super) fn flush(&mut self, mut run: impl FnMut(&[i16])) {
        if self.waiting > 0 {
            run(&self.run[..self.waiting]);
            self.waiting = 0;
        }
    }

    /// Puts one run through; how many samples it became.
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
