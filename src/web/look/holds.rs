//! "Deletion stopped": the officer sees what is held against the rules, by whom and until when it is looked at again; sets it, and ends it (D19).

use axum::{extract::State, response::Response};
use jiff::{Span, civil::Date};
use maud::{Markup, html};
use retrocall_records::desk::{Desk as _, HOLD_REVIEW_DAYS_MAX, HoldEntry, NewHold};

use crate::{
    answer::{Answer, Refusal, on_to, shown},
    asked::Asked,
    frame,
    pages::{Pages, Shared},
};

/// Characters of a reason, and of what a hold waits for.
const TEXT_CHARS_MAX: usize = 4_000;
/// Characters of an owner's name.
const NAME_CHARS_MAX: usize = 200;
/// Days ahead of its review from which a hold is called due.
const DUE_DAYS: i64 = 14;
const HERE: &str = "/holds";

pub(crate) async fn show(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let (holds, now) = pages.ask(move |desk, now| desk.holds(&who).map(|holds| (holds, now))).await?;
    let (texts, today) = (asked.texts(), pages.rules.calendar.day_of(now));
    let content = html! {
        h1 { (texts.say("holds-title")) }
        p.hint { (texts.say("holds-what")) }
        @if holds.is_empty() { p.notice { (texts.say("holds-none")) } }
        @for hold in &holds { (one(&pages, &asked, hold, today)) }
    };
    shown(frame::page(&asked, &texts.say("holds-title"), content))
}

fn one(pages: &Pages, asked: &Asked, hold: &HoldEntry, today: Date) -> Markup {
    let texts = asked.texts();
    let is_due = hold.review_on <= today.saturating_add(Span::new().days(DUE_DAYS));
    let set = [("owner", (&*hold.owner).into()), ("moment", frame::moment(asked, hold.set_at, pages.zone()).into())];
    html! {
        article.call.own data-hold=(hold.hold) {
            header { h2 { (hold.reason) } p { (texts.fill("holds-set", set)) } }
            p { (texts.fill("holds-until", [("until", (&*hold.until).into())])) }
            p.warning[is_due] { (texts.fill("holds-review", [("day", frame::day(asked, hold.review_on).into())])) }
            p {
                a href=(format!("/recordings/{}", hold.recording)) {
                    (texts.fill("recording-title", [
                        ("agent", (&*hold.agent).into()),
                        ("moment", frame::moment(asked, hold.start, pages.zone()).into()),
                    ]))
                }
            }
            details {
                summary { (texts.say("holds-release")) }
                p.hint { (texts.say("holds-release-does")) }
                form.fields method="post" action="/holds/release" {
                    (frame::token(asked))
                    input type="hidden" name="hold" value=(hold.hold);
                    label { (texts.say("holds-release-why")) input type="text" name="why" maxlength=(TEXT_CHARS_MAX) required; }
                    button.danger type="submit" { (texts.say("holds-release-do")) }
                }
            }
        }
    }
}

/// The form on a recording's page with which its deletion is stopped.
pub(super) fn setting(asked: &Asked, recording: &str, today: Date) -> Markup {
    let texts = asked.texts();
    let last = last_review(today);
    let owner = asked.person.as_ref().map(|person| person.name.as_str());
    html! {
        details {
            summary { (texts.say("holds-stop")) }
            p.hint { (texts.say("holds-what")) }
            form.fields method="post" action=(HERE) {
                (frame::token(asked))
                input type="hidden" name="recording" value=(recording);
                label { (texts.say("holds-reason")) input type="text" name="reason" maxlength=(TEXT_CHARS_MAX) required; }
                label { (texts.say("holds-until-what")) input type="text" name="until" maxlength=(TEXT_CHARS_MAX) required; }
                label { (texts.say("holds-owner")) input type="text" name="owner" maxlength=(NAME_CHARS_MAX) value=[owner] required; }
                label { (texts.say("holds-review-on"))
                    input type="date" name="review" value=(last) min=(today) max=(last) required;
                    span.hint { (texts.say("holds-review-hint")) }
                }
                button.main type="submit" { (texts.say("holds-stop-do")) }
            }
        }
    }
}

fn last_review(today: Date) -> Date {
    today.saturating_add(Span::new().days(HOLD_REVIEW_DAYS_MAX))
}

/// Reads a hold as it was typed. Without a day it is looked at again as late as may be.
pub(crate) fn typed([reason, until, owner]: [Option<String>; 3], review: Option<&str>, today: Date) -> Answer<NewHold> {
    let given = |text: Option<String>| text.ok_or(Refusal::Incomplete);
    let review_on = review.map_or(Ok(last_review(today)), str::parse).map_err(|_| Refusal::Incomplete)?;
    let owner = retrocall_words::name(&given(owner)?).map_err(|_| Refusal::Incomplete)?;
    Ok(NewHold { reason: given(reason)?, until: given(until)?, owner, review_on })
}

pub(crate) async fn set(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let recording = asked.form.get("recording").ok_or(Refusal::Incomplete)?.to_owned();
    let text = |name| asked.form.text(name, TEXT_CHARS_MAX);
    let texts = [text("reason")?, text("until")?, asked.form.text("owner", NAME_CHARS_MAX)?];
    let hold = typed(texts, asked.form.get("review"), pages.rules.calendar.day_of(pages.clock.wall()))?;
    pages.ask(move |desk, now| desk.hold(&who, &recording, &hold, now)).await?;
    on_to(HERE)
}

pub(crate) async fn release(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let hold = asked.form.get("hold").ok_or(Refusal::Incomplete)?.to_owned();
    let why = asked.form.text("why", TEXT_CHARS_MAX)?.ok_or(Refusal::Incomplete)?;
    pages.ask(move |desk, now| desk.release(&who, &hold, &why, now)).await?;
    on_to(HERE)
}
