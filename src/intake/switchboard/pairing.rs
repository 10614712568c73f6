//! Pairs legs into calls: each stream brings one leg, and the two legs of a call come with UUIDs of their own.
//!
//! Belongs here: both rules of `docs/asterisk.md`, and the facts of a call before it comes. Does not: live calls.
//!
//! 1. A client announces which two UUIDs are one call (`expect` on the local socket).
//! 2. Two unannounced UUIDs are one call if they differ only in their last bit: 0 is the agent, 1 the customer.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Weak,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use uuid::Uuid;

use retrocall_engine::Listener;
use retrocall_words::{CallStates, Customer, Expect, Facts, audio::Leg};

/// How long a call that is expected may stay away.
const WAIT_MAX: Duration = Duration::from_secs(3_600);
/// Characters of a UUID that say whose call it is, if a setting names them.
const PREFIX_CHARS: usize = 8;

/// Which call, for as long as it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The one that was expected under this number.
    Expected(u64),
    /// The one of these two UUIDs: that of the agent.
    Pair(Uuid),
}

/// The call and the side of a leg.
#[derive(Clone)]
pub(super) struct Match {
    pub key: Key,
    pub leg: Leg,
    pub facts: Facts,
    pub customer: Option<Customer>,
    /// What held of the call before.
    pub states: CallStates,
    /// Both legs, agent first.
    pub uuids: [Uuid; 2],
    /// Whoever said so.
    pub listener: Option<Weak<dyn Listener>>,
}

/// The announced calls, and the rules for others.
pub(crate) struct Pairing {
    expected: Mutex<Expectations>,
    max: usize,
    agent: String,
    agents: BTreeMap<String, String>,
}

#[derive(Default)]
struct Expectations {
    last: u64,
    calls: HashMap<u64, (Expect, Weak<dyn Listener>, Instant)>,
    by_uuid: HashMap<Uuid, u64>,
}

impl Expectations {
    fn forget(&mut self, number: u64) {
        if let Some((expect, ..)) = self.calls.remove(&number) {
            for uuid in expect.legs {
                // It may have been expected anew since.
                if self.by_uuid.get(&uuid) == Some(&number) {
                    self.by_uuid.remove(&uuid);
                }
            }
        }
    }
}

impl Pairing {
    /// Expects at most `max` calls. An unannounced call belongs to the agent that `agents` has under the first characters of its UUIDs, or else to
    /// `agent`.
    pub(crate) fn new(max: usize, agent: &str, agents: &BTreeMap<String, String>) -> Pairing {
        Pairing {
            expected: Mutex::default(),
            max,
            agent: agent.to_owned(),
            agents: agents.iter().map(|(prefix, agent)| (prefix.to_lowercase(), agent.clone())).collect(),
        }
    }

    /// A call is expected. What was said of its UUIDs before holds no more. False: too many are expected already.
    pub(crate) fn expect(&self, expect: Expect, listener: Weak<dyn Listener>, now: Instant) -> bool {
        let mut expected = self.expected.lock();
        for uuid in expect.legs {
            if let Some(before) = expected.by_uuid.get(&uuid).copied() {
                expected.forget(before);
            }
        }
        if expected.calls.len() >= self.max {
            let late = |(_, (_, _, since)): &(&u64, &(Expect, Weak<dyn Listener>, Instant))| {
                now.saturating_duration_since(*since) >= WAIT_MAX
            };
            let late: Vec<u64> = expected.calls.iter().filter(late).map(|(number, _)| *number).collect();
            late.into_iter().for_each(|number| expected.forget(number));
            if expected.calls.len() >= self.max {
                return false;
            }
        }
        expected.last += 1;
        let number = expected.last;
        expected.by_uuid.extend(expect.legs.map(|uuid| (uuid, number)));
        expected.calls.insert(number, (expect, listener, now));
        true
    }

