//! The engine in counts, for an administrator at the desk: as much as can be said without telling the draw.
//!
//! Belongs here: the counts, and the words for troubles. Does not: calls, their agents and ids; what the owner's `status` says beside that.

use serde::{Deserialize, Serialize};

use super::Counts;

crate::words! {
    /// What is wrong with the engine now. The owner's `status` says more: it may name the recording.
    pub enum BoardTrouble {
        /// The disk refuses a recording.
        Disk = "disk",
        /// The catalog can't be written.
        Catalog = "catalog",
        /// Others changed the home folder, or the access to it.
        Home = "home",
        /// A thread hangs, or fails again and again.
        Thread = "thread",
    }
}

/// The live calls, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardCalls {
    /// All of them.
    pub live: usize,
    /// Their connection is lost: they wait for it.
    pub disconnected: usize,
    /// They have ended, and can still be pressed for.
    pub ended: usize,
    /// Somebody asked to keep them.
    pub asked_for: usize,
    /// Both legs are silent by a mask.
    pub masked: usize,
    /// The customer waits.
    pub on_hold: usize,
    /// Nothing of them is held.
    pub private: usize,
}

/// How loud one side of the live calls is now, counted: by the peak of each one's last frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardLevels {
    /// Below -60 dBFS, or nothing came.
    pub silent: usize,
    /// Below -40 dBFS.
    pub quiet: usize,
    /// Below -3 dBFS.
    pub speaking: usize,
    /// Above that: it may be cut off.
    pub loud: usize,
}

impl BoardLevels {
    /// Counts one more leg.
    pub fn count(&mut self, level_dbfs: f32) {
        let place = match level_dbfs {
            level if level < -60.0 => &mut self.silent,
            level if level < -40.0 => &mut self.quiet,
            level if level < -3.0 => &mut self.speaking,
            _ => &mut self.loud,
        };
        *place += 1;
    }
}

/// The engine in counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Board {
    /// Version of the engine.
    pub engine: String,
    /// How long it has been running.
    pub uptime_seconds: f64,
    /// The level of guarantee for live audio: `secret`, `barred`, `locked` or `unlocked`.
    pub level: String,
    /// The live calls.
    pub calls: BoardCalls,
    /// Their agents' side.
    pub agent_levels: BoardLevels,
    /// Their customers' side.
    pub customer_levels: BoardLevels,
    /// The memory's limit in bytes.
    pub memory_bytes: usize,
    /// How much of it the calls that go on need, in whole percent: what an ended call needs would tell that it is kept.
    pub held_percent: u8,
    /// Connections that are open.
    pub connections: u64,
    /// Calls that somebody asked to keep, which have ended and are not durable yet.
    pub commits: usize,
    /// What is wrong now.
    pub troubles: Vec<BoardTrouble>,
    /// Troubles since the start, by kind.
    pub errors: Counts,
    /// Calls that began since the start.
    pub calls_begun: u64,
    /// Calls that were not captured, by [`super::Refusal`].
    pub calls_refused: Counts,
    /// Presses of record that were refused, by [`super::Refusal`].
    pub presses_refused: Counts,
    /// Frames with samples that were lost because the memory was full.
    pub lost_frames: u64,
    /// Lines of the log that were dropped because nobody read them.
    pub log_lines_dropped: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_is_counted_once() {
        let mut levels = BoardLevels::default();
        for level in [-96.0, -60.1, -60.0, -40.1, -40.0, -3.1, -3.0, 0.0] {
            levels.count(level);
        }
        assert_eq!(levels, BoardLevels { silent: 2, quiet: 2, speaking: 2, loud: 2 });
    }
}
