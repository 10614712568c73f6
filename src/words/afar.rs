//! The button from afar: what a centre and the link of a site say to each other of live calls, and how old a press is.
//!
//! Belongs here: the messages, and the measure of an age. Does not: sockets, who may press, what a press does.
//!
//! Nobody needs to believe another machine's clock. Each one that has a press says how long it was there, by a clock that only goes forward, and how
//! long it was on the way is bounded by the last question and answer over the same way ([`Way`]).

use std::{collections::VecDeque, fmt, str::FromStr, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AGO_MS_MAX, Answer, Ask, Beginning, CallId, CallStates, Clock, LiveCall, LiveState, Verb, Word as _};

/// So old a press is carried out by nobody any more.
pub const PRESS_TIME: Duration = Duration::from_millis(AGO_MS_MAX);
/// How often a link asks how long the way is.
pub const PING_EVERY: Duration = Duration::from_secs(20);
/// Questions and answers that are remembered.
const EXCHANGES: usize = 8;

/// What can be pressed from afar, and nothing else.
pub fn afar(verb: Verb) -> Option<Ask> {
    Some(match verb {
        Verb::Record => Ask::Record,
        Verb::Copy => Ask::Copy,
        Verb::Mask => Ask::Mask,
        Verb::Unmask => Ask::Unmask,
        Verb::Object => Ask::Object,
        Verb::Private => Ask::Private,
        _ => return None,
    })
}

/// A live call of a site, as its centre is told: nothing of the customer, of the audio or of the draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AfarCall {
    /// The id.
    pub call: CallId,
    /// The agent who talks now.
    pub agent: String,
    /// When it began.
    pub began: Timestamp,
    /// Its condition.
    pub state: LiveState,
    /// The states that hold now.
    #[serde(flatten)]
    pub states: CallStates,
    /// Whether it is on a line that is never captured.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exempt: bool,
}

impl From<LiveCall> for AfarCall {
    fn from(live: LiveCall) -> AfarCall {
        let LiveCall { call, agent, began, state, states, exempt, .. } = live;
        AfarCall { call, agent, began, state, states, exempt }
    }
}

impl AfarCall {
    /// By which an agent's calls stand in the order in which a press means them: one that goes on before one that has ended, one that talks before one
    /// on hold, the last one first.
    pub fn rank(&self) -> (bool, bool, std::cmp::Reverse<Timestamp>) {
        (self.state == LiveState::Ended, self.states.on_hold, std::cmp::Reverse(self.began))
    }
}

/// How the live calls of a site are now, as far as that is news.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CallNews {
    /// Whether nothing that was said before holds any more.
    pub is_all: bool,
    /// The controls that the engine's home lets the centre carry.
    pub may: Vec<String>,
    /// Those that are new, or not as they were.
    pub now: Vec<AfarCall>,
    /// Those that are there no more.
    pub over: Vec<CallId>,
}

impl CallNews {
    /// Whether this control may be carried. To end a silence goes with silence.
    pub fn lets(may: &[String], verb: Verb) -> bool {
        let verb = if verb == Verb::Unmask { Verb::Mask } else { verb };
        may.iter().any(|word| Verb::read(word) == Some(verb))
    }
}

/// A message of a site to its centre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
pub enum SiteSays {
    /// Asks what the centre's clock shows, and says what the site's does, in microseconds.
    Ping {
        /// Comes back with the answer.
        at_us: u64,
    },
    /// How its live calls are.
    Calls(CallNews),
    /// What came of a press.
    Came {
        /// The number that the centre gave it.
        ask: u64,
        /// What came.
        came: Came,
    },
}

/// A message of a centre to a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
pub enum CentreSays {
    /// What its clock shows.
    Pong {
        /// As the site said it.
        at_us: u64,
        /// The centre's.
        here_us: u64,
    },
    /// Somebody has pressed.
    Press(Box<Handed>),
}

/// The id of a press.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PressId(Uuid);

impl PressId {
    /// A new id, for somebody who presses now.
    #[allow(clippy::new_without_default)]
    pub fn new() -> PressId {
        PressId(Uuid::now_v7())
    }
}

impl fmt::Display for PressId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for PressId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<PressId, uuid::Error> {
        Uuid::parse_str(text).map(PressId)
    }
}

/// A press.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Press {
    /// Its id, which comes again only with the same press.
    pub press: PressId,
    /// The call, and no other.
    pub call: CallId,
    /// The agent who pressed.
    pub agent: String,
    /// The account by which they are known at the centre.
    pub by: String,
    /// What was pressed.
    #[serde(rename = "do")]
    pub does: Verb,
}

/// A press that is handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// By this number whoever hands it on knows the answer.
    pub ask: u64,
    /// The press.
    #[serde(flatten)]
    pub press: Press,
    /// How old it was when it was handed on, in microseconds.
    pub age_us: u64,
    /// What the clock of whoever hands it on showed then.
    pub sent_us: u64,
}

/// What came of a press.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "came", rename_all = "kebab-case")]
pub enum Came {
    /// The engine has answered.
    Answered {
        /// Its answer.
        answer: Box<Answer>,
    },
    /// Its time was over: nobody carried it out.
    Late,
    /// The engine's home does not let a centre carry it.
    Barred,
    /// No engine runs there.
    NoEngine,
    /// It could not be brought to the site: nobody there was asked.
    Unreached,
    /// Nobody knows whether it was carried out.
    Unknown,
}

