//! Requests for a copy, on the catalog of a home.

use std::path::Path;

use jiff::{Timestamp, civil::Date};
use retrocall_ledger::DeedKind;
use uuid::Uuid;

use super::{
    super::{
        DeskRole, NotDone, Person,
        paging::{Onward, Paged},
        request::{
            Copying, Covered, CoveredState, Entered, RequestEntry, RequestKind, RequestLine, RequestOutcome, Requests,
            Subject,
        },
    },
    Answer, HomeDesk,
    act::{ANYBODY, Act, Each, OFFICER, Step, Stop, anchor, still_kept},
    covered::{self, Which, cover, decide, entries, find_open},
    progress,
};
use crate::{
    PurposeKind, policies,
    policy::{Anchor, Why},
    rows::{self, Connection},
    text,
};
use retrocall_words::Customer;

pub(super) const NOT_COVERED: NotDone =
    NotDone::Absent("the request does not cover this recording: `retrocall access list` shows what it does");

impl Requests for HomeDesk {
    fn open_request(&self, who: &Person, of: &Subject, received_on: Date, now: Timestamp) -> Result<Entered, NotDone> {
        let (new, is_centre) = (Uuid::now_v7(), self.is_centre());
        let act = Act { matter: Some(new), ..Act::new(who, DeedKind::RequestOpened) };
        let entered = self.act(act, now, async |rows, act| {
            act.needs(ANYBODY)?;
            if let Subject::Recording(_) = of {
                return Err(NotDone::Conflict("a copy is asked for by a number, an agent or a time").into());
            }
            let kind = RequestKind::Access;
            enter(rows, act, &NewRequest { id: new, kind, of, reason: None, received_on, is_centre }, now).await
        })?;
        self.give_now(now);
        Ok(entered)
    }

    fn confirm(
        &self,
        who: &Person,
        request: &str,
        recording: &str,
        identity: &str,
        now: Timestamp,
    ) -> Result<(), NotDone> {
        let act = Act { text: Some(identity), ..Act::new(who, DeedKind::RequestConfirmed) };
        self.act(act, now, async |rows, act| {
            let found = find_open(rows, act, request).await?;
            if found.kind == RequestKind::Erasure {
                return Err(NotDone::Conflict(
                    "this request is for erasure: `retrocall erase grant REQUEST` or `erase refuse` decides about it",
                )
                .into());
            }
            let kept = act.about(rows, recording).await?;
            still_kept(&kept)?;
            cover(rows, request, recording).await?;
            decide(rows, act, (request, recording), (CoveredState::Confirmed, Some(identity)), now).await?;
            keep_for(rows, &found, recording, now).await
        })
    }

    fn exclude(&self, who: &Person, request: &str, recording: &str, why: &str, now: Timestamp) -> Result<(), NotDone> {
        let act = Act { text: Some(why), ..Act::new(who, DeedKind::RequestExcluded) };
        self.act(act, now, async |rows, act| {
            let found = find_open(rows, act, request).await?;
            let one =
                found.recordings.iter().find(|one| one.recording == recording).ok_or(Stop::Absent(NOT_COVERED))?;
            act.recording = Some(recording.to_owned());
            let is_erased = one.erased_at.is_some() && one.state == CoveredState::Confirmed;
            // Of a request for copies it is not said by that whose recording it is.
            if is_erased && found.kind == RequestKind::Erasure {
                return Err(NotDone::Conflict("its erasure is granted already").into());
            }
            decide(rows, act, (request, recording), (CoveredState::Excluded, None), now).await?;
            // Its purpose stays, and is over: a recording that had no other one is due, not one without a purpose.
            anchor(rows, (recording, PurposeKind::Request, request), (Anchor::RequestAnswered, now, None)).await?;
            Ok(())
        })
    }

    fn extend(&self, who: &Person, request: &str, reason: &str, now: Timestamp) -> Result<(), NotDone> {
        self.act(Act::new(who, DeedKind::RequestExtended), now, async |rows, act| {
            let found = find_open(rows, act, request).await?;
            if found.extension.is_some() {
                return Err(NotDone::Conflict("it was extended before, and that can be done once").into());
            }
            let policy = policies::written(rows).await?;
            if now >= policy.at(found.entered_at).calendar.end_of(found.due_on) {
                return Err(
                    NotDone::Conflict("its answer is overdue, and can only be extended before: answer it").into()
                );
            }
            let extend = rows::query(include_str!("../../sql/rights/extend.sql"))
                .bind(request)
                .bind(text::time(now))
                .bind(reason);
            extend.execute(&mut *rows).await?;
            for one in &found.recordings {
                let purpose = (one.recording.as_str(), PurposeKind::Request, request);
                anchor(rows, purpose, (Anchor::RequestExtended, now, None)).await?;
            }
            Ok(())
        })
    }

