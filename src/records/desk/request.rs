//! What customers and agents ask for: a copy (access) or erasure, from entry to answer.

use std::{ops::Deref, path::PathBuf};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{NotDone, Onward, OrderProgress, Paged, Person, UseKind};
use crate::{Life, PurposeKind, customer::in_one_form};
use retrocall_words::{CallId, Country, Customer, Direction, customer::in_plain};

retrocall_words::words! {
    /// What is asked for.
    pub enum RequestKind {
        /// A copy.
        Access = "access",
        /// Erasure.
        Erasure = "erasure",
    }
}

retrocall_words::words! {
    /// How a request was answered.
    pub enum RequestOutcome {
        /// At least one recording was sent, or erased.
        Granted = "granted",
        /// It was refused, on a ground.
        Refused = "refused",
        /// There was nothing.
        NothingHeld = "nothing-held",
    }
}

retrocall_words::words! {
    /// What was decided about a recording that a request covers.
    pub enum CoveredState {
        /// Nothing yet: it may be theirs, and is frozen.
        Candidate = "candidate",
        /// It is theirs; of an erasure: it is erased.
        Confirmed = "confirmed",
        /// It is not theirs.
        Excluded = "excluded",
        /// Of an erasure: it stays, on the request's ground.
        Refused = "refused",
    }
}

/// Whose recordings a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Those of a number, in any spelling.
    Customer {
        /// As it was given.
        given: Customer,
        /// In its one form, if it is a phone number.
        form: Option<Customer>,
    },
    /// Those in which an agent took part.
    Agent(String),
    /// Those of an agent within an hour of some time.
    Around {
        /// The agent.
        agent: String,
        /// The time.
        at: Timestamp,
    },
    /// One.
    Recording(String),
}

impl Subject {
    /// Those of a number, as whoever dials in this country means it.
    pub fn of_customer(given: Customer, country: Country) -> Subject {
        Subject::Customer { form: in_one_form(&given, country), given }
    }
}

/// How far from the time that a customer remembers a call is looked for.
pub const AROUND_HOURS: i64 = 1;

/// A copy that left the home, or was given to somebody outside: no sweep reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyOutside {
    /// How.
    pub kind: UseKind,
    /// Who has it, or where it was written.
    pub to: String,
    /// When.
    pub at: Timestamp,
}

/// A recording that a request covers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Covered {
    /// The recording.
    pub recording: String,
    /// Its call.
    pub call: CallId,
    /// When the call began.
    pub start: Timestamp,
    /// How long it is.
    pub seconds: Option<f64>,
    /// Who called whom.
    pub direction: Direction,
    /// What it is kept for; nothing once it is gone.
    pub purposes: Vec<PurposeKind>,
    /// Where it is in its life.
    pub life: Life,
    /// What was decided.
    pub state: CoveredState,
    /// How identity was checked.
    pub identity: Option<String>,
    /// When its erasure was granted.
    pub erased_at: Option<Timestamp>,
    /// Of an erasure that was granted: what it waits for. It goes when that is over.
    pub waits_for: Vec<Waiting>,
    /// Who has a copy.
    pub copies: Vec<CopyOutside>,
}

retrocall_words::words! {
    /// What an erasure waits for.
    pub enum Waiting {
        /// The officer decides: it belongs to an open case.
        Officer = "officer",
        /// A hold.
        Hold = "hold",
        /// Somebody's request for a copy.
        Request = "request",
    }
}

/// A recording that nobody's number finds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unnumbered {
    /// The recording.
    pub recording: String,
    /// When its call began.
    pub start: Timestamp,
    /// How long it is.
    pub seconds: Option<f64>,
}

/// A request, as a list has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestLine {
    /// Its id.
    pub request: String,
    /// What is asked for.
    pub kind: RequestKind,
    /// Of which number; nothing once it is answered.
    #[serde(with = "in_plain")]
    pub customer: Option<Customer>,
    /// Whether it is, or was, about a number.
    pub by_number: bool,
    /// Of which agent.
    pub agent: Option<String>,
    /// Around which time.
    pub around: Option<Timestamp>,
    /// Of an erasure: why it is asked for.
    pub reason: Option<String>,
    /// When it was received: its time counts from then.
    pub received_on: Date,
    /// The last day for its answer.
    pub due_on: Date,
    /// Who entered it.
    pub entered_by: String,
    /// When: from then on everything that it covers is frozen.
    pub entered_at: Timestamp,
    /// Why its answer takes longer, if it does.
    pub extension: Option<String>,
    /// How it was answered; none while it is open.
    pub outcome: Option<RequestOutcome>,
    /// On which ground it, or a part of it, was refused.
    pub ground: Option<String>,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// How many of the recordings that it covers wait to be decided.
    pub waiting: u64,
    /// How many are confirmed; of an erasure: erased.
    pub confirmed: u64,
}

/// A request, with what it covers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestEntry {
    /// What a list has of it.
    #[serde(flatten)]
    pub line: RequestLine,
    /// What it covers.
    pub recordings: Vec<Covered>,
    /// Recordings without a number, which may be the customer's: every answer lists them.
    pub unnumbered: Vec<Unnumbered>,
    /// At a centre: the order to its sites, and which of them have not confirmed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderProgress>,
}

/// A request is its line in a list, and more.
impl Deref for RequestEntry {
    type Target = RequestLine;

    fn deref(&self) -> &RequestLine {
        &self.line
    }
}

