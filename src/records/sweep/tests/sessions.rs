//! Two sessions on a server, in every order in which their steps can come: what one of them did counts for the other, and both are never done.
//!
//! Each session is held before it first looks, before each of its changes and before its commit. A schedule says who goes on; all schedules are tried, in
//! order. A session that waits for the other's lock is passed over until it can go on, which the server is asked. What is refused as a race is done
//! again, and is a step like any other.

use std::{
    collections::BTreeSet,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use retrocall_ledger::Evidence;
use retrocall_words::{
    CallId, Clock as _, Customer, Reason,
    book::day_of,
    retention::{Calendar, Periods},
};
use tempfile::TempDir;

use super::{
    super::{Deed, Doomed, HomeStore, Store as _},
    home::{clock, day, keep, outside},
};
use crate::{
    Address, Server,
    desk::{Desk as _, HomeDesk, NewHold, NotDone, Person, Requests as _, Subject},
    policy::Why,
    rows::{self, stops::Stops},
    tests::homes::{self, Kind},
    text,
};

/// More than any two sessions here have.
const SCHEDULES_MAX: usize = 3_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// It works, or waits for a lock.
    Work,
    Stop,
    End,
}

struct Sessions {
    at: [At; 2],
    /// It may go on from where it is held.
    goes: [bool; 2],
    pids: [i32; 2],
}

/// Holds two sessions.
struct Gate {
    sessions: Mutex<Sessions>,
    moved: Condvar,
}

impl Gate {
    fn new() -> Arc<Gate> {
        let sessions = Sessions { at: [At::Work; 2], goes: [false; 2], pids: [0; 2] };
        Arc::new(Gate { sessions: Mutex::new(sessions), moved: Condvar::new() })
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self, number: usize) {
        self.sessions().at[number] = At::End;
        self.moved.notify_all();
    }

    /// Waits until each session is held, has ended or waits for a lock. Those that are held.
    fn settled(&self, waits_for_lock: impl Fn(i32) -> bool) -> Vec<usize> {
        loop {
            let sessions = self.sessions();
            let working: Vec<usize> = (0..2).filter(|one| sessions.at[*one] == At::Work).collect();
            let held: Vec<usize> = (0..2).filter(|one| sessions.at[*one] == At::Stop).collect();
            if working.is_empty() {
                return held;
            }
            let pids = working.iter().map(|one| sessions.pids[*one]).collect::<Vec<_>>();
            let (sessions, _) =
                self.moved.wait_timeout(sessions, Duration::from_millis(1)).unwrap_or_else(PoisonError::into_inner);
            let is_same = working.iter().all(|one| sessions.at[*one] == At::Work);
            drop(sessions);
            if is_same && !held.is_empty() && pids.iter().all(|pid| waits_for_lock(*pid)) {
                return held;
            }
        }
    }

    fn let_on(&self, number: usize) {
        let mut sessions = self.sessions();
        sessions.goes[number] = true;
        sessions.at[number] = At::Work;
        self.moved.notify_all();
    }
}

/// One of the two.
struct Session {
    gate: Arc<Gate>,
    number: usize,
}

impl Stops for Session {
    fn opened(&self, pid: i32) {
        self.gate.sessions().pids[self.number] = pid;
    }

