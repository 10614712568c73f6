//! What people at the desk do with recordings: few verbs, each with who and when.
//!
//! Belongs here: the verbs, who may, and what passes through them. Does not: what follows from an event (the policy), deleting (the sweep).
//!
//! Reading is paged and shows what the person may see. A deed is one transaction: the check of rights, the change, and the ledger's row, which says
//! too when it was refused.

mod awaiting;
mod case;
mod delivering;
mod disclosure;
mod home;
mod listen;
mod login;
mod mine;
mod note;
mod objecting;
mod orders;
mod outgoing;
mod outlook;
mod paging;
mod people;
mod pressing;
mod proposal;
mod queue;
mod request;
mod restricting;
mod review;
mod sites;
mod standing;
mod teaching;
mod unusual;
mod versions;

use std::{collections::BTreeSet, fmt};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{Life, PurposeKind, Trouble};
use retrocall_words::{CallId, Direction, Reason, book::RecordingState};

pub use awaiting::{Awaiting, AwaitingPress};
pub use case::{Case, CaseSearch, Cases};
pub use delivering::{Arrival, Deliveries, LedgerPiece, LedgerProgress, Offered, PeriodFacts, Stored, UPLOAD_TIME};
pub use disclosure::{Disclosure, Disclosures, Inventory, InventoryEntry};
pub use home::{Adopted, DeskFiles, HeldOpen, HomeDesk, NAMES};
pub use listen::{Listening, Sound, SoundFile};
pub use login::{Logins, NewToken, SessionLimits, TokenEntry};
pub use mine::{HEARD_MIN, Heard, Mine, OwnCalls, OwnRecording};
pub use note::{Decision, Note, Notes, Reply, ReplyKind};
pub use objecting::{Customers, Objected};
pub use orders::{
    MissingSite, Obeying, Order, OrderKind, OrderProgress, Orders, OrdersAnswer, OrdersNews, SiteLetGo, Staying,
};
pub use outgoing::{Backlog, LedgerNews, Outbound, Outgoing};
pub use outlook::{Going, Outlook, Outlooks};
pub use paging::{Onward, Paged};
pub use people::{Accounts, User};
pub use pressing::PressesAfar;
pub use proposal::{
    ABOUT_NO_AGENT, Approved, Completion, EVALUATION, NewPurpose, PURPOSE_REVIEW_DAYS_MAX, ProposalEntry, Proposals,
};
pub use queue::{Queue, QueueState};
pub use request::{
    AROUND_HOURS, CopyOutside, Copying, Covered, CoveredState, Entered, Erasures, ReceiptEntry, RequestEntry,
    RequestKind, RequestLine, RequestOutcome, Requests, Subject, Unnumbered, Waiting,
};
pub use restricting::Restricting;
pub use review::{ReviewOutcome, Reviewed, Reviews, SkipReason, Turn};
pub use sites::{NotAdmitted, NotEnrolled, SiteEntry, SiteNews, Sites};
pub use standing::Standing;
pub use teaching::{Material, Teaching};
pub use unusual::{Unusual, UnusualDeeds, UnusualKind};
pub use versions::{Versions, WrittenVersion};

retrocall_words::words! {
    /// What somebody is at the desk.
    pub enum DeskRole {
        /// Talks with customers: sees their own recordings.
        Agent = "agent",
        /// Listens to the sample.
        Reviewer = "reviewer",
        /// Follows incidents.
        CaseHandler = "case-handler",
        /// Decides about requests, holds, objections; sees everything.
        PrivacyOfficer = "privacy-officer",
        /// Sets things up.
        Administrator = "administrator",
        /// Checks that all is as it is said to be, and sees no recording.
        Council = "council",
    }
}

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// By what the ledger knows them, under a pseudonym.
    pub name: String,
    /// For whom they act, if they are the owner and act for somebody.
    pub on_behalf_of: Option<String>,
    /// What they are.
    pub roles: BTreeSet<DeskRole>,
    /// The agent that they are.
    pub agent: Option<String>,
}

impl Person {
    /// The engine's owner: an administrator with all roles.
    pub fn owner(name: impl Into<String>) -> Person {
        Person { name: name.into(), on_behalf_of: None, roles: DeskRole::ALL.into(), agent: None }
    }

