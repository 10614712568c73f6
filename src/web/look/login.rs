//! Logging in and out.

use std::sync::Arc;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use maud::{Markup, html};
use retrocall_records::desk::Logins as _;

use crate::{
    answer::{Answer, Refusal, on_to, shown},
    asked::{Asked, is_place},
    frame,
    guard::secret_cookie,
    pages::{Pages, Shared},
    password::{self, PASSWORD_BYTES_MAX},
    secret,
};

/// Who waits longer for a place to hash a password is told to come again.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

pub(crate) async fn show(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    if asked.person.is_some() {
        return on_to("/");
    }
    if asked.secret.is_some() {
        return shown(page(&asked, None));
    }
    // Without a secret of its own the form would be anybody's.
    let secret: Arc<str> = secret::new().map_err(|_| Refusal::Busy)?.into();
    let asked = Asked { secret: Some(Arc::clone(&secret)), ..asked };
    let mut response = page(&asked, None).into_response();
    response.headers_mut().append(header::SET_COOKIE, secret_cookie(&pages, &secret));
    Ok(response)
}

fn page(asked: &Asked, wrong: Option<String>) -> Markup {
    let texts = asked.texts();
    let to = asked.query.get("to").or(asked.form.get("to")).filter(|to| is_place(to)).unwrap_or("/");
    let content = html! {
        section.narrow {
            h1 { (texts.say("log-in")) }
            @if let Some(wrong) = wrong { p.wrong role="alert" { (wrong) } }
            form.fields method="post" action="/login" {
                (frame::token(asked))
                input type="hidden" name="to" value=(to);
                label { (texts.say("user-name"))
                    input type="text" name="name" autocomplete="username" autocapitalize="none" spellcheck="false"
                        value=[asked.form.get("name")] required autofocus;
                }
                label { (texts.say("password"))
                    input type="password" name="password" autocomplete="current-password" required;
                }
                button.main type="submit" { (texts.say("log-in")) }
            }
            p.hint { (texts.say("log-in-hint")) }
        }
    };
    frame::page(asked, &texts.say("log-in"), content)
}

/// Somebody shows a password. Whoever is let in gets another secret: one that was planted in the browser before opens nothing.
pub(crate) async fn log_in(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let name = asked.form.get("name").unwrap_or_default().to_owned();
    let typed = asked.form.raw("password").to_owned();
    let Some(hash) = is_password(&pages, &asked, &name, typed).await? else {
        tracing::info!(address = %asked.address, "somebody was not let in: the name or the password was wrong");
        let page = page(&asked, Some(asked.texts().say("log-in-wrong")));
        return Ok((axum::http::StatusCode::UNAUTHORIZED, page).into_response());
    };
    let to = asked.form.get("to").filter(|to| is_place(to)).unwrap_or("/");
    let_in(&pages, &name, hash, to).await
}

/// The hash of somebody's password, if this is it.
pub(crate) async fn is_password(pages: &Shared, asked: &Asked, name: &str, typed: String) -> Answer<Option<String>> {
    pages.attempts.take(name, asked.address).map_err(Refusal::TooMany)?;
    if typed.len() > PASSWORD_BYTES_MAX {
        return Ok(None);
    }
    let account = name.to_owned();
    let hash = pages.ask(move |desk, _| desk.password(&account)).await?;
    let known = hash.clone();
    let is_right = hashing(pages, move || password::is_right(&typed, known.as_deref())).await?;
    if is_right {
        pages.attempts.succeeded(name);
    }
    Ok(hash.filter(|_| is_right))
}

/// Hashes, in one of few places.
pub(crate) async fn hashing<T: Send + 'static>(pages: &Shared, work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    let place = tokio::time::timeout(PATIENCE, pages.hashing.acquire()).await;
    let Ok(Ok(_place)) = place else { return Err(Refusal::Busy) };
    Ok(pages.ask(move |_, _| work()).await)
}

/// Lets somebody in, with a new secret.
pub(crate) async fn let_in(pages: &Shared, name: &str, hash: String, to: &str) -> Answer<Response> {
    let secret = secret::new().map_err(|_| Refusal::Busy)?;
    let (name, held) = (name.to_owned(), secret.clone());
    let is_in = pages.ask(move |desk, now| desk.log_in(&name, &hash, &held, now)).await?;
    if !is_in {
        // The password was changed in this very moment.
        return Err(Refusal::LogIn);
    }
    let mut response = on_to(to)?;
    response.headers_mut().append(header::SET_COOKIE, secret_cookie(pages, &secret));
    Ok(response)
}

pub(crate) async fn log_out(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    if let Some(held) = asked.secret.clone() {
        let limits = pages.rules.sessions;
        pages.ask(move |desk, now| desk.log_out(&held, limits, now)).await?;
    }
    let mut response = on_to("/login")?;
    response.headers_mut().append(header::SET_COOKIE, forgotten(&pages)?);
    Ok(response)
}

fn forgotten(pages: &Pages) -> Answer<axum::http::HeaderValue> {
    Ok(secret_cookie(pages, &secret::new().map_err(|_| Refusal::Busy)?))
}
