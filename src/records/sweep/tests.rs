//! The sweep, cut off at each of its steps, beside another one, and against whatever comes to hold a recording.

mod agree;
mod centre;
mod cuts;
mod erased;
mod home;
mod overwritten;
mod recycled;
mod sessions;

use std::{
    collections::BTreeSet,
    panic::{self, AssertUnwindSafe},
    time::Duration,
};

use super::*;
use crate::policy::{Anchor, Cover};
use cuts::{Cut, Desk, Life, today};

/// More steps than any run here has.
const STEPS_MAX: usize = 500;

/// A desk with two recordings that are due, one that is held, and one whose day has not come.
fn desk() -> Desk {
    let desk = Desk::at("2026-11-28T01:00:00Z");
    ["1-due", "2-due"].iter().for_each(|id| desk.keep(id, 20, &[]));
    desk.keep("3-held", 20, &[]);
    assert!(desk.cover("3-held", Cover::Hold));
    desk.keep("4-kept", 3, &[]);
    desk
}

fn sweep_as(holder: &str, desk: &Desk) -> Result<Report, Stopped> {
    let (mut store, files) = (desk.clone(), desk.clone());
    Sweeper::new(holder).run(&mut store, &files, &*desk.clock, Believe::Checked)
}

fn sweep(desk: &Desk) -> Report {
    sweep_as("engine", desk).expect("it sweeps")
}

/// Runs a sweep until it is cut off. None if it was.
fn swept_until_cut(holder: &str, desk: &Desk) -> Option<Result<Report, Stopped>> {
    let swept = panic::catch_unwind(AssertUnwindSafe(|| sweep_as(holder, desk)));
    swept.map_err(|end| assert!(end.is::<Cut>(), "it failed instead")).ok()
}

const IN_THE_END: [Life; 4] = [Life::Gone, Life::Gone, Life::Kept, Life::Kept];

#[test]
fn what_is_due_goes_with_a_receipt_and_a_tombstone_and_nothing_else_does() {
    let desk = desk();
    let report = sweep(&desk);
    desk.look();
    assert_eq!(desk.lives(), IN_THE_END);
    assert_eq!((report.gone, report.finished, report.held), (2, 0, 0));
    assert_eq!(report.deleted, [("1-due".to_owned(), Why::AwaitsReview), ("2-due".to_owned(), Why::AwaitsReview)]);
    assert_eq!((report.absent.len(), report.failed.len()), (0, 0));
    {
        let world = desk.world.lock();
        assert_eq!(world.files.len(), 6);
        let hashes: Vec<_> = world.stones.iter().map(|stone| stone.sha256.clone()).collect();
        assert_eq!(hashes, ["1-due", "2-due"].map(|id| Some(format!("hash of /desk/day/{id}.wav"))));
    }
    assert_eq!(sweep(&desk), Report::default(), "a second run finds nothing to do");
}

#[test]
fn whenever_a_sweep_is_killed_or_loses_power_the_next_one_finishes_it() {
    let (mut found, mut cuts) = (BTreeSet::new(), 0);
    for loses_power in [false, true] {
        for step in 1..STEPS_MAX {
            let desk = desk();
            desk.cut_at(Some(step));
            if swept_until_cut("engine", &desk).is_some() {
                break;
            }
            cuts += 1;
            if loses_power {
                desk.lose_power();
            }
            desk.look();
            found.extend(desk.cut_offs());
            // Whoever asks for it now is told that it is too late, or gets it.
            let is_held = desk.cover("1-due", Cover::Request);
            desk.look();
            desk.cut_at(None);
            // The engine is another one after a restart: it waits until the lease has expired.
            desk.clock.pass(Duration::from_secs(3600));
            sweep_as("engine after a restart", &desk).unwrap_or_else(|stopped| panic!("step {step}: {stopped}"));
            desk.look();
            if is_held {
                assert_eq!(desk.lives()[0], Life::Kept, "step {step}");
                desk.release("1-due");
                sweep_as("engine after a restart", &desk).expect("it sweeps");
            }
            assert_eq!(desk.lives(), IN_THE_END, "step {step}");
            desk.look();
        }
    }
    assert_eq!(found, CutOff::ALL.into(), "each state in which a cut leaves a recording");
    assert!(cuts > 40, "{cuts} cuts");
}

