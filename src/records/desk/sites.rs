//! The sites of a centre: who may deliver there, and how each is known.
//!
//! Belongs here: the verbs. Does not: what is signed (`site_key`), what is delivered.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{NotDone, Person, orders::OrdersNews, standing::Standing};
use crate::{
    Trouble,
    site_key::{Asked, Joining, Shown},
};

/// What a site says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteNews {
    /// The version of its link.
    pub version: String,
    /// Recordings that wait for their delivery.
    pub backlog: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// What it says of orders.
    #[serde(default)]
    pub orders: OrdersNews,
}

/// A site in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteEntry {
    /// Its id.
    pub site: String,
    /// How it stands.
    pub standing: Standing,
    /// Since when.
    pub since: Timestamp,
    /// The version of its link; none before its first word.
    pub version: Option<String>,
    /// When it was heard of last.
    pub last_word: Option<Timestamp>,
    /// Recordings that waited there then.
    pub backlog: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// Recordings of it that are kept here.
    pub kept: u64,
    /// Orders that it has not confirmed.
    pub orders: u64,
}

/// Why a request of a site is not listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAdmitted {
    /// No such site, or another key signed it.
    Unknown,
    /// The site stands so.
    Standing(Standing),
    /// The same request came before, or a later one did. Nothing is wrong with the site: it asks again with a new counter.
    Repeated,
    /// The records can't be had.
    Records(NotDone),
}

impl fmt::Display for NotAdmitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotAdmitted::Unknown => f.write_str("no site of this centre signed that: join it with `retrocall join`"),
            NotAdmitted::Standing(Standing::Quarantined) => {
                f.write_str("two homes use the key of this site: find out why, then join the right one anew")
            }
            NotAdmitted::Standing(_) => {
                f.write_str("this site was withdrawn from the centre: an administrator there makes a code to join anew")
            }
            NotAdmitted::Repeated => f.write_str("this request came before, or a later one did"),
            NotAdmitted::Records(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for NotAdmitted {}

impl From<NotDone> for NotAdmitted {
    fn from(why: NotDone) -> NotAdmitted {
        NotAdmitted::Records(why)
    }
}

impl From<Trouble> for NotAdmitted {
    fn from(trouble: Trouble) -> NotAdmitted {
        NotAdmitted::Records(trouble.into())
    }
}

/// Why a site was not enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotEnrolled {
    /// No such code was made, or it was used, or its time is over.
    Code,
    /// What it sent is not signed by the key of a ledger.
    Unsigned,
    /// The records can't be had.
    Records(NotDone),
}

impl From<NotDone> for NotEnrolled {
    fn from(why: NotDone) -> NotEnrolled {
        NotEnrolled::Records(why)
    }
}

impl fmt::Display for NotEnrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotEnrolled::Code => f.write_str(
                "no such code is good now: each is good once, for ten minutes; an administrator makes one with `retrocall centre code`",
            ),
            NotEnrolled::Unsigned => f.write_str("the key of no ledger signed that: join from the home of the engine"),
            NotEnrolled::Records(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for NotEnrolled {}

/// The verbs of sites.
pub trait Sites {
    /// Makes a code by which one site may join: the administrator alone. Its hash is kept.
    ///
    /// # Errors
    /// Why it can't be made.
    fn new_code(&self, who: &Person, code: &str, now: Timestamp) -> Result<(), NotDone>;

    /// Enrols a site, also one that was withdrawn or quarantined before. Returns its id.
    ///
    /// # Errors
    /// Why it is not enrolled.
    fn enrol(&self, joining: &Joining, now: Timestamp) -> Result<String, NotEnrolled>;

    /// All sites, by their ids: the administrator and the officer see them.
    ///
    /// # Errors
    /// Why they can't be had.
    fn sites(&self, who: &Person) -> Result<Vec<SiteEntry>, NotDone>;

    /// From now on a site may nothing: the administrator alone decides that. What it delivered stays.
    ///
    /// # Errors
    /// Why not.
    fn withdraw(&self, who: &Person, site: &str, now: Timestamp) -> Result<(), NotDone>;

    /// Whether a request is that of an enrolled site, and comes for the first time. It can't come again from here on. A counter that was used
    /// before with something else shows that two homes have one key: then the site is quarantined.
    ///
    /// # Errors
    /// Why it is not listened to.
    fn admit(&self, asked: &Asked<'_>, shown: &Shown, now: Timestamp) -> Result<(), NotAdmitted>;

    /// Notes what a site says of itself.
    ///
    /// # Errors
    /// Why it can't be noted.
    fn note_site(&self, site: &str, news: &SiteNews, now: Timestamp) -> Result<(), NotDone>;

    /// How a site stands. None: there is no such site.
    ///
    /// # Errors
    /// Why it can't be had.
    fn standing(&self, site: &str) -> Result<Option<Standing>, NotDone>;

    /// The public key of a site, as it is now.
    ///
    /// # Errors
    /// Why it can't be had.
    fn key_of_site(&self, site: &str) -> Result<Option<String>, NotDone>;
}
