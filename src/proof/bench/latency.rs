//! Latencies as HdrHistogram keeps them (three digits), corrected for coordinated omission, and the clock that measures them.

use std::{hint::black_box, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;

use retrocall_words::{Clock as _, SystemClock};

/// The longest latency that is told apart.
const NS_MAX: u64 = 3_600_000_000_000;

/// The spread of latencies, corrected for coordinated omission.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half are no slower.
    pub p50: f64,
    /// 90 of 100 are no slower.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    #[serde(rename = "p99.9")]
    pub p99_9: f64,
    /// 9,999 of 10,000.
    #[serde(rename = "p99.99")]
    pub p99_99: f64,
    /// The slowest.
    pub max: f64,
    /// How many were measured.
    pub count: u64,
}

/// Nanoseconds of a unit of time.
pub(super) fn nanoseconds(unit: &str) -> f64 {
    match unit {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        _ => 1e9,
    }
}

/// Latencies of a repeated event.
pub struct Latencies {
    seen: Histogram<u64>,
    /// The period of the event, in nanoseconds; 0 if it has none.
    every_ns: u64,
}

impl Latencies {
    /// Of an event that is due in each period. One that took longer kept others waiting; those are counted as well (coordinated omission).
    pub fn every(every: Duration) -> Latencies {
        let seen = Histogram::new_with_bounds(1, NS_MAX, 3).expect("bounds that HdrHistogram takes");
        Latencies { seen, every_ns: every.as_nanos() as u64 }
    }

    /// Of an event that comes at any time and keeps nobody waiting, or whose time counts from when it was due.
    pub fn now_and_then() -> Latencies {
        Latencies::every(Duration::ZERO)
    }

    /// Adds one, in nanoseconds.
    pub fn add(&mut self, ns: u64) {
        self.seen.saturating_record(ns);
    }

    /// Adds all those of another one.
    pub(super) fn join(&mut self, other: &Latencies) {
        self.seen.add(&other.seen).expect("the bounds are the same");
    }

    fn corrected(&self) -> Histogram<u64> {
        if self.every_ns == 0 { self.seen.clone() } else { self.seen.clone_correct(self.every_ns) }
    }

    /// The latency that this share (0 to 1) did not exceed, in nanoseconds.
    pub fn within(&self, part: f64) -> f64 {
        self.corrected().value_at_quantile(part) as f64
    }

    /// The same among the measured ones alone, without the correction.
    pub fn seen_within(&self, part: f64) -> f64 {
        self.seen.value_at_quantile(part) as f64
    }

    /// Their spread, in a unit of time.
    pub fn percentiles(&self, unit: &str) -> Percentiles {
        let (all, per) = (self.corrected(), nanoseconds(unit));
        let at = |part: f64| all.value_at_quantile(part) as f64 / per;
        Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            p99_99: at(0.999_9),
            max: all.max() as f64 / per,
            count: self.seen.len(),
        }
    }

    /// The curve of the measured ones: shares (0 to 1, without 1) and nanoseconds.
    pub(super) fn curve(&self) -> Vec<(f64, f64)> {
        let all = self.corrected();
        // Ten steps to each factor of ten towards 1, as far as there were enough to tell.
        let steps = (10.0 * (all.len().max(2) as f64).log10()).floor() as i32;
        (0..=steps)
            .map(|step| 1.0 - 10f64.powf(f64::from(-step) / 10.0))
            .map(|part| (part, all.value_at_quantile(part) as f64))
            .collect()
    }
}

/// The clock's own share of a measurement, in nanoseconds: the median of two looks in a row.
pub(super) fn clock_ns() -> u64 {
    let mut twice = Latencies::now_and_then();
    for _ in 0..20_000 {
        let began = SystemClock.now();
        twice.add(SystemClock.since(black_box(began)).as_nanos() as u64);
    }
    twice.seen_within(0.5) as u64
}
