//! Erasure, on the catalog of a home.

use std::{mem, path::PathBuf};

use jiff::{Timestamp, civil::Date};
use retrocall_ledger::DeedKind;
use uuid::Uuid;

use super::{
    super::{
        DeskRole, NotDone, Person,
        request::{Covered, CoveredState, Entered, Erasures, ReceiptEntry, RequestEntry, RequestKind, Subject},
    },
    Answer, HomeDesk,
    act::{ANYBODY, Act, Each, OFFICER, Step, Stop, still_kept},
    cases,
    covered::{NO_REQUEST, Which, decide, entries, find_open},
    maybe, parsed,
    requests::{NOT_COVERED, NewRequest, enter},
    unreadable,
};
use crate::{
    rows::{self, Connection, Row},
    text,
};

const EACH_BY_ITSELF: NotDone = NotDone::Conflict(
    "it was found by a time, which is no person: name each with --recording ID, and with --identity HOW how it was checked whose call it was",
);
const NOTHING_WAITS: NotDone = NotDone::Conflict("no recording of this request waits to be decided");

impl Erasures for HomeDesk {
    fn erase(
        &self,
        who: &Person,
        of: &Subject,
        reason: &str,
        identity: Option<&str>,
        received_on: Date,
        now: Timestamp,
    ) -> Result<Entered, NotDone> {
        let (new, is_centre) = (Uuid::now_v7(), self.is_centre());
        let act = Act { matter: Some(new), ..Act::new(who, DeedKind::RequestOpened) };
        let entered = self.act(act, now, async |rows, act| {
            act.needs(ANYBODY)?;
            if let Subject::Recording(id) = of {
                let found = act.about(rows, id).await?;
                still_kept(&found)?;
            }
            let kind = RequestKind::Erasure;
            let request = NewRequest { id: new, kind, of, reason: Some(reason), received_on, is_centre };
            let entered = enter(rows, act, &request, now).await?;
            // A time is no person: which of these calls is theirs the officer says of each.
            if who.is(DeskRole::PrivacyOfficer) && !matches!(of, Subject::Around { .. }) {
                for recording in entered.candidates.iter().flatten() {
                    // What a case needs waits until the officer has looked at that.
                    if !cases::needs(rows, recording, now).await? {
                        grant(rows, act, (&entered.request, recording), (Some(reason), identity), now).await?;
                    }
                }
            }
            Ok(entered)
        })?;
        self.give_now(now);
        Ok(entered)
    }

    fn grant_erasure(
        &self,
        who: &Person,
        request: &str,
        recording: Option<&str>,
        identity: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, NotDone> {
        self.act(Act::new(who, DeedKind::Erased), now, async |rows, act| {
            let (found, waiting) = waiting(rows, act, request, recording).await?;
            if found.around.is_some() && (recording.is_none() || identity.is_none()) {
                return Err(EACH_BY_ITSELF.into());
            }
            for one in &waiting {
                grant(rows, act, (request, &one.recording), (None, identity), now).await?;
            }
            Ok(waiting.len() as u64)
        })
    }

    fn refuse_erasure(
        &self,
        who: &Person,
        request: &str,
        recording: Option<&str>,
        ground: &str,
        now: Timestamp,
    ) -> Result<u64, NotDone> {
        self.act(Act::new(who, DeedKind::RequestRefused), now, async |rows, act| {
            let (_, waiting) = waiting(rows, act, request, recording).await?;
            for one in &waiting {
                decide(rows, act, (request, &one.recording), (CoveredState::Refused, None), now).await?;
                let recording = one.recording.clone();
                act.each.push(Each { kind: DeedKind::RequestRefused, recording, text: None });
            }
            let set = rows::query(include_str!("../../sql/rights/set_ground.sql")).bind(request).bind(ground);
            set.execute(rows).await?;
            Ok(waiting.len() as u64)
        })
    }

    fn receipts(&self, who: &Person, request: &str) -> Result<Vec<ReceiptEntry>, NotDone> {
        if !who.is(DeskRole::PrivacyOfficer) {
            return Err(NotDone::NotAllowed(OFFICER));
        }
        self.ask(false, async |rows| {
            let RequestEntry { line, recordings, .. } =
                entries(rows, Which::One(request)).await?.pop().ok_or(NO_REQUEST)?;
            let mut all = Vec::new();
            let ids = recordings.into_iter().filter(|one| one.state == CoveredState::Confirmed);
            for id in ids.map(|one| one.recording).chain([line.request]) {
                all.extend(receipt(rows, &id).await?);
            }
            Ok(all)
        })
    }
}

/// An erasure, and the recordings of it that nobody has decided about: the one that is named, or all.
async fn waiting(
    rows: &mut Connection,
    act: &mut Act<'_>,
    request: &str,
    recording: Option<&str>,
) -> Step<(RequestEntry, Vec<Covered>)> {
    let mut found = find_open(rows, act, request).await?;
    if found.kind != RequestKind::Erasure {
        return Err(NotDone::Conflict("this request is for a copy: `retrocall access` decides about it").into());
    }
    if let Some(named) = recording
        && !found.recordings.iter().any(|one| one.recording == named)
    {
        return Err(Stop::Absent(NOT_COVERED));
    }
    let is_meant = |one: &Covered| {
        one.state == CoveredState::Candidate && recording.is_none_or(|recording| one.recording == recording)
    };
    let waiting: Vec<Covered> = mem::take(&mut found.recordings).into_iter().filter(is_meant).collect();
    if waiting.is_empty() { Err(NOTHING_WAITS.into()) } else { Ok((found, waiting)) }
}

/// Erases a recording: from now on no purpose keeps it.
async fn grant(
    rows: &mut Connection,
    act: &mut Act<'_>,
    (request, recording): (&str, &str),
    (reason, identity): (Option<&str>, Option<&str>),
    now: Timestamp,
) -> Step {
    let erase = rows::query(include_str!("../../sql/rights/erase.sql")).bind(recording).bind(text::time(now));
    erase.execute(&mut *rows).await?;
    decide(rows, act, (request, recording), (CoveredState::Confirmed, identity), now).await?;
    if let Some(identity) = identity {
        let (recording, text) = (recording.to_owned(), Some(identity.to_owned()));
        act.each.push(Each { kind: DeedKind::RequestConfirmed, recording, text });
    }
    act.each.push(Each { kind: DeedKind::Erased, recording: recording.to_owned(), text: reason.map(str::to_owned) });
    Ok(())
}

async fn receipt(rows: &mut Connection, id: &str) -> Answer<Option<ReceiptEntry>> {
    let select = rows::query(include_str!("../../sql/rights/receipts.sql")).bind(id);
    let Some(row) = select.fetch_optional(&mut *rows).await? else { return Ok(None) };
    let before: String = row.try_get("out_of_reach_at")?;
    let backups = rows::query(include_str!("../../sql/rights/backups_before.sql")).bind(before);
    let backups = backups.fetch_all(rows).await?;
    let path = |row: &Row| Ok(PathBuf::from(row.try_get::<&str, _>("path")?));
    Ok(Some(ReceiptEntry {
        recording: row.try_get("recording")?,
        reason: row.try_get("reason")?,
        out_of_reach_at: parsed(&row, "out_of_reach_at")?,
        overwritten_at: maybe(&row, "overwritten_at")?,
        exports: serde_json::from_str(row.try_get("exports")?).map_err(|_| unreadable("exports"))?,
        backups: backups.iter().map(path).collect::<Answer<_>>()?,
    }))
}
