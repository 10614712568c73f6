//! What is about to happen to recordings, for those who can still do something about it: a learning moment whose evaluation is late (D3), a press
//! without a case (D10), a case about which somebody is asked, and what the officer alone may use since (D11).
//!
//! Belongs here: whose moment has come. Does not: the rules (`policy`), words for people.

use jiff::Timestamp;
use serde::Serialize;

use super::home::HomeStore;
use crate::{
    PurposeKind, Trouble,
    policy::{Facts, Fate, NoticeKind, Policy, Why, ends, notices},
};

/// A warning whose moment has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The recording.
    pub recording: String,
    /// What about it.
    pub kind: NoticeKind,
    /// Since when it is told.
    pub since: Timestamp,
    /// When it is deleted, if nothing happens. None while something holds it.
    pub until: Option<Timestamp>,
}

/// A press that awaits a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AwaitingCase {
    /// The recording.
    pub recording: String,
    /// When it is deleted for want of a case.
    pub until: Timestamp,
    /// How often lead and deputy were warned by now: twice at most.
    pub warned: usize,
}

/// The warnings about one recording whose moment has come.
pub fn warnings_about(id: &str, facts: &Facts, fate: &Fate, policy: &Policy, now: Timestamp) -> Vec<Warning> {
    let until = match fate {
        Fate::Kept { until, .. } | Fate::Restricted { until, .. } => *until,
        Fate::Due { .. } | Fate::NoAnchor { .. } => return Vec::new(),
    };
    let has_case = has_case(facts, policy, now);
    let restricted = match fate {
        Fate::Restricted { since, .. } => {
            Some(Warning { recording: id.to_owned(), kind: NoticeKind::Restricted, since: *since, until })
        }
        _ => None,
    };
    let told = notices(facts, policy, now).into_iter().filter(|notice| notice.at <= now);
    // A press has a purpose of its own beside that of its case.
    let told = told.filter(|notice| !(has_case && notice.kind == NoticeKind::CaseMissing));
    let told = told.map(|notice| Warning { recording: id.to_owned(), kind: notice.kind, since: notice.at, until });
    told.chain(restricted).collect()
}

/// Whether a case keeps it.
fn has_case(facts: &Facts, policy: &Policy, now: Timestamp) -> bool {
    let keeps = |(purpose, end): &(PurposeKind, Option<(Timestamp, Why)>)| {
        let of_case = end.filter(|(_, why)| matches!(why, Why::CaseOpen | Why::CaseClosed | Why::MayBeAppealed));
        *purpose == PurposeKind::Incident && of_case.is_some_and(|(until, _)| now < until)
    };
    ends(facts, policy, now).iter().any(keeps)
}

/// All warnings whose moment has come, in the order of the recordings' ids.
///
/// # Errors
/// Why the catalog can't be had.
pub fn warnings(store: &mut HomeStore, now: Timestamp) -> Result<Vec<Warning>, Trouble> {
    let policy = store.policy().clone();
    let mut all = Vec::new();
    store.each_told_of(now, |judged| {
        all.extend(warnings_about(&judged.id, &judged.facts, &judged.fate, &policy, now));
    })?;
    Ok(all)
}

