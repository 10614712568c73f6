//! "Teaching material": a trainee hears what they are named for, and learns nothing else of the call; a reviewer and the officer name trainees (D6).

use axum::{extract::State, response::Response};
use maud::{Markup, html};
use retrocall_records::desk::{DeskRole, Listening as _, Material, Reviews as _, Sound, Teaching as _};

use super::player;
use crate::{
    answer::{Answer, Refusal, on_to, shown},
    asked::Asked,
    frame,
    pages::Shared,
};

/// Characters of what it teaches.
const TEXT_CHARS_MAX: usize = 4_000;
/// Characters of an account's name.
const NAME_CHARS_MAX: usize = 200;
const HERE: &str = "/teaching";
const NAMING: &[DeskRole] = &[DeskRole::Reviewer, DeskRole::PrivacyOfficer];

/// Some material, and its sound for whoever may hear it.
type Seen = (Material, Option<Sound>);

pub(crate) async fn show(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let all = pages
        .ask(move |desk, now| -> Answer<Vec<Seen>> {
            let with_sound = |material: Material| {
                let sound = desk.sound(&who, &material.recording, now).ok();
                (material, sound)
            };
            Ok(desk.material(&who, now)?.into_iter().map(with_sound).collect())
        })
        .await?;
    let texts = asked.texts();
    let names = asked.is_one_of(NAMING);
    let content = html! {
        h1 { (texts.say("teaching-title")) }
        p.hint { (texts.say("teaching-rule")) }
        @if all.is_empty() { p.notice { (texts.say("teaching-none")) } }
        @for (material, sound) in &all {
            article.call.own id=(format!("m{}", material.recording)) {
                header {
                    h2 { (material.reason) }
                    p { (texts.fill("teaching-until", [("day", frame::day(&asked, material.review_on).into())])) }
                }
                @match sound {
                    Some(sound) => (player::show(&pages, &asked, &material.recording, sound, HERE, None)),
                    None => p.hint { (texts.say("teaching-not-named")) },
                }
                @if names { (trainees(&asked, material)) }
            }
        }
    };
    shown(frame::page(&asked, &texts.say("teaching-title"), content))
}

fn trainees(asked: &Asked, material: &Material) -> Markup {
    let texts = asked.texts();
    html! {
        section {
            h3 { (texts.say("teaching-trainees")) }
            @for trainee in &material.trainees {
                form.row method="post" action="/teaching/withdraw" {
                    (frame::token(asked))
                    input type="hidden" name="recording" value=(material.recording);
                    input type="hidden" name="user" value=(trainee);
                    span { (trainee) }
                    button.quiet type="submit" { (texts.say("teaching-withdraw")) }
                }
            }
            form.row method="post" action="/teaching/name" {
                (frame::token(asked))
                input type="hidden" name="recording" value=(material.recording);
                label { (texts.say("user-name")) input type="text" name="user" maxlength=(NAME_CHARS_MAX) required; }
                button type="submit" { (texts.say("teaching-name")) }
            }
        }
    }
}

/// The form with which a reviewer proposes what they have just heard.
pub(super) fn proposing(asked: &Asked, recording: &str) -> Markup {
    let texts = asked.texts();
    html! {
        details {
            summary { (texts.say("teaching-propose")) }
            p.hint { (texts.say("teaching-propose-what")) }
            form.fields method="post" action=(HERE) {
                (frame::token(asked))
                input type="hidden" name="recording" value=(recording);
                label { (texts.say("teaching-reason")) input type="text" name="reason" maxlength=(TEXT_CHARS_MAX) required; }
                button type="submit" { (texts.say("teaching-propose-do")) }
            }
        }
    }
}

/// It is proposed: its agent is asked, then a second listener.
pub(crate) async fn propose(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let recording = asked.form.get("recording").ok_or(Refusal::Incomplete)?.to_owned();
    let reason = asked.form.text("reason", TEXT_CHARS_MAX)?.ok_or(Refusal::Incomplete)?;
    pages.ask(move |desk, now| desk.propose_training(&who, &recording, &reason, now)).await?;
    on_to("/decisions")
}

/// The recording and the account that a form names.
fn meant(asked: &Asked) -> Answer<(String, String)> {
    let field = |name| asked.form.get(name).map(str::to_owned).ok_or(Refusal::Incomplete);
    Ok((field("recording")?, field("user")?))
}

pub(crate) async fn name(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, (recording, user)) = (asked.who()?, meant(&asked)?);
    pages.ask(move |desk, now| desk.name_trainee(&who, &recording, &user, now)).await?;
    on_to(HERE)
}

pub(crate) async fn withdraw(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, (recording, user)) = (asked.who()?, meant(&asked)?);
    pages.ask(move |desk, now| desk.withdraw_trainee(&who, &recording, &user, now)).await?;
    on_to(HERE)
}
