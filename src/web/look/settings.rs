//! What somebody sets for themselves: language and password.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use maud::{Markup, html};
use retrocall_records::desk::Logins as _;
use retrocall_words::Word as _;

use super::login;
use crate::{
    answer::{Answer, Refusal, on_to, shown},
    asked::{Asked, is_place},
    frame,
    guard::LANGUAGE_COOKIE,
    pages::Shared,
    password::{self, PASSWORD_CHARS_MIN, TooShort},
    text::Language,
};

/// The language is kept in the browser for a year.
pub(crate) async fn language(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let language = asked.form.get("language").and_then(Language::read).ok_or(Refusal::Incomplete)?;
    let to = asked.form.get("to").filter(|to| is_place(to)).unwrap_or("/");
    let mut response = on_to(to)?;
    let secure = if pages.is_secure { "; Secure" } else { "" };
    let cookie =
        format!("{LANGUAGE_COOKIE}={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax{secure}", language.as_str());
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

pub(crate) async fn show(asked: Asked) -> Answer<Response> {
    shown(password_page(&asked, None))
}

fn password_page(asked: &Asked, wrong: Option<String>) -> Markup {
    let texts = asked.texts();
    let content = html! {
        section.narrow {
            h1 { (texts.say("own-password")) }
            p { (texts.fill("own-password-rule", [("chars", (PASSWORD_CHARS_MIN as u64).into())])) }
            @if let Some(wrong) = wrong { p.wrong role="alert" { (wrong) } }
            form.fields method="post" action="/password" {
                (frame::token(asked))
                label { (texts.say("password-now"))
                    input type="password" name="password" autocomplete="current-password" required autofocus;
                }
                label { (texts.say("password-new"))
                    input type="password" name="new" autocomplete="new-password" minlength=(PASSWORD_CHARS_MIN) required;
                }
                label { (texts.say("password-again"))
                    input type="password" name="again" autocomplete="new-password" minlength=(PASSWORD_CHARS_MIN) required;
                }
                button.main type="submit" { (texts.say("password-change")) }
            }
        }
    };
    frame::page(asked, &texts.say("own-password"), content)
}

/// Changes it: all browsers are logged out, and this one is logged in again with another secret.
pub(crate) async fn change(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let person = asked.who()?;
    let texts = asked.texts();
    let (old, new) = (asked.form.raw("password").to_owned(), asked.form.raw("new").to_owned());
    if new != asked.form.raw("again") {
        return shown(password_page(&asked, Some(texts.say("password-differs"))));
    }
    let Some(_) = login::is_password(&pages, &asked, &person.name, old).await? else {
        return shown(password_page(&asked, Some(texts.say("password-wrong"))));
    };
    let hashed = login::hashing(&pages, move || password::hash(&new)).await?;
    let hash = match hashed {
        Ok(hash) => hash,
        Err(TooShort::NotHashed) => return Err(Refusal::Busy),
        Err(_) => {
            let rule = texts.fill("own-password-rule", [("chars", (PASSWORD_CHARS_MIN as u64).into())]);
            return shown(password_page(&asked, Some(rule)));
        }
    };
    let (who, set) = (person.clone(), hash.clone());
    pages.ask(move |desk, now| desk.set_password(&who, &who.name, &set, now)).await?;
    login::let_in(&pages, &person.name, hash, "/").await
}
