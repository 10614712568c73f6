//! What is told to the privacy officer each month (D13): who listens unusually, and which agents' figures are over the limits. Nothing is refused
//! because of it, and there is no other report about people.

use std::collections::BTreeMap;

use retrocall_ledger::Month;
use serde::Serialize;

use super::{NotDone, Person};

retrocall_words::words! {
    /// What is unusual.
    pub enum UnusualKind {
        /// Somebody listened again when the outcome had been given.
        ReplayAfterOutcome = "replay-after-outcome",
        /// Somebody listened to one agent over three times as often as that agent's share of the calls.
        HeardOften = "heard-often",
        /// More than 2 % of an agent's calls are private or objected to, and three times the median.
        PrivateOrObjected = "private-or-objected",
        /// An agent pressed in more than 10 % of their calls.
        Pressed = "pressed",
    }
}

/// Something unusual in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unusual {
    /// What.
    pub kind: UnusualKind,
    /// In which month (UTC).
    pub month: String,
    /// Who listened.
    pub person: Option<String>,
    /// Which agent it is about.
    pub agent: Option<String>,
    /// Of a replay: the recording.
    pub recording: Option<String>,
    /// How often.
    pub count: u64,
    /// Of how many.
    pub of: u64,
}

/// An agent's calls of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallCounts {
    pub agent: String,
    pub calls: u64,
    pub private_or_objected: u64,
    pub pressed: u64,
}

/// Somebody listened, or gave an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listening {
    pub person: String,
    pub recording: String,
    /// The recording's agent; none where that is not known any more.
    pub agent: Option<String>,
    pub is_outcome: bool,
}

const PRIVATE_PERCENT: u64 = 2;
const PRIVATE_TIMES_MEDIAN: u64 = 3;
const PRESSED_PERCENT: u64 = 10;
const HEARD_TIMES_SHARE: u64 = 3;
/// Fewer plays than these, of one agent, are no habit.
const PLAYS_MIN: u64 = 5;

/// The agents whose figures are over the limits.
pub(super) fn over_limits(month: Month, counts: &[CallCounts]) -> Vec<Unusual> {
    // Shares are compared as products, so that none is rounded.
    let mut shares: Vec<(u64, u64)> = counts.iter().map(|one| (one.private_or_objected, one.calls)).collect();
    shares.sort_by(|(one, of), (other, of_other)| (one * of_other).cmp(&(other * of)));
    let (median, of_median) = shares.get(shares.len().saturating_sub(1) / 2).copied().unwrap_or((0, 1));
    let mut unusual = Vec::new();
    for one in counts {
        let about = |kind, count| Unusual {
            kind,
            month: month.to_string(),
            person: None,
            agent: Some(one.agent.clone()),
            recording: None,
            count,
            of: one.calls,
        };
        let marked = one.private_or_objected;
        let is_often = marked * 100 > PRIVATE_PERCENT * one.calls;
        if is_often && marked * of_median > PRIVATE_TIMES_MEDIAN * median * one.calls {
            unusual.push(about(UnusualKind::PrivateOrObjected, marked));
        }
        if one.pressed * 100 > PRESSED_PERCENT * one.calls {
            unusual.push(about(UnusualKind::Pressed, one.pressed));
        }
    }
    unusual
}

/// Who listened again after an outcome, and who listened to one agent more often than that agent's share of the calls.
pub(super) fn listened_unusually(month: Month, counts: &[CallCounts], listenings: &[Listening]) -> Vec<Unusual> {
    let mut unusual = Vec::new();
    let mut decided: BTreeMap<&str, ()> = BTreeMap::new();
    let mut replays: BTreeMap<(&str, &str), (u64, Option<&String>)> = BTreeMap::new();
    let mut plays: BTreeMap<&str, u64> = BTreeMap::new();
    let mut plays_of: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for one in listenings {
        if one.is_outcome {
            decided.insert(&one.recording, ());
            continue;
        }
        if decided.contains_key(one.recording.as_str()) {
            replays.entry((&one.person, &one.recording)).or_insert((0, one.agent.as_ref())).0 += 1;
        }
        *plays.entry(&one.person).or_default() += 1;
        if let Some(agent) = one.agent.as_deref().filter(|agent| *agent != one.person) {
            *plays_of.entry((&one.person, agent)).or_default() += 1;
        }
    }
    let of_month = || month.to_string();
    for ((person, recording), (count, agent)) in replays {
        unusual.push(Unusual {
            kind: UnusualKind::ReplayAfterOutcome,
            month: of_month(),
            person: Some(person.to_owned()),
            agent: agent.cloned(),
            recording: Some(recording.to_owned()),
            count,
            of: plays.get(person).copied().unwrap_or(count),
        });
    }
    let all: u64 = counts.iter().map(|one| one.calls).sum();
    for ((person, agent), count) in plays_of {
        let of = plays.get(person).copied().unwrap_or(count);
        let share = counts.iter().find(|one| one.agent == agent).map_or(0, |one| one.calls);
        if count >= PLAYS_MIN && count * all > HEARD_TIMES_SHARE * share * of {
            let (person, agent) = (Some(person.to_owned()), Some(agent.to_owned()));
            unusual.push(Unusual {
                kind: UnusualKind::HeardOften,
                month: of_month(),
                person,
                agent,
                recording: None,
                count,
                of,
            });
        }
    }
    unusual
}

