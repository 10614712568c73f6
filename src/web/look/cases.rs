//! "Cases": a team lead sees which presses await a case, follows what is open, and takes a closing back as long as that goes.

use axum::{extract::State, response::Response};
use jiff::{SignedDuration, Timestamp, civil::Date};
use maud::{Markup, html};
use retrocall_records::{
    desk::{Awaiting as _, AwaitingPress, Case, CaseSearch, Cases as _, DeskRole, Paged},
    policy::ASKED_AHEAD_DAYS,
};
use retrocall_words::retention::Period;

use super::choosing::{self, name_of};
use crate::{
    answer::{Answer, Refusal, on_to, shown},
    asked::Asked,
    frame,
    pages::{Pages, Shared},
};

/// Characters of an outcome, or of why a press was a mistake.
const TEXT_CHARS_MAX: usize = 4_000;
const HERE: &str = "/cases";

/// What the page shows: presses that await a case, cases, and those that a press may be added to.
struct Seen {
    presses: Paged<AwaitingPress>,
    cases: Paged<Case>,
    new: Vec<Case>,
    now: Timestamp,
}

pub(crate) async fn show(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let handles = asked.is_one_of(&[DeskRole::CaseHandler]);
    let (retention, calendar) = (pages.rules.retention, pages.rules.calendar.clone());
    let (after, after_press) = (asked.onward("after")?, asked.onward("presses")?);
    let Seen { presses, cases, new, now } = pages
        .ask(move |desk, now| -> Answer<Seen> {
            let presses = desk.awaiting(&who, after_press.as_ref(), (retention, &calendar), now)?;
            let cases = desk.cases(&who, after.as_ref())?;
            let new = if handles && !presses.items.is_empty() {
                desk.find_cases(&who, &CaseSearch::default())?
            } else {
                Vec::new()
            };
            Ok(Seen { presses, cases, new, now })
        })
        .await?;
    let texts = asked.texts();
    let (open, closed): (Vec<&Case>, Vec<&Case>) = cases.items.iter().partition(|case| case.closed_at.is_none());
    let is_first = asked.query.get("after").is_none();
    // The same with each press.
    let attachable = html! { @for case in &new { option value=(case.case) { (name_of(&pages, &asked, case)) } } };
    let content = html! {
        h1 { (texts.say("cases-title")) }
        section aria-labelledby="awaiting" {
            h2 id="awaiting" { (texts.say("cases-awaiting")) }
            @if presses.items.is_empty() { p.notice { (texts.say("cases-none-awaiting")) } }
            @for press in &presses.items { (awaiting(&pages, &asked, press, handles.then_some(&attachable))) }
            (frame::ways_on(&asked, (HERE, "presses"), presses.next.as_ref()))
        }
        @if is_first || !open.is_empty() {
            section aria-labelledby="open" {
                h2 id="open" { (texts.say("cases-open")) }
                @if open.is_empty() { p.notice { (texts.say("cases-none-open")) } }
                @for case in &open { (one(&pages, &asked, case, now, handles)) }
            }
        }
        @if !closed.is_empty() {
            section aria-labelledby="closed" {
                h2 id="closed" { (texts.say("cases-closed")) }
                @for case in &closed { (one(&pages, &asked, case, now, handles)) }
            }
        }
        (frame::ways_on(&asked, (HERE, "after"), cases.next.as_ref()))
    };
    shown(frame::page(&asked, &texts.say("cases-title"), content))
}

/// A press; for whoever handles cases with those to which it may be added.
fn awaiting(pages: &Pages, asked: &Asked, press: &AwaitingPress, attachable: Option<&Markup>) -> Markup {
    let texts = asked.texts();
    let recording = &press.recording;
    let began = frame::moment(asked, recording.start, pages.zone());
    html! {
        article.call.own {
            header {
                h3 { (texts.fill("cases-press-of", [("agent", (&*recording.agent).into()), ("moment", began.into())])) }
                p.warning[press.warned > 0] {
                    (texts.fill("cases-last-day", [("day", frame::day(asked, press.last_day).into())]))
                }
            }
            div.row {
                a.button href=(format!("/recordings/{}", recording.id)) { (texts.say("recording-open")) }
                @if attachable.is_some() {
                    form method="post" action=(HERE) {
                        (frame::token(asked))
                        input type="hidden" name="recording" value=(recording.id);
                        button.main type="submit" { (texts.say("cases-open-one")) }
                    }
                }
            }
            @if let Some(attachable) = attachable {
                @if !attachable.0.is_empty() { (attaching(asked, &recording.id, attachable)) }
                (dismissing(asked, &recording.id))
            }
        }
    }
}

fn attaching(asked: &Asked, recording: &str, attachable: &Markup) -> Markup {
    let texts = asked.texts();
    html! {
        details {
            summary { (texts.say("cases-attach")) }
            form method="post" action="/cases/attach" {
                (frame::token(asked))
                input type="hidden" name="recording" value=(recording);
                select name="case" aria-label=(texts.say("cases-attach")) required {
                    (attachable)
                }
                button type="submit" { (texts.say("cases-attach-do")) }
            }
            p { a href=(format!("{}?recording={recording}", choosing::HERE)) { (texts.say("cases-attach-other")) } }
        }
    }
}

fn dismissing(asked: &Asked, recording: &str) -> Markup {
    let texts = asked.texts();
    html! {
        details {
            summary { (texts.say("cases-dismiss")) }
            p.hint { (texts.say("cases-dismiss-does")) }
            form.fields method="post" action="/cases/dismiss" {
                (frame::token(asked))
                input type="hidden" name="recording" value=(recording);
                label { (texts.say("cases-dismiss-why"))
                    input type="text" name="why" maxlength=(TEXT_CHARS_MAX) required;
                }
                button.danger type="submit" { (texts.say("cases-dismiss-do")) }
            }
        }
    }
}

