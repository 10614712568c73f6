//! What requests cover: the search, the freeze, what was decided about each recording.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{
    super::{
        NotDone,
        paging::{Onward, PAGE, Paged, Stretch},
        request::{
            AROUND_HOURS, CopyOutside, Covered, CoveredState, RequestEntry, RequestKind, RequestLine, Subject,
            Unnumbered, Waiting,
        },
    },
    Answer, FIRST, LAST,
    act::{Act, OFFICER, Step, Stop},
    batch, maybe, parsed, progress, unreadable, word,
};
use crate::{
    Life, policies,
    policy::Policy,
    rows::{self, Connection, Row},
    sweep::copies_of,
    text,
};
use retrocall_words::{Customer, Word};

pub(super) const NO_REQUEST: NotDone = NotDone::Absent("there is no such request: `retrocall access list` shows them");

/// The recordings that a request may be about.
pub(super) async fn search(rows: &mut Connection, of: &Subject) -> Answer<Vec<String>> {
    let by_agent = |agent: String, from: String, to: String| {
        rows::query(include_str!("../../sql/rights/covered_by_agent.sql")).bind(agent).bind(from).bind(to)
    };
    let select = match of {
        Subject::Customer { given, form } => rows::query(include_str!("../../sql/rights/covered_by_customer.sql"))
            .bind(given.number())
            .bind(form.as_ref().map(Customer::number)),
        Subject::Agent(agent) => by_agent(agent.clone(), FIRST.to_owned(), LAST.to_owned()),
        Subject::Around { agent, at } => {
            let hour = SignedDuration::from_hours(AROUND_HOURS);
            let from = at.saturating_sub(hour).map_or(FIRST.to_owned(), text::time);
            let to = at.saturating_add(hour).map_or(LAST.to_owned(), text::time);
            by_agent(agent.clone(), from, to)
        }
        Subject::Recording(id) => return Ok(vec![id.clone()]),
    };
    let found = select.fetch_all(rows).await?;
    found.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Freezes a recording for a request. False if that covers it already, or it is too late.
pub(super) async fn cover(rows: &mut Connection, request: &str, recording: &str) -> Answer<bool> {
    let insert = rows::query(include_str!("../../sql/rights/cover.sql")).bind(request).bind(recording);
    Ok(insert.execute(rows).await?.rows_affected() > 0)
}

/// Writes down what was decided about a recording that a request covers.
pub(super) async fn decide(
    rows: &mut Connection,
    act: &Act<'_>,
    (request, recording): (&str, &str),
    (state, identity): (CoveredState, Option<&str>),
    now: Timestamp,
) -> Answer<()> {
    let update = rows::query(include_str!("../../sql/rights/decide_covered.sql"))
        .bind(request)
        .bind(recording)
        .bind(state.as_str())
        .bind(identity)
        .bind(act.author())
        .bind(text::time(now));
    update.execute(rows).await?;
    Ok(())
}

/// A request that is not answered, for its officer.
pub(super) async fn find_open(rows: &mut Connection, act: &mut Act<'_>, request: &str) -> Step<RequestEntry> {
    let found = entries(rows, Which::One(request)).await?.pop().ok_or(Stop::Absent(NO_REQUEST))?;
    act.matter = Uuid::parse_str(request).ok();
    act.needs(OFFICER)?;
    if found.answered_at.is_some() {
        return Err(NotDone::Conflict("this request was answered before").into());
    }
    Ok(found)
}

/// Which requests are asked for.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    All,
    /// Those that are not answered.
    Open,
    One(&'a str),
}

/// Requests with what they cover.
pub(super) async fn entries(rows: &mut Connection, which: Which<'_>) -> Answer<Vec<RequestEntry>> {
    let policy = policies::written(rows).await?;
    let (request, only_open) = match which {
        Which::All => (None, false),
        Which::Open => (None, true),
        Which::One(request) => (Some(request), false),
    };
    let select = rows::query(include_str!("../../sql/rights/requests.sql")).bind(request).bind(only_open);
    let found = select.fetch_all(&mut *rows).await?;
    let mut all = Vec::new();
    for row in &found {
        let mut line = line(row, &policy)?;
        let recordings = covered(rows, &line.request, line.kind).await?;
        let count = |state| recordings.iter().filter(|one| one.state == state).count() as u64;
        (line.waiting, line.confirmed) = (count(CoveredState::Candidate), count(CoveredState::Confirmed));
        let order = match line.outcome {
            None => progress::progress(rows, &line.request).await?,
            Some(_) => None,
        };
        all.push(RequestEntry { line, recordings, unnumbered: Vec::new(), order });
    }
    Ok(all)
}

/// A request as a list has it, before anybody has counted what it covers.
fn line(row: &Row, policy: &Policy) -> Answer<RequestLine> {
    let customer: Option<String> = row.try_get("customer")?;
    let (received_on, entered_at) = (parsed(row, "received_on")?, parsed(row, "entered_at")?);
    let extension: Option<String> = row.try_get("extension_reason")?;
    let outcome: Option<&str> = row.try_get("outcome")?;
    Ok(RequestLine {
        request: row.try_get("id")?,
        kind: word(row, "kind")?,
        by_number: customer.is_some(),
        customer: customer.filter(|number| !number.is_empty()).map(Customer::from),
        agent: row.try_get("agent")?,
        around: maybe(row, "around")?,
        reason: row.try_get("reason")?,
        due_on: policy.request_due(received_on, extension.is_some(), entered_at),
        received_on,
        entered_by: row.try_get("entered_by")?,
        entered_at,
        extension,
        outcome: outcome.map(|word| Word::read(word).ok_or_else(|| unreadable("outcome"))).transpose()?,
        ground: row.try_get("ground")?,
        answered_at: maybe(row, "answered_at")?,
        waiting: 0,
        confirmed: 0,
    })
}

/// A part of the requests: open ones first, those that are due first; then answered ones, the last one first.
pub(super) async fn part(rows: &mut Connection, after: Option<&Onward>) -> Answer<Paged<RequestLine>> {
    let policy = policies::written(rows).await?;
    let is_over = after.is_some_and(|after| after.stretch == Stretch::Over);
    let mut places = Vec::new();
    if !is_over {
        places = open_places(rows, &policy).await?;
        places.retain(|place| after.is_none_or(|after| (&place.at, &place.id) > (&after.at, &after.id)));
    }
    if places.len() <= PAGE {
        let (at, id) = after.filter(|_| is_over).map_or((LAST, ""), |after| (&after.at, &after.id));
        let select = rows::query(include_str!("../../sql/rights/requests_answered.sql"));
        let select = select.bind(at).bind(id).bind(text::count(PAGE as u64 + 1));
        for row in select.fetch_all(&mut *rows).await? {
            places.push(batch::behind(&row, Stretch::Over, "answered_at")?);
        }
    }
    let Paged { items: places, next } = Paged::of(places, |place| Answer::Ok(place.clone()))?;
    let ids: Vec<&str> = places.iter().map(|place| &*place.id).collect();
    let select = batch::about(include_str!("../../sql/rights/requests_of.sql"), &ids);
    let mut lines = batch::by(rows, select, "id", |row| line(row, &policy)).await?;
    let select = batch::about(include_str!("../../sql/rights/counts_of_requests.sql"), &ids);
    let read = |row: &Row| -> Answer<(CoveredState, i64)> { Ok((word(row, "state")?, row.try_get("count")?)) };
    let counts = batch::by(rows, select, "request", read).await?;
    let mut items = Vec::new();
    for mut line in ids.into_iter().filter_map(|id| lines.remove(id)).flatten() {
        let of = |state| {
            let all = counts.get(&line.request).into_iter().flatten();
            all.filter(|(of, _)| *of == state).map(|(_, count)| u64::try_from(*count).unwrap_or(0)).sum()
        };
        (line.waiting, line.confirmed) = (of(CoveredState::Candidate), of(CoveredState::Confirmed));
        items.push(line);
    }
    Ok(Paged { items, next })
}

/// Where the open requests are in their list, those that are due first. When one is due is stored nowhere: all of them are looked at.
async fn open_places(rows: &mut Connection, policy: &Policy) -> Answer<Vec<Onward>> {
    let mut places = Vec::new();
    for row in rows::query(include_str!("../../sql/rights/requests_open.sql")).fetch_all(rows).await? {
        let is_extended = row.try_get::<Option<&str>, _>("extended_at")?.is_some();
        let due_on = policy.request_due(parsed(&row, "received_on")?, is_extended, parsed(&row, "entered_at")?);
        places.push(Onward { stretch: Stretch::Open, at: due_on.to_string(), id: row.try_get("id")? });
    }
    places.sort_by(|one, other| (&one.at, &one.id).cmp(&(&other.at, &other.id)));
    Ok(places)
}

/// The recordings that a request covers.
pub(super) async fn covered(rows: &mut Connection, request: &str, kind: RequestKind) -> Answer<Vec<Covered>> {
    let select = rows::query(include_str!("../../sql/rights/covered.sql")).bind(request);
    let mut all = Vec::new();
    for row in &select.fetch_all(&mut *rows).await? {
        all.push(one_covered(rows, row, kind).await?);
    }
    Ok(all)
}

async fn one_covered(rows: &mut Connection, row: &Row, kind: RequestKind) -> Answer<Covered> {
    let recording: String = row.try_get("recording")?;
    let (life, state): (Life, CoveredState) = (word(row, "life")?, word(row, "state")?);
    let purposes = rows::query(include_str!("../../sql/desk/purposes.sql")).bind(&recording);
    let purposes = purposes.fetch_all(&mut *rows).await?;
    let purposes = purposes.iter().map(|row| word(row, "purpose")).collect::<Answer<_>>()?;
    let copies = match life {
        Life::Gone => exports_of(rows, &recording).await?,
        _ => copies_of(rows, &recording).await?,
    };
    let stays = !life.is_over() && kind == RequestKind::Erasure;
    let waits = [
        (Waiting::Officer, state == CoveredState::Candidate),
        (Waiting::Hold, state == CoveredState::Confirmed && row.try_get("held")?),
        (Waiting::Request, state == CoveredState::Confirmed && row.try_get("asked_for")?),
    ];
    Ok(Covered {
        call: parsed(row, "call")?,
        start: parsed(row, "began_at")?,
        seconds: row.try_get("seconds")?,
        direction: word(row, "direction")?,
        identity: row.try_get("identity_check")?,
        erased_at: maybe(row, "erased_at")?,
        waits_for: waits.into_iter().filter(|(_, waits)| stays && *waits).map(|(what, _)| what).collect(),
        recording,
        purposes,
        life,
        state,
        copies,
    })
}

/// The copies of a recording that is gone, as its receipt has them.
async fn exports_of(rows: &mut Connection, recording: &str) -> Answer<Vec<CopyOutside>> {
    let select = rows::query(include_str!("../../sql/rights/receipts.sql")).bind(recording);
    let Some(row) = select.fetch_optional(rows).await? else { return Ok(Vec::new()) };
    serde_json::from_str(row.try_get("exports")?).map_err(|_| unreadable("exports"))
}

/// The recordings without a number that a request does not cover.
pub(super) async fn unnumbered(rows: &mut Connection, request: &str) -> Answer<Vec<Unnumbered>> {
    let found = rows::query(include_str!("../../sql/rights/unnumbered.sql")).bind(request).fetch_all(rows).await?;
    let one = |row: &Row| {
        let (recording, seconds) = (row.try_get("recording")?, row.try_get("seconds")?);
        Ok(Unnumbered { recording, start: parsed(row, "began_at")?, seconds })
    };
    found.iter().map(one).collect()
}
