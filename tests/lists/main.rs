//! Every list of the pages and of the API, on both stores, for fifty people at once: nobody waits, whatever there is, and each list has everything once.
//!
//! `make test` does it with a few recordings; `make lists` with a hundred thousand, and there how long people wait is looked at.

#[path = "../../src/records/tests/cluster.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod cluster;
mod fill;
mod http;

use std::{
    collections::BTreeSet,
    env, fs,
    path::Path,
    process::Command,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use retrocall_records::Server;
use retrocall_words::{Clock as _, SystemClock};
use serde_json::Value;
use tempfile::TempDir;

use cluster::{Cluster, execute, pour, tables};
use fill::{AGENTS, Filled};
use http::{Connection, Pages};

/// Recordings, without a word from whoever runs it.
const RECORDINGS: u64 = 1_500;
/// People who ask at once, and how often each does.
const PEOPLE: usize = 50;
const ROUNDS: usize = 10;
const ROUNDS_OF_FEW: usize = 2;
/// What one in twenty who read may wait longer than. When all ask in the same instant, the processors say how long the last one waits: that is told.
const WAIT_MAX: Duration = Duration::from_millis(150);

fn asked() -> Option<u64> {
    env::var("RETROCALL_LISTS_RECORDINGS").ok().and_then(|text| text.parse().ok())
}

/// A list: what it is called in the figures, whose it is, its place, and what stands in every answer.
type List = (&'static str, Whose, String, &'static str);

/// Who asks for a list.
#[derive(Clone, Copy)]
enum Whose {
    /// Fifty agents, each for their own.
    Agents,
    One(&'static str),
}

impl Whose {
    fn name(self, person: usize) -> String {
        match self {
            Whose::Agents => fill::agent(person as u64 % AGENTS),
            Whose::One(name) => name.to_owned(),
        }
    }
}

/// Every list, at its beginning and in its middle.
fn lists(filled: &Filled) -> Vec<List> {
    use Whose::{Agents, One};
    let (time, day) = (filled.middle(), filled.middle_day());
    let list = |name, whose, place: &str, has| (name, whose, place.to_owned(), has);
    vec![
        list("My calls", Agents, "/mine", "<article"),
        list("My calls, further on", Agents, &format!("/mine?after=all~{time}~0"), "<article"),
        list("Cases", One("tom"), "/cases", "<article"),
        list("Cases, further on", One("tom"), &format!("/cases?after=open~{time}~0&presses=open~{time}~0"), "<article"),
        list("Cases, closed ones", One("olga"), &format!("/cases?after=over~{time}~0"), "<article"),
        list("Requests", One("olga"), "/requests", "<article"),
        list("Requests, further on", One("olga"), &format!("/requests?after=open~{day}~0"), "<article"),
        list("Requests, answered ones", One("olga"), &format!("/requests?after=over~{time}~0"), "<article"),
        list("Decisions", One("olga"), "/decisions", "<main"),
        list("Deletion stopped", One("olga"), "/holds", "<main"),
        list("Check", One("cora"), "/check", "<section"),
        list("Teaching material", One("hanna"), "/teaching", "<main"),
        list("API: mine", Agents, "/api/v1/mine", "\"next\""),
        list("API: cases", One("tom"), "/api/v1/cases", "\"awaiting_next\""),
        list("API: requests", One("olga"), "/api/v1/requests", "\"next\""),
        list("API: recordings, an agent's", Agents, "/api/v1/recordings", "\"next\""),
        list("API: recordings, a handler's", One("tom"), "/api/v1/recordings", "\"next\""),
        list("API: recordings, the officer's", One("olga"), "/api/v1/recordings", "\"next\""),
    ]
}

/// How fifty people ask.
#[derive(Clone, Copy, PartialEq)]
enum Load {
    /// All in the same instant, and again when the last one has an answer: the worst that can be.
    SameInstant,
    /// Each reads for a second or so before the next page, whatever the others do.
    Reading,
}

/// How long somebody reads, before their next page: the mean of it. Each person has their own rhythm, around it.
const READS: Duration = Duration::from_secs(1);

impl Load {
    fn told(self) -> &'static str {
        match self {
            Load::SameInstant => "all in the same instant",
            Load::Reading => "each after reading for a second",
        }
    }

    /// Between half of it and one and a half, evenly over the people.
    fn pause(self, person: usize) -> Duration {
        READS.mul_f64(0.5 + person as f64 / PEOPLE as f64)
    }
}

/// How long each who asks waits, round after round, from the shortest wait on.
fn waits(pages: &Pages, list: &List, load: Load, rounds: usize) -> Vec<Duration> {
    let (name, whose, place, has) = list;
    let together = Barrier::new(PEOPLE);
    let one = |person: usize| {
        let mut connection = Connection::open(pages, &whose.name(person));
        let mut waits = Vec::new();
        for _ in 0..rounds {
            match load {
                Load::SameInstant => drop(together.wait()),
                Load::Reading => thread::sleep(load.pause(person)),
            }
            let began: Instant = SystemClock.now();
            let (status, body) = connection.get(place);
            waits.push(SystemClock.since(began));
            assert!(status == 200 && body.contains(has), "{name}: {status}: {body}");
        }
        waits
    };
    let mut all: Vec<Duration> = thread::scope(|scope| {
        let people: Vec<_> = (0..PEOPLE).map(|person| scope.spawn(move || one(person))).collect();
        people.into_iter().flat_map(|person| person.join().expect("it asks")).collect()
    });
    all.sort();
    all
}

/// Asks for every list, and says how long that took, and what of it was work: the processor time of the pages, and of the server of their records.
/// Returns those that people who read wait too long for.
fn measure(store: &str, pages: &Pages, server: Option<&Cluster>, filled: &Filled) -> Vec<String> {
    let (loads, rounds): (&[Load], usize) = match asked() {
        Some(_) => (&[Load::Reading, Load::SameInstant], ROUNDS),
        None => (&[Load::SameInstant], ROUNDS_OF_FEW),
    };
    let mut too_long = Vec::new();
    for load in loads {
        println!("{store}: {} recordings, {PEOPLE} people, {}, {rounds} times", filled.recordings, load.told());
        for list in lists(filled) {
            // What is made once for many has been made, and was waited for.
            let first = waits(pages, &list, Load::SameInstant, 1)[PEOPLE - 1];
            let before = http::worked(pages, server);
            let waits = waits(pages, &list, *load, rounds);
            let worked = (http::worked(pages, server) - before) / waits.len() as u32;
            let (half, most) = (waits[waits.len() / 2], waits[waits.len() * 95 / 100]);
            println!(
                "  {:<32} p50 {half:>9.1?}  p95 {most:>9.1?}  worked for {worked:>9.1?} each  first {first:>9.1?}",
                list.0
            );
            if *load == Load::Reading && most > WAIT_MAX {
                too_long.push(format!("{store}: {}: {most:?}", list.0));
            }
        }
    }
    too_long
}

/// Everything on a list, part after part: the ids in their order.
fn whole(pages: &Pages, who: &str, place: &str, (key, id, after): (&str, &str, &str)) -> Vec<String> {
    let mut connection = Connection::open(pages, who);
    let (mut all, mut next) = (Vec::new(), None::<String>);
    loop {
        let query = next.map_or(String::new(), |next| format!("?{after}={next}"));
        let (status, body) = connection.get(&format!("{place}{query}"));
        assert_eq!(status, 200, "{body}");
        let part: Value = serde_json::from_str(&body).expect("JSON");
        let entries = part[key].as_array().expect("a list");
        assert!(entries.len() <= 20, "a part has twenty at most");
        let id_of = |entry: &Value| entry.pointer(id).and_then(Value::as_str).expect("an id").to_owned();
        all.extend(entries.iter().map(id_of));
        let goes_on = if after == "after" { "next" } else { "awaiting_next" };
        next = part[goes_on].as_str().map(str::to_owned);
        if next.is_none() {
            return all;
        }
    }
}

/// The presses that await a case, as the command says it, which judges each recording.
fn awaiting(home: &Path) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retrocall"));
    let said = command.args(["case", "list", "--awaiting", "--json", "--home"]).arg(home).output().expect("it runs");
    let presses: Vec<Value> = serde_json::from_slice(&said.stdout).expect("JSON");
    presses.iter().map(|press| press["recording"].as_str().expect("an id").to_owned()).collect()
}

