//! Which calls can be continued, by whom, and how long.

use std::sync::Arc;

use super::*;
use crate::{Handover, Listener, memory_book::MemoryBook};
use retrocall_settings::Settings;
use retrocall_words::{
    Ask, Begin, Facts, Target, TestClock, Verdict,
    audio::{Codec, Rate},
};

const SECOND: Duration = Duration::from_secs(1);

struct Nobody;

impl Listener for Nobody {
    fn tell(&self, _: &Event) {}
}

pub(crate) struct Desk {
    pub engine: Arc<Engine>,
    pub clock: Arc<TestClock>,
    pub book: MemoryBook,
    _home: tempfile::TempDir,
    pub nobody: Arc<dyn Listener>,
}

pub(crate) fn who(agent: &str) -> Principal {
    match agent {
        "owner" => Principal::owner(0, "owner".to_owned()),
        // A user for each of them.
        _ => Principal::agent(1_000 + u32::from(agent.as_bytes()[0]), agent.to_owned()),
    }
}

pub(crate) fn begin(agent: &str) -> Begin {
    Begin::new(agent, Rate::new(8_000).expect("a rate"), Codec::Pcm16)
}

fn going_on(before: CallId, begin: Begin) -> Begin {
    Begin { facts: Facts { continues: Some(before), ..begin.facts }, ..begin }
}

impl Desk {
    pub fn open(settings: Settings) -> Desk {
        let home = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(TestClock::default());
        let settings = Settings { memory: Some(4 << 20), allow_unlocked: true, ..settings };
        let book = MemoryBook::default();
        let open = |_: &_, _| book.open();
        let engine = Engine::start_with(home.path(), &settings, open, Arc::clone(&clock) as _).expect("an engine");
        Desk { engine, clock, book, _home: home, nobody: Arc::new(Nobody) }
    }

    pub fn begin(&self, user: &str, begin: Begin) -> Result<Handover, Refusal> {
        self.engine.begin(&who(user), begin, &self.nobody)
    }

    /// Whether a call of this agent may continue that one.
    fn goes_on(&self, user: &str, agent: &str, before: CallId) -> Result<bool, Refusal> {
        self.begin(user, going_on(before, begin(agent))).map(|carried| carried.left_out.is_empty())
    }

    pub fn ask(&self, call: CallId, ask: &Ask) -> retrocall_words::Answer {
        self.engine.control(&who("owner"), &Target::Call(call), ask, &self.nobody, |_| false).answer
    }

    fn pass(&self, time: Duration) {
        self.clock.pass(time);
        self.engine.look_after();
    }

    /// A call of this agent whose connection is lost for longer than its grace.
    fn cut_off(&self, agent: &str, with: impl FnOnce(CallId)) -> CallId {
        let mut carried = self.begin(agent, begin(agent)).expect("room for a call");
        let id = carried.call.id;
        for writer in carried.writers.iter_mut() {
            assert!(writer.provision(160));
            writer.push(0, &[77; 160]);
        }
        with(id);
        self.engine.connection_lost(id, carried.writers);
        self.pass(6 * SECOND);
        id
    }
}

#[test]
fn those_who_had_a_call_go_on_with_it_once_and_as_whose_it_was_and_nobody_else_does() {
    let desk = Desk::open(Settings::default());
    let call = desk.cut_off("anna", |call| {
        assert_eq!(desk.ask(call, &Ask::Transfer { to: "bert".into() }).answer, Verdict::Accepted);
    });
    assert_eq!(desk.goes_on("carl", "carl", call), Ok(false), "it was never carl's");
    assert_eq!(desk.goes_on("carl", "bert", call), Err(Refusal::NotYours));
    assert_eq!(desk.begin("anna", begin("bert")).err(), Some(Refusal::NotYours), "it goes on with nothing");
    assert_eq!(desk.goes_on("anna", "bert", call), Ok(true), "anna's phone had it, and bert talked");
    assert_eq!(desk.goes_on("anna", "bert", call), Err(Refusal::NotYours), "once");
    assert_eq!(desk.goes_on("anna", "anna", call), Ok(false), "once");
    let call = desk.cut_off("anna", |_| ());
    assert_eq!(desk.goes_on("owner", "dora", call), Ok(true), "a PBX may give it to anybody");
}

