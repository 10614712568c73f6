//! An engine that is played: it holds nothing, keeps nothing, and looks at what a client does.

use std::{
    fmt,
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use super::{
    Finding, Scene, Verdict,
    book::{AHEAD, Book, Call, GRACE, recording, state_of},
};
use retrocall_client::protocol::{AudioHead, HEAD_BYTES, Head, Kind, VERSION, control_message};
use retrocall_words as words;
use retrocall_words::{
    Answer, Ask, CONTROL_BYTES_MAX, Clock as _, EndedBy, ErrorCode, Event, FrameError, Limits, Reason, Refusal,
    Request, Status, SystemClock, Target, Verb,
    audio::{FRAME_SAMPLES_MAX, Leg, Rate},
};

/// Frames after which the scene happens.
const FRAMES_BEFORE: u64 = 10;
/// How often we look whether something has changed.
const LOOK: Duration = Duration::from_millis(10);
/// How long an engine is deaf.
const DEAF: Duration = Duration::from_secs(2);
/// How late the answer to `begin` comes from an engine that is chatty.
const LATE: Duration = Duration::from_millis(300);

/// Why nothing could be played.
#[derive(Debug)]
pub enum PlayError {
    /// The socket can't be made.
    Socket(PathBuf, io::Error),
    /// The client's command can't be run.
    Command(String, io::Error),
}

impl fmt::Display for PlayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlayError::Socket(path, cause) => {
                write!(f, "can't make the socket {} ({cause}): name a new one with --socket", path.display())
            }
            PlayError::Command(command, cause) => {
                write!(f, "can't run {command} ({cause}): check the command behind --")
            }
        }
    }
}

impl std::error::Error for PlayError {}

/// Where an engine is played.
pub struct Stage {
    listener: UnixListener,
    path: PathBuf,
    /// What has been asked for in any scene.
    verbs: std::collections::BTreeSet<&'static str>,
}

