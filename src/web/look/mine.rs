//! "My calls": what an agent sees of their own (D4): what is kept, why, until when, who listened, what was noted; and how long anything is kept at all.

use std::collections::HashMap;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use maud::{Markup, html};
use retrocall_papers::record;
use retrocall_records::{
    Life,
    desk::{
        Completion, EVALUATION, Heard, Mine, Note, Notes as _, Outlook, Outlooks as _, OwnCalls as _, OwnRecording,
        ProposalEntry, Proposals as _, ReplyKind, ReviewOutcome, Reviews as _,
    },
    policy::{NoticeKind, Why},
};
use retrocall_words::{Word as _, afar::PressId};

use super::live;
use crate::{
    answer::{Answer, Refusal, on_to, shown},
    asked::Asked,
    button::{self, Pressing},
    frame,
    pages::{Pages, Shared},
};

/// Characters of a reply.
const REPLY_CHARS_MAX: usize = 4_000;
/// The activities that are told on the card, by their places in the record of processing: every call, the sample, what was pressed, a customer's copy.
const ON_THE_CARD: usize = 4;

/// What was seen of an agent, and what becomes of it.
type Seen = (Mine, HashMap<String, Outlook>);

pub(crate) async fn show(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let live = live::view(&pages, &asked).await?;
    shown(page(&pages, &asked, &live, None).await?)
}

/// The page, with what was just said of a press.
async fn page(pages: &Shared, asked: &Asked, live: &live::View, said: Option<&str>) -> Answer<Markup> {
    let who = asked.who()?;
    let agent = who.agent.clone().ok_or(Refusal::NoSuchPage)?;
    let (retention, calendar) = (pages.rules.retention, pages.rules.calendar.clone());
    let after = asked.onward("after")?;
    let (mine, outlooks) = pages
        .ask(move |desk, now| -> Answer<Seen> {
            // Whether one of today's calls was drawn is told tomorrow.
            let yesterday = calendar.day_of(now).yesterday().map_err(|_| Refusal::Busy)?;
            let today = calendar.end_of(yesterday);
            let mine = desk.mine(&who, &agent, after.as_ref(), today, now)?;
            let ids: Vec<String> = mine.recordings.iter().map(|own| own.recording.id.clone()).collect();
            let outlooks = desk.outlooks(&who, &ids, (retention, &calendar), today, now)?;
            Ok((mine, outlooks))
        })
        .await?;
    let texts = asked.texts();
    let none = Outlook::default();
    let content = html! {
        h1 { (texts.say("mine-title")) }
        (live::section(asked, live, said))
        (figures(asked, &mine))
        section aria-labelledby="kept" {
            h2 id="kept" { (texts.say("mine-kept")) }
            @if mine.recordings.is_empty() {
                p.notice { (texts.say("mine-nothing")) }
            }
            @for own in &mine.recordings {
                (one(pages, asked, own, outlooks.get(&own.recording.id).unwrap_or(&none)))
            }
            (frame::ways_on(asked, ("/mine", "after"), mine.next.as_ref()))
        }
        (card(pages, asked))
    };
    Ok(frame::page(asked, &texts.say("mine-title"), content))
}

/// Somebody has pressed: the engine decides, and says so in words.
pub(crate) async fn press(State(pages): State<Shared>, asked: Asked, headers: HeaderMap) -> Answer<Response> {
    let who = asked.who()?;
    let ask = asked.form.get("do").and_then(live::ask_of).ok_or(Refusal::Incomplete)?;
    let (call, verb) = (live::call_of(asked.form.get("call"))?, ask.verb());
    let age = pages.clock.since(asked.came_at);
    let (told, calls) = button::press(&pages, &who, Pressing { call, ask, press: PressId::new(), age }).await;
    let said = live::said(&pages, &asked, verb, &told, calls);
    let status = match &told {
        Err(why) => why.status(),
        Ok(_) if said.is_done => StatusCode::OK,
        Ok(_) => StatusCode::CONFLICT,
    };
    let accepts = headers.get(header::ACCEPT).and_then(|header| header.to_str().ok());
    if accepts == Some("application/json") {
        let text = serde_json::to_string(&said).map_err(|_| Refusal::Busy)?;
        return Ok((status, [(header::CONTENT_TYPE, "application/json")], text).into_response());
    }
    let words = [Some(said.said), said.more].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let page = page(&pages, &asked, &said.view, Some(&words)).await?;
    Ok((status, shown(page)?).into_response())
}

