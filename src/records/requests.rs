//! Requests that begin with a call, or are joined by one: what the engine writes down of them.
//!
//! Belongs here: the customer's wish for a copy in the call itself (D14), recordings that come while a request is open (D16). Does not: what people
//! do with requests (`desk`).

use std::{collections::BTreeSet, path::Path};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{
    PurposeKind,
    desk::AROUND_HOURS,
    holds::{self, Holder, Noted},
    ledger::Scribe,
    policies,
    policy::Anchor,
    rows::{self, Connection},
    text,
};
use retrocall_ledger::{Deed, DeedKind, ItemId};
use retrocall_words::{CallId, Customer, book::RecordingKept};

type Written = Result<(), sqlx::Error>;

/// The customer wanted a copy: that is a request, received when the call ended, and its recording is kept for it. As any request by number it freezes
/// all that is kept of that number: what of it is sent, the officer decides.
pub(super) async fn of_call(
    rows: &mut Connection,
    scribe: &mut Scribe<'_>,
    home: &Path,
    (recording, kept): (&str, &RecordingKept),
) -> Written {
    let (request, agent) = (Uuid::now_v7(), &kept.of.call().facts.agent);
    let received = text::day(policies::desk_day(rows, kept.ends_at).await?);
    let (id, ended) = (request.to_string(), text::time(kept.ends_at));
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
    let form =
        rows::query_scalar::<Option<String>>("SELECT customer_form FROM recordings WHERE id = $1").bind(recording);
    let select = rows::query_scalar::<String>(include_str!("sql/rights/covered_by_customer.sql"));
    let select = select.bind(customer).bind(form.fetch_one(&mut *rows).await?);
    let mut covered: BTreeSet<String> = select.fetch_all(&mut *rows).await?.into_iter().collect();
    covered.insert(recording.to_owned());
    for one in covered {
        let cover = rows::query(include_str!("sql/rights/cover.sql")).bind(&id).bind(&one);
        cover.execute(&mut *rows).await?;
        keeps(rows, Some(home), &one, &id, kept.ends_at).await?;
    }
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

/// A recording that has just been registered belongs to the open requests that ask for its customer, or its agent, or its agent about that time.
/// `lines` are what deeds did to it before: of a request that has a line there the last word is said.
pub(super) async fn join(
    rows: &mut Connection,
    home: &Path,
    (id, recording): (&str, &RecordingKept),
    lines: &[Holder],
    now: Timestamp,
) -> Written {
    let call = recording.of.call();
    join_one(rows, Some((home, lines)), (id, call.id), (call.began_at, recording.ends_at), now).await
}

/// The same, wherever the records lie.
pub(super) async fn join_one(
    rows: &mut Connection,
    home: Option<(&Path, &[Holder])>,
    (id, call): (&str, CallId),
    (began, ended): (Timestamp, Timestamp),
    now: Timestamp,
) -> Written {
    let hour = SignedDuration::from_hours(AROUND_HOURS);
    let began = began.saturating_sub(hour).unwrap_or(Timestamp::MIN);
    let ended = ended.saturating_add(hour).unwrap_or(Timestamp::MAX);
    let join = rows::query(include_str!("sql/rights/join_requests.sql"))
        .bind(call.to_string())
        .bind(text::time(began))
        .bind(text::time(ended));
    if join.execute(&mut *rows).await?.rows_affected() > 0 {
        let select = rows::query_scalar::<String>("SELECT request FROM request_recordings WHERE recording = $1");
        let has_line = |request: &String| {
            let lines = home.map_or(&[][..], |(_, lines)| lines);
            lines.iter().any(|line| line.happened.is_none() && line.matter.as_ref() == Some(request))
        };
        for request in select.bind(id).fetch_all(&mut *rows).await?.iter().filter(|request| !has_line(request)) {
            keeps(rows, home.map(|(home, _)| home), id, request, now).await?;
        }
    }
    Ok(())
}

/// A request keeps a recording, which is noted beside the catalog as every deed is that keeps one.
async fn keeps(rows: &mut Connection, home: Option<&Path>, recording: &str, request: &str, now: Timestamp) -> Written {
    let since = holds::since(rows, home).await?;
    let (kind, recording, matter) = (DeedKind::RequestOpened, Some(recording), Some(request.to_owned()));
    holds::note(rows, &since, &Noted { kind, recording, matter, each: Vec::new() }, now).await.map(drop)
}
