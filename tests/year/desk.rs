//! The desk's machine: the records of its home, its clock, its files; kills and sweeps.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use retrocall_records::{
    Address,
    desk::{HomeDesk, Person, Queue as _, Requests as _, Restricting as _},
    ledger, open,
    sweep::{
        Believe, Files, HomeFiles, HomeStore, Overwriting, Stopped, Sweeper, is_open, overwrite, remove_returned,
        shorten_holds,
    },
};
use retrocall_words::{
    Call, CallId, Clock, Country, Facts, SystemClock, TestClock,
    audio::Rate,
    book::{Book, CallBegun, CallEnded, Draw, Note, Outcome, day_of},
    retention::{Calendar, Period, Periods},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    calls::{Kept, Today, name_of},
    customers::states,
    disk::{Cut, CutFiles, copy_files, files, put_back},
    events::Events,
    server::{Centre, Place},
};

/// Far longer than anything takes.
const LONG: Duration = Duration::from_secs(60);
/// The desk's people.
pub const AGENTS: u32 = 50;
/// Of so many calls one is sampled.
const ONE_IN: u32 = 10;
/// Of so many days, on one a backup is made, and on another it is put back: on working days, with one between them, so that much is decided meanwhile.
const BACKED_UP_ON: u32 = 37;
const RESTORED_ON: u32 = 39;
/// A day of working hours begins at this time, UTC.
const MORNING_HOUR: i8 = 6;

/// A folder for the home and what lies beside it; in memory, if there is a file system in memory: thousands of transactions are synced.
pub struct Home(pub TempDir);

impl Home {
    fn new() -> Home {
        let memory = Path::new("/dev/shm");
        let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let home = Home(made.expect("a folder"));
        fs::create_dir_all(home.path().join("recordings")).expect("a folder");
        home
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().join("home")
    }
}

/// The engine's part: the book, and the thread that writes it.
pub struct Engine {
    pub book: Arc<dyn Book>,
    pub draw: Arc<dyn Draw>,
    thread: JoinHandle<()>,
}

impl Engine {
    pub fn start(home: &Path, clock: &Arc<TestClock>) -> Engine {
        let opened = open(home, Arc::clone(clock) as Arc<dyn Clock>, Country::default(), ONE_IN);
        let write = opened.write;
        let thread = thread::spawn(write);
        Engine { book: opened.book, draw: opened.draw.expect("the records draw"), thread }
    }

    /// Lets go of the book: what is queued is written.
    pub fn stop(self) {
        drop(self.book);
        self.thread.join().expect("it ends");
    }

    pub fn flush(&self) {
        wait_until("notes are written", || {
            let health = self.book.health();
            assert_eq!(health.trouble, None);
            health.notes_waiting == 0
        });
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = SystemClock.now() + LONG;
    while !is_so() {
        assert!(SystemClock.now() < deadline, "it never came: {what}");
        thread::sleep(Duration::from_micros(200));
    }
}

/// The desk.
pub struct Desk {
    pub folder: Home,
    pub clock: Arc<TestClock>,
    pub rng: StdRng,
    pub events: Events,
    pub verbs: HomeDesk,
    /// Where the records are, if that is not in the home.
    pub centre: Option<Centre>,
    address: Address,
    pub engine: Option<Engine>,
    pub calls: u32,
    pub kept: HashMap<CallId, Kept>,
    /// Calls by the ids of their recordings, as lists have shown them.
    pub call_of: HashMap<String, CallId>,
    /// New ids of recordings that were registered again after a restore, by their old ones: whoever had an old one on a list looks the call up.
    pub renamed: HashMap<String, String>,
    /// The recordings of this day's calls.
    pub today: Vec<Today>,
    pub agents_left: BTreeSet<u32>,
    pub settings: (Periods, Calendar),
    pub review_per_week: usize,
    /// What was there at the last day's end.
    there: BTreeSet<String>,
    runs: u32,
    pub backups: Vec<PathBuf>,
    /// Holds that restores have set, for an officer to look at.
    pub held_again: Vec<String>,
    /// Requests that calls have opened by themselves since the officer looked last.
    pub opened_by_calls: Vec<String>,
    /// All requests that the list of events has.
    pub said_requests: BTreeSet<String>,
}

pub fn agent(number: u32) -> String {
    format!("agent-{number:02}")
}

impl Desk {
    pub fn open(place: Place, calls: u32, seed: u64) -> Desk {
        let folder = Home::new();
        let clock = Arc::new(TestClock::at("2025-10-06T00:30:00Z".parse().expect("a time")));
        let home = folder.path();
        fs::create_dir_all(home.join("recordings")).expect("a folder");
        let events = Events::new(folder.0.path().join("events.jsonl"));
        let free_days = ["2025-12-25", "2025-12-26", "2026-04-06", "2026-04-27"].map(|day| day.parse().expect("a day"));
        let calendar = Calendar { free_days: free_days.into(), ..Calendar::default() };
        let mut desk = Desk {
            verbs: HomeDesk::of(&home).kept_ready(),
            centre: None,
            address: Address::of(&home),
            engine: Some(Engine::start(&home, &clock)),
            folder,
            clock,
            rng: StdRng::seed_from_u64(seed),
            events,
            calls,
            kept: HashMap::new(),
            call_of: HashMap::new(),
            renamed: HashMap::new(),
            today: Vec::new(),
            agents_left: BTreeSet::new(),
            settings: (Periods::default(), calendar),
            review_per_week: (calls as usize / 40).max(4),
            there: BTreeSet::new(),
            runs: 0,
            backups: Vec::new(),
            held_again: Vec::new(),
            opened_by_calls: Vec::new(),
            said_requests: BTreeSet::new(),
        };
        desk.opened();
        if place == Place::Server {
            let centre = Centre::start(&home);
            desk.address = centre.address();
            desk.verbs = HomeDesk::at(centre.address()).kept_ready();
            desk.centre = Some(centre);
        }
        desk.say_settings();
        desk
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path()
    }

    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("an engine")
    }

