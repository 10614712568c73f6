//! The letter that answers a request.

use jiff::civil::Date;

use super::facts;
use crate::cli::{Context, Failure};
use retrocall_papers::{Language, Letter, LetterKind, LetterRecording, Paper};
use retrocall_records::desk::{Covered, CoveredState, RequestEntry, RequestKind, RequestOutcome, Unnumbered, UseKind};
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
    Ok(letter_of(request, written_on)?.paper(&facts, language))
}

fn letter_of(request: &RequestEntry, written_on: Date) -> Result<Letter, Failure> {
    let is = |one: &&Covered, state| one.state == state;
    let of = |state| request.recordings.iter().filter(move |one| is(one, state));
    let is_refused = request.outcome == Some(RequestOutcome::Refused);
    if of(CoveredState::Candidate).next().is_some() && !is_refused {
        return Err(Failure::new(
            "a recording of this request waits to be decided",
            match request.kind {
                RequestKind::Access => "confirm or exclude each with `retrocall access`",
                RequestKind::Erasure => "decide with `retrocall erase grant` or `erase refuse`",
            },
        ));
    }
    let confirmed: Vec<&Covered> = of(CoveredState::Confirmed).collect();
    let refused: Vec<&Covered> = of(CoveredState::Refused).collect();
    let kind = match request.kind {
        _ if is_refused || confirmed.is_empty() && !refused.is_empty() => LetterKind::Refused,
        _ if confirmed.is_empty() => LetterKind::NothingHeld,
        RequestKind::Access => LetterKind::Copy,
        RequestKind::Erasure => LetterKind::Erased,
    };
    let (deferred, done): (Vec<&Covered>, Vec<&Covered>) =
        confirmed.iter().copied().partition(|one| !one.waits_for.is_empty());
    let mut recipients: Vec<String> = confirmed
        .iter()
        .flat_map(|one| &one.copies)
        .filter(|copy| copy.kind == UseKind::Disclose)
        .map(|copy| copy.to.clone())
        .collect();
    recipients.sort();
    recipients.dedup();
    Ok(Letter {
        kind,
        reference: request.request.clone(),
        received_on: request.received_on,
        due_on: request.due_on,
        written_on,
        extension: request.extension.clone(),
        ground: request.ground.clone(),
        recordings: if kind == LetterKind::Refused { Vec::new() } else { lines(&done) },
        refused: if kind == LetterKind::Erased { lines(&refused) } else { Vec::new() },
        deferred: lines(&deferred),
        unnumbered: request.unnumbered.iter().map(unnumbered).collect(),
        recipients: if kind == LetterKind::Refused { Vec::new() } else { recipients },
    })
}

fn lines(recordings: &[&Covered]) -> Vec<LetterRecording> {
    let line = |one: &&Covered| LetterRecording {
        start: one.start,
        seconds: one.seconds,
        purposes: one.purposes.iter().map(|purpose| purpose.as_str().to_owned()).collect(),
    };
    recordings.iter().map(line).collect()
}

fn unnumbered(one: &Unnumbered) -> LetterRecording {
    LetterRecording { start: one.start, seconds: one.seconds, purposes: Vec::new() }
}
