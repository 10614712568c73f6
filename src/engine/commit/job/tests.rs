use std::{
    fs::File,
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::Path,
};

use super::*;
use retrocall_core::{memory::Arena, ring::Ring};
use retrocall_file::{DiskFile, Entry, PART_SAMPLES_MAX, RealDisk};
use retrocall_words::{Call, CallId, Facts, audio::Rate};

/// A disk whose files take so many bytes and no more.
struct Full(u64);

struct FullFile(Box<dyn DiskFile>, u64);

impl Disk for Full {
    fn create_dir_all(&self, folder: &Path) -> io::Result<()> {
        RealDisk::default().create_dir_all(folder)
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(FullFile(RealDisk::default().create_new(path)?, self.0)))
    }

    fn open_existing(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        RealDisk::default().open_existing(path)
    }

    fn rename_noreplace(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk::default().rename_noreplace(from, to)
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        RealDisk::default().sync_dir(folder)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk::default().remove(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        RealDisk::default().list(folder)
    }

    fn is_same_file(&self, one: &Path, other: &Path) -> io::Result<bool> {
        RealDisk::default().is_same_file(one, other)
    }
}

impl Read for FullFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for FullFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.stream_position()? + bytes.len() as u64 > self.1 {
            true => Err(ErrorKind::StorageFull.into()),
            false => self.0.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for FullFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl DiskFile for FullFile {
    fn sync_data(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&mut self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }

    fn has_name(&self) -> io::Result<bool> {
        self.0.has_name()
    }
}

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
    let (rate, began_at) = (Rate::new(8_000).expect("a rate"), "2026-03-01T12:00:00Z".parse().expect("a time"));
    let label = Label { call: Call { id: CallId::new(), facts: Facts::of("anna"), rate, began_at }, reasons: vec![] };
    let mut buffers = Buffers::new(true).expect("memory for a test");
    for full_bytes in [u64::MAX, 40_000] {
        let home = tempfile::tempdir().expect("a home");
        let place = Place {
            disk: Arc::new(Full(full_bytes)),
            recordings: home.path().join("recordings"),
            folders: Arc::default(),
            part_samples_max: PART_SAMPLES_MAX,
        };
        let mut job = Job::new(&place, ring.reader(), label.clone(), Arc::default());
        let (next, told) = job.step(&mut buffers);
        if full_bytes == u64::MAX {
            assert!(matches!(next, Next::At(_)) && told.is_empty(), "{next:?} {told:?}");
            assert_eq!(job.written, 16_000);
        } else {
            // The samples are on their way when it says so.
            assert!(matches!(next, Next::Retry(_)), "{next:?}");
            assert!(matches!(&told[..], [Progress::Trouble(text)] if text.contains("make room")), "{told:?}");
        }
        assert!(buffers.are_wiped());
        let written = File::open(job.unfinished()).expect("a file").metadata().expect("a length").len();
        assert_eq!(written > 40_000, full_bytes == u64::MAX);
    }
}
