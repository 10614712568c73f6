//! Signals: which of them ask the engine to stop, which do nothing to it, and that its end comes whatever hangs.
//!
//! | signals | what they do |
//! |---|---|
//! | TERM, INT, HUP; PWR (the power goes), XCPU (so much processor time was allowed) | ask to stop; again within five seconds: nothing; later: the wait is over |
//! | HUP, INT, if whoever started this process had it ignore them (`nohup`) | nothing |
//! | USR1, USR2, ALRM, VTALRM, PROF, IO, PIPE, XFSZ, TTIN, TTOU, STKFLT, all of real time | nothing |
//! | QUIT, ABRT, and those of a fault | the end at once, without a word, as KILL |
//! | TSTP, STOP, CONT | as ever: it sleeps, and goes on |
//!
//! A file that grows beyond its limit (XFSZ) is an error of its write, and a terminal that wants to hear nothing (TTOU) is written to.
//!
//! They come to a thread of their own, so that no other thread, however busy or stuck, keeps the engine from ending.
//!
//! Belongs here: what each signal means, and when the patience is over. Does not: what stopping is.

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

/// Whoever asks again within this time means the same wish: `timeout`, npm, or a shell and its wrapper send each signal twice.
const SAME_WISH: Duration = Duration::from_secs(5);
/// How long an engine whose wait was ended may take to say what is not safe, and end.
const LAST_STEPS: Duration = Duration::from_secs(5);
/// How long the end waits for whoever reads the log.
const LAST_WORDS: Duration = Duration::from_secs(1);

const STOP: [Signal; 5] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGPWR, Signal::SIGXCPU];
/// Of these, whoever starts a process can have it ignore some: then they are no wish.
const MAY_BE_IGNORED: [Signal; 2] = [Signal::SIGINT, Signal::SIGHUP];
/// These are left as they are.
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

/// What is wanted of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    /// To go on.
    None,
    /// To stop, and to wait for what has to be waited for.
    Stop,
    /// To end, whatever is not done.
    Now,
}

/// What a signal meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// The first wish to stop.
    First,
    /// The same wish again.
    Again,
    /// Whoever sent it knows that it has been asked before.
    Meant,
}

/// When it was first asked to stop.
#[derive(Default)]
struct Asked(Option<Instant>);

impl Asked {
    fn hear(&mut self, now: Instant) -> Heard {
        match self.0 {
            None => {
                self.0 = Some(now);
                Heard::First
            }
            Some(first) if now.saturating_duration_since(first) < SAME_WISH => Heard::Again,
            Some(_) => Heard::Meant,
        }
    }
}

/// What happens when the end does not come by itself.
struct Armed {
    limit: Duration,
    overdue: Box<dyn Fn() + Send>,
}

/// What signals ask of this process.
pub struct Signals {
    wish: watch::Receiver<Wish>,
    armed: Arc<Mutex<Option<Armed>>>,
}

impl Signals {
    /// Takes the signals of this process. Before any other thread is started, for those have to leave them alone too. Until [`Signals::arm`]
    /// whoever asks to stop ends the process at once: nothing is live yet.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn take() -> io::Result<Signals> {
        let stop = wishes();
        let mut nothing = SigSet::all();
        LEFT.iter().for_each(|signal| nothing.remove(*signal));
        nothing.thread_block()?;
        let (wished, wish) = watch::channel(Wish::None);
        let armed = Arc::<Mutex<Option<Armed>>>::default();
        let first = || {
            barrier::write_nowhere();
        };
        let mut asked = Asked::default();
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

    /// No signals, and what asks to stop in their place: for an engine within another program, as a test has it.
    pub fn by_hand() -> (Signals, impl Fn() + Send) {
        let (wished, wish) = watch::channel(Wish::None);
        (Signals { wish, armed: Arc::default() }, move || {
            wished.send_replace(Wish::Stop);
        })
    }

    /// From here on there is something to stop, which may take so long. If it takes longer, `overdue` says what is not done, and the process
    /// ends all the same.
    pub fn arm(&self, limit: Duration, overdue: impl Fn() + Send + 'static) {
        *self.armed.lock() = Some(Armed { limit, overdue: Box::new(overdue) });
    }

    /// Comes back when somebody asks to stop.
    pub async fn asked(&self) {
        self.wait_for(Wish::Stop).await;
    }

    /// Comes back when somebody asks to stop once more, and means it.
    pub async fn meant(&self) {
        self.wait_for(Wish::Now).await;
    }

    async fn wait_for(&self, wanted: Wish) {
        let mut wish = self.wish.clone();
        // The sender lives as long as the process.
        let _ = wish.wait_for(|wish| *wish >= wanted).await;
    }
}

fn hear(signal: Signal, heard: Heard, armed: &Arc<Mutex<Option<Armed>>>, wished: &watch::Sender<Wish>) {
    let limit = armed.lock().as_ref().map(|armed| armed.limit);
    match (heard, limit) {
        (Heard::First, Some(limit)) => {
            info!("asked to stop ({signal})");
            wished.send_replace(Wish::Stop);
            end_after(limit, armed);
        }
        (_, None) => {
            info!("asked to stop ({signal}) while it was starting: nothing was live");
            leave(0);
        }
        (Heard::Again, Some(_)) => info!("asked to stop again ({signal}): it is stopping"),
        (Heard::Meant, Some(_)) => {
            if *wished.borrow() < Wish::Now {
                error!("asked to stop once more ({signal}): not waiting any longer");
                end_after(LAST_STEPS, armed);
            }
            wished.send_replace(Wish::Now);
        }
    }
}

/// The end, if it does not come by itself: a thread that hangs in a call to the kernel can't be waited for, and nobody should have to kill us.
fn end_after(limit: Duration, armed: &Arc<Mutex<Option<Armed>>>) {
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
        error!("no thread can be had that ends this process if a part of it hangs ({error})");
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

/// The signals that whoever started this process had it ignore: the kernel hands even those to a thread that waits for them.
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
        let mut asked = Asked::default();
        let after = |ms| first + Duration::from_millis(ms);
        let heard = [0, 2, 4_999, 5_000, 5_001, 60_000].map(|ms| asked.hear(after(ms)));
        use Heard::{Again, First, Meant};
        assert_eq!(heard, [First, Again, Again, Meant, Meant, Meant]);
    }

    #[test]
    fn what_a_process_was_started_to_ignore_is_read_from_the_right_bits() {
        // SIGHUP is 1, SIGINT is 2.
        assert_eq!(ignored_mask("Name:\tx\nSigIgn:\t0000000000001001\n"), 0x1001);
        assert_eq!(ignored_mask(""), 0);
    }
}