/// Each list has everything, and everything once.
fn each_once(pages: &Pages, filled: &Filled) -> Vec<Vec<String>> {
    let lists = [
        ("agent-07", "/api/v1/mine", ("recordings", "/id", "after"), filled.ids(fill::MINE)),
        ("tom", "/api/v1/cases", ("cases", "/case", "after"), filled.ids(fill::CASES)),
        ("tom", "/api/v1/cases", ("awaiting", "/recording/id", "awaiting_after"), awaiting(filled.home())),
        ("olga", "/api/v1/requests", ("requests", "/request", "after"), filled.ids(fill::REQUESTS)),
    ];
    let mut all = Vec::new();
    for (who, place, keys, expected) in lists {
        let found = whole(pages, who, place, keys);
        let once: BTreeSet<&String> = found.iter().collect();
        assert_eq!(once.len(), found.len(), "{place}: nothing comes twice");
        assert!(expected.len() > 20, "{place}: more than one part: {}", expected.len());
        assert!(once.into_iter().eq(expected.iter()), "{place}: {} of {}", found.len(), expected.len());
        all.push(found);
    }
    all
}

#[test]
fn fifty_people_at_once_ask_for_every_list_on_both_stores_and_each_list_has_everything_once() {
    let filled = Filled::with(asked().unwrap_or(RECORDINGS));
    let (mut too_long, at_home) = {
        let pages = Pages::start(filled.home());
        (measure("in the home", &pages, None, &filled), each_once(&pages, &filled))
    };
    let cluster = Cluster::start(|url| Server::at(url).expect("an address").prepare().expect("tables"));
    let url = cluster.url("retrocall");
    let all: Vec<_> = tables().map(|table| (table, "TRUE".to_owned())).collect();
    pour(filled.home(), &url, &all);
    execute(&url, "ANALYZE");
    // The pages of a centre have nothing in their home but their settings.
    let centre = TempDir::new().expect("a folder");
    fs::write(centre.path().join("retrocall.toml"), format!("database = \"{url}\"\n")).expect("settings");
    let pages = Pages::start(centre.path());
    too_long.extend(measure("on a server", &pages, Some(&cluster), &filled));
    assert_eq!(each_once(&pages, &filled), at_home, "in the same order");
    assert!(!Path::new(centre.path()).join("catalog.sqlite").exists());
    assert!(too_long.is_empty(), "more than {WAIT_MAX:?} at p95: {too_long:?}");
}
