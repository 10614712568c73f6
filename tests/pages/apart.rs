//! Whatever happens to the pages, live calls notice nothing: the same calls are spoken and pressed beside pages that are absent, flooded, frozen
//! (SIGSTOP) and killed, in turns within one run. Counts must be the same; times are printed as ratios.
//!
//! `make apart` takes more turns.

use std::{
    collections::HashMap,
    env,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::net::UnixDatagram,
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;
use retrocall::{
    audio::Leg,
    priority,
    words::{Clock as _, SystemClock},
};
use serde_json::{Value, json};

use super::{
    desk::{Desk, PATIENCE, Sound, wait_for},
    process::{PASSWORD, Pages, account, request},
    rig::{Raw, RealTime, frame},
};

/// Live calls of a turn, and how many of them are pressed.
const CALLS: usize = 40;
const PRESSED: usize = 25;
const FRAME: Duration = Duration::from_millis(20);
const FRAME_SAMPLES: usize = 160;
/// Frames of each leg in a turn: beside each there is a press.
const FRAMES: usize = PRESSED;
/// After which frame the pages are killed, with the flood over them.
const KILL_AFTER: usize = 8;
/// A browser of the flood gives an answer up after this: frozen pages give none.
const BROWSER_WAITS: Duration = Duration::from_millis(200);
/// Half requests that stand open at once.
const STALLED_MAX: usize = 100;
/// How often pages are frozen anew until that meets them in the middle of writing the catalog.
const FREEZES_MAX: usize = 100;

retrocall::words::words! {
    /// What is the matter with the pages.
    pub enum Matter {
        /// There are none.
        Absent = "absent",
        /// Browsers ask without a pause.
        Flooded = "flooded",
        /// They are stopped, if possible while they write the catalog; browsers go on asking.
        Frozen = "frozen",
        /// They are flooded, and killed in the middle.
        Killed = "killed",
    }
}

/// What some turns took.
#[derive(Default)]
struct Took {
    presses: Vec<Duration>,
    /// From the hangup of all calls until the last recording is kept.
    commits: Vec<Duration>,
    /// What the flood was answered.
    answers: u64,
    /// Frozen in the middle of writing the catalog.
    with_the_catalog: usize,
}

fn rounds() -> usize {
    env::var("RETROCALL_APART_ROUNDS").map_or(2, |text| text.parse().expect("RETROCALL_APART_ROUNDS: a number"))
}

#[test]
fn pages_that_are_flooded_frozen_or_killed_change_nothing_for_live_calls() {
    let desk = Desk::open(&["--one-in", "0", "--memory", "32MiB"]);
    for (name, role) in [("anna", "agent"), ("ada", "administrator")] {
        account(&desk, name, role);
    }
    let sound = Sound::noise(8_000, FRAMES * FRAME_SAMPLES, 23);
    let mut took: HashMap<Matter, Took> = HashMap::new();
    let mut flood: Option<Flood> = None;
    for _ in 0..rounds() {
        took.entry(Matter::Absent).or_default().add(turn(&desk, &sound, |_| {}), 0, false);
        let pages = Pages::start(&desk);
        let flood = flood.get_or_insert_with(|| Flood::prepare(&pages));
        for matter in [Matter::Flooded, Matter::Frozen, Matter::Killed] {
            let (is_over, answers) = (AtomicBool::new(false), AtomicU64::new(0));
            thread::scope(|scope| {
                flood.begin(scope, &pages.address, (&is_over, &answers));
                let writes = matter == Matter::Frozen && freeze(&desk, &pages);
                let took_now = turn(&desk, &sound, |number| {
                    if matter == Matter::Killed && number == KILL_AFTER {
                        pages.signal(Signal::SIGKILL);
                    }
                });
                is_over.store(true, Ordering::Relaxed);
                if matter == Matter::Frozen {
                    pages.signal(Signal::SIGCONT);
                }
                took.entry(matter).or_default().add(took_now, answers.load(Ordering::Relaxed), writes);
            });
        }
    }
    Matter::ALL.iter().for_each(|matter| took[matter].print(*matter, &took[&Matter::Absent]));
    assert!(took[&Matter::Flooded].answers > 0, "the flood reached the pages");
    desk.stop().check();
}

#[test]
fn a_supervisor_hears_when_browsers_can_connect_and_that_the_pages_live() {
    let desk = Desk::open(&["--one-in", "0"]);
    let socket = desk.beside("supervisor.sock");
    let supervisor = UnixDatagram::bind(&socket).expect("a socket");
    supervisor.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let hears = |word: &str| loop {
        let mut said = [0; 4_096];
        let bytes = supervisor.recv(&mut said).expect("they say something");
        if String::from_utf8_lossy(&said[..bytes]).lines().any(|line| line == word) {
            return;
        }
    };
    let _pages = Pages::start_with(&desk, |command| {
        command.env("NOTIFY_SOCKET", &socket);
    });
    hears("READY=1");
    hears("WATCHDOG=1");
}

impl Took {
    fn add(&mut self, (presses, commits): (Vec<Duration>, Duration), answers: u64, with_the_catalog: bool) {
        self.presses.extend(presses);
        self.presses.sort_unstable();
        self.commits.push(commits);
        self.commits.sort_unstable();
        self.answers += answers;
        self.with_the_catalog += usize::from(with_the_catalog);
    }

    fn print(&self, matter: Matter, absent: &Took) {
        let at = |times: &[Duration], percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
        let ratio = |of: fn(&Took) -> &[Duration], percent| {
            let (here, there) = (at(of(self), percent).as_secs_f64(), at(of(absent), percent).as_secs_f64());
            format!("{:.2} times ({:.2} ms)", here / there, here * 1e3)
        };
        eprintln!(
            "beside pages that are {}: no frame lost, every press taken, {} recordings right; as without pages, a press takes {} in the middle and \
             {} in 99 of 100; hangup until all are kept {}; {} answers to the flood, frozen while they wrote the catalog {} times",
            matter.as_str(),
            self.commits.len() * PRESSED,
            ratio(|took| &took.presses, 50),
            ratio(|took| &took.presses, 99),
            ratio(|took| &took.commits, 50),
            self.answers,
            self.with_the_catalog,
        );
    }
}

/// Calls that are spoken in real time, some of them pressed, and hung up. How long each press took, and the commits.
fn turn(desk: &Desk, sound: &Sound, mut beside: impl FnMut(usize)) -> (Vec<Duration>, Duration) {
    let mut line = Raw::connect(desk.socket());
    let calls: Vec<(u32, String)> = (0..CALLS)
        .map(|number| {
            let begin = json!({"do": "begin", "agent": format!("agent-{number}"), "rate": 8000, "codec": "pcm16"});
            let answer = line.ask(&begin);
            assert_eq!(answer["answer"], "accepted", "{answer}");
            let channel = answer["channel"].as_u64().expect("a channel") as u32;
            (channel, answer["call"].as_str().expect("an id").to_owned())
        })
        .collect();
    let mut button = Raw::connect(desk.socket());
    let mut presses = Vec::new();
    let time = RealTime::begin();
    thread::scope(|scope| {
        let (line, calls) = (&mut line, &calls);
        scope.spawn(move || {
            for number in 0..FRAMES {
                time.wait_until(FRAME * (number as u32 + 1));
                let span = number * FRAME_SAMPLES..(number + 1) * FRAME_SAMPLES;
                let frames = calls.iter().flat_map(|(channel, _)| {
                    let span = &span;
                    Leg::ALL.map(|leg| frame(leg, *channel, span.start as u64, &sound.legs[leg.index()][span.clone()]))
                });
                line.send(&frames.flatten().collect::<Vec<u8>>()).expect("the engine takes audio");
            }
        });
        let time = RealTime::begin();
        for (number, (_, call)) in calls.iter().take(PRESSED).enumerate() {
            time.wait_until(FRAME * number as u32 + FRAME / 2);
            beside(number);
            let began = SystemClock.now();
            let answer = button.ask(&json!({"do": "record", "call": call}));
            presses.push(SystemClock.since(began));
            assert_eq!(answer["answer"], "accepted", "{answer}");
        }
    });
    no_frame_is_lost(&mut button, &calls);
    let began = SystemClock.now();
    let kept = hang_up(&mut line, &calls);
    let commits = SystemClock.since(began);
    kept.iter().for_each(|path| Sound::of_recording(path).assert_is(sound));
    (presses, commits)
}

fn no_frame_is_lost(eye: &mut Raw, calls: &[(u32, String)]) {
    let legs = |view: &Value| ["agent_leg", "customer_leg"].map(|leg| view[leg].clone());
    let is_ours = |view: &&Value| calls.iter().any(|(_, call)| view["call"] == **call);
    let views: Vec<Value> = wait_for("the last frames", || {
        let answer = eye.ask(&json!({"do": "calls"}));
        let views: Vec<Value> = answer["calls"].as_array().expect("a list").iter().filter(is_ours).cloned().collect();
        let came: u64 = views.iter().flat_map(legs).map(|leg| leg["frames"].as_u64().expect("a count")).sum();
        (came == (2 * CALLS * FRAMES) as u64).then_some(views)
    });
    for leg in views.iter().flat_map(legs) {
        let counts = ["frames", "gaps", "late_frames", "lost_frames"].map(|count| leg[count].as_u64());
        assert_eq!(counts, [Some(FRAMES as u64), Some(0), Some(0), Some(0)], "{leg}");
    }
}

/// Ends all calls, and waits for the recordings of those that were pressed.
fn hang_up(line: &mut Raw, calls: &[(u32, String)]) -> Vec<PathBuf> {
    calls.iter().for_each(|(channel, _)| line.say(&json!({"do": "end", "channel": channel})));
    let (mut answers, mut kept) = (0, Vec::new());
    while answers < CALLS || kept.len() < PRESSED {
        let message = line.next().expect("the connection is open");
        if let Some(answer) = message.get("answer") {
            assert_eq!(answer, "accepted", "{message}");
            answers += 1;
        }
        if message["event"] == "kept" {
            kept.push(message["path"].as_str().expect("a path").into());
        }
    }
    kept
}

/// Stops the pages, if it can be while they write the catalog: then nobody else can, as long as they are stopped.
fn freeze(desk: &Desk, pages: &Pages) -> bool {
    for _ in 0..FREEZES_MAX {
        pages.signal(Signal::SIGSTOP);
        if desk.is_being_written() {
            return true;
        }
        pages.signal(Signal::SIGCONT);
        // Long enough for them to come to another place in their work.
        thread::sleep(Duration::from_millis(2));
    }
    pages.signal(Signal::SIGSTOP);
    false
}

/// Browsers that ask for what costs most, without a pause.
struct Flood {
    requests: Vec<String>,
}

impl Flood {
    fn prepare(pages: &Pages) -> Flood {
        let (anna, form) = pages.log_in("anna");
        let (ada, _) = pages.log_in("ada");
        let wrong = format!("name=anna&password={}", PASSWORD.to_uppercase().replace(' ', "+"));
        let entered = format!("form={form}&kind=access&customer=0201234567&received_on=2026-11-01");
        Flood {
            requests: vec![
                request("GET /login", "", ""),
                request("POST /login", &anna, &format!("form={form}&{wrong}")),
                request("GET /mine", &anna, ""),
                request("GET /board", &ada, ""),
                // This one writes the catalog, each time.
                request("POST /requests", &anna, &entered),
            ],
        }
    }

    /// Goes on until it is over. Counts what is answered.
    fn begin<'s>(
        &'s self,
        scope: &'s thread::Scope<'s, '_>,
        address: &'s str,
        (is_over, answers): (&'s AtomicBool, &'s AtomicU64),
    ) {
        for request in &self.requests {
            scope.spawn(move || {
                // They have machines of their own, and take nothing from the one on which calls are.
                priority::give_way();
                while !is_over.load(Ordering::Relaxed) {
                    answers.fetch_add(u64::from(is_answered(address, request)), Ordering::Relaxed);
                }
            });
        }
        // Whoever begins, and never ends.
        scope.spawn(move || {
            let mut stalled = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                if let Ok(mut stream) = TcpStream::connect(address)
                    && stream.write_all(b"GET /login HTTP/1.1\r\nHost: loc").is_ok()
                {
                    stalled.push(stream);
                }
                if stalled.len() >= STALLED_MAX {
                    stalled.clear();
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
    }
}

fn is_answered(address: &str, request: &str) -> bool {
    // Nobody listens once the pages are killed.
    let Ok(mut stream) = TcpStream::connect(address) else {
        thread::sleep(Duration::from_millis(1));
        return false;
    };
    stream.set_read_timeout(Some(BROWSER_WAITS)).expect("a time limit");
    let mut answer = [0; 12];
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && &answer[..9] == b"HTTP/1.1 "
}
