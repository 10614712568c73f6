//! The rules by which recordings are kept and go, as data: what a desk has set, in its versions, and one plain function that says what becomes of a
//! recording. `docs/durability.md`, "how it dies", begins here.
//!
//! Belongs here: what follows from anchors and periods. Pure: no clock, no SQL, no files; times are handed in. Does not: finding what is due among
//! many, deleting it (`sweep`).
//!
//! No due date is stored. What is stored is an [`Event`]: something that happened, or a date that belongs to the recording. So no jump of a clock
//! and no change of a zone moves what is due, and a shorter period binds at once.

mod anchor;
mod course;
mod fate;
mod show;
#[cfg(test)]
mod tests;
mod unheard;

use jiff::{SignedDuration, Timestamp, civil::Date};
use retrocall_words::retention::{Calendar, Period, Periods};
use serde::{Deserialize, Serialize};

pub use anchor::{Anchor, Cover, Event, Facts, Purpose, PurposeKind};
pub use fate::{Fate, Why};
pub use show::{Change, RuleText, changes, rules};
pub use unheard::beyond_hearing;

use course::Course;
use fate::Term;

/// What a desk has set, from a moment on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// From when on it is in force.
    pub from: Timestamp,
    /// How long what is kept.
    pub periods: Periods,
    /// By which days that counts.
    pub calendar: Calendar,
}

impl Version {
    fn days_after(&self, at: Timestamp, period: Period) -> Timestamp {
        self.calendar.days_after(at, self.periods.get(period))
    }

    fn hours_after(&self, at: Timestamp, period: Period) -> Timestamp {
        at.saturating_add(SignedDuration::from_hours(self.periods.get(period).into())).unwrap_or(Timestamp::MAX)
    }

    fn months_after(&self, at: Timestamp, period: Period) -> Timestamp {
        self.calendar.months_after(at, self.periods.get(period))
    }

    fn end_of_months_after(&self, day: Date, period: Period) -> Timestamp {
        self.end_of_day_months_after(day, self.periods.get(period))
    }

    fn end_of_day_months_after(&self, day: Date, months: u16) -> Timestamp {
        self.calendar.end_of(day.saturating_add(jiff::Span::new().months(i64::from(months))))
    }

    /// The beginning of the n-th working day before this moment.
    fn working_days_before(&self, at: Timestamp, number: u16) -> Timestamp {
        let mut day = self.calendar.day_of(at.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(at));
        let mut left = number;
        // A desk that never works is warned a month before.
        for _ in 0..31 {
            left = left.saturating_sub(u16::from(self.calendar.is_working_day(day)));
            let Ok(before) = day.yesterday() else { break };
            if left == 0 {
                return self.calendar.end_of(before);
            }
            day = before;
        }
        self.calendar.end_of(day)
    }
}

/// What a desk has set, in all its versions. A longer period binds only calls that began later; a shorter one binds all, from its day on (D20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// In the order of their beginning; at least one.
    versions: Vec<Version>,
}

impl Default for Policy {
    /// The defaults, at all times.
    fn default() -> Policy {
        Policy::of(Periods::default(), Calendar::default())
    }
}

impl Policy {
    /// One version, at all times.
    pub fn of(periods: Periods, calendar: Calendar) -> Policy {
        Policy { versions: vec![Version { from: Timestamp::MIN, periods, calendar }] }
    }

    /// These versions, whose order does not matter. The first one binds calls before it too. Without any: the defaults.
    pub fn new(mut versions: Vec<Version>) -> Policy {
        if versions.is_empty() {
            return Policy::default();
        }
        versions.sort_by_key(|version| version.from);
        Policy { versions }
    }

    /// The same with a version that follows.
    pub fn followed_by(&self, version: Version) -> Policy {
        let mut versions = self.versions.clone();
        versions.push(version);
        Policy::new(versions)
    }

    /// All versions, in the order of their beginning.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The version in force at a moment.
    pub fn at(&self, now: Timestamp) -> &Version {
        &self.versions[self.place_at(now)]
    }

