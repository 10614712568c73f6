//! What people, and the sweep for them, do with what is kept: one list of words, and what a row says of each deed.

use retrocall_words::words;
use serde::{Deserialize, Serialize};

use crate::names::{ItemId, Pseudonym, TextDigest};

words! {
    /// What was done.
    pub enum DeedKind {
        /// The queue of the sample gave out the call whose turn it was.
        HandedOut = "handed-out",
        /// Somebody listened.
        Played = "played",
        /// A reviewer passed a sampled call over, with a reason.
        Skipped = "skipped",
        /// A sampled call was heard, and its outcome given.
        Reviewed = "reviewed",
        /// What lies beyond what can be heard was let go of, unheard.
        LetGo = "let-go",
        /// The purpose of the sample ended for this recording (an objection, an agent who left, time).
        QualityEnded = "quality-ended",
        /// A note was written.
        Noted = "noted",
        /// An agent replied to a note.
        Replied = "replied",
        /// An agent objected to a note.
        NoteObjected = "note-objected",
        /// Nobody but the officer may touch it until something is decided.
        Restricted = "restricted",
        /// The officer lifted that.
        Unrestricted = "unrestricted",
        /// A case was opened.
        CaseOpened = "case-opened",
        /// A recording was attached to a case.
        CaseAttached = "case-attached",
        /// A case was closed.
        CaseClosed = "case-closed",
        /// A closing was taken back.
        CaseReopened = "case-reopened",
        /// A case is still needed.
        StillNeeded = "still-needed",
        /// A press was a mistake.
        Dismissed = "dismissed",
        /// An agent's evaluation was held.
        EvaluationHeld = "evaluation-held",
        /// An agent left.
        AgentLeft = "agent-left",
        /// A legal hold was set.
        HoldSet = "hold-set",
        /// A legal hold was released.
        HoldReleased = "hold-released",
        /// A request was entered.
        RequestOpened = "request-opened",
        /// A recording was confirmed to be part of a request.
        RequestConfirmed = "request-confirmed",
        /// A recording was found to be no part of a request.
        RequestExcluded = "request-excluded",
        /// A request's time was extended.
        RequestExtended = "request-extended",
        /// A request was refused.
        RequestRefused = "request-refused",
        /// A request was answered.
        RequestAnswered = "request-answered",
        /// A customer objected to the sample for later calls.
        CustomerObjected = "customer-objected",
        /// That objection was withdrawn.
        ObjectionWithdrawn = "objection-withdrawn",
        /// A copy left the home.
        Exported = "exported",
        /// A recording was given to somebody outside, by law.
        Disclosed = "disclosed",
        /// Another purpose was proposed.
        PurposeProposed = "purpose-proposed",
        /// The agent said yes to a purpose.
        PurposeAgreed = "purpose-agreed",
        /// Another purpose was approved.
        PurposeApproved = "purpose-approved",
        /// Another purpose was refused.
        PurposeRefused = "purpose-refused",
        /// What another purpose waited for has happened.
        PurposeEnded = "purpose-ended",
        /// Spans of teaching material were silenced.
        Silenced = "silenced",
        /// Somebody may hear teaching material from now on.
        TraineeNamed = "trainee-named",
        /// They may no longer.
        TraineeWithdrawn = "trainee-withdrawn",
        /// Another version of the policy holds.
        PolicyChanged = "policy-changed",
        /// A user, a role, a password or a token was given or taken.
        UserChanged = "user-changed",
        /// A site may deliver here, or no longer, or a code for that was made.
        SiteChanged = "site-changed",
        /// An agent pressed for a live call, through the centre.
        PressedAfar = "pressed-afar",
        /// A recording lies at the centre, and no longer here.
        Delivered = "delivered",
        /// An erasure was ordered.
        Erased = "erased",
        /// The deletion of a recording began: nothing can hold it back any more.
        Deleting = "deleting",
        /// A recording is deleted: its file is gone.
        Deleted = "deleted",
        /// What it said is overwritten.
        Overwritten = "overwritten",
        /// A backup was made.
        BackedUp = "backed-up",
        /// The catalog was restored from a backup.
        Restored = "restored",
    }
}

words! {
    /// What came of it.
    pub enum DeedResult {
        /// It was done.
        Done = "done",
        /// It was refused.
        Refused = "refused",
    }
}

/// Somebody did something. Everything but what was done may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deed {
    /// What.
    pub deed: DeedKind,
    /// Who did it. None: the engine itself, by its rules.
    pub by: Option<Pseudonym>,
    /// For whom, where the owner acted for somebody.
    #[serde(rename = "as")]
    pub on_behalf_of: Option<Pseudonym>,
    /// The recording.
    pub recording: Option<ItemId>,
    /// The case, hold, request or proposal.
    pub matter: Option<ItemId>,
    /// The agent that it is about.
    pub agent: Option<Pseudonym>,
    /// Of a call that was heard: whether it was its turn. `false` is a note that it was not.
    pub in_turn: Option<bool>,
    /// The version of the policy.
    pub version: Option<u64>,
    /// Reason, note or outcome in somebody's own words: never the text itself.
    pub text: Option<TextDigest>,
    /// What came of it.
    pub result: DeedResult,
}

impl Deed {
    /// A deed that was done, of which nothing more is said.
    pub fn done(deed: DeedKind) -> Deed {
        Deed {
            deed,
            by: None,
            on_behalf_of: None,
            recording: None,
            matter: None,
            agent: None,
            in_turn: None,
            version: None,
            text: None,
            result: DeedResult::Done,
        }
    }
}
