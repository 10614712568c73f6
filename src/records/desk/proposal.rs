//! Purposes that a recording does not have, and teaching material: one person asks, another decides (D6, D8, D18).

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::{NotDone, Person};
use crate::PurposeKind;

/// Days within which a recording that is used for another purpose is looked at again.
pub const PURPOSE_REVIEW_DAYS_MAX: i64 = 90;

/// The purpose by which an agent is judged.
pub const EVALUATION: &str = "evaluation";

/// Other purposes of which it is known that no agent is judged by them. Whoever proposes writes the purpose in words of their own; any that stands not
/// here is taken for one by which an agent may be judged, so that no other word for an evaluation gets around the agent's own yes (D8).
pub const ABOUT_NO_AGENT: [&str; 13] = [
    "claim",
    "contract-dispute",
    "court-case",
    "damage-claim",
    "debt-collection",
    "fraud",
    "fraud-by-customer",
    "insurance",
    "insurance-claim",
    "legal-claim",
    "product-defect",
    "proof-of-order",
    "threat-by-customer",
];

/// Whether an agent may be judged by this purpose, however it is written.
pub(super) fn judges(purpose: &str) -> bool {
    !ABOUT_NO_AGENT.contains(&&*in_a_word(purpose)) && !is_training(purpose)
}

/// Whether it is teaching material, which has a way of its own.
pub(super) fn is_training(purpose: &str) -> bool {
    in_a_word(purpose) == PurposeKind::Training.as_str()
}

/// A purpose in lower case, with a line between its words.
fn in_a_word(purpose: &str) -> String {
    let words = purpose.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// Another purpose, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPurpose {
    /// In a word: one of [`ABOUT_NO_AGENT`], or any other, for which the agents who pressed are asked.
    pub purpose: String,
    /// Why.
    pub reason: String,
    /// The lawful basis.
    pub basis: String,
    /// The event that ends it.
    pub until: String,
    /// When it is looked at again: within 90 days.
    pub review_on: Date,
    /// Why it is compatible with what the recording was made for. It may come with the approval.
    pub compatibility: Option<String>,
    /// When the customer was informed. It may come with the approval.
    pub informed_on: Option<Date>,
}

/// What whoever approves adds to a proposal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// Why it is compatible with what the recording was made for.
    pub compatibility: Option<String>,
    /// When the customer was informed.
    pub informed_on: Option<Date>,
}

/// What an approval did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approved {
    /// The agent said yes: another person decides.
    Agreed,
    /// It is decided: the recording is kept for it.
    Decided,
}

/// A proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProposalEntry {
    /// Its id.
    pub proposal: String,
    /// The recording.
    pub recording: String,
    /// For what.
    pub purpose: String,
    /// Why.
    pub reason: String,
    /// The lawful basis.
    pub basis: String,
    /// Why it is compatible with what the recording was made for.
    pub compatibility: Option<String>,
    /// The event that ends it.
    pub until: Option<String>,
    /// When it is looked at again.
    pub review_on: Date,
    /// When the customer was informed.
    pub informed_on: Option<Date>,
    /// Who proposed it.
    pub proposed_by: String,
    /// When.
    pub proposed_at: Timestamp,
    /// Which agents said yes.
    pub agreed_by: Vec<String>,
    /// Whose yes is still needed: of those who pressed, if they may be judged by it (D8).
    pub awaits: Vec<String>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<Timestamp>,
    /// When it was refused.
    pub refused_at: Option<Timestamp>,
}

impl ProposalEntry {
    /// Whether nobody has decided yet.
    pub fn is_open(&self) -> bool {
        self.approved_at.is_none() && self.refused_at.is_none()
    }

    /// Whether an agent may be judged by it (D8).
    pub fn judges(&self) -> bool {
        judges(&self.purpose)
    }

    /// Whether this agent has no answer to give any more: they said yes, or, of teaching material, another agent of the call did.
    pub fn has_yes_of(&self, agent: &str) -> bool {
        if self.judges() { self.agreed_by.iter().any(|one| one == agent) } else { !self.agreed_by.is_empty() }
    }
}

/// The verbs around proposals.
pub trait Proposals {
    /// Proposes to use a recording for another purpose. Returns the proposal's id.
    ///
    /// # Errors
    /// Why it can't be proposed.
    fn propose_purpose(
        &self,
        who: &Person,
        recording: &str,
        purpose: &NewPurpose,
        now: Timestamp,
    ) -> Result<String, NotDone>;

    /// Approves a proposal: of another purpose the officer, after each agent who pressed if they may be judged by it; of teaching material its agent
    /// first, then another listener. It is named by its own id, or by its recording's.
    ///
    /// # Errors
    /// What is missing.
    fn approve(
        &self,
        who: &Person,
        proposal: &str,
        completion: &Completion,
        now: Timestamp,
    ) -> Result<Approved, NotDone>;

    /// Refuses a proposal.
    ///
    /// # Errors
    /// Why it can't be refused.
    fn refuse_proposal(&self, who: &Person, proposal: &str, why: &str, now: Timestamp) -> Result<(), NotDone>;

    /// What another purpose waited for has happened: the recording is no longer kept for it.
    ///
    /// # Errors
    /// Why it can't be ended.
    fn end_purpose(&self, who: &Person, proposal: &str, why: &str, now: Timestamp) -> Result<(), NotDone>;

    /// Makes a stretch of teaching material silent, in seconds of the call: a name, a number. What else keeps the recording bars it.
    ///
    /// # Errors
    /// Why it can't be silenced.
    fn silence(&self, who: &Person, recording: &str, span: (f64, f64), now: Timestamp) -> Result<(), NotDone>;

    /// Those proposals about recordings that are kept on which nobody has decided, the last one last.
    ///
    /// # Errors
    /// Why they can't be had.
    fn open_proposals(&self, who: &Person) -> Result<Vec<ProposalEntry>, NotDone>;

    /// Other purposes that were approved and have not ended, of recordings that are kept, the last one last.
    ///
    /// # Errors
    /// Why they can't be had.
    fn purposes_in_force(&self, who: &Person) -> Result<Vec<ProposalEntry>, NotDone>;

    /// All proposals about recordings that are kept, the last one last.
    ///
    /// # Errors
    /// Why they can't be had.
    fn proposals(&self, who: &Person) -> Result<Vec<ProposalEntry>, NotDone>;
}