#[test]
fn a_call_that_was_cut_off_long_ago_is_not_gone_on_with() {
    let desk = Desk::open(Settings::default());
    let [early, late] = [0, 1].map(|_| desk.cut_off("anna", |_| ()));
    desk.pass(GO_ON_MAX - 8 * SECOND);
    assert_eq!(desk.goes_on("anna", "anna", early), Ok(true));
    desk.pass(20 * SECOND);
    assert_eq!(desk.goes_on("anna", "anna", late), Ok(false));
}

#[test]
fn requests_for_a_call_mean_the_one_that_goes_on_with_it_however_often_it_was_cut_off() {
    let desk = Desk::open(Settings::default());
    let first = desk.cut_off("anna", |_| ());
    let second = desk.begin("anna", going_on(first, begin("anna"))).expect("room for a call");
    assert_eq!(desk.ask(first, &Ask::Mask).call, Some(second.call.id));
    desk.engine.connection_lost(second.call.id, second.writers);
    desk.pass(6 * SECOND);
    assert_eq!(desk.ask(first, &Ask::Record).reason, Some(Refusal::UnknownCall), "nothing goes on");
    let third = desk.begin("anna", going_on(second.call.id, begin("anna"))).expect("room for a call");
    assert!(third.states.masked, "what was masked stays masked");
    for before in [first, second.call.id] {
        assert_eq!(desk.ask(before, &Ask::Unmask).call, Some(third.call.id));
    }
    desk.engine.end(third.call.id).expect("it is live");
    assert_eq!(desk.ask(first, &Ask::Record).reason, Some(Refusal::UnknownCall));
}

#[test]
fn a_press_keeps_what_went_before_too_while_that_waits_for_a_late_press() {
    let desk = Desk::open(Settings { one_in: 0, after_hangup: 60 * SECOND, ..Settings::default() });
    // Pressed after it was continued, and before.
    let first = desk.cut_off("anna", |_| ());
    let second = desk.begin("anna", going_on(first, begin("anna"))).expect("room for a call");
    assert_eq!(desk.ask(second.call.id, &Ask::Record).answer, Verdict::Accepted);
    let third = desk.cut_off("bert", |_| ());
    let states = CallStates { recording: true, ..CallStates::default() };
    let fourth = Begin { states, ..going_on(third, begin("bert")) };
    let fourth = desk.begin("bert", fourth).expect("room for a call");
    // Nobody pressed for this one.
    let other = desk.cut_off("carl", |_| ());
    assert!(desk.engine.stop(60 * SECOND).calls.is_empty());
    for call in [first, second.call.id, third, fourth.call.id] {
        assert!(desk.book.has_kept(call));
    }
    assert!(!desk.book.has_kept(other));
}

#[tokio::test(flavor = "current_thread")]
async fn whoever_carried_a_call_takes_it_up_again_and_a_stranger_does_not() {
    let desk = Desk::open(Settings::default());
    let carried = desk.begin("anna", begin("anna")).expect("room for a call");
    let call = carried.call.id;
    assert_eq!(desk.ask(call, &Ask::Transfer { to: "bert".into() }).answer, Verdict::Accepted);
    desk.engine.connection_lost(call, carried.writers);
    let attach = async |user: &str| desk.engine.attach(&who(user), call, &desk.nobody).await;
    assert_eq!(attach("carl").await.err(), Some(Refusal::NotYours));
    let back = attach("anna").await.expect("anna's phone had it");
    assert_eq!(back.agent, "bert");
    desk.engine.connection_lost(call, back.writers);
    attach("bert").await.expect("bert talks");
    assert_eq!(attach("bert").await.err(), Some(Refusal::Connected));
}
