//! What all rows have in common, read from a line.

use serde::Deserialize;

use crate::{canonical, chain::VERSION, hash::Hash};

/// The members that every row has.
#[derive(Deserialize)]
pub(crate) struct Line<'a> {
    v: u32,
    pub site: &'a str,
    pub segment: &'a str,
    pub row: u64,
    pub at: &'a str,
    pub kind: &'a str,
    pub prev: Hash,
}

impl<'a> Line<'a> {
    /// Reads a row. None if it is no row of this version in its one form.
    pub fn read(text: &'a str) -> Option<Line<'a>> {
        let line: Line = canonical::is_canonical(text).then(|| serde_json::from_str(text).ok()).flatten()?;
        (line.v == VERSION).then_some(line)
    }
}
