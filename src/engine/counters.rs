//! The engine's counters: plain atomics that anybody may add to and read.
//!
//! Belongs here: the counts that no other part keeps. Does not: those of the audio path. Each leg's writer counts its own frames (`ring`) with no
//! more than a store; the registry sums the live calls on request, and each call's counts when it is settled.
//!
//! Nobody at the desk may know the draw while a call is live. So the draw counts nothing: `selections` and its kin grow when a recording is
//! durable, `discards` when a call is wiped, and both come after the call.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use retrocall_words::{Answer, Ask, Counts, ErrorCode, Latency, Reason, Refusal, Totals, Verdict, Word};

/// Upper ends of the buckets of a [`Latency`], in seconds: from a fast disk to a long call.
const BOUNDS_S: [f64; 14] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0];

/// The kinds of requests that are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// To capture a call.
    Begin,
    /// The button.
    Record,
    /// Anything else.
    Other,
}

impl From<&Ask> for RequestKind {
    fn from(ask: &Ask) -> RequestKind {
        match ask {
            Ask::Begin(_) => RequestKind::Begin,
            Ask::Record => RequestKind::Record,
            _ => RequestKind::Other,
        }
    }
}

/// What ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedBy {
    /// The client closed it, or went.
    Client,
    /// The client did not read.
    NotReading,
    /// The client made an error.
    Fault(ErrorCode),
}

retrocall_words::words! {
    /// Troubles that nobody else counts.
    pub enum Mishap {
        /// The disk refused a recording.
        Disk = "disk",
        /// A call lost frames because the memory was full.
        Memory = "memory",
        /// The disk did not overwrite erased audio in time.
        Erase = "erase",
        /// A connection could not be accepted or served.
        Connection = "connection",
    }
}

/// One count for each word of a list.
struct Tally<const N: usize>([AtomicU64; N]);

