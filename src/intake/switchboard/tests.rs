//! The switchboard with streams of no way in: its work is the same for all.

use std::{collections::BTreeMap, time::Duration};

use parking_lot::Mutex;

use super::*;
use retrocall_settings::Settings;
use retrocall_words::{CallStates, Clock as _, EndedBy, Expect, Facts, LiveState, TestClock};

#[path = "../../engine/memory_book.rs"]
#[expect(dead_code, reason = "no recording is looked at here")]
mod memory_book;

const HZ: u32 = 8_000;

/// What the switchboard has said to the streams.
#[derive(Default)]
struct TestStreams {
    loans: Mutex<HashMap<StreamId, Option<Loan>>>,
    contested: Mutex<Vec<StreamId>>,
}

impl Streams for TestStreams {
    const NAME: &'static str = "a test";

    fn answer(&self, stream: StreamId, loan: Option<Loan>) {
        assert!(self.loans.lock().insert(stream, loan).is_none(), "a stream is answered once");
    }

    fn contest(&self, stream: StreamId) {
        self.contested.lock().push(stream);
    }
}

/// Hears what is told of calls.
#[derive(Default)]
struct Announcer(Mutex<Vec<Event>>);

impl Listener for Announcer {
    fn tell(&self, event: &Event) {
        self.0.lock().push(event.clone());
    }
}

struct Desk {
    engine: Arc<Engine>,
    switchboard: Switchboard<TestStreams>,
    streams: Arc<TestStreams>,
    pairing: Arc<Pairing>,
    ended: Arc<Mutex<Vec<CallId>>>,
    clock: Arc<TestClock>,
    _home: tempfile::TempDir,
}

fn rate(hz: u32) -> Rate {
    Rate::new(hz).expect("a rate")
}

fn owner() -> Principal {
    Principal::owner(0, "owner".to_owned())
}

/// The UUIDs of a call's legs, agent first, of which nothing was said.
fn pair(call: u128) -> [Uuid; 2] {
    [2 * call, 2 * call + 1].map(Uuid::from_u128)
}

impl Desk {
    fn open() -> Desk {
        let home = tempfile::tempdir().expect("a folder");
        let settings = Settings { memory: Some(4 << 20), allow_unlocked: true, ..Settings::default() };
        let (book, clock) = (memory_book::MemoryBook::default(), Arc::new(TestClock::default()));
        let engine = Engine::start_with(home.path(), &settings, |_, _| book.open(), Arc::clone(&clock) as _);
        let engine = engine.expect("an engine");
        let (streams, ended) = (Arc::<TestStreams>::default(), Arc::<Mutex<Vec<CallId>>>::default());
        let pairing = Arc::new(Pairing::new(9, "anna", &BTreeMap::new()));
        let hears = Arc::clone(&ended);
        let hear = move |call| hears.lock().push(call);
        let switchboard =
            Switchboard::new(Arc::clone(&engine), Arc::clone(&streams), Arc::clone(&pairing), owner(), hear);
        Desk { engine, switchboard, streams, pairing, ended, clock, _home: home }
    }

    fn find(&mut self, stream: StreamId, uuid: Uuid, hz: u32) {
        self.switchboard.find(Applicant { stream, uuid, rate: rate(hz) });
    }

    /// What a stream was answered, if it was: whether its leg is held.
    fn is_held(&self, stream: StreamId) -> Option<bool> {
        self.streams.loans.lock().get(&stream).map(Option::is_some)
    }

    fn give_back(&mut self, stream: StreamId, end: End) {
        let loan = self.streams.loans.lock().insert(stream, None).flatten().expect("it has a leg");
        self.switchboard.give_back(stream, loan.writer, end);
    }

    fn live(&self) -> usize {
        let calls = self.engine.calls(&owner());
        calls.iter().filter(|call| call.state == LiveState::Live).count()
    }
}

