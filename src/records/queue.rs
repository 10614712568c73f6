//! The notes that wait for the catalog, and how far it has come: shared by the thread `catalog` and the threads that hand notes in.

use std::{
    collections::{HashSet, VecDeque},
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::civil::Date;
use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
use tokio::sync::Notify;

use super::{
    Trouble,
    note::{is_of_recording, made_fit},
    numbers::{Highest, Numbers},
    objections::Objections,
};
use retrocall_words::{
    CallId, Clock, SystemClock,
    book::{BookHealth, LeftBehind, Note, Number, Skipped},
};

/// Room for notes that the queue keeps while it is empty.
const WAITING_KEPT: usize = 256;

/// The queue.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Notified of every change that somebody may wait for.
    changed: Condvar,
    /// Wakes the thread when there is something to do.
    wake: Notify,
    /// Wakes the thread even while it pauses before the next try.
    stop: Notify,
    /// How many notes may wait in memory.
    notes_max: usize,
    /// Tells when the time to close is over.
    clock: Arc<dyn Clock>,
    /// Customers who object, as far as the catalog says.
    pub(super) objections: RwLock<Arc<Objections>>,
    /// How often a test wants the thread to panic in the middle of its work.
    #[cfg(test)]
    pub(super) panics: std::sync::atomic::AtomicUsize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Note>,
    /// How many notes the thread has taken and not yet written.
    in_hand: usize,
    /// How many notes ever came in, and how many of them the catalog has. Notes are written in order, so a count is a position.
    taken_in: u64,
    written: u64,
    /// How many of them lie in `unwritten.jsonl` instead, which is durable too.
    aside: u64,
    /// How many calls got no row because too many notes waited, or because the notes came too late.
    left_out: u64,
    /// Those of these calls that have not ended.
    without_row: HashSet<CallId>,
    /// `None` until the engine knows which numbers were given before.
    numbers: Option<Numbers>,
    /// Why no more numbers can be reserved.
    numbers_trouble: Option<Trouble>,
    /// What an earlier run left behind, until somebody takes it; `None` until the catalog first opens.
    left_behind: Option<LeftBehind>,
    /// Somebody asked whether every file is in its place.
    looks: bool,
    trouble: Option<Trouble>,
    /// How often trouble began or changed.
    troubles: u64,
    closing: Option<Closing>,
    /// The queue takes no more notes.
    sealed: bool,
    /// The thread has ended.
    ended: bool,
}

/// An order to end.
#[derive(Clone, Copy)]
struct Closing {
    /// When the thread gives up trying.
    by: Instant,
    /// When somebody has waited long enough, even if all goes well.
    is_waited_for: bool,
}

impl State {
    /// Leaves a call without a row: its number becomes one that has none.
    fn leave_out(&mut self, call: CallId, day: Date, sequence: Option<u64>) {
        self.left_out += 1;
        self.without_row.insert(call);
        // Logged once, not 80,000 times.
        if self.left_out == 1 {
            tracing::error!(
                waiting = self.waiting.len(),
                "the catalog has been out of reach for too long: calls are no longer written down, their numbers are"
            );
        }
        let Some(number) = sequence else { return };
        match self.waiting.back_mut() {
            Some(Note::Skipped(before)) if before.day == day && before.last + 1 == number => before.last = number,
            _ => {
                self.waiting.push_back(Note::Skipped(Skipped { day, first: number, last: number }));
                self.taken_in += 1;
            }
        }
    }
}

impl Queue {
    pub(super) fn new(notes_max: usize, clock: Arc<dyn Clock>) -> Queue {
        Queue {
            state: Mutex::default(),
            changed: Condvar::new(),
            wake: Notify::new(),
            stop: Notify::new(),
            notes_max,
            clock,
            objections: RwLock::default(),
            #[cfg(test)]
            panics: Default::default(),
        }
    }

    // For the threads that hand in notes.

