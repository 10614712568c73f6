//! What reads every row of something, looked up lately: whoever asks soon after gets the same, and is told of when it is.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use retrocall_words::{Clock as _, SystemClock};

use super::answer::Answer;

/// How long it is handed out at least.
const HOLDS_MIN: SignedDuration = SignedDuration::from_secs(60);
/// And at least so many times as long as it took to look: live calls need the processor more than anybody needs it anew.
const HOLDS_TIMES: u32 = 30;

/// What was found, and of when it is.
#[derive(Clone)]
pub(crate) struct Found<T> {
    pub at: Timestamp,
    pub found: T,
    holds: SignedDuration,
}

/// What was found last.
pub(crate) struct Lately<T> {
    last: Mutex<Option<Found<T>>>,
    /// Of whoever looks.
    turn: Mutex<()>,
}

impl<T> Default for Lately<T> {
    fn default() -> Lately<T> {
        Lately { last: Mutex::default(), turn: Mutex::default() }
    }
}

impl<T: Clone> Lately<T> {
    /// The last one, or a new one. Whoever asks while somebody looks gets the last one; if there is none, they wait for it, and make no other.
    pub(crate) fn get_or(&self, now: Timestamp, look: impl FnOnce() -> Answer<T>) -> Answer<Found<T>> {
        if let Some(last) = self.in_force(now) {
            return Ok(last);
        }
        // Nobody waits for their turn with the last one locked: whoever has the turn would never be able to write it.
        let last = self.last.lock().clone();
        let _turn = match (self.turn.try_lock(), last) {
            (Some(turn), _) => turn,
            (None, Some(last)) => return Ok(last),
            (None, None) => self.turn.lock(),
        };
        if let Some(last) = self.in_force(now) {
            return Ok(last);
        }
        let began = SystemClock.now();
        let found = look()?;
        let found = Found { at: now, found, holds: holds(SystemClock.since(began)) };
        *self.last.lock() = Some(found.clone());
        Ok(found)
    }

    fn in_force(&self, now: Timestamp) -> Option<Found<T>> {
        self.last.lock().clone().filter(|last| now.duration_since(last.at).abs() < last.holds)
    }
}

/// How long is handed out what it took so long to find.
fn holds(took: Duration) -> SignedDuration {
    SignedDuration::try_from(took * HOLDS_TIMES).unwrap_or(SignedDuration::MAX).max(HOLDS_MIN)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicU32, Ordering},
            mpsc,
        },
        thread,
    };

    use super::*;

    const ASKING: u32 = 20;

    #[test]
    fn what_takes_long_to_find_is_handed_out_for_longer_so_that_finding_it_never_takes_much_of_a_processor() {
        assert_eq!(holds(Duration::from_millis(5)), HOLDS_MIN);
        assert_eq!(holds(Duration::from_secs(10)), SignedDuration::from_mins(5));
    }

    #[test]
    fn whoever_asks_while_somebody_looks_gets_the_last_one_and_waits_only_for_the_first() {
        let lately = Lately::default();
        let now: Timestamp = "2026-11-30T10:00:00Z".parse().expect("a time");
        let get = |now: Timestamp, found: u32| lately.get_or(now, || Ok(found)).map(|got| (got.at, got.found)).ok();
        assert_eq!(get(now, 1), Some((now, 1)));
        let later = now + SignedDuration::from_secs(59);
        assert_eq!(get(later, 2), Some((now, 1)));
        let (looks, begun) = mpsc::channel();
        let (goes_on, end) = mpsc::channel::<()>();
        let anew = now + SignedDuration::from_secs(61);
        thread::scope(|scope| {
            let lately = &lately;
            let looking = scope.spawn(move || {
                let look = || {
                    looks.send(()).expect("somebody waits");
                    end.recv().expect("it goes on");
                    Ok(3)
                };
                lately.get_or(anew, look).map(|got| got.found).ok()
            });
            begun.recv().expect("it looks");
            assert_eq!(get(anew, 4), Some((now, 1)), "nobody waits for the next one");
            goes_on.send(()).expect("it waits");
            assert_eq!(looking.join().ok(), Some(Some(3)));
        });
        assert_eq!(get(anew, 5), Some((anew, 3)));
    }

    #[test]
    fn all_who_ask_before_there_is_a_first_one_get_it_and_it_is_looked_for_once() {
        let lately = Lately::default();
        let now: Timestamp = "2026-11-30T10:00:00Z".parse().expect("a time");
        let (asking, looks) = (AtomicU32::new(0), AtomicU32::new(0));
        let look = || {
            // All others ask meanwhile, and as good as all of them wait by then.
            while asking.load(Ordering::SeqCst) < ASKING {
                thread::yield_now();
            }
            (0..1_000).for_each(|_| thread::yield_now());
            Ok(looks.fetch_add(1, Ordering::SeqCst))
        };
        thread::scope(|scope| {
            let ask = || {
                asking.fetch_add(1, Ordering::SeqCst);
                lately.get_or(now, look).map(|got| got.found).ok()
            };
            let all: Vec<_> = (0..ASKING).map(|_| scope.spawn(ask)).collect();
            assert!(all.into_iter().all(|one| one.join().ok() == Some(Some(0))));
        });
        assert_eq!(looks.into_inner(), 1);
    }
}
