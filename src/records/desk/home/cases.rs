//! Cases, on the catalog of a home.

use jiff::{Timestamp, civil::Date};
use retrocall_ledger::DeedKind;
use uuid::Uuid;

use super::{
    super::{
        DeskRole, NotDone, Person,
        case::{Case, CaseSearch, Cases},
        paging::{Onward, PAGE, Paged, Stretch},
    },
    Answer, FIRST, HomeDesk, LAST,
    act::{Act, Step, Stop, anchor, has_happened, still_kept},
    batch, maybe, parsed, restricting, rules, unreadable,
};
use crate::{
    PurposeKind, policies,
    policy::Anchor,
    rows::{self, Connection, Row},
    text,
};
use retrocall_words::book::Marks;

const HANDLER: &[DeskRole] = &[DeskRole::CaseHandler];
/// Who answers for a case: the officer is asked where its handler does not answer.
const ANSWERING: &[DeskRole] = &[DeskRole::CaseHandler, DeskRole::PrivacyOfficer];
const NO_CASE: NotDone = NotDone::Absent("there is no such case: `retrocall case list` shows them");
const TOO_LATE: NotDone = NotDone::Conflict(
    "the days in which this press could get a case are over, and the recording is kept for something else alone: whether it may serve a case after \
     all is another purpose, on which two people decide",
);
const IS_CLOSED: NotDone =
    NotDone::Conflict("this case is closed: take that back first with `retrocall case reopen CASE`");

impl Cases for HomeDesk {
    fn open_case(&self, who: &Person, recording: &str, now: Timestamp) -> Result<String, NotDone> {
        let new = Uuid::now_v7();
        let act = Act { matter: Some(new), ..Act::new(who, DeedKind::CaseOpened) };
        self.act(act, now, async |rows, act| {
            let insert = rows::query(include_str!("../../sql/desk/insert_case.sql"))
                .bind(new.to_string())
                .bind(act.author())
                .bind(text::time(now))
                .bind(who.is(DeskRole::CaseHandler).then_some(act.author()));
            insert.execute(&mut *rows).await?;
            add(rows, act, &new.to_string(), (recording, true), now).await?;
            Ok(new.to_string())
        })
    }

    fn attach(&self, who: &Person, case: &str, recording: &str, now: Timestamp) -> Result<(), NotDone> {
        self.act(Act::new(who, DeedKind::CaseAttached), now, async |rows, act| {
            let closed = find(rows, act, case).await?;
            add(rows, act, case, (recording, false), now).await?;
            if closed.is_some() { Err(IS_CLOSED.into()) } else { Ok(()) }
        })
    }

    fn close_case(
        &self,
        who: &Person,
        case: &str,
        outcome: &str,
        judged_on: Option<Date>,
        now: Timestamp,
    ) -> Result<(), NotDone> {
        let act = Act { text: Some(outcome), ..Act::new(who, DeedKind::CaseClosed) };
        self.act(act, now, async |rows, act| {
            find(rows, act, case).await?;
            // The salt of the outcome goes with the first of the recordings.
            act.recording = kept(rows, case).await?.into_iter().next();
            act.needs(ANSWERING)?;
            let today = policies::desk_day(rows, now).await?;
            if judged_on.is_some_and(|day| day > today) {
                return Err(
                    NotDone::Conflict("the judgment lies in the future: close the case when it is there").into()
                );
            }
            let close = rows::query(include_str!("../../sql/desk/close_case.sql"))
                .bind(case)
                .bind(act.author())
                .bind(text::time(now))
                .bind(outcome)
                .bind(judged_on.map(text::day));
            if close.execute(&mut *rows).await?.rows_affected() == 0 {
                return Err(NotDone::Conflict("this case was closed before").into());
            }
            anchor_all(rows, act, case, (Anchor::CaseClosed, now, judged_on)).await
        })
    }

    fn reopen_case(&self, who: &Person, case: &str, now: Timestamp) -> Result<(), NotDone> {
        self.act(Act::new(who, DeedKind::CaseReopened), now, async |rows, act| {
            let closed = find(rows, act, case).await?;
            act.needs(HANDLER)?;
            if closed.is_none() {
                return Err(NotDone::Conflict("this case is open").into());
            }
            if !is_in_force(rows, case, now).await? {
                return Err(NotDone::Conflict(
                    "the closing has taken effect: open another case if a recording is left",
                )
                .into());
            }
            let reopen = rows::query(include_str!("../../sql/desk/reopen_case.sql")).bind(case).bind(text::time(now));
            reopen.execute(&mut *rows).await?;
            anchor_all(rows, act, case, (Anchor::CaseReopened, now, None)).await
        })
    }

    fn still_needed(&self, who: &Person, case: &str, now: Timestamp) -> Result<(), NotDone> {
        self.act(Act::new(who, DeedKind::StillNeeded), now, async |rows, act| {
            find(rows, act, case).await?;
            act.needs(ANSWERING)?;
            let need = rows::query(include_str!("../../sql/desk/need_case.sql")).bind(case).bind(text::time(now));
            if need.execute(&mut *rows).await?.rows_affected() == 0 {
                return Err(IS_CLOSED.into());
            }
            anchor_all(rows, act, case, (Anchor::StillNeeded, now, None)).await
        })
    }

