//! What is done with the bytes of a fuzzer, and with those that it found before: one function a target.
//!
//! Each may be given any bytes whatever, and panics if the product does something that it must not do with any.
#![allow(dead_code)]

mod memory_disk;

use std::{
    cell::RefCell,
    fs,
    io::{Cursor, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use retrocall::{
    audio::{Leg, g711::Law},
    client::{Client, WavSource},
    commit::{Recovery, inspect, read_recording, recover},
    intake::{
        ByHand,
        wire::{Parser, Piece, REST_BYTES_MAX},
    },
    memory::{Arena, SEGMENT_BYTES},
    protocol::{Ask, Begin, CallId, Request, Target},
    ring::{Ring, Span},
    settings::{Settings, parse_audiosocket, parse_duration, parse_memory, parse_metrics, parse_size},
};
use serde_json::Value;

use memory_disk::MemoryDisk;

/// More than a socket takes at once is sent in pieces anyway.
const STREAM_BYTES_MAX: usize = 32 * 1024;

/// A stream of messages, as the reading thread takes it in. The first byte says how it comes in pieces, which must change nothing.
pub fn frames(bytes: &[u8]) {
    thread_local!(static READER: RefCell<ByHand> = RefCell::new(ByHand::new().expect("memory for a target")));
    let Some((&cut, stream)) = bytes.split_first() else { return };
    if stream.len() > STREAM_BYTES_MAX {
        return;
    }
    READER.with_borrow_mut(|reader| {
        let at_once = reader.hear([stream].into_iter().filter(|piece| !piece.is_empty()));
        let piece_bytes = usize::from(cut).max(stream.len() / 64 + 1);
        let in_pieces = reader.hear(stream.chunks(piece_bytes));
        assert!(at_once == in_pieces, "how a stream is cut makes a difference");
        if let Some((_, text)) = at_once.fault {
            assert!(!text.is_empty() && text.len() < 200, "words for a person");
        }
    });
}

/// What a client writes into the memory that it shares with the engine. Whatever it is, a frame of it is no longer than a slot, and no
/// further ahead than it may be; and there are words for what is wrong with it.
pub fn shared(bytes: &[u8]) {
    thread_local!(static READER: RefCell<ByHand> = RefCell::new(ByHand::new().expect("memory for a target")));
    if bytes.len() > 12 * 256 {
        return;
    }
    READER.with_borrow_mut(|reader| {
        let (fault, lengths) = reader.collect(bytes);
        // 256 slots of 20 samples, each at most 2,000 ahead, at every collecting.
        let most = 256 * 2_020 * (bytes.len() as u64 / 12);
        assert!(lengths.iter().all(|length| *length <= 2 * most), "{lengths:?}");
        if let Some((_, text)) = fault {
            assert!(!text.is_empty() && text.len() < 250, "words for a person");
        }
    });
}

/// A stream of AudioSocket. The first byte says how it comes in pieces, which must change nothing.
pub fn audiosocket(bytes: &[u8]) {
    let Some((&cut, stream)) = bytes.split_first() else { return };
    if stream.len() > STREAM_BYTES_MAX {
        return;
    }
    let at_once = pieces([stream].into_iter());
    assert!(at_once == pieces(stream.chunks(usize::from(cut).max(1))), "how a stream is cut makes a difference");
}

/// What a stream says, each with the samples that follow it.
fn pieces<'a>(cut: impl Iterator<Item = &'a [u8]>) -> Vec<(String, Vec<u8>)> {
    let (mut parser, mut rest, mut said) = (Parser::default(), Vec::new(), Vec::<(String, Vec<u8>)>::new());
    for piece in cut {
        rest.extend_from_slice(piece);
        let mut at = 0;
        while let Some((used, piece)) = parser.next(&rest[at..]) {
            assert!(used > 0 && at + used <= rest.len());
            at += used;
            match piece {
                Piece::Samples { bytes, .. } => {
                    let (_, samples) = said.last_mut().expect("samples stand in a message");
                    assert!(samples.len() % 2 == 0, "half a sample is the last of its message");
                    samples.extend_from_slice(bytes);
                }
                Piece::Skipped => {}
                piece => said.push((format!("{piece:?}"), Vec::new())),
            }
            // Nobody reads on behind the end.
            if matches!(piece, Piece::HangUp | Piece::Error) {
                return said;
            }
        }
        rest.drain(..at);
        assert!(rest.len() <= REST_BYTES_MAX, "little waits");
    }
    said
}

/// What stands for a customer's number in every place of a request, one after the other.
const NUMBER: &str = "+7 0605 04030";
const NUMBER_DIGITS: [&str; 2] = ["0605 04030", "70605"];

/// A control message. What is understood is understood again; no error quotes a value, whatever field it stands in.
pub fn requests(bytes: &[u8]) {
    match Request::from_json(bytes) {
        Ok(request) => {
            let json = request.to_json();
            // What can't be used is left out for good.
            let again = Request { left_out: Vec::new(), ..request.clone() };
            assert_eq!(Request::from_json(&json), Ok(again), "{}", String::from_utf8_lossy(&json));
            let is_announcement = matches!(request.ask, Ask::Begin(_) | Ask::Expect(_));
            assert!(request.left_out.is_empty() || is_announcement, "whatever else is done is done as it was meant");
            let shown = format!("{request:?}");
            if let Ask::Begin(begin) = &request.ask
                && let Some(customer) = begin.customer.as_ref().filter(|customer| customer.number().len() > 5)
            {
                // The same text may be somebody's name too, or a word that is always there.
                let known = format!("{:?}", Begin { customer: None, ..begin.clone() }).contains(customer.number());
                let known = known || "customer: Some(Customer(hidden))".contains(customer.number());
                assert!(known || !shown.contains(customer.number()), "a number is shown to whoever prints a request");
            }
        }
        Err(error) => assert!(error.to_string().len() < 400, "words for a person"),
    }
    let Ok(Value::Object(fields)) = serde_json::from_slice(bytes) else { return };
    for name in fields.keys() {
        for number in [Value::from(NUMBER), Value::from(70_605), serde_json::json!({ NUMBER: [NUMBER] })] {
            let mut changed = fields.clone();
            changed.insert(name.clone(), number);
            refuses_silently(Value::Object(changed));
        }
        // Whoever puts it where a name belongs.
        let mut changed = fields.clone();
        if let Some(value) = changed.remove(name) {
            changed.insert(NUMBER.to_owned(), value);
            refuses_silently(Value::Object(changed));
        }
    }
}

fn refuses_silently(request: Value) {
    let json = request.to_string();
    let text = match Request::from_json(json.as_bytes()) {
        Ok(request) if request.left_out.is_empty() => None,
        Ok(request) => Some(request.left_out.join(" ")),
        Err(error) => Some(error.to_string()),
    };
    if let Some(text) = text {
        let names = NUMBER_DIGITS.iter().any(|digits| json.replace(NUMBER, "").replace("70605", "").contains(digits));
        assert!(names || NUMBER_DIGITS.iter().all(|digits| !text.contains(digits)), "an error quotes {text}");
    }
}

/// The file of settings, and the values that flags take.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let file = Path::new("retrocall.toml");
    match Settings::parse(text, file) {
        Ok(settings) => {
            let home = Path::new("/home");
            settings.socket_path(home);
            let _ = settings.agent_of("anna");
            assert!(settings.max_call >= Duration::from_secs(1) && settings.max_call <= Duration::from_secs(86_400));
            assert!(settings.after_hangup <= Duration::from_secs(60) && settings.grace <= Duration::from_secs(3_600));
            assert!((1..=1_000_000).contains(&settings.calls_max) && (1..=64).contains(&settings.commit_threads));
            assert!(settings.metrics.is_none_or(|address| address.ip().is_loopback()), "shown to nobody else");
        }
        Err(error) => assert!(error.to_string().starts_with("retrocall.toml"), "the file is named"),
    }
    let _ = (parse_audiosocket(text), parse_duration(text), parse_memory(text), parse_size(text));
    assert!(parse_metrics(text).is_ok_and(|address| address.ip().is_loopback()) || parse_metrics(text).is_err());
}

