//! Keeps `docs/protocol.md`, and the pages that it leads to, true: their names are those of `src/wire/protocol`, their examples are what the crate's own parser reads.
//!
//! A new request, refusal, event, error, field or limit does not compile here, or fails here, until the page has it.

mod clients;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use retrocall::{
    audio::{Codec, FRAME_SAMPLES_MAX, Leg, Rate},
    protocol::{
        AGENT_CHARS_MAX, AUDIO_HEAD_BYTES, Answer, AudioHead, Board, BoardCalls, BoardLevels, BoardTrouble, CLOSED_BY,
        CONTROL_BYTES_MAX, CallId, CallStates, Direction, ERROR_KINDS, EVENT_BYTES_MAX, EndedBy, ErrorCode, Event,
        Facts, FrameError, HEAD_BYTES, Head, Informed, Kind, Latency, LiveState, Origin, PASSED_OVER_BYTES_MAX, Reason,
        Refusal, Request, SHARED_CLOSED, SHARED_MAGIC, SHARED_VERSION, SLOT_HEAD_BYTES, SharedLayout, Status,
        Suspicion, Target, Totals, VERSION, Verb, Verdict,
    },
};
use serde::Serialize;
use serde_json::{Value, json};

use words::{events, limits, live_call};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn page() -> String {
    read("docs/protocol.md")
}

/// The pages on the local socket.
const PAGES: [&str; 4] = ["docs/protocol.md", "docs/protocol-bytes.md", "docs/shared-memory.md", "docs/status.md"];

/// What stands under a heading, up to the next heading of any depth.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let title = |line: &str| line.starts_with('#').then(|| line.trim_start_matches('#').trim().to_owned());
    let mut fenced = false;
    let mut start = None;
    let mut at = 0;
    for line in page.split_inclusive('\n') {
        fenced ^= line.starts_with("```");
        match (title(line), start) {
            (Some(_), Some(start)) if !fenced => return &page[start..at],
            (Some(found), None) if !fenced && found == heading => start = Some(at + line.len()),
            _ => {}
        }
        at += line.len();
    }
    &page[start.unwrap_or_else(|| panic!("the page has no heading `{heading}`"))..]
}

/// The fenced blocks whose first line says `language`.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("\n```{language}\n");
    let pieces = page.split(fence.as_str()).skip(1);
    pieces.map(|piece| piece.split("\n```").next().expect("a split has a first piece")).collect()
}

/// The rows of the table whose head begins with `head`, cell by cell.
fn table(text: &str, head: &str) -> Vec<Vec<String>> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with(head));
    assert!(lines.next().is_some(), "no table begins with {head}");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// What stands in backticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The names in the first column of a table.
fn first_column(text: &str, head: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for row in table(text, head) {
        for name in quoted(&row[0]) {
            assert!(names.insert(name.clone()), "`{name}` stands twice in the table {head}");
        }
    }
    names
}

/// The name of a value on the wire.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("it is JSON");
    value.as_str().expect("it is a word").to_owned()
}

fn words<T: Serialize>(values: &[T]) -> BTreeSet<String> {
    values.iter().map(word).collect()
}

/// The names of an object's fields on the wire.
fn keys(value: &impl Serialize) -> BTreeSet<String> {
    let value = serde_json::to_value(value).expect("it is JSON");
    value.as_object().expect("it is an object").keys().cloned().collect()
}

#[test]
fn every_request_stands_in_the_page_and_no_other() {
    let page = page();
    assert_eq!(first_column(section(&page, "Every request"), "| `do` |"), words(&Verb::ALL));
    let controls = first_column(section(&page, "Controls, once and again"), "| control |");
    // A hangup can come twice too.
    let twice = Verb::ALL.into_iter().filter(|verb| verb.is_control() || *verb == Verb::End);
    assert_eq!(controls, words(&twice.collect::<Vec<_>>()));
}

