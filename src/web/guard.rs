//! What stands in front of every route: who asks, whether they may reach it, whether a form came from a page of ours.
//!
//! Belongs here: cookies, tokens of programs, forms, and making a page of a refusal. Does not: rights on recordings.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use axum::{
    body::{self, Body},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use retrocall_records::desk::{Logins as _, Person};
use retrocall_words::Word as _;

use super::{
    answer::{Answer, Refusal},
    asked::{Asked, Form, Who},
    pages::{Pages, Shared},
    refused, secret,
    text::Language,
};

/// In which language somebody reads.
pub(crate) const LANGUAGE_COOKIE: &str = "retrocall-language";
/// Bytes of a form, at most.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// How long a form may take to come.
const FORM_TIME: Duration = Duration::from_secs(10);

/// Where a request comes from, as the server that took the connection saw it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct From(pub IpAddr);

/// The name of the cookie that holds a browser's secret. By TLS the browser itself sees to it that only this server sets it.
fn secret_name(pages: &Pages) -> &'static str {
    if pages.is_secure { "__Host-retrocall" } else { "retrocall" }
}

/// Gives a browser its secret.
pub(crate) fn secret_cookie(pages: &Pages, secret: &str) -> HeaderValue {
    let secure = if pages.is_secure { "; Secure" } else { "" };
    let cookie = format!("{}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}", secret_name(pages));
    // A secret has hexadecimal digits alone.
    HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static(""))
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|header| header.to_str().ok());
    let mut pairs = all.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// Lets a request through to its page, or makes a page of why not.
pub(crate) async fn guard(State((pages, who)): State<(Shared, Who)>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let headers = &parts.headers;
    let secret = cookie(headers, secret_name(&pages)).filter(|secret| secret::is_one(secret)).map(Arc::from);
    let language = cookie(headers, LANGUAGE_COOKIE).and_then(Language::read).unwrap_or_else(|| {
        let asked_for = headers.get(header::ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
        Language::asked_for(asked_for.unwrap_or_default())
    });
    let mut asked = Asked {
        person: None,
        secret,
        language,
        address: parts.extensions.get::<From>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |from| from.0),
        came_at: pages.clock.now(),
        path: parts.uri.path().to_owned(),
        query: Form::read(parts.uri.query().unwrap_or_default().as_bytes()),
        form: Form::default(),
        body: Arc::from([]),
    };
    let is_program = asked.is_program();
    let let_through = async {
        let person = if is_program { bearer(&pages, &parts.headers).await? } else { person(&pages, &asked).await? };
        asked.person = person.map(Arc::new);
        may_reach(&asked, who)?;
        if parts.method == Method::POST && is_program {
            asked.body = whole(body).await?.into();
        } else if parts.method == Method::POST {
            asked.form = sent(&asked, &parts.headers, body).await?;
        }
        Ok(())
    };
    let response = match let_through.await {
        Ok(()) => {
            parts.extensions.insert(asked.clone());
            next.run(Request::from_parts(parts, Body::empty())).await
        }
        Err(Refusal::LogIn) if parts.method == Method::GET && !is_program => to_login(&asked).into_response(),
        Err(refusal) => return refused::page(&refusal, &asked),
    };
    match response.extensions().get::<Arc<Refusal>>() {
        Some(refusal) => refused::page(refusal, &asked),
        None => response,
    }
}

/// Whoever is not logged in comes back to where they wanted to go.
fn to_login(asked: &Asked) -> Redirect {
    let to: String = form_urlencoded::byte_serialize(asked.path.as_bytes()).collect();
    Redirect::to(&if asked.path == "/" { "/login".to_owned() } else { format!("/login?to={to}") })
}

/// Who asks, with the rights that they have at this moment.
async fn person(pages: &Shared, asked: &Asked) -> Answer<Option<Person>> {
    let Some(secret) = asked.secret.clone() else { return Ok(None) };
    let limits = pages.rules.sessions;
    Ok(pages.ask(move |desk, now| desk.logged_in(&secret, limits, now)).await?)
}

fn may_reach(asked: &Asked, who: Who) -> Answer<()> {
    match who {
        Who::Anybody => Ok(()),
        Who::LoggedIn => asked.who().map(drop),
        Who::Roles(roles) => {
            asked.who()?;
            if asked.is_one_of(roles) { Ok(()) } else { Err(Refusal::NotForYou(roles)) }
        }
    }
}

/// For whom a program acts, by the token that it shows. A browser's cookie is none: no page can make a browser act here.
async fn bearer(pages: &Shared, headers: &HeaderMap) -> Answer<Option<Person>> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
    let token = shown.and_then(|shown| shown.strip_prefix("Bearer ")).filter(|token| secret::is_one(token));
    let Some(token) = token.map(str::to_owned) else { return Ok(None) };
    Ok(pages.ask(move |desk, _| desk.bearer(&token)).await?)
}

/// All that was sent, if it comes in time.
async fn whole(body: Body) -> Answer<Vec<u8>> {
    let whole = tokio::time::timeout(FORM_TIME, body::to_bytes(body, FORM_BYTES_MAX)).await;
    let Ok(Ok(whole)) = whole else { return Err(Refusal::Incomplete) };
    Ok(whole.to_vec())
}

/// What a page of ours sent. Another page's form is refused by what the browser says of it, and by the token that it does not have.
async fn sent(asked: &Asked, headers: &HeaderMap, body: Body) -> Answer<Form> {
    let says = |name: &str| headers.get(name).and_then(|header| header.to_str().ok());
    if says("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(Refusal::OldPage);
    }
    if let (Some(origin), Some(host)) = (says("origin"), says("host"))
        && origin.split_once("://").is_none_or(|(_, from)| from != host)
    {
        return Err(Refusal::OldPage);
    }
    let form = Form::read(&whole(body).await?);
    let is_ours = asked.secret.is_some() && secret::same(form.raw("form"), &asked.form_token());
    if is_ours { Ok(form) } else { Err(Refusal::OldPage) }
}
