//! Tells whether the threads that take in audio are alive, for the engine's status and the supervisor's watchdog.
//!
//! They are asked, and answer when they have done all earlier orders. The control thread proves that it lives by asking. All others report by
//! their hearts (`watch::heart`). A stalled disk or catalog is no reason to be killed: calls wait for those in memory.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::reader::Reader;
use retrocall_core::heart::{self, Heart, Waits};
use retrocall_engine::watch::supervisor;

/// Beats within the supervisor's patience: one may be late, and another.
const BEATS: u32 = 4;
/// How often the threads are asked at least.
const LOOK: Duration = Duration::from_secs(1);

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
    threads: Vec<Watched>,
    /// The control thread's: it beats by being the one that asks.
    control: Arc<Heart>,
}

/// One thread that is asked.
struct Watched {
    thread: Arc<dyn Beating>,
    /// Busy from the question to the answer.
    heart: Arc<Heart>,
    /// How many beats the thread had given when it was last asked for one; none if it could not be asked.
    asked_at: Option<u64>,
}

impl Watched {
    fn new(name: &str, thread: Arc<dyn Beating>) -> Watched {
        Watched { thread, heart: Heart::new(name, Waits::Never), asked_at: None }
    }

    /// Whether it has given the beat that it was last asked for. If it has, it is asked for the next.
    fn has_beaten(&mut self) -> bool {
        let beats = self.thread.beats();
        let has = self.asked_at.is_some_and(|before| beats > before);
        if has || self.asked_at.is_none() {
            self.asked_at = self.thread.ask_beat().then_some(beats);
            self.heart.beat();
        }
        has
    }
}

impl Pulse {
    pub(super) fn of(readers: &[Arc<Reader>]) -> Pulse {
        let of = |(number, reader): (usize, &Arc<Reader>)| {
            Watched::new(&format!("intake-{number}"), Arc::clone(reader) as Arc<dyn Beating>)
        };
        let threads = readers.iter().enumerate().map(of).collect();
        Pulse { threads, control: Heart::new("control", Waits::Never) }
    }

    /// With the thread `audiosocket`, if there is one.
    pub(super) fn and(mut self, thread: Option<Arc<dyn Beating>>) -> Pulse {
        self.threads.extend(thread.map(|thread| Watched::new("audiosocket", thread)));
        self
    }

    /// Whether every thread has given the beat that it was last asked for. Asks those that have for the next.
    pub(super) fn has_beaten(&mut self) -> bool {
        self.control.beat();
        // Each is asked, whatever the one before has done.
        let silent = self.threads.iter_mut().map(Watched::has_beaten).filter(|has| !has).count();
        silent == 0
    }

    /// Looks after the threads, and tells the supervisor that all is well for as long as it is, if it wants to know. Never returns.
    pub(super) async fn keep_telling(mut self) {
        let patience = supervisor::patience();
        let mut ticks = interval(patience.map_or(LOOK, |patience| (patience / BEATS).min(LOOK)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // The first look only asks. Of a thread in trouble the watchdog's own thread tells.
            if self.has_beaten() && heart::trouble().is_none() && patience.is_some() {
                supervisor::alive();
            }
        }
    }
}