    /// Where the leg of this UUID belongs.
    pub(super) fn find(&self, uuid: Uuid) -> Match {
        let expected = self.expected.lock();
        let known = expected.by_uuid.get(&uuid).and_then(|number| Some((*number, expected.calls.get(number)?)));
        if let Some((number, (expect, listener, _))) = known {
            return Match {
                key: Key::Expected(number),
                leg: if expect.legs[0] == uuid { Leg::Agent } else { Leg::Customer },
                facts: expect.facts.clone(),
                customer: expect.customer.clone(),
                states: expect.states,
                uuids: expect.legs,
                listener: Some(Weak::clone(listener)),
            };
        }
        let (agent, customer) = (uuid.as_u128() & !1, uuid.as_u128() | 1);
        let uuids = [agent, customer].map(Uuid::from_u128);
        let prefix = &uuid.hyphenated().to_string()[..PREFIX_CHARS];
        Match {
            key: Key::Pair(uuids[0]),
            leg: if uuids[0] == uuid { Leg::Agent } else { Leg::Customer },
            facts: Facts::of(self.agents.get(prefix).unwrap_or(&self.agent)),
            customer: None,
            states: CallStates::default(),
            uuids,
            listener: None,
        }
    }

    /// The call is over.
    pub(super) fn is_over(&self, key: Key) {
        if let Key::Expected(number) = key {
            self.expected.lock().forget(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::{Clock as _, Direction, Event, SystemClock};

    struct Nobody;

    impl Listener for Nobody {
        fn tell(&self, _: &Event) {}
    }

    fn nobody() -> Weak<dyn Listener> {
        Weak::<Nobody>::new()
    }

    fn pairing(calls_max: usize) -> Pairing {
        Pairing::new(calls_max, "nobody", &[("000001aB".to_owned(), "anna".to_owned())].into())
    }

    fn uuid(text: &str) -> Uuid {
        text.parse().expect("a UUID")
    }

    fn expect(agent: &str, legs: [Uuid; 2]) -> Expect {
        Expect {
            facts: Facts { direction: Direction::Outbound, ..Facts::of(agent) },
            customer: Some("+31 20".into()),
            legs,
            states: CallStates::default(),
        }
    }

    #[test]
    fn uuids_that_differ_in_their_last_bit_are_one_call_and_all_others_are_not() {
        let pairing = pairing(9);
        let [agent, customer, other] =
            ["0", "1", "2"].map(|last| pairing.find(uuid(&format!("000001ab-0000-4000-8000-00000000000{last}"))));
        assert_eq!((agent.key, agent.leg, agent.facts.agent.as_str()), (customer.key, Leg::Agent, "anna"));
        assert_eq!((customer.leg, customer.facts.agent.as_str()), (Leg::Customer, "anna"));
        assert_ne!(other.key, agent.key);
        assert_eq!(pairing.find(uuid("00000abc-0000-4000-8000-000000000000")).facts.agent, "nobody");
    }

    #[test]
    fn expected_uuids_are_one_call_with_all_that_was_said_of_it_until_it_is_over() {
        let pairing = pairing(9);
        let legs = [uuid("00000000-0000-4000-8000-00000000000a"), uuid("ffffffff-0000-4000-8000-00000000000a")];
        assert!(pairing.expect(expect("anna", legs), nobody(), SystemClock.now()));
        let [agent, customer] = legs.map(|leg| pairing.find(leg));
        assert_eq!((agent.key, agent.leg, customer.leg), (customer.key, Leg::Agent, Leg::Customer));
        assert_eq!(
            (customer.facts.agent.as_str(), customer.customer.as_ref().map(Customer::number)),
            ("anna", Some("+31 20"))
        );
        assert_eq!(customer.facts.direction, Direction::Outbound);
        // Said anew, it is another call.
        assert!(pairing.expect(expect("bert", legs), nobody(), SystemClock.now()));
        let again = pairing.find(legs[0]);
        assert!(again.key != agent.key && again.facts.agent == "bert");
        pairing.is_over(agent.key);
        assert_eq!(pairing.find(legs[1]).key, again.key);
        pairing.is_over(again.key);
        assert_eq!(pairing.find(legs[0]).key, Key::Pair(legs[0]));
    }

    #[test]
    fn calls_that_never_come_are_forgotten_when_there_are_too_many() {
        let pairing = pairing(2);
        let legs = |number: u128| [2 * number, 2 * number + 1].map(Uuid::from_u128);
        let now = SystemClock.now();
        assert!(pairing.expect(expect("a", legs(1)), nobody(), now));
        assert!(pairing.expect(expect("b", legs(2)), nobody(), now + Duration::from_secs(60)));
        assert!(!pairing.expect(expect("c", legs(3)), nobody(), now + Duration::from_secs(61)));
        assert!(pairing.expect(expect("c", legs(3)), nobody(), now + WAIT_MAX));
        assert_eq!(pairing.find(legs(3)[0]).facts.agent, "c");
        assert!(matches!(pairing.find(legs(1)[0]).key, Key::Pair(_)));
    }
}
