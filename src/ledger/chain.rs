//! Rows: how an event becomes a line of text, and how each line holds on to the one before.
//!
//! Belongs here: appending. Does not: where rows are stored, what time it is.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    canonical,
    event::{Event, Previous, SegmentOpened},
    hash::{Frontier, Hash, Malformed},
    names::{Moment, Month, Site},
};

/// The version of rows.
pub const VERSION: u32 = 1;

/// A row, to be stored as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its place in the segment, from 0.
    pub index: u64,
    /// The line, without the end of line.
    pub text: String,
    /// Its hash, which the next row will name.
    pub hash: Hash,
}

/// The end of a segment to which rows are appended. Its state is a short text, stored in the transaction that stores the row; a row without its
/// state, or a state without its row, breaks the chain at the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    site: Site,
    segment: Month,
    last: Hash,
    frontier: Frontier,
}

impl Chain {
    /// Opens a segment, whose first row names the segment before.
    pub fn open(site: Site, segment: Month, previous: Option<Previous>, at: Timestamp) -> (Chain, Row) {
        let last = previous.as_ref().map_or(Hash::NONE, |previous| previous.last);
        let mut chain = Chain { site, segment, last, frontier: Frontier::default() };
        let row = chain.append(at, &SegmentOpened { previous }.into());
        (chain, row)
    }

    /// Goes on from the text that [`Chain::state`] gave.
    ///
    /// # Errors
    /// If the text is no such state.
    pub fn resume(state: &str) -> Result<Chain, Malformed> {
        state.parse()
    }

    /// What to go on from.
    pub fn state(&self) -> String {
        self.to_string()
    }

    /// Appends an event. `at` is the wall clock's time, which may go back: what is in order is the rows.
    pub fn append(&mut self, at: Timestamp, event: &Event) -> Row {
        let index = self.size();
        let mut row = event.members();
        if let Value::Object(members) = &mut row {
            let common = [
                ("at", Value::from(Moment::of(at).to_string())),
                ("kind", event.kind().as_str().into()),
                ("prev", self.last.to_string().into()),
                ("row", index.into()),
                ("segment", self.segment.to_string().into()),
                ("site", self.site.as_str().into()),
                ("v", VERSION.into()),
            ];
            for (name, value) in common {
                let before = members.insert(name.to_owned(), value);
                debug_assert_eq!(before, None, "`{name}` is every row's");
            }
        }
        let mut text = String::with_capacity(512);
        canonical::write(&row, &mut text);
        debug_assert!(canonical::is_canonical(&text), "{text}");
        self.last = Hash::of_row(&text);
        self.frontier.push(self.last);
        Row { index, text, hash: self.last }
    }

    /// Whose it is.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Which month it is.
    pub fn segment(&self) -> Month {
        self.segment
    }

    /// How many rows it has.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The hash of its last row.
    pub fn last(&self) -> Hash {
        self.last
    }

    /// The root over its rows.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// What the next segment's first row says of this one.
    pub fn as_previous(&self) -> Previous {
        Previous { segment: self.segment, size: self.size(), root: self.root(), last: self.last }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chain-{VERSION} {} {} {} {}", self.site, self.segment, self.size(), self.last)?;
        self.frontier.peaks().iter().try_for_each(|peak| write!(f, " {peak}"))
    }
}

impl FromStr for Chain {
    type Err = Malformed;

    fn from_str(state: &str) -> Result<Chain, Malformed> {
        const NO_STATE: Malformed = Malformed("the state of a chain");
        let mut words = state.split(' ');
        let mut next = || words.next().ok_or(NO_STATE);
        if next()? != format!("chain-{VERSION}") {
            return Err(NO_STATE);
        }
        let (site, segment) = (next()?.parse()?, next()?.parse()?);
        let size = next()?.parse().map_err(|_| NO_STATE)?;
        let last = next()?.parse()?;
        let peaks = words.map(str::parse).collect::<Result<_, _>>()?;
        let frontier = Frontier::from_parts(size, peaks).ok_or(NO_STATE)?;
        Ok(Chain { site, segment, last, frontier })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        deed::{Deed, DeedKind},
        event::ClockAccepted,
    };

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn opened() -> (Chain, Row) {
        let segment = "2026-11".parse().expect("a month");
        Chain::open("desk-1".parse().expect("a site"), segment, None, at("2026-11-28T09:30:00.1234Z"))
    }

    #[test]
    fn a_row_is_the_line_that_the_manual_shows() {
        let (_, row) = opened();
        let zeros = "0".repeat(64);
        assert_eq!(
            row.text,
            format!(
                r#"{{"at":"2026-11-28T09:30:00.123Z","kind":"segment-opened","prev":"{zeros}","previous":null,"row":0,"segment":"2026-11","site":"desk-1","v":1}}"#
            )
        );
        assert_eq!(row.hash, Hash::of_row(&row.text));
    }

    #[test]
    fn each_row_names_the_hash_of_the_one_before() {
        let (mut chain, first) = opened();
        let second = chain.append(at("2026-11-28T09:31:00Z"), &Deed::done(DeedKind::Played).into());
        assert!(second.text.contains(&format!(r#""prev":"{}""#, first.hash)), "{}", second.text);
        assert_eq!(second.index, 1);
        let next = "2026-12".parse().expect("a month");
        let (_, third) = Chain::open(chain.site().clone(), next, Some(chain.as_previous()), at("2026-12-01T00:00:00Z"));
        assert!(third.text.contains(&format!(r#""prev":"{}""#, second.hash)), "{}", third.text);
        assert!(third.text.contains(&format!(r#""root":"{}""#, chain.root())), "{}", third.text);
    }

    #[test]
    fn a_chain_goes_on_from_its_state_as_if_it_had_never_stopped() {
        let (mut whole, _) = opened();
        let mut resumed = whole.clone();
        let key = crate::names::PseudonymKey::from_bytes([1; 32]);
        for minute in 0..70 {
            let when = at("2026-11-28T09:31:00Z") + jiff::SignedDuration::from_mins(minute);
            let event = ClockAccepted { by: key.pseudonym("anna") }.into();
            resumed = Chain::resume(&resumed.state()).expect("a state");
            assert_eq!(resumed.append(when, &event), whole.append(when, &event));
        }
        assert_eq!(resumed.root(), whole.root());
        assert_eq!(resumed, whole);
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let (chain, _) = opened();
        let state = chain.state();
        for wrong in
            ["", "chain-1", &state.replace("chain-1", "chain-2"), &state[..state.len() - 1], &format!("{state} x")]
        {
            assert!(Chain::resume(wrong).is_err(), "{wrong}");
        }
        let too_few = state.rsplit_once(' ').expect("peaks").0;
        assert!(Chain::resume(too_few).is_err());
    }
}
