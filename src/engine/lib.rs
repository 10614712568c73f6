//! The engine: live calls, commits, shutdown. Here, and only here, its parts are wired.
//!
//! Belongs here: which part tells which, and when. Does not: wire formats, sockets, SQL, file formats.
#![forbid(unsafe_code)]
// Only for RealtimeSanitizer (`make rtsan`).
#![cfg_attr(rtsan, feature(sanitize))]

mod board;
pub mod call;
mod carrying;
pub mod commit;
mod committing;
mod continuing;
mod controls;
mod counters;
mod guarantees;
mod home;
mod life;
mod listener;
mod marks;
#[cfg(test)]
mod memory_book;
mod never_captured;
mod presence;
mod quotas;
mod refusals;
mod registry;
pub mod sampler;
mod slots;
mod start;
mod status;
mod takeover;
mod threads;
mod upkeep;
pub mod watch;

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tracing::{error, info};

pub use controls::Reply;
pub use counters::{ClosedBy, Counters, Mishap, RequestKind};
pub use guarantees::Guarantees;
pub use home::{Home, HomeError, check_name, is_taken, recordings_in};
pub use life::Handover;
pub use listener::Listener;
pub use marks::{of_catalog, participants};
pub use presence::PresenceGuard;
pub use quotas::{Account, Overdraft, Quotas, Ticket};
pub use refusals::Why;
pub use start::StartError;
pub use threads::FaultIn;

use crate::{call::Rules, commit::Commits, sampler::Draw};
use committing::{PendingCommits, RunCalls};
use continuing::CutOffs;
use never_captured::NeverCaptured;
use presence::Presence;
use refusals::Refusals;
use registry::Registry;
use retrocall_core::{heart, memory::Arena};
use retrocall_words::{CallId, Clock, EndedBy, Event, Informed, Limits, Principal, PrincipalId, Rights, book::Book};
use threads::Wiper;

/// How far a position may be ahead of its call.
const AHEAD: Duration = Duration::from_secs(60);

/// How long a stop waits for a catalog that is out of reach, once all recordings are durable.
const CATALOG_WAIT: Duration = Duration::from_secs(3);

/// The engine.
pub struct Engine {
    this: Weak<Engine>,
    /// Locked against a second engine while this one lives.
    home: Home,
    arena: Arc<Arena>,
    guarantees: Guarantees,
    clock: Arc<dyn Clock>,
    started: Instant,
    draw: Arc<dyn Draw>,
    rules: Rules,
    /// How customers were informed, where their call's announcement does not say it.
    informed: Informed,
    never_captured: NeverCaptured,
    grace: Duration,
    after_hangup: Duration,
    max_call: Duration,
    calls_max: usize,
    allow_unlocked: bool,
    commits: Commits,
    book: Arc<dyn Book>,
    counters: Arc<Counters>,
    presence: Arc<Presence>,
    quotas: Arc<Quotas>,
    refusals: Refusals,
    registry: Registry,
    cut_offs: CutOffs,
    committing: PendingCommits,
    of_this_run: RunCalls,
    wiper: Wiper,
    fault_in: FaultIn,
    stopping: AtomicBool,
    /// Somebody has asked to stop without waiting longer.
    hurried: AtomicBool,
    /// Wakes the upkeep.
    upkeep: tokio::sync::Notify,
}

impl Engine {
    /// The engine's clock, also for those who bring calls in.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Where the engine keeps its files.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The memory of all live calls.
    pub fn arena(&self) -> &Arc<Arena> {
        &self.arena
    }

    /// Bytes that are promised to live calls and not locked yet. 0 if none are locked.
    pub fn promised_bytes(&self) -> u64 {
        self.guarantees.promised_bytes.saturating_sub(guarantees::locked_bytes(&self.arena)) as u64
    }

    /// Asks the catalog to check that its file is still in place.
    pub fn look_at_catalog(&self) {
        self.book.look();
    }

    /// What is guaranteed for live audio.
    pub fn guarantees(&self) -> &Guarantees {
        &self.guarantees
    }

    /// Whether the engine may use memory that can't be locked.
    pub fn allow_unlocked(&self) -> bool {
        self.allow_unlocked
    }

    /// The engine's limits.
    pub fn limits(&self) -> Limits {
        Limits {
            control_bytes: retrocall_words::CONTROL_BYTES_MAX,
            frame_samples: retrocall_words::audio::FRAME_SAMPLES_MAX,
            rate_hz: [retrocall_words::audio::Rate::MIN_HZ, retrocall_words::audio::Rate::MAX_HZ],
            grace_ms: self.grace.as_millis() as u64,
            ahead_ms: AHEAD.as_millis() as u64,
            calls: self.calls_max,
        }
    }

    /// How long after a call's end record can still be pressed.
    pub fn after_hangup(&self) -> Duration {
        self.after_hangup
    }

