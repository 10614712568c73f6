//! An agent's own calls, on the catalog of a home.

use std::collections::HashMap;

use jiff::Timestamp;
use retrocall_ledger::Month;

use super::{
    super::{
        DeskRole, NotDone, Note, Onward, Person,
        mine::{HEARD_MIN, Heard, Mine, OwnCalls, OwnRecording},
        paging::{PAGE, Paged, Stretch},
    },
    Answer, FIRST, HomeDesk, LAST, batch, entries,
    notes::reply_of,
    parsed, proposals, used, word,
};
use crate::{
    rows::{self, Connection, Row},
    text,
};

const SELF_OR_OFFICER: &[DeskRole] = &[DeskRole::Agent, DeskRole::PrivacyOfficer];

impl OwnCalls for HomeDesk {
    fn mine(
        &self,
        who: &Person,
        agent: &str,
        after: Option<&Onward>,
        today: Timestamp,
        now: Timestamp,
    ) -> Result<Mine, NotDone> {
        let is_own = who.is(DeskRole::Agent) && who.agent.as_deref() == Some(agent);
        if !is_own && !who.is(DeskRole::PrivacyOfficer) {
            return Err(NotDone::NotAllowed(SELF_OR_OFFICER));
        }
        let found = self.ask(false, async |rows| {
            let Paged { items: recordings, next } = recordings(rows, agent, after, today).await?;
            let heard = heard(rows, agent).await?;
            Ok(Mine { agent: agent.to_owned(), recordings, next, heard, unusual: Vec::new() })
        });
        // Without a catalog there is nothing.
        if found == Err(NotDone::Unknown) {
            let heard = Heard { heard: 0, of: 0, too_few: true };
            return Ok(Mine {
                agent: agent.to_owned(),
                recordings: Vec::new(),
                next: None,
                heard,
                unusual: Vec::new(),
            });
        }
        let mut mine = found?;
        let this = Month::at(now);
        let before = this.first_day().yesterday().map(Month::of);
        for month in before.into_iter().chain([this]) {
            let rates = self.rates(month, now)?;
            mine.unusual.extend(rates.iter().filter(|one| one.agent.as_deref() == Some(agent)).cloned());
        }
        Ok(mine)
    }
}

async fn recordings(
    rows: &mut Connection,
    agent: &str,
    after: Option<&Onward>,
    today: Timestamp,
) -> Answer<Paged<OwnRecording>> {
    let (at, id) = after.map_or((LAST, ""), |after| (&after.at, &after.id));
    let select = rows::query(include_str!("../../sql/desk/mine.sql"))
        .bind(agent)
        .bind(text::time(today))
        .bind(at)
        .bind(id)
        .bind(text::count(PAGE as u64 + 1));
    let behind = |row: &Row| batch::behind(row, Stretch::All, "began_at");
    let page = Paged::of(select.fetch_all(&mut *rows).await?, behind)?;
    let found = page.items;
    let mut recordings = entries(rows, &found).await?;
    for recording in recordings.iter_mut().filter(|recording| recording.start >= today) {
        // Whether one of today's calls was drawn is told tomorrow.
        recording.hide_draw();
    }
    let ids: Vec<&str> = found.iter().map(|row| Ok(row.try_get("id")?)).collect::<Answer<_>>()?;
    let select = batch::about(include_str!("../../sql/desk/uses_of.sql"), &ids);
    let mut uses = batch::by(rows, select, "recording", used).await?;
    let mut notes = notes(rows, &ids).await?;
    let mut asked = proposals::asked(rows, &recordings, agent).await?;
    let mut all = Vec::new();
    for recording in recordings {
        let id = &recording.id;
        let (uses, notes, asked) = (uses.remove(id), notes.remove(id), asked.remove(id).unwrap_or_default());
        // Nor by who has heard it.
        let (uses, notes) = if recording.start >= today { (None, None) } else { (uses, notes) };
        let in_sample = recording.purposes.contains(&crate::PurposeKind::Quality);
        all.push(OwnRecording {
            recording,
            in_sample,
            uses: uses.unwrap_or_default(),
            notes: notes.unwrap_or_default(),
            asked,
        });
    }
    Ok(Paged { items: all, next: page.next })
}

/// The notes of the reviewers: an agent sees no case's.
async fn notes(rows: &mut Connection, recordings: &[&str]) -> Answer<HashMap<String, Vec<Note>>> {
    let select = batch::about(include_str!("../../sql/desk/replies_of.sql"), recordings);
    let mut replies = batch::by(rows, select, "note", reply_of).await?;
    let select = batch::about(include_str!("../../sql/desk/notes_of.sql"), recordings);
    let read = |row: &Row| {
        let note: String = row.try_get("id")?;
        let (author, text, at_seconds) = (row.try_get("author")?, row.try_get("text")?, row.try_get("at_seconds")?);
        let (purpose, written_at) = (word(row, "purpose")?, parsed(row, "written_at")?);
        let replies = replies.remove(&note).unwrap_or_default();
        Ok(Note { note, purpose, author, text, at_seconds, written_at, replies })
    };
    batch::by(rows, select, "recording", read).await
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
