//! `/api/v1` for the privacy officer's programs: what stops deletion, what existed, what is given to somebody by law; for the council's too, how many
//! recordings go when; and, for an administrator's, that what is due goes now.
//!
//! Belongs here: what goes in and out. Does not: rights (the table of routes, and the desk's verbs).

use axum::{
    extract::{Path as Place, State},
    http::StatusCode,
    response::Response,
};
use retrocall_records::desk::{Desk as _, Disclosures as _};
use serde::Deserialize;
use serde_json::json;

use super::{
    answer::{Answer, Refusal},
    api::{json, sent, text},
    asked::Asked,
    deciding::moment,
    look::{check, disclosing, holds, sweeping},
    pages::Shared,
};

/// A text that has to be there, as one that came may be.
fn given(sent: &str) -> Answer<Option<String>> {
    Ok(Some(text(sent)?.to_owned()))
}

/// The holds in force.
pub(crate) async fn holds(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let holds = pages.ask(move |desk, _| desk.holds(&who)).await?;
    json(StatusCode::OK, &json!({ "holds": holds }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Holding {
    recording: String,
    reason: String,
    until: String,
    owner: String,
    review_on: Option<String>,
}

pub(crate) async fn hold(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, Holding { recording, reason, until, owner, review_on }) = (asked.who()?, sent(&asked)?);
    let today = pages.rules.calendar.day_of(pages.clock.wall());
    let hold = holds::typed([given(&reason)?, given(&until)?, given(&owner)?], review_on.as_deref(), today)?;
    let set = pages.ask(move |desk, now| desk.hold(&who, &recording, &hold, now)).await?;
    json(StatusCode::CREATED, &json!({ "hold": set }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Releasing {
    why: String,
}

pub(crate) async fn release(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let (who, Releasing { why }) = (asked.who()?, sent(&asked)?);
    let why = text(&why)?.to_owned();
    pages.ask(move |desk, now| desk.release(&who, &id, &why, now)).await?;
    json(StatusCode::OK, &json!({}))
}

/// What existed at some time, or now.
pub(crate) async fn inventory(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let at = match asked.query.get("at") {
        Some(text) => Some(moment(text, &pages.rules.calendar).ok_or(Refusal::Incomplete)?),
        None => None,
    };
    json(StatusCode::OK, &pages.ask(move |desk, now| desk.inventory(&who, at.unwrap_or(now))).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disclosing {
    to: String,
    ground: String,
    reference: String,
}

/// It is noted that a recording is given to somebody by law. Its files are fetched on its page, or with `retrocall disclose`.
pub(crate) async fn disclose(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let (who, Disclosing { to, ground, reference }) = (asked.who()?, sent(&asked)?);
    let how = disclosing::typed([given(&to)?, given(&ground)?, given(&reference)?])?;
    pages.ask(move |desk, now| desk.disclose(&who, &id, &how, now)).await?;
    json(StatusCode::OK, &json!({}))
}

/// How many recordings go on which day.
pub(crate) async fn going(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    json(StatusCode::OK, &json!({ "going": &*check::going(&pages, &asked).await?.found }))
}

/// What is due goes now.
pub(crate) async fn sweep(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    sweeping::ask(&pages, &asked).await?;
    json(StatusCode::OK, &json!({}))
}
