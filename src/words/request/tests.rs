//! Messages of all kinds, and the answers to them.

use super::*;
use crate::{AGENT_CHARS_MAX, Direction};

fn refused(json: impl AsRef<[u8]>) -> String {
    let json = json.as_ref();
    Request::from_json(json).expect_err(&String::from_utf8_lossy(json)).text
}

#[track_caller]
fn comes_back(target: Target, ask: Ask) {
    let request = Request { id: Some(7), ..Request::new(target, ask) };
    assert_eq!(Request::from_json(&request.to_json()), Ok(request));
}

#[test]
fn every_request_comes_back_from_its_json() {
    let call = CallId::new();
    for verb in Verb::ALL {
        let target = match verb {
            Verb::Attach => Target::Call(call),
            _ => Target::Own,
        };
        assert_eq!(verb.example().verb(), verb);
        comes_back(target, verb.example());
    }
    for target in [Target::Channel(3), Target::Call(call), Target::Agent("anna".into())] {
        Verb::ALL
            .into_iter()
            .filter(|verb| verb.is_control())
            .for_each(|verb| comes_back(target.clone(), verb.example()));
    }
    comes_back(Target::Own, Ask::Share { frame_samples: Some(320), depth_ms: Some(2_000) });
    comes_back(Target::Own, Ask::As(InNameOf::Agent("anna".into())));
    let given = Request { ago_ms: AGO_MS_MAX, ..Request::new(Target::Call(call), Ask::Mask) };
    assert_eq!(Request::from_json(&given.to_json()), Ok(given));
}

