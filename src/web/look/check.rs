//! "Check": the works council sees for itself, a sentence each, and takes along what its own verifier needs. It sees no recording and no name.

use std::sync::Arc;

use axum::{
    extract::{Path as Place, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use maud::{Markup, PreEscaped, html};
use retrocall_ledger::{Evidence, Finding, Question, Report};
use retrocall_records::{
    desk::{Going, Outlooks as _, Versions as _, WrittenVersion},
    ledger,
    policy::{Change, changes},
};

use super::goes;
use crate::{
    answer::{Answer, Refusal, shown},
    asked::Asked,
    frame,
    lately::Found,
    pages::{Pages, Shared},
};

/// Findings that are shown under a sentence; the rest is counted.
const SHOWN_MAX: usize = 20;

/// Each with its message, and what is said if nothing was found.
const QUESTIONS: [(Question, &str, &str); 4] = [
    (Question::Fair, "check-fair", "check-fair-yes"),
    (Question::Order, "check-order", "check-order-yes"),
    (Question::Kept, "check-kept", "check-kept-yes"),
    (Question::Whole, "check-whole", "check-whole-yes"),
];

pub(crate) async fn show(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let (report, versions) = look(&pages).await?;
    let going = going(&pages, &asked).await?;
    let (texts, today) = (asked.texts(), pages.rules.calendar.day_of(pages.clock.wall()));
    let content = html! {
        h1 { (texts.say("check-title")) }
        p {
            (texts.say("check-what")) " "
            @if report.found.is_some() { (texts.fill("check-at", [("moment", frame::moment(&asked, report.at, pages.zone()).into())])) }
        }
        @match &report.found {
            None => p.notice { (texts.say("check-no-ledger")) },
            Some(report) => {
                @for (question, key, yes) in QUESTIONS { (answer(&asked, report, question, (key, yes))) }
                (lottery(&asked, report))
            }
        }
        (goes::section(&asked, &going.found, today))
        (policy(&pages, &asked, &versions))
        (heads(&asked, &pages).await?)
    };
    shown(frame::page(&asked, &texts.say("check-title"), content))
}

type Looked = (Found<Option<Arc<Report>>>, Vec<WrittenVersion>);

/// The ledger, verified; once a minute at most, and less often if it is long, whoever asks.
async fn look(pages: &Shared) -> Answer<Looked> {
    let shared = Arc::clone(pages);
    pages
        .ask(move |desk, now| -> Answer<Looked> {
            let versions = desk.versions()?;
            let report =
                shared.verified.get_or(now, || match ledger::verify_at(shared.records(), Evidence::default()) {
                    Ok(report) => Ok(Some(Arc::new(report))),
                    Err(ledger::LedgerError::None) => Ok(None),
                    Err(why) => {
                        tracing::warn!("the ledger can't be verified for a page: {why}");
                        Err(Refusal::Unreadable)
                    }
                })?;
            Ok((report, versions))
        })
        .await
}

/// How many recordings go when; looked up as seldom, whoever asks.
pub(crate) async fn going(pages: &Shared, asked: &Asked) -> Answer<Found<Arc<[Going]>>> {
    let (who, shared) = (asked.who()?, Arc::clone(pages));
    let (retention, calendar) = (pages.rules.retention, pages.rules.calendar.clone());
    pages
        .ask(move |desk, now| {
            let yesterday = calendar.day_of(now).yesterday().map_err(|_| Refusal::Busy)?;
            let today = calendar.end_of(yesterday);
            shared.going.get_or(now, || Ok(desk.going(&who, (retention, &calendar), today, now)?.into()))
        })
        .await
}

/// A sentence: all is well, or what was found.
fn answer(asked: &Asked, report: &Report, question: Question, (key, yes): (&str, &str)) -> Markup {
    let texts = asked.texts();
    let found: Vec<&Finding> = report.findings.iter().filter(|one| one.kind.question() == question).collect();
    let wrong = found.iter().filter(|one| !one.kind.is_notice()).count() as u64;
    html! {
        section.call.own aria-label=(texts.say(key)) {
            h2 { (texts.say(key)) }
            @if wrong > 0 {
                p.wrong { (texts.fill("check-wrong", [("count", wrong.into())])) }
            } @else {
                p.good { (texts.say(yes)) }
            }
            @if !found.is_empty() {
                details open[wrong > 0] {
                    summary { (texts.fill("check-found", [("count", (found.len() as u64).into())])) }
                    ul { @for one in found.iter().take(SHOWN_MAX) { li lang="en" { (one) } } }
                    @if found.len() > SHOWN_MAX { p.hint { (texts.say("check-more")) } }
                }
            }
        }
    }
}

/// Month by month, what can be said of the lottery.
fn lottery(asked: &Asked, report: &Report) -> Markup {
    let texts = asked.texts();
    html! {
        section.call.own {
            h2 { (texts.say("check-months")) }
            @if let Some(plot) = report.plot() {
                figure { (PreEscaped(plot)) figcaption.hint { (texts.say("check-plot")) } }
            }
            table.months {
                thead { tr { th scope="col" { (texts.say("check-month")) } th scope="col" { (texts.say("check-verdict")) } } }
                tbody {
                    @for month in &report.months {
                        tr {
                            th scope="row" { (month.month) }
                            td { (texts.say(&format!("verdict-{}", month.verdict.as_str()))) }
                        }
                    }
                }
            }
            @if !report.open_days.is_empty() { p.hint { (texts.say("check-open-days")) } }
        }
    }
}

/// What changed in the policy.
fn policy(pages: &Pages, asked: &Asked, versions: &[WrittenVersion]) -> Markup {
    let texts = asked.texts();
    let pairs = versions.iter().zip(versions.iter().skip(1));
    html! {
        section.call.own {
            h2 { (texts.say("check-policy")) }
            @if versions.len() < 2 { p.good { (texts.say("check-policy-same")) } }
            @for (before, after) in pairs.rev() {
                p {
                    strong { (frame::moment(asked, after.version.from, pages.zone())) } " "
                    (texts.fill("check-version", [("number", after.number.into())]))
                }
                ul {
                    @for Change { period, before, after, .. } in changes(&before.version.periods, &after.version.periods) {
                        li { code { (period.as_str()) } ": " (before) " → " (after) }
                    }
                    @if let (Some(before), Some(after)) = (&before.practice, &after.practice) {
                        @if before.one_in != after.one_in { li { code { "one_in" } ": " (before.one_in) " → " (after.one_in) } }
                    }
                }
            }
        }
    }
}

/// The day seals, and how to verify them on a laptop of one's own.
async fn heads(asked: &Asked, pages: &Shared) -> Answer<Markup> {
    let shared = Arc::clone(pages);
    let heads = pages.ask(move |_, _| ledger::heads_at(shared.records())).await.map_err(|_| Refusal::Unreadable)?;
    let texts = asked.texts();
    Ok(html! {
        section.call.own {
            h2 { (texts.say("check-heads")) }
            p { (texts.say("check-heads-why")) }
            @if heads.is_empty() { p.hint { (texts.say("check-no-heads")) } }
            ul.days {
                @for head in heads.iter().rev().take(31) {
                    li { a href=(format!("/check/heads/{}", head.day)) download=(format!("{}.head", head.day)) { (frame::day(asked, head.day)) } }
                }
            }
        }
    })
}

/// One day seal, as it was signed.
pub(crate) async fn head(State(pages): State<Shared>, Place(day): Place<String>) -> Answer<Response> {
    let day: jiff::civil::Date = day.parse().map_err(|_| Refusal::NoSuchPage)?;
    let shared = Arc::clone(&pages);
    let heads = pages.ask(move |_, _| ledger::heads_at(shared.records())).await.map_err(|_| Refusal::Unreadable)?;
    let head = heads.into_iter().rev().find(|head| head.day == day).ok_or(Refusal::NoSuchPage)?;
    let mut response = head.text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_ledger::FindingKind;

    #[test]
    fn every_question_has_findings_that_answer_it() {
        for (question, ..) in QUESTIONS {
            assert!(FindingKind::ALL.iter().any(|kind| kind.question() == question));
        }
    }
}
