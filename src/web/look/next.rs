//! "Next call": a reviewer hears the call whose turn it is, and says what came of it. Nobody's name is shown before.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use maud::{Markup, html};
use retrocall_records::desk::{
    Listening as _, Queue as _, QueueState, ReviewOutcome, Reviewed, Reviews as _, SkipReason, Sound, Turn,
};
use retrocall_words::{Word as _, retention::Period};

use super::{player, teaching};
use crate::{
    answer::{Answer, Refusal, on_to, shown},
    asked::Asked,
    frame,
    pages::{Pages, Shared},
};

/// Characters of a note.
const NOTE_CHARS_MAX: usize = 4_000;

/// Where in a call a place can be, in seconds.
pub(crate) const PLACES_SECONDS: std::ops::RangeInclusive<f64> = 0.0..=360_000.0;

/// The outcomes, in the order in which they stand on the page.
const OUTCOMES: [&str; 3] = ["no-finding", "learning-moment", "private-call"];

/// The call at hand, or how many wait.
pub(crate) async fn show(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    shown(at_hand(&pages, &asked, None).await?)
}

async fn at_hand(pages: &Shared, asked: &Asked, wrong: Option<&str>) -> Answer<maud::Markup> {
    let who = asked.who()?;
    let per_week = pages.rules.practice.review_per_week;
    let (turn, queue, sound) = pages
        .ask(move |desk, now| -> Answer<(Option<Turn>, QueueState, Option<Sound>)> {
            let turn = desk.at_hand(&who, now)?;
            let sound = turn.as_ref().map(|turn| desk.sound(&who, &turn.recording, now)).transpose()?;
            Ok((turn, desk.queue(&who, per_week, now)?, sound))
        })
        .await?;
    let texts = asked.texts();
    let content = html! {
        h1 { (texts.say("next-title")) }
        (of_queue(pages, asked, &queue))
        @match (&turn, &sound) {
            (Some(turn), Some(sound)) => (call(pages, asked, turn, sound, wrong)),
            _ => (waiting(asked, &queue)),
        }
    };
    Ok(frame::page(asked, &texts.say("next-title"), content))
}

/// How much of the queue can be heard, and what becomes of the rest (D1).
fn of_queue(pages: &Pages, asked: &Asked, queue: &QueueState) -> Markup {
    let texts = asked.texts();
    let QueueState { waiting, review_per_week, fit, beyond, rest_from } = queue;
    let rules = &pages.rules;
    let ends = rest_from.map(|from| rules.calendar.days_after(from, rules.retention.get(Period::QualityUnheard)));
    html! {
        @if review_per_week.is_some() && fit < waiting {
            p.hint {
                @match ends {
                    Some(ends) => (texts.fill("next-fit-until", [
                        ("fit", (*fit).into()), ("waiting", (*waiting).into()),
                        ("day", frame::day(asked, rules.calendar.day_of(ends)).into()),
                    ])),
                    None => (texts.fill("next-fit", [("fit", (*fit).into()), ("waiting", (*waiting).into())])),
                }
            }
        }
        @if *beyond > 0 {
            p.warning { (texts.fill("next-beyond", [("beyond", (*beyond).into()), ("one_in", rules.practice.one_in.into())])) }
        }
    }
}

/// Nobody has a call at hand.
fn waiting(asked: &Asked, queue: &QueueState) -> Markup {
    let texts = asked.texts();
    html! {
        section.notice {
            @if queue.waiting == 0 {
                h2 { (texts.say("next-none")) }
                p { (texts.say("next-none-why")) }
            } @else if asked.query.get("none").is_some() {
                h2 { (texts.say("next-none-for-you")) }
                p { (texts.say("next-none-for-you-why")) }
            } @else {
                h2 { (texts.fill("next-waiting", [("waiting", queue.waiting.into())])) }
                p { (texts.say("next-order")) }
                form method="post" action="/next" {
                    (frame::token(asked))
                    button.main type="submit" autofocus { (texts.say("next-listen")) }
                }
            }
        }
    }
}

