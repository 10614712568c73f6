//! One recording, with its sound and its story, for those who see it by name: its agent, case handlers, the privacy officer.

use std::collections::HashMap;

use axum::{
    extract::{Path as Place, State},
    response::Response,
};
use maud::{Markup, html};
use retrocall_records::desk::{Desk as _, Listening as _, Outlook, Outlooks as _, Sound, Story};

use super::player;
use crate::{
    answer::{Answer, Refusal, shown},
    asked::Asked,
    frame,
    pages::{Pages, Shared},
};

type Seen = (Story, Result<Sound, Refusal>, HashMap<String, Outlook>);

pub(crate) async fn show(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let who = asked.who()?;
    let (retention, calendar) = (pages.rules.retention, pages.rules.calendar.clone());
    let recording = id.clone();
    let (story, sound, outlooks) = pages
        .ask(move |desk, now| -> Answer<Seen> {
            let story = desk.story(&who, &recording)?;
            let sound = desk.sound(&who, &recording, now).map_err(Refusal::from);
            let yesterday = calendar.day_of(now).yesterday().map_err(|_| Refusal::Busy)?;
            let today = calendar.end_of(yesterday);
            let outlooks = desk.outlooks(&who, &[recording], (retention, &calendar), today, now)?;
            Ok((story, sound, outlooks))
        })
        .await?;
    let texts = asked.texts();
    let began = frame::moment(&asked, story.recording.start, pages.zone());
    let title = texts.fill("recording-title", [("agent", (&*story.recording.agent).into()), ("moment", began.into())]);
    let case = asked.query.get("case").filter(|case| case.len() < 64);
    let content = html! {
        article.call {
            header {
                h1 { (title) }
                p {
                    @for purpose in &story.recording.purposes { span.tag { (frame::purpose(&asked, *purpose)) } " " }
                    @if let Some(outlook) = outlooks.get(&id) { (frame::until(&asked, outlook, pages.zone())) }
                }
            }
            @match &sound {
                Ok(sound) => (player::show(&pages, &asked, &id, sound, &format!("/recordings/{id}"), case)),
                Err(_) => p.warning { (texts.say("recording-no-sound")) },
            }
            (uses(&pages, &asked, &story))
            (holds(&pages, &asked, &story))
        }
    };
    shown(frame::page(&asked, &title, content))
}

fn uses(pages: &Pages, asked: &Asked, story: &Story) -> Markup {
    let texts = asked.texts();
    html! {
        section {
            h2 { (texts.say("recording-uses")) }
            @if story.uses.is_empty() { p.hint { (texts.say("mine-nobody-listened")) } }
            ul {
                @for used in &story.uses {
                    li { (frame::used(asked, used, pages.zone())) }
                }
            }
        }
    }
}

fn holds(pages: &Pages, asked: &Asked, story: &Story) -> Markup {
    let texts = asked.texts();
    html! {
        @if !story.holds.is_empty() {
            section {
                h2 { (texts.say("recording-holds")) }
                ul {
                    @for hold in &story.holds {
                        li {
                            (hold.reason) " · " (hold.owner) " · " (hold.until)
                            @if let Some(released) = hold.released_at {
                                " · " (texts.fill("recording-released", [("moment", frame::moment(asked, released, pages.zone()).into())]))
                            }
                        }
                    }
                }
            }
        }
    }
}
