//! Another purpose for a recording (D18): asked for where the recording is shown, ended where it was decided.
//!
//! Belongs here: the form that asks, what is in force, its end. Does not: the decision between the two (`decisions`).

use axum::{extract::State, response::Response};
use jiff::{Span, civil::Date};
use maud::{Markup, html};
use retrocall_records::desk::{
    ABOUT_NO_AGENT, DeskRole, EVALUATION, NewPurpose, PURPOSE_REVIEW_DAYS_MAX, ProposalEntry, Proposals as _,
};

use crate::{
    answer::{Answer, Refusal, on_to},
    asked::Asked,
    frame,
    pages::Shared,
};

/// Characters of a text.
const TEXT_CHARS_MAX: usize = 4_000;
const HERE: &str = "/purposes";
const DECISIONS: &str = "/decisions";

/// The form with which somebody who sees a recording by name asks to use it for something else.
pub(super) fn asking(asked: &Asked, recording: &str, today: Date) -> Markup {
    let texts = asked.texts();
    let last = today.saturating_add(Span::new().days(PURPOSE_REVIEW_DAYS_MAX));
    if !asked.is_one_of(&[DeskRole::CaseHandler, DeskRole::PrivacyOfficer]) {
        return html! {};
    }
    html! {
        details {
            summary { (texts.say("purposes-ask")) }
            p.hint { (texts.say("purposes-what")) }
            form.fields method="post" action=(HERE) {
                (frame::token(asked))
                input type="hidden" name="recording" value=(recording);
                label { (texts.say("purposes-purpose"))
                    input type="text" name="purpose" list="purposes" maxlength=(TEXT_CHARS_MAX) required;
                    datalist id="purposes" { @for word in ABOUT_NO_AGENT { option value=(word); } option value=(EVALUATION); }
                    span.hint { (texts.say("purposes-purpose-hint")) }
                }
                label { (texts.say("purposes-reason")) input type="text" name="reason" maxlength=(TEXT_CHARS_MAX) required; }
                label { (texts.say("decisions-basis")) input type="text" name="basis" maxlength=(TEXT_CHARS_MAX) required; }
                label { (texts.say("decisions-until")) input type="text" name="until" maxlength=(TEXT_CHARS_MAX) required; }
                label { (texts.say("decisions-review"))
                    input type="date" name="review" value=(last) min=(today) max=(last) required;
                }
                button.main type="submit" { (texts.say("purposes-ask-do")) }
            }
        }
    }
}

/// What was decided and is in force, for the officer, who says when it has ended.
pub(super) fn in_force(asked: &Asked, all: &[ProposalEntry]) -> Markup {
    let texts = asked.texts();
    html! {
        @if !all.is_empty() {
            section {
                h2 { (texts.say("purposes-in-force")) }
                @for one in all {
                    article.call.own {
                        header { h3 { (one.purpose) } p { (one.reason) } }
                        dl {
                            @if let Some(until) = &one.until { dt { (texts.say("decisions-until")) } dd { (until) } }
                            dt { (texts.say("decisions-review")) } dd { (frame::day(asked, one.review_on)) }
                        }
                        a.button href=(format!("/recordings/{}", one.recording)) { (texts.say("recording-open")) }
                        details {
                            summary { (texts.say("purposes-end")) }
                            p.hint { (texts.say("purposes-end-what")) }
                            form.fields method="post" action="/purposes/end" {
                                (frame::token(asked))
                                input type="hidden" name="proposal" value=(one.proposal);
                                label { (texts.say("decisions-why")) input type="text" name="why" maxlength=(TEXT_CHARS_MAX) required; }
                                button.danger type="submit" { (texts.say("purposes-end-do")) }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(crate) async fn propose(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let text = |name| asked.form.text(name, TEXT_CHARS_MAX)?.ok_or(Refusal::Incomplete);
    let recording = asked.form.get("recording").ok_or(Refusal::Incomplete)?.to_owned();
    let review_on = asked.form.get("review").and_then(|day| day.parse().ok()).ok_or(Refusal::Incomplete)?;
    let (purpose, reason, basis, until) = (text("purpose")?, text("reason")?, text("basis")?, text("until")?);
    // Whoever approves says the rest.
    let new = NewPurpose { purpose, reason, basis, until, review_on, compatibility: None, informed_on: None };
    pages.ask(move |desk, now| desk.propose_purpose(&who, &recording, &new, now)).await?;
    on_to(DECISIONS)
}

pub(crate) async fn end(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let proposal = asked.form.get("proposal").ok_or(Refusal::Incomplete)?.to_owned();
    let why = asked.form.text("why", TEXT_CHARS_MAX)?.ok_or(Refusal::Incomplete)?;
    pages.ask(move |desk, now| desk.end_purpose(&who, &proposal, &why, now)).await?;
    on_to(DECISIONS)
}