    pub fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// Somebody takes some seconds for something.
    pub fn moment(&mut self) -> Timestamp {
        self.clock.pass(Duration::from_secs(self.rng.random_range(1..20)));
        self.now()
    }

    pub fn chance(&mut self, one_in: u32) -> bool {
        self.rng.random_range(0..one_in) == 0
    }

    pub fn owner() -> Person {
        Person::owner("root")
    }

    /// Time passes until this hour of the day, UTC.
    fn pass_until(&self, day: Date, hour: i8) {
        let then = day.at(hour, 0, 0, 0).to_zoned_datetime(TimeZone::UTC).expect("a time").timestamp();
        let left = then.duration_since(self.now());
        if left > SignedDuration::ZERO {
            self.clock.pass(left.unsigned_abs());
        }
    }

    pub fn morning(&mut self) {
        self.pass_until(day_of(self.now()), MORNING_HOUR);
    }

    pub fn is_working_day(&self) -> bool {
        self.settings.1.is_working_day(self.settings.1.day_of(self.now()))
    }

    pub fn change_period(&mut self, period: Period, length: i64) {
        self.settings.0 = self.settings.0.with(period, length).expect("in range");
        self.say_settings();
    }

    fn say_settings(&mut self) {
        let settings = json!({ "periods": self.settings.0, "free_days": self.settings.1.free_days });
        self.events.say(self.now(), "settings", json!({ "settings": settings }));
    }

    /// The requests that the day's calls have opened are told; and on some days a sweep is cut off before people do their work.
    pub fn afternoon(&mut self, day: u32) {
        for said in self.new_requests() {
            self.events.say(self.now(), "request-opened", said);
        }
        // Not before a restore, which goes on with what was begun.
        if day % 90 != RESTORED_ON && self.chance(9) {
            self.cut_sweep();
        }
    }

    /// The requests that calls have opened by themselves, as the list of events says them.
    pub fn new_requests(&mut self) -> Vec<Value> {
        let all = self.verbs.open_requests(&Desk::owner()).expect("a list");
        let mut new = Vec::new();
        for request in all {
            if !self.said_requests.insert(request.request.clone()) {
                continue;
            }
            // It was received when its call ended.
            let own = request.recordings.iter().find(|one| self.kept[&one.call].ends_at() == request.entered_at);
            let call = own.expect("its call").call;
            let customer = self.kept[&call].customer.filter(|_| request.by_number).map(name_of);
            new.push(json!({
                "request": request.request, "kind": "access", "of": { "call": call, "customer": customer },
                "received": request.received_on, "by": "call", "done": true, "recordings": states(&request),
            }));
            self.opened_by_calls.push(request.line.request);
        }
        new
    }

    /// The evening and the night: sweeps, and what happens to machines.
    pub fn night(&mut self, day: u32) {
        // A server's backups are its own.
        let is_at_home = self.centre.is_none();
        match day % 30 {
            4 | 19 if is_at_home => self.kill(),
            _ => {}
        }
        match day % 90 {
            BACKED_UP_ON if is_at_home => self.back_up(),
            RESTORED_ON if is_at_home => self.restore(),
            _ => {}
        }
        if self.chance(6) {
            self.cut_sweep();
        }
        if self.chance(3) {
            self.sweep();
        }
        let next = day_of(self.now()).saturating_add(1.day());
        self.pass_until(next, 2);
        self.end_day();
        self.sweep();
        if is_at_home {
            shorten_holds(&self.path()).expect("shortened");
        }
        if day % 14 == 3 && is_at_home {
            let done = overwrite(&self.path(), self.now()).expect("overwritten");
            assert!(!matches!(done, Overwriting::Read), "{done:?}");
        }
        self.say_day();
    }

    /// The records end the day before: its seed is published, and the next morning its sample can be heard.
    fn end_day(&self) {
        let sealed = |path: &Path| ledger::heads(path).expect("heads").len();
        let (path, before) = (self.path(), sealed(&self.path()));
        // A day ends when the engine has a number for the next one.
        wait_until("the day is sealed", || {
            self.clock.pass(Duration::from_secs(11));
            self.engine().book.look();
            self.engine().flush();
            sealed(&path) > before
        });
        if let Some(centre) = &self.centre {
            centre.take_days(&path);
        }
    }