    pub(super) fn note(&self, note: Note) {
        let mut state = self.state.lock();
        if state.sealed {
            state.left_out += 1;
            tracing::error!("the catalog is closed: a note comes too late for it");
            return;
        }
        match &note {
            Note::Begun(call) if state.waiting.len() >= self.notes_max => {
                let (call, day, sequence) = (call.call.id, call.day, call.sequence);
                return state.leave_out(call, day, sequence);
            }
            // A call without a row needs no end. A call with a row gets its end: there are few more of those than notes that wait.
            Note::Ended(call) if state.without_row.remove(&call.call) => return,
            _ => {}
        }
        state.waiting.push_back(made_fit(note));
        state.taken_in += 1;
        drop(state);
        self.wake.notify_one();
    }

    pub(super) fn next_number(&self, today: Date) -> Number {
        let mut state = self.state.lock();
        let Some(numbers) = &mut state.numbers else { return Number { day: today, sequence: None } };
        let number = numbers.next(today);
        if numbers.are_low() {
            self.wake.notify_one();
        }
        number
    }

    pub(super) fn left_behind(&self, wait: Option<Duration>) -> Result<LeftBehind, Trouble> {
        let mut state = self.state.lock();
        match wait {
            Some(wait) => {
                let is_known = |state: &State| state.left_behind.is_some() || state.trouble.is_some() || state.ended;
                self.wait(&mut state, wait, is_known);
            }
            None => {
                while state.left_behind.is_none() && !state.ended {
                    self.changed.wait(&mut state);
                }
            }
        }
        state.tell_left_behind()
    }

    pub(super) fn health(&self) -> BookHealth {
        let state = self.state.lock();
        BookHealth {
            notes_waiting: state.waiting.len() + state.in_hand + state.aside as usize,
            trouble: state.trouble_in_words(),
            troubles: state.troubles,
            left_out: state.left_out,
        }
    }

    pub(super) fn look(&self) {
        self.state.lock().looks = true;
        self.wake.notify_one();
    }

    #[cfg(test)]
    pub(super) fn flushed(&self, timeout: Duration) -> bool {
        let mut state = self.state.lock();
        let until = state.taken_in;
        self.wait(&mut state, timeout, |state| state.written >= until || state.ended);
        state.written >= until && state.left_out == 0
    }

    pub(super) fn close(&self, timeout: Duration, more: Duration) -> bool {
        self.close_by(Closing { by: self.clock.now() + timeout, is_waited_for: true });
        let mut state = self.state.lock();
        self.wait(&mut state, timeout + more, |state| state.ended);
        state.ended && state.written + state.aside == state.taken_in && state.left_out == 0
    }

    /// Tells the thread to end when all is written, or at the first trouble.
    pub(super) fn let_go(&self) {
        self.close_by(Closing { by: self.clock.now(), is_waited_for: false });
    }

    fn close_by(&self, closing: Closing) {
        self.state.lock().closing.get_or_insert(closing);
        self.wake.notify_one();
        self.stop.notify_one();
    }

    fn wait(&self, state: &mut MutexGuard<'_, State>, timeout: Duration, is_so: impl Fn(&State) -> bool) {
        // This waits for another thread in real time, and ends whatever the clock says.
        let deadline = SystemClock.now() + timeout;
        while !is_so(state) {
            if self.changed.wait_until(state, deadline).timed_out() {
                break;
            }
        }
    }

    // For the thread `catalog`.

    /// Waits until there may be something to do, without waking up in between.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Waits before the next try; false if the time to try is over.
    pub(super) async fn pause(&self, retry: Duration, retry_when_closing: Duration) -> bool {
        let left = |closing: Closing| self.clock.until(closing.by);
        let wait = match self.state.lock().closing.map(left) {
            Some(Duration::ZERO) => return false,
            Some(left) => left.min(retry_when_closing),
            None => retry,
        };
        // The time is over, or the engine stops: either is a reason to try.
        let _ = tokio::time::timeout(wait, self.stop.notified()).await;
        true
    }

