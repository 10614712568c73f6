//! Why a recording exists, and until when at most, by the defaults of the desk.

use jiff::{SignedDuration, Timestamp};

use retrocall_words::Reason;

/// A sample that nobody listened to goes after this many days.
const QUALITY_DAYS: i64 = 14;
/// An incident without a case goes after this many days.
const INCIDENT_DAYS: i64 = 7;

retrocall_words::words! {
    /// Why a recording exists.
    pub enum PurposeKind {
        /// Training of agents, from the sample.
        Quality = "quality",
        /// What an agent recorded on demand.
        Incident = "incident",
    }
}

impl From<Reason> for PurposeKind {
    /// The purpose for which a call is selected.
    fn from(reason: Reason) -> PurposeKind {
        match reason {
            Reason::OnDemand => PurposeKind::Incident,
            Reason::Sample => PurposeKind::Quality,
        }
    }
}

/// A purpose of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// Which one.
    pub purpose: PurposeKind,
    /// The lawful basis, in words.
    pub basis: &'static str,
    /// When it is no longer in force; none while that waits for an event.
    pub due_at: Option<Timestamp>,
}

/// The purposes that follow from the reasons, each with its lawful basis and the day on which it is due if nobody does anything. It counts
/// from the end of what is recorded, which the file says too: a recording that is registered again, or late, is due no later for that.
pub fn purposes(reasons: &[Reason], end: Timestamp) -> Vec<Purpose> {
    let purpose = |reason: &Reason| {
        let purpose = PurposeKind::from(*reason);
        let (basis, days) = match purpose {
            PurposeKind::Incident => ("performance of the contract", INCIDENT_DAYS),
            PurposeKind::Quality => ("legitimate interest", QUALITY_DAYS),
        };
        let due_at = end.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX);
        Purpose { purpose, basis, due_at: Some(due_at) }
    };
    reasons.iter().map(purpose).collect()
}
