//! The first page: where somebody's work is, or what to do if there is none for them.

use axum::response::Response;
use maud::html;

use crate::{
    answer::{Answer, Refusal, on_to, shown},
    asked::Asked,
    frame,
};

pub(crate) async fn show(asked: Asked) -> Answer<Response> {
    if let Some(start) = frame::start_of(&asked) {
        return on_to(start);
    }
    let texts = asked.texts();
    let roles: Vec<_> = asked.who()?.roles.iter().copied().collect();
    let content = html! {
        section.notice {
            h1 { (texts.say("start-nothing")) }
            p { (texts.fill("start-nothing-why", [("roles", frame::roles(&asked, &roles).into())])) }
        }
    };
    shown(frame::page(&asked, &texts.say("start-nothing"), content))
}

/// For every other place.
pub(crate) async fn nowhere() -> Refusal {
    Refusal::NoSuchPage
}
