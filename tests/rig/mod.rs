//! What the tests of faults, of the socket, of system calls and of load have in common.
//!
//! Belongs here: a search for audio in bytes, a connection that says whatever it is told, small file systems, real time. Does not:
//! what must be true of the engine.

// Every test program takes what it needs of this.
#![allow(dead_code)]

use std::{
    collections::HashSet,
    fs,
    io::{self, ErrorKind, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};
use retrocall::{
    audio::Leg,
    protocol::{AudioHead, HEAD_BYTES, Head, audio_message, control_message},
    words::{Clock as _, SystemClock},
};
use serde_json::Value;

use crate::desk::{Home, PATIENCE, Sound};

/// Random numbers whose seed is printed: `RETROCALL_SEED=…` makes the same ones again.
pub fn random(what: &str) -> (u64, StdRng) {
    let now = || SystemClock.wall().as_nanosecond() as u64;
    let seed = std::env::var("RETROCALL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(now);
    eprintln!("{what}: RETROCALL_SEED={seed}");
    (seed, StdRng::seed_from_u64(seed))
}

/// Samples of one leg that must stand one after the other to be taken for audio of the call.
const TRACE_SAMPLES: usize = 8;
const TRACE_BYTES: usize = 2 * TRACE_SAMPLES;

/// Every run of samples of some calls, as it would stand in bytes: a leg alone, both interleaved, or one beside a silent one.
/// For sounds that repeat nowhere, like [`Sound::noise`].
#[derive(Default)]
pub struct Traces {
    keys: HashSet<u128>,
    /// A first look that most places don't pass.
    filter: Vec<u64>,
}

impl Traces {
    pub fn of(sounds: &[&Sound]) -> Traces {
        let mut traces = Traces::default();
        for sound in sounds {
            let quiet = vec![0; sound.len()];
            let [agent, customer] = &sound.legs;
            traces.add(agent.iter().copied(), 1);
            traces.add(customer.iter().copied(), 1);
            for (left, right) in [(agent, customer), (agent, &quiet), (&quiet, customer)] {
                traces.add(left.iter().zip(right).flat_map(|(left, right)| [*left, *right]), 2);
            }
        }
        traces
    }

    /// Bytes as they are, like the codes of G.711: every run of them.
    pub fn of_bytes(bytes: &[u8]) -> Traces {
        let mut traces = Traces::default();
        bytes.windows(TRACE_BYTES).for_each(|window| traces.insert(window));
        traces
    }

    fn add(&mut self, samples: impl Iterator<Item = i16>, step: usize) {
        let bytes: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
        bytes.windows(TRACE_BYTES).step_by(2 * step).for_each(|window| self.insert(window));
    }

    fn insert(&mut self, window: &[u8]) {
        let key = key(window).expect("a window");
        self.filter.resize(1 << 16, 0);
        self.filter[bit(key) >> 6] |= 1 << (bit(key) & 63);
        self.keys.insert(key);
    }

    /// In how many places of `bytes` a run of samples begins.
    pub fn found_in(&self, bytes: &[u8]) -> usize {
        bytes.windows(TRACE_BYTES).filter_map(key).filter(|key| self.has(*key)).count()
    }

    fn has(&self, key: u128) -> bool {
        self.filter[bit(key) >> 6] & (1 << (bit(key) & 63)) != 0 && self.keys.contains(&key)
    }

    /// Fails if any file under the home holds a run of samples.
    #[track_caller]
    pub fn assert_nowhere(&self, home: &Home) {
        for file in home.files() {
            // SQLite keeps page numbers there, and nothing else: small numbers of four bytes each, which are the samples of a quiet leg beside a silent one.
            if file.ends_with("catalog.sqlite-shm") {
                continue;
            }
            // What was removed meanwhile is another test's matter.
            let found = fs::read(&file).map_or(0, |bytes| self.found_in(&bytes));
            assert_eq!(found, 0, "audio that was not to be kept is in {}", file.display());
        }
    }
}

fn key(window: &[u8]) -> Option<u128> {
    window.first_chunk().map(|bytes| u128::from_le_bytes(*bytes))
}

fn bit(key: u128) -> usize {
    let folded = (key as u64) ^ ((key >> 64) as u64).rotate_left(29);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 42) as usize
}

/// The first `samples` of a sound.
pub fn head_of(sound: &Sound, samples: usize) -> Sound {
    Sound { rate: sound.rate, legs: sound.legs.each_ref().map(|leg| leg[..samples].to_vec()) }
}

/// A connection that sends whatever it is told, and hears whatever comes.
pub struct Raw {
    stream: UnixStream,
}

impl Raw {
    /// Connects, and hears the greeting.
    pub fn connect(socket: &Path) -> Raw {
        let mut raw = Raw::bare(socket);
        let hello = raw.next().expect("a greeting");
        assert_eq!(hello["event"], "hello", "{hello}");
        raw
    }

    /// Connects, and hears nothing yet.
    pub fn bare(socket: &Path) -> Raw {
        let stream = UnixStream::connect(socket).expect("a connection");
        for timeout in [UnixStream::set_read_timeout, UnixStream::set_write_timeout] {
            timeout(&stream, Some(PATIENCE)).expect("a timeout");
        }
        Raw { stream }
    }

    /// Sends bytes. An error means that the engine has closed the connection.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a control message.
    pub fn say(&mut self, request: &Value) {
        self.send(&control(request)).expect("the engine takes a request");
    }

    /// Sends a frame.
    pub fn frame(&mut self, leg: Leg, channel: u32, position: u64, samples: &[i16]) {
        self.send(&frame(leg, channel, position, samples)).expect("the engine takes audio");
    }

    /// Closes one direction, or both.
    pub fn shut(&self, how: Shutdown) {
        self.stream.shutdown(how).expect("it was open");
    }

    /// The connection itself. What was not heard yet is still in it.
    pub fn into_stream(self) -> UnixStream {
        self.stream
    }

    /// A connection that was in other hands, at the border of a message.
    pub fn from_stream(stream: UnixStream) -> Raw {
        Raw { stream }
    }

    /// What the engine says next; none when the connection is closed.
    pub fn next(&mut self) -> Option<Value> {
        let mut head = [0; HEAD_BYTES];
        self.read_exact(&mut head)?;
        let head = Head::parse_from_engine(head).expect("a head");
        let mut payload = vec![0; head.payload_bytes];
        self.read_exact(&mut payload)?;
        Some(serde_json::from_slice(&payload).expect("JSON"))
    }

    fn read_exact(&mut self, bytes: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(bytes) {
            Ok(()) => Some(()),
            // Closed while it had not read all that was sent to it.
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => None,
            Err(error) => panic!("the engine says nothing: {error}"),
        }
    }

    /// The next answer; events before it are passed over.
    pub fn answer(&mut self) -> Value {
        self.until(|message| message.get("answer").is_some())
    }

    /// The next message that satisfies `is_it`; others before it are passed over.
    #[track_caller]
    pub fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().expect("the engine closed the connection");
            if is_it(&message) {
                return message;
            }
        }
    }

    /// The next event of this name.
    #[track_caller]
    pub fn event(&mut self, name: &str) -> Value {
        self.until(|message| message["event"] == name)
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, request: &Value) -> Value {
        self.say(request);
        self.answer()
    }

    /// Hears the connection to its end: the last that is said is an `error`. Returns its name and its text.
    #[track_caller]
    pub fn fault(mut self) -> (String, String) {
        let mut last = Value::Null;
        while let Some(message) = self.next() {
            last = message;
        }
        assert_eq!(last["event"], "error", "the connection was closed without an error: {last}");
        let word = |field: &str| last[field].as_str().expect("a text").to_owned();
        (word("error"), word("text"))
    }
}

