//! Calls that are kept on request, by a press, a copy or keys of the phone; calls that are barred; and what their rows say of it.

use std::{thread, time::Duration};

use parking_lot::Mutex;

use super::*;
use crate::{
    Handover,
    continuing::tests::{Desk, begin, who},
};
use retrocall_settings::Settings;
use retrocall_words::{
    Begin, Customer, Facts, Informed,
    book::{CallBegun, CallEnded, Note, Origins},
};

/// Hears and remembers.
#[derive(Default)]
struct Ear(Mutex<Vec<Event>>);

impl Listener for Ear {
    fn tell(&self, event: &Event) {
        self.0.lock().push(event.clone());
    }
}

impl Ear {
    fn recordings(&self) -> Vec<(Option<Reason>, Option<Origin>)> {
        let heard = self.0.lock();
        let told = heard.iter().filter_map(|event| match event {
            Event::Recording { reason, origin, .. } => Some((*reason, *origin)),
            _ => None,
        });
        told.collect()
    }

    fn has_heard(&self, is_it: impl Fn(&Event) -> bool) -> bool {
        self.0.lock().iter().any(is_it)
    }
}

/// A desk where every call is drawn.
fn desk(toml: &str) -> Desk {
    let settings = Settings::parse(toml, std::path::Path::new("retrocall.toml")).expect("settings");
    Desk::open(Settings { one_in: 1, ..settings })
}

/// Says a second of both legs.
fn talk(carried: &mut Handover) {
    for writer in carried.writers.iter_mut() {
        for position in [0, 4_000] {
            assert!(writer.provision(4_000));
            writer.push(position, &[77; 4_000]);
        }
    }
}

/// What the book says of a call that is over.
fn rows(desk: &Desk, call: CallId) -> (CallBegun, CallEnded) {
    for _ in 0..6_000 {
        let notes = desk.book.notes();
        let begun = notes.iter().find_map(|note| match note {
            Note::Begun(begun) if begun.call.id == call => Some(begun.clone()),
            _ => None,
        });
        let ended = notes.iter().find_map(|note| match note {
            Note::Ended(ended) if ended.call == call => Some(ended.clone()),
            _ => None,
        });
        if let (Some(begun), Some(ended)) = (begun, ended) {
            return (begun, ended);
        }
        // The thread that wipes writes the row.
        thread::sleep(Duration::from_millis(10));
    }
    panic!("a call that is over has its rows")
}

fn over(desk: &Desk, carried: Handover) -> (CallBegun, CallEnded) {
    let call = carried.call.id;
    drop(carried.writers);
    desk.engine.end(call).expect("it is live");
    rows(desk, call)
}

fn of(customer: &str) -> Begin {
    Begin { customer: Some(Customer::from(customer)), ..begin("anna") }
}

#[test]
fn a_customer_who_objected_on_an_earlier_day_is_not_drawn_and_the_row_says_why() {
    let desk = desk("");
    desk.book.object("0201234567");
    let carried = desk.begin("owner", of("0201234567")).expect("room");
    assert!(carried.states.objected, "its client is told");
    let (_, ended) = over(&desk, carried);
    let origins = Origins { objected: Some(Origin::Remembered), ..Origins::default() };
    assert_eq!((ended.objected, ended.origins, ended.reasons), (true, origins, vec![]));
    let other = desk.begin("owner", of("0201234568")).expect("room");
    let (_, ended) = over(&desk, other);
    assert_eq!((ended.objected, ended.origins, ended.reasons), (false, Origins::default(), vec![Reason::Sample]));
}

#[test]
fn a_customer_who_was_not_informed_is_not_drawn_and_the_setting_speaks_where_begin_is_silent() {
    let informed = |informed| {
        let begin = begin("anna");
        Begin { facts: Facts { informed, ..begin.facts }, ..begin }
    };
    for (toml, said, holds) in [
        ("", None, Informed::Tape),
        ("", Some(Informed::None), Informed::None),
        ("", Some(Informed::Spoken), Informed::Spoken),
        ("informed = \"none\"", None, Informed::None),
        ("informed = \"none\"", Some(Informed::Tape), Informed::Tape),
    ] {
        let desk = desk(toml);
        let carried = desk.begin("owner", informed(said)).expect("room");
        let (begun, ended) = over(&desk, carried);
        assert_eq!(begun.call.facts.informed, Some(holds), "{toml} {said:?}");
        assert_eq!(ended.reasons.is_empty(), holds == Informed::None, "{toml} {said:?}");
    }
}

