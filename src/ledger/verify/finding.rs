//! What a verification finds: one list of words, each with the sentence that people read.

use std::{collections::BTreeSet, fmt};

use retrocall_words::words;
use serde::Serialize;

use crate::names::Month;

/// Findings that are named; what is beyond is counted.
const FINDINGS_MAX: usize = 10_000;

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RowId {
    /// Its segment.
    pub segment: Month,
    /// Its number there, from 0.
    pub row: u64,
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.segment, self.row)
    }
}

/// Makes a list of words, each with its sentence.
macro_rules! sentences {
    ($(#[$about:meta])* $list:ident: $($name:ident = $word:literal, $sentence:literal;)+) => {
        words! {
            $(#[$about])*
            pub enum $list {
                $(
                    #[doc = $sentence]
                    $name = $word,
                )+
            }
        }

        impl $list {
            /// The same for people.
            pub fn sentence(self) -> &'static str {
                match self {
                    $($list::$name => $sentence,)+
                }
            }
        }
    };
}

sentences! {
    /// What can be said of a month's lottery.
    Verdict:
    Witnessed = "witnessed", "The seeds were promised before the council gave its number, and a head shows it: nobody could choose the draws.";
    NotPromised = "unwitnessed-not-promised", "The hashes of the seeds are in no row and no head: the seeds could be chosen to suit.";
    NoNumber = "unwitnessed-no-number", "The council gave no number: whoever runs the engine could choose seeds that suit, before the month began.";
    NumberLate = "unwitnessed-number-late", "Calls were drawn before the council gave its number: their seeds could be chosen to suit.";
    Expired = "expired", "Promise and number stand in a segment that has expired: that they came in this order could be checked until then.";
    NoHead = "unwitnessed-no-head", "No head lies between the promise and the council's number: the seeds could be chosen after it.";
}

sentences! {
    /// What was found.
    FindingKind:
    Unreadable = "unreadable", "This row is no row in the one form that rows have.";
    Foreign = "foreign", "This row is of another site or another segment.";
    Changed = "changed", "This row was changed: the next one names another hash.";
    Removed = "removed", "This row, or several from here on, was removed.";
    Inserted = "inserted", "A row was inserted here: its number is there twice.";
    Swapped = "swapped", "This row stands in another place than where it was written.";
    NotAsSigned = "not-as-signed", "From this row on the rows are not those that a head was signed over.";
    Cut = "cut", "From this row on the end of the segment was cut off: a later head, or the next segment, counts more rows.";
    SegmentMissing = "segment-missing", "The segment before this one is missing.";
    HeadUnreadable = "head-unreadable", "A head can't be read, or the site's key has not signed it.";
    SeedNotPromised = "seed-not-promised", "The hash of the seed is not the one that was promised before the month.";
    SeedWrong = "seed-wrong", "The seed that was published is not the one whose hash was promised.";
    SeedEarly = "seed-early", "The seed was published while a call of its day had not ended.";
    NumberEarly = "number-early", "The council's number was entered before the hashes of the seeds were promised.";
    NumberAgain = "number-again", "The council's number for a month was entered twice.";
    NumberWrong = "number-wrong", "The period names another number of the council than was entered.";
    PeriodMissing = "period-missing", "A period before this one is missing.";
    PeriodAgain = "period-again", "A period of this number was opened before.";
    PeriodUnknown = "period-unknown", "This names a period that was never opened.";
    DrawWrong = "draw-wrong", "The draw of this call is not the one that seed and number give.";
    SampledUndrawn = "sampled-undrawn", "This call was sampled, and was not drawn.";
    SampledUnproved = "sampled-unproved", "This call was sampled, and nothing shows that it was drawn: it has no number, for it is known from its recording alone, as the row says.";
    SampledAgainstRule = "sampled-against-rule", "This call was sampled although it was private, objected to, exempt, or the customer was not informed.";
    DrawnUnsampled = "drawn-unsampled", "This call was drawn and not sampled, and the row gives no reason why.";
    KeptWithoutReason = "kept-without-reason", "This recording was kept without a reason that its call has.";
    NumberMissing = "number-missing", "A number of this period, or several, has neither a call nor a reason.";
    NumberTwice = "number-twice", "Two calls of this period have the same number, or one that was skipped.";
    NumbersSkipped = "numbers-skipped", "Numbers were skipped: the row says why.";
    OutOfTurn = "out-of-turn", "A sampled call was heard before its turn, and the row does not say so.";
    HeardOutOfTurn = "heard-out-of-turn", "A sampled call was heard before its turn, as the row says.";
    LetGoOutOfTurn = "let-go-out-of-turn", "A sampled call was let go of unheard, and it was not the last of the queue.";
    Steered = "steered", "Drawn calls differ from the others by more than chance would do in a thousand months.";
    NotInLedger = "not-in-ledger", "The PBX lists a call that the ledger does not have.";
    NotInList = "not-in-list", "The ledger has a call that the PBX does not list.";
    ClockRefused = "clock-refused", "The wall clock jumped.";
}

impl FindingKind {
    /// Whether it is only something to look at.
    pub fn is_notice(self) -> bool {
        use FindingKind::{ClockRefused, HeardOutOfTurn, NumbersSkipped, SampledUnproved};
        matches!(self, NumbersSkipped | HeardOutOfTurn | ClockRefused | SampledUnproved)
    }
}

/// What the works council asks of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Was the lottery fair?
    Fair,
    /// Was the sample heard in its order?
    Order,
    /// Was anything kept without a reason?
    Kept,
    /// Is the control log whole?
    Whole,
}