impl<const N: usize> Tally<N> {
    fn new() -> Tally<N> {
        Tally(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    fn count(&self, which: usize) {
        self.0[which].fetch_add(1, Ordering::Relaxed);
    }

    /// The counts above zero, by their words on the wire.
    fn by_word<W: Word>(&self, words: &[W; N]) -> Counts {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        words
            .iter()
            .zip(counts)
            .filter(|(_, count)| *count > 0)
            .map(|(of, count)| (of.word().to_owned(), count))
            .collect()
    }

    fn sum(&self) -> u64 {
        self.0.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

/// A histogram with fixed buckets.
struct Histogram {
    /// How often it took no longer than the bucket's end and longer than the end before; the last bucket has no end.
    counts: [AtomicU64; BOUNDS_S.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    fn new() -> Histogram {
        Histogram { counts: std::array::from_fn(|_| AtomicU64::new(0)), sum_us: AtomicU64::new(0) }
    }

    fn count(&self, took: Duration) {
        let bucket = BOUNDS_S.partition_point(|bound| *bound < took.as_secs_f64());
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn read(&self) -> Latency {
        let mut count = 0;
        let mut so_far = |of: &AtomicU64| {
            count += of.load(Ordering::Relaxed);
            count
        };
        let buckets = BOUNDS_S.into_iter().zip(&self.counts).map(|(bound, of)| (bound, so_far(of))).collect();
        so_far(&self.counts[BOUNDS_S.len()]);
        let sum_seconds = Duration::from_micros(self.sum_us.load(Ordering::Relaxed)).as_secs_f64();
        Latency { count, sum_seconds, buckets }
    }
}

/// The engine's counters, since its start.
pub struct Counters {
    calls_begun: AtomicU64,
    calls_refused: Tally<{ Refusal::ALL.len() }>,
    strays: AtomicU64,
    presses: AtomicU64,
    presses_again: AtomicU64,
    presses_refused: Tally<{ Refusal::ALL.len() }>,
    requests_refused: Tally<{ Refusal::ALL.len() }>,
    selections: Tally<{ Reason::ALL.len() }>,
    recordings: AtomicU64,
    recording_bytes: AtomicU64,
    discards: AtomicU64,
    wiped_bytes: AtomicU64,
    connections_opened: AtomicU64,
    connections_refused: AtomicU64,
    closed_by_client: AtomicU64,
    closed_not_reading: AtomicU64,
    closed_by_fault: Tally<{ ErrorCode::ALL.len() }>,
    mishaps: Tally<{ Mishap::ALL.len() }>,
    after_press: Histogram,
    after_hangup: Histogram,
}

fn one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(super) fn new() -> Counters {
        Counters {
            calls_begun: AtomicU64::new(0),
            calls_refused: Tally::new(),
            strays: AtomicU64::new(0),
            presses: AtomicU64::new(0),
            presses_again: AtomicU64::new(0),
            presses_refused: Tally::new(),
            requests_refused: Tally::new(),
            selections: Tally::new(),
            recordings: AtomicU64::new(0),
            recording_bytes: AtomicU64::new(0),
            discards: AtomicU64::new(0),
            wiped_bytes: AtomicU64::new(0),
            connections_opened: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
            closed_by_client: AtomicU64::new(0),
            closed_not_reading: AtomicU64::new(0),
            closed_by_fault: Tally::new(),
            mishaps: Tally::new(),
            after_press: Histogram::new(),
            after_hangup: Histogram::new(),
        }
    }

    pub(super) fn call_begun(&self) {
        one(&self.calls_begun);
    }

    /// Counts frames that belonged to no call and were dropped.
    pub fn strays(&self, frames: u64) {
        self.strays.fetch_add(frames, Ordering::Relaxed);
    }

    /// Counts a durable recording, with the time since the press, if any, and since hangup.
    pub(super) fn recording_kept(
        &self,
        reasons: &[Reason],
        bytes: u64,
        since_press: Option<Duration>,
        since_hangup: Duration,
    ) {
        reasons.iter().for_each(|reason| self.selections.count(*reason as usize));
        one(&self.recordings);
        self.recording_bytes.fetch_add(bytes, Ordering::Relaxed);
        since_press.into_iter().for_each(|took| self.after_press.count(took));
        self.after_hangup.count(since_hangup);
    }

    pub(super) fn call_discarded(&self) {
        one(&self.discards);
    }

    pub(super) fn wiped(&self, bytes: usize) {
        self.wiped_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts an answered request.
    pub fn answered(&self, asked: RequestKind, answer: &Answer) {
        match (asked, answer.answer, answer.reason) {
            (RequestKind::Record, Verdict::Accepted, _) => one(&self.presses),
            (RequestKind::Record, Verdict::Already, _) => one(&self.presses_again),
            (RequestKind::Record, Verdict::Refused, Some(reason)) => self.presses_refused.count(reason as usize),
            (RequestKind::Begin, Verdict::Refused, Some(reason)) => self.calls_refused.count(reason as usize),
            (RequestKind::Other, Verdict::Refused, Some(reason)) => self.requests_refused.count(reason as usize),
            _ => {}
        }
    }

    /// Counts a connection that is served.
    pub fn connection_opened(&self) {
        one(&self.connections_opened);
    }

    /// Counts a connection that was refused: there were too many.
    pub fn connection_refused(&self) {
        one(&self.connections_refused);
    }

    /// Counts the end of a served connection.
    pub fn connection_closed(&self, by: ClosedBy) {
        match by {
            ClosedBy::Client => one(&self.closed_by_client),
            ClosedBy::NotReading => one(&self.closed_not_reading),
            ClosedBy::Fault(code) => self.closed_by_fault.count(code as usize),
        }
    }

    /// Counts a trouble.
    pub fn mishap(&self, mishap: Mishap) {
        self.mishaps.count(mishap as usize);
    }

    /// The open connections.
    pub fn connections(&self) -> u64 {
        // Closed is read before opened, so that a close in between can't make the result negative.
        let closed = self.closed_by_client.load(Ordering::Relaxed)
            + self.closed_not_reading.load(Ordering::Relaxed)
            + self.closed_by_fault.sum();
        self.connections_opened.load(Ordering::Relaxed).saturating_sub(closed)
    }

    /// The totals of these counters. Leaves the counts of the audio path and of the catalog at zero.
    pub(super) fn totals(&self) -> Totals {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut connections_closed = self.closed_by_fault.by_word(&ErrorCode::ALL);
        add(&mut connections_closed, "client", read(&self.closed_by_client));
        add(&mut connections_closed, "not-reading", read(&self.closed_not_reading));
        Totals {
            calls_begun: read(&self.calls_begun),
            calls_refused: self.calls_refused.by_word(&Refusal::ALL),
            refused_frames: read(&self.strays),
            presses: read(&self.presses),
            presses_again: read(&self.presses_again),
            presses_refused: self.presses_refused.by_word(&Refusal::ALL),
            requests_refused: self.requests_refused.by_word(&Refusal::ALL),
            selections: self.selections.by_word(&Reason::ALL),
            recordings: read(&self.recordings),
            recording_bytes: read(&self.recording_bytes),
            discards: read(&self.discards),
            wiped_bytes: read(&self.wiped_bytes),
            connections_opened: read(&self.connections_opened),
            connections_refused: read(&self.connections_refused),
            connections_closed,
            errors: self.mishaps.by_word(&Mishap::ALL),
            after_press: self.after_press.read(),
            after_hangup: self.after_hangup.read(),
            ..Totals::default()
        }
    }
}

/// Adds a count to those by word, unless it is zero.
pub(super) fn add(counts: &mut Counts, word: &str, count: u64) {
    if count > 0 {
        *counts.entry(word.to_owned()).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::{CLOSED_BY, ERROR_KINDS};

    #[test]
    fn every_refusal_error_and_reason_is_counted_under_its_own_word() {
        let counters = Counters::new();
        for (times, reason) in Refusal::ALL.into_iter().enumerate() {
            for _ in 0..=times {
                counters.answered(RequestKind::Record, &Answer::refused(reason));
            }
        }
        for (times, code) in ErrorCode::ALL.into_iter().enumerate() {
            for _ in 0..=times {
                counters.connection_opened();
                counters.connection_closed(ClosedBy::Fault(code));
            }
        }
        for (times, reason) in Reason::ALL.into_iter().enumerate() {
            (0..=times).for_each(|_| counters.recording_kept(&[reason], 5, None, Duration::ZERO));
        }
        for (times, mishap) in Mishap::ALL.into_iter().enumerate() {
            (0..=times).for_each(|_| counters.mishap(mishap));
        }
        let totals = counters.totals();
        let expected = |words: &[&str]| -> Counts { words.iter().map(|word| (*word).to_owned()).zip(1..).collect() };
        assert_eq!(totals.presses_refused, expected(&Refusal::ALL.map(Refusal::as_str)));
        assert_eq!(totals.connections_closed, expected(&ErrorCode::ALL.map(ErrorCode::as_str)));
        assert_eq!(totals.selections, expected(&Reason::ALL.map(Reason::as_str)));
        assert_eq!(totals.errors, expected(&Mishap::ALL.map(Mishap::as_str)));
        // These lists say what the figures show.
        assert!(Mishap::ALL.iter().all(|mishap| ERROR_KINDS.contains(&mishap.as_str())));
        for (by, word) in [ClosedBy::Client, ClosedBy::NotReading].into_iter().zip(CLOSED_BY) {
            let counters = Counters::new();
            counters.connection_closed(by);
            assert_eq!(counters.totals().connections_closed, Counts::from([(word.to_owned(), 1)]));
        }
        assert!(totals.calls_refused.is_empty() && totals.requests_refused.is_empty());
        assert_eq!(counters.connections(), 0);
    }

    #[test]
    fn a_time_is_counted_in_the_bucket_that_it_fits_in_and_in_all_after_it() {
        let histogram = Histogram::new();
        let empty = histogram.read();
        assert_eq!((empty.count, empty.within_seconds(0.5)), (0, None));
        for took_ms in [0, 25, 26, 100, 7_300_000] {
            histogram.count(Duration::from_millis(took_ms));
        }
        let read = histogram.read();
        assert_eq!(read.buckets[..4], [(0.025, 2), (0.05, 3), (0.1, 4), (0.25, 4)]);
        assert_eq!((read.buckets[13], read.count), ((7_200.0, 4), 5));
        assert!((read.sum_seconds - 7_300.151).abs() < 1e-6);
        assert_eq!(
            (read.within_seconds(0.5), read.within_seconds(0.8), read.within_seconds(0.99)),
            (Some(0.05), Some(0.1), None)
        );
    }
}