    /// Whether the one who waits for the end has waited long enough, although all goes well.
    pub(super) fn is_late(&self) -> bool {
        self.state.lock().closing.is_some_and(|closing| closing.is_waited_for && self.clock.now() >= closing.by)
    }

    /// Takes up to `limit` notes. They count as pending until `written` is called.
    pub(super) fn take(&self, limit: usize) -> Vec<Note> {
        let mut state = self.state.lock();
        let count = limit.min(state.waiting.len());
        let notes: Vec<Note> = state.waiting.drain(..count).collect();
        state.in_hand = notes.len();
        if state.waiting.is_empty() {
            // Gives back the memory that a rush needed.
            state.waiting.shrink_to(WAITING_KEPT);
        }
        notes
    }

    /// Whether so many notes wait that some should wait on the disk.
    pub(super) fn is_long(&self) -> bool {
        self.state.lock().waiting.len() > self.notes_max / 2
    }

    /// Whether a note of a recording waits.
    pub(super) fn has_recordings(&self) -> bool {
        self.state.lock().waiting.iter().any(is_of_recording)
    }

    /// Whether the thread must end.
    pub(super) fn is_closing(&self) -> bool {
        self.state.lock().closing.is_some()
    }

    /// Whether somebody asked for a look since the last call.
    pub(super) fn is_to_look(&self) -> bool {
        mem::take(&mut self.state.lock().looks)
    }

    /// Notes that a day has come without a call: its period may open.
    pub(super) fn day_has_come(&self, today: Date) {
        if let Some(numbers) = &mut self.state.lock().numbers {
            numbers.day_has_come(today);
        }
    }

    /// Continues the numbers after these.
    pub(super) fn number_from(&self, numbers: Numbers) {
        self.state.lock().numbers.get_or_insert(numbers);
    }

    /// Never gives these numbers again: the catalog knows them.
    pub(super) fn learn(&self, known: &Highest) {
        if let Some(numbers) = &mut self.state.lock().numbers {
            numbers.learn(known);
        }
    }

    /// Whether a day has come whose period waits to be opened.
    pub(super) fn wants_day(&self) -> bool {
        self.state.lock().numbers.as_ref().is_some_and(Numbers::wants_day)
    }

    /// The next reservation, if it is time. Unless a day `may_open`, numbers continue in the open period.
    pub(super) fn reservation_if(&self, may_open: bool) -> Option<Highest> {
        let mut state = self.state.lock();
        let numbers = state.numbers.as_mut()?;
        if !may_open {
            numbers.keep_day();
        }
        numbers.are_low().then(|| numbers.plan())
    }

    /// The next reservation.
    #[cfg(test)]
    pub(super) fn reservation(&self) -> Option<Highest> {
        self.reservation_if(true)
    }

    /// Takes over a reservation that is durable now.
    pub(super) fn reserved(&self, plan: &Highest) {
        let mut state = self.state.lock();
        if let Some(numbers) = &mut state.numbers {
            numbers.reserve(plan);
        }
        if state.numbers_trouble.take().is_some() {
            tracing::info!("numbers of calls can be reserved again");
        }
    }

    /// It can't be had.
    pub(super) fn not_reserved(&self, trouble: Trouble) {
        let mut state = self.state.lock();
        if state.numbers_trouble.as_ref() != Some(&trouble) {
            state.troubles += 1;
            tracing::error!("{trouble}");
        }
        state.numbers_trouble = Some(trouble);
    }

    /// The numbers given so far.
    pub(super) fn given(&self) -> Option<Highest> {
        self.state.lock().numbers.as_ref().map(Numbers::given)
    }

    /// Publishes what an earlier run left, once the catalog is first open.
    pub(super) fn started(&self, left_behind: LeftBehind) {
        self.state.lock().left_behind = Some(left_behind);
        self.changed.notify_all();
    }

