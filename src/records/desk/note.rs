//! What is written about a recording, and what its agent answers. It goes with the recording.

use jiff::Timestamp;
use serde::Serialize;

use super::{NotDone, Person};
use crate::PurposeKind;

retrocall_words::words! {
    /// How an agent answers a note.
    pub enum ReplyKind {
        /// In words.
        Reply = "reply",
        /// With an objection: until it is decided the recording is the officer's alone.
        Objection = "objection",
    }
}

retrocall_words::words! {
    /// What the officer decided about an objection.
    pub enum Decision {
        /// The agent is right: the note is struck out, and the recording is no longer kept for it.
        Upheld = "upheld",
        /// The note stays.
        Rejected = "rejected",
    }
}

/// An answer to a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// Who answers.
    pub author: String,
    /// How.
    pub kind: ReplyKind,
    /// What they say.
    pub text: String,
    /// When.
    pub written_at: Timestamp,
    /// Of an objection: what the officer decided, and why.
    pub decision: Option<String>,
}

/// A note about a recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Note {
    /// Its id.
    pub note: String,
    /// The purpose whose people see it.
    pub purpose: PurposeKind,
    /// Who wrote it.
    pub author: String,
    /// What it says; nothing if it was struck out.
    pub text: String,
    /// Where in the recording.
    pub at_seconds: Option<f64>,
    /// When.
    pub written_at: Timestamp,
    /// What was answered, the first one first.
    pub replies: Vec<Reply>,
}

/// The verbs around notes. A note is named by its own id, or by its recording's, which means the last one.
pub trait Notes {
    /// The notes about a recording that somebody may see, the first one first.
    ///
    /// # Errors
    /// If there is no recording that this person may know of.
    fn notes(&self, who: &Person, recording: &str) -> Result<Vec<Note>, NotDone>;

    /// The agent answers a note, or objects to it.
    ///
    /// # Errors
    /// Why they can't.
    fn reply(&self, who: &Person, id: &str, kind: ReplyKind, text: &str, now: Timestamp) -> Result<(), NotDone>;

    /// The officer decides about the objection to a note.
    ///
    /// # Errors
    /// Why it can't be decided.
    fn decide(&self, who: &Person, id: &str, decision: Decision, why: &str, now: Timestamp) -> Result<(), NotDone>;
}
