//! The client and its player against fake engines.

use std::{io::Cursor, os::unix::net::UnixListener, thread};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::*;
use crate::fake::{Fake, Reply, Seen, hello, yes};
use retrocall_words::{Ask, CallId, EndedBy, ErrorCode, Refusal, Target, Verdict, audio::Codec};

/// `samples` of both legs as a WAV file: the agent's left, the customer's right.
fn wav(hz: u32, samples: u32) -> WavSource {
    let mut bytes = Cursor::new(Vec::new());
    let spec =
        hound::WavSpec { channels: 2, sample_rate: hz, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("a writer");
    for sample in 0..samples {
        writer.write_sample((sample * 7) as i16).expect("a sample");
        writer.write_sample(-((sample * 3) as i16)).expect("a sample");
    }
    writer.finalize().expect("a file");
    WavSource::new(Cursor::new(bytes.into_inner())).expect("a source")
}

fn fast(cues: Vec<Cue>) -> Script {
    Script { speed: 0.0, cues, ..Script::new("anna".into()) }
}

fn play(fake: &Fake, source: WavSource, script: Script) -> (Client, Result<PlayReport, PlayError>) {
    let mut client = Client::connect(&fake.socket).expect("a connection");
    let played = Player::begin(&mut client, source, script).and_then(|mut player| {
        player.play(&mut client, |_| ())?;
        Ok(player.into_played())
    });
    (client, played)
}

fn willing() -> Fake {
    Fake::start(vec![hello()], |request, call| yes(request, call).into())
}

/// Where each leg's audio goes on, checked to be without holes.
fn sent_in_order(seen: &[Seen]) -> [u64; 2] {
    let mut next = [0; 2];
    for seen in seen {
        if let Seen::Audio { leg, position, bytes, .. } = seen {
            assert_eq!(*position, next[leg.index()], "{leg:?}");
            next[leg.index()] += bytes.len() as u64 / 2;
        }
    }
    next
}

#[test]
fn every_sample_arrives_once_and_in_its_place() {
    let fake = willing();
    let (_client, played) = play(&fake, wav(8_000, 1_001), fast(Vec::new()));
    let played = played.expect("it was played");
    assert_eq!((played.samples, played.frames), (1_001, 14));
    let seen = fake.seen();
    assert_eq!(sent_in_order(&seen), [1_001, 1_001]);
    let agent: Vec<u8> = seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Audio { leg: Leg::Agent, channel: 3, bytes, .. } => Some(bytes.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    assert!(agent == (0..1_001u32).flat_map(|n| ((n * 7) as i16).to_le_bytes()).collect::<Vec<_>>());
    let Some(Seen::Asked(begin)) = seen.first() else { panic!("begin comes first") };
    assert!(matches!(&begin.ask, Ask::Begin(begin) if begin.facts.agent == "anna" && begin.codec == Codec::Pcm16));
    assert!(matches!(seen.last(), Some(Seen::Asked(request)) if request.ask == Ask::End));
}

#[test]
fn a_control_comes_behind_all_audio_before_it_and_before_all_audio_after_it() {
    let fake = willing();
    // Sample 1,234 lies within a frame, 1,600 between two; 99 seconds are never reached.
    let cues = vec![
        Cue { seconds: 99.0, ask: Ask::Private },
        Cue { seconds: 0.2, ask: Ask::Mask },
        Cue { seconds: 1_234.0 / 8_000.0, ask: Ask::Record },
        Cue { seconds: 0.2, ask: Ask::Resume },
        Cue { seconds: 0.0, ask: Ask::Object },
    ];
    let (_client, played) = play(&fake, wav(8_000, 8_000), fast(cues));
    let played = played.expect("it was played");
    let seen = fake.seen();
    let mut asked = Vec::new();
    for (index, came) in seen.iter().enumerate() {
        if let Seen::Asked(request) = came {
            let before = sent_in_order(&seen[..index]);
            assert_eq!(before[0], before[1], "{}", request.ask.verb().as_str());
            asked.push((request.ask.verb().as_str(), before[0]));
        }
    }
    let expected =
        [("begin", 0), ("object", 0), ("record", 1_234), ("resume", 1_600), ("mask", 1_600), ("private", 8_000)];
    assert_eq!(asked[..6], expected);
    assert_eq!(asked[6], ("end", 8_000));
    assert_eq!(sent_in_order(&seen), [8_000, 8_000]);
    let late: Vec<_> = played.cues.iter().filter(|cue| cue.late).map(|cue| cue.ask.verb().as_str()).collect();
    assert_eq!(late, ["private"]);
}

#[test]
fn a_refused_control_does_not_stop_the_call() {
    let fake = Fake::start(vec![hello()], |request, call| match request.ask {
        Ask::Record => Answer::refused(Refusal::Private).into(),
        _ => yes(request, call).into(),
    });
    let cues = vec![Cue { seconds: 0.01, ask: Ask::Record }, Cue { seconds: 0.0, ask: Ask::Private }];
    let (_client, played) = play(&fake, wav(8_000, 800), fast(cues));
    let played = played.expect("it was played");
    assert_eq!(played.verdict("record"), Some(Verdict::Refused));
    assert_eq!(played.verdict("private"), Some(Verdict::Accepted));
    assert_eq!(played.verdict("object"), None);
    assert_eq!(played.samples, 800);
}

#[test]
fn the_file_is_reported_even_if_the_news_comes_before_the_answer_to_the_hangup() {
    for early in [true, false] {
        let fake = Fake::start(vec![hello()], move |request, call| {
            let answer = yes(request, call);
            let kept = vec![
                Event::Kept { call: CallId::new(), path: "/another.wav".into(), parts: vec![], seconds: 1.0 },
                Event::Kept { call, path: "/kept.wav".into(), parts: vec![], seconds: 1.0 },
            ];
            match request.ask {
                Ask::End if early => Reply { before: kept, answer, after: Vec::new() },
                Ask::End => Reply { before: Vec::new(), answer, after: kept },
                _ => answer.into(),
            }
        });
        let (mut client, played) = play(&fake, wav(8_000, 80), fast(Vec::new()));
        let mut played = played.expect("it was played");
        played.wait_kept(&mut client, Duration::from_secs(60)).expect("the connection holds");
        assert_eq!(played.kept.as_deref(), Some(Path::new("/kept.wav")), "early: {early}");
    }
}

#[test]
fn a_call_that_the_engine_ends_is_not_played_on() {
    let fake = Fake::start(vec![hello()], |request, call| {
        let ended = Event::Ended { call, by: EndedBy::Stopping };
        match request.ask {
            Ask::Object => Reply { before: vec![ended], ..Reply::from(yes(request, call)) },
            _ => yes(request, call).into(),
        }
    });
    let (_client, played) = play(&fake, wav(8_000, 8_000), fast(vec![Cue { seconds: 0.5, ask: Ask::Object }]));
    let played = played.expect("it was played in part");
    assert_eq!((played.ended_by, played.samples), (Some(EndedBy::Stopping), 4_000));
}

#[test]
fn a_refused_call_is_an_error_with_the_engines_reason() {
    let fake = Fake::start(vec![hello()], |_, _| Answer::refused(Refusal::MemoryFull).into());
    let (_client, played) = play(&fake, wav(8_000, 8_000), fast(Vec::new()));
    assert!(played.expect_err("it was refused").to_string().contains("raise --memory"));
    assert_eq!(fake.seen().len(), 1);
}

/// The engine sends far more than a socket holds before it reads on, and so does the client: blocking writes would wait for ever.
#[test]
fn neither_end_waits_for_the_other_when_both_flood() {
    let fake = Fake::start(vec![hello()], |request, call| {
        let events = (0..20_000).map(|_| Event::Recording { call, agent: None, reason: None, origin: None }).collect();
        Reply { before: Vec::new(), answer: yes(request, call), after: events }
    });
    let mut client = Client::connect(&fake.socket).expect("a connection");
    for round in 0..3 {
        client.ask(Request::new(Target::Own, Ask::Status)).expect("an answer");
        for frame in 0..20_000 {
            client.send_audio(Leg::Agent, 0, (round * 20_000 + frame) * 160, &[0; 320]).expect("it is taken");
        }
    }
    client.flush().expect("it is taken");
    assert!(client.events().count() <= EVENTS_MAX);
}

#[test]
fn a_thousand_connections_fit_in_one_process() {
    // Both ends are in this process, and the system's usual limit is 1,024 files.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("anybody may raise it up to there");
    let listener_home = tempfile::tempdir().expect("a folder");
    let socket = listener_home.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let server = thread::spawn(move || {
        let mut greeting = Vec::new();
        crate::protocol::control_message(&serde_json::to_vec(&hello()).expect("JSON"), &mut greeting);
        let greet = |_| {
            let (mut stream, _) = listener.accept().expect("a connection");
            std::io::Write::write_all(&mut stream, &greeting).expect("it is taken");
            stream
        };
        (0..1_000).map(greet).collect::<Vec<_>>()
    });
    let mut clients: Vec<_> = (0..1_000).map(|_| Client::connect(&socket).expect("a connection")).collect();
    for client in &mut clients {
        client.send_audio(Leg::Customer, 0, 0, &[0; 320]).expect("it is taken");
        client.flush().expect("it is taken");
    }
    assert_eq!(server.join().expect("the server ran").len(), 1_000);
}

#[test]
fn an_engine_that_is_not_there_and_one_that_is_not_ours_are_told_apart() {
    let home = tempfile::tempdir().expect("a folder");
    let missing = home.path().join("engine.sock");
    assert!(matches!(Client::connect(&missing), Err(ClientError::NoEngine { .. })));
    // Its engine was killed: the file is there, nobody listens.
    drop(UnixListener::bind(&missing).expect("a socket"));
    assert!(matches!(Client::connect(&missing), Err(ClientError::NoEngine { .. })));
    let long = home.path().join("x".repeat(120));
    assert!(Client::connect(&long).err().expect("too long").to_string().contains("107 bytes"));

    let other = Event::Hello { version: 9, engine: "9.0".into(), agent: None, limits: limits() };
    assert!(matches!(
        Client::connect(&Fake::start(vec![other], |request, call| yes(request, call).into()).socket),
        Err(ClientError::Version { engine: 9 })
    ));
    let stopping = Fake::start(vec![Event::Stopping], |request, call| yes(request, call).into());
    assert!(matches!(Client::connect(&stopping.socket), Err(ClientError::NotAnEngine { .. })));
}

fn limits() -> Limits {
    let Event::Hello { limits, .. } = hello() else { unreachable!("hello is a greeting") };
    limits
}

#[test]
fn why_the_engine_hung_up_is_told_even_to_a_client_that_was_still_sending() {
    let home = tempfile::tempdir().expect("a folder");
    let socket = home.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let error = Event::Error { error: ErrorCode::Kind, text: "half a sample".into() };
        for event in [hello(), error] {
            let mut bytes = Vec::new();
            crate::protocol::control_message(&serde_json::to_vec(&event).expect("JSON"), &mut bytes);
            std::io::Write::write_all(&mut stream, &bytes).expect("it is taken");
        }
    });
    let mut client = Client::connect(&socket).expect("a connection");
    server.join().expect("the server ran");
    let error = (0..10_000)
        .find_map(|frame| client.send_audio(Leg::Agent, 0, frame * 160, &[0; 320]).err())
        .expect("the engine is gone");
    assert!(error.to_string().contains("half a sample"), "{error}");
}