/// A file given to `replay`. The first byte says how much is read at a time.
pub fn wav(bytes: &[u8]) {
    let Some((&step, file)) = bytes.split_first() else { return };
    match WavSource::new(Cursor::new(file.to_vec())) {
        Ok(mut source) => {
            let (samples, width) = (source.samples(), source.codec().bytes_per_sample());
            assert!(samples > 0 && samples as usize * 2 * width <= file.len(), "no more than the file has");
            assert!(source.seconds() > 0.0 && source.missing_seconds() >= 0.0 && source.missing_seconds().is_finite());
            let (mut legs, mut read) = ([vec![], vec![]], 0);
            loop {
                let count = source.read(usize::from(step) + 1, &mut legs).expect("a file in memory can be read");
                assert!(legs.iter().all(|leg| leg.len() == count * width));
                read += count as u64;
                if count == 0 {
                    break;
                }
            }
            assert_eq!(read, samples);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A file that recovery meets, as an unpublished one and as a recording: a folder in memory, and for `inspect` one on the disk.
pub fn recovery(bytes: &[u8]) {
    let name = name_of(bytes);
    let [part, wav] = ["wav.part", "wav"].map(|end| PathBuf::from(format!("/recordings/2026/02/28/{name}.{end}")));
    let disk = MemoryDisk::with(&part, bytes);
    match &recover(&disk, Path::new("/recordings"))[..] {
        [Recovery::Published { durable, label }] => {
            let left = disk.bytes(&wav).expect("published");
            let (again, label_again) = read_recording(&disk, &wav).expect("what was recovered says what it is");
            assert_eq!((&again, &label_again), (durable, label));
            assert_eq!((durable.bytes(), disk.names()), (left.len() as u64, vec![wav.clone()]));
            let audio = left.len() - durable.samples() as usize * 4;
            assert_eq!(left[audio..], bytes[audio..left.len()], "every sample is as it was");
            assert!(bytes.len() - left.len() < 4 || durable.samples() == 0, "no whole sample is lost");
            let is_whole = left.len() == bytes.len() && says(bytes, b"state=complete");
            assert!(durable.incomplete() || is_whole, "what is called complete said so and lost nothing");
            assert!(
                left != bytes || durable.incomplete() == says(bytes, b"state=incomplete"),
                "it was right as it was"
            );
        }
        [Recovery::Failed { path, .. }] => {
            assert_eq!(path, &part);
            assert_eq!(disk.bytes(&part).as_deref(), Some(bytes), "left alone");
        }
        [Recovery::Empty { .. }] => {
            let ends = (1..8).map(|sector| 512 * sector - 1).chain([4_091]);
            let was_never_synced = ends.into_iter().any(|at| bytes.get(at).is_none_or(|byte| *byte == 0));
            assert!(was_never_synced, "what may have been promised is kept");
            assert_eq!(disk.names(), Vec::<PathBuf>::new());
        }
        other => panic!("{other:?}"),
    }
    assert!(recover(&disk, Path::new("/recordings")).iter().all(|again| matches!(again, Recovery::Failed { .. })));

    thread_local!(static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a folder"));
    let real = FOLDER.with(|folder| folder.path().join("inspected.wav"));
    fs::write(&real, bytes).expect("a file");
    let said = inspect(&real);
    let disk = MemoryDisk::with(&wav, bytes);
    let read = read_recording(&disk, &wav);
    assert_eq!(disk.bytes(&wav).as_deref(), Some(bytes), "reading changes nothing");
    match (said, read) {
        (Ok(said), Ok((durable, label))) => {
            assert_eq!((said.label, said.samples, said.bytes), (label, durable.samples(), durable.bytes()));
        }
        (Err(_), Err(_)) => {}
        (said, read) => panic!("two readers disagree: {said:?}, {read:?}"),
    }
}

fn says(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// The call that the file says it is of, so that its name fits; if it does not say, any.
fn name_of(bytes: &[u8]) -> CallId {
    let at = bytes.windows(5).position(|window| window == b"call=").map_or(0, |at| at + 5);
    let said =
        bytes.get(at..at + 36).and_then(|text| std::str::from_utf8(text).ok()).and_then(|text| text.parse().ok());
    said.unwrap_or_else(|| "01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("an id"))
}

/// Frames of any samples, and everything that can be done to a call, against a plain list of samples.
pub fn ring(bytes: &[u8]) {
    thread_local!(static ARENA: Arc<Arena> = {
        let arena = Arc::new(Arena::new(1_024 * SEGMENT_BYTES, true).expect("memory for a target"));
        while arena.fault_in_ahead() > 0 {}
        arena
    });
    let arena = ARENA.with(Arc::clone);
    {
        let (ring, [mut writer, _customer]) = Ring::new(Arc::clone(&arena));
        let mut reader = ring.reader();
        let (mut model, mut spans, mut start) = (Vec::<i16>::new(), Vec::<Span>::new(), 0);
        let mut rest = bytes;
        while let [what, size, tail @ ..] = rest {
            let size = usize::from(*size);
            rest = tail;
            let end = model.len() as u64;
            match what % 8 {
                kind @ 0..=3 => {
                    // A frame, some samples before or behind where the next one is expected.
                    let (frame, behind) = rest.split_at(rest.len().min(if kind == 3 { size } else { 2 * size }));
                    rest = behind;
                    let position = end.saturating_add_signed(i64::from(*what as i8 / 8));
                    let samples: Vec<i16> = match kind {
                        3 => frame.iter().map(|code| Law::Mu.linear(*code)).collect(),
                        2 => frame.iter().map(|code| Law::A.linear(*code)).collect(),
                        _ => frame.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect(),
                    };
                    assert!(writer.provision(samples.len().max(1)));
                    match kind {
                        3 => writer.push_codes(position, Law::Mu, frame),
                        _ => writer.push(position, &samples),
                    }
                    for (at, sample) in (position..).zip(samples) {
                        let silent = spans.iter().any(|span| (span.from..span.to).contains(&at));
                        if at >= model.len() as u64 {
                            model.resize(at as usize, 0);
                            model.push(if silent { 0 } else { sample });
                        }
                    }
                }
                4 => {
                    let from = end.saturating_sub(size as u64);
                    ring.erase(Leg::Agent, Span { from, to: end });
                    model[from as usize..].fill(0);
                }
                5 => {
                    let span = Span { from: end + size as u64 % 16, to: end + size as u64 };
                    let wanted: Vec<Span> = spans.iter().copied().chain([span]).filter(|span| span.to > end).collect();
                    if ring.silence(Leg::Agent, &wanted).is_ok() {
                        spans = wanted;
                    }
                }
                6 => start = ring.drop_before(end * size as u64 / 256),
                _ => {
                    let mut out = vec![-1; size + 1];
                    let from = end.saturating_sub(3 * size as u64 / 2);
                    reader.read(Leg::Agent, from, &mut out);
                    agrees(&out, from, &model, start);
                }
            }
            if arena.free_bytes() < arena.bytes() / 4 {
                break;
            }
        }
        assert_eq!(ring.frontier(Leg::Agent), model.len() as u64);
        let mut out = vec![-1; model.len() + 9];
        ring.reader().read(Leg::Agent, 0, &mut out);
        agrees(&out, 0, &model, start);
    }
    assert_eq!(arena.held_bytes(), 0, "every segment came back");
}

fn agrees(out: &[i16], from: u64, model: &[i16], start: u64) {
    for (at, sample) in (from..).zip(out) {
        let expected = model.get(at as usize).copied().filter(|_| at >= start).unwrap_or(0);
        assert_eq!(*sample, expected, "at {at}");
    }
}

/// What a client hears from an engine: the greeting, answers, events. The client may give up; it may not fall over, or wait for more.
pub fn client(bytes: &[u8]) {
    if bytes.len() > STREAM_BYTES_MAX {
        return;
    }
    let (ours, mut engine) = UnixStream::pair().expect("a pair of sockets");
    engine.write_all(bytes).expect("room in a socket");
    engine.shutdown(std::net::Shutdown::Write).expect("a socket");
    let error = match Client::over(ours) {
        Ok(mut client) => {
            let mut asked = 0;
            let error = loop {
                asked += 1;
                let request = Request::new(Target::Own, if asked % 2 == 0 { Ask::Calls } else { Ask::Record });
                match client.ask(request) {
                    Ok(answer) => drop(format!("{answer:?}")),
                    Err(error) => break error,
                }
            };
            client.events().for_each(|event| drop(format!("{event:?}")));
            error
        }
        Err(error) => error,
    };
    assert!(!error.to_string().is_empty());
}