fn call(pages: &Pages, asked: &Asked, turn: &Turn, sound: &Sound, wrong: Option<&str>) -> Markup {
    let texts = asked.texts();
    let began = frame::moment(asked, turn.start, pages.zone());
    html! {
        article.call {
            header {
                h2 { (texts.fill("next-call-of", [("moment", began.into()), ("length", frame::length(sound.seconds).into())])) }
                p.hint { (texts.say("next-names-hidden")) " " (texts.fill("next-behind", [("waiting", turn.waiting.into())])) }
            }
            (player::show(pages, asked, &turn.recording, sound, "/next", Some(&turn.review)))
            (outcomes(pages, asked, turn, wrong))
            (skipping(asked))
        }
    }
}

fn outcomes(pages: &Pages, asked: &Asked, turn: &Turn, wrong: Option<&str>) -> Markup {
    let texts = asked.texts();
    let chosen = asked.form.get("outcome");
    html! {
        form.outcomes method="post" action="/next/outcome" {
            (frame::token(asked))
            input type="hidden" name="recording" value=(turn.recording);
            fieldset {
                legend { (texts.say("next-outcome")) }
                @if let Some(wrong) = wrong { p.wrong role="alert" { (texts.say(wrong)) } }
                @for outcome in OUTCOMES {
                    label.choice {
                        input type="radio" name="outcome" value=(outcome) required checked[chosen == Some(outcome)];
                        strong { (texts.say(&format!("outcome-{outcome}"))) }
                        span.hint { (does(pages, asked, outcome)) }
                    }
                    @if outcome == "learning-moment" { (noting(asked)) }
                }
            }
            button.main type="submit" { (texts.say("next-decide")) }
        }
    }
}

/// What there is to learn, right under the outcome that it belongs to.
fn noting(asked: &Asked) -> Markup {
    let texts = asked.texts();
    html! {
        div.note {
            label { (texts.say("next-note"))
                textarea name="note" rows="3" maxlength=(NOTE_CHARS_MAX) { (asked.form.get("note").unwrap_or_default()) }
            }
            label { (texts.say("next-at"))
                input type="text" name="at" inputmode="numeric" placeholder="0:00" value=[asked.form.get("at")] data-at;
            }
        }
    }
}

/// What an outcome does, and when, by the periods of this desk.
fn does(pages: &Pages, asked: &Asked, outcome: &str) -> String {
    let of = |period| pages.rules.retention.get(period).into();
    let values = [("days", of(Period::QualityDispute)), ("months", of(Period::QualityMax))];
    asked.texts().fill(&format!("outcome-does-{outcome}"), values)
}

fn skipping(asked: &Asked) -> Markup {
    let texts = asked.texts();
    html! {
        details.skip {
            summary { (texts.say("next-skip")) }
            p.hint { (texts.say("next-skip-why")) }
            form method="post" action="/next/skip" {
                (frame::token(asked))
                select name="reason" aria-label=(texts.say("next-skip-reason")) required {
                    option value="" { (texts.say("next-skip-reason")) }
                    @for reason in SkipReason::ALL {
                        option value=(reason.as_str()) { (texts.say(&format!("skip-{}", reason.as_str()))) }
                    }
                }
                button type="submit" { (texts.say("next-skip-do")) }
            }
        }
    }
}

/// The call whose turn it is: handing it out is a deed.
pub(crate) async fn hand_out(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let turn = pages.ask(move |desk, now| desk.next(&who, None, now)).await?;
    // Others wait that this person has passed over, or that somebody else took in this moment.
    on_to(if turn.is_some() { "/next" } else { "/next?none=yes" })
}

pub(crate) async fn skip(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let reason = asked.form.get("reason").and_then(SkipReason::read).ok_or(Refusal::Incomplete)?;
    let who = asked.who()?;
    pages.ask(move |desk, now| desk.next(&who, Some(reason), now)).await?;
    on_to("/next")
}