/// A request was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entered {
    /// Its id.
    pub request: String,
    /// The last day for its answer.
    pub due_on: Date,
    /// What it found, for the officer alone: whoever enters one must not learn whose calls were kept.
    pub candidates: Option<Vec<String>>,
}

/// A recording that is to be copied.
#[derive(Debug, Clone, PartialEq)]
pub struct Copying {
    /// What is known of it.
    pub of: Covered,
    /// Its files, in their order.
    pub files: Vec<PathBuf>,
}

/// The proof of a deletion, as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptEntry {
    /// The recording; of the request's own number: the request.
    pub recording: String,
    /// Why it went, in the words of [`crate::policy::Why`].
    pub reason: String,
    /// When it was out of reach.
    pub out_of_reach_at: Timestamp,
    /// When what it said was overwritten too.
    pub overwritten_at: Option<Timestamp>,
    /// Copies outside the home: no sweep reaches them.
    pub exports: Vec<CopyOutside>,
    /// Backups of the catalog that were made before: what it said is still in them.
    pub backups: Vec<PathBuf>,
}

/// The verbs around requests (D14 to D16). Anybody at the desk may enter one; the rest is the officer's.
pub trait Requests {
    /// Enters a request for a copy: everything that it may be about is frozen from now on.
    ///
    /// # Errors
    /// Why it can't be entered.
    fn open_request(&self, who: &Person, of: &Subject, received_on: Date, now: Timestamp) -> Result<Entered, NotDone>;

    /// A recording is the person's own. One that the search did not find is added.
    ///
    /// # Errors
    /// Why it can't be confirmed.
    fn confirm(
        &self,
        who: &Person,
        request: &str,
        recording: &str,
        identity: &str,
        now: Timestamp,
    ) -> Result<(), NotDone>;

    /// A recording is not the person's: the request does not hold it any more.
    ///
    /// # Errors
    /// Why it can't be excluded.
    fn exclude(&self, who: &Person, request: &str, recording: &str, why: &str, now: Timestamp) -> Result<(), NotDone>;

    /// The answer takes longer: once, and only before it is due.
    ///
    /// # Errors
    /// Why it can't.
    fn extend(&self, who: &Person, request: &str, reason: &str, now: Timestamp) -> Result<(), NotDone>;

    /// Refuses a request for a copy.
    ///
    /// # Errors
    /// Why it can't be refused.
    fn refuse(&self, who: &Person, request: &str, ground: &str, now: Timestamp) -> Result<(), NotDone>;

    /// The answer was sent: the request is over, and no longer says whose it was.
    ///
    /// # Errors
    /// What is still to be decided.
    fn answered(&self, who: &Person, request: &str, now: Timestamp) -> Result<RequestOutcome, NotDone>;

    /// A part of the requests, from behind `after` on: open ones first, those that are due first; then answered ones, the last one first.
    ///
    /// # Errors
    /// Why they can't be had.
    fn requests(&self, who: &Person, after: Option<&Onward>) -> Result<Paged<RequestLine>, NotDone>;

    /// All of them with what they cover, those first that were received first.
    ///
    /// # Errors
    /// Why they can't be had.
    fn all_requests(&self, who: &Person) -> Result<Vec<RequestEntry>, NotDone>;

    /// Those that are not answered yet, in the same order.
    ///
    /// # Errors
    /// Why they can't be had.
    fn open_requests(&self, who: &Person) -> Result<Vec<RequestEntry>, NotDone>;

    /// One request, with the recordings that have no number.
    ///
    /// # Errors
    /// Why it can't be had.
    fn request(&self, who: &Person, request: &str) -> Result<RequestEntry, NotDone>;

    /// The confirmed recordings are about to be copied to a place outside the home: each copy is noted before it is made.
    ///
    /// # Errors
    /// Why they may not be.
    fn exporting(&self, who: &Person, request: &str, to: &str, now: Timestamp) -> Result<Vec<Copying>, NotDone>;
}

/// The verbs around erasure (D17).
pub trait Erasures {
    /// Enters a request for erasure. Entered by the officer, what belongs to no open case is erased: the sweep deletes it, once nothing holds it. Found
    /// by a time alone, nothing is: whose call it was is to be said for each. `identity` is how it was checked who asks.
    ///
    /// # Errors
    /// Why it can't be entered.
    fn erase(
        &self,
        who: &Person,
        of: &Subject,
        reason: &str,
        identity: Option<&str>,
        received_on: Date,
        now: Timestamp,
    ) -> Result<Entered, NotDone>;

    /// The officer grants the erasure of one recording, or of all that wait, and notes how it was checked who asks. Returns how many.
    ///
    /// # Errors
    /// Why it can't be granted.
    fn grant_erasure(
        &self,
        who: &Person,
        request: &str,
        recording: Option<&str>,
        identity: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, NotDone>;

    /// The officer refuses the erasure of one recording, or of all that wait, on a ground. Returns how many.
    ///
    /// # Errors
    /// Why it can't be refused.
    fn refuse_erasure(
        &self,
        who: &Person,
        request: &str,
        recording: Option<&str>,
        ground: &str,
        now: Timestamp,
    ) -> Result<u64, NotDone>;

    /// The proofs of what a request has erased, as far as it is gone.
    ///
    /// # Errors
    /// Why they can't be had.
    fn receipts(&self, who: &Person, request: &str) -> Result<Vec<ReceiptEntry>, NotDone>;
}