    fn refuse(&self, who: &Person, request: &str, ground: &str, now: Timestamp) -> Result<(), NotDone> {
        let refused = self.act(Act::new(who, DeedKind::RequestRefused), now, async |rows, act| {
            let found = find_open(rows, act, request).await?;
            if found.kind == RequestKind::Erasure {
                return Err(
                    NotDone::Conflict("this request is for erasure: `retrocall erase refuse` refuses it").into()
                );
            }
            close(rows, act, &found, (RequestOutcome::Refused, Some(ground)), now).await
        });
        if refused.is_ok() {
            self.forget_request(request);
        }
        refused
    }

    fn answered(&self, who: &Person, request: &str, now: Timestamp) -> Result<RequestOutcome, NotDone> {
        let answered = self.act(Act::new(who, DeedKind::RequestAnswered), now, async |rows, act| {
            let found = find_open(rows, act, request).await?;
            let has = |state| found.recordings.iter().any(|one| one.state == state);
            if has(CoveredState::Candidate) {
                return Err(NotDone::Conflict(match found.kind {
                    RequestKind::Access => {
                        "a recording waits to be decided: `retrocall access confirm` or `access exclude` each, or refuse the request"
                    }
                    RequestKind::Erasure => {
                        "a recording waits to be decided: `retrocall erase grant REQUEST`, or `erase refuse REQUEST --ground GROUND`"
                    }
                })
                .into());
            }
            progress::all_have_confirmed(rows, &found).await?;
            let outcome = match () {
                () if has(CoveredState::Confirmed) => RequestOutcome::Granted,
                () if has(CoveredState::Refused) => RequestOutcome::Refused,
                () => RequestOutcome::NothingHeld,
            };
            close(rows, act, &found, (outcome, None), now).await?;
            Ok(outcome)
        });
        if answered.is_ok() {
            self.forget_request(request);
        }
        answered
    }

    fn requests(&self, who: &Person, after: Option<&Onward>) -> Result<Paged<RequestLine>, NotDone> {
        if !who.is(DeskRole::PrivacyOfficer) {
            return Err(NotDone::NotAllowed(OFFICER));
        }
        let found = self.ask(false, async |rows| covered::part(rows, after).await);
        // Without a catalog there are none.
        if matches!(found, Err(NotDone::Unknown)) { Ok(Paged::none()) } else { found }
    }

    fn all_requests(&self, who: &Person) -> Result<Vec<RequestEntry>, NotDone> {
        if !who.is(DeskRole::PrivacyOfficer) {
            return Err(NotDone::NotAllowed(OFFICER));
        }
        self.listed(Which::All)
    }

    fn open_requests(&self, who: &Person) -> Result<Vec<RequestEntry>, NotDone> {
        if !who.is(DeskRole::PrivacyOfficer) {
            return Err(NotDone::NotAllowed(OFFICER));
        }
        self.listed(Which::Open)
    }

    fn request(&self, who: &Person, request: &str) -> Result<RequestEntry, NotDone> {
        if !who.is(DeskRole::PrivacyOfficer) {
            return Err(NotDone::NotAllowed(OFFICER));
        }
        self.ask(false, async |rows| {
            let mut found = entries(rows, Which::One(request)).await?.pop().ok_or(covered::NO_REQUEST)?;
            if found.by_number {
                found.unnumbered = covered::unnumbered(rows, request).await?;
            }
            Ok(found)
        })
    }

    fn exporting(&self, who: &Person, request: &str, to: &str, now: Timestamp) -> Result<Vec<Copying>, NotDone> {
        self.is_open()?;
        let home = self.address.home().unwrap_or(Path::new("")).to_owned();
        self.act(Act::new(who, DeedKind::Exported), now, async |rows, act| {
            let found = find_open(rows, act, request).await?;
            if found.kind == RequestKind::Erasure {
                return Err(NotDone::Conflict("a request for erasure gives no copy").into());
            }
            let mut copying = Vec::new();
            for one in found.recordings.into_iter().filter(|one| one.state == CoveredState::Confirmed) {
                let select = rows::query(include_str!("../../sql/rights/parts.sql")).bind(&one.recording);
                let mut files = Vec::new();
                for row in select.fetch_all(&mut *rows).await? {
                    files.push(home.join(row.try_get::<&str, _>("path")?));
                }
                if files.is_empty() {
                    return Err(NotDone::Conflict(
                        "a recording is still being written: export when its call has ended",
                    )
                    .into());
                }
                note_copy(rows, act, (&one.recording, request, to), now).await?;
                copying.push(Copying { of: one, files });
            }
            if copying.is_empty() {
                return Err(
                    NotDone::Conflict("no recording is confirmed: `retrocall access confirm` each first").into()
                );
            }
            Ok(copying)
        })
    }
}

impl HomeDesk {
    fn listed(&self, which: Which<'_>) -> Result<Vec<RequestEntry>, NotDone> {
        let found = self.ask(false, async |rows| entries(rows, which).await);
        // Without a catalog there are none.
        if matches!(found, Err(NotDone::Unknown)) { Ok(Vec::new()) } else { found }
    }
}

/// A request that is to be entered.
pub(super) struct NewRequest<'a> {
    pub id: Uuid,
    pub kind: RequestKind,
    pub of: &'a Subject,
    pub reason: Option<&'a str>,
    pub received_on: Date,
    /// It is an order to sites too.
    pub is_centre: bool,
}

