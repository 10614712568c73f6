//! A client that is played: it asks an engine for everything, rightly and wrongly, and looks at what comes.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

use super::{Finding, Verdict};
use retrocall_client::protocol::{AudioHead, HEAD_BYTES, Head, audio_message, control_message};
use retrocall_words::{Clock as _, SystemClock, audio::Leg};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The agent of the calls that are made.
const AGENT: &str = "conform";

type Tried = Result<(), String>;
/// What is tried, in words, and how.
type Attempt = (&'static str, fn(&Path) -> Tried);

/// Tries an engine: some thirty short calls of an agent called `conform`, one of which is recorded.
pub fn try_engine(socket: &Path) -> Vec<Finding> {
    let all: [Attempt; 15] = [
        ("greets first, in this version", greets),
        ("takes a call, audio and its end", takes_a_call),
        ("answers in the order of the requests, each with its number", answers_in_order),
        ("understands a message that comes byte by byte", takes_pieces),
        ("does every control, and says `already` the second time", does_every_control),
        ("cuts where both legs are", cuts_where_both_legs_are),
        ("refuses what is to be refused, by its reason", refuses),
        ("refuses a request that is wrong, and goes on", refuses_what_is_malformed),
        ("captures a call whatever else is said of it, and names what it leaves out", leaves_out),
        ("drops a frame that is wrong, says whose it was, and goes on", drops_frames),
        ("closes a connection at fault, by its error", closes_at_fault),
        ("gives a call whose connection is lost to another one", attaches),
        ("tells who carries a call what holds of it, whoever changed it", tells_states),
        ("begins a call with what held before", begins_with_states),
        ("keeps a call that was pressed, and says so", keeps),
    ];
    let mut findings = Vec::new();
    for (what, attempt) in all {
        let (verdict, text) =
            attempt(socket).map_or_else(|text| (Verdict::Wrong, text), |()| (Verdict::Right, String::new()));
        findings.push(Finding::new(what, verdict, text));
        if findings.len() == 1 && verdict == Verdict::Wrong {
            // Whoever does not greet is no engine.
            break;
        }
    }
    findings
}

/// A connection.
struct Probe {
    stream: UnixStream,
    events: VecDeque<Value>,
}

impl Probe {
    fn bare(socket: &Path) -> Result<Probe, String> {
        let stream =
            UnixStream::connect(socket).map_err(|error| format!("can't connect to {} ({error})", socket.display()))?;
        for timeout in [UnixStream::set_read_timeout, UnixStream::set_write_timeout] {
            timeout(&stream, Some(PATIENCE)).map_err(|error| error.to_string())?;
        }
        Ok(Probe { stream, events: VecDeque::new() })
    }

    fn connect(socket: &Path) -> Result<Probe, String> {
        let mut probe = Probe::bare(socket)?;
        match probe.next()? {
            Some(hello) if hello["event"] == "hello" => Ok(probe),
            other => Err(format!("its first message is no greeting: {}", shown(other))),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Tried {
        self.stream.write_all(bytes).map_err(|error| format!("it takes nothing more ({error})"))
    }

    fn say(&mut self, request: &Value) -> Tried {
        self.send(&control(request.to_string().as_bytes()))
    }

    fn frame(&mut self, leg: Leg, channel: u32, position: u64, samples: &[i16]) -> Tried {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut message = Vec::new();
        audio_message(leg, AudioHead { channel, position }, &bytes, &mut message);
        self.send(&message)
    }

    /// 20 ms of both legs at 8 kHz.
    fn talk(&mut self, position: u64) -> Tried {
        self.frame(Leg::Agent, 0, position, &[100; 160])?;
        self.frame(Leg::Customer, 0, position, &[-100; 160])
    }

    /// The next message; none at the end.
    fn next(&mut self) -> Result<Option<Value>, String> {
        let mut head = [0; HEAD_BYTES];
        if self.stream.read_exact(&mut head).map_err(|error| error.kind()) != Ok(()) {
            return Ok(None);
        }
        let head = Head::parse_from_engine(head).map_err(|error| format!("what it sends is no message: {error}"))?;
        let mut payload = vec![0; head.payload_bytes];
        self.stream
            .read_exact(&mut payload)
            .map_err(|error| format!("it stops in the middle of a message ({error})"))?;
        serde_json::from_slice(&payload).map(Some).map_err(|error| format!("a message of its is not JSON ({error})"))
    }

    fn answer(&mut self) -> Result<Value, String> {
        loop {
            match self.next()? {
                Some(message) if message.get("answer").is_some() => return Ok(message),
                Some(event) => self.events.push_back(event),
                None => return Err("it closes the connection, or does not answer".to_owned()),
            }
        }
    }

    fn ask(&mut self, request: Value) -> Result<Value, String> {
        self.say(&request)?;
        self.answer()
    }

    /// Asks, and wants this verdict; of a refusal, this reason.
    fn wants(&mut self, request: Value, verdict: &str, reason: Option<&str>) -> Result<Value, String> {
        let answer = self.ask(request.clone())?;
        let fits = answer["answer"] == verdict && reason.is_none_or(|reason| answer["reason"] == reason);
        if !fits {
            return Err(format!(
                "{request} should be {verdict}{}: {answer}",
                reason.map_or(String::new(), |why| format!(" ({why})"))
            ));
        }
        if verdict == "refused" && answer["text"].as_str().is_none_or(str::is_empty) {
            return Err(format!("a refusal has a `text`: {answer}"));
        }
        Ok(answer)
    }

    fn begin(&mut self) -> Result<Value, String> {
        self.wants(json!({"id": 1, "do": "begin", "agent": AGENT, "rate": 8000, "codec": "pcm16"}), "accepted", None)
    }

    fn end(&mut self) -> Result<Value, String> {
        self.wants(json!({"do": "end", "channel": 0}), "accepted", None)
    }

    fn event(&mut self, name: &str) -> Result<Value, String> {
        let deadline = SystemClock.now() + PATIENCE;
        loop {
            if let Some(at) = self.events.iter().position(|event| event["event"] == name) {
                return Ok(self.events.remove(at).unwrap_or_default());
            }
            if SystemClock.now() >= deadline {
                return Err(format!("the event `{name}` does not come"));
            }
            match self.next()? {
                Some(message) => self.events.push_back(message),
                None => return Err(format!("the event `{name}` does not come")),
            }
        }
    }
}

fn control(json: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    control_message(json, &mut message);
    message
}

fn shown(message: Option<Value>) -> String {
    message.map_or("nothing".to_owned(), |message| message.to_string())
}

fn is(answer: &Value, field: &str, wanted: impl Into<Value>) -> Tried {
    let wanted = wanted.into();
    if answer[field] == wanted { Ok(()) } else { Err(format!("`{field}` should be {wanted}: {answer}")) }
}

fn greets(socket: &Path) -> Tried {
    let mut probe = Probe::bare(socket)?;
    let hello = probe.next()?.ok_or("it says nothing")?;
    is(&hello, "event", "hello")?;
    is(&hello, "version", 1)?;
    match hello["limits"]["ahead_ms"].is_u64() && hello["engine"].is_string() {
        true => Ok(()),
        false => Err(format!("the greeting lacks its limits, or the engine's version: {hello}")),
    }
}

fn takes_a_call(socket: &Path) -> Tried {
    let mut probe = Probe::connect(socket)?;
    let begun = probe.begin()?;
    is(&begun, "channel", 0)?;
    is(&begun, "agent", AGENT)?;
    is(&begun, "id", 1)?;
    (0..50).try_for_each(|frame| probe.talk(frame * 160))?;
    let second = probe.begin()?;
    is(&second, "channel", 1)?;
    let calls = probe.wants(json!({"do": "calls"}), "accepted", None)?;
    let listed = calls["calls"].as_array().and_then(|calls| calls.iter().find(|call| call["call"] == begun["call"]));
    let listed = listed.ok_or("a live call is not in `calls`")?;
    is(&listed["agent_leg"], "frames", 50)?;
    probe.wants(json!({"do": "end", "channel": 1}), "accepted", None)?;
    let ended = probe.end()?;
    is(&ended, "at", 8_000)?;
    is(&ended, "seconds", 1.0)?;
    // What comes for a call that has ended is passed over.
    probe.talk(8_000)?;
    probe.wants(json!({"do": "end", "channel": 0}), "refused", Some("unknown-call")).map(drop)
}

fn answers_in_order(socket: &Path) -> Tried {
    let mut probe = Probe::connect(socket)?;
    probe.begin()?;
    let mut bytes = Vec::new();
    for id in 10..30u64 {
        let request = if id % 2 == 0 {
            json!({"id": id, "do": "calls"})
        } else {
            json!({"id": id, "do": "object", "channel": 0})
        };
        bytes.extend(control(request.to_string().as_bytes()));
    }
    probe.send(&bytes)?;
    (10..30u64).try_for_each(|id| is(&probe.answer()?, "id", id))?;
    probe.end().map(drop)
}

fn takes_pieces(socket: &Path) -> Tried {
    let mut probe = Probe::connect(socket)?;
    let begin = json!({"id": 5, "do": "begin", "agent": AGENT, "rate": 8000, "codec": "ulaw"});
    control(begin.to_string().as_bytes()).chunks(1).try_for_each(|byte| probe.send(byte))?;
    is(&probe.answer()?, "answer", "accepted")?;
    let mut frame = Vec::new();
    audio_message(Leg::Agent, AudioHead { channel: 0, position: 0 }, &[0x55; 160], &mut frame);
    frame.chunks(7).try_for_each(|piece| probe.send(piece))?;
    is(&probe.end()?, "at", 160)
}

fn does_every_control(socket: &Path) -> Tried {
    let mut probe = Probe::connect(socket)?;
    probe.begin()?;
    probe.talk(0)?;
    for (ask, again) in
        [("mask", "already"), ("unmask", "already"), ("hold", "already"), ("resume", "already"), ("object", "already")]
    {
        for verdict in ["accepted", again] {
            probe.wants(json!({"do": ask, "channel": 0}), verdict, None)?;
        }
    }
    for verdict in ["accepted", "already"] {
        probe.wants(json!({"do": "transfer", "channel": 0, "to": "conform-2"}), verdict, None)?;
    }
    probe.wants(json!({"do": "transfer", "agent": "conform-2", "to": AGENT}), "accepted", None)?;
    for digit in ["7", "#", "A"] {
        probe.wants(json!({"do": "dtmf", "channel": 0, "digit": digit}), "accepted", None)?;
    }
    probe.wants(json!({"do": "erase-last", "channel": 0, "seconds": 3600}), "accepted", None)?;
    for verdict in ["accepted", "already"] {
        probe.wants(json!({"do": "private", "channel": 0}), verdict, None)?;
    }
    probe.end().map(drop)
}

fn cuts_where_both_legs_are(socket: &Path) -> Tried {
    let mut probe = Probe::connect(socket)?;
    probe.begin()?;
    (0..10).try_for_each(|frame| probe.talk(frame * 160))?;
    is(&probe.wants(json!({"do": "mask", "channel": 0}), "accepted", None)?, "at", 1_600)?;
    probe.talk(1_600)?;
    is(&probe.wants(json!({"do": "unmask", "channel": 0}), "accepted", None)?, "at", 1_760)?;
    is(&probe.wants(json!({"do": "erase-last", "channel": 0, "seconds": 0.02}), "accepted", None)?, "at", 1_600)?;
    probe.end().map(drop)
}

fn refuses(socket: &Path) -> Tried {
    let mut probe = Probe::connect(socket)?;
    let no_call = "01a20d0d-38a0-7b3a-9f62-5d8e4c1b2a39";
    probe.wants(json!({"do": "record", "channel": 0}), "refused", Some("unknown-call"))?;
    probe.wants(json!({"do": "record", "call": no_call}), "refused", Some("unknown-call"))?;
    probe.wants(json!({"do": "attach", "call": no_call}), "refused", Some("unknown-call"))?;
    probe.wants(json!({"do": "record", "agent": "conform-nobody"}), "refused", Some("no-call"))?;
    let call = probe.begin()?["call"].clone();
    probe.talk(0)?;
    probe.wants(json!({"do": "attach", "call": call}), "refused", Some("connected"))?;
    probe.wants(json!({"do": "private", "channel": 0}), "accepted", None)?;
    probe.wants(json!({"do": "record", "channel": 0}), "refused", Some("private"))?;
    probe.wants(json!({"do": "erase-last", "channel": 0, "seconds": 1}), "refused", Some("private"))?;
    probe.end().map(drop)
}

fn refuses_what_is_malformed(socket: &Path) -> Tried {
    let mut probe = Probe::connect(socket)?;
    for wrong in [
        json!({"id": 3, "do": "recrod"}),
        json!({"id": 3}),
        json!({"id": 3, "do": "record", "cal": 1}),
        json!({"id": 3, "do": "record", "seconds": 1}),
        json!({"id": 3, "do": "record", "channel": 0, "agent": AGENT}),
        json!({"id": 3, "do": "begin", "agent": AGENT, "rate": 4000, "codec": "pcm16"}),
        json!({"id": 3, "do": "begin", "agent": "", "rate": 8000, "codec": "pcm16"}),
        json!({"id": 3, "do": "begin", "agent": AGENT, "rate": 8000, "codec": "opus"}),
        json!({"id": 3, "do": "erase-last", "seconds": 0}),
        json!({"id": 3, "do": "dtmf", "digit": "x"}),
    ] {
        is(&probe.wants(wrong, "refused", Some("malformed"))?, "id", 3)?;
    }
    // What no JSON has costs its own request as well.
    for wrong in [
        &br#"{"id":3,"do":"transfer","to":"an\ud83d"}"#[..],
        br#"{"id":3,"do":"erase-last","seconds":1e400}"#,
        br#"{"id":3,"do":"erase-last","seconds":NaN}"#,
        b"record!",
        b"",
    ] {
        probe.send(&control(wrong))?;
        let answer = probe.answer()?;
        is(&answer, "reason", "malformed")?;
        if wrong.len() > 10 {
            is(&answer, "id", 3)?;
        }
    }
    is(&probe.begin()?, "channel", 0)?;
    probe.end().map(drop)
}

fn leaves_out(socket: &Path) -> Tried {
    let mut probe = Probe::connect(socket)?;
    let begin = json!({"do": "begin", "agent": AGENT, "rate": 8000, "codec": "pcm16", "customer": 5, "direction": "up", "weather": "x"});
    let begun = probe.wants(begin, "accepted", None)?;
    is(&begun, "left_out", json!(["customer", "direction", "weather"]))?;
    probe.talk(0)?;
    probe.end().map(drop)
}

fn drops_frames(socket: &Path) -> Tried {
    let mut probe = Probe::connect(socket)?;
    let call = probe.begin()?["call"].clone();
    probe.talk(0)?;
    for (error, leg, channel, position, samples) in [
        ("position", Leg::Agent, 0, u64::MAX / 2, 160),
        ("samples", Leg::Customer, 0, 160, 0),
        ("channel", Leg::Agent, 7, 0, 160),
    ] {
        probe.frame(leg, channel, position, &vec![1; samples])?;
        let told = probe.event("frames-refused")?;
        is(&told, "error", error)?;
        is(&told, "channel", channel)?;
        if channel == 0 {
            is(&told, "call", call.clone())?;
            is(&told, "expected", 160)?;
        }
    }
    probe.talk(160)?;
    is(&probe.end()?, "at", 320)
}

fn closes_at_fault(socket: &Path) -> Tried {
    let head = |version: u8, kind: u8, bytes: u32| [b"RC", &[version, kind][..], &bytes.to_le_bytes()].concat();
    let cases: [(&str, Vec<u8>); 4] = [
        ("not-retrocall", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("version", [head(2, 1, 2), b"{}".to_vec()].concat()),
        ("kind", [head(1, 9, 2), b"{}".to_vec()].concat()),
        ("too-long", head(1, 1, u32::MAX)),
    ];
    for (error, bytes) in cases {
        let mut probe = Probe::connect(socket)?;
        probe.begin()?;
        probe.send(&bytes)?;
        let mut last = None;
        while let Some(message) = probe.next()? {
            last = Some(message);
        }
        match &last {
            Some(event) if event["event"] == "error" && event["error"] == error => {}
            _ => return Err(format!("it should say the error `{error}` and close, and said last: {}", shown(last))),
        }
    }
    Ok(())
}

fn attaches(socket: &Path) -> Tried {
    let mut first = Probe::connect(socket)?;
    let call = first.begin()?["call"].clone();
    first.talk(0)?;
    // Answered, so that the frames have been taken.
    first.wants(json!({"do": "object", "channel": 0}), "accepted", None)?;
    drop(first);
    let mut second = Probe::connect(socket)?;
    let attached = second.wants(json!({"do": "attach", "call": call}), "accepted", None)?;
    let said =
        [("positions", json!([160, 160])), ("rate", json!(8000)), ("codec", json!("pcm16")), ("objected", json!(true))];
    said.into_iter().try_for_each(|(field, wanted)| is(&attached, field, wanted))?;
    is(&attached, "direction", "inbound")?;
    is(&attached, "channel", 0)?;
    second.talk(160)?;
    is(&second.end()?, "at", 320)
}

fn tells_states(socket: &Path) -> Tried {
    let mut probe = Probe::connect(socket)?;
    let call = probe.begin()?["call"].clone();
    let mut other = Probe::connect(socket)?;
    for (asked, state, holds) in
        [("mask", "masked", true), ("unmask", "masked", false), ("hold", "on_hold", true), ("object", "objected", true)]
    {
        other.wants(json!({"do": asked, "call": call}), "accepted", None)?;
        let told = probe.event("state")?;
        is(&told, "call", call.clone())?;
        is(&told, state, holds)?;
    }
    probe.wants(json!({"do": "private", "channel": 0}), "accepted", None)?;
    is(&probe.event("state")?, "private", true)?;
    probe.end().map(drop)
}

fn begins_with_states(socket: &Path) -> Tried {
    let mut probe = Probe::connect(socket)?;
    let unknown = "01a20d0d-38a0-7b3a-9f62-5d8e4c1b2a39";
    let begun = probe.wants(
        json!({"do": "begin", "agent": AGENT, "rate": 8000, "codec": "pcm16", "continues": unknown, "masked": true, "objected": true}),
        "accepted",
        None,
    )?;
    is(&begun, "left_out", json!(["continues"]))?;
    for (state, holds) in [("masked", true), ("objected", true), ("recording", false), ("private", false)] {
        is(&begun, state, holds)?;
    }
    probe.wants(json!({"do": "mask", "channel": 0}), "already", None)?;
    probe.wants(json!({"do": "unmask", "channel": 0}), "accepted", None)?;
    probe.end().map(drop)
}

fn keeps(socket: &Path) -> Tried {
    let mut probe = Probe::connect(socket)?;
    let call = probe.begin()?["call"].clone();
    (0..100).try_for_each(|frame| probe.talk(frame * 160))?;
    let mut other = Probe::connect(socket)?;
    let pressed = other.wants(json!({"do": "record", "agent": AGENT}), "accepted", None)?;
    is(&pressed, "call", call.clone())?;
    is(&pressed, "seconds", 2.0)?;
    is(&probe.event("recording")?, "call", call.clone())?;
    probe.wants(json!({"do": "record", "channel": 0}), "already", None)?;
    probe.wants(json!({"do": "private", "channel": 0}), "refused", Some("recording"))?;
    probe.end()?;
    for probe in [&mut probe, &mut other] {
        let kept = probe.event("kept")?;
        is(&kept, "call", call.clone())?;
        is(&kept, "seconds", 2.0)?;
    }
    Ok(())
}
