//! Signs of life of the threads that the engine can't do without: they start here, go on after a panic, and are watched.
//!
//! Belongs here: signs of life, containing a panic. Does not: what a thread does, and what becomes of its job after a panic. Only the thread knows
//! that, and keeps its job outside of the work that may panic.
//!
//! An engine is a process, so the process has one list of hearts: a thread is watched without being handed anything.

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

/// A thread that waits for nothing outside hangs if one piece of work takes longer than this.
const PATIENCE: Duration = Duration::from_secs(10);
/// A thread begins again so long after a panic.
const PAUSE: Duration = Duration::from_millis(10);
/// The pause doubles from panic to panic, up to this.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// A thread with so many panics within [`PANICS_WITHIN`] does not do its work, however often it begins.
const PANICS_MAX: usize = 3;
const PANICS_WITHIN: Duration = Duration::from_secs(60);
/// The time from one look at the hearts to the next.
const LOOK: Duration = Duration::from_secs(1);

/// The waits that a thread may have in the middle of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// It waits for nothing outside of this process: if a piece of work takes long, it hangs.
    Never,
    /// It waits for a disk, a file, a name service. These may hang: the thread reports that itself, and it is no reason to end the engine.
    Outside,
}

/// One thread's signs of life.
///
/// ```
/// use retrocall_core::heart::{Heart, Waits};
///
/// let heart = Heart::new("control", Waits::Never);
/// {
///     let _work = heart.work();
///     // As long as this takes, the thread is busy. After ten seconds it hangs.
/// }
/// // For a thread that is never at rest.
/// heart.beat();
/// ```
pub struct Heart {
    name: String,
    waits: Waits,
    /// When the work under way began, in milliseconds since [`STARTED`], plus one; 0 while the thread is at rest.
    busy_since_ms: AtomicU64,
    /// The last [`PANICS_MAX`] panics at most, the newest last.
    panics: Mutex<VecDeque<Instant>>,
}

/// A piece of work. Its thread is busy until it is dropped.
#[must_use = "the thread is busy for as long as this is there"]
pub struct Work<'h>(&'h Heart);

static STARTED: LazyLock<Instant> = LazyLock::new(|| SystemClock.now());
static HEARTS: Mutex<Vec<Weak<Heart>>> = Mutex::new(Vec::new());
static PANICS: AtomicU64 = AtomicU64::new(0);

impl Heart {
    /// Makes the heart of a thread that [`spawn`] does not start. It is watched until it is dropped.
    pub fn new(name: &str, waits: Waits) -> Arc<Heart> {
        let heart = Heart { name: name.to_owned(), waits, busy_since_ms: AtomicU64::new(0), panics: Mutex::default() };
        let heart = Arc::new(heart);
        let mut hearts = HEARTS.lock();
        hearts.retain(|known| known.strong_count() > 0);
        hearts.push(Arc::downgrade(&heart));
        heart
    }

    /// Begins a piece of work, which lasts until it is dropped. Two stores; no system call.
    pub fn work(&self) -> Work<'_> {
        self.beat();
        Work(self)
    }

    /// Says that the thread is alive at this moment: for one that is never at rest.
    pub fn beat(&self) {
        // Relaxed: a number to look at, which orders nothing.
        self.busy_since_ms.store(SystemClock.since(*STARTED).as_millis() as u64 + 1, Ordering::Relaxed);
    }

    /// The trouble of the thread at this moment, in words. None if it is well.
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

/// Starts a thread that does `first` once, and lives until `work` returns. If `work` panics, the panic is logged and counted, and `work` is called
/// again after a pause. It keeps what it must not lose in its captures.
///
/// # Errors
/// The system has no thread left.
///
/// ```
/// use retrocall_core::heart::{self, Waits};
///
/// let mut tries = 0;
/// let thread = heart::spawn("example", Waits::Never, || (), move |heart| {
///     let _work = heart.work();
///     tries += 1;
///     assert!(tries > 1, "the first try fails");
/// });
/// thread?.join().expect("the second try returns");
/// assert!(heart::panics() > 0);
/// # Ok::<(), std::io::Error>(())
/// ```
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

/// Does one piece of work of a thread, or task, that has others to do. None if it panicked: the panic is logged and counted, and the caller goes on.
///
/// ```
/// use retrocall_core::heart::contain;
///
/// assert_eq!(contain("a sum", || 1 + 1), Some(2));
/// assert_eq!(contain("a fault", || -> u8 { panic!("a planted panic") }), None);
/// ```
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
///
/// ```
/// # use std::{pin::pin, task::{Context, Poll, Waker}};
/// use retrocall_core::heart::contain_async;
///
/// let mut work = pin!(contain_async("a fault", async { panic!("a planted panic") }));
/// assert_eq!(work.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(None::<()>));
/// ```
pub async fn contain_async<T>(what: &str, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|context| match contain(what, || work.as_mut().poll(context)) {
        Some(poll) => poll.map(Some),
        None => Poll::Ready(None),
    })
    .await
}

/// Panics contained since this process started.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// The trouble of a thread that the engine can't do without, in words for people, with the next step. None if all are well.
///
/// ```
/// use retrocall_core::heart::{Heart, Waits, trouble};
///
/// let heart = Heart::new("control", Waits::Never);
/// let _work = heart.work();
/// assert_eq!(trouble(), None, "it is busy, but not for long");
/// ```
pub fn trouble() -> Option<String> {
    let hearts: Vec<_> = HEARTS.lock().iter().filter_map(Weak::upgrade).collect();
    let now = SystemClock.now();
    let trouble = hearts.iter().find_map(|heart| heart.trouble(now))?;
    Some(format!("{trouble}: see the log, and start the engine again when no call is live"))
}

/// Logs from now on when a thread gets into trouble, and when all are well again. A thread of its own does it: any other could be the one that hangs.
///
/// # Errors
/// The system has no thread left.
///
/// ```
/// retrocall_core::heart::tell_of_trouble()?;
/// // Once is enough; more do nothing.
/// retrocall_core::heart::tell_of_trouble()?;
/// # Ok::<(), std::io::Error>(())
/// ```
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