/// The outcome of the call at hand. What deletes is asked for once more.
pub(crate) async fn decide(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let recording = asked.form.get("recording").ok_or(Refusal::Incomplete)?.to_owned();
    let word = asked.form.get("outcome").filter(|word| OUTCOMES.contains(word)).ok_or(Refusal::Incomplete)?;
    let outcome = match word {
        "learning-moment" => {
            let Some(note) = asked.form.text("note", NOTE_CHARS_MAX)? else {
                return unfinished(&pages, &asked, "next-note-missing").await;
            };
            let Ok(at_seconds) = asked.form.get("at").map(seconds).transpose() else {
                return unfinished(&pages, &asked, "next-at-wrong").await;
            };
            ReviewOutcome::LearningMoment { note, at_seconds }
        }
        "private-call" => ReviewOutcome::PrivateCall,
        _ => ReviewOutcome::NoFinding,
    };
    let deletes = !matches!(outcome, ReviewOutcome::LearningMoment { .. });
    if deletes && asked.form.get("sure").is_none() {
        return shown(ask_once(&pages, &asked, &recording, word));
    }
    let (who, of) = (asked.who()?, recording.clone());
    let reviewed = pages
        .ask(move |desk, now| -> Answer<Reviewed> {
            // Here calls are heard in their order: the one at hand is decided, and no other.
            let turn = desk.at_hand(&who, now)?.filter(|turn| turn.recording == of).ok_or(Refusal::NoSuchPage)?;
            Ok(desk.review(&who, &turn.recording, &outcome, now)?)
        })
        .await?;
    pages.plays.end(asked.browser(), &recording);
    shown(done(&asked, &recording, &reviewed, deletes))
}

/// The page again, with what is missing.
async fn unfinished(pages: &Shared, asked: &Asked, wrong: &str) -> Answer<Response> {
    let page = at_hand(pages, asked, Some(wrong)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Minutes and seconds, or seconds alone.
fn seconds(text: &str) -> Result<f64, ()> {
    let mut all = 0.0;
    for part in text.split(':') {
        let part: f64 = part.trim().replace(',', ".").parse().map_err(|_| ())?;
        if !PLACES_SECONDS.contains(&part) {
            return Err(());
        }
        all = all * 60.0 + part;
    }
    Ok(all)
}

fn ask_once(pages: &Pages, asked: &Asked, recording: &str, word: &str) -> Markup {
    let texts = asked.texts();
    let content = html! {
        section.notice {
            h1 { (texts.say("sure-title")) }
            p { (does(pages, asked, word)) " " (texts.say("sure-why")) }
            form.row method="post" action="/next/outcome" {
                (frame::token(asked))
                input type="hidden" name="recording" value=(recording);
                input type="hidden" name="outcome" value=(word);
                input type="hidden" name="sure" value="yes";
                button.main.danger type="submit" autofocus { (texts.say(&format!("outcome-{word}"))) }
                a.button href="/next" { (texts.say("sure-back")) }
            }
        }
    };
    frame::page(asked, &texts.say("sure-title"), content)
}

/// What came of it: now it is told whose call it was.
fn done(asked: &Asked, recording: &str, reviewed: &Reviewed, deletes: bool) -> Markup {
    let texts = asked.texts();
    let stays: Vec<String> = reviewed.stays_for.iter().map(|purpose| frame::purpose(asked, *purpose)).collect();
    let content = html! {
        section.notice {
            h1 { (texts.say("done-title")) }
            p { (texts.fill("done-agent", [("agent", (&*reviewed.agent).into())])) }
            p {
                @if !deletes { (texts.say("done-learning-moment")) }
                @else if stays.is_empty() { (texts.say("done-goes")) }
                @else { (texts.fill("done-stays", [("purposes", stays.join(", ").into())])) }
            }
            form method="post" action="/next" {
                (frame::token(asked))
                button.main type="submit" autofocus { (texts.say("next-listen")) }
            }
            @if !deletes { (teaching::proposing(asked, recording)) }
        }
    };
    frame::page(asked, &texts.say("done-title"), content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_call_is_typed_as_people_do() {
        for (text, found) in [("12", 12.0), ("1:02", 62.0), ("1:00:01,5", 3_601.5), (" 0:07 ", 7.0)] {
            assert_eq!(seconds(text), Ok(found), "{text}");
        }
        for text in ["", "a", "-1", "1:-2", "NaN", "inf", "1e9"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
