//! One commit: the steps from a ring to a durable file. How a recording is born, in this order:
//!
//! 1. the folder is made and its names synced; `<call-id>.wav.part` is made, gets its prefix, is synced, its name is synced;
//! 2. samples go in from the ring, step by step, header and all, synced at least every half second while the call is live;
//! 3. after hangup the rest goes in, the file is cut to its length and synced, then marked complete and synced with all it has;
//! 4. it is renamed to `<call-id>.wav`, which must be free, and the folder is synced. Only then is it durable.
//!
//! Whatever the disk refuses on the way, the ring stays as it is and the step is tried again.

use std::{
    io::{self, ErrorKind},
    ops::Range,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Durable, Label, Progress, SAMPLES_MAX,
    disk::Disk,
    label::State,
    orders::{Finish, Orders, Rewrite},
    paths::Paths,
    prefix::Prefix,
    stretches::Stretches,
    trouble::Refusal,
    wav::{Buffers, Wav},
};
use crate::{audio::Leg, ring::RingReader};

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

/// A rewrite that is being done: finished when the file holds nothing older from its beginning up to `until`.
struct Erasing {
    rewrite: Rewrite,
    until: u64,
}

/// The commit of one call. A worker takes it, does a step, and puts it back.
pub(super) struct Job {
    disk: Arc<dyn Disk>,
    paths: Paths,
    reader: RingReader,
    label: Label,
    orders: Arc<Orders>,
    wav: Option<Wav>,
    /// The file's prefix and all its names are durable. Until then no sample goes into it.
    is_begun: bool,
    /// The position of the file's first sample, from the first step on.
    base: Option<u64>,
    work: Stretches,
    /// How far each leg was when the work was last planned: from there on the file holds silence for it.
    seen: [u64; 2],
    /// The position behind the last sample of the file.
    written: u64,
    /// The position up to which the file on disk may hold anything, of this try or of one before. At least `written`.
    extent: u64,
    erasing: Vec<Erasing>,
    finish: Option<Finish>,
    /// Whether the work was planned with the call's end in view: then there is nothing behind it.
    knows_end: bool,
    /// The call was longer than a WAV file can be.
    is_cut_short: bool,
    is_dirty: bool,
    is_sealed: bool,
    /// The file has its published name, or that one too: it is not written to any more.
    is_named: bool,
    in_backlog: bool,
    synced_at: Instant,
    /// How long the file was when the disk was last asked to begin.
    hastened: u64,
    trouble: Option<String>,
    retry_after: Duration,
}

