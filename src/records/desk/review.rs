//! Listening to the sample: whose turn it is, what came of it, and the evaluation that it is for.

use jiff::Timestamp;
use serde::Serialize;

use super::{NotDone, Person};
use crate::PurposeKind;

retrocall_words::words! {
    /// Why a reviewer passes a call over: a list, so that nobody can choose whom to hear.
    pub enum SkipReason {
        /// It is a call of the reviewer's own.
        OwnCall = "own-call",
        /// They are too close to the agent or to the customer to judge.
        TooClose = "too-close",
        /// They don't understand the language.
        Language = "language",
        /// The recording can't be understood.
        Inaudible = "inaudible",
    }
}

/// The outcome of listening to a sampled call.
#[derive(Debug, Clone, PartialEq)]
pub enum ReviewOutcome {
    /// Nothing to discuss: it goes at once.
    NoFinding,
    /// Something to learn from: it stays until the evaluation.
    LearningMoment {
        /// What there is to learn. It goes with the recording.
        note: String,
        /// Where in the recording.
        at_seconds: Option<f64>,
    },
    /// A private call: it goes at once, without a note.
    PrivateCall,
}

/// The call whose turn it is. Without the names of agent and customer: the reviewer hears them, and is not shown whom they judge.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Turn {
    /// The recording.
    pub recording: String,
    /// The review that was opened with it.
    pub review: String,
    /// When the call began.
    pub start: Timestamp,
    /// How long it is.
    pub seconds: Option<f64>,
    /// How many wait behind it.
    pub waiting: u64,
}

/// What came of a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reviewed {
    /// The recording.
    pub recording: String,
    /// Whose call it was: shown once the outcome is given.
    pub agent: String,
    /// Whether it was its turn.
    pub in_order: bool,
    /// What else it is kept for: it stays for that.
    pub stays_for: Vec<PurposeKind>,
    /// The note that was written.
    pub note: Option<String>,
}

/// The verbs of a reviewer.
pub trait Reviews {
    /// Hands out the call whose turn it is: of the calls of closed days, in the order of their draw. The one that was handed out and is not decided
    /// comes again. `skip` passes over that one first, or else the one whose turn it is. None if none waits.
    ///
    /// # Errors
    /// Why it can't be.
    fn next(&self, who: &Person, skip: Option<SkipReason>, now: Timestamp) -> Result<Option<Turn>, NotDone>;

    /// Gives the outcome of listening to a sampled call. One that was not handed out is noted as out of order.
    ///
    /// # Errors
    /// Why it can't be given.
    fn review(&self, who: &Person, id: &str, outcome: &ReviewOutcome, now: Timestamp) -> Result<Reviewed, NotDone>;

    /// Proposes a learning moment as teaching material. Returns the proposal's id: another person approves it.
    ///
    /// # Errors
    /// Why it can't be.
    fn propose_training(&self, who: &Person, id: &str, reason: &str, now: Timestamp) -> Result<String, NotDone>;

    /// An agent's evaluation was held. Returns how many learning moments had waited for it.
    ///
    /// # Errors
    /// Why it can't be noted.
    fn evaluated(&self, who: &Person, agent: &str, now: Timestamp) -> Result<u64, NotDone>;

    /// An agent left the desk. Returns how many recordings were kept for their evaluation.
    ///
    /// # Errors
    /// Why it can't be noted.
    fn agent_left(&self, who: &Person, agent: &str, now: Timestamp) -> Result<u64, NotDone>;
}