/// A request with all of these fields, each with a value that it takes.
fn filled(verb: &str, fields: &BTreeSet<String>) -> Value {
    let mut values = vec![json!("anna"), json!(8_000), json!(1), json!("#"), json!(true)];
    values.extend([CallId::new(), CallId::new(), CallId::new()].map(|id| json!(id)));
    values.extend(Codec::ALL.map(|codec| json!(codec)));
    values.extend(Direction::ALL.map(|direction| json!(direction)));
    values.extend(Informed::ALL.map(|informed| json!(informed)));
    values.extend(Leg::ALL.map(|leg| json!(leg)));
    let mut tried: BTreeMap<&String, usize> = fields.iter().map(|field| (field, 0)).collect();
    loop {
        let mut request = json!({ "do": verb });
        for (field, at) in &tried {
            let value = values.get(*at);
            request[*field] = value.unwrap_or_else(|| panic!("no value is known that `{field}` takes")).clone();
        }
        // Each field that can't be used is named: in the error, or as left out.
        let wrong = match Request::from_json(request.to_string().as_bytes()) {
            Ok(request) => request.left_out,
            Err(why) => {
                let named = why.text.split('`').nth(1).filter(|_| why.text.starts_with('`'));
                vec![named.unwrap_or_else(|| panic!("{request}: {why}")).to_owned()]
            }
        };
        if wrong.is_empty() {
            return request;
        }
        for field in wrong {
            *tried.get_mut(&field).unwrap_or_else(|| panic!("`{verb}` has no `{field}`")) += 1;
        }
    }
}

#[test]
fn a_request_with_the_needed_fields_of_the_page_is_one_and_without_any_of_them_is_none() {
    let page = page();
    for row in table(section(&page, "Every request"), "| `do` |") {
        let verb = quoted(&row[0]).pop_first().expect("a verb");
        let fields = quoted(&row[1]);
        let request = filled(&verb, &fields);
        for field in &fields {
            let mut without = request.clone();
            without.as_object_mut().expect("an object").remove(field);
            let is_needed = Request::from_json(without.to_string().as_bytes()).is_err();
            assert_eq!(is_needed, row[1].contains(&format!("**`{field}`**")), "`{field}` of `{verb}`");
        }
    }
}