    /// The counters, also for those who bring calls in.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The quotas of users.
    pub fn quotas(&self) -> &Arc<Quotas> {
        &self.quotas
    }

    /// Whether to log a refusal: it is the first of its kind. Others are counted, and logged together.
    pub fn is_news(&self, who: PrincipalId, ask: &'static str, why: Why) -> bool {
        self.refusals.is_news(who, ask, why, self.clock.now())
    }

    /// What an account of the desk may do with live calls, as of now. Waits for the catalog: not for a thread that others wait for.
    ///
    /// # Errors
    /// Why the records can't say, and the next step.
    pub fn rights_of(&self, account: &str) -> Result<Option<Rights>, String> {
        self.book.rights_of(account)
    }

    /// Has what is due deleted now, and not within the hour.
    pub fn sweep(&self) {
        self.book.sweep();
    }

    /// Registers a connection. It hears of what concerns its agent, or everybody, while the returned guard lives.
    pub fn arrive(&self, who: &Principal, listener: &Arc<dyn Listener>) -> PresenceGuard {
        self.presence.arrive(who, listener)
    }

    /// Tells everybody who is connected.
    pub fn tell_all(&self, event: &Event) {
        self.presence.tell_all(event);
    }

    /// The thread that faults memory in.
    pub fn fault_in(&self) -> &FaultIn {
        &self.fault_in
    }

    /// Whether the engine refuses new calls.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn look_after_soon(&self) {
        self.upkeep.notify_one();
    }

    /// Looks after live calls, a few times a second while there are any. Never returns.
    pub async fn keep_up(&self) {
        const ROUND: Duration = Duration::from_millis(100);
        loop {
            if self.registry.len() == 0 {
                self.upkeep.notified().await;
            }
            heart::contain("looking after live calls", || self.look_after());
            tokio::time::sleep(ROUND).await;
        }
    }

    /// Logs the counted refusals, and forgets users who are long gone. Never returns.
    pub async fn tidy_up(&self) {
        const ROUND: Duration = Duration::from_secs(10);
        loop {
            tokio::time::sleep(ROUND).await;
            let now = self.clock.now();
            self.refusals.tell_counted(now);
            self.quotas.forget_the_absent(now);
        }
    }

    /// Refuses new calls from here on.
    pub fn refuse_new_calls(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Ends the wait of [`Engine::stop`]: the caller accepts that recordings which are not durable are lost.
    pub fn hurry(&self) {
        self.hurried.store(true, Ordering::Release);
    }

    /// The selected calls that have ended and are not durable yet.
    pub fn not_durable(&self) -> Vec<CallId> {
        self.committing.ids()
    }

    /// Repeats a short wait until it succeeds, the time is over, or somebody hurries the stop.
    fn wait_until(&self, until: Instant, wait: impl Fn(Duration) -> bool) -> bool {
        const MOMENT: Duration = Duration::from_millis(50);
        loop {
            let left = self.clock.until(until);
            if wait(left.min(MOMENT)) {
                return true;
            }
            if left.is_zero() || self.hurried.load(Ordering::Acquire) {
                return false;
            }
        }
    }

    /// Refuses new calls, ends the live ones, and waits until every selected call is durable or the time is over. Then the catalog gets a moment
    /// to write its backlog; the rest is in a file that the next start reads.
    pub fn stop(&self, wait: Duration) -> StopReport {
        let until = self.clock.now() + wait;
        self.refuse_new_calls();
        self.refusals.tell_all();
        let calls = self.registry.all();
        info!(calls = calls.len(), "stopping: selected calls are committed, all others wiped");
        for entry in calls {
            let mut state = entry.state.lock();
            match state.pressable_until {
                Some(_) => self.settle(&entry, &mut state),
                None => self.hang_up(&entry, &mut state, Some(EndedBy::Stopping)),
            }
        }
        if !self.wait_until(until, |moment| self.wiper.finish(moment)) {
            error!("calls that were not selected are not all wiped: their memory goes with this process");
        }
        self.wait_until(until, |moment| self.commits.wait_idle(moment));
        let left = self.not_durable();
        for call in &left {
            error!(%call, "a selected call is not durable: the disk did not take it. Its part on disk is recovered at the next start");
        }
        let is_written = self.book.close(CATALOG_WAIT);
        if !is_written {
            let trouble = self.book.health().trouble.unwrap_or_default();
            error!(
                "neither the catalog nor the file beside it took everything: recordings are safe and are registered at the next start, \
                 without their customers' numbers and marks; calls are missing in the ledger. {trouble}"
            );
        }
        StopReport { calls: left, is_written }
    }
}

/// What a stop leaves undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopReport {
    /// Selected calls that are not durable.
    pub calls: Vec<CallId>,
    /// Whether all notes are in the catalog, or in the file that the next start reads.
    pub is_written: bool,
}
