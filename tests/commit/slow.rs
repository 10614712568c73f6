//! A disk that hangs: a write to it returns when the test says so.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::{Condvar, Mutex};
use retrocall::audio::Leg;

use crate::{
    desk::{Asked, Call, Desk, PATIENCE, TestDisk, read},
    following::erase_last,
};

/// What keeps the disk from answering. Opened by a test, and by one that fails.
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock() = true;
        self.0.1.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

/// A disk on which the first thing asked that `hangs` waits for the gate.
fn hanging(hangs: fn(Asked) -> bool) -> (TestDisk, Gate) {
    let (gate, is_armed) = (Arc::new((Mutex::new(false), Condvar::new())), AtomicBool::new(true));
    let rule = {
        let gate = Arc::clone(&gate);
        move |_, asked| {
            if hangs(asked) && is_armed.swap(false, Ordering::SeqCst) {
                gate.1.wait_while(&mut gate.0.lock(), |is_open| !*is_open);
            }
            Ok(())
        }
    };
    (TestDisk::with(rule), Gate(gate))
}

#[test]
fn a_disk_that_hangs_is_told_of_and_costs_no_sample_and_no_other_call_its_recording() {
    for hangs in [|asked| matches!(asked, Asked::Write(to) if to > 2_000), |asked| asked == Asked::SyncData] {
        let (disk, gate) = hanging(hangs);
        let (desk, gate) = (Desk::new(disk, 2), gate);
        let mut call = Call::new(8_000);
        call.speak(Leg::Agent, 8_000);
        let recording = desk.record(&call);
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
    let (disk, gate) = hanging(|asked| matches!(asked, Asked::Write(to) if to > 30_000));
    let (desk, gate) = (Desk::new(disk, 1), gate);
    let mut call = Call::new(8_000);
    call.speak(Leg::Agent, 10_000);
    let recording = desk.record(&call);
    let (tell, told) = std::sync::mpsc::channel();
    recording.trouble();
    let from = erase_last(&mut call, 5_000);
    assert!(recording.handle.rewrite(from, move || tell.send(()).expect("the test waits")));
    assert!(told.try_recv().is_err(), "not done");
    gate.open();
    told.recv_timeout(PATIENCE).expect("done");
    recording.well();
    assert_eq!(read(&recording.part), call.expected());
}
