//! One recording, with its sound and its story, for those who see it by name: its agent, case handlers, the privacy officer.

use std::collections::HashMap;

use axum::{
    extract::{Path as Place, State},
    response::Response,
};
use jiff::Timestamp;
use maud::{Markup, html};
use retrocall_records::desk::{Desk as _, DeskRole, Listening as _, Outlook, Outlooks as _, Sound, Story};

use super::{disclosing, holds, player, purposes};
use crate::{
    answer::{Answer, Refusal, shown},
    asked::Asked,
    frame,
    pages::{Pages, Shared},
};

type Seen = (Story, Result<Sound, Refusal>, HashMap<String, Outlook>, Timestamp);

pub(crate) async fn show(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let who = asked.who()?;
    let (retention, calendar) = (pages.rules.retention, pages.rules.calendar.clone());
    let recording = id.clone();
    let (story, sound, outlooks, now) = pages
        .ask(move |desk, now| -> Answer<Seen> {
            let story = desk.story(&who, &recording)?;
            let sound = desk.sound(&who, &recording, now).map_err(Refusal::from);
            let yesterday = calendar.day_of(now).yesterday().map_err(|_| Refusal::Busy)?;
            let today = calendar.end_of(yesterday);
            let outlooks = desk.outlooks(&who, &[recording], (retention, &calendar), today, now)?;
            Ok((story, sound, outlooks, now))
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
            (stops(&pages, &asked, &story))
            (purposes::asking(&asked, &id, pages.rules.calendar.day_of(now)))
            @if asked.is_one_of(&[DeskRole::PrivacyOfficer]) {
                section aria-label=(texts.say("recording-decide")) {
                    h2 { (texts.say("recording-decide")) }
                    (holds::setting(&asked, &id, pages.rules.calendar.day_of(now)))
                    (disclosing::section(&asked, &story, sound.map_or(0, |sound| sound.parts.len()), now))
                }
            }
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

fn stops(pages: &Pages, asked: &Asked, story: &Story) -> Markup {
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
