//! Every system call of an engine, seen by `strace`: of an unselected call no audio goes out of the process, to no file and no socket.
//! The same search finds the audio of a recorded call, so that it can fail.

mod desk;
mod rig;
mod skip;

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use retrocall::{
    audio::{Codec, Leg, Rate},
    catalog,
    client::Client,
    protocol::{Ask, Begin, Event, Request, Target, Verdict},
};
use serde_json::Value;

use desk::{Home, PATIENCE, Sound, wait_for};
use rig::Traces;

/// Calls that bring bytes in: the only ones that are not looked at. What a kernel may learn to do later is.
const BRING_IN: &str = "trace=!read,readv,pread64,preadv,preadv2,recvfrom,recvmsg,recvmmsg";
/// The kernel shows nobody what is in secret memory, not even to a tracer: here it has none to give, and the engine locks plain memory.
const NO_SECRETS: [&str; 2] = ["-e", "inject=memfd_secret:error=ENOSYS"];
/// Calls that bring bytes out, with the bytes in sight.
const BRING_OUT: [&str; 8] = ["write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg"];
/// Calls that could bring bytes out with nothing to be seen: the engine makes none.
const HIDDEN: [&str; 12] = [
    "io_uring_setup",
    "io_submit",
    "splice",
    "tee",
    "vmsplice",
    "sendfile",
    "copy_file_range",
    "process_vm_writev",
    "memfd_create",
    "shmat",
    "mq_timedsend",
    "process_vm_readv",
];

/// An engine whose every system call is written down.
struct Watched {
    home: Home,
    strace: Child,
    engine: Pid,
    trace: PathBuf,
}

impl Watched {
    /// None, and it says so, where there is no `strace` or it may not see.
    fn start(home: Home, secrets: &[&str]) -> Option<Watched> {
        // The engine hides its memory from other processes of its user.
        if !skip::is_root("watching the engine's system calls") {
            return None;
        }
        let works = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).status();
        if !works.is_ok_and(|status| status.success()) {
            skip::skip("strace is not installed (`make setup` installs it), or may not watch here");
            return None;
        }
        let trace = home.beside("trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-xx", "-s", "1000000", "-e", BRING_IN, "-o"]).arg(&trace).args(secrets);
        command.arg(desk::PROGRAM).arg("--home").arg(home.path());
        command.args(["run", "--json", "--one-in", "0", "--memory", "4MiB", "--allow-unlocked"]);
        let log = fs::File::create(home.beside("engine.log")).expect("a log");
        let mut strace =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().expect("strace starts");
        let mut ready = String::new();
        BufReader::new(strace.stdout.take().expect("its output")).read_line(&mut ready).expect("a line");
        let ready: Value = serde_json::from_str(&ready).unwrap_or_else(|error| panic!("{error}: {}", home.log()));
        let pid = ready["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).expect("a process id");
        Some(Watched { home, strace, engine: Pid::from_raw(pid), trace })
    }

    fn client(&self) -> Client {
        Client::connect(&self.home.path().join("engine.sock")).expect("a connection")
    }

    /// Stops the engine, and reads what it did.
    fn stop(mut self) -> (Home, Vec<Done>) {
        kill(self.engine, Signal::SIGTERM).expect("our engine takes signals");
        let status = wait_for("the engine's end", || self.strace.try_wait().expect("our child can be waited for"));
        assert!(status.success(), "{status}: {}", self.home.log());
        let trace = fs::read_to_string(&self.trace).expect("a trace");
        let done = trace.lines().filter_map(Done::read).collect();
        // `Watched` has a `Drop`: what is in it can't be moved out, only swapped.
        (std::mem::replace(&mut self.home, Home::new()), done)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Waited for, neither id is ours any more.
        if let Ok(None) = self.strace.try_wait() {
            // The engine first: without its tracer it would go on.
            let _ = kill(self.engine, Signal::SIGKILL);
            let _ = self.strace.kill();
            let _ = self.strace.wait();
        }
    }
}

/// A system call, as far as it matters here.
struct Done {
    name: String,
    /// The whole line, with names of files in plain text.
    line: String,
    /// The file or socket that its first argument is.
    what: String,
    /// All bytes that its arguments show.
    bytes: Vec<Vec<u8>>,
}

impl Done {
    /// `PID name(arguments) = result`; a call during which another thread had its turn has two lines, of which the first shows what
    /// goes out.
    fn read(line: &str) -> Option<Done> {
        let call = line.split_once(' ')?.1.trim_start();
        let (name, arguments) = call.split_once('(').filter(|(name, _)| !name.contains(' '))?;
        let strings = arguments.split('"').skip(1).step_by(2).map(unhex).collect();
        let line = plain(line);
        let of = |start: char, end: char| {
            let after = line.split_once('(')?.1.split_once(start)?.1;
            Some(after.split_once(end)?.0.to_owned())
        };
        let what = of('<', '>').unwrap_or_default();
        Some(Done { name: name.to_owned(), line, what, bytes: strings })
    }

