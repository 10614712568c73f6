//! Orders of a centre, in the catalog of a home whose link fetches them.

use jiff::{SignedDuration, Timestamp};
use retrocall_ledger::{Deed, DeedKind};

use super::{
    super::{
        NotDone,
        orders::{Obeying, Order, OrderKind, OrdersAnswer, OrdersNews, STAYING_MAX, Staying},
    },
    Answer, HomeDesk, maybe, parsed, word,
};
use crate::{
    beside,
    ledger::by_rule,
    objections::{self, Line},
    rows::{self, Connection, Row},
    text, unwritten,
};

/// While nothing is ordered, it is noted so often that the centre was heard.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// Recordings that lie here: kept, being deleted, or delivered with a copy that has not gone yet.
const HERE: &str = "FROM recordings LEFT JOIN deliveries ON deliveries.recording = recordings.id
     WHERE (recordings.life IN ('kept', 'restricted', 'deleting') OR deliveries.state IN ('leaving', 'going'))";

/// Orders that are open here.
async fn open(rows: &mut Connection) -> Answer<Vec<Order>> {
    let select = rows::query(
        "SELECT number, kind, before_at, customer, heard_at FROM standing_orders WHERE over_at IS NULL ORDER BY number",
    );
    let read = |row: &Row| -> Answer<Order> {
        let number = u64::try_from(row.try_get::<i64, _>("number")?).unwrap_or(0);
        let (at, before) = (parsed(row, "heard_at")?, maybe(row, "before_at")?);
        Ok(Order { number, kind: word(row, "kind")?, at, before, customer: row.try_get("customer")? })
    };
    select.fetch_all(rows).await?.iter().map(read).collect()
}

/// When the first call began of which something lies here, or may yet: its recording, or the call itself goes on.
async fn first_here(rows: &mut Connection) -> Answer<Option<Timestamp>> {
    let select = "SELECT MIN(began_at) AS first FROM (
             SELECT began_at FROM recordings WHERE life IN ('kept', 'restricted')
             UNION ALL SELECT began_at FROM recordings WHERE life = 'deleting'
             UNION ALL SELECT recordings.began_at FROM deliveries JOIN recordings ON recordings.id = deliveries.recording
                       WHERE deliveries.state <> 'left' AND deliveries.state IN ('leaving', 'going')
             UNION ALL SELECT began_at FROM calls WHERE outcome = 'live') AS here";
    let first = rows::query_scalar::<Option<String>>(select).fetch_one(rows).await?;
    Ok(first.as_deref().and_then(text::parse))
}

/// What lies here of calls that began before a time, and why: the first ones.
async fn staying(rows: &mut Connection, before: Timestamp) -> Answer<Vec<Staying>> {
    let select = format!(
        "SELECT recordings.id, deliveries.state, deliveries.why,
                CASE WHEN recordings.id IN (SELECT recording FROM holds) OR recordings.id IN (SELECT recording FROM request_recordings)
                       OR recordings.id IN (SELECT recording FROM case_recordings) OR recordings.id IN (SELECT recording FROM reviews)
                       OR recordings.id IN (SELECT recording FROM notes) OR recordings.id IN (SELECT recording FROM proposals)
                       OR recordings.id IN (SELECT recording FROM uses) OR recordings.erased_at IS NOT NULL
                     THEN 1 ELSE 0 END AS is_worked_with
         {HERE} AND recordings.began_at < $1 ORDER BY recordings.began_at, recordings.id LIMIT $2"
    );
    let select = rows::query(sqlx::AssertSqlSafe(select)).bind(text::time(before));
    let read = |row: &Row| -> Answer<Staying> {
        let (state, why): (Option<String>, Option<String>) = (row.try_get("state")?, row.try_get("why")?);
        let why = match state.as_deref() {
            _ if row.try_get::<i64, _>("is_worked_with")? > 0 => "somebody works with it there".to_owned(),
            Some("refused") => format!("it was refused: {}", why.unwrap_or_default()),
            Some("leaving" | "going") => "its copy can't be removed yet".to_owned(),
            _ => "it waits for its delivery".to_owned(),
        };
        Ok(Staying { recording: row.try_get("id")?, why })
    };
    select.bind(text::count(STAYING_MAX as u64)).fetch_all(rows).await?.iter().map(read).collect()
}

