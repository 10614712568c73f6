//! Why a recording exists, and until when at most, by the defaults of the desk.
//!
//! Belongs here: the purposes with which a recording begins, and what holds as long as nothing happens to it. Does not: what events change.

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
        /// The customer asked for a copy.
        Request = "request",
        /// Teaching material.
        Training = "training",
        /// Another purpose, which two people decided.
        Other = "other",
    }
}

impl PurposeKind {
    /// The lawful basis where nothing else is decided.
    pub const fn basis(self) -> &'static str {
        match self {
            PurposeKind::Quality | PurposeKind::Training => "legitimate interest",
            PurposeKind::Incident => "performance of the contract",
            PurposeKind::Request => "legal obligation",
            PurposeKind::Other => "as decided",
        }
    }
}

retrocall_words::words! {
    /// Where a recording is between its commit and its end. What is on disk of it is another matter.
    pub enum Life {
        /// It is there, for all who may have it.
        Kept = "kept",
        /// The privacy officer alone may have it, until somebody decides.
        Restricted = "restricted",
        /// It is being deleted: nothing can hold it back any more.
        Deleting = "deleting",
        /// Its file is gone; the row says neither who the customer was nor what happened.
        Gone = "gone",
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
    /// When it is no longer in force if nobody does anything; none while that waits for an event.
    pub due_at: Option<Timestamp>,
}

/// The purposes that follow from the reasons, each with its lawful basis and the day on which it is due if nobody does anything. It counts
/// from the end of what is recorded, which the file says too: a recording that is registered again, or late, is due no later for that.
pub fn purposes(reasons: &[Reason], end: Timestamp) -> Vec<Purpose> {
    let purpose = |reason: &Reason| {
        let purpose = PurposeKind::from(*reason);
        Purpose { purpose, basis: purpose.basis(), due_at: due_at(purpose, Some(end)) }
    };
    reasons.iter().map(purpose).collect()
}

/// When a purpose is no longer in force to which nothing has happened since its recording ended, by the desk's default rule; none where that waits
/// for an event.
pub(super) fn due_at(purpose: PurposeKind, end: Option<Timestamp>) -> Option<Timestamp> {
    let days = match purpose {
        PurposeKind::Incident => INCIDENT_DAYS,
        PurposeKind::Quality => QUALITY_DAYS,
        PurposeKind::Request | PurposeKind::Training | PurposeKind::Other => return None,
    };
    Some(end?.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX))
}
