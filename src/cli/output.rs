//! Lines on standard output and standard error, and progress of long tasks.

use std::{
    env,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
    process,
    sync::OnceLock,
    time::{Duration, Instant},
};

use comfy_table::Table;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use retrocall_engine::watch::spool::{self, LogLines, Spool};
use retrocall_words::{Clock as _, SystemClock, shown, shown_json, shown_lines};

/// The log filter, for example `info` or `retrocall=debug`. The log never holds audio or a customer's number.
pub(super) const LOG_FILTER: &str = "RETROCALL_LOG";

/// How long a task may take before its progress is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the end of the program waits for its last lines to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Standard output of a command that must not wait, once it has said so.
static LIVE: OnceLock<Spool> = OnceLock::new();

/// From now on no output waits for its reader: for commands that carry audio or wait for keys. Lines that nobody reads are dropped.
pub(super) fn wait_for_nobody() {
    if let Ok(spool) = Spool::to(io::stdout().as_fd(), "say") {
        let _ = LIVE.set(spool);
    }
}

/// Prints lines on standard output. If the reader has closed it (`| head`), the program ends quietly, unless it has other work.
pub(super) fn say(lines: &str) {
    // Escaped here, not where the lines are made: parts of them may have come from outside.
    put(&shown_lines(lines, false));
}

fn put(lines: &str) {
    if let Some(live) = LIVE.get() {
        return live.put(format!("{lines}\n").as_bytes());
    }
    if let Err(error) = writeln!(io::stdout().lock(), "{lines}") {
        if error.kind() != io::ErrorKind::BrokenPipe {
            complain(&format!("can't write to standard output ({error}); check where it goes"));
            leave(1);
        }
        leave(0);
    }
}

/// Ends the program, after its last lines.
pub(super) fn leave(code: i32) -> ! {
    last_words();
    process::exit(code)
}

/// Waits for the reader of the last lines, but not for long.
pub(super) fn last_words() {
    if let Some(live) = LIVE.get() {
        live.flush(LAST_WORDS);
    }
    spool::flush_log(LAST_WORDS);
}

/// Prints a table on standard output, without trailing blanks.
pub(super) fn say_table(table: &Table) {
    table.lines().for_each(|line| say(line.trim_end()));
}

/// Prints one line of JSON on standard output.
pub(super) fn say_json(facts: &impl Serialize) {
    put(&shown_json(&serde_json::to_string(facts).expect("facts are JSON")));
}

/// Prints lines on standard error, with invisible characters escaped.
pub(super) fn warn(lines: &str) {
    spool::put_log(shown_lines(lines, false).as_bytes());
}

/// Prints a line on standard error without waiting. If nobody reads it, there is nobody to tell.
pub(super) fn complain(line: &str) {
    spool::put_log(format!("retrocall: {}\n", shown(line)).as_bytes());
}

/// From now on the log goes to standard error, with this filter unless [`LOG_FILTER`] has another one.
pub(super) fn log(what: &str) {
    let filter = EnvFilter::try_from_env(LOG_FILTER).unwrap_or_else(|_| EnvFilter::new(what));
    tracing_subscriber::fmt()
        .with_writer(|| LogLines)
        .with_ansi(takes_color())
        .with_env_filter(filter)
        .with_target(false)
        .init();
}

/// Whether to colour standard error: on a terminal that can, unless the user wants none (no-color.org).
fn takes_color() -> bool {
    let wants_none = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !wants_none && io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// A progress bar, only on a terminal, once a task has taken over a second, or at its first step.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    began: Instant,
    what: String,
}

impl Progress {
    pub(super) fn new(what: impl Into<String>) -> Progress {
        Progress { bar: None, began: SystemClock.now(), what: what.into() }
    }

    /// Sets the progress to `done` of `of` seconds.
    pub(super) fn set(&mut self, (done, of): (f64, f64)) {
        if SystemClock.since(self.began) > PATIENCE {
            self.show((done * 1e3) as u64, (of * 1e3) as u64, format!("{done:.0} of {of:.0} s"));
        }
    }

    /// Step `step` of `of` begins; `what` describes it. Shown at once, because a step shows nothing else before its end.
    pub(super) fn step(&mut self, step: usize, of: usize, what: &'static str) {
        what.clone_into(&mut self.what);
        self.show(step as u64 - 1, of as u64, format!("{step} of {of}"));
    }

    fn show(&mut self, done: u64, of: u64, words: String) {
        if self.bar.is_none() && io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{msg} {wide_bar} {prefix}").expect("a template of known keys");
            self.bar = Some(ProgressBar::new(0).with_style(style));
        }
        if let Some(bar) = &self.bar {
            bar.set_message(self.what.clone());
            bar.set_length(of);
            bar.set_prefix(words);
            bar.set_position(done);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A duration for people.
pub(super) fn length(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{} min {:02} s", s as u64 / 60, s as u64 % 60),
        s => format!("{} h {:02} min", s as u64 / 3600, s as u64 / 60 % 60),
    }
}

/// A number of bytes for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        b if b < 1 << 10 => format!("{b} B"),
        b if b < 1 << 20 => format!("{} KiB", b >> 10),
        b if b < 1 << 30 => format!("{:.1} MiB", b as f64 / f64::from(1 << 20)),
        b => format!("{:.1} GiB", b as f64 / f64::from(1 << 30)),
    }
}

/// So many of something, which takes an s where there is more or less than one.
pub(super) fn counted(number: impl Into<u64>, one: &str) -> String {
    match number.into() {
        1 => format!("1 {one}"),
        more => format!("{more} {one}s"),
    }
}

/// So many of something, and what they do: `("wait", "waits")` for more, and for one.
pub(super) fn counted_doing(number: impl Into<u64>, one: &str, (they, it): (&str, &str)) -> String {
    let number = number.into();
    format!("{} {}", counted(number, one), if number == 1 { it } else { they })
}

/// A number with thousands separators.
pub(super) fn thousands(number: usize) -> String {
    retrocall_proof::bench::grouped(&number.to_string())
}
