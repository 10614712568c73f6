//! Why a recording exists, and until when at most, by the defaults of the desk.

use jiff::{SignedDuration, Timestamp};

use retrocall_records::{Purpose, PurposeKind};
use retrocall_words::Reason;

/// A sample that nobody listened to goes after this many days.
const QUALITY_DAYS: i64 = 14;
/// An incident without a case goes after this many days.
const INCIDENT_DAYS: i64 = 7;

/// The purposes that follow from the reasons, each with its lawful basis and the day on which it is due if nobody does anything. It counts
/// from the end of what is recorded, which the file says too: a recording that is registered again, or late, is due no later for that.
pub fn purposes(reasons: &[Reason], end: Timestamp) -> Vec<Purpose> {
    let due = |days: i64| end.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX);
    let purpose = |reason: &Reason| match reason {
        Reason::OnDemand => Purpose {
            purpose: PurposeKind::Incident,
            basis: "performance of the contract".to_owned(),
            due_at: Some(due(INCIDENT_DAYS)),
        },
        Reason::Sample => Purpose {
            purpose: PurposeKind::Quality,
            basis: "legitimate interest".to_owned(),
            due_at: Some(due(QUALITY_DAYS)),
        },
    };
    reasons.iter().map(purpose).collect()
}
