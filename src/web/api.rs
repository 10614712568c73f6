//! `/api/v1`: the same deeds as JSON, for programs that show a token. `openapi.json` says what there is.
//!
//! Belongs here: what goes in and out. Does not: rights (the table of routes, and the desk's verbs).

use std::time::Duration;

use axum::{
    extract::{Path as Place, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::civil::Date;
use retrocall_records::desk::{
    Awaiting as _, Cases as _, Cursor, Desk as _, Erasures as _, Filter, Listening as _, Outlooks as _, OwnCalls as _,
    Queue as _, RequestEntry, Requests as _, ReviewOutcome, Reviews as _, SkipReason,
};
use retrocall_words::{Ask, Refusal as Reason, Target, Verdict, Word as _, afar::PressId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    afar::At,
    answer::{Answer, Refusal},
    asked::Asked,
    button::{self, Pressing},
    deciding::{Decision, NewRequest, Typed},
    look::{live, next::PLACES_SECONDS},
    pages::Shared,
};

/// The document that says what there is.
const OPENAPI: &str = include_str!("openapi.json");
/// Characters of a text.
const TEXT_CHARS_MAX: usize = 4_000;

pub(super) fn json(status: StatusCode, facts: &impl Serialize) -> Answer<Response> {
    let text = serde_json::to_string(facts).map_err(|_| Refusal::Busy)?;
    Ok((status, [(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// What a program sent.
pub(super) fn sent<T: DeserializeOwned>(asked: &Asked) -> Answer<T> {
    // A list would be read as an object's fields in their order, which is nobody's to rely on.
    if !asked.body.trim_ascii_start().starts_with(b"{") {
        return Err(Refusal::Incomplete);
    }
    serde_json::from_slice(&asked.body).map_err(|_| Refusal::Incomplete)
}

/// A text of somebody's own.
pub(super) fn text(text: &str) -> Answer<&str> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Refusal::Incomplete),
        1..=TEXT_CHARS_MAX => Ok(text),
        _ => Err(Refusal::TooLong(TEXT_CHARS_MAX)),
    }
}

pub(crate) async fn openapi() -> Response {
    let mut response = OPENAPI.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// For whom the token acts.
pub(crate) async fn me(asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let roles: Vec<&str> = who.roles.iter().map(|role| role.as_str()).collect();
    json(StatusCode::OK, &json!({ "user": who.name, "roles": roles, "agent": who.agent }))
}

pub(crate) async fn queue(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, per_week) = (asked.who()?, pages.rules.practice.review_per_week);
    json(StatusCode::OK, &pages.ask(move |desk, now| desk.queue(&who, per_week, now)).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Next {
    skip: Option<String>,
}

/// Hands out the call whose turn it is, with what its player needs.
pub(crate) async fn next(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let Next { skip } = if asked.body.is_empty() { Next { skip: None } } else { sent(&asked)? };
    let skip = skip.map(|word| SkipReason::read(&word).ok_or(Refusal::Incomplete)).transpose()?;
    let found = pages
        .ask(move |desk, now| -> Answer<serde_json::Value> {
            let Some(turn) = desk.next(&who, skip, now)? else { return Ok(json!({ "turn": null })) };
            let sound = desk.sound(&who, &turn.recording, now)?;
            Ok(json!({ "turn": turn, "sound": sound }))
        })
        .await?;
    json(StatusCode::OK, &found)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    outcome: String,
    note: Option<String>,
    at_seconds: Option<f64>,
}

/// What came of listening. By id at any time, noted as out of order.
pub(crate) async fn review(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let (who, Outcome { outcome, note, at_seconds }) = (asked.who()?, sent(&asked)?);
    let outcome = match (&*outcome, note) {
        ("no-finding", None) => ReviewOutcome::NoFinding,
        ("private-call", None) => ReviewOutcome::PrivateCall,
        ("learning-moment", Some(note)) => {
            if at_seconds.is_some_and(|at| !PLACES_SECONDS.contains(&at)) {
                return Err(Refusal::Incomplete);
            }
            ReviewOutcome::LearningMoment { note: text(&note)?.to_owned(), at_seconds }
        }
        _ => return Err(Refusal::Incomplete),
    };
    json(StatusCode::OK, &pages.ask(move |desk, now| desk.review(&who, &id, &outcome, now)).await?)
}

/// The recordings that somebody may see, the oldest first, a page at a time.
pub(crate) async fn recordings(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let after: Option<Cursor> = match asked.query.get("after") {
        Some(after) => Some(serde_json::from_str(after).map_err(|_| Refusal::Incomplete)?),
        None => None,
    };
    let page = pages.ask(move |desk, _| desk.list(&who, &Filter::default(), after.as_ref())).await?;
    // Where it goes on, as the text that `after` takes.
    let next = page.next.as_ref().and_then(|next| serde_json::to_string(next).ok());
    json(StatusCode::OK, &json!({ "recordings": page.recordings, "next": next }))
}

/// All that is known of one, and until when it is kept.
pub(crate) async fn recording(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let who = asked.who()?;
    let (retention, calendar) = (pages.rules.retention, pages.rules.calendar.clone());
    let found = pages
        .ask(move |desk, now| -> Answer<serde_json::Value> {
            let story = desk.story(&who, &id)?;
            let yesterday = calendar.day_of(now).yesterday().map_err(|_| Refusal::Busy)?;
            let today = calendar.end_of(yesterday);
            let outlooks = desk.outlooks(&who, std::slice::from_ref(&id), (retention, &calendar), today, now)?;
            Ok(json!({ "story": story, "outlook": outlooks.get(&id) }))
        })
        .await?;
    json(StatusCode::OK, &found)
}

/// What is known of the agent that somebody is: of the recordings a part, the newest first.
pub(crate) async fn mine(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let agent = who.agent.clone().ok_or(Refusal::NoSuchPage)?;
    let (calendar, after) = (pages.rules.calendar.clone(), asked.onward("after")?);
    let mine = pages
        .ask(move |desk, now| -> Answer<_> {
            let yesterday = calendar.day_of(now).yesterday().map_err(|_| Refusal::Busy)?;
            Ok(desk.mine(&who, &agent, after.as_ref(), calendar.end_of(yesterday), now)?)
        })
        .await?;
    json(StatusCode::OK, &mine)
}

/// The live calls of the agent that somebody is. Nothing of the draw.
pub(crate) async fn live(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    if let (Some(afar), Some(agent)) = (&pages.afar, &who.agent) {
        // Before the calls: what is shown is no older.
        let at = afar.at();
        let means = afar.meant(agent, None).ok().map(|found| found.call.call);
        let calls: Vec<_> = afar.calls(agent).into_iter().map(|found| found.call).collect();
        return json(StatusCode::OK, &json!({ "calls": calls, "means": means, "at": at }));
    }
    let told = pages.ask_engine(move |engine| engine.in_name_of(&who.name)?.ask(Target::Own, Ask::Calls)).await?;
    match (told.calls, told.reason) {
        (Some(calls), _) => json(StatusCode::OK, &json!({ "calls": calls })),
        (None, reason) => Err(not_told(reason)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Press {
    #[serde(rename = "do")]
    does: String,
    call: Option<String>,
    /// Its id: with the same one it is done once, however often it is asked.
    press: Option<String>,
    /// How old it was when it was sent.
    age_ms: Option<u64>,
    /// The `at` of the answer with the calls, and how long ago that was heard when somebody pressed.
    seen: Option<At>,
    since_ms: Option<u64>,
}

/// The button, and what else an agent can ask for a live call.
pub(crate) async fn press(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, Press { does, call, press, age_ms, seen, since_ms }) = (asked.who()?, sent(&asked)?);
    let (ask, call) = (live::ask_of(&does).ok_or(Refusal::Incomplete)?, live::call_of(call.as_deref())?);
    let press = press.map(|press| press.parse().map_err(|_| Refusal::Incomplete)).transpose()?;
    let press = press.unwrap_or_else(PressId::new);
    let since = Duration::from_millis(since_ms.unwrap_or(0));
    let way = seen.and_then(|seen| pages.afar.as_ref()?.since_answered(&seen, since)).unwrap_or_default();
    let age = Duration::from_millis(age_ms.unwrap_or(0)).saturating_add(way.max(pages.clock.since(asked.came_at)));
    let (told, _) = button::press(&pages, &who, Pressing { call, ask, press, age }).await;
    let told = told?;
    match told.answer {
        Verdict::Refused => Err(not_told(told.reason)),
        done => {
            let (call, seconds, text) = (told.call, told.seconds, told.text);
            json(StatusCode::OK, &json!({ "answer": done, "call": call, "seconds": seconds, "text": text }))
        }
    }
}

/// How the engine is, in counts.
pub(crate) async fn board(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let told = pages.ask_engine(move |engine| engine.in_name_of(&who.name)?.ask(Target::Own, Ask::Board)).await?;
    match (told.board, told.reason) {
        (Some(board), _) => json(StatusCode::OK, &board),
        (None, reason) => Err(not_told(reason)),
    }
}

/// Why the engine told nothing.
fn not_told(reason: Option<Reason>) -> Refusal {
    reason.map_or(Refusal::Busy, Refusal::Engine)
}

pub(crate) async fn cases(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let (retention, calendar) = (pages.rules.retention, pages.rules.calendar.clone());
    let (after, after_press) = (asked.onward("after")?, asked.onward("awaiting_after")?);
    let found = pages
        .ask(move |desk, now| -> Answer<serde_json::Value> {
            let cases = desk.cases(&who, after.as_ref())?;
            let awaiting = desk.awaiting(&who, after_press.as_ref(), (retention, &calendar), now)?;
            Ok(json!({
                "cases": cases.items, "next": cases.next, "awaiting": awaiting.items, "awaiting_next": awaiting.next,
            }))
        })
        .await?;
    json(StatusCode::OK, &found)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCase {
    recording: String,
}

pub(crate) async fn open_case(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, NewCase { recording }) = (asked.who()?, sent(&asked)?);
    let case = pages.ask(move |desk, now| desk.open_case(&who, &recording, now)).await?;
    json(StatusCode::CREATED, &json!({ "case": case }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Closing {
    outcome: String,
    judgment: Option<String>,
}

pub(crate) async fn close_case(
    State(pages): State<Shared>,
    asked: Asked,
    Place(id): Place<String>,
) -> Answer<Response> {
    let (who, Closing { outcome, judgment }) = (asked.who()?, sent(&asked)?);
    let judged = judgment.map(|day| day.parse::<Date>()).transpose().map_err(|_| Refusal::Incomplete)?;
    let outcome = text(&outcome)?.to_owned();
    pages.ask(move |desk, now| desk.close_case(&who, &id, &outcome, judged, now)).await?;
    json(StatusCode::OK, &json!({}))
}

/// The requests, a part at a time: open ones first, those that are due first; then answered ones, the last one first.
pub(crate) async fn requests(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, after) = (asked.who()?, asked.onward("after")?);
    let found = pages.ask(move |desk, _| desk.requests(&who, after.as_ref())).await?;
    json(StatusCode::OK, &json!({ "requests": found.items, "next": found.next }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entering {
    kind: String,
    customer: Option<String>,
    agent: Option<String>,
    around: Option<String>,
    recording: Option<String>,
    received_on: Option<String>,
    reason: Option<String>,
}

/// Enters a request. Anybody at the desk may; what it found, the officer alone is told.
pub(crate) async fn enter_request(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, new): (_, Entering) = (asked.who()?, sent(&asked)?);
    let request = {
        let typed = Typed {
            kind: Some(&new.kind),
            customer: new.customer.as_deref(),
            agent: new.agent.as_deref(),
            around: new.around.as_deref(),
            recording: new.recording.as_deref(),
            received_on: new.received_on.as_deref(),
            reason: new.reason.as_deref(),
        };
        NewRequest::read(&typed, pages.rules.country, &pages.rules.calendar, pages.clock.wall())?
    };
    json(StatusCode::CREATED, &pages.ask(move |desk, now| request.enter(desk, &who, now)).await?)
}

/// One request, with the proofs of what it erased.
pub(crate) async fn request(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let who = asked.who()?;
    let found = pages
        .ask(move |desk, _| -> Answer<serde_json::Value> {
            let request = desk.request(&who, &id)?;
            Ok(json!({ "request": request, "receipts": desk.receipts(&who, &id)? }))
        })
        .await?;
    json(StatusCode::OK, &found)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deciding {
    deed: String,
    recording: Option<String>,
    site: Option<String>,
    text: Option<String>,
}

/// A decision about a request: what it is afterwards.
pub(crate) async fn decide(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let (who, Deciding { deed, recording, site, text }) = (asked.who()?, sent(&asked)?);
    let decision = Decision::read(Some(&deed), recording, text.as_deref())?.about(site);
    let found = pages
        .ask(move |desk, now| -> Answer<RequestEntry> {
            decision.carry_out(desk, &who, &id, now)?;
            Ok(desk.request(&who, &id)?)
        })
        .await?;
    json(StatusCode::OK, &json!({ "request": found }))
}
