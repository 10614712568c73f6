//! Notes, replies and objections, on the catalog of a home.

use jiff::Timestamp;
use retrocall_ledger::DeedKind;
use uuid::Uuid;

use super::{
    super::{
        DeskRole, NotDone, Person,
        note::{Decision, Note, Notes, Reply, ReplyKind},
    },
    Answer, HomeDesk,
    act::{Act, Step, Stop, anchor, still_kept},
    is_untold, one, parsed, restricting, word,
};
use crate::{
    PurposeKind,
    policy::Anchor,
    rows::{self, Connection},
    text,
};

const NO_NOTE: NotDone =
    NotDone::Absent("nobody has written a note about it: `retrocall recordings show ID` tells what is known");

impl Notes for HomeDesk {
    fn notes(&self, who: &Person, recording: &str) -> Result<Vec<Note>, NotDone> {
        self.ask(false, async |rows| {
            one(rows, who, recording).await?.ok_or(NotDone::Unknown)?;
            let sees_quality = who.is(DeskRole::PrivacyOfficer)
                || who.is(DeskRole::Reviewer)
                || is_in(rows, who.agent.as_deref(), recording).await? && !is_untold(rows, who, recording).await?;
            let mut notes = Vec::new();
            let select = rows::query(include_str!("../../sql/desk/notes.sql")).bind(recording);
            for row in select.fetch_all(&mut *rows).await? {
                let (note, purpose): (String, PurposeKind) = (row.try_get("id")?, word(&row, "purpose")?);
                let sees = match purpose {
                    PurposeKind::Quality => sees_quality,
                    PurposeKind::Incident => who.is(DeskRole::CaseHandler) || who.is(DeskRole::PrivacyOfficer),
                    _ => who.is(DeskRole::PrivacyOfficer),
                };
                if sees {
                    let replies = replies(rows, &note).await?;
                    let (author, text, at_seconds) =
                        (row.try_get("author")?, row.try_get("text")?, row.try_get("at_seconds")?);
                    let written_at = parsed(&row, "written_at")?;
                    notes.push(Note { note, purpose, author, text, at_seconds, written_at, replies });
                }
            }
            Ok(notes)
        })
    }

    fn reply(&self, who: &Person, id: &str, kind: ReplyKind, text: &str, now: Timestamp) -> Result<(), NotDone> {
        let deed = match kind {
            ReplyKind::Reply => DeedKind::Replied,
            ReplyKind::Objection => DeedKind::NoteObjected,
        };
        let act = Act { text: Some(text), ..Act::new(who, deed) };
        self.act(act, now, async |rows, act| {
            let (note, recording) = noted(rows, act, id).await?;
            act.needs(&[DeskRole::Agent])?;
            if who.agent.is_some() && !took_part(rows, who, &recording).await? {
                return Err(NotDone::Conflict("only an agent whose call it is can answer the note").into());
            }
            let insert = rows::query(include_str!("../../sql/desk/insert_reply.sql"))
                .bind(Uuid::now_v7().to_string())
                .bind(note)
                .bind(act.author())
                .bind(kind.as_str())
                .bind(text)
                .bind(text::time(now));
            insert.execute(&mut *rows).await?;
            if kind == ReplyKind::Objection {
                if !restricting::restrict(rows, &recording, now).await? {
                    return Err(NotDone::Conflict("an objection waits for the officer already").into());
                }
                anchor(rows, (&recording, PurposeKind::Quality, ""), (Anchor::DisputeOpened, now, None)).await?;
            }
            Ok(())
        })
    }

    fn decide(&self, who: &Person, id: &str, decision: Decision, why: &str, now: Timestamp) -> Result<(), NotDone> {
        let act = Act { text: Some(why), ..Act::new(who, DeedKind::Unrestricted) };
        self.act(act, now, async |rows, act| {
            let (note, recording) = noted(rows, act, id).await?;
            act.needs(&[DeskRole::PrivacyOfficer])?;
            let decide = rows::query(include_str!("../../sql/desk/decide_objection.sql"))
                .bind(&note)
                .bind(format!("{}: {why}", decision.as_str()))
                .bind(act.author())
                .bind(text::time(now));
            if decide.execute(&mut *rows).await?.rows_affected() == 0 {
                return Err(NotDone::Conflict("no objection to it waits for a decision").into());
            }
            let quality = (recording.as_str(), PurposeKind::Quality, "");
            anchor(rows, quality, (Anchor::DisputeSettled, now, None)).await?;
            if decision == Decision::Upheld {
                rows::query(include_str!("../../sql/desk/strike_note.sql")).bind(&note).execute(&mut *rows).await?;
                anchor(rows, quality, (Anchor::NothingFound, now, None)).await?;
            }
            restricting::lift(rows, &recording, now).await?;
            Ok(())
        })
    }
}

/// The note that is meant, and its recording.
async fn noted(rows: &mut Connection, act: &mut Act<'_>, id: &str) -> Step<(String, String)> {
    let found = rows::query(include_str!("../../sql/desk/note.sql")).bind(id).fetch_optional(&mut *rows).await?;
    let (note, of): (Option<String>, Option<String>) = match found {
        Some(row) => (Some(row.try_get("id")?), Some(row.try_get("recording")?)),
        None => (None, None),
    };
    let recording = act.about(rows, of.as_deref().unwrap_or(id)).await?;
    still_kept(&recording)?;
    Ok((note.ok_or(Stop::Absent(NO_NOTE))?, recording.id))
}

/// Whether this person is an agent who took part.
pub(super) async fn took_part(rows: &mut Connection, who: &Person, recording: &str) -> Answer<bool> {
    Ok(who.is(DeskRole::Agent) && is_in(rows, who.agent.as_deref(), recording).await?)
}

async fn is_in(rows: &mut Connection, agent: Option<&str>, recording: &str) -> Answer<bool> {
    let Some(agent) = agent else { return Ok(false) };
    let select = rows::query(include_str!("../../sql/desk/took_part.sql")).bind(recording).bind(agent);
    Ok(select.fetch_optional(rows).await?.is_some())
}

async fn replies(rows: &mut Connection, note: &str) -> Answer<Vec<Reply>> {
    let found = rows::query(include_str!("../../sql/desk/replies.sql")).bind(note).fetch_all(rows).await?;
    found.iter().map(reply_of).collect()
}

pub(super) fn reply_of(row: &rows::Row) -> Answer<Reply> {
    let (author, text, decision) = (row.try_get("author")?, row.try_get("text")?, row.try_get("decision")?);
    Ok(Reply { author, kind: word(row, "kind")?, text, written_at: parsed(row, "written_at")?, decision })
}