#[test]
fn nothing_is_held_of_a_line_that_is_never_captured() {
    let desk = desk("never_capture = [\"020 555 0199\", \"adviser\"]");
    let lines = [of("020-5550199"), begin("adviser"), of("adviser")];
    for begin in lines {
        let mut carried = desk.begin("owner", begin).expect("the call begins");
        assert!(carried.exempt && !carried.states.private);
        talk(&mut carried);
        let call = carried.call.id;
        for ask in [Ask::Record, Ask::Copy, Ask::EraseLast { seconds: 1.0 }] {
            assert_eq!(desk.ask(call, &ask).reason, Some(Refusal::Exempt), "{ask:?}");
        }
        let seen = desk.engine.calls(&who("owner"));
        assert_eq!((seen[0].exempt, seen[0].held_bytes), (true, Some(0)));
        let (begun, ended) = over(&desk, carried);
        assert_eq!((begun.exempt, ended.reasons, ended.private), (true, vec![], false));
    }
    let mut carried = desk.begin("owner", of("0205550198")).expect("room");
    assert!(!carried.exempt);
    talk(&mut carried);
    // Once it is the adviser's, it is on such a line.
    let call = carried.call.id;
    assert_eq!(desk.ask(call, &Ask::Transfer { to: "adviser".into() }).answer, Verdict::Accepted);
    assert_eq!(desk.ask(call, &Ask::Record).reason, Some(Refusal::Private));
    assert_eq!(desk.engine.calls(&who("owner"))[0].held_bytes, Some(0));
    let (begun, ended) = over(&desk, carried);
    assert_eq!((begun.exempt, ended.private, ended.reasons), (false, true, vec![]));
}

#[test]
fn keys_of_the_phone_do_what_the_desk_has_set_on_their_own_leg_alone() {
    let desk = desk("record_keys = \"*7\"\nobject_keys = \"3\"");
    let carried = desk.begin("owner", begin("anna")).expect("room");
    let call = carried.call.id;
    let press = |leg, keys: &str| {
        for digit in keys.chars() {
            assert_eq!(desk.ask(call, &Ask::Dtmf { digit, leg }).answer, Verdict::Accepted);
        }
        let calls = desk.engine.calls(&who("owner"));
        (calls[0].states.recording, calls[0].states.objected)
    };
    assert_eq!(press(None, "*73"), (false, false), "nobody knows whose keys these are");
    assert_eq!(press(Some(Leg::Agent), "3"), (false, false));
    assert_eq!(press(Some(Leg::Customer), "*7"), (false, false));
    // A card number.
    desk.ask(call, &Ask::Mask);
    assert_eq!(press(Some(Leg::Customer), "4333"), (false, false));
    assert_eq!(press(Some(Leg::Agent), "*"), (false, false));
    desk.ask(call, &Ask::Unmask);
    assert_eq!(press(Some(Leg::Agent), "7"), (false, false), "its beginning was pressed under the mask");
    assert_eq!(press(Some(Leg::Customer), "123"), (false, true));
    assert_eq!(press(Some(Leg::Agent), "**7"), (true, true));
    let (_, ended) = over(&desk, carried);
    assert_eq!(ended.reasons, [Reason::OnDemand], "an objection bars the sample, not the press");
    assert_eq!((ended.origins.objected, ended.origins.masked), (Some(Origin::CustomerKey), Some(Origin::Agent)));
    // An agent's own user can't make it look as if the customer had pressed.
    let carried = desk.begin("owner", begin("anna")).expect("room");
    let key = Ask::Dtmf { digit: '3', leg: Some(Leg::Customer) };
    let target = Target::Call(carried.call.id);
    desk.engine.control(&who("anna"), &target, &key, &desk.nobody, |_| false);
    let (_, ended) = over(&desk, carried);
    assert_eq!(ended.origins.objected, Some(Origin::Agent));
    // Without settings keys are keys.
    let plain = self::desk("");
    let carried = plain.begin("owner", begin("anna")).expect("room");
    for leg in Leg::ALL {
        plain.ask(carried.call.id, &Ask::Dtmf { digit: '3', leg: Some(leg) });
    }
    assert!(!plain.engine.calls(&who("owner"))[0].states.objected);
}

