//! Orders, in the database of a centre.
//!
//! An order is written down in the transaction of its request; then it is put into the store (model: `NoteErasure`), whose name for it no other order can
//! have; then it is given (`GiveErasure`). No transaction is open while the store is waited for.

use std::collections::BTreeSet;

use jiff::Timestamp;
use retrocall_ledger::DeedKind;
use retrocall_words::CallId;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        NotDone, Person,
        orders::{
            ORDERS_MAX, Order, OrderKind, Orders, OrdersAnswer, OrdersNews, STAYING_CHARS_MAX, STAYING_MAX, Staying,
        },
    },
    Answer, HomeDesk,
    act::{Act, OFFICER, Stop},
    covered::find_open,
    maybe, parsed,
    progress::LET_GO,
    word,
};
use crate::{
    beside, graves, objections,
    policy::Why,
    rows::{self, Connection, Row},
    sweep::{Objects, Tombstone},
    text,
};

/// What the objects of orders lie below.
const FOLDER: &str = "orders";
/// Orders that are looked at for one site: those that it has, and more than are told at once.
const NEEDED_MAX: i64 = 1_200;
/// Orders that a site names of which it is told whether anybody waits for them.
const NUMBERS_MAX: usize = 1_000;
/// How often an order is given another number, because one of that number lies in the store: the database comes from a backup.
const TRIES_MAX: usize = 8;
const NO_STORE: NotDone =
    NotDone::Conflict("the store does not take the orders of requests now: see what the log says");
const CONFIRMED: &str = "confirmed";
/// Deliveries of a site that were begun and have not ended, of calls that began before an order: $1 is the order's number, $2 the site.
const ON_ITS_WAY: &str = "FROM uploads JOIN orders ON orders.number = $1
     WHERE uploads.site = $2 AND uploads.began_at < orders.before_at
       AND NOT EXISTS (SELECT 1 FROM recordings WHERE recordings.id = uploads.recording)";

/// An order, as it lies in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    number: u64,
    kind: OrderKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Timestamp>,
    /// The keyed hash of who objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    at: Timestamp,
}

fn place(number: u64) -> String {
    format!("{FOLDER}/{number:012}.json")
}

/// The number in the name of an object.
fn number_of(place: &str) -> Option<u64> {
    place.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}