#[test]
fn what_a_later_engine_refuses_for_a_reason_of_its_own_is_a_refusal_with_its_text() {
    let home = tempfile::tempdir().expect("a folder");
    let socket = home.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut bytes = Vec::new();
        crate::protocol::control_message(&serde_json::to_vec(&hello()).expect("JSON"), &mut bytes);
        for said in [
            r#"{"id":1,"answer":"refused","reason":"moon-phase","text":"not while the moon is full"}"#,
            r#"{"event":"error","error":"eclipse","text":"the sun is gone"}"#,
        ] {
            crate::protocol::control_message(said.as_bytes(), &mut bytes);
        }
        std::io::Write::write_all(&mut stream, &bytes).expect("it is taken");
        let _ = std::io::Read::read(&mut stream, &mut [0; 512]);
    });
    let mut client = Client::connect(&socket).expect("a connection");
    let answer = client.ask(Request::new(Target::Own, Ask::Record)).expect("a refusal is an answer");
    assert_eq!((answer.answer, answer.reason), (Verdict::Refused, None));
    assert_eq!(answer.text.as_deref(), Some("not while the moon is full"));
    let error = client.ask(Request::new(Target::Own, Ask::Record)).expect_err("it is closed");
    assert!(error.to_string().contains("the sun is gone"), "{error}");
}

#[test]
fn answers_in_the_wrong_order_and_garbage_are_not_taken_for_answers() {
    let home = tempfile::tempdir().expect("a folder");
    for (name, reply) in [("order", r#"{"id":77,"answer":"accepted"}"#), ("garbage", r#"{"id":1,"answer":"+31 20"}"#)] {
        let socket = home.path().join(name);
        let listener = UnixListener::bind(&socket).expect("a socket");
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut bytes = Vec::new();
            crate::protocol::control_message(&serde_json::to_vec(&hello()).expect("JSON"), &mut bytes);
            crate::protocol::control_message(reply.as_bytes(), &mut bytes);
            std::io::Write::write_all(&mut stream, &bytes).expect("it is taken");
            let _ = std::io::Read::read(&mut stream, &mut [0; 512]);
        });
        let error = Client::connect(&socket)
            .and_then(|mut client| client.ask(Request::new(Target::Own, Ask::Status)))
            .expect_err("no answer to this");
        assert!(matches!(error, ClientError::NotAnEngine { .. }), "{error}");
        assert!(!error.to_string().contains("+31"), "{error}");
    }
}
