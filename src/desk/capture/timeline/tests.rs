//! Two legs from devices whose clocks, drivers and machine behave as badly as real ones: hours of audio in seconds.

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use super::*;

const HZ: f64 = 8_000.0;
/// Loud enough to be found in silence.
const CLICK: i16 = 20_000;

/// A device with a clock of its own: 80 samples each 10 ms of that clock.
struct Device {
    /// How much faster its clock goes than ours.
    drift: f64,
    /// Samples it has delivered or lost.
    samples: u64,
    random: StdRng,
    last_at: i64,
    /// Until when the machine does not look at it.
    stalled_until: i64,
}

impl Device {
    fn new(drift_ppm: f64, seed: u64) -> Device {
        let random = StdRng::seed_from_u64(seed);
        Device { drift: drift_ppm * 1e-6, samples: 0, random, last_at: 0, stalled_until: 0 }
    }

    /// When its sample of this number is said, on our clock, in seconds.
    fn said(&self, sample: u64) -> f64 {
        sample as f64 / HZ / (1.0 + self.drift)
    }

    /// The next delivery: when, and 80 samples, with a click at each whole minute of our clock.
    fn next(&mut self) -> (i64, [i16; 80]) {
        let mut samples = [0; 80];
        for (index, sample) in samples.iter_mut().enumerate() {
            let number = self.samples + index as u64;
            let (now, next) = (self.said(number) / 60.0, self.said(number + 1) / 60.0);
            if now.floor() < next.floor() {
                *sample = CLICK;
            }
        }
        self.samples += 80;
        // Most are prompt, some are late, and now and then the machine has no time at all.
        let busy: f64 = self.random.random::<f64>();
        let jitter = 0.0003 - 0.001 * (1.0 - busy).max(1e-9).ln();
        let at = ((self.said(self.samples) + jitter) * 1e9) as i64;
        if self.random.random::<f64>() < 0.0002 {
            self.stalled_until = at + self.random.random_range(20_000_000..120_000_000);
        }
        self.last_at = at.max(self.last_at + 20_000).max(self.stalled_until.min(at + 120_000_000));
        (self.last_at, samples)
    }
}

/// The positions of a leg's clicks, and the outcome of the leg.
fn clicks_of(device: &mut Device, seconds: f64) -> (Vec<u64>, LegFacts) {
    let mut leg = Timeline::new(Rate::new(8_000).expect("a rate")).expect("memory for a test");
    let mut clicks: Vec<u64> = Vec::new();
    let mut reached = 0;
    let mut out = |position: u64, samples: &[i16]| {
        assert!(position >= reached, "positions only grow");
        reached = position + samples.len() as u64;
        for (index, sample) in samples.iter().enumerate() {
            let at = position + index as u64;
            // A slip may make two clicks of one.
            if *sample > CLICK / 3 && clicks.last().is_none_or(|last| at - last > 100) {
                clicks.push(at);
            }
        }
    };
    while device.said(device.samples) < seconds {
        let (at, samples) = device.next();
        leg.take(at, &samples, &mut out);
    }
    leg.flush(&mut out);
    (clicks, leg.facts())
}

#[test]
fn two_devices_stay_within_20_ms_of_each_other_at_every_minute_of_two_hours() {
    let seed = rand::rng().next_u64();
    eprintln!("seed {seed}");
    let legs = [(200.0, 1), (-200.0, 2), (0.0, 3)].map(|(ppm, number)| {
        let (clicks, facts) = clicks_of(&mut Device::new(ppm, seed ^ number), 7_205.0);
        assert_eq!(facts.gaps, 0, "nothing was lost, only late: {facts:?}");
        assert_eq!(clicks.len(), 120, "one click a minute");
        assert!((facts.drift_ppm - ppm).abs() < 60.0, "{ppm} ppm was taken for {}", facts.drift_ppm);
        clicks
    });
    for (agent, customer) in [(0, 1), (0, 2), (1, 2)] {
        let mut worst_ms = 0.0f64;
        for (minute, (agent, customer)) in (1..).zip(legs[agent].iter().zip(&legs[customer])) {
            let apart_ms = (*agent as f64 - *customer as f64).abs() / HZ * 1e3;
            let off_ms = [agent, customer].map(|at| (*at as f64 / HZ - f64::from(minute) * 60.0).abs() * 1e3);
            worst_ms = worst_ms.max(apart_ms);
            assert!(apart_ms < 20.0, "at minute {minute} the legs are {apart_ms:.1} ms apart");
            assert!(off_ms.iter().all(|ms| *ms < 20.0), "at minute {minute} a leg is off by {off_ms:?} ms");
        }
        eprintln!("legs {agent} and {customer}: at most {worst_ms:.1} ms apart");
    }
}

