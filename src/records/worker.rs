//! The thread `catalog`: reserves numbers, opens the catalog, writes the notes that wait, tries again after a refusal, and puts aside what
//! can't be written.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs, io, mem,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::civil::Date;

mod clock;
mod meeting;
mod tending;

use super::{
    Limits, Trouble,
    claims::Claims,
    file::{self, Identity},
    ledger::Scribe,
    lottery::Lottery,
    milestone::Milestone,
    note::is_of_recording,
    numbers::{AHEAD, Highest, Numbers, NumbersFile},
    queue::Queue,
    read,
    site::Author,
    sweep::{self, ClockWatch, Files as _, HomeFiles},
    unwritten::{Reader, Unwritten},
    write::{self, WriteContext},
};
use crate::rows::Connection;
use retrocall_ledger::{Reread, Skipping};
use retrocall_words::{
    CallId, Clock, Country, Place,
    book::{CallBegun, Note, day_of},
};
use tending::Tended;

/// The most notes in one transaction.
const BATCH_MAX: usize = 1_000;

/// Bytes of recordings whose hashes go into one transaction: a tenth of a second on a slow machine. Numbers and other notes wait for that, so
/// a recording beyond it has no hash in its row.
const HASHED_BYTES_MAX: u64 = 64 << 20;

/// How long after a refusal the file is tried again while the engine stops.
const RETRY_WHEN_CLOSING: Duration = Duration::from_millis(100);

/// The state of the thread.
pub(super) struct Worker {
    queue: Arc<Queue>,
    home: PathBuf,
    path: PathBuf,
    /// The day when the engine started.
    today: Date,
    /// The country of customers' numbers that are given without one.
    country: Country,
    /// Whether each customer's number in the open catalog has its normal form by the rule for that country.
    has_forms: bool,
    clock: Arc<dyn Clock>,
    retry: Duration,
    aside_after: Duration,
    /// Since when the catalog has been out of reach.
    out_of_reach_since: Option<Instant>,
    connection: Option<Connection>,
    /// The catalog that is open, or was open last.
    identity: Option<Identity>,
    has_started: bool,
    /// Set while the thread works; still set at the next start if it panicked.
    is_at_work: bool,
    numbers: NumbersFile,
    /// The file of numbers is gone, but there is a catalog: the catalog says which numbers were given.
    are_numbers_gone: bool,
    /// Each number up to these was handed to a catalog, or will never have a row.
    accounted: Highest,
    /// The catalog that has a row, or a named hole, for each of these numbers.
    accounted_in: Option<Identity>,
    /// The numbers that the catalog knew when it was first opened.
    known: (Option<Identity>, Highest),
    /// The site that writes the ledger, once it is known.
    author: Option<Author>,
    lottery: Lottery,
    /// How many milestones of the draw the ledger of this catalog has.
    told: usize,
    tended: Tended,
    /// Notes that were taken from the queue and are not durable yet.
    in_hand: Vec<Note>,
    unwritten: Unwritten,
    /// How far `unwritten.jsonl` has been read back, and the notes read last.
    reader: Option<Reader>,
    from_file: Vec<Note>,
    /// Calls of this run whose notes went into that file before the catalog first opened.
    of_this_run: HashSet<CallId>,
    /// Calls that have begun and not ended, so that their rows can be written again into a file that was put in the first one's place.
    live: HashMap<CallId, CallBegun>,
    /// Numbers that only recordings know; their registration will follow.
    claims: Claims,
    /// What the last head of this run covers, as it was read back from the open catalog.
    sealed: Option<Reread>,
    /// The ledger's position when it was last noted beside the catalog.
    milestone: Option<Milestone>,
    watch: ClockWatch,
    /// The ledger has a row that the clock is not believed.
    has_told_jump: bool,
    /// Calls that began while the clock was not believed.
    off_clock: HashSet<CallId>,
    /// Why those who object could not be read, so that it is said once.
    unread_objections: Option<Trouble>,
}

