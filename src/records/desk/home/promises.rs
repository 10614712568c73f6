//! What a centre has promised, beside its database: open requests and holds lie in its store as objects, so that a database from a backup takes up again
//! what came since.
//!
//! Belongs here: writing them before anybody is told, removing them once they are over, taking them up again. Does not: orders (`orders`), recordings.
//!
//! Model of many machines: `NoteHold` and `NoteErasure` come before `GiveHold` and `GiveErasure`, `NoteRelease` after `ReleaseHold`; `Reconcile`, with the
//! rule `RestoreOrders`.

use std::io;

use jiff::Timestamp;
use retrocall_ledger::{Deed, DeedKind, ItemId};
use retrocall_words::Customer;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    super::{
        NewHold, NotDone,
        request::{RequestKind, Subject},
    },
    Answer, HomeDesk,
    covered::{cover, search},
    word,
};
use crate::{
    ledger::{by_rule, item},
    rows::{self, Connection, Row},
    sweep::Objects,
    text,
};

const REQUESTS: &str = "requests";
const HOLDS: &str = "holds";
const NO_STORE: NotDone =
    NotDone::Conflict("the centre's store does not answer, and nothing is promised without it: try again");

/// An open request, as it lies in the store: what its row had when it was entered.
#[derive(Debug, Serialize, Deserialize)]
struct OpenRequest {
    request: String,
    kind: RequestKind,
    customer: Option<String>,
    customer_form: Option<String>,
    agent: Option<String>,
    around: Option<String>,
    reason: Option<String>,
    received_on: String,
    entered_by: String,
    entered_at: String,
    /// What it covered then.
    recordings: Vec<String>,
}

/// A hold in force, in the same way.
#[derive(Debug, Serialize, Deserialize)]
struct HoldInForce {
    hold: String,
    recording: String,
    reason: String,
    owner: String,
    until: String,
    review_on: String,
    set_by: String,
    set_at: String,
}

/// How a promise stands in the database.
enum Known {
    No,
    InForce,
    Over,
}

fn place(folder: &str, id: &str) -> String {
    format!("{folder}/{id}.json")
}

fn away(error: io::Error) -> NotDone {
    tracing::warn!("what is promised can't be noted in the store: {error}");
    NO_STORE
}

/// Writes an object that is not there, or that somebody was killed while writing.
fn note<T: Serialize + DeserializeOwned>(store: &dyn Objects, place: &str, what: &T) -> io::Result<()> {
    let bytes = serde_json::to_vec(what)?;
    if store.put(place, &bytes)? || read::<T>(store, place)?.is_some() {
        return Ok(());
    }
    store.remove(place)?;
    store.put(place, &bytes).map(drop)
}

/// What an object says. None: it is not there, or not whole: then nobody was told.
fn read<T: DeserializeOwned>(store: &dyn Objects, place: &str) -> io::Result<Option<T>> {
    Ok(store.read(place)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

impl HomeDesk {
    /// Notes a request, before its order is given.
    pub(super) fn note_request(&self, store: &dyn Objects, request: &str) -> Result<(), NotDone> {
        let open = self.ask(false, async |rows| open_request(rows, request).await)?;
        let Some(open) = open else { return Ok(()) };
        note(store, &place(REQUESTS, request), &open).map_err(away)
    }

    /// Notes a hold, before it is set. Nothing is promised without that.
    pub(super) fn note_hold(
        &self,
        id: &Uuid,
        recording: &str,
        (hold, by): (&NewHold, &str),
        now: Timestamp,
    ) -> Result<(), NotDone> {
        let Some(store) = &self.store else { return Ok(()) };
        let hold = HoldInForce {
            hold: id.to_string(),
            recording: recording.to_owned(),
            reason: hold.reason.clone(),
            owner: hold.owner.clone(),
            until: hold.until.clone(),
            review_on: text::day(hold.review_on),
            set_by: by.to_owned(),
            set_at: text::time(now),
        };
        note(&**store, &place(HOLDS, &hold.hold), &hold).map_err(away)
    }

    /// A request was answered. What can't be removed is when the centre starts next.
    pub(super) fn forget_request(&self, request: &str) {
        self.forget(&place(REQUESTS, request));
    }

    /// A hold was released, or not set.
    pub(super) fn forget_hold(&self, hold: &str) {
        self.forget(&place(HOLDS, hold));
    }

    fn forget(&self, place: &str) {
        if let Some(Err(error)) = self.store.as_ref().map(|store| store.remove(place)) {
            tracing::warn!("what is over can't be removed from the store: {error}");
        }
    }

    /// Takes up again what the store knows to be promised, and the database does not: it comes from a backup. Returns how many requests and holds.
    pub(super) fn take_up_promises(&self, store: &dyn Objects, now: Timestamp) -> Result<u64, NotDone> {
        let mut count = 0;
        for place in store.below(REQUESTS).map_err(away)? {
            let Some(open) = read::<OpenRequest>(store, &place).map_err(away)? else { continue };
            count += self.settle(store, &place, async |rows| take_up_request(rows, &open, now).await)?;
        }
        for place in store.below(HOLDS).map_err(away)? {
            let Some(hold) = read::<HoldInForce>(store, &place).map_err(away)? else { continue };
            count += self.settle(store, &place, async |rows| take_up_hold(rows, &hold, now).await)?;
        }
        Ok(count)
    }

    /// One of them: what is over goes from the store.
    fn settle(
        &self,
        store: &dyn Objects,
        place: &str,
        mut take_up: impl AsyncFnMut(&mut Connection) -> Answer<Known> + Send,
    ) -> Result<u64, NotDone> {
        let known = self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            let known = take_up(&mut rows).await?;
            rows.commit().await?;
            Ok(known)
        })?;
        match known {
            Known::No => Ok(1),
            Known::InForce => Ok(0),
            Known::Over => store.remove(place).map(|_| 0).map_err(away),
        }
    }
}