/// Noise in which no run of samples repeats.
fn noise(samples: usize, seed: u64) -> Vec<i16> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..samples).map(|_| random.random_range(-20_000..20_000)).collect()
}

/// Takes deliveries of 80 samples: each with its number and its time in ms. Returns the timeline that came out.
fn through(sound: &[i16], deliveries: impl Iterator<Item = (usize, f64)>) -> (Vec<Option<i16>>, LegFacts) {
    let mut leg = Timeline::new(Rate::new(8_000).expect("a rate")).expect("memory for a test");
    let mut line = Vec::new();
    let mut out = |position: u64, samples: &[i16]| {
        line.resize(position as usize, None);
        line.extend(samples.iter().map(|sample| Some(*sample)));
    };
    for (number, at_ms) in deliveries {
        leg.take((at_ms * 1e6) as i64, &sound[number * 80..][..80], &mut out);
    }
    leg.flush(&mut out);
    (line, leg.facts())
}

fn is(line: &[Option<i16>], sound: &[i16]) -> bool {
    line.iter().copied().eq(sound.iter().map(|sample| Some(*sample)))
}

#[test]
fn a_device_on_our_own_clock_comes_through_bit_for_bit_however_late_it_is_at_times() {
    let sound = noise(80 * 3_000, 1);
    let mut random = StdRng::seed_from_u64(2);
    let mut last = 0.0;
    // Up to 100 ms late for a while, again and again, and then all at once.
    let late = (0..3_000).map(|number| {
        let stall = if number % 200 > 150 { (160 - number % 200).max(0) as f64 * 10.0 } else { 0.0 };
        let at: f64 = (number as f64 + 1.0) * 10.0 + stall + random.random::<f64>();
        last = at.max(last + 0.01);
        (number as usize, last)
    });
    let (line, facts) = through(&sound, late);
    assert_eq!((facts.gaps, facts.early_samples), (0, 0), "{facts:?}");
    let start = line.iter().position(Option::is_some).expect("it spoke");
    assert!(start < 16, "it begins where it was said, not {start} samples later");
    assert!(is(&line[start..], &sound), "not bit for bit");
}

#[test]
fn periods_that_the_system_lost_without_a_word_are_a_gap_just_there() {
    let sound = noise(80 * 1_000, 3);
    // 4 periods (40 ms) are lost; then the device is gone for 3 s.
    let kept = |number: usize| !(300..304).contains(&number) && !(600..900).contains(&number);
    let deliveries = (0..1_000).filter(|number| kept(*number)).map(|number| (number, (number as f64 + 1.0) * 10.0));
    let (line, facts) = through(&sound, deliveries);
    assert_eq!((facts.gaps, facts.gap_samples), (2, 304 * 80), "{facts:?}");
    for (number, period) in line.chunks(80).enumerate() {
        match kept(number) {
            true => assert!(is(period, &sound[number * 80..][..80]), "period {number} is not in its place"),
            false => assert!(period.iter().all(Option::is_none), "period {number} is nowhere"),
        }
    }
}

#[test]
fn what_a_device_delivers_before_the_call_began_is_not_in_the_call() {
    let sound = noise(80 * 50, 4);
    // The device was 200 ms old when the call began.
    let (line, facts) = through(&sound, (0..50).map(|number| (number, (number as f64 + 1.0) * 10.0 - 200.0)));
    assert_eq!(facts.samples as usize, 80 * 30);
    assert!(is(&line, &sound[80 * 20..]), "it begins with the call");
}

#[test]
fn a_device_that_runs_free_can_t_run_ahead_of_the_call() {
    let sound = noise(80 * 20_000, 5);
    let (line, facts) = through(&sound, (0..20_000).map(|number| (number, (number as f64 + 1.0) * 0.1)));
    assert!(line.len() < 8_000 * 3, "2 s of the call are {} samples", line.len());
    assert!(facts.early_samples > 1_000_000, "{facts:?}");
}