fn whole(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

impl Orders for HomeDesk {
    /// Model: `FetchOrders`, and `Confirm`.
    fn hear_of_orders(&self, site: &str, news: &OrdersNews, now: Timestamp) -> Result<OrdersAnswer, NotDone> {
        // Whether or not it is time for somebody else: an order that lies in the database alone is told to nobody.
        self.give_now(now);
        for number in news.done.iter().take(ORDERS_MAX) {
            if let Err(why) = self.bury_left_behind(*number, site, now) {
                // It does not count until that is done.
                tracing::warn!(site, "an order is not confirmed yet: {why}");
            }
        }
        let staying: Vec<Staying> = news.staying.iter().take(STAYING_MAX).map(shortened).collect();
        let staying = serde_json::to_string(&staying).unwrap_or_else(|_| "[]".to_owned());
        let has: BTreeSet<u64> = news.done.iter().chain(&news.open).take(NUMBERS_MAX).copied().collect();
        // Every two seconds each site says that nothing is new: that writes nothing.
        let is_new = !news.done.is_empty()
            || self.ask(false, async |rows| {
                let select = rows::query_scalar::<String>("SELECT staying FROM sites WHERE site = $1").bind(site);
                Ok(select.fetch_optional(rows).await?.is_some_and(|known| known != staying))
            })?;
        let mut answer = self.ask(is_new, async |connection| {
            if !is_new {
                return answer_to(connection, site, &has).await;
            }
            let mut rows = connection.begin_writing().await?;
            for number in news.done.iter().take(ORDERS_MAX) {
                confirm(&mut rows, *number, site, now).await?;
            }
            let update = rows::query("UPDATE sites SET staying = $2 WHERE site = $1");
            update.bind(site).bind(&staying).execute(&mut rows).await?;
            let answer = answer_to(&mut rows, site, &has).await?;
            rows.commit().await?;
            Ok(answer)
        })?;
        if answer.given.iter().any(|order| order.customer.is_some()) {
            let key = self.store.as_ref().and_then(|store| objections::key_of_centre(&**store).ok());
            if key.is_none() {
                // They are told once it can be had.
                answer.given.retain(|order| order.customer.is_none());
            }
            answer.key = key.map(|key| beside::hex(&key));
        }
        Ok(answer)
    }

    /// Model: `NoteErasure`, then `GiveErasure`.
    fn give_orders(&self, now: Timestamp) -> Result<u64, NotDone> {
        let Some(store) = &self.store else { return Ok(0) };
        let mut count = 0;
        while let Some(noted) = self.ask(false, async |rows| next_to_note(rows).await)? {
            if let Some(request) = &noted.request {
                self.note_request(&**store, request)?;
            }
            self.put(&**store, noted, now)?;
            count += 1;
        }
        Ok(count)
    }

    /// Model: `Reconcile`, with the rule `RestoreOrders`.
    fn take_up_orders(&self, now: Timestamp) -> Result<u64, NotDone> {
        let Some(store) = &self.store else { return Ok(0) };
        let away = |error: std::io::Error| {
            tracing::warn!("orders in the store can't be read: {error}");
            NO_STORE
        };
        let mut count = self.take_up_promises(&**store, now)?;
        let known = self.ask(false, async |rows| {
            Ok(rows::query_scalar::<i64>("SELECT number FROM orders WHERE given_at IS NOT NULL")
                .fetch_all(rows)
                .await?)
        })?;
        let known: BTreeSet<u64> = known.into_iter().map(whole).collect();
        for place in store.below(FOLDER).map_err(away)? {
            let Some(number) = number_of(&place).filter(|number| !known.contains(number)) else { continue };
            let found = store.read(&place).map_err(away)?.unwrap_or_default();
            let Ok(noted) = serde_json::from_slice::<Noted>(&found) else { continue };
            if noted.number == number {
                count += u64::from(self.take_up(&noted)?);
            }
        }
        Ok(count)
    }

    fn let_go(&self, who: &Person, request: &str, site: &str, why: &str, now: Timestamp) -> Result<(), NotDone> {
        let words = format!("not waited for: {site}: {why}");
        let act = Act { text: Some(&words), ..Act::new(who, DeedKind::SiteChanged) };
        self.act(act, now, async |rows, act| {
            find_open(rows, act, request).await?;
            act.needs(OFFICER)?;
            let select = rows::query_scalar::<i64>("SELECT COUNT(*) FROM sites WHERE site = $1");
            if select.bind(site).fetch_one(&mut *rows).await? == 0 {
                return Err(Stop::Absent(super::sites::NO_SITE));
            }
            let insert = rows::query(
                "INSERT INTO order_sites (number, site, state, at, by_whom)
                 SELECT number, $2, $3, $4, $5 FROM orders WHERE request = $1 ON CONFLICT DO NOTHING",
            );
            let insert = insert.bind(request).bind(site).bind(LET_GO).bind(text::time(now)).bind(act.author());
            match insert.execute(rows).await?.rows_affected() {
                0 => Err(NotDone::Conflict("this request does not wait for that site").into()),
                _ => Ok(()),
            }
        })
    }
}

/// Which orders a site does not have, and for which of those that it has nobody waits.
async fn answer_to(rows: &mut Connection, site: &str, has: &BTreeSet<u64>) -> Answer<OrdersAnswer> {
    let mut given = needed(rows, site).await?;
    given.retain(|order| !has.contains(&order.number));
    let mut over = Vec::new();
    for number in has {
        if !is_needed(rows, *number, site).await? {
            over.push(*number);
        }
    }
    let is_more = given.len() > ORDERS_MAX;
    given.truncate(ORDERS_MAX);
    Ok(OrdersAnswer { given, over, is_more, key: None })
}

fn shortened(staying: &Staying) -> Staying {
    let text = |text: &str| text.chars().filter(|one| !one.is_control()).take(STAYING_CHARS_MAX).collect();
    Staying { recording: text(&staying.recording), why: text(&staying.why) }
}

/// A site has done an order. It counts once no delivery of before is on its way any more (model: the rule `CountsWhenNothingIsOnItsWay`).
async fn confirm(rows: &mut Connection, number: u64, site: &str, now: Timestamp) -> Answer<()> {
    let insert = rows::query(sqlx::AssertSqlSafe(format!(
        "INSERT INTO order_sites (number, site, state, at)
         SELECT number, $2, $3, $4 FROM orders WHERE number = $1 AND given_at IS NOT NULL AND NOT EXISTS (SELECT 1 {ON_ITS_WAY})
         ON CONFLICT DO NOTHING"
    )));
    insert.bind(text::count(number)).bind(site).bind(CONFIRMED).bind(text::time(now)).execute(rows).await?;
    Ok(())
}

/// The orders that are given and that a site has not confirmed: $1 is the site.
const NEEDED: &str = "FROM orders LEFT JOIN requests ON requests.id = orders.request
     WHERE orders.given_at IS NOT NULL AND (orders.request IS NULL OR requests.id IS NOT NULL AND requests.answered_at IS NULL)
       AND NOT EXISTS (SELECT 1 FROM order_sites WHERE order_sites.number = orders.number AND order_sites.site = $1)";

/// The first of them.
async fn needed(rows: &mut Connection, site: &str) -> Answer<Vec<Order>> {
    let select = rows::query(sqlx::AssertSqlSafe(format!(
        "SELECT orders.number, orders.kind, orders.before_at, orders.customer, orders.ordered_at {NEEDED} ORDER BY orders.number LIMIT $2"
    )));
    let read = |row: &Row| -> Answer<Order> {
        Ok(Order {
            number: whole(row.try_get("number")?),
            kind: word(row, "kind")?,
            at: parsed(row, "ordered_at")?,
            before: maybe(row, "before_at")?,
            customer: row.try_get("customer")?,
        })
    };
    select.bind(site).bind(NEEDED_MAX).fetch_all(rows).await?.iter().map(read).collect()
}

async fn is_needed(rows: &mut Connection, number: u64, site: &str) -> Answer<bool> {
    let select =
        rows::query_scalar::<i64>(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) {NEEDED} AND orders.number = $2")));
    Ok(select.bind(site).bind(text::count(number)).fetch_one(rows).await? > 0)
}

/// The first order that does not lie in the store.
async fn next_to_note(rows: &mut Connection) -> Answer<Option<Noted>> {
    let select = rows::query(
        "SELECT number, kind, request, before_at, customer, ordered_at FROM orders WHERE given_at IS NULL ORDER BY number LIMIT 1",
    );
    let read = |row: Row| -> Answer<Noted> {
        Ok(Noted {
            number: whole(row.try_get("number")?),
            kind: word(&row, "kind")?,
            request: row.try_get("request")?,
            before: maybe(&row, "before_at")?,
            customer: row.try_get("customer")?,
            at: parsed(&row, "ordered_at")?,
        })
    };
    select.fetch_optional(rows).await?.map(read).transpose()
}

impl HomeDesk {
    /// An order that lies in the store. False if these records have it under another number, or another one under this, which has not been given.
    fn take_up(&self, noted: &Noted) -> Result<bool, NotDone> {
        self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            let insert = rows::query(
                "INSERT INTO orders (number, kind, request, before_at, customer, ordered_at, given_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING",
            );
            let insert = insert.bind(text::count(noted.number)).bind(noted.kind.as_str()).bind(&noted.request);
            let insert = insert.bind(noted.before.map(text::time)).bind(&noted.customer).bind(text::time(noted.at));
            let is_new = insert.execute(&mut rows).await?.rows_affected() > 0;
            if let (true, Some(customer)) = (is_new, &noted.customer) {
                let sql = match noted.kind {
                    OrderKind::ObjectsNoMore => include_str!("../../sql/rights/withdraw.sql"),
                    _ => include_str!("../../sql/rights/object.sql"),
                };
                rows::query(sql).bind(customer).bind(text::time(noted.at)).execute(&mut rows).await?;
            }
            rows.commit().await?;
            Ok(is_new)
        })
    }

    /// Puts an order into the store, under its number or, if another order has that there, under the next one that is free.
    fn put(&self, store: &dyn Objects, mut noted: Noted, now: Timestamp) -> Result<(), NotDone> {
        let away = |error: std::io::Error| {
            tracing::warn!("an order can't be put into the store: {error}");
            NO_STORE
        };
        for _ in 0..TRIES_MAX {
            let (place, bytes) = (place(noted.number), serde_json::to_vec(&noted).unwrap_or_default());
            let is_there = store.put(&place, &bytes).map_err(away)? || {
                let found = store.read(&place).map_err(away)?.unwrap_or_default();
                let found = serde_json::from_slice::<Noted>(&found);
                if found.is_err() {
                    // Somebody was killed while they wrote it.
                    store.remove(&place).map_err(away)?;
                }
                match found {
                    Ok(found) => found == noted,
                    Err(_) => store.put(&place, &bytes).map_err(away)?,
                }
            };
            let number = text::count(noted.number);
            if is_there {
                return self.ask(true, async |rows| {
                    let update = rows::query("UPDATE orders SET given_at = $2 WHERE number = $1 AND given_at IS NULL");
                    update.bind(number).bind(text::time(now)).execute(rows).await?;
                    Ok(())
                });
            }
            let last = store.below(FOLDER).map_err(away)?.iter().filter_map(|place| number_of(place)).max();
            noted.number = self.ask(true, async |connection| {
                let mut rows = connection.begin_writing().await?;
                let select = rows::query_scalar::<i64>("SELECT COALESCE(MAX(number), 0) AS last FROM orders");
                let free = whole(select.fetch_one(&mut rows).await?).max(last.unwrap_or(0)) + 1;
                let update = rows::query("UPDATE orders SET number = $2 WHERE number = $1 AND given_at IS NULL");
                update.bind(number).bind(text::count(free)).execute(&mut rows).await?;
                rows.commit().await?;
                Ok(free)
            })?;
        }
        Err(NO_STORE)
    }

    /// What a site has begun to deliver and says it does not have any more never comes: what of it lies in the store goes, and its tombstone says so to
    /// whoever still has it. Not before its time is over: until then a part of it may be on its way. And not if it came whole: then the site may have
    /// been told that it is here, by a database that was restored since.
    ///
    /// Model: `Confirm`, with the rule `BuriesWhatNeverArrived`.
    fn bury_left_behind(&self, number: u64, site: &str, now: Timestamp) -> Result<(), NotDone> {
        let Some(store) = &self.store else { return Ok(()) };
        let away = |error: std::io::Error| {
            tracing::warn!("what is left of a delivery can't be removed from the store: {error}");
            NO_STORE
        };
        for (recording, call) in self.ask(false, async |rows| left_behind(rows, number, site, now).await)? {
            let parts = store.of_recording(site, &recording).map_err(away)?;
            if parts.iter().any(|part| part.rsplit('/').next().is_some_and(|name| name.starts_with("facts-"))) {
                tracing::warn!(
                    recording,
                    "it came whole, and these records do not know it: deliver it again, or let its site go"
                );
                continue;
            }
            let stone = Tombstone { recording, call, sha256: None, at: now, why: Some(Why::Ended) };
            // From here on nobody begins it anew.
            let is_late = self.ask(true, async |connection| {
                let mut rows = connection.begin_writing().await?;
                let is_late =
                    left_behind(&mut rows, number, site, now).await?.iter().any(|(id, _)| *id == stone.recording);
                if is_late {
                    graves::bury(&mut rows, std::slice::from_ref(&stone), now).await?;
                }
                rows.commit().await?;
                Ok(is_late)
            })?;
            if is_late {
                store.bury(&stone).map_err(away)?;
                parts.iter().try_for_each(|part| store.remove(part).map(drop)).map_err(away)?;
                self.ask(true, async |rows| {
                    let delete = rows::query("DELETE FROM uploads WHERE recording = $1 AND expires_at <= $2");
                    delete.bind(&stone.recording).bind(text::time(now)).execute(rows).await?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// Gives what was just ordered, before anybody is told that it is. Without the store it waits, and a request says so.
    pub(super) fn give_now(&self, now: Timestamp) {
        if let Err(why) = self.give_orders(now) {
            tracing::warn!("orders wait for the store: {why}");
        }
    }
}

/// Deliveries whose time is over, and that an order asks for.
async fn left_behind(rows: &mut Connection, number: u64, site: &str, now: Timestamp) -> Answer<Vec<(String, CallId)>> {
    let select = rows::query(sqlx::AssertSqlSafe(format!(
        "SELECT uploads.recording, uploads.call {ON_ITS_WAY} AND uploads.expires_at <= $3 ORDER BY uploads.recording"
    )));
    let select = select.bind(text::count(number)).bind(site).bind(text::time(now));
    let read = |row: &Row| Ok((row.try_get("recording")?, parsed(row, "call")?));
    select.fetch_all(rows).await?.iter().map(read).collect()
}
