//! What the tests share: a call that pushes audio and remembers it, a desk that commits.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::AtomicBool,
        mpsc::{self, Receiver},
    },
    time::Duration,
};

use retrocall::{
    audio::{Leg, Rate},
    commit::{CommitHandle, Commits, Durable, Marks, Progress},
    memory::Arena,
    protocol::{self, CallId, Facts, Label, Reason},
    ring::{LegWriter, Ring},
    words::{SystemClock, TestClock},
};

pub use crate::disk::{Asked, Rule, TestDisk, full};

/// Only for what would otherwise hang: nothing is measured by it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A switch that a rule looks at.
pub fn switch(on: bool) -> (Arc<AtomicBool>, Arc<AtomicBool>) {
    let switch = Arc::new(AtomicBool::new(on));
    (Arc::clone(&switch), switch)
}

/// A live call: what is pushed into its ring is remembered.
pub struct Call {
    pub ring: Arc<Ring>,
    pub label: Label,
    pub marks: Arc<Marks>,
    pub pushed: [Vec<i16>; 2],
    writers: [LegWriter; 2],
    arena: Arc<Arena>,
    state: u32,
}

impl Call {
    pub fn new(rate: u32) -> Call {
        let arena = Arc::new(Arena::new(16 << 20, true).expect("memory for a test"));
        let (ring, writers) = Ring::new(Arc::clone(&arena));
        let rate = Rate::new(rate).expect("a rate");
        let began_at = "2026-03-01T00:30:00+01:00".parse().expect("a time");
        let call = protocol::Call { id: CallId::new(), facts: Facts::of("anna"), rate, began_at };
        let label = Label { call, reasons: vec![Reason::OnDemand], place: None };
        Call { ring, label, marks: Arc::default(), pushed: [vec![], vec![]], writers, arena, state: 1 }
    }

    fn noise(&mut self) -> i16 {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.state >> 16) as i16
    }

    /// Pushes noise in frames of 20 ms, or what is left of one.
    pub fn speak(&mut self, leg: Leg, samples: usize) {
        let frame = self.label.call.rate.hz() as usize / 50;
        let noise: Vec<i16> = (0..samples).map(|_| self.noise()).collect();
        for frame in noise.chunks(frame) {
            self.push(leg, frame);
        }
    }

    pub fn push(&mut self, leg: Leg, frame: &[i16]) {
        while self.arena.wants_fault_in() {
            self.arena.fault_in_ahead();
        }
        let writer = &mut self.writers[leg.index()];
        assert!(writer.provision(frame.len()), "the arena is large enough for the test");
        writer.push(self.pushed[leg.index()].len() as u64, frame);
        self.pushed[leg.index()].extend(frame);
    }

    /// Nothing comes for so many samples of a leg, if something comes after them.
    pub fn skip(&mut self, leg: Leg, samples: usize) {
        let line = &mut self.pushed[leg.index()];
        line.resize(line.len() + samples, 0);
    }

    /// A frame of a leg is refused.
    pub fn refuse(&mut self, leg: Leg, samples: usize) {
        self.writers[leg.index()].refuse(samples);
    }

    pub fn end(&self) -> u64 {
        self.pushed.iter().map(|leg| leg.len()).max().unwrap_or(0) as u64
    }

    /// What a recording of it must hold, sample by sample, left and right.
    pub fn expected(&self) -> Vec<i16> {
        let at = |leg: usize, i: usize| self.pushed[leg].get(i).copied().unwrap_or(0);
        (0..self.end() as usize).flat_map(|i| [at(0, i), at(1, i)]).collect()
    }
}

/// A home with commit threads.
pub struct Desk {
    pub home: tempfile::TempDir,
    pub commits: Commits,
}

impl Desk {
    pub fn new(disk: TestDisk, threads: usize) -> Desk {
        Desk::with_parts_of(u64::MAX, disk, threads)
    }

    /// One whose commits wait by this clock.
    pub fn by_clock(clock: Arc<TestClock>, disk: TestDisk, threads: usize) -> Desk {
        let home = tempfile::tempdir().expect("a home");
        let recordings = home.path().join("recordings");
        let commits = Commits::start(Arc::new(disk), recordings, threads, true, clock).expect("threads");
        Desk { home, commits }
    }

