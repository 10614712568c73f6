//! Whatever the page says that a request can be refused for, it can. That it is refused for nothing else, the engine looks after itself in every
//! test: it has debug assertions there.
//!
//! Belongs here: one way to each refusal. Does not: what else becomes of the call; `tests/protocol_manual` compares the page with the code.

use std::{collections::BTreeSet, fs};

use nix::sys::signal::Signal;
use retrocall::{
    audio::Leg,
    protocol::{Ask, CallId, Refusal, Request, Target, Verb},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    begin,
    desk::{Desk, Home, Line, Sound, wait_for},
    ice::IceBox,
    rig::Raw,
    visitors::{OpenDesk, Visitor},
};

/// The requests that can be refused for this.
fn refused_for(reason: Refusal) -> impl Iterator<Item = Verb> {
    Verb::ALL.into_iter().filter(move |verb| verb.example().refusals().contains(&reason))
}

/// The controls that can be.
fn controls_for(reason: Refusal) -> impl Iterator<Item = Verb> {
    refused_for(reason).filter(|verb| verb.is_control())
}

/// What was refused so far: the request, and why.
#[derive(Default)]
struct Seen(BTreeSet<(String, String)>);

impl Seen {
    /// Asks for what must be refused so.
    #[track_caller]
    fn refused(&mut self, raw: &mut Raw, request: Value, reason: &str) {
        let answer = raw.ask(&request);
        self.note(&request, &answer, reason);
    }

    /// Asks again and again, until it is refused so.
    #[track_caller]
    fn at_last(&mut self, raw: &mut Raw, mut request: impl FnMut(usize) -> Value, reason: &str) {
        for number in 0..20_000 {
            let request = request(number);
            let answer = raw.ask(&request);
            if answer["answer"] == "refused" {
                return self.note(&request, &answer, reason);
            }
        }
        panic!("{} is never refused for {reason}", request(0));
    }

    #[track_caller]
    fn note(&mut self, request: &Value, answer: &Value, reason: &str) {
        assert_eq!(answer["reason"], reason, "{request}: {answer}");
        self.0.insert((request["do"].as_str().expect("a verb").to_owned(), reason.to_owned()));
    }
}

/// A request with what it needs.
fn asked(verb: Verb) -> Value {
    serde_json::from_slice(&Request::new(Target::Own, verb.example()).to_json()).expect("JSON")
}

/// The same, of this call or agent.
fn control(verb: Verb, target: (&str, &Value)) -> Value {
    let mut request = asked(verb);
    request[target.0] = target.1.clone();
    request
}

fn of(call: &Value) -> (&str, &Value) {
    ("call", call)
}

fn expect(agent: &str) -> Value {
    let legs = [(); 2].map(|()| Uuid::now_v7());
    json!({"do": "expect", "agent": agent, "agent_leg": legs[0], "customer_leg": legs[1]})
}

/// What depends on the call, or on who asks.
fn by_call_and_user(seen: &mut Seen) -> Option<()> {
    let settings = "objection_covers_record = true\nafter_hangup = \"60s\"\naudiosocket = \"127.0.0.1:0\"\n\
                    never_capture = [\"adviser\"]\n";
    let open = OpenDesk::open(settings, &["--one-in", "0"])?;
    let [mut pbx, mut other] = [(); 2].map(|()| Raw::connect(open.desk.socket()));
    let mut mallory = open.visitor("mallory").connect();
    for verb in Verb::ALL {
        seen.refused(&mut pbx, json!({"do": verb, "nonsense": 1}), "malformed");
    }
    let nobody = json!(CallId::new());
    let [live, ended, private, objected, pressed] = [(); 5].map(|()| pbx.ask(&begin("bert"))["call"].clone());
    let exempt = pbx.ask(&begin("adviser"))["call"].clone();
    for verb in refused_for(Refusal::UnknownCall) {
        seen.refused(&mut other, control(verb, of(&nobody)), "unknown-call");
    }
    for verb in refused_for(Refusal::NoCall) {
        seen.refused(&mut pbx, control(verb, ("agent", &json!("zoe"))), "no-call");
    }
    for verb in controls_for(Refusal::NotYours) {
        seen.refused(&mut mallory, control(verb, of(&live)), "not-yours");
    }
    for request in [control(Verb::Attach, of(&live)), begin("bert"), expect("mallory")] {
        seen.refused(&mut mallory, request, "not-yours");
    }
    for verb in [Verb::Status, Verb::Board, Verb::Sweep, Verb::As] {
        seen.refused(&mut mallory, asked(verb), "not-yours");
    }
    pbx.ask(&control(Verb::End, of(&ended)));
    pbx.ask(&control(Verb::Private, of(&private)));
    pbx.ask(&control(Verb::Object, of(&objected)));
    pbx.ask(&control(Verb::Record, of(&pressed)));
    let by_state = [
        (Refusal::Connected, &live),
        (Refusal::Ended, &ended),
        (Refusal::Private, &private),
        (Refusal::Exempt, &exempt),
        (Refusal::Objected, &objected),
        (Refusal::Recording, &pressed),
    ];
    for (reason, call) in by_state {
        for verb in refused_for(reason) {
            seen.refused(&mut other, control(verb, of(call)), reason.as_str());
        }
    }
    for verb in refused_for(Refusal::TooManyMarks) {
        let request = |number: usize| {
            let mut request = control(verb, of(&pressed));
            if verb == Verb::Transfer {
                request["to"] = ["carl", "dora"][number % 2].into();
            }
            request
        };
        seen.at_last(&mut pbx, request, "too-many-marks");
    }
    // In the name of an account that is not there; and without a catalog that says so.
    seen.refused(&mut Raw::connect(open.desk.socket()), asked(Verb::As), "no-account");
    let catalog = open.desk.path().join("catalog.sqlite");
    fs::rename(&catalog, open.desk.path().join("moved.sqlite")).expect("it is moved");
    fs::create_dir(&catalog).expect("something else lies there");
    seen.refused(&mut Raw::connect(open.desk.socket()), asked(Verb::As), "catalog");
    open.desk.kill();
    Some(())
}

