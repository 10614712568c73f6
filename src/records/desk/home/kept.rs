//! Connections that are kept ready, for a process that answers many people at once: to open one takes longer than most questions do.
//!
//! Belongs here: how many there are, when one is handed on, and when it is thrown away. Does not: what is asked.
//!
//! A connection is handed on only if what was asked of it came to its end in good order. One on which something failed, or broke off, is thrown away:
//! sqlx 0.9.0 hands on the open transaction of a `BEGIN` that was cancelled. Whoever finds none waits for one; nobody holds two.

use std::{
    collections::HashMap,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Condvar, Mutex};
use retrocall_ledger::Month;
use retrocall_words::{Clock as _, SystemClock};
use tokio::runtime::Runtime;

use super::{
    super::{NotDone, Unusual},
    Answer, HomeDesk,
};
use crate::{Address, Trouble, file::Identity, rows::Connection, server};

/// Connections of questions, and of deeds: a flood of questions holds up no deed. Processors are fewer, and on a server each takes some MiB.
const READING_MAX: usize = 8;
const WRITING_MAX: usize = 4;
/// After so long a connection is looked at before it is used: whether it still leads to tables that this program knows.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(5);
/// For so long the figures of a month are told as they were: they are about months, and many calls are counted for them.
const FIGURES_HOLD: SignedDuration = SignedDuration::from_mins(10);

/// A connection, and what runs it.
struct Ready {
    connection: Connection,
    runtime: Runtime,
    /// Which file it is open on: a restored catalog is another one.
    identity: Option<Identity>,
    looked_at: Instant,
}

/// Places for connections of one kind.
#[derive(Default)]
struct Places {
    idle: Vec<Ready>,
    taken: usize,
}

/// Connections of one kind, and whoever waits for one.
struct Seats {
    places: Mutex<Places>,
    is_free: Condvar,
    most: usize,
}

/// The unusual figures of a month, and when they were counted.
type Figures = (Timestamp, Arc<[Unusual]>);

/// The connections of a process.
pub(super) struct Kept {
    reading: Seats,
    writing: Seats,
    /// By month: they take long to count.
    figures: Mutex<HashMap<Month, Figures>>,
}

/// A place that is taken, until this is dropped.
struct Seat<'k>(&'k Seats);

impl Seats {
    fn new(most: usize) -> Seats {
        Seats { places: Mutex::default(), is_free: Condvar::new(), most }
    }

    /// Waits for a place. With the connection that was used last, if there is one.
    fn take(&self) -> (Seat<'_>, Option<Ready>) {
        let mut places = self.places.lock();
        while places.taken >= self.most {
            self.is_free.wait(&mut places);
        }
        places.taken += 1;
        (Seat(self), places.idle.pop())
    }
}

impl Seat<'_> {
    /// The connection may be used by the next one.
    fn hand_on(&self, ready: Ready) {
        self.0.places.lock().idle.push(ready);
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.places.lock().taken -= 1;
        self.0.is_free.notify_one();
    }
}

impl Ready {
    fn open(address: &Address, writes: bool) -> Result<Option<Ready>, Trouble> {
        let (runtime, identity) = (address.runtime()?, address.identity());
        let opened = runtime.block_on(address.open(writes))?;
        Ok(opened.map(|connection| Ready { connection, runtime, identity, looked_at: SystemClock.now() }))
    }

    /// Whether it still leads to the records, as they are to be.
    fn is_sound(&mut self, address: &Address) -> bool {
        if self.identity != address.identity() || address.cut_off().is_err() {
            return false;
        }
        if SystemClock.since(self.looked_at) < LOOKED_AT_EVERY {
            return true;
        }
        self.looked_at = SystemClock.now();
        self.runtime.block_on(address.knows(&mut self.connection)).unwrap_or(false)
    }
}

/// Whoever lets go of the last one may be inside a runtime, where no other one may be waited for.
impl Drop for Kept {
    fn drop(&mut self) {
        for seats in [&self.reading, &self.writing] {
            for Ready { connection, runtime, .. } in mem::take(&mut seats.places.lock().idle) {
                drop(connection);
                runtime.shutdown_background();
            }
        }
    }
}

impl Kept {
    pub(super) fn new() -> Kept {
        Kept { reading: Seats::new(READING_MAX), writing: Seats::new(WRITING_MAX), figures: Mutex::default() }
    }

    /// Asks on a connection that is kept, or on a new one. Not for a thread that is inside a runtime.
    pub(super) fn ask<T>(
        &self,
        address: &Address,
        writes: bool,
        mut ask: impl AsyncFnMut(&mut Connection) -> Answer<T>,
    ) -> Result<Answer<T>, NotDone> {
        let seats = if writes { &self.writing } else { &self.reading };
        let (seat, mut idle) = seats.take();
        let mut ready = match idle.take_if(|idle| idle.is_sound(address)) {
            Some(ready) => ready,
            None => {
                // Those that lead nowhere any more go together.
                let others = mem::take(&mut seats.places.lock().idle);
                drop((idle, others));
                Ready::open(address, writes)?.ok_or(NotDone::Unknown)?
            }
        };
        let Ready { connection, runtime, .. } = &mut ready;
        let answer = runtime.block_on(server::again(async || ask(&mut *connection).await));
        if answer.is_ok() {
            seat.hand_on(ready);
        }
        Ok(answer)
    }

