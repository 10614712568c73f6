//! A user who does all the harm at once that a member of the desk's group can do, for as long as `RETROCALL_HOSTILE_SECONDS` says, 3 without
//! it: what another agent's press and the ledger's rows lose by it.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    begin,
    quotas::anonymous_kib,
    rig::{Raw, control},
    visitors::{OpenDesk, Visitor},
};
use retrocall::words::{Clock as _, SystemClock};

/// As long as this, and more, what a press takes is asserted and not only printed.
const LONG_S: u64 = 30;
/// Within this 99 of 100 presses are answered in a long run, unless the machine alone takes nearly as long.
const PRESS_MAX: Duration = Duration::from_millis(10);
/// How much longer than on the same machine a moment before.
const SLOWER_MAX: u32 = 3;
/// Beyond what may wait for one user: tasks, tables, a catalog that is busy.
const SLACK_KIB: usize = 32 * 1_024;

fn seconds() -> u64 {
    env::var("RETROCALL_HOSTILE_SECONDS").map_or(3, |text| text.parse().expect("a number of seconds"))
}

/// A connection of that user's, if there is one left for it.
fn try_connect(visitor: &Visitor) -> Option<Raw> {
    let mut raw = visitor.bare();
    raw.next().filter(|message| message["event"] == "hello").map(|_| raw)
}

/// Something that a hostile user does without end.
type Deed = fn(&Visitor, &Value, &dyn Fn() -> bool);

/// Takes connections, lets some go, takes more.
fn connect(visitor: &Visitor, _: &Value, go_on: &dyn Fn() -> bool) {
    let mut held = Vec::new();
    while go_on() {
        held.extend(try_connect(visitor));
        if held.len() > 50 {
            held.clear();
        }
    }
}

/// Asks, and hears the answer; none if the engine has closed the connection.
fn try_ask(raw: &mut Raw, request: &Value) -> Option<Value> {
    raw.send(&control(request)).ok()?;
    std::iter::from_fn(|| raw.next()).find(|message| message.get("answer").is_some())
}

/// Asks over one connection for these things in turn, and over another one when that is closed.
fn ask(visitor: &Visitor, go_on: &dyn Fn() -> bool, requests: impl Fn(&mut Raw) -> Option<Vec<Value>>) {
    while go_on() {
        let Some(mut raw) = try_connect(visitor) else { continue };
        let mut ask_all = || requests(&mut raw)?.iter().try_for_each(|request| try_ask(&mut raw, request).map(drop));
        while go_on() && ask_all().is_some() {}
    }
}

fn begin_and_end(visitor: &Visitor, _: &Value, go_on: &dyn Fn() -> bool) {
    ask(visitor, go_on, |_| {
        Some(vec![begin("mallory"), json!({"do": "end"}), json!({"do": "end", "agent": "mallory"})])
    });
}

fn never_read(visitor: &Visitor, _: &Value, go_on: &dyn Fn() -> bool) {
    let requests = control(&json!({"do": "calls"})).repeat(100);
    while go_on() {
        let Some(mut raw) = try_connect(visitor) else { continue };
        while go_on() && raw.send(&requests).is_ok() {}
    }
}

fn press_what_is_anothers(visitor: &Visitor, call: &Value, go_on: &dyn Fn() -> bool) {
    ask(visitor, go_on, |_| {
        let of_call =
            ["record", "private", "mask", "attach", "share", "end"].map(|verb| json!({"do": verb, "call": call}));
        Some(of_call.into_iter().chain([json!({"do": "record", "agent": "bert"}), json!({"do": "status"})]).collect())
    });
}

fn transfer(visitor: &Visitor, call: &Value, go_on: &dyn Fn() -> bool) {
    ask(visitor, go_on, |raw| {
        let own = try_ask(raw, &begin("mallory"))?["channel"].clone();
        let offers = ["bert", "carl", "bert"].map(|to| json!({"do": "transfer", "channel": own, "to": to}));
        let theft = ["mallory", "carl"].map(|to| json!({"do": "transfer", "call": call, "to": to}));
        Some(offers.into_iter().chain(theft).chain([json!({"do": "end", "channel": own})]).collect())
    });
}

fn odd_names(visitor: &Visitor, _: &Value, go_on: &dyn Fn() -> bool) {
    let names = ["\u{202e}treb", "be\u{200b}rt", " ", "bert\u{feff}", "\u{1b}[2Jbert", "e\u{301}\u{301}"];
    let requests = names.iter().flat_map(|name| [begin(name), json!({"do": "record", "agent": name})]);
    let requests: Vec<Value> = requests.collect();
    ask(visitor, go_on, |_| Some(requests.clone()));
}

const DEEDS: [Deed; 6] = [connect, begin_and_end, never_read, press_what_is_anothers, transfer, odd_names];

/// Threads that go on until they are told.
struct Threads<T> {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<T>>,
}