    fn before(&self, _: &str) {
        let mut sessions = self.gate.sessions();
        sessions.at[self.number] = At::Stop;
        self.gate.moved.notify_all();
        while !std::mem::take(&mut sessions.goes[self.number]) {
            sessions = self.gate.moved.wait(sessions).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What a session does, on a server that holds it.
type Task<'a, T> = &'a (dyn Fn(Server) -> T + Sync);

/// Does two things at once by a schedule: at each choice, which of the two goes on. Whatever comes after the schedule's end is the first one's turn.
/// Says what came of both, and the choices that there were.
fn by<T: Send>(schedule: &[usize], server: &Server, tasks: [Task<'_, T>; 2]) -> ([T; 2], Vec<(usize, usize)>) {
    let gate = Gate::new();
    let runtime = Address::Server(server.clone()).runtime().expect("a runtime");
    let mut watch = runtime.block_on(server.open()).expect("a server").expect("tables");
    let waits = |watch: &mut rows::Connection, pid: i32| {
        let select = "SELECT COUNT(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'";
        runtime.block_on(rows::query_scalar::<i64>(select).bind(i64::from(pid)).fetch_one(watch)).expect("an answer")
            > 0
    };
    let mut choices = Vec::new();
    let done = thread::scope(|scope| {
        let threads = [0, 1].map(|number| {
            let (gate, task) = (Arc::clone(&gate), tasks[number]);
            let server = server.clone().held_by(Arc::new(Session { gate: Arc::clone(&gate), number }));
            scope.spawn(move || {
                let ends = Ends(&gate, number);
                let done = task(server);
                drop(ends);
                done
            })
        });
        let watch = std::cell::RefCell::new(&mut watch);
        loop {
            let held = gate.settled(|pid| waits(&mut watch.borrow_mut(), pid));
            let Some(last) = held.len().checked_sub(1) else { break };
            let choice = schedule.get(choices.len()).copied().unwrap_or(0).min(last);
            choices.push((choice, held.len()));
            gate.let_on(held[choice]);
        }
        threads.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    runtime.block_on(watch.close()).expect("closed");
    (done, choices)
}

/// Whatever ends it.
struct Ends<'a>(&'a Gate, usize);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.ended(self.1);
    }
}

/// Tries every schedule, and says how many there were.
fn each_schedule(mut tried: impl FnMut(&[usize]) -> Vec<(usize, usize)>) -> usize {
    let mut schedule = Vec::new();
    for count in 1..=SCHEDULES_MAX {
        let mut choices = tried(&schedule);
        // The next one: the last choice that has another side.
        while let Some((choice, of)) = choices.pop() {
            if choice + 1 < of {
                schedule = choices.iter().map(|(choice, _)| *choice).chain([choice + 1]).collect();
                break;
            }
            if choices.is_empty() {
                return count;
            }
        }
        if schedule.is_empty() {
            return count;
        }
    }
    panic!("there are more than {SCHEDULES_MAX}")
}

/// A server's records with a ledger and a policy, and now.
struct Scene {
    home: TempDir,
    server: Server,
    now: Timestamp,
}

impl Scene {
    fn new() -> Scene {
        let (home, clock) = (TempDir::new().expect("a folder"), clock());
        keep(home.path(), &clock, &[Reason::OnDemand]);
        day(&clock, 20);
        let Address::Server(server) = homes::address(home.path()) else { panic!("it is on a server") };
        let mut store = homes::store(home.path());
        store.follow(Periods::default(), &Calendar::default(), clock.wall()).expect("a policy");
        Scene { home, server, now: clock.wall() }
    }

    /// A recording that is due, of a customer with a name of its own: its id.
    fn due(&self) -> Doomed {
        let call = CallId::new();
        let (id, began) = (uuid::Uuid::now_v7().to_string(), self.now - SignedDuration::from_hours(24 * 16));
        outside(self.home.path(), async |rows| {
            let insert = rows::query(
                "INSERT INTO recordings (id, call, agent, customer, direction, began_at, rate, path, reasons, state, ends_at)
                 VALUES ($1, $2, 'anna', $1, 'inbound', $3, 8000, '', 'sample', 'complete', $3)",
            );
            insert.bind(&id).bind(call.to_string()).bind(text::time(began)).execute(rows).await.expect("a recording");
            let insert = rows::query("INSERT INTO purposes (recording, purpose, basis) VALUES ($1, 'quality', '')");
            insert.bind(&id).execute(rows).await.expect("a purpose");
        });
        Doomed { id, call, why: Why::Unheard, since: self.now, peaks: Vec::new(), files: Vec::new(), sha256: None }
    }

    fn store(&self, server: Server) -> HomeStore {
        HomeStore::open_at(&Address::Server(server), self.home.path()).expect("records").expect("records")
    }

    /// Its life, and how many holds are on it.
    fn left(&self, doomed: &Doomed) -> (String, i64) {
        outside(self.home.path(), async |rows| {
            let select = "SELECT life, (SELECT COUNT(*) FROM holds WHERE holds.recording = recordings.id) FROM recordings WHERE id = $1";
            rows::query_as(select).bind(&doomed.id).fetch_one(rows).await.expect("a recording")
        })
    }

    fn check(&self) {
        let report =
            crate::ledger::verify_at(&homes::address(self.home.path()), Evidence::default()).expect("a ledger");
        assert!(report.is_sound(), "{report}");
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Did {
    Asked(bool),
    Deleting(String),
    Held(bool),
    Leased(bool),
}

#[test]
fn of_a_hold_and_a_sweep_in_every_order_exactly_one_is_done() {
    homes::on(Kind::Postgres, || {
        let scene = Scene::new();
        let until = scene.now + SignedDuration::from_mins(10);
        let token =
            scene.store(scene.server.clone()).lease("one", scene.now, until).expect("an answer").expect("a lease");
        let mut outcomes = BTreeSet::new();
        let count = each_schedule(|schedule| {
            let doomed = scene.due();
            let hold = |server: Server| {
                let review_on = "2027-01-01".parse().expect("a day");
                let hold =
                    NewHold { reason: "claim".into(), owner: "olga".into(), until: "the court".into(), review_on };
                match HomeDesk::at(Address::Server(server)).hold(&Person::owner("root"), &doomed.id, &hold, scene.now) {
                    Ok(_) => Did::Held(true),
                    Err(NotDone::TooLate | NotDone::Unknown) => Did::Held(false),
                    Err(other) => panic!("{other}"),
                }
            };
            let delete = |server: Server| {
                let deeds =
                    scene.store(server).deleting(std::slice::from_ref(&doomed), token, scene.now).expect("an answer");
                Did::Deleting(format!("{:?}", deeds[0]))
            };
            let (done, choices) = by(schedule, &scene.server, [&hold, &delete]);
            let (held, begun) = (Did::Held(true), Did::Deleting(format!("{:?}", Deed::Done)));
            let expected = match (done[0] == held, done[1] == begun) {
                (true, false) => ("kept".to_owned(), 1),
                (false, true) => ("deleting".to_owned(), 0),
                both => panic!("{schedule:?}: {both:?}"),
            };
            assert_eq!(scene.left(&doomed), expected, "{schedule:?}");
            outcomes.insert(done);
            choices
        });
        assert!(count >= 20, "{count} schedules are too few");
        assert_eq!(outcomes.len(), 2, "each of the two comes first: {outcomes:?}");
        scene.check();
    });
}

#[test]
fn of_a_request_and_a_sweep_in_every_order_the_request_freezes_it_or_it_goes() {
    homes::on(Kind::Postgres, || {
        let scene = Scene::new();
        let until = scene.now + SignedDuration::from_mins(10);
        let token =
            scene.store(scene.server.clone()).lease("one", scene.now, until).expect("an answer").expect("a lease");
        let mut outcomes = BTreeSet::new();
        let count = each_schedule(|schedule| {
            let doomed = scene.due();
            let ask = |server: Server| {
                let (desk, of) = (
                    HomeDesk::at(Address::Server(server)),
                    Subject::Customer { given: Customer::from(doomed.id.clone()), form: None },
                );
                let entered = desk.open_request(&Person::owner("root"), &of, day_of(scene.now), scene.now);
                match entered {
                    Ok(entered) => Did::Asked(entered.candidates.is_some_and(|found| found.contains(&doomed.id))),
                    Err(NotDone::TooLate | NotDone::Unknown) => Did::Asked(false),
                    Err(other) => panic!("{other}"),
                }
            };
            let delete = |server: Server| {
                let deeds = scene.store(server).deleting(std::slice::from_ref(&doomed), token, scene.now);
                Did::Deleting(format!("{:?}", deeds.expect("an answer")[0]))
            };
            let (done, choices) = by(schedule, &scene.server, [&ask, &delete]);
            let (asked, begun) = (Did::Asked(true), Did::Deleting(format!("{:?}", Deed::Done)));
            let expected = match (done[0] == asked, done[1] == begun) {
                (true, false) => ("kept".to_owned(), 1),
                (false, true) => ("deleting".to_owned(), 0),
                both => panic!("{schedule:?}: {both:?}"),
            };
            let frozen = outside(scene.home.path(), async |rows| {
                let select = "SELECT COUNT(*) FROM request_recordings WHERE recording = $1";
                rows::query_scalar::<i64>(select).bind(&doomed.id).fetch_one(rows).await.expect("a count")
            });
            assert_eq!((scene.left(&doomed).0, frozen), expected, "{schedule:?}");
            outcomes.insert(done);
            choices
        });
        assert!(count >= 20, "{count} schedules are too few");
        assert_eq!(outcomes.len(), 2, "each of the two comes first: {outcomes:?}");
        scene.check();
    });
}

#[test]
fn of_two_sweeps_in_every_order_one_deletes_and_one_has_the_lease() {
    homes::on(Kind::Postgres, || {
        let scene = Scene::new();
        let until = scene.now + SignedDuration::from_mins(10);
        let token =
            scene.store(scene.server.clone()).lease("one", scene.now, until).expect("an answer").expect("a lease");
        let count = each_schedule(|schedule| {
            let doomed = scene.due();
            // As if both had the lease.
            let delete = |server: Server| {
                scene.store(server).deleting(std::slice::from_ref(&doomed), token, scene.now).expect("an answer")[0]
            };
            let (mut done, choices) = by(schedule, &scene.server, [&delete, &delete]);
            done.sort_by_key(|deed| *deed != Deed::Done);
            assert_eq!(done, [Deed::Done, Deed::NotNow], "{schedule:?}");
            choices
        });
        assert!(count >= 20, "{count} schedules are too few");
        let mut later = until;
        each_schedule(|schedule| {
            let now = later;
            later += SignedDuration::from_mins(10);
            let lease = |holder: &str, server: Server| {
                Did::Leased(scene.store(server).lease(holder, now, later).expect("an answer").is_some())
            };
            let (mut done, choices) =
                by(schedule, &scene.server, [&|server| lease("one", server), &|server| lease("other", server)]);
            done.sort();
            assert_eq!(done, [Did::Leased(false), Did::Leased(true)], "{schedule:?}");
            choices
        });
        scene.check();
    });
}
