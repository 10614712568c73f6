//! Real `kill -9` at random moments, under a load of real calls: what was pressed is there, and nothing else is.
//!
//! One process is the engine, one plays fifty calls at once over its socket (`load`), and this one kills the engine, starts it again and
//! looks (`judge`). What each call says and does follows from the seed and its number (`plan`), so that every sample that must or must not
//! be on the disk can be said again. The short version runs with all other tests; `make torture` runs `RETROCALL_KILLS` kills (300),
//! and `RETROCALL_SEED` plays the same calls again, though never the same race.

#[path = "../desk/mod.rs"]
mod desk;
mod judge;
mod load;
mod plan;

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use desk::{Desk, Home, PATIENCE};
use judge::Tally;
use load::{Heard, Line};
use plan::Random;
use retrocall::words::{Clock as _, SystemClock};

/// Kills of the long version.
const KILLS: u64 = 300;
/// After so many kills a new home is begun: what is in it is looked at after each.
const KILLS_A_HOME: u64 = 15;
/// The engine is killed up to so long after all calls are live.
const LIVE_MS_MAX: u64 = 4_500;
/// One start in four is killed as well, up to so long after it began.
const START_MS_MAX: u64 = 150;
const FLAGS: &[&str] = &["--one-in", "8", "--memory", "96MiB"];

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Past the test program's capture: a long test says how it goes.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// The wall clock, which all processes have in common. Nothing sets it during a test.
pub fn now() -> Duration {
    SystemClock.wall().as_duration().try_into().expect("after 1970")
}

#[test]
fn three_kills_cost_no_pressed_call_more_than_its_last_second() {
    torture(number("RETROCALL_KILLS").unwrap_or(3).min(3));
}

#[test]
#[ignore = "takes a quarter of an hour: make torture"]
fn hundreds_of_kills_cost_no_pressed_call_more_than_its_last_second() {
    torture(number("RETROCALL_KILLS").unwrap_or(KILLS));
}

/// The searches would be worth nothing if they found nothing.
#[test]
fn audio_that_may_not_be_there_is_found_wherever_it_lies_and_one_wrong_sample_is_too() {
    judge::tests_itself();
}

/// What the load process runs. Does nothing unless it is one.
#[test]
#[ignore = "is run by the others"]
fn load_process() {
    if let Ok(socket) = env::var(load::SOCKET) {
        let [seed, round] = [load::SEED, load::ROUND].map(|name| number(name).expect("the test sets it"));
        load::play(socket.as_ref(), seed, round);
    }
}

/// The process that plays the calls. Killed if it is dropped too early.
struct Load {
    process: Child,
    lines: Receiver<Line>,
}

impl Load {
    fn start(desk: &Desk, seed: u64, round: u64) -> Load {
        let mut process = Command::new(env::current_exe().expect("this program"))
            .args(["load_process", "--exact", "--ignored", "--nocapture", "--test-threads", "1"])
            .env(load::SOCKET, desk.socket())
            .env(load::SEED, seed.to_string())
            .env(load::ROUND, round.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a second process");
        let stdout = BufReader::new(process.stdout.take().expect("its output"));
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            // The test program says things too, in the same line even.
            let said = stdout.lines().map_while(Result::ok);
            let said = said.filter_map(|line| serde_json::from_str(&line[line.find('{')?..]).ok());
            said.into_iter().try_for_each(|line| tell.send(line))
        });
        Load { process, lines }
    }

    /// Waits until all calls are live. What was said until then.
    fn wait_until_up(&self) -> Vec<Line> {
        let mut said = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the load gets up");
            let is_up = matches!(line.heard, Heard::Up);
            said.push(line);
            if is_up {
                return said;
            }
        }
    }

    /// Waits for its end, which comes when the engine is gone. What it said.
    fn finish(mut self) -> Vec<Line> {
        let mut said = Vec::new();
        let deadline = SystemClock.now() + PATIENCE;
        while let Ok(line) = self.lines.recv_timeout(SystemClock.until(deadline)) {
            said.push(line);
        }
        assert!(self.process.wait().expect("it is ours").success(), "the load had something to complain of");
        said
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An engine that is killed while it starts, in the middle of its recovery perhaps.
fn start_and_kill(home: &Home, after: Duration) {
    let args = [&["run", "--allow-unlocked"], FLAGS].concat();
    let mut engine = home.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("an engine");
    thread::sleep(after);
    engine.kill().expect("it is ours");
    engine.wait().expect("it is ours");
}

fn torture(kills_wanted: u64) {
    let seed = number("RETROCALL_SEED").unwrap_or_else(|| now().as_nanos() as u64);
    let (mut random, mut tally, began) = (Random(seed), Tally::default(), SystemClock.now());
    say(&format!("{kills_wanted} kills, seed {seed}"));
    let (mut kills, mut kills_of_home, mut round) = (0, 0, 0);
    let mut desk = Desk::open(FLAGS);
    while kills < kills_wanted {
        if kills_of_home >= KILLS_A_HOME {
            let home = desk.stop();
            let ran = home.run(&["check", "--json"]);
            assert_eq!(ran.code, 0, "after a good end: {}, seed {seed}", ran.stdout);
            (desk, kills_of_home) = (Desk::open(FLAGS), 0);
            tally.new_home();
        }
        round += 1;
        let load = Load::start(&desk, seed, round);
        let mut said = load.wait_until_up();
        thread::sleep(Duration::from_millis(random.below(LIVE_MS_MAX)));
        let killed_at = now();
        let home = desk.kill();
        (kills, kills_of_home) = (kills + 1, kills_of_home + 1);
        said.extend(load.finish());
        if random.below(4) == 0 && kills < kills_wanted {
            start_and_kill(&home, Duration::from_millis(random.below(START_MS_MAX)));
            (kills, kills_of_home) = (kills + 1, kills_of_home + 1);
        }
        desk = home.start(FLAGS);
        if let Err(wrong) = tally.judge(&desk, seed, &said, killed_at) {
            panic!("after kill {kills}, round {round}, seed {seed}: {wrong}");
        }
        if kills % 25 == 0 {
            say(&format!("{kills} kills, {} s: {tally}", SystemClock.since(began).as_secs()));
        }
    }
    let home = desk.stop();
    let ran = home.run(&["check", "--json"]);
    assert_eq!(ran.code, 0, "after a good end: {}, seed {seed}", ran.stdout);
    say(&format!("{kills} kills in {} s, seed {seed}: {tally}", SystemClock.since(began).as_secs()));
    tally.assert_that_something_was_tried();
}