impl FindingKind {
    /// The question that it is an answer to: the one list of these, for the page to print and the page in a browser.
    pub fn question(self) -> Question {
        use FindingKind as Kind;
        match self {
            Kind::SeedNotPromised
            | Kind::SeedWrong
            | Kind::SeedEarly
            | Kind::NumberEarly
            | Kind::NumberAgain
            | Kind::NumberWrong
            | Kind::NumberMissing
            | Kind::NumberTwice
            | Kind::NumbersSkipped
            | Kind::NotInLedger
            | Kind::NotInList
            | Kind::PeriodMissing
            | Kind::PeriodAgain
            | Kind::PeriodUnknown
            | Kind::DrawWrong
            | Kind::SampledUnproved
            | Kind::DrawnUnsampled
            | Kind::Steered => Question::Fair,
            Kind::OutOfTurn | Kind::HeardOutOfTurn | Kind::LetGoOutOfTurn => Question::Order,
            Kind::KeptWithoutReason | Kind::SampledAgainstRule | Kind::SampledUndrawn => Question::Kept,
            Kind::Unreadable
            | Kind::Foreign
            | Kind::Changed
            | Kind::Removed
            | Kind::Inserted
            | Kind::Swapped
            | Kind::NotAsSigned
            | Kind::Cut
            | Kind::SegmentMissing
            | Kind::HeadUnreadable
            | Kind::ClockRefused => Question::Whole,
        }
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// Where, if it is about a row.
    pub place: Option<RowId>,
    /// What more there is to say of it.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "segment {}, row {}: ", place.segment, place.row)?;
        }
        f.write_str(self.kind.sentence())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " {}", self.detail) }
    }
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings {
    found: Vec<Finding>,
    known: BTreeSet<(FindingKind, Option<RowId>)>,
    pub left_out: u64,
}

impl Findings {
    /// Notes a finding about a row; the second of one kind about one row adds nothing.
    pub fn at(&mut self, kind: FindingKind, place: RowId, detail: impl Into<String>) {
        self.find(kind, Some(place), detail.into());
    }

    /// Notes a finding that is about no row. Its detail tells it from others of its kind.
    pub fn general(&mut self, kind: FindingKind, detail: impl Into<String>) {
        self.push(Finding { kind, place: None, detail: detail.into() });
    }

    fn find(&mut self, kind: FindingKind, place: Option<RowId>, detail: String) {
        if self.known.insert((kind, place)) {
            self.push(Finding { kind, place, detail });
        }
    }

    fn push(&mut self, finding: Finding) {
        if self.found.len() < FINDINGS_MAX {
            self.found.push(finding);
        } else {
            self.left_out += 1;
        }
    }

    /// Whether a row is named as one that is not where it was written, or no row at all.
    pub fn is_out_of_place(&self, place: RowId) -> bool {
        use FindingKind::{Foreign, Inserted, Swapped, Unreadable};
        [Foreign, Inserted, Swapped, Unreadable].iter().any(|kind| self.known.contains(&(*kind, Some(place))))
    }

    /// All of them, by segment and row.
    pub fn sorted(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|finding| (finding.place, finding.kind));
        self.found
    }
}