#[test]
fn a_sweep_that_is_killed_again_and_again_ends_all_the_same() {
    for step in 6..40 {
        let desk = desk();
        let mut runs = 0;
        loop {
            desk.cut_at(Some(step + runs));
            if swept_until_cut("engine", &desk).is_some() {
                break;
            }
            desk.lose_power();
            desk.look();
            runs += 1;
            assert!(runs < STEPS_MAX, "it never ends");
        }
        desk.look();
        assert_eq!(desk.lives(), IN_THE_END, "killed at step {step} first");
    }
}

#[test]
fn a_hold_a_request_and_an_order_win_until_deletion_has_begun_and_are_refused_from_then_on() {
    for cover in Cover::ALL {
        let (mut held, mut refused) = (0, 0);
        for step in 1..STEPS_MAX {
            let desk = desk();
            desk.before(step, move |desk| {
                desk.cover("2-due", cover);
            });
            let report = sweep(&desk);
            if desk.is_hook_left() {
                break;
            }
            desk.look();
            match desk.lives()[1] {
                Life::Kept => held += 1,
                Life::Gone => refused += 1,
                Life::Deleting => panic!("{report:?}"),
            }
        }
        assert!(held > 3 && refused > 3, "{cover:?}: held {held} times, refused {refused} times");
    }
}

#[test]
fn an_outcome_that_is_saved_in_the_middle_of_a_sweep_wins_or_comes_too_late() {
    for step in 1..STEPS_MAX {
        let desk = desk();
        desk.before(step, |desk| {
            let event = today(desk, Anchor::NothingFound);
            desk.world.lock().rows.get_mut("4-kept").expect("a row").facts.purposes[0].events.push(event);
        });
        sweep(&desk);
        desk.look();
        if desk.is_hook_left() {
            break;
        }
        sweep(&desk);
        assert_eq!(desk.lives()[3], Life::Gone, "step {step}");
    }
}

#[test]
fn of_two_sweeps_the_one_that_lost_its_lease_writes_nothing_more() {
    let mut lost = 0;
    for step in 1..STEPS_MAX {
        let desk = desk();
        desk.before(step, |desk| {
            // The first one stands still for longer than its lease lasts.
            desk.clock.pass(Duration::from_secs(11 * 60));
            sweep_as("another", desk).expect("the lease has expired");
            desk.look();
        });
        let first = sweep_as("engine", &desk);
        if desk.is_hook_left() {
            break;
        }
        desk.look();
        assert_eq!(desk.lives(), IN_THE_END, "step {step}: {first:?}");
        lost += u32::from(first == Err(Stopped::Elsewhere));
    }
    assert!(lost > 5, "{lost} leases were lost");
}

#[test]
fn beside_a_sweep_that_runs_another_one_does_nothing() {
    for step in 3..10 {
        let desk = desk();
        desk.before(step, |desk| assert_eq!(sweep_as("another", desk), Err(Stopped::Elsewhere)));
        assert_eq!(sweep(&desk).gone, 2);
        assert!(!desk.is_hook_left());
    }
}

#[test]
fn a_sweep_that_has_ended_lets_the_next_one_begin_at_once() {
    let desk = desk();
    for holder in ["engine", "command", "engine"] {
        assert!(sweep_as(holder, &desk).is_ok());
    }
    // One that was refused its lease does not take the other's away.
    desk.before(3, |desk| {
        assert_eq!(sweep_as("another", desk), Err(Stopped::Elsewhere));
        assert_eq!(sweep_as("a third", desk), Err(Stopped::Elsewhere));
    });
    sweep(&desk);
    assert!(!desk.is_hook_left());
}

