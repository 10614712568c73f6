//! What waits to be written, and what the threads that hand it in may know: shared by them and the thread `catalog`.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use jiff::civil::Date;
use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::Notify;

use super::{CallBegun, Note, Opened, Trouble, Unfinished};

/// Notes that may wait: about 80,000 calls, days of a large desk, some 100 MB.
pub(super) const NOTES_MAX: usize = 250_000;

/// Room for notes that is kept while none wait.
const WAITING_KEPT: usize = 256;

/// Days whose last number is remembered.
const DAYS_MAX: usize = 64;

/// What an earlier run left, as found at the first opening.
pub(super) struct Start {
    pub(super) days: BTreeMap<Date, u64>,
    pub(super) lost: Vec<Unfinished>,
    pub(super) committing: Vec<Unfinished>,
}

/// The queue.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Told of every change that somebody may wait for.
    changed: Condvar,
    /// Wakes the thread when there is something to do.
    wake: Notify,
    /// Wakes it even while it waits to try again.
    stop: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Note>,
    /// Notes that the thread has taken and not yet written.
    in_hand: usize,
    /// How many notes were ever taken in, and how many of them are durable. They are written in order, so that a number is a place.
    taken_in: u64,
    written: u64,
    /// Notes that were left out because too many waited, or because they came too late.
    left_out: u64,
    /// The last number of each day, and what was found: none until the catalog is open for the first time.
    start: Option<Start>,
    trouble: Option<Trouble>,
    /// How often it got into trouble, or into another one.
    troubles: u64,
    /// When the thread is to give up; none while it is not to end.
    close_by: Option<Instant>,
    /// No more notes are taken.
    sealed: bool,
    /// The thread is gone.
    ended: bool,
}

impl State {
    /// Gives the call the day's next number, or remembers the one it has.
    fn number(&mut self, call: &mut CallBegun) {
        let Some(start) = &mut self.start else { return };
        let last = start.days.entry(call.day).or_insert(0);
        match call.sequence {
            Some(sequence) => *last = sequence.max(*last),
            None => {
                *last = last.saturating_add(1);
                call.sequence = Some(*last);
            }
        }
        while start.days.len() > DAYS_MAX {
            start.days.pop_first();
        }
    }
}

impl Queue {
    pub(super) fn new() -> Queue {
        Queue { state: Mutex::default(), changed: Condvar::new(), wake: Notify::new(), stop: Notify::new() }
    }

    // For those who hand in notes.

    pub(super) fn note(&self, note: Note) {
        let mut state = self.state.lock();
        let is_full = state.waiting.len() >= NOTES_MAX && note.is_about_a_call_only();
        if is_full || state.sealed {
            state.left_out += 1;
            // Once, not 80,000 times.
            if state.left_out == 1 {
                tracing::error!(
                    waiting = state.waiting.len(),
                    "the catalog has been out of reach for too long or is closed: calls are no longer written down"
                );
            }
            return;
        }
        let mut note = note.made_fit();
        if let Note::Begun(call) = &mut note {
            state.number(call);
        }
        state.waiting.push_back(note);
        state.taken_in += 1;
        drop(state);
        self.wake.notify_one();
    }

    pub(super) fn next_sequence(&self, day: Date) -> Option<u64> {
        let mut state = self.state.lock();
        let last = state.start.as_mut()?.days.entry(day).or_insert(0);
        *last = last.saturating_add(1);
        Some(*last)
    }

    pub(super) fn opened(&self, timeout: Duration) -> Result<Opened, Trouble> {
        let mut state = self.state.lock();
        self.wait(&mut state, timeout, |state| state.start.is_some() || state.trouble.is_some() || state.ended);
        match (&state.start, &state.trouble) {
            (Some(start), _) => Ok(Opened {
                days: start.days.iter().map(|(day, last)| (*day, *last)).collect(),
                lost: start.lost.clone(),
                committing: start.committing.clone(),
            }),
            (None, Some(trouble)) => Err(trouble.clone()),
            (None, None) if state.ended => Err(Trouble::Closed),
            (None, None) => Err(Trouble::Opening),
        }
    }

    pub(super) fn trouble(&self) -> Option<String> {
        let state = self.state.lock();
        let trouble = state.trouble.as_ref()?;
        Some(match state.left_out {
            0 => trouble.to_string(),
            left_out => format!("{trouble}; {left_out} notes about calls were left out, so that the ledger lacks them"),
        })
    }

