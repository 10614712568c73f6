//! What the disk refuses, and that nothing is missing in the end.

use std::{
    fs, io,
    sync::{
        Arc, Barrier, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use retrocall::{
    audio::Leg,
    commit::{CommitHandle, Progress, RealDisk, Recovery, recover},
    words::TestClock,
};

use crate::{
    desk::{Asked, Call, Desk, PATIENCE, TestDisk, files, full, is_beginning_of, read, switch},
    following::erase_last,
};

fn spoken() -> Call {
    let mut call = Call::new(8_000);
    call.speak(Leg::Agent, 100_000);
    call.speak(Leg::Customer, 90_000);
    call
}

#[test]
fn a_disk_that_was_full_for_a_while_costs_no_sample() {
    let mut call = spoken();
    let (is_full, rule) = switch(true);
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let disk = TestDisk::with(move |_, asked| {
        if matches!(asked, Asked::Create | Asked::Open) {
            count.fetch_add(1, Ordering::SeqCst);
        }
        let is_over = matches!(asked, Asked::Write(to) if to > 200_000) && rule.load(Ordering::SeqCst);
        if is_over { Err(full()) } else { Ok(()) }
    });
    let desk = Desk::new(disk, 1);
    let recording = desk.record(&call);
    let text = recording.trouble();
    assert!(text.contains("make room on the disk"), "{text}");
    assert_eq!(desk.commits.trouble(), Some(text));
    call.speak(Leg::Customer, 20_000);
    is_full.store(false, Ordering::SeqCst);
    recording.well();
    assert_eq!(desk.commits.trouble(), None);
    assert_eq!(opened.load(Ordering::SeqCst), 1, "a full disk lost nothing: what it took is not written again");
    recording.finish(&call);
    assert_eq!(read(recording.durable().path()), call.expected());
}

#[test]
fn an_erase_that_meets_a_full_disk_is_answered_when_it_is_done() {
    let mut call = spoken();
    let (is_full, rule) = switch(false);
    let disk = TestDisk::with(move |_, _| if rule.load(Ordering::SeqCst) { Err(full()) } else { Ok(()) });
    let desk = Desk::new(disk, 1);
    let recording = desk.record(&call);
    recording.wait_for(&call.expected());
    is_full.store(true, Ordering::SeqCst);
    let from = erase_last(&mut call, 50_000);
    let (tell, told) = mpsc::channel();
    assert!(recording.handle.rewrite(from, move || tell.send(()).expect("the test waits")));
    recording.trouble();
    assert!(told.try_recv().is_err(), "not done");
    is_full.store(false, Ordering::SeqCst);
    told.recv_timeout(PATIENCE).expect("done");
    assert_eq!(read(&recording.part), call.expected());
}

#[test]
fn an_erase_is_not_answered_while_a_file_that_is_to_be_written_again_still_holds_it() {
    let mut call = spoken();
    // 0: all is well; 1: syncs fail; 2: syncs go well again but only the prefix can be written.
    let stage = Arc::new(AtomicUsize::new(0));
    let rule = Arc::clone(&stage);
    let disk = TestDisk::with(move |_, asked| match (rule.load(Ordering::SeqCst), asked) {
        (1, Asked::SyncData) => Err(io::Error::other("scratched")),
        (2, Asked::Write(to)) if to > 2_000 => Err(full()),
        _ => Ok(()),
    });
    let desk = Desk::new(disk, 1);
    let recording = desk.record(&call);
    recording.wait_for(&call.expected());
    stage.store(1, Ordering::SeqCst);
    let from = erase_last(&mut call, 50_000);
    let (tell, told) = mpsc::channel();
    assert!(recording.handle.rewrite(from, move || tell.send(()).expect("the test waits")));
    assert!(recording.trouble().contains("scratched"));
    stage.store(2, Ordering::SeqCst);
    assert!(recording.trouble().contains("make room"));
    assert!(told.try_recv().is_err(), "not done");
    stage.store(0, Ordering::SeqCst);
    told.recv_timeout(PATIENCE).expect("done");
    recording.well();
    assert_eq!(read(&recording.part), call.expected());
}

#[test]
fn an_erase_in_the_last_moment_is_either_done_or_refused() {
    for (last, is_taken) in [(Asked::SyncData, true), (Asked::Rename, false)] {
        let call = Arc::new(Mutex::new(spoken()));
        let handle: Arc<OnceLock<CommitHandle>> = Arc::default();
        let (tell, told) = mpsc::channel();
        let rule = {
            let (call, handle) = (Arc::clone(&call), Arc::clone(&handle));
            move |_, asked| {
                if asked == last && call.lock().expect("a call").pushed[0].last() != Some(&0) {
                    let from = erase_last(&mut call.lock().expect("a call"), 50_000);
                    let done = tell.clone();
                    let done = move || done.send("done").expect("the test waits");
                    let taken = handle.wait().rewrite(from, done);
                    tell.send(if taken { "taken" } else { "too late" }).expect("the test waits");
                }
                Ok(())
            }
        };
        let desk = Desk::new(TestDisk::with(rule), 1);
        let kept = call.lock().expect("a call").expected();
        let recording = desk.record(&call.lock().expect("a call"));
        assert!(handle.set(recording.handle.clone()).is_ok());
        recording.handle.finish(100_000, vec![]);
        let durable = recording.durable();
        let erased = call.lock().expect("a call").expected();
        assert_eq!(
            told.try_iter().collect::<Vec<_>>(),
            if is_taken { vec!["taken", "done"] } else { vec!["too late"] }
        );
        assert!(read(durable.path()) == if is_taken { erased } else { kept }, "{last:?}");
    }
}

#[test]
fn an_erase_of_what_was_never_written_is_answered_while_the_disk_refuses() {
    let mut call = spoken();
    let disk = TestDisk::with(|_, asked| if matches!(asked, Asked::Write(_)) { Err(full()) } else { Ok(()) });
    let desk = Desk::new(disk, 1);
    let recording = desk.record(&call);
    recording.trouble();
    let from = erase_last(&mut call, 50_000);
    recording.rewrite(from);
    assert_eq!(desk.commits.pending(), 1);
}

#[test]
fn what_an_earlier_try_left_under_the_temporary_name_is_not_in_the_recording() {
    let call = spoken();
    let desk = Desk::new(TestDisk::good(), 1);
    let part = desk.recordings().join(format!("2026/02/28/{}.wav.part", call.label.call.id));
    fs::create_dir_all(part.parent().expect("a folder")).expect("a folder");
    fs::write(&part, vec![0x55; 1_000_000]).expect("a file");
    let recording = desk.record(&call);
    recording.finish(&call);
    let durable = recording.durable();
    assert_eq!(read(durable.path()), call.expected());
    assert_eq!(fs::metadata(durable.path()).expect("a file").len(), durable.bytes());
}

#[test]
fn after_a_failed_sync_the_file_is_written_again_from_its_beginning() {
    let call = spoken();
    let (fails, rule) = switch(false);
    let disk = TestDisk::with(move |_, asked| {
        let fails = asked == Asked::SyncData && rule.swap(false, Ordering::SeqCst);
        if fails { Err(io::Error::other("the platter is scratched")) } else { Ok(()) }
    });
    let desk = Desk::new(disk, 1);
    let recording = desk.record(&call);
    recording.wait_for(&call.expected());
    // As a disk that lost what it had taken: the file holds something else now.
    let length = fs::metadata(&recording.part).expect("a file").len() as usize;
    fs::write(&recording.part, vec![0x55; length]).expect("scratched");
    fails.store(true, Ordering::SeqCst);
    recording.finish(&call);
    let text = recording.trouble();
    assert!(text.contains("scratched") && text.contains("check the disk"), "{text}");
    recording.well();
    assert_eq!(read(recording.durable().path()), call.expected());
}

#[test]
fn a_folder_that_is_removed_in_mid_call_is_made_again_with_all_that_was_in_it() {
    let mut call = spoken();
    let desk = Desk::new(TestDisk::good(), 1);
    let recording = desk.record(&call);
    recording.wait_for(&call.expected());
    fs::remove_dir_all(desk.recordings()).expect("removed");
    call.speak(Leg::Customer, 20_000);
    let text = recording.trouble();
    assert!(text.contains("made again"), "{text}");
    recording.well();
    recording.wait_for(&call.expected());
    // And once more at the very end, where only the name is missing.
    fs::rename(desk.recordings(), desk.home.path().join("elsewhere")).expect("moved");
    recording.finish(&call);
    recording.trouble();
    recording.well();
    assert_eq!(read(recording.durable().path()), call.expected());
}

#[test]
fn a_file_that_has_the_name_already_is_not_replaced() {
    let mut call = spoken();
    let desk = Desk::new(TestDisk::good(), 1);
    let recording = desk.record(&call);
    recording.wait_for(&call.expected());
    fs::write(&recording.wav, "precious").expect("a file");
    recording.finish(&call);
    let text = recording.trouble();
    assert!(text.contains("is already there") && text.contains("move it away"), "{text}");
    // An erase is still possible: nothing is published.
    let from = erase_last(&mut call, 5_000);
    recording.rewrite(from);
    assert_eq!(read(&recording.part), call.expected());
    assert_eq!(fs::read_to_string(&recording.wav).expect("a file"), "precious");
    fs::rename(&recording.wav, desk.home.path().join("away")).expect("moved away");
    recording.well();
    assert_eq!(read(recording.durable().path()), call.expected());
}

#[test]
fn a_recording_whose_old_name_does_not_go_is_published_and_not_written_to_any_more() {
    let mut call = spoken();
    let (fails, rule) = switch(true);
    let disk = TestDisk::with(move |_, asked| {
        let fails = asked == Asked::Unlink && rule.load(Ordering::SeqCst);
        if fails { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
    });
    let desk = Desk::new(disk, 1);
    let recording = desk.record(&call);
    recording.finish(&call);
    assert!(recording.trouble().contains("let the user"));
    let before = fs::read(&recording.wav).expect("it is published");
    let kept = call.expected();
    let from = erase_last(&mut call, 5_000);
    assert!(!recording.handle.rewrite(from, || panic!("it is too late")), "whoever reads it would see it change");
    fails.store(false, Ordering::SeqCst);
    recording.well();
    assert_eq!(recording.durable().path(), recording.wav);
    assert_eq!(fs::read(&recording.wav).expect("a file"), before, "nothing of it was written again");
    assert_eq!((read(&recording.wav), files(&desk.recordings())), (kept, vec![recording.wav]));
}

#[test]
fn two_commits_that_panic_are_told_and_tried_again_and_stop_nobody() {
    let panics = Arc::new(AtomicUsize::new(0));
    let (rule, both) = (Arc::clone(&panics), Barrier::new(2));
    // Both threads at the same time, in the middle of writing, and twice more.
    let disk = TestDisk::with(move |_, asked| {
        let number = if matches!(asked, Asked::Write(to) if to > 200_000) {
            rule.fetch_add(1, Ordering::SeqCst)
        } else {
            usize::MAX
        };
        if number < 2 {
            both.wait();
        }
        assert!(number >= 4, "planted by a test");
        Ok(())
    });
    let desk = Desk::new(disk, 2);
    let calls = [spoken(), spoken()];
    let recordings = calls.each_ref().map(|call| desk.record(call));
    for recording in &recordings {
        let text = recording.trouble();
        assert!(text.contains("retrocall itself failed") && text.contains("report it"), "{text}");
    }
    let mut other = Call::new(8_000);
    other.speak(Leg::Agent, 800);
    let third = desk.record(&other);
    third.finish(&other);
    assert_eq!(read(third.durable().path()), other.expected());
    for (call, recording) in calls.iter().zip(&recordings) {
        recording.finish(call);
        recording.well();
        assert_eq!(read(recording.durable().path()), call.expected());
    }
    assert!(panics.load(Ordering::SeqCst) >= 4 && desk.commits.wait_idle(PATIENCE));
}

#[test]
fn a_listener_that_panics_is_told_again_and_its_recording_is_finished_once() {
    let panics = Arc::new(AtomicUsize::new(0));
    let clock = Arc::new(TestClock::default());
    let desk = Desk::by_clock(Arc::clone(&clock), TestDisk::good(), 1);
    let mut call = spoken();
    let (count, (tell, panicked)) = (Arc::clone(&panics), mpsc::channel());
    let recording = crate::desk::Recording::begin(&desk.commits, &call, move |progress| {
        if matches!(progress, Progress::Durable(_)) && count.fetch_add(1, Ordering::SeqCst) < 2 {
            tell.send(()).expect("the test waits");
            panic!("planted by a test");
        }
    });
    // An erase whose asker panics when it is answered.
    recording.wait_for(&call.expected());
    let from = erase_last(&mut call, 50_000);
    assert!(recording.handle.rewrite(from, || panic!("planted by a test")));
    recording.wait_for(&call.expected());
    recording.finish(&call);
    panicked.recv_timeout(PATIENCE).expect("the listener panics");
    // It is left alone for a while, and nothing is done meanwhile.
    let durable = loop {
        clock.pass(Duration::from_secs(1));
        match recording.told.recv_timeout(Duration::from_millis(10)) {
            Ok(Progress::Durable(durable)) => break durable,
            Ok(other) => panic!("not durable but {other:?}"),
            Err(error) => assert!(error == RecvTimeoutError::Timeout && panics.load(Ordering::SeqCst) < 4),
        }
    };
    assert_eq!(read(durable.path()), call.expected());
    assert_eq!(panics.load(Ordering::SeqCst), 3);
    assert!(desk.commits.wait_idle(PATIENCE));
    assert_eq!(files(&desk.recordings()), [recording.wav]);
}

#[test]
fn a_trouble_that_changes_is_told_again_and_one_that_stays_is_not() {
    let call = spoken();
    let tries = Arc::new(AtomicUsize::new(0));
    let rule = Arc::clone(&tries);
    let disk = TestDisk::with(move |_, asked| match (asked, rule.load(Ordering::SeqCst)) {
        (Asked::Create, tries) if tries < 4 => {
            rule.fetch_add(1, Ordering::SeqCst);
            Err(if tries < 2 {
                io::ErrorKind::ReadOnlyFilesystem.into()
            } else {
                io::ErrorKind::PermissionDenied.into()
            })
        }
        _ => Ok(()),
    });
    let desk = Desk::new(disk, 1);
    let recording = desk.record(&call);
    let text = recording.trouble();
    assert!(text.contains("mount the disk"), "{text}");
    let text = recording.trouble();
    assert!(text.contains("let the user"), "{text}");
    recording.well();
    assert_eq!(tries.load(Ordering::SeqCst), 4);
}

/// A call that is committed while it is live, on a disk that counts what it is asked.
fn lead(desk: &Desk, call: &mut Call) -> crate::desk::Recording {
    let recording = desk.record(call);
    call.speak(Leg::Customer, 1_000);
    recording.finish(call);
    recording
}

/// How many things a disk is asked for one commit.
fn steps() -> usize {
    let disk = TestDisk::good();
    let desk = Desk::new(disk.clone(), 1);
    let recording = lead(&desk, &mut spoken());
    recording.durable();
    disk.asked()
}

#[test]
fn whichever_step_fails_once_the_recording_is_whole_and_the_only_file() {
    // At the same time, because each one waits before it tries again.
    let desks: Vec<_> = (0..steps() + 5)
        .map(|failing| {
            let rule = move |step, _| if step == failing { Err(io::Error::other("a glitch")) } else { Ok(()) };
            let (desk, mut call) = (Desk::new(TestDisk::with(rule), 1), spoken());
            let recording = lead(&desk, &mut call);
            (failing, desk, call, recording)
        })
        .collect();
    for (failing, desk, call, recording) in desks {
        assert!(desk.commits.wait_idle(PATIENCE), "step {failing}");
        let told: Vec<_> = recording.told.try_iter().collect();
        let (last, before) = told.split_last().expect("something was told");
        assert!(matches!(last, Progress::Durable(_)), "step {failing}: {told:?}");
        assert!(matches!(before, [] | [Progress::Trouble(_), Progress::Well]), "step {failing}: {told:?}");
        assert_eq!(read(&recording.wav), call.expected(), "step {failing}");
        assert_eq!(files(&desk.recordings()), [recording.wav], "step {failing}");
    }
}

/// The bytes of a prefix: what is written beyond is audio.
const PREFIX: u64 = 4_096;

/// A killed process loses nothing that was written: so much must be there, and no file is not enough.
#[test]
fn whichever_step_is_the_last_what_is_recovered_is_right_as_far_as_it_goes() {
    for last in 0..steps() + 5 {
        let done: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let log = Arc::clone(&done);
        let rule = move |step, asked| {
            if step >= last {
                return Err(io::Error::other("the end"));
            }
            log.lock().expect("a log").push(asked);
            Ok(())
        };
        let (desk, mut call) = (Desk::new(TestDisk::with(rule), 1), spoken());
        let recording = lead(&desk, &mut call);
        recording.next();
        let recordings = desk.recordings();
        // As if killed: the threads are gone, nothing is tried again.
        let Desk { home: _home, commits } = desk;
        drop(commits);
        let done = done.lock().expect("a log").clone();
        let written = done.iter().filter_map(|asked| if let Asked::Write(to) = asked { Some(*to) } else { None }).max();
        let (is_made, is_linked) = (done.contains(&Asked::Create), done.contains(&Asked::Rename));
        let is_published = is_linked && done.contains(&Asked::Unlink);
        let recovered = recover(&RealDisk, &recordings);
        match (&recovered[..], written) {
            ([], _) if !is_made => assert_eq!(files(&recordings), Vec::<std::path::PathBuf>::new(), "step {last}"),
            ([], _) => {
                assert!(is_published, "step {last}: what was written is gone");
                assert_eq!(read(&recording.wav), call.expected(), "step {last}");
            }
            ([Recovery::Empty { .. }], None) => {
                assert!(files(&recordings).is_empty(), "step {last}: it held nothing, and is gone");
            }
            ([Recovery::Published { durable, label }], Some(written)) => {
                assert!(!is_published, "step {last}");
                assert_eq!((label, durable.path()), (&call.label, recording.wav.as_path()), "step {last}");
                let samples = read(durable.path());
                assert_eq!(
                    samples.len() as u64,
                    written.saturating_sub(PREFIX) / 2,
                    "step {last}: all that was written"
                );
                // The last that the customer said may have come when what the agent said meanwhile was written already.
                assert!(is_beginning_of(&samples, &call.expected()), "step {last}");
                assert!(durable.incomplete() || samples == call.expected(), "step {last}");
                assert!(!durable.incomplete() || !is_linked, "step {last}: it was whole before it got its name");
            }
            _ => panic!("step {last}: {written:?} {recovered:?}"),
        }
    }
}
