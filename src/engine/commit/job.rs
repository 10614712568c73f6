//! One commit: the steps from a ring to durable files. How a recording is born, in this order:
//!
//! 1. the folder is made; `<call-id>.wav.part` is made in it and gets its prefix;
//! 2. samples go in from the ring, step by step, prefix and all; while the call is live they are synced at least every half second, with the names
//!    of the file and its folders after the first time;
//! 3. a file that can't be longer is followed by `<call-id>-2.wav.part`, and so on;
//! 4. after hangup the rest goes in, each file is cut to its length, says that it is complete, and is synced;
//! 5. they are renamed to `<call-id>.wav` and so on, which must be free, the first one last, and the folder is synced. Only then is the recording
//!    durable.
//!
//! Whatever the disk refuses on the way, the ring stays as it is and the step is tried again.

use std::{
    ops::Range,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Marks, Progress,
    buffers::Buffers,
    findings::Findings,
    orders::{Finish, Orders, Rewrite},
    stretches::Stretches,
};
use retrocall_core::ring::RingReader;
use retrocall_file::{Disk, Durable, FRAME_BYTES, Folders, Leftovers, Mark, Part, Paths, Refusal, State, Whole};
use retrocall_words::{Label, audio::Leg};

/// How often a live call's file grows.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);
/// A live call's file is synced at the first step after this: every other one, whatever the clock's jitter.
const SYNC_AFTER: Duration = Duration::from_millis(375);
/// A backlog is synced this often on its way, and at its end.
const BACKLOG_SYNC_EVERY: Duration = Duration::from_secs(1);
/// The disk is asked to begin with what was written of a backlog each time so much more was.
const HASTEN_EVERY_BYTES: u64 = 8 << 20;
/// A step writes no more chunks than this (1 MiB), so that others get their turn.
const STEP_CHUNKS: usize = 4;
/// The first wait after a refusal, doubled with each one that follows, and the longest.
const RETRY: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(2)];

/// When a job wants its next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// As soon as the others had their turn.
    Soon,
    /// Then.
    At(Instant),
    /// After a refusal: then, and not before, whoever asks.
    Retry(Instant),
    /// Never: the recording is durable.
    Done,
}

/// Where a commit writes, and how.
#[derive(Clone)]
pub(super) struct Place {
    pub disk: Arc<dyn Disk>,
    /// The folder of all recordings.
    pub recordings: PathBuf,
    pub folders: Arc<Folders>,
    /// Stereo samples of the longest file.
    pub part_samples_max: u64,
}

/// A rewrite that is being done: finished when the files hold nothing older from its beginning up to `until`.
struct Erasing {
    rewrite: Rewrite,
    until: u64,
}

/// The commit of one call. A worker takes it, does a step, and puts it back.
pub(super) struct Job {
    place: Place,
    paths: Paths,
    reader: RingReader,
    label: Label,
    orders: Arc<Orders>,
    /// What whoever controls the call says of it.
    noted: Arc<Marks>,
    noted_seen: usize,
    /// What the ring says is missing.
    findings: Findings,
    /// Both, in the order in which they came.
    marks: Vec<Mark>,
    /// The files, each beginning where the one before ends. Empty until the first step, and after a refusal that nothing survives.
    parts: Vec<Part>,
    /// The files that there are, also of tries before.
    left: Leftovers,
    /// Their names, and those of their folders, are durable.
    has_durable_names: bool,
    /// The position of the first sample, from the first step on.
    base: Option<u64>,
    work: Stretches,
    /// How far each leg was when the work was last planned: from there on the files hold silence for it.
    seen: [u64; 2],
    /// The position behind the last sample in the files.
    written: u64,
    /// The position up to which the files on disk may hold anything, of this try or of one before. At least `written`.
    extent: u64,
    erasing: Vec<Erasing>,
    finish: Option<Finish>,
    /// Whether the work was planned with the call's end in view: then there is nothing behind it.
    knows_end: bool,
    in_backlog: bool,
    synced_at: Instant,
    /// Up to which position the disk was last asked to begin.
    hastened: u64,
    trouble: Option<String>,
    retry_after: Duration,
}

