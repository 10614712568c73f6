//! A queue of lines for a pipe, a terminal or a file that may be stuck. Whoever hands a line in never waits.
//!
//! Belongs here: the bounded queue, the thread that empties it, the count of dropped lines, the log's own spool, panics. Does not: what is logged.
//!
//! `tracing-appender` does not do: it counts lines, not bytes, ends its thread to flush, and prints on standard output if that fails, which may be
//! as stuck as the log.

use std::{
    cell::Cell,
    collections::VecDeque,
    fs::File,
    io::{self, Write},
    marker::PhantomData,
    os::fd::{AsFd, BorrowedFd},
    panic,
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::SigSet,
};
use parking_lot::{Condvar, Mutex};
use tracing::error;

use retrocall_core::{barrier, priority};
use retrocall_words::{Clock as _, SystemClock, shown_lines};

/// The most bytes that wait: some thousands of lines. Later lines are dropped, so that those that led to the trouble survive.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// With so many bytes waiting a thread that wakes the log late wakes it at once.
const LATE_BYTES_MAX: usize = WAITING_BYTES_MAX / 4;

static LOG: OnceLock<Spool> = OnceLock::new();

thread_local! {
    /// Some in a thread with a [`LateLog`]: whether lines wait that nobody was woken for.
    static OWES_WAKE: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Lines that wait for a descriptor, and the thread that writes them. The thread ends with the process.
#[derive(Clone)]
pub struct Spool(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    filled: Condvar,
    emptied: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Piece>,
    /// Bytes of the waiting lines.
    bytes: usize,
    /// The thread is writing.
    is_writing: bool,
    /// Lines dropped so far.
    dropped: u64,
}

enum Piece {
    Line(Vec<u8>),
    /// So many lines were dropped here.
    Dropped(u64),
}

impl Spool {
    /// Starts the thread `name`, which writes to a copy of this descriptor.
    ///
    /// # Errors The system has no descriptor or no thread left.
    pub fn to(fd: BorrowedFd<'_>, name: &str) -> io::Result<Spool> {
        // A file of our own: a waiting write would hold the locks of `io::stdout` and `io::stderr`.
        let file = File::from(fd.try_clone_to_owned()?);
        let spool = Spool(Arc::default());
        thread::Builder::new().name(name.to_owned()).spawn({
            let shared = Arc::clone(&spool.0);
            move || {
                // This thread starts before the one that waits for signals: a signal that came here would end the process by default.
                let _ = SigSet::all().thread_block();
                priority::give_way();
                barrier::write_nowhere();
                shared.write_to(&file);
            }
        })?;
        Ok(spool)
    }

    /// Takes complete lines. Drops and counts them if too many bytes wait.
    pub fn put(&self, lines: &[u8]) {
        if self.push(lines).is_some() {
            self.0.filled.notify_one();
        }
    }

    /// The same for the log: its thread is woken later if this thread has a [`LateLog`].
    fn put_late(&self, lines: &[u8]) {
        match self.push(lines) {
            None => {}
            Some(waiting_bytes) if waiting_bytes < LATE_BYTES_MAX && OWES_WAKE.get().is_some() => {
                OWES_WAKE.set(Some(true));
            }
            Some(_) => {
                self.0.filled.notify_one();
            }
        }
    }

    /// Puts lines into the queue, and says how many bytes wait in it. None: they were dropped.
    fn push(&self, lines: &[u8]) -> Option<usize> {
        let mut state = self.0.state.lock();
        if state.bytes + lines.len() > WAITING_BYTES_MAX {
            state.dropped += 1;
            match state.waiting.back_mut() {
                Some(Piece::Dropped(count)) => *count += 1,
                _ => state.waiting.push_back(Piece::Dropped(1)),
            }
            return None;
        }
        state.bytes += lines.len();
        state.waiting.push_back(Piece::Line(lines.to_vec()));
        Some(state.bytes)
    }

    /// Waits this long until all waiting lines are written. Returns whether they are.
    pub fn flush(&self, wait: Duration) -> bool {
        let until = SystemClock.now() + wait;
        self.0.filled.notify_one();
        let mut state = self.0.state.lock();
        while state.is_writing || !state.waiting.is_empty() {
            if self.0.emptied.wait_until(&mut state, until).timed_out() {
                return false;
            }
        }
        true
    }

    /// The number of dropped lines so far.
    pub fn dropped(&self) -> u64 {
        self.0.state.lock().dropped
    }
}

impl Shared {
    fn write_to(&self, file: &File) {
        let mut state = self.state.lock();
        loop {
            let Some(piece) = state.waiting.pop_front() else {
                self.emptied.notify_all();
                self.filled.wait(&mut state);
                continue;
            };
            state.is_writing = true;
            drop(state);
            let (bytes, freed) = match piece {
                Piece::Dropped(count) => (dropped_line(count).into_bytes(), 0),
                Piece::Line(line) => {
                    let freed = line.len();
                    (line, freed)
                }
            };
            let written = write_all(file, &bytes);
            state = self.state.lock();
            state.is_writing = false;
            // Frees their room only now: the bound covers the lines that are being written.
            state.bytes -= freed;
            // The reader is gone for good. Only the count can tell anybody.
            state.dropped += u64::from(written.is_err() && freed > 0);
        }
    }
}

fn dropped_line(count: u64) -> String {
    format!("retrocall: {count} lines were dropped here, because nobody read them\n")
}

/// Writes all of it, even if another owner made the descriptor non-blocking.
fn write_all(mut file: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Lines that this thread puts on the log are written once it rests: the thread that writes them would take a core from whatever the line is about.
/// With one core in two a press waited a quarter longer for its answer. Another thread's line, or many of its own, bring them out before.
pub struct LateLog(PhantomData<*const ()>);

impl LateLog {
    /// From now on, until it is dropped, for the calling thread, which calls [`LateLog::at_rest`] before it waits for anything.
    #[must_use = "until this is dropped"]
    pub fn of_this_thread() -> LateLog {
        OWES_WAKE.set(Some(false));
        LateLog(PhantomData)
    }

    /// The calling thread is about to wait. Does nothing in a thread without a `LateLog`, or without new lines.
    pub fn at_rest() {
        if OWES_WAKE.get() == Some(true) {
            OWES_WAKE.set(Some(false));
            if let Some(log) = log() {
                log.0.filled.notify_one();
            }
        }
    }
}

impl Drop for LateLog {
    fn drop(&mut self) {
        LateLog::at_rest();
        OWES_WAKE.set(None);
    }
}

/// The spool of the log, standard error. None if the system gives it no thread.
fn log() -> Option<&'static Spool> {
    if LOG.get().is_none() {
        let spool = Spool::to(io::stderr().as_fd(), "log").ok()?;
        let _ = LOG.set(spool);
    }
    LOG.get()
}

/// Puts a line on the log, standard error. It is written soon.
pub fn put_log(line: &[u8]) {
    log().into_iter().for_each(|spool| spool.put_late(line));
}

/// Waits this long until the log is written.
pub fn flush_log(wait: Duration) {
    if let Some(log) = LOG.get() {
        log.flush(wait);
    }
}

/// Dropped lines of the log.
pub fn log_dropped() -> u64 {
    LOG.get().map_or(0, Spool::dropped)
}

/// Logs panics with their places, so that a panic never waits either. Without a log it is printed as usual.
pub fn tell_panics() {
    panic::set_hook(Box::new(|panic| {
        let thread = thread::current().name().unwrap_or("without a name").to_owned();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("no words");
        if tracing::enabled!(tracing::Level::ERROR) {
            error!(thread, place, "panicked: {text}");
        } else {
            put_log(format!("retrocall: the thread {thread} panicked at {place}: {text}\n").as_bytes());
        }
    }));
}

/// The target of `tracing`'s lines.
pub struct LogLines;

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Parts of it came from outside. The colours are ours: `tracing` escapes others'.
        put_log(shown_lines(&String::from_utf8_lossy(bytes), true).as_bytes());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, PipeReader, Read};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn spool() -> (PipeReader, Spool) {
        let (reader, writer) = io::pipe().expect("a pipe");
        (reader, Spool::to(writer.as_fd(), "test-spool").expect("a thread"))
    }

    #[test]
    fn a_reader_that_stops_holds_up_nobody_and_is_told_how_many_lines_it_missed() {
        let (mut reader, spool) = spool();
        let line = [b"x".repeat(1_023), b"\n".to_vec()].concat();
        // More than fits into the queue and a pipe.
        (0..2_000).for_each(|_| spool.put(&line));
        let dropped = spool.dropped();
        assert!((100..2_000).contains(&dropped), "{dropped} of 2,000");
        assert!(!spool.flush(Duration::from_millis(20)), "nobody reads");
        // Where lines are missing it says how many: at one place, or at several if the thread wrote some of them meanwhile.
        let missing = |line: &[u8]| -> u64 {
            let words = str::from_utf8(line).expect("text");
            let count = words.strip_prefix("retrocall: ").and_then(|rest| rest.split(' ').next());
            count.map_or(0, |count| count.parse().expect("a count"))
        };
        let mut lines = BufReader::new(&mut reader).split(b'\n').map(|line| line.expect("it writes on"));
        let (mut said, mut told) = (0, 0);
        while said + told < 2_000 {
            match missing(&lines.next().expect("it writes on")) {
                0 => said += 1,
                count => told += count,
            }
        }
        assert_eq!(told, dropped);
        drop(lines);
        let mut piece = [0; 64];
        spool.put(b"and on\n");
        assert!(spool.flush(LONG));
        let read = reader.read(&mut piece).expect("it writes on");
        assert_eq!((&piece[..read], spool.dropped()), (&b"and on\n"[..], dropped));
    }

    #[test]
    fn a_late_line_is_written_at_rest_or_when_another_thread_has_something_to_say() {
        let (mut reader, spool) = spool();
        let mut piece = [0; 64];
        let mut read = || {
            let read = reader.read(&mut piece).expect("it writes on");
            piece[..read].to_vec()
        };
        let late = LateLog::of_this_thread();
        spool.put_late(b"late\n");
        assert_eq!(OWES_WAKE.get(), Some(true), "nobody was woken");
        let other = spool.clone();
        thread::spawn(move || other.put(b"now\n")).join().expect("it ends");
        let mut said = read();
        while said.len() < 9 {
            said.extend(read());
        }
        assert_eq!(said, b"late\nnow\n");
        LateLog::at_rest();
        assert_eq!(OWES_WAKE.get(), Some(false));
        spool.put_late(&[b'x'; LATE_BYTES_MAX]);
        assert_eq!(OWES_WAKE.get(), Some(false), "so much is written at once");
        spool.put(b"not the log\n");
        assert_eq!(OWES_WAKE.get(), Some(false), "what is not the log is never late");
        drop(late);
        assert_eq!(OWES_WAKE.get(), None);
    }

    #[test]
    fn a_reader_that_is_gone_is_no_error_and_what_it_missed_is_counted() {
        let (reader, spool) = spool();
        drop(reader);
        spool.put(b"a line\n");
        assert!(spool.flush(LONG));
        assert_eq!(spool.dropped(), 1);
    }

    #[test]
    fn a_descriptor_that_somebody_made_non_blocking_loses_no_line() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK)).expect("a flag");
        let spool = Spool::to(writer.as_fd(), "test-spool").expect("a thread");
        drop(writer);
        let line = [b"y".repeat(1_023), b"\n".to_vec()].concat();
        (0..500).for_each(|_| spool.put(&line));
        let mut said = vec![0; 500 * line.len()];
        reader.read_exact(&mut said).expect("all of it");
        assert_eq!(spool.dropped(), 0);
        assert!(spool.flush(LONG));
    }
}