#[test]
fn a_file_that_is_read_a_folder_that_cannot_be_synced_and_a_full_disk_wait_for_the_next_run() {
    type Break = fn(&Desk, bool);
    let breaks: [(Break, usize); 3] = [
        (
            |desk, is_broken| {
                let file = PathBuf::from("/desk/day/1-due-2.wav");
                let mut world = desk.world.lock();
                if is_broken {
                    world.in_use.insert(file)
                } else {
                    world.in_use.remove(&file)
                };
            },
            1,
        ),
        (
            |desk, is_broken| {
                let folder = PathBuf::from("/desk/day");
                let mut world = desk.world.lock();
                if is_broken {
                    world.unsyncable.insert(folder)
                } else {
                    world.unsyncable.remove(&folder)
                };
            },
            2,
        ),
        (|desk, is_broken| desk.world.lock().stones_refused = is_broken, 2),
    ];
    for (number, (set, failures)) in breaks.into_iter().enumerate() {
        let desk = desk();
        set(&desk, true);
        let report = sweep(&desk);
        desk.look();
        assert_eq!(report.failed.len(), failures, "{number}: {report:?}");
        assert_eq!(report.gone as usize, 2 - failures, "{number}");
        assert!(!desk.cover("1-due", Cover::Hold), "its deletion has begun");
        set(&desk, false);
        let report = sweep(&desk);
        assert_eq!((report.finished as usize, report.failed.len()), (failures, 0), "{number}");
        assert_eq!(desk.lives(), IN_THE_END);
        desk.look();
    }
}

#[test]
fn a_recording_whose_file_is_missing_is_told_and_ends_without_a_hash() {
    let desk = desk();
    desk.world.lock().files.retain(|file| !file.starts_with("/desk/day") || !file.to_string_lossy().contains("1-due"));
    let report = sweep(&desk);
    assert_eq!((report.gone, report.absent), (2, vec!["1-due".to_owned()]));
    assert_eq!(desk.world.lock().stones[0].sha256, None);
}

#[test]
fn more_than_a_batch_goes_in_one_run_and_what_is_saved_between_batches_counts() {
    let desk = Desk::at("2026-11-28T01:00:00Z");
    (0..3 * BATCH + 1).for_each(|number| desk.keep(&format!("{number:04}"), 20, &[]));
    let last = format!("{:04}", 3 * BATCH);
    let held = last.clone();
    // Somewhere in the first batch.
    desk.before(BATCH, move |desk| assert!(desk.cover(&held, Cover::Hold)));
    let report = sweep(&desk);
    desk.look();
    assert_eq!(report.gone as usize, 3 * BATCH);
    assert_eq!(desk.lives()[3 * BATCH], Life::Kept);
    desk.release(&last);
    assert_eq!(sweep(&desk).gone, 1);
}

#[test]
fn after_a_jump_of_the_clock_nothing_is_deleted_until_somebody_accepts_it() {
    let desk = desk();
    let mut sweeper = Sweeper::new("engine");
    let mut run = |believe| sweeper.run(&mut desk.clone(), &desk.clone(), &*desk.clock, believe);
    assert_eq!(run(Believe::Checked).expect("it sweeps").gone, 2);
    // Twelve years: everything would be due.
    desk.clock.step_wall(SignedDuration::from_hours(12 * 365 * 24));
    for _ in 0..2 {
        let stopped = run(Believe::Checked).expect_err("it has jumped");
        assert!(matches!(stopped, Stopped::Clock(_)), "{stopped}");
        assert_eq!(desk.lives(), IN_THE_END);
    }
    assert!(matches!(sweep_as("another", &desk), Err(Stopped::Clock(_))), "nor by another process");
    // It is set right again: nothing is to be accepted.
    desk.clock.step_wall(SignedDuration::from_hours(-12 * 365 * 24));
    assert_eq!(run(Believe::Checked), Ok(Report::default()));
    desk.clock.step_wall(SignedDuration::from_hours(40 * 24));
    assert_eq!(run(Believe::Accepted).expect("accepted").gone, 1, "the fourth one is due now; a hold still holds");
    assert_eq!(desk.lives(), [Life::Gone, Life::Gone, Life::Kept, Life::Gone]);
    assert_eq!(run(Believe::Checked), Ok(Report::default()), "what was accepted holds");
}

#[test]
fn a_dry_run_names_what_would_go_and_changes_nothing() {
    let desk = desk();
    let now = desk.clock.wall();
    let would: Vec<String> =
        would_delete(&mut desk.clone(), now, 100).expect("a list").into_iter().map(|doomed| doomed.id).collect();
    assert_eq!(would, ["1-due", "2-due"]);
    assert_eq!(would_delete(&mut desk.clone(), now, 1).expect("a list").len(), 1);
    assert_eq!(desk.lives(), [Life::Kept; 4]);
}
