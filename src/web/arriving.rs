//! A recording of a site arrives: it is offered, its parts come one by one, and it is registered once all were read back.
//!
//! Belongs here: the steps, and waiting for the store between them. Does not: what a step changes (the records' verbs). `tests/machines` tries every order
//! of these steps, and its names for them stand here as `Model: …`.
//!
//! No connection to the database is held while the store is waited for: each verb takes one and gives it back.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Extension, Path as Place, State},
    http::StatusCode,
};
use retrocall_records::{
    desk::{Arrival, Deliveries as _, Offered, Sites as _, Stored},
    parcel::{Parcel, PartFacts},
    site_key::is_parcel_signed_by,
};
use retrocall_store::{Put, facts_place, part_place};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    pages::Shared,
    sites::{FromSite, NotServed, Served, answered, away, sent, store},
};

/// How long a step may wait for the store: less than a delivery has from its last word on.
const STORE_TIME: Duration = Duration::from_secs(100);
/// Characters of the name of a delivery.
const TOKEN_CHARS: usize = 36;

/// What is said of a recording, signed by its site.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    parcel: String,
    signature: String,
}

/// Reads what a site says of a recording. Refused are words that no engine writes, and what is said of another site's.
async fn said(pages: &Shared, from: &FromSite, token: &str) -> Served<Parcel> {
    let Said { parcel: text, signature } = sent(&from.body)?;
    let malformed = |what: &str| {
        NotServed::new(StatusCode::BAD_REQUEST, "malformed", format!("`{what}` is not as an engine writes it"))
    };
    let parcel: Parcel = serde_json::from_str(&text).map_err(|_| malformed("parcel"))?;
    if let Some(field) = parcel.flaw() {
        return Err(malformed(field));
    }
    if token.len() != TOKEN_CHARS {
        return Err(malformed("token"));
    }
    let site = Arc::clone(&from.site);
    let key = pages.ask(move |desk, _| desk.key_of_site(&site)).await?;
    let is_signed = key.is_some_and(|key| is_parcel_signed_by(&key, &text, &signature));
    if *parcel.site != *from.site || !is_signed {
        return Err(not_yours());
    }
    Ok(parcel)
}

fn not_yours() -> NotServed {
    NotServed::new(StatusCode::FORBIDDEN, "not-yours", "the recording is another site's")
}

/// A site offers a recording: it is told which parts the store lacks.
pub(crate) async fn offer(
    State(pages): State<Shared>,
    Extension(from): Extension<FromSite>,
    Place(token): Place<String>,
) -> Served {
    let parcel = Arc::new(said(&pages, &from, &token).await?);
    // Model: `BeginUpload`.
    let (offered, digest, name) = (Arc::clone(&parcel), Arc::clone(&from.sha256), token);
    match pages.ask(move |desk, now| desk.offer(&offered, &digest, &name, now)).await? {
        Offered::Already => return answered(&json!({ "answer": Arrival::Already })),
        Offered::Gone => return answered(&json!({ "answer": Arrival::Gone })),
        Offered::NotYours => return Err(not_yours()),
        Offered::Busy(until) => {
            // This one alone waits: the site's others go on.
            let why = format!("another delivery of it has not ended: until {until:.0}");
            return Err(NotServed::new(StatusCode::CONFLICT, "under-way", why));
        }
        Offered::Begun(_) => {}
    }
    let store = store(&pages)?;
    let mut lacks = Vec::new();
    for (file, part, facts) in parcel.parts() {
        let place = part_place(&parcel.site, &parcel.recording, (file as u64, part as u64), &facts.sha256);
        if store.bytes(&place).await.map_err(|error| away(&error))? != Some(facts.bytes) {
            lacks.push((file, part));
        }
    }
    answered(&json!({ "answer": "send", "lacks": lacks }))
}

