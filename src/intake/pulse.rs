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

/// A thread that takes in audio, as far as its life is watched.
pub(super) trait Beating: Send + Sync {
    /// Asks the thread for a beat, which it gives when all orders before have been carried out. Never waits: false if orders pile up.
    fn ask_beat(&self) -> bool;

    /// How many beats the thread has given.
    fn beats(&self) -> u64;
}

impl Beating for Reader {
    fn ask_beat(&self) -> bool {
        Reader::ask_beat(self)
    }

    fn beats(&self) -> u64 {
        Reader::beats(self)
    }
}

/// The beats that were asked for.
pub(super) struct Pulse {
    threads: Vec<Arc<dyn Beating>>,
    /// How many beats each thread had given when it was last asked for one; none if it could not be asked.
    asked_at: Vec<Option<u64>>,
}

impl Pulse {
    pub(super) fn of(readers: &[Arc<Reader>]) -> Pulse {
        let threads: Vec<_> = readers.iter().map(|reader| Arc::clone(reader) as Arc<dyn Beating>).collect();
        Pulse { asked_at: vec![None; threads.len()], threads }
    }

    /// With one thread more, if there is one.
    pub(super) fn and(mut self, thread: Option<Arc<dyn Beating>>) -> Pulse {
        self.threads.extend(thread);
        self.asked_at.resize(self.threads.len(), None);
        self
    }

    /// Whether every thread has given the beat that it was last asked for. Asks those that have for the next.
    pub(super) fn has_beaten(&mut self) -> bool {
        let mut all = true;
        for (thread, asked_at) in self.threads.iter().zip(&mut self.asked_at) {
            let beats = thread.beats();
            let has = asked_at.is_some_and(|before| beats > before);
            if has || asked_at.is_none() {
                *asked_at = thread.ask_beat().then_some(beats);
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
