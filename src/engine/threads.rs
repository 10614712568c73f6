//! The engine's own threads: one faults memory in ahead of need, one wipes.

use std::{
    convert::Infallible,
    io, mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle, Thread},
    time::Duration,
};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use jiff::Timestamp;
use parking_lot::Mutex;
use tracing::error;

use super::{Counters, life::ended};
use crate::call::UnselectedCall;
use retrocall_core::{
    barrier,
    heart::{self, Heart, Waits},
    memory::Arena,
    priority,
};
use retrocall_words::book::Book;

/// How long dropping an engine waits for its wiper. Gigabytes take a second.
const WIPE_WAIT: Duration = Duration::from_secs(60);

/// Keeps wiped, faulted-in segments ready, so that audio threads meet page faults only if this thread gets no turn.
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
    /// Starts the thread for one arena.
    ///
    /// # Errors The system has no thread left.
    pub fn start(arena: &Arc<Arena>) -> io::Result<FaultIn> {
        let stopped = Arc::new(AtomicBool::new(false));
        let (ahead, stop) = (Arc::clone(arena), Arc::clone(&stopped));
        let first = || {
            barrier::write_nowhere();
        };
        let handle = heart::spawn("memory", Waits::Never, first, move |heart| {
            while !stop.load(Ordering::Acquire) {
                let work = heart.work();
                ahead.fault_in_ahead();
                drop(work);
                thread::park();
            }
        })?;
        let thread = handle.thread().clone();
        Ok(FaultIn { arena: Arc::clone(arena), thread, _join: Arc::new(JoinOnDrop { stopped, thread: Some(handle) }) })
    }

    /// Wakes the thread if memory has to be faulted in. Otherwise only looks at two counters.
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

/// A call to wipe, and when it ended.
type Wipe = (UnselectedCall, Timestamp);

/// Wipes unselected calls: a deep one takes milliseconds, for which nobody should wait.
pub(super) struct Wiper {
    /// The way to the thread. The thread ends once this is gone and all is wiped.
    calls: Mutex<Option<Sender<Wipe>>>,
    /// The same calls, for whoever helps the thread.
    waiting: Receiver<Wipe>,
    wiping: Wiping,
    /// Carries nothing: it closes when the thread ends.
    ended: Receiver<Infallible>,
}

/// The thread's state.
struct WipeThread {
    calls: Receiver<Wipe>,
    /// The call being wiped. A panic leaves it here.
    in_hand: Option<Wipe>,
    /// Wiping the call in hand has failed once.
    is_second_try: bool,
    wiping: Wiping,
    _ended: Sender<Infallible>,
}

/// How one call is wiped, and whom that is told.
#[derive(Clone)]
struct Wiping {
    book: Arc<dyn Book>,
    counters: Arc<Counters>,
}

/// A call that somebody besides the thread wipes. If that fails the thread gets it again.
struct Lent<'w> {
    call: Option<Wipe>,
    by: &'w Wiper,
}

impl Wiper {
    pub(super) fn start(book: Arc<dyn Book>, counters: Arc<Counters>) -> io::Result<Wiper> {
        let ((to_wipe, calls), (ending, ended)) = (unbounded(), bounded(0));
        let first = || {
            priority::give_way();
            barrier::write_nowhere();
        };
        let wiping = Wiping { book, counters };
        let (waiting, its) = (calls.clone(), wiping.clone());
        let mut thread = WipeThread { calls, in_hand: None, is_second_try: false, wiping: its, _ended: ending };
        heart::spawn("wipe", Waits::Never, first, move |heart| thread.run(heart))?;
        Ok(Wiper { calls: Mutex::new(Some(to_wipe)), waiting, wiping, ended })
    }

    /// Takes a call to wipe, which ended at this time. If the thread is gone, dropping the call wipes it.
    pub(super) fn wipe(&self, call: UnselectedCall, ended_at: Timestamp) {
        if let Some(calls) = &*self.calls.lock() {
            let _ = calls.send((call, ended_at));
        }
    }

    /// Wipes calls that wait for the thread, here and now, while this finds memory short. The thread gives way to others: where these need all cores it
    /// falls behind, and memory that only has to be wiped is no reason to refuse a call, or to take a live one's audio.
    pub(super) fn help(&self, is_short: impl Fn() -> bool) {
        while is_short()
            && let Ok(call) = self.waiting.try_recv()
        {
            let mut lent = Lent { call: Some(call), by: self };
            if heart::contain("wiping a call", || lent.wipe()).is_none() {
                return;
            }
        }
    }

    /// Takes no more calls, and waits this long until all are wiped. Returns whether they are.
    pub(super) fn finish(&self, wait: Duration) -> bool {
        *self.calls.lock() = None;
        self.ended.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected)
    }
}

impl WipeThread {
    fn run(&mut self, heart: &Heart) {
        if self.in_hand.is_some() && mem::replace(&mut self.is_second_try, true) {
            self.give_up();
        }
        while let Some(call) = self.in_hand.take().or_else(|| self.calls.recv().ok()) {
            let _work = heart.work();
            self.wiping.wipe(self.in_hand.insert(call));
            self.in_hand = None;
            self.is_second_try = false;
        }
    }

