//! The policy in words: what goes when and why, and what a change of it does.
//!
//! Belongs here: sentences for people who decide. Does not: papers in several languages, dates of single recordings.

use retrocall_words::retention::{Period, Periods};
use serde::Serialize;

use super::{Version, anchor::PurposeKind};

/// The rule of a purpose, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleText {
    /// Which purpose.
    pub purpose: PurposeKind,
    /// The lawful basis.
    pub basis: &'static str,
    /// What ends it.
    pub rule: String,
    /// When it ends at the latest.
    pub ceiling: String,
}

/// The rules of all purposes, with this version's periods in them.
pub fn rules(version: &Version) -> Vec<RuleText> {
    let of = |period| version.periods.get(period);
    let text = |purpose: PurposeKind| {
        let (rule, ceiling) = match purpose {
            PurposeKind::Quality => (
                format!(
                    "nothing to discuss: deleted at once; a learning moment: until {} after the agent's next evaluation, longer while it is \
                     disputed; ends when the agent leaves or the customer objects",
                    days(of(Period::QualityDispute))
                ),
                format!(
                    "{} if nobody decides; else {} from the call",
                    days(of(Period::QualityUnheard)),
                    months(of(Period::QualityMax))
                ),
            ),
            PurposeKind::Incident => (
                format!(
                    "without a case: {}; with one: until {} hours after it is closed, or {} after a judgment",
                    plural(of(Period::IncidentWorking), "working day"),
                    of(Period::CaseClosed),
                    months(of(Period::CaseAppeal))
                ),
                format!(
                    "{} without a case; an open case needs a yes every {}, else the recording is restricted, and deleted {} later",
                    days(of(Period::IncidentMax)),
                    days(of(Period::StillNeeded)),
                    days(of(Period::StillNeededGrace))
                ),
            ),
            PurposeKind::Request => (
                "until the request is answered".to_owned(),
                format!(
                    "{} from its receipt, {} more if it is extended; an open request keeps what it covers",
                    months(of(Period::Request)),
                    plural(of(Period::RequestExtension), "month")
                ),
            ),
            PurposeKind::Training => ("until its review".to_owned(), months(of(Period::TrainingMax))),
            PurposeKind::Other => (
                "until its event, or its review".to_owned(),
                format!("{} from the decision", days(of(Period::OtherReview))),
            ),
        };
        RuleText { purpose, basis: purpose.basis(), rule, ceiling }
    };
    PurposeKind::ALL.map(text).into()
}

fn days(number: u16) -> String {
    plural(number, "day")
}

fn months(number: u16) -> String {
    plural(number, "month")
}

fn plural(number: u16, unit: &str) -> String {
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

/// A period that another version changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which one.
    pub period: Period,
    /// What it is.
    pub before: u16,
    /// What it would be.
    pub after: u16,
    /// Whether it binds recordings that are there already: a shorter one does, a longer one binds only later calls.
    pub binds_all: bool,
}

/// What the second of these changes.
pub fn changes(before: &Periods, after: &Periods) -> Vec<Change> {
    let of = |period| Change {
        period,
        before: before.get(period),
        after: after.get(period),
        binds_all: after.get(period) < before.get(period),
    };
    Period::ALL.map(of).into_iter().filter(|change| change.before != change.after).collect()
}