async fn open_request(rows: &mut Connection, request: &str) -> Answer<Option<OpenRequest>> {
    let select = rows::query(
        "SELECT kind, customer, customer_form, agent, around, reason, received_on, entered_by, entered_at
         FROM requests WHERE id = $1 AND answered_at IS NULL",
    );
    let Some(row) = select.bind(request).fetch_optional(&mut *rows).await? else { return Ok(None) };
    let select = rows::query_scalar::<String>("SELECT recording FROM request_recordings WHERE request = $1");
    let recordings = select.bind(request).fetch_all(rows).await?;
    Ok(Some(OpenRequest {
        request: request.to_owned(),
        kind: word(&row, "kind")?,
        customer: row.try_get("customer")?,
        customer_form: row.try_get("customer_form")?,
        agent: row.try_get("agent")?,
        around: row.try_get("around")?,
        reason: row.try_get("reason")?,
        received_on: row.try_get("received_on")?,
        entered_by: row.try_get("entered_by")?,
        entered_at: row.try_get("entered_at")?,
        recordings,
    }))
}

/// Whether a row is there, and its time is over: `over` is the column that says so.
async fn known(rows: &mut Connection, select: &'static str, id: &str, over: &str) -> Answer<Known> {
    let row: Option<Row> = rows::query(select).bind(id).fetch_optional(rows).await?;
    Ok(match row {
        None => Known::No,
        Some(row) if row.try_get::<Option<&str>, _>(over)?.is_some() => Known::Over,
        Some(_) => Known::InForce,
    })
}

async fn take_up_request(rows: &mut Connection, open: &OpenRequest, now: Timestamp) -> Answer<Known> {
    let select = "SELECT answered_at FROM requests WHERE id = $1";
    let found = known(rows, select, &open.request, "answered_at").await?;
    if !matches!(found, Known::No) {
        return Ok(found);
    }
    let insert = rows::query(include_str!("../../sql/rights/insert_request.sql"))
        .bind(&open.request)
        .bind(open.kind.as_str())
        .bind(&open.customer)
        .bind(&open.customer_form)
        .bind(&open.agent)
        .bind(&open.around)
        .bind(&open.reason)
        .bind(&open.received_on)
        .bind(&open.entered_by)
        .bind(&open.entered_at);
    insert.execute(&mut *rows).await?;
    let around = open.around.as_deref().and_then(text::parse);
    let of = match (&open.customer, &open.agent, around) {
        (Some(given), ..) => Some(Subject::Customer {
            given: Customer::from(given.clone()),
            form: open.customer_form.clone().map(Customer::from),
        }),
        (None, Some(agent), Some(at)) => Some(Subject::Around { agent: agent.clone(), at }),
        (None, Some(agent), None) => Some(Subject::Agent(agent.clone())),
        (None, None, _) => None,
    };
    let mut covered = open.recordings.clone();
    if let Some(of) = of {
        covered.extend(search(rows, &of).await?);
    }
    for recording in covered {
        // What is not known here yet it covers once it is.
        cover(rows, &open.request, &recording).await?;
    }
    let matter = Uuid::parse_str(&open.request).ok().map(ItemId::from);
    by_rule(rows, Deed { matter, ..Deed::done(DeedKind::RequestOpened) }, now).await?;
    Ok(Known::No)
}

async fn take_up_hold(rows: &mut Connection, hold: &HoldInForce, now: Timestamp) -> Answer<Known> {
    let found = known(rows, "SELECT released_at FROM holds WHERE id = $1", &hold.hold, "released_at").await?;
    if !matches!(found, Known::No) {
        return Ok(found);
    }
    let insert = rows::query(include_str!("../../sql/desk/insert_hold.sql"))
        .bind(&hold.hold)
        .bind(&hold.recording)
        .bind(&hold.reason)
        .bind(&hold.owner)
        .bind(&hold.until)
        .bind(&hold.review_on)
        .bind(&hold.set_by)
        .bind(&hold.set_at);
    if insert.execute(&mut *rows).await?.rows_affected() == 0 {
        // Its recording is not known here: the next start looks again.
        return Ok(Known::InForce);
    }
    let matter = Uuid::parse_str(&hold.hold).ok().map(ItemId::from);
    by_rule(rows, Deed { recording: item(&hold.recording), matter, ..Deed::done(DeedKind::HoldSet) }, now).await?;
    Ok(Known::No)
}