    /// The last day on which a request can be answered: so many months after its receipt, by the version that was in force when it was entered (D15).
    pub fn request_due(&self, received: Date, extended: bool, entered: Timestamp) -> Date {
        let periods = &self.at(entered).periods;
        let extension = if extended { periods.get(Period::RequestExtension) } else { 0 };
        received.saturating_add(jiff::Span::new().months(i64::from(periods.get(Period::Request) + extension)))
    }

    /// The longest time of the rules: whatever people decide, it is not put off beyond, but for holds and requests. None: nothing is known from which
    /// it could count.
    pub fn ceiling(&self, facts: &Facts, now: Timestamp) -> Option<Timestamp> {
        let of = |purpose: &Purpose| {
            let (course, term) = self.followed(purpose, facts, now);
            let ceiling = course.ceiling(purpose.kind, facts, self.at(now));
            ceiling.into_iter().chain(term.map(|term| term.ends)).max()
        };
        facts.purposes.iter().filter_map(of).max()
    }

    fn place_at(&self, at: Timestamp) -> usize {
        self.versions.partition_point(|version| version.from <= at).saturating_sub(1)
    }

    /// The versions that bind a call that began then, at `now`: the one of then, and all that came since.
    fn binding(&self, began: Timestamp, now: Timestamp) -> &[Version] {
        let first = self.place_at(began);
        &self.versions[first..=self.place_at(now).max(first)]
    }

    /// The shortest of what these versions say. One that came later ends nothing before it came.
    fn term(&self, course: &Course, kind: PurposeKind, facts: &Facts, now: Timestamp) -> Option<Term> {
        let began = facts.began_at.or(facts.ended_at).unwrap_or(Timestamp::MAX);
        let (first, later) = self.binding(began, now).split_first()?;
        let mut shortest = course.term(kind, facts, first)?;
        for version in later {
            let term = course.term(kind, facts, version)?;
            let term = Term {
                ends: term.ends.max(version.from),
                restricted_from: term.restricted_from.map(|at| at.max(version.from)),
                ..term
            };
            shortest = shortest.shorter(term);
        }
        Some(shortest)
    }

    /// What has happened to a purpose as long as it was in force, and until when it is. What happens afterwards does not bring it back.
    fn followed(&self, purpose: &Purpose, facts: &Facts, now: Timestamp) -> (Course, Option<Term>) {
        let mut events = purpose.events.clone();
        events.sort_by_key(|event| event.at);
        let mut course = Course::default();
        for event in &events {
            // Before its first anchor a purpose has no term, however late that is written down.
            if self.term(&course, purpose.kind, facts, event.at).is_some_and(|term| event.at >= term.ends) {
                break;
            }
            course.take(purpose.kind, event, self.at(event.at));
        }
        (course, self.term(&course, purpose.kind, facts, now))
    }
}

/// How many days before a recording is restricted somebody is asked whether it is still needed.
pub const ASKED_AHEAD_DAYS: u16 = 14;

/// What becomes of a recording: the one rule.
///
/// ```
/// use retrocall_records::policy::{Facts, Fate, Policy, Purpose, PurposeKind, Why, fate};
///
/// let call = "2026-11-24T09:00:00Z".parse().ok();
/// let drawn = Purpose { kind: PurposeKind::Quality, events: Vec::new() };
/// let facts = Facts { began_at: call, ended_at: call, purposes: vec![drawn], ..Facts::default() };
/// let due = "2026-12-08T09:00:00Z".parse().unwrap();
/// assert_eq!(fate(&facts, &Policy::default(), due), Fate::Due { since: due, why: Why::AwaitsReview });
/// ```
pub fn fate(facts: &Facts, policy: &Policy, now: Timestamp) -> Fate {
    let held = facts.covers.iter().min().map(|cover| match cover {
        Cover::Hold => Why::Hold,
        Cover::Request => Why::Frozen,
        Cover::Order => Why::Ordered,
    });
    let last = last_term(facts, policy, now);
    let (until, why) = match (held, &last) {
        (Some(why), _) => (None, why),
        (None, Err(purpose)) => return Fate::NoAnchor { purpose: *purpose },
        (None, Ok(last)) if now >= last.ends => return Fate::Due { since: last.ends, why: last.why },
        (None, Ok(last)) => (Some(last.ends), last.why),
    };
    let not_answered = unanswered(last.ok(), now);
    match (facts.restricted_since, not_answered) {
        (Some(since), _) => Fate::Restricted { since, until, why: held.unwrap_or(Why::AgentObjects) },
        (None, Some(since)) => Fate::Restricted { since, until, why: held.unwrap_or(Why::NotAnswered) },
        (None, None) => Fate::Kept { until, why },
    }
}

