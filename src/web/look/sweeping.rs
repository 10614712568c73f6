//! "Clean up now": the officer or an administrator has what is due deleted at once, and not within the hour: by the engine, or at a centre by this process.

use axum::{extract::State, response::Response};
use maud::{Markup, html};
use retrocall_records::sweep::ask_now;
use retrocall_words::{Ask, Target, Verdict};

use crate::{
    answer::{Answer, Refusal, shown},
    asked::Asked,
    frame,
    pages::Shared,
};

/// The button, on the page from which one comes back to it.
pub(super) fn button(asked: &Asked) -> Markup {
    let texts = asked.texts();
    html! {
        form.listen.sweep method="post" action="/sweep" {
            (frame::token(asked))
            button type="submit" { (texts.say("sweep-now")) }
            span.hint { (texts.say("sweep-now-what")) }
        }
    }
}

/// Asks the engine, which looks itself whether they may. At a centre there is none, and the table of routes has said it.
pub(crate) async fn ask(pages: &Shared, asked: &Asked) -> Answer<()> {
    let who = asked.who()?;
    if pages.store.is_some() {
        ask_now(pages.home());
        return Ok(());
    }
    let told = pages.ask_engine(move |engine| engine.in_name_of(&who.name)?.ask(Target::Own, Ask::Sweep)).await?;
    match told.answer {
        Verdict::Refused => Err(told.reason.map_or(Refusal::Busy, Refusal::Engine)),
        _ => Ok(()),
    }
}

pub(crate) async fn now(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    ask(&pages, &asked).await?;
    let texts = asked.texts();
    let content = html! {
        section.notice {
            h1 { (texts.say("sweep-begun")) }
            p { (texts.say("sweep-begun-what")) }
            p { a.button href="/" { (texts.say("to-start")) } }
        }
    };
    shown(frame::page(&asked, &texts.say("sweep-begun"), content))
}