/// The verb of the privacy officer.
pub trait UnusualDeeds {
    /// What was unusual in a month that is over: agents saw their own figures before.
    ///
    /// # Errors
    /// Why it can't be had.
    fn unusual(&self, who: &Person, month: Month, now: jiff::Timestamp) -> Result<Vec<Unusual>, NotDone>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month() -> Month {
        "2026-11".parse().expect("a month")
    }

    fn counts(agents: &[(&str, u64, u64, u64)]) -> Vec<CallCounts> {
        let one = |(agent, calls, private_or_objected, pressed): &(&str, u64, u64, u64)| CallCounts {
            agent: (*agent).to_owned(),
            calls: *calls,
            private_or_objected: *private_or_objected,
            pressed: *pressed,
        };
        agents.iter().map(one).collect()
    }

    fn named(unusual: &[Unusual]) -> Vec<(&str, &str)> {
        unusual.iter().map(|one| (one.kind.as_str(), one.agent.as_deref().unwrap_or(""))).collect()
    }

    #[test]
    fn d13_more_than_two_percent_private_or_objected_and_three_times_the_median_is_told() {
        let desk = [("anna", 1000, 21, 0), ("bert", 1000, 7, 0), ("carl", 1000, 5, 0), ("dora", 1000, 7, 0)];
        assert_eq!(named(&over_limits(month(), &counts(&desk))), [], "three times the median, not more");
        let desk = [("anna", 1000, 22, 0), ("bert", 1000, 7, 0), ("carl", 1000, 5, 0), ("dora", 1000, 7, 0)];
        assert_eq!(named(&over_limits(month(), &counts(&desk))), [("private-or-objected", "anna")]);
        let desk = [("anna", 1000, 20, 0), ("bert", 1000, 0, 0), ("carl", 1000, 0, 0)];
        assert_eq!(named(&over_limits(month(), &counts(&desk))), [], "2 %, not more");
        assert_eq!(over_limits(month(), &[]), []);
    }

    #[test]
    fn d13_more_than_ten_percent_pressed_is_told() {
        let desk = [("anna", 100, 0, 11), ("bert", 100, 0, 10)];
        assert_eq!(named(&over_limits(month(), &counts(&desk))), [("pressed", "anna")]);
    }

    fn listening(person: &str, recording: &str, agent: &str, is_outcome: bool) -> Listening {
        Listening {
            person: person.to_owned(),
            recording: recording.to_owned(),
            agent: Some(agent.to_owned()),
            is_outcome,
        }
    }

    #[test]
    fn d13_replays_after_the_outcome_are_told_and_plays_before_it_are_not() {
        let desk = counts(&[("anna", 10, 0, 0)]);
        let listenings = [("r1", false), ("r1", true), ("r1", false), ("r1", false), ("r2", false)]
            .map(|(recording, is_outcome)| listening("hanna", recording, "anna", is_outcome));
        let unusual = listened_unusually(month(), &desk, &listenings);
        assert_eq!(named(&unusual), [("replay-after-outcome", "anna")]);
        assert_eq!((unusual[0].count, unusual[0].recording.as_deref()), (2, Some("r1")));
    }

    #[test]
    fn d13_three_times_ones_share_of_one_agent_is_told() {
        // Anna has a tenth of the calls.
        let desk = counts(&[("anna", 10, 0, 0), ("bert", 90, 0, 0)]);
        let heard = |of_anna: usize, of_bert: usize| -> Vec<Listening> {
            let anna = (0..of_anna).map(|n| listening("hanna", &format!("a{n}"), "anna", false));
            anna.chain((0..of_bert).map(|n| listening("hanna", &format!("b{n}"), "bert", false))).collect()
        };
        assert_eq!(named(&listened_unusually(month(), &desk, &heard(6, 14))), [], "three tenths, not more");
        assert_eq!(named(&listened_unusually(month(), &desk, &heard(7, 13))), [("heard-often", "anna")]);
        assert_eq!(named(&listened_unusually(month(), &desk, &heard(4, 0))), [], "too few to tell anything");
        let own: Vec<Listening> = (0..9).map(|n| listening("anna", &format!("a{n}"), "anna", false)).collect();
        assert_eq!(named(&listened_unusually(month(), &desk, &own)), [], "their own calls");
    }
}
