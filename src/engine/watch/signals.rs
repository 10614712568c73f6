//! Signals: which ask the engine to stop, and which do nothing. The engine ends even if something hangs.
//!
//! | signals | what they do |
//! |---|---|
//! | TERM, INT, HUP; PWR (the power goes), XCPU (so much processor time was allowed) | ask to stop; again within five seconds: nothing; later: the wait is over |
//! | HUP, INT, if whoever started this process had it ignore them (`nohup`) | nothing |
//! | USR1, USR2, ALRM, VTALRM, PROF, IO, PIPE, XFSZ, TTIN, TTOU, STKFLT, all of real time | nothing |
//! | QUIT, ABRT, and those of a fault | the end at once, without a word, as KILL |
//! | TSTP, STOP, CONT | as ever: it sleeps, and goes on |
//!
//! A file that grows beyond its limit (XFSZ) gives an error to its write, and the engine writes to a terminal even if that wants no output (TTOU).
//!
//! Signals come to a thread of their own, so that no busy or stuck thread keeps the engine from ending.
//!
//! Belongs here: the meaning of each signal, and when patience is over. Does not: how the engine stops.

use std::{
    fs, io, process,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::{SigSet, Signal};
use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::{error, info};

use super::spool;
use retrocall_core::{
    barrier,
    heart::{self, Waits},
};
use retrocall_words::{Clock as _, SystemClock};

/// Signals within this time are one wish: `timeout`, npm, or a shell and its wrapper send each signal twice.
const SAME_WISH: Duration = Duration::from_secs(5);
/// How long a hurried engine may take to report what is not safe, and end.
const LAST_STEPS: Duration = Duration::from_secs(5);
/// How long the end waits for the reader of the log.
const LAST_WORDS: Duration = Duration::from_secs(1);

const STOP: [Signal; 5] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGPWR, Signal::SIGXCPU];
/// If the starting process had one of these ignored, it is no wish.
const MAY_BE_IGNORED: [Signal; 2] = [Signal::SIGINT, Signal::SIGHUP];
/// These keep their default.
const LEFT: [Signal; 10] = [
    Signal::SIGQUIT,
    Signal::SIGABRT,
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGTRAP,
    Signal::SIGSYS,
    Signal::SIGTSTP,
    Signal::SIGCONT,
];

/// What the process is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    /// To go on.
    None,
    /// To stop, and to finish what has to be finished.
    Stop,
    /// To end, finished or not.
    Now,
}

/// The meaning of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The first wish to stop.
    First,
    /// The same wish again.
    Again,
    /// A second wish: the sender knows of the first.
    Meant,
}

/// When the process was first asked to stop.
#[derive(Default)]
struct FirstWish(Option<Instant>);

impl FirstWish {
    fn hear(&mut self, now: Instant) -> Meaning {
        match self.0 {
            None => {
                self.0 = Some(now);
                Meaning::First
            }
            Some(first) if now.saturating_duration_since(first) < SAME_WISH => Meaning::Again,
            Some(_) => Meaning::Meant,
        }
    }
}

/// The last resort if the end does not come by itself.
struct LastResort {
    limit: Duration,
    overdue: Box<dyn Fn() + Send>,
}

/// The signals of this process.
pub struct Signals {
    wish: watch::Receiver<Wish>,
    armed: Arc<Mutex<Option<LastResort>>>,
}

