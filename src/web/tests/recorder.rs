//! An engine that is played: it has the calls that a test gives it, answers as that says, and remembers what it was asked in whose name.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    sync::Arc,
    thread,
};

use parking_lot::Mutex;
use retrocall_client::protocol::{HEAD_BYTES, Head, VERSION, control_message};
use retrocall_words::{
    Answer, Board, CallId, CallStates, Direction, Event, Limits, LiveCall, LiveLeg, LiveState, Refusal, Verdict,
    audio::Codec,
};
use serde_json::Value;

use super::home::Home;

/// What it knows.
#[derive(Default)]
pub struct Book {
    pub calls: Vec<LiveCall>,
    /// What it refuses for this reason.
    pub refuses: Option<Refusal>,
    /// Everything that was asked, in whose name.
    pub asked: Vec<(String, Value)>,
}

/// It listens until the test ends.
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<Book>>);

impl Recorder {
    /// Listens where the pages of this home look for an engine.
    pub fn start(home: &Home) -> Recorder {
        let listener = UnixListener::bind(home.socket()).expect("a socket");
        let recorder = Recorder(Arc::default());
        let serving = recorder.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let recorder = serving.clone();
                thread::spawn(move || recorder.serve(stream));
            }
        });
        recorder
    }

    pub fn with<T>(&self, look: impl FnOnce(&mut Book) -> T) -> T {
        look(&mut self.0.lock())
    }

    /// What was asked in whose name, but for looking.
    pub fn pressed(&self) -> Vec<(String, Value)> {
        let pressed = |(_, asked): &(String, Value)| !["as", "calls", "board"].iter().any(|word| asked["do"] == *word);
        self.with(|book| book.asked.iter().filter(|one| pressed(one)).cloned().collect())
    }

    fn serve(&self, mut stream: UnixStream) {
        let (engine, limits) = ("0.1.0".to_owned(), limits());
        say(&mut stream, &Event::Hello { version: VERSION, engine, agent: None, limits });
        let mut account = String::new();
        while let Some(asked) = hear(&mut stream) {
            if asked["do"] == "as" {
                account = asked["user"].as_str().expect("a name").to_owned();
            }
            let answer = self.with(|book| {
                book.asked.push((account.clone(), asked.clone()));
                book.answer(&asked)
            });
            say(&mut stream, &Answer { id: asked["id"].as_u64(), ..answer });
        }
    }
}

impl Book {
    fn answer(&mut self, asked: &Value) -> Answer {
        let word = asked["do"].as_str().expect("a word");
        let accepted = || Answer::new(Verdict::Accepted);
        match word {
            "as" | "sweep" => accepted(),
            "calls" => Answer { calls: Some(self.calls.clone()), ..accepted() },
            "board" => Answer { board: Some(Board { calls_begun: 31, ..Board::default() }), ..accepted() },
            _ => {
                if let Some(reason) = self.refuses {
                    return Answer::refused(reason);
                }
                let Some(call) = self.calls.first_mut() else { return Answer::refused(Refusal::NoCall) };
                let states = &mut call.states;
                let is_so = match word {
                    "record" => std::mem::replace(&mut states.recording, true),
                    "mask" => std::mem::replace(&mut states.masked, true),
                    "unmask" => !std::mem::replace(&mut states.masked, false),
                    "copy" => std::mem::replace(&mut states.copy, true),
                    "object" => std::mem::replace(&mut states.objected, true),
                    "private" => std::mem::replace(&mut states.private, true),
                    other => panic!("a page asks for `{other}`"),
                };
                let verdict = if is_so { Verdict::Already } else { Verdict::Accepted };
                Answer { call: Some(call.call), seconds: Some(201.0), ..Answer::new(verdict) }
            }
        }
    }
}

/// A live call of Anna's, since ten to nine by the desk's clock.
pub fn call() -> LiveCall {
    let leg = LiveLeg {
        level_dbfs: -20.0,
        frames: 10,
        gaps: 0,
        gap_seconds: 0.0,
        late_frames: 0,
        lost_frames: 0,
        refused_frames: 0,
        suspect: None,
    };
    LiveCall {
        call: CallId::new(),
        agent: "anna".into(),
        direction: Direction::Inbound,
        rate: 8_000,
        codec: Codec::Pcm16,
        began: "2026-11-30T07:50:00Z".parse().expect("a time"),
        seconds: 201.0,
        state: LiveState::Live,
        states: CallStates::default(),
        exempt: false,
        held_bytes: None,
        agent_leg: leg,
        customer_leg: leg,
    }
}

fn limits() -> Limits {
    Limits {
        control_bytes: 16_384,
        frame_samples: 5_760,
        rate_hz: [8_000, 48_000],
        grace_ms: 5_000,
        ahead_ms: 60_000,
        calls: 9,
    }
}

fn say(stream: &mut UnixStream, message: &impl serde::Serialize) {
    let mut bytes = Vec::new();
    control_message(&serde_json::to_vec(message).expect("JSON"), &mut bytes);
    // Whoever asked may be gone.
    let _ = stream.write_all(&bytes);
}

fn hear(stream: &mut UnixStream) -> Option<Value> {
    let mut head = [0; HEAD_BYTES];
    stream.read_exact(&mut head).ok()?;
    let mut payload = vec![0; Head::parse(head).expect("a head").payload_bytes];
    stream.read_exact(&mut payload).ok()?;
    Some(serde_json::from_slice(&payload).expect("JSON"))
}