impl Worker {
    pub(super) fn new(queue: Arc<Queue>, home: PathBuf, today: Date, country: Country, limits: &Limits) -> Worker {
        let lottery = Lottery::new(&home, limits.one_in);
        Worker {
            path: file::path(&home),
            numbers: NumbersFile::new(&home),
            unwritten: Unwritten::new(&home, limits.unwritten_bytes_max),
            queue,
            home,
            today,
            country,
            has_forms: false,
            clock: Arc::clone(&limits.clock),
            retry: limits.retry,
            aside_after: limits.aside_after,
            out_of_reach_since: None,
            connection: None,
            identity: None,
            has_started: false,
            is_at_work: false,
            are_numbers_gone: false,
            accounted: Highest::new(),
            accounted_in: None,
            known: (None, Highest::new()),
            author: None,
            lottery,
            told: 0,
            tended: Tended::default(),
            in_hand: Vec::new(),
            reader: None,
            from_file: Vec::new(),
            of_this_run: HashSet::new(),
            live: HashMap::new(),
            claims: Claims::new(),
            sealed: None,
            milestone: None,
            watch: ClockWatch::new(Arc::clone(&limits.clock)),
            has_told_jump: false,
            off_clock: HashSet::new(),
            unread_objections: None,
        }
    }

    /// Works until the catalog is closed. After a panic it is called again, and tries the notes in hand again with a new connection.
    pub(super) fn run(&mut self) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => return self.queue.end(Some(Trouble::NoThread { cause: error.to_string() })),
        };
        let has_panicked = mem::replace(&mut self.is_at_work, true);
        if has_panicked {
            self.queue.in_trouble(Trouble::Panicked { path: self.path.clone() });
            (self.connection, self.reader) = (None, None);
            self.from_file.clear();
        }
        if !has_panicked || runtime.block_on(self.queue.pause(self.retry, RETRY_WHEN_CLOSING)) {
            runtime.block_on(self.work());
        }
        self.queue.seal();
        if let Err(error) = self.put_aside() {
            tracing::error!(path = %self.unwritten.path().display(), "what the catalog did not take can't be put aside: {error}");
        }
        self.give_back_numbers();
        self.queue.end(None);
    }

    async fn work(&mut self) {
        loop {
            let done = self.step().await;
            if done.is_ok() {
                self.out_of_reach_since = None;
            }
            match done {
                Ok(true) if self.queue.is_late() => break,
                Ok(true) => {}
                Ok(false) if self.queue.seal_if_done() => break,
                Ok(false) => self.queue.woken().await,
                // Upkeep of our own holds the catalog for some seconds: notes wait, and nothing is wrong.
                Err(Trouble::Locked { .. }) if sweep::is_rewriting() && !self.queue.is_closing() => {
                    self.queue.pause(RETRY_WHEN_CLOSING, RETRY_WHEN_CLOSING).await;
                }
                Err(trouble) => {
                    self.disconnect().await;
                    self.queue.in_trouble(trouble);
                    if self.queue.is_long() || self.would_lose_recordings() {
                        // The full disk has been reported. The notes stay in memory.
                        let _ = self.put_aside();
                    }
                    if !self.queue.pause(self.retry, RETRY_WHEN_CLOSING).await {
                        break;
                    }
                }
            }
        }
        self.remember_milestone().await;
        self.disconnect().await;
    }

    /// Whether a kill would lose facts that no recording holds while the catalog is away for an unknown time.
    fn would_lose_recordings(&mut self) -> bool {
        let since = *self.out_of_reach_since.get_or_insert_with(|| self.clock.now());
        self.clock.since(since) >= self.aside_after
            && (self.in_hand.iter().any(is_of_recording) || self.queue.has_recordings())
    }

    /// Writes one batch. Returns false if there was nothing to do.
    async fn step(&mut self) -> Result<bool, Trouble> {
        // Numbers come first: they are given although the catalog is away.
        self.reserve_numbers();
        let is_new = self.connect().await?;
        self.read_back()?;
        let is_from_file = !self.from_file.is_empty();
        if !is_from_file {
            self.start().await?;
            if self.in_hand.is_empty() {
                self.in_hand = self.queue.take(BATCH_MAX);
                self.go_by_believed_time();
            }
            // A new connection writes an empty transaction too: only that shows that it can write.
            if self.in_hand.is_empty() && !is_new {
                return self.tend().await;
            }
        }
        let (Some(connection), Some(author)) = (&mut self.connection, &self.author) else { return Ok(false) };
        let notes = if is_from_file { &mut self.from_file } else { &mut self.in_hand };
        #[cfg(test)]
        self.queue.panic_if_asked();
        let (hashes, now) = (hashes_of(notes, &self.home), self.watch.now());
        let objections = Arc::clone(&self.queue.objections.read());
        let place = WriteContext {
            home: &self.home,
            country: self.country,
            live: &self.live,
            now,
            hashes: &hashes,
            objections: &objections,
        };
        let scribe = Scribe::new(author, &self.lottery, self.told, place.now);
        let written = write::write(connection, &place, notes, scribe).await;
        self.told = written.map_err(|error| Trouble::of(&self.path, &error))?;
        for note in mem::take(notes) {
            self.was_written(note);
        }
        self.queue.written();
        Ok(true)
    }

    fn was_written(&mut self, note: Note) {
        let (day, number) = match &note {
            Note::Begun(call) => (call.day, call.sequence.unwrap_or(0)),
            Note::Skipped(skipped) => (skipped.day, skipped.last),
            Note::Ended(call) => return drop(self.live.remove(&call.call)),
            Note::Kept(kept) => {
                self.claims.remove(&kept.of.call().id);
                return;
            }
            Note::Selected(_) => return,
        };
        // Notes come in the order of their numbers: with this one, all before it are accounted for.
        let last = self.accounted.entry(day).or_default();
        *last = number.max(*last);
        if let Note::Begun(call) = note {
            self.live.insert(call.call.id, call);
        }
    }

    /// Opens the file at the catalog's path unless it is open. Returns true if it was not.
    async fn connect(&mut self) -> Result<bool, Trouble> {
        if self.connection.is_some() {
            if file::identity(&self.path) == self.identity {
                return Ok(false);
            }
            // The catalog was moved: rows written now would go where it went.
            tracing::warn!(path = %self.path.display(), "the catalog was moved away or replaced while it was in use");
            self.disconnect().await;
        }
        let (mut connection, identity) = file::open(&self.path, self.identity).await?;
        self.sealed = None;
        if self.known.0 != Some(identity) {
            self.known = (Some(identity), read::last_numbers(&mut connection, &self.path).await?);
            self.learn_draw(&mut connection).await?;
        }
        (self.connection, self.identity, self.has_forms) = (Some(connection), Some(identity), false);
        Ok(true)
    }

    /// Names the holes in a catalog's numbers, once per file, after the notes of an earlier run were read back. Of the first catalog, also
    /// publishes what an earlier run left unfinished.
    async fn start(&mut self) -> Result<(), Trouble> {
        if self.connection.is_none() || self.author.is_none() {
            return Ok(());
        }
        if self.accounted_in != self.identity {
            let takeover = self.meet_catalog().await?;
            let why = if takeover.is_some() { Skipping::Restore } else { Skipping::UncleanStart };
            let (Some(connection), Some(author)) = (&mut self.connection, &self.author) else { return Ok(()) };
            let now = self.watch.now();
            if self.are_numbers_gone {
                let last = read::last_numbers(connection, &self.path).await?;
                // Numbers may have been given that no row knows.
                self.accounted = last.into_iter().map(|(day, last)| (day, last.saturating_add(AHEAD))).collect();
                self.queue.number_from(Numbers::after(&self.accounted, self.today));
                self.are_numbers_gone = false;
            }
            let live = self.live.values().filter_map(|call| Some((call.day, call.sequence?)));
            // The rows of these calls will follow.
            let claimed = self.claims.values().map(|Place { day, sequence }| (*day, *sequence));
            let live: BTreeSet<_> = live.chain(claimed).collect();
            let scribe = Scribe::new(author, &self.lottery, self.told, now);
            let (before, accounted) = (&self.known.1, &self.accounted);
            self.told =
                write::name_skipped(connection, &self.path, before, accounted, &live, (scribe, now, why)).await?;
            self.queue.learn(&read::last_numbers(connection, &self.path).await?);
            self.accounted_in = self.identity;
            self.reserve_numbers();
            if let Some(takeover) = takeover {
                self.take_up(&takeover).await?;
            }
            self.remember_milestone().await;
        }
        let Some(connection) = self.connection.as_mut().filter(|_| !self.has_started) else { return Ok(()) };
        let known = [&self.known.1, &self.accounted].into_iter().filter_map(|known| known.last_key_value());
        let period = known.map(|(day, _)| *day).max().unwrap_or(self.today).max(self.today);
        let left_behind = read::start(connection, &self.path, &self.of_this_run, period).await?;
        self.of_this_run = HashSet::new();
        self.load_objections().await;
        self.has_started = true;
        self.tended.begin(self.clock.now());
        self.queue.started(left_behind);
        Ok(())
    }

    /// Reserves numbers if it is time. If that fails, reports it; calls go on without numbers.
    fn reserve_numbers(&mut self) {
        let known = self.know_numbers();
        // Only a clock that is believed opens a day.
        let may_open = !self.queue.wants_day() || self.watch.look(&self.home);
        let reserved = known.and_then(|()| match self.queue.reservation_if(may_open) {
            Some(plan) if self.open_period(&plan)? => self.numbers.store(&plan).map(|()| self.queue.reserved(&plan)),
            _ => Ok(()),
        });
        if let Err(trouble) = reserved {
            self.queue.not_reserved(trouble);
        }
    }

    /// Finds out which numbers were given before: from the file, or from nothing if there is no other source either.
    fn know_numbers(&mut self) -> Result<(), Trouble> {
        if self.queue.given().is_some() {
            return Ok(());
        }
        let found = self.numbers.load()?;
        if !self.watch.look(&self.home) {
            // Numbers continue where they were.
            let last = found.as_ref().and_then(|known| known.last_key_value()).map(|(day, _)| *day);
            self.today = last.unwrap_or_else(|| day_of(self.watch.now()));
        }
        let is_first = self.home.is_dir() && !fs::metadata(&self.path).is_ok_and(|found| found.len() > 0);
        match found.or(is_first.then(Highest::new)) {
            Some(known) => {
                self.queue.number_from(Numbers::after(&known, self.today));
                (self.accounted, self.accounted_in) = (known, None);
            }
            None => self.are_numbers_gone = self.home.is_dir(),
        }
        Ok(())
    }

    /// Writes down exactly which numbers were given, so that the next run continues without a hole.
    fn give_back_numbers(&mut self) {
        let Some(given) = self.queue.given() else { return };
        if let Err(trouble) = self.numbers.store(&given) {
            tracing::warn!("some numbers of calls will be skipped: {trouble}");
        }
    }

    /// Takes the next notes from `unwritten.jsonl`, or finishes with it.
    fn read_back(&mut self) -> Result<(), Trouble> {
        if !self.from_file.is_empty() || self.reader.is_none() && !self.unwritten.is_there() {
            return Ok(());
        }
        let refused = |error: io::Error| Trouble::unusable(self.unwritten.path(), &error);
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.unwritten.read().map_err(refused)?,
        };
        // After a refusal, reading starts over: writing a note twice changes nothing.
        match reader.next().map_err(refused)? {
            Some(notes) => (self.from_file, self.reader) = (notes, Some(reader)),
            None => {
                self.unwritten.finish(&reader).map_err(refused)?;
                self.queue.read_back();
            }
        }
        Ok(())
    }

    /// Appends all waiting notes to that file.
    fn put_aside(&mut self) -> io::Result<()> {
        loop {
            if self.in_hand.is_empty() {
                self.in_hand = self.queue.take(BATCH_MAX);
            }
            if self.in_hand.is_empty() {
                return Ok(());
            }
            self.unwritten.append(&self.in_hand)?;
            if !self.has_started {
                let begun = |note: &Note| if let Note::Begun(call) = note { Some(call.call.id) } else { None };
                self.of_this_run.extend(self.in_hand.iter().filter_map(begun));
            }
            self.in_hand.clear();
            self.queue.put_aside();
        }
    }

    async fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Committed rows are durable, and the other notes are still in hand: a failed close loses nothing.
            let _ = connection.close().await;
        }
    }
}

/// The SHA-256 of the recordings among these notes, up to the limit of bytes per transaction.
fn hashes_of(notes: &[Note], home: &Path) -> HashMap<CallId, String> {
    let (files, mut left) = (HomeFiles::of(home), HASHED_BYTES_MAX);
    let hash = |note: &Note| {
        let Note::Kept(kept) = note else { return None };
        left = left.checked_sub(kept.parts.iter().fold(0, |bytes: u64, part| bytes.saturating_add(part.bytes)))?;
        let paths: Vec<PathBuf> = kept.parts.iter().map(|part| home.join(&part.path)).collect();
        Some((kept.of.call().id, files.hash(&paths).ok().flatten()?))
    };
    notes.iter().filter_map(hash).collect()
}