impl Signals {
    /// Takes the signals of this process. Call it before any other thread starts: those must leave the signals alone too. Until [`Signals::arm`] a
    /// wish to stop ends the process at once: nothing is live yet.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn take() -> io::Result<Signals> {
        let stop = wishes();
        let mut nothing = SigSet::all();
        LEFT.iter().for_each(|signal| nothing.remove(*signal));
        nothing.thread_block()?;
        let (wished, wish) = watch::channel(Wish::None);
        let armed = Arc::<Mutex<Option<LastResort>>>::default();
        let first = || {
            barrier::write_nowhere();
        };
        let mut asked = FirstWish::default();
        heart::spawn("signals", Waits::Never, first, {
            let armed = Arc::clone(&armed);
            move |_| {
                while let Ok(signal) = stop.wait() {
                    hear(signal, asked.hear(SystemClock.now()), &armed, &wished);
                }
            }
        })?;
        Ok(Signals { wish, armed })
    }

    /// No signals, and a function that asks to stop in their place: for an engine within another program, for example a test.
    pub fn by_hand() -> (Signals, impl Fn() + Send) {
        let (wished, wish) = watch::channel(Wish::None);
        (Signals { wish, armed: Arc::default() }, move || {
            wished.send_replace(Wish::Stop);
        })
    }

    /// From here on there is something to stop, which may take `limit`. If it takes longer, `overdue` reports what is not done, and the process
    /// ends all the same.
    pub fn arm(&self, limit: Duration, overdue: impl Fn() + Send + 'static) {
        *self.armed.lock() = Some(LastResort { limit, overdue: Box::new(overdue) });
    }

    /// Returns when somebody asks to stop.
    pub async fn asked(&self) {
        self.wait_for(Wish::Stop).await;
    }

    /// Returns when somebody asks to stop a second time, and means it.
    pub async fn meant(&self) {
        self.wait_for(Wish::Now).await;
    }

    async fn wait_for(&self, wanted: Wish) {
        let mut wish = self.wish.clone();
        // The sender lives as long as the process.
        let _ = wish.wait_for(|wish| *wish >= wanted).await;
    }
}

fn hear(signal: Signal, heard: Meaning, armed: &Arc<Mutex<Option<LastResort>>>, wished: &watch::Sender<Wish>) {
    let limit = armed.lock().as_ref().map(|armed| armed.limit);
    match (heard, limit) {
        (Meaning::First, Some(limit)) => {
            info!("asked to stop ({signal})");
            wished.send_replace(Wish::Stop);
            end_after(limit, armed);
        }
        (_, None) => {
            info!("asked to stop ({signal}) while it was starting: nothing was live");
            leave(0);
        }
        (Meaning::Again, Some(_)) => info!("asked to stop again ({signal}): it is stopping"),
        (Meaning::Meant, Some(_)) => {
            if *wished.borrow() < Wish::Now {
                error!("asked to stop once more ({signal}): not waiting any longer");
                end_after(LAST_STEPS, armed);
            }
            wished.send_replace(Wish::Now);
        }
    }
}

/// Ends the process if it does not end by itself: a thread that hangs in the kernel can't be waited for, and nobody should have to kill us.
fn end_after(limit: Duration, armed: &Arc<Mutex<Option<LastResort>>>) {
    let armed = Arc::clone(armed);
    let end = move || {
        thread::sleep(limit);
        error!("a part of the engine hangs: it ends without it");
        if let Some(armed) = &*armed.lock() {
            (armed.overdue)();
        }
        leave(1);
    };
    if let Err(error) = thread::Builder::new().name("end".to_owned()).spawn(end) {
        error!("can't start the thread that ends this process if a part of it hangs ({error})");
    }
}

fn leave(code: i32) -> ! {
    spool::flush_log(LAST_WORDS);
    process::exit(code)
}

/// The signals that ask this process to stop.
pub fn wishes() -> SigSet {
    let ignored = ignored_signals();
    let is_wish = |signal: &Signal| !MAY_BE_IGNORED.contains(signal) || !ignored.contains(*signal);
    STOP.into_iter().filter(is_wish).collect()
}

/// The signals that the starting process had ignored. The kernel hands even those to a waiting thread.
fn ignored_signals() -> SigSet {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = ignored_mask(&status);
    MAY_BE_IGNORED.into_iter().filter(|signal| mask >> (*signal as u32 - 1) & 1 == 1).collect()
}

fn ignored_mask(status: &str) -> u64 {
    let hex = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    hex.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_wish_again_within_five_seconds_is_the_same_wish_and_later_it_is_meant() {
        let first = SystemClock.now();
        let mut asked = FirstWish::default();
        let after = |ms| first + Duration::from_millis(ms);
        let heard = [0, 2, 4_999, 5_000, 5_001, 60_000].map(|ms| asked.hear(after(ms)));
        use Meaning::{Again, First, Meant};
        assert_eq!(heard, [First, Again, Again, Meant, Meant, Meant]);
    }

    #[test]
    fn what_a_process_was_started_to_ignore_is_read_from_the_right_bits() {
        // SIGHUP is 1, SIGINT is 2.
        assert_eq!(ignored_mask("Name:\tx\nSigIgn:\t0000000000001001\n"), 0x1001);
        assert_eq!(ignored_mask(""), 0);
    }
}
