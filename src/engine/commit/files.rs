//! One try of a commit: its files, and how much of the call they hold.
//!
//! Belongs here: which samples go into which file, when files are synced and described. Does not: the steps of one file (`Part`), when a step is
//! done, what follows from a refusal.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use super::{buffers::Buffers, source::Source, storage::Storage, stretches::Stretches, traces::Traces};
use retrocall_file::{Completeness, Durable, Overview, Part, Paths, Refusal};

/// A live call's file is synced at the first step after this time: at every second step, whatever the clock's jitter.
const SYNC_AFTER: Duration = Duration::from_millis(375);
/// A backlog is synced this often on its way, and at its end.
const BACKLOG_SYNC_EVERY: Duration = Duration::from_secs(1);
/// A step writes at most this many chunks (1 MiB), so that others get their turn.
const STEP_CHUNKS: usize = 4;

/// How far the files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// They hold less than the ring, or their newest part is not synced.
    Backlog,
    /// They grow with the call.
    Following,
    /// The call is over, and all writes up to its end are planned.
    Ending,
}

/// The files of one try. Each begins where the one before ends.
pub(super) struct Files {
    storage: Storage,
    paths: Paths,
    /// At least one.
    parts: Vec<Part>,
    /// How many of them have durable names, in folders with durable names.
    named: usize,
    phase: Phase,
    work: Stretches,
    /// How far each leg was at the last plan: beyond it the files hold silence for that leg.
    seen: [u64; 2],
    /// The position behind the last sample in the files.
    written: u64,
    synced_at: Instant,
}

impl Files {
    /// Makes the first file.
    pub(super) fn open(
        storage: &Storage,
        paths: &Paths,
        source: &mut Source,
        traces: &mut Traces,
    ) -> Result<Files, Refusal> {
        let base = source.base();
        traces.reach(base);
        let mut files = Files {
            storage: storage.clone(),
            paths: paths.clone(),
            parts: Vec::new(),
            named: 0,
            phase: Phase::Backlog,
            work: Stretches::default(),
            seen: [base; 2],
            written: base,
            synced_at: storage.clock.now(),
        };
        files.open_part(base, source, traces)?;
        Ok(files)
    }

    /// Makes the next file, which begins at this position.
    fn open_part(&mut self, base: u64, source: &mut Source, traces: &mut Traces) -> Result<(), Refusal> {
        source.collect_marks(self.settled());
        let (disk, number) = (&*self.storage.disk, self.parts.len() as u32 + 1);
        self.storage.folders.make(disk, &self.paths)?;
        let mut part = Part::open(disk, &self.paths, number, base, &source.overview())?;
        if traces.left.differs(number, base) {
            part.wipe_rest()?;
        }
        traces.left.note(number, base);
        tracing::debug!(call = %source.label().call.id, path = %part.unfinished().display(), "commit begins a file");
        self.parts.push(part);
        Ok(())
    }

    /// The position behind the last sample.
    #[cfg(test)]
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Whether all that was planned is written.
    pub(super) fn are_level(&self) -> bool {
        self.work.is_empty()
    }

    /// Whether the call is over and all of it is written.
    pub(super) fn are_whole(&self) -> bool {
        self.phase == Phase::Ending && self.work.is_empty()
    }

    /// Up to where the ring is read without a hole.
    fn settled(&self) -> u64 {
        self.work.first(1).map_or(u64::MAX, |next| next.start)
    }

    /// Plans to read everything from this position on again.
    pub(super) fn rewrite(&mut self, from: u64) {
        self.work.add(from..self.written.max(from));
    }

    /// Plans what to write now: the call up to its farther leg, or to its end if that is known; and again the stretch that was written without a
    /// lagging leg, if that leg has moved.
    pub(super) fn plan(&mut self, source: &mut Source, end: Option<u64>) {
        let (base, frontiers) = (source.base(), source.frontiers());
        for (seen, frontier) in self.seen.into_iter().zip(frontiers) {
            self.work.add(seen.max(base)..frontier.min(self.written));
        }
        let farthest = frontiers.into_iter().chain(end).max().unwrap_or(0);
        self.work.add(self.written..farthest);
        self.seen = frontiers;
        if end.is_some() {
            self.phase = Phase::Ending;
        }
    }

    /// Writes the first planned samples, as many as one step may.
    pub(super) fn write(
        &mut self,
        source: &mut Source,
        traces: &mut Traces,
        buffers: &mut Buffers,
    ) -> Result<(), Refusal> {
        for _ in 0..STEP_CHUNKS {
            self.sync_erased(source, traces)?;
            let Some(Range { start, .. }) = self.work.first(1) else { break };
            let number = self.part_at(start, source, traces)?;
            let part = &self.parts[number];
            // Up to the part's end: where the next one begins, or its greatest length.
            let end = self.parts.get(number + 1).map_or(part.base() + self.storage.part_samples_max, Part::base);
            let room = usize::try_from(end - start).unwrap_or(usize::MAX);
            let Some(mut stretch) = self.work.first(part.chunk(start).min(room)) else { break };
            let count = (stretch.end - start) as usize;
            source.read(start, count, buffers);
            traces.reach(stretch.end);
            stretch.end = start + self.parts[number].write(start, buffers.bytes(count))? as u64;
            if !stretch.is_empty() {
                self.written = self.written.max(stretch.end);
                self.work.written(&stretch);
            }
        }
        self.sync_erased(source, traces)
    }