impl<T: Send + 'static> Threads<T> {
    fn new() -> Threads<T> {
        Threads { over: Arc::default(), threads: Vec::new() }
    }

    fn start(&mut self, work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static) {
        let over = Arc::clone(&self.over);
        self.threads.push(thread::spawn(move || work(&|| !over.load(Ordering::Relaxed))));
    }

    fn end(self) -> Vec<T> {
        self.over.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().expect("it does not fail")).collect()
    }
}

/// The median of what presses took, what 99 of 100 took at most, and the worst.
fn sorted(mut took: Vec<Duration>) -> [Duration; 3] {
    took.sort();
    [0.5, 0.99, 1.0].map(|part| took[((took.len() - 1) as f64 * part) as usize])
}

/// Presses what means this call, again and again.
fn press(bert: &Visitor, call: &Value, go_on: &dyn Fn() -> bool) -> Vec<Duration> {
    let (mut hotkey, mut took) = (bert.connect(), Vec::new());
    while go_on() {
        let pressed = SystemClock.now();
        let answer = hotkey.ask(&json!({"do": "record"}));
        took.push(SystemClock.since(pressed));
        assert_eq!(answer["call"], *call, "the press means another call: {answer}");
        thread::sleep(Duration::from_millis(5));
    }
    took
}

#[test]
fn a_hostile_user_costs_others_neither_a_press_nor_a_row() {
    let Some(open) = OpenDesk::open("", &["--one-in", "0", "--memory", "16MiB"]) else { return };
    let desk = &open.desk;
    let mut pbx = Raw::connect(desk.socket());
    let call = pbx.ask(&begin("bert"))["call"].clone();
    let before_kib = anonymous_kib(desk.pid());
    // Another agent presses, again and again, and a PBX brings the calls of a third.
    let (bert, berts) = (open.visitor("bert"), call.clone());
    let quiet_until = SystemClock.now() + Duration::from_secs(1 + seconds() / 6);
    let quiet = sorted(press(&bert, &call, &|| SystemClock.now() < quiet_until));
    let (mut pressing, mut calling) = (Threads::new(), Threads::new());
    pressing.start(move |go_on| press(&bert, &berts, go_on));
    let socket = desk.socket().to_owned();
    calling.start(move |go_on| {
        let (mut pbx, mut calls) = (Raw::connect(&socket), 0);
        while go_on() {
            let begun = pbx.ask(&begin("carl"));
            assert_eq!(begun["answer"], "accepted", "{begun}");
            assert_eq!(pbx.ask(&json!({"do": "end", "channel": begun["channel"]}))["answer"], "accepted");
            calls += 1;
            thread::sleep(Duration::from_millis(10));
        }
        calls
    });
    let mut hostile = Threads::new();
    for deed in DEEDS {
        let (mallory, call) = (open.visitor("mallory"), call.clone());
        hostile.start(move |go_on| deed(&mallory, &call, go_on));
    }
    let until = SystemClock.now() + Duration::from_secs(seconds());
    let mut most_kib = before_kib;
    while SystemClock.now() < until {
        most_kib = most_kib.max(anonymous_kib(desk.pid()));
        let ran = desk.run(&["record", "--agent", "bert"]);
        // The call is recorded; more than a thousand bookmarks are refused.
        assert!(ran.code == 0 || ran.stderr.contains("a thousand marks"), "the owner's own command: {ran:?}");
    }
    let took = pressing.end().pop().expect("presses");
    let calls = calling.end().pop().expect("calls");
    hostile.end();
    let (presses, [median, most, worst]) = (took.len(), sorted(took));
    let grown_kib = most_kib - before_kib;
    println!("without a hostile user: median {:?}, 99 of 100 within {:?}, worst {:?}", quiet[0], quiet[1], quiet[2]);
    println!("{presses} presses beside one: median {median:?}, 99 of 100 within {most:?}, worst {worst:?}");
    println!("{calls} calls of another agent; the engine grew by {grown_kib} KiB");
    let status = pbx.ask(&json!({"do": "status"}))["status"].clone();
    println!("refused: {} of {}", status["totals"]["requests_refused"], status["totals"]["calls_refused"]);
    assert_eq!(status["totals"]["errors"].get("ledger"), None, "{status}");
    if seconds() >= LONG_S {
        assert!(most < PRESS_MAX.max(SLOWER_MAX * quiet[1]), "{most:?}, and {:?} without", quiet[1]);
    }
    assert!(grown_kib <= 4 * 1_024 + SLACK_KIB, "{grown_kib} KiB");
    pbx.ask(&json!({"do": "end", "channel": 0}));
    let home = open.desk.stop();
    let rows = home.ledger(|rows| rows.iter().all(|row| row.end.is_some()));
    for (agent, expected) in [("carl", calls), ("bert", 1)] {
        assert_eq!(rows.iter().filter(|row| row.agent == agent).count(), expected, "rows of {agent}'s");
    }
    let lines = home.log().lines().count();
    assert!(lines < 100 + 20 * seconds() as usize, "{lines} lines in the log:\n{}", home.log());
}
