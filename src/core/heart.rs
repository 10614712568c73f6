//! Threads that the engine can't do without: started here, kept alive when they panic, and known to whoever asks whether all is well.
//!
//! Belongs here: signs of life, and containing a panic. Does not: what a thread does, and what becomes of the job it was at when it
//! panicked; only the thread knows that, so it keeps its job outside of the work that may panic.
//!
//! There is one list for the process, because an engine is a process: nobody has to be handed anything to be watched.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, LazyLock, Once, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::barrier;
use retrocall_words::{Clock as _, SystemClock};
use tracing::{error, info};

/// A thread that waits for nothing outside and is at one thing for longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(10);
/// A thread that has panicked begins again after the first of these; after the second, at the latest, if it panics again and again.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// So many panics of one thread within so long: it does not do its work, however often it begins.
const PANICS_MAX: usize = 3;
const PANICS_WITHIN: Duration = Duration::from_secs(60);
/// How often the hearts are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What a thread may wait for in the middle of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// Nothing outside of this process: if one thing takes it long, it hangs.
    Never,
    /// A disk, a file, a name service. These may hang; whoever uses them says so in words of its own, and it is no reason to end the engine.
    Outside,
}

/// One thread's signs of life.
pub struct Heart {
    name: String,
    waits: Waits,
    /// When it began what it is at, in milliseconds since [`STARTED`] and one more; 0 while it has nothing to do.
    busy_since_ms: AtomicU64,
    /// Its last panics, the newest last.
    panics: Mutex<VecDeque<Instant>>,
}

/// A piece of work: while this is there its thread is busy.
#[must_use = "the thread is busy for as long as this is there"]
pub struct Work<'h>(&'h Heart);

static STARTED: LazyLock<Instant> = LazyLock::new(|| SystemClock.now());
static HEARTS: Mutex<Vec<Weak<Heart>>> = Mutex::new(Vec::new());
static PANICS: AtomicU64 = AtomicU64::new(0);

impl Heart {
    /// The heart of a thread that is not started by [`spawn`]: it is known for as long as this lives.
    pub fn new(name: &str, waits: Waits) -> Arc<Heart> {
        let heart = Heart { name: name.to_owned(), waits, busy_since_ms: AtomicU64::new(0), panics: Mutex::default() };
        let heart = Arc::new(heart);
        let mut hearts = HEARTS.lock();
        hearts.retain(|known| known.strong_count() > 0);
        hearts.push(Arc::downgrade(&heart));
        heart
    }

    /// The thread begins one piece of work, and is at it until what is returned is dropped. Two stores; no system call.
    pub fn work(&self) -> Work<'_> {
        self.beat();
        Work(self)
    }

    /// The thread is busy, and alive at this moment: for one that is never at rest.
    pub fn beat(&self) {
        // Relaxed: a number that somebody looks at, and nothing that is ordered by it.
        self.busy_since_ms.store(SystemClock.since(*STARTED).as_millis() as u64 + 1, Ordering::Relaxed);
    }

    /// What is wrong with the thread at this moment, in words.
    fn trouble(&self, now: Instant) -> Option<String> {
        let panics = self.panics.lock();
        if panics.len() == PANICS_MAX && now.saturating_duration_since(panics[0]) < PANICS_WITHIN {
            return Some(format!("the thread {} fails again and again", self.name));
        }
        drop(panics);
        let since_ms = self.busy_since_ms.load(Ordering::Relaxed).checked_sub(1)?;
        let busy = now.saturating_duration_since(*STARTED + Duration::from_millis(since_ms));
        let hangs = self.waits == Waits::Never && busy > PATIENCE;
        hangs.then(|| format!("the thread {} has been at one thing for {} s", self.name, busy.as_secs()))
    }

    fn has_panicked(&self, at: Instant) {
        let mut panics = self.panics.lock();
        if panics.len() == PANICS_MAX {
            panics.pop_front();
        }
        panics.push_back(at);
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.0.busy_since_ms.store(0, Ordering::Relaxed);
    }
}

/// Starts a thread that does `first` once, and lives until `work` returns: if `work` panics, that is told and counted, and `work` is called
/// again after a short while. What it must not lose, it keeps in what it has captured.
///
/// # Errors
/// The system has no thread left.
pub fn spawn(
    name: &str,
    waits: Waits,
    first: impl FnOnce() + Send + 'static,
    mut work: impl FnMut(&Heart) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let heart = Heart::new(name, waits);
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        first();
        let mut pause = PAUSE;
        loop {
            let began = SystemClock.now();
            if contain(&heart.name, || work(&heart)).is_some() {
                return;
            }
            heart.has_panicked(SystemClock.now());
            pause = if SystemClock.since(began) > PANICS_WITHIN { PAUSE } else { (2 * pause).min(PAUSE_MAX) };
            thread::sleep(pause);
        }
    })
}

