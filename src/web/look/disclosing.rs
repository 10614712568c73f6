//! A recording is given to somebody outside, by law (D19): the officer says to whom, on which ground, under which reference; then its files can be
//! fetched, for as long as that is today's work.

use axum::{
    extract::{Path as Place, State},
    response::Response,
};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use retrocall_records::desk::{
    Desk as _, Disclosure, Disclosures as _, Listening as _, Person, SoundFile, Story, UseKind,
};

use crate::{
    answer::{Answer, Refusal, on_to},
    asked::Asked,
    copies, frame,
    pages::Shared,
};

/// Characters of each text.
const TEXT_CHARS_MAX: usize = 1_000;
/// For so long after it was noted the files can be fetched.
const FETCHED_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// The form on a recording's page, and the files of what was disclosed a moment ago.
pub(super) fn section(asked: &Asked, story: &Story, files: usize, now: Timestamp) -> Markup {
    let texts = asked.texts();
    let recording = &story.recording.id;
    let is_noted = asked.person.as_ref().is_some_and(|who| is_disclosed(story, who, now));
    html! {
        @if is_noted {
            p.notice role="status" { (texts.say("disclose-noted")) }
            div.row { (fetching(asked, recording, files)) }
        }
        details {
            summary { (texts.say("disclose")) }
            p.hint { (texts.say("disclose-what")) }
            form.fields method="post" action=(format!("/recordings/{recording}/disclose")) {
                (frame::token(asked))
                @for name in ["to", "ground", "reference"] {
                    label { (texts.say(&format!("disclose-{name}"))) input type="text" name=(name) maxlength=(TEXT_CHARS_MAX) required; }
                }
                button.danger type="submit" { (texts.say("disclose-do")) }
            }
        }
    }
}

fn fetching(asked: &Asked, recording: &str, files: usize) -> Markup {
    let texts = asked.texts();
    html! {
        @for number in 1..=files {
            a.button href=(format!("/recordings/{recording}/disclosed?part={number}")) download {
                (texts.fill("fetch-file", [("number", (number as u64).into()), ("of", (files as u64).into())]))
            }
        }
        a.button href=(format!("/recordings/{recording}/disclosed?part=sums")) download { (texts.say("fetch-sums")) }
    }
}

/// Whether this person has noted a disclosure of it that may still be carried out.
fn is_disclosed(story: &Story, who: &Person, now: Timestamp) -> bool {
    let is_now = |at: Timestamp| now.duration_since(at) < FETCHED_WITHIN;
    story.uses.iter().any(|used| used.kind == UseKind::Disclose && used.by == who.name && is_now(used.at))
}

/// Reads what was sent.
pub(crate) fn typed([to, ground, reference]: [Option<String>; 3]) -> Answer<Disclosure> {
    let given = |text: Option<String>| text.ok_or(Refusal::Incomplete);
    Ok(Disclosure { to: given(to)?, ground: given(ground)?, reference: given(reference)? })
}

/// It is noted.
pub(crate) async fn disclose(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let who = asked.who()?;
    let text = |name| asked.form.text(name, TEXT_CHARS_MAX);
    let how = typed([text("to")?, text("ground")?, text("reference")?])?;
    let recording = id.clone();
    pages.ask(move |desk, now| desk.disclose(&who, &recording, &how, now)).await?;
    on_to(&format!("/recordings/{id}"))
}

/// A file of it, or the checksums of all.
pub(crate) async fn fetch(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let who = asked.who()?;
    let files = pages
        .ask(move |desk, now| -> Answer<Vec<SoundFile>> {
            let story = desk.story(&who, &id)?;
            if !is_disclosed(&story, &who, now) {
                return Err(Refusal::NoSuchPage);
            }
            Ok(desk.sound(&who, &id, now)?.parts)
        })
        .await?;
    copies::sent(&pages, &asked, files).await
}
