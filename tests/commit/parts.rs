//! Recordings that are longer than one file can be.

use std::{
    collections::HashSet,
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use retrocall::{
    audio::Leg,
    commit::{Durable, Item, RealDisk, Recovery, inspect, read_recording, recover, survey},
};

use crate::{
    desk::{Asked, Call, Desk, Recording, TestDisk, files, part_of, read, switch},
    following::erase_last,
};

/// The most samples of each leg in one file.
const PART: usize = 10_000;

fn call_of(agent: usize, customer: usize) -> Call {
    let mut call = Call::new(8_000);
    call.speak(Leg::Agent, agent);
    call.speak(Leg::Customer, customer);
    call
}

/// What the files hold, one after the other.
fn read_all(durable: &Durable) -> Vec<i16> {
    durable.parts().iter().flat_map(|part| read(part.path())).collect()
}

/// Waits until the unpublished files hold these samples, one after the other.
fn wait_for(recording: &Recording, expected: &[i16]) {
    for _ in 0..10_000 {
        // Told at the beginning of the next step: no need to sleep.
        recording.rewrite(u64::MAX);
        let parts = (1..).map(|part| part_of(&recording.wav, part).with_added_extension("part"));
        let held: Vec<i16> = parts
            .take_while(|part| fs::metadata(part).is_ok_and(|file| file.len() > 0))
            .flat_map(|part| read(&part))
            .collect();
        if held == expected {
            return;
        }
    }
    panic!("the files never held what was pushed");
}

fn parts_are(durable: &Durable, wav: &Path, samples: &[u64]) {
    let paths: Vec<_> = (1..=samples.len() as u32).map(|part| part_of(wav, part)).collect();
    assert_eq!(durable.parts().iter().map(|part| part.path().to_owned()).collect::<Vec<_>>(), paths);
    assert_eq!(durable.parts().iter().map(|part| part.samples()).collect::<Vec<_>>(), samples);
    let mut first = 0;
    for (number, (path, samples)) in (1..).zip(paths.iter().zip(samples)) {
        let said = inspect(path).expect("each file says what it is");
        assert_eq!((said.part, said.parts, said.samples), (number, paths.len() as u32, *samples));
        assert_eq!((said.first, said.bytes), (first, fs::metadata(path).expect("a file").len()));
        first += samples;
    }
}

#[test]
fn a_call_that_outgrows_a_file_goes_on_in_another_and_not_a_sample_is_lost() {
    let mut call = call_of(25_000, 31_000);
    let desk = Desk::with_parts_of(PART as u64, TestDisk::good(), 1);
    let recording = desk.record(&call);
    wait_for(&recording, &call.expected());
    // To the last sample of a file, and one beyond.
    call.speak(Leg::Agent, 15_000);
    wait_for(&recording, &call.expected());
    call.speak(Leg::Agent, 1);
    recording.finish(&call);
    let durable = recording.durable();
    parts_are(&durable, &recording.wav, &[10_000, 10_000, 10_000, 10_000, 1]);
    assert_eq!((durable.samples(), durable.first(), durable.incomplete()), (40_001, 0, false));
    assert_eq!(durable.bytes(), durable.parts().iter().map(|part| part.bytes()).sum::<u64>());
    assert!(read_all(&durable) == call.expected());
    assert_eq!(files(&desk.recordings()).len(), 5, "nothing else is left");
    assert_eq!(read_recording(&RealDisk, durable.path()), Ok((durable, call.label)));
    let named: Vec<u32> = survey(&RealDisk, &desk.recordings())
        .into_iter()
        .map(|item| match item {
            Item::Recording { part, .. } => part,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(named.len(), 5);
}

#[test]
fn what_is_erased_and_what_comes_late_is_so_in_every_file_that_it_is_about() {
    let mut call = call_of(25_000, 5_000);
    let desk = Desk::with_parts_of(PART as u64, TestDisk::good(), 1);
    let recording = desk.record(&call);
    wait_for(&recording, &call.expected());
    call.speak(Leg::Customer, 18_000);
    wait_for(&recording, &call.expected());
    let from = erase_last(&mut call, 17_000);
    recording.rewrite(from);
    let held = |part: u32| read(&part_of(&recording.wav, part).with_added_extension("part"));
    assert_eq!([1, 2, 3].map(held).concat(), call.expected(), "answered when it is so in all of them");
    call.speak(Leg::Agent, 12_345);
    recording.finish(&call);
    let durable = recording.durable();
    assert!(read_all(&durable) == call.expected());
    assert_eq!(durable.parts().len(), 4);
}

#[test]
fn where_the_system_lets_no_file_grow_so_far_the_recording_goes_on_in_another() {
    let mut call = call_of(40_000, 30_000);
    let disk = TestDisk::with(|_, asked| match asked {
        Asked::Write(to) if to > 60_000 => Err(io::ErrorKind::FileTooLarge.into()),
        _ => Ok(()),
    });
    let desk = Desk::new(disk, 1);
    let recording = desk.record(&call);
    wait_for(&recording, &call.expected());
    call.speak(Leg::Customer, 30_000);
    recording.finish(&call);
    let durable = recording.durable();
    assert!(durable.parts().len() > 3 && durable.parts().iter().all(|part| part.bytes() <= 60_000), "{durable:?}");
    assert!(read_all(&durable) == call.expected());
    assert!(recording.told.try_iter().next().is_none(), "nobody is bothered with it");
}

#[test]
fn after_a_failed_sync_all_files_are_written_again() {
    let mut call = call_of(25_000, 25_000);
    let (fails, rule) = switch(false);
    let disk = TestDisk::with(move |_, asked| {
        let fails = asked == Asked::SyncData && rule.swap(false, Ordering::SeqCst);
        if fails { Err(io::Error::other("the platter is scratched")) } else { Ok(()) }
    });
    let desk = Desk::with_parts_of(PART as u64, disk, 1);
    let recording = desk.record(&call);
    wait_for(&recording, &call.expected());
    // As a disk that lost what it had taken.
    for part in 1..=3 {
        let part = part_of(&recording.wav, part).with_added_extension("part");
        let length = fs::metadata(&part).expect("a file").len() as usize;
        fs::write(&part, vec![0x55; length]).expect("scratched");
    }
    fails.store(true, Ordering::SeqCst);
    call.speak(Leg::Agent, 100);
    recording.finish(&call);
    recording.trouble();
    recording.well();
    let durable = recording.durable();
    assert!(read_all(&durable) == call.expected());
}

/// A disk on which no file grows beyond so many bytes, for now, and of which a sync can be made to fail.
fn limited() -> (TestDisk, Arc<AtomicU64>, Arc<AtomicBool>) {
    let (limit, (fails, fails_now)) = (Arc::new(AtomicU64::new(60_000)), switch(false));
    let limit_now = Arc::clone(&limit);
    let disk = TestDisk::with(move |_, asked| match asked {
        Asked::Write(to) if to > limit_now.load(Ordering::SeqCst) => Err(io::ErrorKind::FileTooLarge.into()),
        Asked::SyncData if fails_now.swap(false, Ordering::SeqCst) => Err(io::Error::other("the platter is scratched")),
        _ => Ok(()),
    });
    (disk, limit, fails)
}

/// Whether a file below the folder holds any of these samples, which are noise, as they stand there: four of them in a row.
fn hold(folder: &Path, samples: &[i16]) -> bool {
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let traces: HashSet<&[u8]> = bytes.chunks_exact(8).collect();
    let holds = |file: &Path| fs::read(file).expect("a file").windows(8).any(|eight| traces.contains(eight));
    files(folder).iter().any(|file| holds(file))
}

#[test]
fn what_is_erased_is_in_no_file_that_an_earlier_try_left_though_files_may_grow_farther_since() {
    // As far as it goes, and a little farther, so that the later files begin elsewhere.
    for farther in [u64::MAX, 90_000] {
        let (disk, limit, fails) = limited();
        let mut call = call_of(40_000, 40_000);
        let desk = Desk::new(disk, 1);
        let recording = desk.record(&call);
        wait_for(&recording, &call.expected());
        assert!(files(&desk.recordings()).len() > 2, "it went on in other files");
        limit.store(farther, Ordering::SeqCst);
        fails.store(true, Ordering::SeqCst);
        Leg::ALL.into_iter().for_each(|leg| call.speak(leg, 100));
        recording.trouble();
        let said = call.expected();
        let from = erase_last(&mut call, 20_000);
        recording.rewrite(from);
        assert!(!hold(&desk.recordings(), &said[2 * from as usize..]), "what was erased is on the disk");
        recording.well();
        call.speak(Leg::Customer, 8_000);
        recording.finish(&call);
        let durable = recording.durable();
        assert!(read_all(&durable) == call.expected());
        assert_eq!(files(&desk.recordings()).len(), durable.parts().len(), "nothing else is left");
    }
}

/// What a killed engine left of a call of three files, and the call.
fn left(
    rule: impl Fn(usize, Asked) -> io::Result<()> + Send + Sync + 'static,
    ends: bool,
) -> (tempfile::TempDir, Call, Recording) {
    let call = call_of(24_000, 21_000);
    let desk = Desk::with_parts_of(PART as u64, TestDisk::with(rule), 1);
    let recording = desk.record(&call);
    if ends {
        recording.finish(&call);
        recording.trouble();
    } else {
        wait_for(&recording, &call.expected());
    }
    let Desk { home, commits } = desk;
    drop(commits);
    (home, call, recording)
}

fn recovered(home: &tempfile::TempDir) -> Durable {
    match recover(&RealDisk, &home.path().join("recordings")).pop() {
        Some(Recovery::Published { durable, .. }) => durable,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_killed_engine_leaves_all_files_of_a_long_call_as_one_recording() {
    let (home, call, recording) = left(|_, _| Ok(()), false);
    let durable = recovered(&home);
    parts_are(&durable, &recording.wav, &[10_000, 10_000, 4_000]);
    assert!(durable.incomplete());
    assert!(read_all(&durable) == call.expected());
    assert_eq!(recover(&RealDisk, &home.path().join("recordings")), [], "once");
    let again = read_recording(&RealDisk, durable.path()).expect("it says what it is");
    assert_eq!(again, (durable, call.label));
}

#[test]
fn an_engine_killed_between_the_names_of_two_files_leaves_a_whole_recording() {
    for named in 0..3 {
        let count = AtomicUsize::new(0);
        let rule = move |_, asked| {
            let is_killed = asked == Asked::Rename && count.fetch_add(1, Ordering::SeqCst) >= named;
            if is_killed { Err(io::Error::other("killed here")) } else { Ok(()) }
        };
        let (home, call, recording) = left(rule, true);
        assert!(!recording.wav.exists(), "whoever finds the first file finds the others");
        let durable = recovered(&home);
        parts_are(&durable, &recording.wav, &[10_000, 10_000, 4_000]);
        assert!(!durable.incomplete(), "{named} of them had their names");
        assert!(read_all(&durable) == call.expected());
    }
}

#[test]
fn a_recording_of_which_a_file_is_gone_says_so() {
    let (home, _, recording) = left(|_, _| Ok(()), false);
    fs::remove_file(part_of(&recording.wav, 2).with_added_extension("part")).expect("it is there");
    let durable = recovered(&home);
    assert!(durable.incomplete());
    let text = read_recording(&RealDisk, durable.path()).expect_err("a file is missing");
    assert!(text.contains("-2.wav"), "{text}");
}
