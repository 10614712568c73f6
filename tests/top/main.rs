//! `retrocall top` as somebody at a terminal has it: a real engine, a real (pseudo) terminal, keys.

#[path = "../desk/mod.rs"]
mod desk;

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use retrocall::protocol::Ask;

use desk::{Desk, Home, Line, Ran, Sound, wait_for};

const TERMINAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/top/terminal.py");
/// What a program says to a terminal to leave it as it was: the other screen, and the cursor (xterm's control sequences).
const LEAVES: [&str; 2] = ["\x1b[?1049l", "\x1b[?25h"];

/// `retrocall top` in a terminal of 110 by 12.
struct Top {
    terminal: Child,
    keys: ChildStdin,
    drawn: Arc<Mutex<Vec<u8>>>,
    reads: Option<JoinHandle<()>>,
    words: BufReader<std::process::ChildStderr>,
    pid: Pid,
}

impl Top {
    fn open(home: &Home) -> Top {
        let mut command = Command::new("python3");
        command.args([TERMINAL, "110", "12", desk::PROGRAM, "--home"]).arg(home.path()).arg("top");
        command.env("TERM", "xterm-256color").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut terminal = command.spawn().expect("python3");
        let (keys, mut output) = (terminal.stdin.take().expect("a pipe"), terminal.stdout.take().expect("a pipe"));
        let mut words = BufReader::new(terminal.stderr.take().expect("a pipe"));
        let (drawn, mut pid) = (Arc::new(Mutex::new(Vec::new())), String::new());
        words.read_line(&mut pid).expect("a line");
        let to = Arc::clone(&drawn);
        let reads = thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(bytes @ 1..) = output.read(&mut chunk) {
                to.lock().expect("nobody panicked with it").extend_from_slice(&chunk[..bytes]);
            }
        });
        let pid = Pid::from_raw(pid.trim().parse().expect("a process id"));
        Top { terminal, keys, drawn, reads: Some(reads), words, pid }
    }

    /// All that was drawn so far. Cells that have not changed are not drawn again, blanks are jumped over.
    fn drawn(&self) -> String {
        String::from_utf8_lossy(&self.drawn.lock().expect("nobody panicked with it")).into_owned()
    }

    /// Waits until each of these words has been drawn after what was drawn before.
    fn wait_for(&self, words: &[&str]) {
        let looked = || words.iter().all(|word| self.drawn().contains(word)).then_some(());
        wait_for(&format!("{words:?} on the screen"), looked);
    }

    fn press(&mut self, key: &str) {
        self.keys.write_all(key.as_bytes()).expect("the terminal is there");
    }

    /// Waits for its end: its exit code, after which the terminal is as it was.
    fn ended(mut self) -> (i32, String) {
        let status = wait_for("its end", || self.terminal.try_wait().expect("it is ours"));
        self.reads.take().expect("it is joined once").join().expect("it does not panic");
        let mut words = String::new();
        self.words.read_to_string(&mut words).expect("its last word");
        assert_eq!(words, "restored\n");
        let drawn = self.drawn();
        for sequence in LEAVES {
            assert!(drawn.rfind(sequence) > drawn.rfind("anna"), "{sequence:?} is missing at the end");
        }
        (status.code().expect("an exit code"), drawn)
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        if let Ok(None) = self.terminal.try_wait() {
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = self.terminal.kill();
            let _ = self.terminal.wait();
        }
    }
}

/// An engine with a call of anna's, of which two seconds have been spoken.
fn desk_with_a_call(flags: &[&str]) -> (Desk, Line) {
    let desk = Desk::open(flags);
    let mut line = Line::begin(&desk, "anna", 8000);
    line.talk(&Sound::noise(8000, 16_000, 3), 0, 16_000);
    line.settle();
    (desk, line)
}

#[test]
fn keys_record_and_mask_the_chosen_call_and_q_gives_the_terminal_back() {
    let (desk, mut line) = desk_with_a_call(&["--one-in", "0"]);
    let mut top = Top::open(&desk);
    top.wait_for(&["anna", "2.0", "KiB", "none", "live"]);
    let is = |what: &str| desk.json(&["calls"])[0][what].clone();
    for (key, words, what, so) in [
        ("r", "first", "recording", true),
        ("m", "until", "masked", true),
        ("m", "heard", "masked", false),
        ("r", "bookmark", "recording", true),
    ] {
        top.press(key);
        top.wait_for(&[words]);
        assert_eq!(is(what), so, "after {key}");
    }
    // A refusal is told with its reason.
    line.end_and_keep();
    let mut private = Line::begin(&desk, "anna", 8000);
    private.accepted(Ask::Private);
    top.wait_for(&["private"]);
    top.press("r");
    top.wait_for(&["refused"]);
    top.press("q");
    assert_eq!(top.ended().0, 0);
}

#[test]
fn what_ends_it_from_outside_gives_the_terminal_back_too() {
    let (desk, _line) = desk_with_a_call(&["--one-in", "0"]);
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let top = Top::open(&desk);
        top.wait_for(&["anna"]);
        kill(top.pid, signal).expect("it is ours, and was not waited for");
        assert_eq!(top.ended().0, code);
    }
}

#[test]
fn an_engine_that_goes_and_comes_back_is_seen_again() {
    let (desk, line) = desk_with_a_call(&["--one-in", "0"]);
    let mut top = Top::open(&desk);
    top.wait_for(&["anna"]);
    drop(line);
    let home = desk.kill();
    top.wait_for(&["engine"]);
    let desk = home.start(&["--one-in", "0"]);
    let _line = Line::begin(&desk, "bert", 8000);
    top.wait_for(&["bert"]);
    top.press("\x03");
    assert_eq!(top.ended().0, 0);
}

/// The characters on the screen in the order in which they were drawn, without what moves the cursor or changes colours: that stands
/// there once for each time that nothing was new.
fn characters(drawn: &str) -> String {
    let pieces = drawn.split('\x1b').map(|piece| match piece.strip_prefix('[') {
        Some(sequence) => sequence.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, text)| text),
        None => piece,
    });
    pieces.collect()
}

/// Two desks that differ in nothing but the draw: every character on the screen is the same.
#[test]
fn the_draw_is_never_shown() {
    let screens = ["0", "1"].map(|one_in| {
        let (desk, _line) = desk_with_a_call(&["--one-in", one_in]);
        let mut top = Top::open(&desk);
        top.wait_for(&["anna", "quit"]);
        top.press("q");
        characters(&top.ended().1)
    });
    assert!(screens[0].contains("anna") && screens[0].contains("memory"), "{}", screens[0]);
    assert_eq!(screens[0], screens[1]);
}

#[test]
fn without_a_terminal_it_names_what_prints_the_same() {
    let home = Home::new();
    for flags in [&["top"][..], &["top", "--json"]] {
        let ran: Ran = home.run(flags);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert!(ran.stderr.contains("`retrocall calls"), "{ran:?}");
    }
}
