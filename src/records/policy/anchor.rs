//! What is stored of a rule: purposes, and the events and dates that anchor them.
//!
//! Belongs here: the words, and the form in which they are handed in. Does not: what follows from them (`rules`).

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use retrocall_words::Reason;

retrocall_words::words! {
    /// Why a recording exists.
    pub enum PurposeKind {
        /// Training of agents, from the sample.
        Quality = "quality",
        /// What an agent recorded on demand.
        Incident = "incident",
        /// A customer asked for a copy.
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

impl From<Reason> for PurposeKind {
    /// The purpose for which a call is selected.
    fn from(reason: Reason) -> PurposeKind {
        match reason {
            Reason::OnDemand => PurposeKind::Incident,
            Reason::Sample => PurposeKind::Quality,
            Reason::Copy => PurposeKind::Request,
        }
    }
}

retrocall_words::words! {
    /// An event, or a date that belongs to a recording, from which a rule counts.
    pub enum Anchor {
        /// A reviewer opened it. Nothing follows: who opens and does not decide has not heard it.
        Opened = "opened",
        /// The outcome "nothing to discuss".
        NothingFound = "nothing-found",
        /// The outcome "private call", of the reviewer or of the agent.
        PrivateCall = "private-call",
        /// It lay beyond what can be heard, and goes unheard.
        Unheard = "unheard",
        /// A learning moment was noted.
        LearningMoment = "learning-moment",
        /// The agent's evaluation was held.
        EvaluationHeld = "evaluation-held",
        /// The agent disputes it.
        DisputeOpened = "dispute-opened",
        /// The dispute is over.
        DisputeSettled = "dispute-settled",
        /// The agent left the desk.
        AgentLeft = "agent-left",
        /// The customer objects to coaching.
        Objected = "objected",
        /// A press by mistake.
        Dismissed = "dismissed",
        /// A case was opened for it, or it was attached to one.
        CaseOpened = "case-opened",
        /// The case was closed. Its date is that of the judgment.
        CaseClosed = "case-closed",
        /// The closing was taken back.
        CaseReopened = "case-reopened",
        /// "Still needed?" was answered with yes.
        StillNeeded = "still-needed",
        /// A request was entered. Its date is that of its receipt.
        RequestReceived = "request-received",
        /// The answer needs longer, for a reason.
        RequestExtended = "request-extended",
        /// The request was answered or refused.
        RequestAnswered = "request-answered",
        /// Teaching material was approved. Its date is that of its review.
        Promoted = "promoted",
        /// Two people decided on another purpose. Its date is that of its review.
        Decided = "decided",
        /// What the other purpose waited for has happened.
        Ended = "ended",
    }
}

/// An anchor that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Which one.
    pub anchor: Anchor,
    /// When it happened.
    pub at: Timestamp,
    /// The date that it names, if it names one.
    pub date: Option<Date>,
}

/// A purpose of a recording, with its anchors. A recording has two of one kind if two cases, or two requests, need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Purpose {
    /// Which one.
    pub kind: PurposeKind,
    /// What happened, in the order in which it was written down.
    pub events: Vec<Event>,
}

impl Purpose {
    /// The purpose for which a call was selected, as it is when its recording ends. A copy that the customer wanted in the call was received then.
    pub fn of_call(kind: PurposeKind, ended_at: Timestamp) -> Purpose {
        let received = Event { anchor: Anchor::RequestReceived, at: ended_at, date: None };
        Purpose { kind, events: if kind == PurposeKind::Request { vec![received] } else { Vec::new() } }
    }
}

retrocall_words::words! {
    /// What keeps a recording whatever its purposes say.
    pub enum Cover {
        /// A legal hold.
        Hold = "hold",
        /// A request that is open: it froze the recording when it was entered.
        Request = "request",
        /// A standing order of a centre.
        Order = "order",
    }
}

/// All that the rules need to know of a recording.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// When its call began; the oldest rule that binds it is the one of then. None: not known.
    pub began_at: Option<Timestamp>,
    /// When what is recorded ended. None: not known.
    pub ended_at: Option<Timestamp>,
    /// Why it exists.
    pub purposes: Vec<Purpose>,
    /// What holds it.
    pub covers: Vec<Cover>,
    /// Since when the officer alone may use it, because an agent objects.
    pub restricted_since: Option<Timestamp>,
    /// When an erasure was granted.
    pub erased_at: Option<Timestamp>,
}