impl Job {
    pub(super) fn new(place: &Place, reader: RingReader, label: Label, noted: Arc<Marks>) -> Job {
        let paths = Paths::of(&place.recordings, label.call.id, label.call.began_at);
        Job {
            place: place.clone(),
            paths,
            reader,
            label,
            orders: Arc::default(),
            noted,
            noted_seen: 0,
            findings: Findings::default(),
            marks: Vec::new(),
            parts: Vec::new(),
            left: Leftovers::default(),
            has_durable_names: false,
            base: None,
            work: Stretches::default(),
            seen: [0; 2],
            written: 0,
            extent: 0,
            erasing: Vec::new(),
            finish: None,
            knows_end: false,
            in_backlog: false,
            synced_at: Instant::now(),
            hastened: 0,
            trouble: None,
            retry_after: RETRY[0],
        }
    }

    pub(super) fn orders(&self) -> &Arc<Orders> {
        &self.orders
    }

    /// The first file until it is published.
    pub(super) fn unfinished(&self) -> PathBuf {
        self.paths.unfinished(1)
    }

    /// What the disk says, if it refused the last time.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// One step: says when it wants the next, and what is to be told, in order. Leaves no audio in `buffers`.
    pub(super) fn step(&mut self, buffers: &mut Buffers) -> (Next, Vec<Progress>) {
        let mut told = Vec::new();
        let base = *self.base.get_or_insert_with(|| self.reader.ring().start());
        self.take_orders(base);
        let result = self.advance(base, buffers, &mut told);
        buffers.wipe();
        let next = result.unwrap_or_else(|refusal| Next::Retry(Instant::now() + self.refused(refusal, &mut told)));
        (next, told)
    }

    fn take_orders(&mut self, base: u64) {
        let (rewrites, finish) = self.orders.take();
        if let Some(finish) = finish {
            self.label.reasons.clone_from(&finish.reasons);
            self.finish.get_or_insert(finish);
        }
        for mut rewrite in rewrites {
            rewrite.from = rewrite.from.max(base);
            let from = rewrite.from;
            if from >= self.extent {
                // Nothing of it was ever written: no need to wait for a disk that may refuse.
                rewrite.answer();
                continue;
            }
            self.work.add(from..self.written.max(from));
            // What a refused try left on disk counts too.
            self.erasing.push(Erasing { rewrite, until: self.extent });
        }
    }

    fn advance(&mut self, base: u64, buffers: &mut Buffers, told: &mut Vec<Progress>) -> Result<Next, Refusal> {
        let began = Instant::now();
        if self.parts.is_empty() {
            self.begin(base)?;
        }
        if self.work.is_empty() {
            self.plan(base);
        }
        self.write(buffers)?;
        if !self.work.is_empty() || (self.finish.is_some() && !self.knows_end) {
            self.in_backlog = true;
            if self.synced_at.elapsed() >= BACKLOG_SYNC_EVERY {
                self.sync()?;
            } else {
                self.describe()?;
                self.hasten();
            }
            return Ok(Next::Soon);
        }
        if self.knows_end {
            return self.publish(base, told);
        }
        let is_due = self.is_dirty() && self.synced_at.elapsed() >= SYNC_AFTER;
        if self.in_backlog || self.trouble.is_some() || is_due {
            self.sync()?;
        } else {
            self.describe()?;
        }
        self.is_well(told);
        Ok(Next::At(began + FOLLOW_EVERY))
    }

    /// Makes the first file.
    fn begin(&mut self, base: u64) -> Result<(), Refusal> {
        (self.written, self.seen, self.hastened) = (base, [base; 2], base);
        self.extent = self.extent.max(base);
        self.work.clear();
        self.open_part(base)?;
        (self.in_backlog, self.synced_at) = (true, Instant::now());
        Ok(())
    }

    /// Makes the next file, which begins at this position.
    fn open_part(&mut self, base: u64) -> Result<(), Refusal> {
        self.collect_marks();
        self.place.folders.make(&*self.place.disk, &self.paths)?;
        let number = self.parts.len() as u32 + 1;
        let mut part = Part::open(&*self.place.disk, &self.paths, number, base, &self.whole())?;
        if self.left.replaces(number, base) {
            part.wipe_rest()?;
        }
        tracing::debug!(call = %self.label.call.id, path = %part.unfinished.display(), "commit begins a file");
        self.parts.push(part);
        self.has_durable_names = false;
        Ok(())
    }

    /// What is to be written now: the call up to where its farther leg is; and for a leg that lagged and has moved, what came since for
    /// the stretch that was written without it.
    fn plan(&mut self, base: u64) {
        let ring = self.reader.ring();
        let frontiers = Leg::ALL.map(|leg| ring.frontier(leg));
        for (seen, frontier) in self.seen.into_iter().zip(frontiers) {
            self.work.add(seen.max(base)..frontier.min(self.written));
        }
        let end = frontiers.into_iter().chain(self.finish.as_ref().map(|finish| finish.end)).max().unwrap_or(0);
        self.work.add(self.written..end);
        self.seen = frontiers;
        self.knows_end = self.finish.is_some();
    }