    fn cases(&self, who: &Person, after: Option<&Onward>) -> Result<Paged<Case>, NotDone> {
        needs_answering(who)?;
        let found = self.ask(false, async |rows| part(rows, who, after).await);
        // Without a catalog there are none.
        if found == Err(NotDone::Unknown) { Ok(Paged::none()) } else { found }
    }

    fn find_cases(&self, who: &Person, search: &CaseSearch) -> Result<Vec<Case>, NotDone> {
        needs_answering(who)?;
        let found = self.ask(false, async |rows| {
            let select = rows::query(include_str!("../../sql/desk/cases_found.sql"))
                .bind(text::count(PAGE as u64))
                .bind(search.from.map_or(FIRST.to_owned(), text::time))
                .bind(search.before.map_or(LAST.to_owned(), text::time))
                .bind(&search.of)
                .bind(who.is(DeskRole::PrivacyOfficer));
            let found = select.fetch_all(&mut *rows).await?;
            with_recordings(rows, who, &found).await
        });
        if found == Err(NotDone::Unknown) { Ok(Vec::new()) } else { found }
    }

    fn dismiss(&self, who: &Person, recording: &str, why: &str, now: Timestamp) -> Result<(), NotDone> {
        let act = Act { text: Some(why), ..Act::new(who, DeedKind::Dismissed) };
        self.act(act, now, async |rows, act| {
            let found = act.about(rows, recording).await?;
            act.needs(HANDLER)?;
            still_kept(&found)?;
            is_incident(rows, recording, &found.purposes).await?;
            let select = rows::query(include_str!("../../sql/desk/open_cases_of.sql")).bind(recording);
            if select.fetch_optional(&mut *rows).await?.is_some() {
                return Err(NotDone::Conflict(
                    "it belongs to an open case: close that first with `retrocall case close`",
                )
                .into());
            }
            anchor(rows, (recording, PurposeKind::Incident, ""), (Anchor::Dismissed, now, None)).await?;
            Ok(())
        })
    }
}

fn needs_answering(who: &Person) -> Result<(), NotDone> {
    if ANSWERING.iter().any(|role| who.is(*role)) { Ok(()) } else { Err(NotDone::NotAllowed(ANSWERING)) }
}

/// A part of the cases: open ones first, those that nobody has needed for the longest time; then closed ones, the last one first.
async fn part(rows: &mut Connection, who: &Person, after: Option<&Onward>) -> Answer<Paged<Case>> {
    let limit = text::count(PAGE as u64 + 1);
    let is_over = after.is_some_and(|after| after.stretch == Stretch::Over);
    let mut open = Vec::new();
    if !is_over {
        let (at, id) = after.map_or((FIRST, ""), |after| (&after.at, &after.id));
        let select = rows::query(include_str!("../../sql/desk/cases_open.sql")).bind(at).bind(id).bind(limit);
        open = select.fetch_all(&mut *rows).await?;
    }
    let mut found = Paged::of(open, |row| batch::behind(row, Stretch::Open, "needed_at"))?;
    if found.next.is_none() {
        let (at, id) = after.filter(|_| is_over).map_or((LAST, ""), |after| (&after.at, &after.id));
        let select = rows::query(include_str!("../../sql/desk/cases_closed.sql")).bind(at).bind(id).bind(limit);
        found.items.extend(select.fetch_all(&mut *rows).await?);
        found = Paged::of(found.items, |row| match row.try_get::<Option<&str>, _>("closed_at")? {
            Some(_) => batch::behind(row, Stretch::Over, "closed_at"),
            None => batch::behind(row, Stretch::Open, "needed_at"),
        })?;
    }
    Ok(Paged { items: with_recordings(rows, who, &found.items).await?, next: found.next })
}

/// Cases with those of their recordings that somebody may know of.
async fn with_recordings(rows: &mut Connection, who: &Person, found: &[Row]) -> Answer<Vec<Case>> {
    let mut cases = found.iter().map(listed).collect::<Answer<Vec<Case>>>()?;
    let ids: Vec<&str> = cases.iter().map(|case| &*case.case).collect();
    let select = batch::about(include_str!("../../sql/desk/recordings_of_cases.sql"), &ids);
    let select = select.bind(who.is(DeskRole::PrivacyOfficer));
    let mut recordings = batch::by(rows, select, "case_id", |row| Ok(row.try_get("recording")?)).await?;
    for case in &mut cases {
        case.recordings = recordings.remove(&case.case).unwrap_or_default();
    }
    Ok(cases)
}

/// Finds a case. When it was closed, if it was.
async fn find(rows: &mut Connection, act: &mut Act<'_>, case: &str) -> Step<Option<String>> {
    let found = rows::query(include_str!("../../sql/desk/case.sql")).bind(case).fetch_optional(rows).await?;
    // Whether there is such a case is known to those who may see cases.
    let row = found.ok_or(Stop::Absent(NO_CASE))?;
    act.matter = Uuid::parse_str(case).ok();
    Ok(row.try_get("closed_at")?)
}

