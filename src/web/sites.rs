//! What a site asks of its centre: whether it may, and all but its recordings.
//!
//! Belongs here: the guard in front of these routes, joining, news, the ledger. Does not: recordings (`arriving`), what is signed (the records).
//!
//! A request is listened to by its head alone, before a byte of its body is read: who can't sign for a site costs no more than a look at its key.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Extension, Path as Place, Request, State, WebSocketUpgrade},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;
use jiff::civil::Date;
use retrocall_file::Piece;
use retrocall_ledger::{Verifier, site_of_itself};
use retrocall_records::{
    desk::{
        Deliveries as _, LedgerPiece, NotAdmitted, NotDone, NotEnrolled, Orders as _, PeriodFacts, SiteNews,
        Sites as _, Standing,
    },
    parcel::PART_BYTES_MAX,
    site_key::{Asked, Joining, Shown},
};
use retrocall_store::{Store, digest, ledger_head_place, ledger_key_place, ledger_place};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    afar::{MESSAGE_BYTES_MAX, serve},
    pages::Shared,
};

/// How long a body may take to come: 8 MiB over a slow line.
const BODY_TIME: Duration = Duration::from_secs(60);
/// After so long a site asks again, when too much is going on.
pub(crate) const RETRY_SECONDS: u64 = 2;
/// Bytes of what a site sends that joins.
const JOINING_BYTES_MAX: usize = 4 * 1024;
const HEADS_MAX: usize = 1_000;

/// A request of a site that was listened to.
#[derive(Clone)]
pub(crate) struct FromSite {
    pub site: Arc<str>,
    /// What it sent.
    pub body: bytes::Bytes,
    /// Its SHA-256, which the site signed.
    pub sha256: Arc<str>,
}

/// Why a site is not served, in a form for programs and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotServed {
    status: StatusCode,
    /// One word: what a link does about it.
    word: &'static str,
    why: String,
    retry_seconds: Option<u64>,
}

impl NotServed {
    pub(crate) fn new(status: StatusCode, word: &'static str, why: impl Into<String>) -> NotServed {
        NotServed { status, word, why: why.into(), retry_seconds: None }
    }

    /// Too much is going on.
    pub(crate) fn busy(retry_seconds: u64, why: impl Into<String>) -> NotServed {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        NotServed { status, word: "busy", why: why.into(), retry_seconds: Some(retry_seconds) }
    }

    fn malformed(what: &str) -> NotServed {
        NotServed::new(StatusCode::BAD_REQUEST, "malformed", format!("{what} is not as a link writes it"))
    }
}

impl From<NotDone> for NotServed {
    fn from(why: NotDone) -> NotServed {
        NotServed::busy(RETRY_SECONDS, why.to_string())
    }
}