#[test]
fn a_control_that_was_given_too_long_ago_and_a_question_that_was_given_earlier_are_refused() {
    for (json, word) in [
        (r#"{"do":"mask","ago_ms":2001}"#, "`ago_ms` must be"),
        (r#"{"do":"mask","ago_ms":-1}"#, "`ago_ms` must be"),
        (r#"{"do":"calls","ago_ms":1}"#, "`calls` has no field `ago_ms`"),
        (r#"{"do":"as","user":"anna","agent":"anna"}"#, "acts for one"),
        (r#"{"do":"as"}"#, "`as` needs the field `user`"),
    ] {
        assert!(refused(json).contains(word), "{}", refused(json));
    }
}

#[test]
fn all_that_is_said_of_a_call_comes_back_from_its_json() {
    let (facts, customer) = (Facts::example(), Some(Customer::from("+31 20 1234567")));
    for at in 0..CallStates::default().named().len() {
        let mut json = serde_json::to_value(CallStates::default()).expect("JSON");
        let (name, _) = CallStates::default().named()[at];
        json[name] = true.into();
        let states: CallStates = serde_json::from_value(json).expect("states");
        assert!(states.named()[at].1, "`{name}` is another's name");
        for codec in Codec::ALL {
            let begin = Begin::new("anna", Rate::new(8_000).expect("a rate"), codec);
            let (facts, customer) = (facts.clone(), customer.clone());
            comes_back(Target::Own, Ask::Begin(Begin { facts, customer, states, ..begin }));
        }
        let legs = [1, 2].map(Uuid::from_u128);
        let (facts, customer) = (facts.clone(), customer.clone());
        comes_back(Target::Own, Ask::Expect(Expect { facts, customer, legs, states }));
    }
}

#[test]
fn a_control_that_ends_what_another_began_leaves_what_was_before() {
    let none = CallStates::default();
    for (begins, ends) in [(Ask::Mask, Ask::Unmask), (Ask::Hold, Ask::Resume)] {
        assert_ne!(begins.after(none), none);
        assert_eq!(ends.after(begins.after(none)), none);
    }
    let set: Vec<Verb> = Verb::ALL.into_iter().filter(|verb| verb.example().after(none) != none).collect();
    assert_eq!(set.len(), none.named().len(), "each state has one control that sets it: {set:?}");
}

#[test]
fn a_wrong_request_is_told_what_is_wrong_and_never_quotes_a_value() {
    assert!(refused(r#"{"do":"recrod"}"#).contains("names nothing"));
    assert!(refused(r#"{"do":"begin","agent":"a","codec":"pcm16"}"#).contains("`rate`"));
    assert!(refused(r#"{"do":"record","cal":"x"}"#).contains("unknown field `cal`"));
    assert!(refused(r#"{"do":"begin","agent":"a","rate":4000,"codec":"pcm16"}"#).contains("8000 to 48000"));
    assert!(refused(r#"{"do":"record","channel":1,"agent":"anna"}"#).contains("more than one"));
    assert!(refused(r#"{"do":"erase-last","seconds":-1}"#).contains("over 0"));
    let number = "+31201234567";
    for json in [
        format!(r#"{{"do":"begin","agent":"a","rate":"{number}","codec":"pcm16"}}"#),
        format!(r#"{{"do":"begin","agent":"a","rate":8000,"codec":"{number}"}}"#),
        format!(r#"{{"do":"record","call":"{number}"}}"#),
        format!(r#"{{"do":"record","{number}":1}}"#),
        format!(r#"{{"do":"record","call":{number}}}"#),
        r#"{"do":"begin","agent":"a","rate":1234567,"codec":"pcm16"}"#.to_owned(),
    ] {
        assert!(!refused(&json).contains("1234567"), "{}", refused(&json));
    }
}

#[test]
fn an_error_names_the_field_of_the_wrong_type_and_what_it_must_be() {
    for (json, text) in [
        (r#"{"do":"record","channel":"0"}"#, "`channel` must be a whole number from 0 to 4294967295"),
        (r#"{"do":"record","channel":-1}"#, "`channel` must be a whole number from 0 to 4294967295"),
        (r#"{"do":"record","call":7}"#, "`call` must be the id of a call, as a string"),
        (r#"{"do":"record","agent":{}}"#, "`agent` must be a string of 1 to 64 characters"),
        (r#"{"do":"dtmf","digit":5}"#, "`digit` must be one of 0-9, *, #, A-D, as a string"),
        (r#"{"do":"share","frame_samples":5761}"#, "`frame_samples` must be a whole number from 1 to 5760"),
        (r#"{"do":"share","depth_ms":119}"#, "`depth_ms` must be a whole number of milliseconds, 120 to 10000"),
        (r#"{"do":"share","depth_ms":10001}"#, "`depth_ms` must be a whole number of milliseconds, 120 to 10000"),
        (r#"{"do":"erase-last","seconds":"5"}"#, "`seconds` must be a number over 0"),
        (r#"{"do":"begin","agent":"a","rate":"8000","codec":"pcm16"}"#, "`rate` must be a whole number of hertz"),
        (r#"{"do":"begin","agent":"a","rate":8000,"codec":16}"#, "`codec` must be \"pcm16\""),
        (r#"{"do":"expect","agent":"a","agent_leg":1,"customer_leg":2}"#, "`agent_leg` must be a UUID"),
        (r#"{"do":7}"#, "`do` must be a string"),
        (r#"{"id":"x","do":"calls"}"#, "`id` must be a whole number"),
        (r#"{"do":"record","channel":1,"channel":1}"#, "`channel` is there more than once"),
    ] {
        assert!(refused(json).starts_with(text), "{json}: {}", refused(json));
    }
}

#[test]
fn half_an_emoji_nan_or_a_number_without_end_is_the_matter_of_one_field_and_the_answer_has_its_number() {
    let half_utf8 = [&br#"{"id":7,"do":"record","agent":"an"#[..], b"\xf0\x9f\x98", br#""}"#].concat();
    let deep = format!(r#"{{"id":7,"do":"record","agent":{}{}}}"#, "[".repeat(3_000), "]".repeat(3_000));
    for (json, field) in [
        (&br#"{"id":7,"do":"record","agent":"an\ud83d"}"#[..], "`agent` must be"),
        (br#"{"id":7,"do":"record","agent":"\ude00an"}"#, "`agent` must be"),
        (br#"{"do":"erase-last","seconds":1e400,"id":7}"#, "`seconds` must be"),
        (br#"{"id":7,"do":"erase-last","channel":0,"seconds":NaN}"#, "`seconds` must be"),
        (br#"{"id":7,"do":"erase-last","seconds":-Infinity}"#, "`seconds` must be"),
        (&half_utf8, "`agent` must be"),
        (b"{\"id\":7,\"do\":\"record\",\"agent\":\"an\na\"}", "`agent` must be"),
        (br#"{"id":7,"do":"rec\ud83d"}"#, "`do` must be"),
        (br#"{"id":7,"do":"record","\ud83d":1}"#, "unknown field, expected one of"),
        (deep.as_bytes(), "`agent` must be"),
    ] {
        let shown = String::from_utf8_lossy(json);
        let error = Request::from_json(json).expect_err(&shown);
        assert_eq!(error.id, Some(7), "{shown}");
        assert!(error.text.contains(field), "{shown}: {}", error.text);
    }
    // In a string these are ordinary words.
    let request = Request::from_json(br#"{"do":"record","agent":"NaN \" Infinity \\"}"#).expect("it is right");
    assert_eq!(request.target, Target::Agent("NaN \" Infinity \\".into()));
}

#[test]
fn a_field_of_another_request_is_refused_and_not_passed_over() {
    assert!(refused(r#"{"do":"record","seconds":3}"#).contains("`record` has no field `seconds`"));
    assert!(refused(r#"{"do":"calls","agent":"a"}"#).contains("leave out"));
    assert!(Request::from_json(br#"{"do":"record","seconds":null,"agent":null}"#).is_ok());
}

#[test]
fn a_call_is_captured_whatever_else_is_said_of_it_and_what_can_not_be_used_is_named() {
    let long = format!(r#""customer":"{}""#, "5".repeat(65));
    let with = |more: &str| {
        let json = format!(r#"{{"do":"begin","agent":"anna",{more},"rate":8000,"codec":"ulaw"}}"#);
        let request = Request::from_json(json.as_bytes()).unwrap_or_else(|why| panic!("{json}: {why}"));
        let Ask::Begin(begin) = request.ask else { panic!("a call begins") };
        assert_eq!((begin.facts.agent.as_str(), begin.rate.hz(), begin.codec), ("anna", 8_000, Codec::Ulaw));
        (request.id, begin.customer, begin.facts.direction, request.left_out)
    };
    let nothing = (None, None, Direction::Inbound);
    for (more, left_out) in [
        (long.as_str(), &["customer"][..]),
        (r#""customer":31201234567"#, &["customer"]),
        (r#""customer":"""#, &["customer"]),
        (r#""customer":"+31\ud83d""#, &["customer"]),
        (r#""customer":NaN"#, &["customer"]),
        (r#""customer":{"name":["x"]}"#, &["customer"]),
        (r#""customer":"1","customer":"2""#, &["customer"]),
        (r#""direction":"sideways""#, &["direction"]),
        (r#""direction":1e400,"customer":false"#, &["customer", "direction"]),
        (r#""id":"seven""#, &["id"]),
        (r#""channel":1,"weather":"wet""#, &["channel", "weather"]),
        (r#""continues":"the one before","masked":1"#, &["continues", "masked"]),
        (r#""+31201234567":"x""#, &["?"]),
        (r#""customer":null,"weather":null"#, &[]),
    ] {
        let (id, customer, direction, names) = with(more);
        assert_eq!((id, customer, direction), nothing, "{more}");
        assert_eq!(names, left_out, "{more}");
    }
    // The usable fields are used.
    let more = r#""id":7,"direction":"outbound","customer":"0201234567","hold":true"#;
    assert_eq!(with(more), (Some(7), Some("0201234567".into()), Direction::Outbound, vec!["hold".to_owned()]));
    let legs =
        r#""agent_leg":"3f0c2a9e-6c1d-4a7b-9a51-0e6b1c7f2d01","customer_leg":"a14de2b7-93f0-4cc8-8f1e-5b7790aa3c4e""#;
    let expect = Request::from_json(format!(r#"{{"do":"expect","agent":"a",{legs},"customer":5,"x":1}}"#).as_bytes());
    assert_eq!(expect.expect("it is expected").left_out, ["customer", "x"]);
    // Without these there is no call.
    for wrong in [
        r#"{"do":"begin","agent":"an\ud83d","rate":8000,"codec":"pcm16"}"#,
        r#"{"do":"begin","agent":"a","rate":8000.5,"codec":"pcm16"}"#,
        r#"{"do":"begin","agent":"a","rate":8000,"codec":"opus"}"#,
        r#"{"do":"begin","agent":"a","agent":"b","rate":8000,"codec":"pcm16"}"#,
    ] {
        refused(wrong);
    }
}

#[test]
fn what_is_no_json_object_is_refused_with_its_number_if_that_can_be_read() {
    for bytes in
        [&b"{"[..], b"[]", b"", b"12", b"{\"do\":\"record\"} x", &[b'{', 0xff, b'}'], b"{\"do\":7", b"\xef\xbb\xbf{}"]
    {
        let text = refused(bytes);
        assert!(text.contains("one JSON object") || text.contains("`do`"), "{bytes:?}: {text}");
    }
    let wrong = Request::from_json(br#"{"id":7,"do":"record","cal":1}"#).expect_err("an unknown field");
    assert_eq!(wrong.id, Some(7));
    let cut = Request::from_json(br#"{"id":7,"do":"record","chan"#).expect_err("it is cut off");
    assert_eq!((cut.id, cut.text.contains("behind `do`")), (Some(7), true), "{cut}");
}

#[test]
fn the_words_for_a_field_say_its_limits() {
    let text = refused(r#"{"do":"share","frame_samples":0}"#);
    assert!(text.contains(&crate::audio::FRAME_SAMPLES_MAX.to_string()), "{text}");
    let text = refused(r#"{"do":"transfer","to":""}"#);
    assert!(text.contains(&AGENT_CHARS_MAX.to_string()), "{text}");
    let text = refused(r#"{"do":"begin","agent":"a","rate":0,"codec":"pcm16"}"#);
    assert!(text.contains(&Rate::MIN_HZ.to_string()) && text.contains(&Rate::MAX_HZ.to_string()), "{text}");
}