    /// Gives a call up after two panics. Its memory can't be wiped, so it must not be used again.
    fn give_up(&mut self) {
        self.is_second_try = false;
        let Some((call, _)) = self.in_hand.take() else { return };
        error!(call = %call.final_facts().call.id, "a call that was not selected can't be wiped: its memory stays locked and unused until the engine ends");
        mem::forget(call);
    }
}

impl Wiping {
    fn wipe(&self, (call, ended_at): &Wipe) {
        let wiped_bytes = call.wipe();
        #[cfg(test)]
        tests::panic_as_planted();
        self.counters.wiped(wiped_bytes);
        self.counters.call_discarded();
        self.book.note(ended(call.final_facts(), &[], *ended_at));
    }
}

impl Lent<'_> {
    fn wipe(&mut self) {
        self.call.iter().for_each(|call| self.by.wiping.wipe(call));
        self.call = None;
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some((call, ended_at)) = self.call.take() {
            self.by.wipe(call, ended_at);
        }
    }
}

impl Drop for Wiper {
    fn drop(&mut self) {
        self.finish(WIPE_WAIT);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;
    use crate::{
        call::{Fate, LiveCall, Rules},
        memory_book::MemoryBook,
    };
    use retrocall_core::ring::Ring;
    use retrocall_words::{
        Call, CallId, Clock as _, Facts, SystemClock,
        audio::{Codec, Rate},
    };

    /// How many wipes of a wiper's own thread are to panic.
    static PANICS: AtomicU32 = AtomicU32::new(0);

    pub(super) fn panic_as_planted() {
        if thread::current().name() != Some("wipe") {
            return;
        }
        let left = PANICS.load(Ordering::Relaxed);
        PANICS.store(left.saturating_sub(1), Ordering::Relaxed);
        assert_eq!(left, 0, "a planted panic");
    }

    fn call_of_noise(arena: &Arc<Arena>) -> UnselectedCall {
        let now = SystemClock.wall();
        let rate = Rate::new(8_000).expect("a rate");
        let call = Call { id: CallId::new(), facts: Facts::of("anna"), rate, began_at: now };
        let (ring, mut writers) = Ring::new(Arc::clone(arena));
        let noise: Vec<i16> = (0..8_000i32).map(|i| (i * 7_919 % 30_000) as i16).collect();
        for (frame, samples) in noise.chunks(160).enumerate() {
            for writer in &mut writers {
                writer.provision(samples.len());
                writer.push(160 * frame as u64, samples);
            }
        }
        assert!(ring.held_bytes() > 0);
        let mut call = LiveCall::begin(call, Codec::Pcm16, ring, false, Rules::default());
        call.end();
        match call.settle() {
            Fate::Unselected(call) => call,
            Fate::Selected(_) => panic!("nobody selected it"),
        }
    }

    #[test]
    fn a_wiper_that_panics_takes_nobody_along_and_wipes_on() {
        let arena = Arc::new(Arena::new(1 << 20, true).expect("memory for a test"));
        let counters = Arc::new(Counters::new());
        PANICS.store(1, Ordering::Relaxed);
        let wiper = Wiper::start(Arc::new(MemoryBook::default()), Arc::clone(&counters)).expect("a thread");
        for _ in 0..3 {
            wiper.wipe(call_of_noise(&arena), SystemClock.wall());
        }
        assert!(wiper.finish(WIPE_WAIT));
        assert_eq!(counters.totals().discards, 3, "the call at which it failed is wiped as well");
        assert_eq!(arena.held_bytes(), 0);
        // A call that comes after the end is wiped too.
        wiper.wipe(call_of_noise(&arena), SystemClock.wall());
        assert_eq!(arena.held_bytes(), 0);
    }

    #[test]
    fn calls_that_wait_to_be_wiped_are_no_reason_to_refuse_one_though_the_thread_gets_no_turn() {
        let arena = Arc::new(Arena::new(1 << 20, true).expect("memory for a test"));
        let (counters, book) = (Arc::new(Counters::new()), Arc::new(MemoryBook::default()));
        let ((to_wipe, waiting), (_, ended)) = (unbounded(), bounded(0));
        let wiping = Wiping { book, counters: Arc::clone(&counters) };
        let wiper = Wiper { calls: Mutex::new(Some(to_wipe)), waiting, wiping, ended };
        for _ in 0..3 {
            wiper.wipe(call_of_noise(&arena), SystemClock.wall());
        }
        let held_bytes = arena.held_bytes();
        wiper.help(|| arena.held_bytes() == held_bytes);
        assert_eq!(counters.totals().discards, 1, "whoever has enough does no more of the thread's work");
        wiper.help(|| arena.held_bytes() > 0);
        assert_eq!((counters.totals().discards, arena.held_bytes()), (3, 0));
    }
}