    fn brings_out(&self) -> bool {
        BRING_OUT.contains(&self.name.as_str())
    }

    /// Whether its bytes go out without being seen: instead of them stands where in memory they are.
    fn is_unseen(&self) -> bool {
        self.brings_out() && self.bytes.is_empty()
    }
}

/// `\x72\x63` as bytes.
fn unhex(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).filter_map(|two| u8::from_str_radix(two.get(..2)?, 16).ok()).collect()
}

/// A line with its `\x72\x63` as text.
fn plain(line: &str) -> String {
    let mut pieces = line.split("\\x");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.get(..2).and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte @ 0x20..0x7f) => plain.push(byte as char),
            _ => plain.push('.'),
        }
        plain.push_str(piece.get(2..).unwrap_or_default());
    }
    plain
}

/// A call that is known to the last sample, in the form in which it is sent and in those in which it could be kept.
struct Known {
    codec: Codec,
    legs: [Vec<u8>; 2],
    sound: Sound,
}

impl Known {
    fn new(codec: Codec, seed: u64) -> Known {
        let noise = Sound::noise(8_000, 16_000, seed);
        match codec.law() {
            None => {
                let bytes = |leg: &Vec<i16>| leg.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                Known { codec, legs: noise.legs.each_ref().map(bytes), sound: noise }
            }
            Some(law) => {
                let legs = noise.legs.map(|leg| leg.iter().map(|sample| (*sample >> 8) as u8).collect::<Vec<u8>>());
                let expand = |leg: &Vec<u8>| leg.iter().map(|code| law.linear(*code)).collect();
                Known { codec, sound: Sound { rate: 8_000, legs: legs.each_ref().map(expand) }, legs }
            }
        }
    }

    /// Speaks all of it, with controls on the way and one (`last`) in the middle, and hangs up. If that is `record`, it waits for the
    /// recording.
    fn speak(&self, client: &mut Client, last: Option<Ask>) {
        let begin = Begin {
            customer: Some("+31 20 555 0123".into()),
            ..Begin::new("anna", Rate::new(8_000).expect("a rate"), self.codec)
        };
        let channel = ask(client, Target::Own, Ask::Begin(begin)).channel.expect("a channel");
        let target = Target::Channel(channel);
        let frame_bytes = 160 * self.codec.bytes_per_sample();
        let frames = self.legs[0].chunks(frame_bytes).zip(self.legs[1].chunks(frame_bytes));
        for (number, (agent, customer)) in frames.enumerate() {
            for (leg, bytes) in Leg::ALL.into_iter().zip([agent, customer]) {
                client.send_audio(leg, channel, 160 * number as u64, bytes).expect("the engine takes audio");
            }
            match number {
                40 => drop(ask(client, target.clone(), Ask::Mask)),
                45 => drop(ask(client, target.clone(), Ask::Unmask)),
                60 => drop(ask(client, target.clone(), Ask::EraseLast { seconds: 0.05 })),
                70 => drop(ask(client, target.clone(), Ask::Hold)),
                72 => drop(ask(client, target.clone(), Ask::Resume)),
                80 => drop(last.clone().map(|last| ask(client, target.clone(), last))),
                _ => {}
            }
        }
        let end = ask(client, target, Ask::End);
        // A private call goes no further.
        assert_eq!(end.at, Some(if last == Some(Ask::Private) { 81 * 160 } else { 16_000 }), "not all of it came in");
        while last == Some(Ask::Record) {
            match client.next_event(PATIENCE).expect("a connection").expect("`kept`") {
                Event::Kept { .. } => break,
                _ => continue,
            }
        }
    }

    fn traces(&self) -> Vec<Traces> {
        let mut traces = vec![Traces::of(&[&self.sound])];
        if self.codec.law().is_some() {
            traces.extend(self.legs.iter().map(|leg| Traces::of_bytes(leg)));
            let both = self.legs[0].iter().zip(&self.legs[1]).flat_map(|(agent, customer)| [*agent, *customer]);
            traces.push(Traces::of_bytes(&both.collect::<Vec<u8>>()));
        }
        traces
    }
}

#[track_caller]
fn ask(client: &mut Client, target: Target, ask: Ask) -> retrocall::protocol::Answer {
    let answer = client.ask(Request::new(target, ask)).expect("an answer");
    assert_eq!(answer.answer, Verdict::Accepted, "{answer:?}");
    answer
}

/// How many runs of samples stand in the arguments of a system call.
fn found(done: &Done, traces: &[Traces]) -> usize {
    traces.iter().flat_map(|traces| done.bytes.iter().map(|bytes| traces.found_in(bytes))).sum()
}