/// Does a piece of work of a thread, or of a task, that has other work to do. None if it panicked: that is told and counted, and whoever
/// asked for it goes on.
pub fn contain<T>(what: &str, work: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => Some(done),
        Err(payload) => {
            PANICS.fetch_add(1, Ordering::Relaxed);
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words");
            error!(what, "a fault of the engine's own is contained, and it goes on; please report it: {text}");
            None
        }
    }
}

/// [`contain`] for work that waits in between.
pub async fn contain_async<T>(what: &str, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|context| match contain(what, || work.as_mut().poll(context)) {
        Some(poll) => poll.map(Some),
        None => Poll::Ready(None),
    })
    .await
}

/// Panics that were contained since this process started.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// What is wrong with a thread that the engine can't do without, in words for people, with the next step. None if all is well.
pub fn trouble() -> Option<String> {
    let hearts: Vec<_> = HEARTS.lock().iter().filter_map(Weak::upgrade).collect();
    let now = SystemClock.now();
    let trouble = hearts.iter().find_map(|heart| heart.trouble(now))?;
    Some(format!("{trouble}: see the log, and start the engine again when no call is live"))
}

/// From now on the log says when a thread is in trouble, and when it is well again. By a thread of its own: the one that would say it
/// could be the one that hangs.
///
/// # Errors
/// The system has no thread left.
pub fn tell_of_trouble() -> io::Result<()> {
    static STARTED: Once = Once::new();
    let (mut started, mut told) = (Ok(()), None);
    STARTED.call_once(|| {
        let tell = move |_: &Heart| {
            loop {
                thread::sleep(LOOK);
                let now = trouble();
                match (&now, &told) {
                    (Some(text), None) => error!("{text}"),
                    (None, Some(_)) => info!("all threads are well again"),
                    _ => {}
                }
                told = now;
            }
        };
        let first = || {
            barrier::write_nowhere();
        };
        started = spawn("watchdog", Waits::Never, first, tell).map(drop);
    });
    started
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_thread_that_panics_goes_on_with_what_it_had_and_is_counted() {
        let before = panics();
        let (say, said) = mpsc::channel();
        let mut jobs = vec!["third", "second", "first"];
        let thread = spawn(
            "test-heart",
            Waits::Never,
            || (),
            move |heart| {
                while let Some(job) = jobs.last().copied() {
                    let _work = heart.work();
                    // The job is kept until it is done: the panic of the first try loses nothing.
                    if say.send(job).is_ok() && job == "second" && jobs.len() == 2 {
                        jobs.insert(0, "fourth");
                        panic!("a planted panic");
                    }
                    jobs.pop();
                }
            },
        );
        thread.expect("a thread").join().expect("a contained panic does not reach whoever joins");
        assert_eq!(said.iter().collect::<Vec<_>>(), ["first", "second", "second", "third", "fourth"]);
        assert!(panics() > before);
    }

    #[test]
    fn a_thread_that_hangs_or_fails_again_and_again_is_named_and_one_that_waits_for_a_disk_is_not() {
        let [hangs, waits] = [Waits::Never, Waits::Outside].map(|waits| Heart::new("test-hangs", waits));
        let long_after = SystemClock.now() + 3 * PATIENCE;
        assert_eq!(hangs.trouble(long_after), None, "a thread without work is well");
        let work = [hangs.work(), waits.work()];
        assert_eq!(hangs.trouble(SystemClock.now()), None);
        assert!(hangs.trouble(long_after).is_some_and(|text| text.contains("the thread test-hangs")));
        assert_eq!(waits.trouble(long_after), None);
        drop(work);
        assert_eq!(hangs.trouble(long_after), None);

        let now = SystemClock.now();
        let fails = Heart::new("test-fails", Waits::Outside);
        (0..2).for_each(|_| fails.has_panicked(now));
        assert_eq!(fails.trouble(now), None);
        fails.has_panicked(now);
        assert!(fails.trouble(now).is_some_and(|text| text.contains("again and again")));
        assert_eq!(fails.trouble(now + PANICS_WITHIN), None, "it has gone on since");
    }
}