/// What there may only be so much of.
fn by_limit(seen: &mut Seen) -> Option<()> {
    let settings = "calls_per_user = 3\nbegins_per_second = 1\ncalls_max = 40\naudiosocket = \"127.0.0.1:0\"\n";
    let open = OpenDesk::open(settings, &["--one-in", "0"])?;
    let mallory: Visitor = open.visitor("mallory");
    let mut flood = mallory.connect();
    seen.at_last(&mut flood, |_| begin("mallory"), "calls-per-user");
    let mut churn = |number: usize| match number % 2 {
        0 => json!({"do": "end", "channel": number / 2}),
        _ => begin("mallory"),
    };
    seen.at_last(&mut flood, &mut churn, "begins-per-second");
    let offer = |number: usize| {
        let to = ["bert", "carl"][number % 2];
        json!({"do": "transfer", "channel": 2, "to": to})
    };
    seen.at_last(&mut flood, offer, "begins-per-second");
    let mut pbx = Raw::connect(open.desk.socket());
    seen.at_last(&mut pbx, |_| begin("anna"), "too-many-calls");
    seen.at_last(&mut pbx, |_| expect("anna"), "too-many-calls");
    open.desk.stop();
    let desk = Desk::open(&["--one-in", "0"]);
    let mut phone = Raw::connect(desk.socket());
    let wide = json!({"do": "begin", "agent": "anna", "rate": 48_000, "codec": "pcm16"});
    let share = |number: usize| match number % 2 {
        0 => wide.clone(),
        _ => json!({"do": "share", "channel": number / 2, "frame_samples": 5_760}),
    };
    seen.at_last(&mut phone, share, "memory-full");
    let mut talker = Raw::connect(desk.socket());
    let sound = Sound::noise(8_000, 8_000, 5);
    let mut calls = 0;
    let full = loop {
        let answer = talker.ask(&begin("bert"));
        if answer["answer"] == "refused" {
            break answer;
        }
        calls += 1;
        assert!(calls < 20_000, "the memory never fills");
        for leg in Leg::ALL {
            talker.frame(leg, calls - 1, 0, &sound.legs[leg.index()][..1_600]);
        }
    };
    seen.note(&begin("bert"), &full, "memory-full");
    desk.kill();
    Some(())
}

/// What a disk that hangs refuses, and an engine that waits for it. Nothing where no disk can be frozen.
fn by_disk(seen: &mut Seen) -> Option<()> {
    let home = Home::new();
    let disk = IceBox::over(&home, &home.path().join("recordings"))?;
    let desk = home.start(&["--one-in", "0", "--memory", "16MiB"]);
    let sound = Sound::noise(8_000, 80_000, 6);
    let mut line = Line::begin(&desk, "anna", 8_000);
    line.accepted(Ask::Record);
    line.talk(&sound, 0, 80_000);
    line.settle();
    wait_for("what was said on disk", || desk.holds(&sound.legs[1][70_000..70_100]).then_some(()));
    let frozen = disk.freeze();
    let mut late = Raw::connect(desk.socket());
    let erase = json!({"do": "erase-last", "call": line.call, "seconds": 9});
    seen.refused(&mut late, erase, "disk");
    desk.signal(Signal::SIGTERM);
    late.event("stopping");
    seen.refused(&mut late, begin("dora"), "stopping");
    drop(frozen);
    desk.wait();
    Some(())
}

#[test]
fn each_refusal_that_the_page_names_for_a_request_is_one_that_it_gets() {
    let mut seen = Seen::default();
    if by_call_and_user(&mut seen).is_none() || by_limit(&mut seen).is_none() {
        return;
    }
    let has_ice = by_disk(&mut seen).is_some();
    let named = Verb::ALL.into_iter().flat_map(|verb| {
        let refusals = verb.example().refusals().iter().chain(&[Refusal::Malformed]);
        refusals.map(move |reason| (verb.to_string(), reason.as_str().to_owned()))
    });
    // A mask or a hold waits for the disk only if a frame was written in the very moment in which it began.
    let is_seldom = |verb: &str, reason: &str| reason == "disk" && ["mask", "hold"].contains(&verb);
    let needs_ice = |reason: &str| ["disk", "stopping"].contains(&reason);
    let named = named.filter(|(verb, reason)| !is_seldom(verb, reason) && (has_ice || !needs_ice(reason)));
    assert_eq!(seen.0, named.collect());
}