/// The way between two machines: how long ago something was sent at most, by what was asked and answered over it.
///
/// When the other one's clock showed what it answered with, the question had been sent: so much earlier than that nothing is that it sends later. No
/// clock has to be right, only to run on; that they run equally fast is believed for the time of a few pings.
#[derive(Debug, Default)]
pub struct Way {
    /// Own clock less the other one's, in microseconds: at least so much.
    ahead_us: VecDeque<i64>,
}

impl Way {
    /// A question was sent when one's own clock showed `asked_us`, and the answer says that the other's showed `there_us`.
    pub fn heard(&mut self, asked_us: u64, there_us: u64) {
        if self.ahead_us.len() == EXCHANGES {
            self.ahead_us.pop_front();
        }
        self.ahead_us.push_back(asked_us.cast_signed().saturating_sub(there_us.cast_signed()));
    }

    /// How long ago at most something was sent, when the other's clock showed `sent_us`. None before anything was asked and answered.
    pub fn age(&self, sent_us: u64, now_us: u64) -> Option<Duration> {
        let ahead = *self.ahead_us.iter().max()?;
        let sent = sent_us.cast_signed().saturating_add(ahead);
        Some(Duration::from_micros(u64::try_from(now_us.cast_signed().saturating_sub(sent)).unwrap_or(0)))
    }
}

/// What a clock shows that was begun then, in microseconds. It runs on while the machine is suspended.
pub fn shows(began: &Beginning, clock: &dyn Clock) -> u64 {
    micros(clock.since(began.instant) + clock.asleep().saturating_sub(began.asleep))
}

/// A time in microseconds.
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn a_press_that_was_stuck_on_the_way_is_as_old_as_it_is_whatever_the_clocks_show() {
        // The other clock is 9 s behind, and a way takes 10 ms.
        let there = |here: u64| here - 9 * SECOND;
        let mut way = Way::default();
        assert_eq!(way.age(0, SECOND), None, "nobody knows yet");
        way.heard(100 * SECOND, there(100 * SECOND + 10_000));
        let age = |sent: u64, came: u64| way.age(there(sent), came).expect("it is known");
        // Never less than it is, and too much by no more than a way to and fro.
        assert_eq!(age(101 * SECOND, 101 * SECOND + 10_000), Duration::from_millis(20));
        assert_eq!(age(101 * SECOND, 111 * SECOND), Duration::from_secs(10) + Duration::from_millis(10));
    }

    #[test]
    fn of_several_questions_the_one_that_was_answered_fastest_counts_and_old_ones_are_forgotten() {
        let mut way = Way::default();
        way.heard(0, 500_000);
        way.heard(SECOND, SECOND + 1_000);
        assert_eq!(way.age(2 * SECOND, 2 * SECOND), Some(Duration::from_millis(1)));
        (0..EXCHANGES as u64).for_each(|at| way.heard((at + 3) * SECOND, (at + 3) * SECOND + 400_000));
        assert_eq!(way.age(20 * SECOND, 20 * SECOND), Some(Duration::from_millis(400)));
    }

    #[test]
    fn every_message_comes_back_from_its_json() {
        let call = AfarCall {
            call: CallId::new(),
            agent: "anna".to_owned(),
            began: Timestamp::UNIX_EPOCH,
            state: LiveState::Live,
            states: CallStates { recording: true, ..CallStates::default() },
            exempt: false,
        };
        let press = Press {
            press: PressId::new(),
            call: call.call,
            agent: "anna".to_owned(),
            by: "a.jansen".to_owned(),
            does: Verb::Mask,
        };
        let answer = Box::new(Answer { call: Some(call.call), at: Some(1), ..Answer::new(Verdict::Accepted) });
        let news = CallNews { is_all: true, may: vec!["mask".to_owned()], over: vec![call.call], now: vec![call] };
        for says in [
            SiteSays::Ping { at_us: 1 },
            SiteSays::Calls(news),
            SiteSays::Came { ask: 1, came: Came::Answered { answer } },
            SiteSays::Came { ask: 2, came: Came::Unknown },
        ] {
            let json = serde_json::to_string(&says).expect("JSON");
            assert_eq!(serde_json::from_str::<SiteSays>(&json).expect(&json), says);
        }
        let handed = Handed { ask: 1, press, age_us: 2, sent_us: 3 };
        for says in [CentreSays::Pong { at_us: 1, here_us: 2 }, CentreSays::Press(Box::new(handed))] {
            let json = serde_json::to_string(&says).expect("JSON");
            assert_eq!(serde_json::from_str::<CentreSays>(&json).expect(&json), says);
        }
    }

    #[test]
    fn who_may_silence_may_end_the_silence_and_nobody_what_is_not_named() {
        let may = ["record", "mask", "of-later"].map(str::to_owned);
        for (verb, lets) in
            [(Verb::Record, true), (Verb::Unmask, true), (Verb::Private, false), (Verb::EraseLast, false)]
        {
            assert_eq!(CallNews::lets(&may, verb), lets, "{verb}");
        }
        assert_eq!((afar(Verb::EraseLast), afar(Verb::End), afar(Verb::Mask)), (None, None, Some(Ask::Mask)));
    }
}
