//! How the engine is, and what it has counted since it started. For the engine's owner alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts by a word. A word that is not there was never counted.
pub type Counts = BTreeMap<String, u64>;

/// What is counted under [`Totals::errors`].
pub const ERROR_KINDS: [&str; 7] = ["disk", "catalog", "ledger", "memory", "erase", "connection", "panic"];
/// What is counted under [`Totals::connections_closed`], besides every [`super::ErrorCode`].
pub const CLOSED_BY: [&str; 2] = ["client", "not-reading"];

/// How the engine is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the engine.
    pub engine: String,
    /// How long it has been running.
    pub uptime_seconds: f64,
    /// What is guaranteed for live audio: `secret`, `barred`, `locked` or `unlocked`.
    pub level: String,
    /// What keeps audio in memory: `memfd_secret`, `mlock2` or `unlocked`.
    pub memory: String,
    /// What keeps threads with live audio from writing files: `full`, `partial` or `none`.
    pub write_barrier: String,
    /// The memory's limit in bytes.
    pub memory_bytes: usize,
    /// Bytes in use by live calls.
    pub held_bytes: usize,
    /// Bytes that nobody uses.
    pub free_bytes: usize,
    /// Of these, bytes that are faulted in: to be had without waiting.
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
    /// What the disk says, if it refuses.
    pub disk_trouble: Option<String>,
    /// What the catalog says, if it refuses.
    pub catalog_trouble: Option<String>,
    /// What others did to the home folder, or to what they reach in it, and the engine can't mend.
    #[serde(default)]
    pub home_trouble: Option<String>,
    /// What is wrong with a thread that the engine can't do without.
    #[serde(default)]
    pub thread_trouble: Option<String>,
    /// What was counted since the engine started.
    pub totals: Totals,
}

/// What was counted since the engine started.
///
/// Of the draw nothing is here before it has become a recording: see [`Totals::selections`].
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
    /// Frames of which samples were lost because the memory was full.
    pub lost_frames: u64,
    /// Frames that were dropped because something was wrong with them.
    pub refused_frames: u64,
    /// Presses of record that selected a call.
    pub presses: u64,
    /// Presses for a call that was selected by one before: bookmarks.
    pub presses_again: u64,
    /// Presses that were refused, by [`super::Refusal`].
    pub presses_refused: Counts,
    /// Other requests that were refused, by [`super::Refusal`].
    pub requests_refused: Counts,
    /// Recordings that are on disk for good, by [`super::Reason`]; one with both reasons is counted under each.
    ///
    /// Counted when a recording is durable, and not when the call is drawn or pressed for: a count that grew at the draw would tell a
    /// desk with one live call that it is sampled.
    pub selections: Counts,
    /// Recordings that are on disk for good.
    pub recordings: u64,
    /// Bytes of their files.
    pub recording_bytes: u64,
    /// Calls that were not selected and are wiped.
    pub discards: u64,
    /// Bytes of memory that were overwritten, of discarded calls and of kept ones once they were on disk.
    pub wiped_bytes: u64,
    /// Connections that were opened.
    pub connections_opened: u64,
    /// Connections that were refused because too many were open.
    pub connections_refused: u64,
    /// Connections that were closed, by what closed them: `client`, `not-reading`, or the [`super::ErrorCode`].
    pub connections_closed: Counts,
    /// What went wrong, by kind: see [`ERROR_KINDS`].
    pub errors: Counts,
    /// Lines of the log that were dropped because nobody took them.
    #[serde(default)]
    pub log_lines_dropped: u64,
    /// From the first press to the durable recording: the rest of the call included.
    pub after_press: Latency,
    /// From hangup to the durable recording.
    pub after_hangup: Latency,
}

/// How long something took, as a histogram.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// How often it was measured.
    pub count: u64,
    /// How long it took, all in all.
    pub sum_seconds: f64,
    /// Seconds, and how often it took no longer than that.
    pub buckets: Vec<(f64, u64)>,
}

impl Latency {
    /// The time within which this part (0 to 1) of them was done, as far as the buckets tell. None without any, and none if it lies
    /// beyond the last bucket.
    pub fn within_seconds(&self, part: f64) -> Option<f64> {
        let wanted = part * self.count as f64;
        let enough = |(_, count): &&(f64, u64)| self.count > 0 && *count as f64 >= wanted;
        self.buckets.iter().find(enough).map(|(seconds, _)| *seconds)
    }
}