    pub(super) fn troubles(&self) -> u64 {
        self.state.lock().troubles
    }

    pub(super) fn left_out(&self) -> u64 {
        self.state.lock().left_out
    }

    pub(super) fn pending(&self) -> usize {
        let state = self.state.lock();
        state.waiting.len() + state.in_hand
    }

    pub(super) fn flushed(&self, timeout: Duration) -> bool {
        let mut state = self.state.lock();
        let until = state.taken_in;
        self.wait(&mut state, timeout, |state| state.written >= until || state.ended);
        state.written >= until && state.left_out == 0
    }

    pub(super) fn close(&self, timeout: Duration) -> bool {
        self.close_within(timeout);
        let mut state = self.state.lock();
        self.wait(&mut state, timeout, |state| state.ended);
        state.ended && state.written == state.taken_in && state.left_out == 0
    }

    /// Tells the thread to end: when all is written, or when the time is over.
    pub(super) fn close_within(&self, timeout: Duration) {
        self.state.lock().close_by.get_or_insert(Instant::now() + timeout);
        self.wake.notify_one();
        self.stop.notify_one();
    }

    fn wait(&self, state: &mut MutexGuard<'_, State>, timeout: Duration, is_so: impl Fn(&State) -> bool) {
        let deadline = Instant::now() + timeout;
        while !is_so(state) {
            if self.changed.wait_until(state, deadline).timed_out() {
                break;
            }
        }
    }

    // For the thread.

    /// Waits until there may be something to do. Nobody wakes up meanwhile.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Waits before the next try; false if the time to try is over.
    pub(super) async fn pause(&self, retry: Duration, retry_when_closing: Duration) -> bool {
        let left = |close_by: Instant| close_by.saturating_duration_since(Instant::now());
        let wait = match self.state.lock().close_by.map(left) {
            Some(Duration::ZERO) => return false,
            Some(left) => left.min(retry_when_closing),
            None => retry,
        };
        // Either the time is over or the engine stops: both are a reason to try.
        let _ = tokio::time::timeout(wait, self.stop.notified()).await;
        true
    }

    /// Takes up to `limit` notes in hand. They count as pending until they are said to be written.
    pub(super) fn take(&self, limit: usize) -> Vec<Note> {
        let mut state = self.state.lock();
        let count = limit.min(state.waiting.len());
        let notes: Vec<Note> = state.waiting.drain(..count).collect();
        state.in_hand = notes.len();
        if state.waiting.is_empty() {
            // After a rush the memory of its queue goes.
            state.waiting.shrink_to(WAITING_KEPT);
        }
        notes
    }

    /// The catalog is open for the first time: calls that began before get their numbers, in their order.
    pub(super) fn started(&self, start: Start) {
        let mut state = self.state.lock();
        state.start = Some(start);
        let mut waiting = std::mem::take(&mut state.waiting);
        for note in &mut waiting {
            if let Note::Begun(call) = note {
                state.number(call);
            }
        }
        state.waiting = waiting;
        self.changed.notify_all();
    }

    /// A number for a call whose own is taken in the file: after all that are given, and after `last`, the file's last one.
    pub(super) fn number_after(&self, day: Date, last: u64) -> u64 {
        let mut state = self.state.lock();
        let Some(start) = &mut state.start else { return last.saturating_add(1) };
        let given = start.days.entry(day).or_insert(0);
        *given = last.max(*given).saturating_add(1);
        *given
    }

    /// Everything in hand is durable.
    pub(super) fn written(&self) {
        let mut state = self.state.lock();
        state.written += state.in_hand as u64;
        state.in_hand = 0;
        if state.trouble.take().is_some() {
            tracing::info!(
                waiting = state.waiting.len(),
                left_out = state.left_out,
                "the catalog can be written again"
            );
        }
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

    /// Takes no more notes, if the thread is to end and has nothing left to write.
    pub(super) fn seal_if_done(&self) -> bool {
        let mut state = self.state.lock();
        state.sealed = state.close_by.is_some() && state.waiting.is_empty() && state.in_hand == 0;
        state.sealed
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

    /// Waits until the catalog is in trouble.
    #[cfg(test)]
    pub(super) fn wait_for_trouble(&self, timeout: Duration) -> Option<Trouble> {
        let mut state = self.state.lock();
        self.wait(&mut state, timeout, |state| state.trouble.is_some());
        state.trouble.clone()
    }
}