impl Obeying for HomeDesk {
    /// Model: `Confirm`, with the rule `ConfirmsAfterDoing`.
    fn orders_news(&self) -> Result<OrdersNews, NotDone> {
        // What a catalog that was out of reach does not know yet lies in a file beside it.
        let is_unwritten = self.address.home().is_some_and(unwritten::is_beside);
        let found = self.ask(false, async |connection| {
            let mut rows = connection.begin_looking().await?;
            let open = open(&mut rows).await?;
            let before = open.iter().filter_map(|order| order.before).max();
            let first = if before.is_some() { first_here(&mut rows).await? } else { None };
            let is_done = |order: &Order| match order.kind {
                OrderKind::Deliver => {
                    !is_unwritten && order.before.is_none_or(|before| first.is_none_or(|first| first >= before))
                }
                // In the transaction in which it was written down.
                OrderKind::Objects | OrderKind::ObjectsNoMore => true,
            };
            let (done, open): (Vec<Order>, Vec<Order>) = open.into_iter().partition(is_done);
            let staying = match before.filter(|_| !open.is_empty()) {
                Some(before) => staying(&mut rows, before).await?,
                None => Vec::new(),
            };
            let numbers = |orders: Vec<Order>| orders.into_iter().map(|order| order.number).collect();
            Ok(OrdersNews { done: numbers(done), open: numbers(open), staying })
        });
        if matches!(found, Err(NotDone::Unknown)) { Ok(OrdersNews::default()) } else { found }
    }

    /// Model: `FetchOrders`.
    fn take_orders(&self, centre: &str, answer: &OrdersAnswer, now: Timestamp) -> Result<(), NotDone> {
        let heard = self.ask(false, async |rows| heard(rows).await)?;
        let is_its = heard.as_ref().is_some_and(|(of, _)| of == centre);
        let is_noted = heard.is_some_and(|(_, at)| at <= now && now.duration_since(at) < NOTED_EVERY);
        if is_its && is_noted && answer.given.is_empty() && answer.over.is_empty() {
            return Ok(());
        }
        let lines = self.objections_of(answer)?;
        self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            if !is_its {
                // Another centre has other orders under the same numbers.
                rows::query("DELETE FROM standing_orders").execute(&mut rows).await?;
            }
            for Order { number, kind, before, customer, .. } in &answer.given {
                let upsert = rows::query(
                    "INSERT INTO standing_orders (number, kind, before_at, customer, heard_at) VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (number) DO UPDATE SET kind = excluded.kind, before_at = excluded.before_at,
                         customer = excluded.customer, over_at = NULL",
                );
                let upsert = upsert.bind(text::count(*number)).bind(kind.as_str()).bind(before.map(text::time));
                upsert.bind(customer).bind(text::time(now)).execute(&mut rows).await?;
            }
            if let (Some(home), false) = (self.address.home(), lines.is_empty()) {
                objections::remember(&mut rows, home, &lines).await?;
                for line in &lines {
                    let kind = if line.over { DeedKind::ObjectionWithdrawn } else { DeedKind::CustomerObjected };
                    by_rule(&mut rows, Deed::done(kind), now).await?;
                }
            }
            for number in &answer.over {
                let update = rows::query("UPDATE standing_orders SET over_at = $2 WHERE number = $1");
                update.bind(text::count(*number)).bind(text::time(now)).execute(&mut rows).await?;
            }
            if !answer.is_more {
                let upsert = rows::query(
                    "INSERT INTO centre_words (place, centre, heard_at) VALUES (1, $1, $2)
                     ON CONFLICT (place) DO UPDATE SET centre = excluded.centre, heard_at = excluded.heard_at",
                );
                upsert.bind(centre).bind(text::time(now)).execute(&mut rows).await?;
            }
            rows.commit().await?;
            Ok(())
        })
    }
}

/// Which centre was heard last, and when.
async fn heard(rows: &mut Connection) -> Answer<Option<(String, Timestamp)>> {
    let select = rows::query("SELECT centre, heard_at FROM centre_words WHERE place = 1");
    let Some(row) = select.fetch_optional(rows).await? else { return Ok(None) };
    Ok(Some((row.try_get("centre")?, parsed(&row, "heard_at")?)))
}

impl HomeDesk {
    /// Who objects at the centre, or no longer does, by what it answered: noted beside the catalog before that is changed, so that no restore forgets it.
    fn objections_of(&self, answer: &OrdersAnswer) -> Result<Vec<Line>, NotDone> {
        const NOT_NOTED: NotDone =
            NotDone::Conflict("who objects at the centre can't be noted: see to the home folder");
        let line = |order: &Order| {
            let over = order.kind == OrderKind::ObjectsNoMore;
            order.customer.clone().map(|customer| Line { customer, at: order.at, over })
        };
        let mut lines: Vec<Line> = answer.given.iter().filter_map(line).collect();
        lines.sort_by_key(|line| line.at);
        let Some(home) = self.address.home().filter(|_| !lines.is_empty()) else { return Ok(lines) };
        let key = answer.key.as_deref().and_then(beside::from_hex).ok_or(NOT_NOTED)?;
        objections::keep_centre_key(home, &key).map_err(|_| NOT_NOTED)?;
        for line in &lines {
            objections::note(home, &line.customer, line.at, line.over).map_err(|_| NOT_NOTED)?;
        }
        Ok(lines)
    }
}
