//! A disk that hangs, and one that refuses again and again, by a clock that the tests move: nobody waits for time to pass.

use std::{
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use retrocall::{
    audio::Leg,
    words::{Clock, TestClock},
};

use crate::{
    desk::{Asked, Call, Desk, PATIENCE, TestDisk, read, switch},
    following::erase_last,
};

/// Longer than a step may take before it is told of.
const LONG: Duration = Duration::from_secs(4);

/// What keeps the disk from answering. Opened by a test, and by one that fails.
struct Gate(Arc<(Mutex<Hang>, Condvar)>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hang {
    NotYet,
    Now,
    Over,
}

impl Gate {
    fn set(&self, hang: Hang) {
        *self.0.0.lock() = hang;
        self.0.1.notify_all();
    }

    /// Waits until the disk hangs.
    fn wait(&self) {
        let timed_out = self.0.1.wait_while_for(&mut self.0.0.lock(), |hang| *hang == Hang::NotYet, PATIENCE);
        assert!(!timed_out.timed_out(), "nobody asked the disk for what hangs");
    }

    fn open(&self) {
        self.set(Hang::Over);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

/// A disk on which the first thing asked that `hangs` waits for the gate.
fn hanging(hangs: fn(Asked) -> bool) -> (TestDisk, Gate) {
    let (gate, is_armed) = (Gate(Arc::new((Mutex::new(Hang::NotYet), Condvar::new()))), AtomicBool::new(true));
    let ours = Arc::clone(&gate.0);
    let rule = move |_, asked| {
        if hangs(asked) && is_armed.swap(false, Ordering::SeqCst) {
            let mut hang = ours.0.lock();
            if *hang == Hang::NotYet {
                *hang = Hang::Now;
                ours.1.notify_all();
            }
            ours.1.wait_while(&mut hang, |hang| *hang == Hang::Now);
        }
        Ok(())
    };
    (TestDisk::with(rule), gate)
}

#[test]
fn a_disk_that_hangs_is_told_of_and_costs_no_sample_and_no_other_call_its_recording() {
    for hangs in [|asked| matches!(asked, Asked::Write(to) if to > 2_000), |asked| asked == Asked::SyncData] {
        let clock = Arc::new(TestClock::default());
        let (disk, gate) = hanging(hangs);
        let (desk, gate) = (Desk::by_clock(Arc::clone(&clock), disk, 2), gate);
        let mut call = Call::new(8_000);
        call.speak(Leg::Agent, 8_000);
        let recording = desk.record(&call);
        gate.wait();
        clock.pass(LONG);
        let text = recording.trouble();
        assert!(text.contains("takes longer than") && text.contains("check the disk"), "{text}");
        assert_eq!(desk.commits.trouble().as_deref(), Some(&*text), "whoever presses record now is told");
        // Talk, presses and hangups go on, and so do the recordings of others.
        call.speak(Leg::Customer, 8_000);
        let mut other = Call::new(8_000);
        other.speak(Leg::Agent, 800);
        let others = desk.record(&other);
        others.finish(&other);
        assert_eq!(read(others.durable().path()), other.expected());
        recording.finish(&call);
        gate.open();
        recording.well();
        assert_eq!(read(recording.durable().path()), call.expected());
        assert_eq!(desk.commits.trouble(), None);
    }
}

#[test]
fn an_erase_is_not_answered_before_a_disk_that_hangs_has_done_it() {
    let clock = Arc::new(TestClock::default());
    let (disk, gate) = hanging(|asked| matches!(asked, Asked::Write(to) if to > 30_000));
    let (desk, gate) = (Desk::by_clock(Arc::clone(&clock), disk, 1), gate);
    let mut call = Call::new(8_000);
    call.speak(Leg::Agent, 10_000);
    let recording = desk.record(&call);
    let (tell, told) = mpsc::channel();
    gate.wait();
    clock.pass(LONG);
    recording.trouble();
    let from = erase_last(&mut call, 5_000);
    assert!(recording.handle.rewrite(from, move || tell.send(()).expect("the test waits")));
    assert!(told.try_recv().is_err(), "not done");
    gate.open();
    told.recv_timeout(PATIENCE).expect("done");
    recording.well();
    assert_eq!(read(&recording.part), call.expected());
}

#[test]
fn a_disk_that_refuses_is_tried_again_soon_at_first_and_every_two_seconds_at_last() {
    let clock = Arc::new(TestClock::default());
    let (refuses, rule) = switch(true);
    let (tell, tried) = mpsc::channel();
    let by_rule = Arc::clone(&clock);
    let disk = TestDisk::with(move |number, asked| {
        if asked != Asked::Folder || !rule.load(Ordering::SeqCst) {
            return Ok(());
        }
        tell.send(by_rule.now()).expect("the test waits");
        // Another one each time, so that each refusal is told.
        Err(if number % 2 == 0 { ErrorKind::ReadOnlyFilesystem } else { ErrorKind::PermissionDenied }.into())
    });
    let mut due = clock.now();
    let desk = Desk::by_clock(Arc::clone(&clock), disk, 1);
    let mut call = Call::new(8_000);
    call.speak(Leg::Agent, 8_000);
    let recording = desk.record(&call);
    for wait_ms in [250, 500, 1_000, 2_000, 2_000] {
        recording.trouble();
        assert_eq!(tried.try_iter().collect::<Vec<_>>(), [due], "before a wait of {wait_ms} ms");
        due += Duration::from_millis(wait_ms);
        // Nor sooner when somebody is in a hurry.
        recording.finish(&call);
        clock.pass(Duration::from_millis(wait_ms - 1));
        clock.pass(Duration::from_millis(1));
    }
    recording.trouble();
    refuses.store(false, Ordering::SeqCst);
    clock.pass(Duration::from_secs(2));
    recording.well();
    assert_eq!(read(recording.durable().path()), call.expected());
}