/// A part comes: it goes to the store, under a name that says what is in it.
pub(crate) async fn part(
    State(pages): State<Shared>,
    Extension(from): Extension<FromSite>,
    Place((token, recording, file, part)): Place<(String, String, u64, u64)>,
) -> Served {
    if from.body.is_empty() {
        return Err(NotServed::new(StatusCode::BAD_REQUEST, "malformed", "a part has no bytes"));
    }
    let (site, id) = (Arc::clone(&from.site), recording.clone());
    if pages.ask(move |desk, now| desk.prolong(&site, &id, &token, now)).await?.is_none() {
        return answered(&json!({ "answer": Arrival::Late }));
    }
    let place = part_place(&from.site, &recording, (file, part), &from.sha256);
    // Model: `PutObject`, with the rules `PutsIfAbsent` and `WatchesOwnClock`: it ends before the time does that was given just now.
    let put = tokio::time::timeout(STORE_TIME, store(&pages)?.put(&place, from.body.clone())).await;
    match put {
        Ok(Ok(Put::New | Put::There)) => answered(&json!({ "answer": "taken" })),
        Ok(Err(error)) => Err(away(&error)),
        Err(_) => Err(NotServed::new(StatusCode::INTERNAL_SERVER_ERROR, "store", "the store takes too long")),
    }
}

/// All parts came: they are read back, and the recording is one of the centre's from then on.
pub(crate) async fn done(
    State(pages): State<Shared>,
    Extension(from): Extension<FromSite>,
    Place(token): Place<String>,
) -> Served {
    let parcel = Arc::new(said(&pages, &from, &token).await?);
    let mut objects = Vec::new();
    for (file, part, facts) in parcel.parts() {
        let (site, id, name) = (Arc::clone(&from.site), parcel.recording.clone(), token.clone());
        if pages.ask(move |desk, now| desk.prolong(&site, &id, &name, now)).await?.is_none() {
            return late(&pages, &parcel, &token).await;
        }
        objects.push(read_back(&pages, &parcel, (file as u64, part as u64), facts).await?);
    }
    let facts = facts_place(&parcel.site, &parcel.recording, &from.sha256);
    store(&pages)?.put(&facts, from.body.clone()).await.map_err(|error| away(&error))?;
    // Model: `Register`.
    let arrival = pages.ask(move |desk, now| desk.register(&parcel, &token, &objects, now)).await?;
    answered(&json!({ "answer": arrival }))
}

/// The delivery has no time left: perhaps because it ended, and nobody heard the answer.
async fn late(pages: &Shared, parcel: &Arc<Parcel>, token: &str) -> Served {
    let (parcel, token) = (Arc::clone(parcel), token.to_owned());
    let arrival = pages.ask(move |desk, now| desk.register(&parcel, &token, &[], now)).await?;
    // Without objects nothing is registered: it is there, gone, or late.
    answered(&json!({ "answer": arrival }))
}

/// Model: `ReadBack`.
async fn read_back(pages: &Shared, parcel: &Parcel, (file, part): (u64, u64), facts: &PartFacts) -> Served<Stored> {
    let store = store(pages)?;
    let place = part_place(&parcel.site, &parcel.recording, (file, part), &facts.sha256);
    let found = tokio::time::timeout(STORE_TIME, store.sum(&place)).await;
    let damaged = |why: &str| NotServed::new(StatusCode::INTERNAL_SERVER_ERROR, "damaged", why);
    match found {
        Ok(Ok(Some((bytes, sha256)))) if bytes == facts.bytes && sha256 == facts.sha256 => {
            Ok(Stored { file, part, place, bytes, sha256 })
        }
        Ok(Ok(None)) => Err(damaged("a part is not in the store")),
        Ok(Ok(Some(_))) => {
            // No row names it: it is written anew.
            store.remove(&place).await.map_err(|error| away(&error))?;
            tracing::warn!(place, "a part of a recording was damaged in the store: it is written anew");
            Err(damaged("a part was damaged in the store: it is written anew"))
        }
        Ok(Err(error)) => Err(away(&error)),
        Err(_) => Err(damaged("the store takes too long")),
    }
}