impl axum::response::IntoResponse for NotServed {
    fn into_response(self) -> Response {
        let body = json!({ "refused": self.word, "why": self.why }).to_string();
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        if let Some(seconds) = self.retry_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What a handler answers.
pub(crate) type Served<T = Response> = Result<T, NotServed>;

pub(crate) fn answered(facts: &impl Serialize) -> Served {
    let text = serde_json::to_string(facts).map_err(|_| NotServed::malformed("the answer"))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// What a site sent, as JSON.
pub(crate) fn sent<T: DeserializeOwned>(body: &[u8]) -> Served<T> {
    serde_json::from_slice(body).map_err(|_| NotServed::malformed("what was sent"))
}

/// Lets a request through that an enrolled site signed, with its body.
pub(crate) async fn guard(State(pages): State<Shared>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let let_through = async {
        let (shown, sha256) = shown(&parts.headers).ok_or_else(|| unadmitted(&NotAdmitted::Unknown))?;
        let bytes = length(&parts.headers)?;
        let site: Arc<str> = shown.site.as_str().into();
        let method = parts.method.clone();
        let path = parts.uri.path_and_query().map_or(parts.uri.path(), |path| path.as_str()).to_owned();
        let signed = sha256.clone();
        let admitted = pages.ask(move |desk, now| {
            let asked = Asked { method: method.as_str(), path: &path, body_sha256: &signed };
            desk.admit(&asked, &shown, now)
        });
        admitted.await.map_err(|why| unadmitted(&why))?;
        let Ok(place) = pages.bodies.try_acquire() else {
            return Err(NotServed::busy(RETRY_SECONDS, "too many deliveries at once"));
        };
        let body = whole(body, bytes).await?;
        if digest(body.as_ref()) != sha256 {
            return Err(NotServed::malformed("the body"));
        }
        parts.extensions.insert(FromSite { site, body: bytes::Bytes::from_owner(body), sha256: sha256.into() });
        Ok(place)
    };
    match let_through.await {
        Ok(_place) => next.run(Request::from_parts(parts, Body::empty())).await,
        Err(why) => why.into_response(),
    }
}

/// What a request shows of its site, and the hash of its body.
fn shown(headers: &HeaderMap) -> Option<(Shown, String)> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let counter = text("retrocall-counter")?.parse().ok()?;
    let (site, start) = (text("retrocall-site")?, text("retrocall-start")?);
    Some((Shown { site, counter, start, signature: text("retrocall-signature")? }, text("retrocall-body")?))
}

/// How many bytes come. Without that nobody knows how much room they need.
fn length(headers: &HeaderMap) -> Served<usize> {
    let given = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match given.unwrap_or(0) {
        0 if headers.contains_key(header::TRANSFER_ENCODING) => Err(NotServed::malformed("its length")),
        bytes if bytes > PART_BYTES_MAX => {
            let why = format!("it has {bytes} bytes, more than {PART_BYTES_MAX}");
            Err(NotServed::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", why))
        }
        bytes => Ok(usize::try_from(bytes).unwrap_or(0)),
    }
}

/// All of a body, in memory that is wiped.
async fn whole(body: Body, bytes: usize) -> Served<Piece> {
    let read = async {
        let (mut piece, mut stream) = (Piece::with_room(bytes), body.into_data_stream());
        while let Some(some) = stream.next().await {
            let some = some.map_err(|_| NotServed::malformed("the body"))?;
            if !piece.add(&some) {
                return Err(NotServed::malformed("its length"));
            }
        }
        Ok(piece)
    };
    tokio::time::timeout(BODY_TIME, read).await.unwrap_or_else(|_| Err(NotServed::malformed("the body")))
}

fn unadmitted(why: &NotAdmitted) -> NotServed {
    let (status, word) = match why {
        NotAdmitted::Unknown => (StatusCode::UNAUTHORIZED, "unknown"),
        NotAdmitted::Standing(Standing::Quarantined) => (StatusCode::FORBIDDEN, "quarantined"),
        NotAdmitted::Standing(_) => (StatusCode::FORBIDDEN, "withdrawn"),
        NotAdmitted::Repeated => (StatusCode::CONFLICT, "repeated"),
        NotAdmitted::Records(_) => return NotServed::busy(RETRY_SECONDS, why.to_string()),
    };
    NotServed::new(status, word, why.to_string())
}

/// A site joins, by a code that an administrator made.
pub(crate) async fn join(State(pages): State<Shared>, request: Request) -> Served {
    let body = axum::body::to_bytes(request.into_body(), JOINING_BYTES_MAX);
    let body = tokio::time::timeout(BODY_TIME, body).await;
    let Ok(Ok(body)) = body else { return Err(NotServed::malformed("the body")) };
    let joining: Joining = sent(&body)?;
    let enrolled = pages.ask(move |desk, now| desk.enrol(&joining, now)).await;
    let site = enrolled.map_err(|why| match why {
        NotEnrolled::Code => NotServed::new(StatusCode::FORBIDDEN, "code", why.to_string()),
        NotEnrolled::Unsigned => NotServed::new(StatusCode::FORBIDDEN, "unsigned", why.to_string()),
        NotEnrolled::Records(_) => NotServed::busy(RETRY_SECONDS, why.to_string()),
    })?;
    tracing::info!(site, "a site has joined");
    answered(&json!({ "site": site }))
}

/// A site opens its socket for the button from afar.
pub(crate) async fn live(
    State(pages): State<Shared>,
    Extension(from): Extension<FromSite>,
    upgrade: WebSocketUpgrade,
) -> Served {
    let afar = pages.afar.clone().ok_or_else(|| NotServed::busy(RETRY_SECONDS, "this is no centre"))?;
    let too_many = || NotServed::busy(RETRY_SECONDS, "too many sites have a socket here");
    let place = afar.place().ok_or_else(too_many)?;
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| serve(afar, from.site, socket, place)))
}

/// What a site says of itself; what the centre has of its ledger, and orders.
pub(crate) async fn news(State(pages): State<Shared>, Extension(from): Extension<FromSite>) -> Served {
    let news: SiteNews = sent(&from.body)?;
    let told = pages.ask(move |desk, now| {
        desk.note_site(&from.site, &news, now)?;
        let orders = desk.hear_of_orders(&from.site, &news.orders, now)?;
        Ok::<_, NotDone>((desk.ledger_progress(&from.site)?, orders))
    });
    let (ledger, orders) = told.await?;
    answered(&json!({ "ledger": ledger, "orders": orders }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Heads {
    ledger_key: String,
    heads: Vec<(String, String)>,
    periods: Vec<PeriodFacts>,
}

/// Whether this is the ledger's key of the site: its name follows from it.
fn is_key_of(key: &str, site: &str) -> bool {
    let of = key.parse::<Verifier>().ok().and_then(|key| site_of_itself(&key));
    of.is_some_and(|of| of.as_str() == site)
}

fn is_day(day: &str) -> bool {
    day.parse::<Date>().is_ok_and(|same| same.to_string() == day)
}

/// Heads of a site's ledger, and periods of its draw. Key and heads go to the store, from which alone anybody can verify all of it.
pub(crate) async fn heads(State(pages): State<Shared>, Extension(from): Extension<FromSite>) -> Served {
    let Heads { ledger_key, heads, periods } = sent(&from.body)?;
    let is_well = is_key_of(&ledger_key, &from.site)
        && heads.len() <= HEADS_MAX
        && periods.len() <= HEADS_MAX
        && heads.iter().all(|(day, _)| is_day(day))
        && periods.iter().all(|period| is_day(&period.day));
    if !is_well {
        return Err(NotServed::malformed("a head"));
    }
    let store = store(&pages)?;
    let mut texts = vec![(ledger_key_place(&from.site, &digest(ledger_key.as_bytes())), ledger_key)];
    let place = |day: &str, text: &str| ledger_head_place(&from.site, day, &digest(text.as_bytes()));
    texts.extend(heads.iter().map(|(day, text)| (place(day, text), text.clone())));
    for (place, text) in texts {
        store.put(&place, text.into()).await.map_err(|error| away(&error))?;
    }
    pages.ask(move |desk, _| desk.note_heads(&from.site, &heads, &periods)).await?;
    answered(&json!({}))
}

pub(crate) fn store(pages: &Shared) -> Served<&Store> {
    pages.store.as_ref().ok_or_else(|| NotServed::new(StatusCode::NOT_FOUND, "no-centre", "this is no centre"))
}

/// Rows of a site's ledger, a line each. They go to the store; the records know from where to where.
pub(crate) async fn piece(
    State(pages): State<Shared>,
    Extension(from): Extension<FromSite>,
    Place((month, first)): Place<(String, u64)>,
) -> Served {
    if !is_day(&format!("{month}-01")) {
        return Err(NotServed::malformed("the month"));
    }
    let count = from.body.iter().filter(|byte| **byte == b'\n').count() as u64;
    let end = first.saturating_add(count);
    let place = ledger_place(&from.site, &month, (first, end), &from.sha256);
    store(&pages)?.put(&place, from.body.clone()).await.map_err(|error| away(&error))?;
    let piece = LedgerPiece { month, first_row: first, end_row: end, place };
    let is_noted = pages.ask(move |desk, _| desk.note_piece(&from.site, &piece)).await?;
    answered(&json!({ "noted": is_noted }))
}

/// What a store that does not answer means for a site.
pub(crate) fn away(error: &retrocall_store::StoreError) -> NotServed {
    NotServed::new(StatusCode::INTERNAL_SERVER_ERROR, "store", error.to_string())
}
