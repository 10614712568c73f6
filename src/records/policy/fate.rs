//! What becomes of a recording, in words that lists and receipts show.

use jiff::Timestamp;
use serde::Serialize;

use super::anchor::PurposeKind;

retrocall_words::words! {
    /// What a purpose waits for, or what ended it.
    pub enum Why {
        /// Nobody has decided about the sample.
        AwaitsReview = "awaits-review",
        /// A learning moment waits for the agent's evaluation.
        AwaitsEvaluation = "awaits-evaluation",
        /// The evaluation was held: the agent may dispute it.
        MayBeDisputed = "may-be-disputed",
        /// The agent disputes it.
        Disputed = "disputed",
        /// Nothing to discuss.
        NothingFound = "nothing-found",
        /// A private call.
        PrivateCall = "private-call",
        /// It lay beyond what can be heard.
        Unheard = "unheard",
        /// The agent left.
        AgentLeft = "agent-left",
        /// The customer objects.
        Objected = "objected",
        /// A press without a case.
        AwaitsCase = "awaits-case",
        /// A press by mistake.
        Dismissed = "dismissed",
        /// Its case is open.
        CaseOpen = "case-open",
        /// Its case is closed: that can be taken back.
        CaseClosed = "case-closed",
        /// Its case is closed: the term of appeal runs.
        MayBeAppealed = "may-be-appealed",
        /// A request is to be answered.
        RequestOpen = "request-open",
        /// The request was answered.
        RequestAnswered = "request-answered",
        /// Teaching material, until its review.
        Teaching = "teaching",
        /// Another purpose, until its review.
        Decided = "decided",
        /// What the other purpose waited for has happened.
        Ended = "ended",
        /// An erasure was granted.
        Erased = "erased",
        /// A legal hold.
        Hold = "hold",
        /// A request froze it.
        Frozen = "frozen",
        /// A standing order covers it.
        Ordered = "ordered",
        /// An agent objects to a note: the officer decides.
        AgentObjects = "agent-objects",
        /// "Still needed?" was not answered.
        NotAnswered = "not-answered",
    }
}

impl Why {
    /// The sentence of it: what the recording waits for, or why it goes.
    pub const fn sentence(self) -> &'static str {
        match self {
            Why::AwaitsReview => "nobody has decided about it",
            Why::AwaitsEvaluation => "a learning moment waits for the evaluation",
            Why::MayBeDisputed => "the evaluation was held, the agent may dispute it",
            Why::Disputed => "the agent disputes it",
            Why::NothingFound => "there is nothing to discuss",
            Why::PrivateCall => "it is a private call",
            Why::Unheard => "more calls were drawn than can be heard",
            Why::AgentLeft => "the agent has left",
            Why::Objected => "the customer objects",
            Why::AwaitsCase => "it was pressed and has no case",
            Why::Dismissed => "it was pressed by mistake",
            Why::CaseOpen => "its case is open",
            Why::CaseClosed => "its case is closed, which can be taken back",
            Why::MayBeAppealed => "its case is closed, the term of appeal runs",
            Why::RequestOpen => "a request is to be answered",
            Why::RequestAnswered => "the request was answered",
            Why::Teaching => "it is teaching material until its review",
            Why::Decided => "another purpose was decided, until its review",
            Why::Ended => "its other purpose has ended",
            Why::Erased => "an erasure was granted",
            Why::Hold => "a legal hold stops its deletion",
            Why::Frozen => "a request froze it",
            Why::Ordered => "a standing order covers it",
            Why::AgentObjects => "the agent objects, the officer decides",
            Why::NotAnswered => "nobody has said that it is still needed",
        }
    }
}

/// What becomes of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum Fate {
    /// It is kept.
    Kept {
        /// Until when, if nothing happens. None while something holds it.
        until: Option<Timestamp>,
        /// What for.
        why: Why,
    },
    /// It is kept, and the officer alone may use it.
    Restricted {
        /// Since when.
        since: Timestamp,
        /// Until when, if nothing happens. None while something holds it.
        until: Option<Timestamp>,
        /// Because of what.
        why: Why,
    },
    /// It is to be deleted.
    Due {
        /// Since when.
        since: Timestamp,
        /// What ended its last purpose.
        why: Why,
    },
    /// Nothing is known from which its rule could count: it is never due, and listed for somebody to decide.
    NoAnchor {
        /// The purpose that has none; none if the recording has no purpose.
        purpose: Option<PurposeKind>,
    },
}

impl Fate {
    /// Whether it is to be deleted.
    pub fn is_due(&self) -> bool {
        matches!(self, Fate::Due { .. })
    }
}

/// Until when a purpose is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Term {
    /// From this moment on it is not.
    pub ends: Timestamp,
    /// What it waits for until then, or what ends it.
    pub why: Why,
    /// From when on the officer alone may use the recording for it.
    pub restricted_from: Option<Timestamp>,
}

impl Term {
    pub(super) fn until(ends: Timestamp, why: Why) -> Term {
        Term { ends, why, restricted_from: None }
    }

    /// The one that ends first. Two rules on one purpose: the shorter wins.
    pub(super) fn shorter(self, other: Term) -> Term {
        let first = if other.ends < self.ends { other } else { self };
        let restricted_from = [self.restricted_from, other.restricted_from].into_iter().flatten().min();
        Term { restricted_from, ..first }
    }
}