/// Adds an incident to a case. The agent who pressed may open one.
async fn add(
    rows: &mut Connection,
    act: &mut Act<'_>,
    case: &str,
    (recording, opens): (&str, bool),
    now: Timestamp,
) -> Step {
    let found = act.about(rows, recording).await?;
    if !(opens && has_pressed(rows, act.who, recording).await?) {
        act.needs(HANDLER)?;
    }
    still_kept(&found)?;
    is_incident(rows, recording, &found.purposes).await?;
    if rules::is_over(rows, recording, PurposeKind::Incident, now).await? {
        return Err(TOO_LATE.into());
    }
    let insert = rows::query(include_str!("../../sql/desk/insert_case_recording.sql"))
        .bind(case)
        .bind(recording)
        .bind(act.author())
        .bind(text::time(now));
    if insert.execute(&mut *rows).await?.rows_affected() == 0 {
        return Err(NotDone::Conflict("it belongs to this case already").into());
    }
    let incident = PurposeKind::Incident;
    let insert = rows::query(include_str!("../../sql/desk/insert_purpose.sql"))
        .bind(recording)
        .bind(incident.as_str())
        .bind(case)
        .bind(incident.basis());
    insert.execute(&mut *rows).await?;
    anchor(rows, (recording, incident, case), (Anchor::CaseOpened, now, None)).await?;
    Ok(())
}

/// Refuses what was not recorded for an incident, or was dismissed: another purpose is for two people to decide.
async fn is_incident(rows: &mut Connection, recording: &str, purposes: &[PurposeKind]) -> Step {
    if !purposes.contains(&PurposeKind::Incident) {
        return Err(NotDone::Conflict("nobody pressed in this call: two people decide on another purpose").into());
    }
    if has_happened(rows, recording, PurposeKind::Incident, &[Anchor::Dismissed]).await? {
        return Err(NotDone::Conflict("this press was dismissed as a mistake, and goes").into());
    }
    Ok(())
}

/// Whether this person is an agent who pressed in this call.
async fn has_pressed(rows: &mut Connection, who: &Person, recording: &str) -> Step<bool> {
    let Some(agent) = who.agent.as_deref().filter(|_| who.is(DeskRole::Agent)) else { return Ok(false) };
    let row = rows::query(include_str!("../../sql/desk/marks.sql")).bind(recording).fetch_one(rows).await?;
    let marks: Marks = serde_json::from_str(row.try_get("marks")?).map_err(|_| unreadable("marks"))?;
    Ok(marks.record.iter().any(|(_, pressed_by)| pressed_by == agent))
}

/// Notes an event of a case with each of its recordings. One that was the officer's alone for want of an answer has one now.
async fn anchor_all(
    rows: &mut Connection,
    act: &mut Act<'_>,
    case: &str,
    event: (Anchor, Timestamp, Option<Date>),
) -> Step {
    for recording in kept(rows, case).await? {
        anchor(rows, (&recording, PurposeKind::Incident, case), event).await?;
        if restricting::lift(rows, &recording, event.1).await? {
            act.follows.push((DeedKind::Unrestricted, recording));
        }
    }
    Ok(())
}

/// The recordings of a case that are kept.
async fn kept(rows: &mut Connection, case: &str) -> Answer<Vec<String>> {
    let select = rows::query(include_str!("../../sql/desk/case_recordings.sql")).bind(case);
    let found = select.fetch_all(rows).await?;
    found.iter().map(|row| Ok(row.try_get("recording")?)).collect()
}

/// Whether a case needs a recording at this moment. One that is closed does until that has taken effect: it can be taken back until then, and an appeal
/// may follow.
pub(super) async fn needs(rows: &mut Connection, recording: &str, now: Timestamp) -> Answer<bool> {
    let of_case = |term: &rules::Term| term.kind == PurposeKind::Incident && !term.about.is_empty();
    let terms = rules::terms(rows, recording, now).await?;
    Ok(terms.iter().any(|term| of_case(term) && term.until.is_none_or(|until| now < until)))
}

/// Whether a case keeps any of its recordings at this moment, by the rules.
async fn is_in_force(rows: &mut Connection, case: &str, now: Timestamp) -> Step<bool> {
    for recording in kept(rows, case).await? {
        let of_case = |term: &rules::Term| term.kind == PurposeKind::Incident && term.about == case;
        let terms = rules::terms(rows, &recording, now).await?;
        if terms.iter().any(|term| of_case(term) && term.until.is_some_and(|until| now < until)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn listed(row: &Row) -> Answer<Case> {
    Ok(Case {
        case: row.try_get("id")?,
        opened_by: row.try_get("opened_by")?,
        opened_at: parsed(row, "opened_at")?,
        needed_at: parsed(row, "needed_at")?,
        closed_at: maybe(row, "closed_at")?,
        outcome: row.try_get("outcome")?,
        judged_on: maybe(row, "judged_on")?,
        recordings: Vec::new(),
    })
}