    fn sweep(&mut self) {
        let swept = self.sweep_with(&HomeFiles::of(&self.path()));
        let at = swept.expect("it sweeps");
        self.events.say(at, "swept", json!({}));
        if self.centre.is_none() {
            let returned = remove_returned(&self.path(), self.now()).expect("looked for");
            assert!(returned.removed.is_empty(), "nothing had come back");
        }
    }

    /// One run, as the engine does it each hour. When it ran.
    fn sweep_with(&mut self, files: &dyn Files) -> Result<Timestamp, Stopped> {
        is_open(&self.path())?;
        let now = self.moment();
        let mut store = HomeStore::open_at(&self.address, &self.path())?.expect("records");
        store.follow(self.settings.0, &self.settings.1, now)?;
        self.events.say(now, "followed", json!({}));
        self.verbs.restrict_unanswered(now).expect("restricted");
        for recording in self.verbs.let_go(Some(self.review_per_week), now).expect("let go") {
            let call = self.call_of[&recording];
            self.events.say(now, "let-go", json!({ "call": call, "done": true }));
        }
        self.runs += 1;
        let mut sweeper = Sweeper::new(format!("engine {}", self.runs));
        let report = sweeper.run(&mut store, files, &*self.clock, Believe::Checked)?;
        assert_eq!((report.failed.len(), report.absent.len()), (0, 0), "{report:?}");
        Ok(now)
    }

    /// A sweep that is killed at some step; its lease expires before the next one.
    fn cut_sweep(&mut self) {
        let files = CutFiles::of(&self.path(), self.rng.random_range(2..60));
        let hook = panic::take_hook();
        panic::set_hook(Box::new(|_| {}));
        let swept = panic::catch_unwind(AssertUnwindSafe(|| self.sweep_with(&files)));
        panic::set_hook(hook);
        match swept {
            // It came to its end before.
            Ok(swept) => {
                let at = swept.expect("it sweeps");
                self.events.say(at, "swept", json!({}));
            }
            Err(end) if end.is::<Cut>() => {
                self.events.say(self.now(), "cut", json!({}));
                self.clock.pass(Duration::from_secs(11 * 60));
            }
            Err(end) => panic::resume_unwind(end),
        }
    }

    /// What exists now, compared with the day before.
    fn say_day(&mut self) {
        let there = files(&self.path().join("recordings"));
        let came: Vec<_> = there.difference(&self.there).collect();
        let went: Vec<_> = self.there.difference(&there).collect();
        let fields = json!({ "came": came, "went": went, "count": there.len() });
        self.events.say(self.now(), "day", fields);
        self.there = there;
    }

    /// The engine is killed with calls live and notes on their way, and started again. What the records did not have yet is lost, with the calls.
    fn kill(&mut self) {
        let left = tempfile::tempdir_in(self.folder.0.path()).expect("a folder");
        let live: Vec<CallId> = (0..5).map(|_| CallId::new()).collect();
        for id in &live {
            let number = self.engine().book.reserve(day_of(self.now()));
            let call = Call {
                id: *id,
                facts: Facts::of(agent(0)),
                rate: Rate::new(8_000).expect("a rate"),
                began_at: self.now(),
            };
            self.engine().book.note(Note::Begun(CallBegun {
                call,
                day: number.day,
                sequence: number.sequence,
                exempt: false,
            }));
        }
        self.engine().flush();
        copy_files(&self.path(), left.path());
        // Nobody will know of these.
        live.iter().for_each(|call| self.engine().book.note(Note::Ended(CallEnded::unseen(*call, Outcome::Discarded))));
        self.engine.take().expect("an engine").stop();
        put_back(left.path(), &self.path());
        self.engine = Some(Engine::start(&self.path(), &self.clock));
        self.opened();
    }

    /// Waits until the records are open, and does what the engine's recovery does.
    pub fn opened(&mut self) {
        let left = self.engine().book.left_behind(Some(LONG)).expect("the records open");
        for call in left.committing {
            self.engine().book.note(Note::Ended(CallEnded::unseen(call.call, Outcome::Lost)));
        }
        // What the engine waits for before it calls days ended whose calls nobody saw end.
        self.clock.pass(Duration::from_secs(601));
        self.engine().flush();
    }

    /// Ends the year. Where its events are.
    pub fn close(&mut self) -> PathBuf {
        self.engine.take().expect("an engine").stop();
        self.events.flush().to_owned()
    }

    /// Leaves everything for whoever looks for a fault.
    pub fn keep_home(&mut self) -> PathBuf {
        self.folder.0.disable_cleanup(true);
        self.folder.0.path().to_owned()
    }

    pub fn count(&self) -> i64 {
        self.there.len() as i64
    }

    pub fn anything(&self) -> String {
        self.there.first().expect("something is kept").clone()
    }
}
