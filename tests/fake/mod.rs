//! A tiny engine for tests: answers what it is told to, and remembers what it saw, in the order it came.

// Every test program takes what it needs of this.
#![allow(dead_code)]

use std::{
    io::{self, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use retrocall_client::protocol::{AudioHead, HEAD_BYTES, Head, Kind, VERSION, control_message};
use retrocall_words::{Answer, Ask, CallId, Event, Limits, Request, Verdict, audio::Leg};

/// Something that came.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Audio { leg: Leg, channel: u32, position: u64, bytes: Vec<u8> },
    Asked(Request),
}

/// What is done about a request: an answer, and events before or after it.
pub struct Reply {
    pub before: Vec<Event>,
    pub answer: Answer,
    pub after: Vec<Event>,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Reply {
        Reply { before: Vec::new(), answer, after: Vec::new() }
    }
}

/// The call that every connection of a fake engine has.
pub struct Fake {
    pub socket: PathBuf,
    seen: Arc<Mutex<Vec<Seen>>>,
    _home: tempfile::TempDir,
}

pub fn hello() -> Event {
    let limits = Limits {
        control_bytes: 16 * 1024,
        frame_samples: 5760,
        rate_hz: [8000, 48000],
        grace_ms: 5000,
        ahead_ms: 2000,
        calls: 9,
    };
    Event::Hello { version: VERSION, engine: "fake".into(), agent: None, limits }
}

/// Says yes to everything.
pub fn yes(request: &Request, call: CallId) -> Answer {
    let mut answer = Answer { call: Some(call), ..Answer::new(Verdict::Accepted) };
    if let Ask::Begin(begin) = &request.ask {
        answer.agent = Some(begin.facts.agent.clone());
        answer.channel = Some(3);
    }
    answer
}

impl Fake {
    /// An engine that greets with `greeting` and does `reply` about each request; for how many connections may come.
    pub fn start(greeting: Vec<Event>, reply: impl Fn(&Request, CallId) -> Reply + Send + Sync + 'static) -> Fake {
        let home = tempfile::tempdir().expect("a folder");
        let socket = home.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (shared, reply) = (Arc::clone(&seen), Arc::new(reply));
        // Ends with the test's process: the listener is never told to stop.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (seen, reply, greeting) = (Arc::clone(&shared), Arc::clone(&reply), greeting.clone());
                thread::spawn(move || serve(&stream, &greeting, &*reply, &seen));
            }
        });
        Fake { socket, seen, _home: home }
    }

    /// What came so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panicked in it").clone()
    }
}

fn say(stream: &mut impl Write, what: &impl serde::Serialize) -> io::Result<()> {
    let mut bytes = Vec::new();
    control_message(&serde_json::to_vec(what).expect("JSON"), &mut bytes);
    stream.write_all(&bytes)
}

/// One connection; an error is the client going away.
fn serve(
    stream: &UnixStream,
    greeting: &[Event],
    reply: &dyn Fn(&Request, CallId) -> Reply,
    seen: &Mutex<Vec<Seen>>,
) -> io::Result<()> {
    let (mut from, mut to, call) = (BufReader::new(stream), stream, CallId::new());
    for event in greeting {
        say(&mut to, event)?;
    }
    loop {
        let mut head = [0; HEAD_BYTES];
        from.read_exact(&mut head)?;
        let head = Head::parse(head).map_err(io::Error::other)?;
        let mut payload = vec![0; head.payload_bytes];
        from.read_exact(&mut payload)?;
        let came = match head.kind {
            Kind::Control => Seen::Asked(Request::from_json(&payload).map_err(io::Error::other)?),
            Kind::Audio(leg) => {
                let (AudioHead { channel, position }, bytes) = AudioHead::split(&payload).expect("an audio head");
                Seen::Audio { leg, channel, position, bytes: bytes.to_vec() }
            }
        };
        seen.lock().expect("no test panicked in it").push(came.clone());
        if let Seen::Asked(request) = came {
            let reply = reply(&request, call);
            for event in &reply.before {
                say(&mut to, event)?;
            }
            say(&mut to, &Answer { id: request.id, ..reply.answer })?;
            for event in &reply.after {
                say(&mut to, event)?;
            }
        }
    }
}