/// Since when a recording is the officer's alone because nobody has said in time that its case is still needed. None: it is not (D11).
pub fn unanswered_since(facts: &Facts, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
    unanswered(last_term(facts, policy, now).ok(), now)
}

fn unanswered(last: Option<Term>, now: Timestamp) -> Option<Timestamp> {
    last.and_then(|last| last.restricted_from).filter(|from| *from <= now)
}

/// When the last purpose ends. It is restricted only if all purposes that are in force are. The error is the purpose without an anchor, if there is
/// any purpose at all.
fn last_term(facts: &Facts, policy: &Policy, now: Timestamp) -> Result<Term, Option<PurposeKind>> {
    let erased = facts.erased_at.map(|at| Term::until(at, Why::Erased));
    let mut last: Option<Term> = None;
    let mut in_force = Vec::new();
    for purpose in &facts.purposes {
        let (_, term) = policy.followed(purpose, facts, now);
        let term = term.ok_or(Some(purpose.kind))?;
        let term = erased.map_or(term, |erased| term.shorter(erased));
        if now < term.ends {
            in_force.push(term.restricted_from);
        }
        last = Some(last.filter(|last| last.ends >= term.ends).unwrap_or(term));
    }
    // With none in force it is kept by what holds it, as the last one left it.
    let last = last.ok_or(None)?;
    if in_force.is_empty() {
        return Ok(last);
    }
    let restricted_from = in_force.into_iter().collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max());
    Ok(Term { restricted_from, ..last })
}

/// What becomes of each purpose by itself, in their order: what each role sees. None: it has no anchor.
pub fn ends(facts: &Facts, policy: &Policy, now: Timestamp) -> Vec<(PurposeKind, Option<(Timestamp, Why)>)> {
    let of = |purpose: &Purpose| {
        let (_, term) = policy.followed(purpose, facts, now);
        (purpose.kind, term.map(|term| (term.ends, term.why)))
    };
    facts.purposes.iter().map(of).collect()
}

retrocall_words::words! {
    /// What somebody is told ahead.
    pub enum NoticeKind {
        /// The evaluation is late: HR and the agent (D3).
        EvaluationMissing = "evaluation-missing",
        /// A press has no case yet: lead and deputy (D10).
        CaseMissing = "case-missing",
        /// Is the case still open: its handler (D11).
        StillNeeded = "still-needed",
        /// The officer alone may use it, and is asked: an agent objects, or nobody has said that its case is still needed (D4, D11).
        Restricted = "restricted",
    }
}

impl NoticeKind {
    /// The sentence of it.
    pub const fn sentence(self) -> &'static str {
        match self {
            NoticeKind::EvaluationMissing => {
                "a learning moment waits for an evaluation that is late: hold it, or the recording goes"
            }
            NoticeKind::CaseMissing => "a press has no case yet: open one, or dismiss it, or the recording goes",
            NoticeKind::StillNeeded => {
                "is the case still needed? Say so, or close it: else the recording is closed to all but the officer"
            }
            NoticeKind::Restricted => {
                "the officer alone may use it, and decides: about an agent's objection, or whether its case is still needed"
            }
        }
    }
}

/// Something that somebody is told ahead, from a moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// From when on.
    pub at: Timestamp,
    /// What.
    pub kind: NoticeKind,
}

/// What is to be told of a recording before it goes, in the order of time, whether its moment has come or not.
pub fn notices(facts: &Facts, policy: &Policy, now: Timestamp) -> Vec<Notice> {
    let mut notices = Vec::new();
    for purpose in &facts.purposes {
        if let (course, Some(term)) = policy.followed(purpose, facts, now)
            && now < term.ends
        {
            notices.extend(course.notices(purpose.kind, &term, policy.at(now), facts));
        }
    }
    notices.sort_by_key(|notice| notice.at);
    notices
}
