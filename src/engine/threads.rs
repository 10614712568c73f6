//! The engine's own threads: the one that faults memory in ahead of need, and the one that wipes.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle, Thread},
};

use crossbeam::channel::{Sender, unbounded};
use parking_lot::Mutex;

use super::{Clock, Counters, life::ended};
use crate::{barrier, call::UnselectedCall, catalog::Catalog, memory::Arena, priority};

/// Keeps wiped, faulted-in segments ready, so that no thread that carries audio meets a page fault unless this one gets no turn.
#[derive(Clone)]
pub struct FaultIn {
    arena: Arc<Arena>,
    thread: Thread,
    _join: Arc<JoinOnDrop>,
}

struct JoinOnDrop {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FaultIn {
    /// Starts the thread, for one arena.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(arena: &Arc<Arena>) -> io::Result<FaultIn> {
        let stopped = Arc::new(AtomicBool::new(false));
        let handle = thread::Builder::new().name("memory".to_owned()).spawn({
            let (arena, stopped) = (Arc::clone(arena), Arc::clone(&stopped));
            move || {
                barrier::write_nowhere();
                while !stopped.load(Ordering::Acquire) {
                    arena.fault_in_ahead();
                    thread::park();
                }
            }
        })?;
        let thread = handle.thread().clone();
        Ok(FaultIn { arena: Arc::clone(arena), thread, _join: Arc::new(JoinOnDrop { stopped, thread: Some(handle) }) })
    }

    /// Wakes the thread if it should be awake. A look at two counters; a system call only when memory has to be faulted in.
    pub fn wake_if_wanted(&self) {
        if self.arena.wants_fault_in() {
            self.thread.unpark();
        }
    }
}

impl Drop for JoinOnDrop {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        if let Some(handle) = self.thread.take() {
            handle.thread().unpark();
            let _ = handle.join();
        }
    }
}

/// Wipes unselected calls: a deep one takes milliseconds, for which nobody should wait.
pub(super) struct Wiper(Mutex<Option<(Sender<UnselectedCall>, JoinHandle<()>)>>);

impl Wiper {
    pub(super) fn start(catalog: Catalog, counters: Arc<Counters>, clock: Arc<dyn Clock>) -> io::Result<Wiper> {
        let (wipes, unselected) = unbounded::<UnselectedCall>();
        let handle = thread::Builder::new().name("wipe".to_owned()).spawn(move || {
            priority::give_way();
            barrier::write_nowhere();
            for call in unselected {
                let (outcome, wiped_bytes) = call.discard();
                counters.wiped(wiped_bytes);
                counters.call_discarded();
                catalog.note(ended(&outcome, &[], clock.wall()));
            }
        })?;
        Ok(Wiper(Mutex::new(Some((wipes, handle)))))
    }

    /// Takes a call to wipe.
    pub(super) fn wipe(&self, call: UnselectedCall) {
        let wiper = self.0.lock();
        let (wipes, _) = wiper.as_ref().expect("calls are settled before the engine has stopped");
        wipes.send(call).expect("the thread lives as long as its channel");
    }

    /// Waits until everything is wiped, for good.
    pub(super) fn finish(&self) {
        if let Some((wipes, handle)) = self.0.lock().take() {
            drop(wipes);
            let _ = handle.join();
        }
    }
}

impl Drop for Wiper {
    fn drop(&mut self) {
        self.finish();
    }
}
