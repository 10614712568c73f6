//! Standing orders of a centre to its sites: numbered, given once they lie in the store, confirmed by each site.
//!
//! Belongs here: the verbs, and what travels. Does not: how it travels (`retrocall-link`), requests, which the orders follow from (`request`).
//!
//! What a request asks for no site is told, nor whose number it names: the order is to deliver all whose call began before it, and the centre finds among
//! that what the request is about, as it does with all that it has. So a site that was away has answered once nothing of before waits there.
//!
//! Of a customer who objects a site is told the keyed hash of the number and the key: what its own list has of those who object there.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{NotDone, Person, standing::Standing};

/// A clock may be so far off: a site's call that began before a request may say that it began so much later.
pub(crate) const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(10);
/// Recordings that a site names because of which it can't confirm yet.
pub const STAYING_MAX: usize = 20;
/// Orders that are told at once.
pub const ORDERS_MAX: usize = 100;
/// Characters of what is said of one of them.
pub(crate) const STAYING_CHARS_MAX: usize = 400;

retrocall_words::words! {
    /// What is ordered.
    pub enum OrderKind {
        /// Deliver all whose call began before a time.
        Deliver = "deliver",
        /// A customer objects to coaching: no later call of theirs is drawn.
        Objects = "objects",
        /// They no longer do.
        ObjectsNoMore = "objects-no-more",
    }
}

/// An order, as a site is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Its number, which no other order ever has.
    pub number: u64,
    /// What is ordered.
    pub kind: OrderKind,
    /// When it was given.
    pub at: Timestamp,
    /// All whose call began before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Timestamp>,
    /// Who objects: the keyed hash of their number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
}

/// A recording that lies at a site and is not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staying {
    /// Its id.
    pub recording: String,
    /// Why, in words.
    pub why: String,
}

/// What a site says of the orders that it has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersNews {
    /// Those that it has done.
    pub done: Vec<u64>,
    /// Those that it has not.
    pub open: Vec<u64>,
    /// Because of what, the first ones.
    pub staying: Vec<Staying>,
}

/// What the centre answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersAnswer {
    /// Orders that the site does not have yet.
    pub given: Vec<Order>,
    /// Of those that it named: what nobody waits for any more.
    pub over: Vec<u64>,
    /// Whether there are more.
    pub is_more: bool,
    /// The key of the hashes of those who object, in hexadecimal digits, if somebody is named here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A site that has not confirmed an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingSite {
    /// The site.
    pub site: String,
    /// How it stands.
    pub standing: Standing,
    /// When it was heard of last.
    pub last_word: Option<Timestamp>,
    /// What stays there, and why, as it said last.
    pub staying: Vec<Staying>,
}

/// A site that a request does not wait for, because somebody decided so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteLetGo {
    /// The site.
    pub site: String,
    /// Who decided that.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The order that follows from a request, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderProgress {
    /// Its number.
    pub order: u64,
    /// Since when sites are told of it. None: it does not lie in the store yet.
    pub given_at: Option<Timestamp>,
    /// Sites that have not confirmed it.
    pub missing: Vec<MissingSite>,
    /// Sites that it does not wait for.
    pub let_go: Vec<SiteLetGo>,
}

/// The verbs of orders, at a centre.
pub trait Orders {
    /// Hears what a site says of its orders, and answers with those that it does not have. A confirmation that comes twice, late, or of an unknown order
    /// changes nothing.
    ///
    /// # Errors
    /// Why it can't be heard.
    fn hear_of_orders(&self, site: &str, news: &OrdersNews, now: Timestamp) -> Result<OrdersAnswer, NotDone>;

    /// Puts orders that were written down into the store: from then on they are given. Returns how many.
    ///
    /// # Errors
    /// Why they can't be.
    fn give_orders(&self, now: Timestamp) -> Result<u64, NotDone>;

    /// Takes up again what lies in the store and these records do not know, because they come from a backup: open requests, holds, orders. To be asked
    /// before anybody is served. Returns how many there were.
    ///
    /// # Errors
    /// Why it can't be known.
    fn take_up_orders(&self, now: Timestamp) -> Result<u64, NotDone>;

    /// A request does not wait for this site: it is lost, or was withdrawn. The officer alone decides that, and says why.
    ///
    /// # Errors
    /// Why not.
    fn let_go(&self, who: &Person, request: &str, site: &str, why: &str, now: Timestamp) -> Result<(), NotDone>;
}

/// The verbs of orders, in a home whose link fetches them.
pub trait Obeying {
    /// What is to be said of the orders that are open here.
    ///
    /// # Errors
    /// Why it can't be known.
    fn orders_news(&self) -> Result<OrdersNews, NotDone>;

    /// Writes down what this centre answered.
    ///
    /// # Errors
    /// Why it can't be written.
    fn take_orders(&self, centre: &str, answer: &OrdersAnswer, now: Timestamp) -> Result<(), NotDone>;
}
