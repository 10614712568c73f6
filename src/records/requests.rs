//! Requests that begin with a call, or are joined by one: what the engine writes down of them.
//!
//! Belongs here: the customer's wish for a copy in the call itself (D14), recordings that come while a request is open (D16). Does not: what people
//! do with requests (`desk`).

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    PurposeKind,
    ledger::Scribe,
    policy::Anchor,
    rows::{self, Connection},
    text,
};
use retrocall_ledger::{Deed, DeedKind, ItemId};
use retrocall_words::{
    CallId, Customer,
    book::{RecordingKept, day_of},
};

type Written = Result<(), sqlx::Error>;

/// The customer wanted a copy: that is a request, received when the call ended, and its recording is kept for it.
pub(super) async fn of_call(
    rows: &mut Connection,
    scribe: &mut Scribe<'_>,
    recording: &str,
    kept: &RecordingKept,
) -> Written {
    let (request, agent) = (Uuid::now_v7(), &kept.of.call().facts.agent);
    let (id, ended, received) = (request.to_string(), text::time(kept.ends_at), text::day(day_of(kept.ends_at)));
    let customer = kept.of.customer.as_ref().map(Customer::number);
    let insert = rows::query(include_str!("sql/rights/insert_copy_request.sql"))
        .bind(&id)
        .bind(customer)
        .bind(recording)
        // Without a number the call's own time says which one it was.
        .bind(customer.is_none().then(|| text::time(kept.of.call().began_at)))
        .bind(&received)
        .bind(agent)
        .bind(&ended);
    insert.execute(&mut *rows).await?;
    let cover = rows::query(include_str!("sql/rights/cover.sql")).bind(&id).bind(recording);
    cover.execute(&mut *rows).await?;
    let kind = PurposeKind::Request;
    let purpose = rows::query(include_str!("sql/desk/insert_purpose.sql"))
        .bind(recording)
        .bind(kind.as_str())
        .bind(&id)
        .bind(kind.basis());
    purpose.execute(&mut *rows).await?;
    let anchor = rows::query(include_str!("sql/desk/insert_anchor.sql"))
        .bind(recording)
        .bind(kind.as_str())
        .bind(&id)
        .bind(Anchor::RequestReceived.as_str())
        .bind(&ended)
        .bind(&received);
    anchor.execute(&mut *rows).await?;
    let deed = |key: &retrocall_ledger::PseudonymKey| Deed {
        recording: Uuid::parse_str(recording).ok().map(ItemId::from),
        matter: Some(ItemId::from(request)),
        agent: Some(key.pseudonym(agent)),
        ..Deed::done(DeedKind::RequestOpened)
    };
    scribe.deed(rows, deed).await
}

/// A sampled call of somebody who objects by now, and had not when it was drawn, is not kept for coaching.
pub(super) async fn object(rows: &mut Connection, recording: &str, now: Timestamp) -> Written {
    let anchor = rows::query(include_str!("sql/desk/insert_anchor.sql"))
        .bind(recording)
        .bind(PurposeKind::Quality.as_str())
        .bind("")
        .bind(Anchor::Objected.as_str())
        .bind(text::time(now))
        .bind(None::<&str>);
    anchor.execute(rows).await.map(drop)
}

/// A recording that has just been registered belongs to the open requests that ask for its customer, or its agent.
pub(super) async fn join(rows: &mut Connection, call: CallId) -> Written {
    let join = rows::query(include_str!("sql/rights/join_requests.sql")).bind(call.to_string());
    join.execute(rows).await.map(drop)
}
