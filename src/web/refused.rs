//! Why somebody did not get what they asked for, as a page that says what to do.

use std::time::Duration;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use maud::{Markup, html};
use retrocall_records::desk::NotDone;

use super::{answer::Refusal, asked::Asked, frame};

/// What a program gets: a word, and a sentence.
fn for_program(refusal: &Refusal, asked: &Asked) -> Response {
    let word = match refusal {
        Refusal::Engine(reason) => reason.as_str(),
        Refusal::NotPressed(why) => why.word(),
        refusal => title(refusal).trim_start_matches("refused-"),
    };
    let text = match refusal {
        Refusal::NotDone(why) => why.to_string(),
        Refusal::Engine(reason) => reason.to_string(),
        Refusal::NotPressed(why) => asked.texts().say(why.text()),
        refusal => asked.texts().say(title(refusal)),
    };
    let body = serde_json::json!({ "error": word, "text": text }).to_string();
    let mut response = (refusal.status(), [(header::CONTENT_TYPE, "application/json")], body).into_response();
    if *refusal == Refusal::LogIn {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The page, for whoever asked.
pub(crate) fn page(refusal: &Refusal, asked: &Asked) -> Response {
    if asked.is_program() {
        return for_program(refusal, asked);
    }
    let page = (refusal.status(), frame::page(asked, &asked.texts().say(title(refusal)), content(refusal, asked)));
    let mut response = page.into_response();
    if let Refusal::TooMany(wait) = refusal {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds(*wait)));
    }
    response
}

fn title(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::LogIn => "refused-log-in",
        Refusal::NotForYou(_) => "refused-not-for-you",
        Refusal::NoSuchPage | Refusal::NotDone(NotDone::Absent(_)) => "refused-no-such-page",
        Refusal::OldPage => "refused-old-page",
        Refusal::Incomplete => "refused-incomplete",
        Refusal::TooLong(_) => "refused-too-long",
        Refusal::TooMany(_) => "refused-too-many",
        Refusal::NotListening => "refused-not-listening",
        Refusal::NotDone(NotDone::Catalog(_)) => "refused-catalog",
        Refusal::NotDone(NotDone::TooLate) => "refused-too-late",
        Refusal::NotDone(_) | Refusal::Engine(_) | Refusal::NotPressed(_) => "refused-not-done",
        Refusal::NoEngine => "refused-no-engine",
        Refusal::Unreadable => "refused-unreadable",
        Refusal::Busy => "refused-busy",
    }
}

fn content(refusal: &Refusal, asked: &Asked) -> Markup {
    let texts = asked.texts();
    html! {
        section.notice {
            h1 { (texts.say(title(refusal))) }
            @match refusal {
                Refusal::NotForYou(roles) => {
                    p { (texts.fill("refused-not-for-you-why", [("roles", frame::roles(asked, roles).into())])) }
                }
                Refusal::TooMany(wait) => {
                    p { (texts.fill("refused-too-many-why", [("seconds", seconds(*wait).into())])) }
                }
                Refusal::TooLong(chars) => {
                    p { (texts.fill("refused-too-long-why", [("chars", (*chars as u64).into())])) }
                }
                Refusal::NotDone(NotDone::TooLate) => p { (texts.say("refused-too-late-why")) }
                // In the words of the desk, and of the engine.
                Refusal::NotDone(why) => p { (why) }
                Refusal::Engine(why) => p { (why) }
                Refusal::NotPressed(why) => p { (texts.say(why.text())) }
                Refusal::NoEngine => p { (texts.say("refused-no-engine-why")) }
                Refusal::LogIn => p { (texts.say("refused-log-in-why")) }
                Refusal::NoSuchPage => p { (texts.say("refused-no-such-page-why")) }
                Refusal::OldPage => p { (texts.say("refused-old-page-why")) }
                Refusal::Incomplete => p { (texts.say("refused-incomplete-why")) }
                Refusal::NotListening => p { (texts.say("refused-not-listening-why")) }
                Refusal::Unreadable => p { (texts.say("refused-unreadable-why")) }
                Refusal::Busy => p { (texts.say("refused-busy-why")) }
            }
            p {
                @if asked.person.is_some() {
                    a.button href="/" { (texts.say("to-start")) }
                } @else {
                    a.button href="/login" { (texts.say("log-in")) }
                }
            }
        }
    }
}

fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + 1
}
