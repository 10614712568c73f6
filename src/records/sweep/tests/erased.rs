//! Erasures that are cut off: whatever step is the last, what was to go goes with the next sweep, and nothing that should stay goes.

use std::{
    cell::Cell,
    io,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tempfile::TempDir;

use super::{
    super::*,
    cuts::Cut,
    home::{clock, keep, one},
};
use crate::{
    desk::{Erasures as _, HomeDesk, Person, Subject},
    rows,
    tests::homes::outside,
};
use retrocall_words::{
    Country, Customer, Reason, TestClock,
    retention::{Calendar, Periods},
};

/// The files of a home, cut off before one of the steps on the disk.
struct CutFiles {
    files: HomeFiles,
    left: Cell<usize>,
}

impl CutFiles {
    fn step(&self) -> &HomeFiles {
        match self.left.get() {
            1 => panic::panic_any(Cut),
            left => self.left.set(left.saturating_sub(1)),
        }
        &self.files
    }
}

impl Files for CutFiles {
    fn hash(&self, files: &[PathBuf]) -> io::Result<Option<String>> {
        self.step().hash(files)
    }

    fn remove(&self, file: &Path, deadline: Instant) -> io::Result<Removed> {
        self.step().remove(file, deadline)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step().sync_folder(folder)
    }

    fn is_there(&self, file: &Path) -> io::Result<bool> {
        self.step().is_there(file)
    }

    fn bury(&self, tombstones: &[Tombstone]) -> io::Result<()> {
        self.step().bury(tombstones)
    }

    fn last_sweep(&self) -> io::Result<Option<Timestamp>> {
        self.files.last_sweep()
    }

    fn note_sweep(&self, at: Timestamp) -> io::Result<()> {
        self.step().note_sweep(at)
    }
}

/// A home with two recordings of one customer, and one of another, whose erasure nobody asks for.
fn scene() -> (TempDir, Arc<TestClock>) {
    let (home, clock) = (TempDir::new().expect("a folder"), clock());
    for _ in 0..2 {
        keep(home.path(), &clock, &[Reason::OnDemand]);
    }
    outside(home.path(), async |rows| {
        rows::query("UPDATE recordings SET customer = '+4930', customer_form = '+4930'").execute(rows).await
    })
    .expect("others");
    for _ in 0..2 {
        keep(home.path(), &clock, &[Reason::OnDemand]);
    }
    (home, clock)
}

fn erase(home: &Path, clock: &TestClock) -> String {
    let of = Subject::of_customer(Customer::from("020 123 4567"), Country::default());
    let today = Calendar::default().day_of(clock.wall());
    let desk = HomeDesk::of(home);
    desk.erase(&Person::owner("root"), &of, "by letter", None, today, clock.wall()).expect("entered").request
}

fn run(home: &Path, files: &dyn Files, clock: &TestClock, holder: &str) -> Report {
    let mut store = HomeStore::open(home).expect("a catalog").expect("a catalog");
    store.follow(Periods::default(), &Calendar::default(), clock.wall()).expect("a policy");
    Sweeper::new(holder).run(&mut store, files, clock, Believe::Checked).expect("it sweeps")
}

#[test]
fn an_erasure_that_is_killed_at_any_step_is_finished_by_the_next_sweep_with_its_receipts() {
    let mut cuts = 0;
    for step in 1.. {
        let (home, clock) = scene();
        let home = home.path();
        let request = erase(home, &clock);
        let files = CutFiles { files: HomeFiles::of(home), left: Cell::new(step) };
        let cut = panic::catch_unwind(AssertUnwindSafe(|| run(home, &files, &clock, "command")));
        let is_over = cut.map_err(|end| assert!(end.is::<Cut>(), "it failed instead, at step {step}")).is_ok();
        if !is_over {
            cuts += 1;
            // The one that was killed has the lease until it expires.
            clock.pass(Duration::from_secs(3_600));
            run(home, &HomeFiles::of(home), &clock, "engine");
        }
        let lives = "SELECT group_concat(life || ' ' || COALESCE(customer, 'none')) FROM (SELECT * FROM recordings ORDER BY id)";
        let expected = "kept +4930,kept +4930,gone none,gone none";
        assert_eq!(one(home, lives).as_deref(), Some(expected), "at step {step}");
        let receipts = HomeDesk::of(home).receipts(&Person::owner("root"), &request).expect("receipts");
        assert_eq!(receipts.iter().filter(|receipt| receipt.reason == "erased").count(), 2, "at step {step}");
        let left = std::fs::read_dir(home.join("recordings/2026/11/24")).expect("a folder").count();
        assert_eq!(left, 2, "files, at step {step}");
        if is_over {
            break;
        }
    }
    assert!(cuts >= 8, "{cuts} cuts");
}
