//! The engine's status, and its counts since its start. For the engine's owner alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts by word. A missing word was never counted.
pub type Counts = BTreeMap<String, u64>;

/// The words of [`Totals::errors`].
pub const ERROR_KINDS: [&str; 7] = ["disk", "catalog", "ledger", "memory", "erase", "connection", "panic"];
/// The words of [`Totals::connections_closed`], besides every [`super::ErrorCode`].
pub const CLOSED_BY: [&str; 2] = ["client", "not-reading"];

/// The engine's status.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the engine.
    pub engine: String,
    /// How long it has been running.
    pub uptime_seconds: f64,
    /// The level of guarantee for live audio: `secret`, `barred`, `locked` or `unlocked`.
    pub level: String,
    /// The memory that holds audio: `memfd_secret`, `mlock2` or `unlocked`.
    pub memory: String,
    /// The barrier that keeps audio threads from writing files: `full`, `partial` or `none`.
    pub write_barrier: String,
    /// The memory's limit in bytes.
    pub memory_bytes: usize,
    /// Bytes in use by live calls.
    pub held_bytes: usize,
    /// Bytes that nobody uses.
    pub free_bytes: usize,
    /// Of these, bytes that are faulted in, so ready without waiting.
    pub ready_bytes: usize,
    /// Bytes of the limit that are locked now. The rest is promised: it is locked when it is needed.
    #[serde(default)]
    pub locked_bytes: usize,
    /// Live calls.
    pub calls: usize,
    /// Connections that are open.
    pub connections: u64,
    /// Selected calls that have ended and are not durable yet.
    pub commits: usize,
    /// Notes for the catalog that are not durable yet.
    pub catalog_notes: usize,
    /// The disk's refusal, if it refuses.
    pub disk_trouble: Option<String>,
    /// The catalog's refusal, if it refuses.
    pub catalog_trouble: Option<String>,
    /// Changes by others to the home folder, or to their access to it, that the engine can't mend.
    #[serde(default)]
    pub home_trouble: Option<String>,
    /// Trouble of a thread that the engine needs.
    #[serde(default)]
    pub thread_trouble: Option<String>,
    /// The counts since the engine's start.
    pub totals: Totals,
}

/// The counts since the engine's start.
///
/// The draw shows here only once it has become a recording: see [`Totals::selections`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Calls that began.
    pub calls_begun: u64,
    /// Calls that were not captured, by [`super::Refusal`].
    pub calls_refused: Counts,
    /// Frames that came, both legs.
    pub frames: u64,
    /// Places where samples were missing.
    pub gaps: u64,
    /// How much was missing there.
    pub gap_seconds: f64,
    /// Frames that came late or twice, wholly or in part.
    pub late_frames: u64,
    /// Frames with samples that were lost because the memory was full.
    pub lost_frames: u64,
    /// Frames that were dropped because they were faulty.
    pub refused_frames: u64,
    /// Presses of record that selected a call.
    pub presses: u64,
    /// Presses for a call that was pressed for before: bookmarks.
    pub presses_again: u64,
    /// Presses that were refused, by [`super::Refusal`].
    pub presses_refused: Counts,
    /// Other requests that were refused, by [`super::Refusal`].
    pub requests_refused: Counts,
    /// Durable recordings, by [`super::Reason`]; one with both reasons is counted under each.
    ///
    /// Counted when a recording is durable, not when the call is drawn or pressed for: a count that grew at the draw would tell a desk with one
    /// live call that it is sampled.
    pub selections: Counts,
    /// Durable recordings.
    pub recordings: u64,
    /// Bytes of their files.
    pub recording_bytes: u64,
    /// Calls that were not selected and are wiped.
    pub discards: u64,
    /// Bytes of memory that were overwritten: of discarded calls, and of kept ones once they were on disk.
    pub wiped_bytes: u64,
    /// Connections that were opened.
    pub connections_opened: u64,
    /// Connections that were refused because too many were open.
    pub connections_refused: u64,
    /// Connections that were closed, by cause: `client`, `not-reading`, or the [`super::ErrorCode`].
    pub connections_closed: Counts,
    /// Troubles, by kind: see [`ERROR_KINDS`].
    pub errors: Counts,
    /// Lines of the log that were dropped because nobody read them.
    #[serde(default)]
    pub log_lines_dropped: u64,
    /// From the first press to the durable recording, including the rest of the call.
    pub after_press: Latency,
    /// From hangup to the durable recording.
    pub after_hangup: Latency,
}

/// A histogram of durations.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Their sum.
    pub sum_seconds: f64,
    /// Upper bounds in seconds, each with how many took no longer.
    pub buckets: Vec<(f64, u64)>,
}

impl Latency {
    /// The time that this share (0 to 1) of them did not exceed, as far as the buckets tell. None if there are none, or if it lies beyond the last
    /// bucket.
    pub fn within_seconds(&self, part: f64) -> Option<f64> {
        let wanted = part * self.count as f64;
        let enough = |(_, count): &&(f64, u64)| self.count > 0 && *count as f64 >= wanted;
        self.buckets.iter().find(enough).map(|(seconds, _)| *seconds)
    }
}