impl Stage {
    /// Makes the socket.
    ///
    /// # Errors
    /// [`PlayError::Socket`], also if something lies there.
    pub fn set(path: &Path) -> Result<Stage, PlayError> {
        let failed = |cause| PlayError::Socket(path.to_owned(), cause);
        let listener = UnixListener::bind(path).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Stage { listener, path: path.to_owned(), verbs: Default::default() })
    }

    /// The socket.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Plays one scene: to the program of `command`, in whose words `{}` stands for the socket, or, if there is none, to whoever connects.
    /// It is over when the client is, or after `limit`.
    ///
    /// # Errors
    /// [`PlayError::Command`].
    pub fn play(&mut self, scene: Scene, command: &[String], limit: Duration) -> Result<Vec<Finding>, PlayError> {
        let book = Arc::new(Mutex::new(Book::default()));
        let mut child = self.start(command)?;
        let deadline = SystemClock.now() + limit;
        let mut left = None;
        let mut text = None;
        loop {
            while let Ok((stream, _)) = self.listener.accept() {
                let mut connection = Connection { stream, scene, book: Arc::clone(&book), calls: Vec::new() };
                let mut opened = lock(&book);
                (opened.connections, opened.open) = (opened.connections + 1, opened.open + 1);
                drop(opened);
                // It ends with its stream: at the latest when the client does.
                thread::spawn(move || {
                    connection.serve();
                    let mut book = lock(&connection.book);
                    book.open = book.open.saturating_sub(1);
                });
            }
            if SystemClock.now() >= deadline {
                let what = if child.is_some() {
                    "the client did not end"
                } else {
                    "nobody connected, or the call did not end"
                };
                text = Some(format!("{what} within {} s", limit.as_secs_f64()));
                break;
            }
            let quiet = {
                let book = lock(&book);
                book.open == 0 && (child.is_some() || book.connections > 0)
            };
            let ended = match &mut child {
                Some(child) => matches!(child.try_wait(), Ok(Some(_))),
                None => true,
            };
            // Someone who can come back is waited for; a program that has ended can't.
            let wait = if scene.ends_the_connection() && child.is_none() { GRACE } else { 10 * LOOK };
            match (quiet && ended, left) {
                (true, Some(since)) if SystemClock.now().duration_since(since) >= wait => break,
                (true, None) => left = Some(SystemClock.now()),
                (false, _) => left = None,
                _ => {}
            }
            thread::sleep(LOOK);
        }
        if let Some(mut child) = child {
            let _ = child.kill();
            let _ = child.wait();
        }
        let mut book = lock(&book);
        self.verbs.extend(&book.verbs);
        let unseen = book.connections == 0;
        if let Some(text) = text.filter(|_| !unseen) {
            book.wrong("limit", text);
        }
        Ok(std::mem::take(&mut *book).findings(scene))
    }

    fn start(&self, command: &[String]) -> Result<Option<Child>, PlayError> {
        let [program, args @ ..] = command else { return Ok(None) };
        let socket = self.path.display().to_string();
        let args: Vec<String> = args.iter().map(|word| word.replace("{}", &socket)).collect();
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Some).map_err(|cause| PlayError::Command(program.clone(), cause))
    }

    /// Which requests were never seen, if any.
    pub fn never_asked(&self) -> Option<Finding> {
        let controls = Verb::ALL.into_iter().filter(|verb| verb.is_control()).map(Verb::as_str);
        let never: Vec<_> = controls.filter(|verb| !self.verbs.contains(verb)).collect();
        let text = format!("never asked for, so nothing is known of it: {}", never.join(", "));
        (!never.is_empty()).then(|| Finding::new("controls", Verdict::Unseen, text))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// One connection of a client.
struct Connection {
    stream: UnixStream,
    scene: Scene,
    book: Arc<Mutex<Book>>,
    /// The calls by channel, as places in the book.
    calls: Vec<usize>,
}

impl Connection {
    fn serve(&mut self) {
        let _ = self.stream.set_nonblocking(false);
        let limits = Limits {
            control_bytes: CONTROL_BYTES_MAX,
            frame_samples: FRAME_SAMPLES_MAX,
            rate_hz: [Rate::MIN_HZ, Rate::MAX_HZ],
            grace_ms: GRACE.as_millis() as u64,
            ahead_ms: AHEAD.as_millis() as u64,
            calls: 100,
        };
        let hello =
            Event::Hello { version: VERSION, engine: env!("CARGO_PKG_VERSION").to_owned(), agent: None, limits };
        self.say(&hello);
        while let Some(true) = self.message() {}
        let _ = self.stream.shutdown(Shutdown::Both);
        let mut book = lock(&self.book);
        for at in &self.calls {
            let call = &mut book.calls[*at];
            call.lost_at = (!call.ended).then(|| SystemClock.now());
        }
    }

    /// One message. None at the end of the stream, false if the connection is to be closed.
    fn message(&mut self) -> Option<bool> {
        let mut head = [0; HEAD_BYTES];
        self.stream.read_exact(&mut head).ok()?;
        let head = match Head::parse(head) {
            Ok(head) => head,
            Err(error) => return Some(self.fault(error.code(), error.to_string())),
        };
        let mut payload = vec![0; head.payload_bytes];
        if self.stream.read_exact(&mut payload).is_err() {
            let text = "the connection was closed in the middle of a message";
            // One that we closed may end anywhere.
            if lock(&self.book).acted_at.is_none() {
                lock(&self.book).wrong("head", text);
            }
            return None;
        }
        if head.is_too_long() {
            lock(&self.book)
                .wrong("head", format!("a message of {} bytes is over the limit of its kind", payload.len()));
            if head.kind == Kind::Control {
                self.say(&Answer::malformed(format!("at most {CONTROL_BYTES_MAX} bytes are read")));
            }
            return Some(true);
        }
        Some(match head.kind {
            Kind::Control => self.control(&payload),
            Kind::Audio(leg) => self.audio(leg, &payload),
        })
    }

    /// The client is at fault: what the page says happens then.
    fn fault(&mut self, error: ErrorCode, text: String) -> bool {
        lock(&self.book).wrong("head", text.clone());
        self.say(&Event::Error { error, text });
        false
    }

    fn audio(&mut self, leg: Leg, payload: &[u8]) -> bool {
        let Some((head, bytes)) = AudioHead::split(payload) else {
            lock(&self.book).wrong("frame", format!("a frame is none: {}", FrameError::Samples));
            return true;
        };
        let Some(at) = self.calls.get(head.channel as usize).copied() else {
            let text = format!(
                "audio for channel {}, which was not given to this connection: wait for the answer to `begin`",
                head.channel
            );
            lock(&self.book).wrong("channel", text.clone());
            let (channel, position) = (Some(head.channel), Some(head.position));
            let error = FrameError::Channel;
            self.say(&Event::FramesRefused {
                call: None,
                channel,
                leg,
                error,
                frames: 1,
                position,
                expected: None,
                text,
            });
            return true;
        };
        let mut book = lock(&self.book);
        if book.calls[at].ended {
            return true;
        }
        book.frame(at, leg, head, bytes);
        let acts = book.acted_at.is_none() && book.calls[at].frames() >= FRAMES_BEFORE;
        if !acts || !(self.scene.ends_the_connection() || self.scene == Scene::Deaf) {
            return true;
        }
        book.acted_at = Some(SystemClock.now());
        let call = book.calls[at].id;
        if self.scene == Scene::Restarted {
            // Somebody presses, with a hotkey, and the engine is killed a moment later.
            book.control(at, &Ask::Record);
        }
        let state = state_of(&book.calls[at]);
        drop(book);
        match self.scene {
            Scene::Deaf => thread::sleep(DEAF),
            Scene::Fault => {
                let text = "no memory is left for what was sent: raise --memory".to_owned();
                self.say(&Event::Error { error: ErrorCode::MemoryFull, text });
            }
            Scene::Restarted => {
                self.say(&recording(call, Reason::OnDemand));
                self.say(&state);
            }
            Scene::Stopping => {
                self.say(&Event::Stopping);
                self.say(&Event::Ended { call, by: EndedBy::Stopping });
            }
            _ => {}
        }
        self.scene == Scene::Deaf
    }

    fn control(&mut self, json: &[u8]) -> bool {
        let request = match Request::from_json(json) {
            Ok(request) => request,
            Err(error) => {
                lock(&self.book).wrong("request", format!("a request is malformed: {error}"));
                self.say(&Answer { id: error.id, ..Answer::malformed(error.text) });
                return true;
            }
        };
        let (verb, id, left_out) = (request.ask.verb().as_str(), request.id, request.left_out.clone());
        lock(&self.book).verbs.insert(verb);
        if !left_out.is_empty() {
            let names = left_out.join(", ");
            lock(&self.book).wrong("request", format!("`{verb}` has fields that can't be used as they are: {names}"));
        }
        let answer = self.answer(&request);
        self.say(&Answer { id, left_out, ..answer });
        if request.ask == Ask::End {
            self.tell_kept(&request.target);
        }
        true
    }

    fn answer(&mut self, request: &Request) -> Answer {
        match &request.ask {
            Ask::Begin(begin) => self.begin(begin),
            Ask::Attach => self.attach(&request.target),
            Ask::Expect(_) => Answer::malformed("this engine does not take calls over AudioSocket".to_owned()),
            Ask::Calls => Answer { calls: Some(Vec::new()), ..Answer::new(words::Verdict::Accepted) },
            Ask::Board | Ask::Sweep | Ask::As(_) => Answer::refused(Refusal::NotYours),
            Ask::Status => Answer { status: Some(Status::default()), ..Answer::new(words::Verdict::Accepted) },
            ask => match self.find(&request.target) {
                Some(at) => self.control_of(at, ask),
                None => {
                    let text = format!("`{}` names no call of this client's", ask.verb().as_str());
                    lock(&self.book).wrong("target", text);
                    Answer::refused(Refusal::UnknownCall)
                }
            },
        }
    }

    fn begin(&mut self, begin: &words::Begin) -> Answer {
        if self.scene == Scene::Chatty {
            thread::sleep(LATE);
        }
        let mut book = lock(&self.book);
        if self.scene == Scene::Refused {
            book.acted_at.get_or_insert_with(|| SystemClock.now());
            return Answer::refused(Refusal::MemoryFull);
        }
        let at = book.begin(begin);
        let (call, agent, states) = (Some(book.calls[at].id), Some(begin.facts.agent.clone()), Some(begin.states));
        self.calls.push(at);
        let channel = Some(self.calls.len() as u32 - 1);
        Answer { call, agent, channel, states, ..Answer::new(words::Verdict::Accepted) }
    }

    fn attach(&mut self, target: &Target) -> Answer {
        let mut book = lock(&self.book);
        let Target::Call(id) = target else { return Answer::refused(Refusal::UnknownCall) };
        let Some(at) = book.calls.iter().position(|call| call.id == *id && !call.ended) else {
            return Answer::refused(Refusal::UnknownCall);
        };
        if self.scene.can_be_continued() {
            return Answer::refused(Refusal::UnknownCall);
        }
        if book.calls[at].lost_at.is_none() {
            return Answer::refused(Refusal::Connected);
        }
        book.attach(at);
        self.calls.push(at);
        let call = &book.calls[at];
        let channel = Some(self.calls.len() as u32 - 1);
        Answer {
            call: Some(call.id),
            agent: Some(call.agent.clone()),
            channel,
            positions: Some(call.ends),
            announced: Some(call.begin.facts.clone().into()),
            rate: Some(call.rate),
            codec: Some(call.begin.codec),
            states: Some(call.states),
            ..Answer::new(words::Verdict::Accepted)
        }
    }

    /// The call that is meant: of this connection, or of any.
    fn find(&self, target: &Target) -> Option<usize> {
        let book = lock(&self.book);
        let last = |fits: &dyn Fn(&Call) -> bool| book.calls.iter().rposition(|call| !call.ended && fits(call));
        match target {
            Target::Channel(channel) => self.calls.get(*channel as usize).copied(),
            Target::Call(id) => book.calls.iter().position(|call| call.id == *id),
            Target::Agent(agent) => last(&|call| call.agent == *agent),
            Target::Own => last(&|_| true),
        }
    }

    fn control_of(&mut self, at: usize, ask: &Ask) -> Answer {
        let mut book = lock(&self.book);
        let (ended, end) = (book.calls[at].ended, book.calls[at].end());
        let seconds = book.calls[at].rate.seconds(end);
        let facts = |answer: Answer, book: &Book| {
            let call = &book.calls[at];
            Answer {
                call: Some(call.id),
                agent: Some(call.agent.clone()),
                at: Some(end),
                seconds: Some(seconds),
                ..answer
            }
        };
        if matches!(ask, Ask::End) {
            book.calls[at].ended = true;
            return facts(Answer::new(words::Verdict::Accepted), &book);
        }
        if ended {
            return Answer::refused(Refusal::Ended);
        }
        match self.scene {
            Scene::Refusals if book.refused.insert(ask.verb().as_str()) => {
                book.acted_at.get_or_insert_with(|| SystemClock.now());
                let reason = if matches!(ask, Ask::Record) { Refusal::Objected } else { Refusal::NotYours };
                Answer { at: None, seconds: None, ..facts(Answer::refused(reason), &book) }
            }
            Scene::Already => {
                book.acted_at.get_or_insert_with(|| SystemClock.now());
                book.control(at, ask);
                facts(Answer::new(words::Verdict::Already), &book)
            }
            _ => {
                let changed = book.control(at, ask);
                let answer = facts(Answer::new(words::Verdict::Accepted), &book);
                let state = state_of(&book.calls[at]);
                let call = book.calls[at].id;
                drop(book);
                let reason = match ask {
                    Ask::Record => Some(Reason::OnDemand),
                    Ask::Copy => Some(Reason::Copy),
                    _ => None,
                };
                reason.filter(|_| changed).into_iter().for_each(|reason| self.say(&recording(call, reason)));
                if changed {
                    self.say(&state);
                }
                answer
            }
        }
    }

    /// The recording of the call that has just ended, if there is to be one.
    fn tell_kept(&mut self, target: &Target) {
        let at = self.find(target).or(self.calls.last().copied());
        let kept = at.and_then(|at| {
            let book = lock(&self.book);
            let call = &book.calls[at];
            let (call_id, seconds) = (call.id, call.rate.seconds(call.end()));
            (call.ended && (call.states.recording || call.states.copy)).then_some(Event::Kept {
                call: call_id,
                path: "/conform/nothing.wav".into(),
                parts: Vec::new(),
                seconds,
            })
        });
        kept.into_iter().for_each(|kept| self.say(&kept));
    }

    /// Says something. Whoever does not hear it any more is noticed when reading.
    fn say(&mut self, what: &impl serde::Serialize) {
        let mut json = serde_json::to_value(what).expect("JSON");
        let chatty = self.scene == Scene::Chatty;
        let mut bytes = Vec::new();
        if chatty {
            json["of-a-later-version"] = serde_json::json!({ "and": ["more", 1] });
            control_message(br#"{"event":"weather-of-a-later-version","sky":"blue"}"#, &mut bytes);
            // The greeting is first, whatever else there is.
            if json["event"] == "hello" {
                bytes.clear();
            }
        }
        control_message(&serde_json::to_vec(&json).expect("JSON"), &mut bytes);
        let piece = if chatty { 1 } else { bytes.len() };
        let _ = bytes.chunks(piece).try_for_each(|piece| self.stream.write_all(piece));
    }
}
