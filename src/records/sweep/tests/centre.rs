//! The clean-up of a centre: killed at each of its steps, frozen, beside another one, by a clock that is off.

use std::{
    cell::Cell,
    collections::BTreeMap,
    io, panic,
    path::Path,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use retrocall_words::{
    CallId, Clock as _, Practice, Reason, SystemClock, TestClock,
    retention::{Calendar, Periods},
};
use tempfile::TempDir;

use super::{
    super::{
        Believe, CentreSweep, Deed, Doomed, HomeStore, Objects, Receipt, Report, Stopped, Store, StoreFiles, Sweeper,
        Token, Tombstone,
    },
    cuts::Cut,
    home::{clock, keep, outside},
};
use crate::{
    Address, Server, Trouble,
    desk::HomeDesk,
    rows,
    tests::homes::{self, Kind},
    text,
};

thread_local! {
    /// Steps that a run of this thread may still take, if it is to be killed.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// One step, at which a process may be killed.
fn step() {
    match LEFT.get() {
        Some(0) => panic::resume_unwind(Box::new(Cut)),
        left => LEFT.set(left.map(|left| left - 1)),
    }
}

/// A store in memory.
#[derive(Default)]
struct Memory {
    objects: Mutex<BTreeMap<String, String>>,
    stones: Mutex<Vec<Tombstone>>,
    /// How often something was changed.
    changes: Mutex<usize>,
    /// Whoever removes something tells that, and waits until they are let go on.
    wait: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl Memory {
    fn changed(&self) {
        *self.changes.lock() += 1;
    }
}

impl Objects for Memory {
    fn sum(&self, places: &[String]) -> io::Result<Option<String>> {
        step();
        let objects = self.objects.lock();
        let all: Option<String> = places.iter().map(|place| objects.get(place).map(String::as_str)).collect();
        Ok(all.map(|all| crate::beside::digest(all.as_bytes())))
    }

    fn below(&self, folder: &str) -> io::Result<Vec<String>> {
        step();
        Ok(self.objects.lock().keys().filter(|place| Path::new(place).starts_with(folder)).cloned().collect())
    }

    fn is_there(&self, place: &str) -> io::Result<bool> {
        step();
        Ok(self.objects.lock().contains_key(place))
    }

    fn remove(&self, place: &str) -> io::Result<bool> {
        step();
        let wait = self.wait.lock().take();
        if let Some((here, go_on)) = wait {
            here.send(()).expect("somebody waits");
            go_on.recv().expect("somebody lets it go on");
        }
        self.changed();
        Ok(self.objects.lock().remove(place).is_some())
    }

    fn of_recording(&self, site: &str, recording: &str) -> io::Result<Vec<String>> {
        self.below(&format!("sites/{site}/recordings/{recording}"))
    }

    fn recordings(&self) -> io::Result<Vec<String>> {
        self.below("sites")
    }

    fn put(&self, place: &str, bytes: &[u8]) -> io::Result<bool> {
        step();
        self.changed();
        let text = String::from_utf8(bytes.to_vec()).map_err(io::Error::other)?;
        let mut objects = self.objects.lock();
        let is_new = !objects.contains_key(place);
        objects.entry(place.to_owned()).or_insert(text);
        Ok(is_new)
    }

    fn read(&self, place: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.objects.lock().get(place).map(|text| text.as_bytes().to_vec()))
    }

    fn bury(&self, tombstone: &Tombstone) -> io::Result<()> {
        step();
        self.changed();
        let mut stones = self.stones.lock();
        if stones.iter().all(|stone| stone.recording != tombstone.recording) {
            stones.push(tombstone.clone());
        }
        Ok(())
    }

    fn buried(&self) -> io::Result<Vec<String>> {
        Ok(self.stones.lock().iter().map(|stone| stone.recording.clone()).collect())
    }
}

/// The records, with a step before each change and each look.
struct Steps(HomeStore);

impl Store for Steps {
    fn lease(&mut self, holder: &str, now: Timestamp, until: Timestamp) -> Result<Option<Token>, Trouble> {
        step();
        self.0.lease(holder, now, until)
    }

    fn release(&mut self, token: Token, now: Timestamp) -> Result<(), Trouble> {
        step();
        self.0.release(token, now)
    }

    fn due(&mut self, now: Timestamp, after: Option<&str>, limit: usize) -> Result<Vec<Doomed>, Trouble> {
        step();
        self.0.due(now, after, limit)
    }

    fn unfinished(&mut self, after: Option<&str>, limit: usize) -> Result<Vec<Doomed>, Trouble> {
        step();
        self.0.unfinished(after, limit)
    }

    fn deleting(&mut self, doomed: &[Doomed], token: Token, now: Timestamp) -> Result<Vec<Deed>, Trouble> {
        step();
        self.0.deleting(doomed, token, now)
    }

    fn buried(&mut self, tombstones: &[Tombstone], token: Token, now: Timestamp) -> Result<Vec<Deed>, Trouble> {
        step();
        self.0.buried(tombstones, token, now)
    }

    fn gone(&mut self, receipts: &[(String, Receipt)], token: Token, now: Timestamp) -> Result<Vec<Deed>, Trouble> {
        step();
        self.0.gone(receipts, token, now)
    }
}

/// A centre, with its database and its store.
struct Scene {
    home: TempDir,
    clock: Arc<TestClock>,
    server: Server,
    memory: Arc<Memory>,
}

impl Scene {
    fn new(clock: Arc<TestClock>) -> Scene {
        let home = TempDir::new().expect("a folder");
        // With it there is a ledger, as a centre has one.
        keep(home.path(), &clock, &[Reason::OnDemand]);
        let Address::Server(server) = homes::address(home.path()) else { panic!("it is on a server") };
        Scene { home, clock, server, memory: Arc::default() }
    }

    /// A recording whose time ends so many days before now: its id.
    fn delivered(&self, days_ago: i64) -> String {
        let (call, id) = (CallId::new(), uuid::Uuid::now_v7().to_string());
        let ended = self.clock.wall() - SignedDuration::from_hours(24 * (14 + days_ago) + 1);
        let folder = format!("sites/one/recordings/{id}");
        outside(self.home.path(), async |rows| {
            let insert = rows::query(
                "INSERT INTO recordings (id, call, agent, customer, direction, began_at, rate, path, reasons, state, ends_at)
                 VALUES ($1, $2, 'anna', $1, 'inbound', $3, 8000, '', 'sample', 'complete', $3)",
            );
            insert.bind(&id).bind(call.to_string()).bind(text::time(ended)).execute(rows).await.expect("a recording");
            let insert = rows::query("INSERT INTO purposes (recording, purpose, basis) VALUES ($1, 'quality', '')");
            insert.bind(&id).execute(rows).await.expect("a purpose");
            for part in 1..=2 {
                let insert = rows::query(
                    "INSERT INTO objects (recording, file, part, place, bytes, sha256) VALUES ($1, 1, $2, $3, 5, '')",
                );
                let place = format!("{folder}/1.{part}");
                insert.bind(&id).bind(part).bind(place).execute(rows).await.expect("an object");
            }
        });
        let objects = ["1.1", "1.2", "facts"].map(|name| (format!("{folder}/{name}"), format!("audio{name}")));
        self.memory.objects.lock().extend(objects);
        id
    }

    fn sweep(&self, holder: &str) -> Result<Report, Stopped> {
        swept(holder, self.home.path(), self.server.clone(), &self.memory, &self.clock)
    }

    fn ask(&self, sql: &str, id: &str) -> String {
        outside(self.home.path(), async |rows| {
            let select = rows::query_scalar::<String>(sqlx::AssertSqlSafe(sql.to_owned()));
            select.bind(id).fetch_one(rows).await.expect("an answer")
        })
    }

    fn life(&self, id: &str) -> String {
        self.ask("SELECT life FROM recordings WHERE id = $1", id)
    }

    fn objects_of(&self, id: &str) -> usize {
        self.memory.objects.lock().keys().filter(|place| place.contains(id)).count()
    }

    fn is_buried(&self, id: &str) -> bool {
        self.memory.stones.lock().iter().any(|stone| stone.recording == id)
    }

    /// Whatever happened: what went has its tombstone first, and what is gone is gone.
    fn look(&self, id: &str) {
        let life = self.life(id);
        assert!(self.objects_of(id) == 3 || self.is_buried(id), "it goes before its tombstone");
        assert!(self.objects_of(id) == 3 || life != "kept", "it goes before that is decided");
        assert!(!self.is_buried(id) || life != "kept", "it is buried before that is decided");
        if life == "gone" {
            self.is_gone(id);
        }
    }

    fn is_gone(&self, id: &str) {
        assert_eq!((self.life(id).as_str(), self.objects_of(id)), ("gone", 0));
        assert!(self.is_buried(id));
        let sha256 = crate::beside::digest(b"audio1.1audio1.2");
        assert_eq!(self.ask("SELECT sha256 FROM tombstones WHERE recording = $1", id), sha256);
        let count =
            |table: &str| self.ask(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table} WHERE recording = $1"), id);
        assert_eq!(["receipts", "objects", "purposes"].map(count), ["1", "0", "0"]);
    }

    fn check(&self) {
        let evidence = retrocall_ledger::Evidence::default();
        let report = crate::ledger::verify_at(&Address::Server(self.server.clone()), evidence).expect("a ledger");
        assert!(report.is_sound(), "{report}");
    }
}

fn swept(holder: &str, home: &Path, server: Server, memory: &Memory, clock: &TestClock) -> Result<Report, Stopped> {
    let address = Address::Server(server);
    let mut store = HomeStore::open_at(&address, home).expect("records").expect("records");
    store.follow(Periods::default(), &Calendar::default(), clock.wall()).expect("a policy");
    let desk = HomeDesk::at(address);
    let files = StoreFiles::new(memory, &desk);
    Sweeper::new(holder).run(&mut Steps(store), &files, clock, Believe::Checked)
}

/// More than a lease.
const ELEVEN_MINUTES: std::time::Duration = std::time::Duration::from_secs(11 * 60);

#[test]
fn whenever_a_clean_up_of_a_centre_is_killed_the_next_one_ends_it_the_same_way() {
    homes::on(Kind::Postgres, || {
        let scene = Scene::new(clock());
        let mut steps = 0;
        loop {
            let id = scene.delivered(1);
            LEFT.set(Some(steps));
            let run = panic::catch_unwind(panic::AssertUnwindSafe(|| scene.sweep(&format!("process {steps}"))));
            LEFT.set(None);
            scene.look(&id);
            let is_whole = run.is_ok();
            if !is_whole {
                scene.clock.pass(ELEVEN_MINUTES);
                scene.sweep("another process").expect("it sweeps");
            }
            scene.is_gone(&id);
            if is_whole {
                break;
            }
            steps += 1;
        }
        assert!(steps > 15, "{steps} steps");
        scene.check();
    });
}

#[test]
fn a_clean_up_that_is_frozen_past_its_lease_writes_nothing_when_it_thaws_and_no_transaction_waits_for_the_store() {
    homes::on(Kind::Postgres, || {
        let scene = Scene::new(clock());
        let id = scene.delivered(1);
        let (here, is_here) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel();
        *scene.memory.wait.lock() = Some((here, goes_on));
        let (server, memory, clock) = (scene.server.clone(), Arc::clone(&scene.memory), Arc::clone(&scene.clock));
        let home = scene.home.path().to_owned();
        let frozen = thread::spawn(move || swept("frozen", &home, server, &memory, &clock));
        is_here.recv().expect("it has come to the store");
        let open = "SELECT CAST(COUNT(*) AS TEXT) FROM pg_stat_activity
                    WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND $1 <> ''";
        assert_eq!(scene.ask(open, "x"), "0", "a transaction waits for the store");
        assert_eq!(scene.sweep("other"), Err(Stopped::Elsewhere), "one sweeps");
        scene.clock.pass(ELEVEN_MINUTES);
        let report = scene.sweep("other").expect("it sweeps");
        assert_eq!((report.gone, report.finished), (1, 1));
        let rows = || {
            let of_it = "SELECT CAST(ROW(recordings.*) AS TEXT) || CAST(ROW(receipts.*) AS TEXT) || CAST(ROW(leases.*) AS TEXT)
                         FROM recordings JOIN receipts ON receipts.recording = recordings.id JOIN leases ON leases.name = 'sweep'
                         WHERE recordings.id = $1";
            scene.ask(of_it, &id)
        };
        let changes = *scene.memory.changes.lock();
        // Another process is at it again.
        let address = Address::Server(scene.server.clone());
        let mut third = HomeStore::open_at(&address, scene.home.path()).expect("records").expect("records");
        let now = scene.clock.wall();
        third.lease("third", now, now + SignedDuration::from_mins(10)).expect("asked").expect("a lease");
        let before = rows();
        go_on.send(()).expect("it waits");
        assert_eq!(frozen.join().expect("it ends"), Err(Stopped::Elsewhere));
        assert_eq!(rows(), before);
        assert_eq!(*scene.memory.changes.lock(), changes + 1, "what it was at when it froze, and nothing else");
        scene.is_gone(&id);
        scene.check();
    });
}

#[test]
fn what_is_held_asked_for_or_on_its_way_stays_in_the_store() {
    homes::on(Kind::Postgres, || {
        let scene = Scene::new(clock());
        let [due, held, asked_for, arriving] = [(); 4].map(|()| scene.delivered(1));
        let later = text::time(scene.clock.wall() + SignedDuration::from_mins(2));
        outside(scene.home.path(), async |rows| {
            for (sql, id) in [
                (
                    "INSERT INTO holds (id, recording, reason, owner, until_event, review_on, set_by, set_at) VALUES ('h', $1, '', '', '', '2027-01-01', 'olga', $2)",
                    &held,
                ),
                (
                    "INSERT INTO requests (id, kind, received_on, entered_by, entered_at) VALUES ($1, 'access', '2026-11-24', 'olga', $2)",
                    &asked_for,
                ),
                (
                    "INSERT INTO request_recordings (request, recording, state) SELECT $1, $1, 'candidate' WHERE $2 <> ''",
                    &asked_for,
                ),
                (
                    "INSERT INTO uploads (recording, site, token, parcel, expires_at) VALUES ($1, 'one', '', '', $2)",
                    &arriving,
                ),
            ] {
                rows::query(sql).bind(id).bind(&later).execute(rows).await.expect(sql);
            }
        });
        let report = scene.sweep("one").expect("it sweeps");
        assert_eq!((report.gone, report.held, report.failed), (1, 1, Vec::new()));
        scene.is_gone(&due);
        for stays in [&held, &asked_for, &arriving] {
            assert_eq!((scene.life(stays).as_str(), scene.objects_of(stays)), ("kept", 3));
            assert!(!scene.is_buried(stays));
        }
        scene.clock.pass(ELEVEN_MINUTES);
        assert_eq!(scene.sweep("one").expect("it sweeps").gone, 1);
        scene.is_gone(&arriving);
    });
}

#[test]
fn what_an_older_database_brings_back_goes_again_by_its_tombstone_in_the_store() {
    homes::on(Kind::Postgres, || {
        // Whoever serves goes by the server's clock.
        let scene = Scene::new(Arc::new(TestClock::at(SystemClock.wall())));
        let [risen, other] = [(); 2].map(|()| scene.delivered(-5));
        // It was deleted since the backup, or half of it was.
        let stone = Tombstone {
            recording: risen.clone(),
            call: CallId::new(),
            sha256: None,
            at: scene.clock.wall(),
            why: None,
        };
        scene.memory.stones.lock().push(stone);
        scene.memory.objects.lock().retain(|place, _| !place.ends_with(&format!("{risen}/1.1")));
        let rules = (Periods::default(), Calendar::default(), Practice::default());
        let objects = Arc::clone(&scene.memory) as Arc<dyn Objects>;
        let at = (scene.server.clone(), scene.home.path());
        let mut sweep = CentreSweep::new(at, objects, rules, Arc::new(SystemClock));
        assert_eq!(sweep.look().expect("looked").risen, [risen.as_str()]);
        assert_eq!(sweep.bury_again().expect("looked"), 1);
        assert_eq!((scene.life(&risen).as_str(), scene.life(&other).as_str()), ("deleting", "kept"));
        assert_eq!(sweep.bury_again().expect("looked"), 0);
        let report = sweep.once(Believe::Checked).expect("it sweeps");
        assert_eq!((report.gone, report.finished), (1, 1), "{report:?}");
        assert_eq!((scene.life(&risen).as_str(), scene.objects_of(&risen)), ("gone", 0));
        assert_eq!((scene.life(&other).as_str(), scene.objects_of(&other)), ("kept", 3));
        scene.check();
    });
}

#[test]
fn a_centres_machine_whose_clock_is_ahead_deletes_nothing_early() {
    homes::on(Kind::Postgres, || {
        let scene = Scene::new(Arc::new(TestClock::at(SystemClock.wall())));
        let [due, early] = [1, -2].map(|days_ago| scene.delivered(days_ago));
        let days_ahead = SignedDuration::from_hours(24 * 3);
        let ahead = Arc::new(TestClock::at(SystemClock.wall() + days_ahead));
        let rules = (Periods::default(), Calendar::default(), Practice::default());
        let objects = Arc::clone(&scene.memory) as Arc<dyn Objects>;
        let mut sweep = CentreSweep::new((scene.server.clone(), scene.home.path()), objects, rules, ahead);
        assert_eq!(sweep.would_delete(10).expect("known").len(), 1);
        assert_eq!(sweep.once(Believe::Checked).expect("it sweeps").gone, 1);
        scene.is_gone(&due);
        assert_eq!(scene.life(&early), "kept");
    });
}
