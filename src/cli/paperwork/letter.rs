//! The letter that answers a request.

use jiff::civil::Date;

use super::facts;
use crate::cli::{Context, Failure};
use retrocall_papers::{Language, Paper};
use retrocall_records::desk::{CoveredState, NotDone, RequestEntry, RequestKind};
use retrocall_web::{Undecided, letter_of};
use retrocall_words::{Clock as _, SystemClock};

/// The letter, by what was decided so far.
pub(super) fn paper(
    context: &Context,
    request: &RequestEntry,
    language: Language,
    at: Option<Date>,
) -> Result<Paper, Failure> {
    let facts = facts::of(context, at)?;
    let written_on = at.unwrap_or_else(|| facts.calendar.day_of(SystemClock.wall()));
    let letter = letter_of(request, written_on).map_err(|Undecided| {
        let waits = request.recordings.iter().any(|one| one.state == CoveredState::Candidate);
        if let Some(order) = request.order.as_ref().filter(|_| !waits) {
            return Failure::whole(NotDone::SitesMissing(order.missing.clone()));
        }
        let step = match request.kind {
            RequestKind::Access => "confirm or exclude each with `retrocall access`",
            RequestKind::Erasure => "decide with `retrocall erase grant` or `erase refuse`",
        };
        Failure::new("a recording of this request waits to be decided", step)
    })?;
    Ok(letter.paper(&facts, language))
}
