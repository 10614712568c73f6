//! What a crash left.

use std::{fs, io, path::Path};

use retrocall::{
    audio::Leg,
    commit::{RealDisk, Recovery, read_recording, recover},
};

use crate::desk::{Asked, Call, Desk, TestDisk, files, read};

/// The bytes of an unpublished file whose engine died, and its call.
fn left(samples: usize) -> (Call, Vec<u8>, String) {
    let mut call = Call::new(8_000);
    call.speak(Leg::Agent, samples);
    call.speak(Leg::Customer, samples / 2);
    let desk = Desk::new(TestDisk::good(), 1);
    let recording = desk.record(&call);
    recording.wait_for(&call.expected());
    let Desk { home: _home, commits } = desk;
    drop(commits);
    let bytes = fs::read(&recording.part).expect("it is left");
    (call, bytes, recording.part.file_name().expect("a name").to_str().expect("text").to_owned())
}

fn put(recordings: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let folder = recordings.join("2026/02/28");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(name), bytes).expect("a file");
    folder.join(name)
}

#[test]
fn a_file_cut_at_any_length_gives_the_samples_it_holds_or_held_none_and_goes() {
    let (call, bytes, name) = left(60);
    let prefix = bytes.len() - 60 * 4;
    let disk = TestDisk::without_syncs();
    let home = tempfile::tempdir().expect("a home");
    for length in (0..=bytes.len()).filter(|length| length % 41 == 0 || *length > prefix - 20) {
        let recordings = home.path().join(length.to_string());
        let part = put(&recordings, &name, &bytes[..length]);
        let mut recovered = recover(&disk, &recordings);
        let wav = part.with_extension("");
        match recovered.pop() {
            Some(Recovery::Published { durable, label }) => {
                let frames = (length - prefix) / 4;
                assert_eq!((durable.samples(), durable.path()), (frames as u64, wav.as_path()));
                assert!(durable.incomplete());
                assert_eq!(label, call.label);
                assert_eq!(read(&wav), call.expected()[..2 * frames], "cut to {length} bytes");
                assert_eq!(fs::metadata(&wav).expect("a file").len(), (prefix + 4 * frames) as u64);
                assert_eq!(read_recording(&disk, &wav), Ok((durable, label)), "the file says the same");
                assert!(!part.exists());
            }
            Some(Recovery::Empty { call: of, path }) => {
                assert!(length < prefix, "cut to {length} bytes");
                assert_eq!((of, &path), (call.label.call.id, &part));
                assert_eq!(files(&recordings), Vec::<std::path::PathBuf>::new(), "nothing was there, nothing is left");
            }
            Some(other) => panic!("cut to {length} bytes: {other:?}"),
            None => panic!("cut to {length} bytes: not found"),
        }
        assert!(recovered.is_empty());
        assert_eq!(recover(&disk, &recordings), [], "once");
    }
}

#[test]
fn whatever_bytes_a_file_holds_recovery_says_so_and_goes_on() {
    let (_, bytes, name) = left(600);
    let disk = TestDisk::without_syncs();
    let home = tempfile::tempdir().expect("a home");
    let mut state = 7u32;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize
    };
    for round in 0..600 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + round % 4 {
            let at = next() % damaged.len();
            damaged[at] = next() as u8;
        }
        // Sizes that lie are the worst.
        if round % 3 == 0 {
            let at = [4, 16, 40, 52][next() % 4];
            damaged[at..at + 4].copy_from_slice(&(next() as u32).wrapping_mul(0x9e37_79b9).to_le_bytes());
        }
        let recordings = home.path().join(round.to_string());
        let part = put(&recordings, &name, &damaged);
        match &recover(&disk, &recordings)[..] {
            [Recovery::Published { durable, .. }] => {
                assert!(durable.samples() <= 600 && !part.exists(), "round {round}")
            }
            [Recovery::Failed { path, .. }] => {
                assert_eq!(fs::read(path).expect("left alone"), damaged, "round {round}");
            }
            other => panic!("round {round}: {other:?}"),
        }
    }
}

