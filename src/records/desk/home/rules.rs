//! Which purposes of a recording are in force now: a deed for a purpose that is over is too late, even while another one keeps the recording.
//!
//! Belongs here: what the rules (`policy`) say of a recording's rows. Does not: what is due (`sweep`).

use jiff::Timestamp;

use super::{Answer, maybe, parsed, word};
use crate::{
    PurposeKind, policies,
    policy::{self, Event, Facts, Policy, Purpose},
    rows::{self, Connection, Row},
};

/// A purpose of a recording, and until when it is in force. None: nothing is known from which that could count.
pub(super) struct Term {
    pub kind: PurposeKind,
    /// The case, request or decision that needs it; empty for the recording's own.
    pub about: String,
    pub until: Option<Timestamp>,
}

/// What the rules need to know of a recording's purposes; and of each the case, request or decision that needs it.
async fn facts(rows: &mut Connection, recording: &str) -> Answer<(Facts, Vec<String>)> {
    let select = rows::query(include_str!("../../sql/desk/facts.sql")).bind(recording);
    facts_in(&select.fetch_all(rows).await?)
}

/// The same, in rows that are sorted by purpose.
pub(super) fn facts_in(rows: &[Row]) -> Answer<(Facts, Vec<String>)> {
    let (mut facts, mut abouts) = (Facts::default(), Vec::<String>::new());
    for row in rows {
        facts.began_at = Some(parsed(row, "began_at")?);
        facts.ended_at = maybe(row, "ends_at")?;
        facts.erased_at = maybe(row, "erased_at")?;
        let (kind, about): (PurposeKind, String) = (word(row, "purpose")?, row.try_get("about")?);
        let is_next = facts.purposes.last().is_none_or(|last| last.kind != kind) || abouts.last() != Some(&about);
        if is_next {
            facts.purposes.push(Purpose { kind, events: Vec::new() });
            abouts.push(about);
        }
        let anchor: Option<&str> = row.try_get("anchor")?;
        if let (Some(_), Some(purpose)) = (anchor, facts.purposes.last_mut()) {
            let (anchor, at, date) = (word(row, "anchor")?, parsed(row, "at")?, maybe(row, "day")?);
            purpose.events.push(Event { anchor, at, date });
        }
    }
    Ok((facts, abouts))
}

/// The purposes of a recording, and until when each is in force.
pub(super) async fn terms(rows: &mut Connection, recording: &str, now: Timestamp) -> Answer<Vec<Term>> {
    let policy = policies::written(rows).await?;
    let (facts, abouts) = facts(rows, recording).await?;
    let ends = policy::ends(&facts, &policy, now).into_iter().zip(abouts);
    let of = |((kind, end), about): ((PurposeKind, Option<(Timestamp, policy::Why)>), String)| {
        let until = end.map(|(until, _)| facts.erased_at.map_or(until, |erased| until.min(erased)));
        Term { kind, about, until }
    };
    Ok(ends.map(of).collect())
}

/// Whether nobody has said in time that the case is still needed for which alone a recording is kept (D11).
pub(super) async fn is_unanswered(rows: &mut Connection, recording: &str, now: Timestamp) -> Answer<bool> {
    let (facts, _) = facts(rows, recording).await?;
    Ok(policy::unanswered_since(&facts, &policies::written(rows).await?, now).is_some())
}

/// Whether a recording had purposes of this kind, and none of them is in force any more.
pub(super) async fn is_over(rows: &mut Connection, recording: &str, kind: PurposeKind, now: Timestamp) -> Answer<bool> {
    let mut terms = terms(rows, recording, now).await?;
    terms.retain(|term| term.kind == kind);
    Ok(!terms.is_empty() && terms.iter().all(|term| term.until.is_some_and(|until| until <= now)))
}

/// Whether a sampled call that nobody has decided about may still be heard: its row has when the call began and when the recording ends.
pub(super) fn may_be_heard(row: &Row, policy: &Policy, now: Timestamp) -> Answer<bool> {
    let undecided = Purpose { kind: PurposeKind::Quality, events: Vec::new() };
    let facts = Facts {
        began_at: Some(parsed(row, "began_at")?),
        ended_at: maybe(row, "ends_at")?,
        purposes: vec![undecided],
        ..Facts::default()
    };
    let ends = policy::ends(&facts, policy, now);
    Ok(ends.iter().all(|(_, end)| end.is_none_or(|(until, _)| now < until)))
}
