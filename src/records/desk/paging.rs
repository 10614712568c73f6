//! Lists a part at a time, and where each goes on.
//!
//! Belongs here: the text that a page hands back to get the next part. Does not: what is listed.

use std::fmt;

use retrocall_words::Word as _;
use serde::{Serialize, Serializer};

/// Entries of a part.
pub(super) const PAGE: usize = 20;
/// Characters of the two texts of a place, at most.
const AT_CHARS_MAX: usize = 40;
const ID_CHARS_MAX: usize = 64;

retrocall_words::words! {
    /// Which of its parts a list has come to.
    pub enum Stretch {
        /// What waits for somebody.
        Open = "open",
        /// What is over.
        Over = "over",
        /// A list that is not divided.
        All = "all",
    }
}

/// Where a list goes on, as a text that is handed back as it was given.
///
/// ```
/// use retrocall_records::desk::Onward;
///
/// let onward = Onward::read("open~2026-12-01~0190").expect("a place");
/// assert_eq!(onward.to_string(), "open~2026-12-01~0190");
/// assert_eq!(Onward::read("elsewhere"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onward {
    pub(super) stretch: Stretch,
    /// The day or time that the list is ordered by, and the id, of the last entry that was listed.
    pub(super) at: String,
    pub(super) id: String,
}

impl Onward {
    /// Reads what was handed back. None: it is no such place.
    pub fn read(text: &str) -> Option<Onward> {
        let mut parts = text.splitn(3, '~');
        let (stretch, at, id) = (Stretch::read(parts.next()?)?, parts.next()?, parts.next()?);
        let is_one = |text: &str, most: usize, more: &str| {
            (1..=most).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        let is_place = is_one(at, AT_CHARS_MAX, "-:.") && is_one(id, ID_CHARS_MAX, "-");
        is_place.then(|| Onward { stretch, at: at.to_owned(), id: id.to_owned() })
    }
}

impl fmt::Display for Onward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}~{}", self.stretch.as_str(), self.at, self.id)
    }
}

impl Serialize for Onward {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Paged<T> {
    /// Its entries.
    pub items: Vec<T>,
    /// Where the list goes on; none if this was the last part.
    pub next: Option<Onward>,
}

impl<T> Paged<T> {
    /// The first of these, of which there is one more than fit if the list goes on; `place` says where an entry is.
    pub(super) fn of<E>(mut items: Vec<T>, place: impl FnOnce(&T) -> Result<Onward, E>) -> Result<Paged<T>, E> {
        let goes_on = items.len() > PAGE;
        items.truncate(PAGE);
        let next = items.last().filter(|_| goes_on).map(place).transpose()?;
        Ok(Paged { items, next })
    }

    /// Nothing.
    pub(super) fn none() -> Paged<T> {
        Paged { items: Vec::new(), next: None }
    }
}
