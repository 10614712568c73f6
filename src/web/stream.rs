//! What pages hear without asking again (server-sent events): how something is, told when it changes.
//!
//! Belongs here: how often it is looked at, and that whoever hears may still. Does not: what it is.
//!
//! Hearing is no click: whoever only lets a page stand open is logged out as others are.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use parking_lot::Mutex;
use retrocall_records::desk::Logins as _;
use tokio::time::sleep;

use super::{
    answer::{Answer, Refusal},
    asked::Asked,
    engine::Engine,
    pages::Shared,
};

/// How often it is looked at: soon enough for somebody who waits for a call to appear.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After so many looks without a change something is sent all the same, so that a connection that is gone is noticed.
const QUIET_LOOKS_MAX: u32 = 15;

/// What a stream remembers from one look to the next.
struct Watch<L> {
    pages: Shared,
    secret: Arc<str>,
    look: Arc<Mutex<L>>,
    last: Option<String>,
    is_first: bool,
}

/// Sends what `look` gives, one line of JSON, whenever it is another than before, for as long as whoever asked is logged in.
pub(crate) fn changes<L>(pages: &Shared, asked: &Asked, look: L) -> Answer<Response>
where
    L: FnMut(&Engine) -> String + Send + 'static,
{
    let secret = asked.secret.clone().ok_or(Refusal::LogIn)?;
    let look = Arc::new(Mutex::new(look));
    let watch = Watch { pages: Arc::clone(pages), secret, look, last: None, is_first: true };
    let told = futures_util::stream::unfold(watch, next);
    let mut response = Response::new(Body::from_stream(told));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

/// The next line, and what comes after it. None: they may hear no more.
async fn next<L>(mut watch: Watch<L>) -> Option<(Result<String, Infallible>, Watch<L>)>
where
    L: FnMut(&Engine) -> String + Send + 'static,
{
    let mut quiet = 0;
    let line = loop {
        if !std::mem::take(&mut watch.is_first) {
            sleep(LOOK_EVERY).await;
        }
        let look = Arc::clone(&watch.look);
        let now = watch.pages.ask_engine(move |engine| look.lock()(engine)).await;
        if watch.last.as_ref() != Some(&now) {
            watch.last = Some(now.clone());
            break format!("data: {now}\n\n");
        }
        quiet += 1;
        if quiet >= QUIET_LOOKS_MAX {
            break ":\n\n".to_owned();
        }
    };
    let (secret, limits) = (Arc::clone(&watch.secret), watch.pages.rules.sessions);
    let is_in = watch.pages.ask(move |desk, now| desk.is_logged_in(&secret, limits, now)).await;
    is_in.is_ok_and(|is_in| is_in).then_some((Ok(line), watch))
}