impl Job {
    pub(super) fn new(disk: Arc<dyn Disk>, recordings: &Path, reader: RingReader, label: Label) -> Job {
        let paths = Paths::of(recordings, label.call, label.began_at);
        Job {
            disk,
            paths,
            reader,
            label,
            orders: Arc::default(),
            wav: None,
            is_begun: false,
            base: None,
            work: Stretches::default(),
            seen: [0; 2],
            written: 0,
            extent: 0,
            erasing: Vec::new(),
            finish: None,
            knows_end: false,
            is_cut_short: false,
            is_dirty: false,
            is_sealed: false,
            is_named: false,
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

    /// The file until it is published.
    pub(super) fn part(&self) -> &Path {
        &self.paths.part
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
        if self.wav.is_none() {
            self.open(base)?;
        }
        if self.work.is_empty() {
            self.plan(base);
        }
        self.write(base, buffers)?;
        if !self.work.is_empty() || (self.finish.is_some() && !self.knows_end) {
            self.in_backlog = true;
            if self.synced_at.elapsed() >= BACKLOG_SYNC_EVERY {
                self.sync()?
            } else {
                self.write_prefix(State::Running)?;
                self.hasten();
            }
            return Ok(Next::Soon);
        }
        if self.knows_end {
            return self.publish(base, told);
        }
        if self.in_backlog || self.trouble.is_some() || (self.is_dirty && self.synced_at.elapsed() >= SYNC_AFTER) {
            self.sync()?;
        } else if self.is_dirty {
            self.write_prefix(State::Running)?;
        }
        self.is_well(told);
        Ok(Next::At(began + FOLLOW_EVERY))
    }

    /// Makes the file, or opens the one that an earlier try left. What that one holds is written over, not cut off: on a full disk
    /// others would take the room.
    fn open(&mut self, base: u64) -> Result<(), Refusal> {
        let (disk, Paths { folder, part, .. }) = (&self.disk, &self.paths);
        disk.create_dir_all(folder).map_err(|error| Refusal::new("make the folder of", part, &error))?;
        let file = match disk.create_new(part) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => disk.open_existing(part),
            result => result,
        };
        let file = file.map_err(|error| Refusal::new("open", part, &error))?;
        self.wav = Some(Wav::new(file, Prefix::new(&self.label, base)));
        (self.written, self.seen) = (base, [base; 2]);
        self.extent = self.extent.max(base);
        self.hastened = 0;
        self.work.clear();
        self.sync()?;
        // All the way up: another commit may have made these folders a moment ago and not synced them yet.
        for folder in self.paths.folders() {
            self.disk.sync_dir(folder).map_err(|error| Refusal::new("sync the folder of", &self.paths.part, &error))?;
        }
        (self.in_backlog, self.is_begun) = (true, true);
        tracing::debug!(call = %self.label.call, path = %self.paths.part.display(), "commit begins its file");
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
        let limit = base.saturating_add(SAMPLES_MAX);
        self.work.add(self.written..end.min(limit));
        self.is_cut_short = end > limit;
        self.seen = frontiers;
        self.knows_end = self.finish.is_some();
    }

    fn write(&mut self, base: u64, buffers: &mut Buffers) -> Result<(), Refusal> {
        for _ in 0..STEP_CHUNKS {
            if self.erasing.iter().any(|one| self.is_erased(one)) {
                self.sync()?;
            }
            let Some(Range { start, .. }) = self.work.first(1) else { break };
            let wav = opened(&mut self.wav)?;
            let Some(stretch) = self.work.first(wav.chunk(start - base)) else { break };
            let count = (stretch.end - start) as usize;
            buffers.read(&mut self.reader, start, count);
            self.extent = self.extent.max(stretch.end);
            (self.is_dirty, self.is_sealed) = (true, false);
            let written = wav.write(start - base, count, buffers);
            written.map_err(|error| Refusal::of_write(&self.paths.part, &error))?;
            self.written = self.written.max(stretch.end);
            self.work.written(&stretch);
        }
        if self.erasing.iter().any(|one| self.is_erased(one)) { self.sync() } else { Ok(()) }
    }

    /// The disk is at work while the next samples are read from the ring.
    fn hasten(&mut self) {
        let length = self.wav.as_ref().map_or(0, Wav::length);
        if length >= self.hastened + HASTEN_EVERY_BYTES {
            self.disk.hasten(&self.paths.part);
            self.hastened = length;
        }
    }

    fn is_erased(&self, erasing: &Erasing) -> bool {
        self.written >= erasing.until && !self.work.touch(erasing.rewrite.from, erasing.until)
    }

    fn write_prefix(&mut self, state: State) -> Result<(), Refusal> {
        let wav = opened(&mut self.wav)?;
        let comment = self.label.comment(self.base.unwrap_or(0), wav.frames(), state);
        wav.write_prefix(&comment).map_err(|error| Refusal::of_write(&self.paths.part, &error))
    }

    fn sync(&mut self) -> Result<(), Refusal> {
        self.write_prefix(State::Running)?;
        let file = opened(&mut self.wav)?.file();
        let synced = file.sync_data().and_then(|()| file.has_name());
        self.expect_name(synced)?;
        (self.is_dirty, self.in_backlog, self.synced_at) = (false, false, Instant::now());
        for one in std::mem::take(&mut self.erasing) {
            if self.is_erased(&one) {
                one.rewrite.answer();
            } else {
                self.erasing.push(one);
            }
        }
        Ok(())
    }

    /// A file that lost its name, with its folder perhaps, is as good as not written.
    fn expect_name(&self, has_name: io::Result<bool>) -> Result<(), Refusal> {
        match has_name {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::new("keep", &self.paths.part, &ErrorKind::NotFound.into())),
            Err(error) => Err(Refusal::new("sync", &self.paths.part, &error)),
        }
    }

    /// The file is whole: it says so, and all of it is durable.
    fn seal(&mut self) -> Result<(), Refusal> {
        let cut = opened(&mut self.wav)?.cut();
        cut.map_err(|error| Refusal::new("cut", &self.paths.part, &error))?;
        // Before it says that it is whole: a crash between the two must not leave a file that says so and is not.
        self.sync()?;
        self.write_prefix(if self.is_cut_short { State::Incomplete } else { State::Complete })?;
        let file = opened(&mut self.wav)?.file();
        let synced = file.sync_data().and_then(|()| file.has_name());
        self.expect_name(synced)?;
        self.is_sealed = true;
        Ok(())
    }

    fn publish(&mut self, base: u64, told: &mut Vec<Progress>) -> Result<Next, Refusal> {
        if !self.is_sealed {
            self.seal()?;
        }
        if !self.orders.close() {
            return Ok(Next::Soon);
        }
        self.name()?;
        let wav = &self.paths.wav;
        let file = opened(&mut self.wav)?;
        let durable = Durable {
            call: self.label.call,
            path: wav.clone(),
            bytes: file.length(),
            samples: file.frames(),
            first: base,
            incomplete: self.is_cut_short,
        };
        self.is_well(told);
        tracing::debug!(call = %durable.call, path = %durable.path.display(), samples = durable.samples, "recording is durable");
        told.push(Progress::Durable(durable));
        Ok(Next::Done)
    }

