//! An agent's own calls, on the catalog of a home.

use jiff::Timestamp;
use retrocall_ledger::Month;
use retrocall_words::Reason;

use super::{
    super::{
        DeskRole, NotDone, Note, Person,
        mine::{HEARD_MIN, Heard, Mine, OwnCalls, OwnRecording},
    },
    Answer, FIRST, HomeDesk, listed,
    notes::replies,
    parsed, proposals, unusual, used, word,
};
use crate::{
    PurposeKind,
    rows::{self, Connection},
    text,
};

const SELF_OR_OFFICER: &[DeskRole] = &[DeskRole::Agent, DeskRole::PrivacyOfficer];

impl OwnCalls for HomeDesk {
    fn mine(&self, who: &Person, agent: &str, today: Timestamp, now: Timestamp) -> Result<Mine, NotDone> {
        let is_own = who.is(DeskRole::Agent) && who.agent.as_deref() == Some(agent);
        if !is_own && !who.is(DeskRole::PrivacyOfficer) {
            return Err(NotDone::NotAllowed(SELF_OR_OFFICER));
        }
        let found = self.ask(false, async |rows| {
            let recordings = recordings(rows, agent, today).await?;
            let heard = heard(rows, agent).await?;
            let mut unusual = Vec::new();
            let this = Month::at(now);
            let before = this.first_day().yesterday().map(Month::of);
            for month in before.into_iter().chain([this]) {
                let rates = unusual::rates(rows, month).await?;
                unusual.extend(rates.into_iter().filter(|one| one.agent.as_deref() == Some(agent)));
            }
            Ok(Mine { agent: agent.to_owned(), recordings, heard, unusual })
        });
        // Without a catalog there is nothing.
        if found == Err(NotDone::Unknown) {
            let heard = Heard { heard: 0, of: 0, too_few: true };
            return Ok(Mine { agent: agent.to_owned(), recordings: Vec::new(), heard, unusual: Vec::new() });
        }
        found
    }
}

async fn recordings(rows: &mut Connection, agent: &str, today: Timestamp) -> Answer<Vec<OwnRecording>> {
    let select = rows::query(include_str!("../../sql/desk/mine.sql")).bind(agent).bind(text::time(today));
    let mut all = Vec::new();
    for row in select.fetch_all(&mut *rows).await? {
        let mut recording = listed(rows, &row).await?;
        // Whether one of today's calls was drawn is told tomorrow.
        if recording.start >= today {
            recording.reasons.retain(|reason| *reason != Reason::Sample);
            recording.purposes.retain(|purpose| *purpose != PurposeKind::Quality);
        }
        let in_sample = recording.purposes.contains(&PurposeKind::Quality);
        let uses = rows::query(include_str!("../../sql/desk/uses.sql")).bind(&recording.id);
        let uses = uses.fetch_all(&mut *rows).await?.iter().map(used).collect::<Answer<_>>()?;
        let notes = notes(rows, &recording.id).await?;
        // Nor by who has heard it.
        let (uses, notes) = if recording.start >= today { (Vec::new(), Vec::new()) } else { (uses, notes) };
        let asked = proposals::asked(rows, &recording, agent).await?;
        all.push(OwnRecording { recording, in_sample, uses, notes, asked });
    }
    Ok(all)
}

/// The notes of the reviewers: an agent sees no case's.
async fn notes(rows: &mut Connection, recording: &str) -> Answer<Vec<Note>> {
    let mut notes = Vec::new();
    let select = rows::query(include_str!("../../sql/desk/notes.sql")).bind(recording);
    for row in select.fetch_all(&mut *rows).await? {
        let purpose: PurposeKind = word(&row, "purpose")?;
        if purpose == PurposeKind::Quality {
            let note: String = row.try_get("id")?;
            let replies = replies(rows, &note).await?;
            let (author, text, at_seconds) = (row.try_get("author")?, row.try_get("text")?, row.try_get("at_seconds")?);
            notes.push(Note {
                note,
                purpose,
                author,
                text,
                at_seconds,
                written_at: parsed(&row, "written_at")?,
                replies,
            });
        }
    }
    Ok(notes)
}

/// What was heard of an agent's calls since the last evaluation. What was heard and is gone has its receipt.
async fn heard(rows: &mut Connection, agent: &str) -> Answer<Heard> {
    let last = rows::query(include_str!("../../sql/desk/last_evaluation.sql")).bind(agent);
    let last: Option<String> = last.fetch_one(&mut *rows).await?.try_get(0)?;
    let since = last.as_deref().unwrap_or(FIRST);
    let of = rows::query(include_str!("../../sql/desk/calls_of_agent.sql")).bind(agent).bind(since);
    let of: i64 = of.fetch_one(&mut *rows).await?.try_get(0)?;
    let heard = rows::query(include_str!("../../sql/desk/heard_of_agent.sql")).bind(agent).bind(since);
    let heard: i64 = heard.fetch_one(&mut *rows).await?.try_get(0)?;
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(Heard { heard: count(heard), of: count(of), too_few: count(heard) < HEARD_MIN })
}
