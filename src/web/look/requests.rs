//! "Requests": what customers and agents asked for, by when it is to be answered, and entering one, which anybody at the desk may.

use axum::{extract::State, response::Response};
use jiff::civil::Date;
use maud::{Markup, html};
use retrocall_records::desk::{DeskRole, Entered, RequestKind, RequestLine, Requests as _};
use retrocall_words::Customer;

use super::sweeping;
use crate::{
    answer::{Answer, on_to, shown},
    asked::Asked,
    deciding::{NewRequest, Typed},
    frame,
    pages::{Pages, Shared},
};

/// Days ahead of its term from which a request is called due.
const DUE_DAYS: i64 = 7;
/// Characters of a reason.
const TEXT_CHARS_MAX: usize = 4_000;
/// Characters of a number, and of an agent's name.
const NAME_CHARS_MAX: usize = 64;

/// The requests, a part at a time: open ones first, those due first; then answered ones, the last one first.
pub(crate) async fn show(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (who, after) = (asked.who()?, asked.onward("after")?);
    let (requests, now) =
        pages.ask(move |desk, now| desk.requests(&who, after.as_ref()).map(|part| (part, now))).await?;
    let today = pages.rules.calendar.day_of(now);
    let (open, answered): (Vec<&RequestLine>, Vec<&RequestLine>) =
        requests.items.iter().partition(|request| request.outcome.is_none());
    let texts = asked.texts();
    let is_first = asked.query.get("after").is_none();
    let content = html! {
        h1 { (texts.say("requests-title")) }
        p { a.button.main href="/requests/new" { (texts.say("requests-enter")) } }
        @if is_first || !open.is_empty() {
            section aria-labelledby="open" {
                h2 id="open" { (texts.say("requests-open")) }
                @if open.is_empty() { p.notice { (texts.say("requests-none-open")) } }
                @for request in open { (one(&asked, request, today)) }
            }
        }
        @if !answered.is_empty() {
            section aria-labelledby="answered" {
                h2 id="answered" { (texts.say("requests-answered")) }
                @for request in answered { (one(&asked, request, today)) }
            }
        }
        (frame::ways_on(&asked, ("/requests", "after"), requests.next.as_ref()))
        (sweeping::button(&asked))
    };
    shown(frame::page(&asked, &texts.say("requests-title"), content))
}

fn one(asked: &Asked, request: &RequestLine, today: Date) -> Markup {
    let texts = asked.texts();
    html! {
        article.call.own data-request=(request.request) {
            header {
                h3 { a href=(format!("/requests/{}", request.request)) { (title(asked, request)) } }
                (term(asked, request, today))
            }
            p.hint {
                (texts.fill("requests-counts", [("waiting", request.waiting.into()), ("confirmed", request.confirmed.into())]))
            }
        }
    }
}

/// What is asked for, and of whom, as far as that is still known.
pub(super) fn title(asked: &Asked, request: &RequestLine) -> String {
    let texts = asked.texts();
    let kind = texts.say(&format!("request-kind-{}", request.kind.as_str()));
    let of = match (&request.customer, &request.agent) {
        (Some(customer), _) => Customer::number(customer).to_owned(),
        (None, Some(agent)) => agent.clone(),
        (None, None) => return kind,
    };
    format!("{kind}: {of}")
}

/// When it was received, and by when it is to be answered.
pub(super) fn term(asked: &Asked, request: &RequestLine, today: Date) -> Markup {
    let texts = asked.texts();
    let [received, due] = [request.received_on, request.due_on].map(|day| frame::day(asked, day));
    let soon = today.saturating_add(jiff::Span::new().days(DUE_DAYS));
    html! {
        @match request.outcome {
            Some(outcome) => p {
                (texts.fill("requests-received", [("day", received.into())])) " "
                (texts.say(&format!("request-outcome-{}", outcome.as_str())))
            },
            None if request.due_on < today => p.wrong { (texts.fill("requests-overdue", [("received", received.into()), ("due", due.into())])) },
            None => p.warning[request.due_on <= soon] {
                (texts.fill("requests-due", [("received", received.into()), ("due", due.into())]))
            },
        }
    }
}

/// The form in which anybody enters one.
pub(crate) async fn entry(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    shown(form(&pages, &asked))
}