    /// The file, which is whole, gets its published name, and that is made durable. From the first try that gave it the name the file stays as
    /// it is: the next one goes on from there.
    fn name(&mut self) -> Result<(), Refusal> {
        let Paths { folder, part, wav } = &self.paths;
        if let Err(error) = self.disk.rename_noreplace(part, wav)
            && !(self.is_named && error.kind() == ErrorKind::NotFound)
        {
            self.is_named = self.disk.is_same_file(part, wav).unwrap_or(false);
            return Err(match error.kind() {
                ErrorKind::AlreadyExists => Refusal::of_name(wav),
                _ => Refusal::of_name_change("rename", part, &error),
            });
        }
        self.is_named = true;
        self.disk.sync_dir(folder).map_err(|error| Refusal::of_name_change("sync the folder of", wav, &error))
    }

    /// The step before this one panicked: what it left is not trusted. Says when the next is wanted, and what is to be told.
    pub(super) fn panicked(&mut self) -> (Next, Vec<Progress>) {
        let mut told = Vec::new();
        let text = format!(
            "{}: retrocall itself failed while it wrote this, and tries again; see the panic in its log, and report it",
            self.paths.part.display()
        );
        // A file that has its name is whole.
        let refusal = Refusal { text, keeps: self.is_named };
        (Next::Retry(Instant::now() + self.refused(refusal, &mut told)), told)
    }

    /// Returns how long to wait.
    fn refused(&mut self, refusal: Refusal, told: &mut Vec<Progress>) -> Duration {
        // A disk that is full took what it took; but a file that was not even begun is begun again.
        if !refusal.keeps || !self.is_begun {
            (self.wav, self.is_begun, self.is_sealed, self.is_named, self.knows_end) =
                (None, false, false, false, false);
            self.work.clear();
        }
        if !self.is_named {
            self.orders.reopen();
        }
        if self.trouble.as_ref() != Some(&refusal.text) {
            tracing::warn!(call = %self.label.call, "commit waits: {}", refusal.text);
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
            tracing::warn!(call = %self.label.call, "commit goes on: the disk takes it again");
            told.push(Progress::Well);
        }
        self.retry_after = RETRY[0];
    }
}

/// The file that [`Job::open`] made.
fn opened(wav: &mut Option<Wav>) -> Result<&mut Wav, Refusal> {
    wav.as_mut().ok_or_else(|| Refusal {
        text: "the file is not open; it is opened again at the next try".to_owned(),
        keeps: false,
    })
}

impl Drop for Job {
    fn drop(&mut self) {
        self.orders.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audio::Rate,
        commit::RealDisk,
        memory::Arena,
        protocol::{CallId, Direction},
        ring::Ring,
    };

    #[test]
    fn no_audio_stays_in_the_buffers_after_a_step_that_went_well_or_failed() {
        let arena = Arc::new(Arena::new(1 << 20, true).expect("memory for a test"));
        arena.fault_in_ahead();
        let (ring, [mut agent, mut customer]) = Ring::new(arena);
        for (i, frame) in [[4_660i16; 160]; 100].iter().enumerate() {
            for writer in [&mut agent, &mut customer] {
                assert!(writer.provision(160));
                writer.push(i as u64 * 160, frame);
            }
        }
        let label = Label {
            call: CallId::new(),
            agent: "anna".to_owned(),
            direction: Direction::Inbound,
            rate: Rate::new(8_000).expect("a rate"),
            began_at: "2026-03-01T12:00:00Z".parse().expect("a time"),
            continues: None,
            reasons: vec![],
        };
        let home = tempfile::tempdir().expect("a home");
        let mut job = Job::new(Arc::new(RealDisk::default()), home.path(), ring.reader(), label);
        let mut buffers = Buffers::new(true).expect("memory for a test");
        assert!(matches!(job.step(&mut buffers), (Next::At(_), told) if told.is_empty()));
        assert_eq!(job.written, 16_000);
        assert!(buffers.are_wiped());
        // A disk that takes nothing: the samples are on their way when it says so.
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
        job.wav = Some(Wav::new(Box::new(full), Prefix::new(&job.label, 0)));
        (job.written, job.seen) = (0, [0; 2]);
        let (next, told) = job.step(&mut buffers);
        assert!(matches!(next, Next::Retry(_)), "{next:?}");
        assert!(matches!(&told[..], [Progress::Trouble(text)] if text.contains("make room")), "{told:?}");
        assert!(buffers.are_wiped());
    }
}
