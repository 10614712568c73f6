//! Whether the threads that take in audio are alive, for the supervisor's watchdog.
//!
//! The control thread says so itself, by being the one that asks. A disk or a catalog that stalls is no reason to be killed: calls
//! wait for those in memory.

use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};
use tracing::error;

use super::reader::Reader;
use crate::watch::supervisor;

/// Beats within the supervisor's patience: one may be late, and another.
const BEATS: u32 = 4;

/// The beats that were asked for.
pub(super) struct Pulse {
    readers: Vec<Arc<Reader>>,
    /// How many beats each thread had given when it was last asked for one; none if it could not be asked.
    asked_at: Vec<Option<u64>>,
}

impl Pulse {
    pub(super) fn of(readers: &[Arc<Reader>]) -> Pulse {
        Pulse { readers: readers.to_vec(), asked_at: vec![None; readers.len()] }
    }

    /// Whether every thread has given the beat that it was last asked for. Asks those that have for the next.
    pub(super) fn has_beaten(&mut self) -> bool {
        let mut all = true;
        for (reader, asked_at) in self.readers.iter().zip(&mut self.asked_at) {
            let beats = reader.beats();
            let has = asked_at.is_some_and(|before| beats > before);
            if has || asked_at.is_none() {
                *asked_at = reader.ask_beat().then_some(beats);
            }
            all &= has;
        }
        all
    }

    /// Tells the supervisor that all is well for as long as it is, if it wants to know. Never returns then.
    pub(super) async fn keep_telling(mut self) {
        let Some(patience) = supervisor::patience() else { return };
        let mut ticks = interval(patience / BEATS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first look only asks.
        let mut missing = -1;
        loop {
            ticks.tick().await;
            if self.has_beaten() {
                missing = 0;
                supervisor::alive();
            } else {
                missing += 1;
                if missing == 1 {
                    error!("a thread that takes in audio does not answer: the watchdog is not told that all is well");
                }
            }
        }
    }
}