    /// Marks the notes that were taken as durable in the catalog.
    pub(super) fn written(&self) {
        let mut state = self.state.lock();
        state.written += state.in_hand as u64;
        state.in_hand = 0;
        state.is_well();
        self.changed.notify_all();
    }

    /// Marks the notes that were taken as durable in `unwritten.jsonl`.
    pub(super) fn put_aside(&self) {
        let mut state = self.state.lock();
        state.aside += state.in_hand as u64;
        state.in_hand = 0;
        self.changed.notify_all();
    }

    /// Marks what was in that file as written to the catalog.
    pub(super) fn read_back(&self) {
        let mut state = self.state.lock();
        state.written += mem::take(&mut state.aside);
        self.changed.notify_all();
    }

    pub(super) fn in_trouble(&self, trouble: Trouble) {
        let mut state = self.state.lock();
        if state.trouble.as_ref() != Some(&trouble) {
            state.troubles += 1;
            tracing::error!(%trouble, waiting = state.waiting.len() + state.in_hand, "the catalog cannot be written");
        }
        state.trouble = Some(trouble);
        self.changed.notify_all();
    }

    /// Closes the queue if the thread must end and has nothing left to write.
    pub(super) fn seal_if_done(&self) -> bool {
        let mut state = self.state.lock();
        state.sealed = state.closing.is_some() && state.waiting.is_empty() && state.in_hand == 0;
        state.sealed
    }

    /// Closes the queue: it takes no more notes.
    pub(super) fn seal(&self) {
        self.state.lock().sealed = true;
    }

    /// The thread is gone.
    pub(super) fn end(&self, trouble: Option<Trouble>) {
        let mut state = self.state.lock();
        state.sealed = true;
        state.ended = true;
        if trouble.is_some() {
            state.trouble = trouble;
        }
        let unwritten = state.waiting.len() + state.in_hand;
        if unwritten > 0 {
            let trouble = state.trouble.as_ref().map(Trouble::to_string).unwrap_or_default();
            tracing::error!(
                unwritten,
                trouble,
                "the catalog was closed before all was written: recordings are on disk all the same"
            );
        }
        self.changed.notify_all();
    }

    /// Panics as often as a test asked for.
    #[cfg(test)]
    pub(super) fn panic_if_asked(&self) {
        use std::sync::atomic::Ordering::Relaxed;
        let left = self.panics.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        assert!(left.is_err(), "a defect in the thread of the catalog");
    }

    /// Waits until the catalog is in trouble.
    #[cfg(test)]
    pub(super) fn wait_for_trouble(&self, timeout: Duration) -> Option<Trouble> {
        let mut state = self.state.lock();
        self.wait(&mut state, timeout, |state| state.trouble.is_some());
        state.trouble.clone()
    }
}

impl State {
    fn is_well(&mut self) {
        if self.trouble.take().is_some() {
            let (waiting, left_out) = (self.waiting.len(), self.left_out);
            tracing::info!(waiting, left_out, "the catalog can be written again");
        }
    }

    fn tell_left_behind(&mut self) -> Result<LeftBehind, Trouble> {
        match (&mut self.left_behind, &self.trouble) {
            (Some(left_behind), _) => Ok(mem::take(left_behind)),
            (None, Some(trouble)) => Err(trouble.clone()),
            (None, None) if self.ended => Err(Trouble::Closed),
            (None, None) => Err(Trouble::Opening),
        }
    }

    fn trouble_in_words(&self) -> Option<String> {
        let left_out = (self.left_out > 0)
            .then(|| format!("{} calls were left out, so that the ledger lacks them", self.left_out));
        let trouble = self.trouble.as_ref().map(|trouble| match left_out {
            Some(left_out) => format!("{trouble}; {left_out}"),
            None => trouble.to_string(),
        });
        let numbers = self.numbers_trouble.as_ref().map(Trouble::to_string);
        trouble.into_iter().chain(numbers).reduce(|one, other| format!("{one}; {other}"))
    }
}
