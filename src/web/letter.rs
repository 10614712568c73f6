//! The letter that answers a request, for pages and for the command: what it says follows from what was decided.
//!
//! Belongs here: from a request to the facts of its letter. Does not: its words (`papers`), deciding (the desk's verbs).

use jiff::civil::Date;
use retrocall_papers::{Letter, LetterKind, LetterRecording};
use retrocall_records::desk::{Covered, CoveredState, RequestEntry, RequestKind, RequestOutcome, Unnumbered, UseKind};

/// A recording of the request waits to be decided, or a site has not said yet that it has none: there is no letter yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecided;

/// The letter, by what was decided so far.
///
/// # Errors
/// That a recording waits to be decided, or a site is missing.
pub fn letter_of(request: &RequestEntry, written_on: Date) -> Result<Letter, Undecided> {
    let is = |one: &&Covered, state| one.state == state;
    let of = |state| request.recordings.iter().filter(move |one| is(one, state));
    let is_refused = request.outcome == Some(RequestOutcome::Refused);
    let misses = request.order.as_ref().is_some_and(|order| !order.missing.is_empty());
    if (misses || of(CoveredState::Candidate).next().is_some()) && !is_refused {
        return Err(Undecided);
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