/// How much was heard, and what is unusual: the agent is told first (D13).
fn figures(asked: &Asked, mine: &Mine) -> Markup {
    let texts = asked.texts();
    let Heard { heard, of, too_few } = mine.heard;
    html! {
        p {
            (texts.fill("mine-heard", [("heard", heard.into()), ("of", of.into())]))
            @if too_few { " " (texts.say("mine-too-few")) }
        }
        @for one in &mine.unusual {
            p.warning {
                (texts.fill(&format!("mine-unusual-{}", one.kind.as_str()), [
                    ("month", one.month.to_string().into()), ("count", one.count.into()), ("of", one.of.into()),
                ]))
            }
        }
    }
}

fn one(pages: &Pages, asked: &Asked, own: &OwnRecording, outlook: &Outlook) -> Markup {
    let texts = asked.texts();
    let recording = &own.recording;
    let moment = |at: Timestamp| frame::moment(asked, at, pages.zone());
    let length = recording.seconds.map(frame::length).unwrap_or_default();
    html! {
        article.call.own id=(format!("r{}", recording.id)) {
            header {
                h3 { (texts.fill("mine-call-of", [("moment", moment(recording.start).into()), ("length", length.into())])) }
                p {
                    @for purpose in &recording.purposes { span.tag { (frame::purpose(asked, *purpose)) } " " }
                    (frame::until(asked, outlook, pages.zone()))
                }
            }
            @if outlook.warnings.contains(&NoticeKind::EvaluationMissing) {
                p.warning { (texts.say("mine-evaluation-late")) }
            }
            @for proposal in &own.asked { (question(pages, asked, proposal, recording.life == Life::Kept)) }
            (who_listened(pages, asked, own))
            @for note in &own.notes { (noted(pages, asked, note)) }
            @if own.in_sample && own.notes.is_empty() && outlook.why == Some(Why::AwaitsReview) {
                (private_claim(asked, &recording.id))
            }
        }
    }
}

/// Somebody wants to use the call for what needs this agent's own yes (D6, D8).
fn question(pages: &Pages, asked: &Asked, proposal: &ProposalEntry, may_answer: bool) -> Markup {
    let texts = asked.texts();
    let kind = match proposal.judges() {
        true if proposal.purpose == EVALUATION => "evaluation",
        true => "other",
        false => "training",
    };
    let agent = asked.person.as_ref().and_then(|person| person.agent.as_deref()).unwrap_or_default();
    let asked_by = [
        ("by", (&*proposal.proposed_by).into()),
        ("moment", frame::moment(asked, proposal.proposed_at, pages.zone()).into()),
    ];
    let state = match proposal {
        _ if proposal.refused_at.is_some() => "refused",
        _ if proposal.approved_at.is_some() => "approved",
        _ if proposal.has_yes_of(agent) => "agreed",
        _ if may_answer => "open",
        _ => "closed",
    };
    html! {
        section.notice.question {
            h4 { (texts.fill(&format!("mine-asked-{kind}"), [("purpose", (&*proposal.purpose).into())])) }
            p { (texts.fill("mine-asked-by", asked_by)) " " (proposal.reason) }
            @if state == "open" {
                p { (texts.say(&format!("mine-asked-{kind}-does"))) }
                form.row method="post" action="/mine/answer" {
                    (frame::token(asked))
                    input type="hidden" name="proposal" value=(proposal.proposal);
                    button type="submit" name="answer" value="yes" { (texts.say("mine-asked-yes")) }
                    button type="submit" name="answer" value="no" { (texts.say("mine-asked-no")) }
                }
            } @else {
                p.hint { (texts.say(&format!("mine-asked-{state}"))) }
            }
        }
    }
}

fn who_listened(pages: &Pages, asked: &Asked, own: &OwnRecording) -> Markup {
    let texts = asked.texts();
    html! {
        @if own.uses.is_empty() {
            p.hint { (texts.say("mine-nobody-listened")) }
        } @else {
            details {
                summary { (texts.fill("mine-listened", [("count", (own.uses.len() as u64).into())])) }
                ul {
                    @for used in &own.uses {
                        li { (frame::used(asked, used, pages.zone())) }
                    }
                }
            }
        }
    }
}