/// Whether bytes may go there though no call was selected.
fn is_no_place_for_audio(what: &str, home: &Path) -> bool {
    let catalog = home.join("catalog.sqlite").display().to_string();
    let place = Path::new(what);
    let known = place.file_name().and_then(|name| catalog::home_file(name.to_str()?));
    // No note of a call that is not kept needs to go to that file in such a short time.
    let is_beside = place.parent() == Some(home) && known.is_some_and(|file| file.name != "unwritten.jsonl");
    // What the start tries the disk with.
    let probe = home.join("recordings/.probe-").display().to_string();
    let log = home.parent().expect("a folder above").join("engine.log").display().to_string();
    what.starts_with(&catalog)
        || is_beside
        || what.starts_with(&probe)
        || what == log
        || ["socket:", "pipe:", "anon_inode:[eventfd]"].iter().any(|one| what.starts_with(one))
}

#[test]
fn no_system_call_of_the_engine_holds_audio_of_a_call_that_is_not_selected() {
    let (seed, _) = rig::random("watched");
    // With the memory that it has in earnest, and with one that can be seen if it goes out.
    for secrets in [&[][..], &NO_SECRETS] {
        let Some(watched) = Watched::start(Home::new(), secrets) else { return };
        nothing_goes_out(watched, seed);
    }
}

fn nothing_goes_out(watched: Watched, seed: u64) {
    let mut client = watched.client();
    let calls: Vec<Known> = Codec::ALL.into_iter().zip(seed..).map(|(codec, seed)| Known::new(codec, seed)).collect();
    for (known, last) in calls.iter().zip([None, Some(Ask::Private), Some(Ask::Object)]) {
        known.speak(&mut client, last);
    }
    drop(client);
    let traces: Vec<Traces> = calls.iter().flat_map(Known::traces).collect();
    // Memory that a file is mapped into shows in no system call, but in the file.
    traces.iter().for_each(|traces| traces.assert_nowhere(&watched.home));
    let (home, done) = watched.stop();
    assert!(done.iter().filter(|done| done.brings_out()).count() > 20, "strace saw nearly nothing");
    for done in &done {
        assert_eq!(found(done, &traces), 0, "audio goes out of the process: {} {}", done.name, done.what);
        assert!(!HIDDEN.contains(&done.name.as_str()), "bytes may go out unseen: {}", done.line);
        assert!(!done.is_unseen(), "bytes went out unseen: {}", done.line);
        let writes = ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| done.line.contains(flag));
        if writes && done.name.starts_with("open") {
            let path = String::from_utf8_lossy(&done.bytes[0]).into_owned();
            let path = Path::new(&path);
            let ours =
                path == home.path().join("engine.lock") || is_no_place_for_audio(&path.to_string_lossy(), home.path());
            assert!(ours || path.starts_with("/dev"), "a file is opened to write: {}", done.line);
        }
        if done.brings_out() {
            assert!(is_no_place_for_audio(&done.what, home.path()), "{} is written to: {}", done.what, done.line);
        }
        let shared = done.name == "mmap" && done.line.contains("MAP_SHARED") && done.line.contains("PROT_WRITE");
        if shared && !done.line.contains("MAP_ANONYMOUS") {
            let ours = done.what.ends_with("catalog.sqlite-shm") || done.what == "/secretmem";
            assert!(ours, "a file is mapped to write: {}", done.line);
        }
    }
    assert_eq!(home.audio_files(), Vec::<PathBuf>::new());
}

#[test]
fn the_same_search_finds_the_audio_of_a_call_that_is_recorded() {
    let (seed, _) = rig::random("watched, recorded");
    let Some(watched) = Watched::start(Home::new(), &NO_SECRETS) else { return };
    let mut client = watched.client();
    let calls: Vec<Known> =
        [Codec::Pcm16, Codec::Ulaw].into_iter().zip(seed..).map(|(codec, seed)| Known::new(codec, seed)).collect();
    for known in &calls {
        known.speak(&mut client, Some(Ask::Record));
    }
    drop(client);
    let (home, done) = watched.stop();
    let mut places = BTreeSet::new();
    for known in &calls {
        let traces = known.traces();
        let seen: Vec<(usize, &Done)> = done.iter().map(|done| (found(done, &traces), done)).collect();
        let runs: usize = seen.iter().map(|(runs, _)| runs).sum();
        assert!(runs > 10_000, "only {runs} runs of a recorded call were seen going out");
        places.extend(seen.iter().filter(|(runs, _)| *runs > 0).map(|(_, done)| done.what.as_str()));
    }
    let recordings = home.path().join("recordings").display().to_string();
    assert!(places.iter().all(|place| place.starts_with(&recordings) && place.ends_with(".wav.part")), "{places:?}");
    assert_eq!(home.audio_files().len(), 2);
}
