//! The order that follows from a request, and the sites that have not confirmed it.
//!
//! Belongs here: writing it down with its request, and whether that may close. Does not: what sites are told and say (`orders`).

use jiff::Timestamp;

use super::{
    super::{
        NotDone,
        orders::{CLOCKS_APART, MissingSite, OrderKind, OrderProgress, SiteLetGo},
        request::{Covered, CoveredState, RequestEntry, RequestKind},
    },
    Answer,
    act::Step,
    maybe, parsed, unreadable, word,
};
use crate::{
    Life,
    rows::{self, Connection, Row},
    text,
};

/// What stands for a site that somebody has let go of.
pub(super) const LET_GO: &str = "let-go";

/// Writes the order down that follows from a request: it is given once it lies in the store.
pub(super) async fn order_delivery(rows: &mut Connection, request: &str, now: Timestamp) -> Answer<()> {
    let before = now.saturating_add(CLOCKS_APART).unwrap_or(now);
    let insert = rows::query(
        "INSERT INTO orders (number, kind, request, before_at, ordered_at)
         SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4 FROM orders",
    );
    let insert = insert.bind(OrderKind::Deliver.as_str()).bind(request).bind(text::time(before));
    insert.bind(text::time(now)).execute(rows).await?;
    Ok(())
}

/// Writes the order down that follows from an objection, or from its end.
pub(super) async fn order_about(rows: &mut Connection, kind: OrderKind, customer: &str, now: Timestamp) -> Answer<()> {
    let insert = rows::query(
        "INSERT INTO orders (number, kind, customer, ordered_at) SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3 FROM orders",
    );
    insert.bind(kind.as_str()).bind(customer).bind(text::time(now)).execute(rows).await?;
    Ok(())
}

/// The sites that have not confirmed the order of a request, nor were let go of.
async fn missing(rows: &mut Connection, number: i64) -> Answer<Vec<MissingSite>> {
    let select = rows::query(
        "SELECT site, standing, heard_at, staying FROM sites
         WHERE NOT EXISTS (SELECT 1 FROM order_sites WHERE order_sites.number = $1 AND order_sites.site = sites.site)
         ORDER BY site",
    );
    let read = |row: &Row| -> Answer<MissingSite> {
        Ok(MissingSite {
            site: row.try_get("site")?,
            standing: word(row, "standing")?,
            last_word: maybe(row, "heard_at")?,
            staying: serde_json::from_str(row.try_get("staying")?).map_err(|_| unreadable("staying"))?,
        })
    };
    select.bind(number).fetch_all(rows).await?.iter().map(read).collect()
}

/// How far the order of a request is. None: it has none, for these are the records of one home.
pub(super) async fn progress(rows: &mut Connection, request: &str) -> Answer<Option<OrderProgress>> {
    let select = rows::query("SELECT number, given_at FROM orders WHERE request = $1 ORDER BY number DESC LIMIT 1");
    let Some(row) = select.bind(request).fetch_optional(&mut *rows).await? else { return Ok(None) };
    let number: i64 = row.try_get("number")?;
    let select =
        rows::query("SELECT site, by_whom, at FROM order_sites WHERE number = $1 AND state = $2 ORDER BY site");
    let read = |row: &Row| -> Answer<SiteLetGo> {
        let by: Option<String> = row.try_get("by_whom")?;
        Ok(SiteLetGo { site: row.try_get("site")?, by: by.unwrap_or_default(), at: parsed(row, "at")? })
    };
    let let_go =
        select.bind(number).bind(LET_GO).fetch_all(&mut *rows).await?.iter().map(read).collect::<Answer<_>>()?;
    let missing = missing(rows, number).await?;
    Ok(Some(OrderProgress {
        order: u64::try_from(number).unwrap_or(0),
        given_at: maybe(&row, "given_at")?,
        missing,
        let_go,
    }))
}

/// Model: the rule `ClosesWhenAllConfirmed`. Refuses to close a request for which a site is missing, or of which something that was erased is not gone.
pub(super) async fn all_have_confirmed(rows: &mut Connection, request: &RequestEntry) -> Step {
    const NOT_GONE: NotDone = NotDone::Conflict(
        "what was granted is not deleted yet: the next clean-up does that within the hour, `retrocall sweep` at once",
    );
    let Some(OrderProgress { order, missing, .. }) = &request.order else { return Ok(()) };
    if !missing.is_empty() {
        return Err(NotDone::SitesMissing(missing.clone()).into());
    }
    let select = rows::query_scalar::<i64>("SELECT COUNT(*) FROM order_sites WHERE number = $1");
    let has_sites = select.bind(text::count(*order)).fetch_one(rows).await? > 0;
    let is_there =
        |one: &Covered| one.state == CoveredState::Confirmed && one.life != Life::Gone && one.waits_for.is_empty();
    if has_sites && request.kind == RequestKind::Erasure && request.recordings.iter().any(is_there) {
        return Err(NOT_GONE.into());
    }
    Ok(())
}