    /// One whose files have at most so many samples of each leg.
    pub fn with_parts_of(samples: u64, disk: TestDisk, threads: usize) -> Desk {
        let home = tempfile::tempdir().expect("a home");
        let recordings = home.path().join("recordings");
        let commits =
            Commits::start(Arc::new(disk), recordings, threads, true, Arc::new(SystemClock)).expect("threads");
        Desk { home, commits: commits.with_parts_of(samples) }
    }

    pub fn recordings(&self) -> PathBuf {
        self.home.path().join("recordings")
    }

    /// Begins the commit of a call.
    pub fn record(&self, call: &Call) -> Recording {
        let recording = Recording::begin(&self.commits, call, |_| {});
        assert_eq!(recording.wav.parent(), Some(&*self.recordings().join("2026/02/28")), "by the day in UTC");
        recording
    }
}

/// A commit under way, as its call sees it.
pub struct Recording {
    pub handle: CommitHandle,
    pub told: Receiver<Progress>,
    pub wav: PathBuf,
    pub part: PathBuf,
}

impl Recording {
    /// `hear` is told everything before the test is.
    pub fn begin(commits: &Commits, call: &Call, hear: impl Fn(&Progress) + Send + Sync + 'static) -> Recording {
        let (tell, told) = mpsc::channel();
        let marks = Arc::clone(&call.marks);
        let handle = commits.begin(call.ring.reader(), call.label.clone(), marks, move |progress| {
            hear(&progress);
            // A test that has seen enough does not listen any more.
            let _ = tell.send(progress);
        });
        let wav = commits.path_of(&call.label);
        let part = wav.with_extension("wav.part");
        Recording { handle, told, wav, part }
    }

    pub fn next(&self) -> Progress {
        self.told.recv_timeout(PATIENCE).expect("something is told")
    }

    pub fn trouble(&self) -> String {
        match self.next() {
            Progress::Trouble(text) => text,
            other => panic!("no trouble but {other:?}"),
        }
    }

    pub fn well(&self) {
        assert_eq!(self.next(), Progress::Well);
    }

    pub fn durable(&self) -> Durable {
        match self.next() {
            Progress::Durable(durable) => durable,
            other => panic!("not durable but {other:?}"),
        }
    }

    pub fn finish(&self, call: &Call) {
        self.handle.finish(call.end(), call.label.reasons.clone());
    }

    /// Has the file read again from a position on, and waits until that is done.
    pub fn rewrite(&self, from: u64) {
        let (tell, told) = mpsc::channel();
        assert!(self.handle.rewrite(from, move || tell.send(()).expect("the test waits")), "it is not published yet");
        told.recv_timeout(PATIENCE).expect("the rewrite is done");
    }

    /// Waits until the unpublished file holds these samples, as any player would read it.
    pub fn wait_for(&self, expected: &[i16]) {
        for _ in 0..10_000 {
            // Told at the beginning of the next step: no need to sleep.
            self.rewrite(u64::MAX);
            if self.part.metadata().is_ok_and(|file| file.len() > 0) && read(&self.part) == expected {
                return;
            }
        }
        panic!("the file never held what was pushed");
    }
}

/// The path of a part of a recording, from 1, beside that of its first.
pub fn part_of(wav: &Path, part: u32) -> PathBuf {
    let stem = wav.file_stem().and_then(|stem| stem.to_str()).expect("a name");
    if part == 1 { wav.to_owned() } else { wav.with_file_name(format!("{stem}-{part}.wav")) }
}

/// The samples of a file, by `hound`, which checks the header.
pub fn read(path: &Path) -> Vec<i16> {
    let reader = hound::WavReader::open(path).expect("a WAV file");
    reader.into_samples().map(|sample| sample.expect("a sample")).collect()
}

/// Whether a file that nobody writes to any more holds what was said: each leg from its beginning to somewhere, and then nothing.
pub fn is_beginning_of(file: &[i16], said: &[i16]) -> bool {
    Leg::ALL.into_iter().all(|leg| {
        let [file, said] = [file, said].map(|samples| samples.iter().skip(leg.index()).step_by(2));
        let file: Vec<_> = file.collect();
        let end = file.iter().rposition(|sample| **sample != 0).map_or(0, |last| last + 1);
        file.len() <= said.len() && file[..end].iter().copied().eq(said.take(end))
    })
}

/// Every file below a folder, in the order of the names.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    entries.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