fn form(pages: &Pages, asked: &Asked) -> Markup {
    let texts = asked.texts();
    let today = pages.rules.calendar.day_of(pages.clock.wall());
    let recording = asked.query.get("recording").filter(|id| id.len() < 64);
    let officer = asked.is_one_of(&[DeskRole::PrivacyOfficer]);
    let kinds = [RequestKind::Access, RequestKind::Erasure];
    let content = html! {
        section.notice {
            h1 { (texts.say("requests-enter")) }
            p { (texts.say("requests-enter-what")) }
            form.fields id="request" method="post" action="/requests" {
                (frame::token(asked))
                @if let Some(id) = recording {
                    input type="hidden" name="kind" value=(RequestKind::Erasure.as_str());
                    input type="hidden" name="recording" value=(id);
                    p { (texts.say("requests-of-recording")) }
                } @else {
                    fieldset {
                        legend { (texts.say("requests-kind")) }
                        @for kind in kinds {
                            label.choice {
                                input type="radio" name="kind" value=(kind.as_str()) required checked[kind == RequestKind::Access];
                                strong { (texts.say(&format!("request-kind-{}", kind.as_str()))) }
                                span.hint { (texts.say(&format!("request-does-{}", kind.as_str()))) }
                            }
                        }
                    }
                    label { (texts.say("requests-number"))
                        input type="text" name="customer" maxlength=(NAME_CHARS_MAX) autocomplete="off" inputmode="tel";
                        span.hint { (texts.say("requests-number-hint")) }
                    }
                    label { (texts.say("requests-agent"))
                        input type="text" name="agent" maxlength=(NAME_CHARS_MAX) autocomplete="off";
                    }
                    label { (texts.say("requests-around"))
                        input type="datetime-local" name="around";
                        span.hint { (texts.say("requests-around-hint")) }
                    }
                }
                label { (texts.say("requests-received-on"))
                    input type="date" name="received_on" value=(today) max=(today) required;
                    span.hint { (texts.say("requests-received-hint")) }
                }
                label { (texts.say("requests-reason"))
                    textarea name="reason" rows="2" maxlength=(TEXT_CHARS_MAX) required[recording.is_some()] {}
                }
                @if officer { p.hint { (texts.say("requests-erases-at-once")) } }
                button.main type="submit" { (texts.say("requests-enter-do")) }
            }
        }
    };
    frame::page(asked, &texts.say("requests-enter"), content)
}

/// Enters it: what it may be about is frozen from now on.
pub(crate) async fn enter(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let request = {
        let get = |name: &str| asked.form.get(name);
        let typed = Typed {
            kind: get("kind"),
            customer: get("customer"),
            agent: get("agent"),
            around: get("around"),
            recording: get("recording"),
            received_on: get("received_on"),
            reason: get("reason"),
        };
        NewRequest::read(&typed, pages.rules.country, &pages.rules.calendar, pages.clock.wall())?
    };
    let officer = asked.is_one_of(&[DeskRole::PrivacyOfficer]);
    if request.kind == RequestKind::Erasure && officer && asked.form.get("sure").is_none() {
        return shown(ask_once(&asked));
    }
    let entered = pages.ask(move |desk, now| request.enter(desk, &who, now)).await?;
    if officer {
        return on_to(&format!("/requests/{}", entered.request));
    }
    shown(told(&asked, &entered))
}

/// Erasing can't be taken back: what the officer enters is granted at once.
fn ask_once(asked: &Asked) -> Markup {
    let texts = asked.texts();
    let content = html! {
        section.notice {
            h1 { (texts.say("requests-sure")) }
            p { (texts.say("requests-erases-at-once")) " " (texts.say("sure-why")) }
            form.row method="post" action="/requests" {
                (frame::token(asked))
                @for name in ["kind", "customer", "agent", "around", "recording", "received_on", "reason"] {
                    @if let Some(value) = asked.form.get(name) { input type="hidden" name=(name) value=(value); }
                }
                input type="hidden" name="sure" value="yes";
                button.main.danger type="submit" autofocus { (texts.say("requests-sure-do")) }
                a.button href="/requests" { (texts.say("requests-back")) }
            }
        }
    };
    frame::page(asked, &texts.say("requests-sure"), content)
}

/// Whoever is no officer learns that it is entered, and nothing of whose calls were kept.
fn told(asked: &Asked, entered: &Entered) -> Markup {
    let texts = asked.texts();
    let content = html! {
        section.notice {
            h1 { (texts.say("requests-entered")) }
            p { (texts.fill("requests-entered-what", [("due", frame::day(asked, entered.due_on).into())])) }
            p.hint { (texts.fill("requests-entered-id", [("id", (&*entered.request).into())])) }
            p { a.button href="/" { (texts.say("to-start")) } }
        }
    };
    frame::page(asked, &texts.say("requests-entered"), content)
}