#[test]
fn a_whole_file_that_only_lacked_its_name_is_not_called_incomplete() {
    let mut call = Call::new(8_000);
    call.speak(Leg::Agent, 1_000);
    let rule = |_, asked| if asked == Asked::Rename { Err(io::Error::other("killed here")) } else { Ok(()) };
    let desk = Desk::new(TestDisk::with(rule), 1);
    let recording = desk.record(&call);
    recording.finish(&call);
    recording.trouble();
    let recordings = desk.recordings();
    let Desk { home: _home, commits } = desk;
    drop(commits);
    match &recover(&RealDisk, &recordings)[..] {
        [Recovery::Published { durable, .. }] => assert!(!durable.incomplete()),
        other => panic!("{other:?}"),
    }
    assert_eq!(read(&recording.wav), call.expected());
}

#[test]
fn a_file_whose_recovery_was_cut_off_is_still_incomplete_when_it_is_recovered_again() {
    let (call, bytes, name) = left(60);
    let home = tempfile::tempdir().expect("a home");
    let part = put(home.path(), &name, &bytes[..bytes.len() - 41]);
    let rule = |_, asked| if asked == Asked::Rename { Err(io::Error::other("killed here")) } else { Ok(()) };
    match &recover(&TestDisk::with(rule), home.path())[..] {
        [Recovery::Failed { path, text, .. }] => assert!(*path == part && text.contains("killed here"), "{text}"),
        other => panic!("{other:?}"),
    }
    match &recover(&RealDisk, home.path())[..] {
        [Recovery::Published { durable, .. }] => {
            assert!(durable.incomplete());
            assert_eq!(read(durable.path()), call.expected()[..98]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn recovery_never_replaces_a_recording() {
    let (_, bytes, name) = left(60);
    let home = tempfile::tempdir().expect("a home");
    let part = put(home.path(), &name, &bytes);
    let wav = put(home.path(), name.trim_end_matches(".part"), b"precious");
    match &recover(&RealDisk, home.path())[..] {
        [Recovery::Failed { path, text, .. }] => {
            assert!(*path == part && text.contains("move it away"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(&wav).expect("a file"), b"precious");
    assert_eq!(fs::read(&part).expect("a file"), bytes);
    // A published file is not written to, whatever it says.
    fs::remove_file(&wav).expect("removed");
    fs::hard_link(&part, &wav).expect("a second name");
    match &recover(&RealDisk, home.path())[..] {
        [Recovery::Failed { text, .. }] => assert!(text.contains("does not say that it is finished"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(&wav).expect("a file"), bytes);
    // What holds nothing only kept the name, where a name can't be given without replacing.
    fs::remove_file(&wav).expect("removed");
    fs::write(&wav, "").expect("a file");
    assert!(matches!(&recover(&RealDisk, home.path())[..], [Recovery::Published { .. }]));
    assert_eq!(files(home.path()), [wav]);
}

#[test]
fn a_recording_with_both_names_loses_the_first_and_is_not_written_to() {
    let mut call = Call::new(8_000);
    call.speak(Leg::Agent, 1_000);
    let rule = |_, asked| if asked == Asked::Unlink { Err(io::Error::other("killed here")) } else { Ok(()) };
    let desk = Desk::new(TestDisk::with(rule), 1);
    let recording = desk.record(&call);
    recording.finish(&call);
    recording.trouble();
    let recordings = desk.recordings();
    let Desk { home: _home, commits } = desk;
    drop(commits);
    let before = fs::read(&recording.wav).expect("it has its name");
    assert_eq!(files(&recordings), [recording.wav.clone(), recording.part.clone()]);
    let disk = TestDisk::with(|_, asked| match asked {
        Asked::Write(_) | Asked::SetLen => panic!("a published recording is written to"),
        _ => Ok(()),
    });
    match &recover(&disk, &recordings)[..] {
        [Recovery::Published { durable, .. }] => assert!(!durable.incomplete()),
        other => panic!("{other:?}"),
    }
    assert_eq!(files(&recordings), std::slice::from_ref(&recording.wav));
    assert_eq!(fs::read(&recording.wav).expect("a file"), before);
}

#[test]
fn a_file_that_says_it_is_of_another_call_is_left_alone() {
    let (_, bytes, _) = left(60);
    let home = tempfile::tempdir().expect("a home");
    let part = put(home.path(), "01890a5d-ac96-774b-bcce-b302099a8057.wav.part", &bytes);
    put(home.path(), "notes.txt", b"not ours");
    match &recover(&RealDisk, home.path())[..] {
        [Recovery::Failed { path, text, .. }] => {
            assert!(*path == part && text.contains("says it is of call"), "{text}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(recover(&RealDisk, &home.path().join("nothing")), []);
}
