//! Teaching material and its trainees, on the catalog of a home; and who may hear a recording at all.

use jiff::Timestamp;
use retrocall_ledger::DeedKind;

use super::{
    super::{
        DeskRole, NotDone, Person, RecordingEntry,
        teaching::{Material, Teaching},
    },
    Answer, HomeDesk,
    act::{Act, Stop, still_kept},
    notes::took_part,
    one, parsed,
    people::{NO_USER, users},
    rules,
};
use crate::{
    Life, PurposeKind,
    rows::{self, Connection},
    text,
};

/// Who names trainees: those who approve teaching material.
pub(super) const NAMING: &[DeskRole] = &[DeskRole::Reviewer, DeskRole::PrivacyOfficer];
/// Who hears recordings at all.
pub(super) const LISTENING: &[DeskRole] =
    &[DeskRole::Agent, DeskRole::Reviewer, DeskRole::CaseHandler, DeskRole::PrivacyOfficer];
const NOT_TAUGHT_WITH: NotDone = NotDone::Conflict(
    "it is no teaching material yet, or no more: `retrocall training approve ID` makes it that, `retrocall training list` shows what is",
);
const TRAINEES_ALONE: NotDone = NotDone::Conflict(
    "its time in the sample is over, and as teaching material it is played by named trainees alone: `retrocall training trainee ID --user NAME`",
);

impl Teaching for HomeDesk {
    fn name_trainee(&self, who: &Person, recording: &str, user: &str, now: Timestamp) -> Result<(), NotDone> {
        let act = Act { agent: Some(user), ..Act::new(who, DeedKind::TraineeNamed) };
        self.act(act, now, async |rows, act| {
            let found = act.about(rows, recording).await?;
            act.needs(NAMING)?;
            still_kept(&found)?;
            if !is_taught_with(rows, recording, now).await? {
                return Err(NOT_TAUGHT_WITH.into());
            }
            let account = users(rows, Some(user)).await?.pop().ok_or(Stop::Absent(NO_USER))?;
            if LISTENING.iter().all(|role| !account.roles.contains(role)) {
                return Err(NotDone::Conflict(
                    "a trainee is an agent, a reviewer, a case handler or the privacy officer: give a role with `retrocall user role`",
                )
                .into());
            }
            let insert = rows::query(include_str!("../../sql/rights/insert_trainee.sql"))
                .bind(recording)
                .bind(user)
                .bind(act.author())
                .bind(text::time(now));
            match insert.execute(rows).await?.rows_affected() {
                0 => Err(NotDone::Conflict("they are a trainee of it already").into()),
                _ => Ok(()),
            }
        })
    }

    fn withdraw_trainee(&self, who: &Person, recording: &str, user: &str, now: Timestamp) -> Result<(), NotDone> {
        let act = Act { agent: Some(user), ..Act::new(who, DeedKind::TraineeWithdrawn) };
        self.act(act, now, async |rows, act| {
            act.about(rows, recording).await?;
            act.needs(NAMING)?;
            let delete = rows::query(include_str!("../../sql/rights/delete_trainee.sql")).bind(recording).bind(user);
            match delete.execute(rows).await?.rows_affected() {
                0 => Err(NotDone::Conflict("they are no trainee of it: `retrocall training list` shows who is").into()),
                _ => Ok(()),
            }
        })
    }

    fn material(&self, who: &Person, now: Timestamp) -> Result<Vec<Material>, NotDone> {
        if !LISTENING.iter().any(|role| who.is(*role)) {
            return Err(NotDone::NotAllowed(LISTENING));
        }
        let names = NAMING.iter().any(|role| who.is(*role));
        let found = self.ask(false, async |rows| {
            let select = rows::query(include_str!("../../sql/rights/teaching.sql")).bind(names).bind(account(who));
            let mut all = Vec::new();
            for row in select.fetch_all(&mut *rows).await? {
                let recording: String = row.try_get("id")?;
                if !is_taught_with(rows, &recording, now).await? {
                    continue;
                }
                let trainees = if names { trainees(rows, &recording).await? } else { Vec::new() };
                let (seconds, reason) = (row.try_get("seconds")?, row.try_get("reason")?);
                all.push(Material { recording, seconds, reason, review_on: parsed(&row, "review_on")?, trainees });
            }
            Ok(all)
        });
        // Without a catalog there is none.
        if found == Err(NotDone::Unknown) { Ok(Vec::new()) } else { found }
    }
}

/// The account for which somebody acts.
fn account(who: &Person) -> &str {
    who.on_behalf_of.as_deref().unwrap_or(&who.name)
}

async fn trainees(rows: &mut Connection, recording: &str) -> Answer<Vec<String>> {
    let select = rows::query(include_str!("../../sql/rights/trainees.sql")).bind(recording);
    select.fetch_all(rows).await?.iter().map(|row| Ok(row.try_get("name")?)).collect()
}

/// Whether a recording is kept as teaching material at this moment.
async fn is_taught_with(rows: &mut Connection, recording: &str, now: Timestamp) -> Answer<bool> {
    let terms = rules::terms(rows, recording, now).await?;
    let lasts = |term: &rules::Term| term.until.is_some_and(|until| now < until);
    Ok(terms.iter().any(|term| term.kind == PurposeKind::Training && lasts(term)))
}

async fn is_trainee(rows: &mut Connection, who: &Person, recording: &str) -> Answer<bool> {
    let select = rows::query(include_str!("../../sql/rights/is_trainee.sql")).bind(recording).bind(account(who));
    Ok(select.fetch_optional(rows).await?.is_some())
}

/// A recording that somebody may hear: one that they may know of, or teaching material for which they are named (D6). A trainee learns nothing else of
/// it: whatever they may know of is not widened by that.
pub(super) async fn audible(
    rows: &mut Connection,
    who: &Person,
    id: &str,
    now: Timestamp,
) -> Answer<Option<RecordingEntry>> {
    let mut found = one(rows, who, id).await?;
    // From the moment on at which an answer is late; the next sweep writes it down.
    let is_incident = found.as_ref().is_some_and(|found| found.purposes.contains(&PurposeKind::Incident));
    if is_incident && !who.is(DeskRole::PrivacyOfficer) && rules::is_unanswered(rows, id, now).await? {
        found = None;
    }
    let is_lesson = is_taught_with(rows, id, now).await?;
    if is_lesson && is_trainee(rows, who, id).await? {
        let any = one(rows, &Person::owner(account(who)), id).await?;
        return Ok(any.filter(|recording| recording.life == Life::Kept));
    }
    if let Some(recording) = found.as_ref().filter(|_| is_lesson)
        && by_sample_alone(rows, who, recording).await?
        && rules::is_over(rows, id, PurposeKind::Quality, now).await?
    {
        return Err(TRAINEES_ALONE.into());
    }
    Ok(found)
}

/// Whether somebody knows of a recording by the sample alone: they neither took part, nor follow its case, nor see everything.
async fn by_sample_alone(rows: &mut Connection, who: &Person, recording: &RecordingEntry) -> Answer<bool> {
    let follows_case = who.is(DeskRole::CaseHandler) && recording.purposes.contains(&PurposeKind::Incident);
    let is_own = took_part(rows, who, &recording.id).await?;
    Ok(!who.is(DeskRole::PrivacyOfficer) && !follows_case && !is_own)
}
