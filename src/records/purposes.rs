//! The purposes that a recording has from its first day, and until when they keep it if nobody does anything.
//!
//! Belongs here: the purposes with which a recording begins, and what holds as long as nothing happens to it. Does not: what events change (`policy`).

use jiff::Timestamp;

use retrocall_words::Reason;

use super::policy::{self, Facts, Policy, PurposeKind};

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
        /// It lies at the centre, and no longer here; the row says neither who the customer was nor what happened.
        Delivered = "delivered",
    }
}

impl Life {
    /// Whether it is no longer to be had here.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Life::Deleting | Life::Gone | Life::Delivered)
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

/// When a purpose is no longer in force to which nothing has happened since its recording ended, by the default rule; none where that waits
/// for an event.
pub(super) fn due_at(purpose: PurposeKind, end: Option<Timestamp>) -> Option<Timestamp> {
    let purposes = vec![policy::Purpose::of_call(purpose, end?)];
    let facts = Facts { began_at: end, ended_at: end, purposes, ..Facts::default() };
    policy::ends(&facts, &Policy::default(), end?).pop().and_then(|(_, ends)| ends).map(|(at, _)| at)
}