    fn write(&mut self, buffers: &mut Buffers) -> Result<(), Refusal> {
        for _ in 0..STEP_CHUNKS {
            if self.erasing.iter().any(|one| self.is_erased(one)) {
                self.sync()?;
            }
            let Some(Range { start, .. }) = self.work.first(1) else { break };
            let number = self.part_at(start)?;
            let part = &self.parts[number];
            // Up to the part's end: where the next one begins, or where it can't be longer.
            let end = self.parts.get(number + 1).map_or(part.base + self.place.part_samples_max, |next| next.base);
            let room = usize::try_from(end - start).unwrap_or(usize::MAX);
            let Some(mut stretch) = self.work.first(part.chunk(start).min(room)) else { break };
            let count = (stretch.end - start) as usize;
            buffers.read(&mut self.reader, start, count, &mut self.findings);
            self.extent = self.extent.max(stretch.end);
            stretch.end = start + self.parts[number].write(start, buffers.bytes(count))? as u64;
            if !stretch.is_empty() {
                self.written = self.written.max(stretch.end);
                self.work.written(&stretch);
            }
        }
        if self.erasing.iter().any(|one| self.is_erased(one)) { self.sync() } else { Ok(()) }
    }

    /// The part that the sample at a position belongs to, which is not beyond the end of what is written. Makes a new one if the last is full.
    fn part_at(&mut self, at: u64) -> Result<usize, Refusal> {
        let last = self.parts.last_mut().ok_or_else(not_open)?;
        if at >= last.end() && (last.is_full || at - last.base >= self.place.part_samples_max) {
            last.is_full = true;
            // Whatever a power cut takes, what follows is never without its beginning.
            self.sync()?;
            self.open_part(at)?;
        }
        Ok(self.parts.partition_point(|part| part.base <= at).saturating_sub(1))
    }

    /// The disk is at work while the next samples are read from the ring.
    fn hasten(&mut self) {
        let Some(part) = self.parts.last() else { return };
        if (self.written - self.hastened) * FRAME_BYTES >= HASTEN_EVERY_BYTES {
            self.place.disk.hasten(&part.unfinished);
            self.hastened = self.written;
        }
    }

    fn is_erased(&self, erasing: &Erasing) -> bool {
        self.written >= erasing.until && !self.work.touch(erasing.rewrite.from, erasing.until)
    }

    /// Files of earlier tries that this one does not need, once it has all that they had.
    fn remove_leftovers(&mut self) -> Result<(), Refusal> {
        let parts = self.parts.len();
        if self.left.are_beyond(parts) && self.written >= self.extent {
            self.left.remove_beyond(parts, &*self.place.disk, &self.paths)?;
            self.place.folders.sync(&*self.place.disk, &self.paths)?;
        }
        Ok(())
    }

    fn is_dirty(&self) -> bool {
        self.parts.iter().any(|part| part.is_dirty)
    }

    /// Takes up the marks that came since. Of what the ring is missing only what is read as a whole: the rest is still to be read.
    fn collect_marks(&mut self) {
        let noted = self.noted.since(self.noted_seen);
        self.noted_seen += noted.len();
        self.marks.extend(noted);
        let settled = self.work.first(1).map_or(u64::MAX, |next| next.start);
        self.marks.extend(self.findings.settle(settled));
    }