    /// The unusual figures of a month, counted by `count` if they were not a moment ago. Whoever asks meanwhile waits for them, and counts none.
    pub(super) fn figures(
        &self,
        month: Month,
        now: Timestamp,
        count: impl FnOnce() -> Result<Vec<Unusual>, NotDone>,
    ) -> Result<Arc<[Unusual]>, NotDone> {
        let mut figures = self.figures.lock();
        if let Some((at, found)) = figures.get(&month)
            && now.duration_since(*at).abs() < FIGURES_HOLD
        {
            return Ok(Arc::clone(found));
        }
        let found: Arc<[Unusual]> = count()?.into();
        // Those of this month and of the one before are asked for.
        figures.retain(|_, (at, _)| now.duration_since(*at).abs() < FIGURES_HOLD);
        figures.insert(month, (now, Arc::clone(&found)));
        Ok(found)
    }
}

impl HomeDesk {
    /// The same desk with a few connections that are kept ready, for a process that answers many people. Its verbs are not for a thread that is inside
    /// a runtime.
    #[must_use]
    pub fn kept_ready(self) -> HomeDesk {
        HomeDesk { kept: Some(Arc::new(Kept::new())), ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::{
        rows,
        tests::homes::{self, beside_each_home},
    };
    use retrocall_words::{Country, book::OpenBook};
    use tempfile::TempDir;

    beside_each_home! {
        a_connection_is_used_again_and_one_on_which_something_failed_never_is,
        whoever_finds_all_connections_taken_waits_for_one,
    }

    fn home() -> TempDir {
        let home = TempDir::new().unwrap();
        let OpenBook { book, write, .. } = crate::open(home.path(), Arc::new(SystemClock), Country::default(), 0);
        let writes = std::thread::spawn(write);
        book.left_behind(Some(Duration::from_secs(60))).unwrap();
        drop(book);
        writes.join().unwrap();
        homes::settle(home.path());
        home
    }

    fn idle(kept: &Kept) -> [usize; 2] {
        [&kept.reading, &kept.writing].map(|seats| seats.places.lock().idle.len())
    }

    fn a_connection_is_used_again_and_one_on_which_something_failed_never_is() {
        let home = home();
        let (kept, address) = (Kept::new(), homes::address(home.path()));
        let count =
            || kept.ask(&address, false, async |rows| Ok(rows::query("SELECT 1 AS one").fetch_one(rows).await?));
        for _ in 0..3 {
            assert!(matches!(count(), Ok(Ok(_))));
        }
        assert_eq!(idle(&kept), [1, 0]);
        // A deed that leaves its transaction open, and fails.
        let failed: Result<Answer<()>, NotDone> = kept.ask(&address, true, async |rows| {
            let mut rows = rows.begin_writing().await?;
            rows::query("DELETE FROM policies").execute(&mut rows).await?;
            mem::forget(rows);
            Err(NotDone::TooLate.into())
        });
        assert!(matches!(failed, Ok(Err(_))));
        assert_eq!(idle(&kept), [1, 0], "it is thrown away");
        // Nor is one that broke off in the middle.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            kept.ask(&address, true, async |rows| -> Answer<()> {
                let _rows = rows.begin_writing().await?;
                panic!("in the middle")
            })
        }));
        std::panic::set_hook(hook);
        assert!(broken.is_err());
        assert_eq!((idle(&kept), kept.writing.places.lock().taken), ([1, 0], 0));
        let written = kept.ask(&address, true, async |rows| {
            let mut rows = rows.begin_writing().await?;
            rows::query("DELETE FROM policies").execute(&mut rows).await?;
            Ok(rows.commit().await?)
        });
        assert!(matches!(written, Ok(Ok(()))), "nothing holds it up");
        assert_eq!(idle(&kept), [1, 1]);
    }

    fn whoever_finds_all_connections_taken_waits_for_one() {
        let home = home();
        let (kept, address) = (Kept::new(), homes::address(home.path()));
        let (now, most) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..3 * READING_MAX {
                scope.spawn(|| {
                    let asked = kept.ask(&address, false, async |rows| {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        rows::query("SELECT 1 AS one").fetch_one(rows).await?;
                        now.fetch_sub(1, Ordering::SeqCst);
                        Ok(())
                    });
                    assert!(matches!(asked, Ok(Ok(()))));
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= READING_MAX as u32);
        assert!(idle(&kept)[0] <= READING_MAX);
    }

    #[test]
    fn a_restored_catalog_is_another_file_and_no_connection_to_the_old_one_is_handed_on() {
        let [home, other] = [home(), home()];
        let desk = HomeDesk::of(home.path()).kept_ready();
        let count = || {
            let kept = desk.kept.as_ref().unwrap();
            let asked = kept.ask(&desk.address, false, async |rows| {
                let row = rows::query("SELECT COUNT(*) AS count FROM policies").fetch_one(rows).await?;
                Ok(row.try_get::<i64, _>("count")?)
            });
            match asked {
                Ok(Ok(count)) => count,
                _ => panic!("no answer"),
            }
        };
        assert_eq!(count(), 0);
        homes::outside(other.path(), async |rows| {
            let insert = "INSERT INTO policies (version, since, text) VALUES (1, '2026', '{}')";
            rows.execute(insert).await.unwrap();
        });
        for ending in ["", "-wal", "-shm"] {
            let name = format!("catalog.sqlite{ending}");
            let _ = std::fs::remove_file(home.path().join(&name));
            let _ = std::fs::rename(other.path().join(&name), home.path().join(&name));
        }
        assert_eq!(count(), 1, "it is asked of the one that is there");
    }
}