/// The presses that await a case, those first that go first.
///
/// # Errors
/// Why the catalog can't be had.
pub fn awaiting_case(store: &mut HomeStore, now: Timestamp) -> Result<Vec<AwaitingCase>, Trouble> {
    let policy = store.policy().clone();
    let mut all = Vec::new();
    store.each_told_of(now, |judged| {
        let awaits = |(purpose, end): (PurposeKind, Option<(Timestamp, Why)>)| match end {
            Some((until, Why::AwaitsCase)) if purpose == PurposeKind::Incident && now < until => Some(until),
            _ => None,
        };
        let until = ends(&judged.facts, &policy, now).into_iter().find_map(awaits);
        if let Some(until) = until.filter(|_| !has_case(&judged.facts, &policy, now)) {
            let told = notices(&judged.facts, &policy, now).into_iter();
            let warned = told.filter(|notice| notice.kind == NoticeKind::CaseMissing && notice.at <= now).count();
            all.push(AwaitingCase { recording: judged.id, until, warned });
        }
    })?;
    all.sort_by(|one, other| (one.until, &one.recording).cmp(&(other.until, &other.recording)));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, ToSpan, tz::TimeZone};

    use super::*;
    use crate::policy::{Anchor, Cover, Event, Purpose, fate};

    /// So many days after a call of a Tuesday morning.
    fn day(number: i64) -> Timestamp {
        let call: Timestamp = "2026-11-24T08:00:00Z".parse().expect("a time");
        call.to_zoned_datetime(TimeZone::UTC).checked_add(number.days()).expect("a time").timestamp()
    }

    fn purpose(kind: PurposeKind, events: &[(Anchor, i64)]) -> Purpose {
        let event = |(anchor, at): &(Anchor, i64)| Event { anchor: *anchor, at: day(*at), date: None };
        Purpose { kind, events: events.iter().map(event).collect() }
    }

    fn warned(purposes: &[Purpose], now: Timestamp) -> Vec<NoticeKind> {
        let facts = Facts {
            began_at: Some(day(0)),
            ended_at: Some(day(0)),
            purposes: purposes.to_vec(),
            covers: Vec::<Cover>::new(),
            ..Facts::default()
        };
        let policy = Policy::default();
        warnings_about("r", &facts, &fate(&facts, &policy, now), &policy, now).iter().map(|one| one.kind).collect()
    }

    #[test]
    fn d3_a_late_evaluation_is_told_from_four_months_on_until_the_recording_goes() {
        let learned = [purpose(PurposeKind::Quality, &[(Anchor::LearningMoment, 3)])];
        assert_eq!(warned(&learned, day(110)), []);
        assert_eq!(warned(&learned, day(125)), [NoticeKind::EvaluationMissing]);
        assert_eq!(warned(&learned, day(185)), [], "it goes");
        let held = [purpose(PurposeKind::Quality, &[(Anchor::LearningMoment, 3), (Anchor::EvaluationHeld, 121)])];
        assert_eq!(warned(&held, day(125)), []);
    }

    #[test]
    fn d10_a_press_without_a_case_is_told_twice_and_one_that_has_a_case_is_not() {
        let pressed = purpose(PurposeKind::Incident, &[]);
        assert_eq!(warned(std::slice::from_ref(&pressed), day(6)), []);
        assert_eq!(warned(std::slice::from_ref(&pressed), day(8)), [NoticeKind::CaseMissing]);
        assert_eq!(warned(std::slice::from_ref(&pressed), day(9)), [NoticeKind::CaseMissing; 2]);
        let case = purpose(PurposeKind::Incident, &[(Anchor::CaseOpened, 2)]);
        assert_eq!(warned(&[pressed, case], day(9)), []);
    }

    #[test]
    fn d11_whether_a_case_is_still_needed_is_asked_every_90_days() {
        let opened = [purpose(PurposeKind::Incident, &[(Anchor::CaseOpened, 1)])];
        assert_eq!(warned(&opened, day(70)), []);
        assert_eq!(warned(&opened, day(80)), [NoticeKind::StillNeeded]);
        let answered = [purpose(PurposeKind::Incident, &[(Anchor::CaseOpened, 1), (Anchor::StillNeeded, 80)])];
        assert_eq!(warned(&answered, day(81)), []);
        assert_eq!(warned(&answered, day(160)), [NoticeKind::StillNeeded]);
        assert_eq!(warned(&opened, day(92)), [NoticeKind::StillNeeded, NoticeKind::Restricted], "the officer is asked");
        assert_eq!(warned(&opened, day(122)), [], "it goes");
    }
}