    fn whole(&self) -> Whole<'_> {
        let counts = Leg::ALL.map(|leg| self.reader.ring().counts(leg));
        let gaps = counts.iter().map(|counts| counts.gaps).sum();
        let lost = counts.iter().map(|counts| counts.lost_frames + counts.refused_frames).sum();
        Whole { label: &self.label, marks: &self.marks, gaps, lost }
    }

    /// Does something with parts, which know what the whole is.
    fn each_part(
        &mut self,
        is_meant: impl Fn(&Part) -> bool,
        mut each: impl FnMut(&mut Part, &Whole<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.collect_marks();
        let mut parts = std::mem::take(&mut self.parts);
        let whole = self.whole();
        let done = parts.iter_mut().filter(|part| is_meant(part)).try_for_each(|part| each(part, &whole));
        self.parts = parts;
        done
    }

    /// The files say what they hold by now, for whoever reads them if this process is killed.
    fn describe(&mut self) -> Result<(), Refusal> {
        self.each_part(|part| part.is_dirty, |part, whole| part.describe(whole))
    }

    /// All that was written is safe, and the names of the files too.
    fn sync(&mut self) -> Result<(), Refusal> {
        self.each_part(|part| part.is_dirty, |part, whole| part.sync(whole))?;
        self.remove_leftovers()?;
        if !self.has_durable_names {
            self.place.folders.sync(&*self.place.disk, &self.paths)?;
            self.has_durable_names = true;
        }
        (self.in_backlog, self.synced_at) = (false, Instant::now());
        self.answer_erases();
        Ok(())
    }

    fn answer_erases(&mut self) {
        for one in std::mem::take(&mut self.erasing) {
            if self.is_erased(&one) && !self.left.are_beyond(self.parts.len()) {
                one.rewrite.answer();
            } else {
                self.erasing.push(one);
            }
        }
    }

    /// The call is over: what was lost at its end, and before its beginning, is known.
    fn mark_ends(&mut self, base: u64) {
        for leg in Leg::ALL {
            let (ring, of_leg) =
                (self.reader.ring(), |is_lost, from, to| retrocall_core::ring::Missing { from, to, is_lost });
            let (frontier, lost_until) = (ring.frontier(leg), ring.counts(leg).lost_until);
            if base > 0 {
                self.findings.add(leg, of_leg(true, 0, base));
            }
            if lost_until > frontier {
                self.findings.add(leg, of_leg(true, frontier.max(base), lost_until));
            }
        }
    }

    fn publish(&mut self, base: u64, told: &mut Vec<Progress>) -> Result<Next, Refusal> {
        self.mark_ends(base);
        let is_incomplete = base > 0 || self.whole().lost > 0;
        let state = if is_incomplete { State::Incomplete } else { State::Complete };
        let parts = self.parts.len() as u32;
        self.each_part(|_| true, |part, whole| part.seal(whole, state, parts))?;
        self.remove_leftovers()?;
        self.answer_erases();
        if !self.orders.close() {
            return Ok(Next::Soon);
        }
        let disk = &*self.place.disk;
        let durable =
            Durable::publish(&mut self.parts, disk, &self.place.folders, &self.paths, is_incomplete, &self.marks)?;
        self.is_well(told);
        tracing::debug!(call = %durable.call(), path = %durable.path().display(), samples = durable.samples(), "recording is durable");
        told.push(Progress::Durable(durable));
        Ok(Next::Done)
    }

    /// Whether a file has its published name: then none of them is written to any more.
    fn is_named(&self) -> bool {
        self.parts.iter().any(|part| part.has_name(&*self.place.disk))
    }

    /// The step before this one panicked: what it left is not trusted. Says when the next is wanted, and what is to be told.
    pub(super) fn panicked(&mut self) -> (Next, Vec<Progress>) {
        let mut told = Vec::new();
        let text = format!(
            "{}: retrocall itself failed while it wrote this, and tries again; see the panic in its log, and report it",
            self.unfinished().display()
        );
        // A file that has its name is whole.
        let refusal = Refusal { text, keeps: self.is_named() };
        (Next::Retry(Instant::now() + self.refused(refusal, &mut told)), told)
    }

    /// Returns how long to wait.
    fn refused(&mut self, refusal: Refusal, told: &mut Vec<Progress>) -> Duration {
        if !refusal.keeps {
            self.place.folders.forget(&self.paths.folder);
            self.knows_end = false;
            self.parts.clear();
            self.work.clear();
        }
        if !self.is_named() {
            self.orders.reopen();
        }
        if self.trouble.as_ref() != Some(&refusal.text) {
            tracing::warn!(call = %self.label.call.id, "commit waits: {}", refusal.text);
            told.push(Progress::Trouble(refusal.text.clone()));
            self.trouble = Some(refusal.text);
        }
        let wait = self.retry_after;
        self.retry_after = (2 * wait).min(RETRY[1]);
        wait
    }

    /// The disk has taken all there was.
    fn is_well(&mut self, told: &mut Vec<Progress>) {
        if self.trouble.take().is_some() {
            tracing::warn!(call = %self.label.call.id, "commit goes on: the disk takes it again");
            told.push(Progress::Well);
        }
        self.retry_after = RETRY[0];
    }
}

fn not_open() -> Refusal {
    Refusal { text: "the file is not open; it is opened again at the next try".to_owned(), keeps: false }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.orders.abandon();
    }
}

#[cfg(test)]
mod tests;
