//! What a row of the ledger says: one list of kinds, and the members of each.
//!
//! Belongs here: the events as types, their words, how they are read. Does not: how rows are chained (`chain`), what they must agree with (`verify`).
//!
//! To add a kind: a line in the list below and a struct of its name. A verifier that does not know it passes it over; one that changes the
//! meaning of a member that is there needs another version of rows.

use jiff::civil::Date;
use retrocall_words::{Word, words};
use serde::{Deserialize, Serialize};

use crate::{
    calls::{CallBegan, CallEnded, RecordingKept},
    deed::Deed,
    draw::{CouncilNumber, Seed},
    hash::Hash,
    names::{Moment, Month, Pseudonym, Site},
};

/// Makes of one list the words of all kinds, and the events: a variant for each, which holds the struct of its name.
macro_rules! events {
    ($($(#[$about:meta])* $name:ident = $word:literal,)+) => {
        words! {
            /// What a row is about.
            pub enum Kind {
                $($(#[$about])* $name = $word,)+
            }
        }

        /// What a row says.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event {
            $($(#[$about])* $name($name),)+
        }

        impl Event {
            /// What it is about.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Event::$name(_) => Kind::$name,)+
                }
            }

            /// Its members. Plain values only, which all have a form in JSON.
            pub(crate) fn members(&self) -> serde_json::Value {
                match self {
                    $(Event::$name(members) => serde_json::json!(members),)+
                }
            }

            /// Reads the members of a row; those of all rows are passed over.
            pub(crate) fn read(kind: Kind, text: &str) -> serde_json::Result<Event> {
                match kind {
                    $(Kind::$name => serde_json::from_str(text).map(Event::$name),)+
                }
            }
        }

        $(impl From<$name> for Event {
            fn from(members: $name) -> Event {
                Event::$name(members)
            }
        })+
    };
}

events! {
    /// The first row of a segment.
    SegmentOpened = "segment-opened",
    /// A home became a site.
    SiteOpened = "site-opened",
    /// The hashes of the seeds of a month's days: promised before the council's number is known.
    MonthCommitted = "month-committed",
    /// The council gave its number for a month, or let it be known that it gives none.
    NumberEntered = "number-entered",
    /// A period of the draw begins.
    PeriodOpened = "period-opened",
    /// A call has begun.
    CallBegan = "call-began",
    /// A call has ended.
    CallEnded = "call-ended",
    /// A recording is durable.
    RecordingKept = "recording-kept",
    /// Numbers that no call has.
    NumbersSkipped = "numbers-skipped",
    /// All calls of a day have ended: its seed is shown.
    SeedPublished = "seed-published",
    /// The wall clock jumped; no period opens and nothing is due until somebody accepts it.
    ClockRefused = "clock-refused",
    /// Somebody accepted the wall clock.
    ClockAccepted = "clock-accepted",
    /// Somebody did something with what is kept.
    Deed = "deed",
}

impl Event {
    /// Whether a word is one of a kind that this version knows.
    pub(crate) fn kind_of(word: &str) -> Option<Kind> {
        Kind::read(word)
    }
}

/// The segment before, as its successor remembers it: what is left to check against once it has expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Its month.
    pub segment: Month,
    /// How many rows it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The hash of its last row.
    pub last: Hash,
}

/// The first row of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentOpened {
    /// The segment before. None in a site's first one.
    pub previous: Option<Previous>,
}

words! {
    /// Why a site opened.
    pub enum Opening {
        /// A new home.
        NewHome = "new-home",
        /// A home that was copied: it must not go on as the one it came from.
        CopiedHome = "copied-home",
        /// The key was lost.
        LostKey = "lost-key",
        /// The catalog was restored from a backup that is older than a head.
        Restored = "restored",
    }
}

/// A home became a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteOpened {
    /// Why.
    pub why: Opening,
    /// The site that the home was before.
    pub before: Option<Site>,
}

/// The hashes of the seeds of a month's days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonthCommitted {
    /// The month.
    pub month: Month,
    /// The first day that has a seed: later than the first of the month where a site opened within it.
    pub from: Date,
    /// A hash for each day, from that one to the month's last.
    pub commitments: Vec<Hash>,
}

/// The council's number for a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumberEntered {
    /// The month. The number is part of the keys of the days whose periods open after this row.
    pub month: Month,
    /// The number; none if there is to be none.
    pub number: Option<CouncilNumber>,
}

/// A period of the draw begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeriodOpened {
    /// Its place among the site's periods, from 1, without holes.
    pub period: u64,
    /// The day whose seed it uses: a label, which no wall clock moves. A day has several periods where N changed within it.
    pub day: Date,
    /// The first number that is drawn in it.
    pub first: u64,
    /// N: one call in so many is drawn. 0: none; 1: all.
    pub one_in: u32,
    /// The hash of the day's seed.
    pub commitment: Hash,
    /// The council's number, as it was entered for the month: the draws can be checked when that row's segment has expired.
    pub council: Option<CouncilNumber>,
}

words! {
    /// Why numbers were skipped.
    pub enum Skipping {
        /// The engine did not stop cleanly: what was reserved is not given again.
        UncleanStart = "unclean-start",
        /// The catalog was restored from a backup.
        Restore = "restore",
        /// The calls were refused after they had their numbers.
        Refused = "refused",
        /// The notes of the calls did not fit into memory while the records could not be written.
        LeftOut = "left-out",
    }
}

/// Numbers that no call has, or whose calls have no row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumbersSkipped {
    /// The period.
    pub period: u64,
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
    /// Why.
    pub why: Skipping,
}

/// The last number of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodEnd {
    /// The period.
    pub period: u64,
    /// The last number that was given or skipped; one less than the first if none was.
    pub last: u64,
}

/// All calls of a day have ended: its seed is shown, and its calls can be listened to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedPublished {
    /// The day.
    pub day: Date,
    /// Its seed.
    pub seed: Seed,
    /// Its periods, and where each ended.
    pub periods: Vec<PeriodEnd>,
}

/// The wall clock jumped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClockRefused {
    /// What it says.
    pub wall: Moment,
    /// What it should say, by the time that elapsed.
    pub expected: Moment,
}

/// Somebody accepted the wall clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClockAccepted {
    /// Who.
    pub by: Pseudonym,
}