#[test]
fn two_streams_are_the_legs_of_one_call_which_ends_with_the_last_of_them() {
    let mut desk = Desk::open();
    let [agent, customer] = pair(1);
    desk.find(7, customer, HZ);
    desk.find(8, agent, HZ);
    let [(call, leg), (same, other)] = [7, 8].map(|stream| desk.switchboard.leg_of(stream).expect("it has a leg"));
    assert_eq!((call, leg, other), (same, Leg::Customer, Leg::Agent));
    desk.find(9, pair(2)[0], HZ);
    assert_ne!(desk.switchboard.leg_of(9).map(|(call, _)| call), Some(call), "other UUIDs are another call");
    assert_eq!(desk.live(), 2);
    desk.give_back(7, End::HangUp);
    assert_eq!(desk.live(), 2, "the agent is still there");
    desk.give_back(8, End::HangUp);
    assert_eq!(desk.live(), 1);
    assert!(desk.switchboard.leg_of(8).is_none());
    // Its UUIDs are free again.
    desk.find(10, agent, HZ);
    assert_ne!(desk.switchboard.leg_of(10).map(|(call, _)| call), Some(call));
}

#[test]
fn a_leg_that_was_lost_goes_on_in_another_stream() {
    let mut desk = Desk::open();
    let [agent, customer] = pair(1);
    desk.find(1, agent, HZ);
    desk.find(2, customer, HZ);
    let before = desk.switchboard.leg_of(1);
    desk.give_back(1, End::Lost);
    desk.give_back(2, End::Lost);
    desk.find(3, agent, HZ);
    assert_eq!((desk.is_held(3), desk.switchboard.leg_of(3)), (Some(true), before));
}

#[test]
fn a_stream_that_says_it_is_the_leg_of_another_waits_until_that_one_is_lost_or_has_said_something() {
    let mut desk = Desk::open();
    let [agent, _] = pair(1);
    desk.find(1, agent, HZ);
    desk.find(2, agent, HZ);
    assert_eq!((desk.is_held(2), &desk.streams.contested.lock()[..]), (None, &[1][..]));
    desk.switchboard.keep(1);
    assert_eq!(desk.is_held(2), Some(false), "the first one speaks");
    desk.find(3, agent, HZ);
    assert_eq!(desk.is_held(3), None);
    let call = desk.switchboard.leg_of(1);
    desk.give_back(1, End::Lost);
    assert_eq!((desk.is_held(3), desk.switchboard.leg_of(3)), (Some(true), call), "the first one was lost");
}

#[test]
fn a_leg_at_another_rate_than_its_call_is_not_held_and_the_call_goes_on() {
    let mut desk = Desk::open();
    let [agent, customer] = pair(1);
    desk.find(1, agent, HZ);
    desk.find(2, customer, 16_000);
    assert_eq!((desk.is_held(1), desk.is_held(2)), (Some(true), Some(false)));
    assert!(desk.streams.contested.lock().is_empty());
}

#[test]
fn the_one_who_announced_a_call_hears_that_it_begins_and_that_the_engine_has_ended_it() {
    let mut desk = Desk::open();
    let legs = [Uuid::from_u128(0xa), Uuid::from_u128(0xb << 64)];
    let expect = Expect { facts: Facts::of("bert"), customer: None, legs, states: CallStates::default() };
    let announcer = Arc::new(Announcer::default());
    let listener: Arc<dyn Listener> = announcer.clone();
    assert!(desk.pairing.expect(expect, Arc::downgrade(&listener), desk.clock.now()));
    desk.find(1, legs[1], HZ);
    let (call, leg) = desk.switchboard.leg_of(1).expect("it has a leg");
    assert_eq!(leg, Leg::Customer);
    let [agent_leg, customer_leg] = legs;
    let begun = Event::Begun { call, agent: "bert".to_owned(), agent_leg, customer_leg };
    assert_eq!(announcer.0.lock()[..], [begun]);
    desk.engine.stop(Duration::from_secs(10));
    let ended = Event::Ended { call, by: EndedBy::Stopping };
    assert!(announcer.0.lock().contains(&ended) && desk.ended.lock()[..] == [call]);
}
