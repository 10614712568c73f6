//! One job on a simulated disk: what a step leaves in its buffers, and what it reports.

#[path = "../../../../tests/commit/disk.rs"]
#[allow(dead_code)]
mod disk;

use std::fs::File;

use super::*;
use disk::{Asked, TestDisk};
use retrocall_core::{memory::Arena, ring::Ring};
use retrocall_file::PART_SAMPLES_MAX;
use retrocall_words::{Call, CallId, Facts, TestClock, audio::Rate};

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
    let call = Call { id: CallId::new(), facts: Facts::of("anna"), rate, began_at };
    let label = Label { call, reasons: vec![], place: None };
    let mut buffers = Buffers::new(true).expect("memory for a test");
    for full_bytes in [u64::MAX, 40_000] {
        let home = tempfile::tempdir().expect("a home");
        let is_full = move |_, asked| match asked {
            Asked::Write(to) if to > full_bytes => Err(disk::full()),
            _ => Ok(()),
        };
        let storage = Storage {
            disk: Arc::new(TestDisk::with(is_full)),
            recordings: home.path().join("recordings"),
            folders: Arc::default(),
            part_samples_max: PART_SAMPLES_MAX,
            clock: Arc::new(TestClock::default()),
        };
        let mut job = Job::new(&storage, ring.reader(), label.clone(), Arc::default());
        let (due, told) = job.step(&mut buffers);
        if full_bytes == u64::MAX {
            assert!(matches!(due, Due::At(_)) && told.is_empty(), "{due:?} {told:?}");
            assert_eq!(job.files.as_ref().map(Files::written), Some(16_000));
        } else {
            // It reports this while the samples are on their way.
            assert!(matches!(due, Due::NotBefore(_)), "{due:?}");
            assert!(matches!(&told[..], [Progress::Trouble(text)] if text.contains("make room")), "{told:?}");
        }
        assert!(buffers.are_wiped());
        let written = File::open(job.unfinished()).expect("a file").metadata().expect("a length").len();
        assert_eq!(written > 40_000, full_bytes == u64::MAX);
    }
}