#[test]
fn every_field_stands_in_the_page_and_no_other() {
    let page = page();
    // The parser of requests says itself which fields there are.
    let why = Request::from_json(br#"{"do":"record","":0}"#).expect_err("there is no such field");
    let why = why.to_string();
    let fields = quoted(why.split_once("expected one of").expect("it names the fields").1);
    assert!(fields.contains("do") && fields.len() > 10, "{why}");
    assert_eq!(first_column(section(&page, "Fields of a request"), "| field |"), fields);

    let answer = Answer {
        id: Some(0),
        answer: Verdict::Accepted,
        reason: Some(Refusal::Disk),
        text: Some(String::new()),
        call: Some(CallId::new()),
        agent: Some(String::new()),
        channel: Some(0),
        at: Some(0),
        seconds: Some(0.0),
        positions: Some([0, 0]),
        announced: Some(Facts::example().into()),
        rate: Rate::new(8_000),
        codec: Some(Codec::Pcm16),
        states: Some(CallStates::default()),
        exempt: true,
        left_out: vec!["continues".to_owned()],
        shared_bytes: Some(0),
        calls: Some(vec![live_call()]),
        status: Some(Status::default()),
        board: Some(Board::default()),
    };
    let answers = section(&page, "Fields of an answer");
    assert_eq!(first_column(answers, "| field |"), keys(&answer));
    assert_eq!(first_column(answers, "| verdict |"), words(&Verdict::ALL));

    let calls = section(&page, "Live calls");
    assert_eq!(first_column(calls, "| field |"), keys(&live_call()));
    assert_eq!(first_column(calls, "| field of a leg |"), keys(&live_call().agent_leg));
    for state in words(&LiveState::ALL) {
        assert!(calls.contains(&format!("`{state}`: ")) || calls.contains(&format!("`{state}`; ")), "state `{state}`");
    }
    let status = read("docs/status.md");
    let status = section(&status, "Status");
    assert_eq!(first_column(status, "| field |"), keys(&Status::default()));
    assert_eq!(first_column(status, "| field of `totals` |"), keys(&Totals::default()));
    assert_eq!(first_column(status, "| field of a time |"), keys(&Latency::default()));
    assert_eq!(first_column(status, "| kind of `errors` |"), ERROR_KINDS.map(str::to_owned).into());
    for word in CLOSED_BY.map(str::to_owned).into_iter().chain(words(&Reason::ALL)) {
        assert!(status.contains(&format!("`{word}`")), "`{word}`");
    }
    let status = read("docs/status.md");
    let board = section(&status, "Board");
    assert_eq!(first_column(board, "| field of `board` |"), keys(&Board::default()));
    assert_eq!(first_column(board, "| count of `calls` |"), keys(&BoardCalls::default()));
    assert_eq!(first_column(board, "| count of levels |"), keys(&BoardLevels::default()));
    for trouble in words(&BoardTrouble::ALL) {
        assert!(board.contains(&format!("`{trouble}`")), "`{trouble}`");
    }
    assert_eq!(first_column(section(&page, "Events"), "| field of `limits` |"), keys(&limits()));
    for codec in words(&Codec::ALL) {
        assert!(first_column(section(&page, "Audio"), "| `codec` |").contains(&codec), "codec `{codec}`");
        assert!(section(&page, "Fields of a request").contains(&format!("`\"{codec}\"`")), "codec `{codec}`");
    }
    for suspicion in words(&Suspicion::ALL) {
        assert!(calls.contains(&format!("`{suspicion}`")), "suspicion `{suspicion}`");
    }
    let values = [words(&Direction::ALL), words(&Informed::ALL), words(&Leg::ALL)];
    for value in values.into_iter().flatten() {
        assert!(section(&page, "Fields of a request").contains(&format!("`\"{value}\"`")), "`{value}`");
    }
}

#[test]
fn every_refusal_and_every_error_stands_in_the_page_and_no_other() {
    let page = page();
    assert_eq!(first_column(section(&page, "Refusals"), "| `reason` |"), words(&Refusal::ALL));
    assert_eq!(first_column(section(&page, "Errors"), "| `error` |"), words(&ErrorCode::ALL));
    assert_eq!(first_column(section(&page, "Frames that are dropped"), "| `error` |"), words(&FrameError::ALL));
}

#[test]
fn every_event_stands_in_the_page_with_its_fields_and_no_other() {
    let page = page();
    let section = section(&page, "Events");
    let rows = table(section, "| `event` |");
    let explained = first_column(section, "| field |");
    assert_eq!(rows.len(), events().len());
    for event in events() {
        let mut fields = serde_json::to_value(&event).expect("it is JSON");
        assert_eq!(serde_json::from_value::<Event>(fields.clone()).ok(), Some(event));
        let fields = fields.as_object_mut().expect("an object");
        let name = fields.remove("event").expect("the name of the event");
        let name = name.as_str().expect("a word");
        let row = rows.iter().find(|row| row[0] == format!("`{name}`"));
        let row = row.unwrap_or_else(|| panic!("the page lacks the event `{name}`"));
        let fields: BTreeSet<String> = fields.keys().cloned().collect();
        assert_eq!(quoted(&row[1]), fields, "fields of `{name}`");
        assert!(fields.is_subset(&explained), "a field of `{name}` is not explained");
    }
    let by = &table(section, "| field |").into_iter().find(|row| row[0] == "`by`").expect("`by` is explained")[2];
    for word in words(&EndedBy::ALL) {
        assert!(by.contains(&format!("`{word}`: ")), "`{word}`");
    }
    for word in words(&Origin::ALL) {
        assert!(section.contains(&format!("`{word}`")), "`{word}`");
    }
}

#[test]
fn every_limit_stands_in_the_page() {
    let page = page();
    let has = |place: &str, words: String| assert!(section(&page, place).contains(&words), "{place} lacks `{words}`");
    has("Messages", format!("at most {CONTROL_BYTES_MAX} bytes each"));
    has("Messages", format!("at most {EVENT_BYTES_MAX} bytes each"));
    has("The local socket", format!("version of the protocol: {VERSION}"));
    has("Audio", format!("| {AUDIO_HEAD_BYTES} | rest |"));
    has("Audio", format!("1 to {FRAME_SAMPLES_MAX} samples"));
    has("Fields of a request", format!("`customer` | string, 1 to {AGENT_CHARS_MAX} characters"));
    has("Fields of a request", format!("`rate` | integer, {} to {}", Rate::MIN_HZ, Rate::MAX_HZ));
    has("Errors", format!("over {PASSED_OVER_BYTES_MAX} bytes"));
    has("Frames that are dropped", format!("over {FRAME_SAMPLES_MAX} samples"));
    has("Events", format!("`control_bytes` | {CONTROL_BYTES_MAX} |"));
    has("Events", format!("`frame_samples` | {FRAME_SAMPLES_MAX} |"));
    has("Events", format!("`rate_hz` | [{}, {}] |", Rate::MIN_HZ, Rate::MAX_HZ));
    let heads = table(section(&page, "The local socket"), "| offset |");
    let bytes: usize = heads.iter().map(|row| row[1].parse::<usize>().expect("a number of bytes")).sum();
    assert_eq!(bytes, HEAD_BYTES);
    let erase =
        |seconds: f64| Request::from_json(json!({"do": "erase-last", "seconds": seconds}).to_string().as_bytes());
    assert!(erase(86_400.0).is_ok() && erase(86_400.1).is_err());
    has("Fields of a request", "over 0, at most 86400".to_owned());
    for row in table(section(&page, "Audio"), "| `codec` |") {
        let codec: Codec = serde_json::from_value(json!(quoted(&row[0]).pop_first())).expect("a codec");
        assert!(row[1].starts_with(&codec.bytes_per_sample().to_string()), "{row:?}");
        assert!(row[2].ends_with(&(AUDIO_HEAD_BYTES + 160 * codec.bytes_per_sample()).to_string()), "{row:?}");
    }
}

#[test]
fn every_line_of_json_in_the_page_is_what_it_says_it_is() {
    let page: String = PAGES.map(read).join("\n");
    let same = |line: &str, back: Value| assert_eq!(serde_json::from_str::<Value>(line).expect("JSON"), back);
    let mut seen = 0;
    for line in blocks(&page, "json request").into_iter().flat_map(str::lines) {
        let request = Request::from_json(line.as_bytes()).unwrap_or_else(|why| panic!("{line}: {why}"));
        same(line, serde_json::from_slice(&request.to_json()).expect("JSON"));
        seen += 1;
    }
    for line in blocks(&page, "json answer").into_iter().flat_map(str::lines) {
        // Through the type and back: a field that the type does not have would be gone.
        let answer: Answer = serde_json::from_str(line).unwrap_or_else(|why| panic!("{line}: {why}"));
        same(line, serde_json::to_value(&answer).expect("JSON"));
        assert_eq!(answer.reason.is_some(), answer.answer == Verdict::Refused);
        if let Some(reason) = answer.reason {
            assert_eq!(answer.text, Some(reason.to_string()), "a refusal in the engine's own words");
        }
        seen += 1;
    }
    for line in blocks(&page, "json event").into_iter().flat_map(str::lines) {
        let event: Event = serde_json::from_str(line).unwrap_or_else(|why| panic!("{line}: {why}"));
        same(line, serde_json::to_value(&event).expect("JSON"));
        seen += 1;
    }
    assert_eq!(seen, page.lines().filter(|line| line.starts_with('{')).count(), "every line of JSON is looked at");
}

#[test]
fn the_shared_memory_is_laid_out_as_the_page_says() {
    let page = read("docs/shared-memory.md");
    let section = section(&page, "Shared memory");
    let number = |cell: &str| cell.parse::<usize>().expect("a number");
    let mut end = 0;
    for row in table(section, "| offset |") {
        assert_eq!(number(&row[0]), end, "no gap before {row:?}");
        end += if row[1] == "rest" { 0 } else { number(&row[1]) };
    }
    let at = |what: &str| {
        let rows = table(section, "| offset |");
        number(&rows.iter().find(|row| row[2].starts_with(what)).unwrap_or_else(|| panic!("no row `{what}`"))[0])
    };
    let rate = Rate::new(8_000).expect("a rate");
    let layout = SharedLayout::new(Codec::Alaw, rate, 100);
    let head = layout.to_head();
    let said = |what: &str| u32::from_le_bytes(head[at(what)..][..4].try_into().expect("four bytes")) as usize;
    assert_eq!(head[..8], SHARED_MAGIC);
    assert!(section.contains(&SHARED_MAGIC.map(|byte| format!("{byte:x}")).join(" ")));
    assert!(section.contains(&format!("version of this layout: {SHARED_VERSION}")));
    assert_eq!((said("version"), said("codec"), said("rate")), (SHARED_VERSION as usize, 2, 8_000));
    assert_eq!(said("slots of each leg"), layout.slots);
    assert_eq!((said("bytes from one slot"), said("samples that a slot")), (layout.slot_bytes, 100));
    for (leg, name) in [(Leg::Agent, "agent"), (Leg::Customer, "customer")] {
        assert_eq!(SharedLayout::written(leg), at(&format!("frames written so far, {name}")));
        assert_eq!(SharedLayout::taken(leg), at(&format!("frames taken so far, {name}")));
    }
    assert_eq!((SHARED_CLOSED, layout.slot(Leg::Agent, 0)), (at("1: nothing"), at("the agent's slots")));
    assert_eq!(layout.slot(Leg::Customer, 0), 192 + layout.slots * layout.slot_bytes);
    assert_eq!(table(section, "| offset in the slot |").last().expect("rows")[0], SLOT_HEAD_BYTES.to_string());
    let usual = SharedLayout::new(Codec::Pcm16, rate, 160).bytes().next_multiple_of(4096);
    assert!(section.contains(&format!("{} KiB for a call of 8000 Hz", usual / 1024)));
}

/// The messages of the example in bytes: who sends each (`>` or `<`), and its bytes.
fn example(page: &str) -> Vec<(char, Vec<u8>)> {
    let block = blocks(page, "hex");
    assert_eq!(block.len(), 1, "there is one example in bytes");
    let mut messages = Vec::new();
    for line in block[0].lines().filter(|line| !line.is_empty()) {
        match line.chars().next() {
            Some(side @ ('>' | '<')) => messages.push((side, Vec::new())),
            _ => {
                let (hex, rest) = line.split_once('|').expect("bytes, then the same as text");
                let bytes: Vec<u8> =
                    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal")).collect();
                let text: String =
                    bytes.iter().map(|byte| if (32..127).contains(byte) { char::from(*byte) } else { '.' }).collect();
                assert!(rest.starts_with(&format!("{text}|")), "the text beside the bytes is another: {line}");
                messages.last_mut().expect("a message begins with > or <").1.extend(bytes);
            }
        }
    }
    messages
}

#[test]
fn the_example_in_bytes_is_the_call_that_the_page_tells() {
    let page = read("docs/protocol-bytes.md");
    let mut told = Vec::new();
    for (side, bytes) in example(&page) {
        let (head, payload) = bytes.split_first_chunk::<HEAD_BYTES>().expect("a head");
        let head = if side == '>' { Head::parse(*head) } else { Head::parse_from_engine(*head) }.expect("a head");
        assert_eq!(head.payload_bytes, payload.len(), "the length in the head");
        told.push(match (side, head.kind) {
            ('>', Kind::Audio(leg)) => {
                let (audio, samples) = AudioHead::split(payload).expect("an audio head");
                assert_eq!(AudioHead::samples(samples, Codec::Pcm16), Ok(20));
                assert!(samples.iter().any(|byte| *byte != 0), "it is not silence");
                format!("> {leg:?} frame, channel {} at {}", audio.channel, audio.position)
            }
            ('>', Kind::Control) => {
                let request = Request::from_json(payload).expect("a request");
                let channel = match request.target {
                    Target::Channel(channel) => format!(" channel {channel}"),
                    _ => String::new(),
                };
                format!("> {} {}{channel}", request.id.expect("a number"), request.ask.verb().as_str())
            }
            (_, Kind::Audio(_)) => panic!("the engine sends no audio"),
            (_, Kind::Control) => match serde_json::from_slice::<Event>(payload) {
                Ok(Event::Hello { version, agent: None, limits: told, .. }) if version == VERSION => {
                    assert_eq!(told, limits());
                    "< hello".to_owned()
                }
                Ok(event) => {
                    format!("< {}", serde_json::to_value(event).expect("JSON")["event"].as_str().expect("a word"))
                }
                Err(_) => {
                    let answer: Answer = serde_json::from_slice(payload).expect("an answer");
                    assert_eq!(serde_json::to_vec(&answer).expect("JSON"), payload, "as the engine writes it");
                    format!("< {} {}, at {:?}", answer.id.expect("a number"), word(&answer.answer), answer.at)
                }
            },
        });
    }
    let expected = [
        "< hello",
        "> 1 begin",
        "< 1 accepted, at None",
        "> Agent frame, channel 0 at 0",
        "> Customer frame, channel 0 at 0",
        "> 2 record channel 0",
        "< recording",
        "< state",
        "< 2 accepted, at Some(20)",
        "> 3 end channel 0",
        "< 3 accepted, at Some(20)",
        "< kept",
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_client_in_the_page_is_the_one_in_examples() {
    let page = page();
    let first = section(&page, "The local socket");
    assert_eq!(blocks(first, "python"), [read("examples/minimal.py").trim_end()]);
}

#[test]
fn what_a_request_can_be_refused_for_stands_in_the_page_and_nothing_else() {
    let page = page();
    let rows = table(section(&page, "What a request can be refused for"), "| `do` |");
    let said: BTreeMap<String, BTreeSet<String>> =
        rows.iter().map(|row| (quoted(&row[0]).pop_first().expect("a verb"), quoted(&row[1]))).collect();
    let given = |verb: Verb| (verb.to_string(), words(verb.example().refusals()));
    assert_eq!(said, Verb::ALL.into_iter().map(given).collect());
    let all: BTreeSet<String> = said.into_values().flatten().chain(["malformed".to_owned()]).collect();
    assert_eq!(all, words(&Refusal::ALL), "a refusal that no request gets");
}