    /// The part of a sample, whose position is not beyond the end of the written audio. Makes a new part if the last is full.
    fn part_at(&mut self, at: u64, source: &mut Source, traces: &mut Traces) -> Result<usize, Refusal> {
        let last = self.parts.len() - 1;
        let last = &mut self.parts[last];
        if at >= last.end() && (last.is_full() || at - last.base() >= self.storage.part_samples_max) {
            last.close();
            // After any power cut, a part's beginning is there if its rest is.
            self.sync(source, traces)?;
            self.open_part(at, source, traces)?;
        }
        Ok(self.parts.partition_point(|part| part.base() <= at).saturating_sub(1))
    }

    /// More is to be written: syncs, or at least describes, the files.
    pub(super) fn go_on(&mut self, source: &mut Source, traces: &mut Traces) -> Result<(), Refusal> {
        if self.phase == Phase::Following {
            self.phase = Phase::Backlog;
        }
        if self.storage.clock.since(self.synced_at) >= BACKLOG_SYNC_EVERY {
            return self.sync(source, traces);
        }
        self.describe(source)
    }

    /// All of a live call is written up to now. Syncs the files if it is time or `at_once`, otherwise describes them.
    pub(super) fn rest(&mut self, at_once: bool, source: &mut Source, traces: &mut Traces) -> Result<(), Refusal> {
        let is_old = self.storage.clock.since(self.synced_at) >= SYNC_AFTER;
        let is_due = is_old && self.parts.iter().any(Part::is_dirty);
        if at_once || is_due || self.phase == Phase::Backlog {
            self.sync(source, traces)
        } else {
            self.describe(source)
        }
    }

    /// Applies `act` to parts, after telling them the marks so far.
    fn each_part(
        &mut self,
        source: &mut Source,
        is_meant: impl Fn(&Part) -> bool,
        mut each: impl FnMut(&mut Part, &Overview<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        source.collect_marks(self.settled());
        let overview = source.overview();
        self.parts.iter_mut().filter(|part| is_meant(part)).try_for_each(|part| each(part, &overview))
    }

    /// Writes into the files what they hold by now, for recovery if this process is killed.
    fn describe(&mut self, source: &mut Source) -> Result<(), Refusal> {
        self.each_part(source, Part::is_dirty, Part::describe)
    }

    /// Writes into all files what holds by now, although no samples may have come.
    pub(super) fn describe_all(&mut self, source: &mut Source) -> Result<(), Refusal> {
        self.each_part(source, |_| true, Part::describe)
    }

    /// Makes all written samples, and the names of the files, durable.
    fn sync(&mut self, source: &mut Source, traces: &mut Traces) -> Result<(), Refusal> {
        self.each_part(source, Part::is_dirty, Part::sync)?;
        self.remove_leftovers(traces)?;
        if self.named < self.parts.len() {
            self.storage.folders.sync(&*self.storage.disk, &self.paths)?;
            self.named = self.parts.len();
        }
        self.synced_at = self.storage.clock.now();
        if self.phase == Phase::Backlog {
            self.phase = Phase::Following;
        }
        self.answer(traces);
        Ok(())
    }

    /// Removes files of earlier tries, once this one has all their samples.
    fn remove_leftovers(&mut self, traces: &mut Traces) -> Result<(), Refusal> {
        let (disk, parts) = (&*self.storage.disk, self.parts.len());
        if traces.left.are_beyond(parts) && self.written >= traces.extent() {
            traces.left.remove_beyond(parts, disk, &self.paths)?;
            self.storage.folders.sync(disk, &self.paths)?;
        }
        Ok(())
    }

    fn is_erased(&self, from: u64, until: u64) -> bool {
        self.written >= until && !self.work.touch(from, until)
    }

    /// Syncs and answers an erasure as soon as it is done.
    fn sync_erased(&mut self, source: &mut Source, traces: &mut Traces) -> Result<(), Refusal> {
        if traces.has_erased(|from, until| self.is_erased(from, until)) { self.sync(source, traces) } else { Ok(()) }
    }

    /// Answers erasures: all written samples are synced.
    fn answer(&self, traces: &mut Traces) {
        if !traces.left.are_beyond(self.parts.len()) {
            traces.answer(|from, until| self.is_erased(from, until));
        }
    }

    /// Marks the whole files as complete and syncs them, then removes all other remains of the call.
    pub(super) fn seal(&mut self, how: Completeness, source: &mut Source, traces: &mut Traces) -> Result<(), Refusal> {
        let parts = self.parts.len() as u32;
        self.each_part(source, |_| true, |part, overview| part.seal(overview, how, parts))?;
        self.remove_leftovers(traces)?;
        self.answer(traces);
        Ok(())
    }

    /// Gives the sealed files their published names.
    pub(super) fn publish(&mut self, how: Completeness, source: &Source) -> Result<Durable, Refusal> {
        let Storage { disk, folders, .. } = &self.storage;
        Durable::publish(&mut self.parts, &**disk, folders, &self.paths, how, source.marks())
    }

    /// Whether a file has its published name: then none of them is written to any more.
    pub(super) fn are_published(&self) -> bool {
        self.parts.iter().any(|part| part.has_name(&*self.storage.disk))
    }
}