fn one(pages: &Pages, asked: &Asked, case: &Case, now: Timestamp, handles: bool) -> Markup {
    let texts = asked.texts();
    html! {
        article.call.own {
            header { h3 { (name_of(pages, asked, case)) } (next_date(pages, asked, case, now)) }
            @if case.recordings.is_empty() {
                p.hint { (texts.say("cases-nothing-kept")) }
            } @else {
                div.row {
                    @for (place, recording) in case.recordings.iter().enumerate() {
                        a.button href=(format!("/recordings/{recording}?case={}", case.case)) {
                            (texts.fill("cases-recording", [("number", (place as u64 + 1).into())]))
                        }
                    }
                }
            }
            @if let Some(outcome) = &case.outcome { blockquote { p { (outcome) } } }
            @if case.closed_at.is_some() {
                @if handles { (reopening(asked, case)) }
            } @else {
                (following(pages, asked, case))
            }
        }
    }
}

/// What happens next to a case, and when (D11).
fn next_date(pages: &Pages, asked: &Asked, case: &Case, now: Timestamp) -> Markup {
    let texts = asked.texts();
    let (calendar, periods) = (&pages.rules.calendar, &pages.rules.retention);
    let day = |at: Timestamp| frame::day(asked, calendar.day_of(at));
    if let Some(closed) = case.closed_at {
        let until =
            closed.saturating_add(SignedDuration::from_hours(periods.get(Period::CaseClosed).into())).unwrap_or(closed);
        return html! {
            p {
                @match case.judged_on {
                    Some(judged) => (texts.fill("cases-closed-judged", [("day", frame::day(asked, judged).into())])),
                    None if now < until => (texts.fill("cases-closed-until", [("moment", frame::moment(asked, until, pages.zone()).into())])),
                    None => (texts.say("cases-closed-over")),
                }
            }
        };
    }
    let restricted = calendar.days_after(case.needed_at, periods.get(Period::StillNeeded));
    let deleted = calendar.days_after(restricted, periods.get(Period::StillNeededGrace));
    let is_asked = calendar.days_before(restricted, ASKED_AHEAD_DAYS) <= now;
    if restricted <= now {
        return html! {
            p.warning { (texts.fill("cases-restricted", [("restricted", day(restricted).into()), ("deleted", day(deleted).into())])) }
        };
    }
    html! {
        p.warning[is_asked] {
            (texts.fill("cases-needed-until", [("restricted", day(restricted).into()), ("deleted", day(deleted).into())]))
        }
    }
}

fn following(pages: &Pages, asked: &Asked, case: &Case) -> Markup {
    let texts = asked.texts();
    html! {
        form method="post" action="/cases/needed" {
            (frame::token(asked))
            input type="hidden" name="case" value=(case.case);
            button type="submit" { (texts.say("cases-still-needed")) }
        }
        details {
            summary { (texts.say("cases-close")) }
            p.hint { (texts.fill("cases-close-does", [("hours", pages.rules.retention.get(Period::CaseClosed).into())])) }
            form.fields method="post" action="/cases/close" {
                (frame::token(asked))
                input type="hidden" name="case" value=(case.case);
                label { (texts.say("cases-outcome"))
                    textarea name="outcome" rows="2" maxlength=(TEXT_CHARS_MAX) required {}
                }
                label { (texts.say("cases-judgment")) input type="date" name="judgment"; }
                button.main type="submit" { (texts.say("cases-close-do")) }
            }
        }
    }
}

fn reopening(asked: &Asked, case: &Case) -> Markup {
    html! {
        form method="post" action="/cases/reopen" {
            (frame::token(asked))
            input type="hidden" name="case" value=(case.case);
            button type="submit" { (asked.texts().say("cases-reopen")) }
        }
    }
}

/// A field that must be there.
fn field(asked: &Asked, name: &str) -> Answer<String> {
    asked.form.text(name, TEXT_CHARS_MAX)?.ok_or(Refusal::Incomplete)
}

pub(crate) async fn open(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, recording) = (asked.who()?, field(&asked, "recording")?);
    pages.ask(move |desk, now| desk.open_case(&who, &recording, now)).await?;
    on_to(HERE)
}

pub(crate) async fn attach(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, case, recording) = (asked.who()?, field(&asked, "case")?, field(&asked, "recording")?);
    pages.ask(move |desk, now| desk.attach(&who, &case, &recording, now)).await?;
    on_to(HERE)
}

pub(crate) async fn dismiss(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, recording, why) = (asked.who()?, field(&asked, "recording")?, field(&asked, "why")?);
    pages.ask(move |desk, now| desk.dismiss(&who, &recording, &why, now)).await?;
    on_to(HERE)
}

pub(crate) async fn needed(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, case) = (asked.who()?, field(&asked, "case")?);
    pages.ask(move |desk, now| desk.still_needed(&who, &case, now)).await?;
    on_to(HERE)
}

pub(crate) async fn close(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, case, outcome) = (asked.who()?, field(&asked, "case")?, field(&asked, "outcome")?);
    let judged = asked.form.get("judgment").map(str::parse::<Date>).transpose().map_err(|_| Refusal::Incomplete)?;
    pages.ask(move |desk, now| desk.close_case(&who, &case, &outcome, judged, now)).await?;
    on_to(HERE)
}

pub(crate) async fn reopen(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, case) = (asked.who()?, field(&asked, "case")?);
    pages.ask(move |desk, now| desk.reopen_case(&who, &case, now)).await?;
    on_to(HERE)
}