/// Writes a request down, and freezes what it may be about.
pub(super) async fn enter(
    rows: &mut Connection,
    act: &Act<'_>,
    request: &NewRequest<'_>,
    now: Timestamp,
) -> Step<Entered> {
    let policy = policies::written(rows).await?;
    if request.received_on > policy.at(now).calendar.day_of(now) {
        return Err(NotDone::Conflict("it can't have been received later than today").into());
    }
    let (mut number, mut agent, mut around) = ((None, None), None, None);
    match request.of {
        Subject::Customer { given, form } => number = (Some(given), form.as_ref()),
        Subject::Agent(name) => agent = Some(name.as_str()),
        Subject::Around { agent: name, at } => (agent, around) = (Some(name.as_str()), Some(text::time(*at))),
        Subject::Recording(_) => {}
    }
    let id = request.id.to_string();
    let insert = rows::query(include_str!("../../sql/rights/insert_request.sql"))
        .bind(&id)
        .bind(request.kind.as_str())
        .bind(number.0.map(Customer::number))
        .bind(number.1.map(Customer::number))
        .bind(agent)
        .bind(around)
        .bind(request.reason)
        .bind(text::day(request.received_on))
        .bind(act.author())
        .bind(text::time(now));
    insert.execute(&mut *rows).await?;
    if request.is_centre {
        progress::order_delivery(rows, &id, now).await?;
    }
    let mut candidates = Vec::new();
    for recording in covered::search(rows, request.of).await? {
        if cover(rows, &id, &recording).await? {
            candidates.push(recording);
        }
    }
    Ok(Entered {
        request: id,
        due_on: policy.request_due(request.received_on, false, now),
        candidates: Some(candidates).filter(|_| act.who.is(DeskRole::PrivacyOfficer)),
    })
}

/// A confirmed recording is kept for the request, whatever else ends.
async fn keep_for(rows: &mut Connection, request: &RequestEntry, recording: &str, now: Timestamp) -> Step {
    let kind = PurposeKind::Request;
    let purpose = (recording, kind, request.request.as_str());
    let was_excluded = |one: &Covered| one.recording == recording && one.state == CoveredState::Excluded;
    let begins_anew = request.recordings.iter().any(was_excluded);
    let select = rows::query(include_str!("../../sql/rights/is_kept_for.sql")).bind(recording).bind(&request.request);
    let is_there = select.fetch_optional(&mut *rows).await?.is_some();
    if is_there && !begins_anew {
        return Ok(());
    }
    if !is_there {
        let insert = rows::query(include_str!("../../sql/desk/insert_purpose.sql"))
            .bind(recording)
            .bind(kind.as_str())
            .bind(&request.request)
            .bind(kind.basis());
        insert.execute(&mut *rows).await?;
    }
    anchor(rows, purpose, (Anchor::RequestReceived, now, Some(request.received_on))).await?;
    if request.extension.is_some() {
        anchor(rows, purpose, (Anchor::RequestExtended, now, None)).await?;
    }
    if begins_anew {
        // The officer thinks again. The old anchors go once the new ones are there: a new one in an old one's place would not be noted beside the
        // catalog.
        let forget = rows::query(include_str!("../../sql/rights/begin_anew.sql"));
        forget.bind(recording).bind(&request.request).execute(rows).await?;
    }
    Ok(())
}

/// Ends a request. From now on it holds nothing, and says no number.
async fn close(
    rows: &mut Connection,
    act: &Act<'_>,
    request: &RequestEntry,
    (outcome, ground): (RequestOutcome, Option<&str>),
    now: Timestamp,
) -> Step {
    let answer = rows::query(include_str!("../../sql/rights/answer.sql"))
        .bind(&request.request)
        .bind(outcome.as_str())
        .bind(ground)
        .bind(act.author())
        .bind(text::time(now));
    answer.execute(&mut *rows).await?;
    for one in &request.recordings {
        let purpose = (one.recording.as_str(), PurposeKind::Request, request.request.as_str());
        anchor(rows, purpose, (Anchor::RequestAnswered, now, None)).await?;
    }
    if request.by_number {
        // The number is overwritten with the next deleted recordings, and that is written down as theirs is.
        let receipt = rows::query(include_str!("../../sql/rights/request_receipt.sql"))
            .bind(&request.request)
            .bind(Why::RequestAnswered.as_str())
            .bind(text::time(now));
        receipt.execute(rows).await?;
    }
    Ok(())
}

/// Notes a copy before it is made.
async fn note_copy(
    rows: &mut Connection,
    act: &mut Act<'_>,
    (recording, request, to): (&str, &str, &str),
    now: Timestamp,
) -> Answer<()> {
    let insert = rows::query(include_str!("../../sql/desk/insert_use.sql"))
        .bind(Uuid::now_v7().to_string())
        .bind(recording)
        .bind(act.author())
        .bind("export")
        .bind("a copy was asked for")
        .bind(request)
        .bind(to)
        .bind(text::time(now));
    insert.execute(rows).await?;
    act.each.push(Each { kind: DeedKind::Exported, recording: recording.to_owned(), text: None });
    Ok(())
}