/// A control message.
pub fn control(request: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    control_message(request.to_string().as_bytes(), &mut bytes);
    bytes
}

/// A frame of PCM16.
pub fn frame(leg: Leg, channel: u32, position: u64, samples: &[i16]) -> Vec<u8> {
    let (mut bytes, samples) = (Vec::new(), samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>());
    audio_message(leg, AudioHead { channel, position }, &samples, &mut bytes);
    bytes
}

/// A small file system over a folder, for as long as this lives.
pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Puts an empty file system of so many KiB over a folder, which is made if it is not there.
    pub fn over(folder: &Path, kib: usize) -> SmallDisk {
        fs::create_dir_all(folder).expect("a folder");
        let disk = SmallDisk { folder: folder.to_owned() };
        disk.mount(&["-t", "tmpfs", "-o", &format!("size={kib}k,mode=700"), "tmpfs"]);
        disk
    }

    /// Mounts it again with this option, like `ro`.
    pub fn remount(&self, option: &str) {
        self.mount(&["-o", &format!("remount,{option}")]);
    }

    fn mount(&self, args: &[&str]) {
        let status = Command::new("mount").args(args).arg(&self.folder).status().expect("mount(8)");
        assert!(status.success(), "mount {args:?} {}", self.folder.display());
    }

    /// Fills it up, all but so many KiB.
    pub fn fill_but(&self, kib: usize) {
        let filler = self.filler();
        let mut file = fs::File::create(&filler).expect("a file");
        while file.write_all(&[0x55; 4096]).is_ok() {}
        let full = fs::metadata(&filler).expect("a file").len();
        file.set_len(full.saturating_sub(kib as u64 * 1024)).expect("it is cut");
    }

    /// Makes room again.
    pub fn make_room(&self) {
        fs::remove_file(self.filler()).expect("the filler");
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the engine may still have a file open there.
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

/// Time as a call has it: what is spoken by when.
pub struct RealTime(Instant);

impl RealTime {
    pub fn begin() -> RealTime {
        RealTime(SystemClock.now())
    }

    /// Waits until so much has been spoken.
    pub fn wait_until(&self, spoken: Duration) {
        thread::sleep(SystemClock.until(self.0 + spoken));
    }
}