fn noted(pages: &Pages, asked: &Asked, note: &Note) -> Markup {
    let texts = asked.texts();
    let moment = |at: Timestamp| frame::moment(asked, at, pages.zone());
    let objected = note.replies.iter().any(|reply| reply.kind == ReplyKind::Objection);
    html! {
        blockquote {
            @if note.text.is_empty() { p.hint { (texts.say("mine-note-struck")) } }
            @for line in note.text.lines() { p { (line) } }
            footer {
                (texts.fill("mine-note-by", [("author", (&*note.author).into()), ("moment", moment(note.written_at).into())]))
                @if let Some(at) = note.at_seconds { " · " (texts.fill("mine-note-at", [("place", frame::length(at).into())])) }
            }
        }
        @for reply in &note.replies {
            p.reply {
                strong { (texts.say(&format!("reply-{}", reply.kind.as_str()))) } " " (reply.text)
                br; span.hint { (reply.author) " · " (moment(reply.written_at)) }
                @if let Some(decision) = &reply.decision { br; (texts.fill("mine-decided", [("decision", (&**decision).into())])) }
            }
        }
        @if !note.text.is_empty() && !objected {
            details {
                summary { (texts.say("mine-answer")) }
                form.fields method="post" action="/mine/reply" {
                    (frame::token(asked))
                    input type="hidden" name="note" value=(note.note);
                    label { (texts.say("mine-answer-text"))
                        textarea name="text" rows="3" maxlength=(REPLY_CHARS_MAX) required {}
                    }
                    div.row {
                        button type="submit" name="kind" value=(ReplyKind::Reply.as_str()) { (texts.say("mine-reply")) }
                        button type="submit" name="kind" value=(ReplyKind::Objection.as_str()) { (texts.say("mine-object")) }
                    }
                    p.hint { (texts.say("mine-object-does")) }
                }
            }
        }
    }
}

/// "A private call": as long as nobody has reviewed it (D5).
fn private_claim(asked: &Asked, recording: &str) -> Markup {
    let texts = asked.texts();
    html! {
        details {
            summary { (texts.say("mine-private")) }
            p.hint { (texts.say("mine-private-does")) }
            form method="post" action="/mine/private" {
                (frame::token(asked))
                input type="hidden" name="recording" value=(recording);
                button.danger type="submit" { (texts.say("mine-private-do")) }
            }
        }
    }
}

/// "How long do you keep this?", from the live policy.
fn card(pages: &Pages, asked: &Asked) -> Markup {
    let texts = asked.texts();
    let record = record(&pages.paper_facts(), asked.language.of_papers());
    html! {
        section.notice.card aria-labelledby="card" {
            h2 id="card" { (texts.say("mine-card")) }
            dl {
                @for activity in record.activities.iter().take(ON_THE_CARD) {
                    dt { (activity.name) }
                    dd { (activity.retention) }
                }
            }
        }
    }
}

/// The agent answers a note, or objects to it.
pub(crate) async fn reply(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let note = asked.form.get("note").ok_or(Refusal::Incomplete)?.to_owned();
    let kind = asked.form.get("kind").and_then(ReplyKind::read).ok_or(Refusal::Incomplete)?;
    let text = asked.form.text("text", REPLY_CHARS_MAX)?.ok_or(Refusal::Incomplete)?;
    pages.ask(move |desk, now| desk.reply(&who, &note, kind, &text, now)).await?;
    on_to("/mine")
}

/// The agent says yes or no to a use of their call, in their own session.
pub(crate) async fn answer(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let proposal = asked.form.get("proposal").ok_or(Refusal::Incomplete)?.to_owned();
    let is_yes = match asked.form.get("answer") {
        Some("yes") => true,
        Some("no") => false,
        _ => return Err(Refusal::Incomplete),
    };
    pages
        .ask(move |desk, now| match is_yes {
            true => desk.approve(&who, &proposal, &Completion::default(), now).map(drop),
            false => desk.refuse_proposal(&who, &proposal, "the agent says no", now),
        })
        .await?;
    on_to("/mine")
}

/// A call of their own was private.
pub(crate) async fn private(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let recording = asked.form.get("recording").ok_or(Refusal::Incomplete)?.to_owned();
    pages.ask(move |desk, now| desk.review(&who, &recording, &ReviewOutcome::PrivateCall, now)).await?;
    on_to("/mine")
}