    fn is(&self, role: DeskRole) -> bool {
        self.roles.contains(&role)
    }
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotDone {
    /// The catalog can't be had.
    Catalog(Trouble),
    /// There is no such recording, or none that this person may know of.
    Unknown,
    /// There is no such case, request, hold or whatever else was named: what shows those that there are.
    Absent(&'static str),
    /// They may not: one of these roles may.
    NotAllowed(&'static [DeskRole]),
    /// It is being deleted, or is deleted: nothing can hold it back any more.
    TooLate,
    /// It is done already, or can't be done now: why, and what to do.
    Conflict(&'static str),
    /// These sites have not said yet that they have nothing of it.
    SitesMissing(Vec<MissingSite>),
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotDone::Catalog(trouble) => trouble.fmt(f),
            NotDone::Unknown => f.write_str("no such recording is kept: `retrocall recordings` lists them"),
            NotDone::NotAllowed(roles) => {
                let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
                write!(f, "this needs the role {}: ask one who has it", roles.join(" or "))
            }
            NotDone::TooLate => f.write_str("the recording is being deleted: nothing can hold it back any more"),
            NotDone::Absent(why) | NotDone::Conflict(why) => f.write_str(why),
            NotDone::SitesMissing(missing) => {
                let heard = |one: &MissingSite| match one.last_word {
                    Some(at) => format!("{} ({}, last heard of {at:.0})", one.site, one.standing.as_str()),
                    None => format!("{} ({}, never heard of)", one.site, one.standing.as_str()),
                };
                let all: Vec<String> = missing.iter().map(heard).collect();
                write!(
                    f,
                    "not every site has delivered what is of before: {}; wait for them, or say why not with `retrocall centre let-go SITE --request REQUEST --reason TEXT`",
                    all.join(", ")
                )
            }
        }
    }
}

impl std::error::Error for NotDone {}

impl From<Trouble> for NotDone {
    fn from(trouble: Trouble) -> NotDone {
        NotDone::Catalog(trouble)
    }
}

/// Which recordings are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those in which this agent took part.
    pub agent: Option<String>,
    /// Only those that exist for this.
    pub purpose: Option<PurposeKind>,
    /// Only those whose calls began at this time, or later.
    pub from: Option<Timestamp>,
    /// Only those whose calls began before.
    pub before: Option<Timestamp>,
}

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    began_at: String,
    id: String,
}

/// A recording in a list: never the customer's number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordingEntry {
    /// Its id.
    pub id: String,
    /// Its call.
    pub call: CallId,
    /// Whose call it was when it began.
    pub agent: String,
    /// Who called whom.
    pub direction: Direction,
    /// When the call began.
    pub start: Timestamp,
    /// How long it is.
    pub seconds: Option<f64>,
    /// Why it was selected.
    pub reasons: Vec<Reason>,
    /// Why it exists.
    pub purposes: Vec<PurposeKind>,
    /// How far it is on the disk.
    pub state: RecordingState,
    /// Where it is in its life.
    pub life: Life,
    /// Whether its deletion is stopped.
    pub held: bool,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page {
    /// The oldest first.
    pub recordings: Vec<RecordingEntry>,
    /// Where it goes on; none if this was the last.
    pub next: Option<Cursor>,
}

/// All that is known of one recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Story {
    /// The recording.
    pub recording: RecordingEntry,
    /// Who listened, or took a copy, the first one first.
    pub uses: Vec<UseEntry>,
    /// What stops its deletion, and what did.
    pub holds: Vec<HoldEntry>,
}

retrocall_words::words! {
    /// How a recording was used.
    pub enum UseKind {
        /// Somebody listened.
        Play = "play",
        /// A copy left the home.
        Export = "export",
        /// It was given to somebody outside, by law.
        Disclose = "disclose",
    }
}

/// Somebody is about to use a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// How.
    pub kind: UseKind,
    /// Why, in their words.
    pub why: String,
    /// The review, case or request by which they may.
    pub of: Option<String>,
}

/// Somebody used a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UseEntry {
    /// Who.
    pub by: String,
    /// How.
    pub kind: UseKind,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// A legal hold that is to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHold {
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// What it waits for, in words.
    pub until: String,
    /// When it is looked at again: within 180 days.
    pub review_on: Date,
}

/// Days within which a hold is looked at again.
pub const HOLD_REVIEW_DAYS_MAX: i64 = 180;

/// A legal hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldEntry {
    /// Its id.
    pub hold: String,
    /// The recording.
    pub recording: String,
    /// Whose call it is.
    pub agent: String,
    /// When that began.
    pub start: Timestamp,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// What it waits for.
    pub until: String,
    /// When it is looked at again.
    pub review_on: Date,
    /// When it was set.
    pub set_at: Timestamp,
    /// When it was released; none while it is in force.
    pub released_at: Option<Timestamp>,
}

/// The verbs of the desk.
pub trait Desk {
    /// The recordings that somebody may see, from behind `after` on.
    ///
    /// # Errors
    /// Why they can't be had.
    fn list(&self, who: &Person, filter: &Filter, after: Option<&Cursor>) -> Result<Page, NotDone>;

    /// All that is known of one.
    ///
    /// # Errors
    /// If there is none that this person may know of.
    fn story(&self, who: &Person, id: &str) -> Result<Story, NotDone>;

    /// Somebody is about to use one: it is noted before they can.
    ///
    /// # Errors
    /// Why they may not.
    fn used(&self, who: &Person, id: &str, how: &Use, now: Timestamp) -> Result<(), NotDone>;

    /// Stops the deletion of one. Returns the hold's id.
    ///
    /// # Errors
    /// Why it can't be.
    fn hold(&self, who: &Person, id: &str, hold: &NewHold, now: Timestamp) -> Result<String, NotDone>;

    /// Ends a hold.
    ///
    /// # Errors
    /// Why it can't be.
    fn release(&self, who: &Person, hold: &str, reason: &str, now: Timestamp) -> Result<(), NotDone>;

    /// The holds in force, those first that are to be looked at again first.
    ///
    /// # Errors
    /// Why they can't be had.
    fn holds(&self, who: &Person) -> Result<Vec<HoldEntry>, NotDone>;
}