#[test]
fn a_row_says_from_where_audio_was_taken_away_and_how_much_was_masked() {
    let desk = desk("");
    let mut carried = desk.begin("owner", begin("anna")).expect("room");
    let call = carried.call.id;
    let by_its_client = |ask: &Ask| {
        let target = Target::Call(call);
        desk.engine.control(&who("owner"), &target, ask, &desk.nobody, |_| true).answer.answer
    };
    assert_eq!(by_its_client(&Ask::Mask), Verdict::Accepted);
    talk(&mut carried);
    assert_eq!(by_its_client(&Ask::Unmask), Verdict::Accepted);
    assert_eq!(desk.ask(call, &Ask::Object).answer, Verdict::Accepted);
    assert_eq!(by_its_client(&Ask::Object), Verdict::Already);
    assert_eq!(by_its_client(&Ask::Private), Verdict::Accepted);
    let (_, ended) = over(&desk, carried);
    assert_eq!((ended.private, ended.objected, ended.mask_seconds), (true, true, 1.0));
    let origins =
        Origins { private: Some(Origin::Client), objected: Some(Origin::Agent), masked: Some(Origin::Client) };
    assert_eq!(ended.origins, origins);
}

#[test]
fn a_copy_keeps_the_whole_call_beside_a_press_or_without_one_and_its_agent_hears_of_it() {
    let desk = desk("objection_covers_record = true");
    let agents = Arc::new(Ear::default());
    let _present = desk.engine.arrive(&who("anna"), &(Arc::clone(&agents) as _));
    let strangers = Arc::new(Ear::default());
    let _there = desk.engine.arrive(&who("bert"), &(Arc::clone(&strangers) as _));
    let mut carried = desk.begin("owner", begin("anna")).expect("room");
    let call = carried.call.id;
    talk(&mut carried);
    // The customer objects to coaching, and still wants a copy.
    assert_eq!(desk.ask(call, &Ask::Object).answer, Verdict::Accepted);
    assert_eq!(desk.ask(call, &Ask::Record).reason, Some(Refusal::Objected));
    assert!(agents.recordings().is_empty(), "nothing is kept yet");
    let kept = desk.ask(call, &Ask::Copy);
    assert_eq!((kept.answer, kept.seconds), (Verdict::Accepted, Some(1.0)), "from the first second");
    assert_eq!(desk.ask(call, &Ask::Copy).answer, Verdict::Already);
    assert_eq!(desk.ask(call, &Ask::Private).reason, Some(Refusal::Recording));
    let (_, ended) = over(&desk, carried);
    assert_eq!(ended.reasons, [Reason::Copy]);
    assert_eq!(agents.recordings(), [(Some(Reason::Copy), Some(Origin::Agent))]);
    // Both, in either order, are one file with both reasons.
    for asks in [[Ask::Copy, Ask::Record], [Ask::Record, Ask::Copy]] {
        let carried = desk.begin("owner", begin("anna")).expect("room");
        let call = carried.call.id;
        for ask in &asks {
            assert_eq!(desk.ask(call, ask).answer, Verdict::Accepted, "{ask:?}");
        }
        let (_, mut ended) = over(&desk, carried);
        ended.reasons.sort();
        assert_eq!(ended.reasons, [Reason::OnDemand, Reason::Sample, Reason::Copy]);
        let is_kept = || agents.has_heard(|event| matches!(event, Event::Kept { call: kept, .. } if *kept == call));
        assert!(
            (0..6_000).any(|_| is_kept() || {
                thread::sleep(Duration::from_millis(10));
                false
            }),
            "it is told"
        );
    }
    assert_eq!(agents.recordings().len(), 5);
    // Nobody hears of a call that only the draw keeps, and nobody of another agent's.
    let carried = desk.begin("owner", begin("anna")).expect("room");
    let sampled = carried.call.id;
    assert_eq!(over(&desk, carried).1.reasons, [Reason::Sample]);
    assert!((0..6_000).any(|_| desk.book.has_kept(sampled) || {
        thread::sleep(Duration::from_millis(10));
        false
    }));
    assert!(!agents.has_heard(|event| matches!(event, Event::Kept { call, .. } if *call == sampled)));
    assert!(strangers.0.lock().is_empty());
}

#[test]
fn a_mask_that_was_given_on_another_machine_reaches_back_to_when_it_was_given() {
    let desk = desk("");
    let mut carried = desk.begin("owner", begin("anna")).expect("room");
    let target = Target::Call(carried.call.id);
    desk.clock.pass(Duration::from_secs(1));
    talk(&mut carried);
    let given = |ask: &Ask, ago_ms| {
        let given = (ask, Duration::from_millis(ago_ms));
        desk.engine.control_given(&who("anna"), &target, given, &desk.nobody, |_| false).answer
    };
    assert_eq!(given(&Ask::Record, 0).answer, Verdict::Accepted);
    let masked = given(&Ask::Mask, 400);
    assert_eq!((masked.answer, masked.at), (Verdict::Accepted, Some(4_800)));
    assert_eq!(given(&Ask::Unmask, 400).at, Some(8_000), "what was silent stays so");
    let (_, ended) = over(&desk, carried);
    assert_eq!(ended.mask_seconds, 0.4);
}
